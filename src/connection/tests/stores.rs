//! Sessions that a server keeps under their ids, in its memory or elsewhere: session ids
//! in TLS 1.2, stateful tickets in TLS 1.3.

use super::super::{Connection, Event};
use super::again::primed_again;
use super::alter::*;
use super::kit::*;
use super::resumption::{VERSIONS, keeping, resumed, sessions};
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::fault::Fault;
use crate::info::Trust;
use crate::limits;
use crate::question::{Answer, OwnedQuestion};
use crate::schedule::Side;
use crate::session::{SessionCache, SessionQueue, SessionStore, SessionWrite, TicketKeys};
use crate::wire::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TLS13: ProtocolVersion = ProtocolVersion::TLS13;
const TLS12: ProtocolVersion = ProtocolVersion::TLS12;

/// What a store has, by the ids.
pub(super) type Sealed = BTreeMap<[u8; 32], Vec<u8>>;

/// A store that is elsewhere, and all that it was asked.
#[derive(Clone, Default)]
pub(super) struct Elsewhere {
    pub(super) queue: Arc<SessionQueue>,
    kept: Arc<Mutex<Sealed>>,
    asked: Arc<Mutex<Vec<[u8; 32]>>>,
}

impl Elsewhere {
    /// It does what it was told so far.
    pub(super) fn write(&self) -> Sealed {
        let mut kept = self.kept.lock().unwrap();
        while let Some(write) = self.queue.take(Duration::ZERO) {
            match write {
                SessionWrite::Keep { id, sealed, lives } => {
                    assert!((1..=u64::from(limits::TICKET_LIFETIME)).contains(&lives.as_secs()));
                    kept.insert(id, sealed);
                }
                SessionWrite::Forget { id } => drop(kept.remove(&id)),
            }
        }
        kept.clone()
    }

    /// Something else stands in the store.
    fn set(&self, change: impl FnOnce(&mut Sealed)) {
        self.write();
        change(&mut self.kept.lock().unwrap());
    }

    /// A server that is answered from here.
    pub(super) fn party(&self, server: &ServerConfig) -> Party {
        let store = self.clone();
        Party::server(server).answering(move |question| {
            let OwnedQuestion::Session { id } = question else { return None };
            store.asked.lock().unwrap().push(*id);
            Some(store.write().get(id).cloned().map_or(Answer::NoSession, Answer::Session))
        })
    }

    /// The questions since they were looked at last.
    pub(super) fn asked(&self) -> Vec<[u8; 32]> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Shakes hands; whether a session was resumed.
    #[track_caller]
    pub(super) fn resumes(&self, client: &ClientConfig, server: &ServerConfig) -> bool {
        let (client, server) = connected(Party::client(client), self.party(server));
        assert_eq!(client.c.info().resumed, server.c.info().resumed);
        client.c.info().resumed
    }
}

/// Configurations of one version where sessions are in no tickets.
pub(super) fn by_id(
    version: ProtocolVersion,
    store: impl Into<SessionStore>,
) -> (ClientConfig, ServerConfig) {
    let (client, server) = keeping(version);
    (client, server.session_store(store).stateful_tickets())
}

/// The same with a store elsewhere, after a first handshake.
pub(super) fn primed_by_id(version: ProtocolVersion) -> (ClientConfig, ServerConfig, Elsewhere) {
    let store = Elsewhere::default();
    let (client, server) = by_id(version, store.queue.clone());
    assert!(!store.resumes(&client, &server));
    (client, server, store)
}

#[test]
fn a_session_is_resumed_by_its_id() {
    for version in VERSIONS {
        // With a client that showed who it is.
        let cache = Arc::new(SessionCache::new());
        let (client, server) = by_id(version, cache.clone());
        let client = client.identity(PKI.client.identity());
        let server = server.client_auth(ClientAuth::Require(trusting().into()));
        assert!(!resumed(&client, &server));
        for _ in 0..4 {
            let (mut client, mut server) = connect(&client, &server);
            for party in [&client, &server] {
                assert!(party.c.info().resumed && party.c.info().trust == Trust::Policy, "{version}");
            }
            assert_eq!(server.c.info().peer_chain.as_deref(), Some(&PKI.client.chain[..]));
            deliver(&mut client, &mut server, b"from the client");
            deliver(&mut server, &mut client, b"from the server");
        }
        // Elsewhere.
        let (client, server, store) = primed_by_id(version);
        assert_eq!(store.asked().len(), 0, "{version}");
        for _ in 0..4 {
            assert!(store.resumes(&client, &server), "{version}");
            assert_eq!(store.asked().len(), 1, "{version}");
        }
    }
}

/// In TLS 1.3 an id is for one use, and each handshake gives others; in TLS 1.2 it is
/// for many.
#[test]
fn ids_of_tls13_are_used_once_and_those_of_tls12_again() {
    let (client, server, store) = primed_by_id(TLS13);
    let first = store.write();
    assert_eq!((first.len(), sessions(&client)), (2, 2));
    let server = server.tickets_sent(0);
    for left in [1, 0] {
        assert!(store.resumes(&client, &server));
        assert_eq!(store.write().len(), left);
    }
    assert!(!store.resumes(&client, &server));

    let (client, server, store) = primed_by_id(TLS12);
    let first = store.write();
    assert_eq!((first.len(), sessions(&client)), (1, 1));
    for _ in 0..3 {
        assert!(store.resumes(&client, &server));
        assert_eq!((store.write(), sessions(&client)), (first.clone(), 1));
    }
}

/// Nobody who reads a store reads a session.
#[test]
fn what_leaves_is_sealed() {
    for version in VERSIONS {
        let store = Elsewhere::default();
        let (client, server) = by_id(version, store.queue.clone());
        let (_, server) = connected(Party::client(&client), store.party(&server));
        let host = HOST.as_bytes();
        let shown = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        for sealed in store.write().values() {
            assert!(sealed.len() > host.len() && !shown(sealed, host), "{version}");
            if version == TLS12 {
                assert!(!shown(sealed, &server.heard.secret("master_secret")));
            }
        }
    }
}

/// Whatever a store answers, the handshake succeeds.
#[test]
fn what_a_store_should_not_have_costs_a_full_handshake() {
    for version in VERSIONS {
        type Change = Box<dyn FnOnce(&mut Sealed)>;
        let each = |change: fn(&mut Vec<u8>)| -> Change {
            Box::new(move |kept: &mut Sealed| kept.values_mut().for_each(change))
        };
        let (_, _, other) = primed_by_id(version);
        let foreign = other.write().into_values().next().unwrap();
        let (changes, length): (Vec<Change>, usize) = {
            let (_, _, store) = primed_by_id(version);
            let length = store.write().values().next().unwrap().len();
            let cut = (0..length).map(|length| -> Change {
                Box::new(move |kept| kept.values_mut().for_each(|sealed| sealed.truncate(length)))
            });
            let flipped = (0..length).step_by(7).map(|place| -> Change {
                Box::new(move |kept| kept.values_mut().for_each(|sealed| sealed[place] ^= 1))
            });
            let mut changes: Vec<_> = cut.chain(flipped).collect();
            changes.push(Box::new(Sealed::clear));
            changes.push(each(|sealed| sealed.push(0)));
            changes.push(each(|sealed| *sealed = vec![7; 70_000]));
            changes.push(Box::new(move |kept| {
                kept.values_mut().for_each(|sealed| sealed.clone_from(&foreign));
            }));
            (changes, length)
        };
        assert!(length > 100 && changes.len() > length);
        let (client, server, store) = primed_by_id(version);
        for change in changes {
            // A session at hand, and nothing else.
            if sessions(&client) == 0 {
                store.resumes(&client, &server);
            }
            let before = store.write();
            store.set(change);
            store.asked();
            assert!(!store.resumes(&client, &server), "{version}");
            assert_eq!(store.asked().len(), 1);
            store.set(|kept| kept.extend(before));
        }
        assert!(store.resumes(&client, &server), "{version}: the genuine one");
    }
}

/// Each session in the other's place: the same server sealed both.
#[test]
fn contents_do_not_change_places() {
    for version in VERSIONS {
        let (client, server, store) = primed_by_id(version);
        let (second, _) = keeping(version);
        assert!(!store.resumes(&second, &server));
        let kept = store.write();
        assert!(kept.len() > 1);
        let swapped = kept.keys().copied().zip(kept.values().skip(1).chain(kept.values()).cloned());
        store.set(|kept| *kept = swapped.collect());
        assert!(!store.resumes(&client, &server), "{version}");
        assert!(!store.resumes(&second, &server), "{version}");
    }
    // Nor does a session become a ticket, or a ticket a session.
    let store = Elsewhere::default();
    let keys = Arc::new(TicketKeys::random());
    let (client, server) = keeping(TLS12);
    let stateless = server.tickets(keys.clone());
    resumed(&client, &stateless);
    let taken = || {
        let (kept, policy) = client.resumption().unwrap();
        kept.take(&name(), policy, now().as_secs(), |_| true).unwrap()
    };
    let ticket = taken().ticket;
    let stateful = stateless.clone().session_store(store.queue.clone()).stateful_tickets();
    assert!(!store.resumes(&client, &stateful));
    store.set(|kept| kept.values_mut().for_each(|sealed| *sealed = ticket.to_vec()));
    assert!(!store.resumes(&client, &stateful));
    let mut session = taken();
    let sealed = store.write().remove(&session.ticket[..]).unwrap();
    (session.by_id, session.ticket) = (false, sealed.into());
    let (kept, policy) = client.resumption().unwrap();
    kept.keep(&name(), policy, session);
    assert!(!resumed(&client, &stateless));
}

/// Nobody is asked about what this server, or one with its keys, did not make.
#[test]
fn foreign_ids_cause_no_question() {
    for version in VERSIONS {
        let (client, server, store) = primed_by_id(version);
        let (kept, policy) = client.resumption().unwrap();
        let take = || kept.take(&name(), policy, now().as_secs(), |_| true);
        let own = take().unwrap();
        kept.clear();
        let mut foreign: Vec<Vec<u8>> = (1..32).map(|length| own.ticket[..length].to_vec()).collect();
        foreign.extend((0..32).map(|place| {
            let mut id = own.ticket.to_vec();
            id[place] ^= 1;
            id
        }));
        foreign.push(vec![0; 32]);
        // Of the other version, and of other keys.
        let other = if version == TLS13 { TLS12 } else { TLS13 };
        let (known, (stranger, _)) = (store.write(), keeping(other));
        assert!(!store.resumes(&stranger, &server.clone().versions(&[other]).unwrap()));
        foreign.extend(store.write().into_keys().filter(|id| !known.contains_key(id)).map(Vec::from));
        let (_, _, elsewhere) = primed_by_id(version);
        foreign.extend(elsewhere.write().into_keys().map(Vec::from));
        assert!(foreign.len() > 65);
        for id in foreign {
            let mut session = own_again(&client, &server, &store);
            session.ticket = id.clone().into();
            kept.keep(&name(), policy, session);
            assert!(!store.resumes(&client, &server), "{version} {id:?}");
            assert_eq!(store.asked(), [[0; 32]; 0], "{version} {id:?}");
        }
    }
}

/// A client's session, with its secret, as a first handshake leaves it.
fn own_again(
    client: &ClientConfig,
    server: &ServerConfig,
    store: &Elsewhere,
) -> crate::session::ClientSession {
    let (kept, policy) = client.resumption().unwrap();
    kept.clear();
    assert!(!store.resumes(client, server));
    let session = kept.take(&name(), policy, now().as_secs(), |_| true).unwrap();
    kept.clear();
    store.asked();
    session
}

/// Whose policy, certificate or clock changed shakes hands in full.
#[test]
fn what_a_session_is_bound_to_is_held_against_it() {
    for version in VERSIONS {
        type Change = fn(ServerConfig) -> ServerConfig;
        let changes: [(&str, Change); 5] = [
            ("context", |server| server.session_context("another")),
            ("clients", |server| server.client_auth(ClientAuth::Request(trusting().into()))),
            ("names", |server| server.with_identities([PKI.other.identity()])),
            ("keys", |server| server.tickets(TicketKeys::random())),
            ("no store", |server| {
                let mut server = server;
                server.session_store = None;
                server
            }),
        ];
        for (what, change) in changes {
            let (client, server, store) = primed_by_id(version);
            let mut client_party = Party::client(&client);
            pump(&mut client_party, &mut store.party(&change(server.clone())));
            assert!(!client_party.c.info().resumed, "{version} {what}");
            // A session of TLS 1.2, whose handshake succeeded, is another one now.
        }
        let (client, server, store) = primed_by_id(version);
        assert!(store.resumes(&client, &change_nothing(server)), "{version}");
    }
}

fn change_nothing(server: ServerConfig) -> ServerConfig {
    server.tickets_sent(1)
}

/// A session is kept when the client has shown that it knows the keys, and not before.
#[test]
fn nothing_is_kept_before_the_client_s_finished() {
    for version in VERSIONS {
        let store = Elsewhere::default();
        let (client, server) = by_id(version, store.queue.clone());
        let broken = body(HandshakeType::FINISHED, |body| body[0] ^= 1);
        let (mut client, mut server) = (Party::client_altered(&client, broken), store.party(&server));
        pump(&mut client, &mut server);
        assert_eq!(server.fault(), Some(Fault::BadFinished));
        assert!(store.write().is_empty(), "{version}");
    }
}

/// A bound that is reached costs a full handshake, and nothing else.
#[test]
fn a_full_queue_fails_no_handshake() {
    for version in VERSIONS {
        let (client, server, store) = primed_by_id(version);
        while store.queue.dropped() == 0 {
            store.queue.put(SessionWrite::Keep {
                id: [0; 32],
                sealed: vec![],
                lives: Duration::from_secs(1),
            });
        }
        assert_eq!(store.queue.len(), limits::SESSION_WRITES);
        let (second, _) = keeping(version);
        let (second_party, _) = connected(Party::client(&second), Party::server(&server));
        assert!(!second_party.c.info().resumed);
        let dropped = store.queue.dropped();
        assert!(dropped > 1, "{version}: {dropped}");
        // That one was kept before; this one was not.
        assert!(store.resumes(&client, &server), "{version}");
        assert!(!store.resumes(&second, &server), "{version}");
    }
}

#[test]
fn a_small_cache_has_the_newest() {
    for version in VERSIONS {
        let cache = Arc::new(SessionCache::with_bounds(2, 1 << 20));
        let (first, server) = by_id(version, cache.clone());
        let server = server.tickets_sent(1);
        let clients: Vec<_> = [first].into_iter().chain((0..2).map(|_| keeping(version).0)).collect();
        clients.iter().for_each(|client| assert!(!resumed(client, &server)));
        assert_eq!(cache.len(), 2);
        assert_eq!([0, 2].map(|n| resumed(&clients[n], &server)), [false, true], "{version}");
    }
}

/// Who saw a ticket on its way has no key: its try uses nothing up.
#[test]
fn a_wrong_binder_deletes_nothing() {
    for cache in [true, false] {
        let (memory, store) = (Arc::new(SessionCache::new()), Elsewhere::default());
        let kept: SessionStore = if cache { memory.clone().into() } else { store.queue.clone().into() };
        let (client, server) = by_id(TLS13, kept);
        connected(Party::client(&client), store.party(&server));
        let before = (memory.len(), store.write().len());
        assert_eq!(before, if cache { (2, 0) } else { (0, 2) });
        let spoiled = extension(HandshakeType::CLIENT_HELLO, ExtensionType::PRE_SHARED_KEY, |b| {
            *b.last_mut().unwrap() ^= 1
        });
        let (mut thief, mut victim) = (Party::client_altered(&client, spoiled), store.party(&server));
        pump(&mut thief, &mut victim);
        assert_eq!(victim.fault(), Some(Fault::BadBinder));
        assert_eq!((memory.len(), store.write().len()), before);
        // The other ticket of the two is still good, and its claim is seen.
        assert!(store.resumes(&client, &server.tickets_sent(0)));
        assert_eq!(memory.len() + store.write().len(), 1);
    }
}

/// A ClientHello that stands for as many connections as it is given to.
fn hello_of(client: &ClientConfig) -> Vec<u8> {
    Party::client(client).take()
}

#[test]
fn one_stateful_ticket_on_two_connections_at_once() {
    // In memory the first to claim it has it.
    let (client, server) = by_id(TLS13, SessionCache::new());
    connect(&client, &server);
    let hello = hello_of(&client);
    let (mut first, mut second) = (Party::server(&server), Party::server(&server));
    first.give(&hello);
    second.give(&hello);
    assert_eq!([first.c.info().resumed, second.c.info().resumed], [false; 2], "nobody has proven anything");
    assert_eq!([resumes(&mut first), resumes(&mut second)], [true, false]);
    // Claims cross where the answers do: the one that comes late finds nothing any more.
    let store = Elsewhere::default();
    let (client, server) = by_id(TLS13, store.queue.clone());
    connected(Party::client(&client), store.party(&server));
    let hello = hello_of(&client);
    let mut late = Party::server(&server);
    late.give(&hello);
    let OwnedQuestion::Session { id } = *late.asked() else { panic!() };
    let mut soon = store.party(&server);
    soon.give(&hello);
    assert!(resumes(&mut soon));
    assert!(!store.write().contains_key(&id));
    late.answer(Answer::NoSession);
    assert!(!resumes(&mut late));
}

/// Whether the server's flight is that of a session: it has no Certificate.
fn resumes(server: &mut Party) -> bool {
    assert!(server.error.is_none(), "{:?}", server.error);
    let flight = messages(&server.records());
    assert!(flight.len() >= 3);
    !flight.iter().any(|message| message[0] == HandshakeType::CERTIFICATE.0)
}

/// Nothing is asked before a HelloRetryRequest, and once behind it.
#[test]
fn a_retry_asks_once() {
    for cookie in [false, true] {
        let (client, server, store) = primed_by_id(TLS13);
        let mut server = server.groups(&[NamedGroup::SECP256R1]).unwrap();
        if cookie {
            server = server.retry_cookie([7; 32]).unwrap();
        }
        store.asked();
        let (mut client, mut party) = (Party::client(&client), store.party(&server));
        party.give(&client.take());
        assert_eq!((party.state(), store.asked().len()), ("WaitSecondHello", 0));
        client.give(&party.take());
        pump(&mut client, &mut party);
        assert!(client.is_done() && client.c.info().resumed && client.c.info().retried);
        assert_eq!(store.asked().len(), 1);
    }
}

/// The second ClientHello may leave the id out: nobody knows yet whether there was a
/// session.
#[test]
fn a_retry_without_the_id_is_a_full_handshake() {
    let (client, server, store) = primed_by_id(TLS13);
    let server = server.groups(&[NamedGroup::SECP256R1]).unwrap();
    let left_out = nth(1, |message| {
        vec![with_extensions(&message, |all| {
            all.retain(|(kind, _)| *kind != ExtensionType::PRE_SHARED_KEY.0);
        })]
    });
    let (mut client, mut server) = (Party::client_altered(&client, left_out), store.party(&server));
    pump(&mut client, &mut server);
    assert!(server.is_done() && !server.c.info().resumed, "{:?}", server.error);
    assert_eq!(store.asked(), [[0; 32]; 0]);
}

/// A ticket that opens is taken before anybody is asked; of several ids one is asked about.
#[test]
fn at_most_one_question_and_none_where_a_ticket_opens() {
    let store = Elsewhere::default();
    let (client, plain) = keeping(TLS13);
    let stateful = plain.clone().session_store(store.queue.clone()).stateful_tickets();
    store.resumes(&client, &stateful);
    let ids: Vec<_> = store.write().into_keys().collect();
    connect(&client, &plain);
    // The ticket of the handshake that was last, the ids before it.
    let with_ids = |ids: Vec<[u8; 32]>| {
        extension(HandshakeType::CLIENT_HELLO, ExtensionType::PRE_SHARED_KEY, move |psks| {
            let (identities, binders) =
                psks.split_at(2 + usize::from(u16::from_be_bytes([psks[0], psks[1]])));
            let more: Vec<u8> = ids.iter().flat_map(|id| [&[0, 32][..], id, &[0; 4]].concat()).collect();
            let list = [&more[..], &identities[2..]].concat();
            let fake: Vec<u8> = ids.iter().flat_map(|_| [&[32][..], &[0; 32]].concat()).collect();
            let bound = [&fake[..], &binders[2..]].concat();
            let length = |list: &[u8]| u16::try_from(list.len()).unwrap().to_be_bytes();
            *psks = [&length(&list)[..], &list, &length(&bound), &bound].concat();
        })
    };
    store.asked();
    let mut party = store.party(&stateful);
    // The binder is over another list: that the ticket was taken shows in the fault.
    pump(&mut Party::client_altered(&client, with_ids(ids.clone())), &mut party);
    assert_eq!((party.fault(), store.asked().len()), (Some(Fault::BadBinder), 0));
    // Without the ticket's keys the first id is asked about, and no other.
    let other_keys = stateful.clone().tickets(TicketKeys::random());
    let (other, _) = keeping(TLS13);
    store.resumes(&other, &other_keys);
    let known: Vec<_> = store.write().into_keys().filter(|id| !ids.contains(id)).collect();
    assert_eq!(known.len(), 2);
    let mut party = store.party(&other_keys);
    pump(&mut Party::client_altered(&client, with_ids(vec![ids[0], known[1], known[0]])), &mut party);
    assert_eq!(store.asked(), [known[1]]);
}

/// While a store is slow, the connection waits, and the rest of the bytes with it.
#[test]
fn a_late_answer_finds_all_as_it_was() {
    for version in VERSIONS {
        for (answer, expected) in [(true, true), (false, false)] {
            let (client, server, store) = primed_by_id(version);
            let (mut client, mut server) = (Party::client(&client), Party::server(&server));
            pump(&mut client, &mut server);
            assert_eq!(server.state(), "WaitSession", "{version}");
            let OwnedQuestion::Session { id } = *server.asked() else { panic!() };
            // It is asked again until it is answered, and a wrong answer harms nothing.
            assert!(server.c.answer(Answer::Accept).is_err());
            assert!(matches!(server.c.next(), Ok(Event::Ask(_))));
            let found = store.write().remove(&id).filter(|_| answer);
            let connection = &mut server.c;
            let answer = found.map_or(Answer::NoSession, Answer::Session);
            std::thread::scope(|scope| scope.spawn(|| answered(connection, answer)).join().unwrap());
            server.give(&[]);
            pump(&mut client, &mut server);
            assert!(client.is_done() && server.is_done(), "{:?} {:?}", client.error, server.error);
            assert_eq!(server.c.info().resumed, expected);
            deliver(&mut client, &mut server, b"and on");
        }
    }
}

fn answered(connection: &mut Connection, answer: Answer) {
    connection.answer(answer).unwrap();
}

/// Who is judged again is judged behind the lookup, and whom nobody takes has used
/// nothing up.
#[test]
fn a_session_of_an_id_is_judged_again() {
    for version in VERSIONS {
        for accepted in [true, false] {
            let store = Elsewhere::default();
            let (client, server) = primed_again(Side::Server, version);
            let server = server.session_store(store.queue.clone()).stateful_tickets().tickets_sent(1);
            let shake = |mut verdicts: Vec<Answer>| {
                let kept = store.write();
                let party = Party::server(&server).answering(move |question| match question {
                    OwnedQuestion::Session { id } => Some(Answer::Session(kept[id].clone())),
                    OwnedQuestion::Verify { .. } => verdicts.pop(),
                    _ => None,
                });
                let (_, party) = connected(Party::client(&client), party);
                party.c.info().resumed
            };
            client.sessions.as_ref().unwrap().clear();
            assert!(!shake(vec![Answer::Accept]));
            let before = store.write();
            assert_eq!(before.len(), 1);
            let first = if accepted { Answer::Accept } else { Answer::Reject("not any more".to_owned()) };
            assert_eq!(shake(vec![Answer::Accept, first]), accepted, "{version}");
            let (id, _) = before.first_key_value().unwrap();
            let claimed = version == TLS13 && accepted;
            assert_eq!(store.write().contains_key(id), !claimed, "{version} {accepted}");
        }
    }
}
