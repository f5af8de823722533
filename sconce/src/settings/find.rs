//! Which file holds the settings.

use std::path::{Path, PathBuf};

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
