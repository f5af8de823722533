//! fjall: a log-structured store, so that thousands of scattered branches go to disk as one append.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Slice};

use super::{Durability, Engine, EngineError, Limits, Row, Space, Write};

/// Bytes of journal, after which what it holds is written to its place.
const JOURNAL: u64 = 64 << 20;

/// The engine of the directory.
pub struct Fjall {
    folder: PathBuf,
    database: Database,
    spaces: Vec<Keyspace>,
}

impl fmt::Debug for Fjall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fjall")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Fjall {
    fn space(&self, space: Space) -> &Keyspace {
        &self.spaces[space as usize]
    }

    fn failed(&self, error: impl Into<fjall::Error>) -> EngineError {
        failed(&self.folder, error.into())
    }
}

impl Engine for Fjall {
    type Value = Slice;

    fn open(folder: &Path, limits: &Limits) -> Result<Self, EngineError> {
        let opened = || -> fjall::Result<_> {
            let database = Database::builder(folder)
                .cache_size(limits.cache)
                .max_journaling_size(JOURNAL)
                .manual_journal_persist(true)
                .worker_threads(2)
                .open()?;
            let spaces = Space::ALL
                .iter()
                .map(|space| database.keyspace(space.name(), || tuned(*space, limits)))
                .collect::<fjall::Result<Vec<_>>>()?;
            Ok((database, spaces))
        };
        let (database, spaces) = opened().map_err(|error| failed(folder, error))?;
        Ok(Self {
            folder: folder.to_owned(),
            database,
            spaces,
        })
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.space(space).get(key).map_err(|e| self.failed(e))
    }

    fn newest(&self, space: Space, prefix: &[u8], at: &[u8]) -> Result<Option<Row>, EngineError> {
        let Some(guard) = self.space(space).range(prefix..=at).next_back() else {
            return Ok(None);
        };
        let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
        Ok(key
            .starts_with(prefix)
            .then(|| (key.to_vec(), value.to_vec())))
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, EngineError> {
        let mut rows = Vec::new();
        for guard in self.space(space).range(from.max(prefix)..).take(limit) {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            if !key.starts_with(prefix) {
                break;
            }
            rows.push((key.to_vec(), value.to_vec()));
        }
        Ok(rows)
    }

    fn commit(&self, writes: Vec<Write>, durability: Durability) -> Result<(), EngineError> {
        let mut batch = self.database.batch().durability(match durability {
            Durability::Now => Some(PersistMode::SyncData),
            Durability::Later => None,
        });
        for write in writes {
            match write {
                Write::Put(space, key, value) => batch.insert(self.space(space), key, value),
                Write::Remove(space, key) => batch.remove(self.space(space), key),
                Write::RemoveOnce(space, key) => batch.remove_weak(self.space(space), key),
            }
        }
        batch.commit().map_err(|e| self.failed(e))
    }

    fn settle(&self) -> Result<(), EngineError> {
        let settled = || -> fjall::Result<()> {
            self.database.persist(PersistMode::SyncAll)?;
            for space in &self.spaces {
                space.rotate_memtable_and_wait()?;
                space.major_compact()?;
            }
            Ok(())
        };
        settled().map_err(|e| self.failed(e))
    }
}

/// How a kind of record is kept: those that much is written of have more room before it goes to its place.
/// Nothing is compressed: almost all of it is hashes, keys and signatures.
fn tuned(space: Space, limits: &Limits) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(match space {
        Space::Branch | Space::Feed => limits.write_buffer / 2,
        _ => limits.write_buffer / 4,
    })
}

fn failed(folder: &Path, error: fjall::Error) -> EngineError {
    match error {
        fjall::Error::Locked => EngineError::InUse(folder.to_owned()),
        error => EngineError::Failed {
            folder: folder.to_owned(),
            reason: error.to_string(),
        },
    }
}
