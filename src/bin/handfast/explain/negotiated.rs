//! What was negotiated, by whom, and why the alternatives lost: read off the
//! messages, as anybody on the wire could.

use super::messages::{authorities, tell_alpn};
use crate::text::{SHORT, count, joined, shown};
use handfast::observe::Direction;
use handfast::wire::{
    Body, CipherSuite, ClientHello, Form, Message, NamedGroup, ProtocolName, ProtocolVersion, PskIdentity,
    SignatureScheme,
};
use std::fmt::Display;

/// The offers and choices that were seen so far.
#[derive(Default)]
pub(crate) struct Negotiated {
    at_server: bool,
    pub(crate) versions: Vec<ProtocolVersion>,
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) groups: Vec<NamedGroup>,
    shares: Vec<NamedGroup>,
    schemes: Vec<SignatureScheme>,
    alpn: Vec<String>,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) suite: Option<CipherSuite>,
    pub(crate) group: Option<NamedGroup>,
    scheme: Option<SignatureScheme>,
    chosen_alpn: Option<String>,
    retried_for: Option<NamedGroup>,
    pub(crate) extended_master_secret: bool,
    /// The server's chain as it showed it, whether or not it was its own to show.
    pub(crate) chain: Vec<Vec<u8>>,
    /// The authorities of which the server requested a certificate, if it requested one.
    pub(crate) requested: Option<Vec<String>>,
    /// Whether the client answered that with a certificate.
    pub(crate) shown: bool,
    /// The pre-master secret of static RSA, as it goes over the wire.
    pub(crate) encrypted_pre_master: Option<Vec<u8>>,
    pub(crate) client_random: Option<[u8; 32]>,
    pub(crate) server_random: Option<[u8; 32]>,
    pub(crate) keys: Keys,
}

/// The keys that both sides have from before: what was offered, and taken.
#[derive(Default)]
pub(crate) struct Keys {
    /// Of each pre-shared key: whether it is an external one, and not a ticket's.
    offered: Vec<bool>,
    /// The place of the one that the server takes.
    selected: Option<u16>,
    /// Whether a ticket of TLS 1.2 was offered.
    ticket12: bool,
    session_id: Vec<u8>,
    /// Whether a session of TLS 1.2 goes on.
    resumed12: bool,
}

impl Keys {
    /// Whether anything was offered.
    pub(crate) fn are_offered(&self) -> bool {
        !self.offered.is_empty() || self.ticket12
    }

    /// Whether the server has the external key that was offered.
    pub(crate) fn are_shared(&self) -> bool {
        self.taken() == Some(true)
    }

    /// Whether the key that was taken is an external one.
    fn taken(&self) -> Option<bool> {
        self.offered.get(usize::from(self.selected?)).copied()
    }

    fn choice(&self) -> Option<Choice> {
        let external = self.offered.contains(&true);
        let (chosen, why) = match (self.resumed12, self.taken()) {
            (true, _) => ("resumed", "the server goes on with the session of TLS 1.2 that was offered"),
            (_, Some(false)) => ("resumed", "the server takes the ticket"),
            (_, Some(true)) => {
                ("begun with the external key", "the server has it too, which proves who it is")
            }
            (_, None) if !self.are_offered() => return None,
            (_, None) if external => ("begun anew", "the server does not take the key that was offered"),
            (_, None) => ("begun anew", "the server does not take the ticket, and does not say why"),
        };
        Some(Choice { what: "session", chosen: chosen.to_owned(), why: why.to_owned(), lost: Vec::new() })
    }
}

/// One choice: what, which, and why.
pub(crate) struct Choice {
    pub(crate) what: &'static str,
    pub(crate) chosen: String,
    pub(crate) why: String,
    pub(crate) lost: Vec<String>,
}

impl Negotiated {
    /// Which form the messages have.
    pub(crate) fn form(&self) -> Form {
        let only = self.versions.first().filter(|_| self.versions.len() == 1);
        match self.version.as_ref().or(only) {
            Some(version) if *version < ProtocolVersion::TLS13 => Form::Tls12,
            _ => Form::Tls13,
        }
    }

    /// Heard by the server.
    pub(crate) fn at_server() -> Self {
        Self { at_server: true, ..Self::default() }
    }

    /// The direction in which the server speaks.
    fn servers(&self) -> Direction {
        if self.at_server { Direction::Out } else { Direction::In }
    }

    /// Takes note of a message.
    pub(crate) fn hear(&mut self, direction: Direction, bytes: &[u8]) {
        let Ok(message) = Message::decode(bytes, self.form()) else { return }; // told as malformed elsewhere
        if let Body::ClientHello(m) = &message.body {
            self.keys_offered(m);
        }
        match message.body {
            Body::ClientHello(m) if self.client_random.is_none() => {
                let extensions = &m.extensions;
                let legacy = || vec![m.legacy_version];
                self.versions =
                    extensions.supported_versions.map_or_else(legacy, |list| list.iter().collect());
                self.versions.retain(|version| !version.is_grease());
                self.suites = m.cipher_suites.iter().filter(|suite| !suite.is_grease()).collect();
                self.groups = extensions.supported_groups.iter().flat_map(|list| list.iter()).collect();
                self.shares = extensions
                    .key_share
                    .iter()
                    .flat_map(|list| list.iter())
                    .map(|share| share.group)
                    .collect();
                self.groups.retain(|group| !group.is_grease());
                self.schemes = extensions.signature_algorithms.iter().flat_map(|list| list.iter()).collect();
                self.schemes.retain(|scheme| !scheme.is_grease());
                self.alpn = extensions.alpn.iter().flat_map(|list| list.iter()).map(tell_alpn).collect();
                self.extended_master_secret = extensions.extended_master_secret;
                self.client_random = Some(*m.random);
            }
            Body::HelloRetryRequest(m) => self.retried_for = m.extensions.key_share,
            Body::ServerHello(m) => {
                let extensions = &m.extensions;
                self.version = Some(extensions.supported_versions.unwrap_or(m.legacy_version));
                self.suite = Some(m.cipher_suite);
                self.group = extensions.key_share.map(|share| share.group);
                self.extended_master_secret = extensions.extended_master_secret;
                self.server_random = Some(*m.random);
                self.keys.selected = extensions.pre_shared_key;
                // RFC 5077 section 3.4: the id that a server sends back is that of the session.
                self.keys.resumed12 = self.form() == Form::Tls12
                    && !m.session_id.is_empty()
                    && m.session_id == self.keys.session_id;
                self.alpn_chosen(extensions.alpn);
            }
            Body::EncryptedExtensions(m) => self.alpn_chosen(m.alpn),
            Body::Certificate13(m) if direction == self.servers() => {
                self.chain = m.entries.iter().map(|entry| entry.cert_data.to_vec()).collect();
            }
            Body::Certificate13(m) => self.shown = !m.entries.is_empty(),
            Body::Certificate12(m) if direction == self.servers() => {
                self.chain = m.certificates.iter().map(|certificate| certificate.0.to_vec()).collect();
            }
            Body::Certificate12(m) => self.shown = !m.certificates.is_empty(),
            Body::CertificateRequest13(m) => {
                self.requested = Some(authorities(&m.extensions.certificate_authorities.unwrap_or_default()));
            }
            Body::CertificateRequest12(m) => self.requested = Some(authorities(&m.certificate_authorities)),
            Body::ServerKeyExchange(m) => {
                self.group = Some(m.params.group());
                self.scheme = Some(m.scheme);
            }
            Body::ClientKeyExchange(m) if self.is_static_rsa() => {
                self.encrypted_pre_master = m.rsa().ok().map(<[u8]>::to_vec);
            }
            Body::CertificateVerify(m) if direction == self.servers() => self.scheme = Some(m.scheme),
            _ => {}
        }
    }

    /// Those of the last ClientHello: a second one may leave some out.
    fn keys_offered(&mut self, m: &ClientHello<'_>) {
        let identities = m.extensions.pre_shared_key.map(|keys| keys.identities);
        let is_external = |psk: PskIdentity<'_>| psk.obfuscated_ticket_age == 0;
        self.keys = Keys {
            offered: identities.iter().flat_map(|list| list.iter()).map(is_external).collect(),
            ticket12: m.extensions.session_ticket.is_some_and(|ticket| !ticket.is_empty()),
            session_id: m.session_id.to_vec(),
            ..Keys::default()
        };
    }

    /// Whether the client encrypts the pre-master secret to the certificate's key.
    pub(crate) fn is_static_rsa(&self) -> bool {
        const STATIC_RSA: [CipherSuite; 2] =
            [CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384];
        self.suite.is_some_and(|suite| STATIC_RSA.contains(&suite))
    }

    fn alpn_chosen(&mut self, name: Option<ProtocolName<'_>>) {
        if let Some(name) = name {
            self.chosen_alpn = Some(shown(name.0));
        }
    }

    /// What the server requested of the client, and got.
    pub(crate) fn client(&self) -> Option<String> {
        let names = self.requested.as_ref()?;
        let of = if names.is_empty() { "any authority".to_owned() } else { joined(names, SHORT) };
        let got = match (self.shown, self.at_server) {
            (true, _) => "one was shown",
            (false, true) => "none was shown",
            (false, false) => "none was shown (--cert FILE --key FILE)",
        };
        Some(format!("a certificate was requested, issued by {of}; {got}"))
    }

    /// The choices, as far as the handshake came.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        if let Some(version) = self.version {
            choices.push(choice("version", version, &self.versions, |place| match place {
                0 => "the newest that was offered".to_owned(),
                _ => "the newest that the server speaks".to_owned(),
            }));
        }
        if let Some(suite) = self.suite {
            // Each version has suites of its own: those of the other one lost with it.
            let (own, others): (Vec<_>, Vec<_>) =
                self.suites.iter().partition(|each| is_of_tls13(**each) == is_of_tls13(suite));
            let mut one = choice("suite", suite, &own, |place| match place {
                0 => "the client's first choice".to_owned(),
                _ if is_of_tls13(suite) => passed_over(place),
                _ => format!("{}, or unfit for its certificate", passed_over(place)),
            });
            if !others.is_empty() {
                one.lost.push(format!("{} of the other version", others.len()));
            }
            choices.push(one);
        }
        choices.extend(self.keys.choice());
        if let Some(group) = self.group {
            choices.push(choice("group", group, &self.groups, |place| self.why_group(group, place)));
        }
        if self.is_static_rsa() && !self.keys.resumed12 {
            let why = "the suite says so: no group, no signature, and no forward secrecy";
            let (chosen, lost) = ("RSA to the certificate's key".to_owned(), Vec::new());
            choices.push(Choice { what: "exchange", chosen, why: why.to_owned(), lost });
        }
        if let Some(scheme) = self.scheme {
            let mut one = choice("signature", scheme, &self.schemes, |_| String::new());
            one.why = "fits the key of the server's certificate".to_owned();
            one.lost = Vec::from([format!("{} of other keys or hashes", count(one.lost.len(), "scheme"))]);
            choices.push(one);
        }
        if self.version.is_some() {
            choices.push(self.alpn());
        }
        choices
    }

    fn why_group(&self, group: NamedGroup, place: usize) -> String {
        if self.retried_for == Some(group) {
            return "the server asked for it with a HelloRetryRequest: a round trip more".to_owned();
        }
        match (self.shares.contains(&group) && self.form() == Form::Tls13, place) {
            (true, 0) => "the client's first choice, whose share came with the ClientHello".to_owned(),
            (true, _) => format!("its share came with the ClientHello; {}", passed_over(place)),
            (false, _) => "the server's choice among the groups that the client supports".to_owned(),
        }
    }

    fn alpn(&self) -> Choice {
        let (chosen, why) = match (&self.chosen_alpn, self.alpn.is_empty()) {
            (Some(name), _) => (name.clone(), "the server's choice among those offered"),
            (None, true) => ("none".to_owned(), "none was offered"),
            (None, false) => ("none".to_owned(), "the server did not answer the offer"),
        };
        let lost = self.alpn.iter().filter(|name| **name != chosen).cloned().collect();
        Choice { what: "ALPN", chosen, why: why.to_owned(), lost }
    }

    /// Where the client's random, the server's and the key exchange's secret
    /// enter the keys. Before the ServerHello a client may not know which way.
    pub(crate) fn randoms(&self) -> [&'static str; 3] {
        const UNKNOWN: &str = "the version decides where it enters";
        const UNKNOWN12: &str =
            "enters master_secret, by itself or (RFC 7627) through the session hash, and the key block";
        const TRANSCRIPT: &str = "enters through the transcript";
        const SESSION_HASH: &str =
            "enters master_secret through the session hash (RFC 7627), and the key block";
        const MASTER: &str = "enters master_secret, and the key block";
        const PRE_MASTER: &str = "it is the pre-master secret, and enters master_secret";
        match (self.form(), self.extended_master_secret) {
            _ if self.version.is_none() && self.versions.len() != 1 => [UNKNOWN; 3],
            (Form::Tls13, _) => [TRANSCRIPT, TRANSCRIPT, "enters handshake_secret, and all after it"],
            _ if self.keys.resumed12 => [
                "enters the key block",
                "enters the key block",
                "there is none: the session's master_secret is used",
            ],
            (Form::Tls12, true) if self.version.is_none() => [UNKNOWN12, UNKNOWN12, PRE_MASTER],
            (Form::Tls12, true) => [SESSION_HASH, SESSION_HASH, PRE_MASTER],
            (Form::Tls12, false) if self.is_static_rsa() => [MASTER, MASTER, "enters master_secret"],
            (Form::Tls12, false) => [MASTER, MASTER, PRE_MASTER],
        }
    }

    /// The three in one sentence, once the server has decided.
    pub(crate) fn randoms_in_short(&self) -> Option<&'static str> {
        self.version?;
        Some(match (self.form(), self.extended_master_secret) {
            (Form::Tls13, _) if self.group.is_none() => {
                "the two of the hellos enter through the transcript; there is no third, and no forward secrecy"
            }
            _ if self.keys.resumed12 => "the session's master_secret and both randoms make the key block",
            (Form::Tls13, _) => {
                "the two of the hellos enter through the transcript; the third enters handshake_secret, \
                 whence all keys come"
            }
            (Form::Tls12, true) => {
                "pre-master secret and session hash, in which both hellos are, make master_secret; \
                 it and both randoms make the key block"
            }
            (Form::Tls12, false) => {
                "all three make master_secret; it and both randoms of the hellos make the key block"
            }
        })
    }
}

/// Why a server does not take the client's first choice, as far as can be known.
fn passed_over(before: usize) -> String {
    format!("the server passed over {before} before it: lacking, or later in its order")
}

/// Whether a suite is one of TLS 1.3 (RFC 9846 appendix B.4).
fn is_of_tls13(suite: CipherSuite) -> bool {
    suite.0 >> 8 == 0x13
}

/// A choice from a list, with its place in it and what lost.
fn choice<T: Display + PartialEq + Copy>(
    what: &'static str,
    chosen: T,
    offered: &[T],
    why: impl Fn(usize) -> String,
) -> Choice {
    let place = offered.iter().position(|each| *each == chosen).unwrap_or(offered.len());
    let lost = offered.iter().filter(|each| **each != chosen).map(T::to_string).collect::<Vec<_>>();
    let why = match (offered.len(), place) {
        (1, 0) => "the only one offered".to_owned(),
        _ => why(place),
    };
    Choice { what, chosen: chosen.to_string(), why, lost }
}
