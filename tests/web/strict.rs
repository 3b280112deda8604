//! What `serve` refuses.

use super::certificates::{AUTHORITY, Authority};
use super::client::{ask, ask_once, connect, connect_as, hear};
use super::run::{Folder, Ran, Server};
use crate::Test;
use handfast::pki::UnixTime;
use handfast::{ClientConfig, Error};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) fn tests() -> Vec<Test> {
    let all: &[(&str, fn())] = &[
        ("traversal", traversal),
        #[cfg(unix)]
        ("symlinks_and_pipes", symlinks_and_pipes),
        ("oversized_headers", oversized_headers),
        ("broken_requests", broken_requests),
        ("plain_http", plain_http),
        ("no_tls_at_all", no_tls_at_all),
        ("slow_handshakes", slow_handshakes),
        ("idle_connections", idle_connections),
        ("client_certificates", client_certificates),
        ("one_connection_at_a_time", one_connection_at_a_time),
        ("wrong_arguments", wrong_arguments),
    ];
    let test = |(name, run): &(&str, fn())| Test {
        name: format!("strict::{name}"),
        needs: None,
        run: Box::new(*run),
    };
    all.iter().map(test).collect()
}

fn traversal() {
    let server = Server::start(&[("a/b.txt", b"text")], &[]);
    for path in [
        "/../outside.txt",
        "/a/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/a/%2e%2e%2f%2e%2e%2foutside.txt",
        "/..%2foutside.txt",
        "/%2Fetc%2Fpasswd",
        "/..%5coutside.txt",
        "/..\\outside.txt",
        "/a/..",
    ] {
        let answer = ask_once(&server, &format!("GET {path} HTTP/1.1"));
        assert!(matches!(answer.status, 400 | 403), "{path}: {}", answer.status);
        assert!(!String::from_utf8_lossy(&answer.body).contains("not to be served"), "{path}");
    }
    for path in ["//etc/passwd", "/%252e%252e/outside.txt", "/.../outside.txt"] {
        assert_eq!(ask_once(&server, &format!("GET {path} HTTP/1.1")).status, 404, "{path}");
    }
    for path in ["/%", "/%zz", "/%ff", "/a%00b", "/a/b.txt%00"] {
        assert_eq!(ask_once(&server, &format!("GET {path} HTTP/1.1")).status, 400, "{path}");
    }
}

#[cfg(unix)]
fn symlinks_and_pipes() {
    use std::os::unix::fs::symlink;
    let server = Server::start(&[("a.txt", b"text"), ("site2/x", b"")], &[]);
    let root = server.folder.path();
    // Beside the site, and with the site's name as the beginning of its own.
    server.folder.file("site-secret/a.txt", "not to be served");
    let link = |to: &str, name: &str| symlink(to, root.join("site").join(name)).unwrap();
    link("a.txt", "inside");
    link("../outside.txt", "outside");
    link("/etc", "etc");
    link("../site-secret", "sibling");
    link("..", "up");
    link("loop", "loop");
    std::fs::create_dir(root.join("site/dir")).unwrap();
    link("../../outside.txt", "dir/index.html");
    assert!(Command::new("mkfifo").arg(root.join("site/pipe")).status().unwrap().success());
    assert_eq!(ask_once(&server, "GET /inside HTTP/1.1").body, b"text");
    for path in
        ["/outside", "/etc/passwd", "/etc", "/sibling/a.txt", "/up/outside.txt", "/up", "/dir/", "/pipe"]
    {
        let answer = ask_once(&server, &format!("GET {path} HTTP/1.1"));
        assert_eq!(answer.status, 403, "{path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("not to be served"), "{path}");
    }
    assert_eq!(ask_once(&server, "GET /loop HTTP/1.1").status, 404);
}

fn oversized_headers() {
    let server = Server::start(&[("a.txt", b"text")], &[]);
    let header = |n: usize| format!("GET /a.txt HTTP/1.1\r\nX: {}", "x".repeat(n));
    assert_eq!(ask_once(&server, &header(30_000)).status, 200);
    assert_eq!(ask_once(&server, &header(100_000)).status, 431);
    let many = |n| format!("GET /a.txt HTTP/1.1{}", "\r\nX: y".repeat(n));
    assert_eq!(ask_once(&server, &many(50)).status, 200);
    assert_eq!(ask_once(&server, &many(1_000)).status, 431);
    let answer = ask_once(&server, &format!("GET /{} HTTP/1.1", "a".repeat(100_000)));
    assert!(matches!(answer.status, 414 | 431), "{}", answer.status);
    // A megabyte is not even read.
    let mut stream = connect(&server);
    let _ = stream.write_all(header(1 << 20).as_bytes());
    assert_eq!(hear(&mut stream, false).status, 431);
    assert_eq!(ask_once(&server, "GET /a.txt HTTP/1.1").status, 200);
}

fn broken_requests() {
    let server = Server::start(&[("a.txt", b"text")], &[]);
    for bad in ["nonsense", "GET", "GET /a.txt HTTP/9.9", "\0\0\0", "GET /a.txt HTTP/1.1\r\n: x"] {
        assert_eq!(ask(&mut connect(&server), bad).status, 400, "{bad}");
    }
    for bad in ["GET /a.txt HTTP/1.1", "GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: b"] {
        assert_eq!(ask(&mut connect(&server), bad).status, 400, "{bad}");
    }
    assert_eq!(ask(&mut connect(&server), "GET /a.txt HTTP/1.0").status, 200);
    assert_eq!(ask_once(&server, "GET /a.txt HTTP/1.1").status, 200);
}

fn plain_http() {
    let server = Server::start(&[], &[]);
    for request in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], b"POST /x HTTP/1.0\r\n\r\n"] {
        let mut tcp = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        tcp.write_all(request).unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("HTTPS"), "{answer}");
    }
    let (out, _) = server.stop();
    assert_eq!(out.matches("speaks HTTP without TLS").count(), 2, "{out}");
}

fn no_tls_at_all() {
    let server = Server::start(&[], &[]);
    let mut tcp = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    tcp.write_all(b"\x80\x2e\x01\x00\x02 hello \x1b[2J").unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert");
    drop(TcpStream::connect(("127.0.0.1", server.port)).unwrap());
    std::thread::sleep(Duration::from_millis(100));
    let (out, _) = server.stop();
    assert!(out.contains("handshake failed: the peer does not speak TLS"), "{out}");
    assert!(out.contains("left before it said anything") && !out.contains('\u{1b}'), "{out}");
}

/// Neither silence nor a record that never ends holds a place for long.
fn slow_handshakes() {
    let server = Server::start(&[("a.txt", b"text")], &["--handshake-timeout", "0.5"]);
    for said in [&b""[..], b"\x16", b"\x16\x03\x01\x10\x00\x01"] {
        let began = Instant::now();
        let mut tcp = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        tcp.write_all(said).unwrap();
        let _ = tcp.read_to_end(&mut Vec::new());
        let took = began.elapsed();
        assert!(took > Duration::from_millis(400) && took < Duration::from_secs(4), "{said:?} {took:?}");
    }
    // The time for the handshake is not one for what follows.
    let mut stream = connect(&server);
    stream.handshake().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(ask(&mut stream, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
}

fn idle_connections() {
    let server = Server::start(&[("a.txt", b"text")], &["--idle-timeout", "0.6"]);
    let mut stream = connect(&server);
    for _ in 0..3 {
        assert_eq!(ask(&mut stream, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
        std::thread::sleep(Duration::from_millis(300));
    }
    // Idle between requests: a clean end.
    let began = Instant::now();
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
    assert!(began.elapsed() < Duration::from_secs(3));
    // A header that comes byte by byte has no longer.
    let mut stream = connect(&server);
    let began = Instant::now();
    let slowly = (0..100).try_for_each(|_| {
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(b"G").and_then(|()| stream.flush())
    });
    assert!(slowly.is_err() && began.elapsed() < Duration::from_secs(5));
    let mut stream = connect(&server);
    stream.write_all(b"GET /a.txt HT").unwrap();
    let began = Instant::now();
    let _ = stream.read_to_end(&mut Vec::new());
    assert!(began.elapsed() < Duration::from_secs(3));
}

fn client_certificates() {
    let clients = Authority::root("the authority of the clients");
    let folder = Folder::new();
    let ca = folder.file("clients.pem", &clients.pem);
    let good = clients.leaf();
    let bad = AUTHORITY.leaf();
    let (cert, key) = (folder.file("c.pem", &good.chain), folder.file("k.pem", &good.key));
    let (bad_cert, bad_key) = (folder.file("bc.pem", &bad.chain), folder.file("bk.pem", &bad.key));
    // TLS 1.2's handshake_failure could also mean that nothing is in common.
    let refused = |ran: &Ran| assert!(matches!(ran.code, Some(4 | 5)), "{:?} {}", ran.code, ran.err);

    let server = Server::start(&[("a.txt", b"text")], &["--client-ca", &ca, "--explain"]);
    for version in ["--tls1.2", "--tls1.3"] {
        server.get("/a.txt", &[version, "--cert", &cert, "--key", &key]).code(0).says(&["text"]);
        refused(&server.get("/a.txt", &[version]));
        refused(&server.get("/a.txt", &[version, "--cert", &bad_cert, "--key", &bad_key]));
    }
    let config = ClientConfig::new(AUTHORITY.verifier(), UnixTime::now);
    let mut stream = connect_as(&server, config);
    let error =
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").and_then(|()| stream.read(&mut [0; 9])).unwrap_err();
    assert!(matches!(Error::of_io(&error), Some(Error::AlertReceived { .. })), "{error}");
    let (out, _) = server.stop();
    assert!(out.contains("comes from the authorities of --client-ca"), "{out}");
    assert!(out.contains("handshake failed"), "{out}");

    let arguments = ["--client-ca", &ca, "--client-auth", "optional"];
    let server = Server::start(&[("a.txt", b"text")], &arguments);
    server.get("/a.txt", &["--cert", &cert, "--key", &key]).code(0).says(&["text"]);
    server.get("/a.txt", &[]).code(0).says(&["text"]);
    refused(&server.get("/a.txt", &["--cert", &bad_cert, "--key", &bad_key]));
}

fn one_connection_at_a_time() {
    let server = Server::start(&[("a.txt", b"text")], &["--max-connections", "1"]);
    let mut first = connect(&server);
    assert_eq!(ask(&mut first, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
    let mut second = connect(&server);
    second.get_ref().set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(second.handshake().is_err());
    second.get_ref().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    first.close().unwrap();
    drop(first);
    assert_eq!(ask(&mut second, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
}

fn wrong_arguments() {
    let folder = Folder::new();
    let leaf = AUTHORITY.leaf();
    let (cert, key) = (folder.file("c.pem", &leaf.chain), folder.file("k.pem", &AUTHORITY.leaf().key));
    let serve = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
        Ran::of(command.arg("serve").args(arguments).output().unwrap())
    };
    serve(&["/nonexistent"]).code(2).says(&["cannot serve /nonexistent"]);
    serve(&[&cert]).code(2).says(&["not a directory"]);
    serve(&["--cert", &cert]).code(2).says(&["c.pem"]);
    serve(&["--cert", &cert, "--key", &key]).code(2).says(&["does not belong"]);
    serve(&["--key", &key]).code(2).says(&["--cert"]);
    serve(&["--client-ca", &key]).code(2).says(&["k.pem"]);
    serve(&["--client-auth", "optional"]).code(2).says(&["--client-ca"]);
    serve(&["--addr", "example.com"]).code(2);
    serve(&["--addr", "192.0.2.1:1"]).code(2).says(&["cannot listen"]);
}
