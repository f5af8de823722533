//! Updates that wait for their epoch: on disk, and here for the threads that write to look at.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use transparency::map::Index;
use transparency::messages::SignedKv;
use transparency::mutation::{self, Verdict};

use crate::storage::{Epoch, Error, Leaf, Mutation, Pending, Queued};

/// What waits, in the order in which it came.
pub(crate) struct Waiting {
    queue: VecDeque<Arc<Queued>>,
    /// The entry that waits for each place of the map: one, as nobody's second is let in.
    values: HashMap<Index, Vec<u8>>,
    bytes: usize,
    most: usize,
}

/// Most bytes that wait: what they take of memory.
const MOST_BYTES: usize = 128 << 20;

/// What came of an update's epoch.
pub(crate) struct Batch {
    pub(crate) epoch: Epoch,
    /// Updates that did not apply any more.
    pub(crate) dropped: u64,
}

impl Waiting {
    /// What waited when the directory was stopped, and room for `most` together.
    pub(crate) fn new(queued: Vec<Queued>, most: usize) -> Self {
        let mut this = Self {
            queue: VecDeque::new(),
            values: HashMap::new(),
            bytes: 0,
            most,
        };
        for one in queued {
            let value = SignedKv::decode(&one.pending.update)
                .map(|update| update.key_value.value)
                .unwrap_or_default();
            this.push(one, value);
        }
        this
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether so many more, beside those that are here, would be too many.
    pub(crate) fn is_full(&self, more: usize, bytes: usize) -> bool {
        self.queue.len() + more >= self.most || self.bytes + bytes >= MOST_BYTES
    }

    /// The entry that waits for this place.
    pub(crate) fn value(&self, index: &Index) -> Option<&[u8]> {
        self.values.get(index).map(Vec::as_slice)
    }

    /// Adds one that is on disk.
    pub(crate) fn push(&mut self, queued: Queued, value: Vec<u8>) {
        self.bytes += weight(&queued.pending);
        self.values.insert(queued.pending.index, value);
        self.queue.push_back(Arc::new(queued));
    }

    /// All of it, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Queued>> {
        self.queue.iter().cloned().collect()
    }

    /// Forgets what an epoch has settled.
    pub(crate) fn settle(&mut self, settled: &[u64]) {
        let settled: HashSet<_> = settled.iter().collect();
        let (gone, left) = self
            .queue
            .drain(..)
            .partition::<VecDeque<_>, _>(|one| settled.contains(&one.place));
        self.queue = left;
        for one in &gone {
            self.bytes -= weight(&one.pending);
            self.values.remove(&one.pending.index);
        }
    }
}

/// The next epoch: everything of `queue`, checked again against what the map holds by then. A second
/// update of one entry waits on.
pub(crate) fn next_epoch(
    queue: &[Arc<Queued>],
    issued: u64,
    newest: impl Fn(&Index) -> Result<Option<Leaf>, Error>,
) -> Result<Batch, Error> {
    let mut batch = Batch {
        epoch: Epoch {
            issued,
            ..Epoch::default()
        },
        dropped: 0,
    };
    let mut seen = HashSet::new();
    for one in queue {
        let Queued { place, pending } = &**one;
        if !seen.insert(pending.index) {
            continue;
        }
        batch.epoch.settled.push(*place);
        let leaf = newest(&pending.index)?;
        match judge(pending, leaf.as_ref()) {
            Ok(Some(mutation)) => batch.epoch.mutations.push(mutation),
            Ok(None) => {}
            Err(fault) => {
                batch.dropped += 1;
                tracing::warn!(place, %fault, "an update that waited does not apply any more");
            }
        }
    }
    Ok(batch)
}

/// The change of the map that it makes, if it makes one.
fn judge(pending: &Pending, leaf: Option<&Leaf>) -> Result<Option<Mutation>, String> {
    let update = SignedKv::decode(&pending.update).map_err(|fault| fault.to_string())?;
    let leaf = leaf.map(|leaf| leaf.leaf.as_slice());
    let verdict = mutation::check(&update, leaf).map_err(|fault| fault.to_string())?;
    Ok((verdict == Verdict::Apply).then(|| Mutation {
        user: pending.user.clone(),
        index: pending.index,
        leaf: update.key_value.value,
        update: pending.update.clone(),
        committed: pending.committed.clone(),
    }))
}

/// What it takes of memory, about.
pub(crate) fn weight(pending: &Pending) -> usize {
    // The value is here twice: within the update and as what the next must follow.
    pending.user.len() + 2 * pending.update.len() + pending.committed.len() + 256
}
