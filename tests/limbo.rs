//! The core cases of x509-limbo, a public suite of X.509 path validation
//! (https://x509-limbo.com), each held against the verdict that it expects, in
//! every profile. The suite's file is not part of this repository: its path is
//! given in `HANDFAST_LIMBO`. The disagreements are the table `docs/limbo.md`,
//! which `HANDFAST_LIMBO_WRITE=1` writes anew.

use handfast::pki::{
    Certificate, CertificateDer, GeneralName, Profile, Purpose, Revocation, Roots, ServerName, UnixTime,
    Verifier, certificates, revocation_lists,
};
use serde_json::Value;
use std::fmt::Write;
#[cfg(feature = "cli")]
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Where the disagreements stand, and how many cases agree at least.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limbo.md");
const BARS: [(Profile, usize); 3] = [(Profile::STRICT, 200), (Profile::WEBPKI, 196), (Profile::PRIVATE, 0)];

/// The longest that one case may take in a release build.
const SLOWEST: Duration = Duration::from_millis(20);

/// What the application would look for, and is not there.
const EXPECTED_NAME: &str = "an expected name";

/// Why `strict` or `webpki` disagrees.
#[rustfmt::skip]
const REASONS: &[(&str, &str)] = &[
    ("cve::cve-2024-0567", "`strict` wants authorityKeyIdentifier on each intermediate, as `rfc5280::aki::cross-signed-root-missing-aki` does of the same thing"),
    ("pathlen::validation-ignores-pathlen-in-leaf", "the peer is an authority (BR 7.1.2.7.8), and its keyUsage does not allow to sign a handshake (RFC 9846 4.5.1.2)"),
    ("rfc5280::ca-as-leaf", "as above; `webpki::ca-as-leaf` wants the opposite"),
    ("rfc5280::aki::leaf-missing-aki", "`webpki` builds paths without key identifiers; widespread tools leave them out (`AuthorityKey` is strict)"),
    ("rfc5280::aki::intermediate-missing-aki", "as above"),
    ("rfc5280::aki::cross-signed-root-missing-aki", "as above; `cve::cve-2024-0567` wants the opposite"),
    ("rfc5280::eku::ee-without-eku", "`webpki::eku::ee-without-eku` wants the opposite (`UsageIsGiven` is strict)"),
    ("webpki::eku::ee-without-eku", "`rfc5280::eku::ee-without-eku` wants the opposite (`UsageIsGiven` is strict)"),
    ("rfc5280::nc::permitted-dns-match-noncritical", "`webpki::nc::permitted-dns-match-noncritical` wants the opposite (`CriticalNameConstraints` is asked for by name)"),
    ("rfc5280::ski::root-missing-ski", "roots of public authorities have none (Hongkong Post Root CA 1, TWCA Global Root CA)"),
    ("rfc5280::root-non-critical-basic-constraints", "roots of public authorities have it so (Go Daddy Class 2, Starfield Class 2, ePKI)"),
    ("webpki::cn::punycode-not-in-san", "a common name is not read as a host name; seven cases that expect success have one that is not in the subjectAltName (`CommonName` is asked for by name)"),
    ("webpki::cn::not-in-san", "as above"),
    ("webpki::san::public-suffix-private-namespace-wildcard-san", "`online::s3.amazonaws.com` has this very wildcard (`PrivateSuffix` is strict)"),
    ("online::s3.amazonaws.com", "its wildcard is `webpki::san::public-suffix-private-namespace-wildcard-san`'s"),
];

/// Its cases, if they are here.
fn suite() -> Option<Value> {
    let Ok(path) = std::env::var("HANDFAST_LIMBO") else {
        println!("skipped: HANDFAST_LIMBO does not say where limbo-core.json is");
        return None;
    };
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn limbo_core() {
    let Some(suite) = suite() else { return };
    let cases = suite["testcases"].as_array().unwrap();
    let mut agree = [0; 3];
    let mut rows = String::new();
    let mut slowest = Duration::ZERO;
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let expected = case["expected_result"] == "SUCCESS";
        let verdicts = BARS.map(|(profile, _)| {
            let (verdict, took) = judge(case, profile);
            assert!(cfg!(debug_assertions) || took < SLOWEST, "{id} takes {took:?} under {profile}");
            slowest = slowest.max(took);
            verdict
        });
        for (verdict, agree) in verdicts.iter().zip(&mut agree) {
            *agree += usize::from(verdict.is_ok() == expected);
        }
        if verdicts.iter().all(|verdict| verdict.is_ok() == expected) {
            continue;
        }
        if std::env::var_os("HANDFAST_LIMBO_WHY").is_some() {
            println!("{id} (expected {expected}): {verdicts:?}");
        }
        let word = |ok: bool| if ok { "accepts" } else { "refuses" };
        let [strict, webpki, private] =
            verdicts.each_ref().map(|verdict| match verdict.is_ok() == expected {
                true => word(expected).to_owned(),
                false => format!("**{}**", word(!expected)),
            });
        let reason = match REASONS.iter().find(|(known, _)| *known == id) {
            Some((_, reason)) => (*reason).to_owned(),
            None => match (&verdicts[0], expected) {
                // What only the relaxed profiles accept breaks a rule that they do not have.
                (Err(rules), false) => format!("no rule there: {}", rules.replace(',', ", ")),
                _ => "unexplained".to_owned(),
            },
        };
        writeln!(rows, "| `{id}` | {} | {strict} | {webpki} | {private} | {reason} |", word(expected))
            .unwrap();
    }
    let total = cases.len();
    let [strict, webpki, private] = agree;
    let page = format!(
        "# x509-limbo, core cases\n\n\
        The {total} core cases of C2SP's [x509-limbo](https://x509-limbo.com), each judged under the three profiles\n\
        (with the cargo feature `public-suffix`). A case that gives a list of revoked certificates is judged with\n\
        `Revocation::hard`. Written and checked by `tests/limbo.rs`; cases that are not in the table agree in every\n\
        profile, and none is skipped.\n\n\
        | | strict | webpki | private |\n| --- | --- | --- | --- |\n\
        | agree | {strict} | {webpki} | {private} |\n| disagree | {} | {} | {} |\n\n\
        Disagreements are **bold**.\n\n\
        | case | limbo | strict | webpki | private | reason |\n| --- | --- | --- | --- | --- | --- |\n{rows}",
        total - strict,
        total - webpki,
        total - private,
    );
    println!("strict {strict}, webpki {webpki}, private {private} of {total} agree; slowest {slowest:?}");
    if std::env::var_os("HANDFAST_LIMBO_WRITE").is_some() {
        std::fs::write(TABLE, &page).unwrap();
    }
    for ((profile, bar), agree) in BARS.iter().zip(agree) {
        assert!(agree >= *bar, "{profile}: {agree} of {total}, and {bar} is the bar");
    }
    assert!(!rows.contains("unexplained"), "a disagreement without a reason");
    assert!(
        std::fs::read_to_string(TABLE).unwrap_or_default() == page,
        "docs/limbo.md is not what was found"
    );
}

/// The rules that were broken, if it was refused; and how long that took.
fn judge(case: &Value, profile: Profile) -> (Result<(), String>, Duration) {
    let pems = |field: &str| {
        let list = case[field].as_array().unwrap();
        list.iter().map(|pem| certificates(pem.as_str().unwrap().as_bytes()).unwrap().remove(0))
    };
    let mut roots = Roots::new();
    for root in pems("trusted_certs") {
        // One that cannot be read is not trusted.
        let _left_out = roots.add(root);
    }
    let leaf = certificates(case["peer_certificate"].as_str().unwrap().as_bytes()).unwrap();
    let chain: Vec<CertificateDer<'_>> = leaf.into_iter().chain(pems("untrusted_intermediates")).collect();
    let client = case["validation_kind"] == "CLIENT";
    let name = case["expected_peer_name"]["value"].as_str();
    let verifier = match name {
        Some(_) => Verifier::web_pki(roots),
        None => Verifier::chain_without_name(roots),
    };
    let mut verifier = verifier.with_profile(profile);
    if let Some(most) = case["max_chain_depth"].as_u64() {
        verifier = verifier.with_most_intermediates(most as usize);
    }
    let lists = case["crls"].as_array().unwrap();
    if !lists.is_empty() {
        let lists = lists.iter().flat_map(|pem| revocation_lists(pem.as_str().unwrap().as_bytes()).unwrap());
        verifier = verifier.with_revocation(Revocation::hard(lists));
    }
    let name = name.map(|name| ServerName::try_from(name).unwrap());
    let purpose = if client { Purpose::Client } else { Purpose::Server };
    let now = match case["validation_time"].as_str() {
        Some(text) => UnixTime::since_unix_epoch(Duration::from_secs(seconds(text))),
        None => UnixTime::since_unix_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()),
    };
    let timed = || {
        let started = Instant::now();
        (verifier.verify(&chain, name.as_ref(), purpose, now), started.elapsed())
    };
    let (verdict, mut took) = timed();
    // A busy machine may make anything slow once.
    for _ in 0..10 {
        if cfg!(debug_assertions) || took < SLOWEST / 4 {
            break;
        }
        took = took.min(timed().1);
    }
    let report = match &verdict {
        Ok(accepted) => &accepted.report,
        Err(refused) => &refused.report,
    };
    assert_eq!(verdict.is_ok(), report.failures().next().is_none(), "{report:#}");
    if verdict.is_err() {
        let mut broken: Vec<_> = report.failures().map(|check| check.rule).collect();
        broken.dedup();
        return (Err(broken.join(",")), took);
    }
    // The names of a client are the application's to look for.
    let leaf = Certificate::read(&chain[0]).unwrap();
    for expected in case["expected_peer_names"].as_array().unwrap() {
        let wanted = expected["value"].as_str().unwrap();
        let has = |name: GeneralName<'_>| matches!(name, GeneralName::Email(name) if name == wanted);
        if expected["kind"] == "RFC822" && !leaf.names().any(has) {
            return (Err(EXPECTED_NAME.into()), took);
        }
    }
    (Ok(()), took)
}

/// The same verdicts from `handfast verify`, which is given the same in files and arguments.
#[cfg(feature = "cli")]
#[test]
fn limbo_core_by_the_tool() {
    let Some(suite) = suite() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("limbo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (profile, bar) in BARS {
        let cases = suite["testcases"].as_array().unwrap();
        let agree = cases.iter().filter(|case| {
            let verdict = by_the_tool(case, profile, &folder);
            // The names of a client are the application's to look for.
            let (library, _) = judge(case, profile);
            let same = verdict.is_ok() == library.is_ok() || library == Err(EXPECTED_NAME.to_owned());
            assert!(same, "{}: {verdict:?}, and the library {library:?}", case["id"]);
            verdict.is_ok() == (case["expected_result"] == "SUCCESS")
        });
        let agree = agree.count();
        println!("handfast verify, {profile}: {agree} of {} agree", cases.len());
        assert!(agree >= bar, "{profile}: {agree} agree, and {bar} is the bar");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What it said, if it refused.
#[cfg(feature = "cli")]
fn by_the_tool(case: &Value, profile: Profile, folder: &Path) -> Result<(), String> {
    let file = |name: &str, fields: &[&str]| {
        let pems = fields.iter().flat_map(|field| match &case[field] {
            Value::Array(list) => list.iter().map(|pem| pem.as_str().unwrap()).collect(),
            pem => vec![pem.as_str().unwrap()],
        });
        std::fs::write(folder.join(name), pems.collect::<Vec<_>>().join("\n")).unwrap();
        folder.join(name)
    };
    let mut tool = std::process::Command::new(env!("CARGO_BIN_EXE_handfast"));
    tool.arg("verify").arg(file("chain.pem", &["peer_certificate", "untrusted_intermediates"]));
    tool.arg("--ca").arg(file("ca.pem", &["trusted_certs"]));
    tool.args(["--profile", &profile.to_string()]);
    match (case["validation_kind"] == "CLIENT", case["expected_peer_name"]["value"].as_str()) {
        (true, _) => tool.args(["--purpose", "client"]),
        (false, Some(name)) => tool.args(["--host", name]),
        (false, None) => tool.arg("--any-name"),
    };
    if let Some(time) = case["validation_time"].as_str() {
        tool.args(["--at", time]);
    }
    if let Some(most) = case["max_chain_depth"].as_u64() {
        tool.args(["--max-depth", &most.to_string()]);
    }
    if !case["crls"].as_array().unwrap().is_empty() {
        tool.arg("--require-status").arg("--crl").arg(file("lists.pem", &["crls"]));
    }
    let ran = tool.output().unwrap();
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    match ran.status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(said),
        // No root, or no leaf, that can be read.
        Some(2) if said.contains("malformed") || said.contains("no certificate") => Err(said),
        _ => panic!("{}: {said}", case["id"]),
    }
}

/// `2024-01-01T00:00:00+00:00`, fractions dropped.
fn seconds(text: &str) -> u64 {
    assert!(text.ends_with("+00:00") || text.ends_with('Z'), "{text}");
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u64>().unwrap());
    let mut next = || numbers.next().unwrap();
    let (year, month, day, hour, minute, second) = (next(), next(), next(), next(), next(), next());
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let days = years + lengths[..month as usize - 1].iter().sum::<u64>() + day - 1;
    days * 86_400 + hour * 3600 + minute * 60 + second
}
