//! What early data costs both sides: a resumed handshake that begins with it, and its
//! records.

use super::{leaf_and_root, pair};
use allocation_counter::measure;
use handfast::pki::ServerName;
use handfast::wire::ProtocolVersion;
use handfast::{
    ClientConfig, ClientSessions, Connection, EarlyData, Event, ReplayRegister, ServerConfig, TicketKeys,
};
use std::sync::Arc;

/// What one side of a resumed handshake may allocate, with its spare buffers at hand,
/// until its tickets are sent and kept: without early data, and with some that is taken.
/// That has a key and an exporter of its own, which is boxed with the other; the client
/// keeps what the ticket allows of it, and at the server the session waits for the
/// register, which makes room for an entry.
const RESUMED: [(bool, u64, u64); 2] = [(false, 27, 24), (true, 31, 31)];

const MOST: u32 = 1 << 20;

fn configs() -> [(Arc<ClientConfig>, Arc<ServerConfig>); 2] {
    let (client, server, _) = leaf_and_root(ProtocolVersion::TLS13);
    [false, true].map(|early| {
        let client = ClientConfig::clone(&client).sessions(ClientSessions::new());
        let server = ServerConfig::clone(&server).tickets(TicketKeys::random());
        if early {
            (Arc::new(client.early_data()), Arc::new(server.early_data(MOST, ReplayRegister::new())))
        } else {
            (Arc::new(client), Arc::new(server))
        }
    })
}

/// A client and a server, and what each has allocated.
struct Talk {
    ends: [Connection; 2],
    counts: [u64; 2],
    wire: Vec<u8>,
}

impl Talk {
    fn start(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        let name = ServerName::try_from(pair::NAME).unwrap();
        let (mut client_end, mut server_end) = (None, None);
        let counts = [
            measure(|| client_end = Some(Connection::client(client, name).unwrap())).count_total,
            measure(|| server_end = Some(Connection::server(server))).count_total,
        ];
        Self { ends: [client_end.unwrap(), server_end.unwrap()], counts, wire: Vec::with_capacity(1 << 16) }
    }

    /// Early data of the client: so many bytes, in one record.
    fn early(&mut self, n: usize) {
        let counted = measure(|| assert_eq!(self.ends[0].send_early(&[7; 1 << 14][..n]).unwrap(), n));
        self.counts[0] += counted.count_total;
    }

    /// Brings what one has to say to the other.
    fn carry(&mut self, from: usize, to: usize) -> usize {
        self.wire.clear();
        self.wire.extend_from_slice(self.ends[from].pending());
        let n = self.wire.len();
        self.ends[from].sent(n);
        let counted = measure(|| take(&mut self.ends[to], &self.wire));
        self.counts[to] += counted.count_total;
        n
    }

    fn settle(&mut self) {
        while self.carry(0, 1) + self.carry(1, 0) > 0 {}
        assert!(!self.ends.iter().any(Connection::is_handshaking));
    }
}

/// Lets a connection handle what has come.
fn take(to: &mut Connection, mut wire: &[u8]) {
    loop {
        match to.next().unwrap() {
            Event::NeedInput if wire.is_empty() => return,
            Event::NeedInput => {
                let mut space = to.space().unwrap();
                let n = space.len().min(wire.len());
                space[..n].copy_from_slice(&wire[..n]);
                space.filled(n);
                wire = &wire[n..];
            }
            Event::EarlyData(data) => {
                let n = data.len();
                to.consume(n);
            }
            Event::HandshakeDone | Event::EarlyDataDecided(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn early_data_adds_little_to_a_resumed_handshake() {
    for ((client, server), (early, of_client, of_server)) in configs().into_iter().zip(RESUMED) {
        // A session, and what is allocated once.
        let mut counts = [0; 2];
        for number in 0..3 {
            let mut talk = Talk::start(&client, &server);
            if early && number > 0 {
                talk.early(100);
            }
            talk.settle();
            assert!(talk.ends.iter().all(|end| end.info().resumed == (number > 0)));
            let taken = talk.ends.iter().all(|end| end.info().early_data == EarlyData::Accepted);
            assert_eq!(taken, early && number > 0);
            counts = talk.counts;
        }
        let [at_client, at_server] = counts;
        println!("early data: {early}: {at_client} allocations of a client, {at_server} of a server");
        assert!(at_client <= of_client && at_server <= of_server, "{early}: {at_client}, {at_server}");
    }
}

/// As it is with data.
#[test]
fn no_allocation_for_a_record_of_early_data() {
    let [_, (client, server)] = configs();
    Talk::start(&client, &server).settle();
    let mut talk = Talk::start(&client, &server);
    let mut records = |number: usize| {
        for n in [1, 100, 5_000, 10_000].into_iter().cycle().take(number) {
            talk.early(n);
            talk.carry(0, 1);
        }
        talk.counts
    };
    let before = records(4);
    assert_eq!(records(100), before);
    assert_eq!(talk.ends[1].info().early_data, EarlyData::Accepted);
}

/// Half a minute long.
#[test]
#[ignore]
fn a_full_register_takes_what_its_entries_take() {
    const ROOM: usize = 8_192;
    let register = Arc::new(ReplayRegister::with_room(ROOM));
    let [_, (client, server)] = configs();
    let server = Arc::new(ServerConfig::clone(&server).early_data(MOST, register.clone()));
    let mut refused = 0;
    let mut talk = || {
        let mut talk = Talk::start(&client, &server);
        talk.early(1);
        talk.settle();
        refused += usize::from(talk.ends[1].info().early_data != EarlyData::Accepted);
    };
    Talk::start(&client, &server).settle();
    talk();
    let counted = measure(|| (0..ROOM).for_each(|_| talk()));
    let octets = usize::try_from(counted.bytes_current).unwrap() / register.len();
    println!("{} entries, {octets} octets each; {refused} refused", register.len());
    assert!(register.len() <= ROOM + 64 && octets <= 80);
}
