//! The server's own authority: made for a run, or kept in a directory.

use super::shown::fingerprint;
use crate::authority::{Authority, DAY};
use crate::private::is_open_to_others;
use crate::trust::{from_file, read};
use handfast::Identity;
use handfast::pki::{Purpose, ServerName, UnixTime, Verifier};
use rcgen::{KeyPair, KeyUsagePurpose};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a certificate is good. Half of it is over, and another is made.
pub(crate) const LEAF: Duration = Duration::from_secs(30 * DAY.as_secs());

/// How long an authority is: whoever installed it does so once.
const AUTHORITY: Duration = Duration::from_secs(3_650 * DAY.as_secs());

/// An authority, and the names for which it signs.
pub(crate) struct Issuer {
    authority: Authority,
    names: Vec<String>,
    /// Its certificate's file.
    pub(crate) file: PathBuf,
    pub(crate) kept: Kept,
}

/// How long an authority lives.
pub(crate) enum Kept {
    /// As long as the server. Its key is never written.
    ForThisRun { _dir: ThrowAway },
    /// It was made just before.
    FromNowOn,
    /// It was there.
    FromBefore,
}

impl Issuer {
    /// From the directory, or for this run.
    pub(crate) fn make(dir: Option<&Path>, names: Vec<String>) -> Result<Self, String> {
        match dir {
            None => {
                let authority = authority(key()?)?;
                let (dir, file) = ThrowAway::write(&authority.pem)?;
                Ok(Self { authority, names, file, kept: Kept::ForThisRun { _dir: dir } })
            }
            Some(dir) => keep(dir, names),
        }
    }

    /// The SHA-256 of its certificate, as browsers show it.
    pub(crate) fn fingerprint(&self) -> String {
        let chain = handfast::pki::certificates(self.authority.pem.as_bytes()).unwrap_or_default();
        chain.first().map(|der| fingerprint(der)).unwrap_or_default()
    }

    /// A certificate of its, with a key that is in memory only.
    pub(crate) fn identity(&self) -> Result<Identity, String> {
        let signed =
            self.authority.sign(self.names.clone(), &key()?, &[KeyUsagePurpose::DigitalSignature], LEAF);
        signed.map_err(|error| format!("rcgen: {error}"))?.map_err(|error| error.to_string())
    }
}

fn key() -> Result<KeyPair, String> {
    KeyPair::generate().map_err(|error| format!("rcgen: {error}"))
}

fn authority(key: KeyPair) -> Result<Authority, String> {
    let name = name(&key);
    Authority::make(&name, key, AUTHORITY).map_err(|error| format!("rcgen: {error}"))
}

/// Two authorities of this program are not mistaken for each other.
fn name(key: &KeyPair) -> String {
    let hash = handfast::sha256(&rcgen::PublicKeyData::subject_public_key_info(key));
    format!("handfast authority {}", hex::encode(hash.get(..4).unwrap_or_default()))
}

/// The authority of a directory, made if there is none.
fn keep(dir: &Path, names: Vec<String>) -> Result<Issuer, String> {
    let (file, key_file) = (dir.join("ca.pem"), dir.join("ca-key.pem"));
    match (file.exists(), key_file.exists()) {
        (true, true) => load(file, &key_file, names),
        (false, false) => {
            let key = key()?;
            let pem = Zeroizing::new(key.serialize_pem());
            let authority = authority(key)?;
            private_directories(dir).map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
            write(&key_file, &pem)?;
            write(&file, &authority.pem)?;
            Ok(Issuer { authority, names, file, kept: Kept::FromNowOn })
        }
        (there, _) => {
            let (there, missing) = if there { (&file, &key_file) } else { (&key_file, &file) };
            Err(format!(
                "{} is there without {}: bring that back, or remove the other, and a new authority is made",
                there.display(),
                missing.display()
            ))
        }
    }
}

fn load(file: PathBuf, key_file: &Path, names: Vec<String>) -> Result<Issuer, String> {
    only_ours(key_file)?;
    let said = |why: String| {
        format!(
            "{} and {} are no authority that can sign: {why}; remove both, and a new one is made",
            file.display(),
            key_file.display()
        )
    };
    let pem = Zeroizing::new(read(key_file)?);
    let text = std::str::from_utf8(&pem).map_err(|_| said("the key is no PEM".to_owned()))?;
    let key = KeyPair::from_pem(text).map_err(|error| said(format!("the key: {error}")))?;
    let name = name(&key);
    let certificate =
        String::from_utf8(read(&file)?).map_err(|_| said("the certificate is no PEM".to_owned()))?;
    let roots = from_file(&file)?;
    let authority = Authority::again(certificate, &name, key);
    let issuer = Issuer { authority, names, file: file.clone(), kept: Kept::FromBefore };
    // What it signs is judged as clients will do.
    let localhost = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
    let judged = Verifier::web_pki(roots).verify(
        issuer.identity()?.chain(),
        Some(&localhost),
        Purpose::Server,
        UnixTime::now(),
    );
    judged.map(|_accepted| issuer).map_err(|refused| said(refused.report.sentence().to_owned()))
}

/// A key that others may read is refused, as it would be theirs.
fn only_ours(file: &Path) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    match is_open_to_others(&metadata) {
        true => Err(format!(
            "others may read {0}, and sign with it: chmod 600 {0}, or remove it and ca.pem to begin anew",
            file.display()
        )),
        false => Ok(()),
    }
}

/// The directory with the authority's certificate, removed in the end.
pub(crate) struct ThrowAway {
    dir: PathBuf,
    file: PathBuf,
}

impl ThrowAway {
    fn write(authority: &str) -> Result<(Self, PathBuf), String> {
        let dir = private_directory()?;
        let file = dir.join("ca.pem");
        let made = Self { file: file.clone(), dir };
        write(&file, authority)?;
        Ok((made, file))
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        // What cannot be removed holds no secret.
        let _nobody_minds = std::fs::remove_file(&self.file).and_then(|()| std::fs::remove_dir(&self.dir));
    }
}

/// A new directory that only its owner can enter. One that is there already
/// may be somebody else's: another name is tried.
fn private_directory() -> Result<PathBuf, String> {
    let base = std::env::temp_dir();
    let mut why = String::new();
    for n in 0..100 {
        let dir = base.join(format!("handfast-{}-{n}", std::process::id()));
        match private().create(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) => why = error.to_string(),
        }
    }
    Err(format!("cannot make a directory in {}: {why}", base.display()))
}

/// One that was asked for, if it is not there, with those above it.
fn private_directories(dir: &Path) -> std::io::Result<()> {
    private().recursive(true).create(dir)
}

fn private() -> DirBuilder {
    #[allow(unused_mut, reason = "modes are unix's")]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// A new file that only its owner can read.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_reads_it_and_it_goes() {
        let (made, file) = ThrowAway::write("certificate").unwrap();
        let dir = made.dir.clone();
        assert_eq!(std::fs::read(&file).unwrap(), b"certificate");
        #[cfg(unix)]
        for (path, mode) in [(&dir, 0o700), (&file, 0o600)] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
        }
        drop(made);
        assert!(!dir.exists());
    }
}
