//! Users, what waits in the queue, and when entries changed.

use transparency::map::{self, Index, Neighbor};

use super::{
    Change, Error, Pending, Queued, UserRecord,
    codec::{Reader, Writer, word},
};
use crate::engine::{Engine, Space, Write};

/// Stores what is known of a user.
pub(super) fn write(id: &str, record: &UserRecord) -> Write {
    let mut value = record.vrf.to_vec();
    value.extend_from_slice(record.proof.as_ref().map_or(&[], |proof| &proof[..]));
    Write::Put(Space::User, id.as_bytes().to_vec(), value)
}

/// What is known of a user.
pub(super) fn find<E: Engine>(engine: &E, id: &str) -> Result<Option<UserRecord>, Error> {
    // No engine takes a key without bytes, or one of more than 64 KiB.
    if id.is_empty() || id.len() > usize::from(u16::MAX) {
        return Ok(None);
    }
    let Some(record) = engine.get(Space::User, id.as_bytes())? else {
        return Ok(None);
    };
    let mut reader = Reader::new(&record, "a user");
    let vrf = reader.array()?;
    let proof = match reader.is_empty() {
        true => None,
        false => Some(reader.array()?),
    };
    reader.end()?;
    Ok(Some(UserRecord { vrf, proof }))
}

/// Stores an update that waits.
pub(super) fn enqueue(place: u64, pending: &Pending) -> Write {
    let mut writer = Writer::default();
    writer
        .bytes(pending.user.as_bytes())
        .raw(pending.index.as_bytes())
        .bytes(&pending.update)
        .bytes(&pending.committed);
    Write::Put(Space::Queue, place.to_be_bytes().to_vec(), writer.finish())
}

/// Everything that waits.
pub(super) fn queued<E: Engine>(engine: &E) -> Result<Vec<Queued>, Error> {
    let rows = engine.scan(Space::Queue, &[], &[], usize::MAX)?;
    rows.iter()
        .map(|(key, record)| {
            let mut reader = Reader::new(record, "an update that waits");
            let place = word(key, 0).ok_or_else(|| reader.damaged())?;
            let pending = Pending {
                user: reader.text()?.to_owned(),
                index: Index::new(reader.array()?),
                update: reader.bytes()?.to_vec(),
                committed: reader.bytes()?.to_vec(),
            };
            reader.end()?;
            Ok(Queued { place, pending })
        })
        .collect()
}

/// Stores a change, and how it is proven once other versions of the map are gone.
pub(super) fn change(index: &Index, change: Change, siblings: Option<&[Neighbor]>) -> Write {
    let siblings = siblings.unwrap_or_default();
    let mut writer = Writer::with_capacity(2 + 33 * siblings.len());
    writer.number(change.number.into());
    for neighbor in siblings {
        // Depths are 1 to 256.
        writer.byte((neighbor.depth - 1) as u8).raw(&neighbor.hash);
    }
    Write::Put(
        Space::Change,
        change_key(index, change.epoch),
        writer.finish(),
    )
}

/// The change of an entry in exactly this epoch.
pub(super) fn changed<E: Engine>(
    engine: &E,
    index: &Index,
    epoch: u64,
) -> Result<Option<(Change, map::Proof)>, Error> {
    let Some(record) = engine.get(Space::Change, &change_key(index, epoch))? else {
        return Ok(None);
    };
    let mut reader = Reader::new(&record, "a change");
    let number = reader.small()?;
    let mut siblings = Vec::new();
    while !reader.is_empty() {
        siblings.push(Neighbor {
            depth: usize::from(reader.byte()?) + 1,
            hash: reader.array()?,
        });
    }
    let proof = map::Proof::new(siblings).map_err(|_| reader.damaged())?;
    Ok(Some((Change { epoch, number }, proof)))
}

/// The newest change of an entry.
pub(super) fn newest<E: Engine>(engine: &E, index: &Index) -> Result<Option<Change>, Error> {
    let at = change_key(index, u64::MAX);
    let row = engine.newest(Space::Change, index.as_bytes(), &at)?;
    row.map(|(key, record)| decode(&key, &record)).transpose()
}

/// Changes of an entry, oldest first.
pub(super) fn changes<E: Engine>(
    engine: &E,
    index: &Index,
    from: u64,
    limit: usize,
) -> Result<Vec<Change>, Error> {
    let at = change_key(index, from);
    let rows = engine.scan(Space::Change, index.as_bytes(), &at, limit)?;
    rows.iter()
        .map(|(key, record)| decode(key, record))
        .collect()
}

fn decode(key: &[u8], record: &[u8]) -> Result<Change, Error> {
    let mut reader = Reader::new(record, "a change");
    Ok(Change {
        epoch: word(key, 32).ok_or_else(|| reader.damaged())?,
        number: reader.small()?,
    })
}

fn change_key(index: &Index, epoch: u64) -> Vec<u8> {
    [&index.as_bytes()[..], &epoch.to_be_bytes()].concat()
}
