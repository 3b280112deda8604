//! A revocation at the layer where it is met: a connection ends with the alert
//! certificate_revoked, in both versions, whoever of the two was revoked.

#[path = "support/pair.rs"]
#[allow(dead_code)] // others use the rest of it
mod pair;

use handfast::pki::{Crl, PrivateKeyDer, Revocation, Roots, ServerName, UnixTime, Verifier};
use handfast::wire::ProtocolVersion;
use handfast::{
    AlertDescription, ClientAuth, ClientConfig, Connection, Error, Event, Identity, ServerConfig,
};
use pair::{NAME, transfer};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::sync::Arc;

/// An authority, an identity that it issued with the number 7, and lists of its own.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn identity(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(7));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Identity::new(vec![certificate.der().clone()], &key).unwrap()
    }

    /// Trusts it, and has a list of 2020 of it, which is long stale, with this number.
    fn verifier(&self, revoked: u64) -> Verifier {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2020, 2, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(revoked),
                revocation_time: date_time_ymd(2019, 12, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = Crl::read(params.signed_by(&self.issuer).unwrap().der()).unwrap();
        let mut roots = Roots::new();
        roots.add(self.issuer.der().clone()).unwrap();
        Verifier::web_pki(roots).with_revocation(Revocation::soft([list]))
    }
}

/// Goes on until nothing moves; how each side failed, if it did.
fn shake(client: ClientConfig, server: ServerConfig) -> [Option<Error>; 2] {
    let name = ServerName::try_from(NAME).unwrap();
    let mut sides =
        [Connection::client(&Arc::new(client), name).unwrap(), Connection::server(&Arc::new(server))];
    let mut failed = [None, None];
    loop {
        let [client, server] = &mut sides;
        let moved = transfer(client, server) + transfer(server, client);
        for (side, failed) in sides.iter_mut().zip(&mut failed) {
            while failed.is_none() {
                match side.next() {
                    Ok(Event::NeedInput) => break,
                    Ok(_) => {}
                    Err(error) => *failed = Some(error),
                }
            }
        }
        if moved == 0 {
            return failed;
        }
    }
}

#[test]
fn a_revoked_peer_is_sent_away_in_both_directions() {
    let authority = Authority::new();
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        for (number, revoked) in [(7, true), (8, false)] {
            let verifier = || authority.verifier(number);
            let client = || ClientConfig::new(verifier(), UnixTime::now).versions(&[version]).unwrap();
            let server = || ServerConfig::new(authority.identity(), UnixTime::now);
            let [here, there] = shake(client(), server());
            assert_eq!(here.is_some(), revoked, "{version}: {here:?}");
            assert_eq!(there.is_some(), revoked, "{version}: {there:?}");
            if let Some(error) = here {
                assert_eq!(error.alert(), Some(AlertDescription::CERTIFICATE_REVOKED), "{error}");
                assert!(error.to_string().contains("its issuer revoked it on 2019-12-01"), "{error}");
            }
            // The other way about: the client shows a certificate, and its own list names nobody here.
            let client = ClientConfig::new(authority.verifier(9), UnixTime::now).versions(&[version]);
            let client = client.unwrap().identity(authority.identity());
            let server = server().client_auth(ClientAuth::Require(verifier().into()));
            let [_, here] = shake(client, server);
            let alert = here.as_ref().and_then(Error::alert);
            assert_eq!(alert, revoked.then_some(AlertDescription::CERTIFICATE_REVOKED), "{here:?}");
        }
    }
}
