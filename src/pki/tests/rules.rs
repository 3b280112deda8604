//! The rules about one certificate in its place.

use super::super::maker::{Extension, Fields, NOW, Party, basic, common_name, dns_constraint, extended, oid};
use super::super::{CertificateDer, Profile, Purpose, Roots, Rule, Verifier, certificates};
use super::{Chain, at, name, rules};
use crate::alert::AlertDescription;
use crate::crypto::der::{tag, tlv};

#[test]
fn dates_are_inclusive_and_count_on_every_certificate() {
    // NOW is 2026-07-02 12:00:00.
    for (from, to, good) in [
        ("260702120000Z", "260702120000Z", true),
        ("260702120001Z", "270101000000Z", false),
        ("260101000000Z", "260702115959Z", false),
    ] {
        let changes: [fn(&mut Chain) -> &mut Fields; 3] =
            [|c| &mut c.server_fields, |c| &mut c.middle_fields, |c| &mut c.root_fields];
        for change in changes {
            let mut chain = Chain::new();
            change(&mut chain).valid(from, to);
            match chain.verify() {
                Ok(_) => assert!(good, "{from} {to}"),
                Err(refused) => {
                    assert!(!good, "{refused}");
                    assert_eq!(rules(&refused), [Rule::Validity]);
                    assert_eq!(refused.alert(), AlertDescription::CERTIFICATE_EXPIRED);
                }
            }
        }
    }
    let refused = {
        let mut chain = Chain::new();
        chain.server_fields.valid("260702120001Z", "270101000000Z");
        chain.verify().unwrap_err()
    };
    assert!(refused.to_string().contains("it becomes valid in 1 second"), "{refused}");
}

#[test]
fn authorities_are_authorities() {
    let no_basic = |chain: &mut Chain| chain.middle_fields.leave_out(oid::BASIC);
    assert_eq!(Chain::broken(no_basic), [Rule::BasicConstraints]);
    let not_ca = |chain: &mut Chain| chain.middle_fields.put(oid::BASIC, true, basic(false, None));
    assert_eq!(Chain::broken(not_ca), [Rule::BasicConstraints]);
    // A server may not issue.
    let chain = Chain::new();
    let victim = Party::new("Victim");
    let forged = Fields::server(&victim, &chain.server, &["victim.example"]);
    let forged = Fields { issuer: common_name("example.com"), ..forged }.sign(&chain.server);
    let sent = [vec![forged], chain.sent()].concat();
    let verifier = Verifier::web_pki(chain.roots());
    let refused =
        verifier.verify(&sent, Some(&name("victim.example")), Purpose::Server, at(NOW)).unwrap_err();
    let broken = rules(&refused);
    assert!(broken.contains(&Rule::BasicConstraints) && broken.contains(&Rule::KeyUsage));

    // keyUsage: keyCertSign alone, cRLSign alone, none.
    Chain::holds(|chain| chain.middle_fields.put(oid::KEY_USAGE, true, vec![3, 2, 2, 4]));
    Chain::holds(|chain| chain.middle_fields.leave_out(oid::KEY_USAGE));
    let crl_only = |chain: &mut Chain| chain.middle_fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 2]);
    assert_eq!(Chain::broken(crl_only), [Rule::KeyUsage]);
    let nameless = |chain: &mut Chain| {
        chain.middle_fields.subject = common_name("");
        chain.server_fields.issuer = common_name("");
    };
    assert_eq!(Chain::broken(nameless), [Rule::IssuerName, Rule::SubjectName]);
}

#[test]
fn keys_are_used_for_what_they_are_for() {
    type Put = fn(&mut Chain) -> &mut Fields;
    let leaf: Put = |chain| &mut chain.server_fields;
    let middle: Put = |chain| &mut chain.middle_fields;
    let root: Put = |chain| &mut chain.root_fields;
    let purpose = |place: Put, purposes: &[u8], purpose: Purpose| {
        let mut chain = Chain::new();
        place(&mut chain).put(oid::EXTENDED, false, extended(purposes));
        let verifier = Verifier::chain_without_name(chain.roots()).with_profile(Profile::PRIVATE);
        match verifier.verify(&chain.sent(), None, purpose, at(NOW)) {
            Ok(_) => true,
            Err(refused) => {
                assert!(rules(&refused).iter().all(|rule| *rule == Rule::ExtendedKeyUsage));
                assert_eq!(refused.alert(), AlertDescription::UNSUPPORTED_CERTIFICATE);
                false
            }
        }
    };
    for place in [leaf, middle, root] {
        assert!(purpose(place, &[1], Purpose::Server));
        assert!(purpose(place, &[1, 2], Purpose::Server));
        assert!(purpose(place, &[0], Purpose::Server));
        assert!(!purpose(place, &[2], Purpose::Server));
        assert!(!purpose(place, &[3, 4, 8, 9], Purpose::Server));
    }
    assert!(purpose(leaf, &[2], Purpose::Client));
    assert!(!purpose(leaf, &[1], Purpose::Client));
    // No extKeyUsage: any purpose.
    Chain::holds(|chain| chain.server_fields.leave_out(oid::EXTENDED));
    // keyUsage of the leaf.
    Chain::holds(|chain| chain.server_fields.leave_out(oid::KEY_USAGE));
    let usage = |bits: Vec<u8>| move |chain: &mut Chain| chain.server_fields.put(oid::KEY_USAGE, true, bits);
    assert_eq!(Chain::broken(usage(vec![3, 2, 5, 0x20])), [Rule::DigitalSignature]);
    assert_eq!(Chain::broken(usage(vec![3, 2, 2, 0x84])), [Rule::KeyUsage]);
    assert_eq!(Chain::broken(usage(vec![3, 2, 1, 0])), [Rule::Extensions], "no bit");
    assert_eq!(Chain::broken(usage(vec![3, 5, 0, 0x80, 0, 0, 0])), [Rule::Extensions]);
    let empty = |chain: &mut Chain| chain.server_fields.put(oid::EXTENDED, false, vec![0x30, 0]);
    assert_eq!(Chain::broken(empty), [Rule::Extensions]);
}

#[test]
fn constraints_on_names_come_from_every_authority_above() {
    type Put = fn(&mut Chain) -> &mut Fields;
    let places: [Put; 2] = [|chain| &mut chain.middle_fields, |chain| &mut chain.root_fields];
    for place in places {
        for critical in [true, false] {
            let put = |list: u8, base: &'static str| {
                move |chain: &mut Chain| {
                    place(chain).put(oid::CONSTRAINTS, critical, dns_constraint(list, base))
                }
            };
            Chain::holds(put(0, "example.com"));
            Chain::holds(put(1, "example.org"));
            assert_eq!(Chain::broken(put(0, "example.org")), [Rule::NameConstraints]);
            assert_eq!(Chain::broken(put(1, "example.com")), [Rule::NameConstraints]);
            assert_eq!(Chain::broken(put(1, "a.example.com")), [Rule::NameConstraints], "wildcard");
        }
    }
    // The root constrains the intermediate's names, too.
    let other_name = |chain: &mut Chain| {
        let names = tlv(tag::SEQUENCE, &[&tlv(0x82, &[b"example.org"])]);
        chain.middle_fields.put(oid::ALT_NAMES, false, names);
        chain.root_fields.put(oid::CONSTRAINTS, true, dns_constraint(0, "example.com"));
    };
    assert_eq!(Chain::broken(other_name), [Rule::NameConstraints]);
    // Malformed ones refuse, and are never passed over.
    for bad in [vec![0x30, 0], dns_constraint(0, "..example.com"), dns_constraint(2, "example.com")] {
        let put = |chain: &mut Chain| chain.middle_fields.put(oid::CONSTRAINTS, true, bad);
        assert_eq!(Chain::broken(put), [Rule::Extensions]);
    }
    // A leading dot has a meaning, which only a private authority may mean.
    for place in places {
        for (list, base, holds) in [
            (0, ".example.com", false),
            (0, ".com", true),
            (1, ".example.com", false),
            (1, ".com", false),
            (1, ".example.org", true),
        ] {
            let mut chain = Chain::new();
            place(&mut chain).put(oid::CONSTRAINTS, true, dns_constraint(list, base));
            let broken =
                |profile| chain.verify_as(profile).map_or_else(|refused| rules(&refused), |_| vec![]);
            let private = if holds { vec![] } else { vec![Rule::NameConstraints] };
            assert_eq!(broken(Profile::PRIVATE), private, "{list} {base}");
            assert!(broken(Profile::WEBPKI).contains(&Rule::ConstraintForm), "{list} {base}");
            assert!(broken(Profile::STRICT).contains(&Rule::ConstraintForm), "{list} {base}");
            assert_eq!(broken(Profile::WEBPKI.without(Rule::ConstraintForm)), private, "{list} {base}");
        }
    }
    let in_leaf = |chain: &mut Chain| {
        chain.server_fields.put(oid::CONSTRAINTS, true, dns_constraint(0, "example.com"));
    };
    assert_eq!(Chain::broken(in_leaf), [Rule::ConstraintsInLeaf]);
}

#[test]
fn extensions_fail_closed() {
    type Put = fn(&mut Chain) -> &mut Fields;
    let places: [Put; 2] = [|chain| &mut chain.server_fields, |chain| &mut chain.middle_fields];
    for place in places {
        let put = |oid: &'static [u8], critical: bool, value: &[u8]| {
            let value = value.to_vec();
            move |chain: &mut Chain| place(chain).put(oid, critical, value)
        };
        assert_eq!(Chain::broken(put(oid::UNKNOWN, true, b"x")), [Rule::CriticalExtensions]);
        Chain::holds(put(oid::UNKNOWN, false, b"x"));
        // Known, but critical where nobody judges them.
        assert_eq!(Chain::broken(put(oid::SUBJECT_KEY, true, &[4, 1, 1])), [Rule::CriticalExtensions]);
        // An explicit policy is demanded, and nobody has one.
        assert_eq!(
            Chain::broken(put(oid::POLICY_CONSTRAINTS, true, &[0x30, 3, 0x80, 1, 0])),
            [Rule::PolicyTree]
        );
        assert_eq!(
            Chain::broken(put(oid::POLICY_CONSTRAINTS, false, &[0x30, 3, 0x80, 1, 0])),
            [Rule::PolicyTree],
            "critical or not"
        );
        // Malformed, or with something behind.
        for (oid, value) in [
            (oid::SUBJECT_KEY, &[4, 1, 1, 0][..]),
            (oid::SUBJECT_KEY, &[5, 0]),
            (oid::AUTHORITY_KEY, &[0x30, 3, 0x80, 1, 1, 0]),
            (oid::AUTHORITY_KEY, &[0x30, 2, 0x83, 0]),
            (oid::EXTENDED, &[0x30, 3, 6, 1, 0x2a, 0]),
            (oid::EXTENDED, &[0x30, 2, 5, 0]),
            (oid::ALT_NAMES, &[0x30, 0]),
            (oid::ALT_NAMES, &[0x30, 3, 0x87, 1, 1]),
        ] {
            let broken = Chain::broken(put(oid, false, value));
            assert!(broken.contains(&Rule::Extensions), "{oid:x?} {value:x?} {broken:?}");
        }
        for bad in [
            &[0x30, 3, 1, 1, 1][..],
            &[0x30, 6, 1, 1, 0xff, 2, 1, 0xff],
            &[0x30, 3, 1, 1, 0xff, 0],
            &[0x30, 5, 1, 1, 0xff, 5, 0],
            &[0x30, 7, 1, 1, 0xff, 2, 2, 0, 1],
        ] {
            let broken = Chain::broken(put(oid::BASIC, true, bad));
            assert!(broken.contains(&Rule::Extensions), "{bad:x?} {broken:?}");
        }
        let twice = |chain: &mut Chain| {
            let value = vec![4, 1, 1];
            let again = || Extension { oid: oid::UNKNOWN, critical: false, value: value.clone() };
            place(chain).extensions.extend([again(), again()]);
        };
        assert_eq!(Chain::broken(twice), [Rule::Extensions]);
    }
    // Of a root, too: it is not even taken, or not used.
    let mut chain = Chain::new();
    chain.root_fields.put(oid::UNKNOWN, true, vec![]);
    assert_eq!(rules(&chain.verify().unwrap_err()), [Rule::CriticalExtensions]);
    chain.root_fields.put(oid::BASIC, true, vec![0x30, 1]);
    assert!(rules(&chain.verify().unwrap_err()).contains(&Rule::Extensions));
    let mut chain = Chain::new();
    chain.root_fields.put(oid::CONSTRAINTS, false, vec![0x30, 0]);
    assert_eq!(rules(&chain.verify().unwrap_err()), [Rule::Extensions]);
    let twice = chain.root_fields.extensions.first().unwrap().clone();
    chain.root_fields.leave_out(oid::CONSTRAINTS);
    chain.root_fields.extensions.push(twice);
    assert_eq!(rules(&chain.verify().unwrap_err()), [Rule::Extensions]);
    // An unrelated intermediate's faults do not matter.
    let chain = Chain::new();
    let mut other = Fields::authority(&Party::new("Other"), &chain.root);
    other.put(oid::UNKNOWN, true, vec![]);
    let sent = [chain.sent(), vec![other.sign(&chain.root)]].concat();
    let verifier = Verifier::web_pki(chain.roots());
    verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW)).unwrap();
}

#[test]
fn weak_and_foreign_keys_are_refused_by_name() {
    const RSA_1024: &[u8] = include_bytes!("../../../test-vectors/keys/rsa-1024.pkcs1.der");
    let mut private = crate::crypto::der::Der::new(RSA_1024).inside(tag::SEQUENCE).unwrap();
    private.unsigned().unwrap();
    let numbers = [private.value(tag::INTEGER).unwrap().bytes, private.value(tag::INTEGER).unwrap().bytes];
    let public = tlv(tag::SEQUENCE, &numbers);
    let spki =
        |algorithm: &[u8], key: &[u8]| tlv(tag::SEQUENCE, &[algorithm, &tlv(tag::BIT_STRING, &[&[0], key])]);
    let rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let p521 = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23";
    let sha256_rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
    let sha1_pss = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x00";
    let numbers = |last: u8, exponent: u8| {
        let modulus = tlv(tag::INTEGER, &[&[0, 0x80], &[7; 254], &[last]]);
        tlv(tag::SEQUENCE, &[&modulus, &[2, 1, exponent]])
    };
    let odd = tlv(tag::SEQUENCE, &[&tlv(tag::INTEGER, &[&[0x01], &[0xff; 256]]), &[2, 3, 1, 0, 1]]);
    for (key, said) in [
        (spki(rsa, &public), "RSA, 1024 bits"),
        (spki(rsa, &odd), "RSA, 2049 bits"),
        (spki(p521, &[4; 133]), "EC, P-521"),
        (spki(rsa, b"junk"), "RSA, not two positive numbers"),
        (spki(rsa, &numbers(1, 1)), "RSA, the exponent 1"),
        (spki(rsa, &numbers(1, 4)), "RSA, an even exponent"),
        (spki(rsa, &numbers(2, 3)), "RSA, an even modulus"),
        (spki(sha1_pss, &numbers(1, 3)), "RSA-PSS, with parameters that are not supported"),
    ] {
        let mut chain = Chain::new();
        chain.server_fields.spki = key.clone();
        let refused = chain.verify().unwrap_err();
        assert_eq!(rules(&refused), [Rule::PublicKey]);
        assert_eq!(refused.alert(), AlertDescription::UNSUPPORTED_CERTIFICATE);
        assert!(refused.to_string().contains(said), "{refused}");
        // An authority's is told as well, also where nothing but its name leads to it.
        if key.len() > 200 && said.starts_with("RSA, ") && !said.contains("bits") {
            let places: [fn(&mut Chain) -> [&mut Fields; 2]; 2] = [
                |chain| [&mut chain.root_fields, &mut chain.middle_fields],
                |chain| [&mut chain.middle_fields, &mut chain.server_fields],
            ];
            for place in places {
                let mut chain = Chain::new();
                let [authority, child] = place(&mut chain);
                authority.spki = key.clone();
                child.inner_algorithm = sha256_rsa.to_vec();
                child.outer_algorithm = sha256_rsa.to_vec();
                chain.middle_fields.leave_out(oid::AUTHORITY_KEY);
                chain.server_fields.leave_out(oid::AUTHORITY_KEY);
                let refused = chain.verify().unwrap_err();
                assert!(rules(&refused).contains(&Rule::PublicKey), "{refused:#}");
                assert!(format!("{refused:#}").contains(said), "{refused:#}");
            }
        }
    }
    // The same with what can be right: an odd modulus, and 3.
    let mut chain = Chain::new();
    chain.server_fields.spki = spki(rsa, &numbers(1, 3));
    chain.verify().unwrap();
}

#[test]
fn identifiers_that_this_crate_has_no_words_for_are_named() {
    // nsComment, privateKeyUsagePeriod, and one that nobody knows.
    for (oid, said) in [
        (&b"\x60\x86\x48\x01\x86\xf8\x42\x01\x0d"[..], "the extension nsComment is critical"),
        (b"\x55\x1d\x10", "the extension privateKeyUsagePeriod is critical"),
        (oid::UNKNOWN, "the extension 1.2.3.4 is critical"),
    ] {
        let mut chain = Chain::new();
        chain.server_fields.put(oid, true, vec![5, 0]);
        let refused = chain.verify().unwrap_err();
        assert_eq!(rules(&refused), [Rule::CriticalExtensions]);
        assert!(refused.to_string().contains(said), "{refused}");
    }
    let mut chain = Chain::new();
    chain.server_fields.put(oid::UNKNOWN, false, vec![5, 0]);
    let sent = chain.sent();
    let names: Vec<_> = crate::pki::Certificate::read(&sent[0]).unwrap().extensions().collect();
    let named: Vec<_> = names.iter().map(|(name, critical)| (name.as_str(), *critical)).collect();
    assert_eq!(
        named,
        [
            ("authorityKeyIdentifier", false),
            ("keyUsage", true),
            ("extKeyUsage", false),
            ("subjectAltName", false),
            ("1.2.3.4", false),
        ]
    );
    // An attribute of a name.
    let mut chain = Chain::new();
    chain.server_fields.put(oid::UNKNOWN, true, vec![5, 0]);
    chain.server_fields.subject = crate::pki::maker::common_name("x");
    let place = chain.server_fields.subject.windows(3).position(|oid| oid == [0x55, 4, 3]).unwrap();
    chain.server_fields.subject[place + 2] = 15;
    let refused = chain.verify().unwrap_err().to_string();
    assert!(refused.contains("businessCategory=x"), "{refused}");
}

#[test]
fn what_is_no_certificate_is_refused_as_such() {
    let change = |change: &dyn Fn(&mut Fields)| {
        let mut chain = Chain::new();
        change(&mut chain.server_fields);
        let refused = chain.verify().unwrap_err();
        assert_eq!(rules(&refused), [Rule::Readable]);
        refused.to_string()
    };
    assert!(change(&|fields| fields.version = vec![]).contains("it is of version 1, and has a field"));
    assert!(change(&|fields| fields.version = vec![0xa0, 3, 2, 1, 1]).contains("not of version 3"));
    assert!(change(&|fields| fields.version = vec![0xa0, 4, 2, 1, 2, 0]).contains("not of version 3"));
    assert!(change(&|fields| fields.serial = vec![]).contains("serialNumber"));
    assert!(change(&|fields| fields.serial = vec![0, 1]).contains("serialNumber"));
    assert!(change(&|fields| fields.from.1 = "2601010000Z".into()).contains("notBefore"));
    assert!(change(&|fields| fields.to.1 = "270101000000+0100".into()).contains("notAfter"));
    assert!(change(&|fields| fields.after = vec![5, 0]).contains("something follows"));
    assert!(change(&|fields| fields.subject.extend([5, 0])).contains("malformed"));
    assert!(change(&|fields| fields.spki.extend([5, 0])).contains("malformed"));
    let trailing = |fields: &mut Fields| {
        fields.outer_algorithm = vec![0x30, 9, 6, 3, 0x2b, 0x65, 0x70, 5, 0, 5, 0];
    };
    assert!(change(&trailing).contains("signatureAlgorithm"));

    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    let server = name("example.com");
    let verify = |sent: &[CertificateDer<'_>]| {
        verifier.verify(sent, Some(&server), Purpose::Server, at(NOW)).map(|_| ()).unwrap_err()
    };
    assert_eq!(rules(&verify(&[])), [Rule::Readable]);
    let mut sent = chain.sent();
    sent[0] = [&sent[0][..], &[0]].concat().into();
    assert!(verify(&sent).to_string().contains("something follows it"));
    // FALSE is the default of `critical`, and not written.
    let der = chain.server_fields.sign(&chain.middle);
    let place = der.windows(3).position(|window| window == [1, 1, 0xff]).unwrap();
    for octet in [0, 1] {
        let mut bytes = der.to_vec();
        bytes[place + 2] = octet;
        assert!(verify(&[bytes.into()]).to_string().contains("an extension"));
    }
}

#[test]
fn no_damage_panics_and_none_is_accepted() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    let server = name("example.com");
    let sent = chain.sent();
    let verify = |leaf: Vec<u8>| {
        let sent = [CertificateDer::from(leaf), sent[1].clone()];
        match verifier.verify(&sent, Some(&server), Purpose::Server, at(NOW)) {
            Ok(_) => true,
            Err(refused) => {
                assert!(refused.report.failures().next().is_some());
                let _ = format!("{refused:#}");
                false
            }
        }
    };
    let whole = sent[0].to_vec();
    assert!(verify(whole.clone()));
    for place in 0..whole.len() {
        assert!(!verify(whole[..place].to_vec()), "cut at {place}");
        for flip in [0x01, 0x80, 0xff, 0x20] {
            let mut damaged = whole.clone();
            damaged[place] ^= flip;
            assert!(!verify(damaged.clone()), "{place} ^ {flip:x}");
            let _ = Roots::new().add(damaged.clone().into());
            let _ = certificates(&damaged);
        }
        let mut longer = whole.clone();
        longer.insert(place, 0);
        assert!(!verify(longer), "inserted at {place}");
    }
}
