//! From a path to a file: nothing outside of the directory is opened.

use super::path::{Bad, encode, segments};
use std::io;
use std::path::{Path, PathBuf};

/// The directory that is served.
pub(crate) struct Site {
    /// Without symlinks or dots in it.
    root: PathBuf,
}

/// What a path leads to.
pub(crate) enum Found {
    File(PathBuf),
    Directory {
        path: PathBuf,
        title: String,
    },
    /// A directory whose slash is missing.
    Slash(String),
    Nothing,
    Forbidden,
    BadPath,
}

impl Site {
    pub(crate) fn new(dir: &Path) -> Result<Self, String> {
        let said = |why: &dyn std::fmt::Display| format!("cannot serve {}: {why}", dir.display());
        let root = dir.canonicalize().map_err(|error| said(&error))?;
        match root.is_dir() {
            true => Ok(Self { root }),
            false => Err(said(&"it is not a directory")),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Finds what the path of a request names.
    pub(crate) fn find(&self, path: &str) -> Found {
        let (names, slash) = match segments(path) {
            Ok(found) => found,
            Err(Bad::Encoding) => return Found::BadPath,
            Err(Bad::Leads) => return Found::Forbidden,
        };
        let mut asked = self.root.clone();
        asked.extend(&names);
        let found = self.inside(&asked).and_then(|inside| {
            let Some(real) = inside else { return Ok(Found::Forbidden) };
            match real.is_dir() {
                true => self.directory(real, &names, slash),
                false if slash => Ok(Found::Nothing),
                false => regular(real),
            }
        });
        found.unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Found::Forbidden,
            _ => Found::Nothing,
        })
    }

    fn directory(&self, real: PathBuf, names: &[String], slash: bool) -> io::Result<Found> {
        let title: String = names.iter().map(|name| format!("/{}", encode(name))).collect();
        if !slash {
            return Ok(Found::Slash(format!("{title}/")));
        }
        let index = real.join("index.html");
        match self.inside(&index) {
            Ok(Some(index)) if index.is_file() => regular(index),
            Ok(None) => Ok(Found::Forbidden),
            _ => Ok(Found::Directory { path: real, title: format!("/{}", names.join("/")) }),
        }
    }

    /// Where the path leads through all symlinks, if that is inside. Whoever
    /// can change the directory while it is served can change what is served.
    fn inside(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let real = path.canonicalize()?;
        Ok(real.starts_with(&self.root).then_some(real))
    }
}

/// Regular files only: opening a pipe would wait for its writer.
fn regular(path: PathBuf) -> io::Result<Found> {
    Ok(if path.metadata()?.is_file() { Found::File(path) } else { Found::Forbidden })
}
