//! Why it failed, in a sentence, with what to do where that is known.

use super::target::Target;
use crate::exit::{Exit, is_old_version};
use crate::text::clean;
use handfast::{AlertDescription, Error};
use std::fmt;
use std::io;
use std::time::Duration;

/// Why it failed.
pub(crate) enum Failure {
    /// The command line, or a file that it names.
    Misuse(String),
    /// The library says why; so many bytes had come from the peer.
    Tls {
        error: Error,
        received: u64,
    },
    NotFound {
        host: String,
        why: io::Error,
    },
    Connect {
        to: Target,
        why: io::Error,
    },
    Reset {
        received: u64,
    },
    Silence {
        waited: Duration,
        received: u64,
    },
    Transport(io::Error),
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Misuse(_) => Exit::Misuse,
            Self::Tls { error, .. } => error.into(),
            _ => Exit::Network,
        }
    }
}

impl Failure {
    /// Whether it is the peer's alert that says so.
    pub(crate) fn is_alert(&self) -> bool {
        matches!(self, Self::Tls { error: Error::AlertReceived { .. }, .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(text) => f.write_str(text),
            Self::Tls { error, received } => tls(f, error, *received),
            Self::NotFound { host, why } => {
                write!(
                    f,
                    "no address was found for {}: {why}; is the name right, and is there a network?",
                    clean(host)
                )
            }
            Self::Connect { to, why } => match why.kind() {
                io::ErrorKind::ConnectionRefused => {
                    write!(
                        f,
                        "{to} refused the connection: the host is there, but nothing listens on this port"
                    )
                }
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                    write!(
                        f,
                        "{to} did not answer: the host is down, or a firewall drops what is sent to this port"
                    )
                }
                _ => write!(f, "cannot connect to {to}: {why}"),
            },
            Self::Reset { received: 0 } => f.write_str(
                "the peer reset the connection after the ClientHello, without a word of TLS: \
                 it may not speak TLS here, or something between disliked the ClientHello",
            ),
            Self::Reset { .. } => {
                f.write_str("the peer reset the connection in mid-handshake, without an alert")
            }
            Self::Silence { waited, received: 0 } => write!(
                f,
                "the peer took the connection, but sent nothing for {:.1} s: it may wait for another protocol, \
                 or something between swallowed the ClientHello",
                waited.as_secs_f64()
            ),
            Self::Silence { waited, .. } => {
                write!(
                    f,
                    "the peer fell silent in mid-handshake: {:.1} s were not enough",
                    waited.as_secs_f64()
                )
            }
            Self::Transport(why) => write!(f, "the connection failed: {why}"),
        }
    }
}

fn tls(f: &mut fmt::Formatter<'_>, error: &Error, received: u64) -> fmt::Result {
    match error {
        Error::AlertReceived { description: AlertDescription::PROTOCOL_VERSION, .. } => f.write_str(
            "the peer speaks only versions that this side did not offer (its alert says protocol_version)",
        ),
        Error::Peer { .. } if is_old_version(error) => {
            write!(f, "the peer speaks only older versions of TLS: {error}")
        }
        Error::EndOfStream { .. } if received == 0 => f.write_str(
            "the peer closed the connection after the ClientHello, without a word of TLS: \
             it may not speak TLS here, or not for this name",
        ),
        Error::CertificateRefused(report) => {
            f.write_str(&clean(report.sentence()))?;
            report.hint().map_or(Ok(()), |hint| write!(f, "\n  hint: {}", clean(hint)))
        }
        _ => f.write_str(&clean(&error.to_string())),
    }
}
