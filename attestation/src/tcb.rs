//! TCB statuses and levels: how good a platform's, an enclave's or a module's version is.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::Time;

/// What the vendor says of a TCB level, from the best to the worst.
///
/// The names are Intel's, as they stand in its documents and in policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// Nothing known is missing.
    UpToDate,
    /// Up to date, and the program must have mitigations of its own compiled in.
    SwHardeningNeeded,
    /// Up to date, and the platform's configuration may leave it open to an attack.
    ConfigurationNeeded,
    /// Both of the last two.
    ConfigurationAndSwHardeningNeeded,
    /// The TDX module has been updated since the trust domain was launched: the domain began on an
    /// out-of-date platform and runs on one that no longer is. No document says so; it comes out of
    /// two levels.
    TdRelaunchAdvised,
    /// The same, on a platform whose configuration may leave it open to an attack.
    TdRelaunchAdvisedConfigurationNeeded,
    /// Updates are missing.
    OutOfDate,
    /// Updates are missing, and the configuration may leave it open to an attack.
    OutOfDateConfigurationNeeded,
    /// Not to be trusted any more: always refused.
    Revoked,
}

/// A word that is no TCB status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no TCB status: use one of UpToDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded, TDRelaunchAdvised, TDRelaunchAdvisedConfigurationNeeded, OutOfDate, OutOfDateConfigurationNeeded, Revoked"
)]
pub struct NotAStatus(pub String);

/// The level that a part of the platform has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Level {
    /// What the vendor says of it.
    pub status: Status,
    /// When what it demands was published: later weaknesses are not covered.
    pub date: Time,
    /// The advisories that concern it, in the document's order.
    pub advisories: Vec<String>,
}

impl Status {
    /// All of them, from the best to the worst.
    pub const ALL: [Self; 9] = [
        Self::UpToDate,
        Self::SwHardeningNeeded,
        Self::ConfigurationNeeded,
        Self::ConfigurationAndSwHardeningNeeded,
        Self::TdRelaunchAdvised,
        Self::TdRelaunchAdvisedConfigurationNeeded,
        Self::OutOfDate,
        Self::OutOfDateConfigurationNeeded,
        Self::Revoked,
    ];

    /// Intel's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpToDate => "UpToDate",
            Self::SwHardeningNeeded => "SWHardeningNeeded",
            Self::ConfigurationNeeded => "ConfigurationNeeded",
            Self::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            Self::TdRelaunchAdvised => "TDRelaunchAdvised",
            Self::TdRelaunchAdvisedConfigurationNeeded => "TDRelaunchAdvisedConfigurationNeeded",
            Self::OutOfDate => "OutOfDate",
            Self::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            Self::Revoked => "Revoked",
        }
    }

    /// The status of something that has two parts: as bad as the worse, and if each lacks something
    /// else, as a status that says both.
    ///
    /// Intel's library looks at an enclave's or a module's status only when that is out of date or
    /// revoked; here nothing is dropped.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        use Status::{
            ConfigurationAndSwHardeningNeeded, ConfigurationNeeded, OutOfDate,
            OutOfDateConfigurationNeeded, SwHardeningNeeded, TdRelaunchAdvised,
            TdRelaunchAdvisedConfigurationNeeded,
        };
        let worse = self.max(other);
        match worse {
            ConfigurationNeeded if self.min(other) == SwHardeningNeeded => {
                ConfigurationAndSwHardeningNeeded
            }
            TdRelaunchAdvised if self.min(other).asks_for_configuration() => {
                TdRelaunchAdvisedConfigurationNeeded
            }
            OutOfDate if self.min(other).asks_for_configuration() => OutOfDateConfigurationNeeded,
            _ => worse,
        }
    }

    /// The status of a trust domain that was launched at `self`, on a platform that has reached
    /// `current` since.
    #[must_use]
    pub(crate) fn relaunch(self, current: Self) -> Self {
        if self.is_out_of_date() && current < Self::TdRelaunchAdvised {
            let configuration = self.asks_for_configuration() || current.asks_for_configuration();
            if configuration {
                Self::TdRelaunchAdvisedConfigurationNeeded
            } else {
                Self::TdRelaunchAdvised
            }
        } else {
            self.and(current)
        }
    }

    const fn is_out_of_date(self) -> bool {
        matches!(self, Self::OutOfDate | Self::OutOfDateConfigurationNeeded)
    }

    const fn asks_for_configuration(self) -> bool {
        matches!(
            self,
            Self::ConfigurationNeeded
                | Self::ConfigurationAndSwHardeningNeeded
                | Self::TdRelaunchAdvisedConfigurationNeeded
                | Self::OutOfDateConfigurationNeeded
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Status {
    type Err = NotAStatus;

    fn from_str(text: &str) -> Result<Self, NotAStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| NotAStatus(text.to_owned()))
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Status;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a TCB status")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Status, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Name)
    }
}

/// The advisories of several levels, each once, sorted.
pub(crate) fn advisories<'a>(levels: impl IntoIterator<Item = &'a Level>) -> Vec<String> {
    let mut all: Vec<String> = levels
        .into_iter()
        .flat_map(|level| level.advisories.iter().cloned())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for status in Status::ALL {
            assert_eq!(status.name().parse(), Ok(status));
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(json, alloc::format!("\"{status}\""));
            assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
        }
        assert!("uptodate".parse::<Status>().is_err());
        assert!(Status::ALL.is_sorted());
    }

    #[test]
    fn two_statuses_make_one_that_is_no_better_than_either() {
        for a in Status::ALL {
            assert_eq!(a.and(a), a);
            for b in Status::ALL {
                assert!(a.and(b) >= a.max(b), "{a} and {b}");
                assert_eq!(a.and(b), b.and(a), "{a} and {b}");
                assert_eq!(
                    a.and(b).asks_for_configuration() || a.and(b) == Status::Revoked,
                    a.asks_for_configuration()
                        || b.asks_for_configuration()
                        || a.and(b) == Status::Revoked,
                    "{a} and {b}"
                );
                for c in Status::ALL {
                    assert_eq!(a.and(b).and(c), a.and(b.and(c)), "{a}, {b}, {c}");
                }
            }
        }
    }

    #[test]
    fn a_domain_that_outlived_an_update_is_told_to_start_again() {
        use Status::*;
        for (launched, current, status) in [
            (UpToDate, UpToDate, UpToDate),
            (OutOfDate, UpToDate, TdRelaunchAdvised),
            (OutOfDate, SwHardeningNeeded, TdRelaunchAdvised),
            (
                OutOfDate,
                ConfigurationNeeded,
                TdRelaunchAdvisedConfigurationNeeded,
            ),
            (
                OutOfDateConfigurationNeeded,
                UpToDate,
                TdRelaunchAdvisedConfigurationNeeded,
            ),
            (OutOfDate, OutOfDate, OutOfDate),
            (UpToDate, OutOfDate, OutOfDate),
            (OutOfDate, Revoked, Revoked),
            (Revoked, UpToDate, Revoked),
        ] {
            assert_eq!(launched.relaunch(current), status);
        }
    }
}
