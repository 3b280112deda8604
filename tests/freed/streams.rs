//! Connections inside of adapters: moved, dropped, in halves.

use super::talk::connections;
use super::*;
use handfast::TlsStream;
use needles::DATA;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

type Streams = (TlsStream<UnixStream>, TlsStream<UnixStream>);

/// Over sockets that do not wait, for both are served by one thread.
fn streams(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, needles: &Arc<Needles>) -> Streams {
    let (client, server) = connections(client, NAME, server, needles);
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (TlsStream::new(client, a), TlsStream::new(server, b))
}

fn shaken((mut client, mut server): Streams) -> Streams {
    let later = |error: io::Error| assert_eq!(error.kind(), ErrorKind::WouldBlock);
    while client.connection().is_handshaking() || server.connection().is_handshaking() {
        client.handshake().unwrap_or_else(later);
        server.handshake().unwrap_or_else(later);
    }
    (client, server)
}

/// To the heap and back, and so far as the first flights go.
fn moved((client, server): Streams) -> Streams {
    let (mut client, mut server) = (*Box::new(client), *Box::new(server));
    for stream in [&mut client, &mut server] {
        let _it_waits_for_the_other = stream.handshake();
    }
    let mut both = vec![client];
    both.push(server);
    let (server, client) = (both.pop(), both.pop());
    (client.unwrap(), server.unwrap())
}

fn read_data(from: &mut impl Read) {
    let mut got = [0; DATA.len()];
    from.read_exact(&mut got).unwrap();
    assert_eq!(got, DATA);
}

/// The adapters add nothing of their own, wherever they are moved.
#[test]
fn streams_that_are_moved() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let needles = Arc::new(Needles::default());
        let client = Arc::new(client().versions(&[version]).unwrap());
        let server = Arc::new(with_tickets(&needles));
        let freed = freed_by(|| {
            // In mid-handshake, connected, and in halves.
            drop(moved(streams(&client, &server, &needles)));
            drop(moved(shaken(moved(streams(&client, &server, &needles)))));
            let (client, server) = shaken(streams(&client, &server, &needles));
            let (mut reader, writer) = (*Box::new(client)).split(UnixStream::try_clone).unwrap();
            let (back, mut forth) = (*Box::new(server)).split(UnixStream::try_clone).unwrap();
            forth.write_all(DATA).unwrap();
            read_data(&mut reader);
            let (mut reader, mut writer, mut back) = (*Box::new(reader), *Box::new(writer), *Box::new(back));
            if version == ProtocolVersion::TLS13 {
                writer.update_keys(true).unwrap();
            }
            writer.write_all(DATA).unwrap();
            read_data(&mut back);
            forth.write_all(DATA).unwrap();
            read_data(&mut reader);
        });
        is_clean(&format!("streams: {version}"), &freed, &needles);
    }
}
