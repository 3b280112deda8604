//! Between a client and a server: somebody who stands in for the server, or
//! who passes on what they say, but not all of it as it was.

use super::HOST;
use handfast::pki::ServerName;
use handfast::wire::{
    Body, CipherSuite, ClientHello, Form, KeyShareEntry, List, Message, NamedGroup, Writer,
};
use handfast::{ClientConfig, ConnectionInfo, Error, ServerConfig, TlsStream};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How it ended for the client, and for the server or whoever stood in for it.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) client: Result<(), Error>,
    pub(crate) server: Result<(), Error>,
    pub(crate) server_suite: Option<CipherSuite>,
    pub(crate) server_group: Option<NamedGroup>,
}

/// The library's error in it.
pub(crate) fn error_of(error: io::Error) -> Error {
    Error::of_io(&error).unwrap_or_else(|| panic!("not of this crate: {error}")).clone()
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A stream that fails a test rather than wait for ever.
fn patient(tcp: TcpStream) -> TcpStream {
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    tcp
}

fn client(config: ClientConfig, to: SocketAddr) -> TlsStream<TcpStream> {
    let name = ServerName::try_from(HOST).unwrap();
    TlsStream::client(&config.into(), name, patient(TcpStream::connect(to).unwrap())).unwrap()
}

/// The handshake, a greeting of the server's, and the client's answer: when all
/// of it has arrived, each side knows that the other's handshake is done.
fn client_greets(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let mut greeting = [0; 8];
    stream.handshake()?;
    stream.read_exact(&mut greeting)?;
    stream.write_all(b"answered")?;
    stream.flush()
}

fn server_greets(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let mut answer = [0; 8];
    stream.handshake()?;
    stream.write_all(b"greeting")?;
    stream.flush()?;
    stream.read_exact(&mut answer)
}

/// Says that it is done, and lets the other side read what was sent.
fn leave(tcp: &TcpStream) {
    let _ = tcp.shutdown(Shutdown::Write);
    let _ = io::copy(&mut &*tcp, &mut io::sink());
}

/// A client against whoever takes its connection.
pub(crate) fn meet(config: ClientConfig, middle: impl FnOnce(TcpStream) -> Result<(), Error> + Send) -> Met {
    let (listener, address) = listen();
    thread::scope(|scope| {
        let middle = scope.spawn(move || {
            let tcp = patient(listener.accept().unwrap().0);
            let ended = middle(tcp.try_clone().unwrap());
            leave(&tcp);
            ended
        });
        let mut stream = client(config, address);
        let ended = client_greets(&mut stream).map_err(error_of);
        leave(stream.get_ref());
        Met { client: ended, server: middle.join().unwrap(), server_suite: None, server_group: None }
    })
}

/// A client against somebody with his own server.
pub(crate) fn against(client: ClientConfig, server: ServerConfig) -> Met {
    meet(client, |tcp| {
        let mut stream = TlsStream::server(&server.into(), tcp);
        server_greets(&mut stream).map_err(error_of)
    })
}

/// A client and its server, with somebody between who changes the first record.
pub(crate) fn between(
    client_config: ClientConfig,
    server_config: ServerConfig,
    change: impl FnOnce(&mut Vec<u8>) + Send,
) -> Met {
    let (server_listener, server_address) = listen();
    let (listener, address) = listen();
    thread::scope(|scope| {
        let server = scope.spawn(move || {
            let tcp = patient(server_listener.accept().unwrap().0);
            let mut stream = TlsStream::server(&server_config.into(), tcp);
            let ended = server_greets(&mut stream).map_err(error_of);
            leave(stream.get_ref());
            let ConnectionInfo { suite, group, .. } = *stream.info();
            (ended, suite, group)
        });
        let middle = scope.spawn(move || {
            let client = patient(listener.accept().unwrap().0);
            let server = patient(TcpStream::connect(server_address).unwrap());
            let mut first = record(&client);
            change(&mut first);
            (&server).write_all(&first).unwrap();
            pass_both_ways(&client, &server, |_, _| {});
        });
        let mut stream = client(client_config, address);
        let ended = client_greets(&mut stream).map_err(error_of);
        leave(stream.get_ref());
        middle.join().unwrap();
        let (server, server_suite, server_group) = server.join().unwrap();
        Met { client: ended, server, server_suite, server_group }
    })
}

/// The two shake hands; then one says something, upwards to the server or
/// downwards, of which a bit at a place is flipped on its way.
pub(crate) fn talk(
    client_config: ClientConfig,
    server_config: ServerConfig,
    upwards: bool,
    place: usize,
) -> Met {
    let (server_listener, server_address) = listen();
    let (listener, address) = listen();
    let armed = AtomicBool::new(false);
    // Nothing else of this direction is on its way when this begins. The one who
    // talks hears the alert as the answer.
    let talks = |stream: &mut TlsStream<TcpStream>| {
        armed.store(true, Ordering::SeqCst);
        stream.write_all(b"what is changed on its way")?;
        stream.flush()?;
        stream.read_exact(&mut [0; 1])
    };
    let hears = |stream: &mut TlsStream<TcpStream>| stream.read_exact(&mut [0; 26]);
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let tcp = patient(server_listener.accept().unwrap().0);
            let mut stream = TlsStream::server(&server_config.into(), tcp);
            server_greets(&mut stream).unwrap();
            let ended = if upwards {
                stream.write_all(b"!").and_then(|()| stream.flush()).and_then(|()| hears(&mut stream))
            } else {
                talks(&mut stream)
            };
            leave(stream.get_ref());
            ended.map_err(error_of)
        });
        let middle = scope.spawn(|| {
            let client = patient(listener.accept().unwrap().0);
            let server = patient(TcpStream::connect(server_address).unwrap());
            pass_both_ways(&client, &server, |up, bytes| {
                if up == upwards && armed.swap(false, Ordering::SeqCst) {
                    assert_eq!(bytes[0], 23, "application data");
                    bytes[place.min(bytes.len() - 1)] ^= 0x10;
                }
            });
        });
        let mut stream = client(client_config, address);
        client_greets(&mut stream).unwrap();
        let ended = if upwards {
            stream.read_exact(&mut [0; 1]).and_then(|()| talks(&mut stream))
        } else {
            hears(&mut stream)
        };
        leave(stream.get_ref());
        middle.join().unwrap();
        let server = server.join().unwrap();
        Met { client: ended.map_err(error_of), server, server_suite: None, server_group: None }
    })
}

fn pass_both_ways(client: &TcpStream, server: &TcpStream, change: impl Fn(bool, &mut [u8]) + Sync) {
    thread::scope(|scope| {
        scope.spawn(|| pass(client, server, |bytes| change(true, bytes)));
        pass(server, client, |bytes| change(false, bytes));
    });
}

/// Passes on until the end. A side that went away is no failure of the middle's.
fn pass(mut from: &TcpStream, mut to: &TcpStream, change: impl Fn(&mut [u8])) {
    let mut some = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut some) {
        change(&mut some[..n]);
        if to.write_all(&some[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The next record, with its header.
fn record(mut from: &TcpStream) -> Vec<u8> {
    let mut record = vec![0; 5];
    from.read_exact(&mut record).unwrap();
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    from.read_exact(&mut record[5..]).unwrap();
    record
}

/// What of a ClientHello is changed.
pub(crate) struct Changed<'a> {
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) shares: Vec<(NamedGroup, &'a [u8])>,
}

/// Writes the ClientHello that a record holds anew.
pub(crate) fn edit_hello(record: &mut Vec<u8>, change: impl FnOnce(&mut Changed<'_>)) {
    let message = record[5..].to_vec();
    let Body::ClientHello(hello) = Message::decode(&message, Form::Tls13).unwrap().body else { panic!() };
    let extensions = hello.extensions;
    let mut changed = Changed {
        suites: hello.cipher_suites.iter().collect(),
        groups: extensions.supported_groups.iter().flat_map(|groups| groups.iter()).collect(),
        shares: Vec::new(),
    };
    let shares: Vec<KeyShareEntry<'_>> =
        extensions.key_share.iter().flat_map(|shares| shares.iter()).collect();
    changed.shares = shares.iter().map(|share| (share.group, share.key_exchange)).collect();
    change(&mut changed);
    let shares: Vec<KeyShareEntry<'_>> = changed
        .shares
        .iter()
        .map(|(group, key_exchange)| KeyShareEntry { group: *group, key_exchange })
        .collect();
    let mut edited = ClientHello { cipher_suites: List::from(&changed.suites[..]), ..hello };
    edited.extensions.supported_groups = extensions.supported_groups.map(|_| List::from(&changed.groups[..]));
    edited.extensions.key_share = extensions.key_share.map(|_| List::from(&shares[..]));
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    Body::ClientHello(edited).encode(&mut writer);
    writer.finish().unwrap();
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    record.splice(3.., length.into_iter().chain(bytes));
}

/// A stream on which no alert goes out, so that a forged message can.
#[cfg(feature = "static-rsa")]
pub(crate) struct Forger {
    pub(crate) tcp: TcpStream,
    pub(crate) swallows_alerts: bool,
}

#[cfg(feature = "static-rsa")]
impl Read for Forger {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.tcp.read(into)
    }
}

#[cfg(feature = "static-rsa")]
impl Write for Forger {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.swallows_alerts && bytes.first() == Some(&21) {
            true => Ok(bytes.len()),
            false => self.tcp.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
