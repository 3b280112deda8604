//! Asking a person.

use std::io::{IsTerminal, Write, stderr, stdin};

/// Whether somebody is there to be asked.
pub(crate) fn somebody_is_there() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Asks; everything but yes is no.
pub(crate) fn yes(question: &str) -> bool {
    let mut answer = String::new();
    let asked = write!(stderr(), "{question} [y/N] ").and_then(|()| stderr().flush());
    let answered = asked.and_then(|()| stdin().read_line(&mut answer));
    answered.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Says something on standard error; if nobody listens, nobody does.
pub(super) fn complain(text: &str) {
    let _nobody_listens = writeln!(stderr(), "{text}");
}
