//! What the server says: one line for each request, and whole stories.
//!
//! A thread of its own writes it: a reader that does not read, as a pager that
//! nobody scrolls, would hold up every connection.

use crate::output::Output;
use crate::text::clean;
use handfast::ConnectionInfo;
use std::io::{ErrorKind, Write, stderr};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines and stories wait to be written: some seconds of a busy server's.
/// What comes then is counted, and not kept.
const WAITING: usize = 4_096;

/// How long the last lines may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Standard output, shared by the connections. What cannot be written is not:
/// the server serves on.
pub(crate) struct Log {
    entries: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

enum Entry {
    Line(String),
    Story(Box<dyn FnOnce() + Send>),
    /// To be told when it is reached.
    Here(Sender<()>),
}

impl Log {
    pub(crate) fn begin() -> Result<Self, String> {
        let (entries, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || write(&waiting, &counted));
        thread.map(|_runs| Self { entries, lost }).map_err(|error| format!("no thread for the log: {error}"))
    }

    /// A line as it is.
    pub(crate) fn line(&self, text: &str) {
        self.add(Entry::Line(text.to_owned()));
    }

    /// A line about a peer, with the time.
    pub(crate) fn of(&self, peer: SocketAddr, text: &str) {
        self.add(Entry::Line(format!("{} {peer} {text}", now())));
    }

    /// A line about no peer, with the time.
    pub(crate) fn now(&self, text: &str) {
        self.add(Entry::Line(format!("{} {}", now(), clean(text))));
    }

    /// Something that writes to standard output itself; nobody else does so meanwhile.
    pub(crate) fn story(&self, tell: impl FnOnce() + Send + 'static) {
        self.add(Entry::Story(Box::new(tell)));
    }

    fn add(&self, entry: Entry) {
        if self.entries.try_send(entry).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all is written, but not for ever.
    pub(crate) fn end(&self) {
        let until = Instant::now() + LAST_WORDS;
        let (reached, here) = channel();
        while self.entries.try_send(Entry::Here(reached.clone())).is_err() {
            if Instant::now() >= until {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _as_far_as_it_goes = here.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// Writes what comes, for as long as somebody may add to it.
fn write(entries: &Receiver<Entry>, lost: &AtomicU64) {
    let mut complained = false;
    for entry in entries {
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            n => print(
                &format!("{n} lines are missing here: they came faster than they were read"),
                &mut complained,
            ),
        }
        match entry {
            Entry::Line(line) => print(&line, &mut complained),
            Entry::Story(tell) => tell(),
            Entry::Here(reached) => {
                let _waits_no_more = reached.send(());
            }
        }
    }
}

fn print(line: &str, complained: &mut bool) {
    let line = format!("{line}\n");
    let written = Output.write_all(line.as_bytes()).and_then(|()| Output.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe && !*complained => {
            *complained = true;
            let _nobody_listens =
                writeln!(stderr(), "handfast: the log cannot be written: {error}; serving goes on");
        }
        _ => {}
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

/// UTC as RFC 3339 writes it.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one() {
        assert_eq!(word("a b\n\x1b[2J"), "a%20b%20\\u{1b}[2J");
    }
}
