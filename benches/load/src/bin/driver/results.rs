//! What the turns of a row said, and how this library stands in it.

use crate::load::{Measure, Sample, Turn};
use crate::plan::Row;
use crate::server::Server;
use std::path::Path;

pub(crate) struct Extent {
    pub(crate) rounds: usize,
    pub(crate) rounds_idle: usize,
    pub(crate) seconds: u32,
    /// Connections that do nothing.
    pub(crate) idle: usize,
}

/// Samples of each round, server by server; or why there are none.
pub(crate) struct Measured {
    pub(crate) row: Row,
    pub(crate) outcomes: Vec<Result<Vec<Sample>, String>>,
}

impl Measured {
    /// Under load every server is up from the first round to the last, and has its turn
    /// in each. A round begins with another one: a slow moment of the machine meets all.
    pub(crate) fn new(row: Row, extent: &Extent, binaries: &Path, folder: &Path) -> Self {
        let Row { load, .. } = row;
        let (servers, count) = (load.servers(), load.servers().len());
        let start = |number: usize| {
            Server::start(&servers[number], load.application(), binaries, folder).map_err(|e| e.to_string())
        };
        let mut outcomes: Vec<_> = (0..count).map(|_| Ok(Vec::new())).collect();
        let mut running: Vec<_> = (0..count).map(|_| None).collect();
        for round in 0..if load.is_idle() { extent.rounds_idle } else { extent.rounds } {
            for turn in 0..count {
                let number = (round + turn) % count;
                let outcome: &mut Result<Vec<Sample>, String> = &mut outcomes[number];
                let Ok(samples) = outcome else { continue };
                let taken = match running[number].take() {
                    Some(server) => Ok(server),
                    None => start(number),
                }
                .and_then(|server| {
                    let turn = Turn {
                        server: &server,
                        seconds: extent.seconds,
                        idle: extent.idle,
                        binaries,
                        folder,
                    };
                    Ok((turn.take(load).map_err(|error| error.to_string())?, server))
                });
                match taken {
                    Ok((sample, server)) => {
                        samples.push(sample);
                        // What the allocator keeps of idle connections is not for the next ones.
                        running[number] = (!load.is_idle()).then_some(server);
                    }
                    Err(reason) => *outcome = Err(reason),
                }
            }
        }
        Self { row, outcomes }
    }

    /// What was measured in this row.
    pub(crate) fn measures(&self) -> Vec<Measure> {
        let first = self.outcomes.iter().flatten().find_map(|samples| samples.first());
        first.into_iter().flatten().map(|(measure, _)| *measure).collect()
    }

    pub(crate) fn median(&self, server: usize, measure: Measure) -> Option<f64> {
        middle(self.values(server, measure)?)
    }

    /// What the best tenth of the turns reached.
    fn best(&self, server: usize, measure: Measure) -> Option<f64> {
        let mut values = self.values(server, measure)?;
        values.sort_by(f64::total_cmp);
        if measure == Measure::Rate {
            values.reverse();
        }
        values.get(values.len() / 10).copied()
    }

    /// One server by another: the median of the rounds' ratios, and of best tenths.
    pub(crate) fn ratio(&self, own: usize, other: usize, measure: Measure) -> Option<Ratio> {
        let rounds = self.values(own, measure)?.into_iter().zip(self.values(other, measure)?);
        let median = middle(rounds.map(|(own, other)| own / other).collect())?;
        Some(Ratio { median, best: self.best(own, measure)? / self.best(other, measure)? })
    }

    /// How much of its processor's time a server had.
    pub(crate) fn busy(&self, server: usize) -> Option<f64> {
        Some(self.median(server, Measure::Rate)? * self.median(server, Measure::Processor)? / 1e6)
    }

    fn values(&self, server: usize, measure: Measure) -> Option<Vec<f64>> {
        let samples = self.outcomes.get(server)?.as_ref().ok()?;
        let value =
            |sample: &Sample| sample.iter().find(|(each, _)| *each == measure).map(|(_, value)| *value);
        samples.iter().map(value).collect()
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) best: f64,
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::rows;

    fn measured(own: &[f64], other: &[f64], measure: Measure) -> Measured {
        let samples = |values: &[f64]| Ok(values.iter().map(|value| vec![(measure, *value)]).collect());
        Measured { row: rows().remove(0), outcomes: vec![samples(own), samples(other)] }
    }

    #[test]
    fn a_ratio_is_of_the_same_round_and_of_the_best() {
        let rates = measured(&[100.0, 50.0, 90.0], &[50.0, 25.0, 100.0], Measure::Rate);
        let ratio = rates.ratio(0, 1, Measure::Rate).unwrap();
        assert_eq!((ratio.median, ratio.best), (2.0, 1.0));
        // Of time, less is better.
        let times = measured(&[100.0, 50.0, 90.0], &[50.0, 25.0, 100.0], Measure::Median);
        assert_eq!(times.ratio(0, 1, Measure::Median).unwrap().best, 2.0);
        assert!(times.ratio(0, 1, Measure::Rate).is_none());
    }
}
