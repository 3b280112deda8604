//! Certificates that change while `serve` runs.

use super::certificates::{AUTHORITY, Authority, Leaf};
use super::client::{ask, connect};
use super::run::{Folder, Ran, Server, get};
use crate::Test;

pub(crate) fn tests() -> Vec<Test> {
    let all: &[(&str, fn())] = &[
        ("a_renewed_pair_is_taken", a_renewed_pair_is_taken),
        #[cfg(unix)]
        ("a_broken_pair_is_not", a_broken_pair_is_not),
        #[cfg(unix)]
        ("certificates_by_name", certificates_by_name),
        #[cfg(unix)]
        ("renewed_authorities_of_clients", renewed_authorities_of_clients),
    ];
    let test = |(name, run): &(&str, fn())| Test {
        name: format!("renewal::{name}"),
        needs: None,
        run: Box::new(*run),
    };
    all.iter().map(test).collect()
}

fn replace(server: &Server, leaf: &Leaf) {
    // As certbot and mkcert do: one after the other.
    server.folder.file("cert.pem", &leaf.chain);
    server.folder.file("key.pem", &leaf.key);
}

/// Fetches, trusting this authority alone.
fn fetch(server: &Server, authority: &Authority) -> Ran {
    let folder = Folder::new();
    get(&[&server.url("/a.txt"), "--cacert", &folder.file("ca.pem", &authority.pem)])
}

fn a_renewed_pair_is_taken() {
    let server = Server::start(&[("a.txt", b"text")], &["--reload-every", "0.05"]);
    let mut from_before = connect(&server);
    from_before.handshake().unwrap();
    let other = Authority::root("another authority");
    replace(&server, &other.leaf());
    server.until("key.pem is in force: the certificate of CN=localhost");
    fetch(&server, &other).code(0).says(&["text"]);
    fetch(&server, &AUTHORITY).code(1);
    assert_eq!(ask(&mut from_before, "GET /a.txt HTTP/1.1\r\nHost: localhost").body, b"text");
}

/// The last good one serves on, and the log says why.
#[cfg(unix)]
fn a_broken_pair_is_not() {
    let server = Server::start(&[("a.txt", b"text")], &["--reload-every", "3600"]);
    let other = Authority::root("another authority").leaf();
    server.folder.file("cert.pem", &other.chain);
    server.signal("HUP");
    server.until("kept what was in force before: ");
    server.until("does not belong");
    fetch(&server, &AUTHORITY).code(0).says(&["text"]);
    std::fs::remove_file(server.folder.path().join("key.pem")).unwrap();
    server.signal("HUP");
    server.until("cannot read");
    fetch(&server, &AUTHORITY).code(0);
    replace(&server, &other);
    server.signal("HUP");
    server.until("is in force");
    fetch(&server, &AUTHORITY).code(1);
    let (_, code) = server.stop();
    assert_eq!(code, Some(0));
}

#[cfg(unix)]
fn certificates_by_name() {
    let folder = Folder::new();
    let put = |name: &str| {
        let leaf = AUTHORITY.leaf_for(name);
        folder.file(&format!("certs/{name}/fullchain.pem"), &leaf.chain);
        folder.file(&format!("certs/{name}/privkey.pem"), &leaf.key);
    };
    put("a.example");
    put("b.example");
    folder.file("certs/broken.pem", "nothing");
    let dir = folder.path().join("certs");
    let arguments = ["--cert-dir", dir.to_str().unwrap(), "--reload-every", "3600"];
    let server = Server::plain(Folder::new(), &[("a.txt", b"text")], &arguments);
    server.until("Ctrl-C stops it.");
    server.until("certificate: for a.example");
    server.until("certificate: for b.example");
    server.until("left out: ");
    let there = format!("127.0.0.1:{}", server.port);
    let ca = server.ca();
    let by_name = |name: &str| {
        get(&[&format!("https://{name}:{}/a.txt", server.port), "--cacert", &ca, "--connect", &there])
    };
    by_name("a.example").code(0).says(&["text"]);
    by_name("b.example").code(0).says(&["text"]);
    by_name("c.example").code(1);
    put("c.example");
    std::fs::remove_dir_all(dir.join("b.example")).unwrap();
    server.signal("HUP");
    server.until("c.example/privkey.pem is in force");
    server.until("b.example/privkey.pem is gone");
    by_name("c.example").code(0).says(&["text"]);
    by_name("b.example").code(1);
    // Where none can be used there is nothing to serve.
    let empty = Folder::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_handfast"));
    let command =
        command.args(["serve", "--addr", "127.0.0.1:0", "--cert-dir", empty.path().to_str().unwrap()]);
    Ran::of(command.output().unwrap()).code(2).says(&["no certificate that can be used"]);
}

#[cfg(unix)]
fn renewed_authorities_of_clients() {
    let (clients, others) = (Authority::root("clients"), Authority::root("other clients"));
    let folder = Folder::new();
    let ca = folder.file("clients.pem", &clients.pem);
    let server = Server::start(&[("a.txt", b"text")], &["--client-ca", &ca, "--reload-every", "3600"]);
    let (one, other) = (clients.leaf(), others.leaf());
    let cert = folder.file("one.pem", format!("{}{}", one.chain, one.key));
    let other = folder.file("other.pem", format!("{}{}", other.chain, other.key));
    server.get("/a.txt", &["--cert", &cert]).code(0);
    assert_ne!(server.get("/a.txt", &["--cert", &other]).code, Some(0));
    folder.file("clients.pem", &others.pem);
    server.signal("HUP");
    server.until("clients.pem is in force: 1 root");
    server.get("/a.txt", &["--cert", &other]).code(0);
    assert_ne!(server.get("/a.txt", &["--cert", &cert]).code, Some(0));
}
