//! What nobody may find: the secrets that an observer hears, what follows from
//! them (RFC 9846 section 7), and data.

use freed_blocks::aside;
use handfast::limits;
use handfast::observe::{Observed, Observer};
use ring::{digest, hmac};
use std::sync::Mutex;

/// What both sides send each other.
pub(crate) const DATA: &[u8] = b"what they had to say to each other, and to nobody else";

/// Hears the secrets of all connections of a run.
#[derive(Default)]
pub(crate) struct Needles(Mutex<Vec<(String, Vec<u8>)>>);

impl Needles {
    /// A secret that no observer hears.
    pub(crate) fn add(&self, name: &str, secret: &[u8]) {
        aside(|| self.0.lock().unwrap().push((name.to_owned(), secret.to_vec())));
    }

    /// All that was heard, and what follows from it.
    pub(crate) fn all(&self) -> Vec<(String, Vec<u8>)> {
        let heard = self.0.lock().unwrap();
        let mut all = vec![("application data".to_owned(), DATA.to_vec())];
        for (name, secret) in heard.iter() {
            let mut derived = |label: &str, context: &[u8], len: usize| {
                let derived = expand_label(secret, label, context, len);
                all.push((format!("{name}: {label}"), derived.clone()));
                derived
            };
            if name.contains("traffic_secret") {
                derived("key", b"", 16);
                derived("key", b"", 32);
                derived("iv", b"", 12);
                derived("finished", b"", secret.len());
            }
            if name == "resumption_master_secret" {
                (0..limits::TICKETS_KEPT)
                    .for_each(|nonce| drop(derived("resumption", &[nonce], secret.len())));
            }
            if name == "early_secret" {
                let binder_key = derived("res binder", hash(secret.len(), b"").as_ref(), secret.len());
                all.push((
                    "binder's finished key".to_owned(),
                    expand_label(&binder_key, "finished", b"", secret.len()),
                ));
            }
        }
        all.extend(heard.iter().cloned());
        all.retain(|(_, secret)| secret.len() >= 8); // the salts of TLS 1.2 have four
        all
    }
}

impl Observer for Needles {
    fn observe(&self, event: &Observed<'_>) {
        match event {
            // The same in every handshake, and no secret.
            Observed::Secret { name: "early_secret", from: "zeros: there is no pre-shared key", .. } => {}
            Observed::Secret { name, secret, .. } => self.add(name, secret),
            _ => {}
        }
    }
}

/// HKDF-Expand-Label (RFC 9846 section 7.1), for at most one block.
fn expand_label(secret: &[u8], label: &str, context: &[u8], len: usize) -> Vec<u8> {
    let algorithm = if secret.len() == 48 { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 };
    let label = [b"tls13 ", label.as_bytes()].concat();
    let info = [
        &(len as u16).to_be_bytes()[..],
        &[label.len() as u8],
        &label,
        &[context.len() as u8],
        context,
        &[1],
    ];
    hmac::sign(&hmac::Key::new(algorithm, secret), &info.concat()).as_ref()[..len].to_vec()
}

/// The hash whose output is so long.
fn hash(len: usize, bytes: &[u8]) -> digest::Digest {
    digest::digest(if len == 48 { &digest::SHA384 } else { &digest::SHA256 }, bytes)
}
