//! Pre-shared keys from outside of TLS, with OpenSSL and GnuTLS in both roles.

use crate::certificates::certificates;
use crate::openssl::openssl;
use crate::ours::{client, echo, ensure, error, expect_alert, greet, serve};
use crate::program::{Program, on_free_port};
use crate::{Case, case};
use handfast::pki::UnixTime;
use handfast::wire::CipherSuite;
use handfast::{
    AlertDescription, ClientConfig, ConnectionInfo, Error, Fault, PreSharedKey, ServerConfig, Trust,
};
use libtest_mimic::Failed;
use std::process::Command;

/// Bytes: what stands between them is nobody's business.
const IDENTITY: &str = "device 7@hub";
const SECRET: &str = "0102030405060708090a0b0c0d0e0f10f1f2f3f4f5f6f7f8f9fafbfcfdfeff00";
const WRONG: &str = "ff02030405060708090a0b0c0d0e0f10f1f2f3f4f5f6f7f8f9fafbfcfdfeff00";

/// How keys are agreed upon beside the pre-shared one.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    PskDheKe,
    PskKe,
}

pub(crate) fn openssl_cases() -> Vec<Case> {
    vec![
        case("s_client: a pre-shared key", || their_openssl_client(SECRET, ours_alone(), &["-tls1_3"])),
        case("s_client: a pre-shared key, after a HelloRetryRequest", || {
            their_openssl_client(SECRET, ours_alone(), &["-tls1_3", "-groups", "X448:P-384"])
        }),
        case("s_client: a pre-shared key, and another suite before its own", || {
            let suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
            let ours = ours_alone()
                .suites(&[CipherSuite::TLS_AES_256_GCM_SHA384, CipherSuite::TLS_AES_128_GCM_SHA256])?;
            their_openssl_client(SECRET, ours, &["-tls1_3", "-ciphersuites", suites])
        }),
        case("s_client: a pre-shared key where we have certificates, too", || {
            their_openssl_client(SECRET, certificates().server("p256").pre_shared_keys(key()), &["-tls1_3"])
        }),
        case("s_client: another key of the same name", their_openssl_client_with_another_key),
        case("s_client: a key that we do not know", their_openssl_client_with_an_unknown_key),
        case("s_server: a pre-shared key", || our_client_of_openssl(&[])),
        case("s_server: a pre-shared key, after a HelloRetryRequest", || {
            our_client_of_openssl(&["-groups", "P-384"])
        }),
        case("s_server: another key of the same name", our_client_of_openssl_with_another_key),
        case("s_server: a key that it does not know, and its certificate", our_client_of_openssl_falls_back),
    ]
}

pub(crate) fn gnutls_client_cases() -> Vec<Case> {
    vec![
        case("gnutls-cli: a pre-shared key", || their_gnutls_client(Mode::PskDheKe)),
        case("gnutls-cli: a pre-shared key alone (psk_ke)", || their_gnutls_client(Mode::PskKe)),
    ]
}

pub(crate) fn gnutls_server_cases() -> Vec<Case> {
    vec![
        case("gnutls-serv: a pre-shared key", || our_client_of_gnutls(Mode::PskDheKe)),
        case("gnutls-serv: a pre-shared key alone (psk_ke)", || our_client_of_gnutls(Mode::PskKe)),
    ]
}

fn key() -> PreSharedKey {
    key_of(SECRET)
}

fn key_of(secret: &str) -> PreSharedKey {
    PreSharedKey::external(IDENTITY.as_bytes(), &hex::decode(secret).unwrap()).unwrap()
}

fn ours_alone() -> ServerConfig {
    ServerConfig::with_pre_shared_keys(key(), UnixTime::now)
}

fn client_alone(secret: &str) -> Result<ClientConfig, Failed> {
    Ok(ClientConfig::with_pre_shared_key(key_of(secret), UnixTime::now)?)
}

fn check(info: &ConnectionInfo, mode: Mode) -> Result<(), Failed> {
    let known = Trust::PreSharedKey(IDENTITY.as_bytes().into());
    ensure!(info.trust == known && !info.resumed, "{info:?}");
    ensure!(info.group.is_some() == (mode == Mode::PskDheKe), "{info:?}");
    Ok(())
}

fn s_client(port: u16, secret: &str, arguments: &[&str]) -> Result<Program, Failed> {
    Program::start(
        openssl()
            .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
            .args(["-psk", secret, "-psk_identity", IDENTITY])
            .args(arguments),
    )
}

fn s_server(arguments: &[&str]) -> Result<(Program, u16), Failed> {
    let mut command = openssl();
    command.args(["s_server", "-tls1_3", "-accept", "127.0.0.1:0", "-rev", "-psk", SECRET]);
    let server = Program::start(command.args(["-psk_identity", IDENTITY]).args(arguments))?;
    let address = server.wait_for_line("ACCEPT ")?;
    let port = address.rsplit(':').next().unwrap_or_default().parse()?;
    Ok((server, port))
}

fn their_openssl_client(secret: &str, ours: ServerConfig, arguments: &[&str]) -> Result<(), Failed> {
    let served = serve(ours, echo)?;
    let mut client = s_client(served.port, secret, arguments)?;
    client.say("hello\n")?;
    client.wait_until("the echo", |words| words.out.ends_with(b"hello\n"))?;
    let (status, text) = client.finish()?;
    ensure!(status.success() && text.contains("no peer certificate available"), "{text}");
    let info = served.result()??;
    ensure!(info.suite == Some(CipherSuite::TLS_AES_128_GCM_SHA256), "{info:?}");
    ensure!(info.retried == arguments.contains(&"-groups"), "{info:?}");
    check(&info, Mode::PskDheKe)
}

fn their_openssl_client_with_another_key() -> Result<(), Failed> {
    let served = serve(ours_alone(), echo)?;
    let text = s_client(served.port, WRONG, &["-tls1_3"])?.finish()?.1;
    ensure!(text.contains("alert decrypt error"), "{text}");
    let found = error(served.result()?)?;
    ensure!(found.fault() == Some(Fault::BadBinder), "{found}");
    Ok(())
}

fn their_openssl_client_with_an_unknown_key() -> Result<(), Failed> {
    let other = PreSharedKey::external(b"another", &[7; 32])?;
    let served = serve(ServerConfig::with_pre_shared_keys(other, UnixTime::now), echo)?;
    let text = s_client(served.port, SECRET, &["-tls1_3"])?.finish()?.1;
    ensure!(text.contains("alert number 115"), "{text}");
    let found = error(served.result()?)?;
    ensure!(matches!(found, Error::NoPreSharedKey), "{found}");
    Ok(())
}

fn our_client_of_openssl(arguments: &[&str]) -> Result<(), Failed> {
    let (_server, port) = s_server(&[&["-nocert"], arguments].concat())?;
    let mut stream = client(client_alone(SECRET)?, port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    ensure!(stream.info().retried != arguments.is_empty(), "{:?}", stream.info());
    check(stream.info(), Mode::PskDheKe)
}

fn our_client_of_openssl_with_another_key() -> Result<(), Failed> {
    let (_server, port) = s_server(&["-nocert"])?;
    let found = error(client(client_alone(WRONG)?, port)?.handshake())?;
    // OpenSSL calls a wrong binder an illegal parameter.
    expect_alert(&found, AlertDescription::ILLEGAL_PARAMETER)
}

fn our_client_of_openssl_falls_back() -> Result<(), Failed> {
    let files = certificates().files("p256");
    let (leaf, private) = (files.leaf.display().to_string(), files.key.display().to_string());
    let chain = certificates().intermediate().display().to_string();
    let (_server, port) = s_server(&["-cert", &leaf, "-key", &private, "-cert_chain", &chain])?;
    let other = PreSharedKey::external(b"another", &[7; 32])?;
    let mut stream = client(certificates().client().pre_shared_key(other)?, port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    ensure!(stream.info().trust == Trust::Policy, "{:?}", stream.info());
    Ok(())
}

fn priority(mode: Mode) -> &'static str {
    match mode {
        Mode::PskDheKe => "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK",
        Mode::PskKe => "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK",
    }
}

fn their_gnutls_client(mode: Mode) -> Result<(), Failed> {
    let ours = if mode == Mode::PskKe { ours_alone().allow_psk_ke() } else { ours_alone() };
    let served = serve(ours, echo)?;
    let mut command = Command::new("gnutls-cli");
    command.args(["-p", &served.port.to_string(), "--pskusername", IDENTITY, "--pskkey", SECRET]);
    let mut client = Program::start(command.args(["--priority", priority(mode), "127.0.0.1"]))?;
    client.wait_for("Handshake was completed")?;
    client.say("hello\n")?;
    client.wait_until("the echo", |words| words.out.ends_with(b"hello\n"))?;
    let (status, text) = client.finish()?;
    ensure!(status.success(), "{text}");
    check(&served.result()??, mode)
}

fn our_client_of_gnutls(mode: Mode) -> Result<(), Failed> {
    let keys = certificates().path("gnutls.psk");
    std::fs::write(&keys, format!("{IDENTITY}:{SECRET}\n"))?;
    let (_server, port) = on_free_port(|port| {
        let mut command = Command::new("gnutls-serv");
        command.args(["--echo", "-p", &port.to_string(), "--priority", priority(mode), "--pskpasswd"]);
        command.arg(&keys);
        Ok(command)
    })?;
    let ours = client_alone(SECRET)?;
    let ours = if mode == Mode::PskKe { ours.allow_psk_ke() } else { ours };
    let mut stream = client(ours, port)?;
    greet(&mut stream, "hello\n", "hello\n")?;
    check(stream.info(), mode)
}
