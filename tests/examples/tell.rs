//! `tell` and `openssl s_server`, with certificates that are not to be trusted.

use super::certificates::{AUTHORITY, Authority, Leaf};
use super::example;
use super::folder::Folder;
use super::peers::peers;
use super::program::{Program, on_free_port};
use libtest_mimic::Failed;
use rcgen::{CertificateParams, date_time_ymd};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;

/// A server with this certificate; the example's words about it.
fn told(openssl: &Path, leaf: &Leaf, more: &[&str]) -> Result<(bool, String), Failed> {
    let folder = Folder::new();
    let (chain, key) = (folder.file("chain.pem", &leaf.chain), folder.file("key.pem", &leaf.key));
    let (_server, port) = on_free_port(|port| {
        let mut command = Command::new(openssl);
        command.args(["s_server", "-accept", &port.to_string(), "-cert", &chain, "-key", &key]);
        Ok(command)
    })?;
    let mut command = example("tell");
    command.arg(format!("localhost:{port}")).arg(folder.file("ca.pem", &AUTHORITY.pem)).args(more);
    let (status, said) = Program::start(&mut command)?.finish()?;
    Ok((status.success(), said.replace(&port.to_string(), "PORT")))
}

fn expired() -> Leaf {
    AUTHORITY.leaf_but(|params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    })
}

fn for_another() -> Leaf {
    let names = CertificateParams::new(["other.test".to_owned()]).unwrap().subject_alt_names;
    AUTHORITY.leaf_but(|params| params.subject_alt_names = names)
}

#[test]
fn a_good_one_is_trusted() -> Result<(), Failed> {
    let Some([openssl]) = peers(["openssl"]) else { return Ok(()) };
    let (well, said) = told(&openssl, &AUTHORITY.leaf(), &[])?;
    assert!(well);
    assert_eq!(said.trim(), "localhost:PORT can be trusted.");
    Ok(())
}

/// Each in the application's words, with all that failed and the hint.
#[test]
fn people_are_told_why() -> Result<(), Failed> {
    let Some([openssl]) = peers(["openssl"]) else { return Ok(()) };
    let stranger = Authority::root("a stranger").leaf();
    for (leaf, words) in [
        (
            expired(),
            [
                "I did not talk to localhost:PORT. Its certificate is not valid today:",
                "- CN=localhost: it expired ",
                "; required is a validity that includes the present time",
                "Perhaps this helps: ",
            ],
        ),
        (
            for_another(),
            [
                "I did not talk to localhost:PORT. Its certificate is another server's:",
                "- CN=localhost: it does not name localhost",
                "; required is the server's name among the names of the certificate",
                "Perhaps this helps: names in the certificate: other.test.",
            ],
        ),
        (
            stranger,
            [
                "I did not talk to localhost:PORT. Nobody whom you trust vouches for it:",
                "- CN=localhost: ",
                "; required is a path to a trusted root",
                "Perhaps this helps: ",
            ],
        ),
    ] {
        let (well, said) = told(&openssl, &leaf, &[])?;
        assert!(!well);
        for word in words {
            assert!(said.contains(word), "{word:?}:\n{said}");
        }
    }
    Ok(())
}

/// Two rules are broken, and both are told.
#[test]
fn programs_are_told_all_of_it() -> Result<(), Failed> {
    let Some([openssl]) = peers(["openssl"]) else { return Ok(()) };
    let names = CertificateParams::new(["other.test".to_owned()])?.subject_alt_names;
    let leaf = AUTHORITY.leaf_but(|params| {
        params.not_after = date_time_ymd(2021, 1, 1);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.subject_alt_names = names;
    });
    let (well, said) = told(&openssl, &leaf, &["--json"])?;
    assert!(!well);
    let told: Value = serde_json::from_str(said.trim())?;
    assert_eq!(told["alert"], "certificate_expired");
    let rules: Vec<_> = told["failures"].as_array().unwrap().iter().map(|check| &check["rule"]).collect();
    assert_eq!(rules, ["HostName", "Validity"]);
    assert_eq!(told["failures"][0]["found"], "it does not name localhost");
    assert!(told["sentence"].as_str().unwrap().ends_with(", and one more rule is broken"), "{told}");
    assert!(told["hint"].is_string(), "{told}");
    Ok(())
}

/// What is no refused certificate is told, too.
#[test]
fn other_failures_are_told_in_a_sentence() -> Result<(), Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let server = thread::spawn(move || {
        let mut tcp = listener.accept().unwrap().0;
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Until the client goes, so that nothing is reset before it has read.
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let folder = Folder::new();
    let ca = folder.file("ca.pem", &AUTHORITY.pem);
    let mut command = example("tell");
    let (status, said) = Program::start(command.arg(format!("localhost:{port}")).arg(ca))?.finish()?;
    server.join().unwrap();
    assert!(!status.success());
    let words = format!("I could not talk to localhost:{port}: the peer does not speak TLS");
    assert!(said.contains(&words) && said.contains("it looks like HTTP without TLS"), "{said}");
    Ok(())
}
