//! What a configuration may require of its peer: a name of this server, a protocol,
//! extensions that make TLS 1.2 safer, a group that is worth a round trip. Each is
//! seen to be asked for, and not to be asked for, through a whole handshake.

use super::super::Connection;
use super::alter::*;
use super::kit::*;
use super::resumption::{keeping, primed};
use crate::alert::AlertDescription;
use crate::config::{ClientConfig, Judge, ServerConfig};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::ConfigError;
use crate::info::Reason;
use crate::pki::ServerName;
use crate::question::{Answer, OwnedQuestion};
use crate::record::Alter;
use crate::schedule::tls13::EarlySecret;
use crate::schedule::tls13::psk::PskKind;
use crate::schedule::transcript::Transcript;
use crate::wire::*;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
const TLS12: ProtocolVersion = ProtocolVersion::TLS12;

fn client(version: ProtocolVersion) -> ClientConfig {
    client_config().versions(&[version]).unwrap()
}

fn shaken(client: &ClientConfig, of_client: Option<Alter>, server: &ServerConfig) -> (Party, Party) {
    let (mut client, mut server) = (Party::client_altered(client, of_client), Party::server(server));
    pump(&mut client, &mut server);
    (client, server)
}

/// One side fails so, and the other hears of it.
#[track_caller]
fn assert_refused((victim, peer): (&Party, &Party), fault: Fault) {
    assert_eq!(victim.fault(), Some(fault), "{:?}", victim.error);
    match &peer.error {
        Some(Error::AlertReceived { description, .. }) => assert_eq!(*description, fault.alert()),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_done((client, server): (Party, Party)) -> (Party, Party) {
    assert!(client.is_done() && server.is_done(), "{:?}, {:?}", client.error, server.error);
    (client, server)
}

fn names(host: &'static [u8]) -> Option<Alter> {
    client_hello(move |m| m.extensions.server_name = Some(host))
}

fn names_nobody() -> Option<Alter> {
    client_hello(|m| m.extensions.server_name = None)
}

/// A client that trusts whatever it is shown.
fn shaken_by_any(
    version: ProtocolVersion,
    of_client: Option<Alter>,
    server: &ServerConfig,
) -> (Party, Party) {
    let client = ClientConfig::new(Judge::Application, now).versions(&[version]).unwrap();
    let client = Party::client_altered(&client, of_client);
    let (mut client, mut server) = (client.answering(|_| Some(Answer::Accept)), Party::server(server));
    pump(&mut client, &mut server);
    (client, server)
}

/// RFC 6066 section 3, RFC 9846 section 9.2.
#[test]
fn a_server_may_require_to_be_named() {
    for version in VERSIONS {
        let lenient = server_config().add_identity(PKI.other.identity());
        let strict = lenient.clone().require_server_name();
        for (host, leaf) in [(HOST, &PKI.server), (OTHER_HOST, &PKI.other)] {
            let (client, server) = assert_done(shaken_by_any(version, names(host.as_bytes()), &strict));
            assert_eq!(server.c.info().server_name.as_deref(), Some(host));
            assert_eq!(client.c.info().peer_chain.as_deref(), Some(&leaf.chain[..]));
        }
        let (client, server) = shaken_by_any(version, names(b"elsewhere.example"), &strict);
        assert!(matches!(server.error, Some(Error::NoCertificate)), "{:?}", server.error);
        let Some(Error::AlertReceived { description, .. }) = client.error else { panic!() };
        assert_eq!(description, AlertDescription::UNRECOGNIZED_NAME);
        let (client, server) = shaken_by_any(version, names_nobody(), &strict);
        assert_refused((&server, &client), Fault::NoServerName);
        // Both are taken if nothing is said.
        for (alter, name) in
            [(names(b"elsewhere.example"), Some("elsewhere.example")), (names_nobody(), None)]
        {
            let (_, server) = assert_done(shaken_by_any(version, alter, &lenient));
            assert_eq!(server.c.info().server_name.as_deref(), name);
        }
    }
}

/// RFC 6066 section 3: what is no host name comes to no log.
#[test]
fn a_server_name_is_a_host_name() {
    let bad: [&'static [u8]; 6] =
        [b"127.0.0.1", b"::1", b"a.example.", b"../a", b"a\nb", b"a.example\x1b[2J"];
    for version in VERSIONS {
        for name in bad {
            let (client, server) = shaken_by_any(version, names(name), &server_config());
            assert_refused((&server, &client), Fault::BadServerName);
            assert_eq!(server.c.info().server_name, None);
        }
    }
    // What this client sends is one: a name without its last dot, and no address.
    for (name, sent) in [("a.example.", Some("a.example")), ("192.0.2.7", None), ("2001:db8::7", None)] {
        let name = ServerName::try_from(name).unwrap();
        let mut client = Connection::client(&client_config().into(), name).unwrap();
        let hello = &client.pending()[5..];
        let Body::ClientHello(m) = Message::decode(hello, Form::Tls13).unwrap().body else { panic!() };
        assert_eq!(m.extensions.server_name, sent.map(str::as_bytes));
        assert!(client.next().is_ok());
    }
}

/// A session is no way around it.
#[test]
fn a_session_does_not_stand_for_a_name() {
    for version in VERSIONS {
        let (client, server) = primed(version);
        let strict = server.require_server_name();
        let (_, server) = shaken(&client, names_nobody(), &strict);
        assert_eq!(server.fault(), Some(Fault::NoServerName), "{version}");
        assert!(shaken(&client, None, &strict).1.is_done());
    }
}

/// Whoever is asked for a certificate knows its names.
#[test]
fn an_application_knows_its_own_names() {
    for version in VERSIONS {
        let asking = ServerConfig::asking_for_certificates(now).require_server_name();
        for known in [true, false] {
            let mut server = Party::server(&asking).answering(move |question| match question {
                OwnedQuestion::Certificate { .. } if known => {
                    Some(Answer::Certificate(PKI.server.identity().into()))
                }
                OwnedQuestion::Certificate { .. } => Some(Answer::NoCertificate),
                _ => None,
            });
            let mut client = Party::client(&client(version));
            pump(&mut client, &mut server);
            assert_eq!((client.is_done(), server.is_done()), (known, known), "{:?}", server.error);
            assert_eq!(matches!(server.error, Some(Error::NoCertificate)), !known);
        }
        let (client, server) = shaken(&client(version), names_nobody(), &asking);
        assert_refused((&server, &client), Fault::NoServerName);
    }
}

#[test]
fn either_side_may_require_a_protocol() {
    let speaks = |config: ClientConfig, list: &[&[u8]]| config.alpn(list).unwrap();
    let serves = |list: &[&[u8]]| server_config().alpn(list).unwrap();
    for version in VERSIONS {
        let client = || client(version);
        // The server, of a client that offers none, and of one that offers another.
        let strict = serves(&[b"h2"]).require_alpn();
        for (offered, fault) in [(&[][..], Fault::NoAlpn), (&[&b"h3"[..]], Fault::NoApplicationProtocol)] {
            let (client, server) = shaken(&speaks(client(), offered), None, &strict);
            assert_refused((&server, &client), fault);
            assert_eq!(fault.alert(), AlertDescription::NO_APPLICATION_PROTOCOL);
        }
        assert_done(shaken(&client(), None, &serves(&[b"h2"])));
        // The client, of a server that has none.
        let strict_client = speaks(client(), &[b"h2"]).require_alpn();
        let (client_, server) = shaken(&strict_client, None, &server_config());
        assert_refused((&client_, &server), Fault::NoAlpn);
        assert_done(shaken(&speaks(client(), &[b"h2"]), None, &server_config()));
        // Both are content where there is one.
        let (client_, server) = assert_done(shaken(&strict_client, None, &strict));
        for info in [client_.c.info(), server.c.info()] {
            assert_eq!(info.alpn.as_deref(), Some(&b"h2"[..]));
        }
        // Whoever requires one and has none takes nobody.
        let (client_, server) = shaken(&strict_client, None, &server_config().require_alpn());
        assert_refused((&server, &client_), Fault::NoAlpn);
    }
    // A session without one is none to resume with.
    for version in VERSIONS {
        let (client, server) = primed(version);
        let (client, server) = shaken(&client.require_alpn(), None, &server);
        assert_refused((&client, &server), Fault::NoAlpn);
    }
}

/// RFC 7627 section 5.2: handshake_failure.
#[test]
fn either_side_may_require_extended_master_secret() {
    let server = || server_config().versions(&[TLS12]).unwrap();
    let (strict_client, strict) =
        (client(TLS12).require_extended_master_secret(), server().require_extended_master_secret());
    let (client_without, without) =
        (client(TLS12).without_extended_master_secret(), server().without_extended_master_secret());
    let fault = Fault::NoExtendedMasterSecret;
    assert_eq!(fault.alert(), AlertDescription::HANDSHAKE_FAILURE);
    let (client_, server_) = shaken(&client_without, None, &strict);
    assert_refused((&server_, &client_), fault);
    let (client_, server_) = shaken(&strict_client, None, &without);
    assert_refused((&client_, &server_), fault);
    for (client, server) in [
        (&strict_client, &strict),
        (&client_without, &server()),
        (&client(TLS12), &without),
        // The last word counts.
        (&client_without.clone().require_extended_master_secret(), &strict),
        (&strict_client.clone().without_extended_master_secret(), &without),
    ] {
        assert_done(shaken(client, None, server));
    }
    // TLS 1.3 needs none.
    let tls13 = client_config().require_extended_master_secret().without_extended_master_secret();
    assert_done(shaken(&tls13, None, &server_config().require_extended_master_secret()));
    // Nor is a session a way around it.
    let (client, server) = keeping(TLS12);
    assert_done(shaken(&client, None, &server));
    let hides = client_hello(|m| m.extensions.extended_master_secret = false);
    let (client, server) = shaken(&client, hides, &server.require_extended_master_secret());
    assert_refused((&server, &client), fault);
}

/// RFC 5746 section 4: handshake_failure.
#[test]
fn either_side_may_require_renegotiation_info() {
    let server = || server_config().versions(&[TLS12]).unwrap();
    let fault = Fault::NoRenegotiationInfo;
    assert_eq!(fault.alert(), AlertDescription::HANDSHAKE_FAILURE);
    let hides = || {
        client_hello(|m| {
            m.extensions.renegotiation_info = None;
            m.cipher_suites = List::values(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]);
        })
    };
    let (client_, server_) = shaken(&client(TLS12), hides(), &server().require_renegotiation_info());
    assert_refused((&server_, &client_), fault);
    assert_done(shaken(&client(TLS12), hides(), &server()));
    // The suite's value says it as well.
    let scsv = client_hello(|m| {
        m.extensions.renegotiation_info = None;
        m.cipher_suites = List::values(&[
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV,
        ]);
    });
    assert_done(shaken(&client(TLS12), scsv, &server().require_renegotiation_info()));

    let of_server = |client: &ClientConfig| {
        let hides = server_hello(|m| m.extensions.renegotiation_info = None);
        let (mut client, mut server) = (Party::client(client), Party::server_altered(&server(), hides));
        pump(&mut client, &mut server);
        (client, server)
    };
    let (client_, server_) = of_server(&client(TLS12).require_renegotiation_info());
    assert_refused((&client_, &server_), fault);
    assert_done(of_server(&client(TLS12)));
    // TLS 1.3 has none.
    let tls13 = client(ProtocolVersion::TLS13).require_renegotiation_info();
    assert_done(shaken(&tls13, None, &server_config().require_renegotiation_info()));
}

/// RFC 9846 section 4.2.4: a group without a share may be asked for.
#[test]
fn a_group_may_be_worth_a_round_trip() {
    let (x25519, p256, p384) = (NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1);
    // A share of the first alone is sent.
    let client = client(ProtocolVersion::TLS13).groups(&[x25519, p384, p256]).unwrap();
    let server = |worth: &[NamedGroup]| {
        server_config().groups(&[p256, p384, x25519]).unwrap().groups_worth_a_retry(worth).unwrap()
    };
    for (worth, retried, group) in [
        (&[][..], false, x25519),
        (&[x25519], false, x25519),
        (&[p384], true, p384),
        // The order is that of the groups.
        (&[p384, p256], true, p256),
    ] {
        let (client, server) = assert_done(shaken(&client, None, &server(worth)));
        for info in [client.c.info(), server.c.info()] {
            assert_eq!((info.retried, info.group), (retried, Some(group)), "{worth:?}");
        }
        let why = server.c.info().reasons.group.unwrap();
        assert_eq!((why == Reason::WorthARoundTrip), retried, "{why}");
    }
    // Only what the server speaks, and the client supports.
    let only = self::client(ProtocolVersion::TLS13).groups(&[x25519, p256]).unwrap();
    assert!(!assert_done(shaken(&only, None, &server(&[p384]))).0.c.info().retried);
    let narrow = server_config().groups(&[x25519, p256]).unwrap().groups_worth_a_retry(&[p384]).unwrap();
    assert!(!assert_done(shaken(&client, None, &narrow)).0.c.info().retried);
    let unknown = NamedGroup(0x7777);
    assert!(matches!(
        server_config().groups_worth_a_retry(&[x25519, unknown]),
        Err(ConfigError::UnknownGroup(group)) if group == unknown
    ));
}

#[cfg(feature = "post-quantum")]
#[test]
fn the_hybrid_may_be_asked_for() {
    let hybrid = NamedGroup::X25519MLKEM768;
    // A share of X25519 goes with one of the hybrid, and the first group's is sent.
    let offers_later = client_config().groups(&[NamedGroup::SECP256R1, hybrid]).unwrap();
    for worth in [false, true] {
        let mut server = server_config();
        if worth {
            server = server.groups_worth_a_retry(&[hybrid]).unwrap();
        }
        let (mut client, mut server) = assert_done(shaken(&offers_later, None, &server));
        let group = if worth { hybrid } else { NamedGroup::SECP256R1 };
        assert_eq!((client.c.info().group, client.c.info().retried), (Some(group), worth));
        deliver(&mut client, &mut server, b"up");
    }
}

/// RFC 9846 section 9.2: it is needed where a certificate is to be shown.
#[test]
fn a_pre_shared_key_needs_no_signature_algorithms() {
    let (client, server) = primed(ProtocolVersion::TLS13);
    let ((sessions, policy), name) = (client.resumption().unwrap(), name());
    let session = sessions.take(&name, policy, now().as_secs(), |_| true).unwrap();
    let early = EarlySecret::new(session.suite, Some(session.secret.as_bytes()), &silent());
    let hash = session.suite.hash;
    sessions.keep(&name, policy, session);
    // The binder is made again, over what is sent in the end.
    let silent = each(HandshakeType::CLIENT_HELLO, move |hello| {
        let mut hello = with_extensions(&hello, |all| {
            all.retain(|(kind, _)| *kind != ExtensionType::SIGNATURE_ALGORITHMS.0);
        });
        let (cut, len) = (hello.len() - hash.len() - 3, hello.len());
        let digest = Transcript::new().hash_with(hash, &hello[..cut]).unwrap();
        hello[len - hash.len()..].copy_from_slice(early.binder(PskKind::Resumption, &digest).as_bytes());
        vec![hello]
    });
    let (client_, mut server_) = assert_done(shaken(&client, silent, &server));
    assert!(client_.c.info().resumed && server_.c.info().resumed);
    let hello = messages(&Party::records(&mut { client_ })).remove(0);
    let Body::ClientHello(m) = Message::decode(&hello, Form::Tls13).unwrap().body else { panic!() };
    assert!(m.extensions.signature_algorithms.is_none() && m.extensions.pre_shared_key.is_some());
    assert_eq!(server_.alerts(), []);
    // Where the key is not taken, or none is offered, it is missing.
    let (fresh, _) = primed(ProtocolVersion::TLS13);
    for client in [fresh, self::client(ProtocolVersion::TLS13)] {
        let silent = remove(HandshakeType::CLIENT_HELLO, ExtensionType::SIGNATURE_ALGORITHMS);
        let (client, server) = shaken(&client, silent, &server);
        assert_refused((&server, &client), Fault::MissingExtensionInClientHello);
    }
}
