//! What two sides agree on, and what they say where they cannot.

use super::alter::*;
use super::faults::{client_says, client_says_in, server_says, tls12_client};
use super::kit::*;
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, ClientConfig, ClientOptions, Judge, ServerConfig};
use crate::crypto::source::Entropy;
use crate::error::Error;
use crate::fault::Fault;
use crate::info::Trust;
use crate::question::Answer;
use crate::record::Alter;
use crate::wire::*;

const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];
const GROUPS: &[NamedGroup] = crate::crypto::suite::GROUPS;

#[test]
fn each_suite_with_each_group_and_each_kind_of_key() {
    for suite in SUITES {
        for group in GROUPS {
            for (leaf, scheme) in [
                (&PKI.server, SignatureScheme::ECDSA_SECP256R1_SHA256),
                (&PKI.p384, SignatureScheme::ECDSA_SECP384R1_SHA384),
                (&PKI.ed25519, SignatureScheme::ED25519),
                (&PKI.rsa, SignatureScheme::RSA_PSS_RSAE_SHA256),
            ] {
                let client =
                    ClientConfig::new(trusting(), now).suites(&[suite]).unwrap().groups(&[*group]).unwrap();
                let (mut client, mut server) = connect(&client, &server_config_with(leaf.identity()));
                for (side, other) in [(&client, &server), (&server, &client)] {
                    let info = side.c.info();
                    assert_eq!((info.suite, info.group), (Some(suite), Some(*group)));
                    assert_eq!(info.version, Some(ProtocolVersion::TLS13));
                    assert_eq!(info.own_scheme, other.c.info().peer_scheme);
                }
                assert_eq!(client.c.info().peer_scheme, Some(scheme));
                deliver(&mut client, &mut server, b"up");
                deliver(&mut server, &mut client, b"down");
            }
        }
    }
}

#[test]
#[cfg(feature = "post-quantum")]
fn by_default_the_key_exchange_is_hybrid() {
    let (mut client, server) = connect(&ClientConfig::new(trusting(), now), &server_config());
    assert_eq!(client.c.info().group, Some(NamedGroup::X25519MLKEM768));
    assert_eq!(server.c.info().group, Some(NamedGroup::X25519MLKEM768));
    assert_eq!(client.c.info().suite, Some(CipherSuite::TLS_AES_128_GCM_SHA256));
    // Both shares go out together, with one X25519 key between them.
    let hello = messages(&client.records()).remove(0);
    let Body::ClientHello(hello) = Message::decode(&hello, Form::Tls13).unwrap().body else { panic!() };
    let shares: Vec<_> = hello.extensions.key_share.unwrap().iter().collect();
    assert_eq!([shares[0].group, shares[1].group], [NamedGroup::X25519MLKEM768, NamedGroup::X25519]);
    assert_eq!(shares[0].key_exchange[1184..], *shares[1].key_exchange);
    // A server without the hybrid takes the other, without a round trip more.
    let plain = server_config().groups(&[NamedGroup::X25519]).unwrap();
    let (client, _) = connect(&ClientConfig::new(trusting(), now), &plain);
    assert_eq!((client.c.info().group, client.c.info().retried), (Some(NamedGroup::X25519), false));
}

#[test]
fn a_client_that_puts_chacha_first_is_heeded() {
    let [aes128, aes256, chacha] = SUITES;
    for (client, server, chosen) in [
        (vec![chacha, aes128], SUITES.to_vec(), chacha),
        (vec![aes256, chacha, aes128], SUITES.to_vec(), aes128),
        (SUITES.to_vec(), vec![aes256, aes128], aes256),
        (vec![chacha, aes128], vec![aes256, aes128], aes128),
    ] {
        let client = client_config().suites(&client).unwrap();
        let (client, server) = connect(&client, &server_config().suites(&server).unwrap());
        assert_eq!(client.c.info().suite, Some(chosen));
        assert!(server.c.info().reasons.suite.is_some() && client.c.info().reasons.suite.is_none());
    }
}

/// The error says what each side has, and the peer hears the alert.
fn nothing_in_common(
    client: &ClientConfig,
    server: &ServerConfig,
    alter: Option<Alter>,
    alert: AlertDescription,
) -> String {
    let (mut server, client) = client_says_in(client, server, alter);
    assert!(matches!(server.error, Some(Error::NothingInCommon { .. })), "{:?}", server.error);
    assert_eq!(server.alerts(), [(2, alert.0)]);
    match client.error {
        Some(Error::AlertReceived { description, state: "WaitSh" }) => assert_eq!(description, alert),
        other => panic!("{other:?}"),
    }
    server.error.unwrap().to_string()
}

#[test]
fn nothing_in_common_names_both_offers() {
    let [aes128, aes256, chacha] = SUITES;
    let failure = AlertDescription::HANDSHAKE_FAILURE;
    let with = |suites: &[CipherSuite]| server_config().suites(suites).unwrap();
    let said = nothing_in_common(
        &client_config().suites(&[aes128]).unwrap(),
        &with(&[aes256, chacha]),
        None,
        failure,
    );
    assert_eq!(
        said,
        "no cipher suite in common: the peer offers TLS_AES_128_GCM_SHA256; \
         this side takes TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256",
    );
    let p384 = server_config().groups(&[NamedGroup::SECP384R1]).unwrap();
    let said = nothing_in_common(&client_config(), &p384, None, failure);
    assert_eq!(said, "no group in common: the peer offers x25519, secp256r1; this side takes secp384r1");
    let only = client_hello(|m| {
        m.extensions.signature_algorithms = Some(List::values(&[SignatureScheme(0x0a0a), SCHEME]))
    });
    let said =
        nothing_in_common(&client_config(), &server_config_with(PKI.ed25519.identity()), only, failure);
    assert_eq!(
        said,
        "no signature scheme in common: the peer offers GREASE 0x0a0a, ecdsa_secp256r1_sha256; this side takes ed25519",
    );
    let tls13 = server_config().versions(&[ProtocolVersion::TLS13]).unwrap();
    let said = nothing_in_common(&tls12_client(), &tls13, None, AlertDescription::PROTOCOL_VERSION);
    assert_eq!(said, "no version in common: the peer offers TLS 1.2; this side takes TLS 1.3");
}

#[test]
fn the_name_chooses_the_certificate() {
    let with =
        |first: &Leaf, second: &Leaf| server_config_with(first.identity()).add_identity(second.identity());
    let shown = |config: &ServerConfig, alter| {
        let client = Party::client_altered(&client_config(), alter);
        let (client, server) = connected(client, Party::server(config));
        assert!(server.c.info().reasons.certificate.is_some());
        assert_eq!(server.c.info().server_name.as_deref(), client.c.info().server_name.as_deref());
        client.c.info().peer_chain.as_ref().unwrap()[0].clone()
    };
    assert_eq!(shown(&with(&PKI.other, &PKI.server), None), PKI.server.chain[0]);
    assert_eq!(shown(&with(&PKI.server, &PKI.other), None), PKI.server.chain[0]);
    // Among those that name the host, the one whose key the client can verify.
    let only = |scheme: &'static [SignatureScheme]| {
        client_hello(move |m| m.extensions.signature_algorithms = Some(List::values(scheme)))
    };
    let p384 = only(&[SignatureScheme::ED25519, SignatureScheme::ECDSA_SECP384R1_SHA384]);
    assert_eq!(shown(&with(&PKI.server, &PKI.p384), p384), PKI.p384.chain[0]);
    assert_eq!(shown(&with(&PKI.ed25519, &PKI.server), only(&[SCHEME])), PKI.server.chain[0]);
    // Where none names the host it is the first, and the client says what it thinks of it.
    let (mut client, server) = server_says_to(&client_config(), &server_config_with(PKI.other.identity()));
    assert!(matches!(client.error, Some(Error::CertificateRefused(_))), "{:?}", client.error);
    let alert = client.error.as_ref().unwrap().alert().unwrap();
    assert_eq!(client.alerts(), [(2, alert.0)]);
    assert!(matches!(server.error, Some(Error::AlertReceived { description, .. }) if description == alert));
}

fn server_says_to(client: &ClientConfig, server: &ServerConfig) -> (Party, Party) {
    let (mut client, mut server) = (Party::client(client), Party::server(server));
    pump(&mut client, &mut server);
    (client, server)
}

#[test]
fn a_hidden_name_is_not_sent_and_yet_verified() {
    let options = ClientOptions { hide_server_name: true, ..ClientOptions::default() };
    let client = || Party::client_made(&client_config(), options.clone(), Entropy::system(), None);
    let (mut client_done, server) = connected(client(), Party::server(&server_config()));
    assert_eq!(server.c.info().server_name, None);
    assert!(!client_done.records()[0].content.windows(HOST.len()).any(|bytes| bytes == HOST.as_bytes()));
    let mut refusing = client();
    pump(&mut refusing, &mut Party::server(&server_config_with(PKI.other.identity())));
    assert!(matches!(refusing.error, Some(Error::CertificateRefused(_))));
}

#[test]
fn application_protocols() {
    for (client, server, chosen) in [
        (vec!["h2", "http/1.1"], vec!["http/1.1", "h2"], Some("http/1.1")),
        (vec!["h2", "http/1.1"], vec!["h3", "h2"], Some("h2")),
        (vec!["h2"], vec![], None),
        (vec![], vec!["h2"], None),
    ] {
        let bytes = |names: &[&'static str]| names.iter().map(|name| name.as_bytes()).collect::<Vec<_>>();
        let (mut with_client, mut with_server) = (client_config(), server_config());
        if !client.is_empty() {
            with_client = with_client.alpn(&bytes(&client)).unwrap();
        }
        if !server.is_empty() {
            with_server = with_server.alpn(&bytes(&server)).unwrap();
        }
        let (client, server) = connect(&with_client, &with_server);
        for side in [&client, &server] {
            assert_eq!(side.c.info().alpn.as_deref(), chosen.map(str::as_bytes));
        }
    }
}

#[test]
fn client_certificates() {
    let none = ClientAuth::None;
    let request = || ClientAuth::Request(trusting().into());
    let require = || ClientAuth::Require(trusting().into());
    let server = |auth: ClientAuth| server_config().client_auth(auth);
    let with = || client_config().identity(PKI.client.identity());
    for (client, auth, trust) in [
        (client_config(), none.clone(), Trust::Anonymous),
        (with(), none, Trust::Anonymous),
        (client_config(), request(), Trust::Anonymous),
        (with(), request(), Trust::Policy),
        (with(), require(), Trust::Policy),
    ] {
        let (mut client, mut server) = connect(&client, &server(auth));
        assert_eq!(server.c.info().trust, trust);
        let chain = server.c.info().peer_chain.as_ref().map(|chain| chain.to_vec());
        assert_eq!(chain, (trust == Trust::Policy).then(|| PKI.client.chain.clone()));
        assert_eq!(client.c.info().own_scheme, server.c.info().peer_scheme);
        deliver(&mut client, &mut server, b"up");
    }
    // Without a certificate, and with one that is not trusted.
    let (mut failed, client) = client_says_in(&client_config(), &server(require()), None);
    failed.assert_failed(Fault::CertificateRequired);
    assert!(client.is_done(), "a client learns it afterwards");
    assert!(matches!(client.error, Some(Error::AlertReceived { state: "Connected", .. })));
    let distrusts = ClientAuth::Request(distrusting().into());
    let (mut failed, _) = client_says_in(&with(), &server(distrusts), None);
    assert!(matches!(failed.error, Some(Error::CertificateRefused(_))));
    assert_eq!(failed.alerts(), [(2, AlertDescription::UNKNOWN_CA.0)]);
    // The application judges.
    let judged = server(ClientAuth::Require(Judge::Application));
    let (_, accepted) =
        connected(Party::client(&with()), Party::server(&judged).answering(|_| Some(Answer::Accept)));
    assert_eq!(accepted.c.info().trust, Trust::Application);
    // A key that the server could not verify is not shown.
    let only = certificate_request(|m| {
        m.extensions.signature_algorithms = Some(List::values(&[SignatureScheme::ED25519]))
    });
    let (silent, asked) = connected(Party::client(&with()), Party::server_altered(&server(request()), only));
    assert_eq!((silent.c.info().own_scheme, asked.c.info().peer_chain.is_none()), (None, true));
    // A server must have the key, too, and so must a client.
    let broken = body(HandshakeType::CERTIFICATE_VERIFY, |body| *body.last_mut().unwrap() ^= 1);
    client_says_in(&with(), &server(require()), broken).0.assert_failed(Fault::BadSignature);
    // A client's certificate without its proof (RFC 9846 section 4.5.2).
    let unproven = each(HandshakeType::CERTIFICATE_VERIFY, |_| vec![]);
    client_says_in(&with(), &server(require()), unproven).0.assert_failed(Fault::UnexpectedMessage);
    let context = certificate(|m| m.context = &[1]);
    client_says_in(&with(), &server(require()), context).0.assert_failed(Fault::NonEmptyContext);
}

/// One side's signature says nothing for the other (RFC 9846 section 4.5.2).
#[test]
fn a_signature_is_not_turned_around() {
    let (alter, captured) = keep(usize::MAX);
    let server = Party::server_altered(&requesting(), alter);
    let server_verify = {
        connected(Party::client(&client_config()), server);
        let captured = captured.lock().unwrap();
        captured.iter().find(|m| m[0] == HandshakeType::CERTIFICATE_VERIFY.0).unwrap().clone()
    };
    let replayed = each(HandshakeType::CERTIFICATE_VERIFY, move |_| vec![server_verify.clone()]);
    let client = client_config().identity(PKI.server.identity());
    client_says_in(&client, &requesting(), replayed).0.assert_failed(Fault::BadSignature);
}

#[test]
fn the_session_id_is_echoed_for_middleboxes() {
    let (mut client, mut server) = connect(&client_config(), &server_config());
    let hello = messages(&client.records()).remove(0);
    let answer = messages(&server.records()).remove(0);
    assert_eq!((hello[38], &hello[39..71]), (32, &answer[39..71]));
    assert_eq!(answer[38], 32);
    assert!(server.records().iter().any(|record| record.kind == CHANGE_CIPHER_SPEC));
    // A client without one sees no ChangeCipherSpec (RFC 9846 appendix E.4).
    let (mut server, _) = client_says(client_hello(|m| m.session_id = &[]));
    assert_eq!(messages(&server.records())[0][38], 0);
    assert!(!server.records().iter().any(|record| record.kind == CHANGE_CIPHER_SPEC));
}

#[test]
fn signs_of_a_downgrade() {
    // A server that could do better says so (RFC 9846 section 4.2.3).
    let (mut server, _) = client_says_in(&tls12_client(), &server_config(), None);
    let hello = messages(&server.records()[..1]).remove(0);
    assert_eq!(hello[30..38], DOWNGRADE_TLS12);
    let tls12 = server_config().versions(&[ProtocolVersion::TLS12]).unwrap();
    let (mut server, _) = client_says_in(&tls12_client(), &tls12, None);
    assert_ne!(messages(&server.records()[..1])[0][30..38], DOWNGRADE_TLS12);
    // Somebody takes TLS 1.3 out of the ClientHello: the client sees it.
    let cut = client_hello(|m| m.extensions.supported_versions = None);
    let (_, mut client) = client_says_in(&client_config(), &server_config(), cut);
    client.assert_failed(Fault::Downgrade);
    for random in [b"twenty-four random bytesDOWNGRD\x01", b"twenty-four random bytesDOWNGRD\x00"] {
        let (mut client, _) = server_says(server_hello(move |m| {
            m.extensions = ServerExtensions::default();
            m.random = random;
        }));
        client.assert_failed(Fault::Downgrade);
    }
}

/// SSL 3.0 is not to be mentioned (RFC 9846 appendix E.5).
#[test]
fn ssl_3_is_refused_whatever_else_is_offered() {
    for version in [ProtocolVersion::SSL30, ProtocolVersion(0x0200)] {
        client_says(client_hello(move |m| m.legacy_version = version)).0.assert_failed(Fault::OldVersion);
        server_says(server_hello(move |m| m.legacy_version = version)).0.assert_failed(Fault::OldVersion);
    }
    // Others are beside the point where supported_versions speaks (RFC 9846 section 4.3.1).
    let (server, client) = client_says(client_hello(|m| m.legacy_version = ProtocolVersion(0x0505)));
    assert!(server.is_done() && client.is_done());
}

#[test]
fn exported_keys_are_the_same_on_both_sides() {
    let (client, server) = connect(&client_config(), &server_config());
    let export = |side: &Party, label: &str, context: Option<&[u8]>| {
        let mut out = [0; 77];
        side.c.export(label, context, &mut out).unwrap();
        out
    };
    let mut seen = vec![[0; 77]];
    for (label, context) in
        [("EXPERIMENTAL a", None), ("EXPERIMENTAL b", None), ("EXPERIMENTAL a", Some(&b"c"[..]))]
    {
        let of_client = export(&client, label, context);
        assert_eq!(of_client, export(&server, label, context));
        assert!(!seen.contains(&of_client));
        seen.push(of_client);
    }
    // RFC 9846 section 7.5: no context is the empty one.
    assert_eq!(export(&client, "EXPERIMENTAL a", Some(b"")), seen[1]);
    let (another, _) = connect(&client_config(), &server_config());
    assert_ne!(export(&another, "EXPERIMENTAL a", None), seen[1]);
    let unfinished = Party::client(&client_config());
    assert!(matches!(unfinished.c.export("EXPERIMENTAL a", None, &mut [0; 8]), Err(Error::Misuse(_))));
}

#[test]
fn a_seed_tells_the_hello() {
    let hello = |seed| {
        let mut client =
            Party::client_made(&client_config(), ClientOptions::default(), Entropy::seeded(seed), None);
        client.take()
    };
    assert_eq!(hello(1), hello(1));
    assert_ne!(hello(1), hello(2));
}

#[test]
fn who_speaks_no_tls_is_told_so() {
    let mut server = Party::server(&server_config());
    server.give(b"GET / HTTP/1.1\r\nHost: server.example\r\n\r\n");
    let said = server.error.as_ref().unwrap().to_string();
    assert!(said.contains("GET / HTTP/1.1") && said.contains("HTTP"), "{said}");
    assert_eq!(server.alerts(), [(2, AlertDescription::PROTOCOL_VERSION.0)]);
    let mut client = Party::client(&client_config());
    client.give(b"220 mail.example ESMTP\r\n");
    assert!(
        matches!(&client.error, Some(Error::NotTls { looks_like: Some(what), .. }) if what.contains("SMTP"))
    );
}
