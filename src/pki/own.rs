//! This side's own chain, before it is shown: in order, signed, and of today. Peers
//! forgive an order that is wrong, or do not; whom a root trusts is theirs to judge.

use super::certificate::{Certificate, Malformed};
use super::time;
use crate::crypto::verify::{SignatureRefused, verify_certificate};
use crate::said::debug_is_display;
use rustls_pki_types::{CertificateDer, UnixTime};

/// A chain that should not be shown to peers.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// use handfast::{ConfigError, Identity, pki::{UnfitChain, UnixTime}};
/// let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes())?;
/// let long_ago = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
/// let unfit = identity.check(long_ago).unwrap_err();
/// assert!(matches!(unfit, ConfigError::Chain(UnfitChain::NotYetValid { place: 1, .. })));
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitChain {
    /// A certificate cannot be read.
    #[error("certificate {place} of the chain is {malformed}")]
    Malformed {
        /// Its place, the leaf's is 1.
        place: usize,
        /// What is wrong with it.
        malformed: Malformed,
    },
    /// A certificate does not stand behind the one that it issued.
    #[error(
        "certificate {place} of the chain is of {found}, and the one before it was issued by {expected}: \
         put behind each certificate the one of its issuer, the leaf first (RFC 9846 section 4.5.1)"
    )]
    Order {
        /// Its place, the leaf's is 1.
        place: usize,
        /// Its subject.
        found: String,
        /// The issuer of the one before.
        expected: String,
    },
    /// An issuer has the right name, and another key.
    #[error(
        "certificate {place} of the chain has the name of the issuer, {issuer}, but its key did not sign the one \
         before it: the authority has several, take the one that was issued along with the leaf"
    )]
    Signature {
        /// The issuer's place, the leaf's is 1.
        place: usize,
        /// Its subject.
        issuer: String,
    },
    /// A certificate has expired.
    #[error(
        "certificate {place} of the chain, of {subject}, expired on {end}, {ago} ago: renew it, or set the clock \
         if that is wrong"
    )]
    Expired {
        /// Its place, the leaf's is 1.
        place: usize,
        /// Its subject.
        subject: String,
        /// The end of its validity, such as `2026-11-20 06:25:00 UTC`.
        end: String,
        /// How long it is past, such as `3 days 4 hours`.
        ago: String,
    },
    /// A certificate is not valid yet.
    #[error(
        "certificate {place} of the chain, of {subject}, is valid only from {begin} on, in {ahead}: wait until \
         then, or set the clock if that is wrong"
    )]
    NotYetValid {
        /// Its place, the leaf's is 1.
        place: usize,
        /// Its subject.
        subject: String,
        /// The beginning of its validity, such as `2026-11-20 06:25:00 UTC`.
        begin: String,
        /// How long it is ahead, such as `3 days 4 hours`.
        ahead: String,
    },
}

debug_is_display!(UnfitChain);

/// Looks at a chain, leaf first, as those do to whom it is shown.
pub(crate) fn fit_to_be_shown(chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), UnfitChain> {
    let now = time::seconds(now);
    let read =
        |(place, der)| Certificate::read(der).map_err(|malformed| UnfitChain::Malformed { place, malformed });
    let octets = chain.iter().map(|der| der.as_ref());
    let chain: Vec<_> = (1..).zip(octets).map(read).collect::<Result<_, _>>()?;
    for (place, pair) in (2..).zip(chain.windows(2)) {
        if let [issued, issuer] = pair {
            follows(issued, issuer, place)?;
        }
    }
    (1..).zip(&chain).try_for_each(|(place, one)| is_of_today(one, place, now))
}

fn follows(issued: &Certificate<'_>, issuer: &Certificate<'_>, place: usize) -> Result<(), UnfitChain> {
    if issued.issuer_bytes != issuer.subject_bytes && issued.issuer.folded() != issuer.subject.folded() {
        let (found, expected) = (issuer.subject(), issued.issuer());
        return Err(UnfitChain::Order { place, found, expected });
    }
    match verify_certificate(issued.algorithm, issuer.spki, issued.tbs, issued.signature) {
        // What this build cannot verify, peers may.
        Ok(()) | Err(SignatureRefused::UnknownScheme) => Ok(()),
        Err(_) => Err(UnfitChain::Signature { place, issuer: issuer.subject() }),
    }
}

fn is_of_today(one: &Certificate<'_>, place: usize, now: i64) -> Result<(), UnfitChain> {
    let (begin, end) = one.validity;
    let (subject, span) = (one.subject(), |from: i64, to: i64| time::span(to.abs_diff(from)));
    match now {
        _ if now < begin => {
            let ahead = span(now, begin);
            Err(UnfitChain::NotYetValid { place, subject, begin: time::text(begin), ahead })
        }
        _ if now > end => {
            Err(UnfitChain::Expired { place, subject, end: time::text(end), ago: span(end, now) })
        }
        _ => Ok(()),
    }
}
