//! The curve of the worst cases: how long the verifier takes for chains that
//! are made to be slow, by their size. Whatever fits into a Certificate message
//! is to be judged within 20 ms, and the curve to be linear.
//!
//! `cargo bench --bench worst` prints a row for each, and fails above the bar.
//! `HANDFAST_WORST=/some/folder` writes each chain of the largest size, with its
//! key, to be sent by `handfast serve` and `handfast get`.

#[path = "../tests/support/worst.rs"]
#[allow(dead_code)] // others use the rest of it
mod worst;

use handfast::limits;
use handfast::pki::{Purpose, ServerName, UnixTime};
use std::time::{Duration, Instant};
use worst::{ALL, Case, NAME, NOW};

const SIZES: [usize; 4] = [12_500, 25_000, 50_000, 100_000];
const BAR: Duration = Duration::from_millis(20);

/// The fastest of some runs, and what it cost.
fn judged(case: &Case, purpose: Purpose) -> (Duration, usize) {
    let verifier = case.verifier();
    let (name, now) =
        (ServerName::try_from(NAME).unwrap(), UnixTime::since_unix_epoch(Duration::from_secs(NOW)));
    let mut cost = 0;
    let runs = (0..15).map(|_| {
        let started = Instant::now();
        let verdict = verifier.verify_stapled(&case.chain, &case.staple, Some(&name), purpose, now);
        let took = started.elapsed();
        cost = verdict.map_or_else(|refused| refused.report.cost(), |accepted| accepted.report.cost());
        took
    });
    (runs.min().unwrap(), cost)
}

fn main() {
    let mut slowest = Duration::ZERO;
    println!("{:>9} octets: time, its ratio to the last, cost; for a server's chain", "");
    for (what, ten_certificates, make) in ALL {
        let mut last: Option<Duration> = None;
        let mut row = String::new();
        for size in SIZES {
            let case = make(size);
            assert!(!ten_certificates || case.chain.len() <= limits::CHAIN_CERTIFICATES, "{what}");
            let (server, cost) = judged(&case, Purpose::Server);
            let took = server.max(judged(&case, Purpose::Client).0);
            let ratio = last
                .map_or(String::new(), |last| format!(" x{:.1}", took.as_secs_f64() / last.as_secs_f64()));
            row += &format!("  {:>6.2} ms{ratio} {:>7}", took.as_secs_f64() * 1e3, cost);
            last = Some(took);
            slowest = slowest.max(took);
        }
        println!("{what}{}\n{row}", if *ten_certificates { "" } else { " (more than ten certificates)" });
    }
    println!("the slowest: {slowest:?}; the bar: {BAR:?}");
    if let Some(folder) = std::env::var_os("HANDFAST_WORST") {
        let folder = std::path::PathBuf::from(folder);
        for (place, (what, _, make)) in ALL.iter().enumerate() {
            let case = make(96_000);
            let chain: String = case.chain.iter().map(|der| pem("CERTIFICATE", der)).collect();
            std::fs::write(folder.join(format!("{place}.chain.pem")), chain).unwrap();
            std::fs::write(folder.join(format!("{place}.key.pem")), pem("PRIVATE KEY", &case.key)).unwrap();
            std::fs::write(folder.join(format!("{place}.txt")), what).unwrap();
        }
    }
    assert!(slowest <= BAR, "a chain is slower than the bar");
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for line in der.chunks(48) {
        for three in line.chunks(3) {
            let bits =
                three.iter().fold(0u32, |sum, octet| sum << 8 | u32::from(*octet)) << (8 * (3 - three.len()));
            for digit in 0..4 {
                let value = (bits >> (18 - 6 * digit)) as usize & 63;
                text.push(if digit <= three.len() { char::from(DIGITS[value]) } else { '=' });
            }
        }
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}
