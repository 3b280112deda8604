//! After the handshake (RFC 9846 section 4.7): NewSessionTicket and KeyUpdate.

use super::context::{Input, Received, unexpected};
use crate::error::Error;
use crate::fault::Fault;
use crate::limits;
use crate::observe::{Level, Tap};
use crate::record::ReadKey;
use crate::schedule::{Side, tls13};
use crate::session::Keeper;
use crate::wire::{Body, Form, NewSessionTicket13};

/// CONNECTED, as far as further handshake messages go.
pub(crate) struct Post {
    side: Side,
    form: Form,
    key_updates: u8,
    tickets: u8,
}

impl Post {
    pub(crate) const fn new(side: Side) -> Self {
        Self { side, form: Form::Tls13, key_updates: 0, tickets: 0 }
    }

    /// The handshake is complete, in the version of this form.
    pub(crate) fn negotiated(&mut self, form: Form) {
        self.form = form;
    }

    /// The wire form of the messages.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// Application data arrived: the budget of KeyUpdates is whole again.
    pub(crate) fn data_arrived(&mut self) {
        self.key_updates = 0;
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
            (Form::Tls12, Side::Client, Body::HelloRequest(_)) => Err(Fault::Renegotiation.into()),
            (Form::Tls12, Side::Server, Body::ClientHello(_)) => Err(Fault::Renegotiation.into()),
            (_, _, got) => Err(unexpected(&Input::Message(got))),
        }
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
        self.key_updates = self.key_updates.saturating_add(u8::from(!asked_for));
        if self.key_updates > limits::KEY_UPDATES {
            return Err(Fault::TooManyKeyUpdates.into());
        }
        // Nothing may follow under the old key.
        let end = msg.end()?;
        let next = tls13::next_generation(key.get()?, self.side.other(), tap)?;
        key.set(Level::Application, next, end);
        Ok(())
    }

    /// The first tickets of a connection are kept, where there is a store.
    fn new_session_ticket(
        &mut self,
        m: &NewSessionTicket13<'_>,
        keeper: Option<&Keeper>,
    ) -> Result<(), Error> {
        self.tickets += 1;
        if self.tickets > limits::TICKETS_READ {
            return Err(Fault::TooManyTickets.into());
        }
        if let Some(keeper) = keeper.filter(|_| self.tickets <= limits::TICKETS_KEPT) {
            keeper.keep(m);
        }
        Ok(())
    }
}
