//! Who the peer is, as the handshake found that began a session.

use crate::info::{ConnectionInfo, Trust};
use crate::limits;
use crate::pki::{Certificate, CertificateDer};
use crate::wire::{NamedGroup, SignatureScheme};
use std::sync::Arc;

/// What a connection knows of its peer once that has proven it.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) trust: Trust,
    /// The scheme of its signature, if it signed.
    pub(crate) scheme: Option<SignatureScheme>,
    /// The group of the key exchange, if there was one.
    pub(crate) group: Option<NamedGroup>,
    pub(crate) chain: Option<Arc<[CertificateDer<'static>]>>,
    /// What a server stapled to its chain. A server's tickets have none.
    pub(crate) ocsp: Option<Arc<Vec<u8>>>,
}

impl Peer {
    /// `None` for whom a person accepted for one connection: they are asked about again.
    pub(crate) fn of(info: &ConnectionInfo) -> Option<Self> {
        match &info.trust {
            Trust::AcceptedThisOnce(_) => None,
            trust => Some(Self {
                trust: trust.clone(),
                scheme: info.peer_scheme,
                group: info.group,
                chain: info.peer_chain.clone(),
                ocsp: info.peer_ocsp.clone(),
            }),
        }
    }

    /// How it came to be trusted, as it is written down: a number, and the identity of a
    /// pre-shared key. `None` for whom a person accepted for once, which is not.
    pub(crate) fn trust_code(&self) -> Option<(u8, &[u8])> {
        match &self.trust {
            Trust::Anonymous => Some((0, &[])),
            Trust::Policy => Some((1, &[])),
            Trust::Application => Some((2, &[])),
            Trust::PreSharedKey(identity) => Some((3, identity)),
            Trust::AcceptedThisOnce(_) => None,
        }
    }

    /// The same read again.
    pub(crate) fn trust_of_code(code: u8, identity: &[u8]) -> Option<Trust> {
        match (code, identity) {
            (0, []) => Some(Trust::Anonymous),
            (1, []) => Some(Trust::Policy),
            (2, []) => Some(Trust::Application),
            (3, [_, ..]) => Some(Trust::PreSharedKey(identity.into())),
            _ => None,
        }
    }

    /// Whether it is the one of the same handshake, or as good as that.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.trust, self.scheme, self.group, &self.chain, &self.ocsp)
            == (&other.trust, other.scheme, other.group, &other.chain, &other.ocsp)
    }

    /// The connection says who its peer is.
    pub(crate) fn tell(self, info: &mut ConnectionInfo) {
        info.peer_scheme = self.scheme;
        // TLS 1.3 exchanges keys again where it resumes, TLS 1.2 does not.
        info.group = info.group.or(self.group);
        if self.trust != Trust::Anonymous {
            (info.trust, info.peer_chain, info.peer_ocsp) = (self.trust, self.chain, self.ocsp);
        }
    }

    /// Until when, in seconds since 1970, a peer that is authenticated `now` may be
    /// taken for the same without showing its certificate: seven days at most (RFC
    /// 9846 section 4.7.1), and not longer than the certificate itself is valid.
    pub(crate) fn trusted_until(&self, now: u64) -> u64 {
        let most = now.saturating_add(u64::from(limits::TICKET_SECONDS));
        let leaf = self.chain.as_ref().and_then(|chain| chain.first());
        match leaf.map(|leaf| Certificate::read(leaf)) {
            Some(Ok(leaf)) => most.min(leaf.validity().1.as_secs()),
            // An application may accept what this crate cannot read.
            Some(Err(_)) | None => most,
        }
    }
}
