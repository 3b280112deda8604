//! What holds for every message: it survives a round trip, is refused when cut
//! or lengthened anywhere, and whatever decodes encodes to the same bytes.

use super::*;
use crate::fault::Fault;

mod table;

/// Writes a message with its header.
fn encoded(body: &Body<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    body.encode(&mut writer);
    writer.finish().unwrap();
    bytes
}

/// A message of any type and body.
fn message(handshake_type: HandshakeType, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    handshake_type.write(&mut writer);
    writer.vec24(|w| w.bytes(body));
    writer.finish().unwrap();
    bytes
}

fn decoded(bytes: &[u8], form: Form) -> Result<Body<'_>, Fault> {
    Message::decode(bytes, form).map(|message| message.body)
}

const SCHEMES: &[SignatureScheme] = &[SignatureScheme::ED25519, SignatureScheme::ECDSA_SECP256R1_SHA256];
const NAMES: &[DistinguishedName<'_>] = &[DistinguishedName(&[0x30, 0]), DistinguishedName(&[7])];
const GREASE: &[RawExtension<'_>] =
    &[RawExtension { extension_type: ExtensionType(0x2a2a), extension_data: &[9] }];

/// A ClientHello with every extension.
fn full_client_hello() -> ClientHello<'static> {
    ClientHello {
        legacy_version: ProtocolVersion::TLS12,
        random: &[1; 32],
        session_id: &[2; 32],
        cipher_suites: List::values(&[CipherSuite(0x1a1a), CipherSuite::TLS_AES_128_GCM_SHA256]),
        compression_methods: &[0],
        extensions: ClientExtensions {
            server_name: Some(b"example.com"),
            extended_master_secret: true,
            renegotiation_info: Some(&[]),
            supported_groups: Some(List::values(&[NamedGroup::X25519MLKEM768, NamedGroup::X25519])),
            ec_point_formats: Some(List::values(&[EcPointFormat::UNCOMPRESSED])),
            session_ticket: Some(&[3; 5]),
            alpn: Some(List::values(&[ProtocolName(b"h2"), ProtocolName(b"http/1.1")])),
            status_request: Some(CertificateStatusRequest::OCSP),
            signed_certificate_timestamp: true,
            key_share: Some(List::values(&[
                KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[4; 32] },
                KeyShareEntry { group: NamedGroup(0x3a3a), key_exchange: &[0] },
            ])),
            supported_versions: Some(List::values(&[ProtocolVersion::TLS13, ProtocolVersion::TLS12])),
            cookie: Some(&[5; 3]),
            signature_algorithms: Some(List::values(SCHEMES)),
            signature_algorithms_cert: Some(List::values(SCHEMES)),
            psk_key_exchange_modes: Some(List::values(&[PskKeyExchangeMode::PSK_DHE_KE])),
            record_size_limit: Some(16385),
            certificate_authorities: Some(List::values(NAMES)),
            post_handshake_auth: true,
            ticket_request: Some(TicketRequest { new_session_count: 4, resumption_count: 1 }),
            early_data: true,
            pre_shared_key: Some(OfferedPsks {
                identities: List::values(&[
                    PskIdentity { identity: &[6; 4], obfuscated_ticket_age: 0x0102_0304 },
                    PskIdentity { identity: &[7], obfuscated_ticket_age: 0 },
                ]),
                binders: List::values(&[PskBinderEntry(&[8; 32]), PskBinderEntry(&[9; 48])]),
            }),
            raw: RawExtensions::from(GREASE),
        },
    }
}

/// A bare ServerHello to add extensions to.
fn server_hello(extensions: ServerExtensions<'static>) -> Body<'static> {
    Body::ServerHello(ServerHello {
        legacy_version: ProtocolVersion::TLS12,
        random: &[1; 32],
        session_id: &[2; 5],
        cipher_suite: CipherSuite::TLS_AES_256_GCM_SHA384,
        compression_method: 0,
        extensions,
    })
}

/// Every message, with its fields filled and, where that is another path, empty.
fn samples() -> Vec<(Form, Body<'static>)> {
    let tls12 = [
        Body::HelloRequest(HelloRequest),
        Body::ClientHello(ClientHello {
            session_id: &[],
            extensions: ClientExtensions::default(),
            ..full_client_hello()
        }),
        server_hello(ServerExtensions::default()),
        server_hello(ServerExtensions {
            renegotiation_info: Some(&[1, 2]),
            server_name: true,
            extended_master_secret: true,
            session_ticket: true,
            status_request: true,
            ec_point_formats: Some(List::values(&[EcPointFormat::UNCOMPRESSED])),
            supported_groups: Some(List::values(&[NamedGroup::SECP256R1])),
            alpn: Some(ProtocolName(b"h2")),
            signed_certificate_timestamp: Some(&[0, 1, 7]),
            record_size_limit: Some(64),
            ..ServerExtensions::default()
        }),
        Body::NewSessionTicket12(NewSessionTicket12 { ticket_lifetime_hint: 7200, ticket: &[1; 9] }),
        Body::NewSessionTicket12(NewSessionTicket12 { ticket_lifetime_hint: 0, ticket: &[] }),
        Body::Certificate12(Certificate12 {
            certificates: List::values(&[CertificateBytes(&[1; 7]), CertificateBytes(&[2])]),
        }),
        Body::Certificate12(Certificate12 { certificates: List::default() }),
        Body::ServerKeyExchange(ServerKeyExchange {
            params: ServerEcdhParams::decode(&[3, 0, 0x1d, 2, 8, 9]).unwrap(),
            scheme: SignatureScheme::ED25519,
            signature: &[4; 6],
        }),
        Body::CertificateRequest12(CertificateRequest12 {
            certificate_types: List::values(&[ClientCertificateType::ECDSA_SIGN]),
            signature_algorithms: List::values(SCHEMES),
            certificate_authorities: List::values(NAMES),
        }),
        Body::ServerHelloDone(ServerHelloDone),
        Body::ClientKeyExchange(ClientKeyExchange { body: &[2, 8, 9] }),
        Body::CertificateStatus(CertificateStatus { ocsp_response: &[5; 4] }),
    ];
    let tls13 = [
        Body::ClientHello(full_client_hello()),
        server_hello(ServerExtensions {
            key_share: Some(KeyShareEntry { group: NamedGroup::X25519, key_exchange: &[4; 32] }),
            pre_shared_key: Some(1),
            supported_versions: Some(ProtocolVersion::TLS13),
            ..ServerExtensions::default()
        }),
        Body::HelloRetryRequest(HelloRetryRequest {
            legacy_version: ProtocolVersion::TLS12,
            session_id: &[2; 32],
            cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
            compression_method: 0,
            extensions: RetryExtensions {
                key_share: Some(NamedGroup::SECP384R1),
                cookie: Some(&[5; 3]),
                supported_versions: Some(ProtocolVersion::TLS13),
                raw: RawExtensions::default(),
            },
        }),
        Body::NewSessionTicket13(NewSessionTicket13 {
            ticket_lifetime: 7200,
            ticket_age_add: 0xffff_fffe,
            ticket_nonce: &[0],
            ticket: &[1; 9],
            extensions: TicketExtensions { early_data: Some(14336), raw: RawExtensions::from(GREASE) },
        }),
        Body::EndOfEarlyData(EndOfEarlyData),
        Body::EncryptedExtensions(EncryptedExtensions {
            supported_groups: Some(List::values(&[NamedGroup::X25519])),
            record_size_limit: Some(16385),
            server_name: true,
            alpn: Some(ProtocolName(b"http/1.1")),
            ticket_request: Some(4),
            early_data: true,
            raw: RawExtensions::default(),
        }),
        Body::EncryptedExtensions(EncryptedExtensions::default()),
        Body::Certificate13(Certificate13 {
            context: &[1, 2],
            entries: List::values(&[
                CertificateEntry {
                    cert_data: &[1; 7],
                    extensions: CertificateExtensions {
                        status_request: Some(CertificateStatus { ocsp_response: &[3; 3] }),
                        signed_certificate_timestamp: Some(&[0, 1, 7]),
                        raw: RawExtensions::EMPTY,
                    },
                },
                CertificateEntry {
                    cert_data: &[2],
                    extensions: CertificateExtensions {
                        status_request: None,
                        signed_certificate_timestamp: None,
                        raw: RawExtensions::EMPTY,
                    },
                },
            ]),
        }),
        Body::Certificate13(Certificate13 { context: &[], entries: List::default() }),
        Body::CertificateRequest13(CertificateRequest13 {
            context: &[],
            extensions: RequestExtensions {
                signature_algorithms: Some(List::values(SCHEMES)),
                signature_algorithms_cert: Some(List::values(SCHEMES)),
                certificate_authorities: Some(List::values(NAMES)),
                status_request: true,
                signed_certificate_timestamp: true,
                raw: RawExtensions::from(GREASE),
            },
        }),
        Body::CertificateVerify(CertificateVerify {
            scheme: SignatureScheme::RSA_PSS_RSAE_SHA256,
            signature: &[4; 6],
        }),
        Body::Finished(Finished { verify_data: &[7; 32] }),
        Body::KeyUpdate(KeyUpdate { update_requested: true }),
        Body::KeyUpdate(KeyUpdate { update_requested: false }),
    ];
    let tls12 = tls12.into_iter().map(|body| (Form::Tls12, body));
    tls12.chain(tls13.into_iter().map(|body| (Form::Tls13, body))).collect()
}

/// Messages without an inner length take any body.
fn is_opaque(body: &Body<'_>) -> bool {
    matches!(body, Body::Finished(_) | Body::ClientKeyExchange(_))
}

#[test]
fn the_samples_have_every_message() {
    let mut unique = Vec::new();
    for kind in samples().iter().map(|(_, body)| std::mem::discriminant(body)) {
        if !unique.contains(&kind) {
            unique.push(kind);
        }
    }
    assert_eq!(unique.len(), 19);
}

#[test]
fn every_message_survives_a_round_trip() {
    for (form, body) in samples() {
        let bytes = encoded(&body);
        let message = Message::decode(&bytes, form).unwrap_or_else(|fault| panic!("{body:?}: {fault}"));
        assert_eq!(message.body, body);
        assert_eq!(message.bytes, bytes);
        assert_eq!(message.body.handshake_type().0, bytes[0]);
        assert_eq!(encoded(&message.body), bytes, "{}", body.name());
    }
}

#[test]
fn a_message_cut_anywhere_is_truncated() {
    for (form, body) in samples() {
        let bytes = encoded(&body);
        for n in 0..bytes.len() {
            assert_eq!(decoded(&bytes[..n], form), Err(Fault::Truncated), "{} at {n}", body.name());
        }
    }
}

#[test]
fn a_body_cut_anywhere_is_refused() {
    for (form, body) in samples() {
        let bytes = encoded(&body);
        for n in 0..bytes.len() - HandshakeHeader::LEN {
            let cut = message(body.handshake_type(), &bytes[4..4 + n]);
            match decoded(&cut, form) {
                Err(fault) => assert_eq!(fault.alert(), crate::AlertDescription::DECODE_ERROR),
                Ok(_) if is_opaque(&body) => {}
                // A hello may lack its block of extensions, which begins here.
                Ok(Body::ClientHello(hello)) => {
                    assert_eq!(n, 2 + 32 + 33 + 6 + 2);
                    assert!(hello.extensions.is_empty());
                }
                Ok(Body::ServerHello(hello)) => {
                    assert_eq!(n, 2 + 32 + 6 + 3);
                    assert!(hello.extensions.is_empty());
                }
                Ok(Body::HelloRetryRequest(hello)) => {
                    assert_eq!(n, 2 + 32 + 33 + 3);
                    assert!(hello.extensions.is_empty());
                }
                Ok(other) => panic!("{other:?} at {n}"),
            }
        }
    }
}

#[test]
fn a_byte_too_many_is_refused() {
    for (form, body) in samples() {
        let mut bytes = encoded(&body);
        // After the message that the header announces.
        let mut after = bytes.clone();
        after.push(0);
        assert_eq!(decoded(&after, form), Err(Fault::TrailingBytes));
        // Inside of it, after its last field.
        bytes.push(0);
        let longer = message(body.handshake_type(), &bytes[4..]);
        let expected = match body {
            _ if is_opaque(&body) => continue,
            // The byte begins the block of extensions that was left out.
            Body::ClientHello(hello) if hello.extensions.is_empty() => Fault::Truncated,
            Body::ServerHello(hello) if hello.extensions.is_empty() => Fault::Truncated,
            _ => Fault::TrailingBytes,
        };
        assert_eq!(decoded(&longer, form), Err(expected), "{}", body.name());
    }
}

#[test]
fn whatever_decodes_encodes_to_the_same_bytes() {
    let mut survived = 0;
    for (form, body) in samples() {
        let bytes = encoded(&body);
        for place in HandshakeHeader::LEN..bytes.len() {
            let was = bytes[place];
            for value in
                [0, 1, 2, 0x7f, 0x80, 0xff, was ^ 1, was ^ 0x10, was.wrapping_add(1), was.wrapping_sub(1)]
            {
                let mut altered = bytes.clone();
                altered[place] = value;
                if let Ok(body) = decoded(&altered, form) {
                    assert_eq!(encoded(&body), altered, "{body:?}");
                    survived += 1;
                }
            }
        }
    }
    assert!(survived > 1000, "{survived}");
}

#[test]
fn noise_is_refused_or_encodes_to_the_same_bytes() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as usize % below
    };
    for (form, body) in samples() {
        let bytes = encoded(&body);
        for _ in 0..2000 {
            let mut altered = bytes[HandshakeHeader::LEN..].to_vec();
            for _ in 0..random(4) {
                let place = random(altered.len() + 1);
                match random(3) {
                    0 => altered.insert(place, random(256) as u8),
                    1 if place < altered.len() => drop(altered.remove(place)),
                    _ if place < altered.len() => altered[place] = random(256) as u8,
                    _ => {}
                }
            }
            let altered = message(body.handshake_type(), &altered);
            if let Ok(body) = decoded(&altered, form) {
                let again = encoded(&body);
                // A hello's empty block of extensions is left out.
                let end = again.len();
                assert_eq!(again[4..], altered[4..end], "{body:?}");
                assert!(altered.len() == end || altered[end..] == [0, 0], "{body:?}");
            }
        }
    }
}

/// Messages of RFC 8448: a trace's section, and for each message the side that
/// sent it, its name and its bytes.
fn rfc8448() -> Vec<(u8, &'static str, &'static str, Vec<u8>)> {
    let sections = [
        (3, include_str!("../../test-vectors/rfc8448/section-3.hex")),
        (4, include_str!("../../test-vectors/rfc8448/section-4.hex")),
        (5, include_str!("../../test-vectors/rfc8448/section-5.hex")),
        (6, include_str!("../../test-vectors/rfc8448/section-6.hex")),
        (7, include_str!("../../test-vectors/rfc8448/section-7.hex")),
    ];
    let mut messages = Vec::new();
    for (section, text) in sections {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, bytes) = line.split_once(": ").unwrap();
            let (side, name) = name.split_once(' ').unwrap();
            messages.push((section, side, name, hex::decode(bytes).unwrap()));
        }
    }
    messages
}

#[test]
fn rfc_8448_s_messages_decode_and_encode_to_the_same_bytes() {
    let messages = rfc8448();
    assert_eq!(messages.len(), 8 + 6 + 9 + 10 + 7);
    for (section, side, name, bytes) in &messages {
        let what = format!("section {section}, {side} {name}");
        let message = Message::decode(bytes, Form::Tls13).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert_eq!(message.body.name(), *name, "{what}");
        assert_eq!(encoded(&message.body), *bytes, "{what}");
        // The same from the fields alone, without the order that was kept.
        if let Body::ClientHello(mut hello) = message.body {
            let unread: Vec<_> = hello.extensions.raw.unread().collect();
            hello.extensions.raw = RawExtensions::from(&unread[..]);
            let again = encoded(&Body::ClientHello(hello));
            assert_eq!(again.len(), bytes.len(), "{what}");
            assert_eq!(decoded(&again, Form::Tls13), Ok(message.body), "{what}");
        }
    }
}

#[test]
fn rfc_8448_s_messages_say_what_the_rfc_shows() {
    let messages = rfc8448();
    let of = |section, side, name| {
        let found = messages.iter().find(|each| (each.0, each.1, each.2) == (section, side, name));
        Message::decode(&found.unwrap().3, Form::Tls13).unwrap().body
    };

    let Body::ClientHello(hello) = of(3, "client", "ClientHello") else { panic!() };
    assert_eq!(hello.legacy_version, ProtocolVersion::TLS12);
    assert_eq!(hello.random[..4], [0xcb, 0x34, 0xec, 0xb1]);
    assert_eq!(hello.session_id, b"");
    let suites: Vec<u16> = hello.cipher_suites.iter().map(|suite| suite.0).collect();
    assert_eq!(suites, [0x1301, 0x1303, 0x1302]);
    assert_eq!(hello.extensions.server_name, Some(&b"server"[..]));
    assert_eq!(hello.extensions.supported_groups.unwrap().len(), 9);
    let share = hello.extensions.key_share.unwrap().first().unwrap();
    assert_eq!(share.group, NamedGroup::X25519);
    assert_eq!(
        hex::encode(share.key_exchange),
        "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"
    );
    assert_eq!(hello.extensions.supported_versions, Some(List::from(&[ProtocolVersion::TLS13])));
    assert_eq!(hello.extensions.signature_algorithms.unwrap().len(), 15);
    assert_eq!(hello.extensions.record_size_limit, Some(16385));
    let order: Vec<u16> = hello.raw_extensions().map(|(extension, _)| extension.0).collect();
    assert_eq!(order, [0, 0xff01, 10, 35, 51, 43, 13, 45, 28]);
    assert_eq!(hello.raw_extensions().nth(7).unwrap().1, [1, 1]);

    let Body::ServerHello(hello) = of(3, "server", "ServerHello") else { panic!() };
    assert_eq!(hello.cipher_suite, CipherSuite::TLS_AES_128_GCM_SHA256);
    assert_eq!(hello.extensions.supported_versions, Some(ProtocolVersion::TLS13));
    assert!(hello.extensions.key_share.unwrap().key_exchange.starts_with(&[0xc9, 0x82, 0x88, 0x76]));

    let Body::NewSessionTicket13(ticket) = of(3, "server", "NewSessionTicket") else { panic!() };
    assert_eq!((ticket.ticket_lifetime, ticket.ticket_age_add), (30, 0xfad6_aac5));
    assert_eq!(ticket.ticket_nonce, [0, 0]);
    assert_eq!(ticket.extensions.early_data, Some(1024));

    let Body::ClientHello(hello) = of(4, "client", "ClientHello") else { panic!() };
    assert!(hello.extensions.early_data);
    let psks = hello.extensions.pre_shared_key.unwrap();
    assert_eq!(psks.identities.first().unwrap().identity, ticket.ticket);
    assert_eq!(psks.identities.first().unwrap().obfuscated_ticket_age, 0xfad6_aacb);
    // The RFC's "ClientHello prefix", which the binders cover, has 477 of 512 octets.
    assert_eq!(512 - psks.binders_len(), 477);

    let Body::HelloRetryRequest(retry) = of(5, "server", "HelloRetryRequest") else { panic!() };
    assert_eq!(retry.extensions.key_share, Some(NamedGroup::SECP256R1));
    assert_eq!(retry.extensions.cookie.unwrap().len(), 114);

    let Body::CertificateRequest13(request) = of(6, "server", "CertificateRequest") else { panic!() };
    assert_eq!(request.context, b"");
    assert_eq!(request.extensions.signature_algorithms.unwrap().len(), 15);

    let Body::Certificate13(certificate) = of(6, "client", "Certificate") else { panic!() };
    assert_eq!(certificate.entries.len(), 1);
    assert_eq!(certificate.entries.first().unwrap().cert_data.len(), 0x1b6);
}
