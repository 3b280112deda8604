//! Tickets, their keys, and a client's store.

use super::*;
use crate::crypto::secret::Secret;
use crate::crypto::source::Entropy;
use crate::crypto::suite::{TLS12, TLS13};
use crate::identity::ConfigError;
use crate::info::Trust;
use crate::limits;
use crate::pki::{CertificateDer, ServerName, UnixTime};
use crate::wire::{NamedGroup, ProtocolVersion, SignatureScheme};
use std::time::Duration;

const START: u64 = 1_790_000_000;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const TICKET: (Kind, &[u8]) = (Kind::Ticket, &[]);

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(START + seconds))
}

fn nobody() -> Peer {
    Peer { trust: Trust::Anonymous, scheme: None, group: None, chain: None, ocsp: None }
}

fn session() -> ServerSession {
    ServerSession {
        version: ProtocolVersion::TLS13,
        suite: &TLS13[1],
        secret: Secret::from_slice(&[7; 48]).unwrap(),
        expires: START + DAY,
        server_name: Some("server.example".into()),
        policy: [9; 32],
        names: [8; 32],
        issued: START - 5,
        age_add: 0x0102_0304,
        max_early_data: 0x0506_0708,
        register: [6; 16],
        alpn: Some(b"h2"[..].into()),
        peer: Peer {
            trust: Trust::Policy,
            scheme: Some(SignatureScheme::ED25519),
            group: Some(NamedGroup::SECP384R1),
            chain: Some([CertificateDer::from(vec![1, 2, 3]), CertificateDer::from(vec![4])].into()),
            ocsp: None,
        },
    }
}

fn key(byte: u8, from: u64, encrypts_until: u64, decrypts_until: u64) -> TicketKey {
    TicketKey::new([byte; 32], at(from), at(encrypts_until), at(decrypts_until)).unwrap()
}

fn shared(keys: impl IntoIterator<Item = TicketKey>) -> TicketKeys {
    TicketKeys::shared(keys).unwrap()
}

fn seal(keys: &TicketKeys, session: &ServerSession, now: u64) -> Option<(Vec<u8>, u32)> {
    keys.seal(TICKET, session, at(now), &Entropy::system()).unwrap()
}

#[test]
fn what_is_sealed_is_opened() {
    for keys in [TicketKeys::random(), shared([key(1, 0, HOUR, DAY)])] {
        let (ticket, lifetime) = seal(&keys, &session(), 0).unwrap();
        assert_eq!(u64::from(lifetime), DAY);
        let (opened, current) = keys.open(TICKET, &ticket, at(HOUR - 1)).unwrap();
        let expected = session();
        assert!(current);
        assert_eq!((opened.version, opened.suite.id), (expected.version, expected.suite.id));
        assert_eq!(opened.secret.as_bytes(), expected.secret.as_bytes());
        assert_eq!((opened.expires, opened.policy), (expected.expires, expected.policy));
        assert_eq!(opened.names, expected.names);
        assert_eq!(opened.server_name, expected.server_name);
        assert_eq!((opened.issued, opened.age_add), (expected.issued, expected.age_add));
        assert_eq!((opened.max_early_data, opened.alpn), (expected.max_early_data, expected.alpn));
        assert_eq!(opened.register, expected.register);
        assert_eq!((opened.peer.trust, opened.peer.scheme), (expected.peer.trust, expected.peer.scheme));
        assert_eq!((opened.peer.chain, opened.peer.group), (expected.peer.chain, expected.peer.group));
        // Two tickets for one session tell nobody that they are.
        assert_ne!(seal(&keys, &session(), 0).unwrap().0[16..], ticket[16..]);
        // Nothing of it can be changed, or left out.
        for place in 0..ticket.len() {
            let mut other = ticket.clone();
            other[place] ^= 1;
            assert!(keys.open(TICKET, &other, at(0)).is_none());
            assert!(keys.open(TICKET, &ticket[..place], at(0)).is_none());
        }
    }
}

/// A store can pass nothing off as what stands elsewhere.
#[test]
fn nothing_of_one_kind_or_id_opens_as_another() {
    let keys = shared([key(1, 0, HOUR, DAY)]);
    let places: [(Kind, &[u8]); 8] = [
        TICKET,
        (Kind::Session, &[]),
        (Kind::Session, &[7; 32]),
        (Kind::Session, &[8; 32]),
        (Kind::Session, &[7; 31]),
        (Kind::Ticket, &[7; 32]),
        (Kind::Key, &[7; 32]),
        (Kind::Export, &[7; 32]),
    ];
    for (place, sealed_as) in places.iter().enumerate() {
        let (sealed, _) = keys.seal(*sealed_as, &session(), at(0), &Entropy::system()).unwrap().unwrap();
        let opens = places.map(|opened_as| keys.open(opened_as, &sealed, at(0)).is_some());
        assert_eq!(opens, std::array::from_fn(|other| other == place), "{sealed_as:?}");
    }
}

#[test]
fn a_session_without_names_and_certificates_is_the_same_again() {
    let plain = ServerSession { server_name: None, alpn: None, peer: nobody(), ..session() };
    let (opened, until) = ServerSession::decode(&plain.encode(7, 0, 0).unwrap()).unwrap();
    assert_eq!((opened.expires, until), (plain.expires, 7));
    assert!(opened.server_name.is_none() && opened.alpn.is_none());
    assert!(opened.peer.chain.is_none() && opened.peer.scheme.is_none());
    assert_eq!(opened.peer.trust, Trust::Anonymous);
}

#[test]
fn a_session_says_which_pre_shared_key_it_began_with() {
    let with = |identity: &[u8]| {
        let peer = Peer { trust: Trust::PreSharedKey(identity.into()), ..nobody() };
        ServerSession { peer, ..session() }.encode(7, 0, 0)
    };
    let (opened, _) = ServerSession::decode(&with(b"\0device").unwrap()).unwrap();
    assert_eq!(opened.peer.trust, Trust::PreSharedKey(b"\0device"[..].into()));
    assert!(
        with(&vec![1; limits::TICKET_CONTENTS / 2]).is_some()
            && with(&vec![1; limits::TICKET_CONTENTS]).is_none()
    );
}

#[test]
fn contents_of_another_format_are_not_read() {
    let contents = session().encode(START, 0, 0).unwrap();
    for (place, value) in [(0, 2), (3, 0x77), (5, 3)] {
        let mut other = contents.clone();
        other[place] = value;
        assert!(ServerSession::decode(&other).is_err(), "{place}");
    }
    for length in 0..contents.len() {
        assert!(ServerSession::decode(&contents[..length]).is_err());
    }
    assert!(ServerSession::decode(&[&contents[..], &[0]].concat()).is_err());
}

#[test]
fn some_sessions_are_not_for_tickets() {
    let keys = TicketKeys::random();
    let once = Peer { trust: Trust::AcceptedThisOnce("so".into()), ..nobody() };
    assert!(seal(&keys, &ServerSession { peer: once, ..session() }, 0).is_none());
    let long = CertificateDer::from(vec![1; limits::TICKET_CONTENTS / 2]);
    let with = |chain: Vec<CertificateDer<'static>>| ServerSession {
        server_name: None,
        peer: Peer { chain: Some(chain.into()), ..nobody() },
        ..session()
    };
    assert!(seal(&keys, &with(vec![long.clone(), long.clone()]), 0).is_none());
    assert!(seal(&keys, &with(vec![CertificateDer::from(vec![1; 5_800])]), 0).is_some());
    // One that would expire at once.
    assert!(seal(&keys, &session(), DAY).is_none());
}

#[test]
fn keys_have_their_times() {
    let old = || key(1, 0, HOUR, 3 * HOUR);
    let new = || key(2, HOUR, 2 * HOUR, 4 * HOUR);
    let both = shared([old(), new()]);
    let (ticket, lifetime) = seal(&both, &session(), 10).unwrap();
    // Not longer than its key decrypts.
    assert_eq!(u64::from(lifetime), 3 * HOUR - 10);
    assert!(shared([old()]).open(TICKET, &ticket, at(10)).is_some());
    assert!(shared([new()]).open(TICKET, &ticket, at(10)).is_none());
    // Later it still opens, and is to be renewed.
    assert!(!both.open(TICKET, &ticket, at(HOUR)).unwrap().1);
    assert!(both.open(TICKET, &ticket, at(3 * HOUR)).is_none());
    let (ticket, _) = seal(&both, &session(), HOUR).unwrap();
    assert!(shared([new()]).open(TICKET, &ticket, at(HOUR)).unwrap().1);
    // No key encrypts any more, until another one is added.
    assert!(seal(&both, &session(), 2 * HOUR).is_none());
    both.add(key(3, 2 * HOUR, 3 * HOUR, 3 * HOUR));
    assert!(seal(&both, &session(), 2 * HOUR).is_some());
    // Of two, the newer one encrypts.
    let overlapping = shared([key(1, 0, DAY, DAY), key(2, HOUR, DAY, DAY), key(3, 2 * HOUR, DAY, DAY)]);
    let (ticket, _) = seal(&overlapping, &session(), HOUR).unwrap();
    assert!(shared([key(2, 0, DAY, DAY)]).open(TICKET, &ticket, at(HOUR)).is_some());
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    let made = |secret, times: [u64; 3]| TicketKey::new(secret, at(times[0]), at(times[1]), at(times[2]));
    for (secret, times) in [([0; 32], [0, 1, 2]), ([1; 32], [1, 0, 2]), ([1; 32], [0, 2, 1])] {
        assert!(matches!(made(secret, times), Err(ConfigError::TicketKey(_))));
    }
    assert!(matches!(TicketKeys::shared([]), Err(ConfigError::Empty(_))));
    let shown = format!("{:?}", key(1, 0, 1, 2));
    assert!(shown.contains("name") && !shown.contains("0101"), "{shown}");
}

#[test]
fn random_keys_change_by_themselves() {
    let keys = TicketKeys::random();
    let name = |ticket: &[u8]| ticket[..16].to_vec();
    let week = ServerSession { expires: START + 60 * DAY, ..session() };
    let days = |days: u64| Duration::from_secs(days * DAY);
    // What is set if nothing is said, and the longest that may be.
    for (keys, rotation, lifetime) in [
        (keys, DAY / 2, DAY),
        (
            TicketKeys::random().with_rotation(days(7)).unwrap().with_lifetime(days(7)).unwrap(),
            7 * DAY,
            7 * DAY,
        ),
    ] {
        let (first, seconds) = seal(&keys, &week, 0).unwrap();
        assert_eq!(u64::from(seconds), lifetime);
        let (last, _) = seal(&keys, &week, rotation - 1).unwrap();
        assert_eq!(name(&last), name(&first));
        let (second, _) = seal(&keys, &week, rotation).unwrap();
        assert_ne!(name(&second), name(&first));
        // A key opens what it sealed as long as that lives.
        assert!(keys.open(TICKET, &first, at(lifetime - 1)).is_some());
        assert!(keys.open(TICKET, &first, at(lifetime)).is_none());
        assert!(!keys.open(TICKET, &last, at(rotation + lifetime - 2)).unwrap().1);
        assert!(keys.open(TICKET, &last, at(rotation + lifetime - 1)).is_none());
        assert!(TicketKeys::random().open(TICKET, &first, at(0)).is_none());
    }
}

/// Of several threads that find no key, one makes it.
#[test]
fn a_key_is_made_once() {
    for _ in 0..50 {
        let (keys, together) = (TicketKeys::random(), std::sync::Barrier::new(4));
        let name = || {
            together.wait();
            seal(&keys, &session(), 0).unwrap().0[..16].to_vec()
        };
        let names = std::thread::scope(|threads| {
            let sealing = [(); 4].map(|()| threads.spawn(name));
            sealing.map(|thread| thread.join().unwrap())
        });
        assert!(names.iter().all(|name| *name == names[0]));
    }
}

#[test]
fn times_are_of_a_second_to_a_week() {
    let week = Duration::from_secs(7 * DAY);
    for bad in [Duration::ZERO, Duration::from_millis(999), week + Duration::from_secs(1), Duration::MAX] {
        let refused = [TicketKeys::random().with_lifetime(bad), TicketKeys::random().with_rotation(bad)];
        for refused in refused {
            let Err(ConfigError::TicketTimes { seconds, .. }) = refused else { panic!("{refused:?}") };
            assert_eq!(seconds, bad.as_secs());
        }
    }
    for good in [Duration::from_secs(1), week] {
        assert!(TicketKeys::random().with_lifetime(good).unwrap().with_rotation(good).is_ok());
    }
    // Shared keys have their own times, but for how long tickets live.
    let keys = shared([key(1, 0, DAY, 2 * DAY)]).with_lifetime(Duration::from_secs(60)).unwrap();
    assert_eq!(seal(&keys, &session(), 0).unwrap().1, 60);
    assert!(matches!(keys.with_rotation(week), Err(ConfigError::TicketKey(_))));
}

#[test]
fn nobody_is_trusted_for_longer_than_a_week_or_a_certificate() {
    let now = START;
    assert_eq!(nobody().trusted_until(now), now + 7 * DAY);
    let until = |days: u64| {
        let mut params = rcgen::CertificateParams::new(vec!["server.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2026, 9, 21) + Duration::from_secs(days * DAY);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = params.self_signed(&key).unwrap().der().clone();
        Peer { chain: Some([leaf].into()), ..nobody() }.trusted_until(now)
    };
    // 2026-09-21 00:00:00 UTC.
    let midnight = 1_789_948_800;
    assert_eq!(until(2), midnight + 2 * DAY);
    assert_eq!(until(30), now + 7 * DAY);
    // What cannot be read has no end of its own.
    let garbage = Peer { chain: Some([CertificateDer::from(vec![1])].into()), ..nobody() };
    assert_eq!(garbage.trusted_until(now), now + 7 * DAY);
}

fn client_session(number: u32, version: ProtocolVersion, expires: u64) -> ClientSession {
    ClientSession {
        version,
        suite: if version == ProtocolVersion::TLS13 { &TLS13[0] } else { &TLS12[0] },
        secret: Secret::from_slice(&[7; 32]).unwrap(),
        ticket: number.to_be_bytes().into(),
        by_id: false,
        age_add: number,
        received: START,
        expires: START + expires,
        trusted_until: START + DAY,
        max_early_data: 0,
        alpn: None,
        named: true,
        peer: nobody(),
    }
}

fn name(text: &str) -> ServerName<'static> {
    ServerName::try_from(text.to_owned()).unwrap()
}

/// The number of the session that is taken.
fn take(store: &ClientSessions, host: &str, policy: u8, now: u64) -> Option<u32> {
    store.take(&name(host), [policy; 32], START + now, |_| true).map(|session| session.age_add)
}

#[test]
fn the_newest_session_of_a_name_and_a_policy_is_taken_once() {
    let store = ClientSessions::new();
    for number in 0..3 {
        store.keep(&name("a.example"), [1; 32], client_session(number, ProtocolVersion::TLS13, DAY));
    }
    store.keep(&name("a.example"), [2; 32], client_session(9, ProtocolVersion::TLS13, DAY));
    assert_eq!(store.len(), 4);
    assert_eq!(take(&store, "b.example", 1, 0), None);
    assert_eq!(take(&store, "a.example", 3, 0), None);
    for number in [2, 1, 0] {
        assert_eq!(take(&store, "A.EXAMPLE", 1, 0), Some(number));
    }
    assert_eq!(take(&store, "a.example", 1, 0), None);
    assert_eq!(take(&store, "a.example", 2, 0), Some(9));
    assert!(store.is_empty());
}

#[test]
fn what_has_expired_or_cannot_be_used_is_not_taken() {
    let store = ClientSessions::new();
    let host = name("a.example");
    store.keep(&host, [1; 32], client_session(1, ProtocolVersion::TLS13, DAY));
    store.keep(&host, [1; 32], client_session(2, ProtocolVersion::TLS13, HOUR));
    let odd = |session: &ClientSession| session.age_add == 1;
    assert_eq!(store.take(&host, [1; 32], START, odd).unwrap().age_add, 1);
    assert!(store.take(&host, [1; 32], START, odd).is_none());
    assert_eq!(take(&store, "a.example", 1, HOUR), None);
    assert!(store.is_empty());
}

#[test]
fn a_store_is_bounded() {
    let store = ClientSessions::new();
    for number in 0..100 {
        store.keep(&name("a.example"), [1; 32], client_session(number, ProtocolVersion::TLS13, DAY));
    }
    assert_eq!(store.len(), usize::from(limits::TICKETS_KEPT));
    assert_eq!(take(&store, "a.example", 1, 0), Some(99));
    // A ticket of TLS 1.2 takes the place of the one before.
    for number in 0..3 {
        store.keep(&name("b.example"), [1; 32], client_session(number, ProtocolVersion::TLS12, DAY));
    }
    assert_eq!(take(&store, "b.example", 1, 0), Some(2));
    assert_eq!(take(&store, "b.example", 1, 0), None);
    for number in 0..limits::SESSION_NAMES {
        let host = name(&format!("host{number}.example"));
        store.keep(&host, [1; 32], client_session(0, ProtocolVersion::TLS13, DAY));
    }
    assert_eq!(take(&store, "a.example", 1, 0), None);
    assert_eq!(store.len(), limits::SESSION_NAMES);
    store.clear();
    assert!(store.is_empty());
}
