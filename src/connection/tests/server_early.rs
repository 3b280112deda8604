//! Early data on the server: when it is taken, as what it comes, and why it is not
//! taken (RFC 9846 sections 2.3, 4.3.10 and 8).

use super::alter::*;
use super::kit::*;
use super::resumption::Clock;
use crate::config::{ClientConfig, ServerConfig};
use crate::early::{EarlyData, EarlyReason};
use crate::error::Error;
use crate::fault::Fault;
use crate::limits;
use crate::question::{Answer, Once, OwnedQuestion};
use crate::session::{ClientSessions, ReplayRegister, Replays, TicketKey, TicketKeys};
use crate::wire::*;
use std::sync::Arc;
use std::time::Duration;

/// What a ticket of these tests allows.
pub(super) const MOST: u32 = 5_000;

/// Configurations that keep sessions and take early data.
pub(super) fn taking(replays: impl Into<Replays>) -> (ClientConfig, ServerConfig) {
    let client = client_config().sessions(ClientSessions::new()).early_data();
    (client, server_config().tickets(TicketKeys::random()).early_data(MOST, replays))
}

/// The same, and a first handshake.
pub(super) fn primed(replays: impl Into<Replays>) -> (ClientConfig, ServerConfig) {
    let (client, server) = taking(replays);
    connect(&client, &server);
    (client, server)
}

fn early(party: &Party) -> EarlyData {
    party.c.info().early_data
}

/// A client whose early data is at hand.
pub(super) fn sending(client: &ClientConfig, data: &[u8]) -> Party {
    let mut client = Party::client(client);
    assert_eq!(client.c.send_early(data).unwrap(), data.len());
    client
}

/// A handshake with early data, and what became of it.
#[track_caller]
fn becomes(client: &ClientConfig, server: &ServerConfig) -> EarlyData {
    outcome(sending(client, b"early"), Party::server(server))
}

/// The handshake succeeds, whatever became of early data: both sides know, and it comes
/// where it is accepted, and only there.
#[track_caller]
fn outcome(client: Party, server: Party) -> EarlyData {
    let (mut client, mut server) = connected(client, server);
    let outcome = early(&server);
    let accepted = outcome == EarlyData::Accepted;
    assert_eq!(early(&client) == EarlyData::Accepted, accepted, "{:?}", early(&client));
    assert_eq!(server.early_data(), if accepted { &b"early"[..] } else { b"" });
    deliver(&mut client, &mut server, b"data");
    deliver(&mut server, &mut client, b"answer");
    assert_eq!(server.data(), b"data", "no early data among it");
    outcome
}

#[test]
fn it_comes_as_an_event_of_its_own_before_the_handshake_is_done() {
    for data in [&[7; MOST as usize][..], &[7; 1], b""] {
        let (client, server) = primed(ReplayRegister::new());
        let (client, server) = connected(sending(&client, data), Party::server(&server));
        assert_eq!((early(&client), early(&server)), (EarlyData::Accepted, EarlyData::Accepted));
        assert_eq!((server.early_data(), server.data()), (data.to_vec(), vec![]));
        let events = server.got.iter().map(|got| matches!(got, Got::Early(_)));
        let expected = if data.is_empty() { vec![false] } else { vec![true, false] };
        assert_eq!(events.collect::<Vec<_>>(), expected, "{:?}", server.got);
        assert!(server.c.info().resumed);
    }
}

/// What is left of it comes again, and is counted once.
#[test]
fn it_is_lent_until_it_is_consumed() {
    use super::super::Event;
    let (client, server) = primed(ReplayRegister::new());
    let data: Vec<u8> = (0..MOST).map(|byte| byte as u8).collect();
    let mut client = sending(&client, &data);
    let mut server = Party::server(&server);
    let mut bytes = &client.take()[..];
    let mut taken = Vec::new();
    loop {
        match server.c.next().unwrap() {
            Event::EarlyData(lent) => {
                taken.push(lent[0]);
                server.c.consume(1);
            }
            Event::NeedInput if bytes.is_empty() => break,
            Event::NeedInput => {
                let mut space = server.c.space().unwrap();
                let n = space.len().min(bytes.len()).min(100);
                space[..n].copy_from_slice(&bytes[..n]);
                space.filled(n);
                bytes = &bytes[n..];
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(taken, data);
    connected(client, server);
}

/// RFC 9846 Appendix A.2: K_recv is early data's, then the handshake's.
#[test]
fn keys_change_in_the_order_of_the_figure() {
    let (client, server) = primed(ReplayRegister::new());
    let (client, server) = (sending(&client, b"early"), Party::server(&server));
    let (mut client, mut server) = connected(client, server);
    let of = |party: &mut Party| {
        let mut levels: Vec<_> =
            party.records().into_iter().map(|r| (r.level, r.kind, r.content[0])).collect();
        levels.retain(|(_, kind, _)| *kind != CHANGE_CIPHER_SPEC);
        levels
    };
    let expected = [(0, HANDSHAKE, 1), (1, DATA, b'e'), (1, HANDSHAKE, 5), (2, HANDSHAKE, 20)];
    assert_eq!(of(&mut client), expected);
    let flight: Vec<_> = messages(&server.records()).iter().map(|message| message[0]).collect();
    assert_eq!(flight, [2, 8, 20, 4, 4]);
}

/// Half-RTT data: the answer does not wait for the client's Finished, whatever the
/// configuration says of it.
#[test]
fn an_answer_may_go_before_the_clients_finished() {
    let (client, server) = primed(ReplayRegister::new());
    let (mut client, mut server) = (sending(&client, b"early"), Party::server(&server));
    server.give(&client.take());
    assert_eq!((server.state(), server.early_data()), ("WaitEoed", b"early".to_vec()));
    assert!(server.c.is_handshaking());
    assert_eq!(server.c.send(b"at once").unwrap(), 7);
    client.give(&server.take());
    assert_eq!(client.data(), b"at once");
    // What comes still is early data, then data.
    let (mut client, mut server) = connected(client, server);
    deliver(&mut client, &mut server, b"data");
    // Where none was accepted, it waits.
    let (again, config) = primed(ReplayRegister::new());
    let mut server = Party::server(&config.early_data(MOST, ReplayRegister::new()));
    server.give(&sending(&again, b"early").take());
    assert_eq!((server.state(), server.c.send(b"at once").unwrap()), ("WaitFinished", 0));
}

/// The last flight of the client in one piece with its early data's end.
#[test]
fn an_answer_may_go_between_the_end_of_early_data_and_finished() {
    let (client, server) = primed(ReplayRegister::new());
    let (mut client, mut server) = (sending(&client, b"early"), Party::server(&server));
    server.give(&client.take());
    let end = server.forge(HANDSHAKE, &[5, 0, 0, 0]);
    server.give(&end);
    assert_eq!(server.state(), "WaitFinished");
    assert_eq!(server.c.send(b"at once").unwrap(), 7);
    server.c.close();
    assert!(server.error.is_none() && server.c.next().is_ok());
}

#[test]
fn both_have_the_keying_material_of_early_data() {
    let export = |party: &Party| {
        let mut out = [0; 32];
        party.c.export_early("EXPORTER-test", Some(b"context"), &mut out).map(|()| out)
    };
    let (client, config) = primed(ReplayRegister::new());
    let (mut client, mut server) = (sending(&client, b"early"), Party::server(&config));
    assert!(matches!(export(&server), Err(Error::Misuse(_))));
    server.give(&client.take());
    assert_eq!(export(&server).unwrap(), export(&client).unwrap());
    let (client, server) = connected(client, server);
    assert_eq!(export(&server).unwrap(), export(&client).unwrap());
    let (client, server) = connected(Party::client(&client_config()), Party::server(&config));
    assert!(export(&server).is_err() && export(&client).is_err());
}

type Change = fn(ServerConfig) -> ServerConfig;

/// Each condition fails alone, and the session is resumed without early data.
#[test]
fn each_condition_is_needed() {
    use EarlyReason::*;
    let two = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_CHACHA20_POLY1305_SHA256];
    let prepared = || {
        let (client, server) = taking(ReplayRegister::with_room(1));
        let client = client.suites(&two).unwrap().alpn(&[b"h2", b"h3"]).unwrap();
        (client, server.suites(&two).unwrap().alpn(&[b"h2"]).unwrap())
    };
    let cases: [(Change, Change, EarlyData, bool); 9] = [
        (|server| server, |server| server, EarlyData::Accepted, true),
        (|server| server, |server| server.early_data(0, Replays::Asked), EarlyData::Rejected(Off), true),
        (
            |server| server,
            |server| server.groups(&[NamedGroup::SECP256R1]).unwrap(),
            EarlyData::Rejected(Retried),
            true,
        ),
        (
            |server| server,
            |server| server.tickets(TicketKeys::random()),
            EarlyData::Rejected(NotResumed),
            false,
        ),
        (
            |server| server,
            |server| server.suites(&[CipherSuite::TLS_CHACHA20_POLY1305_SHA256]).unwrap(),
            EarlyData::Rejected(OtherSuite),
            true,
        ),
        (|server| server, |server| server.alpn(&[b"h3"]).unwrap(), EarlyData::Rejected(OtherAlpn), true),
        (
            |server| server,
            |server| server.early_data(MOST, ReplayRegister::new()),
            EarlyData::Rejected(OtherRegister),
            true,
        ),
        (
            |server| server,
            |server| server.early_data(MOST, Replays::Asked),
            EarlyData::Rejected(OtherRegister),
            true,
        ),
        (
            |server| server.early_data(MOST, Replays::Asked),
            |server| server.early_data(MOST, ReplayRegister::new()),
            EarlyData::Rejected(OtherRegister),
            true,
        ),
    ];
    for (place, (before, now, expected, resumes)) in cases.into_iter().enumerate() {
        let (client, server) = prepared();
        let server = before(server);
        connect(&client, &server);
        let (client, server) = (sending(&client, b"early"), Party::server(&now(server)));
        let (client, server) = connected(client, server);
        assert_eq!((place, early(&server)), (place, expected));
        assert_eq!(server.c.info().resumed, resumes, "{place}");
        outcome(client, server);
    }
}

/// The ticket said nothing of early data: this client sends some all the same.
#[test]
fn a_ticket_that_allows_none() {
    let (client, server) = taking(ReplayRegister::new());
    let silent = server.clone().early_data(0, Replays::Asked);
    let allow = each(HandshakeType::NEW_SESSION_TICKET, |ticket| {
        vec![with_extensions(&ticket, |all| all.push((ExtensionType::EARLY_DATA.0, vec![0, 0, 1, 0])))]
    });
    connected(Party::client(&client), Party::server_altered(&silent, allow));
    assert_eq!(becomes(&client, &server), EarlyData::Rejected(EarlyReason::NotAllowed));
}

#[test]
fn who_does_not_ask_is_told_so() {
    let (client, server) = primed(ReplayRegister::new());
    let none = EarlyData::NotOffered(EarlyReason::NotAsked);
    let (_, first) = connect(&client_config(), &server);
    assert_eq!(early(&first), none);
    let mut quiet = client;
    quiet.early_data = false;
    let (_, again) = connect(&quiet, &server);
    assert_eq!((early(&again), again.c.info().resumed), (none, true));
}

/// It answers in TLS 1.2, and passes nothing over.
#[test]
fn an_older_version_takes_none() {
    let (client, server) = primed(ReplayRegister::new());
    let server = server.versions(&[ProtocolVersion::TLS12]).unwrap();
    let (mut client, mut server) = (sending(&client, b"early"), Party::server(&server));
    let mut flight = client.take();
    let compatibility = plain(CHANGE_CIPHER_SPEC, &[1]);
    let at = flight.windows(compatibility.len()).position(|bytes| bytes == compatibility).unwrap();
    flight.drain(at..at + compatibility.len());
    server.give(&flight);
    assert_eq!(early(&server), EarlyData::Rejected(EarlyReason::OtherVersion));
    assert_eq!(server.early_data(), b"");
    server.assert_failed(Fault::DataBeforeFinished);
}

/// Configurations with clocks that can be set, after a first handshake.
fn clocked(replays: impl Into<Replays>) -> (ClientConfig, Clock, ServerConfig, Clock) {
    let (ours, theirs) = (Clock::new(), Clock::new());
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    let client = ClientConfig::new(trusting(), ours.reading()).groups(&groups).unwrap();
    let client = client.sessions(ClientSessions::new()).early_data();
    let server = ServerConfig::new(PKI.server.identity(), theirs.reading());
    let server = server.tickets(TicketKeys::random()).early_data(MOST, replays);
    connect(&client, &server);
    (client, ours, server, theirs)
}

#[test]
fn the_age_of_the_ticket_is_what_the_client_says() {
    for (window, within) in [(None, 10), (Some(1), 1), (Some(100), 100)] {
        for (behind, ahead, fresh) in [
            (0, 0, true),
            (1000, 1000, true),
            (1000, 1000 + within, true),
            (1000 + within, 1000, true),
            (1000, 1001 + within, false),
            (1001 + within, 1000, false),
            (0, 3600, false),
            (3600, 0, false),
        ] {
            let (client, ours, mut server, theirs) = clocked(ReplayRegister::new());
            if let Some(window) = window {
                server = server.early_data_window(Duration::from_secs(window)).unwrap();
            }
            ours.pass(behind);
            theirs.pass(ahead);
            let expected = if fresh { EarlyData::Accepted } else { EarlyData::Rejected(EarlyReason::Stale) };
            assert_eq!(becomes(&client, &server), expected, "{behind} {ahead} in {within}");
        }
    }
    for bad in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(7 * 86_400 + 1)] {
        assert!(server_config().early_data_window(bad).is_err());
    }
}

/// What a server says of the same first flight again, `later` in its own time.
#[track_caller]
fn replayed(first: &[u8], server: &ServerConfig) -> EarlyData {
    let mut server = Party::server(server);
    server.give(first);
    assert!(server.error.is_none(), "{:?}", server.error);
    let outcome = early(&server);
    assert_eq!(server.early_data().is_empty(), outcome != EarlyData::Accepted);
    outcome
}

/// From one edge of the window to the other, and behind it.
#[test]
fn a_first_flight_is_taken_once() {
    let (client, ours, server, theirs) = clocked(ReplayRegister::new());
    // The client's clock is as far ahead as may be.
    ours.pass(1010);
    theirs.pass(1000);
    let first = sending(&client, b"early").take();
    assert_eq!(replayed(&first, &server), EarlyData::Accepted);
    for _ in 0..=20 {
        for _ in 0..3 {
            assert_eq!(replayed(&first, &server), EarlyData::Rejected(EarlyReason::Replayed));
        }
        theirs.pass(1);
    }
    assert_eq!(replayed(&first, &server), EarlyData::Rejected(EarlyReason::Stale));
    // Other early data behind the same hello is the same.
    let other = [&first[..first.len() - 1], &[0]].concat();
    assert_eq!(replayed(&other, &server), EarlyData::Rejected(EarlyReason::Stale));
}

/// All configurations that share a register know what one has seen.
#[test]
fn a_register_is_shared() {
    let register = Arc::new(ReplayRegister::new());
    let (client, server) = primed(register.clone());
    let first = sending(&client, b"early").take();
    let renewed = server.with_identities([PKI.server.identity()]).early_data(MOST, register.clone());
    assert_eq!(replayed(&first, &renewed), EarlyData::Accepted);
    assert_eq!(replayed(&first, &server), EarlyData::Rejected(EarlyReason::Replayed));
    assert_eq!(register.len(), 1);
}

/// A register knows nothing that anybody could have sent: who merely saw a ticket
/// fills no room, and burns no ClientHello.
#[test]
fn a_register_is_asked_behind_the_binder_and_the_window() {
    let register = Arc::new(ReplayRegister::new());
    let (client, ours, server, _) = clocked(register.clone());
    let first = sending(&client, b"early").take();
    let mut forged = Party::server(&server);
    let mut bad = first.clone();
    let length = 5 + usize::from(u16::from_be_bytes([bad[3], bad[4]]));
    bad[length - 1] ^= 1;
    forged.give(&bad);
    forged.assert_failed(Fault::BadBinder);
    ours.pass(11);
    assert_eq!(becomes(&client, &server), EarlyData::Rejected(EarlyReason::Stale));
    assert!(register.is_empty());
    assert_eq!(replayed(&first, &server), EarlyData::Accepted);
    assert_eq!(register.len(), 1);
}

/// No entry leaves for another while it lives.
#[test]
fn a_full_register_is_unsure() {
    let (client, ours, server, theirs) = clocked(ReplayRegister::with_room(1));
    let (first, second) = (sending(&client, b"early").take(), sending(&client, b"early").take());
    assert_eq!(replayed(&first, &server), EarlyData::Accepted);
    assert_eq!(replayed(&second, &server), EarlyData::Rejected(EarlyReason::RegisterUnsure));
    assert_eq!(replayed(&first, &server), EarlyData::Rejected(EarlyReason::Replayed));
    // The handshake succeeds all the same, and leaves other tickets.
    connect(&client, &server);
    ours.pass(21);
    theirs.pass(21);
    assert_eq!(becomes(&client, &server), EarlyData::Accepted);
}

/// Servers that share keys, and one that was started again: what one has taken, no
/// other takes, however long it waits.
#[test]
fn a_register_takes_the_tickets_alone_that_it_was_there_for() {
    let at = |seconds: u64| crate::pki::UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let start = now().as_secs();
    let keys = || {
        let key = TicketKey::new([5; 32], at(start), at(start + 86_400), at(start + 86_400)).unwrap();
        TicketKeys::shared([key]).unwrap()
    };
    let (client, ours, server, theirs) = clocked(ReplayRegister::new());
    let server = server.tickets(keys());
    connect(&client, &server);
    let first = sending(&client, b"early").take();
    assert_eq!(replayed(&first, &server), EarlyData::Accepted);
    let restarted = server.clone().tickets(keys()).early_data(MOST, ReplayRegister::new());
    assert_eq!(replayed(&first, &restarted), EarlyData::Rejected(EarlyReason::OtherRegister));
    ours.pass(60);
    theirs.pass(60);
    assert_eq!(becomes(&client, &restarted), EarlyData::Rejected(EarlyReason::OtherRegister));
    // The tickets that came of it are its own.
    assert_eq!(becomes(&client, &restarted), EarlyData::Accepted);
}

/// The register is elsewhere.
#[test]
fn an_answer_that_comes_late() {
    use EarlyReason::*;
    for (answer, later, expected) in [
        (Answer::First, 0, EarlyData::Accepted),
        (Answer::First, 10, EarlyData::Accepted),
        // What a register has let go meanwhile is not fresh any more.
        (Answer::First, 11, EarlyData::Rejected(Stale)),
        (Answer::Replayed, 0, EarlyData::Rejected(Replayed)),
        (Answer::Unsure, 0, EarlyData::Rejected(RegisterUnsure)),
    ] {
        let (client, _, server, theirs) = clocked(Replays::Asked);
        let (mut client, mut server) = (sending(&client, b"early"), Party::server(&server));
        server.give(&client.take());
        assert_eq!((server.state(), early(&server)), ("WaitReplay", EarlyData::Offered));
        assert!(matches!(server.c.answer(Answer::NoSession), Err(Error::Misuse(_))));
        assert!(server.take().is_empty() && server.early_data().is_empty());
        theirs.pass(later);
        server.answer(answer);
        assert_eq!(outcome(client, server), expected);
    }
}

fn once(question: &OwnedQuestion) -> Once {
    let OwnedQuestion::Replay { once } = question else { panic!("{question:?}") };
    *once
}

/// The key is the same for the same ClientHello alone, and says how long it lives.
#[test]
fn what_is_asked() {
    let (client, server) = primed(Replays::Asked);
    let server = server.early_data_window(Duration::from_secs(7)).unwrap();
    let ask = |first: &[u8]| {
        let mut server = Party::server(&server);
        server.give(first);
        once(server.asked())
    };
    let (first, second) = (sending(&client, b"early").take(), sending(&client, b"early").take());
    assert_eq!(ask(&first), ask(&first));
    assert_ne!(ask(&first), ask(&second));
    let Once::Register { key, lives } = ask(&first) else { panic!() };
    assert_eq!(lives, Duration::from_secs(14));
    // Nothing of the binder itself leaves.
    assert!(first.windows(8).all(|bytes| !key.windows(8).any(|part| part == bytes)));
}

/// Nothing is asked where it could not be taken.
#[test]
fn nothing_is_asked_in_vain() {
    let (client, ours, server, _) = clocked(Replays::Asked);
    let never = |question: &OwnedQuestion| panic!("{question:?}");
    ours.pass(11);
    let changes: [Change; 3] = [
        |server| server,
        |server| server.groups(&[NamedGroup::SECP256R1]).unwrap(),
        |server| server.tickets(TicketKeys::random()),
    ];
    for change in changes {
        let unsure = |_: &OwnedQuestion| Some(Answer::Unsure);
        connected(Party::client(&client), Party::server(&server).answering(unsure));
        ours.pass(11);
        let server = Party::server(&change(server.clone())).answering(never);
        assert!(matches!(outcome(sending(&client, b"early"), server), EarlyData::Rejected(_)));
    }
    connected(Party::client(&client_config()), Party::server(&server).answering(never));
}

/// A server that takes early data, at its beginning.
pub(super) fn in_wait_eoed(most: u32) -> Party {
    let (client, server) = taking(ReplayRegister::new());
    let server = server.early_data(most, ReplayRegister::new());
    connect(&client, &server);
    let mut victim = Party::server(&server);
    victim.give(&Party::client(&client).take());
    assert_eq!(victim.state(), "WaitEoed");
    victim
}

/// Bytes of content are counted, however they are cut, and padding is not.
#[test]
fn a_ticket_bounds_early_data() {
    let cuts: [&[usize]; 6] = [&[100], &[1; 100], &[50, 50], &[99, 1], &[1, 0, 99], &[0, 100, 0]];
    for cut in cuts {
        for more in [0, 1] {
            let mut victim = in_wait_eoed(100);
            for length in cut {
                let bytes = victim.forge_inner(&[&vec![7; *length][..], &[DATA], &[0; 300]].concat());
                victim.give(&bytes);
            }
            assert_eq!(victim.early_data(), [7; 100]);
            let bytes = victim.forge(DATA, &vec![7; more]);
            victim.give(&bytes);
            match more {
                0 => assert!(victim.error.is_none()),
                _ => victim.assert_failed(Fault::TooMuchEarlyData),
            }
            assert_eq!(victim.early_data(), [7; 100]);
        }
    }
    // Of a record that is too long, nothing comes.
    let mut victim = in_wait_eoed(100);
    let bytes = victim.forge(DATA, &[7; 101]);
    victim.give(&bytes);
    victim.assert_failed(Fault::TooMuchEarlyData);
    assert_eq!(victim.early_data(), b"");
}

#[test]
fn records_with_nothing_in_them_are_counted() {
    let mut victim = in_wait_eoed(100);
    for count in 0..100 {
        let records = usize::from(limits::EMPTY_RECORDS);
        for _ in 0..records {
            let bytes = victim.forge(DATA, b"");
            victim.give(&bytes);
        }
        let bytes = victim.forge(DATA, &[count]);
        victim.give(&bytes);
        assert!(victim.error.is_none(), "{:?}", victim.error);
    }
    for _ in 0..=limits::EMPTY_RECORDS {
        let bytes = victim.forge(DATA, b"");
        victim.give(&bytes);
    }
    victim.assert_failed(Fault::TooManyEmptyRecords);
}

/// Nothing straddles the change of keys (RFC 9846 section 5.1).
#[test]
fn the_end_of_early_data_ends_its_record() {
    let end = [5, 0, 0, 0];
    for behind in [&end[..], &[20], &[20, 0, 0, 32]] {
        let mut victim = in_wait_eoed(100);
        let bytes = victim.forge(HANDSHAKE, &[&end, behind].concat());
        victim.give(&bytes);
        victim.assert_failed(Fault::KeyChangeInsideRecord);
    }
    // In crumbs it may come, but with no data between them.
    for cut in 1..end.len() {
        for between in [false, true] {
            let mut victim = in_wait_eoed(100);
            let bytes = victim.forge(HANDSHAKE, &end[..cut]);
            victim.give(&bytes);
            if between {
                let bytes = victim.forge(DATA, b"data");
                victim.give(&bytes);
                victim.assert_failed(Fault::MessageInterleaved);
                continue;
            }
            let bytes = victim.forge(HANDSHAKE, &end[cut..]);
            victim.give(&bytes);
            assert_eq!(victim.state(), "WaitFinished", "{:?}", victim.error);
        }
    }
    let mut victim = in_wait_eoed(100);
    let bytes = victim.forge(HANDSHAKE, &[5, 0, 0, 1, 0]);
    victim.give(&bytes);
    victim.assert_failed(Fault::TrailingBytes);
}

/// Behind its end no early data comes, and under its key nothing at all.
#[test]
fn early_data_has_an_end() {
    let mut victim = in_wait_eoed(100);
    let late = victim.forge(DATA, b"late");
    let end = victim.forge(HANDSHAKE, &[5, 0, 0, 0]);
    victim.give(&end);
    victim.give(&late);
    victim.assert_failed(Fault::BadRecordMac);
    let mut victim = in_wait_eoed(100);
    let end = victim.forge(HANDSHAKE, &[5, 0, 0, 0]);
    victim.give(&end);
    let data = victim.forge(DATA, b"data");
    victim.give(&data);
    victim.assert_failed(Fault::DataBeforeFinished);
    // What does not open under the key is no early data that was refused.
    let mut victim = in_wait_eoed(100);
    victim.give(&plain(DATA, &[7; 30]));
    victim.assert_failed(Fault::BadRecordMac);
}

/// Each record in bytes, and each cut of the whole flight in two.
#[test]
fn the_transport_may_cut_it_anywhere() {
    let (client, config) = primed(ReplayRegister::new());
    let (client, mut server) = (sending(&client, b"early"), Party::server(&config));
    server.step = 1;
    assert_eq!(outcome(client, server), EarlyData::Accepted);
    let (client, server) = primed(Replays::Asked);
    let first = sending(&client, b"early").take();
    for cut in 0..=first.len() {
        let first_time = |_: &OwnedQuestion| Some(Answer::First);
        let mut server = Party::server(&server).answering(first_time);
        server.give(&first[..cut]);
        server.give(&first[cut..]);
        assert_eq!((server.state(), server.early_data()), ("WaitEoed", b"early".to_vec()), "{cut}");
    }
}

/// What is refused is passed over as far as the server's own tickets go, in records
/// of any length, and no further.
#[test]
fn refused_early_data_is_passed_over_within_its_bound() {
    for (most, bound) in
        [(100, limits::EARLY_DATA_SKIPPED), (MOST, limits::EARLY_DATA_SKIPPED), (50_000, 100_000)]
    {
        let (client, server) = taking(ReplayRegister::new());
        let server = server.early_data(most, ReplayRegister::new());
        connect(&client, &server);
        let changes: [Change; 3] = [
            |server| server.tickets(TicketKeys::random()),
            |server| server.early_data(50_000, ReplayRegister::new()),
            |server| server.groups(&[NamedGroup::SECP256R1]).unwrap(),
        ];
        for (change, more) in changes.into_iter().flat_map(|change| [(change, 0), (change, 1)]) {
            connect(&client, &server);
            let mut refusing = change(server.clone());
            refusing.early_data.as_mut().unwrap().0 = most;
            let (mut client, mut server) = (Party::client(&client), Party::server(&refusing));
            server.give(&client.take());
            let mut left = bound as usize + more;
            while left > 0 {
                let length = left.min(10_000);
                server.give(&plain(DATA, &vec![0xee; length]));
                left -= length;
            }
            match more {
                0 => drop(connected(client, server)),
                _ => server.assert_failed(Fault::EarlyDataTooLong),
            }
        }
    }
}

/// All that a ticket allows, refused, in records of the least content that is reckoned with.
#[test]
fn what_a_ticket_allows_can_be_refused() {
    let (client, server) = taking(ReplayRegister::new());
    let server = server.early_data(20_000, ReplayRegister::new());
    connect(&client, &server);
    let server = server.early_data(20_000, ReplayRegister::new());
    let (mut client, mut server) = (Party::client(&client), Party::server(&server));
    for _ in 0..20_000 / 20 {
        assert_eq!(client.c.send_early(&[7; 20]).unwrap(), 20);
        server.give(&client.take());
    }
    assert_eq!(client.c.early_left(), 0);
    connected(client, server);
}
