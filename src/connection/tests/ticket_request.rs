//! How many tickets a client asks for, and gets (RFC 9149).

use super::alter::*;
use super::faults::{retry_client, retry_server};
use super::kit::*;
use super::resumption::{keeping, sessions};
use crate::config::{ClientConfig, ServerConfig};
use crate::fault::Fault;
use crate::session::{ClientSessions, TicketKeys};
use crate::wire::*;
use std::sync::{Arc, Mutex};

/// What the two said of tickets: the requests of each ClientHello, the answer, and
/// how many tickets came.
#[derive(Debug, Default, PartialEq)]
struct Said {
    asked: Vec<Option<(u8, u8)>>,
    answered: Vec<Option<u8>>,
    tickets: usize,
}

/// A handshake, resumed or not.
fn said(client: &ClientConfig, server: &ServerConfig) -> (bool, Said) {
    let said = Arc::new(Mutex::new(Said::default()));
    let (hears, answers) = (Arc::clone(&said), Arc::clone(&said));
    let client_says = client_hello(move |m| {
        let request = m.extensions.ticket_request;
        hears.lock().unwrap().asked.push(request.map(|r| (r.new_session_count, r.resumption_count)));
    });
    let server_says: crate::record::Alter = Box::new(move |message| {
        let mut said = answers.lock().unwrap();
        match Message::decode(&message, Form::Tls13).map(|message| message.body) {
            Ok(Body::EncryptedExtensions(m)) => said.answered.push(m.ticket_request),
            Ok(Body::NewSessionTicket13(_)) => said.tickets += 1,
            _ => {}
        }
        drop(said);
        vec![message]
    });
    let client = Party::client_altered(client, client_says);
    let ends = connected(client, Party::server_altered(server, Some(server_says)));
    let resumed = ends.0.c.info().resumed;
    drop(ends);
    (resumed, Arc::into_inner(said).unwrap().into_inner().unwrap())
}

#[test]
fn a_server_sends_as_many_as_are_asked_for_within_its_bound() {
    for (asked, most, full, again) in [
        ((4, 1), 8, 4, 1),
        ((4, 3), 2, 2, 2),
        ((1, 0), 2, 1, 0),
        ((u8::MAX, u8::MAX), u8::MAX, 8, 8),
        ((3, 3), 0, 0, 0),
        ((0, 0), 2, 0, 0),
    ] {
        let (client, server) = keeping(ProtocolVersion::TLS13);
        let (client, server) = (client.ticket_request(asked.0, asked.1), server.tickets_sent(most));
        let asked = vec![Some((asked.0.min(8), asked.1.min(8)))];
        let expected = |n: u8| Said { asked: asked.clone(), answered: vec![Some(n)], tickets: n.into() };
        assert_eq!(said(&client, &server), (false, expected(full)));
        assert_eq!(sessions(&client), usize::from(full));
        if full > 0 {
            assert_eq!(said(&client, &server), (true, expected(again)));
        }
    }
}

#[test]
fn nothing_is_asked_or_answered_without_need() {
    let unasked = |tickets| Said { asked: vec![None], answered: vec![None], tickets };
    // If nothing is said; without a store.
    let (client, server) = keeping(ProtocolVersion::TLS13);
    assert_eq!(said(&client, &server), (false, unasked(2)));
    assert_eq!(said(&client_config().ticket_request(4, 1), &server_config()), (false, unasked(0)));
    // A server that sends none has no use for the request (RFC 9149 section 3).
    let client = client.ticket_request(4, 1);
    client.sessions.as_ref().unwrap().clear();
    let asked = Said { asked: vec![Some((4, 1))], answered: vec![None], tickets: 0 };
    assert_eq!(said(&client, &server_config()), (false, asked));
    // TLS 1.2 has one ticket; the request stands in a ClientHello of both versions.
    let (client, server) = keeping(ProtocolVersion::TLS12);
    let client = client.ticket_request(4, 1);
    assert_eq!(said(&client, &server).1.asked, [None]);
    let versions = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
    let both = said(&client.versions(&versions).unwrap(), &server).1;
    assert_eq!((both.asked, both.answered), (vec![Some((4, 1))], vec![]));
}

/// RFC 9149 section 3: a second ClientHello asks for the same.
#[test]
fn a_retry_changes_nothing() {
    let client = retry_client().sessions(ClientSessions::new()).ticket_request(4, 1);
    let server = retry_server().tickets(TicketKeys::random());
    let (_, said) = said(&client, &server);
    assert_eq!(said, Said { asked: vec![Some((4, 1)); 2], answered: vec![Some(2)], tickets: 2 });

    let second = nth(1, |message| {
        let request = ExtensionType::TICKET_REQUEST.0;
        vec![with_extensions(&message, |all| {
            all.iter_mut().filter(|(kind, _)| *kind == request).for_each(|(_, body)| body[0] += 1);
        })]
    });
    let mut server = Party::server(&server);
    pump(&mut Party::client_altered(&client, second), &mut server);
    server.assert_failed(Fault::SecondHelloDiffers);
}

/// RFC 9149 section 3: in no message but EncryptedExtensions.
#[test]
fn an_answer_elsewhere_is_refused() {
    let (client, server) = keeping(ProtocolVersion::TLS13);
    let mut client = Party::client(&client.ticket_request(4, 1));
    let misplaced = add(HandshakeType::SERVER_HELLO, ExtensionType::TICKET_REQUEST, &[2]);
    pump(&mut client, &mut Party::server_altered(&server, misplaced));
    client.assert_failed(Fault::MisplacedExtension);
}
