//! Early data that nobody asked for: a server that refuses it passes it over
//! (RFC 9846 section 4.3.10).

use super::alter::{each, with_extensions};
use super::faults::{A_PSK, retry_client, retry_server};
use super::kit::*;
use super::server_early;
use crate::config::{ClientConfig, ServerConfig};
use crate::early::{EarlyData, EarlyReason};
use crate::fault::Fault;
use crate::limits;
use crate::record::Alter;
use crate::schedule::tls13::EarlySecret;
use crate::schedule::tls13::psk::PskKind;
use crate::schedule::transcript::Transcript;
use crate::session::ReplayRegister;
use crate::wire::{ExtensionType, HandshakeType};
use std::sync::Arc;

/// Adds the offer of a pre-shared key and of early data to the first ClientHello.
fn offer_early_data() -> Option<Alter> {
    let mut first = true;
    each(HandshakeType::CLIENT_HELLO, move |hello| {
        let early = std::mem::take(&mut first);
        vec![with_extensions(&hello, |all| {
            all.retain(|(kind, _)| *kind != ExtensionType::PSK_KEY_EXCHANGE_MODES.0);
            all.push((ExtensionType::PSK_KEY_EXCHANGE_MODES.0, vec![1, 1]));
            if early {
                all.push((ExtensionType::EARLY_DATA.0, vec![]));
            }
            all.push((ExtensionType::PRE_SHARED_KEY.0, A_PSK.to_vec()));
        })]
    })
}

/// A handshake with `early` behind the first ClientHello.
fn with_early(client: &ClientConfig, server: &ServerConfig, early: &[u8]) -> (Party, Party) {
    let (mut client, mut server) = (Party::client_altered(client, offer_early_data()), Party::server(server));
    let hello = client.take();
    server.give(&hello);
    server.give(early);
    pump(&mut client, &mut server);
    (client, server)
}

/// As much as is passed over, in two records.
const SKIPPED: [usize; 2] = [limits::EARLY_DATA_SKIPPED as usize / 2; 2];

/// Records under a key that the server does not have.
fn early_records(lengths: &[usize]) -> Vec<u8> {
    lengths.iter().flat_map(|length| plain(DATA, &vec![0xee; *length])).collect()
}

#[test]
fn it_is_passed_over() {
    for (client, server) in [
        (client_config(), server_config()),
        (retry_client(), retry_server()),
        (retry_client(), retry_server().retry_cookie([1; 32]).unwrap()),
        (client_config().identity(PKI.client.identity()), requesting()),
    ] {
        for early in [&[][..], &[17], &[300, 300, 5000], &SKIPPED] {
            let (mut client, mut server) = with_early(&client, &server, &early_records(early));
            assert!(client.is_done() && server.is_done(), "{:?}, {:?}", client.error, server.error);
            deliver(&mut client, &mut server, b"late data");
            assert_eq!(server.data(), b"late data");
        }
    }
}

#[test]
fn only_so_much() {
    for (client, server) in [(client_config(), server_config()), (retry_client(), retry_server())] {
        let (_, mut server) = with_early(&client, &server, &early_records(&[SKIPPED[0], SKIPPED[1], 1]));
        server.assert_failed(Fault::EarlyDataTooLong);
    }
}

#[test]
fn only_where_it_was_offered() {
    let mut client = Party::client(&client_config());
    let mut server = Party::server(&server_config());
    let hello = client.take();
    server.give(&hello);
    server.give(&early_records(&[300]));
    server.assert_failed(Fault::BadRecordMac);
}

#[test]
fn only_until_the_first_record_that_opens() {
    let (client, mut server) = with_early(&client_config(), &server_config(), &early_records(&[300]));
    assert!(client.is_done() && server.is_done());
    server.give(&early_records(&[300]));
    server.assert_failed(Fault::BadRecordMac);
}

/// The key that the server takes is the second that is offered: nobody knows with which
/// the early data was encrypted (RFC 9846 section 4.3.10).
#[test]
fn only_with_the_first_key() {
    for strangers in [0, 1, 2] {
        let register = Arc::new(ReplayRegister::new());
        let (client, server) = server_early::primed(register.clone());
        let ((sessions, policy), name) = (client.resumption().unwrap(), name());
        let session = sessions.take(&name, policy, now().as_secs(), |_| true).unwrap();
        let secret = EarlySecret::new(session.suite, Some(session.secret.as_bytes()), &silent());
        let hash = session.suite.hash;
        sessions.keep(&name, policy, session);
        let alter = each(HandshakeType::CLIENT_HELLO, move |hello| {
            let mut hello = with_extensions(&hello, |all| {
                let (_, psks) = all.last_mut().unwrap();
                let end = 2 + usize::from(u16::from_be_bytes([psks[0], psks[1]]));
                let identities = [[0, 1, 9, 0, 0, 0, 0].repeat(strangers), psks[2..end].to_vec()].concat();
                let binders = [&[32][..], &[7; 32]].concat().repeat(strangers + 1);
                let with_length =
                    |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
                *psks = [with_length(&identities), with_length(&binders)].concat();
            });
            let (cut, len) = (hello.len() - 2 - 33 * (strangers + 1), hello.len());
            let digest = Transcript::new().hash_with(hash, &hello[..cut]).unwrap();
            let binder = secret.binder(PskKind::Resumption, &digest);
            hello[len - hash.len()..].copy_from_slice(binder.as_bytes());
            vec![hello]
        });
        let (mut client, mut server) = (Party::client_altered(&client, alter), Party::server(&server));
        server.give(&client.take());
        assert!(server.error.is_none() && server.c.info().alpn.is_none(), "{:?}", server.error);
        let (outcome, entries) = match strangers {
            0 => (EarlyData::Accepted, 1),
            _ => (EarlyData::Rejected(EarlyReason::NotTheFirst), 0),
        };
        assert_eq!((server.c.info().early_data, register.len()), (outcome, entries));
    }
}
