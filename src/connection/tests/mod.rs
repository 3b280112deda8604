//! The flows through real, protected records: what each state takes and what
//! it refuses, with the alert that leaves.

mod admission;
mod again;
mod alter;
mod bindings;
mod client_early;
mod closing;
mod closing12;
mod ear;
mod early;
mod extensions;
mod faults;
mod faults12;
mod halves;
mod kit;
mod kit12;
mod matrix;
mod matrix12;
mod near;
mod negotiation;
mod negotiation12;
mod noise;
mod noise12;
mod places;
mod places12;
mod pre_shared;
mod preferences;
mod questions;
mod questions12;
mod renegotiation;
mod requirements;
mod resumption;
mod resumption12;
mod retry;
mod server_early;
mod splits;
mod splits12;
#[cfg(feature = "static-rsa")]
mod static_rsa;
mod stores;
mod stores12;
mod stores_early;
mod ticket_request;
mod tls12;
mod updates;
