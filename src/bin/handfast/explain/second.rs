//! `--resume`: a second connection, set beside the first.

use super::drive::Drive;
use super::failure::Failure;
use super::json::why_not;
use super::once::Once;
use super::tally::Tally;
use super::telling::Telling;
use super::trusting::trust;
use crate::text::shown;
use handfast::wire::ProtocolVersion;
use handfast::{ClientSessions, ConnectionInfo, EarlyData, Trust};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::time::Duration;

/// How long a ticket may take: it comes after the handshake, if it comes (RFC 9846
/// section 4.7.1).
const PATIENCE: Duration = Duration::from_secs(1);

/// What came of it.
pub(super) struct Second {
    /// None where there was nothing to offer.
    connection: Option<Told>,
    /// Why nothing was resumed, if it was not.
    why_not: Option<String>,
}

/// The second connection.
struct Told {
    telling: Telling,
    trust: String,
    early_data: Option<Early>,
}

/// What became of early data.
struct Early {
    became: EarlyData,
    /// Octets that went, and those that were to go.
    went: u32,
    whole: usize,
    /// Octets of the answer, and its beginning.
    answered: u64,
    answer: Vec<u8>,
}

/// Waits for the first ticket; TLS 1.2 has it in the handshake.
pub(super) fn wait_for_tickets(drive: &mut Drive<'_>, sessions: &ClientSessions) -> Result<(), Failure> {
    if drive.connection.info().version == Some(ProtocolVersion::TLS12) {
        return Ok(());
    }
    let before = sessions.len();
    drive.hear_until(PATIENCE, |_| sessions.len() > before)
}

impl Second {
    /// Connects again, if the first connection left anything to connect with.
    pub(super) fn make(
        once: &Once<'_>,
        sessions: &ClientSessions,
        info: &ConnectionInfo,
        first: &Telling,
    ) -> (Self, Result<(), Failure>) {
        if sessions.is_empty() {
            let why_not = Some(nothing_to_offer(info, &first.tally));
            return (Self { connection: None, why_not }, Ok(()));
        }
        let mut telling = Telling::again(once.asked);
        let data = once.plan.early_data.as_deref();
        let mut heard = (0, Vec::new());
        let (info, ended) = once.connect(&mut telling, data, |drive| {
            let info = drive.connection.info();
            if let (Some(data), EarlyData::Accepted) = (data, info.early_data) {
                let rest = data.get(info.early_data_sent as usize..).unwrap_or_default();
                drive.send(rest)?;
                drive.hear_answer(PATIENCE)?;
                heard = (drive.answered, std::mem::take(&mut drive.answer));
            }
            Ok(())
        });
        let early_data = data.zip(info.as_ref()).map(|(data, info)| Early {
            became: info.early_data,
            went: info.early_data_sent,
            whole: data.len(),
            answered: heard.0,
            answer: heard.1,
        });
        let trust = info.as_ref().map_or_else(String::new, |info| trust(info, &once.plan.trusted));
        let resumed = info.is_some_and(|info| info.resumed);
        let why_not = (!resumed).then(|| not_resumed(first, &telling));
        (Self { connection: Some(Told { telling, trust, early_data }), why_not }, ended)
    }

    /// For the verdict.
    pub(super) fn verdict(&self) -> String {
        let early_data = self.connection.as_ref().and_then(|told| told.early_data.as_ref());
        let early_data = early_data.map_or_else(String::new, |early| format!("; {}", early.verdict()));
        match &self.why_not {
            None => format!("resumed on a second connection{early_data}"),
            Some(why) => format!("NOT resumed: {why}{early_data}"),
        }
    }

    /// Its story, and the two beside each other.
    pub(super) fn tell(&self, first: &Telling) {
        let story = &first.story;
        if let Some(Told { telling, trust, .. }) = &self.connection {
            telling.end_again(trust);
        }
        story
            .heading("RESUMPTION (the second connection beside the first, until the handshake was complete)");
        match &self.why_not {
            None => story.fact("session", "resumed: the server took the ticket"),
            Some(why) => story.fact("session", &format!("not resumed: {why}")),
        }
        let Some(Told { telling: second, early_data, .. }) = &self.connection else { return };
        for Row { name, unit, first, second } in rows(&first.tally, &second.tally) {
            let saved = match first.cmp(&second) {
                Ordering::Equal => "nothing saved".to_owned(),
                Ordering::Greater => format!("{} saved", first - second),
                Ordering::Less => format!("{} more", second - first),
            };
            story.fact(name, &format!("{first}{unit}, then {second}: {saved}"));
        }
        if let Some(keys) = keys(self.why_not.is_none(), second) {
            story.fact("keys", &keys);
        }
        if let Some(early) = early_data {
            story.fact("early data", &early.sentence());
            if early.became == EarlyData::Accepted {
                story.fact("answer", &early.answer());
            }
        }
    }

    /// The same for JSON.
    pub(super) fn value(&self, first: &Telling) -> Value {
        let told = self.connection.as_ref();
        let rows = |told: &Told| -> serde_json::Map<_, _> {
            let rows = rows(&first.tally, &told.telling.tally).into_iter();
            let value = |row: &Row| json!({ "first": row.first, "second": row.second, "saved": row.first as i64 - row.second as i64 });
            rows.map(|row| (row.name.replace(' ', "_"), value(&row))).collect()
        };
        json!({
            "resumed": self.why_not.is_none(),
            "why_not": self.why_not,
            "compared": told.map(rows),
            "early_data": told.and_then(|told| told.early_data.as_ref()).map(Early::value),
            "connection": told.map(|told| told.telling.connection(&told.trust)),
        })
    }
}

impl Early {
    fn verdict(&self) -> String {
        match self.became {
            EarlyData::Accepted => format!("{} B of early data accepted", self.went),
            EarlyData::Rejected(why) => format!("early data REJECTED: {why}"),
            EarlyData::NotOffered(why) => format!("early data NOT SENT: {why}"),
            _ => "early data was sent, and the server did not answer it".to_owned(),
        }
    }

    fn sentence(&self) -> String {
        let sent = format!("{} of {} B went with the ClientHello", self.went, self.whole);
        match self.became {
            EarlyData::Accepted if self.went as usize == self.whole => {
                format!("accepted: {sent}, a round trip before anything else could")
            }
            EarlyData::Accepted => {
                format!("accepted: {sent}, as many as the ticket allows; the rest followed")
            }
            EarlyData::Rejected(why) => {
                format!("rejected: {why}; {sent}, and are lost: nothing was sent again")
            }
            EarlyData::NotOffered(why) => format!("not sent: {why}"),
            _ => format!("{sent}, and the server did not say what became of it"),
        }
    }

    /// What the server answered: its first line.
    fn answer(&self) -> String {
        let first = self.answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match self.answered {
            0 => format!("none within {} s", PATIENCE.as_secs()),
            all => format!("{all} B, which begin with: {}", shown(first.trim_ascii_end())),
        }
    }

    fn value(&self) -> Value {
        json!({
            "accepted": self.became == EarlyData::Accepted,
            "why_not": why_not(self.became),
            "sent": self.went,
            "given": self.whole,
            "answer": { "length": self.answered, "beginning": self.answer.escape_ascii().to_string() },
            "sentence": self.sentence(),
        })
    }
}

/// What is compared; `unit` follows the numbers.
struct Row {
    name: &'static str,
    unit: &'static str,
    first: usize,
    second: usize,
}

fn rows(first: &Tally, second: &Tally) -> [Row; 6] {
    let row = |name, unit, of: fn(&Tally) -> usize| Row { name, unit, first: of(first), second: of(second) };
    [
        row("round trips", "", |tally| tally.round_trips as usize),
        row("sent", " B", |tally| tally.sent.until_done),
        row("received", " B", |tally| tally.received.until_done),
        row("chain", " B of certificates", |tally| tally.chain),
        row("verified", " signatures", |tally| tally.verified as usize),
        row("signed", " signatures", |tally| tally.signed as usize),
    ]
}

/// What the keys of a resumed connection rest on.
fn keys(resumed: bool, second: &Telling) -> Option<String> {
    let version = second.negotiated.version.filter(|_| resumed)?;
    Some(match (version, second.negotiated.group) {
        (ProtocolVersion::TLS13, Some(group)) => {
            format!("the session's, and a fresh {group} secret: forward secrecy is kept")
        }
        (ProtocolVersion::TLS13, None) => {
            "the session's alone: whoever learns it reads this connection".to_owned()
        }
        _ => "the session's master_secret: whoever learns it reads both connections".to_owned(),
    })
}

/// Why the first connection left nothing.
fn nothing_to_offer(info: &ConnectionInfo, first: &Tally) -> String {
    let tls12 = info.version == Some(ProtocolVersion::TLS12);
    match &info.trust {
        Trust::AcceptedThisOnce(_) => {
            "the server was accepted for this connection alone, and such a session is not kept".to_owned()
        }
        _ if tls12 && !info.extended_master_secret => {
            "TLS 1.2 without extended_master_secret is not resumed (RFC 7627 section 5.3)".to_owned()
        }
        _ if first.tickets > 0 => {
            "the ticket that came was not kept: it is too long, or expires at once".to_owned()
        }
        _ if tls12 => "the server gave no ticket".to_owned(),
        _ => format!("no ticket came within {} s after the handshake", PATIENCE.as_secs()),
    }
}

/// Why the second handshake was a full one.
fn not_resumed(first: &Telling, second: &Telling) -> String {
    let offered = second.negotiated.keys.are_offered();
    let why = match (offered, second.negotiated.version.is_some()) {
        (false, _) => "the session could not be offered: it does not fit the second connection",
        (true, false) => "the server did not answer the offer",
        (true, true) => "the server did not take the ticket, and does not say why",
    };
    match (first.tally.peer, second.tally.peer) {
        (Some(one), Some(other)) if one != other && offered => format!(
            "{why}; it was another machine ({other}, at first {one}), which may not have the keys of the first"
        ),
        _ => why.to_owned(),
    }
}
