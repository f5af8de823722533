//! Writing records of the `Table`.

use std::collections::HashSet;

use redb::ReadableTable;

use super::ledger::{Ledger, Result as Outcome};
use super::writer::Operation;
use super::{Options, check_key, check_size};
use crate::{Committed, Error, PartitionId, Reason, Version, Write};

/// Whether a batch keeps to the limits.
pub(super) fn check(batch: &[Write], options: &Options) -> Result<(), Error> {
    let (size, limit) = (batch.len(), options.max_batch);
    if size > limit {
        return Err(Reason::BatchTooLarge { size, limit }.into());
    }
    let mut keys = HashSet::with_capacity(batch.len());
    for write in batch {
        check_key("the key of a record", write.key().as_bytes(), options)?;
        if let Write::Put { value, .. } = write {
            check_size("a record", value, options.max_value)?;
        }
        if !keys.insert(write.key()) {
            return Err(Reason::KeyTwice.into());
        }
    }
    Ok(())
}

pub(super) struct Commit {
    pub(super) partition: PartitionId,
    pub(super) batch: Vec<Write>,
}

impl Operation for Commit {
    type Answer = Committed;

    fn size(&self) -> usize {
        let values = self.batch.iter().map(|write| match write {
            Write::Put { value, .. } => value.len(),
            Write::Delete { .. } => 0,
        });
        values.sum()
    }

    fn perform(&self, ledger: &mut Ledger<'_>) -> Outcome<Committed> {
        let known = ledger.partition(&self.partition);
        for write in &self.batch {
            let found = match known {
                Some(partition) => {
                    let rows = ledger.rows.table()?;
                    rows.get((partition, write.key().as_bytes()))?
                }
                None => None,
            };
            let version = found.map(|row| Version(row.value().0));
            if !write.expected().fits(version) {
                return Ok(Committed::Conflict(write.key().clone()));
            }
        }
        let partition = ledger.partition_or_new(&self.partition)?;
        let version = ledger.next()?;
        for write in &self.batch {
            let place = (partition, write.key().as_bytes());
            match write {
                Write::Put { value, .. } => {
                    ledger
                        .rows
                        .table()?
                        .insert(place, (version, value.as_slice()))?;
                }
                Write::Delete { .. } => {
                    ledger.rows.table()?.remove(place)?;
                }
            }
        }
        ledger.changed = true;
        ledger.stamp = true;
        Ok(Committed::Done(Version(version)))
    }
}
