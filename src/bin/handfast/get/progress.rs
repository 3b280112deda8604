//! A line on a terminal that says how far it is.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use std::io::{IsTerminal, stderr, stdout};

/// How often it is drawn, in a second.
const DRAWN: u8 = 5;

/// How far it is. It speaks only where a person sees it, and where the body does
/// not go to the same terminal. `whole` is the length, if that is known.
pub(crate) fn progress(wanted: bool, to_file: bool, whole: Option<u64>) -> ProgressBar {
    let shown = wanted && stderr().is_terminal() && (to_file || !stdout().is_terminal());
    if !shown {
        return ProgressBar::hidden();
    }
    let text = match whole {
        Some(_) => "[{bar:30}] {percent:>3} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{bytes}, {bytes_per_sec}",
    };
    let style = ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(whole, ProgressDrawTarget::stderr_with_hz(DRAWN))
        .with_style(style.progress_chars("=> "))
        .with_finish(ProgressFinish::Abandon)
}
