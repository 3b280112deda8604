//! What a server of TLS 1.2 awaits of its client behind its own flight (RFC 5246
//! section 7.3):
//!
//! ```text
//!   Client                                              Server
//!
//!                                <--------     ServerHelloDone
//!   Certificate*                                                   WAIT_CERT
//!                                                                  WAIT_VERDICT      Verify, perhaps Refused, is asked
//!   ClientKeyExchange                                              WAIT_CKE          (static RSA: Decrypt is asked)
//!   CertificateVerify*                                             WAIT_CV
//!   K_recv [ChangeCipherSpec]                                      WAIT_CCS
//!   Finished                     -------->                         WAIT_FINISHED
//!                                            NewSessionTicket*
//!                                    [ChangeCipherSpec]  K_send
//!                                <--------            Finished
//!                                                                  CONNECTED
//! ```

use super::auth::{self, Presented, SignedParams, TrustedPeer};
use super::context::{
    Awaits, Connected, Cx, Exporter, Holds, Input, PeerTrusted, Received, Reply, SignatureVerified,
    unexpected,
};
use super::resume::{self, Origin};
use crate::config::ServerConfig;
use crate::crypto::aead::Protection;
use crate::crypto::agree::KeyShares;
use crate::crypto::kdf::Digest;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::Level;
use crate::pki::Report;
use crate::question::Question;
use crate::record::RecordEnd;
use crate::schedule::Side;
use crate::schedule::tls12::{KeyBlock, MasterSecret, PreMasterSecret, Randoms};
use crate::schedule::transcript::Transcript;
use crate::session::Peer;
#[cfg(feature = "static-rsa")]
use crate::wire::ProtocolVersion;
use crate::wire::{
    Body, Certificate12, CertificateVerify, ClientKeyExchange, Finished, HandshakeType, NamedGroup,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitCert(WaitCert),
    WaitVerdict(WaitVerdict),
    WaitPerson(WaitPerson),
    WaitCke(WaitCke),
    #[cfg(feature = "static-rsa")]
    WaitDecrypted(WaitDecrypted),
    WaitCv(WaitCv),
    WaitCcs(WaitCcs),
    WaitFinished(WaitFinished),
    Connected(Connected),
}

impl State {
    #[rustfmt::skip] // a table
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Body::{Certificate12 as Certificate, CertificateVerify, ClientKeyExchange, Finished};
        use Input::{ChangeCipherSpec, Message, Reply};
        use State::{Connected, WaitCcs, WaitCert, WaitCke, WaitCv, WaitFinished, WaitPerson, WaitVerdict};
        Ok(match (self, input) {
            (WaitCert(s),     Message(Certificate(m)))       => s.certificate(msg, &m)?,
            (WaitVerdict(s),  Reply(reply))                  => s.verdict(reply, msg, cx)?,
            (WaitPerson(s),   Reply(reply))                  => WaitCke(s.person(reply, msg)?),
            (WaitCke(s),      Message(ClientKeyExchange(m))) => s.client_key_exchange(msg, &m, cx)?,
            #[cfg(feature = "static-rsa")]
            (Self::WaitDecrypted(s), Reply(reply))           => s.decrypted(reply, cx)?,
            (WaitCv(s),       Message(CertificateVerify(m))) => WaitCcs(s.certificate_verify(msg, &m, cx)?),
            (WaitCcs(s),      ChangeCipherSpec(end))         => WaitFinished(s.change_cipher_spec(end, cx)?),
            (WaitFinished(s), Message(Finished(m)))          => Connected(s.finished(msg, &m, cx)?),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitCert(_)      => ("WaitCert", &[T::CERTIFICATE]),
            Self::WaitVerdict(_)   => ("WaitVerdict", &[]),
            Self::WaitPerson(_)    => ("WaitPerson", &[]),
            Self::WaitCke(_)       => ("WaitCke", &[T::CLIENT_KEY_EXCHANGE]),
            #[cfg(feature = "static-rsa")]
            Self::WaitDecrypted(_) => ("WaitDecrypted", &[]),
            Self::WaitCv(_)        => ("WaitCv", &[T::CERTIFICATE_VERIFY]),
            Self::WaitCcs(_)       => ("WaitCcs", &[]),
            Self::WaitFinished(_)  => ("WaitFinished", &[T::FINISHED]),
            Self::Connected(_)     => ("Connected", &[]),
        }
    }

    pub(crate) fn question(&self) -> Option<Question<'_>> {
        match self {
            Self::WaitVerdict(s) => Some(s.question()),
            Self::WaitPerson(s) => Some(Question::Refused { report: &s.report }),
            #[cfg(feature = "static-rsa")]
            Self::WaitDecrypted(s) => Some(s.question()),
            _ => None,
        }
    }

    /// Whether there is a question.
    pub(crate) const fn asks(&self) -> bool {
        match self {
            Self::WaitVerdict(_) | Self::WaitPerson(_) => true,
            #[cfg(feature = "static-rsa")]
            Self::WaitDecrypted(_) => true,
            _ => false,
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitVerdict(s) => auth::judge(s.b.config.judge()?, &s.b.config.common, &s.question()),
            #[cfg(feature = "static-rsa")]
            Self::WaitDecrypted(s) => auth::decrypt(&s.question(), &s.b.identity),
            _ => None,
        }
    }
}

/// What lives from the ServerHello to the end, handed from state to state.
pub(super) struct Hs {
    pub(super) config: Arc<ServerConfig>,
    pub(super) identity: Arc<Identity>,
    pub(super) suite: &'static Suite,
    pub(super) client_random: [u8; 32],
    pub(super) server_random: [u8; 32],
    /// ClientHello.client_version, which the pre-master secret repeats.
    #[cfg(feature = "static-rsa")]
    pub(super) client_version: ProtocolVersion,
    pub(super) extended_master_secret: bool,
    pub(super) wants_ticket: bool,
    /// Under which the session will be kept.
    pub(super) id: Option<[u8; 32]>,
    pub(super) transcript: Transcript,
    pub(super) client: Option<TrustedPeer>,
}

impl Hs {
    pub(super) fn randoms(&self) -> Randoms<'_> {
        Randoms { client: &self.client_random, server: &self.server_random }
    }
}

/// This server's ephemeral key, as it was generated and is to be signed.
pub(super) struct Ephemeral {
    pub(super) group: NamedGroup,
    pub(super) shares: KeyShares,
    pub(super) signed: SignedParams,
}

/// The ephemeral key; none with static RSA.
pub(super) type OwnKey = Option<Box<Ephemeral>>;

/// The server's flight is out.
pub(super) fn awaited(b: Box<Hs>, own: OwnKey) -> State {
    match b.config.judge() {
        Some(_) => State::WaitCert(WaitCert { b, own }),
        None => State::WaitCke(WaitCke { b, own }),
    }
}

pub(crate) struct WaitCert {
    b: Box<Hs>,
    own: OwnKey,
}

impl WaitCert {
    fn certificate(self, msg: &Received<'_>, m: &Certificate12<'_>) -> Result<State, Error> {
        let Self { mut b, own } = self;
        if m.certificates.is_empty() {
            b.transcript.drop_messages();
            b.transcript.add(msg.bytes);
            return match b.config.requires_certificate() {
                // TLS 1.2 has no certificate_required (RFC 5246 section 7.4.6).
                true => Err(Fault::CertificateRequired12.into()),
                false => Ok(State::WaitCke(WaitCke { b, own })),
            };
        }
        // The message stays where it came until the verdict: it is not kept twice.
        let presented = Presented::new(
            m.certificates.iter().map(|certificate| certificate.0),
            b.config.common.longest_chain,
        )?;
        Ok(State::WaitVerdict(WaitVerdict { b, own, presented }))
    }
}

pub(crate) struct WaitVerdict {
    b: Box<Hs>,
    own: OwnKey,
    presented: Presented,
}

impl WaitVerdict {
    fn question(&self) -> Question<'_> {
        self.presented.question(None)
    }

    fn verdict(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { mut b, own, presented } = self;
        match auth::verdict(reply, &presented, cx)? {
            Ok(peer) => {
                b.transcript.add(msg.bytes);
                b.client = Some(peer);
                Ok(State::WaitCke(WaitCke { b, own }))
            }
            Err(report) if b.config.common.ask_refused => {
                Ok(State::WaitPerson(WaitPerson { b, own, presented, report }))
            }
            Err(report) => Err(Error::CertificateRefused(report)),
        }
    }
}

pub(crate) struct WaitPerson {
    b: Box<Hs>,
    own: OwnKey,
    presented: Presented,
    report: Arc<Report>,
}

impl WaitPerson {
    fn person(self, reply: Reply, msg: &Received<'_>) -> Result<WaitCke, Error> {
        let Self { mut b, own, presented, report } = self;
        b.client = Some(auth::person(reply, &presented, report)?);
        b.transcript.add(msg.bytes);
        Ok(WaitCke { b, own })
    }
}

pub(crate) struct WaitCke {
    b: Box<Hs>,
    own: OwnKey,
}

impl WaitCke {
    fn client_key_exchange(
        self,
        msg: &Received<'_>,
        m: &ClientKeyExchange<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let Self { mut b, own } = self;
        b.transcript.add(msg.bytes);
        match own {
            Some(own) => {
                let Ephemeral { group, shares, .. } = *own;
                let shared = shares.agree(group, m.ecdhe()?).map_err(|_| Fault::BadKeyShare)?;
                Ok(keys(b, PreMasterSecret::new(shared), cx))
            }
            #[cfg(feature = "static-rsa")]
            None => Ok(State::WaitDecrypted(WaitDecrypted { encrypted: m.rsa()?.to_vec(), b })),
            #[cfg(not(feature = "static-rsa"))]
            None => Err(Fault::UnexpectedMessage.into()),
        }
    }
}

#[cfg(feature = "static-rsa")]
pub(crate) struct WaitDecrypted {
    b: Box<Hs>,
    encrypted: Vec<u8>,
}

#[cfg(feature = "static-rsa")]
impl WaitDecrypted {
    fn question(&self) -> Question<'_> {
        Question::Decrypt { encrypted: &self.encrypted, certificate: self.b.identity.leaf() }
    }

    /// Whatever came of it, the handshake goes on as if all were well: a wrong
    /// pre-master secret shows in the Finished, and nowhere before.
    fn decrypted(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let shared = auth::decrypted(reply, self.b.client_version, cx.entropy)?;
        Ok(keys(self.b, PreMasterSecret::new(shared), cx))
    }
}

/// The key exchange is done: the master secret.
fn keys(mut b: Box<Hs>, pre_master: PreMasterSecret, cx: &mut Cx<'_>) -> State {
    let master = match b.extended_master_secret {
        true => pre_master.extended(b.suite, &b.transcript.hash(), cx.tap),
        false => pre_master.classic(b.suite, b.randoms(), cx.tap),
    };
    match b.client.take() {
        Some(peer) => State::WaitCv(WaitCv { b, master, peer }),
        None => State::WaitCcs(WaitCcs { b, master, _client: None }),
    }
}

pub(crate) struct WaitCv {
    b: Box<Hs>,
    master: MasterSecret,
    peer: TrustedPeer,
}

impl WaitCv {
    fn certificate_verify(
        self,
        msg: &Received<'_>,
        m: &CertificateVerify<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<WaitCcs, Error> {
        let Self { mut b, master, peer } = self;
        // Before adding: the signature covers the messages without this one.
        let signed = b.transcript.signed()?;
        let schemes = &b.config.common.schemes;
        let client = auth::verify_signature12(peer, m.scheme, signed, m.signature, schemes, cx)?;
        b.transcript.drop_messages();
        b.transcript.add(msg.bytes);
        Ok(WaitCcs { b, master, _client: Some(client) })
    }
}

/// The client is who it says, where it showed a certificate.
type Client = Option<(PeerTrusted, SignatureVerified)>;

pub(crate) struct WaitCcs {
    b: Box<Hs>,
    master: MasterSecret,
    _client: Client,
}

impl WaitCcs {
    fn change_cipher_spec(self, end: RecordEnd, cx: &mut Cx<'_>) -> Result<WaitFinished, Error> {
        let Self { b, master, .. } = self;
        let KeyBlock { client, server } = master.ready().key_block(b.randoms(), cx.tap)?;
        cx.k_recv(Level::Application, client, end);
        Ok(WaitFinished { b, master, server })
    }
}

pub(crate) struct WaitFinished {
    b: Box<Hs>,
    master: MasterSecret,
    server: Protection,
}

impl WaitFinished {
    fn finished(self, msg: &Received<'_>, m: &Finished<'_>, cx: &mut Cx<'_>) -> Result<Connected, Error> {
        let Self { mut b, master, server } = self;
        let ready = master.ready();
        let finished = auth::verify_finished12(&ready, Side::Client, &b.transcript.hash(), m.verify_data)?;
        // Nothing of this handshake may follow.
        msg.end()?;
        b.transcript.add(msg.bytes);
        if b.wants_ticket {
            let (origin, peer) = (Origin::from(&*b.identity), Peer::of(cx.info));
            resume::send_ticket12(&b.config, (b.suite, &master), &origin, peer, &mut b.transcript, cx)?;
        }
        if let Some(id) = b.id {
            resume::store12(&b.config, id, (b.suite, &master), &Origin::from(&*b.identity), cx)?;
        }
        cx.send_change_cipher_spec()?;
        cx.k_send(Level::Application, server)?;
        let verify_data = ready.verify_data(Side::Server, &b.transcript.hash());
        cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?;
        let exporter =
            Exporter::tls12(master, b.randoms(), &Digest::new(m.verify_data), b.extended_master_secret);
        Ok(Connected { exporter, finished, holds: Holds::Shown(b.identity) })
    }
}
