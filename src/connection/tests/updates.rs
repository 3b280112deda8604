//! KeyUpdates: asked for, answered, made by a limit, and held down (RFC 9846
//! sections 4.7.3 and 5.5).

use super::kit::*;
use super::places::place;
use crate::alert::AlertDescription;
use crate::crypto::suite::TLS13;
use crate::fault::Fault;
use crate::limits;
use crate::schedule::Side;
use crate::wire::HandshakeType;

fn connect_pair() -> (Party, Party) {
    connect(&client_config(), &server_config())
}

/// The KeyUpdates among a side's records: the level of each and what it asks.
pub(super) fn updates_among(records: Vec<Opened>) -> Vec<(usize, u8)> {
    let records = records.into_iter().filter(|record| record.kind == HANDSHAKE);
    let updates = records.filter(|record| record.content[0] == HandshakeType::KEY_UPDATE.0);
    updates.map(|record| (record.level, record.content[4])).collect()
}

fn updates(party: &mut Party) -> Vec<(usize, u8)> {
    updates_among(party.records())
}

fn last_level(party: &mut Party) -> usize {
    party.records().last().unwrap().level
}

#[test]
fn asked_for_it_is_answered_once() {
    for from_client in [true, false] {
        let (mut client, mut server) = connect_pair();
        let (from, to) = if from_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
        for round in 0..3 {
            from.c.update_keys(true).unwrap();
            deliver(from, to, b"under new keys");
            deliver(to, from, b"and under new keys here");
            assert_eq!([last_level(from), last_level(to)], [3 + round, 3 + round]);
        }
        assert_eq!(updates(from), [(2, 1), (3, 1), (4, 1)]);
        assert_eq!(updates(to), [(2, 0), (3, 0), (4, 0)]);
    }
}

#[test]
fn not_asked_for_it_is_not_answered() {
    let (mut client, mut server) = connect_pair();
    client.c.update_keys(false).unwrap();
    deliver(&mut client, &mut server, b"new");
    deliver(&mut server, &mut client, b"old");
    assert_eq!([last_level(&mut client), last_level(&mut server)], [3, 2]);
    assert_eq!(updates(&mut server), []);
}

/// RFC 9846 section 4.7.3: a side does not ask again until a KeyUpdate has come.
#[test]
fn it_is_not_asked_for_twice() {
    let (mut client, mut server) = connect_pair();
    for _ in 0..3 {
        client.c.update_keys(true).unwrap();
        deliver(&mut client, &mut server, b"each under a new key");
    }
    deliver(&mut server, &mut client, b"the answer, before this");
    client.c.update_keys(true).unwrap();
    assert_eq!(updates(&mut client), [(2, 1), (3, 0), (4, 0), (5, 1)]);
    assert_eq!(updates(&mut server), [(2, 0)]);
    // Any KeyUpdate will do, though it is no answer.
    pump(&mut client, &mut server);
    server.c.update_keys(false).unwrap();
    pump(&mut client, &mut server);
    client.c.update_keys(true).unwrap();
    assert_eq!(updates(&mut client)[4..], [(6, 1)]);
}

/// The answer goes before the next data, before a KeyUpdate that asks itself, and
/// before close_notify. One that asks nothing is the answer.
#[test]
fn it_is_answered_by_whoever_speaks_next() {
    type Speak = fn(&mut Party);
    let speaks: [(Speak, &[(usize, u8)]); 5] = [
        (|party| assert!(party.c.payload().unwrap().is_some()), &[(2, 0)]),
        (|party| party.c.update_keys(true).unwrap(), &[(2, 0), (3, 1)]),
        (|party| party.c.update_keys(false).unwrap(), &[(2, 0)]),
        (|party| party.c.close(), &[(2, 0)]),
        (|party| party.c.abort(AlertDescription::ACCESS_DENIED), &[]),
    ];
    for (speak, answers) in speaks {
        let (mut client, mut server) = connect_pair();
        client.c.update_keys(true).unwrap();
        pump(&mut client, &mut server);
        assert_eq!(updates(&mut server), [], "a silent side answers nothing");
        let before = server.sent.len();
        speak(&mut server);
        assert_eq!(updates(&mut server), answers);
        let data = server.c.send(b"no second answer");
        assert_eq!(updates(&mut server), answers);
        client.give(&server.sent[before..]);
        assert_eq!(client.data().len(), data.unwrap_or(0));
    }
}

#[test]
fn both_at_once() {
    let (mut client, mut server) = connect_pair();
    client.c.update_keys(true).unwrap();
    server.c.update_keys(true).unwrap();
    pump(&mut client, &mut server);
    deliver(&mut client, &mut server, b"up");
    deliver(&mut server, &mut client, b"down");
    // By two generations each, says RFC 9846 section 4.7.3.
    assert_eq!(updates(&mut client), [(2, 1), (3, 0)]);
    assert_eq!(updates(&mut server), [(2, 1), (3, 0)]);
}

#[test]
fn a_key_is_updated_before_its_limit() {
    for suite in &TLS13 {
        let (mut client, mut server) =
            connect(&client_config().suites(&[suite.id]).unwrap(), &server_config());
        client.take();
        let write = client.c.sending.writing.key_mut().unwrap();
        let number = match suite.aead.is_gcm() {
            true => 1 << 20,
            false => limits::CHACHA_RECORDS - 2,
        };
        write.set_records(number);
        write.set_pieces(limits::AES_GCM_PIECES - 65 - 2);
        server.c.receiving.reading.key.get_mut().unwrap().set_records(number);
        let suite = suite.id;
        // What goes out from here on is opened by the server alone.
        for n in 0..5 {
            deliver(&mut client, &mut server, &[n]);
        }
        let records = client.c.sending.writing.key().unwrap().records();
        assert!(records < 10, "{suite}: {records} records under the present key");
        assert!(server.c.receiving.reading.key.get().unwrap().records() == records);
        // It asks for nothing: the other direction has its own count.
        deliver(&mut server, &mut client, b"old");
        assert_eq!(last_level(&mut server), 2);
    }
}

#[test]
fn a_peer_that_asks_again_and_again_is_owed_one() {
    for side in [Side::Client, Side::Server] {
        let mut at = place(side, "Connected");
        let request = [24, 0, 0, 1, 1];
        let answers: [&[_]; 2] = [&[(2, 0)], &[(2, 0), (3, 0)]];
        for answers in answers {
            for _ in 0..limits::KEY_UPDATES {
                let bytes = at.victim.forge(HANDSHAKE, &request);
                at.victim.give(&bytes);
            }
            assert!(at.victim.error.is_none(), "{:?}", at.victim.error);
            assert_eq!(at.victim.c.send(b"data").unwrap(), 4);
            assert_eq!(updates(&mut at.victim), answers);
            let bytes = at.victim.forge(DATA, b"refilled");
            at.victim.give(&bytes);
        }
    }
}

/// A peer that asks and does not read piles up nothing, however often this side
/// looks for room.
#[test]
fn an_answer_waits_for_room_for_data() {
    let (mut client, mut server) = connect_pair();
    while server.c.send(&[1; 16_000]).unwrap() > 0 {}
    let full = server.c.pending().len();
    for _ in 0..100 {
        client.c.update_keys(true).unwrap();
        client.c.update_keys(true).unwrap();
        assert_eq!(client.c.send(b"data").unwrap(), 4);
        let bytes = client.take();
        server.give(&bytes);
        assert!(server.error.is_none(), "{:?}", server.error);
        assert_eq!(server.c.send(b"more").unwrap(), 0);
    }
    assert_eq!(server.c.pending().len(), full);
    pump(&mut client, &mut server);
    assert_eq!(updates(&mut server), []);
    deliver(&mut server, &mut client, b"after all");
    assert_eq!(updates(&mut server), [(2, 0)]);
}

#[test]
fn data_gives_the_budget_back() {
    for refilled in [true, false] {
        let mut at = place(Side::Server, "Connected");
        for _ in 0..2 {
            for _ in 0..limits::KEY_UPDATES {
                let bytes = at.victim.forge(HANDSHAKE, &[24, 0, 0, 1, 0]);
                at.victim.give(&bytes);
            }
            // An empty record is no data.
            let bytes = at.victim.forge(DATA, if refilled { b"data" } else { b"" });
            at.victim.give(&bytes);
        }
        match refilled {
            true => assert!(at.victim.error.is_none(), "{:?}", at.victim.error),
            false => at.victim.assert_failed(Fault::TooManyKeyUpdates),
        }
    }
}

#[test]
fn old_keys_are_over() {
    let (mut client, mut server) = connect_pair();
    assert_eq!(client.c.send(b"one").unwrap(), 3);
    let old = client.take();
    client.c.update_keys(false).unwrap();
    let update = client.take();
    server.give(&[old.clone(), update].concat());
    assert_eq!(server.data(), b"one");
    server.give(&old);
    server.assert_failed(Fault::BadRecordMac);
}

#[test]
fn not_before_the_handshake_is_complete_and_not_after_the_end() {
    let mut client = Party::client(&client_config());
    assert!(matches!(client.c.update_keys(true), Err(crate::Error::Misuse(_))));
    let (mut client, mut server) = connect_pair();
    client.c.close();
    client.take();
    let sent = client.sent.len();
    let _nothing_follows = client.c.update_keys(true);
    server.c.update_keys(true).unwrap();
    let bytes = server.take();
    client.give(&bytes);
    assert!(client.error.is_none(), "{:?}", client.error);
    client.take();
    assert_eq!(client.sent.len(), sent, "nothing follows close_notify");
    deliver(&mut server, &mut client, b"yet the other direction goes on");
}
