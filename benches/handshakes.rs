//! Handshakes of one kind, and nothing else, for a profiler:
//!
//! ```text
//! cargo bench --bench handshakes --no-run
//! valgrind --tool=callgrind --toggle-collect='*at_client*' target/release/deps/handshakes-... resumed-1.3 100
//! ```
//!
//! `at_client` and `at_server` hold what each side does. Callgrind counts
//! instructions, so that its figures are the same on a busy machine; what is
//! ring's and what is this crate's it says by the functions' names.

#[path = "support/ours.rs"]
mod ours;

use ours::{Chain, Kind, Ours, Times};

const KINDS: [(&str, u16, Kind); 7] = [
    ("full-1.3", 0x1301, Kind::Full),
    ("remembering-1.3", 0x1301, Kind::Remembering),
    ("resumed-1.3", 0x1301, Kind::Resumed),
    ("full-1.2", 0xc02b, Kind::Full),
    ("remembering-1.2", 0xc02b, Kind::Remembering),
    ("resumed-1.2", 0xc02b, Kind::Resumed),
    ("resumed-again-1.2", 0xc02b, Kind::ResumedAgain),
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let names = KINDS.map(|(name, ..)| name).join(", ");
    let Some(wanted) = arguments.next() else {
        println!("which handshakes? {names}; and how many");
        return;
    };
    let found = KINDS.into_iter().find(|(name, ..)| *name == wanted);
    let (name, suite, kind) = found.unwrap_or_else(|| panic!("{wanted} is none of {names}"));
    let count: u32 = arguments.next().map_or(100, |count| count.parse().unwrap());
    let ours = Ours::with(&Chain::new(), suite, kind);
    let mut times = Times::default();
    (0..count).for_each(|_| drop(ours.connect(&mut times)));
    let [client, server] = [times.client, times.server].map(|time| time.as_secs_f64() * 1e6);
    let each = |time: f64| time / f64::from(count);
    println!("{name}: {:.1} us a client, {:.1} us a server", each(client), each(server));
}
