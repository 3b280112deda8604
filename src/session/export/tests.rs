//! What is exported is imported as it was, and nothing else is.

use super::*;
use crate::crypto::suite::{TLS12, TLS13};

const START: u64 = 1_790_000_000;
const HOUR: u64 = 3600;
const WEEK: u64 = limits::TICKET_SECONDS as u64;
const KEY: [u8; 32] = [7; 32];

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(START + seconds))
}

fn name(text: &str) -> ServerName<'static> {
    ServerName::try_from(text.to_owned()).unwrap()
}

fn peer(certificates: &[&[u8]], staple: Option<&[u8]>) -> Peer {
    let chain: Arc<[_]> = certificates.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    Peer {
        trust: if chain.is_empty() { Trust::Anonymous } else { Trust::Application },
        scheme: (!chain.is_empty()).then_some(SignatureScheme::ED25519),
        group: Some(NamedGroup::X25519),
        ocsp: staple.map(|staple| Arc::new(staple.to_vec())),
        chain: (!chain.is_empty()).then_some(chain),
    }
}

/// A session that came after `number` seconds, and expires an hour after the start.
fn session(number: u32, version: ProtocolVersion, peer: &Peer) -> ClientSession {
    let tls13 = version == ProtocolVersion::TLS13;
    let suite = if tls13 { &TLS13[1] } else { &TLS12[0] };
    ClientSession {
        version,
        suite,
        secret: Secret::from_slice(&[number as u8 | 0x80; 48]).unwrap(),
        ticket: number.to_be_bytes().into(),
        by_id: !tls13 && number % 2 == 1,
        age_add: number,
        received: START + u64::from(number),
        expires: START + HOUR,
        trusted_until: START + 2 * HOUR,
        max_early_data: number * 3,
        alpn: tls13.then(|| b"h2"[..].into()),
        named: number.is_multiple_of(2),
        peer: peer.clone(),
    }
}

/// All that is to be told of a session.
fn told(session: &ClientSession) -> String {
    let ClientSession { version, suite, secret, ticket, age_add, received, expires, trusted_until, .. } =
        session;
    let Peer { trust, scheme, group, chain, ocsp } = &session.peer;
    format!(
        "{version} {} {} {ticket:?} {age_add} {received} {expires} {trusted_until} {} {:?} {} {} \
         {trust:?} {scheme:?} {group:?} {chain:?} {ocsp:?}",
        suite.id,
        hex::encode(secret.as_bytes()),
        session.max_early_data,
        session.alpn,
        session.named,
        session.by_id
    )
}

/// All that is in a store, in its order.
fn all(store: &ClientSessions) -> Vec<String> {
    let kept = store.kept();
    let of = |key: &Key| kept.sessions[key].iter().map(told).collect::<Vec<_>>();
    let lines = kept.order.iter().flat_map(|key| {
        let named = format!("{} {}", key.0.to_str(), hex::encode(key.1));
        of(key).into_iter().map(move |session| format!("{named} {session}"))
    });
    assert_eq!(kept.order.len(), kept.sessions.len());
    lines.collect()
}

/// Of both versions, of names and addresses, of peers of each kind.
fn filled() -> ClientSessions {
    let store = ClientSessions::new();
    let [stapled, plain, empty] = [
        peer(&[b"leaf", b"authority"], Some(b"staple")),
        peer(&[b"leaf"], None),
        peer(&[b"leaf"], Some(b"")),
    ];
    for number in 0..3 {
        store.keep(&name("a.example"), [1; 32], session(number, ProtocolVersion::TLS13, &stapled));
    }
    store.keep(&name("a.example"), [1; 32], session(9, ProtocolVersion::TLS12, &plain));
    store.keep(&name("a.example"), [2; 32], session(10, ProtocolVersion::TLS13, &plain));
    store.keep(&name("192.0.2.7"), [1; 32], session(11, ProtocolVersion::TLS13, &empty));
    store.keep(&name("2001:db8::7"), [1; 32], session(12, ProtocolVersion::TLS12, &peer(&[], None)));
    let pre_shared = Peer { trust: Trust::PreSharedKey(b"device\0"[..].into()), ..peer(&[], None) };
    store.keep(&name("b.example"), [1; 32], session(13, ProtocolVersion::TLS13, &pre_shared));
    store
}

/// A clear export of these contents, whatever they are.
fn framed(contents: &[u8]) -> Vec<u8> {
    let mut bytes = [&prefix(IN_THE_CLEAR, contents.len() + HASH)[..], contents].concat();
    bytes.extend(sha256(&bytes));
    bytes
}

/// The contents of a clear export.
fn contents(exported: &[u8]) -> Vec<u8> {
    exported[PREFIX..exported.len() - HASH].to_vec()
}

#[track_caller]
fn refused(exported: &[u8]) -> SessionsError {
    let store = filled();
    let before = all(&store);
    let error = store.import(exported, at(0)).unwrap_err();
    assert_eq!(all(&store), before, "{error}");
    error
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let store = filled();
    for again in [store.export(at(20)), store.export_sealed(&KEY, at(20)).unwrap()] {
        assert_eq!((again.sessions(), again.left_out()), (store.len(), 0));
        let other = ClientSessions::new();
        let imported = match again.as_ref()[MAGIC.len() + 1] {
            IN_THE_CLEAR => other.import(again.as_ref(), at(20)),
            _ => other.import_sealed(again.as_ref(), &KEY, at(20)),
        };
        assert_eq!(imported, Ok(Imported { kept: 8, ..Imported::default() }));
        assert_eq!(all(&other), all(&store));
        // One chain for all sessions of one handshake.
        let kept = other.kept();
        let of_a = &kept.sessions[&(name("a.example"), [1; 32])];
        let chain = |place: usize| of_a[place].peer.chain.clone().unwrap();
        assert!(Arc::ptr_eq(&chain(0), &chain(2)));
    }
    // No secret, name or ticket is to be seen in what is sealed.
    let (clear, sealed) = (store.export(at(20)), store.export_sealed(&KEY, at(20)).unwrap());
    for what in [&[0x81; 48][..], b"a.example", b"leaf", &[0, 0, 0, 11]] {
        let is_in = |bytes: &[u8]| bytes.windows(what.len()).any(|part| part == what);
        assert!(is_in(clear.as_ref()) && !is_in(sealed.as_ref()));
    }
    assert!(!format!("{clear:?}").contains("a.example"));
}

#[test]
fn nothing_that_was_cut_or_altered_is_taken() {
    let store = filled();
    let (clear, sealed) = (store.export(at(0)), store.export_sealed(&KEY, at(0)).unwrap());
    let other = ClientSessions::new();
    for (exported, import) in [
        (clear, &(|bytes: &[u8]| other.import(bytes, at(0))) as &dyn Fn(&[u8]) -> _),
        (sealed, &|bytes| other.import_sealed(bytes, &KEY, at(0))),
    ] {
        let bytes = exported.as_ref();
        for cut in 0..bytes.len() {
            let expected = if cut < MAGIC.len() { "first bytes" } else { "cut" };
            let found = match import(&bytes[..cut]) {
                Err(SessionsError::AnotherKind { .. }) => "first bytes",
                Err(SessionsError::Cut { found, .. }) if found == cut => "cut",
                got => panic!("{cut}: {got:?}"),
            };
            assert_eq!(found, expected, "{cut}");
        }
        assert!(matches!(import(&[bytes, &[0]].concat()), Err(SessionsError::Cut { .. })));
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.to_vec();
                altered[place] ^= 1 << bit;
                assert!(import(&altered).is_err(), "{place} {bit}");
            }
        }
        assert!(other.is_empty());
        assert!(import(bytes).is_ok());
        other.clear();
    }
}

/// Whoever can write a clear export can make its hash, too: each change of a byte is
/// refused, or gives sessions that are well formed and within bounds.
#[test]
fn altered_contents_are_refused_or_well_formed() {
    let contents = contents(filled().export(at(0)).as_ref());
    let (mut refused, mut taken) = (0, 0);
    let mut tried = |contents: &[u8]| {
        let store = ClientSessions::new();
        match store.import(&framed(contents), at(0)) {
            Err(error) => {
                assert!(matches!(error, SessionsError::Malformed(_)), "{error}");
                assert!(store.is_empty());
                refused += 1;
            }
            Ok(imported) => {
                assert_eq!(imported.kept, store.len());
                for session in store.kept().sessions.values().flatten() {
                    assert_eq!(session.suite.is_tls13(), session.version == ProtocolVersion::TLS13);
                    assert!(START < session.expires && session.expires <= session.trusted_until);
                    assert!(session.trusted_until <= START + WEEK && session.received <= START);
                    assert!(!session.ticket.is_empty());
                }
                // It is written again, and read as the same.
                let again = ClientSessions::new();
                again.import(store.export(at(0)).as_ref(), at(0)).unwrap();
                assert_eq!(all(&again), all(&store));
                taken += 1;
            }
        }
    };
    for place in 0..contents.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut altered = contents.clone();
            altered[place] = value;
            tried(&altered);
            altered[place] = contents[place] ^ (value | 1);
            tried(&altered);
        }
        tried(&contents[..place]);
        tried(&[&contents[..place], &contents[place + 1..]].concat());
    }
    assert!(refused > 1000 && taken > 1000, "{refused} {taken}");
}

#[test]
fn what_is_wrong_is_said() {
    let clear = filled().export(at(0)).as_ref().to_vec();
    let sealed = filled().export_sealed(&KEY, at(0)).unwrap().as_ref().to_vec();
    let with = |place: usize, value: u8| {
        let mut bytes = clear.clone();
        bytes[place] = value;
        bytes
    };
    let error = refused(b"-----BEGIN PRIVATE KEY-----");
    assert_eq!(
        error.to_string(),
        r#"the bytes begin with "-----BEGIN PRIVAT", not with "handfast sessions": they are no export of sessions"#
    );
    assert!(refused(b"").to_string().contains(r#"begin with "","#));
    let error = refused(&with(MAGIC.len(), 9));
    assert_eq!(error, SessionsError::AnotherFormat { found: 9 });
    assert!(error.to_string().contains("format 9, and this release reads format 1"));
    // Another format may have another length.
    assert_eq!(refused(&with(MAGIC.len(), 2)[..30]), SessionsError::AnotherFormat { found: 2 });
    assert_eq!(refused(&with(MAGIC.len() + 1, 7)), SessionsError::Malformed("how it is sealed"));
    let too_long = vec![b'h'; limits::EXPORTED_SESSIONS + 1];
    let error = refused(&too_long);
    assert_eq!(error, SessionsError::TooLong { found: too_long.len() });
    assert!(error.to_string().contains("none has more than 4194304"));
    let error = refused(&clear[..clear.len() - 3]);
    assert_eq!(error, SessionsError::Cut { found: clear.len() - 3, expected: clear.len() });
    assert_eq!(refused(&with(clear.len() - 40, 0xee)), SessionsError::Altered);
    assert_eq!(refused(&sealed), SessionsError::Sealed);

    let store = ClientSessions::new();
    assert_eq!(store.import_sealed(&clear, &KEY, at(0)), Err(SessionsError::NotSealed));
    let error = store.import_sealed(&sealed, &[8; 32], at(0)).unwrap_err();
    let named = |key| hex::encode(sealing_key(key).unwrap().name());
    assert_eq!(error, SessionsError::AnotherKey { found: named(&KEY), given: named(&[8; 32]) });
    assert_eq!(store.import_sealed(&sealed, &[0; 32], at(0)), Err(SessionsError::NoKey));
    assert_eq!(store.export_sealed(&[0; 32], at(0)).unwrap_err(), SessionsError::NoKey);
    assert!(store.is_empty());
}

/// A ticket is sealed with the same cipher, and says that it is another kind.
#[test]
fn another_thing_that_the_key_sealed_is_no_export() {
    let contents = contents(filled().export(at(0)).as_ref());
    for (kind, taken) in
        [(Kind::Ticket, false), (Kind::Session, false), (Kind::Key, false), (Kind::Export, true)]
    {
        let mut sealed = [&[0; HEADER][..], &contents].concat();
        let prefix = prefix(SEALED, sealed.len() + TAG_LEN);
        seal(&sealing_key(&KEY).unwrap(), (kind, &prefix), &mut sealed, &Entropy::system()).unwrap();
        let store = ClientSessions::new();
        let imported = store.import_sealed(&[&prefix[..], &sealed].concat(), &KEY, at(0));
        assert_eq!(imported.is_ok(), taken, "{kind:?}");
        assert_eq!(store.is_empty(), !taken);
    }
}

#[test]
fn what_has_expired_stays_behind_and_nobody_is_trusted_for_longer() {
    let store = filled();
    let late = session(20, ProtocolVersion::TLS13, &peer(&[b"leaf"], None));
    store.keep(&name("b.example"), [1; 32], ClientSession { expires: START + HOUR + 1, ..late });
    let early = store.export(at(0));
    // At the export.
    assert_eq!(store.export(at(HOUR)).sessions(), 1);
    assert_eq!(store.export(at(HOUR + 1)).sessions(), 0);
    // At the import.
    let other = ClientSessions::new();
    let imported = other.import(early.as_ref(), at(HOUR)).unwrap();
    assert_eq!(imported, Imported { kept: 1, expired: 8, ..Imported::default() });
    assert_eq!(imported.to_string(), "1 session taken in, 8 expired");
    // Seven days from now, whatever it says; of the end of its own trust, too.
    let boasting = ClientSessions::new();
    let told = session(1, ProtocolVersion::TLS13, &peer(&[b"leaf"], None));
    let told = ClientSession { expires: u64::MAX, trusted_until: u64::MAX, received: u64::MAX, ..told };
    boasting.keep(&name("b.example"), [1; 32], told);
    let other = ClientSessions::new();
    other.import(boasting.export(at(0)).as_ref(), at(5)).unwrap();
    let taken = other.take(&name("b.example"), [1; 32], START, |_| true).unwrap();
    assert_eq!(
        (taken.received, taken.expires, taken.trusted_until),
        (START + 5, START + 5 + WEEK, START + 5 + WEEK)
    );
}

#[test]
fn a_suite_of_another_build_is_left_out_and_counted() {
    let mut contents = contents(filled().export(at(0)).as_ref());
    let suite = TLS12[0].id.0.to_be_bytes();
    let place = contents.windows(4).position(|four| four == [3, 3, suite[0], suite[1]]).unwrap();
    contents[place + 2..place + 4].copy_from_slice(&[0x0a, 0x0a]);
    let store = ClientSessions::new();
    let imported = store.import(&framed(&contents), at(0)).unwrap();
    assert_eq!(imported, Imported { kept: 7, unknown: 1, ..Imported::default() });
    assert!(imported.to_string().ends_with("1 of a cipher suite that this build does not have"));
}

#[test]
fn the_newest_of_all_stay() {
    let (tls13, tls12) = (ProtocolVersion::TLS13, ProtocolVersion::TLS12);
    let who = peer(&[b"leaf"], None);
    let store = |host: &str, numbers: &[u32], version| {
        let store = ClientSessions::new();
        numbers.iter().for_each(|number| store.keep(&name(host), [1; 32], session(*number, version, &who)));
        store
    };
    let numbers = |store: &ClientSessions| -> Vec<u32> {
        let kept = store.kept();
        kept.order.iter().flat_map(|key| &kept.sessions[key]).map(|session| session.age_add).collect()
    };
    // Older and newer ones, and one that is there already.
    let here = store("a.example", &[2, 4, 6, 8, 10, 12], tls13);
    let exported = store("a.example", &[1, 3, 4, 5, 11, 13], tls13).export(at(0));
    let imported = here.import(exported.as_ref(), at(100)).unwrap();
    assert_eq!(numbers(&here), [4, 5, 6, 8, 10, 11, 12, 13]);
    assert_eq!((imported.kept, imported.left_out), (3, 3));
    // Again: nothing comes of it.
    let imported = here.import(exported.as_ref(), at(100)).unwrap();
    assert_eq!((imported.kept, numbers(&here).len()), (0, 8));
    assert_eq!(imported.to_string(), "0 sessions taken in, 6 known, or older than what is there");
    // Of TLS 1.2 there is one ticket.
    for (ours, theirs, stays) in [(5, 6, 6), (6, 5, 6)] {
        let here = store("a.example", &[ours], tls12);
        let imported =
            here.import(store("a.example", &[theirs], tls12).export(at(0)).as_ref(), at(100)).unwrap();
        assert_eq!((numbers(&here), imported.kept), (vec![stays], usize::from(stays == theirs)));
    }
    // As many names as there may be: whoever was heard of here stays.
    let here = ClientSessions::new();
    let there = ClientSessions::new();
    for number in 0..limits::SESSION_NAMES as u32 {
        let session = || session(number, tls13, &who);
        there.keep(&name(&format!("there{number}.example")), [1; 32], session());
        if number < 6 {
            here.keep(&name(&format!("here{number}.example")), [1; 32], session());
        }
    }
    let imported = here.import(there.export(at(0)).as_ref(), at(1000)).unwrap();
    assert_eq!((imported.kept, imported.left_out), (limits::SESSION_NAMES - 6, 6));
    let order: Vec<_> = here.kept().order.iter().map(|key| key.0.to_str().into_owned()).collect();
    assert_eq!(
        (&*order[0], &*order[249], &*order[250]),
        ("there6.example", "there255.example", "here0.example")
    );
}

/// The oldest are left out, and told.
#[test]
fn an_export_is_bounded() {
    let store = ClientSessions::new();
    let large = peer(&[&[5; 60_000]], None);
    for number in 0..100 {
        let host = name(&format!("host{number}.example"));
        store.keep(&host, [1; 32], session(number, ProtocolVersion::TLS13, &large));
    }
    for exported in [store.export(at(0)), store.export_sealed(&KEY, at(0)).unwrap()] {
        let most = limits::EXPORTED_SESSIONS;
        assert!((most - 61_000..=most).contains(&exported.as_ref().len()));
        assert_eq!((exported.sessions(), exported.left_out()), (69, 31));
    }
    let other = ClientSessions::new();
    other.import(store.export(at(0)).as_ref(), at(100)).unwrap();
    assert!(all(&other) == all(&store)[31..]);
}

/// What each list may have at most, so that memory is no more than a few times the bytes.
#[test]
fn no_list_is_longer_than_its_bound() {
    let vec24 = |body: &[u8]| [&(body.len() as u32).to_be_bytes()[1..], body].concat();
    let peer = |certificates: usize| {
        let chain: Vec<_> = (0..certificates).flat_map(|_| vec24(&[9])).collect();
        [&[1, 0, 0, 0, 0, 0, 0, 0][..], &vec24(&[]), &vec24(&chain)].concat()
    };
    let mut written = Vec::new();
    let sample = session(1, ProtocolVersion::TLS13, &self::peer(&[b"leaf"], None));
    encode_session(0, &sample, &mut Writer::new(&mut written));
    let server = |number: usize, peers: usize, certificates: usize, sessions: usize| {
        let host = format!("h{number}.example");
        let named = [&[host.len() as u8], host.as_bytes()].concat();
        [&[7; 32][..], &named, &vec24(&peer(certificates).repeat(peers)), &vec24(&written.repeat(sessions))]
            .concat()
    };
    let import = |contents: &[u8]| ClientSessions::new().import(&framed(contents), at(0));
    let malformed = |what| Err(SessionsError::Malformed(what));
    let (most, tickets) = (limits::CHAIN_CERTIFICATES_MOST, usize::from(limits::TICKETS_KEPT));
    assert_eq!(import(&server(0, tickets, most, tickets)).unwrap().kept, 1, "they are all the same");
    assert_eq!(import(&server(0, 1, most + 1, 1)), malformed("who a server was"));
    assert_eq!(import(&server(0, tickets + 1, 1, 1)), malformed("one session more than a store has"));
    assert_eq!(import(&server(0, 1, 1, tickets + 1)), malformed("one session more than a store has"));
    let many = |count: usize| (0..count).flat_map(|number| server(number, 1, 1, 1)).collect::<Vec<_>>();
    assert_eq!(import(&many(limits::SESSION_NAMES)).unwrap().kept, limits::SESSION_NAMES);
    assert_eq!(import(&many(limits::SESSION_NAMES + 1)), malformed("one server more than a store has"));
}

/// An id stands in a ClientHello of TLS 1.2, which has 32 bytes for it.
#[test]
fn an_id_is_short_and_of_tls12() {
    for (length, version, by_id, taken) in [
        (32, ProtocolVersion::TLS12, true, true),
        (33, ProtocolVersion::TLS12, true, false),
        (33, ProtocolVersion::TLS12, false, true),
        (32, ProtocolVersion::TLS13, true, false),
    ] {
        let store = ClientSessions::new();
        let kept = session(2, version, &peer(&[b"leaf"], None));
        let kept = ClientSession { ticket: vec![7; length].into(), by_id, ..kept };
        store.keep(&name("a.example"), [1; 32], kept);
        let imported = ClientSessions::new().import(store.export(at(0)).as_ref(), at(100));
        assert_eq!(imported.is_ok(), taken, "{length} {version} {by_id}: {imported:?}");
    }
}
