//! What a peer speaks that does not speak TLS: a guess by its first bytes, for
//! the sentence of an error. People point clients at the wrong port.

/// The name of a protocol that begins like `bytes`.
pub(crate) fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 31] = [
        (b"HTTP/", "HTTP without TLS"),
        (b"GET ", "HTTP without TLS"),
        (b"HEAD ", "HTTP without TLS"),
        (b"POST ", "HTTP without TLS"),
        (b"PUT ", "HTTP without TLS"),
        (b"DELETE ", "HTTP without TLS"),
        (b"OPTIONS ", "HTTP without TLS"),
        (b"PATCH ", "HTTP without TLS"),
        (b"TRACE ", "HTTP without TLS"),
        (b"CONNECT ", "an HTTP proxy request"),
        (b"PRI * HTTP/2", "HTTP/2 without TLS"),
        (b"<!DOCTYPE", "HTML"),
        (b"<html", "HTML"),
        (b"<?xml", "XML, as XMPP does"),
        (b"<stream:", "XMPP"),
        (b"SSH-", "SSH"),
        (b"220 ", "SMTP or FTP, which begin TLS with a command (STARTTLS)"),
        (b"220-", "SMTP or FTP, which begin TLS with a command (STARTTLS)"),
        (b"EHLO ", "SMTP, which begins TLS with a command (STARTTLS)"),
        (b"HELO ", "SMTP, which begins TLS with a command (STARTTLS)"),
        (b"* OK ", "IMAP, which begins TLS with a command (STARTTLS)"),
        (b"+OK ", "POP3, which begins TLS with a command (STLS)"),
        (b"PROXY ", "the PROXY protocol, which stands before TLS"),
        (b"\r\n\r\n\0\r\nQUIT\n", "the PROXY protocol, which stands before TLS"),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", "PostgreSQL, whose SSLRequest wants an answer first"),
        (b"RFB 0", "VNC"),
        (b"-ERR", "Redis or POP3 without TLS"),
        (b"\x03\0\0", "RDP, which begins TLS after a request of its own"),
        (b"\x05\x01\0", "SOCKS 5"),
        (b"\x04\x01", "SOCKS 4"),
        (b"\0\x0e8", "OpenVPN"),
    ];
    if let Some((_, name)) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Some(name);
    }
    match bytes {
        // A two-byte length with the high bit set, CLIENT-HELLO, and a version (RFC 6101 appendix E).
        [high, _, 1, 0 | 2 | 3, ..] if high & 0x80 != 0 => Some("SSL 2"),
        // A three-byte length, packet number 0, protocol version 10.
        [_, _, 0, 0, 10, ..] => Some("MySQL, which begins TLS after a greeting"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_beginnings_are_named() {
        assert_eq!(looks_like(b"HTTP/1.1 400 Bad Request\r\n"), Some("HTTP without TLS"));
        assert_eq!(looks_like(b"GET / HTTP/1.1\r\n"), Some("HTTP without TLS"));
        assert_eq!(looks_like(b"SSH-2.0-OpenSSH_9.9\r\n"), Some("SSH"));
        assert!(looks_like(b"220 mail.example.com ESMTP\r\n").is_some_and(|name| name.starts_with("SMTP")));
        assert_eq!(looks_like(&[0x80, 0x2e, 1, 0, 2]), Some("SSL 2"));
        assert!(looks_like(&[0x4a, 0, 0, 0, 10, b'8']).is_some_and(|name| name.starts_with("MySQL")));
    }

    #[test]
    fn tls_and_noise_are_not() {
        assert_eq!(looks_like(&[22, 3, 1, 0, 5]), None);
        assert_eq!(looks_like(&[21, 3, 3, 0, 2]), None);
        assert_eq!(looks_like(b""), None);
        assert_eq!(looks_like(b"GE"), None);
        assert_eq!(looks_like(&[0xff; 16]), None);
    }
}
