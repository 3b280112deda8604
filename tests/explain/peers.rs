//! Peers to explain: servers of this library, others that misbehave, and a
//! relay that writes down what passes.

use handfast::{Connection, Error, Event, ServerConfig};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A peer of one connection, on loopback.
pub(crate) struct Peer<T> {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Peer<T> {
    pub(crate) fn new(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || serve(listener.accept().unwrap().0));
        Self { address, thread }
    }

    /// As an argument.
    pub(crate) fn at(&self) -> String {
        self.address.to_string()
    }

    /// What it saw.
    pub(crate) fn ended(self) -> T {
        self.thread.join().unwrap()
    }
}

/// A TLS server; its end is the error that it saw, if it saw one.
pub(crate) fn server(config: ServerConfig) -> Peer<Option<Error>> {
    Peer::new(move |tcp| serve(&tcp, &Arc::new(config)))
}

/// The same for one connection after the other, each with its own configuration.
pub(crate) fn servers(configs: Vec<ServerConfig>) -> Peer<Vec<Option<Error>>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move |config| serve(&listener.accept().unwrap().0, &Arc::new(config));
    Peer { address, thread: thread::spawn(move || configs.into_iter().map(serve).collect()) }
}

fn serve(mut tcp: &TcpStream, config: &Arc<ServerConfig>) -> Option<Error> {
    let mut connection = Connection::server(config);
    let mut closed = false;
    loop {
        let (read, error) = match connection.next() {
            Ok(Event::NeedInput) => (true, None),
            Ok(Event::Closed(_)) => {
                closed = true;
                (false, None)
            }
            Ok(_) => (false, None),
            Err(error) => (false, Some(error)),
        };
        if closed {
            connection.close();
        }
        let n = connection.pending().len();
        let _ = tcp.write_all(connection.pending());
        connection.sent(n);
        if closed || error.is_some() {
            let _ = tcp.shutdown(Shutdown::Write);
            let _ = tcp.read_to_end(&mut Vec::new());
            return error;
        }
        if read {
            let mut space = connection.space().unwrap();
            let n = tcp.read(&mut space).unwrap_or_default();
            space.filled(n);
            if n == 0 {
                connection.filled_eof();
            }
        }
    }
}

/// One that says this, whatever it hears, and closes.
pub(crate) fn saying(words: &'static [u8]) -> Peer<()> {
    Peer::new(move |mut tcp| {
        let _ = tcp.read(&mut [0; 4096]);
        tcp.write_all(words).unwrap();
        let _ = tcp.shutdown(Shutdown::Write);
        let _ = tcp.read_to_end(&mut Vec::new());
    })
}

/// One that says this, and resets the connection: what it leaves unread makes
/// the system do that.
pub(crate) fn resetting(words: &'static [u8]) -> Peer<()> {
    Peer::new(move |mut tcp| {
        tcp.read_exact(&mut [0; 5]).unwrap();
        tcp.write_all(words).unwrap();
        thread::sleep(Duration::from_millis(100));
    })
}

/// One that says this, and then nothing, until the other side leaves.
pub(crate) fn silent(words: &'static [u8]) -> Peer<()> {
    Peer::new(move |mut tcp| {
        tcp.write_all(words).unwrap();
        let _ = tcp.read_to_end(&mut Vec::new());
    })
}

/// Passes everything on to `to`; its end is what the client said, and what the server said.
pub(crate) fn relay(to: SocketAddr) -> Peer<(Vec<u8>, Vec<u8>)> {
    Peer::new(move |client| {
        let server = TcpStream::connect(to).unwrap();
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let up = thread::spawn(move || pass(&client_too, &server_too));
        let down = pass(&server, &client);
        (up.join().unwrap(), down)
    })
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut some = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut some) {
        all.extend(&some[..n]);
        if to.write_all(&some[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    all
}
