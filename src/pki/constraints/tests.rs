//! What lies within which constraint, and what is refused whole.

use super::*;
use crate::crypto::der::tlv;

/// Whether a certificate with this subject and these names passes.
fn held(constraints: &[u8], subject: &[u8], names: GeneralNames<'_>) -> bool {
    let mut budget = Budget::FULL;
    let bases = NameConstraints::read(constraints).unwrap().open();
    let names = Names::of(Name::read(subject).unwrap(), subject, names, &mut budget).unwrap();
    bases.check(&names, &mut budget).unwrap().is_ok()
}

fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let list = |n: u8, bases: &[Vec<u8>]| {
        let all: Vec<_> = bases.iter().map(|base| tlv(tag::SEQUENCE, &[base])).collect();
        tlv(0xa0 | n, &all.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let permitted = if permitted.is_empty() { vec![] } else { list(0, permitted) };
    let excluded = if excluded.is_empty() { vec![] } else { list(1, excluded) };
    tlv(tag::SEQUENCE, &[&permitted, &excluded])
}

/// Whether the name passes: `+base` is permitted, `-base` excluded.
fn passes(kind: u8, base: &str, name_kind: u8, name: &[u8]) -> bool {
    let (sign, base) = base.split_at(1);
    let base = vec![tlv(kind, &[base.as_bytes()])];
    let der = if sign == "+" { constraints(&base, &[]) } else { constraints(&[], &base) };
    let names = tlv(tag::SEQUENCE, &[&tlv(name_kind, &[name])]);
    let subject = [0x30, 0];
    held(&der, &subject, GeneralNames::read(&names).unwrap())
}

#[test]
fn dns_constraints_are_suffixes_on_a_label_boundary() {
    for (base, name, expected) in [
        ("+example.com", "example.com", true),
        ("+example.com", "a.b.EXAMPLE.com", true),
        ("+example.com", "badexample.com", false),
        ("+example.com", "com", false),
        ("+", "anything.at.all", true),
        ("-", "anything.at.all", false),
        ("-example.com", "example.com", false),
        ("-example.com", "a.example.com", false),
        ("-example.com", "badexample.com", true),
        // A wildcard is permitted if all of it is, excluded if any of it is.
        ("+example.com", "*.example.com", true),
        ("+a.example.com", "*.example.com", false),
        ("-a.example.com", "*.example.com", false),
        ("-a.b.example.com", "*.example.com", true),
        ("-example.com", "*.example.com", false),
        ("-a.example.com", "*.example.org", true),
        ("-com", "*.example.com", false),
        // What is no host name cannot be judged.
        ("+example.com", "a b.example.com", false),
        ("-example.org", "a b.example.com", false),
        ("-example.org", "*.*.example.com", false),
    ] {
        assert_eq!(passes(0x82, base, 0x82, name.as_bytes()), expected, "{base} {name}");
    }
    // A form that is not mentioned is free.
    assert!(passes(0x82, "+example.com", 0x87, &[1, 2, 3, 4]));
    assert!(passes(0x82, "+example.com", 0x86, b"https://a"));
}

#[test]
fn a_leading_dot_means_the_names_below_and_excludes_itself_too() {
    for (base, name, expected) in [
        ("+.example.com", "a.example.com", true),
        ("+.example.com", "a.b.example.com", true),
        ("+.example.com", "*.example.com", true),
        ("+.example.com", "example.com", false),
        ("+.example.com", "badexample.com", false),
        ("-.example.com", "example.com", false),
        ("-.example.com", "a.example.com", false),
        ("-.example.com", "*.com", false),
        ("-.example.com", "badexample.com", true),
    ] {
        assert_eq!(passes(0x82, base, 0x82, name.as_bytes()), expected, "{base} {name}");
    }
    let leading_dot = |base: &[u8]| {
        NameConstraints::read(&constraints(&[], &[tlv(0x82, &[base])])).unwrap().open().leading_dot
    };
    assert!(leading_dot(b".example.com") && !leading_dot(b"example.com") && !leading_dot(b""));
}

#[test]
fn uri_constraints_name_a_host_or_a_domain() {
    for (base, name, expected) in [
        ("+example.com", "https://example.com", true),
        ("+example.com", "https://user:word@EXAMPLE.com:443/a?b#c", true),
        ("+example.com", "https://a.example.com/", false),
        ("+.example.com", "http://a.example.com?b", true),
        ("+.example.com", "http://a.b.example.com#b", true),
        ("+.example.com", "http://example.com", false),
        ("-example.com", "ftp://example.com/", false),
        ("-example.com", "ftp://a.example.com/", true),
        ("-.example.com", "ftp://a.example.com/", false),
        ("-.example.com", "ftp://example.com/", true),
        ("-.example.com", "ftp://badexample.com/", true),
        // Another host than the one that it seems to be.
        ("+example.com", "https://example.com@example.org/", false),
        ("-example.com", "https://example.org@example.com/", false),
        // What has no authority, or an address for a host, cannot be judged.
        ("-example.com", "mailto:a@example.org", false),
        ("-example.com", "urn:a:b", false),
        ("-example.com", "https:///a", false),
        ("-example.com", "https://10.0.0.1/", false),
        ("-example.com", "https://[::1]/", false),
        ("-example.com", "https://example.org:44x/", false),
        ("-example.com", "https://a@b@example.org/", false),
        ("-example.com", "https://example.org\\@a/", false),
        ("-example.com", "1s://example.org/", false),
        ("-example.com", "example.org", false),
        // Nor can anything be held against what is no host.
        ("+https://example.com", "https://example.com", false),
        ("-10.0.0.1", "https://example.org/", false),
        ("-", "https://example.org/", false),
    ] {
        assert_eq!(passes(0x86, base, 0x86, name.as_bytes()), expected, "{base} {name}");
    }
    assert!(passes(0x86, "+example.com", 0x82, b"example.org"), "a form that is not mentioned");
}

#[test]
fn email_constraints_name_a_mailbox_a_host_or_a_domain() {
    for (base, name, expected) in [
        ("+foo@example.com", "foo@EXAMPLE.com", true),
        ("+foo@example.com", "FOO@example.com", false),
        ("+example.com", "any@example.com", true),
        ("+example.com", "any@sub.example.com", false),
        ("+.example.com", "any@sub.example.com", true),
        ("+.example.com", "any@example.com", false),
        ("+*@example.com", "*@example.com", true),
        ("+*@example.com", "user@example.com", false),
        ("-example.com", "any@example.org", true),
        ("-example.com", "nonsense", false),
        ("-example.com", "a@b c", false),
        ("+example.com", "a@b@example.com", false),
        ("+example.com", "\"a@b\"@example.com", false),
    ] {
        assert_eq!(passes(0x81, base, 0x81, name.as_bytes()), expected, "{base} {name}");
    }
    let long = |local: usize| format!("{}@example.com", "a".repeat(local));
    let most = limits::EMAIL_LOCAL_PART;
    assert!(passes(0x81, "+example.com", 0x81, long(most).as_bytes()));
    assert!(!passes(0x81, "+example.com", 0x81, long(most + 1).as_bytes()));
    assert!(!passes(0x81, "-example.org", 0x81, long(most + 1).as_bytes()));
    assert!(passes(0x82, "-example.org", 0x81, long(most + 1).as_bytes()), "a form that is free");
    let labels = [63, 63, 63, 61].map(|length| "a".repeat(length)).join(".");
    assert_eq!(labels.len(), 253);
    let whole = format!("{}@{labels}", "a".repeat(most));
    assert!(passes(0x81, &format!("+{labels}"), 0x81, whole.as_bytes()));
}

#[test]
fn email_addresses_of_the_subject_are_constrained_too() {
    let der = constraints(&[], &[tlv(0x81, &[b"example.com"])]);
    let subject = |address: &[u8]| {
        let pair = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[dn::EMAIL_ADDRESS]), &tlv(0x16, &[address])]);
        tlv(tag::SEQUENCE, &[&tlv(tag::SET, &[&pair])])
    };
    let check = |subject: &[u8], names| held(&der, subject, names);
    assert!(!check(&subject(b"a@example.com"), GeneralNames::NONE));
    assert!(check(&subject(b"a@example.org"), GeneralNames::NONE));
    assert!(!check(&subject(b"\xff"), GeneralNames::NONE));
    let other = tlv(tag::SEQUENCE, &[&tlv(0x81, &[b"a@example.org"])]);
    assert!(check(&subject(b"a@example.com"), GeneralNames::read(&other).unwrap()));
}

#[test]
fn address_and_directory_constraints() {
    let check = |base: Vec<u8>, name: Vec<u8>, excluded: bool| {
        let bases = [base];
        let der = if excluded { constraints(&[], &bases) } else { constraints(&bases, &[]) };
        let names = tlv(tag::SEQUENCE, &[&name]);
        let subject = [0x30, 0];
        held(&der, &subject, GeneralNames::read(&names).unwrap())
    };
    let net = || tlv(0x87, &[&[10, 1, 0, 0, 255, 255, 0, 0]]);
    let address = |octets: &[u8]| tlv(0x87, &[octets]);
    assert!(check(net(), address(&[10, 1, 2, 3]), false));
    assert!(!check(net(), address(&[10, 2, 2, 3]), false));
    assert!(!check(net(), address(&[10, 1, 2, 3]), true));
    assert!(check(net(), address(&[10, 2, 2, 3]), true));
    assert!(!check(net(), address(&[0; 16]), false), "IPv6 is an iPAddress that is not permitted");
    assert!(check(net(), address(&[0; 16]), true));

    let rdn = |text: &[u8]| {
        let pair = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[dn::COMMON_NAME]), &tlv(0x0c, &[text])]);
        tlv(tag::SET, &[&pair])
    };
    let name = |parts: &[Vec<u8>]| {
        tlv(0xa4, &[&tlv(tag::SEQUENCE, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())])
    };
    let base = || name(&[rdn(b"Example")]);
    assert!(check(base(), name(&[rdn(b"example"), rdn(b"more")]), false));
    assert!(!check(base(), name(&[rdn(b"more"), rdn(b"example")]), false));
    assert!(!check(base(), name(&[rdn(b"EXAMPLE")]), true));
    assert!(check(name(&[]), name(&[rdn(b"any")]), false), "the empty prefix");
}

#[test]
fn malformed_constraints_are_refused_whole() {
    let good = tlv(0x82, &[b"example.com"]);
    assert!(NameConstraints::read(&constraints(std::slice::from_ref(&good), &[])).is_ok());
    assert!(NameConstraints::read(&constraints(&[], std::slice::from_ref(&good))).is_ok());
    assert!(NameConstraints::read(&constraints(&[], &[])).is_err(), "both absent");
    let empty_list = tlv(tag::SEQUENCE, &[&[0xa0, 0]]);
    assert!(NameConstraints::read(&empty_list).is_err());
    for bad in [
        tlv(0x82, &[b"."]),
        tlv(0x82, &[b"..example.com"]),
        tlv(0x82, &[b"*.example.com"]),
        tlv(0x82, &[b"a b"]),
        tlv(0x81, &[b"@example.com"]),
        tlv(0x81, &[b""]),
        tlv(0x81, &[b"a@"]),
        tlv(0x87, &[&[10, 0, 0, 0]]),
        tlv(0x87, &[&[10, 0, 0, 0, 255, 0, 255, 0]]),
        tlv(0x87, &[&[10, 0, 0, 0, 0, 255, 0, 0]]),
        tlv(0x87, &[&[10, 0, 0, 0, 0x55, 0, 0, 0]]),
        [&good[..], &[0x80, 1, 0]].concat(),
        [&good[..], &[0x81, 1, 5]].concat(),
        vec![],
    ] {
        let der = constraints(&[good.clone(), bad.clone()], &[]);
        assert!(NameConstraints::read(&der).is_err(), "{bad:x?}");
    }
    let a = tlv(0xa0, &[&tlv(tag::SEQUENCE, &[&good])]);
    let b = tlv(0xa1, &[&tlv(tag::SEQUENCE, &[&good])]);
    assert!(NameConstraints::read(&tlv(tag::SEQUENCE, &[&a, &b])).is_ok());
    assert!(NameConstraints::read(&tlv(tag::SEQUENCE, &[&b, &a])).is_err(), "order");
    assert!(NameConstraints::read(&tlv(tag::SEQUENCE, &[&a, &a])).is_err(), "twice");
}

#[test]
fn lists_and_names_cost_their_octets_and_not_their_product() {
    let spent = |count: usize| {
        let bases: Vec<_> =
            (0..count).map(|n| tlv(0x82, &[format!("{n:04}.example.com").as_bytes()])).collect();
        let names: Vec<_> =
            (0..count).map(|n| tlv(0x82, &[format!("{n:04}.example.org").as_bytes()])).collect();
        let names = tlv(tag::SEQUENCE, &names.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let der = constraints(&[], &bases);
        let bases = NameConstraints::read(&der).unwrap().open();
        let mut budget = Budget::FULL;
        let (subject, names) = (Name::read(&[0x30, 0]).unwrap(), GeneralNames::read(&names).unwrap());
        let names = Names::of(subject, &[0x30, 0], names, &mut budget).unwrap();
        assert_eq!(bases.check(&names, &mut budget).unwrap(), Ok(()));
        assert!(bases.cost() > count * "0.example.com".len());
        (budget.spent(), bases.cost())
    };
    let (one, two) = (spent(1000), spent(2000));
    // Twice as many are one step more for each name.
    assert_eq!(two.0, 2 * one.0 + 2000 * PER_STEP, "{one:?} {two:?}");
    assert_eq!(two.1, 2 * one.1, "{one:?} {two:?}");
    assert!(two.0 < 2000 * 320 && two.1 < 2000 * 300, "{two:?}");
}

#[test]
fn names_are_paid_for() {
    let names = tlv(tag::SEQUENCE, &[&tlv(0x82, &[b"a.example.org"])[..]; 10]);
    let der = constraints(&[], &[tlv(0x82, &[b"example.com"])]);
    let bases = NameConstraints::read(&der).unwrap().open();
    let (subject, names) = (Name::read(&[0x30, 0]).unwrap(), GeneralNames::read(&names).unwrap());
    let held = |left: usize| {
        let mut budget = Budget::FULL;
        budget.spend(limits::CHAIN_COST - left).unwrap();
        let names = Names::of(subject, &[0x30, 0], names, &mut budget)?;
        bases.check(&names, &mut budget)?.map_err(|_| Exhausted)
    };
    // Its key has a form's number, and a label and an end beside its octets.
    let key = "a.example.org".len() + 3;
    // The base has two keys, of itself and of what is below; and one for the
    // wildcards that may be itself.
    let cost = 10 * (PER_NAME + key) + 10 * (PER_NAME + 2 * key + 2 * PER_STEP);
    assert_eq!(held(cost), Ok(()));
    assert_eq!(held(cost - 1), Err(Exhausted));
}

#[test]
fn there_are_no_more_bases_than_the_limit() {
    let check = |count: usize| {
        let bases = vec![tlv(0x82, &[b"example.com"]); count - 1];
        let der = constraints(&[tlv(0x82, &[b"example.org"])], &bases);
        let names = tlv(tag::SEQUENCE, &[&tlv(0x82, &[b"a.example.org"])]);
        held(&der, &[0x30, 0], GeneralNames::read(&names).unwrap())
    };
    assert!(check(limits::CONSTRAINTS));
    assert!(!check(limits::CONSTRAINTS + 1));
}

/// Every pair of names and bases from a small world, against the definition.
#[test]
fn sorted_keys_decide_as_comparing_one_by_one_does() {
    let hosts = ["com", "a.com", "b.com", "b-a.com", "b.a.com", "a.b.com", "a.a.com", "c.b.a.com", "acom"];
    for one in 0..hosts.len() {
        for two in 0..hosts.len() {
            for name in hosts {
                let below = |base: &str| name == base || name.ends_with(&format!(".{base}"));
                let within = below(hosts[one]) || below(hosts[two]);
                let bases = [hosts[one], hosts[two]].map(|host| tlv(0x82, &[host.as_bytes()]));
                let names = tlv(tag::SEQUENCE, &[&tlv(0x82, &[name.as_bytes()])]);
                let names = GeneralNames::read(&names).unwrap();
                assert_eq!(held(&constraints(&bases, &[]), &[0x30, 0], names), within, "{name} {bases:x?}");
                assert_eq!(held(&constraints(&[], &bases), &[0x30, 0], names), !within, "{name} {bases:x?}");
            }
        }
    }
}
