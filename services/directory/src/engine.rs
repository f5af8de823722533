//! What the directory needs of a key-value engine, and the engine it runs on.
//!
//! Little is needed: exact reads, the newest key at or below another, ranges, and batches that are applied
//! whole or not at all. Nothing in [`storage`](crate::storage) names an engine; another one must pass
//! [`conformance`].

pub mod conformance;
mod fjall;

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

pub use self::fjall::Fjall;

/// A kind of record, kept apart from the others: the engine may tune each for how it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Space {
    /// Format, map id, and the newest checkpoint: few and small.
    Meta,
    /// Branches of the map, a version for each epoch that changed them. Many, read one by one.
    Branch,
    /// Signed updates with their openings, by epoch and number: appended, and never removed.
    Feed,
    /// When the entry of an index changed, with the sealed proof of each change.
    Change,
    /// Users by id.
    User,
    /// Heads by epoch: appended, and never removed.
    Head,
    /// Hashes and entries of the log of heads: appended, and never removed.
    Log,
    /// Which branch versions each epoch superseded, until they are removed.
    Stale,
    /// Updates that wait for their epoch.
    Queue,
}

impl Space {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Meta,
        Self::Branch,
        Self::Feed,
        Self::Change,
        Self::User,
        Self::Head,
        Self::Log,
        Self::Stale,
        Self::Queue,
    ];

    /// The name that engines store it under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Branch => "branch",
            Self::Feed => "feed",
            Self::Change => "change",
            Self::User => "user",
            Self::Head => "head",
            Self::Log => "log",
            Self::Stale => "stale",
            Self::Queue => "queue",
        }
    }
}

/// How much an engine may take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory for blocks that were read.
    pub cache: u64,
    /// Bytes of memory for what was written and is not yet in its place, over all kinds of record.
    pub write_buffer: u64,
}

impl Default for Limits {
    /// What a directory of a million users needs to stay under 300 MB.
    fn default() -> Self {
        Self {
            cache: 48 << 20,
            write_buffer: 32 << 20,
        }
    }
}

/// Why an engine could not do what was asked. After any of these a batch may have been applied, or not;
/// never in part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Another process has the folder open.
    #[error("{} is in use by another process; stop that one first", .0.display())]
    InUse(PathBuf),
    /// The engine refused, or the disk did.
    #[error("the store in {} does not work: {reason}", folder.display())]
    Failed {
        /// The folder of the store.
        folder: PathBuf,
        /// What the engine said.
        reason: String,
    },
}

/// When a batch is safe from a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the call returns.
    Now,
    /// With the next batch that is; until then a crash may take it back, whole.
    Later,
}

/// One record of a batch.
#[derive(Clone, Debug)]
pub enum Write {
    /// Store a value, over the one that is there.
    Put(Space, Vec<u8>, Vec<u8>),
    /// Remove a record.
    Remove(Space, Vec<u8>),
    /// Remove a record that was stored once only: cheaper in engines that never write in place.
    RemoveOnce(Space, Vec<u8>),
}

/// A key-value engine under the directory.
///
/// Keys have 1 to 65 535 bytes, and are compared byte by byte. Reads see every batch whose commit has
/// returned. Several threads may write; two batches are never mixed.
pub trait Engine: Send + Sync + Sized + 'static {
    /// A value, lent or shared rather than copied where the engine can.
    type Value: Deref<Target = [u8]> + Send;

    /// Opens the store in `folder`, or makes one there.
    ///
    /// # Errors
    ///
    /// The folder is in use, or can't be read or written.
    fn open(folder: &Path, limits: &Limits) -> Result<Self, EngineError>;

    /// The value of exactly this key.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Self::Value>, EngineError>;

    /// The greatest key that begins with `prefix` and is not above `at`, which begins with it too; with its
    /// value.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    fn newest(&self, space: Space, prefix: &[u8], at: &[u8]) -> Result<Option<Row>, EngineError>;

    /// Up to `limit` records whose keys begin with `prefix` and are not below `from`, in order.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, EngineError>;

    /// Applies all of `batch`, in its order, or nothing of it. After one that failed it takes no other until the
    /// store is opened again: what was written after a torn batch would be lost with it.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    fn commit(&self, batch: Vec<Write>, durability: Durability) -> Result<(), EngineError>;

    /// Puts records in their final places, so that reads cost what they will cost later on. For the end of
    /// an import and for measurements; it may take long.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    fn settle(&self) -> Result<(), EngineError>;
}

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);
