//! What each side is told before it begins. Nothing here changes while a
//! connection lives: configurations are shared behind an `Arc`, and replaced
//! as a whole ([`Live`]).

mod again;
mod client;
mod common;
mod judge;
mod live;
mod server;

pub(crate) use again::{Again, Standing};
pub use client::{ClientConfig, ClientOptions};
pub(crate) use common::{Common, Lists};
pub use judge::Judge;
pub use live::Live;
pub use server::{ClientAuth, ServerConfig};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::pki::UnixTime;
    use crate::session::{ClientSessions, TicketKeys};
    use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

    fn identity(name: &str) -> Identity {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        let leaf = params.self_signed(&key).unwrap().der().clone();
        Identity::with_key_elsewhere(vec![leaf], &[SignatureScheme::ECDSA_SECP256R1_SHA256]).unwrap()
    }

    /// It is computed once; what it is computed from may change after that.
    #[test]
    fn a_policy_that_was_asked_for_follows_each_change() {
        let judge = || Judge::application_named("a");
        let of_client = |config: &ClientConfig| config.resumption().unwrap().1;
        let first = ClientConfig::new(judge(), UnixTime::now).sessions(ClientSessions::new());
        let policies = [of_client(&first), of_client(&first)];
        assert_eq!(policies[0], policies[1]);
        let second = first.clone().identity(identity("a"));
        assert_ne!(of_client(&second), policies[0]);
        assert_ne!(of_client(&second.clone().identity(identity("b"))), of_client(&second));

        let of_server = |config: &ServerConfig| config.resumption().unwrap().1;
        let first = ServerConfig::new(identity("a"), UnixTime::now).tickets(TicketKeys::random());
        assert_eq!(of_server(&first), of_server(&first.clone()));
        let asks = first.clone().client_auth(ClientAuth::Request(judge()));
        let requires = asks.clone().client_auth(ClientAuth::Require(judge()));
        let named = first.clone().session_context("shop");
        let all = [&first, &asks, &requires, &named].map(of_server);
        for (place, policy) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == policy), Some(place));
        }
        // Nobody knows any more who it is that judges.
        assert!(asks.client_auth(ClientAuth::Request(Judge::Application)).resumption().is_none());
    }

    #[test]
    fn what_is_offered_follows_each_change() {
        let config = ClientConfig::new(Judge::Application, UnixTime::now);
        let groups = [NamedGroup::SECP256R1, NamedGroup::X25519];
        let config = config.groups(&groups).unwrap();
        assert_eq!(config.common.offered.groups, groups);
        assert_eq!(config.common.offered.first_shares, groups[..1]);
        let suites = [CipherSuite::TLS_AES_128_GCM_SHA256];
        let config = config.suites(&suites).unwrap();
        let offered = &config.common.offered;
        assert_eq!(
            (&offered.suites[..], &offered.versions[..]),
            (&suites[..], &[ProtocolVersion::TLS13][..])
        );
        let config = config.versions(&[ProtocolVersion::TLS12]).unwrap();
        let offered = &config.common.offered;
        assert!(offered.suites.is_empty() && offered.versions.is_empty() && offered.first_shares.is_empty());
    }
}
