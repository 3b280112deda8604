//! Writes the seeds into `corpus/`:
//! `RUSTFLAGS="--cfg fuzzing" cargo run --manifest-path fuzz/Cargo.toml --example seeds`

#[path = "../bodies.rs"]
mod bodies;

use handfast::observe::{Observed, Observer};
use handfast::pki::{Certificate, ServerName, UnixTime};
use handfast::wire::{NamedGroup, ProtocolVersion};
use handfast::{ClientConfig, ClientOptions, ClientSessions, Connection, Event, ServerConfig, TicketKeys};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for ((target, name), bytes) in seeds() {
        std::fs::create_dir_all(folder.join(target)).unwrap();
        std::fs::write(folder.join(target).join(name), bytes).unwrap();
    }
}

type Seeds = BTreeMap<(&'static str, String), Vec<u8>>;

fn seeds() -> Seeds {
    let mut seeds = Seeds::new();
    let mut add = |target, name: &str, bytes: Vec<u8>| drop(seeds.insert((target, name.to_owned()), bytes));
    let versions = [("tls13", ProtocolVersion::TLS13), ("tls12", ProtocolVersion::TLS12)];
    for (name, version) in versions {
        // The target's own client, so that what the server said fits it.
        let config = ServerConfig::clone(&bodies::SERVER).versions(&[version]).unwrap();
        let heard = Arc::new(Heard::default());
        let (client, server) = converse(ClientConfig::clone(&bodies::CLIENT), config, heard.clone());
        // In fuzzing all randomness is the same, so that this is another handshake's.
        let mut again = bodies::new_client();
        give(&mut again, &server);
        assert!(!again.is_handshaking(), "cfg(fuzzing) is not set, and the seeds of the client lead nowhere");
        for (index, message) in heard.0.lock().unwrap().drain(..).enumerate() {
            add("messages", &format!("{name}-{index:02}-type-{}", message[0]), message);
        }
        add("server", name, scripted(&client));
        add("client", name, [&[0xff; 4], server.as_slice()].concat());
        add("client", &format!("{name}-messages"), scripted(&server));
        add("records", &format!("{name}-client"), [&[3], client.as_slice()].concat());
        add("records", &format!("{name}-server"), [&[0xc0], server.as_slice()].concat());
        add("sessions", name, exported(version));
    }
    add("sessions", "none", ClientSessions::new().export(UnixTime::now()).as_ref().to_vec());
    let config =
        ClientConfig::clone(&bodies::CLIENT).groups(&[NamedGroup::SECP384R1, NamedGroup::X25519]).unwrap();
    let heard = Arc::new(Heard::default());
    let (client, server) = converse(config, ServerConfig::clone(&bodies::SERVER), heard.clone());
    let request = heard.0.lock().unwrap()[1].clone();
    add("messages", "tls13-retry-type-2", request);
    add("server", "retry", scripted(&client));
    add("client", "retry", scripted(&server));
    add("records", "alert", vec![0x81, 21, 3, 3, 0, 2, 2, 40]);
    add("records", "http", b"\x85HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    add("records", "change-cipher-spec", vec![1, 20, 3, 3, 0, 1, 1, 20, 3, 3, 0, 1, 1]);
    add("records", "empty", [&[9][..], &[22, 3, 3, 0, 0]].concat());

    add("conversation", "quiet", vec![0]);
    add("conversation", "quiet-tls12", vec![1]);
    add("conversation", "flip", vec![0, 0, 1, 4]);
    add("conversation", "data", [&[0][..], &[9; 8], &[3, 9, 3, 200, 4, 1, 3, 9, 5, 3, 9, 6, 6]].concat());
    add("conversation", "data-tls12", [&[1][..], &[9; 8], &[3, 9, 3, 200, 5, 3, 9, 6, 6]].concat());
    add("conversation", "data-flip", [&[0][..], &[9; 8], &[3, 9, 0, 3, 1]].concat());

    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let read = |name: &str| std::fs::read(fixtures.join(name)).unwrap();
    add("certificates", "authority", read("authority.der"));
    add("certificates", "leaf", read("leaf.der"));
    add("readers", "authority", read("authority.der"));
    add("readers", "leaf", read("leaf.der"));
    let every = every_form();
    assert_eq!(Certificate::read(&every).unwrap().names().count(), 9);
    add("readers", "every-form", every);
    let pem = |label: &str, der: &[u8]| {
        let encoded = base64(der);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    let (leaf, key) = (pem("CERTIFICATE", &read("leaf.der")), pem("PRIVATE KEY", &read("leaf.key.der")));
    add("pem", "leaf-and-key", format!("{leaf}{key}").into_bytes());
    add("pem", "encrypted", pem("ENCRYPTED PRIVATE KEY", &[0x30, 0]).into_bytes());
    add("pem", "der", read("leaf.der"));

    for (name, seed) in [
        ("same", "server.example\x00server.example"),
        ("wildcard", "a.server.example\x00*.server.example"),
        ("address", "192.0.2.1\x00192.0.2.1"),
        ("address6", "2001:db8::1\x00x"),
        ("case", "SERVER.example\x00server.EXAMPLE."),
        ("punycode", "xn--bcher-kva.example\x00*.example"),
    ] {
        add("names", name, seed.as_bytes().to_vec());
    }
    seeds
}

/// A certificate with every form of name, both unique identifiers, and each
/// extension in which something is read; its signature fits no key.
fn every_form() -> Vec<u8> {
    let tlv = bodies::tlv;
    let list = |parts: &[Vec<u8>]| tlv(0x30, &parts.concat());
    let oid = |content: &[u8]| tlv(6, content);
    let id_pe = |number: u8| oid(&[0x2b, 6, 1, 5, 5, 7, 1, number]);
    let extension = |oid: Vec<u8>, value: &[u8]| list(&[oid, tlv(4, value)]);
    let name = list(&[tlv(0x31, &list(&[oid(&[0x55, 4, 3]), tlv(0x0c, b"x")]))]);
    let names = [
        tlv(0x81, b"a@example.com"),
        tlv(0x82, b"*.example.com"),
        tlv(0x86, b"https://example.com/"),
        tlv(0x87, &[192, 0, 2, 1]),
        tlv(0x88, &[0x2a, 3, 4]),
        tlv(0xa0, &[oid(&[0x2a, 3]), tlv(0xa0, &[5, 0])].concat()),
        tlv(0xa3, &[0x30, 0]),
        tlv(0xa4, &name),
        tlv(0xa5, &[0x80, 1, b'x']),
    ];
    let id_ce: [(u8, Vec<u8>); 13] = [
        (14, tlv(4, &[7; 20])),
        (15, vec![3, 2, 1, 6]),
        (17, list(&names)),
        (18, list(&names)),
        (19, list(&[vec![1, 1, 0xff], vec![2, 1, 3]])),
        (30, list(&[tlv(0xa0, &list(&[tlv(0x82, b"example.com")]))])),
        (31, list(&[list(&[tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"http://a")))])])),
        (32, list(&[list(&[oid(&[0x55, 0x1d, 32, 0])])])),
        (33, list(&[list(&[oid(&[0x2a, 3]), oid(&[0x2a, 4])])])),
        (35, list(&[tlv(0x80, &[7; 20]), tlv(0xa1, &tlv(0xa4, &name)), tlv(0x82, &[1])])),
        (36, list(&[vec![0x80, 1, 3], vec![0x81, 1, 0]])),
        (37, list(&[oid(&[0x55, 0x1d, 37, 0]), oid(&[0x2b, 6, 1, 5, 5, 7, 3, 1])])),
        (54, vec![2, 1, 2]),
    ];
    let mut extensions: Vec<_> =
        id_ce.iter().map(|(number, value)| extension(oid(&[0x55, 0x1d, *number]), value)).collect();
    let access = list(&[oid(&[0x2b, 6, 1, 5, 5, 7, 48, 2]), tlv(0x86, b"http://a")]);
    extensions.push(extension(id_pe(1), &list(&[access])));
    extensions.push(extension(id_pe(24), &list(&[vec![2, 1, 5]])));
    extensions.push(extension(oid(&[0x2a, 3, 4]), &[5, 0]));
    let algorithm = list(&[oid(&[0x2b, 0x65, 0x70])]);
    let fields = [
        tlv(0xa0, &[2, 1, 2]),
        vec![2, 1, 1],
        algorithm.clone(),
        name.clone(),
        list(&[tlv(0x17, b"200101000000Z"), tlv(0x18, b"20600101000000Z")]),
        name,
        list(&[algorithm.clone(), tlv(3, &[&[0][..], &[9; 32]].concat())]),
        vec![0x81, 2, 0, 7],
        vec![0x82, 2, 1, 6],
        tlv(0xa3, &list(&extensions)),
    ];
    list(&[list(&fields), algorithm, tlv(3, &[&[0][..], &[1; 64]].concat())])
}

/// A store after a handshake.
fn exported(version: ProtocolVersion) -> Vec<u8> {
    let sessions = Arc::new(ClientSessions::new());
    let client = ClientConfig::clone(&bodies::CLIENT).versions(&[version]).unwrap();
    let server = ServerConfig::clone(&bodies::SERVER).tickets(TicketKeys::random());
    converse(client.sessions(sessions.clone()), server, Arc::default());
    let exported = sessions.export(bodies::now());
    assert!(exported.sessions() > 0);
    exported.as_ref().to_vec()
}

/// All messages of a handshake, as its client sends and receives them.
#[derive(Default)]
struct Heard(Mutex<Vec<Vec<u8>>>);

impl Observer for Heard {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Message { bytes, .. } = event {
            self.0.lock().unwrap().push(bytes.to_vec());
        }
    }
}

/// What each side of a handshake sends.
fn converse(client: ClientConfig, server: ServerConfig, heard: Arc<Heard>) -> (Vec<u8>, Vec<u8>) {
    let name = ServerName::try_from("server.example").unwrap();
    let mut options = ClientOptions::default();
    options.observer = Some(heard);
    let mut client = Connection::client_with(&Arc::new(client), name, options).unwrap();
    let mut server = Connection::server(&Arc::new(server));
    let (mut said_client, mut said_server) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        step(&mut client, &mut server, &mut said_client);
        step(&mut server, &mut client, &mut said_server);
    }
    (said_client, said_server)
}

fn step(from: &mut Connection, to: &mut Connection, said: &mut Vec<u8>) {
    let bytes = from.pending().to_vec();
    from.sent(bytes.len());
    said.extend(&bytes);
    give(to, &bytes);
}

fn give(to: &mut Connection, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(mut space) = to.space() else { break };
        let n = space.len().min(rest.len());
        space[..n].copy_from_slice(&rest[..n]);
        space.filled(n);
        rest = &rest[n..];
        while !matches!(to.next().unwrap(), Event::NeedInput) {}
    }
}

/// The handshake messages in unprotected records: those of TLS 1.2 up to the
/// keys, of TLS 1.3 the hellos.
fn plain_messages(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut rest = stream;
    let mut protected = false;
    while let Some((header, later)) = rest.split_first_chunk::<5>() {
        let (body, later) = later.split_at(usize::from(u16::from_be_bytes([header[3], header[4]])));
        rest = later;
        match header[0] {
            20 => protected = true,
            22 if header[1..3] == [3, 1] => protected = false,
            _ => {}
        }
        let mut body = if header[0] == 22 && !protected { body } else { &[] };
        while body.len() >= 4 {
            let length = 4 + u32::from_be_bytes([0, body[1], body[2], body[3]]) as usize;
            let (message, more) = body.split_at(length.min(body.len()));
            messages.push(message.to_vec());
            body = more;
        }
    }
    messages
}

/// The same as the targets `server` and `client` read them.
fn scripted(stream: &[u8]) -> Vec<u8> {
    let mut script = Vec::new();
    for message in plain_messages(stream) {
        let body = &message[4..];
        script.push(message[0]);
        script.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        script.extend(body);
    }
    script
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..1 + chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        for digit in 0..4 {
            match digit <= chunk.len() {
                true => out.push(char::from(DIGITS[(group >> (18 - 6 * digit)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}
