//! How connections of TLS 1.2 end in each state, and where its records end.

use super::super::Close;
use super::alter::*;
use super::faults::{tls12_client, tls12_server};
use super::kit::*;
use super::kit12::*;
use super::places12::{bare, is_asking, place12, places12};
use crate::alert::AlertDescription;
use crate::crypto::suite::{KeyExchange, TLS12, Version};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::limits;
use crate::question::Answer;
use crate::schedule::Side;
use crate::wire::{HandshakeType, SignatureScheme};

#[test]
fn closing_in_mid_handshake_is_the_last_word() {
    for (side, state) in places12().filter(|(_, state)| *state != "Connected") {
        let mut at = place12(side, state);
        at.victim.c.close();
        at.victim.take();
        let sent = at.victim.sent.len();
        for record in std::mem::take(&mut at.coming) {
            give12(&mut at.victim, record.kind, &record.content);
        }
        assert!(at.victim.c.answer(Answer::Accept).is_err());
        at.victim.take();
        assert_eq!(at.victim.sent.len(), sent, "{side:?} {state} went on after close_notify");
        assert_eq!(alerts12(&mut at.victim), [(1, 0)], "{side:?} {state}");
        match at.victim.c.next() {
            Err(Error::GivenUp { state: given_up }) => assert_eq!(bare(state), given_up),
            other => panic!("{other:?}"),
        }
    }
}

/// RFC 9846 section 6.1, which is what others do in TLS 1.2, too; RFC 5246 section
/// 7.2.1 would have this side answer at once and throw away what it still has to say.
#[test]
fn close_notify_is_the_end_of_one_direction() {
    for (closes, stays) in [(Side::Client, Side::Server), (Side::Server, Side::Client)] {
        let (mut client, mut server) = connect(&tls12_client(), &tls12_server());
        let (one, other) = match closes {
            Side::Client => (&mut client, &mut server),
            Side::Server => (&mut server, &mut client),
        };
        one.c.close();
        // What follows it is not looked at.
        let bytes = [&one.take()[..], b"anything at all"].concat();
        other.give(&bytes);
        assert_eq!((other.closed(), other.error.is_none()), (Some(Close::Clean), true), "{stays:?}");
        assert_eq!(alerts12(other), []);
        assert!(one.c.payload().unwrap().is_none());
        deliver(other, one, &[7; 50_000]);
        other.c.close();
        one.give(&other.take());
        assert_eq!(one.closed(), Some(Close::Clean));
        assert_eq!([alerts12(one), alerts12(other)], [[(1, 0)], [(1, 0)]]);
    }
}

#[test]
fn a_failed_connection_says_one_alert_and_repeats_its_error() {
    for (side, state) in places12().filter(|(_, state)| !is_asking(state)) {
        let mut at = place12(side, state);
        give12(&mut at.victim, HANDSHAKE, &[77, 0, 0, 0]);
        assert_failed12(&mut at.victim, Fault::UnknownMessage);
        let said = at.victim.error.as_ref().unwrap().to_string();
        assert!(said.contains(bare(state)), "{said}");
        // Whatever is tried then.
        let sent = at.victim.sent.len();
        at.victim.c.close();
        at.victim.c.rest();
        at.victim.c.filled_eof();
        for result in [at.victim.c.send(b"data").map(drop), at.victim.c.payload().map(drop)] {
            assert_eq!(result.unwrap_err().to_string(), said);
        }
        assert!(at.victim.c.update_keys(false).is_err());
        assert!(matches!(at.victim.c.next(), Err(error) if error.to_string() == said));
        at.victim.take();
        assert_eq!(at.victim.sent.len(), sent);
        assert!(at.victim.c.split().is_err());
    }
}

/// RFC 5246 sections 6.2.1 and 6.2.3: 2^14 bytes, and 2048 more around them.
#[test]
fn how_long_a_record_is() {
    for side in [Side::Client, Side::Server] {
        let mut at = place12(side, "Connected");
        give12(&mut at.victim, DATA, &[1; limits::RECORD_PLAINTEXT]);
        assert_eq!(at.victim.data().len(), limits::RECORD_PLAINTEXT);
        give12(&mut at.victim, DATA, &[1; limits::RECORD_PLAINTEXT + 1]);
        assert_failed12(&mut at.victim, Fault::PlaintextTooLong);

        let mut at = place12(side, "Connected");
        let length = u16::try_from(limits::RECORD_CIPHERTEXT_12 + 1).unwrap().to_be_bytes();
        at.victim.give(&[DATA, 3, 3, length[0], length[1]]);
        assert_failed12(&mut at.victim, Fault::RecordTooLong);
        // Too short for what stands around a content, and of another version.
        let mut at = place12(side, "Connected");
        at.victim.give(&plain(DATA, &[0; 23]));
        assert_failed12(&mut at.victim, Fault::BadRecordMac);
        let mut at = place12(side, "Connected");
        at.victim.give(&[DATA, 3, 1, 0, 30]);
        assert_failed12(&mut at.victim, Fault::BadRecordVersion);
    }
    // Empty ones, a few.
    let mut at = place12(Side::Client, "Connected");
    for _ in 0..limits::EMPTY_RECORDS {
        give12(&mut at.victim, DATA, &[]);
    }
    assert!(at.victim.error.is_none());
    give12(&mut at.victim, DATA, &[]);
    assert_failed12(&mut at.victim, Fault::TooManyEmptyRecords);
}

/// What a key may protect ends the connection, for there is no other to go to
/// (RFC 9846 section 5.5): all that was taken before arrives, and the end with it.
#[test]
fn a_key_is_not_used_past_its_limit() {
    const FULL: usize = limits::RECORD_PLAINTEXT;
    for suite in TLS12.iter().filter(|suite| suite.version == Version::Tls12(KeyExchange::EcdheEcdsa)) {
        let (mut client, mut server) = connect(&tls12_client().suites(&[suite.id]).unwrap(), &tls12_server());
        client.take();
        let key = client.c.sending.writing.key_mut().unwrap();
        match suite.aead.is_gcm() {
            // A full record has 65 pieces, and may have one more.
            true => key.set_pieces(limits::AES_GCM_PIECES - 2 * 65 - 1),
            false => {
                key.set_records(limits::CHACHA_RECORDS - 2);
                server.c.receiving.reading.key.get_mut().unwrap().set_records(limits::CHACHA_RECORDS - 2);
            }
        }
        // The third record is not made; the error comes when nothing else is to be told.
        assert_eq!(client.c.send(&[7; 3 * FULL]).unwrap(), 2 * FULL, "{suite:?}");
        for _ in 0..2 {
            let refused = client.c.send(b"more").unwrap_err();
            assert!(matches!(refused, Error::KeyUsedUp), "{refused}");
            assert!(matches!(client.c.payload(), Err(Error::KeyUsedUp)));
        }
        let sent = client.take();
        server.give(&sent);
        assert_eq!(server.data().len(), 2 * FULL);
        assert!(matches!(server.got.last(), Some(Got::Closed(Close::Clean))), "{:?}", server.error);
        // The other direction has its own key, and goes on.
        deliver(&mut server, &mut client, b"an answer");
    }
}

/// Short records last longer: blocks make the limit.
#[test]
fn what_a_key_protects_is_counted_in_blocks() {
    let (mut client, _server) = connect(&tls12_client(), &tls12_server());
    client.c.sending.writing.key_mut().unwrap().set_pieces(limits::AES_GCM_PIECES - 65 - 3);
    for _ in 0..3 {
        assert_eq!(client.c.send(b"short").unwrap(), 5);
    }
    assert!(matches!(client.c.send(b"short"), Err(Error::KeyUsedUp)));
}

/// The sequence number neither (RFC 5246 section 6.1).
#[test]
fn the_sequence_number_does_not_wrap() {
    let (mut client, mut server) = connect(&tls12_client(), &tls12_server());
    client.take();
    client.c.sending.writing.key_mut().unwrap().set_records(u64::MAX - 1);
    server.c.receiving.reading.key.get_mut().unwrap().set_records(u64::MAX - 1);
    deliver(&mut client, &mut server, b"the last record");
    for _ in 0..2 {
        assert!(matches!(client.c.send(b"one more"), Err(Error::KeyUsedUp)));
        assert!(client.take().is_empty());
    }
    client.c.close();
    assert!(client.take().is_empty());
    // The other direction has its own number.
    deliver(&mut server, &mut client, b"no answer?");
    server.give(&plain(DATA, &[0; 40]));
    assert_eq!(server.fault(), Some(Fault::BadRecordMac));
}

/// What was sealed before the key's end is taken, and said to be; the end is told next.
#[test]
fn the_end_of_a_key_takes_nothing_back() {
    let (mut client, mut server) = connect(&tls12_client(), &server_config());
    client.c.sending.writing.key_mut().unwrap().set_records(u64::MAX - 1);
    server.c.receiving.reading.key.get_mut().unwrap().set_records(u64::MAX - 1);
    let sent = client.c.send(&[7; 40_000]).unwrap();
    server.give(&client.take());
    assert_eq!(server.data(), vec![7; sent]);
    assert!(matches!(client.c.send(b"more"), Err(Error::KeyUsedUp)));
}

#[test]
fn an_identity_that_cannot_sign_for_the_client_is_refused() {
    let mut at = place12(Side::Server, "WaitCertificate");
    let rsa = Identity::with_key_elsewhere(PKI.server.chain.clone(), &[SignatureScheme::RSA_PKCS1_SHA1]);
    let error = at.victim.c.answer(Answer::Certificate(rsa.unwrap().into())).unwrap_err();
    assert!(error.to_string().contains("in common"), "{error}");
    at.victim.drain();
    assert_eq!(alerts12(&mut at.victim), [(2, AlertDescription::HANDSHAKE_FAILURE.0)]);
}

/// A key that the server could not verify is not shown.
#[test]
fn a_client_without_a_fitting_scheme_shows_nothing() {
    let only = body(HandshakeType::CERTIFICATE_REQUEST, |body| {
        // Two types, then the schemes: Ed25519 alone.
        let schemes = usize::from(u16::from_be_bytes([body[3], body[4]]));
        body.splice(3..5 + schemes, [0, 2, 8, 7]);
    });
    let client = Party::client(&client12_with_certificate());
    let server = Party::server_altered(&requesting12(trusting().into()), only);
    let (client, server) = connected(client, server);
    assert_eq!((client.c.info().own_scheme, server.c.info().peer_chain.is_none()), (None, true));
}
