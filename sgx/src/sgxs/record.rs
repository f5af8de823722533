//! One record: its bytes and its meaning.

use alloc::vec::Vec;

use super::rules::Rule;
use crate::page::{CHUNK_SIZE, PageType, Permissions, SecInfo};

/// Bytes of a record's header.
pub const HEADER_SIZE: usize = 64;

/// Bytes of the largest record: a header and a chunk.
pub(crate) const RECORD_SIZE: usize = HEADER_SIZE + CHUNK_SIZE;

/// Bytes of a page's records if all its chunks are there: an EADD, and sixteen chunks with a
/// header each.
pub const PAGE_RECORDS_SIZE: usize = HEADER_SIZE + 16 * RECORD_SIZE;

pub(crate) const ECREATE: [u8; 8] = *b"ECREATE\0";
pub(crate) const EADD: [u8; 8] = *b"EADD\0\0\0\0";
pub(crate) const EEXTEND: [u8; 8] = *b"EEXTEND\0";
pub(crate) const UNMEASRD: [u8; 8] = *b"UNMEASRD";
const UNSIZED: [u8; 8] = *b"UNSIZED\0";

/// One step of an enclave's construction. Offsets are from the enclave's base, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// ECREATE: the enclave begins.
    Create {
        /// Pages of a frame of saved state.
        ssa_frame_size: u32,
        /// Bytes of its address range.
        size: u64,
    },
    /// EADD: a page is added. Its offset, type and permissions are measured, its content is not.
    Add {
        /// Of the page.
        offset: u64,
        /// Type and permissions.
        info: SecInfo,
    },
    /// EEXTEND: 256 bytes of that page are loaded and measured.
    Extend {
        /// Of the chunk.
        offset: u64,
        /// The chunk.
        data: &'a [u8; CHUNK_SIZE],
    },
    /// UNMEASRD: 256 bytes of that page are loaded and not measured.
    Load {
        /// Of the chunk.
        offset: u64,
        /// The chunk.
        data: &'a [u8; CHUNK_SIZE],
    },
}

impl Record<'_> {
    /// Appends the record's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header());
        if let Self::Extend { data, .. } | Self::Load { data, .. } = self {
            out.extend_from_slice(&data[..]);
        }
    }

    /// Bytes of the record: 64, or 320 with a chunk.
    #[must_use]
    pub const fn size(&self) -> usize {
        match self {
            Self::Create { .. } | Self::Add { .. } => HEADER_SIZE,
            Self::Extend { .. } | Self::Load { .. } => RECORD_SIZE,
        }
    }

    /// The first 64 bytes.
    #[must_use]
    pub fn header(&self) -> [u8; HEADER_SIZE] {
        let mut header = [0; HEADER_SIZE];
        match *self {
            Self::Create {
                ssa_frame_size,
                size,
            } => {
                header[..8].copy_from_slice(&ECREATE);
                header[8..12].copy_from_slice(&ssa_frame_size.to_le_bytes());
                header[12..20].copy_from_slice(&size.to_le_bytes());
            }
            Self::Add { offset, info } => {
                header[..8].copy_from_slice(&EADD);
                header[8..16].copy_from_slice(&offset.to_le_bytes());
                header[16..24].copy_from_slice(&info.flags().to_le_bytes());
            }
            Self::Extend { offset, .. } => {
                header[..8].copy_from_slice(&EEXTEND);
                header[8..16].copy_from_slice(&offset.to_le_bytes());
            }
            Self::Load { offset, .. } => {
                header[..8].copy_from_slice(&UNMEASRD);
                header[8..16].copy_from_slice(&offset.to_le_bytes());
            }
        }
        header
    }
}

/// A header by itself: what kind of record it begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Header {
    Create { ssa_frame_size: u32, size: u64 },
    Add { offset: u64, info: SecInfo },
    Chunk { offset: u64, measured: bool },
}

impl Header {
    pub(super) fn parse(bytes: &[u8; HEADER_SIZE]) -> Result<Self, Rule> {
        let tag = number(bytes, 0);
        match tag.to_le_bytes() {
            ECREATE => {
                reserved("ECREATE", &bytes[20..])?;
                Ok(Self::Create {
                    ssa_frame_size: number(bytes, 8) as u32,
                    size: number(bytes, 12),
                })
            }
            EADD => {
                reserved("SECINFO", &bytes[24..])?;
                Ok(Self::Add {
                    offset: number(bytes, 8),
                    info: secinfo(number(bytes, 16))?,
                })
            }
            EEXTEND => {
                reserved("EEXTEND", &bytes[16..])?;
                Ok(Self::Chunk {
                    offset: number(bytes, 8),
                    measured: true,
                })
            }
            UNMEASRD => {
                reserved("UNMEASRD", &bytes[16..])?;
                Ok(Self::Chunk {
                    offset: number(bytes, 8),
                    measured: false,
                })
            }
            UNSIZED => Err(Rule::Unsized),
            _ => Err(Rule::UnknownTag(tag)),
        }
    }

    /// Bytes of the whole record.
    pub(super) const fn size(self) -> u64 {
        if self.has_chunk() {
            RECORD_SIZE as u64
        } else {
            HEADER_SIZE as u64
        }
    }

    /// Whether 256 bytes of content follow.
    pub(super) const fn has_chunk(self) -> bool {
        matches!(self, Self::Chunk { .. })
    }

    /// The whole record; `data` is for those that have a chunk.
    pub(super) const fn with(self, data: &[u8; CHUNK_SIZE]) -> Record<'_> {
        match self {
            Self::Create {
                ssa_frame_size,
                size,
            } => Record::Create {
                ssa_frame_size,
                size,
            },
            Self::Add { offset, info } => Record::Add { offset, info },
            Self::Chunk {
                offset,
                measured: true,
            } => Record::Extend { offset, data },
            Self::Chunk {
                offset,
                measured: false,
            } => Record::Load { offset, data },
        }
    }
}

/// SECINFO.FLAGS: permissions in bits 0 to 2, the page's type in bits 8 to 15, all others zero.
fn secinfo(flags: u64) -> Result<SecInfo, Rule> {
    let [low, page_type, rest @ ..] = flags.to_le_bytes();
    let permissions = Permissions::from_bits(low).ok_or(Rule::Reserved("SECINFO"))?;
    reserved("SECINFO", &rest)?;
    let page_type = match page_type {
        1 => PageType::Tcs,
        2 => PageType::Reg,
        other => return Err(Rule::PageType(other)),
    };
    Ok(SecInfo {
        page_type,
        permissions,
    })
}

fn reserved(of: &'static str, bytes: &[u8]) -> Result<(), Rule> {
    // To the end without a look in between: that is many bytes at once.
    if bytes.iter().fold(0, |any, byte| any | byte) == 0 {
        Ok(())
    } else {
        Err(Rule::Reserved(of))
    }
}

/// The eight bytes from `at`, little-endian.
fn number(bytes: &[u8; HEADER_SIZE], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
