//! An authority that lives as long as the server.

use crate::explain::embedded::certificates;
use handfast::Identity;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file with the authority's certificate, removed in the end. Neither key
/// is ever written.
pub(crate) struct ThrowAway {
    dir: PathBuf,
    pub(crate) file: PathBuf,
}

impl ThrowAway {
    /// Makes an authority, and a certificate for this machine's own names.
    pub(crate) fn make(addr: SocketAddr) -> Result<(Self, Identity), String> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let ip = addr.ip().to_string();
        if !addr.ip().is_unspecified() && !names.contains(&ip) {
            names.push(ip);
        }
        let (authority, identity) = certificates(names).map_err(|error| format!("rcgen: {error}"))?;
        let identity = identity.map_err(|error| error.to_string())?;
        Ok((Self::write(&authority)?, identity))
    }

    fn write(authority: &str) -> Result<Self, String> {
        let dir = private_directory()?;
        let made = Self { file: dir.join("ca.pem"), dir };
        let said = |error| format!("cannot write {}: {error}", made.file.display());
        private_file(&made.file).and_then(|mut file| file.write_all(authority.as_bytes())).map_err(said)?;
        Ok(made)
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
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) => why = error.to_string(),
        }
    }
    Err(format!("cannot make a directory in {}: {why}", base.display()))
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_reads_it_and_it_goes() {
        let made = ThrowAway::write("certificate").unwrap();
        let (dir, file) = (made.dir.clone(), made.file.clone());
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
