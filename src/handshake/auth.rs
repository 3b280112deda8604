//! Authentication, shared by the flows: the verdict on a chain, the signed
//! content, Finished (RFC 9846 section 4.5).
//!
//! The evidence types of `context` are made here and nowhere else.

use super::context::{
    Cx, FinishedVerified, KeyProof, PeerAccepted, PeerPreShared, PeerResumed, PeerTrusted, PeerVerified,
    Reply, SignatureVerified, Unproven,
};
use crate::alert::AlertDescription;
use crate::config::{Again, Common, Judge, ServerConfig, Standing};
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
use crate::observe::Observed;
use crate::pki::{self, CertificateDer, PeerKey, Purpose, Report, Roots, ServerName};
use crate::question::{Answer, Question};
use crate::schedule::tls12::{Randoms, Ready};
use crate::schedule::{Side, tls13};
use crate::session::{Peer, PreSharedKey};
#[cfg(feature = "static-rsa")]
use crate::wire::ProtocolVersion;
use crate::wire::{CertificateVerify, DistinguishedName, ServerEcdhParams, SignatureScheme, Writer};
use std::sync::Arc;

/// Which side signs: each has its own context string (RFC 9846 section 4.5.2).
#[derive(Clone, Copy)]
pub(crate) enum Signer {
    Client,
    Server,
}

/// What a CertificateVerify signs (RFC 9846 section 4.5.2): 64 spaces, the
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
    pub(super) who: Unproven,
}

impl TrustedPeer {
    fn new(key: PeerKey, trusted: PeerTrusted, signs: bool, trust: Trust, presented: &Presented) -> Self {
        let Presented { chain, ocsp } = presented.clone();
        let peer = Peer { trust, scheme: None, group: None, chain: Some(chain), ocsp };
        Self { key, trusted, signs, who: Unproven { peer, resumed: false, report: None } }
    }
}

impl Unproven {
    /// The proof has come: from here on the connection says who the peer is.
    fn proven(self, cx: &mut Cx<'_>) {
        cx.info.resumed = self.resumed;
        if self.report.is_some() {
            cx.info.report = self.report;
        }
        self.peer.tell(cx.info);
    }

    /// The same where the proof is the peer's Finished.
    pub(crate) fn by_finished(self, FinishedVerified(()): &FinishedVerified, cx: &mut Cx<'_>) {
        self.proven(cx);
    }

    /// The same where the proof is a signature in this scheme.
    fn signed(
        mut self,
        scheme: SignatureScheme,
        verified: Result<(), SignatureRefused>,
        cx: &mut Cx<'_>,
    ) -> Result<SignatureVerified, Fault> {
        verified.map_err(|refused| match refused {
            SignatureRefused::WrongKey => Fault::SchemeDoesNotFitKey,
            SignatureRefused::UnknownScheme => Fault::UnofferedScheme,
            SignatureRefused::Bad | SignatureRefused::BadKey => Fault::BadSignature,
        })?;
        self.peer.scheme = Some(scheme);
        self.proven(cx);
        Ok(SignatureVerified(()))
    }
}

impl KeyProof {
    /// The peer's Finished has come, which may be the proof that was missing.
    pub(crate) fn finished(self, finished: &FinishedVerified, cx: &mut Cx<'_>) {
        match self {
            Self::Signed(SignatureVerified(())) => {}
            Self::ByFinished(who) => who.by_finished(finished, cx),
        }
    }
}

/// What the peer shows of itself, copied out of the record: questions, and whoever
/// looks at the connection later, outlive it.
#[derive(Clone)]
pub(crate) struct Presented {
    pub(crate) chain: Arc<[CertificateDer<'static>]>,
    /// The OCSP response that it stapled, if it did.
    pub(crate) ocsp: Option<Arc<Vec<u8>>>,
}

impl Presented {
    /// From the certificates of a Certificate message, of which there may be so many.
    pub(crate) fn new<'a>(
        certificates: impl Iterator<Item = &'a [u8]> + Clone,
        longest_chain: usize,
    ) -> Result<Self, Fault> {
        let (count, mut certificates) = (certificates.clone().count(), certificates);
        if count > longest_chain {
            return Err(Fault::ChainTooLong);
        }
        // A range says how long it is: the list is made where it stays.
        let copies =
            (0..count).map(|_| CertificateDer::from(certificates.next().unwrap_or_default().to_vec()));
        Ok(Self { chain: copies.collect(), ocsp: None })
    }

    /// The question who it is: `name` is that of a server.
    pub(crate) fn question<'a>(&'a self, name: Option<&'a ServerName<'static>>) -> Question<'a> {
        verify(&self.chain, self.ocsp.as_deref(), name, false)
    }
}

/// The question who the peer of a session is today.
pub(crate) fn question_again<'a>(peer: &'a Peer, name: Option<&'a ServerName<'static>>) -> Question<'a> {
    verify(peer.chain.as_deref().unwrap_or_default(), peer.ocsp.as_deref(), name, true)
}

fn verify<'a>(
    chain: &'a [CertificateDer<'static>],
    ocsp: Option<&'a Vec<u8>>,
    name: Option<&'a ServerName<'static>>,
    resumed: bool,
) -> Question<'a> {
    let purpose = if name.is_some() { Purpose::Server } else { Purpose::Client };
    Question::Verify { chain, name, purpose, ocsp: ocsp.map_or(&[], Vec::as_slice), resumed }
}

/// What the configuration answers to [`Question::Verify`].
pub(crate) fn judge(judge: &Judge, common: &Common, question: &Question<'_>) -> Option<Reply> {
    let Question::Verify { chain, name, purpose, ocsp, .. } = question else { return None };
    judge.verdict(chain, ocsp, *name, *purpose, common.now()).map(Reply::Judged)
}

/// What an answer to [`Question::Verify`] means: a trusted peer, or a report
/// that a person may still overrule.
pub(crate) fn verdict(
    reply: Reply,
    presented: &Presented,
    cx: &mut Cx<'_>,
) -> Result<Result<TrustedPeer, Arc<Report>>, Error> {
    let verified = PeerTrusted::Verified(PeerVerified(()));
    match reply {
        Reply::Judged(Ok(accepted)) => {
            cx.show(&accepted.report, true);
            cx.info.report = Some(Arc::new(accepted.report));
            Ok(Ok(TrustedPeer::new(accepted.leaf_key, verified, true, Trust::Policy, presented)))
        }
        Reply::Judged(Err(refused)) => {
            cx.show(&refused.report, false);
            let report = Arc::new(refused.report);
            cx.info.report = Some(Arc::clone(&report));
            Ok(Err(report))
        }
        Reply::Answered(Answer::Accept) => {
            let key = leaf_key(&presented.chain)?;
            let signs = key.signs();
            Ok(Ok(TrustedPeer::new(key, verified, signs, Trust::Application, presented)))
        }
        reply => Err(rejected(reply)),
    }
}

/// The application accepts nobody by this answer.
fn rejected(reply: Reply) -> Error {
    let (alert, reason) = match reply {
        // Nothing is known to be wrong with the certificate itself (RFC 9846 section 6.2).
        Reply::Answered(
            Answer::Reject(reason) | Answer::RejectWith(AlertDescription::CLOSE_NOTIFY, reason),
        ) => (AlertDescription::CERTIFICATE_UNKNOWN, reason),
        Reply::Answered(Answer::RejectWith(alert, reason)) => (alert, reason),
        // No other answer fits the question; if one came, it would not be trust.
        _ => (AlertDescription::INTERNAL_ERROR, "nobody judged it".into()),
    };
    Error::CertificateRejected { reason, alert }
}

/// What an answer to [`Question::Refused`] means.
pub(crate) fn person(reply: Reply, presented: &Presented, report: Arc<Report>) -> Result<TrustedPeer, Error> {
    match reply {
        Reply::Answered(Answer::AcceptThisOnce(reason)) => {
            let (key, accepted) = (leaf_key(&presented.chain)?, PeerTrusted::Accepted(PeerAccepted(())));
            Ok(TrustedPeer::new(key, accepted, true, Trust::AcceptedThisOnce(reason.into()), presented))
        }
        _ => Err(Error::CertificateRefused(report)),
    }
}

/// Judges the peer of a session again, where the configuration does.
pub(crate) fn again(
    common: &Common,
    judge: Option<&Judge>,
    peer: &Peer,
    name: Option<&ServerName<'static>>,
    cx: &Cx<'_>,
) -> Again {
    let again = common.again(judge, peer, name);
    match &again {
        Again::Stands(standing) => standing.report().into_iter().for_each(|report| cx.show(report, true)),
        Again::Refused(report) => cx.show(report, false),
        Again::Asks => {}
    }
    again
}

/// What the application's answer says of the peer of a session.
pub(crate) fn answered_again(reply: Reply) -> Result<Standing, Error> {
    Standing::said(matches!(reply, Reply::Answered(Answer::Accept))).ok_or_else(|| rejected(reply))
}

/// The same where a full handshake follows if the peer is not accepted: the observer
/// hears why.
pub(crate) fn taken_again(reply: Reply, cx: &Cx<'_>) -> Option<Standing> {
    let refused = match answered_again(reply) {
        Ok(standing) => return Some(standing),
        Err(refused) => refused.to_string(),
    };
    cx.tap.tell(|| Observed::Verdict { accepted: false, sentence: &refused });
    None
}

/// Trusts the peer as the handshake did whose session is resumed. Whoever calls
/// this found the session under the policy that holds now.
pub(crate) fn resumed(peer: Peer, standing: &Standing) -> (PeerTrusted, Box<Unproven>) {
    let report = standing.report().cloned();
    (PeerTrusted::Resumed(PeerResumed(())), Box::new(Unproven { peer, resumed: true, report }))
}

/// Trusts the peer because this side was given the key outside of TLS. Whoever calls
/// this took it from the configuration.
pub(crate) fn pre_shared(key: &PreSharedKey) -> (PeerTrusted, Box<Unproven>) {
    let trust = Trust::PreSharedKey(key.shared_identity());
    let peer = Peer { trust, scheme: None, group: None, chain: None, ocsp: None };
    (PeerTrusted::PreShared(PeerPreShared(())), Box::new(Unproven { peer, resumed: false, report: None }))
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
        _ => Err(Error::CannotSign),
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
    cx: &mut Cx<'_>,
) -> Result<(PeerTrusted, SignatureVerified), Fault> {
    if !offered.contains(&m.scheme) {
        return Err(Fault::UnofferedScheme);
    }
    may_sign(&peer)?;
    let content = SignedContent::new(signer, transcript);
    let verified = verify::verify_tls13(m.scheme, peer.key.as_spki(), content.as_bytes(), m.signature);
    Ok((peer.trusted, peer.who.signed(m.scheme, verified, cx)?))
}

/// What a ServerKeyExchange's signature covers: both randoms and the parameters
/// (RFC 8422 section 5.4).
pub(crate) struct SignedParams(Vec<u8>);

impl SignedParams {
    /// With the parameters that `encode` writes.
    pub(crate) fn new(randoms: Randoms<'_>, encode: impl FnOnce(&mut Writer<'_>)) -> Self {
        // As long as the longest point makes them.
        let mut bytes = Vec::with_capacity(2 * 32 + 4 + 97);
        bytes.extend_from_slice(randoms.client);
        bytes.extend_from_slice(randoms.server);
        encode(&mut Writer::new(&mut bytes));
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn params(&self) -> Result<ServerEcdhParams<'_>, Fault> {
        ServerEcdhParams::decode(self.0.get(2 * 32..).unwrap_or_default())
    }
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
    cx: &mut Cx<'_>,
) -> Result<(PeerTrusted, SignatureVerified), Fault> {
    if offered.contains(&scheme) && !exchange.signs_with(scheme) {
        return Err(Fault::SchemeDoesNotFitKey);
    }
    verify_signature12(peer, scheme, signed, signature, offered, cx)
}

/// Checks a signature of TLS 1.2 over `signed`.
pub(crate) fn verify_signature12(
    peer: TrustedPeer,
    scheme: SignatureScheme,
    signed: &[u8],
    signature: &[u8],
    offered: &[SignatureScheme],
    cx: &mut Cx<'_>,
) -> Result<(PeerTrusted, SignatureVerified), Fault> {
    if !offered.contains(&scheme) {
        return Err(Fault::UnofferedScheme);
    }
    may_sign(&peer)?;
    let verified = verify::verify_tls12(scheme, peer.key.as_spki(), signed, signature);
    Ok((peer.trusted, peer.who.signed(scheme, verified, cx)?))
}

/// RFC 9846 section 4.5.1.2, RFC 5246 section 7.4.2. A policy has a rule for it;
/// an application that vouches for the chain is not asked about the keyUsage.
fn may_sign(peer: &TrustedPeer) -> Result<(), Fault> {
    if peer.signs { Ok(()) } else { Err(Fault::KeyNotForSigning) }
}

/// Checks the peer's Finished in TLS 1.2 (RFC 5246 section 7.4.9).
pub(crate) fn verify_finished12(
    master: &Ready,
    peer: Side,
    transcript: &Digest,
    verify_data: &[u8],
) -> Result<FinishedVerified, Fault> {
    finished(&master.verify_data(peer, transcript), verify_data)
}

/// The names of the authorities of which this server takes certificates.
pub(crate) fn authorities<'a>(config: &'a ServerConfig, judge: &'a Judge) -> Vec<DistinguishedName<'a>> {
    let of_judge = match judge {
        Judge::Policy(verifier) if config.client_authorities.is_empty() => verifier.roots(),
        Judge::Policy(_) | Judge::Application | Judge::ApplicationNamed(_) => None,
    };
    let named = config.client_authorities.iter().map(Vec::as_slice);
    named.chain(of_judge.into_iter().flat_map(Roots::subjects)).map(DistinguishedName).collect()
}

/// Checks the peer's Finished, which is made from the key that protects it
/// (RFC 9846 section 4.5.3).
pub(crate) fn verify_finished(
    read: &Protection,
    transcript: &Digest,
    verify_data: &[u8],
) -> Result<FinishedVerified, Error> {
    Ok(finished(&tls13::verify_data(read, transcript)?, verify_data)?)
}

/// One of another length is malformed; one with other bytes is well formed, and wrong.
fn finished(expected: &Digest, verify_data: &[u8]) -> Result<FinishedVerified, Fault> {
    match expected.ct_eq(verify_data) {
        true => Ok(FinishedVerified(())),
        false if verify_data.len() != expected.as_bytes().len() => Err(Fault::BadLength),
        false => Err(Fault::BadFinished),
    }
}

fn leaf_key(chain: &[CertificateDer<'static>]) -> Result<PeerKey, Error> {
    let leaf = chain.first().ok_or(Fault::EmptyCertificateList)?;
    Ok(pki::peer_key(leaf).map_err(|_| Fault::UnreadableCertificate)?)
}
