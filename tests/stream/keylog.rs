//! The key log.

use super::*;
use std::sync::Mutex;

/// What a key log writes to, to look at.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> =
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(Into::into).collect();
        lines.sort();
        lines
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn both_sides_log_the_same_secrets() {
    let (a, b) = pipe();
    let (ours, theirs) = (Page::default(), Page::default());
    let (client_log, server_log) =
        (Arc::new(KeyLog::new(ours.clone())), Arc::new(KeyLog::new(theirs.clone())));
    both(
        move || {
            let mut options = ClientOptions::default();
            options.observer = Some(client_log);
            let config = Arc::new(client_config().groups(&[NamedGroup::X25519]).unwrap());
            let connection = Connection::client_with(&config, name(), options).unwrap();
            TlsStream::new(connection, a).handshake_with(trusting).unwrap();
        },
        move || {
            let connection = Connection::server_with(&Arc::new(server_config()), Some(server_log));
            TlsStream::new(connection, b).handshake().unwrap();
        },
    );
    let lines = ours.lines();
    assert_eq!(lines, theirs.lines());
    let labels: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_TRAFFIC_SECRET_0",
    ];
    assert_eq!(labels, expected);
    let randoms: Vec<&str> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert!(randoms.iter().all(|random| random.len() == 64 && *random == randoms[0]));
    assert!(lines.iter().all(|line| matches!(line.split(' ').nth(2).unwrap().len(), 64 | 96)));
}

#[test]
fn a_key_log_file_is_its_owners() {
    let path = std::env::temp_dir().join(format!("handfast-keylog-{}", std::process::id()));
    let shake = |path: &std::path::Path| {
        let log = Arc::new(KeyLog::append_to(path).unwrap());
        let connection = Connection::server_with(&Arc::new(server_config()), Some(log.clone()));
        let (a, b) = pipe();
        both(
            move || client(client_config(), a).handshake_with(trusting).unwrap(),
            move || TlsStream::new(connection, b).handshake().unwrap(),
        );
        assert!(log.take_error().is_none());
        std::fs::read_to_string(path).unwrap().lines().count()
    };
    assert_eq!((shake(&path), shake(&path)), (5, 10), "appended to");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(KeyLog::append_to(path.join("not a directory")).is_err());
}

#[test]
fn a_key_log_remembers_that_it_could_not_write() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Arc::new(KeyLog::new(Full));
    let connection = Connection::server_with(&Arc::new(server_config()), Some(log.clone()));
    let (a, b) = pipe();
    both(
        move || client(client_config(), a).handshake_with(trusting).unwrap(),
        move || TlsStream::new(connection, b).handshake().unwrap(),
    );
    assert_eq!(log.take_error().unwrap().kind(), ErrorKind::StorageFull);
    assert!(log.take_error().is_none());
}
