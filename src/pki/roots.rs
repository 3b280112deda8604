//! Trust anchors (RFC 5280 section 6.1.1 (d)): a name, a key, constraints. Each is
//! read once, when it is added.

use super::certificate::{Certificate, Malformed, public_key};
use super::constraints::{Bases, NameConstraints};
use super::dn::Name;
use super::extensions::{KeyUsage, PolicyLimits, Usage};
use super::pem::{PemError, certificates};
use super::rules::Rule;
use crate::crypto::der::tag;
use crate::crypto::kdf::sha256;
use crate::crypto::verify::SubjectPublicKeyInfo;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// The roots that a verifier trusts.
///
/// They come from a file ([`add_pem`](Self::add_pem)), one by one ([`add`](Self::add)), with the
/// feature `system-roots` from the system (`Roots::system`), with `bundled-roots` from
/// Mozilla's list as a crate has it (`Roots::bundled`), or from several of these,
/// since stores can be [merged](Self::extend).
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
/// # let pem = made.cert.pem();
/// use handfast::pki::Roots;
/// let mut roots = Roots::new();
/// let (added, refused) = roots.add_pem(pem.as_bytes())?;
/// assert_eq!((added, refused, roots.len()), (1, 0, 1));
/// # Ok::<(), handfast::pki::PemError>(())
/// ```
#[derive(Clone, Default)]
pub struct Roots {
    /// What store it is, as reports say.
    store: Option<Arc<str>>,
    anchors: Vec<Arc<Anchor>>,
    /// Places in `anchors`, those of one name together.
    namesakes: Vec<Vec<usize>>,
    /// Subjects as the roots have them, and folded, to places in `namesakes`.
    by_octets: HashMap<Box<[u8]>, usize>,
    by_name: HashMap<Vec<u8>, usize>,
    fingerprint: OnceLock<[u8; 32]>,
}

/// One trust anchor.
#[derive(Debug)]
pub(super) struct Anchor {
    /// Name, tag and length included.
    pub(super) subject: Box<[u8]>,
    spki_algorithm: Box<[u8]>,
    spki_key: Box<[u8]>,
    /// The value of a nameConstraints extension, which is well formed.
    constraints: Option<Box<[u8]>>,
    bases: OnceLock<Option<Bases>>,
    pub(super) key_id: Option<Box<[u8]>>,
    /// What follows is its certificate's; an anchor without one has none of it.
    pub(super) validity: Option<(i64, i64)>,
    pub(super) path_length: Option<u32>,
    pub(super) usage: Option<Usage>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) policies: PolicyLimits,
    /// The first critical extension that is not judged by this crate.
    pub(super) unknown_critical: Option<Box<[u8]>>,
    pub(super) certificate: Option<CertificateDer<'static>>,
    /// The store that it came from.
    pub(super) store: Option<Arc<str>>,
    /// The rules about its form that the certificate breaks: found when it is
    /// first used, for they do not depend on what is asked.
    pub(super) form: OnceLock<Vec<Rule>>,
}

impl Anchor {
    pub(super) fn spki(&self) -> SubjectPublicKeyInfo<'_> {
        SubjectPublicKeyInfo { algorithm: &self.spki_algorithm, key: &self.spki_key }
    }

    /// Its constraints on names, if it has any.
    pub(super) fn bases(&self) -> Option<&Bases> {
        let value = self.constraints.as_deref()?;
        self.bases.get_or_init(|| NameConstraints::read(value).ok().map(|found| found.open())).as_ref()
    }

    /// Whether it is the same root, wherever it came from.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.certificate, &other.certificate) {
            (Some(own), Some(others)) => own == others,
            (None, None) => {
                self.subject == other.subject
                    && self.spki() == other.spki()
                    && self.constraints == other.constraints
            }
            _ => false,
        }
    }

    pub(super) fn text(&self) -> String {
        Name::read(&self.subject).map_or_else(|_| "(malformed)".into(), |name| name.text())
    }
}

impl Roots {
    /// No roots: nothing is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, of a store that has a name: it is told where a root of it was
    /// trusted ([`Report::store`](super::Report::store)), also after stores were merged.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
    /// # let (pem, chain) = (made.cert.pem(), [made.cert.der().clone()]);
    /// # let now = handfast::pki::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
    /// use handfast::pki::{Purpose, Roots, ServerName, Verifier};
    /// let mut own = Roots::of_store("ca.pem");
    /// own.add_pem(pem.as_bytes())?;
    /// let mut all = Roots::of_store("another file");
    /// all.extend([own]);
    /// let name = ServerName::try_from("example.com").unwrap();
    /// let accepted = Verifier::web_pki(all).verify(&chain, Some(&name), Purpose::Server, now)?;
    /// assert_eq!(accepted.report.store(), Some("ca.pem"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_store(name: impl Into<Arc<str>>) -> Self {
        Self { store: Some(name.into()), ..Self::default() }
    }

    /// Trusts whatever a certificate's key has signed: an authority, self-signed
    /// or not; or, where basicConstraints says that it is none, the server that
    /// signed for itself, and nothing else. Nothing of it is judged now, but where
    /// a path ends in it: an extension that is malformed makes it useless there,
    /// and says so. Version 1 is for [`Profile::PRIVATE`](super::Profile::PRIVATE).
    pub fn add(&mut self, certificate: CertificateDer<'_>) -> Result<(), Malformed> {
        let certificate = certificate.into_owned();
        let read = Certificate::read(&certificate)?;
        let anchor = Anchor {
            subject: read.subject_bytes.into(),
            spki_algorithm: read.spki.algorithm.into(),
            spki_key: read.spki.key.into(),
            constraints: read.extensions.constraints.map(|constraints| constraints.value.into()),
            key_id: read.extensions.subject_key.map(|id| id.key.into()),
            validity: Some(read.validity),
            path_length: read.extensions.basic_constraints.and_then(|basic| basic.path_length),
            usage: read.extensions.extended_key_usage.map(|extended| extended.usage),
            key_usage: read.extensions.key_usage,
            policies: read.extensions.policies.limits,
            unknown_critical: read.extensions.unknown_critical.map(Into::into),
            bases: OnceLock::new(),
            form: OnceLock::new(),
            certificate: None,
            store: self.store.clone(),
        };
        let folded = read.subject.folded();
        self.insert(folded, Arc::new(Anchor { certificate: Some(certificate), ..anchor }));
        Ok(())
    }

    /// Trusts an anchor that is not given as a certificate, as the
    /// `webpki-roots` crate has them. It has no dates, so it does not expire.
    pub fn add_anchor(&mut self, anchor: &TrustAnchor<'_>) -> Result<(), Malformed> {
        let bad = |reason| Malformed { reason };
        let subject = in_sequence(&anchor.subject);
        let folded = Name::read(&subject).map_err(|_| bad("subject"))?.folded();
        let spki = public_key(&anchor.subject_public_key_info).map_err(|_| bad("subjectPublicKeyInfo"))?;
        let constraints = match anchor.name_constraints.as_deref() {
            Some(inside) => {
                let value = in_sequence(inside);
                NameConstraints::read(&value).map_err(|_| bad("nameConstraints"))?;
                Some(value.into_boxed_slice())
            }
            None => None,
        };
        let anchor = Anchor {
            subject: subject.clone().into(),
            spki_algorithm: spki.algorithm.into(),
            spki_key: spki.key.into(),
            constraints,
            key_id: None,
            validity: None,
            path_length: None,
            usage: None,
            key_usage: None,
            policies: PolicyLimits::default(),
            unknown_critical: None,
            bases: OnceLock::new(),
            form: OnceLock::new(),
            certificate: None,
            store: self.store.clone(),
        };
        self.insert(folded, Arc::new(anchor));
        Ok(())
    }

    /// Trusts every certificate of a PEM file, or the one of a DER file. Says
    /// how many were added, and how many were malformed and left out.
    pub fn add_pem(&mut self, file: &[u8]) -> Result<(usize, usize), PemError> {
        let (mut added, mut refused) = (0, 0);
        for certificate in certificates(file)? {
            match self.add(certificate) {
                Ok(()) => added += 1,
                Err(Malformed { .. }) => refused += 1,
            }
        }
        Ok((added, refused))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The subject of each, a Name in DER, as a server lists them in
    /// `certificate_authorities` (RFC 9846 section 4.3.4).
    pub fn subjects(&self) -> impl Iterator<Item = &[u8]> {
        self.anchors.iter().map(|anchor| &*anchor.subject)
    }

    /// The same for the same roots in the same order, and for no others.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        *self.fingerprint.get_or_init(|| {
            let mut all = Vec::with_capacity(32 * self.len());
            for anchor in &self.anchors {
                all.extend(match &anchor.certificate {
                    Some(certificate) => sha256(certificate),
                    None => {
                        let constraints = anchor.constraints.as_deref().unwrap_or_default();
                        let parts = [&anchor.subject, &anchor.spki_algorithm, &anchor.spki_key, constraints];
                        sha256(parts.map(sha256).as_flattened())
                    }
                });
            }
            sha256(&all)
        })
    }

    #[cfg(test)]
    pub(super) fn anchors(&self) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().map(|anchor| &**anchor)
    }

    /// The anchors of a name, which is folded only where none has its octets.
    pub(super) fn named<'f>(
        &self,
        name: &[u8],
        folded: impl FnOnce() -> &'f [u8],
    ) -> impl Iterator<Item = (usize, &Arc<Anchor>)> {
        let group = self.by_octets.get(name).or_else(|| self.by_name.get(folded()));
        let places = group.and_then(|group| self.namesakes.get(*group)).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|&place| Some((place, self.anchors.get(place)?)))
    }

    /// Whether this certificate is one of them.
    pub(super) fn contains(&self, certificate: &Certificate<'_>) -> bool {
        certificate.subject_bytes == certificate.issuer_bytes
            && self.named(certificate.subject_bytes, || &[]).any(|(_, anchor)| {
                anchor.certificate.as_ref().is_some_and(|own| own.as_ref() == certificate.der)
            })
    }

    fn insert(&mut self, folded: Vec<u8>, anchor: Arc<Anchor>) {
        let group = *self.by_name.entry(folded).or_insert(self.namesakes.len());
        if group == self.namesakes.len() {
            self.namesakes.push(Vec::new());
        }
        self.by_octets.insert(anchor.subject.clone(), group);
        let Some(places) = self.namesakes.get_mut(group) else { return };
        // A root that is there already need not be tried twice.
        let known =
            places.iter().filter_map(|&place| self.anchors.get(place)).any(|known| known.is_same(&anchor));
        if !known {
            self.fingerprint = OnceLock::new();
            places.push(self.anchors.len());
            self.anchors.push(anchor);
        }
    }
}

/// Merges stores: what one has is trusted as it was there, and stays of that store. A
/// root that is there already is not taken twice.
///
/// ```no_run
/// # fn own() -> handfast::pki::Roots { handfast::pki::Roots::new() }
/// use handfast::pki::Roots;
/// let mut roots = Roots::of_store("ca.pem");
/// roots.add_pem(&std::fs::read("ca.pem")?)?;
/// # #[cfg(feature = "bundled-roots")]
/// roots.extend([Roots::bundled()]);
/// let all: Roots = [roots, own()].into_iter().collect();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Extend<Roots> for Roots {
    fn extend<I: IntoIterator<Item = Roots>>(&mut self, stores: I) {
        for anchor in stores.into_iter().flat_map(|store| store.anchors) {
            // It was read when it was added.
            if let Ok(name) = Name::read(&anchor.subject).map(|name| name.folded()) {
                self.insert(name, anchor);
            }
        }
    }
}

impl FromIterator<Roots> for Roots {
    fn from_iter<I: IntoIterator<Item = Roots>>(stores: I) -> Self {
        let mut all = Self::new();
        all.extend(stores);
        all
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots({})", self.len())
    }
}

/// A SEQUENCE around contents.
fn in_sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|&octet| octet != 0).unwrap_or(length.len());
    let octets = length.get(significant..).unwrap_or(&[]);
    let mut out = vec![tag::SEQUENCE];
    match octets {
        [] => out.push(0),
        [short @ ..0x80] => out.push(*short),
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::der::Der;

    #[test]
    fn anchors_are_read_once_and_found_by_name() {
        let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
        let mut roots = Roots::new();
        assert!(roots.is_empty());
        roots.add(made.cert.der().clone()).unwrap();
        roots.add(made.cert.der().clone()).unwrap();
        assert_eq!(roots.len(), 1, "once is enough");
        let read = Certificate::read(made.cert.der()).unwrap();
        assert_eq!(roots.subjects().collect::<Vec<_>>(), [read.subject_der()]);
        let folded = read.subject.folded();
        // By its octets, and by the name that they mean.
        for (octets, name) in [(read.subject_der(), &b"other"[..]), (b"other", &folded)] {
            let found: Vec<_> = roots.named(octets, || name).collect();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].1.spki(), read.spki);
        }
        assert_eq!(roots.named(b"other", || b"other").count(), 0);
        assert!(roots.add(CertificateDer::from(vec![1, 2, 3])).is_err());
        assert!(roots.add_pem(b"nothing").is_err());
    }

    #[test]
    fn anchors_without_a_certificate_are_the_same_names_and_keys() {
        let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
        let read = Certificate::read(made.cert.der()).unwrap();
        let inside = |value| Der::new(value).content(tag::SEQUENCE).unwrap();
        let anchor = TrustAnchor {
            subject: inside(read.subject_der()).into(),
            subject_public_key_info: inside(read.public_key_der()).into(),
            name_constraints: None,
        };
        let mut roots = Roots::new();
        roots.add_anchor(&anchor).unwrap();
        roots.add_anchor(&anchor).unwrap();
        assert_eq!(roots.len(), 1, "once is enough");
        assert_eq!(roots.subjects().collect::<Vec<_>>(), [read.subject_der()]);
        let (_, found) = roots.named(read.subject_der(), || &[]).next().unwrap();
        assert_eq!(found.spki(), read.spki);
        let bad = TrustAnchor { subject: vec![1].into(), ..anchor };
        assert!(roots.add_anchor(&bad).is_err());
    }

    #[test]
    fn merged_stores_have_each_root_once_and_of_the_store_that_was_first() {
        let [a, b] =
            ["a.example", "b.example"].map(|name| rcgen::generate_simple_self_signed([name.into()]).unwrap());
        let store = |name: &'static str, of: &[&rcgen::CertifiedKey<rcgen::KeyPair>]| {
            let mut roots = Roots::of_store(name);
            of.iter().for_each(|made| roots.add(made.cert.der().clone()).unwrap());
            roots
        };
        let (first, second) = (store("first", &[&a]), store("second", &[&a, &b]));
        let all: Roots = [first.clone(), second.clone()].into_iter().collect();
        let stores: Vec<_> = all.anchors().map(|anchor| anchor.store.as_deref()).collect();
        assert_eq!(stores, [Some("first"), Some("second")]);
        // Where they came from does not change how peers are judged.
        let mut other = store("other", &[&a]);
        assert_eq!(other.fingerprint(), first.fingerprint());
        other.extend([second]);
        assert_eq!((other.len(), other.fingerprint()), (2, all.fingerprint()));
    }

    #[test]
    fn sequences_are_written_in_der() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let out = in_sequence(&vec![7; length]);
            assert_eq!(Der::new(&out).content(tag::SEQUENCE).unwrap().len(), length);
        }
    }
}
