//! Looking things up: each reader sees one commit.

use redb::{Database, ReadTransaction, ReadableDatabase};

use super::desk::Granted;
use super::fingerprint::Fingerprint;
use super::schema::{self, DoneRow, Number, OpenRow, Partition};
use crate::{Cursor, Error, Key, Lost, OrderId, Page, Row, State, Version};

type Result<T> = std::result::Result<T, redb::Error>;

/// What was committed when it began. Keep it for one question only: while it lives, the engine
/// cannot use again the pages that it may still look at.
pub(super) struct Reader(ReadTransaction);

impl Reader {
    pub(super) fn begin(database: &Database) -> std::result::Result<Self, Error> {
        answer(database.begin_read().map(Self).map_err(Into::into))
    }

    /// What the holders of these orders get to see; `None` for those that have ended.
    pub(super) fn claimed(
        self,
        granted: &[Granted],
    ) -> std::result::Result<Vec<Option<Claimed>>, Error> {
        answer(self.find_claimed(granted))
    }

    fn find_claimed(&self, granted: &[Granted]) -> Result<Vec<Option<Claimed>>> {
        let open = self.0.open_table(schema::OPEN)?;
        let rows = granted.iter().map(|one| {
            Ok(open.get(one.place.number)?.map(|row| {
                let row = OpenRow::read(row.value());
                Claimed {
                    order: row.order.into(),
                    body: row.body.to_vec(),
                }
            }))
        });
        rows.collect()
    }

    /// Where an order stands that is not open.
    pub(super) fn state(
        self,
        print: Fingerprint,
        end: Option<Number>,
    ) -> std::result::Result<State, Error> {
        answer(self.done(print, end, |row| row.result.to_vec())).map(|found| match found {
            Ended::Unknown => State::Unknown,
            Ended::Evicted => State::Evicted,
            Ended::Stored(result) => State::Finished(result),
        })
    }

    /// Why a lease is no longer held of an order that is not open.
    pub(super) fn lost(
        self,
        print: Fingerprint,
        end: Option<Number>,
    ) -> std::result::Result<Lost, Error> {
        answer(self.done(print, end, |row| row.token)).map(|found| match found {
            Ended::Stored(token) if token != 0 => Lost::Superseded,
            _ => Lost::Gone,
        })
    }

    /// What an order that is not open was submitted with, if it is stored.
    pub(super) fn memo(
        self,
        print: Fingerprint,
        end: Option<Number>,
    ) -> std::result::Result<Option<Vec<u8>>, Error> {
        answer(self.done(print, end, |row| row.memo.to_vec())).map(|found| match found {
            Ended::Stored(memo) => Some(memo),
            _ => None,
        })
    }

    /// What an open order was submitted with, unless it has ended meanwhile.
    pub(super) fn memo_of_open(
        self,
        number: Number,
    ) -> std::result::Result<Option<Vec<u8>>, Error> {
        let memo = || -> Result<_> {
            let open = self.0.open_table(schema::OPEN)?;
            let row = open.get(number)?;
            Ok(row.map(|row| OpenRow::read(row.value()).memo.to_vec()))
        };
        answer(memo())
    }

    /// Looks into the row of an order that has ended. Without the number of its end, which is in
    /// memory for a while, the index tells it.
    fn done<T>(
        &self,
        print: Fingerprint,
        end: Option<Number>,
        look: impl FnOnce(DoneRow<'_>) -> T,
    ) -> Result<Ended<T>> {
        let end = match end {
            Some(end) => Some(end),
            None => {
                let index = self.0.open_table(schema::INDEX)?;
                index.get(&print.0)?.map(|row| row.value())
            }
        };
        let Some(end) = end else {
            return Ok(Ended::Unknown);
        };
        let done = self.0.open_table(schema::DONE)?;
        Ok(match done.get(end)? {
            Some(row) => Ended::Stored(look(DoneRow::read(row.value()))),
            None => Ended::Evicted,
        })
    }

    /// The record under a key.
    pub(super) fn row(
        self,
        partition: Partition,
        key: &Key,
    ) -> std::result::Result<Option<Row>, Error> {
        answer(self.find_row(partition, key))
    }

    fn find_row(&self, partition: Partition, key: &Key) -> Result<Option<Row>> {
        let rows = self.0.open_table(schema::ROWS)?;
        Ok(rows
            .get((partition, key.as_bytes()))?
            .map(|row| record(key.clone(), row.value())))
    }

    /// A page of records: at most `limit`, and about as many as hold `most` bytes.
    pub(super) fn page(
        self,
        partition: Partition,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
        most: usize,
    ) -> std::result::Result<Page, Error> {
        answer(self.find_page(partition, prefix, cursor, limit, most))
    }

    fn find_page(
        &self,
        partition: Partition,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
        most: usize,
    ) -> Result<Page> {
        let mut page = Page {
            rows: Vec::new(),
            next: None,
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
}

/// What the holder of an order gets to see.
pub(super) struct Claimed {
    pub(super) order: OrderId,
    pub(super) body: Vec<u8>,
}

/// An order that is not open.
enum Ended<T> {
    /// Never submitted, or forgotten.
    Unknown,
    Evicted,
    Stored(T),
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
