//! `--probe`: what a server would have liked that found nothing in common. It is
//! asked again, on a connection of its own, with a ClientHello that offers all
//! that has a name, spoken here or not; its choice ends the matter.

use super::target::Target;
use handfast::wire::{Body, CipherSuite, Form, Message, NamedGroup, SignatureScheme};
use handfast::{AlertDescription, sha256};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, SystemTime};

/// A record's header (RFC 9846 section 5.1), and the largest that is read.
const HEADER: usize = 5;
const LARGEST: u64 = 1 << 14;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// What it says to all of them, in a sentence.
pub(crate) fn ask(to: &Target, name: &str, timeout: Duration) -> String {
    match answer(to, name, timeout) {
        Ok(said) => format!("asked again with all that has a name, {said}"),
        Err(error) => format!("asked again with all that has a name, the server did not answer: {error}"),
    }
}

fn answer(to: &Target, name: &str, timeout: Duration) -> std::io::Result<String> {
    let mut addresses = (to.host.as_str(), to.port).to_socket_addrs()?;
    let address = addresses.next().ok_or(std::io::ErrorKind::NotFound)?;
    let mut tcp = TcpStream::connect_timeout(&address, timeout)?;
    tcp.set_read_timeout(Some(timeout))?;
    tcp.set_write_timeout(Some(timeout))?;
    tcp.write_all(&hello(name))?;
    let mut header = [0; HEADER];
    tcp.read_exact(&mut header)?;
    let [kind, _, _, high, low] = header;
    let length = u64::from(u16::from_be_bytes([high, low])).min(LARGEST);
    let mut record = Vec::new();
    tcp.take(length).read_to_end(&mut record)?;
    Ok(match (kind, &record[..]) {
        (ALERT, [_, code, ..]) => {
            format!("it has the same answer: {}, so that it may want something else", AlertDescription(*code))
        }
        (HANDSHAKE, record) => choice(record).unwrap_or_else(|| "it chose something unreadable".to_owned()),
        _ => "it did not answer with TLS".to_owned(),
    })
}

/// The choice of the first message.
fn choice(record: &[u8]) -> Option<String> {
    let (&[_, a, b, c], _) = record.split_first_chunk()?;
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    let message = Message::decode(record.get(..length.checked_add(4)?)?, Form::Tls13).ok()?;
    Some(match message.body {
        Body::ServerHello(m) => {
            let version = m.extensions.supported_versions.unwrap_or(m.legacy_version);
            format!("it chose {version} with {}", m.cipher_suite)
        }
        Body::HelloRetryRequest(m) => {
            let version = m.extensions.supported_versions.unwrap_or(m.legacy_version);
            let group =
                m.extensions.key_share.map_or(String::new(), |group| format!(" and the group {group}"));
            format!("it chose {version} with {}{group}", m.cipher_suite)
        }
        body => format!("it answered with {}", body.name()),
    })
}

fn vector(inside: &[u8]) -> Vec<u8> {
    // What is in a ClientHello of ours is far shorter than 64 KiB.
    [&(inside.len() as u16).to_be_bytes(), inside].concat()
}

fn codes(codes: impl Iterator<Item = u16>) -> Vec<u8> {
    codes.flat_map(u16::to_be_bytes).collect()
}

/// A ClientHello (RFC 9846 section 4.2.2) without a share: nothing comes of it,
/// so that its random need not be one that nobody can guess.
fn hello(name: &str) -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let random = sha256(&now.as_nanos().to_be_bytes());
    let schemes = codes(SignatureScheme::NAMED.iter().map(|each| each.0));
    let groups = codes(NamedGroup::NAMED.iter().map(|each| each.0));
    let mut extensions = vec![
        (10, vector(&groups)),
        (11, vec![1, 0]),
        (13, vector(&schemes)),
        (23, Vec::new()),
        (43, b"\x08\x03\x04\x03\x03\x03\x02\x03\x01".to_vec()),
        (51, vector(&[])),
    ];
    // An address is no name (RFC 6066 section 3).
    if name.parse::<std::net::IpAddr>().is_err() {
        extensions.push((0, vector(&[&[0], &vector(name.as_bytes())[..]].concat())));
    }
    let extensions: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, inside)| [&u16::to_be_bytes(*kind)[..], &vector(inside)].concat())
        .collect();
    let signals = [CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV, CipherSuite::TLS_FALLBACK_SCSV];
    let suites = CipherSuite::NAMED.iter().filter(|suite| !signals.contains(suite)).map(|suite| suite.0);
    let body = [&[3, 3][..], &random, &[0], &vector(&codes(suites)), &[1, 0], &vector(&extensions)].concat();
    let message = [&[1, 0][..], &vector(&body)].concat();
    [&[HANDSHAKE, 3, 1][..], &vector(&message)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hello_is_well_formed_and_offers_all_that_has_a_name() {
        let record = hello("example.com");
        let message = Message::decode(&record[HEADER..], Form::Tls13).unwrap();
        let Body::ClientHello(m) = message.body else { panic!() };
        assert_eq!(m.cipher_suites.iter().count(), CipherSuite::NAMED.len() - 2);
        assert_eq!(m.extensions.supported_groups.unwrap().iter().count(), NamedGroup::NAMED.len());
        assert_eq!(m.extensions.server_name, Some(&b"example.com"[..]));
        assert_eq!(m.extensions.supported_versions.unwrap().iter().count(), 4);
    }

    #[test]
    fn answers_are_read_and_others_are_not() {
        let old = b"\x02\0\0\x26\x03\x010123456789abcdef0123456789abcdef\0\0\x2f\0";
        assert_eq!(choice(old).unwrap(), "it chose TLS 1.0 with TLS_RSA_WITH_AES_128_CBC_SHA");
        for bad in [&old[..20], &[], &[2, 255, 255, 255, 0]] {
            assert_eq!(choice(bad), None, "{bad:?}");
        }
    }
}
