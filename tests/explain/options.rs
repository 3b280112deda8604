//! The options that change what is offered, shown or written.

use super::certificates::{Authority, identity};
use super::peers::server;
use super::run::{explain, file, folder};
use handfast::pki::{self, Roots, UnixTime, Verifier};
use handfast::wire::{NamedGroup, SignatureScheme};
use handfast::{ClientAuth, ServerConfig};
use rcgen::ExtendedKeyUsagePurpose;

#[test]
fn suites_groups_and_protocols_in_their_order() {
    let ran = explain(&["--suite", "TLS_CHACHA20_POLY1305_SHA256,AES_128_GCM_SHA256", "--group", "P-256"]);
    ran.code(0).says(&["TLS 1.3 | 2 suites, TLS_CHACHA20_POLY1305_SHA256 first | share secp256r1 65 B"]);
    ran.says(&["group       secp256r1                      the only one offered"]);
    explain(&["--alpn", "a", "--alpn", "b,c"]).code(0).says(&["ALPN a, b, c", "not: b, c"]);
    explain(&["--tls1_3"]).code(0).says(&["version     TLS 1.3                        the only one offered"]);
}

#[test]
fn a_retry_costs_a_round_trip_and_is_told() {
    let root = Authority::root("root");
    let config = ServerConfig::new(identity(&root.leaf(|_| {})), UnixTime::now);
    let peer = server(config.groups(&[NamedGroup::SECP384R1]).unwrap());
    let ran = explain(&["-k", "localhost", "--connect", &peer.at()]);
    ran.code(0).says(&[
        "<-  HelloRetryRequest",
        "with a share of secp384r1",
        "share secp384r1 97 B",
        "round trips 1 of TCP, 2 of TLS",
        "the server asked for it with a HelloRetryRequest",
    ]);
    assert_eq!(ran.out.matches("random 1 of 3").count(), 1);
}

#[test]
fn the_name_apart_from_the_address() {
    let root = Authority::root("root");
    let authority = file(&folder("apart"), "ca.pem", &root.pem);
    let leaf = root.leaf(|_| {});
    for arguments in [&["--servername", "localhost"][..], &["--ca", &authority, "--servername", "localhost"]]
    {
        let peer = server(ServerConfig::new(identity(&leaf), UnixTime::now));
        let at = format!("https://{}/path", peer.at());
        let ran = explain(&[&[at.as_str()], arguments].concat());
        let trusted = arguments.len() > 2;
        ran.code(if trusted { 0 } else { 1 }).says(&["SNI localhost"]);
    }
}

#[test]
fn an_address_is_no_server_name() {
    let root = Authority::root("root");
    let peer = server(ServerConfig::new(identity(&root.leaf(|_| {})), UnixTime::now));
    explain(&[&peer.at(), "-k"]).code(0).says(&["no SNI", "skipped: "]);
}

#[test]
fn a_client_certificate() {
    let folder = folder("client");
    let root = Authority::root("root");
    let (leaf, key) =
        root.leaf(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let (authority, both) =
        (file(&folder, "ca.pem", &root.pem), file(&folder, "both.pem", &format!("{leaf}{key}")));
    let (leaf, key) = (file(&folder, "leaf.pem", &leaf), file(&folder, "key.pem", &key));
    let requiring_signed = |schemes: &[SignatureScheme]| {
        let mut roots = Roots::new();
        roots.add_pem(root.pem.as_bytes()).unwrap();
        let config = ServerConfig::new(identity(&root.leaf(|_| {})), UnixTime::now);
        let config = config.signature_schemes(schemes).unwrap();
        server(config.client_auth(ClientAuth::Require(Verifier::web_pki(roots).into())))
    };
    let requiring = || requiring_signed(&[SignatureScheme::ECDSA_SECP256R1_SHA256]);
    for shown in [&["--cert", &leaf, "--key", &key][..], &["--cert", &both]] {
        let peer = requiring();
        let at = peer.at();
        let ran = explain(&[&["localhost", "--connect", &at, "--cacert", &authority], shown].concat());
        ran.code(0).says(&["<-  CertificateRequest", "->  Certificate ", "->  CertificateVerify"]);
        ran.says(&["issued by CN=root; one was shown"]);
        assert!(peer.ended().is_none());
    }
    let peer = requiring();
    let ran = explain(&["localhost", "--connect", &peer.at(), "--cacert", &authority]);
    ran.code(4).says(&["none: this side has no certificate that fits", "certificate_required"]);
    // From whom, and what to do about it.
    ran.says(&[
        "issued by CN=root",
        "client      a certificate was requested, issued by CN=root; none was shown (--cert FILE --key FILE)",
    ]);
    ran.says(&["  hint: the server requested a client certificate issued by CN=root, and none was shown: give one with --cert FILE"]);
    let peer = requiring();
    let at = peer.at();
    let json = explain(&["localhost", "--connect", &at, "--cacert", &authority, "--tls1.2", "--json"]).json();
    assert_eq!(json["client_certificate_requested"]["authorities"][0], "CN=root");
    assert!(json["outcome"]["sentence"].as_str().unwrap().contains("--cert"));
    // One that the server could not verify: this side does not go on as nobody.
    let peer = requiring_signed(&[SignatureScheme::ED25519]);
    let at = peer.at();
    explain(&["localhost", "--connect", &at, "--cacert", &authority, "--cert", &both]).code(5).says(&[
        "no signature scheme in common: the peer offers ed25519; this side takes ecdsa_secp256r1_sha256",
        "-> fatal alert: handshake_failure",
    ]);
    // The embedded server requests one where there is one to show.
    explain(&["--cert", &leaf, "--key", &key]).code(0).says(&["->  CertificateVerify"]);
    // A key of another certificate is misuse.
    let other = file(&folder, "other.pem", &root.leaf(|_| {}).1);
    explain(&["--cert", &leaf, "--key", &other]).code(2).says(&["does not belong to the first certificate"]);
}

#[test]
fn the_chain_is_saved_as_pem() {
    let folder = folder("chain");
    let root = Authority::root("root");
    let intermediate = root.intermediate("intermediate");
    let (leaf, key) = intermediate.leaf(|_| {});
    let chain = format!("{leaf}{}", intermediate.pem);
    let authority = file(&folder, "ca.pem", &root.pem);
    for (name, code) in [("localhost", 0), ("wrong.example", 1)] {
        let peer = server(ServerConfig::new(identity(&(chain.clone(), key.clone())), UnixTime::now));
        let saved = folder.join(format!("{name}.pem"));
        let saving = ["--save-chain", saved.to_str().unwrap(), "--cacert", &authority];
        let at = peer.at();
        explain(&[&[name, "--connect", &at][..], &saving].concat()).code(code);
        let saved = pki::certificates(&std::fs::read(saved).unwrap()).unwrap();
        assert_eq!(saved, pki::certificates(chain.as_bytes()).unwrap());
    }
}

#[cfg(unix)]
#[test]
fn a_key_log_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let keys = file(&folder("open"), "keys.txt", "");
    std::fs::set_permissions(&keys, PermissionsExt::from_mode(0o644)).unwrap();
    explain(&["--keylog", &keys]).code(2).says(&["chmod 600"]);
    assert_eq!(std::fs::read(&keys).unwrap(), b"");
}
