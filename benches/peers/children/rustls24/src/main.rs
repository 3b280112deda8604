//! The preview of rustls 0.24, with ring or with aws-lc-rs.

use peers_common::{Chain, End, Group, Job, NAME, Peer, Session, measure, serve};
use rustls::client::{ClientSide, Resumption};
use rustls::crypto::{CryptoProvider, Identity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, ServerSide, Tls13Tickets};
use rustls::{ClientConfig, Connection, HandshakeKind, RootCertStore, ServerConfig, SliceInput, Tcp};
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

/// The longest record that is sent here, with its header, its content type and its tag.
const RECORD: usize = 5 + (1 << 14) + 1 + 16;

fn main() {
    serve(|variant, job, chain| match variant {
        "ring" => measure::<Rustls<false>>(job, chain),
        _ => measure::<Rustls<true>>(job, chain),
    });
}

fn provider(aws: bool, job: &Job) -> Option<CryptoProvider> {
    let mut provider = if aws { rustls_aws_lc_rs::DEFAULT_PROVIDER } else { rustls_ring::DEFAULT_PROVIDER };
    provider.kx_groups = Cow::Owned(vec![match (job.group, aws) {
        (Group::X25519, true) => rustls_aws_lc_rs::kx_group::X25519,
        (Group::X25519, false) => rustls_ring::kx_group::X25519,
        (Group::X25519MlKem768, true) => rustls_aws_lc_rs::kx_group::X25519MLKEM768,
        (Group::X25519MlKem768, false) => return None,
    }]);
    // A provider without suites of a version does not do that version.
    provider.tls12_cipher_suites.to_mut().retain(|each| u16::from(each.common.suite) == job.suite);
    provider.tls13_cipher_suites.to_mut().retain(|each| u16::from(each.common.suite) == job.suite);
    Some(provider)
}

struct Rustls<const AWS: bool> {
    client: Arc<ClientConfig>,
    /// The first sends tickets of TLS 1.3, the second does not.
    servers: [Arc<ServerConfig>; 2],
    /// Tickets that the client has got: each serves once in TLS 1.3.
    left: usize,
    job: Job,
}

impl<const AWS: bool> Peer for Rustls<AWS> {
    type Client = Client;
    type Server = Server;

    fn new(job: &Job, chain: &Chain) -> Result<Self, String> {
        let provider = Arc::new(provider(AWS, job).ok_or("the provider does not have the group")?);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&chain.root).unwrap()).unwrap();
        let mut client = ClientConfig::builder(provider.clone())
            .with_root_certificates(roots)
            .with_no_client_auth()
            .map_err(|error| error.to_string())?;
        if job.session == Session::Full {
            client.resumption = Resumption::disabled();
        }

        let sent = CertificateDer::pem_slice_iter(&chain.chain).map(Result::unwrap).collect();
        let identity = Identity::from_cert_chain(sent).map_err(|error| format!("{error:?}"))?;
        let mut server = ServerConfig::builder(provider.clone())
            .with_no_client_auth()
            .with_single_cert(Arc::new(identity), PrivateKeyDer::from_pem_slice(&chain.key).unwrap())
            .map_err(|error| error.to_string())?;
        server.session_storage = match (job.version, job.session) {
            // Only a session by its identifier is resumed without a new ticket in TLS 1.2.
            (12, Session::Resumed) => ServerSessionMemoryCache::new(256),
            _ => Arc::new(NoServerSessionStorage {}),
        };
        if (job.version, job.session) != (12, Session::Resumed) && job.session != Session::Full {
            server.ticketer = Some(provider.ticketer_factory.ticketer().map_err(|error| error.to_string())?);
        }
        let servers = [if job.session == Session::Renewed { 1 } else { 8 }, 0].map(|tickets| {
            let mut server = server.clone();
            server.send_tls13_tickets = Tls13Tickets { default: tickets, max: tickets };
            Arc::new(server)
        });
        Ok(Self { client: Arc::new(client), servers, left: 0, job: job.clone() })
    }

    fn client(&mut self) -> Client {
        self.left = self.left.saturating_sub(1);
        let mut hello = Vec::new();
        let name = ServerName::try_from(NAME).unwrap();
        let connection = self.client.connect(name).build(&mut hello).unwrap();
        Client { connection, hello }
    }

    fn server(&mut self, tickets: bool) -> Server {
        let config = &self.servers[usize::from(!tickets)];
        self.left += if tickets { config.send_tls13_tickets.default } else { 0 };
        Server { connection: Connection::<ServerSide, Tcp>::new(config.clone()).unwrap(), hello: Vec::new() }
    }

    fn has_session(&self) -> bool {
        self.job.version == 12 || self.left > 0
    }
}

struct Client {
    connection: Connection<ClientSide, Tcp>,
    /// What the client said when it was made.
    hello: Vec<u8>,
}

struct Server {
    connection: Connection<ServerSide, Tcp>,
    hello: Vec<u8>,
}

/// The application's buffers, one of each for all connections: what was read from the
/// transport is opened there, and what is sent stands there until it is written. To
/// read and to write is one copy each, as for every other library.
#[derive(Default)]
struct Buffers {
    read: Vec<u8>,
    written: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// Both sides have the same methods.
macro_rules! end {
    ($side:ident) => {
        impl End for $side {
            fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
                output.append(&mut std::mem::take(&mut self.hello));
                self.take(input, output);
            }

            fn is_handshaking(&self) -> bool {
                self.connection.is_handshaking()
            }

            fn is_resumed(&self) -> bool {
                self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
            }

            fn send(&mut self, data: &[u8], wire: &mut Vec<u8>) {
                BUFFERS.with_borrow_mut(|Buffers { written, .. }| {
                    // In pieces of a record, so that what is copied is still in the cache.
                    for piece in data.chunks(16 * 1024) {
                        written.clear();
                        self.connection.write(piece.into(), written).unwrap();
                        wire.extend_from_slice(written);
                    }
                });
            }

            fn receive(&mut self, wire: &mut Vec<u8>, _room: &mut [u8]) -> usize {
                self.take(wire, &mut Vec::new())
            }
        }

        impl $side {
            fn take(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) -> usize {
                BUFFERS.with_borrow_mut(|Buffers { read, written }| {
                    written.clear();
                    read.clear();
                    read.extend_from_slice(input);
                    let mut arrived = 0;
                    let mut slice = SliceInput::new(read);
                    let mut messages = self.connection.read_tls(&mut slice, written);
                    while let Some(payload) = messages.next_payload() {
                        arrived += std::hint::black_box(payload.unwrap().bytes()).len();
                    }
                    drop(messages);
                    assert_eq!(slice.into_used(), input.len(), "something was left unread");
                    input.clear();
                    output.extend_from_slice(written);
                    arrived
                })
            }
        }
    };
}

end!(Client);
end!(Server);
