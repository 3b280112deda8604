//! What private authorities and appliances really have.

use super::super::maker::{Fields, NOW, Party, basic, dns_constraint, extended, oid};
use super::super::{Accepted, Certificate, CertificateDer, Profile, Purpose, Refused, Roots, Rule, Verifier};
use super::super::{peer_key, spki_sha256};
use super::{Chain, at, name, rules};
use crate::Identity;
use crate::crypto::der::{tag, tlv};
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

#[test]
fn a_certificate_that_is_no_authoritys_vouches_for_itself_alone() {
    let server = Party::new("appliance");
    let mut own = Fields::server(&server, &server, &["appliance"]);
    own.subject = server.name.clone();
    let victim = Party::new("victim");
    let forged = Fields::server(&victim, &server, &["victim.example"]);
    let forged = forged.sign(&server);
    let verify = |own: &Fields, sent: &[CertificateDer<'_>], host: &str, profile| {
        let verifier = Verifier::web_pki(roots(own.sign(&server))).with_profile(profile);
        broken(verifier.verify(sent, Some(&name(host)), Purpose::Server, at(NOW)))
    };
    let relaxed = Profile::PRIVATE.relaxable().fold(Profile::PRIVATE, Profile::without);
    let by_name = Profile::PRIVATE.without(Rule::RootBasicConstraints);
    own.leave_out(oid::KEY_USAGE);
    for critical in [true, false] {
        own.put(oid::BASIC, critical, basic(false, None));
        for profile in [Profile::PRIVATE, relaxed, by_name, Profile::WEBPKI, Profile::STRICT] {
            let found = verify(&own, std::slice::from_ref(&forged), "victim.example", profile);
            assert!(found.contains(&Rule::BasicConstraints), "{profile}: {found:?}");
            assert_eq!(verify(&own, &[own.sign(&server)], "appliance", Profile::PRIVATE), []);
        }
        // Nor through itself, sent along.
        let found = verify(&own, &[forged.clone(), own.sign(&server)], "victim.example", relaxed);
        assert!(found.contains(&Rule::BasicConstraints), "{found:?}");
    }
    // One that does not say is refused, too, until the rule is relaxed by its name.
    own.leave_out(oid::BASIC);
    let one = std::slice::from_ref(&forged);
    assert_eq!(verify(&own, one, "victim.example", Profile::PRIVATE), [Rule::RootBasicConstraints]);
    assert_eq!(verify(&own, one, "victim.example", by_name), []);
    assert!(verify(&own, one, "victim.example", Profile::WEBPKI).contains(&Rule::RootBasicConstraints));
    assert_eq!(verify(&own, &[own.sign(&server)], "appliance", Profile::PRIVATE), []);
    own.put(oid::BASIC, true, basic(true, None));
    assert_eq!(verify(&own, one, "victim.example", Profile::PRIVATE), []);
}

#[test]
fn policies_that_are_not_critical_are_private_authorities_own() {
    let limits: [(&'static [u8], Vec<u8>); 2] =
        [(oid::POLICY_CONSTRAINTS, vec![0x30, 3, 0x81, 1, 0]), (b"\x55\x1d\x36", vec![2, 1, 0])];
    for (limit, value) in limits {
        let places: [fn(&mut Chain) -> &mut Fields; 2] = [|c| &mut c.middle_fields, |c| &mut c.root_fields];
        for place in places {
            let mut chain = Chain::new();
            place(&mut chain).put(limit, true, value.clone());
            chain.verify_as(Profile::WEBPKI).unwrap();
            place(&mut chain).put(limit, false, value.clone());
            chain.verify().unwrap();
            for profile in WEB {
                assert_eq!(rules(&chain.verify_as(profile).unwrap_err()), [Rule::CriticalPolicies]);
            }
            // It counts all the same.
            place(&mut chain).put(oid::POLICY_CONSTRAINTS, false, vec![0x30, 3, 0x80, 1, 0]);
            assert_eq!(rules(&chain.verify().unwrap_err()), [Rule::PolicyTree]);
        }
    }
}

/// What `openssl req -x509` writes without settings, and what a CA says
/// more often than not.
#[test]
fn an_authority_can_be_its_own_server() {
    let ca = Party::new("router.home.arpa");
    let verify = |change: &dyn Fn(&mut Fields)| {
        let mut fields = Fields::server(&ca, &ca, &["router.home.arpa"]);
        for usage in [oid::KEY_USAGE, oid::EXTENDED] {
            fields.leave_out(usage);
        }
        fields.put(oid::SUBJECT_KEY, false, tlv(tag::OCTET_STRING, &[&ca.key_id()]));
        fields.put(oid::BASIC, true, basic(true, None));
        change(&mut fields);
        let own = fields.sign(&ca);
        let verifier = Verifier::web_pki(roots(own.clone())).with_profile(Profile::PRIVATE);
        let exactly = Verifier::exactly(own.clone());
        let sent = [own];
        exactly.verify(&sent, Some(&name("router.home.arpa")), Purpose::Server, at(NOW)).unwrap();
        let verdict = verifier.verify(&sent, Some(&name("router.home.arpa")), Purpose::Server, at(NOW));
        verdict.map(|accepted| assert_eq!(accepted.report.failures().count(), 0, "{:#}", accepted.report))
    };
    let broken = |change: &dyn Fn(&mut Fields)| rules(&verify(change).unwrap_err());
    verify(&|_| {}).unwrap();
    verify(&|fields| fields.put(oid::BASIC, true, basic(true, Some(0)))).unwrap();
    verify(&|fields| fields.put(oid::EXTENDED, false, extended(&[1]))).unwrap();
    assert_eq!(broken(&|fields| fields.put(oid::EXTENDED, false, extended(&[2]))), [Rule::ExtendedKeyUsage]);
    // digitalSignature, keyCertSign, cRLSign; without the first it signs no handshakes.
    verify(&|fields| fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 0x86])).unwrap();
    let refused = verify(&|fields| fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 0x06])).unwrap_err();
    assert_eq!(rules(&refused), [Rule::DigitalSignature]);
    assert!(refused.to_string().contains("its keyUsage is keyCertSign, cRLSign"), "{refused}");
    // Its constraints are about those below it (RFC 5280 section 4.2.1.10).
    let constrain = |list, base: &'static str| {
        move |fields: &mut Fields| fields.put(oid::CONSTRAINTS, true, dns_constraint(list, base))
    };
    for (list, base) in [(0, "lan.home.arpa"), (0, "home.arpa"), (1, "home.arpa"), (1, "lan.home.arpa")] {
        verify(&constrain(list, base)).unwrap();
    }
    // Those of the authority that issued it are about it.
    let mut chain = Chain::new();
    chain.server_fields.put(oid::BASIC, true, basic(true, None));
    chain.verify().unwrap();
    assert_eq!(rules(&chain.verify_as(Profile::WEBPKI).map(|_| ()).unwrap_err()), [Rule::LeafIsNoAuthority]);
    chain.root_fields.put(oid::CONSTRAINTS, true, dns_constraint(1, "example.com"));
    assert_eq!(rules(&chain.verify().unwrap_err()), [Rule::NameConstraints]);
}
