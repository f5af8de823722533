//! What an auditor remembers: each entry, each head's root, the edge of the log, and checkpoints that it
//! has seen and not reached yet. A file, changed by whole transactions.

use std::path::{Path, PathBuf};

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};
use serde::{Deserialize, Serialize};

use super::Error;

/// Index to serialised entry.
const LEAVES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("leaves");

/// Epoch to root.
const HEADS: TableDefinition<'_, u64, [u8; 32]> = TableDefinition::new("heads");

/// One record, in JSON, under an empty name.
const STANDING: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("standing");

/// How far an auditor is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    /// The directory's realm, and its map key in PEM: another's heads are never compared with these.
    pub(super) realm: String,
    pub(super) map_key: String,
    /// How many heads have been audited: the next epoch.
    pub(super) epochs: u64,
    /// Updates so far.
    pub(super) updates: u64,
    /// The newest head's time: seconds and nanoseconds.
    pub(super) issued: (i64, u32),
    /// The edge of the log, in hexadecimal.
    pub(super) frontier: Vec<String>,
    /// The largest checkpoint seen: its size, and its root in hexadecimal.
    pub(super) seen: Option<(u64, String)>,
    /// Smaller ones that were seen, and that the audit has not reached, smallest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ahead: Vec<(u64, String)>,
}

/// The file, and what was changed since it was last written.
pub(super) struct Memory {
    path: PathBuf,
    file: Database,
    open: Option<WriteTransaction>,
}

impl Memory {
    /// Opens the file, or makes one.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = Database::create(path).map_err(|fault| unusable(path, fault))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            open: None,
        })
    }

    /// How far the auditor is; none in a new file.
    pub(super) fn standing(&self) -> Result<Option<Standing>, Error> {
        let read = || -> Result<Option<Vec<u8>>, redb::Error> {
            let table = match self.file.begin_read()?.open_table(STANDING) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(fault) => return Err(fault.into()),
            };
            Ok(table.get("")?.map(|record| record.value().to_vec()))
        };
        let record = read().map_err(|fault| self.unusable(fault))?;
        record
            .map(|text| serde_json::from_slice(&text))
            .transpose()
            .map_err(|fault| self.unusable(fault))
    }

    /// Gives every entry as of the last commit, in the order of indices.
    pub(super) fn each_leaf(&self, mut give: impl FnMut([u8; 32], &[u8])) -> Result<(), Error> {
        let mut read = || -> Result<(), redb::Error> {
            let table = match self.file.begin_read()?.open_table(LEAVES) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
                Err(fault) => return Err(fault.into()),
            };
            for item in table.iter()? {
                let (index, leaf) = item?;
                give(index.value(), leaf.value());
            }
            Ok(())
        };
        read().map_err(|fault| self.unusable(fault))
    }

    /// The entry at an index, changes that aren't committed included.
    pub(super) fn leaf(&mut self, index: &[u8; 32]) -> Result<Option<Vec<u8>>, Error> {
        self.with(|open| {
            let table = open.open_table(LEAVES)?;
            let leaf = table.get(index)?;
            Ok(leaf.map(|leaf| leaf.value().to_vec()))
        })
    }

    /// Sets an entry.
    pub(super) fn set_leaf(&mut self, index: &[u8; 32], leaf: &[u8]) -> Result<(), Error> {
        self.with(|open| {
            open.open_table(LEAVES)?.insert(index, leaf)?;
            Ok(())
        })
    }

    /// The root that the head of an epoch had.
    pub(super) fn root(&mut self, epoch: u64) -> Result<Option<[u8; 32]>, Error> {
        self.with(|open| {
            let table = open.open_table(HEADS)?;
            let root = table.get(epoch)?;
            Ok(root.map(|root| root.value()))
        })
    }

    /// Sets the root of an epoch's head, and how far the auditor is with it.
    pub(super) fn set_head(&mut self, root: &[u8; 32], standing: &Standing) -> Result<(), Error> {
        let epoch = standing.epochs.saturating_sub(1);
        self.with(|open| {
            open.open_table(HEADS)?.insert(epoch, root)?;
            Ok(())
        })?;
        self.set_standing(standing)
    }

    /// Sets how far the auditor is.
    pub(super) fn set_standing(&mut self, standing: &Standing) -> Result<(), Error> {
        let text = serde_json::to_vec(standing).map_err(|fault| self.unusable(fault))?;
        self.with(|open| {
            open.open_table(STANDING)?.insert("", &*text)?;
            Ok(())
        })
    }

    /// Makes what was set durable.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        match self.open.take() {
            Some(open) => open.commit().map_err(|fault| self.unusable(fault)),
            None => Ok(()),
        }
    }

    fn with<T>(
        &mut self,
        act: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let open = self.file.begin_write();
                open.map_err(|fault| self.unusable(fault))?
            }
        };
        // What failed half way is given up with the transaction.
        let done = act(&open).map_err(|fault| self.unusable(fault))?;
        self.open = Some(open);
        Ok(done)
    }

    pub(super) fn unusable(&self, fault: impl ToString) -> Error {
        unusable(&self.path, fault)
    }
}

fn unusable(path: &Path, fault: impl ToString) -> Error {
    Error::State {
        path: path.to_owned(),
        fault: fault.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_committed_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let mut memory = Memory::open(&path).unwrap();
        assert_eq!(memory.standing().unwrap(), None);
        memory.each_leaf(|_, _| panic!("there is none")).unwrap();
        let first = Standing {
            epochs: 1,
            ..Standing::default()
        };
        memory.set_leaf(&[1; 32], b"one").unwrap();
        memory.set_head(&[7; 32], &first).unwrap();
        memory.commit().unwrap();
        memory.set_leaf(&[2; 32], b"two").unwrap();
        assert_eq!(memory.leaf(&[2; 32]).unwrap().unwrap(), b"two");
        drop(memory);
        let mut memory = Memory::open(&path).unwrap();
        assert_eq!(memory.standing().unwrap(), Some(first));
        let mut leaves = Vec::new();
        memory
            .each_leaf(|index, leaf| leaves.push((index, leaf.to_vec())))
            .unwrap();
        assert_eq!(leaves, [([1; 32], b"one".to_vec())]);
        assert_eq!(memory.root(0).unwrap(), Some([7; 32]));
        assert_eq!(memory.root(1).unwrap(), None);
    }
}
