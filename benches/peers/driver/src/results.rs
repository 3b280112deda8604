//! Turns that alternate, and what comes of them.

use crate::child::Child;
use crate::plan::{PEERS, Peer, Role, Row, place};
use peers_common::{Kind, Sample};
use std::path::Path;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) rounds: usize,
    pub(crate) samples: usize,
}

/// What a peer came to in a row, or why it came to nothing.
pub(crate) type Outcome = Result<Vec<Option<Figure>>, String>;

/// Of one column: the value that a tenth of the samples stays below, and the one
/// that half of them do.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) fastest: f64,
    pub(crate) median: f64,
}

pub(crate) struct Measured {
    pub(crate) row: Row,
    /// In the order of [`PEERS`].
    pub(crate) outcomes: Vec<Outcome>,
}

impl Measured {
    /// Short turns alternate between the peers, and each round begins with another
    /// one, so that a slow moment of the machine meets all.
    pub(crate) fn new(row: Row, extent: Extent, binaries: &Path, certificates: &Path) -> Self {
        let start = |peer: &Peer| Child::start(peer, &row.job, binaries, certificates);
        let mut children: Vec<_> = PEERS.iter().map(start).collect();
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); PEERS.len()];
        // Nothing of memory or of a count varies.
        let extent = if row.job.kind == Kind::Memory { Extent { rounds: 1, samples: 1 } } else { extent };
        let warming = usize::from(row.job.kind != Kind::Memory);
        for round in 0..extent.rounds + warming {
            for turn in 0..PEERS.len() {
                let which = (turn + round) % PEERS.len();
                let Ok(child) = &mut children[which] else { continue };
                match child.samples(extent.samples) {
                    Ok(taken) if round >= warming => samples[which].extend(taken),
                    Ok(_warming) => {}
                    Err(reason) => children[which] = Err(reason),
                }
            }
        }
        let columns = row.job.kind.columns().len();
        let outcome = |(child, samples): (Result<Child, String>, Vec<Sample>)| {
            child.map(|_| (0..columns).map(|column| figure(&samples, column)).collect())
        };
        let outcomes = children.into_iter().zip(samples).map(outcome).collect();
        Self { row, outcomes }
    }

    pub(crate) fn figure(&self, peer: &str, column: usize) -> Option<Figure> {
        *self.outcomes[place(peer)].as_ref().ok()?.get(column)?
    }

    /// The least value of those who are neither ours nor the floor, and whose it is.
    pub(crate) fn best_peer(&self, column: usize) -> Option<(&'static str, Figure)> {
        let peers = PEERS.iter().filter(|peer| peer.role == Role::Theirs);
        let figures = peers.filter_map(|peer| Some((peer.name, self.figure(peer.name, column)?)));
        figures.min_by(|(_, one), (_, other)| one.fastest.total_cmp(&other.fastest))
    }
}

fn figure(samples: &[Sample], column: usize) -> Option<Figure> {
    let mut values: Vec<u64> = samples.iter().filter_map(|sample| *sample.get(column)?).collect();
    values.sort_unstable();
    let at = |place: usize| values.get(place).map(|value| *value as f64);
    Some(Figure { fastest: at(values.len() / 10)?, median: at(values.len() / 2)? })
}
