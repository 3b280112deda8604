//! What a server is told.

use super::common::{Common, Hears, common_settings, known_groups};
use super::judge::Judge;
use crate::crypto::kdf::sha256;
use crate::crypto::secret::Secret;
use crate::identities::Identities;
use crate::identity::{ConfigError, Identity};
use crate::limits;
use crate::observe::Observer;
use crate::pki::{Roots, UnixTime};
use crate::session::{PreSharedKeys, Replays, SessionCache, SessionStore, TicketKeys};
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What a server does about client certificates.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::AlertDescription;
/// # let (client, server) = pair::configs();
/// # let (_, members) = pair::identity("member.example");
/// use handfast::{ClientAuth, pki::Verifier};
/// let server = server.client_auth(ClientAuth::Require(Verifier::web_pki(members).into()));
/// # let refused = pair::connect(&client, &server).err().ok_or("not refused")?;
/// // A client that shows nothing is refused:
/// assert_eq!(refused.alert(), Some(AlertDescription::CERTIFICATE_REQUIRED));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    client_auth: ClientAuth,
    pub(crate) client_authorities: Vec<Vec<u8>>,
    pub(crate) retry_cookie: Option<Arc<Secret>>,
    pub(crate) groups_worth_a_retry: Vec<NamedGroup>,
    pub(crate) requires_server_name: bool,
    pub(crate) half_rtt: bool,
    tickets: Option<Arc<TicketKeys>>,
    pre_shared_keys: Option<Arc<PreSharedKeys>>,
    pub(crate) tickets_sent: u8,
    /// Bytes of early data that a ticket allows, and who knows replays.
    pub(crate) early_data: Option<(u32, Replays)>,
    /// In seconds.
    pub(crate) early_data_window: u64,
    pub(crate) session_store: Option<SessionStore>,
    pub(crate) stateful_tickets: bool,
    session_context: Vec<u8>,
    /// The fingerprint of `client_auth` and `session_context`, when a connection has
    /// asked for it.
    policy: OnceLock<Option<[u8; 32]>>,
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
            pre_shared_keys: None,
            tickets_sent: 2,
            early_data: None,
            early_data_window: limits::EARLY_DATA_WINDOW,
            session_store: None,
            stateful_tickets: false,
            session_context: Vec::new(),
            policy: OnceLock::new(),
        }
    }

    /// With pre-shared keys and no certificate: TLS 1.3 only, and
    /// `unknown_psk_identity` for clients that offer none of the keys.
    /// [`ClientConfig::with_pre_shared_key`](crate::ClientConfig::with_pre_shared_key) shows it.
    pub fn with_pre_shared_keys(
        keys: impl Into<PreSharedKeys>,
        clock: impl Fn() -> UnixTime + Send + Sync + 'static,
    ) -> Self {
        let asking = Self::asking_for_certificates(clock);
        let mut config = Self { ask_certificate: false, ..asking }.pre_shared_keys(keys.into());
        config.common.set_tls13_alone(true);
        config
    }

    common_settings!();

    /// A further certificate. The first is shown that names the host which the
    /// client asks for and that signs with a scheme which it verifies; where
    /// none names the host, the first that can sign. One whose chain is signed
    /// in schemes that the client verifies goes before one whose chain is not
    /// (RFC 9846 section 4.5.1.2). They are found by name: there may be many.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientConfig, Reason, ServerConfig, pki::{UnixTime, Verifier}};
    /// # let ((a, roots), (b, _)) = (pair::identity("a.example"), pair::identity("b.example"));
    /// # let client = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now);
    /// let server = ServerConfig::new(b, UnixTime::now).add_identity(a);
    /// # let (_, server) = pair::connect(&client, &server)?;
    /// // A client that asks for a.example is shown the second:
    /// assert_eq!(server.info().reasons.certificate, Some(Reason::NamesTheHost));
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn add_identity(mut self, identity: impl Into<Arc<Identity>>) -> Self {
        self.identities.add(&identity.into());
        self.common.set_tls13_alone(false);
        self
    }

    /// The same with these certificates, in place of all it had: what
    /// [`Live::replace`](crate::Live::replace) is given when one was renewed. Ticket keys are
    /// shared with the configuration before, so that its sessions are resumed.
    pub fn with_identities<I: Into<Arc<Identity>>>(&self, identities: impl IntoIterator<Item = I>) -> Self {
        let none = Self { identities: Identities::default(), ask_certificate: false, ..self.clone() };
        identities.into_iter().fold(none, Self::add_identity)
    }

    /// What to do about client certificates.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientAuth, Trust, pki::Verifier};
    /// # let (client, server) = pair::configs();
    /// # let (_, members) = pair::identity("member.example");
    /// let server = server.client_auth(ClientAuth::Request(Verifier::web_pki(members).into()));
    /// # let (client, server) = pair::connect(&client, &server)?;
    /// assert_eq!(server.info().trust, Trust::Anonymous); // a client that shows nothing is served
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self.policy = OnceLock::new();
        self
    }

    /// The same with other roots for the judge of clients, if it judges by roots.
    pub(crate) fn with_client_roots(&self, roots: &Roots) -> Option<Self> {
        let client_auth = match &self.client_auth {
            ClientAuth::None => return None,
            ClientAuth::Request(judge) => ClientAuth::Request(judge.with_roots(roots)?),
            ClientAuth::Require(judge) => ClientAuth::Require(judge.with_roots(roots)?),
        };
        Some(self.clone().client_auth(client_auth))
    }

    /// The authorities to name where client certificates are requested, each the
    /// DER of a Name (RFC 9846 section 4.3.4, RFC 5246 section 7.4.4); clients
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
        if key == [0; 32] {
            return Err(ConfigError::CookieKey("all its bytes are zero: was it ever filled?"));
        }
        self.retry_cookie = Some(Arc::new(Secret::new(key.len(), |kept| kept.copy_from_slice(&key))));
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
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientSessions, TicketKeys};
    /// # let (client, server) = pair::configs();
    /// # let (client, other) = (client.sessions(ClientSessions::new()), server.clone());
    /// let keys = std::sync::Arc::new(TicketKeys::random());
    /// let (server, other) = (server.tickets(keys.clone()), other.tickets(keys));
    /// # pair::connect(&client, &server)?;
    /// # let (client, _) = pair::connect(&client, &other)?;
    /// assert!(client.info().resumed); // begun with the one, resumed by the other
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn tickets(mut self, keys: impl Into<Arc<TicketKeys>>) -> Self {
        self.tickets = Some(keys.into());
        self
    }

    /// Takes these pre-shared keys of clients of TLS 1.3 (RFC 9846 section 4.3.11). A
    /// session goes before them. Of those that a client offers, the first of this
    /// server's order is taken, and one whose hash no cipher suite has is passed over.
    /// A client with none of them is shown a certificate, if there is one, or else
    /// told `unknown_psk_identity`. One that cannot show that it has the key is told
    /// `decrypt_error`: so anybody can ask which identities there are (appendix F.6).
    ///
    /// No certificate is requested then: the client is whoever has the key
    /// ([`Trust::PreSharedKey`](crate::Trust::PreSharedKey)). Where certificates are
    /// [required](ClientAuth::Require), no key is taken but by
    /// [`instead_of_certificates`](PreSharedKeys::instead_of_certificates). Sessions
    /// that begin with a key are resumed as long as the configuration has it.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # let (client, server) = pair::configs();
    /// use handfast::{PreSharedKey, Trust};
    /// let server = server.pre_shared_keys(PreSharedKey::external(b"device 7", &[7; 32])?);
    /// # let (_, anybody) = pair::connect(&client, &server)?;
    /// # let key = PreSharedKey::external(b"device 7", &[7; 32])?;
    /// # let (_, server) = pair::connect(&client.pre_shared_key(key)?, &server)?;
    /// assert_eq!(anybody.info().trust, Trust::Anonymous); // was shown the certificate
    /// assert_eq!(server.info().trust, Trust::PreSharedKey(b"device 7"[..].into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pre_shared_keys(mut self, keys: impl Into<PreSharedKeys>) -> Self {
        self.pre_shared_keys = Some(Arc::new(keys.into()));
        self
    }

    /// The pre-shared keys that may be taken.
    pub(crate) fn pre_shared_keys_taken(&self) -> Option<&PreSharedKeys> {
        let keys = self.pre_shared_keys.as_deref()?;
        (keys.instead_of_certificates || !self.requires_certificate()).then_some(keys)
    }

    /// Whether there is any certificate to show.
    pub(crate) fn shows_certificates(&self) -> bool {
        self.ask_certificate || self.identities.all().next().is_some()
    }

    /// How many tickets a TLS 1.3 client is sent after the handshake: 2 if
    /// nothing is said, and at most 8. A client that asks for fewer (RFC 9149) gets
    /// so many.
    pub fn tickets_sent(mut self, count: u8) -> Self {
        self.tickets_sent = count.min(limits::TICKETS_KEPT);
        self
    }

    /// Takes 0-RTT data (RFC 9846 section 2.3): each ticket from here on allows a
    /// client to send so many bytes of it with its ClientHello, before it knows that
    /// this is the server that it means. With 0, and if nothing is said, there is none.
    ///
    /// **Whoever sees early data on its way can send it again**, and make it arrive
    /// where its client sends it again itself. It is for what may be done twice, such
    /// as the GET of a page, and it comes apart from all else, as
    /// [`Event::EarlyData`](crate::Event::EarlyData): an application that turns it on
    /// reads it before it reads data. TLS can keep one ClientHello from being taken
    /// twice, and that is what `replays` is asked for: a [`ReplayRegister`] of
    /// this process, or, with [`Replays::Asked`], one that many machines share. Without
    /// [`tickets`](Self::tickets) there is nothing to send early data with.
    ///
    /// It is taken where the session's version, cipher suite, application protocol
    /// and server name are those of the connection, the client offers its ticket
    /// first, the ticket's [age](Self::early_data_window) is what the client says it
    /// is, no HelloRetryRequest was needed, and the register says that it is the first
    /// (RFC 9846 sections 4.3.10 and 8). Else the session is resumed without:
    /// [`info`](crate::Connection::info) says why, and what the client has sent is
    /// passed over.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{EarlyData, EarlyReason, ReplayRegister, TicketKeys};
    /// # let (client, server) = pair::configs();
    /// let server = server.tickets(TicketKeys::random()).early_data(16_384, ReplayRegister::new());
    /// let (_, server) = pair::connect(&client, &server)?;
    /// assert_eq!(server.info().early_data, EarlyData::NotOffered(EarlyReason::NotAsked));
    /// # Ok::<(), handfast::Error>(())
    /// ```
    ///
    /// [`ReplayRegister`]: crate::ReplayRegister
    pub fn early_data(mut self, most: u32, replays: impl Into<Replays>) -> Self {
        self.early_data = (most > 0).then(|| (most, replays.into()));
        self
    }

    /// By how much a ticket's age, as its client says it, may differ from its age
    /// here, for early data to be taken: 10 seconds if nothing is said (RFC 9846
    /// section 8.3). A register keeps what it has seen for twice as long. Servers that
    /// share a register have the same.
    ///
    /// # Errors
    /// It is less than a second, or more than seven days.
    pub fn early_data_window(mut self, window: Duration) -> Result<Self, ConfigError> {
        self.early_data_window = match window.as_secs() {
            seconds if (1..=u64::from(limits::TICKET_SECONDS)).contains(&seconds) => seconds,
            seconds => return Err(ConfigError::TicketTimes { what: "a window for early data", seconds }),
        };
        Ok(self)
    }

    /// Keeps sessions under their ids, too: for clients of TLS 1.2 that use no tickets,
    /// and for [stateful tickets](Self::stateful_tickets). A client that is given a
    /// ticket is given no id (RFC 5077 section 3.4).
    ///
    /// The store is this process's memory, or elsewhere: then a server whose client comes
    /// with an id asks [`Question::Session`](crate::Question::Session), at most once a
    /// handshake and only where a server with its keys made the id. Whatever is wrong
    /// with the answer, a full handshake follows.
    ///
    /// What is kept is sealed under the [ticket keys](Self::tickets); where none are
    /// given, they are this configuration's own, which other processes cannot read.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientSessions, SessionCache};
    /// # let (client, server) = pair::configs();
    /// # let client = client.sessions(ClientSessions::new());
    /// let cache = std::sync::Arc::new(SessionCache::new());
    /// let server = server.session_store(cache.clone()).stateful_tickets();
    /// # pair::connect(&client, &server)?;
    /// assert_eq!(cache.len(), 2); // a session for each ticket
    /// # let (client, _) = pair::connect(&client, &server)?;
    /// assert!(client.info().resumed);
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn session_store(mut self, store: impl Into<SessionStore>) -> Self {
        self.session_store = Some(store.into());
        self.tickets.get_or_insert_with(|| TicketKeys::random().into());
        self
    }

    /// Puts no session into a ticket, but into the [store](Self::session_store), under
    /// an id: in TLS 1.3 the ticket is that id, and good for one use; in TLS 1.2 there
    /// are session ids alone, which are good for more. Where no store is given, it is a
    /// [`SessionCache`] of this configuration's own.
    ///
    /// A session is claimed by deleting it when its client has shown that it has the
    /// key: who merely saw a ticket cannot use it up. A store that is elsewhere learns
    /// of it a little later, and nobody waits: two connections that come at once with
    /// one ticket may both be resumed, though early data is taken on one at most.
    ///
    /// What it is good for: a session that the store forgets is no session any more, and
    /// whoever gets the ticket keys later reads no session that was resumed.
    pub fn stateful_tickets(mut self) -> Self {
        self.stateful_tickets = true;
        match self.session_store {
            Some(_) => self,
            None => self.session_store(SessionCache::new()),
        }
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
        self.policy = OnceLock::new();
        self
    }

    /// The keys of tickets, and what tells apart what clients are asked for and how
    /// they are judged; `None` where nothing is resumed.
    pub(crate) fn resumption(&self) -> Option<(&TicketKeys, [u8; 32])> {
        let keys = self.tickets.as_deref()?;
        let policy = self.policy.get_or_init(|| {
            let again = self.common.verifies_on_resumption;
            let (asked, judge) = match &self.client_auth {
                ClientAuth::None => (0, [0; 32]),
                ClientAuth::Request(judge) => (1, judge.fingerprint(again)?),
                ClientAuth::Require(judge) => (2, judge.fingerprint(again)?),
            };
            Some(sha256(&[&[asked], &judge[..], &self.session_context].concat()))
        });
        Some((keys, (*policy)?))
    }

    /// Whether a client without a certificate is refused.
    pub(crate) const fn requires_certificate(&self) -> bool {
        matches!(self.client_auth, ClientAuth::Require(_))
    }

    /// Who judges client certificates, if any are requested.
    pub(crate) fn judge(&self) -> Option<&Judge> {
        match &self.client_auth {
            ClientAuth::None => None,
            ClientAuth::Request(judge) | ClientAuth::Require(judge) => Some(judge),
        }
    }

    /// Allows application data before the client's Finished (RFC 9846 section
    /// 4.5.3): nobody has proven then to be alive. Without effect where a
    /// client certificate is requested.
    pub fn half_rtt(mut self) -> Self {
        self.half_rtt = true;
        self
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig").finish_non_exhaustive()
    }
}
