//! A user's history: one answer an epoch, or one a change (specification, section 11).

use transparency::messages::{GetEntryResponse, History, SignedKv};

use super::{Directory, is_user};
use crate::current::Current;
use crate::records::Record;
use crate::storage;
use crate::{Refusal, failed};

/// Which part of a history is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The epoch that the page begins with.
    pub start: u64,
    /// Most answers in it; 0, and more than [`Page::LONGEST`], mean that.
    pub size: u64,
    /// Only the epochs that changed the entry, with the signed update of each.
    pub changes_only: bool,
}

impl Page {
    /// Most answers in a page.
    pub const LONGEST: u64 = 16;

    fn count(self) -> u64 {
        match self.size {
            1..=Self::LONGEST => self.size,
            _ => Self::LONGEST,
        }
    }
}

impl Directory {
    /// A user's entries, one an epoch or one a change.
    ///
    /// # Errors
    ///
    /// There is no such epoch; or not any more, then it names the oldest.
    pub fn history(&self, user: &str, page: Page) -> Result<History, Refusal> {
        is_user(user)?;
        let current = self.core.newest.get();
        let newest = current.epoch();
        if page.start > newest {
            let fault = format!("start: the newest epoch is {newest}");
            return Err(Refusal::Request(fault));
        }
        let record = self.records.of(user, || Ok(()))?;
        if page.changes_only {
            return self.changes(&current, &record, page);
        }
        let end = page.start.saturating_add(page.count()).min(newest + 1);
        let values = (page.start..end).map(|epoch| self.value(&current, epoch, &record));
        Ok(History {
            values: values.collect::<Result<_, _>>()?,
            next_start: if end > newest { 0 } else { end },
        })
    }

    fn changes(&self, current: &Current, record: &Record, page: Page) -> Result<History, Refusal> {
        let count = usize::try_from(page.count()).unwrap_or(1);
        let changes = self
            .core
            .storage
            .changes(&record.index, page.start, count + 1);
        let changes = changes.map_err(failed("changes"))?;
        // What is sealed and not yet published is nobody's business.
        let changes: Vec<_> = changes
            .into_iter()
            .map(|change| change.epoch)
            .filter(|epoch| *epoch <= current.epoch())
            .collect();
        let values = changes.iter().take(count);
        let values = values.map(|epoch| self.value(current, *epoch, record));
        Ok(History {
            values: values.collect::<Result<_, _>>()?,
            next_start: changes.get(count).copied().unwrap_or(0),
        })
    }

    /// The answer of an epoch; with the signed update, if that epoch changed the entry.
    fn value(
        &self,
        current: &Current,
        epoch: u64,
        record: &Record,
    ) -> Result<GetEntryResponse, Refusal> {
        let (proof, head, log) = self.at(current, epoch, &record.index)?;
        let change = proof.leaf.as_ref().filter(|leaf| leaf.epoch == epoch);
        let update = change
            .map(|leaf| SignedKv::decode(&leaf.update))
            .transpose()
            .map_err(failed("a stored update"))?;
        let mut value = self.answer(record, proof, head, log)?;
        value.update = update;
        Ok(value)
    }
}

/// An epoch that is no longer kept is the client's business; anything else is ours.
pub(super) fn gone(error: storage::Error) -> Refusal {
    match error {
        storage::Error::Gone { oldest, .. } => Refusal::Range(format!(
            "the history of unchanged entries begins with epoch {oldest}; changes_only=1 has all changes"
        )),
        storage::Error::NotYet(_) => Refusal::Request(error.to_string()),
        error => failed("a proof")(error),
    }
}
