//! NIST's Public Key Interoperability Test Suite (PKITS), each run held against
//! the verdict that its document expects (`tests/pkits/runs.txt`). The suite's
//! certificates and lists are not part of this repository: their folder is given
//! in `HANDFAST_PKITS`. The disagreements are the table `docs/pkits.md`, which
//! `HANDFAST_PKITS_WRITE=1` writes anew.
//!
//! The document gives each run a path and lists of its own. Here every run is
//! given the certificate at the end of its path, all authorities' certificates
//! of the suite and all of its lists: what belongs together is found.

use handfast::pki::{
    CertificateDer, Crl, Policies, PolicyId, Profile, Purpose, Revocation, Roots, Rule, UnixTime, Verifier,
};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pkits.md");

/// How many runs agree at least.
const BAR: usize = 240;

/// 2011-04-15, a day after the suite was made.
const NOW: Duration = Duration::from_secs(1_302_825_600);

/// The sections of the document, and by what their invalid runs are refused.
#[rustfmt::skip]
const SECTIONS: [(&str, &str, &[Rule]); 16] = [
    ("4.1", "Signature Verification", &[Rule::Signature, Rule::Trust, Rule::Readable]),
    ("4.2", "Validity Periods", &[Rule::Validity]),
    ("4.3", "Verifying Name Chaining", &[Rule::Trust]),
    ("4.4", "Basic Certificate Revocation Tests", &[Rule::Revoked, Rule::RevocationStatus]),
    ("4.5", "Verifying Paths with Self-Issued Certificates", &[Rule::Revoked, Rule::BasicConstraints]),
    ("4.6", "Verifying Basic Constraints", &[Rule::BasicConstraints, Rule::PathLength]),
    ("4.7", "Key Usage", &[Rule::KeyUsage, Rule::RevocationStatus]),
    ("4.8", "Certificate Policies", &[Rule::PolicyTree]),
    ("4.9", "Require Explicit Policy", &[Rule::PolicyTree]),
    ("4.10", "Policy Mappings", &[Rule::PolicyTree, Rule::Extensions]),
    ("4.11", "Inhibit Policy Mapping", &[Rule::PolicyTree]),
    ("4.12", "Inhibit Any Policy", &[Rule::PolicyTree]),
    ("4.13", "Name Constraints", &[Rule::NameConstraints]),
    ("4.14", "Distribution Points", &[Rule::Revoked, Rule::RevocationStatus]),
    ("4.15", "Delta-CRLs", &[Rule::Revoked, Rule::RevocationStatus]),
    ("4.16", "Private Certificate Extensions", &[Rule::CriticalExtensions]),
];

const INDIRECT: &str =
    "indirect lists are not supported: what they say of other issuers' certificates proves nothing";
const DSA: &str = "DSA is not supported";

/// Why a run disagrees.
#[rustfmt::skip]
const REASONS: &[(&str, &str)] = &[
    ("4.1.4", DSA), ("4.1.5", DSA),
    ("4.14.22", INDIRECT), ("4.14.24", INDIRECT), ("4.14.25", INDIRECT), ("4.14.28", INDIRECT),
    ("4.14.29", INDIRECT), ("4.14.30", INDIRECT), ("4.14.33", INDIRECT),
];

struct Run<'a> {
    number: &'a str,
    valid: bool,
    end: &'a str,
    policies: Policies,
    title: &'a str,
}

fn runs() -> impl Iterator<Item = Run<'static>> {
    include_str!("pkits/runs.txt").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [number, verdict, end, inputs, title] = columns[..] else { panic!("{line}") };
        let has = |word: &str| inputs.split(' ').any(|input| input == word);
        let set = inputs.split(' ').find_map(|input| input.strip_prefix("policies="));
        let mut policies = set.map_or(Policies::one(), |set| Policies::any_of(set.split(',').map(policy)));
        policies = if has("explicit") { policies } else { policies.where_demanded() };
        policies = if has("no-any") { policies.without_any_policy() } else { policies };
        policies = if has("no-mapping") { policies.without_mapping() } else { policies };
        Run { number, valid: verdict == "valid", end, policies, title }
    })
}

fn policy(number: &str) -> PolicyId {
    format!("2.16.840.1.101.3.2.1.48.{number}").parse().unwrap()
}

/// The files of a folder with what their names end with.
fn files(folder: &Path, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|own| own == ending))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn pkits() {
    let Ok(folder) = std::env::var("HANDFAST_PKITS") else {
        println!("skipped: HANDFAST_PKITS does not say where PKITS_data is");
        return;
    };
    let certificates = files(&Path::new(&folder).join("certs"), "crt");
    let lists = files(&Path::new(&folder).join("crls"), "crl");
    let named = |name: &str| {
        let found = certificates.iter().find(|(own, _)| own == name);
        CertificateDer::from(found.unwrap_or_else(|| panic!("no certificate {name}")).1.clone())
    };
    let mut roots = Roots::new();
    roots.add(named("TrustAnchorRootCertificate")).unwrap();
    let unreadable = lists.iter().filter(|(_, der)| Crl::read(der).is_err()).map(|(name, _)| name.as_str());
    // Its signature is no whole number of octets.
    assert_eq!(unreadable.collect::<Vec<_>>(), ["BadCRLSignatureCACRL"]);
    let readable = lists.iter().filter_map(|(_, der)| Crl::read(der).ok());
    let verifier = Verifier::chain_without_name(roots)
        .with_profile(Profile::PRIVATE)
        .with_revocation(Revocation::hard(readable));
    let pool: Vec<CertificateDer<'_>> = certificates
        .iter()
        .filter(|(name, _)| !name.ends_with("EE"))
        .map(|(_, der)| CertificateDer::from(der.as_slice()))
        .collect();

    let mut sections = SECTIONS.map(|_| [0, 0]);
    let mut disagreements = String::new();
    for run in runs() {
        let chain: Vec<_> = [named(run.end)].into_iter().chain(pool.iter().cloned()).collect();
        let verifier = verifier.clone().with_policies(run.policies);
        let now = UnixTime::since_unix_epoch(NOW);
        let verdict = verifier.verify(&chain, None, Purpose::Server, now);
        if std::env::var_os("HANDFAST_PKITS_WHY").is_some() {
            let report = match &verdict {
                Ok(accepted) => &accepted.report,
                Err(refused) => &refused.report,
            };
            println!("{} {}: {report:#}", run.number, run.title);
        }
        let of = |number: &str| run.number.strip_prefix(number).is_some_and(|rest| rest.starts_with('.'));
        let place = SECTIONS.iter().position(|(number, ..)| of(number)).unwrap();
        sections[place][1] += 1;
        if verdict.is_ok() == run.valid {
            sections[place][0] += 1;
            // Not for something else.
            let broken = verdict.err().and_then(|refused| refused.report.broken());
            assert!(
                broken.is_none_or(|rule| SECTIONS[place].2.contains(&rule)),
                "{}: {broken:?}",
                run.number
            );
            continue;
        }
        let word = |valid: bool| if valid { "valid" } else { "invalid" };
        let reason = REASONS.iter().find(|(number, _)| run.number == *number);
        let reason = reason.map_or("unexplained", |(_, reason)| reason);
        let (number, title, nist, own) = (run.number, run.title, word(run.valid), word(!run.valid));
        writeln!(disagreements, "| {number} | {title} | {nist} | {own} | {reason} |").unwrap();
    }
    let total: usize = sections.iter().map(|[_, runs]| runs).sum();
    let agree: usize = sections.iter().map(|[agree, _]| agree).sum();
    let rows: String = SECTIONS
        .iter()
        .zip(sections)
        .map(|((number, title, rules), [agree, runs])| {
            let rules: Vec<_> = rules.iter().map(|rule| format!("`{}`", rule.name())).collect();
            format!("| {number} {title} | {runs} | {agree} | {} |\n", rules.join(", "))
        })
        .collect();
    let page = format!(
        "# PKITS\n\n\
        The {total} runs of NIST's [Public Key Interoperability Test\n\
        Suite](https://csrc.nist.gov/projects/pki-testing) (PKITS 1.0.1 of 2011; a test with other inputs is a run of\n\
        its own), of which {agree} agree. Each is judged with `Verifier::chain_without_name` under the profile `private`,\n\
        with no rule relaxed, at the time of the suite, with `Revocation::hard` and the certificate policies that the\n\
        run asks for (`Verifier::with_policies`). Every run is given all authorities' certificates of the suite and all\n\
        of its lists, and finds its own path and those that belong to it. Written and checked by `tests/pkits.rs`.\n\n\
        | section | runs | agree | invalid runs are refused by |\n| --- | --- | --- | --- |\n{rows}\n\
        | run | title | PKITS | here | reason |\n| --- | --- | --- | --- | --- |\n{disagreements}",
    );
    println!("{agree} of {total} agree");
    if std::env::var_os("HANDFAST_PKITS_WRITE").is_some() {
        std::fs::write(TABLE, &page).unwrap();
    }
    assert!(agree >= BAR, "{agree} of {total}, and {BAR} is the bar");
    assert!(!disagreements.contains("unexplained"), "a disagreement without a reason:\n{disagreements}");
    assert!(
        std::fs::read_to_string(TABLE).unwrap_or_default() == page,
        "docs/pkits.md is not what was found"
    );
}

/// Whether or not the suite's files are there.
#[test]
fn the_table_of_runs_is_whole() {
    let all: Vec<_> = runs().collect();
    assert_eq!(all.len(), 249);
    assert_eq!(all.iter().filter(|run| run.valid).count(), 114);
    for (place, run) in all.iter().enumerate() {
        assert!(all[place + 1..].iter().all(|other| other.number != run.number), "{} twice", run.number);
    }
}
