//! Folders that appear whole or not at all.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use super::{folder_of, hidden, taken, writable};
use crate::Error;

/// Has `fill` fill a folder beside `path`, which then takes its name: whatever fails before leaves what
/// was there before. What is there already is replaced if it's an empty folder, or `may_replace` says
/// that it's one of ours. The files in it are as durable as `fill` makes them.
///
/// # Errors
///
/// Those of `fill`; [`Error::Io`] if something else is there, or the system refuses.
pub fn write_folder<T>(
    path: &Path,
    may_replace: impl FnOnce(&Path) -> bool,
    fill: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    let cannot = |source| Error::io("write", path)(source);
    let exists = path.symlink_metadata().is_ok();
    check_folder(path, may_replace)?;
    let scratch = Scratch::beside(path).map_err(Error::io("create", path))?;
    let value = fill(scratch.folder.path())?;
    scratch.publish(path, exists).map_err(cannot)?;
    Ok(value)
}

/// Whether [`write_folder`] would write there: to be asked before something that takes long.
///
/// # Errors
///
/// [`Error::Io`] if something else is there, or nothing can be created beside it.
pub fn check_folder(path: &Path, may_replace: impl FnOnce(&Path) -> bool) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() && !is_empty(path) && !may_replace(path) {
        return Err(taken(path));
    }
    writable(folder_of(path)).map_err(Error::io("create", path))
}

/// Removes the folders that are being filled, because the process ends now.
pub(crate) fn abandon() {
    for folder in unfinished().drain(..) {
        // The next run has another name.
        let _left: io::Result<()> = fs::remove_dir_all(folder);
    }
}

/// A folder in the making.
struct Scratch {
    folder: TempDir,
}

impl Scratch {
    fn beside(path: &Path) -> io::Result<Self> {
        let mut unfinished = unfinished();
        let folder = hidden().tempdir_in(folder_of(path))?;
        unfinished.push(folder.path().to_owned());
        Ok(Self { folder })
    }

    fn publish(self, path: &Path, replace: bool) -> io::Result<()> {
        let mode = Permissions::from_mode(0o755);
        fs::set_permissions(self.folder.path(), mode)?;
        let flags = if replace {
            // What was there goes away with the scratch folder's name.
            RenameFlags::EXCHANGE
        } else {
            RenameFlags::NOREPLACE
        };
        renameat_with(CWD, self.folder.path(), CWD, path, flags)?;
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        unfinished().retain(|folder| folder != self.folder.path());
    }
}

fn is_empty(path: &Path) -> bool {
    !path.is_symlink() && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// The folders that are being filled.
fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &'static str) -> impl FnOnce(&Path) -> Result<(), Error> {
        move |folder| fs::write(folder.join("file"), text).map_err(Error::io("write", folder))
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path.join("file")).unwrap()
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_folder_takes_the_place_of_ours_and_of_no_other() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("image");
        write_folder(&path, |_| false, fill("first")).unwrap();
        check_folder(&path, |_| false).unwrap_err();
        check_folder(&path, |_| true).unwrap();
        let error = write_folder(&path, |_| false, fill("second")).unwrap_err();
        assert!(error.to_string().contains("not overwritten"), "{error}");
        assert_eq!(text(&path), "first");
        write_folder(&path, |_| true, fill("third")).unwrap();
        assert_eq!(text(&path), "third");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(count(around.path()), 1);
    }

    #[test]
    fn what_fails_leaves_the_old_folder_and_nothing_else() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("image");
        fs::create_dir(&path).unwrap();
        let outcome = write_folder(
            &path,
            |_| true,
            |folder| {
                fs::write(folder.join("half"), "x").unwrap();
                Err::<(), _>(Error::io("write", folder)(io::ErrorKind::Other.into()))
            },
        );
        assert!(outcome.is_err());
        assert_eq!((count(around.path()), count(&path)), (1, 0));
    }
}
