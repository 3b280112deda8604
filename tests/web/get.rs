//! `get` against servers that script what they say.

use super::certificates::AUTHORITY;
use super::run::{Folder, Ran, Server, get};
use super::scripted::{End, Scripted};
use crate::Test;

pub(crate) fn tests() -> Vec<Test> {
    let all: &[(&str, fn())] = &[
        ("body_to_output_or_file", body_to_output_or_file),
        ("bodies_of_every_kind", bodies_of_every_kind),
        ("cut_bodies", cut_bodies),
        ("silence_in_the_handshake", silence_in_the_handshake),
        ("silence_in_the_answer", silence_in_the_answer),
        ("failures_of_http", failures_of_http),
        ("redirects", redirects),
        ("redirects_that_are_not_followed", redirects_that_are_not_followed),
        ("what_was_given_for_one_server_goes_to_no_other", what_was_given_for_one_server_goes_to_no_other),
        ("trust", trust),
        ("what_is_sent", what_is_sent),
        ("verbose", verbose),
        ("the_network", the_network),
        ("the_key_log", the_key_log),
        ("the_help", the_help),
    ];
    let test =
        |(name, run): &(&str, fn())| Test { name: format!("get::{name}"), needs: None, run: Box::new(*run) };
    all.iter().map(test).collect()
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntext";

/// Fetches from a scripted server, which the tests' authority vouches for.
fn get_from(server: &Scripted, arguments: &[&str]) -> Ran {
    let folder = Folder::new();
    let (ca, url) = (folder.file("ca.pem", &AUTHORITY.pem), server.url("/"));
    let mut all = vec![url.as_str(), "--cacert", &ca];
    all.extend(arguments);
    get(&all)
}

fn scripted(answer: &'static str, end: End, arguments: &[&str]) -> Ran {
    get_from(&Scripted::new(vec![(answer, end)]), arguments)
}

fn body_to_output_or_file() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 253) as u8).collect();
    let server = Server::start(&[("a.bin", &bytes)], &[]);
    assert!(server.get("/a.bin", &[]).code(0).out == bytes);
    let file = server.folder.path().join("out");
    let ran = server.get("/a.bin", &["-o", file.to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.len(), ran.err.as_str()), (Some(0), 0, ""));
    assert!(std::fs::read(&file).unwrap() == bytes);
    server.get("/a.bin", &["-o", "/nonexistent/x"]).code(2).says(&["cannot be written"]);
    let head = server.get("/a.bin", &["-I"]);
    head.code(0).says(&["HTTP/1.1 200 OK", "content-length: 3000000", "application/octet-stream"]);
}

fn bodies_of_every_kind() {
    scripted(OK, End::Silence, &[]).code(0).says(&["text"]);
    // All has come: that the end is not clean takes nothing away.
    scripted(OK, End::Cut, &[]).code(0).says(&["text"]);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nte\r\n2\r\nxt\r\n0\r\n\r\n";
    assert_eq!(scripted(chunked, End::Silence, &[]).code(0).out, b"text");
    assert_eq!(scripted("HTTP/1.1 200 OK\r\n\r\ntext", End::Clean, &[]).code(0).out, b"text");
    assert_eq!(scripted("HTTP/1.0 200 OK\r\n\r\ntext", End::Clean, &[]).code(0).out, b"text");
    assert_eq!(scripted("HTTP/1.1 204 No Content\r\n\r\n", End::Clean, &[]).code(0).out, b"");
    let informed = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntext";
    assert_eq!(scripted(informed, End::Clean, &[]).code(0).out, b"text");
}

fn cut_bodies() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nhalf";
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    for answer in [half, chunk, "HTTP/1.1 200 OK\r\n\r\nhalf"] {
        // An attacker can cut TCP, but cannot say close_notify.
        scripted(answer, End::Cut, &[]).code(6).says(&["half", "close_notify"]);
    }
    for answer in [half, chunk] {
        scripted(answer, End::Clean, &[]).code(8).says(&["half", "ends before its end"]);
    }
    scripted("HTTP/1.1 200 O", End::Cut, &[]).code(6);
    scripted("", End::Clean, &[]).code(8);
    scripted("", End::Cut, &[]).code(6);
}

/// A peer of one connection that sends these bytes, one every 20 ms, and then nothing.
fn trickles(bytes: Vec<u8>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let mut tcp = listener.accept().unwrap().0;
        for byte in bytes {
            std::thread::sleep(std::time::Duration::from_millis(20));
            if std::io::Write::write_all(&mut tcp, &[byte]).is_err() {
                return;
            }
        }
        let _ = std::io::copy(&mut tcp, &mut std::io::sink());
    });
    url
}

/// What never began, what stopped and what only is slow are three things.
fn silence_in_the_handshake() {
    let never = get(&[&trickles(Vec::new()), "--timeout", "0.3"]);
    never.code(6).says(&["took the connection, but sent nothing for 0.3 s"]);
    // A record whose header promises more.
    let record = [&[22, 3, 3, 16, 0, 2, 0, 15, 252][..], &[0; 2_000]].concat();
    let slow = get(&[&trickles(record.clone()), "--timeout", "0.6"]);
    slow.code(6).says(&["not complete after 0.", "(state WaitSh)", " bytes came, the last 0.", "--timeout"]);
    assert!(!slow.err.contains("silent") && !slow.err.contains("nothing"), "{}", slow.err);
    let stopped = get(&[&trickles(record[..3].to_vec()), "--timeout", "0.7"]);
    stopped.code(6).says(&["3 bytes came, the last ", " s ago; --timeout"]);
    let stopped = get(&[&trickles(record[..3].to_vec()), "--idle-timeout", "0.3"]);
    stopped.code(6).says(&["3 bytes came, the last ", " s ago; --idle-timeout"]);
}

fn silence_in_the_answer() {
    for (answer, said) in [
        ("", "took the request, but no answer came"),
        ("HTTP/1.1 200 OK\r\nX", "stopped after 18 bytes of its header"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nhalf", "stopped after 4 of 400 bytes of its body"),
        ("HTTP/1.1 200 OK\r\n\r\nhalf", "stopped after 4 bytes of its body"),
    ] {
        let ran = scripted(answer, End::Silence, &["--idle-timeout", "0.4"]);
        ran.code(6).says(&[said, "nothing moved for 0.4 s", "--idle-timeout"]);
    }
}

fn failures_of_http() {
    scripted("SSH-2.0-x\r\n", End::Clean, &[]).code(8).says(&["not HTTP"]);
    let missing = "HTTP/1.1 404 \u{1b}[2JNot\r\nContent-Length: 4\r\nX: a\u{202e}b\r\n\r\ngone";
    let ran = scripted(missing, End::Clean, &[]);
    assert!(!ran.code(8).err.contains('\u{1b}'));
    let ran = scripted("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", End::Clean, &["--fail"]);
    assert_eq!(ran.code(8).says(&["404 Not Found"]).out, b"");
    scripted("HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\ngone", End::Clean, &["-f"]).code(8).says(&["500"]);
    scripted("HTTP/1.1 399 X\r\nContent-Length: 4\r\n\r\ntext", End::Clean, &["-f"]).code(0).says(&["text"]);
    let hostile = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\u{202e}\u{9b}2Jb\r\n\r\n";
    let ran = scripted(hostile, End::Clean, &["-v"]);
    ran.code(0).says(&["< x: a\\u{202e}"]);
    assert!(!ran.err.contains(['\u{202e}', '\u{9b}']), "{:?}", ran.err);
}

fn redirects() {
    let to = |location| (location, End::Clean);
    let server = Scripted::new(vec![
        to("HTTP/1.1 301 Moved\r\nLocation: /a/b?c\r\nContent-Length: 3\r\n\r\nold"),
        to("HTTP/1.1 307 Moved\r\nLocation: ../d\r\nContent-Length: 0\r\n\r\n"),
        to("HTTP/1.1 302 Moved\r\nLocation: https://127.0.0.1.invalid:PORT@x/\r\nContent-Length: 0\r\n\r\n"),
    ]);
    get_from(&server, &["-L"]).code(8).says(&["not followed", "password"]);
    let heard = server.heard();
    let first: Vec<_> = heard.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(first, ["GET / HTTP/1.1", "GET /a/b?c HTTP/1.1", "GET /d HTTP/1.1"]);

    let server = Scripted::new(vec![
        to("HTTP/1.1 308 Moved\r\nLocation: //localhost:PORT/x y\u{fc}\r\nContent-Length: 0\r\n\r\n"),
        to(OK),
    ]);
    assert_eq!(get_from(&server, &["-L"]).code(0).out, b"text");
    assert!(server.heard()[1].starts_with("GET /x%20y%C3%BC HTTP/1.1\r\n"));
    // Only on request.
    let ran = scripted("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nold", End::Clean, &[]);
    assert_eq!(ran.code(0).out, b"old");
}

fn redirects_that_are_not_followed() {
    for to in [
        "HTTP/1.1 302 Found\r\nLocation: http://localhost:PORT/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: javascript:1\r\nContent-Length: 0\r\n\r\n",
    ] {
        let ran = scripted(to, End::Clean, &["-L"]);
        assert_eq!(ran.code(8).says(&["not followed", "away from https"]).out, b"");
    }
    let again = ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", End::Clean);
    let server = Scripted::new(vec![again; 4]);
    get_from(&server, &["-L", "--max-redirs", "3"]).code(8).says(&["--max-redirs"]);
    assert_eq!(server.heard().len(), 4);
}

/// Another port is another server: no header of `-H` goes there.
fn what_was_given_for_one_server_goes_to_no_other() {
    let second = Scripted::new(vec![(OK, End::Clean)]);
    let port = second.address.port();
    let answer =
        format!("HTTP/1.1 302 Found\r\nLocation: https://localhost:{port}/\r\nContent-Length: 0\r\n\r\n");
    let first = Scripted::new(vec![(answer.leak(), End::Clean)]);
    get_from(&first, &["-L", "-H", "Authorization: secret", "-H", "Cookie: secret"]).code(0).says(&["text"]);
    assert_eq!(first.heard()[0].matches("secret").count(), 2);
    assert_eq!(second.heard()[0].matches("secret").count(), 0);
}

fn trust() {
    let server = Server::start(&[("a.txt", b"text")], &[]);
    let url = server.url("/a.txt");
    get(&[&url]).code(1).says(&["trusted root"]);
    get(&[&url, "-k"]).code(0).says(&["text", "WARNING"]);
    let pin = server.get("/a.txt", &["-v"]).err;
    let pin = pin.split("pin: ").nth(1).unwrap().lines().next().unwrap();
    get(&[&url, "--pin", pin]).code(0).says(&["text"]);
    get(&[&url, "--pin", "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]).code(1);
    server.get("/a.txt", &["--servername", "other.example"]).code(1).says(&["other.example"]);
    let there = format!("127.0.0.1:{}", server.port);
    let ca = server.ca();
    get(&["https://localhost/a.txt", "--cacert", &ca, "--connect", &there]).code(0).says(&["text"]);
    get(&["https://other.example/a.txt", "--cacert", &ca, "--connect", &there]).code(1);
    let named =
        ["https://other.example/a.txt", "--cacert", &ca, "--connect", &there, "--servername", "localhost"];
    get(&named).code(0).says(&["text"]);
    let server = Server::start(&[], &["--tls1.3"]);
    server.get("/", &["--tls1_2"]).code(5);
    server.get("/", &["--group", "P-384"]).code(0);
    server.get("/", &["--suite", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]).code(5);
}

fn what_is_sent() {
    let server = Scripted::new(vec![(OK, End::Clean)]);
    get_from(&server, &["-H", "Accept: text/x", "-H", "A: b", "-H", "A: c", "-H", "Host: other"]).code(0);
    let heard = server.heard().remove(0).to_ascii_lowercase();
    for line in ["accept: text/x\r\n", "a: b\r\n", "a: c\r\n", "host: other\r\n", "user-agent: handfast/"] {
        assert_eq!(heard.matches(line).count(), 1, "{heard}");
    }
    for bad in ["A", "A b: c", ": x", "A: b\r\nC: d"] {
        get(&["https://localhost/", "-H", bad]).code(2);
    }
    get(&["http://localhost/"]).code(2).says(&["not https"]);
}

fn verbose() {
    let server = Server::start(&[("a.txt", b"text")], &[]);
    let ran = server.get("/a.txt", &["-v", "--tls1.3", "--suite", "TLS_CHACHA20_POLY1305_SHA256"]);
    assert_eq!(ran.code(0).out, b"text");
    ran.says(&[
        "* TLS 1.3, TLS_CHACHA20_POLY1305_SHA256, group X25519MLKEM768",
        "ALPN http/1.1",
        "* certificate of CN=localhost, issued by CN=the authority of the tests",
        "* trust: the authorities of",
        "> GET /a.txt HTTP/1.1",
        "< HTTP/1.1 200 OK",
    ]);
    server.get("/a.txt", &["-vk"]).code(0).says(&["* trust: the authorities of"]);
    get(&[&server.url("/"), "-vk"]).code(0).says(&["* INSECURE"]);
}

fn the_network() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    get(&[&format!("https://localhost:{}/", closed.port())]).code(6).says(&["refused the connection"]);
    get(&["https://nonexistent.invalid/"]).code(6).says(&["no address"]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", silent.local_addr().unwrap().port());
    get(&[&url, "--timeout", "0.5"]).code(6).says(&["0.5 s"]);
    let plain = std::thread::spawn(move || {
        // The first connection is the one above, which was given up.
        drop(silent.accept().unwrap());
        let mut tcp = silent.accept().unwrap().0;
        std::io::Write::write_all(&mut tcp, b"HTTP/1.1 400 Bad\r\n\r\n").unwrap();
        let _ = tcp.shutdown(std::net::Shutdown::Write);
        let _ = std::io::copy(&mut tcp, &mut std::io::sink());
    });
    get(&[&url]).code(3).says(&["does not speak TLS", "HTTP"]);
    plain.join().unwrap();
}

fn the_key_log() {
    let server = Server::start(&[("a.txt", b"text")], &[]);
    let file = server.folder.path().join("keys");
    let path = file.to_str().unwrap();
    server.get("/a.txt", &["--keylog", path]).code(0);
    server.get("/a.txt", &["--keylog", path, "--tls1.2"]).code(0);
    let log = std::fs::read_to_string(&file).unwrap();
    assert!(log.contains("CLIENT_TRAFFIC_SECRET_0 ") && log.contains("CLIENT_RANDOM "), "{log}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let both = Server::start(&[("a.txt", b"text")], &["--keylog", path]);
    both.get("/a.txt", &[]).code(0);
    assert!(std::fs::read_to_string(&file).unwrap().len() > log.len());
}

/// One table, for those who know other programs' flags.
fn the_help() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_handfast"));
    let ran = Ran::of(command.arg("--help").output().unwrap());
    ran.code(0).says(&["openssl s_client -connect", "curl --cacert F", "serve --client-ca F", "get URL"]);
}
