//! What each side is told before it begins. Nothing here changes while a
//! connection lives: configurations are shared behind an `Arc`.

use crate::crypto::kdf::sha256;
use crate::crypto::suite::{self, Suite};
#[cfg(feature = "static-rsa")]
use crate::crypto::suite::{KeyExchange, Version};
use crate::identities::Identities;
use crate::identity::{ConfigError, Identity};
use crate::limits;
use crate::observe::Observer;
use crate::pki::{UnixTime, Verifier};
use crate::session::{ClientSessions, TicketKeys};
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Who judges the peer's chain.
///
/// Whoever resumes a session shows no certificate, and nobody is asked: the
/// session itself is the admission. So only a judge resumes it who is known to
/// be the one that let the peer in.
#[derive(Clone, Debug)]
pub enum Judge {
    /// A policy of this crate, in memory.
    Policy(Verifier),
    /// The application, through [`Question::Verify`](crate::Question::Verify). It is asked each
    /// time: no session is kept or resumed.
    Application,
    /// The application as well, by a policy that has a name; see
    /// [`application_named`](Self::application_named).
    ApplicationNamed(Box<str>),
}

impl Judge {
    /// The application, through [`Question::Verify`](crate::Question::Verify), by a policy that
    /// has this name. Configurations that give the same name resume each other's
    /// sessions: whom the application accepted it is not asked about again for up
    /// to seven days. So a name is of one application, and it changes when the
    /// policy does or when somebody is no longer to be let in. The empty name
    /// is none.
    ///
    /// ```
    /// use handfast::{ClientConfig, ClientSessions, Judge, pki::UnixTime};
    /// let judge = Judge::application_named("example.com/payments, partners of 2026-11-21");
    /// let config = ClientConfig::new(judge, UnixTime::now).sessions(ClientSessions::new());
    /// ```
    pub fn application_named(name: impl Into<Box<str>>) -> Self {
        Self::ApplicationNamed(name.into())
    }

    /// Tells judges apart, as far as this crate can; `None` where it cannot.
    fn fingerprint(&self) -> Option<[u8; 32]> {
        match self {
            Self::Policy(verifier) => Some(verifier.fingerprint()),
            Self::ApplicationNamed(name) if !name.is_empty() => {
                // A verifier's begins with the number of its kind.
                Some(sha256(&[b"application policy ", name.as_bytes()].concat()))
            }
            Self::Application | Self::ApplicationNamed(_) => None,
        }
    }
}

impl From<Verifier> for Judge {
    fn from(verifier: Verifier) -> Self {
        Self::Policy(verifier)
    }
}

type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// What both roles are told.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) suites: Vec<&'static Suite>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) ask_refused: bool,
    pub(crate) largest_record: usize,
    pub(crate) extended_master_secret: bool,
    pub(crate) requires_extended_master_secret: bool,
    pub(crate) requires_renegotiation_info: bool,
    pub(crate) renegotiation_is_fatal: bool,
    pub(crate) requires_alpn: bool,
    #[cfg(feature = "static-rsa")]
    pub(crate) static_rsa: bool,
    versions: Vec<ProtocolVersion>,
    pub(crate) clock: Clock,
}

impl Common {
    fn new(clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self {
            suites: suite::TLS13.iter().chain(&suite::TLS12).collect(),
            groups: suite::GROUPS.to_vec(),
            schemes: suite::SCHEMES.to_vec(),
            alpn: Vec::new(),
            ask_refused: false,
            largest_record: limits::RECORD_PLAINTEXT,
            extended_master_secret: true,
            requires_extended_master_secret: false,
            requires_renegotiation_info: false,
            renegotiation_is_fatal: false,
            requires_alpn: false,
            #[cfg(feature = "static-rsa")]
            static_rsa: false,
            versions: vec![ProtocolVersion::TLS13, ProtocolVersion::TLS12],
            clock: Arc::new(clock),
        }
    }

    /// The versions, the newest first, as far as a suite is there for them.
    pub(crate) fn versions(&self) -> impl Iterator<Item = ProtocolVersion> + Clone {
        let suite_for = |version: &ProtocolVersion| {
            self.suites.iter().any(|suite| suite.is_tls13() == (*version == ProtocolVersion::TLS13))
        };
        self.versions.iter().copied().filter(suite_for)
    }

    /// The suites of these versions.
    pub(crate) fn offered_suites(&self) -> impl Iterator<Item = &'static Suite> {
        let (tls13, tls12) = (self.tls13(), self.tls12());
        self.suites.iter().copied().filter(move |suite| if suite.is_tls13() { tls13 } else { tls12 })
    }

    pub(crate) fn tls13(&self) -> bool {
        self.versions().any(|version| version == ProtocolVersion::TLS13)
    }

    pub(crate) fn tls12(&self) -> bool {
        self.versions().any(|version| version == ProtocolVersion::TLS12)
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
            let find = |id: &CipherSuite| match Suite::find(*id) {
                #[cfg(feature = "static-rsa")]
                Some(Suite { version: Version::Tls12(KeyExchange::Rsa), .. }) if !self.common.static_rsa => {
                    Err(ConfigError::StaticRsaNotAllowed(*id))
                }
                suite => suite.ok_or(ConfigError::UnknownSuite(*id)),
            };
            self.common.suites =
                not_empty("cipher suites", suites.iter().map(find).collect::<Result<_, _>>()?)?;
            Ok(self)
        }

        /// The key exchange groups to speak, the preferred one first.
        ///
        /// # Errors
        /// The list is empty, or names a group that this build does not have.
        pub fn groups(mut self, groups: &[NamedGroup]) -> Result<Self, ConfigError> {
            known_groups(groups)?;
            self.common.groups = not_empty("groups", groups.to_vec())?;
            Ok(self)
        }

        /// The signature schemes in which the peer may sign the handshake, the
        /// preferred one first (RFC 8446 section 4.2.3). With what certificates
        /// are signed is the judge's to say; what this side signs with,
        /// [`Identity::sign_with`]. Sessions that began with another scheme are
        /// not resumed.
        ///
        /// # Errors
        /// The list is empty, or names a scheme that this build does not verify.
        pub fn signature_schemes(mut self, schemes: &[SignatureScheme]) -> Result<Self, ConfigError> {
            if let Some(unknown) = schemes.iter().find(|scheme| !suite::SCHEMES.contains(scheme)) {
                return Err(ConfigError::UnknownScheme(*unknown));
            }
            self.common.schemes = not_empty("signature schemes", schemes.to_vec())?;
            Ok(self)
        }

        /// The protocol versions to speak: TLS 1.3, TLS 1.2, or both, as is the default.
        ///
        /// # Errors
        /// The list is empty, or names a version that this crate does not speak.
        pub fn versions(mut self, versions: &[ProtocolVersion]) -> Result<Self, ConfigError> {
            const KNOWN: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
            if let Some(unknown) = versions.iter().find(|version| !KNOWN.contains(version)) {
                return Err(ConfigError::UnknownVersion(*unknown));
            }
            let known = KNOWN.into_iter().filter(|version| versions.contains(version)).collect();
            self.common.versions = not_empty("versions", known)?;
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
            self.common.static_rsa = true;
            let missing = suite::STATIC_RSA.iter().filter(|suite| !self.common.suites.contains(suite));
            let missing: Vec<_> = missing.collect();
            self.common.suites.extend(missing);
            self
        }

        /// The application protocols to speak, the preferred one first
        /// (RFC 7301), such as `b"h2"`.
        ///
        /// # Errors
        /// A name is not 1 to 255 bytes long.
        pub fn alpn(mut self, protocols: &[&[u8]]) -> Result<Self, ConfigError> {
            if let Some(bad) = protocols.iter().find(|name| name.is_empty() || name.len() > 255) {
                return Err(ConfigError::ProtocolName(String::from_utf8_lossy(bad).into_owned()));
            }
            self.common.alpn = protocols.iter().map(|name| name.to_vec()).collect();
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

        /// Sends records of at most `bytes` of content (RFC 8446 section 5.1); 2^14
        /// if nothing is said. The peer can use a record when all of it has
        /// arrived: small ones reach it sooner, and cost more.
        ///
        /// # Errors
        /// It is less than 512, or more than 2^14.
        pub fn largest_record(mut self, bytes: usize) -> Result<Self, ConfigError> {
            if !(limits::LEAST_RECORD..=limits::RECORD_PLAINTEXT).contains(&bytes) {
                return Err(ConfigError::RecordSize(bytes));
            }
            self.common.largest_record = bytes;
            Ok(self)
        }

        /// Asks [`Question::Refused`](crate::Question::Refused) before a refused certificate ends the
        /// handshake, so that a person may accept it this once.
        pub fn ask_when_refused(mut self) -> Self {
            self.common.ask_refused = true;
            self
        }
    };
}

fn known_groups(groups: &[NamedGroup]) -> Result<(), ConfigError> {
    let unknown = groups.iter().find(|group| !suite::GROUPS.contains(group));
    unknown.map_or(Ok(()), |unknown| Err(ConfigError::UnknownGroup(*unknown)))
}

fn not_empty<T>(what: &'static str, list: Vec<T>) -> Result<Vec<T>, ConfigError> {
    if list.is_empty() { Err(ConfigError::Empty(what)) } else { Ok(list) }
}

/// What a client is told.
///
/// ```
/// use handfast::{ClientConfig, pki::{Roots, UnixTime, Verifier}};
/// let config = ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now).alpn(&[b"http/1.1"])?;
/// # Ok::<(), handfast::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ClientConfig {
    pub(crate) common: Common,
    pub(crate) judge: Judge,
    pub(crate) identities: Vec<Arc<Identity>>,
    pub(crate) insists_on_identity: bool,
    pub(crate) asks_for_staple: bool,
    pub(crate) sessions: Option<Arc<ClientSessions>>,
}

impl ClientConfig {
    /// With a judge of servers and a clock. All else has its default: the
    /// suites and groups of this build, no client certificate, no ALPN.
    pub fn new(judge: impl Into<Judge>, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self {
            common: Common::new(clock),
            judge: judge.into(),
            identities: Vec::new(),
            insists_on_identity: false,
            asks_for_staple: true,
            sessions: None,
        }
    }

    common_settings!();

    /// The certificate to show to servers that request one. A server that
    /// verifies none of its schemes is told that there is none (RFC 8446
    /// section 4.4.2, RFC 5246 section 7.4.6), and may go on without.
    ///
    /// Called again, it adds a certificate. Of those that can sign with a scheme
    /// which the server verifies, the first is shown that is issued by an
    /// authority which the server names, or else the first.
    pub fn identity(mut self, identity: impl Into<Arc<Identity>>) -> Self {
        self.identities.push(identity.into());
        self
    }

    /// Ends the handshake where a server requests a certificate and cannot
    /// verify any of this side's, instead of going on as nobody.
    pub fn insist_on_identity(mut self) -> Self {
        self.insists_on_identity = true;
        self
    }

    /// Asks servers for no OCSP response (RFC 6066 section 8): no status_request
    /// is sent, and a policy that wants to know of revocation must know it from
    /// elsewhere.
    pub fn without_stapling(mut self) -> Self {
        self.asks_for_staple = false;
        self
    }

    /// Resumes sessions, and keeps new ones, in this store; without one, no
    /// session is resumed. Other configurations may share it.
    ///
    /// The server shows no certificate then: it is trusted because the same
    /// policy accepted it at most seven days before, and its certificate has not
    /// expired. Where the application judges, it must name its policy
    /// ([`Judge::application_named`]): else no session is kept or resumed.
    pub fn sessions(mut self, sessions: impl Into<Arc<ClientSessions>>) -> Self {
        self.sessions = Some(sessions.into());
        self
    }

    /// Where sessions are kept, and what tells apart how servers are judged and as
    /// whom this side shows itself; `None` where nothing is resumed.
    pub(crate) fn resumption(&self) -> Option<(&Arc<ClientSessions>, [u8; 32])> {
        let (sessions, judge) = (self.sessions.as_ref()?, self.judge.fingerprint()?);
        let own = self.identities.iter().map(|identity| sha256(identity.leaf()));
        Some((sessions, sha256([judge].into_iter().chain(own).collect::<Vec<_>>().as_flattened())))
    }
}

/// What a client is told for one connection.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Hears what the connection does.
    pub observer: Option<Arc<dyn Observer>>,
    /// Leaves server_name out of the ClientHello (RFC 6066 section 3); the
    /// name is still verified.
    pub hide_server_name: bool,
    /// The ClientHellos to send, one after another: those of an RFC's trace.
    #[cfg(test)]
    pub(crate) hellos: Vec<Vec<u8>>,
}

/// What a server does about client certificates.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// Requests none.
    None,
    /// Requests one, and goes on without.
    Request(Judge),
    /// Requires one: `certificate_required` is sent where there is none.
    Require(Judge),
}

/// What a server is told.
///
/// ```no_run
/// use handfast::{Identity, ServerConfig, pki::UnixTime};
/// let identity = Identity::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let config = ServerConfig::new(identity, UnixTime::now);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ServerConfig {
    pub(crate) common: Common,
    pub(crate) identities: Identities,
    pub(crate) ask_certificate: bool,
    pub(crate) client_auth: ClientAuth,
    pub(crate) client_authorities: Vec<Vec<u8>>,
    pub(crate) retry_cookie: Option<Zeroizing<[u8; 32]>>,
    pub(crate) groups_worth_a_retry: Vec<NamedGroup>,
    pub(crate) requires_server_name: bool,
    pub(crate) half_rtt: bool,
    tickets: Option<Arc<TicketKeys>>,
    pub(crate) tickets_sent: u8,
    session_context: Vec<u8>,
}

impl ServerConfig {
    /// With a certificate and a clock. All else has its default.
    pub fn new(
        identity: impl Into<Arc<Identity>>,
        clock: impl Fn() -> UnixTime + Send + Sync + 'static,
    ) -> Self {
        let asking = Self::asking_for_certificates(clock);
        Self { ask_certificate: false, ..asking }.add_identity(identity)
    }

    /// With no certificate: each ClientHello asks [`Question::Certificate`](crate::Question::Certificate).
    pub fn asking_for_certificates(clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self {
            common: Common::new(clock),
            identities: Identities::default(),
            ask_certificate: true,
            client_auth: ClientAuth::None,
            client_authorities: Vec::new(),
            retry_cookie: None,
            groups_worth_a_retry: Vec::new(),
            requires_server_name: false,
            half_rtt: false,
            tickets: None,
            tickets_sent: 2,
            session_context: Vec::new(),
        }
    }

    common_settings!();

    /// A further certificate. The first is shown that names the host which the
    /// client asks for and that signs with a scheme which it verifies; where
    /// none names the host, the first that can sign. One whose chain is signed
    /// in schemes that the client verifies goes before one whose chain is not
    /// (RFC 9846 section 4.5.1.2). They are found by name: there may be many.
    pub fn add_identity(mut self, identity: impl Into<Arc<Identity>>) -> Self {
        self.identities.add(&identity.into());
        self
    }

    /// What to do about client certificates.
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// The authorities to name where client certificates are requested, each the
    /// DER of a Name (RFC 8446 section 4.2.4, RFC 5246 section 7.4.4); clients
    /// choose by them among their certificates. If nothing is said, they are
    /// the roots of the policy that judges, and none where the application does.
    ///
    /// # Errors
    /// A name is not 1 to 65535 bytes long.
    pub fn client_authorities(mut self, names: &[&[u8]]) -> Result<Self, ConfigError> {
        let fits = |name: &[u8]| (1..=0xffff).contains(&name.len());
        if let Some(bad) = names.iter().find(|name| !fits(name)) {
            return Err(ConfigError::AuthorityName(bad.len()));
        }
        self.client_authorities = names.iter().map(|name| name.to_vec()).collect();
        Ok(self)
    }

    /// Makes HelloRetryRequests stateless: what must be remembered goes to the
    /// client in a cookie, authenticated under `key` (RFC 9846 section 4.3.2),
    /// so that the second ClientHello may reach another connection, even
    /// another server with the same key, which would choose the same.
    ///
    /// # Errors
    /// The key's bytes are all zero.
    pub fn retry_cookie(mut self, key: [u8; 32]) -> Result<Self, ConfigError> {
        let key = Zeroizing::new(key);
        if *key == [0; 32] {
            return Err(ConfigError::CookieKey("all its bytes are zero: was it ever filled?"));
        }
        self.retry_cookie = Some(key);
        Ok(self)
    }

    /// Groups for which a TLS 1.3 client is asked again (HelloRetryRequest, RFC
    /// 9846 section 4.2.4) if it supports them and sent no share: a round trip
    /// more, for instance for the hybrid that a recording's reader of the future
    /// cannot break. They count as far as [`groups`](Self::groups) has them, and
    /// in its order. If nothing is said, a round trip weighs more than the order
    /// of the groups, and a client is asked only if it sent no share that fits.
    ///
    /// ```
    /// # use handfast::{ServerConfig, pki::UnixTime, wire::NamedGroup};
    /// # let config = ServerConfig::asking_for_certificates(UnixTime::now);
    /// # #[cfg(feature = "post-quantum")]
    /// let config = config.groups_worth_a_retry(&[NamedGroup::X25519MLKEM768])?;
    /// # Ok::<(), handfast::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The list names a group that this build does not have.
    pub fn groups_worth_a_retry(mut self, groups: &[NamedGroup]) -> Result<Self, ConfigError> {
        known_groups(groups)?;
        self.groups_worth_a_retry = groups.to_vec();
        Ok(self)
    }

    /// Serves no client that does not say whom it wants: without server_name it is
    /// told missing_extension (RFC 9846 section 9.2), and unrecognized_name where
    /// no certificate of this configuration is for that host (RFC 6066 section 3).
    /// Whoever is asked for a certificate in the configuration's place says so
    /// with [`Answer::NoCertificate`](crate::Answer::NoCertificate). If nothing is
    /// said, such a client is shown the first certificate that it can verify.
    pub fn require_server_name(mut self) -> Self {
        self.requires_server_name = true;
        self
    }

    /// Sends tickets sealed with these keys, and resumes the sessions of those
    /// that come back; without keys there are none. Servers that share the keys
    /// resume each other's sessions, if they judge clients alike, have the same
    /// [context](Self::session_context), and would show a certificate of the
    /// same names (RFC 9846 section 4.7.1). A renewed one resumes what the one
    /// before began, and so does one with another kind of key.
    ///
    /// A client is taken for whom its certificate said at most seven days
    /// before, and not longer than that is valid. Where the application judges
    /// clients, it must name its policy ([`Judge::application_named`]): else no
    /// ticket is sent or taken. TLS 1.2 sessions without extended_master_secret
    /// are not resumed (RFC 7627 section 5.4).
    pub fn tickets(mut self, keys: impl Into<Arc<TicketKeys>>) -> Self {
        self.tickets = Some(keys.into());
        self
    }

    /// How many tickets a TLS 1.3 client is sent after the handshake: 2 if
    /// nothing is said, and at most 8.
    pub fn tickets_sent(mut self, count: u8) -> Self {
        self.tickets_sent = count.min(limits::TICKETS_KEPT);
        self
    }

    /// Sessions are resumed only where the context is the same; it is empty if
    /// nothing is said. It tells servers apart that share keys and names, but not
    /// their clients.
    ///
    /// ```no_run
    /// # use handfast::{Identity, ServerConfig, TicketKeys, pki::UnixTime};
    /// # let identity = Identity::from_pem(b"", b"")?;
    /// let config = ServerConfig::new(identity, UnixTime::now).tickets(TicketKeys::random()).session_context("shop");
    /// # Ok::<(), handfast::ConfigError>(())
    /// ```
    pub fn session_context(mut self, context: impl Into<Vec<u8>>) -> Self {
        self.session_context = context.into();
        self
    }

    /// The keys of tickets, and what tells apart what clients are asked for and how
    /// they are judged; `None` where nothing is resumed.
    pub(crate) fn resumption(&self) -> Option<(&TicketKeys, [u8; 32])> {
        let keys = self.tickets.as_deref()?;
        let (asked, judge) = match &self.client_auth {
            ClientAuth::None => (0, [0; 32]),
            ClientAuth::Request(judge) => (1, judge.fingerprint()?),
            ClientAuth::Require(judge) => (2, judge.fingerprint()?),
        };
        Some((keys, sha256(&[&[asked], &judge[..], &self.session_context].concat())))
    }

    /// Who judges client certificates, if any are requested.
    pub(crate) fn judge(&self) -> Option<&Judge> {
        match &self.client_auth {
            ClientAuth::None => None,
            ClientAuth::Request(judge) | ClientAuth::Require(judge) => Some(judge),
        }
    }

    /// Allows application data before the client's Finished (RFC 8446 section
    /// 4.4.4): nobody has proven then to be alive. Without effect where a
    /// client certificate is requested.
    pub fn half_rtt(mut self) -> Self {
        self.half_rtt = true;
        self
    }
}

macro_rules! opaque_debug {
    ($($config:ident)*) => {$(
        impl fmt::Debug for $config {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($config)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug!(ClientConfig ClientOptions ServerConfig);
