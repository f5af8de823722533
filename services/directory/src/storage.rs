//! What the directory knows, on disk: the map with its versions, the feed of updates, heads and their log,
//! users, and the updates that wait.
//!
//! One thread [seals](Storage::seal) epochs, [publishes](Storage::publish) them and
//! [removes](Storage::collect) what is no longer asked for. Another may [queue](Storage::queue) updates
//! meanwhile. Everybody else reads, mostly through the newest [`Snapshot`], without waiting for the writers.
//!
//! An epoch is sealed by one durable batch: branches, changes, feed, head, and log, or nothing. Before it
//! there is nothing of the epoch, after it all; there is no state between that a crash could leave.

mod codec;
mod error;
mod feed;
mod heads;
mod import;
mod model;
mod node;
mod open;
mod seal;
mod snapshot;
mod stale;
#[cfg(test)]
mod tests;
mod tree;
mod users;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use transparency::{
    log,
    map::{Hash, Index},
};

pub use self::{
    error::Error,
    import::{Imported, Stage},
    model::{
        Change, Epoch, FeedItem, Head, Leaf, Mutation, Options, Pending, Proof, Queued, Sealed,
        SignedHead, Signer, SignerError, UserRecord,
    },
    snapshot::Snapshot,
};
use self::{seal::Writer, tree::Forest};
use crate::engine::{Durability, Engine, Fjall, Write};

/// The store of a directory.
#[derive(Debug)]
pub struct Storage<E: Engine = Fjall> {
    engine: Arc<E>,
    forest: Arc<Forest<E>>,
    options: Options,
    published: RwLock<Option<Arc<Snapshot<E>>>>,
    writer: Mutex<Writer>,
    /// The oldest epoch that every entry can be proven in.
    oldest: AtomicU64,
    /// The next place in the queue.
    place: AtomicU64,
}

impl<E: Engine> Storage<E> {
    /// Opens the store in `folder`, or makes one there, and checks that what it ends with is sound: that the
    /// top of the map leads to the newest root, the log to its root, and that the feed is there. The newest
    /// epoch is published, under the checkpoint it last had.
    ///
    /// # Errors
    ///
    /// The folder is in use, of another map, or damaged.
    pub fn open(folder: &Path, options: Options) -> Result<Self, Error> {
        open::open(folder, options)
    }

    /// The newest published epoch; none before the first is.
    pub fn snapshot(&self) -> Option<Arc<Snapshot<E>>> {
        self.published
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What the map of `epoch`, a published one, holds at `index`.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the epoch is no longer kept and did not change this entry; [`Error::NotYet`].
    pub fn prove(&self, epoch: u64, index: &Index) -> Result<Proof, Error> {
        match self.snapshot() {
            Some(snapshot) if snapshot.head.epoch == epoch => return snapshot.prove(index),
            Some(snapshot) if snapshot.head.epoch > epoch => {}
            _ => return Err(Error::NotYet(epoch)),
        }
        let record = heads::find(&*self.engine, epoch)?;
        if record.imported || epoch >= self.oldest() {
            match self.forest.walk(record.root.as_ref(), index) {
                Ok(path) => return snapshot::proof(path),
                // It may have gone while it was read.
                Err(_) if epoch < self.oldest() => {}
                Err(error) => return Err(error),
            }
        }
        let Some((change, map)) = users::changed(&*self.engine, index, epoch)? else {
            let oldest = self.oldest();
            return Err(Error::Gone { epoch, oldest });
        };
        let leaf = Some(self.mutation(&change)?);
        Ok(Proof { map, leaf })
    }

    /// The oldest epoch that every entry can be proven in.
    pub fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Acquire)
    }

    /// What is known of a user; none of those never asked for.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn user(&self, id: &str) -> Result<Option<UserRecord>, Error> {
        users::find(&*self.engine, id)
    }

    /// Remembers a user's VRF. Not durable at once: it can be computed again.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn put_user(&self, id: &str, record: &UserRecord) -> Result<(), Error> {
        let batch = vec![users::write(id, record)];
        Ok(self.engine.commit(batch, Durability::Later)?)
    }

    /// Stores updates that wait, all or none, durably; gives their places, in order.
    ///
    /// It does not wait for an epoch that is being sealed, but for that epoch's batch while it is written: engines
    /// write one batch after the other. It has nothing in common with it besides: its places are new ones, and
    /// an epoch settles only those that it was given. Once a batch has failed, the engine takes none of either.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn queue(&self, updates: Vec<Pending>) -> Result<Vec<u64>, Error> {
        let count = updates.len() as u64;
        let first = self.place.fetch_add(count, Ordering::Relaxed);
        let writes = updates
            .iter()
            .zip(first..)
            .map(|(pending, place)| users::enqueue(place, pending))
            .collect();
        self.engine.commit(writes, Durability::Now)?;
        Ok((first..first + count).collect())
    }

    /// The updates that wait, oldest first.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn queued(&self) -> Result<Vec<Queued>, Error> {
        users::queued(&*self.engine)
    }

    /// Applies an epoch to the map, has it signed and logged, and stores all of it durably, or nothing.
    /// Readers see it once it is [published](Self::publish); witnesses can be asked in between.
    ///
    /// # Errors
    ///
    /// Two updates of one entry, the signer failed, or the store can't be written. After the last of these
    /// the store takes nothing more until it is opened again.
    pub fn seal(&self, epoch: Epoch, signer: &mut dyn Signer) -> Result<Sealed, Error> {
        seal::seal(self, &mut self.writer(), epoch, signer)
    }

    /// Makes the newest sealed epoch the one that readers see, under this checkpoint: the one it was sealed
    /// with, perhaps cosigned.
    ///
    /// # Errors
    ///
    /// There is none, or the store can't be written.
    pub fn publish(&self, checkpoint: Vec<u8>) -> Result<Arc<Snapshot<E>>, Error> {
        seal::publish(self, &mut self.writer(), checkpoint)
    }

    /// The newest sealed epoch, published or not.
    pub fn sealed(&self) -> Option<Sealed> {
        self.writer().sealed()
    }

    /// Puts all of `source` into a directory that has no entries yet, as one epoch, on every core: `prepare`
    /// is called on several threads. What it gives is stored as it comes; the map is built at the end. If
    /// anything fails, or the process ends, nothing of it is left. Readers see it once it is
    /// [published](Self::publish).
    ///
    /// # Errors
    ///
    /// There are entries; two of the source have the same index; `prepare` or the signer failed; or the
    /// store can't be written.
    pub fn import<T, S, P>(
        &self,
        issued: u64,
        source: S,
        prepare: P,
        signer: &mut dyn Signer,
        progress: &(dyn Fn(Stage) + Sync),
    ) -> Result<Sealed, Error>
    where
        S: Iterator<Item = T> + Send,
        P: Fn(T) -> Result<Imported, SignerError> + Sync,
    {
        import::import(self, issued, source, &prepare, signer, progress)
    }

    /// The entry at `index` in the newest sealed epoch: what the next update of it must follow.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn newest(&self, index: &Index) -> Result<Option<Leaf>, Error> {
        users::newest(&*self.engine, index)?
            .map(|change| self.mutation(&change))
            .transpose()
    }

    /// The head of an epoch.
    ///
    /// # Errors
    ///
    /// It has not been.
    pub fn head(&self, epoch: u64) -> Result<Head, Error> {
        Ok(heads::find(&*self.engine, epoch)?.head)
    }

    /// Up to `limit` updates of an epoch's feed, from number `from`.
    ///
    /// # Errors
    ///
    /// The epoch has not been.
    pub fn mutations(&self, epoch: u64, from: u32, limit: usize) -> Result<Vec<FeedItem>, Error> {
        let head = self.head(epoch)?;
        let count = head.mutations.saturating_sub(from) as usize;
        feed::items(&*self.engine, epoch, from, limit.min(count))
    }

    /// One update of the feed, with the entry it made.
    ///
    /// # Errors
    ///
    /// There is no such update.
    pub fn mutation(&self, change: &Change) -> Result<Leaf, Error> {
        Ok(feed::find(&*self.engine, change.epoch, change.number)?.into_leaf())
    }

    /// Up to `limit` changes of an entry, oldest first, from epoch `from`.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn changes(&self, index: &Index, from: u64, limit: usize) -> Result<Vec<Change>, Error> {
        users::changes(&*self.engine, index, from, limit)
    }

    /// The audit path of head `leaf` in the log of `size` heads, from the leaf upwards.
    ///
    /// # Errors
    ///
    /// The log is not that long, or the head not in it.
    pub fn inclusion(&self, leaf: u64, size: u64) -> Result<Vec<Hash>, Error> {
        log::prove_inclusion(leaf, size, &mut |node| heads::hash_of(&*self.engine, node))
    }

    /// The proof that the log of `new` heads begins with that of `old`.
    ///
    /// # Errors
    ///
    /// The log is not that long.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        log::prove_consistency(old, new, &mut |node| heads::hash_of(&*self.engine, node))
    }

    /// The first `width` hashes (1 to 256) of the `number`-th tile of a level, as C2SP tlog-tiles counts
    /// them; fewer if the log is not that long.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn tile(&self, level: u8, number: u64, width: u16) -> Result<Vec<Hash>, Error> {
        let first = number.saturating_mul(256);
        heads::row(&*self.engine, u32::from(level) * 8, first, width.into())
    }

    /// The entries of the log from `from` on, up to `limit`.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn entries(&self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        heads::entries(&*self.engine, from, limit)
    }

    /// Adds an auditor's signature to a head, under the id of its key.
    ///
    /// # Errors
    ///
    /// The epoch has not been, or the store can't be written.
    pub fn add_signature(&self, epoch: u64, key: &str, signature: &[u8]) -> Result<(), Error> {
        self.head(epoch)?;
        let batch = vec![heads::sign(epoch, key, signature)];
        Ok(self.engine.commit(batch, Durability::Now)?)
    }

    /// The auditors' signatures of a head, by the ids of their keys.
    ///
    /// # Errors
    ///
    /// The store can't be read.
    pub fn signatures(&self, epoch: u64) -> Result<Vec<(String, Vec<u8>)>, Error> {
        heads::signatures(&*self.engine, epoch)
    }

    /// Removes branch versions that were replaced before the retention: about `limit` of them, so that the
    /// writer is soon back. Gives how many it removed; fewer than `limit` when nothing is left to do.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn collect(&self, limit: usize) -> Result<usize, Error> {
        stale::collect(&*self.engine, self.oldest(), limit)
    }

    /// Puts records in their final places: for after an import. It may take minutes.
    ///
    /// # Errors
    ///
    /// The store can't be written.
    pub fn settle(&self) -> Result<(), Error> {
        Ok(self.engine.settle()?)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // What a panic interrupted had not been taken over yet.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, writer: &mut Writer, batch: Vec<Write>) -> Result<(), Error> {
        let done = self.engine.commit(batch, Durability::Now);
        writer.broken |= done.is_err();
        Ok(done?)
    }
}
