//! Pre-shared keys on a server: which of those that a client offers it takes, with which
//! suite and key exchange, and the proof that the client has it (RFC 9846 sections
//! 4.3.9 and 4.3.11).

use super::context::{Received, Reply};
use super::negotiate::{self, Chosen, Exchange, Offers};
use crate::config::ServerConfig;
use crate::crypto::agree::{self, SharedSecret};
use crate::crypto::kdf::Digest;
use crate::crypto::source::Entropy;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::info::Reason;
use crate::limits;
use crate::observe::Tap;
use crate::question::{Answer, Question};
use crate::schedule::tls13::EarlySecret;
use crate::schedule::tls13::psk::PskKind;
use crate::schedule::transcript::Transcript;
use crate::session::HashedKey;
use crate::wire::{ClientHello, NamedGroup, PskIdentity, PskKeyExchangeMode};

/// The identities of a ClientHello at which a server looks, with their places.
pub(crate) fn identities<'a>(m: &ClientHello<'a>) -> impl Iterator<Item = (u16, PskIdentity<'a>)> {
    let offered = m.extensions.pre_shared_key.into_iter();
    offered.flat_map(|offered| (0..).zip(offered.identities.iter()).take(limits::PSK_IDENTITIES))
}

/// The binder at this place, which must be what the key makes over all but the binders.
/// The transcript is what came before the ClientHello.
pub(crate) fn verify_binder(
    early: &EarlySecret,
    (kind, place): (PskKind, u16),
    suite: &'static Suite,
    transcript: &Transcript,
    (msg, m): (&Received<'_>, &ClientHello<'_>),
) -> Result<Digest, Fault> {
    let offered = m.extensions.pre_shared_key.ok_or(Fault::BadBinder)?;
    let cut = msg.bytes.len().checked_sub(offered.binders_len()).and_then(|cut| msg.bytes.get(..cut));
    let hash = cut.and_then(|cut| transcript.hash_with(suite.hash, cut)).ok_or(Fault::BadBinder)?;
    let theirs = offered.binders.iter().nth(place.into()).ok_or(Fault::BadBinder)?;
    let binder = early.binder(kind, &hash);
    match binder.ct_eq(theirs.0) {
        true => Ok(binder),
        false => Err(Fault::BadBinder),
    }
}

/// Whether the client offers this way to exchange keys.
fn offers_mode(m: &ClientHello<'_>, mode: PskKeyExchangeMode) -> bool {
    m.extensions.psk_key_exchange_modes.unwrap_or_default().contains(&mode)
}

/// Whether pre-shared keys go with this client without a key agreement: both allow it,
/// and the client can do nothing else.
pub(crate) fn psk_ke(config: &ServerConfig, m: &ClientHello<'_>) -> bool {
    let agrees = offers_mode(m, PskKeyExchangeMode::PSK_DHE_KE) && m.extensions.key_share.is_some();
    config.common.psk_ke && offers_mode(m, PskKeyExchangeMode::PSK_KE) && !agrees
}

/// A pre-shared key of this server whose identity is in a ClientHello. Anybody could
/// have sent it: that the client has the key, too, its binder shows.
pub(crate) struct Named {
    /// Its place among those that the client offers.
    pub(crate) place: u16,
    pub(crate) key: HashedKey,
    /// The application gave it, for this handshake.
    pub(crate) given: bool,
}

/// The keys of this server that the client offers, each with its place in the server's
/// order.
fn offered<'c>(
    config: &'c ServerConfig,
    m: &ClientHello<'c>,
) -> impl Iterator<Item = (usize, u16, &'c HashedKey)> {
    let usable = offers_mode(m, PskKeyExchangeMode::PSK_DHE_KE) || psk_ke(config, m);
    let keys = config.pre_shared_keys_taken().filter(|_| usable);
    keys.into_iter().flat_map(|keys| {
        identities(m)
            .filter_map(|(place, psk)| keys.find(psk.identity).map(|(order, key)| (order, place, key)))
    })
}

/// The suite of TLS 1.3; one that goes with a pre-shared key goes before one that does
/// not (RFC 9846 section 4.3.11).
pub(crate) fn suite(config: &ServerConfig, m: &ClientHello<'_>) -> Result<Chosen<&'static Suite>, Error> {
    let offers = Offers::of(m);
    let chosen = negotiate::suite(&config.common, &offers)?;
    let goes = |suite: &Suite| offered(config, m).any(|(.., key)| key.hash() == suite.hash);
    match goes(chosen.0) {
        true => Ok(chosen),
        false => Ok(negotiate::first_suite(&config.common, &offers, goes)
            .map_or(chosen, |suite| (suite, Reason::SuiteOfPreSharedKey))),
    }
}

/// What is done about the key exchange, and why: nothing where the client offers a key
/// and psk_ke alone.
pub(crate) fn exchange<'a>(
    config: &ServerConfig,
    suite: &Suite,
    m: &ClientHello<'a>,
) -> Result<(Exchange<'a>, Option<Reason>), Error> {
    let alone = psk_ke(config, m);
    let (groups, shares) = negotiate::check(m, alone)?;
    match alone {
        true if named(config, suite, m).is_some() => Ok((Exchange::None, None)),
        true if m.extensions.key_share.is_none() && asks(config, m) => Ok((Exchange::None, None)),
        true if m.extensions.key_share.is_none() => Err(Error::NoPreSharedKey),
        _ => negotiate::exchange(config, &groups, &shares).map(|(how, why)| (how, Some(why))),
    }
}

/// This server's share, and its group.
type Share = (NamedGroup, Vec<u8>);

/// A share of this server's for the client's of this group, and what both come to, or "0"
/// beside a pre-shared key without a group.
pub(crate) fn respond(
    suite: &Suite,
    m: &ClientHello<'_>,
    group: Option<NamedGroup>,
    psk: bool,
    entropy: &Entropy,
) -> Result<(Option<Share>, SharedSecret), Fault> {
    let share = m.extensions.key_share.and_then(|shares| shares.iter().find(|s| Some(s.group) == group));
    match share {
        Some(share) => {
            let agreed = agree::respond(share.group, share.key_exchange, entropy);
            let (key_exchange, shared) = agreed.map_err(|_| Fault::BadKeyShare)?;
            Ok((Some((share.group, key_exchange)), shared))
        }
        None if group.is_none() && psk => Ok((None, SharedSecret::none(suite.hash))),
        None => Err(Fault::MissingKeyShare),
    }
}

/// The key that this server prefers among those with this hash that the client offers.
pub(crate) fn named(config: &ServerConfig, suite: &Suite, m: &ClientHello<'_>) -> Option<Named> {
    let fitting = offered(config, m).filter(|(.., key)| key.hash() == suite.hash);
    let (_, place, key) = fitting.min_by_key(|(order, place, _)| (*order, *place))?;
    Some(Named { place, key: key.clone(), given: false })
}

/// Whether the application is asked for a key of this client's.
pub(crate) fn asks(config: &ServerConfig, m: &ClientHello<'_>) -> bool {
    let usable = offers_mode(m, PskKeyExchangeMode::PSK_DHE_KE) || psk_ke(config, m);
    let offers = m.extensions.pre_shared_key.is_some();
    usable && offers && config.pre_shared_keys_taken().is_some_and(|keys| keys.asking)
}

/// The question for it.
pub(crate) fn question<'a>(suite: &Suite, m: &ClientHello<'a>) -> Question<'a> {
    let identities = identities(m).map(|(_, psk)| psk.identity).collect();
    Question::PreSharedKey { identities, suite: suite.id }
}

/// What the reply to [`Question::PreSharedKey`](crate::Question::PreSharedKey) means: a key
/// with another hash is none, and neither is one that the client does not offer.
pub(crate) fn given(reply: Reply, suite: &Suite, m: &ClientHello<'_>) -> Option<Named> {
    let Reply::Answered(Answer::PreSharedKey(key)) = reply else { return None };
    let key = key.keys().find(|key| key.hash() == suite.hash)?;
    let (place, _) = identities(m).find(|(_, psk)| psk.identity == key.identity())?;
    Some(Named { place, key, given: true })
}

impl Named {
    /// The key's secret, which must come with its binder, and from somebody else.
    pub(crate) fn bound(
        &self,
        suite: &'static Suite,
        transcript: &Transcript,
        (msg, m): (&Received<'_>, &ClientHello<'_>),
        tap: &Tap,
    ) -> Result<EarlySecret, Error> {
        let early = EarlySecret::kept(suite, self.key.early(), tap)?;
        verify_binder(&early, (self.key.kind(), self.place), suite, transcript, (msg, m))?;
        if self.key.of.is_reflected(m.random) {
            return Err(Fault::Reflected.into());
        }
        Ok(early)
    }
}

/// Why the client is not served whom neither a key nor a certificate can serve, if that
/// is so: this server has no certificate, or the client wants none.
pub(crate) fn missing(config: &ServerConfig, m: &ClientHello<'_>) -> Option<Error> {
    let keys = config.pre_shared_keys_taken()?;
    let offers = m.extensions.pre_shared_key.is_some();
    if config.shows_certificates() && (m.extensions.signature_algorithms.is_some() || !offers) {
        return None;
    }
    let known = || identities(m).any(|(_, psk)| keys.find(psk.identity).is_some());
    if offers_mode(m, PskKeyExchangeMode::PSK_DHE_KE) || psk_ke(config, m) || !known() {
        return Some(Error::NoPreSharedKey);
    }
    Some(negotiate::no_psk_mode(config.common.psk_ke, m))
}
