//! The traces of RFC 8448, sections 3 to 6: our client and our server, each
//! against the recorded peer. Each record that our side makes is the RFC's,
//! byte for byte.
//!
//! The client begins with the trace's ClientHello; where our server would say
//! less or other things than the trace's (EncryptedExtensions,
//! CertificateRequest, the cookie), the trace's message goes out in its place,
//! to be hashed and sealed as its own.

use super::flow::Flow;
use super::{Close, Connection, Event};
use crate::config::{ClientAuth, ClientConfig, ClientOptions, Judge, ServerConfig};
use crate::crypto::secret::Secret;
use crate::crypto::source::Entropy;
use crate::crypto::suite::Suite;
use crate::crypto::vectors::{Case, read};
use crate::early::EarlyData;
use crate::fault::Fault;
use crate::handshake::server;
use crate::identity::Identity;
use crate::info::Trust;
use crate::observe::{Direction, Observed, Observer, Tap};
use crate::pki::{CertificateDer, ServerName, UnixTime};
use crate::question::{Answer, Question};
use crate::record::Alter;
use crate::schedule::Side;
use crate::session::{ClientSession, ClientSessions, Peer, ReplayRegister, ServerSession, TicketKeys};
use crate::wire::{Body, CipherSuite, Form, Message, NamedGroup, ProtocolVersion, SignatureScheme};
use std::sync::{Arc, Mutex};

const SECTIONS: [&str; 3] = [
    include_str!("../../test-vectors/rfc8448-secrets-3.txt"),
    include_str!("../../test-vectors/rfc8448-secrets-5.txt"),
    include_str!("../../test-vectors/rfc8448-secrets-6.txt"),
];

/// Resumed, with early data: its session is the ticket of section 3.
const RESUMED: &str = include_str!("../../test-vectors/rfc8448-secrets-4.txt");

const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];

/// One section's figures.
struct Trace(Vec<Case>);

impl Trace {
    fn all() -> impl Iterator<Item = Self> {
        SECTIONS.into_iter().map(|text| Self(read(text)))
    }

    /// The figures of this name in the steps of this side that begin so.
    fn figures(&self, side: Side, step: &str, name: &str) -> Vec<&[u8]> {
        let step = format!("{}: {step}", if side == Side::Client { "client" } else { "server" });
        self.0.iter().filter(|case| case.title.starts_with(&step)).map(|case| case.get(name)).collect()
    }

    /// What a side does on the wire, in order: its step, content, record.
    fn sent(&self, side: Side) -> Vec<(&str, &[u8], &[u8])> {
        let step = if side == Side::Client { "client: send " } else { "server: send " };
        let steps = self.0.iter().filter_map(|case| Some((case.title.strip_prefix(step)?, case)));
        steps.map(|(what, case)| (what, case.get("payload"), case.get("complete record"))).collect()
    }

    /// The handshake messages that a side builds, in order, headers included.
    fn messages(&self, side: Side) -> Vec<Vec<u8>> {
        let step = if side == Side::Client { "client: construct " } else { "server: construct " };
        self.0
            .iter()
            .filter(|case| case.title.starts_with(step))
            .map(|case| case.figures[0].1.clone())
            .collect()
    }

    fn message(&self, side: Side, kind: u8) -> Option<Vec<u8>> {
        self.messages(side).into_iter().rfind(|message| message[0] == kind)
    }

    /// A side's certificate with the one signature that the trace has of its key.
    fn identity(&self, side: Side, in_memory: bool) -> Option<Identity> {
        let (certificate, verify) = (self.message(side, 11)?, self.message(side, 15)?);
        let (chain, scheme, signature) = credentials(&certificate, &verify);
        Some(match in_memory {
            true => Identity::with_known_signature(chain, scheme, &signature).unwrap(),
            false => Identity::with_key_elsewhere(chain, &[scheme]).unwrap(),
        })
    }

    fn signature(&self, side: Side) -> Vec<u8> {
        let (certificate, verify) = (self.message(side, 11).unwrap(), self.message(side, 15).unwrap());
        credentials(&certificate, &verify).2
    }

    fn client(&self, heard: &Arc<Heard>, in_memory: bool) -> Connection {
        // With binders, where there are any.
        let hellos = self.sent(Side::Client).into_iter().map(|(_, content, _)| content.to_vec());
        let hellos: Vec<Vec<u8>> = hellos.filter(|content| content[..2] == [1, 0]).collect();
        let privates = self.figures(Side::Client, "create an ephemeral", "private key");
        let mut draws: Vec<&[u8]> = vec![&[1; 64]]; // the given hello has its own randoms
        draws.extend(privates);
        let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
        let name = ServerName::try_from("server").unwrap();
        let judge = Judge::application_named("the trace");
        let mut config = ClientConfig::new(judge, UnixTime::now).groups(&groups).unwrap();
        if let Some(identity) = self.identity(Side::Client, in_memory) {
            config = config.identity(identity);
        }
        if let Some(psk) = self.figures(Side::Client, "extract secret \"early\"", "IKM").first() {
            config = config.sessions(ClientSessions::new()).early_data();
            let (sessions, policy) = config.resumption().unwrap();
            sessions.keep(&name, policy, session(psk, &hellos[0]));
        }
        let options = ClientOptions { observer: Some(heard.clone()), hellos, ..ClientOptions::default() };
        let mut c = Connection::new(Flow::Over, Side::Client, options.observer.clone());
        c.settle(&config.common);
        c.entropy = Entropy::given(&draws);
        let (_, mut cx) = c.cx(None);
        let state = crate::handshake::client::start(&Arc::new(config), name, &options, &mut cx).unwrap();
        c.flow = Flow::client(state);
        c.end_flight().unwrap();
        c
    }

    fn server(&self, heard: &Arc<Heard>, in_memory: bool) -> Connection {
        let groups: &[NamedGroup] = match self.messages(Side::Client).iter().filter(|m| m[0] == 1).count() {
            1 => &[NamedGroup::X25519],
            _ => &[NamedGroup::SECP256R1], // which makes it ask again
        };
        // Where none is shown, it is that of the session's beginning.
        let identity = self.identity(Side::Server, in_memory);
        let identity =
            identity.or_else(|| Self(read(SECTIONS[0])).identity(Side::Server, in_memory)).unwrap();
        let mut config = ServerConfig::new(identity, UnixTime::now).groups(groups).unwrap();
        if let Some(psk) = self.figures(Side::Client, "extract secret \"early\"", "IKM").first() {
            config = resuming(config, psk, self.sent(Side::Client)[0].1);
        }
        if self.message(Side::Server, 13).is_some() {
            config = config.client_auth(ClientAuth::Require(Judge::Application));
        }
        let hello = self.message(Side::Server, 2).unwrap();
        let random = &hello[6..38];
        let mut draws = self.figures(Side::Server, "create an ephemeral", "private key");
        draws.push(random);
        let mut c = Connection::server_with(&Arc::new(config), Some(heard.clone()));
        c.entropy = Entropy::given(&draws);
        let mut theirs = self.messages(Side::Server).into_iter();
        let alter: Alter = Box::new(move |ours| {
            let theirs = theirs.next().expect("a message more than in the trace");
            let retry = theirs[0] == 2 && theirs[6..10] == [0xcf, 0x21, 0xad, 0x74];
            match theirs[0] {
                8 | 13 => assert_eq!(ours[0], theirs[0]),
                2 if retry => assert_eq!(ours[..38][4..], theirs[..38][4..]),
                // The order of extensions is each one's own.
                2 if ours != theirs => assert_eq!(sorted(&ours), sorted(&theirs)),
                _ => assert_eq!(hex::encode(&ours), hex::encode(&theirs)),
            }
            vec![theirs]
        });
        c.sending.writing.alter = Some(alter);
        c
    }
}

/// The session that a ClientHello offers, with this key.
fn session(psk: &[u8], hello: &[u8]) -> ClientSession {
    let Body::ClientHello(m) = Message::decode(hello, Form::Tls13).unwrap().body else { panic!() };
    let ticket = m.extensions.pre_shared_key.unwrap().identities.first().unwrap();
    let now = UnixTime::now().as_secs();
    ClientSession {
        version: ProtocolVersion::TLS13,
        suite: Suite::find(CipherSuite::TLS_AES_128_GCM_SHA256).unwrap(),
        secret: Secret::from_slice(psk).unwrap(),
        ticket: ticket.identity.into(),
        by_id: false,
        age_add: 0,
        received: now,
        expires: now + 30,
        trusted_until: now + 30,
        max_early_data: 1024,
        alpn: None,
        named: true,
        peer: Peer { trust: Trust::Application, scheme: None, group: None, chain: None, ocsp: None },
    }
}

/// A server whose ticket the ClientHello offers, with this key.
fn resuming(config: ServerConfig, psk: &[u8], hello: &[u8]) -> ServerConfig {
    let register = ReplayRegister::new();
    let name = register.name(&Entropy::system()).unwrap();
    let config = config.tickets(TicketKeys::random()).tickets_sent(0).early_data(1024, register);
    let offered = session(psk, hello);
    let Body::ClientHello(m) = Message::decode(hello, Form::Tls13).unwrap().body else { panic!() };
    let ticket = m.extensions.pre_shared_key.unwrap().identities.first().unwrap();
    let session = ServerSession {
        version: offered.version,
        suite: offered.suite,
        secret: offered.secret,
        expires: offered.expires,
        server_name: Some("server".into()),
        policy: config.resumption().unwrap().1,
        names: *config.identities.all().next().unwrap().names(),
        issued: offered.received,
        age_add: ticket.obfuscated_ticket_age,
        max_early_data: 1024,
        register: name,
        alpn: None,
        peer: offered.peer,
    };
    let mut keys = TicketKeys::random();
    keys.foreign = Some((ticket.identity.to_vec(), session.encode(offered.expires, 0, 0).unwrap()));
    config.tickets(keys)
}

fn sorted(message: &[u8]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    bytes.sort_unstable();
    bytes
}

fn credentials(
    certificate: &[u8],
    verify: &[u8],
) -> (Vec<CertificateDer<'static>>, SignatureScheme, Vec<u8>) {
    let Body::Certificate13(m) = Message::decode(certificate, Form::Tls13).unwrap().body else { panic!() };
    let chain = m.entries.iter().map(|entry| CertificateDer::from(entry.cert_data.to_vec())).collect();
    let Body::CertificateVerify(m) = Message::decode(verify, Form::Tls13).unwrap().body else { panic!() };
    (chain, m.scheme, m.signature.to_vec())
}

/// Handshake messages that went out.
#[derive(Default)]
struct Heard(Mutex<Vec<Vec<u8>>>);

impl Observer for Heard {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Message { direction: Direction::Out, bytes, .. } = event {
            self.0.lock().unwrap().push(bytes.to_vec());
        }
    }
}

/// Takes the next record that our side sends; ChangeCipherSpecs, which the
/// peers of these traces do not send, are passed over.
fn take(c: &mut Connection) -> Vec<u8> {
    while c.pending().starts_with(&CHANGE_CIPHER_SPEC) {
        c.sent(CHANGE_CIPHER_SPEC.len());
    }
    let length = 5 + usize::from(u16::from_be_bytes([c.pending()[3], c.pending()[4]]));
    let record = c.pending()[..length].to_vec();
    c.sent(length);
    record
}

/// Gives our side a record, and lets it come to rest; returns data.
fn give(c: &mut Connection, record: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let mut space = c.space().unwrap();
    space[..record.len()].copy_from_slice(record);
    space.filled(record.len());
    let mut got = Vec::new();
    loop {
        match c.next().unwrap() {
            Event::NeedInput | Event::Closed(Close::Clean) => return got,
            Event::Ask(Question::Verify { .. }) => c.answer(Answer::Accept).unwrap(),
            Event::Ask(Question::Sign { .. }) => {
                c.answer(Answer::Signature(signature.unwrap().to_vec())).unwrap();
            }
            Event::HandshakeDone => {}
            Event::EarlyDataDecided(decided) => assert_eq!(decided, EarlyData::Accepted),
            Event::Data(data) | Event::EarlyData(data) => {
                let n = data.len();
                got.extend_from_slice(data);
                c.consume(n);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Plays a trace with our side in one role; each of its records is the RFC's.
fn play(trace: &Trace, side: Side) {
    let heard = Arc::default();
    let mut c = match side {
        Side::Client => trace.client(&heard, true),
        Side::Server => trace.server(&heard, true),
    };
    for case in &trace.0 {
        let (writer, what) = match case.title.split_once(": send ") {
            Some(("client", what)) => (Side::Client, what),
            Some((_, what)) => (Side::Server, what),
            None => continue,
        };
        let (payload, record) = (case.get("payload"), case.get("complete record"));
        if writer != side {
            let data = give(&mut c, record, None);
            assert_eq!(data, if what.starts_with("application_data") { payload } else { &[] });
            let Flow::Server(state) = &mut c.flow else { continue };
            if let server::State::Tls13(state) = &mut **state {
                state.expect_cookie(&cookie_of(trace));
            }
            continue;
        }
        match what {
            "application_data record" if c.is_handshaking() => {
                assert_eq!(c.send_early(payload).unwrap(), payload.len());
            }
            "application_data record" => assert_eq!(c.send(payload).unwrap(), payload.len()),
            "alert record" => c.close(),
            // After the handshake this side sends no ticket by itself.
            _ if payload[0] == 4 => {
                c.sending.writing.message(&Tap::default(), |w| w.bytes(payload)).unwrap();
                c.end_flight().unwrap();
            }
            _ => {}
        }
        assert_eq!(hex::encode(take(&mut c)), hex::encode(record), "{}", case.title);
    }
    assert_eq!(c.pending(), b"");
    assert!(!c.is_handshaking());
    assert!(matches!(c.next(), Ok(Event::Closed(Close::Clean))));
}

/// The cookie of a trace's HelloRetryRequest.
fn cookie_of(trace: &Trace) -> Vec<u8> {
    let first = &trace.messages(Side::Server)[0];
    match Message::decode(first, Form::Tls13).unwrap().body {
        Body::HelloRetryRequest(m) => m.extensions.cookie.unwrap().to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn the_client_sends_the_records_of_the_trace() {
    Trace::all().for_each(|trace| play(&trace, Side::Client));
}

/// It accepts early data: the flight behind its ClientHello is the trace's, and so are
/// the keys that open what comes.
#[test]
fn the_server_sends_the_records_of_the_trace_with_early_data() {
    play(&Trace(read(RESUMED)), Side::Server);
}

/// Early data, EndOfEarlyData and Finished, each under its key.
#[test]
fn the_client_sends_the_records_of_the_trace_with_early_data() {
    play(&Trace(read(RESUMED)), Side::Client);
}

#[test]
fn the_server_sends_the_records_of_the_trace() {
    Trace::all().for_each(|trace| play(&trace, Side::Server));
}

/// The key is elsewhere: what is ready leaves while the signature is awaited,
/// so that records are cut at another place; the messages are the trace's.
#[test]
fn signatures_that_come_late_make_the_same_messages() {
    for trace in Trace::all() {
        for side in [Side::Client, Side::Server] {
            let heard: Arc<Heard> = Arc::default();
            let mut c = match side {
                Side::Client => trace.client(&heard, false),
                Side::Server => trace.server(&heard, false),
            };
            let signature = trace.message(side, 15).map(|_| trace.signature(side));
            for (what, payload, record) in trace.sent(side.other()) {
                if what == "handshake record" && payload[0] != 4 {
                    give(&mut c, record, signature.as_deref());
                }
                if let Flow::Server(state) = &mut c.flow
                    && let server::State::Tls13(state) = &mut **state
                {
                    state.expect_cookie(&cookie_of(&trace));
                }
            }
            assert!(!c.is_handshaking());
            let expected: Vec<_> =
                trace.messages(side).into_iter().filter(|message| message[0] != 4).collect();
            assert_eq!(*heard.0.lock().unwrap(), expected);
        }
    }
}

/// Both sides are ours, and of one the signature is altered: RSA-PSS and ECDSA,
/// in the client's check of the server and in the server's of the client.
#[test]
fn an_altered_signature_is_refused() {
    for trace in Trace::all().filter(|trace| cookie_of(trace).is_empty()) {
        for bad in [Side::Client, Side::Server] {
            if trace.message(bad, 15).is_none() {
                continue;
            }
            let (mut client, mut server) =
                (trace.client(&Arc::default(), true), trace.server(&Arc::default(), true));
            let writing = match bad {
                Side::Client => &mut client.sending.writing,
                Side::Server => &mut server.sending.writing,
            };
            let mut before = writing.alter.take().unwrap_or_else(|| Box::new(|ours| vec![ours]));
            let mut done = false;
            writing.alter = Some(Box::new(move |ours| {
                if done {
                    return vec![ours];
                }
                let mut messages = before(ours);
                done = messages[0][0] == 15;
                if done {
                    *messages[0].last_mut().unwrap() ^= 1;
                }
                messages
            }));
            let (error, by) = converse(&mut client, &mut server);
            assert_eq!((error.fault(), by), (Some(Fault::BadSignature), bad.other()));
        }
    }
}

/// Drives both until one fails.
fn converse(client: &mut Connection, server: &mut Connection) -> (crate::Error, Side) {
    for turn in [Side::Server, Side::Client].into_iter().cycle().take(8) {
        let (from, to) = match turn {
            Side::Server => (&mut *client, &mut *server),
            Side::Client => (&mut *server, &mut *client),
        };
        let pending = from.pending().to_vec();
        from.sent(pending.len());
        let mut space = to.space().unwrap();
        space[..pending.len()].copy_from_slice(&pending);
        space.filled(pending.len());
        loop {
            match to.next() {
                Err(error) => return (error, turn),
                Ok(Event::NeedInput | Event::HandshakeDone) => break,
                Ok(Event::Ask(Question::Verify { .. })) => to.answer(Answer::Accept).unwrap(),
                Ok(other) => panic!("{other:?}"),
            }
        }
    }
    panic!("nobody failed");
}
