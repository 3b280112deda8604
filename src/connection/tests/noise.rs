//! Messages dropped, repeated, swapped and damaged at random, properly hashed
//! and sealed: no handshake completes that should not, nothing panics, and at
//! most one alert leaves.

use super::alter::*;
use super::faults::{retry_client, retry_server};
use super::kit::*;
use super::resumption::primed;
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::crypto::source::Entropy;
use crate::record::Alter;
use crate::schedule::Side;
use crate::wire::ProtocolVersion;

/// Every message that there is: 5 of the client, 7 of the server.
fn longest() -> (ClientConfig, ServerConfig) {
    let server =
        retry_server().retry_cookie([7; 32]).unwrap().client_auth(ClientAuth::Require(trusting().into()));
    (retry_client().identity(PKI.client.identity()), server)
}

fn run(side: Side, alter: Alter) -> (Party, Party) {
    run_with(longest(), side, alter)
}

fn run_with((client, server): (ClientConfig, ServerConfig), side: Side, alter: Alter) -> (Party, Party) {
    let (mut client, mut server) = match side {
        Side::Client => (Party::client_altered(&client, Some(alter)), Party::server(&server)),
        Side::Server => (Party::client(&client), Party::server_altered(&server, Some(alter))),
    };
    pump(&mut client, &mut server);
    (client, server)
}

/// What each side says when it is over.
fn check(client: &mut Party, server: &mut Party) {
    for side in [client, server] {
        let alerts = side.alerts();
        match side.error.as_ref().map(|error| error.alert()) {
            Some(Some(alert)) => assert_eq!(alerts, [(2, alert.0)], "{:?}", side.error),
            _ => assert_eq!(alerts, []),
        }
    }
}

#[test]
fn no_message_of_a_resumed_handshake_is_dropped_or_repeated() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let server_s = if version == ProtocolVersion::TLS13 { 3 } else { 2 };
        for (side, count) in [(Side::Client, 2), (Side::Server, server_s)] {
            for n in 0..count {
                for copies in [0, 2] {
                    let alter = nth(n, move |message| vec![message; copies]).unwrap();
                    let (client, server) = run_with(primed(version), side, alter);
                    assert!(!client.is_done() || !server.is_done(), "{version} {side:?} {n} {copies}");
                }
            }
        }
    }
}

#[test]
fn no_damage_of_a_resumed_handshake_panics() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let mut done = 0;
        for seed in 0..500 {
            let (side, alter) = damaged(seed, 2, 4);
            let (mut client, mut server) = run_with(primed(version), side, alter);
            if version == ProtocolVersion::TLS13 {
                check(&mut client, &mut server);
            }
            if client.error.is_none() && server.error.is_none() && client.is_done() && server.is_done() {
                done += 1;
                deliver(&mut client, &mut server, b"harmless, as in a ticket");
            }
        }
        assert!((5..250).contains(&done), "{version}: {done}");
    }
}

#[test]
fn no_message_is_dropped_repeated_or_swapped() {
    for (side, count) in [(Side::Client, 5), (Side::Server, 7)] {
        for n in 0..count {
            let (mut client, mut server) = run(side, nth(n, |_| vec![]).unwrap());
            assert!(!client.is_done() || !server.is_done(), "{side:?} {n} dropped");
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

/// A small stream of choices, the same for the same seed.
struct Dice(Entropy);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        (u64::from_be_bytes(bytes) % n as u64) as usize
    }
}

fn damage(message: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let at = dice.below(message.len());
        match dice.below(6) {
            0 => message[at] ^= 1 << dice.below(8),
            1 => message[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)],
            2 => message.truncate(at.max(4)),
            3 => message.insert(at, dice.below(256) as u8),
            4 => drop(message.remove(at)),
            _ => {
                let end = at + dice.below(message.len() - at);
                let part = message[at..=end.min(message.len() - 1)].to_vec();
                message.splice(at..at, part);
            }
        }
        if message.len() < 4 {
            message.resize(4, 0);
        }
    }
    // As often as not the length in front is right: what is inside is read then.
    if dice.below(4) > 0 {
        let length = u32::try_from(message.len() - 4).unwrap().to_be_bytes();
        message[1..4].copy_from_slice(&length[1..]);
    }
}

/// A side, and damage to one of its messages, by this seed. The client has
/// `of_client` messages, the server `of_server`.
pub(super) fn damaged(seed: u64, of_client: usize, of_server: usize) -> (Side, Alter) {
    let mut dice = Dice(Entropy::seeded(seed));
    let side = if dice.below(2) == 0 { Side::Client } else { Side::Server };
    let number = dice.below(if side == Side::Client { of_client } else { of_server });
    let alter = nth(number, move |mut message| {
        damage(&mut message, &mut dice);
        vec![message]
    });
    (side, alter.unwrap())
}

/// Message `n` held back until the next one is sent.
pub(super) fn swapped(n: usize) -> Alter {
    let (mut held, mut seen) = (None, 0);
    Box::new(move |message| {
        seen += 1;
        match seen - 1 == n {
            true => {
                held = Some(message);
                vec![]
            }
            false => std::iter::once(message).chain(held.take()).collect(),
        }
    })
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
