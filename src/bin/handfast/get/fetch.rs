//! One request on one connection: TCP, TLS, HTTP.

use super::args::Get;
use super::early::{self, Begun};
use super::failure::{Failure, Phase, is_idle};
use super::heard::Heard;
use super::link::Link;
use super::negotiated;
use crate::explain::failure::Failure as Before;
use crate::explain::keylog::KeyLog;
use crate::explain::target::{Target, server_name};
use crate::idle::Idle;
use crate::text::clean;
use handfast::{Answer, AsyncTlsStream, ClientConfig, ClientOptions, Connection, Error, Question};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// How long to wait for the server's end after the answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where and how to ask.
pub(crate) struct Plan<'a> {
    pub(crate) asked: &'a Get,
    pub(crate) link: &'a Link,
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) keylog: Option<Arc<KeyLog>>,
    /// Whether this is the server that the person named: what was given for it
    /// alone goes to no other.
    pub(crate) first: bool,
    /// Whether the request may go as early data.
    pub(crate) early: bool,
    /// What trust rests on, in words.
    pub(crate) trusted: &'a str,
}

/// An answer whose body is still to come.
pub(crate) struct Answered {
    pub(crate) response: Response<Incoming>,
    sender: SendRequest<Empty<Bytes>>,
    driving: JoinHandle<hyper::Result<()>>,
}

impl Answered {
    /// Says goodbye, and waits a moment for it to be sent.
    pub(crate) async fn close(self) {
        drop((self.response, self.sender));
        let _nothing_more_is_wanted = timeout(PATIENCE, self.driving).await;
    }
}

impl Plan<'_> {
    /// Asks, and hears the beginning of the answer.
    pub(crate) async fn ask(&self, say: impl Fn(&str)) -> Result<Answered, Failure> {
        let heard = Arc::new(Heard::new(self.keylog.clone()));
        let tls = Begun::new(self.connect(&heard, &say).await?);
        let failed = |error: &hyper::Error| {
            Failure::of_http(error, self.asked.idle_timeout, Phase::Head(heard.data()))
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(tls)).await.map_err(|error| failed(&error))?;
        let driving = tokio::spawn(connection);
        let request = self.request()?;
        say(&format!("> {} {} HTTP/1.1", request.method(), self.link.path));
        request.headers().iter().for_each(|(name, value)| say(&format!("> {}", header_line(name, value))));
        match sender.send_request(request).await {
            Ok(response) => Ok(Answered { response, sender, driving }),
            // What ended the connection says more than that it ended.
            Err(error) if error.is_canceled() || error.is_closed() => match driving.await {
                Ok(Err(reason)) => Err(failed(&reason)),
                _ => Err(failed(&error)),
            },
            Err(error) => Err(failed(&error)),
        }
    }

    async fn connect(
        &self,
        heard: &Arc<Heard>,
        say: &impl Fn(&str),
    ) -> Result<AsyncTlsStream<Idle>, Failure> {
        let asked = self.asked;
        let deadline = Instant::now() + asked.timeout;
        let given = |given: &Option<_>| if self.first { Option::clone(given) } else { None };
        let address = given(&asked.connect).unwrap_or_else(|| self.link.target.clone());
        let host = asked.servername.clone().filter(|_| self.first);
        let host = host.unwrap_or_else(|| self.link.target.host.clone());
        let name = server_name(&host).map_err(Failure::misuse)?;
        let tcp = tcp(&address, deadline).await.map_err(Failure::Before)?;
        let mut options = ClientOptions::default();
        options.observer = Some(Arc::clone(heard) as _);
        let connection = Connection::client_with(&self.config, name, options)
            .map_err(|error| Failure::Before(Before::Tls { error, received: 0 }))?;
        if let Ok(peer) = tcp.peer_addr() {
            say(&format!("* connected to {peer} for {host}"));
        }
        let mut tls = AsyncTlsStream::new(connection, Idle::new(tcp, asked.idle_timeout));
        let refused = |question: Question<'_>| match question {
            Question::Refused { .. } => Some(Answer::AcceptThisOnce("--insecure was given".to_owned())),
            _ => None,
        };
        let early = async {
            if self.early
                && let Some(request) = early::octets(self.request()?).await
            {
                early::send(&mut tls, &request).await.map_err(|error| in_mid_handshake(&error))?;
            }
            Ok(())
        };
        let shaking = Instant::now();
        timeout_at(deadline, early).await.unwrap_or(Ok(()))?;
        let late = match timeout_at(deadline, tls.handshake_with(refused)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) if !is_idle(&error) => return Err(in_mid_handshake(&error)),
            Ok(Err(_)) => Some("--idle-timeout"),
            Err(_) => Some("--timeout"),
        };
        if let Some(limit) = late {
            return Err(Failure::slow(shaking, tls.get_ref().heard(), given_up(&mut tls), limit));
        }
        negotiated::early(tls.info()).into_iter().for_each(|line| say(&format!("* {line}")));
        negotiated::lines(tls.info(), self.trusted).iter().for_each(|line| say(&format!("* {line}")));
        Ok(tls)
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, Failure> {
        let method = if self.asked.head { Method::HEAD } else { Method::GET };
        let bad = |error: hyper::http::Error| Failure::misuse(error.to_string());
        let request = Request::builder().method(method).uri(self.link.path.as_str());
        let mut request = request.header(HOST, self.link.host()).body(Empty::new()).map_err(bad)?;
        let headers = request.headers_mut();
        headers.insert(
            USER_AGENT,
            const { HeaderValue::from_static(concat!("handfast/", env!("CARGO_PKG_VERSION"))) },
        );
        headers.insert(ACCEPT, const { HeaderValue::from_static("*/*") });
        for (name, value) in self.asked.headers.iter().filter(|_| self.first) {
            match [HOST, USER_AGENT, ACCEPT].contains(name) {
                true => drop(headers.insert(name, value.clone())),
                false => drop(headers.append(name, value.clone())),
            }
        }
        Ok(request)
    }
}

/// A header as a line, with nothing in it that a terminal obeys.
pub(crate) fn header_line(name: &HeaderName, value: &HeaderValue) -> String {
    format!("{name}: {}", clean(&String::from_utf8_lossy(value.as_bytes())))
}

/// Connects to the first address that answers.
async fn tcp(to: &Target, deadline: Instant) -> Result<TcpStream, Before> {
    let late = || io::Error::from(ErrorKind::TimedOut);
    let not_found = |why| Before::NotFound { host: to.host.clone(), why };
    let found = timeout_at(deadline, lookup_host((to.host.as_str(), to.port))).await;
    let addresses = found.unwrap_or_else(|_| Err(late())).map_err(not_found)?;
    let mut why = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match timeout_at(deadline, TcpStream::connect(address)).await.unwrap_or_else(|_| Err(late())) {
            Ok(tcp) => {
                tcp.set_nodelay(true).map_err(Before::Transport)?;
                return Ok(tcp);
            }
            Err(error) => why = error,
        }
    }
    Err(Before::Connect { to: to.clone(), why })
}

/// Why a handshake that was given up is not complete: the state in which it stays.
fn given_up(tls: &mut AsyncTlsStream<Idle>) -> String {
    let connection = tls.connection_mut();
    connection.close();
    match connection.next() {
        Err(Error::GivenUp { state }) => format!("state {state}"),
        Err(error) => clean(&error.to_string()),
        Ok(_) => "no state".to_owned(),
    }
}

fn in_mid_handshake(error: &io::Error) -> Failure {
    match (Error::of_io(error), error.kind()) {
        (None, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            Failure::Before(Before::Reset { received: 1 })
        }
        _ => Failure::of_io(error),
    }
}
