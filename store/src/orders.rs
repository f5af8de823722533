//! Work orders: submitted once, leased to one at a time, finished once, kept for a while.
//!
//! ```text
//!            submit           claim            complete          evict
//! (unknown) --------> queued -------> leased ----------> finished ------> evicted
//!                       ^  |  release   |                    ^               |
//!                       |  |  lapse     |                    |               | forget_marks
//!                       +--|------------+                    |               v
//!                          +---------------------------------+           (unknown)
//!                                      expire
//! ```

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Digest, Error, Key, OrderId, PartitionId, ReplayKey, Token};

/// A durable queue of work orders with leases, results and replay marks.
///
/// Every operation is one step: it happens as a whole or not at all, and is seen by every call
/// that begins afterwards, from any process. What is submitted, completed, expired, evicted or
/// forgotten is durable when the call returns. Leases need not be: an engine may end them all when
/// it restarts. Every open order is queued then, its attempts are counted anew, and the tokens
/// given from then on are larger than all before, so an earlier holder can no longer end it.
///
/// Time is the engine's own and never runs backwards; callers speak in durations only. Every call
/// is safe to repeat.
///
/// Dropping a future before it is ready leaves open whether the call was performed, as
/// [`Error::Unknown`] does. For [`claim`](Self::claim) that may mean leases that nobody knows of,
/// which end when their time is up.
#[async_trait]
pub trait Orders: Send + Sync {
    /// What this engine can take.
    fn capabilities(&self) -> Capabilities;

    /// Takes an order into the queue of its partition and sets its replay marks: all or nothing,
    /// durable on return. Order id and replay keys are all linearizable: of any number of
    /// concurrent submissions that share either, exactly one is [`Submitted::Accepted`].
    ///
    /// A repeat with the same digest is [`Submitted::AlreadyAccepted`] for as long as the order is
    /// stored, finished or not, and changes nothing.
    async fn submit(&self, submission: Submission) -> Result<Submitted, Error>;

    /// Leases up to `limit` queued orders of a partition for the time `lease`, the oldest first
    /// (roughly). While there is none, waits up to `wait` for one.
    ///
    /// An order has at most one live lease; tokens of an order only grow. A lease that ran out
    /// makes its order claimable again. Fewer leases than `limit` may come back although more
    /// orders are queued (see [`Capabilities::max_batch`] and [`Capabilities::max_answer`]); none
    /// come back only if there was none for the whole time.
    async fn claim(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error>;

    /// Lets a lease run for at least the time `lease` from now; never shortens it. Only by the
    /// current, unexpired token.
    async fn extend(&self, order: &OrderId, token: Token, lease: Duration) -> Result<Held, Error>;

    /// Gives a lease back: the order can be claimed again after `delay`. Only by the current,
    /// unexpired token. With `counts` false the attempt is not counted: the work was never begun.
    async fn release(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error>;

    /// Finishes an order: in one step checks token and time, stores the result, drops body and
    /// queue entry, and writes the appends. An order has at most one [`Completed::Stored`], ever.
    async fn complete(&self, completion: Completion) -> Result<Completed, Error>;

    /// Where an order stands.
    async fn get(&self, order: &OrderId) -> Result<State, Error>;

    /// The memo that an order was submitted with; `None` if it was never submitted or is evicted.
    async fn memo(&self, order: &OrderId) -> Result<Option<Vec<u8>>, Error>;

    /// Answers as [`get`](Self::get), as soon as the order is neither queued nor leased, at the
    /// latest after `until`. A finish is seen no later than [`Capabilities::poll`] after it.
    async fn wait(&self, order: &OrderId, until: Duration) -> Result<State, Error>;

    /// Ends orders of a partition that were submitted at least `older_than` ago and are queued
    /// (not leased) with this result, as if they had been completed. At most `limit`, the oldest
    /// first; returns how many.
    async fn expire(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        result: &[u8],
        limit: usize,
    ) -> Result<usize, Error>;

    /// Drops orders that finished at least `finished_for` ago, with their results. Their ids and
    /// replay keys stay refused until [`forget_marks`](Self::forget_marks). At most `limit`, those
    /// that finished first; returns how many.
    ///
    /// An engine that may keep only so many finished orders drops the oldest in the same way, by
    /// itself, in the step that would exceed its bound.
    async fn evict(&self, finished_for: Duration, limit: usize) -> Result<usize, Error>;

    /// Forgets replay keys of a partition that were submitted at least `older_than` ago, and the
    /// ids of those orders as soon as they are evicted as well. Orders that are still stored are
    /// not touched. At most `limit`, the oldest first; returns how many.
    async fn forget_marks(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        limit: usize,
    ) -> Result<usize, Error>;

    /// How many orders are stored. Cheap enough to be asked every second.
    async fn counts(&self) -> Result<Counts, Error>;
}

/// What an engine can take. Larger arguments are refused; larger limits are cut down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Longest id or key, in bytes.
    pub max_key: usize,
    /// Largest order body, in bytes.
    pub max_body: usize,
    /// Largest result, in bytes.
    pub max_result: usize,
    /// Largest value of a record or append, in bytes.
    pub max_value: usize,
    /// Most orders or records that one call takes or gives.
    pub max_batch: usize,
    /// About the most bytes of bodies or values that one answer holds; a single larger one is
    /// still given.
    pub max_answer: usize,
    /// The longest that a finished or newly queued order may go unseen by a call that waits for
    /// it (on a machine that is not overloaded).
    pub poll: Duration,
}

/// A new order.
#[derive(Clone, PartialEq, Eq)]
pub struct Submission {
    /// The queue it goes to.
    pub partition: PartitionId,
    /// Its id, unique over all partitions.
    pub order: OrderId,
    /// What must not have been used before in this partition, any of them; at most
    /// [`Submission::MAX_REPLAYS`].
    pub replays: Vec<ReplayKey>,
    /// Digest over the whole order, which tells a repeat from another order of the same id.
    pub digest: Digest,
    /// What a claim gets to see; dropped when the order finishes.
    pub body: Vec<u8>,
    /// What [`Orders::memo`] gives, for as long as the order is stored, finished or not; at most
    /// [`Submission::MAX_MEMO`] bytes. The store never looks at it.
    pub memo: Vec<u8>,
}

impl Submission {
    /// Most replay keys of one order.
    pub const MAX_REPLAYS: usize = 4;
    /// Most bytes of a memo.
    pub const MAX_MEMO: usize = 256;
}

/// The answer to [`Orders::submit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The order is queued.
    Accepted,
    /// The same order, by its digest, was accepted before. Nothing changed.
    AlreadyAccepted,
    /// Another order has this id, or one that is evicted had it.
    DuplicateOrder,
    /// Another order of this partition used one of the replay keys.
    Replayed,
    /// As many orders are open, queued or leased, as the engine may hold, or their bodies leave no
    /// room for this one. Finished orders do not count.
    Full,
}

/// One order, handed to one caller for a time.
#[derive(Clone, PartialEq, Eq)]
pub struct Lease {
    /// The order.
    pub order: OrderId,
    /// Proves this lease to the other operations.
    pub token: Token,
    /// How many times the order has been claimed, this time included, without the claims whose
    /// release did not count. An engine whose leases end with it counts from its start.
    pub attempt: u32,
    /// Time left when the engine answered.
    pub deadline_in: Duration,
    /// How long ago the order was submitted when the engine answered.
    pub age: Duration,
    /// The body as it was submitted.
    pub body: Vec<u8>,
}

/// Whether a lease was still held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It was, and the operation was performed.
    Yes,
    /// It was not, and nothing changed.
    Lost(Lost),
}

/// Why a lease is no longer held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its time ran out, it was released, or the engine was restarted; and nobody has claimed the
    /// order since, as far as the engine knows.
    Expired,
    /// The order was claimed again later, or was finished under another token.
    Superseded,
    /// The order ended without a lease, is evicted, or was never submitted.
    Gone,
}

/// The end of an order.
#[derive(Clone, PartialEq, Eq)]
pub struct Completion {
    /// The order.
    pub order: OrderId,
    /// The lease it was worked on under.
    pub token: Token,
    /// What [`State::Finished`] gives.
    pub result: Vec<u8>,
    /// Records to write in the same step.
    pub appends: Vec<Append>,
}

/// A record that is written together with a result: a receipt, a log leaf. It lands in the
/// [`Table`](crate::Table) of the same engine, in the order's partition, whatever was there.
#[derive(Clone, PartialEq, Eq)]
pub struct Append {
    /// Where in the partition.
    pub key: Key,
    /// The record.
    pub value: Vec<u8>,
}

/// The answer to [`Orders::complete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// The result and the appends are stored.
    Stored,
    /// This token has stored a result before; that one stays.
    AlreadyStored,
    /// The token no longer holds the order; nothing changed.
    Lost(Lost),
}

/// Where an order stands.
#[derive(Clone, PartialEq, Eq)]
pub enum State {
    /// Never submitted, or forgotten.
    Unknown,
    /// Waiting for a claim; a lease that ran out counts as none.
    Queued,
    /// Under a live lease.
    Leased,
    /// Ended, with this result.
    Finished(Vec<u8>),
    /// Ended, and its result is dropped.
    Evicted,
}

/// How many orders are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting for a claim.
    pub queued: u64,
    /// Leased; a lease that ran out counts here until its order is claimed again or ended.
    pub leased: u64,
    /// Finished and not yet evicted.
    pub finished: u64,
    /// What all of it takes on disk, about; 0 if the engine cannot tell.
    pub bytes: u64,
}

// Bodies and results belong to requesters: they are shown by their size only.

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission")
            .field("partition", &self.partition)
            .field("order", &self.order)
            .field("body", &Size(&self.body))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("order", &self.order)
            .field("token", &self.token)
            .field("attempt", &self.attempt)
            .field("deadline_in", &self.deadline_in)
            .field("age", &self.age)
            .field("body", &Size(&self.body))
            .finish()
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("order", &self.order)
            .field("token", &self.token)
            .field("result", &Size(&self.result))
            .field("appends", &self.appends)
            .finish()
    }
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append")
            .field("key", &self.key)
            .field("value", &Size(&self.value))
            .finish()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("Unknown"),
            Self::Queued => f.write_str("Queued"),
            Self::Leased => f.write_str("Leased"),
            Self::Finished(result) => f.debug_tuple("Finished").field(&Size(result)).finish(),
            Self::Evicted => f.write_str("Evicted"),
        }
    }
}

/// Shows the number of bytes instead of the bytes.
pub(crate) struct Size<'a>(pub(crate) &'a [u8]);

impl fmt::Debug for Size<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
