//! What comes first.

use super::error::Error;
use super::reader::Reader;

/// QE vendor id of Intel's quoting enclaves: 939a7233-f79c-4ca9-940a-0db3957f0607.
pub const INTEL_VENDOR: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];

/// The header of a quote. The TEE type is the body's, and the attestation key's type is always
/// ECDSA with P-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Of the format.
    pub version: Version,
    /// Security version of the quoting enclave; reserved from version 4 on.
    pub qe_svn: u16,
    /// Security version of the provisioning certification enclave; reserved from version 4 on.
    pub pce_svn: u16,
    /// Whose quoting enclave it is: [`INTEL_VENDOR`] in each quote that is read.
    pub vendor: [u8; 16],
    /// What the quoting enclave says; the first 16 bytes are the platform's id.
    pub user_data: [u8; 20],
}

/// The version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// 3: SGX.
    V3,
    /// 4: SGX and TDX 1.0.
    V4,
    /// 5: SGX, TDX 1.0 and TDX 1.5.
    V5,
}

/// The kind of platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tee {
    /// Enclaves.
    Sgx,
    /// Virtual machines.
    Tdx,
}

impl Header {
    /// Bytes of it.
    pub const SIZE: usize = 48;

    /// Its bytes, with the TEE type of the body that follows.
    #[must_use]
    pub fn to_bytes(&self, tee: Tee) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let mut put = |at: usize, field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
        };
        put(0, &self.version.number().to_le_bytes());
        put(2, &ECDSA_P256.to_le_bytes());
        put(4, &tee.number().to_le_bytes());
        put(8, &self.qe_svn.to_le_bytes());
        put(10, &self.pce_svn.to_le_bytes());
        put(12, &self.vendor);
        put(28, &self.user_data);
        bytes
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<(Self, Tee), Error> {
        let found = reader.short("the version")?;
        let version = Version::from_number(found).ok_or(Error::Version { found })?;
        let key_type = reader.short("the attestation key's type")?;
        let found = u32::from_le_bytes(*reader.array("the TEE type")?);
        let tee = Tee::from_number(found)
            .filter(|tee| version > Version::V3 || *tee == Tee::Sgx)
            .ok_or(Error::Tee {
                version: version.number(),
                found,
            })?;
        let header = Self {
            version,
            qe_svn: reader.short("the quoting enclave's version")?,
            pce_svn: reader.short("the provisioning certification enclave's version")?,
            vendor: *reader.array("the quoting enclave's vendor")?,
            user_data: *reader.array("the header's user data")?,
        };
        if key_type != ECDSA_P256 {
            return Err(Error::KeyType { found: key_type });
        }
        if header.vendor != INTEL_VENDOR {
            return Err(Error::Vendor {
                found: header.vendor,
            });
        }
        Ok((header, tee))
    }
}

impl Version {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }

    const fn from_number(number: u16) -> Option<Self> {
        match number {
            3 => Some(Self::V3),
            4 => Some(Self::V4),
            5 => Some(Self::V5),
            _ => None,
        }
    }
}

impl Tee {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Sgx => 0,
            Self::Tdx => 0x81,
        }
    }

    const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Sgx),
            0x81 => Some(Self::Tdx),
            _ => None,
        }
    }
}

/// The attestation key's type.
const ECDSA_P256: u16 = 2;
