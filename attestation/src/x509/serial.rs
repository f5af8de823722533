//! Serial numbers.

use core::fmt;

use der::asn1::UintRef;

/// The number that a CA gave to a certificate: positive, at most twenty bytes (RFC 5280, 4.1.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial {
    length: u8,
    bytes: [u8; Serial::MAX],
}

impl Serial {
    /// Bytes of the longest.
    pub const MAX: usize = 20;

    /// The number, big-endian without leading zeros.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// What the encoding of an integer says, if that is a serial number.
    pub(super) fn from_integer(integer: UintRef<'_>) -> Option<Self> {
        let given = integer.as_bytes();
        if given.len() > Self::MAX || given == [0] {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes[..given.len()].copy_from_slice(given);
        Some(Self {
            length: u8::try_from(given.len()).ok()?,
            bytes,
        })
    }
}

impl fmt::Display for Serial {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}
