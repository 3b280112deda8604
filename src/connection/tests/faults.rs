//! Each row of `fault.rs`, provoked through a live flow, and its alert read off
//! the wire.

use super::super::Close;
use super::alter::*;
use super::client_early;
use super::kit::*;
use super::places::{Place, place};
use super::pre_shared::{client_of, external, server_of};
use super::resumption::primed;
use super::server_early;
use crate::alert::AlertLevel;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::error::Error;
use crate::fault::Fault;
use crate::limits;
use crate::question::Answer;
use crate::record::Alter;
use crate::schedule::Side::{self, Client, Server};
use crate::session::ReplayRegister;
use crate::wire::*;

/// Who failed, and its peer.
type Run = (Party, Party);

type Case = fn() -> Run;

/// A client whose server says something else than it meant to.
pub(super) fn server_says(alter: Option<Alter>) -> Run {
    run(Party::client(&client_config()), Party::server_altered(&server_config(), alter))
}

/// The same, where the configurations matter.
pub(super) fn server_says_in(client: &ClientConfig, server: &ServerConfig, alter: Option<Alter>) -> Run {
    run(Party::client(client), Party::server_altered(server, alter))
}

/// A server whose client says something else than it meant to.
pub(super) fn client_says(alter: Option<Alter>) -> Run {
    client_says_in(&client_config(), &server_config(), alter)
}

pub(super) fn client_says_in(client: &ClientConfig, server: &ServerConfig, alter: Option<Alter>) -> Run {
    let (client, server) = run(Party::client_altered(client, alter), Party::server(server));
    (server, client)
}

fn run(mut client: Party, mut server: Party) -> Run {
    pump(&mut client, &mut server);
    (client, server)
}

/// Two sides that know each other by a pre-shared key.
fn with_key() -> (ClientConfig, ServerConfig) {
    (client_of(external(b"device")), server_of(external(b"device")))
}

/// A session is resumed, and one side says something else than it meant to.
fn resumes(version: ProtocolVersion, client: Option<Alter>, server: Option<Alter>, victim: Side) -> Run {
    let (client_config, server_config) = primed(version);
    let client = Party::client_altered(&client_config, client);
    let (client, server) = run(client, Party::server_altered(&server_config, server));
    if victim == Client { (client, server) } else { (server, client) }
}

/// What arrives at a client that awaits EncryptedExtensions.
fn at_client(bytes: impl Fn(&Party) -> Vec<u8>) -> Run {
    given("WaitEe", bytes)
}

fn given(state: &str, bytes: impl Fn(&Party) -> Vec<u8>) -> Run {
    let Place { mut victim, peer, .. } = place(Client, state);
    let bytes = bytes(&victim);
    victim.give(&bytes);
    (victim, peer)
}

/// The same message or record again and again, to a client that is connected.
fn repeated(times: usize, kind: u8, content: &[u8]) -> Run {
    let Place { mut victim, mut peer, .. } = place(Client, "Connected");
    for n in 0..times {
        assert!(victim.error.is_none(), "{n}: {:?}", victim.error);
        let bytes = victim.forge(kind, content);
        victim.give(&bytes);
    }
    // The forged records were not the peer's: it cannot go on.
    peer.take();
    (victim, peer)
}

/// Configurations that need a HelloRetryRequest.
pub(super) fn retry_client() -> ClientConfig {
    client_config().groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap()
}

pub(super) fn retry_server() -> ServerConfig {
    server_config().groups(&[NamedGroup::SECP256R1]).unwrap()
}

fn cookie_server() -> ServerConfig {
    retry_server().retry_cookie([7; 32]).unwrap()
}

pub(super) fn tls12_client() -> ClientConfig {
    client_config().versions(&[ProtocolVersion::TLS12]).unwrap()
}

pub(super) fn tls12_server() -> ServerConfig {
    server_config().versions(&[ProtocolVersion::TLS12]).unwrap()
}

fn alpn_client() -> ClientConfig {
    client_config().alpn(&[b"h2"]).unwrap()
}

fn requiring() -> ServerConfig {
    server_config().client_auth(ClientAuth::Require(trusting().into()))
}

const DOWNGRADED: [u8; 32] = *b"twenty-four random bytesDOWNGRD\x01";
/// One identity of one byte, and its binder.
pub(super) const A_PSK: [u8; 44] = {
    let mut body = [9; 44];
    let start = [0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32];
    let mut at = 0;
    while at < start.len() {
        body[at] = start[at];
        at += 1;
    }
    body
};
const ENTRIES_TOO_MANY: usize = limits::CHAIN_CERTIFICATES + 1;

/// Every row, with what provokes it.
#[rustfmt::skip] // a table
const CASES: &[(Fault, Case)] = &[
    // Records
    (Fault::UnknownContentType, || at_client(|_| plain(66, b"?"))),
    (Fault::BadRecordVersion, || at_client(|_| vec![DATA, 3, 4, 0, 20])),
    (Fault::RecordTooLong, || at_client(|_| vec![DATA, 3, 3, 0x41, 1])),
    (Fault::PlaintextTooLong, || at_client(|victim| victim.forge(HANDSHAKE, &[1; limits::RECORD_PLAINTEXT + 1]))),
    (Fault::EmptyRecord, || at_client(|victim| victim.forge(HANDSHAKE, &[]))),
    (Fault::TooManyEmptyRecords, || repeated(usize::from(limits::EMPTY_RECORDS) + 1, DATA, &[])),
    (Fault::BadRecordMac, || at_client(|victim| {
        let mut record = victim.forge(HANDSHAKE, &[8, 0, 0, 2, 0, 0]);
        record[7] ^= 1;
        record
    })),
    (Fault::NoContentType, || at_client(|victim| victim.forge_inner(&[0; 9]))),
    (Fault::UnprotectedRecord, || at_client(|_| plain(HANDSHAKE, &[8, 0, 0, 2, 0, 0]))),
    (Fault::BadChangeCipherSpec, || at_client(|_| plain(CHANGE_CIPHER_SPEC, &[2]))),
    (Fault::TooManyChangeCipherSpecs, || at_client(|_| plain(CHANGE_CIPHER_SPEC, &[1]).repeat(3))),
    (Fault::BadAlertLevel, || at_client(|victim| victim.forge(ALERT, &[3, 40]))),
    (Fault::BadAlert, || at_client(|victim| victim.forge(ALERT, &[2, 40, 0]))),
    (Fault::TooManyWarnings, || repeated(usize::from(limits::WARNING_ALERTS) + 1, ALERT, &[1, 90])),

    // Every message
    (Fault::Truncated, || server_says(body(HandshakeType::ENCRYPTED_EXTENSIONS, |body| body.truncate(1)))),
    (Fault::TrailingBytes, || server_says(body(HandshakeType::CERTIFICATE_VERIFY, |body| body.push(0)))),
    (Fault::BadLength, || client_says(client_hello(|m| m.session_id = &[7; 33]))),
    (Fault::BadValue, || client_says(add(HandshakeType::CLIENT_HELLO, ExtensionType::RECORD_SIZE_LIMIT, &[0, 63]))),
    (Fault::UnknownMessage, || server_says(each(HandshakeType::CERTIFICATE, |_| vec![vec![99, 0, 0, 0]]))),
    (Fault::UnexpectedMessage, || server_says(each(HandshakeType::ENCRYPTED_EXTENSIONS, |_| vec![]))),
    (Fault::MessageTooLong, || at_client(|victim| victim.forge(HANDSHAKE, &[8, 1, 0, 0]))),
    (Fault::MessageInterleaved, || at_client(|victim| {
        [victim.forge(HANDSHAKE, &[8, 0]), plain(CHANGE_CIPHER_SPEC, &[1])].concat()
    })),
    (Fault::KeyChangeInsideRecord, || server_says(each(HandshakeType::SERVER_HELLO, |hello| {
        vec![hello, vec![8, 0, 0, 2, 0, 0]]
    }))),
    (Fault::DuplicateExtension, || server_says(extensions(HandshakeType::SERVER_HELLO, |all| all.push(all[0].clone())))),
    (Fault::MisplacedExtension, || {
        server_says(add(HandshakeType::ENCRYPTED_EXTENSIONS, ExtensionType::KEY_SHARE, &[]))
    }),
    (Fault::UnofferedExtension, || {
        server_says(add(HandshakeType::ENCRYPTED_EXTENSIONS, ExtensionType::EARLY_DATA, &[]))
    }),

    // ClientHello
    (Fault::NullCompressionMissing, || client_says(client_hello(|m| m.compression_methods = &[1, 0]))),
    (Fault::PreSharedKeyNotLast, || client_says(extensions(HandshakeType::CLIENT_HELLO, |all| {
        all.insert(0, (ExtensionType::PRE_SHARED_KEY.0, vec![0]));
    }))),
    (Fault::MissingExtensionInClientHello, || {
        client_says(remove(HandshakeType::CLIENT_HELLO, ExtensionType::SIGNATURE_ALGORITHMS))
    }),
    (Fault::BadBinder, || resumes(ProtocolVersion::TLS13, extension(
        HandshakeType::CLIENT_HELLO, ExtensionType::PRE_SHARED_KEY, |psks| *psks.last_mut().unwrap() ^= 1,
    ), None, Server)),
    (Fault::Reflected, || {
        let key = external(b"node");
        client_says_in(&client_of(key.clone()), &server_of(key), None)
    }),
    (Fault::MissingPskModes, || client_says(extensions(HandshakeType::CLIENT_HELLO, |all| {
        all.push((ExtensionType::PRE_SHARED_KEY.0, A_PSK.to_vec()));
    }))),
    (Fault::ShareNotInGroups, || {
        client_says(client_hello(|m| m.extensions.supported_groups = Some(List::values(&[NamedGroup::SECP256R1]))))
    }),
    (Fault::DuplicateShare, || client_says(extension(HandshakeType::CLIENT_HELLO, ExtensionType::KEY_SHARE, |shares| {
        shares.extend_from_within(2..);
        let length = u16::try_from(shares.len() - 2).unwrap();
        shares[..2].copy_from_slice(&length.to_be_bytes());
    }))),
    (Fault::BadServerName, || client_says(extension(HandshakeType::CLIENT_HELLO, ExtensionType::SERVER_NAME, |list| {
        list[2] = 1; // not a host_name
    }))),
    (Fault::NoServerName, || {
        let nobody = client_hello(|m| m.extensions.server_name = None);
        client_says_in(&client_config(), &server_config().require_server_name(), nobody)
    }),
    (Fault::PskLeftOut, || {
        let (client, server) = primed(ProtocolVersion::TLS13);
        client_says_in(&client, &server.groups(&[NamedGroup::SECP256R1]).unwrap(), nth(1, |hello| {
            vec![with_extensions(&hello, |all| all.retain(|(kind, _)| *kind != ExtensionType::PRE_SHARED_KEY.0))]
        }))
    }),
    (Fault::SecondHelloDiffers, || client_says_in(&retry_client(), &retry_server(), nth(1, |mut hello| {
        hello[6] ^= 1; // random
        vec![hello]
    }))),
    (Fault::InappropriateFallback, || client_says(client_hello(|m| {
        m.extensions.supported_versions = Some(List::values(&[ProtocolVersion::TLS12]));
        m.cipher_suites = List::values(&[CipherSuite::TLS_FALLBACK_SCSV]);
    }))),
    (Fault::BadCookie, || client_says_in(&retry_client(), &cookie_server(), extension(
        HandshakeType::CLIENT_HELLO, ExtensionType::COOKIE, |cookie| cookie[9] ^= 1,
    ))),
    (Fault::EarlyDataTooLong, || {
        let (alter, _) = keep(1);
        let mut alter = alter.unwrap();
        let early = move |hello: Vec<u8>| match hello[0] {
            1 => alter(with_extensions(&hello, |all| all.push((ExtensionType::EARLY_DATA.0, vec![])))),
            _ => alter(hello),
        };
        let (mut server, client) = client_says(Some(Box::new(early)));
        assert_eq!(server.state(), "WaitFinished");
        let half = plain(DATA, &[7; limits::EARLY_DATA_SKIPPED as usize / 2]);
        let records = [&half[..], &half, &plain(DATA, &[7; 20])].concat();
        server.give(&records);
        (server, client)
    }),

    (Fault::TooMuchEarlyData, || {
        let (client, server) = server_early::taking(ReplayRegister::new());
        connect(&client, &server);
        let (mut client, mut server) = (Party::client(&client), Party::server(&server));
        server.give(&client.take());
        let bytes = server.forge(DATA, &vec![7; server_early::MOST as usize + 1]);
        server.give(&bytes);
        (server, client)
    }),

    // ServerHello, HelloRetryRequest
    (Fault::UnofferedVersion, || {
        server_says(server_hello(|m| m.extensions.supported_versions = Some(ProtocolVersion(0x0305))))
    }),
    (Fault::BadLegacyVersion, || server_says(server_hello(|m| m.legacy_version = ProtocolVersion::TLS13))),
    (Fault::OldVersion, || server_says(server_hello(|m| {
        m.extensions = ServerExtensions::default();
        m.legacy_version = ProtocolVersion::TLS11;
    }))),
    (Fault::Downgrade, || server_says(server_hello(|m| {
        m.extensions = ServerExtensions::default();
        m.random = &DOWNGRADED;
    }))),
    (Fault::SessionIdNotEchoed, || server_says(server_hello(|m| m.session_id = &[7; 32]))),
    (Fault::UnofferedSuite, || server_says(server_hello(|m| m.cipher_suite = CipherSuite::TLS_AES_128_CCM_SHA256))),
    (Fault::SuiteChanged, || server_says_in(&retry_client(), &retry_server(), server_hello(|m| {
        m.cipher_suite = CipherSuite::TLS_CHACHA20_POLY1305_SHA256;
    }))),
    (Fault::CompressionChosen, || server_says(server_hello(|m| m.compression_method = 1))),
    (Fault::UnofferedGroup, || server_says(server_hello(|m| {
        m.extensions.key_share.as_mut().unwrap().group = NamedGroup::SECP384R1;
    }))),
    (Fault::MissingKeyShare, || server_says(remove(HandshakeType::SERVER_HELLO, ExtensionType::KEY_SHARE))),
    (Fault::BadKeyShare, || server_says(server_hello(|m| m.extensions.key_share.as_mut().unwrap().key_exchange = &[0; 32]))),
    (Fault::SecondRetry, || {
        let mut first = Vec::new();
        server_says_in(&retry_client(), &retry_server(), each(HandshakeType::SERVER_HELLO, move |message| {
            if first.is_empty() {
                first = message;
            }
            vec![first.clone()]
        }))
    }),
    (Fault::RetryChangesNothing, || server_says(retry_instead(Some(NamedGroup::X25519)))),

    (Fault::UnofferedPsk, || resumes(ProtocolVersion::TLS13, None, server_hello(|m| {
        m.extensions.pre_shared_key = Some(1);
    }), Client)),
    (Fault::EarlyDataOldVersion, client_early::answered_in_tls12),
    (Fault::PskWithoutKeyShare, || {
        let (client, server) = with_key();
        server_says_in(&client, &server, server_hello(|m| m.extensions.key_share = None))
    }),
    (Fault::NoPskChosen, || {
        let (client, server) = with_key();
        server_says_in(&client, &server, server_hello(|m| m.extensions.pre_shared_key = None))
    }),
    (Fault::PskHashDiffers, || resumes(ProtocolVersion::TLS13, None, server_hello(|m| {
        m.cipher_suite = CipherSuite::TLS_AES_256_GCM_SHA384;
    }), Client)),

    // TLS 1.2 alone
    (Fault::SessionSuiteChanged, || resumes(ProtocolVersion::TLS12, None, server_hello(|m| {
        m.cipher_suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    }), Client)),
    (Fault::ResumedWithoutBinding, || resumes(ProtocolVersion::TLS12, None, server_hello(|m| {
        m.extensions.extended_master_secret = false;
    }), Client)),
    (Fault::ResumedWithoutBinding, || resumes(ProtocolVersion::TLS12, client_hello(|m| {
        m.extensions.extended_master_secret = false;
    }), None, Server)),
    (Fault::SessionIdEchoed, || {
        let mut client = Party::client(&client_config());
        let hello = messages(&client.records()).remove(0);
        let id: &'static [u8] = Vec::leak(hello[39..71].to_vec());
        let mut server = Party::server_altered(&tls12_server(), server_hello(move |m| m.session_id = id));
        server.give(&client.sent.clone());
        run(client, server)
    }),
    (Fault::BadRenegotiationInfo, || {
        client_says_in(&tls12_client(), &tls12_server(), client_hello(|m| m.extensions.renegotiation_info = Some(&[1])))
    }),
    (Fault::NoRenegotiationInfo, || {
        let hides = server_hello(|m| m.extensions.renegotiation_info = None);
        server_says_in(&tls12_client().require_renegotiation_info(), &tls12_server(), hides)
    }),
    (Fault::NoExtendedMasterSecret, || {
        let client = tls12_client().without_extended_master_secret();
        client_says_in(&client, &tls12_server().require_extended_master_secret(), None)
    }),
    (Fault::NoUncompressedPoints, || client_says_in(&tls12_client(), &tls12_server(), client_hello(|m| {
        m.extensions.ec_point_formats = Some(List::values(&[EcPointFormat::ANSIX962_COMPRESSED_PRIME]));
    }))),
    (Fault::CertificateRequired12, || {
        let required = requiring().versions(&[ProtocolVersion::TLS12]).unwrap();
        client_says_in(&tls12_client(), &required, None)
    }),
    (Fault::CurveNotOffered, || {
        let client = tls12_client().groups(&[NamedGroup::X25519]).unwrap();
        // The server hears of the curve, and the client does not know that it offered it.
        const MORE: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::SECP256R1];
        let more = client_hello(|m| m.extensions.supported_groups = Some(List::values(MORE)));
        run(Party::client_altered(&client, more), Party::server(&tls12_server()))
    }),
    #[cfg(feature = "static-rsa")]
    (Fault::NotAnRsaKey, || static_rsa_with(&PKI.server)),
    #[cfg(feature = "static-rsa")]
    (Fault::KeyNotForEncryption, || static_rsa_with(&PKI.rsa)),

    // EncryptedExtensions
    (Fault::UnofferedAlpn, || server_says_in(&alpn_client(), &server_config(), encrypted_extensions(|m| {
        m.alpn = Some(ProtocolName(b"h3"));
    }))),
    (Fault::BadAlpnChoice, || server_says_in(&alpn_client(), &server_config(), add(
        HandshakeType::ENCRYPTED_EXTENSIONS,
        ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        b"\0\x06\x02h2\x02h2",
    ))),
    (Fault::NoAlpn, || client_says_in(&client_config(), &server_config().require_alpn(), None)),
    (Fault::NoApplicationProtocol, || {
        client_says_in(&alpn_client(), &server_config().alpn(&[b"http/1.1"]).unwrap(), None)
    }),

    (Fault::EarlyDataOtherPsk, client_early::accepted_without_psk),
    (Fault::EarlyDataOtherSuite, client_early::accepted_with_other_suite),
    (Fault::EarlyDataOtherAlpn, || client_early::accepted_with_alpn(&[b"h3"])),

    // Certificate, CertificateRequest, CertificateVerify, Finished
    (Fault::NonEmptyContext, || server_says(certificate(|m| m.context = &[1]))),
    (Fault::EmptyCertificateList, || server_says(certificate(|m| m.entries = List::default()))),
    (Fault::CertificateRequired, || client_says_in(&client_config(), &requiring(), None)),
    (Fault::ChainTooLong, || server_says(certificate(|m| {
        let one = m.entries.first().unwrap();
        m.entries = List::values(Vec::leak(vec![one; ENTRIES_TOO_MANY]));
    }))),
    (Fault::UnreadableCertificate, unreadable_certificate),
    (Fault::NoSignatureAlgorithms, || server_says_in(&client_config(), &requesting(), certificate_request(|m| {
        m.extensions.signature_algorithms = None;
        m.extensions.status_request = true;
    }))),
    (Fault::UnofferedScheme, || server_says(certificate_verify(|m| m.scheme = SignatureScheme::ECDSA_SHA1))),
    (Fault::KeyNotForSigning, || {
        let server = requesting().client_auth(ClientAuth::Require(Judge::Application));
        let mut server = Party::server(&server).answering(|_| Some(Answer::Accept));
        let mut client = Party::client(&client_config().identity(PKI.not_for_signing.identity()));
        pump(&mut client, &mut server);
        (server, client)
    }),
    (Fault::SchemeDoesNotFitKey, || server_says(certificate_verify(|m| m.scheme = SignatureScheme::ED25519))),
    (Fault::BadSignature, || {
        server_says(body(HandshakeType::CERTIFICATE_VERIFY, |body| *body.last_mut().unwrap() ^= 1))
    }),
    (Fault::BadFinished, || client_says(body(HandshakeType::FINISHED, |body| body[0] ^= 1))),
    // One of another length is malformed, not wrong (RFC 9846 section 6.2).
    (Fault::BadLength, || client_says(body(HandshakeType::FINISHED, |body| body.push(0)))),
    (Fault::BadLength, || server_says(body(HandshakeType::FINISHED, |body| body.truncate(31)))),
    (Fault::BadLength, || server_says(body(HandshakeType::FINISHED, Vec::clear))),
    (Fault::BadLength, || resumes(ProtocolVersion::TLS13, None, body(HandshakeType::FINISHED, |body| body.push(0)), Client)),
    (Fault::BadLength, || resumes(ProtocolVersion::TLS13, body(HandshakeType::FINISHED, |body| body.truncate(1)), None, Server)),
    (Fault::BadLength, || resumes(ProtocolVersion::TLS12, None, body(HandshakeType::FINISHED, |body| body.push(0)), Client)),
    (Fault::BadLength, || resumes(ProtocolVersion::TLS12, body(HandshakeType::FINISHED, |body| body.truncate(11)), None, Server)),

    // After the handshake
    (Fault::BadKeyUpdate, || repeated(1, HANDSHAKE, &[24, 0, 0, 1, 2])),
    (Fault::TooManyKeyUpdates, || repeated(usize::from(limits::KEY_UPDATES) + 1, HANDSHAKE, &[24, 0, 0, 1, 0])),
    (Fault::TooManyTickets, || {
        let ticket = [4, 0, 0, 14, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 1, 9, 0, 0];
        repeated(usize::from(limits::TICKETS_READ) + 1, HANDSHAKE, &ticket)
    }),
    (Fault::Renegotiation, || hello_again(&tls12_server())),
    (Fault::RenegotiationForbidden, || hello_again(&tls12_server().renegotiation_is_fatal())),
    (Fault::TooManyHelloRequests, || {
        let (client, mut server) = connect(&tls12_client(), &tls12_server());
        says(&mut server, &[0; 4].repeat(usize::from(limits::HELLO_REQUESTS) + 1));
        run(client, server)
    }),
    (Fault::DataBeforeFinished, || at_client(|victim| victim.forge(DATA, b"data"))),
];

/// A message that this crate never sends, under the keys that it has.
pub(super) fn says(party: &mut Party, message: &[u8]) {
    party.take();
    party.c.sending.writing.message(&silent(), |w| w.bytes(message)).unwrap();
    party.c.end_flight().unwrap();
}

/// A client that negotiates again.
fn hello_again(server: &ServerConfig) -> Run {
    let (mut client, server) = connect(&tls12_client(), server);
    let hello = messages(&Party::client(&tls12_client()).records()).remove(0);
    says(&mut client, &hello);
    let (client, server) = run(client, server);
    (server, client)
}

/// A HelloRetryRequest in the place of the ServerHello.
pub(super) fn retry_instead(group: Option<NamedGroup>) -> Option<Alter> {
    each(HandshakeType::SERVER_HELLO, move |message| {
        let Body::ServerHello(hello) = Message::decode(&message, Form::Tls13).unwrap().body else { panic!() };
        vec![encoded(Body::HelloRetryRequest(HelloRetryRequest {
            legacy_version: hello.legacy_version,
            session_id: hello.session_id,
            cipher_suite: hello.cipher_suite,
            compression_method: 0,
            extensions: RetryExtensions {
                supported_versions: Some(ProtocolVersion::TLS13),
                key_share: group,
                ..RetryExtensions::default()
            },
        }))]
    })
}

/// A chain that the application accepts, whose leaf is none.
fn unreadable_certificate() -> Run {
    let judged = ClientConfig::new(Judge::Application, now).groups(&[NamedGroup::X25519]).unwrap();
    let garbage = certificate(|m| {
        let mut one = m.entries.first().unwrap();
        one.cert_data = b"garbage";
        m.entries = List::values(Vec::leak(vec![one]));
    });
    let (mut client, server) = server_says_in(&judged, &server_config(), garbage);
    client.answer(Answer::Accept);
    (client, server)
}

/// Asks the server for RSA key exchange where its certificate is not for that.
#[cfg(feature = "static-rsa")]
fn static_rsa_with(leaf: &Leaf) -> Run {
    let suite = CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;
    let alter: Alter = Box::new(move |message| match HandshakeType(message[0]) {
        HandshakeType::SERVER_KEY_EXCHANGE => vec![],
        HandshakeType::SERVER_HELLO => {
            let mut changed = server_hello(move |m| m.cipher_suite = suite).unwrap();
            changed(message)
        }
        _ => vec![message],
    });
    let server = server_config_with(leaf.identity()).versions(&[ProtocolVersion::TLS12]).unwrap();
    server_says_in(&tls12_client().allow_static_rsa(), &server, Some(alter))
}

/// Rows that only a feature of the crate can meet.
fn is_built(fault: Fault) -> bool {
    ![Fault::NotAnRsaKey, Fault::KeyNotForEncryption].contains(&fault) || cfg!(feature = "static-rsa")
}

#[test]
fn each_row_is_provoked_and_its_alert_is_on_the_wire() {
    let mut provoked = Vec::new();
    for (fault, case) in CASES {
        let (mut victim, mut peer) = case();
        assert_eq!(victim.fault(), Some(*fault), "{:?} in {}", victim.error, victim.state());
        let Some(Error::Peer { state, .. }) = &victim.error else { panic!() };
        assert!(!["", "Failed"].contains(state), "{fault:?} in {state}");
        match victim.c.info().version {
            // The ear knows the keys of TLS 1.3; here the peer is asked what it heard.
            Some(ProtocolVersion::TLS12) => {
                pump(&mut victim, &mut peer);
                match &peer.error {
                    Some(Error::AlertReceived { description, .. }) => assert_eq!(*description, fault.alert()),
                    // A warning, which is heard and passed over, and close_notify.
                    None if fault.level() == AlertLevel::Warning => {
                        assert_eq!(peer.closed(), Some(Close::Clean))
                    }
                    other => panic!("{fault:?}: {other:?}"),
                }
            }
            _ => victim.assert_failed(*fault),
        }
        provoked.push(*fault);
    }
    let missing: Vec<_> =
        Fault::ALL.iter().filter(|row| is_built(**row) && !provoked.contains(row)).collect();
    assert!(missing.is_empty(), "rows that nothing provokes: {missing:?}");
}

#[test]
fn no_case_fails_without_its_alteration() {
    for (client, server) in [
        (client_config(), server_config()),
        (retry_client(), retry_server()),
        (retry_client(), cookie_server()),
        (alpn_client(), server_config()),
        (client_config(), requesting()),
        with_key(),
    ] {
        connect(&client, &server);
    }
    let (client, server) = run(Party::client(&tls12_client()), Party::server(&tls12_server()));
    assert!(client.is_done() && server.is_done(), "{:?} {:?}", client.error, server.error);
    // States are reached by real handshakes, too.
    assert_eq!(place(Server, "WaitCv").victim.state(), "WaitCv");
}
