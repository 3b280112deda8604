//! What `next()` returns.

use crate::question::Question;

/// What happened, or what is needed, next.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // lent, and looked at once: a box would cost more
pub enum Event<'a> {
    /// All that arrived is used up: read from the transport into `space()`.
    NeedInput,
    /// The handshake waits for an answer; repeated until `answer()` is called.
    Ask(Question<'a>),
    /// The handshake is complete: the peer is authenticated, data may flow.
    HandshakeDone,
    /// Application data, lent until `consume()` takes it; what is left comes again.
    Data(&'a [u8]),
    /// The peer will send no more; repeated for ever. This side may still send, in
    /// TLS 1.2, too, and [`close`](crate::Connection::close) answers.
    Closed(Close),
}

/// How the peer's direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// With close_notify: all that the peer sent has arrived.
    Clean,
    /// The transport ended without close_notify: data may be missing, cut off
    /// by somebody between (RFC 9846 section 6.1).
    Truncated,
}
