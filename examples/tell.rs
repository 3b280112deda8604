//! Why a server is not to be trusted, told by an application in its own words:
//! `cargo run --example tell -- expired.badssl.com:443 /etc/ssl/certs/ca-certificates.crt [--json]`.
//!
//! [`handfast::Error`] is a sentence; where a certificate was refused it has the
//! whole report: the verdict, what can be done, and each check that failed with
//! what was found and what is required. Text of the peer's is escaped in all of it.

use handfast::pki::{Roots, Rule, ServerName, UnixTime, Verifier};
use handfast::{ClientConfig, Error, TlsStream};
use serde_json::{Value, json};
use std::error::Error as StdError;
use std::{env, net::TcpStream, process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let as_json = arguments.iter().position(|argument| argument == "--json");
    as_json.map(|at| arguments.remove(at));
    let [server, ca] = arguments.as_slice() else {
        eprintln!("usage: tell HOST:PORT CA.pem [--json]");
        return ExitCode::from(2);
    };
    let told = match connect(server, ca) {
        Ok(()) => {
            println!("{server} can be trusted.");
            return ExitCode::SUCCESS;
        }
        Err(error) if as_json.is_some() => for_programs(server, &*error).to_string(),
        Err(error) => for_people(server, &*error),
    };
    println!("{told}");
    ExitCode::FAILURE
}

fn connect(server: &str, ca: &str) -> Result<(), Box<dyn StdError>> {
    let host = server.rsplit_once(':').ok_or("HOST:PORT is needed, such as example.com:443")?.0;
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(ca).map_err(|error| format!("{ca}: {error}"))?)?;
    let config = Arc::new(ClientConfig::new(Verifier::web_pki(roots), UnixTime::now));
    let tcp = TcpStream::connect(server)?;
    TlsStream::client(&config, ServerName::try_from(host)?, tcp)?.handshake()?;
    Ok(())
}

/// The error of the handshake, where that is what failed.
fn of_handshake<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    error.downcast_ref().and_then(Error::of_io)
}

fn for_people(server: &str, error: &(dyn StdError + 'static)) -> String {
    let Some(Error::CertificateRefused(report)) = of_handshake(error) else {
        return format!("I could not talk to {server}: {error}.");
    };
    let verdict = match report.broken() {
        Some(Rule::Validity) => "Its certificate is not valid today",
        Some(Rule::HostName) => "Its certificate is another server's",
        Some(Rule::Trust) => "Nobody whom you trust vouches for it",
        _ => "Its certificate is not as it should be",
    };
    let mut told = format!("I did not talk to {server}. {verdict}:");
    for check in report.failures() {
        let (whose, found, required) = (check.certificate, check.found, check.required);
        told += &format!("\n  - {whose}: {found}; required is {required}");
    }
    if let Some(hint) = report.hint() {
        told += &format!("\nPerhaps this helps: {hint}.");
    }
    told
}

fn for_programs(server: &str, error: &(dyn StdError + 'static)) -> Value {
    let alert = of_handshake(error).and_then(Error::alert);
    let mut told = json!({
        "server": server,
        "error": error.to_string(),
        "alert": alert.map(|alert| alert.to_string()),
    });
    if let Some(Error::CertificateRefused(report)) = of_handshake(error) {
        told["sentence"] = json!(report.sentence());
        told["hint"] = json!(report.hint());
        told["failures"] = report
            .failures()
            .map(|check| json!({ "rule": check.rule, "found": check.found, "required": check.required }))
            .collect();
    }
    told
}
