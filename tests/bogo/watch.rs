//! An observer that keeps what some tests look at and `ConnectionInfo` does not
//! have: messages as they went over the wire, and secrets.

use handfast::observe::{Direction, Observed, Observer};
use handfast::wire::{Body, CipherSuite, Form, Message};
use std::sync::{Mutex, PoisonError};

/// What was seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// The application protocols of the ClientHello that came in, as on the wire.
    pub(crate) advertised_alpn: Vec<u8>,
    /// The signature schemes of the peer's ClientHello or CertificateRequest.
    pub(crate) peer_schemes: Vec<u16>,
    /// The authorities of the CertificateRequest that came in.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// The certificate types of TLS 1.2's CertificateRequest.
    pub(crate) certificate_types: Vec<u8>,
    /// The peer's hello spoke of RFC 5746.
    pub(crate) renegotiation_info: bool,
    /// The first certificate of the Certificate that went out.
    pub(crate) own_leaf: Vec<u8>,
    /// Whether the newest ticket that came in allows early data.
    pub(crate) ticket_allows_early_data: Option<bool>,
    /// The newest message that came in.
    pub(crate) last: u8,
    /// Application traffic secrets, the newest of each name last.
    pub(crate) secrets: Vec<(&'static str, Vec<u8>)>,
}

/// Shared with the connection that it watches.
#[derive(Default)]
pub(crate) struct Watch(Mutex<Seen>);

impl Watch {
    pub(crate) fn seen<R>(&self, look: impl FnOnce(&mut Seen) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Watch {
    fn observe(&self, event: &Observed<'_>) {
        match event {
            Observed::Secret { name, secret, .. } => {
                self.seen(|seen| seen.secrets.push((*name, secret.to_vec())));
            }
            Observed::Message { direction, bytes, .. } => {
                if *direction == Direction::In {
                    self.seen(|seen| seen.last = bytes.first().copied().unwrap_or_default());
                }
                for form in [Form::Tls13, Form::Tls12] {
                    if let Ok(message) = Message::decode(bytes, form) {
                        self.seen(|seen| message_went(seen, *direction, &message.body));
                    }
                }
            }
            _ => {}
        }
    }
}

fn message_went(seen: &mut Seen, direction: Direction, body: &Body<'_>) {
    match (direction, body) {
        (Direction::In, Body::ClientHello(m)) => {
            let names = m.extensions.alpn.iter().flat_map(|list| list.iter());
            seen.renegotiation_info = m.extensions.renegotiation_info.is_some()
                || m.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
            let encode = |name: &[u8]| [&[name.len() as u8], name].concat();
            seen.advertised_alpn = names.flat_map(|name| encode(name.0)).collect();
            seen.peer_schemes =
                m.extensions.signature_algorithms.iter().flat_map(|list| list.iter()).map(|s| s.0).collect();
        }
        (Direction::In, Body::ServerHello(m)) => {
            seen.renegotiation_info = m.extensions.renegotiation_info.is_some();
        }
        (Direction::In, Body::NewSessionTicket13(m)) => {
            seen.ticket_allows_early_data = Some(m.extensions.early_data.is_some_and(|most| most > 0));
        }
        (Direction::In, Body::CertificateRequest13(m)) => {
            let names = m.extensions.certificate_authorities.iter().flat_map(|list| list.iter());
            seen.authorities = names.map(|name| name.0.to_vec()).collect();
            seen.peer_schemes =
                m.extensions.signature_algorithms.iter().flat_map(|list| list.iter()).map(|s| s.0).collect();
        }
        (Direction::In, Body::CertificateRequest12(m)) => {
            seen.authorities = m.certificate_authorities.iter().map(|name| name.0.to_vec()).collect();
            seen.certificate_types = m.certificate_types.iter().map(|kind| kind.0).collect();
            seen.peer_schemes = m.signature_algorithms.iter().map(|s| s.0).collect();
        }
        (Direction::Out, Body::Certificate13(m)) => {
            seen.own_leaf = m.entries.iter().next().map(|entry| entry.cert_data.to_vec()).unwrap_or_default();
        }
        (Direction::Out, Body::Certificate12(m)) => {
            seen.own_leaf = m.certificates.iter().next().map(|c| c.0.to_vec()).unwrap_or_default();
        }
        _ => {}
    }
}
