//! A directory as a page.

use super::path::encode;
use crate::text::clean;
use std::io;
use std::path::Path;

/// How many names are shown.
const MOST: usize = 5_000;

/// The page for the directory `dir`, which is called `title`.
pub(crate) fn page(dir: &Path, title: &str) -> io::Result<String> {
    let mut entries = Vec::new();
    let mut more = false;
    for entry in std::fs::read_dir(dir)? {
        if entries.len() == MOST {
            more = true;
            break;
        }
        let entry = entry?;
        // A name that is no text cannot be asked for.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.push((!is_dir, name));
    }
    entries.sort();
    let mut rows = String::new();
    if title != "/" {
        rows.push_str("<li><a href=\"../\">../</a></li>\n");
    }
    for (is_file, name) in entries {
        let slash = if is_file { "" } else { "/" };
        rows.push_str(&format!(
            "<li><a href=\"./{}{slash}\">{}{slash}</a></li>\n",
            encode(&name),
            escape(&clean(&name))
        ));
    }
    if more {
        rows.push_str(&format!("<li>and more than these {MOST}</li>\n"));
    }
    let title = escape(&clean(title));
    Ok(format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1>\n<ul>\n{rows}</ul>\n</body></html>\n"
    ))
}

/// Text in HTML, also inside of an attribute.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_nothing_else() {
        assert_eq!(escape("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
        assert_eq!(encode("javascript:alert(1)"), "javascript%3Aalert%281%29");
    }
}
