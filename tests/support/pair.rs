//! A client and a server in one thread, with nothing between them.

use handfast::pki::{PrivateKeyDer, ServerName, UnixTime};
use handfast::{Answer, ClientConfig, Connection, Event, Identity, Judge, Question, ServerConfig};
use rcgen::{CertificateParams, KeyPair};
use std::sync::Arc;

pub(crate) const NAME: &str = "server.example";

/// A self-signed certificate for [`NAME`], with a P-256 key.
pub(crate) fn identity() -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Identity::new(vec![certificate.der().clone()], &key).unwrap()
}

/// Configurations of all defaults; the test answers for the chain.
pub(crate) fn configs() -> (ClientConfig, ServerConfig) {
    (ClientConfig::new(Judge::Application, UnixTime::now), ServerConfig::new(identity(), UnixTime::now))
}

/// Connects the two.
pub(crate) fn connect(client: ClientConfig, server: ServerConfig) -> (Connection, Connection) {
    connect_to(NAME, client, server)
}

/// Connects a client that wants a server of this name.
pub(crate) fn connect_to(name: &str, client: ClientConfig, server: ServerConfig) -> (Connection, Connection) {
    let name = ServerName::try_from(name).unwrap();
    let mut client = Connection::client(&Arc::new(client), name).unwrap();
    let mut server = Connection::server(&Arc::new(server));
    while client.is_handshaking() || server.is_handshaking() {
        assert!(
            step(&mut client, &mut server) + step(&mut server, &mut client) > 0,
            "the handshake stands still"
        );
    }
    // The client's Finished may still be on its way, or a ticket.
    step(&mut client, &mut server);
    step(&mut server, &mut client);
    (client, server)
}

/// Moves what `from` has to say, and lets `to` handle it; how many bytes went.
fn step(from: &mut Connection, to: &mut Connection) -> usize {
    let moved = transfer(from, to);
    loop {
        match to.next().unwrap() {
            Event::NeedInput => return moved,
            Event::Ask(Question::Verify { .. }) => to.answer(Answer::Accept).unwrap(),
            Event::HandshakeDone => {}
            other => panic!("{other:?} in the handshake"),
        }
    }
}

/// Copies pending bytes as far as there is room for them.
pub(crate) fn transfer(from: &mut Connection, to: &mut Connection) -> usize {
    let mut moved = 0;
    while !from.pending().is_empty() {
        let Some(mut space) = to.space() else { break };
        let n = space.len().min(from.pending().len());
        space[..n].copy_from_slice(&from.pending()[..n]);
        space.filled(n);
        from.sent(n);
        moved += n;
    }
    moved
}

/// Sends one record of `n` bytes, and takes it on the other side; what arrived.
pub(crate) fn record(from: &mut Connection, to: &mut Connection, n: usize) -> usize {
    let mut window = from.payload().unwrap().expect("room for a record");
    let n = n.min(window.len());
    window[..n].fill(7);
    window.seal(n).unwrap();
    take(from, to)
}

/// Moves bytes until none are left, and takes the data among them.
pub(crate) fn take(from: &mut Connection, to: &mut Connection) -> usize {
    let mut arrived = 0;
    loop {
        let moved = transfer(from, to);
        loop {
            match to.next().unwrap() {
                Event::Data(data) => {
                    let n = data.len();
                    assert!(data.iter().all(|byte| *byte == 7));
                    arrived += n;
                    to.consume(n);
                }
                Event::NeedInput => break,
                other => panic!("{other:?} among data"),
            }
        }
        if moved == 0 {
            return arrived;
        }
    }
}
