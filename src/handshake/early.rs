//! Whether a server takes early data (RFC 9846 sections 4.3.10 and 8).
//!
//! ```text
//!   the ClientHello has early_data -> Offered
//!     HelloRetryRequest, another version, nothing resumed -> Rejected
//!     the binder is verified
//!       all is as it was, and the ticket is as old as it says -> the register is asked, or
//!                                          the store, where the ticket is stateful
//!         it is the first -> Accepted
//! ```

use super::context::{Cx, Reply};
use super::resume::Psk;
use crate::config::ServerConfig;
use crate::crypto::kdf::sha256;
use crate::crypto::suite::Suite;
use crate::early::{EarlyData, EarlyReason};
use crate::info::ConnectionInfo;
use crate::limits;
use crate::question::{Answer, Once};
use crate::session::{Replays, Seen, ServerSession, SessionStore};
use crate::wire::ClientHello;
use std::time::Duration;

/// What the keys of a register are hashes of, and nothing else is.
const LABEL: &[u8] = b"handfast early data\0";

/// Whether the first ClientHello offers it.
pub(crate) fn offered(m: &ClientHello<'_>) -> EarlyData {
    match m.extensions.early_data {
        true => EarlyData::Offered,
        false => EarlyData::NotOffered(EarlyReason::NotAsked),
    }
}

/// What was offered is not taken, for this reason; true if anything was.
pub(crate) fn reject(config: &ServerConfig, why: EarlyReason, info: &mut ConnectionInfo) -> bool {
    let offered = info.early_data == EarlyData::Offered;
    if offered {
        let why = if config.early_data.is_some() { why } else { EarlyReason::Off };
        info.early_data = EarlyData::Rejected(why);
    }
    offered
}

/// The same in TLS 1.3, where it is passed over when it comes.
pub(crate) fn pass_over(config: &ServerConfig, why: EarlyReason, cx: &mut Cx<'_>) {
    if reject(config, why, cx.info) {
        let most = config.early_data.as_ref().map_or(0, |(most, _)| *most);
        let expanded = most.saturating_mul(limits::EARLY_DATA_EXPANDED);
        cx.read.skip_early_data(expanded.max(limits::EARLY_DATA_SKIPPED));
    }
}

/// What is to be the first, where it could be taken with this key. Its binder was
/// verified before: the register shall know nothing that anybody could have sent.
pub(crate) fn once(
    config: &ServerConfig,
    suite: &'static Suite,
    psk: &Psk,
    m: &ClientHello<'_>,
    info: &ConnectionInfo,
) -> Result<Once, EarlyReason> {
    let Some((_, replays)) = &config.early_data else { return Err(EarlyReason::Off) };
    let session = &psk.session;
    let register = match replays {
        // The store is the register, for whom a session is there once.
        _ if psk.id.is_some() => true,
        Replays::InMemory(register) => register.is(&session.register),
        Replays::Asked => session.register == [0; 16],
    };
    let conditions = [
        // With the first key the early data was encrypted.
        (psk.place == 0, EarlyReason::NotTheFirst),
        (session.max_early_data > 0, EarlyReason::NotAllowed),
        (session.suite.id == suite.id, EarlyReason::OtherSuite),
        (session.alpn == info.alpn, EarlyReason::OtherAlpn),
        (session.server_name == info.server_name, EarlyReason::OtherName),
        (is_fresh(config, session, m), EarlyReason::Stale),
        (register, EarlyReason::OtherRegister),
    ];
    match conditions.into_iter().find(|(holds, _)| !holds) {
        Some((_, why)) => Err(why),
        None => Ok(match psk.id {
            Some(id) => Once::Take { id },
            None => Once::Register {
                key: sha256(&[LABEL, psk.binder.as_bytes()].concat()),
                lives: Duration::from_secs(lives(config)),
            },
        }),
    }
}

/// Seconds in which a ClientHello that is fresh at one time can be so at another.
fn lives(config: &ServerConfig) -> u64 {
    config.early_data_window.saturating_mul(2)
}

/// Whether the first ticket is as old as its client says, in whole seconds (RFC 9846
/// section 8.3).
fn is_fresh(config: &ServerConfig, session: &ServerSession, m: &ClientHello<'_>) -> bool {
    let offered = m.extensions.pre_shared_key;
    let Some(first) = offered.and_then(|offered| offered.identities.iter().next()) else { return false };
    let age = first.obfuscated_ticket_age.wrapping_sub(session.age_add) / 1000;
    let expected_arrival = session.issued.saturating_add(age.into());
    expected_arrival.abs_diff(config.common.now().as_secs()) <= config.early_data_window
}

/// What the configuration's own register says, if it has one, or its own store.
pub(crate) fn answer(config: &ServerConfig, once: &Once) -> Option<Reply> {
    let (register, key) = match (once, &config.early_data, &config.session_store) {
        (Once::Take { id }, _, Some(SessionStore::InMemory(cache))) => {
            let first = cache.forget(id);
            return Some(Reply::Answered(if first { Answer::First } else { Answer::Replayed }));
        }
        (Once::Register { key, .. }, Some((_, Replays::InMemory(register))), _) => (register, key),
        _ => return None,
    };
    Some(Reply::Answered(match register.register(key, lives(config), config.common.now().as_secs()) {
        Seen::First => Answer::First,
        Seen::Before => Answer::Replayed,
        Seen::Unsure => Answer::Unsure,
    }))
}

/// What the answer to [`Question::Replay`](crate::Question::Replay) means. It may have
/// come late: what a register has let go meanwhile is not fresh any more.
pub(crate) fn verdict(
    reply: &Reply,
    config: &ServerConfig,
    session: &ServerSession,
    m: &ClientHello<'_>,
) -> Result<(), EarlyReason> {
    match reply {
        Reply::Answered(Answer::First) if is_fresh(config, session, m) => Ok(()),
        Reply::Answered(Answer::First) => Err(EarlyReason::Stale),
        Reply::Answered(Answer::Replayed) => Err(EarlyReason::Replayed),
        _ => Err(EarlyReason::RegisterUnsure),
    }
}
