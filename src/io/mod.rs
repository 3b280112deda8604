//! Adapters: a connection over a byte stream, blocking or not, and the key log.

mod error;
mod keylog;
#[cfg(feature = "tokio")]
mod resting;
mod split;
mod stream;
#[cfg(feature = "tokio")]
mod tokio;
mod transport;
#[cfg(feature = "tokio")]
mod wake;

#[cfg(feature = "tokio")]
pub use self::tokio::AsyncTlsStream;
pub use keylog::KeyLog;
pub use split::{TlsReader, TlsWriter};
pub use stream::TlsStream;

#[cfg(all(test, unix))]
mod tests;
