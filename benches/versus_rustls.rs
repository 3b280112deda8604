//! This crate next to rustls, both with ring, in the same run and with all else
//! equal: X25519, one chain that is really verified, the same buffers, no sockets.
//! Full handshakes send no tickets. Where a line says "remembering", this crate's
//! client remembers the chain's signature from the handshakes before, as it does
//! by default, and rustls verifies it each time. Where it says "resumed", both
//! resume by a ticket and send one new ticket; "resumed again" is without a new
//! one in TLS 1.2 (by a ticket that is good for longer here, by a session in the
//! server's memory there). `cargo bench --bench versus_rustls [rounds] [part of a line's name]`
//!
//! Lines of a floor have ring's cipher alone in the place of rustls: what is above
//! it is this crate's own work, and the two copies that a caller makes, its data
//! in and its records out.
//!
//! Short turns alternate, so that a slow moment of the machine meets both. What
//! counts is the ratio within a round: this crate's time by rustls's, below 1
//! where this crate is faster; its median and its least and greatest value over
//! the rounds are printed, and behind them the ratio of the fastest tenths.

#[path = "support/ours.rs"]
mod ours;

use ::ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ours::{Chain, Kind, NAME, Ours, Times, at_client, at_server};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, HandshakeKind, RootCertStore, ServerConfig,
    ServerConnection,
};
use std::cell::Cell;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Handshakes, with the suites of TLS 1.3 and 1.2.
const HANDSHAKES: [(&str, Kind, [u16; 2]); 5] = [
    ("full", Kind::Full, [0x1301, 0xc02b]),
    ("full RSA", Kind::Full, [0x1301, 0xc02f]),
    ("remembering", Kind::Remembering, [0x1301, 0xc02b]),
    ("resumed", Kind::Resumed, [0x1301, 0xc02b]),
    ("resumed again", Kind::ResumedAgain, [0x1301, 0xc02b]),
];

const SUITES: [(&str, u16); 6] = [
    ("TLS 1.3 AES-128-GCM", 0x1301),
    ("TLS 1.3 AES-256-GCM", 0x1302),
    ("TLS 1.3 ChaCha20-Poly1305", 0x1303),
    ("TLS 1.2 AES-128-GCM", 0xc02b),
    ("TLS 1.2 AES-256-GCM", 0xc02c),
    ("TLS 1.2 ChaCha20-Poly1305", 0xcca9),
];

/// Handshakes in a round, a turn each.
const IN_A_ROUND: usize = 200;

/// Bytes that are sent at once, how often in a turn, and turns in a round.
const CHUNK: usize = 64 * 1024;
const CHUNKS: u32 = 16;
const TURNS: usize = 100;

/// Content of the largest record.
const RECORD: usize = 16 * 1024;

/// Bytes that go back and forth, and how often in a turn.
const BALL: usize = 100;
const STROKES: u32 = 500;

struct Theirs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    resumes: bool,
    first: Cell<bool>,
}

impl Theirs {
    fn new(chain: &Chain, suite: u16, kind: Kind) -> Self {
        let mut provider: CryptoProvider = ring::default_provider();
        provider.cipher_suites.retain(|each| u16::from(each.suite()) == suite);
        provider.kx_groups = vec![ring::kx_group::X25519, ring::kx_group::SECP256R1];
        let provider = Arc::new(provider);
        let versions: &[&rustls::SupportedProtocolVersion] =
            if suite >> 8 == 0x13 { &[&rustls::version::TLS13] } else { &[&rustls::version::TLS12] };
        let mut roots = RootCertStore::empty();
        roots.add(chain.root.clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let resumes = matches!(kind, Kind::Resumed | Kind::ResumedAgain);
        client.resumption = if resumes { Resumption::in_memory_sessions(16) } else { Resumption::disabled() };
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain.leaf.clone()], chain.key())
            .unwrap();
        server.send_tls13_tickets = usize::from(resumes);
        server.session_storage = Arc::new(NoServerSessionStorage {});
        match kind {
            Kind::Resumed => server.ticketer = ring::Ticketer::new().unwrap(),
            Kind::ResumedAgain => server.session_storage = ServerSessionMemoryCache::new(16),
            Kind::Full | Kind::Remembering => {}
        }
        Self { client: Arc::new(client), server: Arc::new(server), resumes, first: Cell::new(true) }
    }

    fn connect(&self, times: &mut Times) -> (ClientConnection, ServerConnection) {
        let mut wire = Vec::with_capacity(8 * 1024);
        let mut client = at_client(times, || {
            let name = ServerName::try_from(NAME).unwrap();
            let mut client = ClientConnection::new(self.client.clone(), name).unwrap();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            client
        });
        let mut server = at_server(times, || ServerConnection::new(self.server.clone()).unwrap());
        while client.is_handshaking() || server.is_handshaking() {
            at_server(times, || {
                let mut rest = wire.as_slice();
                while !rest.is_empty() {
                    server.read_tls(&mut rest).unwrap();
                    server.process_new_packets().unwrap();
                }
                wire.clear();
                while server.wants_write() {
                    server.write_tls(&mut wire).unwrap();
                }
            });
            at_client(times, || {
                let mut rest = wire.as_slice();
                while !rest.is_empty() {
                    client.read_tls(&mut rest).unwrap();
                    client.process_new_packets().unwrap();
                }
                wire.clear();
                while client.wants_write() {
                    client.write_tls(&mut wire).unwrap();
                }
            });
        }
        let resumed = client.handshake_kind() == Some(HandshakeKind::Resumed);
        assert_eq!(resumed, self.resumes && !self.first.replace(false));
        assert!(wire.is_empty());
        (client, server)
    }
}

fn their_bulk(
    from: &mut ClientConnection,
    to: &mut ServerConnection,
    data: &[u8],
    wire: &mut Vec<u8>,
    times: &mut Times,
) -> usize {
    let start = Instant::now();
    their_send(from, data, wire);
    times.client += start.elapsed();
    let start = Instant::now();
    let arrived = their_receive(to, wire);
    times.server += start.elapsed();
    arrived
}

fn their_send<D>(from: &mut ConnectionCommon<D>, data: &[u8], wire: &mut Vec<u8>) {
    let mut rest = data;
    wire.clear();
    while !rest.is_empty() {
        rest = &rest[from.writer().write(rest).unwrap()..];
        while from.wants_write() {
            from.write_tls(wire).unwrap();
        }
    }
}

fn their_receive<D>(to: &mut ConnectionCommon<D>, mut wire: &[u8]) -> usize {
    let mut arrived = 0;
    while !wire.is_empty() {
        to.read_tls(&mut wire).unwrap();
        let there = to.process_new_packets().unwrap().plaintext_bytes_to_read();
        let mut taken = 0;
        while taken < there {
            let mut reader = to.reader();
            let n = std::hint::black_box(reader.fill_buf().unwrap()).len();
            reader.consume(n);
            taken += n;
        }
        arrived += taken;
    }
    arrived
}

/// The floor of records: ring's cipher by itself, on one window at a cache line.
struct Cipher {
    key: LessSafeKey,
    memory: Vec<u8>,
}

impl Cipher {
    fn new(suite: u16) -> Self {
        let algorithm = match suite {
            0x1301 | 0xc02b => &aead::AES_128_GCM,
            0x1302 | 0xc02c => &aead::AES_256_GCM,
            _ => &aead::CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, &[7; 32][..algorithm.key_len()]).unwrap();
        Self { key: LessSafeKey::new(key), memory: vec![0x5a; RECORD + 16 + 64] }
    }

    /// Seals and opens so many bytes.
    fn record(&mut self, content: usize, times: &mut Times) {
        let line = self.memory.as_ptr().align_offset(64);
        let bytes = &mut self.memory[line..line + content + 16];
        let nonce = || Nonce::assume_unique_for_key([7; 12]);
        let start = Instant::now();
        let aad = Aad::from([23, 3, 3, 0, 0]);
        let tag = self.key.seal_in_place_separate_tag(nonce(), aad, &mut bytes[..content]).unwrap();
        times.client += start.elapsed();
        bytes[content..].copy_from_slice(tag.as_ref());
        let start = Instant::now();
        let opened = self.key.open_in_place(nonce(), aad, bytes).unwrap();
        assert_eq!(std::hint::black_box(opened).len(), content);
        times.server += start.elapsed();
    }
}

/// What the turns of a round took: the median, for a turn that the machine
/// interrupted is far out, and the fastest tenth.
struct Round {
    median: Times,
    fastest: Times,
}

/// One round: many short turns of each, in alternating order.
fn round(turns: usize, mut ours: impl FnMut(&mut Times), mut theirs: impl FnMut(&mut Times)) -> [Round; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..turns {
        for which in [turn % 2, (turn + 1) % 2] {
            let mut taken = Times::default();
            match which {
                0 => ours(&mut taken),
                _ => theirs(&mut taken),
            }
            times[which].push(taken);
        }
    }
    times.map(|times| {
        let at = |place: usize| {
            let pick = |pick: fn(&Times) -> Duration| {
                let mut picked: Vec<_> = times.iter().map(pick).collect();
                picked.sort();
                picked[place]
            };
            Times { client: pick(Times::client), server: pick(Times::server) }
        };
        Round { median: at(turns / 2), fastest: at(turns / 20) }
    })
}

/// Prints one line: the medians of both, and of the ratio with its spread.
fn report(
    what: &str,
    side: &str,
    rounds: &[[Round; 2]],
    pick: fn(&Times) -> Duration,
    shown: impl Fn(f64) -> String,
) {
    let sorted = |value: &dyn Fn(&[Round; 2]) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let middle = |value: &dyn Fn(&[Round; 2]) -> f64| sorted(value)[rounds.len() / 2];
    let [ours, theirs] = [0, 1].map(|which: usize| middle(&|round| pick(&round[which].median).as_secs_f64()));
    let ratio = |ours: &Times, theirs: &Times| pick(ours).as_secs_f64() / pick(theirs).as_secs_f64();
    let ratios = sorted(&|[ours, theirs]| ratio(&ours.median, &theirs.median));
    let fastest = middle(&|[ours, theirs]| ratio(&ours.fastest, &theirs.fastest));
    println!(
        "{what:<28}{side:<10}{:>12}{:>12}   {:.3}  ({:.3} to {:.3})  {fastest:.3}",
        shown(ours),
        shown(theirs),
        ratios[rounds.len() / 2],
        ratios[0],
        ratios[rounds.len() - 1],
    );
}

fn main() {
    // `cargo bench` and `cargo test --benches` pass options of their own.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let rounds: u32 = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(9);
    assert!(rounds > 0);
    let named = |argument: &&String| !argument.starts_with('-') && argument.parse::<u32>().is_err();
    let part = arguments.iter().find(named).map_or("", String::as_str);
    let (chain, rsa) = (Chain::new(), Chain::rsa());
    println!(
        "{:<28}{:<10}{:>12}{:>12}   ratio, with its least and greatest of {rounds} rounds; of the fastest tenths",
        "", "", "handfast", "rustls"
    );

    for (what, kind, suites) in HANDSHAKES {
        for suite in suites {
            let version = if suite >> 8 == 0x13 { "TLS 1.3" } else { "TLS 1.2" };
            let what = format!("{version} {what}");
            // In TLS 1.3 there is no resuming without a new ticket.
            if !what.contains(part) || (kind == Kind::ResumedAgain && version == "TLS 1.3") {
                continue;
            }
            let chain = if what.ends_with("RSA") { &rsa } else { &chain };
            let (ours, theirs) = (Ours::with(chain, suite, kind), Theirs::new(chain, suite, kind));
            let one =
                || round(IN_A_ROUND, |times| drop(ours.connect(times)), |times| drop(theirs.connect(times)));
            one();
            let rounds: Vec<_> = (0..rounds).map(|_| one()).collect();
            let shown = |seconds: f64| format!("{:.1} us", seconds * 1e6);
            report(&what, "client", &rounds, Times::client, shown);
            report(&what, "server", &rounds, Times::server, shown);
        }
    }

    let data = vec![0x5a; CHUNK];
    for (name, suite) in SUITES.into_iter().filter(|(name, _)| name.contains(part)) {
        let (mut client, mut server) = Ours::new(&chain, suite).connect(&mut Times::default());
        let (mut their_client, mut their_server) =
            Theirs::new(&chain, suite, Kind::Full).connect(&mut Times::default());
        let (mut wire, mut their_wire) = (Vec::with_capacity(2 * CHUNK), Vec::with_capacity(2 * CHUNK));
        let mut cipher = Cipher::new(suite);
        let mut floor = |times: &mut Times| {
            (0..CHUNKS as usize * CHUNK / RECORD).for_each(|_| cipher.record(RECORD, times));
        };
        let mut one = |against: &mut dyn FnMut(&mut Times)| {
            let ours = |times: &mut Times| {
                for _ in 0..CHUNKS {
                    assert_eq!(ours::bulk(&mut client, &mut server, &data, &mut wire, times), CHUNK);
                }
            };
            round(TURNS, ours, against)
        };
        let mut theirs = |times: &mut Times| {
            for _ in 0..CHUNKS {
                let there = their_bulk(&mut their_client, &mut their_server, &data, &mut their_wire, times);
                assert_eq!(there, CHUNK);
            }
        };
        one(&mut theirs);
        let bytes = CHUNK as f64 * f64::from(CHUNKS);
        let shown = |seconds: f64| format!("{:.2} GB/s", bytes / seconds / 1e9);
        let to_theirs: Vec<_> = (0..rounds).map(|_| one(&mut theirs)).collect();
        let to_floor: Vec<_> = (0..rounds).map(|_| one(&mut floor)).collect();
        for (side, pick) in [("send", Times::client as fn(&Times) -> _), ("receive", Times::server)] {
            report(name, side, &to_theirs, pick, shown);
            report(&format!("{name}, floor"), side, &to_floor, pick, shown);
        }

        // A hundred bytes there and back, and nothing on the way.
        let ball = &data[..BALL];
        let mut one = |against: &mut dyn FnMut()| {
            let timed = |play: &mut dyn FnMut()| {
                let start = Instant::now();
                (0..STROKES).for_each(|_| play());
                Times { client: start.elapsed(), ..Times::default() }
            };
            let mut ours = || {
                ours::send(&mut client, ball, &mut wire);
                assert_eq!(ours::receive(&mut server, &wire), BALL);
                ours::send(&mut server, ball, &mut wire);
                assert_eq!(ours::receive(&mut client, &wire), BALL);
            };
            round(TURNS, |times| *times = timed(&mut ours), |times| *times = timed(against))
        };
        let mut theirs = || {
            their_send(&mut their_client, ball, &mut their_wire);
            assert_eq!(their_receive(&mut their_server, &their_wire), BALL);
            their_send(&mut their_server, ball, &mut their_wire);
            assert_eq!(their_receive(&mut their_client, &their_wire), BALL);
        };
        one(&mut theirs);
        let shown = |seconds: f64| format!("{:.0} ns", seconds * 1e9 / f64::from(STROKES));
        let rounds: Vec<_> = (0..rounds).map(|_| one(&mut theirs)).collect();
        report(name, "ping-pong", &rounds, Times::client, shown);
    }
}
