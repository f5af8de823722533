//! Where the last two checkpoints are.
//!
//! A slot is the place of a checkpoint, that of its data key, and SHA-256 of both. Slots are written after their
//! checkpoint was counted and are never trusted: whoever follows one ends at what the platform has counted, or
//! begins at the begin of the file.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use protocol::crypto::sha256;

use super::Error;
use super::record::Place;

/// Where the slots are: a disk's sector for each.
const SLOTS: [u64; 2] = [512, 1024];
/// Bytes of a slot.
const SIZE: usize = 2 * Place::SIZE + 32;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hint {
    /// The checkpoint.
    pub(super) checkpoint: Place,
    /// What it is sealed with.
    pub(super) key: Place,
}

impl Hint {
    /// Both hints, if they are whole, the latest checkpoint first.
    pub(super) fn read(file: &File) -> Vec<Self> {
        let mut found: Vec<_> = SLOTS.into_iter().filter_map(|at| read(file, at)).collect();
        found.sort_by_key(|hint| std::cmp::Reverse(hint.checkpoint.number));
        found
    }

    /// Replaces the older one. Nothing waits for the disk: a torn slot is passed over.
    pub(super) fn write(&self, file: &File) -> Result<(), Error> {
        let numbers = SLOTS.map(|at| read(file, at).map(|hint| hint.checkpoint.number));
        let [first, second] = SLOTS;
        let at = if numbers[0] <= numbers[1] {
            first
        } else {
            second
        };
        let places = [self.checkpoint.to_bytes(), self.key.to_bytes()].concat();
        let slot = [&places[..], &sha256(&[&places])].concat();
        file.write_all_at(&slot, at)
            .map_err(Error::file("write to"))
    }
}

fn read(file: &File, at: u64) -> Option<Hint> {
    let mut slot = [0; SIZE];
    file.read_exact_at(&mut slot, at).ok()?;
    let (places, check) = slot.split_at(2 * Place::SIZE);
    if sha256(&[places]) != check {
        return None;
    }
    let (checkpoint, key) = places.split_first_chunk()?;
    Some(Hint {
        checkpoint: Place::from_bytes(checkpoint)?,
        key: Place::from_bytes(key.first_chunk()?)?,
    })
}
