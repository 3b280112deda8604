//! What each side is told before it begins. Nothing here changes while a
//! connection lives: configurations are shared behind an `Arc`.

mod client;
mod common;
mod judge;
mod server;

pub use client::{ClientConfig, ClientOptions};
pub(crate) use common::{Common, Lists};
pub use judge::Judge;
pub use server::{ClientAuth, ServerConfig};
