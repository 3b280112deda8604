//! Each question answered late, from another thread, while the rest of the
//! flight waits in the same record and more bytes arrive.

use super::super::{Close, Connection, Event};
use super::kit::*;
use super::places::{answers, place};
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::error::Error;
use crate::info::Trust;
use crate::question::{Answer, OwnedQuestion, Question};
use crate::schedule::Side;
use std::mem::discriminant;
use std::sync::mpsc::channel;
use std::thread;

fn client_of(judge: Judge) -> ClientConfig {
    let config = ClientConfig::new(judge, now);
    config.groups(&[crate::wire::NamedGroup::X25519]).unwrap()
}

fn server_with_clients_of(judge: Judge) -> ServerConfig {
    server_config().client_auth(ClientAuth::Require(judge))
}

/// Sends the open question to another thread, and takes the answer back from there.
fn answer_elsewhere(party: &mut Party, answer: fn(OwnedQuestion) -> Answer) {
    let (to, questions) = channel::<OwnedQuestion>();
    let (answers, from) = channel();
    let oracle = thread::spawn(move || answers.send(answer(questions.recv().unwrap())).unwrap());
    let question = party.asked().clone();
    to.send(question).unwrap();
    oracle.join().unwrap();
    // The connection goes along to other threads, too.
    thread::scope(|scope| {
        let answer = from.recv().unwrap();
        let connection = &mut party.c;
        scope.spawn(move || connection.answer(answer).unwrap()).join().unwrap();
    });
    party.give(&[]);
}

fn kind(question: &Question<'_>) -> &'static str {
    match question {
        Question::Verify { .. } => "Verify",
        Question::Sign { .. } => "Sign",
        Question::Certificate { .. } => "Certificate",
        Question::Session { .. } => "Session",
        Question::Refused { .. } => "Refused",
        #[allow(unreachable_patterns)] // further kinds, of other flows
        _ => "another",
    }
}

/// It asks this, again and again, and a wrong answer harms nothing.
fn assert_asks(connection: &mut Connection, expected: &str) {
    for (answer, _) in answers() {
        let Ok(Event::Ask(question)) = connection.next() else { panic!("nothing is asked") };
        assert_eq!(kind(&question), expected);
        if !answer.fits(&question) {
            assert!(matches!(connection.answer(answer), Err(Error::Misuse(_))));
        }
    }
}

/// Both sides, up to the question; then all that the other side has to say
/// arrives; then the answer. Returns how many bytes of data waited.
fn late(
    mut client: Party,
    mut server: Party,
    asks: Side,
    expected: &str,
    answer: fn(OwnedQuestion) -> Answer,
) -> usize {
    pump(&mut client, &mut server);
    let (asker, other) = match asks {
        Side::Client => (&mut client, &mut server),
        Side::Server => (&mut server, &mut client),
    };
    assert_asks(&mut asker.c, expected);
    // What fits besides it, as much as is there; more than the inbox holds.
    let mut sent = Vec::new();
    while let Ok(n @ 1..) = other.c.send(&[sent.len() as u8; 999]) {
        sent.extend(vec![sent.len() as u8; n]);
        let bytes = other.take();
        asker.give(&bytes);
        if sent.len() > 100_000 {
            break;
        }
    }
    assert_asks(&mut asker.c, expected);
    answer_elsewhere(asker, answer);
    assert!(asker.error.is_none(), "{:?}", asker.error);
    let sent_early = sent;
    pump(&mut client, &mut server);
    assert!(client.is_done() && server.is_done(), "{:?}, {:?}", client.error, server.error);
    // Nothing was lost, and each question was asked once.
    let asker = if asks == Side::Client { &client } else { &server };
    assert_eq!(asker.data(), sent_early, "{expected}");
    let asked = asker.got.iter().filter(|got| matches!(got, Got::Asked(_))).count();
    assert_eq!(asked, 1);
    deliver(&mut client, &mut server, b"and on");
    deliver(&mut server, &mut client, b"it goes");
    sent_early.len()
}

fn sign_server(question: OwnedQuestion) -> Answer {
    PKI.server.sign(&question)
}

fn sign_client(question: OwnedQuestion) -> Answer {
    PKI.client.sign(&question)
}

#[test]
fn sign_for_a_server() {
    let server = server_config_with(PKI.server.elsewhere());
    let server = Party::server(&server);
    late(Party::client(&client_config()), server, Side::Server, "Sign", sign_server);
}

#[test]
fn sign_for_a_client() {
    let client = client_config().identity(PKI.client.elsewhere());
    late(Party::client(&client), Party::server(&requesting()), Side::Client, "Sign", sign_client);
}

#[test]
fn verify_a_server() {
    let server = Party::server(&server_config().half_rtt());
    let waited =
        late(Party::client(&client_of(Judge::Application)), server, Side::Client, "Verify", |question| {
            let OwnedQuestion::Verify { chain, name, purpose, .. } = question else { panic!() };
            assert_eq!((chain, name.unwrap()), (PKI.server.chain.clone(), name_of_host()));
            assert_eq!(purpose, crate::pki::Purpose::Server);
            Answer::Accept
        });
    assert!(waited > 100_000);
}

fn name_of_host() -> crate::pki::ServerName<'static> {
    super::kit::name()
}

#[test]
fn verify_a_client() {
    // It has sent its Finished, and data behind it.
    let client = client_config().identity(PKI.client.identity());
    let server = Party::server(&server_with_clients_of(Judge::Application));
    let waited = late(Party::client(&client), server, Side::Server, "Verify", |question| {
        let OwnedQuestion::Verify { chain, name: None, .. } = question else { panic!() };
        assert_eq!(chain, PKI.client.chain);
        Answer::Accept
    });
    assert!(waited > 100_000);
}

#[test]
fn which_certificate() {
    let server = Party::server(&ServerConfig::asking_for_certificates(now).alpn(&[b"h2"]).unwrap());
    let client = Party::client(&client_config().alpn(&[b"h2", b"h3"]).unwrap());
    late(client, server, Side::Server, "Certificate", |question| {
        let OwnedQuestion::Certificate { server_name, signature_schemes, alpn } = question else { panic!() };
        assert_eq!(server_name.as_deref(), Some(HOST));
        assert!(signature_schemes.contains(&SCHEME));
        assert_eq!(alpn, [b"h2", b"h3"]);
        Answer::Certificate(PKI.server.identity().into())
    });
}

#[test]
fn a_person_accepts_a_server() {
    let client = Party::client(&client_of(distrusting().into()).ask_when_refused());
    let server = Party::server(&server_config().half_rtt());
    let waited = late(client, server, Side::Client, "Refused", |question| {
        let OwnedQuestion::Refused { report } = question else { panic!() };
        assert!(!report.is_empty());
        Answer::AcceptThisOnce("it is a test".to_owned())
    });
    assert!(waited > 100_000);
}

#[test]
fn a_person_accepts_a_client() {
    let client = Party::client(&client_config().identity(PKI.client.identity()));
    let server = Party::server(&server_with_clients_of(distrusting().into()).ask_when_refused());
    let waited =
        late(client, server, Side::Server, "Refused", |_| Answer::AcceptThisOnce("it is a test".to_owned()));
    assert!(waited > 100_000);
}

#[test]
fn what_was_accepted_by_whom_is_told() {
    let trust = |client: &ClientConfig, answer: Option<Answer>| {
        let client = Party::client(client).answering(move |_| answer.clone());
        let (client, _) = connected(client, Party::server(&server_config()));
        client.c.info().trust.clone()
    };
    assert_eq!(trust(&client_config(), None), Trust::Policy);
    assert_eq!(trust(&client_of(Judge::Application), Some(Answer::Accept)), Trust::Application);
    let asking = client_of(distrusting().into()).ask_when_refused();
    let once = Answer::AcceptThisOnce("why not".to_owned());
    assert_eq!(trust(&asking, Some(once)), Trust::AcceptedThisOnce("why not".into()));
}

/// Accepted or not, the peer must have the certificate's key.
#[test]
fn acceptance_is_no_proof_of_the_key() {
    let broken = || {
        super::alter::body(crate::wire::HandshakeType::CERTIFICATE_VERIFY, |body| {
            *body.last_mut().unwrap() ^= 1
        })
    };
    for (config, answer) in [
        (client_of(Judge::Application), Answer::Accept),
        (client_of(distrusting().into()).ask_when_refused(), Answer::AcceptThisOnce(String::new())),
    ] {
        let mut client = Party::client(&config).answering(move |_| Some(answer.clone()));
        pump(&mut client, &mut Party::server_altered(&server_config(), broken()));
        client.assert_failed(crate::Fault::BadSignature);
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
        let mut at = place(side, state);
        // The failure is the answer's result, and every later call's.
        let error = at.victim.c.answer(answer.clone()).unwrap_err();
        at.victim.drain();
        let repeated = at.victim.error.clone().unwrap();
        assert_eq!(error.to_string(), repeated.to_string());
        assert_eq!(discriminant(&error), discriminant(&repeated));
        assert_eq!(at.victim.alerts(), [(2, alert.0)], "{side:?} {state}");
        assert!(matches!(at.victim.c.answer(answer), Err(Error::Misuse(_))));
    }
}

#[test]
fn a_signature_of_another_key_is_seen_by_the_peer() {
    let server = Party::server(&server_config_with(PKI.server.elsewhere()));
    let mut client = Party::client(&client_config());
    let mut server = server.answering(|question| Some(PKI.other.sign(question)));
    pump(&mut client, &mut server);
    client.assert_failed(crate::Fault::BadSignature);
}

#[test]
fn an_identity_that_cannot_sign_for_the_client_is_refused() {
    let mut at = place(Side::Server, "WaitCertificate");
    let rsa = crate::identity::Identity::with_key_elsewhere(
        PKI.server.chain.clone(),
        &[crate::wire::SignatureScheme::RSA_PKCS1_SHA1],
    );
    let error = at.victim.c.answer(Answer::Certificate(rsa.unwrap().into())).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("rsa_pss_pss_sha256") && said.contains("ecdsa_secp256r1_sha256"), "{said}");
    at.victim.drain();
    assert_eq!(at.victim.alerts(), [(2, AlertDescription::HANDSHAKE_FAILURE.0)]);
}

#[test]
fn the_transport_may_end_behind_the_rest_of_the_flight() {
    let mut client = Party::client(&client_of(Judge::Application));
    let mut server = Party::server(&server_config());
    pump(&mut client, &mut server);
    client.give_end();
    assert_asks(&mut client.c, "Verify");
    client.answer(Answer::Accept);
    // All messages of the flight had arrived: the handshake is complete, then the end is told.
    assert!(client.is_done(), "{:?}", client.error);
    assert_eq!(client.closed(), Some(Close::Truncated));
}

/// The memory is the verifier's: connections of one configuration share it. Of a
/// client's own certificate none remembers.
#[test]
fn a_chain_that_was_accepted_is_verified_once() {
    let (of_client, of_server) = (trusting(), trusting());
    let client = ClientConfig::new(of_client.clone(), now).identity(PKI.client.identity());
    let server = server_config().client_auth(ClientAuth::Require(of_server.clone().into()));
    for expected in [(1, 0), (0, 1), (0, 1)] {
        let (client, server) = connect(&client, &server);
        assert!(!client.c.info().resumed && !server.c.info().resumed);
        assert_eq!((of_client.counted(), of_server.counted()), (expected, (1, 0)));
    }
}
