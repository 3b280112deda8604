//! What names a connection to a protocol above it, on both sides.

use super::super::ChannelBinding::{self, TlsExporter, TlsServerEndPoint, TlsUnique};
use super::alter::body;
use super::faults::{tls12_client, tls12_server};
use super::kit::*;
use super::resumption::{VERSIONS, keeping, primed};
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::crypto::kdf::sha256;
use crate::error::Error;
use crate::identity::Identity;
use crate::pki::PrivateKeyDer;
use crate::question::{Answer, OwnedQuestion};
use crate::schedule::Side;
use crate::wire::{HandshakeType, ProtocolVersion};
use std::sync::{Arc, Mutex};

fn of(party: &Party, kind: ChannelBinding) -> Result<Vec<u8>, Error> {
    party.c.channel_binding(kind)
}

/// It is refused, and why.
#[track_caller]
fn refused(party: &Party, kind: ChannelBinding) -> &'static str {
    match of(party, kind) {
        Err(Error::Misuse(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tls_exporter_is_of_both_versions() {
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let mut seen = Vec::new();
        // In full, and resumed.
        for resumed in [false, true] {
            let (client, server) = connect(&client, &server);
            assert_eq!(client.c.info().resumed, resumed);
            let bound = of(&client, TlsExporter).unwrap();
            assert_eq!((bound.len(), &bound), (32, &of(&server, TlsExporter).unwrap()));
            // RFC 9266 section 2: the context is there, and has no length.
            let mut exported = [0; 32];
            client.c.export("EXPORTER-Channel-Binding", Some(b""), &mut exported).unwrap();
            assert_eq!(bound, exported);
            assert!(!seen.contains(&bound));
            seen.push(bound);
        }
    }
    assert!(refused(&Party::client(&client_config()), TlsExporter).contains("after the handshake"));
}

/// Two connections can have one master secret then (RFC 7627 section 1).
#[test]
fn nothing_unique_comes_of_a_master_secret_that_is_not_bound() {
    let (client, server) = connect(&tls12_client().without_extended_master_secret(), &tls12_server());
    for side in [&client, &server] {
        for kind in [TlsExporter, TlsUnique] {
            assert!(refused(side, kind).contains("extended_master_secret"));
        }
        assert_eq!(of(side, TlsServerEndPoint).unwrap(), sha256(&PKI.server.chain[0]));
    }
}

#[test]
fn the_end_point_is_the_certificate_that_the_server_has_shown() {
    for version in VERSIONS {
        let (client, server) = primed(version);
        let server = server.client_auth(ClientAuth::Require(trusting().into()));
        let client = client.identity(PKI.client.identity());
        // The authority of the tests signs with SHA-256. That of the client is another.
        let hash = sha256(&PKI.server.chain[0]);
        let (full, at_server) = connect(&client, &server);
        assert!(at_server.c.info().peer_chain.is_some());
        assert_eq!(of(&full, TlsServerEndPoint).unwrap(), hash);
        assert_eq!(of(&at_server, TlsServerEndPoint).unwrap(), hash);
        let (resumed, at_server) = connect(&client, &server);
        assert!(resumed.c.info().resumed);
        // The client knows what it saw; the server has shown nothing here.
        assert_eq!(of(&resumed, TlsServerEndPoint).unwrap(), hash);
        assert!(refused(&at_server, TlsServerEndPoint).contains("has shown none"));
    }
    // A client may have let go of it.
    let (mut client, _) = connect(&client_config(), &server_config());
    client.c.forget_chain();
    assert!(refused(&client, TlsServerEndPoint).contains("let go"));
}

/// RFC 5929 section 4.1 has no hash for Ed25519, which hashes within.
#[test]
fn a_certificate_signed_with_ed25519_is_no_end_point() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let made = rcgen::CertificateParams::new([HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = ServerConfig::new(Identity::new(vec![made.der().clone()], &key).unwrap(), now);
    let accepting =
        |question: &OwnedQuestion| matches!(question, OwnedQuestion::Verify { .. }).then_some(Answer::Accept);
    let client = Party::client(&ClientConfig::new(Judge::Application, now)).answering(accepting);
    let (client, server) = connected(client, Party::server(&server));
    for side in [&client, &server] {
        assert!(refused(side, TlsServerEndPoint).contains("tls-exporter"));
    }
}

#[test]
fn tls_unique_is_the_finished_that_came_first() {
    let (client, server) = keeping(ProtocolVersion::TLS12);
    for (resumed, first) in [(false, Side::Client), (true, Side::Server)] {
        let sent = Arc::new(Mutex::new(Vec::new()));
        // The verify_data of each Finished, as it leaves.
        let listen = |side: Side| {
            let sent = Arc::clone(&sent);
            body(HandshakeType::FINISHED, move |body| sent.lock().unwrap().push((side, body.clone())))
        };
        let client = Party::client_altered(&client, listen(Side::Client));
        let (client, server) = connected(client, Party::server_altered(&server, listen(Side::Server)));
        assert_eq!(client.c.info().resumed, resumed);
        let sent = sent.lock().unwrap();
        assert_eq!((sent.len(), sent[0].0, sent[0].1.len()), (2, first, 12));
        assert_eq!(of(&client, TlsUnique).unwrap(), sent[0].1);
        assert_eq!(of(&server, TlsUnique).unwrap(), sent[0].1);
    }
    let (client, server) = connect(&client_config(), &server_config());
    for side in [&client, &server] {
        assert!(refused(side, TlsUnique).contains("TLS 1.2 alone"));
    }
}

/// RFC 5705 forbids no label; the encoding of TLS 1.3 has a least length.
#[test]
fn a_label_of_no_length_is_for_tls12() {
    let (client, server) = connect(&tls12_client(), &tls12_server());
    let [mut ours, mut theirs, mut other] = [[0; 40]; 3];
    client.c.export("", None, &mut ours).unwrap();
    server.c.export("", None, &mut theirs).unwrap();
    server.c.export("", Some(b""), &mut other).unwrap();
    assert!(ours == theirs && ours != other && ours != [0; 40]);
    let (client, _) = connect(&client_config(), &server_config());
    assert!(matches!(client.c.export("", None, &mut ours), Err(Error::Misuse(_))));
}
