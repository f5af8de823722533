//! Looking things up: each reader sees one commit.

use redb::{Database, ReadTransaction, ReadableDatabase, TableError};

use super::schema::{self, Number, Open, Time, meta};
use crate::{Counts, Cursor, Error, Key, OrderId, Page, PartitionId, Row, State, Version};

type Result<T> = std::result::Result<T, redb::Error>;

/// What was committed when it began. Keep it for one question only: while it lives, the engine
/// cannot use again the pages that it may still look at.
pub(super) struct Reader(ReadTransaction);

impl Reader {
    pub(super) fn begin(database: &Database) -> std::result::Result<Self, Error> {
        answer(database.begin_read().map(Self).map_err(Into::into))
    }

    /// Where an order stands at this time.
    pub(super) fn state(self, order: &OrderId, now: Time) -> std::result::Result<State, Error> {
        answer(self.find_state(order, now))
    }

    fn find_state(&self, order: &OrderId, now: Time) -> Result<State> {
        let ids = self.0.open_table(schema::IDS)?;
        let Some(place) = ids.get(order.as_bytes())?.map(|row| row.value()) else {
            return Ok(State::Unknown);
        };
        if let Some(row) = self.0.open_table(schema::OPEN)?.get(place)? {
            let held = Open::read(row.value()).held_at(now);
            return Ok(if held { State::Leased } else { State::Queued });
        }
        let results = self.0.open_table(schema::RESULTS)?;
        Ok(match results.get(place.1)? {
            Some(result) => State::Finished(result.value().to_vec()),
            None => State::Evicted,
        })
    }

    /// What an order that is stored was submitted with.
    pub(super) fn memo(self, order: &OrderId) -> std::result::Result<Option<Vec<u8>>, Error> {
        answer(self.find_memo(order))
    }

    fn find_memo(&self, order: &OrderId) -> Result<Option<Vec<u8>>> {
        let ids = self.0.open_table(schema::IDS)?;
        let Some(place) = ids.get(order.as_bytes())?.map(|row| row.value()) else {
            return Ok(None);
        };
        let stored = self.0.open_table(schema::OPEN)?.get(place)?.is_some()
            || self.0.open_table(schema::CLOSED)?.get(place.1)?.is_some();
        if !stored {
            return Ok(None);
        }
        let memos = match self.0.open_table(schema::MEMOS) {
            // Nothing was submitted to this file since there are memos.
            Err(TableError::TableDoesNotExist(_)) => return Ok(Some(Vec::new())),
            memos => memos?,
        };
        let memo = memos.get(place.1)?.map(|memo| memo.value().to_vec());
        Ok(Some(memo.unwrap_or_default()))
    }

    /// When the next order of a partition may be claimed, if there is any.
    pub(super) fn next_due(
        self,
        partition: &PartitionId,
    ) -> std::result::Result<Option<Time>, Error> {
        answer(self.find_next_due(partition))
    }

    fn find_next_due(&self, partition: &PartitionId) -> Result<Option<Time>> {
        let Some(partition) = self.partition(partition)? else {
            return Ok(None);
        };
        let due = self.0.open_table(schema::DUE)?;
        let mut range = due.range((partition, 0, 0)..=(partition, Time::MAX, Number::MAX))?;
        Ok(match range.next() {
            Some(entry) => Some(entry?.0.value().1),
            None => None,
        })
    }

    pub(super) fn counts(self) -> std::result::Result<Counts, Error> {
        answer(self.find_counts())
    }

    fn find_counts(&self) -> Result<Counts> {
        let table = self.0.open_table(schema::META)?;
        let number = |name| Ok::<_, redb::Error>(table.get(name)?.map_or(0, |row| row.value()));
        Ok(Counts {
            queued: number(meta::QUEUED)?,
            leased: number(meta::LEASED)?,
            finished: number(meta::FINISHED)?,
        })
    }

    /// The record under a key.
    pub(super) fn row(
        self,
        partition: &PartitionId,
        key: &Key,
    ) -> std::result::Result<Option<Row>, Error> {
        answer(self.find_row(partition, key))
    }

    fn find_row(&self, partition: &PartitionId, key: &Key) -> Result<Option<Row>> {
        let Some(partition) = self.partition(partition)? else {
            return Ok(None);
        };
        let rows = self.0.open_table(schema::ROWS)?;
        Ok(rows
            .get((partition, key.as_bytes()))?
            .map(|row| record(key.clone(), row.value())))
    }

    /// A page of records: at most `limit`, and about as many as hold `most` bytes.
    pub(super) fn page(
        self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
        most: usize,
    ) -> std::result::Result<Page, Error> {
        answer(self.find_page(partition, prefix, cursor, limit, most))
    }

    fn find_page(
        &self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
        most: usize,
    ) -> Result<Page> {
        let mut page = Page {
            rows: Vec::new(),
            next: None,
        };
        let Some(partition) = self.partition(partition)? else {
            return Ok(page);
        };
        let table = self.0.open_table(schema::ROWS)?;
        let after = cursor.map(|cursor| cursor.key().as_bytes());
        let first = after.unwrap_or(prefix).max(prefix);
        let mut bytes = 0;
        for entry in table.range((partition, first)..)? {
            let (key, value) = entry?;
            let (owner, key) = key.value();
            if owner != partition || !key.starts_with(prefix) {
                break;
            }
            if after.is_some_and(|after| key <= after) {
                continue;
            }
            bytes += key.len() + value.value().1.len();
            let full = page.rows.len() >= limit || (bytes > most && !page.rows.is_empty());
            if full {
                page.next = page.rows.last().map(|row| Cursor::after(row.key.clone()));
                break;
            }
            page.rows.push(record(key.into(), value.value()));
        }
        Ok(page)
    }

    fn partition(&self, name: &PartitionId) -> Result<Option<schema::Partition>> {
        let partitions = self.0.open_table(schema::PARTITIONS)?;
        Ok(partitions.get(name.as_bytes())?.map(|row| row.value()))
    }
}

fn record(key: Key, (version, value): (u64, &[u8])) -> Row {
    Row {
        key,
        version: Version(version),
        value: value.to_vec(),
    }
}

/// A read changes nothing, so whatever goes wrong with it, nothing happened.
fn answer<T>(result: Result<T>) -> std::result::Result<T, Error> {
    result.map_err(|error| Error::Unavailable(error.to_string()))
}
