//! ClientHello, ServerHello, HelloRetryRequest and EncryptedExtensions (RFC
//! 9846 sections 4.2 and 4.4.1; RFC 5246 section 7.4.1 for TLS 1.2).

use super::codec::{Flag, List8, List16, Opaque8, Opaque16, Rest, Value};
use super::codepoints::*;
use super::extension_data::*;
use super::extensions::{Place, RawExtension, extension_fields};
use super::list::{Item, List};
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;

/// The random that makes a ServerHello a HelloRetryRequest: the SHA-256 of
/// "HelloRetryRequest" (RFC 9846 section 4.2.3).
pub const HELLO_RETRY_REQUEST_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The end of the random of a server that speaks TLS 1.3 and negotiates TLS 1.2
/// (RFC 9846 section 4.2.3).
pub const DOWNGRADE_TLS12: [u8; 8] = *b"DOWNGRD\x01";

/// The same where TLS 1.1 or older is negotiated.
pub const DOWNGRADE_TLS11: [u8; 8] = *b"DOWNGRD\x00";

/// What the client offers (RFC 9846 section 4.2.2).
///
/// ```
/// use handfast::wire::{CipherSuite, ClientExtensions, ClientHello, List, ProtocolVersion, Writer};
/// let hello = ClientHello {
///     legacy_version: ProtocolVersion::TLS12,
///     random: &[7; 32],
///     session_id: &[],
///     cipher_suites: List::from(&[CipherSuite::TLS_AES_128_GCM_SHA256]),
///     compression_methods: &[0],
///     extensions: ClientExtensions { server_name: Some(b"example.com"), ..Default::default() },
/// };
/// let mut bytes = Vec::new();
/// let mut writer = Writer::new(&mut bytes);
/// hello.encode(&mut writer);
/// writer.finish()?;
/// assert_eq!(ClientHello::decode(&bytes), Ok(hello));
/// # Ok::<(), handfast::wire::TooLong>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// 0x0303; the versions offered are in supported_versions, if that is there.
    pub legacy_version: ProtocolVersion,
    /// 32 bytes nobody can predict.
    pub random: &'a [u8; 32],
    /// The session to resume in TLS 1.2; for middleboxes in TLS 1.3 (0 to 32 bytes).
    pub session_id: &'a [u8],
    /// The suites offered, the favourite first.
    pub cipher_suites: List<'a, CipherSuite>,
    /// The compression methods offered: `[0]`, null alone, in TLS 1.3.
    pub compression_methods: &'a [u8],
    /// The extensions. If there are none, the block itself is left out, as an
    /// old client does (RFC 5246 section 7.4.1.2).
    pub extensions: ClientExtensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let hello = Self {
            legacy_version: ProtocolVersion::read(&mut reader)?,
            random: reader.array()?,
            session_id: reader.vec8(0..=32)?,
            cipher_suites: List::parse(reader.vec16(2..=0xfffe)?)?,
            compression_methods: reader.vec8(1..=0xff)?,
            extensions: ClientExtensions::read_block(optional_block(&mut reader)?, Place::ClientHello)?,
        };
        reader.finish()?;
        Ok(hello)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        self.legacy_version.write(writer);
        writer.bytes(self.random);
        writer.vec8(|w| w.bytes(self.session_id));
        writer.vec16(|w| self.cipher_suites.write(w));
        writer.vec8(|w| w.bytes(self.compression_methods));
        if !self.extensions.is_empty() {
            writer.vec16(|w| self.extensions.write_block(w));
        }
    }

    /// The extensions of a decoded message in their order, types and bodies: what
    /// a second ClientHello is compared by (RFC 9846 section 4.2.2).
    pub fn raw_extensions(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + Clone + use<'a> {
        self.extensions.raw.iter().map(|each| (each.extension_type, each.extension_data))
    }
}

extension_fields! {
    /// The extensions of a [`ClientHello`].
    ///
    /// ```
    /// use handfast::wire::{ClientExtensions, ExtensionType, List, ProtocolName};
    /// let alpn = Some(List::values(&[ProtocolName(b"h2")]));
    /// let offer = ClientExtensions { alpn, early_data: true, ..Default::default() };
    /// assert!(offer.present().contains(ExtensionType::EARLY_DATA));
    /// assert_eq!(offer.present().iter().count(), 2);
    /// ```
    ClientExtensions<'a> {
        /// The host name that the client wants (RFC 6066 section 3): ASCII, 1 to 255 bytes.
        server_name: Option<&'a [u8]> = SERVER_NAME, HostName;
        /// The client can bind the TLS 1.2 master secret to the handshake (RFC 7627).
        extended_master_secret: bool = EXTENDED_MASTER_SECRET, Flag;
        /// Empty in a first handshake (RFC 5746 section 3.2).
        renegotiation_info: Option<&'a [u8]> = RENEGOTIATION_INFO, Opaque8<0, 0xff>;
        /// The groups for key exchange, the favourite first (RFC 9846 section 4.3.7).
        supported_groups: Option<List<'a, NamedGroup>> = SUPPORTED_GROUPS, List16<2, 0xffff>;
        /// How TLS 1.2's points may be written (RFC 8422 section 5.1.2).
        ec_point_formats: Option<List<'a, EcPointFormat>> = EC_POINT_FORMATS, List8<1, 0xff>;
        /// A TLS 1.2 ticket, or the wish for one where it is empty (RFC 5077 section 3.2).
        session_ticket: Option<&'a [u8]> = SESSION_TICKET, Rest;
        /// The application protocols, the favourite first (RFC 7301 section 3.1).
        alpn: Option<List<'a, ProtocolName<'a>>> = APPLICATION_LAYER_PROTOCOL_NEGOTIATION, List16<2, 0xffff>;
        /// The wish for a stapled certificate status (RFC 6066 section 8).
        status_request: Option<CertificateStatusRequest<'a>> = STATUS_REQUEST, Value;
        /// The wish for certificate transparency's timestamps (RFC 6962 section 3.3.1).
        signed_certificate_timestamp: bool = SIGNED_CERTIFICATE_TIMESTAMP, Flag;
        /// Public keys, at most one a group (RFC 9846 section 4.3.8).
        key_share: Option<List<'a, KeyShareEntry<'a>>> = KEY_SHARE, ClientShares;
        /// The versions offered, the favourite first (RFC 9846 section 4.3.1).
        supported_versions: Option<List<'a, ProtocolVersion>> = SUPPORTED_VERSIONS, List8<2, 0xfe>;
        /// What the HelloRetryRequest gave (RFC 9846 section 4.3.2).
        cookie: Option<&'a [u8]> = COOKIE, Opaque16<1, 0xffff>;
        /// The signatures that the client can check (RFC 9846 section 4.3.3).
        signature_algorithms: Option<List<'a, SignatureScheme>> = SIGNATURE_ALGORITHMS, List16<2, 0xfffe>;
        /// Those that it can check in certificates, where they differ.
        signature_algorithms_cert: Option<List<'a, SignatureScheme>> = SIGNATURE_ALGORITHMS_CERT, List16<2, 0xfffe>;
        /// How a pre-shared key may be used (RFC 9846 section 4.3.9).
        psk_key_exchange_modes: Option<List<'a, PskKeyExchangeMode>> = PSK_KEY_EXCHANGE_MODES, List8<1, 0xff>;
        /// The largest plaintext that the client takes, in bytes (RFC 8449 section 4).
        record_size_limit: Option<u16> = RECORD_SIZE_LIMIT, RecordSizeLimit;
        /// The authorities whose certificates the client prefers (RFC 9846 section 4.3.4).
        certificate_authorities: Option<List<'a, DistinguishedName<'a>>> = CERTIFICATE_AUTHORITIES, List16<3, 0xffff>;
        /// The client can authenticate after the handshake (RFC 9846 section 4.3.6).
        post_handshake_auth: bool = POST_HANDSHAKE_AUTH, Flag;
        /// How many tickets the client would like to get (RFC 9149).
        ticket_request: Option<TicketRequest> = TICKET_REQUEST, Value;
        /// Early data follows (RFC 9846 section 4.3.10).
        early_data: bool = EARLY_DATA, Flag;
        /// The pre-shared keys; always the last extension (RFC 9846 section 4.3.11).
        pre_shared_key: Option<OfferedPsks<'a>> = PRE_SHARED_KEY, Value;
    } last PRE_SHARED_KEY
}

/// What the server chose (RFC 9846 section 4.2.3, RFC 5246 section 7.4.1.3).
///
/// ```
/// use handfast::wire::{CipherSuite, ProtocolVersion, ServerExtensions, ServerHello, Writer};
/// let supported_versions = Some(ProtocolVersion::TLS13);
/// let hello = ServerHello {
///     legacy_version: ProtocolVersion::TLS12,
///     random: &[7; 32],
///     session_id: &[],
///     cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
///     compression_method: 0,
///     extensions: ServerExtensions { supported_versions, ..Default::default() },
/// };
/// let mut bytes = Vec::new();
/// hello.encode(&mut Writer::new(&mut bytes));
/// assert_eq!(ServerHello::decode(&bytes), Ok(hello));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// The version in TLS 1.2; 0x0303 in TLS 1.3.
    pub legacy_version: ProtocolVersion,
    /// 32 bytes nobody can predict; the last 8 may say that the server could do
    /// better ([`DOWNGRADE_TLS12`]).
    pub random: &'a [u8; 32],
    /// The session's name in TLS 1.2; the client's own in TLS 1.3 (0 to 32 bytes).
    pub session_id: &'a [u8],
    /// The suite chosen.
    pub cipher_suite: CipherSuite,
    /// The compression method chosen: 0, null.
    pub compression_method: u8,
    /// The extensions. If there are none, the block itself is left out.
    pub extensions: ServerExtensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads a message's body. With supported_versions it is TLS 1.3's form, and
    /// its other extensions are held to that; without, TLS 1.2's.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let (hello, block) = server_hello(body)?;
        let extensions = List::<RawExtension<'a>>::parse(block)?;
        let versions = |each: RawExtension<'a>| each.extension_type == ExtensionType::SUPPORTED_VERSIONS;
        let place = match extensions.iter().any(versions) {
            true => Place::ServerHello13,
            false => Place::ServerHello12,
        };
        Ok(Self { extensions: ServerExtensions::read_block(block, place)?, ..hello })
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        self.write_head(writer);
        if !self.extensions.is_empty() {
            writer.vec16(|w| self.extensions.write_block(w));
        }
    }

    /// What stands in front of the extensions.
    fn write_head(&self, writer: &mut Writer<'_>) {
        self.legacy_version.write(writer);
        writer.bytes(self.random);
        writer.vec8(|w| w.bytes(self.session_id));
        self.cipher_suite.write(writer);
        writer.u8(self.compression_method);
    }
}

extension_fields! {
    /// The extensions of a [`ServerHello`], of both versions.
    ///
    /// ```
    /// use handfast::wire::{ExtensionType, KeyShareEntry, NamedGroup, Place, ServerExtensions};
    /// let key_share = Some(KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[9; 32] });
    /// let chosen = ServerExtensions { key_share, ..Default::default() };
    /// assert!(chosen.present().iter().all(|extension| Place::ServerHello13.allows(extension)));
    /// assert!(!Place::ServerHello12.allows(ExtensionType::KEY_SHARE));
    /// ```
    ServerExtensions<'a> {
        /// The server's public key (RFC 9846 section 4.3.8). TLS 1.3.
        key_share: Option<KeyShareEntry<'a>> = KEY_SHARE, Value;
        /// The place of the chosen key among those offered (RFC 9846 section 4.3.11). TLS 1.3.
        pre_shared_key: Option<u16> = PRE_SHARED_KEY, Value;
        /// The version chosen (RFC 9846 section 4.3.1). TLS 1.3.
        supported_versions: Option<ProtocolVersion> = SUPPORTED_VERSIONS, Value;
        /// Empty in a first handshake (RFC 5746 section 3.2). TLS 1.2, as all below.
        renegotiation_info: Option<&'a [u8]> = RENEGOTIATION_INFO, Opaque8<0, 0xff>;
        /// The server_name was of use (RFC 6066 section 3).
        server_name: bool = SERVER_NAME, Flag;
        /// The master secret is bound to the handshake (RFC 7627).
        extended_master_secret: bool = EXTENDED_MASTER_SECRET, Flag;
        /// A NewSessionTicket follows (RFC 5077 section 3.2).
        session_ticket: bool = SESSION_TICKET, Flag;
        /// A CertificateStatus may follow (RFC 6066 section 8).
        status_request: bool = STATUS_REQUEST, Flag;
        /// How points may be written (RFC 8422 section 5.2).
        ec_point_formats: Option<List<'a, EcPointFormat>> = EC_POINT_FORMATS, List8<1, 0xff>;
        /// Sent by some servers though it means nothing here.
        supported_groups: Option<List<'a, NamedGroup>> = SUPPORTED_GROUPS, List16<2, 0xffff>;
        /// The application protocol chosen (RFC 7301 section 3.1).
        alpn: Option<ProtocolName<'a>> = APPLICATION_LAYER_PROTOCOL_NEGOTIATION, ChosenProtocol;
        /// Certificate transparency's timestamps (RFC 6962 section 3.3.1), each with
        /// its length in front.
        signed_certificate_timestamp: Option<&'a [u8]> = SIGNED_CERTIFICATE_TIMESTAMP, Opaque16<1, 0xffff>;
        /// The largest plaintext that the server takes, in bytes (RFC 8449 section 4).
        record_size_limit: Option<u16> = RECORD_SIZE_LIMIT, RecordSizeLimit;
    }
}

/// The server asks for another ClientHello (RFC 9846 section 4.2.4). On the wire
/// it is a ServerHello whose random is [`HELLO_RETRY_REQUEST_RANDOM`].
///
/// ```
/// use handfast::wire::{CipherSuite, HelloRetryRequest, NamedGroup, ProtocolVersion, RetryExtensions};
/// let retry = HelloRetryRequest {
///     legacy_version: ProtocolVersion::TLS12,
///     session_id: &[],
///     cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
///     compression_method: 0,
///     extensions: RetryExtensions { key_share: Some(NamedGroup::SECP256R1), ..Default::default() },
/// };
/// let mut bytes = Vec::new();
/// retry.encode(&mut handfast::wire::Writer::new(&mut bytes));
/// assert!(HelloRetryRequest::is_retry(&bytes));
/// assert_eq!(HelloRetryRequest::decode(&bytes), Ok(retry));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloRetryRequest<'a> {
    /// 0x0303.
    pub legacy_version: ProtocolVersion,
    /// The client's own (0 to 32 bytes).
    pub session_id: &'a [u8],
    /// The suite that the ServerHello will choose too.
    pub cipher_suite: CipherSuite,
    /// 0, null.
    pub compression_method: u8,
    /// The extensions.
    pub extensions: RetryExtensions<'a>,
}

impl<'a> HelloRetryRequest<'a> {
    /// Reads a message's body. [`Fault::BadValue`] if it is a true ServerHello.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let (hello, block) = server_hello(body)?;
        if *hello.random != HELLO_RETRY_REQUEST_RANDOM {
            return Err(Fault::BadValue);
        }
        Ok(Self {
            legacy_version: hello.legacy_version,
            session_id: hello.session_id,
            cipher_suite: hello.cipher_suite,
            compression_method: hello.compression_method,
            extensions: RetryExtensions::read_block(block, Place::HelloRetryRequest)?,
        })
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        let hello = ServerHello {
            legacy_version: self.legacy_version,
            random: &HELLO_RETRY_REQUEST_RANDOM,
            session_id: self.session_id,
            cipher_suite: self.cipher_suite,
            compression_method: self.compression_method,
            extensions: ServerExtensions::default(),
        };
        hello.write_head(writer);
        if !self.extensions.is_empty() {
            writer.vec16(|w| self.extensions.write_block(w));
        }
    }

    /// Whether the body of a server_hello message is a HelloRetryRequest.
    pub fn is_retry(body: &[u8]) -> bool {
        body.get(2..34) == Some(&HELLO_RETRY_REQUEST_RANDOM[..])
    }
}

extension_fields! {
    /// The extensions of a [`HelloRetryRequest`].
    ///
    /// ```
    /// use handfast::wire::{ExtensionType, RetryExtensions};
    /// let retry = RetryExtensions { cookie: Some(b"send this back"), ..Default::default() };
    /// assert_eq!(retry.present().iter().next(), Some(ExtensionType::COOKIE));
    /// ```
    RetryExtensions<'a> {
        /// The group to send a share for (RFC 9846 section 4.3.8).
        key_share: Option<NamedGroup> = KEY_SHARE, Value;
        /// What the client has to send back (RFC 9846 section 4.3.2).
        cookie: Option<&'a [u8]> = COOKIE, Opaque16<1, 0xffff>;
        /// The version chosen (RFC 9846 section 4.3.1).
        supported_versions: Option<ProtocolVersion> = SUPPORTED_VERSIONS, Value;
    }
}

extension_fields! {
    /// The server's answers to the extensions that need no key (RFC 9846 section
    /// 4.4.1): the first encrypted message.
    ///
    /// ```
    /// use handfast::wire::{EncryptedExtensions, ProtocolName, Writer};
    /// let bytes = [0, 9, 0, 16, 0, 5, 0, 3, 2, b'h', b'2'];
    /// let read = EncryptedExtensions::decode(&bytes)?;
    /// assert_eq!(read.alpn, Some(ProtocolName(b"h2")));
    /// let mut written = Vec::new();
    /// read.encode(&mut Writer::new(&mut written));
    /// assert_eq!(written, bytes);
    /// # Ok::<(), handfast::Fault>(())
    /// ```
    EncryptedExtensions<'a> {
        /// The groups that the server would have liked better (RFC 9846 section 4.3.7).
        supported_groups: Option<List<'a, NamedGroup>> = SUPPORTED_GROUPS, List16<2, 0xffff>;
        /// The largest plaintext that the server takes, in bytes (RFC 8449 section 4).
        record_size_limit: Option<u16> = RECORD_SIZE_LIMIT, RecordSizeLimit;
        /// The server_name was of use (RFC 6066 section 3).
        server_name: bool = SERVER_NAME, Flag;
        /// The application protocol chosen (RFC 7301 section 3.1).
        alpn: Option<ProtocolName<'a>> = APPLICATION_LAYER_PROTOCOL_NEGOTIATION, ChosenProtocol;
        /// How many tickets the server expects to send (RFC 9149).
        ticket_request: Option<u8> = TICKET_REQUEST, Value;
        /// The early data are accepted (RFC 9846 section 4.3.10).
        early_data: bool = EARLY_DATA, Flag;
    }
}

impl<'a> EncryptedExtensions<'a> {
    /// Reads a message's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let extensions = Self::read_block(reader.vec16(0..=0xffff)?, Place::EncryptedExtensions)?;
        reader.finish()?;
        Ok(extensions)
    }

    /// Writes the body.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.vec16(|w| self.write_block(w));
    }
}

/// The fields that ServerHello and HelloRetryRequest share, and the block of
/// extensions, still unread.
fn server_hello(body: &[u8]) -> Result<(ServerHello<'_>, &[u8]), Fault> {
    let mut reader = Reader::new(body);
    let hello = ServerHello {
        legacy_version: ProtocolVersion::read(&mut reader)?,
        random: reader.array()?,
        session_id: reader.vec8(0..=32)?,
        cipher_suite: CipherSuite::read(&mut reader)?,
        compression_method: reader.u8()?,
        extensions: ServerExtensions::default(),
    };
    let block = optional_block(&mut reader)?;
    reader.finish()?;
    Ok((hello, block))
}

/// The block of extensions that TLS 1.2 may leave out whole.
fn optional_block<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Fault> {
    if reader.is_empty() { Ok(&[]) } else { reader.vec16(0..=0xffff) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello's body up to the extensions.
    fn client(session_id: &[u8], suites: &[u8], compression: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.u16(0x0303);
        writer.bytes(&[7; 32]);
        writer.vec8(|w| w.bytes(session_id));
        writer.vec16(|w| w.bytes(suites));
        writer.vec8(|w| w.bytes(compression));
        bytes
    }

    #[test]
    fn a_client_hello_keeps_its_bounds() {
        let fault = |bytes: &[u8]| ClientHello::decode(bytes).map(|_| ());
        assert_eq!(fault(&client(&[1; 32], &[0x13, 1], &[0])), Ok(()));
        assert_eq!(fault(&client(&[1; 33], &[0x13, 1], &[0])), Err(Fault::BadLength));
        assert_eq!(fault(&client(&[], &[], &[0])), Err(Fault::BadLength));
        assert_eq!(fault(&client(&[], &[0x13, 1, 0x13], &[0])), Err(Fault::Truncated));
        assert_eq!(fault(&client(&[], &[0x13, 1], &[])), Err(Fault::BadLength));
        // Which methods may be offered is for the version to say.
        assert_eq!(fault(&client(&[], &[0x13, 1], &[1, 2])), Ok(()));
    }

    #[test]
    fn a_block_of_extensions_may_be_empty_or_absent() {
        let mut bytes = client(&[], &[0x13, 1], &[0]);
        let absent = bytes.clone();
        bytes.extend([0, 0]);
        let (empty, absent) = (ClientHello::decode(&bytes).unwrap(), ClientHello::decode(&absent).unwrap());
        assert_eq!(empty, absent);
        assert!(empty.extensions.is_empty());
        let grease = [RawExtension { extension_type: ExtensionType(0x0a0a), extension_data: &[] }];
        let raw = grease[..].into();
        assert!(!ClientExtensions { raw, ..empty.extensions }.is_empty());
    }

    /// A ClientHello with one extension of this body.
    fn with(extension: ExtensionType, body: &[u8]) -> Result<(), Fault> {
        let mut bytes = client(&[], &[0x13, 1], &[0]);
        let raw = RawExtension { extension_type: extension, extension_data: body };
        Writer::new(&mut bytes).vec16(|w| raw.write(w));
        ClientHello::decode(&bytes).map(|_| ())
    }

    #[test]
    fn a_client_s_lists_are_not_empty() {
        for (extension, least) in [
            (ExtensionType::SUPPORTED_GROUPS, &[0, 2, 0, 0][..]),
            (ExtensionType::SIGNATURE_ALGORITHMS, &[0, 2, 0, 0]),
            (ExtensionType::SIGNATURE_ALGORITHMS_CERT, &[0, 2, 0, 0]),
            (ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, &[0, 2, 1, b'a']),
            (ExtensionType::CERTIFICATE_AUTHORITIES, &[0, 3, 0, 1, 9]),
            (ExtensionType::COOKIE, &[0, 1, 9]),
        ] {
            assert_eq!(with(extension, least), Ok(()), "{extension}");
            assert_eq!(with(extension, &[0, 0]), Err(Fault::BadLength), "{extension}");
        }
        for (extension, least) in [
            (ExtensionType::SUPPORTED_VERSIONS, &[2, 3, 4][..]),
            (ExtensionType::PSK_KEY_EXCHANGE_MODES, &[1, 1]),
            (ExtensionType::EC_POINT_FORMATS, &[1, 0]),
        ] {
            assert_eq!(with(extension, least), Ok(()), "{extension}");
            assert_eq!(with(extension, &[0]), Err(Fault::BadLength), "{extension}");
        }
        assert_eq!(with(ExtensionType::SUPPORTED_VERSIONS, &[3, 3, 4, 3]), Err(Fault::Truncated));
        assert_eq!(
            with(ExtensionType::SUPPORTED_VERSIONS, &[&[0xff][..], &[3; 255]].concat()),
            Err(Fault::BadLength)
        );
        assert_eq!(with(ExtensionType::KEY_SHARE, &[0, 0]), Ok(()));
        assert_eq!(with(ExtensionType::RENEGOTIATION_INFO, &[0]), Ok(()));
    }

    #[test]
    fn the_random_makes_a_hello_retry_request() {
        let mut bytes = vec![3, 3];
        bytes.extend(HELLO_RETRY_REQUEST_RANDOM);
        bytes.extend([0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
        assert!(HelloRetryRequest::is_retry(&bytes));
        let retry = HelloRetryRequest::decode(&bytes).unwrap();
        assert_eq!(retry.extensions.supported_versions, Some(ProtocolVersion::TLS13));
        for place in 2..34 {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert!(!HelloRetryRequest::is_retry(&other));
            assert_eq!(HelloRetryRequest::decode(&other), Err(Fault::BadValue));
            assert!(ServerHello::decode(&other).is_ok());
        }
        assert!(!HelloRetryRequest::is_retry(&bytes[..33]));
    }

    #[test]
    fn a_server_hello_s_session_id_has_at_most_32_bytes() {
        let hello =
            |length: u8| [&[3, 3][..], &[7; 32], &[length], &vec![1; length.into()], &[0x13, 1, 0]].concat();
        assert!(ServerHello::decode(&hello(32)).is_ok());
        assert_eq!(ServerHello::decode(&hello(33)), Err(Fault::BadLength));
    }

    #[test]
    fn the_signs_of_a_downgrade_are_the_rfc_s() {
        assert_eq!(DOWNGRADE_TLS12, [0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01]);
        assert_eq!(DOWNGRADE_TLS11, [0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x00]);
    }
}
