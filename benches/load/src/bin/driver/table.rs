//! The tables of the terminal and of BENCHMARKS.md, which are the same.

use crate::bar::Verdict;
use crate::load::Measure;
use crate::plan::{PAIRS, SERVERS};
use crate::results::{Measured, Ratio};

pub(crate) fn head(is_idle: bool) -> String {
    let servers = if is_idle { &SERVERS[..] } else { &SERVERS[..4] };
    let names: Vec<_> = servers.iter().map(|server| server.name).collect();
    let ratios = PAIRS.map(|pair| format!("ratio, {}", pair.name));
    let columns = names.len() + ratios.len();
    format!("| | {} | {} |\n| --- {}|\n", names.join(" | "), ratios.join(" | "), "| --- ".repeat(columns))
}

/// A line for each measure: medians, and ratios to tokio-rustls.
pub(crate) fn lines(measured: &Measured) -> String {
    let line = |measure: Measure| {
        let medians = (0..measured.outcomes.len()).map(|server| match measured.median(server, measure) {
            Some(value) => shown(value),
            None => "-".into(),
        });
        let ratios = PAIRS.iter().map(|pair| match measured.ratio(pair.own, pair.tokio_rustls, measure) {
            Some(Ratio { median, best }) => format!("{median:.3} / {best:.3}"),
            None => "-".into(),
        });
        let cells: Vec<_> = medians.chain(ratios).collect();
        format!("| {}: {} | {} |\n", measured.row.name, measure.name(), cells.join(" | "))
    };
    measured.measures().into_iter().map(line).collect()
}

pub(crate) fn bar(reached: &[Verdict]) -> String {
    let mut text = "| | cryptography | ratio | bar | |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for Verdict { what, pair, ratio, target, is_met } in reached {
        let met = if *is_met { "met" } else { "**not met**" };
        text += &format!("| {what} | {pair} | {ratio:.3} | {target} | {met} |\n");
    }
    text
}

/// Who could not be measured, and why.
pub(crate) fn left_out(measured: &[Measured]) -> String {
    let mut text = String::new();
    for row in measured {
        for (outcome, server) in row.outcomes.iter().zip(&SERVERS) {
            if let Err(reason) = outcome {
                text += &format!("- {}, {}: {reason}\n", row.row.name, server.name);
            }
        }
    }
    text
}

fn shown(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}
