//! What became of early data, in words (RFC 9846 sections 2.3 and 4.3.10).

use std::fmt;

/// What became of 0-RTT data on a connection.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (client, _) = pair::connected();
/// use handfast::{EarlyData, EarlyReason};
/// assert_eq!(client.info().early_data, EarlyData::NotOffered(EarlyReason::Off));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EarlyData {
    /// The client offers none, for this reason.
    NotOffered(EarlyReason),
    /// The client offers it, and the server has not decided yet.
    Offered,
    /// The server takes it.
    Accepted,
    /// The server does not take it, for this reason: what was sent is lost.
    Rejected(EarlyReason),
}

impl Default for EarlyData {
    fn default() -> Self {
        Self::NotOffered(EarlyReason::Off)
    }
}

/// Why there is no early data; its [`sentence`](EarlyReason::sentence) says it in words.
///
/// ```
/// let why = handfast::EarlyReason::Stale;
/// assert_eq!(why.to_string(), "the ticket's age is not the one that the client says");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EarlyReason {
    /// This side's configuration does not turn it on.
    Off,
    /// The client has no session to resume in TLS 1.3.
    NoSession,
    /// The session's ticket allows none.
    NotAllowed,
    /// The session began with an application protocol that is not offered or chosen now.
    OtherAlpn,
    /// The session's cipher suite is not offered or chosen now.
    OtherSuite,
    /// The server name is not that of the session.
    OtherName,
    /// The application is to judge the server again, which it does when that has answered.
    NotJudged,
    /// The client did not ask for it.
    NotAsked,
    /// The server asked for a second ClientHello.
    Retried,
    /// The server does not resume the session.
    NotResumed,
    /// The server resumes another key than the first that was offered.
    NotTheFirst,
    /// The ticket's age, as the client says it, is not its age here.
    Stale,
    /// The register has seen this ClientHello.
    Replayed,
    /// The register cannot say whether it has seen this ClientHello.
    RegisterUnsure,
    /// The ticket was made beside another register, which could have seen this ClientHello.
    OtherRegister,
    /// The version is not that of the session.
    OtherVersion,
    /// The server does not say why.
    Unsaid,
}

impl EarlyReason {
    /// In plain words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Off => "the configuration does not allow it",
            Self::NoSession => "there is no session of TLS 1.3 to resume",
            Self::NotAllowed => "the session's ticket does not allow it",
            Self::OtherAlpn => "the application protocol is not that of the session",
            Self::OtherSuite => "the cipher suite is not that of the session",
            Self::OtherName => "the server name is not that of the session",
            Self::NotJudged => "the application is to judge the server again, when that has answered",
            Self::NotAsked => "the client did not ask for it",
            Self::Retried => "the server asked for another ClientHello",
            Self::NotResumed => "the server does not resume the session",
            Self::NotTheFirst => "the server resumes another key than the first that is offered",
            Self::Stale => "the ticket's age is not the one that the client says",
            Self::Replayed => "the same ClientHello was seen before",
            Self::RegisterUnsure => "the register of replays could not say that it is the first",
            Self::OtherRegister => "the ticket was made beside another register of replays",
            Self::OtherVersion => "the version is not that of the session",
            Self::Unsaid => "the server resumes the session and refuses it, and does not say why",
        }
    }
}

impl fmt::Display for EarlyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}
