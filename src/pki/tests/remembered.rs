//! What a verifier remembers, counted in signatures.

use super::super::budget::Budget;
use super::super::maker::{Fields, NOW, Party, extended, oid};
use super::super::remembered::{Memory, Recall, Signed};
use super::super::{Certificate, CertificateDer, Crl, Profile, Purpose, Revocation, Rule, Verifier, judge};
use super::revocation::{good_staple, list};
use super::{Chain, at, name, rules};
use crate::crypto::der::{tag, tlv};
use crate::limits;

fn verify(verifier: &Verifier, sent: &[CertificateDer<'_>]) -> Vec<Rule> {
    let verdict = verifier.verify(sent, Some(&name("example.com")), Purpose::Server, at(NOW));
    verdict.map_or_else(|refused| rules(&refused), |_| Vec::new())
}

#[test]
fn a_chain_that_was_accepted_is_not_verified_again() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    assert_eq!(verify(&verifier, &chain.sent()), []);
    assert_eq!(verifier.counted(), (2, 0));
    assert_eq!(verify(&verifier, &chain.sent()), []);
    assert_eq!(verifier.counted(), (0, 2));
    // Clones share it, under another policy as well; what that refuses is refused.
    let clone = verifier.clone().with_profile(Profile::STRICT).with_most_intermediates(1);
    assert_eq!(verify(&clone, &chain.sent()), []);
    assert_eq!(verifier.counted(), (0, 2));
    assert_eq!(verify(&clone.with_most_intermediates(0), &chain.sent()), [Rule::Depth]);
    let other = verifier.verify(&chain.sent(), Some(&name("example.org")), Purpose::Server, at(NOW));
    assert_eq!(rules(&other.unwrap_err()), [Rule::HostName]);
    assert_eq!(verifier.counted(), (0, 0), "nothing is looked up for another host");
    // Another one has its own; and one that is told to, none.
    let fresh = Verifier::web_pki(chain.roots());
    assert_eq!(verify(&fresh, &chain.sent()), []);
    assert_eq!(fresh.counted(), (2, 0));
    let without = fresh.clone().remember_signatures(false);
    assert_eq!(verify(&without, &chain.sent()), []);
    assert!(without.memory().is_none());
    assert_eq!(fresh.counted(), (0, 0));
    let again = without.remember_signatures(true);
    assert_eq!(verify(&again, &chain.sent()), []);
    assert_eq!(again.counted(), (2, 0));
    // Who resumes a session need not remember as the verifier did that accepted it.
    assert_eq!(verifier.fingerprint(), verifier.clone().remember_signatures(false).fingerprint());
}

#[test]
fn a_chain_in_common_is_not_verified_again_and_the_rest_is() {
    let chain = Chain::new();
    let second_root = Party::new("Second root");
    let mut roots = chain.roots();
    roots.add(Fields::authority(&second_root, &second_root).sign(&second_root)).unwrap();
    let verifier = Verifier::web_pki(roots);
    assert_eq!(verify(&verifier, &chain.sent()), []);
    assert_eq!(verifier.counted(), (2, 0));
    // The same leaf by way of another root.
    let crossed = Fields::authority(&chain.middle, &second_root).sign(&second_root);
    assert_eq!(verify(&verifier, &[chain.sent()[0].clone(), crossed]), []);
    assert_eq!(verifier.counted(), (1, 1));
    // Another leaf by way of the same intermediate.
    let mut another = Fields::server(&Party::new("Other"), &chain.middle, &["example.com"]);
    another.serial = vec![2];
    assert_eq!(verify(&verifier, &[another.sign(&chain.middle), chain.sent()[1].clone()]), []);
    assert_eq!(verifier.counted(), (1, 1));
    assert_eq!(verifier.memory().unwrap().len(), 4);
}

#[test]
fn of_a_client_only_what_stands_above_its_certificate_is_remembered() {
    let mut chain = Chain::new();
    chain.server_fields.put(oid::EXTENDED, false, extended(&[1, 2]));
    let verifier = Verifier::web_pki(chain.roots());
    let verify = |staple: &[u8]| {
        let verdict = verifier.verify_stapled(&chain.sent(), staple, None, Purpose::Client, at(NOW));
        assert!(verdict.unwrap().report.accepted());
        verifier.counted()
    };
    assert_eq!(verify(&[]), (2, 0));
    assert_eq!(verify(&[]), (1, 1));
    // Nor what it staples.
    let staple = good_staple(&chain);
    assert_eq!([verify(&staple), verify(&staple)], [(2, 1); 2]);
    assert_eq!(verifier.memory().unwrap().len(), 1);
}

#[test]
fn what_was_not_accepted_leaves_nothing() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    let refusing = verifier.clone().with_revocation(Revocation::hard([]));
    for _ in 0..2 {
        assert!(verify(&refusing, &chain.sent()).contains(&Rule::RevocationStatus));
        assert_eq!(verifier.counted(), (2, 0));
        let later = verifier.verify(&chain.sent(), Some(&name("example.com")), Purpose::Server, at(2 * NOW));
        assert!(rules(&later.unwrap_err()).contains(&Rule::Validity));
        assert_eq!(verifier.counted(), (0, 0));
        assert_eq!(verifier.memory().unwrap().len(), 0);
    }
    // Nor what was sent along, well signed, with a chain that is accepted.
    let stranger = Party::new("Stranger");
    let crossed = Fields::authority(&chain.middle, &stranger).sign(&stranger);
    let own = Fields::authority(&stranger, &stranger).sign(&stranger);
    let sent = [chain.sent()[0].clone(), crossed, own, chain.sent()[1].clone()];
    assert_eq!(verify(&verifier, &sent), []);
    assert!(verifier.counted().0 >= 3, "the stranger's was tried");
    assert_eq!(verifier.memory().unwrap().len(), 2);
}

#[test]
fn lists_and_responses_are_remembered_too() {
    let chain = Chain::new();
    let lists =
        || [(&chain.middle, 9), (&chain.root, 9)].map(|(party, no)| Crl::read(&list(party, no)).unwrap());
    let verifier = Verifier::web_pki(chain.roots()).with_revocation(Revocation::hard(lists()));
    assert_eq!(verify(&verifier, &chain.sent()), []);
    assert_eq!(verifier.counted(), (4, 0));
    assert_eq!(verify(&verifier, &chain.sent()), []);
    assert_eq!(verifier.counted(), (0, 4));
    // A newer list is another.
    let newer = [list(&chain.middle, 8), list(&chain.root, 9)].map(|der| Crl::read(&der).unwrap());
    assert_eq!(verify(&verifier.clone().with_revocation(Revocation::hard(newer)), &chain.sent()), []);
    assert_eq!(verifier.counted(), (1, 3));
    // One that revokes counts, whatever is remembered, and stays unremembered.
    let revoking = [Crl::read(&list(&chain.middle, 1)).unwrap()];
    let revoked = verifier.clone().with_revocation(Revocation::soft(revoking));
    let before = verifier.memory().unwrap().len();
    assert_eq!(verify(&revoked, &chain.sent()), [Rule::Revoked]);
    assert_eq!(verifier.memory().unwrap().len(), before);
    verifier.counted();

    let stapling = Verifier::web_pki(chain.roots());
    let staple = good_staple(&chain);
    let verify_stapled = |staple: &[u8]| {
        let server = name("example.com");
        let verdict = stapling.verify_stapled(&chain.sent(), staple, Some(&server), Purpose::Server, at(NOW));
        verdict.unwrap().report.accepted()
    };
    assert!(verify_stapled(&staple));
    assert_eq!(stapling.counted(), (3, 0));
    assert!(verify_stapled(&staple));
    assert_eq!(stapling.counted(), (0, 3));
}

#[test]
fn nothing_but_the_same_octets_is_remembered() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    assert_eq!(verify(&verifier, &chain.sent()), []);
    let memory = verifier.memory().unwrap();
    let sent = chain.sent();
    let (leaf, issuer) = (Certificate::read(&sent[0]).unwrap(), Certificate::read(&sent[1]).unwrap());
    let whole = judge::signed(&leaf, issuer.spki);
    verifier.counted();
    Recall::of(Some(memory)).verify(&whole).unwrap();
    assert_eq!(verifier.counted(), (0, 1));
    let parts = [whole.key.algorithm, whole.key.key, whole.algorithm, whole.message, whole.signature];
    let mut flips = 0;
    for (place, part) in parts.iter().enumerate() {
        for bit in 0..8 * part.len() {
            let mut altered = parts.map(<[u8]>::to_vec);
            altered[place][bit / 8] ^= 1 << (bit % 8);
            let [algorithm, key, signed_with, message, signature] = &altered;
            let key = crate::crypto::verify::SubjectPublicKeyInfo { algorithm, key };
            let altered = Signed { key, algorithm: signed_with, message, signature };
            assert!(Recall::of(Some(memory)).verify(&altered).is_err(), "part {place}, bit {bit}");
            flips += 1;
        }
    }
    assert_eq!(verifier.counted(), (flips, 0));
    // Nor is what failed.
    assert_eq!(memory.len(), 2);
    let mut altered = sent.clone();
    let mut octets = sent[0].to_vec();
    *octets.last_mut().unwrap() ^= 1;
    altered[0] = octets.into();
    for _ in 0..2 {
        assert_eq!(verify(&verifier, &altered), [Rule::Signature]);
        assert_eq!(verifier.counted(), (1, 0));
    }
}

#[test]
fn what_is_remembered_draws_on_the_budget_all_the_same() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    assert_eq!(verify(&verifier, &chain.sent()), []);
    let sent = chain.sent();
    let (leaf, issuer) = (Certificate::read(&sent[0]).unwrap(), Certificate::read(&sent[1]).unwrap());
    let signed = judge::signed(&leaf, issuer.spki);
    let tried = |memory: Option<&Memory>| {
        let mut budget = Budget::recalling(memory);
        let spent = |_: &usize| budget.verify(&signed).map(|holds| holds.unwrap()).is_err();
        (0..).find(spent).unwrap()
    };
    verifier.counted();
    assert_eq!(tried(verifier.memory()), tried(None));
    assert_eq!(verifier.counted(), (0, tried(None)));
}

#[test]
fn a_memory_that_is_full_or_poisoned_changes_no_verdict() {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    // As many leaves as displace everything but what they have in common.
    let leaves = limits::REMEMBERED_SIGNATURES + 10;
    let middle = chain.middle_fields.sign(&chain.root);
    let leaf = |number: usize| {
        let mut fields = chain.server_fields.clone();
        fields.serial = vec![1, (number >> 8) as u8, number as u8];
        fields.leave_out(oid::SUBJECT_KEY);
        [fields.sign(&chain.middle), middle.clone()]
    };
    for number in 0..leaves {
        assert_eq!(verify(&verifier, &leaf(number)), []);
        assert!(verifier.memory().unwrap().len() <= limits::REMEMBERED_SIGNATURES);
    }
    assert_eq!(verifier.counted(), (leaves + 1, leaves - 1), "the intermediate's once");
    assert_eq!(verify(&verifier, &leaf(0)), []);
    assert_eq!(verifier.counted(), (1, 1), "the oldest was forgotten");
    verifier.memory().unwrap().poison();
    assert_eq!(verify(&verifier, &leaf(0)), []);
    let mut altered = leaf(0);
    let signature = tlv(tag::BIT_STRING, &[&[0], &[7; 64]]);
    let kept = altered[0].len() - signature.len();
    altered[0] = [&altered[0][..kept], &signature].concat().into();
    assert_eq!(verify(&verifier, &altered), [Rule::Signature]);
    assert_eq!(verifier.memory().unwrap().len(), 0);
}
