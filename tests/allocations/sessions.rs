//! What the sessions take that a server keeps under their ids.

use super::pair;
use allocation_counter::measure;
use handfast::pki::UnixTime;
use handfast::{ClientConfig, ClientSessions, Judge, ServerConfig, SessionCache, limits};
use std::sync::Arc;

/// The server of this many handshakes, of which each gives eight stateful tickets.
fn handshakes(server: &ServerConfig, count: usize) {
    for _ in 0..count {
        let client = ClientConfig::new(Judge::application_named("the tests"), UnixTime::now);
        pair::connect(client.sessions(ClientSessions::new()), server.clone());
    }
}

/// A server that keeps so many sessions at most, and what they take when eight times
/// `handshakes` have been kept.
fn measured(cache: SessionCache, count: usize) -> (usize, i64) {
    let cache = Arc::new(cache);
    let server = pair::configs().1.session_store(cache.clone()).stateful_tickets().tickets_sent(8);
    // What a first handshake leaves once and for all.
    handshakes(&server, 1);
    cache.clear();
    let counted = measure(|| handshakes(&server, count));
    (cache.len(), counted.bytes_current)
}

#[test]
fn kept_sessions_take_no_more_than_they_are_said_to() {
    for (bound, octets, kept) in [(400, 1 << 20, 400), (usize::MAX, 100_000, 195)] {
        let (sessions, bytes) = measured(SessionCache::with_bounds(bound, octets), 100);
        assert!(sessions.abs_diff(kept) < 20, "{sessions}");
        assert!(usize::try_from(bytes).unwrap() < octets.min(sessions * 600), "{sessions}: {bytes}");
    }
}

/// A minute long.
#[test]
#[ignore]
fn a_hundred_thousand_sessions_are_bounded() {
    let (sessions, bytes) = measured(SessionCache::new(), limits::SESSIONS_CACHED / 8 * 11 / 10);
    println!("{sessions} sessions take {bytes} octets, {} each", bytes / sessions as i64);
    assert_eq!(sessions, limits::SESSIONS_CACHED);
    assert!(usize::try_from(bytes).unwrap() < limits::SESSION_OCTETS_CACHED);
}
