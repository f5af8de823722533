//! What a witness has seen of each log, in a file that is replaced whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::Error;

/// The file's form.
const VERSION: u32 = 1;

/// The latest checkpoint of a log that was cosigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Leaves.
    pub size: u64,
    /// The root over them, in lower-case hexadecimal.
    pub root: String,
    /// The checkpoint itself, as the log signed it: what the log can be held to.
    pub note: String,
}

/// What was seen of all logs, and the file that it stands in. No other process writes it meanwhile.
#[derive(Debug)]
pub(super) struct SeenFile {
    path: PathBuf,
    logs: BTreeMap<String, Seen>,
    /// Held, so that two witnesses never share a file.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    version: u32,
    logs: BTreeMap<String, Seen>,
}

impl SeenFile {
    /// Makes an empty one where none is.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let mut new = Self {
            path: path.to_owned(),
            logs: BTreeMap::new(),
            _lock: lock(path)?,
        };
        if path.exists() {
            return Err(unusable(path, "it is there already"));
        }
        new.write(BTreeMap::new())?;
        Ok(new)
    }

    /// Reads one that is there.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let lock = lock(path)?;
        let text = fs::read(path).map_err(|fault| unusable(path, fault))?;
        let text: Text = serde_json::from_slice(&text).map_err(|fault| unusable(path, fault))?;
        if text.version != VERSION {
            return Err(unusable(path, format!("version {} of it", text.version)));
        }
        Ok(Self {
            path: path.to_owned(),
            logs: text.logs,
            _lock: lock,
        })
    }

    /// What was seen of a log.
    pub(super) fn of(&self, origin: &str) -> Option<&Seen> {
        self.logs.get(origin)
    }

    /// Remembers a checkpoint: on the disk when this returns, and otherwise not at all.
    pub(super) fn keep(&mut self, origin: &str, seen: Seen) -> Result<(), Error> {
        let mut logs = self.logs.clone();
        logs.insert(origin.to_owned(), seen);
        self.write(logs)
    }

    fn write(&mut self, logs: BTreeMap<String, Seen>) -> Result<(), Error> {
        let text = Text {
            version: VERSION,
            logs,
        };
        let bytes =
            serde_json::to_vec_pretty(&text).map_err(|fault| unusable(&self.path, fault))?;
        replace(&self.path, &bytes).map_err(|fault| unusable(&self.path, fault))?;
        self.logs = text.logs;
        Ok(())
    }
}

/// Writes a file of the user's own beside `path`, makes it durable, and gives it that name.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder_of(path);
    let mut scratch = tempfile::NamedTempFile::new_in(folder)?;
    scratch.write_all(bytes)?;
    scratch.as_file().sync_all()?;
    scratch.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent();
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn lock(path: &Path) -> Result<File, Error> {
    let beside = path.with_extension("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside)
        .map_err(|fault| unusable(&beside, fault))?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| unusable(path, "another witness uses it"))?;
    Ok(file)
}

fn unusable(path: &Path, fault: impl ToString) -> Error {
    Error::State {
        path: path.to_owned(),
        fault: fault.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(size: u64) -> Seen {
        Seen {
            size,
            root: "00".repeat(32),
            note: "text\n".to_owned(),
        }
    }

    #[test]
    fn what_is_kept_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.json");
        let mut file = SeenFile::create(&path).unwrap();
        file.keep("a", seen(1)).unwrap();
        file.keep("b", seen(2)).unwrap();
        file.keep("a", seen(3)).unwrap();
        drop(file);
        let file = SeenFile::open(&path).unwrap();
        assert_eq!(file.of("a"), Some(&seen(3)));
        assert_eq!(file.of("b"), Some(&seen(2)));
        assert_eq!(file.of("c"), None);
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "the file and its lock");
    }

    #[test]
    fn what_cannot_be_kept_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let mut file = SeenFile::create(&inner.join("seen.json")).unwrap();
        fs::remove_dir_all(&inner).unwrap();
        let error = file.keep("a", seen(1)).unwrap_err();
        assert_eq!(error.code(), "kt.witness-state");
        assert_eq!(file.of("a"), None);
    }

    #[test]
    fn one_witness_a_file_and_no_file_is_no_empty_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.json");
        SeenFile::open(&path).unwrap_err();
        let first = SeenFile::create(&path).unwrap();
        let error = SeenFile::open(&path).unwrap_err();
        assert!(error.to_string().contains("another witness"), "{error}");
        drop(first);
        SeenFile::create(&path).unwrap_err();
        SeenFile::open(&path).unwrap();
        for text in ["", "{}", r#"{"version":2,"logs":{}}"#, r#"{"version":1}"#] {
            fs::write(&path, text).unwrap();
            SeenFile::open(&path).unwrap_err();
        }
    }
}
