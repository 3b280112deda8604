//! Sessions by their ids, kept in the fleet's store.

use crate::flights::shake_hands;
use crate::log::{Log, ask, session, settings, start, take};
use crate::pair::identity;
use crate::redis::Redis;
use crate::{Case, case};
use handfast::fleet::{Fleet, Notice};
use handfast::pki::{ServerName, UnixTime};
use handfast::wire::ProtocolVersion;
use handfast::{ClientConfig, ClientSessions, Connection, Identity, Judge, ServerConfig};
use libtest_mimic::Failed;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("a stateful ticket of one machine is resumed by another, once", stateful),
        case("a session id of TLS 1.2 is resumed by others, again and again", session_ids),
        case("sessions that could not be kept are told, and cost a full handshake", not_kept),
        case("of a value that is none, no more is read than a session may have", too_long),
    ]
}

const NAME: &str = "server.example";

fn servers(redis: &Redis, identity: &Arc<Identity>) -> [(Arc<ServerConfig>, Fleet, Log); 2] {
    [(); 2].map(|()| {
        let (fleet, log) = start(settings(redis));
        let server = ServerConfig::new(identity.clone(), UnixTime::now).tickets_sent(1);
        (Arc::new(fleet.configure(server).stateful_tickets()), fleet, log)
    })
}

fn client(version: ProtocolVersion) -> Arc<ClientConfig> {
    let client = ClientConfig::new(Judge::application_named("test"), UnixTime::now).versions(&[version]);
    Arc::new(client.unwrap().sessions(ClientSessions::new()))
}

fn resumes(client: &Arc<ClientConfig>, (server, fleet, _): &(Arc<ServerConfig>, Fleet, Log)) -> bool {
    let connection = Connection::client(client, ServerName::try_from(NAME).unwrap()).unwrap();
    let (client, server) = shake_hands(connection, server, fleet);
    assert_eq!(client.info().resumed, server.info().resumed);
    server.info().resumed
}

/// Waits until the store has so many sessions; gives their names.
fn kept(redis: &Redis, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let names = redis.names("handfast:session");
        if wanted(&names) {
            return names;
        }
        assert!(Instant::now() < end, "{names:?}");
    }
}

fn stateful() -> Result<(), Failed> {
    let (redis, identity) = (Redis::start()?, Arc::new(identity()));
    let servers = servers(&redis, &identity);
    let client = client(ProtocolVersion::TLS13);
    assert!(!resumes(&client, &servers[0]));
    let mut before = kept(&redis, |names| names.len() == 1);
    // Each connection uses up the session of the one before, and leaves one.
    for server in [&servers[1], &servers[0], &servers[1]] {
        assert!(resumes(&client, server));
        before = kept(&redis, |names| names.len() == 1 && names != before);
    }
    let left: i64 = redis::from_redis_value(redis.tell(&format!("PTTL {}", before[0])))?;
    assert!((1..=24 * 3600 * 1000).contains(&left), "{left}");
    Ok(())
}

fn session_ids() -> Result<(), Failed> {
    let (redis, identity) = (Redis::start()?, Arc::new(identity()));
    let servers = servers(&redis, &identity);
    let client = client(ProtocolVersion::TLS12);
    assert!(!resumes(&client, &servers[0]));
    let names = kept(&redis, |names| names.len() == 1);
    for server in [&servers[1], &servers[0], &servers[1]] {
        assert!(resumes(&client, server));
    }
    assert_eq!(redis.names("handfast:session"), names);
    // What the store says instead is none of theirs.
    redis.tell(&format!("SET {} sealed", names[0]));
    assert!(!resumes(&client, &servers[1]));
    Ok(())
}

fn not_kept() -> Result<(), Failed> {
    let (redis, identity) = (Redis::start()?, Arc::new(identity()));
    let servers = servers(&redis, &identity);
    let client = client(ProtocolVersion::TLS13);
    redis.tell("CONFIG SET maxmemory 1");
    assert!(!resumes(&client, &servers[0]));
    let log = &servers[0].2;
    let (lost, _) = log.wait(0, |notice| matches!(notice, Notice::SessionsLost { .. }));
    assert_eq!(lost, Notice::SessionsLost { sessions: 1 });
    log.wait(0, |notice| matches!(notice, Notice::Refused { why, .. } if why.contains("OOM")));
    redis.tell("CONFIG SET maxmemory 0");
    assert!(!resumes(&client, &servers[1]));
    kept(&redis, |names| names.len() == 1);
    assert!(resumes(&client, &servers[0]));
    Ok(())
}

fn too_long() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, _) = crate::log::ready(&redis, settings(&redis));
    let name = format!("handfast:session:{}", "01".repeat(32));
    redis.tell(&format!("SETRANGE {name} 50000000 x"));
    let question = session(1);
    let Some(handfast::Answer::Session(sealed)) = crate::log::block_on(fleet.answer_later(&question)) else {
        panic!("no session");
    };
    assert_eq!(sealed.len(), handfast::limits::TICKET_BYTES);
    assert_eq!((ask(&fleet, &take(1)), ask(&fleet, &take(1))), ("first", "replayed"));
    Ok(())
}
