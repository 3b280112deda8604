//! One table: each rule that a peer can break, the alert that answers it, the
//! RFC section that states it, and one sentence that says what happened.

use crate::alert::{AlertDescription, AlertLevel};
use std::fmt;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident => $alert:ident, $section:literal, $sentence:literal;)*) => {
        /// A rule of the protocol that the peer broke.
        ///
        /// ```
        /// use handfast::{AlertDescription, Fault};
        /// let fault = Fault::BadFinished;
        /// assert_eq!(fault.alert(), AlertDescription::DECRYPT_ERROR);
        /// assert_eq!(fault.section(), "RFC 9846 4.5.3");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)] // each row carries its own sentence
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// Every row of the table, in its order.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// The alert that the peer is sent.
            pub const fn alert(self) -> AlertDescription {
                match self { $(Self::$name => AlertDescription::$alert,)* }
            }

            /// The level of that alert. All but one are fatal: a server that does
            /// not negotiate again says so with a warning (RFC 5246 section
            /// 7.2.2), and goes with close_notify.
            pub const fn level(self) -> AlertLevel {
                match self {
                    Self::Renegotiation => AlertLevel::Warning,
                    _ => AlertLevel::Fatal,
                }
            }

            /// The section that states the rule.
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }

            /// What the peer did, as the predicate of a sentence about it.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

faults! {
    // Records
    UnknownContentType    => UNEXPECTED_MESSAGE, "RFC 9846 5",     "sent a record of an unknown type";
    BadRecordVersion      => PROTOCOL_VERSION,   "RFC 9846 5.1",   "sent a record whose version field is not TLS";
    RecordTooLong         => RECORD_OVERFLOW,    "RFC 9846 5.1",   "sent a record longer than the protocol allows";
    PlaintextTooLong      => RECORD_OVERFLOW,    "RFC 9846 5.4",   "sent a record whose plaintext is longer than 2^14 bytes";
    EmptyRecord           => UNEXPECTED_MESSAGE, "RFC 9846 5.1",   "sent an empty handshake or alert record";
    TooManyEmptyRecords   => UNEXPECTED_MESSAGE, "RFC 9846 5.1",   "sent more empty records than this side puts up with";
    BadRecordMac          => BAD_RECORD_MAC,     "RFC 9846 5.2",   "sent a record that does not decrypt: it was altered on the way, or the keys differ";
    NoContentType         => UNEXPECTED_MESSAGE, "RFC 9846 5.4",   "sent a protected record of padding alone, without a content type";
    UnprotectedRecord     => UNEXPECTED_MESSAGE, "RFC 9846 5",     "sent an unprotected record where protection is on";
    BadChangeCipherSpec   => UNEXPECTED_MESSAGE, "RFC 9846 5",     "sent a ChangeCipherSpec where none may stand, or with a body other than the single byte 1";
    TooManyChangeCipherSpecs => UNEXPECTED_MESSAGE, "RFC 9846 5",  "sent more ChangeCipherSpec records than this side puts up with";
    BadAlertLevel         => ILLEGAL_PARAMETER,  "RFC 9846 6",     "sent an alert whose level is neither warning nor fatal";
    BadAlert              => DECODE_ERROR,       "RFC 9846 6",     "sent an alert record that is not exactly one alert";
    TooManyWarnings       => UNEXPECTED_MESSAGE, "RFC 9846 6",     "sent more warning alerts than this side puts up with";

    // Every message
    Truncated             => DECODE_ERROR,       "RFC 9846 4",     "sent a message that ends before its last field";
    TrailingBytes         => DECODE_ERROR,       "RFC 9846 4",     "sent a message with bytes after its last field";
    BadLength             => DECODE_ERROR,       "RFC 9846 3.4",   "sent a field whose length is outside of the bounds that its definition gives";
    BadValue              => ILLEGAL_PARAMETER,  "RFC 9846 6.2",   "sent a field with a value that its definition does not allow";
    UnknownMessage        => UNEXPECTED_MESSAGE, "RFC 9846 4",     "sent a handshake message of an unknown type";
    UnexpectedMessage     => UNEXPECTED_MESSAGE, "RFC 9846 4",     "sent a message that may not stand at this place of the handshake";
    MessageTooLong        => ILLEGAL_PARAMETER,  "RFC 9846 4",     "sent a handshake message larger than this side takes";
    MessageInterleaved    => UNEXPECTED_MESSAGE, "RFC 9846 5.1",   "sent another kind of record inside a handshake message";
    KeyChangeInsideRecord => UNEXPECTED_MESSAGE, "RFC 9846 5.1",   "changed keys with bytes left in the record";
    DuplicateExtension    => DECODE_ERROR,       "RFC 9846 4.3",   "sent an extension twice in one message";
    MisplacedExtension    => ILLEGAL_PARAMETER,  "RFC 9846 4.3",   "sent an extension in a message where it may not stand";
    UnofferedExtension    => UNSUPPORTED_EXTENSION, "RFC 9846 4.3", "answered with an extension that was not asked for";

    // ClientHello
    NullCompressionMissing => ILLEGAL_PARAMETER, "RFC 9846 4.2.2", "offered compression, or did not offer the null method alone";
    PreSharedKeyNotLast   => ILLEGAL_PARAMETER,  "RFC 9846 4.3.11", "sent pre_shared_key, but not as the last extension";
    MissingExtensionInClientHello => MISSING_EXTENSION, "RFC 9846 9.2", "left out an extension that its ClientHello must have (supported_groups, key_share or signature_algorithms)";
    MissingPskModes       => MISSING_EXTENSION,  "RFC 9846 4.3.9", "offered pre-shared keys without psk_key_exchange_modes";
    BadBinder             => DECRYPT_ERROR,      "RFC 9846 4.3.11.2", "offered a pre-shared key with a binder that the key did not make over this ClientHello";
    Reflected             => ILLEGAL_PARAMETER,  "RFC 9257 4.1",   "sent a ClientHello back that this process sent with the same pre-shared key";
    ShareNotInGroups      => ILLEGAL_PARAMETER,  "RFC 9846 4.3.8", "sent a key share for a group that its supported_groups does not list in that order";
    DuplicateShare        => ILLEGAL_PARAMETER,  "RFC 9846 4.3.8", "sent two key shares for one group";
    BadServerName         => ILLEGAL_PARAMETER,  "RFC 6066 3",     "sent a server_name that is not one DNS host name";
    NoServerName          => MISSING_EXTENSION,  "RFC 9846 9.2",   "named no server, and this one requires a server_name";
    PskLeftOut            => MISSING_EXTENSION,  "RFC 9846 4.2.2", "left a pre-shared key that goes with the chosen cipher suite out of its second ClientHello";
    SecondHelloDiffers    => ILLEGAL_PARAMETER,  "RFC 9846 4.2.2", "changed more in its second ClientHello than the HelloRetryRequest asked for";
    InappropriateFallback => INAPPROPRIATE_FALLBACK, "RFC 7507 3", "fell back to an older version although both sides speak a newer one";
    BadCookie             => ILLEGAL_PARAMETER,  "RFC 9846 4.3.2", "returned a cookie that this server did not make, or none";
    TooMuchEarlyData      => UNEXPECTED_MESSAGE, "RFC 9846 4.7.1", "sent more early data than its ticket allows";
    EarlyDataTooLong      => UNEXPECTED_MESSAGE, "RFC 9846 4.3.10", "sent more early data than a server that refused it passes over";

    // ServerHello, HelloRetryRequest
    UnofferedVersion      => ILLEGAL_PARAMETER,  "RFC 9846 4.3.1", "chose a protocol version that was not offered";
    OldVersion            => PROTOCOL_VERSION,   "RFC 9846 4.3.1", "speaks no version of the protocol that this side speaks";
    BadLegacyVersion      => ILLEGAL_PARAMETER,  "RFC 9846 4.2.3", "chose TLS 1.3 with a legacy_version other than 0x0303";
    Downgrade             => ILLEGAL_PARAMETER,  "RFC 9846 4.2.3", "speaks TLS 1.3, as its random says, yet an older version was negotiated: somebody between changed the offer";
    SessionIdNotEchoed    => ILLEGAL_PARAMETER,  "RFC 9846 4.2.3", "did not echo the legacy_session_id";
    UnofferedSuite        => ILLEGAL_PARAMETER,  "RFC 9846 4.2.3", "chose a cipher suite that was not offered";
    SuiteChanged          => ILLEGAL_PARAMETER,  "RFC 9846 4.2.4", "chose another cipher suite than in its HelloRetryRequest";
    CompressionChosen     => ILLEGAL_PARAMETER,  "RFC 9846 4.2.3", "chose a compression method";
    UnofferedGroup        => ILLEGAL_PARAMETER,  "RFC 9846 4.3.8", "chose a group that was not offered, or for which no share was sent";
    MissingKeyShare       => MISSING_EXTENSION,  "RFC 9846 4.3.8", "sent no key share";
    BadKeyShare           => ILLEGAL_PARAMETER,  "RFC 9846 4.3.8.2", "sent a key share that is not a public key of its group";
    SecondRetry           => UNEXPECTED_MESSAGE, "RFC 9846 4.2.4", "sent a second HelloRetryRequest";
    RetryChangesNothing   => ILLEGAL_PARAMETER,  "RFC 9846 4.2.4", "sent a HelloRetryRequest that would not change the ClientHello";

    UnofferedPsk          => ILLEGAL_PARAMETER,  "RFC 9846 4.3.11", "chose a pre-shared key that was not offered";
    EarlyDataOldVersion   => PROTOCOL_VERSION,   "RFC 9846 E.3",   "chose TLS 1.2 though early data was sent, which it cannot pass over: connect again without early data, with TLS 1.3 still on";
    PskWithoutKeyShare    => ILLEGAL_PARAMETER,  "RFC 9846 4.3.11", "chose a pre-shared key and sent no key share, though psk_ke was not offered";
    NoPskChosen           => MISSING_EXTENSION,  "RFC 9846 6.2",   "chose no pre-shared key, and this side requires one";
    PskHashDiffers        => ILLEGAL_PARAMETER,  "RFC 9846 4.3.11", "chose a pre-shared key, and a cipher suite with another hash than the key's";

    // TLS 1.2 alone
    SessionIdEchoed       => ILLEGAL_PARAMETER,  "RFC 5246 7.4.1.3", "resumes a session that was not offered";
    SessionSuiteChanged   => ILLEGAL_PARAMETER,  "RFC 5246 7.4.1.3", "resumes a session with another cipher suite than it had";
    ResumedWithoutBinding => HANDSHAKE_FAILURE,  "RFC 7627 5.3",   "resumes a session without extended_master_secret, with which it was made";
    BadRenegotiationInfo  => HANDSHAKE_FAILURE,  "RFC 5746 3.4",   "sent a renegotiation_info of another handshake";
    NoRenegotiationInfo   => HANDSHAKE_FAILURE,  "RFC 5746 4",     "does not speak renegotiation_info, which this side requires";
    NoExtendedMasterSecret => HANDSHAKE_FAILURE, "RFC 7627 5.2",   "does not speak extended_master_secret, which this side requires";
    NoUncompressedPoints  => ILLEGAL_PARAMETER,  "RFC 8422 5.1.2", "does not take uncompressed points, which all must";
    CertificateRequired12 => HANDSHAKE_FAILURE,  "RFC 5246 7.4.6", "sent no certificate, and this server requires one";
    CurveNotOffered       => ILLEGAL_PARAMETER,  "RFC 8422 5.3",   "shows a certificate whose key is on a curve that was not offered";
    NotAnRsaKey           => UNSUPPORTED_CERTIFICATE, "RFC 5246 7.4.2", "chose RSA key exchange with a certificate whose key is not an RSA key of an accepted size";
    KeyNotForEncryption   => UNSUPPORTED_CERTIFICATE, "RFC 5246 7.4.2", "chose RSA key exchange with a certificate whose keyUsage does not allow keyEncipherment";

    // EncryptedExtensions
    UnofferedAlpn         => ILLEGAL_PARAMETER,  "RFC 7301 3.1",   "chose an application protocol that was not offered";
    BadAlpnChoice         => ILLEGAL_PARAMETER,  "RFC 7301 3.1",   "did not choose exactly one application protocol";
    NoApplicationProtocol => NO_APPLICATION_PROTOCOL, "RFC 7301 3.2", "offers application protocols, none of which this server speaks";
    NoAlpn                => NO_APPLICATION_PROTOCOL, "RFC 7301 3.2", "offered or chose no application protocol, and this side requires one";
    EarlyDataOtherPsk     => ILLEGAL_PARAMETER,  "RFC 9846 4.3.11", "accepted early data, and did not resume with the first pre-shared key that was offered";
    EarlyDataOtherSuite   => ILLEGAL_PARAMETER,  "RFC 9846 4.3.10", "accepted early data, and chose another cipher suite than the session's";
    EarlyDataOtherAlpn    => ILLEGAL_PARAMETER,  "RFC 9846 4.3.10", "accepted early data, and chose another application protocol than the session's";

    // Certificate, CertificateRequest, CertificateVerify, Finished
    NonEmptyContext       => ILLEGAL_PARAMETER,  "RFC 9846 4.5.1", "sent a certificate_request_context that is not the one that belongs here";
    EmptyCertificateList  => DECODE_ERROR,       "RFC 9846 4.5.1.3", "sent no certificate where a server must send one";
    CertificateRequired   => CERTIFICATE_REQUIRED, "RFC 9846 4.5.1.3", "sent no certificate, and this server requires one";
    ChainTooLong          => BAD_CERTIFICATE,    "RFC 9846 4.5.1", "sent more certificates than this side takes: 10, if its configuration says no other number (longest_chain)";
    UnreadableCertificate => BAD_CERTIFICATE,    "RFC 5280 4.1",   "sent a certificate of its own that cannot be read";
    NoSignatureAlgorithms => MISSING_EXTENSION,  "RFC 9846 4.4.2", "sent a CertificateRequest without signature_algorithms";
    UnofferedScheme       => ILLEGAL_PARAMETER,  "RFC 9846 4.5.2", "signed with a signature scheme that was not offered";
    KeyNotForSigning      => UNSUPPORTED_CERTIFICATE, "RFC 9846 4.5.1.2", "signed with the key of a certificate whose keyUsage does not allow digitalSignature";
    SchemeDoesNotFitKey   => ILLEGAL_PARAMETER,  "RFC 9846 4.5.2", "signed with a signature scheme that does not fit the key of its certificate";
    BadSignature          => DECRYPT_ERROR,      "RFC 9846 4.5.2", "sent a signature that its certificate's key did not make over this handshake";
    BadFinished           => DECRYPT_ERROR,      "RFC 9846 4.5.3", "sent a Finished that does not match the handshake";

    // After the handshake
    BadKeyUpdate          => ILLEGAL_PARAMETER,  "RFC 9846 4.7.3", "sent a KeyUpdate with a value other than 0 or 1";
    TooManyKeyUpdates     => UNEXPECTED_MESSAGE, "RFC 9846 4.7.3", "sent more KeyUpdates without data than this side puts up with";
    TooManyTickets        => UNEXPECTED_MESSAGE, "RFC 9846 4.7.1", "sent more tickets than this side puts up with";
    Renegotiation         => NO_RENEGOTIATION,   "RFC 5246 7.2.2", "asked to negotiate again, which this side never does";
    RenegotiationForbidden => NO_RENEGOTIATION,  "RFC 5246 7.2.2", "asked to negotiate again, for which this side is told to end the connection";
    TooManyHelloRequests  => UNEXPECTED_MESSAGE, "RFC 5246 7.4.1.1", "sent more HelloRequests than this side puts up with";
    DataBeforeFinished    => UNEXPECTED_MESSAGE, "RFC 9846 5",     "sent application data before the handshake was complete";
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer {} ({})", self.sentence(), self.section())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_reads_as_a_sentence() {
        for fault in Fault::ALL {
            let said = fault.to_string();
            assert!(said.starts_with("the peer ") && said.ends_with(')'), "{said}");
            assert!(fault.section().starts_with("RFC "), "{said}");
            assert_ne!(fault.alert(), AlertDescription::CLOSE_NOTIFY);
        }
    }
}
