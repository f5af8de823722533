//! What the directory knows, on disk: the map with its versions, the feed of updates, heads and their log,
//! users, and the updates that wait.
//!
//! One thread writes: it [queues](Storage::queue) updates, [seals](Storage::seal) epochs,
//! [publishes](Storage::publish) them and [removes](Storage::collect) what is no longer asked for. Everybody
//! else reads, mostly through the newest [`Snapshot`], without waiting for the writer.
//!
//! An epoch is sealed by one durable batch: branches, changes, feed, head, and log, or nothing.

use std::{path::Path, sync::Arc, time::Duration};

use crate::engine::{Engine, EngineError, Fjall, Limits};

/// Where a user's entry is in the map: the hash of the VRF's output.
pub type Index = [u8; 32];

/// A hash of the map or of the log.
pub type Hash = [u8; 32];

/// How a store is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Names the map; part of every hash in it, so it can't change later.
    pub map_id: String,
    /// How long a version of the map can be asked for after another has taken its place. What an entry was
    /// in the epochs that changed it stays available for ever.
    pub retention: Duration,
    /// Levels of the tree that are kept in memory, at most 24: about 160 bytes for each of 2^levels branches.
    pub levels: u8,
    /// What the engine may take.
    pub limits: Limits,
}

impl Options {
    /// Seven days of versions, and 18 levels in memory.
    pub fn new(map_id: impl Into<String>) -> Self {
        Self {
            map_id: map_id.into(),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            levels: 18,
            limits: Limits::default(),
        }
    }
}

/// Why the store could not answer, or do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine, or the disk under it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store holds what no sound store does.
    #[error("the store is damaged: {0}; restore a copy, or build it again from the feed")]
    Damaged(String),
    /// The folder holds the store of another map, or of another version of this program.
    #[error("the store is of {found}, not of {wanted}")]
    Foreign {
        /// What the folder is of.
        found: String,
        /// What it was opened as.
        wanted: String,
    },
    /// A version of the map that is no longer kept.
    #[error("epoch {epoch} is no longer kept; the oldest is {oldest}")]
    Gone {
        /// The epoch that was asked for.
        epoch: u64,
        /// The oldest epoch that every user can still be proven in.
        oldest: u64,
    },
    /// An epoch that has not been.
    #[error("there is no epoch {0} yet")]
    NotYet(u64),
    /// Two updates of one entry in one epoch: the second belongs into the next.
    #[error("an epoch takes one update of an entry, not two: {}", hex(.0))]
    Twice(Index),
    /// An import into a directory that has users.
    #[error("a directory takes an import only while it has no users")]
    NotEmpty,
    /// The signer did not sign; nothing was stored.
    #[error("the head could not be signed: {0}")]
    Unsigned(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The stable code of this kind of failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine(EngineError::InUse(_)) => "directory.in-use",
            Self::Engine(_) | Self::Unsigned(_) => "directory.store",
            Self::Damaged(_) | Self::Foreign { .. } => "directory.damaged",
            Self::Gone { .. } | Self::NotYet(_) => "directory.epoch",
            Self::Twice(_) | Self::NotEmpty => "directory.import",
        }
    }
}

/// An update that waits for its epoch, checked against what was published when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Whose entry it changes.
    pub user: String,
    /// Where that entry is.
    pub index: Index,
    /// The signed update: a serialized `SignedKV`.
    pub update: Vec<u8>,
    /// The opening of its commitment: a serialized `Committed`.
    pub committed: Vec<u8>,
}

/// A queued update and its place in the queue, which [`Epoch::settled`] names it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its place; grows from one to the next, and never repeats.
    pub place: u64,
    /// The update.
    pub pending: Pending,
}

/// A change of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// Whose entry it is.
    pub user: String,
    /// Where the entry is.
    pub index: Index,
    /// The entry: the value within the signed update, and what the map holds.
    pub leaf: Vec<u8>,
    /// The signed update: a serialized `SignedKV`.
    pub update: Vec<u8>,
    /// The opening of its commitment: a serialized `Committed`.
    pub committed: Vec<u8>,
}

/// What is sealed at once.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// When, in milliseconds since 1970. Not before the epoch before.
    pub issued: u64,
    /// What changes, in the order of the feed. At most one update of an entry.
    pub mutations: Vec<Mutation>,
    /// The places in the queue that this epoch settles, by applying or refusing what waited there.
    pub settled: Vec<u64>,
}

/// A signed head and its entry in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The signed head, in whatever form the signer wants it back; the store does not look inside.
    pub head: Vec<u8>,
    /// Its signed certificate timestamp.
    pub sct: Vec<u8>,
    /// The log entry: what the leaf hash of RFC 6962 is computed of, without the leading zero byte.
    pub entry: Vec<u8>,
}

/// What a signer may fail with.
pub type SignerError = Box<dyn std::error::Error + Send + Sync>;

/// Signs what [`Storage::seal`] is about to store.
pub trait Signer {
    /// Signs the head of `epoch`, whose map has this root.
    ///
    /// # Errors
    ///
    /// It can't; nothing is stored.
    fn head(&mut self, epoch: u64, root: Hash) -> Result<SignedHead, SignerError>;

    /// Signs a checkpoint of the log of `size` heads, which has this root.
    ///
    /// # Errors
    ///
    /// It can't; nothing is stored.
    fn checkpoint(&mut self, size: u64, root: Hash) -> Result<Vec<u8>, SignerError>;
}

/// An epoch as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; also the number of its entry in the log.
    pub epoch: u64,
    /// When it was sealed, in milliseconds since 1970.
    pub issued: u64,
    /// The root of the map.
    pub root: Hash,
    /// The root of the log that ends with this head.
    pub log_root: Hash,
    /// How many updates it applied.
    pub mutations: u32,
    /// The signed head, as [`Signer::head`] gave it.
    pub head: Vec<u8>,
    /// Its timestamp, as [`Signer::head`] gave it.
    pub sct: Vec<u8>,
}

/// An epoch that is on disk and that no reader sees yet, with what witnesses want to know.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The head.
    pub head: Head,
    /// The checkpoint of the log, as [`Signer::checkpoint`] gave it.
    pub checkpoint: Vec<u8>,
}

/// An entry as the map holds it, with the update that put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The epoch that put it there.
    pub epoch: u64,
    /// Its number in the feed of that epoch.
    pub number: u32,
    /// The entry.
    pub leaf: Vec<u8>,
    /// The signed update: a serialized `SignedKV`.
    pub update: Vec<u8>,
    /// The opening of its commitment: a serialized `Committed`.
    pub committed: Vec<u8>,
}

/// What the map of one epoch holds at an index, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The siblings that are not empty, with the depth each hangs at (1 to 256), deepest first.
    pub siblings: Vec<(u16, Hash)>,
    /// The entry, if there is one.
    pub leaf: Option<Leaf>,
}

impl Proof {
    /// The 256 neighbors as they go over the wire: deepest first, empty where the sibling is.
    pub fn neighbors(&self) -> Vec<Vec<u8>> {
        let mut neighbors = vec![Vec::new(); 256];
        for (depth, hash) in &self.siblings {
            if let Some(neighbor) = neighbors.get_mut(256 - usize::from(*depth)) {
                *neighbor = hash.to_vec();
            }
        }
        neighbors
    }
}

/// What the directory keeps of a user, whether it has an entry or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The VRF's output, 65 bytes: the index is its hash.
    pub vrf: [u8; 65],
    /// The VRF's proof; absent of users that were imported without.
    pub proof: Option<[u8; 64]>,
}

/// A change of an entry in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The epoch of the change.
    pub epoch: u64,
    /// Its number in the feed of that epoch.
    pub number: u32,
}

/// An update in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// Its number in the feed of its epoch.
    pub number: u32,
    /// Whose entry it changes: for what is public of it; auditors aren't told of the others.
    pub user: String,
    /// The signed update: a serialized `SignedKV`.
    pub update: Vec<u8>,
    /// The opening of its commitment: a serialized `Committed`.
    pub committed: Vec<u8>,
}

/// The newest published epoch, for readers: the top of the tree is in memory, and nothing in it changes.
#[derive(Debug)]
pub struct Snapshot<E: Engine = Fjall> {
    head: Head,
    checkpoint: Vec<u8>,
    inclusion: Vec<Hash>,
    engine: Arc<E>,
}

impl<E: Engine> Snapshot<E> {
    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The checkpoint of the log that ends with this head, with the cosignatures it was published with.
    pub fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    /// The audit path of this head in the log of this checkpoint, deepest sibling first.
    pub fn inclusion(&self) -> &[Hash] {
        &self.inclusion
    }
}

/// The store of a directory.
#[derive(Debug)]
pub struct Storage<E: Engine = Fjall> {
    engine: Arc<E>,
    options: Options,
}

impl<E: Engine> Storage<E> {
    /// Opens the store in `folder`, or makes one there, and checks that what it ends with is sound.
    ///
    /// # Errors
    ///
    /// The folder is in use, of another map, or damaged.
    pub fn open(folder: &Path, options: Options) -> Result<Self, Error> {
        let engine = Arc::new(E::open(folder, &options.limits)?);
        Ok(Self { engine, options })
    }

    /// The newest published epoch; none before the first is.
    pub fn snapshot(&self) -> Option<Arc<Snapshot<E>>> {
        None
    }

    /// What the map of `epoch` holds at `index`.
    ///
    /// # Errors
    ///
    /// The epoch is no longer kept and did not change this entry; or it has not been yet.
    pub fn prove(&self, epoch: u64, _index: &Index) -> Result<Proof, Error> {
        Err(Error::NotYet(epoch))
    }

    /// The oldest epoch that every entry can be proven in.
    pub fn oldest(&self) -> u64 {
        0
    }

    /// What is known of a user; none of those never asked for.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn user(&self, _id: &str) -> Result<Option<UserRecord>, Error> {
        Ok(None)
    }

    /// Remembers a user's VRF. Not durable at once: it can be computed again.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn put_user(&self, _id: &str, _record: &UserRecord) -> Result<(), Error> {
        Ok(())
    }

    /// Stores updates that wait, all or none, durably; gives their places, in order.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn queue(&self, _updates: Vec<Pending>) -> Result<Vec<u64>, Error> {
        Ok(Vec::new())
    }

    /// The updates that wait, oldest first.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn queued(&self) -> Result<Vec<Queued>, Error> {
        Ok(Vec::new())
    }

    /// Applies an epoch to the map, has it signed and logged, and stores all of it durably, or nothing.
    /// Readers see it once it is [published](Self::publish); witnesses can be asked in between.
    ///
    /// # Errors
    ///
    /// Two updates of one entry, the signer failed, or the store can't be written.
    pub fn seal(&self, _epoch: Epoch, _signer: &mut dyn Signer) -> Result<Sealed, Error> {
        Err(Error::NotYet(0))
    }

    /// Makes the newest sealed epoch the one that readers see, under this checkpoint: the one it was sealed
    /// with, perhaps cosigned.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn publish(&self, _checkpoint: Vec<u8>) -> Result<Arc<Snapshot<E>>, Error> {
        Err(Error::NotYet(0))
    }

    /// The newest sealed epoch, published or not.
    pub fn sealed(&self) -> Option<Sealed> {
        None
    }

    /// The entry at `index` in the newest sealed epoch: what the next update of it must follow.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn newest(&self, _index: &Index) -> Result<Option<Leaf>, Error> {
        Ok(None)
    }

    /// The head of an epoch.
    ///
    /// # Errors
    ///
    /// It has not been.
    pub fn head(&self, epoch: u64) -> Result<Head, Error> {
        Err(Error::NotYet(epoch))
    }

    /// Up to `limit` updates of an epoch's feed, from number `from`.
    ///
    /// # Errors
    ///
    /// The epoch has not been.
    pub fn mutations(&self, epoch: u64, _from: u32, _limit: usize) -> Result<Vec<FeedItem>, Error> {
        Err(Error::NotYet(epoch))
    }

    /// One update of the feed, with the entry it made.
    ///
    /// # Errors
    ///
    /// There is no such update.
    pub fn mutation(&self, change: &Change) -> Result<Leaf, Error> {
        Err(Error::NotYet(change.epoch))
    }

    /// Up to `limit` changes of an entry, oldest first, from epoch `from`.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn changes(&self, _index: &Index, _from: u64, _limit: usize) -> Result<Vec<Change>, Error> {
        Ok(Vec::new())
    }

    /// The audit path of head `leaf` in the log of `size` heads, deepest sibling first.
    ///
    /// # Errors
    ///
    /// The log is not that long, or the head not in it.
    pub fn inclusion(&self, _leaf: u64, size: u64) -> Result<Vec<Hash>, Error> {
        Err(Error::NotYet(size))
    }

    /// The proof that the log of `new` heads begins with that of `old`.
    ///
    /// # Errors
    ///
    /// The log is not that long.
    pub fn consistency(&self, _old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        Err(Error::NotYet(new))
    }

    /// `width` hashes (1 to 256) of the `number`-th tile of a level, as C2SP tlog-tiles counts them.
    ///
    /// # Errors
    ///
    /// The log is not that long.
    pub fn tile(&self, _level: u8, number: u64, _width: u16) -> Result<Vec<Hash>, Error> {
        Err(Error::NotYet(number))
    }

    /// The entries of the log from `from` on, up to `limit`.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn entries(&self, _from: u64, _limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        Ok(Vec::new())
    }

    /// Adds an auditor's signature to a head, under the id of its key.
    ///
    /// # Errors
    ///
    /// The epoch has not been, or the store can't be written.
    pub fn add_signature(&self, epoch: u64, _key: &str, _signature: &[u8]) -> Result<(), Error> {
        Err(Error::NotYet(epoch))
    }

    /// The auditors' signatures of a head, by the ids of their keys.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn signatures(&self, _epoch: u64) -> Result<Vec<(String, Vec<u8>)>, Error> {
        Ok(Vec::new())
    }

    /// Removes branch versions that were superseded before the retention: up to `limit` of them, so that
    /// the writer is soon back. Gives how many it removed; fewer than `limit` when nothing is left to do.
    /// `now` is in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn collect(&self, _now: u64, _limit: usize) -> Result<usize, Error> {
        Ok(0)
    }
}

fn hex(index: &Index) -> String {
    index.iter().map(|byte| format!("{byte:02x}")).collect()
}
