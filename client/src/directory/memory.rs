//! What was seen of a directory, between answers and between runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio::sync::{Mutex, MutexGuard};
use transparency::memory::Memory;

/// A memory that several may use, one after the other.
pub(super) enum Kept {
    /// For as long as this process lives.
    Here(Box<Mutex<Memory>>),
    /// In a file.
    File(PathBuf, Mutex<()>),
}

/// The memory, while nobody else has it.
pub(super) enum Held<'a> {
    Here(MutexGuard<'a, Memory>),
    File {
        memory: Box<Memory>,
        file: &'a Path,
        /// Other processes wait until it is closed.
        _lock: File,
        /// Others of this process wait for this.
        _turn: MutexGuard<'a, ()>,
    },
}

/// Longest memory that is read and written, in bytes: what is remembered of a thousand users, each with a history.
const LONGEST: u64 = 32 << 20;

impl Kept {
    /// Takes it, when nobody else has it.
    pub(super) async fn take(&self) -> io::Result<Held<'_>> {
        let (file, turn) = match self {
            Self::Here(memory) => return Ok(Held::Here(memory.lock().await)),
            Self::File(file, turn) => (file.as_path(), turn.lock().await),
        };
        let path = file.to_owned();
        let read = tokio::task::spawn_blocking(move || read(&path));
        // It is not cancelled; a panic of it is one of this.
        let (memory, lock) = match read.await {
            Ok(read) => read?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        Ok(Held::File {
            memory: Box::new(memory),
            file,
            _lock: lock,
            _turn: turn,
        })
    }
}

impl Held<'_> {
    /// What is remembered.
    pub(super) fn memory(&mut self) -> &mut Memory {
        match self {
            Self::Here(memory) => memory,
            Self::File { memory, .. } => memory,
        }
    }

    /// Keeps it. A crash leaves what there was, or this.
    pub(super) fn keep(self) -> io::Result<()> {
        match self {
            Self::Here(_) => Ok(()),
            Self::File { memory, file, .. } => {
                let text = serde_json::to_vec(&memory).map_err(io::Error::other)?;
                write(file, &text)
            }
        }
    }
}

/// Waits for the file's lock, and reads it. One that is not there yet remembers nothing.
fn read(file: &Path) -> io::Result<(Memory, File)> {
    let lock = private().open(beside(file, "lock"))?;
    lock.lock()?;
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Memory::default(), lock));
        }
        Err(error) => return Err(error),
        Ok(found) if found.len() > LONGEST => {
            return Err(io::Error::other("it is too long to be one"));
        }
        Ok(_) => {}
    }
    let memory = Memory::from_json(&fs::read(file)?).map_err(io::Error::other)?;
    Ok((memory, lock))
}

/// Who holds the lock is the only one who writes.
fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    // Nobody could read it again, and to begin anew is to forget.
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!(
            "it would have {} bytes, and at most {LONGEST} are read",
            text.len()
        )));
    }
    let fresh = beside(file, "new");
    let mut out = private().open(&fresh)?;
    out.set_len(0)?;
    out.write_all(text)?;
    out.sync_all()?;
    fs::rename(&fresh, file)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen.json");
        write(&file, b"{}").unwrap();
        let long = vec![b' '; usize::try_from(LONGEST).unwrap() + 1];
        assert!(write(&file, &long).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"{}");
        read(&file).unwrap();
    }
}
