//! Static RSA in TLS 1.2: handshakes that succeed, and those that must all
//! fail in one way.

use super::super::Event;
use super::alter;
use super::kit::*;
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::crypto::rsa_exchange::DecryptionKey;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::{ConfigError, Identity};
use crate::pki::{CertificateDer, PrivateKeyDer, Verifier};
use crate::question::{Answer, EncodedMessage, OwnedQuestion};
use crate::record::Alter;
use crate::wire::{CipherSuite, HandshakeType, ProtocolVersion, SignatureScheme};
use rcgen::{CertificateParams, KeyPair, KeyUsagePurpose};
use std::sync::{Arc, LazyLock, Mutex};

pub(super) const AES_128: CipherSuite = CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;
const AES_256: CipherSuite = CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384;
const ECDHE: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;

/// A certificate of the RSA key, for these uses.
fn certificate(usages: &[KeyUsagePurpose]) -> CertificateDer<'static> {
    // PKCS#8: version, algorithm, the key.
    let algorithm = b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let long = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], content].concat()
    };
    let pkcs8 = long(0x30, &[algorithm, &long(0x04, key().secret_der())[..]].concat());
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.into(), &rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    params.key_usages = usages.to_vec();
    params.self_signed(&key).unwrap().der().clone()
}

fn key() -> PrivateKeyDer<'static> {
    let der = include_bytes!("../../../test-vectors/keys/rsa-2048.pkcs1.der");
    PrivateKeyDer::Pkcs1(der.to_vec().into())
}

/// For signing and for static RSA.
static LEAF: LazyLock<CertificateDer<'static>> =
    LazyLock::new(|| certificate(&[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment]));
/// For signing alone.
static SIGNING: LazyLock<CertificateDer<'static>> =
    LazyLock::new(|| certificate(&[KeyUsagePurpose::DigitalSignature]));

fn identity() -> Identity {
    Identity::new(vec![LEAF.clone()], &key()).unwrap()
}

pub(super) fn elsewhere() -> Identity {
    Identity::with_key_elsewhere(vec![LEAF.clone()], &[SignatureScheme::RSA_PSS_RSAE_SHA256]).unwrap()
}

fn client_of(leaf: &CertificateDer<'static>) -> ClientConfig {
    let config = ClientConfig::new(Verifier::exactly(leaf.clone()), now);
    config.versions(&[ProtocolVersion::TLS12]).unwrap()
}

/// A client that offers static RSA alone.
pub(super) fn client(suite: CipherSuite) -> ClientConfig {
    client_of(&LEAF).allow_static_rsa().suites(&[suite]).unwrap()
}

pub(super) fn server() -> ServerConfig {
    server_with(identity())
}

pub(super) fn server_with(identity: Identity) -> ServerConfig {
    ServerConfig::new(identity, now).allow_static_rsa()
}

/// RSADP, as somebody elsewhere does it.
pub(super) fn decrypted(question: &OwnedQuestion) -> Vec<u8> {
    let OwnedQuestion::Decrypt { encrypted, certificate } = question else { panic!("{question:?}") };
    assert_eq!(certificate, &*LEAF);
    DecryptionKey::from_der(&key()).unwrap().unwrap().decrypt(encrypted).unwrap().to_vec()
}

#[test]
fn both_suites_with_and_without_what_is_optional() {
    for suite in [AES_128, AES_256] {
        for extended in [true, false] {
            for shown in [None, Some(false), Some(true)] {
                let (mut client, mut server) = (client(suite), server());
                if !extended {
                    client = client.without_extended_master_secret();
                }
                if let Some(shown) = shown {
                    server = server.client_auth(ClientAuth::Request(trusting().into()));
                    if shown {
                        client = client.identity(PKI.client.identity());
                    }
                }
                let (mut client, mut server) = connect(&client, &server);
                for info in [client.c.info(), server.c.info()] {
                    assert_eq!(info.version, Some(ProtocolVersion::TLS12));
                    assert_eq!((info.suite, info.group), (Some(suite), None));
                    assert_eq!(info.extended_master_secret, extended);
                }
                assert_eq!(server.c.info().peer_chain.is_some(), shown == Some(true));
                deliver(&mut client, &mut server, b"hello");
                deliver(&mut server, &mut client, b"hello yourself");
                let secret = |party: &Party| party.heard.secret("master_secret");
                assert_eq!(secret(&client), secret(&server));
            }
        }
    }
}

#[test]
fn the_flight_is_that_of_the_figure() {
    // RFC 5246 figure 1, without ServerKeyExchange.
    let (mut client, mut server) = connect(&client(AES_128), &server());
    let kinds = |party: &mut Party| {
        let records: Vec<_> = party.records().into_iter().take_while(|r| r.kind == HANDSHAKE).collect();
        messages(&records).iter().map(|message| HandshakeType(message[0])).collect::<Vec<_>>()
    };
    let expected =
        [HandshakeType::SERVER_HELLO, HandshakeType::CERTIFICATE, HandshakeType::SERVER_HELLO_DONE];
    assert_eq!(kinds(&mut server), expected);
    assert_eq!(kinds(&mut client), [HandshakeType::CLIENT_HELLO, HandshakeType::CLIENT_KEY_EXCHANGE]);
}

#[test]
fn forward_secrecy_is_preferred() {
    let (client, _) = connect(&client_of(&LEAF).allow_static_rsa(), &server());
    assert_eq!(client.c.info().suite, Some(ECDHE));
}

#[test]
fn a_key_elsewhere_may_answer_late() {
    let mut client = Party::client(&client(AES_256));
    let mut server = Party::server(&server_with(elsewhere()));
    pump(&mut client, &mut server);
    let em = decrypted(server.asked());
    assert_eq!((server.state(), em.len()), ("WaitDecrypted", 256));

    // All that the client sent is here already, and waits for the answer.
    for wrong in [Answer::Accept, Answer::CannotSign, Answer::Signature(em.clone()), Answer::NoCertificate] {
        assert!(matches!(server.c.answer(wrong), Err(Error::Misuse(_))));
    }
    assert!(matches!(server.c.next(), Ok(Event::Ask(_))));
    server.answer(Answer::Decrypted(em.into()));
    let (mut client, mut server) = connected(client, server);
    deliver(&mut client, &mut server, b"hello");
}

/// A server's records, by type and length, its alerts, and its error.
type Seen = (Vec<(u8, usize)>, Vec<(u8, u8)>, String);

/// What somebody in the network, and who reads the logs, sees of a server that fails.
fn seen(mut client: Party, mut server: Party) -> Seen {
    pump(&mut client, &mut server);
    assert!(!client.is_done() && !server.is_done());
    let records = server.records().iter().map(|record| (record.kind, record.content.len())).collect();
    (records, server.alerts(), format!("{:?}", server.error.as_ref().unwrap()))
}

#[test]
fn each_wrong_answer_fails_at_the_finished_and_looks_the_same() {
    let answer = |change: fn(&mut Vec<u8>)| {
        move |question: &OwnedQuestion| {
            let mut em = decrypted(question);
            change(&mut em);
            Some(Answer::Decrypted(EncodedMessage::from(em)))
        }
    };
    connected(
        Party::client(&client(AES_128)),
        Party::server(&server_with(elsewhere())).answering(answer(|_| {})),
    );
    let wrong: [fn(&mut Vec<u8>); 14] = [
        |em| em[0] = 1,
        |em| em[1] = 1,
        |em| em[2] = 0,
        |em| em[9] = 0,
        |em| em[206] = 0,
        |em| em[207] = 1,
        |em| em[208] = 2,
        |em| em[209] = 4,
        |em| em[255] ^= 1,
        |em| em.fill(0),
        |em| em.truncate(255),
        |em| *em = em.split_off(1),
        |em| em.clear(),
        |em| em.push(0),
    ];
    let mut all = Vec::new();
    for change in wrong {
        let server = Party::server(&server_with(elsewhere())).answering(answer(change));
        all.push(seen(Party::client(&client(AES_128)), server));
    }
    let server = Party::server(&server_with(elsewhere()));
    let server = server.answering(|question| {
        assert!(matches!(question, OwnedQuestion::Decrypt { .. }));
        Some(Answer::CannotDecrypt)
    });
    all.push(seen(Party::client(&client(AES_128)), server));

    assert_eq!(all[0].1, [(2, AlertDescription::BAD_RECORD_MAC.0)]);
    assert_eq!(all[0].2, format!("{:?}", Error::from(Fault::BadRecordMac).in_state("WaitFinished")));
    assert!(all.iter().all(|each| *each == all[0]), "{all:?}");
}

#[test]
fn each_wrong_ciphertext_fails_at_the_finished_and_looks_the_same() {
    // What the client encrypted, and its length before it.
    let wrong: [fn(&mut Vec<u8>); 8] = [
        |encrypted| encrypted[100] ^= 1,
        |encrypted| encrypted.fill(0),
        |encrypted| encrypted.fill(0xff),
        |encrypted| encrypted.truncate(255),
        |encrypted| *encrypted = encrypted.split_off(1),
        |encrypted| encrypted.push(0),
        |encrypted| encrypted.insert(0, 0),
        |encrypted| encrypted.clear(),
    ];
    let mut all = Vec::new();
    for change in wrong {
        let alter = alter::body(HandshakeType::CLIENT_KEY_EXCHANGE, move |body| {
            let mut encrypted = body.split_off(2);
            change(&mut encrypted);
            *body = [&u16::try_from(encrypted.len()).unwrap().to_be_bytes(), &encrypted[..]].concat();
        });
        all.push(seen(Party::client_altered(&client(AES_256), alter), Party::server(&server())));
    }
    // The version in it is that of the ClientHello, not the one that is spoken.
    let version = alter::client_hello(|hello| hello.legacy_version = ProtocolVersion(0x0304));
    all.push(seen(Party::client_altered(&client(AES_256), version), Party::server(&server())));

    assert_eq!(all[0].1, [(2, AlertDescription::BAD_RECORD_MAC.0)]);
    assert!(all.iter().all(|each| *each == all[0]), "{all:?}");
}

#[test]
fn a_malformed_client_key_exchange_is_a_wrong_message() {
    for (change, fault) in [
        ((|body| body.truncate(100)) as fn(&mut Vec<u8>), Fault::Truncated),
        (|body| body.push(0), Fault::TrailingBytes),
        (|body| body.clear(), Fault::Truncated),
    ] {
        let alter = alter::body(HandshakeType::CLIENT_KEY_EXCHANGE, change);
        let (mut client, mut server) =
            (Party::client_altered(&client(AES_128), alter), Party::server(&server()));
        pump(&mut client, &mut server);
        server.assert_failed(fault);
    }
}

/// Runs a handshake that this side ends with handshake_failure, for there is nothing in common.
#[track_caller]
fn nothing_in_common(client: &ClientConfig, server: &ServerConfig) {
    let (mut client, mut server) = (Party::client(client), Party::server(server));
    pump(&mut client, &mut server);
    assert!(matches!(server.error, Some(Error::NothingInCommon { .. })), "{:?}", server.error);
    assert_eq!(server.alerts(), [(2, AlertDescription::HANDSHAKE_FAILURE.0)]);
}

#[test]
fn without_the_switch_on_both_sides_there_is_none() {
    let off = || ServerConfig::new(identity(), now);
    nothing_in_common(&client(AES_128), &off());
    nothing_in_common(&client_of(&LEAF), &off().allow_static_rsa().suites(&[AES_128, AES_256]).unwrap());
    // A key that signs only, and one that is no RSA key.
    let signing = || Identity::new(vec![SIGNING.clone()], &key()).unwrap();
    nothing_in_common(&client(AES_128), &server_with(signing()));
    let schemes = [SignatureScheme::RSA_PSS_RSAE_SHA256];
    let far = Identity::with_key_elsewhere(vec![SIGNING.clone()], &schemes).unwrap();
    nothing_in_common(&client(AES_128), &server_with(far));
    nothing_in_common(&client(AES_128), &server_with(PKI.server.identity()));
    nothing_in_common(&client(AES_128), &server_with(PKI.server.elsewhere()));
    // They serve all the same where the client takes something else.
    let both = |leaf: &CertificateDer<'static>| {
        client_of(leaf).allow_static_rsa().suites(&[AES_128, ECDHE]).unwrap()
    };
    let (client, _) = connect(&both(&SIGNING), &server_with(signing()));
    assert_eq!(client.c.info().suite, Some(ECDHE));
}

#[test]
fn the_switch_adds_the_suites_once_and_behind_all_others() {
    let offered = |config: &ClientConfig| -> Vec<CipherSuite> {
        config.common.suites.iter().map(|suite| suite.id).collect()
    };
    let default = offered(&client_of(&LEAF));
    assert!(!default.contains(&AES_128) && !default.contains(&AES_256));
    let allowed = client_of(&LEAF).allow_static_rsa();
    assert_eq!(offered(&allowed), [&default[..], &[AES_128, AES_256]].concat());
    assert_eq!(offered(&allowed.clone().allow_static_rsa()), offered(&allowed));
    let chosen = client_of(&LEAF).suites(&[ECDHE]).unwrap().allow_static_rsa();
    assert_eq!(offered(&chosen), [ECDHE, AES_128, AES_256]);
    assert_eq!(offered(&allowed.suites(&[AES_256, ECDHE]).unwrap()), [AES_256, ECDHE]);

    for suite in [AES_128, AES_256] {
        let refused = client_of(&LEAF).suites(&[ECDHE, suite]).map(|_| ()).unwrap_err();
        assert!(matches!(refused, ConfigError::StaticRsaNotAllowed(named) if named == suite));
        assert!(refused.to_string().contains("allow_static_rsa()"), "{refused}");
        assert!(ServerConfig::new(identity(), now).suites(&[suite]).is_err());
    }
}

/// A server that chooses static RSA whatever its certificate is.
fn chooses_static_rsa() -> Option<Alter> {
    Some(Box::new(|mut message: Vec<u8>| {
        match HandshakeType(message[0]) {
            HandshakeType::SERVER_HELLO => {
                let at = 4 + 2 + 32 + 1 + usize::from(message[4 + 2 + 32]);
                message[at..at + 2].copy_from_slice(&AES_128.0.to_be_bytes());
            }
            HandshakeType::SERVER_KEY_EXCHANGE => return vec![],
            _ => {}
        }
        vec![message]
    }))
}

fn choosing(client: &ClientConfig, identity: Identity) -> (Party, Party) {
    let mut client = Party::client(client);
    let mut server = Party::server_altered(&ServerConfig::new(identity, now), chooses_static_rsa());
    pump(&mut client, &mut server);
    (client, server)
}

#[test]
fn a_client_refuses_a_key_that_is_not_for_this() {
    let signing = Identity::new(vec![SIGNING.clone()], &key()).unwrap();
    let client = client_of(&SIGNING).allow_static_rsa();
    choosing(&client, signing).0.assert_failed(Fault::KeyNotForEncryption);
    let client = client_config().versions(&[ProtocolVersion::TLS12]).unwrap();
    let allowed = client.clone().allow_static_rsa();
    choosing(&allowed, PKI.server.identity()).0.assert_failed(Fault::NotAnRsaKey);
    // And what it did not offer.
    choosing(&client, PKI.server.identity()).0.assert_failed(Fault::UnofferedSuite);
}

#[test]
fn a_server_that_signs_as_well_is_refused() {
    let signs = alter::each(HandshakeType::SERVER_HELLO_DONE, |done| {
        let exchange =
            alter::framed(HandshakeType::SERVER_KEY_EXCHANGE, &[3, 0, 0x1d, 2, 8, 9, 4, 3, 0, 1, 7]);
        vec![exchange, done]
    });
    let (mut client, mut server) = (Party::client(&client(AES_128)), Party::server_altered(&server(), signs));
    pump(&mut client, &mut server);
    client.assert_failed(Fault::UnexpectedMessage);
}

/// Somebody in between changes the first message of one side.
fn between(client: &ClientConfig, server: &ServerConfig, change: impl Fn(&mut Vec<u8>)) -> (Party, Party) {
    let (mut client, mut server) = (Party::client(client), Party::server(server));
    let mut hello = client.take();
    change(&mut hello);
    server.give(&hello);
    pump(&mut client, &mut server);
    assert!(!client.is_done() && !server.is_done());
    (client, server)
}

#[test]
fn who_takes_forward_secrecy_from_the_offer_is_found_out() {
    let take_away = |hello: &mut Vec<u8>| {
        let [high, low] = ECDHE.0.to_be_bytes();
        let at = hello.windows(2).position(|pair| pair == [high, low]).unwrap();
        hello[at] ^= 0x0a; // GREASE and unknown suites are passed over
    };
    let client = client_of(&LEAF).allow_static_rsa().suites(&[ECDHE, AES_128]).unwrap();
    // With the extended master secret the keys differ, without it the Finished.
    let (_, mut server_) = between(&client, &server(), take_away);
    assert_eq!(server_.c.info().suite, Some(AES_128));
    server_.assert_failed(Fault::BadRecordMac);
    let client = client.without_extended_master_secret();
    let (_, mut server_) = between(&client, &server(), take_away);
    assert_eq!(server_.c.info().suite, Some(AES_128));
    server_.assert_failed(Fault::BadFinished);
}

#[test]
fn who_puts_a_secret_of_his_own_in_place_is_found_out() {
    // Under the server's key he can encrypt, but the client has another secret.
    let captured = Arc::new(Mutex::new(Vec::new()));
    let write = captured.clone();
    let note = alter::each(HandshakeType::CLIENT_KEY_EXCHANGE, move |message| {
        write.lock().unwrap().extend(message.clone());
        vec![message]
    });
    let (other, one) = (Party::client_altered(&client(AES_128), note), Party::server(&server()));
    connected(other, one);
    let his = captured.lock().unwrap().clone();

    for extended in [true, false] {
        let config = match extended {
            true => client(AES_128),
            false => client(AES_128).without_extended_master_secret(),
        };
        let (mut client, mut server) = (Party::client(&config), Party::server(&server()));
        server.give(&client.take());
        client.give(&server.take());
        let mut flight = client.take();
        let at = 5;
        assert_eq!(flight[at], HandshakeType::CLIENT_KEY_EXCHANGE.0);
        flight[at..at + his.len()].copy_from_slice(&his);
        server.give(&flight);
        server.assert_failed(Fault::BadRecordMac);
        client.give(&server.take());
        assert!(!client.is_done());
    }
}

#[test]
fn an_encoded_message_is_not_printed() {
    let answer = Answer::Decrypted(EncodedMessage::from(vec![0xab; 256]));
    assert_eq!(format!("{answer:?}"), "Decrypted(EncodedMessage { .. })");
}
