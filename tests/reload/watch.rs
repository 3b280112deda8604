//! The watch that looks by itself, or when it is told to.

use crate::kit::{Authority, Scratch, leaf, reloader, shown};
use handfast::reload::Notice;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

const NAME: &str = "a.example";
const NEVER: Duration = Duration::from_secs(1 << 30);
const LIMIT: Duration = Duration::from_secs(60);

fn next(told: &Receiver<Notice>) -> Notice {
    told.recv_timeout(LIMIT).unwrap()
}

#[test]
fn it_looks_when_it_is_told_and_ends_when_it_is_dropped() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    scratch.write_pair(&authority.issue(&[NAME]));
    let reloader = reloader(scratch.pair()).unwrap();
    let live = reloader.live().clone();
    let (tell, told) = channel();
    let watch = reloader.watch(NEVER, move |notice| tell.send(notice).unwrap()).unwrap();
    assert!(matches!(next(&told), Notice::Taken { .. }), "what was loaded at first");
    let before = live.current();
    scratch.write_pair(&authority.issue(&[NAME]));
    watch.look();
    assert!(matches!(next(&told), Notice::Taken { .. }));
    assert!(!std::sync::Arc::ptr_eq(&before, &live.current()));
    // What is wrong is told each time that somebody asks.
    scratch.write("privkey.pem", "");
    for _ in 0..2 {
        watch.look();
        assert!(matches!(next(&told), Notice::Kept { .. }));
    }
    drop(watch);
    assert_eq!(told.recv_timeout(LIMIT).unwrap_err(), RecvTimeoutError::Disconnected);
}

#[test]
fn it_finds_what_is_renewed() {
    let (scratch, authority) = (Scratch::new(), Authority::new("Test"));
    let [first, renewed] = [(); 2].map(|()| authority.issue(&[NAME]));
    scratch.write_pair(&first);
    let watched = reloader(scratch.pair()).unwrap();
    let live = watched.live().clone();
    let (tell, told) = channel();
    let _watch = watched.watch(Duration::from_millis(5), move |notice| tell.send(notice).unwrap()).unwrap();
    next(&told);
    scratch.rename_in_place("privkey.pem", "neither PEM nor DER");
    assert!(matches!(next(&told), Notice::Kept { .. }));
    scratch.rename_in_place("fullchain.pem", &renewed.chain);
    assert!(matches!(next(&told), Notice::Kept { .. }));
    scratch.rename_in_place("privkey.pem", &renewed.key);
    // Nothing was told twice.
    assert!(matches!(next(&told), Notice::Taken { .. }));
    let handle = handfast::reload::Reloader::new(live);
    assert_eq!(shown(&handle, NAME), leaf(&renewed));
}
