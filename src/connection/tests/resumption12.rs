//! TLS 1.2's tickets in both handshakes: each state with each input. What is
//! accepted is typed out from the figures of RFC 5077 section 3.1.

use super::alter::*;
use super::kit::*;
use super::resumption::{keeping, primed};
use crate::config::{ClientConfig, ServerConfig};
use crate::fault::Fault;
use crate::record::Alter;
use crate::session::{TicketKey, TicketKeys};
use crate::wire::*;

const TLS12: ProtocolVersion = ProtocolVersion::TLS12;

const HELLO_REQUEST: [u8; 4] = [0; 4];

/// The message types that TLS 1.2 knows, each with a well-formed body.
fn samples() -> Vec<Vec<u8>> {
    let certificate = [CertificateBytes(&PKI.server.chain[0])];
    vec![
        framed(HandshakeType::HELLO_REQUEST, &[]),
        messages(&Party::client(&client_config()).records()).remove(0),
        framed(HandshakeType::SERVER_HELLO, &[&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2b, 0]].concat()),
        framed(HandshakeType::NEW_SESSION_TICKET, &[0, 0, 0, 9, 0, 1, 5]),
        encoded(Body::Certificate12(Certificate12 { certificates: List::from(&certificate[..]) })),
        framed(HandshakeType::SERVER_KEY_EXCHANGE, &[3, 0, 0x1d, 2, 8, 9, 4, 3, 0, 1, 7]),
        framed(HandshakeType::CERTIFICATE_REQUEST, &[1, 64, 0, 2, 4, 3, 0, 0]),
        framed(HandshakeType::SERVER_HELLO_DONE, &[]),
        framed(HandshakeType::CERTIFICATE_VERIFY, &[4, 3, 0, 1, 7]),
        framed(HandshakeType::CLIENT_KEY_EXCHANGE, &[2, 8, 9]),
        framed(HandshakeType::FINISHED, &[5; 12]),
        framed(HandshakeType::CERTIFICATE_STATUS, &[1, 0, 0, 1, 7]),
    ]
}

/// A session is at hand, and the server's keys have changed since: its ticket
/// will be renewed.
pub(super) fn renewing() -> (ClientConfig, ServerConfig) {
    let (client, server) = keeping(TLS12);
    let key = |byte: u8, encrypts: u64| {
        let at = |hours: u64| {
            let seconds = now().as_secs() + hours * 3600;
            crate::pki::UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
        };
        TicketKey::new([byte; 32], at(0), at(encrypts), at(90)).unwrap()
    };
    connect(&client, &server.clone().tickets(TicketKeys::shared([key(1, 9)]).unwrap()));
    (client, server.tickets(TicketKeys::shared([key(1, 0), key(2, 9)]).unwrap()))
}

fn run(
    (client, server): (ClientConfig, ServerConfig),
    alter_client: Option<Alter>,
    alter_server: Option<Alter>,
) -> (Party, Party) {
    let mut client = Party::client_altered(&client, alter_client);
    let mut server = Party::server_altered(&server, alter_server);
    pump(&mut client, &mut server);
    (client, server)
}

fn is(party: &Party, fault: Fault, what: &str) {
    assert_eq!(party.fault(), Some(fault), "{what}: {:?} in {}", party.error, party.state());
}

/// The first messages of the server, and nothing after them.
fn only(n: usize) -> Option<Alter> {
    keep(n).0
}

/// Where a client stands: with how many messages of which server, awaiting what.
fn client_at(place: &str) -> (Party, Option<HandshakeType>) {
    let full = || keeping(TLS12);
    // Full: ServerHello, Certificate, ServerKeyExchange, ServerHelloDone, then the rest.
    let (n, configs, state, takes) = match place {
        "full" => (4, full(), "WaitTicket", Some(HandshakeType::NEW_SESSION_TICKET)),
        "renewed" => (1, renewing(), "WaitTicket", Some(HandshakeType::NEW_SESSION_TICKET)),
        _ => (1, primed(TLS12), "WaitCcs", None),
    };
    let mut client = Party::client(&configs.0);
    let mut server = Party::server_altered(&configs.1, only(n));
    // The server's ChangeCipherSpec and Finished stay with it.
    let hello = client.take();
    server.give(&hello);
    let flight = server.take();
    let ends = flight.windows(6).position(|bytes| bytes == plain(CHANGE_CIPHER_SPEC, &[1]));
    client.give(&flight[..ends.unwrap_or(flight.len())]);
    assert_eq!(client.state(), state, "{place}: {:?}", client.error);
    (client, takes)
}

#[test]
fn a_client_takes_the_ticket_in_its_place_and_nothing_else() {
    for place in ["full", "renewed", "abbreviated"] {
        for sample in samples() {
            let (mut client, takes) = client_at(place);
            client.give(&plain(HANDSHAKE, &sample));
            match takes {
                Some(kind) if kind.0 == sample[0] => {
                    assert_eq!(client.state(), "WaitCcs", "{:?}", client.error);
                    client.give(&plain(HANDSHAKE, &sample));
                    is(&client, Fault::UnexpectedMessage, "a second ticket");
                }
                // Passed over, wherever it comes.
                _ if sample == HELLO_REQUEST => assert!(client.error.is_none(), "{:?}", client.error),
                _ => is(&client, Fault::UnexpectedMessage, &format!("{place} {}", sample[0])),
            }
        }
        let (mut client, takes) = client_at(place);
        client.give(&plain(CHANGE_CIPHER_SPEC, &[1]));
        match takes {
            Some(_) => is(&client, Fault::BadChangeCipherSpec, place),
            None => assert_eq!(client.state(), "WaitFinished", "{place}: {:?}", client.error),
        }
        let (mut client, _) = client_at(place);
        client.give(&plain(DATA, b"data"));
        assert!(client.error.is_some(), "{place}");
    }
}

#[test]
fn a_server_that_resumes_awaits_the_change_of_keys() {
    for sample in samples() {
        let (client, server) = primed(TLS12);
        let (mut client, mut server) = (Party::client(&client), Party::server(&server));
        server.give(&client.take());
        assert_eq!(server.state(), "WaitCcs");
        server.give(&plain(HANDSHAKE, &sample));
        is(&server, Fault::UnexpectedMessage, &format!("{}", sample[0]));
    }
}

/// In the place of a Finished, under its keys.
#[test]
fn nothing_stands_for_a_finished() {
    for sample in samples() {
        let other = || {
            let sample = sample.clone();
            each(HandshakeType::FINISHED, move |_| vec![sample.clone()])
        };
        let fault = if sample[0] == HandshakeType::FINISHED.0 {
            Fault::BadFinished
        } else {
            Fault::UnexpectedMessage
        };
        for configs in [primed(TLS12), renewing(), keeping(TLS12)] {
            let (client, _) = run(configs.clone(), None, other());
            match sample == HELLO_REQUEST {
                true => assert!(client.error.is_none() && client.state() == "WaitFinished"),
                false => is(&client, fault, "the server's"),
            }
            assert!(!client.is_done());
        }
        for configs in [primed(TLS12), keeping(TLS12)] {
            let (_, server) = run(configs, other(), None);
            is(&server, fault, "the client's");
            assert!(!server.is_done());
        }
    }
}

#[test]
fn a_ticket_that_was_announced_comes() {
    for configs in [renewing(), keeping(TLS12)] {
        let none = each(HandshakeType::NEW_SESSION_TICKET, |_| vec![]);
        let (client, _) = run(configs, None, none);
        is(&client, Fault::BadChangeCipherSpec, "no ticket");
    }
    // It may be empty: then there is none (RFC 5077 section 3.3).
    let (client, server) = keeping(TLS12);
    let empty = || body(HandshakeType::NEW_SESSION_TICKET, |body| *body = vec![0; 6]);
    let (party, _) = run((client.clone(), server.clone()), None, empty());
    assert!(party.is_done(), "{:?}", party.error);
    assert!(client.sessions.unwrap().is_empty());
    // It belongs to the handshake that both sides' Finished cover.
    let altered = body(HandshakeType::NEW_SESSION_TICKET, |body| body[9] ^= 1);
    let (party, _) = run(renewing(), None, altered);
    assert!(party.is_done(), "altered before it was hashed: {:?}", party.error);
}

#[test]
fn nothing_is_announced_to_who_does_not_ask() {
    let (_, server) = keeping(TLS12);
    let silent = || client_config().versions(&[TLS12]).unwrap();
    let (all, sent) = keep(usize::MAX);
    let (client, _) = run((silent(), server.clone()), None, all);
    assert!(client.is_done());
    let hello = sent.lock().unwrap().remove(0);
    let Body::ServerHello(hello) = Message::decode(&hello, Form::Tls12).unwrap().body else { panic!() };
    assert!(!hello.extensions.session_ticket);
    // And one that was not asked says nothing of it.
    let announced = server_hello(|m| m.extensions.session_ticket = true);
    let (client, _) = run((silent(), server), None, announced);
    is(&client, Fault::UnofferedExtension, "an extension");
}

#[test]
fn a_session_whose_handshake_fails_is_gone() {
    let (client, server) = primed(TLS12);
    let store = client.sessions.clone().unwrap();
    let (party, _) = run((client, server), None, body(HandshakeType::FINISHED, |body| body[0] ^= 1));
    is(&party, Fault::BadFinished, "the server's");
    assert!(store.is_empty());
}
