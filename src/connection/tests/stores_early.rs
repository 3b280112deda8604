//! Early data with a stateful ticket: the claim of its session, by whoever is the first
//! to delete it, is the register's answer (RFC 9846 section 8.1).

use super::kit::*;
use super::resumption::keeping;
use super::stores::{Elsewhere, by_id};
use crate::config::{ClientConfig, ServerConfig};
use crate::early::{EarlyData, EarlyReason};
use crate::question::{Answer, Once, OwnedQuestion};
use crate::session::{ReplayRegister, Replays, SessionCache, SessionStore, SessionWrite};
use crate::wire::ProtocolVersion;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const TLS13: ProtocolVersion = ProtocolVersion::TLS13;
const DATA: &[u8] = b"GET / HTTP/1.1";

/// Both take early data, with a session at hand whose ticket allows it.
fn early(
    store: impl Into<SessionStore>,
    elsewhere: &Elsewhere,
    replays: impl Into<Replays>,
) -> (ClientConfig, ServerConfig) {
    let (client, server) = by_id(TLS13, store);
    let (client, server) = (client.early_data(), server.early_data(1000, replays));
    connected(Party::client(&client), elsewhere.party(&server));
    (client, server)
}

/// A ClientHello with early data behind it.
fn first_flight(client: &ClientConfig) -> (Party, Vec<u8>) {
    let mut client = Party::client(client);
    assert_eq!(client.c.send_early(DATA).unwrap(), DATA.len());
    let flight = client.take();
    (client, flight)
}

/// What becomes of the first flight, and whether its session is resumed.
fn given(mut server: Party, flight: &[u8]) -> (EarlyData, bool) {
    server.give(flight);
    assert!(server.error.is_none(), "{:?} in {}", server.error, server.state());
    let taken = server.c.info().early_data;
    let expected = if taken == EarlyData::Accepted { DATA } else { &[] };
    assert_eq!(server.early_data(), expected);
    let flight = messages(&server.records());
    (taken, !flight.iter().any(|message| message[0] == crate::wire::HandshakeType::CERTIFICATE.0))
}

#[test]
fn early_data_of_a_stateful_ticket_is_taken_once() {
    // The register is not asked: one that shares nothing with that of the session does, too.
    let other: fn() -> Replays = || ReplayRegister::new().into();
    for replays in [other, || Replays::Asked] {
        let nowhere = Elsewhere::default();
        let (client, server) = early(SessionCache::new(), &nowhere, replays());
        let server = server.early_data(1000, replays());
        let (mut client, flight) = first_flight(&client);
        let mut party = Party::server(&server);
        party.give(&flight);
        assert_eq!(
            given(Party::server(&server), &flight),
            (EarlyData::Rejected(EarlyReason::NotResumed), false)
        );
        client.give(&party.take());
        pump(&mut client, &mut party);
        assert!(client.is_done() && party.is_done(), "{:?} {:?}", client.error, party.error);
        assert_eq!((client.c.info().early_data, party.early_data()), (EarlyData::Accepted, DATA.to_vec()));
    }
}

/// The store is asked to delete the session, and what it says is what counts.
#[test]
fn the_claim_of_a_store_elsewhere_is_the_answer() {
    for (answer, taken, resumed) in [
        (Answer::First, EarlyData::Accepted, true),
        (Answer::Replayed, EarlyData::Rejected(EarlyReason::Replayed), false),
        (Answer::Unsure, EarlyData::Rejected(EarlyReason::RegisterUnsure), true),
    ] {
        let store = Elsewhere::default();
        let (client, server) = early(store.queue.clone(), &store, Replays::Asked);
        let (_, flight) = first_flight(&client);
        let kept = store.write();
        let mut party = Party::server(&server);
        party.give(&flight);
        let OwnedQuestion::Session { id } = *party.asked() else { panic!() };
        party.answer(Answer::Session(kept[&id].clone()));
        let Ok(super::super::Event::Ask(question)) = party.c.next() else { panic!() };
        let OwnedQuestion::Replay { once } = question.into_owned() else { panic!() };
        assert_eq!(once, Once::Take { id });
        party.answer(answer.clone());
        assert_eq!(given(party, &[]), (taken, resumed), "{answer:?}");
        // Who could not be asked is told.
        let told = store.queue.take(Duration::ZERO);
        let forget = matches!(answer, Answer::Unsure).then_some(SessionWrite::Forget { id });
        assert_eq!(told, forget, "{answer:?}");
    }
}

/// Both have found the session before either claims it.
#[test]
fn of_two_at_once_one_is_the_first() {
    let store = Elsewhere::default();
    let (client, server) = early(store.queue.clone(), &store, Replays::Asked);
    let (_, flight) = first_flight(&client);
    let kept = store.write();
    let left = Arc::new(AtomicUsize::new(1));
    let party = || {
        let (kept, left) = (kept.clone(), left.clone());
        Party::server(&server).answering(move |question| match question {
            OwnedQuestion::Session { id } => Some(Answer::Session(kept[id].clone())),
            OwnedQuestion::Replay { once: Once::Take { .. } } => {
                let first = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
                Some(if first { Answer::First } else { Answer::Replayed })
            }
            _ => None,
        })
    };
    let all = [0; 3].map(|_| given(party(), &flight));
    let replayed = (EarlyData::Rejected(EarlyReason::Replayed), false);
    assert_eq!(all, [(EarlyData::Accepted, true), replayed, replayed]);
}

/// However threads meet: a session in memory is claimed by one of them at most, with
/// early data and without.
#[test]
fn threads_claim_a_session_once() {
    for offers in [true, false] {
        for _ in 0..50 {
            let (mut client, server) =
                early(SessionCache::new(), &Elsewhere::default(), ReplayRegister::new());
            client.early_data = offers;
            let flight = if offers { first_flight(&client).1 } else { Party::client(&client).take() };
            let start = std::sync::Barrier::new(4);
            let resumed: Vec<_> = std::thread::scope(|scope| {
                let one = || {
                    let party = Party::server(&server);
                    start.wait();
                    let (taken, resumed) = given(party, &flight);
                    assert_eq!(taken == EarlyData::Accepted, resumed && offers);
                    usize::from(resumed)
                };
                let all = [0; 4].map(|_| scope.spawn(one));
                all.map(|thread| thread.join().unwrap()).into()
            });
            assert_eq!(resumed.iter().sum::<usize>(), 1, "{offers}");
        }
    }
}

/// A ticket that opens is no stateful one: the register is asked about it as ever.
#[test]
fn a_ticket_of_before_asks_the_register() {
    let (client, plain) = keeping(TLS13);
    let (client, plain) = (client.early_data(), plain.early_data(1000, Replays::Asked));
    connect(&client, &plain);
    let store = Elsewhere::default();
    let stateful = plain.session_store(store.queue.clone()).stateful_tickets();
    let (_, flight) = first_flight(&client);
    let mut party = store.party(&stateful);
    party.give(&flight);
    assert!(matches!(party.asked(), OwnedQuestion::Replay { once: Once::Register { .. } }));
    assert_eq!(store.asked(), [[0; 32]; 0]);
}
