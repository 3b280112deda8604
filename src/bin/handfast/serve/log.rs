//! What the server says: one line for each request, and whole stories.

use crate::output;
use crate::text::clean;
use handfast::ConnectionInfo;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Standard output, shared by the connections. What cannot be written is not:
/// the server serves on.
#[derive(Default)]
pub(crate) struct Log(Mutex<()>);

impl Log {
    /// While this is held nobody else writes.
    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line as it is.
    pub(crate) fn line(&self, text: &str) {
        let _held = self.hold();
        output::line(text);
    }

    /// A line about a peer, with the time.
    pub(crate) fn of(&self, peer: SocketAddr, text: &str) {
        self.line(&format!("{} {peer} {text}", now()));
    }
}

/// Version and suite.
pub(crate) fn protocol(info: &ConnectionInfo) -> String {
    let version = info.version.map_or("-".to_owned(), |version| version.to_string().replace(' ', ""));
    let suite = info.suite.map_or("-".to_owned(), |suite| suite.to_string());
    format!("{version} {suite}")
}

/// Something that a peer said, as one word.
pub(crate) fn word(text: &str) -> String {
    clean(text).replace(' ', "%20")
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    time(since.as_secs(), since.subsec_millis())
}

/// UTC as RFC 3339 writes it.
fn time(seconds: u64, millis: u32) -> String {
    // Days are counted from 0000-03-01, so that leap days end a year.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (era * 400 + year, month + 3),
        _ => (era * 400 + year + 1, month - 9),
    };
    let second = seconds % 86_400;
    format!(
        "{year:04}-{month:02}-{of_month:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_735_689_600, "2025-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(time(seconds, 0), text);
        }
        assert_eq!(time(1, 7), "1970-01-01T00:00:01.007Z");
    }

    #[test]
    fn a_word_is_one() {
        assert_eq!(word("a b\n\x1b[2J"), "a%20b%20\\u{1b}[2J");
    }
}
