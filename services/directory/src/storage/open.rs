//! Opening a store: what it is of, whether its end is sound, and the top of the tree into memory.

use std::{
    path::Path,
    sync::{Arc, Mutex, RwLock, atomic::AtomicU64},
};

use transparency::{
    log::Frontier,
    map::{Index, MapId},
};

use super::{
    Error, Options, Storage, codec, feed,
    heads::{self, Record},
    import,
    node::{Child, Edge, Node},
    seal::{Writer, meta, publish},
    tree::Forest,
    users,
};
use crate::engine::{Durability, Engine, Space};

/// What these stores are.
const FORMAT: &str = "sconce directory 1";
const FORMAT_KEY: &str = "format";
const MAP: &str = "map";
/// The checkpoint of the newest epoch.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The oldest epoch that is kept.
pub(super) const OLDEST: &str = "oldest";
/// The epochs that were imported.
pub(super) const IMPORTED: &str = "imported";

/// Opens a store, or makes one.
pub(super) fn open<E: Engine>(folder: &Path, options: Options) -> Result<Storage<E>, Error> {
    let engine = Arc::new(E::open(folder, &options.limits)?);
    check_kind(&*engine, &options.map)?;
    import::undo_unfinished(&*engine)?;
    let forest = Arc::new(Forest {
        engine: Arc::clone(&engine),
        map: options.map.clone(),
        levels: options.levels,
    });
    let newest = newest(&forest)?;
    let frontier = match &newest {
        Some(record) => checked_log(&*engine, record)?,
        None => Frontier::new(),
    };
    let place = users::queued(&*engine)?
        .last()
        .map_or(0, |last| last.place + 1);
    let checkpoint = value(&*engine, CHECKPOINT)?.unwrap_or_default();
    let storage = Storage {
        published: RwLock::new(None),
        writer: Mutex::new(Writer {
            newest,
            checkpoint: checkpoint.clone(),
            frontier,
            imported: words(&*engine, IMPORTED)?,
            broken: false,
        }),
        oldest: AtomicU64::new(words(&*engine, OLDEST)?.first().copied().unwrap_or(0)),
        place: AtomicU64::new(place),
        engine,
        forest,
        options,
    };
    let mut writer = storage.writer();
    if writer.newest.is_some() {
        publish(&storage, &mut writer, checkpoint)?;
    }
    drop(writer);
    Ok(storage)
}

/// A record of [`Space::Meta`].
fn value<E: Engine>(engine: &E, key: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(engine
        .get(Space::Meta, key.as_bytes())?
        .map(|value| value.to_vec()))
}

/// The words in a record of [`Space::Meta`].
fn words<E: Engine>(engine: &E, key: &str) -> Result<Vec<u64>, Error> {
    let value = value(engine, key)?.unwrap_or_default();
    Ok(value
        .chunks_exact(8)
        .filter_map(|chunk| codec::word(chunk, 0))
        .collect())
}

/// Refuses stores of other maps and formats, and marks a new one.
fn check_kind<E: Engine>(engine: &E, map: &MapId) -> Result<(), Error> {
    for (key, wanted) in [(FORMAT_KEY, FORMAT), (MAP, map.as_str())] {
        match value(engine, key)? {
            Some(found) if found == wanted.as_bytes() => {}
            Some(found) => {
                return Err(Error::Foreign {
                    found: format!("{key} {:?}", String::from_utf8_lossy(&found)),
                    wanted: format!("{key} {wanted:?}"),
                });
            }
            None => {
                let batch = vec![meta(key, wanted.as_bytes().to_vec())];
                engine.commit(batch, Durability::Now)?;
            }
        }
    }
    Ok(())
}

/// The newest epoch, checked, with the top of its tree in memory.
fn newest<E: Engine>(forest: &Forest<E>) -> Result<Option<Record>, Error> {
    let Some(mut record) = heads::newest(&*forest.engine)? else {
        return Ok(None);
    };
    let head = &record.head;
    let root = match &record.root {
        Some(edge) => edge.hash,
        None => forest.map.empty(0, &Index::new([0; 32])),
    };
    if root != head.root {
        return Err(Error::Damaged(format!(
            "the map of epoch {} has another root than its head",
            head.epoch
        )));
    }
    if let Some(last) = head.mutations.checked_sub(1) {
        feed::find(&*forest.engine, head.epoch, last)?;
    }
    record.root = match &record.root {
        Some(edge) => Some(loaded(forest, edge, 0, true)?),
        None => None,
    };
    Ok(Some(record))
}

/// An edge at `depth` with all that is above the levels in memory, checked: each branch has the hash that
/// the one above says. At the first branch the work is `shared` by two threads.
fn loaded<E: Engine>(
    forest: &Forest<E>,
    edge: &Edge,
    depth: usize,
    shared: bool,
) -> Result<Edge, Error> {
    let Child::Stored(place) = &edge.child else {
        return Ok(edge.clone());
    };
    let at = usize::from(place.depth);
    if at >= forest.levels {
        return Ok(edge.clone());
    }
    let node = forest.load(place)?;
    if forest.map.climb(&place.prefix, node.hash(), at, depth) != edge.hash {
        return Err(Error::Damaged(format!(
            "a branch of epoch {} at depth {at} has another hash than the one above it says",
            place.epoch
        )));
    }
    let [left, right] = &node.edges;
    let left = || loaded(forest, left, at + 1, false);
    let right = || loaded(forest, right, at + 1, false);
    let (left, right) = match shared {
        true => std::thread::scope(|scope| {
            let right = scope.spawn(right);
            let left = left();
            match right.join() {
                Ok(right) => (left, right),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }),
        false => (left(), right()),
    };
    Ok(Edge {
        hash: edge.hash,
        child: Child::Loaded(Arc::new(Node {
            place: node.place,
            edges: [left?, right?],
        })),
    })
}

/// The edge of the log, which must lead to the root that the head says.
fn checked_log<E: Engine>(engine: &E, record: &Record) -> Result<Frontier, Error> {
    let frontier = heads::frontier(engine, record.head.epoch + 1)?;
    if frontier.root() == record.head.log_root {
        Ok(frontier)
    } else {
        Err(Error::Damaged(format!(
            "the log of epoch {} has another root than its head",
            record.head.epoch
        )))
    }
}
