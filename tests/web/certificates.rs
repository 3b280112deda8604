//! Authorities and certificates, for this test and its peers.

use handfast::Identity;
use handfast::pki::{Roots, Verifier};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::process::Command;
use std::sync::LazyLock;

/// An authority.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A chain and its key, PEM.
pub(crate) struct Leaf {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// What the tests trust.
pub(crate) static AUTHORITY: LazyLock<Authority> =
    LazyLock::new(|| Authority::root("the authority of the tests"));

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = Self::params(name);
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = Self::params(name);
        Self { pem: params.signed_by(&key, &self.issuer).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    /// For localhost, as a server and as a client.
    pub(crate) fn leaf(&self) -> Leaf {
        self.leaf_for("localhost")
    }

    pub(crate) fn leaf_for(&self, name: &str) -> Leaf {
        self.sign(&Self::leaf_params(name), &KeyPair::generate().unwrap())
    }

    /// The same with an RSA key, which openssl makes.
    pub(crate) fn rsa_leaf(&self) -> Leaf {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .unwrap();
        let key = KeyPair::from_pem(&String::from_utf8(made.stdout).unwrap()).unwrap();
        self.sign(&Self::leaf_params("localhost"), &key)
    }

    /// The same but for this change.
    #[allow(dead_code)] // the tests of the examples make it
    pub(crate) fn leaf_but(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let (key, mut params) = (KeyPair::generate().unwrap(), Self::leaf_params("localhost"));
        change(&mut params);
        self.sign(&params, &key)
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Leaf {
        let chain = params.signed_by(key, &self.issuer).unwrap().pem();
        Leaf { chain, key: key.serialize_pem() }
    }

    fn leaf_params(name: &str) -> CertificateParams {
        let mut params = params(name);
        params.subject_alt_names = CertificateParams::new([name.to_owned()]).unwrap().subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params
    }

    pub(crate) fn verifier(&self) -> Verifier {
        let mut roots = Roots::new();
        roots.add_pem(self.pem.as_bytes()).unwrap();
        Verifier::web_pki(roots)
    }
}

impl Leaf {
    pub(crate) fn identity(&self) -> Identity {
        Identity::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }
}
