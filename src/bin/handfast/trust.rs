//! The options about trust and about this side's certificate, which the
//! commands share.

use crate::text;
use clap::Args;
use handfast::Identity;
use handfast::pki::{Roots, Verifier};
use std::path::{Path, PathBuf};

/// Whom to trust.
#[derive(Args)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustOptions {
    /// Trust the authorities of FILE (PEM or DER) instead of the system's
    #[arg(long, visible_alias = "ca", value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,

    /// Accept any certificate; the failing checks are still told
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,

    /// Accept exactly this public key, whatever its certificate says: the SHA-256 of its
    /// SubjectPublicKeyInfo in base64; may be repeated
    #[arg(long, value_name = "sha256//BASE64", value_parser = pin)]
    pub(crate) pin: Vec<Pin>,
}

/// This side's certificate.
#[derive(Args)]
#[command(next_help_heading = "Client certificate")]
pub(crate) struct IdentityOptions {
    /// The certificate to show, leaf first, if the server requests one (PEM or DER); a server
    /// that requests one and verifies none of its signature schemes is an error
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Its private key (PEM or DER), if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

/// The SHA-256 of a SubjectPublicKeyInfo (RFC 7469 section 2.4).
pub(crate) type Pin = [u8; 32];

fn pin(given: &str) -> Result<Pin, String> {
    let base64 = given.strip_prefix("sha256//").ok_or("it must begin with sha256//")?;
    text::from_base64(base64).ok_or_else(|| "after sha256// must stand 32 bytes in base64".to_owned())
}

/// A pin as `--pin` takes it.
pub(crate) fn pin_text(pin: &Pin) -> String {
    format!("sha256//{}", text::base64(pin))
}

impl TrustOptions {
    /// The policy, and what it rests on in words. `own` are roots to trust
    /// where the options name none.
    pub(crate) fn verifier(&self, own: Option<Roots>) -> Result<(Verifier, String), String> {
        if !self.pin.is_empty() {
            let pins = "the key is one of those given with --pin; names, dates and issuers did not count";
            return Ok((Verifier::pinned(self.pin.iter().copied()), pins.to_owned()));
        }
        let (roots, source) = match own.filter(|_| self.cacert.is_none()) {
            Some(own) => (own, "the authority made for this run".to_owned()),
            None => roots(self.cacert.as_deref())?,
        };
        Ok((Verifier::web_pki(roots), source))
    }
}

impl IdentityOptions {
    /// The certificate, if one was given.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, String> {
        let Some(cert) = &self.cert else { return Ok(None) };
        let key = self.key.as_ref().unwrap_or(cert);
        let identity = Identity::from_pem(&read(cert)?, &read(key)?);
        identity.map(Some).map_err(|error| format!("{} and {}: {error}", cert.display(), key.display()))
    }
}

/// The roots of a file, or the system's; and whose they are, in words.
pub(crate) fn roots(file: Option<&Path>) -> Result<(Roots, String), String> {
    match file {
        Some(file) => Ok((from_file(file)?, format!("the authorities of {}", file.display()))),
        None => system(),
    }
}

pub(crate) fn from_file(file: &Path) -> Result<Roots, String> {
    let mut roots = Roots::new();
    let said = |what: String| format!("{}: {what}", file.display());
    let (added, malformed) = roots.add_pem(&read(file)?).map_err(|error| said(error.to_string()))?;
    match added {
        0 => Err(said(format!("no certificate that can be used ({malformed} malformed)"))),
        _ => Ok(roots),
    }
}

/// The roots of the system; where it has none, Mozilla's, which are built in.
/// What cannot be read is left out, and counted: nothing is trusted for it.
fn system() -> Result<(Roots, String), String> {
    Ok(match Roots::system() {
        Ok((roots, left_out)) => {
            let left_out = match left_out.len() {
                0 => String::new(),
                some => format!(", but for {some} that cannot be read"),
            };
            let source = format!("the system's {}{left_out}", text::count(roots.len(), "root"));
            (roots, source)
        }
        Err(_none) => {
            let roots = Roots::bundled();
            let source = format!("Mozilla's {} (the system has none)", text::count(roots.len(), "root"));
            (roots, source)
        }
    })
}

/// A file's bytes.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_both_ways() {
        let given = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(pin(given).map(|pin| pin_text(&pin)), Ok(given.to_owned()));
        assert!(pin(&given[8..]).is_err() && pin("sha256//AAAA").is_err());
    }
}
