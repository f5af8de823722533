//! What goes into the store and comes out of it.

use std::time::Duration;

use transparency::map::{self, Hash, Index, MapId};

use crate::engine::Limits;

/// How a store is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Names the map; part of every hash in it, so it can't change later.
    pub map: MapId,
    /// How long a version of the map can be asked for after another has taken its place. What an entry was
    /// in the epochs that changed it stays available for ever.
    pub retention: Duration,
    /// Levels of the tree that are kept in memory: about 170 bytes for each of up to 2^levels branches.
    pub levels: usize,
    /// What the engine may take.
    pub limits: Limits,
}

impl Options {
    /// Seven days of versions, and 18 levels in memory.
    pub fn new(map: MapId) -> Self {
        Self {
            map,
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            levels: 18,
            limits: Limits::default(),
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
    /// Its place; grows from one to the next.
    pub place: u64,
    /// The update.
    pub pending: Pending,
}

/// A change of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// Whose entry it is.
    pub user: String,
    /// Where the entry is: the key within the signed update.
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

/// Signs what [`seal`](super::Storage::seal) is about to store.
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

/// An epoch that is on disk, whether readers see it yet or not, with what witnesses want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The head.
    pub head: Head,
    /// The checkpoint of the log: as [`Signer::checkpoint`] gave it, or cosigned once it was published so.
    pub checkpoint: Vec<u8>,
}

/// An entry as the map holds it, with the update that put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Whose it is.
    pub user: String,
    /// Where it is.
    pub index: Index,
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
    /// The siblings; [`to_neighbors`](map::Proof::to_neighbors) gives them as they go over the wire.
    pub map: map::Proof,
    /// The entry, if there is one.
    pub leaf: Option<Leaf>,
}

/// What the directory keeps of a user, whether it has an entry or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The VRF's output: the index is its hash.
    pub vrf: [u8; 65],
    /// The VRF's proof; absent of users that were imported without.
    pub proof: Option<[u8; 64]>,
}

/// A change of an entry: its place in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The epoch of the change.
    pub epoch: u64,
    /// Its number in the feed of that epoch.
    pub number: u32,
}

/// An update in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// Whose entry it changes: for what is public of it; auditors aren't told of the others.
    pub user: String,
    /// Its number in the feed of its epoch.
    pub number: u32,
    /// The signed update: a serialized `SignedKV`.
    pub update: Vec<u8>,
    /// The opening of its commitment: a serialized `Committed`.
    pub committed: Vec<u8>,
}
