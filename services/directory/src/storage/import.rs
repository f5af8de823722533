//! Import: a whole directory at once, as one epoch.
//!
//! Users, updates and changes are stored as they come; only the indices and hashes of leaves stay in memory
//! (68 bytes each). Then the map is built, bottom-up, one of 256 parts after the other on every core. A mark
//! stands in the store until the last batch takes it away together with the new head: what was stored under
//! a mark that still stands when the store is opened is removed.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use transparency::map::Index;

use super::{
    Change, Epoch, Error, Mutation, Sealed, Signer, SignerError, Storage, UserRecord, feed,
    node::{Child, Edge},
    open::IMPORTED,
    seal::{self, New, meta},
    tree::{Forest, Item, Work},
    users,
};
use crate::engine::{Durability, Engine, Space, Write};

/// A user to import, with its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its VRF.
    pub record: UserRecord,
    /// Its entry.
    pub mutation: Mutation,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// This many users have been stored.
    Stored(usize),
    /// This many parts of the map have been built, of 256.
    Built(usize),
    /// All of it is stored and signed; the engine puts records in their final places.
    Settling,
}

/// Parts that the map is built of: subtrees at this depth.
const SPLIT: usize = 8;

/// Users in one batch.
const BATCH: usize = 512;

/// The mark of an import that has not ended.
const MARK: &str = "importing";

/// Spaces that hold nothing before the first entry, but for users, who can be computed again.
const TOUCHED: [Space; 4] = [Space::Feed, Space::Change, Space::User, Space::Branch];

/// Imports; see [`Storage::import`].
pub(super) fn import<E: Engine, T>(
    storage: &Storage<E>,
    issued: u64,
    source: impl Iterator<Item = T> + Send,
    prepare: &(impl Fn(T) -> Result<Imported, SignerError> + Sync),
    signer: &mut dyn Signer,
    progress: &(dyn Fn(Stage) + Sync),
) -> Result<Sealed, Error> {
    let mut writer = storage.writer();
    if writer.newest.is_none() {
        // The first head is of an empty map.
        let epoch = Epoch {
            issued,
            ..Epoch::default()
        };
        seal::seal(storage, &mut writer, epoch, signer)?;
    }
    if writer
        .newest
        .as_ref()
        .is_some_and(|newest| newest.root.is_some())
    {
        return Err(Error::NotEmpty);
    }
    let epoch = writer.next();
    storage.commit(&mut writer, vec![meta(MARK, Vec::new())])?;
    let imported = || {
        let items = store(storage, epoch, source, prepare, progress)?;
        let mutations = items.len() as u32;
        let mut work = Work::default();
        let root = build(&storage.forest, epoch, &items, &mut work, progress)?;
        let mut writes = work.writes;
        writes.push(Write::Remove(Space::Meta, MARK.as_bytes().to_vec()));
        writes.push(meta(IMPORTED, epoch.to_be_bytes().to_vec()));
        let new = New {
            issued,
            mutations,
            imported: true,
            root,
            writes,
        };
        seal::commit(storage, &mut writer, new, signer)
    };
    let done = imported();
    if done.is_err() && !writer.broken {
        undo_unfinished(&*storage.engine)?;
    }
    done
}

/// Removes what an import that did not end has left.
pub(super) fn undo_unfinished<E: Engine>(engine: &E) -> Result<(), Error> {
    if engine.get(Space::Meta, MARK.as_bytes())?.is_none() {
        return Ok(());
    }
    for space in TOUCHED {
        loop {
            let rows = engine.scan(space, &[], &[], 4096)?;
            if rows.is_empty() {
                break;
            }
            let removals = rows.into_iter().map(|(key, _)| Write::Remove(space, key));
            engine.commit(removals.collect(), Durability::Later)?;
        }
    }
    let mark = Write::Remove(Space::Meta, MARK.as_bytes().to_vec());
    Ok(engine.commit(vec![mark], Durability::Now)?)
}

/// Stores users, updates and changes; the leaves, sorted.
fn store<E: Engine, T>(
    storage: &Storage<E>,
    epoch: u64,
    source: impl Iterator<Item = T> + Send,
    prepare: &(impl Fn(T) -> Result<Imported, SignerError> + Sync),
    progress: &(dyn Fn(Stage) + Sync),
) -> Result<Vec<Item>, Error> {
    let source = Mutex::new(source.zip(0u32..));
    let items = Mutex::new(Vec::new());
    on_every_core(&|| {
        let batch: Vec<_> = lock(&source).by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(false);
        }
        let (mut writes, mut leaves) = (Vec::new(), Vec::new());
        for (user, number) in batch {
            let user = prepare(user).map_err(Error::Import)?;
            let index = user.mutation.index;
            let change = Change { epoch, number };
            writes.push(users::write(&user.mutation.user, &user.record));
            writes.push(feed::write(change, &user.mutation)?);
            writes.push(users::change(&index, change, None));
            leaves.push(Item {
                index,
                hash: storage.options.map.leaf(&index, &user.mutation.leaf),
                epoch,
                number,
            });
        }
        storage.engine.commit(writes, Durability::Later)?;
        let mut items = lock(&items);
        items.append(&mut leaves);
        progress(Stage::Stored(items.len()));
        Ok(true)
    })?;
    let mut items = items.into_inner().unwrap_or_else(PoisonError::into_inner);
    items.sort_unstable_by_key(|item| item.index);
    match items.windows(2).find(|two| two[0].index == two[1].index) {
        Some(two) => {
            let user = feed::find(&*storage.engine, epoch, two[0].number)?
                .into_leaf()
                .user;
            Err(Error::Import(format!("{user:?} is there twice").into()))
        }
        None => Ok(items),
    }
}

/// Builds the map, and stores all of it but its very top, which is left in `work`.
fn build<E: Engine>(
    forest: &Forest<E>,
    epoch: u64,
    items: &[Item],
    work: &mut Work,
    progress: &(dyn Fn(Stage) + Sync),
) -> Result<Option<Edge>, Error> {
    const PARTS: usize = 1 << SPLIT;
    let next = AtomicUsize::new(0);
    let parts = Mutex::new(vec![None; PARTS]);
    on_every_core(&|| {
        let part = next.fetch_add(1, Ordering::Relaxed);
        if part >= PARTS {
            return Ok(false);
        }
        let bounds = [part, part + 1].map(|bound| {
            items.partition_point(|item| usize::from(item.index.as_bytes()[0]) < bound)
        });
        let items = &items[bounds[0]..bounds[1]];
        if !items.is_empty() {
            let mut work = Work::default();
            let edge = forest.build(SPLIT, items, None, &mut work)?;
            forest.engine.commit(work.writes, Durability::Later)?;
            lock(&parts)[part] = Some(edge);
        }
        progress(Stage::Built(part + 1));
        Ok(true)
    })?;
    let mut row = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    for depth in (0..SPLIT).rev() {
        row = row
            .chunks(2)
            .zip(0u8..)
            .map(|(two, at)| {
                let mut path = [0; 32];
                path[0] = (u16::from(at) << (8 - depth)) as u8;
                above(forest, epoch, depth, &Index::new(path), two, work)
            })
            .collect();
    }
    Ok(row.pop().flatten())
}

/// The edge at `depth` over two at the depth below.
fn above<E: Engine>(
    forest: &Forest<E>,
    epoch: u64,
    depth: usize,
    path: &Index,
    two: &[Option<Edge>],
    work: &mut Work,
) -> Option<Edge> {
    match two {
        [Some(left), Some(right)] => {
            let edges = [left.clone(), right.clone()];
            Some(forest.branch(depth, depth, path, epoch, edges, work))
        }
        [Some(only), None] => Some(climbed(forest, depth, path, only)),
        [None, Some(only)] => {
            let mut right = *path.as_bytes();
            right[0] |= 0x80 >> depth;
            Some(climbed(forest, depth, &Index::new(right), only))
        }
        _ => None,
    }
}

/// The same edge, from one level higher.
fn climbed<E: Engine>(forest: &Forest<E>, depth: usize, path: &Index, edge: &Edge) -> Edge {
    Edge {
        hash: forest.map.climb(path, edge.hash, depth + 1, depth),
        child: match &edge.child {
            Child::Loaded(node) => Child::Loaded(node.clone()),
            other => other.clone(),
        },
    }
}

/// Calls `step` on every core until it says that it is done, or fails.
fn on_every_core(step: &(dyn Fn() -> Result<bool, Error> + Sync)) -> Result<(), Error> {
    let failed = AtomicBool::new(false);
    let run = || {
        while !failed.load(Ordering::Relaxed) {
            match step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (1..cores).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for thread in threads {
            match thread.join() {
                Ok(result) => done = done.and(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
