//! What stands in a ticket, as this server alone reads it:
//!
//! ```text
//!   format (1) version (2) suite (2) trust (1) scheme (2) group (2) until (8) expires (8)
//!   policy (32) names (32) issued (8) age_add (4)
//!   max_early_data (4) register (16)
//!   server_name<0..255> alpn<0..255> psk_identity<0..2^16-1> secret<0..255>
//!   chain<0..2^24-1> of certificate<0..2^24-1>
//! ```

use super::peer::Peer;
use crate::crypto::secret::Secret;
use crate::crypto::suite::Suite;
use crate::fault::Fault;
use crate::limits;
use crate::pki::CertificateDer;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, Reader, SignatureScheme, Writer};
use zeroize::Zeroizing;

/// The first byte: another one is another release's.
const FORMAT: u8 = 4;

/// Bytes before server_name.
const FIXED: usize = 1 + 2 + 2 + 1 + 2 + 2 + 8 + 8 + 32 + 32 + 8 + 4 + 4 + 16;

/// What a server needs to go on where a handshake ended, and what it holds the
/// next ClientHello against.
pub(crate) struct ServerSession {
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: &'static Suite,
    /// TLS 1.3: the pre-shared key. TLS 1.2: the master secret.
    pub(crate) secret: Secret,
    /// In seconds since 1970. Resuming does not make a session younger.
    pub(crate) expires: u64,
    pub(crate) server_name: Option<Box<str>>,
    /// The fingerprint of what the client was asked and how it was judged.
    pub(crate) policy: [u8; 32],
    /// The names of the certificate that the server showed, those of an identity; or
    /// the fingerprint of the pre-shared key that it took.
    pub(crate) names: [u8; 32],
    /// When the ticket was made, in seconds since 1970.
    pub(crate) issued: u64,
    /// TLS 1.3: what the client adds to the ticket's age, in milliseconds.
    pub(crate) age_add: u32,
    /// TLS 1.3: bytes of early data that the ticket allows.
    pub(crate) max_early_data: u32,
    /// The register of replays beside which the ticket was sealed, by its name; zeros
    /// where it is none of a process.
    pub(crate) register: [u8; 16],
    /// The application protocol of the connection on which the ticket was sent.
    pub(crate) alpn: Option<Box<[u8]>>,
    pub(crate) peer: Peer,
}

impl ServerSession {
    /// The contents of a ticket that is taken `until` then, in seconds since 1970,
    /// behind `before` zeros and with room for `after` bytes: what grows leaves a
    /// copy. `None` for what cannot be in one: a client that was accepted for once,
    /// and a chain or an identity for which it is too small.
    pub(crate) fn encode(&self, until: u64, before: usize, after: usize) -> Option<Zeroizing<Vec<u8>>> {
        let (trust, psk_identity) = self.peer.trust_code()?;
        let chain = self.peer.chain.iter().flat_map(|chain| chain.iter());
        let name = self.server_name.as_deref().unwrap_or_default().as_bytes();
        let alpn = self.alpn.as_deref().unwrap_or_default();
        let contents = FIXED
            + (1 + name.len())
            + (1 + alpn.len())
            + (2 + psk_identity.len())
            + (1 + self.secret.as_bytes().len())
            + (3 + chain.clone().map(|certificate| 3 + certificate.len()).sum::<usize>());
        if contents > limits::TICKET_CONTENTS {
            return None;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(before + contents + after));
        bytes.resize(before, 0);
        let mut w = Writer::new(&mut bytes);
        w.u8(FORMAT);
        w.u16(self.version.0);
        w.u16(self.suite.id.0);
        w.u8(trust);
        w.u16(self.peer.scheme.map_or(0, |scheme| scheme.0));
        w.u16(self.peer.group.map_or(0, |group| group.0));
        w.bytes(&until.to_be_bytes());
        w.bytes(&self.expires.to_be_bytes());
        w.bytes(&self.policy);
        w.bytes(&self.names);
        w.bytes(&self.issued.to_be_bytes());
        w.u32(self.age_add);
        w.u32(self.max_early_data);
        w.bytes(&self.register);
        w.vec8(|w| w.bytes(name));
        w.vec8(|w| w.bytes(alpn));
        w.vec16(|w| w.bytes(psk_identity));
        w.vec8(|w| w.bytes(self.secret.as_bytes()));
        w.vec24(|w| {
            chain.for_each(|certificate| w.vec24(|w| w.bytes(certificate)));
        });
        w.finish().ok()?;
        debug_assert_eq!(bytes.len(), before + contents);
        Some(bytes)
    }

    /// The session, and until when the ticket is taken. Fails for what another
    /// release of this crate has written.
    pub(crate) fn decode(contents: &[u8]) -> Result<(Self, u64), Fault> {
        let mut r = Reader::new(contents);
        if r.u8()? != FORMAT {
            return Err(Fault::BadValue);
        }
        let version = ProtocolVersion(r.u16()?);
        let suite = Suite::find(CipherSuite(r.u16()?)).ok_or(Fault::BadValue)?;
        let trust = r.u8()?;
        let scheme = SignatureScheme(r.u16()?);
        let group = NamedGroup(r.u16()?);
        let until = u64::from_be_bytes(*r.array()?);
        let expires = u64::from_be_bytes(*r.array()?);
        let (policy, names) = (*r.array()?, *r.array()?);
        let issued = u64::from_be_bytes(*r.array()?);
        let (age_add, max_early_data) = (r.u32()?, r.u32()?);
        let register = *r.array()?;
        let server_name = std::str::from_utf8(r.vec8(0..=255)?).map_err(|_| Fault::BadValue)?;
        let alpn = r.vec8(0..=255)?;
        let psk_identity = r.vec16(0..=limits::TICKET_CONTENTS)?;
        let trust = Peer::trust_of_code(trust, psk_identity).ok_or(Fault::BadValue)?;
        let secret = Secret::from_slice(r.vec8(0..=255)?).map_err(|_| Fault::BadLength)?;
        let mut certificates = Reader::new(r.vec24(0..=limits::TICKET_CONTENTS)?);
        r.finish()?;
        let mut chain = Vec::new();
        while !certificates.is_empty() {
            chain.push(CertificateDer::from(certificates.vec24(0..=limits::TICKET_CONTENTS)?.to_vec()));
        }
        let session = Self {
            version,
            suite,
            secret,
            expires,
            server_name: (!server_name.is_empty()).then(|| server_name.into()),
            policy,
            names,
            issued,
            age_add,
            max_early_data,
            register,
            alpn: (!alpn.is_empty()).then(|| alpn.into()),
            peer: Peer {
                trust,
                scheme: (scheme.0 != 0).then_some(scheme),
                group: (group.0 != 0).then_some(group),
                chain: (!chain.is_empty()).then(|| chain.into()),
                ocsp: None,
            },
        };
        Ok((session, until))
    }
}
