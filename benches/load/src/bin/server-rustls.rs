//! tokio-rustls with rustls 0.23, with ring or with aws-lc-rs.

use handfast_load::{ALPN, Failure, SUITE, TICKETS, Tls, serve};
use rustls::crypto::{aws_lc_rs, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

fn main() -> Result<(), Failure> {
    serve::<Rustls>()
}

struct Rustls(TlsAcceptor);

impl Tls for Rustls {
    type Stream = TlsStream<TcpStream>;

    fn new(source: &str, folder: &Path) -> Result<Self, Failure> {
        let (mut provider, group, ticketer) = match source {
            "ring" => (ring::default_provider(), ring::kx_group::X25519, ring::Ticketer::new()?),
            _ => (aws_lc_rs::default_provider(), aws_lc_rs::kx_group::X25519, aws_lc_rs::Ticketer::new()?),
        };
        provider.cipher_suites.retain(|each| u16::from(each.suite()) == SUITE);
        provider.kx_groups = vec![group];
        let chain = CertificateDer::pem_file_iter(folder.join("chain.pem"))?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"))?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider.into())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        config.ticketer = ticketer;
        config.send_tls13_tickets = TICKETS.into();
        Ok(Self(Arc::new(config).into()))
    }

    async fn accept(&self, tcp: TcpStream) -> io::Result<Self::Stream> {
        self.0.accept(tcp).await
    }

    fn is_http2(stream: &Self::Stream) -> bool {
        stream.get_ref().1.alpn_protocol() == Some(ALPN[0])
    }
}
