//! redb under the same store: a tree on disk that is changed in place, page by page.

use std::path::{Path, PathBuf};

use ::redb::{
    Database, DatabaseError, Durability as When, ReadOnlyTable, ReadableDatabase, StorageError,
    TableDefinition, TableError,
};
use directory::engine::{Durability, Engine, EngineError, Limits, Row, Space, Write};

/// redb.
pub(crate) struct Redb {
    folder: PathBuf,
    database: Database,
}

type Reading = ReadOnlyTable<&'static [u8], &'static [u8]>;
type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

fn table(space: Space) -> Table {
    TableDefinition::new(space.name())
}

impl Redb {
    fn failed(&self, error: impl ToString) -> EngineError {
        failed(&self.folder, error)
    }

    /// Reads in one space; nothing, if nothing was ever written there.
    fn read<T>(
        &self,
        space: Space,
        read: impl FnOnce(&Reading) -> Result<T, StorageError>,
        nothing: T,
    ) -> Result<T, EngineError> {
        let transaction = self.database.begin_read().map_err(|e| self.failed(e))?;
        match transaction.open_table(table(space)) {
            Ok(table) => read(&table).map_err(|e| self.failed(e)),
            Err(TableError::TableDoesNotExist(_)) => Ok(nothing),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn write(&self, batch: Vec<Write>, when: When) -> Result<(), ::redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(when)?;
        for write in batch {
            match write {
                Write::Put(space, key, value) => {
                    transaction
                        .open_table(table(space))?
                        .insert(&key[..], &value[..])?;
                }
                Write::Remove(space, key) | Write::RemoveOnce(space, key) => {
                    transaction.open_table(table(space))?.remove(&key[..])?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Engine for Redb {
    type Value = Vec<u8>;

    fn open(folder: &Path, limits: &Limits) -> Result<Self, EngineError> {
        let opened = Database::builder()
            .set_cache_size((limits.cache + limits.write_buffer) as usize)
            .create(folder.join("redb"));
        match opened {
            Ok(database) => Ok(Self {
                folder: folder.to_owned(),
                database,
            }),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(EngineError::InUse(folder.to_owned())),
            Err(error) => Err(failed(folder, error)),
        }
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let read = |table: &Reading| Ok(table.get(key)?.map(|value| value.value().to_vec()));
        self.read(space, read, None)
    }

    fn newest(&self, space: Space, prefix: &[u8], at: &[u8]) -> Result<Option<Row>, EngineError> {
        let row = self.read(
            space,
            |table| {
                let last = table.range(prefix..=at)?.next_back().transpose()?;
                Ok(last.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
            },
            None,
        )?;
        Ok(row.filter(|(key, _)| key.starts_with(prefix)))
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, EngineError> {
        let read = |table: &Reading| {
            let mut rows = Vec::new();
            for row in table.range(from.max(prefix)..)?.take(limit) {
                let (key, value) = row?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                rows.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(rows)
        };
        self.read(space, read, Vec::new())
    }

    fn commit(&self, mut batch: Vec<Write>, durability: Durability) -> Result<(), EngineError> {
        // Neighbouring keys share pages; which batch wrote a key last is all that order decides.
        batch.sort_by(|a, b| at(a).cmp(&at(b)));
        let when = match durability {
            Durability::Now => When::Immediate,
            Durability::Later => When::None,
        };
        self.write(batch, when).map_err(|e| self.failed(e))
    }

    fn settle(&self) -> Result<(), EngineError> {
        self.write(Vec::new(), When::Immediate)
            .map_err(|e| self.failed(e))
    }
}

fn at(write: &Write) -> (&'static str, &[u8]) {
    match write {
        Write::Put(space, key, _) | Write::Remove(space, key) | Write::RemoveOnce(space, key) => {
            (space.name(), key)
        }
    }
}

fn failed(folder: &Path, error: impl ToString) -> EngineError {
    EngineError::Failed {
        folder: folder.to_owned(),
        reason: error.to_string(),
    }
}
