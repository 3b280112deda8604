//! The key schedule of TLS 1.3 (RFC 9846 section 7.1): its figure, each secret
//! made only from the one above it, whose place in memory it takes.
//!
//! ```text
//!              0
//!              |
//!    PSK -> HKDF-Extract = EarlySecret
//!              +--> "ext binder" | "res binder"   binder
//!              +--> "c e traffic"                 client_early_traffic
//!              +--> "e exp master"                early_exporter
//!              v    "derived"
//!  (EC)DHE -> HKDF-Extract = HandshakeSecret
//!              +--> "c hs traffic"                client_traffic, and its keys
//!              +--> "s hs traffic"                server_traffic
//!              v    "derived"
//!      0 -> HKDF-Extract = MasterSecret
//!              +--> "c ap traffic"                client_traffic
//!              +--> "s ap traffic"                server_traffic
//!              +--> "exp master"                  exporter
//!              +--> "res master"                  resumption
//! ```

use super::{Entry, Side, record};
use crate::crypto::Failed;
use crate::crypto::aead::Protection;
use crate::crypto::agree::SharedSecret;
use crate::crypto::kdf::{self, Digest, Expander};
use crate::crypto::secret::{Secret, lend_inside};
use crate::crypto::suite::{Hash, Suite};
use crate::observe::Tap;

pub(crate) mod psk;

/// "0" in the figure: Hash.length bytes set to zero.
const ZEROS: [u8; 48] = [0; 48];

fn zeros(hash: Hash) -> &'static [u8] {
    &ZEROS[..hash.len()]
}

/// Derive-Secret(Secret, Label, Messages), the messages being hashed already:
/// lent to `then`.
pub(super) fn derive_secret<R>(
    hash: Hash,
    secret: &[u8],
    label: &str,
    messages: &[u8],
    then: impl FnOnce(&[u8]) -> R,
) -> R {
    Expander::new(hash, secret).lend(label, messages, then)
}

/// HKDF-Extract(Derive-Secret(Secret, "derived", ""), IKM): the next secret of the
/// figure, which takes the place of its parent ([`Secret::advance`]).
fn extract_next(hash: Hash, secret: &Expander, ikm: &[u8], next: &mut [u8]) {
    let derived = |salt: &mut [u8]| secret.expand_label("derived", kdf::hash_of_nothing(hash), salt);
    lend_inside(hash.len(), derived, |salt| kdf::hkdf_extract(hash, salt, ikm, next));
}

/// Early Secret.
pub(crate) struct EarlySecret {
    suite: &'static Suite,
    secret: Secret,
    /// What follows from it, where it is known beforehand.
    derived: Option<&'static [u8]>,
}

impl EarlySecret {
    /// The suite is that of the PSK; without one, the one that was chosen.
    pub(crate) fn new(suite: &'static Suite, psk: Option<&[u8]>, tap: &Tap) -> Self {
        let hash = suite.hash;
        let [known, derived] = without_psk(hash);
        let secret = Secret::new(hash.len(), |early| match psk {
            Some(psk) => kdf::hkdf_extract(hash, zeros(hash), psk, early),
            None => early.copy_from_slice(known),
        });
        let from = if psk.is_some() { "the pre-shared key" } else { "zeros: there is no pre-shared key" };
        record(tap, ("early_secret", None, from), secret.as_bytes());
        Self { suite, secret, derived: psk.is_none().then_some(derived) }
    }

    /// Adds what the key agreement gave.
    pub(crate) fn handshake(self, shared: &SharedSecret, tap: &Tap) -> HandshakeSecret {
        let Self { suite, mut secret, derived } = self;
        secret.advance(|early, handshake| match derived {
            Some(salt) => kdf::hkdf_extract(suite.hash, salt, shared.as_bytes(), handshake),
            None => extract_next(suite.hash, &Expander::new(suite.hash, early), shared.as_bytes(), handshake),
        });
        let entry = ("handshake_secret", None, "early_secret and the key agreement");
        record(tap, entry, secret.as_bytes());
        HandshakeSecret { suite, expander: Expander::new(suite.hash, secret.as_bytes()), secret }
    }
}

/// HKDF-Extract(0, 0) and Derive-Secret(that, "derived", ""): without a
/// pre-shared key these are the same in every handshake, and no secret.
fn without_psk(hash: Hash) -> [&'static [u8]; 2] {
    match hash {
        Hash::Sha256 => EARLY_SHA256.each_ref().map(|constant| &constant[..]),
        Hash::Sha384 => EARLY_SHA384.each_ref().map(|constant| &constant[..]),
    }
}

#[rustfmt::skip]
const EARLY_SHA256: [[u8; 32]; 2] = [
    [
        0x33, 0xad, 0x0a, 0x1c, 0x60, 0x7e, 0xc0, 0x3b, 0x09, 0xe6, 0xcd, 0x98, 0x93, 0x68, 0x0c, 0xe2,
        0x10, 0xad, 0xf3, 0x00, 0xaa, 0x1f, 0x26, 0x60, 0xe1, 0xb2, 0x2e, 0x10, 0xf1, 0x70, 0xf9, 0x2a,
    ],
    [
        0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5, 0x67, 0x8f, 0x54, 0xfc, 0x9d, 0xba, 0xb6, 0x97,
        0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48, 0x25, 0x0c, 0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba,
    ],
];

#[rustfmt::skip]
const EARLY_SHA384: [[u8; 48]; 2] = [
    [
        0x7e, 0xe8, 0x20, 0x6f, 0x55, 0x70, 0x02, 0x3e, 0x6d, 0xc7, 0x51, 0x9e, 0xb1, 0x07, 0x3b, 0xc4,
        0xe7, 0x91, 0xad, 0x37, 0xb5, 0xc3, 0x82, 0xaa, 0x10, 0xba, 0x18, 0xe2, 0x35, 0x7e, 0x71, 0x69,
        0x71, 0xf9, 0x36, 0x2f, 0x2c, 0x2f, 0xe2, 0xa7, 0x6b, 0xfd, 0x78, 0xdf, 0xec, 0x4e, 0xa9, 0xb5,
    ],
    [
        0x15, 0x91, 0xda, 0xc5, 0xcb, 0xbf, 0x03, 0x30, 0xa4, 0xa8, 0x4d, 0xe9, 0xc7, 0x53, 0x33, 0x0e,
        0x92, 0xd0, 0x1f, 0x0a, 0x88, 0x21, 0x4b, 0x44, 0x64, 0x97, 0x2f, 0xd6, 0x68, 0x04, 0x9e, 0x93,
        0xe5, 0x2f, 0x2b, 0x16, 0xfa, 0xd9, 0x22, 0xfd, 0xc0, 0x58, 0x44, 0x78, 0x42, 0x8f, 0x28, 0x2b,
    ],
];

/// Handshake Secret, made ready for what is derived from it.
pub(crate) struct HandshakeSecret {
    suite: &'static Suite,
    secret: Secret,
    expander: Expander,
}

impl HandshakeSecret {
    /// client_handshake_traffic_secret; the transcript is ClientHello...ServerHello.
    pub(crate) fn client_traffic(&self, transcript: &Digest, tap: &Tap) -> Protection {
        let entry = (
            "client_handshake_traffic_secret",
            Some("CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
            "handshake_secret and ClientHello...ServerHello",
        );
        traffic(self.suite, &self.expander, "c hs traffic", transcript, entry, tap)
    }

    /// server_handshake_traffic_secret; the transcript is ClientHello...ServerHello.
    pub(crate) fn server_traffic(&self, transcript: &Digest, tap: &Tap) -> Protection {
        let entry = (
            "server_handshake_traffic_secret",
            Some("SERVER_HANDSHAKE_TRAFFIC_SECRET"),
            "handshake_secret and ClientHello...ServerHello",
        );
        traffic(self.suite, &self.expander, "s hs traffic", transcript, entry, tap)
    }

    /// Goes on to the secret of application data.
    pub(crate) fn master(self, tap: &Tap) -> MasterSecret {
        let Self { suite, mut secret, expander } = self;
        secret.advance(|_, master| extract_next(suite.hash, &expander, zeros(suite.hash), master));
        record(tap, ("master_secret", None, "handshake_secret"), secret.as_bytes());
        MasterSecret { suite, secret }
    }
}

/// Master Secret.
pub(crate) struct MasterSecret {
    suite: &'static Suite,
    secret: Secret,
}

impl MasterSecret {
    /// Makes it ready for what is derived from it and a transcript, which is
    /// ClientHello...server Finished.
    pub(crate) fn at<'a>(&self, transcript: &'a Digest, tap: &'a Tap) -> AtServerFinished<'a> {
        let expander = Expander::new(self.suite.hash, self.secret.as_bytes());
        AtServerFinished { suite: self.suite, expander, transcript, tap }
    }

    /// exporter_master_secret; it takes the place of the master secret, unless that
    /// `goes_on`.
    pub(crate) fn exporter(self, at: &AtServerFinished<'_>, goes_on: bool) -> (ExporterSecret, Option<Self>) {
        let Self { suite, mut secret } = self;
        let derive = |out: &mut [u8]| at.expander.expand_label("exp master", at.transcript.as_bytes(), out);
        let (exporter, master) = match goes_on {
            true => (Secret::new(suite.hash.len(), derive), Some(Self { suite, secret })),
            false => {
                secret.advance(|_, exporter| derive(exporter));
                (secret, None)
            }
        };
        let entry = (
            "exporter_master_secret",
            Some("EXPORTER_SECRET"),
            "master_secret and ClientHello...server Finished",
        );
        record(at.tap, entry, exporter.as_bytes());
        (ExporterSecret { hash: suite.hash, secret: exporter }, master)
    }
}

/// What the master secret gives behind the server's Finished.
pub(crate) struct AtServerFinished<'a> {
    suite: &'static Suite,
    expander: Expander,
    transcript: &'a Digest,
    tap: &'a Tap,
}

impl AtServerFinished<'_> {
    /// client_application_traffic_secret_0
    pub(crate) fn client_traffic(&self) -> Protection {
        let entry = (
            "client_application_traffic_secret_0",
            Some("CLIENT_TRAFFIC_SECRET_0"),
            "master_secret and ClientHello...server Finished",
        );
        traffic(self.suite, &self.expander, "c ap traffic", self.transcript, entry, self.tap)
    }

    /// server_application_traffic_secret_0
    pub(crate) fn server_traffic(&self) -> Protection {
        let entry = (
            "server_application_traffic_secret_0",
            Some("SERVER_TRAFFIC_SECRET_0"),
            "master_secret and ClientHello...server Finished",
        );
        traffic(self.suite, &self.expander, "s ap traffic", self.transcript, entry, self.tap)
    }
}

/// A traffic secret, in the protection that it makes: keys for one direction,
/// a Finished in it, and the secret that follows.
fn traffic(
    suite: &'static Suite,
    from: &Expander,
    label: &str,
    transcript: &Digest,
    entry: Entry,
    tap: &Tap,
) -> Protection {
    from.lend(label, transcript.as_bytes(), |secret| {
        record(tap, entry, secret);
        Protection::tls13(suite, secret)
    })
}

/// verify_data under the traffic secret of a protection (RFC 9846 section
/// 4.5.3); fails for keys of TLS 1.2, whose Finished is made otherwise.
pub(crate) fn verify_data(of: &Protection, transcript: &Digest) -> Result<Digest, Failed> {
    Ok(finished(of.suite().hash, of.traffic_secret().ok_or(Failed)?, transcript))
}

/// application_traffic_secret_N+1 and its keys, for a KeyUpdate (RFC 9846
/// section 7.2); fails for keys of TLS 1.2, which has no KeyUpdate.
pub(crate) fn next_generation(of: &Protection, sender: Side, tap: &Tap) -> Result<Protection, Failed> {
    let suite = of.suite();
    let current = of.traffic_secret().ok_or(Failed)?;
    let name = match sender {
        Side::Client => "client_application_traffic_secret_N+1",
        Side::Server => "server_application_traffic_secret_N+1",
    };
    Ok(Expander::new(suite.hash, current).lend("traffic upd", b"", |next| {
        record(tap, (name, None, "the application traffic secret before it"), next);
        Protection::tls13(suite, next)
    }))
}

/// exporter_master_secret or its early form (RFC 9846 section 7.5).
pub(crate) struct ExporterSecret {
    hash: Hash,
    secret: Secret,
}

impl ExporterSecret {
    /// TLS-Exporter(label, context_value, key_length); fails for a label of no
    /// or more than 249 bytes, and for more than 255 times the hash.
    pub(crate) fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), Failed> {
        let hash = self.hash;
        if !(1..=kdf::LABEL_MAX).contains(&label.len()) || out.len() > 255 * hash.len() {
            return Err(Failed);
        }
        let (empty, context) = (kdf::hash_of_nothing(hash), kdf::hash(hash, context));
        derive_secret(hash, self.secret.as_bytes(), label, empty, |secret| {
            kdf::hkdf_expand_label(hash, secret, "exporter", context.as_bytes(), out);
        });
        Ok(())
    }
}

/// HMAC(finished_key, transcript), the key being made from a traffic secret or
/// a binder_key (RFC 9846 section 4.5.3).
fn finished(hash: Hash, base: &[u8], transcript: &Digest) -> Digest {
    let keyed = |finished_key: &[u8]| kdf::hmac(hash, finished_key, &[transcript.as_bytes()]);
    Expander::new(hash, base).lend("finished", b"", keyed)
}

#[cfg(test)]
mod tests {
    use super::psk::PskKind;
    use super::*;
    use crate::crypto::suite::{TLS12, TLS13};
    use crate::schedule::heard::Heard;

    fn shared() -> SharedSecret {
        SharedSecret::new(&[&[5; 32]]).unwrap()
    }

    fn digest(suite: &Suite, bytes: &[u8]) -> Digest {
        kdf::hash(suite.hash, bytes)
    }

    #[test]
    fn what_is_known_beforehand_is_what_would_be_computed() {
        for hash in [Hash::Sha256, Hash::Sha384] {
            let mut early = vec![0; hash.len()];
            kdf::hkdf_extract(hash, zeros(hash), zeros(hash), &mut early);
            let empty = kdf::hash(hash, b"");
            let derived = derive_secret(hash, &early, "derived", empty.as_bytes(), <[u8]>::to_vec);
            assert_eq!(without_psk(hash), [&early[..], &derived]);
        }
    }

    #[test]
    fn every_secret_has_the_length_of_the_hash() {
        for suite in &TLS13 {
            let (tap, heard) = Heard::tap([3; 32]);
            let transcript = digest(suite, b"messages");
            let early = EarlySecret::new(suite, None, &tap);
            let handshake = early.handshake(&shared(), &tap);
            let finished = verify_data(&handshake.client_traffic(&transcript, &tap), &transcript).unwrap();
            assert_eq!(finished.as_bytes().len(), suite.hash.len());
            let master = handshake.master(&tap);
            let at = master.at(&transcript, &tap);
            let (exporter, master) = master.exporter(&at, true);
            let same = heard.secret("exporter_master_secret");
            assert_eq!(exporter.secret.as_bytes(), same);
            let psk = master.unwrap().resumption(&transcript, &tap).psk(&[0, 1]);
            assert_eq!(psk.as_bytes().len(), suite.hash.len());
            for name in ["early_secret", "handshake_secret", "master_secret", "exporter_master_secret"] {
                assert_eq!(heard.secret(name).len(), suite.hash.len());
            }
        }
    }

    #[test]
    fn both_sides_protect_alike_also_after_key_updates() {
        for suite in &TLS13 {
            let (tap, heard) = Heard::tap([3; 32]);
            let transcript = digest(suite, b"messages");
            let traffic = || {
                let early = EarlySecret::new(suite, None, &tap);
                let master = early.handshake(&shared(), &tap).master(&tap);
                master.at(&transcript, &tap).client_traffic()
            };
            let (mut write, mut read) = (traffic(), traffic());
            let mut before = Vec::new();
            for _ in 0..3 {
                let mut record = b"payload".to_vec();
                let sealed = write.seal(b"", &mut record).unwrap();
                record.extend_from_slice(&sealed.tag);
                assert_ne!(record, before);
                before = record.clone();
                assert_eq!(read.open(&[], b"", &mut record), Ok(7));

                write = next_generation(&write, Side::Client, &tap).unwrap();
                // One side alone: the keys are no longer the same.
                let mut record = b"payload".to_vec();
                let sealed = write.seal(b"", &mut record).unwrap();
                record.extend_from_slice(&sealed.tag);
                assert!(read.open(&[], b"", &mut record.clone()).is_err());
                read = next_generation(&read, Side::Client, &tap).unwrap();
                assert_eq!(read.open(&[], b"", &mut record), Ok(7));
                assert_eq!((write.records(), read.records()), (1, 1));
                assert_eq!(heard.last().0, "client_application_traffic_secret_N+1");
            }
        }
    }

    /// RFC 9846 section 7.2, by the formula.
    #[test]
    fn a_key_update_is_traffic_upd_of_the_secret_before() {
        let (tap, heard) = Heard::tap([3; 32]);
        let first = Protection::tls13(&TLS13[1], &[8; 48]);
        let next = next_generation(&first, Side::Server, &tap).unwrap();
        let mut expected = [0; 48];
        kdf::hkdf_expand_label(Hash::Sha384, &[8; 48], "traffic upd", b"", &mut expected);
        assert_eq!(next.traffic_secret().unwrap(), expected);
        assert_eq!(heard.last(), ("server_application_traffic_secret_N+1", None, expected.to_vec()));
    }

    #[test]
    fn tls12_has_no_key_update() {
        let (tap, _) = Heard::tap([3; 32]);
        let keys = Protection::tls12(&TLS12[0], &[1; 16], &[2; 4]).unwrap();
        assert!(next_generation(&keys, Side::Client, &tap).is_err());
    }

    #[test]
    fn a_psk_goes_with_any_suite_of_its_hash() {
        let (tap, _) = Heard::tap([3; 32]);
        let [aes128, aes256, chacha] = &TLS13;
        let early = || EarlySecret::new(aes128, Some(&[9; 32]), &tap);
        assert!(early().suite_chosen(aes256).is_err());
        let chosen = early().suite_chosen(chacha).ok().unwrap();
        let transcript = digest(chacha, b"messages");
        let traffic = chosen.handshake(&shared(), &tap).client_traffic(&transcript, &tap);
        assert_eq!(traffic.suite(), chacha);
    }

    #[test]
    fn binders_of_the_two_kinds_differ() {
        let (tap, _) = Heard::tap([3; 32]);
        let early = EarlySecret::new(&TLS13[0], Some(&[9; 32]), &tap);
        let transcript = digest(&TLS13[0], b"ClientHello");
        let external = early.binder(PskKind::External, &transcript);
        assert!(!external.ct_eq(early.binder(PskKind::Resumption, &transcript).as_bytes()));
        // By the formula; RFC 8448 section 4 has a figure for the other kind.
        let empty = kdf::hash(Hash::Sha256, b"");
        let [mut secret, mut binder_key, mut key] = [[0; 32]; 3];
        kdf::hkdf_extract(Hash::Sha256, &[0; 32], &[9; 32], &mut secret);
        kdf::hkdf_expand_label(Hash::Sha256, &secret, "ext binder", empty.as_bytes(), &mut binder_key);
        kdf::hkdf_expand_label(Hash::Sha256, &binder_key, "finished", b"", &mut key);
        let expected = kdf::hmac(Hash::Sha256, &key, &[transcript.as_bytes()]);
        assert!(external.ct_eq(expected.as_bytes()));
    }

    #[test]
    fn exported_material_depends_on_label_context_and_length() {
        let exporter =
            || ExporterSecret { hash: Hash::Sha384, secret: Secret::from_slice(&[6; 48]).unwrap() };
        let export = |label: &str, context: &[u8], len: usize| {
            let mut out = vec![0; len];
            exporter().export(label, context, &mut out).map(|()| out)
        };
        // RFC 9846 section 7.5, by the formula.
        let empty = kdf::hash(Hash::Sha384, b"");
        let context = kdf::hash(Hash::Sha384, b"context");
        let mut secret = [0; 48];
        kdf::hkdf_expand_label(Hash::Sha384, &[6; 48], "label", empty.as_bytes(), &mut secret);
        let mut expected = vec![0; 100];
        kdf::hkdf_expand_label(Hash::Sha384, &secret, "exporter", context.as_bytes(), &mut expected);
        assert_eq!(export("label", b"context", 100).unwrap(), expected);
        assert_ne!(export("label", b"", 100).unwrap(), expected);
        assert_ne!(export("other", b"context", 100).unwrap(), expected);
        assert_ne!(export("label", b"context", 99).unwrap(), expected[..99]);

        assert!(export("", b"", 1).is_err());
        assert!(export(&"x".repeat(249), b"", 1).is_ok());
        assert!(export(&"x".repeat(250), b"", 1).is_err());
        assert!(export("label", &[0; 70_000], 255 * 48).is_ok());
        assert!(export("label", b"", 255 * 48 + 1).is_err());
    }
}
