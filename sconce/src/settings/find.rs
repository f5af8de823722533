//! Which file holds the settings.

use std::io;
use std::path::{Path, PathBuf};

use crate::folders::Exposure;

/// A file with settings, and others of its name that count for nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) file: PathBuf,
    pub(crate) passed_over: Option<PathBuf>,
}

/// The name of the file where none is given.
pub(crate) const NAME: &str = "sconce.toml";

/// The file that was named; else that of the data folder, which belongs to the platform wherever it
/// is started from; else that of the working directory.
pub(crate) fn find(named: Option<&Path>, data: &Path) -> Option<Found> {
    if let Some(named) = named {
        return Some(Found {
            file: named.to_owned(),
            passed_over: None,
        });
    }
    let here = Some(PathBuf::from(NAME)).filter(|file| file.is_file());
    let of_data = Some(data.join(NAME)).filter(|file| file.is_file());
    match (of_data, here) {
        (Some(file), here) => {
            let is_same = |other: &PathBuf| other.canonicalize().ok() == file.canonicalize().ok();
            let passed_over = here.filter(|other| !is_same(other));
            Some(Found { file, passed_over })
        }
        (None, Some(file)) => Some(Found {
            file,
            passed_over: None,
        }),
        (None, None) => None,
    }
}

impl Found {
    /// Whether the file counts only because it lies in the working directory, and anybody could
    /// have put it there: with `workers.image` it says which program is run.
    pub(crate) fn is_a_trap(&self) -> io::Result<bool> {
        if self.file != Path::new(NAME) {
            return Ok(false);
        }
        let file = Exposure::of(&self.file)?;
        Ok(file.is_open || file.is_foreign && Exposure::of(Path::new("."))?.is_open)
    }
}
