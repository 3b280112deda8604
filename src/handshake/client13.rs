//! The client's handshake in TLS 1.3, after the ServerHello (RFC 9846
//! Appendix A.1):
//!
//! ```text
//!                              WAIT_SH            Early data can go, where it is offered
//!                                 | Recv ServerHello
//!                                 | K_recv = handshake
//!                                 | K_send = handshake, unless early data may yet be accepted
//!                                 v
//!                              WAIT_EE            Early data can go
//!                                 | Recv EncryptedExtensions
//!                                 | [K_send = handshake, where it rejects early data]
//!                                 |        Using PSK
//!                                 +----> (WAIT_AGAIN) ----> WAIT_FINISHED   Accepted early data can go
//!                                 |                         Verify is asked, where it is to be again
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
//!                                 | [Send EndOfEarlyData, K_send = handshake]
//!                                 | Send [Certificate, (Sign is asked) CertificateVerify]
//!                                 | Send Finished
//!                                 | K_send = application
//!                                 v
//!                             CONNECTED
//! ```

use super::auth::{self, Presented, SignedContent, Signer, TrustedPeer};
use super::context::{
    Awaits, Connected, Cx, Exporter, FinishedVerified, Holds, Input, KeyProof, PeerTrusted, Received, Reply,
    Unproven, unexpected,
};
use super::negotiate::{self, Signatures};
use super::resume;
use crate::config::Standing;
use crate::crypto::aead::Protection;
use crate::crypto::agree::{KeyShares, SharedSecret};
use crate::crypto::suite::Suite;
use crate::early::{EarlyData, EarlyReason};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::Level;
use crate::offer::{Chosen, Early, Offer, Offered, Psk};
use crate::pki::Report;
use crate::question::Question;
use crate::schedule::tls13::{self, EarlySecret, MasterSecret};
use crate::session::Peer;
use crate::wire::{
    Body, Certificate13, CertificateEntry, CertificateRequest13, CertificateVerify, EncryptedExtensions,
    EndOfEarlyData, Finished, HandshakeType, List, ProtocolVersion, ServerHello, SignatureScheme,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitEe(WaitEe),
    WaitAgain(WaitAgain),
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
        use State::{Connected, WaitAgain, WaitCert, WaitCertCr, WaitCv, WaitEe, WaitFinished, WaitPerson};
        use State::{WaitSignature, WaitVerdict};
        Ok(match (self, input) {
            (WaitEe(s),        Message(EncryptedExtensions(m))) => s.encrypted_extensions(msg, &m, cx)?,
            (WaitAgain(s),     Reply(reply))                    => WaitFinished(s.again(reply)?),
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
            Self::WaitAgain(_)     => ("WaitAgain", &[]),
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

    /// The early data that may go here.
    pub(crate) fn early_data(&self) -> Option<&Early> {
        match self {
            Self::WaitEe(WaitEe(hs)) | Self::WaitFinished(WaitFinished { hs, .. }) => {
                hs.early.as_ref().map(|(early, _)| &**early)
            }
            _ => None,
        }
    }

    pub(crate) fn question(&self) -> Option<Question<'_>> {
        match self {
            Self::WaitAgain(s) => Some(s.question()),
            Self::WaitVerdict(s) => Some(s.question()),
            Self::WaitPerson(s) => Some(Question::Refused { report: &s.report }),
            Self::WaitSignature(s) => Some(s.question()),
            _ => None,
        }
    }

    /// Whether there is a question.
    pub(crate) const fn asks(&self) -> bool {
        matches!(
            self,
            Self::WaitAgain(_) | Self::WaitVerdict(_) | Self::WaitPerson(_) | Self::WaitSignature(_)
        )
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitVerdict(s) => {
                let config = &s.hs.b.offer.config;
                auth::judge(config.judge(), &config.common, &s.question())
            }
            Self::WaitSignature(s) => auth::sign(&s.question(), &s.identity),
            _ => None,
        }
    }
}

/// What lives from the ServerHello to the end, handed from state to state.
struct Hs {
    /// The rest of what was offered, and the transcript.
    b: Box<Offered>,
    suite: &'static Suite,
    /// Until the exporter's secret takes its place, where no session is kept.
    master: Option<MasterSecret>,
    /// Early data that was not rejected, and the handshake key that waits for its end.
    early: Option<(Box<Early>, Protection)>,
    /// The server took a pre-shared key.
    resumed: Option<Known>,
    request: Option<Request>,
}

/// Whose pre-shared key the server took.
enum Known {
    /// That of a session.
    Before(Resumed),
    /// One of the configuration.
    ByKey(PeerTrusted, Box<Unproven>),
}

/// Who the server was before, and until when it is trusted for that.
struct Resumed {
    peer: Peer,
    trusted_until: u64,
}

/// The server's CertificateRequest, as far as it matters here.
struct Request {
    /// The certificate to show and the scheme to sign with, if one fits.
    identity: Option<(Arc<Identity>, SignatureScheme)>,
}

pub(super) fn server_hello(
    mut b: Box<Offered>,
    suite: &'static Suite,
    msg: &Received<'_>,
    m: &ServerHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    cx.info.version = Some(ProtocolVersion::TLS13);
    cx.info.suite = Some(suite.id);
    let shared = agree(&mut b.offer, suite, m, cx)?;
    b.transcript.set_hash(suite.hash);
    b.transcript.add(msg.bytes);
    let hash = b.transcript.hash();
    let chosen = m.extensions.pre_shared_key.map(|place| b.offer.chosen(place).ok_or(Fault::UnofferedPsk));
    let (early_secret, resumed, rejected) = match chosen.transpose()? {
        None if b.offer.config.requires_pre_shared_key => return Err(Fault::NoPskChosen.into()),
        None => (EarlySecret::new(suite, None, cx.tap), None, Some(EarlyReason::NotResumed)),
        Some(Chosen::Session(psk)) => {
            let Psk { session, early, .. } = *psk;
            let rejected = (suite.id != session.suite.id).then_some(EarlyReason::OtherSuite);
            let session = Resumed { peer: session.peer, trusted_until: session.trusted_until };
            (early, Some(Known::Before(session)), rejected)
        }
        Some(Chosen::Key(key)) => {
            let (trusted, who) = auth::pre_shared(&key.key.of);
            (key.early, Some(Known::ByKey(trusted, who)), Some(EarlyReason::NotTheFirst))
        }
    };
    let early_secret = early_secret.suite_chosen(suite).map_err(|_| Fault::PskHashDiffers)?;
    let secret = early_secret.handshake(&shared, cx.tap);
    let client = secret.client_traffic(&hash, cx.tap);
    let server = secret.server_traffic(&hash, cx.tap);
    cx.k_recv(Level::Handshake, server, msg.end()?);
    let master = Some(secret.master(cx.tap));
    let mut hs = Hs { b, suite, master, early: None, resumed, request: None };
    match hs.b.offer.early.take() {
        None => {
            if !cx.info.retried {
                cx.send_change_cipher_spec()?;
            }
            cx.k_send(Level::Handshake, client)?;
        }
        Some(early) => {
            hs.early = Some((early, client));
            if let Some(why) = rejected {
                hs.reject_early_data(why, cx)?;
            }
        }
    }
    Ok(State::WaitEe(WaitEe(hs)))
}

impl Hs {
    /// No more early data goes.
    fn reject_early_data(&mut self, why: EarlyReason, cx: &mut Cx<'_>) -> Result<(), Error> {
        if let Some((_, client)) = self.early.take() {
            cx.info.early_data = EarlyData::Rejected(why);
            cx.k_send(Level::Handshake, client)?;
        }
        Ok(())
    }

    /// The server accepts early data: what it was offered for must be as it was (RFC
    /// 9846 sections 4.3.10 and 4.3.11).
    fn accept_early_data(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match &self.early {
            Some((early, _)) if early.alpn == cx.info.alpn => cx.info.early_data = EarlyData::Accepted,
            Some(_) => return Err(Fault::EarlyDataOtherAlpn),
            None if cx.info.early_data == EarlyData::Rejected(EarlyReason::OtherSuite) => {
                return Err(Fault::EarlyDataOtherSuite);
            }
            None => return Err(Fault::EarlyDataOtherPsk),
        }
        Ok(())
    }
}

/// What this side's share and the server's come to, or "0" in psk_ke.
fn agree(
    offer: &mut Offer,
    suite: &'static Suite,
    m: &ServerHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<SharedSecret, Error> {
    // None are left.
    let shares = std::mem::replace(&mut offer.shares, KeyShares::generate(&[], cx.entropy)?);
    match (m.extensions.key_share, m.extensions.pre_shared_key) {
        (Some(share), _) if shares.entries().any(|(group, _)| group == share.group) => {
            cx.info.group = Some(share.group);
            Ok(shares.agree(share.group, share.key_exchange).map_err(|_| Fault::BadKeyShare)?)
        }
        (Some(_), _) => Err(Fault::UnofferedGroup.into()),
        (None, Some(_)) if offer.config.common.psk_ke => Ok(SharedSecret::none(suite.hash)),
        (None, Some(_)) => Err(Fault::PskWithoutKeyShare.into()),
        (None, None) => Err(Fault::MissingKeyShare.into()),
    }
}

pub(crate) struct WaitEe(Hs);

impl WaitEe {
    fn encrypted_extensions(
        self,
        msg: &Received<'_>,
        m: &EncryptedExtensions<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let Self(mut hs) = self;
        if !m.early_data {
            // Before all else: an alert goes under the key that the server reads with.
            let same_alpn = hs
                .early
                .as_ref()
                .is_some_and(|(early, _)| early.alpn.as_deref() == m.alpn.map(|name| name.0));
            let why = if same_alpn { EarlyReason::Unsaid } else { EarlyReason::OtherAlpn };
            hs.reject_early_data(why, cx)?;
        }
        if !m.present().is_subset(hs.b.offered) {
            return Err(Fault::UnofferedExtension.into());
        }
        cx.info.alpn = negotiate::chosen_alpn(&hs.b.offer.config.common, m.alpn)?;
        if m.early_data {
            hs.accept_early_data(cx)?;
        }
        hs.b.transcript.add(msg.bytes);
        Ok(match (hs.resumed.take(), hs.b.offer.standing.take()) {
            (None, _) => State::WaitCertCr(WaitCertCr(hs)),
            (Some(Known::ByKey(trusted, who)), _) => {
                let proof = KeyProof::ByFinished(who);
                State::WaitFinished(WaitFinished { hs, trusted_until: None, _trusted: trusted, proof })
            }
            (Some(Known::Before(session)), Some(standing)) => {
                State::WaitFinished(session.stands(hs, &standing))
            }
            (Some(Known::Before(session)), None) => State::WaitAgain(WaitAgain { hs, session }),
        })
    }
}

impl Resumed {
    fn stands(self, hs: Hs, standing: &Standing) -> WaitFinished {
        let (trusted, who) = auth::resumed(self.peer, standing);
        let (trusted_until, proof) = (Some(self.trusted_until), KeyProof::ByFinished(who));
        WaitFinished { hs, trusted_until, _trusted: trusted, proof }
    }
}

/// The application judges the server again.
pub(crate) struct WaitAgain {
    hs: Hs,
    session: Resumed,
}

impl WaitAgain {
    fn question(&self) -> Question<'_> {
        auth::question_again(&self.session.peer, Some(&self.hs.b.offer.name))
    }

    fn again(self, reply: Reply) -> Result<WaitFinished, Error> {
        let Self { hs, session } = self;
        Ok(session.stands(hs, &auth::answered_again(reply)?))
    }
}

pub(crate) struct WaitCertCr(Hs);

impl WaitCertCr {
    fn certificate_request(
        self,
        msg: &Received<'_>,
        m: &CertificateRequest13<'_>,
    ) -> Result<WaitCert, Error> {
        let Self(mut hs) = self;
        if !m.context.is_empty() {
            return Err(Fault::NonEmptyContext.into());
        }
        let schemes = m.extensions.signature_algorithms.ok_or(Fault::NoSignatureAlgorithms)?;
        let signatures = Signatures::new(schemes, m.extensions.signature_algorithms_cert);
        let scheme = |identity: &Identity| negotiate::scheme(identity, &signatures);
        let authorities = m.extensions.certificate_authorities.unwrap_or_default();
        let identity = negotiate::client_identity(&hs.b.offer.config, &authorities, &signatures, scheme)?;
        hs.request = Some(Request { identity });
        hs.b.transcript.add(msg.bytes);
        Ok(WaitCert(hs))
    }

    fn no_request(self) -> WaitCert {
        WaitCert(self.0)
    }
}

pub(crate) struct WaitCert(Hs);

impl WaitCert {
    fn certificate(self, msg: &Received<'_>, m: &Certificate13<'_>) -> Result<WaitVerdict, Error> {
        let Self(mut hs) = self;
        if !m.context.is_empty() {
            return Err(Fault::NonEmptyContext.into());
        }
        if m.entries.is_empty() {
            return Err(Fault::EmptyCertificateList.into());
        }
        if !m.entries.iter().all(|entry| entry.extensions.present().is_subset(hs.b.offered)) {
            return Err(Fault::UnofferedExtension.into());
        }
        let mut presented = Presented::new(
            m.entries.iter().map(|entry| entry.cert_data),
            hs.b.offer.config.common.longest_chain,
        )?;
        let staple = m.entries.first().and_then(|leaf| leaf.extensions.status_request);
        presented.ocsp = staple.map(|status| Arc::new(status.ocsp_response.to_vec()));
        hs.b.transcript.add(msg.bytes);
        Ok(WaitVerdict { hs, presented })
    }
}

pub(crate) struct WaitVerdict {
    hs: Hs,
    presented: Presented,
}

impl WaitVerdict {
    fn question(&self) -> Question<'_> {
        self.presented.question(Some(&self.hs.b.offer.name))
    }

    fn verdict(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { hs, presented } = self;
        match auth::verdict(reply, &presented, cx)? {
            Ok(peer) => Ok(State::WaitCv(WaitCv { hs, peer })),
            Err(report) if hs.b.offer.config.common.ask_refused => {
                Ok(State::WaitPerson(WaitPerson { hs, presented, report }))
            }
            Err(report) => Err(Error::CertificateRefused(report)),
        }
    }
}

pub(crate) struct WaitPerson {
    hs: Hs,
    presented: Presented,
    report: Arc<Report>,
}

impl WaitPerson {
    fn person(self, reply: Reply) -> Result<WaitCv, Error> {
        let Self { hs, presented, report } = self;
        Ok(WaitCv { hs, peer: auth::person(reply, &presented, report)? })
    }
}

pub(crate) struct WaitCv {
    hs: Hs,
    peer: TrustedPeer,
}

impl WaitCv {
    fn certificate_verify(
        self,
        msg: &Received<'_>,
        m: &CertificateVerify<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<WaitFinished, Error> {
        let Self { mut hs, peer } = self;
        // Hash before adding: the signature covers the transcript without this message.
        let hash = hs.b.transcript.hash();
        let (trusted, signature) =
            auth::verify_signature(peer, Signer::Server, &hash, m, &hs.b.offer.config.common.schemes, cx)?;
        hs.b.transcript.add(msg.bytes);
        let proof = KeyProof::Signed(signature);
        Ok(WaitFinished { hs, trusted_until: None, _trusted: trusted, proof })
    }
}

pub(crate) struct WaitFinished {
    hs: Hs,
    /// Where the server was trusted before: until when.
    trusted_until: Option<u64>,
    _trusted: PeerTrusted,
    proof: KeyProof,
}

impl WaitFinished {
    fn finished(self, msg: &Received<'_>, m: &Finished<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { mut hs, trusted_until, proof, .. } = self;
        // Hash before adding: Finished covers the transcript without itself.
        let finished = auth::verify_finished(cx.read_key()?, &hs.b.transcript.hash(), m.verify_data)?;
        hs.b.transcript.add(msg.bytes);
        let hash = hs.b.transcript.hash();
        let master = hs.master.take().ok_or(Fault::UnexpectedMessage)?;
        let at = master.at(&hash, cx.tap);
        cx.k_recv(Level::Application, at.server_traffic(), msg.end()?);
        proof.finished(&finished, cx);
        let mut early_exporter = None;
        if let Some((early, client)) = hs.early.take() {
            hs.b.transcript.add(cx.send(Body::EndOfEarlyData(EndOfEarlyData))?);
            cx.k_send(Level::Handshake, client)?;
            early_exporter = Some(early.exporter);
        }
        let client = at.client_traffic();
        let exporter;
        (exporter, hs.master) = master.exporter(&at, hs.b.offer.config.resumption().is_some());
        let own =
            Own { client, exporter: Exporter::tls13(exporter, early_exporter), finished, trusted_until };
        match hs.request.take() {
            None => Ok(State::Connected(own.finish(hs, cx)?)),
            Some(Request { identity: None }) => {
                hs.b.transcript.add(cx.send(certificate(&[]))?);
                Ok(State::Connected(own.finish(hs, cx)?))
            }
            Some(Request { identity: Some((identity, scheme)) }) => {
                let entries: Vec<_> =
                    identity.chain.iter().map(|der| CertificateEntry::from(&**der)).collect();
                hs.b.transcript.add(cx.send(certificate(&entries))?);
                let content = Box::new(SignedContent::new(Signer::Client, &hs.b.transcript.hash()));
                Ok(State::WaitSignature(WaitSignature { hs, own, identity, scheme, content }))
            }
        }
    }
}

fn certificate<'a>(entries: &'a [CertificateEntry<'a>]) -> Body<'a> {
    Body::Certificate13(Certificate13 { context: &[], entries: List::from(entries) })
}

pub(crate) struct WaitSignature {
    hs: Hs,
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
        let Self { mut hs, own, scheme, .. } = self;
        let signature = auth::signature(reply)?;
        cx.info.own_scheme = Some(scheme);
        let verify = CertificateVerify { scheme, signature: &signature };
        hs.b.transcript.add(cx.send(Body::CertificateVerify(verify))?);
        own.finish(hs, cx)
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
    fn finish(self, hs: Hs, cx: &mut Cx<'_>) -> Result<Connected, Error> {
        let Hs { b, suite, master, .. } = hs;
        let Offered { offer: Offer { config, name, .. }, mut transcript, .. } = *b;
        let verify_data = tls13::verify_data(cx.write_key()?, &transcript.hash())?;
        transcript.add(cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?);
        cx.k_send(Level::Application, self.client)?;
        let secret = || Some(master?.resumption(&transcript.hash(), cx.tap));
        let keeper = resume::keeper(&config, name, suite, self.trusted_until, cx.info, secret);
        let holds = keeper.map_or(Holds::Nothing, Holds::Keeper);
        Ok(Connected { exporter: self.exporter, finished: self.finished, holds })
    }
}
