//! The policies by which a chain is accepted: a path to a root, a pinned key,
//! exactly one certificate. A policy is a value; it asks nobody, and the time
//! is the caller's.

use super::certificate::{Certificate, Malformed};
use super::chain::Search;
use super::inquiry::{Expected, FirstBroken, Inquiry, Purpose};
use super::judge;
use super::policy::Policies;
use super::remembered::Memory;
use super::report::Report;
use super::revocation::Revocation;
use super::roots::Roots;
use super::rules::{Profile, Rule};
use super::sent::{Candidate, Sent};
use super::story;
use super::time;
use crate::alert::AlertDescription;
use crate::crypto::kdf::{hash_of_scheme, sha256};
use crate::crypto::verify::{KeyKind, SubjectPublicKeyInfo};
use crate::limits;
use crate::said::debug_is_display;
use crate::wire::NamedGroup;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A policy that judges certificate chains.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
/// # let root = made.cert.der().clone();
/// # let chain = [root.clone()];
/// # let now = handfast::pki::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
/// use handfast::pki::{Purpose, Roots, ServerName, Verifier};
/// let mut roots = Roots::new();
/// roots.add(root)?;
/// let verifier = Verifier::web_pki(roots);
/// let name = ServerName::try_from("example.com").unwrap();
/// let accepted = verifier.verify(&chain, Some(&name), Purpose::Server, now)?;
/// assert!(accepted.report.accepted());
///
/// let other = ServerName::try_from("example.org").unwrap();
/// let refused = verifier.verify(&chain, Some(&other), Purpose::Server, now).unwrap_err();
/// assert_eq!(refused.alert().to_string(), "bad_certificate");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    basis: Basis,
    profile: Profile,
    pins: Option<Arc<[[u8; 32]]>>,
    most_intermediates: Option<usize>,
    longest_path: usize,
    policies: Policies,
    revocation: Revocation,
    memory: Option<Memory>,
}

#[derive(Clone, Debug)]
enum Basis {
    Chain { roots: Arc<Roots>, check_name: bool },
    PinnedKey,
    Exactly(Arc<[u8]>),
    Anything,
}

/// A chain that was accepted.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
/// use handfast::pki::{Purpose, Roots, Verifier};
/// let mut roots = Roots::new();
/// roots.add(chain[0].clone())?;
/// let accepted = Verifier::web_pki(roots).verify(&chain, None, Purpose::Client, now)?;
/// assert_eq!(accepted.leaf_key.describe(), "EC, P-256");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// Each check of the path. It is put into words when it is read.
    pub report: Report,
    /// The peer's public key.
    pub leaf_key: PeerKey,
}

/// A chain that was refused, and why.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
/// use handfast::{AlertDescription, pki::{Purpose, Roots, Verifier}};
/// let refused = Verifier::web_pki(Roots::new()).verify(&chain, None, Purpose::Client, now).unwrap_err();
/// assert_eq!(refused.alert(), AlertDescription::UNKNOWN_CA);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Refused {
    /// Everything that is wrong with the best path, and what was tried.
    pub report: Report,
}

impl Refused {
    /// The alert that the peer is sent (RFC 9846 section 6.2).
    pub fn alert(&self) -> AlertDescription {
        self.report.alert().unwrap_or(AlertDescription::BAD_CERTIFICATE)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}

debug_is_display!(Refused);

impl std::error::Error for Refused {}

/// The public key of a peer's certificate.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
/// use handfast::pki::{Purpose, Verifier, peer_key};
/// let accepted = Verifier::dangerous_accept_any().verify(&chain, None, Purpose::Server, now)?;
/// assert_eq!(accepted.leaf_key, peer_key(&chain[0])?); // the same key, wherever it is read
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerKey {
    /// The algorithm's identifier and, behind so many octets, the key.
    octets: Box<[u8]>,
    algorithm: usize,
    signs: bool,
}

impl PeerKey {
    /// The key in words, such as `EC, P-256`.
    pub fn describe(&self) -> String {
        self.as_spki().describe()
    }

    /// Whether its certificate lets it sign handshakes.
    pub(crate) fn signs(&self) -> bool {
        self.signs
    }

    /// The curve of an ECDSA key.
    pub(crate) fn curve(&self) -> Option<NamedGroup> {
        match self.as_spki().kind() {
            Some(KeyKind::P256) => Some(NamedGroup::SECP256R1),
            Some(KeyKind::P384) => Some(NamedGroup::SECP384R1),
            _ => None,
        }
    }

    pub(crate) fn as_spki(&self) -> SubjectPublicKeyInfo<'_> {
        let (algorithm, key) = self.octets.split_at_checked(self.algorithm).unwrap_or_default();
        SubjectPublicKeyInfo { algorithm, key }
    }

    pub(crate) fn of(certificate: &Certificate<'_>) -> Self {
        let SubjectPublicKeyInfo { algorithm, key } = certificate.spki;
        Self {
            octets: [algorithm, key].concat().into(),
            algorithm: algorithm.len(),
            signs: certificate.allows_signatures(),
        }
    }
}

/// The public key of a certificate that somebody else judges.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// let key = handfast::pki::peer_key(made.cert.der())?;
/// assert_eq!(key.describe(), "EC, P-256");
/// # Ok::<(), handfast::pki::Malformed>(())
/// ```
pub fn peer_key(leaf: &CertificateDer<'_>) -> Result<PeerKey, Malformed> {
    Certificate::read(leaf).map(|leaf| PeerKey::of(&leaf))
}

/// The SHA-256 of a certificate's SubjectPublicKeyInfo: what
/// [`Verifier::pinned`] takes.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// use handfast::pki::{Certificate, spki_sha256};
/// let key = Certificate::read(made.cert.der())?.public_key_der();
/// assert_eq!(spki_sha256(made.cert.der())?, handfast::sha256(key));
/// # Ok::<(), handfast::pki::Malformed>(())
/// ```
pub fn spki_sha256(certificate: &CertificateDer<'_>) -> Result<[u8; 32], Malformed> {
    Certificate::read(certificate).map(|certificate| sha256(certificate.spki_bytes))
}

/// The channel binding `tls-server-end-point` (RFC 5929 section 4.1) of a server's
/// certificate, which both sides of a connection know: what SCRAM's `-PLUS` takes in
/// PostgreSQL, LDAP and XMPP, so that a password is proven to this server alone.
///
/// It is the certificate's hash, by the hash of its own signature; `None` where that
/// has none, as Ed25519, or is none that this crate verifies.
///
/// # Errors
/// The certificate cannot be read.
///
/// ```no_run
/// # fn example(tls: handfast::TlsStream<std::net::TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
/// let chain = tls.info().peer_chain.as_deref().ok_or("no certificate")?;
/// let leaf = chain.first().ok_or("no certificate")?;
/// let binding = handfast::pki::tls_server_end_point(leaf)?;
/// # Ok(())
/// # }
/// ```
pub fn tls_server_end_point(certificate: &CertificateDer<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    let scheme = Certificate::read(certificate)?.signature_scheme();
    Ok(scheme.and_then(|scheme| hash_of_scheme(scheme, certificate)))
}

impl Verifier {
    /// A path to one of the roots, and the server's name in the certificate.
    /// The name of a client does not matter.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let file = made.cert.pem();
    /// use handfast::pki::{Roots, Verifier};
    /// let mut roots = Roots::new();
    /// roots.add_pem(file.as_bytes())?;
    /// assert_eq!(Verifier::web_pki(roots).roots().map(Roots::len), Some(1));
    /// # Ok::<(), handfast::pki::PemError>(())
    /// ```
    pub fn web_pki(roots: Roots) -> Self {
        Self::new(Basis::Chain { roots: Arc::new(roots), check_name: true })
    }

    /// A path to one of the roots, whatever name the certificate has: for
    /// private roots all of whose certificates are equally trusted.
    pub fn chain_without_name(roots: Roots) -> Self {
        Self::new(Basis::Chain { roots: Arc::new(roots), check_name: false })
    }

    /// One of these public keys, each given as the SHA-256 of its
    /// SubjectPublicKeyInfo (see [`spki_sha256`]); give the key that will
    /// follow, too. Nothing else of the certificate matters: not who issued
    /// it, its names or its dates.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
    /// use handfast::pki::{Purpose, Verifier, spki_sha256};
    /// let [now_in_use, next] = [spki_sha256(&chain[0])?, [7; 32]];
    /// assert!(Verifier::pinned([now_in_use, next]).verify(&chain, None, Purpose::Server, now).is_ok());
    /// assert!(Verifier::pinned([next]).verify(&chain, None, Purpose::Server, now).is_err());
    /// # Ok::<(), handfast::pki::Malformed>(())
    /// ```
    pub fn pinned(pins: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self::new(Basis::PinnedKey).and_pins(pins)
    }

    /// Exactly this certificate, as long as it is valid and has the server's
    /// name: for appliances that made their own. One of version 1 has no place
    /// for names: there the certificate alone decides.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
    /// use handfast::pki::{Purpose, ServerName, Verifier};
    /// let verifier = Verifier::exactly(chain[0].clone());
    /// let name = ServerName::try_from("a.example").unwrap();
    /// assert!(verifier.verify(&chain, Some(&name), Purpose::Server, now).is_ok());
    /// ```
    pub fn exactly(leaf: CertificateDer<'_>) -> Self {
        Self::new(Basis::Exactly(leaf.as_ref().into()))
    }

    /// Accepts every certificate, from whoever it comes. The connection is
    /// encrypted, perhaps to an attacker.
    pub fn dangerous_accept_any() -> Self {
        Self::new(Basis::Anything)
    }

    /// The same policy under other rules of form.
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The same policy, and the leaf's public key must be one of these.
    pub fn and_pins(self, pins: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self { pins: Some(pins.into_iter().collect()), ..self }
    }

    /// The same policy with at most so many intermediates between leaf and
    /// root, self-issued ones not counted.
    pub fn with_most_intermediates(self, most: usize) -> Self {
        Self { most_intermediates: Some(most), ..self }
    }

    /// The same policy with paths of at most so many certificates, leaf and root
    /// among them: 20 ([`limits::CHAIN_DEPTH`]) if nothing is said, and 64
    /// ([`limits::CHAIN_DEPTH_MOST`]) at most. A longer one is refused, and the
    /// report says so; what the search for it may cost stays the same.
    ///
    /// How many certificates a peer may send is another setting,
    /// [`ClientConfig::longest_chain`](crate::ClientConfig::longest_chain).
    ///
    /// ```
    /// use handfast::pki::{Roots, Verifier};
    /// let verifier = Verifier::web_pki(Roots::new()).with_longest_path(4);
    /// ```
    pub fn with_longest_path(self, certificates: usize) -> Self {
        Self { longest_path: certificates.min(limits::CHAIN_DEPTH_MOST), ..self }
    }

    /// The same policy, and of the certificate policies those that are asked for
    /// (RFC 5280 section 6.1.1). Without this a path has a policy in common only
    /// where a certificate demands it. Pins and exact leaves have no path.
    pub fn with_policies(self, policies: Policies) -> Self {
        Self { policies, ..self }
    }

    /// The same policy with lists of revoked certificates, or with the demand
    /// for a statement that nothing is revoked. Without this only what the peer
    /// staples is looked at.
    ///
    /// ```
    /// use handfast::pki::{Revocation, Roots, Verifier};
    /// // Without a good OCSP response, which the server staples, no chain is accepted.
    /// let verifier = Verifier::web_pki(Roots::new()).with_revocation(Revocation::hard([]).leaf_only());
    /// ```
    pub fn with_revocation(self, revocation: Revocation) -> Self {
        Self { revocation, ..self }
    }

    /// The same policy, and whether signatures that held in a chain that was
    /// accepted are verified again when they are met again; by default they
    /// are not. A client saves a signature for each certificate of a chain,
    /// and those of lists and OCSP responses. The verifier and its clones
    /// remember [`limits::REMEMBERED_SIGNATURES`](crate::limits::REMEMBERED_SIGNATURES).
    ///
    /// No verdict changes. What is remembered is the SHA-256 of the signer's
    /// key, the algorithm, what was signed and the signature, so a false entry
    /// takes a collision of SHA-256, as a false signature would; everything
    /// else (names, dates, roots, revocation) is judged each time, under the
    /// same limits. Only what an accepted chain rests on is entered: who
    /// shows none that is accepted can neither fill the memory nor empty it.
    ///
    /// The time that a verdict takes tells, by some 50 us for each signature,
    /// whether a chain with that certificate was accepted lately. A server
    /// can ask so about its own certificate, and about the intermediates that
    /// it shares with thousands of others; not about another host's, for a
    /// chain without the right name is refused before a signature is looked
    /// up. Of a client's chain only what stands above its own certificate is
    /// remembered: who shows somebody else's does not learn whether that
    /// client was here. Where the rest is too much, switch it off.
    ///
    /// ```
    /// use handfast::pki::{Roots, Verifier};
    /// let verifier = Verifier::web_pki(Roots::new()).remember_signatures(false);
    /// # let _ = verifier;
    /// ```
    pub fn remember_signatures(self, remember: bool) -> Self {
        let memory = if remember { self.memory.or_else(|| Some(Memory::default())) } else { None };
        Self { memory, ..self }
    }

    /// The same policy with other roots in the place of its own, if it has any: one
    /// that pins a key or a certificate has none, and stays as it is.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
    /// use handfast::pki::{Roots, Verifier};
    /// let verifier = Verifier::web_pki(Roots::new()).with_longest_path(4);
    /// let mut renewed = Roots::new();
    /// renewed.add(made.cert.der().clone())?;
    /// assert_eq!(verifier.with_roots(renewed).roots().map(Roots::len), Some(1));
    /// # Ok::<(), handfast::pki::Malformed>(())
    /// ```
    pub fn with_roots(&self, roots: Roots) -> Self {
        let mut with = self.clone();
        if let Basis::Chain { roots: own, .. } = &mut with.basis {
            *own = Arc::new(roots);
        }
        with
    }

    /// The roots, if the policy has any.
    pub fn roots(&self) -> Option<&Roots> {
        match &self.basis {
            Basis::Chain { roots, .. } => Some(roots),
            _ => None,
        }
    }

    /// The same for policies that judge alike, and for no others: who was
    /// accepted under another one is not resumed.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let (kind, basis) = match &self.basis {
            Basis::Chain { roots, check_name: true } => (0, roots.fingerprint()),
            Basis::Chain { roots, check_name: false } => (1, roots.fingerprint()),
            Basis::PinnedKey => (2, [0; 32]),
            Basis::Exactly(leaf) => (3, sha256(leaf)),
            Basis::Anything => (4, [0; 32]),
        };
        let pins = self.pins.as_deref().map(|pins| sha256(pins.as_flattened()));
        let most = self.most_intermediates.map(|most| (most as u64).to_be_bytes());
        let rules: Vec<u8> = Rule::ALL.iter().map(|rule| self.profile.has(*rule).into()).collect();
        sha256(
            &[
                &[kind, pins.is_some().into(), most.is_some().into()][..],
                &basis,
                &pins.unwrap_or_default(),
                &most.unwrap_or_default(),
                &(self.longest_path as u64).to_be_bytes(),
                &rules,
                &self.policies.fingerprint(),
                &self.revocation.fingerprint(),
            ]
            .concat(),
        )
    }

    /// Judges a chain, the peer's own certificate first; the others may stand
    /// in any order, and need not belong to the path.
    ///
    /// Nothing is asked about stapling, since there is no connection; see
    /// [`verify_stapled`](Self::verify_stapled).
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
    /// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
    /// use handfast::pki::{Purpose, Roots, ServerName, Verifier};
    /// let name = ServerName::try_from("a.example").unwrap();
    /// let refused = Verifier::web_pki(Roots::new()).verify(&chain, Some(&name), Purpose::Server, now);
    /// assert!(refused.unwrap_err().to_string().contains("RFC 5280 6.1")); // no root, no trust
    /// ```
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<Accepted, Refused> {
        self.judge(chain, None, name, purpose, now)
    }

    /// Judges a chain as [`verify`](Self::verify) does, with the OCSP response
    /// that the peer stapled to it, in DER (RFC 9846 section 4.5.1.1; RFC 6066
    /// section 8); empty, if it stapled none.
    pub fn verify_stapled(
        &self,
        chain: &[CertificateDer<'_>],
        ocsp: &[u8],
        name: Option<&ServerName<'_>>,
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<Accepted, Refused> {
        self.judge(chain, Some(ocsp), name, purpose, now)
    }

    fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        staple: Option<&[u8]>,
        name: Option<&ServerName<'_>>,
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<Accepted, Refused> {
        let refused = |report| Err(Refused { report });
        let Some(first) = chain.first() else {
            return refused(Report::unreadable("no certificate was sent".into()));
        };
        let leaf = match Certificate::read(first) {
            Ok(leaf) => leaf,
            Err(Malformed { reason }) => {
                return refused(Report::unreadable(format!("its certificate is malformed: {reason}")));
            }
        };
        let leaf_key = PeerKey::of(&leaf);
        let named = match (name, purpose) {
            (_, Purpose::Client) => None,
            (Some(ServerName::DnsName(name)), Purpose::Server) => {
                Some(Expected::Server(ServerName::DnsName(name.borrow())))
            }
            (Some(address), Purpose::Server) => Some(Expected::Server(address.clone())),
            (None, Purpose::Server) => Some(Expected::NotGiven),
        };
        let leaf_is_trusted = match &self.basis {
            Basis::Chain { roots, .. } => roots.contains(&leaf),
            _ => false,
        };
        let now = time::seconds(now);
        let mut inquiry = Inquiry {
            profile: self.profile,
            purpose,
            name: named,
            now,
            most_intermediates: self.most_intermediates,
            longest_path: self.longest_path,
            policies: self.policies.clone(),
            pins: self.pins.clone(),
            leaf_is_trusted,
            revocation: self.revocation.clone(),
            staple: staple.map(Cow::Borrowed),
        };
        let report = match &self.basis {
            Basis::Chain { roots, check_name } => {
                inquiry.name = inquiry.name.filter(|_| *check_name);
                return chain_verdict(leaf, leaf_key, chain, (roots, self.memory.as_ref()), inquiry);
            }
            Basis::Anything => Report::without_checks(&leaf),
            Basis::PinnedKey => known_leaf(&leaf, None, inquiry)?,
            Basis::Exactly(expected) => known_leaf(&leaf, Some(expected), inquiry)?,
        };
        Ok(Accepted { report, leaf_key })
    }

    /// How many signatures were verified and how many remembered since the last call.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> (usize, usize) {
        self.memory.as_ref().map(Memory::counted).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    fn new(basis: Basis) -> Self {
        let (profile, policies, revocation) = Default::default();
        let (memory, longest_path) = (Some(Memory::default()), limits::CHAIN_DEPTH);
        let (pins, most_intermediates) = (None, None);
        Self { basis, profile, pins, most_intermediates, longest_path, policies, revocation, memory }
    }
}

fn known_leaf(
    leaf: &Certificate<'_>,
    exactly: Option<&[u8]>,
    inquiry: Inquiry<'_>,
) -> Result<Report, Refused> {
    match judge::known_leaf(&inquiry, leaf, exactly, &mut FirstBroken) {
        Ok(()) => Ok(Report::of_leaf(leaf, exactly.is_some(), inquiry)),
        Err(_) => {
            let mut findings = Vec::new();
            let _ = judge::known_leaf(&inquiry, leaf, exactly, &mut findings);
            Err(Refused { report: Report::refused_leaf(leaf, findings, &inquiry) })
        }
    }
}

fn chain_verdict(
    leaf: Certificate<'_>,
    leaf_key: PeerKey,
    chain: &[CertificateDer<'_>],
    (roots, memory): (&Roots, Option<&Memory>),
    inquiry: Inquiry<'_>,
) -> Result<Accepted, Refused> {
    let leaf = Sent::new(0, leaf);
    let others = chain.iter().enumerate().skip(1).map(|(place, der)| Candidate::new(place, der));
    let others: Vec<_> = others.collect();
    let mut search = Search::new(&inquiry, roots, &others, memory);
    let spent = match search.run(&leaf) {
        Ok(Some(path)) => {
            let report = Report::of_path(&path, inquiry.clone(), search.budget.spent());
            return Ok(Accepted { report, leaf_key });
        }
        Ok(None) => Ok(()),
        Err(spent) => Err(spent),
    };
    let attempt = story::tell(&mut search, &leaf, spent);
    // As many as somebody reads.
    let malformed = others.iter().take(20).enumerate().filter_map(|(place, other)| {
        other.read().as_ref().err().map(|Malformed { reason }| (place + 1, *reason))
    });
    let unreadable: Vec<_> = malformed.collect();
    let report = Report::refused_chain(attempt, &unreadable, &inquiry, !roots.is_empty());
    Err(Refused { report: report.costing(search.budget.spent()) })
}
