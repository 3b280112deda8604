//! What a connection cost, and how it ended: counted off the events.

use super::events::{Heard, What};
use handfast::AlertDescription;
use handfast::observe::Direction::{self, In, Out};
use handfast::pki::Rule;
use handfast::wire::{ContentType, HandshakeType};
use std::net::SocketAddr;
use std::time::Duration;

/// The sums of one direction.
#[derive(Clone, Copy, Default)]
pub(crate) struct Way {
    /// Bytes of TLS, as TCP carried them.
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// Bytes of handshake messages, their headers included.
    pub(crate) handshake: usize,
    /// Bytes of TLS until the handshake was complete, early data not counted.
    pub(crate) until_done: usize,
    pub(crate) close_notify: Option<Duration>,
    pub(crate) fin: Option<Duration>,
}

/// The sums of a connection.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) sent: Way,
    pub(crate) received: Way,
    /// Round trips of the handshake, TCP's not counted.
    pub(crate) round_trips: u32,
    pub(crate) connected: Option<Duration>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) done: Option<Duration>,
    pub(crate) data: usize,
    pub(crate) reset: bool,
    pub(crate) still_open: Option<Duration>,
    pub(crate) fatal: Option<(Direction, AlertDescription)>,
    /// Bytes of the message in which the peer's certificates were.
    pub(crate) chain: usize,
    /// Signatures that this side made, and those that it verified.
    pub(crate) signed: u32,
    pub(crate) verified: u32,
    /// Tickets that came.
    pub(crate) tickets: u32,
    last_message: Option<Direction>,
}

impl Tally {
    pub(crate) fn hear(&mut self, heard: &Heard) {
        match &heard.what {
            What::Connected { took, peer, .. } => {
                (self.connected, self.peer) = (Some(*took), Some(*peer));
            }
            What::Message { direction, bytes, .. } => {
                if (self.last_message, *direction, self.done) == (Some(Out), In, None) {
                    self.round_trips += 1;
                }
                self.last_message = Some(*direction);
                self.way(*direction).handshake += bytes.len();
                let kind = bytes.first().copied().map(HandshakeType);
                match (kind, direction) {
                    (Some(HandshakeType::CERTIFICATE), In) => self.chain = bytes.len(),
                    (Some(HandshakeType::CERTIFICATE_VERIFY), Out) => self.signed += 1,
                    (Some(HandshakeType::CERTIFICATE_VERIFY | HandshakeType::SERVER_KEY_EXCHANGE), In) => {
                        self.verified += 1;
                    }
                    (Some(HandshakeType::NEW_SESSION_TICKET), In) => self.tickets += 1,
                    _ => {}
                }
            }
            What::Record { direction, content_type, length, .. } => {
                let is_data = ContentType(*content_type) == ContentType::APPLICATION_DATA;
                let counts = self.done.is_none() && !is_data;
                let way = self.way(*direction);
                way.records += 1;
                way.until_done += if counts { *length } else { 0 };
            }
            What::Alert { direction, description: AlertDescription::CLOSE_NOTIFY, .. } => {
                self.way(*direction).close_notify = Some(heard.at);
            }
            What::Alert { direction, description, .. } => self.fatal = Some((*direction, *description)),
            What::Done => self.done = Some(heard.at),
            What::Data(n) => self.data += n,
            What::Fin(direction) => self.way(*direction).fin = Some(heard.at),
            What::Reset => self.reset = true,
            What::StillOpen(waited) => self.still_open = Some(*waited),
            What::Check(check) => self.verified += u32::from(check.rule == Rule::Signature.name()),
            What::Secret(_) | What::Verdict { .. } | What::Overruled { .. } | What::EarlyDataDecided(_) => {}
        }
    }

    fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            In => &mut self.received,
            Out => &mut self.sent,
        }
    }

    /// Who closed first, by whichever sign of it went over the wire first.
    pub(crate) fn closed_first(&self) -> &'static str {
        let first = |way: &Way| [way.close_notify, way.fin].into_iter().flatten().min();
        match (first(&self.sent), first(&self.received), self.fatal) {
            (_, _, Some((Out, _))) => "this side",
            (_, _, Some((In, _))) => "the peer",
            (None, None, None) if self.reset => "the peer",
            (None, None, None) => "nobody",
            (Some(own), Some(peers), None) if own <= peers => "this side",
            (Some(_), None, None) => "this side",
            _ => "the peer",
        }
    }

    /// How the connection ended, in a sentence.
    pub(crate) fn ending(&self) -> String {
        let alert = match self.fatal {
            Some((Out, description)) => Some(format!("this side sent the alert {description}")),
            Some((In, description)) => Some(format!("the peer sent the alert {description}")),
            None => None,
        };
        let notified = match (self.sent.close_notify.is_some(), self.received.close_notify.is_some()) {
            (true, true) => "close_notify went both ways: nothing was cut off",
            (true, false) => "this side sent close_notify, the peer did not",
            (false, true) => "the peer sent close_notify",
            (false, false) => "no close_notify went either way",
        };
        let transport = match (self.reset, self.received.fin, self.still_open) {
            (true, ..) => "the peer reset the connection (RST)".to_owned(),
            (_, Some(_), _) => "the peer's FIN came".to_owned(),
            (.., Some(waited)) => {
                format!("the peer left its side open for {:.1} s, and this side left", waited.as_secs_f64())
            }
            _ => "this side left".to_owned(),
        };
        format!("{}; {transport}", alert.unwrap_or_else(|| notified.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(events: Vec<What>) -> Tally {
        let mut tally = Tally::default();
        for (n, what) in events.into_iter().enumerate() {
            tally.hear(&Heard { at: Duration::from_millis(n as u64), what });
        }
        tally
    }

    fn message(direction: Direction) -> What {
        What::Message { direction, level: handfast::observe::Level::Initial, bytes: vec![0; 4] }
    }

    #[test]
    fn round_trips_are_flights_answered() {
        let retried = [Out, In, Out, In, In, Out].map(message);
        assert_eq!(tally(retried.into()).round_trips, 2);
        let ticket_later = vec![message(Out), message(In), message(Out), What::Done, message(In)];
        assert_eq!(tally(ticket_later).round_trips, 1);
    }

    #[test]
    fn early_data_and_what_comes_later_is_none_of_the_handshake_s_bytes() {
        let record = |direction, content_type, length| What::Record {
            direction,
            outer_type: 23,
            content_type,
            length,
            protected: true,
        };
        let all = vec![
            record(Out, 22, 100),
            record(Out, 23, 40),
            record(In, 22, 30),
            What::Done,
            record(In, 22, 9),
        ];
        let tally = tally(all);
        assert_eq!((tally.sent.until_done, tally.received.until_done), (100, 30));
        assert_eq!((tally.sent.records, tally.received.records), (2, 2));
    }

    #[test]
    fn close_notify_and_fin_are_told_apart() {
        let notify =
            |direction| What::Alert { direction, level: 1, description: AlertDescription::CLOSE_NOTIFY };
        let clean = tally(vec![notify(Out), What::Fin(Out), notify(In), What::Fin(In)]);
        assert_eq!(clean.closed_first(), "this side");
        assert!(clean.ending().starts_with("close_notify went both ways"));
        let cut = tally(vec![What::Fin(In), notify(Out)]);
        assert_eq!(cut.closed_first(), "the peer");
        assert!(cut.ending().contains("the peer did not") && cut.ending().contains("FIN came"));
        assert_eq!(tally(vec![What::Reset]).closed_first(), "the peer");
    }
}
