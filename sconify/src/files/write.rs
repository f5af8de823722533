//! Files in folders that nobody else knows yet.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::merkle::CHUNK;

/// A folder, and those that it lies in, unless they are there.
pub(super) fn create_folder(path: &Path) -> Result<(), crate::Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_folder(parent)?;
    }
    // Nothing of an image depends on the mask of whoever writes it.
    fs::create_dir(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .map_err(crate::Error::io("create", path))
}

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    Everybody,
    /// Whoever has written it, because it was encrypted before.
    Owner,
}

impl Readers {
    const fn mode(self, executable: bool) -> u32 {
        match (self, executable) {
            (Self::Everybody, true) => 0o755,
            (Self::Everybody, false) => 0o644,
            (Self::Owner, true) => 0o700,
            (Self::Owner, false) => 0o600,
        }
    }
}

/// A file where there is none: there is nothing to replace.
pub(super) fn write_new(
    path: &Path,
    readers: Readers,
    executable: bool,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), crate::Error> {
    let cannot = |error| crate::Error::io("write", path)(error);
    let mode = readers.mode(executable);
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(crate::Error::io("create", path))?;
    let mut file = BufWriter::with_capacity(CHUNK, file);
    write(&mut file).map_err(cannot)?;
    let file = file
        .into_inner()
        .map_err(|error| cannot(error.into_error()))?;
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(cannot)
}
