//! Plots, as SVG that needs no library and no font of its own.

use crate::growth::Curve;
use crate::plan::{PEERS, Peer, Role};
use crate::results::Measured;
use crate::terminal::{shown, unit};
use peers_common::Kind;
use std::fmt::Write;

const WIDTH: u32 = 760;
const LEFT: u32 = 180;
const BAR: u32 = 14;

fn open(height: u32) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    )
}

fn colour(role: Role) -> &'static str {
    match role {
        Role::Ours => "#0b6e4f",
        Role::Theirs => "#8a9ba8",
        Role::Floor => "#d9c27e",
    }
}

/// A group for each row, a bar for each peer, of the fastest tenth.
pub(crate) fn bars(rows: &[&Measured], column: usize) -> String {
    let mut body = String::new();
    let mut y = 10;
    for measured in rows {
        let kind = measured.row.job.kind;
        let name = kind.columns()[column];
        // Samples are times, and what is shown of bulk is a rate.
        let (length, better): (fn(f64) -> f64, _) = match kind {
            Kind::Bulk => (f64::recip, "longer"),
            _ => (|value| value, "shorter"),
        };
        y += 20;
        let head = format!("{}, {name}: {}, the {better} the better", measured.row.name, unit(kind, name));
        writeln!(body, "<text x=\"8\" y=\"{y}\" font-weight=\"bold\">{head}</text>").unwrap();
        let figure = |peer: &'static Peer| Some((peer, measured.figure(peer.name, column)?.fastest));
        let values: Vec<_> = PEERS.iter().filter_map(figure).collect();
        let most = values.iter().map(|(_, value)| length(*value)).fold(0.0, f64::max);
        for (peer, value) in values {
            y += BAR + 3;
            let width = length(value) / most * f64::from(WIDTH - LEFT - 70);
            let (end, colour) = (f64::from(LEFT) + width + 5.0, colour(peer.role));
            writeln!(
                body,
                "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
                 <text x=\"{end:.1}\" y=\"{y}\">{}</text>",
                LEFT - 6,
                peer.name,
                y - BAR + 3,
                shown(kind, value),
            )
            .unwrap();
        }
        y += 12;
    }
    format!("{}{body}</svg>\n", open(y + 10))
}

/// What is less is shown as this: logarithms have no zero.
const LEAST: f64 = 0.01;

/// One curve, with both axes in powers of ten.
pub(crate) fn curve(curve: &Curve) -> String {
    const HEIGHT: f64 = 300.0;
    let (left, right, top, bottom) = (70.0, 720.0, 40.0, HEIGHT - 40.0);
    let range = |pick: fn(&(f64, f64)) -> f64| {
        let values = || curve.points.iter().map(|point| pick(point).max(LEAST).log10());
        let (low, high) =
            (values().fold(f64::MAX, f64::min).floor(), values().fold(f64::MIN, f64::max).ceil());
        (low, high.max(low + 1.0))
    };
    let ((x_low, x_high), (y_low, y_high)) = (range(|point| point.0), range(|point| point.1));
    let across = |x: f64| left + (x - x_low) / (x_high - x_low) * (right - left);
    let up = |y: f64| bottom - (y - y_low) / (y_high - y_low) * (bottom - top);

    let mut body = open(HEIGHT as u32);
    writeln!(body, "<text x=\"8\" y=\"20\" font-weight=\"bold\">{} ({})</text>", curve.name, curve.unit)
        .unwrap();
    for power in x_low as i32..=x_high as i32 {
        let (x, value) = (across(f64::from(power)), 10f64.powi(power));
        let label = bottom + 18.0;
        writeln!(
            body,
            "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"{label}\" text-anchor=\"middle\">{value}</text>"
        )
        .unwrap();
    }
    for power in y_low as i32..=y_high as i32 {
        let (y, value) = (up(f64::from(power)), 10f64.powi(power));
        writeln!(
            body,
            "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            left - 6.0,
            y + 4.0
        )
        .unwrap();
    }
    let places: Vec<(f64, f64)> =
        curve.points.iter().map(|(x, y)| (across(x.max(LEAST).log10()), up(y.max(LEAST).log10()))).collect();
    let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    writeln!(
        body,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#0b6e4f\" stroke-width=\"2\"/>",
        line.join(" ")
    )
    .unwrap();
    for (x, y) in places {
        writeln!(body, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#0b6e4f\"/>").unwrap();
    }
    body + "</svg>\n"
}
