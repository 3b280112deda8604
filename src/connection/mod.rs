//! `Connection`: a flow and two halves that own all they need.
//!
//! ```text
//!   transport -> space() -> Receiving -> step(flow) -> Event
//!   transport <- pending() <- Sending <- flow, payload()
//! ```
//!
//! It never blocks, and touches no socket, no clock of its own and no setting
//! of the process. Every call makes progress, asks, or needs input.

mod binding;
mod choosing;
mod early;
mod event;
mod exporting;
mod flow;
mod receiving;
mod sending;
mod split;

pub use binding::ChannelBinding;
pub use event::{Close, Event};
pub use receiving::Space;
pub use sending::Window;
pub use split::{Receiver, Sender};

use crate::alert::AlertDescription;
use crate::config::{ClientConfig, ClientOptions, Common, ServerConfig};
use crate::crypto::secret::clear_stack;
use crate::crypto::source::Entropy;
use crate::error::Error;
use crate::fault::Fault;
use crate::handshake::context::{
    Connected, Cx, Exporter, FinishedVerified, Holds, Input, NO_QUESTION, Received, Reply, WRONG_ANSWER,
};
use crate::handshake::post::Post;
use crate::handshake::{client, server};
use crate::info::ConnectionInfo;
use crate::observe::{Observer, Tap};
use crate::pki::ServerName;
use crate::question::{Answer, Question};
use crate::record::{Incoming, Located, RecordEnd};
use crate::schedule::Side;
use crate::wire::{Form, HandshakeType, Message};
use flow::{Flow, Meaning, Stepped};
use receiving::{Arrived, Boxed, Receiving};
use sending::{Owed, Sending, send};
use std::sync::Arc;

/// One TLS connection, client or server.
///
/// ```
/// use handfast::{ClientConfig, Connection, Event, pki::{Roots, ServerName, UnixTime, Verifier}};
/// use std::sync::Arc;
/// let config = Arc::new(ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now));
/// let mut connection = Connection::client(&config, ServerName::try_from("example.com")?)?;
/// assert!(!connection.pending().is_empty()); // the ClientHello, for the transport
/// assert!(matches!(connection.next()?, Event::NeedInput));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    flow: Flow,
    receiving: Receiving,
    sending: Sending,
    post: Post,
    owed: Owed,
    /// The message that made the flow ask: it stays where it came until the answer.
    asked: Option<Box<Located>>,
    exporter: Option<Exporter>,
    announced: bool,
    info: ConnectionInfo,
    entropy: Entropy,
}

/// What the next event is; the event itself is lent at the last line.
enum Next {
    NeedInput,
    Ask,
    EarlyDataDecided,
    HandshakeDone,
    EarlyData,
    Data,
    Closed(Close),
}

impl Connection {
    /// A client for a server of this name; its ClientHello is pending at once.
    ///
    /// # Errors
    /// The system's randomness fails.
    pub fn client(config: &Arc<ClientConfig>, name: ServerName<'_>) -> Result<Self, Error> {
        Self::client_with(config, name, ClientOptions::default())
    }

    /// The same with options for this connection alone.
    ///
    /// # Errors
    /// As [`Connection::client`].
    pub fn client_with(
        config: &Arc<ClientConfig>,
        name: ServerName<'_>,
        options: ClientOptions,
    ) -> Result<Self, Error> {
        let mut connection =
            Self::new(Flow::Over, Side::Client, config.common.observer(options.observer.clone()));
        connection.settle(&config.common);
        let (_, mut cx) = connection.cx(None);
        let state = client::start(config, name, &options, &mut cx)?;
        connection.flow = Flow::client(state);
        connection.end_flight()?;
        Ok(connection)
    }

    /// A server.
    pub fn server(config: &Arc<ServerConfig>) -> Self {
        Self::server_with(config, None)
    }

    /// The same, with an observer of this connection.
    pub fn server_with(config: &Arc<ServerConfig>, observer: Option<Arc<dyn Observer>>) -> Self {
        let flow = Flow::server(server::State::new(config));
        let mut connection = Self::new_server(flow, config.common.observer(observer));
        connection.settle(&config.common);
        connection
    }

    fn new_server(flow: Flow, observer: Option<Arc<dyn Observer>>) -> Self {
        let mut connection = Self::new(flow, Side::Server, observer);
        // A client that fails before it has keys can only say so in the clear.
        connection.receiving.reading.allow_plain_alert();
        connection
    }

    /// Takes what a configuration says of records and of what comes after the handshake.
    fn settle(&mut self, common: &Common) {
        self.post.renegotiation_is_fatal = common.renegotiation_is_fatal;
        self.sending.writing.set_record_size(common.largest_record, common.dynamic_record_size);
    }

    fn new(flow: Flow, side: Side, observer: Option<Arc<dyn Observer>>) -> Self {
        let tap = Tap::new(observer);
        Self {
            flow,
            receiving: Receiving::new(tap.clone()),
            sending: Sending::new(side, tap),
            post: Post::new(side),
            owed: Owed::default(),
            asked: None,
            exporter: None,
            announced: false,
            info: ConnectionInfo::default(),
            entropy: Entropy::system(),
        }
    }

    /// Room to read the transport into; `None` while what arrived must be
    /// taken with [`next`](Self::next) and [`consume`](Self::consume) first. [`Space`] shows it.
    pub fn space(&mut self) -> Option<Space<'_>> {
        self.receiving.space(Some(&mut self.sending.writing))
    }

    /// The transport has ended: no more bytes will come.
    pub fn filled_eof(&mut self) {
        self.receiving.filled_eof();
    }

    /// What happened next. Call it until it needs input; [`Event`] shows it.
    ///
    /// # Errors
    /// The connection failed; the alert that says so, if one is owed, is
    /// pending, and the error is repeated for ever.
    #[allow(clippy::should_implement_trait)] // what it lends, no Iterator can
    pub fn next(&mut self) -> Result<Event<'_>, Error> {
        self.check()?;
        let next = match self.announced {
            true => self.advance_connected(),
            false => self.advance().map_err(Boxed::from),
        };
        match next {
            Err(Boxed(error)) => Err(self.fail(*error)),
            Ok(Next::NeedInput) => Ok(Event::NeedInput),
            Ok(Next::EarlyDataDecided) => Ok(Event::EarlyDataDecided(self.info.early_data)),
            Ok(Next::HandshakeDone) => Ok(Event::HandshakeDone),
            Ok(Next::Closed(close)) => Ok(Event::Closed(close)),
            Ok(Next::EarlyData) => Ok(Event::EarlyData(self.receiving.reading.data())),
            Ok(Next::Data) => Ok(Event::Data(self.receiving.reading.data())),
            Ok(Next::Ask) => Ok(self.question().map_or(Event::NeedInput, Event::Ask)),
        }
    }

    fn advance(&mut self) -> Result<Next, Error> {
        loop {
            if self.asked.is_some() {
                self.end_flight()?;
                return Ok(Next::Ask);
            }
            if matches!(self.flow, Flow::Done(_)) {
                return self.advance_connected().map_err(|Boxed(error)| *error);
            }
            match self.receiving.next(self.flow.name()).map_err(|Boxed(error)| *error)? {
                Incoming::Message(located) => {
                    let undecided = self.awaits_decision();
                    if !self.is_passed_over(&located)? {
                        self.step(Some(located), None)?;
                    }
                    if undecided && !self.awaits_decision() {
                        return Ok(Next::EarlyDataDecided);
                    }
                }
                Incoming::ChangeCipherSpec(end) => self.change_cipher_spec(end)?,
                Incoming::Data if self.flow.takes_early_data() => {
                    return self.end_flight().map(|()| Next::EarlyData);
                }
                Incoming::NoData if self.flow.takes_early_data() => {}
                Incoming::Data | Incoming::NoData => return Err(Fault::DataBeforeFinished.into()),
                Incoming::Alert(..) => {}
                Incoming::Nothing => {
                    self.end_flight()?;
                    return match self.receiving.close() {
                        Some(_) => Err(Error::EndOfStream { state: self.flow.name() }),
                        None => Ok(Next::NeedInput),
                    };
                }
            }
        }
    }

    fn advance_connected(&mut self) -> Result<Next, Boxed> {
        if !std::mem::replace(&mut self.announced, true) {
            self.end_flight()?;
            return Ok(Next::HandshakeDone);
        }
        let keeper = match &self.flow {
            Flow::Done(holds) => holds.keeper(),
            _ => None,
        };
        let owed = &mut self.owed;
        let arrived = self.receiving.next_arrived(&mut self.post, keeper, |update_requested| {
            owed.key_update_came(update_requested)
        })?;
        Ok(match arrived {
            Arrived::Nothing => Next::NeedInput,
            Arrived::Data => Next::Data,
            Arrived::Closed(close) => Next::Closed(close),
        })
    }

    /// Steps the flow with a message, or with another input; then `located` is
    /// the message that the input is about, if there is one.
    fn step(&mut self, located: Option<Located>, input: Option<Input<'static>>) -> Result<(), Error> {
        let flow = std::mem::replace(&mut self.flow, Flow::Over);
        let ((state, awaited), form) = (flow.awaits(), flow.form());
        // Before it for the room of the next state, behind it for all that follows.
        clear_stack();
        let (received, mut cx) = self.cx(located.as_ref());
        let stepped = match input {
            Some(input) => flow.step(input, &received, &mut cx),
            None => match Message::decode_awaited(received.bytes, form, awaited) {
                Ok(Message { body, .. }) => flow.step(Input::Message(body), &received.with(&body), &mut cx),
                Err(fault) => Err(fault.into()),
            },
        };
        clear_stack();
        match stepped.map_err(|error| error.in_state(state))? {
            Stepped::On(flow) => {
                self.flow = flow;
                // TLS 1.3 has none, which was not known yet.
                if self.post.passed_hello_request() && !self.flow.ignores_hello_requests() {
                    return Err(Fault::UnexpectedMessage.into());
                }
                self.asked = located.filter(|_| self.flow.asks()).map(Box::new);
            }
            Stepped::Connected(Connected { exporter, finished: FinishedVerified { .. }, holds }) => {
                self.flow = Flow::Done(holds);
                self.post.negotiated(form);
                self.exporter = Some(exporter);
            }
        }
        Ok(())
    }

    /// Whether the message is a HelloRequest in mid-handshake, which a client passes
    /// over and leaves out of the transcript (RFC 5246 section 7.4.1.1).
    fn is_passed_over(&mut self, located: &Located) -> Result<bool, Fault> {
        let bytes = self.receiving.reading.bytes(located);
        let ignores = self.flow.ignores_hello_requests() && self.post.ignores_hello_requests();
        if !ignores || bytes.first() != Some(&HandshakeType::HELLO_REQUEST.0) {
            return Ok(false);
        }
        Message::decode(bytes, Form::Tls12)?;
        self.post.hello_request().map(|()| true)
    }

    fn received(&self, located: &Located) -> Received<'_> {
        Received::new(self.receiving.reading.bytes(located), located.end)
    }

    /// Lends the message and what a handler may touch, beside each other.
    fn cx<'a>(&'a mut self, located: Option<&Located>) -> (Received<'a>, Cx<'a>) {
        let (bytes, read) = match located {
            Some(located) => self.receiving.reading.message(located),
            None => (&[][..], &mut self.receiving.reading.key),
        };
        let cx = Cx {
            info: &mut self.info,
            entropy: &self.entropy,
            tap: &self.sending.tap,
            writing: &mut self.sending.writing,
            read,
        };
        (Received::new(bytes, located.and_then(|located| located.end)), cx)
    }

    fn question(&self) -> Option<Question<'_>> {
        let asked = self.asked.as_deref()?;
        self.flow.question(&self.received(asked))
    }

    /// Answers the question that [`Event::Ask`] asked; `next` goes on from there. [`Question`] shows it.
    ///
    /// # Errors
    /// [`Error::Misuse`] if nothing is asked, or the answer is to another
    /// question; the question stays open then.
    pub fn answer(&mut self, answer: Answer) -> Result<(), Error> {
        match self.question() {
            None => return Err(Error::Misuse(NO_QUESTION)),
            Some(question) if !answer.fits(&question) => return Err(Error::Misuse(WRONG_ANSWER)),
            Some(_) => {}
        }
        if let Answer::Configuration(config) = &answer {
            self.choose(&config.common);
        }
        if let Some(asked) = self.asked.take() {
            self.step(Some(*asked), Some(Input::Reply(Reply::Answered(answer))))
                .map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    /// TLS 1.2's ChangeCipherSpec is an input of the flow; that of middlebox
    /// compatibility is dropped here (RFC 9846 section 5 and appendix E.4).
    fn change_cipher_spec(&mut self, end: RecordEnd) -> Result<(), Error> {
        match self.flow.change_cipher_spec() {
            Meaning::KeyChange => self.step(None, Some(Input::ChangeCipherSpec(end))),
            Meaning::None => Err(Fault::BadChangeCipherSpec.into()),
            Meaning::Compatibility => Ok(self.receiving.drop_change_cipher_spec()?),
        }
    }

    /// Fails for ever, and sends the alert that says why.
    fn fail(&mut self, error: Error) -> Error {
        clear_stack();
        self.end(error)
    }

    /// In a frame of its own, which was cleared: the error is kept on the heap.
    #[inline(never)]
    fn end(&mut self, error: Error) -> Error {
        let error = self.receiving.explain(error.in_state(self.flow.name()));
        if !matches!(self.flow, Flow::Done(_)) {
            self.info.take_back();
        }
        self.flow = Flow::Over; // its secrets go first
        self.asked = None;
        self.sending.tell(&error);
        self.flow = Flow::Failed(Box::new(error.clone()));
        error
    }

    fn end_flight(&mut self) -> Result<(), Error> {
        Ok(self.sending.writing.seal(&self.sending.tap)?)
    }

    /// Takes `n` bytes of the [`Event::Data`] or [`Event::EarlyData`] that is lent.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        self.receiving.reading.consume(n);
    }

    /// Bytes for the transport.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        self.sending.writing.pending()
    }

    /// The transport took the first `n` bytes of [`pending`](Self::pending).
    pub fn sent(&mut self, n: usize) {
        self.sending.writing.sent(n);
    }

    /// For adapters, whose transport took all: gives the outbox's memory back.
    pub(crate) fn all_sent(&mut self) {
        self.sending.writing.all_sent();
    }

    /// A window to write application data into, at most 2^14 bytes long, or
    /// [less](ClientConfig::largest_record). `None` before the handshake is complete (but see
    /// [`ServerConfig::half_rtt`], and a server that has accepted early data may answer it
    /// at once), after [`close`](Self::close), and while [`pending`](Self::pending) must be
    /// sent first. A KeyUpdate that the peer
    /// asked for goes before the data (RFC 9846 section 4.7.3). [`Window`] shows it.
    ///
    /// # Errors
    /// The connection failed.
    pub fn payload(&mut self) -> Result<Option<Window<'_>>, Error> {
        match self.may_send()? {
            true => self.sending.payload(&mut self.owed),
            false => Ok(None),
        }
    }

    /// Copies application data into windows; returns how many bytes there was
    /// room for, 0 where [`payload`](Self::payload) is `None`.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # let (mut client, _) = pair::connected();
    /// assert_eq!(client.send(b"hello")?, 5);
    /// assert!(client.pending().len() > 5); // a record, for the transport
    /// # Ok::<(), handfast::Error>(())
    /// ```
    ///
    /// # Errors
    /// The connection failed.
    pub fn send(&mut self, data: &[u8]) -> Result<usize, Error> {
        send(data, |rest| self.payload()?.map(|window| window.fill(rest)).transpose())
    }

    fn may_send(&mut self) -> Result<bool, Error> {
        self.check()?;
        Ok(self.announced || self.flow.allows_half_rtt())
    }

    /// Tells a failure.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.flow {
            Flow::Failed(error) => Err(Error::clone(error)),
            _ => Ok(()),
        }
    }

    /// Sends a KeyUpdate, so that what follows is under a new key; with
    /// `ask_peer` the peer is asked to do the same (RFC 9846 section 4.7.3).
    /// Until a KeyUpdate of the peer has come, it is not asked again: this
    /// side's key alone is updated.
    ///
    /// The peer's requests need no call: the answer goes before the next
    /// application data, before a KeyUpdate that asks, or before close_notify.
    ///
    /// # Errors
    /// [`Error::Misuse`] before the handshake is complete, and in TLS 1.2,
    /// which has no KeyUpdate.
    pub fn update_keys(&mut self, ask_peer: bool) -> Result<(), Error> {
        if !self.announced {
            return Err(Error::Misuse("keys can be updated only after the handshake"));
        }
        self.check()?;
        self.sending.update_keys(ask_peer, &mut self.owed)
    }

    /// Says with close_notify that this side sends no more. The peer may still
    /// send; what it sends arrives as before, and what it sends after its own
    /// close_notify is not looked at.
    ///
    /// That holds in both versions (RFC 9846 section 6.1). RFC 5246 section 7.2.1
    /// would have whoever gets a close_notify in TLS 1.2 throw away what it still
    /// has to send, and answer at once; this side sends the answer when it is
    /// called here.
    ///
    /// In mid-handshake it gives the connection up: [`next`](Self::next) says
    /// [`Error::GivenUp`] from then on. Only a server that may send already
    /// ([`ServerConfig::half_rtt`]) goes on and reads.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # let (mut client, _) = pair::connected();
    /// client.close();
    /// assert!(matches!(client.send(b"more"), Ok(0)));
    /// ```
    pub fn close(&mut self) {
        self.sending.close(&mut self.owed);
        let sends_already = matches!(self.flow, Flow::Done(_)) || self.flow.allows_half_rtt();
        if self.check().is_ok() && !sends_already {
            let _repeated_by_next = self.fail(Error::GivenUp { state: self.flow.name() });
        }
    }

    /// Ends the connection with a fatal alert of the application's choice, such as
    /// [`access_denied`](AlertDescription::ACCESS_DENIED) for a client that it
    /// does not serve (RFC 9846 section 6.2); [`next`](Self::next) says
    /// [`Error::Aborted`] from then on. On a connection that has failed it
    /// does nothing, and close_notify is what [`close`](Self::close) sends.
    pub fn abort(&mut self, description: AlertDescription) {
        if description == AlertDescription::CLOSE_NOTIFY {
            self.close();
        } else if self.check().is_ok() {
            let _repeated_by_next = self.fail(Error::Aborted { description });
        }
    }

    /// After a wait: gives idle memory back, expanded keys and buffers. They are
    /// made again on use, in a fifth of a microsecond. Buffers alone go with a
    /// [`Space`] that is dropped unfilled.
    pub fn rest(&mut self) {
        self.receiving.rest();
        self.sending.writing.rest();
    }

    /// Gives the two halves away, for two threads.
    ///
    /// # Errors
    /// [`Error::Misuse`] before the handshake is complete; the error of a
    /// connection that failed.
    pub fn split(self) -> Result<(Receiver, Sender), Error> {
        self.check()?;
        if !self.announced {
            return Err(Error::Misuse("a connection can be split only after the handshake"));
        }
        let keeper = match self.flow {
            Flow::Done(Holds::Keeper(keeper)) => Some(keeper),
            _ => None,
        };
        let common = split::Common { info: self.info, exporter: self.exporter };
        Ok(split::split(self.receiving, self.sending, self.post, keeper, self.owed, common))
    }

    /// What was negotiated so far.
    pub fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Lets go of what the peer has shown, once it was looked at: its chain, the OCSP
    /// response that was stapled to it and the report, a few KiB for as long as the
    /// connection is there. How the peer was trusted stays, and sessions that are kept
    /// keep the chain for those who resume them. Before the handshake is complete it
    /// does nothing.
    ///
    /// ```
    /// # use handfast::{ClientConfig, TlsStream, pki::{Roots, ServerName, UnixTime, Verifier}};
    /// # use std::{io::Cursor, sync::Arc};
    /// # let config = Arc::new(ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now));
    /// # let transport = Cursor::new(Vec::new());
    /// let mut tls = TlsStream::client(&config, ServerName::try_from("example.com")?, transport)?;
    /// if tls.handshake().is_ok() {
    ///     println!("{:?}", tls.info().report);
    ///     tls.connection_mut().forget_chain();
    ///     assert!(tls.info().peer_chain.is_none() && tls.info().is_proven());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget_chain(&mut self) {
        if self.announced {
            self.info.forget_chain();
        }
    }

    /// The state, by its name in RFC 9846 Appendix A.
    pub(crate) fn state(&self) -> &'static str {
        self.flow.name()
    }

    /// Whether [`Event::HandshakeDone`] is still to come.
    pub fn is_handshaking(&self) -> bool {
        !self.announced
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace;
