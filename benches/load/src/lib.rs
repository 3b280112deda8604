//! What the servers and the client of the load share, so that they differ in their
//! TLS and in nothing else.

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use std::error::Error;
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Whom the certificate is for.
pub const NAME: &str = "server.example";
/// Named as the field has them; each server has this one suite and this one group.
pub const SUITE: u16 = 0x1301;
/// The protocols of HTTP that a server takes, the preferred one first.
pub const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// Tickets after each handshake.
pub const TICKETS: u8 = 2;

/// What ends a program here.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Connections that wait to be accepted: none is refused.
const BACKLOG: u32 = 16 * 1024;

/// A library, as a server has it.
pub trait Tls: Send + Sync + Sized + 'static {
    type Stream: AsyncBufRead + AsyncWrite + Unpin + Send + 'static;

    /// `source` is the cryptography, where a library lets itself be told; `folder`
    /// has `chain.pem` and `key.pem`.
    fn new(source: &str, folder: &Path) -> Result<Self, Failure>;

    fn accept(&self, tcp: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Whether HTTP/2 was agreed on.
    fn is_http2(stream: &Self::Stream) -> bool;
}

/// A server's `main`: `PROGRAM SOURCE FOLDER http|echo`. Prints its port, and ends
/// when its input does.
pub fn serve<T: Tls>() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, folder, what] = arguments.as_slice() else { return Err("SOURCE FOLDER http|echo".into()) };
    let tls: &'static T = Box::leak(Box::new(T::new(source, &PathBuf::from(folder))?));
    let is_echo = what == "echo";
    end_with_input();
    // One processor: the driver gives it no more.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        println!("{}", listener.local_addr()?.port());
        // A listener is served by a worker, as connections are, and not by `block_on`.
        tokio::spawn(accept(tls, listener, is_echo)).await?
    })
}

async fn accept<T: Tls>(tls: &'static T, listener: TcpListener, is_echo: bool) -> Result<(), Failure> {
    let app = router();
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        // A connection that fails, as a generator of load cuts its last ones, is not told.
        match is_echo {
            true => drop(tokio::spawn(echo(tls, tcp))),
            false => drop(tokio::spawn(http(tls, tcp, app.clone()))),
        }
    }
}

async fn http<T: Tls>(tls: &'static T, tcp: TcpStream, app: Router) -> Result<(), Failure> {
    let stream = tls.accept(tcp).await?;
    let is_http2 = T::is_http2(&stream);
    let (stream, service) = (TokioIo::new(stream), TowerToHyperService::new(app));
    match is_http2 {
        true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await?,
        false => http1::Builder::new().serve_connection(stream, service).await?,
    }
    Ok(())
}

/// Nothing but TLS and tokio: no buffer is the application's while it waits.
async fn echo<T: Tls>(tls: &'static T, tcp: TcpStream) -> io::Result<()> {
    let mut stream = tls.accept(tcp).await?;
    loop {
        let received = stream.fill_buf().await?.to_vec();
        if received.is_empty() {
            return stream.shutdown().await;
        }
        stream.consume(received.len());
        stream.write_all(&received).await?;
        stream.flush().await?;
    }
}

/// The paths that are asked for.
pub const HELLO: &str = "/";
pub const KIB_64: &str = "/64k";
pub const MIB_1: &str = "/1m";

fn router() -> Router {
    static BODY: [u8; 1 << 20] = [b'x'; 1 << 20];
    Router::new()
        .route(HELLO, get(|| async { "Hello, world!" }))
        .route(KIB_64, get(|| async { Bytes::from_static(&BODY[..1 << 16]) }))
        .route(MIB_1, get(|| async { Bytes::from_static(&BODY) }))
}

/// Ends the process when the driver does, or no longer needs it.
fn end_with_input() {
    std::thread::spawn(|| {
        // A failed read is an end, too.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}
