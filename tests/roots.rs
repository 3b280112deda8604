//! The roots of the system and those that are built in.
#![cfg(all(feature = "system-roots", feature = "bundled-roots"))]

use handfast::pki::{Purpose, Roots, ServerName, UnixTime, Verifier};
use std::process::Command;

/// Runs a test of this program with these roots for the system's: the environment is
/// a process's.
fn with_system_roots(test: &str, contents: &str) {
    let file = std::env::temp_dir().join(format!("handfast-roots-{test}-{}.pem", std::process::id()));
    std::fs::write(&file, contents).unwrap();
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", &file)
        .env_remove("SSL_CERT_DIR")
        .output();
    std::fs::remove_file(&file).unwrap();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

fn made() -> (String, [handfast::pki::CertificateDer<'static>; 1]) {
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    (made.cert.pem(), [made.cert.der().clone()])
}

const MALFORMED: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

#[test]
fn the_systems_roots_and_what_they_lack() {
    with_system_roots("has_one_root", &format!("{MALFORMED}{}", made().0));
    with_system_roots("has_no_root", "");
    with_system_roots("has_no_root_that_can_be_used", MALFORMED);
}

#[test]
#[ignore = "run by the test above"]
fn has_one_root() {
    let (roots, left_out) = Roots::system().unwrap();
    assert_eq!(roots.len(), 1);
    assert!(left_out.len() == 1 && left_out[0].contains("malformed"), "{left_out:?}");
}

#[test]
#[ignore = "run by the test above"]
fn has_no_root() {
    let error = Roots::system().unwrap_err();
    assert!(
        error.to_string().contains("no trusted roots") && error.to_string().contains("SSL_CERT_FILE"),
        "{error}"
    );
}

#[test]
#[ignore = "run by the test above"]
fn has_no_root_that_can_be_used() {
    let error = Roots::system().unwrap_err();
    assert_eq!(error.left_out.len(), 1);
    assert!(error.to_string().contains("(one of its certificates is malformed"), "{error}");
}

#[test]
fn the_report_says_whose_root_was_trusted() {
    let (pem, chain) = made();
    let mut own = Roots::of_store("ca.pem");
    own.add_pem(pem.as_bytes()).unwrap();
    let name = ServerName::try_from("server.test").unwrap();
    let judge = |roots| {
        let verifier = Verifier::web_pki(roots);
        verifier.verify(&chain, Some(&name), Purpose::Server, UnixTime::now())
    };
    let both: Roots = [Roots::bundled(), own].into_iter().collect();
    assert_eq!(both.len(), Roots::bundled().len() + 1);
    let report = judge(both).unwrap().report;
    assert_eq!(report.store(), Some("ca.pem"));
    assert!(
        report.sentence().ends_with("by the trusted root CN=rcgen self signed cert, from ca.pem"),
        "{report}"
    );
    let refused = judge(Roots::bundled()).unwrap_err().report;
    assert_eq!(refused.store(), None);
    let mut nameless = Roots::new();
    nameless.add_pem(pem.as_bytes()).unwrap();
    let plain = judge(nameless).unwrap().report;
    assert!(plain.store().is_none() && !plain.sentence().contains("from"), "{plain}");
    #[cfg(feature = "serde")]
    {
        assert_eq!(serde_json::to_value(&report).unwrap()["store"], "ca.pem");
        assert!(serde_json::to_value(&plain).unwrap()["store"].is_null());
    }
}
