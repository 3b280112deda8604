//! After the handshake (RFC 9846 section 4.7): NewSessionTicket and KeyUpdate; and
//! what TLS 1.2 has in their place, a peer that asks to negotiate again.
//!
//! A HelloRequest is passed over, which RFC 5246 section 7.4.1.1 allows: an answer
//! would say no more than silence does, and make whoever reads write. A renegotiating
//! ClientHello awaits an answer, and gets the warning no_renegotiation; it could
//! come to nothing after that, so the connection ends with close_notify.

use super::context::{Input, Received, unexpected};
use crate::error::Error;
use crate::fault::Fault;
use crate::limits;
use crate::observe::{Level, Tap};
use crate::record::ReadKey;
use crate::schedule::{Side, tls13};
use crate::session::Keeper;
use crate::wire::{Body, Form, HandshakeType, NewSessionTicket13};

/// CONNECTED, as far as further handshake messages go.
pub(crate) struct Post {
    side: Side,
    form: Form,
    pub(crate) renegotiation_is_fatal: bool,
    /// HelloRequests of TLS 1.2, KeyUpdates of TLS 1.3, since data came last.
    repeated: u8,
    /// The same of tickets.
    tickets: u8,
}

impl Post {
    pub(crate) const fn new(side: Side) -> Self {
        Self { side, form: Form::Tls13, renegotiation_is_fatal: false, repeated: 0, tickets: 0 }
    }

    /// The handshake is complete, in the version of this form.
    pub(crate) fn negotiated(&mut self, form: Form) {
        self.form = form;
    }

    /// Which side this is.
    pub(crate) const fn side(&self) -> Side {
        self.side
    }

    /// The wire form of the messages.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// The messages that may come.
    pub(crate) const fn awaits(&self) -> &'static [HandshakeType] {
        match (self.form, self.side) {
            (Form::Tls13, Side::Client) => &[HandshakeType::KEY_UPDATE, HandshakeType::NEW_SESSION_TICKET],
            (Form::Tls13, Side::Server) => &[HandshakeType::KEY_UPDATE],
            (Form::Tls12, Side::Client) => &[HandshakeType::HELLO_REQUEST],
            (Form::Tls12, Side::Server) => &[HandshakeType::CLIENT_HELLO],
        }
    }

    /// Application data arrived: the budgets are whole again.
    pub(crate) fn data_arrived(&mut self) {
        (self.repeated, self.tickets) = (0, 0);
    }

    /// Handles a message. `key_update_came` hears whether a KeyUpdate asks for
    /// one back, and says whether this side had asked for it.
    pub(crate) fn message(
        &mut self,
        m: Body<'_>,
        msg: &Received<'_>,
        key: &mut ReadKey,
        keeper: Option<&Keeper>,
        key_update_came: &mut dyn FnMut(bool) -> bool,
        tap: &Tap,
    ) -> Result<(), Error> {
        match (self.form, self.side, m) {
            (Form::Tls13, _, Body::KeyUpdate(m)) => {
                self.key_update(key_update_came(m.update_requested), msg, key, tap)
            }
            (Form::Tls13, Side::Client, Body::NewSessionTicket13(m)) => self.new_session_ticket(&m, keeper),
            (Form::Tls12, _, Body::HelloRequest(_) | Body::ClientHello(_)) if self.renegotiation_is_fatal => {
                Err(Fault::RenegotiationForbidden.into())
            }
            (Form::Tls12, Side::Client, Body::HelloRequest(_)) => Ok(self.hello_request()?),
            (Form::Tls12, Side::Server, Body::ClientHello(_)) => Err(Fault::Renegotiation.into()),
            (_, _, got) => Err(unexpected(&Input::Message(got))),
        }
    }

    /// Whether HelloRequests are passed over in mid-handshake.
    pub(crate) const fn ignores_hello_requests(&self) -> bool {
        !self.renegotiation_is_fatal
    }

    /// Passes a HelloRequest over, outside of the transcript.
    pub(crate) fn hello_request(&mut self) -> Result<(), Fault> {
        self.repeated += 1;
        match self.repeated > limits::HELLO_REQUESTS {
            true => Err(Fault::TooManyHelloRequests),
            false => Ok(()),
        }
    }

    /// Whether one was passed over.
    pub(crate) const fn passed_hello_request(&self) -> bool {
        self.repeated > 0
    }

    /// The peer writes under its next key from the next record on. One that this
    /// side asked for is no abuse.
    fn key_update(
        &mut self,
        asked_for: bool,
        msg: &Received<'_>,
        key: &mut ReadKey,
        tap: &Tap,
    ) -> Result<(), Error> {
        self.repeated = self.repeated.saturating_add(u8::from(!asked_for));
        if self.repeated > limits::KEY_UPDATES {
            return Err(Fault::TooManyKeyUpdates.into());
        }
        // Nothing may follow under the old key.
        let end = msg.end()?;
        let next = tls13::next_generation(key.get()?, self.side.other(), tap)?;
        key.set(Level::Application, next, end);
        Ok(())
    }

    /// A ticket is kept, where there is a store, in the place of an older one: who
    /// stays for weeks has the newest.
    fn new_session_ticket(
        &mut self,
        m: &NewSessionTicket13<'_>,
        keeper: Option<&Keeper>,
    ) -> Result<(), Error> {
        self.tickets += 1;
        if self.tickets > limits::TICKETS_READ {
            return Err(Fault::TooManyTickets.into());
        }
        if let Some(keeper) = keeper {
            keeper.keep(m);
        }
        Ok(())
    }
}
