//! How `serve` stops, and that what it cannot say does not stop it.

use super::certificates::AUTHORITY;
use super::client::{ask_once, connect, hear};
use super::run::{Folder, Ran, Server, get, signal};
use crate::Test;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let all: &[(&str, fn())] = &[
        ("what_does_not_end_is_cut", what_does_not_end_is_cut),
        ("again_ends_at_once", again_ends_at_once),
        ("a_handshake_is_not_waited_for", a_handshake_is_not_waited_for),
        ("nobody_is_there", nobody_is_there),
        ("a_log_that_nobody_reads", a_log_that_nobody_reads),
        ("a_log_whose_reader_leaves", a_log_whose_reader_leaves),
        #[cfg(target_os = "linux")]
        ("a_log_that_cannot_be_written", a_log_that_cannot_be_written),
        #[cfg(target_os = "linux")]
        ("a_key_log_that_cannot_be_written", a_key_log_that_cannot_be_written),
    ];
    let test = |(name, run): &(&str, fn())| Test {
        name: format!("stopping::{name}"),
        needs: None,
        run: Box::new(*run),
    };
    all.iter().map(test).collect()
}

/// A server that answers a request whose client does not read on.
fn busy(arguments: &[&str]) -> (Server, super::client::Stream) {
    let server = Server::start(&[("big", &vec![b'b'; 64 << 20])], arguments);
    let mut client = connect(&server);
    client.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    client.read_line(&mut String::new()).unwrap();
    (server, client)
}

fn what_does_not_end_is_cut() {
    let (server, _client) = busy(&["--stop-timeout", "0.3"]);
    let (out, code) = server.stop();
    assert!(out.contains("stopping: 1 connection with 1 request being answered; at most 0.3 s"), "{out}");
    assert!(out.contains("stopped after 0.3 s: 1 connection with 1 request being answered cut"), "{out}");
    assert_eq!(code, Some(0));
}

fn again_ends_at_once() {
    let (server, _client) = busy(&["--stop-timeout", "86400"]);
    server.signal("TERM");
    server.until("Ctrl-C again ends them at once");
    let (out, code) = server.stop();
    assert!(out.contains("stopped at once: 1 connection with 1 request being answered cut"), "{out}");
    assert_eq!(code, Some(0));
}

fn a_handshake_is_not_waited_for() {
    let arguments = ["--stop-timeout", "86400", "--handshake-timeout", "86400"];
    let server = Server::start(&[], &arguments);
    let mut silent = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    silent.write_all(b"\x16\x03").unwrap();
    // Accepted in order: when this one was answered, that one is being served.
    assert_eq!(ask_once(&server, "GET /none HTTP/1.1").status, 404);
    let (out, code) = server.stop();
    assert!(out.contains(" with 0 requests being answered"), "{out}");
    assert!(out.ends_with("\nstopped: all connections ended\n"), "{out}");
    assert_eq!(code, Some(0));
}

fn nobody_is_there() {
    let (out, code) = Server::start(&[], &[]).stop();
    assert!(out.ends_with("\nstopped\n") && code == Some(0), "{out}");
}

/// A server of these arguments alone, whose output goes there; its port.
fn raw(folder: &Folder, arguments: &[&str], out: Stdio) -> (Child, u16) {
    let leaf = AUTHORITY.leaf();
    folder.file("ca.pem", &AUTHORITY.pem);
    folder.file("site/a.txt", "text");
    let (cert, key) = (folder.file("cert.pem", &leaf.chain), folder.file("key.pem", &leaf.key));
    // Nobody else takes it meanwhile.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_handfast"))
        .arg("serve")
        .arg(folder.path().join("site"))
        .args(["--addr", &format!("127.0.0.1:{port}"), "--cert", &cert, "--key", &key])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    (child, port)
}

fn fetch(folder: &Folder, port: u16) {
    let ca = folder.path().join("ca.pem");
    let ran = get(&[&format!("https://localhost:{port}/a.txt"), "--cacert", ca.to_str().unwrap()]);
    ran.code(0).says(&["text"]);
}

fn stop(child: Child) -> Ran {
    signal(child.id(), "INT");
    Ran::of(child.wait_with_output().unwrap())
}

/// More lines than a pipe and the server's memory of them hold.
fn a_log_that_nobody_reads() {
    const MANY: usize = 6_000;
    let folder = Folder::new();
    let (mut child, port) = raw(&folder, &[], Stdio::piped());
    let mut unread = BufReader::with_capacity(1, child.stdout.take().unwrap());
    unread.read_line(&mut String::new()).unwrap();
    let mut client = super::client::connect_to(port);
    let request = format!("HEAD /a.txt?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200));
    for _ in 0..MANY / 50 {
        client.write_all(request.repeat(50).as_bytes()).unwrap();
        (0..50).for_each(|_| assert_eq!(hear(&mut client, true).status, 200));
    }
    drop(client);
    let unread = BufReader::new(unread.into_inner());
    let reader = std::thread::spawn(move || unread.lines().map(Result::unwrap).collect::<Vec<_>>());
    stop(child).code(0);
    let said = reader.join().unwrap();
    let missing = said
        .iter()
        .find_map(|line| line.strip_suffix(" lines are missing here: they came faster than they were read"));
    let missing: usize = missing.unwrap().parse().unwrap();
    let written = said.iter().filter(|line| line.contains("HEAD /a.txt")).count();
    assert!(missing > 0 && written > 4_096 && missing + written >= MANY, "{missing} {written}");
}

fn a_log_whose_reader_leaves() {
    let folder = Folder::new();
    let (mut child, port) = raw(&folder, &[], Stdio::piped());
    drop(child.stdout.take());
    fetch(&folder, port);
    fetch(&folder, port);
    let ran = stop(child);
    assert!(ran.code(141).err.is_empty(), "{}", ran.err);
}

#[cfg(target_os = "linux")]
fn full() -> std::fs::File {
    std::fs::File::options().write(true).open("/dev/full").unwrap()
}

#[cfg(target_os = "linux")]
fn a_log_that_cannot_be_written() {
    let folder = Folder::new();
    let (child, port) = raw(&folder, &[], full().into());
    fetch(&folder, port);
    fetch(&folder, port);
    let ran = stop(child);
    assert_eq!(ran.code(2).err.matches("the log cannot be written: No space left").count(), 1, "{}", ran.err);
}

#[cfg(target_os = "linux")]
fn a_key_log_that_cannot_be_written() {
    let server = Server::start(&[("a.txt", b"text")], &["--keylog", "/dev/full"]);
    server.get("/a.txt", &[]).code(0);
    server.get("/a.txt", &[]).code(0);
    let (out, code) = server.stop();
    assert_eq!(out.matches("key log could not be written: No space left").count(), 1, "{out}");
    assert_eq!(code, Some(2));
}
