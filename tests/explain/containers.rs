//! PKCS #12 and PKCS #7, as OpenSSL makes them, wherever a file is taken; and
//! standard input.

use super::certificates::{Authority, identity};
use super::peers::server;
use super::run::{explain, file, folder, handfast, run};
use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::{ClientAuth, ServerConfig};
use rcgen::ExtendedKeyUsagePurpose;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The files of a chain with an intermediate, its leaf for both sides.
struct Made {
    folder: PathBuf,
    root: Authority,
    ca: String,
    chain: String,
    key: String,
}

fn made(name: &str) -> Made {
    let (folder, root) = (folder(name), Authority::root("root"));
    let intermediate = root.intermediate("intermediate");
    let (leaf, key) = intermediate.leaf(|params| {
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    });
    let ca = file(&folder, "ca.pem", &root.pem);
    let chain = file(&folder, "chain.pem", &format!("{leaf}{}", intermediate.pem));
    let key = file(&folder, "key.pem", &key);
    Made { folder, root, ca, chain, key }
}

/// What OpenSSL makes of it; `None`, said aloud, where there is no OpenSSL.
fn openssl(folder: &Path, name: &str, arguments: &[&str]) -> Option<String> {
    let out = folder.join(name).to_str().unwrap().to_owned();
    match Command::new("openssl").args(arguments).args(["-out", &out]).stdin(Stdio::null()).status() {
        Ok(status) => assert!(status.success(), "{arguments:?}"),
        Err(error) if std::env::var_os("HANDFAST_REQUIRE_PEERS").is_some() => panic!("openssl: {error}"),
        Err(_) => {
            eprintln!("ignored (needs openssl)");
            return None;
        }
    }
    Some(out)
}

const FORMS: [&[&str]; 2] =
    [&[], &["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"]];

#[test]
fn pkcs12_is_a_chain_and_its_key() {
    let made = made("p12");
    for (n, form) in FORMS.into_iter().enumerate() {
        let base = ["pkcs12", "-export", "-in", &made.chain, "-inkey", &made.key, "-passout", "pass:secret"];
        let Some(p12) = openssl(&made.folder, &format!("{n}.p12"), &[&base, form].concat()) else { return };
        let verify = ["verify", &p12, "--host", "localhost", "--ca", &made.ca];
        let accepted = "CN=localhost was accepted: through one intermediate by the trusted root CN=root";
        handfast(&[&verify[..], &["--password", "secret"]].concat()).code(0).says(&[accepted]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
        let mut set = command.args(verify).stdin(Stdio::null());
        set = set.env("HANDFAST_PASSWORD", "secret");
        assert_eq!(set.output().unwrap().status.code(), Some(0));
        handfast(&[&verify[..], &["--password", "wrong"]].concat()).code(2).says(&["the password is wrong"]);
        run(Command::new(env!("CARGO_BIN_EXE_handfast")).args(verify))
            .code(2)
            .says(&["it is encrypted: give its password with --password or in HANDFAST_PASSWORD"]);

        let mut roots = Roots::new();
        roots.add_pem(made.root.pem.as_bytes()).unwrap();
        let config = ServerConfig::new(identity(&made.root.leaf(|_| {})), UnixTime::now);
        let peer = server(config.client_auth(ClientAuth::Require(Verifier::web_pki(roots).into())));
        let at = peer.at();
        let ran = explain(&[
            "localhost",
            "--connect",
            &at,
            "--cacert",
            &made.ca,
            "--cert",
            &p12,
            "--password",
            "secret",
        ]);
        ran.code(0).says(&["->  CertificateVerify"]);
        assert!(peer.ended().is_none());
    }
}

#[test]
fn pkcs7_is_a_chain_in_any_order_or_authorities() {
    let made = made("p7b");
    for (form, name) in [("PEM", "chain.p7b"), ("DER", "chain.p7c")] {
        let arguments = ["crl2pkcs7", "-nocrl", "-certfile", &made.chain, "-outform", form];
        let Some(p7b) = openssl(&made.folder, name, &arguments) else { return };
        handfast(&["verify", &p7b, "--host", "localhost", "--ca", &made.ca])
            .code(0)
            .says(&["CN=localhost was accepted: through one intermediate"]);
        let arguments = ["crl2pkcs7", "-nocrl", "-certfile", &made.ca, "-outform", form];
        let ca = openssl(&made.folder, &format!("ca-{name}"), &arguments).unwrap();
        handfast(&["verify", &made.chain, "--host", "localhost", "--ca", &ca]).code(0);
        // Neither has a key.
        explain(&["--cert", &p7b]).code(2).says(&["no private key is in it"]);
    }
}

#[test]
fn broken_ones_are_refused_with_a_sentence() {
    let folder = folder("containers-broken");
    for (bytes, says) in [
        (&b"-----BEGIN PKCS7-----\nMAA\n-----END PKCS7-----\n"[..], "PKCS #7 in it is malformed"),
        (b"-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n", "PKCS #7 cannot be read"),
        (b"-----BEGIN PKCS7-----\n", "PKCS #7 in it is malformed"),
        (b"\x30\x03\x02\x01\x03", "PKCS #12 cannot be read"),
        (b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "PKCS #7 cannot be read"),
        (b"", "no certificate found"),
    ] {
        let path = folder.join("broken");
        std::fs::write(&path, bytes).unwrap();
        handfast(&["verify", path.to_str().unwrap(), "--any-name"]).code(2).says(&[says]);
    }
}

#[test]
fn standard_input_is_a_file() {
    let made = made("stdin");
    for (file, arguments) in [
        (&made.chain, ["verify", "-", "--host", "localhost", "--ca", &made.ca]),
        (&made.ca, ["verify", &made.chain, "--host", "localhost", "--ca", "-"]),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
        let file = std::fs::File::open(file).unwrap();
        let out = command.args(arguments).stdin(file).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    }
}
