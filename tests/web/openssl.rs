//! openssl on the other side, for both versions and each suite.

use super::certificates::{AUTHORITY, Authority};
use super::run::{Folder, Ran, Server, get};
use crate::Test;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// Suites of TLS 1.3, which have the same names everywhere.
const TLS13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// Suites of TLS 1.2: the RFC's name, and openssl's.
const TLS12: [(&str, &str); 6] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// One suite, with an ECDSA or RSA certificate.
#[derive(Clone, Copy)]
struct Case {
    suite: &'static str,
    openssl: &'static str,
    tls13: bool,
    rsa: bool,
}

fn cases() -> Vec<Case> {
    let tls13 = TLS13
        .into_iter()
        .flat_map(|suite| [false, true].map(|rsa| Case { suite, openssl: suite, tls13: true, rsa }));
    let tls12 = TLS12.into_iter().map(|(suite, openssl)| Case {
        suite,
        openssl,
        tls13: false,
        rsa: suite.contains("_RSA_"),
    });
    tls13.chain(tls12).collect()
}

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for case in cases() {
        let key = if case.rsa { "rsa" } else { "ecdsa" };
        let mut test = |what: &str, run: fn(Case)| {
            let name = format!("openssl::{what}::{}::{key}", case.suite);
            tests.push(Test { name, needs: Some("openssl"), run: Box::new(move || run(case)) });
        };
        test("s_client_to_serve", s_client_to_serve);
        test("get_from_s_server", get_from_s_server);
    }
    let test = |name: &str, run: fn()| Test {
        name: format!("openssl::{name}"),
        needs: Some("openssl"),
        run: Box::new(run),
    };
    tests.push(test("s_client_with_a_certificate", s_client_with_a_certificate));
    tests.push(test("get_with_a_certificate", get_with_a_certificate));
    tests
}

impl Case {
    /// openssl's arguments for this version and suite alone.
    fn arguments(self) -> [&'static str; 3] {
        match self.tls13 {
            true => ["-tls1_3", "-ciphersuites", self.openssl],
            false => ["-tls1_2", "-cipher", self.openssl],
        }
    }

    fn version(self) -> &'static str {
        if self.tls13 { "TLS1.3" } else { "TLS1.2" }
    }
}

fn s_client(server: &Server, arguments: &[&str], request: &str) -> Ran {
    let mut child = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-servername", "localhost"])
        .args(["-connect", &format!("127.0.0.1:{}", server.port), "-CAfile", &server.ca()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(request.as_bytes());
    Ran::of(child.wait_with_output().unwrap())
}

const REQUEST: &str = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn s_client_to_serve(case: Case) {
    let leaf = if case.rsa { AUTHORITY.rsa_leaf() } else { AUTHORITY.leaf() };
    let server = Server::with(&leaf, &[("a.txt", b"the file")], &[]);
    s_client(&server, &case.arguments(), REQUEST).code(0).says(&["HTTP/1.1 200 OK", "the file"]);
    let (out, _) = server.stop();
    assert!(out.contains(&format!("GET /a.txt 200 8 {} {}", case.version(), case.suite)), "{out}");
}

/// A running `openssl s_server -www`.
struct SServer(Child, u16);

impl SServer {
    fn start(folder: &Folder, rsa: bool, arguments: &[&str]) -> Self {
        let leaf = if rsa { AUTHORITY.rsa_leaf() } else { AUTHORITY.leaf() };
        let (cert, key) = (folder.file("s.pem", &leaf.chain), folder.file("sk.pem", &leaf.key));
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", &cert, "-key", &key])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("ACCEPT ")).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self(child, line.rsplit_once(':').unwrap().1.parse().unwrap())
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get_from_s_server(case: Case) {
    let folder = Folder::new();
    let ca = folder.file("ca.pem", &AUTHORITY.pem);
    let server = SServer::start(&folder, case.rsa, &case.arguments());
    let url = format!("https://localhost:{}/", server.1);
    let there = format!("127.0.0.1:{}", server.1);
    // As offered by default, and with this suite alone.
    for arguments in [&[][..], &["--suite", case.suite]] {
        let ran = get(&[&[url.as_str(), "--cacert", &ca, "--connect", &there, "-v"], arguments].concat());
        let negotiated = format!("{}, {}", case.version().replace("TLS", "TLS "), case.suite);
        ran.code(0).says(&["HTTP/1.0 200 OK", "<HTML>", "</HTML>", &negotiated]);
    }
}

fn s_client_with_a_certificate() {
    let clients = Authority::root("the authority of the clients");
    let (leaf, folder) = (clients.rsa_leaf(), Folder::new());
    let ca = folder.file("clients.pem", &clients.pem);
    let (cert, key) = (folder.file("c.pem", &leaf.chain), folder.file("k.pem", &leaf.key));
    let server = Server::start(&[("a.txt", b"the file")], &["--client-ca", &ca]);
    for version in ["-tls1_2", "-tls1_3"] {
        s_client(&server, &[version, "-cert", &cert, "-key", &key], REQUEST).code(0).says(&["the file"]);
        let without = s_client(&server, &[version], REQUEST);
        assert!(!without.text().contains("the file"));
    }
}

fn get_with_a_certificate() {
    let folder = Folder::new();
    let ca = folder.file("ca.pem", &AUTHORITY.pem);
    let leaf = AUTHORITY.leaf();
    let (cert, key) = (folder.file("c.pem", &leaf.chain), folder.file("k.pem", &leaf.key));
    for version in ["-tls1_2", "-tls1_3"] {
        let server = SServer::start(
            &folder,
            false,
            &[version, "-Verify", "1", "-CAfile", &ca, "-verify_return_error"],
        );
        let url = format!("https://localhost:{}/", server.1);
        let there = format!("127.0.0.1:{}", server.1);
        let common = [url.as_str(), "--cacert", &ca, "--connect", &there];
        get(&[&common[..], &["--cert", &cert, "--key", &key]].concat()).code(0).says(&["Client certificate"]);
        let without = get(&common);
        assert!(matches!(without.code, Some(4 | 5)), "{}", without.err);
    }
}
