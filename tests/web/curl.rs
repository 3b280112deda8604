//! curl fetches from `serve`.

use super::certificates::{AUTHORITY, Authority, Leaf};
use super::run::{Folder, Ran, Server};
use crate::Test;
use std::process::Command;

pub(crate) fn tests() -> Vec<Test> {
    let all: &[(&str, fn())] = &[
        ("a_hundred_mebibytes_over_tls12", || hundred_mebibytes("1.2")),
        ("a_hundred_mebibytes_over_tls13", || hundred_mebibytes("1.3")),
        ("the_line_that_is_printed_works", the_line_that_is_printed_works),
        ("a_chain_in_one_file", a_chain_in_one_file),
        ("client_certificates", client_certificates),
        ("many_requests_on_one_connection", many_requests_on_one_connection),
        ("plain_http", plain_http),
        ("a_download_goes_on_where_it_stopped", a_download_goes_on_where_it_stopped),
    ];
    let test = |(name, run): &(&str, fn())| Test {
        name: format!("curl::{name}"),
        needs: Some("curl"),
        run: Box::new(*run),
    };
    all.iter().map(test).collect()
}

fn curl(arguments: &[&str]) -> Ran {
    Ran::of(Command::new("curl").arg("-sS").args(arguments).output().unwrap())
}

fn hundred_mebibytes(version: &str) {
    // Not compressible, not the same anywhere: xorshift.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let big: Vec<u8> = (0..100 << 17).flat_map(next).collect();
    assert_eq!(big.len(), 100 << 20);
    let server = Server::start(&[("big", &big)], &[]);
    let arguments = [&format!("--tlsv{version}"), "--tls-max", version, "--cacert", &server.ca()];
    let ran = curl(&[&arguments[..], &[&server.url("/big")]].concat());
    assert_eq!(ran.code(0).out.len(), big.len());
    assert!(handfast::sha256(&ran.out) == handfast::sha256(&big));
    let (out, _) = server.stop();
    assert!(out.contains(&format!("GET /big 200 104857600 TLS{version}")), "{out}");
}

fn the_line_that_is_printed_works() {
    let server = Server::plain(Folder::new(), &[("a.txt", b"text")], &[]);
    let pid = format!("handfast-{}-0", server.pid());
    let ca = std::env::temp_dir().join(pid).join("ca.pem");
    curl(&["--cacert", ca.to_str().unwrap(), &server.url("/")]).code(0).says(&["a.txt"]);
    curl(&["--cacert", &server.ca(), &server.url("/")]).code(60);
}

/// As step and mkcert with an intermediate write them.
fn a_chain_in_one_file() {
    let intermediate = AUTHORITY.intermediate("an intermediate");
    let leaf = intermediate.leaf();
    let chain = Leaf { chain: format!("{}{}", leaf.chain, intermediate.pem), key: leaf.key };
    let server = Server::with(&chain, &[("a.txt", b"text")], &[]);
    curl(&["--cacert", &server.ca(), &server.url("/a.txt")]).code(0).says(&["text"]);
    // All in one file, the key too.
    let folder = Folder::new();
    let all = folder.file("all.pem", format!("{}{}", chain.chain, chain.key));
    let server = Server::plain(folder, &[("a.txt", b"text")], &["--cert", &all]);
    curl(&["--cacert", &server.ca(), &server.url("/a.txt")]).code(0).says(&["text"]);
}

fn client_certificates() {
    let clients = Authority::root("the authority of the clients");
    let (leaf, folder) = (clients.leaf(), Folder::new());
    let ca = folder.file("clients.pem", &clients.pem);
    let (cert, key) = (folder.file("c.pem", &leaf.chain), folder.file("k.pem", &leaf.key));
    let server = Server::start(&[("a.txt", b"text")], &["--client-ca", &ca]);
    for version in ["1.2", "1.3"] {
        let (server_ca, url) = (server.ca(), server.url("/a.txt"));
        let common = ["--tls-max", version, "--cacert", &server_ca, &url];
        curl(&[&common[..], &["--cert", &cert, "--key", &key]].concat()).code(0).says(&["text"]);
        assert_ne!(curl(&common).code, Some(0));
    }
}

fn many_requests_on_one_connection() {
    let server = Server::start(&[("a.txt", b"text")], &[]);
    let (ca, url) = (server.ca(), server.url("/a.txt"));
    let mut arguments = vec!["--cacert", &ca, "-w", "%{num_connects} "];
    arguments.extend(std::iter::repeat_n(url.as_str(), 5));
    assert_eq!(curl(&arguments).code(0).text(), "text1 text0 text0 text0 text0 ");
}

fn plain_http() {
    let server = Server::start(&[], &[]);
    let ran = curl(&["-w", "%{http_code}", &format!("http://127.0.0.1:{}/", server.port)]);
    ran.code(0).says(&["HTTPS", "400"]);
}

fn a_download_goes_on_where_it_stopped() {
    let server = Server::start(&[("a.txt", b"0123456789")], &[]);
    let part = server.folder.file("part", "0123");
    curl(&["--cacert", &server.ca(), "-C", "-", "-o", &part, &server.url("/a.txt")]).code(0);
    assert_eq!(std::fs::read(&part).unwrap(), b"0123456789");
}
