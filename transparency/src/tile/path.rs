//! The part of a path that says which tile: groups of three digits, all but the last after an `x`, and the
//! width unless it is whole.

use std::fmt;

use super::{Error, WIDTH};

pub(super) fn write(f: &mut fmt::Formatter<'_>, index: u64, width: u64) -> fmt::Result {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    while let Some(group) = groups.pop() {
        if groups.is_empty() {
            write!(f, "{group:03}")?;
        } else {
            write!(f, "x{group:03}/")?;
        }
    }
    if width < WIDTH {
        write!(f, ".p/{width}")?;
    }
    Ok(())
}

/// The index and the width in a path.
pub(super) fn parse(path: &str) -> Result<(u64, u64), Error> {
    let fault = |what| Error::Path { what };
    let (path, width) = match path.split_once(".p/") {
        Some((path, width)) => {
            let width = number(width)
                .filter(|width| (1..WIDTH).contains(width))
                .ok_or(fault("the width is not a number of 1 to 255"))?;
            (path, width)
        }
        None => (path, WIDTH),
    };
    let mut index = 0_u64;
    let mut groups = path.split('/').peekable();
    while let Some(group) = groups.next() {
        let last = groups.peek().is_none();
        let digits = if last {
            Some(group)
        } else {
            group.strip_prefix('x')
        };
        let value = digits
            .filter(|digits| digits.len() == 3)
            .and_then(digits_of)
            .ok_or(fault(
                "the groups are not of three digits, all but the last after x",
            ))?;
        if !last && index == 0 && value == 0 {
            return Err(fault("it begins with a group of zeros"));
        }
        index = index
            .checked_mul(1000)
            .and_then(|index| index.checked_add(value))
            .ok_or(fault("the number is too large"))?;
    }
    Ok((index, width))
}

/// A number in its only form: decimal, without sign or leading zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.len() > 1 && text.starts_with('0') {
        return None;
    }
    digits_of(text)
}

fn digits_of(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}
