//! Certificates that are refused: what was found, what was required, the
//! alert, and the pin that accepts exactly this key.

use super::certificates::{Authority, identity};
use super::peers::{server, silent};
use super::run::{Ran, explain, file, folder};
use handfast::pki::UnixTime;
use handfast::{AlertDescription, Error, ServerConfig};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};
use std::process::{Command, Stdio};

/// Explains a server with this certificate; also what the server heard.
fn against(leaf: &(String, String), arguments: &[&str]) -> (Ran, Option<Error>) {
    let peer = server(ServerConfig::new(identity(leaf), UnixTime::now));
    let address = peer.at();
    let ran = explain(&[&["localhost", "--connect", &address], arguments].concat());
    (ran, peer.ended())
}

/// It is refused, as the rule says; its pin is accepted, and so is it by -k.
#[track_caller]
fn refused(name: &str, authority: &str, leaf: &(String, String), alert: AlertDescription, says: &[&str]) {
    let folder = folder(name);
    let authority = file(&folder, "ca.pem", authority);
    let (ran, heard) = against(leaf, &["--cacert", &authority]);
    ran.code(1).says(says).says(&["was refused", "!!"]);
    assert!(
        matches!(heard, Some(Error::AlertReceived { description, .. }) if description == alert),
        "{heard:?}"
    );
    let pin = ran.err.split("--pin ").nth(1).unwrap().trim();

    let (ran, heard) = against(leaf, &["--cacert", &authority, "--pin", pin]);
    ran.code(0).says(&["--pin; names, dates and issuers did not count"]);
    assert!(heard.is_none(), "{heard:?}");
    let (ran, _) = against(leaf, &["--cacert", &authority, "-k"]);
    ran.code(0).says(&["WARNING: --insecure", "INSECURE: refused, and accepted because --insecure"]);
    assert!(ran.err.contains("INSECURE"), "loud enough to be heard beside a pipe");
}

#[test]
fn wrong_name() {
    let root = Authority::root("root");
    let leaf = root.leaf(|params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
    });
    refused(
        "name",
        &root.pem,
        &leaf,
        AlertDescription::BAD_CERTIFICATE,
        &["FAILED HostName: found", "localhost; required the server's name among the names", "other.example"],
    );
}

#[test]
fn expired() {
    let root = Authority::root("root");
    let leaf = root.leaf(|params| params.not_after = date_time_ymd(2021, 2, 3));
    refused(
        "expired",
        &root.pem,
        &leaf,
        AlertDescription::CERTIFICATE_EXPIRED,
        &["FAILED Validity: found", "expired", "2021-02-03"],
    );
}

#[test]
fn not_yet_valid() {
    let root = Authority::root("root");
    let leaf = root.leaf(|params| params.not_before = date_time_ymd(2080, 2, 3));
    refused(
        "early",
        &root.pem,
        &leaf,
        AlertDescription::CERTIFICATE_EXPIRED,
        &["FAILED Validity: found", "2080-02-03"],
    );
}

#[test]
fn unknown_authority() {
    let (root, other) = (Authority::root("root"), Authority::root("other"));
    let leaf = root.leaf(|_| {});
    refused(
        "unknown",
        &other.pem,
        &leaf,
        AlertDescription::UNKNOWN_CA,
        &["FAILED Trust: found", "a path to a trusted root"],
    );
}

#[test]
fn missing_intermediate() {
    let root = Authority::root("root");
    let leaf = root.intermediate("intermediate").leaf(|_| {});
    refused(
        "missing",
        &root.pem,
        &leaf,
        AlertDescription::UNKNOWN_CA,
        &["FAILED Trust", "intermediate", "hint: "],
    );
}

#[test]
fn wrong_key_usage() {
    let root = Authority::root("root");
    let leaf = root.leaf(|params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]);
    refused(
        "usage",
        &root.pem,
        &leaf,
        AlertDescription::UNSUPPORTED_CERTIFICATE,
        &["FAILED DigitalSignature: found", "keyAgreement; required"],
    );
    let leaf = root.leaf(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    refused(
        "purpose",
        &root.pem,
        &leaf,
        AlertDescription::UNSUPPORTED_CERTIFICATE,
        &["FAILED ExtendedKeyUsage: found", "clientAuth; required"],
    );
}

#[test]
fn another_pin_is_refused() {
    let root = Authority::root("root");
    let leaf = root.leaf(|_| {});
    let other = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let (ran, _) = against(&leaf, &["--pin", other]);
    ran.code(1).says(&["FAILED Pin"]);
}

#[test]
fn every_failing_check_is_told_and_without_a_terminal_nobody_is_asked() {
    let root = Authority::root("root");
    let leaf = root.leaf(|params| {
        params.not_after = date_time_ymd(2021, 2, 3);
        params.subject_alt_names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
    });
    let authority = file(&folder("both"), "ca.pem", &root.pem);
    let (ran, _) = against(&leaf, &["--cacert", &authority]);
    ran.code(1).says(&["FAILED HostName", "FAILED Validity"]);
    assert!(!ran.err.contains("[y/N]"));
    let json = against(&leaf, &["--cacert", &authority, "--json"]).0.json();
    assert_eq!(json["outcome"]["class"], "certificate");
    assert!(json["pin"].as_str().unwrap().starts_with("sha256//"));
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let root = Authority::root("\x1b[2Jroot\u{202e}");
    let leaf = root.leaf(|params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "\x1b]0;title\x07\nOK all is well\u{202e}");
    });
    for arguments in [&[][..], &["-v"], &["-k"]] {
        let (ran, _) = against(&leaf, arguments);
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("OK all is well")), "{text}");
        }
    }
}

/// `script` (util-linux) gives a terminal to whoever has none.
#[test]
fn on_a_terminal_a_person_is_asked() {
    let root = Authority::root("root");
    let leaf = root.leaf(|params| params.not_after = date_time_ymd(2021, 2, 3));
    let authority = file(&folder("asked"), "ca.pem", &root.pem);
    for (typed, code, says) in
        [("y\n", 0, "a person accepted it"), ("\n", 1, "fatal alert: certificate_expired")]
    {
        let peer = server(ServerConfig::new(identity(&leaf), UnixTime::now));
        let tool = env!("CARGO_BIN_EXE_handfast");
        let line =
            format!("{tool} explain localhost --connect {} --cacert {authority} --color never", peer.at());
        let started = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut script) = started else {
            eprintln!("ignored (needs script)");
            return;
        };
        std::io::Write::write_all(script.stdin.as_mut().unwrap(), typed.as_bytes()).unwrap();
        let out = script.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        assert_eq!(out.status.code(), Some(code), "{text}");
        for each in ["continue with this certificate? [y/N]", "Validity: found", says] {
            assert!(text.contains(each), "{each}\n{text}");
        }
    }
}

/// A peer that stalls is told of while it does, to whoever looks on; the verdict
/// comes when it is known.
#[test]
fn on_a_terminal_a_stalling_peer_is_watched() {
    let peer = silent(b"");
    let tool = env!("CARGO_BIN_EXE_handfast");
    let line = format!("{tool} explain {} --timeout 2.5 --color never 2>/dev/null", peer.at());
    let started = Command::new("script").args(["-qefc", &line, "/dev/null"]).stdin(Stdio::null()).output();
    let Ok(out) = started else {
        eprintln!("ignored (needs script)");
        return;
    };
    let text = String::from_utf8_lossy(&out.stdout);
    let places =
        ["ClientHello", "VERDICT", "FAILED: the peer took the connection"].map(|each| text.find(each));
    assert!(places[0].is_some() && places.is_sorted(), "{text}");
}
