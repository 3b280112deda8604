//! This library, with the sources of cryptography that it was built with.

mod streamed;

use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{
    ClientConfig, ClientSessions, Connection, Event, Identity, ServerConfig, TicketKey, TicketKeys,
};
use peers_common::{Chain, End, Group, Job, NAME, Peer, Session, measure, serve};
use std::sync::Arc;
use std::time::Duration;

fn main() {
    serve(|_, job, chain| match job.adapter {
        false => measure::<Handfast>(job, chain),
        true => measure::<streamed::Streamed>(job, chain),
    });
}

struct Handfast {
    client: Arc<ClientConfig>,
    sessions: Arc<ClientSessions>,
    /// The first sends tickets, the second does not; in TLS 1.2 they differ in the
    /// key that is current, and each renews the other's tickets.
    servers: [Arc<ServerConfig>; 2],
    turn: usize,
    job: Job,
}

impl Peer for Handfast {
    type Client = Ours;
    type Server = Ours;

    fn new(job: &Job, chain: &Chain) -> Result<Self, String> {
        let version = if job.version == 13 { ProtocolVersion::TLS13 } else { ProtocolVersion::TLS12 };
        let group = match job.group {
            Group::X25519 => NamedGroup::X25519,
            Group::X25519MlKem768 => NamedGroup::X25519MLKEM768,
        };
        // TLS 1.2 wants the certificate's curve among the groups (RFC 8422 section 5.1).
        let curves = [group, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
        let groups = if job.version == 13 { &curves[..1] } else { &curves[..] };
        let (versions, suites) = ([version], [CipherSuite(job.suite)]);
        let error = |error: &dyn std::fmt::Display| error.to_string();

        let mut roots = Roots::new();
        roots.add_pem(&chain.root).map_err(|e| error(&e))?;
        let verifier = Verifier::web_pki(roots).remember_signatures(job.remembers);
        let sessions = Arc::new(ClientSessions::new());
        let client = ClientConfig::new(verifier, UnixTime::now)
            .without_stapling()
            .versions(&versions)
            .and_then(|config| config.suites(&suites))
            .and_then(|config| config.groups(groups))
            .map_err(|e| error(&e))?;
        let client = if job.session == Session::Full { client } else { client.sessions(sessions.clone()) };

        let identity = Arc::new(Identity::from_pem(&chain.chain, &chain.key).map_err(|e| error(&e))?);
        let server = |keys: Arc<TicketKeys>, sent: u8| {
            let server = ServerConfig::new(identity.clone(), UnixTime::now)
                .versions(&versions)
                .and_then(|config| config.suites(&suites))
                .and_then(|config| config.groups(groups))
                .map_err(|e| error(&e))?;
            let server = if job.session == Session::Full { server } else { server.tickets(keys) };
            Ok::<_, String>(Arc::new(server.tickets_sent(sent)))
        };
        let [one, other] = ticket_keys();
        let servers = match (job.session, job.version) {
            (Session::Renewed, 13) => [server(one.clone(), 1)?, server(one, 1)?],
            (Session::Renewed, _) => [server(one, 1)?, server(other, 1)?],
            // As many as a client keeps, for each serves once.
            _ => [server(one.clone(), 8)?, server(one, 0)?],
        };
        Ok(Self { client: Arc::new(client), sessions, servers, turn: 0, job: job.clone() })
    }

    fn client(&mut self) -> Ours {
        Ours(Connection::client(&self.client, ServerName::try_from(NAME).unwrap()).unwrap())
    }

    fn server(&mut self, tickets: bool) -> Ours {
        self.turn += 1;
        let which = if self.job.session == Session::Renewed { self.turn % 2 } else { usize::from(!tickets) };
        Ours(Connection::server(&self.servers[which]))
    }

    fn has_session(&self) -> bool {
        !self.sessions.is_empty()
    }
}

/// The same two keys twice: in each the other one encrypts.
fn ticket_keys() -> [Arc<TicketKeys>; 2] {
    let now = UnixTime::now().as_secs();
    let at =
        |hours: i64| UnixTime::since_unix_epoch(Duration::from_secs(now.saturating_add_signed(hours * 3600)));
    let key = |secret: u8, hours: i64| TicketKey::new([secret; 32], at(-48), at(hours), at(24)).unwrap();
    [[1, 2], [2, 1]]
        .map(|[current, former]| Arc::new(TicketKeys::shared([key(current, 24), key(former, -24)]).unwrap()))
}

struct Ours(Connection);

impl End for Ours {
    fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
        let mut wire = input.as_slice();
        while !wire.is_empty() {
            wire = self.fill(wire);
            loop {
                match self.0.next().unwrap() {
                    Event::NeedInput => break,
                    Event::HandshakeDone => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        input.clear();
        self.write(output);
    }

    fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    fn is_resumed(&self) -> bool {
        self.0.info().resumed
    }

    fn send(&mut self, mut data: &[u8], wire: &mut Vec<u8>) {
        while !data.is_empty() {
            data = &data[self.0.send(data).unwrap()..];
            self.write(wire);
        }
    }

    fn receive(&mut self, wire: &mut Vec<u8>, _room: &mut [u8]) -> usize {
        let (mut arrived, mut rest) = (0, wire.as_slice());
        while !rest.is_empty() {
            rest = self.fill(rest);
            while let Event::Data(data) = self.0.next().unwrap() {
                let n = std::hint::black_box(data).len();
                arrived += n;
                self.0.consume(n);
            }
        }
        arrived
    }

    fn rest(&mut self) -> bool {
        self.0.rest();
        true
    }
}

impl Ours {
    fn write(&mut self, output: &mut Vec<u8>) {
        while !self.0.pending().is_empty() {
            let n = self.0.pending().len();
            output.extend_from_slice(self.0.pending());
            self.0.sent(n);
        }
    }

    /// Gives the connection a part of what came; the rest.
    fn fill<'a>(&mut self, wire: &'a [u8]) -> &'a [u8] {
        let mut space = self.0.space().unwrap();
        let n = space.len().min(wire.len());
        space[..n].copy_from_slice(&wire[..n]);
        space.filled(n);
        &wire[n..]
    }
}
