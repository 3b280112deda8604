//! The example `reverse_proxy`, with curl before it and a plain server behind.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread::{JoinHandle, spawn};
use support::web::Files;
use support::{Program, peers, run};

/// A plain server for one request, to which it says "behind"; gives what it was asked.
fn behind() -> (String, JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let asked = spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).unwrap();
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nKeep-Alive: timeout=5\r\nX-Behind: yes\r\n\r\nbehind\n";
        stream.get_mut().write_all(answer).unwrap();
        (head, body)
    });
    (at, asked)
}

#[test]
fn the_server_behind_is_told_from_where_a_request_came() {
    let Some([curl]) = peers(["curl"]) else { return };
    let files = Files::new();
    for option in ["--http2", "--http1.1"] {
        let (at, asked) = behind();
        let mut command = Command::new(env!("CARGO_BIN_EXE_reverse_proxy"));
        let proxy = Program::start(command.args([&at, "127.0.0.1:0", &files.chain, &files.key])).unwrap();
        let port = proxy.wait_for_line("https://localhost:").unwrap().trim_end_matches('/').to_owned();

        let mut command = Command::new(&curl);
        command.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            option,
            "--cacert",
            &files.ca,
            "--include",
        ]);
        command.args(["--header", "X-Forwarded-For: 203.0.113.7", "--header", "Forwarded: for=203.0.113.7"]);
        command.args(["--header", "X-Mine: kept", "--data", "a form"]);
        let said = run(command.arg(format!("https://localhost:{port}/path?query"))).to_lowercase();
        assert!(
            said.contains(" 200") && said.contains("x-behind: yes") && said.ends_with("behind\n"),
            "{said}"
        );
        assert!(!said.contains("keep-alive"), "{said}");

        let (head, body) = asked.join().unwrap();
        assert_eq!(body, b"a form");
        assert!(head.starts_with("post /path?query http/1.1\r\n"), "{head}");
        for (wanted, times) in [
            (format!("\r\nhost: localhost:{port}\r\n"), 1),
            (format!("\r\nx-forwarded-host: localhost:{port}\r\n"), 1),
            ("\r\nx-forwarded-for: 127.0.0.1\r\n".to_owned(), 1),
            ("\r\nx-forwarded-proto: https\r\n".to_owned(), 1),
            ("\r\nx-mine: kept\r\n".to_owned(), 1),
            ("203.0.113.7".to_owned(), 0),
        ] {
            assert_eq!(head.matches(&wanted).count(), times, "{wanted}\n{head}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_a_bad_gateway() {
    let Some([curl]) = peers(["curl"]) else { return };
    // A port that was free a moment ago.
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_reverse_proxy"));
    let proxy = Program::start(command.args([&at, "127.0.0.1:0"])).unwrap();
    let port = proxy.wait_for_line("https://localhost:").unwrap();
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--noproxy", "*", "--insecure", "--write-out", "%{http_code}"]);
    assert_eq!(
        run(command.arg(format!("https://localhost:{port}"))),
        "the server behind does not answer\n502"
    );
}
