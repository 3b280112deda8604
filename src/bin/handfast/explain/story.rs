//! The story as text: one line per message, secret and check.

use super::events::{Heard, OwnedCheck, Secret, What};
use super::messages::tell;
use super::negotiated::Negotiated;
use super::tally::Tally;
use crate::exit::Exit;
use crate::paper::{Ink, Paper};
use crate::text::{clean, count, cut, joined};
use handfast::observe::{Direction, Level};
use handfast::wire::{ContentType, Form};
use handfast::{AlertDescription, EarlyData};
use std::time::Duration;

/// What the words about trust begin with where the certificate was refused.
pub(crate) const INSECURE: &str = "INSECURE";

/// The outer type of a ChangeCipherSpec record.
const CHANGE_CIPHER_SPEC: u8 = ContentType::CHANGE_CIPHER_SPEC.0;

/// The inner type of a record of data.
const DATA: u8 = ContentType::APPLICATION_DATA.0;

/// Columns before a text: the time and a mark; and before a detail below it.
const MARGIN: usize = 14;
const DETAIL: usize = 16;

/// Columns of a message's direction, name, length and keys.
const HEAD: usize = 43;

/// Writes the story as it happens.
pub(crate) struct Story {
    pub(crate) paper: Paper,
    /// 0, 1 (every field and check) or more (bytes and records too).
    verbose: u8,
    /// Checks whose verdict has not come yet.
    checks: Vec<OwnedCheck>,
    /// How many of the three randoms were told.
    randoms: u8,
}

impl Story {
    pub(crate) fn new(paper: Paper, verbose: u8) -> Self {
        Self { paper, verbose, checks: Vec::new(), randoms: 0 }
    }

    /// A heading.
    pub(crate) fn heading(&self, text: &str) {
        self.paper.line("");
        self.paper.line(&self.paper.ink(Ink::Bold, text));
    }

    /// One event; `negotiated` has heard it already.
    pub(crate) fn tell(&mut self, heard: &Heard, negotiated: &Negotiated) {
        match &heard.what {
            What::Connected { local, peer, took } => {
                self.at(
                    heard.at,
                    Ink::Plain,
                    "TCP",
                    &format!("{local} -> {peer} connected in {}", ms(*took)),
                );
            }
            What::Message { direction, level, bytes } => {
                self.message(heard.at, *direction, *level, bytes, negotiated);
            }
            What::Secret(secret) => self.secret(heard.at, secret, negotiated),
            What::Check(check) => self.checks.push(check.clone()),
            What::Verdict { accepted, sentence } => self.verdict(heard.at, *accepted, sentence),
            What::Overruled { reason } => {
                let text =
                    format!("the refused certificate is accepted for this connection: {}", clean(reason));
                self.at(heard.at, Ink::Bad, "!!", &text);
            }
            What::Alert { direction, description: AlertDescription::CLOSE_NOTIFY, .. } => {
                self.way(heard.at, *direction, "close_notify", "nothing more comes from this direction");
            }
            What::Alert { direction, level, description } => {
                let level = if *level == 1 { "warning" } else { "fatal" };
                let text = format!("{} {level} alert: {description}", arrow(*direction));
                self.at(heard.at, Ink::Bad, "", &text);
            }
            What::Record { direction, outer_type: CHANGE_CIPHER_SPEC, length, .. } => {
                let head = format!("{:<20}{length:>6} B", "ChangeCipherSpec");
                self.way(
                    heard.at,
                    *direction,
                    &head,
                    match negotiated.form() {
                        Form::Tls12 => "the next record of this direction is under the new keys",
                        Form::Tls13 => "for middleboxes; it means nothing in TLS 1.3",
                    },
                );
            }
            What::Record { direction, outer_type, content_type, length, protected } if self.verbose > 1 => {
                let inside = if *protected { format!(", {content_type} inside") } else { String::new() };
                let text = format!("type {outer_type}{inside}, {length} B with its header");
                self.way(heard.at, *direction, "record", &text);
            }
            What::Record {
                direction: Direction::Out, content_type: DATA, length, protected: true, ..
            } if negotiated.version.is_none() => {
                let head = format!("{:<20}{length:>6} B  early", "early data");
                self.way(heard.at, Direction::Out, &head, "whoever copies it can send it again");
            }
            What::Record { .. } => {}
            What::EarlyDataDecided(EarlyData::Rejected(why)) => {
                self.at(heard.at, Ink::Bad, "!!", &format!("the early data is lost: {why}"));
            }
            What::EarlyDataDecided(_) => {
                self.at(heard.at, Ink::Good, "OK", "the server takes the early data")
            }
            What::Done => self.at(heard.at, Ink::Good, "OK", "the handshake is complete"),
            What::Data(n) => {
                self.way(heard.at, Direction::In, "application data", &format!("{n} B, not shown"))
            }
            What::Fin(direction) => self.way(heard.at, *direction, "FIN", "TCP ends this direction"),
            What::Reset => self.at(heard.at, Ink::Bad, "", "<- RST: the peer reset the TCP connection"),
            What::StillOpen(waited) => {
                let text = format!("the peer left its direction open for {}", ms(*waited));
                self.at(heard.at, Ink::Plain, "", &text);
            }
        }
    }

    fn message(
        &mut self,
        at: Duration,
        direction: Direction,
        level: Level,
        bytes: &[u8],
        negotiated: &Negotiated,
    ) {
        let told = tell(bytes, negotiated.form());
        let head = format!("{:<20}{:>6} B  {:<13}", told.name, bytes.len(), keys(level));
        self.way(at, direction, &head, &told.summary);
        if self.verbose > 0 {
            for (name, value) in &told.fields {
                let value = value.to_string();
                let value = if self.verbose == 1 { cut(&value, 160) } else { value };
                self.detail(&format!("{name}: {}", clean(&value)));
            }
        }
        if self.verbose > 1 {
            bytes.chunks(32).for_each(|row| self.detail(&hex::encode(row)));
        }
        self.wire_randoms(at, negotiated);
    }

    /// The randoms that go over the wire, each once: a second ClientHello repeats
    /// the first's, and the third is there with static RSA alone.
    fn wire_randoms(&mut self, at: Duration, negotiated: &Negotiated) {
        let [client, server, _] = negotiated.randoms();
        match (self.randoms, negotiated.client_random, negotiated.server_random) {
            (0, Some(random), _) => {
                self.randoms = 1;
                self.random(at, &format!("1 of 3, the client's {}", hex::encode(random)), client);
            }
            (1, _, Some(random)) => {
                self.randoms = 2;
                self.random(at, &format!("2 of 3, the server's {}", hex::encode(random)), server);
            }
            (2, ..) => {
                if let Some(encrypted) = &negotiated.encrypted_pre_master {
                    self.randoms = 3;
                    let shown = hex::encode(encrypted);
                    let shown = if self.verbose > 0 { shown } else { cut(&shown, 33) };
                    let which = format!(
                        "3 of 3, the pre-master secret: version and 46 random bytes, encrypted {shown}"
                    );
                    self.random(at, &which, negotiated.randoms()[2]);
                }
            }
            _ => {}
        }
    }

    fn random(&self, at: Duration, which: &str, enters: &str) {
        let head = self.paper.ink(Ink::Bold, &format!("random {which};"));
        self.at(at, Ink::Bold, "", &format!("{head} {enters}"));
    }

    fn secret(&mut self, at: Duration, secret: &Secret, negotiated: &Negotiated) {
        if self.randoms < 3
            && secret.from.contains("the key ")
            && let Some(group) = negotiated.group
        {
            self.randoms = 3;
            let which = format!("3 of 3, the {group} secret, which each side computes and nobody sends");
            self.random(at, &which, negotiated.randoms()[2]);
        }
        let shown = match &secret.revealed {
            Some(revealed) => revealed.clone(),
            None => format!("#{}", secret.fingerprint),
        };
        let name = self.paper.ink(Ink::Secret, &format!("{:<36}", secret.name));
        let length = if self.verbose > 0 { format!("{} B ", secret.length) } else { String::new() };
        self.at(at, Ink::Secret, "**", &format!("{name}{length}{shown}  from {}", secret.from));
    }

    /// The checks of each certificate, the failing ones one by one.
    fn verdict(&mut self, at: Duration, accepted: bool, sentence: &str) {
        let checks = std::mem::take(&mut self.checks);
        for certificate in checks.chunk_by(|a, b| a.depth == b.depth) {
            let Some(first) = certificate.first() else { continue };
            let (passed, failed): (Vec<_>, Vec<_>) = certificate.iter().partition(|check| check.passed);
            let name = clean(&first.certificate);
            let name = if self.verbose > 0 { name } else { cut(&name, 60) };
            let (n, all) = (passed.len(), count(certificate.len(), "check"));
            let mut text = format!("certificate {}, {name}: {n} of {all} passed", first.depth);
            if self.verbose == 0 {
                passed.iter().filter_map(|check| gist(check)).for_each(|gist| text += &format!("; {gist}"));
            }
            let ink = if failed.is_empty() { Ink::Good } else { Ink::Bad };
            self.at(at, ink, "", &text);
            if self.verbose > 0 {
                passed.iter().for_each(|check| self.check(check));
            }
            failed.iter().for_each(|check| self.check(check));
        }
        let (ink, mark) = if accepted { (Ink::Good, "OK") } else { (Ink::Bad, "!!") };
        self.at(at, ink, mark, &clean(sentence));
    }

    fn check(&self, check: &OwnedCheck) {
        let (ink, word) = if check.passed { (Ink::Good, "ok    ") } else { (Ink::Bad, "FAILED") };
        let (found, required) = (clean(&check.found), clean(&check.required));
        let text = format!("{}: found {found}; required {required} ({})", check.rule, check.section);
        self.detail(&format!("{} {text}", self.paper.ink(ink, word)));
    }

    /// How it all ended, in one sentence; below it may stand hints.
    pub(crate) fn verdict_of_all(&self, sentence: &str, exit: Exit) {
        let ink = match exit {
            Exit::Success | Exit::Ending if !sentence.starts_with(INSECURE) => Ink::Good,
            _ => Ink::Bad,
        };
        for (place, line) in sentence.lines().enumerate() {
            let ink = if place == 0 { ink } else { Ink::Plain };
            self.paper.hanging("", &self.paper.ink(ink, line), 4);
        }
    }

    /// Something to mind.
    pub(crate) fn warning(&self, text: &str) {
        self.paper.hanging("  ", &self.paper.ink(Ink::Bad, &format!("warning: {text}")), 4);
    }

    /// What was negotiated, what it cost, how it ended.
    pub(crate) fn end(
        &self,
        negotiated: &Negotiated,
        tally: &Tally,
        trust: &str,
        server_reasons: &[(&'static str, &'static str)],
    ) {
        if tally.connected.is_none() {
            return;
        }
        self.choices(negotiated, trust, server_reasons);
        self.cost(tally);
    }

    /// What was negotiated, by whom, and why.
    pub(crate) fn choices(
        &self,
        negotiated: &Negotiated,
        trust: &str,
        server_reasons: &[(&'static str, &'static str)],
    ) {
        let choices = negotiated.choices();
        if !choices.is_empty() {
            self.heading("NEGOTIATED (the client offers, the server chooses)");
        }
        for choice in choices {
            let lost = match choice.lost.is_empty() {
                true => String::new(),
                false => format!("; not: {}", joined(&choice.lost, if self.verbose > 0 { 64 } else { 4 })),
            };
            self.fact(choice.what, &format!("{:<30} {}{lost}", choice.chosen, choice.why));
        }
        if let Some(randoms) = negotiated.randoms_in_short() {
            self.fact("randoms", randoms);
        }
        if !server_reasons.is_empty() {
            let reasons = server_reasons.iter().map(|(what, why)| format!("{what}: {why}"));
            self.fact("server says", &reasons.collect::<Vec<_>>().join("; "));
        }
        if let Some(client) = negotiated.client() {
            self.fact("client", &client);
        }
        if !trust.is_empty() {
            let ink = if trust.starts_with(INSECURE) { Ink::Bad } else { Ink::Plain };
            self.inked_fact(ink, "trust", &clean(trust));
        }
    }

    fn cost(&self, tally: &Tally) {
        self.heading("COST AND ENDING");
        self.fact("round trips", &format!("1 of TCP, {} of TLS", tally.round_trips));
        for (name, way) in [("sent", tally.sent), ("received", tally.received)] {
            let inside = format!("{} B of handshake messages", way.handshake);
            self.fact(
                name,
                &format!("{} B in {}; in them {inside}", way.bytes, count(way.records as usize, "record")),
            );
        }
        let time = |time: Option<Duration>| time.map_or("not reached".to_owned(), ms);
        let (tcp, first, done) = (time(tally.connected), time(tally.first_byte), time(tally.done));
        self.fact(
            "times",
            &format!("TCP connected {tcp}, first byte of the peer {first}, handshake complete {done}"),
        );
        self.fact("ending", &format!("{}; closed first: {}", tally.ending(), tally.closed_first()));
    }

    pub(crate) fn fact(&self, name: &str, text: &str) {
        self.inked_fact(Ink::Plain, name, text);
    }

    fn inked_fact(&self, ink: Ink, name: &str, text: &str) {
        let name = self.paper.ink(Ink::Bold, &format!("{name:<11}"));
        self.paper.hanging(&format!("  {name} "), &self.paper.ink(ink, text), MARGIN);
    }

    fn way(&self, at: Duration, direction: Direction, head: &str, text: &str) {
        let ink = match direction {
            Direction::Out => Ink::Sent,
            Direction::In => Ink::Received,
        };
        let head = self.paper.ink(ink, &format!("{head:<HEAD$}"));
        self.paper.hanging(&format!("{}{head}", self.margin(at, ink, arrow(direction))), text, MARGIN + HEAD);
    }

    fn at(&self, at: Duration, ink: Ink, mark: &str, text: &str) {
        self.paper.hanging(&self.margin(at, ink, mark), text, MARGIN);
    }

    fn margin(&self, at: Duration, ink: Ink, mark: &str) -> String {
        let time = self.paper.ink(Ink::Dim, &format!("{:>8.1}", at.as_secs_f64() * 1000.0));
        format!("{time}  {} ", self.paper.ink(ink, &format!("{mark:<3}")))
    }

    fn detail(&self, text: &str) {
        self.paper.hanging(&format!("{:DETAIL$}", ""), text, DETAIL + 2);
    }
}

/// What a check that passed adds to one line about its certificate: the name
/// and the dates, whose days suffice.
fn gist(check: &OwnedCheck) -> Option<String> {
    let found = clean(&check.found);
    let found = found.strip_prefix("it is ").or(found.strip_prefix("it ")).unwrap_or(&found);
    match check.rule.as_str() {
        "HostName" => Some(found.to_owned()),
        "Validity" => {
            let is_time = |word: &str| word == "UTC" || word.contains(':');
            Some(found.split(' ').filter(|word| !is_time(word)).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Out => "->",
        Direction::In => "<-",
    }
}

/// Which keys protect.
fn keys(level: Level) -> &'static str {
    match level {
        Level::Initial => "plaintext",
        Level::Early => "early",
        Level::Handshake => "handshake",
        Level::Application => "application",
    }
}

/// Milliseconds.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
