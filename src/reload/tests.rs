//! What a watch sees that looks while others write.

use super::kept::Patience::SeenTwice;
use super::{CertificateFiles, Notice, Reloader};
use crate::config::ServerConfig;
use crate::pki::UnixTime;
use std::fs;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("handfast-unit-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, contents: &str) {
        fs::write(self.0.join(name), contents).unwrap();
    }

    fn write_pair(&self, name: &str, (chain, key): &(String, String)) {
        self.write(&format!("{name}.pem"), chain);
        self.write(&format!("{name}.key"), key);
    }

    fn reloader(&self) -> Reloader<ServerConfig> {
        let config = ServerConfig::asking_for_certificates(UnixTime::now);
        let mut reloader = Reloader::new(config).certificates(CertificateFiles::directory(&self.0)).unwrap();
        reloader.check();
        reloader
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

fn pair(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_change_counts_when_it_was_seen_twice() {
    let folder = Folder::new("twice");
    folder.write_pair("a", &pair("a.example"));
    let mut reloader = folder.reloader();
    let before = reloader.live().current();
    assert!(matches!(&reloader.look(SeenTwice), (none, false) if none.is_empty()));
    let (chain, key) = pair("a.example");
    // A half, then the other one: neither of both states is taken at once, or told.
    for (name, contents) in [("a.pem", &chain), ("a.key", &key)] {
        folder.write(name, contents);
        assert!(matches!(&reloader.look(SeenTwice), (none, true) if none.is_empty()));
    }
    assert!(std::sync::Arc::ptr_eq(&before, &reloader.live().current()));
    let (notices, unsettled) = reloader.look(SeenTwice);
    assert!(matches!(&notices[..], [Notice::Taken { .. }]) && !unsettled, "{notices:?}");
    assert!(!std::sync::Arc::ptr_eq(&before, &reloader.live().current()));
}

#[test]
fn what_stays_wrong_is_told_once() {
    let folder = Folder::new("once");
    folder.write_pair("a", &pair("a.example"));
    let mut reloader = folder.reloader();
    folder.write("a.key", "neither PEM nor DER");
    assert!(reloader.look(SeenTwice).1);
    assert!(matches!(&reloader.look(SeenTwice).0[..], [Notice::Kept { .. }]));
    for _ in 0..3 {
        assert!(matches!(&reloader.look(SeenTwice), (none, false) if none.is_empty()));
    }
    // Somebody asks; and another fault is told again.
    assert!(matches!(&reloader.check()[..], [Notice::Kept { .. }]));
    folder.write("a.key", "");
    assert!(reloader.look(SeenTwice).1);
    assert!(matches!(&reloader.look(SeenTwice).0[..], [Notice::Kept { .. }]));
}

#[test]
fn one_that_is_gone_for_a_moment_is_kept() {
    let folder = Folder::new("gone");
    let (a, b) = (pair("a.example"), pair("b.example"));
    folder.write_pair("a", &a);
    folder.write_pair("b", &b);
    let mut reloader = folder.reloader();
    let remove = || ["b.pem", "b.key"].map(|name| fs::remove_file(folder.0.join(name)).unwrap());
    remove();
    assert!(matches!(&reloader.look(SeenTwice), (none, true) if none.is_empty()));
    folder.write_pair("b", &b);
    assert!(matches!(&reloader.look(SeenTwice), (none, false) if none.is_empty()));
    remove();
    assert!(reloader.look(SeenTwice).1);
    let (notices, unsettled) = reloader.look(SeenTwice);
    assert!(matches!(&notices[..], [Notice::Removed { .. }]) && !unsettled, "{notices:?}");
}
