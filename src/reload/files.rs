//! Files as they are read while somebody may be replacing them.

use super::error::LoadError;
use crate::crypto::kdf::sha256;
use crate::limits;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// How often files are read that are not the same twice.
const READINGS: usize = 4;

/// Tells contents apart.
pub(super) type Digest = [u8; 32];

/// What a file holds, perhaps a private key.
pub(super) struct Contents {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) digest: Digest,
}

/// The contents of files that belong together, which stood there twice; `None` where
/// they are the ones that are known.
pub(super) fn read_together(
    files: &[&Path],
    known: Option<&[Digest]>,
) -> Result<Option<Vec<Contents>>, LoadError> {
    let mut before = read_all(files)?;
    for _ in 0..READINGS {
        if known.is_some_and(|known| known.iter().eq(before.iter().map(|one| &one.digest))) {
            return Ok(None);
        }
        let again = read_all(files)?;
        let same = before.iter().zip(&again).all(|(one, other)| one.digest == other.digest);
        if same {
            return Ok(Some(again));
        }
        before = again;
    }
    Err(LoadError::Changing { file: files.first().map_or_else(Default::default, |file| file.to_path_buf()) })
}

fn read_all(files: &[&Path]) -> Result<Vec<Contents>, LoadError> {
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<Contents, LoadError> {
    let unreadable = |error| LoadError::Unreadable { file: file.into(), error };
    // Before it is opened: the opening of a pipe waits for its other end.
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(LoadError::NotAFile { file: file.into() });
    }
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if length > limits::FILE_BYTES {
        return Err(LoadError::TooLong { file: file.into() });
    }
    // With room for what shows that it grew. Nothing is moved: keys leave no copy behind.
    let mut bytes = Zeroizing::new(vec![0; length.saturating_add(1)]);
    let filled = fill(&mut File::open(file).map_err(unreadable)?, &mut bytes).map_err(unreadable)?;
    if filled > length {
        return Err(LoadError::Changing { file: file.into() });
    }
    bytes.truncate(filled);
    Ok(Contents { digest: sha256(&bytes), bytes })
}

/// Reads until the end, or until there is no room.
fn fill(from: &mut impl Read, mut room: &mut [u8]) -> io::Result<usize> {
    let all = room.len();
    while !room.is_empty() {
        match from.read(room) {
            Ok(0) => break,
            Ok(n) => room = room.get_mut(n..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all - room.len())
}
