//! Cryptography: the only floor that names ring or another source of it.
//! Nothing above can tell which source serves an operation.

pub(crate) mod aead;
pub(crate) mod agree;
pub(crate) mod der;
#[cfg(test)]
mod differ;
pub(crate) mod kdf;
#[cfg(feature = "post-quantum")]
mod kem;
pub(crate) mod lent;
mod pss;
#[cfg(test)]
mod rsa1024;
#[cfg(feature = "static-rsa")]
pub(crate) mod rsa_exchange;
pub(crate) mod secret;
pub(crate) mod sign;
pub(crate) mod source;
pub(crate) mod suite;
pub(crate) mod ticket;
#[cfg(test)]
pub(crate) mod vectors;
pub(crate) mod verify;

/// The operation failed. Whatever the reason is, saying it would help an
/// attacker more than anybody else; the caller knows what it was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;
