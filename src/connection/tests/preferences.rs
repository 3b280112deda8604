//! What a configuration asks for beside suites and groups: signature schemes,
//! certificates to choose from, authorities, sizes of records. In both versions.

use super::alter::*;
use super::kit::*;
use super::kit12::records12;
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::{ConfigError, Identity};
use crate::limits;
use crate::pki::PrivateKeyDer;
use crate::question::Answer;
use crate::wire::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::sync::Arc;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
const P256: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
const ED25519: SignatureScheme = SignatureScheme::ED25519;
const PSS: [SignatureScheme; 3] = [
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
];
const PKCS1: [SignatureScheme; 2] = [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PKCS1_SHA512];

fn client(version: ProtocolVersion) -> ClientConfig {
    client_config().versions(&[version]).unwrap()
}

/// A server that requests certificates, and takes whatever it is shown.
fn asking(version: ProtocolVersion) -> ServerConfig {
    let config = server_config_with(PKI.server.identity()).versions(&[version]).unwrap();
    config.client_auth(ClientAuth::Request(Judge::Application))
}

/// Both sides after a handshake in which the application takes each client.
fn shaken(client: &ClientConfig, server: &ServerConfig) -> (Party, Party) {
    let mut server = Party::server(server).answering(|_| Some(Answer::Accept));
    let mut client = Party::client(client);
    pump(&mut client, &mut server);
    (client, server)
}

/// The scheme of the client's signature, and the leaf that the server saw.
fn shown(client: &ClientConfig, server: &ServerConfig) -> (Option<SignatureScheme>, Option<Vec<u8>>) {
    let (client, server) = shaken(client, server);
    assert!(client.is_done() && server.is_done(), "{:?}, {:?}", client.error, server.error);
    let info = server.c.info();
    assert_eq!(client.c.info().own_scheme, info.peer_scheme);
    (info.peer_scheme, info.peer_chain.as_ref().map(|chain| chain[0].to_vec()))
}

#[test]
fn the_peer_signs_with_what_is_verified_here() {
    let rsa = || server_config_with(PKI.rsa.identity());
    for version in VERSIONS {
        for scheme in PSS.into_iter().chain(PKCS1.into_iter().filter(|_| version == ProtocolVersion::TLS12)) {
            let only = client(version).signature_schemes(&[scheme]).unwrap();
            let (client, _) = connect(&only, &rsa());
            assert_eq!(client.c.info().peer_scheme, Some(scheme), "{version}");
            // And of a client's certificate.
            let asking = asking(version).signature_schemes(&[ED25519, scheme]).unwrap();
            let (scheme_shown, _) = shown(&self::client(version).identity(PKI.rsa.identity()), &asking);
            assert_eq!(scheme_shown, Some(scheme), "{version}");
        }
        // What is not verified is not shown: a server has nothing else, a client goes on.
        let (_, server) = shaken(&client(version).signature_schemes(&PSS).unwrap(), &server_config());
        let Some(Error::NothingInCommon { what: "signature scheme", .. }) = server.error else {
            panic!("{:?}", server.error)
        };
        let asking = asking(version).signature_schemes(&PSS).unwrap();
        assert_eq!(shown(&client(version).identity(PKI.client.identity()), &asking), (None, None));
        // TLS 1.3 does not sign with RSASSA-PKCS1-v1_5, whoever offers it.
        let (done, _) = shaken(&client(version).signature_schemes(&PKCS1).unwrap(), &rsa());
        assert_eq!(done.is_done(), version == ProtocolVersion::TLS12);
    }
}

/// A peer that signs with what this side does not verify broke the rule, even if
/// somebody told it otherwise.
#[test]
fn a_scheme_that_is_left_out_is_refused() {
    const TOLD: &[SignatureScheme] = &[P256];
    for version in VERSIONS {
        let told = client_hello(|m| m.extensions.signature_algorithms = Some(List::values(TOLD)));
        let left_out = client(version).signature_schemes(&[ED25519]).unwrap();
        let mut client = Party::client_altered(&left_out, told);
        pump(&mut client, &mut Party::server(&server_config()));
        assert_eq!(client.fault(), Some(Fault::UnofferedScheme), "{version}");

        let told = match version {
            ProtocolVersion::TLS12 => body(HandshakeType::CERTIFICATE_REQUEST, |body| {
                assert_eq!(body[3..7], [[0, 2], ED25519.0.to_be_bytes()].concat());
                body[5..7].copy_from_slice(&P256.0.to_be_bytes());
            }),
            _ => certificate_request(|m| m.extensions.signature_algorithms = Some(List::values(TOLD))),
        };
        let left_out = asking(version).signature_schemes(&[ED25519]).unwrap();
        let mut server = Party::server_altered(&left_out, told).answering(|_| Some(Answer::Accept));
        let mut client = Party::client(&self::client(version).identity(PKI.client.identity()));
        pump(&mut client, &mut server);
        assert_eq!(server.fault(), Some(Fault::UnofferedScheme), "{version}");
    }
}

#[test]
fn an_identity_signs_with_what_it_was_told() {
    for scheme in PSS {
        let server = server_config_with(PKI.rsa.identity().sign_with(&[P256, scheme, PSS[0]]).unwrap());
        for version in VERSIONS {
            let (client, _) = connect(&client(version), &server);
            assert_eq!(client.c.info().peer_scheme, Some(scheme));
        }
    }
    let refused = PKI.rsa.identity().sign_with(&[P256, ED25519]);
    assert!(
        matches!(&refused, Err(ConfigError::NoSchemeForKey { wanted, .. }) if *wanted == [P256, ED25519])
    );
    let said = refused.unwrap_err().to_string();
    assert!(said.starts_with("the private key can sign with none of"), "{said}");
    // What is signed with is also what is shared, or not.
    let (_, server) = shaken(
        &client(ProtocolVersion::TLS13).signature_schemes(&PSS[..1]).unwrap(),
        &server_config_with(PKI.rsa.identity().sign_with(&PSS[1..]).unwrap()),
    );
    assert!(matches!(server.error, Some(Error::NothingInCommon { .. })), "{:?}", server.error);
}

#[test]
fn a_client_shows_the_first_certificate_that_the_server_verifies() {
    for version in VERSIONS {
        let client = client(version)
            .identity(PKI.ed25519.identity())
            .identity(PKI.client.identity())
            .identity(PKI.rsa.identity());
        for (verified, leaf) in [
            (&[P256, ED25519][..], Some(&PKI.ed25519)),
            (&[PSS[0], P256], Some(&PKI.client)),
            (&PSS, Some(&PKI.rsa)),
            (&[SignatureScheme::ECDSA_SECP384R1_SHA384], None),
        ] {
            let (scheme, chain) = shown(&client, &asking(version).signature_schemes(verified).unwrap());
            assert_eq!(chain, leaf.map(|leaf| leaf.chain[0].to_vec()), "{version} {verified:?}");
            assert!(scheme.is_none_or(|scheme| verified.contains(&scheme)));
        }
    }
}

/// A certificate and its intermediate, of an authority that is not the tests'.
fn of_another_authority() -> (Identity, [Vec<u8>; 2]) {
    let named = |name: &str| {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let authority = |name| {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let key = || KeyPair::generate().unwrap();
    let root = CertifiedIssuer::self_signed(authority("Another root"), key()).unwrap();
    let middle = CertifiedIssuer::signed_by(authority("Another intermediate"), key(), &root).unwrap();
    let leaf_key = key();
    let leaf = named("leaf").signed_by(&leaf_key, &middle).unwrap();
    let subject = |der| crate::pki::Certificate::read(der).unwrap().subject_der().to_vec();
    let names = [subject(root.der()), subject(middle.der())];
    let chain = vec![leaf.der().clone(), middle.der().clone()];
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap();
    (Identity::new(chain, &key).unwrap(), names)
}

#[test]
fn a_client_shows_the_first_certificate_of_an_authority_that_is_named() {
    let (other, [root, intermediate]) = of_another_authority();
    let other = Arc::new(other);
    let ours = crate::pki::Certificate::read(&PKI.authority).unwrap().subject_der().to_vec();
    let stranger: &[u8] = &[0x30, 0];
    for version in VERSIONS {
        let client = client(version).identity(PKI.client.identity()).identity(Arc::clone(&other));
        let first = PKI.client.chain[0].to_vec();
        let second = other.leaf().to_vec();
        for (names, expected) in [
            (&[][..], &first),
            (&[stranger], &first),
            (&[&root[..]], &second),
            (&[stranger, &intermediate], &second),
            (&[&root, &ours], &first),
        ] {
            let server = asking(version).client_authorities(names).unwrap();
            assert_eq!(shown(&client, &server).1.as_ref(), Some(expected), "{version} {names:?}");
        }
        // But not with a scheme that the server does not verify.
        let server = asking(version).client_authorities(&[&root]).unwrap();
        let with_rsa = self::client(version).identity(PKI.rsa.identity()).identity(Arc::clone(&other));
        let (_, chain) = shown(&with_rsa, &server.signature_schemes(&PSS).unwrap());
        assert_eq!(chain, Some(PKI.rsa.chain[0].to_vec()));
    }
}

#[test]
fn a_client_may_insist_on_being_somebody() {
    for version in VERSIONS {
        let insists = client(version).identity(PKI.client.identity()).insist_on_identity();
        // Nobody asks, or somebody who takes it.
        assert!(shaken(&insists, &server_config()).0.is_done());
        assert!(shown(&insists, &asking(version)).1.is_some());
        let (client, server) = shaken(&insists, &asking(version).signature_schemes(&PSS).unwrap());
        let Some(error @ Error::NothingInCommon { what: "signature scheme", .. }) = client.error.clone()
        else {
            panic!("{:?}", client.error)
        };
        assert!(error.to_string().ends_with("this side takes ecdsa_secp256r1_sha256"), "{error}");
        let failure = AlertDescription::HANDSHAKE_FAILURE;
        assert_eq!(error.alert(), Some(failure));
        assert!(
            matches!(server.error, Some(Error::AlertReceived { description, .. }) if description == failure),
            "{:?}",
            server.error
        );
        // TLS 1.2 says besides of what kind the key must be.
        if version == ProtocolVersion::TLS12 {
            let rsa = self::client(version).identity(PKI.rsa.identity()).insist_on_identity();
            let other = body(HandshakeType::CERTIFICATE_REQUEST, |body| {
                assert_eq!(
                    body[..3],
                    [2, ClientCertificateType::ECDSA_SIGN.0, ClientCertificateType::RSA_SIGN.0]
                );
                body[0] = 1;
                body.remove(2);
            });
            let (mut client, mut server) =
                (Party::client(&rsa), Party::server_altered(&asking(version), other));
            pump(&mut client, &mut server);
            assert!(matches!(client.error, Some(Error::NothingInCommon { .. })), "{:?}", client.error);
        }
    }
}

/// Where the application judges: a policy has a rule for it.
#[test]
fn a_key_that_is_not_for_signing_does_not_sign() {
    let leaf = || PKI.not_for_signing.identity();
    for version in VERSIONS {
        let judged = ClientConfig::new(Judge::Application, now).versions(&[version]).unwrap();
        let mut client = Party::client(&judged).answering(|_| Some(Answer::Accept));
        pump(&mut client, &mut Party::server(&server_config_with(leaf())));
        assert_eq!(client.fault(), Some(Fault::KeyNotForSigning), "{version}");
        let (_, server) = shaken(&self::client(version).identity(leaf()), &asking(version));
        assert_eq!(server.fault(), Some(Fault::KeyNotForSigning), "{version}");
        let (client, _) = shaken(&self::client(version), &server_config_with(leaf()));
        assert!(matches!(client.error, Some(Error::CertificateRefused(_))), "{:?}", client.error);
    }
}

/// What a side sent, opened.
fn records(party: &mut Party, version: ProtocolVersion) -> Vec<Opened> {
    if version == ProtocolVersion::TLS12 { records12(party) } else { party.records() }
}

/// The authorities of the CertificateRequest that a server sent.
fn authorities(server: &ServerConfig, version: ProtocolVersion) -> Vec<Vec<u8>> {
    let (client, mut server) = shaken(&client_config(), server);
    assert!(client.is_done(), "{:?}", client.error);
    let named = messages(&records(&mut server, version)).into_iter().find_map(|message| {
        for form in [Form::Tls13, Form::Tls12] {
            let names = match Message::decode(&message, form).map(|message| message.body) {
                Ok(Body::CertificateRequest13(m)) => m.extensions.certificate_authorities.unwrap_or_default(),
                Ok(Body::CertificateRequest12(m)) => m.certificate_authorities,
                _ => continue,
            };
            return Some(names.iter().map(|name| name.0.to_vec()).collect());
        }
        None
    });
    named.expect("a CertificateRequest")
}

#[test]
fn a_server_names_authorities() {
    let names: [&[u8]; 2] = [&[0x30, 0], &[0x30, 2, 5, 0]];
    for version in VERSIONS {
        let by_policy = asking(version).client_auth(ClientAuth::Request(trusting().into()));
        let subject = crate::pki::Certificate::read(&PKI.authority).unwrap().subject_der().to_vec();
        assert_eq!(authorities(&asking(version), version), Vec::<Vec<u8>>::new());
        assert_eq!(authorities(&by_policy, version), [subject]);
        for server in [asking(version), by_policy] {
            assert_eq!(authorities(&server.client_authorities(&names).unwrap(), version), names);
        }
    }
    for bad in [&[][..], &[0; 0x10000]] {
        assert!(matches!(
            server_config().client_authorities(&[names[0], bad]),
            Err(ConfigError::AuthorityName(length)) if length == bad.len()
        ));
    }
}

#[test]
fn records_are_no_larger_than_was_asked_for() {
    for version in VERSIONS {
        let small = |bytes| client(version).largest_record(bytes).unwrap();
        let server = asking(version).largest_record(512).unwrap();
        let (mut client, mut server) = shaken(&small(600), &server);
        let data: Vec<u8> = (0..5000u16).map(|n| n as u8).collect();
        deliver(&mut client, &mut server, &data);
        deliver(&mut server, &mut client, &data);
        for (mut side, largest) in [(client, 600), (server, 512)] {
            let sizes: Vec<usize> = records(&mut side, version).iter().map(|r| r.content.len()).collect();
            assert_eq!(sizes.iter().max(), Some(&largest), "{sizes:?}");
            // The data fill their records, but the last one.
            let full = 5000 / largest;
            let of_data = &sizes[sizes.len() - full - 1..];
            assert_eq!(of_data, [vec![largest; full], vec![5000 % largest]].concat(), "{sizes:?}");
        }
    }
    for bad in [0, limits::LEAST_RECORD - 1, limits::RECORD_PLAINTEXT + 1] {
        assert!(matches!(client_config().largest_record(bad), Err(ConfigError::RecordSize(n)) if n == bad));
    }
    for good in [limits::LEAST_RECORD, limits::RECORD_PLAINTEXT] {
        assert!(client_config().largest_record(good).is_ok());
    }
}

#[test]
fn lists_must_have_something_known_in_them() {
    assert!(matches!(client_config().signature_schemes(&[]), Err(ConfigError::Empty("signature schemes"))));
    let sha1 = SignatureScheme(0x0201);
    assert!(matches!(
        client_config().signature_schemes(&[P256, sha1]),
        Err(ConfigError::UnknownScheme(unknown)) if unknown == sha1
    ));
}

/// Certificates of one name and one kind of key, of authorities with an ECDSA key
/// and with an RSA key.
fn of_two_authorities() -> [Identity; 2] {
    let PrivateKeyDer::Pkcs8(rsa) = PKI.rsa.key() else { panic!() };
    let rsa = KeyPair::from_pkcs8_der_and_sign_algo(&rsa, &rcgen::PKCS_RSA_SHA256).unwrap();
    [KeyPair::generate().unwrap(), rsa].map(|key| {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "An authority");
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        // The root signs itself, in whatever scheme: nobody checks that.
        Identity::new(vec![leaf.der().clone(), issuer.der().clone()], &key).unwrap()
    })
}

/// signature_algorithms_cert, or else signature_algorithms (RFC 9846 section 4.3.3);
/// where no chain fits, one is shown all the same (section 4.5.1.2).
#[test]
fn a_chain_is_shown_that_the_peer_verifies() {
    const RSA: &[SignatureScheme] = &[SignatureScheme::RSA_PKCS1_SHA256];
    const ECDSA: &[SignatureScheme] = &[P256];
    const NEITHER: &[SignatureScheme] = &[ED25519];
    const BOTH: &[SignatureScheme] = &[P256, SignatureScheme::RSA_PKCS1_SHA256];
    let [ecdsa, rsa] = of_two_authorities().map(Arc::new);
    for version in VERSIONS {
        let judged = ClientConfig::new(Judge::Application, now).versions(&[version]).unwrap();
        for (first, second) in [(&ecdsa, &rsa), (&rsa, &ecdsa)] {
            let server = ServerConfig::new(Arc::clone(first), now).add_identity(Arc::clone(second));
            for (in_handshake, in_certificates, expected) in [
                (BOTH, Some(RSA), &rsa),
                (BOTH, Some(ECDSA), &ecdsa),
                (BOTH, Some(NEITHER), first),
                (BOTH, Some(BOTH), first),
                (BOTH, None, first),
                (ECDSA, None, &ecdsa),
                (ECDSA, Some(RSA), &rsa),
            ] {
                let says = client_hello(move |m| {
                    m.extensions.signature_algorithms = Some(List::values(in_handshake));
                    m.extensions.signature_algorithms_cert = in_certificates.map(List::values);
                });
                let mut client = Party::client_altered(&judged, says).answering(|_| Some(Answer::Accept));
                let mut server = Party::server(&server);
                pump(&mut client, &mut server);
                assert!(server.is_done(), "{:?}", server.error);
                let shown = client.c.info().peer_chain.as_ref().unwrap()[0].clone();
                assert_eq!(shown, *expected.leaf(), "{version} {in_handshake:?} {in_certificates:?}");
            }
        }
    }
    // A server says the same of its clients.
    let client = client(ProtocolVersion::TLS13).identity(Arc::clone(&ecdsa)).identity(Arc::clone(&rsa));
    for (in_certificates, expected) in [(RSA, &rsa), (ECDSA, &ecdsa), (NEITHER, &ecdsa)] {
        let says = certificate_request(move |m| {
            m.extensions.signature_algorithms_cert = Some(List::values(in_certificates));
        });
        let asking = asking(ProtocolVersion::TLS13);
        let mut server = Party::server_altered(&asking, says).answering(|_| Some(Answer::Accept));
        pump(&mut Party::client(&client), &mut server);
        assert!(server.is_done(), "{:?}", server.error);
        assert_eq!(server.c.info().peer_chain.as_ref().unwrap()[0], *expected.leaf());
    }
}

/// As many schemes as a ClientHello holds; the only one that matters is the last.
#[test]
fn the_last_of_very_many_schemes_counts() {
    for version in VERSIONS {
        let many = client_hello(|m| {
            let unknown = (0..29_000_u16).map(|n| SignatureScheme(0xc000 | n & 0xfff));
            let schemes: Vec<_> = unknown.chain([ED25519]).collect();
            m.extensions.signature_algorithms = Some(List::values(Vec::leak(schemes)));
        });
        let server = server_config_with(PKI.server.identity()).add_identity(PKI.ed25519.identity());
        let mut client = Party::client_altered(&client(version), many);
        let mut server = Party::server(&server);
        pump(&mut client, &mut server);
        assert!(server.is_done(), "{version}: {:?}, {:?}", server.error, client.error);
        assert_eq!(client.c.info().peer_scheme, Some(ED25519));
    }
}
