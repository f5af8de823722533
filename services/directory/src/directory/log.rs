//! The log of heads, the auditors' feed, and what auditors add.

use transparency::tile::{Bundle, Tile};

use super::Directory;
use crate::current::{Current, SignedHead, checkpoint};
use crate::feed;
use crate::storage;
use crate::{Refusal, failed};

impl Directory {
    /// The checkpoint of the newest published epoch: a signed note.
    pub fn checkpoint(&self) -> String {
        checkpoint(&self.core.newest.get().snapshot)
    }

    /// A page of the auditors' feed.
    ///
    /// # Errors
    ///
    /// There is no such epoch, or it has not so many updates.
    pub fn mutations(&self, epoch: u64, start: u64, size: u64) -> Result<feed::Page, Refusal> {
        let head = self.published(epoch)?;
        let smh = SignedHead::of(&head, &self.core.storage)?.smh;
        feed::Page::of(&self.core.storage, &head, smh, start, size)
    }

    /// Adds signatures of auditors to a head: the body of `POST /v1/heads/{epoch}/signatures`.
    ///
    /// # Errors
    ///
    /// There is no such epoch, or a signature that is no auditor's.
    pub fn add_signatures(&self, epoch: u64, body: &[u8]) -> Result<(), Refusal> {
        let head = self.published(epoch)?;
        let storage = &self.core.storage;
        let signed = SignedHead::of(&head, storage)?.smh;
        let signed = signed.map_head.ok_or(Refusal::Internal)?;
        for (key, signature) in self.auditors.check(&signed, body)? {
            storage
                .add_signature(epoch, &key, &signature)
                .map_err(failed("a signature"))?;
        }
        self.show_again(epoch)
    }

    /// The hashes of a tile of the log.
    ///
    /// # Errors
    ///
    /// The log is not that long.
    pub fn tile(&self, tile: &Tile) -> Result<Vec<u8>, Refusal> {
        let span = tile.level.checked_mul(8).filter(|bits| *bits < 64);
        let complete = span.map_or(0, |bits| self.size() >> bits);
        within(tile.index, tile.width, complete)?;
        let (level, width) = (u8::try_from(tile.level), u16::try_from(tile.width));
        let (Ok(level), Ok(width)) = (level, width) else {
            return Err(too_long());
        };
        let hashes = self.core.storage.tile(level, tile.index, width);
        let hashes = hashes.map_err(failed("a tile"))?;
        Ok(hashes.concat())
    }

    /// A bundle of entries of the log.
    ///
    /// # Errors
    ///
    /// The log is not that long.
    pub fn bundle(&self, bundle: &Bundle) -> Result<Vec<u8>, Refusal> {
        within(bundle.index, bundle.width, self.size())?;
        let count = usize::try_from(bundle.width).unwrap_or(0);
        let entries = self
            .core
            .storage
            .entries(bundle.index * transparency::tile::WIDTH, count)
            .map_err(failed("the log"))?;
        Bundle::encode(&entries).map_err(failed("the log"))
    }

    /// How many heads the published log has.
    fn size(&self) -> u64 {
        self.core.newest.get().epoch() + 1
    }

    fn published(&self, epoch: u64) -> Result<storage::Head, Refusal> {
        let newest = self.core.newest.get().epoch();
        if epoch > newest {
            return Err(Refusal::Range(format!("the newest epoch is {newest}")));
        }
        self.core.storage.head(epoch).map_err(failed("a head"))
    }

    /// Shows what was added to the newest head.
    fn show_again(&self, epoch: u64) -> Result<(), Refusal> {
        let current = self.core.newest.get();
        if current.epoch() == epoch {
            let snapshot = std::sync::Arc::clone(&current.snapshot);
            let shown = Current::of(snapshot, &self.core.storage)?;
            self.core.newest.replace(&current, shown);
        }
        Ok(())
    }
}

fn within(index: u64, width: u64, complete: u64) -> Result<(), Refusal> {
    let end = index
        .checked_mul(transparency::tile::WIDTH)
        .and_then(|start| start.checked_add(width));
    match end {
        Some(end) if width > 0 && end <= complete => Ok(()),
        _ => Err(too_long()),
    }
}

fn too_long() -> Refusal {
    Refusal::Range("the log is not that long".to_owned())
}
