//! Whole handshakes with early data: one first flight at many servers, and all servers
//! while their store is away.

use crate::log::{Log, block_on, settings, start, until_ready};
use crate::pair::identity;
use crate::redis::Redis;
use crate::{Case, case};
use handfast::fleet::{Fleet, Notice, Register};
use handfast::pki::{ServerName, UnixTime};
use handfast::{
    Answer, ClientConfig, ClientSessions, Connection, EarlyData, EarlyReason, Event, Judge, Question,
    ServerConfig,
};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("ten thousand replays of one first flight at three servers: one takes it", ten_thousand),
        case("replays at the edges of the window: one takes it", edges),
        case("whatever becomes of the store, each handshake succeeds and nothing is taken twice", outages),
    ]
}

const NAME: &str = "server.example";
/// A time for answers that no busy machine needs.
const PATIENT: Duration = Duration::from_secs(5);

const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// A time of the test's own, which stands still.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    fn now(&self) -> impl Fn() -> UnixTime + Send + Sync + 'static + use<> {
        let clock = self.0.clone();
        move || UnixTime::since_unix_epoch(Duration::from_secs(clock.load(Ordering::SeqCst)))
    }
}

/// Seconds of the system's clock, which the fleet's keys live by.
fn today() -> u64 {
    UnixTime::now().as_secs()
}

/// What three servers of one fleet have in common.
struct World {
    client: Arc<ClientConfig>,
    identity: Arc<handfast::Identity>,
    window: Duration,
}

impl World {
    fn new(clock: &Clock, window: u64) -> Self {
        let client = ClientConfig::new(Judge::application_named("test"), clock.now());
        let client = Arc::new(client.sessions(ClientSessions::new()).early_data());
        Self { client, identity: Arc::new(identity()), window: Duration::from_secs(window) }
    }

    fn server(&self, fleet: &Fleet, clock: &Clock) -> Arc<ServerConfig> {
        let server = ServerConfig::new(self.identity.clone(), clock.now()).tickets_sent(8);
        let server = server.early_data(16_384, fleet).early_data_window(self.window).unwrap();
        Arc::new(fleet.configure(server))
    }

    fn client(&self) -> Connection {
        Connection::client(&self.client, ServerName::try_from(NAME).unwrap()).unwrap()
    }

    /// The first flight of a client that resumes what a server gave it, as an attacker
    /// copies it from the wire.
    fn first_flight(&self, fleet: &Fleet, server: &Arc<ServerConfig>) -> Vec<u8> {
        shake_hands(self.client(), server, fleet);
        let mut client = self.client();
        assert_eq!(client.send_early(REQUEST).unwrap(), REQUEST.len());
        client.pending().to_vec()
    }
}

/// The fleet's answer: in a thread, or as a task.
fn answered(fleet: &Fleet, question: Question<'_>, later: bool) -> Answer {
    match question {
        Question::Verify { .. } => Answer::Accept,
        question if later => block_on(fleet.answer_later(&question.into_owned())).unwrap(),
        question => fleet.answer(&question).unwrap(),
    }
}

fn copy(bytes: &mut &[u8], to: &mut Connection) {
    while let (false, Some(mut space)) = (bytes.is_empty(), to.space()) {
        let n = space.len().min(bytes.len());
        space[..n].copy_from_slice(&bytes[..n]);
        space.filled(n);
        *bytes = &bytes[n..];
    }
}

/// What a server makes of these bytes, and what early data it took.
fn offered(mut bytes: &[u8], server: &Arc<ServerConfig>, fleet: &Fleet, later: bool) -> (EarlyData, Vec<u8>) {
    let mut server = Connection::server(server);
    let mut taken = Vec::new();
    loop {
        copy(&mut bytes, &mut server);
        let n = match server.next().unwrap() {
            Event::NeedInput if bytes.is_empty() => return (server.info().early_data, taken),
            Event::EarlyData(data) => {
                taken.extend_from_slice(data);
                data.len()
            }
            Event::Ask(question) => {
                let answer = answered(fleet, question, later);
                server.answer(answer).unwrap();
                0
            }
            _ => 0,
        };
        server.consume(n);
    }
}

/// To its end, with data in both directions behind it.
pub(crate) fn shake_hands(
    mut client: Connection,
    server: &Arc<ServerConfig>,
    fleet: &Fleet,
) -> (Connection, Connection) {
    let mut server = Connection::server(server);
    for round in 0..20 {
        if !client.is_handshaking() && !server.is_handshaking() {
            break;
        }
        assert!(round < 19, "the handshake stands still");
        step(&mut client, &mut server, fleet);
        step(&mut server, &mut client, fleet);
    }
    client.send(b"ping").unwrap();
    server.send(b"pong").unwrap();
    assert!(step(&mut client, &mut server, fleet).ends_with(b"ping"));
    assert!(step(&mut server, &mut client, fleet).ends_with(b"pong"));
    (client, server)
}

/// Brings what one has to say to the other; what data came.
fn step(from: &mut Connection, to: &mut Connection, fleet: &Fleet) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let sent = from.pending().to_vec();
        let mut rest = &sent[..];
        copy(&mut rest, to);
        let moved = sent.len() - rest.len();
        from.sent(moved);
        loop {
            let n = match to.next().unwrap() {
                Event::NeedInput => break,
                Event::EarlyData(bytes) | Event::Data(bytes) => {
                    data.extend_from_slice(bytes);
                    bytes.len()
                }
                Event::Ask(question) => {
                    let answer = answered(fleet, question, false);
                    to.answer(answer).unwrap();
                    0
                }
                _ => 0,
            };
            to.consume(n);
        }
        if moved == 0 {
            return data;
        }
    }
}

/// Three machines of one fleet, whose register has been there for an hour.
fn three(redis: &Redis, window: u64, timeout: Duration) -> Machines {
    let fleets = [(); 3].map(|()| {
        let settings = settings(redis).early_data_window(Duration::from_secs(window)).unwrap();
        start(settings.timeout(timeout).unwrap())
    });
    redis.ages();
    for (fleet, log) in &fleets {
        until_ready(fleet, log, 0);
    }
    fleets
}

/// All at once, a third of them at each; how many of each decision.
fn replayed(flight: &[u8], servers: &[(Arc<ServerConfig>, Fleet)], each: usize) -> BTreeMap<String, usize> {
    let barrier = Arc::new(Barrier::new(servers.len() * 2));
    let mut found = BTreeMap::new();
    thread::scope(|threads| {
        let threads = servers.iter().flat_map(|server| [(server, false), (server, true)]).map(
            |((server, fleet), later)| {
                let barrier = &barrier;
                threads.spawn(move || {
                    barrier.wait();
                    let decided = (0..each).map(|_| {
                        let (decided, taken) = offered(flight, server, fleet, later);
                        assert_eq!(taken == REQUEST, decided == EarlyData::Accepted);
                        assert!(taken.is_empty() || taken == REQUEST);
                        format!("{decided:?}")
                    });
                    decided.collect::<Vec<_>>()
                })
            },
        );
        for decided in threads.collect::<Vec<_>>() {
            decided.join().unwrap().into_iter().for_each(|decided| *found.entry(decided).or_default() += 1);
        }
    });
    found
}

fn said(early: EarlyData) -> String {
    format!("{early:?}")
}

fn ten_thousand() -> Result<(), Failed> {
    let (redis, clock) = (Redis::start()?, Clock::at(today()));
    // The entry must be there for as long as this takes.
    let fleets = three(&redis, 300, PATIENT);
    let world = World::new(&clock, 300);
    let servers = fleets.each_ref().map(|(fleet, _)| (world.server(fleet, &clock), fleet.clone()));
    let flight = world.first_flight(&servers[0].1, &servers[0].0);
    let found = replayed(&flight, &servers, 1_667);
    assert_eq!(found.values().sum::<usize>(), 10_002);
    assert_eq!(found.get(&said(EarlyData::Accepted)), Some(&1), "{found:?}");
    assert_eq!(found.get(&said(EarlyData::Rejected(EarlyReason::Replayed))), Some(&10_001), "{found:?}");
    Ok(())
}

/// Machines whose clocks are a whole window before and behind the client's.
fn edges() -> Result<(), Failed> {
    const WINDOW: u64 = 300;
    let redis = Redis::start()?;
    let (now, clock) = (today(), Clock::at(today()));
    let fleets = three(&redis, WINDOW, PATIENT);
    let world = World::new(&clock, WINDOW);
    let at = |place: usize, time: u64| {
        let fleet = fleets[place].0.clone();
        (world.server(&fleet, &Clock::at(time)), fleet)
    };
    let flight = world.first_flight(&fleets[0].0, &at(0, now).0);
    // Beyond the edges nobody asks the register.
    let stale = said(EarlyData::Rejected(EarlyReason::Stale));
    let beyond = replayed(&flight, &[at(0, now - WINDOW - 1), at(1, now + WINDOW + 1)], 10);
    assert_eq!(beyond, BTreeMap::from([(stale, 40)]));
    assert!(redis.names("handfast:replay").is_empty());
    // The first who takes it is as early as can be. It is known for as long as it could
    // be taken again, by clocks that are two seconds apart and count whole ones.
    let (seconds, _): (u64, u64) = redis::from_redis_value(redis.tell("TIME"))?;
    let (decided, _) = offered(&flight, &at(0, now - WINDOW).0, &fleets[0].0, false);
    assert_eq!(decided, EarlyData::Accepted);
    let name = redis.names("handfast:replay").remove(0);
    let expires: u64 = redis::from_redis_value(redis.tell(&format!("PEXPIRETIME {name}")))?;
    assert!(expires >= (seconds + 2 * WINDOW + 2 + 1) * 1_000);
    let found = replayed(&flight, &[at(0, now - WINDOW), at(1, now), at(2, now + WINDOW)], 200);
    let before = said(EarlyData::Rejected(EarlyReason::Replayed));
    assert_eq!(found, BTreeMap::from([(before, 1_200)]));
    Ok(())
}

/// The servers share a store that comes and goes. The same first flights are replayed
/// after each change of it, and others go on; none is taken twice.
fn outages() -> Result<(), Failed> {
    let mut redis = Redis::start()?;
    let fleets = three(&redis, 10, Duration::from_millis(500));
    let clock = Clock::at(today());
    let world = World::new(&clock, 10);
    let servers = fleets.each_ref().map(|(fleet, _)| (world.server(fleet, &clock), fleet.clone()));
    let flights = [(); 4].map(|()| world.first_flight(&servers[0].1, &servers[0].0));
    let mut taken = [0; 4];
    let mut replays = |flights: &[Vec<u8>]| {
        let found = flights.iter().zip(&mut taken).map(|(flight, taken)| {
            let found = replayed(flight, &servers, 3);
            let accepted = found.get(&said(EarlyData::Accepted)).copied().unwrap_or_default();
            *taken += accepted;
            accepted
        });
        found.sum::<usize>()
    };
    // A connection with each server, resumed, with early data; how many took it.
    let others = || {
        let connections = servers.iter().map(|(server, fleet)| {
            let mut client = world.client();
            assert_eq!(client.send_early(REQUEST).unwrap(), REQUEST.len());
            let (client, server) = shake_hands(client, server, fleet);
            assert!(client.info().resumed && server.info().resumed);
            assert_eq!(
                client.info().early_data == EarlyData::Accepted,
                server.info().early_data == EarlyData::Accepted
            );
            usize::from(server.info().early_data == EarlyData::Accepted)
        });
        connections.sum::<usize>()
    };
    let all = |what: fn(&Register) -> bool| fleets.iter().for_each(|(_, log)| _ = log.register(0, what));
    // One is not replayed before the store is away.
    assert_eq!((others(), replays(&flights[..3])), (3, 3));

    redis.tell("CONFIG SET maxmemory 1");
    assert_eq!((others(), replays(&flights)), (0, 0));
    all(|register| matches!(register, Register::Broken { why } if why.contains("OOM")));
    redis.tell("CONFIG SET maxmemory 0");
    assert_eq!((others(), replays(&flights[..3])), (3, 0));

    redis.tell("CONFIG SET maxmemory-policy allkeys-random");
    assert_eq!((others(), replays(&flights)), (0, 0));
    all(|register| matches!(register, Register::Evicts { .. }));
    redis.tell("CONFIG SET maxmemory-policy noeviction");
    assert_eq!((others(), replays(&flights[..3])), (3, 0));

    // A command that takes five seconds keeps all others waiting.
    let places = fleets.each_ref().map(|(_, log)| log.all().len());
    thread::scope(|threads| {
        let sleeps = threads.spawn(|| redis.tell("DEBUG SLEEP 5"));
        all_away(&fleets, &places, &others);
        assert_eq!((others(), replays(&flights)), (0, 0));
        sleeps.join().unwrap();
    });
    let places = all_reached(&fleets, &places);

    // It says nothing, as behind a partition.
    redis.stopped(|| {
        all_away(&fleets, &places, &others);
        assert_eq!((others(), replays(&flights)), (0, 0));
    });
    let places = all_reached(&fleets, &places);

    redis.kill();
    all_away(&fleets, &places, &others);
    assert_eq!((others(), replays(&flights)), (0, 0));
    redis.start_again()?;
    assert_eq!(replays(&flights), 0);
    all_reached(&fleets, &places);
    // It knows nothing of what was taken.
    assert_eq!((others(), replays(&flights)), (0, 0));
    assert_eq!(taken, [1, 1, 1, 0]);
    Ok(())
}

type Machines = [(Fleet, Log); 3];

/// Goes on until each machine has found that the store is away.
fn all_away(fleets: &Machines, places: &[usize; 3], others: &dyn Fn() -> usize) {
    let is_away = |notice: &Notice| matches!(notice, Notice::Away { .. });
    while !fleets.iter().zip(places).all(|((_, log), place)| log.all().iter().skip(*place).any(is_away)) {
        others();
    }
}

/// Waits until it is back; gives the places behind that.
fn all_reached(fleets: &Machines, places: &[usize; 3]) -> [usize; 3] {
    let mut places = *places;
    for ((_, log), place) in fleets.iter().zip(&mut places) {
        *place = log.reached(*place).1;
    }
    places
}
