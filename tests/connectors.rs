//! hyper-util's client, axum's server and tonic's trait over this crate's streams,
//! as their users meet them.

mod connectors {
    pub(crate) mod certificates;
    pub(crate) mod web;

    mod axum;
    mod hyper;
    mod proxy;
    mod tonic;
    mod truncated;
}
