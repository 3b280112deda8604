//! What a handler may touch, and the evidence that it must have.
//!
//! A flow has three verbs to the wire, each with its level: `send`, `k_recv`
//! and `k_send` (the names of RFC 9846 Appendix A). Evidence is a type: each
//! is made in one place, and demanded by the handler that may only run after it.

use crate::crypto;
use crate::crypto::aead::Protection;
use crate::crypto::kdf::Digest;
use crate::crypto::source::Entropy;
use crate::error::Error;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::info::ConnectionInfo;
use crate::observe::{Direction, Level, Observed, Tap};
use crate::pki::{Accepted, CertificateDer, Refused, Report};
use crate::question::Answer;
use crate::record::{ReadKey, RecordEnd, Writing};
use crate::schedule::tls12::{self, MasterSecret, Randoms};
use crate::schedule::tls13::ExporterSecret;
use crate::session::{Keeper, Peer};
use crate::wire::{Body, ClientHello, Form, HandshakeType, Message};
use std::sync::Arc;

/// What a flow is stepped with.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // made, and taken apart at once
pub(crate) enum Input<'a> {
    /// A handshake message; [`Received`] has its bytes.
    Message(Body<'a>),
    /// TLS 1.2's, behind which the peer's keys change.
    ChangeCipherSpec(RecordEnd),
    /// The answer to the flow's question.
    Reply(Reply),
}

/// An answer from memory or from the application.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The configured policy judged the chain.
    Judged(Result<Accepted, Refused>),
    /// The application answered, or the configuration in its place.
    Answered(Answer),
    /// The configuration holds what is asked for, more than one perhaps.
    Configured,
}

/// A state's name in RFC 9846 Appendix A, or in its spirit, and the messages that
/// it takes: any other is unexpected, whatever is in it.
pub(crate) type Awaits = (&'static str, &'static [HandshakeType]);

/// The message being handled, as it came; while a question is open, the one
/// that made the flow ask.
#[derive(Clone, Copy)]
pub(crate) struct Received<'a> {
    /// With the four-byte header: what the transcript takes.
    pub(crate) bytes: &'a [u8],
    /// Present if the message ended its record.
    end: Option<RecordEnd>,
    /// A ClientHello that was read when it came.
    hello: Option<ClientHello<'a>>,
}

impl<'a> Received<'a> {
    pub(crate) const fn new(bytes: &'a [u8], end: Option<RecordEnd>) -> Self {
        Self { bytes, end, hello: None }
    }

    /// The same, as it was read.
    pub(crate) fn with(self, body: &Body<'a>) -> Self {
        let hello = if let Body::ClientHello(hello) = body { Some(*hello) } else { None };
        Self { hello, ..self }
    }

    /// The proof that nothing follows under the old keys.
    pub(crate) fn end(&self) -> Result<RecordEnd, Fault> {
        self.end.ok_or(Fault::KeyChangeInsideRecord)
    }

    /// The ClientHello that the open question is about: it is still where it came.
    pub(crate) fn client_hello(&self) -> Result<ClientHello<'a>, Fault> {
        if let Some(hello) = self.hello {
            return Ok(hello);
        }
        match Message::decode(self.bytes, Form::Tls13)?.body {
            Body::ClientHello(hello) => Ok(hello),
            _ => Err(Fault::UnexpectedMessage),
        }
    }
}

/// What a handler may touch.
pub(crate) struct Cx<'a> {
    pub(crate) info: &'a mut ConnectionInfo,
    pub(crate) entropy: &'a Entropy,
    pub(crate) tap: &'a Tap,
    pub(crate) writing: &'a mut Writing,
    pub(crate) read: &'a mut ReadKey,
}

impl Cx<'_> {
    /// Sends a handshake message under the present write key, and lends its
    /// bytes for the transcript.
    pub(crate) fn send(&mut self, message: Body<'_>) -> Result<&[u8], Error> {
        let level = self.writing.level();
        let bytes = self.writing.message(self.tap, |w| message.encode(w))?;
        self.tap.tell(|| Observed::Message { direction: Direction::Out, level, bytes });
        Ok(bytes)
    }

    /// The middlebox compatibility message (RFC 9846 appendix E.4).
    pub(crate) fn send_change_cipher_spec(&mut self) -> Result<(), Error> {
        Ok(self.writing.change_cipher_spec(self.tap)?)
    }

    /// From here on this side writes under `key`.
    pub(crate) fn k_send(&mut self, level: Level, key: Protection) -> Result<(), Error> {
        Ok(self.writing.set_key(self.tap, level, key)?)
    }

    /// From here on this side writes in the clear again.
    pub(crate) fn k_send_initial(&mut self) -> Result<(), Error> {
        Ok(self.writing.drop_key(self.tap)?)
    }

    /// From here on this side reads under `key`.
    pub(crate) fn k_recv(&mut self, level: Level, key: Protection, end: RecordEnd) {
        self.read.set(level, key, end);
    }

    /// The same for early data, of which so many bytes are taken.
    pub(crate) fn k_recv_early(&mut self, key: Protection, most: u32, end: RecordEnd) {
        self.k_recv(Level::Early, key, end);
        self.read.take_early_data(most);
    }

    /// The key that protects what is read now.
    pub(crate) fn read_key(&self) -> Result<&Protection, Error> {
        Ok(self.read.get()?)
    }

    /// The key that protects what is written now.
    pub(crate) fn write_key(&self) -> Result<&Protection, Error> {
        Ok(self.writing.key()?)
    }

    /// Shows each check of a report to the observer, then the verdict.
    pub(crate) fn show(&self, report: &Report, accepted: bool) {
        let tap = self.tap;
        if tap.listens() {
            report.checks().for_each(|check| tap.tell(|| Observed::Check(check)));
            let sentence = report.to_string();
            tap.tell(|| Observed::Verdict { accepted, sentence: &sentence });
        }
    }
}

/// A policy, or the application, vouches for the peer's chain.
#[derive(Debug)]
pub(crate) struct PeerVerified(pub(super) ());

/// A policy refused the peer's chain, and a person accepted it for this connection.
#[derive(Debug)]
pub(crate) struct PeerAccepted(pub(super) ());

/// An earlier handshake came to trust the peer, under the same policy; and whoever is to
/// judge it again has accepted it.
#[derive(Debug)]
pub(crate) struct PeerResumed(pub(super) ());

/// This side was told of the key by which it and the peer know each other.
#[derive(Debug)]
pub(crate) struct PeerPreShared(pub(super) ());

/// One of the four: no handshake completes without, but with a client that shows nothing.
#[derive(Debug)]
pub(crate) enum PeerTrusted {
    Verified(PeerVerified),
    Accepted(PeerAccepted),
    Resumed(PeerResumed),
    PreShared(PeerPreShared),
}

/// Who the peer is, if it proves it. Until then anybody could have sent what came,
/// and the connection says nothing of it.
pub(crate) struct Unproven {
    pub(super) peer: Peer,
    pub(super) resumed: bool,
    /// Each check, where a session's peer was judged again.
    pub(super) report: Option<Arc<Report>>,
}

/// How the peer shows that it is whom this side trusts.
pub(crate) enum KeyProof {
    /// It signed this handshake.
    Signed(SignatureVerified),
    /// Its Finished will show that it has a secret which nobody else has: that of
    /// an earlier session, a pre-shared key, or the one that was encrypted for its
    /// certificate's key.
    ByFinished(Box<Unproven>),
}

/// The peer signed this handshake with its certificate's key.
#[derive(Debug)]
pub(crate) struct SignatureVerified(pub(super) ());

/// The peer's Finished matches the handshake.
#[derive(Debug)]
pub(crate) struct FinishedVerified(pub(super) ());

/// CONNECTED: the handshake is complete. The peer's Finished is the last proof;
/// the others were demanded before it.
pub(crate) struct Connected {
    pub(crate) exporter: Exporter,
    pub(crate) finished: FinishedVerified,
    pub(crate) holds: Holds,
}

/// What one side alone holds when the handshake is complete.
pub(crate) enum Holds {
    Nothing,
    /// A client of TLS 1.3 that keeps sessions: what makes them.
    Keeper(Box<Keeper>),
    /// A server: whose certificate it has shown.
    Shown(Arc<Identity>),
}

impl Holds {
    pub(crate) fn keeper(&self) -> Option<&Keeper> {
        match self {
            Self::Keeper(keeper) => Some(keeper),
            Self::Nothing | Self::Shown(_) => None,
        }
    }

    /// The certificate that this side has shown as a server.
    pub(crate) fn shown(&self) -> Option<&CertificateDer<'static>> {
        match self {
            Self::Shown(identity) => Some(identity.leaf()),
            Self::Nothing | Self::Keeper(_) => None,
        }
    }
}

/// Where keying material for the application comes from.
pub(crate) enum Exporter {
    /// RFC 9846 section 7.5.
    Tls13(ExporterSecret),
    /// The same where early data was accepted, and its early form.
    Early(Box<[ExporterSecret; 2]>),
    /// RFC 5705, with a master secret that is bound to the handshake.
    Tls12(tls12::ExporterSecret),
    /// Without extended_master_secret two connections can have the same master
    /// secret: what is exported would prove nothing (RFC 7627 section 5.4).
    Refused,
}

impl Exporter {
    pub(crate) fn tls13(exporter: ExporterSecret, early: Option<ExporterSecret>) -> Self {
        match early {
            None => Self::Tls13(exporter),
            Some(early) => Self::Early(Box::new([exporter, early])),
        }
    }

    /// That of early data, where it was accepted.
    pub(crate) fn early(&self) -> Option<&ExporterSecret> {
        match self {
            Self::Early(both) => Some(&both[1]),
            _ => None,
        }
    }

    /// `first_finished` is the verify_data of the Finished that came first.
    pub(crate) fn tls12(
        master: MasterSecret,
        randoms: Randoms<'_>,
        first_finished: &Digest,
        extended_master_secret: bool,
    ) -> Self {
        match extended_master_secret {
            true => Self::Tls12(master.exporter(randoms, first_finished)),
            false => Self::Refused,
        }
    }

    pub(crate) fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        let exported = match self {
            Self::Tls13(secret) => secret.export(label, context.unwrap_or_default(), out),
            Self::Early(both) => both[0].export(label, context.unwrap_or_default(), out),
            Self::Tls12(secret) => secret.export(label, context, out),
            Self::Refused => return Err(Error::Misuse(UNBOUND)),
        };
        exported.map_err(bad_lengths)
    }

    /// tls-unique (RFC 5929 section 3.1).
    pub(crate) fn first_finished(&self) -> Result<&[u8; 12], Error> {
        match self {
            Self::Tls13(_) | Self::Early(_) => Err(Error::Misuse(
                "tls-unique is of TLS 1.2 alone: in TLS 1.3 tls-exporter takes its place (RFC 9266)",
            )),
            Self::Tls12(secret) => Ok(secret.first_finished()),
            Self::Refused => Err(Error::Misuse(UNBOUND)),
        }
    }
}

const UNBOUND: &str =
    "the peer does not speak extended_master_secret, without which keying material identifies no connection";

/// Keying material of early data (RFC 9846 section 7.5).
pub(crate) fn export_early(
    secret: Option<&ExporterSecret>,
    label: &str,
    context: Option<&[u8]>,
    out: &mut [u8],
) -> Result<(), Error> {
    let secret = secret.ok_or(Error::Misuse(
        "there is no early data whose keying material this could be: none is offered, or it was rejected",
    ))?;
    secret.export(label, context.unwrap_or_default(), out).map_err(bad_lengths)
}

fn bad_lengths(_: crypto::Failed) -> Error {
    Error::Misuse("the exporter's label, context or output has a length that it cannot have")
}

/// The last row of each table.
pub(crate) fn unexpected(got: &Input<'_>) -> Error {
    match got {
        Input::Message(_) => Fault::UnexpectedMessage.into(),
        Input::ChangeCipherSpec(_) => Fault::BadChangeCipherSpec.into(),
        Input::Reply(_) => Error::Misuse(NO_QUESTION),
    }
}

/// The two ways to misuse `answer`.
pub(crate) const WRONG_ANSWER: &str = "the answer does not fit the question that is open";

pub(crate) const NO_QUESTION: &str = "no question is open that this could answer";
