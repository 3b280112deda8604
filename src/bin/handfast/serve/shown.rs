//! What a certificate is told by, in the first lines.

use crate::text::{SHORT, clean, joined};
use handfast::Identity;
use handfast::pki::{Certificate, GeneralName};

/// Whose a certificate is.
pub(crate) struct Shown {
    /// In lower case, addresses too.
    pub(crate) names: Vec<String>,
    until: String,
    fingerprint: String,
}

impl Shown {
    pub(crate) fn of(identity: &Identity) -> Option<Self> {
        let leaf = identity.chain().first()?;
        let read = Certificate::read(leaf).ok()?;
        let names = read.names().filter(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_)));
        let names = names.map(|name| clean(&name.text()).to_lowercase()).collect();
        Some(Self { names, until: read.not_after(), fingerprint: fingerprint(leaf) })
    }

    pub(crate) fn lines(&self) -> [String; 3] {
        [
            format!("certificate: for {}", joined(&self.names, SHORT)),
            format!("             until {}", self.until),
            format!("             SHA-256 {}", self.fingerprint),
        ]
    }
}

/// The SHA-256 of a certificate, in pairs of digits.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    handfast::sha256(der).map(|byte| format!("{byte:02X}")).join(":")
}
