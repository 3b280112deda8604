//! What each tool needs that writes a part of BENCHMARKS.md: where it measured, and
//! its own part between markers.

mod machine;

pub use machine::Machine;

/// The text with something else between two markers.
pub fn between(text: &str, marker: &str, content: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- {marker} -->"), format!("<!-- end of {marker} -->"));
    let missing = || format!("the page has no {begin}");
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", content.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let page = "a\n<!-- bar -->\nold\n<!-- end of bar -->\nz";
        let renewed = between(page, "bar", "| new |\n").unwrap();
        assert_eq!(renewed, "a\n<!-- bar -->\n| new |\n<!-- end of bar -->\nz");
        assert_eq!(between(&renewed, "bar", "| new |").unwrap(), renewed);
        assert!(between(page, "growth", "").is_err());
    }
}
