//! What `next()` returns.

use crate::early::EarlyData;
use crate::question::Question;

/// What happened, or what is needed, next.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (mut client, mut server) = pair::connected();
/// # server.send(b"hello")?;
/// # pair::carry(&mut server, &mut client);
/// use handfast::Event;
/// let Event::Data(data) = client.next()? else { panic!("no data") };
/// assert_eq!(data, b"hello");
/// client.consume(5);
/// assert!(matches!(client.next()?, Event::NeedInput)); // all that arrived is taken
/// # Ok::<(), handfast::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // lent, and looked at once: a box would cost more
pub enum Event<'a> {
    /// All that arrived is used up: read from the transport into `space()`.
    NeedInput,
    /// The handshake waits for an answer; repeated until `answer()` is called.
    Ask(Question<'a>),
    /// The server has decided on the early data that this client offers: it comes once,
    /// before `HandshakeDone`. What was rejected is lost, and nothing sends it again;
    /// [`info`](crate::Connection::info) says how much it was.
    EarlyDataDecided(EarlyData),
    /// The handshake is complete: the peer is authenticated, data may flow.
    HandshakeDone,
    /// Early data, which a server takes only where its configuration says so
    /// ([`ServerConfig::early_data`](crate::ServerConfig::early_data)), before
    /// `HandshakeDone`; lent until `consume()` takes it, and what is left comes again.
    /// Whoever sees it on its way can send it again, elsewhere: it is for what may be
    /// done twice. Nothing of it comes as `Data`.
    EarlyData(&'a [u8]),
    /// Application data, lent until `consume()` takes it; what is left comes again.
    Data(&'a [u8]),
    /// The peer will send no more; repeated for ever. This side may still send, in
    /// TLS 1.2, too, and [`close`](crate::Connection::close) answers.
    Closed(Close),
}

/// How the peer's direction ended.
///
/// ```
/// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
/// # let (mut client, mut server) = pair::connected();
/// use handfast::{Close, Event};
/// server.close();
/// # pair::carry(&mut server, &mut client);
/// assert!(matches!(client.next()?, Event::Closed(Close::Clean)));
/// server.filled_eof(); // the client has said nothing of an end
/// assert!(matches!(server.next()?, Event::Closed(Close::Truncated)));
/// # Ok::<(), handfast::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// With close_notify: all that the peer sent has arrived.
    Clean,
    /// The transport ended without close_notify: data may be missing, cut off
    /// by somebody between (RFC 9846 section 6.1).
    Truncated,
}
