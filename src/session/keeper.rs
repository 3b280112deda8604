//! What a connected client holds to make sessions of the tickets that come
//! (RFC 9846 section 4.7.1). It is there only where the client has a store.

use super::peer::Peer;
use super::store::{ClientSession, ClientSessions};
use crate::crypto::suite::Suite;
use crate::limits;
use crate::pki::{ServerName, UnixTime};
use crate::schedule::tls13::psk::ResumptionSecret;
use crate::wire::{NewSessionTicket13, ProtocolVersion};
use std::sync::Arc;

/// Makes sessions of TLS 1.3's tickets.
pub(crate) struct Keeper {
    pub(crate) sessions: Arc<ClientSessions>,
    pub(crate) clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    pub(crate) name: ServerName<'static>,
    pub(crate) policy: [u8; 32],
    pub(crate) suite: &'static Suite,
    pub(crate) secret: ResumptionSecret,
    pub(crate) trusted_until: u64,
    pub(crate) alpn: Option<Box<[u8]>>,
    pub(crate) named: bool,
    pub(crate) peer: Peer,
}

impl Keeper {
    /// Keeps a ticket, unless it is too long or has expired at once.
    pub(crate) fn keep(&self, m: &NewSessionTicket13<'_>) {
        let now = (self.clock)().as_secs();
        let expires = expires(m.ticket_lifetime, now, self.trusted_until);
        if m.ticket.len() > limits::TICKET_BYTES || expires <= now {
            return;
        }
        let session = ClientSession {
            version: ProtocolVersion::TLS13,
            suite: self.suite,
            secret: self.secret.psk(m.ticket_nonce),
            ticket: m.ticket.into(),
            by_id: false,
            age_add: m.ticket_age_add,
            received: now,
            expires,
            trusted_until: self.trusted_until,
            max_early_data: m.extensions.early_data.unwrap_or_default(),
            alpn: self.alpn.clone(),
            named: self.named,
            peer: self.peer.clone(),
        };
        self.sessions.keep(&self.name, self.policy, session);
    }
}

/// The end of a ticket that is good for `lifetime` seconds. Whatever it says, it
/// is not more than seven days away (RFC 9846 section 4.7.1): nobody is trusted
/// for longer.
pub(crate) fn expires(lifetime: u32, now: u64, trusted_until: u64) -> u64 {
    now.saturating_add(u64::from(lifetime)).min(trusted_until)
}
