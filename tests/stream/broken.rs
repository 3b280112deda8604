//! A direction that does not go on, for now or for ever: what was taken is
//! reported, and what was received is read.

use super::*;

const AGAIN: [ErrorKind; 2] = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
const ALL: [ErrorKind; 5] = [
    ErrorKind::WouldBlock,
    ErrorKind::TimedOut,
    ErrorKind::BrokenPipe,
    ErrorKind::ConnectionReset,
    ErrorKind::Other,
];

/// A client whose stream has moods, connected.
fn moody() -> (TlsStream<Moody<Pipe>>, TlsStream<Pipe>, Arc<std::sync::Mutex<Mood>>) {
    let (a, b) = pipe();
    let (client, server) = connected_over(client_config(), Moody::new(a), b);
    let mood = client.get_ref().mood.clone();
    (client, server, mood)
}

/// Both ways of refusing what was written.
fn refusals() -> impl Iterator<Item = Mood> {
    ALL.into_iter().flat_map(|kind| {
        let refused = Some(kind);
        [Mood { write: refused, ..Mood::default() }, Mood { flush: refused, ..Mood::default() }]
    })
}

/// It is told what it took, and what came then by the next call, which takes nothing.
fn writes_once(writer: &mut impl Write, mood: &std::sync::Mutex<Mood>, refusal: Mood) {
    let kind = refusal.write.or(refusal.flush).unwrap();
    *mood.lock().unwrap() = refusal;
    assert_eq!(writer.write(b"once").unwrap(), 4, "{kind}");
    assert_eq!(writer.write(b"twice").unwrap_err().kind(), kind);
    assert_eq!(writer.flush().unwrap_err().kind(), kind);
    *mood.lock().unwrap() = Mood::default();
    writer.flush().unwrap();
}

#[test]
fn what_was_taken_is_reported() {
    for refusal in refusals() {
        let (mut client, mut server, mood) = moody();
        // The peer asks for a KeyUpdate, which goes before.
        server.connection_mut().update_keys(true).unwrap();
        server.write_all(b"?").unwrap();
        client.read_exact(&mut [0]).unwrap();
        writes_once(&mut client, &mood, refusal);
        let mut got = [0; 4];
        server.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"once");
        drop(client);
        assert!(matches!(error(server.read(&mut got)).1, Error::Truncated));
    }
}

#[test]
fn what_a_half_took_is_reported() {
    for refusal in refusals() {
        let (client, mut server, mood) = moody();
        let writer_mood = mood.clone();
        let (mut reader, mut writer) =
            client.split(|moody| Ok(Moody { stream: moody.stream.writer(), mood: writer_mood })).unwrap();
        server.connection_mut().update_keys(true).unwrap();
        server.write_all(b"?").unwrap();
        reader.read_exact(&mut [0]).unwrap();
        writes_once(&mut writer, &mood, refusal);
        writer.close().unwrap();
        let mut got = String::new();
        server.read_to_string(&mut got).unwrap();
        assert_eq!(got, "once");
    }
}

/// The end is said once, however often the stream refuses it.
#[test]
fn a_close_that_was_refused_goes_on() {
    for refusal in refusals() {
        let kind = refusal.write.or(refusal.flush).unwrap();
        let (mut client, mut server, mood) = moody();
        *mood.lock().unwrap() = refusal;
        for _ in 0..2 {
            assert_eq!(client.close().unwrap_err().kind(), kind);
        }
        *mood.lock().unwrap() = Mood::default();
        client.close().unwrap();
        server.get_mut().impatient = true;
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    }
}

/// A peer that answers early and reads no further is heard: its data, and the end.
#[test]
fn an_early_answer_is_read() {
    for refusal in refusals() {
        let (mut client, mut server, mood) = moody();
        server.write_all(b"early answer").unwrap();
        server.close().unwrap();
        *mood.lock().unwrap() = refusal;
        assert_eq!(client.write(b"a long question").unwrap(), 15);
        let mut got = String::new();
        client.read_to_string(&mut got).unwrap();
        assert_eq!(got, "early answer");
    }
}

/// Neither direction's error comes before data that the stream gave before.
#[test]
fn what_has_arrived_is_read_before_an_error() {
    fn reads(stream: &mut impl Read, kind: ErrorKind) {
        let mut got = [0; 5];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"netwo", "{kind}");
        assert_eq!(stream.read(&mut got).unwrap_err().kind(), kind);
    }
    for kind in ALL {
        for halves in [false, true] {
            let (mut client, mut server, mood) = moody();
            server.write_all(b"one").unwrap();
            server.write_all(b"two").unwrap();
            client.read_exact(&mut [0]).unwrap();
            let refusal = Some(kind);
            *mood.lock().unwrap() = Mood { read: refusal, write: refusal, flush: refusal };
            if halves {
                let writers = mood.clone();
                let writer = |moody: &Moody<Pipe>| Ok(Moody { stream: moody.stream.writer(), mood: writers });
                let (mut reader, mut writer) = client.split(writer).unwrap();
                assert_eq!(writer.write(b"x").unwrap(), 1);
                reads(&mut reader, kind);
            } else {
                assert_eq!(client.write(b"x").unwrap(), 1);
                reads(&mut client, kind);
            }
        }
    }
}

/// A server refuses the client after the client's handshake is complete, and
/// closes: the client's next write breaks, and reading tells the server's reason.
#[test]
fn the_last_words_of_a_peer() {
    let (a, b) = pipe();
    let (mut stream, (_, server_error)) = both(
        move || {
            let mut stream = client(client_config(), a);
            stream.handshake_with(trusting).unwrap();
            stream
        },
        move || {
            let config = server_config().client_auth(ClientAuth::Require(Judge::Application));
            error(server(config, b).handshake())
        },
    );
    assert_eq!(server_error.fault(), Some(Fault::CertificateRequired));
    assert_eq!(stream.write(b"hello").unwrap(), 5);
    assert_eq!(stream.write(b"hello").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let description = AlertDescription::CERTIFICATE_REQUIRED;
    for result in [stream.read(&mut [0; 9]), stream.read(&mut [0; 9]), stream.write(b"hello")] {
        let (kind, found) = error(result);
        assert_eq!(kind, ErrorKind::ConnectionAborted);
        assert!(matches!(found, Error::AlertReceived { description: d, .. } if d == description), "{found}");
    }
}

/// The peer takes nothing more, and says nothing: only a read waits for it.
#[cfg(unix)]
#[test]
fn a_write_does_not_wait_for_the_peer_to_speak() {
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;
    let (a, b) = UnixStream::pair().unwrap();
    let ((deaf, is_deaf), (done, is_done)) = (mpsc::channel(), mpsc::channel());
    both(
        move || {
            let mut stream = client(client_config(), a);
            stream.handshake_with(trusting).unwrap();
            is_deaf.recv().unwrap();
            assert_eq!(stream.write(b"hello").unwrap(), 5);
            assert_eq!(stream.write(b"hello").unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert_eq!(stream.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert_eq!(stream.close().unwrap_err().kind(), ErrorKind::BrokenPipe);
            done.send(()).unwrap();
            let mut got = String::new();
            stream.read_to_string(&mut got).unwrap();
            assert_eq!(got, "at last");
        },
        move || {
            let mut stream = server(server_config(), b);
            stream.handshake().unwrap();
            stream.get_ref().shutdown(Shutdown::Read).unwrap();
            deaf.send(()).unwrap();
            is_done.recv_timeout(Duration::from_secs(50)).expect("the client's write waits");
            stream.write_all(b"at last").unwrap();
            stream.close().unwrap();
        },
    );
}

#[test]
fn errors_of_the_stream_are_passed_on() {
    let (a, b) = pipe();
    both(
        move || {
            let mut stream = client(client_config(), Moody::new(a));
            let mood = stream.get_ref().mood.clone();
            let set = |read, write| *mood.lock().unwrap() = Mood { read, write, flush: None };
            for kind in [ErrorKind::TimedOut, ErrorKind::Other] {
                set(None, Some(kind));
                assert_eq!(stream.handshake().unwrap_err().kind(), kind);
                set(None, None);
            }
            for kind in AGAIN {
                set(Some(kind), None);
                assert_eq!(stream.handshake().unwrap_err().kind(), kind);
            }
            set(None, None);
            stream.handshake_with(trusting).unwrap();
            for kind in ALL {
                set(Some(kind), None);
                assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), kind);
            }
            set(None, None);
            stream.write_all(b"he").unwrap();
            drop(stream.into_inner());
        },
        move || {
            let mut stream = server(server_config(), b);
            stream.read_exact(&mut [0; 2]).unwrap();
            assert!(matches!(error(stream.read(&mut [0; 9])).1, Error::Truncated));
        },
    );
}

/// A handshake whose flight is held up says so once; a caller who comes again lets
/// it read, for the peer may be writing, too.
#[test]
fn a_handshake_that_is_held_up_reads() {
    for kind in AGAIN {
        let (a, mut b) = pipe();
        b.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let mut stream = client(client_config(), Moody::new(a));
        stream.get_mut().mood.lock().unwrap().write = Some(kind);
        assert_eq!(stream.handshake().unwrap_err().kind(), kind);
        assert!(matches!(error(stream.handshake()).1, Error::NotTls { .. }));
    }
}

#[test]
fn a_stream_that_takes_nothing() {
    /// It always takes 0 bytes.
    struct Full;
    impl Read for Full {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }
    }
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(client(client_config(), Full).flush().unwrap_err().kind(), ErrorKind::WriteZero);
}
