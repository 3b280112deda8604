//! What an established connection gives to a protocol above it: keying material, and
//! its own name.

use super::Connection;
use super::binding::{self, ChannelBinding};
use super::flow::Flow;
use crate::error::Error;
use crate::schedule::Side;

impl Connection {
    /// Fills `out` with keying material that both sides have, and nobody else
    /// (RFC 9846 section 7.5). In TLS 1.3 no context is the empty context.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # let (client, server) = pair::connected();
    /// let (mut ours, mut theirs) = ([0; 32], [0; 32]);
    /// client.export("EXPORTER-example", None, &mut ours)?;
    /// server.export("EXPORTER-example", None, &mut theirs)?;
    /// assert_eq!(ours, theirs);
    /// # Ok::<(), handfast::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Misuse`] before the handshake is complete. In TLS 1.3 for a label of
    /// more than 249 bytes or none, and for an output longer than 255 hashes; in TLS
    /// 1.2 for a label of TLS itself, a context of more than 65535 bytes, and where
    /// the peer does not speak extended_master_secret.
    pub fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        binding::export(self.exporter.as_ref(), label, context, out)
    }

    /// What names this connection to a protocol above it, such as SCRAM (RFC 5056).
    /// [`ChannelBinding`] shows it. The halves of a connection have it no more: ask
    /// before [`split`](Self::split).
    ///
    /// # Errors
    /// [`Error::Misuse`] before the handshake is complete, and where there is no such
    /// binding: in TLS 1.2 without extended_master_secret there is but the server's
    /// certificate, and a server that resumes a session has shown none.
    pub fn channel_binding(&self, kind: ChannelBinding) -> Result<Vec<u8>, Error> {
        let shown = match (&self.flow, self.post.side()) {
            (_, Side::Client) => self.info.peer_leaf(),
            (Flow::Done(holds), Side::Server) => holds.shown(),
            (_, Side::Server) => None,
        };
        binding::channel_binding(kind, self.exporter.as_ref(), shown)
    }
}
