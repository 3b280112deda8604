//! Standard output for a person: in colours or not, wrapped to the terminal or
//! not, at once or held back until the verdict that stands above it.

use crate::args::Color;
use crate::output;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use std::cell::RefCell;
use std::io::{IsTerminal, stdout};
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, wrap};

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
    fn style(self) -> Style {
        let of = |color: AnsiColor| Style::new().fg_color(Some(anstyle::Color::Ansi(color)));
        match self {
            Self::Plain => Style::new(),
            Self::Bold => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Sent => of(AnsiColor::Cyan),
            Self::Received => of(AnsiColor::Magenta),
            Self::Secret => of(AnsiColor::Yellow),
            Self::Good => of(AnsiColor::Green),
            Self::Bad => of(AnsiColor::Red).bold(),
        }
    }
}

/// Columns that a text needs beside what stands before it; with fewer it begins
/// on a line of its own.
const ROOM: usize = 40;

/// Where such a line begins.
const DETAIL: usize = 16;

/// Columns of the narrowest terminal that lines are wrapped for.
const NARROW: usize = 40;

/// Standard output.
pub(crate) struct Paper {
    colors: bool,
    /// Columns; none where nobody looks, for who filters lines wants them whole.
    width: Option<usize>,
    /// What is held back.
    held: RefCell<Option<Vec<String>>>,
}

impl Paper {
    /// The terminal decides about what is not given: whether it is one (NO_COLOR,
    /// CLICOLOR, CLICOLOR_FORCE and TERM count, too), and how wide; COLUMNS in the
    /// environment counts more.
    pub(crate) fn new(color: Color) -> Self {
        let colors = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !matches!(AutoStream::choice(&stdout()), ColorChoice::Never),
        };
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = || stdout().is_terminal().then(textwrap::termwidth);
        let width = columns.filter(|columns| *columns > 0).or_else(terminal);
        Self { colors, width: width.map(|width| width.max(NARROW)), held: RefCell::new(None) }
    }

    /// The text in this ink.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        let style = ink.style();
        match self.colors && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// A line.
    pub(crate) fn line(&self, text: &str) {
        self.hanging("", text, 4);
    }

    /// A line whose text begins after this; where it goes on it is indented by so
    /// much.
    pub(crate) fn hanging(&self, before: &str, text: &str, indent: usize) {
        let whole = format!("{before}{text}");
        let Some(width) = self.width.filter(|width| display_width(&whole) > *width) else {
            return self.put(whole);
        };
        let column = display_width(before);
        if column > DETAIL && width < column + ROOM {
            self.put(before.to_owned());
            return self.wrapped(&format!("{:DETAIL$}{text}", ""), width, DETAIL);
        }
        self.wrapped(&whole, width, indent);
    }

    /// Words stay whole, unless one is longer than a line.
    fn wrapped(&self, text: &str, width: usize, indent: usize) {
        let indent = " ".repeat(indent);
        let options = Options::new(width)
            .subsequent_indent(&indent)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        wrap(text, options).into_iter().for_each(|line| self.put(line.into_owned()));
    }

    fn put(&self, line: String) {
        match &mut *self.held.borrow_mut() {
            Some(held) => held.push(line),
            None => output::line(line.trim_end()),
        }
    }

    /// Holds back what comes.
    pub(crate) fn hold(&self) {
        self.held.borrow_mut().get_or_insert_default();
    }

    /// Writes above what was held back, and that; what comes after is written at
    /// once. Where nothing is held back any more nothing is written: `false`.
    pub(crate) fn release(&self, above: impl FnOnce()) -> bool {
        let Some(held) = self.held.take() else { return false };
        above();
        held.iter().for_each(|line| output::line(line.trim_end()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(width: Option<usize>, write: impl FnOnce(&Paper)) -> Vec<String> {
        let paper = Paper { colors: false, width, held: RefCell::new(Some(Vec::new())) };
        write(&paper);
        paper.held.take().unwrap()
    }

    #[test]
    fn words_stay_whole_and_what_follows_hangs_below_its_column() {
        const TEXT: &str = "one-two three four five six seven eight nine ten eleven twelve";
        let told = |width| on(width, |paper| paper.hanging("name: ", TEXT, 6));
        assert_eq!(told(None), [format!("name: {TEXT}")]);
        assert_eq!(
            told(Some(40)),
            ["name: one-two three four five six seven", "      eight nine ten eleven twelve"]
        );
    }

    #[test]
    fn a_text_without_room_has_lines_of_its_own() {
        let before = format!("{:<57}", "head");
        let told = |width| on(Some(width), |paper| paper.hanging(&before, &"word ".repeat(9), 57));
        assert_eq!(told(110).len(), 1);
        assert!(told(100)[1].starts_with(&format!("{:57}word", "")), "{:?}", told(100));
        assert_eq!(told(80), [before.clone(), format!("{:16}{}", "", ["word"; 9].join(" "))]);
    }

    #[test]
    fn what_is_longer_than_a_line_is_broken_and_none_of_it_lost() {
        let long = "x".repeat(100);
        let told = on(Some(40), |paper| paper.line(&long));
        assert!(told.iter().all(|line| line.len() <= 40), "{told:?}");
        assert_eq!(told.iter().map(|line| line.trim()).collect::<String>(), long);
    }
}
