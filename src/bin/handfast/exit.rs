//! Exit codes: the class of a failure.

use handfast::{AlertDescription, Error, Fault};
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Success = 0,
    Certificate = 1,
    Misuse = 2,
    Protocol = 3,
    Alert = 4,
    NothingInCommon = 5,
    Network = 6,
    Local = 7,
    Http = 8,
    Ending = 9,
    ClosedPipe = 141,
}

impl Exit {
    /// The table of `--help`.
    pub(crate) const HELP: &str = "\
Exit codes:
  0  the handshake is complete; the peer's certificate was accepted by the checks,
     by --insecure or by you
  1  the peer's certificate was refused
  2  misuse: a wrong argument, a file or standard output that cannot be read or written
  3  the peer does not speak TLS, or broke the protocol
  4  the peer ended the connection with an alert
  5  nothing in common: version, suite, group, signature or application protocol,
     found out on this side or said by the peer's alert
  6  the network: no such host, refused, reset, silence, closed in mid-handshake or
     without close_notify
  7  this side could not go on: a limit, the system's randomness
  8  get only: TLS went well, but the answer is not HTTP, not whole, a redirect that is
     not followed, or, with --fail, a status of 400 or more
  9  explain and verify only: it went well, but the certificate ends within --expires-within
  141  it went well, but whoever read the output closed the pipe before its end";

    /// The class's name in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Certificate => "certificate",
            Self::Misuse => "misuse",
            Self::Protocol => "protocol",
            Self::Alert => "alert",
            Self::NothingInCommon => "nothing_in_common",
            Self::Network => "network",
            Self::Local => "local",
            Self::Http => "http",
            Self::Ending => "ending",
            Self::ClosedPipe => "closed_pipe",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::CertificateRefused(_) | Error::CertificateRejected { .. } => Self::Certificate,
            Error::Peer { .. } if is_old_version(error) => Self::NothingInCommon,
            Error::Peer { .. } | Error::NotTls { .. } => Self::Protocol,
            Error::AlertReceived { description, .. } if shares_nothing(*description) => Self::NothingInCommon,
            Error::AlertReceived { .. } => Self::Alert,
            Error::NothingInCommon { .. } => Self::NothingInCommon,
            Error::EndOfStream { .. } | Error::Truncated => Self::Network,
            _ => Self::Local,
        }
    }
}

/// Whether the peer chose a version that this side does not speak.
pub(crate) fn is_old_version(error: &Error) -> bool {
    error.fault() == Some(Fault::OldVersion)
}

/// The alerts of a peer that found nothing in common.
fn shares_nothing(description: AlertDescription) -> bool {
    [
        AlertDescription::PROTOCOL_VERSION,
        AlertDescription::HANDSHAKE_FAILURE,
        AlertDescription::INSUFFICIENT_SECURITY,
        AlertDescription::NO_APPLICATION_PROTOCOL,
    ]
    .contains(&description)
}
