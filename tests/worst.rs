//! Chains that are made to be slow: what judging them costs is bounded, grows
//! no faster than they do, and changes no verdict. Steps are counted, not time;
//! `benches/worst.rs` draws the curve over time.

#[path = "support/pair.rs"]
#[allow(dead_code)] // others use the rest of it
mod pair;
#[path = "support/worst.rs"]
#[allow(dead_code)] // others use the rest of it
mod worst;

use handfast::pki::{PrivateKeyDer, Profile, Purpose, Report, ServerName, UnixTime};
use handfast::wire::ProtocolVersion;
use handfast::{ClientAuth, ClientConfig, Connection, Event, Identity, Judge, ServerConfig, limits};
use std::sync::Arc;
use std::time::Duration;
use worst::{ALL, Case, NAME, NOW};

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW))
}

fn judged(case: &Case, profile: Profile, purpose: Purpose) -> Report {
    let name = ServerName::try_from(NAME).unwrap();
    let verifier = case.verifier().with_profile(profile);
    match verifier.verify_stapled(&case.chain, &case.staple, Some(&name), purpose, now()) {
        Ok(accepted) => accepted.report,
        Err(refused) => refused.report,
    }
}

#[test]
fn each_costs_no_more_than_the_limit_and_twice_as_much_for_twice_the_octets() {
    const MOST: usize = limits::CHAIN_COST + limits::CHAIN_COST_OF_WORDS;
    for (what, ten, make) in ALL {
        let mut last: Option<(usize, usize)> = None;
        for size in [25_000, 50_000, 100_000] {
            let case = make(size);
            assert!(!ten || case.chain.len() <= limits::CHAIN_CERTIFICATES, "{what}");
            assert!(case.octets() <= size + size / 20, "{what}: {} for {size}", case.octets());
            let report = judged(&case, Profile::WEBPKI, Purpose::Server);
            let cost = report.cost();
            assert!((1..=MOST).contains(&cost), "{what}: {cost}");
            let cut = report.broken().is_some_and(|rule| rule.name() == "Budget");
            assert_eq!(report.accepted(), case.accepted && !cut, "{what}: {report}");
            assert!(!cut || cost > limits::CHAIN_COST, "{what}: {cost}");
            if let Some((octets, before)) = last {
                let growth = case.octets().div_ceil(octets).max(1);
                assert!(
                    cost <= growth * before + before / 10,
                    "{what}: {before} for {octets}, {cost} for {size}"
                );
            }
            last = Some((case.octets(), cost));
            for profile in [Profile::PRIVATE, Profile::STRICT] {
                assert!((1..=MOST).contains(&judged(&case, profile, Purpose::Client).cost()), "{what}");
            }
        }
    }
}

/// The message of one side, whose other side has this verifier: whether it
/// was accepted, and the report.
fn shown_by_server(case: &Case, version: ProtocolVersion) -> Arc<Report> {
    let client = ClientConfig::new(case.verifier(), now).versions(&[version]).unwrap();
    let server = ServerConfig::new(identity(case), now).versions(&[version]).unwrap();
    let (met, _) = shake(client, server);
    met.info().report.clone().unwrap()
}

fn shown_by_client(case: &Case, version: ProtocolVersion) -> Arc<Report> {
    let client = ClientConfig::new(Judge::Application, now).versions(&[version]).unwrap();
    let client = client.identity(identity(case));
    let server = ServerConfig::new(pair::identity(), now).versions(&[version]).unwrap();
    let server = server.client_auth(ClientAuth::Require(case.verifier().into()));
    shake(client, server).1.info().report.clone().unwrap()
}

fn identity(case: &Case) -> Identity {
    let key = PrivateKeyDer::try_from(case.key.clone()).unwrap();
    let identity = Identity::new(case.chain.clone(), &key).unwrap();
    if case.staple.is_empty() { identity } else { identity.with_ocsp(case.staple.clone()) }
}

/// Both sides, as far as they come; the application accepts whom it is asked about.
fn shake(client: ClientConfig, server: ServerConfig) -> (Connection, Connection) {
    let name = ServerName::try_from(NAME).unwrap();
    let mut client = Connection::client(&Arc::new(client), name).unwrap();
    let mut server = Connection::server(&Arc::new(server));
    let mut moved = 1;
    while moved > 0 {
        moved = pair::transfer(&mut client, &mut server);
        let on = go_on(&mut server);
        moved += pair::transfer(&mut server, &mut client);
        if !(go_on(&mut client) && on) {
            pair::transfer(&mut client, &mut server);
            break;
        }
    }
    (client, server)
}

/// Whether nothing is wrong so far.
fn go_on(side: &mut Connection) -> bool {
    loop {
        match side.next() {
            Ok(Event::NeedInput) => return true,
            Ok(Event::Ask(_)) => side.answer(handfast::Answer::Accept).unwrap(),
            Ok(Event::HandshakeDone) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

#[test]
fn a_client_and_a_server_judge_what_fits_into_a_message() {
    for (what, _, make) in ALL.iter().filter(|(_, ten_certificates, _)| *ten_certificates) {
        let case = make(90_000);
        for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
            for report in [shown_by_server(&case, version), shown_by_client(&case, version)] {
                let cut = report.broken().is_some_and(|rule| rule.name() == "Budget");
                assert_eq!(report.accepted(), case.accepted && !cut, "{what} {version}: {report}");
                assert!(report.cost() <= limits::CHAIN_COST + limits::CHAIN_COST_OF_WORDS, "{what}");
            }
        }
    }
}

#[test]
fn how_many_certificates_a_peer_may_send_is_a_setting() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        for (count, setting, holds) in [
            (limits::CHAIN_CERTIFICATES, None, true),
            (limits::CHAIN_CERTIFICATES + 1, None, false),
            (limits::CHAIN_CERTIFICATES + 1, Some(11), true),
            (3, Some(2), false),
            (3, Some(3), true),
        ] {
            let case = worst::straight(count - 1);
            assert_eq!(case.chain.len(), count);
            let mut client = ClientConfig::new(case.verifier(), now).versions(&[version]).unwrap();
            let mut server = ServerConfig::new(identity(&case), now).versions(&[version]).unwrap();
            if let Some(setting) = setting {
                client = client.longest_chain(setting).unwrap();
            }
            let (met, _) = shake(client, server);
            assert_eq!(met.info().is_proven(), holds, "{count} {setting:?}");

            let client = ClientConfig::new(Judge::Application, now).versions(&[version]).unwrap();
            let client = client.identity(identity(&case));
            server = ServerConfig::new(pair::identity(), now).versions(&[version]).unwrap();
            server = server.client_auth(ClientAuth::Require(case.verifier().into()));
            if let Some(setting) = setting {
                server = server.longest_chain(setting).unwrap();
            }
            let (_, met) = shake(client, server);
            assert_eq!(met.info().is_proven(), holds, "{count} {setting:?}");
        }
    }
    let config = || ClientConfig::new(Judge::Application, now);
    for bad in [0, limits::CHAIN_CERTIFICATES_MOST + 1] {
        let said = config().longest_chain(bad).unwrap_err().to_string();
        assert_eq!(said, format!("chains of {bad} certificates cannot be asked for, but of 1 to 64"));
    }
    assert!(config().longest_chain(limits::CHAIN_CERTIFICATES_MOST).is_ok());
}

#[test]
fn a_chain_that_is_too_long_says_what_is_to_be_done() {
    let case = worst::straight(limits::CHAIN_CERTIFICATES);
    let client = ClientConfig::new(case.verifier(), now);
    let name = ServerName::try_from(NAME).unwrap();
    let mut client = Connection::client(&Arc::new(client), name).unwrap();
    let mut server = Connection::server(&Arc::new(ServerConfig::new(identity(&case), now)));
    let said = loop {
        pair::transfer(&mut client, &mut server);
        assert!(go_on(&mut server));
        pair::transfer(&mut server, &mut client);
        match client.next() {
            Ok(Event::NeedInput) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(said.contains("more certificates than this side takes: 10,"), "{said}");
    assert!(said.contains("longest_chain"), "{said}");
}

/// What only rules outside of the profile look at costs nothing.
#[test]
fn a_rule_outside_of_the_profile_costs_nothing() {
    let names = |count: usize| {
        let names: Vec<_> =
            (0..count).map(|n| worst::tlv(0x82, &[format!("n{n}.example").as_bytes()])).collect();
        worst::one_leaf(&names)
    };
    let case = names(1000);
    let octets = case.octets();
    let cost = |profile| judged(&case, profile, Purpose::Server).cost();
    let private = cost(Profile::PRIVATE);
    let webpki = cost(Profile::WEBPKI.without(handfast::pki::Rule::PublicSuffix));
    // One rule looks at each name once; the others ask what reading them found.
    assert!(webpki - private > octets / 2 && webpki - private < 2 * octets, "{private} {webpki} {octets}");
    let none = Profile::WEBPKI.rules().filter(|rule| !Profile::PRIVATE.has(*rule));
    let none = none.fold(Profile::WEBPKI, Profile::without);
    assert_eq!(cost(none), private);
}
