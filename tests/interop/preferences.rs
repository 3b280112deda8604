//! What is asked for beside suites and groups, against OpenSSL, in both versions:
//! signature schemes, certificates to choose from, authorities, sizes of records.

use crate::certificates::{Kind, certificates};
use crate::openssl::{converse, s_client_of, s_client_showing, s_server_of};
use crate::ours::{client, echo, ensure, error, greet, serve};
use crate::{Case, case};
use handfast::pki::UnixTime;
use handfast::wire::{ProtocolVersion, SignatureScheme};
use handfast::{AlertDescription, ClientAuth, ClientConfig, Error, ServerConfig};
use libtest_mimic::Failed;
use std::io::{Read, Write};

const VERSIONS: [(&str, ProtocolVersion); 2] =
    [("-tls1_3", ProtocolVersion::TLS13), ("-tls1_2", ProtocolVersion::TLS12)];

/// What an RSA key signs with in TLS 1.3, and then what it does in TLS 1.2 besides.
const RSA: [SignatureScheme; 6] = [
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (flag, version) in VERSIONS {
        let spoken = if version == ProtocolVersion::TLS13 { &RSA[..3] } else { &RSA };
        for scheme in spoken.iter().copied() {
            let named = |peer: &str| format!("{peer}: {version}, signed with {scheme}");
            cases.push(case(named("s_server"), move || they_sign(flag, scheme)));
            cases.push(case(named("s_client"), move || we_sign(flag, scheme)));
        }
        let named = |peer: &str, what: &str| format!("{peer}: {version}, {what}");
        cases.push(case(named("s_server", "it chooses among our certificates"), move || we_choose(flag)));
        cases.push(case(named("s_server", "no certificate of ours fits"), move || none_fits(flag)));
        cases.push(case(named("s_client", "authorities by name"), move || they_hear_of_authorities(flag)));
        cases.push(case(named("s_client", "small records"), move || small_records(flag)));
        cases.push(case(named("s_client", "the application ends it"), move || we_abort(flag)));
    }
    cases
}

/// The server has no choice: what else it could sign with is not offered.
fn they_sign(flag: &'static str, scheme: SignatureScheme) -> Result<(), Failed> {
    let (_server, port) = s_server_of(flag, Kind::Rsa.name(), &["-rev"])?;
    let mut stream = client(certificates().client().signature_schemes(&[scheme])?, port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    ensure!(stream.info().peer_scheme == Some(scheme), "{:?}", stream.info().peer_scheme);
    Ok(())
}

fn we_sign(flag: &'static str, scheme: SignatureScheme) -> Result<(), Failed> {
    let identity = certificates().files(Kind::Rsa.name()).identity().sign_with(&[scheme])?;
    let served = serve(ServerConfig::new(identity, UnixTime::now), echo)?;
    let text = converse(&mut s_client_of(flag, served.port, &[])?)?;
    let digest = scheme.to_string().rsplit('_').next().unwrap_or_default().to_owned();
    ensure!(text.to_lowercase().contains(&format!("peer signing digest: {digest}")), "{text}");
    ensure!(served.result()??.own_scheme == Some(scheme), "another scheme");
    Ok(())
}

/// Three certificates of ours, and a server that verifies the signature of one.
fn ours() -> ClientConfig {
    let kinds = [Kind::Ed25519, Kind::P256, Kind::Rsa];
    let identity = |kind: Kind| certificates().files(&format!("client-{}", kind.name())).identity();
    kinds.into_iter().fold(certificates().client(), |config, kind| config.identity(identity(kind)))
}

/// `s_server` that requires certificates, signed in one of these schemes.
fn requiring(flag: &str, schemes: &str) -> Result<(crate::program::Program, u16), Failed> {
    let root = certificates().root().display().to_string();
    let verify = ["-rev", "-Verify", "3", "-verify_return_error", "-CAfile", &root];
    s_server_of(flag, "p256", &[&verify[..], &["-client_sigalgs", schemes]].concat())
}

fn we_choose(flag: &'static str) -> Result<(), Failed> {
    for (schemes, expected) in [
        ("ECDSA+SHA256:ed25519", SignatureScheme::ED25519),
        ("ECDSA+SHA256:rsa_pss_rsae_sha256", SignatureScheme::ECDSA_SECP256R1_SHA256),
        ("rsa_pss_rsae_sha384", SignatureScheme::RSA_PSS_RSAE_SHA384),
    ] {
        let (server, port) = requiring(flag, schemes)?;
        let mut stream = client(ours().insist_on_identity(), port)?;
        greet(&mut stream, "hello\n", "olleh\n")?;
        ensure!(stream.info().own_scheme == Some(expected), "{schemes}: {:?}", stream.info().own_scheme);
        server.wait_for("verify return:1")?;
    }
    Ok(())
}

fn none_fits(flag: &'static str) -> Result<(), Failed> {
    let (_server, port) = requiring(flag, "ECDSA+SHA384")?;
    // As nobody, whom the server does not take; or not at all.
    let mut stream = client(ours(), port)?;
    let found = error(stream.handshake().and_then(|()| stream.read(&mut [0; 9]).map(drop)))?;
    ensure!(matches!(found, Error::AlertReceived { .. }), "{found}");
    let (_server, port) = requiring(flag, "ECDSA+SHA384")?;
    let found = error(client(ours().insist_on_identity(), port)?.handshake())?;
    ensure!(matches!(found, Error::NothingInCommon { what: "signature scheme", .. }), "{found}");
    Ok(())
}

fn they_hear_of_authorities(flag: &'static str) -> Result<(), Failed> {
    // CN=An authority by name
    let name = b"\x30\x1f\x31\x1d\x30\x1b\x06\x03\x55\x04\x03\x0c\x14An authority by name";
    let judge = certificates().verifier().into();
    let config = certificates().server("p256").client_auth(ClientAuth::Require(judge));
    let served = serve(config.client_authorities(&[name])?, echo)?;
    let text = converse(&mut s_client_showing(flag, served.port, "client-p256", &[])?)?;
    let named = text.split("Acceptable client certificate CA names").nth(1).unwrap_or_default();
    let named = named.split("Requested Signature Algorithms").next().unwrap_or_default();
    ensure!(named.contains("An authority by name") && !named.contains("handfast test root"), "{text}");
    served.result()??;
    Ok(())
}

/// The certificates and the data are cut into many records, which OpenSSL puts
/// together.
fn small_records(flag: &'static str) -> Result<(), Failed> {
    let config = certificates().server(Kind::Rsa.name()).largest_record(512)?;
    let served = serve(config, |mut stream| {
        stream.write_all(&b"all of this, ".repeat(1000))?;
        stream.write_all(b"and the end")?;
        echo(stream)
    })?;
    let mut client = s_client_of(flag, served.port, &[])?;
    client.wait_until("the end", |words| words.out.ends_with(b"and the end"))?;
    let (status, text) = client.finish()?;
    ensure!(status.success() && text.matches("all of this, ").count() == 1000, "{text}");
    served.result()??;
    Ok(())
}

fn we_abort(flag: &'static str) -> Result<(), Failed> {
    let served = serve(certificates().server("p256"), |mut stream| {
        stream.handshake()?;
        stream.connection_mut().abort(AlertDescription::ACCESS_DENIED);
        stream.flush()?;
        stream.read(&mut [0; 9])
    })?;
    let client = s_client_of(flag, served.port, &[])?;
    client.wait_for("alert number 49")?;
    let found = error(served.result()?)?;
    ensure!(matches!(found, Error::Aborted { description: AlertDescription::ACCESS_DENIED }), "{found}");
    Ok(())
}
