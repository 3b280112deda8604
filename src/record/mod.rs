//! The record layer (RFC 9846 section 5, RFC 5246 section 6): bytes to records
//! and back, with or without protection, and handshake messages out of records.
//!
//! It opens and seals; what may be sent and when is decided above.

mod header;
mod inbox;
mod join;
mod looks;
mod outbox;
mod reading;
mod spare;
#[cfg(test)]
mod testing;
mod writing;

pub(crate) use inbox::Room;
pub(crate) use join::{Located, RecordEnd};
pub(crate) use looks::looks_like;
pub(crate) use outbox::SendError;
pub(crate) use reading::{Incoming, ReadKey, Reading};
#[cfg(test)]
pub(crate) use writing::Alter;
pub(crate) use writing::Writing;
