//! TLS 1.2 and a peer that asks to negotiate again (RFC 5246 sections 7.4.1.1 and
//! 7.2.2): a HelloRequest is passed over, a ClientHello is answered with a warning
//! and the end, and a configuration may want the end of both.

use super::super::Close;
use super::faults::{tls12_client, tls12_server};
use super::kit::*;
use super::kit12::*;
use super::places12::{is_asking, place12, places12};
use crate::alert::AlertDescription;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::fault::Fault;
use crate::limits;
use crate::schedule::Side;
use crate::wire::ProtocolVersion;

const HELLO_REQUEST: [u8; 4] = [0; 4];
const WARNING: (u8, u8) = (1, AlertDescription::NO_RENEGOTIATION.0);
const FATAL: (u8, u8) = (2, AlertDescription::NO_RENEGOTIATION.0);
const CLOSE_NOTIFY: (u8, u8) = (1, 0);

/// A ClientHello, as one would begin to negotiate again.
fn hello() -> Vec<u8> {
    messages(&Party::client(&tls12_client()).records()).remove(0)
}

/// The states of a client that reads.
fn client_places() -> impl Iterator<Item = &'static str> {
    places12().filter(|(side, state)| *side == Side::Client && !is_asking(state)).map(|(_, state)| state)
}

/// What the peer was about to send comes as if nothing had been.
fn goes_on(state: &str, requests: usize) {
    let mut at = place12(Side::Client, state);
    give12(&mut at.victim, HANDSHAKE, &HELLO_REQUEST.repeat(requests));
    let done = matches!(state, "WaitTicket" | "Connected") || state.starts_with("WaitFinished");
    let done = done || state.starts_with("WaitCcs") || state.contains("(renewed)");
    for record in std::mem::take(&mut at.coming) {
        give12(&mut at.victim, record.kind, &record.content);
    }
    assert!(at.victim.error.is_none(), "{state}: {:?}", at.victim.error);
    assert_eq!(at.victim.is_done(), done, "{state} in {}", at.victim.state());
    assert_eq!(alerts12(&mut at.victim), [], "{state}");
}

#[test]
fn a_hello_request_is_passed_over_in_each_state_outside_of_the_transcript() {
    // A policy says of the staple of the tests what it is.
    let stapled = ["WaitCert (status)", "WaitStatus", "WaitSke (status)"];
    for state in client_places().filter(|state| !stapled.contains(state)) {
        goes_on(state, 1);
        goes_on(state, usize::from(limits::HELLO_REQUESTS));
    }
}

#[test]
fn before_each_message_of_a_handshake_with_data_behind_it() {
    let (client, server) = (client12_with_certificate(), requesting12(trusting().into()));
    let (mut client, mut server) = (Party::client(&client), Party::server(&server));
    let mut requests = 0;
    relayed12(&mut client, &mut server, |from, records| {
        let interspersed = one_each(records).into_iter().flat_map(|record| {
            let asks = from == Side::Server && record.kind == HANDSHAKE && record.level == 0;
            requests += usize::from(asks);
            let request = Opened { content: HELLO_REQUEST.to_vec(), ..record.clone() };
            asks.then_some(request).into_iter().chain([record])
        });
        interspersed.collect()
    });
    assert!(client.is_done() && server.is_done(), "{:?} {:?}", client.error, server.error);
    assert_eq!(requests, 5);
    deliver(&mut server, &mut client, b"down");
    deliver(&mut client, &mut server, b"up");
}

#[test]
fn hello_requests_are_bounded() {
    let most = usize::from(limits::HELLO_REQUESTS);
    for state in client_places() {
        let mut at = place12(Side::Client, state);
        give12(&mut at.victim, HANDSHAKE, &HELLO_REQUEST.repeat(most));
        assert!(at.victim.error.is_none(), "{state}: {:?}", at.victim.error);
        give12(&mut at.victim, HANDSHAKE, &HELLO_REQUEST);
        assert_failed12(&mut at.victim, Fault::TooManyHelloRequests);
    }
    // Data refill it.
    let mut at = place12(Side::Client, "Connected");
    for _ in 0..3 {
        give12(&mut at.victim, HANDSHAKE, &HELLO_REQUEST.repeat(most));
        give12(&mut at.victim, DATA, b"data");
    }
    assert_eq!(at.victim.data(), b"data".repeat(3));
    // Some bytes of one are none, wherever they stand.
    give12(&mut at.victim, HANDSHAKE, &HELLO_REQUEST[..2]);
    give12(&mut at.victim, DATA, b"data");
    assert_failed12(&mut at.victim, Fault::MessageInterleaved);
}

#[test]
fn a_hello_request_has_no_body() {
    for state in client_places() {
        let mut at = place12(Side::Client, state);
        give12(&mut at.victim, HANDSHAKE, &[0, 0, 0, 1, 0]);
        assert_failed12(&mut at.victim, Fault::TrailingBytes);
    }
}

/// Between two parts of a message it is no message: its bytes are that message's.
#[test]
fn inside_of_a_message_there_is_no_other() {
    let mut at = place12(Side::Client, "WaitFinished");
    let finished = at.coming.remove(0).content;
    give12(&mut at.victim, HANDSHAKE, &finished[..8]);
    give12(&mut at.victim, HANDSHAKE, &HELLO_REQUEST);
    give12(&mut at.victim, HANDSHAKE, &finished[8..]);
    assert_failed12(&mut at.victim, Fault::BadFinished);
}

#[test]
fn tls13_has_no_hello_request() {
    // Where TLS 1.2 may still come to be, it is passed over, but not if TLS 1.3 comes.
    let both = client_config();
    let only13 = client_config().versions(&[ProtocolVersion::TLS13]).unwrap();
    let request = plain(HANDSHAKE, &HELLO_REQUEST);
    for (client, server, fault) in [
        (&both, server_config(), Some(Fault::UnexpectedMessage)),
        (&both, tls12_server(), None),
        (&tls12_client(), tls12_server(), None),
    ] {
        let (mut client, mut server) = (Party::client(client), Party::server(&server));
        client.give(&request);
        assert!(client.error.is_none(), "{:?}", client.error);
        pump(&mut client, &mut server);
        assert_eq!(client.fault(), fault, "{:?}", client.error);
        assert_eq!(client.is_done() && server.is_done(), fault.is_none());
    }
    let mut client = Party::client(&only13);
    client.give(&request);
    client.assert_failed(Fault::UnexpectedMessage);
    // No server is asked anything by one.
    let mut at = place12(Side::Server, "WaitCke");
    give12(&mut at.victim, HANDSHAKE, &HELLO_REQUEST);
    assert_failed12(&mut at.victim, Fault::UnexpectedMessage);
}

#[test]
fn a_client_that_negotiates_again_is_warned_and_left() {
    let (mut client, mut server) = connect(&tls12_client(), &tls12_server());
    deliver(&mut client, &mut server, b"before");
    let bytes = forge12(&server, HANDSHAKE, &hello());
    server.give(&bytes);
    assert_eq!(server.fault(), Some(Fault::Renegotiation), "{:?}", server.error);
    assert_eq!(alerts12(&mut server), [WARNING, CLOSE_NOTIFY]);
    // Its client reads the warning, and the end.
    let (mut client, mut server) = connect(&tls12_client(), &tls12_server());
    let bytes = forge12(&server, HANDSHAKE, &hello());
    server.give(&bytes);
    client.give(&server.take());
    assert_eq!((client.closed(), client.error.is_none()), (Some(Close::Clean), true));
    assert!(server.c.send(b"data").is_err());
    server.c.close();
    assert!(server.take().is_empty());
}

#[test]
fn the_halves_of_a_server_say_the_same() {
    let (mut client, server) = connect(&tls12_client(), &tls12_server());
    let bytes = forge12(&server, HANDSHAKE, &hello());
    let (mut receiver, mut sender) = server.c.split().unwrap();
    let mut space = receiver.space().unwrap();
    space[..bytes.len()].copy_from_slice(&bytes);
    space.filled(bytes.len());
    let error = receiver.next().unwrap_err();
    assert_eq!(error.fault(), Some(Fault::Renegotiation));
    assert_eq!(sender.send(b"no more").unwrap_err().to_string(), error.to_string());
    let pending = sender.pending().to_vec();
    client.give(&pending);
    assert_eq!((client.closed(), client.error.is_none()), (Some(Close::Clean), true));
}

#[test]
fn the_halves_of_a_client_pass_it_over() {
    let at = place12(Side::Client, "Connected");
    let bytes = forge12(&at.victim, HANDSHAKE, &HELLO_REQUEST);
    let (mut receiver, mut sender) = at.victim.c.split().unwrap();
    let mut space = receiver.space().unwrap();
    space[..bytes.len()].copy_from_slice(&bytes);
    space.filled(bytes.len());
    assert!(matches!(receiver.next(), Ok(super::super::Event::NeedInput)));
    assert!(sender.send(b"data").is_ok());
}

#[test]
fn where_it_is_fatal() {
    let fatal = |config: ClientConfig| config.renegotiation_is_fatal();
    let (mut client, mut server) = connect(&fatal(tls12_client()), &tls12_server());
    let bytes = forge12(&client, HANDSHAKE, &HELLO_REQUEST);
    client.give(&bytes);
    assert_eq!(client.fault(), Some(Fault::RenegotiationForbidden), "{:?}", client.error);
    server.give(&client.take());
    match server.error {
        Some(Error::AlertReceived { description: AlertDescription::NO_RENEGOTIATION, .. }) => {}
        other => panic!("{other:?}"),
    }
    let (_, mut server) = connect(&tls12_client(), &tls12_server().renegotiation_is_fatal());
    let bytes = forge12(&server, HANDSHAKE, &hello());
    server.give(&bytes);
    assert_eq!(server.fault(), Some(Fault::RenegotiationForbidden));
    assert_eq!(alerts12(&mut server), [FATAL]);
    // In mid-handshake it is a message out of its place.
    for config in [fatal(client_config()), fatal(tls12_client())] {
        let mut client = Party::client(&config);
        client.give(&plain(HANDSHAKE, &HELLO_REQUEST));
        client.assert_failed(Fault::UnexpectedMessage);
    }
    let mut asked = false;
    let (mut client, mut server) = (Party::client(&fatal(tls12_client())), Party::server(&tls12_server()));
    relayed12(&mut client, &mut server, |from, mut records| {
        if from == Side::Server && !records.is_empty() && !std::mem::replace(&mut asked, true) {
            records = one_each(records);
            records.insert(1, Opened { level: 0, kind: HANDSHAKE, content: HELLO_REQUEST.to_vec() });
        }
        records
    });
    assert_eq!(client.fault(), Some(Fault::UnexpectedMessage));
}
