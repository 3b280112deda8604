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

mod config;
mod error;
mod handshake;
mod identity;
mod info;
mod offer;
mod question;
mod session;

mod connection;

mod io;

pub use alert::{AlertDescription, AlertLevel};
pub use config::{ClientAuth, ClientConfig, ClientOptions, Judge, ServerConfig};
pub use connection::{Close, Connection, Event, Receiver, Sender, Space, Window};
pub use crypto::kdf::sha256;
pub use crypto::sign::KeyError;
pub use error::Error;
pub use fault::Fault;
pub use identity::{ConfigError, Identity};
pub use info::{ConnectionInfo, Reasons, Trust};
#[cfg(feature = "tokio")]
pub use io::AsyncTlsStream;
pub use io::{KeyLog, TlsReader, TlsStream, TlsWriter};
#[cfg(feature = "static-rsa")]
pub use question::EncodedMessage;
pub use question::{Answer, OwnedQuestion, Question};
pub use session::{ClientSessions, TicketKey, TicketKeys};
