//! A certificate chain and the way to its private key, and why either, or a
//! configuration, cannot be used.

use crate::crypto::Failed;
use crate::crypto::kdf::sha256;
#[cfg(feature = "static-rsa")]
use crate::crypto::rsa_exchange::{DecryptionKey, EncryptionKey};
use crate::crypto::sign::{KeyError, SigningKey};
use crate::crypto::verify::fits;
use crate::pki::{
    self, Certificate, CertificateDer, GeneralName, Malformed, PeerKey, PrivateKeyDer, UnixTime,
};
use crate::said::debug_is_display;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use zeroize::Zeroize;
#[cfg(feature = "static-rsa")]
use zeroize::Zeroizing;

/// A certificate chain and the way to its private key.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// use handfast::{Identity, ServerConfig, pki::UnixTime};
/// let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes())?;
/// assert_eq!(identity.chain().len(), 1);
/// let config = ServerConfig::new(identity, UnixTime::now);
/// # Ok::<(), handfast::ConfigError>(())
/// ```
pub struct Identity {
    /// Never empty; `leaf` is its first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    leaf: CertificateDer<'static>,
    about: About,
    ocsp: Vec<u8>,
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

/// What is read off a chain once, so that no peer makes this side read it again.
struct About {
    /// The leaf's dNSNames, as hosts are looked up by them.
    hosts: Vec<String>,
    names: [u8; 32],
    /// Of each certificate, its Name in DER.
    issuers: Vec<Box<[u8]>>,
    /// In which schemes the certificates are signed that a peer checks; `None`
    /// is one that has no code.
    signatures: Vec<Option<SignatureScheme>>,
}

impl About {
    fn read(leaf: &Certificate<'_>, chain: &[CertificateDer<'_>]) -> Self {
        let host = |name| match name {
            GeneralName::Dns(name) => pki::dns_pattern(name),
            _ => None,
        };
        let mut about = Self {
            hosts: leaf.names().filter_map(host).collect(),
            names: names(leaf),
            issuers: Vec::new(),
            signatures: Vec::new(),
        };
        for certificate in chain.iter().filter_map(|der| Certificate::read(der).ok()) {
            about.issuers.push(certificate.issuer_der().into());
            // Nobody checks the signature of one that is its own issuer (RFC 9846 section 4.5.1.2).
            if !certificate.is_self_issued() && !about.signatures.contains(&certificate.signature_scheme()) {
                about.signatures.push(certificate.signature_scheme());
            }
        }
        about
    }
}

/// A hash of the set of names in subjectAltName, or of the certificate where it has
/// none there: without names nothing else says whose it is.
fn names(leaf: &Certificate<'_>) -> [u8; 32] {
    let names: BTreeSet<_> = leaf.names().map(|name| name.canonical()).collect();
    if names.is_empty() {
        return sha256(&[&[0], leaf.der()].concat());
    }
    let each = names.iter().flat_map(|name| [&(name.len() as u64).to_be_bytes()[..], name].concat());
    sha256(&[1].into_iter().chain(each).collect::<Vec<_>>())
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
        let certificate = own(&leaf)?;
        let public = PeerKey::of(&certificate);
        let fits = signing.schemes().iter().all(|scheme| fits(*scheme, public.as_spki()));
        if public.as_spki().key != signing.public_key() || !fits {
            return Err(ConfigError::KeyDoesNotMatch);
        }
        Ok(Self {
            #[cfg(feature = "static-rsa")]
            decryption: Decryption::in_memory(key, &certificate)?,
            about: About::read(&certificate, &chain),
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
        let chain = pki::certificates(chain)?;
        let mut key = pki::private_key(key)?;
        let identity = Self::new(chain, &key);
        key.zeroize();
        identity
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
        let certificate = own(&leaf)?;
        if schemes.is_empty() {
            return Err(ConfigError::Empty("signature schemes"));
        }
        Ok(Self {
            #[cfg(feature = "static-rsa")]
            decryption: Decryption::elsewhere(&certificate),
            about: About::read(&certificate, &chain),
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

    /// Whether peers can be shown the chain at this time: each certificate issued
    /// the one before it, none has expired, and none is of a time to come.
    /// Whom they trust is not asked. Signatures that this build cannot verify
    /// are passed over.
    ///
    /// That the key is the leaf's was seen when the identity was made, unless it
    /// is held elsewhere.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// use handfast::{Identity, pki::UnixTime};
    /// let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes())?;
    /// identity.check(UnixTime::now())?;
    /// let long_ago = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
    /// assert!(identity.check(long_ago).unwrap_err().to_string().contains("is valid only from"));
    /// # Ok::<(), handfast::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Chain`], with what was found and what to do.
    pub fn check(&self, now: UnixTime) -> Result<(), ConfigError> {
        Ok(pki::fit_to_be_shown(&self.chain, now)?)
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// An OCSP response for the leaf, in DER, to staple where the peer asks for
    /// it (RFC 6066 section 8, RFC 9846 section 4.5.1.1).
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

    /// The dNSNames of the certificate that a host can match, in lower case.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.about.hosts.iter().map(String::as_str)
    }

    /// Tells identities apart by their names: the same for a renewed certificate,
    /// and for one with another kind of key.
    pub(crate) const fn names(&self) -> &[u8; 32] {
        &self.about.names
    }

    /// Whether one of these authorities, Names in DER, issued a certificate of the chain.
    pub(crate) fn is_issued_by(&self, authorities: &HashSet<&[u8]>) -> bool {
        self.about.issuers.iter().any(|issuer| authorities.contains(&**issuer))
    }

    /// Whether all signatures in the chain that a peer checks are in such schemes.
    pub(crate) fn is_signed_with(&self, verified: impl Fn(SignatureScheme) -> bool) -> bool {
        self.about.signatures.iter().all(|scheme| scheme.is_some_and(&verified))
    }

    /// Whether a peer to which this one can be shown, can be shown the other.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        #[cfg(feature = "static-rsa")]
        if self.decrypts() != other.decrypts() {
            return false;
        }
        self.schemes() == other.schemes() && self.about.signatures == other.about.signatures
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

/// The leaf, which is of version 3 (RFC 9846 section 4.5.1.2).
fn own<'a>(leaf: &'a CertificateDer<'static>) -> Result<Certificate<'a>, ConfigError> {
    let certificate = Certificate::read(leaf)?;
    if certificate.version() == 3 { Ok(certificate) } else { Err(ConfigError::Version1) }
}

/// Says whose certificate it is; the key is never printed.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("hosts", &self.about.hosts).finish_non_exhaustive()
    }
}

/// Why a configuration cannot be made.
#[derive(Clone, thiserror::Error)]
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
    #[error("records of {0} bytes cannot be asked for, but of 512 to 16384 (RFC 9846 section 5.1)")]
    RecordSize(usize),
    /// Chains cannot be of so many certificates.
    #[error("chains of {0} certificates cannot be asked for, but of 1 to 64")]
    ChainLength(usize),
    /// An application protocol's name is not 1 to 255 bytes long.
    #[error("the application protocol name {0:?} is not 1 to 255 bytes long (RFC 7301 section 3.1)")]
    ProtocolName(String),
    /// An authority's name is not 1 to 65535 bytes long.
    #[error("an authority's name has {0} bytes, not 1 to 65535 (RFC 9846 section 4.3.4)")]
    AuthorityName(usize),
    /// A key for tickets cannot be used.
    #[error("the ticket key cannot be used: {0}")]
    TicketKey(&'static str),
    /// A pre-shared key cannot be used.
    #[error("the pre-shared key cannot be used: {0}")]
    PreSharedKey(&'static str),
    /// A key for the cookies of HelloRetryRequests cannot be used.
    #[error("the cookie key cannot be used: {0}")]
    CookieKey(&'static str),
    /// Tickets cannot live, or their keys encrypt, for so many seconds.
    #[error("{what} of {seconds} seconds cannot be, but of 1 to 604800: seven days (RFC 9846 section 4.7.1)")]
    TicketTimes {
        /// What was to last so long.
        what: &'static str,
        /// How long.
        seconds: u64,
    },
    /// The private key is not the one of the certificate.
    #[error(
        "the private key does not belong to the first certificate of the chain: put the leaf first, and its own key beside it"
    )]
    KeyDoesNotMatch,
    /// The certificate cannot be read.
    #[error("the first certificate of the chain cannot be used: {0}")]
    Certificate(#[from] Malformed),
    /// The chain should not be shown: see [`Identity::check`].
    #[error(transparent)]
    Chain(#[from] pki::UnfitChain),
    /// The certificate is of version 1.
    #[error(
        "the first certificate of the chain is of version 1, and TLS takes version 3 (RFC 9846 section \
         4.5.1.2): issue it again with extensions, at least subjectAltName"
    )]
    Version1,
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate or key file cannot be read.
    #[error(transparent)]
    Pem(#[from] pki::PemError),
}

debug_is_display!(ConfigError);
