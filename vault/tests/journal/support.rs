//! Journals to try things on.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use attestation::Time;
use protocol::SystemEntropy;
use provision::audit::{AuditLine, Audited, Outcome};
use provision::text::Text;
use sconce_vault::journal::{Error, Journal, Replay};
use tee::Tee;
use tempfile::TempDir;

use crate::machine::Machine;

/// A file with a journal, and the machine that it belongs to.
pub(crate) struct Kept {
    pub(crate) folder: TempDir,
    pub(crate) machine: Arc<Machine>,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            machine: Machine::new(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("vault.journal")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    pub(crate) fn put(&self, bytes: &[u8]) {
        std::fs::write(self.path(), bytes).unwrap();
    }

    pub(crate) fn open(&self) -> Result<(Journal, Replay), Error> {
        open(&self.path(), &self.machine)
    }

    /// A commit that reaches the disk, and nothing more: the machine stops before it counts it.
    pub(crate) fn uncounted(&self, event: &str) -> Vec<u8> {
        let (journal, _) = self.open().unwrap();
        self.machine.stopped.store(true, Ordering::Relaxed);
        let refused = journal.commit(&[event], &[entry(event)]).unwrap_err();
        assert_eq!(refused.code(), "tee.refused");
        self.machine.stopped.store(false, Ordering::Relaxed);
        drop(journal);
        self.bytes()
    }

    /// What these bytes are for the machine as it is now, whatever is done to them.
    pub(crate) fn opened_from(&self, bytes: &[u8]) -> Result<(Journal, Replay), Error> {
        let path = self.folder.path().join("copy");
        std::fs::write(&path, bytes).unwrap();
        open(&path, &self.machine.copy())
    }
}

pub(crate) fn open(path: &Path, machine: &Arc<Machine>) -> Result<(Journal, Replay), Error> {
    open_as(path, machine, 1)
}

pub(crate) fn open_as(
    path: &Path,
    machine: &Arc<Machine>,
    svn: u16,
) -> Result<(Journal, Replay), Error> {
    let machine = Arc::clone(machine) as Arc<dyn Tee>;
    let open = || {
        let entropy = Arc::new(SystemEntropy::new());
        Journal::open(file(path), Arc::clone(&machine), svn, entropy)
    };
    // A process that another test is starting has every open file until it executes its program.
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        match open() {
            Err(Error::Locked) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(5));
            }
            opened => return opened,
        }
    }
}

pub(crate) fn file(path: &Path) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .unwrap()
}

/// Something for the audit log.
pub(crate) fn entry(event: &str) -> Audited {
    at(event, 1_767_225_600)
}

pub(crate) fn at(event: &str, time: u64) -> Audited {
    Audited {
        time: Text(Time::from_unix(time)),
        event: event.to_owned(),
        outcome: Outcome::Done,
        session: None,
        service: None,
        code: None,
        detail: None,
        measurement: None,
        who: None,
    }
}

/// What a replay has, as texts.
pub(crate) fn events(replay: &Replay) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let snapshot = replay.snapshot.iter().map(|bytes| text(bytes));
    let events = replay.events.iter().map(|bytes| text(bytes));
    snapshot.chain(events).collect()
}

/// The whole log, which has to be chained from its begin.
pub(crate) fn log(journal: &Journal) -> Vec<String> {
    let mut lines: Vec<AuditLine> = Vec::new();
    loop {
        let from = lines.len() as u64 + 1;
        let more = journal.audit(from, 7).unwrap();
        if more.is_empty() {
            break;
        }
        lines.extend(more);
    }
    let mut last = (0, AuditLine::BEGIN);
    for line in &lines {
        assert!(line.follows(last.0, &last.1), "{line:?}");
        last = (line.sequence, line.hash);
    }
    assert_eq!(journal.lines(), last.0);
    lines.into_iter().map(|line| line.entry.event).collect()
}
