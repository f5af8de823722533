//! Opening the file: who may read it, what it holds, which layout it has.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::{Database, DatabaseError, ReadableDatabase, StorageError, TableError};

use super::Options;
use super::ledger::Ledger;
use super::schema::{META, SCHEMA, meta};
use crate::{Error, Reason};

/// Opens or creates the file; returns also the last time it has seen.
pub(super) fn open(path: &Path, options: &Options) -> Result<(Database, u64), Error> {
    let unavailable = |why: &dyn std::fmt::Display| {
        Error::Unavailable(format!("cannot open {}: {why}", path.display()))
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| unavailable(&error))?;
    let database = Database::builder()
        .set_cache_size(options.cache)
        .create_file(file)
        .map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Reason::InUse(path.to_owned()).into(),
            DatabaseError::Storage(StorageError::Io(error))
                if error.kind() != std::io::ErrorKind::InvalidData =>
            {
                unavailable(&error)
            }
            error => not_a_store(path, &error),
        })?;
    let found = found(&database).map_err(|error| not_a_store(path, &error))?;
    match found {
        Some((SCHEMA, last)) => Ok((database, last)),
        Some((found, _)) => Err(Reason::SchemaNewer {
            path: path.to_owned(),
            found,
            known: SCHEMA,
        }
        .into()),
        None => {
            create(&database, options).map_err(|error| unavailable(&error))?;
            Ok((database, 0))
        }
    }
}

/// The schema version and the last time of a file; `None` if it is fresh.
fn found(database: &Database) -> Result<Option<(u64, u64)>, redb::Error> {
    let meta = match database.begin_read()?.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        other => other?,
    };
    let number = |name| Ok::<_, redb::Error>(meta.get(name)?.map(|row| row.value()));
    let last = number(meta::CLOCK)?.unwrap_or(0);
    Ok(number(meta::SCHEMA)?.map(|schema| (schema, last)))
}

/// Writes every table and the schema version into a fresh file.
fn create(database: &Database, options: &Options) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    Ledger::begin(&transaction, options, 0)?.found_store()?;
    transaction.commit()?;
    Ok(())
}

fn not_a_store(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Reason::NotAStore {
        path: path.to_owned(),
        detail: error.to_string(),
    }
    .into()
}
