//! What a program prints that SCONE has prepared.

use sgx::{Digest, Kind, Mrenclave};

use super::Hex32;
use crate::config::Place;
use crate::located::Located;

/// More than anybody has.
const MAX_LENGTH: usize = 64 << 10;

/// What runs with `SCONE_HASH=1` printed: a line of 64 hex digits each, as for several sizes of heap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurements(Vec<Mrenclave>);

impl Measurements {
    /// Reads what was printed.
    ///
    /// # Errors
    ///
    /// The first line that is something else, or that there is none.
    pub fn parse(text: &str) -> Result<Self, Located> {
        if text.len() > MAX_LENGTH {
            return Err(Located::text("it is too long"));
        }
        let mut found: Vec<Mrenclave> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let digits = line.trim();
            if digits.is_empty() {
                continue;
            }
            let refuse = |what| {
                let place = Place {
                    line: index + 1,
                    column: 1,
                };
                Err(Located::place(place, what))
            };
            match digits.parse() {
                Err(_) => return refuse("it is no line of 64 hex digits"),
                Ok(measurement) if found.contains(&measurement) => {
                    return refuse("the same measurement stands above");
                }
                Ok(measurement) => found.push(measurement),
            }
        }
        if found.is_empty() {
            return Err(Located::text("it holds no measurement"));
        }
        Ok(Self(found))
    }

    /// Each with its kind.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let kind = |measurement: &Mrenclave| Digest::Mrenclave(Kind::Scone, *measurement);
        self.0.iter().map(kind)
    }

    /// As a session names them.
    pub(super) fn for_session(&self) -> Vec<Hex32> {
        self.0.iter().map(|found| Hex32(found.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_digits_are_read() {
        let (one, two) = ("ab".repeat(32), "cd".repeat(32));
        let found = Measurements::parse(&format!("{one}\n\n  {two}\r\n")).unwrap();
        let digests: Vec<_> = found.digests().map(|digest| digest.to_string()).collect();
        assert_eq!(
            digests,
            [
                format!("scone:mrenclave:{one}"),
                format!("scone:mrenclave:{two}")
            ]
        );
    }

    #[test]
    fn everything_else_is_refused() {
        let one = "ab".repeat(32);
        for text in [
            "",
            "\n\n",
            &one[1..],
            &format!("sim:mrenclave:{one}"),
            &format!("{one}\nEnclave hash: {one}\n"),
            &format!("{one}\n{one}\n"),
        ] {
            assert!(Measurements::parse(text).is_err(), "{text}");
        }
    }
}
