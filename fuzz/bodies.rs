//! What each fuzz target does with its bytes. Everything goes through the public
//! API; a finding is a panic, a hang, or a promise that does not hold.
//!
//! The targets in `fuzz_targets/` and the test `tests/fuzz_corpus.rs` share this
//! file.

use handfast::pki::{
    self, Certificate, CertificateDer, GeneralName, PrivateKeyDer, Purpose, Roots, Rule, ServerName,
    UnixTime, Verifier,
};
use handfast::wire::{Form, Message, NamedGroup, ProtocolVersion, Writer};
use handfast::{
    Answer, ClientAuth, ClientConfig, ClientSessions, Connection, Event, Identity, Question, ServerConfig,
    limits,
};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use x509_parser::extensions::GeneralName as TheirName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A target's name, which is its corpus's folder, and its body.
type Target = (&'static str, fn(&[u8]));

pub(crate) const TARGETS: [Target; 10] = [
    ("records", records),
    ("messages", messages),
    ("server", server),
    ("client", client),
    ("conversation", conversation),
    ("certificates", certificates),
    ("readers", readers),
    ("pem", pem),
    ("names", names),
    ("sessions", sessions),
];

const AUTHORITY: &[u8] = include_bytes!("fixtures/authority.der");
const LEAF: &[u8] = include_bytes!("fixtures/leaf.der");
const KEY: &[u8] = include_bytes!("fixtures/leaf.key.der");
const NAME: &str = "server.example";

pub(crate) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000))
}

fn verifier() -> Verifier {
    let mut roots = Roots::new();
    roots.add(CertificateDer::from(AUTHORITY)).unwrap();
    Verifier::web_pki(roots)
}

fn identity() -> Identity {
    Identity::new(vec![CertificateDer::from(LEAF)], &PrivateKeyDer::try_from(KEY).unwrap()).unwrap()
}

const QUICK: [NamedGroup; 2] = [NamedGroup::X25519, NamedGroup::SECP256R1];

pub(crate) static CLIENT: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let config = ClientConfig::new(verifier(), now).groups(&QUICK).unwrap();
    Arc::new(config.identity(identity()).alpn(&[b"h2", b"http/1.1"]).unwrap())
});

pub(crate) static SERVER: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
    let config = ServerConfig::new(identity(), now).groups(&QUICK).unwrap();
    let config = config.alpn(&[b"http/1.1"]).unwrap().retry_cookie([7; 32]).unwrap();
    Arc::new(config.client_auth(ClientAuth::Request(verifier().into())).ask_when_refused())
});

pub(crate) fn new_client() -> Connection {
    Connection::client(&CLIENT, ServerName::try_from(NAME).unwrap()).unwrap()
}

pub(crate) fn new_server() -> Connection {
    Connection::server(&SERVER)
}

/// How a connection stands after some input.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    error: Option<String>,
    done: bool,
    data: usize,
    pending: usize,
}

/// Feeds `bytes`, at most `step` at a time, and then perhaps the end.
fn feed(connection: &mut Connection, bytes: &[u8], step: usize, end: bool) -> Outcome {
    let mut outcome = Outcome { error: None, done: false, data: 0, pending: 0 };
    let mut rest = bytes;
    loop {
        while let Some(mut space) = connection.space()
            && !rest.is_empty()
        {
            let n = space.len().min(step).min(rest.len());
            space[..n].copy_from_slice(&rest[..n]);
            space.filled(n);
            rest = &rest[n..];
            if step < usize::MAX {
                break;
            }
        }
        if rest.is_empty() && end {
            connection.filled_eof();
        }
        let before = rest.len();
        if !drain(connection, &mut outcome) || rest.is_empty() {
            break;
        }
        assert!(
            connection.space().is_some() || rest.len() < before,
            "it needs input, and has no room for any"
        );
    }
    outcome.pending = connection.pending().len();
    // A failure is repeated, and says nothing new to the peer.
    if let Some(error) = &outcome.error {
        assert_eq!(connection.next().map(|_| ()).unwrap_err().to_string(), *error);
        assert_eq!(connection.pending().len(), outcome.pending);
    }
    outcome
}

/// Takes events until input is needed; false at the end or after a failure.
fn drain(connection: &mut Connection, outcome: &mut Outcome) -> bool {
    for _ in 0..100_000 {
        match connection.next() {
            Err(error) => {
                outcome.error = Some(error.to_string());
                return false;
            }
            Ok(Event::NeedInput) => return true,
            Ok(Event::Closed(_)) => return false,
            Ok(Event::HandshakeDone) => outcome.done = true,
            Ok(Event::Data(data)) => {
                let n = data.len();
                outcome.data += n;
                connection.consume(n);
            }
            Ok(Event::Ask(question)) => {
                let answer = match question {
                    Question::Refused { report } => {
                        assert!(!report.accepted() && !report.sentence().is_empty());
                        Answer::AcceptThisOnce("a fuzzer".into())
                    }
                    other => panic!("{other:?} is answered in memory"),
                };
                connection.answer(answer).ok();
            }
            Ok(other) => panic!("{other:?} is new"),
        }
    }
    panic!("100,000 events without a byte of input");
}

/// Record framing: what comes of bytes does not depend on how they are cut.
pub(crate) fn records(data: &[u8]) {
    let Some((&step, bytes)) = data.split_first() else { return };
    let end = step & 0x80 != 0;
    let step = usize::from(step & 0x7f).max(1);
    for make in [new_server, new_client] {
        let whole = feed(&mut make(), bytes, usize::MAX, end);
        let cut = feed(&mut make(), bytes, step, end);
        // How many of a stranger's first bytes are told depends on how many were there.
        let told = |outcome: Outcome| Outcome {
            error: outcome
                .error
                .map(|error| error.split("first bytes are").next().unwrap_or_default().into()),
            ..outcome
        };
        assert_eq!(told(whole), told(cut));
    }
}

/// Every message's decoder, in both forms: what is read is written again, and
/// then read as the same.
pub(crate) fn messages(data: &[u8]) {
    for form in [Form::Tls12, Form::Tls13] {
        let Ok(message) = Message::decode(data, form) else { continue };
        let _readable = format!("{message:?}");
        let written = encode(&message);
        let again =
            Message::decode(&written, form).unwrap_or_else(|fault| panic!("{fault:?} of {message:?}"));
        assert_eq!(again.body, message.body);
        assert_eq!(encode(&again), written);
    }
}

fn encode(message: &Message<'_>) -> Vec<u8> {
    let mut written = Vec::new();
    let mut writer = Writer::new(&mut written);
    message.body.encode(&mut writer);
    writer.finish().unwrap();
    written
}

/// `data` is cut into handshake messages, whose bodies a length of two bytes
/// precedes, each in records of its own: so that mutations reach the flows.
fn framed(data: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    let mut rest = data;
    while let Some(([kind, high, low], later)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(later.len());
        let (body, later) = later.split_at(length);
        rest = later;
        let [_, l1, l2, l3] = u32::try_from(length).unwrap().to_be_bytes();
        let message = [&[*kind, l1, l2, l3], body].concat();
        for part in message.chunks(1 << 14) {
            records.extend([22, 3, 3]);
            records.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            records.extend(part);
        }
    }
    records
}

/// A server and what a client might say.
pub(crate) fn server(data: &[u8]) {
    feed(&mut new_server(), &framed(data), usize::MAX, true);
}

/// A client and what a server might say: first framed messages, then, behind
/// four bytes of 0xff, anything.
pub(crate) fn client(data: &[u8]) {
    let cut = data.windows(4).position(|window| window == [0xff; 4]);
    let (messages, raw) = data.split_at(cut.unwrap_or(data.len()));
    let mut bytes = framed(messages);
    bytes.extend(raw.get(4..).unwrap_or_default());
    let mut connection = new_client();
    feed(&mut connection, &bytes, usize::MAX, true);
    connection.close();
}

/// A client and a server talk; `data` says what happens to their bytes on the
/// way, and what they do after the handshake. Nothing that was altered may
/// arrive as data.
pub(crate) fn conversation(data: &[u8]) {
    let mut script = data.iter().copied();
    let Some(first) = script.next() else { return };
    let (mut client, mut server) = match first & 1 {
        0 => (new_client(), new_server()),
        _ => {
            let old = ClientConfig::clone(&CLIENT).versions(&[ProtocolVersion::TLS12]).unwrap();
            let name = ServerName::try_from(NAME).unwrap();
            (Connection::client(&Arc::new(old), name).unwrap(), new_server())
        }
    };
    let mut altered = false;
    for turn in 0..64 {
        let (from, to) = match turn % 2 {
            0 => (&mut client, &mut server),
            _ => (&mut server, &mut client),
        };
        let mut bytes = from.pending().to_vec();
        from.sent(bytes.len());
        match script.next() {
            // An altered byte, a lost one, one too many; else nothing.
            Some(op @ 0..=2) if !bytes.is_empty() => {
                let at = usize::from(script.next().unwrap_or(0)) * 7 % bytes.len();
                match op {
                    0 => bytes[at] ^= script.next().unwrap_or(1).max(1),
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, script.next().unwrap_or(0)),
                }
                altered = true;
            }
            Some(3) => drop(from.send(&[b'x'; 20_000][..usize::from(script.next().unwrap_or(9)) * 70])),
            Some(4) => drop(from.update_keys(script.next().unwrap_or(0) & 1 == 1)),
            Some(5) => from.rest(),
            Some(6) => {
                // In mid-handshake this ends it for the other side.
                altered |= from.is_handshaking() || to.is_handshaking();
                from.close();
            }
            Some(_) => {}
            None if bytes.is_empty() && turn > 8 => break,
            None => {}
        }
        let step = if turn % 3 == 0 { 100 } else { usize::MAX };
        let outcome = feed(to, &bytes, step, false);
        if !altered {
            assert_eq!(outcome.error, None, "nobody touched a byte");
        }
    }
    if !altered {
        assert!(!client.is_handshaking() && !server.is_handshaking());
    }
}

/// Certificates: read, judged as a chain, put into words.
pub(crate) fn certificates(data: &[u8]) {
    if let Ok(certificate) = Certificate::read(data) {
        let _words = (certificate.subject(), certificate.issuer(), certificate.serial());
        let _words = (certificate.not_before(), certificate.not_after(), certificate.is_self_issued());
        let _words = (certificate.public_key(), certificate.signature_algorithm(), certificate.is_ca());
        assert!(certificate.names().map(|name| name.text().len()).sum::<usize>() <= 64 * data.len());
    }
    let der = CertificateDer::from(data);
    let _either = (pki::peer_key(&der).is_ok(), pki::spki_sha256(&der).is_ok());
    let (authority, leaf) = (CertificateDer::from(AUTHORITY), CertificateDer::from(LEAF));
    let name = ServerName::try_from(NAME).unwrap();
    for chain in [vec![der.clone()], vec![leaf.clone(), der.clone()], vec![der.clone(), authority]] {
        judge(&verifier(), &chain, &name);
    }
    // As a root, it must not make anything else pass than what it signed.
    let mut roots = Roots::new();
    if roots.add(der).is_ok() {
        let accepted = judge(&Verifier::web_pki(roots), &[leaf], &name);
        assert!(!accepted || Certificate::read(data).is_ok());
    }
}

/// A certificate as two find it: this crate's reader, and x509-parser, which
/// reads whatever the stricter one reads. Behind the public names, debug
/// assertions in `Certificate::read` compare the rest.
pub(crate) fn readers(data: &[u8]) {
    let Ok(ours) = Certificate::read(data) else { return };
    let (rest, theirs) = X509Certificate::from_der(data).expect("x509-parser reads it, too");
    assert!(rest.is_empty());
    assert_eq!(ours.der(), theirs.as_raw());
    assert_eq!(ours.serial(), theirs.raw_serial());
    assert_eq!(ours.issuer_der(), theirs.issuer().as_raw());
    assert_eq!(ours.subject_der(), theirs.subject().as_raw());
    assert_eq!(ours.public_key_der(), theirs.public_key().raw);
    let validity = theirs.validity();
    let since_1970 = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
    let (begin, end) = ours.validity();
    assert_eq!(begin.as_secs(), since_1970(validity.not_before.timestamp()));
    assert_eq!(end.as_secs(), since_1970(validity.not_after.timestamp()));
    // What is there twice, or malformed to one of them, is not compared.
    if let Ok(Some(basic)) = theirs.basic_constraints() {
        assert!(!ours.is_ca() || basic.value.ca);
    }
    let Ok(Some(listed)) = theirs.subject_alternative_name() else { return };
    if ours.names().next().is_none() {
        return;
    }
    assert_eq!(ours.names().count(), listed.value.general_names.len());
    for (ours, theirs) in ours.names().zip(&listed.value.general_names) {
        match (ours, theirs) {
            (GeneralName::Dns(ours), TheirName::DNSName(theirs))
            | (GeneralName::Email(ours), TheirName::RFC822Name(theirs))
            | (GeneralName::Uri(ours), TheirName::URI(theirs)) => assert_eq!(ours, *theirs),
            (GeneralName::Ip(ours), TheirName::IPAddress(theirs)) => assert_eq!(ours, *theirs),
            (GeneralName::Directory(ours), TheirName::DirectoryName(theirs)) => {
                assert_eq!(ours, theirs.as_raw());
            }
            (GeneralName::Other(0, _), TheirName::OtherName(..))
            | (GeneralName::Other(3, _), TheirName::X400Address(_))
            | (GeneralName::Other(5, _), TheirName::EDIPartyName(_))
            | (GeneralName::Other(8, _), TheirName::RegisteredID(_)) => {}
            (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
        }
    }
}

fn judge(verifier: &Verifier, chain: &[CertificateDer<'_>], name: &ServerName<'_>) -> bool {
    let verdict = verifier.verify(chain, Some(name), Purpose::Server, now());
    let (report, accepted) = match &verdict {
        Ok(accepted) => (&accepted.report, true),
        Err(refused) => (&refused.report, false),
    };
    assert_eq!(report.accepted(), accepted);
    assert!(
        !format!("{report} {report:#}").chars().any(|c| c.is_control() && c != '\n'),
        "hostile text is escaped"
    );
    report.checks().for_each(|check| assert!(!check.rule.is_empty()));
    accepted
}

/// PEM files: certificates, keys, both as an identity.
pub(crate) fn pem(data: &[u8]) {
    let _either = pki::certificates(data).map_err(|error| error.to_string());
    let _either = pki::private_key(data).map_err(|error| error.to_string());
    let _either = Identity::from_pem(data, data).map_err(|error| error.to_string());
    let _either = Roots::new().add_pem(data).map_err(|error| error.to_string());
}

/// Host names: what a client asks for, and behind a zero byte the name in a
/// certificate. One without a wildcard stands for itself alone.
pub(crate) fn names(data: &[u8]) {
    let cut = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (host, pattern) = data.split_at(cut);
    let pattern = pattern.get(1..).unwrap_or_default();
    let Ok(host) = std::str::from_utf8(host) else { return };
    let Ok(name) = ServerName::try_from(host) else { return };
    let der = certificate_for(pattern);
    let verdict = verifier().verify(&[CertificateDer::from(der)], Some(&name), Purpose::Server, now());
    let Err(refused) = verdict else { panic!("nobody signed this certificate") };
    let Some(check) = refused.report.checks().find(|check| check.rule == Rule::HostName.name()) else {
        return;
    };
    if !check.passed {
        return;
    }
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let pattern = plain(std::str::from_utf8(pattern).expect("a name that matches is text"));
    let host = plain(host);
    match pattern.strip_prefix("*.") {
        None => assert_eq!(host, pattern),
        Some(parent) => {
            let (label, rest) = host.split_once('.').expect("a wildcard stands for a whole label");
            assert!(!label.is_empty() && rest == parent && parent.contains('.'), "{host} {pattern}");
        }
    }
}

/// The fixture's certificate with another dNSName; its signature fits no more.
fn certificate_for(pattern: &[u8]) -> Vec<u8> {
    // The extension of the fixture: SEQUENCE { 2.5.29.17, OCTET STRING { SEQUENCE { names } } }
    let names = tlv(0x30, &tlv(0x82, pattern));
    let extension = tlv(0x30, &[tlv(6, &[0x55, 0x1d, 0x11]), tlv(4, &names)].concat());
    let usage = tlv(0x30, &[tlv(6, &[0x55, 0x1d, 0x0f]), tlv(1, &[0xff]), tlv(4, &[3, 2, 7, 0x80])].concat());
    let ed25519 = tlv(0x30, &tlv(6, &[0x2b, 0x65, 0x70]));
    let common_name = tlv(0x30, &[tlv(6, &[0x55, 4, 3]), tlv(0x0c, b"x")].concat());
    let subject = tlv(0x30, &tlv(0x31, &common_name));
    let validity = tlv(0x30, &[tlv(0x17, b"200101000000Z"), tlv(0x17, b"490101000000Z")].concat());
    let key = tlv(0x30, &[ed25519.clone(), tlv(3, &[&[0][..], &[9; 32]].concat())].concat());
    let fields = [
        tlv(0xa0, &tlv(2, &[2])),
        tlv(2, &[1]),
        ed25519.clone(),
        subject.clone(),
        validity,
        subject,
        key,
        tlv(0xa3, &tlv(0x30, &[usage, extension].concat())),
    ];
    tlv(0x30, &[tlv(0x30, &fields.concat()), ed25519, tlv(3, &[&[0][..], &[1; 64]].concat())].concat())
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ ..128 => out.push(n as u8),
        n @ ..256 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// An export of sessions, with its length and its hash put right: what is imported is
/// within bounds, and is exported and imported as the same.
pub(crate) fn sessions(data: &[u8]) {
    const BOUNDS: usize = limits::SESSION_NAMES * limits::TICKETS_KEPT as usize;
    let store = ClientSessions::new();
    let _refused = store.import_sealed(data, &[7; 32], now());
    let Some((prefix, contents)) = data.split_first_chunk::<23>() else {
        assert!(store.import(data, now()).is_err());
        return;
    };
    let mut export = [&prefix[..19], &(contents.len() as u32 + 32).to_be_bytes(), contents].concat();
    export.extend(handfast::sha256(&export));
    match store.import(&export, now()) {
        Err(error) => assert!(store.is_empty() && !error.to_string().is_empty()),
        Ok(imported) => {
            assert!(imported.kept == store.len() && store.len() <= BOUNDS);
            let (again, exported) = (ClientSessions::new(), store.export(now()));
            assert_eq!(again.import(exported.as_ref(), now()).unwrap().kept, store.len());
            assert_eq!(again.export(now()).as_ref(), exported.as_ref());
        }
    }
}
