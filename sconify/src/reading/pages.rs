//! The pages of a stream: which there are, what of each is measured, and their bytes.
//!
//! A stream may be larger than memory. Pages alike in everything but their bytes are one [`Run`];
//! bytes that are not zero are kept once, in memory while they are few and in an unnamed file when
//! they are many.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use sgx::sgxs::{Chunks, Page};
use sgx::{PAGE_SIZE, SecInfo};

/// Bytes of a page, as an offset.
pub(crate) const PAGE: u64 = PAGE_SIZE as u64;

/// Up to here bytes are kept in memory.
const IN_MEMORY: usize = 16 << 20;

/// Pages that follow each other and are alike in everything but their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Offset of the first page from the enclave's base.
    pub offset: u64,
    /// How many pages.
    pub pages: u64,
    /// Type and permissions.
    pub info: SecInfo,
    /// What of each page is measured.
    pub measured: Chunks,
    /// What of each page is loaded without being measured (UNMEASRD).
    pub loaded: Chunks,
    /// Where the bytes are kept; `None` if all are zero.
    slot: Option<u64>,
}

impl Run {
    /// Offset behind the last page.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + self.pages * PAGE
    }

    /// Bytes of all its pages.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.pages * PAGE
    }

    /// Whether all bytes are zero.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.slot.is_none()
    }

    /// Whether a page with these properties may be the run's next.
    fn goes_on(&self, page: &Page, slot: Option<u64>) -> bool {
        let slots = match (self.slot, slot) {
            (None, None) => true,
            (Some(first), Some(next)) => next == first + self.bytes(),
            _ => false,
        };
        slots
            && page.offset == self.end()
            && page.info == self.info
            && page.measured == self.measured
            && page.loaded == self.loaded
    }
}

/// All pages of a stream, in ascending order.
#[derive(Debug, Default)]
pub struct Pages {
    runs: Vec<Run>,
    store: Store,
}

impl Pages {
    /// The runs, in ascending order.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Adds a page behind all others.
    ///
    /// # Errors
    ///
    /// Those of the temporary file.
    pub fn push(&mut self, page: &Page) -> io::Result<()> {
        let slot = if page.content.iter().all(|byte| *byte == 0) {
            None
        } else {
            Some(self.store.append(&page.content[..])?)
        };
        match self.runs.last_mut() {
            Some(run) if run.goes_on(page, slot) => run.pages += 1,
            _ => self.runs.push(Run {
                offset: page.offset,
                pages: 1,
                info: page.info,
                measured: page.measured,
                loaded: page.loaded,
                slot,
            }),
        }
        Ok(())
    }

    /// The run that holds this offset.
    #[must_use]
    pub fn run_at(&self, offset: u64) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.offset <= offset);
        let run = self.runs[..after].last()?;
        (offset < run.end()).then_some(run)
    }

    /// Fills `into` with the bytes at `offset`: zeros where there is no page.
    ///
    /// # Errors
    ///
    /// Those of the temporary file.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        into.fill(0);
        let end = offset.saturating_add(into.len() as u64);
        let first = self.runs.partition_point(|run| run.end() <= offset);
        for run in self.runs[first..].iter().take_while(|run| run.offset < end) {
            let Some(slot) = run.slot else { continue };
            let from = run.offset.max(offset);
            let to = run.end().min(end);
            let piece = &mut into[(from - offset) as usize..(to - offset) as usize];
            self.store.read(slot + (from - run.offset), piece)?;
        }
        Ok(())
    }

    /// Bytes that are kept because they aren't zero.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.store.length
    }
}

/// Bytes that don't change once they're written.
#[derive(Debug, Default)]
struct Store {
    length: u64,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Store {
    /// Returns where the bytes are.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let place = self.length;
        if self.file.is_none() && self.memory.len() + bytes.len() > IN_MEMORY {
            let file = tempfile::tempfile()?;
            file.write_all_at(&self.memory, 0)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        match &self.file {
            Some(file) => file.write_all_at(bytes, place)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(place)
    }

    fn read(&self, place: u64, into: &mut [u8]) -> io::Result<()> {
        match &self.file {
            Some(file) => file.read_exact_at(into, place),
            None => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                let bytes = place
                    .checked_add(into.len())
                    .and_then(|end| self.memory.get(place..end))
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
                into.copy_from_slice(bytes);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sgx::Permissions;

    use super::*;

    fn page(content: [u8; PAGE_SIZE], number: u64) -> Page {
        Page {
            offset: number * PAGE,
            info: SecInfo::reg(Permissions::R),
            measured: Chunks::ALL,
            loaded: Chunks::NONE,
            content: Box::new(content),
        }
    }

    #[test]
    fn pages_alike_are_one_run() {
        let mut pages = Pages::default();
        for number in 0..4 {
            pages.push(&page([7; PAGE_SIZE], number)).unwrap();
        }
        for number in 4..1000 {
            pages.push(&page([0; PAGE_SIZE], number)).unwrap();
        }
        pages.push(&page([0; PAGE_SIZE], 1001)).unwrap();
        pages
            .push(&Page {
                measured: Chunks(1 << 3),
                ..page([0; PAGE_SIZE], 1002)
            })
            .unwrap();
        let shape: Vec<_> = pages
            .runs()
            .iter()
            .map(|run| (run.offset / PAGE, run.pages, run.is_zero()))
            .collect();
        assert_eq!(
            shape,
            [
                (0, 4, false),
                (4, 996, true),
                (1001, 1, true),
                (1002, 1, true)
            ]
        );
        assert_eq!(pages.stored(), 4 * PAGE);
        assert_eq!(pages.run_at(3 * PAGE + 5).unwrap().offset, 0);
        assert_eq!(pages.run_at(1000 * PAGE), None);
    }

    #[test]
    fn bytes_are_read_across_runs_and_holes() {
        let mut pages = Pages::default();
        pages.push(&page([1; PAGE_SIZE], 0)).unwrap();
        pages.push(&page([0; PAGE_SIZE], 1)).unwrap();
        pages.push(&page([2; PAGE_SIZE], 3)).unwrap();
        let mut bytes = [9; 3 * PAGE_SIZE];
        pages.read(PAGE - 1, &mut bytes).unwrap();
        assert_eq!(bytes[0], 1);
        assert!(bytes[1..=2 * PAGE_SIZE].iter().all(|byte| *byte == 0));
        assert!(bytes[2 * PAGE_SIZE + 1..].iter().all(|byte| *byte == 2));
    }

    #[test]
    fn many_bytes_go_to_a_file() {
        let mut pages = Pages::default();
        let count = (IN_MEMORY / PAGE_SIZE) as u64 + 10;
        for number in 0..count {
            let mut bytes = [0; PAGE_SIZE];
            bytes[..8].copy_from_slice(&(number + 1).to_le_bytes());
            pages.push(&page(bytes, number)).unwrap();
        }
        assert!(pages.store.memory.is_empty() && pages.store.file.is_some());
        for number in [0, 1, count - 11, count - 10, count - 1] {
            let mut bytes = [0; 8];
            pages.read(number * PAGE, &mut bytes).unwrap();
            assert_eq!(u64::from_le_bytes(bytes), number + 1);
        }
    }
}
