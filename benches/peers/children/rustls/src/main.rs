//! rustls 0.23, with ring or with aws-lc-rs.

use peers_common::{Chain, End, Group, Job, NAME, Peer, Session, measure, serve};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection};
use std::io::{BufRead, Write};
use std::sync::Arc;

fn main() {
    serve(|variant, job, chain| match variant {
        "ring" => measure::<Rustls<Ring>>(job, chain),
        _ => measure::<Rustls<AwsLc>>(job, chain),
    });
}

trait Source: 'static {
    fn provider(group: Group) -> Option<CryptoProvider>;
    fn ticketer() -> Arc<dyn rustls::server::ProducesTickets>;
}

struct Ring;

impl Source for Ring {
    fn provider(group: Group) -> Option<CryptoProvider> {
        let mut provider = ring::default_provider();
        provider.kx_groups = match group {
            Group::X25519 => vec![ring::kx_group::X25519],
            Group::X25519MlKem768 => return None,
        };
        Some(provider)
    }

    fn ticketer() -> Arc<dyn rustls::server::ProducesTickets> {
        ring::Ticketer::new().unwrap()
    }
}

struct AwsLc;

impl Source for AwsLc {
    fn provider(group: Group) -> Option<CryptoProvider> {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = match group {
            Group::X25519 => vec![aws_lc_rs::kx_group::X25519],
            Group::X25519MlKem768 => vec![aws_lc_rs::kx_group::X25519MLKEM768],
        };
        Some(provider)
    }

    fn ticketer() -> Arc<dyn rustls::server::ProducesTickets> {
        aws_lc_rs::Ticketer::new().unwrap()
    }
}

struct Rustls<S> {
    client: Arc<ClientConfig>,
    /// The first sends tickets of TLS 1.3, the second does not.
    servers: [Arc<ServerConfig>; 2],
    /// Tickets that the client has got: each serves once in TLS 1.3.
    left: usize,
    job: Job,
    source: std::marker::PhantomData<S>,
}

impl<S: Source> Peer for Rustls<S> {
    type Client = Ours<ClientConnection>;
    type Server = Ours<ServerConnection>;

    fn new(job: &Job, chain: &Chain) -> Result<Self, String> {
        let mut provider = S::provider(job.group).ok_or("the provider does not have the group")?;
        provider.cipher_suites.retain(|each| u16::from(each.suite()) == job.suite);
        let provider = Arc::new(provider);
        let versions: &[&rustls::SupportedProtocolVersion] =
            if job.version == 13 { &[&rustls::version::TLS13] } else { &[&rustls::version::TLS12] };

        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&chain.root).unwrap()).unwrap();
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if job.session == Session::Full {
            client.resumption = Resumption::disabled();
        }

        let sent: Vec<_> = CertificateDer::pem_slice_iter(&chain.chain).map(Result::unwrap).collect();
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(sent, PrivateKeyDer::from_pem_slice(&chain.key).unwrap())
            .map_err(|error| error.to_string())?;
        server.session_storage = match (job.version, job.session) {
            // Only a session by its identifier is resumed without a new ticket in TLS 1.2.
            (12, Session::Resumed) => ServerSessionMemoryCache::new(256),
            _ => Arc::new(NoServerSessionStorage {}),
        };
        if (job.version, job.session) != (12, Session::Resumed) && job.session != Session::Full {
            server.ticketer = S::ticketer();
        }
        let servers = [if job.session == Session::Renewed { 1 } else { 8 }, 0].map(|tickets| {
            let mut server = server.clone();
            server.send_tls13_tickets = tickets;
            Arc::new(server)
        });
        let source = std::marker::PhantomData;
        Ok(Self { client: Arc::new(client), servers, left: 0, job: job.clone(), source })
    }

    fn client(&mut self) -> Self::Client {
        self.left = self.left.saturating_sub(1);
        let name = ServerName::try_from(NAME).unwrap();
        Ours(ClientConnection::new(self.client.clone(), name).unwrap())
    }

    fn server(&mut self, tickets: bool) -> Self::Server {
        let config = &self.servers[usize::from(!tickets)];
        self.left += if tickets { config.send_tls13_tickets } else { 0 };
        Ours(ServerConnection::new(config.clone()).unwrap())
    }

    fn has_session(&self) -> bool {
        self.job.version == 12 || self.left > 0
    }
}

struct Ours<C>(C);

/// Both sides have the same methods, by no trait of their own.
macro_rules! end {
    ($side:ident) => {
        impl End for Ours<$side> {
            fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
                let mut rest = input.as_slice();
                while !rest.is_empty() {
                    self.0.read_tls(&mut rest).unwrap();
                    self.0.process_new_packets().unwrap();
                }
                input.clear();
                while self.0.wants_write() {
                    self.0.write_tls(output).unwrap();
                }
            }

            fn is_handshaking(&self) -> bool {
                self.0.is_handshaking()
            }

            fn is_resumed(&self) -> bool {
                self.0.handshake_kind() == Some(HandshakeKind::Resumed)
            }

            fn send(&mut self, mut data: &[u8], wire: &mut Vec<u8>) {
                while !data.is_empty() {
                    data = &data[self.0.writer().write(data).unwrap()..];
                    while self.0.wants_write() {
                        self.0.write_tls(wire).unwrap();
                    }
                }
            }

            fn receive(&mut self, wire: &mut Vec<u8>, _room: &mut [u8]) -> usize {
                let (mut arrived, mut rest) = (0, wire.as_slice());
                while !rest.is_empty() {
                    self.0.read_tls(&mut rest).unwrap();
                    let there = self.0.process_new_packets().unwrap().plaintext_bytes_to_read();
                    let mut taken = 0;
                    while taken < there {
                        let mut reader = self.0.reader();
                        let n = std::hint::black_box(reader.fill_buf().unwrap()).len();
                        reader.consume(n);
                        taken += n;
                    }
                    arrived += taken;
                }
                arrived
            }
        }
    };
}

end!(ClientConnection);
end!(ServerConnection);
