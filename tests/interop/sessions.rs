//! Sessions that GnuTLS and Go resume with our server, and our client with theirs.
//! Those of OpenSSL are in `tests/resumption.rs`.

use crate::certificates::certificates;
use crate::gnutls::{gnutls_cli, gnutls_serv};
use crate::go::{go_client, go_server};
use crate::ours::{client, ensure, greet, serve_times};
use crate::{Case, case};
use handfast::wire::ProtocolVersion;
use handfast::{ClientSessions, ConnectionInfo, ServerConfig, TicketKeys};
use libtest_mimic::Failed;
use std::sync::Arc;

/// A version, and its name here, in GnuTLS and in Go.
type Version = (ProtocolVersion, &'static str, &'static str);
const VERSIONS: [Version; 2] =
    [(ProtocolVersion::TLS13, "VERS-TLS1.3", "1.3"), (ProtocolVersion::TLS12, "VERS-TLS1.2", "1.2")];

/// The first of them shakes hands in full.
const TIMES: usize = 3;

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
    let one = |version: Version| case(format!("{peer}: {}, sessions", version.0), move || run(version));
    VERSIONS.into_iter().map(one).collect()
}

fn server() -> ServerConfig {
    certificates().server("p256").tickets(TicketKeys::random())
}

/// All but the first are resumed, in this version.
fn check(infos: &[ConnectionInfo], version: Version) -> Result<(), Failed> {
    let expected: Vec<bool> = (0..infos.len()).map(|number| number > 0).collect();
    let resumed: Vec<bool> = infos.iter().map(|info| info.resumed).collect();
    ensure!(resumed == expected, "resumed: {resumed:?}");
    ensure!(infos.iter().all(|info| info.version == Some(version.0)), "{infos:?}");
    Ok(())
}

/// Connects, and connects again with the session of before.
fn their_gnutls_client(version: Version) -> Result<(), Failed> {
    let served = serve_times(server(), 2)?;
    let priority = format!("NORMAL:-VERS-ALL:+{}", version.1);
    let mut client = gnutls_cli(served.port, &["--resume", "--priority", &priority])?;
    client.wait_for("*** This is a resumed session")?;
    ensure!(client.finish()?.0.success(), "gnutls-cli failed");
    check(&served.result()??, version)
}

fn their_go_client(version: Version) -> Result<(), Failed> {
    let served = serve_times(server(), TIMES)?;
    let mut client = go_client(served.port, &["-version", version.2, "-times", &TIMES.to_string()])?;
    let (status, text) = client.finish()?;
    ensure!(status.success() && text.matches("resumed=true").count() == TIMES - 1, "{text}");
    check(&served.result()??, version)
}

/// Our client, again and again.
fn connect(port: u16, version: Version, reply: &str) -> Result<Vec<ConnectionInfo>, Failed> {
    let sessions = Arc::new(ClientSessions::new());
    let config = certificates().client().versions(&[version.0])?.sessions(sessions);
    let one = |_| {
        let mut stream = client(config.clone(), port)?;
        greet(&mut stream, "hello\n", reply)?;
        Ok(stream.info().clone())
    };
    (0..TIMES).map(one).collect()
}

fn our_client_of_gnutls(version: Version) -> Result<(), Failed> {
    let priority = format!("NORMAL:-VERS-ALL:+{}", version.1);
    let (_server, port) = gnutls_serv("p256", &["--priority", &priority, "--disable-client-cert"])?;
    check(&connect(port, version, "hello\n")?, version)
}

fn our_client_of_go(version: Version) -> Result<(), Failed> {
    let (mut server, port) = go_server("p256", &["-version", version.2, "-times", &TIMES.to_string()])?;
    check(&connect(port, version, "hello\n")?, version)?;
    let (status, text) = server.finish()?;
    ensure!(status.success() && text.matches("resumed=true").count() == TIMES - 1, "{text}");
    Ok(())
}
