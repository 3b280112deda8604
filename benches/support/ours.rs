//! This crate's side of the benches: a chain that is really verified, X25519, no
//! client certificate, nothing in between.

#![allow(dead_code)] // each bench uses a part of it

use handfast::pki::{CertificateDer, PrivateKeyDer, Roots, ServerName, UnixTime, Verifier};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{
    ClientConfig, ClientSessions, Connection, Event, Identity, ServerConfig, TicketKey, TicketKeys,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const NAME: &str = "server.example";

/// A root, a leaf that it signed, and the leaf's key.
pub(crate) struct Chain {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Chain {
    /// All P-256.
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Self::of(KeyPair::generate().unwrap(), &key, der)
    }

    /// All RSA, of 2048 bits.
    pub(crate) fn rsa() -> Self {
        // PrivateKeyInfo (RFC 5958): version, algorithm, and the key as PKCS#1 has it.
        const BEFORE: &[u8] = b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
        let pkcs1 = include_bytes!("../../test-vectors/keys/rsa-2048.pkcs1.der");
        let long = |tag: u8, len: usize| [tag, 0x82, (len >> 8) as u8, len as u8];
        let before = [BEFORE, &long(4, pkcs1.len())].concat();
        let whole = [&long(0x30, before.len() + pkcs1.len()), &before[..], pkcs1].concat();
        let der = PrivateKeyDer::try_from(whole).unwrap();
        Self::of(KeyPair::try_from(&der).unwrap(), &KeyPair::try_from(&der).unwrap(), der)
    }

    fn of(issuer: KeyPair, leaf: &KeyPair, key: PrivateKeyDer<'static>) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "The authority of the benches");
        let issuer = CertifiedIssuer::self_signed(params, issuer).unwrap();
        let leaf = CertificateParams::new([NAME.to_owned()]).unwrap().signed_by(leaf, &issuer).unwrap();
        Self { root: issuer.der().clone(), leaf: leaf.der().clone(), key }
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

/// Which handshakes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Full ones.
    Full,
    /// Full ones of a client that remembers the chain's signatures from those before.
    Remembering,
    /// All but the first resume a session, and get a ticket for the next one.
    Resumed,
    /// The same, but a ticket of TLS 1.2 is good for the next time, too.
    ResumedAgain,
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

/// The client's part of a handshake. Both are functions that a profiler can tell apart.
#[inline(never)]
pub(crate) fn at_client<T>(times: &mut Times, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    times.client += start.elapsed();
    done
}

/// The server's part of a handshake.
#[inline(never)]
pub(crate) fn at_server<T>(times: &mut Times, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    times.server += start.elapsed();
    done
}

pub(crate) struct Ours {
    client: Arc<ClientConfig>,
    /// Two that share their ticket keys and encrypt with another one each: who goes
    /// from one to the other gets a new ticket each time.
    servers: [Arc<ServerConfig>; 2],
    turn: Cell<usize>,
    kind: Kind,
}

impl Ours {
    /// rustls verifies each signature each time: it is compared with what does not remember any.
    pub(crate) fn new(chain: &Chain, suite: u16) -> Self {
        Self::with(chain, suite, Kind::Full)
    }

    pub(crate) fn with(chain: &Chain, suite: u16, kind: Kind) -> Self {
        let version = if suite >> 8 == 0x13 { ProtocolVersion::TLS13 } else { ProtocolVersion::TLS12 };
        // The curve of the certificate must be among the groups in TLS 1.2 (RFC 8422
        // section 5.1); the first one is used.
        let (versions, suites) = ([version], [CipherSuite(suite)]);
        let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
        let mut roots = Roots::new();
        roots.add(chain.root.clone()).unwrap();
        let verifier = Verifier::web_pki(roots).remember_signatures(kind == Kind::Remembering);
        let mut client = ClientConfig::new(verifier, UnixTime::now);
        let resumes = matches!(kind, Kind::Resumed | Kind::ResumedAgain);
        if resumes {
            client = client.sessions(ClientSessions::new());
        }
        let client = client.suites(&suites).unwrap().groups(&groups).unwrap().versions(&versions).unwrap();
        let identity = Arc::new(Identity::new(vec![chain.leaf.clone()], &chain.key()).unwrap());
        let servers = [0, 1].map(|which| {
            let mut server = ServerConfig::new(identity.clone(), UnixTime::now).tickets_sent(1);
            if resumes {
                server = server.tickets(keys(which));
            }
            let server = server.suites(&suites).unwrap().groups(&groups).unwrap();
            Arc::new(server.versions(&versions).unwrap())
        });
        Self { client: Arc::new(client), servers, turn: Cell::new(0), kind }
    }

    /// A handshake, from the configurations to data in both directions being possible.
    pub(crate) fn connect(&self, times: &mut Times) -> (Connection, Connection) {
        let turn = self.turn.replace(self.turn.get() + 1);
        let which = if self.kind == Kind::Resumed { turn % 2 } else { 0 };
        let mut wire = Vec::with_capacity(8 * 1024);
        let mut client = at_client(times, || {
            let name = ServerName::try_from(NAME).unwrap();
            let mut client = Connection::client(&self.client, name).unwrap();
            write(&mut client, &mut wire);
            client
        });
        let mut server = at_server(times, || Connection::server(&self.servers[which]));
        while client.is_handshaking() || server.is_handshaking() {
            at_server(times, || turn_of(&mut server, &mut wire));
            at_client(times, || turn_of(&mut client, &mut wire));
        }
        assert!(wire.is_empty());
        assert_eq!(client.info().group, Some(NamedGroup::X25519));
        let resumes = turn > 0 && matches!(self.kind, Kind::Resumed | Kind::ResumedAgain);
        assert_eq!(server.info().resumed, resumes);
        (client, server)
    }
}

/// Of two keys, one encrypts.
fn keys(which: u64) -> TicketKeys {
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let ever = 1 << 40;
    let key = |n: u64| {
        let until = if n == which { ever } else { 1 };
        TicketKey::new([n as u8 + 1; 32], at(0), at(until), at(ever)).unwrap()
    };
    TicketKeys::shared([key(0), key(1)]).unwrap()
}

/// Takes what has come, and says what there is to say.
fn turn_of(side: &mut Connection, wire: &mut Vec<u8>) {
    read(side, wire);
    wire.clear();
    write(side, wire);
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
