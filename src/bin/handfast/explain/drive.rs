//! Drives a `Connection` over TCP with its own hands, so that times, bytes,
//! FIN, RST and silence are seen.
//!
//! ```text
//!   next() -> NeedInput:  pending() -> socket, then socket -> space()
//!          -> Ask:        a person, or --insecure
//!          -> Err:        pending() has the alert
//! ```

use super::events::{Recorder, What};
use super::failure::Failure;
use super::target::Target;
use handfast::observe::Direction;
use handfast::pki::Report;
use handfast::{Answer, Connection, Event, Question};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long the peer may take to close after this side did.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much of an answer is kept to be shown.
const ANSWER: usize = 4096;

/// How long a peer may be silent within an answer.
const MOMENT: Duration = Duration::from_millis(300);

/// How often somebody who looks on may be told that the peer is silent.
const PAUSE: Duration = Duration::from_millis(500);

/// One connection being driven.
pub(crate) struct Drive<'a> {
    tcp: TcpStream,
    pub(crate) connection: Connection,
    recorder: &'a Recorder,
    started: Instant,
    deadline: Instant,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) first_byte: Option<Duration>,
    /// How much the peer answered, and its beginning.
    pub(crate) answered: u64,
    pub(crate) answer: Vec<u8>,
    /// The peer's direction ended: nothing more comes, and its end was told.
    peer_ended: bool,
}

/// Connects to the first address that answers.
pub(crate) fn connect(to: &Target, recorder: &Recorder, timeout: Duration) -> Result<TcpStream, Failure> {
    let not_found = |why| Failure::NotFound { host: to.host.clone(), why };
    let addresses = (to.host.as_str(), to.port).to_socket_addrs().map_err(not_found)?;
    let began = Instant::now();
    let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        let left = timeout.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(tcp) => {
                let took = began.elapsed();
                let local = tcp.local_addr().map_err(Failure::Transport)?;
                tcp.set_nodelay(true).map_err(Failure::Transport)?;
                recorder.push(What::Connected { local, peer: address, took });
                return Ok(tcp);
            }
            Err(why) => failed = why,
        }
    }
    Err(Failure::Connect { to: to.clone(), why: failed })
}

impl<'a> Drive<'a> {
    pub(crate) fn new(
        tcp: TcpStream,
        connection: Connection,
        recorder: &'a Recorder,
        timeout: Duration,
    ) -> Self {
        let started = Instant::now();
        let deadline = started + timeout.saturating_sub(recorder.now()).max(Duration::from_millis(1));
        Self {
            tcp,
            connection,
            recorder,
            started,
            deadline,
            sent: 0,
            received: 0,
            first_byte: None,
            answered: 0,
            answer: Vec::new(),
            peer_ended: false,
        }
    }

    /// Sends this as early data, with the ClientHello, as far as the session allows it.
    pub(crate) fn send_early(&mut self, data: &[u8]) -> Result<(), Failure> {
        let mut rest = data;
        while !rest.is_empty() && self.connection.early_left() > 0 {
            let n = self.connection.send_early(rest).map_err(|error| Failure::Tls { error, received: 0 })?;
            rest = rest.get(n..).unwrap_or_default();
            self.flush().map_err(Failure::Transport)?;
        }
        Ok(())
    }

    /// Sends this after the handshake.
    pub(crate) fn send(&mut self, data: &[u8]) -> Result<(), Failure> {
        let mut rest = data;
        while !rest.is_empty() {
            let received = self.received;
            let n = self.connection.send(rest).map_err(|error| Failure::Tls { error, received })?;
            rest = rest.get(n..).unwrap_or_default();
            self.flush().map_err(Failure::Transport)?;
        }
        Ok(())
    }

    /// Hears an answer: waits so long for its beginning, and is content when nothing more
    /// comes for a moment.
    pub(crate) fn hear_answer(&mut self, most: Duration) -> Result<(), Failure> {
        let mut heard = 0;
        let mut wait = most;
        loop {
            let before = heard;
            self.hear_until(wait, |all| all > before)?;
            if self.answered == heard {
                return Ok(());
            }
            (heard, wait) = (self.answered, MOMENT);
        }
    }

    /// The handshake. `heard` is called when there may be something to tell,
    /// `accept` is asked about a refused certificate: the reason to accept it, if there is one.
    pub(crate) fn handshake(
        &mut self,
        mut heard: impl FnMut(),
        mut accept: impl FnMut(&Report) -> Option<String>,
    ) -> Result<(), Failure> {
        loop {
            let step = match self.connection.next() {
                Ok(Event::NeedInput) => Step::Read,
                Ok(Event::Ask(Question::Refused { report })) => {
                    heard();
                    let asked = Instant::now();
                    let answer = accept(report);
                    self.deadline += asked.elapsed();
                    Step::Answer(answer)
                }
                Ok(Event::HandshakeDone) => Step::Done,
                Ok(Event::EarlyDataDecided(decided)) => {
                    self.recorder.push(What::EarlyDataDecided(decided));
                    continue;
                }
                Ok(Event::Data(data)) => Step::Data(data.len()),
                Ok(_) => Step::Done,
                Err(error) => {
                    // The alert: that it cannot be sent adds nothing.
                    let _nothing_to_add = self.flush();
                    self.leave();
                    heard();
                    return Err(Failure::Tls { error, received: self.received });
                }
            };
            match step {
                Step::Answer(reason) => {
                    let answer = reason.map_or(Answer::Refuse, |reason| {
                        self.recorder.push(What::Overruled { reason: reason.clone() });
                        Answer::AcceptThisOnce(reason)
                    });
                    // A refusal comes back from next() as its error.
                    let _told_by_next = self.connection.answer(answer);
                }
                Step::Data(n) => self.connection.consume(n),
                Step::Read => {
                    // What a peer said before it hung up says more than that it hung up.
                    let _read_says_more = self.flush();
                    heard();
                    self.read()?;
                }
                Step::Done => {
                    self.flush().map_err(Failure::Transport)?;
                    self.recorder.push(What::Done);
                    heard();
                    return Ok(());
                }
            }
        }
    }

    /// Hears what comes after the handshake until that is `enough`, the peer has closed,
    /// or so much time is over.
    pub(crate) fn hear_until(&mut self, most: Duration, enough: impl Fn(u64) -> bool) -> Result<(), Failure> {
        let until = Instant::now() + most;
        loop {
            if self.drain()? || enough(self.answered) {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.peer_ended {
                return Ok(());
            }
            let _read_without = self.tcp.set_read_timeout(Some(left));
            let Some(mut space) = self.connection.space() else { return Ok(()) };
            match self.tcp.read(&mut space) {
                // What was said before is heard first.
                Ok(0) => self.peer_ended = true,
                Ok(n) => {
                    space.filled(n);
                    self.received += n as u64;
                }
                // Closing finds it out, and tells it.
                Err(error) if is_reset(&error) => return Ok(()),
                Err(error) if is_late(&error) => {}
                Err(error) => return Err(Failure::Transport(error)),
            }
        }
    }

    /// Closes this side, and hears the peer out. An alert that comes now, as
    /// for a client certificate in TLS 1.3, is a failure still.
    pub(crate) fn close(&mut self) -> Result<(), Failure> {
        self.connection.close();
        if self.flush().is_ok() && self.tcp.shutdown(Shutdown::Write).is_ok() {
            self.recorder.push(What::Fin(Direction::Out));
        }
        let began = Instant::now();
        let mut closed = false;
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            if left.is_zero() {
                self.recorder.push(What::StillOpen(PATIENCE));
                return Ok(());
            }
            let _read_without = self.tcp.set_read_timeout(Some(left));
            let mut after_the_end = [0; 512];
            let arrived = match self.connection.space().filter(|_| !closed) {
                Some(mut space) => self.tcp.read(&mut space).inspect(|n| space.filled(*n)),
                None => self.tcp.read(&mut after_the_end),
            };
            match arrived {
                Ok(0) => {
                    self.recorder.push(What::Fin(Direction::In));
                    return Ok(());
                }
                Ok(n) => self.received += n as u64,
                Err(error) if is_reset(&error) => {
                    self.recorder.push(What::Reset);
                    return Ok(());
                }
                Err(error) if is_late(&error) => continue,
                Err(error) => return Err(Failure::Transport(error)),
            }
            closed |= self.drain()?;
        }
    }

    /// Takes what has arrived after the handshake; whether it ended with close_notify.
    fn drain(&mut self) -> Result<bool, Failure> {
        loop {
            match self.connection.next() {
                Ok(Event::Data(data)) => {
                    let n = data.len();
                    self.answered += n as u64;
                    let room = ANSWER.saturating_sub(self.answer.len()).min(n);
                    self.answer.extend(data.get(..room).unwrap_or_default());
                    self.recorder.push(What::Data(n));
                    self.connection.consume(n);
                }
                Ok(Event::Closed(_)) => return Ok(true),
                Ok(_) => return Ok(false),
                Err(error) => return Err(Failure::Tls { error, received: self.received }),
            }
        }
    }

    fn read(&mut self) -> Result<(), Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let silence = Failure::Silence { waited: self.started.elapsed(), received: self.received };
        if left.is_zero() {
            return Err(silence);
        }
        let pause = left.min(PAUSE);
        self.tcp.set_read_timeout(Some(pause)).map_err(Failure::Transport)?;
        let Some(mut space) = self.connection.space() else { return Ok(()) };
        match self.tcp.read(&mut space) {
            Ok(0) => {
                drop(space);
                self.connection.filled_eof();
                self.recorder.push(What::Fin(Direction::In));
                self.peer_ended = true;
            }
            Ok(n) => {
                space.filled(n);
                self.received += n as u64;
                self.first_byte.get_or_insert_with(|| self.recorder.now());
            }
            Err(error) if is_reset(&error) => {
                self.recorder.push(What::Reset);
                return Err(Failure::Reset { received: self.received });
            }
            // Whether it is too late is asked first of all; until then nothing came.
            Err(error) if is_late(&error) => {}
            Err(error) => return Err(Failure::Transport(error)),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.tcp.set_write_timeout(Some(left))?;
        while !self.connection.pending().is_empty() {
            match self.tcp.write(self.connection.pending()) {
                Ok(n) => {
                    self.connection.sent(n);
                    self.sent += n as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends this direction, and reads on for a moment: closing with bytes
    /// unread would reset the connection and take the alert with it.
    fn leave(&mut self) {
        if self.tcp.shutdown(Shutdown::Write).is_ok() {
            self.recorder.push(What::Fin(Direction::Out));
        }
        if self.peer_ended {
            return;
        }
        let until = Instant::now() + Duration::from_millis(200);
        let mut rest = [0; 4096];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.tcp.set_read_timeout(Some(left)).is_err() {
                return;
            }
            match self.tcp.read(&mut rest) {
                Ok(0) => return self.recorder.push(What::Fin(Direction::In)),
                Ok(n) => self.received += n as u64,
                Err(error) if is_reset(&error) => return self.recorder.push(What::Reset),
                Err(_) => return,
            }
        }
    }
}

enum Step {
    Read,
    Answer(Option<String>),
    Data(usize),
    Done,
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe)
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
