//! The two halves of a connection: who may have them, and what they tell each other.

use super::super::{Close, Event, Receiver, Sender};
use super::kit::*;
use super::places::{place, places};
use super::places12::{place12, places12};
use super::updates::updates_among;
use crate::alert::AlertDescription;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::schedule::Side;
use std::sync::Arc;

/// A client's halves, and what the sender sent.
struct Halves {
    receiver: Receiver,
    sender: Sender,
    suite: Option<&'static Suite>,
    heard: Arc<Heard>,
    sent: Vec<u8>,
}

impl Halves {
    fn of(mut client: Party) -> Self {
        client.take();
        let suite = client.suite();
        let (receiver, sender) = client.c.split().unwrap();
        Self { receiver, sender, suite, heard: client.heard, sent: client.sent }
    }

    fn take(&mut self) -> Vec<u8> {
        let bytes = self.sender.pending().to_vec();
        self.sender.sent(bytes.len());
        self.sent.extend(&bytes);
        bytes
    }

    fn send(&mut self, server: &mut Party, data: &[u8]) {
        let before = server.data().len();
        assert_eq!(self.sender.send(data).unwrap(), data.len());
        server.give(&self.take());
        assert_eq!(server.data()[before..], *data, "{:?}", server.error);
    }

    fn feed(&mut self, bytes: &[u8]) {
        let mut space = self.receiver.space().unwrap();
        space[..bytes.len()].copy_from_slice(bytes);
        space.filled(bytes.len());
    }

    fn receive(&mut self, server: &mut Party, data: &[u8]) {
        assert_eq!(server.c.send(data).unwrap(), data.len());
        self.feed(&server.take());
        match self.receiver.next() {
            Ok(Event::Data(got)) => assert_eq!(got, data),
            other => panic!("{other:?}"),
        }
        self.receiver.consume(data.len());
    }

    /// The peer's KeyUpdate arrives, and asks for one back.
    fn be_asked(&mut self, server: &mut Party) {
        server.c.update_keys(true).unwrap();
        self.feed(&server.take());
        assert!(matches!(self.receiver.next(), Ok(Event::NeedInput)));
    }

    fn updates(&self) -> Vec<(usize, u8)> {
        updates_among(Ear::new().open(self.suite, &self.heard.traffic(Side::Client), &self.sent))
    }
}

/// A connection's halves, and its peer.
fn halves() -> (Halves, Party) {
    let (client, server) = connect(&client_config(), &server_config());
    (Halves::of(client), server)
}

#[test]
fn only_a_connection_that_is_done_has_halves() {
    let not_done = |party: Party| match party.c.split() {
        Err(Error::Misuse(said)) => assert!(said.contains("only after the handshake"), "{said}"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("halves of a handshake"),
    };
    let tls13 = places().map(|(side, state)| (state, place(side, state).victim));
    let tls12 = places12().map(|(side, state)| (state, place12(side, state).victim));
    for (state, victim) in tls13.chain(tls12) {
        match state.starts_with("Connected") {
            true => assert!(victim.c.split().is_ok(), "{state}"),
            false => not_done(victim),
        }
    }
    // All of the handshake has come, and nobody has looked at it.
    let (mut client, mut server) = (Party::client(&client_config()), Party::server(&server_config()));
    server.give(&client.take());
    let flight = server.take();
    let mut space = client.c.space().unwrap();
    space[..flight.len()].copy_from_slice(&flight);
    space.filled(flight.len());
    not_done(client);
}

#[test]
fn a_failed_connection_has_no_halves() {
    let (mut client, _) = connect(&client_config(), &server_config());
    client.give(&plain(66, b"?"));
    let said = client.error.take().unwrap().to_string();
    assert_eq!(client.c.split().err().unwrap().to_string(), said);
}

#[test]
fn the_sender_answers_before_its_next_data() {
    let (mut halves, mut server) = halves();
    halves.be_asked(&mut server);
    assert!(halves.take().is_empty(), "a silent side answers nothing");
    halves.send(&mut server, b"one");
    halves.send(&mut server, b"two");
    assert_eq!(halves.updates(), [(2, 0)]);
    // Several requests have one answer, and close_notify does not swallow it.
    for _ in 0..3 {
        server.c.update_keys(true).unwrap();
        halves.receive(&mut server, b"and data");
        halves.be_asked(&mut server);
    }
    halves.sender.close();
    server.give(&halves.take());
    assert_eq!(server.closed(), Some(Close::Clean));
    assert_eq!(halves.updates(), [(2, 0), (3, 0)]);
}

#[test]
fn an_answer_that_is_owed_goes_with_the_halves() {
    let (mut client, mut server) = connect(&client_config(), &server_config());
    server.c.update_keys(true).unwrap();
    client.give(&server.take());
    let mut halves = Halves::of(client);
    halves.send(&mut server, b"one");
    assert_eq!(halves.updates(), [(2, 0)]);
}

#[test]
fn halves_ask_again_when_the_answer_has_come() {
    let (mut client, mut server) = connect(&client_config(), &server_config());
    // Asked by the whole connection, which goes with the halves.
    client.c.update_keys(true).unwrap();
    server.give(&client.take());
    let mut halves = Halves::of(client);
    halves.sender.update_keys(true).unwrap();
    server.give(&halves.take());
    halves.receive(&mut server, b"the answer goes before");
    for _ in 0..2 {
        halves.sender.update_keys(true).unwrap();
        server.give(&halves.take());
    }
    assert_eq!(halves.updates(), [(2, 1), (3, 0), (4, 1), (5, 0)]);
    assert_eq!(updates_among(server.records()), [(2, 0)]);
}

/// Whoever only sends, and asks again and again, gets KeyUpdates with no data
/// between: they are answers, and no abuse.
#[test]
fn the_answers_to_halves_are_no_abuse() {
    let (mut halves, mut server) = halves();
    for _ in 0..100 {
        halves.sender.update_keys(true).unwrap();
        halves.send(&mut server, b"data");
        server.c.update_keys(false).unwrap();
        halves.feed(&server.take());
        assert!(matches!(halves.receiver.next(), Ok(Event::NeedInput)));
    }
}

#[test]
fn a_receiver_that_fails_ends_both_halves() {
    let (mut halves, mut server) = halves();
    halves.feed(&plain(66, b"?"));
    let said = halves.receiver.next().unwrap_err().to_string();
    assert!(said.ends_with("in state Connected"), "{said}");
    assert_eq!(halves.receiver.next().unwrap_err().to_string(), said);
    // Closing does not swallow the alert.
    halves.sender.close();
    assert_eq!(halves.sender.send(b"data").unwrap_err().to_string(), said);
    server.give(&halves.take());
    match server.error {
        Some(Error::AlertReceived { description, .. }) => {
            assert_eq!(description, AlertDescription::UNEXPECTED_MESSAGE)
        }
        other => panic!("{other:?}"),
    }
    assert!(halves.take().is_empty());
}

#[test]
fn an_alert_of_the_peer_is_not_answered_by_the_sender() {
    let (mut halves, mut server) = halves();
    server.give(&plain(66, b"?"));
    halves.feed(&server.take());
    assert!(matches!(halves.receiver.next(), Err(Error::AlertReceived { .. })));
    halves.sender.close();
    assert!(halves.take().is_empty());
    assert!(matches!(halves.sender.payload(), Err(Error::AlertReceived { .. })));
}

#[test]
fn a_sender_that_closed_owes_nothing() {
    let (mut halves, mut server) = halves();
    halves.sender.close();
    server.give(&halves.take());
    assert_eq!(server.closed(), Some(Close::Clean));
    server.c.update_keys(true).unwrap();
    halves.feed(&server.take());
    assert!(matches!(halves.receiver.next(), Ok(Event::NeedInput)));
    assert!(halves.take().is_empty());
}
