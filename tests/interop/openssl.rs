//! OpenSSL's `s_client` against our server, and our client against its `s_server`.

use crate::certificates::{Kind, NAME, OTHER, certificates};
use crate::ours::{
    CLASSICAL, KeyUpdates, Stream, client, client_watched, echo, ensure, error, expect, expect_alert,
    expect_end, greet, listen, noise, serve, serve_watched,
};
use crate::program::{Program, on_free_port};
use crate::{Case, case};
use handfast::wire::{CipherSuite, NamedGroup};
use handfast::{
    AlertDescription, ClientAuth, Connection, ConnectionInfo, Error, Event, Fault, ServerConfig, TlsStream,
    Trust,
};
use libtest_mimic::Failed;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::thread;

const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

const VERSION: &str = "-tls1_3";

pub(crate) fn openssl() -> Command {
    Command::new("openssl")
}

/// `s_client` that verifies our server's certificate and name.
fn s_client(port: u16, arguments: &[&str]) -> Result<Program, Failed> {
    s_client_of(VERSION, port, arguments)
}

/// The same in this version.
pub(crate) fn s_client_of(version: &str, port: u16, arguments: &[&str]) -> Result<Program, Failed> {
    Program::start(
        openssl()
            .args(["s_client", version, "-connect", &format!("127.0.0.1:{port}"), "-verify_return_error"])
            .args(["-servername", NAME, "-verify_hostname", NAME, "-CAfile"])
            .arg(certificates().root())
            .args(arguments),
    )
}

/// `s_server` with one of our certificates, and its port.
fn s_server(certificate: &str, arguments: &[&str]) -> Result<(Program, u16), Failed> {
    s_server_of(VERSION, certificate, arguments)
}

/// The same in this version.
pub(crate) fn s_server_of(
    version: &str,
    certificate: &str,
    arguments: &[&str],
) -> Result<(Program, u16), Failed> {
    let files = certificates().files(certificate);
    let mut command = openssl();
    command
        .args(["s_server", version, "-accept", "127.0.0.1:0", "-cert"])
        .arg(&files.leaf)
        .arg("-key")
        .arg(&files.key);
    if !["no-intermediate", "other"].contains(&certificate) {
        command.arg("-cert_chain").arg(certificates().intermediate());
    }
    let server = Program::start(command.args(arguments))?;
    let address = server.wait_for_line("ACCEPT ")?;
    let port = address.rsplit(':').next().unwrap_or_default().parse()?;
    Ok((server, port))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in SUITES {
        for (group, group_name) in CLASSICAL {
            for kind in Kind::ALL {
                let what = format!("{suite}, {group_name}, {}", kind.name());
                cases.push(case(format!("s_client: {what}"), move || {
                    their_client(suite, group, group_name, kind)
                }));
                cases.push(case(format!("s_server: {what}"), move || their_server(suite, group, kind)));
            }
        }
    }
    for kind in Kind::ALL {
        let name = kind.name();
        cases.push(case(format!("s_client: a {name} certificate that we require"), move || {
            their_certificate(VERSION, kind)
        }));
        cases.push(case(format!("s_server: a {name} certificate that it requires"), move || {
            our_certificate(VERSION, kind)
        }));
    }
    for (bad, alert, number) in BAD {
        cases.push(case(format!("s_server: {bad}"), move || their_bad_certificate(bad, alert, number)));
    }
    for (bad, alert) in BAD_THERE {
        cases.push(case(format!("s_client: {bad}"), move || our_bad_certificate(bad, alert)));
    }
    cases.extend([
        case("s_client: a certificate that we request, and it has", || their_requested_certificate(true)),
        case("s_client: a certificate that we request, and it has not", || {
            their_requested_certificate(false)
        }),
        case("s_client: a certificate that we require, and it has not", their_missing_certificate),
        case("s_client: a certificate of an unknown authority", their_unknown_certificate),
        case(
            "s_server: a certificate that it requests, and we have not",
            our_missing_certificate_that_is_requested,
        ),
        case("s_server: a certificate that it requires, and we have not", our_missing_certificate),
        case("s_client: ALPN", || their_alpn("http/1.1,h2", Some("h2"))),
        case("s_client: ALPN, no overlap", || their_alpn("gopher", None)),
        case("s_server: ALPN", || our_alpn("http/1.1,h2", true)),
        case("s_server: ALPN, no overlap", || our_alpn("gopher", false)),
        case("s_client: two certificates, by name", their_choice_of_name),
        case("s_server: two certificates, by name", our_choice_of_name),
        case("s_client: two certificates, by signature scheme", their_choice_of_scheme),
        case("s_client: nothing in common", nothing_in_common_here),
        case("s_server: nothing in common", nothing_in_common_there),
        case("s_client: HelloRetryRequest", || their_retry(false)),
        case("s_client: HelloRetryRequest with a cookie", || their_retry(true)),
        case("s_client: a stateless HelloRetryRequest, another connection goes on", their_stateless_retry),
        case("s_server: HelloRetryRequest", our_retry),
        case("s_client: KeyUpdate, both ways", their_key_updates),
        case("s_server: KeyUpdate, both ways", our_key_updates),
        case("s_client: 10 MiB each way", ten_megabytes_with_their_client),
        case("s_server: 10 MiB each way", ten_megabytes_with_their_server),
        case("s_client: it is killed", || their_client_is_killed(VERSION)),
        case("s_server: it is killed", their_server_is_killed),
        case("s_client: we cut", we_cut_their_client),
    ]);
    cases
}

/// What both sides must agree on.
fn check(info: &ConnectionInfo, suite: CipherSuite, group: NamedGroup) -> Result<(), Failed> {
    ensure!(info.suite == Some(suite), "negotiated {:?}", info.suite);
    ensure!(info.group == Some(group), "negotiated {:?}", info.group);
    Ok(())
}

/// A greeting that `s_client` types, and our server gives back.
pub(crate) fn converse(client: &mut Program) -> Result<String, Failed> {
    client.say("hello\n")?;
    client.wait_until("the echo", |words| words.out.ends_with(b"hello\n"))?;
    let (status, text) = client.finish()?;
    ensure!(status.success(), "s_client failed: {text}");
    ensure!(text.contains("Verify return code: 0 (ok)"), "it did not verify: {text}");
    Ok(text)
}

fn their_client(suite: CipherSuite, group: NamedGroup, group_name: &str, kind: Kind) -> Result<(), Failed> {
    let served = serve(certificates().server(kind.name()), echo)?;
    let mut client = s_client(served.port, &["-ciphersuites", &suite.to_string(), "-groups", group_name])?;
    let text = converse(&mut client)?;
    ensure!(text.contains(&format!("New, TLSv1.3, Cipher is {suite}")), "{text}");
    let info = served.result()??;
    ensure!(info.server_name.as_deref() == Some(NAME) && !info.retried, "{info:?}");
    check(&info, suite, group)
}

fn their_server(suite: CipherSuite, group: NamedGroup, kind: Kind) -> Result<(), Failed> {
    let (_server, port) = s_server(kind.name(), &["-rev"])?;
    let mut stream = client(certificates().client().suites(&[suite])?.groups(&[group])?, port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    let info = stream.info();
    ensure!(info.trust == Trust::Policy, "{info:?}");
    check(info, suite, group)
}

pub(crate) fn requiring(certificate: &str) -> ServerConfig {
    let judge = certificates().verifier().into();
    certificates().server(certificate).client_auth(ClientAuth::Require(judge))
}

/// `s_client` that shows one of our certificates, if it is asked for one.
pub(crate) fn s_client_showing(
    version: &str,
    port: u16,
    name: &str,
    arguments: &[&str],
) -> Result<Program, Failed> {
    let files = certificates().files(name);
    let [leaf, key, intermediate] =
        [files.leaf, files.key, certificates().intermediate()].map(|path| path.display().to_string());
    let shown = ["-cert", &leaf, "-key", &key, "-cert_chain", &intermediate];
    s_client_of(version, port, &[&shown, arguments].concat())
}

pub(crate) fn their_certificate(version: &str, kind: Kind) -> Result<(), Failed> {
    let served = serve(requiring("p256"), echo)?;
    let name = format!("client-{}", kind.name());
    converse(&mut s_client_showing(version, served.port, &name, &[])?)?;
    let info = served.result()??;
    ensure!(info.trust == Trust::Policy, "{info:?}");
    ensure!(info.peer_chain.as_ref().is_some_and(|chain| chain.len() == 2), "{info:?}");
    Ok(())
}

pub(crate) fn our_certificate(version: &str, kind: Kind) -> Result<(), Failed> {
    let root = certificates().root().display().to_string();
    let (server, port) =
        s_server_of(version, "p256", &["-rev", "-Verify", "3", "-verify_return_error", "-CAfile", &root])?;
    let identity = certificates().files(&format!("client-{}", kind.name())).identity();
    let mut stream = client(certificates().client().identity(identity), port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    ensure!(stream.info().own_scheme.is_some(), "nothing was signed");
    server.wait_for("verify return:1")?;
    Ok(())
}

fn their_requested_certificate(has: bool) -> Result<(), Failed> {
    let judge = certificates().verifier().into();
    let config = certificates().server("p256").client_auth(ClientAuth::Request(judge));
    let served = serve(config, echo)?;
    let mut client = if has {
        s_client_showing(VERSION, served.port, "client-p384", &[])?
    } else {
        s_client(served.port, &[])?
    };
    let text = converse(&mut client)?;
    ensure!(text.contains("handfast test root"), "the authorities are named: {text}");
    let trust = served.result()??.trust.clone();
    ensure!(trust == if has { Trust::Policy } else { Trust::Anonymous }, "{trust:?}");
    Ok(())
}

fn their_missing_certificate() -> Result<(), Failed> {
    let served = serve(requiring("p256"), echo)?;
    let client = s_client(served.port, &[])?;
    client.wait_for("alert number 116")?;
    let found = error(served.result()?)?;
    ensure!(found.fault() == Some(Fault::CertificateRequired), "{found}");
    Ok(())
}

fn their_unknown_certificate() -> Result<(), Failed> {
    let served = serve(requiring("p256"), echo)?;
    let client = s_client_showing(VERSION, served.port, "stranger", &[])?;
    // The certificate is for servers, too, but that it is a stranger's is said first.
    client.wait_for("alert number 48")?;
    let found = error(served.result()?)?;
    ensure!(matches!(found, Error::CertificateRefused(_)), "{found}");
    Ok(())
}

fn our_missing_certificate_that_is_requested() -> Result<(), Failed> {
    let (_server, port) = s_server("p256", &["-rev", "-verify", "3"])?;
    greet(&mut client(certificates().client(), port)?, "hello\n", "olleh\n")
}

fn our_missing_certificate() -> Result<(), Failed> {
    let (server, port) = s_server("p256", &["-rev", "-Verify", "3"])?;
    let mut stream = client(certificates().client(), port)?;
    // TLS 1.3: the handshake is complete here before the server has looked.
    stream.handshake()?;
    expect_alert(&error(stream.read(&mut [0; 9]))?, AlertDescription::CERTIFICATE_REQUIRED)?;
    server.wait_for("peer did not return a certificate")?;
    Ok(())
}

/// A server's certificate, the alert that we send, and its number.
const BAD: [(&str, AlertDescription, u8); 6] = [
    ("expired", AlertDescription::CERTIFICATE_EXPIRED, 45),
    ("not-yet-valid", AlertDescription::CERTIFICATE_EXPIRED, 45),
    ("other", AlertDescription::BAD_CERTIFICATE, 42),
    ("stranger", AlertDescription::UNKNOWN_CA, 48),
    ("no-intermediate", AlertDescription::UNKNOWN_CA, 48),
    ("wrong-usage", AlertDescription::UNSUPPORTED_CERTIFICATE, 43),
];

fn their_bad_certificate(name: &str, alert: AlertDescription, number: u8) -> Result<(), Failed> {
    let (server, port) = s_server(name, &["-rev"])?;
    let mut stream = client(certificates().client(), port)?;
    let found = error(stream.handshake())?;
    ensure!(matches!(found, Error::CertificateRefused(_)), "{found}");
    ensure!(found.alert() == Some(alert), "{:?}: {found}", found.alert());
    server.wait_for(&format!("alert number {number}"))?;
    Ok(())
}

/// Our certificate, and the alert that OpenSSL sends.
const BAD_THERE: [(&str, AlertDescription); 5] = [
    ("expired", AlertDescription::CERTIFICATE_EXPIRED),
    ("other", AlertDescription::BAD_CERTIFICATE),
    ("stranger", AlertDescription::UNKNOWN_CA),
    ("no-intermediate", AlertDescription::UNKNOWN_CA),
    ("wrong-usage", AlertDescription::UNSUPPORTED_CERTIFICATE),
];

fn our_bad_certificate(name: &str, alert: AlertDescription) -> Result<(), Failed> {
    let served = serve(certificates().server(name), echo)?;
    let _client = s_client(served.port, &[])?;
    expect_alert(&error(served.result()?)?, alert)
}

fn their_alpn(offered: &str, chosen: Option<&str>) -> Result<(), Failed> {
    let served = serve(certificates().server("p256").alpn(&[b"h2", b"http/1.1"])?, echo)?;
    let mut client = s_client(served.port, &["-alpn", offered])?;
    match chosen {
        Some(protocol) => {
            let text = converse(&mut client)?;
            ensure!(text.contains(&format!("ALPN protocol: {protocol}")), "{text}");
            let info = served.result()??;
            ensure!(info.alpn.as_deref() == Some(protocol.as_bytes()), "{info:?}");
        }
        None => {
            client.wait_for("alert number 120")?;
            let found = error(served.result()?)?;
            ensure!(found.alert() == Some(AlertDescription::NO_APPLICATION_PROTOCOL), "{found}");
        }
    }
    Ok(())
}

fn our_alpn(theirs: &str, overlap: bool) -> Result<(), Failed> {
    let (_server, port) = s_server("p256", &["-rev", "-alpn", theirs])?;
    let mut stream = client(certificates().client().alpn(&[b"h2", b"h3"])?, port)?;
    if !overlap {
        return expect_alert(&error(stream.handshake())?, AlertDescription::NO_APPLICATION_PROTOCOL);
    }
    greet(&mut stream, "hello\n", "olleh\n")?;
    ensure!(stream.info().alpn.as_deref() == Some(b"h2"), "{:?}", stream.info().alpn);
    Ok(())
}

fn their_choice_of_name() -> Result<(), Failed> {
    for (asked, expected) in [(NAME, "CN = server.test"), (OTHER, "CN = other.test")] {
        let config = certificates().server("p256").add_identity(certificates().files("other").identity());
        let served = serve(config, echo)?;
        let mut client = s_client(served.port, &["-servername", asked, "-verify_hostname", asked])?;
        let text = converse(&mut client)?;
        let subject = text.lines().find(|line| line.starts_with("subject=")).unwrap_or_default();
        ensure!(subject.replace(" = ", "=").contains(&expected.replace(" = ", "=")), "{subject}");
        served.result()??;
    }
    Ok(())
}

fn our_choice_of_name() -> Result<(), Failed> {
    let good = certificates().files(Kind::P384.name());
    // The certificate for the name that we ask for is its second one.
    let (cert2, key2) = (good.leaf.display().to_string(), good.key.display().to_string());
    let chain = certificates().intermediate().display().to_string();
    let arguments = ["-rev", "-servername", NAME, "-cert2", &cert2, "-key2", &key2, "-CAfile", &chain];
    let (_server, port) = s_server("other", &arguments)?;
    greet(&mut client(certificates().client(), port)?, "hello\n", "olleh\n")
}

fn their_choice_of_scheme() -> Result<(), Failed> {
    for (scheme, expected) in [("ed25519", "Ed25519"), ("rsa_pss_rsae_sha256", "RSA-PSS")] {
        let rsa = certificates().files(Kind::Rsa.name()).identity();
        let served = serve(certificates().server(Kind::Ed25519.name()).add_identity(rsa), echo)?;
        // The authorities of this run sign with ECDSA.
        let schemes = format!("{scheme}:ecdsa_secp256r1_sha256");
        let text = converse(&mut s_client(served.port, &["-sigalgs", &schemes])?)?;
        ensure!(
            text.to_lowercase().contains(&format!("peer signature type: {expected}").to_lowercase()),
            "{text}"
        );
        served.result()??;
    }
    Ok(())
}

fn nothing_in_common_here() -> Result<(), Failed> {
    let config = certificates().server("p256").suites(&[CipherSuite::TLS_AES_128_GCM_SHA256])?;
    let served = serve(config, echo)?;
    let client = s_client(served.port, &["-ciphersuites", "TLS_AES_256_GCM_SHA384"])?;
    client.wait_for("alert number 40")?;
    let found = error(served.result()?)?;
    ensure!(matches!(found, Error::NothingInCommon { .. }), "{found}");
    Ok(())
}

fn nothing_in_common_there() -> Result<(), Failed> {
    let (_server, port) = s_server("p256", &["-rev", "-groups", "P-521"])?;
    let mut stream = client(certificates().client(), port)?;
    expect_alert(&error(stream.handshake())?, AlertDescription::HANDSHAKE_FAILURE)
}

fn their_retry(cookie: bool) -> Result<(), Failed> {
    let config = certificates().server("p256").groups(&[NamedGroup::SECP384R1])?;
    let config = if cookie { config.retry_cookie([7; 32])? } else { config };
    let served = serve(config, echo)?;
    converse(&mut s_client(served.port, &["-groups", "X25519:P-384"])?)?;
    let info = served.result()??;
    ensure!(info.retried, "{info:?}");
    ensure!(info.group == Some(NamedGroup::SECP384R1), "{info:?}");
    Ok(())
}

/// The first ClientHello reaches a connection that is forgotten; all that a
/// second one knows comes back in the cookie.
fn their_stateless_retry() -> Result<(), Failed> {
    let config = certificates().server("p256").groups(&[NamedGroup::SECP384R1])?.retry_cookie([9; 32])?;
    let config = Arc::new(config);
    let served = listen(move |mut tcp| -> Result<ConnectionInfo, Failed> {
        let mut forgetful = Connection::server(&config);
        answer_first_hello(&mut forgetful, &mut tcp)?;
        drop(forgetful);
        Ok(echo(TlsStream::server(&config, tcp))?)
    })?;
    converse(&mut s_client(served.port, &["-groups", "X25519:P-384"])?)?;
    let info = served.result()??;
    ensure!(info.retried, "{info:?}");
    Ok(())
}

fn answer_first_hello(connection: &mut Connection, tcp: &mut TcpStream) -> Result<(), Failed> {
    while connection.pending().is_empty() {
        let Some(mut space) = connection.space() else { return Err("no space".into()) };
        let n = tcp.read(&mut space)?;
        space.filled(n);
        ensure!(matches!(connection.next()?, Event::NeedInput), "a retry is expected");
    }
    Ok(tcp.write_all(connection.pending())?)
}

fn our_retry() -> Result<(), Failed> {
    let (_server, port) = s_server("p256", &["-rev", "-groups", "P-384"])?;
    let mut stream = client(certificates().client(), port)?;
    greet(&mut stream, "hello\n", "olleh\n")?;
    let info = stream.info();
    ensure!(info.retried && info.group == Some(NamedGroup::SECP384R1), "{info:?}");
    Ok(())
}

fn their_key_updates() -> Result<(), Failed> {
    let seen = Arc::new(KeyUpdates::default());
    let served = serve_watched(certificates().server("p256"), Some(seen.clone()), |mut stream| {
        expect(&mut stream, "one\n")?;
        stream.connection_mut().update_keys(true)?;
        stream.write_all(b"two\n")?;
        // OpenSSL answers when it writes next.
        expect(&mut stream, "three\n")?;
        expect(&mut stream, "3\n")?;
        stream.write_all(b"four\n")?;
        expect_end(&mut stream)?;
        Ok::<_, Failed>(stream.close()?)
    })?;
    let mut client = s_client(served.port, &[])?;
    client.wait_for("Verify return code")?;
    // k: a KeyUpdate; K: one that asks for ours.
    client.say("k\n")?;
    client.wait_for("KEYUPDATE")?;
    client.say("one\n")?;
    client.wait_for("two\n")?;
    client.say("three\n")?;
    seen.wait_for(2)?;
    client.say("K\n")?;
    client.wait_until("a second KEYUPDATE", |words| words.text().matches("KEYUPDATE").count() == 2)?;
    client.say("3\n")?;
    client.wait_for("four\n")?;
    ensure!(client.finish()?.0.success(), "s_client failed");
    served.result()??;
    // In: k, the answer to ours, K. Out: ours, the answer to K.
    ensure!(seen.seen() == (3, 2), "{:?}", seen.seen());
    Ok(())
}

fn our_key_updates() -> Result<(), Failed> {
    let seen = Arc::new(KeyUpdates::default());
    let (mut server, port) = s_server("p256", &[])?;
    let mut stream = client_watched(certificates().client(), port, Some(seen.clone()))?;
    stream.write_all(b"one\n")?;
    server.wait_for("one\n")?;
    stream.connection_mut().update_keys(true)?;
    stream.write_all(b"two\n")?;
    server.wait_for("two\n")?;
    let reading = thread::spawn(move || {
        expect(&mut stream, "3\n")?;
        expect(&mut stream, "four\n")?;
        stream.write_all(b"five\n")?;
        stream.close()?;
        expect_end(&mut stream)
    });
    // OpenSSL answers when it writes next.
    server.say("3\n")?;
    seen.wait_for(1)?;
    // k: a KeyUpdate; K: one that asks for ours.
    server.say("k\n")?;
    seen.wait_for(2)?;
    server.say("K\n")?;
    seen.wait_for(3)?;
    server.say("four\n")?;
    server.wait_for("five\n")?;
    reading.join().map_err(|_| "panic")??;
    ensure!(seen.seen() == (3, 2), "{:?}", seen.seen());
    Ok(())
}

const BULK: usize = 10 << 20;

/// Moves 10 MiB each way at the same time over our side, and the peer's raw ends.
fn ten_megabytes(mut peer: Program, stream: Stream) -> Result<(), Failed> {
    let (mut reader, mut writer) = stream.split(TcpStream::try_clone)?;
    let mut input = peer.take_input().ok_or("no input")?;
    let typing = thread::spawn(move || -> io::Result<_> {
        input.write_all(&noise(BULK))?;
        input.flush()?;
        Ok(input)
    });
    let writing = thread::spawn(move || writer.write_all(&noise(BULK)).map(|()| writer));
    let mut got = vec![0; BULK];
    reader.read_exact(&mut got)?;
    ensure!(got == noise(BULK), "what came here is not what was sent there");
    let _input = typing.join().map_err(|_| "panic")??;
    let mut writer = writing.join().map_err(|_| "panic")??;
    peer.wait_until("10 MiB", |words| words.out.len() >= BULK)?;
    ensure!(peer.output() == noise(BULK), "what came there is not what was sent here");
    Ok(writer.close()?)
}

fn ten_megabytes_with_their_client() -> Result<(), Failed> {
    let served = serve(certificates().server("p256"), |mut stream| stream.handshake().map(|()| stream))?;
    let client = s_client(served.port, &["-quiet"])?;
    ten_megabytes(client, served.result()??)
}

fn ten_megabytes_with_their_server() -> Result<(), Failed> {
    let (server, port) = quiet_s_server()?;
    ten_megabytes(server, client(certificates().client(), port)?)
}

/// An `s_server` that prints nothing but what it receives, not even its port.
fn quiet_s_server() -> Result<(Program, u16), Failed> {
    let files = certificates().files("p256");
    on_free_port(|port| {
        let mut command = openssl();
        command.args(["s_server", "-tls1_3", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-cert"]);
        command
            .arg(&files.leaf)
            .arg("-key")
            .arg(&files.key)
            .arg("-cert_chain")
            .arg(certificates().intermediate());
        Ok(command)
    })
}

pub(crate) fn their_client_is_killed(version: &str) -> Result<(), Failed> {
    let served = serve(certificates().server("p256"), echo)?;
    let mut client = s_client_of(version, served.port, &[])?;
    client.say("hello\n")?;
    client.wait_until("the echo", |words| words.out.ends_with(b"hello\n"))?;
    client.kill();
    let found = error(served.result()?)?;
    ensure!(matches!(found, Error::Truncated), "{found}");
    Ok(())
}

fn their_server_is_killed() -> Result<(), Failed> {
    let (mut server, port) = s_server("p256", &["-rev"])?;
    let mut stream = client(certificates().client(), port)?;
    stream.write_all(b"hello\n")?;
    expect(&mut stream, "olleh\n")?;
    server.kill();
    let found = error(stream.read(&mut [0; 9]))?;
    ensure!(matches!(found, Error::Truncated), "{found}");
    Ok(())
}

fn we_cut_their_client() -> Result<(), Failed> {
    let served = serve(certificates().server("p256"), |mut stream| {
        expect(&mut stream, "hello\n")?;
        // Dropped without close_notify.
        Ok::<_, Failed>(())
    })?;
    let mut client = s_client(served.port, &[])?;
    client.say("hello\n")?;
    served.result()??;
    client.wait_for("unexpected eof while reading")?;
    Ok(())
}
