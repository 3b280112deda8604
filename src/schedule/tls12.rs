//! The key schedule of TLS 1.2 (RFC 5246 sections 6.3 and 8.1, RFC 7627).
//!
//! ```text
//!   PreMasterSecret
//!      |  extended: "extended master secret", session_hash     (RFC 7627 4)
//!      |  classic:  "master secret", client_random + server_random
//!      v
//!   MasterSecret
//!      +--> "client finished" | "server finished"   verify_data
//!      +--> a label of its user's                   export     (RFC 5705)
//!      v    "key expansion", server_random + client_random
//!   KeyBlock: client_write_key, server_write_key, client_write_IV, server_write_IV
//! ```

use super::{Side, record};
use crate::crypto::Failed;
use crate::crypto::aead::Protection;
use crate::crypto::agree::SharedSecret;
use crate::crypto::kdf::{Digest, Joined, Prf};
use crate::crypto::secret::{Secret, leaving_nothing};
use crate::crypto::suite::{Hash, Suite};
use crate::observe::Tap;
use zeroize::Zeroizing;

/// ClientHello.random and ServerHello.random.
#[derive(Clone, Copy)]
pub(crate) struct Randoms<'a> {
    pub(crate) client: &'a [u8; 32],
    pub(crate) server: &'a [u8; 32],
}

/// pre_master_secret: what the key exchange gave.
pub(crate) struct PreMasterSecret(SharedSecret);

impl PreMasterSecret {
    pub(crate) fn new(shared: SharedSecret) -> Self {
        Self(shared)
    }

    /// With extended_master_secret: bound to the handshake up to and including
    /// the ClientKeyExchange, whose hash is the session_hash (RFC 7627 section 4).
    pub(crate) fn extended(self, suite: &'static Suite, session_hash: &Digest, tap: &Tap) -> MasterSecret {
        let from = "the key exchange and ClientHello...ClientKeyExchange (RFC 7627)";
        let seed = Joined::of(&[b"extended master secret", session_hash.as_bytes()]);
        self.master(suite, &seed, from, tap)
    }

    /// Without: bound to the two randoms alone.
    pub(crate) fn classic(self, suite: &'static Suite, randoms: Randoms<'_>, tap: &Tap) -> MasterSecret {
        let from = "the key exchange and both randoms";
        let seed = Joined::of(&[b"master secret", randoms.client, randoms.server]);
        self.master(suite, &seed, from, tap)
    }

    fn master(self, suite: &'static Suite, seed: &Joined, from: &'static str, tap: &Tap) -> MasterSecret {
        let secret = Secret::new(48, |out| {
            Prf::new(suite.hash, self.0.as_bytes()).expand(seed.as_bytes(), out);
        });
        record(tap, ("master_secret", Some("CLIENT_RANDOM"), from), secret.as_bytes());
        MasterSecret { suite, secret }
    }
}

/// master_secret.
pub(crate) struct MasterSecret {
    suite: &'static Suite,
    secret: Secret,
}

impl MasterSecret {
    /// That of a session which is resumed.
    pub(crate) fn resumed(suite: &'static Suite, secret: &[u8], tap: &Tap) -> Result<Self, Failed> {
        let entry = ("master_secret", Some("CLIENT_RANDOM"), "the session that is resumed");
        record(tap, entry, secret);
        Ok(Self { suite, secret: Secret::from_slice(secret)? })
    }

    /// For a session to resume.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    /// Makes it ready for what is derived from it.
    pub(crate) fn ready(&self) -> Ready {
        Ready { suite: self.suite, prf: Prf::new(self.suite.hash, self.secret.as_bytes()) }
    }

    /// exporter: what is left of it when the handshake is over. `first_finished` is
    /// the verify_data of the Finished that came first.
    pub(crate) fn exporter(self, randoms: Randoms<'_>, first_finished: &Digest) -> ExporterSecret {
        let mut kept = Box::new(Kept::new(self.suite.hash));
        let fill = |to: &mut [u8], from: &[u8]| to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        fill(&mut *kept.master_secret, self.secret.as_bytes());
        (kept.client_random, kept.server_random) = (*randoms.client, *randoms.server);
        fill(&mut kept.first_finished, first_finished.as_bytes());
        ExporterSecret(kept)
    }
}

/// A master secret for as long as the connection is there, in one place with what
/// goes with it.
pub(crate) struct ExporterSecret(Box<Kept>);

struct Kept {
    master_secret: Zeroizing<[u8; 48]>,
    client_random: [u8; 32],
    server_random: [u8; 32],
    first_finished: [u8; 12],
    hash: Hash,
}

impl Kept {
    fn new(hash: Hash) -> Self {
        Self {
            master_secret: Zeroizing::new([0; 48]),
            client_random: [0; 32],
            server_random: [0; 32],
            first_finished: [0; 12],
            hash,
        }
    }
}

impl ExporterSecret {
    /// Keying material for an application (RFC 5705 section 4), where no context
    /// differs from an empty one. Fails for the labels of this schedule itself, and
    /// a context of more than 65535 bytes.
    pub(crate) fn export(&self, label: &str, context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Failed> {
        const OWN: [&str; 5] = [
            "client finished",
            "server finished",
            "master secret",
            "extended master secret",
            "key expansion",
        ];
        if OWN.contains(&label) {
            return Err(Failed);
        }
        let kept = &*self.0;
        let context_len = u16::try_from(context.map_or(0, <[u8]>::len)).map_err(|_| Failed)?;
        let context_len = context_len.to_be_bytes();
        let seed = [&kept.client_random[..], &kept.server_random, &context_len, context.unwrap_or_default()];
        let seed = if context.is_some() { &seed[..] } else { &seed[..2] };
        let prf = Prf::new(kept.hash, &*kept.master_secret);
        prf.expand(&[label.as_bytes(), &seed.concat()].concat(), out);
        Ok(())
    }

    /// tls-unique (RFC 5929 section 3.1).
    pub(crate) fn first_finished(&self) -> &[u8; 12] {
        &self.0.first_finished
    }
}

/// A master secret made ready: for as long as nobody is waited for.
pub(crate) struct Ready {
    suite: &'static Suite,
    prf: Prf,
}

impl Ready {
    /// verify_data, 12 bytes (RFC 5246 section 7.4.9).
    pub(crate) fn verify_data(&self, sender: Side, transcript: &Digest) -> Digest {
        let finished_label: &[u8] = match sender {
            Side::Client => b"client finished",
            Side::Server => b"server finished",
        };
        let mut verify_data = [0; 12];
        let seed = Joined::of(&[finished_label, transcript.as_bytes()]);
        self.prf.expand(seed.as_bytes(), &mut verify_data);
        Digest::new(&verify_data)
    }

    /// key_block, cut into the keys of both directions (RFC 5246 section 6.3).
    pub(crate) fn key_block(&self, randoms: Randoms<'_>, tap: &Tap) -> Result<KeyBlock, Failed> {
        leaving_nothing(|| {
            let (key_len, iv_len) = Protection::tls12_lengths(self.suite);
            let mut block = Zeroizing::new([0; 2 * (32 + 12)]);
            let block = block.get_mut(..2 * (key_len + iv_len)).ok_or(Failed)?;
            let seed = Joined::of(&[b"key expansion", randoms.server, randoms.client]);
            self.prf.expand(seed.as_bytes(), block);

            let mut rest = &*block;
            let mut next = |name, len| {
                let (piece, after) = rest.split_at_checked(len).ok_or(Failed)?;
                rest = after;
                record(tap, (name, None, "master_secret and both randoms"), piece);
                Ok(piece)
            };
            let client_write_key = next("client_write_key", key_len)?;
            let server_write_key = next("server_write_key", key_len)?;
            let client_write_iv = next("client_write_IV", iv_len)?;
            let server_write_iv = next("server_write_IV", iv_len)?;
            Ok(KeyBlock {
                client: Protection::tls12(self.suite, client_write_key, client_write_iv)?,
                server: Protection::tls12(self.suite, server_write_key, server_write_iv)?,
            })
        })
    }
}

/// The keys of both directions.
pub(crate) struct KeyBlock {
    /// Of what the client writes.
    pub(crate) client: Protection,
    /// Of what the server writes.
    pub(crate) server: Protection,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::suite::{Suite, TLS12};
    use crate::crypto::vectors::{Case, read};
    use crate::schedule::heard::Heard;

    /// The cases that are named for a suite.
    fn cases() -> impl Iterator<Item = (&'static Suite, Case)> {
        let cases = read(include_str!("../../test-vectors/tls12-prf.txt")).into_iter();
        cases.filter_map(|case| {
            let suite = TLS12.iter().find(|suite| suite.id.name() == Some(&case.title))?;
            Some((suite, case))
        })
    }

    fn randoms(case: &Case) -> Randoms<'_> {
        Randoms {
            client: case.get("client_random").try_into().unwrap(),
            server: case.get("server_random").try_into().unwrap(),
        }
    }

    fn pre_master(case: &Case) -> PreMasterSecret {
        PreMasterSecret::new(SharedSecret::new(&[case.get("pre_master_secret")]).unwrap())
    }

    fn extended(suite: &'static Suite, case: &Case, tap: &Tap) -> MasterSecret {
        let session_hash = Digest::new(case.get("session_hash"));
        pre_master(case).extended(suite, &session_hash, tap)
    }

    #[test]
    fn the_schedule_is_that_of_the_recorded_figures() {
        assert_eq!(cases().count(), 3);
        for (suite, case) in cases() {
            let (tap, heard) = Heard::tap(*randoms(&case).client);
            let classic = pre_master(&case).classic(suite, randoms(&case), &tap);
            assert_eq!(classic.as_bytes(), case.get("classic master_secret"));
            let master = extended(suite, &case, &tap);
            assert_eq!(master.as_bytes(), case.get("extended master_secret"));
            assert_eq!(heard.last(), ("master_secret", Some("CLIENT_RANDOM"), master.as_bytes().to_vec()));

            let transcript = Digest::new(case.get("transcript"));
            for (side, name) in [(Side::Client, "client verify_data"), (Side::Server, "server verify_data")] {
                let verify_data = master.ready().verify_data(side, &transcript);
                assert_eq!(verify_data.as_bytes(), case.get(name));
                assert_eq!(verify_data.as_bytes().len(), 12);
            }

            let mut keys = master.ready().key_block(randoms(&case), &tap).unwrap();
            for name in ["client_write_key", "server_write_key", "client_write_IV", "server_write_IV"] {
                assert_eq!(heard.secret(name), case.get(name), "{name}");
            }
            for (keys, key, iv) in [
                (&mut keys.client, "client_write_key", "client_write_IV"),
                (&mut keys.server, "server_write_key", "server_write_IV"),
            ] {
                let mut peer = Protection::tls12(suite, case.get(key), case.get(iv)).unwrap();
                let mut record = b"payload".to_vec();
                let sealed = keys.seal(b"aad", &mut record).unwrap();
                record.extend_from_slice(&sealed.tag);
                let explicit = &sealed.explicit[..peer.explicit_nonce_len()];
                assert_eq!(peer.open(explicit, b"aad", &mut record), Ok(7));
            }
        }
    }

    #[test]
    fn exported_material_is_that_of_the_recorded_figures() {
        for (suite, case) in cases() {
            let (tap, _) = Heard::tap(*randoms(&case).client);
            let master = extended(suite, &case, &tap);
            let exporter = master.exporter(randoms(&case), &Digest::new(&[7; 12]));
            assert_eq!(exporter.first_finished(), &[7; 12]);
            let label = std::str::from_utf8(case.get("exporter label")).unwrap();
            for (context, name) in [
                (None, "exported without context"),
                (Some(case.get("exporter context")), "exported with context"),
                (Some(&[][..]), "exported with empty context"),
            ] {
                let mut out = [0; 80];
                exporter.export(label, context, &mut out).unwrap();
                assert_eq!(out, case.get(name), "{name}");
            }
        }
    }

    #[test]
    fn an_exporter_gives_away_nothing_of_the_schedule() {
        let (suite, case) = cases().next().unwrap();
        let (tap, _) = Heard::tap(*randoms(&case).client);
        let exporter = extended(suite, &case, &tap).exporter(randoms(&case), &Digest::new(&[7; 12]));
        let export = |label, context| exporter.export(label, context, &mut [0; 32]);
        for label in ["client finished", "server finished", "master secret", "key expansion"] {
            assert!(export(label, None).is_err(), "{label}");
        }
        assert!(export("extended master secret", None).is_err());
        assert!(export("EXPORTER-x", Some(&[0; 65_535])).is_ok());
        assert!(export("EXPORTER-x", Some(&[0; 65_536])).is_err());
    }

    /// RFC 5705 forbids none, by the formula: the seed stands alone then.
    #[test]
    fn a_label_may_be_empty() {
        let (suite, case) = cases().next().unwrap();
        let (tap, _) = Heard::tap(*randoms(&case).client);
        let master = extended(suite, &case, &tap);
        let mut expected = [0; 32];
        let seed = [&randoms(&case).client[..], randoms(&case).server].concat();
        master.ready().prf.expand(&seed, &mut expected);
        let mut out = [0; 32];
        master.exporter(randoms(&case), &Digest::new(&[7; 12])).export("", None, &mut out).unwrap();
        assert_eq!(out, expected);
    }
}
