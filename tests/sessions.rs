//! Sessions as an application meets them: who judges, for whom a session is, what
//! is known of a peer that resumes one.

#[path = "support/pair.rs"]
#[allow(dead_code)] // others use the rest of it
mod pair;

use handfast::pki::UnixTime;
use handfast::wire::ProtocolVersion;
use handfast::{
    ClientAuth, ClientConfig, ClientSessions, ConfigError, Connection, Judge, ServerConfig, TicketKeys, Trust,
};
use std::sync::Arc;
use std::time::Duration;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
const STAPLE: &[u8] = b"an OCSPResponse, in DER";

fn client(judge: Judge, version: ProtocolVersion, sessions: &Arc<ClientSessions>) -> ClientConfig {
    let config = ClientConfig::new(judge, UnixTime::now).versions(&[version]).unwrap();
    config.sessions(Arc::clone(sessions))
}

fn server(keys: &Arc<TicketKeys>) -> ServerConfig {
    ServerConfig::new(pair::identity().with_ocsp(STAPLE.to_vec()), UnixTime::now).tickets(Arc::clone(keys))
}

fn both_resumed((client, server): &(Connection, Connection)) -> bool {
    assert_eq!(client.info().resumed, server.info().resumed);
    client.info().resumed
}

/// Each server has a certificate and a key of its own, for the same name.
#[test]
fn only_a_named_policy_of_the_application_resumes() {
    for version in VERSIONS {
        for (judge, resumes) in [
            (Judge::Application, false),
            (Judge::application_named("all"), true),
            (Judge::application_named(""), false),
        ] {
            let (keys, sessions) = (Arc::new(TicketKeys::random()), Arc::new(ClientSessions::new()));
            for again in [false, true, true] {
                let met = pair::connect(client(judge.clone(), version, &sessions), server(&keys));
                assert_eq!(both_resumed(&met), again && resumes, "{version} {judge:?}");
                let info = met.0.info();
                assert_eq!(info.trust, Trust::Application);
                assert_eq!(info.peer_ocsp.as_deref().map(Vec::as_slice), Some(STAPLE));
                assert!(info.is_proven() && !met.1.info().is_proven());
            }
            assert_eq!(sessions.is_empty(), !resumes);
        }
        // The server's side, with a client that shows a certificate.
        for (judge, resumes) in [(Judge::Application, false), (Judge::application_named("all"), true)] {
            let (keys, sessions) = (Arc::new(TicketKeys::random()), Arc::new(ClientSessions::new()));
            let identity = Arc::new(pair::identity());
            for again in [false, true] {
                let client = client(Judge::application_named("all"), version, &sessions);
                let server = server(&keys).client_auth(ClientAuth::Require(judge.clone()));
                let met = pair::connect(client.identity(Arc::clone(&identity)), server);
                assert_eq!(both_resumed(&met), again && resumes, "{version} {judge:?}");
                assert!(met.1.info().is_proven() && met.1.info().peer_ocsp.is_none());
            }
        }
    }
}

#[test]
fn a_session_is_of_one_context() {
    for version in VERSIONS {
        let (keys, sessions) = (Arc::new(TicketKeys::random()), Arc::new(ClientSessions::new()));
        for (context, resumes) in [("shop", false), ("bank", false), ("bank", true)] {
            let client = client(Judge::application_named("all"), version, &sessions);
            let met = pair::connect(client, server(&keys).session_context(context));
            assert_eq!(both_resumed(&met), resumes, "{version} {context}");
            // The newest session is the one that is offered next.
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let keys = || Arc::new(TicketKeys::random());
    let refused = server(&keys()).retry_cookie([0; 32]).unwrap_err();
    assert!(matches!(refused, ConfigError::CookieKey(_)));
    assert_eq!(
        refused.to_string(),
        "the cookie key cannot be used: all its bytes are zero: was it ever filled?"
    );
    let eight_days = Duration::from_secs(8 * 24 * 60 * 60);
    let refused = TicketKeys::random().with_lifetime(eight_days).unwrap_err().to_string();
    assert!(refused.starts_with("a lifetime of 691200 seconds cannot be, but of 1 to 604800"), "{refused}");
}
