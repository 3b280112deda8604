//! Each state of both flows of TLS 1.2 with each input. What is accepted is
//! typed out from the figure of RFC 5246 section 7.3, with RFC 6066 section 8
//! for CertificateStatus and RFC 5077 for tickets; all else fails with the right
//! alert. What becomes of a HelloRequest, which clients pass over (RFC 5246
//! section 7.4.1.1), and of a second ClientHello is in `renegotiation`.

use super::super::Close;
use super::alter::{encoded, framed};
use super::kit::*;
use super::kit12::*;
use super::places12::*;
use crate::error::Error;
use crate::fault::Fault;
use crate::schedule::Side;
use crate::wire::*;

/// The state, the message, and the state behind it; where a question is
/// answered in memory, its state is passed at once.
const ACCEPTED: &[(Side, &str, &str, &str)] = &[
    (Side::Client, "WaitCert", "Certificate", "WaitSke"),
    (Side::Client, "WaitCert (status)", "Certificate", "WaitStatus"),
    (Side::Client, "WaitStatus", "CertificateStatus", "WaitSke"),
    // The server may say status_request, and yet send none.
    (Side::Client, "WaitStatus", "ServerKeyExchange", "WaitCr"),
    (Side::Client, "WaitSke", "ServerKeyExchange", "WaitCr"),
    (Side::Client, "WaitSke (status)", "ServerKeyExchange", "WaitCr"),
    (Side::Client, "WaitCr", "CertificateRequest", "WaitDone"),
    (Side::Client, "WaitCr", "ServerHelloDone", "WaitCcs"),
    (Side::Client, "WaitCr (request)", "CertificateRequest", "WaitDone"),
    (Side::Client, "WaitCr (request)", "ServerHelloDone", "WaitCcs"),
    (Side::Client, "WaitDone", "ServerHelloDone", "WaitCcs"),
    (Side::Client, "WaitCcs", CCS, "WaitFinished"),
    (Side::Client, "WaitCcs (certificate)", CCS, "WaitFinished"),
    (Side::Client, "WaitFinished", "Finished", "Connected"),
    (Side::Server, "WaitCert", "Certificate", "WaitCke"),
    (Side::Server, "WaitCert (none)", "Certificate", "WaitCke"),
    (Side::Server, "WaitCke", "ClientKeyExchange", "WaitCcs"),
    (Side::Server, "WaitCke (certificate)", "ClientKeyExchange", "WaitCv"),
    (Side::Server, "WaitCv", "CertificateVerify", "WaitCcs"),
    (Side::Server, "WaitCcs", CCS, "WaitFinished"),
    (Side::Server, "WaitCcs (certificate)", CCS, "WaitFinished"),
    (Side::Server, "WaitFinished", "Finished", "Connected"),
    // RFC 5077 section 3.1: a ticket in the full handshake, and both handshakes of a
    // session that is resumed; by its id, it is that of RFC 5246 section 7.3.
    (Side::Client, "WaitTicket", "NewSessionTicket", "WaitCcs"),
    (Side::Client, "WaitCcs (ticket)", CCS, "WaitFinished"),
    (Side::Client, "WaitTicket (renewed)", "NewSessionTicket", "WaitCcs"),
    (Side::Client, "WaitCcs (renewed)", CCS, "WaitFinished"),
    (Side::Client, "WaitCcs (resumed)", CCS, "WaitFinished"),
    (Side::Client, "WaitFinished (resumed)", "Finished", "Connected"),
    (Side::Client, "WaitCcs (by id)", CCS, "WaitFinished"),
    (Side::Client, "WaitFinished (by id)", "Finished", "Connected"),
    (Side::Server, "WaitCcs (by id)", CCS, "WaitFinished"),
    (Side::Server, "WaitFinished (by id)", "Finished", "Connected"),
    (Side::Server, "WaitCcs (resumed)", CCS, "WaitFinished"),
    (Side::Server, "WaitFinished (resumed)", "Finished", "Connected"),
    // Static RSA has no ServerKeyExchange.
    #[cfg(feature = "static-rsa")]
    (Side::Client, "WaitCert (rsa)", "Certificate", "WaitCr"),
    #[cfg(feature = "static-rsa")]
    (Side::Client, "WaitCr (rsa)", "CertificateRequest", "WaitDone"),
    #[cfg(feature = "static-rsa")]
    (Side::Client, "WaitCr (rsa)", "ServerHelloDone", "WaitCcs"),
    #[cfg(feature = "static-rsa")]
    (Side::Server, "WaitCke (rsa)", "ClientKeyExchange", "WaitCcs"),
    #[cfg(feature = "static-rsa")]
    (Side::Server, "WaitCcs (rsa)", CCS, "WaitFinished"),
];

const CCS: &str = "ChangeCipherSpec";

/// A well-formed message of each type.
fn samples() -> Vec<Vec<u8>> {
    let hello = messages(&Party::client(&client_config()).records()).remove(0);
    let server_hello = |supported_versions| {
        encoded(Body::ServerHello(ServerHello {
            legacy_version: ProtocolVersion::TLS12,
            random: &[7; 32],
            session_id: &[],
            cipher_suite: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            compression_method: 0,
            extensions: ServerExtensions { supported_versions, ..ServerExtensions::default() },
        }))
    };
    let chain = [CertificateBytes(&PKI.server.chain[0])];
    vec![
        framed(HandshakeType::HELLO_REQUEST, &[]),
        hello,
        server_hello(None),
        server_hello(Some(ProtocolVersion::TLS13)),
        encoded(Body::HelloRetryRequest(HelloRetryRequest {
            legacy_version: ProtocolVersion::TLS12,
            session_id: &[],
            cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
            compression_method: 0,
            extensions: RetryExtensions {
                supported_versions: Some(ProtocolVersion::TLS13),
                cookie: Some(&[1]),
                ..RetryExtensions::default()
            },
        })),
        framed(HandshakeType::NEW_SESSION_TICKET, &[0, 0, 0, 7, 0, 1, 9]),
        framed(HandshakeType::END_OF_EARLY_DATA, &[]),
        framed(HandshakeType::ENCRYPTED_EXTENSIONS, &[0, 0]),
        encoded(Body::Certificate12(Certificate12 { certificates: List::from(&chain[..]) })),
        framed(HandshakeType::CERTIFICATE, &[0, 0, 0]),
        framed(HandshakeType::SERVER_KEY_EXCHANGE, &[3, 0, 0x1d, 2, 8, 9, 4, 3, 0, 1, 7]),
        framed(HandshakeType::CERTIFICATE_REQUEST, &[1, 64, 0, 2, 4, 3, 0, 0]),
        framed(HandshakeType::SERVER_HELLO_DONE, &[]),
        framed(HandshakeType::CERTIFICATE_VERIFY, &[4, 3, 0, 1, 7]),
        framed(HandshakeType::CLIENT_KEY_EXCHANGE, &[2, 8, 9]),
        framed(HandshakeType::FINISHED, &[5; 12]),
        framed(HandshakeType::CERTIFICATE_STATUS, &[1, 0, 0, 1, 7]),
        framed(HandshakeType::KEY_UPDATE, &[0]),
    ]
}

fn name_of(message: &[u8]) -> &'static str {
    Message::decode(message, Form::Tls12).unwrap().body.name()
}

/// The states that read.
fn reading() -> impl Iterator<Item = (Side, &'static str)> {
    places12().filter(|(_, state)| !is_asking(state))
}

fn row(side: Side, state: &str, name: &str) -> Option<&'static str> {
    ACCEPTED.iter().find(|row| (row.0, row.1, row.2) == (side, state, name)).map(|row| row.3)
}

#[test]
fn each_message_in_each_state() {
    let samples = samples();
    let (mut accepted, mut refused) = (std::collections::HashSet::new(), 0);
    for (side, state) in reading() {
        for sample in &samples {
            let name = name_of(sample);
            let mut at = place12(side, state);
            let label = format!("{side:?} {state} {name}");
            let Some(behind) = row(side, state, name) else {
                let before = at.victim.state();
                give12(&mut at.victim, HANDSHAKE, sample);
                if asks_again(side, state, name) {
                    let stays = (at.victim.error.is_none(), at.victim.state()) == (true, before);
                    assert!(stays || side == Side::Server, "{label}: {:?}", at.victim.error);
                    continue;
                }
                let fault = Fault::UnexpectedMessage;
                assert_eq!(at.victim.fault(), Some(fault), "{label}: {:?}", at.victim.error);
                assert_eq!(alerts12(&mut at.victim), [(2, fault.alert().0)], "{label}");
                refused += 1;
                continue;
            };
            // The genuine one, if the peer is about to send it.
            let genuine = at.coming.iter().find(|r| r.kind == HANDSHAKE && name_of(&r.content) == name);
            let message = genuine.map_or(sample, |record| &record.content).clone();
            give12(&mut at.victim, HANDSHAKE, &message);
            assert!(at.victim.error.is_none(), "{label}: {:?}", at.victim.error);
            assert_eq!(at.victim.state(), behind, "{label}");
            assert_eq!(at.victim.is_done(), behind == "Connected", "{label}");
            assert_eq!(alerts12(&mut at.victim), [], "{label}");
            accepted.insert((side as u8, state, name));
        }
    }
    let expected = ACCEPTED.iter().filter(|row| row.2 != CCS).count();
    assert_eq!(accepted.len(), expected, "{accepted:?}");
    assert!(refused > 300, "{refused}");
}

/// Whether it asks to negotiate again, where that is not out of place.
fn asks_again(side: Side, state: &str, name: &str) -> bool {
    match side {
        Side::Client => name == "HelloRequest",
        Side::Server => (state, name) == ("Connected", "ClientHello"),
    }
}

/// RFC 9846 section 4: unexpected_message, before anybody looks into it.
#[test]
fn a_message_out_of_its_place_is_not_read() {
    let (samples, mut refused) = (samples(), 0);
    for (side, state) in reading() {
        let out_of_place = samples.iter().filter(|sample| {
            // ServerHello and HelloRetryRequest are one type.
            let name = name_of(sample);
            row(side, state, name).is_none() && !asks_again(side, state, name)
        });
        for sample in out_of_place {
            for body in [&[][..], &[0], &[0xff; 3], &[0; 200]] {
                let mut at = place12(side, state);
                give12(&mut at.victim, HANDSHAKE, &framed(HandshakeType(sample[0]), body));
                assert_failed12(&mut at.victim, Fault::UnexpectedMessage);
                refused += 1;
            }
        }
    }
    assert!(refused > 1200, "{refused}");
}

#[test]
fn an_unknown_message_in_each_state() {
    for (side, state) in reading() {
        for kind in [3, 6, 7, 9, 10, 17, 21, 23, 25, 67, 99, 254, 255] {
            let mut at = place12(side, state);
            give12(&mut at.victim, HANDSHAKE, &framed(HandshakeType(kind), &[1, 2, 3]));
            assert_failed12(&mut at.victim, Fault::UnknownMessage);
        }
    }
}

#[test]
fn change_cipher_spec_in_each_state() {
    let mut accepted = 0;
    for (side, state) in reading() {
        let mut at = place12(side, state);
        let label = format!("{side:?} {state}");
        give12(&mut at.victim, CHANGE_CIPHER_SPEC, &[1]);
        match row(side, state, CCS) {
            Some(behind) => {
                assert_eq!(at.victim.state(), behind, "{label}: {:?}", at.victim.error);
                assert_eq!(alerts12(&mut at.victim), []);
                accepted += 1;
                // Once.
                give12(&mut at.victim, CHANGE_CIPHER_SPEC, &[1]);
                assert_failed12(&mut at.victim, Fault::BadChangeCipherSpec);
            }
            None => assert_failed12(&mut at.victim, Fault::BadChangeCipherSpec),
        }
        for body in [&[][..], &[0], &[2], &[1, 1]] {
            let mut at = place12(side, state);
            give12(&mut at.victim, CHANGE_CIPHER_SPEC, body);
            assert_failed12(&mut at.victim, Fault::BadChangeCipherSpec);
        }
        // In the clear behind one that turned protection on.
        let mut at = place12(side, state);
        if reads_protected(&at.victim) {
            at.victim.give(&plain(CHANGE_CIPHER_SPEC, &[1]));
            assert_failed12(&mut at.victim, Fault::BadRecordMac);
        }
    }
    assert_eq!(accepted, ACCEPTED.iter().filter(|row| row.2 == CCS).count());
}

#[test]
fn alerts_in_each_state() {
    for (side, state) in reading() {
        let connected = state == "Connected";
        for (level, description) in [
            (1, 0),
            (2, 0),
            (1, 90),
            (2, 90),
            (2, 40),
            (1, 42),
            (1, 100),
            (2, 100),
            (2, 10),
            (2, 200),
            (1, 255),
        ] {
            let mut at = place12(side, state);
            let before = at.victim.state();
            give12(&mut at.victim, ALERT, &[level, description]);
            let label = format!("{side:?} {state} {level} {description}: {:?}", at.victim.error);
            match (level, description) {
                (_, 0) if connected => assert_eq!(at.victim.closed(), Some(Close::Clean), "{label}"),
                // A warning is no more than that (RFC 5246 section 7.2).
                (1, 1..) => {
                    assert!(at.victim.error.is_none() && at.victim.state() == before, "{label}");
                    (0..3).for_each(|_| give12(&mut at.victim, ALERT, &[level, description]));
                    assert!(at.victim.error.is_none() && at.victim.state() == before, "{label}");
                    give12(&mut at.victim, ALERT, &[level, description]);
                    assert_failed12(&mut at.victim, Fault::TooManyWarnings);
                    continue;
                }
                _ => match &at.victim.error {
                    Some(Error::AlertReceived { description: got, state: seen }) => {
                        assert_eq!((got.0, *seen), (description, before), "{label}");
                    }
                    _ => panic!("{label}"),
                },
            }
            // An alert is not answered.
            assert_eq!(alerts12(&mut at.victim), [], "{label}");
            at.victim.c.close();
            let closes = (at.victim.error.is_none()).then_some((1, 0));
            assert_eq!(alerts12(&mut at.victim), closes.as_slice(), "{label}");
        }
        for content in [&[2][..], &[2, 40, 0], &[1, 0, 1, 0]] {
            let mut at = place12(side, state);
            give12(&mut at.victim, ALERT, content);
            assert_failed12(&mut at.victim, Fault::BadAlert);
        }
        // A level is one of two, whatever the alert (RFC 9846 section 6: an invalid enum).
        for level in [0, 3, 77, 255] {
            for description in [0, 40, 90] {
                let mut at = place12(side, state);
                give12(&mut at.victim, ALERT, &[level, description]);
                assert_failed12(&mut at.victim, Fault::BadAlertLevel);
            }
        }
    }
}

#[test]
fn application_data_in_each_state() {
    for (side, state) in reading() {
        for data in [&b"data"[..], b""] {
            let mut at = place12(side, state);
            give12(&mut at.victim, DATA, data);
            match state {
                "Connected" => {
                    assert_eq!(at.victim.data(), data);
                    assert_eq!(alerts12(&mut at.victim), []);
                }
                _ => assert_failed12(&mut at.victim, Fault::DataBeforeFinished),
            }
        }
    }
}

#[test]
fn what_is_no_record_of_this_place_in_each_state() {
    for (side, state) in reading() {
        for (kind, fault) in [(HANDSHAKE, Fault::EmptyRecord), (ALERT, Fault::EmptyRecord)] {
            let mut at = place12(side, state);
            give12(&mut at.victim, kind, &[]);
            assert_failed12(&mut at.victim, fault);
        }
        for kind in [0, 19, 24, 255] {
            let mut at = place12(side, state);
            give12(&mut at.victim, kind, b"?");
            assert_failed12(&mut at.victim, Fault::UnknownContentType);
        }
        // Behind ChangeCipherSpec nothing is taken in the clear, or altered, or again.
        if !reads_protected(&place12(side, state).victim) {
            continue;
        }
        for (kind, content) in
            [(HANDSHAKE, &[14, 0, 0, 0][..]), (ALERT, &[2, 40]), (ALERT, &[1, 0]), (DATA, b"data")]
        {
            let mut at = place12(side, state);
            at.victim.give(&plain(kind, content));
            assert_failed12(&mut at.victim, Fault::BadRecordMac);
            let mut at = place12(side, state);
            let mut record = forge12(&at.victim, kind, content);
            *record.last_mut().unwrap() ^= 1;
            at.victim.give(&record);
            assert_failed12(&mut at.victim, Fault::BadRecordMac);
        }
    }
    let mut at = place12(Side::Client, "Connected");
    let record = forge12(&at.victim, DATA, b"once");
    at.victim.give(&record.repeat(2));
    assert_eq!(at.victim.data(), b"once");
    assert_failed12(&mut at.victim, Fault::BadRecordMac);
}

#[test]
fn the_end_of_the_stream_in_each_state() {
    for (side, state) in reading() {
        let mut at = place12(side, state);
        let before = at.victim.state();
        at.victim.give_end();
        match (&at.victim.error, at.victim.closed()) {
            (None, Some(Close::Truncated)) if state == "Connected" => {}
            (Some(Error::EndOfStream { state }), None) => assert_eq!(*state, before),
            got => panic!("{side:?} {state}: {got:?}"),
        }
        assert_eq!(alerts12(&mut at.victim), [], "{side:?} {state}");
    }
}

#[test]
fn each_answer_in_each_state() {
    for (side, state) in places12() {
        for (answer, fits) in answers12() {
            let mut at = place12(side, state);
            let before = at.victim.state();
            let result = at.victim.c.answer(answer.clone());
            if is_asking(state) && super::places::asks_as(bare(state)) == fits {
                assert!(!matches!(result, Err(Error::Misuse(_))), "{side:?} {state} {answer:?}: {result:?}");
                assert_ne!(at.victim.state(), before, "{side:?} {state} {answer:?}");
                continue;
            }
            // Misuse, which harms nothing.
            assert!(matches!(result, Err(Error::Misuse(_))), "{side:?} {state} {answer:?}: {result:?}");
            at.victim.drain();
            assert!(at.victim.error.is_none());
            assert_eq!(at.victim.state(), before);
            assert_eq!(alerts12(&mut at.victim), []);
        }
    }
}

#[test]
fn nothing_is_read_while_a_question_is_open() {
    for (side, state) in places12().filter(|(_, state)| is_asking(state)) {
        for (kind, content) in [
            (HANDSHAKE, &[14, 0, 0, 0][..]),
            (HANDSHAKE, &[99, 0, 0, 0]),
            (ALERT, &[2, 40]),
            (ALERT, &[1, 0]),
            (CHANGE_CIPHER_SPEC, &[1]),
            (DATA, b"data"),
            (DATA, b""),
            (66, b"?"),
        ] {
            let mut at = place12(side, state);
            give12(&mut at.victim, kind, content);
            at.victim.c.filled_eof();
            at.victim.drain();
            assert!(at.victim.error.is_none(), "{side:?} {state} {kind}: {:?}", at.victim.error);
            assert_eq!(at.victim.state(), bare(state));
            at.victim.asked();
            assert_eq!(alerts12(&mut at.victim), []);
        }
    }
}

/// Each state is left by what the figure says, up to the end, or until the
/// peer waits for this side.
#[test]
fn from_each_state_the_figure_leads_on() {
    // A policy says of the staple of the tests what it is.
    let stapled = ["WaitCert (status)", "WaitStatus", "WaitSke (status)"];
    for (side, state) in reading().filter(|(_, state)| *state != "Connected" && !stapled.contains(state)) {
        let mut at = place12(side, state);
        for record in std::mem::take(&mut at.coming) {
            give12(&mut at.victim, record.kind, &record.content);
        }
        let behind = match (side, bare(state)) {
            (Side::Server, _) | (Side::Client, "WaitTicket" | "WaitCcs" | "WaitFinished") => "Connected",
            _ => "WaitCcs",
        };
        assert_eq!(at.victim.state(), behind, "{side:?} {state}: {:?}", at.victim.error);
        assert_eq!(alerts12(&mut at.victim), []);
    }
}
