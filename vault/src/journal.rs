//! Sealed state that survives kills, and is found out when an older copy is put back.
//!
//! The journal is a file that only grows. A commit puts changes of the state ([`Journal::commit`]: events) and
//! lines of the audit log into it, and comes back when both are on the disk and counted; a checkpoint
//! ([`Journal::checkpoint`]) puts the whole state beside them, so that opening reads what follows the last one
//! only, however long the log is.
//!
//! # What a hostile host can do
//!
//! It has the file, can stop the program at any moment, and can run it twice. Each record has a key of its own,
//! and is bound to all records before it by a chain of digests; the platform keeps the number and the chain
//! digest of the last commit ([`tee::Counter`]), which is never set back. A commit is
//!
//! 1. written and flushed, 2. counted by the platform, 3. answered.
//!
//! | what it does | what happens |
//! |---|---|
//! | kills the program between 1 and 2 | the commit was never answered; the next opening cuts it off |
//! | kills it between 2 and 3, or puts a torn tail there | it's in the journal, which opens |
//! | puts an older copy back, or removes the file | [`Error::Rollback`], with both numbers |
//! | keeps a commit that was cut off, and puts it back | same number, another digest: [`Error::Forked`] |
//! | runs the program twice | the file is locked; on copies, the platform counts one of the two: [`Error::Forked`] |
//! | changes a byte | [`Error::Damaged`], with its record's place |
//! | starts an older version of the program | it can't have the sealing key: [`Error::Newer`] |
//! | gives that an older copy, to learn the data key | the newer version took a new data key when it came |
//!
//! It can always destroy the file. Who owns the vault keeps a copy of nothing: it opens nowhere else.
//!
//! # Layout
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 16 | `sconce journal 1` |
//! | 512, 1024 | 128 | where the last checkpoints are: hints, checked when they are followed |
//! | 4096 | | records, one behind the other |
//!
//! | module | subject |
//! |---|---|
//! | `record` | records, their chain, and where they stand |
//! | `seal` | the data key, and each record's |
//! | `body` | what commits and checkpoints hold |
//! | `hint` | where the last checkpoints are |
//! | `recover` | from a file to the state and the log's end |
//! | `group` | many commits with one flush |
//! | `lines` | the audit log, read back |

mod body;
mod error;
mod group;
mod hint;
mod lines;
mod record;
mod recover;
mod seal;

use std::fs::File;
use std::sync::Arc;

use attestation::Time;
use protocol::Entropy;
use provision::audit::{AuditLine, Audited};
use tee::Tee;
use zeroize::Zeroizing;

pub use self::error::Error;
use self::group::Group;
use self::lines::Log;

/// The vault's journal, which any number of threads may use at once.
#[derive(Debug)]
pub struct Journal {
    group: Group,
    log: Arc<Log>,
}

/// What an opened journal brings back.
#[derive(Debug)]
pub struct Replay {
    /// Whether it was made just now.
    pub new: bool,
    /// The state of the last checkpoint, if there is one.
    pub snapshot: Option<Zeroizing<Vec<u8>>>,
    /// What was committed after that, in its order.
    pub events: Vec<Zeroizing<Vec<u8>>>,
    /// Where that leads to, for the first [`Journal::checkpoint`].
    pub position: Position,
}

/// How many events a journal has had: a state belongs to one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(u64);

impl Journal {
    /// Bytes that events and audit lines of one commit may have, with 5 more for each.
    pub const MAX_COMMIT: usize = body::MAX;
    /// Bytes that a snapshot may have.
    pub const MAX_SNAPSHOT: usize = body::MAX_SNAPSHOT;
    /// Lines that [`audit`](Self::audit) gives at once.
    pub const MAX_LINES: usize = lines::MAX;

    /// Opens the journal in a file, which is empty if there is none yet, for the program of this security
    /// version (ISVSVN). It is locked as long as the journal is open.
    ///
    /// What was written and not counted is cut off. If the file was last opened by an earlier version of the
    /// program or of the platform, it goes on with another data key.
    ///
    /// # Errors
    ///
    /// See [`Error`]: nothing is repaired or made new if something was counted before.
    pub fn open(
        file: File,
        tee: Arc<dyn Tee>,
        svn: u16,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Self, Replay), Error> {
        let opened = recover::open(file, tee.as_ref(), svn, entropy.as_ref())?;
        let log = Arc::new(opened.log);
        let position = opened.replay.position;
        let group = Group::new(opened.writer, position, tee, entropy, Arc::clone(&log));
        Ok((Self { group, log }, opened.replay))
    }

    /// Puts events and audit lines behind all others: all of them, or none. The lines are numbered and chained
    /// here, and their times never go back: one that is before [`floor`](Self::floor) becomes that.
    ///
    /// Comes back when they are durable and counted. Commits of other threads meanwhile share one flush.
    ///
    /// # Errors
    ///
    /// [`Error::Long`] if they are too long: nothing has happened. After any other error nobody knows whether
    /// they are in the journal, and it takes no more: end the program and start it again.
    pub fn commit<E: AsRef<[u8]>>(
        &self,
        events: &[E],
        audit: &[Audited],
    ) -> Result<Position, Error> {
        self.group.commit(events, audit)
    }

    /// The latest time of the audit log: the program's clock is never before it.
    #[must_use]
    pub fn floor(&self) -> Time {
        self.log.floor()
    }

    /// Whether so much has been written since the last checkpoint that another would be worth its bytes. Of
    /// several threads that ask at once one is told so; if it makes none, others are after the next commit.
    #[must_use]
    pub fn is_checkpoint_due(&self) -> bool {
        self.group.is_checkpoint_due()
    }

    /// Puts a snapshot of the state at this position into the journal, to open it from.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] if events were committed after the position, and [`Error::Long`]: nothing has happened
    /// and the journal goes on. Otherwise as [`commit`](Self::commit).
    pub fn checkpoint(&self, position: Position, snapshot: &[u8]) -> Result<(), Error> {
        self.group.checkpoint(position, snapshot)
    }

    /// Lines of the audit log from this number on, at most so many and at most [`Journal::MAX_LINES`]. They are
    /// read from the file, and checked against what the platform has counted.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Damaged`].
    pub fn audit(&self, from: u64, limit: usize) -> Result<Vec<AuditLine>, Error> {
        self.log.read(from, limit)
    }

    /// How many lines the audit log has.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.log.lines()
    }
}
