//! What `explain` prints is what went over the wire: against a capture and the
//! key log of the same connection.

use super::certificates::{Authority, identity};
use super::peers::{relay, server};
use super::run::{explain, file, folder};
use handfast::pki::UnixTime;
use handfast::wire::{Body, Form, Message};
use handfast::{ServerConfig, sha256};

/// The plaintext handshake message that a capture begins with.
fn first_message(capture: &[u8]) -> &[u8] {
    assert_eq!(capture[0], 22);
    let length = usize::from(u16::from_be_bytes([capture[3], capture[4]]));
    &capture[5..5 + length]
}

/// How many records a capture has, and how many bytes they are.
fn records(mut capture: &[u8]) -> (usize, usize) {
    let (mut records, bytes) = (0, capture.len());
    while !capture.is_empty() {
        capture = &capture[5 + usize::from(u16::from_be_bytes([capture[3], capture[4]]))..];
        records += 1;
    }
    (records, bytes)
}

fn compared(name: &str, extra: &[&str], secrets: usize) {
    let folder = folder(name);
    let root = Authority::root("root");
    let classic = extra.contains(&"--classic");
    let peer = server(match classic {
        true => ServerConfig::new(identity(&root.rsa_leaf()), UnixTime::now).allow_static_rsa(),
        false => ServerConfig::new(identity(&root.leaf(|_| {})), UnixTime::now),
    });
    let tap = relay(peer.address);
    let authority = file(&folder, "ca.pem", &root.pem);
    let keys = folder.join("keys.txt");
    let at = tap.at();
    let arguments =
        ["localhost", "--connect", &at, "--cacert", &authority, "--keylog", keys.to_str().unwrap(), "-vv"];
    let ran = explain(&[&arguments, extra].concat());
    ran.code(0);
    let (up, down) = tap.ended();

    let (client, server) = (first_message(&up), first_message(&down));
    let Body::ClientHello(hello) = Message::decode(client, Form::Tls13).unwrap().body else { panic!() };
    // In TLS 1.2 a record may hold further messages.
    let server = &server[..4 + usize::from(u16::from_be_bytes([server[2], server[3]]))];
    let Body::ServerHello(chosen) = Message::decode(server, Form::Tls13).unwrap().body else { panic!() };
    let head = |direction: &str, name: &str, length: usize| {
        format!("{direction}  {name:<20}{length:>6} B  plaintext")
    };
    ran.says(&[
        &head("->", "ClientHello", client.len()),
        &head("<-", "ServerHello", server.len()),
        &format!("random 1 of 3, the client's {}", hex::encode(hello.random)),
        &format!("random 2 of 3, the server's {}", hex::encode(chosen.random)),
        &hex::encode(&client[..32]),
    ]);
    for (way, capture) in [("sent", &up), ("received", &down)] {
        let (records, bytes) = records(capture);
        ran.says(&[&format!("{way:<11} {bytes} B in {records} records")]);
    }

    if classic {
        let (_, encrypted) = ran.out.split_once("46 random bytes, encrypted ").unwrap();
        let encrypted = hex::decode(encrypted.split(';').next().unwrap()).unwrap();
        assert!(encrypted.len() == 256 && up.windows(256).any(|window| window == encrypted));
    }

    let log = std::fs::read_to_string(&keys).unwrap();
    assert_eq!(log.lines().count(), secrets, "{log}");
    for line in log.lines() {
        let [label, random, secret] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(random, hex::encode(hello.random));
        let fingerprint = hex::encode(&sha256(&hex::decode(secret).unwrap())[..4]);
        let name = match label {
            "CLIENT_RANDOM" => "master_secret".to_owned(),
            "EXPORTER_SECRET" => "exporter_master_secret".to_owned(),
            "CLIENT_TRAFFIC_SECRET_0" => "client_application_traffic_secret_0".to_owned(),
            "SERVER_TRAFFIC_SECRET_0" => "server_application_traffic_secret_0".to_owned(),
            other => other.to_ascii_lowercase(),
        };
        let told = ran.out.lines().find(|line| line.contains(&format!("**  {name} "))).unwrap();
        assert!(told.contains(&format!("#{fingerprint} ")), "{told}\n{line}");
        assert!(!ran.out.contains(secret), "{label} was printed");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn tls13_equals_its_capture_and_key_log() {
    compared("truth13", &[], 5);
}

#[test]
fn tls12_equals_its_capture_and_key_log() {
    compared("truth12", &["--tls1.2"], 1);
}

#[test]
fn the_classic_handshake_equals_its_capture_and_key_log() {
    compared("truth-classic", &["--classic"], 1);
}

#[test]
fn secrets_are_shown_only_where_that_was_asked_for() {
    let keys = folder("reveal").join("keys.txt");
    let ran = explain(&["--keylog", keys.to_str().unwrap(), "--reveal-secrets"]);
    let log = std::fs::read_to_string(&keys).unwrap();
    for line in log.lines() {
        ran.code(0).says(&[line.rsplit(' ').next().unwrap()]);
    }
    let keys = folder("conceal").join("keys.txt");
    let ran = explain(&["--keylog", keys.to_str().unwrap(), "--json", "-vv"]);
    let log = std::fs::read_to_string(&keys).unwrap();
    assert_eq!(log.lines().count(), 5);
    assert!(log.lines().all(|line| !ran.out.contains(line.rsplit(' ').next().unwrap())));
}
