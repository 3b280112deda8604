//! Keying material for a protocol above, and channel bindings (RFC 5056): what names
//! this connection to it, so that a proof made in one is of no use in another.

use crate::error::Error;
use crate::handshake::context::Exporter;
use crate::pki::{CertificateDer, tls_server_end_point};

/// A kind of channel binding, by the name that it has in SASL and GSS-API.
///
/// The first is for all that can choose. No kind is a secret, and each is for one
/// proof in a connection (RFC 9266 section 4.1).
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (client, server) = pair::connected();
/// use handfast::ChannelBinding;
/// let ours = client.channel_binding(ChannelBinding::TlsExporter)?;
/// assert_eq!((ours.len(), &ours), (32, &server.channel_binding(ChannelBinding::TlsExporter)?));
/// // TLS 1.3 has no tls-unique:
/// assert!(client.channel_binding(ChannelBinding::TlsUnique).is_err());
/// # Ok::<(), handfast::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// `tls-exporter` (RFC 9266): 32 octets of keying material.
    TlsExporter,
    /// `tls-server-end-point` (RFC 5929 section 4): the hash of the server's
    /// certificate, by the hash of its own signature. It names the server, not the
    /// connection. RFC 5929 defines none for Ed25519.
    TlsServerEndPoint,
    /// `tls-unique` (RFC 5929 section 3): the Finished that came first, 12 octets. It
    /// is of TLS 1.2 alone.
    TlsUnique,
}

/// Both of a whole connection and of its halves.
pub(super) fn export(
    exporter: Option<&Exporter>,
    label: &str,
    context: Option<&[u8]>,
    out: &mut [u8],
) -> Result<(), Error> {
    let exporter = exporter.ok_or(Error::Misuse("keying material is there only after the handshake"))?;
    exporter.export(label, context, out)
}

/// What names a connection of this exporter, whose server has shown this certificate.
pub(super) fn channel_binding(
    kind: ChannelBinding,
    exporter: Option<&Exporter>,
    shown: Option<&CertificateDer<'_>>,
) -> Result<Vec<u8>, Error> {
    let exporter = exporter.ok_or(Error::Misuse("a channel is bound to only after the handshake"))?;
    match kind {
        ChannelBinding::TlsExporter => {
            let mut out = vec![0; 32];
            // The context is empty, which in TLS 1.2 differs from none.
            exporter.export("EXPORTER-Channel-Binding", Some(b""), &mut out)?;
            Ok(out)
        }
        ChannelBinding::TlsServerEndPoint => {
            let shown = shown.ok_or(Error::Misuse(NOT_SHOWN))?;
            let hashed = tls_server_end_point(shown)
                .map_err(|_| Error::Misuse("the server's certificate cannot be read"))?;
            hashed.ok_or(Error::Misuse(
                "the server's certificate is signed in a way for which RFC 5929 names no hash: take tls-exporter",
            ))
        }
        ChannelBinding::TlsUnique => exporter.first_finished().map(|finished| finished.to_vec()),
    }
}

const NOT_SHOWN: &str = "the server's certificate is not here: a server that resumes a session has shown none, \
     and a client may have let go of it; take tls-exporter";
