// What examples of the documentation start from: a client and a server in one thread,
// with nothing between them. It is included there, in a module.

use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{ClientConfig, Connection, Error, Event, Identity, Judge, Question, ServerConfig};
use std::sync::Arc;

/// A certificate for this host, and what trusts it.
pub fn identity(host: &str) -> (Identity, Roots) {
    let made = rcgen::generate_simple_self_signed([host.to_string()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let mut roots = Roots::new();
    roots.add_pem(chain.as_bytes()).unwrap();
    (Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap(), roots)
}

/// A client, and the server that it trusts.
pub fn configs() -> (ClientConfig, ServerConfig) {
    let (identity, roots) = identity("a.example");
    let client = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now);
    (client, ServerConfig::new(identity, UnixTime::now))
}

/// The two, before a byte has gone between them.
pub fn start(client: &ClientConfig, server: &ServerConfig) -> (Connection, Connection) {
    let name = ServerName::try_from("a.example").unwrap();
    let client = Connection::client(&Arc::new(client.clone()), name).unwrap();
    (client, Connection::server(&Arc::new(server.clone())))
}

/// The two when their handshake is done.
pub fn connect(client: &ClientConfig, server: &ServerConfig) -> Result<(Connection, Connection), Error> {
    let (mut client, mut server) = start(client, server);
    while client.is_handshaking() || server.is_handshaking() {
        carry(&mut client, &mut server);
        while !matches!(server.next()?, Event::NeedInput) {}
        carry(&mut server, &mut client);
        while !matches!(client.next()?, Event::NeedInput) {}
    }
    Ok((client, server))
}

/// The same with configurations of all defaults.
pub fn connected() -> (Connection, Connection) {
    let (client, server) = configs();
    connect(&client, &server).unwrap()
}

/// A client that asks whether the server's chain is to be trusted.
pub fn asking() -> Connection {
    let (_, server) = configs();
    let (mut client, mut server) = start(&ClientConfig::new(Judge::Application, UnixTime::now), &server);
    carry(&mut client, &mut server);
    server.next().unwrap();
    carry(&mut server, &mut client);
    assert!(matches!(client.next(), Ok(Event::Ask(Question::Verify { .. }))));
    client
}

/// What one has to say, brought to the other.
pub fn carry(from: &mut Connection, to: &mut Connection) {
    while !from.pending().is_empty() {
        let Some(mut space) = to.space() else { return };
        let n = space.len().min(from.pending().len());
        space[..n].copy_from_slice(&from.pending()[..n]);
        space.filled(n);
        from.sent(n);
    }
}
