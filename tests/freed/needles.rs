//! What nobody may find: the secrets that an observer hears, what follows from
//! them (RFC 9846 section 7), and data.

use freed_blocks::aside;
use handfast::limits;
use handfast::observe::{Observed, Observer};
use ring::{digest, hmac};
use std::sync::Mutex;

/// What both sides send each other.
pub(crate) const DATA: &[u8] = b"what they had to say to each other, and to nobody else";

/// What a client says before it knows who listens.
pub(crate) const EARLY: &[u8] = b"what can be said a second time, by anybody who heard it";

/// The label under which keys are exported.
pub(crate) const EXPORTED: &str = "EXPORTER-of-a-test";

/// Hears the secrets of all connections of a run.
#[derive(Default)]
pub(crate) struct Needles(Mutex<Vec<(String, Vec<u8>)>>);

impl Needles {
    /// A secret that no observer hears.
    pub(crate) fn add(&self, name: &str, secret: &[u8]) {
        aside(|| self.0.lock().unwrap().push((name.to_owned(), secret.to_vec())));
    }

    /// A key from outside of TLS, of SHA-256, and what it is made into when it is imported
    /// with this context (RFC 9258 section 5.1).
    pub(crate) fn add_pre_shared(&self, identity: &[u8], secret: &[u8], context: &[u8]) {
        self.add("a pre-shared key", secret);
        // The early secret of the key as it is, too.
        let epskx = extract(32, secret);
        self.add("epskx", &epskx);
        for (kdf, len) in [(1, 32), (2, 48)] {
            let vector = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
            let imported = [&vector(identity), &vector(context), &[3, 4, 0, kdf][..]].concat();
            let ipskx = expand_label(&epskx, "derived psk", hash(32, &imported).as_ref(), len);
            self.add("ipskx", &ipskx);
            self.add("the early secret of ipskx", &extract(len, &ipskx));
        }
    }

    /// All that was heard, and what follows from it.
    pub(crate) fn all(&self) -> Vec<(String, Vec<u8>)> {
        let heard = self.0.lock().unwrap();
        let mut all =
            vec![("application data".to_owned(), DATA.to_vec()), ("early data".to_owned(), EARLY.to_vec())];
        let mut deeper = Vec::new();
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
            if name.ends_with("exporter_master_secret") {
                derived(EXPORTED, hash(secret.len(), b"").as_ref(), secret.len());
            }
            if name == "resumption_master_secret" {
                (0..limits::TICKETS_KEPT)
                    .for_each(|nonce| drop(derived("resumption", &[nonce], secret.len())));
            }
            if name == "early_secret" {
                for label in ["res binder", "ext binder", "imp binder"] {
                    let binder_key = derived(label, hash(secret.len(), b"").as_ref(), secret.len());
                    deeper.push((
                        format!("{label}: finished key"),
                        expand_label(&binder_key, "finished", b"", secret.len()),
                    ));
                }
            }
        }
        all.extend(heard.iter().cloned().chain(deeper));
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

/// HKDF-Extract without a salt (RFC 9846 section 7.1), of the hash whose output is so long.
fn extract(len: usize, key: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm(len), &vec![0; len]), key).as_ref().to_vec()
}

/// HKDF-Expand-Label (RFC 9846 section 7.1); `secret` is as long as the output of its hash.
fn expand_label(secret: &[u8], label: &str, context: &[u8], len: usize) -> Vec<u8> {
    let key = hmac::Key::new(algorithm(secret.len()), secret);
    let label = [b"tls13 ", label.as_bytes()].concat();
    let info =
        [&(len as u16).to_be_bytes()[..], &[label.len() as u8], &label, &[context.len() as u8], context]
            .concat();
    let (mut out, mut block) = (Vec::new(), Vec::new());
    for number in 1.. {
        if out.len() >= len {
            break;
        }
        block = hmac::sign(&key, &[&block[..], &info, &[number]].concat()).as_ref().to_vec();
        out.extend_from_slice(&block);
    }
    out.truncate(len);
    out
}

fn algorithm(len: usize) -> hmac::Algorithm {
    if len == 48 { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 }
}

/// The hash whose output is so long.
fn hash(len: usize, bytes: &[u8]) -> digest::Digest {
    digest::digest(if len == 48 { &digest::SHA384 } else { &digest::SHA256 }, bytes)
}
