//! Where files are kept (XDG base directories).

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What a platform keeps: `$XDG_DATA_HOME/sconce` or `~/.local/share/sconce`.
pub(crate) fn data() -> Result<PathBuf, Failure> {
    base("XDG_DATA_HOME", ".local/share", "--data-dir")
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
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
