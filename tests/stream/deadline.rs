//! A time for the whole handshake, over sockets that wait.

use super::*;

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

fn is_late(error: &io::Error) -> bool {
    error.kind() == ErrorKind::TimedOut
        && matches!(Error::of_io(error), Some(Error::TimedOut { waited_for: "the peer", .. }))
}

/// A peer that drips for ever is given up: with a timeout that begins again with
/// each byte this test does not end.
#[test]
fn a_peer_that_drips_gets_no_more_time() {
    let (near, mut far) = sockets();
    near.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let drips = thread::spawn(move || {
        let hello = [22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb, 3, 3];
        for byte in hello.into_iter().chain(std::iter::repeat(0)) {
            thread::sleep(Duration::from_millis(5));
            if far.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let mut tls = server(server_config(), near);
    let error = tls.handshake_within(Duration::from_millis(100), |_| None).unwrap_err();
    assert!(is_late(&error), "{error}");
    // The socket is as it was.
    assert_eq!(tls.get_ref().read_timeout().unwrap(), Some(Duration::from_secs(60)));
    assert_eq!(tls.get_ref().write_timeout().unwrap(), None);
    drop(tls);
    drips.join().unwrap();
}

/// A peer that comes late finds the handshake where it was.
#[test]
fn a_handshake_that_was_late_goes_on() {
    let (near, far) = sockets();
    let mut tls = client(client_config(), near);
    let error = tls.handshake_within(Duration::from_millis(20), trusting).unwrap_err();
    assert!(is_late(&error), "{error}");
    let serves = thread::spawn(move || {
        let mut tls = server(server_config(), far);
        tls.handshake_within(Duration::MAX, |_| None).unwrap();
        tls.write_all(b"at last").unwrap();
    });
    tls.handshake_within(Duration::from_secs(60), trusting).unwrap();
    let mut got = [0; 7];
    tls.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"at last");
    serves.join().unwrap();
}
