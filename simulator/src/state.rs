//! A platform kept in a folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::change::Event;
use crate::error::Error;
use crate::keys::Seed;
use crate::platform::Platform;
use crate::settings::Settings;

/// The file in the folder.
const FILE: &str = "platform.json";
/// The same, until all of it is written.
const DRAFT: &str = ".platform.json.new";
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
    /// [`Error::Exposed`] if others may write into the folder; [`Error::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let lock = lock(folder)?;
        self.replace(folder, &lock)
    }

    /// The platform that is kept in a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if there is none; [`Error::Exposed`], [`Error::Foreign`], [`Error::State`],
    /// [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        // Not even something that would be waited for is waited for.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&path)
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => Error::Missing(folder.to_owned()),
                _ => io_error(&path)(source),
            })?;
        private(&file, &path, 0o077)?;
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
        let lock = match Self::open(folder) {
            Err(Error::Missing(_)) => lock(folder)?,
            found => return found,
        };
        // Another process may have made one meanwhile.
        match Self::open(folder) {
            Err(Error::Missing(_)) => {}
            found => return found,
        }
        let new = Self::new(Seed::random()?, settings)?;
        new.replace(folder, &lock)?;
        Ok(new)
    }

    /// Puts the state in its place, by a name that is renamed when all of it is on the disk.
    fn replace(&self, folder: &Path, lock: &Lock) -> Result<(), Error> {
        let (draft, path) = (folder.join(DRAFT), folder.join(FILE));
        // A writer that was killed may have left one behind, which nobody uses: the lock is ours.
        match fs::remove_file(&draft) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(&draft)(source));
            }
            _ => {}
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(self.written()?.as_bytes())?;
                file.sync_all()
            })
            .map_err(io_error(&draft))?;
        fs::rename(&draft, &path).map_err(io_error(&path))?;
        lock.0.sync_all().map_err(io_error(folder))
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
        let state: State = serde_json::from_str(text).map_err(|why| fault(&why))?;
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

/// What is wrong with a text, and where; nothing of the text itself, which holds keys.
fn fault(why: &serde_json::Error) -> String {
    let what = match why.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Data => "a member is missing, unknown or not in its form",
        _ => "it is no JSON",
    };
    format!("{what}, at line {} column {}", why.line(), why.column())
}

/// The folder, locked for one writer: until it is dropped, or its process ends.
struct Lock(File);

fn lock(folder: &Path) -> Result<Lock, Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io_error(folder))?;
    let lock = File::open(folder).map_err(io_error(folder))?;
    lock.lock().map_err(io_error(folder))?;
    // One that was made before keeps its mode, unless that lets others put a platform of theirs there.
    private(&lock, folder, 0o022)?;
    Ok(Lock(lock))
}

/// Refuses what is somebody else's, and what others have any of these permissions for.
pub(crate) fn private(file: &File, path: &Path, permissions: u32) -> Result<(), Error> {
    let metadata = file.metadata().map_err(io_error(path))?;
    let owner = metadata.uid();
    if owner != geteuid().as_raw() {
        return Err(Error::Foreign {
            path: path.to_owned(),
            owner,
        });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & permissions == 0 {
        return Ok(());
    }
    Err(Error::Exposed {
        path: path.to_owned(),
        mode,
    })
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
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

    /// A platform that was kept must not get another root by an update of this crate or of what it writes
    /// certificates with: raise [`VERSION`] if that has to be.
    #[test]
    fn the_same_seed_keeps_its_root() {
        let platform = Platform::new(Seed::from_bytes([7; 32]), Settings::new(MADE));
        let fingerprint = platform.expect("a platform").fingerprint();
        assert_eq!(
            fingerprint,
            "sim:975962990decade090a9b64058ccfd9053f6e817622e4807c265d7f9905ae986"
        );
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
        Platform::new(Seed::from_bytes([7; 32]), Settings::new(MADE))
            .and_then(|platform| platform.save(folder.path()))
            .expect("kept");
        let path = folder.path().join(FILE);
        let whole = fs::read_to_string(&path).expect("the state");
        let cases = [
            whole[..whole.len() / 2].to_owned(),
            whole.replacen("\"made\": 1", "\"made\": 2", 1),
            whole.replacen("\"version\": 1", "\"version\": 2", 1),
            whole.replacen("\"events\"", "\"more\": 1, \"events\"", 1),
            whole.replacen("\"seed\": \"07", "\"seed\": \"0707", 1),
            whole.replacen("\"seed\": \"07", "\"seed\": \"08", 1),
            String::new(),
        ];
        for text in cases {
            assert_ne!(text, whole);
            fs::write(&path, text).expect("written");
            let error = Platform::open(folder.path()).expect_err("changed");
            assert!(matches!(error, Error::State { .. }), "{error}");
            assert!(!error.to_string().contains(&"07".repeat(8)), "{error}");
        }
        fs::write(&path, whole).expect("written");
        Platform::open(folder.path()).expect("as it was");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(
            Platform::open(folder.path()),
            Err(Error::Exposed { mode: 0o640, .. })
        ));
    }

    /// Root could read it, and so can whoever put it there.
    #[test]
    fn a_platform_of_another_user_is_refused() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        Platform::open_or_make(folder.path(), Settings::new(MADE)).expect("a platform");
        let path = folder.path().join(FILE);
        std::os::unix::fs::chown(&path, Some(65534), None).expect("given away");
        let error = Platform::open(folder.path()).expect_err("of another");
        assert!(
            matches!(error, Error::Foreign { owner: 65534, .. }),
            "{error}"
        );
        assert_eq!(error.code(), "platform.state");

        // Nor is one made in a folder of theirs.
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::chown(folder.path(), Some(65534), None).expect("given away");
        let error = Platform::open_or_make(folder.path(), Settings::new(MADE));
        assert!(matches!(error, Err(Error::Foreign { owner: 65534, .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_others_may_write_into_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).expect("set");
        assert!(matches!(
            Platform::open_or_make(folder.path(), Settings::new(MADE)),
            Err(Error::Exposed { mode: 0o770, .. })
        ));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("set");
        Platform::open_or_make(folder.path(), Settings::new(MADE)).expect("a platform");
    }
}
