//! The embedded engine: one file, one process, every commit on disk before it is answered.
//!
//! ```text
//! claim, extend, release ──▶ desk (memory) ◀── after the commit ──┐
//! submit, complete, expire,                                       │
//! evict, forget, records ──▶ queue ──▶ writer: one transaction, one fsync ──▶ file
//! get, wait, memo, bodies of claimed orders ◀── memory, then a read of the latest commit
//! ```
//!
//! What must survive is written: callers hand their operations to one writer thread, which takes
//! all that wait, performs them in one transaction, commits it with one `fsync`, and answers
//! everyone (group commit). While several callers are active it waits up to
//! [`Options::linger`] for more of them. Who waits for what and who holds which lease is kept in
//! memory and changed there, at no cost to the disk; a restart begins with every open order
//! queued. An order that ends is kept from everybody from the moment its token is checked until
//! its end is on disk, so nobody can claim it in between.
//!
//! Memory follows the file: it changes after the commit, and when a commit has failed it is read
//! again. Reads see the latest commit and run on the caller's thread: they touch a handful of
//! pages and take some microseconds (`examples/throughput.rs` prints how many), less than moving
//! them to another thread and back. Waiting calls are woken by the commit that brings what they
//! wait for; nothing polls.
//!
//! A disk that fails, or is full, fails the commits that it happens to. The writer then opens the
//! file again, as often as it takes, so that the engine goes on as soon as the disk does.

mod clock;
mod desk;
#[cfg(test)]
mod disk;
mod engine;
#[cfg(test)]
mod failures;
mod fingerprint;
mod finish;
mod hints;
mod lease;
mod ledger;
mod load;
mod memory;
mod open;
mod options;
mod pending;
mod queue;
mod reader;
mod records;
mod retention;
#[cfg(test)]
mod reuse;
mod schema;
mod slot;
mod submit;
mod upgrade;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use self::clock::Clock;
use self::desk::Tokens;
use self::fingerprint::Fingerprinter;
use self::hints::Hints;
use self::ledger::lock;
use self::memory::Memory;
pub use self::options::Options;
use self::reader::Reader;
use self::slot::Slot;
use self::writer::Writer;
use crate::{Error, OrderId, PartitionId, Reason};
#[expect(unused_imports, reason = "for the documentation")]
use crate::{Orders, Table};

/// [`Orders`] and [`Table`] in one `redb` file.
///
/// Share it by reference or `Arc`. Dropping it performs what is still queued, closes the file and
/// frees it for another process; that takes as long as one commit.
pub struct Engine {
    shared: Arc<Shared>,
    writer: Writer,
}

/// What callers and the writer thread both use.
struct Shared {
    database: Slot,
    /// Where the file is.
    path: PathBuf,
    memory: Mutex<Memory>,
    clock: Clock,
    fingerprinter: Fingerprinter,
    options: Options,
    /// Rung when an order of the partition may have become claimable, or will at another time.
    claimable: Hints<PartitionId>,
    /// Rung when the order has ended.
    ended: Hints<OrderId>,
    /// Told of every commit.
    observer: OnceLock<Observer>,
}

/// Is told how many operations a commit had, and how long it took until it was on disk.
type Observer = Box<dyn Fn(usize, Duration) + Send + Sync>;

impl Engine {
    /// Opens the file, or creates it, readable by its owner only. A file of an earlier release is
    /// brought to the present layout, which takes some seconds for each hundred thousand orders.
    ///
    /// # Errors
    ///
    /// [`Reason::InUse`], [`Reason::SchemaNewer`] and [`Reason::NotAStore`], each naming the file;
    /// [`Error::Unavailable`] if the file cannot be created, read or written.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let database = open::open(&path, &options)?;
        let (place, again) = (path.clone(), options.clone());
        let slot = Slot::new(database, move || open::reopen(&place, &again));
        Self::start(slot, path, options, clock::wall())
    }

    /// Calls `observer` after every commit from now on, with its number of operations and the time
    /// until it was on disk. It is called by the thread that writes, so it must be quick. Only the
    /// first one that is given counts.
    pub fn observe_commits(&self, observer: impl Fn(usize, Duration) + Send + Sync + 'static) {
        // Full means that somebody observes already.
        let _ = self.shared.observer.set(Box::new(observer));
    }

    /// `wall` is what the wall clock says.
    fn start(database: Slot, path: PathBuf, options: Options, wall: u64) -> Result<Self, Error> {
        let begun = database.with(|database| load::begin(database, wall))?;
        let begun = begun.map_err(|error| open::failed(&path, error))?;
        let shared = Arc::new(Shared {
            database,
            path,
            memory: Mutex::new(begun.memory),
            clock: begun.clock,
            fingerprinter: begun.fingerprinter,
            options,
            claimable: Hints::new(),
            ended: Hints::new(),
            observer: OnceLock::new(),
        });
        let writer = Writer::start(Arc::clone(&shared))?;
        Ok(Self { shared, writer })
    }

    fn read(&self) -> Result<Reader, Error> {
        self.shared.database.with(Reader::begin)?
    }

    fn clamp(&self, limit: usize) -> usize {
        limit.min(self.shared.options.max_batch.max(1))
    }
}

impl Shared {
    /// Opens the file again after it has failed, and learns what it holds: the last commit may
    /// have come on disk or not. Leases go on.
    fn reopen(&self) -> Result<(), Error> {
        let database = self.database.reopen()?;
        let fresh = load::memory(&database, Tokens::of_epoch(0));
        let mut fresh = fresh.map_err(|error| open::failed(&self.path, error))?;
        {
            let mut memory = lock(&self.memory);
            fresh.desk.adopt_leases(&memory.desk);
            *memory = fresh;
        }
        self.database.put(database);
        Ok(())
    }
}

/// Refuses ids and keys that are too long.
fn check_key(what: &'static str, bytes: &[u8], options: &Options) -> Result<(), Error> {
    let (size, limit) = (bytes.len(), options.max_key);
    if size > limit {
        return Err(Reason::KeyTooLong { what, size, limit }.into());
    }
    Ok(())
}

/// Refuses what is too large.
fn check_size(what: &'static str, bytes: &[u8], limit: usize) -> Result<(), Error> {
    let size = bytes.len();
    if size > limit {
        return Err(Reason::TooLarge { what, size, limit }.into());
    }
    Ok(())
}

/// The moment after which a call stops waiting; centuries are cut down to a year.
fn deadline(wait: Duration) -> Instant {
    Instant::now() + wait.min(Duration::from_secs(365 * 24 * 3600))
}
