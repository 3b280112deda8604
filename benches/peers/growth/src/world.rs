//! Certificates, configurations, and connections in memory.

use handfast::pki::{CertificateDer, PrivateKeyDer, Roots, ServerName, UnixTime, Verifier};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{ClientConfig, Connection, Event, Identity, ServerConfig};
use peers_common::thread_time;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const NAME: &str = "server.example";

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority_of(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(crate) fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_of(name), KeyPair::generate().unwrap()).unwrap()
}

pub(crate) fn below(name: &str, issuer: &Authority) -> Authority {
    CertifiedIssuer::signed_by(authority_of(name), KeyPair::generate().unwrap(), issuer).unwrap()
}

/// The server's certificate, issued by this authority, with `above` behind it.
pub(crate) fn identity(issuer: &Authority, above: &[&Authority]) -> Identity {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([NAME.to_owned()]).unwrap().signed_by(&key, issuer).unwrap();
    let above = above.iter().map(|authority| authority.der().clone());
    let chain: Vec<CertificateDer<'static>> = std::iter::once(leaf.der().clone()).chain(above).collect();
    Identity::new(chain, &PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap()
}

pub(crate) fn client(
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
    version: ProtocolVersion,
) -> ClientConfig {
    let mut trusted = Roots::new();
    for root in roots {
        trusted.add(root).unwrap();
    }
    let verifier = Verifier::web_pki(trusted).remember_signatures(false);
    let config = ClientConfig::new(verifier, UnixTime::now).versions(&[version]).unwrap();
    config.suites(&[suite(version)]).unwrap().groups(&GROUPS).unwrap()
}

pub(crate) fn server(identity: Identity, version: ProtocolVersion) -> ServerConfig {
    let config = ServerConfig::new(identity, UnixTime::now).versions(&[version]).unwrap();
    config.suites(&[suite(version)]).unwrap().groups(&GROUPS).unwrap()
}

const GROUPS: [NamedGroup; 2] = [NamedGroup::X25519, NamedGroup::SECP256R1];

fn suite(version: ProtocolVersion) -> CipherSuite {
    CipherSuite(if version == ProtocolVersion::TLS13 { 0x1301 } else { 0xc02b })
}

/// A handshake: both sides, and the processor's time of each.
pub(crate) fn connect(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> (Connection, Connection, [Duration; 2]) {
    let mut wire = Vec::with_capacity(16 * 1024);
    let mut times = [Duration::ZERO; 2];
    let start = thread_time();
    let mut client = Connection::client(client, ServerName::try_from(name).unwrap()).unwrap();
    write(&mut client, &mut wire);
    times[0] += thread_time() - start;
    let mut server = Connection::server(server);
    while client.is_handshaking() || server.is_handshaking() || !wire.is_empty() {
        for (side, end) in [(1, &mut server), (0, &mut client)] {
            let start = thread_time();
            read(end, &wire).unwrap();
            wire.clear();
            write(end, &mut wire);
            times[side] += thread_time() - start;
        }
    }
    (client, server, times)
}

pub(crate) fn write(from: &mut Connection, wire: &mut Vec<u8>) {
    while !from.pending().is_empty() {
        let n = from.pending().len();
        wire.extend_from_slice(from.pending());
        from.sent(n);
    }
}

/// Takes all of this, and counts the data in it.
pub(crate) fn read(to: &mut Connection, mut wire: &[u8]) -> Result<usize, handfast::Error> {
    let mut arrived = 0;
    while !wire.is_empty() {
        let Some(mut space) = to.space() else { panic!("no room") };
        let n = space.len().min(wire.len());
        space[..n].copy_from_slice(&wire[..n]);
        space.filled(n);
        wire = &wire[n..];
        loop {
            match to.next()? {
                Event::NeedInput => break,
                Event::HandshakeDone => {}
                Event::Data(data) => {
                    let n = std::hint::black_box(data).len();
                    arrived += n;
                    to.consume(n);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    Ok(arrived)
}
