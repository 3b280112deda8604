//! Observers of all connections of a configuration, beside those of one.

use super::*;
use handfast::observe::{Direction, Observed, Observer};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The handshake messages that were heard, by their types.
#[derive(Default)]
struct Heard(Mutex<Vec<u8>>);

impl Observer for Heard {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Message { direction: Direction::Out, bytes, .. } = event {
            self.0.lock().unwrap().push(bytes[0]);
        }
    }
}

impl Heard {
    fn count(&self, kind: u8) -> usize {
        self.0.lock().unwrap().iter().filter(|heard| **heard == kind).count()
    }
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

#[test]
fn all_connections_of_a_configuration_are_heard_and_their_own_observers_too() {
    let [shared, own, serving] = [(); 3].map(|()| Arc::new(Heard::default()));
    let (made, each) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, keep) = (Arc::clone(&made), Arc::clone(&each));
    let client = client_config().observer(shared.clone()).observer_for_each(move || {
        // Every second connection.
        (count.fetch_add(1, Ordering::Relaxed) % 2 == 1).then(|| {
            let heard = Arc::new(Heard::default());
            keep.lock().unwrap().push(Arc::clone(&heard));
            heard as Arc<dyn Observer>
        })
    });
    let (client, server) = (Arc::new(client), Arc::new(server_config().observer(serving.clone())));
    for place in 0..4 {
        let (a, b) = pipe();
        let mut options = ClientOptions::default();
        if place == 3 {
            options.observer = Some(own.clone());
        }
        let connection = Connection::client_with(&client, name(), options).unwrap();
        let mut tls = TlsStream::new(connection, a);
        let server = Arc::clone(&server);
        let (told, served) =
            both(move || tls.handshake_with(trusting), move || TlsStream::server(&server, b).handshake());
        told.unwrap();
        served.unwrap();
    }
    assert_eq!((shared.count(CLIENT_HELLO), own.count(CLIENT_HELLO)), (4, 1));
    assert_eq!(serving.count(SERVER_HELLO), 4);
    assert_eq!(made.load(Ordering::Relaxed), 4);
    let each = each.lock().unwrap();
    assert_eq!(each.iter().map(|heard| heard.count(CLIENT_HELLO)).collect::<Vec<_>>(), [1, 1]);
}

/// Of each connection, whether its configuration was there from the beginning or is
/// chosen by the ClientHello.
#[test]
fn a_key_log_has_the_secrets_of_all_connections() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let config = Arc::new(server_config().observer(Arc::new(KeyLog::new(lines.clone()))));
    for chosen_late in [false, true] {
        let ((a, b), config) = (pipe(), Arc::clone(&config));
        let mut tls = client(client_config(), a);
        let (told, served) = both(
            move || tls.handshake_with(trusting),
            move || match chosen_late {
                false => TlsStream::server(&config, b).handshake(),
                true => TlsStream::new(Connection::server_asking(None), b).handshake_with(|question| {
                    assert!(matches!(question, Question::Configuration { .. }));
                    Some(Answer::Configuration(Arc::clone(&config)))
                }),
            },
        );
        told.unwrap();
        served.unwrap();
    }
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let of = |label: &str| text.lines().filter(|line| line.starts_with(label)).collect::<Vec<_>>();
    let traffic = of("CLIENT_TRAFFIC_SECRET_0 ");
    assert_eq!(traffic.len(), 2, "{text}");
    assert_ne!(traffic[0].split(' ').nth(1), traffic[1].split(' ').nth(1), "each by its client's random");
}
