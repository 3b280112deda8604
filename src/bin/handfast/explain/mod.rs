//! `handfast explain`: one connection, told step by step.
//!
//! ```text
//!   args -> plan -> drive (TCP, Connection) -> events -> story | json
//!                                                  -> negotiated, tally
//! ```

mod drive;
pub(crate) mod embedded;
mod events;
pub(crate) mod failure;
pub(crate) mod incoming;
mod json;
pub(crate) mod keylog;
mod messages;
mod negotiated;
mod plan;
mod probe;
mod prompt;
mod story;
mod tally;
pub(crate) mod target;
mod verdict;

use crate::args::Explain;
use crate::certificate;
use crate::exit::Exit;
use crate::paper::Paper;
use crate::text::{self, clean};
use crate::trust::pin_text;
use drive::Drive;
use events::Recorder;
use failure::Failure;
use handfast::pki::{CertificateDer, Report, UnixTime, spki_sha256};
use handfast::{ClientOptions, Connection, ConnectionInfo, Trust};
use keylog::KeyLog;
use negotiated::Negotiated;
use plan::Plan;
use serde_json::json;
use std::cell::RefCell;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::Arc;
use std::time::Duration;
use story::{INSECURE, Story};
use tally::Tally;
use verdict::Outcome;

/// A handshake that takes longer than this is told while it runs, to whoever
/// looks on; otherwise the verdict stands above its story.
const MOMENT: Duration = Duration::from_secs(1);

/// Explains what was asked for.
pub(crate) fn run(asked: &Explain) -> Exit {
    let mut telling = Telling {
        story: Story::new(Paper::new(asked.color), asked.verbose),
        json: asked.json.then(Vec::new),
        verbose: asked.verbose,
        negotiated: Negotiated::default(),
        tally: Tally::default(),
    };
    let mut outcome = Outcome::default();
    let ended = explain(asked, &mut telling, &mut outcome);
    let mut exit = ended.as_ref().err().map_or(Exit::Success, Failure::exit);
    let now = UnixTime::now();
    let within = asked.expires_within.filter(|_| exit == Exit::Success);
    let leaf = telling.negotiated.chain.first().map(|der| CertificateDer::from(&der[..]));
    let ending = leaf.as_ref().and_then(|leaf| certificate::ends_within(leaf, now, within?));
    if let Some(ending) = &ending {
        (exit, _) = (Exit::Ending, outcome.remarks.push(ending.clone()));
    }
    if let Some(leaf) = leaf.filter(|_| ended.is_ok()) {
        outcome.remarks.extend(certificate::warnings(&leaf, now, outcome.public));
    }
    let mut sentence =
        ended.as_ref().err().map(|failure| verdict::failed(failure, asked, &telling.negotiated));
    if let (Some(sentence), Some(address)) = (&mut sentence, outcome.address.as_ref().filter(|_| asked.probe))
        && exit == Exit::NothingInCommon
    {
        *sentence += &format!("\n  {}", probe::ask(address, &outcome.host, asked.timeout));
    }
    let verdict = match &sentence {
        Some(sentence) => format!("FAILED: {sentence}"),
        None => verdict::complete(&outcome, &telling.negotiated, &telling.tally, now),
    };
    telling.end(&outcome, exit, sentence.as_deref(), &verdict, now);
    if let Some(ending) = ending {
        complain(&format!("handfast: {ending}"));
    }
    if outcome.trust.starts_with(INSECURE) {
        complain(&format!("handfast: {}", clean(&outcome.trust)));
    }
    // Where the verdict stands alone on the same terminal, it would be said twice.
    let seen = telling.tally.connected.is_none() && !asked.json && !outcome.target.is_empty();
    let seen = seen && stdout().is_terminal() && stderr().is_terminal();
    if let Some(sentence) = sentence.filter(|_| !seen) {
        complain(&format!("handfast: {sentence}"));
    }
    if let (Exit::Certificate, Some(pin)) = (exit, &outcome.pin) {
        complain(&format!("  to accept exactly this key: --pin {pin}"));
    }
    exit
}

fn explain(asked: &Explain, telling: &mut Telling, outcome: &mut Outcome) -> Result<(), Failure> {
    let keylog = asked.keylog.as_deref().map(KeyLog::open).transpose().map_err(Failure::Misuse)?;
    let plan = Plan::make(asked).map_err(Failure::Misuse)?;
    outcome.target = plan.title.clone();
    (outcome.host, outcome.public) = (plan.host.clone(), plan.public);
    outcome.address = Some(plan.address.clone());
    telling.begin(&plan);

    let recorder = Arc::new(Recorder::new(asked.reveal_secrets, keylog));
    let tcp = drive::connect(&plan.address, &recorder, asked.timeout);
    telling.hear(&recorder);
    let tcp = tcp?;
    let mut options = ClientOptions::default();
    options.observer = Some(recorder.clone());
    let connection = Connection::client_with(&plan.config, plan.name.clone(), options)
        .map_err(|error| Failure::Tls { error, received: 0 })?;

    let mut drive = Drive::new(tcp, connection, &recorder, asked.timeout);
    let listeners = RefCell::new(&mut *telling);
    let mut ended = drive.handshake(
        || listeners.borrow_mut().hear(&recorder),
        |report| accept(asked, report, || listeners.borrow().speak()),
    );
    if ended.is_ok() {
        ended = drive.close();
    }
    telling.tally.sent.bytes = drive.sent;
    telling.tally.received.bytes = drive.received;
    telling.tally.first_byte = drive.first_byte;
    telling.hear(&recorder);

    let info = drive.connection.info();
    // As the server showed it: a chain that was refused is looked at most.
    let chain: Vec<_> = telling.negotiated.chain.iter().map(|der| CertificateDer::from(&der[..])).collect();
    outcome.pin = chain.first().and_then(|leaf| spki_sha256(leaf).ok()).map(|pin| pin_text(&pin));
    outcome.trust = trust(info, &plan.trusted);
    if let Some(file) = asked.save_chain.as_ref().filter(|_| !chain.is_empty()) {
        save_chain(file, &chain)?;
    }
    drop(drive);
    if let Some(server) = plan.embedded {
        let reasons = server.reasons();
        let told = [("suite", reasons.suite), ("group", reasons.group), ("certificate", reasons.certificate)];
        outcome.server_reasons =
            told.into_iter().filter_map(|(what, why)| Some((what, why?.sentence()))).collect();
    }
    if let Some(error) = recorder.keylog_error() {
        return Err(Failure::Misuse(format!("the key log could not be written: {error}")));
    }
    ended
}

/// The reason to accept a refused certificate, if there is one.
fn accept(asked: &Explain, report: &Report, speak: impl FnOnce()) -> Option<String> {
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
fn trust(info: &ConnectionInfo, trusted: &str) -> String {
    match &info.trust {
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

fn save_chain(file: &std::path::Path, chain: &[CertificateDer<'_>]) -> Result<(), Failure> {
    let pem: String = chain.iter().map(|der| text::pem("CERTIFICATE", der)).collect();
    let said = |error| Failure::Misuse(format!("cannot write {}: {error}", file.display()));
    std::fs::write(file, pem).map_err(said)
}

/// Says something on standard error; if nobody listens, nobody does.
fn complain(text: &str) {
    let _nobody_listens = writeln!(stderr(), "{text}");
}

/// The events on their way to the story or the JSON object.
struct Telling {
    story: Story,
    /// The events, where JSON is asked for.
    json: Option<Vec<serde_json::Value>>,
    verbose: u8,
    negotiated: Negotiated,
    tally: Tally,
}

impl Telling {
    fn begin(&self, plan: &Plan) {
        if self.json.is_none() {
            self.story.paper.hold();
            self.story.paper.line(&format!("handfast explains the handshake with {}", plan.title));
            plan.notes.iter().for_each(|note| self.story.paper.line(note));
            self.story.heading("HANDSHAKE (ms since the beginning; -> sent, <- received, ** secret; #: the SHA-256's first bytes)");
        }
    }

    fn hear(&mut self, recorder: &Recorder) {
        for heard in recorder.take() {
            if let events::What::Message { direction, bytes, .. } = &heard.what {
                self.negotiated.hear(*direction, bytes);
            }
            self.tally.hear(&heard);
            match &mut self.json {
                Some(events) => events.push(json::event(&heard, &self.negotiated, self.verbose > 1)),
                None => self.story.tell(&heard, &self.negotiated),
            }
        }
        if recorder.now() > MOMENT && stdout().is_terminal() {
            self.speak();
        }
    }

    /// Tells what was heard so far, and the rest while it is heard.
    fn speak(&self) {
        self.story.paper.release(|| {});
    }

    fn end(&self, outcome: &Outcome, exit: Exit, sentence: Option<&str>, verdict: &str, now: UnixTime) {
        let chain = || self.negotiated.chain.iter().map(|der| CertificateDer::from(&der[..]));
        let Some(events) = &self.json else {
            if !outcome.target.is_empty() {
                let say = || {
                    self.story.verdict_of_all(verdict, exit);
                    outcome.remarks.iter().for_each(|remark| self.story.warning(remark));
                };
                let on_top = self.story.paper.release(say);
                self.story.end(&self.negotiated, &self.tally, &outcome.trust, &outcome.server_reasons);
                if self.verbose > 0 && !self.negotiated.chain.is_empty() {
                    self.story.heading("CERTIFICATES (what they say of themselves)");
                    let lines =
                        chain().enumerate().flat_map(|(place, der)| certificate::lines(place, &der, now));
                    lines.for_each(|line| self.story.paper.hanging("  ", &line, 6));
                }
                if !on_top {
                    self.story.heading("VERDICT");
                    say();
                }
            }
            return;
        };
        let reasons: serde_json::Map<_, _> =
            outcome.server_reasons.iter().map(|(what, why)| ((*what).to_owned(), json!(why))).collect();
        let whole = json!({
            "schema": json::SCHEMA,
            "handfast": env!("CARGO_PKG_VERSION"),
            "target": outcome.target,
            "events": events,
            "negotiated": json::negotiated(&self.negotiated),
            "randoms": json::randoms(&self.negotiated),
            "server_reasons": reasons,
            "trust": outcome.trust,
            "pin": outcome.pin,
            "certificates": chain().map(|der| certificate::value(&der, now)).collect::<Vec<_>>(),
            "warnings": outcome.remarks,
            "client_certificate_requested": self.negotiated.requested.as_ref().map(|names| json!({ "authorities": names })),
            "verdict": verdict,
            "cost": json::cost(&self.tally),
            "ending": json::ending(&self.tally),
            "outcome": { "exit_code": exit as u8, "class": exit.name(), "sentence": sentence },
        });
        self.story.paper.line(&whole.to_string());
    }
}
