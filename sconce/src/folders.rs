//! Where files are kept (XDG base directories).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// What a platform keeps: `$XDG_DATA_HOME/sconce` or `~/.local/share/sconce`.
pub(crate) fn data() -> Result<PathBuf, Failure> {
    base("XDG_DATA_HOME", ".local/share", "--data-dir")
}

/// The environment variable that names another folder than [`data`].
pub(crate) const DATA_DIR: &str = "SCONCE_DATA_DIR";

/// The folder of a platform that was started without naming one.
pub(crate) fn usual_data() -> Result<PathBuf, Failure> {
    std::env::var_os(DATA_DIR).map_or_else(data, |folder| Ok(folder.into()))
}

/// What a requester keeps: `$XDG_STATE_HOME/sconce` or `~/.local/state/sconce`.
pub(crate) fn state() -> Result<PathBuf, Failure> {
    base("XDG_STATE_HOME", ".local/state", "XDG_STATE_HOME")
}

fn base(variable: &str, below_home: &str, instead: &str) -> Result<PathBuf, Failure> {
    // The specification has relative paths ignored.
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)))
        .map(|base| base.join("sconce"))
        .ok_or_else(|| {
            Failure::unusable("there is no home folder: HOME is not set")
                .advice(format_args!("set it, or give {instead}"))
        })
}

/// Makes a folder, and those above it, that its owner alone can read. One that is there stays.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Says so when others can read a secret of the user's; the user may have reasons.
pub(crate) fn warn_if_shared(file: &Path, terminal: &Terminal) {
    if fs::metadata(file).is_ok_and(|file| file.mode() & 0o044 != 0) {
        let file = file.display();
        terminal.warn(format_args!(
            "{file} can be read by other users: chmod 600 {file}"
        ));
    }
}

/// What other users can do with a file or a folder.
pub(crate) struct Exposure {
    /// It is neither this user's nor root's; or the link to it isn't.
    pub(crate) is_foreign: bool,
    /// Everybody may write to it.
    pub(crate) is_open: bool,
}

impl Exposure {
    /// That of what stands at `path`, links followed.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let (target, entry) = (fs::metadata(path)?, fs::symlink_metadata(path)?);
        let is_trusted = |owner| owner == 0 || owner == geteuid().as_raw();
        Ok(Self {
            is_foreign: !(is_trusted(target.uid()) && is_trusted(entry.uid())),
            is_open: target.mode() & 0o002 != 0,
        })
    }
}

/// Options for writing a file that its owner alone can read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Writes a file that its owner alone can read: first as `fresh`, in the same folder, then renamed.
/// Readers and crashes find the old text or the new; when this returns, the new one is on the disk.
pub(crate) fn replace(path: &Path, fresh: &Path, text: &[u8]) -> io::Result<()> {
    // One that a killed predecessor left may have other permissions.
    match fs::remove_file(fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(fresh, text).and_then(|()| fs::rename(fresh, path));
    if written.is_err() {
        // It may hold half a secret. Failing to remove it is no worse than the failure before.
        let _left = fs::remove_file(fresh);
    }
    written?;
    path.parent().map_or(Ok(()), sync)
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = private().create_new(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Makes a folder's entries last.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
