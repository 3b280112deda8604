//! Messages of TLS 1.2 dropped, repeated, swapped and damaged at random, properly
//! hashed and sealed: no handshake completes that should not, nothing panics, and
//! at most one alert leaves.

use super::alter::*;
use super::kit::*;
use super::kit12::*;
use super::noise::{damaged, swapped};
use crate::config::{ClientAuth, Judge};
use crate::question::Answer;
use crate::record::Alter;
use crate::schedule::Side;

/// With every message that there is: 5 of the client, 7 of the server.
fn run(side: Side, alter: Alter) -> (Party, Party) {
    let client = client12_of(Judge::Application).identity(PKI.client.identity());
    let server = stapling12().client_auth(ClientAuth::Require(trusting().into()));
    let (of_client, of_server) = match side {
        Side::Client => (Some(alter), None),
        Side::Server => (None, Some(alter)),
    };
    let client = Party::client_altered(&client, of_client);
    let mut client = client.answering(|_| Some(Answer::Accept));
    let mut server = Party::server_altered(&server, of_server);
    pump(&mut client, &mut server);
    (client, server)
}

/// What each side says when it is over.
fn check(client: &mut Party, server: &mut Party) {
    for side in [client, server] {
        let alerts = alerts12(side);
        match side.error.as_ref().map(|error| error.alert()) {
            Some(Some(alert)) => assert_eq!(alerts, [(2, alert.0)], "{:?}", side.error),
            _ => assert_eq!(alerts, []),
        }
    }
}

#[test]
fn no_message_is_dropped_repeated_or_swapped() {
    for (side, count) in [(Side::Client, 5), (Side::Server, 7)] {
        for n in 0..count {
            let (mut client, mut server) = run(side, nth(n, |_| vec![]).unwrap());
            // Only CertificateStatus may be left out, announced or not (RFC 6066 section 8).
            let optional = (side, n) == (Side::Server, 2);
            assert_eq!(client.is_done() && server.is_done(), optional, "{side:?} {n} dropped");
            check(&mut client, &mut server);
            let (mut client, mut server) =
                run(side, nth(n, |message| vec![message.clone(), message]).unwrap());
            assert!(!client.is_done() || !server.is_done(), "{side:?} {n} repeated");
            assert!(client.error.is_some() && server.error.is_some());
            check(&mut client, &mut server);
            let (mut client, mut server) = run(side, swapped(n));
            assert!(!client.is_done() || !server.is_done(), "{side:?} {n} swapped");
            check(&mut client, &mut server);
        }
    }
}

#[test]
fn no_damage_panics() {
    let mut done = 0;
    for seed in 0..3000 {
        let (side, alter) = damaged(seed, 5, 7);
        let (mut client, mut server) = run(side, alter);
        check(&mut client, &mut server);
        if client.is_done() && server.is_done() {
            done += 1;
            deliver(&mut client, &mut server, b"harmless, as in a random");
        }
    }
    // Some damage is none (a random, a session id that is echoed), most is.
    assert!((25..1500).contains(&done), "{done}");
}
