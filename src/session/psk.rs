//! Keys that both sides were given outside of TLS (RFC 9846 section 4.3.11, RFC
//! 9257), as they are or imported (RFC 9258).

use crate::crypto::kdf::hmac;
use crate::crypto::secret::Secret;
use crate::crypto::suite::Hash;
use crate::identity::ConfigError;
use crate::limits;
use crate::schedule::tls13::psk::{PskKind, early_secret, import, imported_identity};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The hash that a pre-shared key goes with (RFC 9846 section 4.3.11): both sides must
/// be told the same.
///
/// ```
/// assert_eq!(handfast::PskHash::default(), handfast::PskHash::Sha256);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PskHash {
    /// SHA-256: if nothing is said.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
}

impl PskHash {
    const fn hash(self) -> Hash {
        match self {
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
        }
    }
}

/// A key that two sides were given outside of TLS, by which they know each other
/// without certificates, in TLS 1.3 alone.
///
/// It is the proof of both: whoever has it is taken for the client by the server, and
/// for the server by the client. So a key is for one client and one server (RFC 9257
/// section 6), and it is random: of at least 128 bits that nobody can guess. A
/// password is none: who records one handshake tries passwords at home, and who finds
/// the right one is let in (section 4.2). The identity goes over the line for all to
/// see.
///
/// [Imported](Self::imported) keys (RFC 9258) are to be preferred where the other side
/// has them: one key then serves each hash without being used with two, and the
/// context says whose it is.
///
/// A clone is the same key. Where one process is a client and a server with it, they
/// must be given clones of one value: only then is a ClientHello refused that comes
/// back to whom it came from (RFC 9257 section 4.1, "Selfie"). Between processes that
/// share a key, the roles of both sides in the context of an imported key do that
/// (RFC 9258 appendix A). A process that means to speak with itself, as a test does,
/// makes the key twice.
///
/// The secret itself is not kept, but what TLS makes of it at once, which is as good:
/// it is wiped on drop, and never printed. No early data goes with these keys, but with
/// the sessions that begin with them.
///
/// ```
/// use handfast::{ClientConfig, ConfigError, PreSharedKey, ServerConfig, pki::UnixTime};
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # fn from_the_vault() -> [u8; 32] { [7; 32] }
/// let key = PreSharedKey::imported(b"device 7", &from_the_vault(), b"device 7 calls the hub")?;
/// assert!(matches!(PreSharedKey::external(b"device 7", b"secret"), Err(ConfigError::PreSharedKey(_))));
/// assert_eq!(key.identity(), b"device 7");
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone)]
pub struct PreSharedKey(Arc<Inner>);

struct Inner {
    identity: Arc<[u8]>,
    /// One, or one for each hash where the key is imported.
    keys: Vec<Arc<Key>>,
    fingerprint: [u8; 32],
    /// The randoms of ClientHellos that wait for their answers.
    sent: Mutex<HashSet<[u8; 32]>>,
}

/// A key as the key schedule takes it.
struct Key {
    kind: PskKind,
    /// As it is sent.
    identity: Arc<[u8]>,
    hash: Hash,
    /// Early Secret, in the key's place: there is no other use for that.
    early: Secret,
}

impl PreSharedKey {
    /// A key as it is, with SHA-256: the identity of 1 to 65535 bytes, and a secret of at
    /// least 16.
    ///
    /// # Errors
    /// Their lengths are others, or all bytes of the secret are zero.
    pub fn external(identity: &[u8], secret: &[u8]) -> Result<Self, ConfigError> {
        Self::external_with(identity, secret, PskHash::default())
    }

    /// The same with this hash: only cipher suites that have it, too, go with the key.
    ///
    /// # Errors
    /// As [`external`](Self::external).
    pub fn external_with(identity: &[u8], secret: &[u8], hash: PskHash) -> Result<Self, ConfigError> {
        let (identity, hash) = (check(identity, secret)?, hash.hash());
        let early = early_secret(hash, secret);
        let key = Key { kind: PskKind::External, identity: Arc::clone(&identity), hash, early };
        Ok(Self::new(identity, vec![Arc::new(key)]))
    }

    /// A key from which others are made, one for each hash of a cipher suite (RFC 9258),
    /// with SHA-256. The context is whatever both sides say of the key's use: who the
    /// client is and who the server, where the key is from. It is sent for all to see, and
    /// may be empty. The other side must import the key as well, with the same context.
    ///
    /// ```
    /// # use handfast::{ConfigError, PreSharedKey};
    /// # let secret = [7; 32];
    /// // Roles that cannot be exchanged, though each side has the same secret:
    /// let calling = PreSharedKey::imported(b"fleet", &secret, b"client a, server b")?;
    /// let called = PreSharedKey::imported(b"fleet", &secret, b"client b, server a")?;
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`external`](Self::external); or identity and context are longer than 65527
    /// bytes together.
    pub fn imported(identity: &[u8], secret: &[u8], context: &[u8]) -> Result<Self, ConfigError> {
        Self::imported_with(identity, secret, context, PskHash::default())
    }

    /// The same where the secret itself goes with this hash: that is not the hash of the
    /// cipher suite.
    ///
    /// # Errors
    /// As [`imported`](Self::imported).
    pub fn imported_with(
        identity: &[u8],
        secret: &[u8],
        context: &[u8],
        hash: PskHash,
    ) -> Result<Self, ConfigError> {
        let identity = check(identity, secret)?;
        let key = |target| -> Result<_, ConfigError> {
            let sent = imported_identity(&identity, context, target).map_err(|_| {
                ConfigError::PreSharedKey("its identity and context have more than 65527 bytes together")
            })?;
            let imported = import(hash.hash(), secret, &sent, target);
            let early = early_secret(target, imported.as_bytes());
            Ok(Arc::new(Key { kind: PskKind::Imported, identity: sent.into(), hash: target, early }))
        };
        let keys = vec![key(Hash::Sha256)?, key(Hash::Sha384)?];
        Ok(Self::new(identity, keys))
    }

    fn new(identity: Arc<[u8]>, keys: Vec<Arc<Key>>) -> Self {
        let mut fingerprint = [0; 32];
        if let Some(key) = keys.first() {
            let digest = hmac(Hash::Sha256, key.early.as_bytes(), &[b"which pre-shared key", &key.identity]);
            fingerprint.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        }
        Self(Arc::new(Inner { identity, keys, fingerprint, sent: Mutex::default() }))
    }

    /// The identity, as it was given.
    pub fn identity(&self) -> &[u8] {
        &self.0.identity
    }

    /// The same to keep.
    pub(crate) fn shared_identity(&self) -> Arc<[u8]> {
        Arc::clone(&self.0.identity)
    }

    /// Tells the key, by its secret and all, without telling anything of it.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }

    /// The keys that it is for the key schedule.
    pub(crate) fn keys(&self) -> impl Iterator<Item = HashedKey> {
        self.0.keys.iter().map(|key| HashedKey { of: self.clone(), key: Arc::clone(key) })
    }

    /// Notes that this process sends a ClientHello with this random and this key, for
    /// as long as the note is there.
    pub(crate) fn sends(&self, random: &[u8; 32]) -> Sent {
        self.sent().insert(*random);
        Sent { of: self.clone(), random: *random }
    }

    /// Whether a ClientHello with this random, which this process sent with this key, waits
    /// for its answer: it has come back.
    pub(crate) fn is_reflected(&self, random: &[u8; 32]) -> bool {
        self.sent().contains(random)
    }

    /// Nobody panics while holding it.
    fn sent(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.0.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(identity: &[u8], secret: &[u8]) -> Result<Arc<[u8]>, ConfigError> {
    if !(1..=0xffff).contains(&identity.len()) {
        return Err(ConfigError::PreSharedKey("its identity is not of 1 to 65535 bytes (RFC 9846 4.3.11)"));
    }
    if secret.len() < limits::PSK_SECRET {
        return Err(ConfigError::PreSharedKey("its secret has less than 16 bytes (RFC 9257 section 6)"));
    }
    if secret.iter().all(|byte| *byte == 0) {
        return Err(ConfigError::PreSharedKey("all bytes of its secret are zero: was it ever filled?"));
    }
    Ok(identity.into())
}

impl fmt::Debug for PreSharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreSharedKey({})", self.identity().escape_ascii())
    }
}

/// A pre-shared key with one hash, as it is offered and taken.
#[derive(Clone)]
pub(crate) struct HashedKey {
    pub(crate) of: PreSharedKey,
    key: Arc<Key>,
}

impl HashedKey {
    /// As it is sent.
    pub(crate) fn identity(&self) -> &[u8] {
        &self.key.identity
    }

    pub(crate) fn kind(&self) -> PskKind {
        self.key.kind
    }

    pub(crate) fn hash(&self) -> Hash {
        self.key.hash
    }

    pub(crate) fn early(&self) -> &Secret {
        &self.key.early
    }
}

/// A ClientHello is out, and its answer is not there.
pub(crate) struct Sent {
    of: PreSharedKey,
    random: [u8; 32],
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.of.sent().remove(&self.random);
    }
}

/// The pre-shared keys that a server takes, found by their identities (see
/// [`ServerConfig::pre_shared_keys`](crate::ServerConfig::pre_shared_keys)).
///
/// ```
/// use handfast::{ConfigError, PreSharedKey, PreSharedKeys};
/// # fn from_the_vault(_: u8) -> [u8; 32] { [7; 32] }
/// let devices = (1..=9).map(|n| PreSharedKey::external(&[n], &from_the_vault(n)));
/// let keys = PreSharedKeys::new(devices.collect::<Result<Vec<_>, _>>()?)?;
/// let twice = [PreSharedKey::external(b"a", &[1; 16])?, PreSharedKey::external(b"a", &[2; 16])?];
/// assert!(matches!(PreSharedKeys::new(twice), Err(ConfigError::PreSharedKey(_))));
/// # Ok::<(), ConfigError>(())
/// ```
pub struct PreSharedKeys {
    /// By identity, with its place in the server's order.
    keys: HashMap<Arc<[u8]>, (usize, HashedKey)>,
    /// By fingerprint, to resume sessions that began with them.
    known: HashMap<[u8; 32], PreSharedKey>,
    pub(crate) instead_of_certificates: bool,
    /// Whether the application is asked for others.
    pub(crate) asking: bool,
}

impl PreSharedKeys {
    /// These keys, the preferred one first: of those that a client offers it is taken.
    ///
    /// # Errors
    /// There is none, or two have the same identity.
    pub fn new(keys: impl IntoIterator<Item = PreSharedKey>) -> Result<Self, ConfigError> {
        let mut table = Self { asking: false, ..Self::asking() };
        for (place, key) in keys.into_iter().enumerate() {
            table.known.insert(*key.fingerprint(), key.clone());
            for each in key.keys() {
                if table.keys.insert(Arc::clone(&each.key.identity), (place, each)).is_some() {
                    return Err(ConfigError::PreSharedKey("another one has the same identity"));
                }
            }
        }
        if table.keys.is_empty() { Err(ConfigError::Empty("pre-shared keys")) } else { Ok(table) }
    }

    /// None that is at hand: each client that offers any asks
    /// [`Question::PreSharedKey`](crate::Question::PreSharedKey).
    pub fn asking() -> Self {
        Self { keys: HashMap::new(), known: HashMap::new(), instead_of_certificates: false, asking: true }
    }

    /// These, and where a client offers none of them, those that the application has:
    /// [`Question::PreSharedKey`](crate::Question::PreSharedKey) is asked.
    pub fn asking_for_others(mut self) -> Self {
        self.asking = true;
        self
    }

    /// Takes these keys where the configuration
    /// [requires](crate::ClientAuth::Require) certificates of its clients, too: a
    /// client with a key shows none, and no judge is asked. If nothing is said, such a
    /// configuration takes no pre-shared key.
    pub fn instead_of_certificates(mut self) -> Self {
        self.instead_of_certificates = true;
        self
    }

    /// The key of this identity, and its place in the server's order.
    pub(crate) fn find(&self, identity: &[u8]) -> Option<(usize, &HashedKey)> {
        self.keys.get(identity).map(|(place, key)| (*place, key))
    }

    /// The key of this fingerprint.
    pub(crate) fn known(&self, fingerprint: &[u8; 32]) -> Option<&PreSharedKey> {
        self.known.get(fingerprint)
    }
}

impl From<PreSharedKey> for PreSharedKeys {
    fn from(key: PreSharedKey) -> Self {
        let known = HashMap::from([(*key.fingerprint(), key.clone())]);
        let keys = key.keys().map(|each| (Arc::clone(&each.key.identity), (0, each))).collect();
        Self { keys, known, asking: false, ..Self::asking() }
    }
}

impl fmt::Debug for PreSharedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreSharedKeys({})", self.known.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(key: Result<PreSharedKey, ConfigError>) -> bool {
        matches!(key, Err(ConfigError::PreSharedKey(_)))
    }

    #[test]
    fn keys_that_make_no_sense_are_refused() {
        for (identity, secret, good) in [
            (&[1; 1][..], &[1; 16][..], true),
            (&[1; 0xffff], &[1; 1000], true),
            (&[], &[1; 16], false),
            (&[1; 0x10000], &[1; 16], false),
            (&[1], &[1; 15], false),
            (&[1], &[], false),
            (&[1], &[0; 32], false),
        ] {
            assert_eq!(!refused(PreSharedKey::external(identity, secret)), good, "{}", secret.len());
        }
        assert!(!refused(PreSharedKey::imported(&[1; 0xffff - 8], &[1; 16], &[])));
        assert!(refused(PreSharedKey::imported(&[1; 0xffff - 8], &[1; 16], &[1])));
        assert!(refused(PreSharedKey::imported(&[1], &[1; 15], &[])));
        assert!(matches!(PreSharedKeys::new([]), Err(ConfigError::Empty(_))));
    }

    #[test]
    fn a_key_is_told_by_all_that_it_is() {
        let keys = [
            PreSharedKey::external(b"a", &[1; 16]),
            PreSharedKey::external(b"b", &[1; 16]),
            PreSharedKey::external(b"a", &[2; 16]),
            PreSharedKey::external_with(b"a", &[1; 16], PskHash::Sha384),
            PreSharedKey::imported(b"a", &[1; 16], b""),
            PreSharedKey::imported(b"a", &[1; 16], b"x"),
            PreSharedKey::imported_with(b"a", &[1; 16], b"", PskHash::Sha384),
        ];
        let all: HashSet<_> = keys.iter().map(|key| *key.as_ref().unwrap().fingerprint()).collect();
        assert_eq!(all.len(), keys.len());
        let again = PreSharedKey::external(b"a", &[1; 16]).unwrap();
        assert_eq!(again.fingerprint(), keys[0].as_ref().unwrap().fingerprint());
        assert_eq!(
            format!("{:?} {again:?}", PreSharedKeys::from(again.clone())),
            "PreSharedKeys(1) PreSharedKey(a)"
        );
    }

    #[test]
    fn keys_are_found_by_what_is_sent() {
        let external = PreSharedKey::external(b"a", &[1; 16]).unwrap();
        let imported = PreSharedKey::imported(b"a", &[1; 16], b"").unwrap();
        let keys = PreSharedKeys::new([external.clone(), imported.clone()]).unwrap();
        assert_eq!(keys.find(b"a").map(|(place, key)| (place, key.kind())), Some((0, PskKind::External)));
        assert!(keys.find(b"b").is_none() && keys.find(b"").is_none());
        let hashes = imported.keys().map(|key| {
            let (place, found) = keys.find(key.identity()).unwrap();
            assert_eq!((place, found.kind(), found.hash()), (1, PskKind::Imported, key.hash()));
            key.hash()
        });
        assert_eq!(hashes.collect::<Vec<_>>(), [Hash::Sha256, Hash::Sha384]);
        assert!(keys.known(external.fingerprint()).is_some() && keys.known(imported.fingerprint()).is_some());
        let other = PreSharedKey::external(b"a", &[2; 16]).unwrap();
        assert!(keys.known(other.fingerprint()).is_none());
    }

    #[test]
    fn what_was_sent_is_known_until_it_is_answered() {
        let key = PreSharedKey::external(b"a", &[1; 16]).unwrap();
        let clone = key.clone();
        let (first, second) = (key.sends(&[1; 32]), key.sends(&[2; 32]));
        assert!(
            clone.is_reflected(&[1; 32]) && clone.is_reflected(&[2; 32]) && !clone.is_reflected(&[3; 32])
        );
        drop(first);
        assert!(!clone.is_reflected(&[1; 32]) && clone.is_reflected(&[2; 32]));
        drop(second);
        assert!(key.sent().is_empty());
    }
}
