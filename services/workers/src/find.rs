use protocol::WorkerId;
use protocol::methods::worker::LookUp;
use protocol::record::WorkerRecord;
use store::Cursor;

use crate::entry::{RECORDS, id, partition, read, record_key};
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
        let mut cursor = after.map(|id| Cursor::after(record_key(id)));
        loop {
            let page = self
                .table()
                .scan(&partition(), RECORDS.as_bytes(), cursor.as_ref(), PAGE)
                .await?;
            for row in &page.rows {
                found.push((id(row, RECORDS)?, read(row)?));
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
