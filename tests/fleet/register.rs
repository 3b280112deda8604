//! The register of replays: what it says, and what makes it begin again.

use crate::log::{LIVES, Log, ask, block_on, ready, register, settings, start, take, until_ready, word};
use crate::redis::Redis;
use crate::{Case, case};
use handfast::fleet::{Fleet, FleetSettings, Notice, Register};
use handfast::{Once, OwnedQuestion, Question};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("ten thousand askings of one thing at three machines: one is the first", ten_thousand),
        case("a ticket is taken once, by whoever deletes it", taken_once),
        case("an entry lives for twice the window, the skew of clocks and a second", entries_live),
        case("a longer window begins another life", longer_window),
        case("a register that was emptied is young", emptied),
        case("a store that restored an old snapshot is young, whatever its birth mark says", restored),
        case("who becomes the master is young, each time", failover),
        case("a replica is away", replica),
        case("a policy that evicts is told, and nothing is the first", evicts),
        case("clocks that are apart are told, and begin another life", apart),
        case("a mark of another type is told", wrong_type),
    ]
}

/// How many of each answer: half by threads, half by futures.
fn askings(fleets: &[Fleet], count: usize, question: &OwnedQuestion) -> BTreeMap<&'static str, usize> {
    let barrier = Arc::new(Barrier::new(fleets.len() * 4));
    let threads = fleets.iter().flat_map(|fleet| (0..4).map(move |number| (number, fleet.clone())));
    let OwnedQuestion::Replay { once } = *question else { panic!("{question:?}") };
    let threads = threads.map(|(number, fleet)| {
        let barrier = barrier.clone();
        thread::spawn(move || {
            barrier.wait();
            let ask = |_| match number % 2 {
                0 => word(fleet.answer(&Question::Replay { once })),
                _ => word(block_on(fleet.answer_later(&OwnedQuestion::Replay { once }))),
            };
            (0..count).map(ask).collect::<Vec<_>>()
        })
    });
    let threads: Vec<_> = threads.collect();
    let mut found = BTreeMap::new();
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).for_each(|answer| {
        *found.entry(answer).or_default() += 1;
    });
    found
}

fn three(redis: &Redis) -> Vec<Fleet> {
    let (first, _) = ready(redis, settings(redis));
    let (second, third) = (ready(redis, settings(redis)).0, ready(redis, settings(redis)).0);
    vec![first, second, third]
}

fn ten_thousand() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let fleets = three(&redis);
    // An entry lives for longer than this takes, whatever the machine is busy with.
    let question = OwnedQuestion::Replay { once: Once::Register { key: [9; 32], lives: LIVES * 100 } };
    assert_eq!(ask(&fleets[0], &question), "unsure");
    redis.ages();
    let found = askings(&fleets, 834, &question);
    assert_eq!(found.values().sum::<usize>(), 10_008);
    assert_eq!(found.get("first"), Some(&1), "{found:?}");
    assert_eq!(found.get("replayed"), Some(&10_007), "{found:?}");
    Ok(())
}

fn taken_once() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let fleets = three(&redis);
    redis.tell(&format!("SET handfast:session:{} sealed", "05".repeat(32)));
    let found = askings(&fleets, 10, &take(5));
    assert_eq!(found, BTreeMap::from([("first", 1), ("replayed", 119)]));
    assert!(redis.names("handfast:session").is_empty());
    Ok(())
}

fn entries_live() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, _) = ready(&redis, settings(&redis));
    assert_eq!(ask(&fleet, &register(1)), "first");
    let name = format!("handfast:replay:{}", "01".repeat(32));
    assert_eq!(redis.names("handfast:replay"), [name.as_str()]);
    // The skew is two seconds, as nothing is said.
    let expires: u64 = redis::from_redis_value(redis.tell(&format!("PEXPIRETIME {name}")))?;
    let left: u64 = redis::from_redis_value(redis.tell(&format!("PTTL {name}")))?;
    assert!(left <= 5_000, "{left}");
    // What its life is, without a clock of ours: the mark says it.
    let mark = redis.text("GET handfast:birth");
    let words: Vec<&str> = mark.split(' ').collect();
    assert_eq!(words[2], "5000");
    assert!(expires > words[1].parse::<u64>()? + 2 * 5_000);
    Ok(())
}

fn longer_window() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    let longer = OwnedQuestion::Replay { once: Once::Register { key: [2; 32], lives: LIVES * 2 } };
    assert_eq!(ask(&fleet, &longer), "unsure");
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    until_ready(&fleet, &log, log.register(0, |register| *register == Register::Ready));
    // And what asks for less lives as long.
    assert_eq!(ask(&fleet, &register(1)), "first");
    assert!(redis.text("GET handfast:birth").ends_with(" 7000"));
    // What would live longer than any session is not asked.
    let week = Duration::from_secs(7 * 24 * 3600);
    let endless = OwnedQuestion::Replay { once: Once::Register { key: [3; 32], lives: week } };
    assert_eq!(ask(&fleet, &endless), "unsure");
    assert!(redis.text("GET handfast:birth").ends_with(" 7000"));
    Ok(())
}

fn is_young(register: &Register) -> bool {
    matches!(register, Register::Young { .. })
}

fn emptied() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    assert_eq!(ask(&fleet, &register(1)), "first");
    let place = log.all().len();
    redis.tell("FLUSHALL");
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    assert_eq!(ask(&fleet, &register(2)), "unsure");
    let place = log.register(place, is_young);
    until_ready(&fleet, &log, place);
    assert_eq!(ask(&fleet, &register(2)), "first");
    Ok(())
}

fn restored() -> Result<(), Failed> {
    let mut redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    redis.tell("SAVE");
    assert_eq!(ask(&fleet, &register(1)), "first");
    let mark = redis.text("GET handfast:birth");
    redis.kill();
    let place = log.away(0);
    redis.start_again()?;
    // It has its old mark, and lacks the entry.
    assert_eq!(redis.text("GET handfast:birth"), mark);
    assert!(redis.names("handfast:replay").is_empty());
    let (_, place) = log.reached(place);
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    assert_ne!(redis.text("GET handfast:birth"), mark);
    until_ready(&fleet, &log, place);
    Ok(())
}

/// Two stores that change their places twice, while nobody asks the one between.
fn failover() -> Result<(), Failed> {
    let (one_port, other_port) = (free_port(), free_port());
    let one = Redis::with(&["--port", &one_port.to_string()])?;
    let other = Redis::with(&["--port", &other_port.to_string()])?;
    other.follows(one_port);
    let (fleet, log) = ready(&one, settings(&one));
    // The other has the mark, and nothing of what follows.
    let mark = one.text("GET handfast:birth");
    let end = Instant::now() + Duration::from_secs(30);
    while other.tell("GET handfast:birth") != redis::Value::BulkString(mark.clone().into_bytes()) {
        assert!(Instant::now() < end, "the mark is not passed on");
    }
    other.tell("REPLICAOF NO ONE");
    assert_eq!(ask(&fleet, &register(1)), "first");
    let (promoted, _) = start(settings(&other));
    assert_eq!(ask(&promoted, &register(1)), "unsure");
    drop(promoted);
    // The mark of the first lies in the other, as if nobody had asked there; and comes back.
    let mut command = redis::cmd("SET");
    command.arg("handfast:birth").arg(&mark).exec(&mut other.connection())?;
    one.follows(other_port);
    one.tell("REPLICAOF NO ONE");
    assert_eq!(one.text("GET handfast:birth"), mark);
    assert!(one.names("handfast:replay").is_empty());
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    until_ready(&fleet, &log, log.all().len());
    Ok(())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn replica() -> Result<(), Failed> {
    let port = free_port();
    let _master = Redis::with(&["--port", &port.to_string()])?;
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    redis.follows(port);
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    let (away, place) = log.wait(0, |notice| matches!(notice, Notice::Away { .. }));
    assert!(away.to_string().contains("READONLY") || away.to_string().contains("read only"), "{away}");
    redis.tell("REPLICAOF NO ONE");
    let (_, place) = log.reached(place);
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    until_ready(&fleet, &log, place);
    Ok(())
}

fn evicts() -> Result<(), Failed> {
    let redis = Redis::with(&["--maxmemory-policy", "allkeys-lru"])?;
    let (fleet, log) = start(settings(&redis));
    // Told before the start is over.
    assert_eq!(evicted(&log), ["allkeys-lru"]);
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    assert!(redis.names("handfast:birth").is_empty());
    redis.tell("CONFIG SET maxmemory-policy noeviction");
    until_ready(&fleet, &log, 0);
    assert_eq!(ask(&fleet, &register(1)), "first");
    redis.tell("CONFIG SET maxmemory-policy volatile-ttl");
    assert_eq!(ask(&fleet, &register(2)), "unsure");
    log.register(0, |register| matches!(register, Register::Evicts { policy } if policy == "volatile-ttl"));
    assert_eq!(evicted(&log), ["allkeys-lru", "volatile-ttl"]);
    Ok(())
}

fn evicted(log: &Log) -> Vec<String> {
    let policy = |notice| match notice {
        Notice::Register(Register::Evicts { policy }) => Some(policy),
        _ => None,
    };
    log.all().into_iter().filter_map(policy).collect()
}

/// A clock that is as far ahead of the system's, in milliseconds.
fn clock(settings: FleetSettings) -> (FleetSettings, Arc<AtomicU64>) {
    let ahead = Arc::new(AtomicU64::new(0));
    let read = ahead.clone();
    let now = move || SystemTime::now() + Duration::from_millis(read.load(Ordering::SeqCst));
    (settings.clock(now), ahead)
}

fn apart() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (settings_, ahead) = clock(settings(&redis));
    let (fleet, log) = ready(&redis, settings_);
    assert_eq!(ask(&fleet, &register(1)), "first");
    // The skew of two machines is two seconds, that from the store half of it.
    ahead.store(2_000, Ordering::SeqCst);
    assert_eq!(ask(&fleet, &register(2)), "unsure");
    let (told, place) = log.wait(0, |notice| matches!(notice, Notice::Register(Register::Apart { .. })));
    assert!(told.to_string().contains("behind this machine's"), "{told}");
    // If it was the store's clock, entries may be gone.
    ahead.store(0, Ordering::SeqCst);
    assert_eq!(ask(&fleet, &register(2)), "unsure");
    until_ready(&fleet, &log, place);
    assert_eq!(ask(&fleet, &register(2)), "first");
    Ok(())
}

fn wrong_type() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    redis.tell("LPUSH list x");
    redis.tell("RENAME list handfast:birth");
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    log.register(0, |register| matches!(register, Register::Broken { why } if why.contains("WRONGTYPE")));
    assert_eq!(log.count(|notice| matches!(notice, Notice::Away { .. })), 0);
    redis.tell("DEL handfast:birth");
    until_ready(&fleet, &log, log.all().len());
    assert_eq!(ask(&fleet, &register(1)), "first");
    Ok(())
}
