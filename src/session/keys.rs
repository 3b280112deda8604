//! The keys of tickets, and of all else that leaves the process: one encrypts,
//! older ones still decrypt (RFC 5077 section 5.5).
//!
//! ```text
//!   sealed          = key_name (16) nonce (12) AES-256-GCM(contents) and tag (16)
//!   associated data = key_name (16) kind (1) id (all that is left)
//! ```

use super::ticket::ServerSession;
use crate::crypto::Failed;
use crate::crypto::aead::TAG_LEN;
use crate::crypto::kdf::Digest;
use crate::crypto::source::Entropy;
use crate::crypto::ticket::{NONCE_LEN, SealingKey};
use crate::identity::ConfigError;
use crate::limits;
use crate::pki::UnixTime;
use crate::wire::{ProtocolVersion, Reader};
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const WEEK: u64 = limits::TICKET_SECONDS as u64;

/// Bytes before the contents of what is sealed.
pub(crate) const HEADER: usize = 16 + NONCE_LEN;

/// Bytes of an id that tell it from foreign ones: of 2^64 foreign ones one is taken for
/// an own one, and is then not found.
const ID_TAG: usize = 8;

/// What is sealed. Whoever keeps it can pass nothing off as another kind, or, where it
/// has an id, as what another id has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // a build without a fleet makes no keys of one
pub(crate) enum Kind {
    /// A session that a client keeps. Its id is empty.
    Ticket = 1,
    /// A session that a store keeps under its id.
    Session = 2,
    /// A key of a fleet, under its number.
    Key = 3,
    /// What outlives a process.
    Export = 4,
}

/// Seals the contents that stand behind [`HEADER`] bytes; with room for a tag behind
/// them, so that what grows leaves no copy.
pub(crate) fn seal(
    key: &SealingKey,
    (kind, id): (Kind, &[u8]),
    bytes: &mut Vec<u8>,
    entropy: &Entropy,
) -> Result<(), Failed> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce)?;
    let (header, contents) = bytes.split_at_mut_checked(HEADER).ok_or(Failed)?;
    let tag = key.seal(nonce, &associated(key, kind, id), contents)?;
    let fields = key.name().iter().chain(&nonce);
    header.iter_mut().zip(fields).for_each(|(to, from)| *to = *from);
    bytes.extend_from_slice(&tag);
    Ok(())
}

/// The contents, if this key sealed them as this kind and under this id.
pub(crate) fn open(
    key: &SealingKey,
    (kind, id): (Kind, &[u8]),
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let mut r = Reader::new(sealed);
    let (name, nonce) = (r.array().map_err(|_| Failed)?, r.array().map_err(|_| Failed)?);
    match name == key.name() {
        true => key.open(*nonce, &associated(key, kind, id), r.rest()),
        false => Err(Failed),
    }
}

fn associated(key: &SealingKey, kind: Kind, id: &[u8]) -> Vec<u8> {
    [&key.name()[..], &[kind as u8], id].concat()
}

/// A key for tickets, and its times.
///
/// Who has it can read each TLS 1.2 session whose ticket it sealed, and can
/// pass for this server's clients: it is changed within days, and not written
/// down.
///
/// ```
/// use handfast::{ConfigError, TicketKey, TicketKeys, pki::UnixTime};
/// use std::time::Duration;
/// # fn shared_by_the_fleet() -> [u8; 32] { [7; 32] }
/// let at = |hours: u64| UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000 + hours * 3600));
/// let key = TicketKey::new(shared_by_the_fleet(), at(0), at(24), at(48))?;
/// let keys = TicketKeys::shared([key])?;
/// assert!(matches!(TicketKey::new([0; 32], at(0), at(24), at(48)), Err(ConfigError::TicketKey(_))));
/// # Ok::<(), ConfigError>(())
/// ```
pub struct TicketKey {
    key: SealingKey,
    encrypts: (u64, u64),
    decrypts_until: u64,
}

impl TicketKey {
    /// A key of 32 random bytes that encrypts from `from` until
    /// `encrypts_until`, and decrypts until `decrypts_until`. One key should
    /// not seal more than 2^32 tickets.
    ///
    /// # Errors
    /// The bytes are all zero, or the times are not in this order.
    pub fn new(
        secret: [u8; 32],
        from: UnixTime,
        encrypts_until: UnixTime,
        decrypts_until: UnixTime,
    ) -> Result<Self, ConfigError> {
        let secret = Zeroizing::new(secret);
        if *secret == [0; 32] {
            return Err(ConfigError::TicketKey("all its bytes are zero: was it ever filled?"));
        }
        if from > encrypts_until || encrypts_until > decrypts_until {
            return Err(ConfigError::TicketKey(
                "it would stop to encrypt before it begins, or to decrypt before that",
            ));
        }
        Ok(Self {
            key: SealingKey::new(|key| key.copy_from_slice(&*secret)),
            encrypts: (from.as_secs(), encrypts_until.as_secs()),
            decrypts_until: decrypts_until.as_secs(),
        })
    }

    /// One of 32 bytes that `fill` writes: they were never elsewhere.
    #[cfg(feature = "redis")]
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8]), encrypts: (u64, u64), decrypts_until: u64) -> Self {
        Self { key: SealingKey::new(fill), encrypts, decrypts_until }
    }

    fn encrypts(&self, now: u64) -> bool {
        (self.encrypts.0..self.encrypts.1).contains(&now)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey").field("name", &hex::encode(self.key.name())).finish_non_exhaustive()
    }
}

/// The keys with which a server seals its tickets. Servers that share them
/// resume each other's sessions.
///
/// ```
/// use handfast::TicketKeys;
/// use std::time::Duration;
/// let keys = TicketKeys::random(); // made and changed by this process alone
/// let hour = Duration::from_secs(3600);
/// let short = TicketKeys::random().with_lifetime(hour)?.with_rotation(hour / 2)?;
/// # Ok::<(), handfast::ConfigError>(())
/// ```
pub struct TicketKeys {
    /// No handshake waits for whoever changes them: the list is replaced as a whole. A
    /// key that left it is wiped when the last handshake that looks at it is done.
    keys: ArcSwap<Vec<Arc<TicketKey>>>,
    /// Seconds for which a ticket is taken.
    lifetime: u64,
    /// Seconds for which a key encrypts that this side makes itself as time
    /// passes; `None` if it makes none.
    rotation: Option<u64>,
    /// A ticket that others made, and what it stands for.
    #[cfg(test)]
    pub(crate) foreign: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl TicketKeys {
    /// Random keys that nobody else has: each encrypts for half a day, and
    /// decrypts as long as its tickets live.
    pub fn random() -> Self {
        Self {
            keys: ArcSwap::default(),
            lifetime: limits::TICKET_LIFETIME.into(),
            rotation: Some(limits::TICKET_KEY_ROTATION.into()),
            #[cfg(test)]
            foreign: None,
        }
    }

    /// Keys that others share. The newest of those whose time it is encrypts;
    /// where there is none, no ticket is sent.
    ///
    /// # Errors
    /// There is no key.
    pub fn shared(keys: impl IntoIterator<Item = TicketKey>) -> Result<Self, ConfigError> {
        let keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
        if keys.is_empty() {
            return Err(ConfigError::Empty("ticket keys"));
        }
        Ok(Self {
            keys: ArcSwap::from_pointee(keys),
            lifetime: limits::TICKET_LIFETIME.into(),
            rotation: None,
            #[cfg(test)]
            foreign: None,
        })
    }

    /// Keys of a fleet: none yet, and then what it [holds](Self::hold).
    #[cfg(feature = "redis")]
    pub(crate) fn of_a_fleet(lifetime: u64) -> Self {
        Self { lifetime, rotation: None, ..Self::random() }
    }

    /// These, and no others.
    #[cfg(feature = "redis")]
    pub(crate) fn hold(&self, keys: Vec<Arc<TicketKey>>) {
        self.keys.store(Arc::new(keys));
    }

    /// Takes a ticket for so long, in whole seconds; a day if nothing is said. A
    /// session lives longer where it is resumed meanwhile and gets another
    /// ticket: up to seven days from the handshake that began it, and not longer
    /// than the client's certificate is valid.
    ///
    /// # Errors
    /// It is less than a second, or more than seven days (RFC 9846 section 4.7.1).
    pub fn with_lifetime(mut self, lifetime: Duration) -> Result<Self, ConfigError> {
        self.lifetime = within_a_week("a lifetime", lifetime)?;
        Ok(self)
    }

    /// Encrypts with each of its own keys for so long, in whole seconds; half a day
    /// if nothing is said.
    ///
    /// # Errors
    /// It is less than a second, or more than seven days; or the keys are
    /// [shared](Self::shared), and changed by whoever shares them.
    pub fn with_rotation(mut self, rotation: Duration) -> Result<Self, ConfigError> {
        if self.rotation.is_none() {
            return Err(ConfigError::TicketKey(
                "it is shared, and whoever shares it says when it is changed",
            ));
        }
        self.rotation = Some(within_a_week("a rotation of keys", rotation)?);
        Ok(self)
    }

    /// A further key, while connections come and go.
    pub fn add(&self, key: TicketKey) {
        let key = Arc::new(key);
        self.keys.rcu(|keys| keys.iter().chain([&key]).cloned().collect::<Vec<_>>());
    }

    /// A session, sealed as this kind and under this id, and the seconds that it is good
    /// for; `None` where no key encrypts now, or the session cannot be kept.
    pub(crate) fn seal(
        &self,
        (kind, id): (Kind, &[u8]),
        session: &ServerSession,
        now: UnixTime,
        entropy: &Entropy,
    ) -> Result<Option<(Vec<u8>, u32)>, Failed> {
        let now = now.as_secs();
        let Some(key) = self.encrypting(now, entropy)? else { return Ok(None) };
        let until = now.saturating_add(self.lifetime).min(session.expires).min(key.decrypts_until);
        let lifetime = u32::try_from(until.saturating_sub(now)).map_err(|_| Failed)?;
        let bytes = session.encode(until, HEADER, TAG_LEN).filter(|_| lifetime > 0);
        let Some(mut bytes) = bytes else { return Ok(None) };
        seal(&key.key, (kind, id), &mut bytes, entropy)?;
        Ok(Some((std::mem::take(&mut *bytes), lifetime)))
    }

    /// What was sealed as this kind and under this id, if a key of these did it and it
    /// has not expired; and whether that key is the one that encrypts now. Who sealed
    /// it wrote it: nothing else of it can be wrong, but that a later release changed
    /// the format.
    pub(crate) fn open(
        &self,
        (kind, id): (Kind, &[u8]),
        sealed: &[u8],
        now: UnixTime,
    ) -> Option<(ServerSession, bool)> {
        let now = now.as_secs();
        #[cfg(test)]
        if let Some((_, contents)) = self.foreign.as_ref().filter(|(ticket, _)| ticket == sealed) {
            return Some((ServerSession::decode(contents).unwrap().0, true));
        }
        let (name, _) = sealed.split_first_chunk()?;
        let keys = self.keys.load();
        let key = keys.iter().find(|key| key.key.name() == name && now < key.decrypts_until)?;
        let contents = open(&key.key, (kind, id), sealed).ok()?;
        let (session, until) = ServerSession::decode(&contents).ok()?;
        (now < until).then_some((session, key.encrypts(now)))
    }

    /// An id for a session of this version: random bytes, and a tag by which whoever has
    /// these keys tells it from foreign ones. `None` where no key encrypts now.
    pub(crate) fn id(
        &self,
        version: ProtocolVersion,
        now: UnixTime,
        entropy: &Entropy,
    ) -> Result<Option<[u8; 32]>, Failed> {
        let Some(key) = self.encrypting(now.as_secs(), entropy)? else { return Ok(None) };
        let mut id = [0; 32];
        let (tag, random) = id.split_at_mut(ID_TAG);
        entropy.fill(random)?;
        let made = key.key.tag_of_id([&version.0.to_be_bytes(), random]);
        tag.iter_mut().zip(made.as_bytes()).for_each(|(to, from)| *to = *from);
        Ok(Some(id))
    }

    /// The same, if a key of these made it for a session of this version.
    pub(crate) fn own_id(&self, id: &[u8], version: ProtocolVersion, now: UnixTime) -> Option<[u8; 32]> {
        let id: &[u8; 32] = id.try_into().ok()?;
        let (tag, random) = id.split_at(ID_TAG);
        let version = version.0.to_be_bytes();
        let keys = self.keys.load();
        let mut known = keys.iter().filter(|key| now.as_secs() < key.decrypts_until);
        let made = |key: &Arc<TicketKey>| {
            let made = key.key.tag_of_id([&version, random]);
            made.as_bytes().get(..ID_TAG).is_some_and(|made| Digest::new(made).ct_eq(tag))
        };
        known.any(made).then_some(*id)
    }

    fn encrypting(&self, now: u64, entropy: &Entropy) -> Result<Option<Arc<TicketKey>>, Failed> {
        loop {
            let keys = self.keys.load();
            let able = keys.iter().filter(|key| key.encrypts(now));
            let newest = able.max_by_key(|key| key.encrypts.0).cloned();
            let (None, Some(rotation)) = (&newest, self.rotation) else { return Ok(newest) };
            let mut secret = Zeroizing::new([0; 32]);
            entropy.fill(&mut *secret)?;
            let encrypts_until = now.saturating_add(rotation);
            let made = Arc::new(TicketKey {
                key: SealingKey::new(|key| key.copy_from_slice(&*secret)),
                encrypts: (now, encrypts_until),
                decrypts_until: encrypts_until.saturating_add(self.lifetime),
            });
            let left = keys.iter().filter(|key| now < key.decrypts_until);
            let with_it = left.chain([&made]).cloned().collect::<Vec<_>>();
            // Where another thread made one meanwhile, that is the one.
            if Arc::ptr_eq(&keys, &self.keys.compare_and_swap(&keys, Arc::new(with_it))) {
                return Ok(Some(made));
            }
        }
    }
}

fn within_a_week(what: &'static str, time: Duration) -> Result<u64, ConfigError> {
    match time.as_secs() {
        seconds @ 1..=WEEK => Ok(seconds),
        seconds => Err(ConfigError::TicketTimes { what, seconds }),
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}
