//! From files on this machine to a manifest, and then into an image.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::content;
use super::format::{Content, Entry, Manifest, ManifestDigest, Mode, Node, Region};
use super::merkle;
use super::path::FilePath;
use super::report::{Report, Step};
use super::seal::{FileKey, FsKey, RegionKey};
use super::tree::{Found, Kind, Tree};
use super::write::{Readers, create_folder, write_new};
use super::{Error, MAX_MANIFEST};
use crate::image;
use crate::terminal::{Progress, Terminal};

/// A region and where its files come from.
pub(super) struct Given {
    pub(super) region: Region,
    /// None if the host has them.
    pub(super) tree: Option<Tree>,
}

/// What a region brings.
struct Brought {
    given: Given,
    found: Vec<Found>,
}

/// Files that have been measured and are ready to be written into an image.
pub struct Plan {
    brought: Vec<Brought>,
    key: Option<FsKey>,
    manifest: Manifest,
    bytes: Vec<u8>,
    report: Report,
}

impl Plan {
    pub(super) fn new(
        given: Vec<Given>,
        key: Option<FsKey>,
        terminal: &Terminal,
    ) -> Result<Self, crate::Error> {
        let paths = paths(&given)?;
        let mut brought = Vec::new();
        for given in given {
            let found = given.walk(&paths)?;
            brought.push(Brought { given, found });
        }
        let encrypts = brought
            .iter()
            .any(|one| one.given.region.mode == Mode::Encrypted);
        let key = key.filter(|_| encrypts);
        let progress = terminal.bar("measuring files", passes(&brought));
        let steps = brought
            .iter()
            .map(|one| one.measure(key.as_ref(), &progress))
            .collect::<Result<Vec<_>, crate::Error>>()?;
        let report = Report::new(&steps, key.as_ref());
        let (regions, entries): (_, Vec<_>) = steps
            .into_iter()
            .map(|step| (step.region, step.entries))
            .unzip();
        let check = key.as_ref().map(FsKey::check);
        let manifest = Manifest::new(regions, check, entries.concat()).map_err(Error::from)?;
        let bytes = manifest.encode();
        if bytes.len() as u64 > MAX_MANIFEST {
            let (bytes, most) = (bytes.len(), MAX_MANIFEST);
            return Err(Error::Length { bytes, most }.into());
        }
        Ok(Self {
            brought,
            key,
            manifest,
            bytes,
            report,
        })
    }

    /// Whether there is no region, and so no manifest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.manifest.regions().is_empty()
    }

    /// The manifest that goes into the image; `None` if there is no region.
    #[must_use]
    pub fn manifest(&self) -> Option<&[u8]> {
        (!self.is_empty()).then_some(&self.bytes[..])
    }

    /// The digest that goes into the measured pages; `None` if there is no region.
    #[must_use]
    pub fn digest(&self) -> Option<ManifestDigest> {
        self.manifest().map(ManifestDigest::of)
    }

    /// Whether files go into the image of which the manifest says nothing.
    #[must_use]
    pub fn brings_unprotected(&self) -> bool {
        let unprotected = |one: &Brought| !one.given.region.mode.is_protected();
        let mut brought = self.brought.iter();
        brought.any(|one| unprotected(one) && one.given.tree.is_some())
    }

    /// What is said of each region and of its files.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Writes `enclave/manifest.bin` and everything under `files` into the folder of an image, and waits
    /// until it's on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if a file is not what was measured, and [`crate::Error::Io`].
    pub fn write_to(&self, image: &Path, terminal: &Terminal) -> Result<(), crate::Error> {
        let Some(manifest) = self.manifest() else {
            return Ok(());
        };
        let path = image.join(image::MANIFEST);
        create_folder(path.parent().unwrap_or(image))?;
        write_new(&path, Readers::Everybody, false, |file| {
            file.write_all(manifest)
        })?;
        let files = image.join(image::FILES);
        create_folder(&files)?;
        let progress = terminal.bar("copying files", bytes(&self.brought));
        for brought in &self.brought {
            for found in &brought.found {
                let to = files.join(found.path.relative());
                self.write(brought, found, &to, &progress)?;
            }
        }
        // One wait for all of them.
        let cannot = |error| crate::Error::io("write", &files)(error);
        let folder = File::open(&files).map_err(cannot)?;
        rustix::fs::syncfs(folder).map_err(|error| cannot(error.into()))
    }

    fn write(
        &self,
        brought: &Brought,
        found: &Found,
        to: &Path,
        progress: &Progress,
    ) -> Result<(), crate::Error> {
        match &found.kind {
            Kind::Folder => create_folder(to),
            // Nothing but its entry: an image has no links.
            Kind::Link(_) => Ok(()),
            Kind::File { executable, .. } => {
                create_folder(to.parent().unwrap_or(to))?;
                let listed = self.content(&found.path);
                let key = listed.and_then(|content| self.file_key(brought, &found.path, &content));
                let from = brought.open(&found.path)?;
                let mut written = None;
                write_new(to, Readers::Everybody, *executable, |file| {
                    let done = |bytes| progress.advance(bytes);
                    written = Some(content::store(from, key.as_ref(), file, done)?);
                    Ok(())
                })?;
                let same = |content: Content| {
                    let stored = Some(content.stored);
                    written.map(|written| written.stored) == stored
                };
                match listed.is_none_or(same) {
                    true => Ok(()),
                    false => Err(brought.changed(&found.path)),
                }
            }
        }
    }

    /// What the manifest says of the file at `path`; nothing if it's not protected.
    fn content(&self, path: &FilePath) -> Option<Content> {
        match self.manifest.access(path.as_str()) {
            super::format::Access::Listed(Entry {
                node: Node::File(content),
                ..
            }) => Some(*content),
            _ => None,
        }
    }

    fn file_key(&self, brought: &Brought, path: &FilePath, content: &Content) -> Option<FileKey> {
        let region = self.key.as_ref()?.region(&brought.given.region.path);
        let chunks = merkle::chunks(content.size);
        content.id.map(|id| region.file(path, id, chunks))
    }
}

impl Given {
    fn walk(&self, paths: &[FilePath]) -> Result<Vec<Found>, crate::Error> {
        let Some(tree) = &self.tree else {
            return Ok(Vec::new());
        };
        let here = &self.region.path;
        // What lies under another region's path is that region's to bring.
        let of_another = |path: &FilePath| path != here && paths.binary_search(path).is_ok();
        let found = tree.walk(here, of_another)?;
        for one in &found {
            if let Some(what) = self.fault(one) {
                let path = tree.place(here, &one.path);
                return Err(Error::Tree { path, what }.into());
            }
        }
        Ok(found)
    }

    /// Why this can't be in an image, if it can't.
    fn fault(&self, found: &Found) -> Option<&'static str> {
        match (&found.kind, self.region.mode) {
            (Kind::Link(_), Mode::None) => {
                Some("is a link, and only protected regions can have one")
            }
            (Kind::File { .. }, _) if found.path.parent().is_none() => {
                Some("is a file, and the root of an enclave's files is a folder")
            }
            _ => None,
        }
    }
}

impl Brought {
    /// The entries of a protected region.
    fn measure(&self, key: Option<&FsKey>, progress: &Progress) -> Result<Step, crate::Error> {
        let region = &self.given.region;
        let key = match region.mode {
            Mode::Encrypted => key.map(|key| key.region(&region.path)),
            Mode::None | Mode::Authenticated => None,
        };
        let mut entries = Vec::new();
        if region.mode.is_protected() {
            for found in &self.found {
                let node = match &found.kind {
                    Kind::Folder => Node::Folder,
                    Kind::Link(target) => Node::Link(target.clone()),
                    Kind::File { executable, .. } => {
                        let path = &found.path;
                        Node::File(self.content(path, *executable, key.as_ref(), progress)?)
                    }
                };
                let path = found.path.clone();
                entries.push(Entry { path, node });
            }
        }
        Ok(Step {
            region: region.clone(),
            entries,
        })
    }

    /// Of an encrypted file, content and key depend on each other: it is read twice.
    fn content(
        &self,
        path: &FilePath,
        executable: bool,
        key: Option<&RegionKey>,
        progress: &Progress,
    ) -> Result<Content, crate::Error> {
        let pass = |key: Option<&FileKey>| {
            let done = |bytes| progress.advance(bytes);
            let outcome = content::store(self.open(path)?, key, io::sink(), done);
            outcome.map_err(|error| self.cannot_read(path, error))
        };
        let plain = pass(None)?;
        let id = key.map(|key| key.content_id(path, plain.plain));
        let stored = match key.zip(id) {
            None => plain.stored,
            Some((key, id)) => {
                let key = key.file(path, id, merkle::chunks(plain.size));
                let sealed = pass(Some(&key))?;
                // A key belongs to one content: nothing else may ever be sealed with it.
                if (sealed.size, sealed.plain) != (plain.size, plain.plain) {
                    return Err(self.changed(path));
                }
                sealed.stored
            }
        };
        Ok(Content {
            size: plain.size,
            executable,
            stored,
            id,
        })
    }

    fn open(&self, path: &FilePath) -> Result<File, crate::Error> {
        match &self.given.tree {
            Some(tree) => tree.file(&self.given.region.path, path),
            None => Err(self.changed(path)),
        }
    }

    fn changed(&self, path: &FilePath) -> crate::Error {
        Error::Changed {
            path: self.place(path),
        }
        .into()
    }

    fn cannot_read(&self, path: &FilePath, error: io::Error) -> crate::Error {
        crate::Error::io("read", self.place(path))(error)
    }

    fn place(&self, path: &FilePath) -> PathBuf {
        let tree = self.given.tree.as_ref();
        tree.map_or_else(
            || path.as_str().into(),
            |tree| tree.place(&self.given.region.path, path),
        )
    }
}

/// The regions' paths in order, each there once.
fn paths(given: &[Given]) -> Result<Vec<FilePath>, Error> {
    let mut paths: Vec<_> = given.iter().map(|one| one.region.path.clone()).collect();
    paths.sort_unstable();
    match paths.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(paths),
        Some(pair) => Err(Error::Twice {
            path: pair[0].to_string(),
        }),
    }
}

/// How many bytes measuring will read.
fn passes(brought: &[Brought]) -> u64 {
    let passes = |one: &Brought| match one.given.region.mode {
        Mode::None => 0,
        Mode::Authenticated => 1,
        Mode::Encrypted => 2,
    };
    let sizes = brought
        .iter()
        .map(|one| size(one).saturating_mul(passes(one)));
    sizes.fold(0, u64::saturating_add)
}

fn bytes(brought: &[Brought]) -> u64 {
    brought.iter().map(size).fold(0, u64::saturating_add)
}

fn size(brought: &Brought) -> u64 {
    let sizes = brought.found.iter().map(|found| match found.kind {
        Kind::File { size, .. } => size,
        Kind::Folder | Kind::Link(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}
