//! A peer that says in its first message what this crate never says.

use super::*;
use handfast::observe::{Observed, Observer};
use handfast::wire::{Body, ClientHello, Form, HandshakeHeader, Message, ServerHello, Writer};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::sync::Mutex;

/// What a record begins with.
const HEADER: usize = 5;

pub(crate) type Change = fn(&mut Body<'_>);

/// A stream whose first write begins with a message that was changed.
pub(crate) struct Altered<S> {
    pub(crate) stream: S,
    pub(crate) change: Option<Change>,
}

impl<S: Read> Read for Altered<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.read(into)
    }
}

impl<S: Write> Write for Altered<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(change) = self.change.take() else { return self.stream.write(bytes) };
        self.stream.write_all(&changed(bytes, change))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A flight whose first message, in a record with or without others, was changed.
pub(crate) fn changed<'a>(flight: &'a [u8], change: impl FnOnce(&mut Body<'a>)) -> Vec<u8> {
    let length = usize::from(u16::from_be_bytes([flight[3], flight[4]]));
    let (record, behind) = flight[HEADER..].split_at(length);
    let (message, others) = record.split_at(HandshakeHeader::read(record).unwrap().unwrap().message_len());
    let mut body = Message::decode(message, Form::Tls12).unwrap().body;
    change(&mut body);
    let mut record = Vec::new();
    let mut writer = Writer::new(&mut record);
    writer.bytes(&flight[..3]);
    writer.vec16(|w| {
        body.encode(w);
        w.bytes(others);
    });
    writer.finish().unwrap();
    [&record, behind].concat()
}

pub(crate) fn client_hello<'a, 'b>(body: &'a mut Body<'b>) -> &'a mut ClientHello<'b> {
    match body {
        Body::ClientHello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn server_hello<'a, 'b>(body: &'a mut Body<'b>) -> &'a mut ServerHello<'b> {
    match body {
        Body::ServerHello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

/// Hears the keys of a connection of TLS 1.2.
#[derive(Default)]
pub(crate) struct Keys(Mutex<Vec<(&'static str, Vec<u8>)>>);

impl Observer for Keys {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Secret { name, secret, .. } = event {
            self.0.lock().unwrap().push((name, secret.to_vec()));
        }
    }
}

impl Keys {
    fn get(&self, name: &str) -> Vec<u8> {
        self.0.lock().unwrap().iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }

    /// A handshake record of AES-128-GCM, the first behind Finished (RFC 5288 section 3).
    pub(crate) fn sealed(&self, side: &str, content: &[u8]) -> Vec<u8> {
        let number = 1_u64.to_be_bytes();
        let key = UnboundKey::new(&AES_128_GCM, &self.get(&format!("{side}_write_key"))).unwrap();
        let nonce = [&self.get(&format!("{side}_write_IV")), &number[..]].concat();
        let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let aad = [&number[..], &[22, 3, 3], &(content.len() as u16).to_be_bytes()].concat();
        let mut sealed = content.to_vec();
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed).unwrap();
        let length = (number.len() + sealed.len()) as u16;
        [&[22, 3, 3][..], &length.to_be_bytes(), &number, &sealed].concat()
    }
}
