//! Where each field stands (SDM 3D, table 35-19).

use alloc::boxed::Box;
use core::fmt;

use super::body::{Body, TO_BE_SIGNED_SIZE};
use super::key::KEY_SIZE;

/// Bytes of a SIGSTRUCT.
pub const SIZE: usize = 1808;

pub(super) const HEADER: usize = 0;
pub(super) const VENDOR: usize = 16;
pub(super) const DATE: usize = 20;
pub(super) const HEADER2: usize = 24;
pub(super) const SWDEFINED: usize = 40;
pub(super) const MODULUS: usize = 128;
pub(super) const EXPONENT: usize = 512;
pub(super) const SIGNATURE: usize = 516;
pub(super) const MISCSELECT: usize = 900;
pub(super) const MISCMASK: usize = 904;
pub(super) const CET_ATTRIBUTES: usize = 908;
pub(super) const CET_ATTRIBUTES_MASK: usize = 909;
pub(super) const ISVFAMILYID: usize = 912;
pub(super) const ATTRIBUTES: usize = 928;
pub(super) const ATTRIBUTEMASK: usize = 944;
pub(super) const ENCLAVEHASH: usize = 960;
pub(super) const ISVEXTPRODID: usize = 1008;
pub(super) const ISVPRODID: usize = 1024;
pub(super) const ISVSVN: usize = 1026;
pub(super) const Q1: usize = 1040;
pub(super) const Q2: usize = 1424;

/// First byte and first byte after it, of what is reserved.
pub(super) const RESERVED: [(usize, usize); 4] = [(44, 128), (910, 912), (992, 1008), (1028, 1040)];

/// What is signed: everything up to the modulus, and everything from MISCSELECT to ISVSVN.
const SIGNED_HEAD: usize = MODULUS;
const SIGNED_BODY: usize = TO_BE_SIGNED_SIZE - SIGNED_HEAD;

pub(super) const HEADER_BYTES: [u8; 16] = [0x06, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0];
pub(super) const HEADER2_BYTES: [u8; 16] = [
    0x01, 0x01, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 0x01, 0, 0, 0,
];

/// The bytes of a SIGSTRUCT. Nothing of it is true before [`verify`](Self::verify) says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Sigstruct {
    bytes: Box<[u8; SIZE]>,
}

/// Bytes that are more or fewer than a SIGSTRUCT has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a SIGSTRUCT has 1808 bytes, and these are {0}")]
pub struct WrongLength(pub usize);

impl WrongLength {
    /// Stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "sigstruct.form"
    }
}

impl Sigstruct {
    /// From its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; SIZE]) -> Self {
        Self {
            bytes: Box::new(*bytes),
        }
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    ///
    /// If they are not 1808.
    pub fn parse(bytes: &[u8]) -> Result<Self, WrongLength> {
        let bytes = bytes.try_into().map_err(|_| WrongLength(bytes.len()))?;
        Ok(Self::from_bytes(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SIZE] {
        &self.bytes
    }

    /// What it says, signed or not.
    #[must_use]
    pub fn body(&self) -> Body {
        Body::get(&self.bytes)
    }

    /// MODULUS, little-endian.
    #[must_use]
    pub fn modulus_le(&self) -> [u8; KEY_SIZE] {
        field(&self.bytes, MODULUS)
    }

    /// SIGNATURE, little-endian.
    #[must_use]
    pub fn signature_le(&self) -> [u8; KEY_SIZE] {
        field(&self.bytes, SIGNATURE)
    }

    /// The bytes over which the signature is made.
    #[must_use]
    pub fn to_be_signed(&self) -> [u8; TO_BE_SIGNED_SIZE] {
        to_be_signed(&self.bytes)
    }
}

impl fmt::Debug for Sigstruct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sigstruct").field(&self.body()).finish()
    }
}

/// The bytes over which the signature is made.
pub(super) fn to_be_signed(bytes: &[u8; SIZE]) -> [u8; TO_BE_SIGNED_SIZE] {
    let mut signed = [0; TO_BE_SIGNED_SIZE];
    let (head, body) = signed.split_at_mut(SIGNED_HEAD);
    head.copy_from_slice(&bytes[..SIGNED_HEAD]);
    body.copy_from_slice(&bytes[MISCSELECT..MISCSELECT + SIGNED_BODY]);
    signed
}

/// The `N` bytes from `at`.
pub(super) fn field<const N: usize>(bytes: &[u8; SIZE], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}
