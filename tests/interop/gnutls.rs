//! GnuTLS's `gnutls-cli` against our server, and our client against its `gnutls-serv`.

use crate::certificates::{Kind, NAME, certificates};
use crate::ours::{
    CLASSICAL, KeyUpdates, client, echo, ensure, error, expect, expect_alert, greet, serve, serve_watched,
};
use crate::program::{Program, on_free_port};
use crate::{Case, case};
use handfast::wire::NamedGroup;
use handfast::{AlertDescription, ClientAuth, Trust};
use libtest_mimic::Failed;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;

/// TLS 1.3 with one group.
fn priority(group: &str) -> String {
    let group = match group {
        "P-256" => "SECP256R1",
        "P-384" => "SECP384R1",
        other => other,
    };
    format!("NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-{group}")
}

pub(crate) fn gnutls_cli(port: u16, arguments: &[&str]) -> Result<Program, Failed> {
    Program::start(
        Command::new("gnutls-cli")
            .args([
                "-p",
                &port.to_string(),
                "--sni-hostname",
                NAME,
                "--verify-hostname",
                NAME,
                "--x509cafile",
            ])
            .arg(certificates().root())
            .args(arguments)
            .arg("127.0.0.1"),
    )
}

pub(crate) fn gnutls_serv(certificate: &str, arguments: &[&str]) -> Result<(Program, u16), Failed> {
    let files = certificates().files(certificate);
    on_free_port(|port| {
        let mut command = Command::new("gnutls-serv");
        command.args(["--echo", "-p", &port.to_string(), "--x509certfile"]).arg(&files.chain);
        command.arg("--x509keyfile").arg(&files.key).args(arguments);
        Ok(command)
    })
}

pub(crate) fn client_cases() -> Vec<Case> {
    let mut cases = vec![
        case("gnutls-cli: a certificate that we require", their_certificate),
        case("gnutls-cli: ALPN", their_alpn),
        case("gnutls-cli: HelloRetryRequest", their_retry),
        case("gnutls-cli: KeyUpdate", their_key_update),
    ];
    for (group, name) in CLASSICAL {
        for kind in Kind::ALL {
            let what = format!("gnutls-cli: {name}, {}", kind.name());
            cases.push(case(what, move || their_client(group, name, kind)));
        }
    }
    cases
}

pub(crate) fn server_cases() -> Vec<Case> {
    let mut cases = vec![
        case("gnutls-serv: a certificate that it requires", our_certificate),
        case("gnutls-serv: a certificate that it requires, and we have not", our_missing_certificate),
    ];
    for (group, name) in CLASSICAL {
        for kind in Kind::ALL {
            let what = format!("gnutls-serv: {name}, {}", kind.name());
            cases.push(case(what, move || their_server(group, name, kind)));
        }
    }
    cases
}

pub(crate) fn converse(client: &mut Program) -> Result<String, Failed> {
    client.wait_for("Handshake was completed")?;
    client.say("hello\n")?;
    client.wait_until("the echo", |words| words.out.ends_with(b"hello\n"))?;
    let (status, text) = client.finish()?;
    ensure!(status.success(), "{text}");
    ensure!(text.contains("Status: The certificate is trusted"), "{text}");
    Ok(text)
}

fn their_client(group: NamedGroup, name: &str, kind: Kind) -> Result<(), Failed> {
    let served = serve(certificates().server(kind.name()), echo)?;
    let text = converse(&mut gnutls_cli(served.port, &["--priority", &priority(name)])?)?;
    ensure!(text.contains("Description: (TLS1.3"), "{text}");
    let info = served.result()??;
    ensure!(info.group == Some(group), "{info:?}");
    Ok(())
}

fn their_server(group: NamedGroup, name: &str, kind: Kind) -> Result<(), Failed> {
    let (_server, port) =
        gnutls_serv(kind.name(), &["--priority", &priority(name), "--disable-client-cert"])?;
    let mut stream = client(certificates().client(), port)?;
    greet(&mut stream, "hello\n", "hello\n")?;
    ensure!(stream.info().group == Some(group), "{:?}", stream.info());
    Ok(())
}

fn their_certificate() -> Result<(), Failed> {
    let judge = certificates().verifier().into();
    let served = serve(certificates().server("rsa").client_auth(ClientAuth::Require(judge)), echo)?;
    let files = certificates().files("client-p256");
    let (chain, key) = (files.chain.display().to_string(), files.key.display().to_string());
    converse(&mut gnutls_cli(served.port, &["--x509certfile", &chain, "--x509keyfile", &key])?)?;
    let info = served.result()??;
    ensure!(info.trust == Trust::Policy, "{info:?}");
    Ok(())
}

fn requiring() -> Result<(Program, u16), Failed> {
    let root = certificates().root().display().to_string();
    gnutls_serv("p256", &["--require-client-cert", "--verify-client-cert", "--x509cafile", &root])
}

fn our_certificate() -> Result<(), Failed> {
    let (_server, port) = requiring()?;
    let identity = certificates().files("client-rsa").identity();
    greet(&mut client(certificates().client().identity(identity), port)?, "hello\n", "hello\n")
}

fn our_missing_certificate() -> Result<(), Failed> {
    let (_server, port) = requiring()?;
    let mut stream = client(certificates().client(), port)?;
    stream.handshake()?;
    let found = error(std::io::Read::read(&mut stream, &mut [0; 9]))?;
    expect_alert(&found, AlertDescription::CERTIFICATE_REQUIRED)
}

fn their_alpn() -> Result<(), Failed> {
    let served = serve(certificates().server("p256").alpn(&[b"h2", b"http/1.1"])?, echo)?;
    converse(&mut gnutls_cli(served.port, &["--alpn", "http/1.1", "--alpn", "h2"])?)?;
    let info = served.result()??;
    ensure!(info.alpn.as_deref() == Some(b"h2"), "{info:?}");
    Ok(())
}

fn their_retry() -> Result<(), Failed> {
    let served = serve(certificates().server("p256").groups(&[NamedGroup::SECP384R1])?, echo)?;
    let priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP384R1";
    converse(&mut gnutls_cli(served.port, &["--single-key-share", "--priority", priority])?)?;
    let info = served.result()??;
    ensure!(info.retried && info.group == Some(NamedGroup::SECP384R1), "{info:?}");
    Ok(())
}

fn their_key_update() -> Result<(), Failed> {
    let seen = Arc::new(KeyUpdates::default());
    let served = serve_watched(certificates().server("p256"), Some(seen.clone()), |mut stream| {
        expect(&mut stream, "one\n")?;
        stream.write_all(b"heard\n")?;
        Ok::<_, Failed>(echo(stream)?)
    })?;
    let mut client = gnutls_cli(served.port, &["--inline-commands"])?;
    client.wait_for("Handshake was completed")?;
    client.say("one\n")?;
    client.wait_for("heard\n")?;
    client.say("^rekey^\n")?;
    seen.wait_for(1)?;
    client.say("two\n")?;
    client.wait_for("two\n")?;
    client.finish()?;
    served.result()??;
    ensure!(seen.seen() == (1, 1), "{:?}", seen.seen());
    Ok(())
}
