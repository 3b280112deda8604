//! A fleet whose machines serve with threads and with tokio, over TCP.

use crate::log::{ready, settings};
use crate::pair::identity;
use crate::redis::Redis;
use crate::{Case, case};
use handfast::fleet::Fleet;
use handfast::pki::{ServerName, UnixTime};
use handfast::{
    ClientConfig, ClientSessions, Connection, EarlyData, EarlyReason, Identity, Judge, ServerConfig,
    TlsAcceptor, TlsStream,
};
use libtest_mimic::Failed;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn cases() -> Vec<Case> {
    vec![case("threads and tokio share sessions, and one register", threads_and_tokio)]
}

const REQUEST: &[u8] = b"GET /";
const ANSWER: &[u8] = b"here you are";

/// What became of a connection at a server, and what came as early data.
type Served = (EarlyData, Vec<u8>);

fn config(fleet: &Fleet, identity: &Arc<Identity>) -> Arc<ServerConfig> {
    let config = ServerConfig::new(identity.clone(), UnixTime::now).early_data(16_384, fleet);
    Arc::new(fleet.configure(config.early_data_window(Duration::from_secs(60)).unwrap()))
}

fn with_threads(fleet: Fleet, config: Arc<ServerConfig>, tell: Sender<Served>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut tls = TlsStream::server(&config, tcp.unwrap());
            let mut early = Vec::new();
            let served = tls.handshake_with(|question| fleet.answer(&question)).and_then(|()| {
                let mut some = [0; REQUEST.len()];
                let n = tls.early_reader().read(&mut some)?;
                early.extend_from_slice(&some[..n]);
                tls.read_exact(&mut some[n..])?;
                tls.write_all(ANSWER)?;
                // Tickets go to whoever is there.
                tls.handshake()?;
                tls.close()
            });
            let _a_replay_goes_no_further = served;
            tell.send((tls.info().early_data, early)).unwrap();
        }
    });
    address
}

fn with_tokio(fleet: Fleet, config: Arc<ServerConfig>, tell: Sender<Served>) -> SocketAddr {
    let (bound, address) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            bound.send(listener.local_addr().unwrap()).unwrap();
            let acceptor = TlsAcceptor::new(config).answering(fleet.answering());
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let Ok(mut tls) = acceptor.accept(tcp).await else {
                    // Without its handshake there is nobody to ask what became of it.
                    let refused = EarlyData::Rejected(EarlyReason::Replayed);
                    tell.send((refused, Vec::new())).unwrap();
                    continue;
                };
                let mut some = [0; REQUEST.len()];
                let n = tls.early_reader().read(&mut some).await.unwrap();
                let early = some[..n].to_vec();
                if tls.read_exact(&mut some[n..]).await.is_ok() {
                    let _gone = tls.write_all(ANSWER).await;
                    let _gone = tls.handshake().await;
                    let _gone = tls.shutdown().await;
                }
                tell.send((tls.info().early_data, early)).unwrap();
            }
        });
    });
    address.recv().unwrap()
}

fn get(client: &Arc<ClientConfig>, server: SocketAddr, early: bool) -> (bool, EarlyData) {
    let mut connection = Connection::client(client, ServerName::try_from("server.example").unwrap()).unwrap();
    let sent = if early { connection.send_early(REQUEST).unwrap() } else { 0 };
    let mut tls = TlsStream::new(connection, TcpStream::connect(server).unwrap());
    tls.handshake_with(|_| Some(handfast::Answer::Accept)).unwrap();
    let taken = tls.info().early_data == EarlyData::Accepted;
    tls.write_all(if taken { &REQUEST[sent..] } else { REQUEST }).unwrap();
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, ANSWER);
    (tls.info().resumed, tls.info().early_data)
}

fn threads_and_tokio() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let identity = Arc::new(identity());
    let machine = || ready(&redis, settings(&redis).early_data_window(Duration::from_secs(60)).unwrap()).0;
    let ((tell, told), [one, other]): ((Sender<Served>, Receiver<Served>), _) =
        (channel(), [machine(), machine()]);
    let (one_config, other_config) = (config(&one, &identity), config(&other, &identity));
    let threads = with_threads(one, one_config, tell.clone());
    let tokio = with_tokio(other, other_config, tell);
    let client =
        ClientConfig::new(Judge::application_named("test"), UnixTime::now).sessions(ClientSessions::new());
    let client = Arc::new(client.early_data());
    assert!(!get(&client, threads, false).0);
    told.recv()?;
    // Early data is taken by either, of the other's sessions.
    for server in [tokio, threads, tokio] {
        assert_eq!(get(&client, server, true), (true, EarlyData::Accepted));
        assert_eq!(told.recv()?, (EarlyData::Accepted, REQUEST.to_vec()));
    }
    // And once by both.
    for servers in [[threads, tokio, threads, tokio], [tokio, threads, tokio, threads]] {
        let mut client =
            Connection::client(&client, ServerName::try_from("server.example").unwrap()).unwrap();
        assert_eq!(client.send_early(REQUEST)?, REQUEST.len());
        let mut taken = Vec::new();
        for server in servers {
            let mut tcp = TcpStream::connect(server)?;
            tcp.write_all(client.pending())?;
            tcp.shutdown(Shutdown::Write)?;
            let _until_it_is_closed = std::io::copy(&mut tcp, &mut std::io::sink());
            taken.push(told.recv()?);
        }
        assert_eq!(taken[0], (EarlyData::Accepted, REQUEST.to_vec()));
        for replayed in &taken[1..] {
            assert_eq!(replayed, &(EarlyData::Rejected(EarlyReason::Replayed), Vec::new()));
        }
    }
    Ok(())
}
