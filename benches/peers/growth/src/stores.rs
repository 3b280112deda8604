//! What grows with what the user keeps: roots, sessions, threads.

use crate::curve::{Curve, Point, Who};
use crate::world::{NAME, client, connect, identity, root, server};
use handfast::wire::ProtocolVersion;
use handfast::{ClientSessions, TicketKeys};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A client that trusts so many roots.
pub(crate) fn roots(most: usize) -> Vec<Curve> {
    let mut curve = Curve::new("roots that a client trusts: its handshake", "us", Who::User);
    let own_root = root("root");
    let own = Arc::new(server(identity(&own_root, &[]), ProtocolVersion::TLS13));
    let others: Vec<_> = (0..most).map(|each| root(&format!("root {each}")).der().clone()).collect();
    let point = |count: usize| -> (usize, Point<'_>) {
        let trusted = others[..count].iter().cloned().chain([own_root.der().clone()]);
        let peer = Arc::new(client(trusted, ProtocolVersion::TLS13));
        let own = &own;
        (count, Box::new(move || connect(&peer, own, NAME).2[0]))
    };
    curve.measure(
        50,
        [1, 10, 100, 1_000, 10_000].into_iter().filter(|count| *count <= most).map(point).collect(),
    );
    vec![curve]
}

/// A client that has sessions with so many servers, and resumes one of TLS 1.2.
pub(crate) fn sessions() -> Vec<Curve> {
    let mut curve =
        Curve::new("names in a client's session store: a resumed handshake of TLS 1.2", "us", Who::User);
    let own_root = root("root");
    let own = server(identity(&own_root, &[]), ProtocolVersion::TLS12).tickets(TicketKeys::random());
    let own = Arc::new(own);
    let point = |count: usize| -> (usize, Point<'_>) {
        let sessions = Arc::new(ClientSessions::new());
        let with = |roots: Vec<_>| Arc::new(client(roots, ProtocolVersion::TLS12).sessions(sessions.clone()));
        // The same server under other policies: each has a place of its own.
        while sessions.len() + 1 < count {
            connect(&with(vec![root("another").der().clone(), own_root.der().clone()]), &own, NAME);
        }
        let resuming = with(vec![own_root.der().clone()]);
        connect(&resuming, &own, NAME);
        let own = &own;
        let resume = move || {
            let (client, _, taken) = connect(&resuming, own, NAME);
            assert!(client.info().resumed);
            taken[0]
        };
        (count, Box::new(resume))
    };
    curve.measure(200, [1, 2, 4, 8, 16, 32, 64, 128, 256].map(point).into());
    vec![curve]
}

/// Threads that seal and open tickets of the same keys: handshakes of all, a second,
/// and how often one of them waited for another.
pub(crate) fn tickets() -> Vec<Curve> {
    let mut rate =
        Curve::new("threads that share ticket keys: resumed handshakes of TLS 1.2", "a second", Who::User);
    let mut waits = Curve::new("threads that share ticket keys: waits", "a thousand handshakes", Who::User);
    let own_root = root("root");
    let own = server(identity(&own_root, &[]), ProtocolVersion::TLS12).tickets(TicketKeys::random());
    let own = Arc::new(own);
    for threads in 1..=std::thread::available_parallelism().map_or(1, usize::from).min(2) {
        let (done, waited, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    // Each has a client of its own: the server is what they share.
                    let peer = client([own_root.der().clone()], ProtocolVersion::TLS12);
                    let peer = Arc::new(peer.sessions(ClientSessions::new()));
                    let before = gave_way();
                    while !stop.load(Relaxed) {
                        connect(&peer, &own, NAME);
                        done.fetch_add(1, Relaxed);
                    }
                    waited.fetch_add(gave_way() - before, Relaxed);
                });
            }
            std::thread::sleep(Duration::from_secs(1));
            stop.store(true, Relaxed);
        });
        let done = done.into_inner() as f64;
        rate.add(threads, done / start.elapsed().as_secs_f64());
        waits.add(threads, waited.into_inner() as f64 / done * 1e3);
    }
    vec![rate, waits]
}

/// How often this thread has given its processor away because it had to wait: as
/// Linux counts it, whatever else runs.
fn gave_way() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
