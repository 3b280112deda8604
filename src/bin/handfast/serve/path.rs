//! Paths of requests: percent-encoding, and what may not lead out.

use std::path::{Component, Path};

/// Why a path is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// It is not encoded as RFC 3986 says, or holds what no file name can.
    Encoding,
    /// It would lead out of the directory.
    Leads,
}

/// The segments of a path, decoded, each a plain name; and whether it ends with a slash.
pub(crate) fn segments(path: &str) -> Result<(Vec<String>, bool), Bad> {
    let mut out = Vec::new();
    for segment in path.split('/') {
        let name = decode(segment).ok_or(Bad::Encoding)?;
        if name.contains('\0') {
            return Err(Bad::Encoding);
        }
        match name.as_str() {
            "" | "." => continue,
            _ if is_plain(&name) => out.push(name),
            _ => return Err(Bad::Leads),
        }
    }
    Ok((out, path.ends_with('/')))
}

/// Neither `..` nor a drive nor two names in one, on any system.
fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let one = matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none();
    one && !name.contains(['/', '\\']) && !(cfg!(windows) && name.contains(':'))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
                high << 4 | low
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| value.try_into().ok())
}

/// A name as it stands in a URL's path.
pub(crate) fn encode(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (path, names, slash) in [
            ("/", &[][..], true),
            ("/a/b%20c", &["a", "b c"], false),
            ("//a/./%2e/", &["a"], true),
            ("/%C3%BC%25", &["ü%"], false),
            ("/...", &["..."], false),
        ] {
            let names = names.iter().map(ToString::to_string).collect();
            assert_eq!(segments(path), Ok((names, slash)), "{path}");
        }
    }

    #[test]
    fn what_leads_out() {
        for path in
            ["/..", "/a/../b", "/%2e%2e/x", "/.%2E", "/a%2fb", "/%2f", "/..%2f..%2fetc", "/a%5c..", "/..\\x"]
        {
            assert_eq!(segments(path), Err(Bad::Leads), "{path}");
        }
        for path in ["/%", "/%2", "/%zz", "/%ff", "/%00", "/%+1"] {
            assert_eq!(segments(path), Err(Bad::Encoding), "{path}");
        }
    }

    #[test]
    fn encoding_both_ways() {
        let name = "a b/<\"'&?#%ü\u{202e}";
        assert_eq!(decode(&encode(name)).as_deref(), Some(name));
        assert!(encode(name).is_ascii() && !encode(name).contains(['<', '"', '\'', '/', '?', '#', ' ']));
    }
}
