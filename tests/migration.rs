//! docs/from-rustls.md, kept true: one program over rustls and over this crate,
//! which say the same to each other and to themselves, few lines apart.

#[path = "support/folder.rs"]
mod folder;
#[path = "migration/with_handfast.rs"]
mod with_handfast;
#[path = "migration/with_rustls.rs"]
mod with_rustls;

use folder::Folder;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::TcpListener;
use std::thread;

/// What the page promises.
const CHANGED_LINES: usize = 12;

/// An authority, and a certificate that it issued for `lines.example`.
fn files() -> Folder {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["lines.example".to_owned()]).unwrap();
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&key, &authority).unwrap();
    let folder = Folder::new();
    folder.file("ca.pem", authority.pem());
    folder.file("chain.pem", leaf.pem());
    folder.file("key.pem", key.serialize_pem());
    folder
}

/// Every pair of the two programs talks.
#[test]
fn both_programs_say_the_same() {
    let folder = files();
    let [ca, chain, key] = ["ca.pem", "chain.pem", "key.pem"].map(|name| folder.path().join(name));
    macro_rules! talk {
        ($client:ident, $server:ident) => {{
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let config = $server::server_config(&chain, &key).unwrap();
            let server = thread::spawn(move || $server::serve(&config, &listener));
            let answer =
                $client::ask(&$client::client_config(&ca).unwrap(), address, &["one", "two"]).unwrap();
            assert_eq!(answer, "ONE\nTWO\n", "{} to {}", stringify!($client), stringify!($server));
            server.join().unwrap().unwrap();
        }};
    }
    talk!(with_rustls, with_rustls);
    talk!(with_rustls, with_handfast);
    talk!(with_handfast, with_rustls);
    talk!(with_handfast, with_handfast);
}

/// Lines of `old` that are not, in their order, in `new`: those of the longest
/// common subsequence stay.
fn changed(old: &str, new: &str) -> usize {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let mut common = vec![0; new.len() + 1];
    for line in &old {
        let mut diagonal = 0;
        for (column, other) in new.iter().enumerate() {
            let above = common[column + 1];
            common[column + 1] = if line == other { diagonal + 1 } else { above.max(common[column]) };
            diagonal = above;
        }
    }
    old.len() - common[new.len()]
}

#[test]
fn few_lines_change() {
    assert_eq!(changed("a\nb\nc", "a\nx\nc"), 1);
    assert_eq!(changed("a\nb\nc\nd", "b\nd\ne"), 2);
    let (old, new) = (include_str!("migration/with_rustls.rs"), include_str!("migration/with_handfast.rs"));
    assert!(old.lines().count() >= 60);
    let changed = changed(old, new);
    assert!(changed <= CHANGED_LINES, "{changed} of {} lines", old.lines().count());
    assert!(!new.contains("rustls"));
}
