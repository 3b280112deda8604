//! What grows with connections, with certificates and with records.

use crate::curve::{Curve, Who, fastest, timed};
use crate::world::{below, client, connect, identity, read, root, server, write};
use handfast::wire::ProtocolVersion;
use peers_common::heap;
use std::sync::Arc;

const TLS13: ProtocolVersion = ProtocolVersion::TLS13;

/// One handshake more, and a connection's memory, while so many are alive.
pub(crate) fn connections(most: usize) -> Vec<Curve> {
    let mut time = Curve::new("connections alive: a server's handshake", "us", Who::Peer);
    let mut memory = Curve::new("connections alive: heap of each", "bytes", Who::Peer);
    let root = root("root");
    let own = Arc::new(server(identity(&root, &[]), TLS13));
    let peer = Arc::new(client([root.der().clone()], TLS13));
    let mut held = Vec::with_capacity(most);
    connect(&peer, &own, crate::world::NAME);
    heap::count();
    let before = heap::bytes();
    let mut marks =
        [100, 300, 1_000, 3_000, 5_000, 10_000, 30_000, 100_000].into_iter().filter(|mark| *mark <= most);
    let mut mark = marks.next();
    while let Some(alive) = mark {
        let mut times = Vec::new();
        while held.len() < alive {
            let (_, connection, taken) = connect(&peer, &own, crate::world::NAME);
            held.push(connection);
            times.push(taken[1]);
        }
        let last = times.split_off(times.len().saturating_sub(100));
        let mut last = last.into_iter();
        time.add(alive, fastest(last.len(), || last.next().unwrap()));
        let outside = heap::bytes().wrapping_sub(before) as f64 / alive as f64;
        memory.add(alive, outside + size_of::<handfast::Connection>() as f64);
        mark = marks.next();
    }
    vec![time, memory]
}

/// Certificates of a server: those of its chain, and those that do not help.
pub(crate) fn chains() -> Vec<Curve> {
    let mut chain = Curve::new("certificates of a chain: a client's handshake", "us", Who::Peer);
    let root = root("root");
    let peer = Arc::new(client([root.der().clone()], TLS13).longest_chain(64).unwrap());
    let measure = |sent| {
        let own = Arc::new(server(sent, TLS13));
        fastest(50, || connect(&peer, &own, crate::world::NAME).2[0])
    };
    let mut authorities = Vec::new();
    for length in 1..=10 {
        let above: Vec<_> = authorities.iter().rev().collect();
        chain.add(length, measure(identity(above.first().copied().unwrap_or(&root), &above)));
        let next = below(&format!("authority {length}"), authorities.last().unwrap_or(&root));
        authorities.push(next);
    }

    let mut strangers =
        Curve::new("certificates of strangers beside a chain: a client's handshake", "us", Who::Peer);
    let mut doubles =
        Curve::new("issuers of the same name with other keys: a client's handshake", "us", Who::Peer);
    let issuer = below("issuer", &root);
    for (curve, name) in [(&mut strangers, "stranger"), (&mut doubles, "issuer")] {
        let elsewhere = crate::world::root("elsewhere");
        let others: Vec<_> = (0..62).map(|_| below(name, &elsewhere)).collect();
        for count in [1, 2, 4, 8, 16, 32, 62] {
            // The one that helps is the last.
            let above: Vec<_> = others[..count].iter().chain([&issuer]).collect();
            curve.add(count, measure(identity(&issuer, &above)));
        }
    }
    vec![chain, strangers, doubles]
}

/// A record sealed and opened.
pub(crate) fn records() -> Vec<Curve> {
    let mut curve = Curve::new("bytes of a record: sealed and opened", "us", Who::Peer);
    let root = root("root");
    let own = Arc::new(server(identity(&root, &[]), TLS13));
    let peer = Arc::new(client([root.der().clone()], TLS13));
    let (mut from, mut to, _) = connect(&peer, &own, crate::world::NAME);
    let mut wire = Vec::with_capacity(32 * 1024);
    for size in [1, 4, 16, 64, 256, 1024, 2048, 4096, 8192, 16_384] {
        let data = vec![0x5a; size];
        let mut turn = || {
            let (taken, ()) = timed(|| {
                for _ in 0..16 {
                    wire.clear();
                    assert_eq!(from.send(&data).unwrap(), size);
                    write(&mut from, &mut wire);
                    assert_eq!(read(&mut to, &wire).unwrap(), size);
                }
            });
            taken / 16
        };
        curve.add(size, fastest(200, &mut turn));
    }
    vec![curve]
}
