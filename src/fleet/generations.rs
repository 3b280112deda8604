//! Ticket keys of a fleet: numbered generations, each of which whoever comes first puts
//! into the store.
//!
//! ```text
//!   number      n                   n+1                  n+2
//!   time        |---- encrypts -----|---- encrypts ------|
//!   n           |===================|- - decrypts - -|            as long as its tickets live
//!   n+1                   ^ made    |====================|- - ...
//! ```
//!
//! The next one is made half a period before its time, and machines look several times in a
//! period: all have read it before it encrypts. In the store it is sealed under the fleet's
//! secret, with its number and its period.

use crate::crypto::Failed;
use crate::crypto::aead::TAG_LEN;
use crate::crypto::source::Entropy;
use crate::crypto::ticket::SealingKey;
use crate::limits;
use crate::session::{HEADER, Kind, TicketKey, TicketKeys, open, seal};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes of a key.
const KEY_LEN: usize = 32;

/// Bytes of a sealed one.
pub(super) const SEALED_LEN: usize = HEADER + KEY_LEN + TAG_LEN;

pub(super) struct Generations {
    keys: Arc<TicketKeys>,
    secret: SealingKey,
    period: u64,
    lifetime: u64,
    held: Vec<Held>,
}

struct Held {
    number: u64,
    /// As it stands in the store: who lost it is given it back.
    sealed: Vec<u8>,
    key: Arc<TicketKey>,
}

/// What came of something that stood in the store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Known,
    Added,
    Refused,
}

/// Generations that a machine holds at most: that whose time it is, the next, and those of
/// which tickets may live.
pub(super) const fn most(period: u64, lifetime: u64) -> u64 {
    lifetime.div_ceil(period).saturating_add(2)
}

impl Generations {
    pub(super) fn new(secret: SealingKey, period: u64, lifetime: u64) -> Self {
        let keys = Arc::new(TicketKeys::of_a_fleet(lifetime));
        Self { keys, secret, period, lifetime, held: Vec::new() }
    }

    /// What servers are given: it follows.
    pub(super) fn keys(&self) -> &Arc<TicketKeys> {
        &self.keys
    }

    /// The numbers of those that are of use.
    pub(super) fn wanted(&self, now: u64) -> RangeInclusive<u64> {
        let current = now / self.period;
        let back = most(self.period, self.lifetime).saturating_sub(2);
        current.saturating_sub(back)..=current.saturating_add(1)
    }

    /// Whether to put this one into the store where it has none: it was there before, or
    /// the time has come to make it.
    pub(super) fn is_due(&self, number: u64, now: u64) -> bool {
        let ahead = now.saturating_add(self.period / 2) / self.period;
        (now / self.period..=ahead).contains(&number) || self.held.iter().any(|held| held.number == number)
    }

    /// How often to look: several times in half a period.
    pub(super) fn every(&self) -> Duration {
        Duration::from_secs(self.period).checked_div(16).unwrap_or_default().min(Duration::from_secs(60))
    }

    /// The name of one in the store.
    pub(super) fn name(&self, prefix: &str, number: u64) -> String {
        format!("{prefix}:key:{:06}:{number:020}", self.period)
    }

    /// For how long the store keeps one.
    pub(super) fn lives(&self, number: u64, now: u64) -> Duration {
        Duration::from_secs(self.times(number).1.saturating_sub(now).max(1))
    }

    /// This machine's own proposal, to be put into the store where it has none: the one that
    /// it holds, or another.
    pub(super) fn sealed(&self, number: u64, entropy: &Entropy) -> Result<Vec<u8>, Failed> {
        if let Some(held) = self.held.iter().rfind(|held| held.number == number) {
            return Ok(held.sealed.clone());
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(SEALED_LEN));
        bytes.resize(HEADER + KEY_LEN, 0);
        entropy.fill(bytes.get_mut(HEADER..).ok_or(Failed)?)?;
        seal(&self.secret, (Kind::Key, &self.id(number)), &mut bytes, entropy)?;
        Ok(std::mem::take(&mut *bytes))
    }

    /// Holds what stands in the store under a number. Where that is another than before, for
    /// the store has lost it, the one before still decrypts.
    pub(super) fn take(&mut self, number: u64, sealed: &[u8]) -> Taken {
        if self.held.iter().any(|held| held.number == number && held.sealed == sealed) {
            return Taken::Known;
        }
        let opened = open(&self.secret, (Kind::Key, &self.id(number)), sealed);
        let Ok(key) = opened.and_then(|key| (key.len() == KEY_LEN).then_some(key).ok_or(Failed)) else {
            return Taken::Refused;
        };
        let (encrypts, decrypts_until) = self.times(number);
        let key = TicketKey::filled(|place| place.copy_from_slice(&key), encrypts, decrypts_until);
        self.held.push(Held { number, sealed: sealed.to_vec(), key: Arc::new(key) });
        Taken::Added
    }

    /// Gives the servers what there is, and forgets what decrypts no more. Whether there is
    /// a key whose time it is.
    pub(super) fn serve(&mut self, now: u64) -> bool {
        let Self { held, period, lifetime, .. } = self;
        held.retain(|held| now < times(held.number, *period, *lifetime).1);
        // Of one number, the last encrypts.
        held.sort_by_key(|held| held.number);
        // A store that loses them again and again is given no more room for it.
        held.drain(..held.len().saturating_sub(limits::FLEET_GENERATIONS));
        self.keys.hold(held.iter().map(|held| Arc::clone(&held.key)).collect());
        held.iter().any(|held| held.number == now / *period)
    }

    fn times(&self, number: u64) -> ((u64, u64), u64) {
        times(number, self.period, self.lifetime)
    }

    fn id(&self, number: u64) -> [u8; 16] {
        let mut id = [0; 16];
        let fields = number.to_be_bytes().into_iter().chain(self.period.to_be_bytes());
        id.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        id
    }
}

/// When it encrypts, and until when it decrypts.
const fn times(number: u64, period: u64, lifetime: u64) -> ((u64, u64), u64) {
    let from = number.saturating_mul(period);
    let until = from.saturating_add(period);
    ((from, until), until.saturating_add(lifetime))
}
