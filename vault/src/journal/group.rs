//! Many commits with one flush.
//!
//! Whoever finds nobody writing writes what is waiting, its own and others'; the others wait for it. What comes
//! meanwhile waits for the next.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use attestation::Time;
use protocol::Entropy;
use provision::audit::Audited;
use provision::text::Text;
use tee::Tee;
use zeroize::{Zeroize as _, Zeroizing};

use super::body::{self, Checkpoint, Entry, Line, Point};
use super::hint::Hint;
use super::lines::{self, Log};
use super::record::{Kind, Place};
use super::recover::append;
use super::seal::DataKey;
use super::{Error, Position};

/// Fewer bytes since the last checkpoint are read faster than another is written.
const WORTH: u64 = 4 << 20;
/// The last second that has a text (RFC 3339): 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

/// The end of the file, which one thread at a time has.
pub(super) struct Writer {
    pub(super) file: File,
    /// Where the next record goes, and the last line before it.
    pub(super) end: Point,
    pub(super) key: Arc<DataKey>,
    pub(super) key_place: Place,
    pub(super) floor: u64,
    /// Bytes since the last checkpoint.
    pub(super) since: u64,
    /// Bytes of its snapshot.
    pub(super) snapshot: usize,
    /// Whether another is due whatever the bytes are.
    pub(super) due: bool,
}

/// What threads share to commit.
pub(super) struct Group {
    tee: Arc<dyn Tee>,
    entropy: Arc<dyn Entropy>,
    log: Arc<Log>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    /// `None` while a thread writes.
    writer: Option<Box<Writer>>,
    /// What waits to be written, as a commit's entries.
    waiting: Zeroizing<Vec<u8>>,
    /// The last line and the latest time, with those that wait.
    line: Line,
    floor: u64,
    /// Events, with those that wait.
    events: u64,
    /// Which batch is waiting, and how many are durable.
    batch: u64,
    durable: u64,
    due: bool,
    /// Why nothing is written any more.
    failed: Option<Error>,
}

impl Group {
    pub(super) fn new(
        writer: Writer,
        position: Position,
        tee: Arc<dyn Tee>,
        entropy: Arc<dyn Entropy>,
        log: Arc<Log>,
    ) -> Self {
        let queue = Queue {
            waiting: Zeroizing::default(),
            line: writer.end.line,
            floor: writer.floor,
            events: position.0,
            batch: 1,
            durable: 0,
            due: writer.is_due(),
            failed: None,
            writer: Some(Box::new(writer)),
        };
        Self {
            tee,
            entropy,
            log,
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        }
    }

    pub(super) fn commit<E: AsRef<[u8]>>(
        &self,
        events: &[E],
        audit: &[Audited],
    ) -> Result<Position, Error> {
        let bytes = size(events, audit);
        if bytes > body::MAX {
            let limit = body::MAX;
            return Err(Error::Long { bytes, limit });
        }
        let mut queue = self.lock();
        while queue.waiting.len() + bytes > body::MAX && queue.failed.is_none() {
            queue = self.wait_or_write(queue);
        }
        let position = queue.push(events, audit);
        let batch = queue.batch;
        loop {
            if queue.durable >= batch || bytes == 0 {
                return Ok(position);
            }
            if let Some(error) = &queue.failed {
                return Err(error.clone());
            }
            queue = self.wait_or_write(queue);
        }
    }

    pub(super) fn is_checkpoint_due(&self) -> bool {
        std::mem::take(&mut self.lock().due)
    }

    pub(super) fn checkpoint(&self, position: Position, snapshot: &[u8]) -> Result<(), Error> {
        let (bytes, limit) = (snapshot.len(), body::MAX_SNAPSHOT);
        if bytes > limit {
            return Err(Error::Long { bytes, limit });
        }
        let mut queue = self.lock();
        let mut writer = loop {
            if let Some(error) = &queue.failed {
                return Err(error.clone());
            }
            if queue.events != position.0 {
                return Err(Error::Stale);
            }
            match queue.writer.take() {
                Some(writer) => break writer,
                None => queue = self.wait(queue),
            }
        };
        drop(queue);
        let written = writer.checkpoint(self, position, snapshot);
        let mut queue = self.lock();
        queue.give_back(writer, written.as_ref().err());
        self.changed.notify_all();
        written
    }

    /// Writes what is waiting, if nobody else is writing; otherwise waits until something has changed.
    fn wait_or_write<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let Some(mut writer) = queue.writer.take() else {
            return self.wait(queue);
        };
        let batch = queue.batch;
        queue.batch += 1;
        let entries = std::mem::take(&mut queue.waiting);
        let (line, floor) = (queue.line, queue.floor);
        drop(queue);
        let written = writer.commit(self, &entries, line, floor);
        let mut queue = self.lock();
        if written.is_ok() {
            queue.durable = batch;
        }
        queue.give_back(writer, written.as_ref().err());
        self.changed.notify_all();
        queue
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let woken = self.changed.wait(queue);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queue = self.lock();
        f.debug_struct("Group")
            .field("durable", &queue.durable)
            .field("failed", &queue.failed)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Puts entries behind those that wait.
    fn push<E: AsRef<[u8]>>(&mut self, events: &[E], audit: &[Audited]) -> Position {
        for event in events {
            let entry = Entry::Event(event.as_ref());
            grow(&mut self.waiting, body::ENTRY + event.as_ref().len());
            entry.write(&mut self.waiting);
        }
        for entry in audit {
            let mut entry = entry.clone();
            self.floor = self.floor.max(entry.time.0.unix().min(LAST_SECOND));
            entry.time = Text(Time::from_unix(self.floor));
            let json = json(&entry);
            grow(&mut self.waiting, body::ENTRY + json.len());
            Entry::Line(&json).write(&mut self.waiting);
            self.line = lines::end_of(&lines::follow(&self.line, entry));
        }
        self.events += events.len() as u64;
        Position(self.events)
    }

    fn give_back(&mut self, writer: Box<Writer>, error: Option<&Error>) {
        self.due = writer.is_due();
        self.writer = Some(writer);
        if let Some(error) = error {
            self.failed = Some(error.clone());
        }
    }
}

impl Writer {
    fn commit(
        &mut self,
        group: &Group,
        entries: &[u8],
        line: Line,
        floor: u64,
    ) -> Result<(), Error> {
        let place = self.end.place;
        let record = self
            .key
            .seal(Kind::Commit, &place, entries, group.entropy.as_ref())?;
        self.end.place = append(&self.file, group.tee.as_ref(), &place, &record)?;
        self.end.line = line;
        self.floor = floor;
        self.since += record.len() as u64;
        let mut known = group.log.known();
        known.end = self.end;
        known.floor = floor;
        Ok(())
    }

    fn checkpoint(
        &mut self,
        group: &Group,
        position: Position,
        snapshot: &[u8],
    ) -> Result<(), Error> {
        let begin = self.end;
        let checkpoint = {
            let known = group.log.known();
            Checkpoint {
                events: position.0,
                line: begin.line,
                floor: self.floor,
                keys: known.keys.iter().map(|(place, _)| *place).collect(),
                points: known.points.clone(),
                snapshot,
            }
        };
        let bytes = checkpoint.to_bytes();
        let entropy = group.entropy.as_ref();
        let record = self
            .key
            .seal(Kind::Checkpoint, &begin.place, &bytes, entropy)?;
        self.end.place = append(&self.file, group.tee.as_ref(), &begin.place, &record)?;
        (self.since, self.snapshot, self.due) = (0, snapshot.len(), false);
        {
            let mut known = group.log.known();
            known.end = self.end;
            known.point(begin);
        }
        Hint {
            checkpoint: begin.place,
            key: self.key_place,
        }
        .write(&self.file)
    }

    /// Another checkpoint is worth it when what is read after the last is several times as long.
    fn is_due(&self) -> bool {
        self.due || self.since > WORTH.max(4 * self.snapshot as u64)
    }
}

/// Bytes of the entries. A line is as long at any time that it may get.
fn size<E: AsRef<[u8]>>(events: &[E], audit: &[Audited]) -> usize {
    let events = events.iter().map(|event| event.as_ref().len());
    let lines = audit.iter().map(|entry| json(entry).len());
    events.chain(lines).map(|bytes| body::ENTRY + bytes).sum()
}

/// An entry's text. One is made of texts and numbers alone, which can always be written.
fn json(entry: &Audited) -> Vec<u8> {
    serde_json::to_vec(entry).unwrap_or_default()
}

/// Makes room without leaving secrets where the bytes were.
fn grow(bytes: &mut Zeroizing<Vec<u8>>, more: usize) {
    if bytes.capacity() - bytes.len() >= more {
        return;
    }
    let room = (bytes.len() + more).next_power_of_two().max(4096);
    let mut larger = Vec::with_capacity(room);
    larger.extend_from_slice(bytes);
    bytes.zeroize();
    **bytes = larger;
}
