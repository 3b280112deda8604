//! No secret that this crate made is left in memory that it has freed: an
//! allocator keeps a copy of each freed block, and the copies are searched for
//! all secrets of the connections that were made.

#[path = "freed/needles.rs"]
mod needles;
#[cfg(unix)]
#[path = "freed/streams.rs"]
mod streams;
#[path = "freed/talk.rs"]
mod talk;

use freed_blocks::{Allocator, Freed, aside, freed_by};
use handfast::pki::{PrivateKeyDer, UnixTime, Verifier};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{
    ClientAuth, ClientConfig, ClientSessions, Connection, EarlyData, EarlyReason, Identity, Judge, KeyLog,
    PreSharedKey, ReplayRegister, Replays, ServerConfig, TicketKey, TicketKeys, limits,
};
use needles::{EXPORTED, Needles};
use rcgen::{CertificateParams, KeyPair};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use talk::{Mishap, NAME, Talk, exchange_halves};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// A self-signed certificate for [`NAME`] and many others, and its P-256 key.
static KEY: LazyLock<(handfast::pki::CertificateDer<'static>, KeyPair)> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([NAME.to_owned(), "*.hosts.example".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().der().clone(), key)
});

static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| {
    let key = PrivateKeyDer::try_from(KEY.1.serialize_der()).unwrap();
    Arc::new(Identity::new(vec![KEY.0.clone()], &key).unwrap())
});

fn client() -> ClientConfig {
    ClientConfig::new(Verifier::exactly(KEY.0.clone()), UnixTime::now)
}

fn server() -> ServerConfig {
    ServerConfig::new(IDENTITY.clone(), UnixTime::now)
}

fn is_clean(what: &str, freed: &Freed, needles: &Needles) {
    let needles = needles.all();
    assert!(freed.blocks().count() > 10 && needles.len() > 1, "{what}: nothing was looked at");
    let found = freed.find(needles.iter().map(|(name, secret)| (&**name, &**secret)));
    assert!(found.is_empty(), "{what}: in freed memory there is left: {found:#?}");
}

#[test]
fn what_is_not_wiped_is_found() {
    let secret = handfast::sha256(b"a secret");
    for (what, plant) in [
        ("dropped", (|secret| drop(secret.to_vec())) as fn(&[u8; 32])),
        ("grown", |secret| {
            let mut grown = Vec::with_capacity(32);
            grown.extend_from_slice(secret);
            grown.reserve_exact(1000);
            grown.fill(0);
        }),
        ("a piece of it", |secret| drop([&[1, 2, 3], &secret[7..15]].concat())),
        ("moved out of its box", |secret| {
            let mut moved = *Box::new(*secret);
            moved.fill(0);
            std::hint::black_box(&mut moved);
        }),
    ] {
        let found = freed_by(|| plant(&secret)).find([("planted", &secret[..])]);
        assert!(found.iter().any(|(name, _)| *name == "planted"), "{what}");
    }
    let wiped = freed_by(|| {
        let mut wiped = secret.to_vec();
        wiped.fill(0);
        std::hint::black_box(&mut wiped);
    });
    assert!(wiped.blocks().count() > 0 && wiped.find([("wiped", &secret[..])]).is_empty());
    assert!(freed_by(|| aside(|| drop(secret.to_vec()))).find([("aside", &secret[..])]).is_empty());
}

/// What [`fates`] leave.
fn every_fate(what: &str, client: ClientConfig, server: ServerConfig) {
    let needles = Arc::new(Needles::default());
    let freed = freed_by(|| fates(what, &Arc::new(client), &Arc::new(server), &needles));
    is_clean(what, &freed, &needles);
}

/// All that connections do, and all that may befall them: cut, or altered, at
/// each of their records.
fn fates(what: &str, client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, needles: &Arc<Needles>) {
    let mut talk = Talk::handshake(client, server, needles, Mishap::None);
    assert!(talk.is_connected(), "{what}");
    let records = talk.records;
    live(&mut talk);
    drop(talk);
    for record in 0..records {
        let cut = Talk::handshake(client, server, needles, Mishap::Cut(record));
        // Its last flight need not arrive for one of them to be connected.
        assert!(!cut.is_connected() || record + 3 > records, "{what}: {record} of {records}");
        drop(cut);
        drop(Talk::handshake(client, server, needles, Mishap::Alter(record)));
    }
}

/// Data, rest, exported keys, key updates, moves.
fn live(talk: &mut Talk) {
    talk.exchange();
    talk.client.rest();
    talk.server.rest();
    talk.exchange();
    for connection in [&mut talk.client, &mut talk.server] {
        if connection.info().version == Some(ProtocolVersion::TLS13)
            || connection.info().extended_master_secret
        {
            connection.export(EXPORTED, Some(b"context"), &mut [0; 32]).unwrap();
        }
    }
    if talk.client.info().version == Some(ProtocolVersion::TLS13) {
        talk.client.update_keys(true).unwrap();
        talk.exchange();
        talk.server.update_keys(false).unwrap();
        talk.exchange();
    }
}

const TLS13: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

const TLS12: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

#[test]
fn full_handshakes() {
    for suite in TLS13.into_iter().chain(TLS12) {
        every_fate(&suite.to_string(), client().suites(&[suite]).unwrap(), server());
    }
}

#[test]
fn client_certificates_on_request() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let client = client().versions(&[version]).unwrap();
        let asking = || server().client_auth(ClientAuth::Request(Judge::Application));
        every_fate("with one", client.identity(IDENTITY.clone()), asking());
        every_fate("without one", self::client().versions(&[version]).unwrap(), asking());
    }
}

#[test]
fn a_retry_with_and_without_a_cookie() {
    let client = || client().groups(&[NamedGroup::X25519, NamedGroup::SECP384R1]).unwrap();
    let server = || server().groups(&[NamedGroup::SECP384R1]).unwrap();
    every_fate("retry", client(), server());
    every_fate("cookie", client(), server().retry_cookie(handfast::sha256(b"a cookie's key")).unwrap());
}

#[test]
fn without_extended_master_secret() {
    let client = client().versions(&[ProtocolVersion::TLS12]).unwrap();
    every_fate("classic", client.without_extended_master_secret(), server());
}

/// A server's configuration with ticket keys that are known here.
fn with_tickets(needles: &Needles) -> ServerConfig {
    let secret = handfast::sha256(b"a key for tickets");
    needles.add("a ticket key", &secret);
    let at = |days: i64| {
        let now = UnixTime::now().as_secs();
        UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add_signed(days * 24 * 3600)))
    };
    server().tickets(TicketKeys::shared([TicketKey::new(secret, at(-1), at(1), at(2)).unwrap()]).unwrap())
}

#[test]
fn sessions() {
    for suite in TLS13.into_iter().chain(TLS12) {
        let what = format!("resumed: {suite}");
        let needles = Arc::new(Needles::default());
        let server = Arc::new(with_tickets(&needles));
        let freed = freed_by(|| {
            let sessions = Arc::new(ClientSessions::new());
            let client = Arc::new(client().suites(&[suite]).unwrap().sessions(sessions.clone()));
            let full = Talk::handshake(&client, &server, &needles, Mishap::None);
            assert!(full.is_connected() && !sessions.is_empty(), "{what}");
            drop(full);
            let mut resumed = Talk::handshake(&client, &server, &needles, Mishap::None);
            assert!(resumed.is_connected() && resumed.client.info().resumed, "{what}");
            live(&mut resumed);
            for record in 0..resumed.records {
                // Whatever was used up is made again.
                drop(Talk::handshake(&client, &server, &needles, Mishap::None));
                drop(Talk::handshake(&client, &server, &needles, Mishap::Cut(record)));
                drop(Talk::handshake(&client, &server, &needles, Mishap::None));
                drop(Talk::handshake(&client, &server, &needles, Mishap::Alter(record)));
            }
            sessions.clear();
        });
        is_clean(&what, &freed, &needles);
    }
}

/// Early data that is taken, at once or when somebody has answered, and early data that
/// is lost.
#[test]
fn early_data() {
    let beside: Takes = |server, register| server.early_data(16_384, register.clone());
    let asked: Takes = |server, _| server.early_data(16_384, Replays::Asked);
    let beside_another: Takes = |server, _| server.early_data(16_384, ReplayRegister::new());
    let retries: Takes = |server, register| {
        server.early_data(16_384, register.clone()).groups(&[NamedGroup::SECP384R1]).unwrap()
    };
    for suite in TLS13 {
        early_data_of(suite, [beside, beside], EarlyData::Accepted);
        early_data_of(suite, [asked, asked], EarlyData::Accepted);
        early_data_of(suite, [beside, beside_another], EarlyData::Rejected(EarlyReason::OtherRegister));
        early_data_of(suite, [beside, retries], EarlyData::Rejected(EarlyReason::Retried));
    }
}

/// How a server takes early data.
type Takes = fn(ServerConfig, &Arc<ReplayRegister>) -> ServerConfig;

/// A client gets its sessions from one server, and brings them to another.
fn early_data_of(suite: CipherSuite, servers: [Takes; 2], outcome: EarlyData) {
    let what = format!("{outcome:?} early data: {suite}");
    let needles = Arc::new(Needles::default());
    let freed = freed_by(|| {
        let register = Arc::new(ReplayRegister::new());
        let [first, second] = servers.map(|takes| Arc::new(takes(with_tickets(&needles), &register)));
        let config = client().suites(&[suite]).unwrap().sessions(ClientSessions::new()).early_data();
        let groups = [NamedGroup::X25519, NamedGroup::SECP384R1];
        let client = Arc::new(config.groups(&groups).unwrap());
        let session = || drop(Talk::handshake(&client, &first, &needles, Mishap::None));
        session();
        let mut early = Talk::early(&client, &second, &needles, Mishap::None);
        assert!(early.is_connected(), "{what}");
        assert_eq!(early.server.info().early_data, outcome, "{what}");
        live(&mut early);
        for record in 0..early.records {
            for mishap in [Mishap::Cut(record), Mishap::Alter(record)] {
                session();
                drop(Talk::early(&client, &second, &needles, mishap));
            }
        }
    });
    let heard = needles.all();
    for name in ["client_early_traffic_secret", "early_exporter_master_secret"] {
        assert!(heard.iter().any(|(heard, _)| heard == name), "{what}: {name} is not looked for");
    }
    is_clean(&what, &freed, &needles);
}

/// Keys from outside of TLS, as they are and imported, beside a key exchange and alone;
/// and sessions that begin with them.
#[test]
fn pre_shared_keys() {
    type Make = fn(&[u8]) -> PreSharedKey;
    let identity = b"a device";
    let context = b"a device calls";
    let makes: [(&str, Make); 2] = [
        ("external", |secret| PreSharedKey::external(b"a device", secret).unwrap()),
        ("imported", |secret| PreSharedKey::imported(b"a device", secret, b"a device calls").unwrap()),
    ];
    for (kind, make) in makes {
        for suite in TLS13 {
            if kind == "external" && suite == CipherSuite::TLS_AES_256_GCM_SHA384 {
                continue; // its hash is not the key's
            }
            for alone in [false, true] {
                let what = format!("{kind} key, {suite}, alone: {alone}");
                let needles = Arc::new(Needles::default());
                let secret = handfast::sha256(b"what two sides were given");
                needles.add_pre_shared(identity, &secret, context);
                let freed = freed_by(|| {
                    let client = ClientConfig::with_pre_shared_key(make(&secret), UnixTime::now).unwrap();
                    let server = ServerConfig::with_pre_shared_keys(make(&secret), UnixTime::now);
                    let (client, server) =
                        if alone { (client.allow_psk_ke(), server.allow_psk_ke()) } else { (client, server) };
                    let client = client.suites(&[suite]).unwrap();
                    let server = Arc::new(server.tickets(TicketKeys::random()));
                    fates(&what, &Arc::new(client.clone()), &server, &needles);
                    let client = Arc::new(client.sessions(ClientSessions::new()));
                    for resumed in [false, true] {
                        let talk = Talk::handshake(&client, &server, &needles, Mishap::None);
                        assert_eq!(talk.client.info().resumed, resumed, "{what}");
                    }
                });
                is_clean(&what, &freed, &needles);
            }
        }
    }
}

/// A client's store that grows, and from which old sessions are pushed out.
#[test]
fn a_store_of_sessions() {
    let needles = Arc::new(Needles::default());
    let server = Arc::new(with_tickets(&needles));
    let freed = freed_by(|| {
        let sessions = Arc::new(ClientSessions::new());
        let policies =
            |n: u8| Verifier::exactly(KEY.0.clone()).and_pins((0..n).map(|pin| [pin; 32]).chain([pin()]));
        for round in 0..12 {
            let config = ClientConfig::new(policies(round % 6), UnixTime::now).sessions(sessions.clone());
            let config = Arc::new(config);
            for _ in 0..3 {
                assert!(Talk::handshake(&config, &server, &needles, Mishap::None).is_connected());
            }
        }
        assert!(sessions.len() > 10);
    });
    is_clean("store", &freed, &needles);
}

/// What leaves the process, and what comes of it in another one.
#[test]
fn exported_sessions() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let needles = Arc::new(Needles::default());
        let server = Arc::new(with_tickets(&needles));
        let key = handfast::sha256(b"a key for exports");
        needles.add("a key for exports", &key);
        let freed = freed_by(|| {
            let sessions = Arc::new(ClientSessions::new());
            let config = |sessions: &Arc<ClientSessions>| {
                Arc::new(client().versions(&[version]).unwrap().sessions(sessions.clone()))
            };
            drop(Talk::handshake(&config(&sessions), &server, &needles, Mishap::None));
            let now = UnixTime::now();
            let (clear, sealed) = (sessions.export(now), sessions.export_sealed(&key, now).unwrap());
            assert!(clear.sessions() > 0 && sealed.sessions() > 0);
            let other = Arc::new(ClientSessions::new());
            assert!(other.import(clear.as_ref(), now).unwrap().kept > 0);
            other.clear();
            assert!(other.import_sealed(sealed.as_ref(), &key, now).unwrap().kept > 0);
            let resumed = Talk::handshake(&config(&other), &server, &needles, Mishap::None);
            assert!(resumed.client.info().resumed, "{version}");
            // What is refused leaves nothing, either.
            let mut altered = sealed.as_ref().to_vec();
            *altered.last_mut().unwrap() ^= 1;
            assert!(other.import_sealed(&altered, &key, now).is_err());
            // Its sum is right, and its last session is not: all before it was read.
            let altered = aside(|| {
                let mut altered = clear.as_ref().to_vec();
                let end = altered.len() - 32;
                altered[end - 1] ^= 0xff;
                let sum = handfast::sha256(&altered[..end]);
                altered[end..].copy_from_slice(&sum);
                altered
            });
            assert!(other.import(&altered, now).is_err());
            aside(|| drop(altered));
        });
        is_clean(&format!("exported: {version}"), &freed, &needles);
    }
}

/// A client's store that is full: of one name's sessions, and of names.
#[test]
fn sessions_that_are_pushed_out() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let needles = Arc::new(Needles::default());
        let server = |tickets| Arc::new(with_tickets(&needles).tickets_sent(tickets));
        let (one, many) = (server(1), server(limits::TICKETS_KEPT));
        let freed = freed_by(|| {
            let sessions = Arc::new(ClientSessions::new());
            let config = client().versions(&[version]).unwrap().sessions(sessions.clone());
            let config = Arc::new(config);
            for _ in 0..3 {
                drop(Talk::handshake(&config, &many, &needles, Mishap::None));
            }
            let kept = if version == ProtocolVersion::TLS13 { usize::from(limits::TICKETS_KEPT) } else { 1 };
            assert_eq!(sessions.len(), kept, "{version}");
            for number in 0..limits::SESSION_NAMES + 3 {
                let name = format!("host{number}.hosts.example");
                assert!(Talk::handshake_with(&name, &config, &one, &needles).is_connected());
            }
            assert_eq!(sessions.len(), limits::SESSION_NAMES, "{version}");
            sessions.clear();
            assert!(sessions.is_empty());
        });
        is_clean(&format!("pushed out: {version}"), &freed, &needles);
    }
}

fn pin() -> [u8; 32] {
    handfast::pki::spki_sha256(&KEY.0).unwrap()
}

/// What owns a connection may move it as it likes.
#[test]
fn connections_that_are_moved() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let needles = Arc::new(Needles::default());
        let client = Arc::new(client().versions(&[version]).unwrap());
        let server = Arc::new(server());
        let freed = freed_by(|| {
            let mut many: Vec<Connection> = Vec::new();
            for rested in [false, true] {
                for _ in 0..5 {
                    let mut talk = Talk::handshake(&client, &server, &needles, Mishap::None);
                    talk.exchange();
                    if rested {
                        talk.client.rest();
                        talk.server.rest();
                    }
                    let boxed = Box::new(talk);
                    let Talk { client, server, .. } = *boxed;
                    many.push(client);
                    many.push(server);
                }
            }
            let mut many = many.into_iter();
            while let (Some(client), Some(server)) = (many.next(), many.next()) {
                let (mut client_receives, mut client_sends) = Box::new(client).split().unwrap();
                let (mut server_receives, mut server_sends) = Box::new(server).split().unwrap();
                exchange_halves(&mut client_sends, &mut server_receives);
                exchange_halves(&mut server_sends, &mut client_receives);
                drop(Box::new(client_sends));
                let moved = *Box::new(server_sends);
                drop(moved);
            }
        });
        is_clean("moved", &freed, &needles);
    }
}

/// In mid-handshake, too.
#[test]
fn handshakes_that_are_moved() {
    for suite in [TLS13[0], TLS12[0]] {
        let needles = Arc::new(Needles::default());
        let (client, server) =
            (Arc::new(client().suites(&[suite]).unwrap()), Arc::new(with_tickets(&needles)));
        let freed = freed_by(|| {
            for record in 0..8 {
                let talk = Talk::handshake(&client, &server, &needles, Mishap::Cut(record));
                let mut many = vec![talk.client];
                many.push(talk.server);
            }
        });
        is_clean("moved in mid-handshake", &freed, &needles);
    }
}

/// A key log tells the secrets to whom it writes to, and to nobody else.
#[test]
fn a_key_log() {
    use handfast::observe::{Observed, Observer};
    let needles = Arc::new(Needles::default());
    let freed = freed_by(|| {
        let log = KeyLog::new(std::io::sink());
        let secret = handfast::sha256(b"a secret for the log");
        needles.add("a logged secret", &secret);
        aside(|| needles.add("its line", hex::encode(secret).as_bytes()));
        for _ in 0..30 {
            log.observe(&Observed::Secret {
                name: "exporter_master_secret",
                keylog: Some("EXPORTER_SECRET"),
                from: "",
                client_random: &[1; 32],
                secret: &secret,
            });
        }
    });
    is_clean("key log", &freed, &needles);
}

/// What is read from files is wiped, but for the key pair that ring made of it,
/// which the identity has, and the base64 in which rustls-pemfile reads.
#[test]
fn private_keys_from_files() {
    let needles = Arc::new(Needles::default());
    let pem = KEY.1.serialize_pem();
    let der = KEY.1.serialize_der();
    needles.add("a private key", &der[36..68]);
    let chain = KEY.0.to_vec();
    let mut identities = Vec::new();
    let freed = freed_by(|| {
        for file in [pem.as_bytes(), &der] {
            let identity = Identity::from_pem(&chain, file).unwrap();
            aside(|| identities.push(identity));
        }
    });
    is_clean("private keys", &freed, &needles);
}

/// Static RSA (feature `static-rsa`).
#[cfg(feature = "static-rsa")]
#[test]
fn static_rsa() {
    let pem = include_str!("../test-vectors/keys/rsa-2048.pkcs8.pem");
    let key = KeyPair::from_pem(pem).unwrap();
    let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
    params.key_usages =
        vec![rcgen::KeyUsagePurpose::DigitalSignature, rcgen::KeyUsagePurpose::KeyEncipherment];
    let leaf = params.self_signed(&key).unwrap().der().clone();
    let identity =
        Identity::new(vec![leaf.clone()], &PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap();
    let suite = CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;
    let client = ClientConfig::new(Verifier::exactly(leaf), UnixTime::now).allow_static_rsa();
    let server = ServerConfig::new(identity, UnixTime::now).allow_static_rsa();
    every_fate("static RSA", client.suites(&[suite]).unwrap(), server.suites(&[suite]).unwrap());
}
