//! The traits of hyper-util, axum and tonic, which only this crate or theirs can
//! implement for its types, and what follows from them. A file for each crate, and
//! its types are in no other.

mod connect_info;

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "tonic")]
mod tonic;

#[cfg(feature = "axum")]
pub use self::axum::TlsListener;
#[cfg(feature = "hyper")]
pub use self::hyper::{HttpsConnector, HttpsError, HttpsStream};
pub use connect_info::TlsConnectInfo;
