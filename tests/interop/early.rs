//! Early data of our client at servers of OpenSSL and GnuTLS.

use crate::certificates::certificates;
use crate::gnutls::gnutls_serv;
use crate::openssl::s_server_of;
use crate::ours::{client, ensure, expect_end, greet};
use crate::{Case, case};
use handfast::{ClientConfig, ClientSessions, EarlyData, EarlyReason};
use libtest_mimic::Failed;
use std::io::Write;

/// The first of them has no session.
const TIMES: u8 = 3;

pub(crate) fn openssl_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [("-anti_replay", "with"), ("-no_anti_replay", "without")]
        .map(|(flag, with)| {
            case(format!("s_server: early data, {with} anti-replay"), move || taken_by_openssl(flag))
        })
        .into();
    cases.push(case("s_server: early data and a retry", || rejected_by_openssl(&["-groups", "P-384"])));
    cases
}

pub(crate) fn gnutls_cases() -> Vec<Case> {
    vec![case("gnutls-serv: early data", taken_by_gnutls)]
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
    let config = config().groups(&crate::ours::CLASSICAL.map(|(group, _)| group))?;
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
