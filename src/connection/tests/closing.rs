//! How connections end: close_notify, cuts, alerts, failures of one half; and
//! what may be said before the handshake is complete (RFC 9846 section 6).

use super::super::{Close, Event};
use super::alter::*;
use super::faults::server_says;
use super::kit::*;
use super::places::{place, places};
use crate::alert::AlertDescription;
use crate::error::Error;
use crate::fault::Fault;
use crate::schedule::Side;

#[test]
fn close_notify_is_the_end_of_one_direction() {
    let (mut client, mut server) = connect(&client_config(), &server_config());
    assert_eq!(client.c.send(b"last words").unwrap(), 10);
    client.c.close();
    let bytes = client.take();
    server.give(&bytes);
    assert_eq!((server.data(), server.closed()), (b"last words".to_vec(), Some(Close::Clean)));
    // Nothing more from this side.
    assert_eq!(client.c.send(b"more").unwrap(), 0);
    assert!(client.c.payload().unwrap().is_none());
    client.c.close();
    assert!(client.take().is_empty());
    // The other direction is open.
    deliver(&mut server, &mut client, &[7; 50_000]);
    server.c.close();
    let bytes = server.take();
    client.give(&bytes);
    assert_eq!(client.closed(), Some(Close::Clean));
    assert_eq!([client.alerts(), server.alerts()], [vec![(1, 0)], vec![(1, 0)]]);
    // The end is repeated, and the transport's own end adds nothing.
    client.c.filled_eof();
    for _ in 0..3 {
        assert!(matches!(client.c.next(), Ok(Event::Closed(Close::Clean))));
    }
}

#[test]
fn what_follows_close_notify_is_not_looked_at() {
    let mut at = place(Side::Client, "Connected");
    let close = at.victim.forge(ALERT, &[1, 0]);
    at.victim.give(&[close, b"anything at all, even no record".to_vec()].concat());
    assert_eq!(at.victim.closed(), Some(Close::Clean));
    assert!(at.victim.error.is_none());
    assert_eq!(at.victim.alerts(), []);
}

#[test]
fn without_close_notify_it_is_truncated() {
    let (mut client, mut server) = connect(&client_config(), &server_config());
    deliver(&mut server, &mut client, b"half of ");
    server.c.send(b"a sentence").unwrap();
    let bytes = server.take();
    client.give(&bytes[..bytes.len() - 1]);
    client.give_end();
    assert_eq!((client.data(), client.closed()), (b"half of ".to_vec(), Some(Close::Truncated)));
    // This side may still say something.
    deliver(&mut client, &mut server, b"are you there?");
}

#[test]
fn a_failed_connection_says_one_alert_and_repeats_its_error() {
    for (side, state) in places() {
        let mut at = place(side, state);
        if at.victim.c.pending().is_empty() && matches!(at.victim.got.last(), Some(Got::Asked(_))) {
            continue;
        }
        let bytes = at.victim.forge(HANDSHAKE, &[77, 0, 0, 0]);
        at.victim.give(&bytes);
        at.victim.assert_failed(Fault::UnknownMessage);
        let said = at.victim.error.as_ref().unwrap().to_string();
        assert!(said.contains(state.split(' ').next().unwrap()), "{said}");
        // Whatever is tried then.
        let sent = at.victim.sent.len();
        at.victim.c.close();
        at.victim.c.rest();
        at.victim.c.filled_eof();
        if let Some(space) = at.victim.c.space() {
            let n = space.len();
            space.filled(n);
        }
        for result in [at.victim.c.send(b"data").map(drop), at.victim.c.payload().map(drop)] {
            assert_eq!(result.unwrap_err().to_string(), said);
        }
        assert!(at.victim.c.update_keys(false).is_err());
        assert!(matches!(at.victim.c.next(), Err(error) if error.to_string() == said));
        at.victim.take();
        assert_eq!(at.victim.sent.len(), sent);
        assert!(
            matches!(at.victim.c.split(), Err(error) if state != "Connected" || error.to_string() == said)
        );
    }
}

#[test]
fn an_alert_is_sent_though_the_peer_does_not_read() {
    let (mut client, mut server) = connect(&client_config(), &server_config());
    while server.c.send(&[1; 16_000]).unwrap() == 16_000 {}
    server.give(&plain(66, b"?"));
    pump(&mut client, &mut server);
    server.assert_failed(Fault::UnknownContentType);
    assert!(matches!(client.error, Some(Error::AlertReceived { .. })));
    assert!(client.data().len() > 16_000);
}

/// Before it has keys a client can only speak in the clear (RFC 9846 section 6).
#[test]
fn a_server_hears_a_client_that_has_no_keys() {
    let broken = || server_hello(|m| m.extensions.key_share.as_mut().unwrap().key_exchange = &[0; 32]);
    let (mut client, server) = server_says(broken());
    client.assert_failed(Fault::BadKeyShare);
    assert_eq!(client.records().last().unwrap().level, 0);
    match server.error {
        Some(Error::AlertReceived { description, state: "WaitFinished" }) => {
            assert_eq!(description, AlertDescription::ILLEGAL_PARAMETER);
        }
        other => panic!("{other:?}"),
    }
    // Not from one that has shown that it has them, and not from a server.
    for (side, state) in [(Side::Server, "Connected"), (Side::Client, "WaitEe"), (Side::Client, "Connected")]
    {
        let mut at = place(side, state);
        at.victim.give(&plain(ALERT, &[2, 40]));
        at.victim.assert_failed(Fault::UnprotectedRecord);
    }
}

#[test]
fn half_rtt_data_waits_for_the_client_s_finished() {
    let flight = |server: &crate::ServerConfig| {
        let (alter, _) = keep(1);
        let (mut client, mut server) =
            (Party::client_altered(&client_config(), alter), Party::server(server));
        let hello = client.take();
        server.give(&hello);
        server
    };
    // Not by default, and not where a client certificate was requested.
    for config in [server_config(), requesting().half_rtt()] {
        let mut server = flight(&config);
        assert!(server.c.payload().unwrap().is_none());
        assert_eq!(server.c.send(b"early").unwrap(), 0);
    }
    let mut client = Party::client(&client_config());
    let mut server = Party::server(&server_config().half_rtt());
    let hello = client.take();
    server.give(&hello);
    assert_eq!(server.c.send(b"early").unwrap(), 5);
    assert!(!server.is_done());
    let bytes = server.take();
    client.give(&bytes);
    // The client is complete, and hears it afterwards.
    assert!(matches!(client.got[..], [Got::Done, Got::Data(_)]), "{:?}", client.got);
    pump(&mut client, &mut server);
    assert!(server.is_done());
    // A server that may send may also have said all before the client's Finished.
    let (mut client, mut server) =
        (Party::client(&client_config()), Party::server(&server_config().half_rtt()));
    let hello = client.take();
    server.give(&hello);
    server.c.close();
    pump(&mut client, &mut server);
    assert_eq!((client.closed(), server.is_done()), (Some(Close::Clean), true));
    deliver(&mut client, &mut server, b"I see");
    // A client never sends before its own Finished.
    let mut client = Party::client(&client_config());
    assert_eq!(client.c.send(b"early").unwrap(), 0);
}

#[test]
fn closing_in_mid_handshake_is_the_last_word() {
    // A server that takes early data may send already: it goes on and reads.
    let may_send = [(Side::Server, "WaitEoed"), (Side::Server, "WaitFinished (early)")];
    let gives_up = |at: &(Side, &str)| at.1 != "Connected" && !may_send.contains(at);
    for (side, state) in places().filter(gives_up) {
        let mut at = place(side, state);
        at.victim.c.close();
        at.victim.take();
        let sent = at.victim.sent.len();
        if !at.next.is_empty() && !matches!(at.victim.got.last(), Some(Got::Asked(_))) {
            let bytes = at.victim.forge(HANDSHAKE, &at.next.clone());
            at.victim.give(&bytes);
        }
        at.victim.take();
        assert_eq!(at.victim.sent.len(), sent, "{side:?} {state} went on after close_notify");
        assert_eq!(at.victim.alerts(), [(1, 0)], "{side:?} {state}");
        match at.victim.c.next() {
            Err(Error::GivenUp { state: given_up }) => assert!(state.starts_with(given_up)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_application_may_end_it_with_an_alert_of_its_own() {
    let denied = AlertDescription::ACCESS_DENIED;
    for (side, state) in places() {
        let mut at = place(side, state);
        at.victim.c.abort(denied);
        at.victim.take();
        let sent = at.victim.sent.len();
        assert_eq!(at.victim.alerts(), [(2, denied.0)], "{side:?} {state}");
        for _ in 0..2 {
            match at.victim.c.next() {
                Err(error @ Error::Aborted { description }) => {
                    assert_eq!((description, error.alert()), (denied, Some(denied)));
                }
                other => panic!("{other:?}"),
            }
            // The first word counts.
            at.victim.c.abort(AlertDescription::INTERNAL_ERROR);
            at.victim.c.close();
            assert!(at.victim.c.send(b"data").is_err());
            at.victim.take();
            assert_eq!(at.victim.sent.len(), sent, "{side:?} {state}");
        }
    }
    // The peer hears it; and close_notify is no error.
    let (mut client, mut server) = connect(&client_config(), &server_config());
    server.c.abort(denied);
    client.give(&server.take());
    assert!(matches!(client.error, Some(Error::AlertReceived { description, .. }) if description == denied));
    let (mut client, mut server) = connect(&client_config(), &server_config());
    server.c.abort(AlertDescription::CLOSE_NOTIFY);
    client.give(&server.take());
    assert_eq!((client.error.is_none(), server.alerts()), (true, vec![(1, 0)]));
}
