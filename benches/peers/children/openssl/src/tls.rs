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
    /// The newest session of the client: it may be used again.
    session: Arc<Mutex<Option<SslSession>>>,
    job: Job,
}

impl Peer for Library {
    type Client = Ours;
    type Server = Ours;

    fn new(job: &Job, chain: &Chain) -> Result<Self, String> {
        settings::can(job)?;
        let text = |error: crate::library::error::ErrorStack| error.to_string();
        let session = Arc::new(Mutex::new(None));
        Ok(Self {
            client: client(job, chain, session.clone()).map_err(text)?,
            server: server(job, chain).map_err(text)?,
            session,
            job: job.clone(),
        })
    }

    fn client(&mut self) -> Ours {
        let mut ssl = Ssl::new(&self.client).unwrap();
        settings::expect_host(&mut ssl, NAME);
        ssl.set_hostname(NAME).unwrap();
        if let Some(session) = &*self.session.lock().unwrap() {
            // Of the same context, as it must be.
            unsafe { ssl.set_session(session) }.unwrap();
        }
        ssl.set_connect_state();
        Ours { stream: SslStream::new(ssl, Pipe::default()).unwrap(), quiet: false }
    }

    fn server(&mut self, tickets: bool) -> Ours {
        let mut ssl = Ssl::new(&self.server).unwrap();
        ssl.set_accept_state();
        if self.job.version == 13 && !tickets {
            settings::no_new_tickets_at_first(&mut ssl);
        }
        Ours {
            stream: SslStream::new(ssl, Pipe::default()).unwrap(),
            quiet: self.job.version == 13 && !tickets,
        }
    }

    fn has_session(&self) -> bool {
        self.session.lock().unwrap().is_some()
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

fn client(job: &Job, chain: &Chain, sessions: Arc<Mutex<Option<SslSession>>>) -> Built {
    let mut builder = common(job)?;
    builder.cert_store_mut().add_cert(X509::from_pem(&chain.root)?)?;
    builder.set_verify(SslVerifyMode::PEER);
    if job.session == Session::Full {
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    } else {
        builder.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        builder.set_new_session_callback(move |_, session| *sessions.lock().unwrap() = Some(session));
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
    /// A server that shall send no ticket.
    quiet: bool,
}

impl End for Ours {
    fn step(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
        let came = !input.is_empty();
        self.stream.get_mut().fill(input);
        if self.is_handshaking() {
            match self.stream.do_handshake() {
                Err(error) if error.code() != ErrorCode::WANT_READ => panic!("{error}"),
                _ => {}
            }
            if self.quiet {
                settings::no_new_tickets(&mut self.stream);
            }
        }
        // The tickets of TLS 1.3 come behind the handshake.
        if came && !self.is_handshaking() && !self.stream.get_ref().is_read() {
            assert_eq!(self.read(), 0);
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

    fn receive(&mut self, wire: &mut Vec<u8>) -> usize {
        self.stream.get_mut().fill(wire);
        self.read()
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
    fn read(&mut self) -> usize {
        let (mut arrived, mut into) = (0, [0; 16 * 1024]);
        loop {
            match self.stream.ssl_read(&mut into) {
                Ok(n) => arrived += std::hint::black_box(&into[..n]).len(),
                Err(error) if error.code() == ErrorCode::WANT_READ => return arrived,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
