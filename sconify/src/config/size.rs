//! Sizes as people write them.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

const UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// So many bytes. Read from text with a unit, as in `64 MiB`, and written so; serialised as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Size(pub u64);

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size: write a whole number with B, KiB, MiB, GiB or TiB, as in \"64 MiB\"")]
pub struct NotASize(String);

impl FromStr for Size {
    type Err = NotASize;

    /// Digits and a unit, with or without a blank between them.
    fn from_str(text: &str) -> Result<Self, NotASize> {
        let refusal = || NotASize(text.escape_default().to_string());
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(refusal)?;
        let (digits, unit) = text.split_at(end);
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(refusal)?;
        let number: u64 = digits.parse().map_err(|_| refusal())?;
        number.checked_mul(*factor).map(Self).ok_or_else(refusal)
    }
}

impl fmt::Display for Size {
    /// In the largest unit that makes it a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, unit) = UNITS
            .iter()
            .find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit))
            .unwrap_or(&("B", 1));
        write!(f, "{} {name}", self.0 / unit)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0 B", 0),
            ("64 MiB", 64 << 20),
            ("64MiB", 64 << 20),
            ("16777215 TiB", 16_777_215 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in [
            "",
            "64",
            " 64 MiB",
            "64  MiB",
            "64 mib",
            "64 MB",
            "MiB",
            "-1 B",
            "1.5 GiB",
            "1 B ",
            "16777216 TiB",
            "18446744073709551616 B",
            "٣ B",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_size_is_read_as_it_is_written(bytes: u64, shift in 0_u32..64) {
            let size = Size(bytes >> shift << shift);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
