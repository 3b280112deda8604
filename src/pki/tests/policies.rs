//! Names, profiles and policies.

use super::super::maker::{NOW, basic, common_name, dns_constraint, extended, oid};
use super::super::{CertificateDer, Profile, Purpose, Rule, Verifier, peer_key, spki_sha256};
use super::{Chain, at, name, rules};
use crate::alert::AlertDescription;
use crate::crypto::der::{tag, tlv};

#[test]
fn a_good_chain_holds_in_every_profile() {
    let chain = Chain::new();
    for profile in [Profile::PRIVATE, Profile::WEBPKI, Profile::STRICT] {
        let accepted = chain.verify_as(profile).unwrap();
        let report = &accepted.report;
        assert!(report.accepted() && report.alert().is_none() && report.failures().next().is_none());
        assert_eq!(
            report.sentence(),
            "CN=example.com was accepted: through one intermediate by the trusted root CN=Root"
        );
        assert_eq!(report.path().collect::<Vec<_>>(), ["CN=example.com", "CN=Intermediate", "CN=Root"]);
        for (depth, rule) in [
            (0, "Signature"),
            (0, "HostName"),
            (0, "Validity"),
            (1, "BasicConstraints"),
            (1, "Signature"),
            (2, "Trust"),
            (2, "Validity"),
        ] {
            let mut checks = report.checks();
            assert!(checks.any(|check| (check.depth, check.rule) == (depth, rule)), "{depth} {rule}");
        }
        assert_eq!(accepted.leaf_key, peer_key(&chain.sent()[0]).unwrap());
        assert_eq!(accepted.leaf_key.describe(), "Ed25519");
    }
}

#[test]
fn names_and_addresses() {
    let mut chain = Chain::new();
    let names = tlv(
        tag::SEQUENCE,
        &[&tlv(0x82, &[b"example.com"]), &tlv(0x82, &[b"*.example.com"]), &tlv(0x87, &[&[192, 0, 2, 1]])],
    );
    chain.server_fields.put(oid::ALT_NAMES, false, names);
    let verifier = Verifier::web_pki(chain.roots());
    let verify = |server: &str| verifier.verify(&chain.sent(), Some(&name(server)), Purpose::Server, at(NOW));
    for good in ["example.com", "EXAMPLE.com", "www.example.com", "192.0.2.1"] {
        assert!(verify(good).is_ok(), "{good}");
    }
    for bad in ["example.org", "a.b.example.com", "192.0.2.2", "::ffff:192.0.2.1", "com"] {
        let refused = verify(bad).unwrap_err();
        assert_eq!(rules(&refused), [Rule::HostName]);
        assert_eq!(refused.alert(), AlertDescription::BAD_CERTIFICATE);
        let hint = refused.report.hint().unwrap();
        assert!(hint.ends_with("names in the certificate: example.com, *.example.com, 192.0.2.1"), "{hint}");
    }
    // A name must be given, or left out by the policy.
    let sent = chain.sent();
    let refused = verifier.verify(&sent, None, Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::HostName]);
    let nameless = Verifier::chain_without_name(chain.roots());
    nameless.verify(&sent, None, Purpose::Server, at(NOW)).unwrap();
    nameless.verify(&sent, Some(&name("example.org")), Purpose::Server, at(NOW)).unwrap();
    // The common name is none.
    let refused = {
        let mut chain = Chain::new();
        chain.server_fields.leave_out(oid::ALT_NAMES);
        chain.verify().unwrap_err()
    };
    assert_eq!(rules(&refused), [Rule::HostName]);
    assert!(refused.report.hint().unwrap().contains("which is not read as a host name"));
}

#[test]
fn each_profile_holds_to_its_form() {
    use Profile as P;
    type Change = fn(&mut Chain);
    // The mildest profile that refuses it, and every rule that it then breaks.
    let cases: &[(Profile, Rule, Change)] = &[
        (P::WEBPKI, Rule::SerialNumber, |c| c.server_fields.serial = vec![0]),
        (P::WEBPKI, Rule::SerialNumber, |c| c.server_fields.serial = vec![0x80]),
        (P::WEBPKI, Rule::SerialNumber, |c| c.middle_fields.serial = vec![1; 21]),
        (P::STRICT, Rule::AuthorityKey, |c| c.server_fields.leave_out(oid::AUTHORITY_KEY)),
        (P::STRICT, Rule::AuthorityKey, |c| c.middle_fields.leave_out(oid::AUTHORITY_KEY)),
        (P::WEBPKI, Rule::AuthorityKeyForm, |c| {
            c.middle_fields.put(oid::AUTHORITY_KEY, false, vec![0x30, 0])
        }),
        (P::WEBPKI, Rule::RootNamesItself, |c| {
            c.root_fields.put(oid::AUTHORITY_KEY, false, vec![0x30, 3, 0x80, 1, 1])
        }),
        (P::WEBPKI, Rule::RootNamesItself, |c| root_authority(c, "Other", 1)),
        (P::WEBPKI, Rule::RootNamesItself, |c| root_authority(c, "Root", 2)),
        (P::STRICT, Rule::RootAuthorityKey, |c| root_authority(c, "Root", 1)),
        (P::WEBPKI, Rule::SubjectKey, |c| c.middle_fields.leave_out(oid::SUBJECT_KEY)),
        (P::STRICT, Rule::RootSubjectKey, |c| {
            c.root_fields.leave_out(oid::AUTHORITY_KEY);
            c.root_fields.leave_out(oid::SUBJECT_KEY)
        }),
        (P::WEBPKI, Rule::CriticalBasicConstraints, |c| {
            c.middle_fields.put(oid::BASIC, false, basic(true, None))
        }),
        (P::STRICT, Rule::RootCriticalBasicConstraints, |c| {
            c.root_fields.put(oid::BASIC, false, basic(true, None))
        }),
        (P::PRIVATE, Rule::RootBasicConstraints, |c| c.root_fields.leave_out(oid::BASIC)),
        (P::WEBPKI, Rule::PathLengthUsage, |c| {
            c.middle_fields.put(oid::BASIC, true, basic(true, Some(3)));
            c.middle_fields.leave_out(oid::KEY_USAGE)
        }),
        (P::WEBPKI, Rule::LeafIsNoAuthority, |c| c.server_fields.put(oid::BASIC, true, basic(true, None))),
        (P::STRICT, Rule::UsageIsGiven, |c| c.server_fields.leave_out(oid::EXTENDED)),
        (P::WEBPKI, Rule::PeerUsage, |c| c.server_fields.put(oid::EXTENDED, false, extended(&[0, 1]))),
        (P::WEBPKI, Rule::PeerUsage, |c| c.server_fields.put(oid::EXTENDED, true, extended(&[1]))),
        (P::WEBPKI, Rule::RootUsage, |c| c.root_fields.put(oid::EXTENDED, false, extended(&[1]))),
        (P::WEBPKI, Rule::AltNames, |c| {
            c.server_fields.extensions.iter_mut().for_each(|e| e.critical |= e.oid == oid::ALT_NAMES)
        }),
        (P::WEBPKI, Rule::AltNames, |c| c.server_fields.subject = common_name("")),
        (P::WEBPKI, Rule::AltNames, |c| also_named(c, "a_b.example.com")),
        (P::WEBPKI, Rule::AltNames, |c| also_named(c, "*.lan")),
        (P::WEBPKI, Rule::AltNames, |c| also_named(c, "10.0.0.1")),
        (P::WEBPKI, Rule::CommonNameForm, |c| c.server_fields.subject = common_name("Example.com")),
        (P::WEBPKI, Rule::CommonNameForm, |c| c.server_fields.subject = common_name("bücher.example.com")),
        (P::STRICT, Rule::TimeForm, |c| {
            c.server_fields.to = (tag::GENERALIZED_TIME, "20270101000000Z".into())
        }),
        (P::WEBPKI, Rule::AuthorityAccess, |c| c.server_fields.put(oid::ACCESS, false, vec![0x30, 0])),
        #[cfg(feature = "public-suffix")]
        (P::WEBPKI, Rule::PublicSuffix, |c| also_named(c, "*.co.uk")),
        #[cfg(feature = "public-suffix")]
        (P::STRICT, Rule::PrivateSuffix, |c| also_named(c, "*.github.io")),
        (P::PRIVATE, Rule::KeyUsage, |c| c.root_fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 2])),
        (P::PRIVATE, Rule::KeyUsage, |c| c.middle_fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 2])),
        (P::PRIVATE, Rule::DigitalSignature, |c| {
            c.server_fields.put(oid::KEY_USAGE, true, vec![3, 2, 5, 0x20])
        }),
        (P::PRIVATE, Rule::ExtendedKeyUsage, |c| c.server_fields.put(oid::EXTENDED, false, extended(&[2]))),
        (P::PRIVATE, Rule::ConstraintsInLeaf, |c| {
            c.server_fields.put(oid::CONSTRAINTS, true, dns_constraint(0, "example.com"))
        }),
        (P::WEBPKI, Rule::CriticalPolicies, |c| {
            c.middle_fields.put(oid::POLICY_CONSTRAINTS, false, vec![0x30, 3, 0x80, 1, 9])
        }),
    ];
    for (place, (mildest, rule, change)) in cases.iter().enumerate() {
        let mut chain = Chain::new();
        change(&mut chain);
        for profile in [P::PRIVATE, P::WEBPKI, P::STRICT] {
            match chain.verify_as(profile) {
                Ok(_) => assert!(!profile.has(*rule), "case {place}: {rule:?} is not in {profile}"),
                Err(refused) => {
                    assert!(rules(&refused).contains(rule), "case {place}, {profile}: {refused:#}")
                }
            }
        }
        let refused = chain.verify_as(*mildest).unwrap_err();
        assert_eq!(rules(&refused), [*rule], "case {place}: {refused:#}");
        chain.verify_as(mildest.without(*rule)).unwrap();
    }
    let mut chain = Chain::new();
    chain.middle_fields.put(oid::CONSTRAINTS, false, dns_constraint(0, "example.com"));
    chain.verify_as(P::STRICT).unwrap();
    let refused = chain.verify_as(P::WEBPKI.with(Rule::CriticalNameConstraints)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::CriticalNameConstraints]);
    let mut chain = Chain::new();
    chain.server_fields.subject = common_name("other.example");
    chain.verify_as(P::STRICT).unwrap();
    let refused = chain.verify_as(P::STRICT.with(Rule::CommonName)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::CommonName]);
}

/// authorityKeyIdentifier on the root: its own key, and an issuer with a serial number.
fn root_authority(chain: &mut Chain, issuer: &str, serial: u8) {
    let key = tlv(0x80, &[&chain.root.key_id()]);
    let issuer = tlv(0xa1, &[&tlv(0xa4, &[&common_name(issuer)])]);
    let value = tlv(tag::SEQUENCE, &[&key, &issuer, &[0x82, 1, serial]]);
    chain.root_fields.put(oid::AUTHORITY_KEY, false, value);
}

fn also_named(chain: &mut Chain, name: &str) {
    let names = tlv(tag::SEQUENCE, &[&tlv(0x82, &[b"example.com"]), &tlv(0x82, &[name.as_bytes()])]);
    chain.server_fields.put(oid::ALT_NAMES, false, names);
}

#[test]
fn pins_exact_leaves_and_the_dangerous_one() {
    let chain = Chain::new();
    let sent = chain.sent();
    let server = name("example.com");
    let later = at(NOW + 10 * 365 * 86_400);
    let pin = spki_sha256(&sent[0]).unwrap();
    let other_pin = spki_sha256(&sent[1]).unwrap();

    let pinned = Verifier::pinned([other_pin, pin]);
    let accepted = pinned.verify(&sent[..1], None, Purpose::Server, later).unwrap();
    assert!(accepted.report.sentence().ends_with("its key is pinned"));
    assert!(accepted.report.checks().any(|check| check.rule == "Pin" && check.passed));
    let refused =
        Verifier::pinned([other_pin]).verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::Pin]);
    assert!(refused.to_string().contains(&hex::encode(pin)), "{refused}");
    assert!(Verifier::pinned([]).verify(&sent, None, Purpose::Server, at(NOW)).is_err());

    let both = Verifier::web_pki(chain.roots()).and_pins([pin]);
    both.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap();
    let both = Verifier::web_pki(chain.roots()).and_pins([other_pin]);
    let refused = both.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::Pin]);

    let exactly = Verifier::exactly(sent[0].clone());
    let accepted = exactly.verify(&sent[..1], Some(&server), Purpose::Server, at(NOW)).unwrap();
    assert!(accepted.report.sentence().contains("exactly the certificate"));
    let verify = |sent: &[CertificateDer<'_>], server: &str, now| {
        rules(&exactly.verify(sent, Some(&name(server)), Purpose::Server, now).unwrap_err())
    };
    assert_eq!(verify(&sent, "example.com", later), [Rule::Validity]);
    assert_eq!(verify(&sent, "example.org", at(NOW)), [Rule::HostName]);
    assert!(verify(&sent[1..], "example.com", at(NOW)).contains(&Rule::ExactLeaf));
    let mut again = chain.server_fields.clone();
    again.serial = vec![2];
    assert_eq!(verify(&[again.sign(&chain.middle)], "example.com", at(NOW)), [Rule::ExactLeaf]);

    let any = Verifier::dangerous_accept_any();
    let accepted = any.verify(&sent[1..], None, Purpose::Client, later).unwrap();
    assert!(accepted.report.sentence().ends_with("without any check"));
    assert!(any.verify(&[vec![1].into()], None, Purpose::Client, later).is_err());
}
