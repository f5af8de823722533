//! Times in RFC 3339: UTC, `Z`, and 3, 6 or 9 decimals.

use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use time::{Date, Month, OffsetDateTime};

use crate::messages::Timestamp;

const DAY: i64 = 86_400;

/// The Julian day of 1970-01-01.
const UNIX_EPOCH: i64 = 2_440_588;

impl Timestamp {
    /// The time of an RFC 3339 text in UTC, with up to nine decimals.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (date, time) = text.split_once('T')?;
        let (time, fraction) = match time.split_once('.') {
            Some((time, fraction)) => (time, nanos(fraction)?),
            None => (time, 0),
        };
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        if year == 0 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let year = i32::try_from(year).ok()?;
        let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
        let days = i64::from(date.to_julian_day()) - UNIX_EPOCH;
        Some(Self {
            seconds: days * DAY + i64::from(hour * 3600 + minute * 60 + second),
            nanos: fraction,
        })
    }

    /// Whether it is a time that can be written: in the years 1 to 9999, and under a second of nanoseconds.
    pub fn is_valid(self) -> bool {
        (-62_135_596_800..=253_402_300_799).contains(&self.seconds) && self.nanos < 1_000_000_000
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, or for a time that [isn't valid](Timestamp::is_valid) its numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = match OffsetDateTime::from_unix_timestamp(self.seconds) {
            Ok(time) if self.is_valid() => time,
            _ => return write!(f, "{} s and {} ns since 1970", self.seconds, self.nanos),
        };
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        let month = u8::from(month);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        match self.nanos {
            nanos if nanos % 1_000_000 == 0 => write!(f, ".{:03}Z", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => write!(f, ".{:06}Z", nanos / 1_000),
            nanos => write!(f, ".{nanos:09}Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_valid() {
            return Err(ser::Error::custom("a time outside the years 1 to 9999"));
        }
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time in UTC, as in 2016-09-01T21:06:09.515Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::from_rfc3339(text)
                    .ok_or_else(|| E::invalid_value(Unexpected::Other("text"), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Three numbers with that many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(between);
    let mut read = [0; 3];
    for (number, digits) in read.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits {
            return None;
        }
        *number = number_of(part)?;
    }
    parts.next().is_none().then_some(read)
}

/// The nanoseconds of one to nine decimals.
fn nanos(fraction: &str) -> Option<u32> {
    let missing = 9_usize.checked_sub(fraction.len())?;
    number_of(fraction)?.checked_mul(10_u32.checked_pow(u32::try_from(missing).ok()?)?)
}

/// A number of digits only.
fn number_of(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_six_or_nine_decimals() {
        for text in [
            "2016-09-01T21:06:09.515380163Z",
            "2016-09-03T21:06:09.120Z",
            "2016-09-04T21:06:09.123456Z",
            "2016-09-02T21:06:09.000Z",
            "1969-12-31T23:59:59.999999999Z",
            "2000-02-29T00:00:00.000Z",
        ] {
            let time = Timestamp::from_rfc3339(text).unwrap();
            assert_eq!(time.to_string(), text);
        }
        let time = Timestamp::from_rfc3339("1970-01-01T00:01:00.5Z").unwrap();
        assert_eq!((time.seconds, time.nanos), (60, 500_000_000));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2016-09-01T21:06:09",
            "2016-09-01T21:06:09+00:00",
            "2016-09-01 21:06:09Z",
            "2016-09-01T21:06:09.Z",
            "2016-09-01T21:06:09.0123456789Z",
            "2016-02-30T21:06:09Z",
            "2016-13-01T21:06:09Z",
            "2016-09-01T24:06:09Z",
            "2016-09-01T21:06:60Z",
            "2016-9-01T21:06:09Z",
            "2016-09-01T21:06Z",
            "2016-09-01T21:06:09:00Z",
            "+016-09-01T21:06:09Z",
            "0000-09-01T21:06:09Z",
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_shown_and_not_written() {
        let time = Timestamp {
            seconds: 1,
            nanos: 1_000_000_000,
        };
        assert_eq!(time.to_string(), "1 s and 1000000000 ns since 1970");
        assert!(serde_json::to_string(&time).is_err());
    }

    proptest! {
        #[test]
        fn times_are_read_as_they_are_written(
            seconds in -62_135_596_800..253_402_300_800_i64,
            nanos in prop::sample::select(vec![0, 5_000_000, 5_000, 5]),
        ) {
            let time = Timestamp { seconds, nanos };
            prop_assert_eq!(Timestamp::from_rfc3339(&time.to_string()), Some(time));
        }
    }
}
