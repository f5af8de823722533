//! Folders that files are taken from: read so that no link and no change under way leads out of them.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};

use super::Error;
use super::path::FilePath;

/// A folder, or a single file, that is open.
pub(super) struct Tree {
    name: PathBuf,
    root: OwnedFd,
    is_folder: bool,
}

/// Something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where the enclave sees it.
    pub(super) path: FilePath,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File { size: u64, executable: bool },
    Link(String),
}

impl Tree {
    /// Opens it. A link is followed: it is what the user named.
    pub(super) fn open(path: &Path) -> Result<Self, crate::Error> {
        let cannot = |error: rustix::io::Errno| crate::Error::io("read", path)(error.into());
        // A pipe must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(cannot)?;
        let is_folder = match file_type(&fstat(&root).map_err(cannot)?) {
            FileType::Directory => true,
            FileType::RegularFile => false,
            _ => return Err(refusal(path, "is neither a folder nor a regular file").into()),
        };
        Ok(Self {
            name: path.to_owned(),
            root,
            is_folder,
        })
    }

    /// Everything in it, as it is seen under `at`, but what `is_skipped`; folders before what they hold.
    pub(super) fn walk(
        &self,
        at: &FilePath,
        is_skipped: impl Fn(&FilePath) -> bool,
    ) -> Result<Vec<Found>, crate::Error> {
        let stat = fstat(&self.root).map_err(|error| self.cannot(Path::new(""), error))?;
        if !self.is_folder {
            let kind = file(&stat);
            let path = at.clone();
            return Ok(vec![Found { path, kind }]);
        }
        let mut found = Vec::new();
        let mut folders = vec![(PathBuf::new(), at.clone())];
        while let Some((folder, path)) = folders.pop() {
            let open = self.beneath(&folder, OFlags::DIRECTORY)?;
            for name in self.names(&folder, &open)? {
                let place = folder.join(&name);
                let path = join(&path, &name)?;
                if is_skipped(&path) {
                    continue;
                }
                let kind = self.kind(&open, &name, &place)?;
                if kind == Kind::Folder {
                    folders.push((place, path));
                } else {
                    found.push(Found { path, kind });
                }
            }
            found.push(Found {
                path,
                kind: Kind::Folder,
            });
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Opens the regular file that [`walk`](Self::walk) found at `path`.
    pub(super) fn file(&self, at: &FilePath, path: &FilePath) -> Result<File, crate::Error> {
        let place = relative(at, path);
        if !self.is_folder {
            // Opened anew, so that it is read from its beginning.
            return File::open(&self.name).map_err(crate::Error::io("read", &self.name));
        }
        let open = self.beneath(place, OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let stat = fstat(&open).map_err(|error| self.cannot(place, error))?;
        if file_type(&stat) != FileType::RegularFile {
            let path = self.name.join(place);
            return Err(Error::Changed { path }.into());
        }
        Ok(open.into())
    }

    /// Where a file of [`walk`](Self::walk) is, for messages.
    pub(super) fn place(&self, at: &FilePath, path: &FilePath) -> PathBuf {
        match relative(at, path) {
            here if here.as_os_str().is_empty() => self.name.clone(),
            below => self.name.join(below),
        }
    }

    /// Opens name after name, and no link in the place of any of them.
    fn beneath(&self, place: &Path, flags: OFlags) -> Result<OwnedFd, crate::Error> {
        let common = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let cannot = |error| self.cannot(place, error);
        let open = |within: &OwnedFd, name: &Path, flags| {
            openat(within, name, common | flags, Mode::empty()).map_err(cannot)
        };
        let mut names = place.components().peekable();
        let mut at = open(&self.root, Path::new("."), OFlags::DIRECTORY)?;
        while let Some(name) = names.next() {
            let flags = match names.peek() {
                Some(_) => OFlags::DIRECTORY,
                None => flags,
            };
            at = open(&at, name.as_ref(), flags)?;
        }
        Ok(at)
    }

    fn names(&self, place: &Path, folder: &OwnedFd) -> Result<Vec<PathBuf>, crate::Error> {
        let cannot = |error| self.cannot(place, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(PathBuf::from(OsStr::from_bytes(name)));
            }
        }
        // What is refused first is the same each time.
        names.sort_unstable();
        Ok(names)
    }

    fn kind(&self, folder: &OwnedFd, name: &Path, place: &Path) -> Result<Kind, crate::Error> {
        let cannot = |error| self.cannot(place, error);
        let refuse = |what| Err(refusal(&self.name.join(place), what).into());
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(cannot)?;
        match file_type(&stat) {
            FileType::Directory => Ok(Kind::Folder),
            FileType::RegularFile => Ok(file(&stat)),
            FileType::Symlink => {
                let target = readlinkat(folder, name, Vec::new()).map_err(cannot)?;
                match target.into_string() {
                    Ok(target) => Ok(Kind::Link(target)),
                    Err(_) => refuse("is a link to a path that is no UTF-8"),
                }
            }
            FileType::Fifo => refuse("is a pipe; an image takes folders, files and links"),
            FileType::Socket => refuse("is a socket; an image takes folders, files and links"),
            _ => refuse("is a device; an image takes folders, files and links"),
        }
    }

    fn cannot(&self, place: &Path, error: rustix::io::Errno) -> crate::Error {
        let path = self.name.join(place);
        match error {
            // A link, or something else that is no folder, where a folder or a file was.
            rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR | rustix::io::Errno::NOENT => {
                Error::Changed { path }.into()
            }
            other => crate::Error::io("read", path)(io::Error::from(other)),
        }
    }
}

/// The path below the tree of what is seen at `path`, when the tree is seen at `at`.
fn relative<'a>(at: &FilePath, path: &'a FilePath) -> &'a Path {
    let below = path.as_str().strip_prefix(at.as_str());
    Path::new(below.unwrap_or_default().trim_start_matches('/'))
}

fn join(folder: &FilePath, name: &Path) -> Result<FilePath, Error> {
    let shown = || {
        format!(
            "{}/{}",
            folder.as_str().trim_end_matches('/'),
            name.display()
        )
    };
    let text = name.to_str();
    let joined = text.map_or(Err(super::path::PathFault::Encoding), |name| {
        folder.join(name)
    });
    joined.map_err(|fault| Error::path(shown())(fault))
}

fn file(stat: &Stat) -> Kind {
    Kind::File {
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        executable: Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR),
    }
}

fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn refusal(path: &Path, what: &'static str) -> Error {
    let path = path.to_owned();
    Error::Tree { path, what }
}
