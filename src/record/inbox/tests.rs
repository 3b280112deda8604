//! Records in: each split, each fault, each altered byte.

use super::*;
use crate::record::header::header;
use crate::record::testing::{Listener, fault, feed, key, plain, protected, suites, tls12, tls13};
use crate::wire::codepoints::ProtocolVersion;

const HANDSHAKE: ContentType = ContentType::HANDSHAKE;
const ALERT: ContentType = ContentType::ALERT;
const DATA: ContentType = ContentType::APPLICATION_DATA;
const CCS: ContentType = ContentType::CHANGE_CIPHER_SPEC;

fn buffered(inbox: &Inbox) -> usize {
    inbox.lying.get().map_or(0, |lying| lying.buffer.len())
}

/// Content, type and padding.
fn inner(content: &[u8], kind: ContentType, padding: usize) -> Vec<u8> {
    let mut inner = content.to_vec();
    inner.push(kind.0);
    inner.resize(inner.len() + padding, 0);
    inner
}

fn header_fault(key: Option<Protection>, header: [u8; 5]) -> Fault {
    fault(key, &header)
}

#[test]
fn each_split_of_unprotected_records_gives_the_same() {
    let records = [
        (HANDSHAKE, vec![1; 40]),
        (CCS, vec![1]),
        (ALERT, vec![1, 0]),
        (DATA, vec![]),
        (HANDSHAKE, vec![2; 300]),
    ];
    let stream: Vec<u8> = records.iter().flat_map(|(kind, content)| plain(*kind, content)).collect();
    for step in 1..=stream.len() {
        assert_eq!(feed(&mut Inbox::new(), &mut None, &stream, step).unwrap(), records, "{step}");
    }
    for cut in 0..stream.len() {
        let mut inbox = Inbox::new();
        let mut got = feed(&mut inbox, &mut None, &stream[..cut], usize::MAX).unwrap();
        got.extend(feed(&mut inbox, &mut None, &stream[cut..], usize::MAX).unwrap());
        assert_eq!(got, records, "{cut}");
    }
}

#[test]
fn each_split_of_protected_records_gives_the_same() {
    for (make, is13) in [(tls13 as fn() -> _, true), (tls12, false)] {
        let records = [(HANDSHAKE, vec![1; 40]), (ALERT, vec![1, 0]), (DATA, vec![]), (DATA, vec![2; 300])];
        let mut key = make();
        let stream: Vec<u8> = records
            .iter()
            .flat_map(|(kind, content)| match is13 {
                true => protected(&mut key, DATA, &inner(content, *kind, content.len() % 7)),
                false => protected(&mut key, *kind, content),
            })
            .collect();
        for step in 1..=stream.len() {
            assert_eq!(feed(&mut Inbox::new(), &mut make(), &stream, step).unwrap(), records, "{step}");
        }
    }
}

#[test]
fn headers_are_held_against_the_rules_as_soon_as_they_are_here() {
    for kind in (0..=255).filter(|kind| !(20..=23).contains(kind)) {
        assert_eq!(header_fault(None, [kind, 3, 3, 0, 1]), Fault::UnknownContentType);
    }
    for key in [tls12, tls13] {
        assert_eq!(header_fault(key(), [24, 3, 3, 0, 40]), Fault::UnknownContentType);
    }
    // The version field.
    for version in [0x0300, 0x0301, 0x0302, 0x0303, 0x0304] {
        let record = [&header(HANDSHAKE, ProtocolVersion(version), 1)[..], &[0]].concat();
        assert!(feed(&mut Inbox::new(), &mut None, &record, 99).is_ok(), "{version:#x}");
    }
    for version in [0x0203, 0x0403, 0xfefd] {
        let header = header(HANDSHAKE, ProtocolVersion(version), 1);
        assert_eq!(header_fault(None, header), Fault::BadRecordVersion);
    }
    for key in [tls12, tls13] {
        assert_eq!(header_fault(key(), [23, 3, 1, 0, 40]), Fault::BadRecordVersion);
        assert_eq!(header_fault(key(), [23, 3, 4, 0, 40]), Fault::BadRecordVersion);
    }
}

#[test]
fn lengths_up_to_the_limit_and_one_more() {
    let limits = [
        (None, HANDSHAKE, limits::RECORD_PLAINTEXT),
        (None, DATA, limits::RECORD_PLAINTEXT),
        (tls13(), DATA, limits::RECORD_CIPHERTEXT_13),
        (tls13(), CCS, limits::RECORD_PLAINTEXT),
        (tls12(), DATA, limits::RECORD_CIPHERTEXT_12),
        (tls12(), HANDSHAKE, limits::RECORD_CIPHERTEXT_12),
    ];
    for (mut key, kind, limit) in limits {
        let longest = header(kind, VERSION, limit);
        assert_eq!(feed(&mut Inbox::new(), &mut key, &longest, 99), Ok(vec![]));
        assert_eq!(header_fault(key, header(kind, VERSION, limit + 1)), Fault::RecordTooLong);
    }
    let content = vec![5; limits::RECORD_PLAINTEXT];
    let got = feed(&mut Inbox::new(), &mut None, &plain(HANDSHAKE, &content), usize::MAX).unwrap();
    assert_eq!(got, [(HANDSHAKE, content)]);
}

#[test]
fn plaintexts_up_to_the_limit_and_one_more() {
    let longest = limits::RECORD_PLAINTEXT;
    let record = protected(&mut tls13(), DATA, &inner(&vec![5; longest], DATA, 0));
    assert_eq!(feed(&mut Inbox::new(), &mut tls13(), &record, 9999).unwrap()[0].1.len(), longest);
    let record = protected(&mut tls13(), DATA, &inner(&vec![5; longest + 1], DATA, 0));
    assert_eq!(fault(tls13(), &record), Fault::PlaintextTooLong);
    // Padding counts.
    let record = protected(&mut tls13(), DATA, &inner(&vec![5; longest - 1], DATA, 1));
    assert!(feed(&mut Inbox::new(), &mut tls13(), &record, 9999).is_ok());
    let record = protected(&mut tls13(), DATA, &inner(b"x", DATA, longest));
    assert_eq!(fault(tls13(), &record), Fault::PlaintextTooLong);

    let record = protected(&mut tls12(), DATA, &vec![5; longest]);
    assert_eq!(feed(&mut Inbox::new(), &mut tls12(), &record, 9999).unwrap()[0].1.len(), longest);
    let record = protected(&mut tls12(), DATA, &vec![5; longest + 1]);
    assert_eq!(fault(tls12(), &record), Fault::PlaintextTooLong);
    let record = protected(&mut tls12(), DATA, &vec![5; limits::RECORD_CIPHERTEXT_12 - 24]);
    assert_eq!(fault(tls12(), &record), Fault::PlaintextTooLong);
}

#[test]
fn empty_records() {
    for kind in [HANDSHAKE, ALERT] {
        assert_eq!(fault(None, &plain(kind, b"")), Fault::EmptyRecord);
        assert_eq!(fault(tls12(), &protected(&mut tls12(), kind, b"")), Fault::EmptyRecord);
        for padding in [0, 5] {
            let record = protected(&mut tls13(), DATA, &inner(b"", kind, padding));
            assert_eq!(fault(tls13(), &record), Fault::EmptyRecord);
        }
    }
    // Application data may be empty, and the caller sees that it is.
    let record = protected(&mut tls13(), DATA, &inner(b"", DATA, 9));
    assert_eq!(feed(&mut Inbox::new(), &mut tls13(), &record, 99).unwrap(), [(DATA, vec![])]);
    for padding in [0, 1, 100] {
        let record = protected(&mut tls13(), DATA, &vec![0; padding]);
        assert_eq!(fault(tls13(), &record), Fault::NoContentType);
    }
}

#[test]
fn types_inside_the_protection() {
    let record = |kind| protected(&mut tls13(), DATA, &inner(b"xy", ContentType(kind), 3));
    for kind in 21..=23 {
        let got = feed(&mut Inbox::new(), &mut tls13(), &record(kind), 99).unwrap();
        assert_eq!(got, [(ContentType(kind), b"xy".to_vec())]);
    }
    assert_eq!(fault(tls13(), &record(20)), Fault::BadChangeCipherSpec);
    for kind in (1..=255).filter(|kind| !(20..=23).contains(kind)) {
        assert_eq!(fault(tls13(), &record(kind)), Fault::UnknownContentType);
    }
}

#[test]
fn unprotected_records_under_a_key() {
    assert_eq!(fault(tls13(), &plain(HANDSHAKE, b"xxxx")), Fault::UnprotectedRecord);
    assert_eq!(fault(tls13(), &plain(ALERT, &[2, 40])), Fault::UnprotectedRecord);
    assert_eq!(fault(tls13(), &plain(DATA, b"not encrypted, but long enough")), Fault::BadRecordMac);
    let mut inbox = Inbox::new();
    assert_eq!(feed(&mut inbox, &mut tls13(), &plain(CCS, &[1]), 99).unwrap(), [(CCS, vec![1])]);
    inbox.allow_plain_alert(true);
    assert_eq!(feed(&mut inbox, &mut tls13(), &plain(ALERT, &[2, 40]), 99).unwrap(), [(ALERT, vec![2, 40])]);
    assert_eq!(feed(&mut inbox, &mut tls13(), &plain(HANDSHAKE, b"x"), 99), Err(Fault::UnprotectedRecord));
    // A record that opens shows that the peer has keys.
    let sealed = protected(&mut tls13(), DATA, &inner(b"finished", HANDSHAKE, 0));
    inbox = Inbox::new();
    inbox.allow_plain_alert(true);
    let mut key = tls13();
    assert!(feed(&mut inbox, &mut key, &sealed, 99).is_ok());
    assert_eq!(feed(&mut inbox, &mut key, &plain(ALERT, &[2, 40]), 99), Err(Fault::UnprotectedRecord));
    inbox = Inbox::new();
    inbox.allow_plain_alert(true);
    inbox.allow_plain_alert(false);
    assert_eq!(feed(&mut inbox, &mut tls13(), &plain(ALERT, &[2, 40]), 99), Err(Fault::UnprotectedRecord));
    // TLS 1.2 protects all of them, ChangeCipherSpec too.
    for kind in [CCS, ALERT, HANDSHAKE, DATA] {
        assert_eq!(fault(tls12(), &plain(kind, &[1; 60])), Fault::BadRecordMac);
        assert_eq!(fault(tls12(), &plain(kind, &[1])), Fault::BadRecordMac);
        let record = protected(&mut tls12(), kind, &[1]);
        assert_eq!(feed(&mut Inbox::new(), &mut tls12(), &record, 99).unwrap(), [(kind, vec![1])]);
    }
}

#[test]
fn each_altered_byte_is_found() {
    for (make, record) in [
        (tls13 as fn() -> _, protected(&mut tls13(), DATA, &inner(b"some data", DATA, 4))),
        (tls12, protected(&mut tls12(), DATA, b"some data")),
    ] {
        assert!(feed(&mut Inbox::new(), &mut make(), &record, 99).is_ok());
        for at in (0..record.len()).filter(|at| *at != 3 && *at != 4) {
            let mut altered = record.clone();
            altered[at] ^= 1;
            let expected = match (at, make().unwrap().is_tls13()) {
                (0, true) => Fault::UnprotectedRecord,
                (1 | 2, _) => Fault::BadRecordVersion,
                _ => Fault::BadRecordMac,
            };
            assert_eq!(fault(make(), &altered), expected, "byte {at}");
        }
        for shorter in 0..record.len() - 5 {
            let mut altered = record[..5 + shorter].to_vec();
            altered[4] = shorter as u8;
            assert_eq!(fault(make(), &altered), Fault::BadRecordMac);
        }
    }
    // A record twice, or out of its order.
    let mut key = tls13();
    let first = protected(&mut key, DATA, &inner(b"a", DATA, 0));
    let second = protected(&mut key, DATA, &inner(b"b", DATA, 0));
    assert_eq!(fault(tls13(), &[first.clone(), first].concat()), Fault::BadRecordMac);
    assert_eq!(fault(tls13(), &second), Fault::BadRecordMac);
}

/// Refused early data: its key is one that this side does not have.
fn early(length: usize) -> Vec<u8> {
    let mut record = plain(DATA, &vec![0x5a; length]);
    record[5] = 1;
    record
}

#[test]
fn early_data_that_does_not_open_is_passed_over() {
    let finished = protected(&mut tls13(), DATA, &inner(b"finished", HANDSHAKE, 0));
    let stream = [plain(CCS, &[1]), early(100), early(50), finished.clone()].concat();
    for step in 1..=stream.len() {
        let mut inbox = Inbox::new();
        let mut key = tls13();
        inbox.skip_early_data(150);
        let got = feed(&mut inbox, &mut key, &stream, step).unwrap();
        assert_eq!(got, [(CCS, vec![1]), (HANDSHAKE, b"finished".to_vec())]);
        assert_eq!(feed(&mut inbox, &mut key, &early(50), step), Err(Fault::BadRecordMac), "it is over");
    }
    let mut inbox = Inbox::new();
    inbox.skip_early_data(149);
    assert_eq!(feed(&mut inbox, &mut tls13(), &stream, 99), Err(Fault::EarlyDataTooLong));
    // Other faults stay what they are.
    let mut inbox = Inbox::new();
    inbox.skip_early_data(1000);
    assert_eq!(feed(&mut inbox, &mut tls13(), &plain(HANDSHAKE, b"x"), 99), Err(Fault::UnprotectedRecord));
}

#[test]
fn early_data_before_a_second_client_hello_is_passed_over() {
    let longest = limits::RECORD_CIPHERTEXT_13;
    let stream = [early(longest), plain(CCS, &[1]), early(50), plain(HANDSHAKE, b"hello")].concat();
    let mut inbox = Inbox::new();
    inbox.skip_early_data(longest as u32 + 50);
    let got = feed(&mut inbox, &mut None, &stream, 99).unwrap();
    assert_eq!(got, [(CCS, vec![1]), (HANDSHAKE, b"hello".to_vec())]);
    // It is over: the caller sees what arrives.
    assert_eq!(feed(&mut inbox, &mut None, &early(50), 99).unwrap().len(), 1);
    let mut inbox = Inbox::new();
    inbox.skip_early_data(longest as u32 + 49);
    assert_eq!(feed(&mut inbox, &mut None, &stream, 99), Err(Fault::EarlyDataTooLong));
    let mut inbox = Inbox::new();
    assert_eq!(feed(&mut inbox, &mut None, &stream, 99), Err(Fault::RecordTooLong), "only where it may be");
}

/// What a socket with enough to say fills.
fn fill(inbox: &mut Inbox, stream: &mut &[u8]) -> usize {
    let Some(mut space) = inbox.space() else { return 0 };
    let n = space.len().min(stream.len());
    space[..n].copy_from_slice(&stream[..n]);
    *stream = &stream[n..];
    space.filled(n);
    n
}

#[test]
fn in_bulk_a_record_is_read_to_its_end_and_nothing_is_moved() {
    let mut key = tls13();
    let record = limits::RECORD_PLAINTEXT + 22;
    let content = inner(&vec![5; limits::RECORD_PLAINTEXT], DATA, 0);
    let stream: Vec<u8> = (0..20).flat_map(|_| protected(&mut key, DATA, &content)).collect();
    let mut rest = stream.as_slice();
    let (mut inbox, mut key, mut reads, mut records) = (Inbox::new(), tls13(), Vec::new(), 0);
    while records < 20 {
        reads.push(fill(&mut inbox, &mut rest));
        while let Some(got) = inbox.next_record(&mut key, &Tap::default()).unwrap() {
            assert_eq!(got.range.len(), limits::RECORD_PLAINTEXT);
            inbox.consume(got.range.len());
            records += 1;
        }
        if records > 1 && records < 20 {
            assert!(inbox.unread() <= limits::RECORD_HEADER, "{} bytes to move", inbox.unread());
        }
    }
    // The small buffer, then the large one: a record and the next header each time.
    assert!((spare::SMALL - spare::FRONT..=spare::SMALL).contains(&reads[0]));
    assert_eq!(reads[1..3], [record + 5 - reads[0], record]);
    assert_eq!(reads.len(), 21);
    // After a rest it begins with what the last one needed.
    inbox.rest();
    assert_eq!(buffered(&inbox), 0);
    assert_eq!(inbox.space().unwrap().len(), record + 5);
}

#[test]
fn in_bulk_content_begins_at_a_cache_line() {
    for suite in suites() {
        let (mut write, mut read) = (key(suite), key(suite));
        let stream: Vec<u8> = (0..5)
            .flat_map(|_| match suite.is_tls13() {
                true => protected(&mut write, DATA, &inner(&[5; limits::RECORD_PLAINTEXT], DATA, 0)),
                false => protected(&mut write, DATA, &[5; limits::RECORD_PLAINTEXT]),
            })
            .collect();
        let (mut inbox, mut rest, mut places) = (Inbox::new(), stream.as_slice(), Vec::new());
        while places.len() < 5 {
            fill(&mut inbox, &mut rest);
            while let Some(got) = inbox.next_record(&mut read, &Tap::default()).unwrap() {
                places.push(inbox.bytes(got.range).as_ptr().addr() % 64);
                inbox.release();
            }
        }
        // The first one shows what stands before the content.
        assert_eq!(places[1..], [0; 4], "{suite:?}");
    }
}

#[test]
fn small_records_are_read_many_at_once_into_the_same_memory() {
    let mut key = tls13();
    let stream: Vec<u8> =
        (0..2000).flat_map(|_| protected(&mut key, DATA, &inner(&[5; 100], DATA, 0))).collect();
    let mut rest = stream.as_slice();
    let (mut inbox, mut key, mut reads, mut records) = (Inbox::new(), tls13(), Vec::new(), 0);
    let mut place = None;
    while records < 2000 {
        reads.push(fill(&mut inbox, &mut rest));
        while let Some(got) = inbox.next_record(&mut key, &Tap::default()).unwrap() {
            assert_eq!(inbox.bytes(got.range), [5; 100]);
            inbox.release();
            records += 1;
        }
        if reads.len() > 2 {
            let now = inbox.lying.make().buffer.get(0..1).as_ptr();
            assert_eq!(*place.get_or_insert(now), now);
        }
    }
    assert!((spare::SMALL - spare::FRONT..=spare::SMALL).contains(&reads[0]));
    assert!(reads[1..reads.len() - 1].iter().all(|n| *n > 17_000), "{reads:?}");
}

#[test]
fn a_held_record_stays_where_it_is_while_more_arrives() {
    let mut inbox = Inbox::new();
    let stream = plain(HANDSHAKE, &[7; 100]).repeat(300);
    let mut rest = stream.as_slice();
    fill(&mut inbox, &mut rest);
    let mut key = None;
    let first = inbox.next_record(&mut key, &Tap::default()).unwrap().unwrap();
    assert_eq!(inbox.next_record(&mut key, &Tap::default()).unwrap(), Some(first.clone()));
    while fill(&mut inbox, &mut rest) > 0 {}
    assert_eq!(inbox.bytes(first.range.clone()), [7; 100]);
    assert!(inbox.space().is_none(), "pinned and full");
    inbox.rest();
    assert_eq!(inbox.bytes(first.range.clone()), [7; 100], "no rest while it is held");
    // Application data is lent again until it is used up.
    inbox.consume(60);
    assert_eq!(inbox.held().unwrap().range, first.range.start + 60..first.range.end);
    inbox.consume(0);
    assert_eq!(inbox.held().unwrap().range.len(), 40);
    inbox.consume(41);
    assert_eq!(inbox.held(), None);
    let mut records = 1;
    loop {
        while inbox.next_record(&mut key, &Tap::default()).unwrap().is_some() {
            inbox.release();
            records += 1;
        }
        if fill(&mut inbox, &mut rest) == 0 || inbox.unread() == 0 {
            break;
        }
    }
    assert_eq!(records, 300);
}

#[test]
fn memory_is_taken_late_and_given_back_early() {
    let mut inbox = Inbox::new();
    assert_eq!(buffered(&inbox), 0);
    inbox.rest();
    assert_eq!(feed(&mut inbox, &mut None, &plain(ALERT, &[1, 0])[..3], 99), Ok(vec![]));
    assert_eq!((inbox.unread(), buffered(&inbox)), (3, spare::SMALL));
    inbox.rest();
    assert_eq!((inbox.unread(), buffered(&inbox)), (3, spare::SMALL), "bytes lie in it");
    assert_eq!(feed(&mut inbox, &mut None, &plain(ALERT, &[1, 0])[3..], 99).unwrap().len(), 1);
    inbox.rest();
    assert_eq!((inbox.unread(), buffered(&inbox)), (0, 0));
    // Not while a record is held, though all that arrived is framed.
    let record = plain(ALERT, &[1, 0]);
    fill(&mut inbox, &mut &record[..]);
    let held = inbox.next_record(&mut None, &Tap::default()).unwrap().unwrap();
    inbox.rest();
    assert_eq!((inbox.unread(), inbox.bytes(held.range)), (0, &[1, 0][..]));
    assert!(size_of::<Inbox>() <= 136, "{}", size_of::<Inbox>());
}

#[test]
fn who_waits_with_nothing_read_holds_no_memory() {
    let mut inbox = Inbox::new();
    drop(inbox.space().unwrap());
    assert_eq!(buffered(&inbox), 0);
    inbox.space().unwrap().filled(0);
    assert_eq!(buffered(&inbox), 0);
    // Part of a record, and one that is held, stay.
    let record = protected(&mut tls13(), DATA, &inner(&[7; 100], DATA, 0));
    fill(&mut inbox, &mut &record[..9]);
    drop(inbox.space().unwrap());
    assert_eq!(inbox.first_bytes(), &record[..9]);
    fill(&mut inbox, &mut &record[9..]);
    let mut key = tls13();
    let held = inbox.next_record(&mut key, &Tap::default()).unwrap().unwrap();
    drop(inbox.space().unwrap());
    assert_eq!(inbox.bytes(held.range), [7; 100]);
    // What was opened is wiped, though the next wait finds other memory.
    inbox.release();
    drop(inbox.space().unwrap());
    assert_eq!(buffered(&inbox), 0);
    let mut spare = Buffer::new();
    spare.grow(spare::SMALL, 0);
    assert!(!spare.get(0..spare::SMALL).windows(16).any(|bytes| bytes == [7; 16]));
}

#[test]
fn first_bytes_show_what_is_no_tls() {
    let mut inbox = Inbox::new();
    let got = feed(&mut inbox, &mut None, b"HTTP/1.1 400 Bad Request\r\n", 99);
    assert_eq!(got, Err(Fault::UnknownContentType));
    assert_eq!(inbox.first_bytes(), b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!(inbox.unread(), 26);
}

#[test]
fn each_record_is_told_once() {
    let (listener, tap) = Listener::tap();
    let (mut inbox, mut key) = (Inbox::new(), tls13());
    inbox.skip_early_data(1000);
    let sealed = protected(&mut tls13(), DATA, &inner(b"finished", HANDSHAKE, 3));
    let mut stream = &[plain(CCS, &[1]), early(40), sealed].concat()[..];
    fill(&mut inbox, &mut stream);
    while inbox.next_record(&mut key, &tap).unwrap().is_some() {
        inbox.next_record(&mut key, &tap).unwrap();
        inbox.release();
    }
    assert_eq!(listener.heard(), [(20, 20, 6, 1, false), (23, 22, 5 + 8 + 1 + 3 + 16, 8, true)]);
}
