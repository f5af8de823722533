//! Which key an enclave asks for: KEYREQUEST.

use core::ops::BitOr;

use crate::attributes::{Attributes, Miscselect};
use crate::bytes::{self, Reserved, field, put, short, word};

/// What EGETKEY derives a key from (SDM 3D, 35.18). A mask's bit that is 0 says that the key is the
/// same whatever the enclave has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyRequest {
    /// KEYNAME: which key.
    pub name: KeyName,
    /// KEYPOLICY: what of the enclave goes into it.
    pub policy: KeyPolicy,
    /// ISVSVN: of which security version, at most the enclave's own.
    pub isv_svn: u16,
    /// CET_ATTRIBUTES_MASK: which bits of the enclave's CET_ATTRIBUTES go into it.
    pub cet_attributes_mask: u8,
    /// CPUSVN: of which security version of the processor, at most its present one.
    pub cpusvn: [u8; 16],
    /// ATTRIBUTEMASK: which bits of the enclave's ATTRIBUTES go into it.
    pub attributes_mask: Attributes,
    /// KEYID: tells keys of the same kind apart.
    pub key_id: [u8; 32],
    /// MISCMASK: which bits of the enclave's MISCSELECT go into it.
    pub miscselect_mask: Miscselect,
    /// CONFIGSVN: of which version of the configuration, at most the enclave's own.
    pub config_svn: u16,
}

/// KEYNAME (SDM 3D, 35.18.1). A number that is none of these is for EGETKEY to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyName(pub u16);

/// KEYPOLICY (SDM 3D, 35.18.2). Bits that are none of these are for EGETKEY to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KeyPolicy(pub u16);

const STRUCTURE: &str = "KEYREQUEST";

const KEYPOLICY: usize = 2;
const ISVSVN: usize = 4;
const CET_ATTRIBUTES_MASK: usize = 6;
const CPUSVN: usize = 8;
const ATTRIBUTEMASK: usize = 24;
const KEYID: usize = 40;
const MISCMASK: usize = 72;
const CONFIGSVN: usize = 76;
const RESERVED: [(usize, usize); 2] = [(7, 8), (78, KeyRequest::SIZE)];

impl KeyRequest {
    /// Bytes of it.
    pub const SIZE: usize = 512;

    /// From its bytes.
    ///
    /// # Errors
    ///
    /// If a reserved byte is not zero.
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Result<Self, Reserved> {
        bytes::zero(bytes, STRUCTURE, &RESERVED)?;
        Ok(Self {
            name: KeyName(short(bytes, 0)),
            policy: KeyPolicy(short(bytes, KEYPOLICY)),
            isv_svn: short(bytes, ISVSVN),
            cet_attributes_mask: bytes[CET_ATTRIBUTES_MASK],
            cpusvn: field(bytes, CPUSVN),
            attributes_mask: Attributes::from_bytes(field(bytes, ATTRIBUTEMASK)),
            key_id: field(bytes, KEYID),
            miscselect_mask: Miscselect(word(bytes, MISCMASK)),
            config_svn: short(bytes, CONFIGSVN),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        put(&mut bytes, 0, &self.name.0.to_le_bytes());
        put(&mut bytes, KEYPOLICY, &self.policy.0.to_le_bytes());
        put(&mut bytes, ISVSVN, &self.isv_svn.to_le_bytes());
        put(&mut bytes, CET_ATTRIBUTES_MASK, &[self.cet_attributes_mask]);
        put(&mut bytes, CPUSVN, &self.cpusvn);
        put(&mut bytes, ATTRIBUTEMASK, &self.attributes_mask.to_bytes());
        put(&mut bytes, KEYID, &self.key_id);
        put(&mut bytes, MISCMASK, &self.miscselect_mask.0.to_le_bytes());
        put(&mut bytes, CONFIGSVN, &self.config_svn.to_le_bytes());
        bytes
    }
}

impl KeyName {
    /// EINITTOKEN_KEY: of launch tokens.
    pub const EINITTOKEN: Self = Self(0);
    /// PROVISION_KEY: what the platform is told apart by.
    pub const PROVISION: Self = Self(1);
    /// PROVISION_SEAL_KEY.
    pub const PROVISION_SEAL: Self = Self(2);
    /// REPORT_KEY: what reports to this enclave are checked with.
    pub const REPORT: Self = Self(3);
    /// SEAL_KEY: what the enclave keeps its values with.
    pub const SEAL: Self = Self(4);
}

impl KeyPolicy {
    /// The key is the measurement's.
    pub const MRENCLAVE: Self = Self(1 << 0);
    /// The key is the signer's.
    pub const MRSIGNER: Self = Self(1 << 1);
    /// The key is the same for all programs of the signer.
    pub const NOISVPRODID: Self = Self(1 << 2);
    /// The key is the configuration's.
    pub const CONFIGID: Self = Self(1 << 3);
    /// The key is the family's.
    pub const ISVFAMILYID: Self = Self(1 << 4);
    /// The key is the extended product id's.
    pub const ISVEXTPRODID: Self = Self(1 << 5);

    /// Whether every bit of another is set here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no bit is set but those that are known.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0 & !0x3f == 0
    }
}

impl BitOr for KeyPolicy {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::check;

    #[test]
    fn every_byte_is_a_field_or_refused() {
        check::every_byte::<{ KeyRequest::SIZE }, _>(
            |bytes| KeyRequest::parse(bytes).map(|request| request.to_bytes()),
            &RESERVED,
        );
    }

    #[test]
    fn fields_are_where_the_manual_has_them() {
        let mut bytes = [0; KeyRequest::SIZE];
        for (at, value) in [(0, 4), (2, 3), (4, 5), (6, 6), (8, 7), (24, 8), (40, 9)] {
            bytes[at] = value;
        }
        (bytes[72], bytes[76]) = (10, 11);
        let request = KeyRequest::parse(&bytes).unwrap();
        assert_eq!(request.name, KeyName::SEAL);
        assert_eq!(request.policy, KeyPolicy::MRENCLAVE | KeyPolicy::MRSIGNER);
        assert_eq!((request.isv_svn, request.cet_attributes_mask), (5, 6));
        assert_eq!((request.cpusvn[0], request.attributes_mask.flags), (7, 8));
        assert_eq!((request.key_id[0], request.miscselect_mask.0), (9, 10));
        assert_eq!(request.config_svn, 11);
    }

    #[test]
    fn a_policy_is_its_bits() {
        let policy = KeyPolicy::MRSIGNER | KeyPolicy::NOISVPRODID;
        assert!(policy.contains(KeyPolicy::MRSIGNER) && !policy.contains(KeyPolicy::MRENCLAVE));
        assert!(policy.is_known() && !KeyPolicy(0x40).is_known());
    }
}
