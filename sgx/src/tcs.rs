//! The thread control structure: one page per thread, measured.

use crate::page::PAGE_SIZE;

/// Where the last defined field ends; the rest of the page is reserved.
const DEFINED: usize = 88;

/// A thread control structure as it is loaded (SDM 3D, 35.9). Offsets are from the enclave's base,
/// in bytes. What the loader may not choose (STATE, CSSA, AEP, DBGOPTIN) is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tcs {
    /// FLAGS.AEXNOTIFY: the thread may ask to be told of asynchronous exits.
    pub aex_notify: bool,
    /// OSSA: where its frames of saved state begin.
    pub ssa: u64,
    /// NSSA: how many of them there are.
    pub ssa_frames: u32,
    /// OENTRY: where EENTER begins.
    pub entry: u64,
    /// OFSBASE: what the base of FS becomes.
    pub fs_base: u64,
    /// OGSBASE: what the base of GS becomes.
    pub gs_base: u64,
    /// FSLIMIT, for 32-bit enclaves.
    pub fs_limit: u32,
    /// GSLIMIT, for 32-bit enclaves.
    pub gs_limit: u32,
    /// OCETSSA: where the saved state of control-flow enforcement begins.
    pub cet_ssa: u64,
    /// OPREVSSP: the shadow stack.
    pub previous_ssp: u64,
}

/// A page that cannot be a thread control structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TcsError {
    /// A field that is the processor's, or reserved, has a value.
    #[error("{field} at byte {offset} of a TCS page is not zero")]
    NotZero {
        /// Its name.
        field: &'static str,
        /// Where it begins, in bytes from the page's begin.
        offset: usize,
    },
    /// A thread could not be entered.
    #[error("NSSA of a TCS page is zero: a thread needs a frame of saved state to be entered")]
    NoFrames,
}

impl Tcs {
    /// The limit of FS and GS that makes a page.
    pub const LIMIT: u32 = 0xfff;

    /// The page.
    #[must_use]
    pub fn to_page(&self) -> [u8; PAGE_SIZE] {
        let mut page = [0; PAGE_SIZE];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(8, &(u64::from(self.aex_notify) << 1).to_le_bytes());
        put(16, &self.ssa.to_le_bytes());
        put(28, &self.ssa_frames.to_le_bytes());
        put(32, &self.entry.to_le_bytes());
        put(48, &self.fs_base.to_le_bytes());
        put(56, &self.gs_base.to_le_bytes());
        put(64, &self.fs_limit.to_le_bytes());
        put(68, &self.gs_limit.to_le_bytes());
        put(72, &self.cet_ssa.to_le_bytes());
        put(80, &self.previous_ssp.to_le_bytes());
        page
    }

    /// From a page.
    ///
    /// # Errors
    ///
    /// If a field that must be zero is not, or there is no frame of saved state.
    pub fn parse(page: &[u8; PAGE_SIZE]) -> Result<Self, TcsError> {
        let flags = long(page, 8);
        zero("STATE", 0, &page[..8])?;
        zero("FLAGS", 8, &(flags & !2).to_le_bytes())?;
        zero("CSSA", 24, &page[24..28])?;
        zero("AEP", 40, &page[40..48])?;
        zero("the reserved rest", DEFINED, &page[DEFINED..])?;
        let ssa_frames = word(page, 28);
        if ssa_frames == 0 {
            return Err(TcsError::NoFrames);
        }
        Ok(Self {
            aex_notify: flags & 2 != 0,
            ssa: long(page, 16),
            ssa_frames,
            entry: long(page, 32),
            fs_base: long(page, 48),
            gs_base: long(page, 56),
            fs_limit: word(page, 64),
            gs_limit: word(page, 68),
            cet_ssa: long(page, 72),
            previous_ssp: long(page, 80),
        })
    }
}

fn zero(field: &'static str, offset: usize, bytes: &[u8]) -> Result<(), TcsError> {
    if bytes.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(TcsError::NotZero { field, offset })
    }
}

fn long(page: &[u8; PAGE_SIZE], at: usize) -> u64 {
    u64::from(word(page, at)) | u64::from(word(page, at + 4)) << 32
}

fn word(page: &[u8; PAGE_SIZE], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&page[at..at + 4]);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCS: Tcs = Tcs {
        aex_notify: true,
        ssa: 0x1_0000_2000,
        ssa_frames: 2,
        entry: 0x1234,
        fs_base: 0x8000,
        gs_base: 0x9000,
        fs_limit: Tcs::LIMIT,
        gs_limit: Tcs::LIMIT,
        cet_ssa: 5,
        previous_ssp: 6,
    };

    #[test]
    fn a_page_is_read_as_it_is_written() {
        assert_eq!(Tcs::parse(&TCS.to_page()), Ok(TCS));
    }

    #[test]
    fn every_byte_is_a_field_or_refused() {
        for at in 0..PAGE_SIZE {
            let mut page = TCS.to_page();
            page[at] ^= 0x10;
            assert_ne!(Tcs::parse(&page), Ok(TCS), "byte {at}");
        }
    }

    #[test]
    fn a_thread_needs_a_frame() {
        let tcs = Tcs {
            ssa_frames: 0,
            ..TCS
        };
        assert_eq!(Tcs::parse(&tcs.to_page()), Err(TcsError::NoFrames));
    }
}
