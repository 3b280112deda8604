//! `--psk`: keys that both sides were given before.

use super::certificates::{Authority, identity};
use super::peers::server;
use super::run::{explain, file, folder};
use handfast::pki::UnixTime;
use handfast::{PreSharedKey, ServerConfig};

const HEX: &str = "00112233445566778899aabbccddeeff";
const KEY: &str = "client-1:00112233445566778899aabbccddeeff";

fn keyed() -> ServerConfig {
    let key = PreSharedKey::external(b"client-1", &hex::decode(HEX).unwrap()).unwrap();
    ServerConfig::new(identity(&Authority::root("root").leaf(|_| {})), UnixTime::now).pre_shared_keys(key)
}

#[test]
fn a_key_stands_for_certificates() {
    let ran = explain(&["--psk", KEY]);
    ran.code(0).says(&[
        "OK: TLS 1.3 with localhost, known by a pre-shared key, one round trip",
        " | 1 pre-shared key, external, client-1",
        "takes pre-shared key 1 of those offered",
        "session     begun with the external key",
        "trust       the server has the pre-shared key client-1, and showed no certificate",
    ]);
    assert!(!ran.out.contains("<-  Certificate ") && !ran.out.contains(HEX) && !ran.err.contains(HEX));
    // What begins so is resumed so.
    explain(&["--psk", KEY, "--resume"]).code(0).says(&["; resumed on a second connection"]);
    let json = explain(&["--psk", KEY, "--json"]).json();
    assert_eq!(json["negotiated"]["session"]["chosen"], "begun with the external key");

    let file =
        file(&folder("psk"), "keys", &format!("other:{}\n\nhex:636c69656e742d31:{HEX}\n", "77".repeat(32)));
    private(&file);
    let peer = server(keyed());
    let ran = explain(&["localhost", "--connect", &peer.at(), "--psk-file", &file]);
    ran.code(0).says(&["2 pre-shared keys", "takes pre-shared key 2", "the pre-shared key client-1"]);
}

fn private(file: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_server_that_has_not_the_key() {
    let root = Authority::root("root");
    let authority = file(&folder("psk-none"), "ca.pem", &root.pem);
    let peer = server(ServerConfig::new(identity(&root.leaf(|_| {})), UnixTime::now));
    let ran = explain(&["localhost", "--connect", &peer.at(), "--cacert", &authority, "--psk", KEY]);
    ran.code(0).says(&[
        "begun anew",
        "the server does not take the key that was offered",
        "certificate by root",
    ]);
    let peer = server(keyed());
    let other = format!("client-1:{}", "77".repeat(16));
    let ran = explain(&["localhost", "--connect", &peer.at(), "--psk", &other]);
    ran.code(4).says(&["decrypt_error", "the server has another key of this identity"]);
}

#[test]
fn keys_that_are_none_are_refused_without_printing_them() {
    for (bad, why) in [
        ("client-1", "--psk: it has no colon; a key is IDENTITY:HEX"),
        ("client-1:secret words", "--psk: behind the last colon stands the key, in hexadecimal"),
        ("client-1:0011", "less than 16 bytes"),
    ] {
        let ran = explain(&["--psk", bad]);
        ran.code(2).says(&[why]);
        assert!(!ran.err.contains("secret words"), "{}", ran.err);
    }
    explain(&["--psk", KEY, "--psk", KEY]).code(2).says(&["the same identity"]);
    let folder = folder("psk-files");
    let (open, empty) = (file(&folder, "open", KEY), file(&folder, "empty", "\n"));
    private(&empty);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o644)).unwrap();
        explain(&["--psk-file", &open]).code(2).says(&["others may read or write", "chmod 600"]);
    }
    explain(&["--psk-file", &empty]).code(2).says(&["no key is in it"]);
    explain(&["--psk-file", "/nonexistent"]).code(2).says(&["cannot read /nonexistent"]);
    let broken = file(&folder, "broken", &format!("{KEY}\nclient-2\n"));
    private(&broken);
    explain(&["--psk-file", &broken]).code(2).says(&["broken: line 2: it has no colon"]);
}
