//! Who is let in by a session, a cookie, a name: an edge of several
//! configurations that share keys, each with rules of its own.

use super::alter::*;
use super::faults::retry_client;
use super::kit::*;
use super::resumption::{VERSIONS, keeping, primed, resumed, sessions};
use super::resumption12::renewing;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::crypto::secret::Secret;
use crate::crypto::suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::{ConfigError, Identity};
use crate::info::Trust;
use crate::question::{Answer, OwnedQuestion};
use crate::session::TicketKeys;
use crate::wire::*;
use std::sync::Arc;

/// Two servers of this version, which share the keys of tickets.
fn two_servers(version: ProtocolVersion) -> [ServerConfig; 2] {
    let keys = Arc::new(TicketKeys::random());
    [&PKI.server, &PKI.other].map(|leaf| {
        server_config_with(leaf.identity()).versions(&[version]).unwrap().tickets(Arc::clone(&keys))
    })
}

fn accept(_: &OwnedQuestion) -> Option<Answer> {
    Some(Answer::Accept)
}

fn refuse(_: &OwnedQuestion) -> Option<Answer> {
    Some(Answer::Reject("nobody is served here".to_owned()))
}

#[test]
fn a_ticket_is_no_admission_where_the_application_judges() {
    for version in VERSIONS {
        let asks = |server: ServerConfig| server.client_auth(ClientAuth::Require(Judge::Application));
        let [ours, _] = two_servers(version).map(asks);
        let (client, _) = keeping(version);
        let client = client.identity(PKI.client.identity());
        connected(Party::client(&client), Party::server(&ours).answering(accept));
        assert_eq!(sessions(&client), 0, "{version}: a ticket was sent");
        // Another application with the same keys, or the same one the next time.
        let mut server = Party::server(&ours).answering(refuse);
        pump(&mut Party::client(&client), &mut server);
        assert!(matches!(server.error, Some(Error::CertificateRejected { .. })), "{:?}", server.error);
        // And the other way round.
        let (client, server) = keeping(version);
        let client = client.with_judge(Judge::Application);
        connected(Party::client(&client).answering(accept), Party::server(&server));
        assert_eq!(sessions(&client), 0, "{version}: a session was kept");
        let mut client = Party::client(&client).answering(refuse);
        pump(&mut client, &mut Party::server(&server));
        assert!(matches!(client.error, Some(Error::CertificateRejected { .. })), "{:?}", client.error);
    }
}

/// The class of CVE-2014-3616 and CVE-2025-23419.
#[test]
fn a_session_is_of_a_server_that_has_the_name() {
    for version in VERSIONS {
        let [ours, theirs] = two_servers(version);
        let (client, _) = keeping(version);
        assert!(!resumed(&client, &ours));
        // Who has no certificate of the name fails on the name.
        let mut client = Party::client(&client);
        let mut server = Party::server(&theirs);
        pump(&mut client, &mut server);
        assert!(!server.c.info().resumed && !server.is_done(), "{version}");
        assert!(matches!(client.error, Some(Error::CertificateRefused(_))), "{:?}", client.error);
    }
}

/// Nothing is proven while the server's own flight is all that was sent.
#[test]
fn a_hello_that_somebody_captured_says_nothing_about_who_sent_it() {
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let client = client.identity(PKI.client.identity());
        let server = server.client_auth(ClientAuth::Require(trusting().into()));
        connect(&client, &server);
        let captured = Party::client(&client).take();
        let mut server = Party::server(&server);
        server.give(&captured);
        assert!(server.error.is_none() && !server.is_done());
        let said = |server: &Party| {
            let info = server.c.info();
            (info.resumed, info.trust.clone(), info.peer_chain.is_some(), info.peer_scheme)
        };
        assert_eq!(said(&server), (false, Trust::Anonymous, false, None), "{version}");
        server.give_end();
        assert_eq!(said(&server), (false, Trust::Anonymous, false, None), "{version}");
    }
}

/// A chain that anybody can copy, and no signature.
#[test]
fn after_a_failure_the_report_is_all_that_is_said() {
    for version in VERSIONS {
        let bad = match version {
            ProtocolVersion::TLS12 => body(HandshakeType::SERVER_KEY_EXCHANGE, |body| {
                let last = body.len() - 1;
                body[last] ^= 1;
            }),
            _ => body(HandshakeType::CERTIFICATE_VERIFY, |body| {
                let last = body.len() - 1;
                body[last] ^= 1;
            }),
        };
        let (client, server) = keeping(version);
        let mut client = Party::client(&client);
        pump(&mut client, &mut Party::server_altered(&server, bad));
        assert_eq!(client.fault(), Some(Fault::BadSignature));
        let info = client.c.info();
        assert_eq!((&info.trust, info.peer_chain.is_some()), (&Trust::Anonymous, false), "{version}");
        assert!(info.report.is_some());
        // Nor where the signature was good, and the Finished is not.
        let bad = body(HandshakeType::FINISHED, |body| body[0] ^= 1);
        let (client, server) = keeping(version);
        let mut client = Party::client(&client);
        pump(&mut client, &mut Party::server_altered(&server, bad));
        assert_eq!(client.fault(), Some(Fault::BadFinished));
        let info = client.c.info();
        assert_eq!((&info.trust, info.peer_chain.is_some()), (&Trust::Anonymous, false), "{version}");
        assert!(info.report.is_some() && info.peer_scheme.is_none() && !info.is_proven());
    }
}

/// Another server with the key of cookies, which allows something else.
#[test]
fn a_cookie_does_not_overrule_the_configuration() {
    let server = || server_config().retry_cookie([7; 32]).unwrap();
    let [p256, p384] = [NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let sha384 = [CipherSuite::TLS_AES_256_GCM_SHA384];
    let first = || server().groups(&[p256]).unwrap();
    for second in [server().groups(&[p384]).unwrap(), first().suites(&sha384).unwrap()] {
        let (mut client, mut asking) = (Party::client(&retry_client()), Party::server(&first()));
        asking.give(&client.take());
        client.give(&asking.take());
        let mut server = Party::server(&second);
        pump(&mut client, &mut server);
        assert!(!server.is_done());
        server.assert_failed(Fault::BadCookie);
    }
}

#[test]
fn a_cookie_s_key_is_a_key() {
    assert!(matches!(server_config().retry_cookie([0; 32]), Err(ConfigError::CookieKey(_))));
}

#[test]
fn an_application_that_names_its_policy_resumes_under_it() {
    let named = Judge::application_named;
    for version in VERSIONS {
        for (other, resumes) in [
            (named("partners"), true),
            (named("Partners"), false),
            (named(""), false),
            (Judge::Application, false),
            (trusting().into(), false),
        ] {
            let [first, _] = two_servers(version);
            let asks = |judge: &Judge| first.clone().client_auth(ClientAuth::Require(judge.clone()));
            let (client, _) = keeping(version);
            let client = client.identity(PKI.client.identity());
            let shake = |server: &ServerConfig| {
                connected(Party::client(&client), Party::server(server).answering(accept)).1
            };
            shake(&asks(&named("partners")));
            let again = shake(&asks(&other));
            assert_eq!(again.c.info().resumed, resumes, "{version} {other:?}");
            let trust = if matches!(other, Judge::Policy(_)) { Trust::Policy } else { Trust::Application };
            assert_eq!(again.c.info().trust, trust);

            let (client, server) = keeping(version);
            let judged = |judge: &Judge| client.with_judge(judge.clone());
            let shake = |client: &ClientConfig| {
                connected(Party::client(client).answering(accept), Party::server(&server)).0
            };
            shake(&judged(&named("partners")));
            assert_eq!(shake(&judged(&other)).c.info().resumed, resumes, "{version} {other:?}");
        }
    }
    // The empty name is none: nothing is kept under it.
    let (client, server) = keeping(ProtocolVersion::TLS13);
    let client = client.with_judge(named(""));
    connected(Party::client(&client).answering(accept), Party::server(&server));
    assert_eq!(sessions(&client), 0);
}

#[test]
fn a_session_goes_on_with_another_certificate_of_the_same_names() {
    for version in VERSIONS {
        let keys = Arc::new(TicketKeys::random());
        let with = |identity: Identity| {
            server_config_with(identity).versions(&[version]).unwrap().tickets(Arc::clone(&keys))
        };
        // Nothing is signed: neither the kind of key nor its schemes matter.
        for other in [&PKI.ed25519, &PKI.p384, &PKI.rsa, &PKI.not_for_signing] {
            let (client, _) = keeping(version);
            assert!(!resumed(&client, &with(PKI.server.identity())));
            assert!(resumed(&client, &with(other.identity())), "{version}");
        }
        // One of several, whatever the others name.
        let (client, _) = keeping(version);
        assert!(!resumed(&client, &with(PKI.server.identity())));
        assert!(resumed(&client, &with(PKI.other.identity()).add_identity(PKI.rsa.identity())));
        // Where one names the host, the others are not shown to it.
        let (client, _) = keeping(version);
        let hiding = |server: &ServerConfig| {
            let options = crate::ClientOptions { hide_server_name: true, ..Default::default() };
            let entropy = crate::crypto::source::Entropy::system();
            connected(Party::client_made(&client, options, entropy, None), Party::server(server)).1
        };
        let server = with(PKI.server.identity());
        assert!(!hiding(&server).c.info().resumed);
        assert!(hiding(&server.add_identity(PKI.other.identity())).c.info().resumed);
    }
}

/// A certificate without names is known by its bytes alone.
#[test]
fn certificates_without_names_are_not_the_same() {
    let nameless = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
        let key = crate::pki::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Identity::new(vec![leaf.der().clone()], &key).unwrap()
    };
    let (one, other) = (nameless(), nameless());
    assert_ne!(one.names(), other.names());
    assert_eq!(PKI.server.identity().names(), PKI.rsa.identity().names());
    assert_ne!(PKI.server.identity().names(), PKI.other.identity().names());
}

#[test]
fn a_context_tells_servers_apart() {
    for version in VERSIONS {
        let [server, _] = two_servers(version);
        for (context, resumes) in [(&b"shop"[..], true), (b"bank", false), (b"", false)] {
            let (client, _) = keeping(version);
            assert!(!resumed(&client, &server.clone().session_context(*b"shop")));
            assert_eq!(resumed(&client, &server.clone().session_context(context)), resumes, "{version}");
        }
    }
}

/// The application says for each hello whose certificate is shown, and so which
/// sessions are its.
#[test]
fn who_answers_with_a_certificate_is_asked_before_a_session_is_resumed() {
    for version in VERSIONS {
        let keys = Arc::new(TicketKeys::random());
        let server = || {
            let config = ServerConfig::asking_for_certificates(now).versions(&[version]).unwrap();
            Party::server(&config.tickets(Arc::clone(&keys)))
        };
        let shows = |leaf: &'static Leaf| {
            move |_: &OwnedQuestion| Some(Answer::Certificate(Arc::new(leaf.identity())))
        };
        let (client, _) = keeping(version);
        for (leaf, resumes) in [(&PKI.server, false), (&PKI.server, true), (&PKI.ed25519, true)] {
            let (_, server) = connected(Party::client(&client), server().answering(shows(leaf)));
            assert_eq!(server.c.info().resumed, resumes, "{version}");
        }
        let mut party = Party::client(&client);
        pump(&mut party, &mut server().answering(shows(&PKI.other)));
        assert!(matches!(party.error, Some(Error::CertificateRefused(_))), "{:?}", party.error);
        // There is none for this name any more: as in a full handshake.
        let (client, first) = (keeping(version).0, server().answering(shows(&PKI.server)));
        connected(Party::client(&client), first);
        let mut server = server().answering(|_| Some(Answer::NoCertificate));
        pump(&mut Party::client(&client), &mut server);
        assert!(matches!(server.error, Some(Error::NoCertificate)), "{:?}", server.error);
    }
}

/// A ticket is of one version, though both have suites of the same hash.
#[test]
fn a_ticket_of_another_version_is_none() {
    let [tls13, tls12] = VERSIONS;
    let server = server_config().tickets(TicketKeys::random());
    let speaks = |client: &ClientConfig, version| client.clone().versions(&[version]).unwrap();
    for (first, second) in [(tls12, tls13), (tls13, tls12)] {
        let (client, _) = keeping(first);
        assert!(!resumed(&client, &server));
        let (store, policy) = client.resumption().unwrap();
        let mut session = store.take(&name(), policy, now().as_secs(), |_| true).unwrap();
        store.clear();
        session.version = second;
        // As the other version would use it: with a suite of its own beside the ticket's.
        if second == tls13 {
            session.suite = &suite::TLS13[0];
        } else {
            session.suite = &suite::TLS12[0];
            session.secret = Secret::from_slice(&[7; 48]).unwrap();
        }
        store.keep(&name(), policy, session);
        // Whichever suites are offered, the ticket's is among them.
        let both = [suite::TLS13[0].id, suite::TLS12[0].id];
        let also = client_hello(move |m| m.cipher_suites = List::values(Vec::leak(both.to_vec())));
        let mut client = Party::client_altered(&speaks(&client, second), also);
        let mut server = Party::server(&server);
        pump(&mut client, &mut server);
        assert!(server.is_done() && !server.c.info().resumed, "{second}: {:?}", server.error);
    }
}

/// Of TLS 1.2: behind the Finished that ends the handshake, in its record.
#[test]
fn nothing_stands_behind_the_last_finished_of_a_session() {
    let twice = || each(HandshakeType::FINISHED, |finished| vec![finished, vec![0, 0, 0, 0]]);
    let (client, server) = primed(ProtocolVersion::TLS12);
    let mut server = Party::server(&server);
    pump(&mut Party::client_altered(&client, twice()), &mut server);
    assert_eq!(server.fault(), Some(Fault::KeyChangeInsideRecord), "{:?}", server.error);
    assert!(!server.is_done() && !server.c.info().resumed);
    for (client, server) in [primed(ProtocolVersion::TLS12), renewing()] {
        let mut client = Party::client(&client);
        pump(&mut client, &mut Party::server_altered(&server, twice()));
        assert_eq!(client.fault(), Some(Fault::KeyChangeInsideRecord), "{:?}", client.error);
        assert!(!client.is_done() && !client.c.info().resumed);
    }
}

#[test]
fn a_staple_is_kept_with_a_session() {
    const STAPLE: &[u8] = b"an OCSPResponse, in DER";
    for version in VERSIONS {
        let (client, _) = keeping(version);
        let server = server_config_with(PKI.server.identity().with_ocsp(STAPLE.to_vec()));
        let server = server.versions(&[version]).unwrap().tickets(TicketKeys::random());
        // A policy refuses a response that it cannot read; an application may not.
        let client = client.with_judge(Judge::application_named("any"));
        for resumes in [false, true, true] {
            let (client, _) = connected(Party::client(&client).answering(accept), Party::server(&server));
            let info = client.c.info();
            assert_eq!(info.resumed, resumes);
            assert_eq!(info.peer_ocsp.as_deref().map(Vec::as_slice), Some(STAPLE), "{version} {resumes}");
            assert!(info.is_proven());
        }
    }
}

/// While a question is open, its chain is in the question and nowhere else.
#[test]
fn a_chain_is_not_named_before_its_signature() {
    for version in VERSIONS {
        let judged = keeping(version).0.with_judge(Judge::Application);
        let mut client = Party::client(&judged);
        pump(&mut client, &mut Party::server(&keeping(version).1));
        let OwnedQuestion::Verify { chain, .. } = client.asked() else { panic!() };
        assert_eq!(*chain, PKI.server.chain);
        assert!(client.c.info().peer_chain.is_none() && !client.c.info().is_proven());
        // A refusal leaves the report, of which nothing is proven.
        let mut client = Party::client(&keeping(version).0.with_judge(distrusting()));
        pump(&mut client, &mut Party::server(&keeping(version).1));
        let info = client.c.info();
        assert!(info.report.as_ref().is_some_and(|report| !report.accepted()));
        assert!(info.peer_chain.is_none() && !info.is_proven());
    }
}
