//! The story as one JSON object. `schema` is 0 until 1.0: fields may still
//! change their names.

use super::events::{Heard, OwnedCheck, What};
use super::messages::{Value as Field, tell};
use super::negotiated::{Choice, Negotiated};
use super::tally::{Tally, Way};
use handfast::EarlyData;
use handfast::observe::{Direction, Level};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The version of the form.
pub(crate) const SCHEMA: u32 = 0;

/// One event; `bytes` adds the bytes of messages.
pub(crate) fn event(heard: &Heard, negotiated: &Negotiated, bytes: bool) -> Value {
    let (name, mut fields) = match &heard.what {
        What::Connected { local, peer, took } => (
            "connected",
            json!({ "local": local.to_string(), "peer": peer.to_string(), "took_ms": ms(*took) }),
        ),
        What::Message { direction, level, bytes: message } => {
            let told = tell(message, negotiated.form());
            let fields: Map<_, _> =
                told.fields.iter().map(|(name, value)| ((*name).to_owned(), field(value))).collect();
            let mut out = json!({
                "direction": way(*direction), "level": keys(*level), "name": told.name,
                "length": message.len(), "fields": fields,
            });
            if bytes {
                out["bytes"] = hex::encode(message).into();
            }
            ("message", out)
        }
        What::Secret(secret) => {
            let mut out = json!({
                "name": secret.name, "from": secret.from, "length": secret.length,
                "fingerprint": secret.fingerprint,
            });
            if let Some(revealed) = &secret.revealed {
                out["secret"] = revealed.as_str().into();
            }
            ("secret", out)
        }
        What::Check(check) => ("check", self::check(check)),
        What::Verdict { accepted, sentence } => {
            ("verdict", json!({ "accepted": accepted, "sentence": sentence }))
        }
        What::Overruled { reason } => ("overruled", json!({ "reason": reason })),
        What::Alert { direction, level, description } => (
            "alert",
            json!({ "direction": way(*direction), "level": level, "code": description.0, "description": description.to_string() }),
        ),
        What::Record { direction, outer_type, content_type, length, protected } => (
            "record",
            json!({ "direction": way(*direction), "outer_type": outer_type, "content_type": content_type, "length": length, "protected": protected }),
        ),
        What::EarlyDataDecided(decided) => (
            "early_data_decided",
            json!({ "accepted": *decided == EarlyData::Accepted, "why_not": why_not(*decided) }),
        ),
        What::Done => ("handshake_done", json!({})),
        What::Data(n) => ("application_data", json!({ "direction": "in", "length": n })),
        What::Fin(direction) => ("fin", json!({ "direction": way(*direction) })),
        What::Reset => ("reset", json!({ "direction": "in" })),
        What::StillOpen(waited) => ("still_open", json!({ "waited_ms": ms(*waited) })),
    };
    fields["event"] = name.into();
    fields["at_ms"] = ms(heard.at).into();
    fields
}

/// Why early data was not offered, or not taken.
pub(crate) fn why_not(decided: EarlyData) -> Option<&'static str> {
    match decided {
        EarlyData::NotOffered(why) | EarlyData::Rejected(why) => Some(why.sentence()),
        _ => None,
    }
}

fn check(check: &OwnedCheck) -> Value {
    json!({
        "depth": check.depth, "certificate": check.certificate, "rule": check.rule, "section": check.section,
        "found": check.found, "required": check.required, "passed": check.passed,
    })
}

/// What was negotiated: each choice with its reason.
pub(crate) fn negotiated(negotiated: &Negotiated) -> Value {
    let told = |choice: Choice| {
        let value = json!({ "chosen": choice.chosen, "why": choice.why, "not_chosen": choice.lost });
        (choice.what.to_ascii_lowercase(), value)
    };
    negotiated.choices().into_iter().map(told).collect::<Map<_, _>>().into()
}

/// The randoms, and where each enters the keys; the third is sent encrypted, or
/// not at all.
pub(crate) fn randoms(negotiated: &Negotiated) -> Value {
    let [client, server, third] = negotiated.randoms();
    let random = |random: Option<[u8; 32]>| random.map(hex::encode);
    json!({
        "client": { "value": random(negotiated.client_random), "enters": client },
        "server": { "value": random(negotiated.server_random), "enters": server },
        "secret": {
            "group": negotiated.group.map(|group| group.to_string()),
            "encrypted": negotiated.encrypted_pre_master.as_ref().map(hex::encode),
            "enters": third,
        },
    })
}

/// What it cost.
pub(crate) fn cost(tally: &Tally) -> Value {
    let sums =
        |way: &Way| json!({ "bytes": way.bytes, "records": way.records, "handshake_bytes": way.handshake });
    let time = |time: Option<Duration>| time.map(ms);
    json!({
        "round_trips": tally.round_trips, "sent": sums(&tally.sent), "received": sums(&tally.received),
        "tcp_connected_ms": time(tally.connected), "first_byte_ms": time(tally.first_byte), "handshake_ms": time(tally.done),
    })
}

/// How it ended.
pub(crate) fn ending(tally: &Tally) -> Value {
    let sums = |way: &Way| json!({ "close_notify": way.close_notify.is_some(), "fin": way.fin.is_some() });
    json!({
        "sent": sums(&tally.sent), "received": sums(&tally.received), "reset": tally.reset,
        "closed_first": tally.closed_first(), "sentence": tally.ending(),
    })
}

fn field(value: &Field) -> Value {
    match value {
        Field::Text(text) => text.as_str().into(),
        Field::Number(number) => (*number).into(),
        Field::List(items) => items.as_slice().into(),
    }
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

fn keys(level: Level) -> &'static str {
    match level {
        Level::Initial => "initial",
        Level::Early => "early",
        Level::Handshake => "handshake",
        Level::Application => "application",
    }
}

/// Milliseconds with their microseconds.
fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
