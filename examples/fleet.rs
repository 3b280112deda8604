//! Three servers, each on an address of its own, which share a Redis; a client that goes
//! from one to the other; and an attacker who brings one first flight to all of them at
//! once: `cargo run --example fleet --features redis [-- redis://HOST]`.
//!
//! Without a store it starts a redis-server of its own. The addresses are 127.0.0.2, .3 and
//! .4, which Linux has without being told.

use handfast::fleet::{Fleet, FleetSettings, Notice, Register};
use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{ClientConfig, ClientSessions, Connection, EarlyData, Identity, ServerConfig, TlsStream};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use std::{env, error::Error, thread};

const NAME: &str = "server.example";
const REQUEST: &[u8] = b"GET /";

/// How far the age of a ticket may be off. The register waits for twice as long, and some
/// seconds for clocks, before it says "first".
const WINDOW: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (_ends_with_this, store) = match env::args().nth(1) {
        Some(store) => (None, store),
        None => {
            let own = Store::start()?;
            let url = own.url.clone();
            (Some(own), url)
        }
    };
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let mut roots = Roots::new();
    roots.add_pem(chain.as_bytes())?;
    let client = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now);
    let client = Arc::new(client.sessions(ClientSessions::new()).early_data());

    // In earnest each machine reads this from a file that nobody else can read.
    let secret = handfast::sha256(made.signing_key.serialize_der().as_slice());
    let (tell, told) = channel();
    let machines = [2, 3, 4].map(|last| Ipv4Addr::new(127, 0, 0, last));
    let servers: Vec<SocketAddr> = machines
        .iter()
        .map(|machine| {
            let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes())?;
            serve(*machine, &store, secret, identity, tell.clone())
        })
        .collect::<Result<_, Box<dyn Error>>>()?;

    println!("\nA client goes from one to the other:");
    for server in &servers {
        let mut tls = TlsStream::client(&client, ServerName::try_from(NAME)?, TcpStream::connect(server)?)?;
        tls.write_all(REQUEST)?;
        let mut answer = String::new();
        tls.read_to_string(&mut answer)?;
        let how = if tls.info().resumed { "resumed" } else { "in full" };
        println!("  {server}, {how}: {answer}");
        told.recv()?;
    }

    // What it would send next is copied on its way, and never arrives.
    let mut connection = Connection::client(&client, ServerName::try_from(NAME)?)?;
    if connection.send_early(REQUEST)? < REQUEST.len() {
        return Err("the client has no session that allows early data".into());
    }
    let flight: Arc<[u8]> = connection.pending().into();
    println!("\nAn attacker brings one first flight of {} bytes to all of them at once:", flight.len());
    let together = Arc::new(Barrier::new(servers.len()));
    for server in servers {
        let (flight, together) = (flight.clone(), together.clone());
        thread::spawn(move || replay(server, &flight, &together));
    }
    let decisions: Vec<_> = told.iter().take(machines.len()).collect();
    for (machine, early) in &decisions {
        println!("  {machine}: {early:?}");
    }
    match decisions.iter().filter(|(_, early)| *early == EarlyData::Accepted).count() {
        1 => {
            println!("Exactly one has taken it.");
            Ok(())
        }
        taken => Err(format!("{taken} have taken it").into()),
    }
}

fn replay(server: SocketAddr, flight: &[u8], together: &Barrier) -> std::io::Result<()> {
    let mut tcp = TcpStream::connect(server)?;
    together.wait();
    tcp.write_all(flight)?;
    tcp.shutdown(Shutdown::Write)?;
    std::io::copy(&mut tcp, &mut std::io::sink())?;
    Ok(())
}

/// A machine of the fleet: its own address, and its own connection to the store. It tells of
/// each connection what became of early data.
fn serve(
    machine: Ipv4Addr,
    store: &str,
    secret: [u8; 32],
    identity: Identity,
    tell: Sender<(Ipv4Addr, EarlyData)>,
) -> Result<SocketAddr, Box<dyn Error>> {
    let (notice, notices) = channel();
    let fleet = FleetSettings::new(store, secret)?.prefix("example")?.early_data_window(WINDOW)?;
    // A busy machine may be slow; a fleet in earnest leaves this as it is.
    let fleet = fleet.timeout(Duration::from_secs(1))?.start(move |told| {
        println!("  {machine}: {told}");
        let _nobody_waits_any_more = notice.send(told);
    })?;
    let config = ServerConfig::new(identity, UnixTime::now).early_data(16_384, &fleet);
    let config = Arc::new(fleet.configure(config.early_data_window(WINDOW)?));
    wait_until_ready(&fleet, &notices)?;
    let listener = TcpListener::bind((machine, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            let (fleet, config, tell) = (fleet.clone(), config.clone(), tell.clone());
            thread::spawn(move || {
                let mut tls = TlsStream::server(&config, tcp);
                if let Err(error) = answer(&mut tls, &fleet) {
                    println!("  {machine}: {error}");
                }
                let _nobody_listens = tell.send((machine, tls.info().early_data));
            });
        }
    });
    Ok(address)
}

/// Without early data a server need not wait for its register: it serves at once.
fn wait_until_ready(fleet: &Fleet, notices: &Receiver<Notice>) -> Result<(), Box<dyn Error>> {
    loop {
        match notices.recv_timeout(Duration::from_millis(200)) {
            Ok(Notice::Register(Register::Ready)) => return Ok(()),
            Ok(Notice::Away { store, .. }) => {
                return Err(format!("{store} is away: nothing to be shown").into());
            }
            _ => fleet.look(),
        }
    }
}

fn answer(tls: &mut TlsStream<TcpStream>, fleet: &Fleet) -> std::io::Result<()> {
    tls.handshake_with(|question| fleet.answer(&question))?;
    let mut request = [0; REQUEST.len()];
    // What may be a replay is read by itself. A GET may be answered twice; all else waits
    // for the handshake.
    let early = tls.early_reader().read(&mut request)?;
    tls.read_exact(&mut request[early..])?;
    tls.write_all(b"here you are")?;
    tls.close()
}

/// A redis-server, which ends with the value.
struct Store {
    child: Child,
    url: String,
}

impl Store {
    fn start() -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        let child = command.stdout(Stdio::null()).spawn().map_err(|error| {
            format!("redis-server does not start ({error}): install it, or say where one is: redis://HOST")
        })?;
        let store = Self { child, url: format!("redis://127.0.0.1:{port}") };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(store);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("redis-server does not listen".into())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
