//! What a server of TLS 1.3 awaits of its client behind its own flight, the second
//! half of RFC 9846 Appendix A.2:
//!
//! ```text
//!                       No 0-RTT |                 | 0-RTT
//!             K_recv = handshake |                 | K_recv = early data
//!          [Skip decrypt errors] |    +------> WAIT_EOED --+
//!                                |    |       Recv |       | Recv EndOfEarlyData
//!                                |    | early data |       | K_recv = handshake
//!                                |    +------------+       |
//!                                v                         |
//!                           WAIT_FLIGHT2 <-----------------+
//!                     No request |   | Certificate requested
//!                                |   v
//!                                | WAIT_CERT --- empty ---+
//!                                |   | Recv Certificate   |
//!                                |   v                    |
//!                                | WAIT_VERDICT           |   Verify, perhaps Refused, is asked
//!                                |   v                    |
//!                                | WAIT_CV                |
//!                                |   | Recv CertificateVerify
//!                                v   v                    v
//!                             WAIT_FINISHED <-------------+
//!                                | Recv Finished
//!                                | K_recv = application
//!                                | Send [NewSessionTicket ...]
//!                                v
//!                            CONNECTED
//! ```

use super::auth::{self, Presented, SignedContent, Signer, TrustedPeer};
use super::context::{
    Awaits, Connected, Cx, Exporter, Holds, Input, PeerTrusted, Received, Reply, SignatureVerified, Unproven,
    unexpected,
};
use super::resume::Tickets;
use crate::config::ServerConfig;
use crate::crypto::aead::Protection;
use crate::crypto::suite::Suite;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::observe::Level;
use crate::pki::Report;
use crate::question::Question;
use crate::schedule::tls13::ExporterSecret;
use crate::schedule::transcript::Transcript;
use crate::wire::{Body, Certificate13, CertificateVerify, Finished, HandshakeType};
use std::sync::Arc;

pub(crate) enum State {
    WaitEoed(WaitEoed),
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
        use Body::{Certificate13 as Certificate, CertificateVerify, EndOfEarlyData, Finished};
        use Input::{Message, Reply};
        use State::{Connected, WaitCert, WaitCv, WaitEoed, WaitFinished, WaitPerson, WaitVerdict};
        Ok(match (self, input) {
            (WaitEoed(s),     Message(EndOfEarlyData(_)))    => WaitFinished(s.end_of_early_data(msg, cx)?),
            (WaitCert(s),     Message(Certificate(m)))       => s.certificate(msg, &m)?,
            (WaitVerdict(s),  Reply(reply))                  => s.verdict(reply, cx)?,
            (WaitPerson(s),   Reply(reply))                  => WaitCv(s.person(reply)?),
            (WaitCv(s),       Message(CertificateVerify(m))) => WaitFinished(s.certificate_verify(msg, &m, cx)?),
            (WaitFinished(s), Message(Finished(m)))          => Connected(s.finished(msg, &m, cx)?),
            (_, got) => return Err(unexpected(&got)),
        })
    }

    #[rustfmt::skip] // a table
    pub(crate) fn awaits(&self) -> Awaits {
        use HandshakeType as T;
        match self {
            Self::WaitEoed(_)     => ("WaitEoed", &[T::END_OF_EARLY_DATA]),
            Self::WaitCert(_)     => ("WaitCert", &[T::CERTIFICATE]),
            Self::WaitVerdict(_)  => ("WaitVerdict", &[]),
            Self::WaitPerson(_)   => ("WaitPerson", &[]),
            Self::WaitCv(_)       => ("WaitCv", &[T::CERTIFICATE_VERIFY]),
            Self::WaitFinished(_) => ("WaitFinished", &[T::FINISHED]),
            Self::Connected(_)    => ("Connected", &[]),
        }
    }

    /// Whether application data may go: no client certificate was requested, and
    /// the configuration allows half-RTT data (RFC 9846 section 4.5.3), or there is
    /// early data to be answered.
    pub(crate) fn allows_half_rtt(&self) -> bool {
        match self {
            Self::WaitEoed(_) => true,
            Self::WaitFinished(WaitFinished { s, .. }) => {
                let config = &s.b.config;
                s.exporter.early().is_some() || (config.half_rtt && config.judge().is_none())
            }
            _ => false,
        }
    }

    /// Whether early data is taken.
    pub(crate) const fn takes_early_data(&self) -> bool {
        matches!(self, Self::WaitEoed(_))
    }

    /// Where keying material of early data comes from, where that was accepted.
    pub(crate) fn early_exporter(&self) -> Option<&ExporterSecret> {
        match self {
            Self::WaitEoed(WaitEoed { s, .. }) | Self::WaitFinished(s) => s.s.exporter.early(),
            _ => None,
        }
    }

    pub(crate) fn question(&self) -> Option<Question<'_>> {
        match self {
            Self::WaitVerdict(s) => Some(s.question()),
            Self::WaitPerson(s) => Some(Question::Refused { report: &s.report }),
            _ => None,
        }
    }

    /// Whether there is a question.
    pub(crate) const fn asks(&self) -> bool {
        matches!(self, Self::WaitVerdict(_) | Self::WaitPerson(_))
    }

    pub(crate) fn answer_in_memory(&self) -> Option<Reply> {
        match self {
            Self::WaitVerdict(s) => match s.s.b.config.judge() {
                Some(judge) => auth::judge(judge, &s.s.b.config.common, &s.question()),
                None => None,
            },
            _ => None,
        }
    }

    /// Behind the server's Finished, where it requested a certificate or not.
    pub(super) fn of(s: Flight2) -> Self {
        match s.b.config.judge() {
            Some(_) => Self::WaitCert(WaitCert(s)),
            None => Self::WaitFinished(WaitFinished { s, client: Client::NotAsked }),
        }
    }

    /// The same where a session is resumed: the client is who it was, and may have
    /// sent early data under this key.
    pub(super) fn of_resumed(
        s: Flight2,
        (trusted, who): (PeerTrusted, Box<Unproven>),
        client_handshake: Protection,
        early: Option<(Protection, u32)>,
        msg: &Received<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Self, Fault> {
        let s = WaitFinished { s, client: Client::Resumed { _trusted: trusted, who } };
        match early {
            Some((key, most)) => {
                cx.k_recv_early(key, most, msg.end()?);
                Ok(Self::WaitEoed(WaitEoed { s, client_handshake }))
            }
            None => {
                cx.k_recv(Level::Handshake, client_handshake, msg.end()?);
                Ok(Self::WaitFinished(s))
            }
        }
    }
}

/// What lives from the ClientHello to the end, handed from state to state.
pub(super) struct Hs {
    pub(super) config: Arc<ServerConfig>,
    pub(super) suite: &'static Suite,
    pub(super) transcript: Transcript,
    /// How many go to the client.
    pub(super) tickets: u8,
    /// The answer to Certificate.
    pub(super) given: Option<Arc<Identity>>,
    /// The application has looked something up: that is done once a handshake.
    pub(super) looked: bool,
    /// What is signed, if anything is.
    pub(super) content: Option<SignedContent>,
    /// Who signed it.
    pub(super) shown: Option<Arc<Identity>>,
}

/// While the client's second flight is awaited.
pub(super) struct Flight2 {
    pub(super) b: Box<Hs>,
    pub(super) client_application: Protection,
    pub(super) exporter: Exporter,
    pub(super) tickets: Option<Box<Tickets>>,
}

/// Early data is taken. What is sent meanwhile is sent to whoever has the session's
/// secret, and no other can read it.
pub(crate) struct WaitEoed {
    s: WaitFinished,
    client_handshake: Protection,
}

impl WaitEoed {
    fn end_of_early_data(self, msg: &Received<'_>, cx: &mut Cx<'_>) -> Result<WaitFinished, Error> {
        let Self { mut s, client_handshake } = self;
        cx.k_recv(Level::Handshake, client_handshake, msg.end()?);
        s.s.b.transcript.add(msg.bytes);
        Ok(s)
    }
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
