//! Programs on the other side of an example.

use super::program::find;
use std::path::PathBuf;
use std::process::Command;

/// Where these programs are. If one is missing, that is said, and the test has
/// nothing to do; with `HANDFAST_REQUIRE_PEERS=1` it fails.
pub(crate) fn peers<const N: usize>(names: [&str; N]) -> Option<[PathBuf; N]> {
    let found = names.map(find);
    for (name, path) in names.iter().zip(&found) {
        if path.is_none() {
            missing(name);
            return None;
        }
    }
    Some(found.map(Option::unwrap))
}

/// Says that something is missing, or fails where nothing may be.
pub(crate) fn missing(what: &str) {
    let required = std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{what} is not there, and HANDFAST_REQUIRE_PEERS=1");
    eprintln!("SKIPPED: {what} is not there");
}

/// A command that runs with a superuser's rights, where they can be had unasked.
pub(crate) fn as_root(program: impl AsRef<std::ffi::OsStr>) -> Option<Command> {
    let root = |command: &mut Command| command.output().is_ok_and(|ran| ran.stdout.trim_ascii() == b"0");
    if root(Command::new("id").arg("-u")) {
        return Some(Command::new(program));
    }
    if root(Command::new("sudo").args(["-n", "id", "-u"])) {
        let mut command = Command::new("sudo");
        command.arg("-n").arg(program);
        return Some(command);
    }
    missing("a superuser");
    None
}

/// Runs a command to its end, which must be a good one; gives what it wrote.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{command:?}: {}\n{out}\n{err}", ran.status);
    out.into_owned()
}
