//! Sessions that outlive a run, and early data: GET and HEAD alone, marked, and
//! taken once.

use super::certificates::AUTHORITY;
use super::client::{Stream, ask, connect_as, hear};
use super::run::{Folder, Ran, Server, get};
use super::scripted::End;
use crate::Test;
use handfast::pki::{ServerName, UnixTime};
use handfast::{ClientConfig, ClientSessions, Connection, EarlyData, ReplayRegister, ServerConfig};
use handfast::{TicketKeys, TlsStream};
use std::io::{BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn tests() -> Vec<Test> {
    type Row = (&'static str, Option<&'static str>, fn());
    let all: &[Row] = &[
        ("sessions_outlive_a_run", None, sessions_outlive_a_run),
        ("files_that_hold_no_sessions_are_left_alone", None, files_that_hold_no_sessions_are_left_alone),
        ("a_get_goes_early", None, a_get_goes_early),
        ("what_is_not_taken_is_sent_again", None, what_is_not_taken_is_sent_again),
        ("a_425_is_asked_again", None, a_425_is_asked_again),
        ("only_get_and_head_are_taken", None, only_get_and_head_are_taken),
        ("a_request_in_two_pieces_is_one", None, a_request_in_two_pieces_is_one),
        ("a_flight_is_taken_once", None, a_flight_is_taken_once),
        ("the_story_of_early_data", None, the_story_of_early_data),
        ("openssl_sends", Some("openssl"), openssl_sends),
        ("openssl_takes", Some("openssl"), openssl_takes),
    ];
    let test = |&(name, needs, run): &Row| Test { name: format!("early::{name}"), needs, run: Box::new(run) };
    all.iter().map(test).collect()
}

const SITE: &[(&str, &[u8])] = &[("a.txt", b"text"), ("b.txt", b"more")];

fn early_server() -> Server {
    Server::start(SITE, &["--early-data", "4096"])
}

/// A path in the server's folder.
fn path(folder: &Folder, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn sessions_outlive_a_run() {
    let server = Server::start(SITE, &[]);
    for version in ["--tls1.3", "--tls1.2"] {
        let file = path(&server.folder, version);
        let fetch = || server.get("/a.txt", &[version, "--sessions", &file, "-v"]);
        let first = fetch();
        assert!(!first.code(0).err.contains("* resumed"), "{}", first.err);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        for _ in 0..2 {
            fetch().code(0).says(&[
                "* resumed: the certificate is that of",
                "* certificate of CN=localhost",
                "text",
            ]);
        }
        // Nothing is left beside it.
        let beside = |name: String| name.starts_with(version) && name != version;
        let names = std::fs::read_dir(server.folder.path()).unwrap();
        assert!(!names.map(|each| each.unwrap().file_name().into_string().unwrap()).any(beside));
        // `explain` reads the same, where it trusts the same.
        let (at, ca) = (format!("127.0.0.1:{}", server.port), server.ca());
        let explained =
            explain(&["localhost", "--connect", &at, "--cacert", &ca, version, "--sessions", &file]);
        explained.code(0).says(&["session     resumed ", "at the session's first handshake", "days left"]);
    }
    // Others are trusted elsewhere: a session of one judge is none of another's.
    let file = path(&server.folder, "--tls1.3");
    get(&[&server.url("/a.txt"), "--sessions", &file]).code(1);
}

fn explain(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    Ran::of(command.arg("explain").args(arguments).stdin(Stdio::null()).output().unwrap())
}

fn files_that_hold_no_sessions_are_left_alone() {
    let server = Server::start(SITE, &[]);
    let file = path(&server.folder, "sessions");
    server.get("/a.txt", &["--sessions", &file]).code(0);
    let good = std::fs::read(&file).unwrap();
    let altered = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        bytes
    };
    for (bytes, why) in [
        (b"a shopping list".to_vec(), "they are no export of sessions"),
        (Vec::new(), "they are no export of sessions"),
        (altered(17), "this release reads format"),
        (altered(good.len() / 2), "is not as it was written"),
        (good[..good.len() - 1].to_vec(), "it was cut, or added to"),
        (vec![b'h'; 5 << 20], "and none has more than"),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        let says = [why, "it is left as it is: remove it, or name another file"];
        server.get("/a.txt", &["--sessions", &file]).code(2).says(&says);
        explain(&["localhost", "--sessions", &file]).code(2).says(&says);
        assert!(std::fs::read(&file).unwrap() == bytes, "{why}");
    }
    std::fs::write(&file, &good).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for mode in [0o604, 0o640, 0o620] {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            server
                .get("/a.txt", &["--sessions", &file])
                .code(2)
                .says(&["others may read or write", "chmod 600"]);
        }
    }
    server.get("/a.txt", &["--sessions", "/nonexistent/x"]).code(2).says(&["cannot write /nonexistent/x"]);
    server.get("/a.txt", &["--sessions", "/"]).code(2).says(&["/ is not a file"]);
    server.get("/a.txt", &["--early-data"]).code(2).says(&["--sessions"]);
    explain(&["--sessions", &path(&server.folder, "x")]).code(2).says(&["name a HOST"]);
}

fn a_get_goes_early() {
    let server = early_server();
    let file = path(&server.folder, "sessions");
    let fetch =
        |more: &[&str]| server.get("/a.txt", &[&["--sessions", &file, "--early-data", "-v"], more].concat());
    fetch(&[]).code(0).says(&["* no early data: there is no session of TLS 1.3 to resume", "text"]);
    let ran = fetch(&["-H", "X-Long: yes"]);
    assert_eq!(ran.code(0).says(&["* early data accepted: ", "> x-long: yes"]).out, b"text");
    fetch(&["-I"]).code(0).says(&["* early data accepted: ", "content-length: 4"]);
    // What does not fit follows after the handshake, and is one request with it.
    let long = format!("X-Long: {}", "x".repeat(6_000));
    fetch(&["-H", &long]).code(0).says(&["* early data accepted: 4096 B of the request"]);
    let (out, _) = server.stop();
    let marked: Vec<_> = out.lines().filter(|line| line.ends_with(" Early-Data: 1")).collect();
    assert_eq!(marked.len(), 3, "{out}");
    assert!(
        marked[0].contains(" GET /a.txt 200 4 TLS1.3 ") && marked[1].contains(" HEAD /a.txt 200 0 "),
        "{out}"
    );
    assert_eq!(out.matches("/a.txt").count(), 4, "{out}");
}

fn what_is_not_taken_is_sent_again() {
    let (early, late) = (early_server(), Server::start(SITE, &[]));
    let file = path(&early.folder, "sessions");
    let arguments = ["--sessions", &file, "--early-data", "-v"];
    // Another server of the same name, which has other keys.
    let other = early_server();
    early.get("/a.txt", &arguments[..2]).code(0);
    let again = "* early data rejected: the server does not resume the session; the request is sent again";
    assert_eq!(other.get("/a.txt", &arguments).code(0).says(&[again]).out, b"text");
    let (out, _) = other.stop();
    assert_eq!(
        (out.matches("GET /a.txt 200 4 ").count(), out.matches("Early-Data").count()),
        (1, 0),
        "{out}"
    );
    // One that takes none says so in its tickets.
    let file = path(&late.folder, "sessions");
    let arguments = ["--sessions", &file, "--early-data", "-v"];
    late.get("/a.txt", &arguments).code(0);
    late.get("/a.txt", &arguments)
        .code(0)
        .says(&["* resumed", "* no early data: the session's ticket does not allow it"]);
}

/// Answers one request per connection, early or not, in this order; its end is whether
/// each came early.
fn scripted(answers: Vec<(&'static str, End)>) -> (u16, std::thread::JoinHandle<Vec<bool>>) {
    let config = ServerConfig::new(AUTHORITY.leaf().identity(), UnixTime::now).alpn(&[b"http/1.1"]).unwrap();
    let config = Arc::new(config.tickets(TicketKeys::random()).early_data(4_096, ReplayRegister::new()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |(text, end): (&str, End)| {
        let mut tls = TlsStream::server(&config, listener.accept().unwrap().0);
        let mut request = Vec::new();
        tls.early_reader().read_to_end(&mut request).unwrap();
        let early = !request.is_empty();
        let mut request = String::from_utf8(request).unwrap();
        while !request.ends_with("\r\n\r\n") {
            assert!(tls.read_line(&mut request).unwrap() > 0, "{request:?}");
        }
        assert!(
            request.starts_with("GET /x HTTP/1.1\r\n") && request.matches("GET").count() == 1,
            "{request}"
        );
        tls.write_all(text.as_bytes()).unwrap();
        tls.flush().unwrap();
        if matches!(end, End::Clean) {
            tls.close().unwrap();
        }
        let _ = std::io::copy(tls.get_mut(), &mut std::io::sink());
        early
    };
    (port, std::thread::spawn(move || answers.into_iter().map(answer).collect()))
}

fn a_425_is_asked_again() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntext";
    const TOO_EARLY: &str = "HTTP/1.1 425 Too Early\r\nContent-Length: 4\r\n\r\nnone";
    let (port, server) =
        scripted([OK, TOO_EARLY, OK, TOO_EARLY, TOO_EARLY].map(|answer| (answer, End::Clean)).into());
    let folder = Folder::new();
    let (ca, file) = (folder.file("ca.pem", &AUTHORITY.pem), path(&folder, "sessions"));
    let url = format!("https://localhost:{port}/x");
    let all = [&url, "--cacert", &ca, "--sessions", &file, "--early-data", "-v"];
    assert_eq!(get(&all).code(0).out, b"text");
    let ran = get(&all);
    assert_eq!(
        ran.code(0).says(&["* early data accepted", "< HTTP/1.1 425", "< HTTP/1.1 200 OK"]).out,
        b"text"
    );
    // Once: a server that says so of what was not early says it to the person.
    get(&[&all[..], &["-f"]].concat()).code(8).says(&["the server answered 425"]);
    assert_eq!(server.join().unwrap(), [false, true, false, true, false]);
}

/// A client whose sessions are these.
fn config(sessions: &Arc<ClientSessions>) -> ClientConfig {
    ClientConfig::new(AUTHORITY.verifier(), UnixTime::now).sessions(Arc::clone(sessions)).early_data()
}

/// One that has a session of this server.
fn known(server: &Server) -> ClientConfig {
    let sessions = Arc::new(ClientSessions::new());
    let config = config(&sessions);
    assert_eq!(
        ask(&mut connect_as(server, config.clone()), "GET /a.txt HTTP/1.1\r\nHost: localhost").status,
        200
    );
    assert!(!sessions.is_empty());
    config
}

/// Connects with this as early data, which the server takes.
fn connect_early(server: &Server, config: &ClientConfig, early: &str) -> Stream {
    let mut stream = unshaken(server, config);
    let n = stream.early_writer().unwrap().write(early.as_bytes()).unwrap();
    assert_eq!(n, early.len());
    stream.handshake().unwrap();
    assert_eq!(stream.info().early_data, EarlyData::Accepted);
    stream
}

fn unshaken(server: &Server, config: &ClientConfig) -> Stream {
    connect_as(server, config.clone())
}

fn only_get_and_head_are_taken() {
    let server = early_server();
    let config = known(&server);
    let post = |more: &str| format!("POST /a.txt HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
    let mut stream = connect_early(&server, &config, &post(""));
    assert_eq!(hear(&mut stream, false).status, 425);
    // The same after the handshake is another matter.
    assert_eq!(ask(&mut stream, post("").trim_end()).status, 405);
    for request in
        ["DELETE /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", &format!("{}abcd", post("Content-Length: 4\r\n"))]
    {
        let config = known(&server);
        assert_eq!(hear(&mut connect_early(&server, &config, request), false).status, 425, "{request}");
    }
    // Whoever stands in between says so with a header.
    let forwarded = "GET /b.txt HTTP/1.1\r\nHost: localhost\r\nEarly-Data: 1";
    assert_eq!(ask(&mut connect_as(&server, known(&server)), forwarded).body, b"more");
    let (out, _) = server.stop();
    assert_eq!(out.matches(" Early-Data: 1\n").count(), 4, "{out}");
    assert!(out.contains("early data:  up to 4096 B, of GET and HEAD alone; the log"), "{out}");
    assert!(
        out.contains(" POST /a.txt 425 ")
            && out.contains(" POST /a.txt 405 ")
            && out.contains(" DELETE /a.txt 425 "),
        "{out}"
    );
}

fn a_request_in_two_pieces_is_one() {
    let server = early_server();
    let config = known(&server);
    let mut stream = connect_early(&server, &config, "GET /b.txt HTTP/1.1\r\nHo");
    stream.write_all(b"st: localhost\r\n\r\n").unwrap();
    assert_eq!(hear(&mut stream, false).body, b"more");
    assert_eq!(ask(&mut stream, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
    // What began early is early, however little it was.
    let config = known(&server);
    let mut stream = connect_early(&server, &config, "GET /b.txt HTTP/1.1\r\nHost: a\r\n\r\nP");
    assert_eq!(hear(&mut stream, false).body, b"more");
    assert_eq!(ask(&mut stream, "OST /b.txt HTTP/1.1\r\nHost: a").status, 425);
    let (out, _) = server.stop();
    let early = |line: &&str| line.ends_with(" Early-Data: 1");
    let lines: Vec<_> = out.lines().filter(|line| line.contains(".txt ")).collect();
    let marks: Vec<_> = lines.iter().map(|line| (line.contains("/b.txt"), early(line))).collect();
    assert_eq!(
        marks,
        [(false, false), (true, true), (false, false), (false, false), (true, true), (true, true)],
        "{out}"
    );
}

/// A copy of a first flight is no second request, and is not in the log as one.
fn a_flight_is_taken_once() {
    let server = early_server();
    let config = Arc::new(known(&server));
    let mut client = Connection::client(&config, ServerName::try_from("localhost").unwrap()).unwrap();
    assert_eq!(client.send_early(b"GET /b.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap(), 32);
    let flight = client.pending().to_vec();
    let replay = || {
        let mut tcp = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        tcp.write_all(&flight).unwrap();
        assert!(tcp.read(&mut [0; 1]).unwrap() > 0);
        tcp
    };
    let _open: Vec<_> = (0..5).map(|_| replay()).collect();
    server.until("GET /b.txt 200 4");
    let (out, _) = server.stop();
    assert_eq!(out.matches("/b.txt").count(), 1, "{out}");
    assert_eq!(out.matches(" Early-Data: 1").count(), 1, "{out}");
}

fn the_story_of_early_data() {
    let server = Server::start(SITE, &["--early-data", "4096", "--explain"]);
    let file = path(&server.folder, "sessions");
    for _ in 0..2 {
        server.get("/a.txt", &["--sessions", &file, "--early-data"]).code(0);
    }
    let (out, _) = server.stop();
    let second = out.rsplit_once("HANDSHAKE with").unwrap().1;
    let places = [
        " | early data follows",
        "takes the early data",
        "<-  EndOfEarlyData",
        "<-  Finished",
        "the handshake is complete",
    ]
    .map(|each| second.find(each).unwrap_or_else(|| panic!("{each}: {out}")));
    assert!(places.is_sorted(), "{out}");
    assert!(second.contains("session     resumed"), "{out}");
    assert_eq!(out.matches("HANDSHAKE with").count(), 2, "{out}");
}

fn openssl_sends() {
    let server = early_server();
    let request =
        server.folder.file("request", "GET /b.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let session = path(&server.folder, "session");
    let s_client = |arguments: &[&str], stdin: &str| {
        let mut child = Command::new("openssl")
            .args(["s_client", "-servername", "localhost", "-tls1_3", "-ign_eof"])
            .args(["-connect", &format!("127.0.0.1:{}", server.port), "-CAfile", &server.ca()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Ran::of(child.wait_with_output().unwrap())
    };
    let first = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    s_client(&["-sess_out", &session, "-alpn", "http/1.1"], first).code(0).says(&["Max Early Data: 4096"]);
    let ran = s_client(&["-sess_in", &session, "-alpn", "http/1.1", "-early_data", &request], "");
    ran.code(0).says(&["Early data was accepted", "HTTP/1.1 200 OK", "more"]);
    // The ticket a second time is a session, and its early data a replay's as far as we know.
    let (out, _) = server.stop();
    assert!(out.contains(" GET /b.txt 200 4 TLS1.3 ") && out.matches("Early-Data: 1").count() == 1, "{out}");
}

fn openssl_takes() {
    struct Stopped(Child);
    impl Drop for Stopped {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let folder = Folder::new();
    let leaf = AUTHORITY.leaf();
    let (ca, cert, key) = (
        folder.file("ca.pem", &AUTHORITY.pem),
        folder.file("c.pem", &leaf.chain),
        folder.file("k.pem", &leaf.key),
    );
    let request = folder.file("request", "GET /early HTTP/1.0\r\n\r\n");
    let mut child = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", &cert, "-key", &key, "-tls1_3", "-early_data"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let _stopped = Stopped(child);
    let line = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("ACCEPT ")).unwrap();
    let port = line.rsplit_once(':').unwrap().1.to_owned();
    let heard = std::thread::spawn(move || {
        lines.map_while(Result::ok).any(|line| line.contains("GET /early HTTP/1.0"))
    });
    let at = format!("127.0.0.1:{port}");
    let ran = explain(&["localhost", "--connect", &at, "--cacert", &ca, "--early-data", &request]);
    ran.code(0).says(&[
        "resumed on a second connection; 23 B of early data accepted",
        "early data  accepted: 23 of 23 B",
    ]);
    assert!(heard.join().unwrap());
}
