//! What the two sides of TLS 1.2 choose.

use super::alter::*;
use super::faults::{client_says_in, server_says_in, tls12_client, tls12_server};
use super::kit::*;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::fault::Fault;
use crate::wire::*;

fn hello_of(config: &ClientConfig, look: impl FnOnce(ClientHello<'_>)) {
    let message = messages(&Party::client(config).records()).remove(0);
    let Body::ClientHello(hello) = Message::decode(&message, Form::Tls12).unwrap().body else { panic!() };
    look(hello);
}

/// What a server lacks in common with a client.
fn lacking(server: &Party) -> &'static str {
    match &server.error {
        Some(Error::NothingInCommon { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_of_tls12_alone_offers_nothing_of_tls13() {
    let config = ClientConfig::new(trusting(), now);
    hello_of(&config, |hello| assert_eq!(hello.session_id.len(), 32));
    hello_of(&config.versions(&[ProtocolVersion::TLS12]).unwrap(), |hello| {
        assert!(hello.session_id.is_empty());
        let groups: Vec<_> = hello.extensions.supported_groups.unwrap().iter().collect();
        assert_eq!(groups, [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1]);
    });
}

#[test]
fn a_certificate_of_a_kind_that_is_not_asked_for_is_not_shown() {
    let client = tls12_client().identity(PKI.client.identity());
    let server = requesting().versions(&[ProtocolVersion::TLS12]).unwrap();
    for (kind, shown) in [(ClientCertificateType::ECDSA_SIGN, true), (ClientCertificateType::RSA_SIGN, false)]
    {
        let only = body(HandshakeType::CERTIFICATE_REQUEST, move |body| body[1..3].fill(kind.0));
        let (client, server) = server_says_in(&client, &server, only);
        assert!(client.is_done() && server.is_done(), "{:?} {:?}", client.error, server.error);
        assert_eq!(server.c.info().peer_chain.is_some(), shown, "{kind}");
    }
}

#[test]
fn nothing_may_follow_a_client_hello_in_its_record() {
    let more = each(HandshakeType::CLIENT_HELLO, |hello| vec![hello, vec![16, 0]]);
    let (server, _) = client_says_in(&tls12_client(), &tls12_server(), more);
    assert_eq!(server.fault(), Some(Fault::KeyChangeInsideRecord));
}

#[test]
fn the_curve_of_an_ecdsa_certificate_is_one_that_the_client_supports() {
    let client = |group| tls12_client().groups(&[NamedGroup::X25519, group]).unwrap();
    let server =
        |leaf: &Leaf| server_config_with(leaf.identity()).versions(&[ProtocolVersion::TLS12]).unwrap();
    connect(&client(NamedGroup::SECP256R1), &server(&PKI.server));
    connect(&client(NamedGroup::SECP384R1), &server(&PKI.p384));
    connect(&client(NamedGroup::SECP384R1), &server(&PKI.ed25519));
    for (group, leaf) in [(NamedGroup::SECP384R1, &PKI.server), (NamedGroup::SECP256R1, &PKI.p384)] {
        let (refused, _) = client_says_in(&client(group), &server(leaf), None);
        assert_eq!(lacking(&refused), "group");
    }
    // TLS 1.3 names the curve in the signature scheme.
    connect(&client_config().groups(&[NamedGroup::X25519]).unwrap(), &server_config());
}

#[test]
fn a_server_says_what_is_lacking() {
    let rsa_alone = [CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
    let (server, _) = client_says_in(&tls12_client().suites(&rsa_alone).unwrap(), &tls12_server(), None);
    assert_eq!(lacking(&server), "cipher suite");
    let no_ecdsa = client_hello(|m| {
        m.extensions.signature_algorithms = Some(List::values(&[SignatureScheme::RSA_PSS_RSAE_SHA256]));
    });
    let (server, _) = client_says_in(&tls12_client(), &tls12_server(), no_ecdsa);
    assert_eq!(lacking(&server), "signature scheme");
}
