//! The secrets around pre-shared keys: binders, early data, tickets (RFC 9846
//! sections 4.3.11.2, 4.7.1 and 7.1). What only the traces of RFC 8448 use so
//! far is compiled for them alone.

use super::*;

/// Where a PSK comes from; the labels keep one kind from passing as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PskKind {
    /// Provisioned outside of TLS.
    #[cfg(test)]
    External,
    /// The ticket of a previous handshake.
    Resumption,
}

impl EarlySecret {
    /// The suite that the server chose. Any with the hash of the PSK's will do
    /// (RFC 9846 section 4.3.11); fails for another hash.
    pub(crate) fn suite_chosen(self, suite: &'static Suite) -> Result<Self, Failed> {
        if suite.hash != self.suite.hash {
            return Err(Failed);
        }
        Ok(Self { suite, ..self })
    }

    /// PskBinderEntry (RFC 9846 section 4.3.11.2), of the transcript up to the
    /// ClientHello cut before its binders.
    pub(crate) fn binder(&self, kind: PskKind, transcript: &Digest) -> Digest {
        let hash = self.suite.hash;
        let label = match kind {
            #[cfg(test)]
            PskKind::External => "ext binder",
            PskKind::Resumption => "res binder",
        };
        let empty = kdf::hash_of_nothing(hash);
        derive_secret(hash, self.secret.as_bytes(), label, empty, |binder_key| {
            finished(hash, binder_key, transcript)
        })
    }

    /// client_early_traffic_secret; the transcript is the ClientHello.
    pub(crate) fn client_early_traffic(&self, transcript: &Digest, tap: &Tap) -> Protection {
        let entry = (
            "client_early_traffic_secret",
            Some("CLIENT_EARLY_TRAFFIC_SECRET"),
            "early_secret and ClientHello",
        );
        let expander = Expander::new(self.suite.hash, self.secret.as_bytes());
        traffic(self.suite, &expander, "c e traffic", transcript, entry, tap)
    }

    /// early_exporter_master_secret; the transcript is the ClientHello.
    pub(crate) fn early_exporter(&self, transcript: &Digest, tap: &Tap) -> ExporterSecret {
        let entry =
            ("early_exporter_master_secret", Some("EARLY_EXPORTER_SECRET"), "early_secret and ClientHello");
        let hash = self.suite.hash;
        derive_secret(hash, self.secret.as_bytes(), "e exp master", transcript.as_bytes(), |secret| {
            record(tap, entry, secret);
            ExporterSecret { hash, secret: Secret::new(hash.len(), |out| out.copy_from_slice(secret)) }
        })
    }
}

impl MasterSecret {
    /// resumption_master_secret; the transcript is ClientHello...client Finished.
    pub(crate) fn resumption(self, transcript: &Digest, tap: &Tap) -> ResumptionSecret {
        let entry = ("resumption_master_secret", None, "master_secret and ClientHello...client Finished");
        let Self { suite, mut secret } = self;
        secret.advance(|master, resumption| {
            kdf::hkdf_expand_label(suite.hash, master, "res master", transcript.as_bytes(), resumption);
        });
        record(tap, entry, secret.as_bytes());
        ResumptionSecret { hash: suite.hash, secret }
    }
}

/// resumption_master_secret (RFC 9846 section 4.7.1).
pub(crate) struct ResumptionSecret {
    hash: Hash,
    secret: Secret,
}

impl ResumptionSecret {
    /// The PSK of the ticket with this ticket_nonce (at most 255 bytes, as its
    /// length prefix has it).
    pub(crate) fn psk(&self, ticket_nonce: &[u8]) -> Secret {
        Secret::new(self.hash.len(), |psk| {
            kdf::hkdf_expand_label(self.hash, self.secret.as_bytes(), "resumption", ticket_nonce, psk);
        })
    }
}
