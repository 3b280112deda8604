//! The handshake: one file for each flow, and what the flows share.

pub(crate) mod auth;
pub(crate) mod client;
pub(crate) mod client12;
pub(crate) mod client13;
pub(crate) mod context;
pub(crate) mod early;
pub(crate) mod flight12;
pub(crate) mod flight2;
pub(crate) mod negotiate;
pub(crate) mod post;
pub(crate) mod pre_shared;
mod resume;
pub(crate) mod resumed12;
pub(crate) mod retry;
pub(crate) mod server;
pub(crate) mod server12;
pub(crate) mod server13;
