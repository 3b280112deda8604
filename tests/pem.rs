//! `src/pki/pem.rs` reads with rustls-pemfile, whose repository is archived
//! (RUSTSEC-2025-0134). `rustls_pki_types::pem`, which goes on, finds the same in every
//! PEM of the tests and of the fuzzers' corpus, and in what mutations make of them:
//! the one can take the other's place.
//!
//! They are not to agree where `pki/pem.rs` says more than a reader of PEM: a file
//! that is DER is taken, and a key that is encrypted is said to be. Each of these
//! differences is told here.

use handfast::pki::{self, Crl, PemError};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::path::Path;

const BEGIN: &[u8] = b"-----BEGIN ";

/// Every file of the tests that has a section, whatever else it has: of a Rust file
/// that quotes PEM both must make the same, too.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["tests", "test-vectors", "fuzz/corpus", "fuzz/fixtures", "src", "README.md", "docs"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    assert!(found.len() >= 6, "{:?}", found.keys());
    found
}

fn collect(path: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), found);
        }
        return;
    }
    let octets = std::fs::read(path).unwrap();
    if octets.windows(BEGIN.len()).any(|window| window == BEGIN) {
        found.insert(path.display().to_string(), octets);
    }
}

/// What there is to be found in them beside that: each kind of section, alone and
/// together, with the line ends of each system, and cut.
fn made() -> Vec<(String, Vec<u8>)> {
    let key = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap();
    let section = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n");
    let rsa = include_str!("../test-vectors/keys/rsa-2048.pkcs8.pem");
    let parts = [
        key.cert.pem(),
        key.signing_key.serialize_pem(),
        rsa.to_owned(),
        section("X509 CRL", "MAA=\n"),
        section("RSA PRIVATE KEY", "MAA=\n"),
        section("EC PRIVATE KEY", "MAA=\n"),
        section("EC PARAMETERS", "BggqhkjOPQMBBw==\n"),
        section("CERTIFICATE", ""),
        section("CERTIFICATE", "not base64!\n"),
        section("TRUSTED CERTIFICATE", "MAA=\n"),
        section("ENCRYPTED PRIVATE KEY", "MAA=\n"),
        section("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n"),
        "words between\n".to_owned(),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END PRIVATE KEY-----\n".to_owned(),
        "-----BEGIN CERTIFICATE----\nMAA=\n-----END CERTIFICATE-----\n".to_owned(),
    ];
    let mut made = Vec::new();
    for (first, one) in parts.iter().enumerate() {
        for (second, other) in parts.iter().enumerate() {
            let both = format!("{one}{other}");
            for (how, text) in [
                ("", both.clone()),
                (" \\r\\n", both.replace('\n', "\r\n")),
                (" \\r", both.replace('\n', "\r")),
                (" indented", both.replace('\n', "\n ")),
                (" cut", both[..both.len() - both.len() / 5].to_owned()),
            ] {
                made.push((format!("{first} and {second}{how}"), text.into_bytes()));
            }
        }
    }
    made
}

/// One thing of each kind, or why there is none.
#[derive(Debug, PartialEq)]
enum Found<T> {
    Such(T),
    Missing,
    Malformed,
}

fn ours<T>(result: Result<T, PemError>) -> Found<T> {
    match result {
        Ok(found) => Found::Such(found),
        Err(PemError::Missing { .. }) => Found::Missing,
        Err(PemError::Malformed { .. }) => Found::Malformed,
        Err(other) => panic!("{other}"),
    }
}

fn theirs<T>(found: Result<Vec<T>, pem::Error>) -> Found<Vec<T>> {
    match found {
        Ok(list) if list.is_empty() => Found::Missing,
        Ok(list) => Found::Such(list),
        Err(_) => Found::Malformed,
    }
}

/// Whether the first section of a private key is encrypted, by its label or by the
/// header of RFC 1421: this crate says so, and a reader of PEM passes over it or fails.
fn says_encrypted(file: &[u8]) -> bool {
    pki::private_key(file) == Err(PemError::Encrypted)
}

fn agree(what: &str, file: &[u8]) {
    let certificates = CertificateDer::pem_slice_iter(file).collect::<Result<Vec<_>, _>>();
    assert_eq!(ours(pki::certificates(file)), theirs(certificates), "{what}: certificates");

    if says_encrypted(file) {
        assert!(file.windows(9).any(|word| word == b"ENCRYPTED"), "{what}");
    } else {
        // This crate reads the file to its end, and takes the first.
        let keys = theirs(PrivateKeyDer::pem_slice_iter(file).collect::<Result<Vec<_>, _>>());
        let first = match keys {
            Found::Such(mut keys) => Found::Such(keys.remove(0)),
            Found::Missing => Found::Missing,
            Found::Malformed => Found::Malformed,
        };
        assert_eq!(ours(pki::private_key(file)), first, "{what}: keys");
    }

    // A list is taken apart at once: what is none is malformed.
    let lists = CertificateRevocationListDer::pem_slice_iter(file).collect::<Result<Vec<_>, _>>();
    let lists = match theirs(lists) {
        Found::Such(lists) => match lists.iter().map(|list| Crl::read(list)).collect::<Result<Vec<_>, _>>() {
            Ok(lists) => Found::Such(lists.len()),
            Err(_) => Found::Malformed,
        },
        Found::Missing => Found::Missing,
        Found::Malformed => Found::Malformed,
    };
    let read = ours(pki::revocation_lists(file).map(|lists| lists.len()));
    assert_eq!(read, lists, "{what}: revocation lists");
}

#[test]
fn both_readers_find_the_same() {
    for (file, octets) in files() {
        agree(&file, &octets);
        // Cut, and with an octet changed, at some fifty places each.
        for at in (0..octets.len()).step_by(1 + octets.len() / 50) {
            agree(&format!("{file}, cut at {at}"), &octets[..at]);
            for with in [b'-', b'\n', b'!', b'='] {
                let mut changed = octets.clone();
                changed[at] = with;
                agree(&format!("{file}, {:?} at {at}", char::from(with)), &changed);
            }
        }
    }
    for (parts, octets) in made() {
        agree(&parts, &octets);
    }
}

/// What this crate says more, and a reader of PEM does not.
#[test]
fn what_is_not_the_readers_stays_this_crates() {
    let labelled = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(says_encrypted(labelled));
    assert!(matches!(PrivateKeyDer::from_pem_slice(labelled), Err(pem::Error::NoItemsFound)));
    let headed =
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
    assert!(says_encrypted(headed));
    assert!(PrivateKeyDer::from_pem_slice(headed).is_err());
    let made = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap();
    assert_eq!(pki::certificates(made.cert.der()).unwrap().len(), 1);
    assert!(CertificateDer::from_pem_slice(made.cert.der()).is_err());
}
