//! The policies of a path (RFC 5280 section 6.1.2 to 6.1.5).

use super::super::Rule;
use super::super::maker::{Fields, oid};
use super::Chain;
use crate::crypto::der::{tag, tlv};

const POLICIES: &[u8] = b"\x55\x1d\x20";
const MAPPINGS: &[u8] = b"\x55\x1d\x21";
const INHIBIT_ANY: &[u8] = b"\x55\x1d\x36";
const ANY: &[u8] = b"\x55\x1d\x20\x00";
const A: &[u8] = b"\x2a\x01";
const B: &[u8] = b"\x2a\x02";

fn policies(listed: &[&[u8]]) -> Vec<u8> {
    let all: Vec<u8> = listed.iter().flat_map(|one| tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[one])])).collect();
    tlv(tag::SEQUENCE, &[&all])
}

fn list(fields: &mut Fields, listed: &[&[u8]]) {
    fields.put(POLICIES, false, policies(listed));
}

/// requireExplicitPolicy or inhibitPolicyMapping after `skip` certificates.
fn constrain(fields: &mut Fields, field: u8, skip: u8) {
    fields.put(oid::POLICY_CONSTRAINTS, true, tlv(tag::SEQUENCE, &[&[0x80 | field, 1, skip]]));
}

fn map(fields: &mut Fields, from: &[u8], to: &[u8]) {
    let pair = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[from]), &tlv(tag::OID, &[to])]);
    fields.put(MAPPINGS, true, tlv(tag::SEQUENCE, &[&pair]));
}

#[test]
fn where_a_policy_is_demanded_all_have_it() {
    let broken = |change: &dyn Fn(&mut Chain)| {
        let mut chain = Chain::new();
        constrain(&mut chain.middle_fields, 0, 0);
        change(&mut chain);
        chain.verify().map_or_else(|refused| super::rules(&refused), |_| vec![])
    };
    let both = |middle: &'static [&'static [u8]], server: &'static [&'static [u8]]| {
        move |chain: &mut Chain| {
            list(&mut chain.middle_fields, middle);
            list(&mut chain.server_fields, server);
        }
    };
    let tree = [Rule::PolicyTree];
    assert_eq!(broken(&|_| {}), tree);
    assert_eq!(broken(&|chain| list(&mut chain.middle_fields, &[A])), tree);
    assert_eq!(broken(&|chain| list(&mut chain.server_fields, &[A])), tree);
    assert_eq!(broken(&both(&[A], &[A])), []);
    assert_eq!(broken(&both(&[A, B], &[B])), []);
    assert_eq!(broken(&both(&[A], &[B])), tree);
    assert_eq!(broken(&both(&[ANY], &[B])), []);
    assert_eq!(broken(&both(&[A], &[ANY])), []);
    // Not demanded so far down.
    let later = |chain: &mut Chain| constrain(&mut chain.middle_fields, 0, 2);
    assert_eq!(broken(&later), []);
    let at_once = |chain: &mut Chain| constrain(&mut chain.middle_fields, 0, 1);
    assert_eq!(broken(&at_once), tree, "one certificate after it: the leaf, at the wrap-up");
    // anyPolicy does not count below inhibitAnyPolicy.
    let inhibited = |server: &'static [&'static [u8]], skip: u8| {
        move |chain: &mut Chain| {
            both(&[A], server)(chain);
            chain.middle_fields.put(INHIBIT_ANY, true, vec![2, 1, skip]);
        }
    };
    assert_eq!(broken(&inhibited(&[ANY], 0)), tree);
    assert_eq!(broken(&inhibited(&[ANY], 1)), []);
    assert_eq!(broken(&inhibited(&[A], 0)), []);
    // Mapped, and with mapping inhibited from the root on.
    let mapped = |server: &'static [&'static [u8]], inhibited: bool| {
        move |chain: &mut Chain| {
            both(&[A], server)(chain);
            map(&mut chain.middle_fields, A, B);
            if inhibited {
                constrain(&mut chain.root_fields, 1, 0);
            }
        }
    };
    assert_eq!(broken(&mapped(&[B], false)), []);
    assert_eq!(broken(&mapped(&[A], false)), tree);
    assert_eq!(broken(&mapped(&[B], true)), tree);
    assert_eq!(broken(&mapped(&[A], true)), tree);
}

#[test]
fn policies_that_nobody_demands_do_not_matter() {
    Chain::holds(|chain| {
        list(&mut chain.middle_fields, &[A]);
        list(&mut chain.server_fields, &[B]);
    });
    // Critical ones are known; of their qualifiers, those that inform people.
    Chain::holds(|chain| chain.server_fields.put(POLICIES, true, policies(&[A])));
    let qualified = |kind: u8| {
        let oid = tlv(tag::OID, &[b"\x2b\x06\x01\x05\x05\x07\x02", &[kind]]);
        let qualifier = tlv(tag::SEQUENCE, &[&oid, &tlv(0x16, &[b"http://ca.example/cps"])]);
        tlv(
            tag::SEQUENCE,
            &[&tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[A]), &tlv(tag::SEQUENCE, &[&qualifier])])],
        )
    };
    Chain::holds(|chain| chain.server_fields.put(POLICIES, true, qualified(1)));
    Chain::holds(|chain| chain.server_fields.put(POLICIES, false, qualified(9)));
    let unknown = |chain: &mut Chain| chain.server_fields.put(POLICIES, true, qualified(9));
    assert_eq!(Chain::broken(unknown), [Rule::CriticalExtensions]);
    // Twice the same, none, or from and to any: malformed.
    for (oid, bad) in [
        (POLICIES, policies(&[A, A])),
        (POLICIES, policies(&[])),
        (
            MAPPINGS,
            tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[ANY]), &tlv(tag::OID, &[A])])]),
        ),
        (oid::POLICY_CONSTRAINTS, vec![0x30, 0]),
        (INHIBIT_ANY, vec![2, 1, 0xff]),
    ] {
        let put = |chain: &mut Chain| chain.middle_fields.put(oid, true, bad.clone());
        assert_eq!(Chain::broken(put), [Rule::Extensions], "{bad:x?}");
    }
}
