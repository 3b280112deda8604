//! What is done with a library in each kind of job, and what of it is timed.

use crate::{Chain, End, Job, Kind, Peer, Sample, Session, Turn, heap};
use std::time::{Duration, Instant};

/// A sample of a bulk job sends so many chunks of so many bytes.
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 16;

/// Bytes into which whoever does not lend data copies it: one record.
const ROOM: usize = 16 * 1024;

/// A sample of small messages: so many there and back, each so long.
const PINGS: usize = 100;
const PING: usize = 100;

/// Connections over which the memory of one is the average.
const HELD: u64 = 200;

/// Starts a job with this library.
pub fn measure<P: Peer + 'static>(job: &Job, chain: &Chain) -> Result<Turn, String> {
    if job.adapter && !P::HAS_ADAPTER {
        return Err("has no adapter that holds anything of its own".into());
    }
    let peer = P::new(job, chain)?;
    Ok(match job.kind {
        Kind::Handshake => handshakes(peer, job.session),
        Kind::Bulk => bulk(peer),
        Kind::Messages => messages(peer),
        Kind::Memory => memory(peer),
    })
}

/// Time and allocations of each side.
#[derive(Clone, Copy, Default)]
struct Cost {
    time: [Duration; 2],
    calls: [u64; 2],
}

impl Cost {
    fn of<T>(&mut self, side: usize, action: impl FnOnce() -> T) -> T {
        let (calls, start) = (heap::calls(), Instant::now());
        let value = action();
        self.time[side] += start.elapsed();
        self.calls[side] += heap::calls() - calls;
        value
    }
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// A handshake, from the configurations to data in both directions being possible,
/// and to the client having read the tickets that came.
fn connect<P: Peer>(peer: &mut P, tickets: bool, cost: &mut Cost) -> (P::Client, P::Server) {
    let (mut there, mut back) = (Vec::with_capacity(16 * 1024), Vec::with_capacity(16 * 1024));
    let mut client = cost.of(CLIENT, || {
        let mut client = peer.client();
        client.step(&mut back, &mut there);
        client
    });
    let mut server = cost.of(SERVER, || peer.server(tickets));
    let mut turns = 0;
    while client.is_handshaking() || server.is_handshaking() || !there.is_empty() {
        cost.of(SERVER, || server.step(&mut there, &mut back));
        cost.of(CLIENT, || client.step(&mut back, &mut there));
        turns += 1;
        assert!(turns < 10, "the handshake does not end");
    }
    (client, server)
}

fn sample(values: [u128; 2]) -> Sample {
    values.map(|value| u64::try_from(value).ok()).to_vec()
}

fn handshakes<P: Peer + 'static>(mut peer: P, session: Session) -> Turn {
    let resumes = session != Session::Full;
    if resumes {
        drop(connect(&mut peer, true, &mut Cost::default()));
    }
    Box::new(move || {
        if resumes && !peer.has_session() {
            drop(connect(&mut peer, true, &mut Cost::default()));
        }
        let mut cost = Cost::default();
        let (client, server) = connect(&mut peer, session == Session::Renewed, &mut cost);
        assert_eq!(client.is_resumed(), resumes, "resumed, for the client");
        assert_eq!(server.is_resumed(), resumes, "resumed, for the server");
        sample(cost.time.map(|time| time.as_nanos()))
    })
}

fn bulk<P: Peer + 'static>(mut peer: P) -> Turn {
    let (mut client, mut server) = connect(&mut peer, false, &mut Cost::default());
    let (data, mut wire, mut room) = (vec![0x5a; CHUNK], Vec::with_capacity(2 * CHUNK), vec![0; ROOM]);
    Box::new(move || {
        let _configuration = &peer;
        let mut cost = Cost::default();
        for _ in 0..CHUNKS {
            wire.clear();
            cost.of(CLIENT, || client.send(&data, &mut wire));
            assert_eq!(cost.of(SERVER, || server.receive(&mut wire, &mut room)), CHUNK);
        }
        // Of a mebibyte, in nanoseconds.
        sample(cost.time.map(|time| time.as_nanos()))
    })
}

fn messages<P: Peer + 'static>(mut peer: P) -> Turn {
    let (mut client, mut server) = connect(&mut peer, false, &mut Cost::default());
    let (data, mut wire, mut room) = ([0x5a; PING], Vec::with_capacity(CHUNK), vec![0; ROOM]);
    Box::new(move || {
        let _configuration = &peer;
        let start = Instant::now();
        for _ in 0..PINGS {
            wire.clear();
            client.send(&data, &mut wire);
            assert_eq!(server.receive(&mut wire, &mut room), PING);
            wire.clear();
            server.send(&data, &mut wire);
            assert_eq!(client.receive(&mut wire, &mut room), PING);
        }
        // Sealed, carried and opened: one message.
        vec![u64::try_from(start.elapsed().as_nanos() / (2 * PINGS as u128)).ok()]
    })
}

fn memory<P: Peer + 'static>(mut peer: P) -> Turn {
    Box::new(move || {
        // What a process does once is not a connection's.
        let (mut client, mut server) = connect(&mut peer, false, &mut Cost::default());
        traffic(&mut client, &mut server);
        drop((client, server));
        heap::count();
        let mut calls = Cost::default();
        drop(connect(&mut peer, false, &mut calls));

        let idle = hold(|| connect(&mut peer, false, &mut Cost::default()).1).0;
        let (used, mut servers) = hold(|| {
            let (mut client, mut server) = connect(&mut peer, false, &mut Cost::default());
            traffic(&mut client, &mut server);
            server
        });
        let before = heap::bytes();
        let can_rest = servers.iter_mut().all(End::rest);
        let spared = before.wrapping_sub(heap::bytes()) / HELD;
        let [client, server] = calls.calls;
        vec![Some(idle), Some(used), can_rest.then(|| used - spared), Some(client), Some(server)]
    })
}

/// Makes many servers whose clients are gone: the bytes that one takes, and they.
fn hold<S: End>(mut make: impl FnMut() -> S) -> (u64, Vec<S>) {
    let mut servers: Vec<S> = Vec::with_capacity(HELD as usize);
    let before = heap::bytes();
    for _ in 0..HELD {
        let mut server = make();
        server.release_transport();
        servers.push(server);
    }
    let outside = heap::bytes().wrapping_sub(before) / HELD;
    (outside + size_of::<S>() as u64, servers)
}

/// A chunk in each direction.
fn traffic(client: &mut impl End, server: &mut impl End) {
    let (data, mut wire, mut room) = (vec![0x5a; CHUNK], Vec::with_capacity(2 * CHUNK), vec![0; ROOM]);
    client.send(&data, &mut wire);
    assert_eq!(server.receive(&mut wire, &mut room), CHUNK);
    wire.clear();
    server.send(&data, &mut wire);
    assert_eq!(client.receive(&mut wire, &mut room), CHUNK);
}
