//! Session ids of TLS 1.2 (RFC 5246 section 7.4.1.3): which are given, offered, echoed
//! and kept, in both roles.

use super::alter::*;
use super::faults::tls12_client;
use super::kit::*;
use super::kit12::*;
use super::resumption::{keeping, resumed, sessions};
use super::stores::{by_id, primed_by_id};
use crate::config::{ClientConfig, ServerConfig};
use crate::fault::Fault;
use crate::limits;
use crate::record::Alter;
use crate::session::{ClientSession, SessionCache, TicketKeys};
use crate::wire::*;
use std::sync::Arc;

const TLS12: ProtocolVersion = ProtocolVersion::TLS12;
const HELLO: HandshakeType = HandshakeType::CLIENT_HELLO;

/// The session ids of both hellos.
fn ids(client: &mut Party, server: &mut Party) -> [Vec<u8>; 2] {
    [client, server].map(|party| {
        let hello = messages(&records12(party)).remove(0);
        match Message::decode(&hello, Form::Tls12).unwrap().body {
            Body::ClientHello(m) => m.session_id.to_vec(),
            Body::ServerHello(m) => m.session_id.to_vec(),
            body => panic!("{}", body.name()),
        }
    })
}

fn without(extension: ExtensionType) -> Option<Alter> {
    remove(HELLO, extension)
}

/// What the client has kept, and its store without it.
fn take(client: &ClientConfig) -> Option<ClientSession> {
    let (kept, policy) = client.resumption().unwrap();
    kept.take(&name(), policy, now().as_secs(), |_| true)
}

fn run(client: &ClientConfig, server: &ServerConfig, alter: [Option<Alter>; 2]) -> (Party, Party) {
    let [of_client, of_server] = alter;
    let mut client = Party::client_altered(client, of_client);
    let mut server = Party::server_altered(server, of_server);
    pump(&mut client, &mut server);
    (client, server)
}

/// An id for whoever gets no ticket (RFC 5077 section 3.4), and only where the master
/// secret is bound to its handshake.
#[test]
fn who_gets_an_id() {
    let (client, plain) = keeping(TLS12);
    let extension = ExtensionType::SESSION_TICKET;
    let bound = ExtensionType::EXTENDED_MASTER_SECRET;
    // Whether tickets are stateful, what the client leaves out, and whether it gets an id.
    for (stateful, left_out, given) in [
        (false, None, false),
        (false, Some(extension), true),
        (true, None, true),
        (true, Some(extension), true),
        (true, Some(bound), false),
    ] {
        let cache = Arc::new(SessionCache::new());
        let mut server = plain.clone().session_store(cache.clone());
        server.stateful_tickets = stateful;
        let hello = left_out.and_then(without);
        let (mut client, mut server) =
            connected(Party::client_altered(&client, hello), Party::server(&server));
        let label = format!("{stateful} {left_out:?}");
        let [_, id] = ids(&mut client, &mut server);
        assert_eq!((id.len(), cache.len()), if given { (32, 1) } else { (0, 0) }, "{label}");
    }
    // Without a store nobody does.
    let (mut client, mut server) =
        connected(Party::client_altered(&client, without(extension)), Party::server(&plain));
    assert_eq!(ids(&mut client, &mut server)[1], []);
}

/// A server that gives no tickets is resumed by a client that has never heard of them.
#[test]
fn clients_without_tickets_resume() {
    let (client, plain) = keeping(TLS12);
    let server = plain.session_store(SessionCache::new());
    let mut last = vec![];
    for number in 0..4 {
        let alter = without(ExtensionType::SESSION_TICKET);
        let (mut client, mut server) =
            connected(Party::client_altered(&client, alter), Party::server(&server));
        let [offered, given] = ids(&mut client, &mut server);
        assert_eq!(server.c.info().resumed, number > 0);
        assert_eq!((offered, &given), (last.clone(), if number > 0 { &last } else { &given }));
        last = given;
    }
    // And one that has, by the same id, with an empty extension.
    assert!(resumed(&client, &server));
}

#[test]
fn a_session_without_its_binding_is_not_resumed() {
    for lacks in [true, false] {
        let (client, server) = by_id(TLS12, SessionCache::new());
        connect(&client, &server);
        let hello = if lacks { without(ExtensionType::EXTENDED_MASTER_SECRET) } else { None };
        let (_, server) = run(&client, &server, [hello, None]);
        let expected = lacks.then_some(Fault::ResumedWithoutBinding);
        assert_eq!((server.fault(), server.c.info().resumed), (expected, !lacks));
    }
    // A server that says nothing of it resumes nothing (RFC 7627 section 5.3).
    let (client, server) = by_id(TLS12, SessionCache::new());
    connect(&client, &server);
    let silent = remove(HandshakeType::SERVER_HELLO, ExtensionType::EXTENDED_MASTER_SECRET);
    let (client, _) = run(&client, &server, [None, silent]);
    assert_eq!(client.fault(), Some(Fault::ResumedWithoutBinding));
}

/// RFC 5077 section 3.4: the id that comes with a ticket names no session.
#[test]
fn an_id_beside_a_ticket_is_not_looked_up() {
    let (client, server, store) = primed_by_id(TLS12);
    let id = take(&client).unwrap().ticket;
    // The ticket of another server.
    let elsewhere = keeping(TLS12).1;
    connect(&client, &elsewhere);
    let named = {
        let id = id.clone();
        each(HELLO, move |mut message| {
            message[39..71].copy_from_slice(&id);
            vec![message]
        })
    };
    let (mut c, mut s) = connected(Party::client_altered(&client, named), store.party(&server));
    assert_eq!(ids(&mut c, &mut s)[0], id[..]);
    assert!(!s.c.info().resumed);
    assert_eq!(store.asked(), [[0; 32]; 0]);
}

/// The ids of middlebox compatibility are random, and nobody is asked about them.
#[test]
fn a_compatibility_id_is_not_looked_up() {
    let (_, server, store) = primed_by_id(TLS12);
    let both = client_config();
    let (mut c, mut s) = connected(Party::client(&both), store.party(&server));
    let [offered, given] = ids(&mut c, &mut s);
    assert_eq!((offered.len(), given.len(), offered == given), (32, 32, false));
    assert_eq!(store.asked(), [[0; 32]; 0]);
}

#[test]
fn a_client_keeps_an_id_for_a_day() {
    let (client, server) = by_id(TLS12, SessionCache::new());
    let (mut c, mut s) = connect(&client, &server);
    let session = take(&client).unwrap();
    assert!(session.by_id);
    assert_eq!(session.ticket[..], ids(&mut c, &mut s)[1]);
    assert_eq!(session.expires - session.received, u64::from(limits::SESSION_ID_SECONDS));
    // Whatever its length; an empty one is none.
    for id in [&[][..], &[7; 1], &[7; 31]] {
        let named = server_hello(move |m| m.session_id = id);
        let (party, _) = run(&client, &server, [None, named]);
        assert!(party.is_done(), "{:?}", party.error);
        let kept = take(&client).map(|session| session.ticket.to_vec()).unwrap_or_default();
        assert_eq!(kept, id);
    }
    // Without extended_master_secret a session is not resumed: its id is not kept.
    let hello = without(ExtensionType::EXTENDED_MASTER_SECRET);
    let (party, _) = run(&client, &server, [hello, server_hello(|m| m.session_id = &[7; 32])]);
    assert!(party.is_done() && !party.c.info().extended_master_secret, "{:?}", party.error);
    assert_eq!(take(&client).map(|session| session.ticket), None);
}

/// RFC 5077 section 3.4: who gets a ticket forgets the id; an empty ticket is none.
#[test]
fn a_ticket_takes_the_place_of_an_id() {
    let (client, server) = keeping(TLS12);
    for (empty, by_id) in [(false, false), (true, true)] {
        let both: Option<Alter> = Some(Box::new(move |message| {
            match Message::decode(&message, Form::Tls12).map(|message| message.body) {
                Ok(Body::ServerHello(mut m)) => {
                    m.session_id = &[9; 20];
                    vec![encoded(Body::ServerHello(m))]
                }
                Ok(Body::NewSessionTicket12(_)) if empty => {
                    vec![framed(HandshakeType::NEW_SESSION_TICKET, &[0; 6])]
                }
                _ => vec![message],
            }
        }));
        let (party, _) = run(&client, &server, [None, both]);
        assert!(party.is_done(), "{:?}", party.error);
        let session = take(&client).unwrap();
        assert_eq!((session.by_id, session.ticket[..] == [9; 20]), (by_id, by_id));
    }
}

/// The server does not know the id any more, and gives another one.
#[test]
fn an_id_that_is_not_echoed_is_a_full_handshake() {
    let (client, server) = by_id(TLS12, SessionCache::new());
    connect(&client, &server);
    let forgetful = server.session_store(SessionCache::new());
    let (mut c, mut s) = connect(&client, &forgetful);
    let [offered, given] = ids(&mut c, &mut s);
    assert!(!c.c.info().resumed && offered != given);
    assert_eq!(take(&client).unwrap().ticket[..], given);
}

#[test]
fn an_id_that_is_echoed_brings_its_own_session() {
    // With another suite than it had.
    let (client, server) = by_id(TLS12, SessionCache::new());
    connect(&client, &server);
    let other = server_hello(|m| {
        m.cipher_suite = match m.cipher_suite {
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
                CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            }
            _ => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        };
    });
    let (mut party, _) = run(&client, &server, [None, other]);
    assert_failed12(&mut party, Fault::SessionSuiteChanged);
    // What failed is not offered again.
    assert_eq!(sessions(&client), 0);
    // In another version there is no session of it.
    for version in [ProtocolVersion(0x0302), ProtocolVersion(0x0304)] {
        let (client, server) = by_id(TLS12, SessionCache::new());
        connect(&client, &server);
        let (mut party, _) = run(&client, &server, [None, server_hello(move |m| m.legacy_version = version)]);
        assert_failed12(&mut party, Fault::OldVersion);
    }
    // And an id that is none of a session is not echoed.
    let client = client_config();
    let server = ServerConfig::new(PKI.server.identity(), now).versions(&[TLS12]).unwrap();
    let mut hello = Party::client(&client);
    let sent = hello.take();
    let id: [u8; 32] = sent[5 + 39..5 + 71].try_into().unwrap();
    let id: &'static [u8] = Box::leak(Box::new(id));
    let mut party = Party::server_altered(&server, server_hello(move |m| m.session_id = id));
    party.give(&sent);
    hello.give(&party.take());
    assert_failed12(&mut hello, Fault::SessionIdEchoed);
}

/// It echoes whatever came, as it must: that is no session (RFC 9846 section 4.2.3).
#[test]
fn a_server_of_tls13_echoes_the_id_of_a_session() {
    let (client, server) = by_id(TLS12, SessionCache::new());
    let both = client.versions(&[ProtocolVersion::TLS13, TLS12]).unwrap();
    connect(&both, &server);
    let id = {
        let session = take(&both).unwrap();
        let id = session.ticket.clone();
        let (kept, policy) = both.resumption().unwrap();
        kept.keep(&name(), policy, session);
        id
    };
    assert!(resumed(&both, &server), "TLS 1.3 does not stand in its way");
    let (mut c, s) = connected(Party::client(&both), Party::server(&server_config()));
    assert_eq!(c.c.info().version, Some(ProtocolVersion::TLS13));
    assert!(!c.c.info().resumed && !s.c.info().resumed);
    let hello = messages(&c.records()).remove(0);
    let Body::ClientHello(m) = Message::decode(&hello, Form::Tls13).unwrap().body else { panic!() };
    assert_eq!(m.session_id, &id[..]);
}

/// Whoever does not keep sessions offers none.
#[test]
fn a_client_without_a_store_keeps_no_id() {
    let (_, server) = by_id(TLS12, SessionCache::new());
    for _ in 0..2 {
        let (mut c, mut s) = connect(&tls12_client(), &server);
        let [offered, given] = ids(&mut c, &mut s);
        assert_eq!((offered.len(), given.len()), (0, 32));
    }
}

/// Keys that others have not: they cannot tell the ids, and ask nobody.
#[test]
fn servers_that_share_store_and_keys_resume_each_other_s_ids() {
    let cache = Arc::new(SessionCache::new());
    let keys = Arc::new(TicketKeys::random());
    let (client, server) = keeping(TLS12);
    let server = server.session_store(cache).stateful_tickets();
    let [one, other] = [0, 1].map(|_| server.clone().tickets(keys.clone()));
    assert!(!resumed(&client, &one));
    assert!(resumed(&client, &other) && resumed(&client, &one));
    assert!(!resumed(&client, &server.tickets(TicketKeys::random())));
}
