//! Failures that are not certificates: each has its class and its sentence.

use super::certificates::{Authority, identity};
use super::peers::{resetting, saying, server, silent};
use super::run::explain;
use handfast::ServerConfig;
use handfast::pki::UnixTime;
use handfast::wire::{CipherSuite, NamedGroup};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};

#[test]
fn wrong_arguments_are_misuse() {
    for arguments in [
        &["--no-such-option"][..],
        &["http://example.com"],
        &["example.com:99999"],
        &["a b"],
        &["--pin", "sha256//short"],
        &["--pin", "md5//AAAA"],
        &["--suite", "TLS_NULL"],
        &["--group", "x448"],
        &["--servername", "not a name"],
        &["--timeout", "0"],
        &["--key", "key.pem"],
        &["--cacert", "/nonexistent/ca.pem"],
        &["--cert", "/nonexistent/cert.pem"],
        &["--keylog", "/nonexistent/keys.txt"],
        &["--tls1.2", "--tls1.3"],
        &["one.example", "two.example"],
    ] {
        let ran = explain(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn peers_that_speak_something_else() {
    for (words, name) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP without TLS"),
        (b"220 mail.example ESMTP\r\n", "SMTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (b"\x1b]0;title\x07\x1b[2Jgotcha", "does not speak TLS"),
    ] {
        let ran = explain(&[&saying(words).at()]);
        ran.code(3).says(&[name, "does not speak TLS"]);
        assert!(
            !ran.out.contains('\x1b') && !ran.err.contains('\x1b'),
            "escape sequences reached the terminal"
        );
    }
}

#[test]
fn alerts_are_named() {
    for (alert, code, sentence) in [
        (&b"\x15\x03\x01\x00\x02\x02\x46"[..], 5, "versions that this side did not offer"),
        (b"\x15\x03\x03\x00\x02\x02\x28", 5, "handshake_failure"),
        (b"\x15\x03\x03\x00\x02\x02\x50", 4, "the peer sent the alert internal_error"),
    ] {
        let ran = explain(&[&saying(alert).at()]);
        ran.code(code).says(&[sentence, "closed first: the peer", "<- fatal alert"]);
    }
}

#[test]
fn older_versions_are_named() {
    // A ServerHello of TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA.
    const HELLO: &[u8] = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01\
        0123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
    let ran = explain(&[&saying(HELLO).at()]);
    ran.code(5).says(&["older versions of TLS", "-> fatal alert: protocol_version"]);
}

#[test]
fn a_probe_tells_what_the_server_would_have_liked() {
    // handshake_failure to what this side offers; and then a choice among all.
    const HELLO: &[u8] = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01\
        0123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
    const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";
    for (second, says) in [
        (HELLO, "asked again with all that has a name, it chose TLS 1.0 with TLS_RSA_WITH_AES_128_CBC_SHA"),
        (ALERT, "it has the same answer: handshake_failure"),
        (b"220 mail\r\n", "it did not answer with TLS"),
        (b"", "the server did not answer: "),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            for words in [ALERT, second] {
                let (mut tcp, _) = listener.accept().unwrap();
                let _ = tcp.read(&mut [0; 4096]);
                tcp.write_all(words).unwrap();
                let _ = tcp.shutdown(Shutdown::Write);
                let _ = tcp.read_to_end(&mut Vec::new());
            }
        });
        explain(&[&at, "--probe"]).code(5).says(&[says]);
        server.join().unwrap();
    }
    // Nothing is asked twice where nobody wants it: a peer of one connection.
    explain(&[&saying(ALERT).at()]).code(5).says(&["(--probe asks it)"]);
}

#[test]
fn a_reset_is_told_apart_from_an_end() {
    // Who went first is told once, and rightly: in JSON, too.
    let ran = explain(&[&saying(b"").at()]);
    ran.code(6).says(&["closed first: the peer"]);
    assert_eq!(ran.out.matches("<-  FIN").count(), 1, "{}", ran.out);
    assert!(ran.out.find("<-  FIN") < ran.out.find("->  FIN"), "{}", ran.out);
    let json = explain(&[&saying(b"").at(), "--json"]).json();
    assert_eq!(json["ending"]["closed_first"], "the peer");
    let fins = json["events"].as_array().unwrap().iter().filter(|event| event["event"] == "fin");
    assert_eq!(fins.map(|fin| fin["direction"].as_str().unwrap()).collect::<Vec<_>>(), ["in", "out"]);
    explain(&[&resetting(b"").at()]).code(6).says(&["reset the connection after the ClientHello", "RST"]);
    explain(&[&resetting(b"\x16\x03\x03\x01\x00\x02").at()])
        .code(6)
        .says(&["reset the connection in mid-handshake"]);
    explain(&[&saying(b"").at()]).code(6).says(&["closed the connection after the ClientHello", "<-  FIN"]);
    explain(&[&saying(b"\x16\x03\x03\x01\x00\x02").at()]).code(6).says(&["ended in mid-handshake"]);
}

#[test]
fn silence_ends_with_the_timeout() {
    for (words, sentence) in
        [(&b""[..], "sent nothing for 0.3 s"), (b"\x16\x03\x03\x01\x00\x02", "fell silent in mid-handshake")]
    {
        let began = Instant::now();
        explain(&[&silent(words).at(), "--timeout", "0.3"]).code(6).says(&[sentence]);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn nobody_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    explain(&[&closed.to_string()]).code(6).says(&["refused the connection", "nothing listens on this port"]);
    explain(&["does-not-exist.invalid"]).code(6).says(&["no address was found for does-not-exist.invalid"]);
}

#[test]
fn the_failure_stands_above_its_story() {
    let ran = explain(&[&saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").at()]);
    let first = ran.code(3).out.lines().next().unwrap();
    assert!(first.starts_with("FAILED: the peer does not speak TLS"), "{first}");
    assert!(first.ends_with("(it looks like HTTP without TLS; is this the right port?)"), "{first}");
}

#[test]
fn a_name_that_there_is_not_is_answered_with_those_that_there_are() {
    explain(&["--suite", "TLS_AES_128_GCM_SHA265"])
        .code(2)
        .says(&["a similar value exists: 'TLS_AES_128_GCM_SHA256'", "TLS_CHACHA20_POLY1305_SHA256"]);
    explain(&["--group", "x448"]).code(2).says(&["[possible values: secp256r1, secp384r1, x25519"]);
    explain(&["--sigalg", "rsa"]).code(2).says(&["rsa_pss_rsae_sha256"]);
}

#[test]
fn nothing_in_common() {
    let root = Authority::root("root");
    let leaf = root.leaf(|_| {});
    let config = || ServerConfig::new(identity(&leaf), UnixTime::now);
    let aes = config().suites(&[CipherSuite::TLS_AES_256_GCM_SHA384]).unwrap();
    explain(&["--suite", "TLS_CHACHA20_POLY1305_SHA256", &server(aes).at()])
        .code(5)
        .says(&[
            "handshake_failure",
            "hint: the server does not say what it would have liked (--probe asks it); offered were TLS 1.3; ",
        ])
        .says(&["Without --suite more is offered"]);
    // One that takes RSA key exchange alone: what helps is suggested, and helps.
    let rsa = root.rsa_leaf();
    let old = || {
        let config = ServerConfig::new(identity(&rsa), UnixTime::now).allow_static_rsa();
        config.suites(&[CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256]).unwrap()
    };
    explain(&[&server(old()).at()]).code(5).says(&["--classic offers that"]);
    explain(&["-k", "--classic", "localhost", "--connect", &server(old()).at()]).code(0);
    let p384 = config().groups(&[NamedGroup::SECP384R1]).unwrap();
    explain(&["--group", "x25519", &server(p384).at()]).code(5).says(&["handshake_failure"]);
    let h2 = config().alpn(&[b"h2"]).unwrap();
    explain(&["--alpn", "smtp", &server(h2).at()]).code(5).says(&["no_application_protocol"]);
}
