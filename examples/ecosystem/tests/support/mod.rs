//! What the tests of the examples share.

#![allow(dead_code, unused_imports)] // each test takes what it needs

#[path = "../../../../tests/web/certificates.rs"]
mod certificates;
#[path = "../../../../tests/support/folder.rs"]
mod folder;
#[path = "../../../../tests/interop/program.rs"]
mod program;

pub(crate) use certificates::{AUTHORITY, Authority, Leaf};
pub(crate) use folder::Folder;
pub(crate) use libtest_mimic::Failed;
pub(crate) use program::{PATIENCE, Program, Words, find, on_free_port};

use std::path::PathBuf;
use std::process::Command;

/// Where these programs are. If one is missing, that is said, and the test has
/// nothing to do; with `HANDFAST_REQUIRE_PEERS=1` it fails.
pub(crate) fn peers<const N: usize>(names: [&str; N]) -> Option<[PathBuf; N]> {
    let found = names.map(find);
    let missing: Vec<_> = names.iter().zip(&found).filter(|(_, path)| path.is_none()).map(|(n, _)| *n).collect();
    if !missing.is_empty() {
        missing_peer(&missing.join(", "));
    }
    missing.is_empty().then(|| found.map(Option::unwrap))
}

/// Says that something is missing, or fails where nothing may be.
pub(crate) fn missing_peer(what: &str) {
    let required = std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{what}: not there, and HANDFAST_REQUIRE_PEERS=1");
    eprintln!("SKIPPED: {what}: not there");
}

/// Runs a command to its end, which must be a good one; gives what it wrote.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{command:?}: {}\n{out}\n{err}", ran.status);
    out.into_owned()
}
