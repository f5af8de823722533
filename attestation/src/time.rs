//! Points in time, as they are given to the verifier: it has no clock.

use core::fmt;
use core::str::FromStr;

use alloc::borrow::ToOwned as _;
use alloc::string::String;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A second of UTC, counted from the begin of 1970 without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(u64);

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time: write one as in 2025-06-19T10:56:11Z")]
pub struct NotATime(pub String);

impl Time {
    /// So many seconds after the begin of 1970.
    #[must_use]
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the begin of 1970.
    #[must_use]
    pub const fn unix(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Time {
    /// As in `2025-06-19T10:56:11Z` (RFC 3339).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0 / DAY);
        let second = self.0 % DAY;
        let (hour, minute) = (second / HOUR, second % HOUR / MINUTE);
        let second = second % MINUTE;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

impl FromStr for Time {
    type Err = NotATime;

    /// Exactly the form that it is displayed in, of the years 1970 to 9999.
    fn from_str(text: &str) -> Result<Self, NotATime> {
        parse(text.as_bytes()).ok_or_else(|| NotATime(text.to_owned()))
    }
}

fn parse(text: &[u8]) -> Option<Time> {
    /// Where the digits of each number stand, and what it may be.
    const SEPARATORS: [(usize, u8); 6] = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'Z'),
    ];
    if text.len() != 20 || SEPARATORS.iter().any(|(at, byte)| text[*at] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0, |sum: u64, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + u64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day)?;
    (civil(days) == (year, month, day))
        .then(|| Time(days * DAY + hour * HOUR + minute * MINUTE + second))
}

/// Days from the begin of 1970 to a date of the Gregorian calendar. Dates that no month has come out
/// as others.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leaps = year / 4 - year / 100 + year / 400;
    let to_1970 = 719_468;
    (365 * year + leaps + (153 * month + 2) / 5 + day - 1).checked_sub(to_1970)
}

/// The date of a day, counted from the begin of 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    let day = days + 719_468;
    let era = day / 146_097;
    let day = day % 146_097;
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (400 * era + year, (month + 2) % 12 + 1);
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_750_330_571, "2025-06-19T10:56:11Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Time::from_unix(unix).to_string(), text);
            assert_eq!(text.parse(), Ok(Time::from_unix(unix)));
        }
    }

    #[test]
    fn every_day_of_four_centuries_has_its_date() {
        for day in 0..146_097 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2025-06-19",
            "2025-06-19T10:56:11",
            "2025-06-19T10:56:11+00:00",
            "2025-06-19 10:56:11Z",
            "2025-02-29T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-06-31T00:00:00Z",
            "2025-06-19T24:00:00Z",
            "2025-06-19T10:60:00Z",
            "2025-06-19T10:56:60Z",
            "1969-12-31T23:59:59Z",
            "+025-06-19T10:56:11Z",
            "2025-06-19T10:56:11ZZ",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
