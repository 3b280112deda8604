//! What was negotiated, by whom, and why.

use crate::pki::{CertificateDer, Report};
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::sync::Arc;

/// How this side came to trust the peer's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// The peer showed no certificate.
    #[default]
    Anonymous,
    /// The configured policy accepted it.
    Policy,
    /// The application accepted it, asked with `Question::Verify`.
    Application,
    /// The policy refused it, and a person accepted it for this connection, for this reason.
    AcceptedThisOnce(Box<str>),
}

/// What a connection has negotiated so far. A field is `None` until then.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The protocol version.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite, chosen by the server.
    pub suite: Option<CipherSuite>,
    /// The key exchange group, chosen by the server. A session of TLS 1.2 that is
    /// resumed exchanges no keys: it is the one of the handshake that began it.
    pub group: Option<NamedGroup>,
    /// The scheme of the peer's signature, chosen by the peer.
    pub peer_scheme: Option<SignatureScheme>,
    /// The scheme of this side's signature, chosen by this side.
    pub own_scheme: Option<SignatureScheme>,
    /// Whether TLS 1.2's master secret is bound to the handshake (RFC 7627).
    pub extended_master_secret: bool,
    /// Whether an earlier session was resumed. Then the peer's chain, and how
    /// this side came to trust it, are those of the handshake that began it.
    pub resumed: bool,
    /// Whether the server asked for a second ClientHello.
    pub retried: bool,
    /// How this side came to trust the peer.
    pub trust: Trust,
    /// The application protocol, chosen by the server (RFC 7301).
    pub alpn: Option<Box<[u8]>>,
    /// The name that the client asked for (RFC 6066 section 3).
    pub server_name: Option<Box<str>>,
    /// The peer's chain as it sent it, its own certificate first.
    pub peer_chain: Option<Arc<[CertificateDer<'static>]>>,
    /// Each check on the peer's chain, where a policy of this crate judged it.
    pub report: Option<Arc<Report>>,
    /// Why this side chose what it chose, a sentence each; empty on the side that only offers.
    pub reasons: Reasons,
}

/// Why a server chose what it chose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reasons {
    /// The cipher suite.
    pub suite: Option<&'static str>,
    /// The group.
    pub group: Option<&'static str>,
    /// The certificate.
    pub certificate: Option<&'static str>,
}
