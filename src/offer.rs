//! The ClientHello as a value: made once, and encoded again where a
//! HelloRetryRequest asks for another (RFC 9846 sections 4.2.2 and 4.2.4).

use crate::config::{ClientConfig, ClientOptions, Common, Lists, Standing};
use crate::crypto::Failed;
use crate::crypto::agree::KeyShares;
use crate::crypto::kdf::{self, Digest};
use crate::crypto::source::Entropy;
use crate::crypto::suite::Suite;
use crate::early::EarlyReason;
use crate::observe::Tap;
use crate::pki::ServerName;
use crate::schedule::tls13::psk::PskKind;
use crate::schedule::tls13::{EarlySecret, ExporterSecret};
use crate::schedule::transcript::Transcript;
use crate::session::{ClientSession, HashedKey, Sent};
use crate::wire::{
    Body, CertificateStatusRequest, CipherSuite, ClientExtensions, ClientHello, EcPointFormat, Handful,
    KeyShareEntry, List, NamedGroup, OfferedPsks, Present, ProtocolName, ProtocolVersion, PskBinderEntry,
    PskIdentity, PskKeyExchangeMode, Writer,
};
use std::sync::Arc;

/// What a client offers.
pub(crate) struct Offer {
    pub(crate) random: [u8; 32],
    session_id: [u8; 32],
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    pub(crate) shares: KeyShares,
    /// The pre-shared key to resume with in TLS 1.3.
    pub(crate) psk: Option<Box<Psk>>,
    /// The pre-shared keys of the configuration, offered behind it.
    pub(crate) keys: Vec<Key>,
    /// Until the answer comes.
    sent: Vec<Sent>,
    /// Early data, while it may go.
    pub(crate) early: Option<Box<Early>>,
    /// The session to resume in TLS 1.2.
    pub(crate) session12: Option<Box<ClientSession>>,
    /// That the server of the session is who it was; `None` where the application is
    /// to say when the session is taken.
    pub(crate) standing: Option<Standing>,
    hide_server_name: bool,
    cookie: Option<Box<[u8]>>,
    /// A HelloRetryRequest has come.
    retried: bool,
    #[cfg(test)]
    hellos: Vec<Vec<u8>>,
}

/// A pre-shared key, as it is offered.
pub(crate) struct Psk {
    pub(crate) session: ClientSession,
    pub(crate) early: EarlySecret,
    obfuscated_age: u32,
    binder: Digest,
}

/// Early data that is offered (RFC 9846 section 4.3.10).
pub(crate) struct Early {
    /// Octets that may go.
    pub(crate) most: u32,
    /// The application protocol that it speaks.
    pub(crate) alpn: Option<Box<[u8]>>,
    pub(crate) exporter: ExporterSecret,
}

/// A key of the configuration, as it is offered.
pub(crate) struct Key {
    pub(crate) key: HashedKey,
    pub(crate) early: EarlySecret,
    suite: &'static Suite,
    binder: Digest,
}

/// The pre-shared key that a server chose.
pub(crate) enum Chosen {
    Session(Box<Psk>),
    Key(Key),
}

impl Offer {
    pub(crate) fn new(
        config: &Arc<ClientConfig>,
        name: ServerName<'_>,
        options: &ClientOptions,
        entropy: &Entropy,
        tap: &Tap,
    ) -> Result<Self, Failed> {
        // One draw: each is a call to the system.
        let mut drawn = [[0; 32]; 2];
        entropy.fill(drawn.as_flattened_mut())?;
        let [random, session_id] = drawn;
        let name = name.to_owned();
        let (psk, session12) = match remembered(config, &name) {
            Some(session) if session.version == ProtocolVersion::TLS13 => {
                let early = EarlySecret::new(session.suite, Some(session.secret.as_bytes()), tap);
                let binder = Digest::new(&[]);
                (Some(Box::new(Psk { session, early, obfuscated_age: 0, binder })), None)
            }
            session => (None, session.map(Box::new)),
        };
        Ok(Self {
            random,
            session_id,
            name,
            keys: keys(config, tap)?,
            sent: config.pre_shared_keys.iter().map(|key| key.sends(&random)).collect(),
            shares: KeyShares::generate(&config.common.offered.first_shares, entropy)?,
            config: Arc::clone(config),
            psk,
            early: None,
            session12,
            standing: None,
            hide_server_name: options.hide_server_name,
            cookie: None,
            retried: false,
            #[cfg(test)]
            hellos: options.hellos.clone(),
        })
    }

    /// The session that is offered.
    pub(crate) fn session(&self) -> Option<&ClientSession> {
        self.psk.as_ref().map(|psk| &psk.session).or(self.session12.as_deref())
    }

    /// Offers none.
    pub(crate) fn forget_session(&mut self) {
        (self.psk, self.session12) = (None, None);
    }

    /// What a HelloRetryRequest changes: the share, and the cookie to return.
    pub(crate) fn retry(
        &mut self,
        group: Option<NamedGroup>,
        cookie: Option<&[u8]>,
        entropy: &Entropy,
    ) -> Result<(), Failed> {
        if let Some(group) = group {
            self.shares = KeyShares::generate(&[group], entropy)?;
        }
        (self.cookie, self.retried) = (cookie.map(Into::into), true);
        #[cfg(test)]
        self.hellos.drain(..1.min(self.hellos.len()));
        Ok(())
    }

    /// Makes the binders of the pre-shared keys over the ClientHello as it is to be
    /// sent now, after what the transcript holds (RFC 9846 section 4.3.11.2). A key
    /// that does not go with the hash of a HelloRetryRequest is offered no more
    /// (section 4.2.2).
    pub(crate) fn bind(&mut self, transcript: &Transcript) -> Result<(), Failed> {
        let goes = |suite: &Suite| transcript.hash_with(suite.hash, &[]).is_some();
        self.psk.take_if(|psk| !goes(psk.session.suite));
        self.keys.retain(|key| goes(key.suite));
        if !self.has_psks() {
            return Ok(());
        }
        // As long as the binders will be.
        let blank = |suite: &Suite| Digest::new(kdf::hash_of_nothing(suite.hash));
        if let Some(psk) = &mut self.psk {
            let age = self.config.common.now().as_secs().saturating_sub(psk.session.received);
            psk.obfuscated_age = (age.wrapping_mul(1000) as u32).wrapping_add(psk.session.age_add);
            psk.binder = blank(psk.session.suite);
        }
        self.keys.iter_mut().for_each(|key| key.binder = blank(key.suite));
        let mut bytes = Vec::with_capacity(1024);
        let binders = self.with_hello(|hello| {
            let mut writer = Writer::new(&mut bytes);
            Body::ClientHello(hello).encode(&mut writer);
            writer.finish().map_err(|_| Failed)?;
            hello.extensions.pre_shared_key.map(|offered| offered.binders_len()).ok_or(Failed)
        })?;
        let cut = bytes.len().checked_sub(binders).and_then(|cut| bytes.get(..cut)).ok_or(Failed)?;
        let hash = |suite: &Suite| transcript.hash_with(suite.hash, cut).ok_or(Failed);
        if let Some(psk) = &mut self.psk {
            psk.binder = psk.early.binder(PskKind::Resumption, &hash(psk.session.suite)?);
        }
        for key in &mut self.keys {
            key.binder = key.early.binder(key.key.kind(), &hash(key.suite)?);
        }
        Ok(())
    }

    /// The pre-shared key whose early data is offered, or why none is.
    pub(crate) fn early_psk(&self) -> Result<&Psk, EarlyReason> {
        if !self.config.early_data {
            return Err(EarlyReason::Off);
        }
        let psk = self.psk.as_ref().ok_or(EarlyReason::NoSession)?;
        let protocols = &self.config.common.alpn;
        let same_alpn = match &psk.session.alpn {
            Some(name) => protocols.iter().any(|ours| **ours == **name),
            // The server that chose none will choose none again.
            None => protocols.is_empty() || !self.config.common.requires_alpn,
        };
        match &psk.session {
            _ if self.standing.is_none() => Err(EarlyReason::NotJudged),
            _ if self.retried => Err(EarlyReason::Retried),
            session if session.max_early_data == 0 => Err(EarlyReason::NotAllowed),
            _ if !same_alpn => Err(EarlyReason::OtherAlpn),
            session if session.named != self.sent_name().is_some() => Err(EarlyReason::OtherName),
            _ => Ok(psk),
        }
    }

    /// Takes the pre-shared key at this place of those that are offered; all others are
    /// offered no more.
    pub(crate) fn chosen(&mut self, place: u16) -> Option<Chosen> {
        self.sent.clear();
        let (psk, keys) = (self.psk.take(), std::mem::take(&mut self.keys));
        let mut all = psk.map(Chosen::Session).into_iter().chain(keys.into_iter().map(Chosen::Key));
        all.nth(place.into())
    }

    /// Whether any pre-shared key is offered.
    pub(crate) fn has_psks(&self) -> bool {
        self.psk.is_some() || !self.keys.is_empty()
    }

    /// The id of the session to resume in TLS 1.2. Else a random one: for middleboxes,
    /// where TLS 1.3 is offered (RFC 9846 appendix E.4), and to be echoed by a server
    /// that takes a ticket of TLS 1.2 (RFC 5077 section 3.4).
    pub(crate) fn session_id(&self) -> &[u8] {
        #[cfg(test)]
        if let Some(hello) = self.given_hello() {
            return hello.session_id;
        }
        match &self.session12 {
            Some(session) if session.by_id => &session.ticket,
            None if !self.config.common.tls13() => &[],
            _ => &self.session_id,
        }
    }

    /// A hello of the trace that is played.
    #[cfg(test)]
    fn given_hello(&self) -> Option<ClientHello<'_>> {
        self.hellos.first().map(|hello| ClientHello::decode(&hello[4..]).unwrap())
    }

    /// The name for server_name: DNS names only (RFC 6066 section 3).
    pub(crate) fn sent_name(&self) -> Option<&str> {
        match &self.name {
            ServerName::DnsName(name) if !self.hide_server_name => Some(name.as_ref().trim_end_matches('.')),
            _ => None,
        }
    }

    /// The offered suite of this number.
    pub(crate) fn suite(&self, id: CipherSuite) -> Option<&'static Suite> {
        self.config.common.offered_suites().find(|suite| suite.id == id)
    }

    /// Lends the message, as it is to be encoded now, to `then`.
    pub(crate) fn with_hello<R>(&self, then: impl FnOnce(ClientHello<'_>) -> R) -> R {
        #[cfg(test)]
        if let Some(hello) = self.given_hello() {
            return then(hello);
        }
        let protocols: Handful<_> = self.config.common.alpn.iter().map(|name| ProtocolName(name)).collect();
        let shares = self.shares.entries();
        let shares: Handful<_> =
            shares.map(|(group, key_exchange)| KeyShareEntry { group, key_exchange }).collect();
        let session = self.psk.as_ref().map(|psk| PskIdentity {
            identity: &psk.session.ticket,
            obfuscated_ticket_age: psk.obfuscated_age,
        });
        let keys = self
            .keys
            .iter()
            .map(|key| PskIdentity { identity: key.key.identity(), obfuscated_ticket_age: 0 });
        let binders = self.psk.iter().map(|psk| &psk.binder).chain(self.keys.iter().map(|key| &key.binder));
        let identities: Handful<_> = session.into_iter().chain(keys).collect();
        let binders: Handful<_> = binders.map(|binder| PskBinderEntry(binder.as_bytes())).collect();
        let psks = OfferedPsks { identities: List::from(&identities[..]), binders: List::from(&binders[..]) };
        let psks = self.has_psks().then_some(psks);
        then(self.hello(&protocols, &shares, psks))
    }

    fn hello<'a>(
        &'a self,
        protocols: &'a [ProtocolName<'a>],
        shares: &'a [KeyShareEntry<'a>],
        pre_shared_key: Option<OfferedPsks<'a>>,
    ) -> ClientHello<'a> {
        let common = &self.config.common;
        let Lists { versions, suites, groups, .. } = &common.offered;
        let sessions = self.config.resumption().is_some();
        const MODES: &[PskKeyExchangeMode] = &[PskKeyExchangeMode::PSK_DHE_KE, PskKeyExchangeMode::PSK_KE];
        let psks = (sessions && common.tls13()) || pre_shared_key.is_some();
        let modes = if common.psk_ke { MODES } else { &MODES[..1] };
        #[cfg(not(test))]
        let agrees = true;
        #[cfg(test)]
        let (agrees, modes) = match self.config.psk_ke_alone {
            true => (false, &MODES[1..]),
            false => (true, modes),
        };
        let judges = !self.config.requires_pre_shared_key;
        let ticket = self.session12.as_ref().filter(|session| !session.by_id);
        let ticket = ticket.map_or(&[][..], |session| &session.ticket);
        ClientHello {
            legacy_version: ProtocolVersion::TLS12,
            random: &self.random,
            session_id: self.session_id(),
            cipher_suites: List::from(&suites[..]),
            compression_methods: &[0],
            extensions: ClientExtensions {
                server_name: self.sent_name().map(str::as_bytes),
                supported_groups: (agrees && !groups.is_empty()).then(|| List::from(&groups[..])),
                signature_algorithms: judges.then(|| List::from(&common.schemes[..])),
                alpn: (!protocols.is_empty()).then(|| List::from(protocols)),
                supported_versions: Some(List::from(&versions[..])),
                status_request: (judges && self.config.asks_for_staple)
                    .then_some(CertificateStatusRequest::OCSP),
                cookie: self.cookie.as_deref(),
                key_share: (agrees && common.tls13()).then(|| List::from(shares)),
                extended_master_secret: common.tls12() && common.extended_master_secret,
                renegotiation_info: common.tls12().then_some(&[]),
                session_ticket: (sessions && resumes12(common)).then_some(ticket),
                psk_key_exchange_modes: psks.then(|| List::from(modes)),
                early_data: self.early_psk().is_ok(),
                pre_shared_key,
                ticket_request: self.config.ticket_request.filter(|_| sessions && common.tls13()),
                ec_point_formats: common.tls12().then(|| List::from(&[EcPointFormat::UNCOMPRESSED])),
                ..ClientExtensions::default()
            },
        }
    }
}

/// The newest session for this server that can be offered.
fn remembered(config: &ClientConfig, name: &ServerName<'static>) -> Option<ClientSession> {
    let common = &config.common;
    let usable = |session: &ClientSession| {
        common.offered_suites().any(|suite| suite.id == session.suite.id)
            && (session.suite.is_tls13() || resumes12(common))
            && common.verifies(session.peer.scheme)
    };
    let (sessions, policy) = config.resumption()?;
    sessions.take(name, policy, common.now().as_secs(), usable)
}

/// The keys of the configuration that can be offered: those with the hash of an offered
/// suite.
fn keys(config: &ClientConfig, tap: &Tap) -> Result<Vec<Key>, Failed> {
    let all = config.pre_shared_keys.iter().flat_map(|key| key.keys());
    let with_suite = all.filter_map(|key| {
        let mut suites = config.common.offered_suites();
        Some((suites.find(|suite| suite.is_tls13() && suite.hash == key.hash())?, key))
    });
    let offered = with_suite.map(|(suite, key)| {
        let early = EarlySecret::kept(suite, key.early(), tap)?;
        Ok(Key { key, early, suite, binder: Digest::new(&[]) })
    });
    offered.collect()
}

/// Only what is bound to its handshake is resumed (RFC 7627 section 5.4).
fn resumes12(common: &Common) -> bool {
    common.tls12() && common.extended_master_secret
}

/// Everything until the ServerHello.
pub(crate) struct Offered {
    pub(crate) offer: Offer,
    pub(crate) transcript: Transcript,
    /// The extensions that were sent: only these may be answered.
    pub(crate) offered: Present,
    /// The suite of the HelloRetryRequest, if there was one.
    pub(crate) retry_suite: Option<CipherSuite>,
}

impl Offered {
    pub(crate) fn new(offer: Offer) -> Self {
        Self { offer, transcript: Transcript::new(), offered: Present::EMPTY, retry_suite: None }
    }
}
