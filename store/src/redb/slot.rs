//! The open database, or the lack of one while it is opened again.

use std::sync::{PoisonError, RwLock};

use redb::Database;

use crate::Error;

/// Where the database is while it is open. Only the writer thread takes it out and puts it back.
pub(super) struct Slot {
    database: RwLock<Option<Database>>,
    reopen: Box<dyn Fn() -> Result<Database, Error> + Send + Sync>,
}

impl Slot {
    pub(super) fn new(
        database: Database,
        reopen: impl Fn() -> Result<Database, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            database: RwLock::new(Some(database)),
            reopen: Box::new(reopen),
        }
    }

    /// Uses the database, if it is open.
    pub(super) fn with<T>(&self, usage: impl FnOnce(&Database) -> T) -> Result<T, Error> {
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map(usage).ok_or_else(out_of_order)
    }

    /// Takes the database out, which frees its file as soon as nobody uses it.
    pub(super) fn close(&self) {
        drop(self.swap(None));
    }

    /// Opens it again, for [`put`](Self::put).
    pub(super) fn reopen(&self) -> Result<Database, Error> {
        (self.reopen)()
    }

    /// Puts it back.
    pub(super) fn put(&self, database: Database) {
        drop(self.swap(Some(database)));
    }

    fn swap(&self, database: Option<Database>) -> Option<Database> {
        let slot = self.database.write();
        std::mem::replace(&mut *slot.unwrap_or_else(PoisonError::into_inner), database)
    }
}

/// What callers are told until the file works again.
pub(super) fn out_of_order() -> Error {
    Error::Unavailable("its disk failed or is full, see the log".into())
}
