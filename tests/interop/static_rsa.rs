//! Static RSA in TLS 1.2 (RFC 5246 section 7.4.7.1), with OpenSSL and GnuTLS in
//! both roles.

use crate::certificates::{Kind, certificates};
use crate::openssl::{converse, s_client_of, s_client_showing, s_server_of};
use crate::ours::{client, echo, ensure, error, expect_alert, greet, serve};
use crate::program::{Program, find};
use crate::{Case, case, gnutls};
use handfast::wire::{CipherSuite, ProtocolVersion};
use handfast::{AlertDescription, ClientAuth, ClientConfig, ConnectionInfo, ServerConfig, Trust};
use libtest_mimic::Failed;
use rcgen::KeyPair;
use std::process::Command;

/// A suite, with its name in OpenSSL and its cipher in GnuTLS.
type Suite = (CipherSuite, &'static str, &'static str);
const SUITES: [Suite; 2] = [
    (CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", "AES-128-GCM"),
    (CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", "AES-256-GCM"),
];

/// With extended master secret, and without; and how a case is called then.
const EXTENDED: [(bool, &str); 2] = [(true, ""), (false, ", without extended master secret")];

pub(crate) fn openssl_cases() -> Vec<Case> {
    let mut cases = each("s_client", s_client);
    cases.extend(each("s_server", |suite, extended| s_server(suite, extended, Kind::Rsa.name())));
    for suite in SUITES {
        let one = |what: &str, run: fn(Suite) -> Result<(), Failed>| {
            case(format!("{what}: {}", suite.0), move || run(suite))
        };
        cases.extend([
            one("s_client with a certificate, a key of 3072 bits", s_client_with_certificate),
            one("s_client, a server without the switch", refused),
            one("s_server, a key of 4096 bits", |suite| s_server(suite, true, &long_key(suite, "4096")?)),
            one("s_server, a client without the switch", client_refused),
        ]);
    }
    cases
}

pub(crate) fn gnutls_client_cases() -> Vec<Case> {
    each("gnutls-cli", gnutls_cli)
}

pub(crate) fn gnutls_server_cases() -> Vec<Case> {
    each("gnutls-serv", gnutls_serv)
}

fn each(peer: &str, run: fn(Suite, bool) -> Result<(), Failed>) -> Vec<Case> {
    let each = SUITES.into_iter().flat_map(|suite| EXTENDED.map(|extended| (suite, extended)));
    each.map(|(suite, (extended, with))| {
        case(format!("{peer}: {}{with}", suite.0), move || run(suite, extended))
    })
    .collect()
}

/// The name of a server's certificate, whose key is made for it.
fn long_key(suite: Suite, bits: &str) -> Result<String, Failed> {
    let openssl = find("openssl").ok_or("openssl is not installed")?;
    let bits_option = format!("rsa_keygen_bits:{bits}");
    let made =
        Command::new(openssl).args(["genpkey", "-algorithm", "RSA", "-pkeyopt", &bits_option]).output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let name = format!("rsa-{bits}-{}", suite.1);
    let key = KeyPair::from_pem(std::str::from_utf8(&made.stdout)?)?;
    certificates().server_with(&name, key);
    Ok(name)
}

fn server(certificate: &str) -> ServerConfig {
    certificates().server(certificate).allow_static_rsa()
}

fn check(info: &ConnectionInfo, suite: Suite, extended: bool) -> Result<(), Failed> {
    let got = (info.version, info.suite, info.group, info.extended_master_secret);
    let expected = (Some(ProtocolVersion::TLS12), Some(suite.0), None, extended);
    ensure!(got == expected, "{got:?} in place of {expected:?}");
    Ok(())
}

fn s_client_with(suite: Suite, port: u16) -> Result<Program, Failed> {
    s_client_of("-tls1_2", port, &["-cipher", suite.1])
}

fn s_client(suite: Suite, extended: bool) -> Result<(), Failed> {
    let config = server(Kind::Rsa.name());
    let served = serve(if extended { config } else { config.without_extended_master_secret() }, echo)?;
    let text = converse(&mut s_client_with(suite, served.port)?)?;
    ensure!(text.contains(&format!("Cipher is {}", suite.1)), "{text}");
    let said = if extended { "Extended master secret: yes" } else { "Extended master secret: no" };
    ensure!(text.contains(said), "{text}");
    check(&served.result()??, suite, extended)
}

fn s_client_with_certificate(suite: Suite) -> Result<(), Failed> {
    let judge = certificates().verifier().into();
    let config = server(&long_key(suite, "3072")?).client_auth(ClientAuth::Require(judge));
    let served = serve(config, echo)?;
    converse(&mut s_client_showing("-tls1_2", served.port, "client-rsa", &["-cipher", suite.1])?)?;
    let info = served.result()??;
    let identity = certificates().files("client-rsa").identity();
    ensure!(info.peer_chain.as_deref() == Some(identity.chain()), "not the client's certificate");
    check(&info, suite, true)
}

/// Without the switch the client is told handshake_failure.
fn refused(suite: Suite) -> Result<(), Failed> {
    let served = serve(certificates().server(Kind::Rsa.name()), echo)?;
    let client = s_client_with(suite, served.port)?;
    client.wait_for("alert handshake failure")?;
    let found = error(served.result()?)?;
    ensure!(found.alert() == Some(AlertDescription::HANDSHAKE_FAILURE), "{found}");
    Ok(())
}

fn s_server_with(suite: Suite, certificate: &str) -> Result<(Program, u16), Failed> {
    s_server_of("-tls1_2", certificate, &["-rev", "-cipher", suite.1])
}

/// Our client, which takes this suite alone.
fn greet_with(suite: Suite, extended: bool, port: u16, reply: &str) -> Result<(), Failed> {
    let config = certificates().client().versions(&[ProtocolVersion::TLS12])?;
    let config: ClientConfig = config.allow_static_rsa().suites(&[suite.0])?;
    let config = if extended { config } else { config.without_extended_master_secret() };
    let mut stream = client(config, port)?;
    greet(&mut stream, "hello\n", reply)?;
    ensure!(stream.info().trust == Trust::Policy, "{:?}", stream.info());
    check(stream.info(), suite, extended)
}

fn s_server(suite: Suite, extended: bool, certificate: &str) -> Result<(), Failed> {
    let (_server, port) = s_server_with(suite, certificate)?;
    greet_with(suite, extended, port, "olleh\n")
}

/// A client without the switch offers nothing to a server of static RSA alone.
fn client_refused(suite: Suite) -> Result<(), Failed> {
    let (_server, port) = s_server_with(suite, Kind::Rsa.name())?;
    let mut stream = client(certificates().client().versions(&[ProtocolVersion::TLS12])?, port)?;
    expect_alert(&error(stream.handshake())?, AlertDescription::HANDSHAKE_FAILURE)
}

fn priority(suite: Suite, extended: bool) -> String {
    let without = if extended { "" } else { ":%NO_SESSION_HASH" };
    format!("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA:-CIPHER-ALL:+{}{without}", suite.2)
}

fn gnutls_cli(suite: Suite, extended: bool) -> Result<(), Failed> {
    let served = serve(server(Kind::Rsa.name()), echo)?;
    let mut client = gnutls::gnutls_cli(served.port, &["--priority", &priority(suite, extended)])?;
    let text = gnutls::converse(&mut client)?;
    ensure!(text.contains("(RSA)"), "{text}");
    check(&served.result()??, suite, extended)
}

fn gnutls_serv(suite: Suite, extended: bool) -> Result<(), Failed> {
    let arguments = ["--disable-client-cert", "--nodb", "--priority", &priority(suite, extended)];
    let (_server, port) = gnutls::gnutls_serv(Kind::Rsa.name(), &arguments)?;
    greet_with(suite, extended, port, "hello\n")
}
