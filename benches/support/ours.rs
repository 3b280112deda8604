//! This crate's side of the benches: a chain of P-256 certificates that is
//! really verified, X25519, no client certificate, nothing in between.

use handfast::pki::{CertificateDer, PrivateKeyDer, Roots, ServerName, UnixTime, Verifier};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{ClientConfig, Connection, Event, Identity, ServerConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const NAME: &str = "server.example";

/// A root, a leaf that it signed, and the leaf's key: all P-256.
pub(crate) struct Chain {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) leaf: CertificateDer<'static>,
    pub(crate) key: Vec<u8>,
}

impl Chain {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "The authority of the benches");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([NAME.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        Self { root: issuer.der().clone(), leaf: leaf.der().clone(), key: key.serialize_der() }
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.clone()).unwrap()
    }
}

/// Time that each side has used.
#[derive(Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) client: Duration,
    pub(crate) server: Duration,
}

impl Times {
    pub(crate) fn client(&self) -> Duration {
        self.client
    }

    pub(crate) fn server(&self) -> Duration {
        self.server
    }
}

pub(crate) struct Ours {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Ours {
    /// rustls verifies each signature each time: it is compared with what does not remember any.
    pub(crate) fn new(chain: &Chain, suite: u16) -> Self {
        Self::with(chain, suite, false)
    }

    pub(crate) fn with(chain: &Chain, suite: u16, remembers: bool) -> Self {
        let version = if suite >> 8 == 0x13 { ProtocolVersion::TLS13 } else { ProtocolVersion::TLS12 };
        // The curve of the certificate must be among the groups in TLS 1.2 (RFC 8422
        // section 5.1); the first one is used.
        let (versions, suites) = ([version], [CipherSuite(suite)]);
        let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
        let mut roots = Roots::new();
        roots.add(chain.root.clone()).unwrap();
        let verifier = Verifier::web_pki(roots).remember_signatures(remembers);
        let client = ClientConfig::new(verifier, UnixTime::now);
        let client = client.suites(&suites).unwrap().groups(&groups).unwrap().versions(&versions).unwrap();
        let identity = Identity::new(vec![chain.leaf.clone()], &chain.key()).unwrap();
        let server = ServerConfig::new(identity, UnixTime::now);
        let server = server.suites(&suites).unwrap().groups(&groups).unwrap().versions(&versions).unwrap();
        Self { client: Arc::new(client), server: Arc::new(server) }
    }

    /// A handshake, from the configurations to data in both directions being possible.
    pub(crate) fn connect(&self, times: &mut Times) -> (Connection, Connection) {
        let mut wire = Vec::with_capacity(8 * 1024);
        let start = Instant::now();
        let mut client = Connection::client(&self.client, ServerName::try_from(NAME).unwrap()).unwrap();
        write(&mut client, &mut wire);
        times.client += start.elapsed();

        let start = Instant::now();
        let mut server = Connection::server(&self.server);
        times.server += start.elapsed();
        while client.is_handshaking() || server.is_handshaking() {
            let start = Instant::now();
            read(&mut server, &wire);
            wire.clear();
            write(&mut server, &mut wire);
            times.server += start.elapsed();

            let start = Instant::now();
            read(&mut client, &wire);
            wire.clear();
            write(&mut client, &mut wire);
            times.client += start.elapsed();
        }
        assert!(wire.is_empty());
        assert_eq!(client.info().group, Some(NamedGroup::X25519));
        (client, server)
    }
}

fn write(from: &mut Connection, wire: &mut Vec<u8>) {
    while !from.pending().is_empty() {
        let n = from.pending().len();
        wire.extend_from_slice(from.pending());
        from.sent(n);
    }
}

fn read(to: &mut Connection, mut wire: &[u8]) {
    while !wire.is_empty() {
        wire = fill(to, wire);
        loop {
            match to.next().unwrap() {
                Event::NeedInput => break,
                Event::HandshakeDone => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Gives a part of these bytes to a connection; the rest.
fn fill<'a>(to: &mut Connection, wire: &'a [u8]) -> &'a [u8] {
    let mut space = to.space().unwrap();
    let n = space.len().min(wire.len());
    space[..n].copy_from_slice(&wire[..n]);
    space.filled(n);
    &wire[n..]
}

/// Sends `data` and takes it, once: time of each side, and bytes that arrived.
pub(crate) fn bulk(
    from: &mut Connection,
    to: &mut Connection,
    data: &[u8],
    wire: &mut Vec<u8>,
    times: &mut Times,
) -> usize {
    let start = Instant::now();
    send(from, data, wire);
    times.client += start.elapsed();
    let start = Instant::now();
    let arrived = receive(to, wire);
    times.server += start.elapsed();
    arrived
}

/// Seals `data`, in as many records as it takes.
pub(crate) fn send(from: &mut Connection, data: &[u8], wire: &mut Vec<u8>) {
    let mut rest = data;
    wire.clear();
    while !rest.is_empty() {
        rest = &rest[from.send(rest).unwrap()..];
        write(from, wire);
    }
}

/// Looks at all data in these records; how many bytes it is.
pub(crate) fn receive(to: &mut Connection, mut wire: &[u8]) -> usize {
    let mut arrived = 0;
    while !wire.is_empty() {
        wire = fill(to, wire);
        while let Event::Data(data) = to.next().unwrap() {
            let n = std::hint::black_box(data).len();
            arrived += n;
            to.consume(n);
        }
    }
    arrived
}
