//! `tls_alpn_01` and `openssl s_client`, as an ACME server asks and as others do.

use super::certificates::AUTHORITY;
use super::example;
use super::folder::Folder;
use super::peers::{peers, run};
use super::program::Program;
use libtest_mimic::Failed;
use std::path::Path;
use std::process::Command;

/// The key authorization of RFC 8555 section 8.1: a token and the account key's thumbprint.
const AUTHORIZATION: &str =
    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";

/// The example, serving `localhost`, and its port.
fn start(folder: &Folder) -> Result<(Program, String), Failed> {
    let leaf = AUTHORITY.leaf();
    let (chain, key) = (folder.file("chain.pem", leaf.chain), folder.file("key.pem", leaf.key));
    let mut command = example("tls_alpn_01");
    command.args(["localhost", AUTHORIZATION, &chain, &key, "127.0.0.1:0"]);
    let server = Program::start(&mut command)?;
    let address = server.wait_for_line("listening on ")?;
    Ok((server, address))
}

/// What openssl says of a connection until it ends.
fn connect(openssl: &Path, address: &str, arguments: &[&str]) -> Result<String, Failed> {
    let mut command = Command::new(openssl);
    command.args(["s_client", "-connect", address, "-ign_eof"]).args(arguments);
    Ok(Program::start(&mut command)?.finish()?.1)
}

#[test]
fn the_acme_server_sees_the_proof() -> Result<(), Failed> {
    let Some([openssl]) = peers(["openssl"]) else { return Ok(()) };
    let folder = Folder::new();
    let (server, address) = start(&folder)?;
    let digest = folder.file("authorization", AUTHORIZATION);
    let digest = run(Command::new(&openssl).args(["dgst", "-sha256", "-r", &digest]));
    let digest = digest.split_whitespace().next().unwrap();
    for version in ["-tls1_3", "-tls1_2"] {
        let asks = [version, "-alpn", "acme-tls/1", "-servername", "LOCALHOST"];
        let said = connect(&openssl, &address, &asks)?;
        assert!(said.contains("ALPN protocol: acme-tls/1"), "{said}");
        let pem = folder.file("seen.pem", said);
        let mut x509 = Command::new(&openssl);
        let names = run(x509.args(["x509", "-in", &pem, "-noout", "-ext", "subjectAltName"]));
        assert_eq!(names.lines().last().map(str::trim), Some("DNS:localhost"));
        let der = Command::new(&openssl).args(["x509", "-in", &pem, "-outform", "DER"]).output()?.stdout;
        // id-pe-acmeIdentifier, critical, an OCTET STRING in the extension's own.
        let extension = format!("06082b0601050507011f0101ff04220420{digest}");
        assert!(hex::encode(der).contains(&extension), "{extension} is not in it");
        server.wait_for("the ACME server has seen the proof")?;
    }
    Ok(())
}

#[test]
fn others_see_the_site() -> Result<(), Failed> {
    let Some([openssl]) = peers(["openssl"]) else { return Ok(()) };
    let folder = Folder::new();
    let ca = folder.file("ca.pem", &AUTHORITY.pem);
    let (_server, address) = start(&folder)?;
    let trusting = ["-CAfile", &ca, "-verify_return_error", "-servername", "localhost"];
    for alpn in [&[][..], &["-alpn", "http/1.1"], &["-alpn", "acme-tls/1,http/1.1"]] {
        let said = connect(&openssl, &address, &[&trusting, alpn].concat())?;
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(said.contains("HTTP/1.1 200 OK") && said.contains("hello"), "{said}");
        assert!(!said.contains("ALPN protocol: acme-tls/1"), "{said}");
    }
    Ok(())
}

#[test]
fn another_domain_has_no_proof_here() -> Result<(), Failed> {
    let Some([openssl]) = peers(["openssl"]) else { return Ok(()) };
    let folder = Folder::new();
    let (server, address) = start(&folder)?;
    for name in [&["-servername", "other.test"][..], &["-noservername"]] {
        let said = connect(&openssl, &address, &[&["-alpn", "acme-tls/1"], name].concat())?;
        assert!(said.contains("unrecognized name"), "{said}");
        assert!(!said.contains("BEGIN CERTIFICATE"), "{said}");
    }
    server.wait_for("this server has no certificate for the name that the client asks for")?;
    Ok(())
}
