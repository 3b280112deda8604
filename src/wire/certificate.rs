//! Certificate and CertificateRequest, each in the form of TLS 1.3 (RFC 9846
//! sections 4.4.2 and 4.5.1) and of TLS 1.2 (RFC 5246 sections 7.4.2 and
//! 7.4.4); CertificateVerify; and TLS 1.2's CertificateStatus (RFC 6066 section 8).

use super::codec::{Flag, List16, Opaque16, Value};
use super::codepoints::*;
use super::extension_data::DistinguishedName;
use super::extensions::{Place, extension_fields};
use super::list::{Item, List};
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;

/// The largest length that three bytes can say.
const MAX24: usize = 0xff_ffff;

/// A certificate chain, the sender's own certificate first (RFC 9846 section 4.5.1).
///
/// ```
/// use handfast::wire::{Certificate13, CertificateEntry, List, Writer};
/// let bytes = [0, 0, 0, 7, 0, 0, 2, 0x30, 0, 0, 0];
/// let read = Certificate13::decode(&bytes)?;
/// assert_eq!(read.entries, List::from(&[CertificateEntry::from(&[0x30, 0][..])]));
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate13<'a> {
    /// Empty from a server; from a client the request's own (0 to 255 bytes).
    pub context: &'a [u8],
    /// The chain; empty from a client that has none.
    pub entries: List<'a, CertificateEntry<'a>>,
}

impl<'a> Certificate13<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let certificate =
            Self { context: reader.vec8(0..=0xff)?, entries: List::parse(reader.vec24(0..=MAX24)?)? };
        reader.finish()?;
        Ok(certificate)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.vec8(|w| w.bytes(self.context));
        writer.vec24(|w| self.entries.write(w));
    }
}

/// One certificate of a [`Certificate13`].
///
/// ```
/// use handfast::wire::{Certificate13, CertificateEntry, List};
/// let der: [&[u8]; 2] = [&[0x30, 0], &[0x30, 1, 5]]; // the sender's own, its issuer's
/// let chain = der.map(CertificateEntry::from);
/// let message = Certificate13 { context: &[], entries: List::from(&chain) };
/// assert_eq!(message.entries.first().map(|own| own.cert_data), Some(der[0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEntry<'a> {
    /// The certificate in DER, not looked into (1 to 2^24-1 bytes).
    pub cert_data: &'a [u8],
    /// What is stapled to it.
    pub extensions: CertificateExtensions<'a>,
}

extension_fields! {
    /// The extensions of a [`CertificateEntry`].
    ///
    /// ```
    /// use handfast::wire::{CertificateExtensions, CertificateStatus, ExtensionType};
    /// let status_request = Some(CertificateStatus { ocsp_response: &[0x30, 0] });
    /// let stapled = CertificateExtensions { status_request, ..Default::default() };
    /// assert!(stapled.present().contains(ExtensionType::STATUS_REQUEST));
    /// assert!(CertificateExtensions::default().is_empty());
    /// ```
    CertificateExtensions<'a> {
        /// The certificate's stapled status (RFC 9846 section 4.5.1.1).
        status_request: Option<CertificateStatus<'a>> = STATUS_REQUEST, Value;
        /// Certificate transparency's timestamps (RFC 6962 section 3.3.1), each with
        /// its length in front.
        signed_certificate_timestamp: Option<&'a [u8]> = SIGNED_CERTIFICATE_TIMESTAMP, Opaque16<1, 0xffff>;
    }
}

/// A certificate with nothing stapled to it.
impl<'a> From<&'a [u8]> for CertificateEntry<'a> {
    fn from(cert_data: &'a [u8]) -> Self {
        Self { cert_data, extensions: CertificateExtensions::default() }
    }
}

impl<'a> Item<'a> for CertificateEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        Ok(Self {
            cert_data: reader.vec24(1..=MAX24)?,
            extensions: CertificateExtensions::read_block(reader.vec16(0..=0xffff)?, Place::Certificate)?,
        })
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.vec24(|w| w.bytes(self.cert_data));
        writer.vec16(|w| self.extensions.write_block(w));
    }
}

/// A certificate chain in TLS 1.2, the sender's own certificate first (RFC 5246
/// section 7.4.2).
///
/// ```
/// use handfast::wire::{Certificate12, CertificateBytes, Writer};
/// let bytes = [0, 0, 5, 0, 0, 2, 0x30, 0];
/// let read = Certificate12::decode(&bytes)?;
/// assert_eq!(read.certificates.first(), Some(CertificateBytes(&[0x30, 0])));
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate12<'a> {
    /// The chain; empty from a client that has none.
    pub certificates: List<'a, CertificateBytes<'a>>,
}

impl<'a> Certificate12<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let certificate = Self { certificates: List::parse(reader.vec24(0..=MAX24)?)? };
        reader.finish()?;
        Ok(certificate)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.vec24(|w| self.certificates.write(w));
    }
}

/// A certificate in DER, not looked into (1 to 2^24-1 bytes).
///
/// ```
/// use handfast::wire::{CertificateBytes, List};
/// let chain = List::<CertificateBytes<'_>>::parse(&[0, 0, 2, 0x30, 0, 0, 0, 1, 7])?;
/// assert_eq!(chain, List::from(&[CertificateBytes(&[0x30, 0]), CertificateBytes(&[7])]));
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateBytes<'a>(pub &'a [u8]);

impl<'a> Item<'a> for CertificateBytes<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.vec24(1..=MAX24).map(Self)
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.vec24(|w| w.bytes(self.0));
    }
}

/// The server asks the client for a certificate (RFC 9846 section 4.4.2).
///
/// ```
/// use handfast::wire::{CertificateRequest13, List, SignatureScheme, Writer};
/// let bytes = [0, 0, 8, 0, 13, 0, 4, 0, 2, 8, 7];
/// let read = CertificateRequest13::decode(&bytes)?;
/// assert_eq!(read.extensions.signature_algorithms, Some(List::from(&[SignatureScheme::ED25519])));
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest13<'a> {
    /// The request's name; empty in a handshake (0 to 255 bytes).
    pub context: &'a [u8],
    /// What the certificate must be like.
    pub extensions: RequestExtensions<'a>,
}

impl<'a> CertificateRequest13<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let request = Self {
            context: reader.vec8(0..=0xff)?,
            extensions: RequestExtensions::read_block(reader.vec16(2..=0xffff)?, Place::CertificateRequest)?,
        };
        reader.finish()?;
        Ok(request)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.vec8(|w| w.bytes(self.context));
        writer.vec16(|w| self.extensions.write_block(w));
    }
}

extension_fields! {
    /// The extensions of a [`CertificateRequest13`].
    ///
    /// ```
    /// use handfast::wire::{DistinguishedName, ExtensionType, List, RequestExtensions};
    /// let taken = [DistinguishedName(&[0x30, 0])];
    /// let certificate_authorities = Some(List::from(&taken));
    /// let request = RequestExtensions { certificate_authorities, ..Default::default() };
    /// assert!(request.present().contains(ExtensionType::CERTIFICATE_AUTHORITIES));
    /// assert!(request.signature_algorithms.is_none()); // no server may leave it out
    /// ```
    RequestExtensions<'a> {
        /// The signatures that the server can check; it must be there (RFC 9846 section 4.4.2).
        signature_algorithms: Option<List<'a, SignatureScheme>> = SIGNATURE_ALGORITHMS, List16<2, 0xfffe>;
        /// Those that it can check in certificates, where they differ.
        signature_algorithms_cert: Option<List<'a, SignatureScheme>> = SIGNATURE_ALGORITHMS_CERT, List16<2, 0xfffe>;
        /// The authorities that the server takes (RFC 9846 section 4.3.4).
        certificate_authorities: Option<List<'a, DistinguishedName<'a>>> = CERTIFICATE_AUTHORITIES, List16<3, 0xffff>;
        /// The wish for a stapled status (RFC 9846 section 4.5.1.1).
        status_request: bool = STATUS_REQUEST, Flag;
        /// The wish for certificate transparency's timestamps.
        signed_certificate_timestamp: bool = SIGNED_CERTIFICATE_TIMESTAMP, Flag;
    }
}

/// The server asks the client for a certificate, in TLS 1.2 (RFC 5246 section 7.4.4).
///
/// ```
/// use handfast::wire::{CertificateRequest12, ClientCertificateType, Writer};
/// let bytes = [1, 64, 0, 2, 4, 3, 0, 0];
/// let read = CertificateRequest12::decode(&bytes)?;
/// assert_eq!(read.certificate_types.first(), Some(ClientCertificateType::ECDSA_SIGN));
/// assert!(read.certificate_authorities.is_empty()); // of any authority
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest12<'a> {
    /// The kinds of key that the server takes.
    pub certificate_types: List<'a, ClientCertificateType>,
    /// The signatures that it can check.
    pub signature_algorithms: List<'a, SignatureScheme>,
    /// The authorities that it takes; empty for any.
    pub certificate_authorities: List<'a, DistinguishedName<'a>>,
}

impl<'a> CertificateRequest12<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let request = Self {
            certificate_types: List::parse(reader.vec8(1..=0xff)?)?,
            signature_algorithms: List::parse(reader.vec16(2..=0xfffe)?)?,
            certificate_authorities: List::parse(reader.vec16(0..=0xffff)?)?,
        };
        reader.finish()?;
        Ok(request)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.vec8(|w| self.certificate_types.write(w));
        writer.vec16(|w| self.signature_algorithms.write(w));
        writer.vec16(|w| self.certificate_authorities.write(w));
    }
}

/// The proof that the sender has its certificate's key (RFC 9846 section 4.5.2,
/// RFC 5246 section 7.4.8).
///
/// ```
/// use handfast::wire::{CertificateVerify, SignatureScheme, Writer};
/// let bytes = [8, 7, 0, 2, 1, 2];
/// let read = CertificateVerify::decode(&bytes)?;
/// assert_eq!(read, CertificateVerify { scheme: SignatureScheme::ED25519, signature: &[1, 2] });
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateVerify<'a> {
    /// How it is signed.
    pub scheme: SignatureScheme,
    /// The signature over the handshake so far (0 to 65535 bytes).
    pub signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let verify =
            Self { scheme: SignatureScheme::read(&mut reader)?, signature: reader.vec16(0..=0xffff)? };
        reader.finish()?;
        Ok(verify)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        self.scheme.write(writer);
        writer.vec16(|w| w.bytes(self.signature));
    }
}

/// An OCSP response: in TLS 1.2 a message of its own (RFC 6066 section 8), in
/// TLS 1.3 an extension of a [`CertificateEntry`].
///
/// ```
/// use handfast::wire::{CertificateStatus, Writer};
/// let bytes = [1, 0, 0, 2, 0x30, 0];
/// let read = CertificateStatus::decode(&bytes)?;
/// assert_eq!(read, CertificateStatus { ocsp_response: &[0x30, 0] });
/// let mut written = Vec::new();
/// read.encode(&mut Writer::new(&mut written));
/// assert_eq!(written, bytes);
/// # Ok::<(), handfast::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateStatus<'a> {
    /// The response in DER, not looked into (1 to 2^24-1 bytes).
    pub ocsp_response: &'a [u8],
}

impl<'a> CertificateStatus<'a> {
    /// Reads a message's body. [`Fault::BadValue`] for another form than OCSP.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let status = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(status)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        self.write(writer);
    }
}

impl<'a> Item<'a> for CertificateStatus<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        match CertificateStatusType::read(reader)? {
            CertificateStatusType::OCSP => Ok(Self { ocsp_response: reader.vec24(1..=MAX24)? }),
            _ => Err(Fault::BadValue),
        }
    }
    fn write(&self, writer: &mut Writer<'_>) {
        CertificateStatusType::OCSP.write(writer);
        writer.vec24(|w| w.bytes(self.ocsp_response));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_tls_13() {
        let bytes = [1, 9, 0, 0, 7, 0, 0, 2, 0x30, 0, 0, 0];
        let certificate = Certificate13::decode(&bytes).unwrap();
        assert_eq!(certificate.context, [9]);
        let entry = certificate.entries.first().unwrap();
        assert_eq!(entry.cert_data, [0x30, 0]);
        assert!(entry.extensions.is_empty());
        // An empty certificate is none.
        assert_eq!(Certificate13::decode(&[0, 0, 0, 5, 0, 0, 0, 0, 0]), Err(Fault::BadLength));
        assert!(Certificate13::decode(&[0, 0, 0, 0]).unwrap().entries.is_empty());
        // The second entry's extension, not the first's.
        let second = [0, 0, 0, 16, 0, 0, 1, 7, 0, 0, 0, 0, 1, 8, 0, 4, 0x12, 0x34, 0, 0];
        assert_eq!(Certificate13::decode(&second), Err(Fault::UnofferedExtension));
    }

    #[test]
    fn a_certificate_of_tls_12() {
        let bytes = [0, 0, 9, 0, 0, 2, 0x30, 0, 0, 0, 1, 7];
        let certificate = Certificate12::decode(&bytes).unwrap();
        let expected = [CertificateBytes(&[0x30, 0]), CertificateBytes(&[7])];
        assert_eq!(certificate.certificates, List::from(&expected));
        assert_eq!(Certificate12::decode(&[0, 0, 3, 0, 0, 0]), Err(Fault::BadLength));
        assert!(Certificate12::decode(&[0, 0, 0]).unwrap().certificates.is_empty());
    }

    #[test]
    fn a_certificate_request_of_tls_12() {
        let bytes = [1, 64, 0, 2, 4, 3, 0, 4, 0, 2, 0x30, 0];
        let request = CertificateRequest12::decode(&bytes).unwrap();
        assert_eq!(request.certificate_types.first(), Some(ClientCertificateType::ECDSA_SIGN));
        assert_eq!(request.signature_algorithms.first(), Some(SignatureScheme::ECDSA_SECP256R1_SHA256));
        assert_eq!(request.certificate_authorities.first(), Some(DistinguishedName(&[0x30, 0])));
        assert_eq!(CertificateRequest12::decode(&[0, 0, 2, 4, 3, 0, 0]), Err(Fault::BadLength));
        assert_eq!(CertificateRequest12::decode(&[1, 64, 0, 0, 0, 0]), Err(Fault::BadLength));
        assert!(CertificateRequest12::decode(&[1, 64, 0, 2, 4, 3, 0, 0]).is_ok());
    }

    #[test]
    fn a_certificate_status_is_an_ocsp_response() {
        assert_eq!(
            CertificateStatus::decode(&[1, 0, 0, 1, 7]),
            Ok(CertificateStatus { ocsp_response: &[7] })
        );
        assert_eq!(CertificateStatus::decode(&[1, 0, 0, 0]), Err(Fault::BadLength));
        assert_eq!(CertificateStatus::decode(&[2, 0, 0, 1, 7]), Err(Fault::BadValue));
    }

    #[test]
    fn a_certificate_verify() {
        let verify = CertificateVerify { scheme: SignatureScheme::ED25519, signature: &[1, 2] };
        assert_eq!(CertificateVerify::decode(&[8, 7, 0, 2, 1, 2]), Ok(verify));
    }

    #[test]
    fn a_certificate_too_long_for_its_prefix_is_told() {
        let long = vec![0; MAX24];
        let certificates = [CertificateBytes(&long)];
        let mut buffer = Vec::new();
        let mut writer = Writer::new(&mut buffer);
        Certificate12 { certificates: List::from(&certificates) }.encode(&mut writer);
        assert!(writer.finish().is_err());
        assert!(buffer.is_empty());
    }
}
