//! What makes a stream canonical, for those who read streams and those who write them.

use crate::page::{CHUNK_SIZE, PAGE_SIZE, PageType, Permissions, SecInfo};

/// The smallest SIZE: two pages.
const MINIMAL_SIZE: u64 = 2 * PAGE_SIZE as u64;

/// A broken rule, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical: {rule}, in the record at byte {offset} of the stream")]
pub struct Error {
    /// The rule.
    pub rule: Rule,
    /// Where the record begins that breaks it, in bytes from the stream's begin.
    pub offset: u64,
}

impl Error {
    /// The code of the rule's class.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.rule.code()
    }
}

/// What a canonical stream keeps to. The text says how it was broken; offsets in it are those of
/// the enclave, from its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// The first record is ECREATE.
    #[error("the stream does not start with ECREATE")]
    NoEcreate,
    /// There is one ECREATE.
    #[error("there is a second ECREATE")]
    SecondEcreate,
    /// The size of the enclave is known.
    #[error("an UNSIZED stream has no MRENCLAVE yet")]
    Unsized,
    /// No record is cut off in its header.
    #[error("the stream ends within a header: {present} of 64 bytes are there")]
    TruncatedHeader {
        /// Bytes of the header that are there.
        present: usize,
    },
    /// No record is cut off in its content.
    #[error("the stream ends within a chunk: {present} of 256 bytes are there")]
    TruncatedChunk {
        /// Bytes of the chunk that are there.
        present: usize,
    },
    /// Every record is of a known kind.
    #[error("no record has the tag 0x{0:016x}")]
    UnknownTag(u64),
    /// SIZE is a power of two, at least two pages.
    #[error("SIZE 0x{0:x} is not a power of two from 0x2000 upwards")]
    Size(u64),
    /// A frame of saved state has a page at least.
    #[error("SSAFRAMESIZE is zero")]
    SsaFrameSize,
    /// What a header does not define is zero.
    #[error("reserved bytes of {0} are not zero")]
    Reserved(&'static str),
    /// Pages begin where pages begin.
    #[error("EADD offset 0x{0:x} is not a multiple of 0x1000")]
    PageUnaligned(u64),
    /// Pages lie inside the enclave.
    #[error("EADD offset 0x{offset:x} is beyond SIZE 0x{size:x}")]
    PageBeyondSize {
        /// Of the page.
        offset: u64,
        /// Of the enclave.
        size: u64,
    },
    /// Pages come in the order of their offsets, each once.
    #[error("EADD offset 0x{offset:x} is not above 0x{last:x}, the one before")]
    PageOrder {
        /// Of the page.
        offset: u64,
        /// Of the page before.
        last: u64,
    },
    /// Pages are thread control structures or regular.
    #[error("page type {0} is neither TCS (1) nor REG (2)")]
    PageType(u8),
    /// A TCS has no permissions.
    #[error("a TCS page has permissions {0}")]
    TcsPermissions(Permissions),
    /// Who may write may read.
    #[error("a page with permissions {0} is writable and not readable")]
    WriteWithoutRead(Permissions),
    /// A chunk is one of the sixteen of the page just added.
    #[error("chunk 0x{0:x} does not belong to the last EADD")]
    ForeignChunk(u64),
    /// A chunk is measured or loaded once.
    #[error("chunk 0x{0:x} is there twice")]
    ChunkTwice(u64),
    /// The chunks of a page come in the order of their offsets.
    #[error("chunk 0x{offset:x} comes after chunk 0x{last:x} of the same page")]
    ChunkOrder {
        /// Of the chunk.
        offset: u64,
        /// Of the chunk before.
        last: u64,
    },
}

impl Rule {
    /// The code of its class, stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TruncatedHeader { .. } | Self::TruncatedChunk { .. } => "sgxs.truncated",
            Self::Unsized | Self::UnknownTag(_) => "sgxs.record",
            Self::Size(_) | Self::SsaFrameSize => "sgxs.size",
            Self::Reserved(_) => "sgxs.reserved",
            Self::PageUnaligned(_)
            | Self::PageBeyondSize { .. }
            | Self::PageType(_)
            | Self::TcsPermissions(_)
            | Self::WriteWithoutRead(_) => "sgxs.page",
            Self::NoEcreate
            | Self::SecondEcreate
            | Self::PageOrder { .. }
            | Self::ForeignChunk(_)
            | Self::ChunkTwice(_)
            | Self::ChunkOrder { .. } => "sgxs.order",
        }
    }
}

/// How far a stream has come: takes one record after another, or says which rule it breaks.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// SIZE, once there is an ECREATE.
    size: Option<u64>,
    /// The page just added.
    page: Option<u64>,
    /// Its chunks so far: bit n is chunk n.
    seen: u16,
}

impl Rules {
    pub(super) fn create(&mut self, ssa_frame_size: u32, size: u64) -> Result<(), Rule> {
        if self.size.is_some() {
            return Err(Rule::SecondEcreate);
        }
        if size < MINIMAL_SIZE || !size.is_power_of_two() {
            return Err(Rule::Size(size));
        }
        if ssa_frame_size == 0 {
            return Err(Rule::SsaFrameSize);
        }
        self.size = Some(size);
        Ok(())
    }

    pub(super) fn add(&mut self, offset: u64, info: SecInfo) -> Result<(), Rule> {
        let size = self.started()?;
        if !offset.is_multiple_of(PAGE_SIZE as u64) {
            return Err(Rule::PageUnaligned(offset));
        }
        if offset >= size {
            return Err(Rule::PageBeyondSize { offset, size });
        }
        if let Some(last) = self.page.filter(|last| offset <= *last) {
            return Err(Rule::PageOrder { offset, last });
        }
        permissions(info)?;
        self.page = Some(offset);
        self.seen = 0;
        Ok(())
    }

    pub(super) fn chunk(&mut self, offset: u64) -> Result<(), Rule> {
        self.started()?;
        let number = self
            .page
            .and_then(|page| chunk_of(page, offset))
            .ok_or(Rule::ForeignChunk(offset))?;
        if self.seen & 1 << number != 0 {
            return Err(Rule::ChunkTwice(offset));
        }
        if self.seen >> number != 0 {
            let last = u64::from(self.seen.ilog2());
            return Err(Rule::ChunkOrder {
                offset,
                last: self.page.unwrap_or_default() + last * CHUNK_SIZE as u64,
            });
        }
        self.seen |= 1 << number;
        Ok(())
    }

    /// All sixteen chunks of the page just added.
    pub(super) fn all_chunks(&mut self) {
        self.seen = u16::MAX;
    }

    /// SIZE, if the stream has begun as it must.
    pub(super) fn started(&self) -> Result<u64, Rule> {
        self.size.ok_or(Rule::NoEcreate)
    }
}

fn permissions(info: SecInfo) -> Result<(), Rule> {
    let granted = info.permissions;
    match info.page_type {
        PageType::Tcs if granted != Permissions::NONE => Err(Rule::TcsPermissions(granted)),
        PageType::Reg if granted.contains(Permissions::W) && !granted.contains(Permissions::R) => {
            Err(Rule::WriteWithoutRead(granted))
        }
        PageType::Tcs | PageType::Reg => Ok(()),
    }
}

/// Which chunk of the page lies at `offset`.
fn chunk_of(page: u64, offset: u64) -> Option<u32> {
    let within = offset.checked_sub(page)?;
    let aligned = within < PAGE_SIZE as u64 && within.is_multiple_of(CHUNK_SIZE as u64);
    aligned.then_some((within / CHUNK_SIZE as u64) as u32)
}
