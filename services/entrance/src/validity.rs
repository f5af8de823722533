//! When a certificate is valid (RFC 5280, section 4.1): all that a server needs to know of its own.

/// In seconds since 1970, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// `[0] EXPLICIT`, around the version.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl Validity {
    /// That of a certificate in DER; nothing of it is verified.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let mut certificate = Der(certificate).enter(SEQUENCE)?;
        let mut signed = certificate.enter(SEQUENCE)?;
        if signed.0.first() == Some(&VERSION) {
            signed.next()?;
        }
        // Serial number, signature algorithm, issuer.
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            signed.enter(tag)?;
        }
        let mut validity = signed.enter(SEQUENCE)?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        validity.0.is_empty().then_some(Self {
            not_before,
            not_after,
        })
    }
}

/// What is left of the elements of something in DER.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next element: its tag and its content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
                let value = digits
                    .iter()
                    .fold(0, |value, digit| value << 8 | u64::from(*digit));
                (usize::try_from(value).ok()?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The elements of the next one, which must have this tag.
    fn enter(&mut self, tag: u8) -> Option<Self> {
        let (found, content) = self.next()?;
        (found == tag).then_some(Self(content))
    }

    fn time(&mut self) -> Option<i64> {
        let (tag, content) = self.next()?;
        let digits = content.strip_suffix(b"Z")?;
        if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut pairs = digits
            .chunks_exact(2)
            .map(|pair| i64::from(pair[0] - b'0') * 10 + i64::from(pair[1] - b'0'));
        let mut pair = || pairs.next();
        let year = match tag {
            // Two digits stand for 1950 to 2049.
            UTC_TIME => match pair()? {
                year @ 50.. => 1900 + year,
                year => 2000 + year,
            },
            GENERALIZED_TIME => pair()? * 100 + pair()?,
            _ => return None,
        };
        let (month, day) = (pair()?, pair()?);
        let (hour, minute, second) = (pair()?, pair()?, pair()?);
        let in_range = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let whole = in_range && pairs.next().is_none();
        whole.then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }
}

/// Days from 1970-01-01, in the Gregorian calendar: years that begin in March end with the leap day.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    // Months from March on, at 30.6 days each, have begun after so many days.
    let in_year = (month * 306 + 5) / 10 + day - 1;
    // 719 468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> Option<i64> {
        let mut element = vec![tag, u8::try_from(text.len()).unwrap()];
        element.extend_from_slice(text.as_bytes());
        Der(&element).time()
    }

    // `date -u -d '2000-02-29 12:34:56' +%s` and so on.
    #[test]
    fn times_as_seconds() {
        for (text, seconds) in [
            ("19700101000000Z", 0),
            ("19691231235959Z", -1),
            ("20000229123456Z", 951_827_696),
            ("20240301000000Z", 1_709_251_200),
            ("20491231235959Z", 2_524_607_999),
            ("21000301000000Z", 4_107_542_400),
        ] {
            assert_eq!(time(GENERALIZED_TIME, text), Some(seconds), "{text}");
        }
        assert_eq!(time(UTC_TIME, "500101000000Z"), Some(-631_152_000));
        assert_eq!(time(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        for bad in [
            "",
            "Z",
            "4912312359Z",
            "491331235959Z",
            "49123123595Z",
            "491231235959",
        ] {
            assert_eq!(time(UTC_TIME, bad), None, "{bad}");
        }
    }

    #[test]
    fn damaged_certificates_have_none() {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let der = certificate.cert.der();
        let validity = Validity::of(der).unwrap();
        assert!(validity.not_before < validity.not_after);
        for length in 0..der.len() {
            assert_eq!(Validity::of(&der[..length]), None, "{length}");
        }
    }
}
