//! What the tests of the examples share, with each other and with those of the library.

#![allow(dead_code, unused_imports)] // each test takes what it needs

#[path = "../../../../tests/web/certificates.rs"]
mod certificates;
#[path = "../../../../tests/support/folder.rs"]
mod folder;
#[path = "../../../../tests/support/peers.rs"]
mod peers;
#[path = "../../../../tests/interop/program.rs"]
mod program;
pub(crate) mod web;

pub(crate) use certificates::{AUTHORITY, Authority, Leaf};
pub(crate) use folder::Folder;
pub(crate) use libtest_mimic::Failed;
pub(crate) use peers::{as_root, missing, peers, run};
pub(crate) use program::{PATIENCE, Program, Words, find, on_free_port};
