//! A client's early data through the adapters, to a server that takes it.

use super::*;
use handfast::pki::Verifier;
use handfast::{ClientSessions, EarlyData, EarlyReason, ReplayRegister, TicketKeys};
use std::sync::Mutex;

const MOST: u32 = 5_000;

/// A client with a session at hand, and the server that takes its early data.
fn primed() -> (ClientConfig, ServerConfig) {
    let (certificate, key) = made();
    let client = ClientConfig::new(Verifier::exactly(certificate.clone()), UnixTime::now)
        .sessions(ClientSessions::new())
        .early_data();
    let server = ServerConfig::new(Identity::new(vec![certificate], &key).unwrap(), UnixTime::now)
        .tickets(TicketKeys::random())
        .early_data(MOST, ReplayRegister::new());
    let (near, far) = pipe();
    let peer = serve(&server, far);
    let mut tls = super::client(client.clone(), near);
    tls.write_all(b"first").unwrap();
    tls.close().unwrap();
    assert_eq!(tls.info().early_data, EarlyData::NotOffered(EarlyReason::NoSession));
    assert!(tls.early_writer().is_none());
    io::copy(&mut tls, &mut io::sink()).unwrap();
    assert_eq!(peer.join().unwrap(), (vec![], b"first".to_vec()));
    (client, server)
}

/// Takes early data and data, and answers; what came as which.
fn serve(config: &ServerConfig, far: Pipe) -> thread::JoinHandle<(Vec<u8>, Vec<u8>)> {
    let mut tls = server(config.clone(), far);
    thread::spawn(move || {
        let (mut early, mut data) = (Vec::new(), Vec::new());
        tls.early_reader().read_to_end(&mut early).unwrap();
        tls.read_to_end(&mut data).unwrap();
        tls.write_all(b"answer").unwrap();
        tls.close().unwrap();
        (early, data)
    })
}

/// Writes down each write.
struct Recorder(Pipe, Arc<Mutex<Vec<Vec<u8>>>>);

impl Read for Recorder {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.lock().unwrap().push(bytes.to_vec());
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The types of the records.
fn kinds(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        kinds.push(*kind);
        bytes = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
    }
    kinds
}

/// What is left is written behind the handshake.
fn finish(tls: &mut TlsStream<impl Read + Write>, rest: &[u8]) {
    tls.write_all(rest).unwrap();
    tls.close().unwrap();
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"answer");
}

#[test]
fn the_first_write_holds_the_client_hello_and_early_data() {
    let (client, server) = primed();
    let (near, far) = pipe();
    let writes = Arc::default();
    // Nobody answers yet: nothing is waited for.
    let mut tls = super::client(client, Recorder(near, Arc::clone(&writes)));
    let mut early = tls.early_writer().unwrap();
    let two = [io::IoSlice::new(b"GET "), io::IoSlice::new(b"/")];
    assert_eq!(early.write_vectored(&two).unwrap(), 5);
    early.flush().unwrap();
    let written: Vec<Vec<u8>> = writes.lock().unwrap().clone();
    assert_eq!(written.len(), 1);
    assert_eq!(kinds(&written[0]), [22, 20, 23]);
    assert_eq!(tls.early_writer().unwrap().write(b" HTTP").unwrap(), 5);
    let peer = serve(&server, far);
    tls.handshake().unwrap();
    assert_eq!((tls.info().early_data, tls.info().early_data_sent), (EarlyData::Accepted, 10));
    assert!(tls.early_writer().is_none());
    finish(&mut tls, b"data");
    assert_eq!(peer.join().unwrap(), (b"GET / HTTP".to_vec(), b"data".to_vec()));
}

#[test]
fn no_more_than_the_ticket_allows() {
    let (client, server) = primed();
    let (near, far) = pipe();
    let mut tls = super::client(client, near);
    let mut early = tls.early_writer().unwrap();
    assert_eq!(early.write(&[7; 20_000]).unwrap(), MOST as usize);
    assert_eq!(early.write(b"more").unwrap(), 0);
    assert_eq!(early.write_all(b"more").unwrap_err().kind(), ErrorKind::WriteZero);
    assert!(tls.early_writer().is_none());
    let peer = serve(&server, far);
    tls.handshake().unwrap();
    assert_eq!((tls.info().early_data, tls.info().early_data_sent), (EarlyData::Accepted, MOST));
    finish(&mut tls, b"");
    assert_eq!(peer.join().unwrap(), (vec![7; MOST as usize], vec![]));
}

#[test]
fn what_is_rejected_is_written_again_by_nobody_else() {
    let (client, server) = primed();
    let (near, far) = pipe();
    let mut tls = super::client(client, near);
    tls.early_writer().unwrap().write_all(b"early").unwrap();
    let peer = serve(&server.groups(&[NamedGroup::SECP384R1]).unwrap(), far);
    tls.handshake().unwrap();
    let info = tls.info();
    assert_eq!((info.early_data, info.early_data_sent), (EarlyData::Rejected(EarlyReason::Retried), 5));
    finish(&mut tls, b"again");
    assert_eq!(peer.join().unwrap(), (vec![], b"again".to_vec()));
}

/// A stream that is broken or takes nothing says so by the next call.
#[test]
fn a_broken_stream_is_told_by_the_next_write() {
    let (client, _) = primed();
    let (near, far) = pipe();
    let mut tls = super::client(client, near);
    drop(far);
    let mut early = tls.early_writer().unwrap();
    assert_eq!(early.write(b"early").unwrap(), 5);
    assert_eq!(early.write(b"later").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(tls.info().early_data_sent, 5);
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use super::*;
    use handfast::{AsyncTlsStream, TlsConnector};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    async fn serve(config: ServerConfig, far: DuplexStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
        serve_over(AsyncTlsStream::server(&Arc::new(config), far)).await
    }

    async fn serve_over(mut tls: AsyncTlsStream<DuplexStream>) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut early, mut data) = (Vec::new(), Vec::new());
        tls.early_reader().read_to_end(&mut early).await?;
        tls.write_all(b"answer").await?;
        tls.read_to_end(&mut data).await?;
        tls.shutdown().await?;
        Ok((early, data))
    }

    /// With a pipe that holds little, too: all of it goes, and is taken.
    #[tokio::test]
    async fn a_connector_sends_it_on_the_way() {
        for (holds, most, expected) in [(16_384, 5, EarlyData::Accepted), (100, 30_000, EarlyData::Accepted)]
        {
            let (client, server) = primed();
            let (near, far) = duplex(holds);
            let peer = tokio::spawn(serve(server, far));
            let data = vec![7; most];
            let connector = TlsConnector::new(client);
            let options = ClientOptions::default();
            let mut tls = connector.connect_early(name(), options, near, &data).await.unwrap();
            let sent = most.min(MOST as usize);
            assert_eq!((tls.info().early_data, tls.info().early_data_sent as usize), (expected, sent));
            let mut answer = [0; 6];
            tls.read_exact(&mut answer).await.unwrap();
            tls.write_all(&data[sent..]).await.unwrap();
            tls.shutdown().await.unwrap();
            let (early, data) = peer.await.unwrap().unwrap();
            assert_eq!((early.len(), data.len(), &answer), (sent, most - sent, b"answer"));
        }
    }

    #[tokio::test]
    async fn an_early_writer_of_its_own() {
        let (client, server) = primed();
        let (near, mut far) = duplex(16_384);
        let mut tls = AsyncTlsStream::client(&Arc::new(client), name(), near).unwrap();
        let mut early = tls.early_writer().unwrap();
        early.write_all(b"early").await.unwrap();
        early.shutdown().await.unwrap();
        // Nobody has answered, and one flight is there.
        let mut flight = vec![0; 4096];
        let n = far.read(&mut flight).await.unwrap();
        flight.truncate(n);
        assert_eq!(kinds(&flight), [22, 20, 23]);
        let far = AsyncTlsStream::server(&Arc::new(server), far).with_read_bytes(&flight);
        let peer = tokio::spawn(serve_over(far));
        tls.handshake().await.unwrap();
        assert_eq!((tls.info().early_data, tls.info().early_data_sent), (EarlyData::Accepted, 5));
        assert!(tls.early_writer().is_none());
        tls.shutdown().await.unwrap();
        assert_eq!(peer.await.unwrap().unwrap(), (b"early".to_vec(), vec![]));
    }
}
