//! Resumed handshakes with what a fleet shares, beside those of one machine alone: ratios of
//! one run, on one thread.
//!
//! ```text
//! cargo bench --bench fleet --features redis [-- redis://HOST]
//! ```
//!
//! Without a store it starts a redis-server of its own. One thread waits for each answer in
//! turn: that is the delay which a handshake sees, not what the store can serve.

use handfast::fleet::{Fleet, FleetSettings, Notice, Register};
use handfast::pki::{ServerName, UnixTime};
use handfast::{
    Answer, ClientConfig, ClientSessions, Connection, EarlyData, Event, Identity, Judge, Question,
    ReplayRegister, Replays, ServerConfig, TicketKeys,
};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

const HANDSHAKES: u32 = 300;
const ROUNDS: u32 = 9;
const WINDOW: Duration = Duration::from_secs(1);

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // cargo test has it compiled, and no more
    }
    let url = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let (_ends_with_this, url) = match url {
        Some(url) => (None, url),
        None => own(),
    };
    let fleet = fleet(&url);
    let identity = identity();
    let server =
        |tickets| ServerConfig::new(identity.clone(), UnixTime::now).tickets(tickets).tickets_sent(1);
    let early = |config: ServerConfig, replays: Replays| {
        config.early_data(16_384, replays).early_data_window(WINDOW).unwrap()
    };
    let keys = || Arc::new(TicketKeys::random());
    let kinds = [
        ("tickets of one machine", server(keys())),
        ("tickets of a fleet", server(fleet.ticket_keys().clone())),
        ("early data, register in memory", early(server(keys()), ReplayRegister::new().into())),
        ("early data, register of a fleet", early(server(fleet.ticket_keys().clone()), (&fleet).into())),
        ("stateful tickets, store in memory", server(keys()).stateful_tickets()),
        ("stateful tickets, store of a fleet", fleet.configure(server(keys())).stateful_tickets()),
    ];
    let kinds =
        kinds.map(|(name, server)| (name, Side::new(server, name.contains("early")), Vec::new(), 0_usize));
    let mut kinds = kinds;
    // In turn, so that what else the machine does falls on all of them.
    for _ in 0..ROUNDS {
        for (_, side, times, resumed) in &mut kinds {
            let start = Instant::now();
            *resumed += (0..HANDSHAKES).filter(|_| side.connect(&fleet)).count();
            times.push(start.elapsed() / HANDSHAKES);
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let first = median(&mut kinds[0].2);
    for (name, _, times, resumed) in &mut kinds {
        let time = median(times);
        let part = *resumed as f64 / f64::from(HANDSHAKES * ROUNDS) * 100.0;
        let (a_second, ratio) = (1.0 / time, first / time);
        println!("{name:<36} {a_second:>7.0} a second {ratio:>6.2} of the first, {part:.1} % resumed");
    }
}

fn identity() -> Arc<Identity> {
    let made = rcgen::generate_simple_self_signed(["server.example".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    Arc::new(Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap())
}

/// A server, and a client that has been there.
struct Side {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    early: bool,
}

impl Side {
    fn new(server: ServerConfig, early: bool) -> Self {
        let client = ClientConfig::new(Judge::application_named("bench"), UnixTime::now)
            .sessions(ClientSessions::new());
        Self { client: Arc::new(client.early_data()), server: Arc::new(server), early }
    }

    /// Whether it resumed.
    fn connect(&self, fleet: &Fleet) -> bool {
        let name = ServerName::try_from("server.example").unwrap();
        let mut client = Connection::client(&self.client, name).unwrap();
        if self.early {
            client.send_early(b"GET /").unwrap();
        }
        let mut server = Connection::server(&self.server);
        while client.is_handshaking() || server.is_handshaking() || !server.pending().is_empty() {
            step(&mut client, &mut server, fleet);
            step(&mut server, &mut client, fleet);
        }
        let early = server.info().early_data == EarlyData::Accepted;
        assert!(!server.info().resumed || early == self.early, "{:?}", server.info().early_data);
        server.info().resumed
    }
}

fn step(from: &mut Connection, to: &mut Connection, fleet: &Fleet) {
    while !from.pending().is_empty() {
        let Some(mut space) = to.space() else { break };
        let n = space.len().min(from.pending().len());
        space[..n].copy_from_slice(&from.pending()[..n]);
        space.filled(n);
        from.sent(n);
    }
    loop {
        let n = match to.next().unwrap() {
            Event::NeedInput => return,
            Event::EarlyData(data) => data.len(),
            Event::Ask(question) => {
                let answer = match question {
                    Question::Verify { .. } => Answer::Accept,
                    question => fleet.answer(&question).unwrap(),
                };
                to.answer(answer).unwrap();
                0
            }
            _ => 0,
        };
        to.consume(n);
    }
}

/// One whose register is old enough.
fn fleet(url: &str) -> Fleet {
    let (tell, told) = channel();
    let settings = FleetSettings::new(url, [7; 32]).unwrap().prefix("bench").unwrap();
    let settings = settings.early_data_window(WINDOW).unwrap().timeout(Duration::from_secs(1)).unwrap();
    let fleet = settings.start(move |notice| drop(tell.send(notice))).unwrap();
    loop {
        match told.recv_timeout(Duration::from_millis(200)) {
            Ok(Notice::Register(Register::Ready)) => return fleet,
            Ok(notice @ Notice::Away { .. }) => panic!("{notice}"),
            _ => fleet.look(),
        }
    }
}

struct Own(Child);

impl Drop for Own {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn own() -> (Option<Own>, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--save", ""]).stdout(Stdio::null());
    let own = Own(command.spawn().expect("redis-server, or where one is: redis://HOST"));
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        thread::sleep(Duration::from_millis(50));
    }
    (Some(own), format!("redis://127.0.0.1:{port}"))
}
