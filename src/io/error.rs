//! This crate's errors inside of [`std::io::Error`], and out again.

use crate::error::Error;
use std::io::{self, ErrorKind};

impl Error {
    /// The error inside of an [`io::Error`] that a stream of this crate returned.
    ///
    /// ```
    /// use handfast::Error;
    /// let io = std::io::Error::from(Error::Truncated);
    /// assert_eq!(io.kind(), std::io::ErrorKind::UnexpectedEof);
    /// assert!(matches!(Error::of_io(&io), Some(Error::Truncated)));
    /// ```
    pub fn of_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(kind(&error), error)
    }
}

fn kind(error: &Error) -> ErrorKind {
    match error {
        Error::EndOfStream { .. } | Error::Truncated => ErrorKind::UnexpectedEof,
        Error::TimedOut { .. } => ErrorKind::TimedOut,
        Error::AlertReceived { .. } | Error::GivenUp { .. } | Error::Aborted { .. } => {
            ErrorKind::ConnectionAborted
        }
        Error::CertificateRefused(_) | Error::CertificateRejected { .. } => ErrorKind::PermissionDenied,
        Error::Misuse(_) | Error::Unanswered(_) => ErrorKind::InvalidInput,
        Error::CannotSign | Error::Limit(_) | Error::KeyUsedUp | Error::Crypto => ErrorKind::Other,
        _ => ErrorKind::InvalidData,
    }
}

/// The error of a write after this side's close_notify.
pub(super) fn write_after_close() -> io::Error {
    io::Error::new(ErrorKind::BrokenPipe, "this side has said with close_notify that it sends no more")
}
