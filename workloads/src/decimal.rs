//! Decimals as people write money: exact, without a sign and without an exponent.

use dashu_int::UBig;
use workload::{FromInput, Unfit};

/// Digits that a decimal may have after its point.
pub const POINT_AT: usize = 18;

/// Digits that a decimal may have before its point: enough for any balance in the least unit of a
/// token with 256-bit amounts.
pub const LONGEST_WHOLE: usize = 78;

/// A decimal number of 0 or more, such as `100` or `0.25`, held exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(UBig);

impl Decimal {
    /// The number as a whole number of units of 10^-18.
    pub fn into_units(self) -> UBig {
        self.0
    }
}

impl From<u32> for Decimal {
    fn from(whole: u32) -> Self {
        Self(UBig::from(whole) * ten_to(POINT_AT))
    }
}

impl FromInput for Decimal {
    fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
        let text = bytes.trim_ascii();
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        let (whole, fraction) =
            split(digits).ok_or(Unfit::new("a decimal number such as 12.50"))?;
        if whole.len() > LONGEST_WHOLE {
            return Err(Unfit::new("at most 78 digits before the point"));
        }
        if fraction.len() > POINT_AT {
            return Err(Unfit::new("at most 18 digits after the point"));
        }
        let units = units(whole, fraction);
        if negative && units != UBig::ZERO {
            return Err(Unfit::new("a number that is not negative"));
        }
        Ok(Self(units))
    }
}

/// 10^`exponent`.
pub(crate) fn ten_to(exponent: usize) -> UBig {
    UBig::from(10_u8).pow(exponent)
}

/// The digits before and after the point; there is at least one on each side of it.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let numeric = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    match text.iter().position(|byte| *byte == b'.') {
        None => numeric(text).then_some((text, &[])),
        Some(point) => {
            let (whole, fraction) = (&text[..point], &text[point + 1..]);
            (numeric(whole) && numeric(fraction)).then_some((whole, fraction))
        }
    }
}

fn units(whole: &[u8], fraction: &[u8]) -> UBig {
    let digits = whole.iter().chain(fraction);
    let number = digits.fold(UBig::ZERO, |number, digit| number * 10_u8 + (digit - b'0'));
    number * ten_to(POINT_AT - fraction.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Decimal::from_input(text.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn reads_what_people_write() {
        for (text, thousandths) in [
            ("100", 100_000_u32),
            (" 0.250\n", 250),
            ("+1.5", 1500),
            ("007", 7000),
            ("-0.0", 0),
        ] {
            let units = Decimal::from_input(text.as_bytes()).unwrap().into_units();
            assert_eq!(units, UBig::from(thousandths) * ten_to(15), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_decimal() {
        for text in [
            "", ".", "1.", ".5", "1e3", "1E-3", "NaN", "inf", "0x10", "1,5", "1_000", "1.2.3",
            "--1", "+", "١", "5%",
        ] {
            assert_eq!(
                refusal(text),
                "expected a decimal number such as 12.50",
                "{text:?}"
            );
        }
    }

    #[test]
    fn refuses_negative_numbers() {
        assert_eq!(refusal("-0.01"), "expected a number that is not negative");
    }

    #[test]
    fn has_limits_on_both_sides_of_the_point() {
        let whole = "9".repeat(LONGEST_WHOLE);
        let fraction = "9".repeat(POINT_AT);
        assert!(Decimal::from_input(format!("{whole}.{fraction}").as_bytes()).is_ok());
        assert_eq!(
            refusal(&format!("{whole}0")),
            "expected at most 78 digits before the point"
        );
        assert_eq!(
            refusal(&format!("1.{fraction}0")),
            "expected at most 18 digits after the point"
        );
    }
}
