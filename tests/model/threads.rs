//! Threads that wait: whole streams and halves over sockets of the system, some
//! with timeouts, and peers that write before they read.

use super::wire::Rng;
use super::{connections, noise, scripts};
use handfast::{TlsStream, TlsWriter};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// More than the system's buffers hold.
const LENGTH: usize = 1 << 20;

/// A socket of either kind.
trait Socket: Read + Write + Send + Sized + 'static {
    fn pair() -> [Self; 2];
    fn again(&self) -> io::Result<Self>;
    fn timeouts(&self, time: Option<Duration>);
}

macro_rules! socket {
    ($of:ty, $pair:expr) => {
        impl Socket for $of {
            fn pair() -> [Self; 2] {
                $pair
            }

            fn again(&self) -> io::Result<Self> {
                self.try_clone()
            }

            fn timeouts(&self, time: Option<Duration>) {
                self.set_read_timeout(time).unwrap();
                self.set_write_timeout(time).unwrap();
            }
        }
    };
}

socket!(TcpStream, {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    [near, listener.accept().unwrap().0]
});

#[cfg(unix)]
socket!(std::os::unix::net::UnixStream, {
    let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
    [a, b]
});

fn again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Comes again until it is done.
fn insist<T>(mut call: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match call() {
            Ok(done) => return done,
            Err(error) => assert!(again(&error), "{error}"),
        }
    }
}

fn read_all(mut reader: impl Read, mut rng: Rng, expected: &[u8]) {
    let (mut got, mut buffer) = (0, vec![0; 40_000]);
    loop {
        let most = 1 + rng.sometimes_long(buffer.len() - 1);
        let n = insist(|| reader.read(&mut buffer[..most]));
        if n == 0 {
            return assert_eq!(got, expected.len(), "an end too soon");
        }
        assert!(expected.get(got..got + n) == Some(&buffer[..n]), "at {got}: lost, doubled or reordered");
        got += n;
    }
}

fn write_all<W: Write>(
    writer: &mut W,
    rng: &mut Rng,
    mut data: &[u8],
    mut update_keys: impl FnMut(&mut W, bool) -> io::Result<()>,
) {
    while !data.is_empty() {
        let most = 1 + rng.sometimes_long(60_000);
        let n = insist(|| writer.write(&data[..data.len().min(most)]));
        data = &data[n..];
        if rng.one_in(4) {
            let ask_peer = rng.one_in(2);
            insist(|| update_keys(writer, ask_peer));
        }
        if rng.one_in(4) {
            insist(|| writer.flush());
        }
    }
}

/// Writes and reads in two threads.
fn in_halves<S: Socket>(stream: TlsStream<S>, seed: u64, sent: Vec<u8>, expected: &[u8]) {
    let (reader, mut writer) = stream.split(Socket::again).unwrap();
    let writing = thread::spawn(move || {
        write_all(&mut writer, &mut Rng::new(seed), &sent, TlsWriter::update_keys);
        insist(|| writer.close());
    });
    read_all(reader, Rng::new(seed + 1), expected);
    writing.join().unwrap();
}

/// Writes all before it reads anything.
fn in_turn<S: Socket>(mut stream: TlsStream<S>, seed: u64, sent: &[u8], expected: &[u8]) {
    write_all(&mut stream, &mut Rng::new(seed), sent, |stream, ask_peer| {
        Ok(stream.connection_mut().update_keys(ask_peer)?)
    });
    insist(|| stream.close());
    read_all(&mut stream, Rng::new(seed + 1), expected);
}

/// At least one side has halves: two that write before they read wait for ever,
/// whatever is between them.
fn script<S: Socket>(seed: u64) {
    let mut rng = Rng::new(seed);
    let halves = [[true, true], [true, false], [false, true]][rng.below(3)];
    let timeouts = [(), ()].map(|()| rng.one_in(2).then_some(Duration::from_millis(1)));
    let data = [noise(rng.next(), LENGTH), noise(rng.next(), LENGTH)];
    let (done, is_done) = mpsc::channel();
    for (side, (connection, socket)) in connections(true).into_iter().zip(S::pair()).enumerate() {
        let (sent, expected, done, seed) =
            (data[side].clone(), data[1 - side].clone(), done.clone(), rng.next() / 2);
        thread::spawn(move || {
            let mut stream = TlsStream::new(connection, socket);
            insist(|| stream.handshake());
            stream.get_ref().timeouts(timeouts[side]);
            match halves[side] {
                true => in_halves(stream, seed, sent, &expected),
                false => in_turn(stream, seed, &sent, &expected),
            }
            done.send(side).unwrap();
        });
    }
    drop(done);
    for _ in 0..2 {
        match is_done.recv_timeout(Duration::from_secs(60)) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => panic!("stuck: halves {halves:?}, timeouts {timeouts:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("a side failed: halves {halves:?}, timeouts {timeouts:?}")
            }
        }
    }
}

#[test]
fn over_tcp() {
    scripts(6, script::<TcpStream>);
}

#[cfg(unix)]
#[test]
fn over_sockets_of_unix() {
    scripts(6, script::<std::os::unix::net::UnixStream>);
}
