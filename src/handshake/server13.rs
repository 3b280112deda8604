//! The server's handshake in TLS 1.3 (RFC 9846 Appendix A.2, without 0-RTT):
//!
//! ```text
//!                               START
//!                Recv ClientHello |
//!                                 v          no share of a common group
//!                              RECVD_CH ---- Send HelloRetryRequest ---> WAIT_SECOND_HELLO
//!                                 |                                        | Recv ClientHello
//!                                 |<---------------------------------------+
//!                                 v
//!                          WAIT_CERTIFICATE       Certificate is asked
//!                                 |        Using PSK of its names
//!                                 +-------------------> Send ServerHello, EncryptedExtensions, Finished
//!                                 |                        | the keys change as below
//!                                 |                        v
//!                                 | Send ServerHello    WAIT_FINISHED
//!                                 | K_send = handshake, K_recv = handshake
//!                                 | Send EncryptedExtensions, [CertificateRequest], Certificate
//!                                 v
//!                           WAIT_SIGNATURE       Sign is asked
//!                                 | Send CertificateVerify, Finished
//!                                 | K_send = application
//!                                 v
//!                            WAIT_FLIGHT2
//!                       No request |   | Certificate requested
//!                                  |   v
//!                                  | WAIT_CERT --- empty ---+
//!                                  |   | Recv Certificate   |
//!                                  |   v                    |
//!                                  | WAIT_VERDICT           |   Verify, perhaps Refused, is asked
//!                                  |   v                    |
//!                                  | WAIT_CV                |
//!                                  |   | Recv CertificateVerify
//!                                  v   v                    v
//!                               WAIT_FINISHED <-------------+
//!                                 | Recv Finished
//!                                 | K_recv = application
//!                                 | Send [NewSessionTicket ...]
//!                                 v
//!                             CONNECTED
//! ```

use super::auth::{self, Presented, SignedContent, Signer, TrustedPeer};
use super::context::{
    Awaits, Connected, Cx, Exporter, Holds, Input, PeerTrusted, Received, Reply, SignatureVerified, Unproven,
    unexpected,
};
use super::negotiate::{self, Certificates, Exchange, Offers};
use super::resume::{self, Identified, Origin, Psk, Tickets};
use super::retry::{self, Memory, Retry};
use crate::config::ServerConfig;
use crate::crypto::aead::Protection;
use crate::crypto::agree;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::Level;
use crate::pki::Report;
use crate::question::Question;
use crate::schedule::tls13::{self, EarlySecret, MasterSecret};
use crate::schedule::transcript::Transcript;
use crate::wire::{
    Body, Certificate13, CertificateEntry, CertificateRequest13, CertificateStatus, CertificateVerify,
    ClientHello, EncryptedExtensions, Finished, Handful, HandshakeType, KeyShareEntry, List, ProtocolName,
    ProtocolVersion, RequestExtensions, ServerExtensions, ServerHello, SignatureScheme,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitSecondHello(WaitSecondHello),
    WaitCertificate(WaitCertificate),
    WaitSignature(WaitSignature),
    WaitCert(WaitCert),
    WaitVerdict(WaitVerdict),
    WaitPerson(WaitPerson),
    WaitCv(WaitCv),
    WaitFinished(WaitFinished),
    Connected(Connected),
}

impl State {
    #[rustfmt::skip] // a table
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Body::{Certificate13 as Certificate, CertificateVerify, ClientHello, Finished};
        use Input::{Message, Reply};
        use State::{Connected, WaitCert, WaitCertificate, WaitCv, WaitFinished};
        use State::{WaitPerson, WaitSecondHello, WaitSignature, WaitVerdict};
        Ok(match (self, input) {
            (WaitSecondHello(s), Message(ClientHello(m)))       => s.client_hello(msg, &m, cx)?,
            (WaitCertificate(s), Reply(reply))                  => s.certificate(reply, msg, cx)?,
            (WaitSignature(s),   Reply(reply))                  => s.signature(reply, cx)?,
            (WaitCert(s),        Message(Certificate(m)))       => s.certificate(msg, &m)?,
            (WaitVerdict(s),     Reply(reply))                  => s.verdict(reply, cx)?,
            (WaitPerson(s),      Reply(reply))                  => WaitCv(s.person(reply)?),
            (WaitCv(s),          Message(CertificateVerify(m))) => WaitFinished(s.certificate_verify(msg, &m, cx)?),
            (WaitFinished(s),    Message(Finished(m)))          => Connected(s.finished(msg, &m, cx)?),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitSecondHello(_) => ("WaitSecondHello", &[T::CLIENT_HELLO]),
            Self::WaitCertificate(_) => ("WaitCertificate", &[]),
            Self::WaitSignature(_)   => ("WaitSignature", &[]),
            Self::WaitCert(_)        => ("WaitCert", &[T::CERTIFICATE]),
            Self::WaitVerdict(_)     => ("WaitVerdict", &[]),
            Self::WaitPerson(_)      => ("WaitPerson", &[]),
            Self::WaitCv(_)          => ("WaitCv", &[T::CERTIFICATE_VERIFY]),
            Self::WaitFinished(_)    => ("WaitFinished", &[T::FINISHED]),
            Self::Connected(_)       => ("Connected", &[]),
        }
    }

    /// Whether the server's Finished is out and no client certificate was
    /// requested: the time of half-RTT data (RFC 9846 section 4.5.3).
    pub(crate) fn allows_half_rtt(&self) -> bool {
        matches!(self, Self::WaitFinished(WaitFinished { s, .. }) if s.b.config.half_rtt && s.b.config.judge().is_none())
    }

    pub(crate) fn question<'a>(&'a self, msg: &Received<'a>) -> Option<Question<'a>> {
        match self {
            Self::WaitCertificate(_) => msg.client_hello().ok().map(|hello| Question::Certificate { hello }),
            Self::WaitSignature(s) => Some(s.question()),
            Self::WaitVerdict(s) => Some(s.question()),
            Self::WaitPerson(s) => Some(Question::Refused { report: &s.report }),
            _ => None,
        }
    }

    /// Whether there is a question.
    pub(crate) const fn asks(&self) -> bool {
        matches!(
            self,
            Self::WaitCertificate(_) | Self::WaitSignature(_) | Self::WaitVerdict(_) | Self::WaitPerson(_)
        )
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitCertificate(s) if !s.b.config.ask_certificate => Some(Reply::Configured),
            Self::WaitSignature(s) => auth::sign(&s.question(), &s.identity),
            Self::WaitVerdict(s) => match s.s.b.config.judge() {
                Some(judge) => auth::judge(judge, &s.s.b.config.common, &s.question()),
                None => None,
            },
            _ => None,
        }
    }
}

/// RECVD_CH for the first ClientHello.
pub(super) fn client_hello(
    config: Arc<ServerConfig>,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    let (suite, why) = negotiate::suite(&config.common, &Offers::of(m))?;
    cx.info.reasons.suite = Some(why);
    let (groups, shares) = negotiate::check(m)?;
    let (exchange, why) = negotiate::exchange(&config, &groups, &shares)?;
    cx.info.reasons.group = Some(why);
    if m.extensions.early_data {
        cx.read.skip_early_data();
    }
    let mut transcript = Transcript::new();
    transcript.set_hash(suite.hash);
    match exchange {
        Exchange::With(share) => negotiated(config, suite, transcript, share, msg, m, cx),
        Exchange::Retry(group) => {
            transcript.add(msg.bytes);
            let resumes = resume::known_psks(&config, suite, m).next().is_some();
            let (invariants, first_hello) = (retry::invariants(m), transcript.hash());
            let memory = Memory { suite, group, resumes, invariants, first_hello };
            msg.end()?;
            cx.info.retried = true;
            let b = Box::new(Retry::ask(config, memory, m.session_id, cx)?);
            Ok(State::WaitSecondHello(WaitSecondHello { b }))
        }
    }
}

#[cfg(test)]
impl State {
    /// The server of an RFC's trace made its cookie in its own way.
    pub(crate) fn expect_cookie(&mut self, cookie: &[u8]) {
        if let Self::WaitSecondHello(s) = self {
            s.b.cookie = cookie.to_vec();
        }
    }
}

pub(crate) struct WaitSecondHello {
    b: Box<Retry>,
}

impl WaitSecondHello {
    /// From a cookie, on a connection that does not remember sending it.
    pub(super) fn recall(
        config: Arc<ServerConfig>,
        cookie: &[u8],
        m: &ClientHello<'_>,
    ) -> Result<Self, Error> {
        Ok(Self { b: Box::new(Retry::recall(config, cookie, m)?) })
    }

    pub(super) fn client_hello(
        self,
        msg: &Received<'_>,
        m: &ClientHello<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let share = self.b.second_hello(m)?;
        let Retry { config, memory, transcript, .. } = *self.b;
        cx.info.retried = true;
        negotiated(config, memory.suite, transcript, share, msg, m, cx)
    }
}

/// NEGOTIATED: all is chosen but the certificate. Its names say which sessions are
/// this server's, though it is not shown where one is resumed.
fn negotiated(
    config: Arc<ServerConfig>,
    suite: &'static Suite,
    transcript: Transcript,
    share: KeyShareEntry<'_>,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    // The keys change behind this message.
    msg.end()?;
    cx.info.version = Some(ProtocolVersion::TLS13);
    cx.info.suite = Some(suite.id);
    cx.info.group = Some(share.group);
    let name = m.extensions.server_name.and_then(|name| std::str::from_utf8(name).ok());
    cx.info.server_name = name.map(Into::into);
    negotiate::server_name(&config, m)?;
    cx.info.alpn = negotiate::alpn(&config.common, m.extensions.alpn)?.map(Into::into);
    let b = Box::new(Hs { config, suite, transcript, tickets: 0, content: None, shown: None });
    Ok(State::WaitCertificate(WaitCertificate { b }))
}

/// What lives from the ClientHello to the end, handed from state to state.
struct Hs {
    config: Arc<ServerConfig>,
    suite: &'static Suite,
    transcript: Transcript,
    /// How many go to the client.
    tickets: u8,
    /// What is signed, if anything is.
    content: Option<SignedContent>,
    /// Who signed it.
    shown: Option<Arc<Identity>>,
}

/// Sends ServerHello and EncryptedExtensions; the keys change between them.
fn server_hello(
    b: &mut Hs,
    psk: Option<(u16, EarlySecret)>,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<MasterSecret, Error> {
    let Hs { config, suite, transcript, tickets, .. } = b;
    let group = cx.info.group;
    let share = m.extensions.key_share.and_then(|shares| shares.iter().find(|s| Some(s.group) == group));
    let share = share.ok_or(Fault::MissingKeyShare)?;
    let (key_exchange, shared) =
        agree::respond(share.group, share.key_exchange, cx.entropy).map_err(|_| Fault::BadKeyShare)?;
    let mut random = [0; 32];
    cx.entropy.fill(&mut random)?;
    transcript.add(cx.send(Body::ServerHello(ServerHello {
        legacy_version: ProtocolVersion::TLS12,
        random: &random,
        session_id: m.session_id,
        cipher_suite: suite.id,
        compression_method: 0,
        extensions: ServerExtensions {
            supported_versions: Some(ProtocolVersion::TLS13),
            key_share: Some(KeyShareEntry { group: share.group, key_exchange: &key_exchange }),
            pre_shared_key: psk.as_ref().map(|(place, _)| *place),
            ..ServerExtensions::default()
        },
    }))?);
    if !cx.info.retried && !m.session_id.is_empty() {
        cx.send_change_cipher_spec()?;
    }

    let hash = transcript.hash();
    let resumes = psk.is_some();
    *tickets = resume::tickets_to_send(config, m, resumes);
    let early = psk.map_or_else(|| EarlySecret::new(suite, None, cx.tap), |(_, early)| early);
    let secret = early.handshake(&shared, cx.tap);
    let client = secret.client_traffic(&hash, cx.tap);
    let server = secret.server_traffic(&hash, cx.tap);
    cx.k_send(Level::Handshake, server)?;
    cx.k_recv(Level::Handshake, client, msg.end()?);

    let alpn = cx.info.alpn.clone();
    transcript.add(cx.send(Body::EncryptedExtensions(EncryptedExtensions {
        // Not where a session is resumed (RFC 6066 section 3).
        server_name: m.extensions.server_name.is_some() && !resumes,
        alpn: alpn.as_deref().map(ProtocolName),
        ticket_request:
            m.extensions.ticket_request.filter(|_| config.resumption().is_some()).map(|_| *tickets),
        ..EncryptedExtensions::default()
    }))?);
    Ok(secret.master(cx.tap))
}

pub(crate) struct WaitCertificate {
    b: Box<Hs>,
}

impl WaitCertificate {
    /// Looks for a session to resume.
    fn certificate(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { b } = self;
        let (m, config) = (msg.client_hello()?, Arc::clone(&b.config));
        let certificates = Certificates::of(negotiate::given(reply)?, &config, &m);
        match resume::identified(&config, b.suite, &certificates, &m) {
            Some(identified) => bound(b, identified, msg, &m, cx),
            None => in_full(b, certificates, msg, &m, cx),
        }
    }
}

/// The session is this server's; that it is the client's, too, the binder shows.
fn bound(
    mut b: Box<Hs>,
    identified: Identified,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    // Before adding: a binder covers a part of this message only.
    let psk = identified.bound(b.suite, &b.transcript, (msg, m), cx.tap)?;
    b.transcript.add(msg.bytes);
    resumed(b, psk, msg, m, cx)
}
/// The server's whole flight, where a session is resumed.
fn resumed(
    mut b: Box<Hs>,
    psk: Psk,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    let Psk { place, session, early } = psk;
    let origin = Origin::from(&session);
    let (trusted, who) = auth::resumed(session.peer);
    let master = server_hello(&mut b, Some((place, early)), msg, m, cx)?;
    let s = finish(b, master, origin, cx)?;
    Ok(State::WaitFinished(WaitFinished { s, client: Client::Resumed { _trusted: trusted, who } }))
}

/// The server's flight up to its Certificate, where nothing is resumed.
fn in_full(
    mut b: Box<Hs>,
    certificates: Certificates<'_>,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    m.extensions.signature_algorithms.ok_or(Fault::MissingExtensionInClientHello)?;
    let offers = Offers::of(m);
    let signs = |identity: &Identity| negotiate::scheme_of_hello(identity, &offers);
    let (identity, scheme) = certificates.choose(&offers, signs, &mut cx.info.reasons)?;

    b.transcript.add(msg.bytes);
    let master = server_hello(&mut b, None, msg, m, cx)?;
    if let Some(judge) = b.config.judge() {
        let authorities = auth::authorities(&b.config, judge);
        b.transcript.add(cx.send(Body::CertificateRequest13(CertificateRequest13 {
            context: &[],
            extensions: RequestExtensions {
                signature_algorithms: Some(List::from(&b.config.common.schemes[..])),
                certificate_authorities: (!authorities.is_empty()).then(|| List::from(&authorities[..])),
                ..RequestExtensions::default()
            },
        }))?);
    }
    let staple = CertificateStatus { ocsp_response: identity.ocsp() };
    let stapled = m.extensions.status_request.is_some() && !identity.ocsp().is_empty();
    let entries = identity.chain().iter().enumerate().map(|(place, der)| {
        let mut entry = CertificateEntry::from(&**der);
        entry.extensions.status_request = (stapled && place == 0).then_some(staple);
        entry
    });
    let entries: Handful<_> = entries.collect();
    let certificate = Certificate13 { context: &[], entries: List::from(&entries[..]) };
    b.transcript.add(cx.send(Body::Certificate13(certificate))?);

    cx.info.own_scheme = Some(scheme);
    b.content = Some(SignedContent::new(Signer::Server, &b.transcript.hash()));
    Ok(State::WaitSignature(WaitSignature { b, master, identity, scheme }))
}

pub(crate) struct WaitSignature {
    b: Box<Hs>,
    master: MasterSecret,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
}

impl WaitSignature {
    fn question(&self) -> Question<'_> {
        Question::Sign {
            scheme: self.scheme,
            message: self.b.content.as_ref().map_or(&[], SignedContent::as_bytes),
            certificate: self.identity.leaf(),
        }
    }

    fn signature(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { mut b, master, identity, scheme } = self;
        let signature = auth::signature(reply)?;
        let verify = CertificateVerify { scheme, signature: &signature };
        b.transcript.add(cx.send(Body::CertificateVerify(verify))?);
        let origin = Origin::from(&*identity);
        b.shown = Some(identity);
        let s = finish(b, master, origin, cx)?;
        Ok(match s.b.config.judge() {
            Some(_) => State::WaitCert(WaitCert(s)),
            None => State::WaitFinished(WaitFinished { s, client: Client::NotAsked }),
        })
    }
}

/// Sends the server's Finished.
fn finish(mut b: Box<Hs>, master: MasterSecret, origin: Origin, cx: &mut Cx<'_>) -> Result<Flight2, Error> {
    let verify_data = tls13::verify_data(cx.write_key()?, &b.transcript.hash())?;
    b.transcript.add(cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?);

    let hash = b.transcript.hash();
    let at = master.at(&hash, cx.tap);
    cx.k_send(Level::Application, at.server_traffic())?;
    let client_application = at.client_traffic();
    let (exporter, master) = master.exporter(&at, b.tickets > 0);
    let count = b.tickets;
    let tickets = master.map(|master| Box::new(Tickets { suite: b.suite, master, origin, count }));
    Ok(Flight2 { b, client_application, exporter: Exporter::tls13(exporter, None), tickets })
}

/// While the client's second flight is awaited.
struct Flight2 {
    b: Box<Hs>,
    client_application: Protection,
    exporter: Exporter,
    tickets: Option<Box<Tickets>>,
}

pub(crate) struct WaitCert(Flight2);

impl WaitCert {
    fn certificate(self, msg: &Received<'_>, m: &Certificate13<'_>) -> Result<State, Error> {
        let Self(mut s) = self;
        if !m.context.is_empty() {
            return Err(Fault::NonEmptyContext.into());
        }
        s.b.transcript.add(msg.bytes);
        if m.entries.is_empty() {
            return match s.b.config.requires_certificate() {
                true => Err(Fault::CertificateRequired.into()),
                false => Ok(State::WaitFinished(WaitFinished { s, client: Client::Declined })),
            };
        }
        // Nothing was asked for beside the certificates.
        if m.entries.iter().any(|entry| !entry.extensions.is_empty()) {
            return Err(Fault::UnofferedExtension.into());
        }
        let presented =
            Presented::new(m.entries.iter().map(|entry| entry.cert_data), s.b.config.common.longest_chain)?;
        Ok(State::WaitVerdict(WaitVerdict { s, presented }))
    }
}

pub(crate) struct WaitVerdict {
    s: Flight2,
    presented: Presented,
}

impl WaitVerdict {
    fn question(&self) -> Question<'_> {
        self.presented.question(None)
    }

    fn verdict(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { s, presented } = self;
        match auth::verdict(reply, &presented, cx)? {
            Ok(peer) => Ok(State::WaitCv(WaitCv { s, peer })),
            Err(report) if s.b.config.common.ask_refused => {
                Ok(State::WaitPerson(WaitPerson { s, presented, report }))
            }
            Err(report) => Err(Error::CertificateRefused(report)),
        }
    }
}

pub(crate) struct WaitPerson {
    s: Flight2,
    presented: Presented,
    report: Arc<Report>,
}

impl WaitPerson {
    fn person(self, reply: Reply) -> Result<WaitCv, Error> {
        let Self { s, presented, report } = self;
        Ok(WaitCv { s, peer: auth::person(reply, &presented, report)? })
    }
}

pub(crate) struct WaitCv {
    s: Flight2,
    peer: TrustedPeer,
}

impl WaitCv {
    fn certificate_verify(
        self,
        msg: &Received<'_>,
        m: &CertificateVerify<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<WaitFinished, Error> {
        let Self { mut s, peer } = self;
        // Hash before adding: the signature covers the transcript without this message.
        let hash = s.b.transcript.hash();
        let (trusted, signature) =
            auth::verify_signature(peer, Signer::Client, &hash, m, &s.b.config.common.schemes, cx)?;
        s.b.transcript.add(msg.bytes);
        Ok(WaitFinished { s, client: Client::Proven { _trusted: trusted, _signature: signature } })
    }
}

/// What this server knows of the client when it awaits its Finished.
enum Client {
    NotAsked,
    Declined,
    Proven {
        _trusted: PeerTrusted,
        _signature: SignatureVerified,
    },
    /// What it was in the session that is resumed.
    Resumed {
        _trusted: PeerTrusted,
        who: Box<Unproven>,
    },
}

pub(crate) struct WaitFinished {
    s: Flight2,
    client: Client,
}

impl WaitFinished {
    fn finished(self, msg: &Received<'_>, m: &Finished<'_>, cx: &mut Cx<'_>) -> Result<Connected, Error> {
        let Self { s: Flight2 { mut b, client_application, exporter, tickets }, client } = self;
        let finished = auth::verify_finished(cx.read_key()?, &b.transcript.hash(), m.verify_data)?;
        cx.k_recv(Level::Application, client_application, msg.end()?);
        b.transcript.add(msg.bytes);
        if let Client::Resumed { who, .. } = client {
            who.by_finished(&finished, cx);
        }
        if let Some(tickets) = tickets {
            tickets.send(&b.config, &b.transcript, cx)?;
        }
        Ok(Connected { exporter, finished, holds: b.shown.map_or(Holds::Nothing, Holds::Shown) })
    }
}
