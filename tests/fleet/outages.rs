//! A store that is killed, stopped, slow, full or not there: everything is answered, and
//! told.

use crate::log::{SECRET, ask, block_on, ready, register, session, settings, start, take, until_ready, word};
use crate::redis::Redis;
use crate::{Case, case};
use handfast::fleet::{Fleet, FleetSettings, Notice, Register};
use handfast::limits;
use libtest_mimic::Failed;
use std::io::Read;
use std::net::TcpListener;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("nothing is there at first", nothing_there),
        case("killed, and restarted empty", killed),
        case("stopped, as behind a partition: one timeout, and then nobody waits", stopped),
        case("slow: it pauses its clients for five seconds", slow),
        case("a partition that swallows what is sent", swallowed),
        case("full", full),
        case("more questions than have a place in line", too_many),
        case("a script that the store forgot is loaded again", forgotten),
        case("no answer is taken for that of another question", late_answers),
    ]
}

/// All three questions, many times; none gets more than that nobody knows.
fn nobody_knows(fleet: &Fleet, times: usize) {
    for _ in 0..times {
        assert_eq!(ask(fleet, &register(1)), "unsure");
        assert_eq!(ask(fleet, &take(1)), "unsure");
        assert_eq!(ask(fleet, &session(1)), "none");
    }
}

fn nothing_there() -> Result<(), Failed> {
    let mut redis = Redis::start()?;
    redis.kill();
    let (fleet, log) = start(settings(&redis));
    // Told before the start is over.
    assert!(matches!(log.all()[..], [Notice::Away { .. }, Notice::NoKey]), "{:?}", log.all());
    nobody_knows(&fleet, 1_000);
    redis.start_again()?;
    let (unanswered, place) = log.reached(0);
    assert_eq!(unanswered, 3_000);
    until_ready(&fleet, &log, place);
    assert_eq!(ask(&fleet, &register(1)), "first");
    Ok(())
}

fn killed() -> Result<(), Failed> {
    let mut redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    assert_eq!(ask(&fleet, &register(1)), "first");
    redis.kill();
    nobody_knows(&fleet, 100);
    let place = log.away(0);
    redis.start_again()?;
    let (_, place) = log.reached(place);
    // It began again: the entry is gone, and not the first for that.
    nobody_knows(&fleet, 1);
    until_ready(&fleet, &log, place);
    assert_eq!(ask(&fleet, &register(1)), "first");
    assert_eq!(log.count(|notice| matches!(notice, Notice::Away { .. })), 1, "{:#?}", log.all());
    Ok(())
}

fn stopped() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis).timeout(Duration::from_millis(300))?);
    let place = redis.stopped(|| {
        // Those that are under way when it stops wait for the timeout, and no longer.
        assert_eq!(ask(&fleet, &register(1)), "unsure");
        let place = log.away(0);
        nobody_knows(&fleet, 10_000);
        place
    });
    let (unanswered, place) = log.reached(place);
    assert!(answered_at_once(unanswered), "{unanswered}");
    until_ready(&fleet, &log, place);
    // The one that came too late to be heard may have been done: it is never the first twice.
    assert_ne!(ask(&fleet, &register(2)), "replayed");
    Ok(())
}

/// Each that came when the store was known to be away; and perhaps the one that waited
/// behind a look of the fleet's own.
fn answered_at_once(unanswered: u64) -> bool {
    (30_000..=30_001).contains(&unanswered)
}

fn slow() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis).timeout(Duration::from_millis(300))?);
    redis.tell("CLIENT PAUSE 5000 ALL");
    assert_eq!(ask(&fleet, &register(1)), "unsure");
    let place = log.away(0);
    nobody_knows(&fleet, 10_000);
    let (unanswered, _) = log.reached(place);
    assert!(answered_at_once(unanswered), "{unanswered}");
    // Done when nobody waited any more, or not at all: never the first again.
    until_ready(&fleet, &log, place);
    let said = [ask(&fleet, &register(1)), ask(&fleet, &register(1))];
    assert_eq!(said.iter().filter(|word| **word == "first").count(), usize::from(said[0] == "first"));
    Ok(())
}

/// Takes connections, reads what comes and says nothing; how many came is told.
fn swallowed() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("redis://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || std::io::copy(&mut (&stream).take(1 << 20), &mut std::io::sink()));
        }
    });
    let settings = FleetSettings::new(&url, SECRET)?.timeout(Duration::from_millis(100))?;
    let (fleet, log) = start(settings);
    assert!(matches!(&log.all()[0], Notice::Away { why, .. } if why.contains("in time")), "{:?}", log.all());
    nobody_knows(&fleet, 10_000);
    Ok(())
}

fn full() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    assert_eq!(ask(&fleet, &register(1)), "first");
    redis.tell(&format!("SET handfast:session:{} sealed", "01".repeat(32)));
    redis.tell("CONFIG SET maxmemory 1");
    assert_eq!(ask(&fleet, &register(2)), "unsure");
    log.register(0, |register| matches!(register, Register::Broken { why } if why.contains("OOM")));
    // What is there can be read.
    assert_eq!(ask(&fleet, &session(1)), "session");
    redis.tell("CONFIG SET maxmemory 0");
    assert_eq!(ask(&fleet, &register(1)), "replayed");
    assert_eq!(ask(&fleet, &register(2)), "first");
    assert_eq!(log.count(|notice| matches!(notice, Notice::Away { .. })), 0);
    Ok(())
}

/// The line is bounded: who finds no place is answered at once.
fn too_many() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    let extra = 500;
    let mut waiting: Vec<_> = redis.stopped(|| {
        let asked = 0..limits::FLEET_IN_LINE + limits::FLEET_TOGETHER + extra;
        let mut asked: Vec<_> = asked.map(|_| Box::pin(fleet.answer_later(&register(1)))).collect();
        let at_once = asked.extract_if(.., |asked| poll(asked).is_ready()).count();
        assert!((extra..=extra + limits::FLEET_TOGETHER).contains(&at_once), "{at_once}");
        asked
    });
    let answers = waiting.drain(..).map(|asked| word(block_on(asked)));
    assert!(answers.filter(|answer| *answer == "first").count() <= 1);
    fleet.look();
    log.wait(0, |notice| matches!(notice, Notice::TooMany { unanswered } if *unanswered >= extra as u64));
    Ok(())
}

fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn forgotten() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis));
    assert_eq!(ask(&fleet, &register(1)), "first");
    redis.tell("SCRIPT FLUSH");
    assert_eq!(ask(&fleet, &register(2)), "unsure");
    let (_, place) = log.reached(log.away(0));
    until_ready(&fleet, &log, place);
    assert_eq!(ask(&fleet, &register(1)), "replayed");
    assert_eq!(ask(&fleet, &register(2)), "first");
    Ok(())
}

/// An answer that comes when its time is over is that of nobody: the next connection is
/// another one.
fn late_answers() -> Result<(), Failed> {
    let redis = Redis::start()?;
    let (fleet, log) = ready(&redis, settings(&redis).timeout(Duration::from_millis(300))?);
    redis.tell(&format!("SET handfast:session:{} mine", "01".repeat(32)));
    redis.tell(&format!("SET handfast:session:{} other", "02".repeat(32)));
    for _ in 0..3 {
        let place = log.all().len();
        redis.stopped(|| {
            assert_eq!(ask(&fleet, &session(1)), "none");
            log.away(place);
        });
        log.reached(place);
        let Some(handfast::Answer::Session(sealed)) = block_on(fleet.answer_later(&session(2))) else {
            panic!("no session");
        };
        assert_eq!(sealed, b"other");
    }
    Ok(())
}
