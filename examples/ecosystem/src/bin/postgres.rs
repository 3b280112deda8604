//! PostgreSQL over this library, with the password proven to this server alone (SCRAM with
//! the channel binding `tls-server-end-point`):
//! `cargo run --manifest-path examples/ecosystem/Cargo.toml --bin postgres -- \
//!  "host=localhost user=postgres password=… sslmode=require channel_binding=require" CA.pem`.
//!
//! `Tls`, `Connect` and `Stream` are what `tokio-postgres` asks of a TLS library: copy them.

use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{AsyncTlsStream, ChannelBinding as Kind, ClientConfig, TlsConnector};
use std::error::Error;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::{env, io};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

type BoxError = Box<dyn Error + Send + Sync>;

/// Makes a connector for each host of a connection string.
#[derive(Clone)]
struct Tls(TlsConnector);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Stream<S>;
    type TlsConnect = Connect;
    type Error = BoxError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connect, BoxError> {
        Ok(Connect { connector: self.0.clone(), name: ServerName::try_from(host)?.to_owned() })
    }
}

struct Connect {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, tcp: S) -> Self::Future {
        Box::pin(async move { Ok(Stream(self.connector.connect(self.name, tcp).await?)) })
    }
}

struct Stream<S>(AsyncTlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let binding = self.0.connection().channel_binding(Kind::TlsServerEndPoint);
        binding.map_or_else(|_| ChannelBinding::none(), ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = query().await else { return ExitCode::SUCCESS };
    eprint!("{error}");
    // tokio-postgres tells the kind; what happened is below.
    let mut below = error.source();
    while let Some(error) = below {
        eprint!(": {error}");
        below = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

async fn query() -> Result<(), BoxError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, ca] = arguments.as_slice() else {
        return Err("usage: postgres \"host=… user=… sslmode=require channel_binding=require\" CA.pem".into());
    };
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(ca)?)?;
    // PostgreSQL 17 answers this name alone where TLS begins at once (sslnegotiation=direct).
    let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now).alpn(&[b"postgresql"])?;
    let (client, connection) = tokio_postgres::connect(server, Tls(TlsConnector::new(config))).await?;
    let connection = tokio::spawn(connection);
    let row = client
        .query_one("select ssl, version, cipher from pg_stat_ssl where pid = pg_backend_pid()", &[])
        .await?;
    let (ssl, version, cipher): (bool, String, String) = (row.get(0), row.get(1), row.get(2));
    println!("ssl: {ssl}, {version}, {cipher}");
    let length = 3_000_000;
    let row = client.query_one("select repeat('x', $1)", &[&length]).await?;
    println!("{} bytes came back", row.get::<_, String>(0).len());
    drop(client);
    connection.await??;
    Ok(())
}
