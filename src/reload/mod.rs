//! Certificates and roots that are renewed in their files while the process runs.
//!
//! ```text
//!   files (read whole, the same twice) -> kept (the last good one) -> certificates, roots
//!     -> reloader: puts them into a Live configuration -> watch: looks by itself
//! ```
//!
//! ```no_run
//! use handfast::reload::{CertificateFiles, Reloader};
//! use handfast::{ServerConfig, TicketKeys, pki::UnixTime};
//! use std::time::Duration;
//! // No certificate yet: the files have it.
//! let config = ServerConfig::asking_for_certificates(UnixTime::now).tickets(TicketKeys::random());
//! let files = CertificateFiles::pair("fullchain.pem", "privkey.pem");
//! let reloader = Reloader::new(config).certificates(files)?;
//! let live = reloader.live().clone(); // for whoever accepts connections: live.current()
//! let watch = reloader.watch(Duration::from_secs(30), |notice| eprintln!("{notice}"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is renewed serves connections that begin from then on; those that there are
//! go on as they began, and their sessions are resumed: the ticket keys stay.
//!
//! A pair serves when it is whole: the key fits the chain, the chain is in order and
//! of today ([`Identity::check`](crate::Identity::check)). Until then the last good one serves on,
//! and a [`Notice`] says why. Files are told apart by their contents, so it does not
//! matter how they are replaced: written over, renamed into place, or behind a symbolic
//! link that turns, as certbot and Kubernetes have them.
//!
//! Whoever has a runtime calls [`Reloader::check`] at the time of his choice, for
//! instance on SIGHUP, or tells a [`Watch`] to [`look`](Watch::look):
//!
//! ```
//! # #[cfg(feature = "tokio")]
//! # mod with_tokio {
//! use handfast::{ServerConfig, reload::Reloader};
//! # async fn hangup() {}
//! async fn reload_on_hangup(mut reloader: Reloader<ServerConfig>) {
//!     loop {
//!         hangup().await; // tokio::signal::unix
//!         for notice in reloader.check() {
//!             eprintln!("{notice}");
//!         }
//!     }
//! }
//! # }
//! ```

mod certificates;
mod directory;
mod entry;
mod error;
mod files;
mod kept;
mod reloader;
mod roots;
mod watch;

pub use certificates::CertificateFiles;
pub use error::{LoadError, Notice};
pub use reloader::{Reloadable, Reloader};
pub use watch::Watch;

#[cfg(test)]
mod tests;
