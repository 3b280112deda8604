//! Revocation lists and stapled responses: which of them say something about
//! a certificate, and what happens without one.

use super::super::maker::{ED25519, Extension, Fields, NOW, Party, basic, extended, oid};
use super::super::time::since_1970;
use super::super::{
    Certificate, CertificateDer, Crl, Profile, Purpose, Revocation, Rule, Unusable, Verifier,
};
use super::{Chain, at, name, rules};
use crate::alert::AlertDescription;
use crate::crypto::der::{Der, tag, tlv};
use crate::crypto::kdf::{sha1_identifier, sha256};
use crate::wire::codepoints::SignatureScheme;

pub(super) const NUMBER: &[u8] = b"\x55\x1d\x14";
pub(super) const DELTA: &[u8] = b"\x55\x1d\x1b";
pub(super) const POINT: &[u8] = b"\x55\x1d\x1c";
pub(super) const POINTS: &[u8] = b"\x55\x1d\x1f";
const TLS_FEATURE: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x01\x18";

const ED448: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x71";

/// The fields of a list.
pub(super) struct List {
    version: Vec<u8>,
    /// Inside of what is signed.
    algorithm: &'static [u8],
    issuer: Vec<u8>,
    pub(super) from: &'static str,
    pub(super) to: Option<&'static str>,
    /// Serial numbers, each with its entry's extensions.
    pub(super) revoked: Vec<(Vec<u8>, Vec<u8>)>,
    extensions: Vec<Extension>,
}

impl List {
    pub(super) fn of(issuer: &Party, revoked: &[u8]) -> Self {
        let number = Extension { oid: NUMBER, critical: false, value: vec![2, 1, 1] };
        Self {
            version: vec![2, 1, 1],
            algorithm: ED25519,
            issuer: issuer.name.clone(),
            from: "260701000000Z",
            to: Some("260801000000Z"),
            revoked: revoked.iter().map(|serial| (vec![*serial], vec![])).collect(),
            extensions: vec![number],
        }
    }

    pub(super) fn with(mut self, oid: &'static [u8], critical: bool, value: &[u8]) -> Self {
        self.extensions.retain(|one| one.oid != oid);
        self.extensions.push(Extension { oid, critical, value: value.to_vec() });
        self
    }

    pub(super) fn sign(&self, signer: &Party) -> Crl {
        Crl::read(&self.der(signer)).unwrap()
    }

    pub(super) fn der(&self, signer: &Party) -> Vec<u8> {
        let time = |text: &str| tlv(tag::UTC_TIME, &[text.as_bytes()]);
        let entries = self.revoked.iter().map(|(serial, extensions)| {
            tlv(tag::SEQUENCE, &[&tlv(tag::INTEGER, &[serial]), &time("260615000000Z"), extensions])
        });
        let entries: Vec<u8> = entries.flatten().collect();
        let entries = if entries.is_empty() { vec![] } else { tlv(tag::SEQUENCE, &[&entries]) };
        let extensions: Vec<u8> = self.extensions.iter().flat_map(extension).collect();
        let extensions = match extensions.is_empty() {
            true => vec![],
            false => tlv(0xa0, &[&tlv(tag::SEQUENCE, &[&extensions])]),
        };
        let next = self.to.map_or(vec![], time);
        signed(
            signer,
            &[&self.version, self.algorithm, &self.issuer, &time(self.from), &next, &entries, &extensions],
        )
    }
}

/// A list that revokes one certificate, in DER.
pub(super) fn list(issuer: &Party, serial: u8) -> Vec<u8> {
    List::of(issuer, &[serial]).der(issuer)
}

pub(super) fn extension(one: &Extension) -> Vec<u8> {
    let critical: &[u8] = if one.critical { &[1, 1, 0xff] } else { &[] };
    tlv(tag::SEQUENCE, &[&tlv(tag::OID, &[one.oid]), critical, &tlv(tag::OCTET_STRING, &[&one.value])])
}

fn signed(signer: &Party, parts: &[&[u8]]) -> Vec<u8> {
    let tbs = tlv(tag::SEQUENCE, parts);
    let signature = signer.key.sign(SignatureScheme::ED25519, &tbs).unwrap();
    tlv(tag::SEQUENCE, &[&tbs, ED25519, &tlv(tag::BIT_STRING, &[&[0], &signature])])
}

/// The rules that are broken; none if the chain holds.
pub(super) fn verdict(chain: &Chain, revocation: Revocation) -> Vec<Rule> {
    let verifier = Verifier::web_pki(chain.roots()).with_revocation(revocation);
    match verifier.verify(&chain.sent(), Some(&name("example.com")), Purpose::Server, at(NOW)) {
        Ok(_) => vec![],
        Err(refused) => rules(&refused),
    }
}

#[test]
fn lists_revoke_what_they_have_and_clear_what_they_have_not() {
    let mut chain = Chain::new();
    chain.server_fields.serial = vec![7];
    let good = || List::of(&chain.root, &[9]).sign(&chain.root);
    for (listed, broken) in [(7, vec![Rule::Revoked]), (8, vec![])] {
        let list = || List::of(&chain.middle, &[3, listed]).sign(&chain.middle);
        assert_eq!(verdict(&chain, Revocation::hard([good(), list()])), broken);
        assert_eq!(verdict(&chain, Revocation::soft([list()])), broken);
        assert_eq!(verdict(&chain, Revocation::hard([list()]).leaf_only()), broken);
    }
    // The intermediate, by the root's list.
    let list = || List::of(&chain.root, &[1]).sign(&chain.root);
    assert_eq!(verdict(&chain, Revocation::soft([list()])), [Rule::Revoked]);
    assert_eq!(verdict(&chain, Revocation::soft([list()]).leaf_only()), []);
    // The same number under another issuer's name is another certificate.
    let other = Party::new("Other");
    let list = List::of(&other, &[7]).sign(&other);
    assert_eq!(verdict(&chain, Revocation::soft([list.clone()])), []);
    assert_eq!(verdict(&chain, Revocation::firm([list.clone()])), []);
    assert_eq!(verdict(&chain, Revocation::hard([list]).leaf_only()), [Rule::RevocationStatus]);
    // Nothing is not good.
    assert_eq!(verdict(&chain, Revocation::hard([])).len(), 2);
    assert_eq!(verdict(&chain, Revocation::hard([good()])), [Rule::RevocationStatus]);
    assert_eq!(verdict(&chain, Revocation::soft([])), []);

    let reason = tlv(
        tag::SEQUENCE,
        &[&extension(&Extension { oid: b"\x55\x1d\x15", critical: false, value: vec![10, 1, 1] })],
    );
    let mut list = List::of(&chain.middle, &[]);
    list.revoked.push((vec![7], reason));
    let verifier =
        Verifier::web_pki(chain.roots()).with_revocation(Revocation::soft([list.sign(&chain.middle)]));
    let refused =
        verifier.verify(&chain.sent(), Some(&name("example.com")), Purpose::Server, at(NOW)).unwrap_err();
    assert_eq!(refused.alert(), AlertDescription::CERTIFICATE_REVOKED);
    assert!(
        refused.to_string().contains("revoked it on 2026-06-15 00:00:00 UTC (keyCompromise)"),
        "{refused}"
    );
}

/// What a list can still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Says who is good and who is revoked.
    Whole,
    /// Revokes, and clears nobody.
    Revokes,
    /// Is not about the certificate, or cannot be understood.
    Nothing,
}

#[test]
fn what_is_wrong_with_a_list_leaves_its_revocations_or_nothing() {
    use Use::{Nothing, Revokes, Whole};
    let mut chain = Chain::new();
    let uri = |text: &str| tlv(0xa0, &[&tlv(0xa0, &[&tlv(0x86, &[text.as_bytes()])])]);
    let points = tlv(tag::SEQUENCE, &[&tlv(tag::SEQUENCE, &[&uri("http://ca.example/1.crl")])]);
    chain.server_fields.put(POINTS, false, points);
    let point = |fields: &[u8]| tlv(tag::SEQUENCE, &[fields]);
    let one: &[u8] = &uri("http://ca.example/1.crl");
    let critical =
        |oid| tlv(tag::SEQUENCE, &[&extension(&Extension { oid, critical: true, value: vec![5, 0] })]);
    type Change = Box<dyn Fn(List) -> List>;
    let with = |oid: &'static [u8], critical: bool, value: Vec<u8>| -> Change {
        Box::new(move |list| list.with(oid, critical, &value))
    };
    let another_entry = |extensions: Vec<u8>| -> Change {
        Box::new(move |mut list| {
            list.revoked.push((vec![99], extensions.clone()));
            list
        })
    };
    let old_and = |oid: &'static [u8]| -> Change {
        Box::new(move |list| List { to: Some("260702115959Z"), ..list }.with(oid, true, &[5, 0]))
    };
    let now = NOW as i64;
    let not_yet = Unusable::NotYet { this_update: since_1970(now + 301), now: since_1970(now) };
    let stale = Unusable::Stale { next_update: since_1970(now - 1) };
    // What an application hears is none where it depends on the certificate.
    let cases: Vec<(Use, Option<Unusable>, Change)> = vec![
        (Whole, None, Box::new(|list| list)),
        // As far as clocks differ, and a second more.
        (Whole, None, Box::new(|list| List { from: "260702120500Z", ..list })),
        (Revokes, Some(not_yet), Box::new(|list| List { from: "260702120501Z", ..list })),
        (Whole, None, Box::new(|list| List { to: Some("260702120000Z"), ..list })),
        (Revokes, Some(stale), Box::new(|list| List { to: Some("260702115959Z"), ..list })),
        (Revokes, Some(Unusable::NoNextUpdate), Box::new(|list| List { to: None, ..list })),
        (
            Revokes,
            Some(Unusable::Version1),
            Box::new(|list| List { version: vec![], extensions: vec![], ..list }),
        ),
        (
            Revokes,
            Some(Unusable::Version1),
            Box::new(|list| List { version: vec![], extensions: vec![], to: None, ..list }),
        ),
        (Revokes, Some(Unusable::Version1), Box::new(|list| List { version: vec![], ..list })),
        (Nothing, Some(Unusable::UnknownVersion), Box::new(|list| List { version: vec![2, 1, 2], ..list })),
        (Nothing, Some(Unusable::TwoAlgorithms), Box::new(|list| List { algorithm: ED448, ..list })),
        (Revokes, Some(Unusable::NoNumber), Box::new(|list| List { extensions: vec![], ..list })),
        (Revokes, Some(Unusable::CriticalNumber), with(NUMBER, true, vec![2, 1, 1])),
        (Revokes, Some(Unusable::NoNumber), with(NUMBER, false, vec![2, 1, 0xff])),
        (Revokes, Some(Unusable::Delta), with(DELTA, true, vec![2, 1, 1])),
        (Whole, None, with(oid::UNKNOWN, false, vec![5, 0])),
        (Nothing, Some(Unusable::UnknownExtension), with(oid::UNKNOWN, true, vec![5, 0])),
        (Nothing, Some(Unusable::UnknownExtension), old_and(oid::UNKNOWN)),
        (Whole, None, another_entry(vec![])),
        (Nothing, Some(Unusable::UnknownEntryExtension), another_entry(critical(oid::UNKNOWN))),
        (Nothing, Some(Unusable::UnknownEntryExtension), another_entry(critical(b"\x55\x1d\x1d"))),
        // issuingDistributionPoint
        (Whole, None, with(POINT, true, point(one))),
        (Nothing, None, with(POINT, true, point(&uri("http://ca.example/2.crl")))),
        (Whole, None, with(POINT, true, point(&[0x81, 1, 0xff]))),
        (Nothing, None, with(POINT, true, point(&[0x82, 1, 0xff]))),
        (Revokes, None, with(POINT, true, point(&[0x83, 2, 1, 0x40]))),
        (Nothing, Some(Unusable::Indirect), with(POINT, true, point(&[0x84, 1, 0xff]))),
        (Nothing, Some(Unusable::AttributeCertificates), with(POINT, true, point(&[0x85, 1, 0xff]))),
    ];
    for (place, (can, why, change)) in cases.iter().enumerate() {
        let list = |serial| change(List::of(&chain.middle, &[serial])).sign(&chain.middle);
        let [good, revoked] = [list(3), list(1)];
        let status = if *can == Whole { vec![] } else { vec![Rule::RevocationStatus] };
        let case = format!("case {place}: {can:?}");
        assert_eq!(verdict(&chain, Revocation::hard([good.clone()]).leaf_only()), status, "{case}");
        assert_eq!(verdict(&chain, Revocation::soft([good.clone()])), [], "{case}");
        assert_eq!(verdict(&chain, Revocation::firm([good.clone()])), status, "{case}");
        let status = if *can == Nothing { status } else { vec![Rule::Revoked] };
        let soft = if *can == Nothing { vec![] } else { vec![Rule::Revoked] };
        assert_eq!(verdict(&chain, Revocation::hard([revoked.clone()]).leaf_only()), status, "{case}");
        assert_eq!(verdict(&chain, Revocation::soft([revoked.clone()])), soft, "{case}");
        assert_eq!(verdict(&chain, Revocation::firm([revoked.clone()])), status, "{case}");
        // A list that says the contrary, and could be used, does not outweigh it.
        let current = List::of(&chain.middle, &[3]).sign(&chain.middle);
        assert_eq!(verdict(&chain, Revocation::firm([current, revoked.clone()])), soft, "{case}");
        assert_eq!(revoked.unusable_at(at(NOW)), *why, "{case}");
        let untimely = matches!(why, Some(Unusable::Stale { .. } | Unusable::NotYet { .. }));
        assert_eq!(revoked.unusable(), why.filter(|_| !untimely), "{case}");
        assert!(why.is_none_or(|why| why.still_revokes() == (*can == Revokes)), "{case}");
    }
    // An entry that may belong to somebody else's certificate.
    let mut indirect = List::of(&chain.middle, &[]);
    let critical = extension(&Extension { oid: b"\x55\x1d\x1d", critical: true, value: vec![0x30, 0] });
    indirect.revoked.push((vec![1], tlv(tag::SEQUENCE, &[&critical])));
    assert_eq!(verdict(&chain, Revocation::soft([indirect.sign(&chain.middle)])), []);
    // Signed by somebody else; by an authority that may not sign lists.
    let mallory = Party::new("Mallory");
    let forged = List::of(&chain.middle, &[1]).sign(&mallory);
    assert_eq!(verdict(&chain, Revocation::soft([forged.clone()])), []);
    assert_eq!(verdict(&chain, Revocation::hard([forged]).leaf_only()), [Rule::RevocationStatus]);
    chain.middle_fields.put(oid::KEY_USAGE, true, vec![3, 2, 2, 4]);
    let list = List::of(&chain.middle, &[3]).sign(&chain.middle);
    assert_eq!(verdict(&chain, Revocation::hard([list]).leaf_only()), [Rule::RevocationStatus]);
    // Not DER, or not a list.
    let whole = List::of(&chain.middle, &[3]).der(&chain.middle);
    assert!(Crl::read(&whole).is_ok());
    for cut in 0..whole.len() {
        assert!(Crl::read(&whole[..cut]).is_err());
    }
    assert!(Crl::read(&[&whole[..], &[0]].concat()).is_err());
    assert!(Crl::read(&chain.sent()[0]).is_err());
}

#[test]
fn another_key_of_the_issuer_on_the_path_may_sign_the_list() {
    // The root's new key, certified by the old one, issued the leaf; the old one signs lists.
    let (old, new, leaf) = (Party::new("Root"), Party::new("Root"), Party::new("Leaf"));
    let mut roots = super::super::Roots::new();
    roots.add(Fields::authority(&old, &old).sign(&old)).unwrap();
    let sent =
        [Fields::server(&leaf, &new, &["example.com"]).sign(&new), Fields::authority(&new, &old).sign(&old)];
    let verify = |list: Crl| {
        let verifier = Verifier::web_pki(roots.clone()).with_revocation(Revocation::hard([list]).leaf_only());
        verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW)).is_ok()
    };
    assert!(verify(List::of(&old, &[3]).sign(&old)));
    assert!(verify(List::of(&old, &[3]).sign(&new)));
    assert!(!verify(List::of(&old, &[1]).sign(&old)));
    assert!(!verify(List::of(&old, &[3]).sign(&leaf)));
}

/// The fields of a response.
struct Staple {
    status: Vec<u8>,
    from: &'static str,
    to: Option<&'static str>,
    serial: u8,
    sha256: bool,
    name: Vec<u8>,
    key: Vec<u8>,
    responder: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
    extensions: Vec<u8>,
}

impl Staple {
    fn of(chain: &Chain, status: &[u8]) -> Self {
        let id = sha1_identifier(chain.middle.key.public_key());
        Self {
            status: status.to_vec(),
            from: "20260701000000Z",
            to: Some("20260703000000Z"),
            serial: 1,
            sha256: false,
            name: chain.middle.name.clone(),
            key: chain.middle.key.public_key().to_vec(),
            responder: tlv(0xa2, &[&tlv(tag::OCTET_STRING, &[id.as_bytes()])]),
            certificates: vec![],
            extensions: vec![],
        }
    }

    fn sign(&self, signer: &Party) -> Vec<u8> {
        let time = |text: &str| tlv(tag::GENERALIZED_TIME, &[text.as_bytes()]);
        let octets = |bytes: &[u8]| tlv(tag::OCTET_STRING, &[bytes]);
        let algorithm: &[u8] = match self.sha256 {
            true => b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01",
            false => b"\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00",
        };
        let hash = |bytes: &[u8]| match self.sha256 {
            true => sha256(bytes).to_vec(),
            false => sha1_identifier(bytes).as_bytes().to_vec(),
        };
        let serial = tlv(tag::INTEGER, &[&[self.serial]]);
        let id =
            tlv(tag::SEQUENCE, &[algorithm, &octets(&hash(&self.name)), &octets(&hash(&self.key)), &serial]);
        let next = self.to.map_or(vec![], |to| tlv(0xa0, &[&time(to)]));
        let entry = tlv(tag::SEQUENCE, &[&id, &self.status, &time(self.from), &next, &self.extensions]);
        let data = [&self.responder[..], &time(self.from), &tlv(tag::SEQUENCE, &[&entry])].concat();
        let basic = signed(signer, &[&data]);
        let mut basic = Der::new(&basic).content(tag::SEQUENCE).unwrap().to_vec();
        if !self.certificates.is_empty() {
            let all: Vec<u8> = self.certificates.iter().flat_map(|one| one.to_vec()).collect();
            basic.extend(tlv(0xa0, &[&tlv(tag::SEQUENCE, &[&all])]));
        }
        let basic = octets(&tlv(tag::SEQUENCE, &[&basic]));
        let kind = tlv(tag::OID, &[b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01"]);
        tlv(tag::SEQUENCE, &[&[0x0a, 1, 0], &tlv(0xa0, &[&tlv(tag::SEQUENCE, &[&kind, &basic])])])
    }
}

fn stapled(chain: &Chain, hard: bool, staple: &[u8]) -> Vec<Rule> {
    let revocation = if hard { Revocation::hard([]).leaf_only() } else { Revocation::soft([]) };
    let verifier = Verifier::web_pki(chain.roots()).with_revocation(revocation);
    let server = name("example.com");
    match verifier.verify_stapled(&chain.sent(), staple, Some(&server), Purpose::Server, at(NOW)) {
        Ok(_) => vec![],
        Err(refused) => rules(&refused),
    }
}

const GOOD: &[u8] = &[0x80, 0];

/// The issuer's word that the server's certificate is good.
pub(super) fn good_staple(chain: &Chain) -> Vec<u8> {
    Staple::of(chain, GOOD).sign(&chain.middle)
}

#[test]
fn a_stapled_response_is_about_one_certificate_at_one_time() {
    let chain = Chain::new();
    let revoked = tlv(0xa1, &[&tlv(tag::GENERALIZED_TIME, &[b"20260615000000Z"]), &[0xa0, 3, 10, 1, 4]]);
    assert_eq!(stapled(&chain, false, &Staple::of(&chain, &revoked).sign(&chain.middle)), [Rule::Revoked]);
    assert_eq!(stapled(&chain, true, &Staple::of(&chain, &revoked).sign(&chain.middle)), [Rule::Revoked]);
    use Use::{Nothing, Revokes, Whole};
    type Change = fn(Staple, &Chain) -> Staple;
    let cases: &[(Use, Change)] = &[
        (Whole, |staple, _| staple),
        (Whole, |staple, _| Staple { sha256: true, ..staple }),
        (Whole, |staple, chain| Staple { responder: tlv(0xa1, &[&chain.middle.name]), ..staple }),
        (Whole, |staple, _| Staple { from: "20260702120000Z", to: Some("20260702120000Z"), ..staple }),
        // As far as clocks differ, and a second more.
        (Whole, |staple, _| Staple { from: "20260702120500Z", ..staple }),
        (Revokes, |staple, _| Staple { from: "20260702120501Z", ..staple }),
        (Revokes, |staple, _| Staple { to: Some("20260702115959Z"), ..staple }),
        (Revokes, |staple, _| Staple { to: None, ..staple }),
        (Nothing, |staple, _| Staple { serial: 2, ..staple }),
        (Nothing, |staple, chain| Staple { name: chain.root.name.clone(), ..staple }),
        (Nothing, |staple, chain| Staple { key: chain.root.key.public_key().to_vec(), ..staple }),
        (Nothing, |staple, chain| Staple { responder: tlv(0xa1, &[&chain.root.name]), ..staple }),
        (Whole, |staple, _| Staple { extensions: entry_extension(false), ..staple }),
        (Nothing, |staple, _| Staple { extensions: entry_extension(true), ..staple }),
    ];
    for (place, (can, change)) in cases.iter().enumerate() {
        let staple = |status: &[u8]| change(Staple::of(&chain, status), &chain).sign(&chain.middle);
        let status = if *can == Whole { vec![] } else { vec![Rule::RevocationStatus] };
        assert_eq!(stapled(&chain, true, &staple(GOOD)), status, "case {place}");
        assert_eq!(stapled(&chain, false, &staple(GOOD)), [], "case {place}");
        let status = if *can == Nothing { status } else { vec![Rule::Revoked] };
        let soft = if *can == Nothing { vec![] } else { vec![Rule::Revoked] };
        assert_eq!(stapled(&chain, true, &staple(&revoked)), status, "case {place}");
        assert_eq!(stapled(&chain, false, &staple(&revoked)), soft, "case {place}");
    }
    for unknown in [&[0x82, 0][..], &[0x80, 1, 0]] {
        let staple = Staple::of(&chain, unknown).sign(&chain.middle);
        assert_eq!(stapled(&chain, true, &staple), [Rule::RevocationStatus]);
        assert_eq!(stapled(&chain, false, &staple), []);
    }
    let forged = Staple::of(&chain, GOOD).sign(&chain.root);
    assert_eq!(stapled(&chain, true, &forged), [Rule::RevocationStatus]);
    assert_eq!(stapled(&chain, true, b""), [Rule::RevocationStatus]);
    assert_eq!(stapled(&chain, true, &[0x30, 3, 0x0a, 1, 3]), [Rule::RevocationStatus], "tryLater");
    let whole = Staple::of(&chain, GOOD).sign(&chain.middle);
    for cut in 0..whole.len() {
        assert_eq!(stapled(&chain, true, &whole[..cut]), [Rule::RevocationStatus]);
        let mut damaged = whole.clone();
        damaged[cut] ^= 0x55;
        assert_eq!(stapled(&chain, true, &damaged), [Rule::RevocationStatus], "{cut}");
    }
}

fn entry_extension(critical: bool) -> Vec<u8> {
    tlv(
        0xa1,
        &[&tlv(tag::SEQUENCE, &[&extension(&Extension { oid: oid::UNKNOWN, critical, value: vec![5, 0] })])],
    )
}

#[test]
fn responders_are_appointed_by_the_issuer_itself() {
    let chain = Chain::new();
    let responder = Party::new("Responder");
    let fields = |issuer: &Party| {
        let mut fields = Fields::server(&responder, issuer, &["responder"]);
        fields.subject = responder.name.clone();
        fields.put(oid::EXTENDED, false, extended(&[9]));
        fields
    };
    let by_name = tlv(0xa1, &[&responder.name]);
    let judged = |certificates: Vec<CertificateDer<'static>>, status: &[u8]| {
        let staple = Staple { responder: by_name.clone(), certificates, ..Staple::of(&chain, status) };
        stapled(&chain, true, &staple.sign(&responder))
    };
    let verify = |certificate| judged(vec![certificate], GOOD).is_empty();
    assert!(verify(fields(&chain.middle).sign(&chain.middle)));
    assert!(!verify(fields(&chain.root).sign(&chain.root)), "the issuer's issuer is somebody else");
    assert!(!verify(fields(&chain.middle).sign(&chain.root)), "not the issuer's signature");
    type Change = fn(&mut Fields);
    let changes: [Change; 5] = [
        |fields| fields.put(oid::EXTENDED, false, extended(&[1])),
        |fields| fields.put(oid::EXTENDED, false, extended(&[0])),
        |fields| fields.leave_out(oid::EXTENDED),
        |fields| fields.valid("260101000000Z", "260601000000Z"),
        |fields| fields.put(oid::UNKNOWN, true, vec![5, 0]),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut fields = fields(&chain.middle);
        change(&mut fields);
        assert!(!verify(fields.sign(&chain.middle)), "case {place}");
    }
    // The response is of 2026-07-01. Who might sign then has revoked for good;
    // who may not sign any more clears nobody, and who never might revokes nobody.
    let revoked = tlv(0xa1, &[&tlv(tag::GENERALIZED_TIME, &[b"20260615000000Z"])]);
    let lasting = |from: &str, to: &str| {
        let mut fields = fields(&chain.middle);
        fields.valid(from, to);
        fields.sign(&chain.middle)
    };
    let expired = lasting("260601000000Z", "260701120000Z");
    let expired_before = lasting("260601000000Z", "260630235959Z");
    let current = lasting("260601000000Z", "260801000000Z");
    assert_eq!(judged(vec![expired.clone()], GOOD), [Rule::RevocationStatus]);
    assert_eq!(judged(vec![expired.clone()], &revoked), [Rule::Revoked]);
    assert_eq!(judged(vec![expired_before.clone()], &revoked), [Rule::RevocationStatus]);
    // Of two certificates of its key the one that is valid counts.
    assert_eq!(judged(vec![expired_before, current], GOOD), []);
    // Never a stranger's word.
    assert_eq!(judged(vec![fields(&chain.root).sign(&chain.root)], &revoked), [Rule::RevocationStatus]);
}

#[test]
fn a_certificate_can_demand_a_staple() {
    let mut chain = Chain::new();
    chain.server_fields.put(TLS_FEATURE, false, vec![0x30, 3, 2, 1, 5]);
    assert!(Certificate::read(&chain.sent()[0]).unwrap().extensions.must_staple);
    let good = Staple::of(&chain, GOOD).sign(&chain.middle);
    assert_eq!(stapled(&chain, false, &good), []);
    assert_eq!(stapled(&chain, false, b""), [Rule::MustStaple]);
    assert_eq!(stapled(&chain, false, &Staple::of(&chain, GOOD).sign(&chain.root)), [Rule::MustStaple]);
    // Without a connection there is nothing to staple to; a private authority may have meant nothing by it.
    chain.verify_as(Profile::STRICT).unwrap();
    let relaxed = Verifier::web_pki(chain.roots()).with_profile(Profile::PRIVATE.without(Rule::MustStaple));
    relaxed.verify_stapled(&chain.sent(), b"", Some(&name("example.com")), Purpose::Server, at(NOW)).unwrap();
    chain.server_fields.put(TLS_FEATURE, false, vec![0x30, 3, 2, 1, 17]);
    assert_eq!(stapled(&chain, false, b""), []);
    chain.server_fields.put(TLS_FEATURE, false, vec![0x30, 3, 2, 1]);
    assert_eq!(stapled(&chain, false, b""), [Rule::Extensions]);
    // A revoked certificate on the best path is backed out of, where another path holds.
    let mut chain = Chain::new();
    chain.middle_fields.serial = vec![5];
    let mut again = chain.middle_fields.clone();
    again.serial = vec![6];
    again.put(oid::BASIC, true, basic(true, Some(0)));
    let sent = [chain.sent(), vec![again.sign(&chain.root)]].concat();
    for (listed, good) in [(&[5][..], true), (&[6], true), (&[5, 6], false)] {
        let list = List::of(&chain.root, listed).sign(&chain.root);
        let verifier = Verifier::web_pki(chain.roots()).with_revocation(Revocation::soft([list]));
        let verdict = verifier.verify(&sent, Some(&name("example.com")), Purpose::Server, at(NOW));
        assert_eq!(verdict.is_ok(), good, "{listed:?}");
    }
}
