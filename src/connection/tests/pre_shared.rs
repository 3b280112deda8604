//! Pre-shared keys from outside of TLS, in both roles.

use super::alter::*;
use super::kit::*;
use super::resumption::{primed, resumed, sessions};
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::early::{EarlyData, EarlyReason};
use crate::error::Error;
use crate::fault::Fault;
use crate::info::{Reason, Trust};
use crate::limits;
use crate::question::{Answer, OwnedQuestion};
use crate::record::Alter;
use crate::session::{
    ClientSessions, PreSharedKey, PreSharedKeys, PskHash, ReplayRegister, Replays, SessionCache, TicketKeys,
};
use crate::wire::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const DEVICE: &[u8] = b"device 7";

pub(super) fn external(identity: &[u8]) -> PreSharedKey {
    PreSharedKey::external(identity, &[7; 32]).unwrap()
}

type Named = fn(&[u8]) -> PreSharedKey;

fn with_hash(identity: &[u8], hash: PskHash) -> PreSharedKey {
    PreSharedKey::external_with(identity, &[7; 32], hash).unwrap()
}

fn imported(identity: &[u8]) -> PreSharedKey {
    PreSharedKey::imported(identity, &[7; 32], b"device 7 calls the hub").unwrap()
}

/// A client that has nothing else.
pub(super) fn client_of(key: PreSharedKey) -> ClientConfig {
    ClientConfig::with_pre_shared_key(key, now).unwrap().groups(&[NamedGroup::X25519]).unwrap()
}

/// A server that has nothing else.
pub(super) fn server_of(keys: impl Into<PreSharedKeys>) -> ServerConfig {
    ServerConfig::with_pre_shared_keys(keys, now)
}

fn table(keys: impl IntoIterator<Item = PreSharedKey>) -> PreSharedKeys {
    PreSharedKeys::new(keys).unwrap()
}

/// Both sides took this key.
#[track_caller]
fn assert_taken(client: &Party, server: &Party, identity: &[u8]) {
    for party in [client, server] {
        let info = party.c.info();
        assert_eq!(info.trust, Trust::PreSharedKey(identity.into()), "{:?}", party.side);
        assert!(info.is_proven() && info.peer_chain.is_none() && info.peer_scheme.is_none());
        assert!(info.report.is_none() && info.own_scheme.is_none());
    }
}

fn kinds(party: &mut Party) -> Vec<u8> {
    messages(&party.records()).iter().map(|message| message[0]).collect()
}

/// The handshake fails on the server for this reason, and the client is told.
#[track_caller]
fn refused(client: Party, server: &ServerConfig) -> (Error, Option<AlertDescription>) {
    let (mut client, mut server) = (client, Party::server(server));
    pump(&mut client, &mut server);
    let error = server.error.expect("it fails");
    let Some(Error::AlertReceived { description, .. }) = client.error else { panic!("{:?}", client.error) };
    assert_eq!(error.alert(), Some(description));
    (error, Some(description))
}

#[test]
fn a_key_is_all_that_both_need() {
    let keys: [fn() -> PreSharedKey; 3] =
        [|| external(DEVICE), || with_hash(DEVICE, PskHash::Sha384), || imported(DEVICE)];
    for key in keys {
        for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"] {
            let (client, server) = (client_of(key()), server_of(key()));
            let suites = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384];
            let wanted = suites.iter().position(|each| each.to_string() == suite).unwrap();
            // The first goes with the one hash, the second with the other.
            let order = [suites[wanted], suites[1 - wanted]];
            let (mut c, mut s) = connect(&client, &server.suites(&order).unwrap());
            assert_taken(&c, &s, DEVICE);
            assert!(!c.c.info().resumed && !s.c.info().resumed);
            assert_eq!(s.c.info().group, Some(NamedGroup::X25519));
            let (mut ours, mut theirs) = ([0; 32], [0; 32]);
            c.c.export("EXPORTER-x", None, &mut ours).unwrap();
            s.c.export("EXPORTER-x", None, &mut theirs).unwrap();
            assert_eq!(ours, theirs);
            deliver(&mut c, &mut s, b"from the client");
            deliver(&mut s, &mut c, b"from the server");
            let flight =
                [HandshakeType::SERVER_HELLO, HandshakeType::ENCRYPTED_EXTENSIONS, HandshakeType::FINISHED];
            assert_eq!(kinds(&mut s), flight.map(|kind| kind.0));
            assert_eq!(kinds(&mut c), [HandshakeType::CLIENT_HELLO.0, HandshakeType::FINISHED.0]);
        }
    }
}

/// The key has a say in which suite it is (RFC 9846 section 4.3.11).
#[test]
fn the_suite_goes_with_the_key() {
    let server = server_of(table([
        with_hash(b"256", PskHash::Sha256),
        with_hash(b"384", PskHash::Sha384),
        imported(DEVICE),
    ]));
    let [short, long] = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384];
    for (key, first, suite, why) in [
        (with_hash(b"256", PskHash::Sha256), long, short, Reason::SuiteOfPreSharedKey),
        (with_hash(b"256", PskHash::Sha256), short, short, Reason::FirstSuite),
        (with_hash(b"384", PskHash::Sha384), short, long, Reason::SuiteOfPreSharedKey),
        (with_hash(b"384", PskHash::Sha384), long, long, Reason::FirstSuite),
        (imported(DEVICE), short, short, Reason::FirstSuite),
        (imported(DEVICE), long, long, Reason::FirstSuite),
    ] {
        let order = [first, if first == short { long } else { short }];
        let (_, s) = connect(&client_of(key.clone()), &server.clone().suites(&order).unwrap());
        assert_eq!((s.c.info().suite, s.c.info().reasons.suite), (Some(suite), Some(why)), "{key:?}");
    }
    // There is no suite for it.
    let only = server_of(with_hash(b"384", PskHash::Sha384)).suites(&[short]).unwrap();
    let (error, _) = refused(Party::client(&client_of(with_hash(b"384", PskHash::Sha384))), &only);
    assert!(matches!(error, Error::NoPreSharedKey), "{error}");
}

#[test]
fn of_several_keys_the_first_of_the_server_s_is_taken() {
    let client = |names: &[&[u8]]| {
        let keys = names.iter().map(|name| external(name));
        keys.fold(client_config(), |config, key| config.pre_shared_key(key).unwrap())
    };
    let server = server_of(table([external(b"a"), imported(b"b"), external(b"c")]));
    for (offered, taken) in [
        (&[&b"a"[..], b"c"][..], &b"a"[..]),
        (&[b"c", b"a"], b"a"),
        (&[b"x", b"y", b"c"], b"c"),
        (&[b"x", b"c", b"y"], b"c"),
        // It is another key where one side imports it.
        (&[b"b", b"c"], b"c"),
    ] {
        let (c, s) = connect(&client(offered), &server);
        assert_taken(&c, &s, taken);
    }
    // As many as are looked at, and one more.
    let names: Vec<_> = (0..limits::PSK_IDENTITIES).map(|n| format!("x{n}")).collect();
    let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let (c, s) = connect(&client(&[&names[1..], &[b"c"]].concat()), &server);
    assert_taken(&c, &s, b"c");
    let (error, _) = refused(Party::client(&client(&[&names[..], &[b"c"]].concat())), &server);
    assert!(matches!(error, Error::NoPreSharedKey));
}

#[test]
fn without_a_key_in_common_there_is_a_certificate_or_nothing() {
    let mixed = server_config().pre_shared_keys(external(DEVICE));
    let other = client_config().pre_shared_key(external(b"another")).unwrap();
    // The server has a certificate, and the client takes one.
    for client in [&client_config(), &other] {
        let (c, s) = connect(client, &mixed);
        assert_eq!((&c.c.info().trust, &s.c.info().trust), (&Trust::Policy, &Trust::Anonymous));
    }
    let (c, s) = connect(&client_config().pre_shared_key(external(DEVICE)).unwrap(), &mixed);
    assert_taken(&c, &s, DEVICE);
    // The client takes none, or the server has none.
    let alone = server_of(external(DEVICE));
    for (client, server) in
        [(&client_of(external(b"another")), &mixed), (&other, &alone), (&client_config(), &alone)]
    {
        let (error, alert) = refused(Party::client(client), server);
        assert!(matches!(error, Error::NoPreSharedKey), "{error}");
        assert_eq!(alert, Some(AlertDescription::UNKNOWN_PSK_IDENTITY));
    }
    // TLS 1.2 has none of this.
    let old = client_config().versions(&[ProtocolVersion::TLS12]).unwrap();
    assert_eq!(refused(Party::client(&old), &alone).1, Some(AlertDescription::PROTOCOL_VERSION));
    assert_eq!(connect(&old, &mixed).0.c.info().trust, Trust::Policy);
    // With a certificate later it has.
    connect(&old, &alone.add_identity(PKI.server.identity()));
    let client = client_of(external(DEVICE)).versions(&[ProtocolVersion::TLS12]);
    let options = crate::config::ClientOptions { hide_server_name: true, ..Default::default() };
    let config = Arc::new(client.unwrap());
    let made = super::super::Connection::client_with(&config, name(), options);
    assert!(matches!(made, Err(Error::Misuse(_))));
}

#[test]
fn a_client_that_requires_a_key_takes_no_certificate() {
    let client = client_config().pre_shared_key(external(DEVICE)).unwrap();
    connect(&client, &server_config());
    let (mut client, mut server) =
        (Party::client(&client.require_pre_shared_key()), Party::server(&server_config()));
    pump(&mut client, &mut server);
    // It does not say which signatures it would take.
    assert_eq!(server.fault(), Some(Fault::MissingExtensionInClientHello));
    assert!(matches!(client.error, Some(Error::AlertReceived { .. })));
}

#[test]
fn a_wrong_key_is_refused() {
    let server = server_of(table([external(DEVICE), imported(b"imported")]));
    let wrong = PreSharedKey::external(DEVICE, &[8; 32]).unwrap();
    let context = PreSharedKey::imported(b"imported", &[7; 32], b"another").unwrap();
    let (error, alert) = refused(Party::client(&client_of(wrong.clone())), &server);
    assert_eq!((error.fault(), alert), (Some(Fault::BadBinder), Some(AlertDescription::DECRYPT_ERROR)));
    // Also where there is a certificate.
    let mixed = server.clone().add_identity(PKI.server.identity());
    let client = client_config().pre_shared_key(wrong).unwrap();
    assert_eq!(refused(Party::client(&client), &mixed).0.fault(), Some(Fault::BadBinder));
    // Another context is another identity.
    assert!(matches!(refused(Party::client(&client_of(context)), &server).0, Error::NoPreSharedKey));
    // The same identity on the wire, made by nobody's importer.
    let sent = imported(b"imported").keys().next().unwrap();
    let posing = PreSharedKey::external(sent.identity(), &[7; 32]).unwrap();
    assert_eq!(refused(Party::client(&client_of(posing)), &server).0.fault(), Some(Fault::BadBinder));
}

/// Both sides allow psk_ke, and the client can do nothing else.
pub(super) fn psk_ke_alone() -> (ClientConfig, ServerConfig) {
    let mut client = client_of(external(DEVICE)).allow_psk_ke();
    client.psk_ke_alone = true;
    (client, server_of(external(DEVICE)).allow_psk_ke())
}

#[test]
fn without_key_agreement_only_where_both_allow_it() {
    let (client, server) = psk_ke_alone();
    let (mut c, mut s) = connect(&client, &server.clone().tickets(TicketKeys::random()));
    assert_taken(&c, &s, DEVICE);
    assert!(c.c.info().group.is_none() && s.c.info().group.is_none() && s.c.info().reasons.group.is_none());
    deliver(&mut c, &mut s, b"from the client");
    deliver(&mut s, &mut c, b"from the server");
    // No ticket goes to who could not use it, and no share came or went.
    assert_eq!(kinds(&mut s), [2, 8, 20]);
    let hellos = [messages(&c.records()).remove(0), messages(&s.records()).remove(0)];
    for hello in hellos {
        with_extensions(&hello, |all| {
            assert!(!all.iter().any(|(kind, _)| *kind == ExtensionType::KEY_SHARE.0))
        });
    }
    // Where both can agree on a key, they do.
    let (_, s) = connect(&client_of(external(DEVICE)).allow_psk_ke(), &server);
    assert_eq!(s.c.info().group, Some(NamedGroup::X25519));
    // The server does not allow it; with a certificate, it would need a share.
    let strict = server_of(external(DEVICE));
    let (error, alert) = refused(Party::client(&client), &strict);
    assert_eq!(error.fault(), Some(Fault::MissingExtensionInClientHello), "{error} {alert:?}");
    // The client does not.
    let (mut c, mut s) = (
        Party::client_altered(&client_of(external(DEVICE)), None),
        Party::server_altered(&server, server_hello(|m| m.extensions.key_share = None)),
    );
    pump(&mut c, &mut s);
    c.assert_failed(Fault::PskWithoutKeyShare);
    // A share for a client that sent none.
    let share = server_hello(|m| {
        m.extensions.key_share = Some(KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[9; 32] });
    });
    let (mut c, mut s) = (Party::client(&client), Party::server_altered(&server, share));
    pump(&mut c, &mut s);
    c.assert_failed(Fault::UnofferedExtension);
    // Nobody is asked for a share again whose key is known; whose is not is told so.
    let (error, _) = refused(Party::client(&client), &server_of(external(b"another")).allow_psk_ke());
    assert!(matches!(error, Error::NoPreSharedKey), "{error}");
}

fn psks(f: impl Fn(&mut Vec<u8>) + Send + 'static) -> Option<Alter> {
    extension(HandshakeType::CLIENT_HELLO, ExtensionType::PRE_SHARED_KEY, f)
}

#[test]
fn what_is_offered_is_well_formed() {
    let (client, server) = (client_of(external(DEVICE)), server_of(external(DEVICE)));
    let identities = 2 + 2 + DEVICE.len() + 4;
    for (alter, fault) in [
        // One octet of the binder is another.
        (psks(|psks| *psks.last_mut().unwrap() ^= 1), Fault::BadBinder),
        // It is shorter or longer than the hash.
        (
            psks(move |psks| {
                psks.push(9);
                psks[identities + 1] += 1;
                psks[identities + 2] += 1;
            }),
            Fault::BadBinder,
        ),
        (
            psks(move |psks| {
                psks.truncate(identities + 2 + 1 + 31);
                psks[identities + 1] -= 1;
                psks[identities + 2] -= 1;
            }),
            Fault::BadLength,
        ),
        // Another binder, or another identity.
        (
            psks(move |psks| {
                psks.extend([&[32][..], &[9; 32]].concat());
                psks[identities + 1] += 33;
            }),
            Fault::BadValue,
        ),
        (
            psks(|psks| {
                psks.splice(2..2, [0, 1, 9, 0, 0, 0, 0]);
                psks[1] += 7;
            }),
            Fault::BadValue,
        ),
        (
            psks(move |psks| {
                psks.splice(2..2, [0, 1, 9, 0, 0, 0, 0]);
                psks[1] += 7;
                psks.extend([&[32][..], &[9; 32]].concat());
                psks[identities + 7 + 1] += 33;
            }),
            Fault::BadBinder,
        ),
        (extensions(HandshakeType::CLIENT_HELLO, |all| all.rotate_right(1)), Fault::PreSharedKeyNotLast),
        (remove(HandshakeType::CLIENT_HELLO, ExtensionType::PSK_KEY_EXCHANGE_MODES), Fault::MissingPskModes),
    ] {
        let (error, _) = refused(Party::client_altered(&client, alter), &server);
        assert_eq!(error.fault(), Some(fault), "{error}");
    }
    // Nobody looks at the age of what does not age (RFC 9846 section 4.3.11), but it is bound.
    let aged = psks(move |psks| psks[identities - 1] = 9);
    assert_eq!(refused(Party::client_altered(&client, aged), &server).0.fault(), Some(Fault::BadBinder));
    let modes =
        extension(HandshakeType::CLIENT_HELLO, ExtensionType::PSK_KEY_EXCHANGE_MODES, |modes| modes[1] = 26);
    let (error, alert) = refused(Party::client_altered(&client, modes), &server);
    assert!(matches!(error, Error::NothingInCommon { what: "key exchange mode", .. }), "{error}");
    assert_eq!(alert, Some(AlertDescription::HANDSHAKE_FAILURE));
}

#[test]
fn the_server_s_choice_is_one_of_the_offered() {
    let two = table([with_hash(b"256", PskHash::Sha256), with_hash(b"384", PskHash::Sha384)]);
    let client =
        client_of(with_hash(b"256", PskHash::Sha256)).pre_shared_key(with_hash(b"384", PskHash::Sha384));
    let (client, server) = (client.unwrap(), server_of(two));
    for (alter, fault) in [
        (server_hello(|m| m.extensions.pre_shared_key = Some(2)), Fault::UnofferedPsk),
        (server_hello(|m| m.extensions.pre_shared_key = Some(u16::MAX)), Fault::UnofferedPsk),
        (server_hello(|m| m.extensions.pre_shared_key = Some(1)), Fault::PskHashDiffers),
        (server_hello(|m| m.extensions.pre_shared_key = None), Fault::NoPskChosen),
        (server_hello(|m| m.extensions.key_share = None), Fault::PskWithoutKeyShare),
        (
            server_hello(|m| (m.extensions.key_share, m.extensions.pre_shared_key) = (None, None)),
            Fault::MissingKeyShare,
        ),
        // No certificates go with it.
        (each(HandshakeType::FINISHED, |_| vec![vec![13, 0, 0, 3, 0, 0, 0]]), Fault::UnexpectedMessage),
        (each(HandshakeType::FINISHED, |_| vec![vec![11, 0, 0, 4, 0, 0, 0, 0]]), Fault::UnexpectedMessage),
        (body(HandshakeType::FINISHED, |body| body[0] ^= 1), Fault::BadFinished),
    ] {
        let (mut client, mut server) = (Party::client(&client), Party::server_altered(&server, alter));
        pump(&mut client, &mut server);
        client.assert_failed(fault);
        assert_eq!(client.c.info().trust, Trust::Anonymous);
    }
    connect(&client, &server);
}

#[test]
fn nobody_is_known_before_finished() {
    let (mut client, mut server) =
        (Party::client(&client_of(external(DEVICE))), Party::server(&server_of(external(DEVICE))));
    let hello = client.take();
    server.give(&hello);
    assert_eq!((server.state(), &server.c.info().trust), ("WaitFinished", &Trust::Anonymous));
    let flight = server.take();
    client.give(&flight);
    assert_taken(&client, &client, DEVICE);
    let mut finished = client.take();
    *finished.last_mut().unwrap() ^= 1;
    server.give(&finished);
    assert_eq!((server.fault(), &server.c.info().trust), (Some(Fault::BadRecordMac), &Trust::Anonymous));
}

/// Both hellos have binders, of the keys that go with the suite.
#[test]
fn a_retry_keeps_the_keys_of_its_hash() {
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    for cookie in [false, true] {
        let cases: [(Named, _); 3] = [
            (imported, CipherSuite::TLS_AES_128_GCM_SHA256),
            (imported, CipherSuite::TLS_AES_256_GCM_SHA384),
            (external, CipherSuite::TLS_AES_128_GCM_SHA256),
        ];
        for (key, suite) in cases {
            let client = client_of(with_hash(b"other", PskHash::Sha384)).pre_shared_key(key(DEVICE)).unwrap();
            let server =
                server_of(key(DEVICE)).groups(&[NamedGroup::SECP256R1]).unwrap().suites(&[suite]).unwrap();
            let server = if cookie { server.retry_cookie([7; 32]).unwrap() } else { server };
            let (mut c, s) = connect(&client.groups(&groups).unwrap(), &server);
            assert!(c.c.info().retried);
            assert_taken(&c, &s, DEVICE);
            let hellos = messages(&c.records());
            let offered = |hello: &[u8]| {
                let Body::ClientHello(m) = Message::decode(hello, Form::Tls13).unwrap().body else {
                    panic!()
                };
                m.extensions.pre_shared_key.unwrap().identities.len()
            };
            let hash = suite == CipherSuite::TLS_AES_256_GCM_SHA384;
            let all = offered(&hellos[0]);
            assert_eq!(offered(&hellos[1]), if all == 2 { 1 } else { 1 + usize::from(hash) }, "{all}");
        }
    }
    let retry = |alter| {
        let server = server_of(external(DEVICE)).groups(&[NamedGroup::SECP256R1]).unwrap();
        let client = client_config().pre_shared_key(external(DEVICE)).unwrap();
        refused(Party::client_altered(&client, alter), &server).0.fault()
    };
    let without = |hello: Vec<u8>| {
        with_extensions(&hello, |all| all.retain(|(kind, _)| *kind != ExtensionType::PRE_SHARED_KEY.0))
    };
    assert_eq!(retry(nth(1, move |hello| vec![without(hello)])), Some(Fault::PskLeftOut));
    assert_eq!(
        retry(nth(1, |mut hello| {
            *hello.last_mut().unwrap() ^= 1;
            vec![hello]
        })),
        Some(Fault::BadBinder)
    );
    // None is left where the suite of the retry has another hash.
    let server =
        server_config().pre_shared_keys(external(b"another")).suites(&[CipherSuite::TLS_AES_256_GCM_SHA384]);
    let server = server.unwrap().groups(&[NamedGroup::SECP256R1]).unwrap();
    let (mut client, mut server) =
        (Party::client(&client_of(external(DEVICE)).groups(&groups).unwrap()), Party::server(&server));
    pump(&mut client, &mut server);
    client.assert_failed(Fault::PskHashDiffers);
}

/// RFC 9257 section 4.1: what a process said is not an answer to itself.
#[test]
fn a_hello_that_comes_back_is_refused() {
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    for key in [external(DEVICE), imported(DEVICE)] {
        let (client, server) = (client_of(key.clone()).groups(&groups).unwrap(), server_of(key.clone()));
        let retrying = server.clone().groups(&[NamedGroup::SECP256R1]).unwrap();
        // Its own server, which has a clone of the key; the second hello of a retry is as
        // much its own.
        for (server, retried) in [(&server, false), (&retrying, true)] {
            let (mut node, mut mirror) = (Party::client(&client), Party::server(server));
            pump(&mut node, &mut mirror);
            mirror.assert_failed(Fault::Reflected);
            assert_eq!(node.c.info().retried, retried);
        }
        // Where both are given the key apart, as in two processes, nothing tells them from
        // two nodes that have it.
        let elsewhere =
            || server_of(if key.keys().count() == 1 { external(DEVICE) } else { imported(DEVICE) });
        connect(&client, &elsewhere());
        // Once it is answered, it is of no use: nobody can finish what it began.
        let (mut node, mut other) = (Party::client(&client), Party::server(&elsewhere()));
        let hello = node.take();
        other.give(&hello);
        node.give(&other.take());
        assert!(node.is_done());
        let mut mirror = Party::server(&server);
        mirror.give(&hello);
        assert_eq!((mirror.state(), &mirror.c.info().trust), ("WaitFinished", &Trust::Anonymous));
        mirror.give(&node.take());
        mirror.assert_failed(Fault::BadRecordMac);
    }
    // Nor does it help to offer a session, where a fleet shares the keys of tickets.
    let tickets = Arc::new(TicketKeys::random());
    let (key, other) = (external(DEVICE), external(DEVICE));
    let client = client_of(key.clone()).sessions(ClientSessions::new());
    let [own, other] = [key, other].map(|key| server_of(key).tickets(tickets.clone()));
    assert!(!resumed(&client, &other) && resumed(&client, &other));
    let (mut node, mut mirror) = (Party::client(&client), Party::server(&own));
    pump(&mut node, &mut mirror);
    mirror.assert_failed(Fault::Reflected);
    // Roles in the context cannot be exchanged, wherever it comes back.
    let role = |context: &[u8]| PreSharedKey::imported(b"fleet", &[7; 32], context).unwrap();
    let client = client_of(role(b"client a, server b"));
    let (error, _) = refused(Party::client(&client), &server_of(role(b"client b, server a")));
    assert!(matches!(error, Error::NoPreSharedKey));
}

#[test]
fn a_key_is_no_way_around_certificates() {
    let requires = ClientAuth::Require(trusting().into());
    let keys = || PreSharedKeys::from(external(DEVICE));
    let client = client_config().pre_shared_key(external(DEVICE)).unwrap();
    let server = server_config().client_auth(requires);
    // It is not looked at, and the certificate is asked for.
    let strict = server.clone().pre_shared_keys(keys());
    assert_eq!(refused(Party::client(&client), &strict).0.fault(), Some(Fault::CertificateRequired));
    let (_, s) = connect(&client.clone().identity(PKI.client.identity()), &strict);
    assert_eq!(s.c.info().trust, Trust::Policy);
    // But where it is said.
    let (mut c, s) = connect(&client, &server.pre_shared_keys(keys().instead_of_certificates()));
    assert_taken(&c, &s, DEVICE);
    assert_eq!(kinds(&mut c), [1, 20]);
    // Where it is only requested, nobody is asked who has a key.
    let (c, s) = connect(&client, &requesting().pre_shared_keys(keys()));
    assert_taken(&c, &s, DEVICE);
}

#[test]
fn sessions_go_before_keys_and_end_with_them() {
    let client = || client_of(external(DEVICE)).sessions(ClientSessions::new());
    let tickets = Arc::new(TicketKeys::random());
    let server = |keys: PreSharedKeys| server_of(keys).tickets(tickets.clone());
    let same = || server(external(DEVICE).into());
    let config = client();
    assert!(!resumed(&config, &same()));
    assert_eq!(sessions(&config), 2);
    let (c, s) = connect(&config, &same());
    assert!(c.c.info().resumed && s.c.info().resumed);
    assert_taken(&c, &s, DEVICE);
    // Others may come and go.
    assert!(resumed(&config, &server(table([external(b"another"), external(DEVICE)]))));
    // The key is another one, or gone: the session is not taken.
    let changed = PreSharedKey::external(DEVICE, &[8; 32]).unwrap();
    let mut again = Party::client(&config);
    let mut other = Party::server(&server(changed.clone().into()));
    pump(&mut again, &mut other);
    other.assert_failed(Fault::BadBinder);
    let gone = server(external(b"another").into());
    assert!(matches!(refused(Party::client(&config), &gone).0, Error::NoPreSharedKey));
    let with_certificate =
        client_config().pre_shared_key(external(DEVICE)).unwrap().sessions(ClientSessions::new());
    assert!(!resumed(&with_certificate, &same()));
    assert!(!resumed(&with_certificate, &gone.add_identity(PKI.server.identity())));
    // Nor where certificates are required meanwhile.
    let with_certificate = with_certificate.identity(PKI.client.identity());
    let mixed = same().add_identity(PKI.server.identity());
    assert!(!resumed(&with_certificate, &mixed));
    let requires = ClientAuth::Require(trusting().into());
    assert!(!resumed(&with_certificate, &mixed.client_auth(requires)));
    // A client that has another key offers no session of the one before.
    let config = client();
    assert!(!resumed(&config, &same()));
    let renewed = ClientConfig::with_pre_shared_key(changed.clone(), now).unwrap();
    let renewed = renewed.sessions(config.sessions.clone().unwrap());
    assert!(!resumed(&renewed, &server(PreSharedKey::external(DEVICE, &[8; 32]).unwrap().into())));
}

#[test]
fn a_session_that_began_with_a_certificate_goes_before_keys() {
    let (client, server) = primed(ProtocolVersion::TLS13);
    // The store is told apart by what the configuration has: the same again.
    let client = client.pre_shared_key(external(DEVICE)).unwrap();
    let keyed = server.clone().pre_shared_keys(external(DEVICE));
    assert!(!resumed(&client, &server));
    let (c, s) = connect(&client, &keyed);
    assert!(c.c.info().resumed && s.c.info().resumed);
    assert_eq!((&c.c.info().trust, &s.c.info().trust), (&Trust::Policy, &Trust::Anonymous));
    // The server has lost its ticket keys.
    let (c, s) = connect(&client, &keyed.tickets(TicketKeys::random()));
    assert!(!c.c.info().resumed);
    assert_taken(&c, &s, DEVICE);
}

/// A server that is given the keys late, each handshake anew.
fn asked(server: &ServerConfig, key: Option<PreSharedKey>) -> (Party, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let party = Party::server(server).answering(move |question| {
        let OwnedQuestion::PreSharedKey { .. } = question else { return None };
        counted.fetch_add(1, Relaxed);
        Some(key.clone().map_or(Answer::NoPreSharedKey, Answer::PreSharedKey))
    });
    (party, count)
}

#[test]
fn keys_may_be_given_late() {
    let late = || server_of(PreSharedKeys::asking()).tickets(TicketKeys::random());
    let suite = CipherSuite::TLS_AES_128_GCM_SHA256;
    // All identities are told, and the suite.
    let client = client_of(external(b"a")).pre_shared_key(imported(DEVICE)).unwrap();
    let (mut c, mut s) = (Party::client(&client), Party::server(&late()));
    pump(&mut c, &mut s);
    let OwnedQuestion::PreSharedKey { identities, suite: chosen } = s.asked() else { panic!() };
    let sent: Vec<_> = imported(DEVICE).keys().map(|key| key.identity().to_vec()).collect();
    assert_eq!((identities, *chosen), (&vec![b"a".to_vec(), sent[0].clone(), sent[1].clone()], suite));
    s.answer(Answer::PreSharedKey(imported(DEVICE)));
    pump(&mut c, &mut s);
    assert_taken(&c, &s, DEVICE);
    // Nobody would know whether the session's key still stands.
    assert_eq!(kinds(&mut s), [2, 8, 20]);
    // After a retry it is asked, and once.
    let retrying = late().groups(&[NamedGroup::SECP256R1]).unwrap();
    let (s, count) = asked(&retrying, Some(external(b"a")));
    let (c, s) = connected(
        Party::client(&client.clone().groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap()),
        s,
    );
    assert!(s.c.info().retried);
    assert_taken(&c, &s, b"a");
    assert_eq!(count.load(Relaxed), 1);
    // What is at hand is not asked for, and a client without keys is not asked about.
    let both = server_of(PreSharedKeys::from(external(b"a")).asking_for_others());
    let both = both.add_identity(PKI.server.identity());
    for (client, trust) in
        [(&client, Trust::PreSharedKey(b"a"[..].into())), (&client_config(), Trust::Anonymous)]
    {
        let (s, count) = asked(&both, None);
        let (_, s) = connected(Party::client(client), s);
        assert_eq!((&s.c.info().trust, count.load(Relaxed)), (&trust, 0));
    }
    // None, one of another identity or of another hash: a certificate, or nothing.
    let other = client_config().pre_shared_key(external(b"b")).unwrap();
    for key in [None, Some(external(b"c")), Some(with_hash(b"b", PskHash::Sha384))] {
        let (s, count) = asked(&both, key.clone());
        let (c, _) = connected(Party::client(&other), s);
        assert_eq!((&c.c.info().trust, count.load(Relaxed)), (&Trust::Policy, 1), "{key:?}");
        let (mut c, mut s) = (Party::client(&other), asked(&late(), key).0);
        pump(&mut c, &mut s);
        assert!(matches!(s.error, Some(Error::NoPreSharedKey)), "{:?}", s.error);
    }
    // Without a key agreement, too.
    let (client, server) = psk_ke_alone();
    let server = server.pre_shared_keys(PreSharedKeys::asking());
    let (c, s) = connected(Party::client(&client), asked(&server, Some(external(DEVICE))).0);
    assert_taken(&c, &s, DEVICE);
    assert!(c.c.info().group.is_none() && s.c.info().group.is_none());
    let (mut c, mut s) = (Party::client(&client), asked(&server, None).0);
    pump(&mut c, &mut s);
    assert!(matches!(s.error, Some(Error::NoPreSharedKey)), "{:?}", s.error);
    // What is given must be what the client has, and not come back from it.
    let key = external(DEVICE);
    let wrong = PreSharedKey::external(DEVICE, &[8; 32]).unwrap();
    for (given, fault) in [(wrong, Fault::BadBinder), (key.clone(), Fault::Reflected)] {
        let (mut c, mut s) = (Party::client(&client_of(key.clone())), asked(&late(), Some(given)).0);
        pump(&mut c, &mut s);
        s.assert_failed(fault);
    }
}

/// What began with a key is kept in a store as it is in a ticket.
#[test]
fn sessions_of_keys_go_by_id_too() {
    let cache = Arc::new(SessionCache::new());
    let tickets = Arc::new(TicketKeys::random());
    let client = client_of(external(DEVICE)).sessions(ClientSessions::new());
    let server =
        |key| server_of(key).tickets(tickets.clone()).session_store(cache.clone()).stateful_tickets();
    assert!(!resumed(&client, &server(external(DEVICE))));
    let (c, s) = connect(&client, &server(external(DEVICE)));
    assert!(c.c.info().resumed && s.c.info().resumed);
    assert_taken(&c, &s, DEVICE);
    let gone = server(external(b"another"));
    assert!(matches!(refused(Party::client(&client), &gone).0, Error::NoPreSharedKey));
}

/// Early data is for the session, which is offered first; a server that takes a key
/// behind it has rejected that.
#[test]
fn early_data_is_not_for_keys() {
    let keys = || Arc::new(TicketKeys::random());
    let register = Arc::new(ReplayRegister::new());
    let client = client_of(external(DEVICE)).sessions(ClientSessions::new()).early_data();
    let server = |tickets| {
        server_of(external(DEVICE)).tickets(tickets).early_data(1000, Replays::InMemory(register.clone()))
    };
    let (c, s) = connect(&client, &server(keys()));
    assert_taken(&c, &s, DEVICE);
    assert_eq!(c.c.info().early_data, EarlyData::NotOffered(EarlyReason::NoSession));
    let (c, s) = connect(&client, &server(keys()));
    assert_taken(&c, &s, DEVICE);
    assert!(!c.c.info().resumed);
    assert_eq!(c.c.info().early_data, EarlyData::Rejected(EarlyReason::NotTheFirst));
    assert_eq!(s.c.info().early_data, EarlyData::Rejected(EarlyReason::NotResumed));
    // It cannot be accepted with such a key (RFC 9846 section 4.3.11).
    let accepts = encrypted_extensions(|m| m.early_data = true);
    let (mut c, mut s) = (Party::client(&client), Party::server_altered(&server(keys()), accepts));
    pump(&mut c, &mut s);
    c.assert_failed(Fault::EarlyDataOtherPsk);
}

#[test]
fn what_is_offered_has_a_bound() {
    let with = |length: usize, count: usize| {
        let mut keys = (0..count).map(|n| external(&vec![n as u8; length]));
        keys.try_fold(client_config(), ClientConfig::pre_shared_key)
    };
    let each = limits::PSK_OFFERED / 4 - 6 - 49;
    let most = with(each, 4).unwrap();
    assert!(with(each, 5).is_err() && with(each + 1, 4).is_err() && with(0xffff, 1).is_err());
    // It can be sent, beside a session with the longest ticket, and read.
    connect(&most, &server_config());
    let twice = client_config().pre_shared_key(external(DEVICE)).unwrap().pre_shared_key(external(DEVICE));
    assert!(matches!(twice, Err(crate::identity::ConfigError::PreSharedKey(_))));
}
