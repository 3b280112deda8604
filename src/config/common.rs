//! What both roles are told.

use crate::crypto::suite::{self, Suite};
#[cfg(feature = "static-rsa")]
use crate::crypto::suite::{KeyExchange, Version};
use crate::identity::ConfigError;
use crate::limits;
use crate::observe::{Observer, together};
use crate::pki::UnixTime;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::sync::Arc;

type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// Who hears of all connections of a configuration.
#[derive(Clone)]
pub(super) enum Hears {
    /// One, of all.
    All(Arc<dyn Observer>),
    /// Of each its own, or nobody.
    Each(Arc<dyn Fn() -> Option<Arc<dyn Observer>> + Send + Sync>),
}

/// What both roles are told.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) suites: Vec<&'static Suite>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) ask_refused: bool,
    pub(crate) verifies_on_resumption: bool,
    pub(crate) largest_record: usize,
    pub(crate) dynamic_record_size: bool,
    pub(crate) longest_chain: usize,
    pub(crate) extended_master_secret: bool,
    pub(crate) requires_extended_master_secret: bool,
    pub(crate) requires_renegotiation_info: bool,
    pub(crate) renegotiation_is_fatal: bool,
    pub(crate) requires_alpn: bool,
    #[cfg(feature = "static-rsa")]
    pub(crate) static_rsa: bool,
    /// Pre-shared keys go from TLS 1.3 to TLS 1.3 alone.
    tls13_alone: bool,
    /// Whether psk_ke is allowed.
    pub(crate) psk_ke: bool,
    versions: Vec<ProtocolVersion>,
    pub(crate) offered: Lists,
    pub(crate) clock: Clock,
    pub(super) hears: Vec<Hears>,
}

/// What follows from the settings, as a ClientHello lists it: made by
/// [`Common::settle`] whenever one of them changes.
#[derive(Clone, Default)]
pub(crate) struct Lists {
    /// The versions, the newest first, as far as a suite is there for them.
    pub(crate) versions: Vec<ProtocolVersion>,
    /// The suites of these versions.
    pub(crate) suites: Vec<CipherSuite>,
    /// The groups of these versions: the hybrid is defined for TLS 1.3 only.
    pub(crate) groups: Vec<NamedGroup>,
    /// The groups to send shares of at once: the preferred one, and X25519 beside
    /// the hybrid, which costs no second key (the two share it).
    pub(crate) first_shares: Vec<NamedGroup>,
}

impl Common {
    pub(super) fn new(clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        let mut common = Self {
            suites: suite::TLS13.iter().chain(&suite::TLS12).collect(),
            groups: suite::GROUPS.to_vec(),
            schemes: suite::SCHEMES.to_vec(),
            alpn: Vec::new(),
            ask_refused: false,
            verifies_on_resumption: false,
            largest_record: limits::RECORD_PLAINTEXT,
            dynamic_record_size: false,
            longest_chain: limits::CHAIN_CERTIFICATES,
            extended_master_secret: true,
            requires_extended_master_secret: false,
            requires_renegotiation_info: false,
            renegotiation_is_fatal: false,
            requires_alpn: false,
            #[cfg(feature = "static-rsa")]
            static_rsa: false,
            tls13_alone: false,
            psk_ke: false,
            versions: vec![ProtocolVersion::TLS13, ProtocolVersion::TLS12],
            offered: Lists::default(),
            clock: Arc::new(clock),
            hears: Vec::new(),
        };
        common.settle();
        common
    }

    /// Makes the lists anew.
    fn settle(&mut self) {
        let is_of = |suite: &Suite, version| suite.is_tls13() == (version == ProtocolVersion::TLS13);
        let able = |version: &ProtocolVersion| self.suites.iter().any(|suite| is_of(suite, *version));
        let allowed = |version: &ProtocolVersion| !self.tls13_alone || *version == ProtocolVersion::TLS13;
        let versions: Vec<_> = self.versions.iter().copied().filter(able).filter(allowed).collect();
        let spoken = |suite: &&&Suite| versions.iter().any(|version| is_of(suite, *version));
        let suites = self.suites.iter().filter(spoken).map(|suite| suite.id).collect();
        let tls13 = versions.contains(&ProtocolVersion::TLS13);
        let groups: Vec<_> = if tls13 { self.groups.clone() } else { self.groups12().collect() };
        const TOGETHER: [NamedGroup; 2] = [NamedGroup::X25519MLKEM768, NamedGroup::X25519];
        let first_shares = match groups.first() {
            Some(first) if tls13 && TOGETHER.contains(first) => {
                groups.iter().copied().filter(|group| TOGETHER.contains(group)).collect()
            }
            first => first.into_iter().copied().filter(|_| tls13).collect(),
        };
        self.offered = Lists { versions, suites, groups, first_shares };
    }

    /// The versions, the newest first, as far as a suite is there for them.
    pub(crate) fn versions(&self) -> impl Iterator<Item = ProtocolVersion> + Clone {
        self.offered.versions.iter().copied()
    }

    /// The suites of these versions.
    pub(crate) fn offered_suites(&self) -> impl Iterator<Item = &'static Suite> {
        let (tls13, tls12) = (self.tls13(), self.tls12());
        self.suites.iter().copied().filter(move |suite| if suite.is_tls13() { tls13 } else { tls12 })
    }

    pub(crate) fn tls13(&self) -> bool {
        self.offered.versions.contains(&ProtocolVersion::TLS13)
    }

    pub(crate) fn tls12(&self) -> bool {
        self.offered.versions.contains(&ProtocolVersion::TLS12)
    }

    /// The groups for TLS 1.2: the hybrid is defined for TLS 1.3 only.
    pub(crate) fn groups12(&self) -> impl Iterator<Item = NamedGroup> {
        self.groups.iter().copied().filter(|group| suite::GROUPS12.contains(group))
    }

    /// Whether a peer that signed so, if it signed, would be taken today.
    pub(crate) fn verifies(&self, scheme: Option<SignatureScheme>) -> bool {
        scheme.is_none_or(|scheme| self.schemes.contains(&scheme))
    }

    pub(crate) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// Who hears of a connection: those of the configuration, then its own.
    pub(crate) fn observer(&self, own: Option<Arc<dyn Observer>>) -> Option<Arc<dyn Observer>> {
        if self.hears.is_empty() {
            return own;
        }
        let each = self.hears.iter().filter_map(|hears| match hears {
            Hears::All(observer) => Some(Arc::clone(observer)),
            Hears::Each(make) => make(),
        });
        together(each.chain(own).collect())
    }

    pub(super) fn set_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
        let find = |id: &CipherSuite| match Suite::find(*id) {
            #[cfg(feature = "static-rsa")]
            Some(Suite { version: Version::Tls12(KeyExchange::Rsa), .. }) if !self.static_rsa => {
                Err(ConfigError::StaticRsaNotAllowed(*id))
            }
            suite => suite.ok_or(ConfigError::UnknownSuite(*id)),
        };
        self.suites = not_empty("cipher suites", suites.iter().map(find).collect::<Result<_, _>>()?)?;
        self.settle();
        Ok(())
    }

    pub(super) fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
        known_groups(groups)?;
        self.groups = not_empty("groups", groups.to_vec())?;
        self.settle();
        Ok(())
    }

    pub(super) fn set_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
        if let Some(unknown) = schemes.iter().find(|scheme| !suite::SCHEMES.contains(scheme)) {
            return Err(ConfigError::UnknownScheme(*unknown));
        }
        self.schemes = not_empty("signature schemes", schemes.to_vec())?;
        Ok(())
    }

    pub(super) fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
        const KNOWN: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
        if let Some(unknown) = versions.iter().find(|version| !KNOWN.contains(version)) {
            return Err(ConfigError::UnknownVersion(*unknown));
        }
        let known = KNOWN.into_iter().filter(|version| versions.contains(version)).collect();
        self.versions = not_empty("versions", known)?;
        self.settle();
        Ok(())
    }

    #[cfg(feature = "static-rsa")]
    pub(super) fn allow_static_rsa(&mut self) {
        self.static_rsa = true;
        let missing = suite::STATIC_RSA.iter().filter(|suite| !self.suites.contains(suite));
        let missing: Vec<_> = missing.collect();
        self.suites.extend(missing);
        self.settle();
    }

    /// Whether TLS 1.2 is left out, whatever the versions are.
    pub(super) fn set_tls13_alone(&mut self, alone: bool) {
        self.tls13_alone = alone;
        self.settle();
    }

    pub(super) fn set_alpn(&mut self, protocols: &[&[u8]]) -> Result<(), ConfigError> {
        if let Some(bad) = protocols.iter().find(|name| name.is_empty() || name.len() > 255) {
            return Err(ConfigError::ProtocolName(String::from_utf8_lossy(bad).into_owned()));
        }
        self.alpn = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(())
    }

    pub(super) fn set_largest_record(&mut self, bytes: usize) -> Result<(), ConfigError> {
        if !(limits::LEAST_RECORD..=limits::RECORD_PLAINTEXT).contains(&bytes) {
            return Err(ConfigError::RecordSize(bytes));
        }
        self.largest_record = bytes;
        Ok(())
    }

    pub(super) fn set_longest_chain(&mut self, certificates: usize) -> Result<(), ConfigError> {
        if !(1..=limits::CHAIN_CERTIFICATES_MOST).contains(&certificates) {
            return Err(ConfigError::ChainLength(certificates));
        }
        self.longest_chain = certificates;
        Ok(())
    }
}

/// The setters that both configurations have.
macro_rules! common_settings {
    () => {
        /// The cipher suites to speak, the preferred one first.
        ///
        /// # Errors
        /// The list is empty, or names a suite that this build does not have,
        /// or one of static RSA, which is not allowed.
        pub fn suites(mut self, suites: &[CipherSuite]) -> Result<Self, ConfigError> {
            self.common.set_suites(suites)?;
            Ok(self)
        }

        /// The key exchange groups to speak, the preferred one first.
        ///
        /// # Errors
        /// The list is empty, or names a group that this build does not have.
        pub fn groups(mut self, groups: &[NamedGroup]) -> Result<Self, ConfigError> {
            self.common.set_groups(groups)?;
            Ok(self)
        }

        /// The signature schemes in which the peer may sign the handshake, the
        /// preferred one first (RFC 9846 section 4.3.3). With what certificates
        /// are signed is the judge's to say; what this side signs with,
        /// [`Identity::sign_with`]. Sessions that began with another scheme are
        /// not resumed.
        ///
        /// # Errors
        /// The list is empty, or names a scheme that this build does not verify.
        pub fn signature_schemes(mut self, schemes: &[SignatureScheme]) -> Result<Self, ConfigError> {
            self.common.set_schemes(schemes)?;
            Ok(self)
        }

        /// The protocol versions to speak: TLS 1.3, TLS 1.2, or both, as is the default.
        ///
        /// # Errors
        /// The list is empty, or names a version that this crate does not speak.
        pub fn versions(mut self, versions: &[ProtocolVersion]) -> Result<Self, ConfigError> {
            self.common.set_versions(versions)?;
            Ok(self)
        }

        /// Leaves extended_master_secret out of TLS 1.2 (RFC 7627): the master
        /// secret is then made of the pre-master secret and both randoms alone,
        /// as textbooks draw it, and nothing can be exported.
        pub fn without_extended_master_secret(mut self) -> Self {
            self.common.extended_master_secret = false;
            self.common.requires_extended_master_secret = false;
            self
        }

        /// Ends a handshake of TLS 1.2 with a peer that does not speak
        /// extended_master_secret, with handshake_failure (RFC 7627 section 5.2):
        /// without it two connections can be made to have the same master secret.
        /// TLS 1.3 needs none. If nothing is said, such peers are spoken to, and
        /// nothing is exported.
        pub fn require_extended_master_secret(mut self) -> Self {
            self.common.extended_master_secret = true;
            self.common.requires_extended_master_secret = true;
            self
        }

        /// Ends a handshake of TLS 1.2 with a peer that does not speak
        /// renegotiation_info, with handshake_failure (RFC 5746 sections 4.1 and
        /// 4.3). This crate does not renegotiate, and yet the peer may: somebody
        /// between could hand this side's handshake to it as a second one.
        pub fn require_renegotiation_info(mut self) -> Self {
            self.common.requires_renegotiation_info = true;
            self
        }

        /// Ends the connection with a fatal no_renegotiation where the peer of TLS
        /// 1.2 asks to negotiate again, and with unexpected_message where a server
        /// asks in mid-handshake. If nothing is said, a client passes over such a
        /// HelloRequest, as RFC 5246 section 7.4.1.1 has it, and a server answers
        /// with the warning no_renegotiation and close_notify.
        pub fn renegotiation_is_fatal(mut self) -> Self {
            self.common.renegotiation_is_fatal = true;
            self
        }

        /// Allows static RSA in TLS 1.2, the handshake of textbooks: the client
        /// encrypts the pre-master secret under the key of the server's
        /// certificate (RFC 5246 section 7.4.7.1). Its two suites come after
        /// all others; a later call of `suites` may order them anew, or leave
        /// them out.
        ///
        /// There is no forward secrecy: who gets the server's key later reads
        /// all that was recorded before. And a server that decrypts for
        /// strangers is attacked through whatever tells how that went, its time
        /// included. The crate `rsa`, which does it here, is under the advisory
        /// RUSTSEC-2023-0071 for that.
        #[cfg(feature = "static-rsa")]
        pub fn allow_static_rsa(mut self) -> Self {
            self.common.allow_static_rsa();
            self
        }

        /// The application protocols to speak, the preferred one first
        /// (RFC 7301), such as `b"h2"`.
        ///
        /// ```
        /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
        /// # let (client, server) = pair::configs();
        /// let client = client.alpn(&[b"h2", b"http/1.1"])?;
        /// let server = server.alpn(&[b"http/1.1"])?;
        /// # let (client, server) = pair::connect(&client, &server)?;
        /// assert_eq!(client.info().alpn.as_deref(), Some(&b"http/1.1"[..]));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        ///
        /// # Errors
        /// A name is not 1 to 255 bytes long.
        pub fn alpn(mut self, protocols: &[&[u8]]) -> Result<Self, ConfigError> {
            self.common.set_alpn(protocols)?;
            Ok(self)
        }

        /// Ends the handshake with no_application_protocol where it comes to none of
        /// the protocols of [`alpn`](Self::alpn): also where the client offers
        /// none, or the server chooses none, which is no fault of theirs otherwise
        /// (RFC 7301 section 3.2). Whoever speaks another protocol then cannot
        /// be made to take this one's bytes for its own.
        pub fn require_alpn(mut self) -> Self {
            self.common.requires_alpn = true;
            self
        }

        /// Allows psk_ke beside psk_dhe_ke for pre-shared keys (RFC 9846 section 4.3.9): a
        /// handshake without key agreement. There is no forward secrecy: who gets the
        /// key later reads all that was recorded before. It is for peers that can do
        /// nothing else: where both can, keys are agreed upon.
        pub fn allow_psk_ke(mut self) -> Self {
            self.common.psk_ke = true;
            self
        }

        /// Sends records of at most `bytes` of content (RFC 9846 section 5.1); 2^14
        /// if nothing is said. The peer can use a record when all of it has
        /// arrived: small ones reach it sooner, and cost more.
        ///
        /// # Errors
        /// It is less than 512, or more than 2^14.
        pub fn largest_record(mut self, bytes: usize) -> Result<Self, ConfigError> {
            self.common.set_largest_record(bytes)?;
            Ok(self)
        }

        /// Begins with small records of application data: the first 30 have at most
        /// 1,370 bytes of content, so that each fits into one TCP segment, and the
        /// peer can use it as soon as that arrives. Those behind them have what
        /// [`largest_record`](Self::largest_record) says: a stream in bulk is as
        /// fast as ever. Off if nothing is said.
        ///
        /// A connection has no clock: it begins again after
        /// [`Connection::rest`](crate::Connection::rest), which is for a wait.
        ///
        /// ```
        /// use handfast::{ClientConfig, pki::{Roots, UnixTime, Verifier}};
        /// let verifier = Verifier::web_pki(Roots::new());
        /// let config = ClientConfig::new(verifier, UnixTime::now).dynamic_record_size();
        /// ```
        pub fn dynamic_record_size(mut self) -> Self {
            self.common.dynamic_record_size = true;
            self
        }

        /// Takes chains of at most so many certificates from the peer, those among
        /// them that no path needs: 10 if nothing is said. The whole message has
        /// 100 KiB at most all the same. How long a path may be among them is the
        /// verifier's to say, [`Verifier::with_longest_path`](crate::pki::Verifier::with_longest_path).
        ///
        /// # Errors
        /// It is 0, or more than 64.
        ///
        /// ```
        /// # use handfast::{ClientConfig, Judge, pki::UnixTime};
        /// let config = ClientConfig::new(Judge::Application, UnixTime::now).longest_chain(20)?;
        /// # Ok::<(), handfast::ConfigError>(())
        /// ```
        pub fn longest_chain(mut self, certificates: usize) -> Result<Self, ConfigError> {
            self.common.set_longest_chain(certificates)?;
            Ok(self)
        }

        /// Has this observer hear all connections of the configuration, beside the one
        /// that a connection may have of its own; called again, another one, too. They
        /// cannot be told apart by it, except in a key log, which needs no more:
        ///
        /// ```no_run
        /// use handfast::{ClientConfig, Judge, KeyLog, pki::UnixTime};
        /// use std::sync::Arc;
        /// let config = ClientConfig::new(Judge::Application, UnixTime::now);
        /// // Whoever reads the file can read the connections.
        /// let config = config.observer(Arc::new(KeyLog::append_to("keys.log")?));
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
            self.common.hears.push(Hears::All(observer));
            self
        }

        /// Makes an observer for each connection as it begins, for instance with a
        /// number in it; where it gives `None`, that connection has none of it.
        ///
        /// ```
        /// use handfast::{ClientConfig, Judge, observe::{Observed, Observer}, pki::UnixTime};
        /// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
        /// struct Numbered(usize);
        /// impl Observer for Numbered {
        ///     fn observe(&self, event: &Observed<'_>) {
        ///         if let Observed::Alert { direction, description, .. } = event {
        ///             eprintln!("connection {}: {direction:?} {description}", self.0);
        ///         }
        ///     }
        /// }
        /// let count = AtomicUsize::new(0);
        /// let config = ClientConfig::new(Judge::Application, UnixTime::now)
        ///     .observer_for_each(move || Some(Arc::new(Numbered(count.fetch_add(1, Ordering::Relaxed)))));
        /// ```
        pub fn observer_for_each(
            mut self,
            make: impl Fn() -> Option<Arc<dyn Observer>> + Send + Sync + 'static,
        ) -> Self {
            self.common.hears.push(Hears::Each(Arc::new(make)));
            self
        }

        /// Judges the peer again where a session is resumed: the chain that it showed in
        /// the handshake before (with what a server stapled to it), by today's date, by
        /// name, pins and revocation. If nothing is said, the session is the admission.
        ///
        /// A policy judges before a client offers a session, and before a server takes
        /// one: where it refuses, the handshake is a full one, and an observer hears why.
        /// The application is asked [`Question::Verify`](crate::Question::Verify) each
        /// time, also where its policy has no name, which resumes nothing otherwise. Of a
        /// server, it is asked when that has chosen the session, and its refusal ends the
        /// handshake; of a client, before the session is taken, and its refusal means a
        /// full handshake, in which it is asked about what the client shows then.
        ///
        /// ```
        /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
        /// # use handfast::{ClientSessions, TicketKeys};
        /// # let (client, server) = pair::configs();
        /// # let server = server.tickets(TicketKeys::random());
        /// let client = client.sessions(ClientSessions::new()).verify_on_resumption();
        /// # pair::connect(&client, &server)?;
        /// # let (client, _) = pair::connect(&client, &server)?;
        /// // The server showed no certificate, and yet there is a verdict of today:
        /// assert!(client.info().resumed && client.info().report.is_some());
        /// # Ok::<(), handfast::Error>(())
        /// ```
        pub fn verify_on_resumption(mut self) -> Self {
            self.common.verifies_on_resumption = true;
            self.policy = OnceLock::new();
            self
        }

        /// Asks [`Question::Refused`](crate::Question::Refused) before a refused certificate ends the
        /// handshake, so that a person may accept it this once.
        pub fn ask_when_refused(mut self) -> Self {
            self.common.ask_refused = true;
            self
        }
    };
}
pub(super) use common_settings;

pub(super) fn known_groups(groups: &[NamedGroup]) -> Result<(), ConfigError> {
    let unknown = groups.iter().find(|group| !suite::GROUPS.contains(group));
    unknown.map_or(Ok(()), |unknown| Err(ConfigError::UnknownGroup(*unknown)))
}

fn not_empty<T>(what: &'static str, list: Vec<T>) -> Result<Vec<T>, ConfigError> {
    if list.is_empty() { Err(ConfigError::Empty(what)) } else { Ok(list) }
}
