//! What an enclave may do and which processor state it has: ATTRIBUTES and MISCSELECT.

use core::ops::{BitAnd, BitOr, Not};

/// Bits of [`Attributes::flags`] (SDM 3D, table 35-3).
pub mod flags {
    /// The enclave has been initialised. Only the processor sets it.
    pub const INIT: u64 = 1 << 0;
    /// A debugger may read and write the enclave: it protects nothing.
    pub const DEBUG: u64 = 1 << 1;
    /// The enclave runs in 64-bit mode.
    pub const MODE64BIT: u64 = 1 << 2;
    /// The enclave may have the provisioning key.
    pub const PROVISIONKEY: u64 = 1 << 4;
    /// The enclave may have the key of launch tokens.
    pub const EINITTOKEN_KEY: u64 = 1 << 5;
    /// Control-flow enforcement is on.
    pub const CET: u64 = 1 << 6;
    /// Key separation and sharing: extended ids and CONFIGID count.
    pub const KSS: u64 = 1 << 7;
    /// Threads may be told of asynchronous exits.
    pub const AEXNOTIFY: u64 = 1 << 10;
}

/// Bits of [`Attributes::xfrm`], which are those of XCR0 (SDM 1, 13.3).
pub mod xfrm {
    /// x87 and SSE state, which every enclave has.
    pub const LEGACY: u64 = 0x3;
    /// AVX state.
    pub const AVX: u64 = 1 << 2;
    /// AVX-512 state: masks and both halves of the registers.
    pub const AVX512: u64 = 0xe0;
    /// AMX state: configuration and tiles.
    pub const AMX: u64 = 0x6_0000;
}

/// SECS.ATTRIBUTES, or a mask over it (SDM 3D, 35.7.1). It is not measured: it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// What the enclave may do: [`flags`].
    pub flags: u64,
    /// The processor state that it has: [`xfrm`].
    pub xfrm: u64,
}

impl Attributes {
    /// Bytes of it.
    pub const SIZE: usize = 16;

    /// Of a 64-bit enclave with x87 and SSE state, and nothing else.
    pub const PLAIN: Self = Self {
        flags: flags::MODE64BIT,
        xfrm: xfrm::LEGACY,
    };

    /// As a mask: every bit counts.
    pub const ALL: Self = Self {
        flags: u64::MAX,
        xfrm: u64::MAX,
    };

    /// FLAGS and XFRM, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let (flags, xfrm) = bytes.split_at_mut(8);
        flags.copy_from_slice(&self.flags.to_le_bytes());
        xfrm.copy_from_slice(&self.xfrm.to_le_bytes());
        bytes
    }

    /// From FLAGS and XFRM, little-endian. Any bits are taken.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let value = u128::from_le_bytes(bytes);
        Self {
            flags: value as u64,
            xfrm: (value >> 64) as u64,
        }
    }

    /// Whether a debugger may look into the enclave.
    #[must_use]
    pub const fn is_debug(self) -> bool {
        self.flags & flags::DEBUG != 0
    }
}

impl BitAnd for Attributes {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self {
            flags: self.flags & other.flags,
            xfrm: self.xfrm & other.xfrm,
        }
    }
}

impl BitOr for Attributes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            flags: self.flags | other.flags,
            xfrm: self.xfrm | other.xfrm,
        }
    }
}

impl Not for Attributes {
    type Output = Self;

    fn not(self) -> Self {
        Self {
            flags: !self.flags,
            xfrm: !self.xfrm,
        }
    }
}

/// SECS.MISCSELECT, or a mask over it: what is saved beside the registers when an enclave is left
/// (SDM 3D, 35.7.2). It is not measured: it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Miscselect(pub u32);

impl Miscselect {
    /// Where page faults and general-protection faults happened.
    pub const EXINFO: Self = Self(1 << 0);
    /// Where control-protection faults happened.
    pub const CPINFO: Self = Self(1 << 1);

    /// As a mask: every bit counts.
    pub const ALL: Self = Self(u32::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_first() {
        let attributes = Attributes {
            flags: 0x0102,
            xfrm: 0xe7,
        };
        let bytes = attributes.to_bytes();
        assert_eq!((bytes[0], bytes[1], bytes[8]), (2, 1, 0xe7));
        assert_eq!(Attributes::from_bytes(bytes), attributes);
        assert!(attributes.is_debug());
        assert!(!Attributes::PLAIN.is_debug());
    }
}
