//! Ticket keys of a fleet.

use crate::log::{Log, SECRET, settings, start};
use crate::pair::{configs, connect};
use crate::redis::Redis;
use crate::{Case, case};
use handfast::fleet::{Fleet, FleetSettings, Notice};
use handfast::pki::UnixTime;
use handfast::{ClientConfig, ClientSessions, Judge, ServerConfig};
use libtest_mimic::Failed;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("a session of one machine is resumed by the others", resumed_elsewhere),
        case("of several that begin together, one makes the key", made_once),
        case("the next generation is there half a period ahead, and the last is forgotten", generations),
        case("without the store a machine goes on until its key's time is over", goes_on),
        case("a store that lost the keys is given them back", given_back),
        case("what another fleet put there is refused, told once, and not used", refused),
        case("no key stands in the store in the clear", sealed),
    ]
}

/// Servers and clients of one certificate, which live by the clock of the test.
struct World {
    client: ClientConfig,
    server: ServerConfig,
    clock: Arc<AtomicU64>,
}

const PERIOD: u64 = 1_000;
/// A time at which a generation begins.
const BEGIN: u64 = 1_800_000 * PERIOD;

impl World {
    fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(BEGIN));
        let read = clock.clone();
        let now = move || UnixTime::since_unix_epoch(Duration::from_secs(read.load(Ordering::SeqCst)));
        let identity = crate::pair::identity();
        let client = ClientConfig::new(Judge::application_named("test"), now.clone());
        Self { client, server: ServerConfig::new(identity, now), clock }
    }

    fn settings(&self, redis: &Redis) -> FleetSettings {
        let read = self.clock.clone();
        let seconds = Duration::from_secs;
        let clock = move || SystemTime::UNIX_EPOCH + seconds(read.load(Ordering::SeqCst));
        settings(redis).ticket_keys(seconds(PERIOD), seconds(2 * PERIOD)).unwrap().clock(clock)
    }

    fn at(&self, time: u64) {
        self.clock.store(BEGIN + time, Ordering::SeqCst);
    }

    /// A client that has what this machine gave it.
    fn client_of(&self, fleet: &Fleet) -> ClientConfig {
        let client = self.client.clone().sessions(ClientSessions::new());
        connect(client.clone(), fleet.configure(self.server.clone()));
        client
    }

    fn resumes(&self, client: &ClientConfig, fleet: &Fleet) -> bool {
        connect(client.clone(), fleet.configure(self.server.clone())).1.info().resumed
    }
}

fn looked(fleet: &Fleet, log: &Log, fits: impl Fn(&Notice) -> bool) {
    fleet.look();
    log.wait(0, fits);
}

fn is_key(wanted: u64) -> impl Fn(&Notice) -> bool {
    move |notice| matches!(notice, Notice::Key { number, .. } if *number == BEGIN / PERIOD + wanted)
}

fn resumed_elsewhere() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (_, server) = configs();
    let client =
        ClientConfig::new(Judge::application_named("test"), UnixTime::now).sessions(ClientSessions::new());
    let fleets = [(); 3].map(|()| start(settings(&redis)).0);
    let (_, first) = connect(client.clone(), fleets[0].configure(server.clone()));
    assert!(!first.info().resumed);
    for fleet in &fleets[1..] {
        let (client, server) = connect(client.clone(), fleet.configure(server.clone()));
        assert!(client.info().resumed && server.info().resumed);
    }
    Ok(())
}

fn made_once() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let starting = [(); 8].map(|()| {
        let settings = settings(&redis);
        std::thread::spawn(|| start(settings))
    });
    let fleets = starting.map(|starting| starting.join().unwrap());
    let made =
        |(_, log): &(Fleet, Log)| log.count(|notice| matches!(notice, Notice::Key { made_here: true, .. }));
    let names = redis.names("handfast:key");
    assert_eq!(fleets.iter().map(made).sum::<usize>(), names.len(), "{names:?}");
    for (_, log) in &fleets {
        assert_eq!(log.count(|notice| matches!(notice, Notice::Key { .. })), names.len());
    }
    Ok(())
}

fn generations() -> Result<(), Failed> {
    let (redis, world) = (Redis::start()?, World::new());
    let [(one, one_log), (other, other_log)] = [(); 2].map(|()| start(world.settings(&redis)));
    let name = |number| format!("handfast:key:001000:{:020}", BEGIN / PERIOD + number);
    let first = world.client_of(&one);
    world.at(PERIOD / 2 - 1);
    looked(&one, &one_log, is_key(0));
    assert_eq!(redis.names("handfast:key"), [name(0)]);
    world.at(PERIOD / 2);
    looked(&one, &one_log, is_key(1));
    assert_eq!(redis.names("handfast:key"), [name(0), name(1)]);
    // Both have read it before it encrypts, and it does when its time has come.
    looked(&other, &other_log, is_key(1));
    redis.tell("FLUSHALL");
    world.at(PERIOD);
    let second = world.client_of(&one);
    assert!(world.resumes(&second, &other));
    assert!(world.resumes(&first, &other), "the one before decrypts as long as its tickets live");
    // Nothing is left of what decrypts no more.
    let old = world.client_of(&one);
    world.at(4 * PERIOD);
    looked(&one, &one_log, is_key(4));
    assert!(!world.resumes(&old, &one));
    assert_eq!(redis.names("handfast:key").last(), Some(&name(4)));
    assert!(!redis.names("handfast:key").contains(&name(0)));
    Ok(())
}

fn goes_on() -> Result<(), Failed> {
    let (mut redis, world) = (Redis::start()?, World::new());
    let (fleet, log) = start(world.settings(&redis));
    redis.kill();
    fleet.look();
    log.away(0);
    world.at(PERIOD - 1);
    let client = world.client_of(&fleet);
    assert!(world.resumes(&client, &fleet));
    let client = world.client_of(&fleet);
    world.at(PERIOD);
    // It opens what it sealed, and seals no more.
    assert!(world.resumes(&client, &fleet));
    let late = world.client_of(&fleet);
    assert!(!world.resumes(&late, &fleet));
    log.wait(0, |notice| *notice == Notice::NoKey);
    redis.start_again()?;
    log.wait(0, is_key(1));
    let client = world.client_of(&fleet);
    assert!(world.resumes(&client, &fleet));
    Ok(())
}

fn given_back() -> Result<(), Failed> {
    let (redis, world) = (Redis::start()?, World::new());
    let (one, one_log) = start(world.settings(&redis));
    let client = world.client_of(&one);
    world.at(PERIOD);
    looked(&one, &one_log, is_key(1));
    let names = redis.names("handfast:key");
    redis.tell("FLUSHALL");
    one.look();
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while redis.names("handfast:key") != names {
        assert!(std::time::Instant::now() < end, "{names:?}");
    }
    let (other, other_log) = start(world.settings(&redis));
    assert_eq!(other_log.count(|notice| matches!(notice, Notice::Key { made_here: true, .. })), 0);
    assert!(world.resumes(&client, &other));
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let (redis, world) = (Redis::start()?, World::new());
    let (one, _) = start(world.settings(&redis));
    // Another secret, the same place.
    let stranger = FleetSettings::new(&redis.url(), [8; 32])?.timeout(Duration::from_secs(5))?;
    let clock = world.clock.clone();
    let stranger = stranger
        .ticket_keys(Duration::from_secs(PERIOD), Duration::from_secs(2 * PERIOD))?
        .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst)));
    let (stranger, log) = start(stranger);
    let number = BEGIN / PERIOD;
    assert!(log.all().contains(&Notice::KeyRefused { number }) && log.all().contains(&Notice::NoKey));
    for _ in 0..3 {
        stranger.look();
    }
    let client = world.client_of(&stranger);
    assert!(!world.resumes(&client, &stranger) && !world.resumes(&client, &one));
    // A key of this fleet, under another number.
    let key = redis.tell(&format!("GET handfast:key:001000:{number:020}"));
    let redis::Value::BulkString(key) = key else { panic!("{key:?}") };
    let next = format!("handfast:key:001000:{:020}", number + 1);
    redis::cmd("SET").arg(next).arg(&key).exec(&mut redis.connection())?;
    let (_, log) = start(world.settings(&redis));
    assert!(log.all().contains(&Notice::KeyRefused { number: number + 1 }), "{:?}", log.all());
    assert!(!log.all().contains(&Notice::KeyRefused { number }));
    let once = |notice: &Notice| *notice == Notice::KeyRefused { number };
    assert_eq!(log.count(once), 0);
    Ok(())
}

fn sealed() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (_fleet, _) = start(settings(&redis));
    for name in redis.names("handfast:key") {
        let redis::Value::BulkString(key) = redis.tell(&format!("GET {name}")) else { panic!("{name}") };
        assert_eq!(key.len(), 16 + 12 + 32 + 16);
        // Its first bytes name the secret, which they do not tell.
        assert!(!key.windows(8).any(|bytes| bytes == &SECRET[..8]));
    }
    Ok(())
}
