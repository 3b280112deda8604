//! The house keeps its floors: a file imports only from floors below its own,
//! and on its own floor only from what stands before it in the list.
//!
//! The sources are read as text. What only tests compile may import anything.

#[path = "floors/sources.rs"]
mod sources;

use sources::{Crate, Sources, Target, read};
use std::collections::BTreeMap;
use std::path::Path;

/// A floor, or a wing of one: two with the same number do not know each other.
struct Floor(u8, &'static [&'static str]);

/// The house, from the ground up. A `mod.rs` that only declares and re-exports
/// stands behind what it shows; one that holds a narrow type, before.
#[rustfmt::skip]
const HOUSE: &[Floor] = &[
    Floor(0, &["said.rs", "alert.rs", "fault.rs", "limits.rs", "observe.rs"]),
    Floor(1, &[
        "wire/reader.rs", "wire/writer.rs", "wire/list.rs", "wire/codepoints.rs", "wire/codec.rs",
        "wire/extensions.rs", "wire/extension_data.rs", "wire/hello.rs", "wire/certificate.rs",
        "wire/exchange12.rs", "wire/post.rs", "wire/handshake.rs", "wire/mod.rs",
    ]),
    Floor(2, &[
        "crypto/mod.rs", "crypto/source.rs", "crypto/suite.rs", "crypto/secret.rs", "crypto/lent.rs", "crypto/kdf.rs",
        "crypto/aead.rs", "crypto/kem.rs", "crypto/agree.rs", "crypto/der.rs", "crypto/pss.rs", "crypto/verify.rs", "crypto/sign.rs",
        "crypto/ticket.rs", "crypto/rsa_exchange.rs",
    ]),
    Floor(3, &[
        "record/header.rs", "record/spare.rs", "record/looks.rs", "record/inbox.rs", "record/outbox.rs",
        "record/join.rs", "record/reading.rs", "record/writing.rs", "record/mod.rs",
    ]),
    Floor(3, &[
        "pki/remembered.rs", "pki/budget.rs", "pki/time.rs", "pki/words.rs", "pki/dn.rs", "pki/name.rs",
        "pki/constraints.rs", "pki/extensions.rs", "pki/opinion.rs", "pki/certificate.rs", "pki/own.rs", "pki/sent.rs",
        "pki/crl.rs", "pki/ocsp.rs", "pki/revocation.rs", "pki/policy.rs", "pki/pem.rs", "pki/rules.rs",
        "pki/roots.rs", "pki/suffix.rs", "pki/inquiry.rs", "pki/checks.rs", "pki/policies.rs",
        "pki/signer.rs", "pki/listed.rs", "pki/stapled.rs", "pki/status.rs", "pki/judge.rs", "pki/chain.rs",
        "pki/story.rs", "pki/hint.rs", "pki/report.rs", "pki/json.rs", "pki/verifier.rs", "pki/mod.rs",
    ]),
    Floor(4, &["schedule/mod.rs", "schedule/transcript.rs", "schedule/tls13.rs", "schedule/tls13/psk.rs", "schedule/tls12.rs"]),
    Floor(5, &[
        "error.rs", "early.rs", "identity.rs", "identities.rs", "info.rs",
        "session/psk.rs", "session/peer.rs", "session/replays.rs", "session/ticket.rs", "session/keys.rs", "session/store.rs",
        "session/export.rs", "session/keeper.rs", "session/cache.rs", "session/queue.rs", "session/by_id.rs", "session/mod.rs",
        "config/live.rs", "config/judge.rs", "config/common.rs", "config/again.rs", "config/client.rs", "config/server.rs", "config/mod.rs", "question.rs", "offer.rs",
        "handshake/context.rs", "handshake/negotiate.rs", "handshake/auth.rs", "handshake/pre_shared.rs", "handshake/retry.rs",
        "handshake/resume.rs", "handshake/early.rs", "handshake/resumed12.rs",
        "handshake/client13.rs", "handshake/client12.rs", "handshake/client.rs",
        "handshake/flight2.rs", "handshake/server13.rs", "handshake/flight12.rs", "handshake/server12.rs", "handshake/server.rs",
        "handshake/post.rs", "handshake/mod.rs",
    ]),
    Floor(6, &[
        "connection/event.rs", "connection/binding.rs", "connection/sending.rs", "connection/receiving.rs", "connection/flow.rs",
        "connection/split.rs", "connection/mod.rs", "connection/choosing.rs", "connection/exporting.rs", "connection/early.rs",
    ]),
    Floor(IO, &[
        "io/error.rs", "io/transport.rs", "io/split.rs", "io/stream.rs", "io/early_reader.rs", "io/early_writer.rs", "io/deadline.rs",
        "io/tokio/wake.rs", "io/tokio/resting.rs", "io/tokio/transport.rs", "io/tokio/shared.rs",
        "io/tokio/split.rs", "io/tokio/stream.rs", "io/tokio/early_reader.rs", "io/tokio/early_writer.rs", "io/tokio/close.rs", "io/tokio/handshake.rs",
        "io/tokio/connector.rs", "io/tokio/acceptor.rs", "io/tokio/mod.rs", "io/keylog.rs", "io/mod.rs",
        "connectors/connect_info.rs", "connectors/hyper.rs", "connectors/axum.rs", "connectors/tonic.rs", "connectors/mod.rs",
    ]),
    Floor(IO, &[
        "reload/error.rs", "reload/files.rs", "reload/kept.rs", "reload/entry.rs", "reload/directory.rs",
        "reload/certificates.rs", "reload/roots.rs", "reload/reloader.rs", "reload/watch.rs", "reload/mod.rs",
    ]),
    Floor(IO, &["stores.rs"]),
    Floor(IO, &[
        "fleet/notice.rs", "fleet/desk.rs", "fleet/store.rs", "fleet/register.rs", "fleet/generations.rs",
        "fleet/worker.rs", "fleet/handle.rs", "fleet/settings.rs", "fleet/mod.rs",
    ]),
    Floor(8, &["lib.rs"]),
];

/// Here the system's own files and sockets are used; below, nothing is.
const IO: u8 = 7;

/// The command line tool stands on the library's public names, above all of it.
const TOOL: &str = "bin/";

/// Lines of a file, and of one that only tests compile.
const LINES: (usize, usize) = (600, 700);

/// Sources of cryptography: to be named in `crypto/` alone. `subtle` is one:
/// comparing in constant time is the business of whoever holds the secret.
/// `zeroize` is none: it only wipes.
#[rustfmt::skip]
const CRYPTOGRAPHY: [&str; 19] = [
    "ring", "ml_kem", "rsa", "subtle", "graviola", "aws_lc_rs", "openssl", "p256", "p384", "ed25519_dalek",
    "x25519_dalek", "sha2", "hmac", "hkdf", "aes_gcm", "chacha20poly1305", "libcrux_ml_kem", "rand", "getrandom",
];

/// Modules of the standard library that reach outside of the process's memory.
const OUTSIDE: [&str; 6] = ["io", "net", "fs", "env", "process", "thread"];

fn place(file: &str) -> Option<(usize, u8, usize)> {
    if file.starts_with(TOOL) {
        return Some((HOUSE.len(), u8::MAX, 0));
    }
    HOUSE.iter().enumerate().find_map(|(wing, Floor(number, files))| {
        files.iter().position(|known| *known == file).map(|position| (wing, *number, position))
    })
}

/// All that breaks a rule, a sentence each.
fn violations(sources: &Sources) -> Vec<String> {
    let library = read(sources, "lib.rs", None);
    let mut found = Vec::new();
    for path in sources.keys() {
        let root = path.starts_with(TOOL) && path.ends_with("main.rs");
        if root {
            check(&read(sources, path, Some(&library)), &mut found);
        } else if !path.starts_with(TOOL) && !library.files.contains_key(path) {
            found.push(format!("{path}: no `mod` line leads to it"));
        }
    }
    check(&library, &mut found);
    found
}

fn check(krate: &Crate, found: &mut Vec<String>) {
    for (path, file) in &krate.files {
        let most = if file.test || path.ends_with("tests.rs") { LINES.1 } else { LINES.0 };
        if file.lines > most {
            found.push(format!("{path}: {} lines, at most {most}", file.lines));
        }
        if file.says_unsafe {
            found.push(format!("{path}: unsafe"));
        }
        if file.includes {
            found.push(format!("{path}: includes a file that `mod` does not name"));
        }
        if file.test {
            continue;
        }
        let Some(own) = place(path) else {
            found.push(format!("{path}: the house does not know this file: give it a place in the list"));
            continue;
        };
        for (target, written) in &file.imports {
            if let Some(why) = forbidden(path, own, target) {
                found.push(format!("{path}: `{written}` {why}"));
            }
        }
    }
    cycles(krate, found);
}

fn forbidden(path: &str, (wing, number, position): (usize, u8, usize), target: &Target) -> Option<String> {
    match target {
        Target::File(file) if path.starts_with(TOOL) && file.starts_with(TOOL) => None,
        Target::File(file) => {
            let (other_wing, other_number, other_position) = place(file)?;
            if other_number < number || (other_wing == wing && other_position < position) {
                return None;
            }
            Some(match other_wing == wing {
                true => format!("leads to {file}, which stands later on the same floor"),
                false => format!("leads to {file}, on floor {other_number}: not below floor {number}"),
            })
        }
        Target::Foreign(name, _) if CRYPTOGRAPHY.contains(&name.as_str()) && !path.starts_with("crypto/") => {
            Some(format!("names {name}, a source of cryptography, outside of crypto/"))
        }
        Target::Foreign(name, _) if name == "x509_parser" && !path.starts_with("pki/") => {
            Some("names x509_parser outside of pki/".to_owned())
        }
        Target::Foreign(name, _) if name == "rustls_pemfile" && path != "pki/pem.rs" => {
            Some("names rustls_pemfile outside of pki/pem.rs".to_owned())
        }
        Target::Foreign(name, module)
            if matches!(name.as_str(), "std" | "core")
                && OUTSIDE.contains(&module.as_str())
                && number < IO =>
        {
            Some(format!("names std::{module} below floor {IO}"))
        }
        Target::Foreign(..) => None,
        Target::Unknown(name) => Some(format!("cannot be followed: {name}")),
    }
}

/// Walks depth first; a file that is met again while it is open closes a cycle.
fn cycles(krate: &Crate, found: &mut Vec<String>) {
    fn visit<'a>(
        krate: &'a Crate,
        path: &'a str,
        open: &mut Vec<&'a str>,
        done: &mut BTreeMap<&'a str, ()>,
        found: &mut Vec<String>,
    ) {
        if let Some(from) = open.iter().position(|other| *other == path) {
            let mut cycle = open[from..].to_vec();
            let first = (0..cycle.len()).min_by_key(|i| cycle[*i]).unwrap_or(0);
            cycle.rotate_left(first);
            found.push(format!("a cycle: {} -> {}", cycle.join(" -> "), cycle[0]));
            return;
        }
        let Some(file) = krate.files.get(path).filter(|file| !file.test && !done.contains_key(path)) else {
            return;
        };
        open.push(path);
        for target in file.imports.keys() {
            if let Target::File(next) = target {
                visit(krate, next, open, done, found);
            }
        }
        open.pop();
        done.insert(path, ());
    }
    let mut done = BTreeMap::new();
    for path in krate.files.keys() {
        visit(krate, path, &mut Vec::new(), &mut done, found);
    }
}

fn load(folder: &Path, below: &str, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            load(&entry.path(), &format!("{name}/"), sources);
        } else if name.ends_with(".rs") {
            sources.insert(name, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn house() -> Sources {
    let mut sources = Sources::new();
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    sources
}

#[test]
fn the_house_stands() {
    let found = violations(&house());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Each rule broken on purpose, in the house as it is: the checker sees what it
/// did not see before, and nothing but that.
#[test]
fn planted_violations_are_seen() {
    let house = house();
    let before = violations(&house);
    let plant = |file: &str, code: &str, words: &str| {
        let mut sources = house.clone();
        sources.entry(file.to_owned()).or_default().push_str(code);
        let mut found = violations(&sources);
        found.retain(|violation| !before.contains(violation));
        assert!(
            found.iter().any(|violation| violation.contains(words)),
            "{code:?} in {file} must give {words:?}, gave {found:?}"
        );
    };
    let long = |lines| "\n".repeat(lines);

    // Upward, by each way of writing it.
    let up = "leads to record/reading.rs, on floor 3: not below floor 1";
    plant("wire/reader.rs", "use crate::record::Reading;", up);
    plant("wire/reader.rs", "use crate::record::{Incoming as I};", up);
    plant("wire/reader.rs", "use crate::{alert, record::{self, Reading as R}};", up);
    plant("wire/reader.rs", "use super::super::record::Reading;", up);
    plant("wire/reader.rs", "fn f(_: &crate::record::Reading) {}", up);
    plant("wire/reader.rs", "fn f() { use crate::record; record::Reading::new(); }", up);
    plant("wire/reader.rs", "mod inner { use super::super::super::record::Reading; }", up);
    plant("wire/reader.rs", "macro_rules! m { () => { crate::record::Reading } }", up);
    plant("wire/codepoints.rs", "pub use crate::record::Reading;", up);
    plant("fault.rs", "use crate::Connection;", "leads to connection/mod.rs, on floor 6: not below floor 0");
    plant("limits.rs", "use crate::wire::CipherSuite;", "leads to wire/codepoints.rs");
    // The wings of floor 3.
    plant("record/inbox.rs", "use crate::pki::Roots;", "on floor 3: not below floor 3");
    plant(
        "pki/mod.rs",
        "use crate::record::RecordEnd;",
        "leads to record/join.rs, on floor 3: not below floor 3",
    );
    // On the same floor.
    plant("alert.rs", "use crate::fault::Fault;", "leads to fault.rs, which stands later on the same floor");
    plant(
        "schedule/transcript.rs",
        "use super::tls13::EarlySecret;",
        "leads to schedule/tls13.rs, which stands later",
    );
    plant(
        "handshake/client13.rs",
        "use super::server13;",
        "leads to handshake/server13.rs, which stands later",
    );
    // Cycles, also through a re-export and among the tool's own files.
    plant("alert.rs", "use crate::fault::Fault;", "a cycle: alert.rs -> fault.rs -> alert.rs");
    plant(
        "record/spare.rs",
        "use super::Room;",
        "a cycle: record/inbox.rs -> record/spare.rs -> record/inbox.rs",
    );
    let mut tool = house.clone();
    tool.insert("bin/x/main.rs".into(), "mod a; mod b; use handfast::Connection;".into());
    tool.insert("bin/x/a.rs".into(), "use crate::b::B; pub struct A;".into());
    tool.insert("bin/x/b.rs".into(), "use super::a::A; use std::net::TcpStream; pub struct B;".into());
    let mut found = violations(&tool);
    found.retain(|violation| !before.contains(violation));
    assert_eq!(found, ["a cycle: bin/x/a.rs -> bin/x/b.rs -> bin/x/a.rs"]);
    // Other crates.
    for (file, code, words) in [
        ("record/inbox.rs", "use ring::aead::Nonce;", "names ring"),
        ("handshake/auth.rs", "fn f() { ring::rand::SystemRandom::new(); }", "names ring"),
        ("config/common.rs", "use subtle::ConstantTimeEq;", "names subtle"),
        ("schedule/tls13.rs", "use ml_kem::MlKem768;", "names ml_kem"),
        ("connection/flow.rs", "use graviola::aead::AesGcm;", "names graviola"),
        ("record/outbox.rs", "use aws_lc_rs::aead;", "names aws_lc_rs"),
        ("handshake/server.rs", "use {rsa as other};", "names rsa"),
        ("config/common.rs", "use x509_parser::prelude::*;", "names x509_parser"),
        ("config/common.rs", "fn f() { rustls_pemfile::certs(&mut &b\"\"[..]); }", "names rustls_pemfile"),
        ("connection/flow.rs", "use std::net::TcpStream;", "names std::net"),
        ("connection/flow.rs", "use std::{fmt, io::{self, Read}};", "names std::io"),
        ("wire/reader.rs", "fn f() -> ::std::io::Result<()> { Ok(()) }", "names std::io"),
        ("config/common.rs", "fn f() { let _ = std::env::var(\"SSLKEYLOGFILE\"); }", "names std::env"),
    ] {
        plant(file, code, words);
    }
    // A source of cryptography handed on by crypto/ is seen where it arrives.
    let mut handed = house.clone();
    handed.entry("crypto/mod.rs".into()).or_default().push_str("pub(crate) use ring as hidden;");
    handed.entry("config/common.rs".into()).or_default().push_str("use crate::crypto::hidden::digest;");
    assert!(violations(&handed).iter().any(|violation| violation.contains("names ring")));

    plant("wire/reader.rs", "fn f() { unsafe {} }", "wire/reader.rs: unsafe");
    plant("wire/reader.rs", "include!(\"other.rs\");", "includes a file");
    plant("wire/reader.rs", "#[path = \"other.rs\"] mod other;", "includes a file");
    plant("wire/post.rs", &long(601), "lines, at most 600");
    plant("record/inbox/tests.rs", &long(701), "lines, at most 700");
    plant("crypto/extra.rs", "", "crypto/extra.rs: no `mod` line leads to it");
    plant("wire/reader.rs", "use crate::nowhere::Thing;", "cannot be followed");
    let mut new = house.clone();
    new.entry("lib.rs".into()).or_default().push_str("mod attic;");
    new.insert("attic.rs".into(), String::new());
    assert!(
        violations(&new)
            .iter()
            .any(|violation| violation.contains("attic.rs: the house does not know this file"))
    );

    // What is none: comments, strings, tests, names that look alike.
    let mut quiet = house.clone();
    quiet.entry("wire/reader.rs".into()).or_default().push_str(
        "// use crate::record::Reading;\n/* use ring; /* nested */ */\nconst A: &str = \"use ring::aead;\";\n\
         const B: &str = r#\"unsafe \" crate::record::X\"#; const C: char = '\"'; const D: u8 = b'\\'';\n\
         #[cfg(test)]\nmod tests { use crate::record::Reading; use ring::digest; }\n\
         #[cfg(any(test, fuzzing))]\nfn f() { std::io::stdout(); }\nfn lifetimes<'a>(ring: &'a str) -> &'a str { ring }\n",
    );
    assert_eq!(violations(&quiet), before);
}
