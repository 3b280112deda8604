//! The search: which certificates are tried, where it ends, what it says.

use super::super::maker::{Fields, NOW, Party, basic, extended, oid};
use super::super::{CertificateDer, Profile, Purpose, Roots, Rule, Verifier};
use super::{Chain, at, name, rules};
use crate::alert::AlertDescription;
use crate::crypto::der::{tag, tlv};
use crate::limits;
use std::time::{Duration, Instant};

#[test]
fn certificates_may_stand_in_any_order_among_others() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    let other = Chain::new();
    let mut sent = chain.sent();
    sent.insert(1, other.middle_fields.sign(&other.root));
    sent.insert(1, other.root_fields.sign(&other.root));
    sent.insert(1, CertificateDer::from(vec![0x30, 1, 2]));
    sent.push(chain.root_fields.sign(&chain.root));
    verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW)).unwrap();
}

#[test]
fn names_compare_across_case_space_and_string_types() {
    Chain::holds(|chain| {
        let text = tlv(0x13, &[b" iNTERMEDIATE "]);
        let pair = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[b"\x55\x04\x03"]), &text]);
        chain.server_fields.issuer = tlv(tag::SEQUENCE, &[&tlv(tag::SET, &[&pair])]);
    });
}

#[test]
fn every_failing_check_is_told_and_the_weightiest_first() {
    let mut chain = Chain::new();
    chain.server_fields.valid("250101000000Z", "260629120000Z");
    chain.server_fields.put(oid::EXTENDED, false, extended(&[3]));
    let verifier = Verifier::web_pki(chain.roots());
    let refused =
        verifier.verify(&chain.sent(), Some(&name("example.org")), Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::HostName, Rule::Validity, Rule::ExtendedKeyUsage]);
    assert_eq!(refused.report.broken(), Some(Rule::Validity));
    assert_eq!(refused.alert(), AlertDescription::CERTIFICATE_EXPIRED);
    let said = refused.to_string();
    assert!(said.contains("it expired 3 days ago, on 2026-06-29 12:00:00 UTC"), "{said}");
    assert!(said.contains("judged for 2026-07-02 12:00:00 UTC"), "{said}");
    assert!(said.contains("2 more rules are broken"), "{said}");
    let whole = format!("{:#}", refused);
    for part in [
        "FAIL CN=example.com (sent first)",
        "it does not name example.org",
        "ok     CN=Intermediate (sent as number 2)",
        "CN=Root (trusted root)",
        "its extKeyUsage is codeSigning",
    ] {
        assert!(whole.contains(part), "{part}\n{whole}");
    }
}

#[test]
fn a_missing_intermediate_is_named() {
    let mut chain = Chain::new();
    let uri = tlv(0x86, &[b"http://ca.example/i.der"]);
    let method = tlv(tag::OID, &[b"\x2b\x06\x01\x05\x05\x07\x30\x02"]);
    let access = tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[&method, &uri])]);
    chain.server_fields.put(oid::ACCESS, false, access);
    let verifier = Verifier::web_pki(chain.roots());
    let refused = verifier
        .verify(&chain.sent()[..1], Some(&name("example.com")), Purpose::Server, at(NOW))
        .unwrap_err();
    assert_eq!(rules(&refused), [Rule::Trust]);
    assert_eq!(refused.alert(), AlertDescription::UNKNOWN_CA);
    let hint = refused.report.hint().unwrap();
    assert!(hint.starts_with("the server left out the intermediate certificate CN=Intermediate"));
    assert!(hint.ends_with("it can be had at http://ca.example/i.der"), "{hint}");
}

#[test]
fn unknown_roots_are_told_apart() {
    let chain = Chain::new();
    let mut sent = chain.sent();
    sent.push(chain.root_fields.sign(&chain.root));
    let verify = |roots: Roots, sent: &[CertificateDer<'_>]| {
        let server = name("example.com");
        let verifier = Verifier::web_pki(roots);
        let refused = verifier.verify(sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
        assert_eq!(refused.alert(), AlertDescription::UNKNOWN_CA, "{refused}");
        assert!(rules(&refused).contains(&Rule::Trust));
        refused.to_string()
    };
    let said = verify(Roots::new(), &sent);
    assert!(said.contains("no roots are configured"), "{said}");

    let other = Chain { root: Party::new("Other"), ..Chain::new() };
    let other = Chain { root_fields: Fields::authority(&other.root, &other.root), ..other };
    let said = verify(other.roots(), &sent);
    assert!(said.contains("the path ends in CN=Root"), "{said}");
    let said = verify(other.roots(), &sent[..2]);
    assert!(said.contains("CN=Root is a root that is not trusted here"), "{said}");

    let same_name = Chain::new();
    let said = verify(same_name.roots(), &sent);
    assert!(said.contains("CN=Root is self-signed, with another key than the trusted root"), "{said}");
    let said = verify(same_name.roots(), &sent[..2]);
    assert!(said.contains("a trusted root is named CN=Root, but its key did not"), "{said}");

    let party = Party::new("example.com");
    let alone = Fields::server(&party, &party, &["example.com"]).sign(&party);
    let said = verify(other.roots(), &[alone]);
    assert!(said.contains("it is self-signed"), "{said}");
}

#[test]
fn a_self_signed_certificate_is_trusted_when_it_is_a_root() {
    let party = Party::new("example.com");
    let alone = Fields::server(&party, &party, &["example.com"]).sign(&party);
    let mut roots = Roots::new();
    roots.add(alone.clone()).unwrap();
    let verifier = Verifier::web_pki(roots);
    let accepted = verifier.verify(&[alone], Some(&name("example.com")), Purpose::Server, at(NOW)).unwrap();
    assert!(accepted.report.sentence().contains("issued by the trusted root"));
}

#[test]
fn signatures_are_checked_at_every_step() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    let server = name("example.com");
    for place in 0..2 {
        let mut sent = chain.sent();
        let mut bytes = sent[place].to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        sent[place] = bytes.into();
        let refused = verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
        assert_eq!(rules(&refused), [Rule::Signature], "{refused:#}");
        assert_eq!(refused.report.failures().next().unwrap().depth, place);
        assert_eq!(refused.alert(), AlertDescription::BAD_CERTIFICATE);
    }
    // Signed by somebody else, under the issuer's name and key identifier.
    let mallory = Party::new("Intermediate");
    let mut sent = chain.sent();
    sent[0] = chain.server_fields.sign(&mallory);
    let refused = verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::Signature]);
    // Somebody else's intermediate of the same name.
    let mut sent = chain.sent();
    sent[1] = Fields::authority(&mallory, &chain.root).sign(&chain.root);
    let refused = verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::Trust], "{refused:#}");
}

#[test]
fn algorithms_that_are_not_accepted_are_named() {
    let sha1 = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00".to_vec();
    let mut chain = Chain::new();
    chain.server_fields.inner_algorithm = sha1.clone();
    chain.server_fields.outer_algorithm = sha1.clone();
    let refused = chain.verify().unwrap_err();
    assert_eq!(rules(&refused), [Rule::Signature]);
    assert!(refused.to_string().contains("signed with RSA with SHA-1, which is not accepted"));

    assert_eq!(Chain::broken(|chain| chain.server_fields.inner_algorithm = sha1), [Rule::SignatureAlgorithm]);
}

#[test]
fn path_lengths_count_intermediates_that_are_not_self_issued() {
    let root = Party::new("Root");
    let one = Party::new("One");
    let two = Party::new("Two");
    let one_again = Party::new("One");
    let leaf = Party::new("Leaf");
    let verify =
        |root_length: Option<u8>, one_length: Option<u8>, chain: &[(&Party, &Party)], most: Option<usize>| {
            let mut fields = Fields::authority(&root, &root);
            fields.put(oid::BASIC, true, basic(true, root_length));
            let mut roots = Roots::new();
            roots.add(fields.sign(&root)).unwrap();
            let (_, last) = chain.last().unwrap();
            let mut sent = vec![Fields::server(&leaf, last, &["example.com"]).sign(last)];
            for (issuer, subject) in chain {
                let mut fields = Fields::authority(subject, issuer);
                if std::ptr::eq(*subject, &one) {
                    fields.put(oid::BASIC, true, basic(true, one_length));
                }
                sent.push(fields.sign(issuer));
            }
            let mut verifier = Verifier::web_pki(roots);
            if let Some(most) = most {
                verifier = verifier.with_most_intermediates(most);
            }
            match verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW)) {
                Ok(_) => None,
                Err(refused) => Some(rules(&refused)),
            }
        };
    let path_length = Some(vec![Rule::PathLength]);
    assert_eq!(verify(None, Some(0), &[(&root, &one)], None), None);
    assert_eq!(verify(None, Some(0), &[(&root, &one), (&one, &two)], None), path_length);
    assert_eq!(verify(None, Some(1), &[(&root, &one), (&one, &two)], None), None);
    assert_eq!(verify(Some(0), None, &[(&root, &one)], None), path_length);
    assert_eq!(verify(Some(1), None, &[(&root, &one)], None), None);
    // The second One is self-issued: One signed it.
    let self_issued = [(&root, &one), (&one, &one_again)];
    assert_eq!(verify(Some(1), Some(0), &self_issued, None), None);
    assert_eq!(verify(Some(0), None, &self_issued, None), path_length);
    // The caller's own limit counts the same way.
    assert_eq!(verify(None, None, &self_issued, Some(1)), None);
    assert_eq!(verify(None, None, &[(&root, &one)], Some(0)), Some(vec![Rule::Depth]));
    assert_eq!(verify(None, None, &[(&root, &one), (&one, &two)], Some(1)), Some(vec![Rule::Depth]));
}

#[test]
fn loops_of_cross_signed_authorities_end() {
    let parties: Vec<_> = (0..4).map(|n| Party::new(&format!("CA {n}"))).collect();
    let leaf = Party::new("Leaf");
    let mut sent = vec![Fields::server(&leaf, &parties[0], &["example.com"]).sign(&parties[0])];
    for issuer in &parties {
        for subject in &parties {
            sent.push(Fields::authority(subject, issuer).sign(issuer));
        }
    }
    let started = Instant::now();
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    let server = name("example.com");
    let refused = verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(refused.alert(), AlertDescription::UNKNOWN_CA, "{refused}");
    assert!(started.elapsed() < Duration::from_secs(5));
    // And the way out is found where there is one.
    sent.push(Fields::authority(&parties[3], &chain.root).sign(&chain.root));
    verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap();
}

#[test]
fn a_thousand_intermediates_of_one_name_stay_within_the_budget() {
    let chain = Chain::new();
    let server = name("example.com");
    let verifier = Verifier::web_pki(chain.roots()).with_profile(Profile::PRIVATE);
    // All of the issuer's name, each with a key of its own, none the issuer's.
    let mut junk = chain.middle_fields.clone();
    let mut sent = chain.sent();
    for n in 0..1000u32 {
        junk.serial = [&[1], &n.to_be_bytes()[..]].concat();
        let place = junk.spki.len() - 4;
        junk.spki[place..].copy_from_slice(&n.to_be_bytes());
        junk.leave_out(oid::SUBJECT_KEY);
        sent.insert(1, junk.sign(&chain.root));
    }
    let started = Instant::now();
    // The key identifier leads to the right one at once.
    verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap();
    let right = sent.pop().unwrap();
    let refused = verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).unwrap_err();
    let said = refused.to_string();
    assert!(rules(&refused).contains(&Rule::Budget), "{refused}");
    assert!(said.contains("a search that costs more than 5000000 octets looked at"), "{said}");
    assert!(format!("{:#}", refused).len() < 50_000);
    // Even the right one is not found among them when nothing leads to it.
    let mut plain = chain.server_fields.clone();
    plain.leave_out(oid::AUTHORITY_KEY);
    sent[0] = plain.sign(&chain.middle);
    sent.push(right);
    assert!(verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)).is_err());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_path_is_not_longer_than_the_limit() {
    let server = name("example.com");
    let verify = |intermediates: usize, change: fn(Verifier) -> Verifier| {
        let chain = Chain::new();
        let parties: Vec<_> = (0..intermediates).map(|n| Party::new(&format!("CA {n}"))).collect();
        let leaf = Party::new("Leaf");
        let mut sent = vec![Fields::server(&leaf, &parties[0], &["example.com"]).sign(&parties[0])];
        for (n, party) in parties.iter().enumerate() {
            let issuer = parties.get(n + 1).unwrap_or(&chain.root);
            sent.push(Fields::authority(party, issuer).sign(issuer));
        }
        let verifier = change(Verifier::web_pki(chain.roots()));
        verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW))
    };
    let same = |verifier: Verifier| verifier;
    verify(limits::CHAIN_DEPTH - 2, same).unwrap();
    let refused = verify(limits::CHAIN_DEPTH - 1, same).unwrap_err();
    assert_eq!(rules(&refused), [Rule::Depth]);
    assert_eq!(refused.alert(), AlertDescription::UNKNOWN_CA);
    let said = refused.to_string();
    assert!(said.contains("19 certificates and a root are as many as it may have"), "{said}");
    assert!(said.contains("paths of 20 certificates are taken: a setting of the verifier"), "{said}");
    // The setting, both ways; the largest is as large as it may be.
    verify(limits::CHAIN_DEPTH - 1, |verifier| verifier.with_longest_path(21)).unwrap();
    verify(1, |verifier| verifier.with_longest_path(3)).unwrap();
    let refused = verify(1, |verifier| verifier.with_longest_path(2)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::Depth]);
    verify(limits::CHAIN_DEPTH_MOST - 2, |verifier| verifier.with_longest_path(usize::MAX)).unwrap();
    let refused =
        verify(limits::CHAIN_DEPTH_MOST - 1, |verifier| verifier.with_longest_path(usize::MAX)).unwrap_err();
    assert_eq!(rules(&refused), [Rule::Depth]);
}

#[test]
fn certificates_of_another_maker_hold() {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = || KeyPair::generate_for(algorithm).unwrap();
        let authority = |name: &str| {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let root = CertifiedIssuer::self_signed(authority("Root"), key()).unwrap();
        let middle = CertifiedIssuer::signed_by(authority("Middle"), key(), &root).unwrap();
        let leaf_key = key();
        let leaf = CertificateParams::new(vec!["example.com".to_string(), "::1".into()])
            .unwrap()
            .signed_by(&leaf_key, &middle)
            .unwrap();
        let mut roots = Roots::new();
        roots.add(root.der().clone()).unwrap();
        let verifier = Verifier::web_pki(roots);
        let sent = [leaf.der().clone(), middle.der().clone()];
        for server in ["example.com", "::1"] {
            verifier.verify(&sent, Some(&name(server)), Purpose::Server, at(NOW)).unwrap();
        }
        // The crossing pairs of curve and hash are the table's own business.
        let mut wrong = sent[0].to_vec();
        let end = wrong.len() - 1;
        wrong[end] ^= 1;
        assert!(
            verifier
                .verify(&[wrong.into(), sent[1].clone()], Some(&name("::1")), Purpose::Server, at(NOW))
                .is_err()
        );
    }
}
