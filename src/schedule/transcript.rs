//! The transcript hash (RFC 9846 section 4.1; RFC 5246 section 7.4.9).
//!
//! ```text
//! ClientHello ──> buffered until the ServerHello names the hash ──> hashed as it comes
//! ```
//!
//! In TLS 1.2 a CertificateVerify signs the messages themselves, under a hash
//! of its own choice (RFC 5246 section 7.4.8), so the buffer can be kept for it,
//! up to [`limits::SIGNED_MESSAGES`]. It is as long as what it holds: a handshake
//! has a dozen messages, so growing for each costs a dozen copies.

use crate::crypto::kdf::{self, Digest, Hasher};
use crate::crypto::suite::Hash;
use crate::fault::Fault;
use crate::limits;

/// message_hash (RFC 9846 section 4): the type of the message that stands for
/// a ClientHello that was retried.
const MESSAGE_HASH: u8 = 254;

/// The handshake messages so far, with their headers.
pub(crate) struct Transcript {
    /// All messages, while they are needed as bytes.
    messages: Option<Vec<u8>>,
    running: Option<(Hash, Hasher)>,
}

impl Transcript {
    pub(crate) fn new() -> Self {
        Self { messages: Some(Vec::new()), running: None }
    }

    /// Names the hash; what was buffered is hashed and dropped. A hash that was
    /// named before stays, as after a HelloRetryRequest.
    pub(crate) fn set_hash(&mut self, hash: Hash) {
        self.set_hash_keeping_messages(hash);
        self.drop_messages();
    }

    /// The same, but the messages are kept for a TLS 1.2 CertificateVerify.
    pub(crate) fn set_hash_keeping_messages(&mut self, hash: Hash) {
        if self.running.is_none() {
            let mut hasher = Hasher::new(hash);
            hasher.update(self.messages());
            self.running = Some((hash, hasher));
        }
    }

    /// All messages so far as bytes; none once they were dropped.
    fn messages(&self) -> &[u8] {
        self.messages.as_deref().unwrap_or_default()
    }

    /// What a CertificateVerify of TLS 1.2 signs: all messages so far. Fails where
    /// they are longer than is kept.
    pub(crate) fn signed(&self) -> Result<&[u8], Fault> {
        self.messages.as_deref().ok_or(Fault::MessageTooLong)
    }

    /// Ends the keeping of messages. Before the hash is known they stay.
    pub(crate) fn drop_messages(&mut self) {
        if self.running.is_some() {
            self.messages = None;
        }
    }

    /// Adds a message, or a part of one.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        if let Some((_, hasher)) = &mut self.running {
            hasher.update(bytes);
        }
        match &mut self.messages {
            Some(kept) if kept.len() + bytes.len() > limits::SIGNED_MESSAGES && self.running.is_some() => {
                self.messages = None;
            }
            Some(kept) => {
                kept.reserve_exact(bytes.len());
                kept.extend_from_slice(bytes);
            }
            None => {}
        }
    }

    /// Transcript-Hash of the messages so far. (Before a hash is named, which
    /// no flow does, it is SHA-256: never a value that binds nothing.)
    pub(crate) fn hash(&self) -> Digest {
        match &self.running {
            Some((_, hasher)) => hasher.clone().finish(),
            None => kdf::hash(Hash::Sha256, self.messages()),
        }
    }

    /// What [`hash`](Self::hash) would be under `hash` and with `bytes` added:
    /// for the binders of a ClientHello (RFC 9846 section 4.3.11.2), cut before
    /// them. None if another hash is running, as after a HelloRetryRequest.
    pub(crate) fn hash_with(&self, hash: Hash, bytes: &[u8]) -> Option<Digest> {
        let mut fork = match &self.running {
            Some((running, hasher)) if *running == hash => hasher.clone(),
            Some(_) => return None,
            None => {
                let mut hasher = Hasher::new(hash);
                hasher.update(self.messages());
                hasher
            }
        };
        fork.update(bytes);
        Some(fork.finish())
    }

    /// Replaces ClientHello1 by its hash, before HelloRetryRequest is added.
    pub(crate) fn fold_hello_retry(&mut self) {
        if let Some((hash, _)) = self.running {
            *self = Self::after_first_hello(hash, &self.hash());
        }
    }

    /// The transcript that stands for a ClientHello1 of this hash:
    /// message_hash || 00 00 Hash.length || Hash(ClientHello1).
    pub(crate) fn after_first_hello(hash: Hash, client_hello1: &Digest) -> Self {
        let mut hasher = Hasher::new(hash);
        hasher.update(&[MESSAGE_HASH, 0, 0, hash.len() as u8]);
        hasher.update(client_hello1.as_bytes());
        Self { messages: None, running: Some((hash, hasher)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(digest: Digest, hash: Hash, bytes: &[u8]) -> bool {
        digest.ct_eq(kdf::hash(hash, bytes).as_bytes())
    }

    #[test]
    fn what_came_before_the_hash_was_named_counts() {
        for hash in [Hash::Sha256, Hash::Sha384] {
            let mut transcript = Transcript::new();
            transcript.add(b"Client");
            transcript.add(b"Hello");
            assert_eq!(transcript.messages(), b"ClientHello");
            transcript.set_hash(hash);
            assert_eq!(transcript.messages(), b"");
            assert!(is(transcript.hash(), hash, b"ClientHello"));
            transcript.add(b"ServerHello");
            assert!(is(transcript.hash(), hash, b"ClientHelloServerHello"));
            assert!(is(transcript.hash(), hash, b"ClientHelloServerHello"));
        }
    }

    #[test]
    fn messages_are_kept_until_they_are_dropped() {
        let mut transcript = Transcript::new();
        transcript.add(b"ab");
        transcript.drop_messages(); // not yet: no hash has seen them
        transcript.set_hash_keeping_messages(Hash::Sha384);
        transcript.add(b"c");
        assert_eq!(transcript.messages(), b"abc");
        transcript.drop_messages();
        assert_eq!(transcript.messages(), b"");
        transcript.add(b"d");
        assert_eq!(transcript.messages(), b"");
        assert!(is(transcript.hash(), Hash::Sha384, b"abcd"));
    }

    #[test]
    fn more_than_is_kept_is_hashed_and_not_signed() {
        let mut transcript = Transcript::new();
        transcript.set_hash_keeping_messages(Hash::Sha256);
        let most = vec![7; limits::SIGNED_MESSAGES];
        transcript.add(&most);
        assert_eq!(transcript.signed().unwrap(), most);
        assert_eq!(transcript.messages.as_ref().unwrap().capacity(), most.len());
        transcript.add(b"x");
        assert_eq!(transcript.signed(), Err(Fault::MessageTooLong));
        transcript.add(b"y");
        assert!(is(transcript.hash(), Hash::Sha256, &[&most[..], b"xy"].concat()));
    }

    #[test]
    fn an_unnamed_hash_binds_nevertheless() {
        let mut transcript = Transcript::new();
        transcript.add(b"abc");
        assert!(is(transcript.hash(), Hash::Sha256, b"abc"));
    }

    #[test]
    fn a_look_ahead_adds_nothing() {
        let mut transcript = Transcript::new();
        transcript.add(b"a");
        assert!(is(transcript.hash_with(Hash::Sha384, b"b").unwrap(), Hash::Sha384, b"ab"));
        transcript.set_hash(Hash::Sha256);
        assert!(is(transcript.hash_with(Hash::Sha256, b"b").unwrap(), Hash::Sha256, b"ab"));
        assert!(transcript.hash_with(Hash::Sha384, b"b").is_none());
        assert!(is(transcript.hash(), Hash::Sha256, b"a"));
    }

    #[test]
    fn a_retried_client_hello_is_folded() {
        for (hash, len) in [(Hash::Sha256, 32), (Hash::Sha384, 48)] {
            let mut transcript = Transcript::new();
            transcript.add(b"ClientHello1");
            transcript.set_hash(hash);
            transcript.fold_hello_retry();
            transcript.add(b"HelloRetryRequest");
            transcript.set_hash(hash); // the ServerHello names it again
            let client_hello1 = kdf::hash(hash, b"ClientHello1");
            let folded = [&[254, 0, 0, len], client_hello1.as_bytes(), b"HelloRetryRequest"].concat();
            assert!(is(transcript.hash(), hash, &folded));
        }
    }
}
