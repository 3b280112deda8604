//! Where the story is written, in colours or not.

use crate::args::Color;
use crate::output;
use std::io::{IsTerminal, stdout};

/// How something is shown on a terminal that has colours.
#[derive(Clone, Copy)]
pub(crate) enum Ink {
    Plain,
    Bold,
    Dim,
    Sent,
    Received,
    Secret,
    Good,
    Bad,
}

impl Ink {
    /// SGR parameters (ECMA-48 section 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Sent => "36",
            Self::Received => "35",
            Self::Secret => "33",
            Self::Good => "32",
            Self::Bad => "1;31",
        }
    }
}

/// Standard output.
pub(crate) struct Paper {
    colors: bool,
}

impl Paper {
    pub(crate) fn new(color: Color) -> Self {
        let colors = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                stdout().is_terminal() && !unwanted
            }
        };
        Self { colors }
    }

    /// The text in this ink.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        match self.colors && !text.is_empty() {
            true => format!("\x1b[{}m{text}\x1b[0m", ink.code()),
            false => text.to_owned(),
        }
    }

    /// A line.
    pub(crate) fn line(&self, text: &str) {
        output::line(text.trim_end());
    }
}
