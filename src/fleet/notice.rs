//! What is told of a fleet's store: one sentence for a log each.

use crate::limits;
use std::fmt;
use std::time::Duration;

/// What came of a fleet's store, for a log. What is wrong is told when it begins and when
/// it is another; not with each handshake.
///
/// ```
/// use handfast::fleet::{Notice, Register};
/// // Whom to wake for it; the rest is for the log.
/// let is_alarming = |notice: &Notice| match notice {
///     Notice::Away { .. } | Notice::KeyRefused { .. } | Notice::NoKey => true,
///     Notice::Register(register) => !matches!(register, Register::Ready | Register::Young { .. }),
///     _ => false,
/// };
/// let evicts = Notice::Register(Register::Evicts { policy: "allkeys-lru".into() });
/// assert!(is_alarming(&evicts));
/// assert!(evicts.to_string().contains("CONFIG SET maxmemory-policy noeviction"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The store answers: at first, or again.
    Reached {
        /// Its address.
        store: String,
        /// Questions that went without an answer since it was away, or there were too many.
        unanswered: u64,
    },
    /// The store is away, or does not answer in time. Nobody waits for it until it is
    /// reached again.
    Away {
        /// Its address.
        store: String,
        /// Why.
        why: String,
    },
    /// What the register of replays says now, in place of what it said before.
    Register(Register),
    /// The store answers, but refuses to do what it is told.
    Refused {
        /// What it was told.
        what: &'static str,
        /// What it said.
        why: String,
    },
    /// A generation of ticket keys is there.
    Key {
        /// Its number.
        number: u64,
        /// This machine made it, and no other.
        made_here: bool,
    },
    /// What stands in the store as a generation of ticket keys is none of this fleet, and
    /// is not used.
    KeyRefused {
        /// The number under which it stands.
        number: u64,
    },
    /// No ticket is sealed: the time of the last key is over, and no other is had.
    NoKey,
    /// More questions than have a place in line, since this was told before.
    TooMany {
        /// How many were answered at once, as where the store is away.
        unanswered: u64,
    },
    /// Sessions that were to be kept are lost: each costs its client a full handshake.
    SessionsLost {
        /// How many.
        sessions: u64,
    },
}

/// Whether a fleet's register of replays can say that something is the first.
///
/// ```
/// use handfast::fleet::Register;
/// let young = Register::Young { left: std::time::Duration::from_secs(23) };
/// assert_eq!(young.to_string(), "the register of replays is young: early data waits for 23 s");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Register {
    /// It can.
    Ready,
    /// It began, or began again, so shortly ago that what it does not know may still be
    /// replayed.
    Young {
        /// Until when it cannot.
        left: Duration,
    },
    /// The store evicts entries where it lacks memory, and forgets what it has seen.
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// The clocks of this machine and of the store are too far apart, so that one of them
    /// is wrong.
    Apart {
        /// How many milliseconds the store is ahead.
        milliseconds: i64,
    },
    /// The store does not do what it is told.
    Broken {
        /// What it said.
        why: String,
    },
}

impl Register {
    /// Whether both say the same but for the time that is left.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Young { .. }, Self::Young { .. }) | (Self::Apart { .. }, Self::Apart { .. }) => true,
            (one, other) => one == other,
        }
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the register of replays ")?;
        match self {
            Self::Ready => f.write_str("is ready: early data can be taken"),
            Self::Young { left } => {
                write!(f, "is young: early data waits for {} s", left.as_millis().div_ceil(1000))
            }
            Self::Evicts { policy } => write!(
                f,
                "is not used, and no early data taken: the store's maxmemory-policy is {policy}, so that it \
                 forgets entries where it lacks memory; tell it CONFIG SET maxmemory-policy noeviction, and \
                 write that into its configuration"
            ),
            Self::Apart { milliseconds } => write!(
                f,
                "is not used, and no early data taken: the store's clock is {} ms {} this machine's; have both \
                 kept by a time server",
                milliseconds.unsigned_abs(),
                if *milliseconds < 0 { "behind" } else { "ahead of" }
            ),
            Self::Broken { why } => write!(f, "cannot be asked, and no early data is taken: {why}"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached { store, unanswered: 0 } => write!(f, "the store at {store} answers"),
            Self::Reached { store, unanswered } => {
                write!(f, "the store at {store} answers; {unanswered} questions were not asked before")
            }
            Self::Away { store, why } => write!(
                f,
                "the store at {store} is away: {why}; handshakes go on without it, no early data is taken, \
                 and it is looked for every {} s at least",
                limits::FLEET_PAUSE_MOST.as_secs()
            ),
            Self::Register(register) => register.fmt(f),
            Self::Refused { what, why } => write!(f, "the store refuses to {what}: {why}"),
            Self::Key { number, made_here: true } => {
                write!(f, "generation {number} of ticket keys was made by this machine")
            }
            Self::Key { number, made_here: false } => {
                write!(f, "generation {number} of ticket keys was made by another machine")
            }
            Self::KeyRefused { number } => write!(
                f,
                "what stands in the store as generation {number} of ticket keys was not sealed under the \
                 secret of this fleet, and is not used: another fleet needs another prefix"
            ),
            Self::NoKey => f.write_str("no ticket is issued: there is no key whose time it is"),
            Self::TooMany { unanswered } => write!(
                f,
                "{unanswered} questions were not asked: {} waited for the store already",
                limits::FLEET_IN_LINE
            ),
            Self::SessionsLost { sessions } => {
                write!(f, "{sessions} sessions were not kept: their clients shake hands in full")
            }
        }
    }
}
