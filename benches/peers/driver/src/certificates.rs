//! The certificates of a run: made once, and read by every child.

use peers_common::{Key, NAME};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
};
use std::error::Error;
use std::path::Path;

/// A root, and the certificate that it issued for the server, of each kind of key.
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    for key in [Key::P256, Key::P384, Key::Ed25519, Key::Rsa] {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, "The authority of the benches");
        let root = CertifiedIssuer::self_signed(params, make(key)?)?;

        let own = make(key)?;
        let mut params = CertificateParams::new([NAME.to_owned()])?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&own, &root)?;
        let parts = [("root", root.pem()), ("chain", leaf.pem()), ("key", private_key(key, &own))];
        for (part, pem) in parts {
            std::fs::write(folder.join(format!("{key}.{part}.pem")), pem)?;
        }
    }
    Ok(())
}

/// In PKCS #8. Of Ed25519 in its first version, without the public key: not everybody
/// reads the second.
fn private_key(key: Key, own: &KeyPair) -> String {
    const BEFORE_SEED: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    if key != Key::Ed25519 {
        return own.serialize_pem();
    }
    let seed = &own.serialized_der()[16..48];
    pem::encode(&pem::Pem::new("PRIVATE KEY", [&BEFORE_SEED[..], seed].concat()))
}

fn make(key: Key) -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(match key {
        Key::P256 => &PKCS_ECDSA_P256_SHA256,
        Key::P384 => &PKCS_ECDSA_P384_SHA384,
        Key::Ed25519 => &PKCS_ED25519,
        Key::Rsa => &PKCS_RSA_SHA256,
    })
}
