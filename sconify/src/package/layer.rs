//! The one layer: a tar in one form only.
//!
//! POSIX ustar; entries sorted by their names' bytes; owner and group 0 but for folders that are a
//! user's; one time for all; modes 0755 and 0644; no names of users. Not compressed, so that no
//! version of a compressor has a part in the digest.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use tar::{EntryType, Header};

use super::Error;
use super::created::Created;
use super::documents::Blob;
use super::hashing::{CopyError, Hashing, Part};
use super::measuring::Measured;
use super::options::Owner;
use crate::image::{Image, Reader, stream};

const BLOCK: u64 = 512;

/// Two blocks of zeros end a tar.
const END: [u8; 2 * BLOCK as usize] = [0; 2 * BLOCK as usize];

/// What is in the layer, by name.
#[derive(Debug, Default)]
pub(super) struct Contents<'a> {
    entries: BTreeMap<String, Entry<'a>>,
    /// The enclave's stream, which is measured on its way.
    stream: Option<String>,
    /// Bytes of all entries.
    size: u64,
}

#[derive(Debug)]
enum Entry<'a> {
    Folder,
    /// A folder that only its owner may enter.
    Private(Owner),
    Member {
        image: &'a Image,
        size: u64,
        executable: bool,
    },
    Program(Reader),
}

impl Entry<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::Folder | Self::Private(_) => 0,
            Self::Member { size, .. } => *size,
            Self::Program(reader) => reader.len(),
        }
    }
}

impl<'a> Contents<'a> {
    /// All of an image whose program has this name, and may be executed whatever its mode.
    pub(super) fn add_image(&mut self, image: &'a Image, name: &str) -> Result<(), Error> {
        for folder in image.folders() {
            self.add(folder, Entry::Folder)?;
        }
        for (member_name, member) in image.members() {
            let entry = Entry::Member {
                image,
                size: member.size(),
                executable: member.is_executable() || member_name == name,
            };
            self.add(member_name, entry)?;
        }
        self.stream = Some(stream(name));
        Ok(())
    }

    /// A program beside it.
    pub(super) fn add_program(&mut self, name: &str, program: Reader) -> Result<(), Error> {
        self.add(name, Entry::Program(program))
    }

    /// An empty folder for a volume, and those above it.
    pub(super) fn add_private(&mut self, name: &str, owner: Owner) -> Result<(), Error> {
        for (end, _) in name.match_indices('/') {
            let parent = &name[..end];
            if !self.entries.contains_key(parent) {
                self.add(parent, Entry::Folder)?;
            }
        }
        self.add(name, Entry::Private(owner))
    }

    /// Whether there is a program of this name.
    pub(super) fn has_program(&self, name: &str) -> bool {
        matches!(
            self.entries.get(name),
            Some(
                Entry::Program(_)
                    | Entry::Member {
                        executable: true,
                        ..
                    }
            )
        )
    }

    fn add(&mut self, name: &str, entry: Entry<'a>) -> Result<(), Error> {
        let refusal = |what| Error::Member {
            name: name.to_owned(),
            what,
        };
        if self.entries.contains_key(name) {
            return Err(refusal("is in the image already"));
        }
        let headers = headers(name, &entry, Created::default());
        let headers = headers.map_err(|_| refusal("has a name that no tar can hold"))?;
        let data = entry.size().checked_next_multiple_of(BLOCK);
        let size = data.and_then(|data| data.checked_add(headers.len() as u64));
        self.size = size
            .and_then(|size| self.size.checked_add(size))
            .ok_or_else(|| refusal("is larger than any tar"))?;
        self.entries.insert(name.to_owned(), entry);
        Ok(())
    }

    /// Bytes of the layer.
    pub(super) fn size(&self) -> u64 {
        self.size.saturating_add(END.len() as u64)
    }

    /// Writes it. What can't be written is a fault of `out`, which has this path.
    pub(super) fn write(
        &self,
        out: impl Write,
        path: &Path,
        created: Created,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Blob, Measured), crate::Error> {
        let cannot_write = |error| crate::Error::io("write", path)(error);
        let mut tar = Hashing::new(out);
        for (name, entry) in &self.entries {
            let headers = headers(name, entry, created).map_err(cannot_write)?;
            tar.write(&headers, Part::Other).map_err(cannot_write)?;
            let part = if self.stream.as_ref() == Some(name) {
                Part::Stream
            } else {
                Part::Other
            };
            let (mut data, from) = match entry {
                Entry::Folder | Entry::Private(_) => continue,
                Entry::Member { image, .. } => (image.reader(name)?, image.path().join(name)),
                Entry::Program(reader) => (reader.clone(), name.into()),
            };
            tar.copy(&mut data, part, progress)
                .map_err(|error| match error {
                    CopyError::Read(error) => crate::Error::io("read", from)(error),
                    CopyError::Write(error) => cannot_write(error),
                })?;
            tar.write(padding(entry.size()), Part::Other)
                .map_err(cannot_write)?;
        }
        tar.write(&END, Part::Other).map_err(cannot_write)?;
        let hashed = tar.finish();
        let blob = Blob {
            sha256: hashed.digest,
            size: self.size(),
        };
        Ok((blob, hashed.stream))
    }
}

/// A header for a file that isn't in the layer: a blob or a document beside it.
pub(super) fn plain_header(name: &str, size: u64, created: Created) -> io::Result<Header> {
    let owner = Owner::default();
    make_header(name, EntryType::Regular, size, 0o644, owner, created)
}

/// What fills the last block of so many bytes.
pub(super) fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];
    let left = size.next_multiple_of(BLOCK) - size;
    // Less than a block.
    &ZEROS[..left as usize]
}

/// The blocks before an entry's data: its header, and one before that for a name that has no room in
/// it, as POSIX has it for pax.
fn headers(name: &str, entry: &Entry<'_>, created: Created) -> io::Result<Vec<u8>> {
    let (root, size) = (Owner::default(), entry.size());
    let (kind, mode, owner) = match entry {
        Entry::Folder => (EntryType::Directory, 0o755, root),
        Entry::Private(owner) => (EntryType::Directory, 0o700, *owner),
        Entry::Member {
            executable: false, ..
        } => (EntryType::Regular, 0o644, root),
        Entry::Member { .. } | Entry::Program(_) => (EntryType::Regular, 0o755, root),
    };
    let slash = if kind == EntryType::Directory {
        "/"
    } else {
        ""
    };
    let name = format!("{name}{slash}");
    let make = |name: &str| make_header(name, kind, size, mode, owner, created);
    if let Ok(header) = make(&name) {
        return Ok(header.as_bytes().to_vec());
    }
    let record = pax_record("path", &name);
    let length = record.len() as u64;
    let kind = EntryType::XHeader;
    let extended = make_header(LONG, kind, length, 0o644, root, created)?;
    let header = make(LONG)?;
    Ok([
        extended.as_bytes(),
        record.as_bytes(),
        padding(length),
        header.as_bytes(),
    ]
    .concat())
}

/// What stands in a header for a name that has no room there.
const LONG: &str = "long-name";

/// `LENGTH KEY=VALUE` and a line's end, where the length counts its own digits too.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn make_header(
    name: &str,
    kind: EntryType,
    size: u64,
    mode: u32,
    owner: Owner,
    created: Created,
) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(owner.user.into());
    header.set_gid(owner.group.into());
    header.set_mtime(created.seconds());
    header.set_cksum();
    Ok(header)
}
