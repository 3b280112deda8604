//! The options about trust and about this side's certificate, which the
//! commands share.

use crate::container;
use crate::text;
use clap::Args;
use handfast::Identity;
use handfast::pki::{self, CertificateDer, Roots, Verifier};
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

/// Whom to trust.
#[derive(Args)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustOptions {
    /// Trust the authorities of FILE (PEM, DER, PKCS #7 or #12; - is standard input) instead of
    /// the system's
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
    /// The certificate to show, leaf first, if the server requests one (PEM or DER; PKCS #12 with
    /// its key); a server that requests one and verifies none of its signature schemes is an error
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Its private key (PEM or DER), if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// The password of a PKCS #12 file; others of this machine may see it here. Otherwise
    /// HANDFAST_PASSWORD in the environment, or you are asked
    #[arg(long, value_name = "PASSWORD", requires = "cert")]
    pub(crate) password: Option<String>,
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
        identity(cert, self.key.as_deref(), self.password.as_deref()).map(Some)
    }
}

/// The certificate of a file, with its key, which may stand in the same.
pub(crate) fn identity(cert: &Path, key: Option<&Path>, password: Option<&str>) -> Result<Identity, String> {
    let said = |what: String| match key {
        Some(key) => format!("{} and {}: {what}", cert.display(), key.display()),
        None => format!("{}: {what}", cert.display()),
    };
    let file = read(cert)?;
    let key_file = key.map(read).transpose()?;
    let identity = match container::open(&file, password) {
        None => Identity::from_pem(&file, key_file.as_ref().unwrap_or(&file)),
        Some(opened) => {
            let opened = opened.map_err(said)?;
            let apart = key_file.map(|file| pki::private_key(&file)).transpose();
            let key = apart.map_err(|error| said(error.to_string()))?.or(opened.key);
            let key = key.ok_or_else(|| said("no private key is in it: --key".to_owned()))?;
            Identity::new(opened.certificates, &key)
        }
    };
    identity.map_err(|error| said(error.to_string()))
}

/// The certificates of a file of whichever form.
pub(crate) fn certificates(
    file: &Path,
    password: Option<&str>,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let said = |what: String| format!("{}: {what}", file.display());
    let bytes = read(file)?;
    match container::open(&bytes, password) {
        None => pki::certificates(&bytes).map_err(|error| said(error.to_string())),
        Some(opened) => opened.map(|opened| opened.certificates).map_err(said),
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
    let bytes = read(file)?;
    let (added, malformed) = match container::open(&bytes, None) {
        None => roots.add_pem(&bytes).map_err(|error| said(error.to_string()))?,
        Some(opened) => {
            let all = opened.map_err(said)?.certificates;
            let (n, malformed) = (all.len(), all.into_iter().filter_map(|one| roots.add(one).err()).count());
            (n - malformed, malformed)
        }
    };
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

/// The bytes of a file, or of standard input.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, String> {
    if file != Path::new("-") {
        return std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()));
    }
    let mut bytes = Vec::new();
    let read = stdin().read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| format!("cannot read standard input: {error}"))
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
