//! What a connection came to, held against what the flags expect.

use crate::flags::PreShared;
use crate::run::{Failure, Peer, broken, failed};
use handfast::wire::{CipherSuite, ProtocolVersion};
use handfast::{EarlyData, EarlyReason, Identity, Trust, pki};
use std::sync::Arc;

impl Peer<'_> {
    /// Compares what was negotiated with what the flags expect.
    pub(crate) fn compare(&self) -> Result<(), Failure> {
        let (info, flags) = (self.connection.info(), self.flags);
        let differ = |what: &str, got: String| Err(failed(format!("{what} is {got}, which is not expected")));
        if info.alpn.as_deref().unwrap_or_default() != flags.expect_alpn {
            return differ("the application protocol", format!("{:?}", info.alpn));
        }
        if flags.expect_server_name.is_some()
            && info.server_name.as_deref() != flags.expect_server_name.as_deref()
            || flags.expect_no_server_name && info.server_name.is_some()
        {
            return differ("the server's name", format!("{:?}", info.server_name));
        }
        if flags.expect_version.is_some() && info.version != flags.expect_version {
            return differ("the version", format!("{:?}", info.version));
        }
        if flags.expect_group.is_some() && info.group != flags.expect_group {
            return differ("the group", format!("{:?}", info.group));
        }
        if flags.expect_suite.is_some() && info.suite.map(|s| CipherSuite(s.0)) != flags.expect_suite {
            return differ("the suite", format!("{:?}", info.suite));
        }
        if flags.expect_peer_scheme.is_some() && info.peer_scheme != flags.expect_peer_scheme {
            return differ("the peer's signature scheme", format!("{:?}", info.peer_scheme));
        }
        let tls13 = info.version == Some(ProtocolVersion::TLS13);
        let bound = info.extended_master_secret || tls13;
        if flags.expect_extended_master_secret && !bound {
            return differ("the master secret", "not bound to the handshake".to_owned());
        }
        let protected = tls13 || self.watch.seen(|seen| seen.renegotiation_info);
        if flags.expect_renegotiation_info.is_some_and(|expected| expected != protected) {
            return differ("whether the peer speaks renegotiation_info", protected.to_string());
        }
        if flags.expect_retried.is_some_and(|retried| retried != info.retried) {
            return differ("whether there was a retry", info.retried.to_string());
        }
        let ocsp = info.peer_ocsp.as_deref().map_or(&[][..], Vec::as_slice);
        if !flags.expect_ocsp.is_empty() && ocsp != flags.expect_ocsp {
            return differ("the stapled response", format!("{ocsp:02x?}"));
        }
        self.compare_certificates()?;
        self.compare_early_data()?;
        self.compare_seen()
    }

    fn compare_early_data(&self) -> Result<(), Failure> {
        let (info, flags) = (self.connection.info(), self.flags);
        let got = info.early_data;
        if flags.expect_early_data.is_some_and(|expected| expected != (got == EarlyData::Accepted)) {
            return Err(failed(format!("the early data is {got:?}, which is not expected")));
        }
        if flags.expect_no_offer_of_early_data && !matches!(got, EarlyData::NotOffered(_)) {
            return Err(failed("early data is offered"));
        }
        let tls12 = info.version == Some(ProtocolVersion::TLS12);
        match flags.expect_early_data_reason.as_deref() {
            Some(expected) if !reasons(got, tls12).contains(&expected) => {
                Err(failed(format!("{expected} is expected of early data, which is {got:?}")))
            }
            _ => Ok(()),
        }
    }

    fn compare_certificates(&self) -> Result<(), Failure> {
        let flags = self.flags;
        let chain = self.connection.info().peer_chain.as_deref().unwrap_or_default();
        if flags.expect_no_peer_certificate && !chain.is_empty() {
            return Err(failed("the peer showed a certificate"));
        }
        let by_key = matches!(self.connection.info().trust, Trust::PreSharedKey(_));
        let must = (!flags.server || flags.require_certificate) && !by_key;
        if chain.is_empty() && must && !flags.expect_no_peer_certificate {
            return Err(failed("the peer showed no certificate"));
        }
        let trust = if chain.is_empty() { Trust::Anonymous } else { Trust::Application };
        if flags.expect_verify_result && self.connection.info().trust != trust {
            return Err(failed("nobody came to trust the peer"));
        }
        if let Some(file) = &flags.expect_peer_certificate {
            let expected = pki::certificates(&std::fs::read(file).map_err(broken)?).map_err(broken)?;
            if chain != expected {
                return Err(failed("the peer showed another chain than is expected"));
            }
        }
        let Some(expected) = flags.expect_credential else { return Ok(()) };
        let place = self.selected_credential();
        match (place, usize::try_from(expected)) {
            (None, Err(_)) => Ok(()),
            (Some(place), Ok(expected)) if place == expected => Ok(()),
            // The credential without a number of its own is the last one.
            (Some(place), Err(_)) if place == flags.credentials.len() => Ok(()),
            _ => Err(failed(format!("certificate {place:?} was shown, and {expected} is expected"))),
        }
    }

    /// The place of what was used among the credentials of the flags; the one without a
    /// number of its own comes last.
    fn selected_credential(&self) -> Option<usize> {
        let credentials = &self.flags.credentials;
        if let Trust::PreSharedKey(identity) = &self.connection.info().trust {
            let same = |key: &PreShared| *key.identity == **identity;
            return credentials.iter().position(|each| each.pre_shared.as_ref().is_some_and(same));
        }
        let leaf = self.watch.seen(|seen| seen.own_leaf.clone());
        let shown = |identity: &Arc<Identity>| identity.chain().first().is_some_and(|c| **c == *leaf);
        let place = self.identities.iter().position(shown)?;
        let mut with_certificate =
            credentials.iter().enumerate().filter(|(_, each)| !each.certificate.is_empty());
        Some(with_certificate.nth(place).map_or(credentials.len(), |(place, _)| place))
    }

    fn compare_seen(&self) -> Result<(), Failure> {
        let flags = self.flags;
        self.watch.seen(|seen| {
            if flags.expect_advertised_alpn.as_ref().is_some_and(|expected| *expected != seen.advertised_alpn)
            {
                return Err(failed("the client offers other application protocols"));
            }
            if flags.expect_authorities.as_ref().is_some_and(|expected| *expected != seen.authorities) {
                return Err(failed("the server names other authorities"));
            }
            let types = &flags.expect_certificate_types;
            if !types.is_empty() && *types != seen.certificate_types {
                return Err(failed("the server asks for other kinds of certificates"));
            }
            let schemes = &flags.expect_peer_schemes;
            if !schemes.is_empty() && !schemes.iter().map(|s| s.0).eq(seen.peer_schemes.iter().copied()) {
                return Err(failed("the peer offers other signature schemes"));
            }
            Ok(())
        })
    }
}

/// BoringSSL's words for what became of early data. It has one for all that a client
/// is not told, and none for some of what is told here.
fn reasons(early_data: EarlyData, tls12: bool) -> &'static [&'static str] {
    let (EarlyData::NotOffered(why) | EarlyData::Rejected(why)) = early_data else {
        return if early_data == EarlyData::Accepted { &["accept"] } else { &[] };
    };
    match why {
        _ if tls12 => &["protocol_version", "disabled"],
        EarlyReason::Off => &["disabled"],
        EarlyReason::NoSession => &["no_session_offered"],
        // A server that takes none says so here, too.
        EarlyReason::NotAsked => &["no_session_offered", "peer_declined", "disabled"],
        EarlyReason::NotAllowed => &["unsupported_for_session"],
        // A client has it from the server's choice.
        EarlyReason::OtherAlpn => &["alpn_mismatch", "peer_declined"],
        // The first of two reasons, where the session is not resumed, too.
        EarlyReason::Retried => &["hello_retry_request", "session_not_resumed"],
        EarlyReason::NotResumed => &["session_not_resumed"],
        EarlyReason::Stale => &["ticket_age_skew"],
        EarlyReason::Unsaid => &["peer_declined"],
        _ => &[],
    }
}
