//! Roots in a file.

use super::error::{LoadError, Notice};
use super::files::Contents;
use super::kept::{Kept, Looked, Patience};
use crate::pki::Roots;
use std::path::{Path, PathBuf};

/// The authorities of a file, PEM or DER.
pub(super) struct RootFile {
    path: PathBuf,
    roots: Kept<(Roots, usize)>,
}

impl RootFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, roots: Kept::default() }
    }

    /// The last good ones.
    pub(super) fn roots(&self) -> Option<&Roots> {
        self.roots.value().map(|(roots, _)| roots)
    }

    /// Looks at the file: what came of it, and whether to look again soon.
    pub(super) fn look(&mut self, patience: Patience) -> (Vec<Notice>, bool) {
        let Self { path, roots } = self;
        let had = roots.value().is_some();
        let what = path.display().to_string();
        let notices = match roots.look(&[path], patience, |contents| usable(path, contents)) {
            Looked::AsBefore => Vec::new(),
            Looked::Unsettled => return (Vec::new(), true),
            Looked::Taken => taken(path, roots.value()),
            Looked::Refused(why) if had => vec![Notice::Kept { what, why }],
            Looked::Refused(why) => vec![Notice::LeftOut { what, why }],
        };
        (notices, false)
    }

    /// The same for the first time: that there are none is an error.
    pub(super) fn load(&mut self) -> Result<Vec<Notice>, LoadError> {
        let (mut notices, _) = self.look(Patience::AtOnce);
        match (self.roots(), notices.pop()) {
            (None, Some(Notice::LeftOut { why, .. })) => Err(why),
            (_, last) => Ok(notices.into_iter().chain(last).collect()),
        }
    }
}

fn usable(path: &Path, contents: &[Contents]) -> Result<(Roots, usize), LoadError> {
    let file = contents.first().map_or(&[][..], |contents| &contents.bytes);
    let mut roots = Roots::of_store(path.display().to_string());
    let (usable, malformed) =
        roots.add_pem(file).map_err(|error| LoadError::Roots { file: path.into(), error })?;
    match usable {
        0 => Err(LoadError::MalformedRoots { file: path.into(), malformed, usable }),
        _ => Ok((roots, malformed)),
    }
}

fn taken(path: &Path, value: Option<&(Roots, usize)>) -> Vec<Notice> {
    let Some((roots, malformed)) = value else { return Vec::new() };
    let what = path.display().to_string();
    let about = match roots.len() {
        1 => "1 root".to_owned(),
        more => format!("{more} roots"),
    };
    let mut notices = vec![Notice::Taken { what: what.clone(), about }];
    if *malformed > 0 {
        let (usable, malformed) = (roots.len(), *malformed);
        let why = LoadError::MalformedRoots { file: path.into(), malformed, usable };
        notices.push(Notice::LeftOut { what, why });
    }
    notices
}
