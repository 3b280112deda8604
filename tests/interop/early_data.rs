//! Early data in both roles, with OpenSSL, GnuTLS, Go and curl.

use crate::certificates::certificates;
use crate::gnutls::{gnutls_cli, gnutls_serv};
use crate::go::{go_client, go_server};
use crate::openssl::{converse, s_client_of, s_server_of};
use crate::ours::{CLASSICAL, Served, client, echo, ensure, expect_end, greet, in_turn, listen, serve_times};
use crate::program::Program;
use crate::web::curl;
use crate::{Case, case};
use handfast::wire::NamedGroup;
use handfast::{
    ClientConfig, ClientSessions, ConnectionInfo, EarlyData, EarlyReason, ReplayRegister, Replays,
    ServerConfig, TicketKeys, TlsStream,
};
use libtest_mimic::Failed;
use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

const EARLY: &[u8] = b"GET /early\n";

/// Of a server of ours.
const MOST: u32 = 16_384;

/// The first of them has no session.
const TIMES: u8 = 3;

pub(crate) fn openssl_cases() -> Vec<Case> {
    let mut cases = vec![
        case("s_client: early data, accepted", || their_openssl_client(|same| same, EarlyData::Accepted)),
        case("s_client: early data, rejected", || {
            let started_again = |config: ServerConfig| config.early_data(MOST, ReplayRegister::new());
            their_openssl_client(started_again, EarlyData::Rejected(EarlyReason::OtherRegister))
        }),
        case("s_client: early data, rejected by a register that nobody asks", || {
            let rejected = EarlyData::Rejected(EarlyReason::RegisterUnsure);
            their_openssl_client_of(Replays::Asked, |same| same, rejected)
        }),
        case("s_client: early data, rejected with a HelloRetryRequest", || {
            let retries = |config: ServerConfig| {
                config.groups(&[NamedGroup::SECP384R1]).expect("a group of this build")
            };
            their_openssl_client(retries, EarlyData::Rejected(EarlyReason::Retried))
        }),
        case("s_server: early data and a retry", || rejected_by_openssl(&["-groups", "P-384"])),
    ];
    cases.extend([("-anti_replay", "with"), ("-no_anti_replay", "without")].map(|(flag, with)| {
        case(format!("s_server: early data, {with} anti-replay"), move || taken_by_openssl(flag))
    }));
    cases
}

pub(crate) fn gnutls_client_cases() -> Vec<Case> {
    vec![case("gnutls-cli: early data", their_gnutls_client)]
}

pub(crate) fn gnutls_server_cases() -> Vec<Case> {
    vec![case("gnutls-serv: early data", taken_by_gnutls)]
}

/// Go sends no early data over TCP, and its tickets allow none.
pub(crate) fn go_cases() -> Vec<Case> {
    vec![
        case("Go client: a server that takes early data", their_go_client),
        case("Go server: a client that would send early data", none_for_go),
    ]
}

/// For builds of curl that can: those of GnuTLS from 8.11 on, and of OpenSSL later.
pub(crate) fn curl_cases() -> Vec<Case> {
    vec![case("curl: early data", their_curl)]
}

/// Whether this build of curl has a flag for it.
pub(crate) fn curl_has_it() -> bool {
    let help = std::process::Command::new("curl").args(["--help", "all"]).output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--tls-earlydata"))
}

fn server(replays: impl Into<Replays>) -> ServerConfig {
    certificates().server("p256").tickets(TicketKeys::random()).early_data(MOST, replays)
}

fn their_openssl_client(change: fn(ServerConfig) -> ServerConfig, outcome: EarlyData) -> Result<(), Failed> {
    their_openssl_client_of(ReplayRegister::new(), change, outcome)
}

/// `s_client` leaves a session, and comes back to a changed server with early data.
fn their_openssl_client_of(
    replays: impl Into<Replays>,
    change: fn(ServerConfig) -> ServerConfig,
    outcome: EarlyData,
) -> Result<(), Failed> {
    let name = format!("early-{outcome:?}").replace(['(', ')'], "-");
    let path = |end: &str| certificates().path(&format!("{name}{end}")).display().to_string();
    let (session, data) = (path("session"), path("data"));
    std::fs::write(&data, EARLY)?;
    let config = server(replays);
    let first = Arc::new(config.clone());
    let served = listen(move |tcp| echo(TlsStream::server(&first, tcp)))?;
    converse(&mut s_client_of("-tls1_3", served.port, &["-sess_out", &session])?)?;
    served.result()??;
    let second = Arc::new(change(config));
    let served = listen(move |tcp| early_and_echo(&second, tcp))?;
    let text =
        converse(&mut s_client_of("-tls1_3", served.port, &["-sess_in", &session, "-early_data", &data])?)?;
    let (early, info) = served.result()??;
    let accepted = outcome == EarlyData::Accepted;
    ensure!(info.early_data == outcome && info.resumed, "{info:?}");
    ensure!(early == if accepted { EARLY } else { b"" }, "{early:?}");
    let said = if accepted { "Early data was accepted" } else { "Early data was rejected" };
    ensure!(text.contains(said) && text.contains("Reused, TLSv1.3"), "{text}");
    ensure!(text.contains("GET /early") == accepted, "the answer to it: {text}");
    Ok(())
}

/// Early data goes back before its end is known, then all else does.
fn early_and_echo(config: &Arc<ServerConfig>, tcp: TcpStream) -> io::Result<(Vec<u8>, ConnectionInfo)> {
    let mut tls = TlsStream::server(config, tcp);
    let mut early = Vec::new();
    loop {
        let mut some = [0; 100];
        let n = tls.early_reader().read(&mut some)?;
        if n == 0 {
            break;
        }
        early.extend_from_slice(&some[..n]);
        tls.write_all(&some[..n])?;
    }
    echo(tls).map(|info| (early, info))
}

/// `gnutls-cli` resumes at once with what is in a file.
fn their_gnutls_client() -> Result<(), Failed> {
    let data = certificates().path("gnutls-early");
    std::fs::write(&data, EARLY)?;
    let config = Arc::new(server(ReplayRegister::new()));
    let served = in_turn(2, move |tcp| early_and_echo(&config, tcp))?;
    let data = data.display().to_string();
    let priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
    let arguments = ["--resume", "--waitresumption", "--earlydata", &data, "--priority", priority];
    let mut client = gnutls_cli(served.port, &arguments)?;
    client.wait_for("*** This is a resumed session")?;
    let (status, text) = client.finish()?;
    ensure!(status.success(), "{text}");
    check(served, EARLY)
}

/// What each connection sent early, and what came of it.
type Each = io::Result<Vec<(Vec<u8>, ConnectionInfo)>>;

/// The first of two connections brings a session, and the second one brings this early.
fn check(served: Served<Each>, early: &[u8]) -> Result<(), Failed> {
    let taken = served.result()??;
    let told: Vec<_> = taken.iter().map(|(early, info)| (&**early, info.early_data)).collect();
    let none = (&b""[..], EarlyData::NotOffered(EarlyReason::NotAsked));
    ensure!(told == [none, (early, EarlyData::Accepted)], "{told:?}");
    Ok(())
}

fn their_go_client() -> Result<(), Failed> {
    let times = usize::from(TIMES);
    let served = serve_times(server(ReplayRegister::new()), times)?;
    let mut client = go_client(served.port, &["-times", &times.to_string()])?;
    let (status, text) = client.finish()?;
    ensure!(status.success() && text.matches("resumed=true").count() == times - 1, "{text}");
    let none = EarlyData::NotOffered(EarlyReason::NotAsked);
    let infos = served.result()??;
    ensure!(infos.iter().all(|info| info.early_data == none), "{infos:?}");
    Ok(())
}

fn none_for_go() -> Result<(), Failed> {
    let (mut server, port) = go_server("p256", &["-times", &TIMES.to_string()])?;
    let config = config();
    for number in 0..TIMES {
        let told = once(&config, port, "early words\n", Some("hello\n"))?;
        let why = if number == 0 { EarlyReason::NoSession } else { EarlyReason::NotAllowed };
        ensure!(told == (EarlyData::NotOffered(why), 0), "{told:?}");
    }
    ensure!(server.finish()?.0.success(), "Go failed");
    Ok(())
}

/// One process of curl fetches the same page twice, on a connection each.
fn their_curl() -> Result<(), Failed> {
    let config = Arc::new(server(ReplayRegister::new()).alpn(&[b"http/1.1"])?);
    let served = in_turn(2, move |tcp| early_page(TlsStream::server(&config, tcp)))?;
    let mut command = curl(served.port);
    let address = command.get_args().last().ok_or("no address")?.to_owned();
    command.arg(address);
    command.args(["--http1.1", "--tls-earlydata", "--cacert"]).arg(certificates().root());
    let (status, text) = Program::start(&mut command)?.finish()?;
    ensure!(status.success() && text.matches("a page").count() == 2, "{status}: {text}");
    let taken = served.result()??;
    let told: Vec<_> =
        taken.iter().map(|(early, info)| (early.starts_with(b"GET / "), info.early_data)).collect();
    let none = (false, EarlyData::NotOffered(EarlyReason::NotAsked));
    ensure!(told == [none, (true, EarlyData::Accepted)], "{told:?}");
    Ok(())
}

/// Answers one request, of which early data may be the beginning.
fn early_page(mut tls: TlsStream<TcpStream>) -> io::Result<(Vec<u8>, ConnectionInfo)> {
    let mut early = Vec::new();
    while !early.ends_with(b"\r\n\r\n") {
        let mut some = [0; 1000];
        match tls.early_reader().read(&mut some)? {
            0 => break,
            n => early.extend_from_slice(&some[..n]),
        }
    }
    let mut request = early.clone();
    while !request.ends_with(b"\r\n\r\n") && tls.read_until(b'\n', &mut request)? > 0 {}
    write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\na page")?;
    tls.close()?;
    Ok((early, tls.info().clone()))
}

fn config() -> ClientConfig {
    certificates().client().sessions(ClientSessions::new()).early_data()
}

/// What becomes of the early data on a connection, which is then closed.
fn once(
    config: &ClientConfig,
    port: u16,
    early: &str,
    greeting: Option<&str>,
) -> Result<(EarlyData, u32), Failed> {
    let mut tls = client(config.clone(), port)?;
    if let Some(mut writer) = tls.early_writer() {
        writer.write_all(early.as_bytes())?;
    }
    tls.handshake()?;
    let told = (tls.info().early_data, tls.info().early_data_sent);
    match greeting {
        Some(hello) => greet(&mut tls, hello, hello)?,
        None => {
            tls.close()?;
            expect_end(&mut tls)?;
        }
    }
    Ok(told)
}

fn taken_by_openssl(flag: &str) -> Result<(), Failed> {
    let (server, port) = s_server_of("-tls1_3", "p256", &["-early_data", flag])?;
    let config = config();
    for number in 0..TIMES {
        let early = format!("early words {number}\n");
        let told = once(&config, port, &early, None)?;
        if number == 0 {
            ensure!(told == (EarlyData::NotOffered(EarlyReason::NoSession), 0), "{told:?}");
        } else {
            ensure!(told == (EarlyData::Accepted, early.len() as u32), "{told:?}");
            server.wait_for(early.trim_end())?;
        }
    }
    Ok(())
}

fn rejected_by_openssl(arguments: &[&str]) -> Result<(), Failed> {
    let arguments = [&["-early_data"], arguments].concat();
    let (server, port) = s_server_of("-tls1_3", "p256", &arguments)?;
    let config = config().groups(&CLASSICAL.map(|(group, _)| group))?;
    once(&config, port, "", None)?;
    let told = once(&config, port, "lost words\n", None)?;
    ensure!(told == (EarlyData::Rejected(EarlyReason::Retried), 11), "{told:?}");
    ensure!(
        !String::from_utf8_lossy(&server.output()).contains("lost words"),
        "{}",
        String::from_utf8_lossy(&server.output())
    );
    Ok(())
}

fn taken_by_gnutls() -> Result<(), Failed> {
    let arguments = ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "--disable-client-cert", "--earlydata"];
    let (server, port) = gnutls_serv("p256", &arguments)?;
    let config = config();
    for number in 0..TIMES {
        let early = format!("early words {number}\n");
        let told = once(&config, port, &early, Some("hello\n"))?;
        let expected = match number {
            0 => (EarlyData::NotOffered(EarlyReason::NoSession), 0),
            _ => (EarlyData::Accepted, early.len() as u32),
        };
        ensure!(told == expected, "{told:?}: {}", String::from_utf8_lossy(&server.output()));
    }
    Ok(())
}
