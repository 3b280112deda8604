//! Whoever resumes a session is judged again, where the configuration says so; and what
//! else makes a session be of no use.

use super::kit::*;
use super::resumption::{Clock, VERSIONS, keeping, resumed, sessions};
use crate::alert::AlertDescription;
use crate::config::{ClientAuth, ClientConfig, Judge, ServerConfig};
use crate::early::{EarlyData, EarlyReason};
use crate::error::Error;
use crate::identity::Identity;
use crate::info::Trust;
use crate::observe::{Observed, Observer};
use crate::pki::{CertificateDer, PrivateKeyDer, Purpose, Roots, Verifier};
use crate::question::{Answer, OwnedQuestion};
use crate::schedule::Side;
use crate::session::{ClientSessions, ReplayRegister, TicketKeys};
use crate::wire::ProtocolVersion;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use std::sync::{Arc, Mutex};

const HALF_A_DAY: u64 = 12 * 3600;

/// The verdicts on a configuration's connections.
#[derive(Default)]
struct Verdicts(Mutex<Vec<(bool, String)>>);

impl Verdicts {
    fn take(&self) -> Vec<(bool, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Verdicts {
    fn observe(&self, event: &Observed<'_>) {
        if let Observed::Verdict { accepted, sentence } = event {
            self.0.lock().unwrap().push((*accepted, (*sentence).to_owned()));
        }
    }
}

/// A root, and chains below it whose authority between expires within half a day of the
/// time of the tests, or does not.
struct Chains {
    root: CertificateDer<'static>,
    brief: Arc<Identity>,
    lasting: Arc<Identity>,
}

impl Chains {
    fn new() -> Self {
        let authority = |name: &str| {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(authority("root"), key()).unwrap();
        let below = |name: &str, not_after| {
            let mut params = authority(name);
            params.not_after = not_after;
            let between = CertifiedIssuer::signed_by(params, key(), &root).unwrap();
            let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages =
                vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
            let own = key();
            let leaf = params.signed_by(&own, &between).unwrap();
            let own = PrivateKeyDer::try_from(own.serialize_der()).unwrap();
            let chain = vec![leaf.der().clone(), between.der().clone()];
            Arc::new(Identity::new(chain, &own).unwrap())
        };
        Self {
            brief: below("brief", rcgen::date_time_ymd(2026, 9, 22)),
            lasting: below("lasting", rcgen::date_time_ymd(2036, 9, 22)),
            root: root.der().clone(),
        }
    }

    fn trusted(&self) -> Verifier {
        let mut roots = Roots::new();
        roots.add(self.root.clone()).unwrap();
        Verifier::web_pki(roots)
    }
}

type Asked = Arc<Mutex<Vec<OwnedQuestion>>>;

/// What the application says to each question, and the questions that it was asked.
fn application(
    says: impl Fn(bool) -> Answer + 'static,
) -> (Asked, impl FnMut(&OwnedQuestion) -> Option<Answer> + 'static) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    (asked, move |question: &OwnedQuestion| {
        let OwnedQuestion::Verify { resumed, .. } = question else { return None };
        kept.lock().unwrap().push(question.clone());
        Some(says(*resumed))
    })
}

/// Two that keep sessions, of which the client's judge is the application.
fn judging_servers(version: ProtocolVersion) -> (ClientConfig, ServerConfig) {
    let (client, _) = keeping(version);
    let stapling = ServerConfig::new(PKI.server.identity().with_ocsp(b"staple".to_vec()), now);
    let server = stapling.versions(&[version]).unwrap().tickets(TicketKeys::random());
    (client.with_judge(Judge::Application).verify_on_resumption(), server)
}

/// The same of which the server's is.
fn judging_clients(version: ProtocolVersion) -> (ClientConfig, ServerConfig) {
    let (client, server) = keeping(version);
    let server = server.client_auth(ClientAuth::Require(Judge::Application)).verify_on_resumption();
    (client.identity(PKI.client.identity()), server)
}

/// Such configurations after a first handshake, in which the application accepted.
pub(super) fn primed_again(side: Side, version: ProtocolVersion) -> (ClientConfig, ServerConfig) {
    let accept = |_: &OwnedQuestion| Some(Answer::Accept);
    let (client, server) = match side {
        Side::Client => judging_servers(version),
        Side::Server => judging_clients(version),
    };
    connected(Party::client(&client).answering(accept), Party::server(&server).answering(accept));
    assert!(sessions(&client) > 0);
    (client, server)
}

#[test]
fn a_policy_of_a_client_judges_before_a_session_is_offered() {
    let chains = Chains::new();
    for version in VERSIONS {
        for again in [false, true] {
            let (clock, heard) = (Clock::new(), Arc::new(Verdicts::default()));
            let client = ClientConfig::new(chains.trusted(), clock.reading()).versions(&[version]).unwrap();
            let client = client.sessions(ClientSessions::new()).observer(heard.clone());
            let client = if again { client.verify_on_resumption() } else { client };
            let server = |identity: &Arc<Identity>, keys: &Arc<TicketKeys>| {
                ServerConfig::new(identity.clone(), clock.reading()).tickets(keys.clone())
            };
            let keys = Arc::new(TicketKeys::random());
            assert!(!resumed(&client, &server(&chains.brief, &keys)));
            heard.take();
            // Accepted again, which is told; and the report is that of today.
            let (c, _) = connect(&client, &server(&chains.brief, &keys));
            assert!(c.c.info().resumed && c.c.info().report.is_some() == again);
            assert_eq!(heard.take().len(), usize::from(again));
            let before = sessions(&client);
            clock.pass(HALF_A_DAY);
            let (c, _) = connect(&client, &server(&chains.lasting, &keys));
            assert_eq!(c.c.info().resumed, !again, "{version}");
            assert_eq!(c.c.info().trust, Trust::Policy);
            let verdicts = heard.take();
            if again {
                // Refused, and not offered; then accepted with the chain that is shown.
                assert!(matches!(&verdicts[..], [(false, _), (true, _)]), "{verdicts:?}");
                assert!(verdicts[0].1.contains("expired"), "{verdicts:?}");
                // The one that was refused is gone.
                let new = if version == ProtocolVersion::TLS13 { 2 } else { 1 };
                assert_eq!(sessions(&client), before - 1 + new);
                assert!(resumed(&client, &server(&chains.lasting, &keys)));
            }
        }
    }
}

#[test]
fn a_policy_of_a_server_judges_before_a_session_is_taken() {
    let chains = Chains::new();
    for version in VERSIONS {
        for again in [false, true] {
            let (clock, heard) = (Clock::new(), Arc::new(Verdicts::default()));
            let (client, _) = keeping(version);
            let client = client.identity(chains.brief.clone());
            let server = ServerConfig::new(PKI.server.identity(), clock.reading())
                .versions(&[version])
                .unwrap()
                .tickets(TicketKeys::random())
                .client_auth(ClientAuth::Require(chains.trusted().into()))
                .ask_when_refused()
                .observer(heard.clone());
            let server = if again { server.verify_on_resumption() } else { server };
            assert!(!resumed(&client, &server));
            heard.take();
            let (_, s) = connect(&client, &server);
            assert!(s.c.info().resumed && s.c.info().report.is_some() == again);
            assert_eq!(s.c.info().trust, Trust::Policy);
            assert_eq!(heard.take().len(), usize::from(again));
            clock.pass(HALF_A_DAY);
            // The full handshake asks for the certificate again: a person may accept it.
            let person = |_: &OwnedQuestion| Some(Answer::AcceptThisOnce("the tests".to_owned()));
            let (c, s) = connected(Party::client(&client), Party::server(&server).answering(person));
            assert_eq!((c.c.info().resumed, s.c.info().resumed), (!again, !again), "{version}");
            assert_eq!(matches!(s.c.info().trust, Trust::AcceptedThisOnce(_)), again);
            let verdicts = heard.take();
            let expected = if again { 2 } else { 0 };
            assert_eq!(verdicts.iter().filter(|(accepted, _)| !accepted).count(), expected, "{verdicts:?}");
        }
    }
}

#[test]
fn an_application_without_a_name_takes_part() {
    for version in VERSIONS {
        let (client, server) = judging_servers(version);
        for again in [false, true, true] {
            let (asked, accept) = application(|_| Answer::Accept);
            let (c, s) = connected(Party::client(&client).answering(accept), Party::server(&server));
            assert_eq!((c.c.info().resumed, s.c.info().resumed), (again, again), "{version}");
            assert_eq!(c.c.info().trust, Trust::Application);
            let asked = asked.lock().unwrap();
            let [OwnedQuestion::Verify { chain, name, purpose, ocsp, resumed }] = &asked[..] else {
                panic!("{asked:?}")
            };
            assert_eq!((&chain[..], *resumed), (&PKI.server.chain[..], again));
            assert_eq!(
                (name.as_ref(), *purpose, &ocsp[..]),
                (Some(&self::name()), Purpose::Server, &b"staple"[..])
            );
        }
        let (client, server) = judging_clients(version);
        for again in [false, true, true] {
            let (asked, accept) = application(|_| Answer::Accept);
            let (c, s) = connected(Party::client(&client), Party::server(&server).answering(accept));
            assert_eq!((c.c.info().resumed, s.c.info().resumed), (again, again), "{version}");
            assert_eq!(s.c.info().trust, Trust::Application);
            let asked = asked.lock().unwrap();
            let [OwnedQuestion::Verify { chain, name: None, purpose: Purpose::Client, ocsp, resumed }] =
                &asked[..]
            else {
                panic!("{asked:?}")
            };
            assert_eq!((&chain[..], *resumed, ocsp.len()), (&PKI.client.chain[..], again, 0));
        }
    }
}

/// The server has chosen: there is no way back to a full handshake.
#[test]
fn a_client_s_application_that_refuses_ends_the_handshake() {
    let (unknown, denied) = (AlertDescription::CERTIFICATE_UNKNOWN, AlertDescription::ACCESS_DENIED);
    for version in VERSIONS {
        for (answer, alert) in [
            (Answer::Reject("no more".to_owned()), unknown),
            (Answer::RejectWith(denied, "no more".to_owned()), denied),
            (Answer::RejectWith(AlertDescription::CLOSE_NOTIFY, "no more".to_owned()), unknown),
        ] {
            let (client, server) = primed_again(Side::Client, version);
            let (_, refuse) = application(move |_| answer.clone());
            let (mut c, mut s) = (Party::client(&client).answering(refuse), Party::server(&server));
            pump(&mut c, &mut s);
            let Some(Error::CertificateRejected { reason, .. }) = &c.error else { panic!("{:?}", c.error) };
            assert_eq!(reason, "no more");
            assert!(
                matches!(&s.error, Some(Error::AlertReceived { description, .. }) if *description == alert)
            );
            // Nobody is taken for anybody.
            let info = c.c.info();
            assert!(!info.resumed && !info.is_proven() && info.peer_chain.is_none(), "{version}");
            assert!(!c.is_done() && !s.is_done());
        }
    }
}

#[test]
fn a_server_s_application_that_refuses_has_the_client_show_its_certificate() {
    for version in VERSIONS {
        let (client, server) = primed_again(Side::Server, version);
        let heard = Arc::new(Verdicts::default());
        let server = server.observer(heard.clone());
        let (asked, answer) = application(|resumed| match resumed {
            true => Answer::Reject("it is a new day".to_owned()),
            false => Answer::Accept,
        });
        let (c, s) = connected(Party::client(&client), Party::server(&server).answering(answer));
        assert!(!c.c.info().resumed && !s.c.info().resumed);
        assert_eq!(s.c.info().trust, Trust::Application);
        assert_eq!(asked.lock().unwrap().len(), 2);
        let verdicts = heard.take();
        assert!(matches!(&verdicts[..], [(false, why)] if why.ends_with("it is a new day")), "{verdicts:?}");
        // In the full handshake its refusal is the end.
        let (_, refuse) = application(|_| Answer::Reject("nor now".to_owned()));
        let (mut c, mut s) = (Party::client(&client), Party::server(&server).answering(refuse));
        pump(&mut c, &mut s);
        assert!(matches!(s.error, Some(Error::CertificateRejected { .. })), "{version} {:?}", s.error);
    }
}

/// Whoever showed no certificate has nothing that could be judged.
#[test]
fn nobody_is_not_asked_about() {
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let server = server.client_auth(ClientAuth::Request(Judge::Application)).verify_on_resumption();
        assert!(!resumed(&client, &server));
        assert!(resumed(&client, &server), "{version}");
        // With a judge that resumes nothing otherwise, a session is of those who are asked again.
        let (client, server) = judging_servers(version);
        let accept = |_: &OwnedQuestion| Some(Answer::Accept);
        connected(Party::client(&client).answering(accept), Party::server(&server));
        let store = client.sessions.clone().unwrap();
        let once = ClientConfig::new(Judge::Application, now).versions(&[version]).unwrap().sessions(store);
        let (c, _) = connected(Party::client(&once).answering(accept), Party::server(&server));
        assert!(!c.c.info().resumed);
    }
}

#[test]
fn who_was_accepted_for_once_is_asked_about_again_here_too() {
    let accept = |_: &OwnedQuestion| Some(Answer::AcceptThisOnce("the tests".to_owned()));
    for version in VERSIONS {
        let (client, server) = keeping(version);
        let client = client.with_judge(distrusting()).ask_when_refused().verify_on_resumption();
        for _ in 0..2 {
            let (c, _) = connected(Party::client(&client).answering(accept), Party::server(&server));
            assert!(!c.c.info().resumed && matches!(c.c.info().trust, Trust::AcceptedThisOnce(_)));
            assert_eq!(sessions(&client), 0, "{version}");
        }
    }
}

/// Whether or not the peer is judged again: each makes the handshake a full one, but for
/// another application protocol (RFC 7301 section 3.1).
#[test]
fn what_changes_makes_the_handshake_a_full_one() {
    let more_roots = || {
        let mut roots = Roots::new();
        roots.add(PKI.authority.clone()).unwrap();
        roots.add(PKI.server.chain[0].clone()).unwrap();
        Verifier::web_pki(roots)
    };
    let strict = || trusting().with_most_intermediates(1);
    type Change = fn(ClientConfig, ServerConfig) -> (ClientConfig, ServerConfig);
    for version in VERSIONS {
        for again in [false, true] {
            let primed = || {
                let (client, server) = keeping(version);
                let client = client.identity(PKI.client.identity()).alpn(&[b"h2", b"h3"]).unwrap();
                let server =
                    server.client_auth(ClientAuth::Request(trusting().into())).alpn(&[b"h2"]).unwrap();
                let (client, server) = match again {
                    true => (client.verify_on_resumption(), server.verify_on_resumption()),
                    false => (client, server),
                };
                assert!(!resumed(&client, &server));
                (client, server)
            };
            let resumes = |change: &dyn Fn(ClientConfig, ServerConfig) -> (ClientConfig, ServerConfig)| {
                let (client, server) = primed();
                let (client, server) = change(client, server);
                resumed(&client, &server)
            };
            let nothing: Change = |client, server| (client, server);
            assert!(resumes(&nothing));
            assert!(!resumes(&|c, s| (c.with_judge(strict()), s)), "a client's policy");
            assert!(!resumes(&|c, s| (c, s.client_auth(ClientAuth::Request(strict().into())))), "a server's");
            assert!(!resumes(&|c, s| (c.with_judge(more_roots()), s)), "a client's trust store");
            let trusts_more = |s: ServerConfig| s.client_auth(ClientAuth::Request(more_roots().into()));
            assert!(!resumes(&|c, s| (c, trusts_more(s))), "a server's trust store");
            let demand = |s: ServerConfig| s.client_auth(ClientAuth::Require(trusting().into()));
            assert!(!resumes(&|c, s| (c, demand(s))), "a demand for certificates");
            assert!(!resumes(&|c, s| (c, s.client_auth(ClientAuth::None))), "none");
            // Another name is another server's, whatever the tickets' keys.
            let renamed = |s: ServerConfig| s.with_identities([PKI.other.identity()]);
            assert!(!resumes(&|c, s| (c.with_judge(Verifier::dangerous_accept_any()), renamed(s))), "a name");
            let (client, server) = primed();
            let (c, s) = connect(&client, &server.alpn(&[b"h3"]).unwrap());
            assert!(c.c.info().resumed && s.c.info().resumed, "{version}: an application protocol");
            assert_eq!(c.c.info().alpn.as_deref(), Some(&b"h3"[..]));
        }
    }
}

/// Early data would be with a server before the application has said what it thinks of it.
#[test]
fn no_early_data_goes_to_whom_the_application_is_yet_to_judge() {
    let accept = |_: &OwnedQuestion| Some(Answer::Accept);
    for (judge, decided) in [
        (Judge::Application, EarlyData::NotOffered(EarlyReason::NotJudged)),
        (trusting().into(), EarlyData::Offered),
    ] {
        let (client, server) = keeping(ProtocolVersion::TLS13);
        let client = client.with_judge(judge).verify_on_resumption().early_data();
        let server = server.early_data(100, ReplayRegister::new());
        connected(Party::client(&client).answering(accept), Party::server(&server));
        let again = Party::client(&client).answering(accept);
        assert_eq!(again.c.info().early_data, decided);
        let (c, _) = connected(again, Party::server(&server));
        assert!(c.c.info().resumed);
    }
}
