//! Alterations of what our own other side sends, made before it is hashed and
//! sealed: by message, by field, by extension.

use crate::record::Alter;
use crate::wire::*;
use std::sync::{Arc, Mutex};

/// What was about to be sent.
pub(super) type Captured = Arc<Mutex<Vec<Vec<u8>>>>;

/// Sends the first `n` messages and drops the others; all are written down.
pub(super) fn keep(n: usize) -> (Option<Alter>, Captured) {
    let captured = Captured::default();
    let write = captured.clone();
    let alter: Alter = Box::new(move |message| {
        let mut captured = write.lock().unwrap();
        captured.push(message.clone());
        if captured.len() > n { vec![] } else { vec![message] }
    });
    (Some(alter), captured)
}

/// One after the other, where the first makes one message of one.
pub(super) fn both(first: Option<Alter>, then: Option<Alter>) -> Option<Alter> {
    match (first, then) {
        (Some(mut first), Some(mut then)) => Some(Box::new(move |message| then(first(message).remove(0)))),
        (first, then) => first.or(then),
    }
}

/// Sends something else for each message of a type.
pub(super) fn each(
    kind: HandshakeType,
    mut f: impl FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send + 'static,
) -> Option<Alter> {
    Some(Box::new(move |message| if message[0] == kind.0 { f(message) } else { vec![message] }))
}

/// The same for the message of this number, counted from 0.
pub(super) fn nth(n: usize, mut f: impl FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send + 'static) -> Option<Alter> {
    let mut count = 0;
    Some(Box::new(move |message| {
        count += 1;
        if count == n + 1 { f(message) } else { vec![message] }
    }))
}

/// Edits the body of each message of a type; the length is made right again.
pub(super) fn body(kind: HandshakeType, f: impl Fn(&mut Vec<u8>) + Send + 'static) -> Option<Alter> {
    each(kind, move |message| {
        let mut body = message[4..].to_vec();
        f(&mut body);
        vec![framed(kind, &body)]
    })
}

pub(super) fn framed(kind: HandshakeType, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind.0, length[1], length[2], length[3]], body].concat()
}

pub(super) fn encoded(body: Body<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    body.encode(&mut writer);
    writer.finish().unwrap();
    bytes
}

/// Edits the fields of a message: the one function of each kind.
macro_rules! by_field {
    ($($name:ident $variant:ident $type:ident;)*) => {$(
        pub(super) fn $name(f: impl for<'a> Fn(&mut $type<'a>) + Send + 'static) -> Option<crate::record::Alter> {
            Some(Box::new(move |message| match Message::decode(&message, Form::Tls13).map(|message| message.body) {
                Ok(Body::$variant(mut m)) => {
                    f(&mut m);
                    vec![encoded(Body::$variant(m))]
                }
                _ => vec![message],
            }))
        }
    )*};
}

by_field! {
    client_hello ClientHello ClientHello;
    server_hello ServerHello ServerHello;
    hello_retry_request HelloRetryRequest HelloRetryRequest;
    encrypted_extensions EncryptedExtensions EncryptedExtensions;
    certificate_request CertificateRequest13 CertificateRequest13;
    certificate Certificate13 Certificate13;
    certificate_verify CertificateVerify CertificateVerify;
}

/// An extension's type and body.
pub(super) type Extension = (u16, Vec<u8>);

/// The extensions of a message (those of the first certificate, where it is
/// Certificate), edited; all lengths around them are made right again.
pub(super) fn with_extensions(message: &[u8], f: impl FnOnce(&mut Vec<Extension>)) -> Vec<u8> {
    let at = block_at(message);
    let length = usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    let (before, block, after) =
        (&message[4..at], &message[at + 2..at + 2 + length], &message[at + 2 + length..]);
    let mut extensions = parse(block);
    f(&mut extensions);
    let block: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, body)| {
            let length = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&kind.to_be_bytes()[..], &length, body].concat()
        })
        .collect();
    let mut body = before.to_vec();
    body.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
    body.extend(&block);
    body.extend(after);
    if message[0] == HandshakeType::CERTIFICATE.0 {
        let context = usize::from(body[0]);
        let list = u32::try_from(body.len() - context - 4).unwrap().to_be_bytes();
        body[context + 1..context + 4].copy_from_slice(&list[1..]);
    }
    framed(HandshakeType(message[0]), &body)
}

fn parse(mut block: &[u8]) -> Vec<Extension> {
    let mut extensions = Vec::new();
    while !block.is_empty() {
        let length = usize::from(u16::from_be_bytes([block[2], block[3]]));
        extensions.push((u16::from_be_bytes([block[0], block[1]]), block[4..4 + length].to_vec()));
        block = &block[4 + length..];
    }
    extensions
}

/// Where the length of the block of extensions stands (RFC 9846 section 4).
fn block_at(message: &[u8]) -> usize {
    let u8_at = |at: usize| 1 + usize::from(message[at]);
    let u16_at = |at: usize| 2 + usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    let u24_at =
        |at: usize| 3 + u32::from_be_bytes([0, message[at], message[at + 1], message[at + 2]]) as usize;
    match HandshakeType(message[0]) {
        HandshakeType::CLIENT_HELLO => {
            let suites = 38 + u8_at(38);
            let methods = suites + u16_at(suites);
            methods + u8_at(methods)
        }
        HandshakeType::SERVER_HELLO => 38 + u8_at(38) + 3,
        HandshakeType::ENCRYPTED_EXTENSIONS => 4,
        HandshakeType::CERTIFICATE_REQUEST => 4 + u8_at(4),
        HandshakeType::CERTIFICATE => {
            let entry = 4 + u8_at(4) + 3;
            entry + u24_at(entry)
        }
        HandshakeType::NEW_SESSION_TICKET => {
            let ticket = 12 + u8_at(12);
            ticket + u16_at(ticket)
        }
        other => panic!("{other} has no extensions"),
    }
}

/// Edits the extensions of each message of a type.
pub(super) fn extensions(
    kind: HandshakeType,
    f: impl Fn(&mut Vec<Extension>) + Send + 'static,
) -> Option<Alter> {
    each(kind, move |message| vec![with_extensions(&message, &f)])
}

/// Adds an extension to each message of a type.
pub(super) fn add(kind: HandshakeType, extension: ExtensionType, body: &'static [u8]) -> Option<Alter> {
    extensions(kind, move |all| all.push((extension.0, body.to_vec())))
}

/// Removes one.
pub(super) fn remove(kind: HandshakeType, extension: ExtensionType) -> Option<Alter> {
    extensions(kind, move |all| all.retain(|(each, _)| *each != extension.0))
}

/// Edits the body of one.
pub(super) fn extension(
    kind: HandshakeType,
    extension: ExtensionType,
    f: impl Fn(&mut Vec<u8>) + Send + 'static,
) -> Option<Alter> {
    extensions(kind, move |all| {
        all.iter_mut().filter(|(each, _)| *each == extension.0).for_each(|(_, body)| f(body))
    })
}
