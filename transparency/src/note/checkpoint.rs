//! The text of a checkpoint.

use super::Error;
use crate::log::Hash;

/// How large a log is, and what its root: the first three lines of a checkpoint's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, the same for ever.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Checkpoint {
    /// The checkpoint in the text of a note. Lines after the third are allowed, and not kept.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`], with the line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let _ = text;
        Err(Error::Checkpoint { line: 1, what: "" })
    }
}

impl std::fmt::Display for Checkpoint {
    /// The three lines, each with its newline.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.origin)
    }
}
