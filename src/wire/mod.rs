//! The messages of TLS, between bytes and structs (RFC 9846 section 4 and
//! appendix B; RFC 5246 section 7.4 for TLS 1.2). No cryptography here, and
//! decoding allocates nothing: every struct borrows from the bytes it was read from.
//!
//! A struct that was decoded is well formed: each field is within its bounds, no
//! extension stands twice or where it may not, nothing is left over. What
//! depends on the other side's messages, such as whether a suite was offered, is
//! the handshake's to judge. Start at [`Message`].

pub mod certificate;
mod codec;
pub mod codepoints;
pub mod exchange12;
pub mod extension_data;
pub mod extensions;
pub mod handshake;
pub mod hello;
pub mod list;
pub mod post;
pub mod reader;
pub mod writer;

pub use certificate::*;
pub use codepoints::*;
pub use exchange12::*;
pub use extension_data::*;
pub use extensions::*;
pub use handshake::*;
pub use hello::*;
pub(crate) use list::{Codes, Handful};
pub use list::{Item, List};
pub use post::*;
pub use reader::Reader;
pub use writer::{TooLong, Writer};

#[cfg(test)]
mod tests;
