//! One pair: each way to replace it, and each thing that can be wrong with it.

use crate::kit::{Authority, Scratch, kept, leaf, only, reloader, shown};
use handfast::reload::{CertificateFiles, LoadError, Notice, Reloader};
use handfast::{Identity, limits, pki::UnixTime};
use std::time::Duration;

const NAME: &str = "a.example";

#[test]
fn it_is_renewed_however_its_files_are_replaced() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let pairs: Vec<_> = (0..3).map(|_| authority.issue(&[NAME])).collect();
    scratch.write_pair(&pairs[0]);
    let mut reloader = reloader(scratch.pair()).unwrap();
    let said = only(reloader.check()).to_string();
    assert!(
        said.contains("fullchain.pem with ") && said.contains("of CN=a.example, valid until 4096"),
        "{said}"
    );
    assert_eq!(shown(&reloader, NAME), leaf(&pairs[0]));
    assert!(reloader.check().is_empty());

    // Written over.
    scratch.write_pair(&pairs[1]);
    assert!(matches!(only(reloader.check()), Notice::Taken { .. }));
    assert_eq!(shown(&reloader, NAME), leaf(&pairs[1]));

    // Renamed into place, one after the other.
    scratch.rename_in_place("fullchain.pem", &pairs[2].chain);
    let said = kept(reloader.check());
    assert!(said.contains("the private key does not belong"), "{said}");
    assert_eq!(shown(&reloader, NAME), leaf(&pairs[1]), "never a mixed pair");
    scratch.rename_in_place("privkey.pem", &pairs[2].key);
    assert!(matches!(only(reloader.check()), Notice::Taken { .. }));
    assert_eq!(shown(&reloader, NAME), leaf(&pairs[2]));

    // The old key first.
    scratch.rename_in_place("privkey.pem", &pairs[0].key);
    assert!(kept(reloader.check()).contains("does not belong"));
    scratch.rename_in_place("privkey.pem", &pairs[2].key);
    assert!(reloader.check().is_empty(), "what is in force is there again");
}

/// Both behind one link, which turns.
#[cfg(unix)]
#[test]
fn it_is_renewed_behind_a_symbolic_link() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let pairs: Vec<_> = (0..2).map(|_| authority.issue(&[NAME])).collect();
    for (folder, pair) in ["..1", "..2"].iter().zip(&pairs) {
        scratch.write(&format!("{folder}/tls.crt"), &pair.chain);
        scratch.write(&format!("{folder}/tls.key"), &pair.key);
    }
    for (link, target) in [("..data", "..1"), ("tls.crt", "..data/tls.crt"), ("tls.key", "..data/tls.key")] {
        scratch.turn(link, target);
    }
    let mut both = [
        reloader(CertificateFiles::pair(scratch.path("tls.crt"), scratch.path("tls.key"))).unwrap(),
        // A secret is a directory of certificates as well, with one in it.
        reloader(CertificateFiles::directory(scratch.as_ref())).unwrap(),
    ];
    both.iter().for_each(|reloader| assert_eq!(shown(reloader, NAME), leaf(&pairs[0])));
    both.iter_mut().for_each(|reloader| _ = only(reloader.check()));
    scratch.turn("..data", "..2");
    scratch.remove("..1");
    for reloader in &mut both {
        assert!(matches!(only(reloader.check()), Notice::Taken { .. }));
        assert_eq!(shown(reloader, NAME), leaf(&pairs[1]));
    }
}

#[test]
fn chain_and_key_may_be_one_file() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let pair = authority.issue(&[NAME]);
    scratch.write("both.pem", &format!("{}{}", pair.chain, pair.key));
    let files = CertificateFiles::pair(scratch.path("both.pem"), scratch.path("both.pem"));
    assert_eq!(shown(&reloader(files).unwrap(), NAME), leaf(&pair));
}

#[test]
fn what_cannot_serve_is_told_and_the_last_good_one_kept() {
    let (scratch, authority, other) = (Scratch::new(), Authority::new("Test"), Authority::new("Other"));
    let first = authority.issue(&[NAME]);
    scratch.write_pair(&first);
    let mut reloader = reloader(scratch.pair()).unwrap();
    reloader.check();

    let good = authority.issue(&[NAME]);
    let expired = authority.issue_with(&[NAME], |params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    let to_come =
        authority.issue_with(&[NAME], |params| params.not_before = rcgen::date_time_ymd(3000, 1, 2));
    let namesake = Authority::new("Test");
    for (chain, key, words) in [
        (expired.chain.clone(), &expired.key, "of CN=a.example, expired on 2020-01-02 00:00:00 UTC"),
        (to_come.chain.clone(), &to_come.key, "is valid only from 3000-01-02 00:00:00 UTC on"),
        (
            format!("{}{}", good.leaf, other.intermediate),
            &good.key,
            "certificate 2 of the chain is of CN=Other Intermediate, and the one before it was issued by CN=Test Intermediate",
        ),
        (
            format!("{}{}", good.leaf, namesake.intermediate),
            &good.key,
            "has the name of the issuer, CN=Test Intermediate, but its key did not sign",
        ),
        (format!("{}{}{}", authority.intermediate, good.leaf, ""), &good.key, "put the leaf first"),
        (format!("{}{}", good.chain, good.leaf), &good.key, "certificate 3 of the chain is of CN=a.example"),
        (good.chain[..good.chain.len() - 40].to_owned(), &good.key, "the file is malformed: the line "),
        (String::new(), &good.key, "no certificate found: the file contains nothing"),
        (good.chain.clone(), &first.key, "the private key does not belong"),
        (good.chain.clone(), &String::new(), "no private key found"),
        ("x".repeat(limits::FILE_BYTES + 1), &good.key, "has more than 4194304 bytes"),
    ] {
        scratch.write("fullchain.pem", &chain);
        scratch.write("privkey.pem", key);
        let said = kept(reloader.check());
        assert!(said.starts_with("kept what was in force before: ") && said.contains(words), "{said}");
        assert!(said.contains("fullchain.pem"), "{said}");
        assert_eq!(shown(&reloader, NAME), leaf(&first));
        // Whoever starts with it is told the same.
        let error = Reloader::new(crate::kit::server()).certificates(scratch.pair()).err().unwrap();
        assert!(error.to_string().contains(words), "{error}");
    }
    scratch.write("fullchain.pem", &good.chain);
    scratch.remove("privkey.pem");
    assert!(kept(reloader.check()).contains("cannot read "));
    std::fs::create_dir(scratch.path("privkey.pem")).unwrap();
    assert!(kept(reloader.check()).contains("is no regular file"));
    scratch.remove("privkey.pem");
    scratch.write_pair(&good);
    assert!(matches!(only(reloader.check()), Notice::Taken { .. }));
    assert_eq!(shown(&reloader, NAME), leaf(&good));
}

/// A pipe that nobody writes to is not waited for.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_file() {
    let (scratch, pair) = (Scratch::new(), Authority::new("Test").issue(&[NAME]));
    scratch.write_pair(&pair);
    scratch.remove("fullchain.pem");
    let made = std::process::Command::new("mkfifo").arg(scratch.path("fullchain.pem")).status().unwrap();
    assert!(made.success());
    assert!(matches!(reloader(scratch.pair()), Err(LoadError::NotAFile { .. })));
}

/// One that is of tomorrow is taken tomorrow, though its files have not changed.
#[test]
fn the_clock_is_the_configurations() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NOW: AtomicU64 = AtomicU64::new(1_800_000_000);
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let to_come =
        authority.issue_with(&[NAME], |params| params.not_before = rcgen::date_time_ymd(3000, 1, 2));
    let first = authority.issue(&[NAME]);
    scratch.write_pair(&first);
    let clock = || UnixTime::since_unix_epoch(Duration::from_secs(NOW.load(Ordering::Relaxed)));
    let config = handfast::ServerConfig::asking_for_certificates(clock);
    let mut reloader = Reloader::new(config).certificates(scratch.pair()).unwrap();
    reloader.check();
    scratch.write_pair(&to_come);
    assert!(kept(reloader.check()).contains("valid only from"));
    NOW.store(32_503_766_400, Ordering::Relaxed);
    assert!(matches!(only(reloader.check()), Notice::Taken { .. }));
    assert_eq!(shown(&reloader, NAME), leaf(&to_come));
}

#[test]
fn each_identity_is_prepared() {
    let (scratch, pair) = (Scratch::new(), Authority::new("Test").issue(&[NAME]));
    scratch.write_pair(&pair);
    let staple = |identity: Identity| Ok(identity.with_ocsp(b"an OCSPResponse".to_vec()));
    let reloader = reloader(scratch.pair().prepared_by(staple)).unwrap();
    let client = handfast::ClientConfig::new(handfast::Judge::Application, UnixTime::now);
    let (client, _) = crate::pair::connect_to(NAME, client, (*reloader.live().current()).clone());
    assert_eq!(client.info().peer_ocsp.as_deref().map(Vec::as_slice), Some(&b"an OCSPResponse"[..]));
}

/// What grows while it is read is not taken for whole.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_longer_than_it_says_is_told() {
    let (scratch, pair) = (Scratch::new(), Authority::new("Test").issue(&[NAME]));
    scratch.write_pair(&pair);
    let files = CertificateFiles::pair("/proc/self/status", scratch.path("privkey.pem"));
    let error = reloader(files).err().unwrap();
    assert!(matches!(error, LoadError::Changing { .. }), "{error}");
}

/// Whoever looks in the middle of it serves what is whole, and in the end what is there.
#[test]
fn looks_while_somebody_writes() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let pairs: Vec<_> = (0..30).map(|_| authority.issue(&[NAME])).collect();
    scratch.write_pair(&pairs[0]);
    let mut reloader = reloader(scratch.pair()).unwrap();
    let leaves: Vec<_> = pairs.iter().map(leaf).collect();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| pairs.iter().for_each(|pair| scratch.write_pair(pair)));
        while !writer.is_finished() {
            reloader.check();
            assert!(leaves.contains(&shown(&reloader, NAME)));
        }
    });
    reloader.check();
    assert_eq!(shown(&reloader, NAME), leaves[29]);
}
