//! What a configuration requires of its peer: what the side that refuses is told,
//! and what the other one is, each by its own adapter.

use super::altered::{Altered, Change, Keys, changed, client_hello, server_hello};
use super::*;
use handfast::ConnectionInfo;
use handfast::wire::List;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
const AES: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
const OWN_ADDRESS: &str = "192.0.2.7";

/// What became of a handshake, as one side sees it.
type Outcome = Result<ConnectionInfo, (ErrorKind, Error)>;

/// Both outcomes, through each kind of adapter.
fn outcomes(client: &ClientConfig, name: &str, server: &ServerConfig) -> Vec<(Outcome, Outcome)> {
    let all = [
        shaken((client, None), name, (server, None)),
        #[cfg(feature = "tokio")]
        shaken_by_tokio(client, name, server),
    ];
    all.into()
}

/// The same where a side's first message is changed on its way.
fn shaken(
    (client, of_client): (&ClientConfig, Option<Change>),
    name: &str,
    (server, of_server): (&ServerConfig, Option<Change>),
) -> (Outcome, Outcome) {
    let (a, b) = pipe();
    let (client, server) = (Arc::new(client.clone()), Arc::new(server.clone()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    // Neither stream is gone before both are done.
    let ((client, _client_stream), (server, _server_stream)) = both(
        move || {
            let stream = Altered { stream: a, change: of_client };
            let mut stream = TlsStream::client(&client, name, stream).unwrap();
            let result = stream.handshake_with(trusting);
            (outcome(result, stream.info()), stream)
        },
        move || {
            let mut stream = TlsStream::server(&server, Altered { stream: b, change: of_server });
            let result = stream.handshake();
            (outcome(result, stream.info()), stream)
        },
    );
    (client, server)
}

#[cfg(feature = "tokio")]
fn shaken_by_tokio(client: &ClientConfig, name: &str, server: &ServerConfig) -> (Outcome, Outcome) {
    use handfast::AsyncTlsStream;
    let name = ServerName::try_from(name).unwrap();
    let (a, b) = tokio::io::duplex(4_000);
    let mut client = AsyncTlsStream::client(&Arc::new(client.clone()), name, a).unwrap();
    let mut server = AsyncTlsStream::server(&Arc::new(server.clone()), b);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let results = runtime.block_on(async {
        let shaken = async { tokio::join!(client.handshake_with(trusting), server.handshake()) };
        tokio::time::timeout(Duration::from_secs(60), shaken).await.expect("both come to an end")
    });
    (outcome(results.0, client.info()), outcome(results.1, server.info()))
}

fn outcome(result: io::Result<()>, info: &ConnectionInfo) -> Outcome {
    match result {
        Ok(()) => Ok(info.clone()),
        failed => Err(error(failed)),
    }
}

#[track_caller]
fn assert_done((client, server): (Outcome, Outcome)) -> [ConnectionInfo; 2] {
    [client.expect("the client"), server.expect("the server")]
}

/// One side refuses and says why, and the other hears the alert.
#[track_caller]
fn assert_refused(victim: Outcome, peer: Outcome, fault: Option<Fault>, alert: AlertDescription) {
    let (kind, found) = victim.expect_err("it refuses");
    assert_eq!((kind, found.fault(), found.alert()), (ErrorKind::InvalidData, fault, Some(alert)), "{found}");
    let (kind, found) = peer.expect_err("it is refused");
    assert_eq!(kind, ErrorKind::ConnectionAborted, "{found}");
    assert!(matches!(found, Error::AlertReceived { description, .. } if description == alert), "{found}");
}

fn speaking(version: ProtocolVersion) -> ClientConfig {
    client_config().versions(&[version]).unwrap()
}

/// RFC 6066 section 3, RFC 9846 section 9.2.
#[test]
fn a_server_that_requires_a_name() {
    let lenient = server_config();
    let strict = lenient.clone().require_server_name();
    for version in VERSIONS {
        let client = speaking(version);
        for done in outcomes(&client, NAME, &strict) {
            assert_eq!(assert_done(done)[1].server_name.as_deref(), Some(NAME));
        }
        // Whoever goes to an address names nobody.
        for (client, server) in outcomes(&client, OWN_ADDRESS, &strict) {
            assert_refused(server, client, Some(Fault::NoServerName), AlertDescription::MISSING_EXTENSION);
        }
        for (client, server) in outcomes(&client, "elsewhere.test", &strict) {
            assert!(matches!(server, Err((_, Error::NoCertificate))), "{server:?}");
            assert_refused(server, client, None, AlertDescription::UNRECOGNIZED_NAME);
        }
        for name in [OWN_ADDRESS, "elsewhere.test"] {
            outcomes(&client, name, &lenient).into_iter().for_each(|done| drop(assert_done(done)));
        }
    }
}

/// RFC 7301 section 3.2.
#[test]
fn either_side_requires_a_protocol() {
    let alert = AlertDescription::NO_APPLICATION_PROTOCOL;
    let serves = || server_config().alpn(&[b"h2"]).unwrap();
    for version in VERSIONS {
        let speaks = |list: &[&[u8]]| speaking(version).alpn(list).unwrap();
        for (offered, fault) in [(&[][..], Fault::NoAlpn), (&[&b"h3"[..]], Fault::NoApplicationProtocol)] {
            for (client, server) in outcomes(&speaks(offered), NAME, &serves().require_alpn()) {
                assert_refused(server, client, Some(fault), alert);
            }
        }
        for (client, server) in outcomes(&speaks(&[b"h2"]).require_alpn(), NAME, &server_config()) {
            assert_refused(client, server, Some(Fault::NoAlpn), alert);
        }
        for done in outcomes(&speaks(&[b"h2"]).require_alpn(), NAME, &serves().require_alpn()) {
            for info in assert_done(done) {
                assert_eq!(info.alpn.as_deref(), Some(&b"h2"[..]));
            }
        }
        for (client, server) in [(speaks(&[]), serves()), (speaks(&[b"h2"]), server_config())] {
            for done in outcomes(&client, NAME, &server) {
                for info in assert_done(done) {
                    assert_eq!(info.alpn, None);
                }
            }
        }
    }
}

/// RFC 7627 section 5.2.
#[test]
fn either_side_requires_extended_master_secret() {
    let client = || speaking(ProtocolVersion::TLS12);
    let (strict_client, strict) =
        (client().require_extended_master_secret(), server_config().require_extended_master_secret());
    let (client_without, without) =
        (client().without_extended_master_secret(), server_config().without_extended_master_secret());
    let (fault, alert) = (Some(Fault::NoExtendedMasterSecret), AlertDescription::HANDSHAKE_FAILURE);
    for (client, server) in outcomes(&client_without, NAME, &strict) {
        assert_refused(server, client, fault, alert);
    }
    for (client, server) in outcomes(&strict_client, NAME, &without) {
        assert_refused(client, server, fault, alert);
    }
    for (client, server, extended) in [
        (&strict_client, &strict, true),
        (&client_without, &server_config(), false),
        (&client(), &without, false),
    ] {
        for done in outcomes(client, NAME, server) {
            for info in assert_done(done) {
                assert_eq!(info.extended_master_secret, extended);
            }
        }
    }
}

/// RFC 5746 section 4. This crate always speaks it: each peer is made not to.
#[test]
fn either_side_requires_renegotiation_info() {
    let (fault, alert) = (Some(Fault::NoRenegotiationInfo), AlertDescription::HANDSHAKE_FAILURE);
    let client = || speaking(ProtocolVersion::TLS12).suites(&[AES]).unwrap();
    let silent_client: Change = |body| {
        let hello = client_hello(body);
        hello.extensions.renegotiation_info = None;
        hello.cipher_suites = List::from(&[AES]);
    };
    let silent_server: Change = |body| server_hello(body).extensions.renegotiation_info = None;
    let strict = server_config().require_renegotiation_info();
    let strict_client = client().require_renegotiation_info();

    let (client_, server) = shaken((&client(), Some(silent_client)), NAME, (&strict, None));
    assert_refused(server, client_, fault, alert);
    let (client_, server) = shaken((&strict_client, None), NAME, (&server_config(), Some(silent_server)));
    assert_refused(client_, server, fault, alert);
    outcomes(&strict_client, NAME, &strict).into_iter().for_each(|done| drop(assert_done(done)));
    // Without the setting the handshake goes on: to Finished, for it was changed on its way.
    for (of_client, of_server) in [(Some(silent_client), None), (None, Some(silent_server))] {
        let outcomes = shaken((&client(), of_client), NAME, (&server_config(), of_server));
        for (_, found) in [outcomes.0.unwrap_err(), outcomes.1.unwrap_err()] {
            assert_ne!(found.fault(), fault, "{found}");
            assert_ne!(found.alert(), Some(alert), "{found}");
        }
    }
}

/// RFC 9846 section 4.2.4: a group without a share may be asked for.
#[test]
fn a_group_that_is_worth_a_round_trip() {
    let (x25519, p384) = (NamedGroup::X25519, NamedGroup::SECP384R1);
    let client = speaking(ProtocolVersion::TLS13).groups(&[x25519, p384]).unwrap();
    let server = server_config().groups(&[p384, x25519]).unwrap();
    let worth_it = server.clone().groups_worth_a_retry(&[p384]).unwrap();
    for (server, expected) in [(&server, (false, Some(x25519))), (&worth_it, (true, Some(p384)))] {
        for done in outcomes(&client, NAME, server) {
            for info in assert_done(done) {
                assert_eq!((info.retried, info.group), expected);
            }
        }
    }
}

/// A pair of TLS 1.2, and the client's keys.
fn pair12(
    client: ClientConfig,
    server_config: ServerConfig,
) -> (TlsStream<Pipe>, TlsStream<Pipe>, Arc<Keys>) {
    let keys = Arc::new(Keys::default());
    let (a, b) = pipe();
    let observer = keys.clone();
    let (mut client, mut server) = both(
        move || {
            let config =
                Arc::new(client.versions(&[ProtocolVersion::TLS12]).unwrap().suites(&[AES]).unwrap());
            let mut options = ClientOptions::default();
            options.observer = Some(observer);
            let connection = Connection::client_with(&config, name(), options).unwrap();
            let mut stream = TlsStream::new(connection, a);
            stream.handshake_with(trusting).unwrap();
            stream
        },
        move || {
            let mut stream = server(server_config, b);
            stream.handshake().unwrap();
            stream
        },
    );
    // What is there to be read is there, or there is none.
    (client.get_mut().impatient, server.get_mut().impatient) = (true, true);
    (client, server, keys)
}

/// A server that is asked to negotiate again warns and closes, or ends it with an
/// error (RFC 5246 section 7.2.2). Either way its own caller is told.
#[test]
fn a_client_that_negotiates_again() {
    let alert = AlertDescription::NO_RENEGOTIATION;
    for fatal in [false, true] {
        let config = server_config();
        let config = if fatal { config.renegotiation_is_fatal() } else { config };
        let (mut client, mut server, keys) = pair12(client_config(), config);
        let hello = Connection::client(&Arc::new(client_config()), name()).unwrap().pending()[5..].to_vec();
        client.get_mut().write_all(&keys.sealed("client", &hello)).unwrap();
        let fault = if fatal { Fault::RenegotiationForbidden } else { Fault::Renegotiation };
        for result in [server.read(&mut [0; 9]), server.read(&mut [0; 9]), server.write(b"no more")] {
            let (kind, found) = error(result);
            assert_eq!((kind, found.fault()), (ErrorKind::InvalidData, Some(fault)), "{found}");
        }
        match fatal {
            false => assert_eq!(client.read(&mut [0; 9]).unwrap(), 0),
            true => {
                let (kind, found) = error(client.read(&mut [0; 9]));
                assert_eq!(kind, ErrorKind::ConnectionAborted);
                assert!(matches!(found, Error::AlertReceived { description, .. } if description == alert));
            }
        }
    }
}

/// HelloRequest is passed over by a client, or ends the connection (RFC 5246
/// section 7.4.1.1).
#[test]
fn a_server_that_asks_to_negotiate_again() {
    const HELLO_REQUEST: [u8; 4] = [0; 4];
    let (mut client, mut server, keys) = pair12(client_config(), server_config());
    server.get_mut().write_all(&keys.sealed("server", &HELLO_REQUEST)).unwrap();
    assert_eq!(client.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    client.write_all(b"goes on").unwrap();
    server.read_exact(&mut [0; 7]).unwrap();

    let (mut client, mut server, keys) = pair12(client_config().renegotiation_is_fatal(), server_config());
    server.get_mut().write_all(&keys.sealed("server", &HELLO_REQUEST)).unwrap();
    let (kind, found) = error(client.read(&mut [0; 9]));
    assert_eq!((kind, found.fault()), (ErrorKind::InvalidData, Some(Fault::RenegotiationForbidden)));
    let (kind, found) = error(server.read(&mut [0; 9]));
    assert_eq!(kind, ErrorKind::ConnectionAborted);
    let alert = AlertDescription::NO_RENEGOTIATION;
    assert!(matches!(found, Error::AlertReceived { description, .. } if description == alert), "{found}");
}

/// RFC 6066 section 3: what is no host name comes to no log, and to no file.
#[test]
fn a_server_name_that_is_none() {
    const ILLEGAL_PARAMETER: &[u8] = &[21, 3, 3, 0, 2, 2, 47];
    let names: [&'static [u8]; 7] =
        [b"a\nb", b"a.test\x1b[2J", b"192.0.2.7", b"::1", b"../x", b"server.test.", b"sn\xc3\xb6.test"];
    let config = server_config();
    let answered = |version, name: &'static [u8]| {
        let hello =
            Connection::client(&Arc::new(speaking(version)), self::name()).unwrap().pending().to_vec();
        let (mut raw, end) = pipe();
        raw.write_all(&changed(&hello, |body| client_hello(body).extensions.server_name = Some(name)))
            .unwrap();
        let mut stream = server(config.clone(), end);
        // It would wait for the client's next message.
        stream.get_mut().impatient = true;
        let result = stream.handshake();
        let info = stream.info().clone();
        drop(stream);
        let mut answer = Vec::new();
        raw.read_to_end(&mut answer).unwrap();
        (result, info, answer)
    };
    for version in VERSIONS {
        for name in names {
            let (result, info, answer) = answered(version, name);
            let (kind, found) = error(result);
            assert_eq!(
                (kind, found.fault()),
                (ErrorKind::InvalidData, Some(Fault::BadServerName)),
                "{found}"
            );
            assert_eq!(answer, ILLEGAL_PARAMETER, "{name:?}");
            assert_eq!(info.server_name, None);
            for said in [format!("{info:?}"), format!("{found:?}"), found.to_string()] {
                assert!(!said.contains(&*name.escape_ascii().to_string()), "{said}");
                assert!(!said.contains(&*String::from_utf8_lossy(name)), "{said}");
            }
        }
        // What is one is taken, and known while the handshake goes on.
        let (result, info, answer) = answered(version, b"other.test");
        assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!((info.server_name.as_deref(), answer[0]), (Some("other.test"), 22));
    }
}
