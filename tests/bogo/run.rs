//! One connection to the runner: configure, shake hands, write, echo, shut down.

use crate::errors;
use crate::flags::{Credential, Flags, PreShared, Run};
use crate::watch::Watch;
use handfast::pki::{ServerName, UnixTime};
use handfast::wire::{NamedGroup, SignatureScheme};
use handfast::{
    AlertDescription, Answer, ChannelBinding, ClientAuth, ClientConfig, ClientOptions, ClientSessions, Close,
    ConfigError, Connection, EarlyData, Error, Event, Identity, Judge, Once, PreSharedKey, PreSharedKeys,
    Question, Replays, ServerConfig, SessionCache, TicketKeys,
};
use std::collections::HashSet;
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

pub(crate) fn failed(message: impl Into<String>) -> Failure {
    Failure::Failed(message.into())
}

pub(crate) fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}

/// What the connections of a test have in common.
struct Memory {
    keys: Arc<TicketKeys>,
    /// Those of a server that neither sends nor takes tickets.
    keys_of_ids: Arc<TicketKeys>,
    cache: Arc<SessionCache>,
    sessions: Arc<ClientSessions>,
    /// Seconds by which the clock is ahead.
    ahead: u64,
    /// What was first once.
    firsts: HashSet<[u8; 32]>,
}

impl Memory {
    fn clock(&self) -> impl Fn() -> UnixTime + Send + Sync + 'static {
        let ahead = Duration::from_secs(self.ahead);
        move || UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) + ahead)
    }
}

/// Runs the test that the flags describe.
pub(crate) fn run(run: &Run) -> Result<(), Failure> {
    let [keys, keys_of_ids] = [(); 2].map(|()| Arc::new(TicketKeys::random()));
    let cache = Arc::new(SessionCache::new());
    let sessions = Arc::new(ClientSessions::new());
    let mut memory = Memory { keys, keys_of_ids, cache, sessions, ahead: 0, firsts: HashSet::new() };
    run_once(&run.initial, &run.initial, &mut memory, false)?;
    for _ in 1..run.initial.connections {
        memory.ahead += run.resume.delay;
        run_once(&run.resume, &run.retry, &mut memory, true)?;
    }
    Ok(())
}

/// `rejected` are the flags of a client that goes on when its early data was rejected.
fn run_once(flags: &Flags, rejected: &Flags, memory: &mut Memory, resumes: bool) -> Result<(), Failure> {
    let watch = Arc::new(Watch::default());
    let identities = identities(flags)?;
    let connection = match flags.server {
        true => server(flags, memory, &identities, &watch)?,
        false => client(flags, memory, identities.clone(), &watch)?,
    };
    let (before, cached) = (memory.sessions.len(), memory.cache.len());
    let mut peer = Peer {
        stream: connect(flags)?,
        connection,
        flags,
        rejected,
        resumes,
        watch,
        identities,
        firsts: &mut memory.firsts,
        written: 0,
        holds_back: false,
    };
    let outcome = peer.exchange();
    peer.leave();
    outcome?;
    let (flags, watch) = (peer.flags, peer.watch);
    if !flags.server && flags.early_data && !flags.expect_no_session {
        let got = watch.seen(|seen| seen.ticket_allows_early_data);
        if got.is_some_and(|got| got != flags.expect_early_data_in_tickets) {
            return Err(failed("whether a ticket allows early data is not as expected"));
        }
    }
    if flags.expect_session_id.is_some_and(|kept| !resumes && kept != (memory.cache.len() > cached)) {
        return Err(failed("whether the session is kept under an id is not as expected"));
    }
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

/// The pre-shared keys of the flags.
fn pre_shared_keys(flags: &Flags) -> Result<Vec<PreSharedKey>, Failure> {
    let given = flags.credentials.iter().filter_map(|credential| credential.pre_shared.as_ref());
    let import = |key: &PreShared| {
        Ok(PreSharedKey::imported_with(&key.identity, &key.secret, &key.context, key.hash)?)
    };
    given.map(import).collect()
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

/// BoringSSL's bound of early data, and its window of a ticket's age.
const EARLY_DATA: u32 = 14_336;
const TICKET_AGE: Duration = Duration::from_secs(60);

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
        if flags.verifies_on_resumption {
            config = config.verify_on_resumption();
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
    if flags.early_data {
        config = config.early_data();
    }
    if !flags.stapling {
        config = config.without_stapling();
    }
    if flags.gives_up.is_some() {
        return Err(Failure::Unimplemented("a client is not asked for its certificate".to_owned()));
    }
    let keys = pre_shared_keys(flags)?;
    let alone = !keys.is_empty() && !flags.verify_peer;
    for key in keys {
        config = config.pre_shared_key(key)?;
    }
    if alone {
        config = config.require_pre_shared_key();
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
    let keys = pre_shared_keys(flags)?;
    let mut keys = if keys.is_empty() { None } else { Some(PreSharedKeys::new(keys)?) };
    if flags.require_certificate {
        keys = keys.map(PreSharedKeys::instead_of_certificates);
    }
    let config = match (identities.split_first(), keys) {
        (None, Some(keys)) => ServerConfig::with_pre_shared_keys(keys, memory.clock()),
        _ if flags.ask_for_certificate => ServerConfig::asking_for_certificates(memory.clock()),
        (None, None) => return Err(failed("a server needs a certificate")),
        (Some((first, others)), keys) => {
            let config = ServerConfig::new(Arc::clone(first), memory.clock());
            let config = others.iter().cloned().fold(config, ServerConfig::add_identity);
            match keys {
                Some(keys) => config.pre_shared_keys(keys),
                None => config,
            }
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
    config = config.session_store(Arc::clone(&memory.cache));
    config = match flags.without_tickets {
        true => config.tickets(Arc::clone(&memory.keys_of_ids)).stateful_tickets().tickets_sent(0),
        false => config.tickets(Arc::clone(&memory.keys)),
    };
    if flags.early_data {
        config = config.early_data(EARLY_DATA, Replays::Asked).early_data_window(TICKET_AGE)?;
    }
    let authorities: Vec<&[u8]> = flags.authorities.iter().map(Vec::as_slice).collect();
    config = config.client_authorities(&authorities)?;
    if flags.require_certificate {
        config = config.client_auth(ClientAuth::Require(judge));
    } else if flags.verify_peer {
        config = config.client_auth(ClientAuth::Request(judge));
    }
    if flags.ask_for_certificate && identities.len() > 1 {
        return Err(Failure::Unimplemented("one certificate answers every question".to_owned()));
    }
    Ok(Connection::server_with(&Arc::new(config), Some(Arc::clone(watch) as _)))
}

/// What the connection has come to.
enum Now {
    Done,
    EarlyData,
    Data,
    Closed(Close),
}

pub(crate) struct Peer<'f> {
    stream: TcpStream,
    pub(crate) connection: Connection,
    pub(crate) flags: &'f Flags,
    rejected: &'f Flags,
    resumes: bool,
    pub(crate) watch: Arc<Watch>,
    pub(crate) identities: Vec<Arc<Identity>>,
    firsts: &'f mut HashSet<[u8; 32]>,
    /// Bytes of the initial write, and of its repetitions, that have gone.
    written: usize,
    /// The transport takes nothing until something was read.
    holds_back: bool,
}

impl<'f> Peer<'f> {
    fn exchange(&mut self) -> Result<(), Failure> {
        if self.flags.early_write_after.is_none() {
            self.write_early()?;
        }
        if self.written > 0 && self.flags.export > 0 {
            self.export()?;
        }
        // A server that takes early data goes on before the handshake is done.
        if matches!(self.next()?, Now::Done) {
            self.done()?;
        }
        self.export()?;
        if self.flags.send_alert {
            self.connection.abort(DECOMPRESSION_FAILURE);
            return self.flush();
        }
        while let Some(data) = self.initial_write().filter(|_| self.flags.writes_first()) {
            self.written += data.len();
            match self.flags.unfinished_write {
                true => self.begin_to_write(data)?,
                false => self.write(data)?,
            }
        }
        match self.flags.shim_shuts_down {
            true => self.shut_down(),
            false => self.echo(),
        }
    }

    /// The handshake is done.
    fn done(&self) -> Result<(), Failure> {
        let (resumed, expected) =
            (self.connection.info().resumed, self.resumes && !self.flags.expect_session_miss);
        if resumed != expected {
            return Err(failed(format!("whether a session is resumed: {resumed}, which is not expected")));
        }
        self.compare()
    }

    /// What is next of the initial write, and of its repetitions.
    fn initial_write(&self) -> Option<&'f [u8]> {
        let data = &self.flags.initial_write;
        let (times, at) = (self.written.checked_div(data.len())?, self.written % data.len());
        (times < self.flags.initial_writes).then_some(&data[at..])
    }

    /// Sends the initial write as early data, as far as that may go.
    fn write_early(&mut self) -> Result<(), Failure> {
        while let Some(rest) = self.initial_write().filter(|_| self.flags.writes_first()) {
            self.flush()?;
            match self.connection.send_early(rest) {
                Ok(0) => break,
                Ok(sent) => self.written += sent,
                Err(error) => return Err(self.failed(&error)),
            }
        }
        if self.flags.unfinished_write && self.written > 0 { self.hold_back() } else { self.flush() }
    }

    /// Sends the initial write, of which one byte leaves.
    fn begin_to_write(&mut self, data: &[u8]) -> Result<(), Failure> {
        match self.connection.send(data) {
            Ok(sent) if sent == data.len() => self.hold_back(),
            Ok(_) => Err(failed("there is no room for the initial write")),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The transport takes one byte, and the others when something was read.
    fn hold_back(&mut self) -> Result<(), Failure> {
        let first = self.connection.pending().get(..1).unwrap_or_default();
        let written = self.stream.write(first).map_err(|error| failed(error.to_string()))?;
        self.connection.sent(written);
        self.holds_back = true;
        Ok(())
    }

    /// Drives the connection to the next thing that matters here.
    fn next(&mut self) -> Result<Now, Failure> {
        loop {
            let answer = match self.connection.next() {
                Ok(Event::NeedInput) => {
                    let newest = self.watch.seen(|seen| seen.last);
                    if self.written == 0 && self.flags.early_write_after == Some(newest) {
                        self.write_early()?;
                    }
                    self.flush()?;
                    self.fill()?;
                    continue;
                }
                Ok(Event::EarlyDataDecided(decided)) => {
                    if matches!(decided, EarlyData::Rejected(_)) {
                        (self.flags, self.written) = (self.rejected, 0);
                    }
                    continue;
                }
                Ok(Event::EarlyData(_)) => return Ok(Now::EarlyData),
                Ok(Event::Ask(Question::Replay {
                    once: Once::Register { key: once, .. } | Once::Take { id: once },
                })) => match self.firsts.insert(once) {
                    true => Answer::First,
                    false => Answer::Replayed,
                },
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
        while !self.holds_back && !self.connection.pending().is_empty() {
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
        let most = if self.flags.early_write_after.is_some() { 1 } else { usize::MAX };
        let most = space.len().min(most);
        let n = self.stream.read(&mut space[..most]).unwrap_or(0);
        space.filled(n);
        self.holds_back = false;
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
                Now::Done => {
                    self.done()?;
                    continue;
                }
                Now::Data | Now::EarlyData => {}
            }
            let Ok(Event::Data(data) | Event::EarlyData(data)) = self.connection.next() else {
                return Err(broken("data that is not consumed is lent again"));
            };
            let reply: Vec<u8> = data.iter().take(self.flags.read_size).map(|byte| byte ^ 0xff).collect();
            if self.flags.peek_then_read
                && !matches!(self.connection.next(), Ok(Event::Data(again) | Event::EarlyData(again)) if again.iter().zip(&reply).all(|(a, r)| *a == r ^ 0xff))
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
            Now::Data | Now::EarlyData => {
                Err(failed(":Data: the peer sends data after this side's close_notify"))
            }
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
}
