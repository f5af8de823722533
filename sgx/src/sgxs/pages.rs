//! A stream as pages.

use alloc::boxed::Box;
use core::ops::ControlFlow;

use super::measuring::MeasuringReader;
use super::record::Record;
use super::rules::{Error, Rule};
use crate::digest::Mrenclave;
use crate::page::{CHUNK_SIZE, PAGE_SIZE, SecInfo};

/// What ECREATE says of an enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameters {
    /// Pages of a frame of saved state.
    pub ssa_frame_size: u32,
    /// Bytes of the enclave's address range: a power of two.
    pub size: u64,
}

/// Some of the sixteen chunks of a page: bit n is chunk n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Chunks(pub u16);

impl Chunks {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(u16::MAX);

    /// Whether chunk `number`, 0 to 15, is among them.
    #[must_use]
    pub const fn contains(self, number: u32) -> bool {
        number < 16 && self.0 >> number & 1 != 0
    }

    /// How many they are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// A page with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// From the enclave's base, in bytes.
    pub offset: u64,
    /// Type and permissions, which are measured.
    pub info: SecInfo,
    /// The chunks whose content is measured.
    pub measured: Chunks,
    /// The chunks whose content is in the stream and not measured.
    pub loaded: Chunks,
    /// The content. Zero where the stream has none.
    pub content: Box<[u8; PAGE_SIZE]>,
}

/// What a whole stream has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The measurement.
    pub mrenclave: Mrenclave,
    /// What ECREATE says.
    pub parameters: Parameters,
    /// Bytes of the stream.
    pub bytes: u64,
    /// Bytes that were hashed.
    pub hashed: u64,
    /// Pages.
    pub pages: u64,
    /// Thread control structures among them.
    pub tcs: u64,
    /// Pages with all their content measured.
    pub measured: u64,
    /// Pages with some chunks measured and others not.
    pub partly_measured: u64,
    /// Pages with nothing of their content measured.
    pub unmeasured: u64,
}

/// Reads a stream that arrives in any pieces as pages, and measures it. Insists on every [`Rule`];
/// holds no more than a page and a record.
///
/// Take pages until there are none, push the next piece, and so on to the end:
///
/// ```
/// use sgx::sgxs::{PageReader, Parameters, Writer};
/// use sgx::{Permissions, SecInfo};
/// # use sconce_sgx as sgx;
///
/// # let (mut writer, begin) = Writer::create(Parameters { ssa_frame_size: 1, size: 0x2000 })?;
/// # let mut stream = begin.to_vec();
/// # stream.extend_from_slice(writer.zero_page(0, SecInfo::reg(Permissions::R))?);
/// let mut reader = PageReader::new();
/// for mut piece in stream.chunks(1000) {
///     while let Some(page) = reader.next(&mut piece)? {
///         println!("{:x} {}", page.offset, page.info.permissions);
///     }
/// }
/// let (last, summary) = reader.finish()?;
/// println!("{:x}", last.map_or(0, |page| page.offset));
/// assert_eq!(summary.mrenclave, writer.finish());
/// # Ok::<(), sgx::sgxs::Error>(())
/// ```
#[derive(Clone)]
pub struct PageReader {
    reader: MeasuringReader,
    build: Build,
    counts: Counts,
}

/// The enclave as far as it is built.
#[derive(Debug, Clone, Default)]
struct Build {
    parameters: Option<Parameters>,
    /// The page just added; its chunks come next.
    page: Option<Page>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tcs: u64,
    measured: u64,
    partly: u64,
    not: u64,
}

impl Default for PageReader {
    fn default() -> Self {
        Self::new()
    }
}

impl PageReader {
    /// At the begin of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reader: MeasuringReader::new(),
            build: Build::default(),
            counts: Counts::default(),
        }
    }

    /// Takes bytes off the front of `input` until a page is complete, which it is when the next
    /// begins; `None` when all of `input` is taken. The last page comes from
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// The rule that the stream breaks, from then on at every call.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Page>, Error> {
        let build = &mut self.build;
        let page = self.reader.read(input, |record| match build.take(record) {
            Some(page) => ControlFlow::Break(page),
            None => ControlFlow::Continue(()),
        })?;
        if let Some(page) = &page {
            self.counts.add(page);
        }
        Ok(page)
    }

    /// What ECREATE said, once it has been read.
    #[must_use]
    pub const fn parameters(&self) -> Option<Parameters> {
        self.build.parameters
    }

    /// Where the record begins that comes next, in bytes from the stream's begin.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// The stream has ended: its last page, and what it has come to.
    ///
    /// # Errors
    ///
    /// If it ended before its first record or within one, or had been refused.
    pub fn finish(mut self) -> Result<(Option<Page>, Summary), Error> {
        let (bytes, hashed) = (self.reader.offset(), self.reader.hashed());
        let mrenclave = self.reader.finish()?;
        let parameters = self.build.parameters.ok_or(Error {
            rule: Rule::NoEcreate,
            offset: 0,
        })?;
        if let Some(page) = &self.build.page {
            self.counts.add(page);
        }
        let Counts {
            tcs,
            measured,
            partly,
            not,
        } = self.counts;
        let summary = Summary {
            mrenclave,
            parameters,
            bytes,
            hashed,
            pages: measured + partly + not,
            tcs,
            measured,
            partly_measured: partly,
            unmeasured: not,
        };
        Ok((self.build.page, summary))
    }
}

impl Page {
    fn new(offset: u64, info: SecInfo) -> Self {
        Self {
            offset,
            info,
            measured: Chunks::NONE,
            loaded: Chunks::NONE,
            content: Box::new([0; PAGE_SIZE]),
        }
    }

    /// Puts a chunk in its place; the reader has checked that it is one of this page. Which bit is
    /// the chunk's.
    fn put(&mut self, offset: u64, data: &[u8; CHUNK_SIZE]) -> u16 {
        let within = (offset % PAGE_SIZE as u64) as usize;
        self.content[within..within + CHUNK_SIZE].copy_from_slice(data);
        1 << (within / CHUNK_SIZE)
    }
}

impl Counts {
    fn add(&mut self, page: &Page) {
        self.tcs += u64::from(page.info == SecInfo::TCS);
        match page.measured {
            Chunks::ALL => self.measured += 1,
            Chunks::NONE => self.not += 1,
            Chunks(_) => self.partly += 1,
        }
    }
}

impl Build {
    /// Takes the next record; the page before it if the record adds another.
    fn take(&mut self, record: &Record<'_>) -> Option<Page> {
        match *record {
            Record::Create {
                ssa_frame_size,
                size,
            } => {
                self.parameters = Some(Parameters {
                    ssa_frame_size,
                    size,
                });
                None
            }
            Record::Add { offset, info } => self.page.replace(Page::new(offset, info)),
            Record::Extend { offset, data } => {
                let page = self.page.as_mut()?;
                page.measured.0 |= page.put(offset, data);
                None
            }
            Record::Load { offset, data } => {
                let page = self.page.as_mut()?;
                page.loaded.0 |= page.put(offset, data);
                None
            }
        }
    }
}
