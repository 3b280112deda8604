//! Alerts (RFC 9846 section 6): what each side says when it ends a connection.

use crate::said::debug_is_display;
use std::fmt;

/// How grave an alert is. In TLS 1.3 the level is implied by the description
/// and ignored on receipt; TLS 1.2 still reads it (RFC 5246 section 7.2).
///
/// ```
/// use handfast::AlertLevel;
/// // The level that an observer hears is the byte on the wire.
/// assert_eq!(AlertLevel::from_code(2), Some(AlertLevel::Fatal));
/// assert_eq!(AlertLevel::Warning.code(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertLevel {
    /// The connection may go on.
    Warning,
    /// The connection is over.
    Fatal,
}

impl AlertLevel {
    /// The level's byte on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Warning => 1,
            Self::Fatal => 2,
        }
    }

    /// The level for a byte read from the wire, if it is one.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Warning),
            2 => Some(Self::Fatal),
            _ => None,
        }
    }
}

/// The reason that an alert gives. Values outside of the RFCs survive.
///
/// ```
/// use handfast::AlertDescription;
/// assert_eq!(AlertDescription::UNKNOWN_CA.to_string(), "unknown_ca");
/// assert_eq!(AlertDescription(200).to_string(), "alert 200");
/// assert_eq!(format!("{:?}", AlertDescription::UNKNOWN_CA), "unknown_ca");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlertDescription(pub u8);

macro_rules! alerts {
    ($($name:ident = $code:literal $text:literal;)*) => {
        #[allow(missing_docs)] // the names are the RFC's own, and say all that there is to say
        impl AlertDescription {
            $(pub const $name: Self = Self($code);)*

            /// The RFC's name, if the value has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

alerts! {
    CLOSE_NOTIFY = 0 "close_notify";
    UNEXPECTED_MESSAGE = 10 "unexpected_message";
    BAD_RECORD_MAC = 20 "bad_record_mac";
    RECORD_OVERFLOW = 22 "record_overflow";
    HANDSHAKE_FAILURE = 40 "handshake_failure";
    BAD_CERTIFICATE = 42 "bad_certificate";
    UNSUPPORTED_CERTIFICATE = 43 "unsupported_certificate";
    CERTIFICATE_REVOKED = 44 "certificate_revoked";
    CERTIFICATE_EXPIRED = 45 "certificate_expired";
    CERTIFICATE_UNKNOWN = 46 "certificate_unknown";
    ILLEGAL_PARAMETER = 47 "illegal_parameter";
    UNKNOWN_CA = 48 "unknown_ca";
    ACCESS_DENIED = 49 "access_denied";
    DECODE_ERROR = 50 "decode_error";
    DECRYPT_ERROR = 51 "decrypt_error";
    PROTOCOL_VERSION = 70 "protocol_version";
    INSUFFICIENT_SECURITY = 71 "insufficient_security";
    INTERNAL_ERROR = 80 "internal_error";
    INAPPROPRIATE_FALLBACK = 86 "inappropriate_fallback";
    USER_CANCELED = 90 "user_canceled";
    NO_RENEGOTIATION = 100 "no_renegotiation";
    MISSING_EXTENSION = 109 "missing_extension";
    UNSUPPORTED_EXTENSION = 110 "unsupported_extension";
    UNRECOGNIZED_NAME = 112 "unrecognized_name";
    BAD_CERTIFICATE_STATUS_RESPONSE = 113 "bad_certificate_status_response";
    UNKNOWN_PSK_IDENTITY = 115 "unknown_psk_identity";
    CERTIFICATE_REQUIRED = 116 "certificate_required";
    NO_APPLICATION_PROTOCOL = 120 "no_application_protocol";
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}

debug_is_display!(AlertDescription);
