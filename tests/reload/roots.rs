//! Roots in a file, and the sessions that began under other ones.

use crate::kit::{Authority, Scratch, kept, only};
use crate::pair::{self, NAME};
use handfast::pki::{Roots, UnixTime, Verifier};
use handfast::reload::{CertificateFiles, LoadError, Notice, Reloader};
use handfast::{ClientAuth, ClientConfig, ClientSessions, Error, Judge, ServerConfig, TicketKeys};
use handfast::{Connection, Event, pki::ServerName};
use std::sync::Arc;

/// Whether the client accepts the server: the error otherwise.
fn met(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<bool, Error> {
    let mut client = Connection::client(client, ServerName::try_from(NAME).unwrap())?;
    let mut server = Connection::server(server);
    for _ in 0..4 {
        pair::transfer(&mut client, &mut server);
        while !matches!(server.next()?, Event::NeedInput) {}
        pair::transfer(&mut server, &mut client);
        while !matches!(client.next()?, Event::NeedInput) {}
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(client.info().resumed)
}

#[test]
fn a_client_judges_by_the_roots_that_its_file_has() {
    let (scratch, old, new) = (Scratch::new(), Authority::new("Old"), Authority::new("New"));
    scratch.write_pair(&old.issue(&[NAME]));
    let server = ServerConfig::asking_for_certificates(UnixTime::now).tickets(TicketKeys::random());
    let mut serving = Reloader::new(server).certificates(scratch.pair()).unwrap();
    serving.check();
    scratch.write("ca.pem", &old.root);
    let client =
        ClientConfig::new(Verifier::web_pki(Roots::new()), UnixTime::now).sessions(ClientSessions::new());
    let mut client = Reloader::new(client).roots(scratch.path("ca.pem")).unwrap();
    assert!(only(client.check()).to_string().ends_with("ca.pem is in force: 1 root"));
    let met = |client: &Reloader<ClientConfig>, serving: &Reloader<ServerConfig>| {
        met(&client.live().current(), &serving.live().current())
    };
    assert!(!met(&client, &serving).unwrap());
    assert!(met(&client, &serving).unwrap(), "the second is resumed");
    // Renewed by the same authority: the names are the same, so the session goes on.
    scratch.write_pair(&old.issue(&[NAME]));
    serving.check();
    assert!(met(&client, &serving).unwrap(), "after renewal");

    scratch.write("ca.pem", &new.root);
    assert!(matches!(only(client.check()), Notice::Taken { .. }));
    let error = met(&client, &serving).unwrap_err();
    assert!(
        matches!(error, Error::CertificateRefused(_)) && error.to_string().contains("Old Root"),
        "{error}"
    );
    scratch.write("ca.pem", &format!("{}{}", new.root, old.root));
    client.check();
    assert!(!met(&client, &serving).unwrap(), "other roots: nothing is resumed");
    assert!(met(&client, &serving).unwrap());

    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (bad, words) in [("", "contains nothing"), (broken, "ca.pem: 1 malformed, of 1 certificates")] {
        scratch.write("ca.pem", bad);
        let said = kept(client.check());
        assert!(said.contains(words), "{said}");
        assert!(met(&client, &serving).unwrap(), "the roots of before");
    }
    scratch.write("ca.pem", &format!("{broken}{}", new.root));
    let notices = client.check();
    assert!(matches!(&notices[..], [Notice::Taken { .. }, Notice::LeftOut { .. }]), "{notices:?}");
    assert!(notices[1].to_string().ends_with("ca.pem: 1 malformed, of 2 certificates"), "{}", notices[1]);
}

#[test]
fn a_server_judges_by_the_roots_that_its_file_has() {
    let (scratch, old, new) = (Scratch::new(), Authority::new("Old"), Authority::new("New"));
    scratch.write_pair(&old.issue(&[NAME]));
    scratch.write("client.pem", &old.issue(&["client.example"]).chain);
    let own = old.issue(&["client.example"]);
    scratch.write("client.pem", &format!("{}{}", own.chain, own.key));
    scratch.write("ca.pem", &old.root);
    let judge = Verifier::chain_without_name(Roots::new());
    let server = ServerConfig::asking_for_certificates(UnixTime::now)
        .tickets(TicketKeys::random())
        .client_auth(ClientAuth::Require(judge.into()));
    let mut serving =
        Reloader::new(server).certificates(scratch.pair()).unwrap().roots(scratch.path("ca.pem")).unwrap();
    serving.check();
    let mut roots = Roots::new();
    roots.add_pem(old.root.as_bytes()).unwrap();
    let client = ClientConfig::new(Verifier::web_pki(roots), UnixTime::now).sessions(ClientSessions::new());
    let file = scratch.path("client.pem");
    let client = Reloader::new(client).certificates(CertificateFiles::pair(&file, &file)).unwrap();
    let client = client.live().current();
    assert!(!met(&client, &serving.live().current()).unwrap());
    assert!(met(&client, &serving.live().current()).unwrap());
    scratch.write("ca.pem", &new.root);
    serving.check();
    // The session is no admission any more.
    assert!(matches!(met(&client, &serving.live().current()), Err(Error::CertificateRefused(_))));
}

#[test]
fn a_judge_without_roots_is_told() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    scratch.write("ca.pem", &authority.root);
    for judge in [Judge::Application, Verifier::pinned([[7; 32]]).into()] {
        let config = ClientConfig::new(judge, UnixTime::now);
        let error = Reloader::new(config).roots(scratch.path("ca.pem")).err().unwrap();
        assert!(matches!(error, LoadError::NotJudgedByRoots));
    }
    let error = Reloader::new(crate::kit::server()).roots(scratch.path("ca.pem")).err().unwrap();
    assert!(matches!(error, LoadError::NotJudgedByRoots));
}
