//! Resuming sessions, as far as the flows share it: which ticket a server
//! takes, what it gives for the next time, and what a client keeps of that
//! (RFC 9846 sections 4.3.11 and 4.7.1, RFC 5077, RFC 7627 section 5.3).

use super::context::{Cx, Received};
use super::negotiate::Certificates;
use super::pre_shared::{identities, verify_binder};
use crate::config::{ClientConfig, ServerConfig};
use crate::crypto::kdf::Digest;
use crate::crypto::secret::Secret;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::info::{ConnectionInfo, Trust};
use crate::limits;
use crate::observe::Tap;
use crate::pki::ServerName;
use crate::schedule::tls12::MasterSecret;
use crate::schedule::tls13::psk::{PskKind, ResumptionSecret};
use crate::schedule::tls13::{self, EarlySecret};
use crate::schedule::transcript::Transcript;
use crate::session::{self, ClientSession, Keeper, Kind, Peer, PreSharedKey, Replays, ServerSession};
use crate::wire::{
    Body, ClientHello, NewSessionTicket12, NewSessionTicket13, ProtocolVersion, PskKeyExchangeMode,
    TicketExtensions,
};
use std::sync::Arc;

/// An identity in a ClientHello whose session this server has. Anybody could have
/// sent it: that the client has the key, too, its binder shows.
pub(crate) struct Identified {
    /// Its place among those that the client offers.
    pub(crate) place: u16,
    pub(crate) session: ServerSession,
}

/// A pre-shared key that a server takes: its binder was verified.
pub(crate) struct Psk {
    /// Its place among those that the client offers.
    pub(crate) place: u16,
    pub(crate) session: ServerSession,
    pub(crate) early: EarlySecret,
    pub(crate) binder: Digest,
}

/// Whether tickets of TLS 1.3 go to and from this client: the key exchange is
/// done anew each time, so it must know psk_dhe_ke (RFC 9846 section 4.3.9).
pub(crate) fn wants_tickets(config: &ServerConfig, m: &ClientHello<'_>) -> bool {
    let modes = m.extensions.psk_key_exchange_modes.unwrap_or_default();
    modes.contains(&PskKeyExchangeMode::PSK_DHE_KE) && config.resumption().is_some()
}

/// How many tickets go to this client: as many as it asks for (RFC 9149), and not more
/// than the configuration says.
pub(crate) fn tickets_to_send(config: &ServerConfig, m: &ClientHello<'_>, resumes: bool) -> u8 {
    let asked = m.extensions.ticket_request.map(|request| match resumes {
        true => request.resumption_count,
        false => request.new_session_count,
    });
    match wants_tickets(config, m) {
        true => config.tickets_sent.min(asked.unwrap_or(u8::MAX)),
        false => 0,
    }
}

/// The first pre-shared key of the ClientHello that this server has, with this
/// hash and for the names of these certificates.
pub(crate) fn identified(
    config: &ServerConfig,
    suite: &'static Suite,
    certificates: &Certificates<'_>,
    m: &ClientHello<'_>,
) -> Option<Identified> {
    // What began with a pre-shared key showed no certificate: its names are that key. A
    // fleet that shares it may share the keys of tickets, too: who is asked by itself
    // goes on to the key, which says so.
    let has_begun = |session: &ServerSession| match session.peer.trust {
        Trust::PreSharedKey(_) => {
            let key = config.pre_shared_keys_taken().and_then(|keys| keys.known(&session.names));
            key.is_some_and(|key| !key.is_reflected(m.random))
        }
        _ => certificates.have_names(&session.names),
    };
    known_psks(config, suite, m).find(|known| has_begun(&known.session))
}

impl Identified {
    /// The key, which must come with its binder. The transcript is what came before
    /// the ClientHello.
    pub(crate) fn bound(
        self,
        suite: &'static Suite,
        transcript: &Transcript,
        (msg, m): (&Received<'_>, &ClientHello<'_>),
        tap: &Tap,
    ) -> Result<Psk, Fault> {
        let Self { place, session } = self;
        let early = EarlySecret::new(suite, Some(session.secret.as_bytes()), tap);
        let binder = verify_binder(&early, (PskKind::Resumption, place), suite, transcript, (msg, m))?;
        Ok(Psk { place, session, early, binder })
    }
}

/// The pre-shared keys of the ClientHello that this server has, with the hash of
/// this suite; their binders are not looked at.
pub(crate) fn known_psks(
    config: &ServerConfig,
    suite: &'static Suite,
    m: &ClientHello<'_>,
) -> impl Iterator<Item = Identified> {
    let wanted = wants_tickets(config, m).then(|| identities(m));
    wanted.into_iter().flatten().filter_map(move |(place, psk)| {
        let (session, _) = open(config, psk.identity, ProtocolVersion::TLS13, m)?;
        // The key goes with any suite of its hash; but whoever does not offer its own
        // suite any more has changed its mind about it.
        let offers_its_suite = m.cipher_suites.contains(&session.suite.id);
        (session.suite.hash == suite.hash && offers_its_suite).then_some(Identified { place, session })
    })
}

/// The session of TLS 1.2 that the client's ticket holds, if it is for the names of
/// these certificates, and whether the ticket is as good as a new one.
pub(crate) fn session12(
    config: &ServerConfig,
    certificates: &Certificates<'_>,
    m: &ClientHello<'_>,
) -> Result<Option<(ServerSession, bool)>, Fault> {
    let Some(ticket) = m.extensions.session_ticket else { return Ok(None) };
    let usable = |session: &ServerSession| {
        let ours = config.common.offered_suites().any(|suite| suite.id == session.suite.id);
        let named = certificates.have_names(&session.names);
        named && ours && m.cipher_suites.contains(&session.suite.id) && config.common.extended_master_secret
    };
    let opened = open(config, ticket, ProtocolVersion::TLS12, m).filter(|(session, _)| usable(session));
    match opened {
        Some(_) if !m.extensions.extended_master_secret => Err(Fault::ResumedWithoutBinding),
        opened => Ok(opened),
    }
}

/// Whether a client of TLS 1.2 gets a ticket: only where the master secret is
/// bound to the handshake (RFC 7627 section 5.4).
pub(crate) fn wants_ticket12(
    config: &ServerConfig,
    m: &ClientHello<'_>,
    extended_master_secret: bool,
) -> bool {
    m.extensions.session_ticket.is_some() && extended_master_secret && config.resumption().is_some()
}

/// What a ticket holds, where all that it binds is as it was. Any other ticket
/// is no fault: a full handshake follows.
fn open(
    config: &ServerConfig,
    ticket: &[u8],
    version: ProtocolVersion,
    m: &ClientHello<'_>,
) -> Option<(ServerSession, bool)> {
    let (keys, policy) = config.resumption()?;
    let (session, current) = keys.open((Kind::Ticket, &[]), ticket, config.common.now())?;
    let same_name = session.server_name.as_deref().map(str::as_bytes) == m.extensions.server_name;
    let same_judge = session.policy == policy && config.common.verifies(session.peer.scheme);
    (session.version == version && same_name && same_judge).then_some((session, current))
}

/// The handshake that began a session, as far as its tickets tell of it.
pub(crate) struct Origin {
    /// Those of the certificate that was shown, or the fingerprint of the pre-shared key
    /// that was taken.
    pub(crate) names: [u8; 32],
    /// When the session expires that was resumed, if one was.
    pub(crate) expires: Option<u64>,
}

impl From<&Identity> for Origin {
    fn from(identity: &Identity) -> Self {
        Self { names: *identity.names(), expires: None }
    }
}

impl From<&PreSharedKey> for Origin {
    fn from(key: &PreSharedKey) -> Self {
        Self { names: *key.fingerprint(), expires: None }
    }
}

impl From<&ServerSession> for Origin {
    fn from(session: &ServerSession) -> Self {
        Self { names: session.names, expires: Some(session.expires) }
    }
}

/// What a server of TLS 1.3 makes tickets from when the client's Finished has come.
pub(crate) struct Tickets {
    pub(crate) suite: &'static Suite,
    pub(crate) master: tls13::MasterSecret,
    pub(crate) origin: Origin,
    pub(crate) count: u8,
}

impl Tickets {
    /// Sends them, each with a key of its own. The transcript ends with the
    /// client's Finished.
    pub(crate) fn send(
        self,
        config: &ServerConfig,
        transcript: &Transcript,
        cx: &mut Cx<'_>,
    ) -> Result<(), Error> {
        let Self { suite, master, origin, count } = self;
        let secret = master.resumption(&transcript.hash(), cx.tap);
        for nonce in 0..count {
            let psk = secret.psk(&[nonce]);
            let mut age_add = [0; 4];
            cx.entropy.fill(&mut age_add)?;
            let age_add = u32::from_be_bytes(age_add);
            let sealed = seal(config, (suite, psk), age_add, &origin, Peer::of(cx.info), cx)?;
            let Some((ticket, lifetime)) = sealed else { return Ok(()) };
            cx.send(Body::NewSessionTicket13(NewSessionTicket13 {
                ticket_lifetime: lifetime,
                ticket_age_add: age_add,
                ticket_nonce: &[nonce],
                ticket: &ticket,
                extensions: TicketExtensions {
                    early_data: config.early_data.as_ref().map(|(most, _)| *most),
                    ..TicketExtensions::default()
                },
            }))?;
        }
        Ok(())
    }
}

/// Sends the ticket of TLS 1.2 that was announced, for this client; an empty one
/// says that there is none after all (RFC 5077 section 3.3).
pub(crate) fn send_ticket12(
    config: &ServerConfig,
    (suite, master): (&'static Suite, &MasterSecret),
    origin: &Origin,
    peer: Option<Peer>,
    transcript: &mut Transcript,
    cx: &mut Cx<'_>,
) -> Result<(), Error> {
    let secret = Secret::from_slice(master.as_bytes())?;
    let (ticket, lifetime) = seal(config, (suite, secret), 0, origin, peer, cx)?.unwrap_or_default();
    let message = NewSessionTicket12 { ticket_lifetime_hint: lifetime, ticket: &ticket };
    transcript.add(cx.send(Body::NewSessionTicket12(message))?);
    Ok(())
}

/// A ticket for what this handshake came to, and its lifetime.
fn seal(
    config: &ServerConfig,
    (suite, secret): (&'static Suite, Secret),
    age_add: u32,
    origin: &Origin,
    peer: Option<Peer>,
    cx: &Cx<'_>,
) -> Result<Option<(Vec<u8>, u32)>, Error> {
    let (Some((keys, policy)), Some(version), Some(peer)) = (config.resumption(), cx.info.version, peer)
    else {
        return Ok(None);
    };
    let now = config.common.now();
    let (max_early_data, register) = match &config.early_data {
        Some((most, Replays::InMemory(register))) => (*most, register.name(cx.entropy)?),
        Some((most, Replays::Asked)) => (*most, [0; 16]),
        None => (0, [0; 16]),
    };
    let session = ServerSession {
        version,
        suite,
        secret,
        expires: origin.expires.unwrap_or_else(|| peer.trusted_until(now.as_secs())),
        server_name: cx.info.server_name.clone(),
        policy,
        names: origin.names,
        issued: now.as_secs(),
        age_add,
        max_early_data,
        register,
        alpn: cx.info.alpn.clone(),
        peer,
    };
    Ok(keys.seal((Kind::Ticket, &[]), &session, now, cx.entropy)?)
}

/// What a client of TLS 1.3 keeps for the tickets that will come, if it has a
/// store. Whom a person accepted for once is asked about again.
pub(crate) fn keeper(
    config: &Arc<ClientConfig>,
    name: ServerName<'static>,
    suite: &'static Suite,
    trusted_until: Option<u64>,
    info: &ConnectionInfo,
    secret: impl FnOnce() -> Option<ResumptionSecret>,
) -> Option<Box<Keeper>> {
    let ((sessions, policy), peer) = (config.resumption()?, Peer::of(info)?);
    let clock = Arc::clone(&config.common.clock);
    let now = clock().as_secs();
    Some(Box::new(Keeper {
        sessions: Arc::clone(sessions),
        clock,
        name,
        policy,
        suite,
        secret: secret()?,
        trusted_until: trusted_until.unwrap_or_else(|| peer.trusted_until(now)),
        alpn: info.alpn.clone(),
        named: info.server_name.is_some(),
        peer,
    }))
}

/// Keeps the session of a ticket of TLS 1.2, if the client has a store and the
/// session may be resumed.
pub(crate) fn keep12(
    config: &ClientConfig,
    name: &ServerName<'static>,
    suite: &'static Suite,
    master: &MasterSecret,
    ticket: Ticket12,
    trusted_until: Option<u64>,
    info: &ConnectionInfo,
) -> Result<(), Error> {
    let (Some((sessions, policy)), Some(peer), true) =
        (config.resumption(), Peer::of(info), info.extended_master_secret)
    else {
        return Ok(());
    };
    let now = config.common.now().as_secs();
    let trusted_until = trusted_until.unwrap_or_else(|| peer.trusted_until(now));
    // No hint is no promise (RFC 5077 section 3.3): it is tried, and may be refused.
    let lifetime = if ticket.lifetime_hint == 0 { limits::TICKET_SECONDS } else { ticket.lifetime_hint };
    let expires = session::expires(lifetime, now, trusted_until);
    if !ticket.ticket.is_empty() && ticket.ticket.len() <= limits::TICKET_BYTES {
        let session = ClientSession {
            version: ProtocolVersion::TLS12,
            suite,
            secret: Secret::from_slice(master.as_bytes())?,
            ticket: ticket.ticket,
            age_add: 0,
            received: now,
            expires,
            trusted_until,
            max_early_data: 0,
            alpn: None,
            named: info.server_name.is_some(),
            peer,
        };
        sessions.keep(name, policy, session);
    }
    Ok(())
}

/// Puts a session of TLS 1.2 back with which a handshake has succeeded.
pub(crate) fn keep_again(config: &ClientConfig, name: &ServerName<'static>, session: ClientSession) {
    if let Some((sessions, policy)) = config.resumption() {
        sessions.keep(name, policy, session);
    }
}

/// A ticket of TLS 1.2 until the server's Finished has come.
pub(crate) struct Ticket12 {
    lifetime_hint: u32,
    ticket: Box<[u8]>,
}

impl From<&NewSessionTicket12<'_>> for Ticket12 {
    fn from(m: &NewSessionTicket12<'_>) -> Self {
        Self { lifetime_hint: m.ticket_lifetime_hint, ticket: m.ticket.into() }
    }
}
