//! A certificate, taken apart (RFC 5280 section 4.1) by the one reader that
//! decides: every octet is where the structure has it, in DER, with nothing
//! between the fields and nothing after. Whether a rule is kept is not judged
//! here, but where the certificate is used.

use super::dn::Name;
use super::extensions::{Extensions, KeyUsage};
use super::name::{GeneralName, GeneralNames};
#[cfg(any(test, feature = "x509-parser"))]
use super::opinion::{Facts, NameFacts, Said};
use super::time;
use super::words::identifier;
use crate::crypto::der::{Der, NotDer, tag, well_formed_bits};
use crate::crypto::verify::SubjectPublicKeyInfo;
#[cfg(any(test, feature = "x509-parser"))]
use crate::crypto::verify::identifiers;
use crate::said::debug_is_display;
use crate::wire::SignatureScheme;
use rustls_pki_types::UnixTime;
use std::sync::OnceLock;

/// The bytes are not a certificate of version 3 or 1 in DER.
///
/// ```
/// use handfast::pki::Certificate;
/// let malformed = Certificate::read(b"no certificate").unwrap_err();
/// assert_eq!(malformed.to_string(), "malformed: it is not one SEQUENCE (RFC 5280)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed: {reason} (RFC 5280)")]
pub struct Malformed {
    /// What is wrong with it.
    pub reason: &'static str,
}

debug_is_display!(Malformed);

/// A certificate that is well formed as a whole. Nothing that it says is
/// proven: see [`Verifier`](super::Verifier).
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
/// # let der = made.cert.der();
/// use handfast::pki::{Certificate, GeneralName};
/// let certificate = Certificate::read(der)?;
/// assert_eq!(certificate.names().next(), Some(GeneralName::Dns("example.com")));
/// assert!(certificate.is_self_issued());
/// println!("{} is valid until {}", certificate.subject(), certificate.not_after());
/// # Ok::<(), handfast::pki::Malformed>(())
/// ```
#[derive(Debug)]
pub struct Certificate<'a> {
    pub(super) der: &'a [u8],
    pub(super) tbs: &'a [u8],
    pub(super) version: u8,
    /// The algorithm inside of what is signed, and outside of it.
    pub(super) inner_algorithm: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    /// An INTEGER's contents, in the fewest octets.
    pub(super) serial: &'a [u8],
    pub(super) issuer: Name<'a>,
    pub(super) issuer_bytes: &'a [u8],
    pub(super) subject: Name<'a>,
    pub(super) subject_bytes: &'a [u8],
    /// Seconds since 1970, both inclusive.
    pub(super) validity: (i64, i64),
    /// A GeneralizedTime before 2050 (RFC 5280 section 4.1.2.5).
    pub(super) odd_time: bool,
    pub(super) spki: SubjectPublicKeyInfo<'a>,
    pub(super) spki_bytes: &'a [u8],
    pub(super) extensions: Extensions<'a>,
    self_issued: OnceLock<bool>,
}

impl<'a> Certificate<'a> {
    /// Takes a certificate in DER apart. Extensions that are malformed, twice
    /// there or unknown do not fail here, but where the certificate is judged.
    /// So does version 1, which has none: see
    /// [`Rule::Version`](super::Rule::Version).
    ///
    /// # Errors
    /// The bytes are not DER, not a certificate, or one of version 2; or one
    /// of version 1 has a field that this version lacks (RFC 5280 section 4.1).
    pub fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        let bad = |reason| move |NotDer| Malformed { reason };
        let mut outer = Der::new(der);
        let mut certificate = outer.inside(tag::SEQUENCE).map_err(bad("it is not one SEQUENCE"))?;
        outer.finish().map_err(bad("something follows it"))?;
        let tbs = certificate.value(tag::SEQUENCE).map_err(bad("tbsCertificate"))?;
        let algorithm = algorithm(&mut certificate).map_err(bad("signatureAlgorithm"))?;
        let signature = certificate.octet_aligned_bits().map_err(bad("signatureValue"))?;
        certificate.finish().map_err(bad("something follows signatureValue"))?;

        let mut fields = Der::new(tbs.content);
        // Version 1 is the default, which DER does not write.
        let version = match fields.optional(tag::constructed(0)).map_err(bad("version"))? {
            None => 1,
            Some([2, 1, 2]) => 3,
            Some(_) => return Err(Malformed { reason: "it is not of version 3, nor of version 1" }),
        };
        let serial = fields.integer().map_err(bad("serialNumber"))?;
        let inner_algorithm = self::algorithm(&mut fields).map_err(bad("signature"))?;
        let issuer_bytes = fields.value(tag::SEQUENCE).map_err(bad("issuer"))?.bytes;
        let issuer = Name::read(issuer_bytes).map_err(bad("issuer"))?;
        let mut times = fields.inside(tag::SEQUENCE).map_err(bad("validity"))?;
        let from = times.any().map_err(bad("notBefore"))?;
        let not_before = time::read(from).map_err(bad("notBefore"))?;
        let to = times.any().map_err(bad("notAfter"))?;
        let not_after = time::read(to).map_err(bad("notAfter"))?;
        let early = |tag, seconds| tag == tag::GENERALIZED_TIME && seconds < time::YEAR_2050;
        let odd_time = early(from.tag, not_before) || early(to.tag, not_after);
        times.finish().map_err(bad("something follows notAfter"))?;
        let subject_bytes = fields.value(tag::SEQUENCE).map_err(bad("subject"))?.bytes;
        let subject = Name::read(subject_bytes).map_err(bad("subject"))?;
        let spki_value = fields.value(tag::SEQUENCE).map_err(bad("subjectPublicKeyInfo"))?;
        let spki = public_key(spki_value.content).map_err(bad("subjectPublicKeyInfo"))?;
        if version == 1 && !fields.is_empty() {
            return Err(Malformed { reason: "it is of version 1, and has a field that this version lacks" });
        }
        unique_id(&mut fields, 1).map_err(bad("issuerUniqueID"))?;
        unique_id(&mut fields, 2).map_err(bad("subjectUniqueID"))?;
        let extension_bytes = match fields.optional(tag::constructed(3)).map_err(bad("extensions"))? {
            Some(inner) => {
                let mut inner = Der::new(inner);
                let list = inner.content(tag::SEQUENCE).map_err(bad("extensions"))?;
                inner.finish().map_err(bad("something follows the extensions"))?;
                if list.is_empty() {
                    return Err(Malformed { reason: "an empty list of extensions" });
                }
                list
            }
            None => &[],
        };
        fields.finish().map_err(bad("something follows the last field of tbsCertificate"))?;
        let extensions = Extensions::read(extension_bytes).map_err(bad("an extension"))?;
        let read = Self {
            der,
            tbs: tbs.bytes,
            version,
            inner_algorithm,
            algorithm,
            signature,
            serial,
            issuer,
            issuer_bytes,
            subject,
            subject_bytes,
            validity: (not_before, not_after),
            odd_time,
            spki,
            spki_bytes: spki_value.bytes,
            extensions,
            self_issued: OnceLock::new(),
        };
        #[cfg(any(test, feature = "x509-parser"))]
        debug_assert_eq!(read.second_opinion(), Ok(()), "two readers, one certificate");
        Ok(read)
    }

    /// All of its bytes.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Its version (RFC 5280 section 4.1.2.1): 3, or 1, which has no extensions
    /// and so says neither whose names it has nor what it may be used for.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The subject for a person: hostile text escaped, long text cut.
    pub fn subject(&self) -> String {
        self.subject.text()
    }

    /// The issuer for a person.
    pub fn issuer(&self) -> String {
        self.issuer.text()
    }

    /// The subject's Name in DER (RFC 5280 section 4.1.2.6).
    pub fn subject_der(&self) -> &'a [u8] {
        self.subject_bytes
    }

    /// The issuer's Name in DER (RFC 5280 section 4.1.2.4).
    pub fn issuer_der(&self) -> &'a [u8] {
        self.issuer_bytes
    }

    /// The serial number's octets, in two's complement.
    pub fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// Both ends of its validity, inclusive (RFC 5280 section 4.1.2.5); what is before
    /// 1970 is 1970.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
    /// # let der = made.cert.der();
    /// use handfast::pki::{Certificate, UnixTime};
    /// let (_, end) = Certificate::read(der)?.validity();
    /// let left = end.as_secs().saturating_sub(UnixTime::now().as_secs());
    /// println!("{} days left", left / 86_400);
    /// # Ok::<(), handfast::pki::Malformed>(())
    /// ```
    pub fn validity(&self) -> (UnixTime, UnixTime) {
        (time::since_1970(self.validity.0), time::since_1970(self.validity.1))
    }

    /// The beginning of its validity, such as `2026-11-20 06:25:00 UTC`.
    pub fn not_before(&self) -> String {
        time::text(self.validity.0)
    }

    /// The end of its validity.
    pub fn not_after(&self) -> String {
        time::text(self.validity.1)
    }

    /// The names of the subjectAltName extension (RFC 5280 section 4.2.1.6).
    pub fn names(&self) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
        self.general_names().iter()
    }

    /// The extensions in their order, each by its name, or its numbers where it
    /// has no name that is widely known, and whether it is critical.
    ///
    /// ```
    /// # let made = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
    /// # let der = made.cert.der();
    /// use handfast::pki::Certificate;
    /// let certificate = Certificate::read(der)?;
    /// assert!(certificate.extensions().any(|extension| extension == ("subjectAltName".to_owned(), false)));
    /// # Ok::<(), handfast::pki::Malformed>(())
    /// ```
    pub fn extensions(&self) -> impl Iterator<Item = (String, bool)> {
        self.extensions.iter().map(|(oid, critical, _)| (identifier(oid), critical))
    }

    /// Its SubjectPublicKeyInfo in DER: what a pin is the hash of.
    pub fn public_key_der(&self) -> &'a [u8] {
        self.spki_bytes
    }

    /// Its public key in words, such as `EC, P-256`.
    pub fn public_key(&self) -> String {
        self.spki.describe()
    }

    /// The algorithm of its signature in words.
    pub fn signature_algorithm(&self) -> String {
        crate::crypto::verify::signature_name(self.algorithm)
    }

    /// The scheme of its signature, if it has a code in the handshake (RFC 9846
    /// section 4.3.3).
    pub(crate) fn signature_scheme(&self) -> Option<SignatureScheme> {
        crate::crypto::verify::signature_scheme(self.algorithm)
    }

    /// Whether its key may sign handshakes (RFC 5280 section 4.2.1.3). A
    /// certificate that says nothing allows it.
    pub(crate) fn allows_signatures(&self) -> bool {
        self.extensions.key_usage.is_none_or(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE))
    }

    /// Whether its key may encrypt other keys, which static RSA has it do (RFC
    /// 5280 section 4.2.1.3). A certificate that says nothing allows it.
    #[cfg(feature = "static-rsa")]
    pub(crate) fn allows_key_encipherment(&self) -> bool {
        self.extensions.key_usage.is_none_or(|usage| usage.has(KeyUsage::KEY_ENCIPHERMENT))
    }

    /// Whether basicConstraints says that it is an authority's.
    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.is_some_and(|basic| basic.ca)
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        *self.self_issued.get_or_init(|| {
            self.subject_bytes == self.issuer_bytes || self.subject.folded() == self.issuer.folded()
        })
    }

    /// Whether somebody who is looked for beside the path may be it, as far as
    /// its form goes: nothing in it is malformed, twice there or unknown.
    pub(super) fn is_sound(&self) -> bool {
        let extensions = &self.extensions;
        extensions.malformed.is_none()
            && extensions.duplicate.is_none()
            && extensions.unknown_critical.is_none()
            && self.algorithm == self.inner_algorithm
    }

    pub(super) fn general_names(&self) -> GeneralNames<'a> {
        self.extensions.names.map_or(GeneralNames::NONE, |extension| extension.names)
    }
}

/// What the two readers are held against each other by.
#[cfg(any(test, feature = "x509-parser"))]
impl<'a> Certificate<'a> {
    /// Whether x509-parser finds the same in the same octets.
    pub(super) fn second_opinion(&self) -> Result<(), &'static str> {
        let Some((facts, said)) = Facts::by_x509_parser(self.der) else {
            return Err("x509-parser does not read it");
        };
        if facts != self.facts() {
            return Err("x509-parser finds other fields in it");
        }
        // Of what is there twice either may be meant; no such certificate is used.
        if self.extensions.duplicate.is_none() && !self.said().is_said_by(&said) {
            return Err("x509-parser finds something else in an extension");
        }
        Ok(())
    }

    fn facts(&self) -> Facts<'a> {
        let oid = |algorithm| identifiers(algorithm).map_or(vec![], |(oid, _)| oid.to_vec());
        let name = |bytes, name: &Name<'a>| -> NameFacts<'a> {
            (bytes, name.attributes().map(|(oid, value)| (oid.to_vec(), value.content)).collect())
        };
        Facts {
            tbs: self.tbs,
            version: self.version.into(),
            serial: self.serial,
            algorithms: [self.inner_algorithm, self.algorithm, self.spki.algorithm].map(oid),
            signature: self.signature.to_vec(),
            issuer: name(self.issuer_bytes, &self.issuer),
            subject: name(self.subject_bytes, &self.subject),
            validity: self.validity,
            spki: self.spki_bytes,
            key: self.spki.key.to_vec(),
            extensions: self
                .extensions
                .iter()
                .map(|(oid, critical, value)| (oid.to_vec(), critical, value))
                .collect(),
        }
    }

    fn said(&self) -> Said<'a> {
        let Extensions { basic_constraints, key_usage, extended_key_usage, .. } = &self.extensions;
        let Extensions { names, subject_key, authority_key, .. } = &self.extensions;
        let bare = |name| match name {
            GeneralName::Other(form, _) => GeneralName::Other(form, &[]),
            other => other,
        };
        Said {
            // x509-parser does not read a path length beyond 32 bits, which here is the largest.
            basic_constraints: basic_constraints
                .map(|basic| (basic.ca, basic.path_length))
                .filter(|(_, length)| *length != Some(u32::MAX)),
            key_usage: key_usage.map(KeyUsage::bits),
            purposes: extended_key_usage.map(|extended| {
                let usage = extended.usage;
                [usage.any, usage.server_auth, usage.client_auth, usage.ocsp_signing]
            }),
            names: names.map(|found| found.names.iter().map(bare).collect()),
            subject_key: subject_key.map(|own| own.key),
            authority_key: authority_key.and_then(|authority| authority.key),
        }
    }
}

/// An AlgorithmIdentifier: an object identifier and at most one value.
pub(super) fn algorithm<'a>(fields: &mut Der<'a>) -> Result<&'a [u8], NotDer> {
    let value = fields.value(tag::SEQUENCE)?;
    let mut inside = Der::new(value.content);
    inside.oid()?;
    if !inside.is_empty() {
        inside.any()?;
    }
    inside.finish()?;
    Ok(value.bytes)
}

/// A UniqueIdentifier, which nobody uses: an IMPLICIT BIT STRING (RFC 5280
/// section 4.1.2.8).
fn unique_id(fields: &mut Der<'_>, number: u8) -> Result<(), NotDer> {
    match fields.optional(tag::context(number))? {
        Some(bits) if !well_formed_bits(bits) => Err(NotDer),
        _ => Ok(()),
    }
}

/// The contents of a SubjectPublicKeyInfo.
pub(super) fn public_key(content: &[u8]) -> Result<SubjectPublicKeyInfo<'_>, NotDer> {
    let mut fields = Der::new(content);
    let algorithm = algorithm(&mut fields)?;
    let key = fields.octet_aligned_bits()?;
    fields.finish()?;
    Ok(SubjectPublicKeyInfo { algorithm, key })
}
