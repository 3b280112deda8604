//! The end of what is told: of one connection, and of a second one beside it.

use super::json;
use super::telling::Telling;
use super::verdict::Outcome;
use crate::certificate;
use crate::exit::Exit;
use handfast::pki::{CertificateDer, UnixTime};
use serde_json::json;

/// Tells what is told at the end: the verdict on top of the story, or the JSON object.
pub(super) fn end(
    told: &Telling,
    outcome: &Outcome,
    exit: Exit,
    sentence: Option<&str>,
    verdict: &str,
    now: UnixTime,
) {
    let story = &told.story;
    let chain = || told.negotiated.chain.iter().map(|der| CertificateDer::from(&der[..]));
    if told.json.is_none() {
        if !outcome.target.is_empty() {
            let say = || {
                story.verdict_of_all(verdict, exit);
                outcome.remarks.iter().for_each(|remark| story.warning(remark));
            };
            let on_top = story.paper.release(say);
            story.end(&told.negotiated, &told.tally, &outcome.trust, &outcome.server_reasons);
            if told.verbose > 0 && !told.negotiated.chain.is_empty() {
                story.heading("CERTIFICATES (what they say of themselves)");
                let lines = chain().enumerate().flat_map(|(place, der)| certificate::lines(place, &der, now));
                lines.for_each(|line| story.paper.hanging("  ", &line, 6));
            }
            if let Some(second) = &outcome.second {
                second.tell(told);
            }
            if !on_top {
                story.heading("VERDICT");
                say();
            }
        }
        return;
    }
    let reasons: serde_json::Map<_, _> =
        outcome.server_reasons.iter().map(|(what, why)| ((*what).to_owned(), json!(why))).collect();
    let mut whole = told.connection(&outcome.trust);
    let more = json!({
        "schema": json::SCHEMA,
        "handfast": env!("CARGO_PKG_VERSION"),
        "target": outcome.target,
        "server_reasons": reasons,
        "pin": outcome.pin,
        "certificates": chain().map(|der| certificate::value(&der, now)).collect::<Vec<_>>(),
        "warnings": outcome.remarks,
        "verdict": verdict,
        "resumption": outcome.second.as_ref().map(|second| second.value(told)),
        "outcome": { "exit_code": exit as u8, "class": exit.name(), "sentence": sentence },
    });
    if let (Some(whole), serde_json::Value::Object(more)) = (whole.as_object_mut(), more) {
        whole.extend(more);
    }
    story.paper.line(&whole.to_string());
}
