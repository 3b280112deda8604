//! Two connections wired in memory, and an ear on the wire between them.

use super::super::{Close, Connection, Event};
pub(super) use super::ear::*;
use crate::config::{ClientAuth, ClientConfig, ClientOptions, ServerConfig};
use crate::crypto::aead::Protection;
use crate::crypto::sign::SigningKey;
use crate::crypto::source::Entropy;
use crate::crypto::suite::Suite;
use crate::early::EarlyData;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::{Observed, Observer, Tap};
use crate::pki::{CertificateDer, PrivateKeyDer, Roots, ServerName, UnixTime, Verifier};
use crate::question::{Answer, OwnedQuestion};
use crate::record::Alter;
use crate::schedule::Side;
use crate::wire::{NamedGroup, SignatureScheme};
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls_pki_types::PrivatePkcs8KeyDer;
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// The host of the first certificate.
pub(super) const HOST: &str = "server.example";
/// The host of the second.
pub(super) const OTHER_HOST: &str = "other.example";

/// A certificate, signed by the authority of the tests, and its key.
pub(super) struct Leaf {
    pub(super) chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Leaf {
    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.clone()).unwrap()
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::new(self.chain.clone(), &self.key()).unwrap()
    }

    /// The key is reached by [`Question::Sign`](crate::Question::Sign).
    pub(super) fn elsewhere(&self) -> Identity {
        let schemes = self.identity().schemes().to_vec();
        Identity::with_key_elsewhere(self.chain.clone(), &schemes).unwrap()
    }

    pub(super) fn sign(&self, question: &OwnedQuestion) -> Answer {
        let OwnedQuestion::Sign { scheme, message, .. } = question else { panic!("{question:?}") };
        Answer::Signature(SigningKey::from_der(&self.key()).unwrap().sign(*scheme, message).unwrap())
    }
}

/// What the tests authenticate with.
pub(super) struct Pki {
    pub(super) authority: CertificateDer<'static>,
    pub(super) server: Leaf,
    pub(super) other: Leaf,
    pub(super) ed25519: Leaf,
    pub(super) p384: Leaf,
    /// For signatures alone.
    pub(super) rsa: Leaf,
    pub(super) client: Leaf,
    /// Its keyUsage is keyEncipherment alone.
    pub(super) not_for_signing: Leaf,
}

pub(super) static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "The authority of the tests");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let sign_for = |usage, name: &str, key: KeyPair| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.key_usages = vec![usage];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Leaf { chain: vec![certificate.der().clone()], key: key.serialize_der() }
    };
    let sign = |name: &str, key| sign_for(KeyUsagePurpose::DigitalSignature, name, key);
    let leaf = |name: &str, algorithm| sign(name, KeyPair::generate_for(algorithm).unwrap());
    // rcgen does not make RSA keys.
    let pkcs1 = include_bytes!("../../../test-vectors/keys/rsa-2048.pkcs1.der");
    let rsa = PrivatePkcs8KeyDer::from(pkcs8_of_rsa(pkcs1));
    let rsa = KeyPair::from_pkcs8_der_and_sign_algo(&rsa, &rcgen::PKCS_RSA_SHA256).unwrap();
    Pki {
        authority: issuer.der().clone(),
        server: leaf(HOST, &rcgen::PKCS_ECDSA_P256_SHA256),
        other: leaf(OTHER_HOST, &rcgen::PKCS_ECDSA_P256_SHA256),
        ed25519: leaf(HOST, &rcgen::PKCS_ED25519),
        p384: leaf(HOST, &rcgen::PKCS_ECDSA_P384_SHA384),
        rsa: sign(HOST, rsa),
        client: leaf("client.example", &rcgen::PKCS_ECDSA_P256_SHA256),
        not_for_signing: sign_for(KeyUsagePurpose::KeyEncipherment, HOST, KeyPair::generate().unwrap()),
    }
});

/// PrivateKeyInfo around an RSAPrivateKey of more than 255 bytes (RFC 5208 section 5).
fn pkcs8_of_rsa(pkcs1: &[u8]) -> Vec<u8> {
    let long = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82][..], &length, content].concat()
    };
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    long(0x30, &[&[2, 1, 0][..], &algorithm, &long(4, pkcs1)].concat())
}

/// The time at which the tests live.
pub(super) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000))
}

/// A policy that takes the certificates of the tests.
pub(super) fn trusting() -> Verifier {
    let mut roots = Roots::new();
    roots.add(PKI.authority.clone()).unwrap();
    Verifier::web_pki(roots)
}

/// A policy that takes none.
pub(super) fn distrusting() -> Verifier {
    Verifier::web_pki(Roots::new())
}

/// With one key share, so that a handshake is quick; TLS 1.2 needs the curve of
/// the certificates, too.
pub(super) fn client_config() -> ClientConfig {
    ClientConfig::new(trusting(), now).groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap()
}

pub(super) fn server_config() -> ServerConfig {
    server_config_with(PKI.server.identity())
}

pub(super) fn server_config_with(identity: Identity) -> ServerConfig {
    ServerConfig::new(identity, now)
}

/// A server that requests a certificate of its clients.
pub(super) fn requesting() -> ServerConfig {
    server_config().client_auth(ClientAuth::Request(trusting().into()))
}

pub(super) fn name() -> ServerName<'static> {
    ServerName::try_from(HOST).unwrap()
}

/// What an observer hears of a connection's secrets.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<(&'static str, Vec<u8>)>>);

impl Heard {
    /// The secret of this name.
    pub(super) fn secret(&self, name: &str) -> Vec<u8> {
        let heard = self.0.lock().unwrap();
        heard.iter().find(|(told, _)| *told == name).unwrap().1.clone()
    }

    /// The traffic secrets of one direction, in the order of their use.
    pub(super) fn traffic(&self, side: Side) -> Vec<Vec<u8>> {
        let [early, handshake, application] = match side {
            Side::Client => {
                ["client_early_traffic", "client_handshake_traffic", "client_application_traffic"]
            }
            Side::Server => ["none", "server_handshake_traffic", "server_application_traffic"],
        };
        let heard = self.0.lock().unwrap();
        let of = |start: &'static str| {
            heard.iter().filter(move |(name, _)| name.starts_with(start)).map(|(_, secret)| secret.clone())
        };
        of(early).chain(of(handshake)).chain(of(application)).collect()
    }
}

impl Observer for Heard {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Secret { name, secret, .. } = event {
            self.0.lock().unwrap().push((name, secret.to_vec()));
        }
    }
}

/// An event that outlives the connection's borrow.
#[derive(Debug)]
pub(super) enum Got {
    Asked(OwnedQuestion),
    Decided(EarlyData),
    Done,
    Early(Vec<u8>),
    Data(Vec<u8>),
    Closed(Close),
}

type Answers = Box<dyn FnMut(&OwnedQuestion) -> Option<Answer>>;

/// One side.
pub(super) struct Party {
    pub(super) c: Connection,
    pub(super) side: Side,
    pub(super) heard: Arc<Heard>,
    /// All that it sent.
    pub(super) sent: Vec<u8>,
    pub(super) got: Vec<Got>,
    pub(super) error: Option<Error>,
    /// The most that one read from the transport gives.
    pub(super) step: usize,
    /// The suite of its early data.
    early: Option<&'static Suite>,
    /// Bytes for which there was no room yet.
    backlog: VecDeque<u8>,
    answers: Answers,
}

impl Party {
    pub(super) fn client(config: &ClientConfig) -> Self {
        Self::client_altered(config, None)
    }

    /// A client whose messages are altered before they are hashed and sealed.
    pub(super) fn client_altered(config: &ClientConfig, alter: Option<Alter>) -> Self {
        Self::client_made(config, ClientOptions::default(), Entropy::system(), alter)
    }

    /// What `Connection::client_with` does, with another randomness and the alteration.
    pub(super) fn client_made(
        config: &ClientConfig,
        mut options: ClientOptions,
        entropy: Entropy,
        alter: Option<Alter>,
    ) -> Self {
        let heard = Arc::new(Heard::default());
        options.observer = Some(heard.clone());
        let observer = config.common.observer(options.observer.clone());
        let mut c = Connection::new(super::super::Flow::Over, Side::Client, observer);
        c.settle(&config.common);
        c.entropy = entropy;
        c.sending.writing.alter = alter;
        let (_, mut cx) = c.cx(None);
        let config = Arc::new(config.clone());
        let state = crate::handshake::client::start(&config, name(), &options, &mut cx).unwrap();
        c.flow = super::super::Flow::client(state);
        c.end_flight().unwrap();
        Self::new(c, Side::Client, heard)
    }

    pub(super) fn server(config: &ServerConfig) -> Self {
        Self::server_altered(config, None)
    }

    pub(super) fn server_altered(config: &ServerConfig, alter: Option<Alter>) -> Self {
        let heard = Arc::new(Heard::default());
        let mut c = Connection::server_with(&Arc::new(config.clone()), Some(heard.clone()));
        c.sending.writing.alter = alter;
        Self::new(c, Side::Server, heard)
    }

    pub(super) fn new(c: Connection, side: Side, heard: Arc<Heard>) -> Self {
        let early = c.sending.writing.key().ok().map(Protection::suite);
        let answers: Answers = Box::new(|_| None);
        Self {
            c,
            side,
            heard,
            sent: Vec::new(),
            got: Vec::new(),
            error: None,
            step: usize::MAX,
            early,
            backlog: VecDeque::new(),
            answers,
        }
    }

    /// Answers the questions for which `answers` has something, at once.
    pub(super) fn answering(
        mut self,
        answers: impl FnMut(&OwnedQuestion) -> Option<Answer> + 'static,
    ) -> Self {
        self.answers = Box::new(answers);
        self
    }

    pub(super) fn state(&self) -> &'static str {
        self.c.flow.name()
    }

    /// Takes all that is pending.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut taken = Vec::new();
        while !self.c.pending().is_empty() {
            let pending = self.c.pending().to_vec();
            self.c.sent(pending.len());
            taken.extend(pending);
        }
        self.sent.extend(&taken);
        taken
    }

    /// Gives it bytes of the transport, and takes its events.
    pub(super) fn give(&mut self, bytes: &[u8]) {
        self.backlog.extend(bytes);
        while self.error.is_none() && !self.backlog.is_empty() {
            let Some(mut space) = self.c.space() else {
                self.drain();
                if self.c.space().is_none() {
                    return;
                }
                continue;
            };
            let n = space.len().min(self.backlog.len()).min(self.step);
            space.iter_mut().zip(self.backlog.drain(..n)).for_each(|(to, from)| *to = from);
            space.filled(n);
            self.drain();
        }
        self.drain();
    }

    pub(super) fn give_end(&mut self) {
        self.c.filled_eof();
        self.drain();
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        // A failure is repeated by `next`.
        let _ = self.c.answer(answer);
        self.give(&[]);
    }

    pub(super) fn drain(&mut self) {
        loop {
            match self.c.next() {
                Ok(Event::NeedInput) => return assert!(self.error.is_none()),
                Ok(Event::EarlyDataDecided(decided)) => self.got.push(Got::Decided(decided)),
                Ok(Event::HandshakeDone) => self.got.push(Got::Done),
                Ok(Event::EarlyData(data)) => {
                    let data = data.to_vec();
                    self.c.consume(data.len());
                    self.got.push(Got::Early(data));
                }
                Ok(Event::Data(data)) => {
                    let data = data.to_vec();
                    self.c.consume(data.len());
                    self.got.push(Got::Data(data));
                }
                Ok(Event::Ask(question)) => {
                    let question = question.into_owned();
                    match (self.answers)(&question) {
                        Some(answer) => drop(self.c.answer(answer)),
                        None => {
                            if !matches!(self.got.last(), Some(Got::Asked(_))) {
                                self.got.push(Got::Asked(question));
                            }
                            return;
                        }
                    }
                }
                Ok(Event::Closed(close)) => {
                    if !matches!(self.got.last(), Some(Got::Closed(_))) {
                        self.got.push(Got::Closed(close));
                    }
                    return;
                }
                Err(error) => {
                    // Repeated for ever.
                    assert_eq!(self.c.next().unwrap_err().to_string(), error.to_string());
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.got.iter().any(|got| matches!(got, Got::Done))
    }

    pub(super) fn data(&self) -> Vec<u8> {
        let data = self.got.iter().map(|got| match got {
            Got::Data(data) => data.as_slice(),
            _ => &[],
        });
        data.collect::<Vec<_>>().concat()
    }

    /// Early data that it took.
    pub(super) fn early_data(&self) -> Vec<u8> {
        let data = self.got.iter().map(|got| match got {
            Got::Early(data) => data.as_slice(),
            _ => &[],
        });
        data.collect::<Vec<_>>().concat()
    }

    pub(super) fn closed(&self) -> Option<Close> {
        self.got.iter().find_map(|got| match got {
            Got::Closed(close) => Some(*close),
            _ => None,
        })
    }

    /// The question that is open.
    pub(super) fn asked(&self) -> &OwnedQuestion {
        match self.got.last() {
            Some(Got::Asked(question)) => question,
            got => panic!("no question but {got:?} in {}", self.state()),
        }
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.error.as_ref().and_then(Error::fault)
    }

    pub(super) fn suite(&self) -> Option<&'static Suite> {
        self.c.info().suite.and_then(Suite::find)
    }

    /// The records that it sent, opened.
    pub(super) fn records(&mut self) -> Vec<Opened> {
        self.take();
        let mut ear = Ear::after(self.early);
        let records = ear.open(self.suite(), &self.heard.traffic(self.side), &self.sent);
        assert!(ear.rest.is_empty(), "whole records are sent");
        records
    }

    /// The alerts that it sent, (level, description), after which nothing may follow.
    pub(super) fn alerts(&mut self) -> Vec<(u8, u8)> {
        let records = self.records();
        let first = records.iter().position(|record| record.kind == ALERT).unwrap_or(records.len());
        records[first..]
            .iter()
            .map(|record| {
                assert_eq!(record.kind, ALERT, "sent after an alert");
                (record.content[0], record.content[1])
            })
            .collect()
    }

    /// It failed for this reason, and said so once, on the wire.
    #[track_caller]
    pub(super) fn assert_failed(&mut self, fault: Fault) {
        assert_eq!(self.fault(), Some(fault), "{:?}, in {}", self.error, self.state());
        assert_eq!(self.alerts(), [(2, fault.alert().0)], "{fault:?}");
    }

    /// A record that it opens, and has not expected yet, with this inside: the
    /// content, its type, padding.
    pub(super) fn forge_inner(&self, inner: &[u8]) -> Vec<u8> {
        let key = self.c.receiving.reading.key.get().expect("a read key");
        let mut copy = Protection::tls13(key.suite(), key.traffic_secret().unwrap());
        copy.set_records(key.records());
        seal(&mut copy, inner)
    }

    /// A record of this type, protected if it expects protection now.
    pub(super) fn forge(&self, kind: u8, content: &[u8]) -> Vec<u8> {
        match self.c.receiving.reading.key.get() {
            Ok(_) if kind != CHANGE_CIPHER_SPEC => self.forge_inner(&[content, &[kind]].concat()),
            _ => plain(kind, content),
        }
    }
}

/// Carries bytes both ways until there are no more.
pub(super) fn pump(client: &mut Party, server: &mut Party) {
    client.drain();
    server.drain();
    loop {
        let (up, down) = (client.take(), server.take());
        if up.is_empty() && down.is_empty() {
            return;
        }
        server.give(&up);
        client.give(&down);
    }
}

/// A handshake that succeeds.
#[track_caller]
pub(super) fn connect(client: &ClientConfig, server: &ServerConfig) -> (Party, Party) {
    connected(Party::client(client), Party::server(server))
}

#[track_caller]
pub(super) fn connected(mut client: Party, mut server: Party) -> (Party, Party) {
    pump(&mut client, &mut server);
    assert!(client.is_done() && server.is_done(), "{:?}, {:?}", client.error, server.error);
    (client, server)
}

/// Sends data that must arrive.
#[track_caller]
pub(super) fn deliver(from: &mut Party, to: &mut Party, data: &[u8]) {
    let before = to.data().len();
    assert_eq!(from.c.send(data).unwrap(), data.len());
    let bytes = from.take();
    to.give(&bytes);
    assert_eq!(to.data()[before..], *data, "{:?}", to.error);
}

/// The tap that nobody hears.
pub(super) fn silent() -> Tap {
    Tap::default()
}

/// Schemes of the first certificate's key, for keys elsewhere.
pub(super) const SCHEME: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
