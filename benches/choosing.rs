//! What it costs to choose a certificate: `cargo bench --bench choosing`. The curve
//! over the number of certificates is to be flat, whatever a client sends.
//!
//! The ClientHello is the worst that this crate reads: nearly 64 KiB, all of it
//! signature schemes that nobody knows, but the last one. The key is elsewhere, so
//! that nothing is signed: the time is that of reading and choosing.

use handfast::pki::UnixTime;
use handfast::wire::{
    Body, CipherSuite, ClientExtensions, ClientHello, KeyShareEntry, List, NamedGroup, ProtocolVersion,
    SignatureScheme, Writer,
};
use handfast::{Connection, Event, Identity, Question, ServerConfig};
use rcgen::{CertificateParams, KeyPair};
use std::sync::Arc;
use std::time::{Duration, Instant};

const COUNTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const SCHEMES: usize = 29_000;
const SIGNED: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
/// Times that each is measured; the least is what it costs.
const TIMES: usize = 50;

fn main() {
    let key = KeyPair::generate().unwrap();
    let identities: Vec<_> = (0..COUNTS[COUNTS.len() - 1])
        .map(|n| Arc::new(identity(&key, &format!("host{n}.example"))))
        .collect();
    println!(
        "{:>14} {:>22} {:>22} {:>22}",
        "certificates", "TLS 1.3, named", "TLS 1.3, not named", "TLS 1.2, named"
    );
    let mut first = None;
    for count in COUNTS {
        let config = identities[1..count]
            .iter()
            .fold(ServerConfig::new(identities[0].clone(), UnixTime::now), |config, identity| {
                config.add_identity(identity.clone())
            });
        let config = Arc::new(config);
        let last = format!("host{}.example", count - 1);
        let times = [
            least(&config, &hello(ProtocolVersion::TLS13, &last)),
            least(&config, &hello(ProtocolVersion::TLS13, "nobody.example")),
            least(&config, &hello(ProtocolVersion::TLS12, &last)),
        ];
        let one = *first.get_or_insert(times);
        let cells = times.iter().zip(one).map(|(time, one)| {
            format!("{:>9} us, {:>5.2} times", time.as_micros(), time.as_secs_f64() / one.as_secs_f64())
        });
        println!("{count:>14} {}", cells.collect::<Vec<_>>().join(" "));
    }
}

fn identity(key: &KeyPair, name: &str) -> Identity {
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().self_signed(key).unwrap();
    Identity::with_key_elsewhere(vec![leaf.der().clone()], &[SIGNED]).unwrap()
}

/// The records of the ClientHello.
fn hello(version: ProtocolVersion, name: &str) -> Vec<u8> {
    let mut schemes: Vec<_> = (0..SCHEMES).map(|n| SignatureScheme(0xfe00 + (n % 256) as u16)).collect();
    schemes.push(SIGNED);
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    let shares = [KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[9; 32] }];
    let suites = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    let versions = [version];
    let tls13 = version == ProtocolVersion::TLS13;
    let mut message = Vec::new();
    let mut writer = Writer::new(&mut message);
    Body::ClientHello(ClientHello {
        legacy_version: ProtocolVersion::TLS12,
        random: &[7; 32],
        session_id: &[],
        cipher_suites: List::from(&suites),
        compression_methods: &[0],
        extensions: ClientExtensions {
            server_name: Some(name.as_bytes()),
            supported_groups: Some(List::from(&groups)),
            signature_algorithms: Some(List::from(&schemes[..])),
            supported_versions: Some(List::from(&versions)),
            key_share: tls13.then(|| List::from(&shares)),
            ..ClientExtensions::default()
        },
    })
    .encode(&mut writer);
    writer.finish().unwrap();
    let record =
        |part: &[u8]| [&[22, 3, 1][..], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    message.chunks(1 << 14).flat_map(record).collect()
}

fn least(config: &Arc<ServerConfig>, hello: &[u8]) -> Duration {
    (0..TIMES).map(|_| once(config, hello)).min().unwrap()
}

/// From the first byte to the question for a signature.
fn once(config: &Arc<ServerConfig>, mut hello: &[u8]) -> Duration {
    let mut server = Connection::server(config);
    let begun = Instant::now();
    loop {
        match server.next().unwrap() {
            Event::NeedInput => {}
            Event::Ask(Question::Sign { .. }) => return begun.elapsed(),
            other => panic!("{other:?}"),
        }
        let mut space = server.space().unwrap();
        let n = space.len().min(hello.len());
        assert!(n > 0, "the hello was not enough");
        space[..n].copy_from_slice(&hello[..n]);
        space.filled(n);
        hello = &hello[n..];
    }
}
