//! Faults of texts that people write, and where in the text they are.

use std::fmt;

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

/// Line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte in a text.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
        Self {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
