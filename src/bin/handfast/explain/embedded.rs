//! A server on loopback, in a thread, whose certificate an authority signed
//! that was made for this run.

use crate::authority::{Authority, DAY};
use handfast::pki::UnixTime;
use handfast::{
    Answer, ClientAuth, Connection, Event, Identity, Judge, PreSharedKey, PreSharedKeys, Reasons,
    ReplayRegister, ServerConfig, TicketKeys,
};
use rcgen::{KeyPair, KeyUsagePurpose};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Bytes of early data that it takes.
const EARLY_DATA: u32 = 16_384;

/// The server, which serves one connection after the other.
pub(crate) struct Embedded {
    pub(crate) address: SocketAddr,
    /// The authority's certificate, PEM.
    pub(crate) authority: String,
    told: Receiver<Reasons>,
}

impl Embedded {
    /// Starts it. `alpn` are the protocols that it speaks; it requests a client
    /// certificate if `ask_client`, and accepts whichever is shown. `classic`
    /// gives it an RSA key and static RSA; with `tickets` it resumes, and with
    /// `early_data` it takes such, and says how much. It has these pre-shared `keys`.
    pub(crate) fn start(
        alpn: &[String],
        ask_client: bool,
        classic: bool,
        tickets: bool,
        early_data: bool,
        keys: Vec<PreSharedKey>,
    ) -> Result<Self, String> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = if classic { classic_certificates(names) } else { certificates(names) };
        let (authority, identity) = made.map_err(|error| format!("rcgen: {error}"))?;
        let alpn: Vec<&[u8]> = alpn.iter().map(String::as_bytes).collect();
        let said = |error: handfast::ConfigError| error.to_string();
        let mut config =
            ServerConfig::new(identity.map_err(said)?, UnixTime::now).alpn(&alpn).map_err(said)?;
        if classic {
            config = config.allow_static_rsa();
        }
        if ask_client {
            config = config.client_auth(ClientAuth::Request(Judge::application_named("accepts whichever")));
        }
        if tickets {
            config = config.tickets(TicketKeys::random());
        }
        if !keys.is_empty() {
            config = config.pre_shared_keys(PreSharedKeys::new(keys).map_err(said)?);
        }
        if early_data {
            config = config.early_data(EARLY_DATA, ReplayRegister::new());
        }
        let config = Arc::new(config);
        let said = |error| format!("the embedded server cannot listen: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(said)?;
        let address = listener.local_addr().map_err(said)?;
        let (tell, told) = channel();
        // It ends with the process.
        thread::spawn(move || {
            while let Ok((tcp, _)) = listener.accept() {
                let _nobody_listens = tell.send(serve(&tcp, &config));
            }
        });
        Ok(Self { address, authority, told })
    }

    /// Waits for the end of its first connection: why it chose what it chose.
    pub(crate) fn reasons(self) -> Reasons {
        self.told.recv().unwrap_or_default()
    }
}

/// One connection, to its end. An error ends it; the client's side tells it.
fn serve(mut tcp: &TcpStream, config: &Arc<ServerConfig>) -> Reasons {
    let mut connection = Connection::server(config);
    let mut early = 0;
    let _without = tcp.set_read_timeout(Some(Duration::from_secs(60)));
    loop {
        let step = match connection.next() {
            Ok(Event::NeedInput) => Step::Read,
            Ok(Event::Ask(_)) => Step::Accept,
            Ok(Event::EarlyData(data)) => {
                early += data.len();
                Step::Consume(data.len())
            }
            Ok(Event::HandshakeDone) if early > 0 => Step::Answer,
            Ok(Event::Data(data)) => Step::Consume(data.len()),
            Ok(Event::Closed(_)) => Step::Close,
            Ok(_) => Step::Go,
            Err(_) => Step::End,
        };
        if matches!(step, Step::Close) {
            connection.close();
        }
        if matches!(step, Step::Answer) {
            let said = format!("{early} B of early data came\n");
            let _as_far_as_it_goes = connection.send(said.as_bytes());
        }
        let n = connection.pending().len();
        let sent = tcp.write_all(connection.pending()).is_ok();
        connection.sent(n);
        match step {
            Step::Go | Step::Answer if sent => {}
            Step::Accept => {
                if connection.answer(Answer::Accept).is_err() {
                    return connection.info().reasons;
                }
            }
            Step::Consume(n) => connection.consume(n),
            Step::Read if sent => {
                let read = connection.space().map(|mut space| {
                    let n = tcp.read(&mut space)?;
                    space.filled(n);
                    std::io::Result::Ok(n)
                });
                match read {
                    Some(Ok(0)) => connection.filled_eof(),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return connection.info().reasons,
                }
            }
            _ => return connection.info().reasons,
        }
    }
}

enum Step {
    Read,
    Accept,
    Consume(usize),
    Answer,
    Close,
    Go,
    End,
}

type Made = (String, Result<Identity, handfast::ConfigError>);

/// How long the certificates are good.
const LIFE: Duration = Duration::from_secs(7 * DAY.as_secs());

/// The key of the classic handshake's server: ring, with which all other keys
/// are made, makes none for RSA.
const CLASSIC_KEY: &str = include_str!("classic-key.pem");

/// An authority, in PEM, and a certificate of its for these names. The
/// authority's key is not kept: nothing more can be signed.
fn certificates(names: Vec<String>) -> Result<Made, rcgen::Error> {
    certified(names, &KeyPair::generate()?, &[KeyUsagePurpose::DigitalSignature])
}

/// The same for an RSA key, to which clients may encrypt.
fn classic_certificates(names: Vec<String>) -> Result<Made, rcgen::Error> {
    let usages = [KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    certified(names, &KeyPair::from_pem(CLASSIC_KEY)?, &usages)
}

fn certified(names: Vec<String>, key: &KeyPair, usages: &[KeyUsagePurpose]) -> Result<Made, rcgen::Error> {
    let authority = Authority::make("handfast's authority for this run", KeyPair::generate()?, LIFE)?;
    let identity = authority.sign(names, key, usages, LIFE)?;
    Ok((authority.pem, identity))
}
