//! One connection to the runner: configure, shake hands, compare with what is
//! expected, write, echo, shut down.

use crate::errors;
use crate::flags::{Credential, Flags, Run};
use crate::watch::Watch;
use handfast::pki::{self, ServerName, UnixTime};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use handfast::{
    AlertDescription, Answer, ChannelBinding, ClientAuth, ClientConfig, ClientOptions, ClientSessions, Close,
    ConfigError, Connection, Error, Event, Identity, Judge, Question, ServerConfig, TicketKeys, Trust,
};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Why a run did not succeed.
pub(crate) enum Failure {
    /// This build does not have what the test needs.
    Unimplemented(String),
    /// The connection failed, or is not what the test expects.
    Failed(String),
    /// Something happened that no test can expect.
    Broken(String),
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self::Failed(errors::line(error))
    }
}

/// A key, a group or a suite that this build does not have is no failure of its.
impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Key(_) | ConfigError::UnknownGroup(_) | ConfigError::UnknownScheme(_) => {
                Self::Unimplemented(error.to_string())
            }
            other => Self::Failed(errors::line_of_config(&other)),
        }
    }
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::Failed(message.into())
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}

/// What the connections of a test have in common.
struct Memory {
    keys: Arc<TicketKeys>,
    sessions: Arc<ClientSessions>,
    /// Seconds by which the clock is ahead.
    ahead: u64,
}

impl Memory {
    fn clock(&self) -> impl Fn() -> UnixTime + Send + Sync + 'static {
        let ahead = Duration::from_secs(self.ahead);
        move || UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) + ahead)
    }
}

/// Runs the test that the flags describe.
pub(crate) fn run(run: &Run) -> Result<(), Failure> {
    let (keys, sessions) = (Arc::new(TicketKeys::random()), Arc::new(ClientSessions::new()));
    let mut memory = Memory { keys, sessions, ahead: 0 };
    run_once(&run.initial, &memory, false)?;
    for _ in 1..run.initial.connections {
        memory.ahead += run.resume.delay;
        run_once(&run.resume, &memory, true)?;
    }
    Ok(())
}

fn run_once(flags: &Flags, memory: &Memory, resumes: bool) -> Result<(), Failure> {
    let watch = Arc::new(Watch::default());
    let identities = identities(flags)?;
    let connection = match flags.server {
        true => server(flags, memory, &identities, &watch)?,
        false => client(flags, memory, identities.clone(), &watch)?,
    };
    let mut peer = Peer { stream: connect(flags)?, connection, flags, watch, identities };
    let before = memory.sessions.len();
    let outcome = peer.exchange(resumes && !flags.expect_session_miss);
    peer.leave();
    outcome?;
    if flags.expect_no_session && memory.sessions.len() > before {
        return Err(failed("a session was kept"));
    }
    if flags.expect_ticket_renewal && memory.sessions.len() <= before {
        return Err(failed("no new session was kept"));
    }
    Ok(())
}

fn connect(flags: &Flags) -> Result<TcpStream, Failure> {
    let address = match flags.ipv6 {
        true => SocketAddr::from((Ipv6Addr::LOCALHOST, flags.port)),
        false => SocketAddr::from((Ipv4Addr::LOCALHOST, flags.port)),
    };
    let mut stream = TcpStream::connect(address).map_err(broken)?;
    stream.set_nodelay(true).map_err(broken)?;
    stream.write_all(&flags.shim_id.to_le_bytes()).map_err(broken)?;
    Ok(stream)
}

/// The runner says who is accepted, in every connection of a test.
fn judge() -> Judge {
    Judge::application_named("the runner")
}

/// The certificates of the flags, in the order in which they are preferred.
fn identities(flags: &Flags) -> Result<Vec<Arc<Identity>>, Failure> {
    let credentials = flags.credentials.iter().chain([&flags.credential]);
    let given = credentials.filter(|credential| !credential.certificate.is_empty());
    given.map(|credential| identity(credential).map(Arc::new)).collect()
}

fn identity(credential: &Credential) -> Result<Identity, Failure> {
    let chain = std::fs::read(&credential.certificate).map_err(broken)?;
    let key = std::fs::read(&credential.key).map_err(broken)?;
    let identity = Identity::from_pem(&chain, &key)?.with_ocsp(credential.ocsp.clone());
    Ok(match credential.schemes.is_empty() {
        true => identity,
        false if credential.schemes.iter().all(|scheme| SIGNED.contains(scheme)) => {
            identity.sign_with(&credential.schemes)?
        }
        false => return Err(Failure::Unimplemented("a scheme with which nothing is signed".to_owned())),
    })
}

/// What BoringSSL verifies if nothing is said, as far as this crate does too.
const VERIFIED: [SignatureScheme; 8] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// The groups of both.
const GROUPS: &[NamedGroup] =
    &[NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// What this crate signs with.
const SIGNED: [SignatureScheme; 9] = {
    let [a, b, c, d, e, f, g, h] = VERIFIED;
    [a, b, c, d, e, f, g, h, SignatureScheme::ED25519]
};

/// RFC 5246 section 7.2; what `-send-alert` sends.
const DECOMPRESSION_FAILURE: AlertDescription = AlertDescription(30);

/// The settings that both configurations have.
macro_rules! common {
    ($config:expr, $flags:expr) => {{
        let (mut config, flags) = ($config, $flags);
        config = config.versions(&flags.versions)?.allow_static_rsa();
        if !flags.groups.is_empty() {
            config = config.groups(&flags.groups)?;
        }
        if !flags.suites.is_empty() {
            config = config.suites(&flags.suites)?;
        }
        // BoringSSL forbids it, unless it is told to pass it over.
        if !flags.ignores_hello_requests {
            config = config.renegotiation_is_fatal();
        }
        if flags.requires_renegotiation_info {
            config = config.require_renegotiation_info();
        }
        if let Some(bytes) = flags.largest_record {
            config = config.largest_record(bytes)?;
        }
        let default: &[SignatureScheme] = &VERIFIED;
        let schemes = if flags.schemes.is_empty() { default } else { &flags.schemes };
        config = config.signature_schemes(schemes)?;
        let protocols: Vec<&[u8]> = flags.alpn.iter().map(Vec::as_slice).collect();
        config.alpn(&protocols)?
    }};
}

fn client(
    flags: &Flags,
    memory: &Memory,
    identities: Vec<Arc<Identity>>,
    watch: &Arc<Watch>,
) -> Result<Connection, Failure> {
    let mut config = common!(ClientConfig::new(judge(), memory.clock()), flags);
    if !flags.without_tickets {
        config = config.sessions(Arc::clone(&memory.sessions));
    }
    if !flags.stapling {
        config = config.without_stapling();
    }
    if flags.gives_up.is_some() {
        return Err(Failure::Unimplemented("a client is not asked for its certificate".to_owned()));
    }
    // BoringSSL gives up where no certificate fits; this crate goes on as nobody if it may.
    config = identities.into_iter().fold(config.insist_on_identity(), ClientConfig::identity);
    let mut options = ClientOptions::default();
    options.observer = Some(Arc::clone(watch) as _);
    options.hide_server_name = flags.host_name.is_none();
    let name = ServerName::try_from(flags.host_name.as_deref().unwrap_or("none")).map_err(broken)?;
    Connection::client_with(&Arc::new(config), name, options).map_err(broken)
}

fn server(
    flags: &Flags,
    memory: &Memory,
    identities: &[Arc<Identity>],
    watch: &Arc<Watch>,
) -> Result<Connection, Failure> {
    let config = match flags.ask_for_certificate {
        true => ServerConfig::asking_for_certificates(memory.clock()),
        false => {
            let (first, others) =
                identities.split_first().ok_or_else(|| failed("a server needs a certificate"))?;
            let config = ServerConfig::new(Arc::clone(first), memory.clock());
            others.iter().cloned().fold(config, ServerConfig::add_identity)
        }
    };
    let judge = judge();
    let mut config = common!(config, flags);
    // BoringSSL always takes the group that it likes best, predicted or not; here
    // that is a setting, for the tests that are about it.
    if flags.expect_retried == Some(true) {
        let groups = if flags.groups.is_empty() { GROUPS } else { &flags.groups };
        config = config.groups_worth_a_retry(groups)?;
    }
    if !flags.without_tickets {
        config = config.tickets(Arc::clone(&memory.keys));
    }
    let authorities: Vec<&[u8]> = flags.authorities.iter().map(Vec::as_slice).collect();
    config = config.client_authorities(&authorities)?;
    if flags.require_certificate {
        config = config.client_auth(ClientAuth::Require(judge));
    } else if flags.verify_peer {
        config = config.client_auth(ClientAuth::Request(judge));
    }
    if flags.ask_for_certificate && identities.len() != 1 {
        return Err(Failure::Unimplemented("one certificate answers every question".to_owned()));
    }
    Ok(Connection::server_with(&Arc::new(config), Some(Arc::clone(watch) as _)))
}

/// What the connection has come to.
enum Now {
    Done,
    Data,
    Closed(Close),
}

struct Peer<'f> {
    stream: TcpStream,
    connection: Connection,
    flags: &'f Flags,
    watch: Arc<Watch>,
    identities: Vec<Arc<Identity>>,
}

impl Peer<'_> {
    fn exchange(&mut self, resumes: bool) -> Result<(), Failure> {
        while !matches!(self.next()?, Now::Done) {}
        if self.connection.info().resumed != resumes {
            return Err(failed(format!("whether a session is resumed: {}, which is not expected", !resumes)));
        }
        self.compare()?;
        self.export()?;
        if self.flags.send_alert {
            self.connection.abort(DECOMPRESSION_FAILURE);
            return self.flush();
        }
        if self.flags.shim_writes_first {
            for _ in 0..self.flags.initial_writes {
                self.write(&self.flags.initial_write.clone())?;
            }
        }
        match self.flags.shim_shuts_down {
            true => self.shut_down(),
            false => self.echo(),
        }
    }

    /// Drives the connection to the next thing that matters here.
    fn next(&mut self) -> Result<Now, Failure> {
        loop {
            let answer = match self.connection.next() {
                Ok(Event::NeedInput) => {
                    self.flush()?;
                    self.fill()?;
                    continue;
                }
                Ok(Event::Ask(Question::Verify { .. })) => match self.flags.rejection {
                    Some(alert) => Answer::RejectWith(alert, "a flag says so".to_owned()),
                    None => Answer::Accept,
                },
                Ok(Event::Ask(Question::Certificate { .. })) if self.flags.gives_up.is_some() => {
                    self.flags.gives_up.into_iter().for_each(|alert| self.connection.abort(alert));
                    continue;
                }
                Ok(Event::Ask(Question::Certificate { .. })) => match self.identities.first() {
                    Some(identity) => Answer::Certificate(Arc::clone(identity)),
                    None => Answer::NoCertificate,
                },
                Ok(Event::Ask(question)) => return Err(broken(format!("nobody can answer {question:?}"))),
                Ok(Event::HandshakeDone) => return self.flush().map(|()| Now::Done),
                Ok(Event::Data(_)) => return Ok(Now::Data),
                Ok(Event::Closed(close)) => return Ok(Now::Closed(close)),
                Ok(other) => return Err(broken(format!("nobody awaits {other:?}"))),
                Err(error) => return Err(self.failed(&error)),
            };
            if let Err(error) = self.connection.answer(answer) {
                return Err(self.failed(&error));
            }
        }
    }

    /// An error is repeated for ever, word by word.
    fn failed(&mut self, error: &Error) -> Failure {
        match self.connection.next() {
            Err(again) if again.to_string() == error.to_string() => Failure::from(error),
            Err(again) => broken(format!("{error}, and then: {again}")),
            Ok(_) => broken(format!("a failed connection goes on: {error}")),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        while !self.connection.pending().is_empty() {
            let written = self.stream.write(self.connection.pending());
            self.connection.sent(written.map_err(|error| failed(error.to_string()))?);
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Failure> {
        let Some(mut space) = self.connection.space() else {
            return Err(broken("input is needed, and there is no room for it"));
        };
        // A peer that is gone without a word resets the transport: it has ended.
        let n = self.stream.read(&mut space).unwrap_or(0);
        space.filled(n);
        if n == 0 {
            self.connection.filled_eof();
        }
        Ok(())
    }

    fn write(&mut self, mut data: &[u8]) -> Result<(), Failure> {
        while !data.is_empty() {
            let sent = match self.connection.send(data) {
                Ok(sent) => sent,
                Err(error) => return Err(self.failed(&error)),
            };
            self.flush()?;
            data = data.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    fn export(&mut self) -> Result<(), Failure> {
        let flags = self.flags;
        if flags.export > 0 {
            let mut out = vec![0; flags.export];
            let context = flags.export_context.as_deref().map(str::as_bytes);
            self.connection
                .export(&flags.export_label, context, &mut out)
                .map_err(|error| Failure::from(&error))?;
            self.write(&out)?;
        }
        if flags.tls_unique {
            let unique = self.connection.channel_binding(ChannelBinding::TlsUnique);
            self.write(&unique.map_err(|error| Failure::from(&error))?)?;
        }
        if flags.export_traffic_secrets {
            let newest = |name: &str| {
                self.watch.seen(|seen| {
                    let mut of_name = seen.secrets.iter().rev().filter(|(known, _)| known.starts_with(name));
                    of_name.next().map(|(_, secret)| secret.clone()).unwrap_or_default()
                })
            };
            let [client, server] =
                ["client", "server"].map(|s| newest(&format!("{s}_application_traffic_secret")));
            let (read, write) = if flags.server { (client, server) } else { (server, client) };
            self.write(&[&(read.len() as u16).to_le_bytes()[..], &read, &write].concat())?;
        }
        Ok(())
    }

    fn echo(&mut self) -> Result<(), Failure> {
        loop {
            if self.flags.key_update_before_read {
                self.connection.update_keys(false).map_err(|error| Failure::from(&error))?;
            }
            match self.next()? {
                Now::Closed(_) => break,
                Now::Done => return Err(broken("the handshake is done twice")),
                Now::Data => {}
            }
            let Ok(Event::Data(data)) = self.connection.next() else {
                return Err(broken("data that is not consumed is lent again"));
            };
            let reply: Vec<u8> = data.iter().take(self.flags.read_size).map(|byte| byte ^ 0xff).collect();
            if self.flags.peek_then_read
                && !matches!(self.connection.next(), Ok(Event::Data(again)) if again.iter().zip(&reply).all(|(a, r)| *a == r ^ 0xff))
            {
                return Err(broken("data that is lent again is not the same"));
            }
            self.connection.consume(reply.len());
            if self.flags.key_update {
                self.connection.update_keys(false).map_err(|error| Failure::from(&error))?;
            }
            self.write(&reply)?;
        }
        self.connection.close();
        self.flush()
    }

    fn shut_down(&mut self) -> Result<(), Failure> {
        self.connection.close();
        self.flush()?;
        if !self.flags.check_close_notify {
            return Ok(());
        }
        match self.next()? {
            Now::Closed(Close::Clean) => Ok(()),
            Now::Closed(Close::Truncated) => {
                Err(failed(format!(":{}: the transport ended without it", errors::NO_CLOSE_NOTIFY)))
            }
            Now::Data => Err(failed(":Data: the peer sends data after this side's close_notify")),
            Now::Done => Err(broken("the handshake is done twice")),
        }
    }

    /// Lets the peer read what is on its way before the socket goes.
    fn leave(&mut self) {
        let _the_peer_may_be_gone = self.flush();
        let _the_same = self.stream.shutdown(Shutdown::Write);
        let _nothing_to_do = self.stream.set_read_timeout(Some(Duration::from_secs(5)));
        let mut rest = [0; 1024];
        while matches!(self.stream.read(&mut rest), Ok(n) if n > 0) {}
    }

    /// Compares what was negotiated with what the flags expect.
    fn compare(&self) -> Result<(), Failure> {
        let (info, flags) = (self.connection.info(), self.flags);
        let differ = |what: &str, got: String| Err(failed(format!("{what} is {got}, which is not expected")));
        if info.alpn.as_deref().unwrap_or_default() != flags.expect_alpn {
            return differ("the application protocol", format!("{:?}", info.alpn));
        }
        if flags.expect_server_name.is_some()
            && info.server_name.as_deref() != flags.expect_server_name.as_deref()
            || flags.expect_no_server_name && info.server_name.is_some()
        {
            return differ("the server's name", format!("{:?}", info.server_name));
        }
        if flags.expect_version.is_some() && info.version != flags.expect_version {
            return differ("the version", format!("{:?}", info.version));
        }
        if flags.expect_group.is_some() && info.group != flags.expect_group {
            return differ("the group", format!("{:?}", info.group));
        }
        if flags.expect_suite.is_some() && info.suite.map(|s| CipherSuite(s.0)) != flags.expect_suite {
            return differ("the suite", format!("{:?}", info.suite));
        }
        if flags.expect_peer_scheme.is_some() && info.peer_scheme != flags.expect_peer_scheme {
            return differ("the peer's signature scheme", format!("{:?}", info.peer_scheme));
        }
        let tls13 = info.version == Some(ProtocolVersion::TLS13);
        let bound = info.extended_master_secret || tls13;
        if flags.expect_extended_master_secret && !bound {
            return differ("the master secret", "not bound to the handshake".to_owned());
        }
        let protected = tls13 || self.watch.seen(|seen| seen.renegotiation_info);
        if flags.expect_renegotiation_info.is_some_and(|expected| expected != protected) {
            return differ("whether the peer speaks renegotiation_info", protected.to_string());
        }
        if flags.expect_retried.is_some_and(|retried| retried != info.retried) {
            return differ("whether there was a retry", info.retried.to_string());
        }
        let ocsp = info.peer_ocsp.as_deref().map_or(&[][..], Vec::as_slice);
        if !flags.expect_ocsp.is_empty() && ocsp != flags.expect_ocsp {
            return differ("the stapled response", format!("{ocsp:02x?}"));
        }
        self.compare_certificates()?;
        self.compare_seen()
    }

    fn compare_certificates(&self) -> Result<(), Failure> {
        let flags = self.flags;
        let chain = self.connection.info().peer_chain.as_deref().unwrap_or_default();
        if flags.expect_no_peer_certificate && !chain.is_empty() {
            return Err(failed("the peer showed a certificate"));
        }
        let must = !flags.server || flags.require_certificate;
        if chain.is_empty() && must && !flags.expect_no_peer_certificate {
            return Err(failed("the peer showed no certificate"));
        }
        let trust = if chain.is_empty() { Trust::Anonymous } else { Trust::Application };
        if flags.expect_verify_result && self.connection.info().trust != trust {
            return Err(failed("nobody came to trust the peer"));
        }
        if let Some(file) = &flags.expect_peer_certificate {
            let expected = pki::certificates(&std::fs::read(file).map_err(broken)?).map_err(broken)?;
            if chain != expected {
                return Err(failed("the peer showed another chain than is expected"));
            }
        }
        let Some(expected) = flags.expect_credential else { return Ok(()) };
        let leaf = self.watch.seen(|seen| seen.own_leaf.clone());
        let place = self
            .identities
            .iter()
            .position(|identity| identity.chain().first().is_some_and(|c| **c == *leaf));
        match (place, usize::try_from(expected)) {
            (None, Err(_)) => Ok(()),
            (Some(place), Ok(expected)) if place == expected => Ok(()),
            // The credential without a number of its own is the last one.
            (Some(place), Err(_)) if place == flags.credentials.len() => Ok(()),
            _ => Err(failed(format!("certificate {place:?} was shown, and {expected} is expected"))),
        }
    }

    fn compare_seen(&self) -> Result<(), Failure> {
        let flags = self.flags;
        self.watch.seen(|seen| {
            if flags.expect_advertised_alpn.as_ref().is_some_and(|expected| *expected != seen.advertised_alpn)
            {
                return Err(failed("the client offers other application protocols"));
            }
            if flags.expect_authorities.as_ref().is_some_and(|expected| *expected != seen.authorities) {
                return Err(failed("the server names other authorities"));
            }
            let types = &flags.expect_certificate_types;
            if !types.is_empty() && *types != seen.certificate_types {
                return Err(failed("the server asks for other kinds of certificates"));
            }
            let schemes = &flags.expect_peer_schemes;
            if !schemes.is_empty() && !schemes.iter().map(|s| s.0).eq(seen.peer_schemes.iter().copied()) {
                return Err(failed("the peer offers other signature schemes"));
            }
            Ok(())
        })
    }
}
