//! Early data of a client: when it is offered, how much of it goes, and what each
//! answer of a server makes of it (RFC 9846 sections 2.3, 4.3.10 and 4.6).

use super::super::Connection;
use super::alter::*;
use super::kit::*;
use super::resumption::sessions;
use crate::alert::AlertDescription;
use crate::config::{ClientConfig, ClientOptions, ServerConfig};
use crate::crypto::source::Entropy;
use crate::early::{EarlyData, EarlyReason};
use crate::error::Error;
use crate::fault::Fault;
use crate::observe::Level;
use crate::record::Alter;
use crate::schedule::Side;
use crate::session::{ClientSessions, ReplayRegister, TicketKeys};
use crate::wire::*;
use std::sync::Arc;

/// What a ticket of these tests allows.
const MOST: u32 = 5_000;

/// Configurations that keep sessions, where the client offers early data.
pub(super) fn offering() -> (ClientConfig, ServerConfig) {
    let client = client_config().sessions(ClientSessions::new()).early_data();
    (client, server_config().tickets(TicketKeys::random()))
}

/// A handshake that leaves tickets, which allow early data.
#[track_caller]
pub(super) fn prime(client: &ClientConfig, server: &ServerConfig, most: u32) {
    let allow = move |ticket: Vec<u8>| {
        vec![with_extensions(&ticket, |all| {
            all.push((ExtensionType::EARLY_DATA.0, most.to_be_bytes().to_vec()))
        })]
    };
    let allow = each(HandshakeType::NEW_SESSION_TICKET, allow);
    connected(Party::client(client), Party::server_altered(server, allow));
}

/// The same at hand.
pub(super) fn primed() -> (ClientConfig, ServerConfig) {
    let (client, server) = offering();
    prime(&client, &server, MOST);
    (client, server)
}

/// A server accepts early data, whatever it does with it.
pub(super) fn accepting() -> Option<Alter> {
    add(HandshakeType::ENCRYPTED_EXTENSIONS, ExtensionType::EARLY_DATA, &[])
}

fn decisions(party: &Party) -> Vec<EarlyData> {
    party.got.iter().filter_map(|got| if let Got::Decided(told) = got { Some(*told) } else { None }).collect()
}

fn early(party: &Party) -> EarlyData {
    party.c.info().early_data
}

/// Nothing that an application sends as usual may go.
#[track_caller]
fn assert_only_early(party: &mut Party) {
    assert!(party.c.payload().unwrap().is_none());
    assert_eq!(party.c.send(b"data").unwrap(), 0);
}

#[track_caller]
fn assert_no_more_early(party: &mut Party) {
    assert_eq!(party.c.early_left(), 0);
    assert!(party.c.early_payload().unwrap().is_none());
    assert_eq!(party.c.send_early(b"more").unwrap(), 0);
}

/// The first hello of a client, and whether it offers early data.
fn hello(client: &mut Party) -> (Vec<u8>, bool) {
    let hello = messages(&client.records()).remove(0);
    let Body::ClientHello(m) = Message::decode(&hello, Form::Tls13).unwrap().body else { panic!() };
    let offers = m.extensions.early_data;
    (hello, offers)
}

#[test]
fn why_none_is_offered() {
    let alpn = |config: ClientConfig| config.alpn(&[b"h2"]).unwrap();
    let hidden = || ClientOptions { hide_server_name: true, ..ClientOptions::default() };
    let shown = ClientOptions::default;
    type Change = fn(ClientConfig) -> ClientConfig;
    let same: Change = |config| config;
    let off: Change = |mut config| {
        config.early_data = false;
        config
    };
    let two: Change = |config| config.alpn(&[b"h3", b"h2"]).unwrap();
    let insisting: Change = |config| config.alpn(&[b"h2"]).unwrap().require_alpn();
    let other: Change = |config| config.alpn(&[b"h3"]).unwrap();
    let other_suite: Change = |config| config.suites(&[CipherSuite::TLS_AES_256_GCM_SHA384]).unwrap();
    let old: Change = |config| config.versions(&[ProtocolVersion::TLS12]).unwrap();
    use EarlyReason::*;
    type Case = (bool, u32, bool, Change, bool, Result<(), EarlyReason>);
    #[rustfmt::skip]
    let cases: [Case; 14] = [
        // ALPN then, what the ticket allows, name hidden then; what changes, name hidden now
        (false, MOST, false, same,        false, Ok(())),
        (false, 1,    false, same,        false, Ok(())),
        (true,  MOST, false, alpn,        false, Ok(())),
        (true,  MOST, false, two,         false, Ok(())),
        (false, MOST, true,  same,        true,  Ok(())),
        (false, MOST, false, off,         false, Err(Off)),
        (false, 0,    false, same,        false, Err(NotAllowed)),
        (true,  MOST, false, other,       false, Err(OtherAlpn)),
        (true,  MOST, false, same,        false, Err(OtherAlpn)),
        (false, MOST, false, alpn,        false, Ok(())),
        (false, MOST, false, insisting,   false, Err(OtherAlpn)),
        (false, MOST, false, same,        true,  Err(OtherName)),
        (false, MOST, true,  same,        false, Err(OtherName)),
        (false, MOST, false, other_suite, false, Err(NoSession)),
    ];
    for (place, (with_alpn, most, hidden_then, change, hidden_now, expected)) in cases.into_iter().enumerate()
    {
        let (client, server) = offering();
        let server = server.alpn(&[b"h2", b"h3"]).unwrap();
        let first = if with_alpn { alpn(client.clone()) } else { client.clone() };
        let options = |hide| if hide { hidden() } else { shown() };
        let first = Party::client_made(&first, options(hidden_then), Entropy::system(), None);
        let allow = each(HandshakeType::NEW_SESSION_TICKET, move |ticket| {
            vec![with_extensions(&ticket, |all| {
                all.push((ExtensionType::EARLY_DATA.0, most.to_be_bytes().to_vec()))
            })]
        });
        connected(first, Party::server_altered(&server, allow));
        let mut again = Party::client_made(&change(client), options(hidden_now), Entropy::system(), None);
        let told = expected.map_or_else(EarlyData::NotOffered, |()| EarlyData::Offered);
        assert_eq!((place, early(&again)), (place, told));
        assert_eq!(hello(&mut again).1, expected.is_ok());
        assert_eq!(again.c.early_left(), if expected.is_ok() { most } else { 0 });
        assert_only_early(&mut again);
        if expected.is_err() {
            assert_no_more_early(&mut again);
            let mut server = Party::server(&server);
            server.give(&again.sent);
            let (again, _) = connected(again, server);
            assert_eq!((early(&again), decisions(&again)), (told, vec![]));
        }
    }
    // Neither a first connection nor one of TLS 1.2 has a session for it.
    let (client, _) = offering();
    for client in [client.clone(), old(client)] {
        assert_eq!(early(&Party::client(&client)), EarlyData::NotOffered(NoSession));
    }
}

#[test]
fn it_goes_with_the_client_hello_and_within_its_bound() {
    for most in [1, 2, 100, MOST, 16_384, 16_385, 100_000] {
        let (client, server) = offering();
        prime(&client, &server, most);
        let before = sessions(&client);
        let mut client_config = client.clone();
        client_config.early_data = false;
        let mut client = Party::client(&client);
        // It is used once, whatever becomes of it.
        assert_eq!(sessions(&client_config), before - 1);
        assert_eq!(client.state(), "WaitSh");
        let (mut sent, data) = (0, vec![7; 30_000]);
        loop {
            let left = most - sent as u32;
            assert_eq!(client.c.early_left(), left);
            if let Some(window) = client.c.early_payload().unwrap() {
                assert!(window.len() <= left as usize && !window.is_empty());
                // Unsealed, it counts nothing.
            }
            match client.c.send_early(&data).unwrap() {
                0 if client.c.pending().is_empty() => break,
                0 => drop(client.take()),
                n => sent += n,
            }
        }
        assert_eq!((sent, client.c.info().early_data_sent), (most as usize, most));
        assert_no_more_early(&mut client);
        assert_only_early(&mut client);
        assert!(client.c.update_keys(false).is_err());
        let records = client.records();
        assert_eq!((records[0].level, records[0].kind), (0, HANDSHAKE));
        // For middleboxes, before early data (RFC 9846 appendix E.4).
        assert_eq!((records[1].level, records[1].kind), (0, CHANGE_CIPHER_SPEC));
        let early = &records[2..];
        assert!(early.iter().all(|record| record.level == 1 && record.kind == DATA));
        assert_eq!(early.iter().map(|record| record.content.len()).sum::<usize>(), most as usize);
    }
}

#[test]
fn the_client_hello_and_early_data_are_one_flight() {
    let (client, _) = primed();
    let mut client = Party::client(&client);
    assert_eq!(client.c.send_early(b"GET /").unwrap(), 5);
    client.sent = client.c.pending().to_vec();
    client.c.sent(client.sent.len());
    let records = client.records();
    assert_eq!(records[2], Opened { level: 1, kind: DATA, content: b"GET /".to_vec() });
}

/// Early data, sealed in the window where it is written.
#[test]
fn a_window_counts_what_is_sealed() {
    let (client, _) = primed();
    let mut client = Party::client(&client);
    let mut window = client.c.early_payload().unwrap().unwrap();
    assert_eq!(window.len(), MOST as usize);
    window[..3].copy_from_slice(b"abc");
    window.seal(3).unwrap();
    assert_eq!((client.c.early_left(), client.c.info().early_data_sent), (MOST - 3, 3));
    let window = client.c.early_payload().unwrap().unwrap();
    assert_eq!(window.len(), MOST as usize - 3);
    // No more than the window is taken.
    window.seal(usize::MAX).unwrap();
    assert_eq!((client.c.early_left(), client.c.info().early_data_sent), (0, MOST));
    client.c.early_payload().unwrap().ok_or(()).map(drop).unwrap_err();
}

#[test]
fn a_key_near_its_limit_protects_no_more() {
    let (client, _) = primed();
    let mut client = Party::client(&client);
    client.c.sending.writing.key_mut().unwrap().set_pieces(u32::MAX);
    assert_eq!(client.c.send_early(b"early").unwrap(), 0);
    assert_eq!(client.c.info().early_data_sent, 0);
}

/// Accepted: the end of early data, and then the handshake's keys.
#[test]
fn an_accepted_handshake() {
    let (client, server) = primed();
    let (mut client, mut server) = (Party::client(&client), Party::server_altered(&server, accepting()));
    assert_eq!(client.c.send_early(b"early").unwrap(), 5);
    server.give(&client.take());
    // More goes until the server's Finished.
    for (place, message) in messages(&server.records()).into_iter().enumerate() {
        assert_eq!(client.state(), ["WaitSh", "WaitEe", "WaitFinished"][place]);
        assert_only_early(&mut client);
        assert_eq!(client.c.send_early(b"later").unwrap(), 5);
        let record = client.forge(HANDSHAKE, &message);
        client.give(&record);
    }
    assert!(client.is_done(), "{:?}", client.error);
    assert_eq!(decisions(&client), [EarlyData::Accepted]);
    assert!(matches!(client.got[..], [Got::Decided(_), Got::Done]), "{:?}", client.got);
    assert_eq!((early(&client), client.c.info().early_data_sent), (EarlyData::Accepted, 20));
    assert!(client.c.info().resumed);
    assert_no_more_early(&mut client);
    assert_eq!(client.c.send(b"data").unwrap(), 4);
    let records: Vec<_> = client.records().into_iter().map(|r| (r.level, r.kind, r.content)).collect();
    assert_eq!(records[2], (1, DATA, b"early".to_vec()));
    assert!(records[3..6].iter().all(|record| *record == (1, DATA, b"later".to_vec())));
    assert_eq!(records[6], (1, HANDSHAKE, vec![5, 0, 0, 0]));
    assert_eq!((records[7].0, records[7].1, records[7].2[0]), (2, HANDSHAKE, 20));
    assert_eq!(records[8..], [(3, DATA, b"data".to_vec())]);
}

/// A server that refuses goes on, and what it refused is not sent again.
#[test]
fn who_rejects_it_and_why() {
    let alpn = |config: &ClientConfig| config.clone().alpn(&[b"h2", b"h3"]).unwrap();
    let two = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_CHACHA20_POLY1305_SHA256];
    use EarlyReason::*;
    type Servers = fn(ServerConfig) -> ServerConfig;
    let same: Servers = |server| server;
    let forgets: Servers = |server| server.tickets(TicketKeys::random());
    let retries: Servers =
        |server| server.groups(&[NamedGroup::SECP256R1]).unwrap().retry_cookie([7; 32]).unwrap();
    let other_alpn: Servers = |server| server.alpn(&[b"h3"]).unwrap();
    let other_suite: Servers = |server| server.suites(&[CipherSuite::TLS_CHACHA20_POLY1305_SHA256]).unwrap();
    for (change, why) in [
        (same, Unsaid),
        (forgets, NotResumed),
        (retries, Retried),
        (other_alpn, OtherAlpn),
        (other_suite, OtherSuite),
    ] {
        let (client, server) = offering();
        let client = alpn(&client.suites(&two).unwrap());
        let server = server.alpn(&[b"h2"]).unwrap();
        prime(&client, &server, MOST);
        let (mut client, mut server) = (Party::client(&client), Party::server(&change(server)));
        assert_eq!(client.c.send_early(b"early").unwrap(), 5);
        assert!(client.c.export_early("EXPORTER-test", None, &mut [0; 16]).is_ok());
        server.give(&client.take());
        client.give(&server.take());
        assert_eq!(decisions(&client), [EarlyData::Rejected(why)], "{:?}", client.error);
        assert_no_more_early(&mut client);
        assert!(client.c.export_early("EXPORTER-test", None, &mut [0; 16]).is_err());
        let (mut client, mut server) = connected(client, server);
        assert_eq!(decisions(&client), [EarlyData::Rejected(why)]);
        assert_eq!((early(&client), client.c.info().early_data_sent), (EarlyData::Rejected(why), 5));
        assert_eq!(client.c.info().resumed, why != NotResumed);
        assert_eq!(server.data(), b"");
        deliver(&mut client, &mut server, b"again");
        // No EndOfEarlyData, and one ChangeCipherSpec; a second hello is in the clear.
        let records = client.records();
        assert!(messages(&records).iter().all(|message| message[0] != 5));
        assert_eq!(records.iter().filter(|record| record.kind == CHANGE_CIPHER_SPEC).count(), 1);
        let hellos: Vec<_> = records.iter().filter(|r| r.kind == HANDSHAKE && r.level == 0).collect();
        assert_eq!(hellos.len(), 1 + usize::from(why == Retried));
        let Body::ClientHello(last) =
            Message::decode(&hellos.last().unwrap().content, Form::Tls13).unwrap().body
        else {
            panic!()
        };
        assert_eq!(last.extensions.early_data, why != Retried);
    }
}

/// Accepting needs the first key, its suite and its protocol.
#[test]
fn an_acceptance_of_other_things_is_refused() {
    for (fault, case) in [
        (Fault::EarlyDataOtherPsk, accepted_without_psk as fn() -> _),
        (Fault::EarlyDataOtherSuite, accepted_with_other_suite),
        (Fault::EarlyDataOtherAlpn, || accepted_with_alpn(&[b"h3"])),
        (Fault::EarlyDataOtherAlpn, || accepted_with_alpn(&[])),
        // It was offered no more.
        (Fault::UnofferedExtension, accepted_after_retry),
        (Fault::EarlyDataOldVersion, answered_in_tls12),
    ] {
        let (mut victim, _) = case();
        victim.assert_failed(fault);
        assert_no_early_call(&mut victim);
    }
}

#[track_caller]
fn assert_no_early_call(party: &mut Party) {
    assert_eq!(party.c.early_left(), 0);
    assert!(party.c.early_payload().is_err() && party.c.send_early(b"x").is_err());
}

/// A server accepts early data in these circumstances.
fn accepted(client: &ClientConfig, server: &ServerConfig) -> (Party, Party) {
    let (mut client, mut server) = (Party::client(client), Party::server_altered(server, accepting()));
    assert_eq!(client.c.send_early(b"early").unwrap(), 5);
    pump(&mut client, &mut server);
    (client, server)
}

pub(super) fn accepted_without_psk() -> (Party, Party) {
    let (client, server) = primed();
    accepted(&client, &server.tickets(TicketKeys::random()))
}

fn accepted_after_retry() -> (Party, Party) {
    let (client, server) = primed();
    accepted(&client, &server.groups(&[NamedGroup::SECP256R1]).unwrap())
}

pub(super) fn accepted_with_other_suite() -> (Party, Party) {
    let two = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_CHACHA20_POLY1305_SHA256];
    let (client, server) = offering();
    let client = client.suites(&two).unwrap();
    prime(&client, &server.clone().suites(&two[..1]).unwrap(), MOST);
    accepted(&client, &server.suites(&two[1..]).unwrap())
}

pub(super) fn accepted_with_alpn(now: &[&[u8]]) -> (Party, Party) {
    let (client, server) = offering();
    let client = client.alpn(&[b"h2", b"h3"]).unwrap();
    prime(&client, &server.clone().alpn(&[b"h2"]).unwrap(), MOST);
    accepted(&client, &if now.is_empty() { server } else { server.alpn(now).unwrap() })
}

pub(super) fn answered_in_tls12() -> (Party, Party) {
    let (client, server) = primed();
    let old = server.versions(&[ProtocolVersion::TLS12]).unwrap();
    let (mut client, mut server) = (Party::client(&client), Party::server(&old));
    let hello = client.take();
    assert_eq!(client.c.send_early(b"early").unwrap(), 5);
    server.give(&hello);
    client.give(&server.take());
    (client, server)
}

/// A server of TLS 1.2 cannot pass early data over: the connection fails, and the
/// sentence says what to do (RFC 9846 appendix E.3).
#[test]
fn tls12_after_early_data_fails() {
    let (mut victim, _) = answered_in_tls12();
    let said = victim.error.as_ref().unwrap().to_string();
    assert!(said.contains("connect again without early data") && said.contains("E.3"), "{said}");
    // In the clear, where such a server can read it.
    let last = victim.records().pop().unwrap();
    assert_eq!((last.level, last.kind), (0, ALERT));
}

/// Which key an alert is under: the one with which the server reads.
#[test]
fn alerts_in_each_state() {
    type Way = fn(&mut Party);
    let close: Way = |party| party.c.close();
    let abort: Way = |party| party.c.abort(AlertDescription::ACCESS_DENIED);
    for (end, alert) in [(close, (1, 0)), (abort, (2, AlertDescription::ACCESS_DENIED.0))] {
        // How many messages of the server come; whether it accepts.
        for (come, accepts, state, level) in [
            (0, true, "WaitSh", 1),
            (1, true, "WaitEe", 1),
            (2, true, "WaitFinished", 1),
            (2, false, "WaitFinished", 2),
        ] {
            let (client, server) = primed();
            let alter = both(accepting().filter(|_| accepts), keep(come).0);
            let (mut client, mut server) = (Party::client(&client), Party::server_altered(&server, alter));
            pump(&mut client, &mut server);
            assert_eq!(client.state(), state, "{:?}", client.error);
            end(&mut client);
            assert_eq!(client.alerts(), [alert]);
            assert_eq!(client.records().pop().unwrap().level, level, "{state}");
            assert_no_early_call(&mut client);
            assert!(matches!(client.c.next(), Err(Error::GivenUp { .. } | Error::Aborted { .. })));
        }
    }
}

/// What is in the server's Finished does not matter to whom early data goes, but it ends
/// no early data that is wrong.
#[test]
fn a_bad_finished_ends_nothing_well() {
    let (client, server) = primed();
    let alter = both(accepting(), body(HandshakeType::FINISHED, |body| body[0] ^= 1));
    let (mut client, mut server) = (Party::client(&client), Party::server_altered(&server, alter));
    pump(&mut client, &mut server);
    client.assert_failed(Fault::BadFinished);
    assert!(messages(&client.records()).iter().all(|message| message[0] != 5), "no EndOfEarlyData");
    assert_eq!(decisions(&client), [EarlyData::Accepted]);
}

/// Data of the server comes behind its Finished, and not before.
#[test]
fn data_of_the_server_waits_for_its_finished() {
    let (client, server) = primed();
    let (mut client, mut server) =
        (Party::client(&client), Party::server_altered(&server.half_rtt(), accepting()));
    server.give(&client.take());
    assert_eq!(server.c.send(b"half").unwrap(), 4);
    client.give(&server.take());
    assert!(matches!(client.got[..], [Got::Decided(_), Got::Done, Got::Data(_)]), "{:?}", client.got);
    assert_eq!(client.data(), b"half");
    // Under the handshake's key it is refused as ever.
    for come in [1, 2] {
        let (client, server) = primed();
        let (alter, _) = keep(come);
        let (mut client, mut server) = (Party::client(&client), Party::server_altered(&server, alter));
        pump(&mut client, &mut server);
        let data = client.forge(DATA, b"data");
        client.give(&data);
        client.assert_failed(Fault::DataBeforeFinished);
    }
}

/// Observers hear what goes under which keys, and key logs have its secret.
#[test]
fn observers_hear_of_it() {
    use crate::observe::{Direction, Observed, Observer};
    use std::sync::Mutex;
    #[derive(Default)]
    struct Levels(Mutex<Vec<(Level, u8)>>, Mutex<Vec<&'static str>>);
    impl Observer for Levels {
        fn observe(&self, event: &Observed<'_>) {
            match event {
                Observed::Message { direction: Direction::Out, level, bytes } => {
                    self.0.lock().unwrap().push((*level, bytes[0]));
                }
                Observed::Secret { keylog: Some(label), .. } => self.1.lock().unwrap().push(label),
                _ => {}
            }
        }
    }
    let (client, server) = primed();
    let heard = Arc::new(Levels::default());
    let c = Connection::client(&Arc::new(client.observer(heard.clone())), name()).unwrap();
    let mut client = Party::new(c, Side::Client, Arc::default());
    let mut server = Party::server_altered(&server, accepting());
    pump(&mut client, &mut server);
    let expected = [(Level::Initial, 1), (Level::Early, 5), (Level::Handshake, 20)];
    assert_eq!(*heard.0.lock().unwrap(), expected);
    let labels = heard.1.lock().unwrap();
    assert_eq!(labels[..2], ["EARLY_EXPORTER_SECRET", "CLIENT_EARLY_TRAFFIC_SECRET"]);
}

/// The early exporter is what RFC 9846 section 7.5 says, before and after the decision.
#[test]
fn early_keying_material() {
    let (client, server) = primed();
    let (mut client, mut server) = (Party::client(&client), Party::server_altered(&server, accepting()));
    let export = |party: &Party| {
        let mut out = [0; 32];
        party.c.export_early("EXPORTER-test", Some(b"context"), &mut out).map(|()| out)
    };
    let first = export(&client).unwrap();
    let mut secret = [0; 32];
    client.c.export("EXPORTER-test", Some(b"context"), &mut secret).unwrap_err();
    pump(&mut client, &mut server);
    assert_eq!(export(&client).unwrap(), first);
    client.c.export("EXPORTER-test", Some(b"context"), &mut secret).unwrap();
    assert_ne!(first, secret);
    assert!(matches!(client.c.export_early("", None, &mut secret), Err(Error::Misuse(_))));
    let (none, _) = connect(&client_config(), &server_config());
    assert!(matches!(export(&none), Err(Error::Misuse(_))));
}

/// Both ends are ours: early data comes apart, the answer before the client's Finished,
/// and keying material is the same.
#[test]
fn both_ends() {
    for most in [1, 4, 5, MOST] {
        let (client, server) = offering();
        let server = server.early_data(most, ReplayRegister::new());
        connect(&client, &server);
        let (mut client, mut server) = (Party::client(&client), Party::server(&server));
        let sent = client.c.send_early(b"early").unwrap();
        assert_eq!(sent, 5.min(most as usize));
        server.give(&client.take());
        assert_eq!(server.early_data(), b"early"[..sent]);
        assert_eq!(server.c.send(b"answer").unwrap(), 6);
        let both = [&client, &server].map(|party| {
            let mut out = [0; 32];
            party.c.export_early("EXPORTER-test", None, &mut out).map(|()| out)
        });
        assert_eq!(both[0].as_ref().unwrap(), both[1].as_ref().unwrap());
        let (mut client, mut server) = connected(client, server);
        assert_eq!((decisions(&client), client.data()), (vec![EarlyData::Accepted], b"answer".to_vec()));
        deliver(&mut client, &mut server, b"data");
        assert_eq!((early(&server), server.early_data().len()), (EarlyData::Accepted, sent));
    }
}

/// Each cut of the server's flight, and single bytes of both.
#[test]
fn however_records_come() {
    let (client, server) = offering();
    let server = server.early_data(MOST, ReplayRegister::new());
    let flight = |cut: Option<usize>| {
        connect(&client, &server);
        let (mut client, mut server) = (Party::client(&client), Party::server(&server));
        if cut.is_none() {
            (client.step, server.step) = (1, 1);
        }
        assert_eq!(client.c.send_early(b"early").unwrap(), 5);
        server.give(&client.take());
        let flight = server.take();
        let (start, end) = flight.split_at(cut.unwrap_or_default().min(flight.len()));
        client.give(start);
        assert_eq!(client.is_done(), start.len() == flight.len());
        client.give(end);
        let (mut client, mut server) = connected(client, server);
        assert_eq!((early(&client), server.early_data()), (EarlyData::Accepted, b"early".to_vec()));
        deliver(&mut client, &mut server, b"data");
        flight.len()
    };
    let length = flight(None);
    (0..=length).for_each(|cut| {
        flight(Some(cut));
    });
}
