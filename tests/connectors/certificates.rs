//! An authority, and certificates of it.

use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::{ClientConfig, Identity, ServerConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::sync::LazyLock;

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Authority { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
});

/// For hosts of these names and addresses.
pub(crate) fn identity(names: &[&str]) -> Identity {
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let chain = CertificateParams::new(names).unwrap().signed_by(&key, &AUTHORITY.issuer).unwrap();
    Identity::from_pem(chain.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

pub(crate) fn roots() -> Roots {
    let mut roots = Roots::new();
    roots.add_pem(AUTHORITY.pem.as_bytes()).unwrap();
    roots
}

/// A server for localhost, which speaks these protocols.
pub(crate) fn server(protocols: &[&[u8]]) -> ServerConfig {
    ServerConfig::new(identity(&["localhost"]), UnixTime::now).alpn(protocols).unwrap()
}

/// A client that trusts the authority, and speaks these protocols.
pub(crate) fn client(protocols: &[&[u8]]) -> ClientConfig {
    ClientConfig::new(Verifier::web_pki(roots()), UnixTime::now).alpn(protocols).unwrap()
}
