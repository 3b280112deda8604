//! The numbers that the RFCs give names to (RFC 9846 appendix B, RFC 5246
//! appendix A, and the IANA registries). Values without a name survive.

use super::list::Item;
use super::reader::Reader;
use super::writer::Writer;
use crate::fault::Fault;
use crate::said::debug_is_display;
use std::fmt;

macro_rules! codepoints {
    ($($(#[$doc:meta])* $type:ident($int:ident, $width:literal) {
        $($name:ident = $code:literal $text:literal;)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub $int);

        #[allow(missing_docs)] // the names are the RFC's own
        impl $type {
            $(pub const $name: Self = Self($code);)*

            /// Every value that has a name here.
            pub const NAMED: &'static [Self] = &[$(Self::$name,)*];

            /// The RFC's name, if the value has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }

        impl From<$type> for $int {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None if is_grease(&self.0.to_be_bytes()) => {
                        f.pad(&format!(concat!("GREASE {:#0", $width, "x}"), self.0))
                    }
                    None => write!(f, concat!("{:#0", $width, "x}"), self.0),
                }
            }
        }

        debug_is_display!($type);

        impl<'a> Item<'a> for $type {
            fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
                reader.$int().map(Self)
            }
            fn write(&self, writer: &mut Writer<'_>) {
                writer.$int(self.0);
            }
        }
    )*};
}

codepoints! {
    /// A version of the protocol (RFC 9846 section 4.3.1).
    ///
    /// ```
    /// use handfast::wire::ProtocolVersion;
    /// assert_eq!(ProtocolVersion(0x0304), ProtocolVersion::TLS13);
    /// assert_eq!(ProtocolVersion::TLS13.to_string(), "TLS 1.3");
    /// assert_eq!(ProtocolVersion(0x7f1c).to_string(), "0x7f1c");
    /// ```
    ProtocolVersion(u16, "6") {
        SSL30 = 0x0300 "SSL 3.0";
        TLS10 = 0x0301 "TLS 1.0";
        TLS11 = 0x0302 "TLS 1.1";
        TLS12 = 0x0303 "TLS 1.2";
        TLS13 = 0x0304 "TLS 1.3";
    }

    /// The kind of a record's content (RFC 9846 section 5.1).
    ///
    /// ```
    /// use handfast::wire::ContentType;
    /// assert_eq!(ContentType(22), ContentType::HANDSHAKE);
    /// assert_eq!(ContentType::ALERT.to_string(), "alert");
    /// ```
    ContentType(u8, "4") {
        CHANGE_CIPHER_SPEC = 20 "change_cipher_spec";
        ALERT = 21 "alert";
        HANDSHAKE = 22 "handshake";
        APPLICATION_DATA = 23 "application_data";
        HEARTBEAT = 24 "heartbeat";
    }

    /// The kind of a handshake message (RFC 9846 section 4, RFC 5246 section 7.4,
    /// RFC 6066 section 8).
    ///
    /// ```
    /// use handfast::wire::HandshakeType;
    /// assert_eq!(HandshakeType(1), HandshakeType::CLIENT_HELLO);
    /// assert_eq!(HandshakeType(99).to_string(), "0x63"); // it has no name
    /// ```
    HandshakeType(u8, "4") {
        HELLO_REQUEST = 0 "hello_request";
        CLIENT_HELLO = 1 "client_hello";
        SERVER_HELLO = 2 "server_hello";
        NEW_SESSION_TICKET = 4 "new_session_ticket";
        END_OF_EARLY_DATA = 5 "end_of_early_data";
        ENCRYPTED_EXTENSIONS = 8 "encrypted_extensions";
        CERTIFICATE = 11 "certificate";
        SERVER_KEY_EXCHANGE = 12 "server_key_exchange";
        CERTIFICATE_REQUEST = 13 "certificate_request";
        SERVER_HELLO_DONE = 14 "server_hello_done";
        CERTIFICATE_VERIFY = 15 "certificate_verify";
        CLIENT_KEY_EXCHANGE = 16 "client_key_exchange";
        FINISHED = 20 "finished";
        CERTIFICATE_STATUS = 22 "certificate_status";
        KEY_UPDATE = 24 "key_update";
        COMPRESSED_CERTIFICATE = 25 "compressed_certificate";
        MESSAGE_HASH = 254 "message_hash";
    }

    /// A cipher suite (RFC 9846 appendix B.4, RFC 5288, RFC 5289, RFC 7905), or
    /// one of the two signals that stand in their place.
    ///
    /// ```
    /// use handfast::wire::CipherSuite;
    /// assert_eq!(CipherSuite(0x1301), CipherSuite::TLS_AES_128_GCM_SHA256);
    /// assert_eq!(CipherSuite(0x1301).name(), Some("TLS_AES_128_GCM_SHA256"));
    /// assert!(CipherSuite(0x1a1a).is_grease());
    /// ```
    CipherSuite(u16, "6") {
        TLS_AES_128_GCM_SHA256 = 0x1301 "TLS_AES_128_GCM_SHA256";
        TLS_AES_256_GCM_SHA384 = 0x1302 "TLS_AES_256_GCM_SHA384";
        TLS_CHACHA20_POLY1305_SHA256 = 0x1303 "TLS_CHACHA20_POLY1305_SHA256";
        TLS_AES_128_CCM_SHA256 = 0x1304 "TLS_AES_128_CCM_SHA256";
        TLS_AES_128_CCM_8_SHA256 = 0x1305 "TLS_AES_128_CCM_8_SHA256";
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030 "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8 "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9 "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
        TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 = 0x009e "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";
        TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 = 0x009f "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384";
        TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xccaa "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
        TLS_RSA_WITH_AES_128_GCM_SHA256 = 0x009c "TLS_RSA_WITH_AES_128_GCM_SHA256";
        TLS_RSA_WITH_AES_256_GCM_SHA384 = 0x009d "TLS_RSA_WITH_AES_256_GCM_SHA384";
        TLS_RSA_WITH_3DES_EDE_CBC_SHA = 0x000a "TLS_RSA_WITH_3DES_EDE_CBC_SHA";
        TLS_RSA_WITH_AES_128_CBC_SHA = 0x002f "TLS_RSA_WITH_AES_128_CBC_SHA";
        TLS_RSA_WITH_AES_256_CBC_SHA = 0x0035 "TLS_RSA_WITH_AES_256_CBC_SHA";
        TLS_RSA_WITH_AES_128_CBC_SHA256 = 0x003c "TLS_RSA_WITH_AES_128_CBC_SHA256";
        TLS_RSA_WITH_AES_256_CBC_SHA256 = 0x003d "TLS_RSA_WITH_AES_256_CBC_SHA256";
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0xc009 "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA";
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = 0xc00a "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA";
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0xc013 "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA";
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0xc014 "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA";
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 = 0xc023 "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256";
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384 = 0xc024 "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384";
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 = 0xc027 "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256";
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 = 0xc028 "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384";
        TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff "TLS_EMPTY_RENEGOTIATION_INFO_SCSV";
        TLS_FALLBACK_SCSV = 0x5600 "TLS_FALLBACK_SCSV";
    }

    /// A group for key exchange (RFC 9846 section 4.3.7, RFC 8422 section 5.1.1).
    ///
    /// ```
    /// use handfast::wire::NamedGroup;
    /// assert_eq!(NamedGroup(0x11ec).to_string(), "X25519MLKEM768");
    /// assert_eq!(NamedGroup(0x0a0a).to_string(), "GREASE 0x0a0a");
    /// ```
    NamedGroup(u16, "6") {
        SECP256R1 = 0x0017 "secp256r1";
        SECP384R1 = 0x0018 "secp384r1";
        SECP521R1 = 0x0019 "secp521r1";
        X25519 = 0x001d "x25519";
        X448 = 0x001e "x448";
        FFDHE2048 = 0x0100 "ffdhe2048";
        FFDHE3072 = 0x0101 "ffdhe3072";
        FFDHE4096 = 0x0102 "ffdhe4096";
        FFDHE6144 = 0x0103 "ffdhe6144";
        FFDHE8192 = 0x0104 "ffdhe8192";
        MLKEM512 = 0x0200 "MLKEM512";
        MLKEM768 = 0x0201 "MLKEM768";
        MLKEM1024 = 0x0202 "MLKEM1024";
        SECP256R1MLKEM768 = 0x11eb "SecP256r1MLKEM768";
        X25519MLKEM768 = 0x11ec "X25519MLKEM768";
        SECP384R1MLKEM1024 = 0x11ed "SecP384r1MLKEM1024";
    }

    /// A signature scheme (RFC 9846 section 4.3.3). TLS 1.2's pair of hash and
    /// signature (RFC 5246 section 7.4.1.4.1) has the same two bytes.
    ///
    /// ```
    /// use handfast::wire::SignatureScheme;
    /// assert_eq!(SignatureScheme(0x0807), SignatureScheme::ED25519);
    /// assert_eq!(SignatureScheme::RSA_PSS_RSAE_SHA256.to_string(), "rsa_pss_rsae_sha256");
    /// ```
    SignatureScheme(u16, "6") {
        RSA_PKCS1_SHA1 = 0x0201 "rsa_pkcs1_sha1";
        DSA_SHA1 = 0x0202 "dsa_sha1";
        ECDSA_SHA1 = 0x0203 "ecdsa_sha1";
        RSA_PKCS1_SHA224 = 0x0301 "rsa_pkcs1_sha224";
        DSA_SHA224 = 0x0302 "dsa_sha224";
        ECDSA_SHA224 = 0x0303 "ecdsa_sha224";
        RSA_PKCS1_SHA256 = 0x0401 "rsa_pkcs1_sha256";
        DSA_SHA256 = 0x0402 "dsa_sha256";
        ECDSA_SECP256R1_SHA256 = 0x0403 "ecdsa_secp256r1_sha256";
        RSA_PKCS1_SHA384 = 0x0501 "rsa_pkcs1_sha384";
        DSA_SHA384 = 0x0502 "dsa_sha384";
        ECDSA_SECP384R1_SHA384 = 0x0503 "ecdsa_secp384r1_sha384";
        RSA_PKCS1_SHA512 = 0x0601 "rsa_pkcs1_sha512";
        DSA_SHA512 = 0x0602 "dsa_sha512";
        ECDSA_SECP521R1_SHA512 = 0x0603 "ecdsa_secp521r1_sha512";
        RSA_PSS_RSAE_SHA256 = 0x0804 "rsa_pss_rsae_sha256";
        RSA_PSS_RSAE_SHA384 = 0x0805 "rsa_pss_rsae_sha384";
        RSA_PSS_RSAE_SHA512 = 0x0806 "rsa_pss_rsae_sha512";
        ED25519 = 0x0807 "ed25519";
        ED448 = 0x0808 "ed448";
        RSA_PSS_PSS_SHA256 = 0x0809 "rsa_pss_pss_sha256";
        RSA_PSS_PSS_SHA384 = 0x080a "rsa_pss_pss_sha384";
        RSA_PSS_PSS_SHA512 = 0x080b "rsa_pss_pss_sha512";
        MLDSA44 = 0x0904 "mldsa44";
        MLDSA65 = 0x0905 "mldsa65";
        MLDSA87 = 0x0906 "mldsa87";
    }

    /// The type of an extension (RFC 9846 section 4.3 and the IANA registry).
    /// Which of them this crate reads, and where each may stand, is the table of
    /// `wire::extensions`.
    ///
    /// ```
    /// use handfast::wire::ExtensionType;
    /// assert_eq!(ExtensionType(51), ExtensionType::KEY_SHARE);
    /// assert!(ExtensionType::KEY_SHARE.is_read() && !ExtensionType::PADDING.is_read());
    /// ```
    ExtensionType(u16, "6") {
        SERVER_NAME = 0 "server_name";
        MAX_FRAGMENT_LENGTH = 1 "max_fragment_length";
        STATUS_REQUEST = 5 "status_request";
        SUPPORTED_GROUPS = 10 "supported_groups";
        EC_POINT_FORMATS = 11 "ec_point_formats";
        SIGNATURE_ALGORITHMS = 13 "signature_algorithms";
        USE_SRTP = 14 "use_srtp";
        HEARTBEAT = 15 "heartbeat";
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16 "application_layer_protocol_negotiation";
        STATUS_REQUEST_V2 = 17 "status_request_v2";
        SIGNED_CERTIFICATE_TIMESTAMP = 18 "signed_certificate_timestamp";
        CLIENT_CERTIFICATE_TYPE = 19 "client_certificate_type";
        SERVER_CERTIFICATE_TYPE = 20 "server_certificate_type";
        PADDING = 21 "padding";
        ENCRYPT_THEN_MAC = 22 "encrypt_then_mac";
        EXTENDED_MASTER_SECRET = 23 "extended_master_secret";
        COMPRESS_CERTIFICATE = 27 "compress_certificate";
        RECORD_SIZE_LIMIT = 28 "record_size_limit";
        DELEGATED_CREDENTIAL = 34 "delegated_credential";
        SESSION_TICKET = 35 "session_ticket";
        PRE_SHARED_KEY = 41 "pre_shared_key";
        EARLY_DATA = 42 "early_data";
        SUPPORTED_VERSIONS = 43 "supported_versions";
        COOKIE = 44 "cookie";
        PSK_KEY_EXCHANGE_MODES = 45 "psk_key_exchange_modes";
        CERTIFICATE_AUTHORITIES = 47 "certificate_authorities";
        OID_FILTERS = 48 "oid_filters";
        POST_HANDSHAKE_AUTH = 49 "post_handshake_auth";
        SIGNATURE_ALGORITHMS_CERT = 50 "signature_algorithms_cert";
        KEY_SHARE = 51 "key_share";
        QUIC_TRANSPORT_PARAMETERS = 57 "quic_transport_parameters";
        TICKET_REQUEST = 58 "ticket_request";
        NEXT_PROTOCOL_NEGOTIATION = 13172 "next_protocol_negotiation";
        APPLICATION_SETTINGS = 17613 "application_settings";
        ENCRYPTED_CLIENT_HELLO = 0xfe0d "encrypted_client_hello";
        RENEGOTIATION_INFO = 0xff01 "renegotiation_info";
    }

    /// How a pre-shared key may be used (RFC 9846 section 4.3.9).
    ///
    /// ```
    /// use handfast::wire::PskKeyExchangeMode;
    /// assert_eq!(PskKeyExchangeMode(1), PskKeyExchangeMode::PSK_DHE_KE);
    /// assert!(PskKeyExchangeMode(0x0b).is_grease());
    /// ```
    PskKeyExchangeMode(u8, "4") {
        PSK_KE = 0 "psk_ke";
        PSK_DHE_KE = 1 "psk_dhe_ke";
    }

    /// The form of a stapled certificate status (RFC 6066 section 8).
    ///
    /// ```
    /// use handfast::wire::CertificateStatusType;
    /// assert_eq!(CertificateStatusType(1), CertificateStatusType::OCSP);
    /// ```
    CertificateStatusType(u8, "4") {
        OCSP = 1 "ocsp";
    }

    /// The kind of certificate that a TLS 1.2 server asks for (RFC 5246 section
    /// 7.4.4, RFC 8422 section 5.5).
    ///
    /// ```
    /// use handfast::wire::ClientCertificateType;
    /// assert_eq!(ClientCertificateType(64).to_string(), "ecdsa_sign");
    /// ```
    ClientCertificateType(u8, "4") {
        RSA_SIGN = 1 "rsa_sign";
        DSS_SIGN = 2 "dss_sign";
        RSA_FIXED_DH = 3 "rsa_fixed_dh";
        DSS_FIXED_DH = 4 "dss_fixed_dh";
        ECDSA_SIGN = 64 "ecdsa_sign";
        RSA_FIXED_ECDH = 65 "rsa_fixed_ecdh";
        ECDSA_FIXED_ECDH = 66 "ecdsa_fixed_ecdh";
    }

    /// How a point of an elliptic curve is written (RFC 8422 section 5.1.2).
    ///
    /// ```
    /// use handfast::wire::EcPointFormat;
    /// assert_eq!(EcPointFormat(0), EcPointFormat::UNCOMPRESSED);
    /// ```
    EcPointFormat(u8, "4") {
        UNCOMPRESSED = 0 "uncompressed";
        ANSIX962_COMPRESSED_PRIME = 1 "ansiX962_compressed_prime";
        ANSIX962_COMPRESSED_CHAR2 = 2 "ansiX962_compressed_char2";
    }
}

/// Whether these two bytes are one of RFC 8701's values, which mean nothing.
pub(crate) const fn is_grease(bytes: &[u8]) -> bool {
    matches!(bytes, [high, low] if *high == *low && *low & 0x0f == 0x0a)
}

macro_rules! grease {
    ($($type:ident)*) => {$(
        impl $type {
            /// Whether the value is one of those that mean nothing and keep the
            /// peer's tolerance alive (RFC 8701).
            pub const fn is_grease(self) -> bool {
                is_grease(&self.0.to_be_bytes())
            }
        }
    )*};
}

grease! { ProtocolVersion CipherSuite NamedGroup SignatureScheme ExtensionType }

impl PskKeyExchangeMode {
    /// Whether the value is one of those that mean nothing and keep the
    /// peer's tolerance alive (RFC 8701 section 2).
    pub const fn is_grease(self) -> bool {
        self.0 % 0x1f == 0x0b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_registry_s_numbers() {
        assert_eq!(ProtocolVersion::TLS12.0, 0x0303);
        assert_eq!(ContentType::HANDSHAKE.0, 22);
        assert_eq!(HandshakeType::KEY_UPDATE.0, 24);
        assert_eq!(CipherSuite::TLS_CHACHA20_POLY1305_SHA256.0, 0x1303);
        assert_eq!(NamedGroup::X25519MLKEM768.0, 0x11ec);
        assert_eq!(SignatureScheme::RSA_PSS_RSAE_SHA256.0, 0x0804);
        assert_eq!(ExtensionType::RENEGOTIATION_INFO.0, 0xff01);
        assert_eq!(PskKeyExchangeMode::PSK_DHE_KE.0, 1);
    }

    #[test]
    fn names_are_shown_and_other_values_survive() {
        assert_eq!(format!("{:?}", NamedGroup::X25519), "x25519");
        assert_eq!(NamedGroup(0x0a0b).to_string(), "0x0a0b");
        assert_eq!(NamedGroup(0x0a0b).name(), None);
        assert_eq!(HandshakeType(3).to_string(), "0x03");
        let suite = CipherSuite(0x1a2b);
        assert_eq!(CipherSuite::read(&mut Reader::new(&[0x1a, 0x2b])), Ok(suite));
        assert_eq!(format!("{:>8}", NamedGroup::X25519), "  x25519");
        assert_eq!(NamedGroup(0x0a0a).to_string(), "GREASE 0x0a0a");
        assert_eq!(ExtensionType(0xfafa).to_string(), "GREASE 0xfafa");
        assert_eq!(HandshakeType(0x0a).to_string(), "0x0a");
    }

    #[test]
    fn no_value_has_two_names_and_each_name_is_its_own_word() {
        fn distinct<T: Ord + Copy + fmt::Display>(named: &[T]) {
            let mut sorted = named.to_vec();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), named.len());
            let mut names: Vec<String> = named.iter().map(T::to_string).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), named.len());
        }
        distinct(CipherSuite::NAMED);
        distinct(NamedGroup::NAMED);
        distinct(SignatureScheme::NAMED);
        distinct(ExtensionType::NAMED);
        distinct(HandshakeType::NAMED);
    }

    #[test]
    fn grease_is_exactly_rfc_8701_s_values() {
        let grease: Vec<u16> = (0..=u16::MAX).filter(|&v| ExtensionType(v).is_grease()).collect();
        let expected: Vec<u16> = (0..16).map(|n| 0x0a0a + n * 0x1010).collect();
        assert_eq!(grease, expected);
        let modes: Vec<u8> = (0..=u8::MAX).filter(|&v| PskKeyExchangeMode(v).is_grease()).collect();
        assert_eq!(modes, [0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4]);
    }
}
