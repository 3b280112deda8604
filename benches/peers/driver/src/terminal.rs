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

    pub(crate) fn row(&self, measured: &Measured) {
        let kind = measured.row.job.kind;
        let mut head = format!("{:<26}", "");
        for column in kind.columns() {
            write!(head, "{:>36}", format!("{column}, {}", unit(kind, column))).unwrap();
        }
        println!("\n{}\n{head}", self.paint(1, measured.row.name));
        for (peer, outcome) in PEERS.iter().zip(&measured.outcomes) {
            let line = match outcome {
                Ok(figures) => {
                    let cell =
                        |(column, figure): (usize, &Option<Figure>)| self.cell(measured, column, *figure);
                    figures.iter().enumerate().map(cell).collect::<String>()
                }
                Err(reason) => format!("    {}", self.paint(2, reason)),
            };
            let name = format!("{:<26}", peer.name);
            println!("{}{line}", if peer.role == Role::Ours { self.paint(36, &name) } else { name });
        }
    }

    /// The fastest tenth, the median, and the fastest tenth's ratio to the floor.
    fn cell(&self, measured: &Measured, column: usize, figure: Option<Figure>) -> String {
        let Some(figure) = figure else { return format!("{:>36}", "-") };
        let kind = measured.row.job.kind;
        let floor = measured.figure(FLOOR, column);
        let floor = floor.map_or(String::new(), |floor| format!("x{:.2}", figure.fastest / floor.fastest));
        let [fastest, median] = [figure.fastest, figure.median].map(|value| shown(kind, value));
        let median = if kind == Kind::Memory { String::new() } else { format!("({median})") };
        format!("{fastest:>14} {median:>12} {floor:>8}")
    }

    pub(crate) fn bar(&self, reached: &[Reached]) {
        println!("\n{}", self.paint(1, "The bar: time, or memory, by the other's"));
        println!(
            "{:<58}{:<52}with the best sources, to the best peer",
            "", "with ring, to rustls 0.23 with ring"
        );
        for Reached { what, sides } in reached {
            let [ring, best] = sides.each_ref().map(|side| self.verdict(side.as_ref()));
            println!("{what:<58}{ring}{best}");
        }
    }

    fn verdict(&self, verdict: Option<&Verdict>) -> String {
        let Some(verdict) = verdict else { return format!("{:<52}", "") };
        let met = verdict.is_met();
        let ratio = verdict.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        let floor = verdict.to_floor.map_or(String::new(), |to_floor| format!(", floor x{to_floor:.2}"));
        let text = format!(
            "{ratio} of {:.2} {}{floor} ({})",
            verdict.target,
            if met { "met" } else { "NOT met" },
            verdict.against,
        );
        self.paint(if met { 32 } else { 31 }, &format!("{text:<52}"))
    }
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
