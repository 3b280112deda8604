//! What is served, to a client that behaves.

use super::client::{ask, ask_once, connect, hear};
use super::run::{Folder, Server};
use crate::Test;
use std::io::Write;
use std::sync::{Arc, Barrier};

pub(crate) fn tests() -> Vec<Test> {
    let all: &[(&str, fn())] = &[
        ("files_and_types", files_and_types),
        ("directories", directories),
        ("head", head),
        ("ranges", ranges),
        ("unchanged_files", unchanged_files),
        ("keep_alive_and_pipelining", keep_alive_and_pipelining),
        ("fifty_connections_at_once", fifty_connections_at_once),
        ("a_throw_away_authority", a_throw_away_authority),
        ("the_log", the_log),
        ("explains_each_handshake", explains_each_handshake),
        ("a_stop_lets_answers_end", a_stop_lets_answers_end),
    ];
    let test = |(name, run): &(&str, fn())| Test {
        name: format!("serve::{name}"),
        needs: None,
        run: Box::new(*run),
    };
    all.iter().map(test).collect()
}

fn files_and_types() {
    let site: &[(&str, &[u8])] = &[
        ("a.txt", b"text"),
        ("b.html", b"<p>"),
        ("c.json", b"{}"),
        ("d", b"\0"),
        ("e/f g.png", b"png"),
        ("empty.txt", b""),
        ("\u{fc}.css", b"x"),
    ];
    let server = Server::start(site, &[]);
    for (path, kind, body) in [
        ("/a.txt", "text/plain; charset=utf-8", &b"text"[..]),
        ("/b.html?query", "text/html; charset=utf-8", b"<p>"),
        ("/c.json", "application/json", b"{}"),
        ("/d", "application/octet-stream", b"\0"),
        ("/e/f%20g.png", "image/png", b"png"),
        ("/./e//f%20g%2epng", "image/png", b"png"),
        ("/empty.txt", "text/plain; charset=utf-8", b""),
        ("/%C3%BC.css", "text/css; charset=utf-8", b"x"),
    ] {
        let answer = ask_once(&server, &format!("GET {path} HTTP/1.1"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.body, body, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    for path in ["/none", "/a.txt/", "/a.txt/b", "/e/none/"] {
        assert_eq!(ask_once(&server, &format!("GET {path} HTTP/1.1")).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"] {
        let target = if method == "CONNECT" { "localhost:1" } else { "/a.txt" };
        let answer = ask_once(&server, &format!("{method} {target} HTTP/1.1"));
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

fn directories() {
    let site: &[(&str, &[u8])] = &[
        ("with/index.html", b"the index"),
        ("without/<script>alert(1)</script>", b""),
        ("without/a&b\"c'd", b""),
        ("without/sub dir/x", b""),
    ];
    let server = Server::start(site, &[]);
    assert_eq!(ask_once(&server, "GET /with/ HTTP/1.1").body, b"the index");
    let answer = ask_once(&server, "GET /without HTTP/1.1");
    assert_eq!((answer.status, answer.header("location")), (301, Some("/without/")));
    // Never away from here, whatever slashes the client writes.
    assert_eq!(ask_once(&server, "GET //without HTTP/1.1").header("location"), Some("/without/"));
    let answer = ask_once(&server, "GET /without/ HTTP/1.1");
    let page = String::from_utf8(answer.body).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;") || page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script") && !page.contains("a&b\"c"), "{page}");
    assert!(page.contains("href=\"./a%26b%22c%27d\"") && page.contains("./sub%20dir/"), "{page}");
    let page = ask_once(&server, "GET / HTTP/1.1").body;
    assert!(!String::from_utf8(page).unwrap().contains("../"));
}

fn head() {
    let server = Server::start(&[("a.txt", b"text")], &[]);
    let mut stream = connect(&server);
    let answer = ask(&mut stream, "HEAD /a.txt HTTP/1.1\r\nHost: localhost");
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("4")));
    // No body came: the next answer begins at once.
    assert_eq!(ask(&mut stream, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
    assert_eq!(ask(&mut stream, "HEAD /none HTTP/1.1\r\nHost: localhost").status, 404);
}

fn ranges() {
    let server = Server::start(&[("a.txt", b"0123456789")], &[]);
    let range = |range: &str| ask_once(&server, &format!("GET /a.txt HTTP/1.1\r\nRange: {range}"));
    for (asked, body, told) in [
        ("bytes=0-0", &b"0"[..], "bytes 0-0/10"),
        ("bytes=3-5", b"345", "bytes 3-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
    ] {
        let answer = range(asked);
        assert_eq!((answer.status, answer.header("content-range")), (206, Some(told)), "{asked}");
        assert_eq!(answer.body, body, "{asked}");
    }
    let answer = range("bytes=10-");
    assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10")));
    for ignored in ["bytes=0-1,3-4", "lines=1-2", "bytes=x"] {
        assert_eq!(range(ignored).status, 200, "{ignored}");
    }
    let whole = ask_once(&server, "GET /a.txt HTTP/1.1");
    let modified = whole.header("last-modified").unwrap();
    let unchanged = |have: &str| range(&format!("bytes=0-1\r\nIf-Range: {have}")).status;
    assert_eq!(unchanged(modified), 206);
    assert_eq!(unchanged(whole.header("etag").unwrap()), 206);
    assert_eq!(unchanged("\"another\""), 200);
    assert_eq!(unchanged("Thu, 01 Jan 1970 00:00:00 GMT"), 200);
}

fn unchanged_files() {
    let server = Server::start(&[("a.txt", b"x")], &[]);
    let modified = ask_once(&server, "GET /a.txt HTTP/1.1").header("last-modified").unwrap().to_owned();
    let mut stream = connect(&server);
    let since = |time: &str| format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nIf-Modified-Since: {time}");
    assert_eq!(ask(&mut stream, &since(&modified)).status, 304);
    assert_eq!(ask(&mut stream, &since("Thu, 01 Jan 1970 00:00:00 GMT")).status, 200);
    assert_eq!(ask(&mut stream, &since("nonsense")).status, 200);
    let etag = ask_once(&server, "GET /a.txt HTTP/1.1").header("etag").unwrap().to_owned();
    assert_eq!(ask_once(&server, &format!("GET /a.txt HTTP/1.1\r\nIf-None-Match: {etag}")).status, 304);
}

fn keep_alive_and_pipelining() {
    let big = vec![b'b'; 1 << 20];
    let server = Server::start(&[("a.txt", b"text"), ("big", &big)], &[]);
    let mut stream = connect(&server);
    for _ in 0..20 {
        assert_eq!(ask(&mut stream, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
    }
    let two = "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(two.as_bytes()).unwrap();
    assert!(hear(&mut stream, false).body == big);
    assert_eq!(hear(&mut stream, false).body, b"text");
    // And it ends, with close_notify, when the client asks for that.
    let last = ask(&mut stream, "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close");
    assert_eq!(last.body, b"text");
    assert_eq!(std::io::Read::read(&mut stream, &mut [0; 9]).unwrap(), 0);
    // A client that sends no more still gets its answer.
    let mut stream = connect(&server);
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    stream.close().unwrap();
    assert!(hear(&mut stream, false).body == big);
}

/// All fifty have shaken hands before the first asks.
fn fifty_connections_at_once() {
    let big: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let server = Arc::new(Server::start(&[("big", &big)], &[]));
    let (big, all) = (Arc::new(big), Arc::new(Barrier::new(50)));
    let client = |_| {
        let (server, big, all) = (Arc::clone(&server), Arc::clone(&big), Arc::clone(&all));
        std::thread::spawn(move || {
            let mut stream = connect(&server);
            stream.handshake().unwrap();
            all.wait();
            assert!(ask(&mut stream, "GET /big HTTP/1.1\r\nHost: localhost").body == *big);
            all.wait();
        })
    };
    let clients: Vec<_> = (0..50).map(client).collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}

fn a_throw_away_authority() {
    let server = Server::plain(Folder::new(), &[("a.txt", b"text")], &[]);
    let dir = std::env::temp_dir();
    let pid = format!("handfast-{}-", server.pid());
    let made = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let made = made.into_iter().find(|path| path.to_str().is_some_and(|path| path.contains(&pid))).unwrap();
    let file = made.join("ca.pem");
    #[cfg(unix)]
    for (path, mode) in [(&made, 0o700), (&file, 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    let pem = std::fs::read_to_string(&file).unwrap();
    assert!(!pem.contains("PRIVATE"));
    let file = file.to_str().unwrap().to_owned();
    super::run::get(&[&server.url("/a.txt"), "--cacert", &file]).code(0).says(&["text"]);
    super::run::get(&[&server.url("/a.txt"), "--cacert", &server.ca()]).code(1);
    let (out, code) = server.stop();
    assert!(out.contains(&format!("curl --cacert {file} https://localhost:")), "{out}");
    assert_eq!((code, made.exists()), (Some(0), false));
}

fn the_log() {
    let server = Server::start(&[("a.txt", b"text")], &["--tls1.2"]);
    let hostile = "GET /\u{1b}x HTTP/1.1";
    ask_once(&server, "GET /a.txt?a=%1b[2J HTTP/1.1");
    ask_once(&server, "HEAD /none HTTP/1.1");
    assert_eq!(ask_once(&server, hostile).status, 400);
    let (out, code) = server.stop();
    assert_eq!(code, Some(0));
    let line = out.lines().find(|line| line.contains("/a.txt")).unwrap();
    let words: Vec<_> = line.split(' ').collect();
    assert!(words[0].ends_with('Z') && words[0].len() == 24 && words[1].starts_with("127.0.0.1:"), "{line}");
    assert_eq!(words[2..6], ["GET", "/a.txt?a=%1b[2J", "200", "4"], "{line}");
    assert_eq!(words[6..], ["TLS1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], "{line}");
    assert!(out.contains("HEAD /none 404 0 TLS1.2"), "{out}");
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

fn explains_each_handshake() {
    let server = Server::start(&[("a.txt", b"text")], &["--explain"]);
    server.get("/a.txt", &[]).code(0);
    server.get("/a.txt", &["--tls1.2"]).code(0);
    let ca = super::certificates::Authority::root("another");
    let other = server.folder.file("other.pem", &ca.pem);
    super::run::get(&[&server.url("/"), "--cacert", &other]).code(1);
    let (out, _) = server.stop();
    for each in [
        "<-  ClientHello",
        "->  ServerHello",
        "->  CertificateVerify",
        "<-  ClientKeyExchange",
        "random 3 of 3",
        "server says suite",
        "signature   ecdsa_secp256r1_sha256",
        "unknown_ca",
    ] {
        assert!(out.contains(each), "{each}: {out}");
    }
    assert_eq!(out.matches("HANDSHAKE with 127.0.0.1").count(), 3, "{out}");
    assert_eq!(out.matches("the handshake is complete").count(), 2, "{out}");
}

/// An idle connection ends at once; one whose answer is on its way gets all of it.
fn a_stop_lets_answers_end() {
    let big = vec![b'b'; 32 << 20];
    let server = Server::start(&[("big", &big)], &[]);
    let mut idle = connect(&server);
    idle.handshake().unwrap();
    let mut busy = connect(&server);
    busy.write_all(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    busy.flush().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let stopping = std::thread::spawn(move || server.stop());
    assert_eq!(std::io::Read::read(&mut idle, &mut [0; 9]).unwrap(), 0);
    let answer = hear(&mut busy, false);
    assert!(answer.body == big);
    drop((idle, busy));
    assert_eq!(stopping.join().unwrap().1, Some(0));
}
