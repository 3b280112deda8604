//! Early data (RFC 9846 sections 2.3 and 4.3.10): the only way by which what may be
//! replayed leaves a client, and what a server asks of it.

use super::Connection;
use super::flow::Flow;
use super::sending::{Window, send};
use crate::early::EarlyData;
use crate::error::Error;
use crate::handshake::context::export_early;

impl Connection {
    /// A window to write early data into, no longer than what may still go. `None` where
    /// [`early_left`](Self::early_left) is 0, and while [`pending`](Self::pending) must
    /// be sent first.
    ///
    /// The ClientHello is pending with it: both can leave in one flight. Before the
    /// handshake is complete [`payload`](Self::payload) is `None`, so what goes here is
    /// all that can be replayed. Nothing of it is sent again by itself: where the server
    /// rejects it, whoever has it sends it with `payload`, if that is still right.
    ///
    /// ```
    /// # mod pair { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pair.rs")); }
    /// # use handfast::{ClientSessions, EarlyData, Event, ReplayRegister, TicketKeys};
    /// # use std::io::Write;
    /// # let (client, server) = pair::configs();
    /// # let server = server.tickets(TicketKeys::random()).early_data(1024, ReplayRegister::new());
    /// # let client = client.sessions(ClientSessions::new()).early_data();
    /// # pair::connect(&client, &server)?;
    /// # let (mut client, mut server) = pair::start(&client, &server);
    /// // A second connection to a server that allows early data:
    /// if let Some(mut window) = client.early_payload()? {
    ///     let n = (&mut window[..]).write(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")?;
    ///     window.seal(n)?;
    /// }
    /// # pair::carry(&mut client, &mut server);
    /// # while !matches!(server.next()?, Event::EarlyData(_)) {}
    /// # pair::carry(&mut server, &mut client);
    /// assert!(matches!(client.next()?, Event::EarlyDataDecided(EarlyData::Accepted)));
    /// assert_eq!(client.info().early_data_sent, 35);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The connection failed.
    pub fn early_payload(&mut self) -> Result<Option<Window<'_>>, Error> {
        self.check()?;
        let left = self.early_left();
        self.sending.early_payload(left, &mut self.info.early_data_sent)
    }

    /// Copies early data into windows; returns how many bytes there was room for, 0
    /// where [`early_payload`](Self::early_payload) is `None`.
    ///
    /// # Errors
    /// The connection failed.
    pub fn send_early(&mut self, data: &[u8]) -> Result<usize, Error> {
        send(data, |rest| self.early_payload()?.map(|window| window.fill(rest)).transpose())
    }

    /// Octets of early data that may still go: what the ticket allows without what went.
    /// 0 where none is offered, once it was rejected, and when the server's Finished has
    /// come.
    pub fn early_left(&self) -> u32 {
        self.flow.early_data().map_or(0, |early| early.most.saturating_sub(self.info.early_data_sent))
    }

    /// Fills `out` with keying material of early data (RFC 9846 section 7.5), as
    /// [`export`](Self::export) does with that of the connection. It is there on a client
    /// that offers early data, until that is rejected, and on a server that has accepted
    /// it. Both sides have the same, but so has a connection on which this one's beginning
    /// is replayed.
    ///
    /// # Errors
    /// [`Error::Misuse`] where there is no early data, and as `export`.
    pub fn export_early(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        let offered = self.flow.early_data().map(|early| &early.exporter);
        let accepted = self.exporter.as_ref().and_then(|exporter| exporter.early());
        let taken = self.flow.early_exporter();
        export_early(offered.or(taken).or(accepted), label, context, out)
    }

    /// Whether nothing keeps this side from answering: the handshake is complete, or
    /// early data was accepted.
    pub(crate) fn may_answer(&self) -> bool {
        self.announced || self.flow.early_exporter().is_some()
    }

    /// Whether no early data can come any more.
    pub(crate) fn early_data_is_over(&self) -> bool {
        self.announced || self.flow.early_data_is_over()
    }

    /// Whether the server has not said yet what becomes of the early data.
    pub(super) fn awaits_decision(&self) -> bool {
        matches!(self.flow, Flow::Client(_)) && self.info.early_data == EarlyData::Offered
    }
}
