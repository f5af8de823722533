//! Files and folders that appear whole or not at all.

mod folder;

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use tempfile::{Builder, TempPath};

use crate::Error;

pub(crate) use folder::abandon;
pub use folder::{check_folder, write_folder};

/// Large enough that a write is worth its call.
const BUFFER: usize = 1 << 20;

/// Writes a file that gets its name only once all of it is on the disk: whatever fails before, or
/// ends the process, leaves what was there before and nothing beside it. Its mode is 0644, or 0755 if
/// it's a `program`. A symbolic link stays, and the file that it leads to is replaced.
///
/// # Errors
///
/// Those of `write`; [`Error::Io`] if `path` is something else than a file (a device, a folder), or
/// the disk or the user's quota is full.
pub fn write_whole<T>(
    path: &Path,
    program: bool,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mode = if program { 0o755 } else { 0o644 };
    write_with_mode(path, mode, write)
}

/// The same for a file of the user's that is changed: it keeps its mode.
///
/// # Errors
///
/// As [`write_whole`], and if there is no such file.
pub fn rewrite_whole<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, Error>,
) -> Result<T, Error> {
    let found = fs::metadata(path).map_err(Error::io("write", path))?;
    write_with_mode(path, found.permissions().mode() & 0o777, write)
}

fn write_with_mode<T>(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, Error>,
) -> Result<T, Error> {
    let cannot = |source| Error::io("write", path)(source);
    let place = place(path).map_err(cannot)?;
    let mut scratch = Scratch::beside(&place).map_err(Error::io("create", path))?;
    let mut buffered = BufWriter::with_capacity(BUFFER, &mut scratch.file);
    let value = write(&mut buffered)?;
    buffered.flush().map_err(cannot)?;
    drop(buffered);
    scratch.publish(&place, mode, true).map_err(cannot)?;
    Ok(value)
}

/// The same for a secret: mode 0600, and never in the place of something that is there.
///
/// # Errors
///
/// As [`write_whole`], and if `path` exists.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let cannot = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => taken(path),
        _ => Error::io("create", path)(source),
    };
    let mut scratch = Scratch::beside(path).map_err(cannot)?;
    scratch.file.write_all(bytes).map_err(cannot)?;
    scratch.publish(path, 0o600, false).map_err(cannot)
}

/// Why nothing takes the place of what is there.
pub(crate) fn taken(path: &Path) -> Error {
    let why = "it is there already, and is not overwritten";
    Error::io("create", path)(io::Error::new(io::ErrorKind::AlreadyExists, why))
}

/// The file that `path` leads to, which is to be replaced.
fn place(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        // What a device or a pipe stands for is not to be replaced by a file.
        Ok(found) if !found.is_file() => Err(io::Error::other("it is there and no regular file")),
        Ok(_) => path.canonicalize(),
        Err(_) if path.is_symlink() => Err(io::Error::other("it is a link that leads nowhere")),
        Err(_) => Ok(path.to_owned()),
    }
}

/// A file in the making.
struct Scratch {
    file: File,
    /// Its name, on file systems where a file can't be without one.
    named: Option<TempPath>,
}

impl Scratch {
    /// On the same file system as `place`; only its owner may read it.
    fn beside(place: &Path) -> io::Result<Self> {
        let folder = folder_of(place);
        writable(folder)?;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        if Path::new(DESCRIPTORS).is_dir()
            && let Ok(file) = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR)
        {
            return Ok(Self {
                file: file.into(),
                named: None,
            });
        }
        let (file, name) = hidden().tempfile_in(folder)?.into_parts();
        Ok(Self {
            file,
            named: Some(name),
        })
    }

    /// Makes it durable and gives it its name.
    fn publish(self, place: &Path, mode: u32, replace: bool) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode))?;
        self.file.sync_all()?;
        let descriptor = format!("{DESCRIPTORS}/{}", self.file.as_raw_fd());
        let link = |name: &Path| {
            let flags = AtFlags::SYMLINK_FOLLOW;
            rustix::fs::linkat(CWD, &descriptor, CWD, name, flags).map_err(io::Error::from)
        };
        let named = match self.named {
            Some(name) => name,
            // A link can't replace a file; a rename can.
            None if replace => hidden().make_in(folder_of(place), link)?.into_temp_path(),
            None => return link(place),
        };
        let outcome = if replace {
            named.persist(place)
        } else {
            named.persist_noclobber(place)
        };
        outcome.map_err(|error| error.error)
    }
}

/// Where a process finds its open files.
const DESCRIPTORS: &str = "/proc/self/fd";

fn hidden() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".sconify-");
    builder
}

/// Why nothing can be created in a folder, in the system's own words: `tempfile` would add a name that
/// the user has not given.
fn writable(folder: &Path) -> io::Result<()> {
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    Ok(rustix::fs::access(folder, wanted)?)
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let names = fs::read_dir(folder).unwrap().map(name);
        names.map(|name| name.into_string().unwrap()).collect()
    }

    fn write(path: &Path, text: &str) -> Result<(), Error> {
        write_whole(path, false, |out| {
            out.write_all(text.as_bytes())
                .map_err(Error::io("write", path))
        })
    }

    #[test]
    fn a_file_is_replaced_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, "old").unwrap();
        write(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_fails_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, "old").unwrap();
        let outcome = write_whole(&path, false, |out| {
            out.write_all(&[7; 3 * BUFFER]).unwrap();
            // The parts are on their way; nobody can see them.
            assert_eq!(names(folder.path()), ["file"]);
            Err::<(), _>(Error::io("write", "elsewhere")(io::ErrorKind::Other.into()))
        });
        assert!(outcome.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_link_stays_and_a_device_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        write(&path, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        std::os::unix::fs::symlink("nowhere", folder.path().join("lost")).unwrap();
        write(&folder.path().join("lost"), "text").unwrap_err();
        let error = write(Path::new("/dev/null"), "text").unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_said_in_the_systems_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/file");
        let expected = "No such file or directory (os error 2)";
        let fill = |_: &Path| Ok(());
        for error in [
            write(&path, "text").unwrap_err(),
            write_secret(&path, b"key").unwrap_err(),
            write_folder(&path, |_| false, fill).unwrap_err(),
        ] {
            let expected = format!("cannot create {}: {expected}", path.display());
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_secret_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_secret(&path, b"first").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        write_secret(&path, b"second").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["key"]);
    }
}
