//! `handfast explain`: one connection, told step by step.
//!
//! ```text
//!   args -> plan -> once: drive (TCP, Connection) -> events -> telling: story | json
//!            second ^                                       -> negotiated, tally
//! ```

mod drive;
pub(crate) mod embedded;
mod ending;
mod events;
pub(crate) mod failure;
pub(crate) mod incoming;
mod json;
pub(crate) mod keylog;
mod messages;
mod negotiated;
mod once;
mod plan;
mod probe;
mod prompt;
mod second;
mod story;
mod tally;
pub(crate) mod target;
mod telling;
mod trusting;
mod verdict;

use crate::args::Explain;
use crate::certificate;
use crate::exit::Exit;
use crate::sessions::SessionFile;
use crate::text::{self, clean};
use crate::trust::pin_text;
use failure::Failure;
use handfast::pki::{CertificateDer, UnixTime, spki_sha256};
use keylog::KeyLog;
use once::Once;
use plan::Plan;
use prompt::complain;
use second::Second;
use std::io::{IsTerminal, stderr, stdout};
use std::sync::Arc;
use story::INSECURE;
use telling::Telling;
use trusting::trust;
use verdict::Outcome;

/// Explains what was asked for.
pub(crate) fn run(asked: &Explain) -> Exit {
    let mut telling = Telling::new(asked);
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
    if asked.early_data.is_some() {
        outcome.remarks.push(plan::REPLAYS.to_owned());
    }
    if let Some(leaf) = leaf.filter(|_| ended.is_ok()) {
        outcome.remarks.extend(certificate::warnings(&leaf, now, outcome.public));
    }
    let failed = |failure| {
        let which = if outcome.second.is_some() { "the second connection: " } else { "" };
        format!("{which}{}", verdict::failed(failure, asked, &telling.negotiated))
    };
    let mut sentence = ended.as_ref().err().map(failed);
    if let (Some(sentence), Some(address)) = (&mut sentence, outcome.address.as_ref().filter(|_| asked.probe))
        && exit == Exit::NothingInCommon
    {
        *sentence += &format!("\n  {}", probe::ask(address, &outcome.host, asked.timeout));
    }
    let verdict = match &sentence {
        Some(sentence) => format!("FAILED: {sentence}"),
        None => verdict::complete(&outcome, &telling, now),
    };
    ending::end(&telling, &outcome, exit, sentence.as_deref(), &verdict, now);
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
    let keylog = keylog.map(Arc::new);
    let plan = Plan::make(asked).map_err(Failure::Misuse)?;
    outcome.target = plan.title.clone();
    (outcome.host, outcome.public) = (plan.host.clone(), plan.public);
    outcome.address = Some(plan.address.clone());
    telling.begin(&plan);

    let once = Once { asked, plan: &plan, keylog: keylog.clone() };
    let (info, mut ended) = once.connect(telling, None, |drive| match &plan.sessions {
        Some(sessions) => second::wait_for_tickets(drive, sessions),
        None => Ok(()),
    });
    // Whoever resumes a session was shown the chain when that began.
    let kept = info.as_ref().filter(|info| info.resumed).and_then(|info| info.peer_chain.clone());
    if let Some(kept) = kept.filter(|_| telling.negotiated.chain.is_empty()) {
        telling.negotiated.chain = kept.iter().map(|der| der.to_vec()).collect();
    }
    // As the server showed it: a chain that was refused is looked at most.
    let chain: Vec<_> = telling.negotiated.chain.iter().map(|der| CertificateDer::from(&der[..])).collect();
    outcome.pin = chain.first().and_then(|leaf| spki_sha256(leaf).ok()).map(|pin| pin_text(&pin));
    outcome.trust = info.as_ref().map_or_else(String::new, |info| trust(info, &plan.trusted));
    if let Some(file) = asked.save_chain.as_ref().filter(|_| !chain.is_empty()) {
        save_chain(file, &chain)?;
    }
    let sessions = plan.sessions.as_ref().filter(|_| asked.resumes());
    if let (Ok(()), Some(info), Some(sessions)) = (&ended, &info, sessions) {
        let (second, failed) = Second::make(&once, sessions, info, telling);
        (outcome.second, ended) = (Some(second), failed);
    }
    // A ticket that was used is not there any more, whatever came of it.
    if let Err(error) = plan.kept.as_ref().map_or(Ok(()), SessionFile::save) {
        return Err(Failure::Misuse(error));
    }
    if let Some(server) = plan.embedded {
        let reasons = server.reasons();
        let told = [("suite", reasons.suite), ("group", reasons.group), ("certificate", reasons.certificate)];
        outcome.server_reasons =
            told.into_iter().filter_map(|(what, why)| Some((what, why?.sentence()))).collect();
    }
    if let Some(error) = keylog.and_then(|keylog| keylog.error()) {
        return Err(Failure::Misuse(format!("the key log could not be written: {error}")));
    }
    ended
}

fn save_chain(file: &std::path::Path, chain: &[CertificateDer<'_>]) -> Result<(), Failure> {
    let pem: String = chain.iter().map(|der| text::pem("CERTIFICATE", der)).collect();
    let said = |error| Failure::Misuse(format!("cannot write {}: {error}", file.display()));
    std::fs::write(file, pem).map_err(said)
}
