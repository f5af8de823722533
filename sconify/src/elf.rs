//! The program that goes into an enclave: a static-pie ELF file for x86-64, read strictly.
//!
//! What is measured is the program as it stands in memory before it runs: its loadable segments at
//! their addresses, zeros around them. The headers, which lie in the first page, are measured in a
//! form that does not depend on the file (see [`Program::write_rebuilt`]); so a stripped program has
//! the measurement of the unstripped one.
//!
//! | refused | because |
//! |---|---|
//! | a dynamic loader, shared libraries | the host would choose code that is not measured |
//! | pages that are writable and executable | what runs there would not be what was measured |
//! | relocations in what can't be written | the program would have to make its code writable |
//! | other types than RELATIVE and IRELATIVE | they need symbols of other files |
//! | overlapping, unreadable, misaligned, absurd segments | tools would disagree about what they mean |

mod dynamic;
mod error;
mod header;
mod names;
#[doc(hidden)]
pub mod sample;
mod segments;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use object::LittleEndian as LE;
use sgx::{PAGE_SIZE, Permissions};

pub use dynamic::Relocations;
pub use error::Error;
pub use names::RawSymbol;
pub(crate) use segments::MAX_GAPS;
pub use segments::{PageRun, Segment};

const PAGE: u64 = PAGE_SIZE as u64;

/// Bytes that a file may have, debug information included.
pub const MAX_FILE: u64 = 1 << 30;

/// A program that is fit for an enclave.
#[derive(Debug)]
pub struct Program {
    file: Vec<u8>,
    /// ELF header and program headers as they're measured.
    head: Vec<u8>,
    entry: u64,
    segments: Vec<Segment>,
    pages: Vec<PageRun>,
    relocations: Relocations,
}

impl Program {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`] if it can't be read, and those of [`Program::parse`].
    pub fn read(path: &Path) -> Result<Self, crate::Error> {
        let mut file = Vec::new();
        File::open(path)
            .and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut file))
            .map_err(crate::Error::io("read", path))?;
        Self::parse(file).map_err(crate::Error::of_file(path))
    }

    /// Checks the bytes of a file.
    ///
    /// # Errors
    ///
    /// The first rule that they break.
    pub fn parse(file: Vec<u8>) -> Result<Self, Error> {
        if file.len() as u64 > MAX_FILE {
            return Err(Error::Format {
                what: "it is larger than 1 GiB",
                offset: MAX_FILE,
            });
        }
        let (header, headers) = header::parse(&file)?;
        let entry = header.e_entry.get(LE);
        let segments = segments::parse(headers, file.len() as u64)?;
        let pages = segments::pages(&segments)?;
        let relocations = dynamic::parse(&file, headers, &segments)?;
        let is_code = |segment: &Segment| {
            segment.holds(entry, 1) && segment.permissions.contains(Permissions::X)
        };
        if !segments.iter().any(is_code) {
            return Err(Error::Kind("its entry point is no code of its own"));
        }
        Ok(Self {
            head: header::canonical(&file, headers),
            entry,
            segments,
            pages,
            relocations,
            file,
        })
    }

    /// Where it begins to run, from the enclave's base.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// Its loadable segments, in ascending order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The pages that they make, in ascending order. Between two runs there may be a gap.
    #[must_use]
    pub fn pages(&self) -> &[PageRun] {
        &self.pages
    }

    /// How many relocations it has.
    #[must_use]
    pub fn relocations(&self) -> Relocations {
        self.relocations
    }

    /// Offset behind its last page.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.pages.last().map_or(0, |run| run.offset + run.length)
    }

    /// The bytes of a page as they're measured, in `page`. `offset` is a multiple of the page size.
    pub fn read_page(&self, offset: u64, page: &mut [u8; PAGE_SIZE]) {
        page.fill(0);
        for segment in &self.segments {
            let from = segment.address.max(offset);
            let to = segment.file_end().min(offset + PAGE);
            if let Some(length) = to.checked_sub(from)
                && let Some(bytes) = self.bytes(from, length)
            {
                let at = (from - offset) as usize;
                page[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
        if offset == 0 {
            page[..self.head.len()].copy_from_slice(&self.head);
        }
    }

    /// Bytes of the file by their address, if it has them all and they're of one segment.
    #[must_use]
    pub fn bytes(&self, address: u64, length: u64) -> Option<&[u8]> {
        at(&self.file, &self.segments, address, length)
    }

    /// Writes the program as it's rebuilt from its measured pages: one after the other from offset 0
    /// up to the last that isn't filled by the loader. It has no sections and no symbols, the
    /// operating system maps exactly these pages, and it's a program again whose rebuilt form is
    /// the same.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_rebuilt(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut page = [0; PAGE_SIZE];
        for offset in (0..self.rebuilt_length()).step_by(PAGE_SIZE) {
            self.read_page(offset, &mut page);
            out.write_all(&page)?;
        }
        Ok(())
    }

    /// Bytes that [`Program::write_rebuilt`] writes.
    #[must_use]
    pub fn rebuilt_length(&self) -> u64 {
        rebuilt_length(&self.segments)
    }

    fn file(&self) -> &[u8] {
        &self.file
    }
}

/// How many bytes from the enclave's base make the program again, by its measured first page.
///
/// # Errors
///
/// If the page does not begin with headers of a program. `pages` bytes follow the base, at least as
/// many as the headers ask for.
pub fn program_length(first_page: &[u8; PAGE_SIZE], pages: u64) -> Result<u64, Error> {
    let (_, headers) = header::parse(first_page)?;
    Ok(rebuilt_length(&segments::parse(headers, pages)?))
}

fn rebuilt_length(segments: &[Segment]) -> u64 {
    let ends = segments.iter().filter(|segment| segment.file_size > 0);
    ends.map(Segment::file_end)
        .max()
        .unwrap_or(0)
        .next_multiple_of(PAGE)
}

fn at<'a>(file: &'a [u8], segments: &[Segment], address: u64, length: u64) -> Option<&'a [u8]> {
    let segment = segments
        .iter()
        .find(|segment| segment.holds(address, length))?;
    let start = usize::try_from(segment.file_offset + (address - segment.address)).ok()?;
    file.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}
