//! Faults of texts that people write, and where in the text they are.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::Error;

pub use session::{At, Located};

/// Bytes of the longest text that anything here takes.
const MAX_TEXT: u64 = 16 << 20;

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
