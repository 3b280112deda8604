//! Connections over TCP while their server's certificate is replaced.

use crate::kit::{Authority, Scratch, leaf, reloader};
use handfast::pki::{Roots, ServerName, UnixTime, Verifier};
use handfast::{ClientConfig, ClientSessions, Live, ServerConfig, TicketKeys, TlsStream};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

const NAME: &str = "a.example";

/// Answers each line with itself; each connection takes what is in force when it comes.
fn echo(live: Live<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let config = live.current();
            thread::spawn(move || -> std::io::Result<()> {
                let mut tls = BufReader::new(TlsStream::server(&config, tcp?));
                let mut line = String::new();
                while tls.read_line(&mut line)? > 0 {
                    tls.get_mut().write_all(line.as_bytes())?;
                    line.clear();
                }
                tls.get_mut().close()
            });
        }
    });
    address
}

struct Client(BufReader<TlsStream<TcpStream>>);

impl Client {
    fn connect(config: &Arc<ClientConfig>, address: SocketAddr) -> Self {
        let name = ServerName::try_from(NAME).unwrap();
        Self(BufReader::new(TlsStream::client(config, name, TcpStream::connect(address).unwrap()).unwrap()))
    }

    fn says(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim_end(), line);
    }
}

#[test]
fn connections_live_on_and_sessions_are_resumed() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let [first, renewed] = [(); 2].map(|()| authority.issue(&[NAME]));
    scratch.write_pair(&first);
    let mut reloader = reloader(scratch.pair()).unwrap();
    reloader.live().update(|config| config.clone().tickets(TicketKeys::random()));
    reloader.check();
    let address = echo(reloader.live().clone());

    let mut roots = Roots::new();
    roots.add_pem(authority.root.as_bytes()).unwrap();
    let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now);
    let remembering = Arc::new(config.clone().sessions(ClientSessions::new()));
    let forgetful = Arc::new(config);
    let chain = |client: &Client| client.0.get_ref().info().peer_chain.clone().unwrap();

    let mut before = Client::connect(&remembering, address);
    before.says("hello");
    assert_eq!(chain(&before)[0], leaf(&first));
    // One that came, and has said nothing yet.
    let mut early = Client::connect(&remembering, address);
    early.says("early");

    scratch.write_pair(&renewed);
    assert_eq!(reloader.check().len(), 1);
    before.says("still here");
    early.says("here, too");
    let mut after = Client::connect(&forgetful, address);
    after.says("hello");
    assert_eq!(chain(&after)[0], leaf(&renewed));
    let mut again = Client::connect(&remembering, address);
    again.says("hello again");
    assert!(again.0.get_ref().info().resumed);
    before.says("and here");
}
