//! The client's handshake in TLS 1.2, after the ServerHello (RFC 5246 section
//! 7.3, RFC 8422 section 5; a full handshake; `resumed12` has the other):
//!
//! ```text
//!   ClientHello                  -------->
//!                                                  ServerHello
//!                                                  Certificate     WAIT_CERT
//!                                           CertificateStatus*     WAIT_STATUS
//!                                            ServerKeyExchange     WAIT_SKE
//!                                          CertificateRequest*     WAIT_CR
//!                                <--------     ServerHelloDone     WAIT_DONE
//!                                                                  WAIT_VERDICT    Verify, perhaps Refused, is asked
//!   Certificate*
//!   ClientKeyExchange
//!   CertificateVerify*                                             WAIT_SIGNATURE  Sign is asked
//!   [ChangeCipherSpec]  K_send
//!   Finished                     -------->
//!                                            NewSessionTicket*     WAIT_TICKET
//!                                    K_recv [ChangeCipherSpec]     WAIT_CCS
//!                                <--------            Finished     WAIT_FINISHED
//!                                                                  CONNECTED
//! ```
//!
//! The verdict comes before the signature of the ServerKeyExchange is checked,
//! and both before anything is sent.

use super::auth::{self, Presented, SignedParams, TrustedPeer};
use super::context::{
    Awaits, Connected, Cx, Exporter, FinishedVerified, Holds, Input, KeyProof, PeerTrusted, Received, Reply,
    unexpected,
};
use super::negotiate::{self, Signatures};
use super::resume::{self, Ticket12};
use super::resumed12::client as resumed;
use crate::config::ClientConfig;
use crate::crypto::aead::Protection;
use crate::crypto::agree;
use crate::crypto::kdf::Digest;
#[cfg(feature = "static-rsa")]
use crate::crypto::rsa_exchange::EncryptionKey;
use crate::crypto::suite::{KeyExchange, Suite};
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::Level;
use crate::offer::Offered;
#[cfg(feature = "static-rsa")]
use crate::pki::{Certificate, CertificateDer};
use crate::pki::{Report, ServerName};
use crate::question::Question;
use crate::record::RecordEnd;
use crate::schedule::Side;
use crate::schedule::tls12::{KeyBlock, MasterSecret, PreMasterSecret, Randoms};
use crate::schedule::transcript::Transcript;
use crate::wire::{
    Body, Certificate12, CertificateBytes, CertificateRequest12, CertificateStatus, CertificateVerify,
    ClientKeyExchange, Finished, HandshakeType, List, NewSessionTicket12, ProtocolVersion, ServerHello,
    ServerHelloDone, ServerKeyExchange, SignatureScheme, Writer,
};
use std::sync::Arc;

pub(crate) enum State {
    WaitCert(WaitCert),
    WaitStatus(WaitStatus),
    WaitSke(WaitSke),
    WaitCr(WaitCr),
    WaitDone(WaitDone),
    WaitVerdict(WaitVerdict),
    WaitPerson(WaitPerson),
    WaitSignature(WaitSignature),
    WaitTicket(WaitTicket),
    WaitCcs(WaitCcs),
    WaitFinished(WaitFinished),
    Resumed(resumed::State),
    Connected(Connected),
}

impl State {
    #[rustfmt::skip] // a table
    pub(crate) fn step(self, input: Input<'_>, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<Self, Error> {
        use Body::{Certificate12 as Certificate, CertificateRequest12 as CertificateRequest, CertificateStatus};
        use Body::{Finished, NewSessionTicket12 as NewSessionTicket, ServerHelloDone, ServerKeyExchange};
        use Input::{ChangeCipherSpec, Message, Reply};
        use State::{Connected, Resumed, WaitCcs, WaitCert, WaitCr, WaitDone, WaitFinished};
        use State::{WaitPerson, WaitSignature, WaitSke, WaitStatus, WaitTicket, WaitVerdict};
        Ok(match (self, input) {
            (WaitCert(s),      Message(Certificate(m)))        => s.certificate(msg, &m)?,
            (WaitStatus(s),    Message(CertificateStatus(m)))  => s.certificate_status(msg, &m).into(),
            (WaitStatus(s),    input)                          => Self::from(s.no_status()).step(input, msg, cx)?,
            (WaitSke(s),       Message(ServerKeyExchange(m)))  => WaitCr(s.server_key_exchange(msg, &m)?),
            (WaitCr(s),        Message(CertificateRequest(m))) => WaitDone(s.certificate_request(msg, &m)?),
            (WaitCr(s),        Message(ServerHelloDone(m)))    => WaitVerdict(s.no_request().server_hello_done(msg, &m)?),
            (WaitDone(s),      Message(ServerHelloDone(m)))    => WaitVerdict(s.server_hello_done(msg, &m)?),
            (WaitVerdict(s),   Reply(reply))                   => s.verdict(reply, cx)?,
            (WaitPerson(s),    Reply(reply))                   => s.person(reply, cx)?,
            (WaitSignature(s), Reply(reply))                   => s.signature(reply, cx)?.into(),
            (WaitTicket(s),    Message(NewSessionTicket(m)))   => WaitCcs(s.new_session_ticket(msg, &m)),
            (WaitCcs(s),       ChangeCipherSpec(end))          => WaitFinished(s.change_cipher_spec(end, cx)),
            (WaitFinished(s),  Message(Finished(m)))           => Connected(s.finished(msg, &m, cx)?),
            (Resumed(s),       input)                          => s.step(input, msg, cx)?.into(),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitCert(_)      => ("WaitCert", &[T::CERTIFICATE]),
            Self::WaitStatus(s)    => ("WaitStatus", s.awaits()),
            Self::WaitSke(_)       => ("WaitSke", &[T::SERVER_KEY_EXCHANGE]),
            Self::WaitCr(_)        => ("WaitCr", &[T::CERTIFICATE_REQUEST, T::SERVER_HELLO_DONE]),
            Self::WaitDone(_)      => ("WaitDone", &[T::SERVER_HELLO_DONE]),
            Self::WaitVerdict(_)   => ("WaitVerdict", &[]),
            Self::WaitPerson(_)    => ("WaitPerson", &[]),
            Self::WaitSignature(_) => ("WaitSignature", &[]),
            Self::WaitTicket(_)    => ("WaitTicket", &[T::NEW_SESSION_TICKET]),
            Self::WaitCcs(_)       => ("WaitCcs", &[]),
            Self::WaitFinished(_)  => ("WaitFinished", &[T::FINISHED]),
            Self::Resumed(s)       => s.awaits(),
            Self::Connected(_)     => ("Connected", &[]),
        }
    }

    pub(crate) fn question(&self) -> Option<Question<'_>> {
        match self {
            Self::WaitVerdict(s) => Some(s.question()),
            Self::WaitPerson(s) => Some(Question::Refused { report: &s.report }),
            Self::WaitSignature(s) => Some(s.question()),
            Self::Resumed(s) => s.question(),
            _ => None,
        }
    }

    /// Whether there is a question.
    pub(crate) const fn asks(&self) -> bool {
        match self {
            Self::Resumed(s) => s.asks(),
            s => matches!(s, Self::WaitVerdict(_) | Self::WaitPerson(_) | Self::WaitSignature(_)),
        }
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitVerdict(s) => auth::judge(s.b.config.judge(), &s.b.config.common, &s.question()),
            Self::WaitSignature(s) => auth::sign(&s.question(), &s.identity),
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

/// What lives from the ServerHello to the end, handed from state to state.
struct Hs {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    suite: &'static Suite,
    exchange: KeyExchange,
    client_random: [u8; 32],
    server_random: [u8; 32],
    extended_master_secret: bool,
    /// The server said that a NewSessionTicket follows.
    announces_ticket: bool,
    /// Or the id, where there is no ticket.
    ticket: Option<Ticket12>,
    transcript: Transcript,
    presented: Presented,
    server_key: Option<SignedKey>,
    request: Option<Option<(Arc<Identity>, SignatureScheme)>>,
    /// How the server shows that it is whom this side trusts.
    proof: Option<KeyProof>,
}

/// The server's ephemeral key, and the signature that is still to be checked.
struct SignedKey {
    signed: SignedParams,
    scheme: SignatureScheme,
    signature: Vec<u8>,
}

impl Hs {
    fn randoms(&self) -> Randoms<'_> {
        Randoms { client: &self.client_random, server: &self.server_random }
    }
}

/// The fork of `client` leads here; version and suite are checked.
pub(super) fn server_hello(
    b: Box<Offered>,
    suite: &'static Suite,
    exchange: KeyExchange,
    msg: &Received<'_>,
    m: &ServerHello<'_>,
    cx: &mut Cx<'_>,
) -> Result<State, Error> {
    let Offered { mut offer, mut transcript, offered, .. } = *b;
    let extensions = &m.extensions;
    if !extensions.present().is_subset(offered) {
        return Err(Fault::UnofferedExtension.into());
    }
    // The echo of an id resumes the session that it names, or takes the ticket that it
    // came with (RFC 5077 section 3.4); without them there is none that it could name.
    let resumes = !m.session_id.is_empty() && m.session_id == offer.session_id();
    if resumes && offer.session12.is_none() {
        return Err(Fault::SessionIdEchoed.into());
    }
    let (common, renegotiation_info) = (&offer.config.common, extensions.renegotiation_info);
    let (bound, points) = (extensions.extended_master_secret, extensions.ec_point_formats);
    negotiate::extensions12(common, renegotiation_info, renegotiation_info.is_some(), bound, points)?;
    cx.info.alpn = negotiate::chosen_alpn(common, extensions.alpn)?;
    cx.info.version = Some(ProtocolVersion::TLS12);
    cx.info.suite = Some(suite.id);
    cx.info.extended_master_secret = extensions.extended_master_secret;
    if let Some(session) = offer.session12.take().filter(|_| resumes) {
        return Ok(resumed::server_hello(offer, session, transcript, suite, msg, m, cx)?.into());
    }
    // A CertificateVerify would sign the messages themselves.
    match offer.config.identities().is_empty() {
        false => transcript.set_hash_keeping_messages(suite.hash),
        true => transcript.set_hash(suite.hash),
    }
    transcript.add(msg.bytes);
    let b = Box::new(Hs {
        config: offer.config,
        name: offer.name,
        suite,
        exchange,
        client_random: offer.random,
        server_random: *m.random,
        extended_master_secret: extensions.extended_master_secret,
        announces_ticket: extensions.session_ticket,
        ticket: Ticket12::of_id(m.session_id),
        transcript,
        presented: Presented { chain: Arc::new([]), ocsp: None },
        server_key: None,
        request: None,
        proof: None,
    });
    Ok(State::WaitCert(WaitCert { b, status: extensions.status_request }))
}

pub(crate) struct WaitCert {
    b: Box<Hs>,
    /// The server said that a CertificateStatus may follow.
    status: bool,
}

impl WaitCert {
    fn certificate(self, msg: &Received<'_>, m: &Certificate12<'_>) -> Result<State, Error> {
        let Self { mut b, status } = self;
        if m.certificates.is_empty() {
            return Err(Fault::EmptyCertificateList.into());
        }
        b.presented = Presented::new(
            m.certificates.iter().map(|certificate| certificate.0),
            b.config.common.longest_chain,
        )?;
        b.transcript.add(msg.bytes);
        Ok(match status {
            true => State::WaitStatus(WaitStatus(b)),
            false => WaitStatus(b).no_status().into(),
        })
    }
}

pub(crate) struct WaitStatus(Box<Hs>);

impl WaitStatus {
    /// The status, or what follows it: it may be left out (RFC 6066 section 8).
    fn awaits(&self) -> &'static [HandshakeType] {
        use HandshakeType as T;
        match self.0.exchange {
            KeyExchange::EcdheEcdsa | KeyExchange::EcdheRsa => {
                &[T::CERTIFICATE_STATUS, T::SERVER_KEY_EXCHANGE]
            }
            #[cfg(feature = "static-rsa")]
            KeyExchange::Rsa => &[T::CERTIFICATE_STATUS, T::CERTIFICATE_REQUEST, T::SERVER_HELLO_DONE],
        }
    }

    fn certificate_status(self, msg: &Received<'_>, m: &CertificateStatus<'_>) -> WaitSke {
        let Self(mut b) = self;
        b.presented.ocsp = Some(Arc::new(m.ocsp_response.to_vec()));
        b.transcript.add(msg.bytes);
        WaitSke(b)
    }

    fn no_status(self) -> WaitSke {
        WaitSke(self.0)
    }
}

pub(crate) struct WaitSke(Box<Hs>);

/// With static RSA there is no ServerKeyExchange: its state is passed over.
impl From<WaitSke> for State {
    fn from(WaitSke(b): WaitSke) -> Self {
        match b.exchange {
            KeyExchange::EcdheEcdsa | KeyExchange::EcdheRsa => Self::WaitSke(WaitSke(b)),
            #[cfg(feature = "static-rsa")]
            KeyExchange::Rsa => Self::WaitCr(WaitCr(b)),
        }
    }
}

impl WaitSke {
    fn server_key_exchange(self, msg: &Received<'_>, m: &ServerKeyExchange<'_>) -> Result<WaitCr, Error> {
        let Self(mut b) = self;
        let group = m.params.group();
        if !b.config.common.groups12().any(|offered| offered == group) {
            return Err(Fault::UnofferedGroup.into());
        }
        b.server_key = Some(SignedKey {
            signed: SignedParams::new(b.randoms(), |w| w.bytes(m.params.as_bytes())),
            scheme: m.scheme,
            signature: m.signature.to_vec(),
        });
        b.transcript.add(msg.bytes);
        Ok(WaitCr(b))
    }
}

pub(crate) struct WaitCr(Box<Hs>);

impl WaitCr {
    fn certificate_request(
        self,
        msg: &Received<'_>,
        m: &CertificateRequest12<'_>,
    ) -> Result<WaitDone, Error> {
        let Self(mut b) = self;
        let signatures = Signatures::new(m.signature_algorithms, None);
        let scheme = |identity: &Identity| negotiate::scheme_of_request12(identity, &signatures, m);
        let authorities = &m.certificate_authorities;
        b.request = Some(negotiate::client_identity(&b.config, authorities, &signatures, scheme)?);
        b.transcript.add(msg.bytes);
        Ok(WaitDone(b))
    }

    fn no_request(self) -> WaitDone {
        let Self(mut b) = self;
        b.transcript.drop_messages();
        WaitDone(b)
    }
}

pub(crate) struct WaitDone(Box<Hs>);

impl WaitDone {
    fn server_hello_done(
        self,
        msg: &Received<'_>,
        ServerHelloDone: &ServerHelloDone,
    ) -> Result<WaitVerdict, Error> {
        let Self(mut b) = self;
        // The server says no more until it has this side's flight.
        msg.end()?;
        b.transcript.add(msg.bytes);
        Ok(WaitVerdict { b })
    }
}

pub(crate) struct WaitVerdict {
    b: Box<Hs>,
}

impl WaitVerdict {
    fn question(&self) -> Question<'_> {
        self.b.presented.question(Some(&self.b.name))
    }

    fn verdict(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { b } = self;
        match auth::verdict(reply, &b.presented, cx)? {
            Ok(peer) => trusted(b, peer, cx),
            Err(report) if b.config.common.ask_refused => Ok(State::WaitPerson(WaitPerson { b, report })),
            Err(report) => Err(Error::CertificateRefused(report)),
        }
    }
}

pub(crate) struct WaitPerson {
    b: Box<Hs>,
    report: Arc<Report>,
}

impl WaitPerson {
    fn person(self, reply: Reply, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Self { b, report } = self;
        let peer = auth::person(reply, &b.presented, report)?;
        trusted(b, peer, cx)
    }
}

/// The chain is trusted: checks the key exchange, and sends this side's flight.
fn trusted(mut b: Box<Hs>, peer: TrustedPeer, cx: &mut Cx<'_>) -> Result<State, Error> {
    let (trusted, proof, exchange, pre_master) = exchange(&mut b, peer, cx)?;
    if let Some(identity) = &b.request {
        let chain = identity.as_ref().map_or(&[][..], |(identity, _)| identity.chain());
        let certificates: Vec<_> = chain.iter().map(|der| CertificateBytes(der)).collect();
        let certificate = Certificate12 { certificates: List::from(&certificates[..]) };
        b.transcript.add(cx.send(Body::Certificate12(certificate))?);
    }
    b.transcript.add(cx.send(Body::ClientKeyExchange(ClientKeyExchange { body: &exchange }))?);
    let master = match b.extended_master_secret {
        true => pre_master.extended(b.suite, &b.transcript.hash(), cx.tap),
        false => pre_master.classic(b.suite, b.randoms(), cx.tap),
    };
    b.proof = Some(proof);
    let own = Own { b, master, _trusted: trusted };
    match own.b.request.clone().flatten() {
        None => own.finish(cx).map(State::from),
        Some((identity, scheme)) => {
            own.b.transcript.signed()?;
            Ok(State::WaitSignature(WaitSignature { own, identity, scheme }))
        }
    }
}

/// ClientKeyExchange's body, and the pre-master secret.
fn exchange(
    b: &mut Hs,
    peer: TrustedPeer,
    cx: &mut Cx<'_>,
) -> Result<(PeerTrusted, KeyProof, Vec<u8>, PreMasterSecret), Error> {
    #[cfg(feature = "static-rsa")]
    if b.exchange == KeyExchange::Rsa {
        let key = EncryptionKey::from_spki(peer.key.as_spki()).map_err(|_| Fault::NotAnRsaKey)?;
        let allowed = |leaf: &CertificateDer<'_>| {
            Certificate::read(leaf).is_ok_and(|leaf| leaf.allows_key_encipherment())
        };
        if !b.presented.chain.first().is_some_and(allowed) {
            return Err(Fault::KeyNotForEncryption.into());
        }
        // The version of this client's ClientHello: a proxy that lowered it would show.
        let (encrypted, pre_master) = key.encrypt(ProtocolVersion::TLS12, cx.entropy)?;
        let mut body = Vec::new();
        ClientKeyExchange::encode_rsa(&encrypted, &mut Writer::new(&mut body));
        return Ok((
            peer.trusted,
            KeyProof::ByFinished(Box::new(peer.who)),
            body,
            PreMasterSecret::new(pre_master),
        ));
    }
    if peer.key.curve().is_some_and(|curve| !b.config.common.groups.contains(&curve)) {
        return Err(Fault::CurveNotOffered.into());
    }
    let SignedKey { signed, scheme, signature } = b.server_key.take().ok_or(Fault::UnexpectedMessage)?;
    let params = signed.params()?;
    let (trusted, verified) = auth::verify_exchange(
        peer,
        b.exchange,
        scheme,
        signed.as_bytes(),
        &signature,
        &b.config.common.schemes,
        cx,
    )?;
    cx.info.group = Some(params.group());
    let (own_public, shared) =
        agree::respond(params.group(), params.public(), cx.entropy).map_err(|_| Fault::BadKeyShare)?;
    let mut body = Vec::with_capacity(1 + own_public.len());
    ClientKeyExchange::encode_ecdhe(&own_public, &mut Writer::new(&mut body));
    Ok((trusted, KeyProof::Signed(verified), body, PreMasterSecret::new(shared)))
}

/// What the end of this side's flight needs: a server that is who it says.
struct Own {
    b: Box<Hs>,
    master: MasterSecret,
    _trusted: PeerTrusted,
}

impl Own {
    fn finish(self, cx: &mut Cx<'_>) -> Result<WaitTicket, Error> {
        let Self { mut b, master, .. } = self;
        let ready = master.ready();
        let KeyBlock { client, server } = ready.key_block(b.randoms(), cx.tap)?;
        cx.send_change_cipher_spec()?;
        cx.k_send(Level::Application, client)?;
        let verify_data = ready.verify_data(Side::Client, &b.transcript.hash());
        b.transcript.add(cx.send(Body::Finished(Finished { verify_data: verify_data.as_bytes() }))?);
        b.transcript.drop_messages();
        Ok(WaitTicket(WaitCcs { b, server, master, verify_data }))
    }
}

pub(crate) struct WaitSignature {
    own: Own,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
}

impl WaitSignature {
    fn question(&self) -> Question<'_> {
        let message = self.own.b.transcript.signed().unwrap_or_default();
        Question::Sign { scheme: self.scheme, message, certificate: self.identity.leaf() }
    }

    fn signature(self, reply: Reply, cx: &mut Cx<'_>) -> Result<WaitTicket, Error> {
        let Self { mut own, scheme, .. } = self;
        let signature = auth::signature(reply)?;
        cx.info.own_scheme = Some(scheme);
        let verify = CertificateVerify { scheme, signature: &signature };
        own.b.transcript.add(cx.send(Body::CertificateVerify(verify))?);
        own.finish(cx)
    }
}

pub(crate) struct WaitTicket(WaitCcs);

/// Where no ticket was announced its state is passed over.
impl From<WaitTicket> for State {
    fn from(WaitTicket(s): WaitTicket) -> Self {
        match s.b.announces_ticket {
            true => Self::WaitTicket(WaitTicket(s)),
            false => Self::WaitCcs(s),
        }
    }
}

impl WaitTicket {
    fn new_session_ticket(self, msg: &Received<'_>, m: &NewSessionTicket12<'_>) -> WaitCcs {
        let Self(mut s) = self;
        // A ticket takes the place of the id (RFC 5077 section 3.4).
        let ticket = Ticket12::from(m);
        if !ticket.is_empty() {
            s.b.ticket = Some(ticket);
        }
        s.b.transcript.add(msg.bytes);
        s
    }
}

pub(crate) struct WaitCcs {
    b: Box<Hs>,
    server: Protection,
    master: MasterSecret,
    /// Of this side's Finished, the first.
    verify_data: Digest,
}

impl WaitCcs {
    fn change_cipher_spec(self, end: RecordEnd, cx: &mut Cx<'_>) -> WaitFinished {
        let Self { b, server, master, verify_data } = self;
        cx.k_recv(Level::Application, server, end);
        WaitFinished { b, master, verify_data }
    }
}

pub(crate) struct WaitFinished {
    b: Box<Hs>,
    master: MasterSecret,
    verify_data: Digest,
}

impl WaitFinished {
    fn finished(self, msg: &Received<'_>, m: &Finished<'_>, cx: &mut Cx<'_>) -> Result<Connected, Error> {
        let Self { mut b, master, verify_data } = self;
        let finished: FinishedVerified =
            auth::verify_finished12(&master.ready(), Side::Server, &b.transcript.hash(), m.verify_data)?;
        // Nothing of this handshake may follow.
        msg.end()?;
        if let Some(proof) = b.proof.take() {
            proof.finished(&finished, cx);
        }
        if let Some(ticket) = b.ticket.take() {
            resume::keep12(&b.config, &b.name, b.suite, &master, ticket, None, cx.info)?;
        }
        let exporter = Exporter::tls12(master, b.randoms(), &verify_data, b.extended_master_secret);
        Ok(Connected { exporter, finished, holds: Holds::Nothing })
    }
}
