//! Sessions that OpenSSL, GnuTLS and Go resume with our server, and our client
//! with theirs.

use crate::certificates::certificates;
use crate::gnutls::{gnutls_cli, gnutls_serv};
use crate::go::{go_client, go_server};
use crate::openssl::{converse, requiring, s_client_of, s_client_showing, s_server_of};
use crate::ours::{CLASSICAL, client, echo, ensure, greet, in_turn, serve_times};
use crate::{Case, case};
use handfast::wire::ProtocolVersion;
use handfast::{
    ClientConfig, ClientSessions, ConnectionInfo, ServerConfig, SessionCache, TicketKeys, TlsStream, Trust,
};
use libtest_mimic::Failed;
use std::sync::Arc;

/// A version, and how the others call it.
#[derive(Clone, Copy)]
struct Version {
    number: ProtocolVersion,
    /// As a flag, and in what is said.
    openssl: (&'static str, &'static str),
    gnutls: &'static str,
    go: &'static str,
}

const TLS13: Version = Version {
    number: ProtocolVersion::TLS13,
    openssl: ("-tls1_3", "TLSv1.3"),
    gnutls: "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    go: "1.3",
};
const TLS12: Version = Version {
    number: ProtocolVersion::TLS12,
    openssl: ("-tls1_2", "TLSv1.2"),
    gnutls: "NORMAL:-VERS-ALL:+VERS-TLS1.2",
    go: "1.2",
};

/// The first of them shakes hands in full.
const TIMES: usize = 4;

/// Whom the client shows to be, if it is asked.
const CLIENT: &str = "client-p256";

pub(crate) fn openssl_cases() -> Vec<Case> {
    let mut cases = each("s_client", |version| their_openssl_client(version, false));
    cases.extend(each("s_client with a certificate", |version| their_openssl_client(version, true)));
    cases.extend(each("s_client, other keys", their_openssl_client_after_other_keys));
    cases.extend(each("s_client -reconnect", their_openssl_client_reconnects));
    cases.extend(each("s_server", |version| our_client_of_openssl(version, &[])));
    cases.push(case("s_server: TLS 1.3, sessions that it keeps itself", || {
        our_client_of_openssl(TLS13, &["-no_ticket"])
    }));
    cases.extend(each("s_server that requires a certificate", |version| {
        our_client_of_openssl(version, &["-Verify", "3"])
    }));
    cases.push(case("s_client without tickets: TLS 1.2, sessions", their_openssl_client_without_tickets));
    cases.extend(each("s_client, stateful tickets", their_openssl_client_of_stateful_tickets));
    cases.push(case("s_server without tickets: TLS 1.2, sessions", || {
        our_client_of_openssl(TLS12, &["-no_ticket"])
    }));
    cases.push(case("s_server: TLS 1.3, sessions after a retry", || {
        our_client_of_openssl(TLS13, &["-groups", "P-384"])
    }));
    cases
}

pub(crate) fn gnutls_client_cases() -> Vec<Case> {
    each("gnutls-cli", their_gnutls_client)
}

pub(crate) fn gnutls_server_cases() -> Vec<Case> {
    each("gnutls-serv", our_client_of_gnutls)
}

pub(crate) fn go_cases() -> Vec<Case> {
    let mut cases = each("Go client", their_go_client);
    cases.extend(each("Go server", our_client_of_go));
    cases
}

fn each(peer: &str, run: fn(Version) -> Result<(), Failed>) -> Vec<Case> {
    let one = |version: Version| case(format!("{peer}: {}, sessions", version.number), move || run(version));
    [TLS13, TLS12].map(one).into()
}

fn server() -> ServerConfig {
    certificates().server("p256").tickets(TicketKeys::random())
}

/// All but the first are resumed, in this version.
fn check(infos: &[ConnectionInfo], version: Version) -> Result<(), Failed> {
    let expected: Vec<bool> = (0..infos.len()).map(|number| number > 0).collect();
    let resumed: Vec<bool> = infos.iter().map(|info| info.resumed).collect();
    ensure!(resumed == expected, "resumed: {resumed:?}");
    ensure!(infos.iter().all(|info| info.version == Some(version.number)), "{infos:?}");
    Ok(())
}

/// All know the peer, whether it showed its certificates or not.
fn check_peer(infos: &[ConnectionInfo], certificate: &str) -> Result<(), Failed> {
    let identity = certificates().files(certificate).identity();
    let known = |info: &ConnectionInfo| {
        info.trust == Trust::Policy && info.peer_chain.as_deref() == Some(identity.chain())
    };
    ensure!(infos.iter().all(known), "{infos:?}");
    Ok(())
}

/// `s_client` once, which leaves its session in a file; whether it resumed.
fn s_client(version: Version, port: u16, offered: Option<&str>, kept: &str) -> Result<bool, Failed> {
    let mut arguments = vec!["-sess_out", kept];
    arguments.extend(offered.into_iter().flat_map(|offered| ["-sess_in", offered]));
    let (flag, name) = version.openssl;
    let text = converse(&mut s_client_showing(flag, port, CLIENT, &arguments)?)?;
    Ok(text.contains(&format!("Reused, {name}")))
}

/// A file for a session of `s_client`.
fn session_file(what: &str, version: Version, number: usize) -> String {
    let name = format!("{what}{}-{number}.session", version.openssl.0);
    certificates().path(&name).display().to_string()
}

fn their_openssl_client(version: Version, requires: bool) -> Result<(), Failed> {
    let config = if requires { requiring("p256") } else { certificates().server("p256") };
    let config = config.tickets(TicketKeys::random());
    their_openssl_client_of(config, version, requires, if requires { "requires" } else { "takes" })
}

/// A session id in TLS 1.2, which it takes in a ticket's place.
fn their_openssl_client_of_stateful_tickets(version: Version) -> Result<(), Failed> {
    their_openssl_client_of(requiring("p256").stateful_tickets(), version, true, "stateful")
}

/// It connects six times, and offers the session of before by its id.
fn their_openssl_client_without_tickets() -> Result<(), Failed> {
    let served = serve_times(server().session_store(SessionCache::new()), 6)?;
    let (flag, name) = TLS12.openssl;
    let text = converse(&mut s_client_of(flag, served.port, &["-no_ticket", "-reconnect"])?)?;
    ensure!(text.matches(&format!("Reused, {name}")).count() == 5, "{text}");
    check(&served.result()??, TLS12)
}

fn their_openssl_client_of(
    config: ServerConfig,
    version: Version,
    requires: bool,
    what: &str,
) -> Result<(), Failed> {
    let served = serve_times(config, TIMES)?;
    let mut offered: Option<String> = None;
    for number in 0..TIMES {
        let kept = session_file(what, version, number);
        let reused = s_client(version, served.port, offered.as_deref(), &kept)?;
        ensure!(reused == (number > 0), "s_client, connection {number}: resumed: {reused}");
        // TLS 1.2 gives no new ticket as long as the key is the same.
        offered = if std::fs::exists(&kept)? { Some(kept) } else { offered };
    }
    let infos = served.result()??;
    check(&infos, version)?;
    if requires { check_peer(&infos, CLIENT) } else { Ok(()) }
}

/// After its first connection `s_client` makes five more with the session that it has by
/// then. In TLS 1.3 it has none: it drops each connection before it has read a ticket.
fn their_openssl_client_reconnects(version: Version) -> Result<(), Failed> {
    let config = Arc::new(server());
    let served = in_turn(6, move |tcp| {
        let mut tls = TlsStream::server(&config, tcp);
        tls.handshake()?;
        let info = tls.info().clone();
        // Tickets that nobody reads may end a connection with a reset.
        let _best_effort = echo(tls);
        Ok(info)
    })?;
    let (flag, name) = version.openssl;
    let text = converse(&mut s_client_of(flag, served.port, &["-reconnect"])?)?;
    let infos = served.result()??;
    let count = |what: &str| text.matches(&format!("{what}, {name}")).count();
    let resumed = infos.iter().filter(|info| info.resumed).count();
    if version.number == ProtocolVersion::TLS12 {
        check(&infos, version)?;
    }
    ensure!((count("New"), count("Reused")) == (6 - resumed, resumed), "{resumed} are resumed: {text}");
    Ok(())
}

fn their_openssl_client_after_other_keys(version: Version) -> Result<(), Failed> {
    let [first, second] = [0, 1].map(|number| session_file("other-keys", version, number));
    for (offered, kept) in [(None, &first), (Some(first.as_str()), &second)] {
        let served = serve_times(server(), 1)?;
        let reused = s_client(version, served.port, offered, kept)?;
        let infos = served.result()??;
        ensure!(!reused && infos.iter().all(|info| !info.resumed), "a foreign ticket is taken");
    }
    Ok(())
}

/// In TLS 1.3 gnutls-cli waits for a ticket for 50 ms, and goes on without: where the
/// machine is busy, it has more than one try.
fn their_gnutls_client(version: Version) -> Result<(), Failed> {
    gnutls_client_twice(version)
        .or_else(|_| gnutls_client_twice(version))
        .or_else(|_| gnutls_client_twice(version))
}

/// Connects, and connects again with the session of before.
fn gnutls_client_twice(version: Version) -> Result<(), Failed> {
    let served = serve_times(server(), 2)?;
    let mut client = gnutls_cli(served.port, &["--resume", "--priority", version.gnutls])?;
    client.wait_for("*** This is a resumed session")?;
    ensure!(client.finish()?.0.success(), "gnutls-cli failed");
    check(&served.result()??, version)
}

fn their_go_client(version: Version) -> Result<(), Failed> {
    let served = serve_times(server(), TIMES)?;
    let mut client = go_client(served.port, &["-version", version.go, "-times", &TIMES.to_string()])?;
    let (status, text) = client.finish()?;
    ensure!(status.success() && text.matches("resumed=true").count() == TIMES - 1, "{text}");
    check(&served.result()??, version)
}

/// Our client, again and again.
fn connect(
    config: ClientConfig,
    port: u16,
    version: Version,
    reply: &str,
) -> Result<Vec<ConnectionInfo>, Failed> {
    let sessions = Arc::new(ClientSessions::new());
    let config = config.versions(&[version.number])?.sessions(Arc::clone(&sessions));
    let one = |_| {
        let mut stream = client(config.clone(), port)?;
        greet(&mut stream, "hello\n", reply)?;
        ensure!(!sessions.is_empty(), "no session is kept");
        Ok(stream.info().clone())
    };
    let infos: Vec<_> = (0..TIMES).map(one).collect::<Result<_, Failed>>()?;
    check(&infos, version)?;
    check_peer(&infos, "p256")?;
    Ok(infos)
}

fn our_client_of_openssl(version: Version, arguments: &[&str]) -> Result<(), Failed> {
    let (_server, port) = s_server_of(version.openssl.0, "p256", &[&["-rev"], arguments].concat())?;
    let config = certificates().client().identity(certificates().files(CLIENT).identity());
    let infos = connect(config.groups(&CLASSICAL.map(|(group, _)| group))?, port, version, "olleh\n")?;
    let retried = arguments.contains(&"-groups");
    ensure!(infos.iter().all(|info| info.retried == retried), "retried: {infos:?}");
    Ok(())
}

fn our_client_of_gnutls(version: Version) -> Result<(), Failed> {
    let (_server, port) = gnutls_serv("p256", &["--priority", version.gnutls, "--disable-client-cert"])?;
    connect(certificates().client(), port, version, "hello\n").map(drop)
}

fn our_client_of_go(version: Version) -> Result<(), Failed> {
    let (mut server, port) = go_server("p256", &["-version", version.go, "-times", &TIMES.to_string()])?;
    connect(certificates().client(), port, version, "hello\n")?;
    let (status, text) = server.finish()?;
    ensure!(status.success() && text.matches("resumed=true").count() == TIMES - 1, "{text}");
    Ok(())
}
