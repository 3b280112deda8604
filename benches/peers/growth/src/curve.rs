//! A curve, as the driver reads it.

use std::fmt;
use std::time::{Duration, Instant};

pub(crate) struct Curve {
    /// What is made large.
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// Who makes it large.
    pub(crate) who: Who,
    pub(crate) points: Vec<(u64, f64)>,
}

#[derive(Clone, Copy)]
pub(crate) enum Who {
    /// What a peer makes large must cost no more than in proportion.
    Peer,
    User,
}

impl Curve {
    pub(crate) fn new(name: &'static str, unit: &'static str, who: Who) -> Self {
        Self { name, unit, who, points: Vec::new() }
    }

    pub(crate) fn add(&mut self, x: usize, y: f64) {
        self.points.push((x as u64, y));
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.who {
            Who::Peer => "peer",
            Who::User => "user",
        };
        writeln!(f, "curve\t{}\t{}\t{who}", self.name, self.unit)?;
        self.points.iter().try_for_each(|(x, y)| writeln!(f, "{x}\t{y}"))
    }
}

/// The time that a tenth of so many turns stays below, in microseconds.
pub(crate) fn fastest(turns: usize, mut turn: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<Duration> = (0..turns).map(|_| turn()).collect();
    times.sort_unstable();
    times[turns / 10].as_secs_f64() * 1e6
}

pub(crate) fn timed<T>(action: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = action();
    (start.elapsed(), value)
}
