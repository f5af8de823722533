//! For tests: a disk in memory that can fail in the ways that disks do.
//!
//! What is written stands in a cache until it is synced. When the power is cut, or a sync fails,
//! any of what was not synced may be lost, and a write may be torn.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Database, StorageBackend};

/// What a disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Work,
    /// No room, and it is told at once.
    RefuseWrites,
    /// The error comes when it is too late to do anything about it.
    RefuseSync,
    ReadOnly,
    /// Now and then something fails: one operation of so many.
    Flaky(u64),
    /// The power is off.
    Dead,
}

/// A handle; clones are of the same disk.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    mode: Mode,
    luck: u64,
    /// As it is read.
    cached: Vec<u8>,
    /// As it is after the power was cut, but for what happens to `unsynced` then.
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// A sync has failed, so the cache shows what may not be on disk.
    doubtful: bool,
    /// How many operations have failed.
    failures: u64,
}

#[derive(Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

/// What a disk writes whole.
const SECTOR: usize = 512;

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            mode: Mode::Work,
            luck: seed,
            cached: Vec::new(),
            durable: Vec::new(),
            unsynced: Vec::new(),
            doubtful: false,
            failures: 0,
        })))
    }

    pub(super) fn set(&self, mode: Mode) {
        self.state().mode = mode;
    }

    pub(super) fn failures(&self) -> u64 {
        self.state().failures
    }

    /// Opens the file on it, as after it was closed.
    pub(super) fn open(&self) -> std::result::Result<Database, crate::Error> {
        {
            let mut state = self.state();
            if state.doubtful {
                state.doubtful = false;
                state.cached = state.durable.clone();
            }
        }
        let database = Database::builder()
            .set_cache_size(1 << 20)
            .create_with_backend(self.clone());
        database.map_err(|error| crate::Error::Unavailable(error.to_string()))
    }

    /// The power comes back after it was cut.
    pub(super) fn restart(&self) {
        let mut state = self.state();
        state.lose();
        state.cached = state.durable.clone();
        state.doubtful = false;
        state.mode = Mode::Work;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// splitmix64
    fn random(&mut self) -> u64 {
        self.luck = self.luck.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.luck;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn fail(&mut self, kind: ErrorKind) -> Result<()> {
        self.failures += 1;
        Err(Error::from(kind))
    }

    /// Whether a change is let through.
    fn admit(&mut self) -> Result<()> {
        let mode = self.mode;
        match mode {
            Mode::RefuseWrites => self.fail(ErrorKind::StorageFull),
            Mode::ReadOnly => self.fail(ErrorKind::ReadOnlyFilesystem),
            Mode::Dead => self.fail(ErrorKind::Other),
            Mode::Flaky(odds) if self.random().is_multiple_of(odds) => {
                let kinds = [ErrorKind::StorageFull, ErrorKind::Other];
                let kind = kinds[usize::from(self.random().is_multiple_of(2))];
                self.fail(kind)
            }
            _ => Ok(()),
        }
    }

    /// Brings some of what was not synced on disk and forgets the rest.
    fn lose(&mut self) {
        for mut change in std::mem::take(&mut self.unsynced) {
            if let Change::Write(_, data) = &mut change {
                match self.random() % 3 {
                    0 => continue,
                    1 => {
                        let sectors = data.len().div_ceil(SECTOR) as u64;
                        let kept = usize::try_from(self.random() % sectors.max(1)).unwrap();
                        data.truncate(kept * SECTOR);
                    }
                    _ => {}
                }
            }
            change.apply(&mut self.durable);
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.cached);
        self.unsynced.push(change);
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Write(offset, data) => {
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*offset..end].copy_from_slice(data);
            }
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.state().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.state();
        let begin = usize::try_from(offset).unwrap();
        let found = state.cached.get(begin..begin + out.len());
        out.copy_from_slice(found.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.state();
        state.admit()?;
        state.change(Change::Length(usize::try_from(len).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let mut state = self.state();
        // A disk that is full has room for what it took.
        let full = state.mode == Mode::RefuseWrites;
        if !full && let Err(error) = state.admit() {
            if matches!(state.mode, Mode::Flaky(_)) {
                state.lose();
                state.doubtful = true;
            }
            return Err(error);
        }
        if state.mode == Mode::RefuseSync {
            state.lose();
            state.doubtful = true;
            return state.fail(ErrorKind::Other);
        }
        for change in std::mem::take(&mut state.unsynced) {
            change.apply(&mut state.durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut state = self.state();
        let offset = usize::try_from(offset).unwrap();
        if let Err(error) = state.admit() {
            // What came before the error may be written.
            if matches!(state.mode, Mode::Flaky(_)) {
                let half = data[..data.len() / 2].to_vec();
                state.change(Change::Write(offset, half));
            }
            return Err(error);
        }
        state.change(Change::Write(offset, data.to_vec()));
        Ok(())
    }
}
