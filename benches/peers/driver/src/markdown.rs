//! BENCHMARKS.md: what stands between its markers is made here.

use crate::bar::{Reached, Verdict};
use crate::growth::Curve;
use crate::plan::{BEST, FLOOR, FLOOR_RING, PEERS, RING, RUSTLS_RING, Role};
use crate::results::{Figure, Measured};
use crate::svg;
use crate::terminal::{shown, unit};
use peers_common::Kind;
use peers_page::{Machine, between};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Everything that a page shows.
pub(crate) struct Page<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) command: &'a str,
    pub(crate) measured: &'a [Measured],
    pub(crate) reached: &'a [Reached],
    pub(crate) curves: &'a [Curve],
}

impl Page<'_> {
    /// Renews the page and the plots beside the package.
    pub(crate) fn write(&self, page: &Path, plots: &Path) -> Result<(), Box<dyn Error>> {
        let mut text = fs::read_to_string(page)?;
        for (marker, content) in [
            ("machine", self.machine()),
            ("bar", self.bar()),
            ("ratios", self.ratios()),
            ("handshakes", self.table(Kind::Handshake)),
            ("bulk", self.table(Kind::Bulk)),
            ("messages", self.table(Kind::Messages)),
            ("memory", self.table(Kind::Memory)),
            ("growth", self.growth()),
            ("left-out", self.left_out()),
        ] {
            text = between(&text, marker, &content)?;
        }
        fs::write(page, text)?;
        fs::create_dir_all(plots)?;
        for (name, kind, column) in [
            ("handshakes-client", Kind::Handshake, 0),
            ("handshakes-server", Kind::Handshake, 1),
            ("bulk-send", Kind::Bulk, 0),
            ("bulk-receive", Kind::Bulk, 1),
            ("messages", Kind::Messages, 0),
            ("memory", Kind::Memory, 1),
        ] {
            fs::write(plots.join(format!("{name}.svg")), svg::bars(&self.of(kind), column))?;
        }
        for (number, curve) in self.curves.iter().enumerate() {
            fs::write(plots.join(plot(number)), svg::curve(curve))?;
        }
        Ok(())
    }

    fn of(&self, kind: Kind) -> Vec<&Measured> {
        self.measured.iter().filter(|measured| measured.row.job.kind == kind).collect()
    }

    fn machine(&self) -> String {
        let Machine { processor, system, date } = self.machine;
        format!("{processor}; {system}; {date}; `{}`", self.command)
    }

    fn bar(&self) -> String {
        let mut text = "| | ring alone, to rustls 0.23 with ring | the best sources, to the best peer |\n\
                        | --- | --- | --- |\n"
            .to_owned();
        for Reached { what, sides } in self.reached {
            let [ring, best] = sides.each_ref().map(|side| side.as_ref().map_or(String::new(), verdict));
            writeln!(text, "| {what} | {ring} | {best} |").unwrap();
        }
        text
    }

    /// Of each row that is time: how far from others', and from the floor.
    fn ratios(&self) -> String {
        let mut text =
            "| | ring alone: to rustls 0.23 with ring | to ring's floor | the best sources: to the \
                        best peer | to the floor |\n| --- | --- | --- | --- | --- |\n"
                .to_owned();
        for measured in self.measured.iter().filter(|measured| measured.row.job.kind != Kind::Memory) {
            for (column, name) in measured.row.job.kind.columns().iter().enumerate() {
                let ratio = |own: &str, other: Option<Figure>| {
                    let own = measured.figure(own, column);
                    let ratio = own.zip(other).map(|(own, other)| own.fastest / other.fastest);
                    ratio.map_or(String::new(), |ratio| format!("{ratio:.3}"))
                };
                let of = |peer: &str| measured.figure(peer, column);
                let best = measured.best_peer(column);
                writeln!(
                    text,
                    "| {}: {name} | {} | {} | {} ({}) | {} |",
                    measured.row.name,
                    ratio(RING, of(RUSTLS_RING)),
                    ratio(RING, of(FLOOR_RING)),
                    ratio(BEST, best.map(|(_, figure)| figure)),
                    best.map_or("nobody", |(peer, _)| peer),
                    ratio(BEST, of(FLOOR)),
                )
                .unwrap();
            }
        }
        text
    }

    /// A table of the fastest tenth, and one of the median.
    fn table(&self, kind: Kind) -> String {
        let rows = self.of(kind);
        let columns = kind.columns();
        let mut units: Vec<&str> = columns.iter().map(|column| unit(kind, column)).collect();
        units.dedup();
        let mut text = String::new();
        type Pick = fn(&Figure) -> f64;
        let (fastest, median): (Pick, Pick) = (|figure| figure.fastest, |figure| figure.median);
        let tables = match kind {
            Kind::Memory => vec![("", fastest)],
            _ => vec![("The fastest tenth; ", fastest), ("The median; ", median)],
        };
        for (which, pick) in tables {
            writeln!(text, "{which}{}, in {}:\n", columns.join(" / "), units.join(" and ")).unwrap();
            let names = PEERS.iter().map(|peer| peer.name).collect::<Vec<_>>().join(" | ");
            writeln!(text, "| | {names} |\n| --- {}|", "| --- ".repeat(PEERS.len())).unwrap();
            for measured in &rows {
                write!(text, "| {} |", measured.row.name).unwrap();
                for outcome in &measured.outcomes {
                    let cell = |figure: &Option<Figure>| {
                        figure.as_ref().map_or("-".to_owned(), |figure| shown(kind, pick(figure)))
                    };
                    let cells = outcome.iter().flatten().map(cell).collect::<Vec<_>>().join(" / ");
                    write!(text, " {cells} |").unwrap();
                }
                text.push('\n');
            }
            text.push('\n');
        }
        text
    }

    fn growth(&self) -> String {
        let mut text =
            "| what grows | in | first | last | exponent | |\n| --- | --- | --- | --- | --- | --- |\n"
                .to_owned();
        for (number, curve) in self.curves.iter().enumerate() {
            let point =
                |point: Option<&(f64, f64)>| point.map_or(String::new(), |(x, y)| format!("{x}: {y:.1}"));
            let exponent = curve.exponent().map_or("-".to_owned(), |exponent| format!("{exponent:.2}"));
            let linear = match (curve.is_peers, curve.is_linear()) {
                (true, true) => "at most linear",
                (true, false) => "**steeper**",
                (false, _) => "the user's",
            };
            let (first, last) = (point(curve.points.first()), point(curve.points.last()));
            let plot = format!("[{}](benches/peers/plots/{})", curve.name, plot(number));
            writeln!(text, "| {plot} | {} | {first} | {last} | {exponent} | {linear} |", curve.unit).unwrap();
        }
        text
    }

    /// Who is not in which row, and why.
    fn left_out(&self) -> String {
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for (number, peer) in PEERS.iter().enumerate().filter(|(_, peer)| peer.role != Role::Floor) {
            for measured in self.measured {
                let Err(reason) = &measured.outcomes[number] else { continue };
                let reason = format!("{} {reason}", peer.name);
                match reasons.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, rows)) => rows.push(measured.row.name),
                    None => reasons.push((reason, vec![measured.row.name])),
                }
            }
        }
        let line = |(reason, rows): &(String, Vec<&str>)| format!("- {reason}: {}\n", rows.join("; "));
        reasons.iter().map(line).collect()
    }
}

fn plot(number: usize) -> String {
    format!("growth-{:02}.svg", number + 1)
}

fn verdict(verdict: &Verdict) -> String {
    let met = if verdict.is_met() { "met" } else { "**not met**" };
    let ratio = verdict.ratio.map_or("not measured".to_owned(), |ratio| format!("{ratio:.3}"));
    let floor = verdict.to_floor.map_or(String::new(), |to_floor| format!(", {to_floor:.2} of the floor"));
    format!("{ratio} of {:.2}: {met} ({}{floor})", verdict.target, verdict.against)
}
