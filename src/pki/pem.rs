//! Certificates and private keys from files: PEM (RFC 7468) or DER. What is
//! not there, or cannot be used, is answered with what the file does contain.
//!
//! rustls-pemfile passes over labels that it does not know, encrypted keys
//! among them, and over the headers of old encrypted keys (RFC 1421 section
//! 4.6.1.1): both are looked for here.

use super::crl::Crl;
use crate::crypto::der::{Der, tag};
use crate::said::debug_is_display;
use rustls_pemfile::{Item, read_one_from_slice};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroize;

/// A file that does not contain what was looked for.
///
/// ```
/// use handfast::pki::{PemError, certificates};
/// let refused = certificates(b"Dear administrator,").unwrap_err();
/// let found = "neither PEM nor DER".to_string();
/// assert_eq!(refused, PemError::Missing { wanted: "certificate", found });
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is a private key, but encrypted.
    #[error("the private key is encrypted: decrypt it first, with `openssl pkey -in KEY.pem -out PLAIN.pem`")]
    Encrypted,
    /// There is no such thing.
    #[error("no {wanted} found: the file contains {found}")]
    Missing {
        /// What was looked for.
        wanted: &'static str,
        /// What there is, counted by label.
        found: String,
    },
    /// The PEM or the DER is broken.
    #[error("the file is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

debug_is_display!(PemError);

/// The certificates of a PEM file, in its order, or the one of a DER file.
///
/// ```
/// let refused = handfast::pki::certificates(b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n");
/// assert_eq!(
///     refused.unwrap_err().to_string(),
///     "no certificate found: the file contains 1 PRIVATE KEY",
/// );
/// ```
pub fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    if let Some(inside) = whole_der(file) {
        // Certificate: a SEQUENCE that begins with a SEQUENCE, the TBSCertificate.
        return match inside.peek() {
            Some(tag::SEQUENCE) => Ok(vec![CertificateDer::from(file.to_vec())]),
            _ => Err(PemError::Missing {
                wanted: "certificate",
                found: "DER that is not a certificate".into(),
            }),
        };
    }
    let mut found = Vec::new();
    each_item(file, |item| {
        if let Item::X509Certificate(certificate) = item {
            found.push(certificate);
        }
    })?;
    if found.is_empty() {
        return Err(PemError::Missing { wanted: "certificate", found: contents(file) });
    }
    Ok(found)
}

/// The certificate revocation lists of a PEM file, or the one of a DER file.
///
/// ```
/// # let params = rcgen::CertificateParams::new(vec![])?;
/// # let issuer = rcgen::Issuer::new(params, rcgen::KeyPair::generate()?);
/// # let list = rcgen::CertificateRevocationListParams {
/// #     this_update: rcgen::date_time_ymd(2020, 1, 1),
/// #     next_update: rcgen::date_time_ymd(2040, 1, 1),
/// #     crl_number: 1.into(),
/// #     issuing_distribution_point: None,
/// #     revoked_certs: vec![],
/// #     key_identifier_method: rcgen::KeyIdMethod::Sha256,
/// # };
/// # let file = list.signed_by(&issuer)?.pem()?;
/// use handfast::pki::{Revocation, revocation_lists};
/// let lists = revocation_lists(file.as_bytes())?;
/// assert!(lists.len() == 1 && lists[0].is_empty()); // one list, which revokes nothing
/// let revocation = Revocation::hard(lists);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn revocation_lists(file: &[u8]) -> Result<Vec<Crl>, PemError> {
    let read = |der: &[u8]| {
        Crl::read(der).map_err(|malformed| PemError::Malformed { reason: malformed.to_string() })
    };
    if whole_der(file).is_some() {
        return read(file).map(|crl| vec![crl]);
    }
    let mut found = Vec::new();
    each_item(file, |item| {
        if let Item::Crl(list) = item {
            found.push(list);
        }
    })?;
    if found.is_empty() {
        return Err(PemError::Missing { wanted: "certificate revocation list", found: contents(file) });
    }
    found.iter().map(|list| read(list)).collect()
}

/// The first private key of a PEM file, or the one of a DER file: PKCS#8,
/// PKCS#1 or SEC1.
///
/// ```
/// let old = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
/// let refused = handfast::pki::private_key(old).unwrap_err();
/// assert_eq!(refused, handfast::pki::PemError::Encrypted);
/// assert!(refused.to_string().contains("openssl pkey"));
/// ```
pub fn private_key(file: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    const WANTED: &str = "private key";
    if let Some(mut inside) = whole_der(file) {
        if let Ok(key) = PrivateKeyDer::try_from(file.to_vec()) {
            return Ok(key);
        }
        // EncryptedPrivateKeyInfo (RFC 5958 section 3): an AlgorithmIdentifier and octets.
        let encrypted = inside.value(tag::SEQUENCE).is_ok()
            && inside.value(tag::OCTET_STRING).is_ok()
            && inside.is_empty();
        return Err(if encrypted {
            PemError::Encrypted
        } else {
            PemError::Missing { wanted: WANTED, found: "DER that is not a private key".into() }
        });
    }
    let is_key = |label: &[u8]| label.ends_with(b"PRIVATE KEY");
    if let Some(first) = sections(file).find(|section| is_key(section.label))
        && (first.label.starts_with(b"ENCRYPTED") || first.encrypted)
    {
        return Err(PemError::Encrypted);
    }
    let mut found = None;
    each_item(file, |item| {
        let mut key: PrivateKeyDer<'static> = match item {
            Item::Pkcs8Key(key) => key.into(),
            Item::Pkcs1Key(key) => key.into(),
            Item::Sec1Key(key) => key.into(),
            _ => return,
        };
        match found {
            None => found = Some(key),
            Some(_) => key.zeroize(),
        }
    })?;
    found.ok_or_else(|| PemError::Missing { wanted: WANTED, found: contents(file) })
}

/// Into the SEQUENCE that the whole file is, if it is one. PEM does not begin
/// with the octet 0x30, except by an odd comment, which is no SEQUENCE.
fn whole_der(file: &[u8]) -> Option<Der<'_>> {
    let mut outer = Der::new(file);
    let inside = outer.inside(tag::SEQUENCE).ok()?;
    outer.is_empty().then_some(inside)
}

fn each_item(file: &[u8], mut take: impl FnMut(Item)) -> Result<(), PemError> {
    use rustls_pemfile::Error::*;
    let mut rest = file;
    loop {
        match read_one_from_slice(rest) {
            Ok(Some((item, remainder))) => {
                take(item);
                rest = remainder;
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                let reason = match error {
                    MissingSectionEnd { end_marker } => {
                        format!("the line {} is missing", shown(&end_marker))
                    }
                    IllegalSectionStart { line } => {
                        format!("the line {} begins no section", shown(&line))
                    }
                    Base64Decode(_) => "a section is not base64".into(),
                };
                return Err(PemError::Malformed { reason });
            }
        }
    }
}

struct Section<'a> {
    label: &'a [u8],
    /// `Proc-Type: 4,ENCRYPTED` on its first line.
    encrypted: bool,
}

fn sections(file: &[u8]) -> impl Iterator<Item = Section<'_>> {
    let mut lines = file.split(|&octet| octet == b'\n' || octet == b'\r').filter(|l| !l.is_empty());
    std::iter::from_fn(move || {
        let label = loop {
            let line = lines.next()?.trim_ascii();
            let inner = line.strip_prefix(b"-----BEGIN ");
            if let Some(label) = inner.and_then(|rest| rest.strip_suffix(b"-----")) {
                break label;
            }
        };
        let encrypted = lines.clone().next().is_some_and(|line| {
            line.starts_with(b"Proc-Type:") && line.trim_ascii_end().ends_with(b"ENCRYPTED")
        });
        Some(Section { label, encrypted })
    })
}

/// What a file contains, in words: `2 CERTIFICATE, 1 PRIVATE KEY`.
fn contents(file: &[u8]) -> String {
    let mut counted: Vec<(&[u8], usize)> = Vec::new();
    for section in sections(file) {
        if let Some((_, count)) = counted.iter_mut().find(|(label, _)| *label == section.label) {
            *count += 1;
        } else if counted.len() < 8 {
            counted.push((section.label, 1));
        }
    }
    if counted.is_empty() {
        return if file.is_empty() { "nothing".into() } else { "neither PEM nor DER".into() };
    }
    let words = counted.iter().map(|(label, count)| format!("{count} {}", shown(label)));
    words.collect::<Vec<_>>().join(", ")
}

fn shown(text: &[u8]) -> String {
    let (head, _) = text.split_at_checked(60).unwrap_or((text, &[]));
    head.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String, Vec<u8>, Vec<u8>) {
        let key = rcgen::generate_simple_self_signed(["example.com".to_string()]).unwrap();
        (
            key.cert.pem(),
            key.signing_key.serialize_pem(),
            key.cert.der().to_vec(),
            key.signing_key.serialized_der().to_vec(),
        )
    }

    #[test]
    fn pem_and_der_give_the_same() {
        let (certificate_pem, key_pem, certificate, key) = pair();
        let both = format!("a comment\n{key_pem}{certificate_pem}\n{certificate_pem}");
        let read = certificates(both.as_bytes()).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].as_ref(), certificate);
        assert_eq!(certificates(&certificate).unwrap(), read[..1]);
        assert_eq!(private_key(both.as_bytes()).unwrap().secret_der(), key);
        assert_eq!(private_key(&key).unwrap().secret_der(), key);
        let dos = both.replace('\n', "\r\n");
        assert_eq!(certificates(dos.as_bytes()).unwrap().len(), 2);
        assert_eq!(private_key(dos.as_bytes()).unwrap().secret_der(), key);
    }

    #[test]
    fn each_format_of_key_is_told_apart() {
        const RSA: &[u8] = include_bytes!("../../test-vectors/keys/rsa-2048.pkcs1.der");
        assert!(matches!(private_key(RSA), Ok(PrivateKeyDer::Pkcs1(_))));
        let (_, _, _, key) = pair();
        assert!(matches!(private_key(&key), Ok(PrivateKeyDer::Pkcs8(_))));
        // Made with `openssl ecparam -name prime256v1 -genkey`.
        let sec1 = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n\
            -----BEGIN EC PRIVATE KEY-----\n\
            MDECAQEEIEICRxGoLKWiYhaMkEnKFRVbjDq9sGet2t1WOJ9eypuzoAoGCCqGSM49\nAwEH\n\
            -----END EC PRIVATE KEY-----\n";
        assert!(matches!(private_key(sec1.as_bytes()), Ok(PrivateKeyDer::Sec1(_))));
    }

    #[test]
    fn encrypted_keys_are_told() {
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
            DEK-Info: AES-128-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(private_key(old.as_bytes()).unwrap_err(), PemError::Encrypted);
        assert_eq!(private_key(old.replace('\n', "\r\n").as_bytes()).unwrap_err(), PemError::Encrypted);
        let new = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----";
        assert_eq!(private_key(new.as_bytes()).unwrap_err(), PemError::Encrypted);
        let der = [0x30, 9, 0x30, 3, 6, 1, 0x2a, 4, 2, 1, 2];
        assert_eq!(private_key(&der).unwrap_err(), PemError::Encrypted);
        let other = [0x30, 3, 6, 1, 0x2a];
        assert!(matches!(private_key(&other), Err(PemError::Missing { .. })));
        assert!(matches!(certificates(&other), Err(PemError::Missing { .. })));
    }

    #[test]
    fn what_is_there_instead_is_told() {
        let (certificate, key, ..) = pair();
        let said = certificates(format!("{key}{key}").as_bytes()).unwrap_err().to_string();
        assert_eq!(said, "no certificate found: the file contains 2 PRIVATE KEY");
        let said = private_key(certificate.as_bytes()).unwrap_err().to_string();
        assert_eq!(said, "no private key found: the file contains 1 CERTIFICATE");
        let said = private_key(b"").unwrap_err().to_string();
        assert_eq!(said, "no private key found: the file contains nothing");
        let said = certificates(b"hello").unwrap_err().to_string();
        assert_eq!(said, "no certificate found: the file contains neither PEM nor DER");
        let cut = certificates(&certificate.as_bytes()[..certificate.len() - 30]).unwrap_err();
        assert!(matches!(cut, PemError::Malformed { .. }), "{cut}");
        let odd = certificate.replace("MI", "!!");
        assert!(matches!(certificates(odd.as_bytes()), Err(PemError::Malformed { .. })));
    }

    #[test]
    fn labels_are_shown_without_harm() {
        let label = format!("-----BEGIN \x1b[31m{}-----\n", "A".repeat(500));
        let said = certificates(label.as_bytes()).unwrap_err().to_string();
        assert!(!said.contains('\x1b') && said.len() < 200, "{said}");
    }
}
