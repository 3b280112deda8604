//! What this build can do, as static tables: cipher suites (RFC 9846 B.4,
//! RFC 5289, RFC 7905), groups and signature schemes in the default order.

use crate::wire::{CipherSuite, NamedGroup, SignatureScheme};

/// The hash of a suite: of the transcript, of HKDF, of the TLS 1.2 PRF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    /// Hash.length, in bytes.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// The record protection of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Aead {
    /// Bytes of a key.
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Whether it is AES-GCM, whose nonce TLS 1.2 builds in its own way.
    pub(crate) const fn is_gcm(self) -> bool {
        !matches!(self, Self::ChaCha20Poly1305)
    }
}

/// How TLS 1.2 agrees on the pre-master secret and who signs for it; in
/// TLS 1.3 a suite says nothing about that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyExchange {
    EcdheEcdsa,
    EcdheRsa,
    /// The client encrypts it under the key of the certificate: nobody signs.
    #[cfg(feature = "static-rsa")]
    Rsa,
}

impl KeyExchange {
    /// Whether a server may sign its ephemeral key with this scheme: the suite
    /// says of what kind its key is (RFC 8422 section 2).
    pub(crate) fn signs_with(self, scheme: SignatureScheme) -> bool {
        const ECDSA: [SignatureScheme; 3] = [
            SignatureScheme::ECDSA_SECP256R1_SHA256,
            SignatureScheme::ECDSA_SECP384R1_SHA384,
            SignatureScheme::ED25519,
        ];
        match self {
            Self::EcdheEcdsa => ECDSA.contains(&scheme),
            Self::EcdheRsa => !ECDSA.contains(&scheme),
            #[cfg(feature = "static-rsa")]
            Self::Rsa => false,
        }
    }
}

/// The protocol version of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12(KeyExchange),
    Tls13,
}

/// A cipher suite.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) id: CipherSuite,
    pub(crate) hash: Hash,
    pub(crate) aead: Aead,
    pub(crate) version: Version,
}

impl Suite {
    /// The suite with this code point, if this build has it.
    pub(crate) fn find(id: CipherSuite) -> Option<&'static Suite> {
        Self::all().find(|suite| suite.id == id)
    }

    fn all() -> impl Iterator<Item = &'static Suite> {
        let all = TLS13.iter().chain(&TLS12);
        #[cfg(feature = "static-rsa")]
        let all = all.chain(&STATIC_RSA);
        all
    }

    pub(crate) const fn is_tls13(&self) -> bool {
        matches!(self.version, Version::Tls13)
    }

    const fn tls13(id: CipherSuite, hash: Hash, aead: Aead) -> Self {
        Self { id, hash, aead, version: Version::Tls13 }
    }

    const fn tls12(id: CipherSuite, exchange: KeyExchange, hash: Hash, aead: Aead) -> Self {
        Self { id, hash, aead, version: Version::Tls12(exchange) }
    }
}

use Aead::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305};
use Hash::{Sha256, Sha384};
use KeyExchange::{EcdheEcdsa, EcdheRsa};

/// TLS 1.3, in the default order.
pub(crate) static TLS13: [Suite; 3] = [
    Suite::tls13(CipherSuite::TLS_AES_128_GCM_SHA256, Sha256, Aes128Gcm),
    Suite::tls13(CipherSuite::TLS_AES_256_GCM_SHA384, Sha384, Aes256Gcm),
    Suite::tls13(CipherSuite::TLS_CHACHA20_POLY1305_SHA256, Sha256, ChaCha20Poly1305),
];

/// TLS 1.2, in the default order.
#[rustfmt::skip] // a table
pub(crate) static TLS12: [Suite; 6] = [
    Suite::tls12(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, EcdheEcdsa, Sha256, Aes128Gcm),
    Suite::tls12(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, EcdheRsa, Sha256, Aes128Gcm),
    Suite::tls12(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, EcdheEcdsa, Sha384, Aes256Gcm),
    Suite::tls12(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, EcdheRsa, Sha384, Aes256Gcm),
    Suite::tls12(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, EcdheEcdsa, Sha256, ChaCha20Poly1305),
    Suite::tls12(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, EcdheRsa, Sha256, ChaCha20Poly1305),
];

/// TLS 1.2 with static RSA (RFC 5288), in the default order; not among the defaults.
#[cfg(feature = "static-rsa")]
#[rustfmt::skip] // a table
pub(crate) static STATIC_RSA: [Suite; 2] = [
    Suite::tls12(CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256, KeyExchange::Rsa, Sha256, Aes128Gcm),
    Suite::tls12(CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384, KeyExchange::Rsa, Sha384, Aes256Gcm),
];

/// The groups of TLS 1.3, in the default order.
pub(crate) static GROUPS: &[NamedGroup] = &[
    #[cfg(feature = "post-quantum")]
    NamedGroup::X25519MLKEM768,
    NamedGroup::X25519,
    NamedGroup::SECP256R1,
    NamedGroup::SECP384R1,
];

/// The groups of TLS 1.2: the hybrid is defined for TLS 1.3 only.
pub(crate) static GROUPS12: &[NamedGroup] =
    &[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// Signature schemes, in the default order. The rsa_pkcs1 ones serve in
/// certificates and in TLS 1.2 only (RFC 9846 section 4.3.3).
pub(crate) static SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PSS_PSS_SHA256,
    SignatureScheme::RSA_PSS_PSS_SHA384,
    SignatureScheme::RSA_PSS_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A suite's name says what it is made of.
    #[test]
    fn each_row_fits_its_name() {
        for suite in Suite::all() {
            let exchange = match suite.version {
                Version::Tls13 => "TLS",
                Version::Tls12(EcdheEcdsa) => "TLS_ECDHE_ECDSA_WITH",
                Version::Tls12(EcdheRsa) => "TLS_ECDHE_RSA_WITH",
                #[cfg(feature = "static-rsa")]
                Version::Tls12(KeyExchange::Rsa) => "TLS_RSA_WITH",
            };
            let aead = match suite.aead {
                Aes128Gcm => "AES_128_GCM",
                Aes256Gcm => "AES_256_GCM",
                ChaCha20Poly1305 => "CHACHA20_POLY1305",
            };
            let hash = match suite.hash {
                Sha256 => "SHA256",
                Sha384 => "SHA384",
            };
            assert_eq!(suite.id.name().unwrap(), format!("{exchange}_{aead}_{hash}"));
            assert_eq!(Suite::find(suite.id), Some(suite));
            assert_eq!(suite.is_tls13(), suite.id.0 >> 8 == 0x13);
        }
    }

    #[test]
    fn other_suites_are_not_found() {
        assert_eq!(Suite::find(CipherSuite(0x1304)), None);
        let static_rsa = Suite::find(CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256);
        assert_eq!(static_rsa.is_some(), cfg!(feature = "static-rsa"));
        assert_eq!(Suite::find(CipherSuite(0xc009)), None); // TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
    }
}
