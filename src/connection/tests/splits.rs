//! Where records begin and end means nothing, but for key changes (RFC 9846
//! section 5.1): each message cut at each byte, in crumbs, and many in one record.

use super::alter::framed;
use super::faults::{client_says, retry_client, retry_server, server_says};
use super::kit::*;
use super::places::place;
use crate::config::{ClientConfig, ServerConfig};
use crate::fault::Fault;
use crate::schedule::Side;
use crate::wire::HandshakeType;

/// A handshake with every message that there is.
fn longest() -> (ClientConfig, ServerConfig) {
    use crate::config::ClientAuth;
    let server =
        retry_server().retry_cookie([7; 32]).unwrap().client_auth(ClientAuth::Require(trusting().into()));
    (retry_client().identity(PKI.client.identity()), server)
}

/// Handshake records, one a message, whatever they were; the others as they were.
fn one_each(records: Vec<Opened>) -> Vec<Opened> {
    let mut out: Vec<Opened> = Vec::new();
    for record in records {
        match record.kind {
            HANDSHAKE => out.extend(
                messages(std::slice::from_ref(&record))
                    .into_iter()
                    .map(|content| Opened { content, ..record.clone() }),
            ),
            _ => out.push(record),
        }
    }
    out
}

fn assert_done(client: &Party, server: &Party, what: &str) {
    assert!(client.is_done() && server.is_done(), "{what}: {:?}, {:?}", client.error, server.error);
    assert!(client.c.info().retried && server.c.info().peer_chain.is_some());
}

/// All messages are cut at once, each at this byte if it is that long; what
/// stood with it in a record stands in records of its own.
#[test]
fn each_message_is_cut_at_each_byte() {
    let (client_config, server_config) = longest();
    let (mut longest, mut at) = (2, 1);
    while at < longest {
        let (mut client, mut server) = (Party::client(&client_config), Party::server(&server_config));
        let mut seen = [0, 0];
        relayed(&mut client, &mut server, |side, records| {
            let mut out = Vec::new();
            for record in one_each(records) {
                if record.kind != HANDSHAKE {
                    out.push(record);
                    continue;
                }
                seen[side as usize] += 1;
                longest = longest.max(record.content.len());
                let (start, end) = record.content.split_at(at.min(record.content.len()));
                let parts = [start, end].into_iter().filter(|part| !part.is_empty());
                out.extend(parts.map(|part| Opened { content: part.to_vec(), ..record.clone() }));
            }
            out
        });
        assert_done(&client, &server, &format!("at {at}"));
        assert_eq!(seen, [5, 7]);
        at += 1;
    }
    assert!(at > 300, "{at}");
}

#[test]
fn the_whole_handshake_in_records_of_n_bytes() {
    let (client_config, server_config) = longest();
    for n in [1, 2, 3, 4, 5, 7, 64, 255] {
        let (mut client, mut server) = (Party::client(&client_config), Party::server(&server_config));
        relayed(&mut client, &mut server, |_, records| {
            let mut out = Vec::new();
            for record in records {
                match record.kind {
                    HANDSHAKE => out.extend(
                        record
                            .content
                            .chunks(n)
                            .map(|part| Opened { content: part.to_vec(), ..record.clone() }),
                    ),
                    _ => out.push(record),
                }
            }
            out
        });
        assert_done(&client, &server, &format!("{n}"));
    }
}

#[test]
fn a_flight_shares_records_as_far_as_its_keys_reach() {
    let (client_config, server_config) = longest();
    let (mut client, mut server) = (Party::client(&client_config), Party::server(&server_config));
    let mut records_seen = 0;
    relayed(&mut client, &mut server, |_, records| {
        let mut out: Vec<Opened> = Vec::new();
        for record in records {
            match out.last_mut() {
                Some(last)
                    if (last.kind, last.level) == (record.kind, record.level) && record.kind == HANDSHAKE =>
                {
                    last.content.extend(record.content);
                }
                _ => out.push(record),
            }
        }
        records_seen += out.iter().filter(|record| record.kind == HANDSHAKE).count();
        out
    });
    assert_done(&client, &server, "shared");
    // ClientHello, HelloRetryRequest, ClientHello, ServerHello, and one for each last flight.
    assert_eq!(records_seen, 6);
}

#[test]
fn the_transport_may_deliver_byte_by_byte() {
    let (client_config, server_config) = longest();
    let (mut client, mut server) = (Party::client(&client_config), Party::server(&server_config));
    (client.step, server.step) = (1, 1);
    pump(&mut client, &mut server);
    assert_done(&client, &server, "byte by byte");
    deliver(&mut client, &mut server, &[7; 40_000]);
    deliver(&mut server, &mut client, &[8; 40_000]);
}

#[test]
fn many_tickets_share_a_record() {
    let ticket = framed(HandshakeType::NEW_SESSION_TICKET, &[0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 1, 9, 0, 0]);
    let mut at = place(Side::Client, "Connected");
    let bytes = at.victim.forge(HANDSHAKE, &ticket.repeat(40));
    at.victim.give(&bytes);
    assert!(at.victim.error.is_none(), "{:?}", at.victim.error);
    // A KeyUpdate may be the last of them.
    let bytes = at.victim.forge(HANDSHAKE, &[&ticket[..], &[24, 0, 0, 1, 0]].concat());
    at.victim.give(&bytes);
    let bytes = at.victim.forge(DATA, b"under the next key");
    at.victim.give(&bytes);
    assert_eq!(at.victim.data(), b"under the next key");
}

/// Something behind each message after which the keys change.
#[test]
fn keys_do_not_change_inside_a_record() {
    let trailing = |kind: HandshakeType, behind: &'static [u8]| {
        super::alter::each(kind, move |message| vec![message, behind.to_vec()])
    };
    // A whole message, and the beginning of one.
    for behind in [&[8, 0, 0, 2, 0, 0][..], &[8], &[24, 0, 0, 1, 0], &[24, 0, 0]] {
        server_says(trailing(HandshakeType::SERVER_HELLO, behind))
            .0
            .assert_failed(Fault::KeyChangeInsideRecord);
        server_says(trailing(HandshakeType::FINISHED, behind)).0.assert_failed(Fault::KeyChangeInsideRecord);
        client_says(trailing(HandshakeType::CLIENT_HELLO, behind))
            .0
            .assert_failed(Fault::KeyChangeInsideRecord);
        client_says(trailing(HandshakeType::FINISHED, behind)).0.assert_failed(Fault::KeyChangeInsideRecord);
        for side in [Side::Client, Side::Server] {
            let mut at = place(side, "Connected");
            let bytes = at.victim.forge(HANDSHAKE, &[&[24, 0, 0, 1, 0], behind].concat());
            at.victim.give(&bytes);
            at.victim.assert_failed(Fault::KeyChangeInsideRecord);
        }
    }
    // A HelloRetryRequest, and the ClientHello that makes one necessary.
    let (client, server) = (retry_client(), retry_server());
    let behind = trailing(HandshakeType::SERVER_HELLO, &[2]);
    super::faults::server_says_in(&client, &server, behind).0.assert_failed(Fault::KeyChangeInsideRecord);
    let behind = trailing(HandshakeType::CLIENT_HELLO, &[1]);
    super::faults::client_says_in(&client, &server, behind).0.assert_failed(Fault::KeyChangeInsideRecord);
}

#[test]
fn nothing_stands_between_the_parts_of_a_message() {
    for (side, state, kind) in [
        (Side::Client, "WaitSh", 2),
        (Side::Client, "WaitEe", 8),
        (Side::Client, "WaitCv", 15),
        (Side::Client, "Connected", 24),
        (Side::Server, "Start", 1),
        (Side::Server, "WaitSecondHello", 1),
        (Side::Server, "WaitCert", 11),
        (Side::Server, "WaitFinished", 20),
        (Side::Server, "Connected", 24),
    ] {
        let message = framed(HandshakeType(kind), &[0; 9]);
        for at in 1..message.len() {
            for (between, content) in
                [(CHANGE_CIPHER_SPEC, &[1][..]), (DATA, b"data"), (DATA, b""), (ALERT, &[1, 90])]
            {
                let mut place = place(side, state);
                let bytes = place.victim.forge(HANDSHAKE, &message[..at]);
                place.victim.give(&bytes);
                assert!(place.victim.error.is_none(), "{:?}", place.victim.error);
                let bytes = place.victim.forge(between, content);
                place.victim.give(&bytes);
                place.victim.assert_failed(Fault::MessageInterleaved);
            }
        }
    }
    // Why the rest will not come may be said at any time.
    let mut at = place(Side::Client, "WaitEe");
    for (kind, content) in [(HANDSHAKE, &[8, 0][..]), (ALERT, &[2, 80])] {
        let bytes = at.victim.forge(kind, content);
        at.victim.give(&bytes);
    }
    assert!(matches!(at.victim.error, Some(crate::Error::AlertReceived { .. })));
}

#[test]
fn a_message_longer_than_a_record_arrives() {
    // A chain of more than 2^14 bytes, in three records.
    let client = crate::config::ClientConfig::new(crate::config::Judge::Application, now);
    let mut chain = PKI.server.chain.clone();
    chain.push(vec![0x30; 40_000].into());
    let identity = crate::identity::Identity::new(chain, &PKI.server.key()).unwrap();
    let client = Party::client(&client).answering(|_| Some(crate::Answer::Accept));
    let (client, mut server) = connected(client, Party::server(&server_config_with(identity)));
    assert_eq!(client.c.info().peer_chain.as_ref().unwrap()[1].len(), 40_000);
    assert!(server.records().iter().filter(|record| record.kind == HANDSHAKE).count() >= 4);
}
