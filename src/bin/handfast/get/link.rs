//! An https URL, and where a redirect leads from it (RFC 3986 section 5).

use crate::explain::target::Target;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::fmt;

/// A server, and what to ask it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) target: Target,
    /// Path and query as they are sent; begins with a slash.
    pub(crate) path: String,
}

impl Link {
    /// Reads an https URL; without a scheme https is meant.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let scheme = text.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '#']));
        let (scheme, rest) = scheme.unwrap_or(("https", text));
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let target = Target::parse(&format!("{scheme}://{authority}"))?;
        Ok(Self { target, path: path_and_query(path) })
    }

    /// Where `location` leads, as seen from here; only https is followed.
    pub(crate) fn follow(&self, location: &str) -> Result<Self, String> {
        if has_scheme(location) {
            return match location.get(..8) {
                Some(start) if start.eq_ignore_ascii_case("https://") => Self::parse(location),
                _ => Err("it leads away from https".to_owned()),
            };
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("https://{rest}"));
        }
        let (here, _query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let path = match location.chars().next() {
            Some('/') => location.to_owned(),
            Some('?') => format!("{here}{location}"),
            None | Some('#') => self.path.clone(),
            Some(_) => {
                let folder = here.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{location}")
            }
        };
        Ok(Self { target: self.target.clone(), path: path_and_query(&path) })
    }

    /// The Host header: the port stands there only if it is not the usual one.
    pub(crate) fn host(&self) -> String {
        let text = self.target.to_string();
        text.strip_suffix(":443").map_or(text.clone(), str::to_owned)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.host(), self.path)
    }
}

/// Whether it begins with a scheme (RFC 3986 section 3.1).
fn has_scheme(text: &str) -> bool {
    let end = text.find([':', '/', '?', '#']).unwrap_or(text.len());
    let (scheme, rest) = text.split_at(end);
    rest.starts_with(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// What is sent: no fragment, dot segments resolved, all that may not stand in
/// a URL percent-encoded.
fn path_and_query(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default();
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let mut segments = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(segment) = parts.next() {
        let last = parts.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    segments.pop();
                }
                if last {
                    segments.push("");
                }
            }
            _ => segments.push(segment),
        }
    }
    let mut out = String::new();
    for segment in segments {
        out.push('/');
        out.extend(utf8_percent_encode(segment, NOT_IN_URLS));
    }
    if out.is_empty() {
        out.push('/');
    }
    if let Some(query) = query {
        out.push('?');
        out.extend(utf8_percent_encode(query, NOT_IN_URLS));
    }
    out
}

/// What may not stand in a path or query as it is.
const NOT_IN_URLS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types() {
        for (text, url) in [
            ("example.com", "https://example.com/"),
            ("https://example.com:443?a=b#c", "https://example.com/?a=b"),
            ("https://[::1]:8443/a b/ü#x", "https://[::1]:8443/a%20b/%C3%BC"),
            ("example.com/a/./b/../c/..", "https://example.com/a/"),
            ("example.com/../../x%2e?/../\"<>", "https://example.com/x%2e?/../%22%3C%3E"),
            ("example.com?u=http://x/", "https://example.com/?u=http://x/"),
            ("example.com//a//", "https://example.com//a//"),
        ] {
            assert_eq!(Link::parse(text).unwrap().to_string(), url, "{text}");
        }
        for bad in ["http://example.com/", "ftp://x", "", "https://", "https://user@host/"] {
            assert!(Link::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn where_redirects_lead() {
        let here = Link::parse("https://example.com:444/a/b?q").unwrap();
        for (location, url) in [
            ("https://other.example/x", "https://other.example/x"),
            ("HTTPS://other.example", "https://other.example/"),
            ("//other.example:1/x", "https://other.example:1/x"),
            ("/x?y", "https://example.com:444/x?y"),
            ("c", "https://example.com:444/a/c"),
            ("../c", "https://example.com:444/c"),
            ("?z", "https://example.com:444/a/b?z"),
            ("", "https://example.com:444/a/b?q"),
            ("#f", "https://example.com:444/a/b?q"),
            ("/a:b", "https://example.com:444/a:b"),
            ("/a\r\nb", "https://example.com:444/a%0D%0Ab"),
        ] {
            assert_eq!(here.follow(location).unwrap().to_string(), url, "{location}");
        }
        for bad in
            ["http://example.com:444/", "HTTP://x", "ftp://x", "javascript:1", "https:x", "file:///etc"]
        {
            assert!(here.follow(bad).is_err(), "{bad}");
        }
    }
}
