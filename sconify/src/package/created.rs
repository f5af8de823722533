//! The time that a package says it was made at: never today.

use std::fmt;
use std::str::FromStr;

use sgx::sigstruct::Date;

use super::Error;

/// A Unix time in seconds; 0 unless something else is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Created(u64);

/// The end of the year 2241: the largest time that a ustar header holds.
const LATEST: u64 = 0o777_7777_7777;

const SECONDS_OF_A_DAY: u64 = 86_400;

/// The variable by which reproducible builds say their time.
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

impl Created {
    /// What `SOURCE_DATE_EPOCH` says, or 0 if it says nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if it is no time.
    pub fn from_environment() -> Result<Self, Error> {
        match std::env::var(VARIABLE) {
            Ok(text) if !text.is_empty() => text.parse(),
            _ => Ok(Self::default()),
        }
    }

    /// Seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Created {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= LATEST);
        let seconds = seconds.ok_or_else(|| Error::Option {
            option: VARIABLE,
            value: text.to_owned(),
            what: "is no number of seconds since 1970, up to the year 2241",
        })?;
        Ok(Self(seconds))
    }
}

impl fmt::Display for Created {
    /// RFC 3339, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = Date::from_unix(self.0).map_err(|_| fmt::Error)?;
        let second = self.0 % SECONDS_OF_A_DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_full() {
        for (seconds, text) in [
            ("0", "1970-01-01T00:00:00Z"),
            ("1709210096", "2024-02-29T12:34:56Z"),
            ("8589934591", "2242-03-16T12:56:31Z"),
        ] {
            let created: Created = seconds.parse().unwrap();
            assert_eq!(created.to_string(), text);
        }
        for text in ["", "-1", "1.5", "today", "8589934592"] {
            assert!(text.parse::<Created>().is_err(), "{text}");
        }
    }
}
