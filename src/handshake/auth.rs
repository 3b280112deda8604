//! Authentication, shared by the flows: the verdict on a chain, the signed
//! content, Finished (RFC 8446 section 4.4).
//!
//! The evidence types of `context` are made here and nowhere else.

use super::context::{
    Cx, FinishedVerified, PeerAccepted, PeerResumed, PeerTrusted, PeerVerified, Reply, SignatureVerified,
};
use crate::alert::AlertDescription;
use crate::config::{Common, Judge, ServerConfig};
#[cfg(feature = "static-rsa")]
use crate::crypto::Failed;
use crate::crypto::aead::Protection;
use crate::crypto::kdf::Digest;
use crate::crypto::suite::KeyExchange;
use crate::crypto::verify::{self, SignatureRefused};
#[cfg(feature = "static-rsa")]
use crate::crypto::{agree::SharedSecret, rsa_exchange, source::Entropy};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::info::Trust;
use crate::limits;
use crate::pki::{self, CertificateDer, PeerKey, Purpose, Report, Roots};
use crate::question::{Answer, Question};
use crate::schedule::tls12::{MasterSecret, Randoms};
use crate::schedule::{Side, tls13};
use crate::session::Peer;
#[cfg(feature = "static-rsa")]
use crate::wire::ProtocolVersion;
use crate::wire::{CertificateVerify, DistinguishedName, SignatureScheme};
use std::sync::Arc;

/// Which side signs: each has its own context string (RFC 8446 section 4.4.3).
#[derive(Clone, Copy)]
pub(crate) enum Signer {
    Client,
    Server,
}

/// What a CertificateVerify signs (RFC 8446 section 4.4.3): 64 spaces, the
/// context string, a zero byte, the transcript's hash.
pub(crate) struct SignedContent {
    bytes: [u8; Self::PREFIX + 48],
    len: usize,
}

impl SignedContent {
    const PREFIX: usize = 64 + 33 + 1;

    pub(crate) fn new(signer: Signer, transcript: &Digest) -> Self {
        let context: &[u8; 33] = match signer {
            Signer::Client => b"TLS 1.3, client CertificateVerify",
            Signer::Server => b"TLS 1.3, server CertificateVerify",
        };
        let mut content = Self { bytes: [b' '; Self::PREFIX + 48], len: 0 };
        for part in [&[b' '; 64][..], context, &[0], transcript.as_bytes()] {
            let free = content.bytes.iter_mut().skip(content.len);
            free.zip(part).for_each(|(to, from)| *to = *from);
            content.len += part.len();
        }
        content
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// A peer whose chain is trusted; what is left to show is that it holds the key.
pub(crate) struct TrustedPeer {
    pub(super) key: PeerKey,
    pub(super) trusted: PeerTrusted,
    /// The certificate lets the key sign, or who judged it knew that it does not.
    signs: bool,
}

/// The chain of a Certificate message, copied out of the record: questions,
/// and whoever looks at the connection later, outlive it.
pub(crate) fn copy_chain<'a>(
    certificates: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<Arc<[CertificateDer<'static>]>, Fault> {
    if certificates.clone().count() > limits::CHAIN_CERTIFICATES {
        return Err(Fault::ChainTooLong);
    }
    Ok(certificates.map(|der| CertificateDer::from(der.to_vec())).collect())
}

/// What the configuration answers to [`Question::Verify`].
pub(crate) fn judge(judge: &Judge, common: &Common, question: &Question<'_>) -> Option<Reply> {
    let Question::Verify { chain, name, purpose, ocsp } = question else { return None };
    match judge {
        Judge::Policy(verifier) => Some(Reply::Judged(match purpose {
            Purpose::Server => verifier.verify_stapled(chain, ocsp, *name, *purpose, common.now()),
            // A server asks no client for a staple (RFC 8446 section 4.4.2.1).
            Purpose::Client => verifier.verify(chain, *name, *purpose, common.now()),
        })),
        Judge::Application => None,
    }
}

/// What an answer to [`Question::Verify`] means: a trusted peer, or a report
/// that a person may still overrule.
pub(crate) fn verdict(
    reply: Reply,
    chain: &Arc<[CertificateDer<'static>]>,
    cx: &mut Cx<'_>,
) -> Result<Result<TrustedPeer, Arc<Report>>, Error> {
    cx.info.peer_chain = Some(Arc::clone(chain));
    let verified = PeerTrusted::Verified(PeerVerified(()));
    match reply {
        Reply::Judged(Ok(accepted)) => {
            cx.show(&accepted.report, true);
            cx.info.trust = Trust::Policy;
            cx.info.report = Some(Arc::new(accepted.report));
            Ok(Ok(TrustedPeer { key: accepted.leaf_key, trusted: verified, signs: true }))
        }
        Reply::Judged(Err(refused)) => {
            cx.show(&refused.report, false);
            let report = Arc::new(refused.report);
            cx.info.report = Some(Arc::clone(&report));
            Ok(Err(report))
        }
        Reply::Answered(Answer::Accept) => {
            cx.info.trust = Trust::Application;
            let key = leaf_key(chain)?;
            Ok(Ok(TrustedPeer { signs: key.signs(), key, trusted: verified }))
        }
        // Nothing is known to be wrong with the certificate itself (RFC 8446 section 6.2).
        Reply::Answered(
            Answer::Reject(reason) | Answer::RejectWith(AlertDescription::CLOSE_NOTIFY, reason),
        ) => Err(Error::CertificateRejected { reason, alert: AlertDescription::CERTIFICATE_UNKNOWN }),
        Reply::Answered(Answer::RejectWith(alert, reason)) => {
            Err(Error::CertificateRejected { reason, alert })
        }
        Reply::Answered(_) => Err(Error::Unanswered("the answer about the peer's certificate is none")),
    }
}

/// What an answer to [`Question::Refused`] means.
pub(crate) fn person(
    reply: Reply,
    chain: &[CertificateDer<'static>],
    report: Arc<Report>,
    cx: &mut Cx<'_>,
) -> Result<TrustedPeer, Error> {
    match reply {
        Reply::Answered(Answer::AcceptThisOnce(reason)) => {
            cx.info.trust = Trust::AcceptedThisOnce(reason.into());
            let trusted = PeerTrusted::Accepted(PeerAccepted(()));
            Ok(TrustedPeer { key: leaf_key(chain)?, trusted, signs: true })
        }
        _ => Err(Error::CertificateRefused(report)),
    }
}

/// Trusts the peer as the handshake did whose session is resumed. Whoever calls
/// this found the session under the policy that holds now.
pub(crate) fn resumed(peer: &Peer, cx: &mut Cx<'_>) -> PeerTrusted {
    cx.info.resumed = true;
    cx.info.trust = peer.trust.clone();
    cx.info.peer_scheme = peer.scheme;
    // TLS 1.3 exchanges keys again, TLS 1.2 does not.
    cx.info.group = cx.info.group.or(peer.group);
    cx.info.peer_chain = peer.chain.clone();
    PeerTrusted::Resumed(PeerResumed(()))
}

/// What a key in memory answers to [`Question::Sign`].
pub(crate) fn sign(question: &Question<'_>, identity: &Identity) -> Option<Reply> {
    let Question::Sign { scheme, message, .. } = question else { return None };
    let signature = identity.sign(*scheme, message)?;
    Some(Reply::Answered(signature.map_or(Answer::CannotSign, Answer::Signature)))
}

/// What an answer to [`Question::Sign`] means.
pub(crate) fn signature(reply: Reply) -> Result<Vec<u8>, Error> {
    match reply {
        Reply::Answered(Answer::Signature(signature)) => Ok(signature),
        _ => Err(Error::Unanswered("its private key could not sign")),
    }
}

/// What a key in memory answers to [`Question::Decrypt`].
#[cfg(feature = "static-rsa")]
pub(crate) fn decrypt(question: &Question<'_>, identity: &Identity) -> Option<Reply> {
    let Question::Decrypt { encrypted, .. } = question else { return None };
    let em = identity.decrypt(encrypted)?;
    Some(Reply::Answered(em.map_or(Answer::CannotDecrypt, |em| Answer::Decrypted(em.into()))))
}

/// What an answer to [`Question::Decrypt`] means: a pre-master secret, whatever
/// it is. What was wrong shows in the client's Finished.
#[cfg(feature = "static-rsa")]
pub(crate) fn decrypted(
    reply: Reply,
    client_version: ProtocolVersion,
    entropy: &Entropy,
) -> Result<SharedSecret, Failed> {
    match reply {
        Reply::Answered(Answer::Decrypted(em)) => {
            rsa_exchange::pre_master_secret(em.as_bytes(), client_version, entropy)
        }
        _ => rsa_exchange::pre_master_secret(rsa_exchange::WRONG, client_version, entropy),
    }
}

/// Checks a CertificateVerify over the transcript so far.
pub(crate) fn verify_signature(
    peer: TrustedPeer,
    signer: Signer,
    transcript: &Digest,
    m: &CertificateVerify<'_>,
    offered: &[SignatureScheme],
) -> Result<(PeerTrusted, SignatureVerified), Fault> {
    if !offered.contains(&m.scheme) {
        return Err(Fault::UnofferedScheme);
    }
    may_sign(&peer)?;
    let content = SignedContent::new(signer, transcript);
    refusal(verify::verify_tls13(m.scheme, peer.key.as_spki(), content.as_bytes(), m.signature))?;
    Ok((peer.trusted, SignatureVerified(())))
}

/// What a ServerKeyExchange's signature covers (RFC 8422 section 5.4).
pub(crate) fn signed_params(randoms: Randoms<'_>, params: &[u8]) -> Vec<u8> {
    [&randoms.client[..], randoms.server, params].concat()
}

/// Checks the signature of a ServerKeyExchange: the suite says of what kind the
/// key is (RFC 8422 section 2).
pub(crate) fn verify_exchange(
    peer: TrustedPeer,
    exchange: KeyExchange,
    scheme: SignatureScheme,
    signed: &[u8],
    signature: &[u8],
    offered: &[SignatureScheme],
) -> Result<(PeerTrusted, SignatureVerified), Fault> {
    if offered.contains(&scheme) && !exchange.signs_with(scheme) {
        return Err(Fault::SchemeDoesNotFitKey);
    }
    verify_signature12(peer, scheme, signed, signature, offered)
}

/// Checks a signature of TLS 1.2 over `signed`.
pub(crate) fn verify_signature12(
    peer: TrustedPeer,
    scheme: SignatureScheme,
    signed: &[u8],
    signature: &[u8],
    offered: &[SignatureScheme],
) -> Result<(PeerTrusted, SignatureVerified), Fault> {
    if !offered.contains(&scheme) {
        return Err(Fault::UnofferedScheme);
    }
    may_sign(&peer)?;
    refusal(verify::verify_tls12(scheme, peer.key.as_spki(), signed, signature))?;
    Ok((peer.trusted, SignatureVerified(())))
}

/// RFC 8446 section 4.4.2.2, RFC 5246 section 7.4.2. A policy has a rule for it;
/// an application that vouches for the chain is not asked about the keyUsage.
fn may_sign(peer: &TrustedPeer) -> Result<(), Fault> {
    if peer.signs { Ok(()) } else { Err(Fault::KeyNotForSigning) }
}

fn refusal(verified: Result<(), SignatureRefused>) -> Result<(), Fault> {
    verified.map_err(|refused| match refused {
        SignatureRefused::WrongKey => Fault::SchemeDoesNotFitKey,
        SignatureRefused::UnknownScheme => Fault::UnofferedScheme,
        SignatureRefused::Bad => Fault::BadSignature,
    })
}

/// Checks the peer's Finished in TLS 1.2 (RFC 5246 section 7.4.9).
pub(crate) fn verify_finished12(
    master: &MasterSecret,
    peer: Side,
    transcript: &Digest,
    verify_data: &[u8],
) -> Result<FinishedVerified, Fault> {
    match master.verify_data(peer, transcript).ct_eq(verify_data) {
        true => Ok(FinishedVerified(())),
        false => Err(Fault::BadFinished),
    }
}

/// The names of the authorities of which this server takes certificates.
pub(crate) fn authorities<'a>(config: &'a ServerConfig, judge: &'a Judge) -> Vec<DistinguishedName<'a>> {
    let of_judge = match judge {
        Judge::Policy(verifier) if config.client_authorities.is_empty() => verifier.roots(),
        Judge::Policy(_) | Judge::Application => None,
    };
    let named = config.client_authorities.iter().map(Vec::as_slice);
    named.chain(of_judge.into_iter().flat_map(Roots::subjects)).map(DistinguishedName).collect()
}

/// Checks the peer's Finished, which is made from the key that protects it
/// (RFC 8446 section 4.4.4).
pub(crate) fn verify_finished(
    read: &Protection,
    transcript: &Digest,
    verify_data: &[u8],
) -> Result<FinishedVerified, Error> {
    match tls13::verify_data(read, transcript)?.ct_eq(verify_data) {
        true => Ok(FinishedVerified(())),
        false => Err(Fault::BadFinished.into()),
    }
}

fn leaf_key(chain: &[CertificateDer<'static>]) -> Result<PeerKey, Error> {
    let leaf = chain.first().ok_or(Fault::EmptyCertificateList)?;
    Ok(pki::peer_key(leaf).map_err(|_| Fault::UnreadableCertificate)?)
}
