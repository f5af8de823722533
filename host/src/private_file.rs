//! A file of its owner's alone, which a program is given open.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

/// Opens the file for reading and writing, and makes it if it isn't there.
///
/// In a folder that others may write into, such as `/tmp`, something may wait under its name: a link to
/// another file, or a file of theirs with keys that they know. Neither is used, by root neither.
///
/// # Errors
///
/// What the operating system says, or what is wrong with the file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Something that isn't a file must not keep the host waiting.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.cast_signed())
        .open(path)
        .map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => refused("it is a link, which others may have made"),
            _ => error,
        })?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(refused("it is no regular file"));
    }
    if metadata.uid() != geteuid().as_raw() {
        return Err(refused("it belongs to another user"));
    }
    if metadata.len() == 0 {
        // What will be written to it is kept: so must its name be, whatever becomes of the machine.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(file)
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, why)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_file_is_made_for_its_owner_alone_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let made = open(&path).unwrap().metadata().unwrap();
        assert_eq!(made.permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "keys").unwrap();
        assert_eq!(open(&path).unwrap().metadata().unwrap().len(), 4);
    }

    #[test]
    fn what_others_may_have_put_there_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let why = || open(&path).unwrap_err().to_string();

        // Neither a link to a file, nor one that would make a file elsewhere.
        let other = folder.path().join("other");
        symlink(&other, &path).unwrap();
        assert!(why().contains("a link"), "{}", why());
        assert!(!other.exists());
        std::fs::write(&other, "").unwrap();
        assert!(why().contains("a link"), "{}", why());
        std::fs::remove_file(&path).unwrap();

        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert!(why().contains("no regular file"), "{}", why());
        std::fs::remove_file(&path).unwrap();

        if geteuid().is_root() {
            open(&path).unwrap();
            chown(&path, Some(65534), None).unwrap();
            assert!(why().contains("another user"), "{}", why());
        }
    }
}
