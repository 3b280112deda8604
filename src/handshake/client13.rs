//! The client's handshake in TLS 1.3, after the ServerHello (RFC 9846
//! Appendix A.1, without 0-RTT):
//!
//! ```text
//!                              WAIT_SH
//!                                 | Recv ServerHello
//!                                 | K_recv = handshake, K_send = handshake
//!                                 v
//!                              WAIT_EE
//!                                 | Recv EncryptedExtensions
//!                                 |        Using PSK
//!                                 +-------------------> WAIT_FINISHED
//!                                 | Using certificate
//!                                 v
//!                            WAIT_CERT_CR
//!                Recv Certificate |     | Recv CertificateRequest
//!                                 |     v
//!                                 |  WAIT_CERT
//!                                 |     | Recv Certificate
//!                                 v     v
//!                              WAIT_VERDICT      Verify, perhaps Refused, is asked
//!                                 |
//!                                 v
//!                              WAIT_CV
//!                                 | Recv CertificateVerify
//!                                 v
//!                           WAIT_FINISHED
//!                                 | Recv Finished
//!                                 | K_recv = application
//!                                 | Send [Certificate, (Sign is asked) CertificateVerify]
//!                                 | Send Finished
//!                                 | K_send = application
//!                                 v
//!                             CONNECTED
//! ```

use super::auth::{self, Presented, SignedContent, Signer, TrustedPeer};
use super::context::{
    Awaits, Connected, Cx, Exporter, FinishedVerified, Input, KeyProof, PeerTrusted, Received, Reply,
    Unproven, unexpected,
};
use super::negotiate::{self, Signatures};
use super::resume;
use crate::config::ClientConfig;
use crate::crypto::aead::Protection;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::Level;
use crate::offer::{Offer, Offered, Psk};
use crate::pki::{Report, ServerName};
use crate::question::Question;
use crate::schedule::tls13::{self, EarlySecret, MasterSecret};
use crate::schedule::transcript::Transcript;
use crate::wire::{
    Body, Certificate13, CertificateEntry, CertificateRequest13, CertificateVerify, EncryptedExtensions,
    Finished, HandshakeType, List, Present, ProtocolVersion, ServerHello, SignatureScheme,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitEe(WaitEe),
    WaitCertCr(WaitCertCr),
    WaitCert(WaitCert),
    WaitVerdict(WaitVerdict),
    WaitPerson(WaitPerson),
    WaitCv(WaitCv),
    WaitFinished(WaitFinished),
    WaitSignature(WaitSignature),
    Connected(Connected),
}

impl State {
    #[rustfmt::skip] // a table
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Body::{Certificate13 as Certificate, CertificateRequest13 as CertificateRequest, CertificateVerify};
        use Body::{EncryptedExtensions, Finished};
        use Input::{Message, Reply};
        use State::{Connected, WaitCert, WaitCertCr, WaitCv, WaitEe, WaitFinished, WaitPerson, WaitSignature, WaitVerdict};
        Ok(match (self, input) {
            (WaitEe(s),        Message(EncryptedExtensions(m))) => s.encrypted_extensions(msg, &m, cx)?,
            (WaitCertCr(s),    Message(CertificateRequest(m)))  => WaitCert(s.certificate_request(msg, &m)?),
            (WaitCertCr(s),    Message(Certificate(m)))         => WaitVerdict(s.no_request().certificate(msg, &m)?),
            (WaitCert(s),      Message(Certificate(m)))         => WaitVerdict(s.certificate(msg, &m)?),
            (WaitVerdict(s),   Reply(reply))                    => s.verdict(reply, cx)?,
            (WaitPerson(s),    Reply(reply))                    => WaitCv(s.person(reply)?),
            (WaitCv(s),        Message(CertificateVerify(m)))   => WaitFinished(s.certificate_verify(msg, &m, cx)?),
            (WaitFinished(s),  Message(Finished(m)))            => s.finished(msg, &m, cx)?,
            (WaitSignature(s), Reply(reply))                    => Connected(s.signature(reply, cx)?),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitEe(_)        => ("WaitEe", &[T::ENCRYPTED_EXTENSIONS]),
            Self::WaitCertCr(_)    => ("WaitCertCr", &[T::CERTIFICATE_REQUEST, T::CERTIFICATE]),
            Self::WaitCert(_)      => ("WaitCert", &[T::CERTIFICATE]),
            Self::WaitVerdict(_)   => ("WaitVerdict", &[]),
            Self::WaitPerson(_)    => ("WaitPerson", &[]),
            Self::WaitCv(_)        => ("WaitCv", &[T::CERTIFICATE_VERIFY]),
            Self::WaitFinished(_)  => ("WaitFinished", &[T::FINISHED]),
            Self::WaitSignature(_) => ("WaitSignature", &[]),
            Self::Connected(_)     => ("Connected", &[]),
        }
    }

    pub(crate) fn question(&self) -> Option<Question<'_>> {
        match self {
            Self::WaitVerdict(s) => Some(s.question()),
            Self::WaitPerson(s) => Some(Question::Refused { report: &s.report }),
            Self::WaitSignature(s) => Some(s.question()),
            _ => None,
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitVerdict(s) => auth::judge(&s.b.config.judge, &s.b.config.common, &s.question()),
            Self::WaitSignature(s) => auth::sign(&s.question(), &s.identity),
            _ => None,
        }
    }
}

/// What lives from the ServerHello to the end, handed from state to state.
struct Hs {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    suite: &'static Suite,
    transcript: Transcript,
    master: MasterSecret,
    offered: Present,
    /// The server took the pre-shared key: it was trusted before, until then.
    resumed: Option<(PeerTrusted, Box<Unproven>, u64)>,
    request: Option<Request>,
}

/// The server's CertificateRequest, as far as it matters here.
struct Request {
    /// The certificate to show and the scheme to sign with, if one fits.
    identity: Option<(Arc<Identity>, SignatureScheme)>,
}

pub(super) fn server_hello(
    b: Box<Offered>,
    suite: &'static Suite,
    msg: &Received<'_>,
    m: &ServerHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    let Offered { offer, mut transcript, offered, .. } = *b;
    let share = m.extensions.key_share.ok_or(Fault::MissingKeyShare)?;
    if !offer.shares.entries().any(|(group, _)| group == share.group) {
        return Err(Fault::UnofferedGroup.into());
    }
    cx.info.version = Some(ProtocolVersion::TLS13);
    cx.info.suite = Some(suite.id);
    cx.info.group = Some(share.group);

    let Offer { shares, config, name, psk, .. } = offer;
    let shared = shares.agree(share.group, share.key_exchange).map_err(|_| Fault::BadKeyShare)?;
    transcript.set_hash(suite.hash);
    transcript.add(msg.bytes);
    let hash = transcript.hash();
    let (early, resumed) = match (m.extensions.pre_shared_key, psk) {
        (None, _) => (EarlySecret::new(suite, None, cx.tap), None),
        (Some(0), Some(psk)) => {
            let Psk { session, early, .. } = *psk;
            let early = early.suite_chosen(suite).map_err(|_| Fault::PskHashDiffers)?;
            let (trusted, who) = auth::resumed(session.peer);
            (early, Some((trusted, who, session.trusted_until)))
        }
        (Some(_), _) => return Err(Fault::UnofferedPsk.into()),
    };
    let secret = early.handshake(&shared, cx.tap);
    let client = secret.client_traffic(&hash, cx.tap);
    let server = secret.server_traffic(&hash, cx.tap);
    cx.k_recv(Level::Handshake, server, msg.end()?);
    if !cx.info.retried {
        cx.send_change_cipher_spec()?;
    }
    cx.k_send(Level::Handshake, client)?;
    let master = secret.master(cx.tap);
    let hs = Hs { config, name, suite, transcript, master, offered, resumed, request: None };
    Ok(State::WaitEe(WaitEe(Box::new(hs))))
}

pub(crate) struct WaitEe(Box<Hs>);

impl WaitEe {
    fn encrypted_extensions(
        self,
        msg: &Received<'_>,
        m: &EncryptedExtensions<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let Self(mut b) = self;
        if !m.present().is_subset(b.offered) {
            return Err(Fault::UnofferedExtension.into());
        }
        cx.info.alpn = negotiate::chosen_alpn(&b.config.common, m.alpn)?;
        b.transcript.add(msg.bytes);
        Ok(match b.resumed.take() {
            None => State::WaitCertCr(WaitCertCr(b)),
            Some((trusted, who, until)) => {
                let proof = KeyProof::ByFinished(who);
                State::WaitFinished(WaitFinished { b, trusted_until: Some(until), _trusted: trusted, proof })
            }
        })
    }
}

pub(crate) struct WaitCertCr(Box<Hs>);

impl WaitCertCr {
    fn certificate_request(
        self,
        msg: &Received<'_>,
        m: &CertificateRequest13<'_>,
    ) -> Result<WaitCert, Error> {
        let Self(mut b) = self;
        if !m.context.is_empty() {
            return Err(Fault::NonEmptyContext.into());
        }
        let schemes = m.extensions.signature_algorithms.ok_or(Fault::NoSignatureAlgorithms)?;
        let signatures = Signatures::new(schemes, m.extensions.signature_algorithms_cert);
        let scheme = |identity: &Identity| negotiate::scheme(identity, &signatures);
        let authorities = m.extensions.certificate_authorities.unwrap_or_default();
        let identity = negotiate::client_identity(&b.config, &authorities, &signatures, scheme)?;
        b.request = Some(Request { identity });
        b.transcript.add(msg.bytes);
        Ok(WaitCert(b))
    }

    fn no_request(self) -> WaitCert {
        WaitCert(self.0)
    }
}

pub(crate) struct WaitCert(Box<Hs>);

impl WaitCert {
    fn certificate(self, msg: &Received<'_>, m: &Certificate13<'_>) -> Result<WaitVerdict, Error> {
        let Self(mut b) = self;
        if !m.context.is_empty() {
            return Err(Fault::NonEmptyContext.into());
        }
        if m.entries.is_empty() {
            return Err(Fault::EmptyCertificateList.into());
        }
        if !m.entries.iter().all(|entry| entry.extensions.present().is_subset(b.offered)) {
            return Err(Fault::UnofferedExtension.into());
        }
        let mut presented =
            Presented::new(m.entries.iter().map(|entry| entry.cert_data), b.config.common.longest_chain)?;
        let staple = m.entries.first().and_then(|leaf| leaf.extensions.status_request);
        presented.ocsp = staple.map(|status| Arc::new(status.ocsp_response.to_vec()));
        b.transcript.add(msg.bytes);
        Ok(WaitVerdict { b, presented })
    }
}

pub(crate) struct WaitVerdict {
    b: Box<Hs>,
    presented: Presented,
}

impl WaitVerdict {
    fn question(&self) -> Question<'_> {
        self.presented.question(Some(&self.b.name))
    }

    fn verdict(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { b, presented } = self;
        match auth::verdict(reply, &presented, cx)? {
            Ok(peer) => Ok(State::WaitCv(WaitCv { b, peer })),
            Err(report) if b.config.common.ask_refused => {
                Ok(State::WaitPerson(WaitPerson { b, presented, report }))
            }
            Err(report) => Err(Error::CertificateRefused(report)),
        }
    }
}

pub(crate) struct WaitPerson {
    b: Box<Hs>,
    presented: Presented,
    report: Arc<Report>,
}

impl WaitPerson {
    fn person(self, reply: Reply) -> Result<WaitCv, Error> {
        let Self { b, presented, report } = self;
        Ok(WaitCv { b, peer: auth::person(reply, &presented, report)? })
    }
}

pub(crate) struct WaitCv {
    b: Box<Hs>,
    peer: TrustedPeer,
}

impl WaitCv {
    fn certificate_verify(
        self,
        msg: &Received<'_>,
        m: &CertificateVerify<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<WaitFinished, Error> {
        let Self { mut b, peer } = self;
        // Hash before adding: the signature covers the transcript without this message.
        let hash = b.transcript.hash();
        let (trusted, signature) =
            auth::verify_signature(peer, Signer::Server, &hash, m, &b.config.common.schemes, cx)?;
        b.transcript.add(msg.bytes);
        let proof = KeyProof::Signed(signature);
        Ok(WaitFinished { b, trusted_until: None, _trusted: trusted, proof })
    }
}

pub(crate) struct WaitFinished {
    b: Box<Hs>,
    /// Where the server was trusted before: until when.
    trusted_until: Option<u64>,
    _trusted: PeerTrusted,
    proof: KeyProof,
}

impl WaitFinished {
    fn finished(self, msg: &Received<'_>, m: &Finished<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { mut b, trusted_until, proof, .. } = self;
        // Hash before adding: Finished covers the transcript without itself.
        let finished = auth::verify_finished(cx.read_key()?, &b.transcript.hash(), m.verify_data)?;
        b.transcript.add(msg.bytes);
        let hash = b.transcript.hash();
        let at = b.master.at(&hash, cx.tap);
        cx.k_recv(Level::Application, at.server_traffic(), msg.end()?);
        proof.finished(&finished, cx);
        let own = Own {
            client: at.client_traffic(),
            exporter: Exporter::Tls13(at.exporter()),
            finished,
            trusted_until,
        };
        match b.request.take() {
            None => Ok(State::Connected(own.finish(b, cx)?)),
            Some(Request { identity: None }) => {
                b.transcript.add(cx.send(certificate(&[]))?);
                Ok(State::Connected(own.finish(b, cx)?))
            }
            Some(Request { identity: Some((identity, scheme)) }) => {
                let entries: Vec<_> =
                    identity.chain.iter().map(|der| CertificateEntry::from(&**der)).collect();
                b.transcript.add(cx.send(certificate(&entries))?);
                let content = Box::new(SignedContent::new(Signer::Client, &b.transcript.hash()));
                Ok(State::WaitSignature(WaitSignature { b, own, identity, scheme, content }))
            }
        }
    }
}

fn certificate<'a>(entries: &'a [CertificateEntry<'a>]) -> Body<'a> {
    Body::Certificate13(Certificate13 { context: &[], entries: List::from(entries) })
}

pub(crate) struct WaitSignature {
    b: Box<Hs>,
    own: Own,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
    content: Box<SignedContent>,
}

impl WaitSignature {
    fn question(&self) -> Question<'_> {
        Question::Sign {
            scheme: self.scheme,
            message: self.content.as_bytes(),
            certificate: self.identity.leaf(),
        }
    }

    fn signature(self, reply: Reply, cx: &mut Cx<'_>) -> Result<Connected, Error> {
        let Self { mut b, own, scheme, .. } = self;
        let signature = auth::signature(reply)?;
        cx.info.own_scheme = Some(scheme);
        let verify = CertificateVerify { scheme, signature: &signature };
        b.transcript.add(cx.send(Body::CertificateVerify(verify))?);
        own.finish(b, cx)
    }
}

/// What this side's Finished needs; it is sent only to a server that is who it
/// says, and that saw the handshake which this side saw.
struct Own {
    client: Protection,
    exporter: Exporter,
    finished: FinishedVerified,
    trusted_until: Option<u64>,
}

impl Own {
    fn finish(self, b: Box<Hs>, cx: &mut Cx<'_>) -> Result<Connected, Error> {
        let Hs { config, name, suite, mut transcript, master, .. } = *b;
        let verify_data = tls13::verify_data(cx.write_key()?, &transcript.hash())?;
        transcript.add(cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?);
        cx.k_send(Level::Application, self.client)?;
        let secret = || master.resumption(&transcript.hash(), cx.tap);
        let keeper = resume::keeper(&config, name, suite, self.trusted_until, cx.info, secret);
        Ok(Connected { exporter: self.exporter, finished: self.finished, keeper })
    }
}
