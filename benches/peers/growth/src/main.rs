//! How the cost of this library grows with what a peer, or a user, makes large.
//! Prints a curve after the other: its name, then a line for each point.

mod curve;
mod handshakes;
mod hello;
mod stores;
mod world;

use curve::Curve;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let most = if quick { 5_000 } else { 100_000 };
    let roots = if quick { 1_000 } else { 10_000 };
    let curves: [&dyn Fn() -> Vec<Curve>; 7] = [
        &|| handshakes::connections(most),
        &handshakes::chains,
        &hello::lists,
        &handshakes::records,
        &|| stores::roots(roots),
        &stores::sessions,
        &stores::tickets,
    ];
    for curve in curves.iter().flat_map(|curves| curves()) {
        print!("{curve}");
    }
}
