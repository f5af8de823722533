//! An auditor: it reads every update that a directory has applied, in order, sees to it that the rules let
//! it be applied (specification, section 10), computes the map again, and compares it with each signed head.
//!
//! [`Auditor`] does that with what it is given, page by page; [`Follower`] fetches those pages.

mod error;
mod follow;
mod memory;
mod page;
mod trusted;

use std::path::Path;

use transparency::log::Frontier;
use transparency::map::{Index, MapId, Tree};
use transparency::messages::SignedMapHead;
use transparency::note::{Checkpoint, Note};
use transparency::object_hash;
use transparency::trust::Trust;

use crate::apps::Apps;

pub use error::Error;
pub use follow::{Follower, Round};
use memory::{Memory, Standing};
use page::OpenEpoch;
pub use page::Step;
use trusted::Trusted;

/// An auditor of one directory.
pub struct Auditor {
    trusted: Trusted,
    apps: Apps,
    memory: Memory,
    standing: Standing,
    frontier: Frontier,
    map: MapId,
    tree: Tree,
    /// The epoch whose pages are being read.
    open: Option<OpenEpoch>,
}

/// An epoch that was found good.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// Its number.
    pub epoch: u64,
    /// How many updates it applied.
    pub updates: u64,
    /// Of how many entries the evidence was checked.
    pub opened: u64,
    /// The root of the map, in hexadecimal.
    pub root: String,
    /// The head, as the directory signed it.
    pub head: SignedMapHead,
}

impl Auditor {
    /// An auditor that remembers in this file; a new one begins at epoch 0.
    ///
    /// `trust` is what was pinned of the directory; it has to name the log's keys. `apps` are the checks of
    /// what is public in entries. `progress` is told how many entries were read and taken into the tree.
    ///
    /// # Errors
    ///
    /// [`Error::Trust`]; [`Error::State`] if the file can't be used or is about another directory.
    pub fn open(
        file: &Path,
        trust: &Trust,
        apps: Apps,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, Error> {
        let trusted = Trusted::new(trust)?;
        let memory = Memory::open(file)?;
        let standing = match memory.standing()? {
            Some(standing) => standing,
            None => Standing {
                realm: trust.realm.clone(),
                map_key: trust.map_key.clone(),
                ..Standing::default()
            },
        };
        if standing.realm != trust.realm || standing.map_key.trim() != trust.map_key.trim() {
            let fault = format!("it is about {}, or another key of it", standing.realm);
            return Err(memory.unusable(fault));
        }
        let frontier = frontier(&standing).map_err(|fault| memory.unusable(fault))?;
        let map = trusted.map.clone();
        let tree = tree(&memory, &map, &mut progress)?;
        let mut auditor = Self {
            trusted,
            apps,
            memory,
            standing,
            frontier,
            map,
            tree,
            open: None,
        };
        auditor.compare_own()?;
        Ok(auditor)
    }

    /// The epoch and the number of the update within it that the next page has to begin with.
    pub fn wanted(&self) -> (u64, u64) {
        let open = self.open.as_ref();
        (self.standing.epochs, open.map_or(0, |open| open.next))
    }

    /// How many epochs have been audited.
    pub fn epochs(&self) -> u64 {
        self.standing.epochs
    }

    /// How many updates have been audited.
    pub fn updates(&self) -> u64 {
        self.standing.updates
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.tree.len()
    }

    /// Takes a checkpoint of the log, and gives how many heads it says there are.
    ///
    /// It is remembered, and compared with the heads once the audit is that far.
    ///
    /// # Errors
    ///
    /// [`Error::Log`], [`Error::Witnesses`]: it is not the log's, or the log has shown something else.
    pub fn checkpoint(&mut self, text: &str) -> Result<u64, Error> {
        let bad = |size, fault: String| Error::Log { size, fault };
        let note = Note::parse(text).map_err(|fault| bad(0, fault.to_string()))?;
        let new = Checkpoint::parse(&note.text).map_err(|fault| bad(0, fault.to_string()))?;
        self.trusted.check_checkpoint(&note, &new)?;
        let (size, root) = (new.size, hex::encode(new.root));
        if let Some((seen, before)) = &self.standing.seen {
            if size < *seen {
                let fault = format!("a checkpoint of {seen} heads was shown before");
                return Err(bad(size, fault));
            }
            if size == *seen && root != *before {
                let fault = format!("its root is {root}, and was {before} before");
                return Err(bad(size, fault));
            }
        }
        if size < self.standing.epochs {
            let fault = format!("{} heads were audited before", self.standing.epochs);
            return Err(bad(size, fault));
        }
        let size = self.see(size, root)?;
        self.compare_log()?;
        Ok(size)
    }

    /// Remembers a checkpoint beside those that the audit has not reached, and gives the size of the largest. When
    /// there are too many of them it takes no more: they are compared first.
    fn see(&mut self, size: u64, root: String) -> Result<u64, Error> {
        let standing = &mut self.standing;
        match standing.seen.take() {
            Some(seen) if seen.0 == size || standing.ahead.len() >= MOST_AHEAD => {
                let size = seen.0;
                standing.seen = Some(seen);
                return Ok(size);
            }
            Some(seen) if seen.0 > standing.epochs => standing.ahead.push(seen),
            _ => {}
        }
        standing.seen = Some((size, root));
        self.memory.set_standing(&self.standing)?;
        // Half an epoch can't be gone on with by another auditor.
        if self.open.is_none() {
            self.memory.commit()?;
        }
        Ok(size)
    }

    /// Compares a head that was shown somewhere with the one that was audited. A head of an epoch that has
    /// not been audited yet is not compared.
    ///
    /// # Errors
    ///
    /// [`Error::Head`]: it is not the directory's; or there are two for one epoch.
    pub fn compare(&mut self, head: &SignedMapHead) -> Result<(), Error> {
        let inner = self.trusted.check_head(head)?;
        let Some(root) = self.memory.root(inner.epoch)? else {
            return Ok(());
        };
        let is_newest = inner.epoch + 1 == self.standing.epochs;
        if is_newest && inner.root == root && page::issued(inner) != self.standing.issued {
            return Err(Error::Head {
                epoch: inner.epoch,
                fault: "there are two: they have different times".to_owned(),
            });
        }
        if inner.root == root {
            return Ok(());
        }
        let (before, now) = (hex::encode(root), hex::encode(&inner.root));
        Err(Error::Head {
            epoch: inner.epoch,
            fault: format!("there are two: one has the root {before}, another {now}"),
        })
    }

    /// Makes what was audited durable. Before that nothing may be signed.
    ///
    /// # Errors
    ///
    /// [`Error::State`].
    pub fn commit(&mut self) -> Result<(), Error> {
        self.memory.commit()
    }

    /// The log has to have the root of each checkpoint that was seen, when it is as long.
    fn compare_log(&self) -> Result<(), Error> {
        let seen = self.standing.ahead.iter().chain(&self.standing.seen);
        for (size, root) in seen.filter(|(size, _)| *size == self.frontier.size()) {
            let own = hex::encode(self.frontier.root());
            if own != *root {
                let fault = format!("its root is {root}, and the heads make {own}");
                return Err(Error::Log { size: *size, fault });
            }
        }
        Ok(())
    }

    /// What is remembered has to fit together: the entries make the root of the newest head.
    fn compare_own(&mut self) -> Result<(), Error> {
        let Some(newest) = self.standing.epochs.checked_sub(1) else {
            return Ok(());
        };
        if self.memory.root(newest)? == Some(self.tree.root()) {
            return Ok(());
        }
        let fault = "its entries do not make the root of its newest head; begin with another file";
        Err(self.memory.unusable(fault))
    }
}

impl std::fmt::Debug for Auditor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auditor")
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

impl Audited {
    /// What an auditor signs of it.
    pub fn preimage(&self) -> Option<Vec<u8>> {
        self.head.map_head.as_ref().map(object_hash::map_head)
    }
}

fn frontier(standing: &Standing) -> Result<Frontier, String> {
    let hash = |text: &String| {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map(|()| hash)
    };
    let hashes = standing.frontier.iter().map(hash).collect::<Result<_, _>>();
    let hashes = hashes.map_err(|fault| fault.to_string())?;
    Frontier::from_parts(standing.epochs, hashes).map_err(|fault| fault.to_string())
}

/// Most checkpoints that are remembered until the audit reaches them, beside the largest.
const MOST_AHEAD: usize = 256;

/// How many leaves are taken into a tree at once.
const BATCH: usize = 4096;

fn tree(memory: &Memory, map: &MapId, progress: &mut impl FnMut(u64)) -> Result<Tree, Error> {
    let mut tree = Tree::new(map.clone());
    let mut batch = Vec::with_capacity(BATCH);
    memory.each_leaf(|index, leaf| {
        let index = Index::new(index);
        batch.push((index, map.leaf(&index, leaf)));
        if batch.len() == BATCH {
            tree.update(&batch);
            batch.clear();
            progress(tree.len() as u64);
        }
    })?;
    tree.update(&batch);
    Ok(tree)
}

#[cfg(test)]
mod tests;
