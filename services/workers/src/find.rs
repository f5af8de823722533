use protocol::WorkerId;
use protocol::methods::worker::LookUp;
use protocol::record::WorkerRecord;
use store::{Cursor, Row};

use crate::registry::{PREFIX, key, partition, read};
use crate::{Error, Registry};

/// A worker that was found, with its record.
pub type Found = (WorkerId, WorkerRecord);

impl Registry {
    /// All workers that meet the criteria and stand after its tag, in the order of their ids.
    pub async fn look_up(&self, criteria: &LookUp) -> Result<Vec<Found>, Error> {
        let mut found = self.read_after(criteria.after.as_ref()).await?;
        found.retain(|(_, record)| criteria.matches(record));
        Ok(found)
    }

    /// All workers, in the order of their ids.
    pub async fn list(&self) -> Result<Vec<Found>, Error> {
        self.read_after(None).await
    }

    async fn read_after(&self, after: Option<&WorkerId>) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        let mut cursor = after.map(|id| Cursor::after(key(id)));
        loop {
            let page = self
                .table()
                .scan(&partition(), PREFIX.as_bytes(), cursor.as_ref(), PAGE)
                .await?;
            for row in &page.rows {
                found.push((id(row)?, read(row)?));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Records of one page of a scan.
const PAGE: usize = 256;

fn id(row: &Row) -> Result<WorkerId, Error> {
    row.key
        .as_bytes()
        .strip_prefix(PREFIX.as_bytes())
        .and_then(|id| std::str::from_utf8(id).ok())
        .and_then(|id| WorkerId::new(id).ok())
        .ok_or(Error::Damaged)
}
