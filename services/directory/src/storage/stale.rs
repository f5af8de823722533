//! Versions of branches that another epoch replaced, and their removal once nobody may ask for them.
//!
//! A version that was written by one epoch and replaced by a later one serves the epochs between. Each epoch
//! notes which versions it replaced; when it is the oldest that is kept, they go. Versions of an import stay:
//! they prove every entry in its first epoch.

use transparency::map::Index;

use super::{
    Error,
    codec::{Reader, Writer, numbered, word},
    node::Place,
};
use crate::engine::{Durability, Engine, Space, Write};

/// Notes that are read at once.
const AT_ONCE: usize = 64;

/// Versions in one note.
const NOTE: usize = 256;

/// Notes which versions `epoch` replaced.
pub(super) fn notes(epoch: u64, superseded: &[Place]) -> impl Iterator<Item = Write> {
    superseded.chunks(NOTE).zip(0..).map(move |(places, note)| {
        let mut writer = Writer::with_capacity(8 * NOTE);
        for place in places {
            let prefix = usize::from(place.depth).div_ceil(8);
            writer
                .byte(place.depth)
                .raw(&place.prefix.as_bytes()[..prefix])
                .number(place.epoch);
        }
        Write::Put(Space::Stale, numbered(epoch, note), writer.finish())
    })
}

/// Removes versions that were replaced up to epoch `oldest`, about `limit` of them; gives how many.
pub(super) fn collect<E: Engine>(engine: &E, oldest: u64, limit: usize) -> Result<usize, Error> {
    let mut writes = Vec::new();
    let mut removed = 0;
    let mut from = Vec::new();
    'notes: while removed < limit {
        let rows = engine.scan(Space::Stale, &[], &from, AT_ONCE)?;
        let more = rows.len() == AT_ONCE;
        for (key, note) in rows {
            if removed >= limit || word(&key, 0).is_none_or(|epoch| epoch > oldest) {
                break 'notes;
            }
            for place in places(&note)? {
                writes.push(Write::RemoveOnce(Space::Branch, place.key()));
                removed += 1;
            }
            // The least key that is greater.
            from = [&key[..], &[0]].concat();
            writes.push(Write::RemoveOnce(Space::Stale, key));
        }
        if !more {
            break;
        }
    }
    if !writes.is_empty() {
        engine.commit(writes, Durability::Later)?;
    }
    Ok(removed)
}

fn places(note: &[u8]) -> Result<Vec<Place>, Error> {
    let mut reader = Reader::new(note, "a note of replaced branches");
    let mut places = Vec::new();
    while !reader.is_empty() {
        let depth = reader.byte()?;
        let bits = reader.raw(usize::from(depth).div_ceil(8))?;
        let mut prefix = [0; 32];
        prefix[..bits.len()].copy_from_slice(bits);
        places.push(Place {
            depth,
            prefix: Index::new(prefix),
            epoch: reader.number()?,
        });
    }
    Ok(places)
}
