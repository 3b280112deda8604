//! The shim's flags: what one test asks for.

use crate::reasons::{IGNORED, left_out};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use handfast::{AlertDescription, PskHash};

/// Why a command line is not run.
pub(crate) enum Refusal {
    /// The runner asks whether handshakes can be split between processes.
    HandshakerAsked,
    /// A flag that is left out, and why.
    Unimplemented(String, &'static str),
    /// A flag of which this shim has not heard.
    Unknown(String),
}

/// A certificate and its key, as files; or a pre-shared key.
#[derive(Default, Clone)]
pub(crate) struct Credential {
    pub(crate) pre_shared: Option<PreShared>,
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) ocsp: Vec<u8>,
    /// What it signs with; empty for all that its key can do.
    pub(crate) schemes: Vec<SignatureScheme>,
}

/// A pre-shared key that is imported (RFC 9258).
#[derive(Default, Clone)]
pub(crate) struct PreShared {
    pub(crate) secret: Vec<u8>,
    pub(crate) identity: Vec<u8>,
    pub(crate) context: Vec<u8>,
    pub(crate) hash: PskHash,
}

/// What one test asks for.
pub(crate) struct Flags {
    pub(crate) port: u16,
    pub(crate) ipv6: bool,
    pub(crate) shim_id: u64,
    pub(crate) server: bool,
    /// Connections, one after the other; each resumes the session of the one before.
    pub(crate) connections: usize,
    /// No tickets are sent or taken, and a client keeps none; a server keeps sessions
    /// under their ids.
    pub(crate) without_tickets: bool,
    /// Seconds that pass before a further connection.
    pub(crate) delay: u64,
    pub(crate) ignores_hello_requests: bool,
    pub(crate) requires_renegotiation_info: bool,

    // The configuration.
    /// The credential of the flags without `-new-x509-credential`.
    pub(crate) credential: Credential,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) versions: Vec<ProtocolVersion>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) suites: Vec<CipherSuite>,
    /// What is verified; empty for BoringSSL's default.
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) largest_record: Option<usize>,
    pub(crate) authorities: Vec<Vec<u8>>,
    pub(crate) host_name: Option<String>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) stapling: bool,
    pub(crate) verify_peer: bool,
    pub(crate) require_certificate: bool,
    pub(crate) verifies_on_resumption: bool,
    pub(crate) ask_for_certificate: bool,
    pub(crate) early_data: bool,
    /// The alert with which the peer's chain is refused.
    pub(crate) rejection: Option<AlertDescription>,
    /// The alert with which a server gives up where it is asked for its certificate.
    pub(crate) gives_up: Option<AlertDescription>,

    // What is done after the handshake.
    pub(crate) send_alert: bool,
    pub(crate) shim_writes_first: bool,
    pub(crate) initial_write: Vec<u8>,
    pub(crate) initial_writes: usize,
    /// The message behind which a client writes its early data.
    pub(crate) early_write_after: Option<u8>,
    /// Of the initial write one byte leaves, and the others when something was read.
    pub(crate) unfinished_write: bool,
    pub(crate) read_size: usize,
    pub(crate) peek_then_read: bool,
    pub(crate) shim_shuts_down: bool,
    pub(crate) check_close_notify: bool,
    pub(crate) key_update: bool,
    pub(crate) key_update_before_read: bool,
    pub(crate) export: usize,
    pub(crate) export_label: String,
    pub(crate) export_context: Option<String>,
    pub(crate) export_traffic_secrets: bool,
    pub(crate) tls_unique: bool,

    // What is expected.
    pub(crate) expect_alpn: Vec<u8>,
    pub(crate) expect_advertised_alpn: Option<Vec<u8>>,
    pub(crate) expect_server_name: Option<String>,
    pub(crate) expect_no_server_name: bool,
    pub(crate) expect_version: Option<ProtocolVersion>,
    pub(crate) expect_group: Option<NamedGroup>,
    pub(crate) expect_suite: Option<CipherSuite>,
    pub(crate) expect_peer_scheme: Option<SignatureScheme>,
    pub(crate) expect_peer_schemes: Vec<SignatureScheme>,
    pub(crate) expect_peer_certificate: Option<String>,
    pub(crate) expect_no_peer_certificate: bool,
    pub(crate) expect_extended_master_secret: bool,
    pub(crate) expect_renegotiation_info: Option<bool>,
    pub(crate) expect_verify_result: bool,
    pub(crate) expect_ocsp: Vec<u8>,
    pub(crate) expect_retried: Option<bool>,
    pub(crate) expect_authorities: Option<Vec<Vec<u8>>>,
    pub(crate) expect_certificate_types: Vec<u8>,
    pub(crate) expect_credential: Option<i64>,
    pub(crate) expect_session_miss: bool,
    pub(crate) expect_no_session: bool,
    /// Whether a server keeps the session of a first connection under an id.
    pub(crate) expect_session_id: Option<bool>,
    pub(crate) expect_ticket_renewal: bool,
    pub(crate) expect_early_data: Option<bool>,
    pub(crate) expect_no_offer_of_early_data: bool,
    pub(crate) expect_early_data_reason: Option<String>,
    pub(crate) expect_early_data_in_tickets: bool,
}

impl Flags {
    /// Whether the initial write goes before anything is read.
    pub(crate) fn writes_first(&self) -> bool {
        self.shim_writes_first || self.unfinished_write
    }
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            port: 0,
            ipv6: false,
            shim_id: 0,
            server: false,
            connections: 1,
            without_tickets: false,
            delay: 0,
            ignores_hello_requests: false,
            requires_renegotiation_info: false,
            credential: Credential::default(),
            credentials: Vec::new(),
            versions: Vec::new(),
            groups: Vec::new(),
            suites: Vec::new(),
            schemes: Vec::new(),
            largest_record: None,
            authorities: Vec::new(),
            host_name: None,
            alpn: Vec::new(),
            stapling: false,
            verify_peer: false,
            require_certificate: false,
            verifies_on_resumption: false,
            ask_for_certificate: false,
            early_data: false,
            rejection: None,
            gives_up: None,
            send_alert: false,
            shim_writes_first: false,
            initial_write: b"hello".to_vec(),
            initial_writes: 1,
            early_write_after: None,
            unfinished_write: false,
            read_size: 512,
            peek_then_read: false,
            shim_shuts_down: false,
            check_close_notify: false,
            key_update: false,
            key_update_before_read: false,
            export: 0,
            export_label: String::new(),
            export_context: None,
            export_traffic_secrets: false,
            tls_unique: false,
            expect_alpn: Vec::new(),
            expect_advertised_alpn: None,
            expect_server_name: None,
            expect_no_server_name: false,
            expect_version: None,
            expect_group: None,
            expect_suite: None,
            expect_peer_scheme: None,
            expect_peer_schemes: Vec::new(),
            expect_peer_certificate: None,
            expect_no_peer_certificate: false,
            expect_extended_master_secret: false,
            expect_renegotiation_info: None,
            expect_verify_result: false,
            expect_ocsp: Vec::new(),
            expect_retried: None,
            expect_authorities: None,
            expect_certificate_types: Vec::new(),
            expect_credential: None,
            expect_session_miss: false,
            expect_no_session: false,
            expect_session_id: None,
            expect_ticket_renewal: false,
            expect_early_data: None,
            expect_no_offer_of_early_data: false,
            expect_early_data_reason: None,
            expect_early_data_in_tickets: false,
        }
    }
}

/// The flags of the first connection, of those that resume, and of a client among
/// them when its early data was rejected.
pub(crate) struct Run {
    pub(crate) initial: Flags,
    pub(crate) resume: Flags,
    pub(crate) retry: Flags,
}

impl Run {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Refusal> {
        let arguments: Vec<String> = arguments.collect();
        let [mut initial, mut resume, mut retry] = [Draft::default(), Draft::default(), Draft::default()];
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            // There is no handshaker beside this process.
            let flag = argument.strip_prefix("-on-shim").unwrap_or(argument);
            if let Some(flag) = flag.strip_prefix("-on-handshaker") {
                let flag = flag.strip_prefix("-on-resume").unwrap_or(flag);
                Draft::default().apply(argument, flag, &mut arguments)?;
            } else if let Some(flag) = flag.strip_prefix("-on-initial") {
                initial.apply(argument, flag, &mut arguments)?;
            } else if let Some(flag) = flag.strip_prefix("-on-resume") {
                resume.apply(argument, flag, &mut arguments)?;
            } else if let Some(flag) = flag.strip_prefix("-on-retry") {
                retry.apply(argument, flag, &mut arguments)?;
            } else {
                initial.apply(argument, flag, &mut arguments.clone())?;
                resume.apply(argument, flag, &mut arguments.clone())?;
                retry.apply(argument, flag, &mut arguments)?;
            }
        }
        let run = Self { initial: initial.finish(), resume: resume.finish(), retry: retry.finish() };
        if run.initial.connections > 1 && run.resume.gives_up.is_some() {
            return Err(Refusal::Unimplemented(
                "-fail-ddos-callback".to_owned(),
                "who resumes is not asked for a certificate",
            ));
        }
        Ok(run)
    }
}

/// Flags, while they are read.
#[derive(Default)]
struct Draft {
    flags: Flags,
    oldest: Option<u16>,
    newest: Option<u16>,
    without: Vec<ProtocolVersion>,
    export_context: String,
    use_context: bool,
    verify_fails: bool,
    custom_verify: bool,
    ocsp_fails: bool,
    ocsp_declined: bool,
}

impl Draft {
    /// Reads one flag, and its value from `arguments`.
    fn apply<'a>(
        &mut self,
        argument: &str,
        flag: &str,
        arguments: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Refusal> {
        let Self {
            flags,
            oldest,
            newest,
            without,
            export_context,
            use_context,
            verify_fails,
            custom_verify,
            ocsp_fails,
            ocsp_declined,
        } = self;
        if let Some(reason) = left_out(flag) {
            return Err(Refusal::Unimplemented(argument.to_owned(), reason));
        }
        if IGNORED.iter().any(|(ignored, _)| *ignored == flag) {
            return Ok(());
        }
        let credential = flags.credentials.last_mut().unwrap_or(&mut flags.credential);
        let mut ignored = PreShared::default();
        let pre_shared = credential.pre_shared.as_mut().unwrap_or(&mut ignored);
        let mut value = || arguments.next().cloned().unwrap_or_default();
        match flag {
            "-is-handshaker-supported" => return Err(Refusal::HandshakerAsked),
            "-port" => flags.port = number(&value()),
            "-ipv6" => flags.ipv6 = true,
            "-shim-id" => flags.shim_id = number(&value()),
            "-server" => flags.server = true,
            "-resume-count" => flags.connections = 1 + number::<usize>(&value()),
            "-expect-session-miss" => flags.expect_session_miss = true,
            "-expect-no-session" => flags.expect_no_session = true,
            "-expect-session-id" => flags.expect_session_id = Some(true),
            "-expect-no-session-id" => flags.expect_session_id = Some(false),
            "-expect-ticket-renewal" => flags.expect_ticket_renewal = true,
            "-no-ticket" => flags.without_tickets = true,
            "-renegotiate-ignore" => flags.ignores_hello_requests = true,
            // There are none, and a test that wants some wants `-renegotiate-freely` before.
            "-expect-total-renegotiations" if value() == "0" => {}
            "-expect-total-renegotiations" => {
                return Err(Refusal::Unimplemented(argument.to_owned(), "nothing is negotiated again"));
            }
            "-no-legacy-server-connect" => flags.requires_renegotiation_info = true,
            "-resumption-delay" => flags.delay = number(&value()),
            "-quic-use-legacy-codepoint" => drop(value()), // for -quic alone
            "-trust-cert" => drop(value()), // who is trusted is what the Verify question is answered with
            "-cert-file" => credential.certificate = value(),
            "-key-file" => credential.key = value(),
            "-ocsp-response" => credential.ocsp = base64(&value()),
            "-signing-prefs" => credential.schemes.push(SignatureScheme(number(&value()))),
            "-new-x509-credential" => flags.credentials.push(Credential::default()),
            "-new-psk-credential" => {
                let pre_shared = Some(PreShared::default());
                flags.credentials.push(Credential { pre_shared, ..Credential::default() });
            }
            "-psk-importer-key" => pre_shared.secret = base64(&value()),
            "-psk-importer-identity" => pre_shared.identity = base64(&value()),
            "-psk-importer-context" => pre_shared.context = base64(&value()),
            "-psk-importer-sha256" => pre_shared.hash = PskHash::Sha256,
            "-psk-importer-sha384" => pre_shared.hash = PskHash::Sha384,
            "-min-version" => *oldest = Some(number(&value())),
            "-max-version" => *newest = Some(number(&value())),
            "-no-tls13" => without.push(ProtocolVersion::TLS13),
            "-no-tls12" => without.push(ProtocolVersion::TLS12),
            "-curves" => flags.groups.push(NamedGroup(number(&value()))),
            "-enable-ocsp-stapling" => flags.stapling = true,
            "-verify-prefs" => flags.schemes.push(SignatureScheme(number(&value()))),
            "-cipher" => {
                flags.suites = suites(&value()).ok_or(Refusal::Unimplemented(
                    argument.to_owned(),
                    "OpenSSL's cipher strings are not read",
                ))?
            }
            "-max-send-fragment" => flags.largest_record = Some(number(&value())),
            "-use-client-ca-list" => flags.authorities = authorities(&value()),
            "-host-name" => flags.host_name = Some(value()),
            "-advertise-alpn" => flags.alpn = lists(value().as_bytes(), 1),
            "-select-alpn" => {
                flags.expect_alpn = value().into_bytes();
                flags.alpn =
                    Some(flags.expect_alpn.clone()).filter(|name| !name.is_empty()).into_iter().collect();
            }
            // A server refuses what it does not speak.
            "-reject-alpn" => flags.alpn = vec![b"none of the client's".to_vec()],
            "-verify-peer" => flags.verify_peer = true,
            "-require-any-client-certificate" => flags.require_certificate = true,
            "-reverify-on-resume" => flags.verifies_on_resumption = true,
            "-verify-fail" => *verify_fails = true,
            "-use-custom-verify-callback" => *custom_verify = true,
            // Whoever judges the chain judges the staple with it.
            "-fail-ocsp-callback" => *ocsp_fails = true,
            "-decline-ocsp-callback" => *ocsp_declined = true,
            "-fail-early-callback" => flags.gives_up = Some(AlertDescription::HANDSHAKE_FAILURE),
            "-fail-cert-callback" | "-fail-ddos-callback" => {
                flags.gives_up = Some(AlertDescription::INTERNAL_ERROR);
            }
            "-use-early-callback" => flags.ask_for_certificate = true,
            "-send-alert" => flags.send_alert = true,
            "-shim-writes-first" => flags.shim_writes_first = true,
            "-read-with-unfinished-write" => flags.unfinished_write = true,
            "-early-write-after-message" => flags.early_write_after = Some(number(&value())),
            "-enable-early-data" => flags.early_data = true,
            "-expect-accept-early-data" => flags.expect_early_data = Some(true),
            "-expect-reject-early-data" => flags.expect_early_data = Some(false),
            "-expect-no-offer-early-data" => flags.expect_no_offer_of_early_data = true,
            "-expect-early-data-reason" => flags.expect_early_data_reason = Some(value()),
            // By how much is not told, but by what comes of it: whether early data is taken.
            "-expect-ticket-age-skew" => drop(value()),
            "-expect-ticket-supports-early-data" => flags.expect_early_data_in_tickets = true,
            "-shim-initial-write" => flags.initial_write = value().into_bytes(),
            "-repeat-shim-initial-write" => flags.initial_writes = number(&value()),
            "-read-size" => flags.read_size = number(&value()),
            "-peek-then-read" => flags.peek_then_read = true,
            "-shim-shuts-down" => flags.shim_shuts_down = true,
            "-check-close-notify" => flags.check_close_notify = true,
            "-key-update" => flags.key_update = true,
            "-key-update-before-read" => flags.key_update_before_read = true,
            "-export-keying-material" => flags.export = number(&value()),
            "-export-label" => flags.export_label = value(),
            "-export-context" => *export_context = value(),
            "-use-export-context" => *use_context = true,
            "-export-traffic-secrets" => flags.export_traffic_secrets = true,
            "-tls-unique" => flags.tls_unique = true,
            "-expect-alpn" => flags.expect_alpn = value().into_bytes(),
            "-expect-advertised-alpn" => flags.expect_advertised_alpn = Some(value().into_bytes()),
            "-expect-server-name" => flags.expect_server_name = Some(value()),
            "-expect-no-server-name" => flags.expect_no_server_name = true,
            "-expect-version" => flags.expect_version = Some(ProtocolVersion(number(&value()))),
            "-expect-curve-id" => flags.expect_group = Some(NamedGroup(number(&value()))),
            // What is chosen does not depend on the processor here.
            "-expect-cipher-no-aes" => drop(value()),
            "-expect-cipher" | "-expect-cipher-aes" => {
                flags.expect_suite = Some(CipherSuite(number(&value())))
            }
            "-expect-peer-signature-algorithm" => {
                flags.expect_peer_scheme = Some(SignatureScheme(number(&value())));
            }
            "-expect-peer-verify-pref" => flags.expect_peer_schemes.push(SignatureScheme(number(&value()))),
            "-expect-peer-cert-file" => flags.expect_peer_certificate = Some(value()),
            "-expect-no-peer-cert" => flags.expect_no_peer_certificate = true,
            "-expect-secure-renegotiation" => flags.expect_renegotiation_info = Some(true),
            "-expect-no-secure-renegotiation" => flags.expect_renegotiation_info = Some(false),
            "-expect-verify-result" => flags.expect_verify_result = true,
            "-expect-extended-master-secret" => flags.expect_extended_master_secret = true,
            "-expect-ocsp-response" => flags.expect_ocsp = base64(&value()),
            "-expect-hrr" => flags.expect_retried = Some(true),
            "-expect-no-hrr" => flags.expect_retried = Some(false),
            "-expect-client-ca-list" => flags.expect_authorities = Some(authorities(&value())),
            "-expect-certificate-types" => flags.expect_certificate_types = base64(&value()),
            "-expect-selected-credential" => flags.expect_credential = value().parse().ok(),
            _ => return Err(Refusal::Unknown(argument.to_owned())),
        }
        Ok(())
    }

    fn finish(self) -> Flags {
        let mut flags = self.flags;
        let range = self.oldest.unwrap_or(0)..=self.newest.unwrap_or(u16::MAX);
        flags.versions = [ProtocolVersion::TLS13, ProtocolVersion::TLS12]
            .into_iter()
            .filter(|version| range.contains(&version.0) && !self.without.contains(version))
            .collect();
        flags.export_context = self.use_context.then_some(self.export_context);
        flags.ask_for_certificate |= flags.gives_up.is_some();
        if self.ocsp_declined {
            let given = flags.credentials.iter_mut().chain([&mut flags.credential]);
            given.for_each(|credential| credential.ocsp.clear());
        }
        // BoringSSL's two callbacks have different alerts if they set none.
        flags.rejection = match (self.verify_fails, self.custom_verify) {
            (true, true) => Some(AlertDescription::CERTIFICATE_UNKNOWN),
            (true, false) => Some(AlertDescription::HANDSHAKE_FAILURE),
            (false, _) => self.ocsp_fails.then_some(AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE),
        };
        if flags.server && self.ocsp_fails {
            (flags.gives_up, flags.ask_for_certificate) = (Some(AlertDescription::INTERNAL_ERROR), true);
        }
        flags
    }
}

/// The suites of TLS 1.3, which such a list does not have, and those of a list of
/// names that are spoken here; those of equal preference, in brackets, in the
/// order in which they stand. `None` for anything but names.
fn suites(list: &str) -> Option<Vec<CipherSuite>> {
    let mut suites = vec![
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    ];
    for name in list.split([':', '|']).map(|name| name.trim_matches(['[', ']'])) {
        if !name.starts_with("TLS_") {
            return None;
        }
        let spoken = !name.contains("_CBC_");
        suites.extend((0..=u16::MAX).map(CipherSuite).find(|suite| spoken && suite.name() == Some(name)));
    }
    Some(suites)
}

fn number<N: std::str::FromStr + Default>(text: &str) -> N {
    text.parse().unwrap_or_default()
}

/// Each string of a list that is written with lengths of `width` bytes.
pub(crate) fn lists(mut bytes: &[u8], width: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((length, rest)) = bytes.split_at_checked(width) {
        let length = length.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        let Some((item, rest)) = rest.split_at_checked(length) else { break };
        all.push(item.to_vec());
        bytes = rest;
    }
    all
}

/// DER values in hex, with commas between; none are written `<EMPTY>`.
fn authorities(text: &str) -> Vec<Vec<u8>> {
    match text {
        "<NULL>" | "<EMPTY>" => Vec::new(),
        list => list.split(',').filter_map(|value| hex::decode(value).ok()).collect(),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut have) = (Vec::new(), 0u32, 0);
    for digit in text.bytes().filter_map(|c| DIGITS.iter().position(|digit| *digit == c)) {
        (bits, have) = (bits << 6 | digit as u32, have + 6);
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Flags, Refusal> {
        Run::parse(arguments.iter().map(|argument| (*argument).to_owned())).map(|run| run.initial)
    }

    #[test]
    fn a_flag_is_parsed_ignored_left_out_or_unknown() {
        let flags = parse(&["-port", "7", "-async", "-on-initial-min-version", "772"]).ok().unwrap();
        assert_eq!((flags.port, flags.versions), (7, vec![ProtocolVersion::TLS13]));
        assert!(matches!(parse(&["-on-retry-psk", "x"]), Err(Refusal::Unimplemented(..))));
        assert!(matches!(parse(&["-on-resume-no-such-flag"]), Err(Refusal::Unknown(_))));
        let one = ["-resume-count", "1", "-on-resume-max-version", "771", "-read-size", "9"];
        let run = Run::parse(one.iter().map(|argument| (*argument).to_owned())).ok().unwrap();
        assert_eq!((run.initial.connections, run.initial.versions.len(), run.initial.read_size), (2, 2, 9));
        assert_eq!((run.resume.versions, run.resume.read_size), (vec![ProtocolVersion::TLS12], 9));
        assert!(matches!(parse(&["-no-such-flag"]), Err(Refusal::Unknown(_))));
        for (flag, _) in IGNORED {
            assert!(left_out(flag).is_none(), "{flag} is ignored and left out");
        }
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(base64("AQIDBA=="), [1, 2, 3, 4]);
        assert_eq!(lists(b"\x03foo\x02h2", 1), [b"foo".to_vec(), b"h2".to_vec()]);
        assert_eq!(authorities("3000,3001ff"), [vec![0x30, 0], vec![0x30, 1, 0xff]]);
        assert!(authorities("<EMPTY>").is_empty());
    }
}
