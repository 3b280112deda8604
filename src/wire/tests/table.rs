//! Each extension in each message: where it may stand it is read, anywhere else
//! it is refused, and so is a second one. The places are typed out from RFC 9846
//! section 4.3, not asked of the code.

use super::*;

const CH: Place = Place::ClientHello;
const SH12: Place = Place::ServerHello12;
const SH: Place = Place::ServerHello13;
const HRR: Place = Place::HelloRetryRequest;
const EE: Place = Place::EncryptedExtensions;
const CT: Place = Place::Certificate;
const CR: Place = Place::CertificateRequest;
const NST: Place = Place::NewSessionTicket;

/// Each extension, and for each place a body that is well formed there, in hex.
fn extensions() -> Vec<(ExtensionType, Vec<(Place, String)>)> {
    let at = |rows: &[(&[Place], &str)]| {
        let rows =
            rows.iter().flat_map(|(places, body)| places.iter().map(|place| (*place, body.to_string())));
        rows.collect()
    };
    let psk = format!("0008 0002 abcd 01020304 0021 20 {}", "77".repeat(32));
    vec![
        (ExtensionType::SERVER_NAME, at(&[(&[CH], "0004 00 0001 61"), (&[SH12, EE], "")])),
        (
            ExtensionType::STATUS_REQUEST,
            at(&[(&[CH], "01 0004 0002 abcd 0000"), (&[SH12, CR], ""), (&[CT], "01 000002 abcd")]),
        ),
        (ExtensionType::SUPPORTED_GROUPS, at(&[(&[CH, SH12, EE], "0004 001d 0017")])),
        (ExtensionType::EC_POINT_FORMATS, at(&[(&[CH, SH12], "02 00 01")])),
        (ExtensionType::SIGNATURE_ALGORITHMS, at(&[(&[CH, CR], "0004 0403 0804")])),
        (
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
            at(&[(&[CH], "0006 02 6832 02 6833"), (&[SH12, EE], "0003 02 6832")]),
        ),
        (
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
            at(&[(&[CH, CR], ""), (&[SH12, CT], "0004 0002 abcd")]),
        ),
        (ExtensionType::EXTENDED_MASTER_SECRET, at(&[(&[CH, SH12], "")])),
        (ExtensionType::RECORD_SIZE_LIMIT, at(&[(&[CH, SH12, EE], "4001")])),
        (ExtensionType::SESSION_TICKET, at(&[(&[CH], "abcdef"), (&[SH12], "")])),
        (ExtensionType::PRE_SHARED_KEY, at(&[(&[CH], psk.as_str()), (&[SH], "0001")])),
        (ExtensionType::EARLY_DATA, at(&[(&[CH, EE], ""), (&[NST], "00003800")])),
        (ExtensionType::SUPPORTED_VERSIONS, at(&[(&[CH], "04 0304 0303"), (&[SH, HRR], "0304")])),
        (ExtensionType::COOKIE, at(&[(&[CH, HRR], "0002 abcd")])),
        (ExtensionType::PSK_KEY_EXCHANGE_MODES, at(&[(&[CH], "02 01 00")])),
        (ExtensionType::CERTIFICATE_AUTHORITIES, at(&[(&[CH, CR], "0008 0003 abcdef 0001 ab")])),
        (ExtensionType::POST_HANDSHAKE_AUTH, at(&[(&[CH], "")])),
        (ExtensionType::SIGNATURE_ALGORITHMS_CERT, at(&[(&[CH, CR], "0004 0403 0804")])),
        (
            ExtensionType::KEY_SHARE,
            at(&[(&[CH], "000b 001d 0002 abcd 0017 0001 ab"), (&[SH], "001d 0002 abcd"), (&[HRR], "001d")]),
        ),
        // RFC 9149 section 4.
        (ExtensionType::TICKET_REQUEST, at(&[(&[CH], "04 01"), (&[EE], "04")])),
        (ExtensionType::RENEGOTIATION_INFO, at(&[(&[CH, SH12], "02 abcd")])),
    ]
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

/// The extension with a length in front that fits.
fn extension(extension_type: ExtensionType, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    RawExtension { extension_type, extension_data: body }.write(&mut Writer::new(&mut bytes));
    bytes
}

/// A message with this block of extensions. TLS 1.3's ServerHello is known by its
/// supported_versions, which is put in front if it is not there.
fn message_with(place: Place, block: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    let handshake_type = match place {
        CH => {
            w.bytes(&[&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 0x01, 1, 0]].concat());
            HandshakeType::CLIENT_HELLO
        }
        SH | SH12 | HRR => {
            let random = if place == HRR { HELLO_RETRY_REQUEST_RANDOM } else { [7; 32] };
            w.bytes(&[&[3, 3][..], &random, &[0, 0x13, 0x01, 0]].concat());
            HandshakeType::SERVER_HELLO
        }
        EE => HandshakeType::ENCRYPTED_EXTENSIONS,
        CT => {
            w.bytes(&[0]);
            w.vec24(|w| {
                w.vec24(|w| w.bytes(&[9; 3]));
                w.vec16(|w| w.bytes(block));
            });
            return message(HandshakeType::CERTIFICATE, &bytes);
        }
        CR => {
            w.bytes(&[0]);
            HandshakeType::CERTIFICATE_REQUEST
        }
        NST => {
            w.bytes(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 9]);
            HandshakeType::NEW_SESSION_TICKET
        }
    };
    let versions = extension(ExtensionType::SUPPORTED_VERSIONS, &[3, 4]);
    let has_versions = List::<RawExtension<'_>>::parse(block)
        .is_ok_and(|all| all.iter().any(|each| each.extension_type == ExtensionType::SUPPORTED_VERSIONS));
    w.vec16(|w| {
        if place == SH && !has_versions {
            w.bytes(&versions);
        }
        w.bytes(block);
    });
    message(handshake_type, &bytes)
}

fn read(place: Place, block: &[u8]) -> Result<Present, Fault> {
    let bytes = message_with(place, block);
    let body = decoded(&bytes, Form::Tls13)?;
    assert_eq!(encoded(&body), bytes, "{body:?}");
    Ok(match body {
        Body::ClientHello(hello) => hello.extensions.present(),
        Body::ServerHello(hello) => hello.extensions.present(),
        Body::HelloRetryRequest(retry) => retry.extensions.present(),
        Body::EncryptedExtensions(extensions) => extensions.present(),
        Body::Certificate13(certificate) => certificate.entries.first().unwrap().extensions.present(),
        Body::CertificateRequest13(request) => request.extensions.present(),
        Body::NewSessionTicket13(ticket) => ticket.extensions.present(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn an_extension_is_read_where_it_may_stand_and_refused_elsewhere() {
    let extensions = extensions();
    for (extension_type, bodies) in &extensions {
        for place in Place::ALL {
            let body = bodies.iter().find(|(at, _)| *at == place);
            let what = format!("{extension_type} in {place:?}");
            assert_eq!(place.allows(*extension_type), body.is_some(), "{what}");
            match body {
                Some((_, body)) => {
                    let present = read(place, &extension(*extension_type, &unhex(body))).unwrap();
                    let expected = Present::EMPTY.with(*extension_type);
                    let expected = match place {
                        SH => expected.with(ExtensionType::SUPPORTED_VERSIONS),
                        _ => expected,
                    };
                    assert_eq!(present, expected, "{what}");
                }
                // With it, a ServerHello is TLS 1.3's.
                None if place == SH12 && *extension_type == ExtensionType::SUPPORTED_VERSIONS => {}
                None => {
                    let fault = read(place, &extension(*extension_type, &[]));
                    assert_eq!(fault, Err(Fault::MisplacedExtension), "{what}");
                }
            }
        }
    }
    let listed = |each: &ExtensionType| extensions.iter().any(|(extension, _)| extension == each);
    for each in (0..=u16::MAX).map(ExtensionType) {
        assert_eq!(each.is_read(), listed(&each), "{each}");
    }
}

#[test]
fn an_unread_extension_is_passed_over_in_a_question_and_refused_in_an_answer() {
    for extension_type in [ExtensionType::PADDING, ExtensionType::OID_FILTERS, ExtensionType(0x1a1a)] {
        for place in Place::ALL {
            let expected = match place {
                CH | CR | NST => Ok(Present::EMPTY),
                _ => Err(Fault::UnofferedExtension),
            };
            assert_eq!(
                read(place, &extension(extension_type, &[1, 2, 3])),
                expected,
                "{extension_type} in {place:?}"
            );
        }
    }
}

#[test]
fn a_second_one_is_refused() {
    for (extension_type, bodies) in extensions() {
        for (place, body) in bodies {
            let one = extension(extension_type, &unhex(&body));
            let twice = [&one[..], &one].concat();
            assert_eq!(read(place, &twice), Err(Fault::DuplicateExtension), "{extension_type} in {place:?}");
            let other = extension(ExtensionType(0x1a1a), &[]);
            let apart = [&one[..], &other, &one].concat();
            assert_eq!(read(place, &apart), Err(Fault::DuplicateExtension), "{extension_type} in {place:?}");
        }
    }
    for place in Place::ALL {
        let unknown = extension(ExtensionType(0x1a1a), &[]);
        let twice = [&unknown[..], &unknown].concat();
        assert_eq!(read(place, &twice), Err(Fault::DuplicateExtension));
    }
}

#[test]
fn a_body_cut_or_lengthened_is_refused() {
    for (extension_type, bodies) in extensions() {
        for (place, body) in bodies {
            let body = unhex(&body);
            if extension_type == ExtensionType::SESSION_TICKET && place == CH {
                continue; // a ticket is anything
            }
            let what = format!("{extension_type} in {place:?}");
            for n in 0..body.len() {
                let fault = read(place, &extension(extension_type, &body[..n])).unwrap_err();
                assert_eq!(fault.alert(), crate::AlertDescription::DECODE_ERROR, "{what} at {n}: {fault}");
            }
            let longer = [&body[..], &[0]].concat();
            assert_eq!(read(place, &extension(extension_type, &longer)), Err(Fault::TrailingBytes), "{what}");
        }
    }
}

#[test]
fn a_block_cut_anywhere_is_refused() {
    for place in Place::ALL {
        let here = extensions().into_iter().filter_map(|(extension_type, bodies)| {
            let (_, body) = bodies.into_iter().find(|(at, _)| *at == place)?;
            Some(extension(extension_type, &unhex(&body)))
        });
        for one in here {
            for n in 1..one.len() {
                // CertificateRequest has `Extension extensions<2..2^16-1>`.
                let short = if place == CR && n < 2 { Fault::BadLength } else { Fault::Truncated };
                assert_eq!(read(place, &one[..n]), Err(short), "{place:?} {one:?} at {n}");
            }
        }
    }
}

#[test]
fn extensions_keep_their_order_and_pre_shared_key_its_place() {
    let mut all: Vec<_> = extensions().into_iter().filter(|(_, bodies)| bodies[0].0 == CH).collect();
    assert_eq!(all.len(), 21);
    let psk = all.iter().position(|(extension, _)| *extension == ExtensionType::PRE_SHARED_KEY).unwrap();
    let (psk, rest) = (all.remove(psk), all);
    let bytes = |(extension_type, bodies): &(ExtensionType, Vec<(Place, String)>)| {
        extension(*extension_type, &unhex(&bodies[0].1))
    };
    for turn in 0..rest.len() {
        let mut turned: Vec<Vec<u8>> = rest.iter().map(bytes).collect();
        turned.rotate_left(turn);
        turned.insert(turn, extension(ExtensionType::PADDING, &[0; 3]));
        let front = turned.concat();
        // `read` compares the bytes that it encodes again.
        assert_eq!(read(CH, &[&front[..], &bytes(&psk)].concat()).unwrap().iter().count(), 21);
        turned.insert(turn, bytes(&psk));
        assert_eq!(read(CH, &turned.concat()), Err(Fault::PreSharedKeyNotLast));
    }
    // It is a rule of the ClientHello alone.
    let answer = [
        extension(ExtensionType::PRE_SHARED_KEY, &[0, 0]),
        extension(ExtensionType::SUPPORTED_VERSIONS, &[3, 4]),
    ];
    assert!(read(SH, &answer.concat()).is_ok());
}

#[test]
fn a_changed_field_is_what_is_encoded() {
    let bytes = encoded(&Body::ClientHello(full_client_hello()));
    let Ok(Body::ClientHello(mut hello)) = decoded(&bytes, Form::Tls13) else { panic!() };
    let types = |bytes: &[u8]| -> Vec<ExtensionType> {
        let Ok(Body::ClientHello(hello)) = decoded(bytes, Form::Tls13) else { panic!() };
        hello.raw_extensions().map(|(extension, _)| extension).collect()
    };
    let before = types(&bytes);
    assert_eq!(before.first(), Some(&ExtensionType(0x2a2a)), "GREASE stands in front");
    assert_eq!(before.last(), Some(&ExtensionType::PRE_SHARED_KEY));

    // A second ClientHello: no early data, another cookie, another name.
    hello.extensions.early_data = false;
    hello.extensions.cookie = Some(b"again");
    hello.extensions.server_name = Some(b"b");
    let changed = encoded(&Body::ClientHello(hello));
    let without: Vec<_> = before.iter().copied().filter(|each| *each != ExtensionType::EARLY_DATA).collect();
    assert_eq!(types(&changed), without);
    assert_eq!(decoded(&changed, Form::Tls13), Ok(Body::ClientHello(hello)));

    // One that the template lacks comes after it, yet before pre_shared_key.
    let Ok(Body::ClientHello(mut again)) = decoded(&changed, Form::Tls13) else { panic!() };
    again.extensions.early_data = true;
    let types = types(&encoded(&Body::ClientHello(again)));
    assert_eq!(types[types.len() - 2..], [ExtensionType::EARLY_DATA, ExtensionType::PRE_SHARED_KEY]);
    assert_eq!(types.len(), before.len());
}

#[test]
fn a_flood_of_extensions_or_shares_costs_linear_time() {
    let begin = std::time::Instant::now();
    for _ in 0..20 {
        // Unknown types, all different, 4 bytes each: more than 15000 fit.
        let unknown = (0..=u16::MAX).map(ExtensionType).filter(|each| !each.is_read()).take(15_000);
        let flood: Vec<u8> = unknown.flat_map(|each| extension(each, &[])).collect();
        assert_eq!(decoded(&message_with(CH, &flood), Form::Tls13).map(|_| ()), Ok(()));
        let last = [&flood[..], &flood[..4]].concat();
        assert_eq!(read(CH, &last), Err(Fault::DuplicateExtension));

        let mut shares = Vec::new();
        Writer::new(&mut shares).vec16(|w| {
            (0..12_000)
                .for_each(|group| KeyShareEntry { group: NamedGroup(group), key_exchange: &[1] }.write(w));
        });
        let block = extension(ExtensionType::KEY_SHARE, &shares);
        assert_eq!(decoded(&message_with(CH, &block), Form::Tls13).map(|_| ()), Ok(()));
    }
    // Comparing each with each takes minutes in a build without optimisation.
    assert!(begin.elapsed().as_secs() < 20);
}

#[test]
fn a_set_of_extensions_is_a_set() {
    let all = extensions().iter().fold(Present::EMPTY, |set, (each, _)| set.with(*each));
    assert_eq!(all.iter().count(), 21);
    assert!(all.iter().all(|each| each.is_read() && all.contains(each)));
    assert_eq!(full_client_hello().extensions.present(), all);
    assert!(Present::EMPTY.is_subset(all) && !all.is_subset(Present::EMPTY));
    assert_eq!(Present::EMPTY.with(ExtensionType::PADDING), Present::EMPTY);
    assert_eq!(all.without(all), Present::EMPTY);
    let two = Present::EMPTY.with(ExtensionType::RENEGOTIATION_INFO).with(ExtensionType::COOKIE);
    assert_eq!(format!("{two:?}"), "{cookie, renegotiation_info}");
    assert!(!two.contains(ExtensionType(63)) && !two.contains(ExtensionType(108)));
}
