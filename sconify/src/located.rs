//! Faults of texts that people write, and where in the text they are.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::Error;
use crate::config::Place;

/// Bytes of the longest text that anything here takes.
const MAX_TEXT: u64 = 16 << 20;

/// A fault, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where.
    pub at: At,
    /// What is wrong there, and what may stand there instead. Never holds a value that may be secret.
    pub what: String,
}

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Nowhere in particular.
    Text,
    /// At this line.
    Place(Place),
    /// At this key, as in `services[0].name`.
    Key(String),
}

impl Located {
    /// A fault of the text as a whole.
    pub fn text(what: impl Into<String>) -> Self {
        Self {
            at: At::Text,
            what: what.into(),
        }
    }

    /// A fault at a line.
    pub fn place(place: Place, what: impl Into<String>) -> Self {
        Self {
            at: At::Place(place),
            what: what.into(),
        }
    }

    /// A fault at a key.
    pub fn key(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            at: At::Key(key.into()),
            what: what.into(),
        }
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Text => f.write_str(&self.what),
            At::Place(place) => write!(f, "{place}: {}", self.what),
            At::Key(key) => write!(f, "`{key}`: {}", self.what),
        }
    }
}

impl std::error::Error for Located {}

/// Reads a text of no great length. What is longer is cut where its reader finds it too long.
///
/// # Errors
///
/// [`Error::Io`] if it can't be read, or is no UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let file = File::open(path).map_err(Error::io("read", path))?;
    file.take(MAX_TEXT + 1)
        .read_to_string(&mut text)
        .map_err(Error::io("read", path))?;
    Ok(text)
}
