//! Devices that are files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::Error;

/// What drivers do with files, so that tests can be the device.
pub(crate) trait Files: Send + Sync {
    /// All of a file, of at most `limit` bytes.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>>;

    /// Hands bytes to a file that is there, in one call: each call is a request of its own.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes a folder that isn't there.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder, with the attributes that it came with.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// The files of the system.
pub(crate) struct System;

impl Files for System {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        // As large as it may get, so that no copy of a secret stays where it grew.
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
        let most = u64::try_from(limit + 1).unwrap_or(u64::MAX);
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let written = OpenOptions::new().write(true).open(path)?.write(bytes)?;
        if written == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }
}

/// Names what was tried on which device.
pub(crate) fn fault<'a>(
    action: &'static str,
    device: &'a Path,
) -> impl FnOnce(io::Error) -> Error + use<'a> {
    move |source| Error::Device {
        action,
        device: device.display().to_string(),
        source,
    }
}

/// What a device gave that can't be used.
pub(crate) fn wrong(device: &Path, what: &'static str) -> Error {
    Error::Answer {
        device: device.display().to_string(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_a_limit_and_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device");
        assert!(System.write(&path, b"12345").is_err(), "there is none");
        fs::write(&path, b"").unwrap();
        System.write(&path, b"12345").unwrap();
        assert_eq!(**System.read(&path, 5).unwrap(), *b"12345");
        let refused = System.read(&path, 4).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);

        let entry = folder.path().join("entry");
        System.make_folder(&entry).unwrap();
        assert!(System.make_folder(&entry).is_err());
        System.remove_folder(&entry).unwrap();
        assert!(!entry.exists());
    }
}
