//! Bytes that are no quote.

use crate::bytes::Reserved;

/// Why bytes are refused. Offsets are from the quote's begin, lengths in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It ends too early.
    #[error(
        "the quote ends too early: {what} at byte {offset} has {length} bytes, and {left} are left"
    )]
    Truncated {
        /// What should have been there.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// How long it is.
        length: usize,
        /// How many bytes are left there.
        left: usize,
    },
    /// It is longer than any quote.
    #[error("{size} bytes are no quote: it has at most {max}", max = super::MAX_SIZE)]
    TooLong {
        /// Of what was given.
        size: usize,
    },
    /// Something follows it.
    #[error("the quote ends at byte {offset}, and {count} more bytes follow it")]
    Trailing {
        /// Where it ends.
        offset: usize,
        /// How many bytes follow.
        count: usize,
    },
    /// A part is shorter than the length that is stated for it.
    #[error("{what} ends at byte {offset}, {left} bytes before the length that is stated for it")]
    NotFilled {
        /// Which part.
        what: &'static str,
        /// Where it ends.
        offset: usize,
        /// How many bytes are left of the stated length.
        left: usize,
    },
    /// Another version of the format.
    #[error("the quote has version {found}, and only 3, 4 and 5 are known")]
    Version {
        /// What stands in the header.
        found: u16,
    },
    /// A kind of platform that this version of the format has not.
    #[error("the quote is for TEE type {found:#x}, which version {version} does not have")]
    Tee {
        /// Of the format.
        version: u16,
        /// What stands in the header.
        found: u32,
    },
    /// Another kind of signature.
    #[error("the attestation key has type {found}, and only 2 (ECDSA with P-256) is known")]
    KeyType {
        /// What stands in the header.
        found: u16,
    },
    /// Another vendor's quoting enclave.
    #[error(
        "the quoting enclave is of a vendor that is not known ({})",
        hex::encode(found)
    )]
    Vendor {
        /// The vendor's id.
        found: [u8; 16],
    },
    /// A body that the platform does not have, or with a length that is not its own.
    #[error(
        "the body has type {kind} and {size} bytes, which a quote for TEE type {tee:#x} cannot have"
    )]
    BodyType {
        /// As stated.
        kind: u16,
        /// As stated.
        size: usize,
        /// From the header.
        tee: u32,
    },
    /// A reserved byte of the body is not zero.
    #[error("in the body: {0}")]
    Reserved(#[from] Reserved),
    /// Certification data of a type that is not known.
    #[error("the certification data at byte {offset} has type {found}, and only 1 to 7 are known")]
    CertificationType {
        /// Where it is stated.
        offset: usize,
        /// As stated.
        found: u16,
    },
    /// An envelope where none may be, or none where there must be one.
    #[error(
        "the certification data at byte {offset} has type {found}: version {version} has the quoting \
         enclave's report in one envelope of type 6, and version 3 has none"
    )]
    Envelope {
        /// Where it is stated.
        offset: usize,
        /// As stated.
        found: u16,
        /// Of the format.
        version: u16,
    },
}

impl Error {
    /// Whether the bytes may be a quote in form, but its header names a signature or a vendor that is
    /// not known.
    #[must_use]
    pub const fn is_header(&self) -> bool {
        matches!(self, Self::KeyType { .. } | Self::Vendor { .. })
    }
}
