//! TLS 1.3 and TLS 1.2, client and server, with no I/O inside.

#![forbid(unsafe_code)]

mod alert;
mod fault;
pub mod limits;
pub mod observe;

pub mod wire;

mod crypto;

pub mod pki;
mod record;

mod schedule;

pub use alert::{AlertDescription, AlertLevel};
pub use crypto::kdf::sha256;
pub use crypto::sign::KeyError;
pub use fault::Fault;
