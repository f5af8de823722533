//! Opening the file: who may read it, what it holds, which layout it has.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, StorageError, TableHandle, WriteTransaction,
};
use ring::rand::{SecureRandom, SystemRandom};

use super::fingerprint::SIZE;
use super::schema::{self, META, SCHEMA, meta};
use super::{Options, upgrade};
use crate::{Error, Reason};

/// Opens or creates the file, and brings it to the present layout.
pub(super) fn open(path: &Path, options: &Options) -> Result<Database, Error> {
    if !path.exists() {
        create(path, options)?;
    }
    open_file(path, open_or_create(path)?, options)
}

/// Opens a store again whose file has failed.
pub(super) fn reopen(path: &Path, options: &Options) -> Result<Database, Error> {
    let mut existing = OpenOptions::new();
    let file = existing.read(true).write(true).open(path);
    let file = file.map_err(|error| unavailable(path, &error))?;
    // Pages that could not be written may stand in the kernel's memory as if they had been: what
    // counts is what is on disk. Where this is not possible, reopening is all that can be done.
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    let (database, content) = load(path, file, options)?;
    match content {
        Content::Store { schema: SCHEMA, .. } => Ok(database),
        // Never begin anew in its place: ids and replay keys would be free again.
        _ => Err(not_a_store(path, &"it is not the file that was open")),
    }
}

/// Makes a new store beside its place and then puts it there, so that a crash on the way leaves
/// nothing that could not be opened.
fn create(path: &Path, options: &Options) -> Result<(), Error> {
    let draft = draft(path);
    let file = open_or_create(&draft)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Reason::InUse(path.to_owned()).into(),
        TryLockError::Error(error) => unavailable(path, &error),
    })?;
    file.set_len(0).map_err(|error| unavailable(path, &error))?;
    drop(open_file(&draft, file, options)?);
    put_in_place(&draft, path).map_err(|error| unavailable(path, &error))
}

fn draft(path: &Path) -> PathBuf {
    let mut draft = OsString::from(path);
    draft.push(".new");
    draft.into()
}

/// A link, unlike renaming, never replaces a file that somebody else has put there meanwhile.
fn put_in_place(draft: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(draft, path) {
        Ok(()) => std::fs::remove_file(draft)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::remove_file(draft)?,
        // Some file systems have no links.
        Err(_) => std::fs::rename(draft, path)?,
    }
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn open_or_create(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| unavailable(path, &error))
}

fn load(path: &Path, file: File, options: &Options) -> Result<(Database, Content), Error> {
    let database = Database::builder()
        .set_cache_size(options.cache)
        .create_file(file)
        .map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Reason::InUse(path.to_owned()).into(),
            DatabaseError::Storage(StorageError::Io(error))
                if error.kind() != io::ErrorKind::InvalidData =>
            {
                unavailable(path, &error)
            }
            error => not_a_store(path, &error),
        })?;
    let content = content(&database).map_err(|error| match error {
        redb::Error::Io(error) => unavailable(path, &error),
        error => not_a_store(path, &error),
    })?;
    Ok((database, content))
}

fn open_file(path: &Path, file: File, options: &Options) -> Result<Database, Error> {
    let (database, content) = load(path, file, options)?;
    match content {
        Content::Store {
            schema: SCHEMA,
            upgrading: false,
        } => {}
        Content::Store { schema, .. } if schema > SCHEMA => {
            return Err(Reason::SchemaNewer {
                path: path.to_owned(),
                found: schema,
                known: SCHEMA,
            }
            .into());
        }
        Content::Store { schema: 1.., .. } => {
            upgrade::run(&database).map_err(|error| failed(path, error))?;
        }
        Content::Store { .. } | Content::Other => {
            return Err(not_a_store(path, &"it holds something else"));
        }
        Content::Nothing => found(&database).map_err(|error| failed(path, error))?,
    }
    Ok(database)
}

enum Content {
    Nothing,
    Other,
    Store {
        /// Its layout.
        schema: u64,
        /// Parts of an earlier one are left.
        upgrading: bool,
    },
}

fn content(database: &Database) -> Result<Content, redb::Error> {
    let transaction = database.begin_read()?;
    let mut tables = transaction.list_tables()?.peekable();
    if tables.peek().is_none() {
        return Ok(Content::Nothing);
    }
    if !tables.any(|table| table.name() == META.name()) {
        return Ok(Content::Other);
    }
    let table = transaction.open_table(META)?;
    let number = |name| Ok::<_, redb::Error>(table.get(name)?.map(|row| row.value()));
    Ok(match number(meta::SCHEMA)? {
        None => Content::Other,
        Some(schema) => Content::Store {
            schema,
            upgrading: number(meta::UPGRADING)?.is_some(),
        },
    })
}

/// Writes every table and the schema version into an empty file.
pub(super) fn found(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(META)?;
        table.insert(meta::NEXT, 1)?;
        table.insert(meta::INDEXED, 1)?;
    }
    make_tables(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// Makes every table, and writes what makes a file a store of the present layout.
pub(super) fn make_tables(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(schema::QUEUES)?;
    transaction.open_table(schema::OPEN)?;
    transaction.open_table(schema::DONE)?;
    transaction.open_table(schema::MARKS)?;
    transaction.open_table(schema::INDEX)?;
    transaction.open_table(schema::ROWS)?;
    let mut table = transaction.open_table(META)?;
    table.insert(meta::SCHEMA, SCHEMA)?;
    let mut salt = [0; SIZE];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let (halves, _) = salt.as_chunks();
    for (name, half) in meta::SALT.into_iter().zip(halves) {
        table.insert(name, u64::from_le_bytes(*half))?;
    }
    Ok(())
}

/// What an error at opening means for the caller.
pub(super) fn failed(path: &Path, error: redb::Error) -> Error {
    match error {
        redb::Error::Corrupted(_) | redb::Error::TableTypeMismatch { .. } => {
            not_a_store(path, &error)
        }
        error => unavailable(path, &error),
    }
}

fn unavailable(path: &Path, why: &dyn Display) -> Error {
    Error::Unavailable(format!("cannot open {}: {why}", path.display()))
}

fn not_a_store(path: &Path, why: &dyn Display) -> Error {
    Reason::NotAStore {
        path: path.to_owned(),
        detail: why.to_string(),
    }
    .into()
}
