//! Directories of certificates, found by the name that a client wants.

use crate::kit::{Authority, Scratch, kept, leaf, only, reloader, shown};
use handfast::reload::{CertificateFiles, LoadError, Notice};

fn all(scratch: &Scratch) -> CertificateFiles {
    CertificateFiles::directory(scratch.as_ref())
}

#[test]
fn each_layout_is_found_by_name() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let layouts = [
        ("a.example", "a.example/fullchain.pem", "a.example/privkey.pem"),
        ("b.example", "b.example/tls.crt", "b.example/tls.key"),
        ("c.example", "c.example.pem", "c.example.key"),
        ("d.example", "d.example.crt", "d.example.key"),
        ("e.example", "e.example.pem", "e.example-key.pem"),
        ("f.example", "f.example.pem", "f.example.pem"),
    ];
    let mut pairs = Vec::new();
    for (name, chain, key) in layouts {
        let pair = authority.issue(&[name]);
        scratch.write(key, &pair.key);
        scratch.write(
            chain,
            &if key == chain { format!("{}{}", pair.chain, pair.key) } else { pair.chain.clone() },
        );
        pairs.push(pair);
    }
    scratch.write("README", "This directory contains your keys and certificates.");
    scratch.write(".hidden/fullchain.pem", "");
    let mut reloader = reloader(all(&scratch)).unwrap();
    let notices = reloader.check();
    assert!(notices.iter().all(|notice| matches!(notice, Notice::Taken { .. })), "{notices:?}");
    assert_eq!(notices.len(), layouts.len());
    for ((name, ..), pair) in layouts.iter().zip(&pairs) {
        assert_eq!(shown(&reloader, name), leaf(pair), "{name}");
    }
    // Whoever wants none of them gets the first.
    assert_eq!(shown(&reloader, "other.example"), leaf(&pairs[0]));
}

#[test]
fn a_bad_one_is_left_out_by_name_and_the_others_serve() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let [a, b] = ["a.example", "b.example"].map(|name| authority.issue(&[name]));
    scratch.write("a/fullchain.pem", &a.chain);
    scratch.write("a/privkey.pem", &a.key);
    scratch.write("b/fullchain.pem", &b.chain);
    scratch.write("b/privkey.pem", &a.key);
    scratch.write("c/chain.pem", &authority.intermediate);
    scratch.write("d.key", &a.key);
    scratch.write("e.pem", &a.chain);
    let mut reloader = reloader(all(&scratch)).unwrap();
    let said: Vec<_> = reloader.check().iter().map(|notice| notice.to_string()).collect();
    assert_eq!(said.len(), 5, "{said:?}");
    for (said, [file, words]) in said.iter().zip([
        ["a/privkey.pem", "is in force"],
        ["b/fullchain.pem", "the private key does not belong"],
        ["/c", "has neither fullchain.pem with privkey.pem nor"],
        ["d.key", "has no certificate beside it"],
        ["e.pem", "no private key found: the file contains 2 CERTIFICATE"],
    ]) {
        assert!(said.contains(file) && said.contains(words), "{said}");
    }
    assert_eq!(shown(&reloader, "b.example"), leaf(&a));
    scratch.write("b/privkey.pem", &b.key);
    assert!(
        reloader
            .check()
            .iter()
            .any(|notice| matches!(notice, Notice::Taken { what, .. } if what.contains("b/")))
    );
    assert_eq!(shown(&reloader, "b.example"), leaf(&b));
}

#[test]
fn what_comes_and_goes_is_taken_and_given_up() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let [a, b, renewed] = ["a.example", "b.example", "a.example"].map(|name| authority.issue(&[name]));
    scratch.write("a.key", &a.key);
    scratch.write("a.pem", &a.chain);
    let mut reloader = reloader(all(&scratch)).unwrap();
    reloader.check();
    scratch.write("b.key", &b.key);
    scratch.write("b.pem", &b.chain);
    assert!(matches!(only(reloader.check()), Notice::Taken { .. }));
    assert_eq!(shown(&reloader, "b.example"), leaf(&b));
    // One is bad: the other is renewed all the same.
    scratch.write("b.pem", "");
    scratch.write("a.key", &renewed.key);
    scratch.write("a.pem", &renewed.chain);
    let notices = reloader.check();
    assert!(matches!(&notices[..], [Notice::Taken { .. }, Notice::Kept { .. }]), "{notices:?}");
    assert_eq!(shown(&reloader, "a.example"), leaf(&renewed));
    assert_eq!(shown(&reloader, "b.example"), leaf(&b));
    scratch.remove("b.pem");
    scratch.remove("b.key");
    assert!(matches!(only(reloader.check()), Notice::Removed { what } if what.contains("b.pem")));
    assert_eq!(shown(&reloader, "b.example"), leaf(&renewed));
    // Another name for the same.
    std::fs::rename(scratch.path("a.pem"), scratch.path("z.pem")).unwrap();
    std::fs::rename(scratch.path("a.key"), scratch.path("z.key")).unwrap();
    let notices = reloader.check();
    assert!(matches!(&notices[..], [Notice::Taken { .. }, Notice::Removed { .. }]), "{notices:?}");
    assert_eq!(shown(&reloader, "a.example"), leaf(&renewed));
}

#[test]
fn nobody_is_left_without_a_certificate() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let a = authority.issue(&["a.example"]);
    let live = scratch.path("live");
    let files = || CertificateFiles::directory(&live);
    assert!(matches!(reloader(files()), Err(LoadError::Unreadable { .. })));
    std::fs::create_dir(&live).unwrap();
    let error = reloader(files()).err().unwrap();
    assert!(
        error.to_string().contains("has no certificate that can be used: expected are NAME/fullchain.pem")
    );
    scratch.write("live/a.key", &a.key);
    scratch.write("live/a.pem", &a.chain);
    let mut reloader = reloader(files()).unwrap();
    reloader.check();
    scratch.remove("live");
    assert!(kept(reloader.check()).contains("cannot read "));
    std::fs::create_dir(&live).unwrap();
    assert!(kept(reloader.check()).contains("has no certificate that can be used"));
    assert_eq!(shown(&reloader, "a.example"), leaf(&a));
    scratch.write("live/a.key", &a.key);
    scratch.write("live/a.pem", &a.chain);
    assert!(reloader.check().is_empty());
}

#[test]
fn a_directory_stands_beside_others() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let [a, b] = ["a.example", "b.example"].map(|name| authority.issue(&[name]));
    scratch.write_pair(&a);
    scratch.write("live/b.pem", &format!("{}{}", b.chain, b.key));
    let files = scratch.pair().and(CertificateFiles::directory(scratch.path("live")));
    let reloader = reloader(files).unwrap();
    assert_eq!(shown(&reloader, "b.example"), leaf(&b));
    assert_eq!(shown(&reloader, "other.example"), leaf(&a));
}
