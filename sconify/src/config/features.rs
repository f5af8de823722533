//! Register files of the processor, and the room that saving them takes.

use serde::{Deserialize, Serialize};
use sgx::{Attributes, Miscselect, PAGE_SIZE, flags, xfrm};

use super::{AttributesConfig, Error, Ssa};

/// GPRSGX, at the end of a frame (SDM 3D, 35.9.1.1).
const GPRSGX: u32 = 184;

/// EXINFO, below it (SDM 3D, 35.9.2).
const EXINFO: u32 = 16;

/// The legacy region and the header of an XSAVE area (SDM 1, 13.4).
const XSAVE_LEGACY: u32 = 576;

/// State components beyond x87 and SSE, by the bits of XFRM that enable them (SDM 1, 13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Feature {
    /// The upper halves of the YMM registers.
    Avx,
    /// Mask registers and ZMM; needs AVX.
    Avx512,
    /// Tiles; the frames of the SSA need three pages for them.
    Amx,
}

impl Feature {
    /// Its bits of XFRM.
    #[must_use]
    pub const fn xfrm(self) -> u64 {
        match self {
            Self::Avx => xfrm::AVX,
            Self::Avx512 => xfrm::AVX512,
            Self::Amx => xfrm::AMX,
        }
    }

    /// The end of its part of an XSAVE area in the standard format, as Intel's processors enumerate it.
    const fn xsave_end(self) -> u32 {
        match self {
            Self::Avx => 832,
            Self::Avx512 => 2688,
            Self::Amx => 11_008,
        }
    }
}

impl AttributesConfig {
    /// ATTRIBUTES, without DEBUG: whether an enclave may be debugged is its signature's matter.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        let features = self.features.iter().map(|feature| feature.xfrm());
        let kss = if self.kss { flags::KSS } else { 0 };
        Attributes {
            flags: Attributes::PLAIN.flags | kss,
            xfrm: features.fold(Attributes::PLAIN.xfrm, |all, one| all | one),
        }
    }

    /// MISCSELECT.
    #[must_use]
    pub fn miscselect(&self) -> Miscselect {
        if self.exinfo {
            Miscselect::EXINFO
        } else {
            Miscselect::default()
        }
    }

    /// Sorted features: none twice, none without what it needs, and all fit into a frame.
    pub(super) fn check(&self, ssa: Ssa) -> Result<(), Error> {
        let refuse = |rule: String| {
            Err(Error::Value {
                key: "attributes.features",
                found: format!("{:?}", self.features).to_lowercase(),
                rule,
            })
        };
        if self.features.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse("it takes each feature once".to_owned());
        }
        if self.features.contains(&Feature::Avx512) && !self.features.contains(&Feature::Avx) {
            return refuse("avx512 needs avx".to_owned());
        }
        let needed = self.frame_bytes().div_ceil(PAGE_SIZE as u32);
        if ssa.pages < needed {
            return refuse(format!(
                "saving them takes frames of {needed} pages, and `ssa.pages` is {}",
                ssa.pages
            ));
        }
        Ok(())
    }

    /// What one frame of the SSA must hold, in bytes.
    fn frame_bytes(&self) -> u32 {
        let xsave = self.features.iter().map(|feature| feature.xsave_end());
        let exinfo = if self.exinfo { EXINFO } else { 0 };
        xsave.max().unwrap_or(XSAVE_LEGACY) + exinfo + GPRSGX
    }
}
