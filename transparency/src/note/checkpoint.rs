//! The text of a checkpoint.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Error;
use crate::log::{Hash, MAX_SIZE};

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
        let fault = |line, what| Error::Checkpoint { line, what };
        let lines: Vec<_> = text.split('\n').collect();
        let [origin, size, root, extensions @ .., ""] = &lines[..] else {
            return Err(fault(
                lines.len(),
                "it has fewer than three lines, or no newline at its end",
            ));
        };
        if origin.is_empty() {
            return Err(fault(1, "the origin is empty"));
        }
        let size = Some(*size)
            .filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()))
            .filter(|size| *size == "0" || !size.starts_with('0'))
            .and_then(|size| size.parse().ok())
            .filter(|size| *size <= MAX_SIZE)
            .ok_or(fault(2, "the size is no number in decimal"))?;
        let root = STANDARD
            .decode(root)
            .ok()
            .and_then(|root| root.try_into().ok())
            .ok_or(fault(3, "the root is not 32 bytes in base64"))?;
        for (line, extension) in (4..).zip(extensions) {
            if extension.is_empty() {
                return Err(fault(line, "the line is empty"));
            }
        }
        Ok(Self {
            origin: (*origin).to_owned(),
            size,
            root,
        })
    }
}

impl fmt::Display for Checkpoint {
    /// The three lines, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.origin)?;
        writeln!(f, "{}", self.size)?;
        writeln!(f, "{}", STANDARD.encode(self.root))
    }
}
