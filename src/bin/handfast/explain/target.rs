//! Where to connect: a host and a port, from what a person types.

use handfast::pki::ServerName;
use std::fmt;
use std::net::Ipv6Addr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// A DNS name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    /// Reads `HOST`, `HOST:PORT` or an https URL, with IPv6 addresses in
    /// brackets (RFC 3986 section 3.2.2) or, without a port, bare.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let authority = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                rest.split(['/', '?', '#']).next().unwrap_or_default()
            }
            Some((scheme, _)) => return Err(format!("the URL's scheme is {scheme}, not https")),
            None => text,
        };
        if authority.contains('@') {
            return Err("a user name or password has no place here".to_owned());
        }
        let (host, port) = split(authority)?;
        let port = match port {
            None | Some("") => 443,
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("the port is not 1 to 65535")?,
        };
        server_name(host)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

fn split(authority: &str) -> Result<(&str, Option<&str>), String> {
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((authority, None));
    }
    match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, ""))) => Ok((host, None)),
        Some(Some((host, rest))) => match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None => Err("after the closing bracket only :PORT may stand".to_owned()),
        },
        Some(None) => Err("the closing bracket is missing".to_owned()),
        None => Ok(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))),
    }
}

/// The name as the library takes it.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| match host.is_ascii() {
        true => format!("{host:?} is neither a host name nor an IP address"),
        false => format!("{host:?} must be written in its ASCII form, which begins with xn--"),
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types() {
        for (text, host, port) in [
            ("example.com", "example.com", 443),
            ("example.com:8443", "example.com", 8443),
            ("HTTPS://example.com/path?query#x", "example.com", 443),
            ("https://example.com:444?q", "example.com", 444),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("::1", "::1", 443),
            ("[::1]", "::1", 443),
            ("https://[2001:db8::1]:8443/", "2001:db8::1", 8443),
        ] {
            assert_eq!(Target::parse(text), Ok(Target { host: host.to_owned(), port }), "{text}");
        }
        for bad in [
            "",
            "http://example.com",
            "a b",
            "example.com:0",
            "example.com:65536",
            "[::1",
            "[::1]443",
            "u@h",
            "ü.de",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Target { host: "::1".to_owned(), port: 2 }.to_string(), "[::1]:2");
    }
}
