//! Lists that only together say something: a delta and its base, lists about
//! some reasons each, holds that ended; distribution points by name; and lists
//! signed by somebody beside the path.

use super::super::budget::Budget;
use super::super::inquiry::{FirstBroken, Inquiry, Stop};
use super::super::maker::{Extension, Fields, NOW, Party, oid};
use super::super::signer::Verified;
use super::super::{
    Certificate, CertificateDer, Crl, Profile, Purpose, Revocation, Roots, Rule, Verifier, status,
};
use super::revocation::{DELTA, List, NUMBER, POINT, POINTS, extension, verdict};
use super::{Chain, at, name, rules};
use crate::crypto::der::{tag, tlv};
use crate::limits;

const HOLD: u8 = 6;
const REMOVED: u8 = 8;

/// Of `issuer`, with this number, day of June 2026, and what it says of certificate 1.
fn list(issuer: &Party, number: u8, day: &'static str, reason: Option<u8>) -> List {
    let mut list = List::of(issuer, &[]).with(NUMBER, false, &[2, 1, number]);
    list.from = day;
    if let Some(reason) = reason {
        let value = vec![10, 1, reason];
        let reason = extension(&Extension { oid: b"\x55\x1d\x15", critical: false, value });
        list.revoked.push((vec![1], tlv(tag::SEQUENCE, &[&reason])));
    }
    list
}

const REVOKED: &[Rule] = &[Rule::Revoked];
const UNKNOWN: &[Rule] = &[Rule::RevocationStatus];

#[track_caller]
fn judged(chain: &Chain, lists: &[Crl], expected: &[Rule]) {
    let mut turned = lists.to_vec();
    for _ in lists {
        // In whatever order they are given.
        turned.rotate_left(1);
        assert_eq!(verdict(chain, Revocation::hard(turned.clone()).leaf_only()), expected);
        let soft = if expected == REVOKED { REVOKED } else { &[] };
        assert_eq!(verdict(chain, Revocation::soft(turned.clone())), soft);
    }
}

#[test]
fn a_hold_ends_by_a_later_word_and_nothing_else_does() {
    let chain = Chain::new();
    let of = |number, day, reason| list(&chain.middle, number, day, reason).sign(&chain.middle);
    let (first, second) = ("260601000000Z", "260602000000Z");
    let old = |reason| {
        let mut list = list(&chain.middle, 1, first, reason);
        list.to = Some("260701000000Z");
        list.sign(&chain.middle)
    };
    judged(&chain, &[of(1, first, Some(HOLD))], REVOKED);
    judged(&chain, &[old(Some(HOLD))], REVOKED);
    judged(&chain, &[of(1, first, Some(HOLD)), of(2, second, None)], &[]);
    judged(&chain, &[old(Some(HOLD)), of(2, second, None)], &[]);
    judged(&chain, &[of(1, first, None), of(2, second, Some(HOLD))], REVOKED);
    judged(&chain, &[of(1, first, Some(HOLD)), of(2, first, None)], REVOKED);
    for permanent in [0, 1, 4, 10] {
        judged(&chain, &[of(1, first, Some(permanent)), of(2, second, None)], REVOKED);
    }
    // Who says nothing about holds ends none.
    let compromise = |bits: &[u8]| {
        let scope = tlv(tag::SEQUENCE, &[&tlv(0x83, &[bits])]);
        list(&chain.middle, 2, second, None).with(POINT, true, &scope).sign(&chain.middle)
    };
    judged(&chain, &[of(1, first, Some(HOLD)), compromise(&[5, 0x60])], REVOKED);
    judged(&chain, &[of(1, first, Some(HOLD)), compromise(&[7, 0x7f, 0x80])], &[]);
    // Removed is not revoked; an old list of it clears nobody.
    judged(&chain, &[of(1, first, Some(REMOVED))], &[]);
    judged(&chain, &[old(Some(REMOVED))], UNKNOWN);
    judged(&chain, &[of(1, first, Some(HOLD)), old(Some(REMOVED))], REVOKED);
    // Of two entries in one list the worse one counts.
    for reasons in [[REMOVED, HOLD], [HOLD, REMOVED], [1, REMOVED], [REMOVED, 1]] {
        let mut both = list(&chain.middle, 1, first, Some(reasons[0]));
        both.revoked.extend(list(&chain.middle, 1, first, Some(reasons[1])).revoked);
        judged(&chain, &[both.sign(&chain.middle)], REVOKED);
    }
}

#[test]
fn deltas_bring_their_base_up_to_date() {
    let chain = Chain::new();
    let (first, second) = ("260601000000Z", "260602000000Z");
    let base = |number, to, reason| {
        let mut list = list(&chain.middle, number, first, reason);
        list.to = Some(to);
        list.sign(&chain.middle)
    };
    let (old, current) = ("260701000000Z", "260801000000Z");
    let delta = |number, from: u8, reason| {
        list(&chain.middle, number, second, reason).with(DELTA, true, &[2, 1, from])
    };
    let signed = |list: List| list.sign(&chain.middle);
    // Alone it clears nobody, and revokes.
    judged(&chain, &[signed(delta(9, 5, None))], UNKNOWN);
    judged(&chain, &[signed(delta(9, 5, Some(1)))], REVOKED);
    judged(&chain, &[signed(delta(9, 5, Some(HOLD)))], REVOKED);
    judged(&chain, &[signed(delta(9, 5, Some(REMOVED)))], UNKNOWN);
    // It revokes what its base does not, whether it fits or not.
    judged(&chain, &[base(5, current, None), signed(delta(9, 5, Some(1)))], REVOKED);
    judged(&chain, &[base(3, current, None), signed(delta(9, 5, Some(HOLD)))], REVOKED);
    // A base whose time is over holds as long as a delta to it.
    judged(&chain, &[base(5, old, None)], UNKNOWN);
    judged(&chain, &[base(5, old, None), signed(delta(9, 5, None))], &[]);
    judged(&chain, &[base(7, old, None), signed(delta(9, 5, None))], &[]);
    judged(&chain, &[base(4, old, None), signed(delta(9, 5, None))], UNKNOWN);
    judged(&chain, &[base(9, old, None), signed(delta(9, 5, None))], UNKNOWN);
    let mut late = delta(9, 5, None);
    late.to = Some(old);
    judged(&chain, &[base(5, old, None), signed(late)], UNKNOWN);
    judged(
        &chain,
        &[base(5, old, None), signed(delta(9, 5, None).with(oid::UNKNOWN, true, &[5, 0]))],
        UNKNOWN,
    );
    // Of another scope.
    let users = tlv(tag::SEQUENCE, &[&[0x81, 1, 0xff]]);
    judged(&chain, &[base(5, old, None), signed(delta(9, 5, None).with(POINT, true, &users))], UNKNOWN);
    // It ends a hold of its base, and no other revocation.
    judged(&chain, &[base(5, current, Some(HOLD)), signed(delta(9, 5, None))], REVOKED);
    judged(&chain, &[base(5, current, Some(HOLD)), signed(delta(9, 5, Some(REMOVED)))], &[]);
    judged(&chain, &[base(5, old, Some(HOLD)), signed(delta(9, 5, Some(REMOVED)))], &[]);
    judged(&chain, &[base(4, current, Some(HOLD)), signed(delta(9, 5, Some(REMOVED)))], REVOKED);
    judged(&chain, &[base(5, current, Some(1)), signed(delta(9, 5, Some(REMOVED)))], REVOKED);
    // A base without a number cannot be told to be the one.
    let mut bare = List::of(&chain.middle, &[]);
    bare.to = Some(old);
    let bare = bare.with(NUMBER, true, &[2, 1, 5]).sign(&chain.middle);
    judged(&chain, &[bare, signed(delta(9, 5, None))], UNKNOWN);
}

#[test]
fn a_delta_of_another_key_is_to_another_list() {
    // Two keys of one name on the path; each signs lists.
    let (old, new, leaf) = (Party::new("Root"), Party::new("Root"), Party::new("Leaf"));
    let mut roots = Roots::new();
    roots.add(Fields::authority(&old, &old).sign(&old)).unwrap();
    let sent =
        [Fields::server(&leaf, &new, &["example.com"]).sign(&new), Fields::authority(&new, &old).sign(&old)];
    let verify = |by: &Party| {
        let mut base = list(&new, 5, "260601000000Z", None);
        base.to = Some("260701000000Z");
        let delta = list(&new, 9, "260602000000Z", None).with(DELTA, true, &[2, 1, 5]);
        let lists = [base.sign(&new), delta.sign(by)];
        let verifier = Verifier::web_pki(roots.clone()).with_revocation(Revocation::hard(lists).leaf_only());
        verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW)).is_ok()
    };
    assert!(verify(&new) && !verify(&old));
}

/// A distribution point's name: one URI, or a name relative to the issuer.
fn full(uri: &str) -> Vec<u8> {
    tlv(0xa0, &[&tlv(0xa0, &[&tlv(0x86, &[uri.as_bytes()])])])
}

fn relative(common_name: &str) -> Vec<u8> {
    let pair =
        tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[b"\x55\x04\x03"]), &tlv(0x0c, &[common_name.as_bytes()])]);
    tlv(0xa0, &[&tlv(0xa1, &[&pair])])
}

/// The whole name that `relative` means under an issuer.
fn completed(issuer: &Party, common_name: &str) -> Vec<u8> {
    let pair =
        tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[b"\x55\x04\x03"]), &tlv(0x13, &[common_name.as_bytes()])]);
    let inside = crate::crypto::der::Der::new(&issuer.name).content(tag::SEQUENCE).unwrap();
    let whole = tlv(tag::SEQUENCE, &[inside, &tlv(tag::SET, &[&pair])]);
    tlv(0xa0, &[&tlv(0xa0, &[&tlv(0xa4, &[&whole])])])
}

fn with_points(points: &[&[&[u8]]]) -> Chain {
    let mut chain = Chain::new();
    let points: Vec<u8> = points.iter().flat_map(|fields| tlv(tag::SEQUENCE, fields)).collect();
    chain.server_fields.put(POINTS, false, tlv(tag::SEQUENCE, &[&points]));
    chain
}

#[test]
fn distribution_points_are_the_same_by_name() {
    let issuer = Party::new("Intermediate");
    let (one, other) = (relative("One"), relative("Other"));
    let whole = completed(&issuer, " ONE");
    let cases: [(&[u8], &[u8], bool); 8] = [
        (&one, &relative("one"), true),
        (&one, &other, false),
        (&one, &whole, true),
        (&whole, &one, true),
        (&whole, &other, false),
        (&full("http://a/1"), &full("http://a/1"), true),
        (&full("http://a/1"), &full("http://a/2"), false),
        (&full("http://a/1"), &one, false),
    ];
    for (in_list, in_certificate, same) in cases {
        let chain = with_points(&[&[&full("http://a/0")], &[in_certificate]]);
        let list = |revoked: &[u8]| {
            let scope = tlv(tag::SEQUENCE, &[in_list]);
            List::of(&chain.middle, revoked).with(POINT, true, &scope).sign(&chain.middle)
        };
        judged(&chain, &[list(&[])], if same { &[] } else { UNKNOWN });
        judged(&chain, &[list(&[1])], if same { REVOKED } else { UNKNOWN });
    }
    // One that names another issuer of lists, or is malformed, does not clear.
    let issuer = tlv(0xa2, &[&tlv(0xa4, &[&Party::new("Other").name])]);
    let chain = with_points(&[&[&one, &issuer]]);
    let scope = tlv(tag::SEQUENCE, &[&one]);
    let list = |revoked| List::of(&chain.middle, revoked).with(POINT, true, &scope).sign(&chain.middle);
    judged(&chain, &[list(&[])], UNKNOWN);
    judged(&chain, &[list(&[1])], REVOKED);
    for bad in [tlv(0xa0, &[&tlv(0xa1, &[])]), tlv(0xa0, &[&tlv(0xa2, &[])])] {
        let scope = tlv(tag::SEQUENCE, &[&bad]);
        assert!(
            Crl::read(&List::of(&chain.middle, &[]).with(POINT, true, &scope).der(&chain.middle)).is_err()
        );
        judged(&with_points(&[&[&bad]]), &[list(&[1])], UNKNOWN);
    }
}

#[test]
fn lists_about_some_reasons_add_up_to_all() {
    let chain = Chain::new();
    let about = |bits: &[u8], revoked: &[u8]| {
        let reasons = tlv(0x83, &[bits]);
        let scope = tlv(tag::SEQUENCE, &[&reasons]);
        List::of(&chain.middle, revoked).with(POINT, true, &scope).sign(&chain.middle)
    };
    // keyCompromise and cACompromise; all others; all others but one; the unused bit.
    let (compromise, others) = (&[5, 0x60][..], &[7, 0x1f, 0x80][..]);
    judged(&chain, &[about(compromise, &[])], UNKNOWN);
    judged(&chain, &[about(others, &[])], UNKNOWN);
    judged(&chain, &[about(compromise, &[]), about(others, &[])], &[]);
    judged(&chain, &[about(compromise, &[]), about(&[7, 0x1e, 0x80], &[])], UNKNOWN);
    judged(&chain, &[about(&[7, 0x80], &[]), about(others, &[])], UNKNOWN);
    judged(&chain, &[about(&[7, 0x7f, 0x80], &[])], &[]);
    judged(&chain, &[about(compromise, &[1]), about(others, &[])], REVOKED);
    judged(&chain, &[about(compromise, &[]), about(others, &[1])], REVOKED);
    let bad = tlv(tag::SEQUENCE, &[&[0x83, 2, 8, 0x60]]);
    assert!(Crl::read(&List::of(&chain.middle, &[]).with(POINT, true, &bad).der(&chain.middle)).is_err());
    // The certificate says at which point which reasons are listed.
    let (one, two) = (full("http://a/1"), full("http://a/2"));
    let split = |first: &[u8], second: &[u8]| {
        with_points(&[&[&one, &tlv(0x81, &[first])], &[&two, &tlv(0x81, &[second])]])
    };
    for (first, second, whole) in [(compromise, others, true), (compromise, compromise, false)] {
        let chain = split(first, second);
        let at = |point: &[u8]| {
            let scope = tlv(tag::SEQUENCE, &[point]);
            List::of(&chain.middle, &[]).with(POINT, true, &scope).sign(&chain.middle)
        };
        judged(&chain, &[at(&one), at(&two)], if whole { &[] } else { UNKNOWN });
        judged(&chain, &[at(&one)], UNKNOWN);
    }
    // So does the list, of its point.
    let chain = with_points(&[&[&one]]);
    let at = |reasons: &[u8]| {
        let scope = tlv(tag::SEQUENCE, &[&one, &tlv(0x83, &[reasons])]);
        List::of(&chain.middle, &[]).with(POINT, true, &scope).sign(&chain.middle)
    };
    judged(&chain, &[at(compromise)], UNKNOWN);
    judged(&chain, &[at(compromise), at(others)], &[]);
}

/// Root -> Authority -> leaf; lists are signed by another key of the authority's
/// name, whose certificate is sent, too.
struct Beside {
    root: Party,
    authority: Party,
    lists: Party,
    fields: Fields,
}

impl Beside {
    fn new() -> Self {
        let (root, authority, lists) = (Party::new("Root"), Party::new("Authority"), Party::new("Authority"));
        let mut fields = Fields::authority(&lists, &root);
        fields.leave_out(oid::BASIC);
        // cRLSign
        fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 0x02]);
        fields.serial = vec![77];
        Self { root, authority, lists, fields }
    }

    fn verify(&self, beside: &[CertificateDer<'static>], lists: Revocation) -> Vec<Rule> {
        let mut roots = Roots::new();
        roots.add(Fields::authority(&self.root, &self.root).sign(&self.root)).unwrap();
        let leaf = Party::new("Leaf");
        let mut sent = vec![
            Fields::server(&leaf, &self.authority, &["example.com"]).sign(&self.authority),
            Fields::authority(&self.authority, &self.root).sign(&self.root),
        ];
        sent.extend_from_slice(beside);
        let verifier = Verifier::web_pki(roots).with_revocation(lists);
        match verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW)) {
            Ok(accepted) => {
                // The words say the same as the verdict.
                assert_eq!(accepted.report.failures().count(), 0, "{:#}", accepted.report);
                vec![]
            }
            Err(refused) => rules(&refused),
        }
    }

    fn list(&self, revoked: &[u8]) -> Crl {
        List::of(&self.lists, revoked).sign(&self.lists)
    }

    fn of_root(&self, revoked: &[u8]) -> Crl {
        List::of(&self.root, revoked).sign(&self.root)
    }
}

#[test]
fn a_namesake_beside_the_path_may_sign_lists_if_the_path_certified_it() {
    let case = Beside::new();
    let good = [case.fields.sign(&case.root)];
    let hard = |revoked: &[u8]| Revocation::hard([case.list(revoked)]).leaf_only();
    assert_eq!(case.verify(&good, hard(&[])), []);
    assert_eq!(case.verify(&good, hard(&[1])), REVOKED);
    assert_eq!(case.verify(&good, Revocation::soft([case.list(&[1])])), REVOKED);
    assert_eq!(case.verify(&[], hard(&[])), UNKNOWN);
    // The authority itself may certify it.
    let mut own = case.fields.clone();
    own.issuer = case.authority.name.clone();
    assert_eq!(case.verify(&[own.sign(&case.authority)], hard(&[])), []);
    // Not somebody off the path, nor one that was not made for lists.
    let stranger = Party::new("Root");
    type Change = fn(&mut Fields);
    let changes: [(bool, Change); 7] = [
        (true, |_| ()),
        (false, |fields| fields.leave_out(oid::KEY_USAGE)),
        (false, |fields| fields.put(oid::KEY_USAGE, true, vec![3, 2, 2, 0x04])),
        (false, |fields| fields.valid("260101000000Z", "260601000000Z")),
        (false, |fields| fields.put(oid::UNKNOWN, true, vec![5, 0])),
        (false, |fields| fields.subject = super::super::maker::common_name("Other")),
        (true, |fields| fields.put(oid::UNKNOWN, false, vec![5, 0])),
    ];
    for (place, (passes, change)) in changes.iter().enumerate() {
        let mut fields = case.fields.clone();
        change(&mut fields);
        let expected = if *passes { &[] } else { UNKNOWN };
        assert_eq!(case.verify(&[fields.sign(&case.root)], hard(&[])), expected, "case {place}");
        assert_eq!(case.verify(&[fields.sign(&stranger)], hard(&[])), UNKNOWN, "case {place}");
    }
}

#[test]
fn a_namesake_beside_the_path_is_held_to_the_lists_too() {
    let case = Beside::new();
    let beside = [case.fields.sign(&case.root)];
    let with = |of_root: Option<&[u8]>, hard: bool| {
        let lists = [case.list(&[])].into_iter().chain(of_root.map(|revoked| case.of_root(revoked)));
        case.verify(&beside, if hard { Revocation::hard(lists) } else { Revocation::firm(lists) })
    };
    assert_eq!(with(Some(&[]), true), []);
    // Its own certificate is revoked: its lists prove nothing, and none is left.
    assert_eq!(with(Some(&[77]), true), UNKNOWN);
    assert_eq!(with(Some(&[77]), false), UNKNOWN);
    assert_eq!(with(None, false), []);
    // Nothing is known of it, where something must be: the root's list is about authorities.
    let authorities = tlv(tag::SEQUENCE, &[&[0x82, 1, 0xff]]);
    let of_root = || List::of(&case.root, &[]).with(POINT, true, &authorities).sign(&case.root);
    assert_eq!(case.verify(&beside, Revocation::hard([case.list(&[]), of_root()])), UNKNOWN);
    assert_eq!(case.verify(&beside, Revocation::hard([case.list(&[]), of_root()]).leaf_only()), []);
    let soft = |lists: Vec<Crl>| case.verify(&beside, Revocation::soft(lists));
    assert_eq!(soft(vec![case.list(&[1])]), REVOKED);
    assert_eq!(soft(vec![case.list(&[1]), case.of_root(&[77])]), []);
}

#[test]
fn a_list_that_names_another_key_costs_no_signature_unless_it_names_the_certificate() {
    let chain = Chain::new();
    let names = |list: List, key: &[u8]| {
        let value = tlv(tag::SEQUENCE, &[&tlv(0x80, &[key])]);
        list.with(oid::AUTHORITY_KEY, false, &value)
    };
    let own = chain.middle.key_id();
    // More namesakes' lists than signatures are verified for one chain.
    let namesake = Party::new("Intermediate");
    let others: Vec<Crl> = (0..limits::CHAIN_COST / limits::SIGNATURE_COST + 20)
        .map(|_| names(List::of(&namesake, &[9]), &namesake.key_id()).sign(&namesake))
        .collect();
    let with = |list: Crl| others.iter().cloned().chain([list]).collect::<Vec<_>>();
    let verify = |lists: Vec<Crl>| verdict(&chain, Revocation::hard(lists).leaf_only());
    assert_eq!(verify(with(names(List::of(&chain.middle, &[]), &own).sign(&chain.middle))), []);
    assert_eq!(verify(others.clone()), UNKNOWN);
    let misnamed = |revoked| names(List::of(&chain.middle, revoked), b"another").sign(&chain.middle);
    assert_eq!(verify(vec![misnamed(&[])]), UNKNOWN);
    assert_eq!(verify(with(misnamed(&[1]))), REVOKED);
}

/// What is walked anew for each path is paid for: a certificate full of
/// distribution points, and a long response.
#[test]
fn statements_cost_what_their_octets_cost() {
    let spent = |count: u32| {
        let points: Vec<Vec<u8>> =
            (0..count).map(|n| tlv(tag::SEQUENCE, &[&full(&format!("http://a/{n}"))])).collect();
        let mut chain = Chain::new();
        chain.server_fields.put(POINTS, false, tlv(tag::SEQUENCE, &[&points.concat()]));
        let scope = tlv(tag::SEQUENCE, &[&full("http://a/0")]);
        let list = List::of(&chain.middle, &[]).with(POINT, true, &scope).sign(&chain.middle);
        let revocation = Revocation::hard([list]).leaf_only();
        let inquiry = Inquiry { revocation, ..Inquiry::about(Purpose::Server, Profile::PRIVATE, NOW as i64) };
        let sent = chain.sent();
        let read: Vec<_> = sent.iter().map(|der| Certificate::read(der).unwrap()).collect();
        let path: Vec<_> = read.iter().collect();
        let roots = chain.roots();
        let anchor = roots.anchors().next().unwrap();
        let mut verified = Verified::among(Vec::new);
        let mut judge = |mut budget: Budget| {
            let sink = &mut FirstBroken;
            let verdict = status::revocation(&inquiry, (&path, anchor), 0, &mut verified, &mut budget, sink);
            (verdict, budget.spent())
        };
        let (verdict, spent) = judge(Budget::FULL);
        assert_eq!(verdict, Ok(()));
        // The list is the caller's own: its signature costs nothing. One octet less is too few.
        assert_eq!(judge(Budget::of(spent)), (Ok(()), spent));
        assert_eq!(judge(Budget::of(spent - 1)).0, Err(Stop::Exhausted));
        (spent, sent[0].len())
    };
    let (few, many) = (spent(100), spent(1000));
    assert!(few.0 <= few.1 && many.0 <= many.1, "{few:?} {many:?}");
    assert!(many.0 > 9 * few.0, "{few:?} {many:?}");
}
