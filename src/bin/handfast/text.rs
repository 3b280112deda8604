//! Text that may be hostile, and lists that may be long.

use data_encoding::BASE64;

/// How many items of a list are shown where a line must stay short.
pub(crate) const SHORT: usize = 8;

/// How many are shown at most.
pub(crate) const LONG: usize = 256;

/// Bytes from a peer as text: all but printable ASCII escaped, and cut.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MAX: usize = 80;
    let cut = if bytes.len() > MAX { "…" } else { "" };
    format!("{}{cut}", bytes.get(..MAX).unwrap_or(bytes).escape_ascii())
}

/// Text that may quote a peer: on one line, with nothing in it that moves the
/// cursor, hides, or turns the direction of writing; and cut.
pub(crate) fn clean(text: &str) -> String {
    const MAX: usize = 600;
    let mut out = String::new();
    for c in text.chars().take(MAX) {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() || is_format(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    if text.chars().nth(MAX).is_some() {
        out.push('…');
    }
    out
}

/// Characters without a glyph of their own, which change how others are shown.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most `most` items, and how many more there are.
pub(crate) fn list<T: ToString>(items: impl IntoIterator<Item = T>, most: usize) -> Vec<String> {
    let mut items = items.into_iter();
    let mut out: Vec<String> = items.by_ref().take(most).map(|item| item.to_string()).collect();
    let more = items.count();
    if more > 0 {
        out.push(format!("and {more} more"));
    }
    out
}

/// The same in one string.
pub(crate) fn joined<T: ToString>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    list(items, most).join(", ")
}

/// At most so many characters, the last of which says that some are missing.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `1 certificate`, `2 certificates`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Base64 with its padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// 32 bytes from base64; `None` if it is anything else, or not in its one form.
pub(crate) fn from_base64(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// DER as PEM (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        out.push_str(&base64(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_two_bytes_have_one_form() {
        let bytes = [0xfb; 32];
        let text = base64(&bytes);
        assert_eq!(from_base64(&text), Some(bytes));
        for bad in [&text[1..], &text[..43], "", "!", &format!("{text}="), &format!("{}9=", &text[..42])] {
            assert_eq!(from_base64(bad), None, "{bad}");
        }
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        assert_eq!(clean("a\nb\x1b[2J\u{202e}c"), "a b\\u{1b}[2J\\u{202e}c");
        assert_eq!(shown(b"a\n\xff"), "a\\n\\xff");
        assert!(
            clean(&"x".repeat(10_000)).chars().count() <= 601 && shown(&[b'x'; 1000]).chars().count() <= 81
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(joined(0..3, 3), "0, 1, 2");
        assert_eq!(joined(0..5, 3), "0, 1, 2, and 2 more");
        assert_eq!((cut("abcd", 4), cut("abcde", 4)), ("abcd".to_owned(), "abc…".to_owned()));
    }
}
