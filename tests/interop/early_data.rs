//! Early data between OpenSSL and our server.

use crate::certificates::certificates;
use crate::openssl::{converse, s_client_of};
use crate::ours::{echo, ensure, listen};
use crate::{Case, case};
use handfast::{
    ConnectionInfo, EarlyData, EarlyReason, ReplayRegister, Replays, ServerConfig, TicketKeys, TlsStream,
};
use libtest_mimic::Failed;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

const EARLY: &[u8] = b"GET /early\n";

pub(crate) fn openssl_cases() -> Vec<Case> {
    vec![
        case("s_client: early data, accepted", || their_client(|same| same, EarlyData::Accepted)),
        case("s_client: early data, rejected", || {
            let started_again = |config: ServerConfig| config.early_data(16_384, ReplayRegister::new());
            their_client(started_again, EarlyData::Rejected(EarlyReason::OtherRegister))
        }),
        case("s_client: early data, rejected by a register that nobody asks", || {
            their_client_of(Replays::Asked, |same| same, EarlyData::Rejected(EarlyReason::RegisterUnsure))
        }),
        case("s_client: early data, rejected with a HelloRetryRequest", || {
            let retries = |config: ServerConfig| {
                config.groups(&[handfast::wire::NamedGroup::SECP384R1]).expect("a group of this build")
            };
            their_client(retries, EarlyData::Rejected(EarlyReason::Retried))
        }),
    ]
}

fn their_client(change: fn(ServerConfig) -> ServerConfig, outcome: EarlyData) -> Result<(), Failed> {
    their_client_of(ReplayRegister::new(), change, outcome)
}

/// `s_client` leaves a session, and comes back to a changed server with early data.
fn their_client_of(
    replays: impl Into<Replays>,
    change: fn(ServerConfig) -> ServerConfig,
    outcome: EarlyData,
) -> Result<(), Failed> {
    let name = format!("early-{outcome:?}").replace(['(', ')'], "-");
    let path = |end: &str| certificates().path(&format!("{name}{end}")).display().to_string();
    let (session, data) = (path("session"), path("data"));
    std::fs::write(&data, EARLY)?;
    let config = certificates().server("p256").tickets(TicketKeys::random()).early_data(16_384, replays);
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
