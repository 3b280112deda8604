//! The server's handshake in TLS 1.2 (RFC 5246 section 7.3, RFC 8422 section
//! 5; a full handshake; `resumed12` has the other):
//!
//! ```text
//!   ClientHello                  -------->
//!                                                                  WAIT_CERTIFICATE  Certificate is asked; a session
//!                                                                                    of its names is resumed
//!                                                                  WAIT_AGAIN        Verify is asked again
//!                                                  ServerHello
//!                                                  Certificate
//!                                           CertificateStatus*
//!                                            ServerKeyExchange     WAIT_SIGNATURE    Sign is asked
//!                                          CertificateRequest*
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
use super::negotiate::{self, Certificates, Given, Offers};
use super::resume::{self, Origin};
use super::resumed12::server as resumed;
use crate::config::{Again, ServerConfig, Standing};
use crate::crypto::aead::Protection;
use crate::crypto::agree::KeyShares;
use crate::crypto::kdf::Digest;
use crate::crypto::suite::{KeyExchange, Suite};
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
use crate::session::{Peer, ServerSession};
use crate::wire::{
    Body, Certificate12, CertificateBytes, CertificateRequest12, CertificateStatus, CertificateVerify,
    ClientCertificateType, ClientHello, ClientKeyExchange, EcPointFormat, Finished, Handful, HandshakeType,
    List, NamedGroup, ProtocolName, ProtocolVersion, ServerEcdhParams, ServerExtensions, ServerHello,
    ServerHelloDone, ServerKeyExchange, SignatureScheme,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitCertificate(WaitCertificate),
    WaitAgain(WaitAgain),
    WaitSignature(WaitSignature),
    WaitCert(WaitCert),
    WaitVerdict(WaitVerdict),
    WaitPerson(WaitPerson),
    WaitCke(WaitCke),
    #[cfg(feature = "static-rsa")]
    WaitDecrypted(WaitDecrypted),
    WaitCv(WaitCv),
    WaitCcs(WaitCcs),
    WaitFinished(WaitFinished),
    Resumed(resumed::State),
    Connected(Connected),
}

impl State {
    #[rustfmt::skip] // a table
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Body::{Certificate12 as Certificate, CertificateVerify, ClientKeyExchange, Finished};
        use Input::{ChangeCipherSpec, Message, Reply};
        use State::{Connected, Resumed, WaitAgain, WaitCcs, WaitCert, WaitCertificate, WaitCke};
        use State::{WaitCv, WaitFinished, WaitPerson, WaitSignature, WaitVerdict};
        Ok(match (self, input) {
            (WaitCertificate(s), Reply(reply))                  => s.certificate(reply, msg, cx)?,
            (WaitAgain(s),       Reply(reply))                  => s.judged(auth::taken_again(reply, cx), &msg.client_hello()?, cx)?,
            (WaitSignature(s),   Reply(reply))                  => s.signature(reply, cx)?,
            (WaitCert(s),        Message(Certificate(m)))       => s.certificate(msg, &m)?,
            (WaitVerdict(s),     Reply(reply))                  => s.verdict(reply, msg, cx)?,
            (WaitPerson(s),      Reply(reply))                  => WaitCke(s.person(reply, msg)?),
            (WaitCke(s),         Message(ClientKeyExchange(m))) => s.client_key_exchange(msg, &m, cx)?,
            #[cfg(feature = "static-rsa")]
            (Self::WaitDecrypted(s), Reply(reply))              => s.decrypted(reply, cx)?,
            (WaitCv(s),          Message(CertificateVerify(m))) => WaitCcs(s.certificate_verify(msg, &m, cx)?),
            (WaitCcs(s),         ChangeCipherSpec(end))         => WaitFinished(s.change_cipher_spec(end, cx)?),
            (WaitFinished(s),    Message(Finished(m)))          => Connected(s.finished(msg, &m, cx)?),
            (Resumed(s),         input)                         => s.step(input, msg, cx)?.into(),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitCertificate(_) => ("WaitCertificate", &[]),
            Self::WaitAgain(_)       => ("WaitAgain", &[]),
            Self::WaitSignature(_)   => ("WaitSignature", &[]),
            Self::WaitCert(_)        => ("WaitCert", &[T::CERTIFICATE]),
            Self::WaitVerdict(_)     => ("WaitVerdict", &[]),
            Self::WaitPerson(_)      => ("WaitPerson", &[]),
            Self::WaitCke(_)         => ("WaitCke", &[T::CLIENT_KEY_EXCHANGE]),
            #[cfg(feature = "static-rsa")]
            Self::WaitDecrypted(_)   => ("WaitDecrypted", &[]),
            Self::WaitCv(_)          => ("WaitCv", &[T::CERTIFICATE_VERIFY]),
            Self::WaitCcs(_)         => ("WaitCcs", &[]),
            Self::WaitFinished(_)    => ("WaitFinished", &[T::FINISHED]),
            Self::Resumed(s)         => s.awaits(),
            Self::Connected(_)       => ("Connected", &[]),
        }
    }

    pub(crate) fn question<'a>(&'a self, msg: &Received<'a>) -> Option<Question<'a>> {
        match self {
            Self::WaitCertificate(_) => msg.client_hello().ok().map(|hello| Question::Certificate { hello }),
            Self::WaitAgain(s) => Some(auth::question_again(&s.session.0.peer, None)),
            Self::WaitSignature(s) => Some(s.question()),
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
            Self::WaitCertificate(_)
            | Self::WaitAgain(_)
            | Self::WaitSignature(_)
            | Self::WaitVerdict(_)
            | Self::WaitPerson(_) => true,
            #[cfg(feature = "static-rsa")]
            Self::WaitDecrypted(_) => true,
            _ => false,
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitCertificate(s) if !s.b.config.ask_certificate => Some(Reply::Configured),
            Self::WaitSignature(s) => auth::sign(&s.question(), &s.b.identity),
            Self::WaitVerdict(s) => match s.b.config.judge() {
                Some(judge) => auth::judge(judge, &s.b.config.common, &s.question()),
                None => None,
            },
            #[cfg(feature = "static-rsa")]
            Self::WaitDecrypted(s) => auth::decrypt(&s.question(), &s.b.identity),
            _ => None,
        }
    }
}

impl From<resumed::State> for State {
    fn from(state: resumed::State) -> Self {
        match state {
            resumed::State::Connected(connected) => Self::Connected(connected),
            state => Self::Resumed(state),
        }
    }
}

/// RECVD_CH: the version is chosen; a session, suite and group wait for the certificate.
pub(super) fn client_hello(
    config: Arc<ServerConfig>,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    if !m.compression_methods.contains(&0) {
        return Err(Fault::NullCompressionMissing.into());
    }
    let (e, secure) = (&m.extensions, negotiate::secure_renegotiation(m));
    let (bound, points) = (e.extended_master_secret, e.ec_point_formats);
    negotiate::extensions12(&config.common, e.renegotiation_info, secure, bound, points)?;
    // A client says no more until it has this server's flight.
    msg.end()?;
    let name = m.extensions.server_name.and_then(|name| std::str::from_utf8(name).ok());
    cx.info.version = Some(ProtocolVersion::TLS12);
    cx.info.server_name = name.map(Into::into);
    negotiate::server_name(&config, m)?;
    cx.info.alpn = negotiate::alpn(&config.common, m.extensions.alpn)?.map(Into::into);
    let mut transcript = Transcript::new();
    transcript.add(msg.bytes);
    Ok(State::WaitCertificate(WaitCertificate { b: Box::new(Start { config, transcript }) }))
}

struct Start {
    config: Arc<ServerConfig>,
    transcript: Transcript,
}

pub(crate) struct WaitCertificate {
    b: Box<Start>,
}

/// What lives from the ServerHello to the end, handed from state to state.
struct Hs {
    config: Arc<ServerConfig>,
    identity: Arc<Identity>,
    suite: &'static Suite,
    client_random: [u8; 32],
    server_random: [u8; 32],
    /// ClientHello.client_version, which the pre-master secret repeats.
    #[cfg(feature = "static-rsa")]
    client_version: ProtocolVersion,
    extended_master_secret: bool,
    wants_ticket: bool,
    transcript: Transcript,
    client: Option<TrustedPeer>,
}

impl Hs {
    fn randoms(&self) -> Randoms<'_> {
        Randoms { client: &self.client_random, server: &self.server_random }
    }
}

impl WaitCertificate {
    /// Looks for a session to resume.
    fn certificate(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let m = msg.client_hello()?;
        let given = negotiate::given(reply)?;
        let certificates = Certificates::of(given.clone(), &self.b.config, &m);
        let Some(session) = resume::session12(&self.b.config, &certificates, &m)? else {
            return in_full(self.b, given, &m, cx);
        };
        let again = WaitAgain { session: Box::new(session), b: self.b, given };
        let config = &again.b.config;
        match auth::again(&config.common, config.judge(), &again.session.0.peer, None, cx) {
            Again::Asks => Ok(State::WaitAgain(again)),
            judged => again.judged(judged.standing(), &m, cx),
        }
    }
}

/// A session is at hand, whose client is perhaps judged again.
pub(crate) struct WaitAgain {
    b: Box<Start>,
    session: Box<(ServerSession, bool)>,
    given: Given,
}

impl WaitAgain {
    /// Resumes the session, or asks for the certificate anew.
    fn judged(
        self,
        standing: Option<Standing>,
        m: &ClientHello<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let Some(standing) = standing else { return in_full(self.b, self.given, m, cx) };
        let Start { config, transcript } = *self.b;
        Ok(resumed::client_hello(config, *self.session, &standing, transcript, m, cx)?.into())
    }
}

/// Sends all up to the ServerKeyExchange, which must be signed.
fn in_full(b: Box<Start>, given: Given, m: &ClientHello<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
    let Start { config, mut transcript } = *b;
    let certificates = Certificates::of(given, &config, m);
    let offers = Offers::of(m);
    let usable = |identity: &Identity| negotiate::suite12(&config.common, identity, &offers);
    let (identity, chosen) = certificates.choose(&offers, usable, &mut cx.info.reasons)?;
    let (suite, exchange, why) = chosen;
    cx.info.suite = Some(suite.id);
    cx.info.reasons.suite = Some(why);
    let extended_master_secret = m.extensions.extended_master_secret && config.common.extended_master_secret;
    cx.info.extended_master_secret = extended_master_secret;
    let wants_ticket = resume::wants_ticket12(&config, m, extended_master_secret);
    let status = m.extensions.status_request.is_some() && !identity.ocsp().is_empty();

    let random = resumed::server_random(&config, cx)?;
    // A client's CertificateVerify would sign the messages themselves.
    match config.judge() {
        Some(_) => transcript.set_hash_keeping_messages(suite.hash),
        None => transcript.set_hash(suite.hash),
    }
    let alpn = cx.info.alpn.clone();
    transcript.add(cx.send(Body::ServerHello(ServerHello {
        legacy_version: ProtocolVersion::TLS12,
        random: &random,
        session_id: &[],
        cipher_suite: suite.id,
        compression_method: 0,
        extensions: ServerExtensions {
            renegotiation_info: negotiate::secure_renegotiation(m).then_some(&[]),
            server_name: m.extensions.server_name.is_some(),
            extended_master_secret,
            session_ticket: wants_ticket,
            status_request: status,
            ec_point_formats:
                m.extensions.ec_point_formats.map(|_| List::from(&[EcPointFormat::UNCOMPRESSED])),
            alpn: alpn.as_deref().map(ProtocolName),
            ..ServerExtensions::default()
        },
    }))?);
    let certificates: Handful<_> = identity.chain().iter().map(|der| CertificateBytes(der)).collect();
    let certificate = Certificate12 { certificates: List::from(&certificates[..]) };
    transcript.add(cx.send(Body::Certificate12(certificate))?);
    if status {
        let staple = CertificateStatus { ocsp_response: identity.ocsp() };
        transcript.add(cx.send(Body::CertificateStatus(staple))?);
    }
    let b = Box::new(Hs {
        config,
        identity,
        suite,
        client_random: *m.random,
        server_random: random,
        #[cfg(feature = "static-rsa")]
        client_version: m.legacy_version,
        extended_master_secret,
        wants_ticket,
        transcript,
        client: None,
    });
    match exchange {
        KeyExchange::EcdheEcdsa | KeyExchange::EcdheRsa => server_key_exchange(b, &offers, cx),
        #[cfg(feature = "static-rsa")]
        KeyExchange::Rsa => server_hello_done(b, None, cx),
    }
}

/// Makes the ephemeral key, and asks for its signature.
fn server_key_exchange(b: Box<Hs>, offers: &Offers<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
    let (group, why) = negotiate::group12(&b.config.common, offers)?;
    cx.info.group = Some(group);
    cx.info.reasons.group = Some(why);
    let scheme = negotiate::scheme_of_hello12(&b.identity, offers)?;
    let shares = KeyShares::generate(&[group], cx.entropy)?;
    let signed = SignedParams::new(b.randoms(), |w| {
        shares.entries().for_each(|(group, public)| ServerEcdhParams::encode(group, public, w));
    });
    Ok(State::WaitSignature(WaitSignature { b, own: Box::new(Ephemeral { group, shares, signed }), scheme }))
}

/// This server's ephemeral key, as it was generated and is to be signed.
struct Ephemeral {
    group: NamedGroup,
    shares: KeyShares,
    signed: SignedParams,
}

pub(crate) struct WaitSignature {
    b: Box<Hs>,
    own: Box<Ephemeral>,
    scheme: SignatureScheme,
}

impl WaitSignature {
    fn question(&self) -> Question<'_> {
        Question::Sign {
            scheme: self.scheme,
            message: self.own.signed.as_bytes(),
            certificate: self.b.identity.leaf(),
        }
    }

    fn signature(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { mut b, own, scheme } = self;
        let signature = auth::signature(reply)?;
        cx.info.own_scheme = Some(scheme);
        let exchange = ServerKeyExchange { params: own.signed.params()?, scheme, signature: &signature };
        b.transcript.add(cx.send(Body::ServerKeyExchange(exchange))?);
        server_hello_done(b, Some(own), cx)
    }
}

/// Ends this server's flight.
fn server_hello_done(mut b: Box<Hs>, own: OwnKey, cx: &mut Cx<'_>) -> Result<State, Error> {
    let asked = b.config.judge().map(|judge| auth::authorities(&b.config, judge));
    if let Some(authorities) = &asked {
        const TYPES: &[ClientCertificateType] =
            &[ClientCertificateType::ECDSA_SIGN, ClientCertificateType::RSA_SIGN];
        b.transcript.add(cx.send(Body::CertificateRequest12(CertificateRequest12 {
            certificate_types: List::from(TYPES),
            signature_algorithms: List::from(&b.config.common.schemes[..]),
            certificate_authorities: List::from(&authorities[..]),
        }))?);
    }
    let asked = asked.is_some();
    b.transcript.add(cx.send(Body::ServerHelloDone(ServerHelloDone))?);
    Ok(match asked {
        true => State::WaitCert(WaitCert { b, own }),
        false => State::WaitCke(WaitCke { b, own }),
    })
}

/// The ephemeral key; none with static RSA.
type OwnKey = Option<Box<Ephemeral>>;

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
        cx.send_change_cipher_spec()?;
        cx.k_send(Level::Application, server)?;
        let verify_data = ready.verify_data(Side::Server, &b.transcript.hash());
        cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?;
        let exporter =
            Exporter::tls12(master, b.randoms(), &Digest::new(m.verify_data), b.extended_master_secret);
        Ok(Connected { exporter, finished, holds: Holds::Shown(b.identity) })
    }
}
