//! What this library wants to reach.

use crate::load::Measure;
use crate::plan::{PAIRS, Pair};
use crate::results::Measured;

/// A server that had less of its processor's time waited for the generator of load.
const BUSY: f64 = 0.9;

const IDLE_TO_TOKIO_RUSTLS: f64 = 0.35;

pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) pair: &'static str,
    /// Of best tenths.
    pub(crate) ratio: f64,
    pub(crate) target: &'static str,
    pub(crate) is_met: bool,
}

pub(crate) fn reached(measured: &[Measured]) -> Vec<Verdict> {
    let each = |row| PAIRS.iter().flat_map(move |pair| of(row, pair));
    measured.iter().flat_map(each).collect()
}

fn of(row: &Measured, pair: &'static Pair) -> Vec<Verdict> {
    let name = row.row.name;
    let ratio = |other, measure| row.ratio(pair.own, other, measure).map(|ratio| ratio.best);
    let verdict = |what, ratio, target, is_met| Verdict { what, pair: pair.name, ratio, target, is_met };
    if row.row.load.is_idle() {
        // Beside the application's memory, which hyper has, there is no bar.
        if row.row.load.application() != "echo" {
            return Vec::new();
        }
        let to_tokio_rustls = ratio(pair.tokio_rustls, Measure::Idle).map(|ratio| {
            verdict(format!("{name}: to tokio-rustls"), ratio, "at most 0.35", ratio <= IDLE_TO_TOKIO_RUSTLS)
        });
        let to_preview = ratio(pair.preview, Measure::Idle)
            .map(|ratio| verdict(format!("{name}: to rustls 0.24-dev"), ratio, "less than 1", ratio < 1.0));
        return to_tokio_rustls.into_iter().chain(to_preview).collect();
    }
    let is_busy =
        [pair.own, pair.tokio_rustls].iter().all(|server| row.busy(*server).is_some_and(|busy| busy >= BUSY));
    let verdict = match is_busy {
        true => ratio(pair.tokio_rustls, Measure::Rate)
            .map(|ratio| verdict(format!("{name}: a second"), ratio, "at least 1", ratio >= 1.0)),
        false => ratio(pair.tokio_rustls, Measure::Processor).map(|ratio| {
            verdict(format!("{name}: the server's processor"), ratio, "at most 1", ratio <= 1.0)
        }),
    };
    verdict.into_iter().collect()
}
