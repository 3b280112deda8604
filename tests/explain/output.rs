//! The embedded handshake, in its forms.

use super::certificates::{Authority, identity};
use super::peers::server;
use super::run::{Ran, explain, explain_in, file, folder, run};
use handfast::ServerConfig;
use handfast::pki::UnixTime;

#[test]
fn the_first_command_tells_the_whole_handshake() {
    let ran = explain_in(150, &[]);
    ran.code(0).says(&[
        "TCP 127.0.0.1:",
        "->  ClientHello",
        "random 1 of 3",
        "<-  ServerHello",
        "random 2 of 3",
        "random 3 of 3, the X25519MLKEM768 secret",
        "<-  EncryptedExtensions",
        "<-  Certificate ",
        "certificate 0, CN=localhost: ",
        "checks passed; names localhost; valid from 20",
        "certificate 1, CN=handfast's authority for this run: ",
        "<-  CertificateVerify",
        "<-  Finished",
        "->  Finished",
        "the handshake is complete",
        "->  close_notify",
        "<-  FIN",
        "round trips 1 of TCP, 1 of TLS",
        "close_notify went both ways",
        "closed first: this side",
        "not: TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256",
    ]);
    for secret in [
        "early_secret",
        "handshake_secret",
        "client_handshake_traffic_secret",
        "server_handshake_traffic_secret",
        "master_secret",
        "client_application_traffic_secret_0",
        "server_application_traffic_secret_0",
        "exporter_master_secret",
    ] {
        assert_eq!(ran.out.matches(&format!("**  {secret} ")).count(), 1, "{secret}");
    }
    short(&ran);
    assert!(!ran.out.contains('\x1b'), "colours though it is no terminal");
    assert_eq!(ran.err, "");
}

#[test]
fn tls12_is_told_too() {
    let ran = explain(&["--tls1.2"]);
    ran.code(0).says(&[
        "<-  ServerKeyExchange",
        "<-  ServerHelloDone",
        "->  ClientKeyExchange",
        "**  master_secret",
        "enters master_secret through the session hash (RFC 7627), and the key block",
        "random 3 of 3, the x25519 secret",
        "round trips 1 of TCP, 2 of TLS",
        "close_notify went both ways",
    ]);
    assert!(!ran.out.contains("malformed"), "{}", ran.out);
    short(&explain_in(150, &["--tls1.2"]));
}

/// A terminal of 150 columns and 60 lines shows it.
#[track_caller]
fn short(ran: &Ran) {
    assert!(ran.out.lines().count() < 60, "{}", ran.out.lines().count());
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 150, "{line}");
    }
}

#[test]
fn the_verdict_stands_above_its_story() {
    for (arguments, verdict) in [
        (
            &[][..],
            "OK: TLS 1.3 with localhost, certificate by handfast's authority for this run, 7 days left, one round trip, post-quantum",
        ),
        (
            &["--classic"],
            "OK: TLS 1.2 with localhost, certificate by handfast's authority for this run, 7 days left, two round trips, no forward secrecy",
        ),
        (
            &["--group", "x25519"],
            "OK: TLS 1.3 with localhost, certificate by handfast's authority for this run, 7 days left, one round trip",
        ),
    ] {
        let ran = explain(arguments);
        assert_eq!(ran.code(0).out.lines().next(), Some(verdict));
        assert_eq!(explain(&[arguments, &["--json"]].concat()).json()["verdict"], verdict);
    }
}

/// In lines of 80 columns nothing is lost, and no word is broken.
#[test]
fn lines_are_wrapped_to_the_terminal_between_words() {
    for arguments in [&[][..], &["--tls1.2"], &["-v"]] {
        let ran = explain_in(80, arguments);
        let words: Vec<&str> = ran.code(0).out.split_whitespace().collect();
        for line in ran.out.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for word in ["X25519MLKEM768", "TLS_AES_128_GCM_SHA256", "ClientHello...ServerHello"] {
            assert!(words.contains(&word) || arguments.contains(&"--tls1.2"), "{word}\n{}", ran.out);
        }
        // What stands nowhere else in pieces: each word is one that a line without end has, too.
        let whole = explain(arguments).out;
        let of = |text: &str| -> Vec<String> {
            let changes = |word: &&str| !word.contains(|c: char| c.is_ascii_digit());
            text.split_whitespace().filter(changes).map(str::to_owned).collect()
        };
        if !arguments.contains(&"-v") {
            assert_eq!(of(&ran.out), of(&whole));
        }
    }
    // What hangs stands below its column.
    let ran = explain_in(110, &[]);
    ran.says(&[&format!("\n{:57}", "")]);
}

#[test]
fn a_story_is_not_wrapped_where_nobody_looks() {
    assert!(explain(&[]).out.lines().any(|line| line.chars().count() > 150));
}

#[test]
fn a_public_chain_is_told_in_under_60_lines() {
    let (root, name) = (Authority::root("root"), "of a company whose name is long and then some more");
    let first = root.intermediate(&format!("intermediate 1 {name}"));
    let second = first.intermediate("intermediate 2");
    let (leaf, key) = second.leaf(|_| {});
    // As authorities tell to install it: the root is sent, too.
    let chain = format!("{leaf}{}{}{}", second.pem, first.pem, root.pem);
    let authority = file(&folder("chain-of-4"), "ca.pem", &root.pem);
    let explained = |host: &str, more: &[&str]| {
        let config = ServerConfig::new(identity(&(chain.clone(), key.clone())), UnixTime::now);
        let peer = server(config.alpn(&[b"h2"]).unwrap());
        let at = peer.at();
        explain_in(
            150,
            &[&[host, "--connect", &at, "--ca", &authority, "--alpn", "h2,http/1.1"], more].concat(),
        )
    };
    let ran = explained("localhost", &[]);
    ran.code(0).says(&[
        "4 certificates | CN=localhost",
        "certificate 0, CN=localhost: ",
        "checks passed; names localhost; valid from 2020-01-01 to 2090-01-01",
        "certificate 1, CN=intermediate 2: ",
        "certificate 2, CN=intermediate 1 of a company",
        "certificate 3, CN=root: ",
        "through 2 intermediates by the trusted root CN=root",
    ]);
    short(&ran);
    short(&explained("localhost", &["--tls1.2"]));
    // What failed is never cut: found and required, on a line of its own.
    let ran = explained("other.example", &[]);
    ran.code(1).says(&[
        "certificate 0, CN=localhost: ",
        "checks passed; valid from",
        "FAILED HostName: found",
    ]);
    // With -v each check has a line, and nothing is cut.
    let long = explained("localhost", &["-v"]);
    long.says(&[
        "ok     HostName: found it names localhost; required ",
        "ok     Trust: found a trusted root",
        name,
    ]);
    assert!(!long.out.contains("checks passed;"), "{}", long.out);
}

#[test]
fn the_handshake_of_textbooks() {
    let ran = explain_in(150, &["--classic"]);
    ran.code(0).says(&[
        "->  ClientHello",
        "TLS 1.2 | 2 suites, TLS_RSA_WITH_AES_128_GCM_SHA256 first",
        "enters master_secret, and the key block",
        "CN=localhost (RSA, 2048 bits",
        "<-  ServerHelloDone",
        "->  ClientKeyExchange      262 B  plaintext    the pre-master secret, encrypted, 256 B",
        "random 3 of 3, the pre-master secret: version and 46 random bytes, encrypted ",
        "from the key exchange and both randoms",
        "round trips 1 of TCP, 2 of TLS",
        "RSA to the certificate's key",
        "no forward secrecy",
        "all three make master_secret; it and both randoms of the hellos make the key block",
        "close_notify went both ways",
    ]);
    for absent in ["ServerKeyExchange", "extended", "session hash", "group  ", "signature  ", "malformed"] {
        assert!(!ran.out.contains(absent), "{absent}\n{}", ran.out);
    }
    // Each random where it goes over the wire, and before what is made of it.
    let places = [
        "->  ClientHello",
        "random 1 of 3",
        "<-  ServerHello ",
        "random 2 of 3",
        "<-  Certificate ",
        "->  ClientKeyExchange",
        "random 3 of 3",
        "**  master_secret",
        "**  client_write_key",
        "**  server_write_key",
        "**  client_write_IV",
        "**  server_write_IV",
        "->  ChangeCipherSpec",
        "->  Finished",
        "<-  Finished",
    ]
    .map(|each| ran.out.find(each).unwrap_or_else(|| panic!("{each}\n{}", ran.out)));
    assert!(places.is_sorted(), "{places:?}\n{}", ran.out);
    short(&ran);

    let other = explain(&["--classic", "--suite", "TLS_RSA_WITH_AES_256_GCM_SHA384"]);
    other.code(0).says(&["TLS 1.2 | TLS_RSA_WITH_AES_256_GCM_SHA384"]);
    explain(&["--classic", "--suite", "TLS_AES_128_GCM_SHA256"])
        .code(2)
        .says(&["not a suite of the classic"]);
    explain(&["--suite", "TLS_RSA_WITH_AES_128_GCM_SHA256"]).code(2).says(&["--classic"]);
    explain(&["--classic", "--tls1.3"]).code(2);

    let json = explain(&["--classic", "--json"]).json();
    let third = &json["randoms"]["secret"];
    assert_eq!(third["encrypted"].as_str().map(str::len), Some(512));
    assert_eq!((third["enters"].as_str(), third["group"].as_str()), (Some("enters master_secret"), None));
}

#[test]
fn where_each_random_enters() {
    explain(&[]).says(&[
        "; enters through the transcript",
        "secret, which each side computes and nobody sends; enters handshake_secret",
    ]);
    explain(&["--tls1.3"]).says(&["the third enters handshake_secret, whence all keys come"]);
    explain(&["--tls1_2"]).says(&[
        "enters master_secret, by itself or (RFC 7627) through the session hash, and the key block",
        "enters master_secret through the session hash (RFC 7627), and the key block",
        "it is the pre-master secret, and enters master_secret",
        "pre-master secret and session hash, in which both hellos are, make master_secret",
    ]);
}

#[test]
fn verbose_tells_every_field_and_check_and_very_verbose_the_bytes() {
    let (short, long, longest) = (explain(&[]), explain(&["-v"]), explain(&["-vv"]));
    let each =
        ["legacy_session_id: ", "signature_algorithms: ecdsa_", "verify_data: ", "ok     Validity: found "];
    for each in each {
        assert!(!short.out.contains(each), "{each}");
        assert!(long.out.contains(each), "{each}\n{}", long.out);
        assert!(longest.out.contains(each), "{each}");
    }
    let hello = "                010005"; // the header of a ClientHello of 1280 to 1535 bytes
    assert!(!long.out.contains(hello) && longest.out.contains(hello), "{}", longest.out);
    longest.says(&["record "]);
}

#[test]
fn colours_only_where_they_are_wanted() {
    assert!(explain(&["--color", "always"]).out.contains("\x1b[1m"));
    assert!(!explain(&["--color", "never"]).out.contains('\x1b'));
    let tool = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_handfast"));
        command.arg("explain");
        command
    };
    // As https://bixense.com/clicolors/ has it: wanted in a pipe, too.
    assert!(!run(&mut tool()).out.contains('\x1b'));
    let mut forced = tool();
    let out = forced.env("CLICOLOR_FORCE", "1").output().unwrap().stdout;
    assert!(out.contains(&0x1b));
}

#[test]
fn json_is_one_object_with_a_version() {
    let ran = explain(&["--json", "--alpn", "h2,http/1.1"]);
    let json = ran.code(0).json();
    assert_eq!(ran.err, "");
    assert_eq!(json["schema"], 0);
    assert_eq!(json["outcome"]["exit_code"], 0);
    assert_eq!(json["outcome"]["class"], "success");
    assert_eq!(json["negotiated"]["version"]["chosen"], "TLS 1.3");
    assert_eq!(json["negotiated"]["alpn"]["chosen"], "h2");
    assert_eq!(json["cost"]["round_trips"], 1);
    assert_eq!(json["ending"]["received"]["close_notify"], true);
    let events = json["events"].as_array().unwrap();
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!((count("message"), count("secret"), count("verdict")), (7, 8, 1));
    assert!(count("check") > 10);
    assert!(events.iter().all(|event| event["at_ms"].is_number() && event.get("secret").is_none()));
}

#[test]
fn help_lists_the_options_and_the_exit_codes() {
    let ran = explain(&["--help"]);
    ran.code(0).says(&[
        "Exit codes:",
        "  1  the peer's certificate was refused",
        "--pin",
        "--save-chain",
        "Examples:",
    ]);
}
