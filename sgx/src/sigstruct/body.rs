//! What is signed.

use super::date::Date;
use super::layout::{self, SIZE};
use crate::attributes::{Attributes, Miscselect, flags};
use crate::digest::Mrenclave;

/// Bytes over which the signature is made.
pub const TO_BE_SIGNED_SIZE: usize = 256;

/// The signed fields of a SIGSTRUCT (SDM 3D, 35.14). In a mask a bit that is 0 says that the enclave
/// may have either value there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Body {
    /// VENDOR: 0, or 0x8086 for Intel's own enclaves.
    pub vendor: u32,
    /// DATE.
    pub date: Date,
    /// SWDEFINED: for the signer to use.
    pub software_defined: u32,
    /// MISCSELECT of the enclave.
    pub miscselect: Miscselect,
    /// The bits of it that count.
    pub miscselect_mask: Miscselect,
    /// CET_ATTRIBUTES of the enclave.
    pub cet_attributes: u8,
    /// The bits of it that count.
    pub cet_attributes_mask: u8,
    /// ISVFAMILYID, with key separation and sharing.
    pub family_id: [u8; 16],
    /// ATTRIBUTES of the enclave.
    pub attributes: Attributes,
    /// The bits of it that count.
    pub attributes_mask: Attributes,
    /// ENCLAVEHASH.
    pub mrenclave: Mrenclave,
    /// ISVEXTPRODID, with key separation and sharing.
    pub extended_product_id: [u8; 16],
    /// ISVPRODID: which of the signer's programs it is.
    pub product_id: u16,
    /// ISVSVN: its security version, which only rises.
    pub security_version: u16,
}

impl Body {
    /// Of an enclave with [`Attributes::PLAIN`], and no other ones: all masks cover everything, so
    /// that it cannot be launched for debugging.
    #[must_use]
    pub const fn strict(mrenclave: Mrenclave, date: Date) -> Self {
        Self {
            vendor: 0,
            date,
            software_defined: 0,
            miscselect: Miscselect(0),
            miscselect_mask: Miscselect::ALL,
            cet_attributes: 0,
            cet_attributes_mask: 0xff,
            family_id: [0; 16],
            attributes: Attributes::PLAIN,
            attributes_mask: Attributes::ALL,
            mrenclave,
            extended_product_id: [0; 16],
            product_id: 0,
            security_version: 0,
        }
    }

    /// The bytes over which the signature is made: RSA-3072, PKCS #1 v1.5, SHA-256.
    #[must_use]
    pub fn to_be_signed(&self) -> [u8; TO_BE_SIGNED_SIZE] {
        let mut bytes = [0; SIZE];
        self.put(&mut bytes);
        layout::to_be_signed(&bytes)
    }

    /// Whether an enclave that a debugger can look into is launched with this signature.
    #[must_use]
    pub const fn allows_debug(&self) -> bool {
        let counts = self.attributes_mask.flags & flags::DEBUG != 0;
        !counts || self.attributes.is_debug()
    }

    /// Writes its fields, and the constant ones that are signed with them.
    pub(super) fn put(&self, bytes: &mut [u8; SIZE]) {
        let mut put = |at: usize, field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
        };
        put(layout::HEADER, &layout::HEADER_BYTES);
        put(layout::VENDOR, &self.vendor.to_le_bytes());
        put(layout::DATE, &self.date.bcd().to_le_bytes());
        put(layout::HEADER2, &layout::HEADER2_BYTES);
        put(layout::SWDEFINED, &self.software_defined.to_le_bytes());
        put(layout::MISCSELECT, &self.miscselect.0.to_le_bytes());
        put(layout::MISCMASK, &self.miscselect_mask.0.to_le_bytes());
        put(layout::CET_ATTRIBUTES, &[self.cet_attributes]);
        put(layout::CET_ATTRIBUTES_MASK, &[self.cet_attributes_mask]);
        put(layout::ISVFAMILYID, &self.family_id);
        put(layout::ATTRIBUTES, &self.attributes.to_bytes());
        put(layout::ATTRIBUTEMASK, &self.attributes_mask.to_bytes());
        put(layout::ENCLAVEHASH, &self.mrenclave.0);
        put(layout::ISVEXTPRODID, &self.extended_product_id);
        put(layout::ISVPRODID, &self.product_id.to_le_bytes());
        put(layout::ISVSVN, &self.security_version.to_le_bytes());
    }

    /// Reads its fields.
    pub(super) fn get(bytes: &[u8; SIZE]) -> Self {
        let number = |at| u32::from_le_bytes(layout::field(bytes, at));
        Self {
            vendor: number(layout::VENDOR),
            date: Date::from_bcd(number(layout::DATE)),
            software_defined: number(layout::SWDEFINED),
            miscselect: Miscselect(number(layout::MISCSELECT)),
            miscselect_mask: Miscselect(number(layout::MISCMASK)),
            cet_attributes: bytes[layout::CET_ATTRIBUTES],
            cet_attributes_mask: bytes[layout::CET_ATTRIBUTES_MASK],
            family_id: layout::field(bytes, layout::ISVFAMILYID),
            attributes: Attributes::from_bytes(layout::field(bytes, layout::ATTRIBUTES)),
            attributes_mask: Attributes::from_bytes(layout::field(bytes, layout::ATTRIBUTEMASK)),
            mrenclave: Mrenclave(layout::field(bytes, layout::ENCLAVEHASH)),
            extended_product_id: layout::field(bytes, layout::ISVEXTPRODID),
            product_id: u16::from_le_bytes(layout::field(bytes, layout::ISVPRODID)),
            security_version: u16::from_le_bytes(layout::field(bytes, layout::ISVSVN)),
        }
    }
}
