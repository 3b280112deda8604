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
pub(crate) mod paper;
mod plan;
mod prompt;
mod story;
mod tally;
pub(crate) mod target;

use crate::args::Explain;
use crate::exit::Exit;
use crate::text::{self, clean};
use crate::trust::pin_text;
use drive::Drive;
use events::Recorder;
use failure::Failure;
use handfast::pki::{CertificateDer, Report, spki_sha256};
use handfast::{ClientOptions, Connection, ConnectionInfo, Trust};
use keylog::KeyLog;
use negotiated::Negotiated;
use paper::Paper;
use plan::Plan;
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use story::{INSECURE, Story};
use tally::Tally;

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
    let exit = ended.as_ref().err().map_or(Exit::Success, Failure::exit);
    let sentence = ended.err().map(|failure| failure.to_string());
    telling.end(&outcome, exit, sentence.as_deref());
    if outcome.trust.starts_with(INSECURE) {
        complain(&format!("handfast: {}", clean(&outcome.trust)));
    }
    if let Some(sentence) = sentence {
        complain(&format!("handfast: {sentence}"));
    }
    if let (Exit::Certificate, Some(pin)) = (exit, &outcome.pin) {
        complain(&format!("  to accept exactly this key: --pin {pin}"));
    }
    exit
}

/// What is known at the end beside the events.
#[derive(Default)]
struct Outcome {
    target: String,
    /// How this side came to trust the peer, in words.
    trust: String,
    /// The pin of the peer's key.
    pin: Option<String>,
    server_reasons: Vec<(&'static str, &'static str)>,
}

fn explain(asked: &Explain, telling: &mut Telling, outcome: &mut Outcome) -> Result<(), Failure> {
    let keylog = asked.keylog.as_deref().map(KeyLog::open).transpose().map_err(Failure::Misuse)?;
    let plan = Plan::make(asked).map_err(Failure::Misuse)?;
    outcome.target = plan.title.clone();
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
    let mut ended = drive.handshake(|| telling.hear(&recorder), |report| accept(asked, report));
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
fn accept(asked: &Explain, report: &Report) -> Option<String> {
    if asked.insecure() {
        return Some("--insecure was given".to_owned());
    }
    if asked.json || !prompt::somebody_is_there() {
        return None;
    }
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
    let _nobody_listens = writeln!(std::io::stderr(), "{text}");
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
    }

    fn end(&self, outcome: &Outcome, exit: Exit, sentence: Option<&str>) {
        let Some(events) = &self.json else {
            if !outcome.target.is_empty() {
                self.story.end(&self.negotiated, &self.tally, &outcome.trust, &outcome.server_reasons);
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
            "cost": json::cost(&self.tally),
            "ending": json::ending(&self.tally),
            "outcome": { "exit_code": exit as u8, "class": exit.name(), "sentence": sentence },
        });
        self.story.paper.line(&whole.to_string());
    }
}
