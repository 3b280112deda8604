//! What SECURITY.md says of this crate, tests show: each sentence names them, and
//! they are there.

use std::path::Path;

/// The sections whose sentences name tests, and the ones that say what holds not.
const SHOWN: [&str; 2] = ["## What holds", "## What is wiped, and what is not"];

/// From here to the next heading is what nobody promises.
const NOT_OURS: &str = "Not wiped, because";

/// A sentence, and the tests that it names.
type Claim = (String, Vec<(String, String)>);

fn claims(text: &str) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    let mut shown = false;
    for line in text.lines() {
        if line.starts_with("## ") || line.starts_with(NOT_OURS) {
            shown = SHOWN.contains(&line);
        }
        let named = line.trim().strip_prefix('`').and_then(|name| name.strip_suffix('`')?.split_once("::"));
        match (line.strip_prefix("- "), claims.last_mut()) {
            _ if !shown => {}
            (Some(sentence), _) => claims.push((sentence.to_owned(), Vec::new())),
            (None, Some((_, tests))) if named.is_some() => {
                tests.extend(named.map(|(file, test)| (file.to_owned(), test.to_owned())));
            }
            _ => {}
        }
    }
    claims
}

/// Why a test that is named shows nothing, if it does not.
fn lacks(file: &str, test: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(source) = std::fs::read_to_string(root.join(file)) else {
        return Some(format!("there is no file {file}"));
    };
    let begins = [format!("fn {test}()"), format!("async fn {test}()")];
    let Some(place) =
        source.lines().position(|line| begins.iter().any(|begins| line.trim_start().starts_with(begins)))
    else {
        return Some(format!("{file} has no {test}"));
    };
    // Attributes stand above, one a line.
    let above: Vec<&str> = source.lines().take(place).collect();
    let is_test = above.iter().rev().take_while(|line| line.trim_start().starts_with("#[")).any(|line| {
        let attribute = line.trim();
        attribute == "#[test]" || attribute == "#[tokio::test]" || attribute.starts_with("#[tokio::test(")
    });
    (!is_test).then(|| format!("{test} in {file} is no test"))
}

#[test]
fn each_sentence_names_the_tests_that_show_it() {
    let claims = claims(include_str!("../SECURITY.md"));
    assert!(claims.len() > 20, "the sections were not found");
    let silent = claims.iter().filter(|(_, tests)| tests.is_empty()).map(|(sentence, _)| sentence.clone());
    let lost = claims.iter().flat_map(|(_, tests)| tests).filter_map(|(file, test)| lacks(file, test));
    let wrong: Vec<String> = silent.chain(lost).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_lost_is_seen() {
    let text =
        "## What holds\n- One.\n  `tests/security.rs::what_is_lost_is_seen`\n- Two.\n## Else\n- Three.\n";
    let claims = claims(text);
    assert_eq!(claims.iter().map(|(_, tests)| tests.len()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(lacks("tests/security.rs", "what_is_lost_is_seen"), None);
    for (file, test) in
        [("tests/none.rs", "x"), ("tests/security.rs", "gone"), ("tests/security.rs", "lacks_all")]
    {
        assert!(lacks(file, test).is_some(), "{file}::{test}");
    }
}

/// Looks like a test, and is none.
#[allow(dead_code)] // it is there to be read as text
fn lacks_all() {}
