//! What a certificate and a list say of themselves. Nothing of it is proven.

use crate::text::clean;
use handfast::pki::{Certificate, CertificateDer, Crl, GeneralName, UnixTime};
use serde_json::{Value, json};

/// Names of a certificate that a person wants to read.
const MOST_NAMES: usize = 10;

/// A certificate's lines, the first whose it is.
pub(crate) fn lines(place: usize, der: &CertificateDer<'_>) -> Vec<String> {
    let read = match Certificate::read(der) {
        Ok(read) => read,
        Err(malformed) => return vec![format!("certificate {}: {malformed}", place + 1)],
    };
    let extensions = read.extensions().map(|(name, critical)| match critical {
        true => format!("{name} (critical)"),
        false => name,
    });
    let mut lines = vec![
        format!("certificate {}: {} (version {})", place + 1, read.subject(), read.version()),
        format!("  issuer: {}", read.issuer()),
        format!("  valid: {} to {}", read.not_before(), read.not_after()),
        format!("  public key: {}; signed with {}", read.public_key(), read.signature_algorithm()),
    ];
    let mut names: Vec<String> = read.names().take(MOST_NAMES).map(|name| name.text()).collect();
    if let Some(more @ 1..) = read.names().count().checked_sub(MOST_NAMES) {
        names.push(format!("and {more} more"));
    }
    for (label, all) in [("names", names), ("extensions", extensions.collect())] {
        if !all.is_empty() {
            lines.push(format!("  {label}: {}", all.join(", ")));
        }
    }
    lines.iter().map(|line| clean(line)).collect()
}

/// The same as a value.
pub(crate) fn value(der: &CertificateDer<'_>) -> Value {
    let read = match Certificate::read(der) {
        Ok(read) => read,
        Err(malformed) => return json!({ "malformed": malformed.reason }),
    };
    let extensions = read.extensions().map(|(name, critical)| json!({ "name": name, "critical": critical }));
    json!({
        "subject": read.subject(),
        "issuer": read.issuer(),
        "version": read.version(),
        "not_before": read.not_before(),
        "not_after": read.not_after(),
        "public_key": read.public_key(),
        "signature_algorithm": read.signature_algorithm(),
        "names": read.names().map(|name: GeneralName<'_>| name.text()).collect::<Vec<_>>(),
        "extensions": extensions.collect::<Vec<_>>(),
    })
}

/// Why a list clears nobody, if it does not.
pub(crate) fn note(list: &Crl, now: UnixTime) -> Option<String> {
    let why = list.unusable_at(now)?;
    let rest = match why.still_revokes() {
        true => "what it revokes is revoked all the same",
        false => "what it says proves nothing",
    };
    Some(clean(&format!("the revocation list of {} clears nobody: {why}; {rest}", list.issuer())))
}
