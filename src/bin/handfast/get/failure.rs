//! Why it failed: before HTTP as `explain` says it, and in HTTP.

use crate::exit::Exit;
use crate::explain::failure::Failure as Before;
use crate::idle;
use crate::text::clean;
use handfast::Error;
use std::error::Error as _;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::time::Instant;

/// Why it failed.
pub(crate) enum Failure {
    /// The command line, the network or TLS.
    Before(Before),
    /// The handshake began, and was not complete in time; `limit` is the option that says which.
    Slow { waited: Duration, bytes: u64, silent: Duration, state: String, limit: &'static str },
    /// Nothing moved for so long, and the answer is not whole.
    Silence { waited: Duration, phase: Phase },
    /// What came is not HTTP, or not whole.
    Http(String),
    /// A status of 400 or more, with `--fail`.
    Status(String),
    /// A redirect that is not followed.
    Redirect(String),
    /// The body cannot be written.
    Output(io::Error),
}

/// How far the answer had come.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    /// So many bytes of its header.
    Head(u64),
    /// So many bytes of its body, of so many if that was said.
    Body(u64, Option<u64>),
}

impl Failure {
    /// The handshake is not complete, and it is late.
    pub(crate) fn slow(began: Instant, heard: idle::Heard, state: String, limit: &'static str) -> Self {
        let waited = began.elapsed();
        match heard.bytes {
            0 => Self::Before(Before::Silence { waited, received: 0 }),
            bytes => Self::Slow { waited, bytes, silent: heard.last.elapsed(), state, limit },
        }
    }

    pub(crate) fn misuse(text: impl Into<String>) -> Self {
        Self::Before(Before::Misuse(text.into()))
    }

    /// From an error of the stream: this library's is inside of it, if it is one.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        match Error::of_io(error) {
            Some(tls) => Self::Before(Before::Tls { error: tls.clone(), received: 1 }),
            // HTTP's own: a stream that is cut is an error of TLS.
            None if error.kind() == ErrorKind::UnexpectedEof => Self::incomplete(),
            None => Self::Before(Before::Transport(io::Error::new(error.kind(), error.to_string()))),
        }
    }

    fn incomplete() -> Self {
        Self::Http("the answer ends before its end".to_owned())
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Before(failure) => failure.exit(),
            Self::Slow { .. } | Self::Silence { .. } => Exit::Network,
            Self::Http(_) | Self::Status(_) | Self::Redirect(_) => Exit::Http,
            Self::Output(_) => Exit::Misuse,
        }
    }
}

impl Failure {
    /// What the transport says is inside of what HTTP says. `idle` is how long a
    /// silence may be, `phase` how far the answer came.
    pub(crate) fn of_http(error: &hyper::Error, idle: Duration, phase: Phase) -> Self {
        let mut cause = error.source();
        while let Some(inner) = cause {
            match inner.downcast_ref::<io::Error>() {
                Some(io) if is_idle(io) => return Self::Silence { waited: idle, phase },
                Some(io) => return Self::of_io(io),
                None => cause = inner.source(),
            }
        }
        match error.is_incomplete_message() {
            true => Self::incomplete(),
            false => Self::Http(format!("the answer is not HTTP: {error}")),
        }
    }
}

/// Whether this is the idle stream's own verdict.
pub(crate) fn is_idle(error: &io::Error) -> bool {
    Error::of_io(error).is_none() && error.kind() == ErrorKind::TimedOut
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(failure) => failure.fmt(f),
            Self::Slow { waited, bytes, silent, state, limit } => write!(
                f,
                "the handshake was not complete after {} ({state}): {} came, the last {} ago; \
                 {limit} says how long to wait",
                seconds(waited),
                count(*bytes),
                seconds(silent),
            ),
            Self::Silence { waited, phase } => {
                match phase {
                    Phase::Head(0) => f.write_str("the server took the request, but no answer came")?,
                    Phase::Head(came) => {
                        write!(f, "the answer stopped after {} of its header", count(*came))?
                    }
                    Phase::Body(came, None) => {
                        write!(f, "the answer stopped after {} of its body", count(*came))?
                    }
                    Phase::Body(came, Some(whole)) => {
                        write!(f, "the answer stopped after {came} of {} of its body", count(*whole))?;
                    }
                }
                write!(f, ": nothing moved for {}; --idle-timeout says how long to wait", seconds(waited))
            }
            Self::Http(text) => f.write_str(&clean(text)),
            Self::Status(status) => write!(f, "the server answered {}", clean(status)),
            Self::Redirect(text) => write!(f, "the redirect is not followed: {}", clean(text)),
            Self::Output(error) => write!(f, "the body cannot be written: {error}"),
        }
    }
}

fn seconds(time: &Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn count(bytes: u64) -> String {
    format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" })
}
