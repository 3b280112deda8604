//! One connection's events on their way to the story or the JSON object.

use super::events::{Recorder, What};
use super::json;
use super::negotiated::Negotiated;
use super::plan::Plan;
use super::story::Story;
use super::tally::Tally;
use crate::args::Explain;
use crate::paper::Paper;
use serde_json::json;
use std::io::{IsTerminal, stdout};
use std::time::Duration;

/// A handshake that takes longer than this is told while it runs, to whoever
/// looks on; otherwise the verdict stands above its story.
const MOMENT: Duration = Duration::from_secs(1);

pub(super) struct Telling {
    pub(super) story: Story,
    /// The events, where JSON is asked for.
    pub(super) json: Option<Vec<serde_json::Value>>,
    pub(super) verbose: u8,
    /// Whether it may be told while it runs: a second connection's story waits for
    /// the end of the first's.
    live: bool,
    pub(super) negotiated: Negotiated,
    pub(super) tally: Tally,
}

impl Telling {
    pub(super) fn new(asked: &Explain) -> Self {
        Self {
            story: Story::new(Paper::new(asked.color), asked.verbose),
            json: asked.json.then(Vec::new),
            verbose: asked.verbose,
            live: true,
            negotiated: Negotiated::default(),
            tally: Tally::default(),
        }
    }

    /// Of a second connection.
    pub(super) fn again(asked: &Explain) -> Self {
        let again = Self { live: false, ..Self::new(asked) };
        if again.json.is_none() {
            again.story.paper.hold();
            again
                .story
                .heading("SECOND HANDSHAKE (on a connection of its own, with what the first one left)");
        }
        again
    }

    pub(super) fn begin(&self, plan: &Plan) {
        if self.json.is_none() {
            self.story.paper.hold();
            self.story.paper.line(&format!("handfast explains the handshake with {}", plan.title));
            plan.notes.iter().for_each(|note| self.story.paper.line(note));
            self.story.heading("HANDSHAKE (ms since the beginning; -> sent, <- received, ** secret; #: the SHA-256's first bytes)");
        }
    }

    pub(super) fn hear(&mut self, recorder: &Recorder) {
        for heard in recorder.take() {
            if let What::Message { direction, bytes, .. } = &heard.what {
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
    pub(super) fn speak(&self) {
        if self.live {
            self.story.paper.release(|| {});
        }
    }

    /// Below the story of the first connection: the second one's.
    pub(super) fn end_again(&self, trust: &str) {
        self.story.paper.release(|| {});
        self.story.end(&self.negotiated, &self.tally, trust, &[]);
    }

    /// What of the JSON object is one connection's.
    pub(super) fn connection(&self, trust: &str) -> serde_json::Value {
        json!({
            "events": self.json,
            "negotiated": json::negotiated(&self.negotiated),
            "randoms": json::randoms(&self.negotiated),
            "trust": trust,
            "client_certificate_requested": self.negotiated.requested.as_ref().map(|names| json!({ "authorities": names })),
            "cost": json::cost(&self.tally),
            "ending": json::ending(&self.tally),
        })
    }
}
