//! The preview of rustls 0.24, with ring or with aws-lc-rs. There is no tokio-rustls
//! for it on crates.io: the adapter is the bench's own, and as sparing as can be. What
//! is received is opened in a buffer that all connections share, and of a connection
//! that waits there is nothing but its state.

use handfast_load::{ALPN, Failure, SUITE, TICKETS, Tls, serve};
use rustls24::crypto::Identity;
use rustls24::pki_types::pem::PemObject;
use rustls24::pki_types::{CertificateDer, PrivateKeyDer};
use rustls24::server::{ServerSide, Tls13Tickets};
use rustls24::{Connection, ServerConfig, SliceInput, Tcp};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

fn main() -> Result<(), Failure> {
    serve::<Rustls>()
}

struct Rustls(Arc<ServerConfig>);

impl Tls for Rustls {
    type Stream = Stream;

    fn new(source: &str, folder: &Path) -> Result<Self, Failure> {
        let (mut provider, group) = match source {
            "ring" => (rustls24_ring::DEFAULT_PROVIDER, rustls24_ring::kx_group::X25519),
            _ => (rustls24_aws_lc::DEFAULT_PROVIDER, rustls24_aws_lc::kx_group::X25519),
        };
        provider.tls12_cipher_suites.to_mut().clear();
        provider.tls13_cipher_suites.to_mut().retain(|each| u16::from(each.common.suite) == SUITE);
        provider.kx_groups = Cow::Owned(vec![group]);
        let provider = Arc::new(provider);
        let chain = CertificateDer::pem_file_iter(folder.join("chain.pem"))?.collect::<Result<_, _>>()?;
        let identity = Identity::from_cert_chain(chain).map_err(|error| format!("{error:?}"))?;
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"))?;
        let mut config = ServerConfig::builder(provider.clone())
            .with_no_client_auth()
            .with_single_cert(Arc::new(identity), key)?;
        config.alpn_protocols = ALPN.map(|name| name.to_vec().into()).to_vec();
        config.ticketer = Some(provider.ticketer_factory.ticketer()?);
        config.send_tls13_tickets = Tls13Tickets { default: TICKETS.into(), max: TICKETS.into() };
        Ok(Self(Arc::new(config)))
    }

    async fn accept(&self, tcp: TcpStream) -> io::Result<Stream> {
        let connection = Connection::<ServerSide, Tcp>::new(self.0.clone()).map_err(io::Error::other)?;
        let mut stream = Stream {
            connection,
            tcp,
            received: Vec::new(),
            opened: Vec::new(),
            taken: 0,
            sealed: Vec::new(),
            sent: 0,
            is_over: false,
        };
        std::future::poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    fn is_http2(stream: &Stream) -> bool {
        stream.connection.alpn_protocol().is_some_and(|name| name.as_ref() == ALPN[0])
    }
}

struct Stream {
    connection: Connection<ServerSide, Tcp>,
    tcp: TcpStream,
    /// What is not a whole record yet.
    received: Vec<u8>,
    opened: Vec<u8>,
    taken: usize,
    sealed: Vec<u8>,
    sent: usize,
    /// The peer says no more.
    is_over: bool,
}

/// The longest record, and as much again.
const ROOM: usize = 2 * (5 + (1 << 14) + 256);

/// What is sealed at once, as rustls 0.23 buffers it.
const SEALED_AT_ONCE: usize = 1 << 16;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; ROOM]);
}

impl Stream {
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.connection.is_handshaking() {
            ready!(self.poll_receive(cx))?;
            if self.is_over {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
        }
        self.poll_send(cx)
    }

    /// Reads once, and opens what is whole.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        SHARED.with_borrow_mut(|shared| {
            let before = self.received.len();
            shared[..before].copy_from_slice(&self.received);
            let mut room = ReadBuf::new(&mut shared[before..]);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut room))?;
            let n = room.filled().len();
            let input = &mut shared[..before + n];
            let mut slice = SliceInput::new(input);
            let handler = self.connection.read_tls(&mut slice, &mut self.sealed);
            let state = handler.handle_all(&mut self.opened).map_err(io::Error::other)?;
            self.is_over = n == 0 || state.peer_has_closed();
            let used = slice.into_used();
            self.received = input[used..].to_vec();
            Poll::Ready(Ok(()))
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.sealed.len() {
            self.sent += ready!(Pin::new(&mut self.tcp).poll_write(cx, &self.sealed[self.sent..]))?;
        }
        (self.sealed, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Stream {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.taken == this.opened.len() && !this.is_over {
            (this.opened, this.taken) = (Vec::new(), 0);
            ready!(this.poll_receive(cx))?;
        }
        Poll::Ready(Ok(&this.opened[this.taken..]))
    }

    fn consume(mut self: Pin<&mut Self>, n: usize) {
        self.taken += n;
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let data = ready!(self.as_mut().poll_fill_buf(cx))?;
        let n = data.len().min(buf.remaining());
        buf.put_slice(&data[..n]);
        self.consume(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let data = &data[..data.len().min(SEALED_AT_ONCE)];
        this.connection.write(data.into(), &mut this.sealed).map_err(io::Error::other)?;
        match this.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // What is left goes before the next data.
            _ => Poll::Ready(Ok(data.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Repeated, it says nothing again.
        this.connection.send_close_notify(&mut this.sealed).map_err(io::Error::other)?;
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}
