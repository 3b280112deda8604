//! Resuming sessions, as far as the flows share it: which ticket a server
//! takes, what it gives for the next time, and what a client keeps of that
//! (RFC 9846 sections 4.3.11 and 4.7.1, RFC 5077, RFC 7627 section 5.3).

use super::context::{Cx, Received, Reply};
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
use crate::question::Answer;
use crate::schedule::tls12::MasterSecret;
use crate::schedule::tls13::psk::{PskKind, ResumptionSecret};
use crate::schedule::tls13::{self, EarlySecret};
use crate::schedule::transcript::Transcript;
use crate::session::{
    self, ClientSession, Keeper, Kind, Peer, PreSharedKey, Replays, ServerSession, TicketKeys,
};
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
    /// The id under which a store keeps it, if one does.
    pub(crate) id: Option<[u8; 32]>,
    pub(crate) session: ServerSession,
}

/// A pre-shared key that a server takes: its binder was verified.
pub(crate) struct Psk {
    /// Its place among those that the client offers.
    pub(crate) place: u16,
    /// The id under which a store keeps its session, which is to be claimed.
    pub(crate) id: Option<[u8; 32]>,
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
    known_psks(config, suite, m).find(|known| has_begun(config, certificates, &known.session, m))
}

/// Whether a server with these names could have begun the session. What began with a
/// pre-shared key showed no certificate: its names are that key. A fleet that shares it
/// may share the keys of tickets, too: who is asked by itself goes on to the key, which
/// says so.
fn has_begun(
    config: &ServerConfig,
    certificates: &Certificates<'_>,
    session: &ServerSession,
    m: &ClientHello<'_>,
) -> bool {
    match session.peer.trust {
        Trust::PreSharedKey(_) => {
            let key = config.pre_shared_keys_taken().and_then(|keys| keys.known(&session.names));
            key.is_some_and(|key| !key.is_reflected(m.random))
        }
        _ => certificates.have_names(&session.names),
    }
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
        let Self { place, id, session } = self;
        let early = EarlySecret::new(suite, Some(session.secret.as_bytes()), tap);
        let binder = verify_binder(&early, (PskKind::Resumption, place), suite, transcript, (msg, m))?;
        Ok(Psk { place, id, session, early, binder })
    }
}

/// The pre-shared keys of the ClientHello that this server has, with the hash of
/// this suite; their binders are not looked at.
pub(crate) fn known_psks(
    config: &ServerConfig,
    suite: &'static Suite,
    m: &ClientHello<'_>,
) -> impl Iterator<Item = Identified> {
    tickets(config, m).filter_map(move |(place, identity)| {
        let (session, _) = open(config, TICKET, identity, ProtocolVersion::TLS13, m)?;
        goes_with(suite, &session, m).then_some(Identified { place, id: None, session })
    })
}

/// What the client calls the keys of its sessions perhaps, and their places.
fn tickets<'a>(config: &ServerConfig, m: &ClientHello<'a>) -> impl Iterator<Item = (u16, &'a [u8])> {
    let wanted = wants_tickets(config, m).then(|| identities(m));
    wanted.into_iter().flatten().map(|(place, psk)| (place, psk.identity))
}

/// The key goes with any suite of its hash; but whoever does not offer its own suite
/// any more has changed its mind about it.
fn goes_with(suite: &Suite, session: &ServerSession, m: &ClientHello<'_>) -> bool {
    session.suite.hash == suite.hash && m.cipher_suites.contains(&session.suite.id)
}

/// The first identity that is an id, under which a store has a session of TLS 1.3
/// perhaps, and its place.
pub(crate) fn id13(config: &ServerConfig, m: &ClientHello<'_>) -> Option<(u16, [u8; 32])> {
    let (Some(_), Some((keys, _))) = (&config.session_store, config.resumption()) else { return None };
    let now = config.common.now();
    let own = |identity| keys.own_id(identity, ProtocolVersion::TLS13, now);
    tickets(config, m).find_map(|(place, identity)| Some((place, own(identity)?)))
}

/// The session that a store has under this id, with this hash and for the names of
/// these certificates.
pub(crate) fn stored13(
    config: &ServerConfig,
    suite: &'static Suite,
    certificates: &Certificates<'_>,
    ((place, id), reply): ((u16, [u8; 32]), Reply),
    m: &ClientHello<'_>,
) -> Option<Identified> {
    let (session, _) = stored(config, (&id, reply), ProtocolVersion::TLS13, m)?;
    let ours = has_begun(config, certificates, &session, m) && goes_with(suite, &session, m);
    ours.then_some(Identified { place, id: Some(id), session })
}

impl Psk {
    /// Claims the session of a stateful ticket, which is good for one use, by deleting
    /// it, if that was not done where the store was asked whether it is the first time.
    /// Whether nobody had claimed it, as far as is known here: a store that is elsewhere
    /// is told, and nobody waits for it.
    pub(crate) fn claim(&self, config: &ServerConfig, reply: Option<&Reply>) -> bool {
        let Some((id, store)) = self.id.zip(config.session_store.as_ref()) else { return true };
        match reply {
            Some(Reply::Answered(Answer::First)) => true,
            Some(Reply::Answered(Answer::Replayed)) => false,
            _ => store.forget(id),
        }
    }
}

/// The session of TLS 1.2 that the client's ticket holds, if it is for the names of
/// these certificates, and whether the ticket is as good as a new one.
pub(crate) fn session12(
    config: &ServerConfig,
    certificates: &Certificates<'_>,
    m: &ClientHello<'_>,
) -> Result<Option<(ServerSession, bool)>, Fault> {
    let Some(ticket) = m.extensions.session_ticket else { return Ok(None) };
    bound12(config, certificates, open(config, TICKET, ticket, ProtocolVersion::TLS12, m), m)
}

/// The id of a session of TLS 1.2 that a store has perhaps; never where the client
/// comes with a ticket (RFC 5077 section 3.4).
pub(crate) fn id12(config: &ServerConfig, m: &ClientHello<'_>) -> Option<[u8; 32]> {
    let (Some(_), Some((keys, _))) = (&config.session_store, config.resumption()) else { return None };
    let ticket = m.extensions.session_ticket.unwrap_or_default();
    let id = if ticket.is_empty() { m.session_id } else { &[] };
    keys.own_id(id, ProtocolVersion::TLS12, config.common.now())
}

/// The session of TLS 1.2 that a store has under this id, if it is for the names of
/// these certificates.
pub(crate) fn stored12(
    config: &ServerConfig,
    certificates: &Certificates<'_>,
    (id, reply): (&[u8; 32], Reply),
    m: &ClientHello<'_>,
) -> Result<Option<(ServerSession, bool)>, Fault> {
    // The id stays as good as it is.
    let stored = stored(config, (id, reply), ProtocolVersion::TLS12, m).map(|(session, _)| (session, true));
    bound12(config, certificates, stored, m)
}

/// A session that is resumed must have been bound to its handshake, and so must this
/// one be (RFC 7627 section 5.3).
fn bound12(
    config: &ServerConfig,
    certificates: &Certificates<'_>,
    opened: Option<(ServerSession, bool)>,
    m: &ClientHello<'_>,
) -> Result<Option<(ServerSession, bool)>, Fault> {
    let usable = |session: &ServerSession| {
        let ours = config.common.offered_suites().any(|suite| suite.id == session.suite.id);
        let named = certificates.have_names(&session.names);
        named && ours && m.cipher_suites.contains(&session.suite.id) && config.common.extended_master_secret
    };
    match opened.filter(|(session, _)| usable(session)) {
        Some(_) if !m.extensions.extended_master_secret => Err(Fault::ResumedWithoutBinding),
        opened => Ok(opened),
    }
}

/// Whether a client of TLS 1.2 gets a ticket, and where it does not and there is a
/// store, the id of its session: only where the master secret is bound to the handshake
/// (RFC 7627 section 5.4).
pub(crate) fn kept12(
    config: &ServerConfig,
    m: &ClientHello<'_>,
    cx: &Cx<'_>,
) -> Result<(bool, Option<[u8; 32]>), Error> {
    let keys = config.resumption().filter(|_| cx.info.extended_master_secret);
    let Some((keys, _)) = keys else { return Ok((false, None)) };
    let wants_ticket = m.extensions.session_ticket.is_some() && !config.stateful_tickets;
    let id = match config.session_store {
        Some(_) if !wants_ticket => keys.id(ProtocolVersion::TLS12, config.common.now(), cx.entropy)?,
        _ => None,
    };
    Ok((wants_ticket, id))
}

/// What a store answered that was asked for this id, where it is what was kept under it.
fn stored(
    config: &ServerConfig,
    (id, reply): (&[u8; 32], Reply),
    version: ProtocolVersion,
    m: &ClientHello<'_>,
) -> Option<(ServerSession, bool)> {
    match reply {
        Reply::Answered(Answer::Session(sealed)) => open(config, (Kind::Session, id), &sealed, version, m),
        // There is none, or the store could not be asked.
        _ => None,
    }
}

/// What a session in memory is answered with; the question is for others where the
/// store is elsewhere.
pub(crate) fn in_memory(config: &ServerConfig, id: &[u8; 32]) -> Option<Reply> {
    let found = config.session_store.as_ref()?.find(id, config.common.now().as_secs())?;
    Some(Reply::Answered(found.map_or(Answer::NoSession, Answer::Session)))
}

/// A ticket, as it is sealed.
const TICKET: (Kind, &[u8]) = (Kind::Ticket, &[]);

/// What a ticket or a store holds, where all that it binds is as it was. Anything else
/// is no fault: a full handshake follows.
fn open(
    config: &ServerConfig,
    sealed_as: (Kind, &[u8]),
    sealed: &[u8],
    version: ProtocolVersion,
    m: &ClientHello<'_>,
) -> Option<(ServerSession, bool)> {
    let (keys, policy) = config.resumption()?;
    let (session, current) = keys.open(sealed_as, sealed, config.common.now())?;
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

/// Keeps the session of TLS 1.2 of this handshake under an id that the client has
/// been told.
pub(crate) fn store12(
    config: &ServerConfig,
    id: [u8; 32],
    (suite, master): (&'static Suite, &MasterSecret),
    origin: &Origin,
    cx: &Cx<'_>,
) -> Result<(), Error> {
    let secret = Secret::from_slice(master.as_bytes())?;
    if let Some((keys, session)) = session(config, (suite, secret), 0, origin, Peer::of(cx.info), cx)? {
        keep(config, keys, id, &session, cx)?;
    }
    Ok(())
}

/// Keeps a session under this id; for how many seconds, if it is kept.
fn keep(
    config: &ServerConfig,
    keys: &TicketKeys,
    id: [u8; 32],
    session: &ServerSession,
    cx: &Cx<'_>,
) -> Result<Option<u32>, Error> {
    let now = config.common.now();
    let sealed = keys.seal((Kind::Session, &id), session, now, cx.entropy)?;
    let (Some(store), Some((sealed, lives))) = (&config.session_store, sealed) else { return Ok(None) };
    store.keep(id, sealed, lives, now.as_secs());
    Ok(Some(lives))
}

/// A ticket for what this handshake came to, and its lifetime: the session, sealed, or
/// in TLS 1.3, where tickets are stateful, the id of one that is kept.
fn seal(
    config: &ServerConfig,
    of: (&'static Suite, Secret),
    age_add: u32,
    origin: &Origin,
    peer: Option<Peer>,
    cx: &Cx<'_>,
) -> Result<Option<(Vec<u8>, u32)>, Error> {
    let Some((keys, session)) = session(config, of, age_add, origin, peer, cx)? else { return Ok(None) };
    let now = config.common.now();
    if !config.stateful_tickets {
        return Ok(keys.seal(TICKET, &session, now, cx.entropy)?);
    }
    let Some(id) = keys.id(session.version, now, cx.entropy)? else { return Ok(None) };
    Ok(keep(config, keys, id, &session, cx)?.map(|lives| (id.to_vec(), lives)))
}

/// What this handshake came to, if it may be resumed.
fn session<'c>(
    config: &'c ServerConfig,
    (suite, secret): (&'static Suite, Secret),
    age_add: u32,
    origin: &Origin,
    peer: Option<Peer>,
    cx: &Cx<'_>,
) -> Result<Option<(&'c TicketKeys, ServerSession)>, Error> {
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
    Ok(Some((keys, session)))
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

/// Keeps the session of a ticket of TLS 1.2, or of an id, if the client has a store and
/// the session may be resumed.
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
    if !ticket.is_empty() && ticket.ticket.len() <= limits::TICKET_BYTES {
        let session = ClientSession {
            version: ProtocolVersion::TLS12,
            suite,
            secret: Secret::from_slice(master.as_bytes())?,
            ticket: ticket.ticket,
            by_id: ticket.by_id,
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

/// A ticket of TLS 1.2, or an id in its place, until the server's Finished has come.
pub(crate) struct Ticket12 {
    lifetime_hint: u32,
    ticket: Box<[u8]>,
    by_id: bool,
}

impl Ticket12 {
    /// The id of a ServerHello, which says nothing of its lifetime.
    pub(crate) fn of_id(id: &[u8]) -> Option<Self> {
        let of =
            |id: &[u8]| Self { lifetime_hint: limits::SESSION_ID_SECONDS, ticket: id.into(), by_id: true };
        (!id.is_empty()).then(|| of(id))
    }

    /// An empty ticket says that there is none after all (RFC 5077 section 3.3).
    pub(crate) fn is_empty(&self) -> bool {
        self.ticket.is_empty()
    }
}

impl From<&NewSessionTicket12<'_>> for Ticket12 {
    fn from(m: &NewSessionTicket12<'_>) -> Self {
        Self { lifetime_hint: m.ticket_lifetime_hint, ticket: m.ticket.into(), by_id: false }
    }
}
