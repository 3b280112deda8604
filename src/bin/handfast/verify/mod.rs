//! `handfast verify`: chains judged without a connection.

pub(crate) mod args;

use crate::args::Color;
use crate::certificate;
use crate::exit::Exit;
use crate::explain::target::server_name;
use crate::output;
use crate::paper::{Ink, Paper};
use crate::text::clean;
use crate::times;
use crate::trust;
use args::{Use, Verify};
use handfast::observe::Check;
use handfast::pki::{
    self, Certificate, CertificateDer, Crl, Policies, Purpose, Report, Revocation, Rule, ServerName,
    UnixTime, Verifier,
};
use serde_json::{Value, json};
use std::io::{Write, stderr};
use std::path::Path;

/// The version of the JSON object's form.
const SCHEMA: u32 = 0;

/// Judges what was asked for.
pub(crate) fn run(asked: &Verify) -> Exit {
    let question = match Question::new(asked) {
        Ok(question) => question,
        Err(misuse) => return complain(&misuse),
    };
    let paper = Paper::new(Color::Auto);
    let mut exit = Exit::Success;
    for (place, file) in asked.chains.iter().enumerate() {
        let (report, chain) = match question.judge(file, asked.password.as_deref()) {
            Ok(judged) => judged,
            // The others are judged nevertheless.
            Err(misuse) => {
                exit = complain(&misuse);
                continue;
            }
        };
        let ending = ending(&report, &chain, asked, &question);
        match (report.accepted(), &ending, exit) {
            (false, _, Exit::Success | Exit::Ending) => exit = Exit::Certificate,
            (true, Some(_), Exit::Success) => exit = Exit::Ending,
            _ => {}
        }
        let warnings = match chain.first().filter(|_| report.accepted()) {
            Some(leaf) => certificate::warnings(leaf, question.now, question.public),
            None => Vec::new(),
        };
        let remarks: Vec<String> = ending.into_iter().chain(warnings).collect();
        if asked.json {
            output::line(&as_json(&report, &chain, &remarks, file, &question).to_string());
        } else {
            if asked.chains.len() > 1 {
                let apart = if place > 0 { "\n" } else { "" };
                paper.line(&format!("{apart}{}:", clean(&file.display().to_string())));
            }
            tell(&paper, &report, &chain, &remarks, &question, asked.verbose > 0);
        }
        if output::has_failed() {
            break;
        }
    }
    exit
}

/// That it ends within the time that was asked about.
fn ending(
    report: &Report,
    chain: &[CertificateDer<'_>],
    asked: &Verify,
    question: &Question,
) -> Option<String> {
    let leaf = chain.first().filter(|_| report.accepted())?;
    certificate::ends_within(leaf, question.now, asked.expires_within?)
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
    /// Whether that is a time which was given, and not the clock's.
    given: bool,
    /// Whether public authorities are trusted, and held to their own limits.
    public: bool,
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
        let notes = lists.iter().filter_map(|list| note(list, now)).collect();
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
        let public = asked.ca.is_none() && asked.purpose == Use::Server;
        let (purpose, given) = (asked.purpose.into(), asked.at.is_some());
        Ok(Self { verifier, name, purpose, now, given, public, trusted, notes })
    }

    /// The verdict on a file's chain, and the chain.
    fn judge(
        &self,
        file: &Path,
        password: Option<&str>,
    ) -> Result<(Report, Vec<CertificateDer<'static>>), String> {
        let chain = trust::certificates(file, password)?;
        match self.verifier.verify(&chain, self.name.as_ref(), self.purpose, self.now) {
            Ok(accepted) => Ok((accepted.report, chain)),
            Err(refused) => Ok((refused.report, chain)),
        }
    }

    /// What helps: where the time was given, this machine's clock has no part in it.
    fn hint(&self, report: &Report) -> Option<String> {
        match self.given && report.broken() == Some(Rule::Validity) {
            true => Some(format!(
                "it was judged for {}, as --at says; without --at it is judged for today",
                times::written(self.now)
            )),
            false => report.hint().map(clean),
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
fn tell(
    paper: &Paper,
    report: &Report,
    chain: &[CertificateDer<'_>],
    remarks: &[String],
    question: &Question,
    whole: bool,
) {
    let leaf = chain.first().filter(|_| report.accepted()).and_then(|leaf| Certificate::read(leaf).ok());
    let left = leaf.map(|leaf| format!(", {}", certificate::left(&leaf, question.now)));
    let (ink, mark) = if report.accepted() { (Ink::Good, "OK") } else { (Ink::Bad, "!!") };
    let sentence = format!("{}{}", clean(report.sentence()), left.unwrap_or_default());
    paper.hanging(&format!("{}  ", paper.ink(ink, mark)), &sentence, 4);
    let line = |text: String| paper.hanging("    ", &text, 6);
    remarks.iter().for_each(|remark| line(format!("warning: {remark}")));
    question.hint(report).into_iter().for_each(|hint| line(format!("hint: {hint}")));
    line(format!("trusted: {}", clean(&question.trusted)));
    question.notes.iter().for_each(|note| line(format!("note: {note}")));
    for check in report.failures() {
        let (whose, found, required) = (clean(check.certificate), clean(check.found), clean(check.required));
        let Check { rule, section, .. } = check;
        line(format!("FAILED {rule}, {whose}: found {found}; required {required} ({section})"));
    }
    if whole {
        for (depth, passed, text) in report.tree() {
            let mark = if passed { "ok  " } else { "FAIL" };
            line(format!("{mark} {:indent$}{}", "", clean(text), indent = 2 * depth));
        }
        for (place, der) in chain.iter().enumerate() {
            certificate::lines(place, der, question.now).into_iter().for_each(line);
        }
    }
}

/// The report, of which chain it is, and what it rests on.
fn as_json(
    report: &Report,
    chain: &[CertificateDer<'_>],
    remarks: &[String],
    file: &Path,
    question: &Question,
) -> Value {
    let mut whole = json!(report);
    whole["hint"] = question.hint(report).into();
    whole["warnings"] = remarks.into();
    whole["file"] = file.display().to_string().into();
    whole["schema"] = SCHEMA.into();
    whole["handfast"] = env!("CARGO_PKG_VERSION").into();
    whole["trusted"] = question.trusted.as_str().into();
    whole["notes"] = question.notes.clone().into();
    whole["certificates"] = chain.iter().map(|der| certificate::value(der, question.now)).collect();
    whole
}

/// Why a list clears nobody, if it does not.
fn note(list: &Crl, now: UnixTime) -> Option<String> {
    let why = list.unusable_at(now)?;
    let rest = match why.still_revokes() {
        true => "what it revokes is revoked all the same",
        false => "what it says proves nothing",
    };
    Some(clean(&format!("the revocation list of {} clears nobody: {why}; {rest}", list.issuer())))
}
