//! Each question of TLS 1.2 answered late, from another thread, while the rest
//! of the flight waits in the same record.

use super::super::{Close, Event};
use super::alter::{body, each};
use super::faults::{server_says_in, tls12_client, tls12_server};
use super::kit::*;
use super::kit12::*;
use super::places12::{answers12, place12};
#[cfg(feature = "static-rsa")]
use super::static_rsa;
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, Judge, ServerConfig};
use crate::error::Error;
use crate::fault::Fault;
use crate::info::Trust;
use crate::pki::Purpose;
#[cfg(feature = "static-rsa")]
use crate::question::EncodedMessage;
use crate::question::{Answer, OwnedQuestion, Question};
use crate::schedule::Side;
use crate::wire::{HandshakeType, ProtocolVersion};
use std::thread;

/// Requires a certificate, and leaves the verdict to this judge.
fn requiring12(judge: Judge) -> ServerConfig {
    tls12_server().client_auth(ClientAuth::Require(judge))
}

fn kind(question: &Question<'_>) -> &'static str {
    match question {
        Question::Verify { .. } => "Verify",
        Question::Sign { .. } => "Sign",
        Question::Certificate { .. } => "Certificate",
        Question::Configuration { .. } => "Configuration",
        Question::Session { .. } => "Session",
        Question::Replay { .. } => "Replay",
        Question::Refused { .. } => "Refused",
        Question::PreSharedKey { .. } => "PreSharedKey",
        #[cfg(feature = "static-rsa")]
        Question::Decrypt { .. } => "Decrypt",
    }
}

/// It asks this, again and again, and a wrong answer harms nothing.
fn assert_asks(party: &mut Party, expected: &str) {
    for (answer, _) in answers12() {
        let Ok(Event::Ask(question)) = party.c.next() else { panic!("nothing is asked") };
        assert_eq!(kind(&question), expected);
        if !answer.fits(&question) {
            assert!(matches!(party.c.answer(answer), Err(Error::Misuse(_))));
        }
    }
}

/// Both sides, up to the question of one; then the answer, from another thread;
/// then all that is left. `waiting` is how many records of the peer wait then,
/// the one included that the question is about and that holds more messages;
/// a server's flight ends with the message that makes its client ask.
fn late(
    mut client: Party,
    mut server: Party,
    asks: Side,
    expected: &str,
    waiting: usize,
    answer: fn(OwnedQuestion) -> Answer,
) -> (Party, Party) {
    pump(&mut client, &mut server);
    let (asker, peer) = match asks {
        Side::Client => (&mut client, &mut server),
        Side::Server => (&mut server, &mut client),
    };
    assert_asks(asker, expected);
    let first = [HandshakeType::CERTIFICATE, HandshakeType::CLIENT_KEY_EXCHANGE];
    let sent = records12(peer);
    let about = sent.iter().position(|record| first.iter().any(|kind| record.content[0] == kind.0));
    assert_eq!(about.map_or(0, |at| sent.len() - at), waiting, "{expected}: {sent:?}");
    let question = asker.asked().clone();
    let answer = thread::spawn(move || answer(question)).join().unwrap();
    // The connection goes along to other threads, too.
    let connection = &mut asker.c;
    thread::scope(|scope| scope.spawn(move || connection.answer(answer).unwrap()).join().unwrap());
    asker.give(&[]);
    pump(&mut client, &mut server);
    assert!(client.is_done() && server.is_done(), "{expected}: {:?}, {:?}", client.error, server.error);
    for info in [client.c.info(), server.c.info()] {
        assert_eq!(info.version, Some(ProtocolVersion::TLS12));
    }
    let asker = if asks == Side::Client { &client } else { &server };
    assert_eq!(asker.got.iter().filter(|got| matches!(got, Got::Asked(_))).count(), 1);
    deliver(&mut client, &mut server, b"and on");
    deliver(&mut server, &mut client, b"it goes");
    (client, server)
}

#[test]
fn sign_for_a_server() {
    let server = Party::server(&server12_with(PKI.server.elsewhere()));
    late(Party::client(&tls12_client()), server, Side::Server, "Sign", 0, |question| {
        let OwnedQuestion::Sign { scheme, message, certificate } = &question else { panic!() };
        // Both randoms, and the parameters: a named curve, X25519, 32 bytes.
        assert_eq!((*scheme, message.len()), (SCHEME, 64 + 4 + 32));
        assert_eq!(message[64..68], [3, 0, 0x1d, 32]);
        assert_eq!(*certificate, PKI.server.chain[0]);
        PKI.server.sign(&question)
    });
}

#[test]
fn sign_for_a_client() {
    let client = Party::client(&tls12_client().identity(PKI.client.elsewhere()));
    let server = Party::server(&requesting12(trusting().into()));
    let (_, server) = late(client, server, Side::Client, "Sign", 0, |question| {
        let OwnedQuestion::Sign { message, certificate, .. } = &question else { panic!() };
        // The messages themselves, from ClientHello to ClientKeyExchange (RFC 5246 section 7.4.8).
        assert_eq!(message[0], HandshakeType::CLIENT_HELLO.0);
        assert_eq!(*certificate, PKI.client.chain[0]);
        PKI.client.sign(&question)
    });
    assert_eq!(server.c.info().trust, Trust::Policy);
}

#[test]
fn verify_a_server_with_its_staple() {
    let client = Party::client(&client12_of(Judge::Application));
    let server = Party::server(&stapling12());
    let (client, _) = late(client, server, Side::Client, "Verify", 0, |question| {
        let OwnedQuestion::Verify { chain, name: Some(name), purpose, ocsp, resumed: false } = question
        else {
            panic!()
        };
        assert_eq!((chain, name, purpose), (PKI.server.chain.clone(), super::kit::name(), Purpose::Server));
        assert_eq!(ocsp, STAPLE);
        Answer::Accept
    });
    assert_eq!(client.c.info().trust, Trust::Application);
}

/// Nothing is sent to a server before somebody vouches for it, and what it put
/// behind its ServerHelloDone may not stand there.
#[test]
fn before_the_verdict_nothing_is_said_and_nothing_is_read() {
    for state in ["WaitVerdict", "WaitPerson"] {
        let mut at = place12(Side::Client, state);
        assert_eq!(messages(&records12(&mut at.victim)).len(), 1, "only the ClientHello");
    }
    let behind = each(HandshakeType::SERVER_HELLO_DONE, |done| vec![done, vec![14, 0, 0, 0]]);
    let (client, _) = server_says_in(&client12_of(Judge::Application), &tls12_server(), behind);
    assert_eq!(client.fault(), Some(Fault::KeyChangeInsideRecord));
}

#[test]
fn verify_a_client() {
    // Certificate, ClientKeyExchange and CertificateVerify, ChangeCipherSpec, Finished.
    let client = Party::client(&client12_with_certificate());
    let server = Party::server(&requiring12(Judge::Application));
    let (_, server) = late(client, server, Side::Server, "Verify", 3, |question| {
        let OwnedQuestion::Verify { chain, name: None, purpose, ocsp, resumed: false } = question else {
            panic!()
        };
        assert_eq!((chain, purpose, ocsp), (PKI.client.chain.clone(), Purpose::Client, vec![]));
        Answer::Accept
    });
    assert_eq!(server.c.info().trust, Trust::Application);
}

#[test]
fn which_certificate() {
    let server = ServerConfig::asking_for_certificates(now).alpn(&[b"h2"]).unwrap();
    let client = Party::client(&tls12_client().alpn(&[b"h2", b"h3"]).unwrap());
    late(client, Party::server(&server), Side::Server, "Certificate", 0, |question| {
        let OwnedQuestion::Certificate { server_name, signature_schemes, alpn } = question else { panic!() };
        assert_eq!(server_name.as_deref(), Some(HOST));
        assert!(signature_schemes.contains(&SCHEME));
        assert_eq!(alpn, [b"h2", b"h3"]);
        Answer::Certificate(PKI.server.identity().into())
    });
}

#[test]
fn a_person_accepts_a_server() {
    let client = Party::client(&client12_of(distrusting().into()).ask_when_refused());
    let (client, _) = late(client, Party::server(&tls12_server()), Side::Client, "Refused", 0, |question| {
        let OwnedQuestion::Refused { report } = question else { panic!() };
        assert!(!report.is_empty());
        Answer::AcceptThisOnce("it is a test".to_owned())
    });
    assert_eq!(client.c.info().trust, Trust::AcceptedThisOnce("it is a test".into()));
}

#[test]
fn a_person_accepts_a_client() {
    let client = Party::client(&client12_with_certificate());
    let server = Party::server(&requiring12(distrusting().into()).ask_when_refused());
    let (_, server) = late(client, server, Side::Server, "Refused", 3, |_| {
        Answer::AcceptThisOnce("it is a test".to_owned())
    });
    assert_eq!(server.c.info().trust, Trust::AcceptedThisOnce("it is a test".into()));
}

#[test]
#[cfg(feature = "static-rsa")]
fn decrypt() {
    // ClientKeyExchange, ChangeCipherSpec, Finished.
    let client = Party::client(&static_rsa::client(static_rsa::AES_128));
    let server = Party::server(&static_rsa::server_with(static_rsa::elsewhere()));
    late(client, server, Side::Server, "Decrypt", 3, |question| {
        Answer::Decrypted(EncodedMessage::from(static_rsa::decrypted(&question)))
    });
}

/// One question after another, where the same record holds what each is about.
#[test]
#[cfg(feature = "static-rsa")]
fn two_questions_about_one_record() {
    let client = static_rsa::client(static_rsa::AES_128).identity(PKI.client.identity());
    let server = static_rsa::server_with(static_rsa::elsewhere());
    let server = server.client_auth(ClientAuth::Require(Judge::Application));
    let (mut client, mut server) = (Party::client(&client), Party::server(&server));
    pump(&mut client, &mut server);
    assert_asks(&mut server, "Verify");
    server.answer(Answer::Accept);
    assert_asks(&mut server, "Decrypt");
    let Ok(Event::Ask(question)) = server.c.next() else { panic!() };
    let question = question.into_owned();
    server.answer(Answer::Decrypted(EncodedMessage::from(static_rsa::decrypted(&question))));
    let (mut client, mut server) = connected(client, server);
    deliver(&mut client, &mut server, b"up");
}

/// Accepted or not, the peer must have the certificate's key.
#[test]
fn acceptance_is_no_proof_of_the_key() {
    let broken = |kind| body(kind, |body| *body.last_mut().unwrap() ^= 1);
    for (judge, answer) in
        [(Judge::Application, Answer::Accept), (distrusting().into(), Answer::AcceptThisOnce(String::new()))]
    {
        let given = answer.clone();
        let config = client12_of(judge.clone()).ask_when_refused();
        let mut client = Party::client(&config).answering(move |_| Some(given.clone()));
        let mut server = Party::server_altered(&tls12_server(), broken(HandshakeType::SERVER_KEY_EXCHANGE));
        pump(&mut client, &mut server);
        assert_failed12(&mut client, Fault::BadSignature);

        let alter = broken(HandshakeType::CERTIFICATE_VERIFY);
        let mut client = Party::client_altered(&client12_with_certificate(), alter);
        let config = requiring12(judge).ask_when_refused();
        let mut server = Party::server(&config).answering(move |_| Some(answer.clone()));
        pump(&mut client, &mut server);
        assert_failed12(&mut server, Fault::BadSignature);
    }
}

#[test]
fn a_no_ends_the_handshake_with_its_alert() {
    let rejected = AlertDescription::CERTIFICATE_UNKNOWN;
    let unknown_ca = AlertDescription::UNKNOWN_CA;
    let internal = AlertDescription::INTERNAL_ERROR;
    for (side, state, answer, alert) in [
        (Side::Client, "WaitVerdict", Answer::Reject("no".to_owned()), rejected),
        (
            Side::Client,
            "WaitVerdict",
            Answer::RejectWith(AlertDescription::ACCESS_DENIED, "no".to_owned()),
            AlertDescription::ACCESS_DENIED,
        ),
        (
            Side::Client,
            "WaitVerdict",
            Answer::RejectWith(AlertDescription::CLOSE_NOTIFY, "no".to_owned()),
            rejected,
        ),
        (Side::Client, "WaitPerson", Answer::Refuse, unknown_ca),
        (Side::Client, "WaitSignature", Answer::CannotSign, internal),
        (Side::Server, "WaitVerdict", Answer::Reject("no".to_owned()), rejected),
        (
            Side::Server,
            "WaitVerdict",
            Answer::RejectWith(AlertDescription::ACCESS_DENIED, "no".to_owned()),
            AlertDescription::ACCESS_DENIED,
        ),
        (
            Side::Server,
            "WaitVerdict",
            Answer::RejectWith(AlertDescription::CLOSE_NOTIFY, "no".to_owned()),
            rejected,
        ),
        (Side::Server, "WaitPerson", Answer::Refuse, unknown_ca),
        (Side::Server, "WaitSignature", Answer::CannotSign, internal),
        (Side::Server, "WaitCertificate", Answer::NoCertificate, AlertDescription::UNRECOGNIZED_NAME),
    ] {
        let mut at = place12(side, state);
        let error = at.victim.c.answer(answer.clone()).unwrap_err();
        at.victim.drain();
        // The failure is the answer's result, and every later call's.
        assert_eq!(error.to_string(), at.victim.error.as_ref().unwrap().to_string());
        assert_eq!(alerts12(&mut at.victim), [(2, alert.0)], "{side:?} {state}");
        assert!(matches!(at.victim.c.answer(answer), Err(Error::Misuse(_))));
    }
}

#[test]
fn a_signature_of_another_key_is_seen_by_the_peer() {
    let server = Party::server(&server12_with(PKI.server.elsewhere()));
    let mut server = server.answering(|question| Some(PKI.other.sign(question)));
    let mut client = Party::client(&tls12_client());
    pump(&mut client, &mut server);
    assert_failed12(&mut client, Fault::BadSignature);

    let mut server = Party::server(&requiring12(trusting().into()));
    let client = Party::client(&tls12_client().identity(PKI.client.elsewhere()));
    let mut client = client.answering(|question| Some(PKI.other.sign(question)));
    pump(&mut client, &mut server);
    assert_failed12(&mut server, Fault::BadSignature);
}

#[test]
fn the_transport_may_end_behind_the_rest_of_the_flight() {
    let mut client = Party::client(&client12_with_certificate());
    let mut server = Party::server(&requiring12(Judge::Application));
    pump(&mut client, &mut server);
    server.give_end();
    assert_asks(&mut server, "Verify");
    server.answer(Answer::Accept);
    // All messages had arrived: the handshake is complete, then the end is told.
    assert!(server.is_done(), "{:?}", server.error);
    assert_eq!(server.closed(), Some(Close::Truncated));
}
