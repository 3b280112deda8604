//! An echo server on `mio`: one thread, many connections, over `Connection` alone:
//! `cargo run --manifest-path examples/ecosystem/Cargo.toml --bin echo_mio -- CHAIN.pem KEY.pem [ADDRESS]`.
//!
//! `Client::turn` is the whole loop: send what is pending, take what came, read more.
//! What a client does not fetch is not read any further from it.

use handfast::pki::UnixTime;
use handfast::{Close, Connection, Error, Event, Identity, ServerConfig};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind, Read, Write};
use std::{env, sync::Arc, time::Duration};

const LISTENER: Token = Token(0);
/// Steps of one connection before it is the next one's turn.
const STEPS: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [chain, key, address @ ..] = arguments.as_slice() else {
        return Err("usage: echo_mio CHAIN.pem KEY.pem [ADDRESS]".into());
    };
    let address = address.first().map_or("127.0.0.1:8443", String::as_str);
    let identity = Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?;
    let config = Arc::new(ServerConfig::new(identity, UnixTime::now));

    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    let mut listener = TcpListener::bind(address.parse()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let (mut clients, mut last) = (HashMap::new(), LISTENER.0);
    // mio tells of each change once: who did not come to an end has its turn again.
    let mut ready = BTreeSet::new();
    loop {
        match poll.poll(&mut events, if ready.is_empty() { None } else { Some(Duration::ZERO) }) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => ready.extend(events.iter().map(|event| event.token())),
        }
        for token in std::mem::take(&mut ready) {
            if token == LISTENER {
                accept(&listener, |mut tcp| {
                    last += 1;
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut tcp, Token(last), both)?;
                    clients.insert(Token(last), Client::new(tcp, &config));
                    Ok(())
                });
                continue;
            }
            let Some(client) = clients.get_mut(&token) else { continue };
            match client.turn() {
                Ok(Turn::Waits) => {}
                Ok(Turn::GoesOn) => drop(ready.insert(token)),
                Ok(Turn::Over) => drop(clients.remove(&token)),
                Err(error) => {
                    eprintln!("{error}");
                    clients.remove(&token);
                }
            }
        }
    }
}

/// All who wait to be accepted.
fn accept(listener: &TcpListener, mut then: impl FnMut(TcpStream) -> io::Result<()>) {
    loop {
        match listener.accept().and_then(|(tcp, _)| then(tcp)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return eprintln!("{error}"),
            Ok(()) => {}
        }
    }
}

struct Client {
    tcp: TcpStream,
    tls: Connection,
    /// What came, and does not go out yet.
    echo: Vec<u8>,
}

enum Turn {
    /// For the socket: mio tells when there is more to do.
    Waits,
    /// There is more to do, when the others had their turn.
    GoesOn,
    Over,
}

impl Client {
    fn new(tcp: TcpStream, config: &Arc<ServerConfig>) -> Self {
        Self { tcp, tls: Connection::server(config), echo: Vec::new() }
    }

    fn turn(&mut self) -> io::Result<Turn> {
        for _ in 0..STEPS {
            self.write()?;
            if !self.echo.is_empty() {
                let n = self.tls.send(&self.echo)?;
                self.echo.drain(..n);
                // No room: the socket is full, and tells when it is not.
                if n == 0 {
                    return Ok(Turn::Waits);
                }
                continue;
            }
            match self.tls.next() {
                Ok(Event::Data(data)) => {
                    let n = data.len();
                    self.echo.extend_from_slice(data);
                    self.tls.consume(n);
                }
                Ok(Event::NeedInput) => {
                    // What the handshake has to say goes first: the client waits for it.
                    self.write()?;
                    if !self.read()? {
                        self.tls.rest();
                        return Ok(Turn::Waits);
                    }
                }
                Ok(Event::Closed(Close::Clean)) => {
                    self.tls.close();
                    self.write()?;
                    return Ok(if self.tls.pending().is_empty() { Turn::Over } else { Turn::Waits });
                }
                Ok(Event::Closed(Close::Truncated)) => return Err(Error::Truncated.into()),
                Ok(_) => {}
                Err(error) => {
                    // The alert that says why, as far as the socket takes it.
                    let _ = self.write();
                    return Err(error.into());
                }
            }
        }
        Ok(Turn::GoesOn)
    }

    /// Whether something was read, be it the end.
    fn read(&mut self) -> io::Result<bool> {
        let Some(mut space) = self.tls.space() else { return Ok(false) };
        let Some(n) = again(|| self.tcp.read(&mut space))? else { return Ok(false) };
        space.filled(n);
        if n == 0 {
            self.tls.filled_eof();
        }
        Ok(true)
    }

    /// Writes what is pending, as far as the socket takes it.
    fn write(&mut self) -> io::Result<()> {
        while !self.tls.pending().is_empty() {
            match again(|| self.tcp.write(self.tls.pending()))? {
                None => break,
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(n) => self.tls.sent(n),
            }
        }
        Ok(())
    }
}

/// `None` where the socket would have to wait.
fn again(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            result => return result.map(Some),
        }
    }
}
