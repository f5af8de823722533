//! Files that appear whole or not at all.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::Error;

/// Large enough that a write is worth its call.
const BUFFER: usize = 1 << 20;

/// Writes a file beside `path`, makes it durable, and only then gives it its name: whatever fails
/// before leaves what was there before. Its mode is 0644, or 0755 if it's a `program`.
///
/// # Errors
///
/// Those of `write`, and [`Error::Io`].
pub fn write_whole<T>(
    path: &Path,
    program: bool,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> Result<T, Error>,
) -> Result<T, Error> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let cannot = |action| move |source| Error::io(action, path)(source);
    let mut file = NamedTempFile::new_in(folder).map_err(cannot("create"))?;
    let mut buffered = BufWriter::with_capacity(BUFFER, &mut file);
    let value = write(&mut buffered)?;
    buffered.flush().map_err(cannot("write"))?;
    drop(buffered);
    let mode = if program { 0o755 } else { 0o644 };
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(mode))
        .map_err(cannot("write"))?;
    file.as_file().sync_all().map_err(cannot("write"))?;
    file.persist(path)
        .map_err(|error| Error::io("write", path)(error.error))?;
    Ok(value)
}
