//! What befalls an adapter only after more than a test can send.

use crate::config::{ClientConfig, ServerConfig};
use crate::error::Error;
use crate::identity::Identity;
use crate::io::TlsStream;
use crate::limits;
use crate::pki::{ServerName, UnixTime, Verifier};
use crate::wire::ProtocolVersion;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

const FULL: usize = limits::RECORD_PLAINTEXT;

/// A pair of TLS 1.2, in one thread.
fn connected() -> (TlsStream<UnixStream>, TlsStream<UnixStream>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let identity = Identity::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    let client = ClientConfig::new(Verifier::exactly(made.cert.der().clone()), UnixTime::now);
    let client = client.versions(&[ProtocolVersion::TLS12]).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = TlsStream::client(&Arc::new(client), name, near).unwrap();
    let mut server = TlsStream::server(&Arc::new(ServerConfig::new(identity, UnixTime::now)), far);
    let later = |error: io::Error| assert_eq!(error.kind(), ErrorKind::WouldBlock);
    while client.connection().is_handshaking() || server.connection().is_handshaking() {
        client.handshake().unwrap_or_else(later);
        server.handshake().unwrap_or_else(later);
    }
    (client, server)
}

/// The records that the key may protect are taken, and the next write says why
/// there are no others.
fn uses_up(writer: &mut impl Write) {
    assert_eq!(writer.write(&[7; 3 * FULL]).unwrap(), 2 * FULL);
    for _ in 0..2 {
        let error = writer.write(b"more").unwrap_err();
        assert!(matches!(Error::of_io(&error), Some(Error::KeyUsedUp)), "{error}");
        assert_eq!(error.kind(), ErrorKind::Other);
    }
    writer.flush().unwrap();
}

/// The peer has it all, and a clean end; the other direction goes on.
fn hears(server: &mut TlsStream<UnixStream>) {
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert!(got == [7; 2 * FULL]);
    server.write_all(b"answer").unwrap();
    server.close().unwrap();
}

fn has_answer(reader: &mut impl Read) {
    let mut got = String::new();
    reader.read_to_string(&mut got).unwrap();
    assert_eq!(got, "answer");
}

#[test]
fn a_key_that_is_used_up() {
    let (mut client, mut server) = connected();
    client.connection_mut().leave_records(2);
    uses_up(&mut client);
    hears(&mut server);
    has_answer(&mut client);
    client.close().unwrap();

    let (mut client, mut server) = connected();
    client.connection_mut().leave_records(2);
    let (mut reader, mut writer) = client.split(UnixStream::try_clone).unwrap();
    uses_up(&mut writer);
    hears(&mut server);
    has_answer(&mut reader);
    writer.close().unwrap();
}
