//! The secrets around pre-shared keys: binders, early data, tickets (RFC 9846
//! sections 4.3.11.2, 4.7.1 and 7.1), and the importer (RFC 9258).

use super::*;
use crate::wire::{ProtocolVersion, Writer};

/// Where a PSK comes from; the labels keep one kind from passing as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PskKind {
    /// Provisioned outside of TLS.
    External,
    /// The same, and made for one version and one hash by the importer (RFC 9258).
    Imported,
    /// The ticket of a previous handshake.
    Resumption,
}

impl PskKind {
    /// Of its binder_key (RFC 9846 section 7.1, RFC 9258 section 5.2).
    const fn label(self) -> &'static str {
        match self {
            Self::External => "ext binder",
            Self::Imported => "imp binder",
            Self::Resumption => "res binder",
        }
    }
}

/// Early Secret of a PSK, for whoever keeps it in the PSK's place.
pub(crate) fn early_secret(hash: Hash, psk: &[u8]) -> Secret {
    Secret::new(hash.len(), |early| kdf::hkdf_extract(hash, zeros(hash), psk, early))
}

impl EarlySecret {
    /// From the one that was kept in the PSK's place; fails where it is not of this
    /// suite's hash.
    pub(crate) fn kept(suite: &'static Suite, early: &Secret, tap: &Tap) -> Result<Self, Failed> {
        if early.as_bytes().len() != suite.hash.len() {
            return Err(Failed);
        }
        let secret = Secret::from_slice(early.as_bytes())?;
        record(tap, ("early_secret", None, "the pre-shared key"), secret.as_bytes());
        Ok(Self { suite, secret, derived: None })
    }

    /// The suite that the server chose. Any with the hash of the PSK's will do
    /// (RFC 9846 section 4.3.11); fails for another hash.
    pub(crate) fn suite_chosen(self, suite: &'static Suite) -> Result<Self, Failed> {
        if suite.hash != self.suite.hash {
            return Err(Failed);
        }
        Ok(Self { suite, ..self })
    }

    /// PskBinderEntry (RFC 9846 section 4.3.11.2), of the transcript up to the
    /// ClientHello cut before its binders.
    pub(crate) fn binder(&self, kind: PskKind, transcript: &Digest) -> Digest {
        let hash = self.suite.hash;
        let empty = kdf::hash_of_nothing(hash);
        derive_secret(hash, self.secret.as_bytes(), kind.label(), empty, |binder_key| {
            finished(hash, binder_key, transcript)
        })
    }

    /// client_early_traffic_secret; the transcript is the ClientHello.
    pub(crate) fn client_early_traffic(&self, transcript: &Digest, tap: &Tap) -> Protection {
        let entry = (
            "client_early_traffic_secret",
            Some("CLIENT_EARLY_TRAFFIC_SECRET"),
            "early_secret and ClientHello",
        );
        let expander = Expander::new(self.suite.hash, self.secret.as_bytes());
        traffic(self.suite, &expander, "c e traffic", transcript, entry, tap)
    }

    /// early_exporter_master_secret; the transcript is the ClientHello.
    pub(crate) fn early_exporter(&self, transcript: &Digest, tap: &Tap) -> ExporterSecret {
        let entry =
            ("early_exporter_master_secret", Some("EARLY_EXPORTER_SECRET"), "early_secret and ClientHello");
        let hash = self.suite.hash;
        derive_secret(hash, self.secret.as_bytes(), "e exp master", transcript.as_bytes(), |secret| {
            record(tap, entry, secret);
            ExporterSecret { hash, secret: Secret::new(hash.len(), |out| out.copy_from_slice(secret)) }
        })
    }
}

impl MasterSecret {
    /// resumption_master_secret; the transcript is ClientHello...client Finished.
    pub(crate) fn resumption(self, transcript: &Digest, tap: &Tap) -> ResumptionSecret {
        let entry = ("resumption_master_secret", None, "master_secret and ClientHello...client Finished");
        let Self { suite, mut secret } = self;
        secret.advance(|master, resumption| {
            kdf::hkdf_expand_label(suite.hash, master, "res master", transcript.as_bytes(), resumption);
        });
        record(tap, entry, secret.as_bytes());
        ResumptionSecret { hash: suite.hash, secret }
    }
}

/// resumption_master_secret (RFC 9846 section 4.7.1).
pub(crate) struct ResumptionSecret {
    hash: Hash,
    secret: Secret,
}

impl ResumptionSecret {
    /// The PSK of the ticket with this ticket_nonce (at most 255 bytes, as its
    /// length prefix has it).
    pub(crate) fn psk(&self, ticket_nonce: &[u8]) -> Secret {
        Secret::new(self.hash.len(), |psk| {
            kdf::hkdf_expand_label(self.hash, self.secret.as_bytes(), "resumption", ticket_nonce, psk);
        })
    }
}

/// ImportedIdentity for TLS 1.3 and a KDF of this hash (RFC 9258 section 5.1): what
/// is sent as the identity. Fails where it is longer than an identity can be.
pub(crate) fn imported_identity(external: &[u8], context: &[u8], target: Hash) -> Result<Vec<u8>, Failed> {
    let target_kdf = match target {
        Hash::Sha256 => 0x0001,
        Hash::Sha384 => 0x0002,
    };
    let mut identity = Vec::with_capacity(2 + external.len() + 2 + context.len() + 2 + 2);
    let mut w = Writer::new(&mut identity);
    w.vec16(|w| w.bytes(external));
    w.vec16(|w| w.bytes(context));
    w.u16(ProtocolVersion::TLS13.0);
    w.u16(target_kdf);
    w.finish().map_err(|_| Failed)?;
    if identity.len() > 0xffff { Err(Failed) } else { Ok(identity) }
}

/// ipskx, as long as the hash that it is for (RFC 9258 section 5.1). `hash` is the one
/// of the key that is imported.
pub(crate) fn import(hash: Hash, epsk: &[u8], imported_identity: &[u8], target: Hash) -> Secret {
    let identity = kdf::hash(hash, imported_identity);
    Secret::new(target.len(), |ipskx| {
        let epskx = |out: &mut [u8]| kdf::hkdf_extract(hash, zeros(hash), epsk, out);
        lend_inside(hash.len(), epskx, |epskx| {
            kdf::hkdf_expand_label(hash, epskx, "derived psk", identity.as_bytes(), ipskx);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::suite::TLS13;

    /// Computed with Python's hmac and hashlib alone, for the key 00 01 .. 1f, the
    /// external identity "device 7" and the context "client and server": the hash of
    /// the key, the target, ipskx, and its binder over the text below.
    #[rustfmt::skip]
    const IMPORTED: [(Hash, Hash, &str, &str); 4] = [
        (Hash::Sha256, Hash::Sha256,
         "13cb8ed9ce3722f8a4466c48f351e8050d21626a31f752102b4fc0a224a483ba",
         "95592ca36a0876f1ddcb2dd4b0d42b6a1b86f1eef3d3085c9384f0d297ed2da2"),
        (Hash::Sha256, Hash::Sha384,
         "6fb7a1c5464b3e089fe085abba363c486bec10facf91e13ea35dee2502dc87fe783a86fb2b06e8d6968e5e3a8d6b9ab1",
         "2f067d2f74837382aa0e68b8f581a679c1616371f87db3b9ee3fdb78f8ec8df4e2ceb85d444d70080617cec8f9e1eb27"),
        (Hash::Sha384, Hash::Sha256,
         "08816a5e395f8dec29d4ee5cdb981af9ba5f1bc50a9ab278b0df624554de4326",
         "e419847fd1d84daccb6c8f6212849f4c24b108519a7e4d5c9523846e6871bfe7"),
        (Hash::Sha384, Hash::Sha384,
         "2bf917c00801d68aad7ab43fb1461f6de3c82bc0a7af2e4ea80046c8ea3107fd4ebc10d4ca12213d0e5df15e608ec224",
         "d592d3ac6b3c3ff55c1102217c47c27a282199b682785b0248648b068ddb0b6dcd52fde541eada6a76bbaa9e566670b1"),
    ];

    /// The binders of the key itself, over the same text.
    #[rustfmt::skip]
    const EXTERNAL: [(Hash, &str); 2] = [
        (Hash::Sha256, "c0c54239e033842f5c1f135f10c64b25b8effbac06ad20cfe2c5f1b9109c012b"),
        (Hash::Sha384,
         "2efd3217e02e68187d3e80ea7455c3cc7f7c2a0369b66b3095d78a595639df66224b0bdecf7f08b716ce374d06c04601"),
    ];

    const CUT: &[u8] = b"ClientHello up to its binders";

    fn key() -> Vec<u8> {
        (0..32).collect()
    }

    fn binder(kind: PskKind, hash: Hash, psk: &[u8]) -> String {
        let suite = TLS13.iter().find(|suite| suite.hash == hash).unwrap();
        let tap = Tap::default();
        let kept = EarlySecret::kept(suite, &early_secret(hash, psk), &tap).unwrap();
        let made = EarlySecret::new(suite, Some(psk), &tap);
        let transcript = kdf::hash(hash, CUT);
        let [kept, made] = [kept, made].map(|early| early.binder(kind, &transcript));
        assert_eq!(kept.as_bytes(), made.as_bytes());
        hex::encode(kept.as_bytes())
    }

    #[test]
    fn keys_are_imported_as_rfc_9258_says() {
        for (hash, target, ipskx, expected) in IMPORTED {
            let identity = imported_identity(b"device 7", b"client and server", target).unwrap();
            let kdf = if target == Hash::Sha256 { 1 } else { 2 };
            let ends = [&b"\0\x08device 7\0\x11client and server\x03\x04\0"[..], &[kdf]].concat();
            assert_eq!(identity, ends);
            let imported = import(hash, &key(), &identity, target);
            assert_eq!(hex::encode(imported.as_bytes()), ipskx);
            assert_eq!(binder(PskKind::Imported, target, imported.as_bytes()), expected);
        }
    }

    #[test]
    fn a_key_of_its_own_has_another_binder() {
        for (hash, expected) in EXTERNAL {
            assert_eq!(binder(PskKind::External, hash, &key()), expected);
            for other in [PskKind::Imported, PskKind::Resumption] {
                assert_ne!(binder(other, hash, &key()), expected);
            }
        }
    }

    #[test]
    fn an_identity_that_is_too_long_is_not_made() {
        let room = 0xffff - 8;
        assert_eq!(imported_identity(&vec![1; room], &[], Hash::Sha256).unwrap().len(), 0xffff);
        assert!(imported_identity(&vec![1; room + 1], &[], Hash::Sha256).is_err());
        assert!(imported_identity(&[1], &vec![1; room], Hash::Sha256).is_err());
        assert!(imported_identity(&[1; 9], &vec![1; 0x10000], Hash::Sha256).is_err());
    }

    #[test]
    fn a_kept_secret_goes_with_its_hash_alone() {
        let of = |hash| TLS13.iter().find(|suite| suite.hash == hash).unwrap();
        let early = early_secret(Hash::Sha384, &key());
        assert!(EarlySecret::kept(of(Hash::Sha384), &early, &Tap::default()).is_ok());
        assert!(EarlySecret::kept(of(Hash::Sha256), &early, &Tap::default()).is_err());
    }
}
