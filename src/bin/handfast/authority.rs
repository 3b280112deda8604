//! Authorities of this program's own, and the certificates that they sign.

use handfast::{ConfigError, Identity};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::time::{Duration, SystemTime};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// An authority that can sign.
pub(crate) struct Authority {
    /// Its certificate.
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, whose certificate is good for so long.
    pub(crate) fn make(name: &str, key: KeyPair, life: Duration) -> Result<Self, rcgen::Error> {
        let params = Self::params(name, life);
        Ok(Self { pem: params.self_signed(&key)?.pem(), issuer: Issuer::new(params, key) })
    }

    /// One that was made before, with this name and this key.
    pub(crate) fn again(pem: String, name: &str, key: KeyPair) -> Self {
        Self { pem, issuer: Issuer::new(Self::params(name, DAY), key) }
    }

    fn params(name: &str, life: Duration) -> CertificateParams {
        let mut params = named(CertificateParams::default(), name, life);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    /// A certificate for a server of these names, good for so long.
    pub(crate) fn sign(
        &self,
        names: Vec<String>,
        key: &KeyPair,
        usages: &[KeyUsagePurpose],
        life: Duration,
    ) -> Result<Result<Identity, ConfigError>, rcgen::Error> {
        let mut leaf = named(CertificateParams::new(names)?, "localhost", life);
        leaf.key_usages = usages.to_vec();
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let chain = leaf.signed_by(key, &self.issuer)?.pem();
        Ok(Identity::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()))
    }
}

fn named(mut params: CertificateParams, name: &str, life: Duration) -> CertificateParams {
    let now = SystemTime::now();
    params.distinguished_name.push(DnType::CommonName, name);
    // Clocks differ.
    params.not_before = now.checked_sub(DAY).unwrap_or(now).into();
    params.not_after = now.checked_add(life).unwrap_or(now).into();
    params
}
