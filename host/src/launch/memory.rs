//! Bytes that nobody can change, in a file that has no name.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, Mode, SealFlags, fchmod, fcntl_add_seals, memfd_create};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// Below it are the descriptors that a program is given: one of them must not take its place while
/// the program is being executed.
const FIRST_OWN: i32 = 16;

/// A program in sealed memory: what it holds, and how long it is, stays as it is, for this process too.
///
/// It can be executed and not be read, so the process is not dumpable from its first instruction on, in
/// the sense of PR_SET_DUMPABLE: of root's too, since it has lost the capability to read everything.
#[derive(Debug)]
pub(super) struct Sealed {
    memory: OwnedFd,
}

impl Sealed {
    pub(super) fn new(program: &[u8]) -> io::Result<Self> {
        let mut file = File::from(create()?);
        file.write_all(program)?;
        fchmod(&file, Mode::XUSR)?;
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        match fcntl_add_seals(&file, seals | SealFlags::EXEC) {
            // Kernels before 6.3 know no seal of the mode.
            Err(Errno::INVAL) => fcntl_add_seals(&file, seals)?,
            sealed => sealed?,
        }
        Ok(Self {
            memory: fcntl_dupfd_cloexec(&file, FIRST_OWN)?,
        })
    }

    /// By which path this process, and a child of it before it executes something, finds it.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.memory.as_raw_fd()))
    }
}

/// An empty file of this kind that may be executed, also where that has to be asked for.
fn create() -> io::Result<OwnedFd> {
    const NAME: &str = "sconce-enclave";
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(NAME, flags | MemfdFlags::EXEC) {
        // Kernels before 6.3 don't ask.
        Err(Errno::INVAL) => Ok(memfd_create(NAME, flags)?),
        created => Ok(created?),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek as _;
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::fs::{fcntl_get_seals, ftruncate};

    use super::*;

    #[test]
    fn sealed_bytes_stay() {
        let sealed = Sealed::new(b"program").unwrap();
        let mut file = File::from(sealed.memory.try_clone().unwrap());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o100);
        file.rewind().unwrap();
        let written = file.write(b"other").unwrap_err();
        assert_eq!(written.kind(), io::ErrorKind::PermissionDenied);
        for length in [0, 100] {
            assert_eq!(ftruncate(&file, length), Err(Errno::PERM));
        }
        assert_eq!(
            fcntl_add_seals(&file, SealFlags::FUTURE_WRITE),
            Err(Errno::PERM)
        );
        let seals = fcntl_get_seals(&file).unwrap();
        assert!(
            seals
                .contains(SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)
        );
    }

    #[test]
    fn it_is_out_of_the_way_of_descriptors_that_are_given() {
        let sealed = Sealed::new(b"program").unwrap();
        assert!(sealed.memory.as_raw_fd() >= FIRST_OWN);
    }
}
