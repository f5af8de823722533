//! The feed: every signed update with its opening, by epoch and number. Leaves of the map are references
//! into it, so that an entry is stored once.

use transparency::map::Index;

use super::{
    Change, Error, FeedItem, Leaf, Mutation,
    codec::{Reader, Writer, numbered},
};
use crate::engine::{Engine, Space, Write};

/// An update in the feed, as the engine lent it.
#[derive(Debug)]
pub(super) struct Found {
    change: Change,
    record: Vec<u8>,
    parts: Parts,
}

/// Where the parts of a record are.
#[derive(Clone, Copy, Debug)]
struct Parts {
    /// Where the id of the user is.
    user: (usize, usize),
    /// Where the signed update begins.
    update: usize,
    /// Where it ends, and the opening begins.
    committed: usize,
    index: Index,
    leaf: (usize, usize),
}

/// The record of an update: whose it is, where the index and the entry are within it, the entry's length,
/// and then the update itself and its opening.
pub(super) fn record(mutation: &Mutation) -> Result<Vec<u8>, Error> {
    let mismatch = || Error::Mismatch(mutation.index);
    let index = position(&mutation.update, mutation.index.as_bytes()).ok_or_else(mismatch)?;
    let leaf = position(&mutation.update, &mutation.leaf).ok_or_else(mismatch)?;
    let mut writer = Writer::with_capacity(
        mutation.update.len() + mutation.committed.len() + mutation.user.len() + 12,
    );
    writer
        .bytes(mutation.user.as_bytes())
        .number(index as u64)
        .number(leaf as u64)
        .number(mutation.leaf.len() as u64)
        .bytes(&mutation.update)
        .raw(&mutation.committed);
    Ok(writer.finish())
}

/// Stores an update.
pub(super) fn write(change: Change, mutation: &Mutation) -> Result<Write, Error> {
    let key = numbered(change.epoch, change.number);
    Ok(Write::Put(Space::Feed, key, record(mutation)?))
}

/// The update `number` of `epoch`.
pub(super) fn find<E: Engine>(engine: &E, epoch: u64, number: u32) -> Result<Found, Error> {
    match engine.get(Space::Feed, &numbered(epoch, number))? {
        Some(record) => Found::new(Change { epoch, number }, record.to_vec()),
        None => Err(Error::NoUpdate { epoch, number }),
    }
}

/// Up to `limit` updates of `epoch`, from number `from`.
pub(super) fn items<E: Engine>(
    engine: &E,
    epoch: u64,
    from: u32,
    limit: usize,
) -> Result<Vec<FeedItem>, Error> {
    let rows = engine.scan(
        Space::Feed,
        &epoch.to_be_bytes(),
        &numbered(epoch, from),
        limit,
    )?;
    rows.into_iter()
        .zip(from..)
        .map(|((_, record), number)| {
            let leaf = Found::new(Change { epoch, number }, record)?.into_leaf();
            Ok(FeedItem {
                user: leaf.user,
                number,
                update: leaf.update,
                committed: leaf.committed,
            })
        })
        .collect()
}

impl Found {
    pub(super) fn new(change: Change, record: Vec<u8>) -> Result<Self, Error> {
        let parts = parts(&record)?;
        Ok(Self {
            change,
            record,
            parts,
        })
    }

    pub(super) fn index(&self) -> Index {
        self.parts.index
    }

    pub(super) fn leaf(&self) -> &[u8] {
        let (from, to) = self.parts.leaf;
        &self.record[from..to]
    }

    pub(super) fn into_leaf(self) -> Leaf {
        let Parts {
            user,
            update,
            committed,
            index,
            ..
        } = self.parts;
        Leaf {
            // It was read as text when the record was.
            user: String::from_utf8_lossy(&self.record[user.0..user.1]).into_owned(),
            index,
            epoch: self.change.epoch,
            number: self.change.number,
            leaf: self.leaf().to_vec(),
            update: self.record[update..committed].to_vec(),
            committed: self.record[committed..].to_vec(),
        }
    }
}

fn parts(record: &[u8]) -> Result<Parts, Error> {
    let mut reader = Reader::new(record, "an update of the feed");
    let user = reader.text()?.len();
    let user_end = record.len() - reader.rest();
    let index: usize = reader.small()?;
    let leaf: usize = reader.small()?;
    let len: usize = reader.small()?;
    let update = reader.bytes()?;
    let committed = record.len() - reader.rest();
    let start = committed - update.len();
    let index = update
        .get(index..)
        .and_then(|bytes| bytes.first_chunk().copied())
        .ok_or_else(|| reader.damaged())?;
    let end = leaf.checked_add(len).filter(|end| *end <= update.len());
    Ok(Parts {
        user: (user_end - user, user_end),
        update: start,
        committed,
        index: Index::new(index),
        leaf: (start + leaf, start + end.ok_or_else(|| reader.damaged())?),
    })
}

/// Where `part` begins in `whole`.
fn position(whole: &[u8], part: &[u8]) -> Option<usize> {
    match part {
        [] => Some(0),
        [first, ..] => (0..whole.len())
            .filter(|at| whole[*at] == *first)
            .find(|at| whole[*at..].starts_with(part)),
    }
}
