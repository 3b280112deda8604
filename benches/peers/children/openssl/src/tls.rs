//! OpenSSL and BoringSSL, whose crates have one interface but for a few names:
//! those are in `settings`.

use crate::library::pkey::PKey;
use crate::library::ssl::{
    ErrorCode, ShutdownState, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession,
    SslSessionCacheMode, SslStream, SslVerifyMode, SslVersion,
};
use crate::library::x509::X509;
use crate::settings;
use peers_common::{Chain, End, Job, NAME, Peer, Pipe, Session};
use std::sync::{Arc, Mutex};

pub(crate) struct Library {
    client: SslContext,
    server: SslContext,
    /// What the client may resume: of TLS 1.3 each once.
    sessions: Arc<Mutex<Vec<SslSession>>>,
    job: Job,
}

impl Peer for Library {
    type Client = Ours;
    type Server = Ours;

    fn new(job: &Job, chain: &Chain) -> Result<Self, String> {
        settings::can(job)?;
        let text = |error: crate::library::error::ErrorStack| error.to_string();
        let sessions = Arc::new(Mutex::new(Vec::new()));
        Ok(Self {
            client: client(job, chain, sessions.clone()).map_err(text)?,
            server: server(job, chain).map_err(text)?,
            sessions,
            job: job.clone(),
        })
    }

    fn client(&mut self) -> Ours {
        let mut ssl = Ssl::new(&self.client).unwrap();
        settings::expect_host(&mut ssl, NAME);
        ssl.set_hostname(NAME).unwrap();
        let mut sessions = self.sessions.lock().unwrap();
        let session = if self.job.version == 13 { sessions.pop() } else { sessions.last().cloned() };
        if let Some(session) = session {
            // Of the same context, as it must be.
            unsafe { ssl.set_session(&session) }.unwrap();
        }
        Ours { stream: SslStream::new(ssl, Pipe::default()).unwrap(), is_server: false, tickets: None }
    }

    fn server(&mut self, tickets: bool) -> Ours {
        let mut ssl = Ssl::new(&self.server).unwrap();
        if self.job.version == 13 && !tickets {
            settings::no_new_tickets(&mut ssl);
        }
        Ours {
            stream: SslStream::new(ssl, Pipe::default()).unwrap(),
            is_server: true,
            tickets: (self.job.version == 13).then_some(tickets),
        }
    }

    fn has_session(&self) -> bool {
        !self.sessions.lock().unwrap().is_empty()
    }
}

type Built = Result<SslContext, crate::library::error::ErrorStack>;

fn common(job: &Job) -> Result<SslContextBuilder, crate::library::error::ErrorStack> {
    let mut builder = SslContextBuilder::new(SslMethod::tls())?;
    let version = if settings::version(job) == 13 { SslVersion::TLS1_3 } else { SslVersion::TLS1_2 };
    builder.set_min_proto_version(Some(version))?;
    builder.set_max_proto_version(Some(version))?;
    settings::lists(&mut builder, job)?;
    if job.session == Session::Full {
        builder.set_options(SslOptions::NO_TICKET);
    }
    Ok(builder)
}

fn client(job: &Job, chain: &Chain, sessions: Arc<Mutex<Vec<SslSession>>>) -> Built {
    let mut builder = common(job)?;
    builder.cert_store_mut().add_cert(X509::from_pem(&chain.root)?)?;
    builder.set_verify(SslVerifyMode::PEER);
    if job.session == Session::Full {
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    } else {
        builder.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        builder.set_new_session_callback(move |_, session| sessions.lock().unwrap().push(session));
    }
    Ok(builder.build())
}

fn server(job: &Job, chain: &Chain) -> Built {
    let mut builder = common(job)?;
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_session_id_context(b"peers")?;
    let mut certificates = X509::stack_from_pem(&chain.chain)?.into_iter();
    if let Some(leaf) = certificates.next() {
        builder.set_certificate(&leaf)?;
    }
    for above in certificates {
        builder.add_extra_chain_cert(above)?;
    }
    let key = PKey::private_key_from_pem(&chain.key)?;
    builder.set_private_key(&key)?;
    Ok(builder.build())
}

pub(crate) struct Ours {
    stream: SslStream<Pipe>,
    is_server: bool,
    /// Whether a server of TLS 1.3 sends new tickets.
    tickets: Option<bool>,
}

impl End for Ours {
    fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
        let came = !input.is_empty();
        self.stream.get_mut().fill(input);
        if self.is_handshaking() {
            let done = if self.is_server { self.stream.accept() } else { self.stream.connect() };
            match done {
                Err(error) if error.code() != ErrorCode::WANT_READ => panic!("{error}"),
                _ => {}
            }
            if let Some(sends) = self.tickets {
                settings::tickets(&mut self.stream, sends);
            }
        }
        // The tickets of TLS 1.3 come behind the handshake.
        if came && !self.is_handshaking() && !self.stream.get_ref().is_read() {
            assert_eq!(self.read(&mut [0]), 0);
        }
        self.stream.get_mut().drain(output);
    }

    fn is_handshaking(&self) -> bool {
        !self.stream.ssl().is_init_finished()
    }

    fn is_resumed(&self) -> bool {
        self.stream.ssl().session_reused()
    }

    fn send(&mut self, mut data: &[u8], wire: &mut Vec<u8>) {
        while !data.is_empty() {
            data = &data[self.stream.ssl_write(data).unwrap()..];
        }
        self.stream.get_mut().drain(wire);
    }

    fn receive(&mut self, wire: &mut Vec<u8>, room: &mut [u8]) -> usize {
        self.stream.get_mut().fill(wire);
        self.read(room)
    }

    fn release_transport(&mut self) {
        self.stream.get_mut().release();
    }
}

impl Drop for Ours {
    /// As if it had been closed: who is cut off may not resume.
    fn drop(&mut self) {
        self.stream.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }
}

impl Ours {
    /// Reads until there is nothing more.
    fn read(&mut self, room: &mut [u8]) -> usize {
        let mut arrived = 0;
        loop {
            let n = match self.stream.ssl_read(room) {
                Ok(n) => std::hint::black_box(&room[..n]).len(),
                Err(error) if error.code() == ErrorCode::WANT_READ => return arrived,
                Err(error) => panic!("{error}"),
            };
            arrived += n;
            if n < room.len() && self.stream.get_ref().is_read() {
                return arrived;
            }
        }
    }
}
