//! What a request's handler is told of the connection that it came on.

use crate::info::ConnectionInfo;
use crate::pki::CertificateDer;
use std::sync::Arc;

/// What a connection had negotiated when its handshake was done, and what `T` says
/// of the stream below. Cheap to clone: every request of the connection has one.
///
/// | | where it is found |
/// | --- | --- |
/// | axum | `ConnectInfo<TlsConnectInfo<SocketAddr>>`, after `into_make_service_with_connect_info` |
/// | tonic | `request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>()` |
/// | hyper-util's client | `response.extensions().get::<TlsConnectInfo>()` |
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # #[cfg(feature = "tonic")] {
/// # let stream = handfast::AsyncTlsStream::new(pair::connected().0, tokio::io::duplex(1).0);
/// # let tls = tonic::transport::server::Connected::connect_info(&stream);
/// use handfast::TlsConnectInfo;
/// fn shown<T>(tls: &TlsConnectInfo<T>) -> usize {
///     tls.peer_certs().map_or(0, |chain| chain.len())
/// }
/// assert_eq!(shown(&tls), 1);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TlsConnectInfo<T = ()> {
    info: Arc<ConnectionInfo>,
    below: T,
}

impl<T> TlsConnectInfo<T> {
    pub(super) fn new(info: &ConnectionInfo, below: T) -> Self {
        Self { info: Arc::new(info.clone()), below }
    }

    /// What was negotiated: version, suite, application protocol, the name that the
    /// client asked for, and how the peer was trusted.
    pub fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// The certificates that the peer has shown and proven to be its own, the first
    /// one its; `None` where it showed none. A policy accepted them, unless
    /// [`Trust`](crate::Trust) says otherwise.
    pub fn peer_certs(&self) -> Option<&[CertificateDer<'static>]> {
        self.info.peer_chain.as_deref()
    }

    /// What is said of the stream below: for a server, the peer's address.
    pub fn get_ref(&self) -> &T {
        &self.below
    }
}
