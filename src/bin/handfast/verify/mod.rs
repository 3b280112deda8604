//! `handfast verify`: a chain judged without a connection.

pub(crate) mod args;
mod rfc3339;

use crate::exit::Exit;
use crate::explain::target::server_name;
use crate::text::clean;
use crate::trust;
use args::{Use, Verify};
use handfast::observe::Check;
use handfast::pki::{self, Purpose, Report, Revocation, UnixTime, Verifier};
use serde_json::{Value, json};
use std::io::{Write, stderr, stdout};

/// The version of the JSON object's form.
const SCHEMA: u32 = 0;

/// Judges what was asked for.
pub(crate) fn run(asked: &Verify) -> Exit {
    match judge(asked) {
        Err(misuse) => {
            let _nobody_listens = writeln!(stderr(), "handfast: {misuse}");
            Exit::Misuse
        }
        Ok((report, trusted)) => {
            let text = if asked.json {
                as_json(&report, &trusted).to_string()
            } else {
                told(&report, &trusted, asked.verbose > 0)
            };
            let _reader_gone = writeln!(stdout(), "{text}");
            if report.accepted() { Exit::Success } else { Exit::Certificate }
        }
    }
}

/// The verdict, and whom it trusts in words; or why there can be none.
fn judge(asked: &Verify) -> Result<(Report, String), String> {
    let name = match (&asked.host, asked.purpose) {
        (Some(host), Use::Server) => Some(server_name(host)?),
        (None, Use::Server) => {
            return Err("--host NAME is missing: a server's certificate is judged for a name".to_owned());
        }
        (Some(_), Use::Client) => return Err("--host has no meaning for a client's certificate".to_owned()),
        (None, Use::Client) => None,
    };
    let file = trust::read(&asked.chain)?;
    let chain = pki::certificates(&file).map_err(|error| format!("{}: {error}", asked.chain.display()))?;
    let (roots, trusted) = trust::roots(asked.ca.as_deref())?;
    let mut lists = Vec::new();
    for file in &asked.crl {
        let said = |error| format!("{}: {error}", file.display());
        lists.extend(pki::revocation_lists(&trust::read(file)?).map_err(said)?);
    }
    let revocation = if asked.require_status { Revocation::hard(lists) } else { Revocation::firm(lists) };
    let mut verifier = Verifier::web_pki(roots).with_profile(asked.profile).with_revocation(revocation);
    if let Some(most) = asked.max_depth {
        verifier = verifier.with_most_intermediates(most);
    }
    let now = asked.at.unwrap_or_else(UnixTime::now);
    let report = match verifier.verify(&chain, name.as_ref(), Purpose::from(asked.purpose), now) {
        Ok(accepted) => accepted.report,
        Err(refused) => refused.report,
    };
    Ok((report, format!("{trusted}, under the profile {}", asked.profile)))
}

/// The sentence, the hint and what failed; or, at length, the whole tree.
fn told(report: &Report, trusted: &str, whole: bool) -> String {
    let mark = if report.accepted() { "OK" } else { "!!" };
    let mut lines = vec![format!("{mark}  {}", clean(report.sentence()))];
    lines.extend(report.hint().map(|hint| format!("    hint: {}", clean(hint))));
    lines.push(format!("    trusted: {}", clean(trusted)));
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
    }
    lines.join("\n")
}

/// The report, and what it rests on.
fn as_json(report: &Report, trusted: &str) -> Value {
    let mut whole = json!(report);
    whole["schema"] = SCHEMA.into();
    whole["handfast"] = env!("CARGO_PKG_VERSION").into();
    whole["trusted"] = trusted.into();
    whole
}
