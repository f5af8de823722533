//! Tars: POSIX ustar, with the extensions by which others write long names.
//!
//! Where two readers of tars could see two things in the same bytes, nothing is read: what is
//! verified here must be what docker and others unpack.

use std::io::Read as _;
use std::path::Path;

use tar::{EntryType, Header, PaxExtensions};

use super::{Error, Member, Members, Reader, Source, name};

const BLOCK: u64 = 512;

/// The most bytes that an extension header may have. A name has 4095 at most.
const LONGEST_EXTENSION: u64 = 64 << 10;

/// Lists a tar. Links and special files are noted, since the tars of `docker save` have links that
/// nobody needs.
pub(super) fn list(path: &Path, tar: &Reader) -> Result<Members, Error> {
    let mut members = Members::default();
    let mut walk = Walk {
        path,
        tar: tar.clone(),
        offset: 0,
    };
    while let Some(entry) = walk.next()? {
        let Some(name) = entry.name(path)? else {
            continue;
        };
        if let Some(what) = name::fault(&name) {
            return Err(Error::member(path, &name, what));
        }
        match entry.kind {
            EntryType::Directory => members.add_folder(path, &name)?,
            EntryType::Regular | EntryType::Continuous => {
                let member = Member {
                    size: entry.data.len(),
                    executable: entry.executable,
                    source: Source::Range(entry.data),
                };
                members.add(path, &name, member)?;
            }
            EntryType::Link | EntryType::Symlink => {
                members.add_special(&name, "is a link, and an image has none");
            }
            _ => members.add_special(&name, "is neither a file nor a folder"),
        }
    }
    Ok(members)
}

/// One entry, with what extension headers said of it.
struct Entry {
    kind: EntryType,
    raw_name: Vec<u8>,
    executable: bool,
    data: Reader,
}

impl Entry {
    /// Its name without the `./` before and the `/` after it; none for the root folder.
    fn name(&self, path: &Path) -> Result<Option<String>, Error> {
        let Ok(raw) = str::from_utf8(&self.raw_name) else {
            let shown = String::from_utf8_lossy(&self.raw_name);
            return Err(Error::member(path, &shown, "has a name that is not UTF-8"));
        };
        let name = raw.strip_prefix("./").unwrap_or(raw);
        if self.kind != EntryType::Directory {
            return Ok(Some(name.to_owned()));
        }
        let name = name.strip_suffix('/').unwrap_or(name);
        Ok((!name.is_empty() && name != ".").then(|| name.to_owned()))
    }
}

/// What extension headers say of the entry after them.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    /// Whether there was one of pax; of two, some readers forget the first.
    pax: bool,
}

impl Extended {
    const fn is_empty(&self) -> bool {
        self.name.is_none() && self.size.is_none()
    }
}

struct Walk<'a> {
    path: &'a Path,
    tar: Reader,
    offset: u64,
}

impl Walk<'_> {
    /// The next entry that is something, or nothing at the end.
    fn next(&mut self) -> Result<Option<Entry>, Error> {
        let mut extended = Extended::default();
        loop {
            let at = self.offset;
            let Some(header) = self.header()? else {
                if !extended.is_empty() {
                    return Err(self.damaged(at, "it ends within an entry"));
                }
                return Ok(None);
            };
            let size = self.size(at, &header)?;
            match header.entry_type() {
                EntryType::GNULongName => {
                    let name = self.long_name(at, size)?;
                    self.set(at, &mut extended.name, name)?;
                }
                EntryType::GNULongLink => drop(self.extension(at, size)?),
                EntryType::XHeader if extended.pax => {
                    return Err(self.damaged(at, "an entry has two extended headers"));
                }
                EntryType::XHeader => {
                    extended.pax = true;
                    self.pax(at, size, &mut extended)?;
                }
                EntryType::XGlobalHeader => {
                    let mut global = Extended::default();
                    self.pax(at, size, &mut global)?;
                    if !global.is_empty() {
                        return Err(self.damaged(at, "a global header has a name or a size"));
                    }
                }
                EntryType::GNUSparse => {
                    return Err(self.damaged(at, "sparse entries are not understood"));
                }
                kind if is_known(kind) => {
                    return self.entry(at, kind, &header, size, extended).map(Some);
                }
                // Others skip its data; here another tar could stand in it, and be read.
                _ => return Err(self.damaged(at, "an entry is of an unknown type")),
            }
        }
    }

    /// What a header says of the size of its data.
    fn size(&self, at: u64, header: &Header) -> Result<u64, Error> {
        /// The field's first bytes where it holds a binary number of 64 bits.
        const BINARY: [u8; 4] = [0x80, 0, 0, 0];
        let unreadable = || self.damaged(at, "a size cannot be read");
        let field = &header.as_old().size;
        if field[0] & 0x80 != 0 && !field.starts_with(&BINARY) {
            return Err(unreadable());
        }
        header.entry_size().map_err(|_| unreadable())
    }

    /// Takes what an entry may be told once.
    fn set<T>(&self, at: u64, place: &mut Option<T>, value: T) -> Result<(), Error> {
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(self.damaged(at, "an entry has two names, or two sizes")),
        }
    }

    /// The header at the offset, which then is behind it; nothing where the tar ends.
    fn header(&mut self) -> Result<Option<Header>, Error> {
        if self.offset == self.tar.len() {
            return Ok(None);
        }
        let at = self.offset;
        let mut header = Header::new_old();
        let mut block = self.take(BLOCK)?;
        block
            .read_exact(header.as_mut_bytes())
            .map_err(Error::io("read", self.path))?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if header.cksum().ok() != Some(checksum(header.as_bytes())) {
            return Err(self.damaged(at, "there is no header, or its checksum is wrong"));
        }
        Ok(Some(header))
    }

    fn entry(
        &mut self,
        at: u64,
        kind: EntryType,
        header: &Header,
        size: u64,
        extended: Extended,
    ) -> Result<Entry, Error> {
        // Old tars mark folders by a slash alone, and give links a size that has no bytes.
        let has_data = matches!(kind, EntryType::Regular | EntryType::Continuous);
        let size = extended.size.unwrap_or(size);
        let data = self.take(if has_data { size } else { 0 })?;
        self.pad(at)?;
        let raw_name = extended
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = match kind {
            EntryType::Regular if raw_name.ends_with(b"/") => EntryType::Directory,
            kind => kind,
        };
        let mode = header.mode();
        let mode = mode.map_err(|_| self.damaged(at, "a mode cannot be read"))?;
        Ok(Entry {
            kind,
            raw_name,
            executable: mode & 0o111 != 0,
            data,
        })
    }

    fn long_name(&mut self, at: u64, size: u64) -> Result<Vec<u8>, Error> {
        let mut name = self.extension(at, size)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    fn pax(&mut self, at: u64, size: u64, extended: &mut Extended) -> Result<(), Error> {
        let bytes = self.extension(at, size)?;
        let unreadable = || self.damaged(at, "an extended header cannot be read");
        // An empty line would end the records here, and nowhere else.
        let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if !bytes.is_empty() && lines.split(|byte| *byte == b'\n').any(<[u8]>::is_empty) {
            return Err(unreadable());
        }
        for record in PaxExtensions::new(&bytes) {
            let record = record.map_err(|_| unreadable())?;
            match record.key_bytes() {
                b"path" => self.set(at, &mut extended.name, record.value_bytes().to_vec())?,
                b"size" => {
                    let size = record.value().ok().and_then(|size| size.parse().ok());
                    let size = size.ok_or_else(|| self.damaged(at, "a size cannot be read"))?;
                    self.set(at, &mut extended.size, size)?;
                }
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(self.damaged(at, "sparse entries are not understood"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn extension(&mut self, at: u64, size: u64) -> Result<Vec<u8>, Error> {
        if size > LONGEST_EXTENSION {
            return Err(self.damaged(at, "an extended header is too long"));
        }
        let mut bytes = Vec::new();
        self.take(size)?
            .read_to_end(&mut bytes)
            .map_err(Error::io("read", self.path))?;
        self.pad(at)?;
        Ok(bytes)
    }

    /// So many bytes from the offset, which then is behind them.
    fn take(&mut self, size: u64) -> Result<Reader, Error> {
        let range = self.tar.range(self.offset, size);
        let range = range.ok_or_else(|| self.damaged(self.offset, "it ends within an entry"))?;
        self.offset += size;
        Ok(range)
    }

    /// Goes on to the next block. The last entry of a tar may lack what fills its block.
    fn pad(&mut self, at: u64) -> Result<(), Error> {
        let next = self.offset.checked_next_multiple_of(BLOCK);
        let next = next.ok_or_else(|| self.damaged(at, "it ends within an entry"))?;
        self.offset = next.min(self.tar.len());
        Ok(())
    }

    fn damaged(&self, offset: u64, what: &'static str) -> Error {
        Error::Archive {
            path: self.path.to_owned(),
            offset,
            what,
        }
    }
}

/// Whether all readers agree on which of these entries have data.
fn is_known(kind: EntryType) -> bool {
    use EntryType::{Block, Char, Continuous, Directory, Fifo, Link, Regular, Symlink};
    matches!(
        kind,
        Regular | Continuous | Directory | Link | Symlink | Char | Block | Fifo
    )
}

/// The sum of the bytes, those of the sum's own field counted as blanks.
fn checksum(block: &[u8; 512]) -> u32 {
    let field = 148..156;
    let bytes = block.iter().enumerate();
    bytes
        .map(|(at, byte)| u32::from(if field.contains(&at) { b' ' } else { *byte }))
        .sum()
}
