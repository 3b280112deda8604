//! What judging costs: what is looked at first, and what is not looked at.

use super::super::maker::{NOW, Party, dns_constraint, oid};
use super::super::{Crl, Profile, Purpose, Revocation, Rule, Verifier};
use super::revocation::list;
use super::{Chain, at, name, rules};
use crate::crypto::der::{tag, tlv};
use crate::limits;

fn cost(chain: &Chain) -> usize {
    match chain.verify() {
        Ok(accepted) => accepted.report.cost(),
        Err(refused) => refused.report.cost(),
    }
}

/// Bases that nobody signed for are not even sorted.
#[test]
fn the_signature_comes_before_the_constraints() {
    const BASES: usize = 1_000;
    let chain = |constrained: bool, signed: bool| {
        let mut chain = Chain::new();
        chain.server_fields.leave_out(oid::AUTHORITY_KEY);
        if constrained {
            let base = tlv(tag::SEQUENCE, &[&tlv(0x82, &[b"example.org"])]);
            let value = tlv(tag::SEQUENCE, &[&tlv(0xa1, &[&base.repeat(BASES)])]);
            chain.middle_fields.put(oid::CONSTRAINTS, true, value);
        }
        if !signed {
            chain.middle = Party::new("Another");
        }
        cost(&chain)
    };
    let octets = |signed| chain(true, signed) - chain(false, signed);
    // An authority's octets are read once, but for a hundredth of what else there is.
    assert!(octets(false) < 17 * BASES + 4_000, "{}", octets(false));
    assert!(octets(true) > 100 * BASES, "{}", octets(true));
}

#[test]
fn a_path_that_holds_costs_its_octets_and_its_signatures() {
    let chain = Chain::new();
    let octets: usize = chain.sent().iter().map(|der| der.len()).sum();
    let cost = cost(&chain);
    let signatures = 2 * limits::SIGNATURE_COST;
    assert!((signatures + octets..signatures + 10 * octets).contains(&cost), "{cost} for {octets}");
    // The same again costs the same.
    assert_eq!(super::cost::cost(&chain), cost);
}

#[test]
fn what_is_said_of_a_refusal_costs_no_more_than_the_search_may() {
    let mut chain = Chain::new();
    chain.server_fields.valid("250101000000Z", "260629120000Z");
    let refused = chain.verify().unwrap_err();
    assert!(refused.report.cost() > 2 * limits::SIGNATURE_COST, "it is told which path was meant");
    assert!(refused.report.cost() < limits::CHAIN_COST / 10, "{}", refused.report.cost());
}

#[test]
fn lists_of_namesakes_do_not_spend_the_budget() {
    let chain = Chain::new();
    let namesake = Party::new("Intermediate");
    let judge = |serial: u8| {
        let others = (0..200).map(|_| list(&namesake, 1));
        let lists = others.chain([list(&chain.middle, serial), list(&chain.root, 9)]);
        let lists = lists.map(|der| Crl::read(&der).unwrap());
        let verifier = Verifier::web_pki(chain.roots()).with_revocation(Revocation::hard(lists));
        verifier.verify(&chain.sent(), Some(&name("example.com")), Purpose::Server, at(NOW))
    };
    let accepted = judge(7).unwrap();
    assert!(accepted.report.cost() < 3 * limits::SIGNATURE_COST, "{}", accepted.report.cost());
    // And who is revoked by the last of them, is.
    assert_eq!(rules(&judge(1).unwrap_err()), [Rule::Revoked]);
}

#[test]
fn common_names_are_few() {
    let chain = |count: usize| {
        let mut chain = Chain::new();
        let one = &super::super::maker::common_name("example.com")[2..];
        chain.server_fields.subject = tlv(tag::SEQUENCE, &[&one.repeat(count)]);
        chain
    };
    chain(limits::COMMON_NAMES).verify_as(Profile::WEBPKI).unwrap();
    let refused = chain(limits::COMMON_NAMES + 1).verify_as(Profile::WEBPKI).unwrap_err();
    assert_eq!(rules(&refused), [Rule::CommonNameForm]);
    assert!(refused.to_string().contains("it has more than 4 common names"), "{refused}");
    let both = chain(limits::COMMON_NAMES + 1).verify_as(Profile::WEBPKI.with(Rule::CommonName)).unwrap_err();
    assert_eq!(rules(&both), [Rule::CommonName, Rule::CommonNameForm]);
    chain(limits::COMMON_NAMES + 1).verify_as(Profile::PRIVATE).unwrap();
}

/// Nobody is judged by more constraints than are looked at, and no chain fails
/// for those of an authority that is not on its path.
#[test]
fn too_many_constraints_refuse_their_authority_alone() {
    let mut chain = Chain::new();
    let base = &dns_constraint(1, "example.org")[4..];
    let value = tlv(tag::SEQUENCE, &[&tlv(0xa1, &[&base.repeat(limits::CONSTRAINTS + 1)])]);
    let good = chain.sent();
    chain.middle_fields.put(oid::CONSTRAINTS, true, value);
    let refused = chain.verify().unwrap_err();
    assert_eq!(rules(&refused), [Rule::NameConstraints]);
    assert!(refused.to_string().contains("more constraints than the 2048"), "{refused}");
    let sent = [good[0].clone(), chain.sent()[1].clone(), good[1].clone()];
    let verifier = Verifier::web_pki(chain.roots());
    verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW)).unwrap();
}
