//! Sessions that are resumed, and those that are not.

use super::alter::*;
use super::faults::says;
use super::kit::*;
use super::kit12::records12;
use crate::config::{ClientAuth, ClientConfig, ClientOptions, ServerConfig};
use crate::crypto::source::Entropy;
use crate::fault::Fault;
use crate::info::Trust;
use crate::limits;
use crate::pki::{Roots, UnixTime, Verifier};
use crate::question::{Answer, OwnedQuestion};
use crate::session::{ClientSession, ClientSessions, TicketKey, TicketKeys};
use crate::wire::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub(super) const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
const WEEK: u64 = limits::TICKET_SECONDS as u64;

/// Configurations of one version that keep sessions.
pub(super) fn keeping(version: ProtocolVersion) -> (ClientConfig, ServerConfig) {
    (
        client_config().versions(&[version]).unwrap().sessions(ClientSessions::new()),
        server_config().versions(&[version]).unwrap().tickets(TicketKeys::random()),
    )
}

/// The same after a first handshake, whose session is at hand.
pub(super) fn primed(version: ProtocolVersion) -> (ClientConfig, ServerConfig) {
    let (client, server) = keeping(version);
    assert!(!resumed(&client, &server));
    (client, server)
}

pub(super) fn sessions(client: &ClientConfig) -> usize {
    client.sessions.as_ref().unwrap().len()
}

/// Shakes hands; whether a session was resumed, in the eyes of both sides.
#[track_caller]
pub(super) fn resumed(client: &ClientConfig, server: &ServerConfig) -> bool {
    let (client, server) = connect(client, server);
    assert_eq!(client.c.info().resumed, server.c.info().resumed);
    client.c.info().resumed
}

/// The same with alterations.
#[track_caller]
fn resumed_altered(
    client: &ClientConfig,
    server: &ServerConfig,
    alter: Option<crate::record::Alter>,
) -> bool {
    let (client, server) = connected(Party::client_altered(client, alter), Party::server(server));
    assert_eq!(client.c.info().resumed, server.c.info().resumed);
    client.c.info().resumed
}

/// A clock that can be set.
#[derive(Clone)]
pub(super) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(now().as_secs())))
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Relaxed);
    }

    pub(super) fn reading(&self) -> impl Fn() -> UnixTime + Send + Sync + 'static {
        let clock = self.0.clone();
        move || UnixTime::since_unix_epoch(Duration::from_secs(clock.load(Relaxed)))
    }
}

fn kinds(party: &mut Party) -> Vec<u8> {
    messages(&party.records()).iter().map(|message| message[0]).collect()
}

#[test]
fn a_session_is_resumed_without_certificates() {
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let (client, server) = (client.alpn(&[b"h2", b"h3"]).unwrap(), server.alpn(&[b"h2"]).unwrap());
        let (first, _) = connect(&client, &server);
        assert!(!first.c.info().resumed);
        // The protocol is negotiated anew.
        let server = server.alpn(&[b"h3"]).unwrap();
        let (mut c, mut s) = connect(&client, &server);
        for party in [&mut c, &mut s] {
            let info = party.c.info();
            assert!(info.resumed, "{version}");
            assert_eq!(info.version, Some(version));
            assert_eq!(info.alpn.as_deref(), Some(&b"h3"[..]));
            assert_eq!(info.server_name.as_deref(), Some(HOST));
            // TLS 1.2 exchanges no keys again: the group is the first handshake's.
            assert!(info.group.is_some() && info.group == first.c.info().group);
        }
        // RFC 6066 section 3: the server's hello of a session names nobody again.
        if version == ProtocolVersion::TLS12 {
            let hello = messages(&records12(&mut s)).remove(0);
            let Body::ServerHello(hello) = Message::decode(&hello, Form::Tls12).unwrap().body else {
                panic!()
            };
            assert!(!hello.extensions.server_name);
        } else {
            let hellos = messages(&s.records());
            let Body::EncryptedExtensions(m) = Message::decode(&hellos[1], Form::Tls13).unwrap().body else {
                panic!()
            };
            assert!(!m.server_name);
        }
        // What the first handshake showed of the server.
        assert_eq!(c.c.info().trust, Trust::Policy);
        assert_eq!(c.c.info().peer_chain, first.c.info().peer_chain);
        assert_eq!(c.c.info().peer_scheme, first.c.info().peer_scheme);
        assert!(first.c.info().peer_scheme.is_some());
        assert_eq!(s.c.info().trust, Trust::Anonymous);

        let (mut ours, mut theirs) = ([0; 32], [0; 32]);
        c.c.export("EXPORTER-x", Some(b"y"), &mut ours).unwrap();
        s.c.export("EXPORTER-x", Some(b"y"), &mut theirs).unwrap();
        assert_eq!(ours, theirs);
        deliver(&mut c, &mut s, b"from the client");
        deliver(&mut s, &mut c, b"from the server");
        if version == ProtocolVersion::TLS13 {
            let expected = [2, 8, 20, 4, 4].map(HandshakeType);
            assert_eq!(kinds(&mut s), expected.map(|kind| kind.0));
            assert_eq!(kinds(&mut c), [1, 20]);
        }
    }
}

#[test]
fn sessions_of_tls13_are_used_once_and_those_of_tls12_again() {
    let (client, server) = primed(ProtocolVersion::TLS13);
    let server = server.tickets_sent(0);
    assert_eq!(sessions(&client), 2);
    assert!(resumed(&client, &server) && resumed(&client, &server));
    assert_eq!(sessions(&client), 0);
    assert!(!resumed(&client, &server));

    let (client, server) = primed(ProtocolVersion::TLS12);
    for _ in 0..3 {
        assert_eq!(sessions(&client), 1);
        assert!(resumed(&client, &server));
    }
}

#[test]
fn without_store_or_keys_nothing_is_resumed() {
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let forgetful = server_config().versions(&[version]).unwrap();
        assert!(!resumed(&client, &forgetful));
        assert_eq!(sessions(&client), 0);
        assert!(!resumed(&client_config(), &server) && !resumed(&client_config(), &server));
        // Another client than the one that was here.
        resumed(&client, &server);
        assert!(!resumed(&client, &forgetful));
    }
}

#[test]
fn another_server_s_or_an_altered_ticket_is_no_fault() {
    for version in VERSIONS {
        let (client, server) = primed(version);
        assert!(!resumed(&client, &server.clone().tickets(TicketKeys::random())), "{version}");

        let (client, server) = primed(version);
        let ticket = if version == ProtocolVersion::TLS13 {
            extension(HandshakeType::CLIENT_HELLO, ExtensionType::PRE_SHARED_KEY, |psks| psks[60] ^= 1)
        } else {
            extension(HandshakeType::CLIENT_HELLO, ExtensionType::SESSION_TICKET, |ticket| ticket[60] ^= 1)
        };
        assert!(!resumed_altered(&client, &server, ticket));
    }
}

/// A session is resumed day after day, but not on the seventh.
#[track_caller]
fn assert_a_week_of_days(client: &ClientConfig, server: &ServerConfig, clock: &Clock) {
    resumed(client, server);
    for day in 1..=7 {
        clock.pass(WEEK / 7);
        assert_eq!(resumed(client, server), day < 7, "day {day}");
    }
}

/// Keys whose tickets live as long as may be.
fn for_a_week() -> TicketKeys {
    TicketKeys::random().with_lifetime(Duration::from_secs(WEEK)).unwrap()
}

/// As long as tickets live if nothing is said; resuming gives another one in time.
#[test]
fn a_ticket_ends_after_a_day() {
    const DAY: u64 = limits::TICKET_LIFETIME as u64;
    for version in VERSIONS {
        for (waits, resumes) in [(&[DAY - 1][..], true), (&[DAY], false), (&[DAY - 1, DAY - 1], true)] {
            let clock = Clock::new();
            let server =
                ServerConfig::new(PKI.server.identity(), clock.reading()).tickets(TicketKeys::random());
            // Its clock stands still: the server alone says what is too old.
            let (client, _) = keeping(version);
            resumed(&client, &server);
            let mut last = false;
            for wait in waits {
                clock.pass(*wait);
                last = resumed(&client, &server);
            }
            assert_eq!(last, resumes, "{version} {waits:?}");
        }
    }
}

/// The client's own count, whatever a server says.
#[test]
fn a_session_that_is_resumed_is_no_younger_in_its_store() {
    for version in VERSIONS {
        let clock = Clock::new();
        let client = ClientConfig::new(trusting(), clock.reading()).versions(&[version]).unwrap();
        let client = client.sessions(ClientSessions::new());
        // Each handshake with another key: TLS 1.2's ticket is renewed, too.
        let server = |n: u8| {
            let at =
                |days: u64| UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs() + days * 86_400));
            let keys =
                (1..=n).map(|key| TicketKey::new([key; 32], at(0), at(u64::from(key == n) * 9), at(9)));
            let keys = TicketKeys::shared(keys.map(Result::unwrap)).unwrap();
            server_config().tickets(keys.with_lifetime(Duration::from_secs(WEEK)).unwrap())
        };
        assert!(!resumed(&client, &server(1)));
        clock.pass(1000);
        assert!(resumed(&client, &server(2)));
        let (store, policy) = client.resumption().unwrap();
        let newest = store.take(&name(), policy, now().as_secs(), |_| true).unwrap();
        assert_eq!(newest.received, now().as_secs() + 1000, "{version}: no new ticket");
        assert_eq!((newest.trusted_until, newest.expires), (now().as_secs() + WEEK, now().as_secs() + WEEK));
    }
}

#[test]
fn a_session_ends_after_a_week() {
    for version in VERSIONS {
        for (client_waits, server_waits, expected) in
            [(WEEK - 1, WEEK - 1, true), (WEEK, 0, false), (0, WEEK, false)]
        {
            let (ours, theirs) = (Clock::new(), Clock::new());
            let client = ClientConfig::new(trusting(), ours.reading()).versions(&[version]).unwrap();
            let client = client.sessions(ClientSessions::new());
            let server = ServerConfig::new(PKI.server.identity(), theirs.reading()).tickets(for_a_week());
            resumed(&client, &server);
            ours.pass(client_waits);
            theirs.pass(server_waits);
            assert_eq!(resumed(&client, &server), expected, "{version} {client_waits} {server_waits}");
        }
        // Resuming does not make it younger.
        let clock = Clock::new();
        let client = ClientConfig::new(trusting(), clock.reading()).versions(&[version]).unwrap();
        let client = client.sessions(ClientSessions::new());
        let server = ServerConfig::new(PKI.server.identity(), clock.reading()).tickets(for_a_week());
        assert_a_week_of_days(&client, &server, &clock);
        // Nor in the eyes of a server whose client's clock stands still.
        let clock = Clock::new();
        let key = |from: u64| {
            let at = |days: u64| {
                UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs() + days * WEEK / 7))
            };
            TicketKey::new([1 + from as u8; 32], at(from), at(from + 1), at(90)).unwrap()
        };
        let keys = TicketKeys::shared((0..9).map(key)).unwrap();
        let keys = keys.with_lifetime(Duration::from_secs(WEEK)).unwrap();
        let (client, _) = keeping(version);
        let server = ServerConfig::new(PKI.server.identity(), clock.reading()).tickets(keys);
        assert_a_week_of_days(&client, &server, &clock);
    }
}

#[test]
fn who_judges_otherwise_shakes_hands_in_full() {
    for version in VERSIONS {
        let (client, server) = primed(version);
        let stricter = client.with_judge(trusting().with_most_intermediates(1));
        assert!(!resumed(&stricter, &server));
        // The session of the other policy is still there.
        assert!(resumed(&client, &server));
        // As somebody else.
        assert!(!resumed(&client.clone().identity(PKI.client.identity()), &server));

        let (client, server) = primed(version);
        let requests = server.clone().client_auth(ClientAuth::Request(trusting().into()));
        assert!(!resumed(&client, &requests));
        assert!(resumed(&client, &requests));
        let requires = server.client_auth(ClientAuth::Request(distrusting().into()));
        assert!(!resumed(&client, &requires));
    }
}

#[test]
fn a_policy_is_told_by_all_that_it_judges_by() {
    let mut roots = Roots::new();
    let mut policies = vec![
        distrusting(),
        trusting(),
        Verifier::chain_without_name(Roots::new()),
        Verifier::dangerous_accept_any(),
        Verifier::pinned([[1; 32]]),
        Verifier::pinned([[2; 32]]),
        Verifier::exactly(PKI.authority.clone()),
        Verifier::exactly(PKI.server.chain[0].clone()),
        trusting().and_pins([[1; 32]]),
        trusting().and_pins([]),
        trusting().with_most_intermediates(0),
        trusting().with_profile(crate::pki::Profile::STRICT),
        trusting().with_revocation(crate::pki::Revocation::hard([])),
        trusting().with_revocation(crate::pki::Revocation::hard([]).leaf_only()),
        trusting().with_policies(crate::pki::Policies::one()),
    ];
    let before = Verifier::web_pki(roots.clone()).fingerprint();
    assert_eq!(before, policies[0].fingerprint());
    roots.add(PKI.authority.clone()).unwrap();
    assert_eq!(Verifier::web_pki(roots.clone()).fingerprint(), policies[1].fingerprint());
    roots.add(PKI.server.chain[0].clone()).unwrap();
    policies.push(Verifier::web_pki(roots));
    let mut all: Vec<_> = policies.iter().map(Verifier::fingerprint).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), policies.len());
}

/// On whichever side the other's signature would not be taken today.
#[test]
fn a_session_goes_with_its_signature_scheme() {
    let [other, same] = [SignatureScheme::ED25519, SignatureScheme::ECDSA_SECP256R1_SHA256];
    for version in VERSIONS {
        for (scheme, resumes) in [(other, false), (same, true)] {
            let (client, server) = primed(version);
            let client = client.signature_schemes(&[scheme]).unwrap();
            // Whoever resumes signs nothing; else this server could not.
            let mut client = Party::client(&client);
            pump(&mut client, &mut Party::server(&server));
            assert_eq!((client.is_done(), client.c.info().resumed), (resumes, resumes), "{version}");

            let (client, server) = keeping(version);
            let client = client.identity(PKI.client.identity());
            let server = server.client_auth(ClientAuth::Request(trusting().into()));
            connect(&client, &server);
            assert_eq!(resumed(&client, &server.signature_schemes(&[scheme]).unwrap()), resumes, "{version}");
        }
    }
}

#[test]
fn a_session_is_of_one_name() {
    for version in VERSIONS {
        let (client, server) = primed(version);
        let options = ClientOptions { hide_server_name: true, ..ClientOptions::default() };
        let hiding = Party::client_made(&client, options, Entropy::system(), None);
        let (hiding, _) = connected(hiding, Party::server(&server));
        assert!(!hiding.c.info().resumed);
    }
}

#[test]
fn a_client_stays_who_it_was() {
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let client = client.identity(PKI.client.identity());
        let server = server.client_auth(ClientAuth::Require(trusting().into()));
        assert!(!resumed(&client, &server));
        for _ in 0..2 {
            let (_, server) = connect(&client, &server);
            let info = server.c.info();
            assert!(info.resumed);
            assert_eq!(info.trust, Trust::Policy);
            assert_eq!(info.peer_chain.as_deref(), Some(&PKI.client.chain[..]));
            assert_eq!(info.peer_scheme, Some(SCHEME));
        }
        // One that declined before stays nobody, and cannot come to where it must not.
        let (client, server) = keeping(version);
        let asks = server.clone().client_auth(ClientAuth::Request(trusting().into()));
        resumed(&client, &asks);
        let (_, party) = connect(&client, &asks);
        assert!(party.c.info().resumed && party.c.info().trust == Trust::Anonymous);
        let (mut c, mut s) = (
            Party::client(&client),
            Party::server(&server.client_auth(ClientAuth::Require(trusting().into()))),
        );
        pump(&mut c, &mut s);
        assert!(matches!(s.fault(), Some(Fault::CertificateRequired | Fault::CertificateRequired12)));
    }
}

#[test]
fn who_was_accepted_for_once_is_asked_about_again() {
    let accept = |_: &OwnedQuestion| Some(Answer::AcceptThisOnce("the tests".to_owned()));
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let client = client.with_judge(distrusting()).ask_when_refused();
        let (c, _) = connected(Party::client(&client).answering(accept), Party::server(&server));
        assert!(matches!(c.c.info().trust, Trust::AcceptedThisOnce(_)));
        assert_eq!(sessions(&client), 0, "{version}");

        let (client, server) = keeping(version);
        let client = client.identity(PKI.client.identity());
        let server = server.client_auth(ClientAuth::Require(distrusting().into())).ask_when_refused();
        connected(Party::client(&client), Party::server(&server).answering(accept));
        assert_eq!(sessions(&client), 0, "{version}");
    }
}

#[test]
fn keys_are_changed_without_losing_sessions() {
    let at = |hours: u64| UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs() + hours * 3600));
    let old = |encrypts| TicketKey::new([1; 32], at(0), at(encrypts), at(90)).unwrap();
    let new = || TicketKey::new([2; 32], at(0), at(80), at(90)).unwrap();
    let with = |server: &ServerConfig, keys: Vec<TicketKey>| {
        server.clone().tickets(TicketKeys::shared(keys).unwrap())
    };
    for version in VERSIONS {
        let (client, server) = keeping(version);
        assert!(!resumed(&client, &with(&server, vec![old(10)])));
        // The old key decrypts still; the new one seals what is given instead.
        assert!(resumed(&client, &with(&server, vec![old(0), new()])));
        assert!(resumed(&client, &with(&server, vec![new()])));
        assert!(!resumed(&client, &with(&server, vec![old(10)])));
    }
}

#[test]
fn a_key_goes_with_its_hash_alone() {
    let other = [CipherSuite::TLS_AES_256_GCM_SHA384];
    let (client, server) = primed(ProtocolVersion::TLS13);
    assert!(!resumed(&client, &server.suites(&other).unwrap()));
    // After a retry with another hash the key is not even offered.
    let (client, server) = primed(ProtocolVersion::TLS13);
    let retrying = server.suites(&other).unwrap().groups(&[NamedGroup::SECP256R1]).unwrap();
    let (mut c, _) = connect(&client, &retrying);
    let hellos = messages(&c.records());
    let offers = |hello: &[u8]| {
        let Body::ClientHello(hello) = Message::decode(hello, Form::Tls13).unwrap().body else { panic!() };
        hello.extensions.pre_shared_key.is_some()
    };
    assert!(offers(&hellos[0]) && !offers(&hellos[1]));
    assert!(!c.c.info().resumed);
    // Another suite with the same hash will do, if the session's own is offered beside it.
    let (client, server) = primed(ProtocolVersion::TLS13);
    let chacha = [CipherSuite::TLS_CHACHA20_POLY1305_SHA256];
    let server = server.suites(&chacha).unwrap();
    let alone =
        client_hello(|m| m.cipher_suites = List::values(&[CipherSuite::TLS_CHACHA20_POLY1305_SHA256]));
    assert!(!resumed_altered(&client, &server, alone));
    assert!(resumed(&client, &server));
}

#[test]
fn the_key_exchange_is_always_done_anew() {
    let only = |mode| {
        client_hello(move |m| {
            const KE: &[PskKeyExchangeMode] = &[PskKeyExchangeMode::PSK_KE];
            const NONE: &[PskKeyExchangeMode] = &[PskKeyExchangeMode(7)];
            m.extensions.psk_key_exchange_modes = Some(List::values(if mode == 0 { KE } else { NONE }));
        })
    };
    for mode in [0, 7] {
        let (client, server) = primed(ProtocolVersion::TLS13);
        let before = sessions(&client);
        assert!(!resumed_altered(&client, &server, only(mode)));
        // One was taken out, and no new ones came.
        assert_eq!(sessions(&client), before - 1);
    }
}

#[test]
fn what_is_not_bound_to_its_handshake_is_not_resumed() {
    let (client, server) = keeping(ProtocolVersion::TLS12);
    for (client, server) in [
        (client.clone().without_extended_master_secret(), server.clone()),
        (client.clone(), server.clone().without_extended_master_secret()),
    ] {
        assert!(!resumed(&client, &server) && !resumed(&client, &server));
        assert_eq!(sessions(&client), 0);
    }
    // A session that was bound is not resumed by who does not bind any more.
    let (client, server) = primed(ProtocolVersion::TLS12);
    assert!(!resumed(&client, &server.without_extended_master_secret()));
}

#[test]
fn an_old_session_does_not_stand_in_the_way_of_a_new_version() {
    let (client, server) = keeping(ProtocolVersion::TLS12);
    resumed(&client, &server);
    let both = |client: &ClientConfig| client.clone().versions(&VERSIONS).unwrap();
    let newer = server.clone().versions(&VERSIONS).unwrap();
    let (c, _) = connect(&both(&client), &newer);
    assert_eq!((c.c.info().version, c.c.info().resumed), (Some(ProtocolVersion::TLS13), false));
    // And the other way round: the server does not speak TLS 1.3 any more.
    let (c, _) = connect(&both(&client), &server);
    assert_eq!((c.c.info().version, c.c.info().resumed), (Some(ProtocolVersion::TLS12), false));
    assert!(resumed(&both(&client), &server));
    // What is not offered any more is not resumed.
    let (client, server) = primed(ProtocolVersion::TLS12);
    let suites = [CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256];
    assert!(!resumed(&client.clone().suites(&suites).unwrap(), &server));
    let (client, server) = primed(ProtocolVersion::TLS12);
    assert!(!resumed(&client, &server.suites(&suites).unwrap()));
}

/// NewSessionTicket with this lifetime.
fn ticket(lifetime: u32, ticket: &[u8]) -> Vec<u8> {
    encoded(Body::NewSessionTicket13(NewSessionTicket13 {
        ticket_lifetime: lifetime,
        ticket_age_add: 1,
        ticket_nonce: &[1],
        ticket,
        extensions: TicketExtensions::default(),
    }))
}

#[test]
fn tickets_are_kept_within_limits() {
    let connected = || {
        let (client, server) = keeping(ProtocolVersion::TLS13);
        let (party, _) = connect(&client, &server.tickets_sent(0));
        (client, party)
    };
    // Cut by the end of a record.
    let message = ticket(100, &[5; 100]);
    for cut in [1, 4, 20, message.len() - 1] {
        let (client, mut party) = connected();
        for part in [&message[..cut], &message[cut..]] {
            assert_eq!(sessions(&client), 0);
            let bytes = party.forge(HANDSHAKE, part);
            party.give(&bytes);
        }
        assert_eq!(sessions(&client), 1, "{:?}", party.error);
    }
    let (client, mut party) = connected();
    for number in 0..20 {
        let bytes = party.forge(HANDSHAKE, &ticket(100, &[number; 10]));
        party.give(&bytes);
    }
    assert!(party.error.is_none());
    assert_eq!(sessions(&client), usize::from(limits::TICKETS_KEPT));
    // The newest are left.
    let newest = take_session(&client, |session| *session.ticket == [19; 10]);
    assert!(newest.is_some() && take_session(&client, |session| *session.ticket == [11; 10]).is_none());
    // Of no use: it has expired, or is too long.
    for message in [ticket(0, &[1]), ticket(100, &[1; limits::TICKET_BYTES + 1])] {
        let (client, mut party) = connected();
        for part in message.chunks(10_000) {
            let bytes = party.forge(HANDSHAKE, part);
            party.give(&bytes);
        }
        assert!(party.error.is_none());
        assert_eq!(sessions(&client), 0);
    }
    // A lifetime of more than a week is one of a week.
    let (client, mut party) = connected();
    let bytes = party.forge(HANDSHAKE, &ticket(u32::MAX, &[1]));
    party.give(&bytes);
    assert_eq!(take_session(&client, |_| true).unwrap().expires, now().as_secs() + WEEK);
}

fn take_session(client: &ClientConfig, usable: impl Fn(&ClientSession) -> bool) -> Option<ClientSession> {
    let (sessions, policy) = client.resumption().unwrap();
    sessions.take(&name(), policy, now().as_secs(), usable)
}

/// A client that stays for weeks gets a ticket now and then; a flood has no data in it.
#[test]
fn data_refills_the_budget_of_tickets() {
    let (client, server) = keeping(ProtocolVersion::TLS13);
    let (mut party, mut server) = connect(&client, &server.tickets_sent(0));
    for number in 0..=limits::TICKETS_READ {
        if number == limits::TICKETS_READ {
            deliver(&mut server, &mut party, b"data");
        }
        says(&mut server, &ticket(100, &[number; 10]));
        let bytes = server.take();
        party.give(&bytes);
        assert!(party.error.is_none(), "{number}: {:?}", party.error);
    }
    assert_eq!(sessions(&client), usize::from(limits::TICKETS_KEPT));
}

#[test]
fn a_half_of_a_connection_keeps_tickets() {
    let (client, server) = keeping(ProtocolVersion::TLS13);
    let (party, _) = connect(&client, &server.tickets_sent(0));
    let bytes = party.forge(HANDSHAKE, &ticket(100, &[1]));
    let (mut receiver, _sender) = party.c.split().unwrap();
    let mut space = receiver.space().unwrap();
    space[..bytes.len()].copy_from_slice(&bytes);
    space.filled(bytes.len());
    assert!(matches!(receiver.next(), Ok(crate::Event::NeedInput)));
    assert_eq!(sessions(&client), 1);
}

/// As many tickets as may be, with the longest chain that a ticket takes, while
/// half-RTT data wait to be sent.
#[test]
fn all_tickets_have_room() {
    let (client, server) = keeping(ProtocolVersion::TLS13);
    let chain = vec![PKI.client.chain[0].clone(); limits::CHAIN_CERTIFICATES];
    let identity = crate::identity::Identity::new(chain, &PKI.client.key()).unwrap();
    let server = server.client_auth(ClientAuth::Require(trusting().into())).tickets_sent(u8::MAX);
    assert_eq!(server.tickets_sent, limits::TICKETS_KEPT);
    let client = client.identity(identity);
    resumed(&client, &server);
    assert_eq!(sessions(&client), usize::from(limits::TICKETS_KEPT));
    assert!(resumed(&client, &server));

    let (client, server) = primed(ProtocolVersion::TLS13);
    let (mut c, mut s) = (Party::client(&client), Party::server(&server.half_rtt().tickets_sent(8)));
    let hello = c.take();
    s.give(&hello);
    let flight = s.take();
    // A session that is resumed changes nothing: no client certificate is asked for.
    while s.c.send(&[7; 10_000]).unwrap() > 0 {}
    c.give(&flight);
    let finished = c.take();
    s.give(&finished);
    assert!(s.is_done() && s.c.info().resumed, "{:?}", s.error);
    pump(&mut c, &mut s);
    assert!(c.error.is_none() && c.data().len() > 20_000);
}

#[test]
fn only_the_first_few_keys_of_a_client_are_looked_at() {
    let (client, server) = primed(ProtocolVersion::TLS13);
    let before = |count: usize| {
        extension(HandshakeType::CLIENT_HELLO, ExtensionType::PRE_SHARED_KEY, move |psks| {
            let end = 2 + usize::from(u16::from_be_bytes([psks[0], psks[1]]));
            let (identities, binders) = (psks[2..end].to_vec(), psks[end + 2..].to_vec());
            let identities = [[0, 1, 9, 0, 0, 0, 0].repeat(count), identities].concat();
            let binders = [[&[32][..], &[7; 32]].concat().repeat(count), binders].concat();
            let with_length =
                |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
            *psks = [with_length(&identities), with_length(&binders)].concat();
        })
    };
    assert!(!resumed_altered(&client, &server, before(limits::PSK_IDENTITIES)));
    // Within the limit it is found, and its binder is over another ClientHello.
    let mut party = Party::server(&server);
    let mut client = Party::client_altered(&client, before(limits::PSK_IDENTITIES - 1));
    pump(&mut client, &mut party);
    party.assert_failed(Fault::BadBinder);
}
