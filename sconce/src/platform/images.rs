//! The images of workers that a platform keeps: the present one, and those that keys still live for.
//!
//! So it can start all its processes again, whatever has become of the files that it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sgx::Mrenclave;

use super::image::{Measured, not_kept, remove};
use super::program::Verified;
use crate::failure::Failure;
use crate::folders;

/// The images of workers that a platform keeps, each in a folder with the name of its measurement.
pub(crate) struct Images {
    folder: PathBuf,
    /// Those that have been read.
    kept: BTreeMap<Mrenclave, Measured>,
}

impl Images {
    /// Those that are kept in a folder. None is read before it's needed.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        folders::make_private(&folder)?;
        Ok(Self {
            folder,
            kept: BTreeMap::new(),
        })
    }

    /// Looks for images with these measurements in the folder, where they aren't known yet. What is there
    /// and is no image any more is passed over: keys that were made for it have no processes then, and
    /// that is said.
    pub(crate) fn look_for(&mut self, measurements: impl Iterator<Item = Mrenclave>) {
        for measurement in measurements {
            let folder = self.folder_of(measurement);
            if self.kept.contains_key(&measurement) || !folder.exists() {
                continue;
            }
            match Measured::kept(&folder, measurement) {
                Ok(measured) => {
                    self.kept.insert(measurement, measured);
                }
                Err(failure) => {
                    tracing::warn!(folder = %folder.display(), %failure, "a kept image cannot be used");
                }
            }
        }
    }

    fn folder_of(&self, measurement: Mrenclave) -> PathBuf {
        self.folder.join(hex::encode(measurement.0))
    }

    /// Keeps an image too, and says what it is.
    pub(crate) fn keep(&mut self, image: &Verified) -> Result<Measured, Failure> {
        let measurement = image.reading.summary.mrenclave;
        let folder = self.folder_of(measurement);
        // Under a name that means nothing yet: whoever looks finds it whole.
        let fresh = self.folder.join(format!("new-{}", std::process::id()));
        let mut measured = image.place(&fresh)?;
        put(&fresh, &folder).map_err(|error| not_kept(&folder, &error))?;
        measured.folder = folder;
        self.kept.insert(measurement, measured.clone());
        Ok(measured)
    }

    /// That with a measurement.
    pub(crate) fn get(&self, measurement: &Mrenclave) -> Option<&Measured> {
        self.kept.get(measurement)
    }

    /// That with a measurement as it is printed.
    pub(super) fn named(&self, measurement: &str) -> Option<&Measured> {
        let mut kept = self.kept.values();
        kept.find(|image| image.measurement().to_string() == measurement)
    }

    /// What there are.
    pub(crate) fn measurements(&self) -> BTreeSet<Mrenclave> {
        self.kept.keys().copied().collect()
    }

    /// Removes those that no keys are for any more, and what has been left behind; but not what may have
    /// been put there just now, for keys that are about to be made.
    pub(crate) fn forget_all_but(&mut self, needed: &BTreeSet<Mrenclave>) {
        let kept = self.kept.iter();
        let forgotten: Vec<_> = kept
            .filter(|(measurement, _)| !needed.contains(measurement))
            .map(|(_, image)| image.folder.clone())
            .collect();
        self.kept
            .retain(|measurement, _| needed.contains(measurement));
        let needed: BTreeSet<_> = needed.iter().map(|one| self.folder_of(*one)).collect();
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let strays = entries
            .filter(is_left_behind)
            .map(|entry| entry.path())
            .filter(|path| !needed.contains(path));
        for folder in strays.chain(forgotten) {
            if let Err(error) = remove(&folder) {
                let folder = folder.display();
                tracing::warn!(%error, %folder, "an image that is not needed any more is still there");
            }
        }
    }
}

/// Gives a folder its name. One that has it already is exchanged: whoever looks finds either.
fn put(fresh: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(fresh, folder);
    }
    renameat_with(CWD, fresh, CWD, folder, RenameFlags::EXCHANGE)?;
    remove(fresh)
}

/// Images that nobody needs for so long have been left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

fn is_left_behind(entry: &fs::DirEntry) -> bool {
    let changed = entry.metadata().and_then(|found| found.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|since| since > LEFT_BEHIND))
}
