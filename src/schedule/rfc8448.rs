//! The traces of RFC 8448, sections 3 to 7, played step by step: each figure
//! of the RFC is made again by the schedule, the agreement and the protection.

use super::Side;
use super::heard::Heard;
use super::tls13::psk::*;
use super::tls13::*;
use super::transcript::Transcript;
use crate::crypto::aead::{Protection, TAG_LEN};
use crate::crypto::agree::{KeyShares, SharedSecret, respond};
use crate::crypto::kdf::{self, hkdf_expand_label};
use crate::crypto::source::Entropy;
use crate::crypto::suite::{Hash, Suite, TLS13};
use crate::crypto::vectors::{Case, read};
use crate::observe::Tap;
use crate::wire::NamedGroup;
use std::sync::Arc;

/// Where one direction's traffic secrets come from.
#[derive(Default)]
struct Direction {
    traffic: Vec<(Vec<u8>, Protection)>,
    seal: Option<Protection>,
    open: Option<Protection>,
}

struct Player {
    suite: &'static Suite,
    tap: Tap,
    heard: Arc<Heard>,
    transcript: Transcript,
    client_keys: Option<(NamedGroup, KeyShares)>,
    shared: Option<SharedSecret>,
    early: Option<EarlySecret>,
    handshake: Option<HandshakeSecret>,
    master: Option<MasterSecret>,
    resumption: Option<ResumptionSecret>,
    client: Direction,
    server: Direction,
    /// Of the ClientHello to come.
    binder: Vec<u8>,
    /// Of the Finished to come.
    verify_data: Vec<u8>,
    /// Protected records so far.
    records: usize,
}

const HELLO_RETRY: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];

impl Player {
    fn new() -> Self {
        let suite = &TLS13[0];
        let (tap, heard) = Heard::tap([0; 32]);
        Self {
            suite,
            tap,
            heard,
            transcript: Transcript::new(),
            client_keys: None,
            shared: None,
            early: None,
            handshake: None,
            master: None,
            resumption: None,
            client: Direction::default(),
            server: Direction::default(),
            binder: Vec::new(),
            verify_data: Vec::new(),
            records: 0,
        }
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn step(&mut self, case: &Case) {
        let (side, what) = case.title.split_once(": ").unwrap();
        let side = if side == "client" { Side::Client } else { Side::Server };
        let quoted = what.split('"').nth(1);
        match (what.split('"').next().unwrap(), quoted) {
            ("create an ephemeral x25519 key pair", None) => self.key_pair(side, NamedGroup::X25519, case),
            ("create an ephemeral P-256 key pair", None) => self.key_pair(side, NamedGroup::SECP256R1, case),
            ("extract secret ", Some(name)) => self.extract(name, case),
            ("derive secret for handshake " | "derive secret for master ", Some(_)) => {
                let (hash, is_it) = (self.suite.hash, |derived: &[u8]| derived == case.get("expanded"));
                assert!(derive_secret(hash, case.get("PRK"), "derived", kdf::hash_of_nothing(hash), is_it));
            }
            ("derive secret ", Some(label)) => self.derive(label, case),
            ("calculate finished ", Some(_)) => {
                let transcript = self.transcript.hash();
                let traffic = self.direction(side).traffic.iter().find(|row| row.0 == case.get("PRK"));
                let verify_data = verify_data(&traffic.unwrap().1, &transcript).unwrap();
                assert_eq!(verify_data.as_bytes(), case.get("finished"));
                self.verify_data = verify_data.as_bytes().to_vec();
            }
            ("calculate PSK binder", None) => {
                let prefix = case.get("ClientHello prefix");
                let hash = self.transcript.hash_with(self.suite.hash, prefix).unwrap();
                assert_eq!(hash.as_bytes(), case.get("binder hash"));
                let binder = self.early.as_ref().unwrap().binder(PskKind::Resumption, &hash);
                assert_eq!(binder.as_bytes(), case.get("finished"));
                self.binder = binder.as_bytes().to_vec();
            }
            ("generate resumption secret ", Some(_)) => {
                let psk = self.resumption.as_ref().unwrap().psk(case.get("hash"));
                assert_eq!(psk.as_bytes(), case.get("expanded"));
            }
            (what, None) if what.starts_with("construct ") => self.message(case),
            (what, None) if what.starts_with("send ") => self.record(side, what, case),
            (what, None) if what.contains(" traffic keys for ") => {
                let reads = what.starts_with("derive read");
                let writer = if reads == (side == Side::Client) { Side::Server } else { Side::Client };
                self.keys(writer, case);
            }
            _ => panic!("unknown step: {}", case.title),
        }
    }

    fn key_pair(&mut self, side: Side, group: NamedGroup, case: &Case) {
        let entropy = Entropy::given(&[case.get("private key")]);
        if side == Side::Client {
            let keys = KeyShares::generate(&[group], &entropy).unwrap();
            assert!(keys.entries().eq([(group, case.get("public key"))]));
            self.client_keys = Some((group, keys));
        } else {
            let (client_group, keys) = self.client_keys.take().unwrap();
            assert_eq!(client_group, group);
            let client_share = keys.entries().next().unwrap().1.to_vec();
            let (share, secret) = respond(group, &client_share, &entropy).unwrap();
            assert_eq!(share, case.get("public key"));
            let shared = keys.agree(group, &share).unwrap();
            assert_eq!(shared.as_bytes(), secret.as_bytes());
            self.shared = Some(shared);
        }
    }

    fn extract(&mut self, name: &str, case: &Case) {
        let ikm = case.get("IKM");
        match name {
            "early" => {
                let psk = (ikm != [0; 32]).then_some(ikm);
                self.early = Some(EarlySecret::new(self.suite, psk, &self.tap));
            }
            "handshake" => {
                let shared = self.shared.take().unwrap();
                assert_eq!(shared.as_bytes(), ikm);
                let early = self.early.take().unwrap();
                self.handshake = Some(early.handshake(&shared, &self.tap));
            }
            "master" => self.master = Some(self.handshake.take().unwrap().master(&self.tap)),
            _ => panic!("unknown secret {name}"),
        }
        let (told, keylog, secret) = self.heard.last();
        assert_eq!((told, keylog), (&*format!("{name}_secret"), None));
        assert_eq!(secret, case.get("secret"));
    }

    fn derive(&mut self, label: &str, case: &Case) {
        let hash = self.transcript.hash_with(self.suite.hash, b"").unwrap();
        assert_eq!(hash.as_bytes(), case.get("hash"), "{}", case.title);
        let (early, handshake, master) = (self.early.as_ref(), self.handshake.as_ref(), self.master.as_ref());
        let (tap, expanded) = (&self.tap, case.get("expanded").to_vec());
        let (client, server) = (&mut self.client.traffic, &mut self.server.traffic);
        let (name, keylog) = match label.strip_prefix("tls13 ").unwrap() {
            "c e traffic" => {
                client.push((expanded, early.unwrap().client_early_traffic(&hash, tap)));
                ("client_early_traffic_secret", Some("CLIENT_EARLY_TRAFFIC_SECRET"))
            }
            "e exp master" => {
                early.unwrap().early_exporter(&hash, tap);
                ("early_exporter_master_secret", Some("EARLY_EXPORTER_SECRET"))
            }
            "c hs traffic" => {
                client.push((expanded, handshake.unwrap().client_traffic(&hash, tap)));
                ("client_handshake_traffic_secret", Some("CLIENT_HANDSHAKE_TRAFFIC_SECRET"))
            }
            "s hs traffic" => {
                server.push((expanded, handshake.unwrap().server_traffic(&hash, tap)));
                ("server_handshake_traffic_secret", Some("SERVER_HANDSHAKE_TRAFFIC_SECRET"))
            }
            "c ap traffic" => {
                client.push((expanded, master.unwrap().at(&hash, tap).client_traffic()));
                ("client_application_traffic_secret_0", Some("CLIENT_TRAFFIC_SECRET_0"))
            }
            "s ap traffic" => {
                server.push((expanded, master.unwrap().at(&hash, tap).server_traffic()));
                ("server_application_traffic_secret_0", Some("SERVER_TRAFFIC_SECRET_0"))
            }
            "exp master" => {
                let master = self.master.take().unwrap();
                let at = master.at(&hash, tap);
                (_, self.master) = master.exporter(&at, true);
                ("exporter_master_secret", Some("EXPORTER_SECRET"))
            }
            "res master" => {
                self.resumption = Some(self.master.take().unwrap().resumption(&hash, tap));
                ("resumption_master_secret", None)
            }
            _ => panic!("unknown label {label}"),
        };
        assert_eq!(self.heard.last(), (name, keylog, case.get("expanded").to_vec()));
    }

    fn keys(&mut self, writer: Side, case: &Case) {
        let suite = self.suite;
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        hkdf_expand_label(suite.hash, case.get("PRK"), "key", b"", &mut key);
        hkdf_expand_label(suite.hash, case.get("PRK"), "iv", b"", &mut iv);
        assert_eq!((&key[..], &iv[..]), (case.get("key expanded"), case.get("iv expanded")));
        let direction = self.direction(writer);
        let traffic = &direction.traffic.iter().find(|row| row.0 == case.get("PRK")).unwrap().1;
        let protection = || Some(Protection::tls13(suite, traffic.traffic_secret().unwrap()));
        (direction.seal, direction.open) = (protection(), protection());
    }

    fn message(&mut self, case: &Case) {
        let (name, bytes) = &case.figures[0];
        match &name[..] {
            "ClientHello" => return,      // it may be without its binder: taken when it is sent
            "NewSessionTicket" => return, // after the handshake: not in its transcript
            "Finished" => assert_eq!(bytes[4..], self.verify_data),
            "ServerHello" => {
                self.transcript.set_hash(Hash::Sha256);
                if bytes[6..10] == HELLO_RETRY {
                    self.transcript.fold_hello_retry();
                }
            }
            _ => {}
        }
        self.transcript.add(bytes);
    }

    fn record(&mut self, side: Side, what: &str, case: &Case) {
        let (payload, record) = (case.get("payload"), case.get("complete record"));
        let (header, body) = record.split_at(5);
        if header[0] != 23 {
            assert_eq!(body, payload);
            if side == Side::Client && header[0] == 22 {
                assert!(payload.ends_with(&self.binder));
                self.transcript.add(payload); // a ClientHello
            }
            return;
        }
        let content_type = match what {
            "send handshake record" => 22,
            "send application_data record" => 23,
            "send alert record" => 21,
            _ => panic!("{what} is not protected"),
        };
        let direction = self.direction(side);
        let inner_plaintext = [payload, &[content_type]].concat();
        let mut sealed = inner_plaintext.clone();
        let around = direction.seal.as_mut().unwrap().seal(header, &mut sealed).unwrap();
        sealed.extend_from_slice(&around.tag);
        assert_eq!(sealed, body);
        let len = direction.open.as_mut().unwrap().open(&[], header, &mut sealed).unwrap();
        assert_eq!(len, body.len() - TAG_LEN);
        assert_eq!(sealed[..len], inner_plaintext);
        self.records += 1;
    }
}

fn play(trace: &str) -> (Player, Vec<Case>) {
    let cases = read(trace);
    let mut player = Player::new();
    cases.iter().for_each(|case| player.step(case));
    (player, cases)
}

#[test]
fn section_3_simple_1rtt_handshake() {
    let (player, cases) = play(include_str!("../../test-vectors/rfc8448-secrets-3.txt"));
    assert_eq!((cases.len(), player.records), (38, 7));
}

#[test]
fn section_4_resumed_0rtt_handshake() {
    let (player, cases) = play(include_str!("../../test-vectors/rfc8448-secrets-4.txt"));
    assert_eq!((cases.len(), player.records), (40, 8));
    // Its PSK is the ticket of section 3.
    let first = read(include_str!("../../test-vectors/rfc8448-secrets-3.txt"));
    let psk = first.iter().find(|case| case.title.contains("tls13 resumption")).unwrap().get("expanded");
    assert_eq!(cases.iter().find(|case| case.title.contains("\"early\"")).unwrap().get("IKM"), psk);
}

#[test]
fn section_5_hello_retry_request() {
    let (player, cases) = play(include_str!("../../test-vectors/rfc8448-secrets-5.txt"));
    assert_eq!((cases.len(), player.records), (38, 4));
}

#[test]
fn section_6_client_authentication() {
    let (player, cases) = play(include_str!("../../test-vectors/rfc8448-secrets-6.txt"));
    assert_eq!((cases.len(), player.records), (36, 4));
}

#[test]
fn section_7_compatibility_mode() {
    let (player, cases) = play(include_str!("../../test-vectors/rfc8448-secrets-7.txt"));
    assert_eq!((cases.len(), player.records), (35, 4));
}
