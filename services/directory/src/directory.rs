//! The directory without its wire: what is answered to whom.

use transparency::messages::{EntryUpdate, GetEntryResponse, History};

use crate::Refusal;

/// A directory that is open: everything but HTTP.
pub struct Directory {}

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
}

impl Directory {
    /// The newest entry of a user, or that there is none, with everything that proves it.
    ///
    /// # Errors
    ///
    /// The id can't be one; or the store can't be read.
    pub fn get(&self, _user: &str) -> Result<GetEntryResponse, Refusal> {
        Err(Refusal::Internal)
    }

    /// Takes an update of this user, whose credentials have been checked, and answers with the present state. The
    /// update is on disk by then; it can be seen after the next epoch. One that stands there already is
    /// answered likewise.
    ///
    /// # Errors
    ///
    /// Every rule that it breaks; [`Refusal::Busy`] when too many wait.
    pub async fn put(
        &self,
        _user: &str,
        _update: EntryUpdate,
    ) -> Result<GetEntryResponse, Refusal> {
        Err(Refusal::Internal)
    }

    /// A user's entries, one an epoch or one a change.
    ///
    /// # Errors
    ///
    /// There is no such epoch, or not any more: it names the oldest.
    pub fn history(&self, _user: &str, _page: Page) -> Result<History, Refusal> {
        Err(Refusal::Internal)
    }
}
