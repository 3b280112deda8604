//! The policies of a path (RFC 5280 section 6.1.2 to 6.1.5).

use super::super::budget::Budget;
use super::super::certificate::Certificate;
use super::super::extensions::PolicyLimits;
use super::super::inquiry::Stop;
use super::super::maker::{Fields, NOW, Party, oid};
use super::super::policies::common;
use super::super::{CertificateDer, Policies, PolicyId, Profile, Purpose, Rule, Verifier};
use super::{Chain, at, name};
use crate::crypto::der::{tag, tlv};
use std::collections::BTreeSet;

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

#[test]
fn a_caller_asks_for_policies() {
    let id = |text: &str| text.parse::<PolicyId>().unwrap();
    // A and B of above.
    let (a, b) = (|| id("1.2.1"), || id("1.2.2"));
    let one_of = |policies: Policies, change: &dyn Fn(&mut Chain)| {
        let mut chain = Chain::new();
        change(&mut chain);
        let verifier = Verifier::web_pki(chain.roots()).with_policies(policies);
        match verifier.verify(&chain.sent(), Some(&name("example.com")), Purpose::Server, at(NOW)) {
            Ok(accepted) => {
                let check = accepted.report.checks().find(|check| check.rule == "PolicyTree").unwrap();
                Ok(check.found.to_owned())
            }
            Err(refused) => Err(super::rules(&refused)),
        }
    };
    let both = |middle: &'static [&'static [u8]], server: &'static [&'static [u8]]| {
        move |chain: &mut Chain| {
            list(&mut chain.middle_fields, middle);
            list(&mut chain.server_fields, server);
        }
    };
    let tree = Err(vec![Rule::PolicyTree]);
    let found = |text: &str| Ok(format!("common to all certificates: {text}"));
    let not_demanded = Ok("no policy is demanded".to_owned());
    // Which one does not matter, or it does.
    assert_eq!(one_of(Policies::default(), &|_| {}), not_demanded);
    assert_eq!(one_of(Policies::one(), &|_| {}), tree);
    assert_eq!(one_of(Policies::one(), &both(&[A], &[A])), found("1.2.1"));
    assert_eq!(one_of(Policies::one(), &both(&[A, B], &[A, B])), found("1.2.1, 1.2.2"));
    assert_eq!(one_of(Policies::one(), &both(&[A], &[B])), tree);
    assert_eq!(one_of(Policies::any_of([a()]), &both(&[A, B], &[A, B])), found("1.2.1"));
    assert_eq!(one_of(Policies::any_of([b(), id("1.2.3")]), &both(&[A, B], &[A, B])), found("1.2.2"));
    assert_eq!(one_of(Policies::any_of([b()]), &both(&[A], &[A])), tree);
    assert_eq!(one_of(Policies::any_of([b()]), &both(&[A, B], &[A])), tree);
    assert_eq!(one_of(Policies::any_of([]), &both(&[ANY], &[A])), tree);
    assert_eq!(one_of(Policies::any_of([]), &both(&[ANY], &[ANY])), tree);
    // Only where a certificate demands it.
    let demanding = |chain: &mut Chain| {
        both(&[A], &[A])(chain);
        constrain(&mut chain.middle_fields, 0, 0);
    };
    assert_eq!(one_of(Policies::any_of([b()]).where_demanded(), &both(&[A], &[A])), not_demanded);
    assert_eq!(one_of(Policies::any_of([b()]).where_demanded(), &demanding), tree);
    assert_eq!(one_of(Policies::any_of([a()]).where_demanded(), &demanding), found("1.2.1"));
    // Any policy stands for one of the caller's, unless it may not.
    assert_eq!(one_of(Policies::any_of([a()]), &both(&[ANY], &[ANY])), found("any policy"));
    assert_eq!(one_of(Policies::any_of([a()]), &both(&[ANY], &[A])), found("1.2.1"));
    assert_eq!(one_of(Policies::any_of([a()]), &both(&[ANY], &[B])), tree);
    assert_eq!(one_of(Policies::any_of([a()]).without_any_policy(), &both(&[ANY], &[A])), tree);
    assert_eq!(one_of(Policies::any_of([a()]).without_any_policy(), &both(&[A], &[A])), found("1.2.1"));
    // What is mapped counts by where it began, unless nothing may be mapped.
    let mapped = |chain: &mut Chain| {
        both(&[A], &[B])(chain);
        map(&mut chain.middle_fields, A, B);
    };
    assert_eq!(one_of(Policies::any_of([a()]), &mapped), found("1.2.2"));
    assert_eq!(one_of(Policies::any_of([b()]), &mapped), tree);
    assert_eq!(one_of(Policies::any_of([a()]).without_mapping(), &mapped), tree);
    let from_any = |chain: &mut Chain| {
        mapped(chain);
        list(&mut chain.middle_fields, &[ANY]);
    };
    assert_eq!(one_of(Policies::any_of([a()]), &from_any), found("1.2.2"));
    assert_eq!(one_of(Policies::any_of([b()]), &from_any), tree);
    // Whoever was accepted without the demand is not resumed under it.
    let chain = Chain::new();
    let verifier = || Verifier::web_pki(chain.roots());
    let demanding = verifier().with_policies(Policies::any_of([a()]));
    assert_ne!(verifier().fingerprint(), demanding.fingerprint());
    assert_eq!(verifier().with_policies(Policies::default()).fingerprint(), verifier().fingerprint());
    let refused = demanding.with_profile(Profile::PRIVATE);
    let refused =
        refused.verify(&chain.sent(), Some(&name("example.com")), Purpose::Server, at(NOW)).unwrap_err();
    assert!(refused.to_string().contains("a policy is demanded, and none that is accepted"), "{refused}");
}

/// What one certificate says of policies, by the index of each in `NAMES`.
#[derive(Clone, Debug, Default)]
struct Said {
    listed: Vec<usize>,
    mapped: Vec<(usize, usize)>,
    explicit: Option<u8>,
    mapping: Option<u8>,
    any: Option<u8>,
    self_issued: bool,
}

const ANY_NAME: usize = 0;
const NAMES: [&[u8]; 5] = [ANY, A, B, b"\x2a\x03", b"\x2a\x04"];

/// RFC 5280 section 6.1.2 to 6.1.5, as it is written there: the tree itself.
/// The certificate that the anchor issued is first. Whether the path is valid.
fn by_tree(path: &[Said], accepted: Option<&[usize]>, [explicit, any, mapping]: [bool; 3]) -> bool {
    #[derive(Clone)]
    struct Node {
        depth: usize,
        parent: usize,
        policy: usize,
        expected: BTreeSet<usize>,
        gone: bool,
    }
    fn prune(tree: &mut [Node], leaves: usize) {
        for depth in (0..leaves).rev() {
            for node in 0..tree.len() {
                let childless =
                    !tree.iter().any(|child| child.depth > 0 && child.parent == node && !child.gone);
                if tree[node].depth == depth && childless {
                    tree[node].gone = true;
                }
            }
        }
    }
    fn at(tree: &[Node], depth: usize) -> Vec<usize> {
        (0..tree.len()).filter(|&node| tree[node].depth == depth && !tree[node].gone).collect()
    }
    let n = path.len();
    let start = |set: bool| if set { 0 } else { n + 1 };
    let (mut explicit, mut any, mut mapping) = (start(explicit), start(any), start(mapping));
    let mut tree =
        vec![Node { depth: 0, parent: 0, policy: ANY_NAME, expected: [ANY_NAME].into(), gone: false }];
    let add = |tree: &mut Vec<Node>, parent: usize, policy: usize, expected: BTreeSet<usize>| {
        let depth = tree[parent].depth + 1;
        tree.push(Node { depth, parent, policy, expected, gone: false });
    };
    for (i, said) in path.iter().enumerate().map(|(i, said)| (i + 1, said)) {
        // 6.1.3 (d)
        if said.listed.is_empty() {
            tree.iter_mut().for_each(|node| node.gone = true);
        } else {
            let parents = at(&tree, i - 1);
            for &policy in said.listed.iter().filter(|&&policy| policy != ANY_NAME) {
                let matching: Vec<_> =
                    parents.iter().copied().filter(|&p| tree[p].expected.contains(&policy)).collect();
                let of_any = parents.iter().copied().filter(|&p| tree[p].policy == ANY_NAME);
                let under = if matching.is_empty() { of_any.collect() } else { matching };
                under.into_iter().for_each(|parent| add(&mut tree, parent, policy, [policy].into()));
            }
            if said.listed.contains(&ANY_NAME) && (any > 0 || (i < n && said.self_issued)) {
                for parent in parents {
                    for policy in tree[parent].expected.clone() {
                        let mut children = tree.iter().filter(|c| c.depth == i && c.parent == parent);
                        if !children.any(|child| child.policy == policy) {
                            add(&mut tree, parent, policy, [policy].into());
                        }
                    }
                }
            }
            prune(&mut tree, i);
        }
        // (f)
        if explicit == 0 && at(&tree, i).is_empty() {
            return false;
        }
        if i == n {
            break;
        }
        // 6.1.4 (b)
        let froms: BTreeSet<usize> = said.mapped.iter().map(|(from, _)| *from).collect();
        for from in froms {
            let to: BTreeSet<usize> =
                said.mapped.iter().filter(|(other, _)| *other == from).map(|(_, to)| *to).collect();
            let leaves = at(&tree, i);
            let own: Vec<_> = leaves.iter().copied().filter(|&leaf| tree[leaf].policy == from).collect();
            if mapping == 0 {
                own.iter().for_each(|&leaf| tree[leaf].gone = true);
                prune(&mut tree, i);
            } else if own.is_empty() {
                if let Some(&leaf) = leaves.iter().find(|&&leaf| tree[leaf].policy == ANY_NAME) {
                    let parent = tree[leaf].parent;
                    add(&mut tree, parent, from, to);
                }
            } else {
                own.into_iter().for_each(|leaf| tree[leaf].expected = to.clone());
            }
        }
        // (h) to (j)
        if !said.self_issued {
            (explicit, mapping, any) =
                (explicit.saturating_sub(1), mapping.saturating_sub(1), any.saturating_sub(1));
        }
        let lower = |now: usize, to: Option<u8>| to.map_or(now, |to| now.min(usize::from(to)));
        (explicit, mapping) = (lower(explicit, said.explicit), lower(mapping, said.mapping));
        any = lower(any, said.any);
    }
    // 6.1.5
    explicit = explicit.saturating_sub(1);
    if path[n - 1].explicit == Some(0) {
        explicit = 0;
    }
    if let Some(accepted) = accepted {
        let set: Vec<_> = (1..tree.len())
            .filter(|&node| !tree[node].gone && tree[tree[node].parent].policy == ANY_NAME)
            .collect();
        let mut doomed: Vec<_> = set
            .iter()
            .copied()
            .filter(|&node| tree[node].policy != ANY_NAME && !accepted.contains(&tree[node].policy))
            .collect();
        while let Some(node) = doomed.pop() {
            tree[node].gone = true;
            doomed.extend((1..tree.len()).filter(|&child| !tree[child].gone && tree[child].parent == node));
        }
        if let Some(&leaf) = at(&tree, n).iter().find(|&&leaf| tree[leaf].policy == ANY_NAME) {
            for &policy in accepted {
                if !set.iter().any(|&node| tree[node].policy == policy) {
                    let parent = tree[leaf].parent;
                    add(&mut tree, parent, policy, [policy].into());
                }
            }
            tree[leaf].gone = true;
        }
        prune(&mut tree, n);
    }
    explicit > 0 || !at(&tree, n).is_empty()
}

#[test]
fn the_marks_say_what_the_tree_says() {
    let (one, other) = (Party::new("One"), Party::new("Other"));
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut verdicts = [0; 2];
    for round in 0..4_000 {
        let length = 1 + random(4) as usize;
        let said: Vec<Said> = (0..length)
            .map(|_| {
                let chosen: BTreeSet<usize> =
                    (0..random(4)).map(|_| random(NAMES.len() as u64) as usize).collect();
                let name = |random: &mut dyn FnMut(u64) -> u64| 1 + random(4) as usize;
                let pairs = random(5).saturating_sub(1);
                let mapped: BTreeSet<_> =
                    (0..pairs).map(|_| (name(&mut random), name(&mut random))).collect();
                let mut skip = || (random(4) == 0).then(|| random(3) as u8);
                Said {
                    listed: chosen.into_iter().collect(),
                    mapped: mapped.into_iter().collect(),
                    explicit: skip(),
                    mapping: skip(),
                    any: skip(),
                    self_issued: random(5) == 0,
                }
            })
            .collect();
        let accepted: Option<Vec<usize>> =
            (random(3) > 0).then(|| (1..NAMES.len()).filter(|_| random(3) == 0).collect());
        let inputs = [random(2) == 0, random(6) == 0, random(6) == 0];
        let ders: Vec<CertificateDer<'_>> = said
            .iter()
            .map(|said| {
                let mut fields = Fields::authority(&one, if said.self_issued { &one } else { &other });
                let names: Vec<&[u8]> = said.listed.iter().map(|&name| NAMES[name]).collect();
                if !names.is_empty() {
                    list(&mut fields, &names);
                }
                let pairs = said.mapped.iter().flat_map(|&(from, to)| {
                    tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[NAMES[from]]), &tlv(tag::OID, &[NAMES[to]])])
                });
                let pairs: Vec<u8> = pairs.collect();
                if !pairs.is_empty() {
                    fields.put(MAPPINGS, true, tlv(tag::SEQUENCE, &[&pairs]));
                }
                let skip = |field: u8, skip: Option<u8>| skip.map_or(vec![], |skip| vec![field, 1, skip]);
                let limits = [skip(0x80, said.explicit), skip(0x81, said.mapping)].concat();
                if !limits.is_empty() {
                    fields.put(oid::POLICY_CONSTRAINTS, true, tlv(tag::SEQUENCE, &[&limits]));
                }
                if let Some(skip) = said.any {
                    fields.put(INHIBIT_ANY, true, vec![2, 1, skip]);
                }
                fields.sign(&one)
            })
            .collect();
        let read: Vec<_> = ders.iter().map(|der| Certificate::read(der).unwrap()).collect();
        let path: Vec<_> = read.iter().rev().collect();
        let id = |&name: &usize| format!("1.2.{name}").parse::<PolicyId>().unwrap();
        let mut asked = match &accepted {
            Some(accepted) => Policies::any_of(accepted.iter().map(id)),
            None => Policies::one(),
        };
        let [explicit, any, mapping] = inputs;
        asked = if explicit { asked } else { asked.where_demanded() };
        asked = if any { asked.without_any_policy() } else { asked };
        asked = if mapping { asked.without_mapping() } else { asked };
        let verdict = common(&path, PolicyLimits::default(), &asked, &mut { Budget::FULL }).unwrap().passed();
        let expected = by_tree(&said, accepted.as_deref(), inputs);
        assert_eq!(verdict, expected, "round {round}: {said:?} {accepted:?} {inputs:?}");
        verdicts[usize::from(verdict)] += 1;
    }
    assert!(verdicts.iter().all(|count| *count > 500), "{verdicts:?}");
}

#[test]
fn many_policies_cost_what_their_octets_cost() {
    // Every policy mapped to every other in each of five certificates: the tree
    // of RFC 5280 would have 40^5 leaves.
    let (root, party) = (Party::new("Root"), Party::new("Party"));
    let spent = |count: u8, length: usize| {
        let names: Vec<[u8; 2]> = (0..count).map(|n| [0x2a, n]).collect();
        let names: Vec<&[u8]> = names.iter().map(|name| &name[..]).collect();
        let pair = |from: &&[u8], to: &&[u8]| {
            tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[*from]), &tlv(tag::OID, &[*to])])
        };
        let pairs: Vec<u8> = names
            .iter()
            .flat_map(|from| names.iter().flat_map(|to| pair(from, to)).collect::<Vec<_>>())
            .collect();
        let mut fields = Fields::authority(&party, &root);
        list(&mut fields, &names);
        fields.put(MAPPINGS, true, tlv(tag::SEQUENCE, &[&pairs]));
        let der = fields.sign(&root);
        let read = Certificate::read(&der).unwrap();
        let path = vec![&read; length];
        let mut budget = Budget::FULL;
        let verdict = common(&path, PolicyLimits::default(), &Policies::one(), &mut budget);
        assert!(verdict.is_ok_and(|common| common.passed()));
        (budget.spent(), der.len() * length)
    };
    for (count, length) in [(10, 2), (20, 3), (40, 5)] {
        let (spent, octets) = spent(count, length);
        assert!(spent <= 2 * octets, "{count} policies, {length} certificates: {spent} of {octets}");
    }
    // A budget that is spent ends it.
    let mut fields = Fields::authority(&party, &root);
    list(&mut fields, &[A]);
    let der = fields.sign(&root);
    let read = Certificate::read(&der).unwrap();
    let mut budget = Budget::of(10);
    let verdict = common(&[&read, &read], PolicyLimits::default(), &Policies::one(), &mut budget);
    assert!(matches!(verdict, Err(Stop::Exhausted)));
}
