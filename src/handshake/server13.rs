//! The server's handshake in TLS 1.3 (RFC 9846 Appendix A.2):
//!
//! ```text
//!                               START
//!                Recv ClientHello |
//!                                 v          no share of a common group
//!                              RECVD_CH ---- Send HelloRetryRequest ---> WAIT_SECOND_HELLO
//!                                 |                                        | Recv ClientHello
//!                                 |<---------------------------------------+
//!                                 v
//!                          WAIT_CERTIFICATE         Certificate is asked
//!                           (WAIT_SESSION)          Session, for an id of ours, or PreSharedKey is asked
//!          Using PSK of its names |     | Using certificate
//!          the binder shows whose |     |
//!                                 v     |
//!                          (WAIT_AGAIN) |             Verify is asked, where it is to be again
//!                        accepted |  |  |
//!                                 |  +->| refused
//!         +-----------------------+     | Send ServerHello
//!         |           | 0-RTT could be  | K_send = handshake, K_recv = handshake
//!         |           |                 | Send EncryptedExtensions, [CertificateRequest], Certificate
//!         |           v                 v
//!         |      WAIT_REPLAY      WAIT_SIGNATURE      Replay, or Sign, is asked
//!         |           |                 | Send CertificateVerify, Finished
//!         v           v                 | K_send = application
//!      Send ServerHello                 v
//!      K_send = handshake         WAIT_FLIGHT2
//!      Send EncryptedExtensions, Finished
//!      K_send = application
//!         | No 0-RTT  | 0-RTT
//!         v           v
//!   WAIT_FLIGHT2   WAIT_EOED           the rest is in flight2
//! ```

use super::auth::{self, SignedContent, Signer};
use super::context::{Awaits, Connected, Cx, Exporter, Input, Received, Reply, unexpected};
use super::early;
use super::flight2::{self, Flight2, Hs};
use super::negotiate::{self, Certificates, Exchange, Offers};
use super::pre_shared::{self, Named};
use super::resume::{self, Identified, Origin, Psk, Tickets};
use super::retry::{self, Memory, Retry};
use crate::config::{Again, ServerConfig, Standing};
use crate::crypto::aead::Protection;
use crate::crypto::suite::Suite;
use crate::early::{EarlyData, EarlyReason};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::Level;
use crate::question::{Once, Question};
use crate::schedule::tls13::{self, EarlySecret, ExporterSecret, MasterSecret};
use crate::schedule::transcript::Transcript;
use crate::wire::{
    Body, Certificate13, CertificateEntry, CertificateRequest13, CertificateStatus, CertificateVerify,
    ClientHello, EncryptedExtensions, Finished, Handful, HandshakeType, KeyShareEntry, List, NamedGroup,
    ProtocolName, ProtocolVersion, RequestExtensions, ServerExtensions, ServerHello, SignatureScheme,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitSecondHello(WaitSecondHello),
    WaitCertificate(WaitCertificate),
    WaitSession(WaitSession),
    WaitAgain(WaitAgain),
    WaitReplay(WaitReplay),
    WaitSignature(WaitSignature),
    Flight2(flight2::State),
    Connected(Connected),
}

impl State {
    #[rustfmt::skip] // a table
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Body::ClientHello;
        use Input::{Message, Reply};
        use State::{Flight2, WaitAgain, WaitCertificate, WaitReplay, WaitSecondHello, WaitSession, WaitSignature};
        Ok(match (self, input) {
            (WaitSecondHello(s), Message(ClientHello(m)))       => s.client_hello(msg, &m, cx)?,
            (WaitCertificate(s), Reply(reply))                  => s.certificate(reply, msg, cx)?,
            (WaitSession(s),     Reply(reply))                  => s.session(reply, msg, cx)?,
            (WaitAgain(s),       Reply(reply))                  => s.again(reply, msg, cx)?,
            (WaitReplay(s),      Reply(reply))                  => s.replay(&reply, msg, cx)?,
            (WaitSignature(s),   Reply(reply))                  => s.signature(reply, cx)?,
            (Flight2(s),         input)                   => Self::flight2(s.step(input, msg, cx)?),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitSecondHello(_) => ("WaitSecondHello", &[T::CLIENT_HELLO]),
            Self::WaitCertificate(_) => ("WaitCertificate", &[]),
            Self::WaitSession(_)     => ("WaitSession", &[]),
            Self::WaitAgain(_)       => ("WaitAgain", &[]),
            Self::WaitReplay(_)      => ("WaitReplay", &[]),
            Self::WaitSignature(_)   => ("WaitSignature", &[]),
            Self::Flight2(s)         => s.awaits(),
            Self::Connected(_)       => ("Connected", &[]),
        }
    }

    fn flight2(s: flight2::State) -> Self {
        match s {
            flight2::State::Connected(connected) => Self::Connected(connected),
            s => Self::Flight2(s),
        }
    }

    /// What the client still owes, once the server's Finished is out.
    pub(crate) const fn client_flight(&self) -> Option<&flight2::State> {
        match self {
            Self::Flight2(s) => Some(s),
            _ => None,
        }
    }

    /// Whether it is not decided yet what becomes of early data.
    pub(crate) const fn decides_on_early_data(&self) -> bool {
        matches!(
            self,
            Self::WaitCertificate(_) | Self::WaitSession(_) | Self::WaitAgain(_) | Self::WaitReplay(_)
        )
    }

    pub(crate) fn question<'a>(&'a self, msg: &Received<'a>) -> Option<Question<'a>> {
        match self {
            Self::WaitCertificate(_) => msg.client_hello().ok().map(|hello| Question::Certificate { hello }),
            Self::WaitSession(s) => match &s.lookup {
                Lookup::Session(_, id) => Some(Question::Session { id }),
                Lookup::PreSharedKey => Some(pre_shared::question(s.b.suite, &msg.client_hello().ok()?)),
            },
            Self::WaitAgain(s) => Some(auth::question_again(&s.psk.session.peer, None)),
            Self::WaitReplay(s) => Some(Question::Replay { once: s.once }),
            Self::WaitSignature(s) => Some(s.question()),
            Self::Flight2(s) => s.question(),
            _ => None,
        }
    }

    /// Whether there is a question.
    pub(crate) const fn asks(&self) -> bool {
        match self {
            Self::WaitCertificate(_)
            | Self::WaitSession(_)
            | Self::WaitAgain(_)
            | Self::WaitReplay(_)
            | Self::WaitSignature(_) => true,
            Self::Flight2(s) => s.asks(),
            Self::WaitSecondHello(_) | Self::Connected(_) => false,
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitCertificate(s) if !s.b.config.ask_certificate => Some(Reply::Configured),
            Self::WaitSession(WaitSession { b, lookup: Lookup::Session(_, id) }) => {
                resume::in_memory(&b.config, id)
            }
            Self::WaitReplay(s) => early::answer(&s.b.config, &s.once),
            Self::WaitSignature(s) => auth::sign(&s.question(), &s.identity),
            Self::Flight2(s) => s.answer_in_memory(),
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
    let (suite, why) = pre_shared::suite(&config, m)?;
    cx.info.reasons.suite = Some(why);
    let (exchange, why) = pre_shared::exchange(&config, suite, m)?;
    cx.info.reasons.group = why;
    let mut transcript = Transcript::new();
    transcript.set_hash(suite.hash);
    match exchange {
        Exchange::None => negotiated(config, suite, transcript, None, msg, m, cx),
        Exchange::With(share) => negotiated(config, suite, transcript, Some(share.group), msg, m, cx),
        Exchange::Retry(group) => {
            early::pass_over(&config, EarlyReason::Retried, cx);
            transcript.add(msg.bytes);
            let named = pre_shared::named(&config, suite, m).is_some();
            let resumes = named || resume::known_psks(&config, suite, m).next().is_some();
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
        negotiated(config, memory.suite, transcript, Some(share.group), msg, m, cx)
    }
}

/// NEGOTIATED: all is chosen but the certificate. Its names say which sessions are
/// this server's, though it is not shown where one is resumed.
fn negotiated(
    config: Arc<ServerConfig>,
    suite: &'static Suite,
    transcript: Transcript,
    group: Option<NamedGroup>,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    // The keys change behind this message.
    msg.end()?;
    cx.info.version = Some(ProtocolVersion::TLS13);
    cx.info.suite = Some(suite.id);
    cx.info.group = group;
    let name = m.extensions.server_name.and_then(|name| std::str::from_utf8(name).ok());
    cx.info.server_name = name.map(Into::into);
    negotiate::server_name(&config, m)?;
    cx.info.alpn = negotiate::alpn(&config.common, m.extensions.alpn)?.map(Into::into);
    let b = Box::new(Hs {
        config,
        suite,
        transcript,
        tickets: 0,
        given: None,
        looked: false,
        content: None,
        shown: None,
    });
    Ok(State::WaitCertificate(WaitCertificate { b }))
}

/// Sends ServerHello and EncryptedExtensions; this side's key changes between them,
/// and the client's is at hand.
fn server_hello(
    b: &mut Hs,
    psk: Option<(u16, EarlySecret)>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<(MasterSecret, Protection), Error> {
    let Hs { config, suite, transcript, tickets, .. } = b;
    let (share, shared) = pre_shared::respond(suite, m, cx.info.group, psk.is_some(), cx.entropy)?;
    let share = share.as_ref().map(|(group, key_exchange)| KeyShareEntry { group: *group, key_exchange });
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
            key_share: share,
            pre_shared_key: psk.as_ref().map(|(place, _)| *place),
            ..ServerExtensions::default()
        },
    }))?);
    if !cx.info.retried && !m.session_id.is_empty() {
        cx.send_change_cipher_spec()?;
    }

    let hash = transcript.hash();
    let shows = psk.is_none();
    let early = psk.map_or_else(|| EarlySecret::new(suite, None, cx.tap), |(_, early)| early);
    let secret = early.handshake(&shared, cx.tap);
    let client = secret.client_traffic(&hash, cx.tap);
    let server = secret.server_traffic(&hash, cx.tap);
    cx.k_send(Level::Handshake, server)?;

    let alpn = cx.info.alpn.clone();
    transcript.add(cx.send(Body::EncryptedExtensions(EncryptedExtensions {
        // Only where it has chosen the certificate (RFC 6066 section 3).
        server_name: m.extensions.server_name.is_some() && shows,
        alpn: alpn.as_deref().map(ProtocolName),
        early_data: cx.info.early_data == EarlyData::Accepted,
        ticket_request:
            m.extensions.ticket_request.filter(|_| config.resumption().is_some()).map(|_| *tickets),
        ..EncryptedExtensions::default()
    }))?);
    Ok((secret.master(cx.tap), client))
}

pub(crate) struct WaitCertificate {
    b: Box<Hs>,
}

impl WaitCertificate {
    /// Looks for a session to resume, in a ticket first.
    fn certificate(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let (Self { mut b }, m) = (self, msg.client_hello()?);
        b.given = negotiate::given(reply)?;
        let certificates = Certificates::of(b.given.clone(), &b.config, &m);
        if let Some(identified) = resume::identified(&b.config, b.suite, &certificates, &m) {
            return bound(b, identified, msg, &m, cx);
        }
        match resume::id13(&b.config, &m).map(|(place, id)| Lookup::Session(place, id)) {
            Some(lookup) => Ok(State::WaitSession(WaitSession { b, lookup })),
            None => not_resumed(b, msg, &m, cx),
        }
    }
}

pub(crate) struct WaitSession {
    b: Box<Hs>,
    lookup: Lookup,
}

/// What is looked up by an identity.
enum Lookup {
    /// A session by its id, behind the place of that among the identities.
    Session(u16, [u8; 32]),
    PreSharedKey,
}

impl WaitSession {
    fn session(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let (Self { mut b, lookup }, m) = (self, msg.client_hello()?);
        b.looked |= matches!(reply, Reply::Answered(_));
        let Lookup::Session(place, id) = lookup else {
            return match pre_shared::given(reply, b.suite, &m) {
                Some(named) => pre_shared(b, named, msg, &m, cx),
                None => in_full(b, msg, &m, cx),
            };
        };
        let certificates = Certificates::of(b.given.clone(), &b.config, &m);
        match resume::stored13(&b.config, b.suite, &certificates, ((place, id), reply), &m) {
            Some(identified) => bound(b, identified, msg, &m, cx),
            None => not_resumed(b, msg, &m, cx),
        }
    }
}

/// Looks for a key of the configuration.
fn not_resumed(b: Box<Hs>, msg: &Received<'_>, m: &ClientHello<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
    match pre_shared::named(&b.config, b.suite, m) {
        Some(named) => pre_shared(b, named, msg, m, cx),
        None if !b.looked && pre_shared::asks(&b.config, m) => {
            Ok(State::WaitSession(WaitSession { b, lookup: Lookup::PreSharedKey }))
        }
        None => in_full(b, msg, m, cx),
    }
}

/// The session is this server's; that it is the client's, too, the binder shows.
fn bound(
    b: Box<Hs>,
    identified: Identified,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    // Before adding: a binder covers a part of this message only.
    let psk = identified.bound(b.suite, &b.transcript, (msg, m), cx.tap)?;
    match auth::again(&b.config.common, b.config.judge(), &psk.session.peer, None, cx) {
        Again::Stands(standing) => taken(b, psk, standing, msg, m, cx),
        Again::Asks => Ok(State::WaitAgain(WaitAgain { b, psk: Box::new(psk) })),
        Again::Refused(_) => not_resumed(b, msg, m, cx),
    }
}

/// The application judges the client again.
pub(crate) struct WaitAgain {
    b: Box<Hs>,
    psk: Box<Psk>,
}

impl WaitAgain {
    /// Resumes the session, or asks for the certificate anew.
    fn again(self, reply: Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { b, psk } = self;
        let m = msg.client_hello()?;
        match auth::taken_again(reply, cx) {
            Some(standing) => taken(b, *psk, standing, msg, &m, cx),
            None => not_resumed(b, msg, &m, cx),
        }
    }
}

/// The client is who it was: what is left to know is what becomes of early data.
fn taken(
    b: Box<Hs>,
    psk: Psk,
    standing: Standing,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    match early::once(&b.config, b.suite, &psk, m, cx.info) {
        Ok(once) if cx.info.early_data == EarlyData::Offered => {
            Ok(State::WaitReplay(WaitReplay { b, psk: Box::new(psk), standing, once }))
        }
        once => {
            early::pass_over(&b.config, once.err().unwrap_or(EarlyReason::NotAsked), cx);
            match psk.claim(&b.config, None) {
                true => resumed(b, psk, &standing, msg, m, cx),
                false => not_resumed(b, msg, m, cx),
            }
        }
    }
}

pub(crate) struct WaitReplay {
    b: Box<Hs>,
    psk: Box<Psk>,
    standing: Standing,
    once: Once,
}

impl WaitReplay {
    /// Whatever becomes of early data, the session is resumed, unless another has claimed it.
    fn replay(self, reply: &Reply, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { b, psk, standing, .. } = self;
        let m = msg.client_hello()?;
        match early::verdict(reply, &b.config, &psk.session, &m) {
            Ok(()) => cx.info.early_data = EarlyData::Accepted,
            Err(why) => early::pass_over(&b.config, why, cx),
        }
        match psk.claim(&b.config, Some(reply)) {
            true => resumed(b, *psk, &standing, msg, &m, cx),
            false => not_resumed(b, msg, &m, cx),
        }
    }
}

/// The server's whole flight, where a session is resumed.
fn resumed(
    mut b: Box<Hs>,
    psk: Psk,
    standing: &Standing,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    let Psk { place, session, early, .. } = psk;
    let (origin, most) = (Origin::from(&session), session.max_early_data);
    let peer = auth::resumed(session.peer, standing);
    b.transcript.add(msg.bytes);
    let accepted = (cx.info.early_data == EarlyData::Accepted).then(|| {
        let hello = b.transcript.hash();
        (early.client_early_traffic(&hello, cx.tap), early.early_exporter(&hello, cx.tap))
    });
    let (key, exporter) = accepted.unzip();
    b.tickets = resume::tickets_to_send(&b.config, m, true);
    let (master, client) = server_hello(&mut b, Some((place, early)), m, cx)?;
    let s = finish(b, master, exporter, origin, cx)?;
    let early = key.map(|key| (key, most));
    Ok(State::Flight2(flight2::State::of_resumed(s, peer, client, early, msg, cx)?))
}

/// The same where the key is one of the configuration: that the client has it, too, the
/// binder shows.
fn pre_shared(
    mut b: Box<Hs>,
    named: Named,
    msg: &Received<'_>,
    m: &ClientHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    // Before adding: a binder covers a part of this message only.
    let early = named.bound(b.suite, &b.transcript, (msg, m), cx.tap)?;
    b.transcript.add(msg.bytes);
    early::pass_over(&b.config, EarlyReason::NotResumed, cx);
    let peer = auth::pre_shared(&named.key.of);
    cx.info.group = cx.info.group.filter(|_| !pre_shared::psk_ke(&b.config, m));
    // Nobody would know later whether a key that was given still stands.
    b.tickets = if named.given { 0 } else { resume::tickets_to_send(&b.config, m, false) };
    let (master, client) = server_hello(&mut b, Some((named.place, early)), m, cx)?;
    let s = finish(b, master, None, Origin::from(&named.key.of), cx)?;
    Ok(State::Flight2(flight2::State::of_resumed(s, peer, client, None, msg, cx)?))
}

/// The server's flight up to its Certificate, where nothing is resumed.
fn in_full(mut b: Box<Hs>, msg: &Received<'_>, m: &ClientHello<'_>, cx: &mut Cx<'_>) -> Result<State, Error> {
    pre_shared::missing(&b.config, m).map_or(Ok(()), Err)?;
    m.extensions.signature_algorithms.ok_or(Fault::MissingExtensionInClientHello)?;
    let (offers, certificates) = (Offers::of(m), Certificates::of(b.given.take(), &b.config, m));
    let signs = |identity: &Identity| negotiate::scheme_of_hello(identity, &offers);
    let (identity, scheme) = certificates.choose(&offers, signs, &mut cx.info.reasons)?;

    early::pass_over(&b.config, EarlyReason::NotResumed, cx);
    b.transcript.add(msg.bytes);
    b.tickets = resume::tickets_to_send(&b.config, m, false);
    let (master, client) = server_hello(&mut b, None, m, cx)?;
    cx.k_recv(Level::Handshake, client, msg.end()?);
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
        let s = finish(b, master, None, origin, cx)?;
        Ok(State::Flight2(flight2::State::of(s)))
    }
}

/// Sends the server's Finished.
fn finish(
    mut b: Box<Hs>,
    master: MasterSecret,
    early_exporter: Option<ExporterSecret>,
    origin: Origin,
    cx: &mut Cx<'_>,
) -> Result<Flight2, Error> {
    let verify_data = tls13::verify_data(cx.write_key()?, &b.transcript.hash())?;
    b.transcript.add(cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?);

    let hash = b.transcript.hash();
    let at = master.at(&hash, cx.tap);
    cx.k_send(Level::Application, at.server_traffic())?;
    let client_application = at.client_traffic();
    let (exporter, master) = master.exporter(&at, b.tickets > 0);
    let count = b.tickets;
    let tickets = master.map(|master| Box::new(Tickets { suite: b.suite, master, origin, count }));
    let exporter = Exporter::tls13(exporter, early_exporter);
    Ok(Flight2 { b, client_application, exporter, tickets })
}
