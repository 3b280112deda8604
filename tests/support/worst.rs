//! Certificate messages that cost a verifier as much as their size lets them,
//! each of any size: what the tests count, the bench times, and the search for
//! slow chains begins with.

use handfast::pki::{CertificateDer, Crl, Revocation, Roots, Verifier};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

pub(crate) const NAME: &str = "server.example";

/// 2026-07-02, within the validity of all certificates here.
pub(crate) const NOW: u64 = 1_782_993_600;

/// A chain, and what is to be said of it.
pub(crate) struct Case {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// What the peer staples, if anything.
    pub(crate) staple: Vec<u8>,
    root: CertificateDer<'static>,
    /// The leaf's key, in PKCS #8.
    pub(crate) key: Vec<u8>,
    pub(crate) accepted: bool,
}

impl Case {
    pub(crate) fn verifier(&self) -> Verifier {
        let mut roots = Roots::new();
        roots.add(self.root.clone()).unwrap();
        // Each is judged as if it were met for the first time, by somebody who has a list.
        let revocation = Revocation::soft([list_of_others()]);
        Verifier::web_pki(roots).remember_signatures(false).with_revocation(revocation)
    }

    pub(crate) fn octets(&self) -> usize {
        self.chain.iter().map(|der| der.len() + 3).sum::<usize>() + self.staple.len()
    }
}

/// What a case is, whether ten certificates do, and how it is made of so many octets.
pub(crate) type Maker = (&'static str, bool, fn(usize) -> Case);

#[rustfmt::skip]
pub(crate) const ALL: &[Maker] = &[
    ("common names and addresses", true, common_names),
    ("a long email address below short bases, sixteen paths", true, long_email),
    ("email addresses and mailboxes", true, |size| names_below(size, 1, 1, &mailbox)),
    ("hosts of many labels below such", true, |size| names_below(size, 1, 1, &deep_host)),
    ("short hosts below nine authorities' bases", true, |size| names_below(size, 9, 9, &short_host)),
    ("hosts below nine authorities' one base", true, |size| names_below(size, 9, 1, &short_host)),
    ("addresses below nine authorities' one base", true, |size| names_below(size, 9, 1, &address)),
    ("directory names below such", true, |size| names_below(size, 1, 1, &directory)),
    ("URIs below such", true, |size| names_below(size, 1, 1, &uri)),
    ("wildcards over suffixes", true, |size| names_below(size, 1, 0, &wildcard)),
    ("wildcards below constraints on sixteen paths", true, wildcards_on_paths),
    ("namesakes", false, |size| namesakes(size, size / 500)),
    ("nine large namesakes", true, |size| namesakes(size, 9)),
    ("layers of cross-signed authorities", false, |size| layers(size, 4)),
    ("three layers of cross-signed authorities", true, |size| layers(size.min(3_200), 3)),
    ("RSA-8192 with a large exponent", true, |size| rsa_8192((size / 2_450).clamp(1, 9))),
    ("many of RSA-8192", false, |size| rsa_8192(size / 2_450)),
    ("many attributes in one SET", true, one_set),
    ("extensions", true, extensions),
    ("policies and mappings", true, policies),
    ("self-issued authorities", true, |size| self_issued(size.min(9 * 4_000))),
    ("delegates of a responder", true, |size| delegates(size.min(55_000))),
    ("entries of a response", true, entries),
    ("distribution points relative to a long name", true, relative_points),
];

pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().position(|octet| *octet != 0).unwrap_or(7)..];
    let mut out = vec![tag];
    if content.len() >= 0x80 {
        out.push(0x80 | length.len() as u8);
    }
    out.extend(length);
    out.extend(content);
    out
}

fn list(tag: u8, all: &[Vec<u8>]) -> Vec<u8> {
    tlv(tag, &all.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

pub(crate) fn attribute(oid: &[u8], text: &str) -> Vec<u8> {
    tlv(0x30, &[&tlv(6, &[oid]), &tlv(0x0c, &[text.as_bytes()])])
}

pub(crate) fn name(parts: &[(&[u8], &str)]) -> Vec<u8> {
    let all: Vec<_> = parts.iter().map(|(oid, text)| tlv(0x31, &[&attribute(oid, text)])).collect();
    list(0x30, &all)
}

const COMMON_NAME: &[u8] = b"\x55\x04\x03";
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

/// Somebody with a name and a key.
pub(crate) struct Party {
    pub(crate) name: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    key: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

impl Party {
    pub(crate) fn new(text: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let bits = tlv(3, &[&[0], key.public_key().as_ref()]);
        let spki = tlv(0x30, &[ED25519, &bits]);
        Self { name: name(&[(COMMON_NAME, text)]), spki, key, pkcs8: pkcs8.as_ref().to_vec() }
    }

    /// The same key under another name.
    fn renamed(&self, text: &str) -> Self {
        let key = Ed25519KeyPair::from_pkcs8(&self.pkcs8).unwrap();
        Self { name: name(&[(COMMON_NAME, text)]), spki: self.spki.clone(), key, pkcs8: self.pkcs8.clone() }
    }

    pub(crate) fn signs(
        &self,
        subject: &[u8],
        spki: &[u8],
        extensions: &[Vec<u8>],
    ) -> CertificateDer<'static> {
        self.signs_as(&self.name, subject, spki, extensions)
    }

    /// The same in another's name.
    pub(crate) fn signs_as(
        &self,
        issuer: &[u8],
        subject: &[u8],
        spki: &[u8],
        extensions: &[Vec<u8>],
    ) -> CertificateDer<'static> {
        static SERIAL: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let serial = SERIAL.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dates = tlv(0x30, &[&tlv(0x17, &[b"260101000000Z"]), &tlv(0x17, &[b"270101000000Z"])]);
        let serial = tlv(2, &[&[1], &serial.to_be_bytes()]);
        let extensions = tlv(0xa3, &[&list(0x30, extensions)]);
        let version = [0xa0, 3, 2, 1, 2];
        let tbs = tlv(0x30, &[&version, &serial, ED25519, issuer, &dates, subject, spki, &extensions]);
        let signature = tlv(3, &[&[0], self.key.sign(&tbs).as_ref()]);
        tlv(0x30, &[&tbs, ED25519, &signature]).into()
    }

    fn root(&self) -> CertificateDer<'static> {
        self.signs(&self.name, &self.spki, &authority(&self.spki))
    }
}

pub(crate) fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&tlv(6, &[oid]), critical, &tlv(4, &[value])])
}

/// cA, keyCertSign and cRLSign, a key identifier.
pub(crate) fn authority(spki: &[u8]) -> Vec<Vec<u8>> {
    let id = &ring::digest::digest(&ring::digest::SHA256, spki).as_ref()[..20].to_vec();
    vec![
        extension(b"\x55\x1d\x13", true, &[0x30, 3, 1, 1, 0xff]),
        extension(b"\x55\x1d\x0f", true, &[3, 2, 1, 6]),
        extension(b"\x55\x1d\x0e", false, &tlv(4, &[id])),
    ]
}

/// For both purposes, of these names beside [`NAME`].
pub(crate) fn leaf(names: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let own = tlv(0x82, &[NAME.as_bytes()]);
    let purposes: Vec<u8> = [1, 2].iter().flat_map(|n| [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, *n]).collect();
    vec![
        extension(b"\x55\x1d\x0f", true, &[3, 2, 7, 0x80]),
        extension(b"\x55\x1d\x25", false, &tlv(0x30, &[&purposes])),
        extension(b"\x55\x1d\x11", false, &tlv(0x30, &[&own, &names.concat()])),
    ]
}

/// nameConstraints that exclude these subtrees.
pub(crate) fn constraints(excluded: &[Vec<u8>]) -> Vec<u8> {
    extension(b"\x55\x1d\x1e", true, &tlv(0x30, &[&list(0xa1, excluded)]))
}

fn fill(octets: usize, make: impl Fn(usize) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut left = octets;
    let all = (0..).map(make).take_while(|one| {
        let fits = left >= one.len();
        left = left.saturating_sub(one.len());
        fits
    });
    all.collect()
}

/// A leaf that says too much, from nobody that is known.
fn common_names(size: usize) -> Case {
    let (party, size) = (Party::new(NAME), size - 500);
    let addresses = fill(size / 2, |n| tlv(0x87, &[&(n as u32).to_be_bytes()]));
    let names = fill(size / 2, |n| tlv(0x31, &[&attribute(COMMON_NAME, &format!("{n}"))]));
    let party = Party { name: list(0x30, &names), ..party };
    let chain = vec![Party::new("Nobody").signs(&party.name, &party.spki, &leaf(&addresses))];
    Case { chain, staple: vec![], root: Party::new("Root").root(), key: party.pkcs8, accepted: false }
}

/// Four layers of two certificates each, above them one with many bases, below
/// them the address.
fn long_email(size: usize) -> Case {
    let (root, top, server) = (Party::new("Root"), Party::new("Top"), Party::new("Server"));
    let rest = size.saturating_sub(5_000) / 2;
    let address = tlv(0x81, &[format!("{}@a", "a".repeat(rest)).as_bytes()]);
    let bases = fill(rest, |_| tlv(0x30, &[&tlv(0x81, &[b"b"])]));
    let mut extensions = authority(&top.spki);
    extensions.push(constraints(&bases));
    let mut chain = vec![root.signs(&top.name, &top.spki, &extensions)];
    let mut above = top;
    for n in 0..4 {
        let layer = Party::new(&format!("Layer {n}"));
        for _ in 0..2 {
            chain.push(above.signs(&layer.name, &layer.spki, &authority(&layer.spki)));
        }
        above = layer;
    }
    chain.insert(0, above.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&[address])));
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: false }
}

/// The same layers, each with a base; the leaf is of wildcards, and no path ends
/// in a root.
fn wildcards_on_paths(size: usize) -> Case {
    let (root, top, server) = (Party::new("Root"), Party::new("Top"), Party::new("Server"));
    let base = |n: usize| constraints(&[tlv(0x30, &[&tlv(0x82, &[format!("x{n}").as_bytes()])])]);
    let constrained = |party: &Party, n: usize| [authority(&party.spki), vec![base(n)]].concat();
    let mut chain = vec![Party::new("Nowhere").signs(&top.name, &top.spki, &constrained(&top, 9))];
    let mut above = top;
    for n in 0..4 {
        let layer = Party::new(&format!("Layer {n}"));
        for again in 0..2 {
            chain.push(above.signs(&layer.name, &layer.spki, &constrained(&layer, 2 * n + again)));
        }
        above = layer;
    }
    let names = fill(size.saturating_sub(4_000), |n| tlv(0x82, &[format!("*.{n:x}.a").as_bytes()]));
    chain.insert(0, above.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&names)));
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: false }
}

/// How names and bases are written, a base being what is to be excluded.
type Write = dyn Fn(usize, bool) -> Vec<u8>;

/// Names in the leaf, bases in authorities above it: half of the octets each. The
/// names lie within no base that is excluded.
fn names_below(size: usize, authorities: usize, constrained: usize, write: &Write) -> Case {
    let root = Party::new("Root");
    let rest = size.saturating_sub(500 + 300 * authorities) / 2;
    let bases = rest.checked_div(constrained).unwrap_or(0);
    let mut chain = Vec::new();
    let mut above = root.renamed("Root");
    for n in 0..authorities {
        let party = Party::new(&format!("Authority {n}"));
        let mut extensions = authority(&party.spki);
        if constrained > 0 {
            // Few bases, so that names have all the room.
            let octets = if constrained == authorities { bases } else { 40 };
            extensions.push(constraints(&fill(octets, |n| tlv(0x30, &[&write(n, true)]))));
        }
        chain.insert(0, above.signs(&party.name, &party.spki, &extensions));
        above = party;
    }
    let server = Party::new("Server");
    let octets = if constrained == authorities { rest } else { 2 * rest };
    let names = fill(octets, |n| write(n, false));
    chain.insert(0, above.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&names)));
    // The verifier looks at no more bases than its limit, and then at none.
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: true }
}

fn mailbox(n: usize, base: bool) -> Vec<u8> {
    let side = if base { "base" } else { "name" };
    tlv(0x81, &[format!("{side}{n}.{}@{}.example", "a".repeat(40), "b".repeat(60)).as_bytes()])
}

fn deep_host(n: usize, base: bool) -> Vec<u8> {
    let first = if base { format!("base{n}") } else { format!("name{n}") };
    tlv(0x82, &[format!("{first}{}", ".a".repeat(115)).as_bytes()])
}

fn short_host(n: usize, base: bool) -> Vec<u8> {
    tlv(0x82, &[format!("{}{n:x}", if base { "x" } else { "y" }).as_bytes()])
}

fn address(n: usize, base: bool) -> Vec<u8> {
    let octets = (n as u32 | if base { 1 << 31 } else { 0 }).to_be_bytes();
    if base { tlv(0x87, &[&octets, &[0xff; 4]]) } else { tlv(0x87, &[&octets]) }
}

fn directory(n: usize, base: bool) -> Vec<u8> {
    let text = format!("{} {n}", if base { "Base" } else { "Name" });
    let parts: Vec<_> = (0..20).map(|_| (COMMON_NAME, "a")).chain([(COMMON_NAME, &*text)]).collect();
    tlv(0xa4, &[&name(&parts)])
}

fn uri(n: usize, base: bool) -> Vec<u8> {
    let text = if base { format!("x{n}.long-domain.example") } else { format!("https://y{n}.example/") };
    tlv(0x86, &[text.as_bytes()])
}

fn wildcard(n: usize, _: bool) -> Vec<u8> {
    tlv(0x82, &[format!("*.{n:x}.a.b.kawasaki.jp").as_bytes()])
}

/// The leaf's issuer has a name that all others have, too, and none of them made
/// its signature; nor any of theirs.
fn namesakes(size: usize, count: usize) -> Case {
    let (root, server) = (Party::new("Root"), Party::new("Server"));
    let junk = (size / count.max(1)).saturating_sub(330);
    let mut chain = Vec::new();
    for _ in 0..count {
        let party = Party::new("Namesake");
        let mut extensions = authority(&party.spki);
        extensions.push(extension(b"\x2a\x03", false, &tlv(4, &[&vec![7; junk]])));
        // By a key that is nobody's.
        chain.push(Party::new("Namesake").signs(&party.name, &party.spki, &extensions));
    }
    let nobody = Party::new("Namesake");
    chain.insert(0, nobody.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&[])));
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: false }
}

/// Layers of so many certificates each of the same authority: a power of paths,
/// none of which ends in a root.
fn layers(size: usize, width: usize) -> Case {
    let (root, server) = (Party::new("Root"), Party::new("Server"));
    let nowhere = Party::new("Nowhere");
    let mut above = nowhere.renamed("Nowhere");
    let mut chain = Vec::new();
    for n in 0..(size / (330 * width)).clamp(1, 17) {
        let layer = Party::new(&format!("Layer {n}"));
        for _ in 0..width {
            chain.push(above.signs(&layer.name, &layer.spki, &authority(&layer.spki)));
        }
        above = layer;
    }
    chain.insert(0, above.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&[])));
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: false }
}

/// Namesakes with keys whose verification is as slow as may be, and signatures
/// that must be raised to the power of the exponent to be found wrong.
fn rsa_8192(count: usize) -> Case {
    const KEY_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    const PKCS1_SHA256: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
    let (root, server) = (Party::new("Root"), Party::new("Server"));
    let sign = |subject: &[u8], spki: &[u8], extensions: &[Vec<u8>]| {
        let signed = Party::new("Slow").signs(subject, spki, extensions);
        // Another algorithm and signature in place of those of Ed25519.
        let swap = |der: &[u8]| {
            let at = der.windows(ED25519.len()).position(|some| some == ED25519).unwrap();
            [&der[..at], PKCS1_SHA256, &der[at + ED25519.len()..]].concat()
        };
        let end = signed.len() - (ED25519.len() + 3 + 64);
        let tbs = &signed[4..end];
        let header = if tbs[1] == 0x82 { 4 } else { 3 };
        let tbs = tlv(0x30, &[&swap(&tbs[header..])]);
        let signature = tlv(3, &[&[0], &[0x55; 1024]]);
        CertificateDer::from(tlv(0x30, &[&tbs, PKCS1_SHA256, &signature]))
    };
    let slow = |n: usize| {
        let modulus = [&[0][..], &[0xff; 1020], &(n as u32 | 1).to_be_bytes()].concat();
        let key = tlv(0x30, &[&tlv(2, &[&modulus]), &tlv(2, &[&[1, 0xff, 0xff, 0xff, 0xff]])]);
        tlv(0x30, &[KEY_RSA, &tlv(3, &[&[0], &key])])
    };
    let namesake = name(&[(COMMON_NAME, "Slow")]);
    let mut chain: Vec<_> = (0..count)
        .map(|n| {
            let spki = slow(2 * n);
            sign(&namesake, &spki, &authority(&spki))
        })
        .collect();
    chain.insert(0, sign(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&[])));
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: false }
}

/// Subject and issuer are one SET of attributes in the worst order.
fn one_set(size: usize) -> Case {
    let party = Party::new(NAME);
    let all = fill(size / 2 - 300, |n| attribute(COMMON_NAME, &format!("{:05}", 99_999 - n)));
    let party = Party { name: tlv(0x30, &[&list(0x31, &all)]), ..party };
    let chain = vec![party.signs(&party.name, &party.spki, &leaf(&[]))];
    Case { chain, staple: vec![], root: Party::new("Root").root(), key: party.pkcs8, accepted: false }
}

fn extensions(size: usize) -> Case {
    let party = Party::new(NAME);
    let all = fill(size - 500, |n| {
        let oid: Vec<u8> =
            [0x2a].into_iter().chain((n as u32).to_be_bytes().map(|octet| octet & 0x7f)).collect();
        extension(&oid, false, b"")
    });
    let chain = vec![party.signs(&party.name, &party.spki, &[leaf(&[]), all].concat())];
    Case { chain, staple: vec![], root: Party::new("Root").root(), key: party.pkcs8, accepted: false }
}

/// Every authority has policies that it maps to others, and one is demanded.
fn policies(size: usize) -> Case {
    let root = Party::new("Root");
    let each = size / 10;
    let oid = |level: usize, n: usize| {
        let (high, low) = ((n >> 7) as u8 & 0x7f | 0x80, n as u8 & 0x7f);
        tlv(6, &[&[0x2a, level as u8, high | 1, low]])
    };
    let mut chain = Vec::new();
    let mut above = root.renamed("Root");
    for level in 0..9 {
        let party = Party::new(&format!("Authority {level}"));
        let listed = fill(each * 2 / 5, |n| tlv(0x30, &[&oid(level, n)]));
        let mapped = fill(each * 3 / 5 - 300, |n| tlv(0x30, &[&oid(level, n), &oid(level + 1, n)]));
        let mut extensions = authority(&party.spki);
        let any = tlv(0x30, &[&tlv(6, &[b"\x55\x1d\x20\x00"])]);
        extensions.push(extension(b"\x55\x1d\x20", false, &tlv(0x30, &[&any, &distinct(&listed)])));
        extensions.push(extension(b"\x55\x1d\x21", true, &list(0x30, &mapped)));
        extensions.push(extension(b"\x55\x1d\x24", true, &[0x30, 3, 0x80, 1, 0]));
        chain.insert(0, above.signs(&party.name, &party.spki, &extensions));
        above = party;
    }
    let server = Party::new("Server");
    chain.insert(0, above.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&[])));
    // The leaf has none.
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: false }
}

/// Each once, one behind the other.
fn distinct(all: &[Vec<u8>]) -> Vec<u8> {
    let each: std::collections::BTreeSet<_> = all.iter().collect();
    each.into_iter().flatten().copied().collect()
}

/// Authorities of one name, each with another key, each signed by the last.
fn self_issued(size: usize) -> Case {
    let root = Party::new("Root");
    let mut chain = Vec::new();
    let mut above = root.renamed("Root");
    for _ in 0..9 {
        let party = Party::new("Root");
        let mut extensions = authority(&party.spki);
        extensions.push(constraints(&fill(size / 9 - 400, |n| tlv(0x30, &[&short_host(n, true)]))));
        chain.insert(0, above.signs(&party.name, &party.spki, &extensions));
        above = party;
    }
    let server = Party::new("Server");
    chain.insert(0, above.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&[])));
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: true }
}

/// A response whose responder has a long name, and brings many certificates.
fn delegates(size: usize) -> Case {
    let root = Party::new("Root");
    let server = Party::new("Server");
    let chain = vec![root.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(&[]))];
    let long = long_name(size / 5);
    let count = (size / 800).min(64);
    let each = name(&[(COMMON_NAME, &"a".repeat((size / 2 / count).saturating_sub(300).max(1)))]);
    let signing =
        extension(b"\x55\x1d\x25", false, &tlv(0x30, &[&tlv(6, &[b"\x2b\x06\x01\x05\x05\x07\x03\x09"])]));
    let all: Vec<_> = (0..count)
        .map(|n| {
            let party = Party::new("Delegate");
            let subject = if n == 0 { &long } else { &each };
            root.signs(subject, &party.spki, std::slice::from_ref(&signing)).to_vec()
        })
        .collect();
    let time = tlv(0x18, &[b"20260701000000Z"]);
    let data = tlv(0x30, &[&tlv(0xa1, &[&long]), &time, &tlv(0x30, &[])]);
    let signature = tlv(3, &[&[0], &[7; 64]]);
    let certificates = tlv(0xa0, &[&list(0x30, &all)]);
    let basic = tlv(4, &[&tlv(0x30, &[&data, ED25519, &signature, &certificates])]);
    let kind = tlv(6, &[b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01"]);
    let staple = tlv(0x30, &[&[0x0a, 1, 0], &tlv(0xa0, &[&tlv(0x30, &[&kind, &basic])])]);
    Case { chain, staple, root: root.root(), key: server.pkcs8, accepted: true }
}

/// A name of so many octets.
fn long_name(octets: usize) -> Vec<u8> {
    list(0x30, &fill(octets, |n| tlv(0x31, &[&attribute(COMMON_NAME, &format!("{n}"))])))
}

/// A list of somebody whom no chain here has.
fn list_of_others() -> Crl {
    let issuer = name(&[(COMMON_NAME, "Others")]);
    let time = |text: &[u8]| tlv(0x17, &[text]);
    let number = extension(b"\x55\x1d\x14", false, &[2, 1, 1]);
    let extensions = tlv(0xa0, &[&tlv(0x30, &[&number])]);
    let (from, to) = (time(b"260701000000Z"), time(b"260801000000Z"));
    let tbs = tlv(0x30, &[&[2, 1, 1], ED25519, &issuer, &from, &to, &extensions]);
    Crl::read(&tlv(0x30, &[&tbs, ED25519, &tlv(3, &[&[0], &[7; 64]])])).unwrap()
}

/// A leaf below an authority with a long name.
fn below_long_name(octets: usize, more: &[Vec<u8>]) -> (Case, Party) {
    let (root, server) = (Party::new("Root"), Party::new("Server"));
    let middle = Party { name: long_name(octets), ..Party::new("Middle") };
    let leaf =
        middle.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &[leaf(&[]), more.to_vec()].concat());
    let authority = root.signs(&middle.name, &middle.spki, &authority(&middle.spki));
    let (chain, root) = (vec![leaf, authority], root.root());
    (Case { chain, staple: vec![], root, key: server.pkcs8, accepted: true }, middle)
}

/// Each of which may be completed by the whole name.
fn relative_points(size: usize) -> Case {
    let point = |n: usize| {
        let relative = tlv(0xa1, &[&attribute(COMMON_NAME, &format!("{n}"))]);
        tlv(0x30, &[&tlv(0xa0, &[&relative])])
    };
    let points = extension(b"\x55\x1d\x1f", false, &list(0x30, &fill(size / 2, point)));
    below_long_name(size / 5, &[points]).0
}

/// A response with entries about the leaf's number, each of another issuer, as the
/// hashes of the issuer's long name tell.
fn entries(size: usize) -> Case {
    let (mut case, middle) = below_long_name(size / 4, &[]);
    let serial = {
        // Version, serial number: where they stand in each certificate here.
        let tbs = case.chain[0].windows(5).position(|five| five == [0xa0, 3, 2, 1, 2]).unwrap();
        case.chain[0][tbs + 5..tbs + 12].to_vec()
    };
    let sha1 = tlv(0x30, &[&tlv(6, &[b"\x2b\x0e\x03\x02\x1a"])]);
    let time = tlv(0x18, &[b"20260701000000Z"]);
    let hash = tlv(4, &[&[7; 20]]);
    let entry = tlv(0x30, &[&tlv(0x30, &[&sha1, &hash, &hash, &serial]), &[0x80, 0], &time]);
    let all = vec![entry; (size / 1_000).min(64)];
    let data = tlv(0x30, &[&tlv(0xa1, &[&middle.name]), &time, &list(0x30, &all)]);
    let signature = tlv(3, &[&[0], middle.key.sign(&data).as_ref()]);
    let basic = tlv(4, &[&tlv(0x30, &[&data, ED25519, &signature])]);
    let kind = tlv(6, &[b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01"]);
    case.staple = tlv(0x30, &[&[0x0a, 1, 0], &tlv(0xa0, &[&tlv(0x30, &[&kind, &basic])])]);
    case
}

/// A leaf below so many authorities, each issued by the next, and the last by the root.
pub(crate) fn straight(authorities: usize) -> Case {
    names_below(0, authorities, 0, &short_host)
}

/// A leaf of these names, that the root issued.
pub(crate) fn one_leaf(names: &[Vec<u8>]) -> Case {
    let (root, server) = (Party::new("Root"), Party::new("Server"));
    let chain = vec![root.signs(&name(&[(COMMON_NAME, NAME)]), &server.spki, &leaf(names))];
    Case { chain, staple: vec![], root: root.root(), key: server.pkcs8, accepted: true }
}
