//! The date of a signature.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// SIGSTRUCT.DATE: digits of year, month and day as four, two and two hex digits (SDM 3D, 35.14).
/// It is signed, so it decides over the bytes; the processor does not look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(u32);

/// A text or a number that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date: write a day from 1970-01-01 to 9999-12-31 as in 2024-02-29")]
pub struct NotADate(pub String);

const SECONDS_OF_A_DAY: u64 = 86_400;

impl Date {
    /// The day on which Unix time begins: 1970-01-01.
    pub const EPOCH: Self = Self(0x1970_0101);

    /// A day of the calendar.
    ///
    /// # Errors
    ///
    /// If there is no such day, or it is before 1970 or after 9999.
    pub fn new(year: u32, month: u32, day: u32) -> Result<Self, NotADate> {
        let exists = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day);
        if !exists {
            return Err(NotADate(format!("{year:04}-{month:02}-{day:02}")));
        }
        Ok(Self(bcd(year) << 16 | bcd(month) << 8 | bcd(day)))
    }

    /// The day (UTC) of a Unix time, in seconds: that of a commit, or SOURCE_DATE_EPOCH.
    ///
    /// # Errors
    ///
    /// If it is after 9999.
    pub fn from_unix(seconds: u64) -> Result<Self, NotADate> {
        let refusal = || NotADate(format!("{seconds} s of Unix time"));
        let mut day = seconds / SECONDS_OF_A_DAY;
        // 400 years of the calendar, which repeats itself after them, have 146 097 days.
        if day > 8030 * 146_097 / 400 {
            return Err(refusal());
        }
        let mut year = 1970;
        while day >= days_of_year(year) {
            day -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while day >= u64::from(days_of(year, month)) {
            day -= u64::from(days_of(year, month));
            month += 1;
        }
        Self::new(year, month, day as u32 + 1).map_err(|_| refusal())
    }

    /// What stands in a SIGSTRUCT: any number, since nobody checks that it is a day.
    #[must_use]
    pub const fn from_bcd(bcd: u32) -> Self {
        Self(bcd)
    }

    /// 0xYYYYMMDD.
    #[must_use]
    pub const fn bcd(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Date {
    /// As in `2024-02-29`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bcd) = *self;
        write!(
            f,
            "{:04x}-{:02x}-{:02x}",
            bcd >> 16,
            bcd >> 8 & 0xff,
            bcd & 0xff
        )
    }
}

impl FromStr for Date {
    type Err = NotADate;

    /// `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, NotADate> {
        let refusal = || NotADate(text.to_owned());
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else {
            return Err(refusal());
        };
        let number = |digits: &str, length| {
            let plain = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let (Some(year), Some(month), Some(day)) =
            (number(year, 4), number(month, 2), number(day, 2))
        else {
            return Err(refusal());
        };
        Self::new(year, month, day).map_err(|_| refusal())
    }
}

/// The decimal digits of a number as hex digits.
const fn bcd(number: u32) -> u32 {
    let [thousands, hundreds, tens] = [number / 1000, number / 100 % 10, number / 10 % 10];
    thousands << 12 | hundreds << 8 | tens << 4 | (number % 10)
}

const fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn days_of_year(year: u32) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_digits() {
        let date: Date = "2024-02-29".parse().unwrap();
        assert_eq!(date.bcd(), 0x2024_0229);
        assert_eq!(date.to_string(), "2024-02-29");
        assert_eq!(Date::EPOCH.to_string().parse(), Ok(Date::EPOCH));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2024",
            "2024-02",
            "2024-02-30",
            "2023-02-29",
            "1900-01-01",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-1-1",
            "02024-01-01",
            "2024-01-01 ",
            "+024-01-01",
            "2024-01-01-01",
            "10000-01-01",
            "today",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn unix_time_has_its_day() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (4_107_542_400, "2100-03-01"),
            (253_402_300_799, "9999-12-31"),
        ] {
            assert_eq!(Date::from_unix(seconds).unwrap().to_string(), day);
        }
        for beyond in [253_402_300_800, u64::MAX] {
            assert!(Date::from_unix(beyond).is_err());
        }
    }
}
