//! What a user of the library compiles: how many crates, and none of them twice.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The crates of a build with the feature `tokio`, this one among them, for x86-64
/// Linux. Of the 42, ML-KEM brings 18, the macro of `thiserror` 6, and `arc-swap` itself
/// and one: what it does, readers that never wait for a writer, is `unsafe` where it is
/// written by hand. Another one is worth its reason here.
const MOST_WITH_TOKIO: usize = 42;

/// The same without ML-KEM, which is the only default feature.
const MOST_WITHOUT_DEFAULTS: usize = 22;

/// The same with the feature `redis`: of what it adds, most reads the host names of
/// addresses (`url`).
const MOST_WITH_REDIS: usize = 60;

/// Crates of which two versions are built: ring's and graviola's.
const TWICE: [&str; 1] = ["getrandom"];

/// Name and version of each crate that is compiled, build scripts' own included.
fn crates(arguments: &[&str]) -> BTreeSet<(String, String)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--offline", "--edges", "normal,build"]);
    cargo.args(["--prefix", "none", "--target", "x86_64-unknown-linux-gnu"]).args(arguments);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('['));
    let pairs = lines.filter_map(|line| line.split_once(' '));
    pairs.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap().to_owned())).collect()
}

#[track_caller]
fn at_most(most: usize, found: &BTreeSet<(String, String)>) {
    assert!(found.iter().any(|(name, _)| name == "handfast") && found.iter().any(|(name, _)| name == "ring"));
    assert!(found.len() <= most, "{} crates, at most {most}: {found:#?}", found.len());
}

#[test]
fn a_user_compiles_few_crates_and_none_twice() {
    let with_tokio = crates(&["--features", "tokio"]);
    at_most(MOST_WITH_TOKIO, &with_tokio);
    at_most(MOST_WITHOUT_DEFAULTS, &crates(&["--no-default-features"]));
    at_most(MOST_WITH_REDIS, &crates(&["--no-default-features", "--features", "redis"]));
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for (name, version) in &with_tokio {
        versions.entry(name.as_str()).or_default().push(version);
    }
    let twice: Vec<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    assert_eq!(twice.iter().map(|(name, _)| **name).collect::<Vec<_>>(), TWICE, "{twice:?}");
    for feature_only in ["x509-parser", "clap", "redis", "rsa", "serde"] {
        assert!(!versions.contains_key(feature_only), "{feature_only} is a feature's");
    }
}
