//! A client's sessions outside of the process: exported, and taken in again.
//!
//! ```text
//!   export  = "handfast sessions" (17) format (1) sealed (1) length (4) body<length>
//!   body    = contents, and the SHA-256 of all before it (32)                 sealed = 0
//!           | key_name (16) nonce (12) AES-256-GCM(contents) and tag (16)     sealed = 1
//!             (associated data: key_name, Kind::Export, all before the body)
//!
//!   contents = server ..., the one that was heard of last at the end
//!   server   = policy (32) name<1..255> peers<0..2^24-1> sessions<0..2^24-1>
//!   peer     = trust (1) psk_identity<0..2^16-1> scheme (2) group (2) has_staple (1)
//!              staple<0..2^24-1> chain<0..2^24-1> of certificate<1..2^24-1>
//!   session  = version (2) suite (2) peer (1) secret<1..48> ticket<1..2^16-1> age_add (4)
//!              received (8) expires (8) trusted_until (8) max_early_data (4) alpn<0..255>
//!              flags (1): 1 named, 2 by_id
//! ```
//!
//! A lone number is big-endian, as is the length of a vector; `name` is text, `peer` in
//! a session is the place of one in `peers`, and times are in seconds since 1970. A
//! change of any of it makes another `format`. The hash tells what a disk or a copy
//! broke, and nothing of who wrote it.

use super::keys::{HEADER, Kind, open, seal};
use super::peer::Peer;
use super::store::{ClientSession, ClientSessions, Key};
use crate::crypto::Failed;
use crate::crypto::aead::TAG_LEN;
use crate::crypto::kdf::sha256;
use crate::crypto::secret::Secret;
use crate::crypto::source::Entropy;
use crate::crypto::suite::Suite;
use crate::crypto::ticket::SealingKey;
use crate::fault::Fault;
use crate::info::Trust;
use crate::limits;
use crate::pki::{CertificateDer, ServerName, UnixTime};
use crate::said::debug_is_display;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, Reader, SignatureScheme, Writer};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

const MAGIC: &[u8; 17] = b"handfast sessions";

/// Another one is another release's.
const FORMAT: u8 = 1;

/// Bytes before the body.
const PREFIX: usize = MAGIC.len() + 1 + 1 + 4;

/// Bytes of a SHA-256.
const HASH: usize = 32;

/// What no master secret and no pre-shared key is longer than.
const SECRET: usize = 48;

/// Sessions as [`ClientSessions::export`] gives them: bytes for a file. Wiped on drop,
/// and not printed.
///
/// ```
/// use handfast::{ClientSessions, pki::UnixTime};
/// let exported = ClientSessions::new().export(UnixTime::now());
/// assert_eq!((exported.sessions(), exported.left_out()), (0, 0));
/// assert!(exported.as_ref().starts_with(b"handfast sessions"));
/// ```
pub struct ExportedSessions {
    bytes: Zeroizing<Vec<u8>>,
    sessions: usize,
    left_out: usize,
}

impl ExportedSessions {
    /// How many sessions are in it.
    pub const fn sessions(&self) -> usize {
        self.sessions
    }

    /// How many are not in it, the oldest, because it would have more than 4 MiB.
    pub const fn left_out(&self) -> usize {
        self.left_out
    }
}

impl AsRef<[u8]> for ExportedSessions {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for ExportedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedSessions").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// What came of an import; its sentence counts what is not zero.
///
/// ```
/// use handfast::{ClientSessions, pki::UnixTime};
/// let exported = ClientSessions::new().export(UnixTime::now());
/// let imported = ClientSessions::new().import(exported.as_ref(), UnixTime::now())?;
/// assert_eq!(imported.to_string(), "0 sessions taken in");
/// # Ok::<(), handfast::SessionsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Sessions that are in the store by it.
    pub kept: usize,
    /// Sessions whose time is over.
    pub expired: usize,
    /// Sessions with a cipher suite that this build does not have.
    pub unknown: usize,
    /// Sessions that the store had, or for which it had newer ones.
    pub left_out: usize,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.kept == 1 { "" } else { "s" };
        write!(f, "{} session{s} taken in", self.kept)?;
        for (count, what) in [
            (self.expired, "expired"),
            (self.unknown, "of a cipher suite that this build does not have"),
            (self.left_out, "known, or older than what is there"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// Why sessions cannot be exported or imported. Nothing is imported then.
///
/// ```
/// use handfast::{ClientSessions, SessionsError, pki::UnixTime};
/// let error = ClientSessions::new().import(b"PK\x03\x04", UnixTime::now()).unwrap_err();
/// assert!(matches!(&error, SessionsError::AnotherKind { .. }));
/// assert!(error.to_string().contains(r#"begin with "PK\x03\x04", not with "handfast sessions""#));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionsError {
    /// It is no export of sessions.
    #[error(
        "the bytes begin with \"{first_bytes}\", not with \"handfast sessions\": they are no export of sessions"
    )]
    AnotherKind {
        /// The first bytes, escaped.
        first_bytes: String,
    },
    /// Another release wrote it.
    #[error(
        "the sessions are in format {found}, and this release reads format {FORMAT}: let them be made anew"
    )]
    AnotherFormat {
        /// The number of the format.
        found: u8,
    },
    /// It is longer than any export.
    #[error("the export of sessions has {found} bytes, and none has more than {}", limits::EXPORTED_SESSIONS)]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// Something is missing at its end, or was added.
    #[error(
        "the export of sessions has {found} bytes where {expected} are expected: it was cut, or added to"
    )]
    Cut {
        /// Its length.
        found: usize,
        /// As it says itself.
        expected: usize,
    },
    /// A key is needed.
    #[error("the sessions are sealed: import_sealed opens them with the key that sealed them")]
    Sealed,
    /// A key was given, and anybody could have written it.
    #[error(
        "the sessions are not sealed, though a key was given: import takes them, if nobody else could write them"
    )]
    NotSealed,
    /// It was sealed with another key.
    #[error(
        "the sessions were sealed with the key named {found}, and the one that is given is named {given}"
    )]
    AnotherKey {
        /// The name of the key that sealed it, in hexadecimal.
        found: String,
        /// The name of the one that was given.
        given: String,
    },
    /// It is not what was exported.
    #[error(
        "the export of sessions is not as it was written: a disk or a copy broke it, or somebody altered it"
    )]
    Altered,
    /// It is well sealed, and makes no sense.
    #[error("the export of sessions is not well formed: {0} cannot be read")]
    Malformed(&'static str),
    /// The key is none.
    #[error("the key for sessions cannot be used: all its bytes are zero: was it ever filled?")]
    NoKey,
    /// The system's randomness or the cryptographic library failed.
    #[error("the sessions cannot be sealed: the cryptographic library failed")]
    Crypto,
}

debug_is_display!(SessionsError);

impl ClientSessions {
    /// The sessions that have not expired, for another process or a later one: those of
    /// up to 4 MiB, the newest. They stay in the store, too; whoever goes on with it
    /// should [clear](Self::clear) it, for a session of TLS 1.3 that is resumed twice
    /// tells who watches that both are one client (RFC 9846 appendix C.4).
    ///
    /// The bytes are not encrypted. Who reads them can read each TLS 1.2 connection of
    /// these sessions that was recorded, and all early data; who writes them makes this
    /// client take whomever for its servers, for a session that is resumed is believed.
    /// They belong into a file of mode 0600, like a private key; elsewhere,
    /// [seal](Self::export_sealed) them.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # let (client, server) = pair::configs();
    /// # let server = server.tickets(handfast::TicketKeys::random());
    /// use handfast::{ClientSessions, pki::UnixTime};
    /// let sessions = std::sync::Arc::new(ClientSessions::new());
    /// pair::connect(&client.clone().sessions(sessions.clone()), &server)?;
    /// let exported = sessions.export(UnixTime::now()); // into a file
    ///
    /// let sessions = ClientSessions::new(); // in another process
    /// let imported = sessions.import(exported.as_ref(), UnixTime::now())?;
    /// assert_eq!(imported.kept, exported.sessions());
    /// let (client, _) = pair::connect(&client.sessions(sessions), &server)?;
    /// assert!(client.info().resumed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export(&self, now: UnixTime) -> ExportedSessions {
        let (mut bytes, sessions, left_out) = self.contents(PREFIX, HASH, now);
        let prefix = prefix(IN_THE_CLEAR, bytes.len() + HASH - PREFIX);
        bytes.iter_mut().zip(prefix).for_each(|(to, from)| *to = from);
        let hash = sha256(&bytes);
        bytes.extend_from_slice(&hash);
        ExportedSessions { bytes, sessions, left_out }
    }

    /// The same sealed with a key of 32 random bytes (AES-256-GCM). Who has it can read
    /// and write what is sealed; nobody else can, but put an older export in its place.
    ///
    /// ```
    /// # fn kept_by_the_system() -> [u8; 32] { [7; 32] }
    /// use handfast::{ClientSessions, SessionsError, pki::UnixTime};
    /// let (sessions, now) = (ClientSessions::new(), UnixTime::now());
    /// let exported = sessions.export_sealed(&kept_by_the_system(), now)?;
    /// sessions.import_sealed(exported.as_ref(), &kept_by_the_system(), now)?;
    /// assert_eq!(sessions.import(exported.as_ref(), now), Err(SessionsError::Sealed));
    /// # Ok::<(), SessionsError>(())
    /// ```
    ///
    /// # Errors
    /// The key's bytes are all zero, or the system's randomness fails.
    pub fn export_sealed(&self, key: &[u8; 32], now: UnixTime) -> Result<ExportedSessions, SessionsError> {
        let key = sealing_key(key)?;
        let (mut contents, sessions, left_out) = self.contents(HEADER, TAG_LEN, now);
        let prefix = prefix(SEALED, contents.len() + TAG_LEN);
        seal(&key, (Kind::Export, &prefix), &mut contents, &Entropy::system())
            .map_err(|Failed| SessionsError::Crypto)?;
        // No secret any more: it may be copied.
        let bytes = Zeroizing::new([&prefix[..], &contents].concat());
        Ok(ExportedSessions { bytes, sessions, left_out })
    }

    /// Takes the sessions in that were [exported](Self::export), but for those that have
    /// expired; the store keeps its bounds, and the newest of all sessions. Nobody is
    /// trusted by it for more than seven days from `now`, whatever the bytes say.
    ///
    /// # Errors
    /// The bytes are not what an export of this release gave; nothing is taken in then.
    pub fn import(&self, exported: &[u8], now: UnixTime) -> Result<Imported, SessionsError> {
        let (_, body) = split(exported, IN_THE_CLEAR)?;
        let (contents, hash) = body.split_last_chunk::<HASH>().ok_or(SessionsError::Altered)?;
        let hashed = exported.get(..exported.len().saturating_sub(HASH)).unwrap_or_default();
        if sha256(hashed) != *hash {
            return Err(SessionsError::Altered);
        }
        self.take_in(contents, now)
    }

    /// The same with the key of [`export_sealed`](Self::export_sealed).
    ///
    /// # Errors
    /// As [`import`](Self::import); or the key is another one, or all zero.
    pub fn import_sealed(
        &self,
        exported: &[u8],
        key: &[u8; 32],
        now: UnixTime,
    ) -> Result<Imported, SessionsError> {
        let key = sealing_key(key)?;
        let (prefix, body) = split(exported, SEALED)?;
        let name = body.first_chunk::<16>().ok_or(SessionsError::Altered)?;
        if name != key.name() {
            let (found, given) = (hex::encode(name), hex::encode(key.name()));
            return Err(SessionsError::AnotherKey { found, given });
        }
        let opened = open(&key, (Kind::Export, prefix), body);
        self.take_in(&opened.map_err(|Failed| SessionsError::Altered)?, now)
    }

    fn take_in(&self, contents: &[u8], now: UnixTime) -> Result<Imported, SessionsError> {
        let mut imported = Imported::default();
        let servers = decode(contents, now.as_secs(), &mut imported)?;
        let count: usize = servers.iter().map(|(_, sessions)| sessions.len()).sum();
        imported.kept = self.merge(servers);
        imported.left_out = count.saturating_sub(imported.kept);
        Ok(imported)
    }

    /// What is to be exported, behind `before` zeros and with room for `after` bytes: what
    /// grows leaves a copy; how many sessions it has, and for how many it has no room.
    fn contents(&self, before: usize, after: usize, now: UnixTime) -> (Zeroizing<Vec<u8>>, usize, usize) {
        let (kept, now) = (self.kept(), now.as_secs());
        let alive = |key| Server::of(key, kept.sessions.get(key)?, now);
        let (mut size, mut sessions, mut left_out) = (0, 0, 0);
        let mut servers = Vec::with_capacity(kept.order.len());
        for server in kept.order.iter().rev().filter_map(alive) {
            let (with, count) = (server.size().saturating_add(size), server.sessions.len());
            if with > CONTENTS {
                left_out += count;
                continue;
            }
            (size, sessions) = (with, sessions + count);
            servers.push(server);
        }
        let capacity = before + size + after;
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        bytes.resize(before, 0);
        let mut w = Writer::new(&mut bytes);
        servers.iter().rev().for_each(|server| server.encode(&mut w));
        debug_assert!(w.finish().is_ok() && bytes.len() + after == capacity);
        (bytes, sessions, left_out)
    }
}

/// How the contents are protected.
const IN_THE_CLEAR: u8 = 0;
const SEALED: u8 = 1;

/// Bytes of contents for which there is room.
const CONTENTS: usize = limits::EXPORTED_SESSIONS - PREFIX - HEADER - TAG_LEN;

fn prefix(sealed: u8, length: usize) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    // The length is within `limits::EXPORTED_SESSIONS`.
    let fields = MAGIC.iter().copied().chain([FORMAT, sealed]).chain((length as u32).to_be_bytes());
    prefix.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    prefix
}

/// The prefix of what is protected so, and the body behind it.
fn split(exported: &[u8], expected: u8) -> Result<(&[u8; PREFIX], &[u8]), SessionsError> {
    let found = exported.len();
    if found > limits::EXPORTED_SESSIONS {
        return Err(SessionsError::TooLong { found });
    }
    if !exported.starts_with(MAGIC) {
        let first_bytes = exported.get(..MAGIC.len()).unwrap_or(exported).escape_ascii().to_string();
        return Err(SessionsError::AnotherKind { first_bytes });
    }
    let Some((prefix, body)) = exported.split_first_chunk::<PREFIX>() else {
        return Err(SessionsError::Cut { found, expected: PREFIX });
    };
    let [.., format, sealed, a, b, c, d] = *prefix;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    match (format, sealed) {
        (FORMAT, _) if length != body.len() => {
            Err(SessionsError::Cut { found, expected: PREFIX.saturating_add(length) })
        }
        (FORMAT, sealed) if sealed == expected => Ok((prefix, body)),
        (FORMAT, SEALED) => Err(SessionsError::Sealed),
        (FORMAT, IN_THE_CLEAR) => Err(SessionsError::NotSealed),
        (FORMAT, _) => Err(SessionsError::Malformed("how it is sealed")),
        (found, _) => Err(SessionsError::AnotherFormat { found }),
    }
}

fn sealing_key(key: &[u8; 32]) -> Result<SealingKey, SessionsError> {
    match *key == [0; 32] {
        true => Err(SessionsError::NoKey),
        false => Ok(SealingKey::new(|place| place.copy_from_slice(key))),
    }
}

/// A server, and what there is of it to be exported.
struct Server<'a> {
    name: Cow<'a, str>,
    policy: &'a [u8; 32],
    peers: Vec<&'a Peer>,
    /// Each with the place of its peer.
    sessions: Vec<(u8, &'a ClientSession)>,
}

impl<'a> Server<'a> {
    /// `None` where nothing is alive `now`.
    fn of((name, policy): &'a Key, sessions: &'a VecDeque<ClientSession>, now: u64) -> Option<Self> {
        let mut server = Self { name: name.to_str(), policy, peers: Vec::new(), sessions: Vec::new() };
        for session in sessions.iter().filter(|session| now < session.expires) {
            let known = server.peers.iter().position(|peer| peer.is_same(&session.peer));
            let place = known.unwrap_or_else(|| {
                server.peers.push(&session.peer);
                server.peers.len() - 1
            });
            // There are no more sessions of a server than `limits::TICKETS_KEPT`.
            server.sessions.push((place as u8, session));
        }
        (!server.sessions.is_empty()).then_some(server)
    }

    fn size(&self) -> usize {
        let peers: usize = self.peers.iter().map(|peer| size_of_peer(peer)).sum();
        let sessions: usize = self.sessions.iter().map(|(_, session)| size_of_session(session)).sum();
        32 + (1 + self.name.len()) + (3 + peers) + (3 + sessions)
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.bytes(self.policy);
        w.vec8(|w| w.bytes(self.name.as_bytes()));
        w.vec24(|w| self.peers.iter().for_each(|peer| encode_peer(peer, w)));
        w.vec24(|w| self.sessions.iter().for_each(|(peer, session)| encode_session(*peer, session, w)));
    }
}

fn chain(peer: &Peer) -> impl Iterator<Item = &CertificateDer<'static>> {
    peer.chain.iter().flat_map(|chain| chain.iter())
}

fn size_of_peer(peer: &Peer) -> usize {
    let psk_identity = peer.trust_code().map_or(0, |(_, identity)| identity.len());
    let staple = peer.ocsp.as_ref().map_or(0, |ocsp| ocsp.len());
    let chain = chain(peer).map(|certificate| 3 + certificate.len()).sum::<usize>();
    1 + (2 + psk_identity) + 2 + 2 + 1 + (3 + staple) + (3 + chain)
}

fn encode_peer(peer: &Peer, w: &mut Writer<'_>) {
    let (trust, psk_identity) = peer.trust_code().unwrap_or((u8::MAX, &[]));
    w.u8(trust);
    w.vec16(|w| w.bytes(psk_identity));
    w.u16(peer.scheme.map_or(0, |scheme| scheme.0));
    w.u16(peer.group.map_or(0, |group| group.0));
    w.u8(peer.ocsp.is_some().into());
    w.vec24(|w| w.bytes(peer.ocsp.as_deref().map_or(&[], Vec::as_slice)));
    w.vec24(|w| chain(peer).for_each(|certificate| w.vec24(|w| w.bytes(certificate))));
}

fn decode_bool(r: &mut Reader<'_>) -> Result<bool, Fault> {
    let value = r.u8()?;
    if value > 1 { Err(Fault::BadValue) } else { Ok(value == 1) }
}

fn decode_peer(r: &mut Reader<'_>) -> Result<Peer, Fault> {
    let (trust, psk_identity) = (r.u8()?, r.vec16(0..=0xffff)?);
    let trust = Peer::trust_of_code(trust, psk_identity).ok_or(Fault::BadValue)?;
    let (scheme, group) = (SignatureScheme(r.u16()?), NamedGroup(r.u16()?));
    let has_staple = decode_bool(r)?;
    let staple = r.vec24(0..=limits::CERTIFICATE_MESSAGE)?;
    let mut certificates = Reader::new(r.vec24(0..=limits::CERTIFICATE_MESSAGE)?);
    let mut chain = Vec::new();
    while !certificates.is_empty() {
        if chain.len() == limits::CHAIN_CERTIFICATES_MOST {
            return Err(Fault::ChainTooLong);
        }
        chain.push(CertificateDer::from(certificates.vec24(1..=limits::CERTIFICATE_MESSAGE)?.to_vec()));
    }
    // Who shows no certificate staples nothing, and was not judged.
    let shows_none = matches!(trust, Trust::Anonymous | Trust::PreSharedKey(_));
    if chain.is_empty() != shows_none || (has_staple, staple.is_empty()) == (false, false) {
        return Err(Fault::BadValue);
    }
    Ok(Peer {
        trust,
        scheme: (scheme.0 != 0).then_some(scheme),
        group: (group.0 != 0).then_some(group),
        chain: (!chain.is_empty()).then(|| chain.into()),
        ocsp: has_staple.then(|| Arc::new(staple.to_vec())),
    })
}

fn size_of_session(session: &ClientSession) -> usize {
    let alpn = session.alpn.as_ref().map_or(0, |alpn| alpn.len());
    let (secret, ticket) = (session.secret.as_bytes().len(), session.ticket.len());
    2 + 2 + 1 + (1 + secret) + (2 + ticket) + 4 + 8 + 8 + 8 + 4 + (1 + alpn) + 1
}

fn encode_session(peer: u8, session: &ClientSession, w: &mut Writer<'_>) {
    w.u16(session.version.0);
    w.u16(session.suite.id.0);
    w.u8(peer);
    w.vec8(|w| w.bytes(session.secret.as_bytes()));
    w.vec16(|w| w.bytes(&session.ticket));
    w.u32(session.age_add);
    w.bytes(&session.received.to_be_bytes());
    w.bytes(&session.expires.to_be_bytes());
    w.bytes(&session.trusted_until.to_be_bytes());
    w.u32(session.max_early_data);
    w.vec8(|w| w.bytes(session.alpn.as_deref().unwrap_or_default()));
    w.u8(u8::from(session.named) | u8::from(session.by_id) << 1);
}

/// `None` for a cipher suite that this build does not have.
fn decode_session(r: &mut Reader<'_>, peers: &[Peer], now: u64) -> Result<Option<ClientSession>, Fault> {
    let version = ProtocolVersion(r.u16()?);
    let suite = Suite::find(CipherSuite(r.u16()?));
    let peer = peers.get(usize::from(r.u8()?)).ok_or(Fault::BadValue)?;
    let secret = r.vec8(1..=SECRET)?;
    let ticket = r.vec16(1..=limits::TICKET_BYTES)?;
    let age_add = r.u32()?;
    let mut time = || Ok(u64::from_be_bytes(*r.array()?));
    let (received, expires, trusted_until) = (time()?, time()?, time()?);
    let (max_early_data, alpn, flags) = (r.u32()?, r.vec8(0..=255)?, r.u8()?);
    let (named, by_id) = (flags & 1 != 0, flags & 2 != 0);
    let Some(suite) = suite else { return Ok(None) };
    let of_version = match version {
        ProtocolVersion::TLS13 => suite.is_tls13() && secret.len() == suite.hash.len() && !by_id,
        ProtocolVersion::TLS12 => !suite.is_tls13() && secret.len() == SECRET,
        _ => false,
    };
    if !of_version || by_id && ticket.len() > 32 || flags > 3 {
        return Err(Fault::BadValue);
    }
    let trusted_until = trusted_until.min(now.saturating_add(limits::TICKET_SECONDS.into()));
    Ok(Some(ClientSession {
        version,
        suite,
        secret: Secret::from_slice(secret).map_err(|Failed| Fault::BadLength)?,
        ticket: ticket.into(),
        by_id,
        age_add,
        received: received.min(now),
        expires: expires.min(trusted_until),
        trusted_until,
        max_early_data,
        alpn: (!alpn.is_empty()).then(|| alpn.into()),
        named,
        peer: peer.clone(),
    }))
}

/// The sessions of each server, those that are of no use counted.
fn decode(contents: &[u8], now: u64, imported: &mut Imported) -> Result<Vec<Of>, SessionsError> {
    let malformed = |what| move |_: Fault| SessionsError::Malformed(what);
    let (mut r, mut servers) = (Reader::new(contents), Vec::new());
    while !r.is_empty() {
        if servers.len() == limits::SESSION_NAMES {
            return Err(SessionsError::Malformed("one server more than a store has"));
        }
        let (policy, name, mut peers, mut sessions) = fields(&mut r).map_err(malformed("a server"))?;
        let name = ServerName::try_from(name).map_err(|_| SessionsError::Malformed("a server's name"))?;
        let name = name.to_owned();
        let (mut known, mut of_server) = (Vec::new(), Vec::new());
        while !peers.is_empty() && known.len() < TICKETS {
            known.push(decode_peer(&mut peers).map_err(malformed("who a server was"))?);
        }
        for _ in 0..TICKETS {
            if sessions.is_empty() {
                break;
            }
            match decode_session(&mut sessions, &known, now).map_err(malformed("a session"))? {
                None => imported.unknown += 1,
                Some(session) if session.expires <= now => imported.expired += 1,
                Some(session) => of_server.push(session),
            }
        }
        peers.finish().and(sessions.finish()).map_err(malformed("one session more than a store has"))?;
        servers.push(((name, policy), of_server));
    }
    Ok(servers)
}

/// Of one server.
type Of = (Key, Vec<ClientSession>);

const TICKETS: usize = limits::TICKETS_KEPT as usize;

type Fields<'a> = ([u8; 32], &'a str, Reader<'a>, Reader<'a>);

fn fields<'a>(r: &mut Reader<'a>) -> Result<Fields<'a>, Fault> {
    const MOST: usize = limits::EXPORTED_SESSIONS;
    let policy = *r.array()?;
    let name = std::str::from_utf8(r.vec8(1..=255)?).map_err(|_| Fault::BadValue)?;
    Ok((policy, name, Reader::new(r.vec24(0..=MOST)?), Reader::new(r.vec24(0..=MOST)?)))
}

#[cfg(test)]
mod tests;
