//! Servers that share a Redis: they resume each other's sessions, and take early data
//! once among them.

use super::certificates::AUTHORITY;
use super::run::{Folder, Ran, Server};
use crate::Test;
use handfast::pki::{ServerName, UnixTime};
use handfast::{ClientConfig, ClientSessions, Connection, TlsStream};
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn tests() -> Vec<Test> {
    let test =
        |name: &str, needs, run: fn()| Test { name: format!("fleet::{name}"), needs, run: Box::new(run) };
    vec![
        test("what_a_fleet_is_told", None, what_a_fleet_is_told),
        test("a_store_that_is_away_refuses_nobody", None, a_store_that_is_away_refuses_nobody),
        test("two_servers_and_one_store", Some("redis-server"), two_servers_and_one_store),
    ]
}

const SITE: &[(&str, &[u8])] = &[("a.txt", b"text"), ("b.txt", b"more")];

/// A file that its owner alone reads.
fn private(folder: &Folder, name: &str, bytes: &str) -> String {
    let file = folder.file(name, bytes);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    }
    file
}

fn what_a_fleet_is_told() {
    let folder = Folder::new();
    let good = private(&folder, "good", &"5a".repeat(32));
    let short = private(&folder, "short", "5a5a");
    let zeros = private(&folder, "zeros", &"00".repeat(32));
    let open = folder.file("open", "5a".repeat(32));
    for (url, file, why) in [
        ("redis://127.0.0.1:1", &short, "a fleet's secret is 32 random octets"),
        ("redis://127.0.0.1:1", &zeros, "all zeros"),
        #[cfg(unix)]
        ("redis://127.0.0.1:1", &open, "others may read or write"),
        ("http://127.0.0.1:1", &good, "the store's address cannot be used"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
        command.args(["serve", "--addr", "127.0.0.1:0", "--redis", url, "--fleet-secret", file]);
        let ran = Ran::of(command.output().unwrap());
        ran.code(2).says(&[why]);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    let ran = Ran::of(command.args(["serve", "--redis", "redis://127.0.0.1:1"]).output().unwrap());
    ran.code(2).says(&["--fleet-secret"]);
}

/// A server of the fleet.
fn member(url: &str, folder: &Folder) -> Server {
    let secret = private(folder, "secret", &"5a".repeat(32));
    Server::start(SITE, &["--redis", url, "--fleet-secret", &secret, "--early-data", "4096"])
}

fn a_store_that_is_away_refuses_nobody() {
    let folder = Folder::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = member(&format!("redis://{nobody}"), &folder);
    let file = folder.path().join("sessions");
    for _ in 0..2 {
        let arguments = ["--sessions", file.to_str().unwrap(), "--early-data"];
        assert_eq!(server.get("/a.txt", &arguments).code(0).out, b"text");
    }
    let (out, _) = server.stop();
    assert!(out.contains(&nobody.to_string()), "{out}");
    assert!(!out.contains("Early-Data: 1"), "{out}");
}

/// A Redis of the test's own, which keeps nothing.
struct Redis(Child, String);

impl Redis {
    fn start(folder: &Folder) -> Self {
        let socket = folder.path().join("redis");
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--maxmemory-policy", "noeviction"])
            .arg("--unixsocket")
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.to_lowercase().contains("ready to accept"))
            .unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self(child, format!("unix://{}", socket.display()))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn two_servers_and_one_store() {
    // A socket's name must be short.
    let folder = Folder::within(std::path::Path::new("/tmp"));
    let redis = Redis::start(&folder);
    let (one, other) = (member(&redis.1, &folder), member(&redis.1, &folder));
    let sessions = Arc::new(ClientSessions::new());
    let config = ClientConfig::new(AUTHORITY.verifier(), UnixTime::now).sessions(Arc::clone(&sessions));
    let config = Arc::new(config.early_data());
    let name = ServerName::try_from("localhost").unwrap();
    let fetch = |server: &Server| {
        let tcp = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let mut tls = TlsStream::client(&config, name.clone(), tcp).unwrap();
        assert_eq!(super::client::ask(&mut tls, "GET /a.txt HTTP/1.1\r\nHost: localhost").status, 200);
        tls.info().resumed
    };
    assert!(!fetch(&one) && fetch(&other) && fetch(&one));
    // The register has to be older than an entry's life before anything is the first.
    one.until("register");
    std::thread::sleep(Duration::from_secs(25));
    fetch(&one);
    let mut client = Connection::client(&config, name.clone()).unwrap();
    assert_eq!(client.send_early(b"GET /b.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap(), 32);
    let flight = client.pending().to_vec();
    let replay = |server: &Server| {
        let mut tcp = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        tcp.write_all(&flight).unwrap();
        assert!(tcp.read(&mut [0; 1]).unwrap() > 0);
        tcp
    };
    let _open: Vec<_> = [&one, &other, &one, &other].map(replay).into();
    let out = one.stop().0 + &other.stop().0;
    assert_eq!(out.matches(" GET /b.txt 200 4 ").count(), 1, "{out}");
    assert_eq!(out.matches(" Early-Data: 1").count(), 1, "{out}");
}
