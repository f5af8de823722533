//! Sealing an epoch, and showing it to readers.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use transparency::{
    log::{self, Frontier},
    map::{Index, Neighbor},
};

use super::{
    Change, Epoch, Error, Head, Mutation, Sealed, Signer, Snapshot, Storage, feed,
    heads::{self, Record},
    node::Edge,
    open::{CHECKPOINT, OLDEST},
    stale,
    tree::{Item, Work},
    users,
};
use crate::engine::{Durability, Engine, Space, Write};

/// How many epochs at most one seal lets go: after a long pause there may be many.
const LET_GO: usize = 4096;

/// What the writing thread knows.
#[derive(Debug)]
pub(super) struct Writer {
    /// The newest sealed epoch.
    pub(super) newest: Option<Record>,
    /// Its checkpoint.
    pub(super) checkpoint: Vec<u8>,
    /// The edge of the log that ends with it.
    pub(super) frontier: Frontier,
    /// The epochs that were imported.
    pub(super) imported: Vec<u64>,
    /// A batch failed: what is on disk is not known.
    pub(super) broken: bool,
}

/// What a new epoch consists of, but for its signatures.
#[derive(Debug)]
pub(super) struct New {
    pub(super) issued: u64,
    pub(super) mutations: u32,
    pub(super) imported: bool,
    pub(super) root: Option<Edge>,
    /// What else goes into its batch.
    pub(super) writes: Vec<Write>,
}

impl Writer {
    pub(super) fn sealed(&self) -> Option<Sealed> {
        self.newest.as_ref().map(|record| Sealed {
            head: record.head.clone(),
            checkpoint: self.checkpoint.clone(),
        })
    }

    /// The number of the epoch to come.
    pub(super) fn next(&self) -> u64 {
        self.frontier.size()
    }

    fn root(&self) -> Option<&Edge> {
        self.newest.as_ref().and_then(|record| record.root.as_ref())
    }
}

/// Applies an epoch and stores it.
pub(super) fn seal<E: Engine>(
    storage: &Storage<E>,
    writer: &mut Writer,
    epoch: Epoch,
    signer: &mut dyn Signer,
) -> Result<Sealed, Error> {
    let number = writer.next();
    let items = items(storage, number, &epoch.mutations)?;
    let mut siblings = vec![Vec::new(); items.len()];
    let mut work = Work {
        spare: 1,
        ..Work::default()
    };
    let root = match (writer.root(), &items[..]) {
        (old, []) => old.cloned(),
        (old, items) => {
            let siblings = Some(&mut siblings[..]);
            Some(storage.forest.put(old, 0, items, siblings, &mut work)?)
        }
    };
    let mut writes = work.writes;
    work.superseded
        .retain(|place| !writer.imported.contains(&place.epoch));
    writes.extend(stale::notes(number, &work.superseded));
    for (item, siblings) in items.iter().zip(&siblings) {
        writes.push(changed(item, siblings));
    }
    for (mutation, number_in) in epoch.mutations.iter().zip(0..) {
        let change = Change {
            epoch: number,
            number: number_in,
        };
        writes.push(feed::write(change, mutation)?);
    }
    writes.extend(
        epoch
            .settled
            .iter()
            .map(|place| Write::Remove(Space::Queue, place.to_be_bytes().to_vec())),
    );
    let new = New {
        issued: epoch.issued,
        mutations: items.len() as u32,
        imported: false,
        root,
        writes,
    };
    commit(storage, writer, new, signer)
}

/// Has an epoch signed and logged, and stores all of it in one batch.
pub(super) fn commit<E: Engine>(
    storage: &Storage<E>,
    writer: &mut Writer,
    new: New,
    signer: &mut dyn Signer,
) -> Result<Sealed, Error> {
    if writer.broken {
        return Err(Error::Broken);
    }
    let epoch = writer.next();
    let root = match &new.root {
        Some(edge) => edge.hash,
        None => storage.options.map.empty(0, &Index::new([0; 32])),
    };
    let signed = signer.head(epoch, root).map_err(Error::Unsigned)?;
    let mut frontier = writer.frontier.clone();
    let mut writes = new.writes;
    writes.extend(heads::append(&mut frontier, signed.entry)?);
    let log_root = frontier.root();
    let checkpoint = signer
        .checkpoint(frontier.size(), log_root)
        .map_err(Error::Unsigned)?;
    let record = Record {
        head: Head {
            epoch,
            issued: new.issued,
            root,
            log_root,
            mutations: new.mutations,
            head: signed.head,
            sct: signed.sct,
        },
        imported: new.imported,
        root: new.root,
    };
    let oldest = oldest(storage, epoch, new.issued)?;
    writes.push(record.write());
    writes.push(meta(CHECKPOINT, checkpoint.clone()));
    writes.push(meta(OLDEST, oldest.to_be_bytes().to_vec()));
    storage.commit(writer, writes)?;

    storage.oldest.store(oldest, Ordering::Release);
    if new.imported {
        writer.imported.push(epoch);
    }
    writer.frontier = frontier;
    writer.checkpoint = checkpoint;
    let head = record.head.clone();
    writer.newest = Some(record);
    Ok(Sealed {
        head,
        checkpoint: writer.checkpoint.clone(),
    })
}

/// Shows the newest sealed epoch to readers.
pub(super) fn publish<E: Engine>(
    storage: &Storage<E>,
    writer: &mut Writer,
    checkpoint: Vec<u8>,
) -> Result<Arc<Snapshot<E>>, Error> {
    let Some(record) = &writer.newest else {
        return Err(Error::NotYet(0));
    };
    if checkpoint != writer.checkpoint {
        let batch = vec![meta(CHECKPOINT, checkpoint.clone())];
        storage.engine.commit(batch, Durability::Later)?;
        writer.checkpoint.clone_from(&checkpoint);
    }
    let epoch = record.head.epoch;
    let snapshot = Arc::new(Snapshot {
        head: record.head.clone(),
        checkpoint,
        inclusion: log::prove_inclusion(epoch, epoch + 1, &mut |node| {
            heads::hash_of(&*storage.engine, node)
        })
        .map_err(|error: Error| error)?,
        root: record.root.clone(),
        forest: Arc::clone(&storage.forest),
    });
    *storage
        .published
        .write()
        .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
    Ok(snapshot)
}

/// A record of [`Space::Meta`].
pub(super) fn meta(key: &str, value: Vec<u8>) -> Write {
    Write::Put(Space::Meta, key.as_bytes().to_vec(), value)
}

/// The new leaves, sorted.
fn items<E: Engine>(
    storage: &Storage<E>,
    epoch: u64,
    mutations: &[Mutation],
) -> Result<Vec<Item>, Error> {
    let mut items: Vec<_> = mutations
        .iter()
        .zip(0..)
        .map(|(mutation, number)| Item {
            index: mutation.index,
            hash: storage.options.map.leaf(&mutation.index, &mutation.leaf),
            epoch,
            number,
        })
        .collect();
    items.sort_unstable_by_key(|item| item.index);
    match items.windows(2).find(|two| two[0].index == two[1].index) {
        Some(two) => Err(Error::Twice(two[0].index)),
        None => Ok(items),
    }
}

/// The change that put a leaf there.
fn changed(item: &Item, siblings: &[Neighbor]) -> Write {
    let change = Change {
        epoch: item.epoch,
        number: item.number,
    };
    users::change(&item.index, change, Some(siblings))
}

/// The oldest epoch to keep from `now` on, when `epoch` is about to be the newest: one is kept as long as
/// it was the newest within the retention.
fn oldest<E: Engine>(storage: &Storage<E>, epoch: u64, now: u64) -> Result<u64, Error> {
    let retention = u64::try_from(storage.options.retention.as_millis()).unwrap_or(u64::MAX);
    let mut oldest = storage.oldest();
    for _ in 0..LET_GO {
        if oldest + 1 >= epoch {
            break;
        }
        let replaced = heads::find(&*storage.engine, oldest + 1)?.head.issued;
        if replaced.saturating_add(retention) > now {
            break;
        }
        oldest += 1;
    }
    Ok(oldest)
}
