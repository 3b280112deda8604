//! `handfast verify`: chains judged without a connection.

pub(crate) mod args;
mod facts;
mod rfc3339;

use crate::exit::Exit;
use crate::explain::target::server_name;
use crate::output;
use crate::text::clean;
use crate::trust;
use args::{Use, Verify};
use handfast::observe::Check;
use handfast::pki::{
    self, CertificateDer, Crl, Policies, Purpose, Report, Revocation, ServerName, UnixTime, Verifier,
};
use serde_json::{Value, json};
use std::io::{Read, Write, stderr, stdin};
use std::path::Path;

/// The version of the JSON object's form.
const SCHEMA: u32 = 0;

/// Judges what was asked for.
pub(crate) fn run(asked: &Verify) -> Exit {
    let question = match Question::new(asked) {
        Ok(question) => question,
        Err(misuse) => return complain(&misuse),
    };
    let mut exit = Exit::Success;
    for (place, file) in asked.chains.iter().enumerate() {
        let (report, chain) = match question.judge(file) {
            Ok(judged) => judged,
            // The others are judged nevertheless.
            Err(misuse) => {
                exit = complain(&misuse);
                continue;
            }
        };
        if !report.accepted() && exit == Exit::Success {
            exit = Exit::Certificate;
        }
        let text = if asked.json {
            as_json(&report, &chain, file, &question).to_string()
        } else {
            let title = match (asked.chains.len(), place) {
                (1, _) => String::new(),
                (_, 0) => format!("{}:\n", clean(&file.display().to_string())),
                _ => format!("\n{}:\n", clean(&file.display().to_string())),
            };
            title + &told(&report, &chain, &question, asked.verbose > 0)
        };
        output::line(&text);
        if output::has_failed() {
            break;
        }
    }
    exit
}

fn complain(misuse: &str) -> Exit {
    let _nobody_listens = writeln!(stderr(), "handfast: {misuse}");
    Exit::Misuse
}

/// What is asked about each chain.
struct Question {
    verifier: Verifier,
    name: Option<ServerName<'static>>,
    purpose: Purpose,
    now: UnixTime,
    /// Whom it trusts, in words.
    trusted: String,
    /// What is to be known of the lists.
    notes: Vec<String>,
}

impl Question {
    /// Why there is none, if there is not.
    fn new(asked: &Verify) -> Result<Self, String> {
        let name = match (&asked.host, asked.purpose, asked.any_name) {
            (Some(host), Use::Server, _) => Some(server_name(host)?),
            (None, Use::Server, false) => {
                return Err("--host NAME is missing: a server's certificate is judged for a name \
                    (--any-name, if it may have any)"
                    .to_owned());
            }
            (Some(_), Use::Client, _) => {
                return Err("--host has no meaning for a client's certificate".to_owned());
            }
            (None, ..) => None,
        };
        let (roots, trusted) = trust::roots(asked.ca.as_deref())?;
        let now = asked.at.unwrap_or_else(UnixTime::now);
        let lists = lists(asked)?;
        let notes = lists.iter().filter_map(|list| facts::note(list, now)).collect();
        let revocation = if asked.require_status { Revocation::hard(lists) } else { Revocation::firm(lists) };
        let profile = asked.relax.iter().fold(asked.profile, |profile, rule| profile.without(*rule));
        let verifier =
            if asked.any_name { Verifier::chain_without_name(roots) } else { Verifier::web_pki(roots) };
        let mut verifier = verifier.with_profile(profile).with_revocation(revocation);
        if let Some(most) = asked.max_depth {
            verifier = verifier.with_most_intermediates(most);
        }
        if let Some(longest) = asked.longest_path {
            verifier = verifier.with_longest_path(longest.into());
        }
        verifier = verifier.with_policies(policies(asked));
        let trusted = format!("{trusted}, under the profile {profile}");
        Ok(Self { verifier, name, purpose: asked.purpose.into(), now, trusted, notes })
    }

    /// The verdict on a file's chain, and the chain.
    fn judge(&self, file: &Path) -> Result<(Report, Vec<CertificateDer<'static>>), String> {
        let chain =
            pki::certificates(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
        match self.verifier.verify(&chain, self.name.as_ref(), self.purpose, self.now) {
            Ok(accepted) => Ok((accepted.report, chain)),
            Err(refused) => Ok((refused.report, chain)),
        }
    }
}

fn policies(asked: &Verify) -> Policies {
    let policies = match (asked.policy.is_empty(), asked.explicit_policy) {
        (false, _) => Policies::any_of(asked.policy.iter().cloned()),
        (true, true) => Policies::one(),
        (true, false) => Policies::default(),
    };
    let policies = if asked.inhibit_any_policy { policies.without_any_policy() } else { policies };
    if asked.inhibit_policy_mapping { policies.without_mapping() } else { policies }
}

/// The bytes of a file, or of standard input.
fn read(file: &Path) -> Result<Vec<u8>, String> {
    if file != Path::new("-") {
        return trust::read(file);
    }
    let mut bytes = Vec::new();
    let read = stdin().read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| format!("cannot read standard input: {error}"))
}

/// The lists of every file and folder.
fn lists(asked: &Verify) -> Result<Vec<Crl>, String> {
    let mut lists = Vec::new();
    for file in &asked.crl {
        lists.extend(lists_of(file)?);
    }
    for folder in &asked.crl_dir {
        let unreadable = |error| format!("cannot read {}: {error}", folder.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            files.push(entry.map_err(unreadable)?.path());
        }
        files.sort();
        let before = lists.len();
        for file in files.iter().filter(|file| file.is_file()) {
            match lists_of(file) {
                Ok(found) => lists.extend(found),
                Err(why) => {
                    let _nobody_listens = writeln!(stderr(), "handfast: left out: {why}");
                }
            }
        }
        if lists.len() == before {
            return Err(format!("{}: no revocation list in it", folder.display()));
        }
    }
    Ok(lists)
}

fn lists_of(file: &Path) -> Result<Vec<Crl>, String> {
    pki::revocation_lists(&trust::read(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

/// The sentence, the hint and what failed; or, at length, the whole tree and
/// what the certificates say.
fn told(report: &Report, chain: &[CertificateDer<'_>], question: &Question, whole: bool) -> String {
    let mark = if report.accepted() { "OK" } else { "!!" };
    let mut lines = vec![format!("{mark}  {}", clean(report.sentence()))];
    lines.extend(report.hint().map(|hint| format!("    hint: {}", clean(hint))));
    lines.push(format!("    trusted: {}", clean(&question.trusted)));
    lines.extend(question.notes.iter().map(|note| format!("    note: {note}")));
    for check in report.failures() {
        let (whose, found, required) = (clean(check.certificate), clean(check.found), clean(check.required));
        let Check { rule, section, .. } = check;
        lines.push(format!("    FAILED {rule}, {whose}: found {found}; required {required} ({section})"));
    }
    if whole {
        for (depth, passed, text) in report.tree() {
            let mark = if passed { "ok  " } else { "FAIL" };
            lines.push(format!("    {mark} {:indent$}{}", "", clean(text), indent = 2 * depth));
        }
        for (place, der) in chain.iter().enumerate() {
            lines.extend(facts::lines(place, der).into_iter().map(|line| format!("    {line}")));
        }
    }
    lines.join("\n")
}

/// The report, of which chain it is, and what it rests on.
fn as_json(report: &Report, chain: &[CertificateDer<'_>], file: &Path, question: &Question) -> Value {
    let mut whole = json!(report);
    whole["file"] = file.display().to_string().into();
    whole["schema"] = SCHEMA.into();
    whole["handfast"] = env!("CARGO_PKG_VERSION").into();
    whole["trusted"] = question.trusted.as_str().into();
    whole["notes"] = question.notes.clone().into();
    whole["certificates"] = chain.iter().map(facts::value).collect();
    whole
}
