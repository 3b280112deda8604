//! The tables as a terminal shows them.

use crate::bar::{Reached, Verdict};
use crate::plan::{FLOOR, PEERS, Role};
use crate::results::{Figure, Measured};
use peers_common::Kind;
use std::fmt::Write;
use std::io::IsTerminal;

/// Colours only where somebody looks at them.
pub(crate) struct Terminal {
    colours: bool,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self { colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    fn paint(&self, code: u8, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A line for each peer: of each column the fastest tenth, the median, and the
    /// fastest tenth's ratio to the floor and to the best of the others.
    pub(crate) fn row(&self, measured: &Measured) {
        let kind = measured.row.job.kind;
        let mut head = format!("{:<24}", "");
        for column in kind.columns() {
            let column = format!("{column}, {}", unit(kind, column));
            match kind {
                Kind::Memory => write!(head, "{column:>27}").unwrap(),
                _ => write!(head, "{column:>16}{:>12}{:>8}{:>8}", "median", "/floor", "/best").unwrap(),
            }
        }
        println!("\n{}\n{}", self.paint(1, measured.row.name), self.paint(2, &head));
        for (peer, outcome) in PEERS.iter().zip(&measured.outcomes) {
            let line = match outcome {
                Ok(figures) => {
                    let cell = |(column, figure): (usize, &Option<Figure>)| cell(measured, column, *figure);
                    figures.iter().enumerate().map(cell).collect::<String>()
                }
                Err(reason) => format!("    {}", self.paint(2, reason)),
            };
            let name = format!("{:<24}", peer.name);
            println!("{}{line}", if peer.role == Role::Ours { self.paint(36, &name) } else { name });
        }
    }

    pub(crate) fn bar(&self, reached: &[Reached]) {
        println!("\n{}", self.paint(1, "The bar: time, or memory, by the other's"));
        let heads = ["ring alone, to rustls 0.23 with ring", "the best sources, to the best peer"];
        println!("{}", self.paint(2, &format!("{:<66}{:<58}{}", "", heads[0], heads[1])));
        for Reached { what, sides } in reached {
            let [ring, best] = sides.each_ref().map(|side| self.verdict(side.as_ref()));
            println!("{what:<66}{ring}{best}");
        }
    }

    fn verdict(&self, verdict: Option<&Verdict>) -> String {
        let Some(verdict) = verdict else { return format!("{:<58}", "") };
        let met = verdict.is_met();
        let text = format!(
            "{} of {:.2} {}{} ({})",
            verdict.ratio.map_or("?".to_owned(), |ratio| format!("{ratio:.3}")),
            verdict.target,
            if met { "met" } else { "NOT met" },
            verdict.to_floor.map_or(String::new(), |to_floor| format!(", floor x{to_floor:.2}")),
            verdict.against,
        );
        self.paint(if met { 32 } else { 31 }, &format!("{text:<58}"))
    }
}

fn cell(measured: &Measured, column: usize, figure: Option<Figure>) -> String {
    let kind = measured.row.job.kind;
    let figures = figure.map(|figure| [figure.fastest, figure.median].map(|value| shown(kind, value)));
    let [fastest, median] = figures.unwrap_or(["-".into(), String::new()]);
    if kind == Kind::Memory {
        return format!("{fastest:>27}");
    }
    let ratio = |other: Option<Figure>| {
        let ratio = figure.zip(other).map(|(figure, other)| figure.fastest / other.fastest);
        ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"))
    };
    let to_floor = ratio(measured.figure(FLOOR, column));
    let to_best = ratio(measured.best_peer(column).map(|(_, figure)| figure));
    format!("{fastest:>16}{median:>12}{to_floor:>8}{to_best:>8}")
}

pub(crate) fn unit(kind: Kind, column: &str) -> &'static str {
    match kind {
        Kind::Handshake => "us",
        Kind::Bulk => "MB/s",
        Kind::Messages => "ns",
        Kind::Memory if column.ends_with("allocations") => "calls",
        Kind::Memory => "bytes",
    }
}

/// A value in its unit: bulk is a rate of a mebibyte in so many nanoseconds.
pub(crate) fn shown(kind: Kind, value: f64) -> String {
    match kind {
        Kind::Handshake => format!("{:.1}", value / 1e3),
        Kind::Bulk => format!("{:.0}", f64::from(1 << 20) / value * 1e3),
        Kind::Messages | Kind::Memory => format!("{value:.0}"),
    }
}
