//! tonic's server over this crate's streams.

use super::connect_info::TlsConnectInfo;
use crate::io::AsyncTlsStream;
use ::tonic::transport::server::Connected;

/// A request's extensions have a [`TlsConnectInfo`] with what the stream below says of
/// itself: `TlsConnectInfo<TcpConnectInfo>` over TCP. What `Request::remote_addr` and
/// `Request::peer_certs` look for is of other types; both are there.
impl<S: Connected> Connected for AsyncTlsStream<S> {
    type ConnectInfo = TlsConnectInfo<S::ConnectInfo>;

    fn connect_info(&self) -> Self::ConnectInfo {
        TlsConnectInfo::new(self.info(), self.get_ref().connect_info())
    }
}
