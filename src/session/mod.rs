//! Sessions: what one handshake leaves for the next (RFC 9846 section 2.2, RFC
//! 5077). A server seals it into a ticket and keeps nothing but keys, or keeps it,
//! sealed, under an id; a client keeps the ticket, or the id, and the secret that
//! goes with it.

mod by_id;
mod cache;
mod export;
mod keeper;
mod keys;
mod peer;
mod psk;
mod queue;
mod replays;
mod store;
mod ticket;

pub use by_id::SessionStore;
pub use cache::SessionCache;
pub use export::{ExportedSessions, Imported, SessionsError};
pub(crate) use keeper::{Keeper, expires};
pub(crate) use keys::Kind;
#[cfg(feature = "redis")]
pub(crate) use keys::{HEADER, open, seal};
pub use keys::{TicketKey, TicketKeys};
pub(crate) use peer::Peer;
pub(crate) use psk::{HashedKey, Sent};
pub use psk::{PreSharedKey, PreSharedKeys, PskHash};
pub use queue::{SessionQueue, SessionWrite};
pub(crate) use replays::Seen;
pub use replays::{ReplayRegister, Replays};
pub(crate) use store::ClientSession;
pub use store::ClientSessions;
pub(crate) use ticket::ServerSession;

#[cfg(test)]
mod tests;
