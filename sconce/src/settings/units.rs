//! Sizes, times and rates as people write them.

use std::num::NonZeroU32;
use std::time::Duration;

use listener::Rate;

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// In milliseconds; the first word of each length is the one that is written.
const TIMES: [(&str, u64); 6] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

const PERIODS: [(&str, u64); 3] = [("h", 3600), ("min", 60), ("s", 1)];

/// A size in the largest unit that makes it a whole number.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0 => "0B".to_owned(),
        bytes => written(bytes, &SIZES),
    }
}

/// A time, likewise.
pub(crate) fn time(time: Duration) -> String {
    match u64::try_from(time.as_millis()).unwrap_or(u64::MAX) {
        0 => "0s".to_owned(),
        milliseconds => written(milliseconds, &TIMES),
    }
}

/// A rate, as in `100/s`.
pub(crate) fn rate(rate: Rate) -> String {
    let known = PERIODS
        .iter()
        .find(|(_, seconds)| *seconds == rate.per.as_secs());
    format!("{}/{}", rate.times, known.map_or("s", |(unit, _)| unit))
}

pub(crate) fn read_size(text: &str) -> Option<u64> {
    read(text, &SIZES)
}

pub(crate) fn read_time(text: &str) -> Option<Duration> {
    read(text, &TIMES).map(Duration::from_millis)
}

pub(crate) fn read_rate(text: &str) -> Option<Rate> {
    let (times, unit) = text.split_once('/')?;
    let (_, seconds) = PERIODS.iter().find(|(name, _)| *name == unit.trim())?;
    Some(Rate {
        times: NonZeroU32::new(times.trim().parse().ok()?)?,
        per: Duration::from_secs(*seconds),
    })
}

fn written(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, unit): &&(&str, u64)| amount.is_multiple_of(*unit) && amount >= *unit;
    let (name, unit) = units.iter().find(fits).unwrap_or(&("", 1));
    format!("{}{name}", amount / unit)
}

/// Digits and a unit, with or without blanks between them.
fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn written_as_read() {
        for text in ["8MiB", "1KiB", "1025B", "4GiB", "0B"] {
            let bytes = read_size(text).unwrap();
            assert_eq!(read_size(&size(bytes)), Some(bytes), "{text}");
        }
        assert_eq!(size(8 << 20), "8MiB");
        assert_eq!(read_size("8 MiB"), Some(8 << 20));
        for text in ["30s", "500ms", "1min", "24h", "7d", "0s", "1500ms"] {
            let length = read_time(text).unwrap();
            assert_eq!(read_time(&time(length)), Some(length), "{text}");
        }
        assert_eq!(time(Duration::from_secs(86_400)), "1d");
        assert_eq!(time(Duration::from_secs(90)), "90s");
        assert_eq!(read_time("5m"), read_time("5min"));
        for text in ["100/s", "30/min", "500/h"] {
            assert_eq!(rate(read_rate(text).unwrap()), text);
        }
    }

    proptest! {
        #[test]
        fn any_amount_is_read_as_it_is_written(amount in any::<u64>(), unit in prop::sample::select(&[1u64, 1000, 1 << 10, 60_000, 1 << 20][..]), times in 1u32.., period in 0..PERIODS.len()) {
            let amount = amount / unit * unit;
            prop_assert_eq!(read_size(&size(amount)), Some(amount));
            let length = Duration::from_millis(amount);
            prop_assert_eq!(read_time(&time(length)), Some(length));
            let often = Rate {
                times: NonZeroU32::new(times).unwrap(),
                per: Duration::from_secs(PERIODS[period].1),
            };
            let again = read_rate(&rate(often)).unwrap();
            prop_assert_eq!((again.times, again.per), (often.times, often.per));
        }

        #[test]
        fn any_text_is_an_amount_or_none(text in prop_oneof!["[0-9]{0,25} ?[a-zA-Z]{0,4}", "[0-9]{0,12}/ ?[a-z]{0,4}", any::<String>()]) {
            if let Some(bytes) = read_size(&text) {
                prop_assert_eq!(read_size(&size(bytes)), Some(bytes));
            }
            if let Some(length) = read_time(&text) {
                prop_assert_eq!(read_time(&time(length)), Some(length));
            }
            if let Some(often) = read_rate(&text) {
                prop_assert_eq!(read_rate(&rate(often)).map(|again| again.per), Some(often.per));
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "8",
            "MiB",
            "8 apples",
            "-1B",
            "1.5MiB",
            "8mib",
            "99999999999GiB",
            "8MB",
        ] {
            assert_eq!(read_size(bad), None, "{bad}");
        }
        for bad in [
            "",
            "30",
            "s",
            "30 apples",
            "-1s",
            "1h30m",
            "99999999999999999999s",
        ] {
            assert_eq!(read_time(bad), None, "{bad}");
        }
        for bad in ["", "100", "0/s", "/s", "1/day", "-1/s", "99999999999/s"] {
            assert!(read_rate(bad).is_none(), "{bad}");
        }
    }
}
