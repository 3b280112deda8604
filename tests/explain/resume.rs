//! `--resume`: a second connection beside the first.

use super::certificates::{Authority, identity};
use super::peers::{server, servers};
use super::run::{Ran, explain, file, folder};
use handfast::pki::UnixTime;
use handfast::wire::NamedGroup;
use handfast::{ReplayRegister, ServerConfig, TicketKeys};
use std::sync::Arc;

/// Numbers of both connections, and what was saved.
#[track_caller]
fn row(ran: &Ran, name: &str) -> [i64; 3] {
    let row = &ran.json()["resumption"]["compared"][name];
    ["first", "second", "saved"]
        .map(|each| row[each].as_i64().unwrap_or_else(|| panic!("{name}\n{}", ran.out)))
}

#[test]
fn the_second_connection_shows_no_certificate_and_signs_nothing() {
    let ran = explain(&["--resume"]);
    ran.code(0).says(&[
        "one round trip, post-quantum; resumed on a second connection",
        "<-  NewSessionTicket ",
        "SECOND HANDSHAKE",
        " | 1 pre-shared key, a ticket of ",
        "takes pre-shared key 1 of those offered",
        "session     resumed                        the server takes the ticket",
        "trust       at the session's first handshake: the authority made for this run",
        "session     resumed: the server took the ticket",
        "round trips 1, then 1: nothing saved",
        "B of certificates, then 0: ",
        "verified    2 signatures, then 0: 2 saved",
        "signed      0 signatures, then 0: nothing saved",
        "a fresh X25519MLKEM768 secret: forward secrecy is kept",
    ]);
    assert_eq!(ran.err, "");
    // The first connection's story is whole before the second begins.
    let places =
        ["COST AND ENDING", "SECOND HANDSHAKE", "RESUMPTION"].map(|each| ran.out.find(each).unwrap());
    assert!(places.is_sorted(), "{}", ran.out);
    assert_eq!(ran.out.matches("->  ClientHello").count(), 2, "{}", ran.out);
    assert_eq!(ran.out.matches("<-  Certificate ").count(), 1, "{}", ran.out);

    let ran = explain(&["--resume", "--json"]);
    let json = ran.code(0).json();
    assert_eq!(
        (json["resumption"]["resumed"].as_bool(), json["resumption"]["why_not"].as_str()),
        (Some(true), None)
    );
    let second = &json["resumption"]["connection"];
    assert_eq!(second["negotiated"]["session"]["chosen"], "resumed");
    assert_eq!(second["cost"]["round_trips"], 1);
    let [first, then, saved] = row(&ran, "received");
    assert!(then > 0 && first > then + 400 && saved == first - then, "{first} {then} {saved}");
    let [first, then, saved] = row(&ran, "sent");
    assert!(first > 0 && then > first && saved < 0, "{first} {then} {saved}");
    assert_eq!(row(&ran, "verified"), [2, 0, 2]);
    assert_eq!(row(&ran, "signed"), [0, 0, 0]);
    assert_eq!(row(&ran, "round_trips"), [1, 1, 0]);
    // What is counted is what went over the wire, but for the tickets and the farewell.
    for (name, way) in [("sent", "sent"), ("received", "received")] {
        let whole = json["cost"][way]["bytes"].as_i64().unwrap();
        let [first, ..] = row(&ran, name);
        assert!(first < whole && first > whole / 2, "{first} of {whole}");
    }
}

#[test]
fn without_it_nothing_is_resumed_and_no_ticket_is_sent() {
    let ran = explain(&[]);
    assert!(!ran.out.contains("NewSessionTicket") && !ran.out.contains("RESUMPTION"), "{}", ran.out);
    assert!(explain(&["--json"]).json()["resumption"].is_null());
}

#[test]
fn tls12_saves_a_round_trip() {
    let ran = explain(&["--resume", "--tls1.2"]);
    ran.code(0).says(&[
        " | a ticket of TLS 1.2, ",
        "the server goes on with the session of TLS 1.2 that was offered",
        "round trips 2, then 1: 1 saved",
        "the session's master_secret and both randoms make the key block",
        "whoever learns it reads both connections",
    ]);
    assert!(!ran.out.contains("malformed"), "{}", ran.out);
}

#[test]
fn this_side_s_certificate_is_not_shown_again() {
    let root = Authority::root("root");
    let (leaf, key) = root.leaf(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let both = file(&folder("resumed-client"), "both.pem", &format!("{leaf}{key}"));
    let ran = explain(&["--resume", "--cert", &both, "--json"]);
    assert_eq!(row(ran.code(0), "signed"), [1, 0, 1]);
}

#[test]
fn why_nothing_was_resumed() {
    let root = Authority::root("root");
    let authority = file(&folder("not-resumed"), "ca.pem", &root.pem);
    let plain = || ServerConfig::new(identity(&root.leaf(|_| {})), UnixTime::now);
    let says = |at: String, arguments: &[&str], why: &str| {
        let ran = explain(&[&["localhost", "--connect", &at, "--resume"], arguments].concat());
        ran.code(0).says(&[&format!("; NOT resumed: {why}"), &format!("session     not resumed: {why}")]);
        ran
    };
    let trusted = ["--cacert", &authority];
    says(server(plain()).at(), &trusted, "no ticket came within 1 s after the handshake");
    let tls12 = [&trusted[..], &["--tls1.2"]].concat();
    says(server(plain()).at(), &tls12, "the server gave no ticket");
    // Each has keys of its own, as two machines that do not share them.
    let own = || plain().tickets(TicketKeys::random());
    let ran = says(
        servers(vec![own(), own()]).at(),
        &trusted,
        "the server did not take the ticket, and does not say why",
    );
    ran.says(&["session     begun anew", "2 signatures, then 2: nothing saved"]);
    let shared = Arc::new(TicketKeys::random());
    let same = || plain().tickets(Arc::clone(&shared));
    says(
        server(same()).at(),
        &["-k"],
        "the server was accepted for this connection alone, and such a session is not kept",
    );
    let classic = explain(&["--resume", "--classic"]);
    classic.code(0).says(&["NOT resumed: TLS 1.2 without extended_master_secret is not resumed"]);
    // A second connection that fails is a failure.
    let peer = servers(vec![same()]);
    let ran = explain(&[&["localhost", "--connect", &peer.at(), "--resume"], &trusted[..]].concat());
    ran.code(6).says(&["FAILED: the second connection: "]);
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn early_data_is_told_and_what_the_server_answered() {
    let request = file(&folder("early"), "request", REQUEST);
    let ran = explain(&["--early-data", &request]);
    ran.code(0).says(&[
        "; resumed on a second connection; 35 B of early data accepted",
        "with up to 16384 B of early data",
        " | early data follows",
        "->  early data ",
        "takes the early data",
        "OK  the server takes the early data",
        "->  EndOfEarlyData ",
        "early data  accepted: 35 of 35 B went with the ClientHello",
        "answer      24 B, which begin with: 35 B of early data came",
        "  warning: early data can be replayed",
    ]);
    // It stands where it went: before the server had said anything.
    let second = ran.out.split_once("SECOND HANDSHAKE").unwrap().1;
    let places =
        ["->  ClientHello", "->  early data ", "<-  ServerHello", "->  EndOfEarlyData", "->  Finished"];
    assert!(places.map(|each| second.find(each).unwrap()).is_sorted(), "{second}");
    let json = explain(&["--early-data", &request, "--json"]).json();
    let early = &json["resumption"]["early_data"];
    assert_eq!(
        (early["accepted"].as_bool(), early["sent"].as_u64(), early["given"].as_u64()),
        (Some(true), Some(35), Some(35))
    );
    assert_eq!(early["answer"]["beginning"], "35 B of early data came\\n");
    assert!(json["warnings"][0].as_str().unwrap().contains("replayed"));
    // More than the ticket allows: the rest follows.
    let long = file(&folder("early-long"), "long", &"x".repeat(20_000));
    let ran = explain(&["--early-data", &long]);
    ran.code(0).says(&["accepted: 16384 of 20000 B went with the ClientHello, as many as the ticket allows"]);
    let empty = file(&folder("early-empty"), "empty", "");
    explain(&["--early-data", &empty]).code(2).says(&["nothing to send"]);
    explain(&["--early-data", "/nonexistent"]).code(2).says(&["cannot read /nonexistent"]);
    explain(&["--early-data", &request, "--tls1.2"]).code(2);
}

#[test]
fn why_early_data_was_not_taken() {
    let root = Authority::root("root");
    let folder = folder("early-refused");
    let (authority, request) = (file(&folder, "ca.pem", &root.pem), file(&folder, "request", REQUEST));
    let keys = Arc::new(TicketKeys::random());
    let (leaf, register) = (root.leaf(|_| {}), Arc::new(ReplayRegister::new()));
    let plain = || ServerConfig::new(identity(&leaf), UnixTime::now).tickets(Arc::clone(&keys));
    let early = || plain().early_data(1_000, Arc::clone(&register));
    let p256 = |config: ServerConfig| config.groups(&[NamedGroup::SECP256R1]).unwrap();
    for (first, second, why) in [
        (plain(), early(), "early data NOT SENT: the session's ticket does not allow it"),
        (
            early(),
            plain(),
            "early data REJECTED: the server resumes the session and refuses it, and does not say why",
        ),
        (
            early(),
            early().tickets(TicketKeys::random()),
            "early data REJECTED: the server does not resume the session",
        ),
        (early(), p256(early()), "early data REJECTED: the server asked for another ClientHello"),
    ] {
        let peer = servers(vec![first, second]);
        let ran = explain(&[
            "localhost",
            "--connect",
            &peer.at(),
            "--cacert",
            &authority,
            "--early-data",
            &request,
        ]);
        ran.code(0).says(&[why]);
        let lost =
            ran.out.contains("35 of 35 B went with the ClientHello, and are lost: nothing was sent again");
        assert_eq!(lost, why.contains("REJECTED"), "{}", ran.out);
    }
}
