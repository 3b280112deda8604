//! Files that are to be their owner's alone.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Whether others than its owner may read or write it, where there is such a thing.
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    let others = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077;
    #[cfg(not(unix))]
    let (others, _) = (0, metadata);
    others != 0
}

/// The bytes of a secret's file, which others may neither read nor write; a pipe may be
/// anybody's. What is looked at is what is read.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let said = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let mut file = File::open(path).map_err(said)?;
    let metadata = file.metadata().map_err(said)?;
    if metadata.is_file() && is_open_to_others(&metadata) {
        return Err(format!("others may read or write {0}: chmod 600 {0}", path.display()));
    }
    // What grows leaves a copy behind.
    let room = usize::try_from(metadata.len()).unwrap_or_default().saturating_add(2);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room.min(handfast::limits::FILE_BYTES)));
    file.read_to_end(&mut bytes).map_err(said)?;
    Ok(bytes)
}
