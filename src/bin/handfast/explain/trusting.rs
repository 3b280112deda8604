//! What trust in the peer rests on, and whether it is accepted all the same.

use super::prompt::{self, complain};
use crate::args::Explain;
use crate::text::{self, clean};
use handfast::pki::Report;
use handfast::{ConnectionInfo, Trust};

/// The reason to accept a refused certificate, if there is one.
pub(super) fn accept(asked: &Explain, report: &Report, speak: impl FnOnce()) -> Option<String> {
    if asked.insecure() {
        return Some("--insecure was given".to_owned());
    }
    if asked.json || !prompt::somebody_is_there() {
        return None;
    }
    speak();
    complain(&clean(report.sentence()));
    if let Some(hint) = report.hint() {
        complain(&format!("  hint: {}", clean(hint)));
    }
    for check in report.failures() {
        let (found, required) = (clean(check.found), clean(check.required));
        complain(&format!(
            "  {}, {}: found {found}; required {required}",
            clean(check.certificate),
            check.rule
        ));
    }
    prompt::yes("continue with this certificate?").then(|| "a person accepted it".to_owned())
}

/// What trust rests on, in words; loud where it rests on nothing.
pub(super) fn trust(info: &ConnectionInfo, trusted: &str) -> String {
    match &info.trust {
        Trust::PreSharedKey(identity) => {
            let identity = text::shown(identity);
            format!("the server has the pre-shared key {identity}, and showed no certificate")
        }
        Trust::Policy if info.resumed => format!("at the session's first handshake: {trusted}"),
        Trust::Policy => trusted.to_owned(),
        Trust::AcceptedThisOnce(reason) => {
            let failures = info.report.iter().flat_map(|report| report.failures());
            let rules = text::joined(failures.map(|check| check.rule.to_owned()), text::SHORT);
            format!(
                "INSECURE: refused, and accepted because {reason}; failed, and skipped: {rules}; the peer may be anybody"
            )
        }
        _ => String::new(),
    }
}
