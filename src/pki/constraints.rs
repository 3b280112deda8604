//! Constraints on names (RFC 5280 section 4.2.1.10): what an authority may, and
//! may not, issue certificates for.
//!
//! A base and a name are each written once as a key, so that a name lies within
//! a base exactly if its key begins with the base's. Keys of bases are sorted,
//! and those within others left out: then the last one that is not above a
//! name's key is the only one that it can begin with. So a list costs what its
//! octets cost, and a name what its own do, however many of them there are.

use super::budget::{Budget, Exhausted};
use super::dn::{self, Name};
use super::name::{GeneralName, GeneralNames};
use crate::crypto::der::{Der, NotDer, tag};
use crate::limits;
use crate::wire::{ends_in_number, is_host};
use std::ops::Range;

/// The nameConstraints extension (RFC 5280 section 4.2.1.10), read whole: what
/// is malformed in it makes the extension malformed, never the list shorter.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameConstraints<'a> {
    permitted: &'a [u8],
    excluded: &'a [u8],
}

/// A name that a constraint forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation<'a> {
    Excluded(GeneralName<'a>),
    NotPermitted(GeneralName<'a>),
    /// The name's form is constrained, and the name cannot be judged: it is
    /// malformed, or of a form for which this crate knows no comparison.
    Unclear(GeneralName<'a>),
    /// There are more bases than are looked at.
    TooMany,
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

    /// Makes them ready to be held against names.
    pub(super) fn open(&self) -> Bases {
        let mut bases = Bases::default();
        let mut count = 0;
        for (bytes, excluded) in [(self.permitted, false), (self.excluded, true)] {
            let list = if excluded { &mut bases.excluded } else { &mut bases.permitted };
            let mut subtrees = Der::new(bytes);
            while let Ok(base) = subtree(&mut subtrees) {
                count += 1;
                if count > limits::CONSTRAINTS {
                    return Bases { too_many: true, ..Bases::default() };
                }
                bases.leading_dot |= matches!(base, GeneralName::Dns(host) if host.starts_with('.'));
                list.add(base, excluded);
            }
            list.sort();
        }
        bases
    }
}

/// The constraints, taken apart.
#[derive(Debug, Default)]
pub(super) struct Bases {
    permitted: List,
    excluded: List,
    too_many: bool,
    /// A dNSName among them begins with a dot, which RFC 5280 does not know.
    pub(super) leading_dot: bool,
}

impl Bases {
    /// What making them ready has cost.
    pub(super) fn cost(&self) -> usize {
        self.permitted.keys.cost() + self.excluded.keys.cost()
    }

    /// Holds a certificate's names against the constraints.
    pub(super) fn check<'n>(
        &self,
        names: &Names<'n>,
        budget: &mut Budget,
    ) -> Result<Result<(), Violation<'n>>, Exhausted> {
        if self.too_many {
            return Ok(Err(Violation::TooMany));
        }
        for name in &names.all {
            let form = name.name.form();
            let (permitted, excluded) = (self.permitted.has(form), self.excluded.has(form));
            budget.spend(PER_NAME)?;
            if !permitted && !excluded {
                continue;
            }
            let unclear = self.permitted.is_unclear(form) || self.excluded.is_unclear(form);
            let Some(key) = names.keys.get(&name.key).filter(|_| !unclear) else {
                return Ok(Err(Violation::Unclear(name.name)));
            };
            // A wildcard is excluded if any name that it stands for is.
            let any = names.keys.get(&name.any);
            budget.spend(self.permitted.cost_of(key) + self.excluded.cost_of(key))?;
            budget.spend(any.map_or(0, |any| self.excluded.cost_of(any)))?;
            if self.excluded.holds(key) || any.is_some_and(|any| self.excluded.holds(any)) {
                return Ok(Err(Violation::Excluded(name.name)));
            }
            if permitted && !self.permitted.holds(key) {
                return Ok(Err(Violation::NotPermitted(name.name)));
            }
        }
        Ok(Ok(()))
    }
}

/// The names of one certificate, its subject among them, written as keys.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    all: Vec<Keyed<'a>>,
    keys: Keys,
}

/// A name, where its key stands, and where that of any name that a wildcard
/// stands for; nowhere, if it has none.
#[derive(Debug)]
struct Keyed<'a> {
    name: GeneralName<'a>,
    key: Range<usize>,
    any: Range<usize>,
}

impl<'a> Names<'a> {
    pub(super) fn of(
        subject: Name<'a>,
        subject_bytes: &'a [u8],
        names: GeneralNames<'a>,
        budget: &mut Budget,
    ) -> Result<Self, Exhausted> {
        let directory = (!subject.is_empty()).then_some(GeneralName::Directory(subject_bytes));
        // Addresses in the subject stand for those that the extension should have.
        let emails = subject.attributes().filter_map(|(oid, value)| {
            if names.has_email || oid != dn::EMAIL_ADDRESS {
                return None;
            }
            Some(GeneralName::Email(std::str::from_utf8(value.content).unwrap_or("")))
        });
        let mut this = Self::default();
        for name in names.iter().chain(directory).chain(emails) {
            let key = this.keys.add(|key| name_key(name, key));
            let any = this.keys.add(|key| any_key(name, key));
            budget.spend(PER_NAME + key.len() + any.len())?;
            this.all.push(Keyed { name, key, any });
        }
        Ok(this)
    }
}

/// What a name costs beside its octets.
const PER_NAME: usize = 16;

/// What a key costs beside its octets: it is sorted.
const PER_KEY: usize = 64;

/// What a comparison costs while one is searched among them.
const PER_STEP: usize = 16;

/// The bases of one list.
#[derive(Debug, Default)]
struct List {
    keys: Keys,
    sorted: Vec<Range<usize>>,
    /// The forms of its bases, a bit each, and those of which one base cannot
    /// be compared with.
    forms: u16,
    unclear: u16,
}

impl List {
    fn add(&mut self, base: GeneralName<'_>, excluded: bool) {
        let form = 1 << base.form();
        self.forms |= form;
        let mut clear = false;
        // A host name alone, and all names below it.
        for end in [END, LABEL] {
            let key = self.keys.add(|key| base_key(base, excluded, end, key));
            if !key.is_empty() {
                self.sorted.push(key);
                clear = true;
            }
        }
        if !clear {
            self.unclear |= form;
        }
        if let (true, GeneralName::Dns(host)) = (excluded, base) {
            // `*.example.com` may be `a.example.com`, which lies within itself.
            let parent = host.strip_prefix('.').unwrap_or(host).split_once('.');
            let key = self.keys.add(|key| {
                let (_, parent) = parent?;
                key.push(ANY);
                labels(parent, END, key);
                Some(())
            });
            if !key.is_empty() {
                self.sorted.push(key);
            }
        }
    }

    fn sort(&mut self) {
        let Self { keys, sorted, .. } = self;
        let at = |range: &Range<usize>| keys.get(range).unwrap_or(&[]);
        sorted.sort_unstable_by(|a, b| at(a).cmp(at(b)));
        let mut last: &[u8] = &[];
        sorted.retain(|range| {
            let key = at(range);
            let within = !last.is_empty() && key.starts_with(last);
            if !within {
                last = key;
            }
            !within
        });
    }

    fn has(&self, form: u8) -> bool {
        self.forms >> form & 1 == 1
    }

    fn is_unclear(&self, form: u8) -> bool {
        self.unclear >> form & 1 == 1
    }

    /// What it costs to search for a name's base: each step halves what is left.
    fn cost_of(&self, name: &[u8]) -> usize {
        name.len() + PER_STEP * (usize::BITS - self.sorted.len().leading_zeros()) as usize
    }

    /// Whether a name lies within one of the bases.
    fn holds(&self, name: &[u8]) -> bool {
        let at = |range: &Range<usize>| self.keys.get(range).unwrap_or(&[]);
        let above = self.sorted.partition_point(|range| at(range) <= name);
        let last = above.checked_sub(1).and_then(|place| self.sorted.get(place));
        last.is_some_and(|range| name.starts_with(at(range)))
    }
}

/// Keys, one behind the other. None of them is empty.
#[derive(Debug, Default)]
struct Keys {
    octets: Vec<u8>,
    count: usize,
}

impl Keys {
    /// What `write` adds; nothing, where it gives up.
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Range<usize> {
        let start = self.octets.len();
        match write(&mut self.octets) {
            Some(()) => self.count += 1,
            None => self.octets.truncate(start),
        }
        start..self.octets.len()
    }

    fn get(&self, range: &Range<usize>) -> Option<&[u8]> {
        self.octets.get(range.clone()).filter(|key| !key.is_empty())
    }

    fn cost(&self) -> usize {
        self.octets.len() + PER_KEY * self.count
    }
}

// A key is the form's number, then what is constrained, the greatest part first.
// A host's labels each follow LABEL, and END follows the last: `example.com` is
// the beginning of its own key with END, and of those below it with LABEL.
const END: u8 = 1;
const LABEL: u8 = 2;
/// In place of a form: the hosts that are named with one label more.
const ANY: u8 = 0x80;

fn labels(host: &str, end: u8, key: &mut Vec<u8>) {
    for label in host.rsplit('.') {
        key.push(LABEL);
        key.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
    }
    key.push(end);
}

/// The key of a name; `None` where the name cannot be judged.
fn name_key(name: GeneralName<'_>, key: &mut Vec<u8>) -> Option<()> {
    key.push(name.form());
    match name {
        GeneralName::Dns(name) => {
            // All that a wildcard stands for lies below its parent.
            let parent = name.strip_prefix("*.");
            let host = parent.unwrap_or(name);
            is_host(host).then(|| labels(host, if parent.is_some() { LABEL } else { END }, key))
        }
        GeneralName::Email(address) => {
            let (local, host) = mailbox(address)?;
            labels(host, END, key);
            key.extend(local.bytes());
            key.push(END);
            Some(())
        }
        GeneralName::Uri(uri) => {
            labels(uri_host(uri)?, END, key);
            Some(())
        }
        GeneralName::Ip(octets) => {
            bits(octets, 8 * octets.len(), key);
            Some(())
        }
        GeneralName::Directory(name) => {
            key.extend(Name::read(name).ok()?.folded());
            Some(())
        }
        GeneralName::Other(..) => None,
    }
}

/// The key of the hosts that a wildcard stands for.
fn any_key(name: GeneralName<'_>, key: &mut Vec<u8>) -> Option<()> {
    let GeneralName::Dns(name) = name else { return None };
    let parent = name.strip_prefix("*.").filter(|parent| is_host(parent))?;
    key.push(ANY);
    labels(parent, END, key);
    Some(())
}

/// The key of what a base means: of its host alone where a host's key ends with
/// END, of the names below it with LABEL; `None` where it does not mean that.
fn base_key(base: GeneralName<'_>, excluded: bool, end: u8, key: &mut Vec<u8>) -> Option<()> {
    let alone = end == END;
    if matches!(base, GeneralName::Directory(_))
        || matches!(base, GeneralName::Email(address) if address.contains('@'))
    {
        // A whole name is the beginning of those that lie within it.
        return if alone { name_key(base, key) } else { None };
    }
    key.push(base.form());
    let (host, is_domain) = match base {
        GeneralName::Dns("") => return alone.then_some(()),
        GeneralName::Ip(both) => {
            let (network, mask) = both.split_at(both.len() / 2);
            let ones: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
            bits(network, ones as usize, key);
            return alone.then_some(());
        }
        GeneralName::Dns(host) | GeneralName::Email(host) | GeneralName::Uri(host) => {
            (host.strip_prefix('.').unwrap_or(host), host.starts_with('.'))
        }
        GeneralName::Directory(_) | GeneralName::Other(..) => return None,
    };
    let meant = match base {
        // Itself and what is below; with a leading dot what is below, and if it
        // is excluded, itself too.
        GeneralName::Dns(_) => !alone || !is_domain || excluded,
        // A host, or with a leading dot what is below.
        GeneralName::Uri(_) if !is_host(host) || ends_in_number(host) => false,
        _ => alone != is_domain,
    };
    meant.then(|| labels(host, end, key))
}

/// An address as its bits, an octet each, behind the number of its octets.
fn bits(octets: &[u8], count: usize, key: &mut Vec<u8>) {
    key.push(octets.len() as u8);
    key.extend(octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1)).take(count));
}
/// GeneralSubtree: a base. `minimum` is 0, which DER does not write, and
/// `maximum` is absent in this profile.
fn subtree<'a>(subtrees: &mut Der<'a>) -> Result<GeneralName<'a>, NotDer> {
    let mut inside = subtrees.inside(tag::SEQUENCE)?;
    let base = GeneralName::read(inside.any()?, [8, 32])?;
    inside.finish()?;
    let well_formed = match base {
        // No `*.`: a base means itself and all below it. Whether a leading dot may
        // stand there, the profile says.
        GeneralName::Dns(host) => host.is_empty() || is_host(host.strip_prefix('.').unwrap_or(host)),
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

/// Local part and host of an email address. Quoted local parts are not read.
fn mailbox(address: &str) -> Option<(&str, &str)> {
    if address.len() > limits::EMAIL_ADDRESS {
        return None;
    }
    let (local, host) = address.split_once('@')?;
    let plain = |c: u8| c.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&c);
    let is_local = (1..=limits::EMAIL_LOCAL_PART).contains(&local.len()) && local.bytes().all(plain);
    (is_local && is_host(host)).then_some((local, host))
}

/// The host of a URI that has one, and by name (RFC 3986 section 3.2).
fn uri_host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.');
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(plain) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, host_and_port) = authority.split_once('@').unwrap_or(("", authority));
    let of_user = |c: u8| c.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:".contains(&c);
    let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, ""));
    let is_port = port.len() <= 5 && port.bytes().all(|c| c.is_ascii_digit());
    (user.bytes().all(of_user) && is_port && is_host(host) && !ends_in_number(host)).then_some(host)
}

#[cfg(test)]
mod tests;
