//! Authorities and certificates, made for each test.

use handfast::Identity;
use handfast::pki::{CertificateDer, PrivateKeyDer};
use handfast::wire::SignatureScheme;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SigningKey,
};

pub(crate) struct Authority {
    pub(crate) certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate, and its key.
pub(crate) struct Leaf {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Of a P-256 key.
    pub(crate) fn leaf(&self, name: &str) -> Leaf {
        self.certify(name, KeyPair::generate().unwrap(), &[KeyUsagePurpose::DigitalSignature])
    }

    /// Of an RSA key, to which clients may encrypt.
    pub(crate) fn rsa_leaf(&self, name: &str) -> Leaf {
        let key = KeyPair::from_pem(include_str!("../../test-vectors/keys/rsa-2048.pkcs8.pem")).unwrap();
        self.certify(name, key, &[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment])
    }

    fn certify(&self, name: &str, key: KeyPair, usages: &[KeyUsagePurpose]) -> Leaf {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = usages.to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        Leaf { certificate: params.signed_by(&key, &self.issuer).unwrap().der().clone(), key }
    }
}

impl Leaf {
    pub(crate) fn identity(&self) -> Identity {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        Identity::new(vec![self.certificate.clone()], &key).unwrap()
    }

    /// The certificate alone, as anybody can have it.
    pub(crate) fn without_key(&self) -> Identity {
        let schemes = [SignatureScheme::ECDSA_SECP256R1_SHA256];
        Identity::with_key_elsewhere(vec![self.certificate.clone()], &schemes).unwrap()
    }

    /// With ECDSA and SHA-256.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).unwrap()
    }
}
