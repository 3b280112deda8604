//! This library, with the sources of cryptography that it was built with.

use handfast::pki::UnixTime;
use handfast::wire::{CipherSuite, NamedGroup};
use handfast::{AsyncTlsStream, Identity, ServerConfig, TicketKeys, TlsAcceptor};
use handfast_load::{ALPN, Failure, SUITE, TICKETS, Tls, serve};
use std::fs;
use std::io;
use std::path::Path;
use tokio::net::TcpStream;

fn main() -> Result<(), Failure> {
    serve::<Handfast>()
}

struct Handfast(TlsAcceptor);

impl Tls for Handfast {
    type Stream = AsyncTlsStream<TcpStream>;

    fn new(_source: &str, folder: &Path) -> Result<Self, Failure> {
        let file = |name| fs::read(folder.join(name));
        let identity = Identity::from_pem(&file("chain.pem")?, &file("key.pem")?)?;
        let config = ServerConfig::new(identity, UnixTime::now)
            .suites(&[CipherSuite(SUITE)])?
            .groups(&[NamedGroup::X25519])?
            .alpn(&ALPN)?
            .tickets(TicketKeys::random())
            .tickets_sent(TICKETS);
        Ok(Self(TlsAcceptor::new(config)))
    }

    async fn accept(&self, tcp: TcpStream) -> io::Result<Self::Stream> {
        self.0.accept(tcp).await
    }

    fn is_http2(stream: &Self::Stream) -> bool {
        stream.info().alpn.as_deref() == Some(ALPN[0])
    }
}
