//! The certificates that `serve` makes, and the authority that signs them.

use super::certificates::AUTHORITY;
use super::run::{Folder, Ran, Server, get, signal};
use crate::Test;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let all: &[(&str, fn())] = &[
        ("one_is_kept", one_is_kept),
        ("one_that_cannot_sign_is_refused", one_that_cannot_sign_is_refused),
        ("all_that_is_printed_is_reached", all_that_is_printed_is_reached),
        ("a_certificate_of_another_name", a_certificate_of_another_name),
        ("names", names),
    ];
    let test = |(name, run): &(&str, fn())| Test {
        name: format!("authority::{name}"),
        needs: None,
        run: Box::new(*run),
    };
    all.iter().map(test).collect()
}

fn start(dir: &str, arguments: &[&str]) -> Server {
    let all = [&["--authority", dir], arguments].concat();
    let server = Server::plain(Folder::new(), &[("a.txt", b"text")], &all);
    server.until("Ctrl-C stops it.");
    server
}

fn one_is_kept() {
    let folder = Folder::new();
    let kept = folder.path().join("deep/kept");
    let dir = kept.to_str().unwrap();
    let ca = kept.join("ca.pem");
    let fetch = |server: &Server| {
        let there = format!("127.0.0.1:{}", server.port);
        for host in ["localhost", "127.0.0.1", "box.example", "x.w.example", "192.0.2.7"] {
            let url = format!("https://{host}:{}/a.txt", server.port);
            get(&[&url, "--cacert", ca.to_str().unwrap(), "--connect", &there]).code(0).says(&["text"]);
        }
        let other = format!("https://other.example:{}/a.txt", server.port);
        get(&[&other, "--cacert", ca.to_str().unwrap(), "--connect", &there]).code(1);
    };
    let names = ["--name", "Box.example", "--name", "192.0.2.7", "--name", "*.w.example"];
    let server = start(dir, &names);
    fetch(&server);
    let (out, _) = server.stop();
    let pem = std::fs::read(&ca).unwrap();
    let der = &handfast::pki::certificates(&pem).unwrap()[0];
    let hash = handfast::sha256(der).map(|byte| format!("{byte:02X}")).join(":");
    for said in
        ["made now, and kept", &hash, "for box.example, 192.0.2.7, *.w.example, localhost, ", "in a browser"]
    {
        assert!(out.contains(said), "{said}: {out}");
    }
    #[cfg(unix)]
    for (path, mode) in [(kept.clone(), 0o700), (kept.join("ca-key.pem"), 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    // Whoever trusts it does so once.
    let server = start(dir, &names);
    fetch(&server);
    let (out, _) = server.stop();
    assert!(out.contains("the one that was kept") && out.contains(&hash), "{out}");
    assert!(std::fs::read(&ca).unwrap() == pem);
}

fn serve(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    Ran::of(command.args(["serve", "--addr", "127.0.0.1:0"]).args(arguments).output().unwrap())
}

fn one_that_cannot_sign_is_refused() {
    let folder = Folder::new();
    let dir = folder.path().join("kept");
    let at = dir.to_str().unwrap();
    start(at, &[]).stop();
    let (ca, key) = (dir.join("ca.pem"), dir.join("ca-key.pem"));
    let (pem, secret) = (std::fs::read(&ca).unwrap(), std::fs::read(&key).unwrap());
    let refused = |said: &str| {
        serve(&["--authority", at]).code(2).says(&[said, "remove"]);
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        refused("others may read");
        mode(0o600);
    }
    std::fs::write(&key, AUTHORITY.leaf().key).unwrap();
    refused("no authority that can sign");
    std::fs::write(&key, "nonsense").unwrap();
    refused("the key");
    std::fs::write(&key, &secret).unwrap();
    std::fs::write(&ca, &AUTHORITY.pem).unwrap();
    refused("no authority that can sign");
    std::fs::remove_file(&ca).unwrap();
    refused("is there without");
    assert!(!ca.exists() && std::fs::read(&key).unwrap() == secret);
    std::fs::write(&ca, &pem).unwrap();
    start(at, &[]).stop();
}

/// Each URL of the first lines, with the authority that they name.
fn all_that_is_printed_is_reached() {
    let folder = Folder::new();
    folder.file("site/a.txt", "text");
    let mut child = Command::new(env!("CARGO_BIN_EXE_handfast"))
        .arg("serve")
        .arg(folder.path().join("site"))
        .args(["--addr", "0.0.0.0:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first: Vec<_> = lines.by_ref().take_while(|line| line != "Ctrl-C stops it.").collect();
    let told = |line: &&String| line.starts_with("handfast serves") || line.contains("also at:");
    let urls = first
        .iter()
        .filter(told)
        .flat_map(|line| line.split(' '))
        .filter(|word| word.starts_with("https://"));
    let urls: Vec<_> = urls.collect();
    let ca = first.iter().find_map(|line| line.strip_prefix("  handfast get --cacert ")).unwrap();
    let ca = ca.split(' ').next().unwrap();
    let here = if_addrs::get_if_addrs().unwrap();
    let outside =
        here.iter().filter(|each| each.ip().is_ipv4() && !each.is_loopback() && !each.is_link_local());
    assert_eq!(urls.len(), 1 + outside.count(), "{first:?}");
    for url in urls {
        assert!(Path::new(ca).exists());
        get(&[&format!("{url}a.txt"), "--cacert", ca]).code(0).says(&["text"]);
    }
    signal(child.id(), "INT");
    assert!(child.wait().unwrap().success());
}

/// The line that says how to reach it by its name works.
fn a_certificate_of_another_name() {
    let server = Server::with(&AUTHORITY.leaf_for("box.example"), &[("a.txt", b"text")], &[]);
    let line = format!("handfast get https://box.example:{0}/ --connect 127.0.0.1:{0}", server.port);
    server.until(&format!("{line}\n"));
    let mut words: Vec<_> = line.split(' ').skip(2).collect();
    let ca = server.ca();
    words.extend(["--cacert", &ca]);
    get(&words).code(0).says(&["a.txt"]);
}

fn names() {
    for bad in ["", "a b", "*", "*.", "a..b", "1.2.3.4.5"] {
        serve(&["--name", bad]).code(2).says(&["--name"]);
    }
    let (leaf, folder) = (AUTHORITY.leaf(), Folder::new());
    let cert = folder.file("all.pem", format!("{}{}", leaf.chain, leaf.key));
    serve(&["--name", "box.example", "--cert", &cert]).code(2).says(&["cannot be used with"]);
    serve(&["--authority", "x", "--cert", &cert]).code(2).says(&["cannot be used with"]);
}
