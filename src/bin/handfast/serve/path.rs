//! Paths of requests: percent-encoding, and what may not lead out.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
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
    let is_encoded = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_encoded) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

/// All but the unreserved characters (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as it stands in a URL's path.
pub(crate) fn encode(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
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
