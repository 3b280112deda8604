//! What grows with connections, with certificates and with records.

use crate::curve::{Curve, Point, Who, fastest_tenth, timed};
use crate::world::{Authority, NAME, below, client, connect, identity, read, root, server, write};
use handfast::wire::ProtocolVersion;
use peers_common::heap;
use std::sync::Arc;

const TLS13: ProtocolVersion = ProtocolVersion::TLS13;

/// One handshake more, and a connection's memory, while so many are alive.
pub(crate) fn connections(most: usize) -> Vec<Curve> {
    const MARKS: [usize; 8] = [100, 300, 1_000, 3_000, 5_000, 10_000, 30_000, 100_000];
    let mut time = Curve::new("connections alive: a server's handshake", "us", Who::Peer);
    let mut memory = Curve::new("connections alive: heap of each", "bytes", Who::Peer);
    let root = root("root");
    let own = Arc::new(server(identity(&root, &[]), TLS13));
    let peer = Arc::new(client([root.der().clone()], TLS13));
    let mut held = Vec::with_capacity(most);
    connect(&peer, &own, NAME);
    heap::count();
    let before = heap::bytes();
    for mark in MARKS.into_iter().filter(|mark| *mark <= most) {
        let mut times = Vec::new();
        while held.len() < mark {
            let (_, connection, taken) = connect(&peer, &own, NAME);
            held.push(connection);
            times.push(taken[1]);
        }
        time.add(mark, fastest_tenth(times));
        let outside = heap::bytes().wrapping_sub(before) as f64 / mark as f64;
        memory.add(mark, outside + size_of::<handfast::Connection>() as f64);
    }
    vec![time, memory]
}

/// Certificates of a server: those of its chain, and those that do not help.
pub(crate) fn chains() -> Vec<Curve> {
    let mut chain = Curve::new("certificates of a chain: a client's handshake", "us", Who::Peer);
    let root = root("root");
    let peer = Arc::new(client([root.der().clone()], TLS13).longest_chain(64).unwrap());
    let point = |issuer: &Authority, above: &[&Authority]| -> Point<'_> {
        let own = Arc::new(server(identity(issuer, above), TLS13));
        let peer = peer.clone();
        Box::new(move || connect(&peer, &own, NAME).2[0])
    };
    let mut authorities: Vec<Authority> = Vec::new();
    let mut points = Vec::new();
    for length in 1..=10 {
        let above: Vec<_> = authorities.iter().rev().collect();
        points.push((length, point(above.first().copied().unwrap_or(&root), &above)));
        let next = below(&format!("authority {length}"), authorities.last().unwrap_or(&root));
        authorities.push(next);
    }
    chain.measure(200, points);

    let mut strangers =
        Curve::new("certificates of strangers beside a chain: a client's handshake", "us", Who::Peer);
    let mut doubles =
        Curve::new("issuers of the same name with other keys: a client's handshake", "us", Who::Peer);
    let (issuer, elsewhere) = (below("issuer", &root), crate::world::root("elsewhere"));
    for (curve, name) in [(&mut strangers, "stranger"), (&mut doubles, "issuer")] {
        let others: Vec<_> = (0..62).map(|_| below(name, &elsewhere)).collect();
        // The one that helps is the last.
        let above = |count: usize| others[..count].iter().chain([&issuer]).collect::<Vec<_>>();
        let points = [1, 2, 4, 8, 16, 32, 62].map(|count| (count, point(&issuer, &above(count))));
        curve.measure(200, points.into());
    }
    vec![chain, strangers, doubles]
}

/// A record sealed and opened.
pub(crate) fn records() -> Vec<Curve> {
    const TIMES: u32 = 16;
    let mut curve = Curve::new("bytes of a record: sealed and opened", "us", Who::Peer);
    let root = root("root");
    let own = Arc::new(server(identity(&root, &[]), TLS13));
    let peer = Arc::new(client([root.der().clone()], TLS13));
    let point = |size: usize| -> Point<'_> {
        let (mut from, mut to, _) = connect(&peer, &own, NAME);
        let (data, mut wire) = (vec![0x5a; size], Vec::with_capacity(32 * 1024));
        Box::new(move || {
            let all = timed(|| {
                for _ in 0..TIMES {
                    wire.clear();
                    assert_eq!(from.send(&data).unwrap(), size);
                    write(&mut from, &mut wire);
                    assert_eq!(read(&mut to, &wire).unwrap(), size);
                }
            });
            all / TIMES
        })
    };
    let sizes = [1, 4, 16, 64, 256, 1024, 2048, 4096, 8192, 16_384];
    curve.measure(200, sizes.map(|size| (size, point(size))).into());
    vec![curve]
}
