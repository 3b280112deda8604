// What examples about revocation start from: a chain, its root, and a list of its
// issuer's. It is included there, in a module.

use handfast::pki::{Accepted, Crl, Purpose, Refused, Roots, ServerName, UnixTime, Verifier};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// A verifier that trusts the root, a list of 2020 that is good up to this year and has
/// the certificate or not, and the verdict that a verifier has of the chain.
pub fn case(
    until: i32,
    revoked: bool,
) -> Result<(Verifier, Crl, impl Fn(Verifier) -> Result<Accepted, Refused>), Box<dyn std::error::Error>> {
    let (mut ca, key) = (CertificateParams::new(vec![])?, KeyPair::generate()?);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name.push(DnType::CommonName, "An authority");
    let mut roots = Roots::new();
    roots.add(ca.self_signed(&key)?.der().clone())?;
    let issuer = Issuer::new(ca, key);
    let mut leaf = CertificateParams::new(["a.example".to_string()])?;
    leaf.serial_number = Some(7.into());
    let chain = [leaf.signed_by(&KeyPair::generate()?, &issuer)?.der().clone()];
    let entry = rcgen::RevokedCertParams {
        serial_number: 7.into(),
        revocation_time: rcgen::date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(until, 1, 1),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: revoked.then_some(entry).into_iter().collect(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let crl = Crl::read(list.signed_by(&issuer)?.der())?;
    let name = ServerName::try_from("a.example")?;
    let verify =
        move |verifier: Verifier| verifier.verify(&chain, Some(&name), Purpose::Server, UnixTime::now());
    Ok((Verifier::web_pki(roots), crl, verify))
}
