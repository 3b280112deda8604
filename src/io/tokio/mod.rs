//! A connection over a byte stream of tokio's kind, and what makes such connections.
//!
//! The stream itself needs no runtime; the connector and the acceptor set a timer
//! of tokio's.

mod acceptor;
mod close;
mod connector;
mod early_reader;
mod early_writer;
mod handshake;
mod resting;
mod shared;
mod split;
mod stream;
mod transport;
mod wake;

pub use acceptor::{Arriving, TlsAcceptor};
pub use connector::TlsConnector;
pub use early_reader::AsyncEarlyReader;
pub use early_writer::AsyncEarlyWriter;
pub use shared::Shared;
pub use split::{AsyncTlsReader, AsyncTlsWriter};
pub use stream::AsyncTlsStream;
