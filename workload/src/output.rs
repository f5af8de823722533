//! Types that a workload may return.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Display;

use crate::Failure;

/// The longest answer that a work order may have, in bytes.
pub const OUTPUT_LIMIT: usize = 1024 * 1024;

/// A type that a workload may return: text, bytes, or a [`Result`] of these.
///
/// The error of a `Result` may be anything that can be displayed: its text reaches the requester
/// as [`Failure::Failed`]. A [`Failure`] is passed on as it is, so a workload that blames its
/// inputs returns [`Failure::input`].
#[diagnostic::on_unimplemented(
    message = "a workload cannot return `{Self}`",
    label = "not an output of a workload",
    note = "a workload returns `String`, `&'static str` or `Vec<u8>`, or a `Result` of one of these \
            with an error that implements `Display`",
    note = "a number is returned as text: `number.to_string()`"
)]
pub trait IntoOutput {
    /// The bytes for the requester, or why there are none.
    ///
    /// # Errors
    ///
    /// What the workload itself has refused.
    fn into_output(self) -> Result<Vec<u8>, Failure>;
}

impl IntoOutput for Vec<u8> {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(self)
    }
}

impl IntoOutput for String {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(self.into_bytes())
    }
}

impl IntoOutput for &'static str {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        Ok(self.as_bytes().to_vec())
    }
}

impl IntoOutput for Cow<'static, str> {
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        self.into_owned().into_output()
    }
}

impl<T, E> IntoOutput for Result<T, E>
where
    T: IntoOutput,
    E: Display + 'static,
{
    fn into_output(self) -> Result<Vec<u8>, Failure> {
        match self {
            Ok(output) => output.into_output(),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// The failure that an error stands for. Two impls, one for `Failure` and one for everything that
/// can be displayed, would overlap: hence the look at the type.
fn failure<E: Display + 'static>(error: &E) -> Failure {
    match (error as &dyn Any).downcast_ref::<Failure>() {
        Some(failure) => failure.clone(),
        None => Failure::failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_their_bytes() {
        assert_eq!("é".into_output().unwrap(), "é".as_bytes());
        assert_eq!(String::from("a").into_output().unwrap(), b"a");
        assert_eq!(vec![0, 255].into_output().unwrap(), [0, 255]);
        assert_eq!(Ok::<_, String>("a").into_output().unwrap(), b"a");
    }

    #[test]
    fn any_displayed_error_is_a_failure_of_the_workload() {
        let parsed = "x".parse::<u8>().map(|number| number.to_string());
        assert_eq!(
            parsed.into_output().unwrap_err(),
            Failure::failed("invalid digit found in string")
        );
    }

    #[test]
    fn a_failure_is_passed_on_as_it_is() {
        let refused: Result<String, _> = Err(Failure::input("too long"));
        assert_eq!(refused.into_output(), Err(Failure::input("too long")));
    }
}
