//! What a handshake message says: in one line, and field by field.

use crate::certificate::distinguished_name;
use crate::text::{LONG, SHORT, clean, count, joined, list, shown};
use handfast::pki::{Certificate, CertificateDer};
use handfast::wire::{
    Body, CertificateEntry, ClientExtensions, ClientHello, DistinguishedName, ExtensionType, Form,
    HelloRetryRequest, KeyShareEntry, List, Message, ProtocolName, PskIdentity, RawExtensions, ServerHello,
};
use std::fmt;

/// A message told.
pub(crate) struct Told {
    pub(crate) name: &'static str,
    pub(crate) summary: String,
    pub(crate) fields: Vec<(&'static str, Value)>,
}

pub(crate) enum Value {
    Text(String),
    Number(u64),
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

/// Reads a message again, which the library read before. One that the library
/// refused is told as far as it goes.
pub(crate) fn tell(bytes: &[u8], form: Form) -> Told {
    let message = match Message::decode(bytes, form) {
        Ok(message) => message,
        Err(fault) => {
            let code = bytes.first().copied().unwrap_or_default();
            let fields =
                vec![("type", Value::Number(code.into())), ("fault", Value::Text(fault.to_string()))];
            return Told { name: "(malformed)", summary: format!("type {code}: {fault}"), fields };
        }
    };
    let mut told = Teller { parts: Vec::new(), fields: Vec::new() };
    told.body(&message.body);
    Told { name: message.body.name(), summary: told.parts.join(" | "), fields: told.fields }
}

struct Teller {
    /// Of the one line.
    parts: Vec<String>,
    fields: Vec<(&'static str, Value)>,
}

impl Teller {
    fn part(&mut self, part: impl Into<String>) {
        self.parts.push(part.into());
    }

    fn text(&mut self, name: &'static str, value: impl ToString) {
        self.fields.push((name, Value::Text(value.to_string())));
    }

    fn number(&mut self, name: &'static str, value: impl TryInto<u64>) {
        self.fields.push((name, Value::Number(value.try_into().unwrap_or(u64::MAX))));
    }

    fn items<T: ToString>(&mut self, name: &'static str, items: impl IntoIterator<Item = T>) {
        self.fields.push((name, Value::List(list(items, LONG))));
    }

    fn body(&mut self, body: &Body<'_>) {
        match body {
            Body::ClientHello(m) => self.client_hello(m),
            Body::ServerHello(m) => self.server_hello(m),
            Body::HelloRetryRequest(m) => self.hello_retry_request(m),
            Body::EncryptedExtensions(m) => {
                self.alpn_chosen(m.alpn.map(|name| name.0));
                self.acknowledged(m.server_name);
                if m.early_data {
                    self.part("takes the early data");
                    self.text("early_data", "accepted");
                }
                if let Some(groups) = m.supported_groups {
                    self.part(format!("would like {} next time", joined(groups.iter(), SHORT)));
                    self.items("supported_groups", groups.iter());
                }
                if let Some(limit) = m.record_size_limit {
                    self.number("record_size_limit", limit);
                }
                if let Some(count) = m.ticket_request {
                    self.part(format!("will send {count} tickets"));
                    self.number("ticket_request", count);
                }
                self.extensions(&m.raw);
                if self.parts.is_empty() {
                    self.part("nothing to add");
                }
            }
            Body::Certificate13(m) => {
                self.text("certificate_request_context", hex::encode(m.context));
                self.chain(m.entries.iter().map(|entry| entry.cert_data));
                self.stapled(&m.entries);
            }
            Body::Certificate12(m) => self.chain(m.certificates.iter().map(|certificate| certificate.0)),
            Body::CertificateRequest13(m) => {
                let extensions = &m.extensions;
                self.part("the server requests a certificate");
                if let Some(schemes) = extensions.signature_algorithms {
                    self.part(format!("signed with {}", joined(schemes.iter(), 3)));
                    self.items("signature_algorithms", schemes.iter());
                }
                self.authorities(&extensions.certificate_authorities.unwrap_or_default());
                self.extensions(&extensions.raw);
            }
            Body::CertificateRequest12(m) => {
                self.part("the server requests a certificate");
                self.items("certificate_types", m.certificate_types.iter());
                self.items("signature_algorithms", m.signature_algorithms.iter());
                self.authorities(&m.certificate_authorities);
            }
            Body::CertificateVerify(m) => {
                self.part(format!("{}, {} B, over the transcript so far", m.scheme, m.signature.len()));
                self.part("proves the key of the certificate");
                self.text("scheme", m.scheme);
                self.text("signature", hex::encode(m.signature));
            }
            Body::Finished(m) => {
                self.part(format!("MAC of {} B over the transcript so far", m.verify_data.len()));
                self.text("verify_data", hex::encode(m.verify_data));
            }
            Body::ServerKeyExchange(m) => {
                let (group, public) = (m.params.group(), m.params.public());
                self.part(format!("share {group} {} B", public.len()));
                self.part(format!("signed with {}, {} B", m.scheme, m.signature.len()));
                self.text("group", group);
                self.text("public", hex::encode(public));
                self.text("scheme", m.scheme);
                self.text("signature", hex::encode(m.signature));
            }
            Body::ClientKeyExchange(m) => {
                self.part(match (m.ecdhe(), m.rsa()) {
                    (Ok(public), _) => format!("share {} B", public.len()),
                    (_, Ok(encrypted)) => format!("the pre-master secret, encrypted, {} B", encrypted.len()),
                    _ => format!("{} B", m.body.len()),
                });
                self.text("exchange_keys", hex::encode(m.body));
            }
            Body::CertificateStatus(m) => {
                self.part(format!("OCSP response, {} B", m.ocsp_response.len()));
                self.number("ocsp_response_length", m.ocsp_response.len());
            }
            Body::NewSessionTicket13(m) => {
                self.part(format!("a ticket of {} B, good for {} s", m.ticket.len(), m.ticket_lifetime));
                self.part(match m.extensions.early_data {
                    Some(most) => format!("with up to {most} B of early data"),
                    None => "without early data".to_owned(),
                });
                self.number("ticket_lifetime", m.ticket_lifetime);
                self.number("ticket_length", m.ticket.len());
                self.number("ticket_age_add", m.ticket_age_add);
                self.text("ticket_nonce", hex::encode(m.ticket_nonce));
                if let Some(most) = m.extensions.early_data {
                    self.number("max_early_data_size", most);
                }
            }
            Body::NewSessionTicket12(m) => {
                self.part(format!("a ticket of {} B, good for {} s", m.ticket.len(), m.ticket_lifetime_hint));
                self.number("ticket_lifetime_hint", m.ticket_lifetime_hint);
                self.number("ticket_length", m.ticket.len());
            }
            Body::KeyUpdate(m) => {
                self.part(if m.update_requested { "the other side shall do the same" } else { "one way" });
                self.text("update_requested", m.update_requested);
            }
            Body::EndOfEarlyData(_) => {
                self.part("no more early data comes: what follows is under the handshake's keys");
            }
            Body::ServerHelloDone(_) | Body::HelloRequest(_) => {}
        }
    }

    fn client_hello(&mut self, m: &ClientHello<'_>) {
        let extensions = &m.extensions;
        self.text("legacy_version", m.legacy_version);
        self.text("random", hex::encode(m.random));
        self.text("legacy_session_id", hex::encode(m.session_id));
        match extensions.supported_versions {
            Some(versions) => {
                self.part(joined(versions.iter(), SHORT));
                self.items("supported_versions", versions.iter());
            }
            None => self.part(m.legacy_version.to_string()),
        }
        // What means nothing (RFC 8701) is no first choice.
        let meant = || m.cipher_suites.iter().filter(|suite| !suite.is_grease());
        if let Some(first) = meant().next() {
            let n = meant().count();
            self.part(if n == 1 { first.to_string() } else { format!("{n} suites, {first} first") });
        }
        self.items("cipher_suites", m.cipher_suites.iter());
        self.items("legacy_compression_methods", m.compression_methods.iter());
        if let Some(groups) = extensions.supported_groups {
            self.items("supported_groups", groups.iter());
        }
        if let Some(shares) = extensions.key_share {
            let many = if shares.len() == 1 { "share" } else { "shares" };
            self.part(format!("{many} {}", joined(shares.iter().map(share), 4)));
            self.items("key_share", shares.iter().map(share));
        }
        if let Some(schemes) = extensions.signature_algorithms {
            self.items("signature_algorithms", schemes.iter());
        }
        match extensions.server_name {
            Some(name) => {
                self.part(format!("SNI {}", shown(name)));
                self.text("server_name", shown(name));
            }
            None => self.part("no SNI"),
        }
        if let Some(protocols) = extensions.alpn {
            let names = || protocols.iter().map(tell_alpn);
            self.part(format!("ALPN {}", joined(names(), 4)));
            self.items("alpn", names());
        }
        if let Some(cookie) = extensions.cookie {
            self.part(format!("cookie {} B", cookie.len()));
            self.number("cookie_length", cookie.len());
        }
        self.keys_offered(extensions);
        self.extensions(&extensions.raw);
    }

    /// What is resumed, or begun with a key that both have, if the server takes it.
    fn keys_offered(&mut self, extensions: &ClientExtensions<'_>) {
        match extensions.session_ticket {
            Some([]) => self.text("session_ticket", "none yet: one may be sent"),
            Some(ticket) => {
                self.part(format!("a ticket of TLS 1.2, {} B", ticket.len()));
                self.text("session_ticket", format!("{} B", ticket.len()));
            }
            None => {}
        }
        if let Some(modes) = extensions.psk_key_exchange_modes {
            self.items("psk_key_exchange_modes", modes.iter());
        }
        if let Some(offered) = extensions.pre_shared_key {
            let keys = count(offered.identities.len(), "pre-shared key");
            self.part(format!("{keys}, {}", joined(offered.identities.iter().map(psk_identity), 2)));
            self.items("pre_shared_key_identities", offered.identities.iter().map(psk_identity));
            self.items("pre_shared_key_binders", offered.binders.iter().map(|binder| hex::encode(binder.0)));
        }
        if extensions.early_data {
            self.part("early data follows");
            self.text("early_data", "offered");
        }
    }

    fn server_hello(&mut self, m: &ServerHello<'_>) {
        let extensions = &m.extensions;
        self.text("legacy_version", m.legacy_version);
        self.text("random", hex::encode(m.random));
        self.text("legacy_session_id_echo", hex::encode(m.session_id));
        let version = extensions.supported_versions.unwrap_or(m.legacy_version);
        self.text("version", version);
        self.part(version.to_string());
        self.text("cipher_suite", m.cipher_suite);
        self.part(m.cipher_suite.to_string());
        if let Some(key) = extensions.key_share {
            self.part(format!("share {}", share(key)));
            self.text("key_share", share(key));
            self.text("key_exchange", hex::encode(key.key_exchange));
        }
        self.alpn_chosen(extensions.alpn.map(|name| name.0));
        self.acknowledged(extensions.server_name);
        if extensions.extended_master_secret {
            self.part("extended master secret");
        }
        if let Some(selected) = extensions.pre_shared_key {
            let place = u32::from(selected).saturating_add(1);
            self.part(format!("takes pre-shared key {place} of those offered"));
            self.number("pre_shared_key_selected_identity", selected);
        }
        if extensions.session_ticket {
            self.part("will send a ticket");
            self.text("session_ticket", "one will be sent");
        }
        self.extensions(&extensions.raw);
    }

    fn hello_retry_request(&mut self, m: &HelloRetryRequest<'_>) {
        let extensions = &m.extensions;
        self.part("asks for another ClientHello");
        if let Some(version) = extensions.supported_versions {
            self.text("version", version);
        }
        self.text("cipher_suite", m.cipher_suite);
        if let Some(group) = extensions.key_share {
            self.part(format!("with a share of {group}"));
            self.text("key_share", group);
        }
        if let Some(cookie) = extensions.cookie {
            self.part(format!("with this cookie of {} B", cookie.len()));
            self.number("cookie_length", cookie.len());
        }
        self.extensions(&extensions.raw);
    }

    fn alpn_chosen(&mut self, name: Option<&[u8]>) {
        if let Some(name) = name {
            self.part(format!("ALPN {}", shown(name)));
            self.text("alpn", shown(name));
        }
    }

    fn authorities(&mut self, names: &List<'_, DistinguishedName<'_>>) {
        if !names.is_empty() {
            let names = authorities(names);
            self.part(format!("issued by {}", joined(&names, 3)));
            self.items("certificate_authorities", names);
        }
    }

    fn acknowledged(&mut self, server_name: bool) {
        if server_name {
            self.part("SNI was of use");
        }
    }

    fn chain<'a>(&mut self, chain: impl Iterator<Item = &'a [u8]> + Clone) {
        self.part(match chain.clone().count() {
            0 => "none: this side has no certificate that fits".to_owned(),
            n => count(n, "certificate"),
        });
        for der in chain.clone().take(3) {
            self.part(certificate(der));
        }
        self.items("certificates", chain.map(certificate));
    }

    fn stapled(&mut self, entries: &List<'_, CertificateEntry<'_>>) {
        let Some(leaf) = entries.first() else { return };
        if let Some(status) = leaf.extensions.status_request {
            self.part(format!("OCSP response {} B", status.ocsp_response.len()));
            self.number("ocsp_response_length", status.ocsp_response.len());
        }
        if let Some(timestamps) = leaf.extensions.signed_certificate_timestamp {
            self.number("signed_certificate_timestamps_length", timestamps.len());
        }
    }

    fn extensions(&mut self, raw: &RawExtensions<'_>) {
        let told = |each: ExtensionType, len: usize| format!("{each} {len} B");
        self.items("extensions", raw.iter().map(|each| told(each.extension_type, each.extension_data.len())));
    }
}

/// An application protocol's name.
pub(crate) fn tell_alpn(name: ProtocolName<'_>) -> String {
    match name.0 {
        // RFC 8701 section 2.
        [high, low] if high == low && low & 0x0f == 0x0a => format!("GREASE 0x{}", hex::encode(name.0)),
        name => shown(name),
    }
}

/// A ticket, or a name that was agreed on: the one has an age, the other none (RFC 9846
/// section 4.3.11).
fn psk_identity(psk: PskIdentity<'_>) -> String {
    match psk.obfuscated_ticket_age {
        0 => format!("external, {}", shown(psk.identity)),
        age => format!("a ticket of {} B, its age in ms plus ticket_age_add {age}", psk.identity.len()),
    }
}

fn share(entry: KeyShareEntry<'_>) -> String {
    format!("{} {} B", entry.group, entry.key_exchange.len())
}

/// The names of the authorities that a server accepts.
pub(crate) fn authorities(names: &List<'_, DistinguishedName<'_>>) -> Vec<String> {
    list(names.iter().map(|name| distinguished_name(name.0)), LONG)
}

/// Whose it is, as far as that can be read.
fn certificate(der: &[u8]) -> String {
    match Certificate::read(&CertificateDer::from(der)) {
        Ok(read) => clean(&format!("{} ({}, {} B)", read.subject(), read.public_key(), der.len())),
        Err(malformed) => format!("{malformed} ({} B)", der.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a length of two bytes before it.
    fn vector(inside: &[u8]) -> Vec<u8> {
        [&(inside.len() as u16).to_be_bytes(), inside].concat()
    }

    /// A ClientHello whose suites, groups, shares, versions, schemes, application
    /// protocols and extensions begin with a value of RFC 8701, as browsers' do.
    fn greased() -> Vec<u8> {
        let share = [&b"\x2a\x2a"[..], &vector(&[0]), b"\0\x1d", &vector(&[9; 32])].concat();
        let extensions: Vec<u8> = [
            (0x3a3a_u16, vec![]),
            (10, vector(b"\x2a\x2a\0\x1d")),
            (13, vector(b"\x5a\x5a\x04\x03")),
            (16, vector(b"\x02\xca\xca\x02h2")),
            (43, b"\x04\x0a\x0a\x03\x04".to_vec()),
            (51, vector(&share)),
        ]
        .iter()
        .flat_map(|(kind, inside)| [&kind.to_be_bytes()[..], &vector(inside)].concat())
        .collect();
        let suites = vector(b"\x1a\x1a\x13\x01");
        let hello = [&b"\x03\x03"[..], &[7; 32], &[0], &suites, &[1, 0], &vector(&extensions)].concat();
        [&[1, 0][..], &vector(&hello)].concat()
    }

    #[test]
    fn values_that_mean_nothing_have_a_name_and_are_no_first_choice() {
        let told = tell(&greased(), Form::Tls13);
        let of = |name: &str| told.fields.iter().find(|(field, _)| *field == name).unwrap().1.to_string();
        assert_eq!(of("cipher_suites"), "GREASE 0x1a1a, TLS_AES_128_GCM_SHA256");
        assert_eq!(of("supported_groups"), "GREASE 0x2a2a, x25519");
        assert_eq!(of("key_share"), "GREASE 0x2a2a 1 B, x25519 32 B");
        assert_eq!(of("supported_versions"), "GREASE 0x0a0a, TLS 1.3");
        assert_eq!(of("signature_algorithms"), "GREASE 0x5a5a, ecdsa_secp256r1_sha256");
        assert_eq!(of("alpn"), "GREASE 0xcaca, h2");
        assert!(of("extensions").starts_with("GREASE 0x3a3a 0 B, "));
        assert!(told.summary.contains(" | TLS_AES_128_GCM_SHA256 | "), "{}", told.summary);
    }

    /// What the message says on its line, and in its fields.
    fn told(kind: u8, body: &[u8]) -> (String, Vec<(&'static str, String)>) {
        let message = [&[kind, 0][..], &vector(body)].concat();
        let told = tell(&message, Form::Tls13);
        (told.summary, told.fields.iter().map(|(name, value)| (*name, value.to_string())).collect())
    }

    #[test]
    fn keys_that_are_offered_and_taken_are_told() {
        let identities = [&vector(b"a ticket")[..], &[0, 0, 0, 9], &vector(b"a name"), &[0; 4]].concat();
        let binders = [[32].as_slice(), &[7; 32], &[32], &[8; 32]].concat();
        let keys = [vector(&identities), vector(&binders)].concat();
        let extensions: Vec<u8> =
            [(42_u16, vec![]), (45, vec![2, 1, 0]), (43, b"\x02\x03\x04".to_vec()), (41, keys)]
                .iter()
                .flat_map(|(kind, inside)| [&kind.to_be_bytes()[..], &vector(inside)].concat())
                .collect();
        let suites = vector(b"\x13\x01");
        let hello = [&b"\x03\x03"[..], &[7; 32], &[0], &suites, &[1, 0], &vector(&extensions)].concat();
        let (line, fields) = told(1, &hello);
        let both = "a ticket of 8 B, its age in ms plus ticket_age_add 9, external, a name";
        assert!(line.ends_with(&format!(" | 2 pre-shared keys, {both} | early data follows")), "{line}");
        let of = |name: &str| fields.iter().find(|(field, _)| *field == name).unwrap().1.clone();
        assert_eq!(of("psk_key_exchange_modes"), "psk_dhe_ke, psk_ke");
        assert_eq!(of("pre_shared_key_identities"), both);
        assert_eq!(of("pre_shared_key_binders"), format!("{}, {}", "07".repeat(32), "08".repeat(32)));

        let chosen = [&b"\0\x2b\0\x02\x03\x04"[..], b"\0\x29\0\x02\0\x01"].concat();
        let hello = [&b"\x03\x03"[..], &[7; 32], &[0], b"\x13\x01\0", &vector(&chosen)].concat();
        assert!(told(2, &hello).0.ends_with(" | takes pre-shared key 2 of those offered"));
        assert_eq!(told(8, b"\0\x04\0\x2a\0\0").0, "takes the early data");
        let ticket = |extensions: &[u8]| [&[0, 0, 0, 60, 0, 0, 0, 5, 0, 0, 1, 9][..], extensions].concat();
        assert_eq!(told(4, &ticket(&[0, 0])).0, "a ticket of 1 B, good for 60 s | without early data");
        let early = told(4, &ticket(&[0, 8, 0, 42, 0, 4, 0, 0, 1, 0]));
        assert_eq!(early.0, "a ticket of 1 B, good for 60 s | with up to 256 B of early data");
        assert!(told(5, &[]).0.starts_with("no more early data comes"));
    }

    #[test]
    fn a_malformed_message_is_told_without_panic() {
        for bytes in [&[][..], &[1], &[1, 0, 0, 9, 1], &[99, 0, 0, 0]] {
            assert!(tell(bytes, Form::Tls13).summary.starts_with("type "));
        }
    }
}
