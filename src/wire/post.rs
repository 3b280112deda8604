//! Finished, and what follows it: NewSessionTicket in the form of TLS 1.3 (RFC
//! 9846 section 4.7.1) and of TLS 1.2 (RFC 5077 section 3.3), KeyUpdate, and
//! EndOfEarlyData, which stands just before it.

use super::codec::Value;
use super::codepoints::ExtensionType;
use super::exchange12::empty;
use super::extensions::{Place, extension_fields};
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;

/// A MAC over the handshake so far (RFC 9846 section 4.5.3, RFC 5246 section 7.4.9).
///
/// ```
/// use handfast::wire::{Finished, Writer};
/// let bytes = [7; 32];
/// let read = Finished::decode(&bytes)?;
/// assert_eq!(read.verify_data.len(), 32);
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished<'a> {
    /// The MAC: as long as the hash in TLS 1.3, 12 bytes in TLS 1.2. Its length
    /// is checked by whoever compares it.
    pub verify_data: &'a [u8],
}

impl<'a> Finished<'a> {
    /// Reads a message's body.
    pub const fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        Ok(Self { verify_data: body })
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.bytes(self.verify_data);
    }
}

/// The client's early data end, and its keys change (RFC 9846 section 4.6).
///
/// ```
/// use handfast::wire::{Body, EndOfEarlyData, Form, Message};
/// let message = Message::decode(&[5, 0, 0, 0], Form::Tls13)?;
/// assert_eq!(message.body, Body::EndOfEarlyData(EndOfEarlyData));
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOfEarlyData;

empty! { EndOfEarlyData }

/// The sender's keys change after this message (RFC 9846 section 4.7.3).
///
/// ```
/// use handfast::wire::{KeyUpdate, Writer};
/// let bytes = [1];
/// let read = KeyUpdate::decode(&bytes)?;
/// assert!(read.update_requested);
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUpdate {
    /// Whether the receiver is asked to change its own too.
    pub update_requested: bool,
}

impl KeyUpdate {
    /// Reads a message's body. [`Fault::BadKeyUpdate`] for a value other than 0 and 1.
    pub fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let update_requested = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Fault::BadKeyUpdate),
        };
        reader.finish()?;
        Ok(Self { update_requested })
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(u8::from(self.update_requested));
    }
}

/// A ticket to resume with, and what its key is made from (RFC 9846 section 4.7.1).
///
/// ```
/// use handfast::wire::{NewSessionTicket13, Writer};
/// let bytes = [0, 0, 14, 16, 0, 0, 0, 2, 1, 9, 0, 1, 7, 0, 0];
/// let read = NewSessionTicket13::decode(&bytes)?;
/// assert_eq!((read.ticket_lifetime, read.ticket), (3600, &[7][..]));
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSessionTicket13<'a> {
    /// Seconds that the ticket is good for; at most 604800, seven days.
    pub ticket_lifetime: u32,
    /// Added to the ticket's age when it is told.
    pub ticket_age_add: u32,
    /// Makes the key of this ticket another than those of its siblings (0 to 255 bytes).
    pub ticket_nonce: &'a [u8],
    /// The ticket (1 to 65535 bytes).
    pub ticket: &'a [u8],
    /// The extensions.
    pub extensions: TicketExtensions<'a>,
}

impl<'a> NewSessionTicket13<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let ticket = Self {
            ticket_lifetime: reader.u32()?,
            ticket_age_add: reader.u32()?,
            ticket_nonce: reader.vec8(0..=0xff)?,
            ticket: reader.vec16(1..=0xffff)?,
            extensions: TicketExtensions::read_block(reader.vec16(0..=0xfffe)?, Place::NewSessionTicket)?,
        };
        reader.finish()?;
        Ok(ticket)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.u32(self.ticket_lifetime);
        writer.u32(self.ticket_age_add);
        writer.vec8(|w| w.bytes(self.ticket_nonce));
        writer.vec16(|w| w.bytes(self.ticket));
        writer.vec16(|w| self.extensions.write_block(w));
    }
}

extension_fields! {
    /// The extensions of a [`NewSessionTicket13`].
    ///
    /// ```
    /// use handfast::wire::{ExtensionType, TicketExtensions};
    /// let ticket = TicketExtensions { early_data: Some(16_384), ..Default::default() };
    /// assert!(ticket.present().contains(ExtensionType::EARLY_DATA));
    /// ```
    TicketExtensions<'a> {
        /// The ticket may be used for early data, of at most so many bytes (RFC 9846
        /// section 4.3.10).
        early_data: Option<u32> = EARLY_DATA, Value;
    }
}

/// A ticket of TLS 1.2 (RFC 5077 section 3.3).
///
/// ```
/// use handfast::wire::{NewSessionTicket12, Writer};
/// let bytes = [0, 0, 14, 16, 0, 1, 7];
/// let read = NewSessionTicket12::decode(&bytes)?;
/// assert_eq!(read, NewSessionTicket12 { ticket_lifetime_hint: 3600, ticket: &[7] });
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSessionTicket12<'a> {
    /// Seconds that the ticket is good for; 0 says nothing.
    pub ticket_lifetime_hint: u32,
    /// The ticket; empty where the server gives none after all (0 to 65535 bytes).
    pub ticket: &'a [u8],
}

impl<'a> NewSessionTicket12<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let ticket = Self { ticket_lifetime_hint: reader.u32()?, ticket: reader.vec16(0..=0xffff)? };
        reader.finish()?;
        Ok(ticket)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.u32(self.ticket_lifetime_hint);
        writer.vec16(|w| w.bytes(self.ticket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_update_has_one_of_two_values() {
        assert_eq!(KeyUpdate::decode(&[0]), Ok(KeyUpdate { update_requested: false }));
        assert_eq!(KeyUpdate::decode(&[1]), Ok(KeyUpdate { update_requested: true }));
        for value in 2..=0xff {
            assert_eq!(KeyUpdate::decode(&[value]), Err(Fault::BadKeyUpdate));
        }
        assert_eq!(KeyUpdate::decode(&[]), Err(Fault::Truncated));
        assert_eq!(KeyUpdate::decode(&[0, 0]), Err(Fault::TrailingBytes));
    }

    #[test]
    fn a_ticket_of_tls_13_is_not_empty_and_one_of_tls_12_may_be() {
        let bytes = [0, 0, 0, 1, 0, 0, 0, 2, 1, 9, 0, 1, 7, 0, 8, 0, 42, 0, 4, 0, 0, 0x38, 0];
        let ticket = NewSessionTicket13::decode(&bytes).unwrap();
        assert_eq!((ticket.ticket_lifetime, ticket.ticket_age_add), (1, 2));
        assert_eq!((ticket.ticket_nonce, ticket.ticket), (&[9][..], &[7][..]));
        assert_eq!(ticket.extensions.early_data, Some(0x3800));
        let empty = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0];
        assert_eq!(NewSessionTicket13::decode(&empty), Err(Fault::BadLength));
        let expected = NewSessionTicket12 { ticket_lifetime_hint: 1, ticket: &[] };
        assert_eq!(NewSessionTicket12::decode(&[0, 0, 0, 1, 0, 0]), Ok(expected));
    }

    #[test]
    fn end_of_early_data_is_empty() {
        assert_eq!(EndOfEarlyData::decode(&[]), Ok(EndOfEarlyData));
        assert_eq!(EndOfEarlyData::decode(&[0]), Err(Fault::TrailingBytes));
    }
}
