//! Certificates and roots that are renewed in their files, as an application meets them.

#[path = "reload/directory.rs"]
mod directory;
#[path = "reload/kit.rs"]
mod kit;
#[path = "support/pair.rs"]
#[allow(dead_code)] // others use the rest of it
mod pair;
#[path = "reload/pairs.rs"]
mod pairs;
#[path = "reload/roots.rs"]
mod roots;
#[path = "reload/streams.rs"]
mod streams;
#[path = "reload/watch.rs"]
mod watch;
