//! Broken situations that people meet, each with its own sentence. The
//! sentences are kept in `tests/snapshots/verifier.txt`, which
//! `HANDFAST_SNAPSHOTS=write` writes anew.

use super::super::maker::{Fields, NOW, Party, basic, common_name, dns_constraint, extended, oid};
use super::super::{
    CertificateDer, Crl, Profile, Purpose, Refused, Revocation, Roots, Rule, Verifier, spki_sha256,
};
use super::{Chain, at, name};
use crate::crypto::der::{tag, tlv};
use std::collections::HashSet;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/verifier.txt");

const DAY: u64 = 86_400;

struct Told(Vec<(&'static str, Refused)>);

impl Told {
    /// A chain, changed, and judged for a name at a time.
    fn chain(&mut self, what: &'static str, change: impl FnOnce(&mut Chain)) {
        self.judged(what, "example.com", NOW, change);
    }

    fn judged(&mut self, what: &'static str, server: &str, now: u64, change: impl FnOnce(&mut Chain)) {
        let mut chain = Chain::new();
        change(&mut chain);
        self.sent(what, &Verifier::web_pki(chain.roots()), &chain.sent(), server, now);
    }

    fn sent(
        &mut self,
        what: &'static str,
        by: &Verifier,
        sent: &[CertificateDer<'_>],
        server: &str,
        now: u64,
    ) {
        let verdict = by.verify_stapled(sent, b"", Some(&name(server)), Purpose::Server, at(now));
        self.0.push((what, verdict.map(|_| what).unwrap_err()));
    }
}

#[test]
fn each_situation_has_its_own_sentence() {
    let mut told = Told(vec![]);
    names(&mut told);
    times(&mut told);
    paths(&mut told);
    uses(&mut told);
    forms(&mut told);
    policies(&mut told);
    let page: String =
        told.0.iter().map(|(what, refused)| format!("{what}\n    {}\n\n", masked(refused))).collect();
    if std::env::var("HANDFAST_SNAPSHOTS").as_deref() == Ok("write") {
        std::fs::write(FILE, &page).unwrap();
    }
    let distinct: HashSet<_> = told.0.iter().map(|(_, refused)| masked(refused)).collect();
    assert_eq!(distinct.len(), told.0.len(), "two situations, one sentence");
    assert!(distinct.len() >= 30);
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    for (now, kept) in page.lines().zip(kept.lines()) {
        assert_eq!(now, kept);
    }
    assert_eq!(page.len(), kept.len());
}

/// Keys are new in each run: what they hash to is not kept.
fn masked(refused: &Refused) -> String {
    let said = refused.to_string();
    assert!(said.len() < 1000 && !said.contains('\n'), "{said}");
    let words = said.split(' ').map(|word| {
        let hex = word.trim_end_matches(';');
        let is_hash = hex.len() >= 40 && hex.bytes().all(|c| c.is_ascii_hexdigit());
        if is_hash { word.replace(hex, "HASH") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn alt_names(names: &[(u8, &[u8])]) -> Vec<u8> {
    let all: Vec<u8> = names.iter().flat_map(|(kind, text)| tlv(*kind, &[text])).collect();
    tlv(tag::SEQUENCE, &[&all])
}

fn names(told: &mut Told) {
    let put = |names: Vec<u8>| move |c: &mut Chain| c.server_fields.put(oid::ALT_NAMES, false, names);
    told.judged("another host", "example.org", NOW, |_| {});
    told.judged("a wildcard does not go two levels down", "a.b.example.com", NOW, |_| {});
    told.judged("an address, and the certificate has names alone", "192.0.2.1", NOW, |_| {});
    told.judged("another address", "192.0.2.1", NOW, put(alt_names(&[(0x87, &[192, 0, 2, 2])])));
    told.judged("an address written as a name", "192.0.2.1", NOW, put(alt_names(&[(0x82, b"192.0.2.1")])));
    told.chain("the name as common name alone", |c| c.server_fields.leave_out(oid::ALT_NAMES));
    told.chain(
        "a wildcard over a whole top-level domain",
        put(alt_names(&[(0x82, b"*.lan"), (0x82, b"example.com")])),
    );
    told.chain(
        "an underscore in a name",
        put(alt_names(&[(0x82, b"example.com"), (0x82, b"my_host.example.com")])),
    );
    let hostile = b"\x1b]0;owned\x07\xe2\x80\xae.example";
    told.judged("a hostile common name", "example.org", NOW, |c| {
        c.server_fields.subject = common_name(std::str::from_utf8(hostile).unwrap());
    });
}

fn times(told: &mut Told) {
    told.judged("expired", "example.com", NOW + 3 * DAY + 4 * 3600, |c| {
        c.server_fields.valid("260101000000Z", "260702120000Z");
    });
    told.judged("not yet valid", "example.com", NOW - 3600, |c| {
        c.server_fields.valid("260702120000Z", "270101000000Z");
    });
    told.judged("a clock that was never set", "example.com", 1000, |_| {});
    told.judged("a clock far ahead", "example.com", NOW + 20 * 365 * DAY, |_| {});
    told.chain("an expired intermediate", |c| c.middle_fields.valid("250101000000Z", "260601000000Z"));
    told.chain("an expired root", |c| c.root_fields.valid("060101000000Z", "260601000000Z"));
}

fn paths(told: &mut Told) {
    let chain = Chain::new();
    let verifier = Verifier::web_pki(chain.roots());
    let sent = chain.sent();
    told.sent("no certificate", &verifier, &[], "example.com", NOW);
    told.sent("not a certificate", &verifier, &[vec![0x30, 0].into()], "example.com", NOW);
    told.sent("the intermediate is missing", &verifier, &sent[..1], "example.com", NOW);
    let mut with_access = Chain::new();
    let uri = tlv(0x86, &[b"http://ca.example/i.der"]);
    let method = tlv(tag::OID, &[b"\x2b\x06\x01\x05\x05\x07\x30\x02"]);
    let access = tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[&method, &uri])]);
    with_access.server_fields.put(oid::ACCESS, false, access);
    let other = Verifier::web_pki(with_access.roots());
    told.sent(
        "the intermediate is missing, and can be had",
        &other,
        &with_access.sent()[..1],
        "example.com",
        NOW,
    );
    told.sent("no roots", &Verifier::web_pki(Roots::new()), &sent, "example.com", NOW);
    let stranger = Party::new("Stranger");
    let mut roots = Roots::new();
    roots.add(Fields::authority(&stranger, &stranger).sign(&stranger)).unwrap();
    let strangers = Verifier::web_pki(roots);
    told.sent("an authority that is not trusted", &strangers, &sent, "example.com", NOW);
    let whole = [sent.clone(), vec![chain.root_fields.sign(&chain.root)]].concat();
    told.sent("a root that is not trusted", &strangers, &whole, "example.com", NOW);
    let party = Party::new("example.com");
    let alone = Fields::server(&party, &party, &["example.com"]).sign(&party);
    told.sent("self-signed", &strangers, &[alone], "example.com", NOW);
    let namesake = Verifier::web_pki(Chain::new().roots());
    told.sent("a root of that name with another key", &namesake, &sent, "example.com", NOW);
    let mut roots = Roots::new();
    let namesake = Party::new("example.com");
    roots.add(Fields::authority(&namesake, &namesake).sign(&namesake)).unwrap();
    let mut fields = Fields::server(&party, &party, &["example.com"]);
    fields.leave_out(oid::AUTHORITY_KEY);
    told.sent(
        "self-signed, with a root's name",
        &Verifier::web_pki(roots),
        &[fields.sign(&party)],
        "example.com",
        NOW,
    );
    let namesake = Party::new("Root");
    let mut rekeyed = Fields::authority(&chain.middle, &namesake);
    rekeyed.subject = chain.middle.name.clone();
    let rekeyed =
        [sent[0].clone(), rekeyed.sign(&namesake), Fields::authority(&namesake, &namesake).sign(&namesake)];
    told.sent("a root with a new key", &verifier, &rekeyed, "example.com", NOW);
    let mut forged = sent.clone();
    forged[0] = chain.server_fields.sign(&Party::new("Intermediate"));
    told.sent("signed by somebody else", &verifier, &forged, "example.com", NOW);
    let rogue = Party::new("rogue.example");
    let mut fields = Fields::server(&rogue, &chain.server, &["rogue.example"]);
    fields.issuer = common_name("example.com");
    let rogue = [vec![fields.sign(&chain.server)], sent.clone()].concat();
    told.sent("issued by a server", &verifier, &rogue, "rogue.example", NOW);
    told.chain("more authorities than the root allows", |c| {
        c.root_fields.put(oid::BASIC, true, basic(true, Some(0)))
    });
    told.chain("a name outside of the authority's constraints", |c| {
        c.middle_fields.put(oid::CONSTRAINTS, true, dns_constraint(0, "example.org"));
    });
    let limited = verifier.clone().with_most_intermediates(0);
    told.sent("more intermediates than allowed", &limited, &sent, "example.com", NOW);
}

fn uses(told: &mut Told) {
    told.chain("a certificate for code", |c| c.server_fields.put(oid::EXTENDED, false, extended(&[3])));
    told.chain("a certificate for clients", |c| c.server_fields.put(oid::EXTENDED, false, extended(&[2])));
    told.chain("a key that may not sign", |c| c.server_fields.put(oid::KEY_USAGE, true, vec![3, 2, 5, 0x20]));
    told.chain("an authority as server", |c| c.server_fields.put(oid::BASIC, true, basic(true, None)));
    told.chain("an authority that may not issue", |c| {
        c.middle_fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 2])
    });
}

fn forms(told: &mut Told) {
    let sha1 = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00";
    told.chain("SHA-1", |c| {
        c.server_fields.inner_algorithm = sha1.to_vec();
        c.server_fields.outer_algorithm = sha1.to_vec();
    });
    told.chain("two algorithms", |c| c.server_fields.inner_algorithm = sha1.to_vec());
    let modulus = tlv(tag::INTEGER, &[&[0, 0x80], &[1; 127]]);
    let key = tlv(tag::SEQUENCE, &[&modulus, &[2, 3, 1, 0, 1]]);
    let rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let bits = tlv(tag::BIT_STRING, &[&[0], &key]);
    told.chain("a key of 1024 bits", |c| c.server_fields.spki = tlv(tag::SEQUENCE, &[rsa, &bits]));
    told.chain("version 1", |c| {
        c.server_fields.version = vec![];
        c.server_fields.extensions.clear();
    });
    told.chain("version 1 with extensions", |c| c.server_fields.version = vec![]);
    told.chain("version 2", |c| c.server_fields.version = vec![0xa0, 3, 2, 1, 1]);
    told.chain("a root of version 1", |c| {
        c.root_fields.version = vec![];
        c.root_fields.extensions.clear();
    });
    told.chain("serial number zero", |c| c.server_fields.serial = vec![0]);
    told.chain("an unknown critical extension", |c| c.server_fields.put(oid::UNKNOWN, true, vec![5, 0]));
    told.chain("a malformed extension", |c| c.server_fields.put(oid::ALT_NAMES, false, vec![0x30, 0]));
}

fn policies(told: &mut Told) {
    let mut chain = Chain::new();
    chain.server_fields.serial = vec![7];
    let (sent, root) = (chain.sent(), chain.roots());
    let list = Crl::read(&super::revocation::list(&chain.middle, 7)).unwrap();
    let revoked = Verifier::web_pki(root.clone()).with_revocation(Revocation::soft([list]));
    told.sent("revoked", &revoked, &sent, "example.com", NOW);
    let hard = Verifier::web_pki(root.clone()).with_revocation(Revocation::hard([]).leaf_only());
    told.sent("nothing known about revocation", &hard, &sent, "example.com", NOW);
    told.chain("a staple is demanded, and missing", |c| {
        c.server_fields.put(b"\x2b\x06\x01\x05\x05\x07\x01\x18", false, vec![0x30, 3, 2, 1, 5]);
    });
    let pinned = Verifier::pinned([spki_sha256(&sent[1]).unwrap()]);
    told.sent("another key than the pinned one", &pinned, &sent, "example.com", NOW);
    let exactly = Verifier::exactly(sent[1].clone());
    told.sent("another certificate than the given one", &exactly, &sent, "example.com", NOW);
    let strict = Verifier::web_pki(root).with_profile(Profile::STRICT.with(Rule::CommonName));
    chain.server_fields.subject = common_name("something else");
    told.sent("a common name that is no name", &strict, &chain.sent(), "example.com", NOW);
}
