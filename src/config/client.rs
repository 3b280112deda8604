//! What a client is told.

use super::common::{Common, Hears, common_settings};
use super::judge::Judge;
use crate::crypto::kdf::sha256;
use crate::identity::{ConfigError, Identity};
use crate::limits;
use crate::observe::Observer;
use crate::pki::{Roots, UnixTime, Verifier};
use crate::session::{ClientSessions, HashedKey, PreSharedKey};
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, TicketRequest};
use std::fmt;
use std::sync::{Arc, OnceLock};

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
    judge: Judge,
    identities: Vec<Arc<Identity>>,
    pub(crate) insists_on_identity: bool,
    pub(crate) asks_for_staple: bool,
    pub(crate) sessions: Option<Arc<ClientSessions>>,
    pub(crate) early_data: bool,
    pub(crate) ticket_request: Option<TicketRequest>,
    pub(crate) pre_shared_keys: Vec<PreSharedKey>,
    pub(crate) requires_pre_shared_key: bool,
    /// Offers psk_ke and no other way: as a device that cannot agree on keys.
    #[cfg(test)]
    pub(crate) psk_ke_alone: bool,
    /// The fingerprint of `judge`, `identities` and `pre_shared_keys`, when a connection has asked for it.
    policy: OnceLock<Option<[u8; 32]>>,
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
            early_data: false,
            ticket_request: None,
            pre_shared_keys: Vec::new(),
            requires_pre_shared_key: false,
            #[cfg(test)]
            psk_ke_alone: false,
            policy: OnceLock::new(),
        }
    }

    /// With a pre-shared key alone, by which it knows its servers: no roots, no
    /// certificates, and TLS 1.3 only.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # let secret = [7; 32];
    /// use handfast::{ClientConfig, PreSharedKey, ServerConfig, Trust, pki::UnixTime};
    /// // Each side of its own, for they are two: see `PreSharedKey`.
    /// let key = || PreSharedKey::imported(b"device 7", &secret, b"device 7 calls the hub");
    /// let client = ClientConfig::with_pre_shared_key(key()?, UnixTime::now)?;
    /// let server = ServerConfig::with_pre_shared_keys(key()?, UnixTime::now);
    /// # let (client, server) = pair::connect(&client, &server)?;
    /// assert_eq!(server.info().trust, Trust::PreSharedKey(b"device 7"[..].into()));
    /// assert_eq!(client.info().trust, server.info().trust);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`pre_shared_key`](Self::pre_shared_key).
    pub fn with_pre_shared_key(
        key: PreSharedKey,
        clock: impl Fn() -> UnixTime + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let nobody = Self::new(Verifier::web_pki(Roots::new()), clock);
        Ok(nobody.pre_shared_key(key)?.require_pre_shared_key())
    }

    common_settings!();

    /// The certificate to show to servers that request one. A server that
    /// verifies none of its schemes is told that there is none (RFC 9846
    /// section 4.5.1, RFC 5246 section 7.4.6), and may go on without.
    ///
    /// Called again, it adds a certificate. Of those that can sign with a scheme
    /// which the server verifies, the first is shown that is issued by an
    /// authority which the server names, or else the first.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientAuth, pki::Verifier};
    /// # let (client, server) = pair::configs();
    /// # let (identity, members) = pair::identity("member.example");
    /// # let server = server.client_auth(ClientAuth::Request(Verifier::web_pki(members).into()));
    /// let client = client.identity(identity);
    /// # let (client, server) = pair::connect(&client, &server)?;
    /// // A server that asks knows then who came:
    /// assert_eq!(server.info().peer_chain.as_ref().map(|chain| chain.len()), Some(1));
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn identity(mut self, identity: impl Into<Arc<Identity>>) -> Self {
        self.identities.push(identity.into());
        self.policy = OnceLock::new();
        self
    }

    /// The same with these certificates, in place of all it had: what
    /// [`Live::replace`](crate::Live::replace) is given when one was renewed. Sessions of
    /// before are not resumed: they began as whom the certificate before named.
    pub fn with_identities<I: Into<Arc<Identity>>>(&self, identities: impl IntoIterator<Item = I>) -> Self {
        let none = Self { identities: Vec::new(), policy: OnceLock::new(), ..self.clone() };
        identities.into_iter().fold(none, Self::identity)
    }

    /// The same with another judge, such as one with other roots. Sessions that began
    /// under the one before are not resumed, if it judges otherwise.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// use handfast::{ClientConfig, Live, pki::{Roots, UnixTime, Verifier}};
    /// let live = Live::new(ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now));
    /// // Later:
    /// let mut roots = Roots::new();
    /// roots.add_pem(made.cert.pem().as_bytes())?;
    /// live.update(|config| config.with_judge(Verifier::web_pki(roots.clone())));
    /// # Ok::<(), handfast::pki::PemError>(())
    /// ```
    pub fn with_judge(&self, judge: impl Into<Judge>) -> Self {
        Self { judge: judge.into(), policy: OnceLock::new(), ..self.clone() }
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
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientSessions, TicketKeys};
    /// # let (client, server) = pair::configs();
    /// # let server = server.tickets(TicketKeys::random());
    /// let client = client.sessions(ClientSessions::new());
    /// # let (first, _) = pair::connect(&client, &server)?;
    /// # let (second, _) = pair::connect(&client, &server)?;
    /// assert!(!first.info().resumed && second.info().resumed);
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn sessions(mut self, sessions: impl Into<Arc<ClientSessions>>) -> Self {
        self.sessions = Some(sessions.into());
        self
    }

    /// Offers early data (0-RTT) where a session allows it: data that goes with the
    /// ClientHello, a round trip before the server has said anything (RFC 9846 section
    /// 2.3). Off, if nothing is said.
    ///
    /// Whoever copies it on its way can bring it to the server again, which may then act
    /// on it twice (RFC 9846 section 8), and it has no forward secrecy: it is for what
    /// may well happen twice, such as a GET. So it leaves only through
    /// [`early_payload`](crate::Connection::early_payload), and
    /// [`info`](crate::Connection::info) says whether the server took it.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientSessions, EarlyData, EarlyReason};
    /// # let (client, server) = pair::configs();
    /// let client = client.sessions(ClientSessions::new()).early_data();
    /// # let (client, _) = pair::connect(&client, &server)?;
    /// // A first connection has none: it resumes nothing.
    /// assert_eq!(client.info().early_data, EarlyData::NotOffered(EarlyReason::NoSession));
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn early_data(mut self) -> Self {
        self.early_data = true;
        self
    }

    /// Asks servers of TLS 1.3 for so many tickets (RFC 9149), at most 8: where a
    /// session begins, and where one is resumed. One for each connection that is made
    /// at once is a good choice for the first, and 1 for the second; 0 and 0 ask for
    /// none. Without a [store](Self::sessions) nothing is asked. If nothing is said,
    /// servers send as many as they like.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientSessions, TicketKeys};
    /// # let (client, server) = pair::configs();
    /// # let server = server.tickets(TicketKeys::random());
    /// # let sessions = std::sync::Arc::new(ClientSessions::new());
    /// # let client = client.sessions(sessions.clone());
    /// let (client, server) = (client.ticket_request(4, 1), server.tickets_sent(6));
    /// # let _first = pair::connect(&client, &server)?;
    /// assert_eq!(sessions.len(), 4);
    /// # let _second = pair::connect(&client, &server)?;
    /// assert_eq!(sessions.len(), 4); // one was used, and one came
    /// # Ok::<(), handfast::Error>(())
    /// ```
    pub fn ticket_request(mut self, new_session: u8, resumption: u8) -> Self {
        self.ticket_request = Some(TicketRequest {
            new_session_count: new_session.min(limits::TICKETS_KEPT),
            resumption_count: resumption.min(limits::TICKETS_KEPT),
        });
        self
    }

    /// Offers this pre-shared key to each server (RFC 9846 section 4.3.11); called again,
    /// another one, too, in the order of preference, and a session before all of
    /// them. A server that takes none shows its certificate, which is judged as ever;
    /// [`require_pre_shared_key`](Self::require_pre_shared_key) refuses it.
    ///
    /// A server that takes one shows no certificate, and is asked for no name: it is
    /// trusted for having the key. So the configuration is for the servers that have
    /// it. Their identities are sent in the clear.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # let (client, server) = pair::configs();
    /// use handfast::{PreSharedKey, Trust};
    /// let client = client.pre_shared_key(PreSharedKey::external(b"device 7", &[7; 32])?)?;
    /// # let (client, _) = pair::connect(&client, &server)?;
    /// assert_eq!(client.info().trust, Trust::Policy); // this server has a certificate, and no key
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Two keys have the same identity; or the identities of all are too long to be
    /// offered together: more than 32 KiB.
    pub fn pre_shared_key(mut self, key: PreSharedKey) -> Result<Self, ConfigError> {
        let same = |known: &HashedKey| key.keys().any(|each| each.identity() == known.identity());
        if self.pre_shared_keys.iter().flat_map(PreSharedKey::keys).any(|known| same(&known)) {
            return Err(ConfigError::PreSharedKey("another one has the same identity"));
        }
        self.pre_shared_keys.push(key);
        // Each with its length and its age, and a binder with its length.
        let each = self.pre_shared_keys.iter().flat_map(PreSharedKey::keys);
        if each.map(|key| key.identity().len() + 6 + 49).sum::<usize>() > limits::PSK_OFFERED {
            return Err(ConfigError::PreSharedKey(
                "the identities to be offered have more than 32 KiB together",
            ));
        }
        self.policy = OnceLock::new();
        Ok(self)
    }

    /// Speaks with servers that take a pre-shared key, and with no others: TLS 1.3 is
    /// offered alone, and no certificate is asked for or looked at.
    pub fn require_pre_shared_key(mut self) -> Self {
        self.requires_pre_shared_key = true;
        self.common.set_tls13_alone(true);
        self.policy = OnceLock::new();
        self
    }

    /// Where sessions are kept, and what tells apart how servers are judged and as
    /// whom this side shows itself; `None` where nothing is resumed.
    pub(crate) fn resumption(&self) -> Option<(&Arc<ClientSessions>, [u8; 32])> {
        let sessions = self.sessions.as_ref()?;
        let policy = self.policy.get_or_init(|| {
            let own = self.identities.iter().map(|identity| sha256(identity.leaf()));
            let keys = self.pre_shared_keys.iter().map(|key| *key.fingerprint());
            let alone = self.requires_pre_shared_key.then_some([1; 32]);
            let judge = self.judge.fingerprint(self.common.verifies_on_resumption)?;
            let all: Vec<_> = [judge].into_iter().chain(own).chain(keys).chain(alone).collect();
            Some(sha256(all.as_flattened()))
        });
        Some((sessions, (*policy)?))
    }

    /// Who judges servers.
    pub(crate) const fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The certificates to show, the preferred one first.
    pub(crate) fn identities(&self) -> &[Arc<Identity>] {
        &self.identities
    }
}

/// What a client is told for one connection.
///
/// ```
/// # use handfast::{ClientConfig, Judge, pki::{ServerName, UnixTime}};
/// # let config = std::sync::Arc::new(ClientConfig::new(Judge::Application, UnixTime::now));
/// use handfast::{ClientOptions, Connection};
/// let mut options = ClientOptions::default();
/// options.hide_server_name = true;
/// let client = Connection::client_with(&config, ServerName::try_from("quiet.example")?, options)?;
/// assert!(!client.pending().windows(13).any(|bytes| bytes == b"quiet.example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions").finish_non_exhaustive()
    }
}
