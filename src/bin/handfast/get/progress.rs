//! A line on a terminal that says how far it is.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::{Duration, Instant};

/// How far it is. It speaks only where a person sees it, and where the body
/// does not go to the same terminal.
pub(crate) struct Progress {
    shown: bool,
    began: Instant,
    next: Instant,
    done: u64,
    whole: Option<u64>,
}

const PAUSE: Duration = Duration::from_millis(200);

impl Progress {
    pub(crate) fn new(wanted: bool, to_file: bool, whole: Option<u64>) -> Self {
        let shown = wanted && stderr().is_terminal() && (to_file || !stdout().is_terminal());
        let began = Instant::now();
        Self { shown, began, next: began + PAUSE, done: 0, whole }
    }

    pub(crate) fn advance(&mut self, n: usize) {
        self.done += n as u64;
        if self.shown && Instant::now() >= self.next {
            self.next = Instant::now() + PAUSE;
            self.say("\r");
        }
    }

    /// The last line, if there was one before.
    pub(crate) fn end(&self) {
        if self.shown && self.next > self.began + PAUSE {
            self.say("\r");
            let _nobody_listens = writeln!(stderr());
        }
    }

    fn say(&self, before: &str) {
        let line = line(self.done, self.whole, self.began.elapsed());
        let _nobody_listens = write!(stderr(), "{before}\x1b[K{line}").and_then(|()| stderr().flush());
    }
}

fn line(done: u64, whole: Option<u64>, took: Duration) -> String {
    const WIDTH: u64 = 30;
    let rate = bytes((done as f64 / took.as_secs_f64().max(0.001)) as u64);
    match whole.filter(|whole| *whole > 0) {
        None => format!("{}, {rate}/s", bytes(done)),
        Some(whole) => {
            let full = (done.min(whole) as u128 * u128::from(WIDTH) / u128::from(whole)) as usize;
            let percent = done.min(whole) as u128 * 100 / u128::from(whole);
            let bar = format!("{}{}", "=".repeat(full), " ".repeat(WIDTH as usize - full));
            format!("[{bar}] {percent:>3} %  {} of {}, {rate}/s", bytes(done), bytes(whole))
        }
    }
}

fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = n as f64;
    let mut name = "B";
    for unit in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        name = unit;
    }
    if name == "B" { format!("{n} B") } else { format!("{size:.1} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let second = Duration::from_secs(1);
        assert_eq!(line(1536, None, second), "1.5 KiB, 1.5 KiB/s");
        assert_eq!(
            line(512, Some(1024), second),
            "[===============               ]  50 %  512 B of 1.0 KiB, 512 B/s"
        );
        assert!(line(9, Some(3), second).starts_with(&format!("[{}] 100 %", "=".repeat(30))));
        assert!(line(u64::MAX, Some(u64::MAX), second).contains("TiB"));
    }
}
