//! A certificate chain and the way to its private key, and why either, or a
//! configuration, cannot be used.

use crate::crypto::Failed;
#[cfg(feature = "static-rsa")]
use crate::crypto::rsa_exchange::{DecryptionKey, EncryptionKey};
use crate::crypto::sign::{KeyError, SigningKey};
use crate::pki::{self, Certificate, CertificateDer, GeneralName, Malformed, PeerKey, PrivateKeyDer};
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::fmt;
#[cfg(feature = "static-rsa")]
use zeroize::Zeroizing;

/// A certificate chain and the way to its private key.
pub struct Identity {
    /// Never empty; `leaf` is its first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    leaf: CertificateDer<'static>,
    ocsp: Vec<u8>,
    names: Vec<String>,
    key: Key,
    /// The schemes to sign with, where not all of the key's.
    chosen: Option<Vec<SignatureScheme>>,
    #[cfg(feature = "static-rsa")]
    decryption: Decryption,
}

enum Key {
    InMemory(Box<SigningKey>),
    /// In an HSM, an agent, another machine: reached through [`Question::Sign`].
    Elsewhere(Vec<SignatureScheme>),
    /// A signature that an RFC's trace has, for whatever is to be signed.
    #[cfg(test)]
    Known([SignatureScheme; 1], Vec<u8>),
}

impl Key {
    fn schemes(&self) -> &[SignatureScheme] {
        match self {
            Self::InMemory(key) => key.schemes(),
            Self::Elsewhere(schemes) => schemes,
            #[cfg(test)]
            Self::Known(schemes, _) => schemes,
        }
    }
}

/// Who decrypts what clients of static RSA send.
#[cfg(feature = "static-rsa")]
enum Decryption {
    /// The key is no RSA key, or its certificate is not for this.
    Nobody,
    InMemory(Box<DecryptionKey>),
    /// Reached through [`Question::Decrypt`](crate::Question::Decrypt).
    Elsewhere,
}

#[cfg(feature = "static-rsa")]
impl Decryption {
    fn in_memory(key: &PrivateKeyDer<'_>, leaf: &Certificate<'_>) -> Result<Self, ConfigError> {
        Ok(match DecryptionKey::from_der(key)? {
            Some(key) if leaf.allows_key_encipherment() => Self::InMemory(Box::new(key)),
            _ => Self::Nobody,
        })
    }

    fn elsewhere(leaf: &Certificate<'_>) -> Self {
        match EncryptionKey::from_spki(PeerKey::of(leaf).as_spki()) {
            Ok(_) if leaf.allows_key_encipherment() => Self::Elsewhere,
            _ => Self::Nobody,
        }
    }
}

impl Identity {
    /// From a chain, leaf first, and the leaf's private key.
    ///
    /// # Errors
    /// The chain is empty, the leaf cannot be read, or the key is not the leaf's.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Result<Self, ConfigError> {
        let signing = SigningKey::from_der(key)?;
        let leaf = first(&chain)?;
        let certificate = Certificate::read(&leaf)?;
        if PeerKey::of(&certificate).as_spki().key != signing.public_key() {
            return Err(ConfigError::KeyDoesNotMatch);
        }
        Ok(Self {
            #[cfg(feature = "static-rsa")]
            decryption: Decryption::in_memory(key, &certificate)?,
            names: dns_names(&certificate),
            leaf,
            chain,
            ocsp: Vec::new(),
            key: Key::InMemory(Box::new(signing)),
            chosen: None,
        })
    }

    /// From PEM (or DER) files: the chain, leaf first, and the leaf's private key.
    ///
    /// # Errors
    /// As [`Identity::new`], and where the files hold something else.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, ConfigError> {
        Self::new(pki::certificates(chain)?, &pki::private_key(key)?)
    }

    /// From a chain whose private key is held elsewhere: each handshake asks
    /// [`Question::Sign`](crate::Question::Sign) with one of `schemes`, the preferred one first. With
    /// the feature `static-rsa`, and where a configuration allows it and the
    /// key is an RSA key, a handshake may ask `Question::Decrypt` instead.
    ///
    /// # Errors
    /// The chain or the list of schemes is empty, or the leaf cannot be read.
    pub fn with_key_elsewhere(
        chain: Vec<CertificateDer<'static>>,
        schemes: &[SignatureScheme],
    ) -> Result<Self, ConfigError> {
        let leaf = first(&chain)?;
        let certificate = Certificate::read(&leaf)?;
        if schemes.is_empty() {
            return Err(ConfigError::Empty("signature schemes"));
        }
        Ok(Self {
            #[cfg(feature = "static-rsa")]
            decryption: Decryption::elsewhere(&certificate),
            names: dns_names(&certificate),
            leaf,
            chain,
            ocsp: Vec::new(),
            key: Key::Elsewhere(schemes.to_vec()),
            chosen: None,
        })
    }

    /// From a chain and the one signature that is known of its key.
    #[cfg(test)]
    pub(crate) fn with_known_signature(
        chain: Vec<CertificateDer<'static>>,
        scheme: SignatureScheme,
        signature: &[u8],
    ) -> Result<Self, ConfigError> {
        let mut identity = Self::with_key_elsewhere(chain, &[scheme])?;
        identity.key = Key::Known([scheme], signature.to_vec());
        Ok(identity)
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// An OCSP response for the leaf, in DER, to staple where the peer asks for
    /// it (RFC 6066 section 8, RFC 8446 section 4.4.2.1).
    pub fn with_ocsp(mut self, response: Vec<u8>) -> Self {
        self.ocsp = response;
        self
    }

    pub(crate) fn ocsp(&self) -> &[u8] {
        &self.ocsp
    }

    /// Signs with these schemes alone, the preferred one first; those that the
    /// key cannot make are passed over.
    ///
    /// # Errors
    /// None is left.
    ///
    /// ```no_run
    /// use handfast::{Identity, wire::SignatureScheme};
    /// let identity = Identity::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
    /// let identity = identity.sign_with(&[SignatureScheme::RSA_PSS_RSAE_SHA384])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign_with(mut self, schemes: &[SignatureScheme]) -> Result<Self, ConfigError> {
        let able = self.key.schemes();
        let chosen: Vec<_> = schemes.iter().copied().filter(|scheme| able.contains(scheme)).collect();
        if chosen.is_empty() {
            return Err(ConfigError::NoSchemeForKey { wanted: schemes.to_vec(), able: able.to_vec() });
        }
        self.chosen = Some(chosen);
        Ok(self)
    }

    /// The schemes that it signs with, the preferred one first: those of its
    /// key, or the ones chosen with [`sign_with`](Self::sign_with).
    pub fn schemes(&self) -> &[SignatureScheme] {
        match &self.chosen {
            Some(chosen) => chosen,
            None => self.key.schemes(),
        }
    }

    /// Whether the certificate names this host.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        self.names.iter().any(|pattern| pki::dns_matches(pattern, host))
    }

    /// Whether a certificate of the chain has such an issuer, its Name in DER.
    pub(crate) fn is_issued_by(&self, is_it: impl Fn(&[u8]) -> bool) -> bool {
        self.chain.iter().any(|der| Certificate::read(der).is_ok_and(|each| is_it(each.issuer_der())))
    }

    pub(crate) fn leaf(&self) -> &CertificateDer<'static> {
        &self.leaf
    }

    /// Signs, where the key is in memory; `None` where it is held elsewhere.
    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Result<Vec<u8>, Failed>> {
        match &self.key {
            Key::InMemory(key) => Some(key.sign(scheme, message)),
            Key::Elsewhere(_) => None,
            #[cfg(test)]
            Key::Known(_, signature) => Some(Ok(signature.clone())),
        }
    }

    /// Whether static RSA can be done with its key.
    #[cfg(feature = "static-rsa")]
    pub(crate) fn decrypts(&self) -> bool {
        !matches!(self.decryption, Decryption::Nobody)
    }

    /// The raw RSA result, where the key is in memory; `None` where it is held elsewhere.
    #[cfg(feature = "static-rsa")]
    pub(crate) fn decrypt(&self, encrypted: &[u8]) -> Option<Result<Zeroizing<Vec<u8>>, Failed>> {
        match &self.decryption {
            Decryption::InMemory(key) => Some(key.decrypt(encrypted)),
            Decryption::Elsewhere | Decryption::Nobody => None,
        }
    }
}

fn first(chain: &[CertificateDer<'static>]) -> Result<CertificateDer<'static>, ConfigError> {
    chain.first().cloned().ok_or(ConfigError::Empty("certificates"))
}

fn dns_names(certificate: &Certificate<'_>) -> Vec<String> {
    let dns = |name| match name {
        GeneralName::Dns(name) => Some(name.to_owned()),
        _ => None,
    };
    certificate.names().filter_map(dns).collect()
}

/// Says whose certificate it is; the key is never printed.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Why a configuration cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// This build does not have the suite.
    #[error("the cipher suite {0} is not one that this build speaks")]
    UnknownSuite(CipherSuite),
    /// This build does not have the group.
    #[error("the group {0} is not one that this build speaks")]
    UnknownGroup(NamedGroup),
    /// This build does not have the signature scheme.
    #[error("the signature scheme {0} is not one that this build verifies")]
    UnknownScheme(SignatureScheme),
    /// The key cannot sign with any of the schemes.
    #[error("the private key can sign with none of {wanted:?}, but with {able:?}")]
    NoSchemeForKey {
        /// The schemes that were asked for.
        wanted: Vec<SignatureScheme>,
        /// Those of the key.
        able: Vec<SignatureScheme>,
    },
    /// This crate does not speak the version.
    #[error("this crate speaks TLS 1.3 and TLS 1.2, not {0}")]
    UnknownVersion(ProtocolVersion),
    /// The suite is one of static RSA, which must be allowed by name.
    #[cfg(feature = "static-rsa")]
    #[error(
        "the cipher suite {0} is static RSA, without forward secrecy: \
         call allow_static_rsa() before suites() if it must be"
    )]
    StaticRsaNotAllowed(CipherSuite),
    /// A list that needs an entry has none.
    #[error("the list of {0} is empty")]
    Empty(&'static str),
    /// Records cannot be of this size.
    #[error("records of {0} bytes cannot be asked for, but of 512 to 16384 (RFC 8446 section 5.1)")]
    RecordSize(usize),
    /// An application protocol's name is not 1 to 255 bytes long.
    #[error("the application protocol name {0:?} is not 1 to 255 bytes long (RFC 7301 section 3.1)")]
    ProtocolName(String),
    /// An authority's name is not 1 to 65535 bytes long.
    #[error("an authority's name has {0} bytes, not 1 to 65535 (RFC 8446 section 4.2.4)")]
    AuthorityName(usize),
    /// A key for tickets cannot be used.
    #[error("the ticket key cannot be used: {0}")]
    TicketKey(&'static str),
    /// The private key is not the one of the certificate.
    #[error(
        "the private key does not belong to the first certificate of the chain: put the leaf first, and its own key beside it"
    )]
    KeyDoesNotMatch,
    /// The certificate cannot be read.
    #[error("the first certificate of the chain cannot be used: {0}")]
    Certificate(#[from] Malformed),
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate or key file cannot be read.
    #[error(transparent)]
    Pem(#[from] pki::PemError),
}
