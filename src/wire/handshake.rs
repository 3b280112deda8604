//! The envelope of a handshake message (RFC 9846 section 4): a type, a length
//! of three bytes, and one of the bodies below.

use super::certificate::*;
use super::codepoints::HandshakeType;
use super::exchange12::*;
use super::hello::*;
use super::list::Item;
use super::post::*;
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;
use crate::limits;

/// The four bytes in front of every handshake message.
///
/// ```
/// use handfast::wire::{HandshakeHeader, HandshakeType};
/// let header = HandshakeHeader::read(&[20, 0, 0, 32, 7])?.unwrap(); // the rest is on its way
/// assert_eq!(header, HandshakeHeader { handshake_type: HandshakeType::FINISHED, length: 32 });
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeHeader {
    /// Which message follows.
    pub handshake_type: HandshakeType,
    /// Bytes of its body.
    pub length: usize,
}

impl HandshakeHeader {
    /// Bytes of a header.
    pub const LEN: usize = 4;

    /// Reads the header that `bytes` starts with; `None` while they are fewer
    /// than four. [`Fault::MessageTooLong`] if it announces more than
    /// [`limits`] allow for its type, so that nobody waits for it.
    ///
    /// ```
    /// use handfast::wire::HandshakeHeader;
    /// assert_eq!(HandshakeHeader::read(&[24, 0, 0])?, None);
    /// let header = HandshakeHeader::read(&[24, 0, 0, 1, 0]).transpose().unwrap()?;
    /// assert_eq!(header.message_len(), 5);
    /// # Ok::<(), handfast::Fault>(())
    /// ```
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        let Some(header) = bytes.first_chunk::<{ Self::LEN }>() else {
            return Ok(None);
        };
        let mut reader = Reader::new(header);
        let header =
            Self { handshake_type: HandshakeType::read(&mut reader)?, length: reader.u24()? as usize };
        let limit = match header.handshake_type {
            HandshakeType::CERTIFICATE => limits::CERTIFICATE_MESSAGE,
            _ => limits::HANDSHAKE_MESSAGE,
        };
        if header.length > limit {
            return Err(Fault::MessageTooLong);
        }
        Ok(Some(header))
    }

    /// Bytes of the whole message, the header included.
    pub const fn message_len(&self) -> usize {
        self.length.saturating_add(Self::LEN)
    }
}

/// Which version's form a message has, where they differ (Certificate,
/// CertificateRequest, NewSessionTicket) and are not told apart by their bytes.
///
/// ```
/// use handfast::{Fault, wire::{Form, Message}};
/// let no_certificate = [11, 0, 0, 4, 0, 0, 0, 0];
/// assert!(Message::decode(&no_certificate, Form::Tls13).is_ok());
/// assert_eq!(Message::decode(&no_certificate, Form::Tls12), Err(Fault::TrailingBytes));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// TLS 1.2's; also for the messages before a version is chosen.
    Tls12,
    /// TLS 1.3's.
    Tls13,
}

/// A handshake message, read.
///
/// ```
/// use handfast::wire::{Body, Form, KeyUpdate, Message};
/// let message = Message::decode(&[24, 0, 0, 1, 1], Form::Tls13)?;
/// assert_eq!(message.body, Body::KeyUpdate(KeyUpdate { update_requested: true }));
/// assert_eq!(message.body.name(), "KeyUpdate");
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The whole message with its header, as the transcript hashes it.
    pub bytes: &'a [u8],
    /// What it says.
    pub body: Body<'a>,
}

impl<'a> Message<'a> {
    /// Reads exactly one message with its header. Nothing is allocated.
    /// [`Fault::UnknownMessage`] for a type that no [`Body`] has.
    pub fn decode(bytes: &'a [u8], form: Form) -> Result<Self, Fault> {
        let header = HandshakeHeader::read(bytes)?.ok_or(Fault::Truncated)?;
        let mut reader = Reader::new(bytes);
        reader.take(HandshakeHeader::LEN)?;
        let body = reader.take(header.length)?;
        reader.finish()?;
        Ok(Self { bytes, body: Body::decode(header.handshake_type, body, form)? })
    }

    /// The same where only messages of these types may stand: any other is not
    /// looked into, [`Fault::UnexpectedMessage`] (RFC 9846 section 4).
    ///
    /// ```
    /// use handfast::{Fault, wire::{Form, HandshakeType, Message}};
    /// let garbage = [20, 0, 0, 1, 0xff];
    /// let awaited = [HandshakeType::CERTIFICATE];
    /// assert_eq!(Message::decode_awaited(&garbage, Form::Tls13, &awaited), Err(Fault::UnexpectedMessage));
    /// ```
    pub fn decode_awaited(bytes: &'a [u8], form: Form, awaited: &[HandshakeType]) -> Result<Self, Fault> {
        let header = HandshakeHeader::read(bytes)?.ok_or(Fault::Truncated)?;
        match awaited.contains(&header.handshake_type) {
            true => Self::decode(bytes, form),
            false if Body::TYPES.contains(&header.handshake_type) => Err(Fault::UnexpectedMessage),
            false => Err(Fault::UnknownMessage),
        }
    }
}

/// A table of the messages: the enum's variant, its type on the wire, its name.
macro_rules! bodies {
    ($($variant:ident($struct:ty) = $handshake_type:ident, $name:literal;)*) => {
        /// What a handshake message says.
        ///
        /// ```
        /// use handfast::wire::{Body, Finished, Writer};
        /// let body = Body::Finished(Finished { verify_data: &[8, 9] });
        /// let mut message = Vec::new();
        /// body.encode(&mut Writer::new(&mut message));
        /// assert_eq!((body.name(), &message[..]), ("Finished", &[20, 0, 0, 2, 8, 9][..]));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant)] // decoding does not allocate, so nothing is boxed
        pub enum Body<'a> {
            $(#[doc = concat!("[`", stringify!($variant), "`]")] $variant($struct),)*
        }

        impl Body<'_> {
            /// The types that there is a body for.
            const TYPES: &'static [HandshakeType] = &[$(HandshakeType::$handshake_type,)*];

            /// The message's type on the wire.
            pub const fn handshake_type(&self) -> HandshakeType {
                match self { $(Self::$variant(_) => HandshakeType::$handshake_type,)* }
            }

            /// The message's name in the RFC.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// Writes the message with its header.
            pub fn encode(&self, writer: &mut Writer<'_>) {
                self.handshake_type().write(writer);
                writer.vec24(|w| match self { $(Self::$variant(body) => body.encode(w),)* });
            }
        }
    };
}

bodies! {
    HelloRequest(HelloRequest) = HELLO_REQUEST, "HelloRequest";
    ClientHello(ClientHello<'a>) = CLIENT_HELLO, "ClientHello";
    ServerHello(ServerHello<'a>) = SERVER_HELLO, "ServerHello";
    HelloRetryRequest(HelloRetryRequest<'a>) = SERVER_HELLO, "HelloRetryRequest";
    NewSessionTicket12(NewSessionTicket12<'a>) = NEW_SESSION_TICKET, "NewSessionTicket";
    NewSessionTicket13(NewSessionTicket13<'a>) = NEW_SESSION_TICKET, "NewSessionTicket";
    EndOfEarlyData(EndOfEarlyData) = END_OF_EARLY_DATA, "EndOfEarlyData";
    EncryptedExtensions(EncryptedExtensions<'a>) = ENCRYPTED_EXTENSIONS, "EncryptedExtensions";
    Certificate12(Certificate12<'a>) = CERTIFICATE, "Certificate";
    Certificate13(Certificate13<'a>) = CERTIFICATE, "Certificate";
    ServerKeyExchange(ServerKeyExchange<'a>) = SERVER_KEY_EXCHANGE, "ServerKeyExchange";
    CertificateRequest12(CertificateRequest12<'a>) = CERTIFICATE_REQUEST, "CertificateRequest";
    CertificateRequest13(CertificateRequest13<'a>) = CERTIFICATE_REQUEST, "CertificateRequest";
    ServerHelloDone(ServerHelloDone) = SERVER_HELLO_DONE, "ServerHelloDone";
    CertificateVerify(CertificateVerify<'a>) = CERTIFICATE_VERIFY, "CertificateVerify";
    ClientKeyExchange(ClientKeyExchange<'a>) = CLIENT_KEY_EXCHANGE, "ClientKeyExchange";
    Finished(Finished<'a>) = FINISHED, "Finished";
    CertificateStatus(CertificateStatus<'a>) = CERTIFICATE_STATUS, "CertificateStatus";
    KeyUpdate(KeyUpdate) = KEY_UPDATE, "KeyUpdate";
}

impl<'a> Body<'a> {
    /// Reads a message's body. A message that exists in one version only is read
    /// in either form: whether it may stand where it does is not decided here.
    fn decode(handshake_type: HandshakeType, body: &'a [u8], form: Form) -> Result<Self, Fault> {
        Ok(match (handshake_type, form) {
            (HandshakeType::HELLO_REQUEST, _) => Self::HelloRequest(HelloRequest::decode(body)?),
            (HandshakeType::CLIENT_HELLO, _) => Self::ClientHello(ClientHello::decode(body)?),
            (HandshakeType::SERVER_HELLO, _) if HelloRetryRequest::is_retry(body) => {
                Self::HelloRetryRequest(HelloRetryRequest::decode(body)?)
            }
            (HandshakeType::SERVER_HELLO, _) => Self::ServerHello(ServerHello::decode(body)?),
            (HandshakeType::NEW_SESSION_TICKET, Form::Tls12) => {
                Self::NewSessionTicket12(NewSessionTicket12::decode(body)?)
            }
            (HandshakeType::NEW_SESSION_TICKET, Form::Tls13) => {
                Self::NewSessionTicket13(NewSessionTicket13::decode(body)?)
            }
            (HandshakeType::END_OF_EARLY_DATA, _) => Self::EndOfEarlyData(EndOfEarlyData::decode(body)?),
            (HandshakeType::ENCRYPTED_EXTENSIONS, _) => {
                Self::EncryptedExtensions(EncryptedExtensions::decode(body)?)
            }
            (HandshakeType::CERTIFICATE, Form::Tls12) => Self::Certificate12(Certificate12::decode(body)?),
            (HandshakeType::CERTIFICATE, Form::Tls13) => Self::Certificate13(Certificate13::decode(body)?),
            (HandshakeType::SERVER_KEY_EXCHANGE, _) => {
                Self::ServerKeyExchange(ServerKeyExchange::decode(body)?)
            }
            (HandshakeType::CERTIFICATE_REQUEST, Form::Tls12) => {
                Self::CertificateRequest12(CertificateRequest12::decode(body)?)
            }
            (HandshakeType::CERTIFICATE_REQUEST, Form::Tls13) => {
                Self::CertificateRequest13(CertificateRequest13::decode(body)?)
            }
            (HandshakeType::SERVER_HELLO_DONE, _) => Self::ServerHelloDone(ServerHelloDone::decode(body)?),
            (HandshakeType::CERTIFICATE_VERIFY, _) => {
                Self::CertificateVerify(CertificateVerify::decode(body)?)
            }
            (HandshakeType::CLIENT_KEY_EXCHANGE, _) => {
                Self::ClientKeyExchange(ClientKeyExchange::decode(body)?)
            }
            (HandshakeType::FINISHED, _) => Self::Finished(Finished::decode(body)?),
            (HandshakeType::CERTIFICATE_STATUS, _) => {
                Self::CertificateStatus(CertificateStatus::decode(body)?)
            }
            (HandshakeType::KEY_UPDATE, _) => Self::KeyUpdate(KeyUpdate::decode(body)?),
            _ => return Err(Fault::UnknownMessage),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_announces_too_much_is_refused_at_once() {
        let header = |handshake_type: HandshakeType, length: usize| {
            let [.., a, b, c] = (length as u32).to_be_bytes();
            HandshakeHeader::read(&[handshake_type.0, a, b, c])
        };
        for (handshake_type, limit) in [
            (HandshakeType::CLIENT_HELLO, limits::HANDSHAKE_MESSAGE),
            (HandshakeType::CERTIFICATE, limits::CERTIFICATE_MESSAGE),
            (HandshakeType(99), limits::HANDSHAKE_MESSAGE),
        ] {
            let taken = header(handshake_type, limit).unwrap().unwrap();
            assert_eq!((taken.handshake_type, taken.message_len()), (handshake_type, limit + 4));
            assert_eq!(header(handshake_type, limit + 1), Err(Fault::MessageTooLong));
            assert_eq!(header(handshake_type, 0xff_ffff), Err(Fault::MessageTooLong));
        }
        let long = [1, 0xff, 0xff, 0xff];
        assert_eq!(Message::decode(&long, Form::Tls13), Err(Fault::MessageTooLong));
        (0..4).for_each(|n| assert_eq!(HandshakeHeader::read(&long[..n]), Ok(None)));
    }

    #[test]
    fn other_types_are_unknown() {
        let known = [0, 1, 2, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 22, 24];
        for handshake_type in 0..=0xff {
            for form in [Form::Tls12, Form::Tls13] {
                let bytes = [handshake_type, 0, 0, 0];
                let unknown = Message::decode(&bytes, form) == Err(Fault::UnknownMessage);
                assert_eq!(unknown, !known.contains(&handshake_type), "{handshake_type}");
            }
        }
    }

    #[test]
    fn the_form_says_how_to_read_what_differs() {
        let certificate = [11, 0, 0, 4, 0, 0, 0, 0];
        let read = |form| Message::decode(&certificate, form).map(|message| message.body);
        assert!(matches!(read(Form::Tls13), Ok(Body::Certificate13(_))));
        assert_eq!(read(Form::Tls12), Err(Fault::TrailingBytes));
        let ticket = [4, 0, 0, 6, 0, 0, 0, 1, 0, 0];
        let read = |form| Message::decode(&ticket, form).map(|message| message.body);
        assert!(matches!(read(Form::Tls12), Ok(Body::NewSessionTicket12(_))));
        assert_eq!(read(Form::Tls13), Err(Fault::Truncated));
    }
}
