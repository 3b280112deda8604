//! Each state of both flows with each input. What is accepted is typed out
//! from the figures of RFC 9846 Appendix A; all else fails with the right alert.

use super::super::Close;
use super::alter::{encoded, framed};
use super::kit::*;
use super::places::{answers, asks_as, place, places};
use crate::alert::AlertDescription;
use crate::error::Error;
use crate::fault::Fault;
use crate::schedule::Side;
use crate::wire::*;

/// RFC 9846 Appendix A.1 and A.2; after the handshake
/// section 4.7. Where a verdict is in memory, its state is passed at once.
const ACCEPTED: [(Side, &str, &str, &str); 35] = [
    (Side::Client, "WaitSh", "ServerHello", "WaitEe"),
    (Side::Client, "WaitSh (retry)", "HelloRetryRequest", "WaitSh"),
    (Side::Client, "WaitSh (early)", "ServerHello", "WaitEe"),
    (Side::Client, "WaitSh (early retry)", "HelloRetryRequest", "WaitSh"),
    (Side::Client, "WaitEe (early)", "EncryptedExtensions", "WaitFinished"),
    (Side::Client, "WaitFinished (early)", "Finished", "Connected"),
    (Side::Client, "WaitEe", "EncryptedExtensions", "WaitCertCr"),
    (Side::Client, "WaitEe (resumed)", "EncryptedExtensions", "WaitFinished"),
    (Side::Client, "WaitFinished (resumed)", "Finished", "Connected"),
    (Side::Client, "WaitEe (psk_ke)", "EncryptedExtensions", "WaitFinished"),
    (Side::Client, "WaitFinished (psk_ke)", "Finished", "Connected"),
    (Side::Client, "WaitCertCr", "Certificate", "WaitCv"),
    (Side::Client, "WaitCertCr (request)", "CertificateRequest", "WaitCert"),
    (Side::Client, "WaitCert", "Certificate", "WaitCv"),
    (Side::Client, "WaitCv", "CertificateVerify", "WaitFinished"),
    (Side::Client, "WaitFinished", "Finished", "Connected"),
    (Side::Client, "Connected", "NewSessionTicket", "Connected"),
    (Side::Client, "Connected", "KeyUpdate", "Connected"),
    (Side::Server, "Start", "ClientHello", "WaitFinished"),
    (Side::Server, "Start (resumed)", "ClientHello", "WaitFinished"),
    (Side::Server, "WaitFinished (resumed)", "Finished", "Connected"),
    (Side::Server, "Start (early)", "ClientHello", "WaitEoed"),
    (Side::Server, "Start (refused)", "ClientHello", "WaitFinished"),
    (Side::Server, "WaitEoed", "EndOfEarlyData", "WaitFinished"),
    (Side::Server, "WaitFinished (early)", "Finished", "Connected"),
    (Side::Server, "Start (psk_ke)", "ClientHello", "WaitFinished"),
    (Side::Server, "WaitFinished (psk_ke)", "Finished", "Connected"),
    (Side::Server, "WaitFinished (by id)", "Finished", "Connected"),
    (Side::Server, "WaitSecondHello", "ClientHello", "WaitFinished"),
    (Side::Server, "WaitCert", "Certificate", "WaitCv"),
    (Side::Server, "WaitCert (none)", "Certificate", "WaitFinished"),
    (Side::Server, "WaitCv", "CertificateVerify", "WaitFinished"),
    (Side::Server, "WaitFinished", "Finished", "Connected"),
    (Side::Server, "Connected", "KeyUpdate", "Connected"),
    // The other way to the same state takes the same: its own message is genuine there.
    (Side::Client, "WaitSh (retry)", "", ""),
];

/// States in which a question is open: nothing is read.
const ASKING: [(Side, &str); 12] = [
    (Side::Client, "WaitAgain"),
    (Side::Server, "WaitAgain"),
    (Side::Client, "WaitVerdict"),
    (Side::Client, "WaitPerson"),
    (Side::Client, "WaitSignature"),
    (Side::Server, "WaitCertificate"),
    (Side::Server, "WaitReplay"),
    (Side::Server, "WaitSession"),
    (Side::Server, "WaitSession (pre-shared key)"),
    (Side::Server, "WaitSignature"),
    (Side::Server, "WaitVerdict"),
    (Side::Server, "WaitPerson"),
];

/// A well-formed message of each type.
fn messages() -> Vec<Vec<u8>> {
    let hello = super::kit::messages(&Party::client(&client_config()).records()).remove(0);
    let server_hello = encoded(Body::ServerHello(ServerHello {
        legacy_version: ProtocolVersion::TLS12,
        random: &[7; 32],
        session_id: &[],
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: 0,
        extensions: ServerExtensions {
            supported_versions: Some(ProtocolVersion::TLS13),
            key_share: Some(KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[9; 32] }),
            ..ServerExtensions::default()
        },
    }));
    let entry = [CertificateEntry::from(&PKI.server.chain[0][..])];
    let schemes = [SCHEME];
    vec![
        framed(HandshakeType::HELLO_REQUEST, &[]),
        hello,
        server_hello,
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
        encoded(Body::NewSessionTicket13(NewSessionTicket13 {
            ticket_lifetime: 7,
            ticket_age_add: 8,
            ticket_nonce: &[1],
            ticket: &[2],
            extensions: TicketExtensions::default(),
        })),
        framed(HandshakeType::END_OF_EARLY_DATA, &[]),
        framed(HandshakeType::ENCRYPTED_EXTENSIONS, &[0, 0]),
        encoded(Body::Certificate13(Certificate13 { context: &[], entries: List::from(&entry[..]) })),
        framed(HandshakeType::SERVER_KEY_EXCHANGE, &[3, 0, 0x1d, 2, 8, 9, 4, 3, 0, 1, 7]),
        encoded(Body::CertificateRequest13(CertificateRequest13 {
            context: &[],
            extensions: RequestExtensions {
                signature_algorithms: Some(List::from(&schemes[..])),
                ..RequestExtensions::default()
            },
        })),
        framed(HandshakeType::SERVER_HELLO_DONE, &[]),
        framed(HandshakeType::CERTIFICATE_VERIFY, &[4, 3, 0, 1, 7]),
        framed(HandshakeType::CLIENT_KEY_EXCHANGE, &[2, 8, 9]),
        framed(HandshakeType::FINISHED, &[5; 32]),
        framed(HandshakeType::CERTIFICATE_STATUS, &[1, 0, 0, 1, 7]),
        framed(HandshakeType::KEY_UPDATE, &[0]),
    ]
}

/// Which message it is; the two that are server_hello on the wire are told apart.
fn name_of(message: &[u8]) -> &'static str {
    Message::decode(message, Form::Tls13).unwrap().body.name()
}

fn is_asking(side: Side, state: &str) -> bool {
    ASKING.contains(&(side, state))
}

#[test]
fn each_message_in_each_state() {
    let samples = messages();
    let mut accepted = Vec::new();
    for (side, state) in places().filter(|(side, state)| !is_asking(*side, state)) {
        let rows = ACCEPTED.iter().filter(|row| (row.0, row.1) == (side, state));
        let rows: Vec<_> = rows.collect();
        for sample in &samples {
            let name = name_of(sample);
            let mut at = place(side, state);
            let row = rows.iter().find(|row| row.2 == name);
            // The genuine one, if it is this message's turn.
            let message = match row {
                Some(_) if !at.next.is_empty() => at.next.clone(),
                _ => sample.clone(),
            };
            assert_eq!(name_of(&message), name, "{side:?} {state}");
            let bytes = at.victim.forge(HANDSHAKE, &message);
            if let Some(row) = row {
                at.victim.give(&bytes);
                assert!(at.victim.error.is_none(), "{side:?} {state} {name}: {:?}", at.victim.error);
                assert_eq!(at.victim.state(), row.3, "{side:?} {state} {name}");
                assert_eq!(at.victim.alerts(), []);
                accepted.push(**row);
                continue;
            }
            // A retry and a hello stand in the same state; one of the two is not genuine here.
            if state.starts_with("WaitSh") && ["ServerHello", "HelloRetryRequest"].contains(&name)
                || state.starts_with("WaitCertCr") && ["Certificate", "CertificateRequest"].contains(&name)
            {
                continue;
            }
            let before = at.victim.state();
            at.victim.give(&bytes);
            if passes_over(state, name) {
                assert!(at.victim.error.is_none() && at.victim.state() == before, "{:?}", at.victim.error);
                continue;
            }
            let fault = Fault::UnexpectedMessage;
            assert_eq!(at.victim.fault(), Some(fault), "{side:?} {state} {name}: {:?}", at.victim.error);
            // Also for who asks to negotiate again (RFC 9846 section 4.2.2).
            let alert = (2, AlertDescription::UNEXPECTED_MESSAGE.0);
            assert_eq!(at.victim.alerts(), [alert], "{side:?} {state} {name}");
        }
    }
    let expected = ACCEPTED.iter().filter(|row| !row.2.is_empty()).count();
    assert_eq!(accepted.len(), expected, "{accepted:?}");
}

/// Where it is not known yet that TLS 1.3 is spoken: `renegotiation` has what follows.
fn passes_over(state: &str, name: &str) -> bool {
    state.starts_with("WaitSh") && name == "HelloRequest"
}

/// RFC 9846 section 4: unexpected_message, before anybody looks into it.
#[test]
fn a_message_out_of_its_place_is_not_read() {
    let (samples, mut refused) = (messages(), 0);
    for (side, state) in places().filter(|(side, state)| !is_asking(*side, state)) {
        // By type: ServerHello and HelloRetryRequest are one, and a state is one, however it was reached.
        let bare = state.split(' ').next().unwrap();
        let rows = || ACCEPTED.iter().filter(|row| row.0 == side && row.1.split(' ').next() == Some(bare));
        let takes = |sample: &[u8]| {
            let same =
                |name: &str| samples.iter().any(|other| other[0] == sample[0] && name_of(other) == name);
            rows().any(|row| same(row.2))
        };
        for sample in samples.iter().filter(|sample| !takes(sample) && !passes_over(state, name_of(sample))) {
            for body in [&[][..], &[0], &[0xff; 3], &[0; 200]] {
                let mut at = place(side, state);
                let bytes = at.victim.forge(HANDSHAKE, &framed(HandshakeType(sample[0]), body));
                at.victim.give(&bytes);
                at.victim.assert_failed(Fault::UnexpectedMessage);
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn an_unknown_message_in_each_state() {
    for (side, state) in places().filter(|(side, state)| !is_asking(*side, state)) {
        for kind in [3, 21, 25, 99, 254] {
            let mut at = place(side, state);
            let bytes = at.victim.forge(HANDSHAKE, &framed(HandshakeType(kind), &[1, 2, 3]));
            at.victim.give(&bytes);
            at.victim.assert_failed(Fault::UnknownMessage);
        }
    }
}

#[test]
fn alerts_in_each_state() {
    for (side, state) in places().filter(|(side, state)| !is_asking(*side, state)) {
        let connected = state == "Connected";
        for (level, description) in [(1, 0), (2, 0), (1, 90), (2, 90), (2, 40), (1, 42), (2, 10), (2, 200)] {
            let mut at = place(side, state);
            let before = at.victim.state();
            let bytes = at.victim.forge(ALERT, &[level, description]);
            at.victim.give(&bytes);
            let label = format!("{side:?} {state} {level} {description}: {:?}", at.victim.error);
            // Without keys it is not known yet that TLS 1.3 is spoken, which ignores the level.
            let plain = at.victim.c.receiving.reading.key.get().is_err();
            match description {
                0 if connected => assert_eq!(at.victim.closed(), Some(Close::Clean), "{label}"),
                90 if level == 1 || !plain => {
                    assert!(at.victim.error.is_none() && at.victim.state() == before, "{label}")
                }
                42 if plain => assert!(at.victim.error.is_none() && at.victim.state() == before, "{label}"),
                _ => match &at.victim.error {
                    Some(Error::AlertReceived { description: got, state: seen }) => {
                        assert_eq!((got.0, *seen), (description, before), "{label}");
                    }
                    _ => panic!("{label}"),
                },
            }
            // An alert is not answered.
            assert_eq!(at.victim.alerts(), [], "{label}");
            at.victim.c.close();
            let closes = (at.victim.error.is_none()).then_some((1, 0));
            assert_eq!(at.victim.alerts(), closes.as_slice(), "{label}");
        }
        // A level is one of two, whatever the alert (RFC 9846 section 6: an invalid enum).
        for (level, description) in [(0, 0), (3, 40), (77, 200), (255, 90)] {
            let mut at = place(side, state);
            let bytes = at.victim.forge(ALERT, &[level, description]);
            at.victim.give(&bytes);
            at.victim.assert_failed(Fault::BadAlertLevel);
        }
    }
}

#[test]
fn change_cipher_spec_in_each_state() {
    for (side, state) in places().filter(|(side, state)| !is_asking(*side, state)) {
        let mut at = place(side, state);
        at.victim.give(&plain(CHANGE_CIPHER_SPEC, &[1]));
        // RFC 9846 section 5: not before the first ClientHello, not after the peer's Finished.
        match state {
            _ if state.starts_with("Start") || state == "Connected" => {
                at.victim.assert_failed(Fault::BadChangeCipherSpec)
            }
            _ => {
                assert!(at.victim.error.is_none(), "{side:?} {state} {:?}", at.victim.error);
                at.victim.give(&plain(CHANGE_CIPHER_SPEC, &[1]));
                at.victim.give(&plain(CHANGE_CIPHER_SPEC, &[1]));
                at.victim.assert_failed(Fault::TooManyChangeCipherSpecs);
            }
        }
        for body in [&[][..], &[0], &[2], &[1, 1]] {
            let mut at = place(side, state);
            at.victim.give(&plain(CHANGE_CIPHER_SPEC, body));
            at.victim.assert_failed(Fault::BadChangeCipherSpec);
        }
        // A protected one.
        let mut at = place(side, state);
        if at.victim.c.receiving.reading.key.get().is_ok() {
            let bytes = at.victim.forge_inner(&[1, CHANGE_CIPHER_SPEC]);
            at.victim.give(&bytes);
            at.victim.assert_failed(Fault::BadChangeCipherSpec);
        }
    }
}

#[test]
fn application_data_in_each_state() {
    for (side, state) in places().filter(|(side, state)| !is_asking(*side, state)) {
        for data in [&b"data"[..], b""] {
            let mut at = place(side, state);
            let bytes = at.victim.forge(DATA, data);
            at.victim.give(&bytes);
            match state {
                "Connected" => {
                    assert_eq!(at.victim.data(), data);
                    assert_eq!(at.victim.alerts(), []);
                }
                "WaitEoed" => {
                    assert_eq!((at.victim.early_data(), at.victim.data()), (data.to_vec(), vec![]));
                    assert_eq!(at.victim.alerts(), []);
                }
                // RFC 9846 section 2: not before Finished, an empty record no more than a full one.
                _ => at.victim.assert_failed(Fault::DataBeforeFinished),
            }
        }
    }
}

#[test]
fn the_end_of_the_stream_in_each_state() {
    for (side, state) in places().filter(|(side, state)| !is_asking(*side, state)) {
        let mut at = place(side, state);
        let before = at.victim.state();
        at.victim.give_end();
        match (&at.victim.error, at.victim.closed()) {
            (None, Some(Close::Truncated)) if state == "Connected" => {}
            (Some(Error::EndOfStream { state }), None) => assert_eq!(*state, before),
            got => panic!("{side:?} {state}: {got:?}"),
        }
        assert_eq!(at.victim.alerts(), [], "{side:?} {state}");
    }
}

#[test]
fn each_answer_in_each_state() {
    for (side, state) in places() {
        for (answer, fits) in answers() {
            let mut at = place(side, state);
            let before = at.victim.state();
            let result = at.victim.c.answer(answer.clone());
            if is_asking(side, state) && asks_as(state) == fits {
                assert_ne!(at.victim.state(), before, "{side:?} {state} {answer:?}");
                continue;
            }
            // Misuse, which harms nothing.
            assert!(matches!(result, Err(Error::Misuse(_))), "{side:?} {state} {answer:?}: {result:?}");
            at.victim.drain();
            assert!(at.victim.error.is_none());
            assert_eq!(at.victim.state(), before);
            assert_eq!(at.victim.alerts(), []);
        }
    }
}

#[test]
fn nothing_is_read_while_a_question_is_open() {
    for (side, state) in ASKING {
        for (kind, content) in [
            (HANDSHAKE, &framed(HandshakeType::KEY_UPDATE, &[0])[..]),
            (HANDSHAKE, &[99, 0, 0, 0]),
            (ALERT, &[2, 40]),
            (ALERT, &[1, 0]),
            (CHANGE_CIPHER_SPEC, &[1]),
            (DATA, b"data"),
            (DATA, b""),
            (66, b"?"),
        ] {
            let mut at = place(side, state);
            let bytes = at.victim.forge(kind, content);
            at.victim.give(&bytes);
            at.victim.c.filled_eof();
            at.victim.drain();
            assert!(at.victim.error.is_none(), "{side:?} {state} {kind}: {:?}", at.victim.error);
            assert_eq!(Some(at.victim.state()), state.split(' ').next());
            at.victim.asked();
            assert_eq!(at.victim.alerts(), []);
        }
    }
}
