//! A curve, as the driver reads it.

use peers_common::thread_time;
use std::fmt;
use std::time::Duration;

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

    /// The points take turns, so that a slow moment of the machine meets all: of each,
    /// the time that a tenth of its turns stays below, in microseconds.
    pub(crate) fn measure(&mut self, turns: usize, mut points: Vec<(usize, Point<'_>)>) {
        let mut times = vec![Vec::new(); points.len()];
        for _ in 0..turns {
            for ((_, point), times) in points.iter_mut().zip(&mut times) {
                times.push(point());
            }
        }
        for ((x, _), times) in points.iter().zip(times) {
            self.add(*x, fastest_tenth(times));
        }
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

/// What is timed at one point of a curve.
pub(crate) type Point<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// The time that a tenth of these stays below, in microseconds.
pub(crate) fn fastest_tenth(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 10].as_secs_f64() * 1e6
}

pub(crate) fn timed<T>(action: impl FnOnce() -> T) -> Duration {
    let start = thread_time();
    std::hint::black_box(action());
    thread_time() - start
}
