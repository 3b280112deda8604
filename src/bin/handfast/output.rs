//! Standard output, of all commands. What cannot be written fails the command
//! in the end: a reader of half the output must not take it for the whole.

use crate::exit::Exit;
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

/// What went wrong first. Standard output is the process's, and so is this.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Standard output as a stream; a failure is remembered, and told by it, too.
pub(crate) struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        remembered(stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        remembered(stdout().flush())
    }
}

fn remembered<T>(done: io::Result<T>) -> io::Result<T> {
    done.inspect_err(|error| match error.kind() {
        ErrorKind::Interrupted => {}
        kind => {
            // As the system says it, where it does.
            let same = error.raw_os_error().map_or_else(|| kind.into(), io::Error::from_raw_os_error);
            FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(same);
        }
    })
}

/// Writes a line, at once.
pub(crate) fn line(text: &str) {
    // One piece: lines of several threads do not mix.
    let text = format!("{text}\n");
    let _remembered = Output.write_all(text.as_bytes()).and_then(|()| Output.flush());
}

/// Takes note of what somebody else wrote to standard output.
pub(crate) fn note(written: io::Result<()>) {
    let _remembered = remembered(written);
}

/// Whether it failed, which [`end`] will tell: then nothing more need be found out.
pub(crate) fn has_failed() -> bool {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// Ends the command. Where its output could not be written a success is none. A
/// reader that went away, as `head` does, had enough: that is not complained of,
/// and has the exit code of programs that a closed pipe kills.
pub(crate) fn end(exit: Exit) -> Exit {
    let _remembered = Output.flush();
    let failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner).take();
    match failed {
        None => exit,
        Some(error) if error.kind() == ErrorKind::BrokenPipe => match exit {
            Exit::Success => Exit::ClosedPipe,
            // What was found out stands.
            exit => exit,
        },
        Some(error) => {
            let _nobody_listens = writeln!(stderr(), "handfast: standard output cannot be written: {error}");
            match exit {
                Exit::Success => Exit::Misuse,
                exit => exit,
            }
        }
    }
}
