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
///
/// Who the peer is, is said when it has proven it, and not while anybody could
/// have sent what came: `trust`, `peer_chain`, `peer_ocsp` and `peer_scheme` at
/// its signature, or at its Finished where it signs nothing; and whatever a
/// resumed session says, at its Finished. A handshake that fails takes them back.
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
    /// The OCSP response in DER that a server stapled to its chain (RFC 9846
    /// section 4.5.1.1), whatever it says.
    pub peer_ocsp: Option<Arc<Vec<u8>>>,
    /// Each check on the peer's chain, where a policy of this crate judged it. It
    /// is there as soon as the chain is judged, and after a failure, too: see
    /// [`is_proven`](Self::is_proven).
    pub report: Option<Arc<Report>>,
    /// Why this side chose what it chose, a sentence each; empty on the side that only offers.
    pub reasons: Reasons,
}

impl ConnectionInfo {
    /// Whether the peer has proven that the chain is its own of which the report
    /// tells. If not, it showed a chain that anybody could have copied.
    pub const fn is_proven(&self) -> bool {
        self.peer_chain.is_some()
    }

    /// The handshake failed: whoever the peer was, nothing was agreed with it.
    pub(crate) fn take_back(&mut self) {
        self.trust = Trust::Anonymous;
        self.resumed = false;
        (self.peer_chain, self.peer_ocsp, self.peer_scheme) = (None, None, None);
    }
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
