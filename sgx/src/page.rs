//! Pages: their size, type and permissions.

use alloc::string::String;
use core::fmt;

/// Bytes in a page.
pub const PAGE_SIZE: usize = 4096;

/// Bytes that one EEXTEND measures.
pub const CHUNK_SIZE: usize = 256;

/// Page types that EADD takes (SDM 3D, table 35-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageType {
    /// Thread control structure.
    Tcs,
    /// Regular.
    Reg,
}

/// What an enclave may do with a page. The processor forces none on a TCS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Permissions(u8);

impl Permissions {
    /// None.
    pub const NONE: Self = Self(0);
    /// Read.
    pub const R: Self = Self(1);
    /// Write.
    pub const W: Self = Self(2);
    /// Execute.
    pub const X: Self = Self(4);
    /// Read and write.
    pub const RW: Self = Self(3);
    /// Read and execute.
    pub const RX: Self = Self(5);

    /// Those of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Bits 0 to 2 of SECINFO.FLAGS.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From bits 0 to 2 of SECINFO.FLAGS; `None` if others are set.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits <= 7 { Some(Self(bits)) } else { None }
    }
}

impl fmt::Display for Permissions {
    /// As in `r-x`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |permission, letter| {
            if self.contains(permission) {
                letter
            } else {
                '-'
            }
        };
        let letters = [
            letter(Self::R, 'r'),
            letter(Self::W, 'w'),
            letter(Self::X, 'x'),
        ];
        f.write_str(&String::from_iter(letters))
    }
}

/// Type and permissions of a page, as EADD measures them (SDM 3D, 35.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecInfo {
    /// The page's type.
    pub page_type: PageType,
    /// The page's permissions.
    pub permissions: Permissions,
}

impl SecInfo {
    /// A thread control structure.
    pub const TCS: Self = Self {
        page_type: PageType::Tcs,
        permissions: Permissions::NONE,
    };

    /// A regular page.
    #[must_use]
    pub const fn reg(permissions: Permissions) -> Self {
        Self {
            page_type: PageType::Reg,
            permissions,
        }
    }

    /// SECINFO.FLAGS.
    #[must_use]
    pub const fn flags(self) -> u64 {
        let page_type = match self.page_type {
            PageType::Tcs => 1,
            PageType::Reg => 2,
        };
        page_type << 8 | self.permissions.bits() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_the_manual() {
        for (info, flags) in [
            (SecInfo::reg(Permissions::RX), 0x205),
            (SecInfo::reg(Permissions::R), 0x201),
            (SecInfo::reg(Permissions::RW), 0x203),
            (SecInfo::reg(Permissions::NONE), 0x200),
            (SecInfo::TCS, 0x100),
        ] {
            assert_eq!(info.flags(), flags);
        }
    }

    #[test]
    fn permissions_are_three_bits() {
        for bits in 0..8 {
            let permissions = Permissions::from_bits(bits).unwrap();
            assert_eq!(permissions.bits(), bits);
        }
        assert_eq!(Permissions::from_bits(8), None);
        assert_eq!(Permissions::R.union(Permissions::X), Permissions::RX);
        assert!(Permissions::RW.contains(Permissions::W));
        assert!(!Permissions::RX.contains(Permissions::RW));
        assert_eq!(Permissions::RX.to_string(), "r-x");
    }
}
