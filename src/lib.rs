//! TLS 1.3 and TLS 1.2, client and server, with no I/O inside.
//!
//! `handfast` can be read beside the RFCs, and can say in words what every
//! handshake did and why. It never blocks and touches no socket, no clock and
//! no setting of the process: bytes go in, bytes and events come out.
//!
//! The first chapters are for whoever uses it. Coming from another library:
//! [rustls](guide::from_rustls), [native-tls](guide::from_native_tls),
//! [openssl](guide::from_openssl). Then comes the house, for whoever reads or changes it.
//!
#![doc = include_str!("../docs/cookbook.md")]
//!
//! # Features
//!
//! | feature | |
//! | --- | --- |
//! | `post-quantum` (default) | X25519MLKEM768 |
//! | `graviola`, `aws-lc-rs` | faster sources of cryptography in ring's place, operation by operation |
//! | `static-rsa` | TLS 1.2 with RSA-encrypted pre-master secrets: no forward secrecy |
//! | `tokio` | `AsyncTlsStream`, `TlsConnector`, `TlsAcceptor` |
//! | `hyper`, `axum`, `tonic` | their traits for `AsyncTlsStream`; `HttpsConnector`, `TlsListener`, `TlsConnectInfo` |
//! | `redis` | [`fleet`]: ticket keys, sessions and a register of replays that machines share |
//! | `system-roots`, `bundled-roots` | `Roots::system()`, `Roots::bundled()` |
//! | `x509-parser` | names for rare identifiers in certificates, a second opinion under debug assertions |
//! | `public-suffix`, `serde`, `cli` | wildcards over public suffixes refused; reports as values; the tool |
//!
//! Neither of the two sources is on by default: graviola is young and not audited (of
//! ML-KEM, the half of a hybrid, it is the source all the same), AWS-LC compiles C for
//! minutes; `README.md` weighs them, `crypto/source.rs` is the table.
//!
//! # The house
//!
//! A file imports only from the floors below its own, and on its own floor only
//! from what stands before it in the list. No cycle. `tests/floors.rs` reads the
//! sources and holds them to it.
//!
//! ```text
//!   7  reload/        certificates and roots that are renewed in their files   stores  a system's roots
//!      fleet/         what machines share in a store: ticket keys, sessions, a register of replays
//!      connectors/    the traits of hyper-util, axum and tonic, a file for each
//!      io/            TlsStream and its halves, for tokio too, key log   bin/handfast  the tool
//!   6  connection/    Connection: a flow, Receiving, Sending; split
//!   5  handshake/     client, client13, client12, server, server13, server12, post;
//!                     flight2 and flight12 (what a server awaits behind its own flight);
//!                     context (what a handler may touch), negotiate, auth, pre_shared, retry,
//!                     resume (what sessions are made of), early (whether early data is taken),
//!                     resumed12 (the short handshake)
//!      error, early, identity, identities (by name), info, question,
//!      session/ (tickets, ids, their keys and stores; a register of replays; pre-shared
//!                keys; what a client keeps, and exports), config/, offer
//!   4  schedule/      secrets from secrets: transcript, tls13, tls12
//!   3  record/        bytes <-> records       |  pki/  certificates, names, paths, reports
//!   2  crypto/        the only floor that names ring or another source of cryptography
//!                     (source: who serves what), secret and lent (what stands behind pointers)
//!   1  wire/          bytes <-> messages; no cryptography, no allocation to decode
//!   0  alert, fault, limits, observe, said    words
//! ```
//!
//! `record` opens and seals; what stands *above* the handshake is their use:
//! application data passes only with traffic keys that the handshake made. The
//! lower floors return narrow errors ([`Fault`], [`pki::Refused`]); [`Error`]
//! gathers them.
//!
//! Nouns are shared between the flows, never verbs: formats, transcript,
//! secrets, record protection, negotiation, the checks of signatures and
//! Finished. The four flows are four files, and TLS 1.2's abbreviated handshake
//! is a fifth, for both sides. Each is the RFC's figure as code: the figure, one
//! table `match (state, input)`, a struct for each state. A handler consumes its
//! state, so a wrong order does not compile.
//!
//! # The way of a byte
//!
//! ```text
//!   transport -> Connection::space -> record::Inbox: framed, opened in place: a record is a range
//!     handshake: parsed where it lies (copied to Join only if a record boundary cut it)
//!                -> wire::Message -> State::step(input, msg, cx)
//!     data:      the range becomes Event::Data(&[u8]) at the last line of next()
//!
//!   payload() window: plaintext stands where its ciphertext will -> sealed in place
//!     send(data): sealed from where it lies, to there
//!     -> Connection::pending -> transport
//!   handshake messages of one flight share records, and are hashed where they were written
//! ```
//!
//! - The read key changes only with a `RecordEnd` in hand, which is made by the
//!   carrier alone: no byte can straddle a key change.
//! - Evidence is a type: `PeerVerified`, `PeerAccepted` or `PeerResumed`,
//!   `SignatureVerified`, `FinishedVerified` are made in `handshake/auth.rs`,
//!   and demanded by the handler that may only run after them. Until then the
//!   peer is `Unproven`, and [`ConnectionInfo`] says nothing of who it is.
//! - A certificate is read once, whole, by this crate's own reader. x509-parser
//!   (a feature, off by default) gives names to what there are no words for here, and
//!   under debug assertions a second opinion: it decides nothing.
//! - Judging a chain draws on one budget, counted in octets (`pki/budget.rs`): each
//!   step pays for what it looks at, a signature as much as its key's work takes. A
//!   signature that led to an accepted chain is not verified again; it costs the same.
//! - A configuration does not change: it is replaced as a whole ([`Live`]), and a
//!   connection goes on with the one it began with. A server whose configuration is
//!   chosen by the ClientHello is an undecided flow, which asks before it becomes one
//!   of the four (`connection/choosing.rs`).
//! - A deadline is the adapters' (`io/tokio/handshake.rs`): the core has no clock. A
//!   handshake stands on the heap for its own time, so that a task that serves a
//!   connection keeps no room for it.
//! - A server asks for its certificate before it looks at a session: the names of
//!   the one that it would show say which sessions are its own. Then come the session,
//!   where it is not in the ticket (WAIT_SESSION), the binder, whether the client is still
//!   to be trusted (WAIT_AGAIN), and whether this is the first time (WAIT_REPLAY): each
//!   reads the ClientHello where it came, and none is asked before a HelloRetryRequest.
//! - Early data has windows, events, readers and writers of its own, so that it is never
//!   taken for what comes behind the handshake. Whatever goes wrong with a store or with a
//!   register is a handshake without it, and [`EarlyReason`] says why.
//! - What leaves the process is sealed under the ticket keys as what it is: `Kind` and id
//!   are authenticated with it (`session/keys.rs`).
//! - A state that needs the world returns a [`Question`]. The configuration
//!   answers what it holds in memory, in the same step (`connection/flow.rs`); the
//!   rest becomes [`Event::Ask`]. The message that made the flow ask stays where it came, the inbox is pinned,
//!   and the rest of the flight waits behind it.
//! - Whoever receives sends nothing: the KeyUpdate that a peer asks for is owed, and
//!   goes before the next data (`connection/sending.rs`); the alert of a failure
//!   leaves with the sender.
//! - What moves is a pointer: a secret stands in a box of its own or in its key's,
//!   and the next one of the schedule takes its place there, so that no copy is
//!   left behind (`crypto/secret.rs`; `tests/freed.rs` looks for them).
//! - A record costs no heap allocation and no copy. An idle established server
//!   connection takes 1.6 KiB with its two expanded keys, of which ring's are 1.1,
//!   and 0.5 KiB after [`Connection::rest`]; `tests/allocations.rs` holds both.
//! - A full handshake of TLS 1.3 costs a client 20 heap allocations and a server 10
//!   (the same test). What follows from a configuration alone is computed when the
//!   configuration changes, not for each connection.
//! - TLS 1.3's ChangeCipherSpec is dropped at one place, in `connection/`; TLS
//!   1.2's is a row of the flow's table.
//!
//! # To add a message
//!
//! 1. `wire/`: its struct, `decode` and `encode` in one file; a row in
//!    [`wire::Body`]; a vector in the round-trip tests.
//! 2. `fault.rs`: a row for each rule that a peer can break with it.
//! 3. The flow's table: a row; `awaits`, its type beside the state's name; the
//!    figure above: a line; a state if the message is not optional. Add it to
//!    the transcript in one visible line.
//! 4. `connection/tests`: the row in the typed-out matrix, and the case that
//!    provokes each new fault: both tests fail until they are there.
//!
//! # What is held where
//!
//! What the peer can repeat or enlarge is bounded in [`limits`], each bound with
//! its reason. Every rule that a peer can break is a row of [`Fault`]. Our
//! secrets are wiped when dropped, never printed, and compared in constant time;
//! `SECURITY.md` says what holds, each sentence with the tests that show it, and
//! what is not wiped, and by whom.

#![forbid(unsafe_code)]
// docs.rs says of each item which feature it takes.
#![cfg_attr(docsrs, feature(doc_cfg))]
// No panic that a peer or a file can reach: what is not a test says none of these.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

mod said;

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
mod early;
mod error;
mod handshake;
mod identities;
mod identity;
mod info;
mod offer;
mod question;
mod session;

mod connection;

#[cfg(any(feature = "axum", feature = "hyper", feature = "tonic"))]
mod connectors;
#[cfg(feature = "redis")]
pub mod fleet;
mod io;
pub mod reload;
#[cfg(any(feature = "system-roots", feature = "bundled-roots"))]
mod stores;

pub use alert::{AlertDescription, AlertLevel};
pub use config::{ClientAuth, ClientConfig, ClientOptions, Judge, Live, ServerConfig};
pub use connection::{ChannelBinding, Close, Connection, Event, Receiver, Sender, Space, Window};
#[cfg(any(feature = "axum", feature = "hyper", feature = "tonic"))]
pub use connectors::TlsConnectInfo;
#[cfg(feature = "axum")]
pub use connectors::TlsListener;
#[cfg(feature = "hyper")]
pub use connectors::{HttpsConnector, HttpsError, HttpsStream};
pub use crypto::kdf::sha256;
pub use crypto::sign::KeyError;
pub use early::{EarlyData, EarlyReason};
pub use error::Error;
pub use fault::Fault;
pub use identity::{ConfigError, Identity};
pub use info::{ConnectionInfo, Reason, Reasons, Shown, Trust};
#[cfg(feature = "tokio")]
pub use io::{
    Arriving, AsyncEarlyReader, AsyncEarlyWriter, AsyncTlsReader, AsyncTlsStream, AsyncTlsWriter, Shared,
    TlsAcceptor, TlsConnector,
};
pub use io::{EarlyReader, EarlyWriter, KeyLog, TlsReader, TlsStream, TlsWriter};
#[cfg(feature = "static-rsa")]
pub use question::EncodedMessage;
pub use question::{Answer, Hello, Once, OwnedQuestion, Question};
/// The ecosystem's own types of certificates, keys and names, and its readers of PEM.
pub use rustls_pki_types as pki_types;
pub use session::{
    ClientSessions, ExportedSessions, Imported, PreSharedKey, PreSharedKeys, PskHash, ReplayRegister,
    Replays, SessionCache, SessionQueue, SessionStore, SessionWrite, SessionsError, TicketKey, TicketKeys,
};
#[cfg(feature = "system-roots")]
pub use stores::NoSystemRoots;

/// Coming from another library: name by name, with the traps.
#[cfg(any(doc, doctest))]
pub mod guide {
    #[doc = include_str!("../docs/from-rustls.md")]
    pub mod from_rustls {}
    #[doc = include_str!("../docs/from-native-tls.md")]
    pub mod from_native_tls {}
    #[doc = include_str!("../docs/from-openssl.md")]
    pub mod from_openssl {}
}

/// The README's examples are compiled with the documentation's; one is tokio's.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
