//! The server's handshake in TLS 1.2 (RFC 5246 section 7.3, RFC 8422 section
//! 5; a full handshake; `resumed12` has the other):
//!
//! ```text
//!   ClientHello                  -------->
//!                                                                  WAIT_CERTIFICATE  Certificate is asked; a session
//!                                                                                    of its names is resumed
//!                                                                  WAIT_SESSION      Session is asked, for an id of ours
//!                                                                  WAIT_AGAIN        Verify is asked again
//!                                                  ServerHello
//!                                                  Certificate
//!                                           CertificateStatus*
//!                                            ServerKeyExchange     WAIT_SIGNATURE    Sign is asked
//!                                          CertificateRequest*
//!                                <--------     ServerHelloDone
//!   Certificate* ...                                               WAIT_CERT, or WAIT_CKE: the rest is in flight12
//! ```

use super::auth::{self, SignedParams};
use super::context::{Awaits, Connected, Cx, Input, Received, Reply, unexpected};
use super::flight12::{self, Ephemeral, Hs, OwnKey};
use super::negotiate::{self, Certificates, Given, Offers};
use super::resume;
use super::resumed12::server as resumed;
use crate::config::{Again, ServerConfig, Standing};
use crate::crypto::agree::KeyShares;
use crate::crypto::suite::KeyExchange;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::question::Question;
use crate::schedule::transcript::Transcript;
use crate::session::ServerSession;
use crate::wire::{
    Body, Certificate12, CertificateBytes, CertificateRequest12, CertificateStatus, ClientCertificateType,
    ClientHello, EcPointFormat, Handful, List, ProtocolName, ProtocolVersion, ServerEcdhParams,
    ServerExtensions, ServerHello, ServerHelloDone, ServerKeyExchange, SignatureScheme,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitCertificate(WaitCertificate),
    WaitSession(WaitSession),
    WaitAgain(WaitAgain),
    WaitSignature(WaitSignature),
    Flight(flight12::State),
    Resumed(resumed::State),
    Connected(Connected),
}

impl State {
    #[rustfmt::skip] // a table
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Input::Reply;
        use State::{Flight, Resumed, WaitAgain, WaitCertificate, WaitSession, WaitSignature};
        Ok(match (self, input) {
            (WaitCertificate(s), Reply(reply)) => s.certificate(reply, msg, cx)?,
            (WaitSession(s),     Reply(reply)) => s.session(reply, msg, cx)?,
            (WaitAgain(s),       Reply(reply)) => s.judged(auth::taken_again(reply, cx), &msg.client_hello()?, cx)?,
            (WaitSignature(s),   Reply(reply)) => s.signature(reply, cx)?,
            (Flight(s),          input)        => s.step(input, msg, cx)?.into(),
            (Resumed(s),         input)        => s.step(input, msg, cx)?.into(),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    pub(crate) fn awaits(&self) -> Awaits {
        match self {
            Self::WaitCertificate(_) => ("WaitCertificate", &[]),
            Self::WaitSession(_) => ("WaitSession", &[]),
            Self::WaitAgain(_) => ("WaitAgain", &[]),
            Self::WaitSignature(_) => ("WaitSignature", &[]),
            Self::Flight(s) => s.awaits(),
            Self::Resumed(s) => s.awaits(),
            Self::Connected(_) => ("Connected", &[]),
        }
    }

    pub(crate) fn question<'a>(&'a self, msg: &Received<'a>) -> Option<Question<'a>> {
        match self {
            Self::WaitCertificate(_) => msg.client_hello().ok().map(|hello| Question::Certificate { hello }),
            Self::WaitSession(s) => Some(Question::Session { id: &s.id }),
            Self::WaitAgain(s) => Some(auth::question_again(&s.session.0.peer, None)),
            Self::WaitSignature(s) => Some(s.question()),
            Self::Flight(s) => s.question(),
            Self::Resumed(_) | Self::Connected(_) => None,
        }
    }

    /// Whether there is a question.
    pub(crate) const fn asks(&self) -> bool {
        match self {
            Self::WaitCertificate(_) | Self::WaitSession(_) | Self::WaitAgain(_) | Self::WaitSignature(_) => {
                true
            }
            Self::Flight(s) => s.asks(),
            Self::Resumed(_) | Self::Connected(_) => false,
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitCertificate(s) if !s.b.config.ask_certificate => Some(Reply::Configured),
            Self::WaitSession(s) => resume::in_memory(&s.b.config, &s.id),
            Self::WaitSignature(s) => auth::sign(&s.question(), &s.b.identity),
            Self::Flight(s) => s.answer_in_memory(),
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

impl From<flight12::State> for State {
    fn from(state: flight12::State) -> Self {
        match state {
            flight12::State::Connected(connected) => Self::Connected(connected),
            state => Self::Flight(state),
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
    Ok(State::WaitCertificate(WaitCertificate { b: Box::new(Start { config, transcript, given: None }) }))
}

struct Start {
    config: Arc<ServerConfig>,
    transcript: Transcript,
    given: Given,
}

pub(crate) struct WaitCertificate {
    b: Box<Start>,
}

impl WaitCertificate {
    /// Looks for a session to resume, in the ticket first.
    fn certificate(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let (Self { mut b }, m) = (self, msg.client_hello()?);
        b.given = negotiate::given(reply)?;
        let certificates = Certificates::of(b.given.clone(), &b.config, &m);
        if let Some(session) = resume::session12(&b.config, &certificates, &m)? {
            return again(b, session, &m, cx);
        }
        match resume::id12(&b.config, &m) {
            Some(id) => Ok(State::WaitSession(WaitSession { b, id })),
            None => in_full(b, &m, cx),
        }
    }
}

pub(crate) struct WaitSession {
    b: Box<Start>,
    id: [u8; 32],
}

impl WaitSession {
    fn session(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let (Self { b, id }, m) = (self, msg.client_hello()?);
        let certificates = Certificates::of(b.given.clone(), &b.config, &m);
        match resume::stored12(&b.config, &certificates, (&id, reply), &m)? {
            Some(session) => again(b, session, &m, cx),
            None => in_full(b, &m, cx),
        }
    }
}

/// A session is at hand, whose client is perhaps judged again. With it: whether the
/// client needs no new ticket.
fn again(
    b: Box<Start>,
    session: (ServerSession, bool),
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    let again = WaitAgain { b, session: Box::new(session) };
    let config = &again.b.config;
    match auth::again(&config.common, config.judge(), &again.session.0.peer, None, cx) {
        Again::Asks => Ok(State::WaitAgain(again)),
        judged => again.judged(judged.standing(), m, cx),
    }
}

pub(crate) struct WaitAgain {
    b: Box<Start>,
    session: Box<(ServerSession, bool)>,
}

impl WaitAgain {
    /// Resumes the session, or asks for the certificate anew.
    fn judged(
        self,
        standing: Option<Standing>,
        m: &ClientHello<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let Some(standing) = standing else { return in_full(self.b, m, cx) };
        let Start { config, transcript, .. } = *self.b;
        Ok(resumed::client_hello(config, *self.session, &standing, transcript, m, cx)?.into())
    }
}

/// Sends all up to the ServerKeyExchange, which must be signed.
fn in_full(b: Box<Start>, m: &ClientHello<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
    let Start { config, mut transcript, given } = *b;
    let certificates = Certificates::of(given, &config, m);
    let offers = Offers::of(m);
    let usable = |identity: &Identity| negotiate::suite12(&config.common, identity, &offers);
    let (identity, chosen) = certificates.choose(&offers, usable, &mut cx.info.reasons)?;
    let (suite, exchange, why) = chosen;
    cx.info.suite = Some(suite.id);
    cx.info.reasons.suite = Some(why);
    let extended_master_secret = m.extensions.extended_master_secret && config.common.extended_master_secret;
    cx.info.extended_master_secret = extended_master_secret;
    let (wants_ticket, id) = resume::kept12(&config, m, cx)?;
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
        session_id: id.as_ref().map_or(&[], |id| id),
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
        id,
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
    b.transcript.add(cx.send(Body::ServerHelloDone(ServerHelloDone))?);
    Ok(flight12::awaited(b, own).into())
}
