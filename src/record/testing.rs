//! What the tests of this floor share: keys, hand-made records, a feeder.

use super::header::{VERSION, additional_data12, header};
use super::inbox::Inbox;
use crate::crypto::aead::{Protection, TAG_LEN};
use crate::crypto::suite::{self, Suite};
use crate::fault::Fault;
use crate::observe::{Observed, Observer, Tap};
use crate::wire::codepoints::ContentType;
use std::sync::{Arc, Mutex};

/// Each suite of TLS 1.3, and each kind of TLS 1.2.
pub(super) fn suites() -> impl Iterator<Item = &'static Suite> {
    suite::TLS13.iter().chain(&suite::TLS12)
}

pub(super) fn tls13() -> Option<Protection> {
    key(&suite::TLS13[0])
}

pub(super) fn tls12() -> Option<Protection> {
    key(&suite::TLS12[0])
}

/// The same key each time: one to seal with, one to open with.
pub(super) fn key(suite: &'static Suite) -> Option<Protection> {
    if suite.is_tls13() {
        return Some(Protection::tls13(suite, &vec![7; suite.hash.len()]));
    }
    let (key, iv) = Protection::tls12_lengths(suite);
    Some(Protection::tls12(suite, &vec![7; key], &vec![9; iv]).unwrap())
}

pub(super) fn plain(kind: ContentType, content: &[u8]) -> Vec<u8> {
    let mut record = header(kind, VERSION, content.len()).to_vec();
    record.extend_from_slice(content);
    record
}

/// A protected record around `inner`, which in TLS 1.3 is the content, the type
/// and padding, however wrong; in TLS 1.2 the content.
pub(super) fn protected(key: &mut Option<Protection>, kind: ContentType, inner: &[u8]) -> Vec<u8> {
    let key = key.as_mut().unwrap();
    let mut body = inner.to_vec();
    let explicit = key.explicit_nonce_len();
    let length = explicit + inner.len() + TAG_LEN;
    let sealed = match key.is_tls13() {
        true => key.seal(&header(kind, VERSION, length), &mut body),
        false => key.seal(&additional_data12(key.records(), kind, inner.len()), &mut body),
    };
    let sealed = sealed.unwrap();
    let mut record = header(kind, VERSION, length).to_vec();
    record.extend_from_slice(&sealed.explicit[..explicit]);
    record.extend_from_slice(&body);
    record.extend_from_slice(&sealed.tag);
    record
}

/// Feeds `bytes`, at most `step` at a time, and takes all records.
pub(super) fn feed(
    inbox: &mut Inbox,
    key: &mut Option<Protection>,
    bytes: &[u8],
    step: usize,
) -> Result<Vec<(ContentType, Vec<u8>)>, Fault> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut space = inbox.space().expect("nothing is held");
        let n = step.min(rest.len()).min(space.len());
        let (now, later) = rest.split_at(n);
        space[..n].copy_from_slice(now);
        space.filled(n);
        rest = later;
        while let Some(record) = inbox.next_record(key, &Tap::default())? {
            records.push((record.kind, inbox.bytes(record.range).to_vec()));
            inbox.release();
        }
    }
    Ok(records)
}

/// The fault of a single read of `bytes`.
pub(super) fn fault(mut key: Option<Protection>, bytes: &[u8]) -> Fault {
    feed(&mut Inbox::new(), &mut key, bytes, usize::MAX).expect_err("a fault")
}

/// A message of a type with `length` bytes of body.
pub(super) fn message(kind: u8, length: usize) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(length).unwrap().to_be_bytes();
    let mut message = vec![kind, high, middle, low];
    message.extend((0..length).map(|at| at as u8));
    message
}

/// What an observer heard of a record, without its direction.
pub(super) type Heard = (u8, u8, usize, usize, bool);

#[derive(Default)]
pub(super) struct Listener(pub(super) Mutex<Vec<Heard>>);

impl Listener {
    pub(super) fn tap() -> (Arc<Self>, Tap) {
        let listener = Arc::new(Self::default());
        (listener.clone(), Tap::new(Some(listener)))
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Listener {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Record { outer_type, content_type, length, content, protected, .. } = *event {
            self.0.lock().unwrap().push((outer_type, content_type, length, content, protected));
        }
    }
}
