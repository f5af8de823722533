use std::time::Duration;

use store::{Committed, Expected, Write};

use crate::rows::{TIMES, partition, record_key, remove, time_and_order, update_key};
use crate::{Error, Receipts};

/// How long receipts are kept unless told otherwise: 30 days.
pub const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often old receipts are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// Receipts that one step drops: with all that belongs to them they make one batch.
const BATCH: usize = 14;

/// Between two steps, so that others get their turn.
const BREATH: Duration = Duration::from_millis(5);

impl Receipts {
    /// Drops old receipts from time to time, for as long as it's polled.
    pub async fn keep(self, retention: Duration) {
        loop {
            loop {
                match self.evict(retention).await {
                    Ok(0) => break,
                    Ok(count) => tracing::debug!(receipts = count, "old receipts were dropped"),
                    Err(error) => {
                        tracing::warn!(%error, "old receipts could not be dropped, the next sweep tries again");
                        break;
                    }
                }
                tokio::time::sleep(BREATH).await;
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// Drops some receipts, with their updates, that were created at least `retention` ago: the
    /// oldest first. Returns how many; 0 when there are no more.
    pub async fn evict(&self, retention: Duration) -> Result<usize, Error> {
        let newest = self.now().await?.saturating_sub(retention.as_secs());
        let page = self.table().scan(&partition(), TIMES, None, BATCH).await?;
        let mut batch = Vec::new();
        let mut dropped = 0;
        for row in page.rows {
            let (created, id) = time_and_order(&row.key)?;
            if created > newest {
                break;
            }
            dropped += 1;
            let Some((stored, version)) = self.read(&id).await? else {
                batch.push(remove(row.key));
                continue;
            };
            batch.push(Write::Delete {
                key: record_key(&id),
                expected: Expected::Version(version),
            });
            batch.extend(stored.listed().map(remove));
            batch.extend((1..=stored.updates).map(|number| remove(update_key(&id, number))));
        }
        if batch.is_empty() {
            return Ok(0);
        }
        match self.table().commit(&partition(), batch).await? {
            Committed::Done(_) => Ok(dropped),
            Committed::Conflict(_) => Err(Error::Contended),
        }
    }
}
