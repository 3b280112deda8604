//! Roots and chains that others made: the system's roots, and openssl's verdict.

use super::super::inquiry::Inquiry;
use super::super::maker::{NOW, basic, dns_constraint, extended, oid};
use super::super::{Profile, Purpose, Roots, Rule, certificates};
use super::Chain;
use crate::crypto::der::{tag, tlv};
use std::collections::BTreeMap;
use std::process::Command;

/// Where Debian and its kin keep the roots that Mozilla trusts.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

#[test]
fn every_root_of_the_system_can_be_an_anchor() {
    let Ok(file) = std::fs::read(SYSTEM) else {
        println!("skipped: there is no {SYSTEM}");
        return;
    };
    let all = certificates(&file).unwrap();
    let mut roots = Roots::new();
    let mut broken: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for certificate in &all {
        roots.add(certificate.clone()).unwrap();
    }
    assert_eq!(roots.len(), all.len());
    for anchor in roots.anchors() {
        let inquiry = Inquiry::about(Purpose::Server, Profile::EVERY, anchor.validity.unwrap().0);
        let mut findings = Vec::new();
        super::super::judge::anchor_alone(&inquiry, anchor, &mut findings);
        for finding in findings.iter().filter(|finding| !finding.passed) {
            broken.entry(finding.rule.name()).or_default().push(format!(
                "{}: {}",
                anchor.text(),
                finding.found
            ));
        }
    }
    println!("{broken:#?}");
    let web: Vec<_> =
        broken.keys().filter(|name| Profile::WEBPKI.has(name.parse::<Rule>().unwrap())).collect();
    assert!(web.is_empty(), "{web:?}");
}

/// openssl's verdict and this crate's own, over chains that openssl reads from
/// files: whatever this verifier accepts, openssl accepts too, and the common
/// ways to be broken are broken for both.
#[test]
fn openssl_agrees() {
    let Ok(version) = Command::new("openssl").arg("version").output() else {
        println!("skipped: there is no openssl");
        return;
    };
    println!("{}", String::from_utf8_lossy(&version.stdout));
    type Change = fn(&mut Chain);
    let cases: [(&str, Change); 14] = [
        ("good", |_| {}),
        ("expired", |chain| chain.server_fields.valid("250101000000Z", "260629120000Z")),
        ("not yet valid", |chain| chain.middle_fields.valid("260801000000Z", "270101000000Z")),
        ("not an authority", |chain| chain.middle_fields.put(oid::BASIC, true, basic(false, None))),
        ("no basicConstraints", |chain| chain.middle_fields.leave_out(oid::BASIC)),
        ("path length", |chain| chain.root_fields.put(oid::BASIC, true, basic(true, Some(0)))),
        ("path length that fits", |chain| chain.root_fields.put(oid::BASIC, true, basic(true, Some(1)))),
        ("keyUsage", |chain| chain.middle_fields.put(oid::KEY_USAGE, true, vec![3, 2, 1, 2])),
        ("extKeyUsage", |chain| chain.server_fields.put(oid::EXTENDED, false, extended(&[3]))),
        ("permitted", |chain| {
            chain.middle_fields.put(oid::CONSTRAINTS, true, dns_constraint(0, "example.com"))
        }),
        ("not permitted", |chain| {
            chain.middle_fields.put(oid::CONSTRAINTS, true, dns_constraint(0, "example.org"))
        }),
        ("excluded", |chain| chain.root_fields.put(oid::CONSTRAINTS, true, dns_constraint(1, "example.com"))),
        ("critical", |chain| chain.server_fields.put(oid::UNKNOWN, true, vec![5, 0])),
        ("another name", |chain| {
            chain.server_fields.put(
                oid::ALT_NAMES,
                false,
                tlv(tag::SEQUENCE, &[&tlv(0x82, &[b"example.org"])]),
            )
        }),
    ];
    let folder = std::env::temp_dir().join(format!("handfast-pki-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, der: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, pem(der)).unwrap();
        path
    };
    for (what, change) in cases {
        let mut chain = Chain::new();
        change(&mut chain);
        let sent = chain.sent();
        let ours = chain.verify_as(Profile::WEBPKI).is_ok();
        let (leaf, middle) = (write("leaf.pem", &sent[0]), write("middle.pem", &sent[1]));
        let root = write("root.pem", &chain.root_fields.sign(&chain.root));
        let theirs = Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "example.com"])
            .args(["-no-CApath", "-no-CAstore", "-attime", &NOW.to_string(), "-CAfile"])
            .args([&*root, std::path::Path::new("-untrusted"), &middle, &leaf])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&theirs.stderr);
        assert_eq!(ours, theirs.status.success(), "{what}: {said}");
        assert_eq!(ours, ["good", "path length that fits", "permitted"].contains(&what), "{what}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----");
    for (place, three) in der.chunks(3).enumerate() {
        if place % 16 == 0 {
            text.push('\n');
        }
        let bits =
            three.iter().fold(0u32, |sum, &octet| (sum << 8) | u32::from(octet)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text + "\n-----END CERTIFICATE-----\n"
}
