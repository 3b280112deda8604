//! The fields and extensions of TLS 1.2's messages, each wrong in each way, and
//! the alert that answers it.

use super::alter::*;
use super::faults::{client_says_in, server_says_in, tls12_client, tls12_server};
use super::kit::*;
use super::kit12::*;
use crate::alert::AlertDescription;
use crate::config::Judge;
use crate::fault::Fault;
use crate::limits;
use crate::question::{Answer, OwnedQuestion};
use crate::record::Alter;
use crate::wire::*;

/// A client whose server staples and requests, and says something else than it meant to.
fn server_says(alter: Option<Alter>) -> Party {
    let client = client12_of(Judge::Application).identity(PKI.client.identity());
    let server = requesting12(trusting().into());
    let mut client = Party::client(&client).answering(|_| Some(Answer::Accept));
    let mut server = Party::server_altered(&server, alter);
    pump(&mut client, &mut server);
    client
}

/// A server that requests a certificate of a client that says something else.
fn client_says(alter: Option<Alter>) -> Party {
    client_says_in(&client12_with_certificate(), &requesting12(trusting().into()), alter).0
}

#[test]
fn server_hello_fields() {
    let chooses = |version, alone: bool| {
        server_hello(move |m| {
            if alone {
                m.extensions = ServerExtensions::default();
            }
            m.extensions.supported_versions = Some(version);
        })
    };
    for (alter, fault) in [
        (server_hello(|m| m.compression_method = 1), Fault::CompressionChosen),
        (server_hello(|m| m.legacy_version = ProtocolVersion::TLS11), Fault::OldVersion),
        (server_hello(|m| m.legacy_version = ProtocolVersion::TLS13), Fault::OldVersion),
        (server_hello(|m| m.cipher_suite = CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA), Fault::UnofferedSuite),
        (server_hello(|m| m.cipher_suite = CipherSuite::TLS_AES_128_GCM_SHA256), Fault::UnofferedSuite),
        (
            server_hello(|m| m.cipher_suite = CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV),
            Fault::UnofferedSuite,
        ),
        // It makes the message one of TLS 1.3, with extensions that have no place there.
        (chooses(ProtocolVersion::TLS12, false), Fault::MisplacedExtension),
        (chooses(ProtocolVersion::TLS13, false), Fault::MisplacedExtension),
        (chooses(ProtocolVersion::TLS12, true), Fault::UnofferedVersion),
        (chooses(ProtocolVersion::TLS13, true), Fault::UnofferedVersion),
        (
            server_hello(|m| {
                m.extensions.ec_point_formats =
                    Some(List::values(&[EcPointFormat::ANSIX962_COMPRESSED_PRIME]));
            }),
            Fault::NoUncompressedPoints,
        ),
        (server_hello(|m| m.session_id = &[7; 33]), Fault::BadLength),
        (add(HandshakeType::SERVER_HELLO, ExtensionType::SESSION_TICKET, &[]), Fault::UnofferedExtension),
        (add(HandshakeType::SERVER_HELLO, ExtensionType(0x7777), &[1]), Fault::UnofferedExtension),
        (
            add(HandshakeType::SERVER_HELLO, ExtensionType::EXTENDED_MASTER_SECRET, &[]),
            Fault::DuplicateExtension,
        ),
        (
            extension(HandshakeType::SERVER_HELLO, ExtensionType::EXTENDED_MASTER_SECRET, |body| {
                body.push(0)
            }),
            Fault::TrailingBytes,
        ),
        (
            extension(HandshakeType::SERVER_HELLO, ExtensionType::RENEGOTIATION_INFO, Vec::clear),
            Fault::Truncated,
        ),
        (
            add(HandshakeType::SERVER_HELLO, ExtensionType::SIGNATURE_ALGORITHMS, &[0, 2, 4, 3]),
            Fault::MisplacedExtension,
        ),
        (add(HandshakeType::SERVER_HELLO, ExtensionType::EARLY_DATA, &[]), Fault::MisplacedExtension),
    ] {
        assert_failed12(&mut server_says(alter), fault);
    }
    // Without any extension at all it is a ServerHello of before RFC 5746, and well formed.
    let bare = each(HandshakeType::SERVER_HELLO, |message| {
        let end = 38 + 1 + usize::from(message[38]) + 3;
        vec![framed(HandshakeType::SERVER_HELLO, &message[4..end])]
    });
    let client = tls12_client().without_extended_master_secret();
    let (client, server) = server_says_in(&client, &tls12_server(), bare);
    assert!(client.is_done() && server.is_done(), "{:?} {:?}", client.error, server.error);
}

#[test]
fn messages_of_the_server() {
    let (ske, request) = (HandshakeType::SERVER_KEY_EXCHANGE, HandshakeType::CERTIFICATE_REQUEST);
    let scheme = |scheme: SignatureScheme| {
        // curve_type, namedcurve, length, 32 bytes
        body(HandshakeType::SERVER_KEY_EXCHANGE, move |body| {
            body[36..38].copy_from_slice(&scheme.0.to_be_bytes())
        })
    };
    let chain = |n: usize| {
        body(HandshakeType::CERTIFICATE, move |body| {
            let one = body[3..].repeat(n);
            let length = u32::try_from(one.len()).unwrap().to_be_bytes();
            *body = [&length[1..], &one].concat();
        })
    };
    for (alter, fault) in [
        (chain(0), Fault::EmptyCertificateList),
        (chain(limits::CHAIN_CERTIFICATES + 1), Fault::ChainTooLong),
        (body(HandshakeType::CERTIFICATE, |body| *body = vec![0, 0, 3, 0, 0, 0]), Fault::BadLength),
        (body(HandshakeType::CERTIFICATE, |body| body[2] ^= 1), Fault::Truncated),
        (body(HandshakeType::CERTIFICATE, |body| body.push(0)), Fault::TrailingBytes),
        (body(ske, |body| body[0] = 1), Fault::BadValue),
        (
            body(ske, |body| body[1..3].copy_from_slice(&NamedGroup::SECP521R1.0.to_be_bytes())),
            Fault::UnofferedGroup,
        ),
        (
            body(ske, |body| body[1..3].copy_from_slice(&NamedGroup::X25519MLKEM768.0.to_be_bytes())),
            Fault::UnofferedGroup,
        ),
        // The group and the key are signed.
        (
            body(ske, |body| body[1..3].copy_from_slice(&NamedGroup::SECP256R1.0.to_be_bytes())),
            Fault::BadSignature,
        ),
        (body(ske, |body| body[20] ^= 1), Fault::BadSignature),
        (body(ske, |body| *body.last_mut().unwrap() ^= 1), Fault::BadSignature),
        (scheme(SignatureScheme::ECDSA_SHA1), Fault::UnofferedScheme),
        (scheme(SignatureScheme(0)), Fault::UnofferedScheme),
        (scheme(SignatureScheme::ED25519), Fault::SchemeDoesNotFitKey),
        (scheme(SignatureScheme::RSA_PSS_RSAE_SHA256), Fault::SchemeDoesNotFitKey),
        (scheme(SignatureScheme::ECDSA_SECP384R1_SHA384), Fault::BadSignature),
        (body(ske, |body| body.push(0)), Fault::TrailingBytes),
        (body(ske, |body| body.truncate(body.len() - 1)), Fault::Truncated),
        (body(request, |body| drop(body.splice(..3, [0]))), Fault::BadLength),
        (body(request, |body| body.push(0)), Fault::TrailingBytes),
        (body(HandshakeType::SERVER_HELLO_DONE, |body| body.push(0)), Fault::TrailingBytes),
        (body(HandshakeType::FINISHED, |body| body[0] ^= 1), Fault::BadFinished),
        (body(HandshakeType::FINISHED, |body| body[11] ^= 1), Fault::BadFinished),
        (body(HandshakeType::FINISHED, |body| body.push(0)), Fault::BadLength),
        (body(HandshakeType::FINISHED, |body| body.truncate(11)), Fault::BadLength),
        (body(HandshakeType::FINISHED, Vec::clear), Fault::BadLength),
    ] {
        assert_failed12(&mut server_says(alter), fault);
    }
    for (change, fault) in [
        (body(HandshakeType::CERTIFICATE_STATUS, |body| body[0] = 2), Fault::BadValue),
        (body(HandshakeType::CERTIFICATE_STATUS, |body| *body = vec![1, 0, 0, 0]), Fault::BadLength),
        (body(HandshakeType::CERTIFICATE_STATUS, |body| body.push(0)), Fault::TrailingBytes),
    ] {
        let (mut client, _) = server_says_in(&tls12_client(), &stapling12(), change);
        assert_failed12(&mut client, fault);
    }
}

#[test]
fn messages_of_the_client() {
    let cke = HandshakeType::CLIENT_KEY_EXCHANGE;
    for (alter, fault) in [
        (client_hello(|m| m.compression_methods = &[1]), Fault::NullCompressionMissing),
        (client_hello(|m| m.legacy_version = ProtocolVersion::SSL30), Fault::OldVersion),
        (body(cke, |body| *body = vec![0]), Fault::BadLength),
        (body(cke, Vec::clear), Fault::Truncated),
        (body(cke, |body| body.push(0)), Fault::TrailingBytes),
        (body(cke, |body| body[1..].fill(0)), Fault::BadKeyShare),
        (body(cke, |body| *body = vec![1, 0]), Fault::BadKeyShare),
        (body(cke, |body| *body = [&[33][..], &[9; 33]].concat()), Fault::BadKeyShare),
        (body(HandshakeType::FINISHED, |body| body[0] ^= 1), Fault::BadFinished),
        (body(HandshakeType::FINISHED, |body| body.push(0)), Fault::BadLength),
        (body(HandshakeType::FINISHED, |body| body.truncate(11)), Fault::BadLength),
        (body(HandshakeType::CERTIFICATE, |body| body.push(0)), Fault::TrailingBytes),
        (body(HandshakeType::CERTIFICATE_VERIFY, |body| body.truncate(body.len() - 1)), Fault::Truncated),
    ] {
        assert_failed12(&mut client_says(alter), fault);
    }
    // Another secret than the one that this client protects with.
    let another = body(cke, |body| body[1] ^= 1);
    let (mut server, _) = client_says_in(&tls12_client(), &tls12_server(), another);
    assert_failed12(&mut server, Fault::BadRecordMac);
}

/// What no honest server signs: a share that is none of its group.
#[test]
fn a_signed_key_that_is_no_key() {
    for (group, public) in [
        (NamedGroup::X25519, vec![0; 32]),
        (NamedGroup::X25519, vec![9; 31]),
        (NamedGroup::SECP256R1, vec![4; 65]),
        (NamedGroup::SECP256R1, vec![0]),
        (NamedGroup::SECP256R1, [&[2][..], &[7; 32]].concat()),
    ] {
        let mut client = Party::client(&tls12_client());
        let hello = client.take();
        let client_random = hello[11..43].to_vec();
        let mut server_random = Vec::new();
        let alter: Alter = Box::new(move |message| match HandshakeType(message[0]) {
            HandshakeType::SERVER_HELLO => {
                server_random = message[6..38].to_vec();
                vec![message]
            }
            HandshakeType::SERVER_KEY_EXCHANGE => {
                let mut params = Vec::new();
                ServerEcdhParams::encode(group, &public, &mut Writer::new(&mut params));
                let question = OwnedQuestion::Sign {
                    scheme: SCHEME,
                    message: [&client_random[..], &server_random, &params].concat(),
                    certificate: PKI.server.chain[0].clone(),
                };
                let Answer::Signature(signature) = PKI.server.sign(&question) else { panic!() };
                let length = u16::try_from(signature.len()).unwrap().to_be_bytes();
                let body = [&params[..], &SCHEME.0.to_be_bytes(), &length, &signature].concat();
                vec![framed(HandshakeType::SERVER_KEY_EXCHANGE, &body)]
            }
            _ => vec![message],
        });
        let mut server = Party::server_altered(&tls12_server(), alter.into());
        server.give(&hello);
        pump(&mut client, &mut server);
        assert_failed12(&mut client, Fault::BadKeyShare);
    }
}

/// Each extension that the ServerHello has, cut and lengthened.
#[test]
fn extensions_of_the_server_hello() {
    const HELLO: HandshakeType = HandshakeType::SERVER_HELLO;
    let client = tls12_client().alpn(&[b"h2"]).unwrap();
    let server = stapling12().alpn(&[b"h2"]).unwrap();
    let run = |alter| server_says_in(&client, &server, alter).0;
    let (alter, captured) = keep(1);
    run(alter);
    let mut present = Vec::new();
    with_extensions(&captured.lock().unwrap()[0], |all| present.clone_from(all));
    assert!(present.len() >= 6, "{present:?}");
    for (number, (kind, body)) in present.into_iter().enumerate() {
        for length in 0..body.len() {
            let mut client = run(extensions(HELLO, move |all| all[number].1.truncate(length)));
            let fault = client.fault();
            assert!(
                matches!(fault, Some(Fault::Truncated | Fault::BadLength | Fault::BadAlpnChoice)),
                "{} {length}: {:?}",
                ExtensionType(kind),
                client.error,
            );
            assert_eq!(alerts12(&mut client), [(2, AlertDescription::DECODE_ERROR.0)]);
        }
        let longer = extensions(HELLO, move |all| all[number].1.push(0));
        assert_failed12(&mut run(longer), Fault::TrailingBytes);
        let twice = extensions(HELLO, move |all| all.insert(0, all[number].clone()));
        assert_failed12(&mut run(twice), Fault::DuplicateExtension);
    }
    // With supported_versions and key_share it is a message of TLS 1.3, whose rules are tested there.
    let misplaced = |kind: &&ExtensionType| {
        kind.is_read() && !Place::ServerHello12.allows(**kind) && !Place::ServerHello13.allows(**kind)
    };
    for kind in ExtensionType::NAMED.iter().filter(misplaced) {
        let here = extensions(HELLO, move |all| all.insert(0, (kind.0, vec![])));
        assert_failed12(&mut run(here), Fault::MisplacedExtension);
    }
}
