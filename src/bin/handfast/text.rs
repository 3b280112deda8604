//! Text that may be hostile, lists that may be long, and base64 (RFC 4648
//! section 4).

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

/// The pieces of a text, which a separator parts, in lines: the first this
/// wide, the others that wide, at most so many. A piece that is longer than a
/// line, and what comes after the last line, is cut.
pub(crate) fn fold(text: &str, separator: &str, first: usize, others: usize, most: usize) -> Vec<String> {
    let width = |line: usize| if line == 0 { first } else { others };
    let mut lines: Vec<String> = Vec::new();
    for piece in text.split_inclusive(separator) {
        let here = lines.len().saturating_sub(1);
        let fits = |line: &str| line.chars().count() + piece.trim_end().chars().count() <= width(here);
        match lines.last_mut() {
            Some(line) if here + 1 >= most || fits(line) => line.push_str(piece),
            _ => lines.push(piece.to_owned()),
        }
    }
    for (n, line) in lines.iter_mut().enumerate() {
        *line = cut(line.trim_end(), width(n));
    }
    lines
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

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with its padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place) & 63) as usize;
            let symbol = ALPHABET.get(six).filter(|_| place <= three.len());
            out.push(symbol.map_or('=', |symbol| char::from(*symbol)));
        }
    }
    out
}

/// 32 bytes from base64; `None` if it is anything else, or not in its one form.
pub(crate) fn from_base64(text: &str) -> Option<[u8; 32]> {
    let mut bits = 0u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for symbol in text.trim_end_matches('=').bytes() {
        let six = ALPHABET.iter().position(|each| *each == symbol)?;
        bits = bits << 6 | six as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    let bytes: [u8; 32] = bytes.try_into().ok()?;
    (base64(&bytes) == text).then_some(bytes)
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
    fn base64_both_ways() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text); // RFC 4648 section 10
        }
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
    fn long_texts_are_folded_where_they_are_parted_and_cut_at_the_end() {
        assert_eq!(fold("ab; cd; ef", "; ", 6, 6, 2), ["ab;", "cd; ef"]);
        assert_eq!(fold("ab; cd; ef", "; ", 10, 6, 2), ["ab; cd; ef"]);
        assert_eq!(fold("ab; cd; ef; gh", "; ", 3, 6, 2), ["ab;", "cd; e…"]);
        assert_eq!(fold("abcdef; gh", "; ", 4, 4, 3), ["abc…", "gh"]);
        assert_eq!(fold("abcdef", "; ", 4, 4, 1), ["abc…"]);
        assert!(fold("", "; ", 4, 4, 1).is_empty());
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(joined(0..3, 3), "0, 1, 2");
        assert_eq!(joined(0..5, 3), "0, 1, 2, and 2 more");
    }
}
