//! What was negotiated, by whom, and why.

use crate::crypto::lent::{Kept, Lent, List};
use crate::early::EarlyData;
use crate::pki::{CertificateDer, Report};
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// How this side came to trust the peer.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (client, server) = pair::connected();
/// use handfast::Trust;
/// assert_eq!(client.info().trust, Trust::Policy); // its roots know the server
/// assert_eq!(server.info().trust, Trust::Anonymous); // it asked for no certificate
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// The peer showed no certificate, and has no key either.
    #[default]
    Anonymous,
    /// The configured policy accepted it.
    Policy,
    /// The application accepted it, asked with `Question::Verify`.
    Application,
    /// The policy refused it, and a person accepted it for this connection, for this reason.
    AcceptedThisOnce(Box<str>),
    /// The peer has the pre-shared key of this identity, and showed no certificate
    /// (RFC 9846 section 2.2).
    PreSharedKey(Arc<[u8]>),
}

/// What a connection has negotiated so far. A field is `None` until then.
///
/// Who the peer is, is said when it has proven it, and not while anybody could
/// have sent what came: `trust`, `peer_chain`, `peer_ocsp` and `peer_scheme` at
/// its signature, or at its Finished where it signs nothing; and whatever a
/// resumed session says, at its Finished. A handshake that fails takes them back.
///
/// What it shows of itself is read in the same way, but stands apart, as [`Shown`]:
/// a server whose clients show nothing has no memory for it.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # use handfast::wire::ProtocolVersion;
/// # let (client, _) = pair::connected();
/// let info = client.info();
/// assert_eq!(info.version, Some(ProtocolVersion::TLS13));
/// assert!(info.is_proven() && !info.resumed);
/// ```
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
    /// What became of 0-RTT data, and why.
    pub early_data: EarlyData,
    /// Octets of early data that this side sent. Those that were rejected are lost:
    /// the application may send them again, and nobody else does.
    pub early_data_sent: u32,
    /// The application protocol, chosen by the server (RFC 7301).
    pub alpn: Option<Box<[u8]>>,
    /// The name that the client asked for (RFC 6066 section 3).
    pub server_name: Option<Box<str>>,
    /// Why this side chose what it chose, a sentence each; empty on the side that only offers.
    pub reasons: Reasons,
    /// Of what a peer shows, where it shows anything.
    shown: Lent<Shown>,
}

/// What the peer has shown of itself; all but the report is there when it is proven.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (client, _) = pair::connected();
/// // Its fields are those of the connection's information, too.
/// let chain = client.info().peer_chain.as_ref().ok_or("it showed nothing")?;
/// println!("the server's own certificate has {} bytes", chain[0].len());
/// assert!(client.info().report.is_some() && client.info().peer_ocsp.is_none());
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Shown {
    /// How this side came to trust the peer.
    pub trust: Trust,
    /// The peer's chain as it sent it, its own certificate first.
    pub peer_chain: Option<Arc<[CertificateDer<'static>]>>,
    /// The OCSP response in DER that a server stapled to its chain (RFC 9846
    /// section 4.5.1.1), whatever it says.
    pub peer_ocsp: Option<Arc<Vec<u8>>>,
    /// Each check on the peer's chain, where a policy of this crate judged it. It
    /// is there as soon as the chain is judged, and after a failure, too: see
    /// [`is_proven`](ConnectionInfo::is_proven).
    pub report: Option<Arc<Report>>,
}

thread_local! {
    static LIST: List<Shown> = const { List::new() };
}

impl Kept for Shown {
    fn with_list<R>(then: impl FnOnce(&List<Self>) -> R) -> Option<R> {
        LIST.try_with(then).ok()
    }
}

/// Of a peer that has shown nothing.
static NOTHING: Shown = Shown { trust: Trust::Anonymous, peer_chain: None, peer_ocsp: None, report: None };

impl Deref for ConnectionInfo {
    type Target = Shown;

    fn deref(&self) -> &Shown {
        self.shown.get().unwrap_or(&NOTHING)
    }
}

impl DerefMut for ConnectionInfo {
    fn deref_mut(&mut self) -> &mut Shown {
        self.shown.make()
    }
}

impl ConnectionInfo {
    /// Whether the peer has proven who it is: that the chain is its own of which the
    /// report tells, or that it has the pre-shared key. If not, it showed a chain that anybody could have copied.
    pub fn is_proven(&self) -> bool {
        self.trust != Trust::Anonymous
    }

    /// The peer's own certificate.
    pub(crate) fn peer_leaf(&self) -> Option<&CertificateDer<'static>> {
        self.peer_chain.as_deref().and_then(<[_]>::first)
    }

    /// The handshake failed: whoever the peer was, nothing was agreed with it.
    pub(crate) fn take_back(&mut self) {
        (self.resumed, self.peer_scheme) = (false, None);
        if let Some(shown) = self.shown.get_mut() {
            *shown = Shown { report: shown.report.take(), ..Shown::default() };
        }
    }

    /// Lets go of what is large in it; how the peer was trusted stays.
    pub(crate) fn forget_chain(&mut self) {
        if let Some(shown) = self.shown.get_mut() {
            (shown.peer_chain, shown.peer_ocsp, shown.report) = (None, None, None);
        }
    }
}

/// Why a server chose what it chose.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (client, server) = pair::connected();
/// let why = server.info().reasons.certificate.ok_or("it showed none")?;
/// assert_eq!(why.sentence(), "it names the host, and its key fits the client's schemes");
/// assert!(client.info().reasons.suite.is_none()); // a client only offers
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Reasons {
    /// The cipher suite.
    pub suite: Option<Reason>,
    /// The group.
    pub group: Option<Reason>,
    /// The certificate.
    pub certificate: Option<Reason>,
}

/// The reason for a choice; its [`sentence`](Reason::sentence) says it in words.
///
/// ```
/// let why = handfast::Reason::FirstSuite;
/// assert_eq!(why.sentence(), "the first of the server's suites that the client offers");
/// assert_eq!(why.to_string(), why.sentence());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A suite that both have.
    FirstSuite,
    /// A suite that both have, and that goes with the certificate.
    FirstSuiteThatFits,
    /// The suite that the client puts first.
    ChaChaPreferred,
    /// The suite of a session of TLS 1.2.
    SuiteOfSession,
    /// A suite that both have, with the hash of a pre-shared key that both have.
    SuiteOfPreSharedKey,
    /// A group of which the client sent a share.
    FirstShare,
    /// A group of which it sent none, asked for with a HelloRetryRequest.
    NoShare,
    /// The same, though there were shares of other groups.
    WorthARoundTrip,
    /// A group that both have.
    FirstGroup,
    /// A certificate for the name that the client asked for.
    NamesTheHost,
    /// A certificate for another name.
    FirstThatFits,
}

impl Reason {
    /// In plain words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::FirstSuite => "the first of the server's suites that the client offers",
            Self::FirstSuiteThatFits => {
                "the first of the server's suites that the client offers and the certificate fits"
            }
            Self::ChaChaPreferred => {
                "the client prefers ChaCha20-Poly1305, as one without AES instructions does"
            }
            Self::SuiteOfPreSharedKey => {
                "the first of the server's suites that the client offers and the pre-shared key fits"
            }
            Self::SuiteOfSession => "that of the session which is resumed",
            Self::FirstShare => "the first of the server's groups for which the client sent a share",
            Self::NoShare => {
                "the first of the server's groups that the client supports; it sent no share, so the server asked again"
            }
            Self::WorthARoundTrip => {
                "the client supports it and sent no share; it is worth a round trip to the server"
            }
            Self::FirstGroup => "the first of the server's groups that the client supports",
            Self::NamesTheHost => "it names the host, and its key fits the client's schemes",
            Self::FirstThatFits => {
                "no certificate names the host: the first whose key fits the client's schemes"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}
