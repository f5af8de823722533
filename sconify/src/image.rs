//! Images as they lie about: a folder, an OCI image layout, or a tar of either or from `docker save`.
//!
//! Whatever the form, an image is a set of named members, and a member is read as a stream. Nothing is
//! unpacked: a member of a tar is a range of it. [`open`] lists the members, compares every digest that
//! the form has with what it is the digest of, and refuses names that lead elsewhere, links, special
//! files and members that are there twice.

mod archive;
mod error;
mod folder;
mod name;
mod oci;
pub(crate) mod reader;
mod spelling;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::Error;
pub(crate) use name::fault as name_fault;
pub use reader::Reader;

/// The folder of what belongs to the enclave but is not the program.
pub const ENCLAVE: &str = "enclave";
/// The parameters as they were given.
pub const CONFIG: &str = "enclave/enclave.toml";
/// The file manifest, where there are file regions.
pub const MANIFEST: &str = "enclave/manifest.bin";
/// The symbols of the program: for people, not measured.
pub const SYMBOLS: &str = "enclave/symbols";
/// What the program was built from.
pub const PROVENANCE: &str = "enclave/provenance.json";
/// Gramine's manifest.
pub const GRAMINE: &str = "enclave/gramine.manifest.toml";
/// SCONE's session.
pub const SCONE: &str = "enclave/scone.session.yaml";
/// The folder of the files that the file manifest lists.
pub const FILES: &str = "files";

/// The canonical stream of a program of this name.
#[must_use]
pub fn stream(name: &str) -> String {
    format!("{ENCLAVE}/{name}.sgxs")
}

/// The signature structure of a program of this name.
#[must_use]
pub fn signature(name: &str) -> String {
    format!("{ENCLAVE}/{name}.sig")
}

/// How an image is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A folder, as `sconify build` writes it.
    Folder,
    /// A folder that is an OCI image layout.
    Layout,
    /// A tar of an OCI image layout.
    LayoutArchive,
    /// A tar as `docker save` wrote it before it wrote image layouts too.
    DockerArchive,
    /// A tar of the folder.
    Archive,
}

/// A regular file of an image.
#[derive(Debug, Clone)]
pub struct Member {
    size: u64,
    executable: bool,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// A file of a folder, opened when it's read.
    File(PathBuf),
    /// A range of a file that is open.
    Range(Reader),
}

impl Member {
    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether anybody may execute it.
    #[must_use]
    pub fn is_executable(&self) -> bool {
        self.executable
    }
}

/// What an image layout or a tar of `docker save` says of its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// SHA-256 of the image's manifest, which `docker` and registries call the image by; none in a tar
    /// of `docker save`.
    pub manifest: Option<[u8; 32]>,
    /// SHA-256 of the configuration.
    pub config: [u8; 32],
    /// SHA-256 of the one layer.
    pub layer: [u8; 32],
    /// The annotations of the manifest; in a tar of `docker save` the labels, which say the same.
    pub annotations: BTreeMap<String, String>,
    /// The names that the image goes by, such as `sconce/worker:0.1.0`.
    pub references: Vec<String>,
    /// What a container of it runs: a program and its arguments.
    pub start: Vec<String>,
}

/// An image whose members can be read.
#[derive(Debug, Clone)]
pub struct Image {
    path: PathBuf,
    form: Form,
    members: Members,
    package: Option<Package>,
}

/// Opens the image at `path`, whatever its form.
///
/// # Errors
///
/// [`Error`], with code `image.form` for what is no image at all, `image.layout` for an image layout
/// that can't be used, `image.archive` for a damaged tar, `image.digest` where bytes aren't those of
/// their digest, and `image.member` for members that no image may have.
pub fn open(path: &Path) -> Result<Image, Error> {
    let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
    let is_folder = metadata.is_dir();
    let refusal = |what| Error::Form {
        path: path.to_owned(),
        what,
    };
    let outer = if is_folder {
        // Whatever else it is may be a large tree.
        if [ENCLAVE, oci::LAYOUT]
            .iter()
            .all(|name| !path.join(name).exists())
        {
            return Err(refusal(NO_STREAM));
        }
        folder::list(path)?
    } else if metadata.is_file() {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let file = Reader::whole(Arc::new(file), metadata.len());
        match other_kind(&file).map_err(Error::io("read", path))? {
            Some(what) => return Err(refusal(what)),
            None => archive::list(path, &file)?,
        }
    } else {
        return Err(refusal("is neither a folder nor a file"));
    };
    let (form, members, package) = if outer.members.contains_key(oci::LAYOUT) {
        outer.refuse_links(path)?;
        let (members, package) = oci::open_layout(path, &outer)?;
        let form = if is_folder {
            Form::Layout
        } else {
            Form::LayoutArchive
        };
        (form, members, Some(package))
    } else if !is_folder && outer.members.contains_key(oci::DOCKER) {
        let (members, package) = oci::open_docker(path, &outer)?;
        (Form::DockerArchive, members, Some(package))
    } else {
        let form = if is_folder {
            Form::Folder
        } else {
            Form::Archive
        };
        (form, outer, None)
    };
    members.refuse_links(path)?;
    Ok(Image {
        path: path.to_owned(),
        form,
        members,
        package,
    })
}

/// What a file is by its first bytes, with a verb, where people take it for an image.
fn other_kind(file: &Reader) -> std::io::Result<Option<&'static str>> {
    use std::io::Read as _;

    let mut begin = Vec::new();
    file.clone().take(8).read_to_end(&mut begin)?;
    let kinds: [(&[u8], _); 6] = [
        (
            b"\x7fELF",
            "is a program, not an image: nothing in it is measured",
        ),
        (b"ECREATE\0", "is a stream alone: an image has it, and more"),
        (b"\x1f\x8b", "is compressed, and an image is not: gunzip it"),
        (
            b"\x28\xb5\x2f\xfd",
            "is compressed, and an image is not: unzstd it",
        ),
        (b"\xfd7zXZ\0", "is compressed, and an image is not: unxz it"),
        (b"BZh", "is compressed, and an image is not: bunzip2 it"),
    ];
    let kind = kinds.iter().find(|(magic, _)| begin.starts_with(magic));
    Ok(kind.map(|(_, what)| *what))
}

/// What every image has.
const NO_STREAM: &str = "is no enclave image: it has no enclave/NAME.sgxs";

impl Image {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is kept.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// What the form says of the image, if it says something.
    #[must_use]
    pub fn package(&self) -> Option<&Package> {
        self.package.as_ref()
    }

    /// The name of the program: that of the one stream in the folder `enclave`.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if there is no stream, or several.
    pub fn name(&self) -> Result<&str, Error> {
        let mut names = self.members.members.keys().filter_map(|member| {
            let file = member.strip_prefix(ENCLAVE)?.strip_prefix('/')?;
            file.strip_suffix(".sgxs")
                .filter(|name| !name.is_empty() && !name.contains('/'))
        });
        let refusal = |what| Error::Form {
            path: self.path.clone(),
            what,
        };
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            (None, _) => Err(refusal(NO_STREAM)),
            _ => Err(refusal("has several programs: enclave/*.sgxs")),
        }
    }

    /// All members, sorted by their names' bytes.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&str, &Member)> {
        let members = self.members.members.iter();
        members.map(|(name, member)| (name.as_str(), member))
    }

    /// The folders in it, sorted by their names' bytes.
    pub fn folders(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.folders.iter().map(String::as_str)
    }

    /// A member, if it's there.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.members.get(name)
    }

    /// Opens a member. The reader gives exactly as many bytes as [`Member::size`] says, or an error.
    /// It isn't buffered.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if it isn't there, [`Error::Io`], and [`Error::Member`] if it has become
    /// something else since the image was opened.
    pub fn reader(&self, name: &str) -> Result<Reader, Error> {
        self.members.reader(&self.path, name)
    }

    /// Reads a member whole.
    ///
    /// # Errors
    ///
    /// Those of [`Image::reader`], and [`Error::Member`] if it has more than `limit` bytes.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
        self.members.read(&self.path, name, limit)
    }
}

/// What a folder or a tar holds.
#[derive(Debug, Clone, Default)]
struct Members {
    members: BTreeMap<String, Member>,
    folders: BTreeSet<String>,
    /// The first of what isn't a regular file or a folder, and what it is.
    special: Option<(String, &'static str)>,
}

impl Members {
    /// Adds a file; its folders need not have been named.
    fn add(&mut self, path: &Path, name: &str, member: Member) -> Result<(), Error> {
        if self.folders.contains(name) || self.members.contains_key(name) {
            return Err(Error::member(path, name, "is there twice"));
        }
        self.add_parents(path, name)?;
        self.members.insert(name.to_owned(), member);
        Ok(())
    }

    /// Adds a folder, which may be there already.
    fn add_folder(&mut self, path: &Path, name: &str) -> Result<(), Error> {
        if self.members.contains_key(name) {
            return Err(Error::member(path, name, "is a file and a folder"));
        }
        self.add_parents(path, name)?;
        self.folders.insert(name.to_owned());
        Ok(())
    }

    fn add_parents(&mut self, path: &Path, name: &str) -> Result<(), Error> {
        let mut rest = name;
        while let Some((folder, _)) = rest.rsplit_once('/') {
            if self.members.contains_key(folder) {
                return Err(Error::member(path, folder, "is a file and a folder"));
            }
            if !self.folders.insert(folder.to_owned()) {
                break;
            }
            rest = folder;
        }
        Ok(())
    }

    fn add_special(&mut self, name: &str, what: &'static str) {
        self.special.get_or_insert_with(|| (name.to_owned(), what));
    }

    fn refuse_links(&self, path: &Path) -> Result<(), Error> {
        match &self.special {
            None => Ok(()),
            Some((name, what)) => Err(Error::member(path, name, what)),
        }
    }

    fn reader(&self, path: &Path, name: &str) -> Result<Reader, Error> {
        let member = self.members.get(name).ok_or_else(|| Error::Missing {
            path: path.to_owned(),
            name: name.to_owned(),
        })?;
        match &member.source {
            Source::Range(reader) => Ok(reader.clone()),
            Source::File(file) => folder::open(path, name, file, member.size),
        }
    }

    fn read(&self, path: &Path, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
        use std::io::Read as _;

        let mut reader = self.reader(path, name)?;
        if reader.len() > limit {
            return Err(Error::member(path, name, "is far larger than it may be"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(reader.len()).unwrap_or_default());
        let file = || path.join(name);
        reader
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io("read", &file())(error))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
