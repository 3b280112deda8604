//! A handshake from the server's point of view, told when it is over.

use super::events::{Recorder, What};
use super::negotiated::Negotiated;
use super::story::Story;
use crate::args::Color;
use crate::paper::Paper;
use crate::text::{clean, shown};
use handfast::observe::{Observed, Observer};
use handfast::{ConnectionInfo, Trust};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hears a handshake, and nothing that follows it: a connection may live long.
pub(crate) struct Incoming {
    recorder: Recorder,
    over: AtomicBool,
}

impl Default for Incoming {
    fn default() -> Self {
        Self { recorder: Recorder::new(false, None), over: AtomicBool::new(false) }
    }
}

impl Observer for Incoming {
    fn observe(&self, event: &Observed<'_>) {
        if !self.over.load(Ordering::Relaxed) {
            self.recorder.observe(event);
        }
    }
}

impl Incoming {
    /// The handshake is over: what follows is not heard.
    pub(crate) fn end(&self, done: bool) {
        if done {
            self.recorder.push(What::Done);
        }
        self.over.store(true, Ordering::Relaxed);
    }

    /// Tells what was heard; `failed` says why the handshake failed.
    pub(crate) fn tell(&self, peer: SocketAddr, info: &ConnectionInfo, failed: Option<&str>) {
        let mut story = Story::new(Paper::new(Color::Auto), 0);
        let mut negotiated = Negotiated::at_server();
        story.heading(&format!("HANDSHAKE with {peer}"));
        for heard in self.recorder.take() {
            if let What::Message { direction, bytes, .. } = &heard.what {
                negotiated.hear(*direction, bytes);
            }
            story.tell(&heard, &negotiated);
        }
        let reasons = &info.reasons;
        let reasons =
            [("suite", reasons.suite), ("group", reasons.group), ("certificate", reasons.certificate)];
        let reasons: Vec<_> =
            reasons.into_iter().filter_map(|(what, why)| Some((what, why?.sentence()))).collect();
        let trust = if failed.is_none() { trust(info) } else { String::new() };
        story.choices(&negotiated, &trust, &reasons);
        if let Some(why) = failed {
            story.paper.line(&format!("  failed: {}", clean(why)));
        }
    }
}

fn trust(info: &ConnectionInfo) -> String {
    match &info.trust {
        Trust::Anonymous => "the client showed no certificate: it may be anybody".to_owned(),
        Trust::Policy => "the client's certificate comes from the authorities of --client-ca".to_owned(),
        Trust::PreSharedKey(identity) => {
            format!("the client has the pre-shared key {}, and showed no certificate", shown(identity))
        }
        _ => String::new(),
    }
}
