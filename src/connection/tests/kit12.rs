//! The wire of TLS 1.2 (RFC 5246 section 6): who has all keys opens what a side
//! sends, and says anything in its name. Protection begins behind ChangeCipherSpec.

use super::faults::{tls12_client, tls12_server};
use super::kit::*;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::crypto::aead::{Protection, TAG_LEN};
use crate::fault::Fault;
use crate::identity::Identity;
use crate::schedule::Side;
use crate::wire::ProtocolVersion;

/// A client of TLS 1.2 alone with this judge.
pub(super) fn client12_of(judge: Judge) -> ClientConfig {
    ClientConfig::new(judge, now).versions(&[ProtocolVersion::TLS12]).unwrap()
}

pub(super) fn server12_with(identity: Identity) -> ServerConfig {
    server_config_with(identity).versions(&[ProtocolVersion::TLS12]).unwrap()
}

pub(super) fn requesting12(judge: Judge) -> ServerConfig {
    tls12_server().client_auth(ClientAuth::Request(judge))
}

/// A client that has a certificate.
pub(super) fn client12_with_certificate() -> ClientConfig {
    tls12_client().identity(PKI.client.identity())
}

/// An OCSP response as far as this crate's flows look at one: some bytes.
pub(super) const STAPLE: &[u8] = b"an OCSPResponse, in DER";

pub(super) fn stapling12() -> ServerConfig {
    server12_with(PKI.server.identity().with_ocsp(STAPLE.to_vec()))
}

/// The write key of a side, from what a party that knows it told its observer.
fn write_key(knows: &Party, side: Side) -> Protection {
    let [key, iv] = match side {
        Side::Client => ["client_write_key", "client_write_IV"],
        Side::Server => ["server_write_key", "server_write_IV"],
    };
    let secret = |name| knows.heard.secret(name);
    Protection::tls12(knows.suite().unwrap(), &secret(key), &secret(iv)).unwrap()
}

/// seq_num + type + version + length (RFC 5246 section 6.2.3.3).
fn additional_data(key: &Protection, kind: u8, length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap().to_be_bytes();
    [&key.records().to_be_bytes()[..], &[kind, 3, 3], &length].concat()
}

/// Opens what one side sends.
#[derive(Default)]
pub(super) struct Ear12 {
    key: Option<Protection>,
}

impl Ear12 {
    /// Whole records; the level is 0 before ChangeCipherSpec, and 1 behind it.
    pub(super) fn open(&mut self, from: &Party, mut bytes: &[u8]) -> Vec<Opened> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let length = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
            let (record, rest) = bytes.split_at(5 + length);
            bytes = rest;
            let (kind, mut content) = (record[0], record[5..].to_vec());
            let level = usize::from(self.key.is_some());
            if let Some(key) = &mut self.key {
                let explicit: Vec<u8> = content.drain(..key.explicit_nonce_len()).collect();
                let aad = additional_data(key, kind, content.len() - TAG_LEN);
                let length = key.open(&explicit, &aad, &mut content).expect("a record that opens");
                content.truncate(length);
            } else if kind == CHANGE_CIPHER_SPEC {
                self.key = Some(write_key(from, from.side));
            }
            records.push(Opened { level, kind, content });
        }
        records
    }
}

/// What a party sent in all, opened.
pub(super) fn records12(party: &mut Party) -> Vec<Opened> {
    party.take();
    Ear12::default().open(party, &party.sent)
}

/// The alerts that it sent, (level, description), after which nothing may follow.
pub(super) fn alerts12(party: &mut Party) -> Vec<(u8, u8)> {
    let records = records12(party);
    let first = records.iter().position(|record| record.kind == ALERT).unwrap_or(records.len());
    records[first..]
        .iter()
        .map(|record| {
            assert_eq!((record.kind, record.content.len()), (ALERT, 2), "sent after an alert");
            (record.content[0], record.content[1])
        })
        .collect()
}

/// It failed for this reason, and said so once, on the wire.
#[track_caller]
pub(super) fn assert_failed12(party: &mut Party, fault: Fault) {
    assert_eq!(party.fault(), Some(fault), "{:?}, in {}", party.error, party.state());
    assert_eq!(alerts12(party), [(2, fault.alert().0)], "{fault:?}");
}

/// Whether what a party reads is protected now.
pub(super) fn reads_protected(party: &Party) -> bool {
    party.c.receiving.reading.key.get().is_ok()
}

/// The next record that a party expects of its peer, protected if it expects protection.
pub(super) fn forge12(party: &Party, kind: u8, content: &[u8]) -> Vec<u8> {
    let Ok(key) = party.c.receiving.reading.key.get() else { return plain(kind, content) };
    let mut copy = write_key(party, party.side.other());
    copy.set_records(key.records());
    let mut body = content.to_vec();
    let sealed = copy.seal(&additional_data(&copy, kind, content.len()), &mut body).unwrap();
    let explicit = &sealed.explicit[..copy.explicit_nonce_len()];
    let length = u16::try_from(explicit.len() + body.len() + TAG_LEN).unwrap().to_be_bytes();
    [&[kind, 3, 3, length[0], length[1]], explicit, &body, &sealed.tag].concat()
}

/// A record of its peer arrives at a party.
pub(super) fn give12(party: &mut Party, kind: u8, content: &[u8]) {
    let bytes = forge12(party, kind, content);
    party.give(&bytes);
}

/// Handshake records, one a message, whatever they were; the others as they were.
pub(super) fn one_each(records: Vec<Opened>) -> Vec<Opened> {
    let mut out = Vec::new();
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

/// A handshake through somebody who opens all records and seals what `recut`
/// makes of each batch.
pub(super) fn relayed12(
    client: &mut Party,
    server: &mut Party,
    mut recut: impl FnMut(Side, Vec<Opened>) -> Vec<Opened>,
) {
    let (mut up, mut down) = (Ear12::default(), Ear12::default());
    loop {
        let (from_client, from_server) = (client.take(), server.take());
        if from_client.is_empty() && from_server.is_empty() {
            return;
        }
        let from_client = up.open(client, &from_client);
        let from_server = down.open(server, &from_server);
        for record in recut(Side::Client, from_client) {
            give12(server, record.kind, &record.content);
        }
        for record in recut(Side::Server, from_server) {
            give12(client, record.kind, &record.content);
        }
    }
}
