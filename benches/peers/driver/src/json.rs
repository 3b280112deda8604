//! The figures for programs.

use crate::bar::{Reached, Verdict};
use crate::plan::PEERS;
use crate::results::{Figure, Measured};
use peers_page::Machine;
use serde_json::{Map, Value, json};

pub(crate) fn object(machine: &Machine, measured: &[Measured], reached: &[Reached]) -> Value {
    json!({
        "machine": { "processor": machine.processor, "system": machine.system, "date": machine.date },
        "rows": measured.iter().map(row).collect::<Vec<_>>(),
        "bar": reached.iter().map(line).collect::<Vec<_>>(),
    })
}

fn row(measured: &Measured) -> Value {
    let columns = measured.row.job.kind.columns();
    let of = |figures: &[Option<Figure>], pick: fn(&Figure) -> f64| -> Vec<Option<f64>> {
        figures.iter().map(|figure| figure.as_ref().map(pick)).collect()
    };
    let peers = PEERS.iter().zip(&measured.outcomes).map(|(peer, outcome)| {
        let value = match outcome {
            Ok(figures) => json!({
                "fastest_tenth": of(figures, |figure| figure.fastest),
                "median": of(figures, |figure| figure.median),
            }),
            Err(reason) => json!({ "left_out": reason }),
        };
        (peer.name.to_owned(), value)
    });
    // Nanoseconds, bytes and calls.
    json!({ "name": measured.row.name, "columns": columns, "peers": peers.collect::<Map<_, _>>() })
}

fn line(reached: &Reached) -> Value {
    let side = |verdict: &Option<Verdict>| {
        verdict.as_ref().map(|verdict| {
            json!({
                "ratio": verdict.ratio,
                "target": verdict.target,
                "to_floor": verdict.to_floor,
                "against": verdict.against,
                "met": verdict.is_met(),
            })
        })
    };
    let [ring, best] = reached.sides.each_ref().map(side);
    json!({ "what": reached.what, "ring_to_rustls_0.23_ring": ring, "best_to_best_peer": best })
}
