//! Why it failed: before HTTP as `explain` says it, and in HTTP.

use crate::exit::Exit;
use crate::explain::failure::Failure as Before;
use crate::text::clean;
use handfast::Error;
use std::error::Error as _;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why it failed.
pub(crate) enum Failure {
    /// The command line, the network or TLS.
    Before(Before),
    /// The transport fell silent while an answer was awaited.
    Silence,
    /// What came is not HTTP, or not whole.
    Http(String),
    /// A status of 400 or more, with `--fail`.
    Status(String),
    /// A redirect that is not followed.
    Redirect(String),
    /// The body cannot be written.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn misuse(text: impl Into<String>) -> Self {
        Self::Before(Before::Misuse(text.into()))
    }

    /// From an error of the stream: this library's is inside of it, if it is one.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        match Error::of_io(error) {
            Some(tls) => Self::Before(Before::Tls { error: tls.clone(), received: 1 }),
            None if error.kind() == ErrorKind::TimedOut => Self::Silence,
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
            Self::Silence => Exit::Network,
            Self::Http(_) | Self::Status(_) | Self::Redirect(_) => Exit::Http,
            Self::Output(_) => Exit::Misuse,
        }
    }
}

impl From<hyper::Error> for Failure {
    /// What the transport says is inside of what HTTP says.
    fn from(error: hyper::Error) -> Self {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(io) = inner.downcast_ref::<io::Error>() {
                return Self::of_io(io);
            }
            cause = inner.source();
        }
        match error.is_incomplete_message() {
            true => Self::incomplete(),
            false => Self::Http(format!("the answer is not HTTP: {error}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(failure) => failure.fmt(f),
            Self::Silence => f.write_str("the server fell silent: --idle-timeout says how long to wait"),
            Self::Http(text) => f.write_str(&clean(text)),
            Self::Status(status) => write!(f, "the server answered {}", clean(status)),
            Self::Redirect(text) => write!(f, "the redirect is not followed: {}", clean(text)),
            Self::Output(error) => write!(f, "the body cannot be written: {error}"),
        }
    }
}
