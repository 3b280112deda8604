//! Adapters: a connection over a byte stream, blocking or not, and the key log.

mod deadline;
mod early_reader;
mod early_writer;
mod error;
mod keylog;
mod split;
mod stream;
#[cfg(feature = "tokio")]
mod tokio;
mod transport;

#[cfg(feature = "tokio")]
pub use self::tokio::{
    Arriving, AsyncEarlyReader, AsyncEarlyWriter, AsyncTlsReader, AsyncTlsStream, AsyncTlsWriter, Shared,
    TlsAcceptor, TlsConnector,
};
pub use early_reader::EarlyReader;
pub use early_writer::EarlyWriter;
pub use keylog::KeyLog;
pub use split::{TlsReader, TlsWriter};
pub use stream::TlsStream;

#[cfg(all(test, unix))]
mod tests;
