//! Machines that share a store: they resume each other's sessions, and take early data once
//! among them all.
//!
//! ```text
//!   handshakes -> desk (bounded) -> one thread -> one connection -> Redis
//!                                      |
//!       TicketKeys <- generations <----+----> register of replays, sessions
//! ```
//!
//! ```no_run
//! use handfast::fleet::FleetSettings;
//! use handfast::{Identity, ServerConfig, TlsStream, pki::UnixTime};
//! use std::{net::TcpListener, sync::Arc};
//! # fn given_to_every_machine() -> [u8; 32] { [7; 32] }
//! # let identity = Identity::from_pem(b"", b"")?;
//! let fleet = FleetSettings::new("redis://store.example", given_to_every_machine())?
//!     .start(|notice| eprintln!("{notice}"))?;
//! let config = ServerConfig::new(identity, UnixTime::now).early_data(16_384, &fleet);
//! let config = Arc::new(fleet.configure(config));
//! for tcp in TcpListener::bind("[::]:443")?.incoming() {
//!     let mut tls = TlsStream::server(&config, tcp?);
//!     tls.handshake_with(|question| fleet.answer(&question))?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With tokio it is `TlsAcceptor::new(config).answering(fleet.answering())`.
//!
//! # What the store is trusted with
//!
//! Whoever reads it learns how many connect, and when. Ticket keys are sealed under the
//! fleet's secret, sessions under the ticket keys. Whoever writes to it can have clients
//! shake hands in full, and can have a ClientHello be the first twice, by deleting its
//! entry: it is to be reached by the fleet alone. A connection to it is in the clear:
//! where the network between is not trusted, put a tunnel there.
//!
//! It needs Redis 7 or what does the same, and these commands: `EVALSHA` and `SCRIPT LOAD`,
//! `GETRANGE`, `SET`, `DEL`, and within the script `GET`, `INFO` and `TIME`.
//!
//! # What its failures mean
//!
//! | the store | handshakes | early data |
//! | --- | --- | --- |
//! | is away, slow or behind a partition | those under way wait for its timeout, once; none that comes then | refused |
//! | is full | go on | refused; what it has, it still tells |
//! | evicts: `maxmemory-policy` is not `noeviction` | go on | refused, and told why |
//! | was emptied, or restarted with or without a snapshot | go on; the machines give the ticket keys back | refused for an entry's life |
//! | became the master | the same | the same |
//! | has another time than the machine that asks | go on | refused; and for an entry's life, when they agree again |
//!
//! An entry's life is twice the window of early data, the skew of clocks and a second: 23
//! seconds if nothing is said. A register that is younger does not know what was taken
//! before, and says of nothing that it is the first. It is younger than its data where the
//! store has another `run_id` or `master_replid` than when it began: a snapshot that is
//! restored brings an old birth mark along, but not the latest entries, and a replica
//! need not have all that its master had said.
//!
//! What it cannot see:
//!
//! - Two masters at once, as in a network that is cut in two, each with machines of its own:
//!   each is the register of its part, and both may take the same early data once.
//!   `min-replicas-to-write 1` has the one without replicas refuse to write.
//! - A clock of the store that jumps ahead and back between two looks
//!   ([`limits::FLEET_LOOK`](crate::limits::FLEET_LOOK), by each machine): entries expire. A time server
//!   that slews clocks, and does not step them, has them not do that.
//! - Whoever changes data by hand, and `DEBUG RELOAD NOSAVE`.
//! - Redis Cluster: the store is one master, found by its address.

mod desk;
mod generations;
mod handle;
mod notice;
mod register;
mod settings;
mod store;
mod worker;

pub use handle::{Answering, Fleet};
pub use notice::{Notice, Register};
pub use settings::{FleetError, FleetSettings};
