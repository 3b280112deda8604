//! Constraints on names (RFC 5280 section 4.2.1.10): what an authority may, and
//! may not, issue certificates for.

use super::dn::{self, Name};
use super::name::{GeneralName, GeneralNames};
use crate::crypto::der::{Der, NotDer, tag};
use crate::wire::is_host;

/// The nameConstraints extension (RFC 5280 section 4.2.1.10), read whole: what
/// is malformed in it makes the extension malformed, never the list shorter.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameConstraints<'a> {
    permitted: &'a [u8],
    excluded: &'a [u8],
}

/// The budget of comparisons is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// A name that a constraint forbids.
#[derive(Clone, Copy, Debug)]
pub(super) enum Violation<'a> {
    Excluded(GeneralName<'a>),
    NotPermitted(GeneralName<'a>),
    /// The name's form is constrained, and the name cannot be judged: it is
    /// malformed, or of a form for which this crate knows no comparison.
    Unclear(GeneralName<'a>),
    Exhausted,
}

impl<'a> NameConstraints<'a> {
    /// From the extension's value.
    pub(super) fn read(value: &'a [u8]) -> Result<Self, NotDer> {
        let mut outer = Der::new(value);
        let mut lists = outer.inside(tag::SEQUENCE)?;
        outer.finish()?;
        let permitted = lists.optional(tag::constructed(0))?;
        let excluded = lists.optional(tag::constructed(1))?;
        lists.finish()?;
        if permitted.is_none() && excluded.is_none() {
            return Err(NotDer);
        }
        for list in [permitted, excluded].into_iter().flatten() {
            let mut subtrees = Der::new(list);
            if subtrees.is_empty() {
                return Err(NotDer);
            }
            while !subtrees.is_empty() {
                subtree(&mut subtrees)?;
            }
        }
        Ok(Self { permitted: permitted.unwrap_or(&[]), excluded: excluded.unwrap_or(&[]) })
    }

    /// Makes them ready to be held against names, which `budget` pays for.
    pub(super) fn open(&self, budget: &mut usize) -> Result<Bases<'a>, Exhausted> {
        let permitted = List::read(self.permitted, budget)?;
        let excluded = List::read(self.excluded, budget)?;
        Ok(Bases { permitted, excluded })
    }
}

/// The constraints, taken apart.
pub(super) struct Bases<'a> {
    permitted: List<'a>,
    excluded: List<'a>,
}

impl Bases<'_> {
    /// Holds a certificate's names, and its subject, against the constraints.
    /// Each name and each comparison is paid for from `budget`.
    pub(super) fn check<'n>(
        &self,
        subject: Name<'n>,
        subject_bytes: &'n [u8],
        names: GeneralNames<'n>,
        budget: &mut usize,
    ) -> Result<(), Violation<'n>> {
        let directory = (!subject.is_empty()).then_some(GeneralName::Directory(subject_bytes));
        // Addresses in the subject stand for those that the extension should have.
        let emails = subject.attributes().filter_map(|(oid, value)| {
            if names.has_email || oid != dn::EMAIL_ADDRESS {
                return None;
            }
            Some(GeneralName::Email(std::str::from_utf8(value.content).unwrap_or("")))
        });
        for name in names.iter().chain(directory).chain(emails) {
            // Folded once for the name, not once for each constraint.
            let folded = fold(name);
            spend(budget, 1 + folded.len() / 64)?;
            for base in self.excluded.of(name.form()) {
                spend(budget, 1)?;
                match within(name, &folded, base, Wildcard::Any) {
                    Some(false) => {}
                    Some(true) => return Err(Violation::Excluded(name)),
                    None => return Err(Violation::Unclear(name)),
                }
            }
            let bases = self.permitted.of(name.form());
            let mut allowed = bases.is_empty();
            for base in bases {
                spend(budget, 1)?;
                match within(name, &folded, base, Wildcard::All) {
                    Some(false) => {}
                    Some(true) => {
                        allowed = true;
                        break;
                    }
                    None => return Err(Violation::Unclear(name)),
                }
            }
            if !allowed {
                return Err(Violation::NotPermitted(name));
            }
        }
        Ok(())
    }
}

/// The bases of one list, those of one form together: a name is compared with
/// those of its own form alone.
struct List<'a>(Vec<Base<'a>>);

struct Base<'a> {
    name: GeneralName<'a>,
    folded: Vec<u8>,
}

impl<'a> List<'a> {
    fn read(list: &'a [u8], budget: &mut usize) -> Result<Self, Exhausted> {
        let mut list = Der::new(list);
        let mut bases = Vec::new();
        while let Ok(name) = subtree(&mut list) {
            let folded = fold(name);
            spend(budget, 1 + folded.len() / 64)?;
            bases.push(Base { name, folded });
        }
        bases.sort_by_key(|base| base.name.form());
        Ok(Self(bases))
    }

    fn of(&self, form: u8) -> &[Base<'a>] {
        let start = self.0.partition_point(|base| base.name.form() < form);
        let end = self.0.partition_point(|base| base.name.form() <= form);
        self.0.get(start..end).unwrap_or(&[])
    }
}

/// A directory name's folded form; nothing for the others.
fn fold(name: GeneralName<'_>) -> Vec<u8> {
    match name {
        GeneralName::Directory(bytes) => Name::read(bytes).map_or(vec![], |name| name.folded()),
        _ => Vec::new(),
    }
}

fn spend(budget: &mut usize, cost: usize) -> Result<(), Exhausted> {
    *budget = budget.checked_sub(cost).ok_or(Exhausted)?;
    Ok(())
}

impl From<Exhausted> for Violation<'_> {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

/// GeneralSubtree: a base. `minimum` is 0, which DER does not write, and
/// `maximum` is absent in this profile.
fn subtree<'a>(subtrees: &mut Der<'a>) -> Result<GeneralName<'a>, NotDer> {
    let mut inside = subtrees.inside(tag::SEQUENCE)?;
    let base = GeneralName::read(inside.any()?, [8, 32])?;
    inside.finish()?;
    let well_formed = match base {
        // No `*.` and no leading dot: a base means itself and all below it.
        GeneralName::Dns(host) => host.is_empty() || is_host(host),
        GeneralName::Email(address) => match address.contains('@') {
            true => mailbox(address).is_some(),
            false => is_host(address.strip_prefix('.').unwrap_or(address)),
        },
        GeneralName::Ip(both) => {
            let (_, mask) = both.split_at(both.len() / 2);
            contiguous(mask)
        }
        _ => true,
    };
    if well_formed { Ok(base) } else { Err(NotDer) }
}

/// Ones, then zeros.
fn contiguous(mask: &[u8]) -> bool {
    let ones: u32 = mask.iter().map(|octet| octet.leading_ones()).sum();
    let set: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
    let first_gap = mask.iter().position(|&octet| octet != 0xff).unwrap_or(mask.len());
    ones == set && mask.iter().skip(first_gap + 1).all(|&octet| octet == 0)
}

/// Which of the names that a wildcard stands for must lie within.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wildcard {
    Any,
    All,
}

/// Whether a name lies within a base of the same form; `None` where that
/// cannot be said.
fn within(name: GeneralName<'_>, folded: &[u8], base: &Base<'_>, wildcard: Wildcard) -> Option<bool> {
    match (name, base.name) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            let Some(parent) = name.strip_prefix("*.") else {
                return is_host(name).then(|| below(name, base));
            };
            if !is_host(parent) {
                return None;
            }
            // `*.example.com` may be `a.example.com`, which lies within itself.
            let may_be = || base.split_once('.').is_some_and(|(_, up)| up.eq_ignore_ascii_case(parent));
            Some(below(parent, base) || (wildcard == Wildcard::Any && may_be()))
        }
        (GeneralName::Email(name), GeneralName::Email(base)) => {
            let (local, host) = mailbox(name)?;
            Some(match (mailbox(base), base.strip_prefix('.')) {
                (Some((mailbox, base)), _) => local == mailbox && host.eq_ignore_ascii_case(base),
                (None, Some(domain)) => below(host, domain) && host.len() > domain.len(),
                (None, None) => host.eq_ignore_ascii_case(base),
            })
        }
        (GeneralName::Ip(name), GeneralName::Ip(base)) => {
            let (network, mask) = base.split_at(base.len() / 2);
            let mut octets = name.iter().zip(network).zip(mask);
            Some(name.len() == network.len() && octets.all(|((n, b), m)| n & m == b & m))
        }
        (GeneralName::Directory(_), GeneralName::Directory(_)) => Some(folded.starts_with(&base.folded)),
        // URIs and the others: their presence below is enough.
        _ => None,
    }
}

/// Local part and host of an email address. Quoted local parts are not read.
fn mailbox(address: &str) -> Option<(&str, &str)> {
    let (local, host) = address.split_once('@')?;
    let plain = |c: u8| c.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&c);
    (!local.is_empty() && local.bytes().all(plain) && is_host(host)).then_some((local, host))
}

/// A host is the base, or ends with it on a label's boundary.
fn below(host: &str, base: &str) -> bool {
    if base.is_empty() {
        return true;
    }
    let Some(cut) = host.len().checked_sub(base.len()) else {
        return false;
    };
    let Some((before, end)) = host.split_at_checked(cut) else {
        return false;
    };
    end.eq_ignore_ascii_case(base) && (before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::der::tlv;

    /// Whether a certificate with this subject and these names passes.
    fn held(constraints: &[u8], subject: &[u8], names: GeneralNames<'_>, mut budget: usize) -> bool {
        let constraints = NameConstraints::read(constraints).unwrap();
        let name = Name::read(subject).unwrap();
        let bases = constraints.open(&mut budget).unwrap();
        bases.check(name, subject, names, &mut budget).is_ok()
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
        held(&der, &subject, GeneralNames::read(&names).unwrap(), 100)
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
        assert!(!passes(0x86, "-example.com", 0x86, b"https://a"), "no comparison of URIs");
        assert!(!passes(0x86, "+example.com", 0x86, b"https://a"));
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
    }

    #[test]
    fn email_addresses_of_the_subject_are_constrained_too() {
        let der = constraints(&[], &[tlv(0x81, &[b"example.com"])]);
        let subject = |address: &[u8]| {
            let pair = tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[dn::EMAIL_ADDRESS]), &tlv(0x16, &[address])]);
            tlv(tag::SEQUENCE, &[&tlv(tag::SET, &[&pair])])
        };
        let check = |subject: &[u8], names| held(&der, subject, names, 100);
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
            held(&der, &subject, GeneralNames::read(&names).unwrap(), 100)
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
            tlv(0x82, &[b".example.com"]),
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
    fn comparisons_are_paid_for() {
        let bases = vec![tlv(0x82, &[b"example.com"]); 50];
        let der = constraints(&[], &bases);
        let names = tlv(tag::SEQUENCE, &[&tlv(0x82, &[b"a.example.org"])[..]; 10]);
        let subject = [0x30, 0];
        // 50 to open the list; for each of ten names, itself and 50 comparisons.
        let names = GeneralNames::read(&names).unwrap();
        assert!(held(&der, &subject, names, 50 + 10 * 51));
        assert!(!held(&der, &subject, names, 50 + 10 * 51 - 1));
        let constraints = NameConstraints::read(&der).unwrap();
        assert!(constraints.open(&mut 49).is_err());
    }
}
