//! Certificates that have a trusted root's name, and not its key: they are not said to
//! be altered. Those that are, are.

use super::super::maker::{Fields, NOW, Party, common_name, oid};
use super::super::{CertificateDer, Purpose, Refused, Roots, Rule, Verifier, spki_sha256};
use super::{at, name, rules};
use crate::crypto::der::{Der, tag, tlv};
use crate::pki::certificate::Certificate;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

const HOST: &str = "host.test";

const RSA: &str = include_str!("../../../test-vectors/keys/rsa-2048.pkcs8.pem");

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

const KINDS: [Kind; 4] = [Kind::Rsa, Kind::P256, Kind::P384, Kind::Ed25519];

fn key(kind: Kind) -> KeyPair {
    match kind {
        Kind::Rsa => KeyPair::from_pem(RSA),
        Kind::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        Kind::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        Kind::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
    }
    .unwrap()
}

/// What certificates of this host, or of this authority, are made of.
fn params(subject: &str, key_ids: bool) -> CertificateParams {
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    params.distinguished_name = Default::default();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.use_authority_key_identifier_extension = key_ids;
    params
}

/// A SubjectPublicKeyInfo of this kind, which is nobody's here.
fn foreign_key(kind: Kind) -> Vec<u8> {
    let certificate = params("", false).self_signed(&key(kind)).unwrap();
    let mut spki = Certificate::read(certificate.der()).unwrap().spki_bytes.to_vec();
    if kind == Kind::Rsa {
        // There is one RSA key here: its modulus, changed in the middle, is another.
        let middle = spki.len() / 2;
        spki[middle] ^= 1;
    }
    spki
}

/// A trusted root of this name, and with this key.
fn root(subject: &str, spki: &[u8], key_id: Option<&[u8]>) -> Verifier {
    let party = Party::new(subject);
    let mut fields = Fields::authority(&party, &party);
    fields.subject = common_name(subject);
    fields.spki = spki.to_vec();
    fields.leave_out(oid::AUTHORITY_KEY);
    fields.leave_out(oid::SUBJECT_KEY);
    if let Some(key_id) = key_id {
        fields.put(oid::SUBJECT_KEY, false, tlv(tag::OCTET_STRING, &[key_id]));
    }
    let mut roots = Roots::new();
    roots.add(fields.sign(&party)).unwrap();
    Verifier::web_pki(roots)
}

fn refused(by: &Verifier, sent: &[CertificateDer<'_>]) -> Refused {
    by.verify(sent, Some(&name(HOST)), Purpose::Server, at(NOW)).unwrap_err()
}

#[track_caller]
fn says(refused: &Refused, rule: Rule, words: &str) {
    let said = refused.to_string();
    assert_eq!(refused.report.broken(), Some(rule), "{refused:#}");
    assert!(said.contains(words), "{said}");
    assert_eq!(said.contains("altered"), rule == Rule::Signature, "{said}");
}

#[test]
fn a_self_signed_certificate_of_a_roots_name_has_another_key() {
    let words = "it is self-signed, with another key than the trusted root CN=host.test";
    for of_leaf in KINDS {
        for of_root in KINDS {
            for has_id in [false, true] {
                let leaf = params(HOST, has_id).self_signed(&key(of_leaf)).unwrap();
                let read = Certificate::read(leaf.der()).unwrap();
                let own_id = read.extensions.authority_key.and_then(|id| id.key);
                assert_eq!(own_id.is_some(), has_id);
                // None, another one, and the very one that the certificate names.
                for id in [None, Some(&b"another"[..]), own_id] {
                    let verifier = root(HOST, &foreign_key(of_root), id);
                    let refused = refused(&verifier, &[leaf.der().clone()]);
                    assert_eq!(rules(&refused), [Rule::Trust], "{of_leaf:?} {of_root:?} {id:?}: {refused:#}");
                    says(&refused, Rule::Trust, words);
                    assert!(refused.report.hint().unwrap().contains("pin its key"));
                }
            }
        }
    }
}

#[test]
fn an_authority_with_a_new_key_is_not_the_root_of_its_name() {
    for (new, old) in KINDS.into_iter().flat_map(|new| KINDS.map(|old| (new, old))) {
        let mut authority = params("Root", true);
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, key(new)).unwrap();
        for has_id in [false, true] {
            let leaf = params(HOST, has_id).signed_by(&key(Kind::P256), &authority).unwrap();
            let verifier = root("Root", &foreign_key(old), Some(b"another"));
            let alone = refused(&verifier, &[leaf.der().clone()]);
            says(
                &alone,
                Rule::Trust,
                "a trusted root is named CN=Root, but its key did not make the signature",
            );
            let both = refused(&verifier, &[leaf.der().clone(), authority.der().clone()]);
            says(
                &both,
                Rule::Trust,
                "CN=Root is self-signed, with another key than the trusted root of that name",
            );
        }
    }
}

#[test]
fn what_was_altered_is_said_to_be() {
    for kind in KINDS {
        let mut authority = params("Root", false);
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, key(kind)).unwrap();
        let leaf = params(HOST, true).signed_by(&key(Kind::P256), &authority).unwrap();
        let mut roots = Roots::new();
        roots.add(authority.der().clone()).unwrap();
        let verifier = Verifier::web_pki(roots);
        let judge =
            |der: Vec<u8>| verifier.verify(&[der.into()], Some(&name(HOST)), Purpose::Server, at(NOW));
        judge(leaf.der().to_vec()).unwrap();
        says(&judge(altered(leaf.der())).unwrap_err(), Rule::Signature, "not made by the key of its issuer");
        // The root itself, altered: it has the root's own key, and no identifier says whose.
        let own = params(HOST, false).self_signed(&key(kind)).unwrap();
        let spki = Certificate::read(own.der()).unwrap().spki_bytes;
        let verifier = root(HOST, spki, None);
        let changed = CertificateDer::from(altered(own.der()));
        assert_eq!(spki_sha256(&changed), spki_sha256(own.der()));
        let judged = refused(&verifier, &[changed]);
        says(&judged, Rule::Signature, "not made by the key of its issuer");
    }
}

/// The serial number has another last bit, and nothing else has.
fn altered(der: &[u8]) -> Vec<u8> {
    let certificate = Certificate::read(der).unwrap();
    let serial = certificate.serial;
    let at = der.windows(serial.len()).position(|octets| octets == serial).unwrap() + serial.len() - 1;
    let mut altered = der.to_vec();
    altered[at] ^= 1;
    assert!(Der::new(&altered).any().is_ok());
    altered
}
