//! docs/textbook.md says what `explain --classic` prints, and where it is made.

use super::run::explain;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/textbook.md");

/// What stands in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn each_step_has_its_line_in_this_order() {
    let told = explain(&["--classic"]);
    let mut rest = told.code(0).out.as_str();
    let rows: Vec<Vec<&str>> = PAGE
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells.get(1).is_some_and(|number| number.parse::<u8>().is_ok()))
        .collect();
    assert_eq!(rows.len(), 10);
    for row in &rows {
        let [_, _, _, _, _, here, printed, _] = row[..] else { panic!("{row:?}") };
        for words in quoted(printed).filter(|words| !["-v", "explain", "handfast get"].contains(words)) {
            let place = rest.find(words).unwrap_or_else(|| panic!("{words:?} is not in\n{rest}"));
            rest = &rest[place..];
        }
        sources(here);
    }
}

/// The files are there, and in each what is said to be in it.
fn sources(here: &str) {
    let mut file = String::new();
    for name in quoted(here) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if name.starts_with("src/") {
            file = if path.is_dir() { String::new() } else { std::fs::read_to_string(path).expect(name) };
        } else if !file.is_empty() {
            for part in name.split("::") {
                let there =
                    ["fn ", "struct ", "impl "].iter().any(|kind| file.contains(&format!("{kind}{part}")));
                assert!(there || file.contains(&format!("Body::{part}")), "{name} is not in its file");
            }
        }
    }
}

#[test]
fn the_words_of_the_text_are_printed() {
    let told = explain(&["--classic"]);
    told.says(&["TCP 127.0.0.1", " connected in ", "\n  randoms "]);
    for command in ["explain --classic", "-- explain\n"] {
        assert!(PAGE.contains(command));
    }
}
