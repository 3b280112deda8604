//! What each adapter writes to its stream, and in how many calls.

use super::*;
use handfast::limits;
use std::io::IoSlice;
use std::sync::Mutex;

/// Bytes of the largest record around its content, in TLS 1.3.
const AROUND: usize = limits::RECORD_HEADER + 1 + 16;

/// Bytes of one call each.
type Calls = Arc<Mutex<Vec<Vec<u8>>>>;

/// Notes what is written to the stream below.
struct Noted<S> {
    stream: S,
    calls: Calls,
    /// Calls that read something.
    reads: usize,
}

impl<S> Noted<S> {
    fn new(stream: S) -> (Self, Calls) {
        let calls = Calls::default();
        (Self { stream, calls: calls.clone(), reads: 0 }, calls)
    }
}

impl<S: Read> Read for Noted<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(into)?;
        self.reads += usize::from(n > 0);
        Ok(n)
    }
}

impl<S: Write> Write for Noted<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls.lock().unwrap().push(bytes.to_vec());
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use super::Noted;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(cx, buf)
        }
    }

    impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.calls.lock().unwrap().push(buf.to_vec());
            Pin::new(&mut self.stream).poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }
    }
}

/// What was written since the last look: bytes of each call.
fn lengths(calls: &Calls) -> Vec<usize> {
    calls.lock().unwrap().drain(..).map(|call| call.len()).collect()
}

fn count(calls: &Calls) -> usize {
    calls.lock().unwrap().len()
}

/// The same: content of each record, as its header tells it.
fn records(calls: &Calls) -> Vec<usize> {
    let bytes = std::mem::take(&mut *calls.lock().unwrap()).concat();
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while let [23, 3, 3, high, low, ..] = rest {
        let record = limits::RECORD_HEADER + usize::from(u16::from_be_bytes([*high, *low]));
        records.push(record - AROUND);
        rest = &rest[record..];
    }
    assert_eq!(rest, b"");
    records
}

/// A client whose writes are noted, and its server. No call is noted yet.
fn noted(config: ClientConfig) -> (TlsStream<Noted<Pipe>>, Calls, TlsStream<Pipe>) {
    let (a, b) = pipe();
    let (a, calls) = Noted::new(a);
    let (client, server) = connected_over(config, a, b);
    calls.lock().unwrap().clear();
    (client, calls, server)
}

/// What tokio's adapter writes; `write` gets it when the handshake is done.
#[cfg(feature = "tokio")]
fn by_tokio<F: Future<Output = handfast::AsyncTlsStream<Noted<tokio::io::DuplexStream>>>>(
    config: ClientConfig,
    write: impl FnOnce(handfast::AsyncTlsStream<Noted<tokio::io::DuplexStream>>) -> F,
) -> Calls {
    use handfast::AsyncTlsStream;
    let (a, b) = tokio::io::duplex(2 << 20);
    let (a, calls) = Noted::new(a);
    let mut client = AsyncTlsStream::client(&Arc::new(config), name(), a).unwrap();
    let mut server = AsyncTlsStream::server(&Arc::new(server_config()), b);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (one, other) = tokio::join!(client.handshake_with(trusting), server.handshake());
        one.and(other).unwrap();
        calls.lock().unwrap().clear();
        drop(write(client).await);
    });
    calls
}

#[test]
fn a_large_write_leaves_in_one_call_for_four_records() {
    let data = noise(1 << 20);
    let expected = vec![4 * (limits::RECORD_PLAINTEXT + AROUND); 16];

    let (mut client, calls, mut server) = noted(client_config());
    client.write_all(&data).unwrap();
    assert_eq!(lengths(&calls), expected);
    let mut got = vec![0; data.len()];
    server.read_exact(&mut got).unwrap();
    assert!(got == data);

    let (reader, mut writer) = client
        .split(|stream| {
            let (to, calls) = (stream.stream.writer(), stream.calls.clone());
            Ok(Noted { stream: to, calls, reads: 0 })
        })
        .unwrap();
    writer.write_all(&data).unwrap();
    assert_eq!(lengths(&calls), expected);
    drop(reader);

    #[cfg(feature = "tokio")]
    {
        use tokio::io::AsyncWriteExt;
        let calls = by_tokio(client_config(), |mut client| async move {
            client.write_all(&data).await.unwrap();
            client
        });
        assert_eq!(lengths(&calls), expected);
    }
}

#[test]
fn a_stream_in_bulk_is_read_in_one_call_for_a_record() {
    let data = noise(1 << 20);
    let records = data.len() / limits::RECORD_PLAINTEXT;
    let (mut client, _, mut server) = noted(client_config());
    server.write_all(&data).unwrap();
    let mut got = vec![0; data.len()];
    client.read_exact(&mut got[..1]).unwrap();
    // The first ones find the small buffer.
    let before = client.get_ref().reads;
    client.read_exact(&mut got[1..]).unwrap();
    assert!(got == data);
    assert!(client.get_ref().reads - before <= records, "{}", client.get_ref().reads - before);
}

#[test]
fn many_slices_share_records_and_a_call() {
    let long = noise(20_000);
    let slices: [&[u8]; 6] = [b"", b"head", b"", b"er:", &long, b"end"];
    let whole = slices.concat();
    let expected = [limits::RECORD_PLAINTEXT, whole.len() - limits::RECORD_PLAINTEXT];

    let (mut client, calls, mut server) = noted(client_config());
    let mut got = vec![0; whole.len()];
    assert_eq!(client.write_vectored(&slices.map(IoSlice::new)).unwrap(), whole.len());
    assert_eq!((count(&calls), records(&calls)), (1, expected.to_vec()));
    server.read_exact(&mut got).unwrap();
    assert!(got == whole);
    // Nothing to say is said in no record.
    assert_eq!(client.write_vectored(&[IoSlice::new(b""); 2]).unwrap(), 0);
    assert_eq!(records(&calls), []);

    let (reader, mut writer) = client
        .split(|stream| {
            let (to, calls) = (stream.stream.writer(), stream.calls.clone());
            Ok(Noted { stream: to, calls, reads: 0 })
        })
        .unwrap();
    assert_eq!(writer.write_vectored(&slices.map(IoSlice::new)).unwrap(), whole.len());
    assert_eq!((count(&calls), records(&calls)), (1, expected.to_vec()));
    server.read_exact(&mut got).unwrap();
    assert!(got == whole);
    drop(reader);
}

#[test]
fn records_begin_small_where_the_configuration_says_so() {
    let data = noise(200_000);
    let few: usize = limits::SMALL_RECORDS.into();
    let begins = |records: &[usize]| {
        assert_eq!(records[..few], vec![limits::SMALL_RECORD; few]);
        assert_eq!(records[few..].iter().max(), Some(&limits::RECORD_PLAINTEXT));
        assert!(records[few..records.len() - 1].iter().all(|record| *record > 1_024), "{records:?}");
        assert_eq!(records.iter().sum::<usize>(), 200_000);
    };

    let (mut client, calls, mut server) = noted(client_config().dynamic_record_size());
    client.write_all(&data).unwrap();
    begins(&records(&calls));
    // From then on they are large, until it rests.
    client.write_all(&data[..limits::RECORD_PLAINTEXT]).unwrap();
    assert_eq!(records(&calls), [limits::RECORD_PLAINTEXT]);
    client.connection_mut().rest();
    client.write_all(&data).unwrap();
    begins(&records(&calls));
    let mut got = vec![0; 200_000];
    server.read_exact(&mut got).unwrap();
    assert!(got == data);

    // Where nothing is said, and with a smaller largest record.
    let (mut client, calls, _server) = noted(client_config());
    client.write_all(&data[..limits::RECORD_PLAINTEXT]).unwrap();
    client.connection_mut().rest();
    client.write_all(&data[..limits::RECORD_PLAINTEXT]).unwrap();
    assert_eq!(records(&calls), [limits::RECORD_PLAINTEXT; 2]);
    let (mut client, calls, _server) =
        noted(client_config().dynamic_record_size().largest_record(1_000).unwrap());
    client.write_all(&data[..5_000]).unwrap();
    assert_eq!(records(&calls), [1_000; 5]);

    #[cfg(feature = "tokio")]
    {
        use tokio::io::AsyncWriteExt;
        let calls = by_tokio(client_config().dynamic_record_size(), |mut client| async move {
            client.write_all(&data).await.unwrap();
            client
        });
        begins(&records(&calls));
    }
}

#[test]
fn a_servers_records_begin_small_too() {
    let (a, b) = pipe();
    let (b, calls) = Noted::new(b);
    let (_client, mut server) = both(
        move || {
            let mut stream = client(client_config(), a);
            stream.handshake_with(trusting).unwrap();
            stream
        },
        move || {
            let mut stream = server(server_config().dynamic_record_size(), b);
            stream.handshake().unwrap();
            stream
        },
    );
    calls.lock().unwrap().clear();
    server.write_all(&[7; 3_000]).unwrap();
    assert_eq!(
        records(&calls),
        [limits::SMALL_RECORD, limits::SMALL_RECORD, 3_000 - 2 * limits::SMALL_RECORD]
    );
}
