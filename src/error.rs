//! What ends a connection, gathered from the floors below.
//!
//! Every message says what was found, what was expected and, where one is
//! known, what to do. [`Error::alert`] gives the alert that the peer was sent.

use crate::alert::{AlertDescription, AlertLevel};
use crate::crypto;
use crate::fault::Fault;
use crate::pki::Report;
use crate::record::SendError;
use crate::said::debug_is_display;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a connection ended. Cheap to clone: a failed connection repeats it for ever.
///
/// `{}` and `{:?}` are the sentence, so that `unwrap` and a `main` that returns the
/// error print it; `{:#}` and `{:#?}` add each check of a certificate that was refused.
///
/// ```
/// use handfast::{Error, Fault};
/// let error = Error::Peer { fault: Fault::UnofferedSuite, state: "WaitSh" };
/// assert_eq!(
///     error.to_string(),
///     "the peer chose a cipher suite that was not offered (RFC 9846 4.2.3), in state WaitSh",
/// );
/// assert_eq!(format!("{error:?}"), error.to_string());
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule of the protocol.
    #[error("{fault}, in state {state}")]
    Peer {
        /// The rule.
        fault: Fault,
        /// The state in which this side was, by its name in RFC 9846 Appendix A.
        state: &'static str,
    },
    /// The peer ended the connection with an alert.
    #[error("the peer sent the alert {description}, in state {state}{}", hint_for(*description))]
    AlertReceived {
        /// The alert.
        description: AlertDescription,
        /// The state in which this side was.
        state: &'static str,
    },
    /// The peer's certificate was refused; the report has each check.
    #[error(fmt = fmt::Display::fmt)]
    CertificateRefused(Arc<Report>),
    /// The application, asked to judge the peer's certificate, refused it.
    #[error("the application refused the peer's certificate: {reason}")]
    CertificateRejected {
        /// The application's reason.
        reason: String,
        /// The alert that says so.
        alert: AlertDescription,
    },
    /// A server has no certificate for the host that the client names: none of its
    /// configuration's, where [one is required](crate::ServerConfig::require_server_name),
    /// or none of the application's, where that is asked.
    #[error("this server has no certificate for the name that the client asks for")]
    NoCertificate,
    /// The client offers no pre-shared key that this server has, or none with the hash
    /// of the cipher suite, and certificates are out of the question: the server has
    /// none, or the client takes none.
    #[error(
        "the client offers no pre-shared key that this server has, and a certificate will not do (RFC 9846 6.2)"
    )]
    NoPreSharedKey,
    /// Both sides speak TLS, but share no parameter of this kind.
    #[error("no {what} in common: the peer offers {theirs}; this side takes {ours}")]
    NothingInCommon {
        /// The kind of parameter: `cipher suite`, `group`, `signature scheme`,
        /// `certificate type`, `version`, `key exchange mode`.
        what: &'static str,
        /// What this side takes.
        ours: String,
        /// What the peer offers.
        theirs: String,
        /// The alert that says so.
        alert: AlertDescription,
    },
    /// The peer's first bytes are not a TLS record.
    #[error("the peer does not speak TLS: its first bytes are {first_bytes}{}", looks(*looks_like))]
    NotTls {
        /// The protocol that it seems to speak, if it is a known one.
        looks_like: Option<&'static str>,
        /// The bytes, escaped.
        first_bytes: String,
    },
    /// The transport ended before the handshake did.
    #[error("the connection ended in mid-handshake, in state {state}, without an alert")]
    EndOfStream {
        /// The state in which this side was.
        state: &'static str,
    },
    /// The handshake took longer than it may. A connector or an acceptor has closed
    /// the transport.
    #[error(
        "the handshake was not done within {within:?}: in state {state} this side waited for {waited_for}; \
         handshake_within sets another time"
    )]
    TimedOut {
        /// The state in which this side was.
        state: &'static str,
        /// For what it waited: the peer, the application's answer, a place among others.
        waited_for: &'static str,
        /// The time that it had.
        within: Duration,
    },
    /// The transport ended after the handshake without close_notify: data may be
    /// missing, cut off by somebody between (RFC 9846 section 6.1).
    #[error("the connection was cut: it ended without close_notify, so data may be missing (RFC 9846 6.1)")]
    Truncated,
    /// This side closed the connection before the handshake was complete.
    #[error("this side closed the connection in mid-handshake, in state {state}")]
    GivenUp {
        /// The state in which this side was.
        state: &'static str,
    },
    /// The application ended the connection with an alert.
    #[error("this side ended the connection with the alert {description}, as its application asked")]
    Aborted {
        /// The alert.
        description: AlertDescription,
    },
    /// The application called something that cannot be called now, or gave an
    /// answer that does not fit the question. The connection is unharmed.
    #[error("{0}")]
    Misuse(&'static str),
    /// The handshake asks something, and whoever drives it had no answer. The
    /// question stays open: the same call with an answer goes on.
    #[error("{0}")]
    Unanswered(&'static str),
    /// The private key could not sign: its holder said so, with
    /// [`Answer::CannotSign`](crate::Answer::CannotSign), or its library failed.
    #[error("this side cannot go on: its private key could not sign")]
    CannotSign,
    /// A limit of this side was reached.
    #[error("a limit of this side was reached: {0}")]
    Limit(&'static str),
    /// This side's key has protected as much as one may, and TLS 1.2 has no way to
    /// another (RFC 9846 section 5.5). close_notify is sent; reading goes on.
    #[error(
        "the key has protected as much as it may (RFC 9846 5.5), and TLS 1.2 cannot change it: \
         go on with a new connection, or with TLS 1.3"
    )]
    KeyUsedUp,
    /// An operation of the cryptographic library failed that a peer cannot make fail.
    #[error("the cryptographic library failed")]
    Crypto,
}

debug_is_display!(Error);

impl Error {
    /// The alert that tells the peer, or `None` where none is sent: the peer
    /// ended the connection itself, or the connection is unharmed.
    pub fn alert(&self) -> Option<AlertDescription> {
        match self {
            Self::Peer { fault, .. } => Some(fault.alert()),
            Self::CertificateRefused(report) => {
                Some(report.alert().unwrap_or(AlertDescription::BAD_CERTIFICATE))
            }
            Self::CertificateRejected { alert, .. } | Self::NothingInCommon { alert, .. } => Some(*alert),
            Self::Aborted { description } => Some(*description),
            Self::NoPreSharedKey => Some(AlertDescription::UNKNOWN_PSK_IDENTITY),
            Self::NoCertificate => Some(AlertDescription::UNRECOGNIZED_NAME),
            Self::KeyUsedUp => Some(AlertDescription::CLOSE_NOTIFY),
            Self::NotTls { .. } => Some(AlertDescription::PROTOCOL_VERSION),
            Self::CannotSign | Self::Limit(_) | Self::Crypto => Some(AlertDescription::INTERNAL_ERROR),
            Self::AlertReceived { .. } | Self::EndOfStream { .. } | Self::Truncated => None,
            Self::GivenUp { .. } | Self::TimedOut { .. } | Self::Misuse(_) | Self::Unanswered(_) => None,
        }
    }

    /// That alert, with the level at which it is sent.
    pub(crate) fn alert_to_send(&self) -> Option<(AlertLevel, AlertDescription)> {
        let level = self.fault().map_or(AlertLevel::Fatal, Fault::level);
        self.alert().map(|description| (level, description))
    }

    /// The rule that the peer broke, if that is what happened.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Peer { fault, .. } => Some(*fault),
            _ => None,
        }
    }

    /// Fills in where it happened: the dispatcher knows the state, the handler need not.
    pub(crate) fn in_state(self, state: &'static str) -> Self {
        match self {
            Self::Peer { fault, state: "" } => Self::Peer { fault, state },
            other => other,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Peer { fault, state: "" }
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full => Self::Limit("more bytes wait to be sent than the outbox holds"),
            SendError::TooLong => Self::Limit("a message to be sent is longer than its length field can say"),
            SendError::KeyUsedUp => Self::KeyUsedUp,
        }
    }
}

impl From<crypto::Failed> for Error {
    fn from(_: crypto::Failed) -> Self {
        Self::Crypto
    }
}

fn looks(like: Option<&'static str>) -> String {
    match like {
        Some(protocol) => format!(" (it looks like {protocol}; is this the right port?)"),
        None => String::new(),
    }
}

/// What an alert usually means for the side that receives it.
fn hint_for(description: AlertDescription) -> &'static str {
    match description {
        AlertDescription::PROTOCOL_VERSION => ": it speaks none of the offered versions",
        AlertDescription::HANDSHAKE_FAILURE => ": it found no suite, group or signature scheme in common",
        AlertDescription::UNKNOWN_CA => {
            ": it does not know the authority that signed this side's certificate"
        }
        AlertDescription::UNKNOWN_PSK_IDENTITY => ": it has none of the pre-shared keys that were offered",
        AlertDescription::CERTIFICATE_REQUIRED => ": it requires a certificate from this side",
        AlertDescription::NO_APPLICATION_PROTOCOL => ": it speaks none of the offered application protocols",
        AlertDescription::UNRECOGNIZED_NAME => ": it does not serve the name that was asked for",
        AlertDescription::BAD_RECORD_MAC => ": what this side sent did not decrypt there",
        _ => "",
    }
}
