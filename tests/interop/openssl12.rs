//! The same with OpenSSL in TLS 1.2.

use crate::certificates::{Kind, certificates};
use crate::openssl::{
    converse, our_certificate, requiring, s_client_of, s_server_of, their_certificate, their_client_is_killed,
};
use crate::ours::{CLASSICAL, client, echo, ensure, error, expect, expect_alert, expect_end, greet, serve};
use crate::program::Program;
use crate::{Case, case};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{AlertDescription, ConnectionInfo, Error, Fault, Trust};
use libtest_mimic::Failed;
use std::io::{Read, Write};

/// A suite, its name in OpenSSL, and whether it is for RSA.
const SUITES: [(CipherSuite, &str, bool); 6] = [
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", true),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", true),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", true),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", false),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", false),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", false),
];

const VERSION: &str = "-tls1_2";

fn s_client(port: u16, arguments: &[&str]) -> Result<Program, Failed> {
    s_client_of(VERSION, port, arguments)
}

fn s_server(certificate: &str, arguments: &[&str]) -> Result<(Program, u16), Failed> {
    s_server_of(VERSION, certificate, arguments)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (suite, name, for_rsa) in SUITES {
        for (group, group_name) in CLASSICAL {
            for kind in Kind::ALL.into_iter().filter(|kind| for_rsa == (*kind == Kind::Rsa)) {
                let what = format!("{name}, {group_name}, {}", kind.name());
                let run = move || their_client(suite, name, group, kind);
                cases.push(case(format!("s_client 1.2: {what}"), run));
                let run = move || their_server(suite, group, kind);
                cases.push(case(format!("s_server 1.2: {what}"), run));
            }
        }
    }
    for kind in Kind::ALL {
        let name = kind.name();
        cases.push(case(format!("s_client 1.2: a {name} certificate that we require"), move || {
            their_certificate(VERSION, kind)
        }));
        cases.push(case(format!("s_server 1.2: a {name} certificate that it requires"), move || {
            our_certificate(VERSION, kind)
        }));
    }
    cases.extend([
        case("s_client 1.2: a certificate that we require, and it has not", their_missing_certificate),
        case("s_server 1.2: a certificate that it requires, and we have not", our_missing_certificate),
        case("s_server 1.2: an expired certificate", their_expired_certificate),
        case("s_client 1.2: ALPN, no overlap", their_alpn_without_overlap),
        case("s_client 1.2: renegotiation", their_renegotiation),
        case("s_server 1.2: renegotiation", our_renegotiation),
        case("s_client 1.2: it is killed", || their_client_is_killed(VERSION)),
        case("s_server 1.2: a version that we do not take", a_version_that_we_do_not_take),
    ]);
    cases
}

fn check(info: &ConnectionInfo, suite: CipherSuite, group: NamedGroup) -> Result<(), Failed> {
    ensure!(info.version == Some(ProtocolVersion::TLS12), "negotiated {:?}", info.version);
    ensure!(info.suite == Some(suite), "negotiated {:?}", info.suite);
    ensure!(info.group == Some(group), "negotiated {:?}", info.group);
    Ok(())
}

fn their_client(suite: CipherSuite, name: &str, group: NamedGroup, kind: Kind) -> Result<(), Failed> {
    let served = serve(certificates().server(kind.name()).groups(&[group])?, echo)?;
    // In TLS 1.2 the curves of certificates must be among the client's groups, too.
    let arguments = ["-cipher", name, "-groups", "X25519:P-256:P-384"];
    let text = converse(&mut s_client(served.port, &arguments)?)?;
    ensure!(text.contains(&format!("New, TLSv1.2, Cipher is {name}")), "{text}");
    ensure!(text.contains("Extended master secret: yes"), "{text}");
    check(&served.result()??, suite, group)
}

fn their_server(suite: CipherSuite, group: NamedGroup, kind: Kind) -> Result<(), Failed> {
    let (_server, port) = s_server(kind.name(), &["-rev"])?;
    // In TLS 1.2 the curves of certificates must be among the groups, too.
    let mut groups = vec![group];
    if kind != Kind::Rsa {
        groups.extend([NamedGroup::SECP256R1, NamedGroup::SECP384R1]);
    }
    let mut stream = client(certificates().client().suites(&[suite])?.groups(&groups)?, port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    let info = stream.info();
    ensure!(info.trust == Trust::Policy, "{info:?}");
    check(info, suite, group)
}

fn their_missing_certificate() -> Result<(), Failed> {
    let served = serve(requiring("p256"), echo)?;
    let client = s_client(served.port, &[])?;
    // certificate_required is TLS 1.3's.
    client.wait_for("alert number 40")?;
    let found = error(served.result()?)?;
    ensure!(found.fault().is_some(), "{found}");
    Ok(())
}

fn our_missing_certificate() -> Result<(), Failed> {
    let (_server, port) = s_server("p256", &["-rev", "-Verify", "3"])?;
    let mut stream = client(certificates().client(), port)?;
    expect_alert(&error(stream.handshake())?, AlertDescription::HANDSHAKE_FAILURE)
}

fn their_expired_certificate() -> Result<(), Failed> {
    let (server, port) = s_server("expired", &["-rev"])?;
    let found = error(client(certificates().client(), port)?.handshake())?;
    ensure!(matches!(found, Error::CertificateRefused(_)), "{found}");
    server.wait_for("alert number 45")?;
    Ok(())
}

fn their_alpn_without_overlap() -> Result<(), Failed> {
    let served = serve(certificates().server("p256").alpn(&[b"h2"])?, echo)?;
    s_client(served.port, &["-alpn", "gopher"])?.wait_for("alert number 120")?;
    let found = error(served.result()?)?;
    ensure!(found.alert() == Some(AlertDescription::NO_APPLICATION_PROTOCOL), "{found}");
    Ok(())
}

fn their_renegotiation() -> Result<(), Failed> {
    let served = serve(certificates().server("p256"), echo)?;
    let mut client = s_client(served.port, &[])?;
    client.say("hello\n")?;
    client.wait_until("the echo", |words| words.out.ends_with(b"hello\n"))?;
    client.say("R\n")?;
    client.wait_for("no renegotiation")?;
    let found = error(served.result()?)?;
    ensure!(found.fault() == Some(Fault::Renegotiation), "{found}");
    Ok(())
}

fn our_renegotiation() -> Result<(), Failed> {
    let (mut server, port) = s_server("p256", &[])?;
    let mut stream = client(certificates().client().renegotiation_is_fatal(), port)?;
    stream.write_all(b"hello\n")?;
    server.wait_for("hello\n")?;
    server.say("r\n")?;
    let found = error(stream.read(&mut [0; 9]))?;
    ensure!(found.fault() == Some(Fault::RenegotiationForbidden), "{found}");
    // If nothing is said, it is passed over: the server's data come behind it.
    let (mut server, port) = s_server("p256", &[])?;
    let mut stream = client(certificates().client(), port)?;
    stream.write_all(b"hello\n")?;
    server.wait_for("hello\n")?;
    server.say("r\n")?;
    // What it reads in one piece with an `r` it throws away: first its HelloRequest is here.
    stream.get_ref().peek(&mut [0])?;
    server.say("behind it\n")?;
    expect(&mut stream, "behind it\n")
}

fn a_version_that_we_do_not_take() -> Result<(), Failed> {
    let (_server, port) = s_server("p256", &["-rev"])?;
    let mut stream = client(certificates().client().versions(&[ProtocolVersion::TLS13])?, port)?;
    let found = error(stream.handshake())?;
    expect_alert(&found, AlertDescription::PROTOCOL_VERSION)?;
    // Both versions by default.
    let mut stream = client(certificates().client(), port)?;
    stream.write_all(b"hello\n")?;
    expect(&mut stream, "olleh\n")?;
    stream.close()?;
    expect_end(&mut stream)
}
