//! The client of what h2load and wrk do not measure: new connections, and connections
//! that do nothing. It verifies no certificate, so that the server is who is waited for.
//!
//! ```text
//! client connect full|resumed SECONDS PORT     connections, and the seconds that they took
//! client idle COUNT BYTES http|echo PORT       "ready", and waits for the end of its input
//! ```

use handfast_load::{Failure, NAME, TICKETS};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, SignatureScheme};
use std::io::Read;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Handshakes that are on their way at the same time.
const AT_ONCE: usize = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["connect", kind @ ("full" | "resumed"), seconds, port] => {
            connect(*kind == "resumed", Duration::from_secs_f64(seconds.parse()?), port.parse()?).await
        }
        ["idle", count, bytes, kind, port] => {
            idle(count.parse()?, bytes.parse()?, *kind == "http", port.parse()?).await
        }
        _ => Err("connect full|resumed SECONDS PORT, or idle COUNT BYTES http|echo PORT".into()),
    }
}

/// Connects, asks for a page and reads it to its end, again and again.
async fn connect(resumes: bool, duration: Duration, port: u16) -> Result<(), Failure> {
    let (start, mut tasks) = (Instant::now(), JoinSet::new());
    for _ in 0..AT_ONCE {
        tasks.spawn(async move {
            let connector = connector(resumes);
            let (mut done, mut first) = (0, true);
            while start.elapsed() < duration {
                let mut tls = open(&connector, port).await?;
                let kind = tls.get_ref().1.handshake_kind();
                if (kind == Some(HandshakeKind::Resumed)) != (resumes && !first) {
                    return Err::<u64, Failure>(format!("a handshake was {kind:?}").into());
                }
                tls.write_all(b"GET / HTTP/1.1\r\nHost: server.example\r\nConnection: close\r\n\r\n").await?;
                let mut page = Vec::new();
                tls.read_to_end(&mut page).await?;
                if !page.starts_with(b"HTTP/1.1 200") {
                    return Err("the server has no page".into());
                }
                first = false;
                done += 1;
            }
            Ok(done)
        });
    }
    let mut all = 0;
    while let Some(done) = tasks.join_next().await {
        all += done??;
    }
    println!("{all} {}", start.elapsed().as_secs_f64());
    Ok(())
}

/// Opens connections, lets each carry something there and back, and keeps them.
async fn idle(count: usize, bytes: usize, is_http: bool, port: u16) -> Result<(), Failure> {
    let left = Arc::new(AtomicU32::new(u32::try_from(count)?));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let left = left.clone();
        tasks.spawn(async move {
            let (connector, mut open_ones) = (connector(false), Vec::new());
            while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                let mut tls = open(&connector, port).await?;
                match is_http {
                    true => ask(&mut tls).await?,
                    false => exchange(&mut tls, bytes).await?,
                }
                // The TCP connection alone is kept: the server's memory is measured.
                open_ones.push(tls.into_inner().0);
            }
            Ok::<_, Failure>(open_ones)
        });
    }
    let mut all = Vec::new();
    while let Some(open_ones) = tasks.join_next().await {
        all.extend(open_ones??);
    }
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    drop(all);
    Ok(())
}

async fn exchange(tls: &mut TlsStream<TcpStream>, bytes: usize) -> Result<(), Failure> {
    let (mut sent, mut back) = (vec![b'x'; bytes], [0; 16 * 1024]);
    for piece in sent.chunks_mut(back.len()) {
        tls.write_all(piece).await?;
        tls.flush().await?;
        tls.read_exact(&mut back[..piece.len()]).await?;
    }
    Ok(())
}

async fn ask(tls: &mut TlsStream<TcpStream>) -> Result<(), Failure> {
    tls.write_all(b"GET / HTTP/1.1\r\nHost: server.example\r\n\r\n").await?;
    let mut page = Vec::new();
    while !page.ends_with(b"Hello, world!") {
        if tls.read_buf(&mut page).await? == 0 {
            return Err("the server has no page".into());
        }
    }
    Ok(())
}

async fn open(connector: &TlsConnector, port: u16) -> Result<TlsStream<TcpStream>, Failure> {
    // One address has ports for some 28,000 connections, those that were closed a
    // minute ago among them: there are more addresses in 127.0.0.0/8.
    static TURN: AtomicU32 = AtomicU32::new(0);
    let from = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + TURN.fetch_add(1, Relaxed) % 64);
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let tcp = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?;
    tcp.set_nodelay(true)?;
    Ok(connector.connect(ServerName::try_from(NAME)?, tcp).await?)
}

fn connector(resumes: bool) -> TlsConnector {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let trusting = Arc::new(Trusting(provider.clone()));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3 has suites")
        .dangerous()
        .with_custom_certificate_verifier(trusting)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = match resumes {
        true => Resumption::store(Arc::new(ClientSessionMemoryCache::new(usize::from(TICKETS)))),
        false => Resumption::disabled(),
    };
    Arc::new(config).into()
}

#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
