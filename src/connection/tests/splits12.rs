//! Where records begin and end means nothing in TLS 1.2 either, but for
//! ChangeCipherSpec (RFC 5246 section 6.2.1): each message cut at each byte, in
//! crumbs, and many in one record.

use super::alter::{each, framed};
use super::faults::{client_says_in, server_says_in, tls12_client, tls12_server};
use super::kit::*;
use super::kit12::*;
use super::places12::place12;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::fault::Fault;
use crate::question::Answer;
use crate::record::Alter;
use crate::schedule::Side;
use crate::wire::HandshakeType;

/// Both sides of a handshake with every message that there is: the server
/// staples, and requires a certificate.
fn longest() -> (Party, Party) {
    let client: ClientConfig = client12_of(Judge::Application).identity(PKI.client.identity());
    let server: ServerConfig = stapling12().client_auth(ClientAuth::Require(trusting().into()));
    (Party::client(&client).answering(|_| Some(Answer::Accept)), Party::server(&server))
}

fn assert_done(client: &Party, server: &Party, what: &str) {
    assert!(client.is_done() && server.is_done(), "{what}: {:?}, {:?}", client.error, server.error);
    assert!(client.c.info().peer_chain.is_some() && server.c.info().peer_chain.is_some());
}

/// Each record that holds handshake messages, in parts.
fn cut<I: IntoIterator<Item = Vec<u8>>>(records: Vec<Opened>, parts: impl Fn(&[u8]) -> I) -> Vec<Opened> {
    let mut out = Vec::new();
    for record in records {
        match record.kind {
            HANDSHAKE => out.extend(
                parts(&record.content).into_iter().map(|content| Opened { content, ..record.clone() }),
            ),
            _ => out.push(record),
        }
    }
    out
}

/// All messages are cut at once, each at this byte if it is that long.
#[test]
fn each_message_is_cut_at_each_byte() {
    let (mut longest_message, mut at) = (2, 1);
    while at < longest_message {
        let (mut client, mut server) = longest();
        let mut seen = [0, 0];
        relayed12(&mut client, &mut server, |side, records| {
            let whole = one_each(records);
            for message in whole.iter().filter(|record| record.kind == HANDSHAKE) {
                seen[side as usize] += 1;
                longest_message = longest_message.max(message.content.len());
            }
            cut(whole, |content| {
                let (start, end) = content.split_at(at.min(content.len()));
                [start.to_vec(), end.to_vec()].into_iter().filter(|part| !part.is_empty())
            })
        });
        assert_done(&client, &server, &format!("at {at}"));
        // ClientHello to Finished, and ServerHello to Finished.
        assert_eq!(seen, [5, 7]);
        at += 1;
    }
    assert!(at > 300, "{at}");
}

#[test]
fn the_whole_handshake_in_records_of_n_bytes() {
    for n in [1, 2, 3, 4, 5, 7, 64, 255] {
        let (mut client, mut server) = longest();
        relayed12(&mut client, &mut server, |_, records| {
            cut(records, |content| content.chunks(n).map(<[u8]>::to_vec).collect::<Vec<_>>())
        });
        assert_done(&client, &server, &format!("{n}"));
    }
}

#[test]
fn a_flight_shares_records_as_far_as_its_keys_reach() {
    let (mut client, mut server) = longest();
    let mut seen = Vec::new();
    relayed12(&mut client, &mut server, |side, records| {
        let mut out: Vec<Opened> = Vec::new();
        for record in records {
            match out.last_mut() {
                Some(last) if (last.kind, last.level) == (record.kind, record.level) => {
                    last.content.extend(record.content);
                }
                _ => out.push(record),
            }
        }
        seen.extend(out.iter().map(|record| (side, record.kind, record.level)));
        out
    });
    assert_done(&client, &server, "shared");
    let flight = |side| [(side, HANDSHAKE, 0), (side, CHANGE_CIPHER_SPEC, 0), (side, HANDSHAKE, 1)];
    let hellos = [(Side::Client, HANDSHAKE, 0), (Side::Server, HANDSHAKE, 0)];
    let last = [(Side::Server, CHANGE_CIPHER_SPEC, 0), (Side::Server, HANDSHAKE, 1)];
    assert_eq!(seen, [&hellos[..], &flight(Side::Client), &last].concat());
}

#[test]
fn the_transport_may_deliver_byte_by_byte() {
    let (mut client, mut server) = longest();
    (client.step, server.step) = (1, 1);
    pump(&mut client, &mut server);
    assert_done(&client, &server, "byte by byte");
    deliver(&mut client, &mut server, &[7; 40_000]);
    deliver(&mut server, &mut client, &[8; 40_000]);
}

/// Only an alert that ends it all may say why the rest will not come.
#[test]
fn nothing_stands_between_the_parts_of_a_message() {
    for (side, state, kind) in [
        (Side::Client, "WaitCert", HandshakeType::CERTIFICATE),
        (Side::Client, "WaitStatus", HandshakeType::CERTIFICATE_STATUS),
        (Side::Client, "WaitSke", HandshakeType::SERVER_KEY_EXCHANGE),
        (Side::Client, "WaitDone", HandshakeType::SERVER_HELLO_DONE),
        // ChangeCipherSpec alone is awaited here: not in the middle of a message.
        (Side::Client, "WaitCcs", HandshakeType::FINISHED),
        (Side::Client, "WaitFinished", HandshakeType::FINISHED),
        (Side::Client, "Connected", HandshakeType::HELLO_REQUEST),
        (Side::Server, "WaitCert", HandshakeType::CERTIFICATE),
        (Side::Server, "WaitCke", HandshakeType::CLIENT_KEY_EXCHANGE),
        (Side::Server, "WaitCv", HandshakeType::CERTIFICATE_VERIFY),
        (Side::Server, "WaitCcs", HandshakeType::FINISHED),
        (Side::Server, "WaitFinished", HandshakeType::FINISHED),
        (Side::Server, "Connected", HandshakeType::CLIENT_HELLO),
    ] {
        let message = framed(kind, &[0; 9]);
        for at in 1..message.len() {
            for (between, content) in [
                (CHANGE_CIPHER_SPEC, &[1][..]),
                (DATA, b"data"),
                (DATA, b""),
                (ALERT, &[1, 90]),
                (ALERT, &[1, 100]),
            ] {
                let mut place = place12(side, state);
                give12(&mut place.victim, HANDSHAKE, &message[..at]);
                assert!(place.victim.error.is_none(), "{:?}", place.victim.error);
                give12(&mut place.victim, between, content);
                assert_failed12(&mut place.victim, Fault::MessageInterleaved);
            }
        }
        let mut place = place12(side, state);
        give12(&mut place.victim, HANDSHAKE, &message[..5]);
        give12(&mut place.victim, ALERT, &[2, 80]);
        assert!(matches!(place.victim.error, Some(crate::Error::AlertReceived { .. })));
    }
}

/// The genuine message in two parts, with ChangeCipherSpec between them, and
/// the genuine Finished begun before it.
#[test]
fn no_message_straddles_change_cipher_spec() {
    for (side, state) in [(Side::Server, "WaitCke"), (Side::Server, "WaitCv"), (Side::Client, "WaitDone")] {
        for at in 1.. {
            // Not each signature has the same length.
            let mut place = place12(side, state);
            let Some((start, [_, ..])) = place.coming[0].content.split_at_checked(at) else { break };
            give12(&mut place.victim, HANDSHAKE, start);
            give12(&mut place.victim, CHANGE_CIPHER_SPEC, &[1]);
            assert_failed12(&mut place.victim, Fault::MessageInterleaved);
        }
    }
    for side in [Side::Client, Side::Server] {
        let finished = place12(side, "WaitCcs").coming[1].content.clone();
        assert_eq!((finished[0], finished.len()), (HandshakeType::FINISHED.0, 16));
        for at in 1..finished.len() {
            let mut place = place12(side, "WaitCcs");
            give12(&mut place.victim, HANDSHAKE, &finished[..at]);
            give12(&mut place.victim, CHANGE_CIPHER_SPEC, &[1]);
            assert_failed12(&mut place.victim, Fault::MessageInterleaved);
        }
        // A whole one, unprotected.
        let mut place = place12(side, "WaitCcs");
        give12(&mut place.victim, HANDSHAKE, &finished);
        assert_failed12(&mut place.victim, Fault::UnexpectedMessage);
    }
}

fn trailing(kind: HandshakeType, behind: &'static [u8]) -> Option<Alter> {
    each(kind, move |message| vec![message, behind.to_vec()])
}

/// Behind the last message of a flight its record ends.
#[test]
fn nothing_follows_in_the_last_record_of_a_handshake() {
    // A whole message, and the beginning of one.
    for behind in [&[0, 0, 0, 0][..], &[0], &[14, 0, 0, 0], &[20, 0, 0]] {
        let of_server = trailing(HandshakeType::FINISHED, behind);
        let (mut client, _) = server_says_in(&tls12_client(), &tls12_server(), of_server);
        assert_failed12(&mut client, Fault::KeyChangeInsideRecord);
        for kind in [HandshakeType::FINISHED, HandshakeType::CLIENT_HELLO] {
            let (mut server, _) = client_says_in(&tls12_client(), &tls12_server(), trailing(kind, behind));
            assert_failed12(&mut server, Fault::KeyChangeInsideRecord);
        }
    }
    // The beginning of a message in the record of ClientKeyExchange, then ChangeCipherSpec.
    let begun = trailing(HandshakeType::CLIENT_KEY_EXCHANGE, &[20, 0]);
    let (mut server, _) = client_says_in(&tls12_client(), &tls12_server(), begun);
    assert_failed12(&mut server, Fault::MessageInterleaved);
}

#[test]
fn a_message_longer_than_a_record_arrives() {
    let mut chain = PKI.server.chain.clone();
    chain.push(vec![0x30; 40_000].into());
    let identity = crate::identity::Identity::new(chain, &PKI.server.key()).unwrap();
    let client = Party::client(&client12_of(Judge::Application)).answering(|_| Some(Answer::Accept));
    let (client, mut server) = connected(client, Party::server(&server12_with(identity)));
    assert_eq!(client.c.info().peer_chain.as_ref().unwrap()[1].len(), 40_000);
    assert!(records12(&mut server).iter().filter(|record| record.kind == HANDSHAKE).count() >= 4);
}
