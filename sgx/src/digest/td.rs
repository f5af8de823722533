//! Measurements of TDX, which are SHA-384.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::Kind;

/// The value of a measurement register of TDX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TdMeasurement(pub [u8; 48]);

/// A measurement register of a TD report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TdRegister {
    /// The TDX module.
    MrSeam,
    /// Who signed it.
    MrSignerSeam,
    /// What the TD was built of.
    MrTd,
    /// Chosen by who launched it.
    MrConfigId,
    /// Chosen by who launched it.
    MrOwner,
    /// Chosen by who launched it.
    MrOwnerConfig,
    /// Measured since: firmware's configuration, by convention.
    Rtmr0,
    /// Measured since: what the firmware loaded, by convention.
    Rtmr1,
    /// Measured since: the operating system, by convention.
    Rtmr2,
    /// Measured since: for programs.
    Rtmr3,
    /// Service TDs that are bound to it (TDX 1.5).
    MrServiceTd,
}

/// The value of a register, with its kind and its name: `tdx:mrtd:` and 96 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TdDigest {
    /// Whose platform.
    pub kind: Kind,
    /// Which register.
    pub register: TdRegister,
    /// What it has.
    pub value: TdMeasurement,
}

/// A text that is no value of a register.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no value of a TDX register: write one as in tdx:mrtd:3b62fe… with all 96 digits")]
pub struct NotATdDigest(pub String);

impl TdRegister {
    /// Every register, in the order of the report.
    pub const ALL: [Self; 11] = [
        Self::MrSeam,
        Self::MrSignerSeam,
        Self::MrTd,
        Self::MrConfigId,
        Self::MrOwner,
        Self::MrOwnerConfig,
        Self::Rtmr0,
        Self::Rtmr1,
        Self::Rtmr2,
        Self::Rtmr3,
        Self::MrServiceTd,
    ];

    /// The word that stands before its value.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::MrSeam => "mrseam",
            Self::MrSignerSeam => "mrsignerseam",
            Self::MrTd => "mrtd",
            Self::MrConfigId => "mrconfigid",
            Self::MrOwner => "mrowner",
            Self::MrOwnerConfig => "mrownerconfig",
            Self::Rtmr0 => "rtmr0",
            Self::Rtmr1 => "rtmr1",
            Self::Rtmr2 => "rtmr2",
            Self::Rtmr3 => "rtmr3",
            Self::MrServiceTd => "mrservicetd",
        }
    }
}

impl fmt::Display for TdMeasurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for TdRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for TdDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.register, self.value)
    }
}

impl FromStr for TdDigest {
    type Err = NotATdDigest;

    fn from_str(text: &str) -> Result<Self, NotATdDigest> {
        parse(text).ok_or_else(|| NotATdDigest(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<TdDigest> {
    let (kind, rest) = text.split_once(':')?;
    let (register, digits) = rest.split_once(':')?;
    let mut value = TdMeasurement([0; 48]);
    hex::decode_to_slice(digits, &mut value.0).ok()?;
    Some(TdDigest {
        kind: Kind::ALL.into_iter().find(|one| one.word() == kind)?,
        register: TdRegister::ALL
            .into_iter()
            .find(|one| one.word() == register)?,
        value,
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_register_is_read_as_it_is_written() {
        for register in TdRegister::ALL {
            let digest = TdDigest {
                kind: Kind::Tdx,
                register,
                value: TdMeasurement([0xab; 48]),
            };
            assert_eq!(digest.to_string().parse(), Ok(digest));
        }
    }

    #[test]
    fn what_is_no_register_is_refused() {
        let digits = "ab".repeat(48);
        for text in [
            "".to_owned(),
            digits.clone(),
            format!("tdx:mrtd:{}", &digits[2..]),
            format!("tdx:mrtd:{digits}00"),
            format!("tdx:mrenclave:{digits}"),
            format!("TDX:mrtd:{digits}"),
        ] {
            assert!(text.parse::<TdDigest>().is_err(), "{text}");
        }
    }
}
