//! HelloRetryRequest, with and without a cookie, in both roles (RFC 9846
//! sections 4.2.4 and 4.3.2).

use super::alter::*;
use super::faults::{client_says_in, retry_client, retry_instead, retry_server, server_says};
use super::kit::*;
use super::resumption::primed;
use crate::config::ServerConfig;
use crate::fault::Fault;
use crate::limits;
use crate::pki::UnixTime;
use crate::wire::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn cookies() -> ServerConfig {
    retry_server().retry_cookie([7; 32]).unwrap()
}

/// The two ClientHellos of a client.
fn hellos(client: &mut Party) -> [Vec<u8>; 2] {
    messages(&client.records()).into_iter().filter(|m| m[0] == 1).collect::<Vec<_>>().try_into().unwrap()
}

fn hello_of(bytes: &[u8]) -> ClientHello<'_> {
    match Message::decode(bytes, Form::Tls13).unwrap().body {
        Body::ClientHello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

/// The first flight of a client that needs a retry, and the retry for it.
fn retried(server: &ServerConfig) -> (Party, Vec<u8>) {
    let (mut client, mut server) = (Party::client(&retry_client()), Party::server(server));
    let hello = client.take();
    server.give(&hello);
    let retry = server.take();
    (client, retry)
}

#[test]
fn both_sides_agree_after_it() {
    for server in [retry_server(), cookies()] {
        let (mut client, mut server) = connect(&retry_client(), &server);
        for side in [&client, &server] {
            assert!(side.c.info().retried);
            assert_eq!(side.c.info().group, Some(NamedGroup::SECP256R1));
        }
        deliver(&mut client, &mut server, b"up");
        deliver(&mut server, &mut client, b"down");
        // One ChangeCipherSpec each way (RFC 9846 appendix E.4).
        for side in [&mut client, &mut server] {
            let records = side.records();
            assert_eq!(records.iter().filter(|record| record.kind == CHANGE_CIPHER_SPEC).count(), 1);
        }
    }
}

#[test]
fn the_second_hello_changes_only_what_was_asked_for() {
    for (server, cookie) in [(retry_server(), false), (cookies(), true)] {
        let (mut client, _) = connect(&retry_client(), &server);
        let [first, second] = hellos(&mut client);
        let (first, second) = (hello_of(&first), hello_of(&second));
        assert_eq!(second.extensions.cookie.is_some(), cookie);
        let shares: Vec<_> = second.extensions.key_share.unwrap().iter().map(|share| share.group).collect();
        assert_eq!(shares, [NamedGroup::SECP256R1]);
        let mut as_first = second;
        as_first.extensions.cookie = None;
        as_first.extensions.key_share = first.extensions.key_share;
        assert_eq!(as_first, first);
    }
}

#[test]
fn a_retry_may_ask_for_a_cookie_alone() {
    let alter = each(HandshakeType::SERVER_HELLO, {
        let mut instead = retry_instead(None).unwrap();
        move |hello| {
            let retry = instead(hello).remove(0);
            vec![with_extensions(&retry, |all| all.push((ExtensionType::COOKIE.0, vec![0, 3, 7, 8, 9])))]
        }
    });
    let mut client = Party::client(&client_config());
    let mut server = Party::server_altered(&server_config(), alter);
    let hello = client.take();
    server.give(&hello);
    let flight = server.take();
    // The record of the retry; the keys that its server uses now are beside the point.
    let length = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
    client.give(&flight[..length]);
    let [first, second] = hellos(&mut client);
    let (first, second) = (hello_of(&first), hello_of(&second));
    assert_eq!(second.extensions.cookie, Some(&[7, 8, 9][..]));
    // The same share is sent again.
    assert_eq!(second.extensions.key_share, first.extensions.key_share);
}

#[test]
fn another_connection_goes_on_from_the_cookie() {
    let config = cookies();
    let (mut client, retry) = retried(&config);
    client.give(&retry);
    // As it comes: a ChangeCipherSpec stands before the second ClientHello.
    let (client, server) = connected(client, Party::server(&config));
    assert!(client.c.info().retried && server.c.info().retried);
    let mut secrets = [[0; 32]; 2];
    client.c.export("EXPERIMENTAL", None, &mut secrets[0]).unwrap();
    server.c.export("EXPERIMENTAL", None, &mut secrets[1]).unwrap();
    assert_eq!(secrets[0], secrets[1]);
}

#[test]
fn a_cookie_of_another_key_or_for_another_hello_is_refused() {
    let (mut client, retry) = retried(&cookies());
    client.give(&retry);
    let second = client.take();
    for (server, fault) in [
        (retry_server().retry_cookie([8; 32]).unwrap(), Fault::BadCookie),
        (retry_server(), Fault::BadChangeCipherSpec), // it knows of no retry
    ] {
        let mut server = Party::server(&server);
        server.give(&second);
        server.assert_failed(fault);
    }
    // Somebody else's cookie.
    let (mut other, retry_of_other) = retried(&cookies());
    other.give(&retry_of_other);
    let [_, stolen] = hellos(&mut other);
    let stolen = hello_of(&stolen).extensions.cookie.unwrap().to_vec();
    let [_, second] = hellos(&mut client);
    let swapped = with_extensions(&second, |all| {
        let cookie = all.iter_mut().find(|(kind, _)| *kind == ExtensionType::COOKIE.0).unwrap();
        cookie.1.splice(2.., stolen.clone());
    });
    let mut server = Party::server(&cookies());
    server.give(&plain(HANDSHAKE, &swapped));
    server.assert_failed(Fault::SecondHelloDiffers);
    // A cookie where none was given.
    let first = add(HandshakeType::CLIENT_HELLO, ExtensionType::COOKIE, &[0, 2, 1, 2]);
    client_says_in(&client_config(), &server_config(), first).0.assert_failed(Fault::BadCookie);
}

#[test]
fn a_cookie_gets_old() {
    for (age, taken) in [(0, true), (limits::COOKIE_SECONDS, true), (limits::COOKIE_SECONDS + 1, false)] {
        let clock = Arc::new(AtomicU64::new(1_790_000_000));
        let read = clock.clone();
        let config = ServerConfig::new(PKI.server.identity(), move || {
            UnixTime::since_unix_epoch(Duration::from_secs(read.load(Ordering::Relaxed)))
        });
        let config = config.groups(&[NamedGroup::SECP256R1]).unwrap().retry_cookie([7; 32]).unwrap();
        let (mut client, retry) = retried(&config);
        client.give(&retry);
        clock.fetch_add(age, Ordering::Relaxed);
        let mut server = Party::server(&config);
        pump(&mut client, &mut server);
        match taken {
            true => assert!(server.is_done(), "{:?}", server.error),
            false => server.assert_failed(Fault::BadCookie),
        }
    }
}

/// Everything that may not differ, changed in the second ClientHello.
#[test]
fn whatever_else_changes_is_seen() {
    type Change = fn(&mut ClientHello<'_>);
    let changes: [Change; 9] = [
        |m| m.legacy_version = ProtocolVersion::TLS11,
        |m| m.random = &[3; 32],
        |m| m.session_id = &[4; 32],
        |m| m.cipher_suites = List::values(&[CipherSuite::TLS_AES_128_GCM_SHA256]),
        |m| m.extensions.server_name = None,
        |m| m.extensions.alpn = Some(List::values(&[ProtocolName(b"h2")])),
        |m| m.extensions.signature_algorithms = Some(List::values(&[SCHEME])),
        |m| m.extensions.supported_groups = Some(List::values(&[NamedGroup::SECP256R1])),
        |m| m.extensions.early_data = true,
    ];
    for config in [retry_server(), cookies()] {
        for change in changes {
            let change = client_hello(change).unwrap();
            let (mut server, _) = client_says_in(&retry_client(), &config, nth(1, change));
            server.assert_failed(Fault::SecondHelloDiffers);
        }
        // No share, two, and one of another group.
        let remove = client_hello(|m| m.extensions.key_share = Some(List::default())).unwrap();
        let (mut server, _) = client_says_in(&retry_client(), &config, nth(1, remove));
        server.assert_failed(Fault::SecondHelloDiffers);
        let other = client_hello(|m| {
            let share = KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[9; 32] };
            m.extensions.key_share = Some(List::values(Vec::leak(vec![share])));
        })
        .unwrap();
        let (mut server, _) = client_says_in(&retry_client(), &config, nth(1, other));
        server.assert_failed(Fault::SecondHelloDiffers);
    }
    // The cookie left out.
    let leave_out = remove(HandshakeType::CLIENT_HELLO, ExtensionType::COOKIE);
    client_says_in(&retry_client(), &cookies(), leave_out).0.assert_failed(Fault::BadCookie);
}

/// What a client takes for a retry.
#[test]
fn a_retry_keeps_the_rules() {
    let with = |f: fn(&mut HelloRetryRequest<'_>)| {
        let mut edit = hello_retry_request(f).unwrap();
        let mut instead = retry_instead(Some(NamedGroup::SECP256R1)).unwrap();
        let alter = each(HandshakeType::SERVER_HELLO, move |hello| edit(instead(hello).remove(0)));
        let (mut client, mut server) =
            (Party::client(&retry_client()), Party::server_altered(&server_config(), alter));
        pump(&mut client, &mut server);
        client
    };
    with(|m| m.legacy_version = ProtocolVersion::TLS11).assert_failed(Fault::BadLegacyVersion);
    with(|m| m.session_id = &[1]).assert_failed(Fault::SessionIdNotEchoed);
    with(|m| m.compression_method = 1).assert_failed(Fault::CompressionChosen);
    with(|m| m.cipher_suite = CipherSuite::TLS_AES_128_CCM_SHA256).assert_failed(Fault::UnofferedSuite);
    with(|m| m.extensions.key_share = Some(NamedGroup::SECP384R1)).assert_failed(Fault::UnofferedGroup);
    with(|m| m.extensions.key_share = Some(NamedGroup::X25519)).assert_failed(Fault::RetryChangesNothing);
    with(|m| m.extensions.key_share = None).assert_failed(Fault::RetryChangesNothing);
    with(|m| m.extensions.supported_versions = None).assert_failed(Fault::UnofferedVersion);
    with(|m| m.extensions.supported_versions = Some(ProtocolVersion::TLS12))
        .assert_failed(Fault::UnofferedVersion);
    // And for the ServerHello behind one.
    let behind = |alter| {
        let (mut client, mut server) =
            (Party::client(&retry_client()), Party::server_altered(&retry_server(), alter));
        pump(&mut client, &mut server);
        client
    };
    behind(server_hello(|m| m.extensions.key_share.as_mut().unwrap().group = NamedGroup::X25519))
        .assert_failed(Fault::UnofferedGroup);
    // TLS 1.2 after all (RFC 9846 section 4.2.4): no other version may be chosen now.
    behind(server_hello(|m| {
        m.extensions = ServerExtensions::default();
        m.cipher_suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    }))
    .assert_failed(Fault::UnofferedVersion);
    let (mut client, _) = server_says(retry_instead(Some(NamedGroup::X25519)));
    client.assert_failed(Fault::RetryChangesNothing);
}

#[test]
fn a_session_is_resumed_after_a_retry() {
    for cookie in [false, true] {
        let (client, server) = primed(ProtocolVersion::TLS13);
        let server = server.groups(&[NamedGroup::SECP256R1]).unwrap();
        let server = if cookie { server.retry_cookie([7; 32]).unwrap() } else { server };
        let (client, server) = connect(&client, &server);
        for party in [client, server] {
            assert!(party.c.info().resumed && party.c.info().retried);
        }
    }
}

/// A second ClientHello leaves the key out, with which the first one would resume
/// if it is the server's. Also on another connection, which knows what is in the cookie.
#[test]
fn a_key_that_goes_with_the_retry_is_not_left_out() {
    let leave_out = || {
        let psk = ExtensionType::PRE_SHARED_KEY.0;
        nth(1, move |hello| vec![with_extensions(&hello, |all| all.retain(|(kind, _)| *kind != psk))])
    };
    for cookie in [false, true] {
        let (client, ours) = primed(ProtocolVersion::TLS13);
        let (_, another) = primed(ProtocolVersion::TLS13);
        for (server, known) in [(ours, true), (another, false)] {
            let server = server.groups(&[NamedGroup::SECP256R1]).unwrap();
            let server = if cookie { server.retry_cookie([7; 32]).unwrap() } else { server };
            let (mut client, mut asking) =
                (Party::client_altered(&client, leave_out()), Party::server(&server));
            asking.give(&client.take());
            client.give(&asking.take());
            let mut server = if cookie { Party::server(&server) } else { asking };
            pump(&mut client, &mut server);
            match known {
                true => server.assert_failed(Fault::PskLeftOut),
                false => assert!(server.is_done() && !server.c.info().resumed, "{:?}", server.error),
            }
        }
    }
}
