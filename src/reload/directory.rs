//! A directory of certificates, each with its key.

use super::entry::{Entry, Found, Look};
use super::error::{LoadError, Notice};
use super::kept::Patience;
use crate::limits;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) struct Directory {
    pub(super) path: PathBuf,
    /// By what lies in the directory.
    entries: BTreeMap<PathBuf, Entry>,
    /// What was gone at the last look.
    gone: BTreeSet<PathBuf>,
    told: Option<String>,
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        let (entries, gone, told) = Default::default();
        Self { path, entries, gone, told }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(super) fn look(&mut self, look: &mut Look<'_>) {
        match list(&self.path) {
            Ok(listing) => {
                let gone: BTreeSet<_> =
                    self.entries.keys().filter(|name| !listing.contains_key(*name)).cloned().collect();
                for (name, found) in listing {
                    match self.entries.get_mut(&name) {
                        Some(entry) => entry.found = found,
                        None => _ = self.entries.insert(name, Entry::new(found)),
                    }
                }
                let stay = self.entries.iter_mut().filter(|(name, _)| !gone.contains(*name));
                stay.for_each(|(_, entry)| entry.look(look));
                self.let_go(gone, look);
            }
            Err(why) => self.tell(why, look),
        }
    }

    /// Gives up what is gone, unless nothing would be left: a directory that is empty
    /// for a moment is no wish to serve nobody.
    fn let_go(&mut self, gone: BTreeSet<PathBuf>, look: &mut Look<'_>) {
        let serves = |(name, entry): (&PathBuf, &Entry)| !gone.contains(name) && entry.identity().is_some();
        if !self.entries.iter().any(serves) {
            if !look.unsettled {
                self.tell(LoadError::NothingThere { directory: self.path.clone() }, look);
            }
            return;
        }
        self.told = None;
        if look.patience == Patience::SeenTwice && !gone.is_subset(&self.gone) {
            look.unsettled = true;
        } else {
            let entries = gone.iter().filter_map(|name| self.entries.remove(name));
            let served = entries.filter(|entry| entry.identity().is_some());
            look.notices.extend(served.map(|entry| Notice::Removed { what: entry.found.text() }));
        }
        self.gone = gone;
    }

    /// Once, where nobody asked.
    fn tell(&mut self, why: LoadError, look: &mut Look<'_>) {
        let before = self.told.replace(why.to_string()).is_some_and(|before| before == why.to_string());
        if before && look.patience == Patience::SeenTwice {
            return;
        }
        let what = self.path.display().to_string();
        look.notices.push(match self.entries.values().any(|entry| entry.identity().is_some()) {
            true => Notice::Kept { what, why },
            false => Notice::LeftOut { what, why },
        });
    }
}

/// What a directory has, by the names alone.
fn list(path: &Path) -> Result<BTreeMap<PathBuf, Found>, LoadError> {
    let unreadable = |error| LoadError::Unreadable { file: path.into(), error };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        if names.len() >= limits::DIRECTORY_ENTRIES {
            return Err(LoadError::TooMany { directory: path.into() });
        }
        names.push(entry.map_err(unreadable)?.path());
    }
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    names.retain(|path| !hidden(path));
    Ok(names.into_iter().filter_map(|path| Some((path.clone(), find(path)?))).collect())
}

/// What an entry of a directory is, if it is anything.
fn find(path: PathBuf) -> Option<Found> {
    if path.is_dir() {
        let layouts = [("fullchain.pem", "privkey.pem"), ("tls.crt", "tls.key")];
        let pairs = layouts.map(|(chain, key)| (path.join(chain), path.join(key)));
        let there = pairs.into_iter().find(|(chain, key)| chain.exists() || key.exists());
        return Some(match there {
            Some((chain, key)) => Found::Pair { chain, key },
            None => Found::NoPair { directory: path },
        });
    }
    let stem = path.file_stem()?.to_str()?.to_owned();
    match path.extension()?.to_str()? {
        "pem"
            if stem
                .strip_suffix("-key")
                .is_some_and(|name| path.with_file_name(format!("{name}.pem")).exists()) =>
        {
            None
        }
        "pem" | "crt" => {
            let beside = [path.with_extension("key"), path.with_file_name(format!("{stem}-key.pem"))];
            let key = beside.into_iter().find(|key| key.exists()).unwrap_or_else(|| path.clone());
            Some(Found::Pair { chain: path, key })
        }
        "key" => {
            let chains = ["pem", "crt"].map(|ending| path.with_extension(ending));
            (!chains.iter().any(|chain| chain.exists())).then_some(Found::NoCertificate { key: path })
        }
        _ => None,
    }
}
