//! Files that hold certificates and keys in one piece: PKCS #12 (RFC 7292; .p12,
//! .pfx) by p12-keystore, PKCS #7 (RFC 5652 section 5; .p7b, .p7c) by cms.

use crate::text::count;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use data_encoding::BASE64;
use handfast::pki::{Certificate, CertificateDer, PrivateKeyDer};
use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;
use std::io::{IsTerminal, stderr, stdin};
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use zeroize::Zeroizing;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// Where a password is looked for that was not given.
const VARIABLE: &str = "HANDFAST_PASSWORD";

/// What was in one: the certificates, whoever's come first who issued none of
/// the others; and the key, if there is one.
pub(crate) struct Contents {
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) key: Option<PrivateKeyDer<'static>>,
}

/// Opens it; `None` if the file is of neither kind.
pub(crate) fn open(file: &[u8], password: Option<&str>) -> Option<Result<Contents, String>> {
    if let Some(der) = pkcs7_of_pem(file) {
        return Some(der.and_then(|der| pkcs7(&der)));
    }
    let inside = AnyRef::from_der(file).ok()?.value();
    // PFX: version 3. ContentInfo: what kind of content it is.
    if inside.starts_with(&[2, 1, 3]) {
        return Some(pkcs12(file, password));
    }
    let kind = SIGNED_DATA.to_der().ok()?;
    inside.starts_with(&kind).then(|| pkcs7(file))
}

fn pkcs7_of_pem(file: &[u8]) -> Option<Result<Vec<u8>, String>> {
    let text = std::str::from_utf8(file).ok()?;
    let (_, rest) = text.split_once("-----BEGIN PKCS7-----")?;
    let inside = rest.split_once("-----END PKCS7-----").map(|(inside, _)| inside);
    let decoded = inside.and_then(|inside| {
        let base64: String = inside.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        BASE64.decode(base64.as_bytes()).ok()
    });
    Some(decoded.ok_or_else(|| "the PKCS #7 in it is malformed".to_owned()))
}

fn pkcs7(der: &[u8]) -> Result<Contents, String> {
    let said = |what: String| {
        format!("its PKCS #7 cannot be read ({what}); try `openssl pkcs7 -print_certs -in FILE`")
    };
    let signed = ContentInfo::from_der(der).and_then(|info| info.content.decode_as::<SignedData>());
    let set = signed.map_err(|error| said(error.to_string()))?.certificates;
    let mut certificates = Vec::new();
    for one in set.iter().flat_map(|set| set.0.iter()) {
        let CertificateChoices::Certificate(one) = one else { continue };
        let written = one.to_der().map_err(|error| said(error.to_string()))?;
        // What is not written as it was read would be another certificate.
        if !der.windows(written.len()).any(|window| window == written) {
            return Err(said("a certificate in it is not DER".to_owned()));
        }
        certificates.push(CertificateDer::from(written));
    }
    filled(certificates, None, "PKCS #7")
}

fn pkcs12(der: &[u8], given: Option<&str>) -> Result<Contents, String> {
    let mut opened = Pkcs12Archive::from_pkcs12(der, given.unwrap_or_default());
    if given.is_none() && opened.as_ref().is_err_and(is_password) {
        let password = password()?;
        opened = Pkcs12Archive::from_pkcs12(der, &password);
    }
    let archive = opened.map_err(|error| match is_password(&error) {
        true => "the password is wrong, or the file was altered".to_owned(),
        false => format!("its PKCS #12 cannot be read: {error}"),
    })?;
    if archive.keys.len() > 1 {
        return Err(format!(
            "{} are in it, and nothing says which is meant",
            count(archive.keys.len(), "private key")
        ));
    }
    let key = archive.keys.first().map(|bag| bag.key.as_der().to_vec());
    let key = key.map(|der| PrivateKeyDer::try_from(der).map_err(str::to_owned)).transpose()?;
    let certificates = archive.certs.iter().map(|bag| CertificateDer::from(bag.cert.as_der().to_vec()));
    filled(certificates.collect(), key, "PKCS #12")
}

/// Whether another password may help.
fn is_password(error: &Error) -> bool {
    matches!(error, Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_))
}

/// From the environment, or from whoever is there.
fn password() -> Result<Zeroizing<String>, String> {
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(Zeroizing::new(password));
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(format!("it is encrypted: give its password with --password or in {VARIABLE}"));
    }
    let asked = rpassword::prompt_password("password of the PKCS #12 file: ");
    asked.map(Zeroizing::new).map_err(|error| format!("no password could be read: {error}"))
}

fn filled(
    mut certificates: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
    kind: &str,
) -> Result<Contents, String> {
    let read: Vec<_> = certificates.iter().map(|der| Certificate::read(der).ok()).collect();
    let issued_another = |place: usize, one: &Certificate<'_>| {
        let others = read
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place)
            .filter_map(|(_, read)| read.as_ref());
        others.into_iter().any(|other| other.issuer_der() == one.subject_der())
    };
    let leaf = read
        .iter()
        .enumerate()
        .position(|(place, one)| one.as_ref().is_some_and(|one| !one.is_ca() && !issued_another(place, one)));
    if let Some(leaf) = leaf {
        certificates.swap(0, leaf);
    }
    match certificates.is_empty() {
        true => Err(format!("no certificate is in its {kind}")),
        false => Ok(Contents { certificates, key }),
    }
}
