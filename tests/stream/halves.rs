//! The halves of a stream, for two threads.

use super::*;
use handfast::observe::{Direction, Observed};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn halves_share_a_failure() {
    let (client, mut server) = connected();
    let (mut reader, mut writer) = client.split(|pipe| Ok(pipe.writer())).unwrap();
    assert!(reader.info().suite.is_some());
    server.write_all(b"hello").unwrap();
    reader.get_ref().change_incoming(|bytes| bytes[10] ^= 1);
    let (_, found) = error(reader.read(&mut [0; 9]));
    assert_eq!(found.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    assert_eq!(error(writer.write(b"x")).1.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    assert_eq!(error(writer.update_keys(false)).1.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    assert!(matches!(error(server.read(&mut [0; 9])).1, Error::AlertReceived { .. }));
}

#[test]
fn halves_end_one_by_one() {
    let (client, mut server) = connected();
    let (mut reader, mut writer) = client.split(|pipe| Ok(pipe.writer())).unwrap();
    assert_eq!(writer.write(&[]).unwrap(), 0);
    writer.write_all(b"question").unwrap();
    writer.update_keys(true).unwrap();
    writer.write_all(b"s").unwrap();
    writer.close().unwrap();
    assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut got = String::new();
    server.read_to_string(&mut got).unwrap();
    assert_eq!(got, "questions");
    server.write_all(b"answer").unwrap();
    assert_eq!(reader.read(&mut []).unwrap(), 0);
    assert_eq!(reader.fill_buf().unwrap(), b"answer");
    reader.consume(6);
    drop(server);
    assert!(matches!(error(reader.read(&mut [0; 9])).1, Error::Truncated));
    assert!(matches!(error(reader.fill_buf()).1, Error::Truncated));
}

/// The writer goes on after the reader has come to the end, in both versions.
#[test]
fn halves_close_one_direction() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let (mut client, server) = connected_in(version);
        let (mut reader, mut writer) = server.split(|pipe| Ok(pipe.writer())).unwrap();
        client.write_all(b"question").unwrap();
        client.close().unwrap();
        let mut got = String::new();
        reader.read_to_string(&mut got).unwrap();
        assert_eq!((got.as_str(), reader.read(&mut [0; 9]).unwrap()), ("question", 0));
        writer.write_all(b"answer").unwrap();
        writer.close().unwrap();
        got.clear();
        client.read_to_string(&mut got).unwrap();
        assert_eq!(got, "answer");
    }
}

/// Lets its first flush wait until the gate opens.
struct Gated<S> {
    stream: S,
    reached: mpsc::Sender<()>,
    gate: Option<mpsc::Receiver<()>>,
}

impl<S: Write> Write for Gated<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(gate) = self.gate.take() {
            self.reached.send(()).unwrap();
            gate.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        self.stream.flush()
    }
}

/// A KeyUpdate is asked for while a write is under way, and the stream takes
/// nothing more: the write says what it took.
#[test]
fn what_is_owed_meanwhile_takes_nothing_back() {
    for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
        let (client, mut server) = connected();
        let ((reached, is_reached), (open, gate)) = (mpsc::channel(), mpsc::channel());
        let mood = Arc::new(Mutex::new(Mood::default()));
        let writers = mood.clone();
        let (mut reader, mut writer) = client
            .split(|pipe| {
                let stream = Moody { stream: pipe.writer(), mood: writers };
                Ok(Gated { stream, reached, gate: Some(gate) })
            })
            .unwrap();
        let writing = run(move || (writer.write(b"x"), writer));
        is_reached.recv_timeout(Duration::from_secs(60)).unwrap();
        server.connection_mut().update_keys(true).unwrap();
        server.write_all(b"y").unwrap();
        reader.read_exact(&mut [0]).unwrap();
        mood.lock().unwrap().write = Some(kind);
        open.send(()).unwrap();
        let (written, mut writer) = writing.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(written.unwrap(), 1);
        mood.lock().unwrap().write = None;
        writer.close().unwrap();
        let mut got = Vec::new();
        server.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"x");
    }
}

/// The way to the peer is full, and the peer writes all that it has before it
/// reads, asking for a KeyUpdate each time.
#[test]
fn a_reader_never_blocks_in_a_write() {
    const TIMES: usize = 40;
    let (a, b) = pipe_holding(2_000);
    both(
        move || {
            let mut stream = client(client_config(), a);
            stream.handshake_with(trusting).unwrap();
            let (mut reader, mut writer) = stream.split(|pipe| Ok(pipe.writer())).unwrap();
            writer.write_all(&[1; 1_950]).unwrap();
            reader.read_exact(&mut [0; 1_000 * TIMES]).unwrap();
            writer.write_all(b"the answer goes before").unwrap();
            writer.close().unwrap();
        },
        move || {
            let mut stream = server(server_config(), b);
            stream.handshake().unwrap();
            for _ in 0..TIMES {
                stream.connection_mut().update_keys(true).unwrap();
                stream.write_all(&[2; 1_000]).unwrap();
            }
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            assert!(got.ends_with(b"the answer goes before") && got.len() == 1_950 + 22);
        },
    );
}

/// The reader finds a failure, and the way to the peer is full: the writer's next
/// call, whichever it is, sends the alert, and says what failed.
#[test]
fn an_alert_is_left_to_the_writer() {
    type Call = fn(&mut TlsWriter<Box<dyn Write + Send>>) -> io::Result<()>;
    let calls: [Call; 4] = [
        |writer| writer.write(b"data").map(|_| ()),
        |writer| writer.flush(),
        |writer| writer.close(),
        |writer| writer.update_keys(false),
    ];
    for call in calls {
        let (client, mut server) = connected();
        let mood = Arc::new(Mutex::new(Mood::default()));
        let (mut reader, mut writer) = client
            .split(|pipe| -> io::Result<Box<dyn Write + Send>> {
                Ok(Box::new(Moody { stream: pipe.writer(), mood: mood.clone() }))
            })
            .unwrap();
        server.write_all(b"hello").unwrap();
        reader.get_ref().change_incoming(|bytes| bytes[10] ^= 1);
        let said = error(reader.read(&mut [0; 9])).1;
        assert_eq!(said.alert(), Some(AlertDescription::BAD_RECORD_MAC));
        assert!(server.get_ref().incoming_is_empty(), "the reader writes nothing");
        // However often the stream refuses it, the connection's error is told.
        for refusal in [Some(ErrorKind::WouldBlock), Some(ErrorKind::BrokenPipe), None, None] {
            mood.lock().unwrap().write = refusal;
            assert_eq!(error(call(&mut writer)).1.to_string(), said.to_string());
        }
        assert!(matches!(error(server.read(&mut [0; 9])).1, Error::AlertReceived { .. }));
    }
}

#[test]
fn splitting_needs_a_handshake() {
    let (a, b) = pipe();
    drop(b);
    let stream = client(client_config(), a);
    assert!(stream.split(|pipe| Ok(pipe.writer())).is_err());
    let (stream, _server) = connected();
    let failed = stream.split(|_| -> io::Result<Pipe> { Err(ErrorKind::Unsupported.into()) });
    assert_eq!(failed.err().unwrap().kind(), ErrorKind::Unsupported);
}

/// The reader is blocked in `read` most of the time, the writers move 10 MiB each
/// way, and both ask for KeyUpdates all the while.
#[test]
fn a_blocked_reader_a_busy_writer_and_key_updates() {
    const LENGTH: usize = 10 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let move_all = |stream: TlsStream<TcpStream>| {
        let (mut reader, mut writer) = stream.split(TcpStream::try_clone).unwrap();
        let writing = thread::spawn(move || {
            for (i, piece) in noise(LENGTH).chunks(50_000).enumerate() {
                writer.write_all(piece).unwrap();
                writer.update_keys(i % 2 == 0).unwrap();
            }
            writer.close().unwrap();
            writer
        });
        let mut got = Vec::new();
        reader.read_to_end(&mut got).unwrap();
        let _writer = writing.join().unwrap();
        got
    };
    let (at_client, at_server) = both(
        move || {
            let mut stream = client(client_config(), TcpStream::connect(address).unwrap());
            stream.handshake_with(trusting).unwrap();
            move_all(stream)
        },
        move || move_all(server(server_config(), listener.accept().unwrap().0)),
    );
    let expected = noise(LENGTH);
    assert!(at_client == expected && at_server == expected);
}

/// The reader waits for the peer, who waits for what the writer sends, and
/// asks for a KeyUpdate each time.
#[test]
fn a_reader_blocked_for_long_holds_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    both(
        move || {
            let mut stream = client(client_config(), TcpStream::connect(address).unwrap());
            stream.handshake_with(trusting).unwrap();
            let (mut reader, mut writer) = stream.split(TcpStream::try_clone).unwrap();
            let reading = Arc::new(AtomicBool::new(true));
            let still_reading = reading.clone();
            let reads = thread::spawn(move || {
                let mut got = Vec::new();
                reader.read_to_end(&mut got).unwrap();
                still_reading.store(false, Ordering::SeqCst);
                got.len()
            });
            for _ in 0..2000 {
                writer.write_all(&[7; 3000]).unwrap();
            }
            assert!(reading.load(Ordering::SeqCst), "the server sends a byte now and then, and no end");
            writer.close().unwrap();
            assert_eq!(reads.join().unwrap(), 204);
        },
        move || {
            let mut stream = server(server_config(), listener.accept().unwrap().0);
            for _ in 0..200 {
                stream.read_exact(&mut [0; 30_000]).unwrap();
                stream.connection_mut().update_keys(true).unwrap();
                stream.write_all(b".").unwrap();
            }
            assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
            stream.write_all(b"done").unwrap();
            stream.close().unwrap();
        },
    );
}

/// Counts the KeyUpdates that come.
#[derive(Default)]
struct KeyUpdates(AtomicUsize);

impl handfast::observe::Observer for KeyUpdates {
    fn observe(&self, event: &Observed<'_>) {
        if matches!(event, Observed::Message { direction: Direction::In, bytes: [24, ..], .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What was asked for and has come is asked for again, once each time; and what the
/// peer asked for is answered once (RFC 9846 section 4.7.3).
#[test]
fn each_request_for_a_key_update_has_one_answer() {
    let (a, b) = pipe();
    let [near, far] = [(); 2].map(|()| Arc::new(KeyUpdates::default()));
    let (of_client, of_server) = (near.clone(), far.clone());
    let (client, mut server) = both(
        move || {
            let mut options = ClientOptions::default();
            options.observer = Some(of_client);
            let connection = Connection::client_with(&client_config().into(), name(), options).unwrap();
            let mut stream = TlsStream::new(connection, a);
            stream.handshake_with(trusting).unwrap();
            stream
        },
        move || {
            let connection = Connection::server_with(&server_config().into(), Some(of_server));
            let mut stream = TlsStream::new(connection, b);
            stream.handshake().unwrap();
            stream
        },
    );
    let came = |updates: &KeyUpdates| updates.0.load(Ordering::SeqCst);
    let (mut reader, mut writer) = client.split(|pipe| Ok(pipe.writer())).unwrap();
    for round in 1..4 {
        // Two of which the second does not ask, for there is no answer yet.
        writer.update_keys(true).unwrap();
        writer.update_keys(true).unwrap();
        writer.write_all(b"?").unwrap();
        server.read_exact(&mut [0]).unwrap();
        for _ in 0..2 {
            server.write_all(b"!").unwrap();
            reader.read_exact(&mut [0]).unwrap();
        }
        assert_eq!((came(&near), came(&far)), (round, 2 * round));
    }
}
