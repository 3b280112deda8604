//! A server whose configuration is chosen when the ClientHello is there: what comes
//! before it, or in its place, fails as on any server, to the byte.

use handfast::observe::{Direction, Observed, Observer};
use handfast::pki::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, Verifier};
use handfast::wire::{Message, NamedGroup, ProtocolVersion};
use handfast::{
    AlertDescription, Answer, ClientAuth, ClientConfig, Connection, Error, Event, Identity, Judge,
    OwnedQuestion, Question, ServerConfig, limits,
};
use std::sync::{Arc, Mutex};

fn identity(name: &str) -> (CertificateDer<'static>, Identity) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    (certificate.clone(), Identity::new(vec![certificate], &key).unwrap())
}

fn server() -> ServerConfig {
    ServerConfig::new(identity("a.example").1, UnixTime::now)
}

fn client() -> ClientConfig {
    ClientConfig::new(Judge::Application, UnixTime::now)
        .groups(&[NamedGroup::X25519])
        .unwrap()
        .alpn(&[b"h2", b"http/1.1"])
        .unwrap()
}

fn hello_of(config: ClientConfig) -> Vec<u8> {
    let name = ServerName::try_from("a.example").unwrap();
    Connection::client(&Arc::new(config), name).unwrap().pending().to_vec()
}

/// The records of this handshake message, with so many bytes in each.
fn fragments(message: &[u8], each: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let [high, low] = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[22, 3, 1, high, low], part].concat()
    };
    message.chunks(each).flat_map(record).collect()
}

/// What became of a server: why it failed, where it failed; what it says, as far as it
/// is not chance; what it asks.
#[derive(Debug, PartialEq)]
struct Outcome {
    error: Option<String>,
    alert: Option<AlertDescription>,
    says: Vec<u8>,
    asked: bool,
}

/// Feeds these bytes, so many at once, and perhaps the end.
fn outcome(
    mut connection: Connection,
    config: &Arc<ServerConfig>,
    bytes: &[u8],
    each: usize,
    end: bool,
) -> Outcome {
    let (mut asked, mut rest) = (false, bytes);
    let error = loop {
        match connection.next() {
            Err(error) => break Some(error),
            Ok(Event::Ask(Question::Configuration { hello, message })) => {
                assert!(!asked && hello.random.len() == 32 && bytes.len() >= message.len());
                asked = true;
                connection.answer(Answer::Configuration(config.clone())).unwrap_or_else(drop);
            }
            Ok(Event::NeedInput) => {
                let n = rest.len().min(each);
                if n == 0 {
                    if !end {
                        break None;
                    }
                    connection.filled_eof();
                    continue;
                }
                let mut space = connection.space().unwrap();
                let n = n.min(space.len());
                space[..n].copy_from_slice(&rest[..n]);
                space.filled(n);
                rest = &rest[n..];
            }
            Ok(other) => panic!("{other:?}"),
        }
    };
    let says = connection.pending();
    // An alert in the clear is compared; a flight is another each time.
    let says = if says.first() == Some(&21) { says } else { says.get(..3).unwrap_or_default() }.to_vec();
    let alert = error.as_ref().and_then(Error::alert);
    Outcome { error: error.map(|error| error.to_string()), alert, says, asked }
}

/// The same as on a server that has its configuration; whether it was asked for.
fn same(config: &Arc<ServerConfig>, bytes: &[u8], each: usize, end: bool) -> bool {
    let plain = outcome(Connection::server(config), config, bytes, each, end);
    let asking = outcome(Connection::server_asking(None), config, bytes, each, end);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    assert_eq!(Outcome { asked: false, ..asking }, plain, "{shown:?}, {} bytes, {each} at once", bytes.len());
    asking.asked
}

#[test]
fn a_hello_cut_anywhere() {
    let config = Arc::new(server());
    let hello = hello_of(client());
    for end in 0..hello.len() {
        assert!(!same(&config, &hello[..end], usize::MAX, true), "{end}");
    }
    // In two reads, and byte by byte.
    for each in 1..=hello.len() {
        assert!(same(&config, &hello, each, false), "{each}");
    }
    // In records of so many bytes.
    for each in 1..hello.len() - 5 {
        assert!(same(&config, &fragments(&hello[5..], each), usize::MAX, false), "{each}");
    }
}

#[test]
fn a_hello_with_each_byte_altered() {
    let config = Arc::new(server());
    let hello = hello_of(client());
    let mut asked = 0;
    for at in 0..hello.len() {
        for mask in [1, 0x80] {
            let mut altered = hello.clone();
            altered[at] ^= mask;
            asked += usize::from(same(&config, &altered, usize::MAX, true));
        }
    }
    assert!((100..2 * hello.len() - 20).contains(&asked), "{asked}");
}

#[test]
fn what_is_no_hello() {
    let config = Arc::new(server());
    let hello = hello_of(client());
    let long = [&[1, 1, 0, 0][..], &[0; 0x1_0000]].concat();
    let change_cipher_spec = [&[20, 3, 3, 0, 1, 1][..], &hello].concat();
    let warned = [&[21, 3, 1, 0, 2, 1, 90][..], &hello].concat();
    let twice = [&hello[..], &hello].concat();
    for (bytes, asked) in [
        (&b""[..], false),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", false),
        (b"SSH-2.0-OpenSSH_9.9\r\n", false),
        (b"\x80\x2e\x01\x00\x02", false),
        (&[0; 40], false),
        (&fragments(&long, 0x4000), false),
        (&fragments(&[0, 0, 0, 0], 4), false),
        (&fragments(&[2, 0, 0, 1, 7], 5), false),
        (&fragments(&[99, 0, 0, 1, 7], 5), false),
        (&fragments(&[1, 0, 0, 3, 3, 3, 3], 7), false),
        (&[22, 3, 1, 0, 0], false),
        (&[23, 3, 3, 0, 1, 7], false),
        (&[21, 3, 1, 0, 2, 2, 40], false),
        (&[21, 3, 1, 0, 2, 1, 0], false),
        (&change_cipher_spec, false),
        (&warned, true),
        (&twice, true),
    ] {
        for each in [1, 7, usize::MAX] {
            for end in [false, true] {
                assert_eq!(same(&config, bytes, each, end), asked, "{bytes:?}");
            }
        }
    }
}

/// What the configuration forbids fails as it does where it was there before.
#[test]
fn a_configuration_that_does_not_fit() {
    let hello = hello_of(client());
    for config in [
        server().versions(&[ProtocolVersion::TLS12]).unwrap(),
        server().groups(&[NamedGroup::SECP384R1]).unwrap(),
        server().alpn(&[b"smtp"]).unwrap().require_alpn(),
        server().require_server_name(),
        ServerConfig::asking_for_certificates(UnixTime::now),
    ] {
        let config = Arc::new(config);
        let outcomes =
            [Connection::server(&config), Connection::server_asking(None)].map(|mut connection| {
                feed(&mut connection, &hello);
                loop {
                    match connection.next() {
                        Ok(Event::Ask(Question::Configuration { .. })) => {
                            let _told_by_next = connection.answer(Answer::Configuration(config.clone()));
                        }
                        Ok(event) => break format!("{event:?}"),
                        Err(error) => break error.to_string(),
                    }
                }
            });
        assert_eq!(outcomes[0], outcomes[1]);
    }
}

fn feed(connection: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut space = connection.space().unwrap();
        let n = space.len().min(bytes.len());
        space[..n].copy_from_slice(&bytes[..n]);
        space.filled(n);
        bytes = &bytes[n..];
    }
}

/// A message as long as one may be, in fragments of one byte, comes through; the
/// records cost what they are long.
#[test]
fn the_longest_hello() {
    let hello = hello_of(client());
    let message = &hello[5..];
    // Its last extension, and the lengths that enclose it.
    let more = limits::HANDSHAKE_MESSAGE - message.len();
    let extension = [&0xfafa_u16.to_be_bytes()[..], &u16::try_from(more - 4).unwrap().to_be_bytes()].concat();
    let session = usize::from(message[38]);
    let suites = 39 + session;
    let methods = suites + 2 + usize::from(u16::from_be_bytes([message[suites], message[suites + 1]]));
    let block = methods + 1 + usize::from(message[methods]);
    let mut long = message.to_vec();
    let length = u16::from_be_bytes([long[block], long[block + 1]]) + u16::try_from(more).unwrap();
    long[block..block + 2].copy_from_slice(&length.to_be_bytes());
    long.extend(extension);
    long.resize(limits::HANDSHAKE_MESSAGE, 7);
    let body = u32::try_from(long.len() - 4).unwrap().to_be_bytes();
    long[1..4].copy_from_slice(&body[1..]);
    Message::decode(&long, handfast::wire::Form::Tls13).unwrap();
    let config = Arc::new(server());
    assert!(same(&config, &fragments(&long, 1), usize::MAX, false));
    assert!(same(&config, &fragments(&long, 0x4000), 1_000, false));
}

#[test]
fn the_hello_chooses_and_the_handshake_goes_on() {
    let (certificate, members) = identity("a.example");
    let judge = Verifier::exactly(identity("client").0);
    let members = ServerConfig::new(members, UnixTime::now)
        .client_auth(ClientAuth::Require(judge.into()))
        .alpn(&[b"http/1.1"])
        .unwrap();
    let config = ClientConfig::new(Verifier::exactly(certificate), UnixTime::now).alpn(&[b"h2", b"http/1.1"]);
    let name = ServerName::try_from("a.example").unwrap();
    let mut client = Connection::client(&Arc::new(config.unwrap()), name).unwrap();
    let mut server = Connection::server_asking(None);
    let sent = client.pending().to_vec();
    client.sent(sent.len());
    feed(&mut server, &sent);
    let Ok(Event::Ask(question)) = server.next() else { panic!() };
    let OwnedQuestion::Configuration(hello) = question.into_owned() else { panic!() };
    assert_eq!((hello.server_name.as_deref(), &hello.message[..]), (Some("a.example"), &sent[5..]));
    assert_eq!(hello.alpn, [&b"h2"[..], b"http/1.1"]);
    assert_eq!(hello.versions, [ProtocolVersion::TLS13, ProtocolVersion::TLS12]);
    assert!(!hello.cipher_suites.is_empty() && !hello.signature_schemes.is_empty());
    // Another answer harms nothing, and it asks again.
    assert!(matches!(server.answer(Answer::NoCertificate), Err(Error::Misuse(_))));
    server.answer(Answer::Configuration(Arc::new(members))).unwrap();
    assert!(matches!(server.next(), Ok(Event::NeedInput)));
    let flight = server.pending().to_vec();
    feed(&mut client, &flight);
    // A client without a certificate gets no further.
    assert!(matches!(client.next(), Ok(Event::HandshakeDone)));
    assert_eq!(client.info().alpn.as_deref(), Some(&b"http/1.1"[..]));
    let flight = client.pending().to_vec();
    feed(&mut server, &flight);
    assert_eq!(server.next().unwrap_err().alert(), Some(AlertDescription::CERTIFICATE_REQUIRED));
}

/// What a configuration says of records holds for a connection that got it late.
#[test]
fn records_are_as_the_configuration_says() {
    let (certificate, identity) = identity("a.example");
    let config = ServerConfig::new(identity, UnixTime::now).largest_record(512).unwrap();
    let client = ClientConfig::new(Verifier::exactly(certificate), UnixTime::now);
    let name = ServerName::try_from("a.example").unwrap();
    let mut client = Connection::client(&Arc::new(client), name).unwrap();
    let mut server = Connection::server_asking(None);
    let config = Arc::new(config);
    for _ in 0..3 {
        let (said, heard) = (client.pending().to_vec(), server.pending().to_vec());
        client.sent(said.len());
        server.sent(heard.len());
        feed(&mut server, &said);
        feed(&mut client, &heard);
        if let Ok(Event::Ask(_)) = server.next() {
            server.answer(Answer::Configuration(config.clone())).unwrap();
        }
        assert!(client.next().is_ok() && server.next().is_ok());
    }
    assert!(!server.is_handshaking());
    server.sent(server.pending().len());
    assert_eq!(server.send(&[7; 2_000]).unwrap(), 2_000);
    assert_eq!(server.pending()[3..5], 529_u16.to_be_bytes());
}

struct Heard(Mutex<Vec<(bool, usize)>>);

impl Observer for Heard {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Message { direction, bytes, .. } = event {
            self.0.lock().unwrap().push((matches!(direction, Direction::In), bytes.len()));
        }
    }
}

/// The configuration's observers hear the ClientHello though it came before; the
/// connection's own hears it once.
#[test]
fn observers_that_come_with_the_configuration() {
    let [own, other] = [(); 2].map(|()| Arc::new(Heard(Mutex::new(Vec::new()))));
    let config = Arc::new(server().observer(other.clone()));
    let mut server = Connection::server_asking(Some(own.clone()));
    let hello = hello_of(client());
    feed(&mut server, &hello);
    assert!(matches!(server.next(), Ok(Event::Ask(_))));
    server.answer(Answer::Configuration(config)).unwrap();
    let (own, other) = (own.0.lock().unwrap(), other.0.lock().unwrap());
    assert_eq!(own[0], (true, hello.len() - 5));
    assert!(own.len() > 3 && own[..] == other[..], "{own:?} {other:?}");
}

#[test]
fn a_client_is_refused_with_an_alert() {
    let mut server = Connection::server_asking(None);
    feed(&mut server, &hello_of(client()));
    assert!(matches!(server.next(), Ok(Event::Ask(Question::Configuration { .. }))));
    server.abort(AlertDescription::UNRECOGNIZED_NAME);
    assert!(matches!(server.next(), Err(Error::Aborted { .. })));
    assert_eq!(server.pending(), [21, 3, 3, 0, 2, 2, 112]);
}
