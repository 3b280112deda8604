//! Who stands on the wire and has all keys: opens what a side sends, and seals
//! anything in its name.

use super::kit::Party;
use crate::crypto::aead::{Protection, TAG_LEN};
use crate::crypto::suite::Suite;
use crate::schedule::Side;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const DATA: u8 = 23;

/// A record, as somebody with the keys sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// 0 unprotected, 1 handshake keys, 2 the first application keys, and so on.
    pub(super) level: usize,
    pub(super) kind: u8,
    pub(super) content: Vec<u8>,
}

/// Opens what one side sends.
pub(super) struct Ear {
    level: usize,
    key: Option<Protection>,
    /// The suite of the first key, where that is for early data.
    early: Option<&'static Suite>,
    pub(super) rest: Vec<u8>,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self::after(None)
    }

    /// Early data of this suite comes first.
    pub(super) fn after(early: Option<&'static Suite>) -> Self {
        Self { level: 0, key: None, early, rest: Vec::new() }
    }

    pub(super) fn open(
        &mut self,
        suite: Option<&'static Suite>,
        secrets: &[Vec<u8>],
        bytes: &[u8],
    ) -> Vec<Opened> {
        let mut records = Vec::new();
        self.rest.extend(bytes);
        while self.rest.len() >= 5 {
            let end = 5 + usize::from(u16::from_be_bytes([self.rest[3], self.rest[4]]));
            if self.rest.len() < end {
                break;
            }
            let record: Vec<u8> = self.rest.drain(..end).collect();
            records.push(match record[0] {
                DATA => self.open_protected(suite, secrets, &record),
                kind => Opened { level: 0, kind, content: record[5..].to_vec() },
            });
        }
        records
    }

    /// Goes on to later keys until it opens.
    fn open_protected(
        &mut self,
        suite: Option<&'static Suite>,
        secrets: &[Vec<u8>],
        record: &[u8],
    ) -> Opened {
        loop {
            let mut body = record[5..].to_vec();
            if let Some(key) = &mut self.key
                && let Ok(length) = key.open(&[], &record[..5], &mut body)
            {
                body.truncate(length);
                let kind = body.pop().expect("a content type");
                return Opened { level: self.level, kind, content: body };
            }
            let secret = secrets.get(self.level).expect("a key that opens the record");
            let suite = self.early.filter(|_| self.level == 0).or(suite).expect("a suite");
            self.key = Some(Protection::tls13(suite, secret));
            self.level += 1;
        }
    }
}

/// Stands between with all keys: opens what one side sends, and seals anything in its name.
pub(super) struct Relay {
    ear: Ear,
    /// The level that it seals at, and the key.
    seals: (usize, Option<Protection>),
}

impl Relay {
    pub(super) fn new() -> Self {
        Self { ear: Ear::new(), seals: (0, None) }
    }

    pub(super) fn open(&mut self, from: &mut Party) -> Vec<Opened> {
        let bytes = from.take();
        self.ear.open(from.suite(), &from.heard.traffic(from.side), &bytes)
    }

    pub(super) fn seal(&mut self, from: &Party, level: usize, kind: u8, content: &[u8]) -> Vec<u8> {
        if level == 0 {
            return plain(kind, content);
        }
        if self.seals.0 != level {
            let secret = &from.heard.traffic(from.side)[level - 1];
            let key = Protection::tls13(from.suite().unwrap(), secret);
            self.seals = (level, Some(key));
        }
        seal(self.seals.1.as_mut().unwrap(), &[content, &[kind]].concat())
    }

    pub(super) fn seal_opened(&mut self, from: &Party, record: &Opened) -> Vec<u8> {
        self.seal(from, record.level, record.kind, &record.content)
    }
}

pub(super) fn seal(key: &mut Protection, inner: &[u8]) -> Vec<u8> {
    let mut body = inner.to_vec();
    let length = u16::try_from(body.len() + TAG_LEN).unwrap().to_be_bytes();
    let header = [DATA, 3, 3, length[0], length[1]];
    let tag = key.seal(&header, &mut body).unwrap().tag;
    [&header[..], &body, &tag].concat()
}

pub(super) fn plain(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3, length[0], length[1]], content].concat()
}

/// The messages in a flight's records, whole.
pub(super) fn messages(records: &[Opened]) -> Vec<Vec<u8>> {
    let flight: Vec<u8> =
        records.iter().filter(|r| r.kind == HANDSHAKE).flat_map(|r| r.content.clone()).collect();
    let mut rest = flight.as_slice();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let length = 4 + u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
        let (message, later) = rest.split_at(length);
        messages.push(message.to_vec());
        rest = later;
    }
    messages
}

/// A handshake through somebody who opens all records and seals what `recut`
/// makes of each batch.
pub(super) fn relayed(
    client: &mut Party,
    server: &mut Party,
    mut recut: impl FnMut(Side, Vec<Opened>) -> Vec<Opened>,
) {
    let (mut up, mut down) = (Relay::new(), Relay::new());
    loop {
        let (from_client, from_server) = (up.open(client), down.open(server));
        if from_client.is_empty() && from_server.is_empty() {
            return;
        }
        for record in recut(Side::Client, from_client) {
            let bytes = up.seal_opened(client, &record);
            server.give(&bytes);
        }
        for record in recut(Side::Server, from_server) {
            let bytes = down.seal_opened(server, &record);
            client.give(&bytes);
        }
    }
}
