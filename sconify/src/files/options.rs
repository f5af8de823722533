//! What the command line says of files.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Error;
use super::format::{Mode, Region};
use super::path::{FilePath, PathFault};
use super::plan::{Given, Plan};
use super::seal::FsKey;
use super::tree::Tree;
use crate::terminal::Terminal;

/// The most bytes that a key file has: 64 digits and the end of a line.
const KEY_FILE: u64 = 66;

/// Which files an image brings, and how they are protected. SOURCE is a folder or a file here; PATH is
/// where the program sees it, and may be left out if SOURCE begins with `/`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Files")]
pub struct Options {
    /// Bring these files and measure them.
    #[arg(long = "fs-dir", value_name = "SOURCE[:PATH]")]
    authenticated: Vec<OsString>,
    /// Bring these files, measure and encrypt them.
    #[arg(long = "dir", value_name = "SOURCE[:PATH]")]
    encrypted: Vec<OsString>,
    /// Bring these files without protection: the host may change them.
    #[arg(
        long = "plain",
        visible_alias = "plain-file",
        value_name = "SOURCE[:PATH]"
    )]
    plain: Vec<OsString>,
    /// Leave this path to the host, without protection. Nothing is brought.
    #[arg(long = "host-path", value_name = "PATH")]
    host: Vec<OsString>,
    /// The key to encrypt with: 64 hex digits. Without it, there is a new one each time, and another
    /// measurement.
    #[arg(long = "fs-key", value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Options {
    /// Whether no file is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let all = [
            &self.authenticated,
            &self.encrypted,
            &self.plain,
            &self.host,
        ];
        all.iter().all(|options| options.is_empty())
    }

    /// Looks at the files and measures them.
    ///
    /// # Errors
    ///
    /// [`Error`], and [`crate::Error::Io`] of files that can't be read.
    pub fn plan(&self, terminal: &Terminal) -> Result<Plan, crate::Error> {
        let mut given = Vec::new();
        for (sources, mode) in [
            (&self.authenticated, Mode::Authenticated),
            (&self.encrypted, Mode::Encrypted),
            (&self.plain, Mode::None),
        ] {
            for source in sources {
                let (source, path) = source_and_path(source)?;
                let region = Region { path, mode };
                let tree = Some(Tree::open(source)?);
                given.push(Given { region, tree });
            }
        }
        for path in &self.host {
            let path = file_path(path)?;
            let mode = Mode::None;
            let region = Region { path, mode };
            given.push(Given { region, tree: None });
        }
        let key = match &self.key {
            Some(path) => Some(read_key(path, terminal)?),
            None if self.encrypted.is_empty() => None,
            None => Some(FsKey::fresh().map_err(Error::from)?),
        };
        Plan::new(given, key, terminal)
    }
}

/// Reads a key file: 64 hex digits and perhaps the end of the line. Warns if others may read it.
///
/// # Errors
///
/// [`Error::Key`], and [`crate::Error::Io`].
pub fn read_key(path: &Path, terminal: &Terminal) -> Result<FsKey, crate::Error> {
    let cannot = |error| crate::Error::io("read", path)(error);
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE as usize + 1));
    let file = File::open(path).map_err(cannot)?;
    let mode = file.metadata().map_err(cannot)?.mode();
    if mode & 0o077 != 0 {
        terminal.warn(format_args!(
            "others may use the key in {0}: chmod 600 {0}",
            path.display()
        ));
    }
    let refuse = |source| {
        let path = path.to_owned();
        Error::Key { path, source }
    };
    match file.take(KEY_FILE + 1).read_to_string(&mut text) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(refuse(super::seal::NotAKey).into());
        }
        outcome => outcome.map_err(cannot)?,
    };
    Ok(text.trim_end().parse().map_err(refuse)?)
}

/// `SOURCE:PATH`, split at the last colon that a slash follows, or `SOURCE` alone.
fn source_and_path(text: &OsStr) -> Result<(&Path, FilePath), Error> {
    let bytes = text.as_bytes();
    let split = bytes.windows(2).rposition(|pair| pair == b":/");
    let (source, path) = match split {
        Some(at) if at > 0 => (&bytes[..at], &bytes[at + 1..]),
        _ => (bytes, bytes),
    };
    let path = file_path(OsStr::from_bytes(path))?;
    Ok((Path::new(OsStr::from_bytes(source)), path))
}

fn file_path(text: &OsStr) -> Result<FilePath, Error> {
    let path = match text.to_str() {
        Some(path) => FilePath::new(path),
        None => Err(PathFault::Encoding),
    };
    path.map_err(|fault| Error::path(text.to_string_lossy())(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Option<(String, String)> {
        let (source, path) = source_and_path(OsStr::new(text)).ok()?;
        Some((source.to_str()?.to_owned(), path.as_str().to_owned()))
    }

    #[test]
    fn a_source_may_have_a_path() {
        let expected = |source: &str, path: &str| Some((source.to_owned(), path.to_owned()));
        assert_eq!(split("app:/srv/app"), expected("app", "/srv/app"));
        assert_eq!(split("/srv/app"), expected("/srv/app", "/srv/app"));
        assert_eq!(split("C:/x:/srv"), expected("C:/x", "/srv"));
        assert_eq!(split("rootfs:/"), expected("rootfs", "/"));
        assert_eq!(split("app"), None);
        assert_eq!(split("app:srv"), None);
        assert_eq!(split("/srv/../app"), None);
        assert_eq!(split("app:/srv/"), None);
    }

    #[test]
    fn a_key_file_is_64_digits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let terminal = Terminal::new(false, true);
        let digits = "42".repeat(32);
        let check = digits.parse::<FsKey>().unwrap().check();
        for text in [
            digits.clone(),
            format!("{digits}\n"),
            format!("{digits}\r\n"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_key(&path, &terminal).unwrap().check(), check);
        }
        for text in [
            "",
            "42",
            &format!("{digits}00"),
            &format!("x{digits}"),
            "\u{fffd}",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(read_key(&path, &terminal).is_err(), "{text}");
        }
        std::fs::write(&path, [0xff; 32]).unwrap();
        assert!(read_key(&path, &terminal).is_err());
    }
}
