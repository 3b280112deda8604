//! Output that cannot be written is no success, of whichever command.

use super::certificates::Authority;
use super::run::{file, folder};
use std::fs::OpenOptions;
use std::process::{Command, Output, Stdio};

/// Runs the tool with its output going there.
fn to(out: impl Into<Stdio>, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    let Output { status, stderr, .. } =
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped()).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// Every way to write something, each of which succeeds where it can be written.
fn each(judge: impl Fn(&[&str])) {
    let root = Authority::root("root");
    let folder = folder("written");
    let chain = file(&folder, "chain.pem", &root.leaf(|_| {}).0);
    let authority = file(&folder, "ca.pem", &root.pem);
    let verify = ["verify", &chain, "--host", "localhost", "--ca", &authority];
    judge(&["explain"]);
    judge(&["explain", "--json"]);
    judge(&verify);
    judge(&[&verify[..], &["--json"]].concat());
    judge(&["--help"]);
    judge(&["help", "verify"]);
    judge(&["get", "--help"]);
    judge(&["serve", "-h"]);
    judge(&["--version"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    each(|arguments| {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, err) = to(full, arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(err.contains("standard output cannot be written: No space left"), "{arguments:?}: {err}");
    });
}

#[test]
fn a_closed_pipe_is_quiet() {
    each(|arguments| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(to(writer, arguments), (Some(141), String::new()), "{arguments:?}");
    });
}

#[test]
fn what_was_found_out_stands() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (code, err) = to(writer, &["explain", "127.0.0.1:1"]);
    assert_eq!(code, Some(6), "{err}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_log_or_a_chain_that_cannot_be_written_is_an_error() {
    for (option, says) in [("--keylog", "the key log could not be written"), ("--save-chain", "/dev/full")] {
        let (code, err) = to(Stdio::null(), &["explain", option, "/dev/full"]);
        assert_eq!(code, Some(2), "{option}: {err}");
        assert!(err.contains(says) && err.contains("No space left"), "{option}: {err}");
    }
}
