//! Whether a worker's processes are there: its record says off-line when they are not.

use std::time::Duration;

use protocol::WorkerId;
use store::{Committed, Cursor};

use crate::entry::{NOTES, Notes, Stored, id, partition, read};
use crate::registry::milliseconds;
use crate::{Attended, Error, Registry};

impl Registry {
    /// Notes that these workers have processes; to be called every now and then. One that was
    /// off-line for want of any becomes active again.
    pub async fn attend(&self, present: &[Attended]) -> Result<(), Error> {
        for some in present.chunks(BATCH) {
            let now = milliseconds(self.table().time().await?);
            let mut writes = Vec::new();
            for attended in some {
                let id = &attended.worker;
                let stored = Stored::get(self.table(), id).await?;
                let mut entry = stored.entry.clone();
                entry.attend(now);
                entry.attend_generations(attended, now);
                writes.extend(stored.replace(id, entry, now)?);
            }
            if let Committed::Conflict(_) = self.table().commit(&partition(), writes).await? {
                // Somebody has changed one of them just now. Each for itself gets through.
                for attended in some {
                    self.change(&attended.worker, |entry, now| {
                        entry.attend(now);
                        entry.attend_generations(attended, now);
                        Ok(())
                    })
                    .await?;
                }
            }
        }
        Ok(())
    }

    /// Sets active workers off-line whose processes have been gone for the time `grace`, and
    /// returns them. Workers that have never signed up are left alone: they may be reached in
    /// other ways.
    pub async fn lapse(&self, grace: Duration) -> Result<Vec<WorkerId>, Error> {
        let now = milliseconds(self.table().time().await?);
        let mut lapsed = Vec::new();
        for (worker, notes) in self.notes().await? {
            if notes.is_gone(grace, now)
                && self
                    .change(&worker, |entry, now| Ok(entry.lapse(grace, now)))
                    .await?
            {
                lapsed.push(worker);
            }
        }
        Ok(lapsed)
    }

    /// All notes, in the order of the workers' ids.
    pub(crate) async fn notes(&self) -> Result<Vec<(WorkerId, Notes)>, Error> {
        let mut found = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let page = self
                .table()
                .scan(&partition(), NOTES.as_bytes(), cursor.as_ref(), BATCH)
                .await?;
            for row in &page.rows {
                found.push((id(row, NOTES)?, read(row)?));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Workers in one step.
const BATCH: usize = 256;
