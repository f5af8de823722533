//! A platform kept in a folder.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::change::Event;
use crate::error::Error;
use crate::keys::Seed;
use crate::platform::Platform;
use crate::settings::Settings;

/// The file in the folder.
const FILE: &str = "platform.json";
/// What the file is a version of.
const VERSION: u32 = 1;
/// Nobody's platform is longer, bytes.
const MAX_SIZE: u64 = 1 << 20;

/// What is kept: all else follows from it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// For who opens the file.
    note: String,
    version: u32,
    /// Of the root, so that a platform never changes its root unnoticed.
    fingerprint: String,
    seed: Seed,
    settings: Settings,
    events: Vec<Event>,
}

const NOTE: &str = "keys of a simulated SGX platform, which protects nothing";

impl Platform {
    /// Keeps the platform in a folder, which is made if need be: whole or not at all, for nobody else to
    /// read. What was kept there is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let draft = self.draft(folder)?;
        let path = folder.join(FILE);
        fs::rename(&draft.0, &path).map_err(io_error(&path))?;
        sync(folder)
    }

    /// The platform that is kept in a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if there is none; [`Error::Exposed`], [`Error::State`], [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let file = File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing(folder.to_owned()),
            _ => io_error(&path)(source),
        })?;
        let metadata = file.metadata().map_err(io_error(&path))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::Exposed { path, mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_SIZE)
            .read_to_string(&mut text)
            .map_err(io_error(&path))?;
        Self::read(&text).map_err(|why| Error::State { path, why })
    }

    /// The platform that is kept in a folder, or a new one, which then is kept there. Of several processes
    /// that do this at once, all get the same.
    ///
    /// # Errors
    ///
    /// As [`Platform::open`] and [`Platform::save`].
    pub fn open_or_make(folder: &Path, settings: Settings) -> Result<Self, Error> {
        match Self::open(folder) {
            Err(Error::Missing(_)) => {}
            found => return found,
        }
        let new = Self::new(Seed::random()?, settings)?;
        let draft = new.draft(folder)?;
        let path = folder.join(FILE);
        // Unlike a renaming, a link never replaces what another process has put there meanwhile.
        match fs::hard_link(&draft.0, &path) {
            Ok(()) => sync(folder)?,
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(io_error(&path)(source)),
        }
        Self::open(folder)
    }

    /// A file of its own with the whole state, on the disk.
    fn draft(&self, folder: &Path) -> Result<Draft, Error> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);

        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(io_error(folder))?;
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io_error(folder))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let draft = Draft(folder.join(format!(".{FILE}.{}.{number}", process::id())));
        // One that an ended process with this number has left behind.
        let _ = fs::remove_file(&draft.0);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft.0)
            .and_then(|mut file| {
                file.write_all(self.written()?.as_bytes())?;
                file.sync_all()
            });
        written.map_err(io_error(&draft.0))?;
        Ok(draft)
    }

    fn written(&self) -> io::Result<Zeroizing<String>> {
        let state = State {
            note: NOTE.to_owned(),
            version: VERSION,
            fingerprint: self.fingerprint(),
            seed: self.seed.clone(),
            settings: self.settings.clone(),
            events: self.events.clone(),
        };
        let mut text = Zeroizing::new(serde_json::to_string_pretty(&state)?);
        text.push('\n');
        Ok(text)
    }

    fn read(text: &str) -> Result<Self, String> {
        let state: State = serde_json::from_str(text).map_err(|why| why.to_string())?;
        if state.version != VERSION {
            return Err(format!(
                "it is of version {}, and this program reads version {VERSION}",
                state.version
            ));
        }
        if !state.events.is_sorted_by_key(|event| event.at) {
            return Err("its events are not in the order of time".to_owned());
        }
        let mut platform = Self::new(state.seed, state.settings).map_err(|why| why.to_string())?;
        platform.events = state.events;
        let found = platform.fingerprint();
        if found != state.fingerprint {
            return Err(format!(
                "its root would be {found}, and was {} when it was kept",
                state.fingerprint
            ));
        }
        Ok(platform)
    }
}

/// A file that does not outlive its use here.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // It is gone already if it was renamed.
        let _ = fs::remove_file(&self.0);
    }
}

/// That a name in a folder is on the disk.
fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error(folder))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::change::Change;

    const MADE: u64 = 1_748_736_000;

    #[test]
    fn it_is_found_as_it_was_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("a/b");
        let platform = Platform::new(Seed::from_bytes([7; 32]), Settings::new(MADE))
            .expect("a platform")
            .with(MADE + 5, Change::Tcb(Settings::OLDER))
            .with(MADE + 3, Change::RevokePck);
        platform.save(&inner).expect("kept");
        let found = Platform::open(&inner).expect("found");
        assert_eq!(found.root_der(), platform.root_der());
        assert_eq!(found.events(), platform.events());
        assert_eq!(found.tcb(MADE + 5), Settings::OLDER);
        let mode = |path: &Path| {
            let metadata = fs::metadata(path).expect("it is there");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(&inner.join(FILE)), 0o600);
        let files = fs::read_dir(&inner).expect("a folder").count();
        assert_eq!(files, 1, "drafts are left behind");
    }

    #[test]
    fn all_that_ask_at_once_get_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let roots: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        Platform::open_or_make(folder.path(), Settings::new(MADE))
                            .expect("a platform")
                            .fingerprint()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("a fingerprint"))
                .collect()
        });
        assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
        let files = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 1, "drafts are left behind");
    }

    #[test]
    fn what_others_may_read_or_have_changed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(
            Platform::open(folder.path()),
            Err(Error::Missing(_))
        ));
        Platform::open_or_make(folder.path(), Settings::new(MADE)).expect("a platform");
        let path = folder.path().join(FILE);
        let whole = fs::read_to_string(&path).expect("the state");
        let cases = [
            whole[..whole.len() / 2].to_owned(),
            whole.replacen("\"made\": 1", "\"made\": 2", 1),
            whole.replacen("\"version\": 1", "\"version\": 2", 1),
            whole.replacen("\"events\"", "\"more\": 1, \"events\"", 1),
            String::new(),
        ];
        for text in cases {
            assert_ne!(text, whole);
            fs::write(&path, text).expect("written");
            let error = Platform::open(folder.path()).expect_err("changed");
            assert!(matches!(error, Error::State { .. }), "{error}");
            assert!(!error.to_string().contains("seed\""), "{error}");
        }
        fs::write(&path, whole).expect("written");
        Platform::open(folder.path()).expect("as it was");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(
            Platform::open(folder.path()),
            Err(Error::Exposed { mode: 0o640, .. })
        ));
    }
}
