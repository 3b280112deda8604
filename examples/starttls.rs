//! Hands a mail to a server that begins in plain text and is asked for TLS (SMTP, RFC 3207):
//! `cargo run --example starttls -- mail.example:25 CA.pem me@example you@example <mail.txt`.
//!
//! What was said in plain text counts for nothing afterwards. What the server, or
//! somebody between, sent too early is given to the handshake, which takes it for
//! TLS or fails: never is it read as if it had come encrypted.

use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{ClientConfig, TlsStream};
use std::io::{BufRead, BufReader, Read, Write};
use std::{env, error::Error, net::TcpStream, process::ExitCode, sync::Arc};

/// More than any server has to say at once.
const LONGEST_REPLY: u64 = 1 << 16;

fn main() -> ExitCode {
    match send() {
        Ok(said) => println!("{said}"),
        Err(error) => {
            eprintln!("the mail was not sent: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn send() -> Result<String, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, ca, from, to] = arguments.as_slice() else {
        return Err("usage: starttls HOST:PORT CA.pem FROM TO <MAIL".into());
    };
    let host = server.rsplit_once(':').ok_or("HOST:PORT is needed, such as mail.example:25")?.0;
    let mut roots = Roots::new();
    roots.add_pem(&std::fs::read(ca)?)?;
    let config = Arc::new(ClientConfig::new(Verifier::web_pki(roots), UnixTime::now));
    let mut mail = String::new();
    std::io::stdin().read_to_string(&mut mail)?;

    let tcp = TcpStream::connect(server)?;
    let mut plain = BufReader::new(&tcp);
    reply(&mut plain, "220")?;
    (&tcp).write_all(b"EHLO localhost\r\n")?;
    let offers = reply(&mut plain, "250")?;
    if !offers.iter().any(|offer| offer == "STARTTLS") {
        return Err("the server, or somebody between, offers no STARTTLS".into());
    }
    (&tcp).write_all(b"STARTTLS\r\n")?;
    reply(&mut plain, "220")?;
    // Nothing may stand behind that reply. If something does, it is the handshake's.
    let early = plain.buffer().to_vec();

    let mut tls = TlsStream::client(&config, ServerName::try_from(host)?, tcp)?.with_read_bytes(&early);
    tls.handshake()?;
    for (command, code) in [
        ("EHLO localhost", "250"),
        (&*format!("MAIL FROM:<{from}>"), "250"),
        (&*format!("RCPT TO:<{to}>"), "250"),
        ("DATA", "354"),
    ] {
        tls.write_all(format!("{command}\r\n").as_bytes())?;
        reply(&mut tls, code)?;
    }
    for line in mail.lines() {
        // A line that begins with a dot gets another one (RFC 5321 section 4.5.2).
        let dot = if line.starts_with('.') { "." } else { "" };
        tls.write_all(format!("{dot}{line}\r\n").as_bytes())?;
    }
    tls.write_all(b".\r\n")?;
    let accepted = reply(&mut tls, "250")?;
    tls.write_all(b"QUIT\r\n")?;
    reply(&mut tls, "221")?;
    tls.close()?;
    let (version, suite) = (tls.info().version, tls.info().suite);
    let (version, suite) = version.zip(suite).ok_or("the handshake is done")?;
    Ok(format!("sent with {version}, {suite}: {}", accepted.concat()))
}

/// The lines of a reply, which must have this code (RFC 5321 section 4.2).
fn reply(from: &mut impl BufRead, code: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut lines = Vec::new();
    for line in from.take(LONGEST_REPLY).lines() {
        let line = line?;
        let text = line.strip_prefix(code).ok_or_else(|| format!("the server says: {line}"))?;
        lines.push(text.get(1..).unwrap_or_default().to_owned());
        if !text.starts_with('-') {
            return Ok(lines);
        }
    }
    Err("the server ended the conversation".into())
}
