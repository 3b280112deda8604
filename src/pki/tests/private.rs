//! What private authorities and appliances really have.

use super::super::maker::{Fields, NOW, Party, basic, oid};
use super::super::{Accepted, Certificate, CertificateDer, Profile, Purpose, Refused, Roots, Rule, Verifier};
use super::super::{peer_key, spki_sha256};
use super::{Chain, at, name, rules};
use crate::Identity;
use crate::crypto::der::tlv;
use crate::wire::SignatureScheme;

/// The same as version 1 has it.
fn version_1(fields: &mut Fields) {
    fields.version = vec![];
    fields.extensions.clear();
}

fn roots(certificate: CertificateDer<'static>) -> Roots {
    let mut roots = Roots::new();
    roots.add(certificate).unwrap();
    roots
}

/// Judged by what trusts one root, whoever the server is.
fn by_root(root: CertificateDer<'static>, sent: &[CertificateDer<'_>], profile: Profile) -> Vec<Rule> {
    let verifier = Verifier::chain_without_name(roots(root)).with_profile(profile);
    broken(verifier.verify(sent, None, Purpose::Server, at(NOW)))
}

fn broken(verdict: Result<Accepted, Refused>) -> Vec<Rule> {
    verdict.map_or_else(|refused| rules(&refused), |_| Vec::new())
}

const WEB: [Profile; 2] = [Profile::WEBPKI, Profile::STRICT];

#[test]
fn version_1_is_enough_for_who_is_known_beforehand() {
    let party = Party::new("appliance");
    let mut fields = Fields::server(&party, &party, &["appliance"]);
    version_1(&mut fields);
    let own = fields.sign(&party);
    assert_eq!(Certificate::read(&own).unwrap().version(), 1);
    assert!(peer_key(&own).is_ok());
    let schemes = [SignatureScheme::ED25519];
    let shown = Identity::with_key_elsewhere(vec![own.clone()], &schemes).unwrap_err();
    assert!(shown.to_string().contains("TLS takes version 3"), "{shown}");
    let verify = |verifier: Verifier, der: &CertificateDer<'_>, now: u64| {
        let server = name("appliance");
        broken(verifier.verify(std::slice::from_ref(der), Some(&server), Purpose::Server, at(now)))
    };
    let later = NOW + 10 * 365 * 86_400;
    for profile in [Profile::PRIVATE, Profile::WEBPKI, Profile::STRICT] {
        let pinned = Verifier::pinned([spki_sha256(&own).unwrap()]).with_profile(profile);
        assert_eq!(verify(pinned, &own, later), []);
        assert_eq!(verify(Verifier::dangerous_accept_any().with_profile(profile), &own, later), []);
        // It names nobody: which one it is says whose it is. Its dates count.
        let exactly = Verifier::exactly(own.clone()).with_profile(profile);
        assert_eq!(verify(exactly.clone(), &own, NOW), []);
        assert_eq!(verify(exactly.clone(), &own, later), [Rule::Validity]);
        fields.serial = vec![2];
        assert_eq!(verify(exactly, &fields.sign(&party), NOW), [Rule::ExactLeaf]);
        fields.serial = vec![1];
    }
    let other = Party::new("other");
    let forged = Fields { spki: other.spki.clone(), ..fields.clone() }.sign(&other);
    assert_eq!(verify(Verifier::pinned([spki_sha256(&own).unwrap()]), &forged, NOW), [Rule::Pin]);
}

#[test]
fn version_1_is_for_roots_and_peers_of_private_authorities() {
    let mut chain = Chain::new();
    version_1(&mut chain.root_fields);
    chain.verify().unwrap();
    for profile in WEB {
        let refused = chain.verify_as(profile).map(|_| ()).unwrap_err();
        let broken = rules(&refused);
        assert!(broken.contains(&Rule::Version), "{broken:?}");
        assert!(!broken.contains(&Rule::RootBasicConstraints), "version 1 cannot have it: {broken:?}");
        assert!(format!("{refused:#}").contains("it is of version 1; required: version 3"), "{refused:#}");
    }
    // No intermediate: nothing says that it is an authority's.
    let mut chain = Chain::new();
    version_1(&mut chain.middle_fields);
    for profile in [Profile::PRIVATE, Profile::PRIVATE.without(Rule::RootBasicConstraints)] {
        assert_eq!(rules(&chain.verify_as(profile).map(|_| ()).unwrap_err()), [Rule::BasicConstraints]);
    }
    // A peer: trusted itself, or issued; but it names nobody.
    let party = Party::new("appliance");
    let mut fields = Fields::server(&party, &party, &["appliance"]);
    version_1(&mut fields);
    let own = fields.sign(&party);
    assert_eq!(by_root(own.clone(), std::slice::from_ref(&own), Profile::PRIVATE), []);
    let mut chain = Chain::new();
    version_1(&mut chain.server_fields);
    let root = chain.root_fields.sign(&chain.root);
    assert_eq!(by_root(root.clone(), &chain.sent(), Profile::PRIVATE), []);
    let refused = chain.verify().unwrap_err();
    assert_eq!(rules(&refused), [Rule::HostName]);
    assert!(refused.to_string().contains("it is of version 1, which names nobody"), "{refused}");
    for profile in WEB {
        assert!(by_root(own.clone(), std::slice::from_ref(&own), profile).contains(&Rule::Version));
        assert!(by_root(root.clone(), &chain.sent(), profile).contains(&Rule::Version));
    }
    // The signature of what vouches for itself is looked at, too.
    let mut altered = own.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    assert_ne!(by_root(own, &[altered.into()], Profile::PRIVATE), []);
}

#[test]
fn version_1_is_told_by_the_absence_of_everything_later() {
    let party = Party::new("appliance");
    let read = |change: &dyn Fn(&mut Fields)| {
        let mut fields = Fields::server(&party, &party, &["appliance"]);
        version_1(&mut fields);
        change(&mut fields);
        Certificate::read(&fields.sign(&party)).map(|read| read.version()).map_err(|why| why.reason)
    };
    assert_eq!(read(&|_| {}), Ok(1));
    assert_eq!(read(&|fields| fields.version = vec![0xa0, 3, 2, 1, 2]), Ok(3));
    let neither = Err("it is not of version 3, nor of version 1");
    for version in [vec![0xa0, 3, 2, 1, 0], vec![0xa0, 3, 2, 1, 1], vec![0xa0, 3, 2, 1, 3], vec![0xa0, 0]] {
        assert_eq!(read(&|fields| fields.version = version.clone()), neither, "{version:?}");
    }
    let lacks = Err("it is of version 1, and has a field that this version lacks");
    assert_eq!(read(&|fields| fields.put(oid::BASIC, true, basic(true, None))), lacks);
    assert_eq!(read(&|fields| fields.after = tlv(0x81, &[&[0, 1]])), lacks);
    assert_eq!(read(&|fields| fields.after = tlv(0x82, &[&[0, 1]])), lacks);
}
