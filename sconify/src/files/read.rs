//! Reading files back from an image: as its measured manifest lists them, or not at all.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::content;
use super::format::{Access, Content, Entry, Manifest, ManifestDigest, Node};
use super::merkle;
use super::path::FilePath;
use super::seal::{FileKey, FsKey};
use super::write::{Readers, create_folder, write_new};
use super::{Error, MAX_MANIFEST, read_key};
use crate::image::{self, Image};
use crate::output::write_folder;
use crate::reading::Reading;
use crate::terminal::{Progress, Terminal};

/// The files of an image. The digest of their manifest stands in the measured pages.
#[derive(Debug)]
pub struct Files<'a> {
    image: &'a Image,
    manifest: Manifest,
}

/// Something that is not as the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The member of the image.
    pub name: String,
    /// What is wrong, with a verb.
    pub what: &'static str,
}

/// What a look at all files found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Files that hold what the manifest says.
    pub files: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// Files that nothing vouches for: they lie in regions without protection.
    pub unprotected: usize,
    /// What is not as the manifest says, by name.
    pub differences: Vec<Difference>,
}

impl<'a> Files<'a> {
    /// The files of an image that was read; `None` if it has none, or is a stream alone.
    ///
    /// # Errors
    ///
    /// [`Error::Integrity`] if the image's manifest is not the one that was measured, or there are
    /// files and nothing of them was measured; [`Error::Manifest`]; and those of reading the image.
    pub fn of(reading: &'a Reading) -> Result<Option<Self>, crate::Error> {
        let Some(beside) = &reading.beside else {
            return Ok(None);
        };
        let manifest = reading.manifest.as_ref();
        let measured = manifest.and_then(|manifest| manifest.files.as_deref());
        Self::open(&beside.image, measured)
    }

    /// The files of an image in whose measured pages this digest stands.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn open(image: &'a Image, measured: Option<&str>) -> Result<Option<Self>, crate::Error> {
        let differs = |name: &str, what| {
            let (image, name) = (image.path().to_owned(), name.to_owned());
            crate::Error::from(Error::Integrity { image, name, what })
        };
        let Some(measured) = measured else {
            let mut names = image.members().map(|(name, _)| name);
            let unmeasured = |name: &&str| *name == image::MANIFEST || file_path(name).is_some();
            return match names.find(unmeasured) {
                None => Ok(None),
                Some(name) => Err(differs(name, "is there, and the enclave knows of no files")),
            };
        };
        if image.member(image::MANIFEST).is_none() {
            return Err(differs(image::MANIFEST, "was measured, and is missing"));
        }
        let bytes = image.read(image::MANIFEST, MAX_MANIFEST)?;
        if ManifestDigest::of(&bytes).to_string() != measured {
            return Err(differs(image::MANIFEST, "is not the one that was measured"));
        }
        let manifest = Manifest::decode(&bytes).map_err(|refusal| Error::Manifest {
            path: image.path().to_owned(),
            refusal,
        })?;
        Ok(Some(Self { image, manifest }))
    }

    /// What is listed.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads a key file.
    ///
    /// # Errors
    ///
    /// Those of [`read_key`], and [`Error::WrongKey`] if nothing here was encrypted with it.
    pub fn read_key(&self, path: &Path, terminal: &Terminal) -> Result<FsKey, crate::Error> {
        let key = read_key(path, terminal)?;
        match self.manifest.key_check() {
            Some(check) if key.fits(check) => Ok(key),
            _ => Err(Error::WrongKey {
                path: path.to_owned(),
            }
            .into()),
        }
    }

    /// Compares every file with the manifest. No key is needed for that.
    ///
    /// # Errors
    ///
    /// Those of reading the image.
    pub fn verify(&self, terminal: &Terminal) -> Result<Verified, crate::Error> {
        let mut verified = Verified::default();
        let bytes = self.stored_bytes(|_| true);
        let progress = terminal.bar("comparing files", bytes);
        for entry in self.manifest.entries() {
            if let Node::File(content) = &entry.node {
                match self.compare(entry, content, &progress)? {
                    None => {
                        verified.files += 1;
                        verified.bytes += content::stored_size(content.size, content.id.is_some());
                    }
                    Some(what) => verified.differ(&member(&entry.path), what),
                }
            }
        }
        for (name, _) in self.image.members() {
            let Some(path) = file_path(name) else {
                continue;
            };
            match self.manifest.access(path) {
                Access::Unprotected => verified.unprotected += 1,
                Access::Listed(Entry {
                    node: Node::File(_),
                    ..
                }) => {}
                Access::Listed(_) => verified.differ(name, "is a file, and the manifest says no"),
                Access::Denied => verified.differ(name, "is not listed in the manifest"),
            }
        }
        verified.differences.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(verified)
    }

    /// Writes the listed files that are `paths`, or lie under one of them, into a new folder; all, if
    /// there is no path. The folder appears only when all of them were found to be right. Of what is
    /// unprotected nothing is written.
    ///
    /// # Errors
    ///
    /// [`Error::NotListed`], [`Error::Integrity`], [`Error::NoKey`] if one of them is encrypted and no
    /// key is there, and [`crate::Error::Io`].
    pub fn extract(
        &self,
        paths: &[FilePath],
        key: Option<&FsKey>,
        to: &Path,
        terminal: &Terminal,
    ) -> Result<usize, crate::Error> {
        let is_wanted = |entry: &Entry| {
            let path = entry.path.as_str();
            paths.is_empty() || paths.iter().any(|wanted| wanted.holds(path))
        };
        self.check_paths(paths)?;
        let progress = terminal.bar("extracting files", self.stored_bytes(is_wanted));
        write_folder(
            to,
            |_| false,
            |folder| {
                let wanted = self.manifest.entries().iter().filter(|e| is_wanted(e));
                let mut count = 0;
                for entry in wanted {
                    self.write(entry, key, folder, &progress)?;
                    count += 1;
                }
                Ok(count)
            },
        )
    }

    fn check_paths(&self, paths: &[FilePath]) -> Result<(), Error> {
        let unlisted = |path: &&FilePath| {
            let mut entries = self.manifest.entries().iter();
            !entries.any(|entry| path.holds(entry.path.as_str()))
        };
        match paths.iter().find(unlisted) {
            None => Ok(()),
            Some(path) => Err(Error::NotListed {
                path: path.to_string(),
            }),
        }
    }

    /// What is wrong with a listed file, if something is.
    fn compare(
        &self,
        entry: &Entry,
        content: &Content,
        progress: &Progress,
    ) -> Result<Option<&'static str>, crate::Error> {
        let name = member(&entry.path);
        let Some(found) = self.image.member(&name) else {
            return Ok(Some("is missing"));
        };
        let sealed = content.id.is_some();
        match (found.is_executable(), content.executable) {
            (true, false) => return Ok(Some("is executable, and the manifest says no")),
            (false, true) => return Ok(Some("is not executable, and the manifest says it is")),
            _ => {}
        }
        if found.size() != content::stored_size(content.size, sealed) {
            return Ok(Some("has another size than the manifest says"));
        }
        let reader = self.image.reader(&name)?;
        let done = |bytes| progress.advance(bytes);
        let root = content::stored_root(reader, sealed, done);
        let root = root.map_err(crate::Error::io("read", self.image.path().join(&name)))?;
        Ok((root != content.stored).then_some("holds something else than the manifest says"))
    }

    fn write(
        &self,
        entry: &Entry,
        key: Option<&FsKey>,
        folder: &Path,
        progress: &Progress,
    ) -> Result<(), crate::Error> {
        let to = folder.join(entry.path.relative());
        let cannot = |error| crate::Error::io("create", &to)(error);
        match &entry.node {
            Node::Folder => create_folder(&to),
            Node::Link(target) => {
                create_folder(to.parent().unwrap_or(folder))?;
                // No entry lies behind a link, so nothing is ever written through one.
                symlink(target, &to).map_err(cannot)
            }
            Node::File(content) => {
                create_folder(to.parent().unwrap_or(folder))?;
                let key = self.file_key(entry, content, key)?;
                self.write_file(entry, content, key.as_ref(), &to, progress)
            }
        }
    }

    fn write_file(
        &self,
        entry: &Entry,
        content: &Content,
        key: Option<&FileKey>,
        to: &Path,
        progress: &Progress,
    ) -> Result<(), crate::Error> {
        let name = member(&entry.path);
        let differs = || {
            let (image, name) = (self.image.path().to_owned(), name.clone());
            let what = "holds something else than the manifest says";
            crate::Error::from(Error::Integrity { image, name, what })
        };
        let Some(found) = self.image.member(&name) else {
            return Err(differs());
        };
        if found.size() != content::stored_size(content.size, key.is_some()) {
            return Err(differs());
        }
        let reader = self.image.reader(&name)?;
        let done = |bytes| progress.advance(bytes);
        let mut loaded = Err(io::ErrorKind::Other.into());
        let readers = match key {
            Some(_) => Readers::Owner,
            None => Readers::Everybody,
        };
        write_new(to, readers, content.executable, |file| {
            loaded = content::load(reader, key, file, done);
            Ok(())
        })?;
        match loaded {
            Ok(root) if root == content.stored => Ok(()),
            Ok(_) => Err(differs()),
            Err(error) if content::is_sealed_otherwise(&error) => Err(differs()),
            Err(error) => Err(crate::Error::io("write", to)(error)),
        }
    }

    fn file_key(
        &self,
        entry: &Entry,
        content: &Content,
        key: Option<&FsKey>,
    ) -> Result<Option<FileKey>, Error> {
        let path = &entry.path;
        let region = self.manifest.region_of(path.as_str());
        let Some((id, region)) = content.id.zip(region) else {
            return Ok(None);
        };
        let key = key.ok_or_else(|| Error::NoKey {
            path: path.to_string(),
        })?;
        let region = key.region(&region.path);
        Ok(Some(region.file(path, id, merkle::chunks(content.size))))
    }

    fn stored_bytes(&self, is_wanted: impl Fn(&Entry) -> bool) -> u64 {
        let entries = self.manifest.entries().iter();
        let sizes = entries
            .filter(|entry| is_wanted(entry))
            .map(|entry| match &entry.node {
                Node::File(content) => content::stored_size(content.size, content.id.is_some()),
                Node::Folder | Node::Link(_) => 0,
            });
        sizes.fold(0, u64::saturating_add)
    }
}

impl Verified {
    fn differ(&mut self, name: &str, what: &'static str) {
        let name = name.to_owned();
        self.differences.push(Difference { name, what });
    }
}

/// The member of an image that holds the file at `path`.
fn member(path: &FilePath) -> String {
    format!("{}{path}", image::FILES)
}

/// Where the enclave sees a member of an image; `None` if it is none of its files.
fn file_path(member: &str) -> Option<&str> {
    let path = member.strip_prefix(image::FILES)?;
    path.starts_with('/').then_some(path)
}
