//! Fields at fixed places of structures of a fixed size.

/// A field that is reserved, and is not zero: the structure says something that this version does
/// not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "reserved byte {offset} of {structure} is not zero: it says something that is not known here"
)]
pub struct Reserved {
    /// Which structure: `REPORT`, as the manual writes it.
    pub structure: &'static str,
    /// Where the byte is, from the structure's begin.
    pub offset: usize,
}

/// A field of `N` bytes at `at`, which the structure has.
pub(crate) fn field<const N: usize, const SIZE: usize>(bytes: &[u8; SIZE], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

/// A little-endian number of two bytes at `at`.
pub(crate) fn short<const SIZE: usize>(bytes: &[u8; SIZE], at: usize) -> u16 {
    u16::from_le_bytes(field(bytes, at))
}

/// A little-endian number of four bytes at `at`.
pub(crate) fn word<const SIZE: usize>(bytes: &[u8; SIZE], at: usize) -> u32 {
    u32::from_le_bytes(field(bytes, at))
}

/// A little-endian number of eight bytes at `at`.
pub(crate) fn long<const SIZE: usize>(bytes: &[u8; SIZE], at: usize) -> u64 {
    u64::from_le_bytes(field(bytes, at))
}

/// Writes a field at `at`, where the structure has room for it.
pub(crate) fn put<const SIZE: usize>(bytes: &mut [u8; SIZE], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

/// Refuses the first byte of these ranges (begin and end) that is not zero.
pub(crate) fn zero<const SIZE: usize>(
    bytes: &[u8; SIZE],
    structure: &'static str,
    ranges: &[(usize, usize)],
) -> Result<(), Reserved> {
    for (begin, end) in ranges {
        if let Some(at) = bytes[*begin..*end].iter().position(|byte| *byte != 0) {
            let offset = begin + at;
            return Err(Reserved { structure, offset });
        }
    }
    Ok(())
}

/// What holds of every structure.
#[cfg(test)]
pub(crate) mod check {
    use super::Reserved;

    /// Each bit comes back as it was read, but for those of reserved bytes, which are refused where
    /// they are.
    pub(crate) fn every_byte<const SIZE: usize, F>(again: F, reserved: &[(usize, usize)])
    where
        F: Fn(&[u8; SIZE]) -> Result<[u8; SIZE], Reserved>,
    {
        assert_eq!(again(&[0; SIZE]), Ok([0; SIZE]));
        for at in 0..SIZE {
            for bit in 0..8 {
                let mut bytes = [0; SIZE];
                bytes[at] = 1 << bit;
                let found = again(&bytes);
                if reserved
                    .iter()
                    .any(|(begin, end)| (*begin..*end).contains(&at))
                {
                    assert_eq!(found.map_err(|error| error.offset), Err(at));
                } else {
                    assert_eq!(found, Ok(bytes), "bit {bit} of byte {at}");
                }
            }
        }
    }
}
