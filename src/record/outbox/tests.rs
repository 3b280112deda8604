//! Records out: what is sealed opens, in every state of fullness.

use super::*;
use crate::fault::Fault;
use crate::record::inbox::Inbox;
use crate::record::testing::{Listener, feed, key, message, suites, tls12, tls13};

fn buffered(outbox: &Outbox) -> usize {
    outbox.leaving.get().map_or(0, |leaving| leaving.buffer.len())
}

type Records = Vec<(ContentType, Vec<u8>)>;

fn put(outbox: &mut Outbox, key: &mut Option<Protection>, message: &[u8]) -> Result<Vec<u8>, SendError> {
    outbox.message(key, &Tap::default(), |w| w.bytes(message)).map(<[u8]>::to_vec)
}

/// Sends all that is pending, and reads it.
fn deliver(outbox: &mut Outbox, inbox: &mut Inbox, key: &mut Option<Protection>) -> Result<Records, Fault> {
    let got = feed(inbox, key, outbox.pending(), usize::MAX);
    outbox.sent(outbox.pending().len());
    assert_eq!(outbox.pending(), b"");
    got
}

fn data(outbox: &mut Outbox, key: &mut Option<Protection>, data: &[u8]) -> bool {
    if outbox.payload(key, &Tap::default()).unwrap().is_none() {
        return false;
    }
    assert_eq!(outbox.put(0, data), data.len());
    outbox.seal_payload(key, &Tap::default(), data.len()).unwrap();
    true
}

#[test]
fn a_flight_shares_a_record_and_is_lent_for_the_transcript() {
    let (mut outbox, tap) = (Outbox::new(), Tap::default());
    let flight = [message(2, 80), message(8, 6), message(11, 700)];
    for bytes in &flight {
        assert_eq!(put(&mut outbox, &mut None, bytes).unwrap(), *bytes);
        assert_eq!(outbox.pending(), b"", "not before it is sealed");
    }
    outbox.seal(&mut None, &tap).unwrap();
    outbox.seal(&mut None, &tap).unwrap();
    assert_eq!(outbox.pending()[..5], [22, 3, 3, 3, 0x1e]);
    let got = deliver(&mut outbox, &mut Inbox::new(), &mut None).unwrap();
    assert_eq!(got, [(ContentType::HANDSHAKE, flight.concat())]);
}

#[test]
fn each_suite_seals_what_it_opens() {
    for suite in suites() {
        let (mut write, mut read, tap) = (key(suite), key(suite), Tap::default());
        let (mut outbox, mut inbox) = (Outbox::new(), Inbox::new());
        for round in 0..3_u8 {
            put(&mut outbox, &mut write, &message(4, 100)).unwrap();
            put(&mut outbox, &mut write, &message(24, 1)).unwrap();
            assert!(data(&mut outbox, &mut write, &[round; 1000]));
            assert!(data(&mut outbox, &mut write, &[round; limits::RECORD_PLAINTEXT]));
            outbox.alert(&mut write, &tap, AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY).unwrap();
            let got = deliver(&mut outbox, &mut inbox, &mut read).unwrap();
            let expected = [
                (ContentType::HANDSHAKE, [message(4, 100), message(24, 1)].concat()),
                (ContentType::APPLICATION_DATA, vec![round; 1000]),
                (ContentType::APPLICATION_DATA, vec![round; limits::RECORD_PLAINTEXT]),
                (ContentType::ALERT, vec![1, 0]),
            ];
            assert_eq!(got, expected, "{suite:?}");
            outbox.rest();
            inbox.rest();
        }
    }
}

#[test]
fn keys_change_between_records() {
    let (mut outbox, tap) = (Outbox::new(), Tap::default());
    let (mut none, mut write) = (None, tls13());
    outbox.first_hello();
    put(&mut outbox, &mut none, &message(1, 200)).unwrap();
    outbox.change_cipher_spec(&mut none, &tap).unwrap();
    put(&mut outbox, &mut write, &message(20, 32)).unwrap();
    outbox.change_cipher_spec(&mut write, &tap).unwrap();
    put(&mut outbox, &mut write, &message(20, 33)).unwrap();
    outbox.seal(&mut write, &tap).unwrap();
    // 0x0301 for the first ClientHello alone.
    assert_eq!(outbox.pending()[..3], [22, 3, 1]);
    assert_eq!(outbox.pending()[209..][..6], [20, 3, 3, 0, 1, 1]);
    assert_eq!(outbox.pending()[215..][..3], [23, 3, 3]);
    let (first, later) = outbox.pending().split_at(209);
    let mut inbox = Inbox::new();
    assert_eq!(feed(&mut inbox, &mut None, first, 999).unwrap()[0].1, message(1, 200));
    let got = feed(&mut inbox, &mut tls13(), later, 999).unwrap();
    let kinds: Vec<u8> = got.iter().map(|(kind, _)| kind.0).collect();
    assert_eq!(kinds, [20, 22, 20, 22]);
}

#[test]
fn large_messages_are_cut() {
    for suite in [None, tls13(), tls12()].map(|key| key.map(|key| key.suite())) {
        let make = || suite.and_then(key);
        let (mut outbox, mut write, tap) = (Outbox::new(), make(), Tap::default());
        let flight = [message(8, 10), message(11, 64 * 1024), message(15, 20_000), message(20, 32)];
        for bytes in &flight {
            assert_eq!(put(&mut outbox, &mut write, bytes).unwrap(), *bytes);
        }
        outbox.seal(&mut write, &tap).unwrap();
        let got = deliver(&mut outbox, &mut Inbox::new(), &mut make()).unwrap();
        let bytes: Vec<u8> = got.iter().flat_map(|(_, content)| content.clone()).collect();
        assert_eq!(bytes, flight.concat());
        assert!(got[..got.len() - 1].iter().all(|(_, content)| content.len() == limits::RECORD_PLAINTEXT));
    }
    // A record that is exactly full, and the message after it.
    for length in [limits::RECORD_PLAINTEXT - 4, limits::RECORD_PLAINTEXT - 3] {
        let (mut outbox, tap) = (Outbox::new(), Tap::default());
        put(&mut outbox, &mut None, &message(11, length)).unwrap();
        put(&mut outbox, &mut None, &message(20, 3)).unwrap();
        outbox.seal(&mut None, &tap).unwrap();
        let got = deliver(&mut outbox, &mut Inbox::new(), &mut None).unwrap();
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].1.len(), limits::RECORD_PLAINTEXT);
    }
}

#[test]
fn what_does_not_fit_leaves_all_as_it_was() {
    let (mut outbox, tap) = (Outbox::new(), Tap::default());
    put(&mut outbox, &mut None, b"first").unwrap();
    let too_long = outbox.message(&mut None, &tap, |w| w.vec8(|w| w.bytes(&[0; 256])));
    assert_eq!(too_long, Err(SendError::TooLong));
    assert_eq!(put(&mut outbox, &mut None, &message(11, FLIGHT)), Err(SendError::Full));
    assert_eq!(put(&mut outbox, &mut None, b"").unwrap(), b"");
    put(&mut outbox, &mut None, b"second").unwrap();
    outbox.seal(&mut None, &tap).unwrap();
    let got = deliver(&mut outbox, &mut Inbox::new(), &mut None).unwrap();
    assert_eq!(got, [(ContentType::HANDSHAKE, b"firstsecond".to_vec())]);
    // Nothing written is no record.
    assert_eq!(put(&mut outbox, &mut None, b"").unwrap(), b"");
    let too_long = outbox.message(&mut None, &tap, |w| w.vec8(|w| w.bytes(&[0; 256])));
    assert_eq!(too_long, Err(SendError::TooLong));
    outbox.seal(&mut None, &tap).unwrap();
    assert_eq!(outbox.pending(), b"");
}

#[test]
fn the_reserve_is_kept_when_all_is_full() {
    for make in [tls13 as fn() -> _, tls12] {
        let tap = Tap::default();
        let urgent = |outbox: &mut Outbox, key: &mut Option<Protection>| {
            assert_eq!(outbox.key_update(key, &tap, |w| w.bytes(&message(24, 1))).unwrap(), message(24, 1));
            outbox.alert(key, &tap, AlertLevel::Fatal, AlertDescription::INTERNAL_ERROR).unwrap();
        };
        // Full of a flight.
        let (mut outbox, mut key) = (Outbox::new(), make());
        let mut length = 100_000;
        while length > 0 {
            match put(&mut outbox, &mut key, &message(11, length)) {
                Ok(_) => {}
                Err(SendError::Full) => length /= 2,
                Err(other) => panic!("{other:?}"),
            }
        }
        let end = outbox.leaving.make().end;
        assert!(end > FLIGHT - 100, "{end}");
        assert!(!data(&mut outbox, &mut key, b"x"));
        urgent(&mut outbox, &mut key);
        assert!(outbox.pending().len() <= limits::OUTBOX_HANDSHAKE);
        let got = deliver(&mut outbox, &mut Inbox::new(), &mut make()).unwrap();
        assert_eq!(got.last().unwrap().1, [2, 80]);
        // Full of data.
        let (mut outbox, mut key) = (Outbox::new(), make());
        let mut records = 0;
        while data(&mut outbox, &mut key, &[5; limits::RECORD_PLAINTEXT]) {
            records += 1;
        }
        assert_eq!(records, limits::OUTBOX_RECORDS);
        let place = outbox.leaving.make().buffer.get(0..1).as_ptr();
        urgent(&mut outbox, &mut key);
        assert_eq!(outbox.leaving.make().buffer.get(0..1).as_ptr(), place, "without a larger buffer");
        let got = deliver(&mut outbox, &mut Inbox::new(), &mut make()).unwrap();
        assert_eq!(got.len(), records + 2);
    }
}

#[test]
fn a_flood_of_alerts_ends() {
    let (mut outbox, tap) = (Outbox::new(), Tap::default());
    let mut sent = 0;
    while outbox.alert(&mut None, &tap, AlertLevel::Warning, AlertDescription::NO_RENEGOTIATION).is_ok() {
        sent += 1;
    }
    assert!(outbox.pending().len() <= limits::OUTBOX_HANDSHAKE);
    assert_eq!(feed(&mut Inbox::new(), &mut None, outbox.pending(), 9999).unwrap().len(), sent);
}

#[test]
fn sent_in_pieces() {
    let (mut outbox, mut write) = (Outbox::new(), tls13());
    let mut wire = Vec::new();
    for round in 0..3 {
        assert!(data(&mut outbox, &mut write, &[round; 2000]));
        for step in [1, 7, 600] {
            let n = step.min(outbox.pending().len());
            wire.extend_from_slice(&outbox.pending()[..n]);
            outbox.sent(n);
        }
    }
    wire.extend_from_slice(outbox.pending());
    outbox.sent(usize::MAX);
    assert_eq!(outbox.pending(), b"");
    let got = feed(&mut Inbox::new(), &mut tls13(), &wire, 9999).unwrap();
    assert_eq!(got.iter().map(|(_, data)| data[0]).collect::<Vec<u8>>(), [0, 1, 2]);
    // An open record stays where it is, and is sealed after what was sent.
    put(&mut outbox, &mut write, b"open").unwrap();
    outbox.sent(5);
    outbox.rest();
    outbox.seal(&mut write, &Tap::default()).unwrap();
    assert_eq!(outbox.pending().len(), 5 + 4 + TAIL);
}

#[test]
fn the_window_is_the_same_memory_and_is_not_cleared() {
    let (mut outbox, mut write, tap) = (Outbox::new(), tls13(), Tap::default());
    let mut place = None;
    for _ in 0..5 {
        outbox.payload(&mut write, &tap).unwrap().unwrap();
        let window = outbox.window_mut();
        assert_eq!(window.len(), limits::RECORD_PLAINTEXT);
        assert_eq!(*place.get_or_insert(window.as_ptr()), window.as_ptr());
        window.fill(0x77);
        let last = window.len() - 1;
        outbox.seal_payload(&mut write, &tap, 10).unwrap();
        outbox.sent(usize::MAX);
        assert_eq!(outbox.payload(&mut write, &tap).unwrap().unwrap()[last], 0x77);
    }
    // All of it is wiped when it goes.
    outbox.rest();
    let mut spare = Buffer::new();
    spare.grow(spare::RECORD, 0);
    assert!(spare.get(0..spare::RECORD).iter().all(|byte| *byte == 0));
}

#[test]
fn the_first_window_begins_at_a_cache_line_and_four_records_fit_behind_it() {
    for suite in suites() {
        let (mut outbox, mut write, tap) = (Outbox::new(), key(suite), Tap::default());
        // The buffer of a handshake, of one record, and of several.
        put(&mut outbox, &mut write, &message(4, 100)).unwrap();
        outbox.seal(&mut write, &tap).unwrap();
        outbox.sent(usize::MAX);
        for _ in 0..3 {
            let window = outbox.payload(&mut write, &tap).unwrap().unwrap();
            assert_eq!((window.as_ptr().addr() % 64, window.len()), (0, limits::RECORD_PLAINTEXT));
            let mut records = 0;
            while data(&mut outbox, &mut write, &[5; limits::RECORD_PLAINTEXT]) {
                records += 1;
            }
            assert_eq!(records, limits::OUTBOX_RECORDS, "{suite:?}");
            outbox.sent(usize::MAX);
        }
    }
}

#[test]
fn data_from_elsewhere_is_sealed_as_in_the_window() {
    for suite in suites() {
        let (mut here, mut elsewhere, tap) = (Outbox::new(), Outbox::new(), Tap::default());
        let (mut one, mut other) = (key(suite), key(suite));
        let lengths = [1, 100, 20_000, limits::RECORD_PLAINTEXT, 0];
        for payload in lengths.map(|len| (0..len).map(|at| at as u8).collect::<Vec<_>>()) {
            let content = &payload[..payload.len().min(limits::RECORD_PLAINTEXT)];
            assert!(data(&mut here, &mut one, content));
            elsewhere.payload(&mut other, &tap).unwrap().unwrap();
            assert_eq!(elsewhere.seal_data(&mut other, &tap, &payload), Ok(content.len()));
            assert!(elsewhere.pending() == here.pending());
            // No window is open any more.
            assert_eq!(elsewhere.seal_data(&mut other, &tap, &payload), Ok(0));
        }
        assert!(deliver(&mut elsewhere, &mut Inbox::new(), &mut key(suite)).is_ok());
    }
}

#[test]
fn records_begin_small_if_they_are_told_to_and_again_after_a_wait() {
    for suite in suites() {
        let (mut outbox, mut write, tap) = (Outbox::new(), key(suite), Tap::default());
        let mut sizes = |outbox: &mut Outbox, records: u8| -> Vec<usize> {
            let size = |_| {
                let window = outbox.payload(&mut write, &tap).unwrap().unwrap().len();
                outbox.seal_payload(&mut write, &tap, window).unwrap();
                let pending = outbox.pending().len();
                outbox.sent(pending);
                assert!(window > limits::SMALL_RECORD || pending <= 1_400, "{pending}");
                window
            };
            (0..records).map(size).collect()
        };
        outbox.begin_small();
        let few = limits::SMALL_RECORDS;
        for _ in 0..2 {
            assert_eq!(sizes(&mut outbox, few), vec![limits::SMALL_RECORD; few.into()]);
            assert_eq!(sizes(&mut outbox, 3), [limits::RECORD_PLAINTEXT; 3]);
            outbox.begin_again();
        }
        // What is asked for is never exceeded.
        outbox.set_largest(600);
        assert_eq!(sizes(&mut outbox, few + 1), vec![600; usize::from(few) + 1]);
        // Where it is off, no wait turns it on.
        let mut outbox = Outbox::new();
        outbox.begin_again();
        assert_eq!(sizes(&mut outbox, 2), [limits::RECORD_PLAINTEXT; 2]);
    }
}

#[test]
fn no_data_without_a_key_and_no_record_without_data() {
    let (mut outbox, tap) = (Outbox::new(), Tap::default());
    assert!(outbox.payload(&mut None, &tap).unwrap().is_none());
    let mut write = tls13();
    outbox.seal_payload(&mut write, &tap, 5).unwrap();
    assert!(outbox.payload(&mut write, &tap).unwrap().is_some());
    outbox.seal_payload(&mut write, &tap, 0).unwrap();
    assert_eq!(outbox.pending(), b"");
    // What comes between takes the window's place.
    assert!(outbox.payload(&mut write, &tap).unwrap().is_some());
    put(&mut outbox, &mut write, b"message").unwrap();
    outbox.seal_payload(&mut write, &tap, 9).unwrap();
    assert_eq!(outbox.pending(), b"");
    outbox.seal(&mut write, &tap).unwrap();
    assert!(outbox.payload(&mut write, &tap).unwrap().is_some());
    outbox.alert(&mut write, &tap, AlertLevel::Fatal, AlertDescription::DECODE_ERROR).unwrap();
    let pending = outbox.pending().len();
    outbox.seal_payload(&mut write, &tap, 9).unwrap();
    assert_eq!(outbox.pending().len(), pending);
    outbox.sent(pending);
    // More than the window holds is its length.
    let window = outbox.payload(&mut write, &tap).unwrap().unwrap().len();
    outbox.seal_payload(&mut write, &tap, usize::MAX).unwrap();
    assert_eq!(outbox.pending().len(), 5 + window + TAIL);
}

#[test]
fn a_key_that_is_used_up_says_so() {
    let (mut outbox, tap) = (Outbox::new(), Tap::default());
    for mut write in [tls13(), tls12()] {
        write.as_mut().unwrap().set_records(u64::MAX);
        let alert = outbox.alert(&mut write, &tap, AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY);
        assert_eq!(alert, Err(SendError::KeyUsedUp));
        outbox.payload(&mut write, &tap).unwrap();
        assert_eq!(outbox.seal_payload(&mut write, &tap, 10), Err(SendError::KeyUsedUp));
        assert_eq!(outbox.pending(), b"");
    }
}

#[test]
fn each_record_is_told_once() {
    let (listener, tap) = Listener::tap();
    let (mut outbox, mut write) = (Outbox::new(), tls13());
    outbox.message(&mut None, &tap, |w| w.bytes(b"hello")).unwrap();
    outbox.change_cipher_spec(&mut None, &tap).unwrap();
    outbox.payload(&mut write, &tap).unwrap();
    outbox.seal_payload(&mut write, &tap, 100).unwrap();
    outbox.alert(&mut write, &tap, AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY).unwrap();
    let expected =
        [(22, 22, 10, 5, false), (20, 20, 6, 1, false), (23, 23, 122, 100, true), (23, 21, 24, 2, true)];
    assert_eq!(listener.heard(), expected);
    assert_eq!(outbox.pending().len(), 10 + 6 + 122 + 24);
}

#[test]
fn what_is_sealed_is_not_wiped_and_what_is_not_is() {
    let (mut outbox, mut write, tap) = (Outbox::new(), tls13(), Tap::default());
    let spare = || {
        let mut spare = Buffer::new();
        spare.grow(spare::RECORD, 0);
        spare.get(0..spare::RECORD).to_vec()
    };
    assert!(data(&mut outbox, &mut write, &[7; 2000]));
    let sealed = outbox.pending().to_vec();
    outbox.sent(usize::MAX);
    outbox.rest();
    assert!(spare().windows(sealed.len()).any(|bytes| bytes == sealed));
    // A window that was written to and never sealed; and one behind a sealed record.
    for behind in [0, 10] {
        assert!(behind == 0 || data(&mut outbox, &mut write, &[7; 10]));
        outbox.payload(&mut write, &tap).unwrap().unwrap();
        assert_eq!(outbox.put(100, &[9; 20_000]), outbox.window().len() - 100);
        outbox.sent(usize::MAX);
        outbox.rest();
        assert!(!spare().windows(16).any(|bytes| bytes == [9; 16]), "behind {behind} bytes");
    }
}

#[test]
fn a_flight_that_has_left_leaves_no_memory_behind() {
    let (mut outbox, mut write, tap) = (Outbox::new(), tls13(), Tap::default());
    for round in 0..2 {
        put(&mut outbox, &mut write, &message(20, 32)).unwrap();
        outbox.seal(&mut write, &tap).unwrap();
        outbox.sent(5);
        assert!(buffered(&outbox) > 0, "{round}");
        outbox.sent(usize::MAX);
        assert_eq!(buffered(&outbox), 0, "{round}");
        // Data is likely followed by more.
        assert!(data(&mut outbox, &mut write, b"data"));
        outbox.sent(usize::MAX);
        assert_eq!(buffered(&outbox), spare::RECORD, "{round}");
        outbox.alert(&mut write, &tap, AlertLevel::Warning, AlertDescription::USER_CANCELED).unwrap();
        outbox.sent(usize::MAX);
        assert_eq!(buffered(&outbox), 0, "{round}");
    }
}

#[test]
fn memory_is_taken_late_and_given_back_early() {
    let (mut outbox, mut write) = (Outbox::new(), tls13());
    assert_eq!(buffered(&outbox), 0);
    assert!(data(&mut outbox, &mut write, b"x"));
    assert_eq!(buffered(&outbox), spare::RECORD);
    outbox.rest();
    assert_eq!(buffered(&outbox), spare::RECORD, "bytes are pending");
    outbox.sent(usize::MAX);
    outbox.rest();
    assert_eq!(buffered(&outbox), 0);
    assert!(size_of::<Outbox>() <= 88, "{}", size_of::<Outbox>());
}
