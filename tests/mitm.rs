//! A man in the middle, live, over TCP on loopback: what he tries, and the
//! check that sees it. For TLS 1.3, TLS 1.2 with ECDHE and, with the feature
//! `static-rsa`, TLS 1.2 with static RSA.

#[path = "mitm/middle.rs"]
mod middle;
#[path = "mitm/pki.rs"]
mod pki;

use handfast::pki::{Roots, Rule, UnixTime, Verifier};
use handfast::wire::{CipherSuite, NamedGroup, ProtocolVersion};
use handfast::{
    AlertDescription, Answer, ClientConfig, Error, Fault, Identity, Question, ServerConfig, TlsStream,
};
#[cfg(feature = "static-rsa")]
use middle::Forger;
use middle::{Met, against, between, edit_hello, error_of};
use pki::{Authority, Leaf};
#[cfg(feature = "static-rsa")]
use std::io::Write;

/// The server that the client means.
const HOST: &str = "server.test";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Protocol {
    Tls13,
    Tls12 {
        extended: bool,
    },
    #[cfg(feature = "static-rsa")]
    StaticRsa {
        extended: bool,
    },
}

const PROTOCOLS: &[Protocol] = &[
    Protocol::Tls13,
    Protocol::Tls12 { extended: true },
    Protocol::Tls12 { extended: false },
    #[cfg(feature = "static-rsa")]
    Protocol::StaticRsa { extended: true },
    #[cfg(feature = "static-rsa")]
    Protocol::StaticRsa { extended: false },
];

impl Protocol {
    fn is_tls13(self) -> bool {
        self == Self::Tls13
    }

    fn is_static_rsa(self) -> bool {
        !matches!(self, Self::Tls13 | Self::Tls12 { .. })
    }

    fn version(self) -> ProtocolVersion {
        if self.is_tls13() { ProtocolVersion::TLS13 } else { ProtocolVersion::TLS12 }
    }

    /// Two suites that fit: the one that is chosen, and another.
    fn suites(self) -> [CipherSuite; 2] {
        match self {
            Self::Tls13 => [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384],
            Self::Tls12 { .. } => [
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            ],
            #[cfg(feature = "static-rsa")]
            Self::StaticRsa { .. } => {
                [CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384]
            }
        }
    }

    /// A client that trusts this authority.
    fn client(self, authority: &Authority) -> ClientConfig {
        let mut roots = Roots::new();
        roots.add(authority.certificate.clone()).unwrap();
        let config = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now);
        let config = config.versions(&[self.version()]).unwrap();
        let config = match self {
            Self::Tls12 { extended: false } => config.without_extended_master_secret(),
            #[cfg(feature = "static-rsa")]
            Self::StaticRsa { extended: true } => config.allow_static_rsa(),
            #[cfg(feature = "static-rsa")]
            Self::StaticRsa { extended: false } => config.allow_static_rsa().without_extended_master_secret(),
            _ => config,
        };
        config.suites(&self.suites()).unwrap()
    }

    fn server(self, identity: Identity) -> ServerConfig {
        let config = ServerConfig::new(identity, UnixTime::now).versions(&[self.version()]).unwrap();
        #[cfg(feature = "static-rsa")]
        if self.is_static_rsa() {
            return config.allow_static_rsa();
        }
        config
    }

    fn leaf(self, authority: &Authority, name: &str) -> Leaf {
        if self.is_static_rsa() { authority.rsa_leaf(name) } else { authority.leaf(name) }
    }
}

#[test]
fn nobody_in_the_middle() {
    for &protocol in PROTOCOLS {
        let authority = Authority::new("authority");
        let identity = protocol.leaf(&authority, HOST).identity();
        let hello = |record: &mut Vec<u8>| edit_hello(record, |_| {});
        let met = between(protocol.client(&authority), protocol.server(identity), hello);
        assert!(met.client.is_ok() && met.server.is_ok(), "{protocol:?}: {met:?}");
    }
}

/// The chain is refused for this rule, and the man in the middle hears why.
#[track_caller]
fn refused(protocol: Protocol, met: &Met, rule: Rule, alert: AlertDescription) {
    let Err(Error::CertificateRefused(report)) = &met.client else { panic!("{protocol:?}: {met:?}") };
    assert_eq!(report.broken(), Some(rule), "{protocol:?}: {report}");
    let heard = met.server.as_ref().err();
    assert!(
        matches!(heard, Some(Error::AlertReceived { description, .. }) if *description == alert),
        "{protocol:?}: {heard:?}"
    );
}

#[test]
fn his_own_certificate_for_the_right_name() {
    for &protocol in PROTOCOLS {
        let (authority, his) = (Authority::new("authority"), Authority::new("authority"));
        let identity = protocol.leaf(&his, HOST).identity();
        let met = against(protocol.client(&authority), protocol.server(identity));
        refused(protocol, &met, Rule::Trust, AlertDescription::UNKNOWN_CA);
    }
}

#[test]
fn a_good_certificate_for_another_name() {
    for &protocol in PROTOCOLS {
        let authority = Authority::new("authority");
        let identity = protocol.leaf(&authority, "other.test").identity();
        let met = against(protocol.client(&authority), protocol.server(identity));
        refused(protocol, &met, Rule::HostName, AlertDescription::BAD_CERTIFICATE);
    }
}

#[test]
fn the_real_certificate_without_its_key() {
    for &protocol in PROTOCOLS.iter().filter(|protocol| !protocol.is_static_rsa()) {
        let authority = Authority::new("authority");
        let (real, his) = (authority.leaf(HOST), authority.leaf(HOST));
        let config = protocol.server(real.without_key());
        let met = middle::meet(protocol.client(&authority), move |tcp| {
            let mut stream = TlsStream::server(&config.into(), tcp);
            let signed = stream.handshake_with(|question| match question {
                Question::Sign { message, .. } => Some(Answer::Signature(his.sign(message))),
                _ => None,
            });
            signed.map_err(error_of)
        });
        let state = if protocol.is_tls13() { "WaitCv" } else { "WaitVerdict" };
        client_fails(protocol, &met, Fault::BadSignature, &[state, "WaitDone", "WaitCr"]);
        let heard = &met.server;
        assert!(
            matches!(heard, Err(Error::AlertReceived { description: AlertDescription::DECRYPT_ERROR, .. })),
            "{protocol:?}: {heard:?}"
        );
    }
}

/// With static RSA there is no signature: without the key he does not learn the
/// pre-master secret, and whatever he sends as his Finished does not decrypt.
#[cfg(feature = "static-rsa")]
#[test]
fn the_real_certificate_without_its_key_in_static_rsa() {
    for &protocol in PROTOCOLS.iter().filter(|protocol| protocol.is_static_rsa()) {
        for forges in [true, false] {
            let authority = Authority::new("authority");
            let config = protocol.server(authority.rsa_leaf(HOST).without_key());
            let met = middle::meet(protocol.client(&authority), move |tcp| {
                let mut forger = Forger { tcp: tcp.try_clone().unwrap(), swallows_alerts: forges };
                let mut stream = TlsStream::server(&config.into(), &mut forger);
                let guessed = stream.handshake_with(|question| match question {
                    Question::Decrypt { .. } => Some(Answer::Decrypted(vec![0; 256].into())),
                    _ => None,
                });
                if forges {
                    // ChangeCipherSpec, and a Finished of the right length under some key.
                    let mut finished = vec![20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40];
                    finished.extend([7; 40]);
                    (&tcp).write_all(&finished).unwrap();
                }
                guessed.map_err(error_of)
            });
            // The client's Finished does not decrypt with the keys of the guess.
            assert!(
                matches!(met.server, Err(Error::Peer { fault: Fault::BadRecordMac, .. })),
                "{protocol:?}: {met:?}"
            );
            match forges {
                true => client_fails(protocol, &met, Fault::BadRecordMac, &["WaitFinished"]),
                false => assert!(
                    matches!(
                        met.client,
                        Err(Error::AlertReceived { description: AlertDescription::BAD_RECORD_MAC, .. })
                    ),
                    "{protocol:?}: {met:?}"
                ),
            }
        }
    }
}

#[track_caller]
fn client_fails(protocol: Protocol, met: &Met, with: Fault, states: &[&str]) {
    match &met.client {
        Err(Error::Peer { fault, state }) if *fault == with && states.contains(state) => {}
        _ => panic!("{protocol:?}: {met:?}"),
    }
}

/// The ClientHello was changed on its way: both sides have another transcript.
#[track_caller]
fn hello_was_changed(protocol: Protocol, met: &Met) {
    let alerted = |description: AlertDescription| matches!(&met.client, Err(Error::AlertReceived { description: heard, .. }) if *heard == description);
    match protocol {
        // All keys are made of the transcript: the server's first protected message does not decrypt.
        Protocol::Tls13 => {
            client_fails(protocol, met, Fault::BadRecordMac, &["WaitEe"]);
            assert!(met.server.is_err(), "{met:?}");
        }
        // The keys are the same; the client's Finished tells.
        Protocol::Tls12 { extended: false } => {
            let found = met.server.as_ref().err().and_then(Error::fault);
            assert!(found == Some(Fault::BadFinished) && alerted(AlertDescription::DECRYPT_ERROR), "{met:?}");
        }
        #[cfg(feature = "static-rsa")]
        Protocol::StaticRsa { extended: false } => {
            let found = met.server.as_ref().err().and_then(Error::fault);
            assert!(found == Some(Fault::BadFinished) && alerted(AlertDescription::DECRYPT_ERROR), "{met:?}");
        }
        // The session hash is in the keys: the client's Finished does not even decrypt.
        _ => {
            let found = met.server.as_ref().err().and_then(Error::fault);
            assert!(
                found == Some(Fault::BadRecordMac) && alerted(AlertDescription::BAD_RECORD_MAC),
                "{met:?}"
            );
        }
    }
}

#[test]
fn a_suite_removed_from_the_client_hello() {
    for &protocol in PROTOCOLS {
        let authority = Authority::new("authority");
        let identity = protocol.leaf(&authority, HOST).identity();
        let [removed, left] = protocol.suites();
        let met = between(protocol.client(&authority), protocol.server(identity), move |record| {
            edit_hello(record, |hello| hello.suites.retain(|suite| *suite != removed));
        });
        assert_eq!(met.server_suite, Some(left), "{protocol:?}");
        hello_was_changed(protocol, &met);
    }
}

#[test]
fn a_group_removed_from_the_client_hello() {
    for &protocol in PROTOCOLS {
        let authority = Authority::new("authority");
        let identity = protocol.leaf(&authority, HOST).identity();
        let groups = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
        // The strongest one, as whoever can break another would: in TLS 1.3 its share, too.
        let [removed, kept] = match protocol {
            #[cfg(feature = "post-quantum")]
            Protocol::Tls13 => [NamedGroup::X25519MLKEM768, NamedGroup::X25519],
            // There is but one share: without it the server would ask for another hello.
            #[cfg(not(feature = "post-quantum"))]
            Protocol::Tls13 => [NamedGroup::SECP384R1, NamedGroup::X25519],
            _ => [NamedGroup::X25519, NamedGroup::SECP256R1],
        };
        let mut client = protocol.client(&authority);
        if !protocol.is_tls13() {
            client = client.groups(&groups).unwrap();
        }
        let met = between(client, protocol.server(identity), move |record| {
            edit_hello(record, |hello| {
                hello.groups.retain(|group| *group != removed);
                hello.shares.retain(|(group, _)| *group != removed);
            });
        });
        let chosen = (!protocol.is_static_rsa()).then_some(kept);
        assert_eq!(met.server_group, chosen, "{protocol:?}");
        hello_was_changed(protocol, &met);
    }
}

#[test]
fn a_bit_of_application_data() {
    for &protocol in PROTOCOLS {
        let authority = Authority::new("authority");
        // Into the ciphertext's beginning (TLS 1.2: its nonce), its middle, and the tag's end.
        for place in [5, 14, usize::MAX] {
            for upwards in [true, false] {
                let identity = protocol.leaf(&authority, HOST).identity();
                let (client, server) = (protocol.client(&authority), protocol.server(identity));
                let met = middle::talk(client, server, upwards, place);
                let (reader, writer) =
                    if upwards { (&met.server, &met.client) } else { (&met.client, &met.server) };
                let fault = reader.as_ref().err().and_then(Error::fault);
                assert_eq!(fault, Some(Fault::BadRecordMac), "{protocol:?} {upwards} {place}: {met:?}");
                assert!(
                    matches!(
                        writer,
                        Err(Error::AlertReceived { description: AlertDescription::BAD_RECORD_MAC, .. })
                    ),
                    "{protocol:?} {upwards} {place}: {met:?}"
                );
            }
        }
    }
}
