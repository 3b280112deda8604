//! s2n-tls, with the cryptography of aws-lc.

use libc::{__errno_location, EWOULDBLOCK, c_int, c_void};
use peers_common::{Chain, End, Group, Job, NAME, Peer, Pipe, Session, measure, serve};
use s2n_tls::callbacks::{SessionTicket, SessionTicketCallback};
use s2n_tls::config::{Builder, Config};
use s2n_tls::connection::Connection;
use s2n_tls::enums::{Blinding, Mode};
use s2n_tls::security::Policy;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, SystemTime};

fn main() {
    serve(|_, job, chain| measure::<S2n>(job, chain));
}

struct S2n {
    client: Config,
    server: Config,
    session: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Peer for S2n {
    type Client = Ours;
    type Server = Ours;

    fn new(job: &Job, chain: &Chain) -> Result<Self, String> {
        match (job.version, job.session) {
            (12, Session::Renewed) => return Err("a ticket is renewed only when its key is old".into()),
            (13, Session::Resumed) => return Err("its crate sends a new ticket with every handshake".into()),
            _ => {}
        }
        // The server's policy decides: X25519 before P-256, and AES-128-GCM first.
        let policies = match (job.suite, job.group) {
            (0x1301, Group::X25519) => ["20240603", "20240603"],
            (0x1301, Group::X25519MlKem768) => ["default_pq", "default_pq"],
            (0xc02b | 0xc02f, _) => ["20240501", "20240603"],
            _ => return Err("no policy takes this suite and no other".into()),
        };
        let session = Arc::new(Mutex::new(None));
        let make = |is_server: bool| {
            let mut builder = Builder::new();
            let policy = Policy::from_version(policies[usize::from(is_server)])?;
            builder.set_security_policy(&policy)?.with_system_certs(false)?;
            match is_server {
                true => {
                    builder.load_pem(&chain.chain, &chain.key)?;
                    if job.session != Session::Full {
                        let since = SystemTime::now() - Duration::from_secs(60);
                        builder.add_session_ticket_key(b"peers", &[7; 32], since)?;
                    }
                }
                false => {
                    builder.trust_pem(&chain.root)?;
                    if job.session != Session::Full {
                        builder.set_session_ticket_callback(Kept(session.clone()))?;
                    }
                }
            }
            builder.build()
        };
        let made = |is_server| make(is_server).map_err(|error| error.to_string());
        Ok(Self { client: made(false)?, server: made(true)?, session })
    }

    fn client(&mut self) -> Ours {
        let mut ours = Ours::new(Mode::Client, &self.client);
        ours.connection.set_server_name(NAME).unwrap();
        if let Some(session) = &*self.session.lock().unwrap() {
            ours.connection.set_session_ticket(session).unwrap();
        }
        ours
    }

    fn server(&mut self, _tickets: bool) -> Ours {
        Ours::new(Mode::Server, &self.server)
    }

    fn has_session(&self) -> bool {
        self.session.lock().unwrap().is_some()
    }
}

/// Keeps the newest session of the client: it may be used again.
struct Kept(Arc<Mutex<Option<Vec<u8>>>>);

impl SessionTicketCallback for Kept {
    fn on_session_ticket(&self, _: &mut Connection, ticket: &SessionTicket) {
        let mut data = vec![0; ticket.len().unwrap()];
        ticket.data(&mut data).unwrap();
        *self.0.lock().unwrap() = Some(data);
    }
}

struct Ours {
    connection: Connection,
    /// In a place of its own: the library holds its address.
    pipe: Box<Pipe>,
}

impl Ours {
    fn new(mode: Mode, config: &Config) -> Self {
        let mut ours = Self { connection: Connection::new(mode), pipe: Box::default() };
        let pipe: *mut c_void = (&raw mut *ours.pipe).cast();
        let connection = &mut ours.connection;
        connection.set_config(config.clone()).unwrap();
        connection.set_blinding(Blinding::SelfService).unwrap();
        connection.set_receive_callback(Some(receive)).unwrap();
        connection.set_send_callback(Some(send)).unwrap();
        // The pipe lives as long as the connection, beside it.
        unsafe {
            connection.set_receive_context(pipe).unwrap();
            connection.set_send_context(pipe).unwrap();
        }
        ours
    }

    /// Reads until there is nothing more.
    fn read(&mut self, room: &mut [u8]) -> usize {
        let mut arrived = 0;
        while let Poll::Ready(n) = self.connection.poll_recv(room) {
            let data = std::hint::black_box(&room[..n.unwrap()]);
            arrived += data.len();
            if data.len() < room.len() && self.pipe.is_read() {
                break;
            }
        }
        arrived
    }
}

unsafe extern "C" fn receive(pipe: *mut c_void, into: *mut u8, length: u32) -> c_int {
    let pipe = unsafe { &mut *pipe.cast::<Pipe>() };
    let into = unsafe { std::slice::from_raw_parts_mut(into, length as usize) };
    match pipe.read(into) {
        Ok(n) => n as c_int,
        Err(_nothing) => {
            unsafe { *__errno_location() = EWOULDBLOCK };
            -1
        }
    }
}

unsafe extern "C" fn send(pipe: *mut c_void, data: *const u8, length: u32) -> c_int {
    let pipe = unsafe { &mut *pipe.cast::<Pipe>() };
    let data = unsafe { std::slice::from_raw_parts(data, length as usize) };
    pipe.write(data).map_or(-1, |n| n as c_int)
}

impl End for Ours {
    fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
        self.pipe.fill(input);
        if self.is_handshaking()
            && let Poll::Ready(done) = self.connection.poll_negotiate()
        {
            done.unwrap();
        }
        // The tickets of TLS 1.3 come behind the handshake.
        if !self.pipe.is_read() && !self.is_handshaking() {
            assert_eq!(self.read(&mut [0]), 0);
        }
        self.pipe.drain(output);
    }

    fn is_handshaking(&self) -> bool {
        !self.connection.handshake_complete()
    }

    fn is_resumed(&self) -> bool {
        self.connection.resumed()
    }

    fn send(&mut self, mut data: &[u8], wire: &mut Vec<u8>) {
        while !data.is_empty() {
            match self.connection.poll_send(data) {
                Poll::Ready(n) => data = &data[n.unwrap()..],
                Poll::Pending => panic!("a pipe takes everything"),
            }
        }
        self.pipe.drain(wire);
    }

    fn receive(&mut self, wire: &mut Vec<u8>, room: &mut [u8]) -> usize {
        self.pipe.fill(wire);
        self.read(room)
    }

    fn release_transport(&mut self) {
        self.pipe.release();
    }

    fn rest(&mut self) -> bool {
        self.connection.release_buffers().is_ok()
    }
}
