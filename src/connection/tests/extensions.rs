//! Each extension of each message, twice, where it may not stand, too short
//! and too long: which alert leaves (RFC 9846 section 4.3).

use super::alter::*;
use super::faults::*;
use super::kit::*;
use super::places::place;
use crate::alert::AlertDescription;
use crate::fault::Fault;
use crate::record::Alter;
use crate::schedule::Side;
use crate::wire::*;
use std::sync::Arc;

/// A message with extensions, and a handshake in which it is sent.
struct Carrier {
    place: Place,
    kind: HandshakeType,
    /// Runs a handshake with the message changed; the one that reads it is first.
    run: fn(Option<Alter>) -> (Party, Party),
}

fn asking_client() -> crate::config::ClientConfig {
    client_config().alpn(&[b"h2"]).unwrap().identity(PKI.client.identity())
}

fn asking_server() -> crate::config::ServerConfig {
    requesting().alpn(&[b"h2"]).unwrap()
}

const CARRIERS: [Carrier; 7] = [
    Carrier {
        place: Place::ClientHello,
        kind: HandshakeType::CLIENT_HELLO,
        run: |alter| client_says_in(&asking_client(), &asking_server(), alter),
    },
    Carrier {
        place: Place::ServerHello13,
        kind: HandshakeType::SERVER_HELLO,
        run: |alter| server_says_in(&asking_client(), &asking_server(), alter),
    },
    Carrier {
        place: Place::HelloRetryRequest,
        kind: HandshakeType::SERVER_HELLO,
        run: |alter| {
            server_says_in(&retry_client(), &retry_server().retry_cookie([1; 32]).unwrap(), first(alter))
        },
    },
    Carrier {
        place: Place::EncryptedExtensions,
        kind: HandshakeType::ENCRYPTED_EXTENSIONS,
        run: |alter| server_says_in(&asking_client(), &asking_server(), alter),
    },
    Carrier {
        place: Place::CertificateRequest,
        kind: HandshakeType::CERTIFICATE_REQUEST,
        run: |alter| server_says_in(&asking_client(), &asking_server(), alter),
    },
    Carrier {
        place: Place::Certificate,
        kind: HandshakeType::CERTIFICATE,
        run: |alter| server_says_in(&asking_client(), &asking_server(), alter),
    },
    // The client's own, to which nothing may be stapled that was not asked for.
    Carrier {
        place: Place::Certificate,
        kind: HandshakeType::CERTIFICATE,
        run: |alter| client_says_in(&asking_client(), &asking_server(), alter),
    },
];

/// Only the first message is changed.
fn first(alter: Option<Alter>) -> Option<Alter> {
    let mut alter = alter;
    Some(Box::new(move |message| match alter.take() {
        Some(mut alter) => alter(message),
        None => vec![message],
    }))
}

impl Carrier {
    fn with(&self, f: impl Fn(&mut Vec<Extension>) + Send + 'static) -> (Party, Party) {
        (self.run)(extensions(self.kind, f))
    }

    /// The extensions as they are sent.
    fn present(&self) -> Vec<Extension> {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let write = seen.clone();
        let (reader, _) = self.with(move |all| *write.lock().unwrap() = all.clone());
        assert!(reader.error.is_none(), "{:?}: {:?}", self.place, reader.error);
        std::mem::take(&mut *seen.lock().unwrap())
    }
}

#[test]
fn twice() {
    for carrier in &CARRIERS {
        for (number, (kind, _)) in carrier.present().into_iter().enumerate() {
            let (mut reader, _) = carrier.with(move |all| all.insert(0, all[number].clone()));
            reader.assert_failed(Fault::DuplicateExtension);
            assert_eq!(reader.alerts()[0].1, AlertDescription::DECODE_ERROR.0, "{kind}");
        }
        // One that nobody knows is no exception.
        let (mut reader, _) =
            carrier.with(|all| all.splice(0..0, [(0x7777, vec![]), (0x7777, vec![])]).for_each(drop));
        reader.assert_failed(Fault::DuplicateExtension);
    }
}

#[test]
fn where_it_may_not_stand() {
    for carrier in &CARRIERS {
        let misplaced =
            ExtensionType::NAMED.iter().filter(|kind| kind.is_read() && !carrier.place.allows(**kind));
        for kind in misplaced.copied() {
            let (mut reader, _) = carrier.with(move |all| all.insert(0, (kind.0, vec![])));
            reader.assert_failed(Fault::MisplacedExtension);
            assert_eq!(reader.alerts()[0].1, AlertDescription::ILLEGAL_PARAMETER.0, "{kind}");
        }
    }
}

#[test]
fn unknown_to_everybody() {
    for carrier in &CARRIERS {
        for kind in [0x7777, 0x1a1a] {
            let (mut reader, peer) = carrier.with(move |all| all.insert(0, (kind, vec![1, 2, 3])));
            match carrier.place {
                // A question may hold what the other side does not know.
                Place::ClientHello | Place::CertificateRequest => assert!(reader.is_done() && peer.is_done()),
                _ => {
                    reader.assert_failed(Fault::UnofferedExtension);
                    assert_eq!(reader.alerts()[0].1, AlertDescription::UNSUPPORTED_EXTENSION.0);
                }
            }
        }
    }
}

#[test]
fn not_asked_for() {
    // With well-formed bodies, in the place where they may stand.
    let rows: [(usize, ExtensionType, &[u8]); 8] = [
        (1, ExtensionType::PRE_SHARED_KEY, &[0, 0]),
        (3, ExtensionType::EARLY_DATA, &[]),
        (3, ExtensionType::RECORD_SIZE_LIMIT, &[0x40, 1]),
        (3, ExtensionType::TICKET_REQUEST, &[2]),
        (5, ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, &[0, 3, 0, 1, 7]),
        (6, ExtensionType::STATUS_REQUEST, &[1, 0, 0, 1, 7]),
        (6, ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, &[0, 3, 0, 1, 7]),
        (3, ExtensionType::SERVER_NAME, &[]),
    ];
    for (carrier, kind, body) in &rows[..7] {
        let (kind, body) = (*kind, body.to_vec());
        let (mut reader, _) = CARRIERS[*carrier].with(move |all| all.push((kind.0, body.clone())));
        reader.assert_failed(Fault::UnofferedExtension);
    }
    // What a client keeps to itself is not answered: ALPN and the name.
    let options = crate::config::ClientOptions { hide_server_name: true, ..Default::default() };
    let mut client =
        Party::client_made(&client_config(), options, crate::crypto::source::Entropy::system(), None);
    let alter = add(HandshakeType::ENCRYPTED_EXTENSIONS, ExtensionType::SERVER_NAME, &[]);
    pump(&mut client, &mut Party::server_altered(&server_config(), alter));
    client.assert_failed(Fault::UnofferedExtension);
    let alpn = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
    let (mut client, _) = server_says(add(HandshakeType::ENCRYPTED_EXTENSIONS, alpn, b"\0\x03\x02h2"));
    client.assert_failed(Fault::UnofferedExtension);
}

#[test]
fn cut_and_lengthened() {
    for carrier in &CARRIERS {
        for (number, (kind, body)) in carrier.present().into_iter().enumerate() {
            for length in 0..body.len() {
                // A ticket is bytes, as many as there are.
                if ExtensionType(kind) == ExtensionType::SESSION_TICKET {
                    continue;
                }
                let (mut reader, _) = carrier.with(move |all| all[number].1.truncate(length));
                let fault = reader.fault();
                let context =
                    format!("{:?} {} {length}: {:?}", carrier.place, ExtensionType(kind), reader.error);
                assert!(matches!(fault, Some(Fault::Truncated | Fault::BadLength)), "{context}");
                assert_eq!(reader.alerts(), [(2, AlertDescription::DECODE_ERROR.0)], "{context}");
            }
            let (mut reader, _) = carrier.with(move |all| all[number].1.push(0));
            reader.assert_failed(Fault::TrailingBytes);
        }
    }
}

#[test]
fn in_a_ticket() {
    let ticket = |all: &[Extension]| {
        let empty = framed(HandshakeType::NEW_SESSION_TICKET, &[0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 1, 9, 0, 0]);
        with_extensions(&empty, |block| block.extend_from_slice(all))
    };
    let early = (ExtensionType::EARLY_DATA.0, vec![0, 0, 1, 0]);
    let name = (ExtensionType::SERVER_NAME.0, vec![]);
    for (extensions, fault) in [
        (vec![early.clone(), (0x7777, vec![1])], None),
        (vec![early.clone(), early.clone()], Some(Fault::DuplicateExtension)),
        (vec![name], Some(Fault::MisplacedExtension)),
        (vec![(early.0, vec![0, 0, 1])], Some(Fault::Truncated)),
        (vec![(early.0, vec![])], Some(Fault::Truncated)),
        (vec![(early.0, vec![0; 5])], Some(Fault::TrailingBytes)),
    ] {
        let mut at = place(Side::Client, "Connected");
        let bytes = at.victim.forge(HANDSHAKE, &ticket(&extensions));
        at.victim.give(&bytes);
        match fault {
            Some(fault) => at.victim.assert_failed(fault),
            None => assert!(at.victim.error.is_none()),
        }
    }
}
