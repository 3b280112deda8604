//! Go's crypto/tls, which has X25519MLKEM768, through the program in `tests/peers/go`.

use crate::certificates::{Kind, NAME, certificates};
use crate::ours::{CLASSICAL, client, echo, ensure, error, expect_alert, expect_end, noise, serve};
use crate::program::{Program, find, target};
use crate::{Case, case};
use handfast::wire::NamedGroup;
use handfast::{AlertDescription, ClientAuth, Error, Trust};
use libtest_mimic::Failed;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

/// The peer, built by the first caller.
pub(crate) fn peer() -> Result<&'static Path, Failed> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(|| build().map_err(|failed| format!("{failed:?}"))) {
        Ok(path) => Ok(path),
        Err(why) => Err(why.into()),
    }
}

fn build() -> Result<PathBuf, Failed> {
    let go = find("go").ok_or("go is not installed")?;
    let binary = certificates().path("peer");
    // Nothing but the standard library, and nothing from the network.
    let mut command = Command::new(go);
    command.args(["build", "-o"]).arg(&binary).arg(".");
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/go"));
    command
        .env("GOFLAGS", "-mod=mod")
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("CGO_ENABLED", "0");
    command.env("GOCACHE", target().join("peers/go-cache"));
    let output = command.output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go 1.26 or later is needed; it said:\n{words}");
    Ok(binary)
}

pub(crate) fn go_client(port: u16, arguments: &[&str]) -> Result<Program, Failed> {
    Program::start(
        Command::new(peer()?)
            .args(["-role", "client", "-name", NAME, "-port", &port.to_string(), "-roots"])
            .arg(certificates().root())
            .args(arguments),
    )
}

pub(crate) fn go_server(certificate: &str, arguments: &[&str]) -> Result<(Program, u16), Failed> {
    let files = certificates().files(certificate);
    let mut command = Command::new(peer()?);
    command.args(["-role", "server", "-cert"]).arg(&files.chain).arg("-key").arg(&files.key).args(arguments);
    let server = Program::start(&mut command)?;
    let port = server.wait_for_line("PORT ")?.parse()?;
    Ok((server, port))
}

/// What it negotiated, once it has ended well.
fn state(peer: &mut Program) -> Result<String, Failed> {
    let (status, text) = peer.finish()?;
    ensure!(status.success(), "{text}");
    let state = text.lines().find(|line| line.starts_with("STATE ")).unwrap_or_default();
    Ok(format!("{state} "))
}

pub(crate) fn cases() -> Vec<Case> {
    let hybrid = cfg!(feature = "post-quantum").then_some((NamedGroup::X25519MLKEM768, "X25519MLKEM768"));
    let mut cases = Vec::new();
    for (group, name) in CLASSICAL.into_iter().chain(hybrid) {
        for kind in Kind::ALL {
            let what = format!("{name}, {}", kind.name());
            cases.push(case(format!("Go client: {what}"), move || their_client(group, name, kind)));
            cases.push(case(format!("Go server: {what}"), move || their_server(group, name, kind)));
        }
    }
    cases.extend([
        case("Go client: what both sides choose by themselves", their_default_client),
        case("Go server: what both sides choose by themselves", their_default_server),
        case("Go client: a certificate that we require", their_certificate),
        case("Go server: a certificate that it requires", our_certificate),
        case("Go server: a certificate that it requires, and we have not", our_missing_certificate),
        case("Go client: ALPN", || their_alpn(true)),
        case("Go client: ALPN, no overlap", || their_alpn(false)),
        case("Go server: ALPN, no overlap", our_alpn_without_overlap),
        case("Go client: HelloRetryRequest", || their_retry(false)),
        case("Go client: HelloRetryRequest with a cookie", || their_retry(true)),
        case("Go server: HelloRetryRequest", our_retry),
        case("Go client: an expired certificate", our_expired_certificate),
        case("Go server: an expired certificate", their_expired_certificate),
        case("Go client: 10 MiB each way", ten_megabytes_with_their_client),
        case("Go server: 10 MiB each way", ten_megabytes_with_their_server),
    ]);
    cases
}

/// Go's name of a group.
fn named(group: &str) -> String {
    match group {
        "P-256" => "CurveP256".to_owned(),
        "P-384" => "CurveP384".to_owned(),
        other => other.to_owned(),
    }
}

fn their_client(group: NamedGroup, name: &str, kind: Kind) -> Result<(), Failed> {
    let served = serve(certificates().server(kind.name()), echo)?;
    let state = state(&mut go_client(served.port, &["-groups", name])?)?;
    ensure!(state.contains(&format!("group={} ", named(name))), "{state}");
    let info = served.result()??;
    ensure!(info.group == Some(group) && info.server_name.as_deref() == Some(NAME), "{info:?}");
    Ok(())
}

/// Says hello, gets it back, and closes.
fn converse(stream: &mut crate::ours::Stream) -> Result<(), Failed> {
    crate::ours::greet(stream, "hello", "hello")
}

fn their_server(group: NamedGroup, name: &str, kind: Kind) -> Result<(), Failed> {
    let (mut server, port) = go_server(kind.name(), &[])?;
    let mut stream = client(certificates().client().groups(&[group])?, port)?;
    converse(&mut stream)?;
    let state = state(&mut server)?;
    ensure!(state.contains(&format!("group={} ", named(name))), "{state}");
    ensure!(state.contains(&format!("name=\"{NAME}\"")), "{state}");
    let info = stream.info();
    ensure!(info.group == Some(group) && info.trust == Trust::Policy, "{info:?}");
    Ok(())
}

/// The best group of both: the hybrid one, where this build has it.
fn best() -> &'static str {
    if cfg!(feature = "post-quantum") { "group=X25519MLKEM768 " } else { "group=X25519 " }
}

fn their_default_client() -> Result<(), Failed> {
    let served = serve(certificates().server("p256"), echo)?;
    let state = state(&mut go_client(served.port, &[])?)?;
    ensure!(state.contains(best()) && state.contains("retried=false"), "{state}");
    ensure!(!served.result()??.retried, "retried");
    Ok(())
}

fn their_default_server() -> Result<(), Failed> {
    let (mut server, port) = go_server("p256", &[])?;
    converse(&mut client(certificates().client(), port)?)?;
    let state = state(&mut server)?;
    ensure!(state.contains(best()) && state.contains("retried=false"), "{state}");
    Ok(())
}

fn their_certificate() -> Result<(), Failed> {
    let judge = certificates().verifier().into();
    let served = serve(certificates().server("p256").client_auth(ClientAuth::Require(judge)), echo)?;
    let files = certificates().files("client-rsa");
    let (chain, key) = (files.chain.display().to_string(), files.key.display().to_string());
    state(&mut go_client(served.port, &["-cert", &chain, "-key", &key])?)?;
    let info = served.result()??;
    ensure!(info.trust == Trust::Policy, "{info:?}");
    Ok(())
}

fn our_certificate() -> Result<(), Failed> {
    let root = certificates().root().display().to_string();
    let (mut server, port) = go_server("p256", &["-roots", &root])?;
    let identity = certificates().files("client-ed25519").identity();
    converse(&mut client(certificates().client().identity(identity), port)?)?;
    let state = state(&mut server)?;
    ensure!(state.contains("peers=2"), "{state}");
    Ok(())
}

fn our_missing_certificate() -> Result<(), Failed> {
    let root = certificates().root().display().to_string();
    let (server, port) = go_server("p256", &["-roots", &root])?;
    let mut stream = client(certificates().client(), port)?;
    stream.handshake()?;
    expect_alert(&error(stream.read(&mut [0; 9]))?, AlertDescription::CERTIFICATE_REQUIRED)?;
    server.wait_for("ERROR tls: client didn't provide a certificate")?;
    Ok(())
}

fn their_alpn(overlap: bool) -> Result<(), Failed> {
    let served = serve(certificates().server("p256").alpn(&[b"h2", b"http/1.1"])?, echo)?;
    let mut client = go_client(served.port, &["-alpn", if overlap { "x,http/1.1" } else { "x,y" }])?;
    if !overlap {
        client.wait_for("ERROR remote error: tls: no application protocol")?;
        let found = error(served.result()?)?;
        ensure!(found.alert() == Some(AlertDescription::NO_APPLICATION_PROTOCOL), "{found}");
        return Ok(());
    }
    let state = state(&mut client)?;
    ensure!(state.contains("alpn=\"http/1.1\""), "{state}");
    Ok(())
}

fn our_alpn_without_overlap() -> Result<(), Failed> {
    let (_server, port) = go_server("p256", &["-alpn", "x,y"])?;
    let mut stream = client(certificates().client().alpn(&[b"h2"])?, port)?;
    expect_alert(&error(stream.handshake())?, AlertDescription::NO_APPLICATION_PROTOCOL)
}

fn their_retry(cookie: bool) -> Result<(), Failed> {
    let config = certificates().server("p256").groups(&[NamedGroup::SECP384R1])?;
    let served = serve(if cookie { config.retry_cookie([3; 32])? } else { config }, echo)?;
    let state = state(&mut go_client(served.port, &[])?)?;
    ensure!(state.contains("retried=true") && state.contains("group=CurveP384 "), "{state}");
    ensure!(served.result()??.retried, "not retried");
    Ok(())
}

fn our_retry() -> Result<(), Failed> {
    let (mut server, port) = go_server("p256", &["-groups", "P-384"])?;
    let mut stream = client(certificates().client(), port)?;
    converse(&mut stream)?;
    ensure!(stream.info().retried, "not retried");
    let state = state(&mut server)?;
    ensure!(state.contains("retried=true") && state.contains("group=CurveP384 "), "{state}");
    Ok(())
}

fn our_expired_certificate() -> Result<(), Failed> {
    let served = serve(certificates().server("expired"), echo)?;
    go_client(served.port, &[])?.wait_for("certificate has expired")?;
    // Go says so with this alert, whatever is wrong.
    expect_alert(&error(served.result()?)?, AlertDescription::BAD_CERTIFICATE)
}

fn their_expired_certificate() -> Result<(), Failed> {
    let (server, port) = go_server("expired", &[])?;
    let found = error(client(certificates().client(), port)?.handshake())?;
    ensure!(matches!(found, Error::CertificateRefused(_)), "{found}");
    server.wait_for("ERROR remote error: tls: expired certificate")?;
    Ok(())
}

const BULK: usize = 10 << 20;

fn ten_megabytes_with_their_client() -> Result<(), Failed> {
    let served = serve(certificates().server("p256"), echo)?;
    state(&mut go_client(served.port, &["-bulk", &BULK.to_string()])?)?;
    served.result()??;
    Ok(())
}

fn ten_megabytes_with_their_server() -> Result<(), Failed> {
    let (mut server, port) = go_server("p256", &[])?;
    let (mut reader, mut writer) = client(certificates().client(), port)?.split(TcpStream::try_clone)?;
    let writing = thread::spawn(move || writer.write_all(&noise(BULK)).and_then(|()| writer.close()));
    let mut got = vec![0; BULK];
    reader.read_exact(&mut got)?;
    ensure!(got == noise(BULK), "what came back is not what was sent");
    expect_end(&mut reader)?;
    writing.join().map_err(|_| "panic")??;
    state(&mut server)?;
    Ok(())
}
