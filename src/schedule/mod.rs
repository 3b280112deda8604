//! The key schedule: secrets from secrets, each only from its parent.

use crate::observe::Tap;

#[cfg(test)]
mod heard;
#[cfg(test)]
mod rfc8448;
pub(crate) mod tls12;
pub(crate) mod tls13;
pub(crate) mod transcript;

/// Which side sends what a secret protects or proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What is said of a secret: its name in the RFC, its label in a key log if it
/// has one there, and what it was derived from.
pub(crate) type Entry = (&'static str, Option<&'static str>, &'static str);

/// The one function through which each derived secret passes: the observer
/// hears of it here.
fn record(tap: &Tap, (name, keylog, from): Entry, secret: &[u8]) {
    tap.secret(name, keylog, from, secret);
}
