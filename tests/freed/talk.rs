//! A client and a server in one thread, and what may happen between them.

use super::needles::{DATA, EARLY, EXPORTED, Needles};
use handfast::pki::ServerName;
use handfast::{
    Answer, ClientConfig, ClientOptions, Connection, Event, Question, Receiver, Sender, ServerConfig,
};
use std::sync::Arc;

pub(crate) const NAME: &str = "server.example";

/// What happens to one of the records, counted from the first.
#[derive(Clone, Copy)]
pub(crate) enum Mishap {
    None,
    /// Neither it nor anything else arrives.
    Cut(usize),
    /// Its last byte is another one.
    Alter(usize),
}

/// Two connections, and how many records went between them.
pub(crate) struct Talk {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    pub(crate) records: usize,
    mishap: Mishap,
}

impl Talk {
    /// A handshake, and the tickets after it; or as much of it as comes about.
    pub(crate) fn handshake(
        client: &Arc<ClientConfig>,
        server: &Arc<ServerConfig>,
        needles: &Arc<Needles>,
        mishap: Mishap,
    ) -> Self {
        Self::of(connections(client, NAME, server, needles), mishap)
    }

    /// The same where the client says [`EARLY`] first, if its session lets it.
    pub(crate) fn early(
        client: &Arc<ClientConfig>,
        server: &Arc<ServerConfig>,
        needles: &Arc<Needles>,
        mishap: Mishap,
    ) -> Self {
        let (mut client, server) = connections(client, NAME, server, needles);
        if client.send_early(EARLY).unwrap() > 0 {
            client.export_early(EXPORTED, Some(b"context"), &mut [0; 32]).unwrap();
        }
        Self::of((client, server), mishap)
    }

    /// The same of a client that wants a server of this name, whole.
    pub(crate) fn handshake_with(
        name: &str,
        client: &Arc<ClientConfig>,
        server: &Arc<ServerConfig>,
        needles: &Arc<Needles>,
    ) -> Self {
        Self::of(connections(client, name, server, needles), Mishap::None)
    }

    fn of((client, server): (Connection, Connection), mishap: Mishap) -> Self {
        let mut talk = Self { client, server, records: 0, mishap };
        talk.settle();
        talk
    }

    pub(crate) fn is_connected(&self) -> bool {
        !self.client.is_handshaking() && !self.server.is_handshaking()
    }

    /// Data each way.
    pub(crate) fn exchange(&mut self) {
        assert_eq!(self.client.send(DATA).unwrap(), DATA.len());
        assert_eq!(self.server.send(DATA).unwrap(), DATA.len());
        self.settle();
    }

    /// Moves records until nobody has any left.
    fn settle(&mut self) {
        let Self { client, server, records, mishap } = self;
        while deliver(client, server, records, mishap) + deliver(server, client, records, mishap) > 0 {}
    }
}

/// A client and its server, which have said nothing yet.
pub(crate) fn connections(
    client: &Arc<ClientConfig>,
    name: &str,
    server: &Arc<ServerConfig>,
    needles: &Arc<Needles>,
) -> (Connection, Connection) {
    let mut options = ClientOptions::default();
    options.observer = Some(needles.clone());
    let client = Connection::client_with(client, ServerName::try_from(name).unwrap(), options).unwrap();
    (client, Connection::server_with(server, Some(needles.clone())))
}

/// Delivers what is pending, record by record; how many there were.
fn deliver(from: &mut Connection, to: &mut Connection, records: &mut usize, mishap: &Mishap) -> usize {
    let mut delivered = 0;
    let mut record = [0; 1 << 15];
    while let Some([_, _, _, high, low]) = from.pending().first_chunk() {
        let length = 5 + usize::from(u16::from_be_bytes([*high, *low]));
        let record = &mut record[..length];
        record.copy_from_slice(&from.pending()[..length]);
        from.sent(length);
        match mishap {
            Mishap::Cut(at) if *records >= *at => to.filled_eof(),
            Mishap::Alter(at) if *records == *at => record[length - 1] ^= 1,
            _ => {}
        }
        let cut = matches!(mishap, Mishap::Cut(at) if *records >= *at);
        let mut rest = if cut { &[][..] } else { &*record };
        while take(to) && !rest.is_empty() {
            let Some(mut space) = to.space() else { break };
            let n = space.len().min(rest.len());
            space[..n].copy_from_slice(&rest[..n]);
            space.filled(n);
            rest = &rest[n..];
        }
        *records += 1;
        delivered += 1;
    }
    delivered
}

/// Takes what has come; false once the connection has failed or ended.
fn take(connection: &mut Connection) -> bool {
    loop {
        match connection.next() {
            Ok(Event::NeedInput) => return true,
            Ok(Event::HandshakeDone | Event::EarlyDataDecided(_)) => {}
            Ok(Event::Ask(Question::Verify { .. })) => connection.answer(Answer::Accept).unwrap(),
            Ok(Event::Ask(Question::Replay { .. })) => connection.answer(Answer::First).unwrap(),
            Ok(Event::EarlyData(data)) => {
                assert_eq!(data, EARLY);
                connection.consume(EARLY.len());
                connection.export_early(EXPORTED, Some(b"context"), &mut [0; 32]).unwrap();
                assert_eq!(connection.send(DATA).unwrap(), DATA.len());
            }
            Ok(Event::Data(data)) => {
                assert_eq!(data, DATA);
                connection.consume(DATA.len());
            }
            Ok(Event::Closed(_)) | Err(_) => return false,
            Ok(other) => panic!("{other:?}"),
        }
    }
}

/// Data between the halves of two connections.
pub(crate) fn exchange_halves(from: &mut Sender, to: &mut Receiver) {
    assert_eq!(from.send(DATA).unwrap(), DATA.len());
    let n = from.pending().len();
    let mut space = to.space().unwrap();
    space[..n].copy_from_slice(from.pending());
    space.filled(n);
    from.sent(n);
    loop {
        match to.next().unwrap() {
            Event::NeedInput => return,
            Event::Data(data) => {
                assert_eq!(data, DATA);
                to.consume(DATA.len());
            }
            other => panic!("{other:?}"),
        }
    }
}
