//! The bar that this library set itself: each row with the value that was reached.

use crate::plan::*;
use crate::results::Measured;

/// What is held against what, at most at which ratio: a target for each column.
struct Wanted {
    row: &'static str,
    /// The row of the other side, if it is another one.
    against: &'static str,
    column: usize,
    ring: Option<f64>,
    best: Option<f64>,
}

const fn wanted(row: &'static str, column: usize, ring: Option<f64>, best: Option<f64>) -> Wanted {
    Wanted { row, against: row, column, ring, best }
}

const BAR: [Wanted; 19] = [
    wanted(ECDSA_13, 0, Some(0.97), Some(0.97)),
    wanted(ECDSA_13, 1, Some(0.95), Some(0.93)),
    wanted(REMEMBERED_13, 0, None, Some(0.65)),
    wanted(RSA_13, 0, Some(0.97), Some(0.98)),
    wanted(RSA_13, 1, Some(0.99), Some(0.97)),
    wanted(HYBRID_13, 0, None, Some(0.88)),
    wanted(HYBRID_13, 1, None, Some(0.85)),
    wanted(RESUMED_13, 0, Some(0.95), Some(0.88)),
    wanted(RESUMED_13, 1, Some(0.94), Some(0.86)),
    wanted(RENEWED_13, 0, Some(0.95), Some(0.88)),
    wanted(RENEWED_13, 1, Some(0.94), Some(0.86)),
    wanted(RESUMED_12, 0, Some(0.90), Some(0.90)),
    wanted(RESUMED_12, 1, Some(0.85), Some(0.85)),
    wanted(RENEWED_12, 0, Some(0.90), Some(0.90)),
    wanted(RENEWED_12, 1, Some(0.85), Some(0.85)),
    wanted(AES_128, 0, Some(0.93), Some(1.0)),
    wanted(AES_128, 1, Some(0.75), Some(0.95)),
    wanted(MESSAGES, 0, Some(0.76), Some(0.76)),
    // After traffic.
    Wanted { row: ADAPTER, against: CONNECTION, column: 1, ring: Some(0.2), best: Some(0.4) },
];

/// How near to its floor a value must be to need no ratio.
const NEAR_FLOOR: f64 = 1.05;

/// A line of the table, filled in.
pub(crate) struct Reached {
    pub(crate) what: String,
    /// With ring alone to rustls 0.23 with ring, and with the best sources to the
    /// best of all peers; `None` where the bar asks for nothing.
    pub(crate) sides: [Option<Verdict>; 2],
}

pub(crate) struct Verdict {
    pub(crate) target: f64,
    /// `None`: one of both was not measured.
    pub(crate) ratio: Option<f64>,
    /// This library's value to the floor's.
    pub(crate) to_floor: Option<f64>,
    pub(crate) against: &'static str,
}

impl Verdict {
    pub(crate) fn is_met(&self) -> bool {
        let near = self.to_floor.is_some_and(|to_floor| to_floor <= NEAR_FLOOR);
        near || self.ratio.is_some_and(|ratio| ratio <= self.target)
    }
}

pub(crate) fn reached(measured: &[Measured]) -> Vec<Reached> {
    let row = |name: &str| measured.iter().find(|measured| measured.row.name == name);
    let line = |wanted: &Wanted| {
        let (ours, theirs) = (row(wanted.row)?, row(wanted.against)?);
        let verdict = |target, own: &str, floor: &str, peer: Option<&'static str>| {
            let value = ours.figure(own, wanted.column);
            let other = match peer {
                Some(peer) => theirs.figure(peer, wanted.column).map(|figure| (peer, figure)),
                None => theirs.best_peer(wanted.column),
            };
            let to = |other: f64| value.map(|value| value.fastest / other);
            Verdict {
                target,
                ratio: other.and_then(|(_, other)| to(other.fastest)),
                to_floor: ours.figure(floor, wanted.column).and_then(|floor| to(floor.fastest)),
                against: other.map_or("nobody", |(name, _)| name),
            }
        };
        let idle = (wanted.row == ADAPTER).then_some(BORINGSSL);
        let ring = wanted.ring.map(|target| verdict(target, RING, FLOOR_RING, Some(RUSTLS_RING)));
        let best = wanted.best.map(|target| verdict(target, BEST, FLOOR, idle));
        let column = ours.row.job.kind.columns()[wanted.column];
        Some(Reached { what: format!("{}: {column}", wanted.row), sides: [ring, best] })
    };
    BAR.iter().filter_map(line).collect()
}
