//! Types that a workload's parameters may have.

use std::borrow::Cow;
use std::fmt;

/// A type that a parameter of a workload may have.
///
/// Implemented for text, bytes, numbers, `bool` and `char`; an author may add types of their own:
///
/// ```
/// # use sconce_workload::{FromInput, Unfit};
/// /// A share of something, from 0 to 100.
/// struct Percent(u8);
///
/// impl FromInput for Percent {
///     fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
///         match u8::from_input(bytes) {
///             Ok(percent @ 0..=100) => Ok(Self(percent)),
///             _ => Err(Unfit::new("a percentage from 0 to 100")),
///         }
///     }
/// }
/// # assert!(Percent::from_input(b"101").is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an input of a workload",
    label = "not an input type",
    note = "inputs are `String`, `Vec<u8>`, `bool`, `char`, integers, `f32`, `f64` and types that \
            implement `workload::FromInput`",
    note = "inputs are owned: `String` instead of `&str`, `Vec<u8>` instead of `&[u8]`"
)]
pub trait FromInput: Sized {
    /// Whether the type takes an item as it stands, blanks and all, when it is the only parameter.
    const WHOLE: bool = false;

    /// Reads a value from the bytes of an item, or of a token of one.
    ///
    /// # Errors
    ///
    /// What would have been expected instead.
    fn from_input(bytes: &[u8]) -> Result<Self, Unfit>;
}

/// An input is not of its parameter's type: says what would have been expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit(Cow<'static, str>);

impl Unfit {
    /// `expected` completes the sentence "input `x`: expected ...".
    pub fn new(expected: impl Into<Cow<'static, str>>) -> Self {
        Self(expected.into())
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl FromInput for String {
    const WHOLE: bool = true;

    fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
        text(bytes)
            .map(str::to_owned)
            .ok_or(Unfit::new("text in UTF-8"))
    }
}

impl FromInput for Vec<u8> {
    const WHOLE: bool = true;

    fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
        Ok(bytes.to_vec())
    }
}

impl FromInput for bool {
    fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
        match bytes.trim_ascii() {
            b"true" => Ok(true),
            b"false" => Ok(false),
            _ => Err(Unfit::new("`true` or `false`")),
        }
    }
}

impl FromInput for char {
    const WHOLE: bool = true;

    fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
        text(bytes)
            .and_then(|text| text.parse().ok())
            .ok_or(Unfit::new("a single character"))
    }
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {$(
        impl FromInput for $number {
            fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
                text(bytes.trim_ascii())
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| {
                        let (least, greatest) = (Self::MIN, Self::MAX);
                        Unfit::new(format!("a whole number from {least} to {greatest}"))
                    })
            }
        }
    )+};
}

whole_numbers!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize
);

macro_rules! real_numbers {
    ($($number:ty),+) => {$(
        impl FromInput for $number {
            fn from_input(bytes: &[u8]) -> Result<Self, Unfit> {
                text(bytes.trim_ascii())
                    .and_then(|text| text.parse().ok())
                    .filter(|number: &Self| number.is_finite())
                    .ok_or(Unfit::new("a number such as 2.5"))
            }
        }
    )+};
}

real_numbers!(f32, f64);

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_kept_as_they_are() {
        assert_eq!(String::from_input(" é ".as_bytes()).unwrap(), " é ");
        assert_eq!(Vec::from_input(&[0, 255]).unwrap(), [0, 255]);
        assert_eq!(char::from_input("é".as_bytes()).unwrap(), 'é');
        assert_eq!(char::from_input(b" ").unwrap(), ' ');
    }

    #[test]
    fn numbers_and_truth_values_may_stand_between_blanks() {
        assert_eq!(u8::from_input(b" +7\n").unwrap(), 7);
        assert_eq!(i64::from_input(b"-7").unwrap(), -7);
        assert_eq!(u128::from_input(b"7").unwrap(), 7);
        assert!((f64::from_input(b" 2.5 ").unwrap() - 2.5).abs() < f64::EPSILON);
        assert!(bool::from_input(b"true ").unwrap());
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        let unfit = |result: Result<(), Unfit>| result.unwrap_err().to_string();
        assert_eq!(
            unfit(String::from_input(&[0xff]).map(drop)),
            "expected text in UTF-8"
        );
        assert_eq!(
            unfit(u8::from_input(b"256").map(drop)),
            "expected a whole number from 0 to 255"
        );
        assert_eq!(
            unfit(i8::from_input(b"").map(drop)),
            "expected a whole number from -128 to 127"
        );
        for text in ["NaN", "inf", "1e999", ""] {
            assert_eq!(
                unfit(f64::from_input(text.as_bytes()).map(drop)),
                "expected a number such as 2.5"
            );
        }
        assert_eq!(
            unfit(bool::from_input(b"yes").map(drop)),
            "expected `true` or `false`"
        );
        assert_eq!(
            unfit(char::from_input(b"ab").map(drop)),
            "expected a single character"
        );
    }
}
