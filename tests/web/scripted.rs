//! An HTTPS server that answers whatever it is told.

use super::certificates::AUTHORITY;
use handfast::pki::UnixTime;
use handfast::{ServerConfig, TlsStream};
use std::io::{BufRead, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

/// How a connection ends.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// With close_notify.
    Clean,
    /// Without.
    Cut,
    /// Not before the client leaves.
    Silence,
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Scripted {
    /// Answers one request per connection, in this order; `PORT` in an answer is its own port.
    pub(crate) fn new(answers: Vec<(&'static str, End)>) -> Self {
        let config = ServerConfig::new(AUTHORITY.leaf().identity(), UnixTime::now);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::new(config);
        let answer = move |(text, end): (&str, End)| {
            let tcp = listener.accept().unwrap().0;
            serve(TlsStream::server(&config, tcp), &text.replace("PORT", &address.port().to_string()), end)
        };
        let thread = std::thread::spawn(move || answers.into_iter().map(answer).collect());
        Self { address, thread }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// The requests that it heard.
    pub(crate) fn heard(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

fn serve(mut tls: TlsStream<TcpStream>, answer: &str, end: End) -> String {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if tls.read_line(&mut request).unwrap_or(0) == 0 {
            return request;
        }
    }
    tls.write_all(answer.as_bytes()).unwrap();
    tls.flush().unwrap();
    match end {
        End::Clean => tls.close().unwrap(),
        End::Cut => {}
        End::Silence => {
            let _ = tls.fill_buf();
        }
    }
    let _ = tls.get_ref().shutdown(Shutdown::Write);
    let _ = std::io::copy(tls.get_mut(), &mut std::io::sink());
    request
}
