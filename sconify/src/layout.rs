//! Where everything stands in an enclave.
//!
//! From the base upwards, each a whole number of pages:
//!
//! | area | pages | measured |
//! |---|---|---|
//! | program | its segments at their addresses | yes |
//! | [manifest] | readable | yes |
//! | heap | readable, writable | that it's there; its zeros only with `heap.measured` |
//! | for each thread: guard | none: 64 KiB that nothing can touch | – |
//! | stack | readable, writable | that it's there |
//! | guard | none | – |
//! | TLS: what the thread finds at its FS and GS | readable, writable | yes |
//! | TCS | thread control structure | yes |
//! | SSA: frames of saved state | readable, writable | that they're there |
//!
//! The page at FS holds little-endian numbers of 64 bits: the offsets of the stack's end, of the
//! stack's begin, of the manifest, of the heap; the heap's length; the thread's number, from 0. The
//! rest is zero.

use ring::digest::{SHA256, digest};
use sgx::sgxs::Parameters;
use sgx::{PAGE_SIZE, Permissions, SecInfo, Tcs};

use crate::config::Config;
use crate::elf::{PageRun, Program};
use crate::manifest::{self, AreaRecord, Manifest, Table};
use crate::{Exit, Fault};

/// Bytes of address range that nothing stands in, around each stack.
pub const GUARD: u64 = 64 << 10;

/// What an enclave's address range may have at most.
pub const MAX_SIZE: u64 = 1 << 40;

const PAGE: u64 = PAGE_SIZE as u64;

/// All areas of an enclave.
#[derive(Debug, Clone)]
pub struct Layout {
    parameters: Parameters,
    areas: Vec<Area>,
    manifest: Vec<u8>,
    entry: u64,
    ssa_frames: u32,
}

/// Pages that follow each other, are for one purpose and have the same type and permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// What they're for.
    pub kind: AreaKind,
    /// Offset of the first from the enclave's base, in bytes.
    pub offset: u64,
    /// Bytes of all of them.
    pub length: u64,
    /// Type and permissions; `None` for a guard, which has no pages.
    pub info: Option<SecInfo>,
    /// Whether the content is measured.
    pub measured: bool,
}

/// What an area is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AreaKind {
    /// A segment of the program, by its place among them.
    Program(usize),
    /// The enclave's manifest.
    Manifest,
    /// Memory that the program allocates from.
    Heap,
    /// Nothing, so that a stack that grows too large stops the program.
    Guard(u16),
    /// A thread's stack; the number is the thread's, here and below.
    Stack(u16),
    /// What the thread finds at its FS and GS.
    Tls(u16),
    /// The thread's control structure.
    Tcs(u16),
    /// Where the processor saves the thread's state.
    Ssa(u16),
}

/// Why there is no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Everything together is too large.
    #[error(
        "the enclave would take more than 1 TiB: reduce heap.size, threads.count or threads.stack"
    )]
    Size,
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        "config.value"
    }

    fn exit(&self) -> Exit {
        Exit::Unusable
    }
}

impl Layout {
    /// Places everything. `files` is the digest of the files' manifest, if the image has files.
    ///
    /// # Errors
    ///
    /// [`Error::Size`], and those of [`Program::section`].
    pub fn plan(
        config: &Config,
        program: &Program,
        files: Option<[u8; 32]>,
    ) -> Result<Self, crate::Error> {
        let mut manifest = Manifest {
            areas: Vec::new(),
            entry: program.entry(),
            files: files.map(hex::encode),
            name: config.name.clone(),
            parameters: manifest::Parameters::of(config),
            table: table(program)?,
            version: manifest::VERSION,
        };
        // The manifest says where it ends, and so how long it is depends on itself: with every round
        // the numbers in it can only grow, up to those of the largest enclave.
        let mut length = PAGE;
        loop {
            let areas = areas(config, program, length).ok_or(Error::Size)?;
            manifest.areas = records(&areas);
            let pages = manifest.to_pages();
            if pages.len() as u64 == length {
                return Self::new(config, program, areas, pages);
            }
            length = pages.len() as u64;
        }
    }

    /// The layout of an image that is there: what [`Layout::plan`] made of the parameters that its
    /// manifest repeats. Whether the image's pages are those of it is for the caller to see, by
    /// measuring; and whether what else the manifest says is true, by [`Layout::contradiction`].
    ///
    /// # Errors
    ///
    /// [`Error::Size`], and [`crate::config::Error`] for parameters that no `enclave.toml` may have.
    pub fn again(manifest: &Manifest, program: &Program) -> Result<Self, crate::Error> {
        let config = manifest.config()?;
        let pages = manifest.to_pages();
        let areas = areas(&config, program, pages.len() as u64).ok_or(Error::Size)?;
        Self::new(&config, program, areas, pages)
    }

    /// What a manifest says wrong of this layout, if something. A runtime believes its manifest, and
    /// measuring alone does not tell whether it may.
    #[must_use]
    pub fn contradiction(&self, manifest: &Manifest) -> Option<&'static str> {
        if manifest.entry != self.entry {
            Some("another entry point than the program's")
        } else if manifest.areas != records(&self.areas) {
            Some("other areas than there are")
        } else {
            None
        }
    }

    fn new(
        config: &Config,
        program: &Program,
        areas: Vec<Area>,
        manifest: Vec<u8>,
    ) -> Result<Self, crate::Error> {
        let end = areas.last().map_or(0, Area::end);
        let size = end.next_power_of_two().max(2 * PAGE);
        if size > MAX_SIZE {
            return Err(Error::Size.into());
        }
        Ok(Self {
            parameters: Parameters {
                ssa_frame_size: config.ssa.pages,
                size,
            },
            areas,
            manifest,
            entry: program.entry(),
            ssa_frames: config.ssa.frames,
        })
    }

    /// SIZE and SSAFRAMESIZE.
    #[must_use]
    pub const fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// All areas, in ascending order.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The bytes of the manifest's pages.
    #[must_use]
    pub fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    /// Bytes of the stream that this layout makes.
    #[must_use]
    pub fn stream_length(&self) -> u64 {
        let pages = self.areas.iter().filter(|area| area.info.is_some());
        let records = pages.map(|area| {
            let each = if area.measured {
                sgx::sgxs::PAGE_RECORDS_SIZE
            } else {
                sgx::sgxs::HEADER_SIZE
            };
            area.pages() * each as u64
        });
        sgx::sgxs::HEADER_SIZE as u64 + records.sum::<u64>()
    }

    /// The control structure of a thread.
    pub(crate) fn tcs(&self, thread: u16) -> Tcs {
        let tls = self.offset_of(AreaKind::Tls(thread));
        Tcs {
            aex_notify: false,
            ssa: self.offset_of(AreaKind::Ssa(thread)),
            ssa_frames: self.ssa_frames,
            entry: self.entry,
            fs_base: tls,
            gs_base: tls,
            fs_limit: Tcs::LIMIT,
            gs_limit: Tcs::LIMIT,
            cet_ssa: 0,
            previous_ssp: 0,
        }
    }

    /// What a thread finds at its FS and GS.
    pub(crate) fn tls(&self, thread: u16) -> [u8; PAGE_SIZE] {
        let stack = self.area(AreaKind::Stack(thread));
        let heap = self.area(AreaKind::Heap);
        let numbers = [
            stack.map_or(0, Area::end),
            stack.map_or(0, |area| area.offset),
            self.offset_of(AreaKind::Manifest),
            heap.map_or(0, |area| area.offset),
            heap.map_or(0, |area| area.length),
            thread.into(),
        ];
        let mut page = [0; PAGE_SIZE];
        for (place, number) in page.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        page
    }

    fn area(&self, kind: AreaKind) -> Option<&Area> {
        self.areas.iter().find(|area| area.kind == kind)
    }

    fn offset_of(&self, kind: AreaKind) -> u64 {
        self.area(kind).map_or(0, |area| area.offset)
    }
}

impl Area {
    /// Offset behind its last byte.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// How many pages it has, or would have.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.length / PAGE
    }
}

impl AreaKind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Program(_) => "program",
            Self::Manifest => "manifest",
            Self::Heap => "heap",
            Self::Guard(_) => "guard",
            Self::Stack(_) => "stack",
            Self::Tls(_) => "tls",
            Self::Tcs(_) => "tcs",
            Self::Ssa(_) => "ssa",
        }
    }

    /// The thread that it belongs to, if to one.
    #[must_use]
    pub const fn thread(self) -> Option<u16> {
        match self {
            Self::Program(_) | Self::Manifest | Self::Heap => None,
            Self::Guard(thread)
            | Self::Stack(thread)
            | Self::Tls(thread)
            | Self::Tcs(thread)
            | Self::Ssa(thread) => Some(thread),
        }
    }
}

/// All areas, if the manifest's pages have `manifest` bytes; `None` if they go beyond what there is.
fn areas(config: &Config, program: &Program, manifest: u64) -> Option<Vec<Area>> {
    let mut areas: Vec<_> = program.pages().iter().map(of_program).collect();
    let mut end = program.end();
    let mut put = |kind, length: u64, info, measured| {
        areas.push(Area {
            kind,
            offset: end,
            length,
            info,
            measured,
        });
        end = end.checked_add(length)?;
        (end <= MAX_SIZE).then_some(())
    };
    let r = Some(SecInfo::reg(Permissions::R));
    let rw = Some(SecInfo::reg(Permissions::RW));
    put(AreaKind::Manifest, manifest, r, true)?;
    put(AreaKind::Heap, config.heap.size.0, rw, config.heap.measured)?;
    let ssa = u64::from(config.ssa.frames) * u64::from(config.ssa.pages) * PAGE;
    for thread in 0..config.threads.count {
        put(AreaKind::Guard(thread), GUARD, None, false)?;
        put(AreaKind::Stack(thread), config.threads.stack.0, rw, false)?;
        put(AreaKind::Guard(thread), GUARD, None, false)?;
        put(AreaKind::Tls(thread), PAGE, rw, true)?;
        put(AreaKind::Tcs(thread), PAGE, Some(SecInfo::TCS), true)?;
        put(AreaKind::Ssa(thread), ssa, rw, false)?;
    }
    Some(areas)
}

fn of_program(run: &PageRun) -> Area {
    Area {
        kind: AreaKind::Program(run.segment),
        offset: run.offset,
        length: run.length,
        info: Some(SecInfo::reg(run.permissions)),
        measured: true,
    }
}

/// What the manifest says of them: threads are all alike.
fn records(areas: &[Area]) -> Vec<AreaRecord> {
    let record = |kind: &str, count: u32, offset, length| AreaRecord {
        count,
        kind: kind.to_owned(),
        length,
        offset,
    };
    let of_no_thread = areas.iter().filter(|area| area.kind.thread().is_none());
    let mut records: Vec<_> = of_no_thread
        .map(|area| record(area.kind.word(), 1, area.offset, area.length))
        .collect();
    let first = areas.iter().find(|area| area.kind.thread() == Some(0));
    if let (Some(first), Some(last)) = (first, areas.last())
        && let Some(highest) = last.kind.thread()
    {
        let count = u32::from(highest) + 1;
        let length = (last.end() - first.offset) / u64::from(count);
        records.push(record("thread", count, first.offset, length));
    }
    records
}

/// Where the program says what it runs.
fn table(program: &Program) -> Result<Option<Table>, crate::elf::Error> {
    let section = program.section(registry::SECTION)?;
    Ok(section.map(|(offset, bytes)| Table {
        length: bytes.len() as u64,
        offset,
        sha256: hex::encode(digest(&SHA256, bytes)),
    }))
}
