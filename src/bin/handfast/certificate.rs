//! What a certificate says of itself, and what to mind in it. Nothing of it is
//! proven. The rarer extensions are read by x509-cert: no trust rests on them.

use crate::text::{base64, clean, count, joined};
use crate::times;
use crate::trust::pin_text;
use handfast::pki::{Certificate, CertificateDer, GeneralName, UnixTime, spki_sha256};
use handfast::sha256;
use serde_json::{Value, json};
use std::time::Duration;
use x509_cert::der::Decode;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName as Their};
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, CrlDistributionPoints};

/// Names of a certificate, and addresses and timestamps in it, that a person
/// wants to read.
const MOST: usize = 10;

const DAY: u64 = 86_400;

/// A certificate that is good for less than this, and for less than a fifth of
/// its time, is renewed late.
const SOON: u64 = 14 * DAY;

const ID_AD_OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const ID_AD_CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");

/// RFC 6962 section 3.3.
const TIMESTAMPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// What validity public authorities may give to a server's certificate, by the
/// day of its beginning (CA/Browser Forum, Baseline Requirements 6.3.2), in days.
const LONGEST: [(u64, u64); 4] = [
    (1_598_918_400, 398), // 2020-09-01
    (1_773_532_800, 200), // 2026-03-15
    (1_805_068_800, 100), // 2027-03-15
    (1_868_227_200, 47),  // 2029-03-15
];

/// Where its authority says more of it, and which logs have it.
#[derive(Default)]
struct Rare {
    ocsp: Vec<String>,
    ca_issuers: Vec<String>,
    crl: Vec<String>,
    timestamps: Vec<(String, String)>,
}

impl Rare {
    /// As far as x509-cert reads it.
    fn read(der: &[u8]) -> Self {
        let mut rare = Self::default();
        let Ok(read) = x509_cert::Certificate::from_der(der) else { return rare };
        let tbs = read.tbs_certificate();
        if let Ok(Some((_, access))) = tbs.get_extension::<AuthorityInfoAccessSyntax>() {
            for one in access.0 {
                let Some(address) = address(&one.access_location) else { continue };
                match one.access_method {
                    ID_AD_OCSP => rare.ocsp.push(address),
                    ID_AD_CA_ISSUERS => rare.ca_issuers.push(address),
                    _ => {}
                }
            }
        }
        if let Ok(Some((_, points))) = tbs.get_extension::<CrlDistributionPoints>() {
            for point in points.0 {
                if let Some(DistributionPointName::FullName(names)) = point.distribution_point {
                    rare.crl.extend(names.iter().filter_map(address));
                }
            }
        }
        let extensions = tbs.extensions().into_iter().flatten();
        for extension in extensions.filter(|one| one.extn_id == TIMESTAMPS) {
            if let Ok(list) = OctetString::from_der(extension.extn_value.as_bytes()) {
                rare.timestamps = timestamps(list.as_bytes()).unwrap_or_default();
            }
        }
        rare
    }
}

fn address(name: &Their) -> Option<String> {
    match name {
        Their::UniformResourceIdentifier(address) => Some(clean(address.as_str())),
        _ => None,
    }
}

/// The logs, in base64 as their operators write them, and the times of a
/// SignedCertificateTimestampList (RFC 6962 section 3.3).
fn timestamps(list: &[u8]) -> Option<Vec<(String, String)>> {
    let (mut list, mut found) = (vector(list)?.0, Vec::new());
    while !list.is_empty() {
        let (one, rest) = vector(list)?;
        // Version 1, the log's key, milliseconds.
        if let Some((0, one)) = one.split_first().map(|(version, one)| (*version, one)) {
            let (log, one) = one.split_first_chunk::<32>()?;
            let (millis, _) = one.split_first_chunk()?;
            let at = UnixTime::since_unix_epoch(Duration::from_millis(u64::from_be_bytes(*millis)));
            found.push((base64(log), times::written(at)));
        }
        list = rest;
    }
    Some(found)
}

/// A vector with a length of two bytes, and what follows it.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// A certificate's lines, the first whose it is.
pub(crate) fn lines(place: usize, der: &CertificateDer<'_>, now: UnixTime) -> Vec<String> {
    let read = match Certificate::read(der) {
        Ok(read) => read,
        Err(malformed) => return vec![format!("certificate {}: {malformed}", place + 1)],
    };
    let rare = Rare::read(der);
    let extensions = read.extensions().map(|(name, critical)| match critical {
        true => format!("{name} (critical)"),
        false => name,
    });
    let mut lines = vec![
        format!("certificate {}: {} (version {})", place + 1, read.subject(), read.version()),
        format!("  issuer: {}", read.issuer()),
        format!("  serial: {}", hex::encode(read.serial())),
        format!("  valid: {} to {}, {}", read.not_before(), read.not_after(), left(&read, now)),
        format!("  public key: {}; signed with {}", read.public_key(), read.signature_algorithm()),
        format!("  sha256: {}", hex::encode(sha256(der))),
        format!("  pin: {}", pin(der).unwrap_or_default()),
    ];
    let logs = rare.timestamps.iter().map(|(log, at)| format!("{log} at {at}"));
    for (label, all) in [
        ("names", joined(read.names().map(|name| name.text()), MOST)),
        ("extensions", joined(extensions, usize::MAX)),
        ("ocsp", joined(&rare.ocsp, MOST)),
        ("ca issuers", joined(&rare.ca_issuers, MOST)),
        ("crl", joined(&rare.crl, MOST)),
        ("logged by", joined(logs, MOST)),
    ] {
        if !all.is_empty() {
            lines.push(format!("  {label}: {all}"));
        }
    }
    lines.iter().map(|line| clean(line)).collect()
}

/// The same as a value.
pub(crate) fn value(der: &CertificateDer<'_>, now: UnixTime) -> Value {
    let read = match Certificate::read(der) {
        Ok(read) => read,
        Err(malformed) => return json!({ "malformed": malformed.reason }),
    };
    let rare = Rare::read(der);
    let extensions = read.extensions().map(|(name, critical)| json!({ "name": name, "critical": critical }));
    let logs = rare.timestamps.iter().map(|(log, at)| json!({ "log": log, "timestamp": at }));
    json!({
        "subject": read.subject(),
        "issuer": read.issuer(),
        "serial": hex::encode(read.serial()),
        "version": read.version(),
        "not_before": read.not_before(),
        "not_after": read.not_after(),
        "seconds_left": seconds_left(&read, now),
        "public_key": read.public_key(),
        "signature_algorithm": read.signature_algorithm(),
        "sha256": hex::encode(sha256(der)),
        "pin": pin(der),
        "names": read.names().map(|name: GeneralName<'_>| name.text()).collect::<Vec<_>>(),
        "extensions": extensions.collect::<Vec<_>>(),
        "ocsp": rare.ocsp,
        "ca_issuers": rare.ca_issuers,
        "crl": rare.crl,
        "signed_certificate_timestamps": logs.collect::<Vec<_>>(),
    })
}

fn pin(der: &CertificateDer<'_>) -> Option<String> {
    spki_sha256(der).ok().map(|pin| pin_text(&pin))
}

fn seconds_left(read: &Certificate<'_>, now: UnixTime) -> i64 {
    let seconds = |at: UnixTime| i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    seconds(read.validity().1).saturating_sub(seconds(now))
}

/// How long it is good still.
pub(crate) fn left(read: &Certificate<'_>, now: UnixTime) -> String {
    let left = seconds_left(read, now);
    match left >= 0 {
        true => format!("{} left", span(left.unsigned_abs())),
        false => format!("ended {} ago", span(left.unsigned_abs())),
    }
}

fn span(seconds: u64) -> String {
    let (n, what) = match seconds {
        DAY.. => (seconds / DAY, "day"),
        3600.. => (seconds / 3600, "hour"),
        _ => (seconds / 60, "minute"),
    };
    count(n as usize, what)
}

/// What to mind about a server's or client's own certificate that is good still;
/// `public` ones are held to what public authorities may give.
pub(crate) fn warnings(leaf: &CertificateDer<'_>, now: UnixTime, public: bool) -> Vec<String> {
    let Ok(read) = Certificate::read(leaf) else { return Vec::new() };
    let (from, to) = read.validity();
    let lifetime = to.as_secs().saturating_sub(from.as_secs()).saturating_add(1);
    let mut warnings = Vec::new();
    if let Ok(left) = u64::try_from(seconds_left(&read, now))
        && left < SOON
        && left < lifetime / 5
    {
        warnings.push(format!("the certificate ends in {}, on {}", span(left), read.not_after()));
    }
    let longest = LONGEST.iter().rev().find(|(since, _)| from.as_secs() >= *since);
    if let Some((_, days)) = longest.filter(|(_, days)| public && lifetime > days * DAY) {
        warnings.push(format!(
            "the certificate is good for {}, and of its date public authorities may give at most {days} \
             (CA/Browser Forum): browsers refuse it",
            count(lifetime.div_ceil(DAY) as usize, "day")
        ));
    }
    warnings
}

/// That it ends within this time, in words, if it does.
pub(crate) fn ends_within(leaf: &CertificateDer<'_>, now: UnixTime, within: Duration) -> Option<String> {
    let read = Certificate::read(leaf).ok()?;
    let ends = seconds_left(&read, now) <= i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
    let (subject, left) = (read.subject(), left(&read, now));
    ends.then(|| {
        clean(&format!(
            "the certificate of {subject} ends within --expires-within: {left}, until {}",
            read.not_after()
        ))
    })
}

/// A distinguished name in DER for a person, the most telling part first.
pub(crate) fn distinguished_name(der: &[u8]) -> String {
    match x509_cert::name::Name::from_der(der) {
        Ok(name) => clean(&name.to_string()),
        Err(_) => format!("(malformed, {} B)", der.len()),
    }
}

/// Whose certificate issues: the common name, the organisation, or all there is.
pub(crate) fn issuer(read: &Certificate<'_>) -> String {
    let whole = read.issuer();
    let part = |kind: &str| whole.split(", ").find_map(|part| part.strip_prefix(kind)).map(str::to_owned);
    clean(&part("CN=").or_else(|| part("O=")).unwrap_or(whole.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, CustomExtension, KeyPair, date_time_ymd};
    use x509_cert::der::Encode;

    fn certificate(from: (i32, u8, u8), to: (i32, u8, u8)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        // Two timestamps, one of a version to come; and an address of each kind.
        let mut list = vec![0, 52, 0, 43, 0];
        list.extend([7; 32]);
        list.extend(1_709_208_000_000_u64.to_be_bytes());
        list.extend([0, 0]);
        list.extend([0, 5, 9, 1, 2, 3, 4]);
        let list = OctetString::new(list).unwrap().to_der().unwrap();
        params.custom_extensions = vec![
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], list),
            CustomExtension::from_oid_content(
                &[1, 3, 6, 1, 5, 5, 7, 1, 1],
                hex::decode(
                    "3026301106082b0601050507300186056f3a2f2f61301106082b0601050507300286056f3a2f2f62",
                )
                .unwrap(),
            ),
            CustomExtension::from_oid_content(
                &[2, 5, 29, 31],
                hex::decode("300d300ba009a00786056f3a2f2f63").unwrap(),
            ),
        ];
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn at(text: &str) -> UnixTime {
        times::at(text).unwrap()
    }

    #[test]
    fn the_rare_facts_are_told() {
        let der = certificate((2024, 1, 1), (2024, 3, 1));
        let value = value(&der, at("2024-02-20"));
        assert_eq!(value["ocsp"][0], "o://a");
        assert_eq!(value["ca_issuers"][0], "o://b");
        assert_eq!(value["crl"][0], "o://c");
        let logged = &value["signed_certificate_timestamps"];
        assert_eq!(logged.as_array().map(Vec::len), Some(1));
        assert_eq!(logged[0]["log"], "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        assert_eq!(logged[0]["timestamp"], "2024-02-29T12:00:00Z");
        assert_eq!(value["seconds_left"], 10 * DAY);
        let told = lines(0, &der, at("2024-02-20")).join("\n");
        for each in ["10 days left", "ocsp: o://a", "crl: o://c", "pin: sha256//", "logged by: BwcHB"] {
            assert!(told.contains(each), "{each}\n{told}");
        }
        let after = lines(0, &der, at("2024-03-02")).join("\n");
        assert!(after.contains("ended 1 day ago"), "{after}");
    }

    #[test]
    fn a_cut_list_of_timestamps_is_none() {
        for bad in [&[][..], &[0], &[0, 2, 0], &[0, 3, 0, 1, 0], &[0, 4, 0, 2, 0, 1]] {
            assert_eq!(timestamps(bad), None, "{bad:?}");
        }
        assert_eq!(timestamps(&[0, 0]), Some(Vec::new()));
    }

    #[test]
    fn who_ends_soon_or_lives_too_long_is_warned_of() {
        let said = |from, to, now, public| warnings(&certificate(from, to), at(now), public).join("; ");
        let year = ((2025, 1, 1), (2026, 1, 1));
        assert_eq!(said(year.0, year.1, "2025-06-01", true), "");
        assert!(said(year.0, year.1, "2025-12-25", true).contains("ends in 7 days, on 2026-01-01"));
        // One that lives for six days is renewed in its last ones.
        assert_eq!(said((2025, 1, 1), (2025, 1, 7), "2025-01-03", true), "");
        for (from, to, most) in [
            ((2025, 1, 1), (2026, 2, 2), None),
            ((2025, 1, 1), (2026, 2, 3), Some(398)), // 398 days and a second
            ((2026, 3, 14), (2027, 3, 14), None),
            ((2026, 3, 15), (2026, 10, 2), Some(200)),
            ((2027, 3, 15), (2027, 6, 25), Some(100)),
            ((2029, 3, 15), (2029, 4, 15), None),
            ((2029, 3, 15), (2029, 5, 3), Some(47)),
        ] {
            let now = at("2025-01-02");
            let said = warnings(&certificate(from, to), now, true).join("; ");
            let expected = most.map(|most| format!("at most {most} "));
            assert_eq!(said.contains("CA/Browser"), most.is_some(), "{from:?}: {said}");
            assert!(said.contains(&expected.unwrap_or_default()), "{from:?}: {said}");
            assert!(!warnings(&certificate(from, to), now, false).join("").contains("CA/Browser"));
        }
    }

    #[test]
    fn who_ends_within_a_time() {
        let der = certificate((2024, 1, 1), (2024, 3, 1));
        let within = |days, now| ends_within(&der, at(now), Duration::from_secs(days * DAY)).is_some();
        assert!(within(14, "2024-02-20") && within(0, "2024-03-05"));
        assert!(!within(14, "2024-02-01"));
    }
}
