//! What an observer hears, in plain words: integers, strings and byte slices.
//!
//! Events are made at five places only: a record in or out, a handshake
//! message in or out, a secret derived, a certificate judged, an alert. Whoever
//! explains a message parses its bytes again with [`wire`](crate::wire).
//! Without an observer each place costs one branch.

use crate::alert::AlertDescription;
use std::sync::{Arc, OnceLock};

/// Hears what a connection does.
///
/// ```
/// use handfast::observe::{Observed, Observer};
/// struct Records;
/// impl Observer for Records {
///     fn observe(&self, event: &Observed<'_>) {
///         if let Observed::Record { direction, length, .. } = event {
///             println!("{direction:?} {length} bytes");
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Called at each event, on the thread that drives the connection.
    fn observe(&self, event: &Observed<'_>);
}

/// Which way something went, seen from this side.
///
/// ```
/// use handfast::observe::Direction;
/// let arrow = |direction| match direction {
///     Direction::In => "<-",
///     Direction::Out => "->",
/// };
/// assert_eq!(arrow(Direction::Out), "->");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

/// Which keys protect (RFC 9001 section 2.1 gives the levels these names).
///
/// ```
/// use handfast::observe::Level;
/// // What anybody on the way reads, too.
/// let is_public = |level| level == Level::Initial;
/// assert!(is_public(Level::Initial) && !is_public(Level::Handshake));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// None: plaintext.
    Initial,
    /// 0-RTT keys.
    Early,
    /// Handshake traffic keys.
    Handshake,
    /// Application traffic keys.
    Application,
}

/// One thing that happened.
///
/// ```
/// use handfast::{AlertDescription, observe::{Direction, Observed}};
/// // What a log of failures takes of it.
/// let line = |event: &Observed<'_>| match event {
///     Observed::Alert { direction, description, .. } => Some(format!("{direction:?}: {description}")),
///     Observed::Verdict { accepted: false, sentence } => Some(sentence.to_string()),
///     _ => None,
/// };
/// let description = AlertDescription::UNKNOWN_CA;
/// let event = Observed::Alert { direction: Direction::In, level: 2, description };
/// assert_eq!(line(&event).as_deref(), Some("In: unknown_ca"));
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Observed<'a> {
    /// A record was opened or sealed (RFC 9846 section 5).
    Record {
        /// Its way.
        direction: Direction,
        /// The outer content type, as on the wire.
        outer_type: u8,
        /// The content type inside the protection; the outer one where there is none.
        content_type: u8,
        /// Bytes on the wire, the header included.
        length: usize,
        /// Bytes of content.
        content: usize,
        /// Whether it was encrypted.
        protected: bool,
    },
    /// A handshake message was sent or received whole.
    Message {
        /// Its way.
        direction: Direction,
        /// The keys that protect it.
        level: Level,
        /// The message with its four-byte header.
        bytes: &'a [u8],
    },
    /// A secret was derived.
    Secret {
        /// Its name in the RFC's key schedule, such as `client_handshake_traffic_secret`.
        name: &'static str,
        /// Its label in a key log (RFC 9850), if it has one.
        keylog: Option<&'static str>,
        /// What it was derived from, in words.
        from: &'static str,
        /// The ClientHello's random, by which a key log names the connection.
        client_random: &'a [u8; 32],
        /// The secret itself. Whoever prints it gives the connection away.
        secret: &'a [u8],
    },
    /// One check on one certificate of the peer's chain.
    Check(Check<'a>),
    /// The verdict on the peer's chain.
    Verdict {
        /// Whether it was accepted.
        accepted: bool,
        /// Why, in one sentence.
        sentence: &'a str,
    },
    /// An alert was sent or received.
    Alert {
        /// Its way.
        direction: Direction,
        /// Its level as on the wire: 1 warning, 2 fatal.
        level: u8,
        /// Its description.
        description: AlertDescription,
    },
}

/// One check of a certificate: what was found and what was required.
///
/// ```
/// # let made = rcgen::generate_simple_self_signed(["a.example".to_string()]).unwrap();
/// # let (chain, now) = ([made.cert.der().clone()], handfast::pki::UnixTime::now());
/// use handfast::{observe::Check, pki::{Purpose, Roots, Verifier}};
/// let refused = Verifier::web_pki(Roots::new()).verify(&chain, None, Purpose::Client, now).unwrap_err();
/// let failed: Vec<Check<'_>> = refused.report.failures().collect();
/// assert_eq!((failed[0].depth, failed[0].rule, failed[0].section), (0, "Trust", "RFC 5280 6.1"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// Its place on the path: 0 is the leaf.
    pub depth: usize,
    /// Whose certificate it is: the subject, hostile text escaped.
    pub certificate: &'a str,
    /// The rule's name, such as `validity`.
    pub rule: &'a str,
    /// The section that states it.
    pub section: &'a str,
    /// What the certificate has.
    pub found: &'a str,
    /// What it must have.
    pub required: &'a str,
    /// Whether it passed.
    pub passed: bool,
}

/// All of these as one, or nobody.
pub(crate) fn together(mut all: Vec<Arc<dyn Observer>>) -> Option<Arc<dyn Observer>> {
    struct Several(Vec<Arc<dyn Observer>>);
    impl Observer for Several {
        fn observe(&self, event: &Observed<'_>) {
            self.0.iter().for_each(|observer| observer.observe(event));
        }
    }
    if all.len() > 1 { Some(Arc::new(Several(all))) } else { all.pop() }
}

/// Where the events of one connection go: nowhere, unless an observer is set.
#[derive(Clone, Default)]
pub(crate) struct Tap(Option<Arc<Line>>);

struct Line {
    observer: Arc<dyn Observer>,
    /// Names the connection in a key log; a server learns it from the ClientHello.
    client_random: OnceLock<[u8; 32]>,
}

impl Tap {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>) -> Self {
        Self(observer.map(|observer| Arc::new(Line { observer, client_random: OnceLock::new() })))
    }

    /// The same with one more, who hears each event first.
    pub(crate) fn beside(&self, observer: Arc<dyn Observer>) -> Self {
        let own = self.0.as_ref().map(|line| Arc::clone(&line.observer));
        Self::new(together([observer].into_iter().chain(own).collect()))
    }

    /// Gives the connection its name; the first name stays.
    pub(crate) fn name_connection(&self, client_random: &[u8; 32]) {
        if let Some(line) = &self.0 {
            let _first_stays = line.client_random.set(*client_random);
        }
    }

    /// Tells the observer, if there is one; the event is not even made otherwise.
    #[inline]
    pub(crate) fn tell<'a>(&self, event: impl FnOnce() -> Observed<'a>) {
        if let Some(line) = &self.0 {
            line.observer.observe(&event());
        }
    }

    /// Whether anybody hears: what is dear to prepare is not prepared for nobody.
    pub(crate) fn listens(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of a secret, which an observer hears under the connection's name.
    pub(crate) fn secret(
        &self,
        name: &'static str,
        keylog: Option<&'static str>,
        from: &'static str,
        secret: &[u8],
    ) {
        if let Some(line) = &self.0 {
            let client_random = line.client_random.get().unwrap_or(&[0; 32]);
            line.observer.observe(&Observed::Secret { name, keylog, from, client_random, secret });
        }
    }
}
