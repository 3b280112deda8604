//! TLS 1.2's key exchange: ServerKeyExchange and ClientKeyExchange with ECDHE
//! (RFC 8422 sections 5.4 and 5.7) or RSA (RFC 5246 section 7.4.7.1), and the
//! two messages without a body.

use super::codepoints::{NamedGroup, SignatureScheme};
use super::list::Item;
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;

/// The server's ephemeral public key, signed (RFC 8422 section 5.4).
///
/// ```
/// use handfast::wire::{ServerKeyExchange, SignatureScheme, Writer};
/// let bytes = [3, 0, 0x1d, 2, 8, 9, 8, 7, 0, 1, 7];
/// let read = ServerKeyExchange::decode(&bytes)?;
/// assert_eq!(read.params.public(), [8, 9]);
/// assert_eq!((read.scheme, read.signature), (SignatureScheme::ED25519, &[7][..]));
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// The key. The signature covers both randoms and
    /// [`as_bytes`](ServerEcdhParams::as_bytes) of it.
    pub params: ServerEcdhParams<'a>,
    /// How it is signed.
    pub scheme: SignatureScheme,
    /// The signature (0 to 65535 bytes).
    pub signature: &'a [u8],
}

impl<'a> ServerKeyExchange<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let exchange = Self {
            params: ServerEcdhParams::read(&mut reader)?,
            scheme: SignatureScheme::read(&mut reader)?,
            signature: reader.vec16(0..=0xffff)?,
        };
        reader.finish()?;
        Ok(exchange)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        self.params.write(writer);
        self.scheme.write(writer);
        writer.vec16(|w| w.bytes(self.signature));
    }
}

/// The signed part of a [`ServerKeyExchange`]: a named group and a public key
/// (`ServerECDHParams`, RFC 8422 section 5.4).
///
/// ```
/// use handfast::wire::{NamedGroup, ServerEcdhParams, Writer};
/// let mut bytes = Vec::new();
/// let mut writer = Writer::new(&mut bytes);
/// ServerEcdhParams::encode(NamedGroup::X25519, &[9; 32], &mut writer);
/// writer.finish()?;
/// let params = ServerEcdhParams::decode(&bytes).map_err(|fault| fault.to_string())?;
/// assert_eq!(params.group(), NamedGroup::X25519);
/// assert_eq!(params.as_bytes(), bytes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerEcdhParams<'a> {
    bytes: &'a [u8],
    group: NamedGroup,
    public: &'a [u8],
}

impl<'a> ServerEcdhParams<'a> {
    /// `ECCurveType.named_curve`; the other forms are deprecated.
    const NAMED_CURVE: u8 = 3;

    /// Reads the parameters alone.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let params = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(params)
    }

    /// Writes the parameters for a group and a public key (1 to 255 bytes).
    pub fn encode(group: NamedGroup, public: &[u8], writer: &mut Writer<'_>) {
        writer.u8(Self::NAMED_CURVE);
        group.write(writer);
        writer.vec8(|w| w.bytes(public));
    }

    /// The group.
    pub const fn group(&self) -> NamedGroup {
        self.group
    }

    /// The public key, not looked into.
    pub const fn public(&self) -> &'a [u8] {
        self.public
    }

    /// The bytes that the signature covers after the two randoms.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Item<'a> for ServerEcdhParams<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut inside = *reader;
        if inside.u8()? != Self::NAMED_CURVE {
            return Err(Fault::BadValue);
        }
        let group = NamedGroup::read(&mut inside)?;
        let public = inside.vec8(1..=0xff)?;
        let bytes = reader.take(reader.len().saturating_sub(inside.len()))?;
        Ok(Self { bytes, group, public })
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.bytes(self.bytes);
    }
}

/// The client's part of the key exchange. Its form is the cipher suite's, which
/// the message does not say: ask for the one that was negotiated.
///
/// ```
/// use handfast::wire::{ClientKeyExchange, Writer};
/// let mut body = Vec::new();
/// ClientKeyExchange::encode_ecdhe(&[8, 9], &mut Writer::new(&mut body));
/// let read = ClientKeyExchange::decode(&body)?;
/// assert_eq!(read.ecdhe(), Ok(&[8, 9][..]));
/// assert!(read.rsa().is_err()); // it has the other form
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyExchange<'a> {
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> ClientKeyExchange<'a> {
    /// Reads a message's body; its form is checked when it is asked for.
    pub const fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        Ok(Self { body })
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.bytes(self.body);
    }

    /// The client's ephemeral public key (RFC 8422 section 5.7; 1 to 255 bytes).
    pub fn ecdhe(&self) -> Result<&'a [u8], Fault> {
        let mut reader = Reader::new(self.body);
        let public = reader.vec8(1..=0xff)?;
        reader.finish()?;
        Ok(public)
    }

    /// The encrypted pre-master secret (RFC 5246 section 7.4.7.1; 0 to 65535 bytes).
    pub fn rsa(&self) -> Result<&'a [u8], Fault> {
        let mut reader = Reader::new(self.body);
        let encrypted = reader.vec16(0..=0xffff)?;
        reader.finish()?;
        Ok(encrypted)
    }

    /// Writes a body with an ephemeral public key.
    pub fn encode_ecdhe(public: &[u8], writer: &mut Writer<'_>) {
        writer.vec8(|w| w.bytes(public));
    }

    /// Writes a body with an encrypted pre-master secret.
    pub fn encode_rsa(encrypted: &[u8], writer: &mut Writer<'_>) {
        writer.vec16(|w| w.bytes(encrypted));
    }
}

/// The server's flight ends (RFC 5246 section 7.4.5).
///
/// ```
/// use handfast::wire::{Body, Form, Message, ServerHelloDone};
/// let message = Message::decode(&[14, 0, 0, 0], Form::Tls12)?;
/// assert_eq!(message.body, Body::ServerHelloDone(ServerHelloDone));
/// assert!(ServerHelloDone::decode(&[0]).is_err()); // it has no body
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHelloDone;

/// The server would like to negotiate again (RFC 5246 section 7.4.1.1).
///
/// ```
/// use handfast::wire::{Body, Form, Message, HelloRequest};
/// let message = Message::decode(&[0, 0, 0, 0], Form::Tls12)?;
/// assert_eq!(message.body, Body::HelloRequest(HelloRequest));
/// assert!(HelloRequest::decode(&[0]).is_err()); // it has no body
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloRequest;

macro_rules! empty {
    ($($type:ident)*) => {$(
        impl $type {
            /// Reads a message's body, which is empty.
            pub const fn decode(body: &[u8]) -> Result<Self, Fault> {
                match Reader::new(body).finish() {
                    Ok(()) => Ok(Self),
                    Err(fault) => Err(fault),
                }
            }

            /// Writes the body: nothing.
            pub const fn encode(&self, _: &mut Writer<'_>) {}
        }
    )*};
}
pub(super) use empty;

empty! { ServerHelloDone HelloRequest }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_parameters_are_the_bytes_as_they_came() {
        let bytes = [3, 0, 0x1d, 2, 8, 9, 4, 3, 0, 1, 7];
        let exchange = ServerKeyExchange::decode(&bytes).unwrap();
        assert_eq!(exchange.params.as_bytes(), [3, 0, 0x1d, 2, 8, 9]);
        assert_eq!(exchange.params.group(), NamedGroup::X25519);
        assert_eq!(exchange.params.public(), [8, 9]);
        assert_eq!(exchange.scheme, SignatureScheme::ECDSA_SECP256R1_SHA256);
        assert_eq!(exchange.signature, [7]);
        let mut written = Vec::new();
        ServerEcdhParams::encode(NamedGroup::X25519, &[8, 9], &mut Writer::new(&mut written));
        assert_eq!(ServerEcdhParams::decode(&written), Ok(exchange.params));
    }

    #[test]
    fn parameters_keep_their_bounds() {
        for curve_type in [0, 1, 2, 4] {
            assert_eq!(ServerEcdhParams::decode(&[curve_type, 0, 0x1d, 1, 8]), Err(Fault::BadValue));
        }
        assert_eq!(ServerEcdhParams::decode(&[3, 0, 0x1d, 0]), Err(Fault::BadLength));
        assert_eq!(ServerEcdhParams::decode(&[3, 0, 0x1d, 1, 8, 9]), Err(Fault::TrailingBytes));
        assert_eq!(ServerEcdhParams::decode(&[3, 0, 0x1d, 2, 8]), Err(Fault::Truncated));
    }

    #[test]
    fn a_client_key_exchange_is_read_in_the_form_asked_for() {
        let exchange = |body| ClientKeyExchange { body };
        assert_eq!(exchange(&[2, 8, 9]).ecdhe(), Ok(&[8, 9][..]));
        assert_eq!(exchange(&[0]).ecdhe(), Err(Fault::BadLength));
        assert_eq!(exchange(&[1, 8, 9]).ecdhe(), Err(Fault::TrailingBytes));
        assert_eq!(exchange(&[3, 8, 9]).ecdhe(), Err(Fault::Truncated));
        assert_eq!(exchange(&[0, 2, 8, 9]).rsa(), Ok(&[8, 9][..]));
        assert_eq!(exchange(&[0, 1, 8, 9]).rsa(), Err(Fault::TrailingBytes));
        assert_eq!(exchange(&[0, 3, 8, 9]).rsa(), Err(Fault::Truncated));
        let (mut ecdhe, mut rsa) = (Vec::new(), Vec::new());
        ClientKeyExchange::encode_ecdhe(&[8, 9], &mut Writer::new(&mut ecdhe));
        ClientKeyExchange::encode_rsa(&[8, 9], &mut Writer::new(&mut rsa));
        assert_eq!((&ecdhe[..], &rsa[..]), (&[2, 8, 9][..], &[0, 2, 8, 9][..]));
    }

    #[test]
    fn a_message_without_a_body_has_none() {
        assert_eq!(ServerHelloDone::decode(&[]), Ok(ServerHelloDone));
        assert_eq!(ServerHelloDone::decode(&[0]), Err(Fault::TrailingBytes));
        assert_eq!(HelloRequest::decode(&[0]), Err(Fault::TrailingBytes));
    }
}
