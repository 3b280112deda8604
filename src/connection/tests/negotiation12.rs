//! What two sides of TLS 1.2 agree on, alone and beside TLS 1.3, and what they
//! say where they cannot.

use super::super::Close;
use super::alter::*;
use super::faults::{client_says_in, server_says_in, tls12_client, tls12_server};
use super::kit::*;
use super::kit12::*;
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::error::Error;
use crate::fault::Fault;
use crate::info::Trust;
use crate::question::{Answer, OwnedQuestion};
use crate::wire::*;

const ECDSA: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];
const RSA: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];
const TLS12: ProtocolVersion = ProtocolVersion::TLS12;
const TLS13: ProtocolVersion = ProtocolVersion::TLS13;

/// The ServerHello that a server sent.
fn server_hello_of<T>(server: &mut Party, look: impl FnOnce(ServerHello<'_>) -> T) -> T {
    let message = messages(&records12(server)[..1]).remove(0);
    match Message::decode(&message, Form::Tls12).unwrap().body {
        Body::ServerHello(hello) => look(hello),
        other => panic!("{}", other.name()),
    }
}

#[test]
fn each_suite_with_each_group_and_each_kind_of_key() {
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    for (suites, leaf, scheme) in [
        (ECDSA, &PKI.server, SignatureScheme::ECDSA_SECP256R1_SHA256),
        (ECDSA, &PKI.p384, SignatureScheme::ECDSA_SECP384R1_SHA384),
        (ECDSA, &PKI.ed25519, SignatureScheme::ED25519),
        (RSA, &PKI.rsa, SignatureScheme::RSA_PSS_RSAE_SHA256),
    ] {
        for (suite, group) in suites.into_iter().flat_map(|suite| groups.map(|group| (suite, group))) {
            for extended in [true, false] {
                let client = ClientConfig::new(trusting(), now).versions(&[TLS12]).unwrap();
                let client = client.suites(&[suite]).unwrap();
                let mut server = server12_with(leaf.identity()).groups(&[group]).unwrap();
                if !extended {
                    server = server.without_extended_master_secret();
                }
                let (mut client, mut server) = connect(&client, &server);
                for info in [client.c.info(), server.c.info()] {
                    assert_eq!(
                        (info.version, info.suite, info.group),
                        (Some(TLS12), Some(suite), Some(group))
                    );
                    assert_eq!(info.extended_master_secret, extended);
                }
                assert_eq!(client.c.info().peer_scheme, Some(scheme));
                assert_eq!(server.c.info().own_scheme, Some(scheme));
                deliver(&mut client, &mut server, &[1; 20_000]);
                deliver(&mut server, &mut client, &[2; 20_000]);
            }
        }
    }
}

/// The highest that both speak; 1.3 and 1.2 in one client and one server.
#[test]
fn a_client_that_puts_chacha_first_is_heeded() {
    let [aes128, aes256, chacha] = ECDSA;
    let chacha13 = CipherSuite::TLS_CHACHA20_POLY1305_SHA256;
    for (client, server, chosen) in [
        (&[chacha, aes128][..], &ECDSA[..], chacha),
        (&[chacha13, aes128, chacha], &ECDSA, chacha),
        (&[RSA[2], aes256, chacha], &ECDSA, chacha),
        (&[aes256, chacha, aes128], &ECDSA, aes128),
        (&ECDSA, &[aes256, aes128], aes256),
        (&[chacha, aes128], &[aes256, aes128], aes128),
    ] {
        let client = client_config().suites(client).unwrap();
        let server = server12_with(PKI.server.identity()).suites(server).unwrap();
        let (client, _) = connect(&client, &server);
        assert_eq!(client.c.info().suite, Some(chosen));
    }
}

#[test]
fn versions() {
    let sets: [&[ProtocolVersion]; 3] = [&[TLS13, TLS12], &[TLS13], &[TLS12]];
    for client in sets {
        for server in sets {
            let with_client = client_config().versions(client).unwrap();
            let with_server = server_config().versions(server).unwrap();
            let expected = [TLS13, TLS12].into_iter().find(|v| client.contains(v) && server.contains(v));
            let (mut client, mut server) = (Party::client(&with_client), Party::server(&with_server));
            pump(&mut client, &mut server);
            let Some(version) = expected else {
                assert!(matches!(server.error, Some(Error::NothingInCommon { what: "version", .. })));
                assert_eq!(server.alerts(), [(2, AlertDescription::PROTOCOL_VERSION.0)]);
                assert!(matches!(client.error, Some(Error::AlertReceived { .. })));
                continue;
            };
            let (mut client, mut server) = connected(client, server);
            for info in [client.c.info(), server.c.info()] {
                assert_eq!(info.version, Some(version));
            }
            deliver(&mut client, &mut server, b"up");
            deliver(&mut server, &mut client, b"down");
        }
    }
    // A client without supported_versions speaks of the highest that it has.
    for legacy in [TLS12, TLS13, ProtocolVersion(0x0399)] {
        let old = client_hello(move |m| {
            m.extensions.supported_versions = None;
            m.legacy_version = legacy;
        });
        let (server, _) = client_says_in(&tls12_client(), &server_config(), old);
        assert_eq!(server.c.info().version, Some(TLS12));
    }
    for legacy in [ProtocolVersion::TLS11, ProtocolVersion::TLS10] {
        let old = client_hello(move |m| {
            m.extensions.supported_versions = None;
            m.legacy_version = legacy;
        });
        let (mut server, _) = client_says_in(&tls12_client(), &server_config(), old);
        assert!(matches!(server.error, Some(Error::NothingInCommon { .. })), "{:?}", server.error);
        assert_eq!(alerts12(&mut server), [(2, AlertDescription::PROTOCOL_VERSION.0)]);
    }
    // Suites of one version are none for the other.
    let crossed = server_hello(|m| m.cipher_suite = CipherSuite::TLS_AES_128_GCM_SHA256);
    let (mut client, _) = server_says_in(&client_config(), &tls12_server(), crossed);
    assert_failed12(&mut client, Fault::UnofferedSuite);
    let crossed = server_hello(|m| m.cipher_suite = ECDSA[0]);
    let (mut client, _) = server_says_in(&client_config(), &server_config(), crossed);
    client.assert_failed(Fault::UnofferedSuite);
}

#[test]
fn the_sentinel_of_a_downgrade() {
    let sentinel =
        |server: &mut Party| server_hello_of(server, |hello| hello.random.ends_with(&DOWNGRADE_TLS12));
    // A server that speaks TLS 1.3 tells every client; one that does not understands it as random.
    let (_, mut server) = connect(&tls12_client(), &server_config());
    assert!(sentinel(&mut server));
    let (client, mut server) = connect(&client_config(), &tls12_server());
    assert!(!sentinel(&mut server));
    assert_eq!(client.c.info().version, Some(TLS12));
    // Who takes TLS 1.3 out of the offer is seen by the client, before it answers anything.
    let cut = client_hello(|m| m.extensions.supported_versions = Some(List::values(&[TLS12])));
    let (_, mut client) = client_says_in(&client_config(), &server_config(), cut);
    assert_failed12(&mut client, Fault::Downgrade);
}

/// RFC 7507 section 3.
#[test]
fn a_fallback_says_so() {
    let falls_back = || {
        client_hello(|m| {
            let mut suites: Vec<_> = m.cipher_suites.iter().collect();
            suites.push(CipherSuite::TLS_FALLBACK_SCSV);
            m.cipher_suites = List::values(Vec::leak(suites));
        })
    };
    let (mut server, client) = client_says_in(&tls12_client(), &server_config(), falls_back());
    assert_failed12(&mut server, Fault::InappropriateFallback);
    assert!(matches!(client.error, Some(Error::AlertReceived { description, .. }) if description.0 == 86));
    // The server has nothing better; the client has offered the best.
    let (server, client) = client_says_in(&tls12_client(), &tls12_server(), falls_back());
    assert!(server.is_done() && client.is_done(), "{:?} {:?}", server.error, client.error);
    let (server, client) = client_says_in(&client_config(), &server_config(), falls_back());
    assert!(server.is_done() && client.is_done(), "{:?} {:?}", server.error, client.error);
}

#[test]
fn a_session_id_is_no_session() {
    // The id of a client of both versions is not echoed: that would resume something.
    let (_, mut server) = connect(&client_config(), &tls12_server());
    assert!(server_hello_of(&mut server, |hello| hello.session_id.is_empty()));
    let mut client = Party::client(&client_config());
    let hello = client.take();
    let id: &'static [u8] = Vec::leak(hello[44..76].to_vec());
    let mut server = Party::server_altered(&tls12_server(), server_hello(move |m| m.session_id = id));
    server.give(&hello);
    pump(&mut client, &mut server);
    assert_failed12(&mut client, Fault::SessionIdEchoed);
    // A server may give an id of its own; a client without one has none to be echoed.
    for client in [client_config(), tls12_client()] {
        let gives = server_hello(|m| m.session_id = &[9; 32]);
        let (client, server) = server_says_in(&client, &tls12_server(), gives);
        assert!(client.is_done() && server.is_done(), "{:?} {:?}", client.error, server.error);
    }
}

/// RFC 5746: this crate never renegotiates, and says in each handshake that it could not.
#[test]
fn renegotiation_info() {
    let (mut client, mut server) = connect(&tls12_client(), &tls12_server());
    let hello = messages(&records12(&mut client)).remove(0);
    let Body::ClientHello(hello) = Message::decode(&hello, Form::Tls12).unwrap().body else { panic!() };
    assert!(
        hello.extensions.renegotiation_info == Some(&[][..])
            || hello.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV)
    );
    let says = |server: &mut Party| {
        server_hello_of(server, |hello| hello.extensions.renegotiation_info == Some(&[]))
    };
    assert!(says(&mut server));
    // By the suite value alone, and not at all.
    let scsv = client_hello(|m| {
        m.extensions.renegotiation_info = None;
        m.cipher_suites = List::values(&[ECDSA[0], CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV]);
    });
    assert!(says(&mut client_says_in(&tls12_client(), &tls12_server(), scsv).0));
    let neither = client_hello(|m| {
        m.extensions.renegotiation_info = None;
        m.cipher_suites = List::values(&ECDSA);
    });
    let (mut server, client) = client_says_in(&tls12_client(), &tls12_server(), neither);
    assert!(server.is_done() && client.is_done(), "{:?} {:?}", server.error, client.error);
    assert!(server_hello_of(&mut server, |hello| hello.extensions.renegotiation_info.is_none()));
    // That of another handshake, on either side.
    for info in [&[1][..], &[0; 12], &[0; 24]] {
        let of_server = server_hello(move |m| m.extensions.renegotiation_info = Some(info));
        let (mut client, _) = server_says_in(&tls12_client(), &tls12_server(), of_server);
        assert_failed12(&mut client, Fault::BadRenegotiationInfo);
        let of_client = client_hello(move |m| m.extensions.renegotiation_info = Some(info));
        let (mut server, _) = client_says_in(&tls12_client(), &tls12_server(), of_client);
        assert_failed12(&mut server, Fault::BadRenegotiationInfo);
    }
}

/// RFC 7627: offered by default; where one side does without, nothing is exported.
#[test]
fn extended_master_secret() {
    let with = [true, false];
    for (client_has, server_has) in with.into_iter().flat_map(|one| with.map(|other| (one, other))) {
        let (mut client, mut server) = (tls12_client(), tls12_server());
        if !client_has {
            client = client.without_extended_master_secret();
        }
        if !server_has {
            server = server.without_extended_master_secret();
        }
        let (mut client, mut server) = connect(&client, &server);
        let both = client_has && server_has;
        for party in [&client, &server] {
            assert_eq!(party.c.info().extended_master_secret, both);
        }
        assert_eq!(client.heard.secret("master_secret"), server.heard.secret("master_secret"));
        let export = |party: &Party, context: Option<&[u8]>| {
            let mut out = [0; 50];
            party.c.export("EXPERIMENTAL x", context, &mut out).map(|()| out)
        };
        for context in [None, Some(&b""[..]), Some(b"c")] {
            match (export(&client, context), export(&server, context)) {
                (Ok(one), Ok(other)) => assert!(both && one == other && one != [0; 50]),
                (Err(Error::Misuse(one)), Err(Error::Misuse(other))) => {
                    assert!(!both && one == other && one.contains("extended_master_secret"), "{one}");
                }
                other => panic!("{other:?}"),
            }
        }
        if both {
            // RFC 5705 section 4: no context is not the empty one.
            assert_ne!(export(&client, None).unwrap(), export(&client, Some(b"")).unwrap());
        }
        deliver(&mut client, &mut server, b"up");
    }
    // Who was not asked for it may not answer with it.
    let unasked = server_hello(|m| m.extensions.extended_master_secret = true);
    let without = tls12_client().without_extended_master_secret();
    let (mut client, _) = server_says_in(&without, &tls12_server(), unasked);
    assert_failed12(&mut client, Fault::UnofferedExtension);
    // Who says only one thing of the two has other keys.
    let hides = server_hello(|m| m.extensions.extended_master_secret = false);
    let (client, mut server) = server_says_in(&tls12_client(), &tls12_server(), hides);
    assert_failed12(&mut server, Fault::BadRecordMac);
    assert!(!client.is_done());
}

#[test]
fn client_certificates() {
    let none = ClientAuth::None;
    let request = || ClientAuth::Request(trusting().into());
    let require = || ClientAuth::Require(trusting().into());
    let server = |auth: ClientAuth| tls12_server().client_auth(auth);
    let with = client12_with_certificate;
    for (client, auth, trust) in [
        (tls12_client(), none.clone(), Trust::Anonymous),
        (with(), none, Trust::Anonymous),
        (tls12_client(), request(), Trust::Anonymous),
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
    let failed = |client: &ClientConfig, auth, alter| client_says_in(client, &server(auth), alter);
    assert_failed12(&mut failed(&tls12_client(), require(), None).0, Fault::CertificateRequired12);
    let (mut refused, _) = failed(&with(), ClientAuth::Request(distrusting().into()), None);
    assert!(matches!(refused.error, Some(Error::CertificateRefused(_))));
    assert_eq!(alerts12(&mut refused), [(2, AlertDescription::UNKNOWN_CA.0)]);
    // A certificate without its proof, with a bad one, and with one of a scheme that is not its key's.
    let (verify, certificate) = (HandshakeType::CERTIFICATE_VERIFY, HandshakeType::CERTIFICATE);
    for (alter, fault) in [
        (each(verify, |_| vec![]), Fault::BadChangeCipherSpec),
        (each(verify, |message| vec![message.clone(), message]), Fault::UnexpectedMessage),
        (body(verify, |body| *body.last_mut().unwrap() ^= 1), Fault::BadSignature),
        (body(verify, |body| body[..2].copy_from_slice(&[2, 3])), Fault::UnofferedScheme),
        (body(verify, |body| body[..2].copy_from_slice(&[8, 7])), Fault::SchemeDoesNotFitKey),
        (each(certificate, |_| vec![]), Fault::UnexpectedMessage),
    ] {
        assert_failed12(&mut failed(&with(), require(), alter).0, fault);
    }
    // No certificate, and yet a CertificateVerify.
    let emptied = body(certificate, |body| *body = vec![0, 0, 0]);
    assert_failed12(&mut failed(&with(), request(), emptied).0, Fault::UnexpectedMessage);
    // A certificate that nobody requested.
    let unasked = each(HandshakeType::CLIENT_KEY_EXCHANGE, |message| {
        vec![framed(HandshakeType::CERTIFICATE, &[0, 0, 0]), message]
    });
    assert_failed12(&mut failed(&tls12_client(), ClientAuth::None, unasked).0, Fault::UnexpectedMessage);
}

/// What the server staples reaches whoever judges it, in both versions, where
/// the client asks for it.
#[test]
fn a_staple_reaches_the_judge() {
    for version in [TLS12, TLS13] {
        let server = server_config_with(PKI.server.identity().with_ocsp(STAPLE.to_vec()));
        let server = server.versions(&[version]).unwrap();
        let asked = |client: &mut Party| match client.asked() {
            OwnedQuestion::Verify { ocsp, .. } => ocsp.clone(),
            other => panic!("{other:?}"),
        };
        let any = || ClientConfig::new(Judge::Application, now);
        let run_as = |client: ClientConfig, server: &ServerConfig, up, down| {
            let (mut client, mut server) =
                (Party::client_altered(&client, up), Party::server_altered(server, down));
            pump(&mut client, &mut server);
            (client, server)
        };
        let run = |server: &ServerConfig, up, down| run_as(any(), server, up, down);
        let (mut client, mut server_) = run(&server, None, None);
        assert_eq!(asked(&mut client), STAPLE, "{version}");
        client.answer(Answer::Accept);
        pump(&mut client, &mut server_);
        assert!(client.is_done() && server_.is_done(), "{:?} {:?}", client.error, server_.error);
        // A client that does not ask gets none.
        let (mut client, _) = run_as(any().without_stapling(), &server, None, None);
        assert!(asked(&mut client).is_empty());
        // A server that has none sends none.
        let (mut client, _) = run(&server_config().versions(&[version]).unwrap(), None, None);
        assert_eq!(asked(&mut client), b"");
        // A client that does not ask for one gets none.
        let unasked = remove(HandshakeType::CLIENT_HELLO, ExtensionType::STATUS_REQUEST);
        let (mut client, _) = run(&server, unasked, None);
        assert_eq!(asked(&mut client), b"");
        // It may be announced in TLS 1.2, and not come.
        if version == TLS12 {
            let (mut client, _) = run(&server, None, each(HandshakeType::CERTIFICATE_STATUS, |_| vec![]));
            assert_eq!(asked(&mut client), b"");
        }
    }
    // Not announced, it may not come.
    let unannounced = server_hello(|m| m.extensions.status_request = false);
    let (mut client, _) = server_says_in(&tls12_client(), &stapling12(), unannounced);
    assert_failed12(&mut client, Fault::UnexpectedMessage);
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
        let with_client = tls12_client().alpn(&bytes(&client)).unwrap();
        let with_server = tls12_server().alpn(&bytes(&server)).unwrap();
        let (client, server) = connect(&with_client, &with_server);
        for side in [&client, &server] {
            assert_eq!(side.c.info().alpn.as_deref(), chosen.map(str::as_bytes));
        }
    }
    let h2 = tls12_client().alpn(&[b"h2"]).unwrap();
    let (mut server, _) = client_says_in(&h2, &tls12_server().alpn(&[b"http/1.1"]).unwrap(), None);
    assert_failed12(&mut server, Fault::NoApplicationProtocol);
    let another = server_hello(|m| m.extensions.alpn = Some(ProtocolName(b"h3")));
    assert_failed12(&mut server_says_in(&h2, &tls12_server(), another).0, Fault::UnofferedAlpn);
    let unasked = server_hello(|m| m.extensions.alpn = Some(ProtocolName(b"h2")));
    assert_failed12(
        &mut server_says_in(&tls12_client(), &tls12_server(), unasked).0,
        Fault::UnofferedExtension,
    );
}

#[test]
fn close_notify_is_the_end_of_one_direction() {
    let (mut client, mut server) = connect(&tls12_client(), &tls12_server());
    assert_eq!(client.c.send(b"last words").unwrap(), 10);
    client.c.close();
    let bytes = client.take();
    server.give(&bytes);
    assert_eq!((server.data(), server.closed()), (b"last words".to_vec(), Some(Close::Clean)));
    assert_eq!(client.c.send(b"more").unwrap(), 0);
    // The other direction is open.
    deliver(&mut server, &mut client, &[7; 50_000]);
    server.c.close();
    let bytes = server.take();
    client.give(&bytes);
    client.give_end();
    assert_eq!(client.closed(), Some(Close::Clean));
    assert_eq!([alerts12(&mut client), alerts12(&mut server)], [[(1, 0)], [(1, 0)]]);
    // There is no other key to go to.
    let (mut client, _) = connect(&tls12_client(), &tls12_server());
    assert!(matches!(client.c.update_keys(true), Err(Error::Misuse(_))));
    assert!(client.take().is_empty());
}
