//! Choices that look random and are the same for the same seed.

use std::ops::Range;
use std::time::Duration;

/// A stream of choices (SplitMix64: a counter, well mixed).
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// Those of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for each `number`, whatever is drawn from the others.
    pub fn branch(&self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number.wrapping_add(1))))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`, which isn't 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Bounds are small: that some are likelier by 2^-50 doesn't matter.
        self.number() % bound
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A time in a range, in whole milliseconds.
    pub fn time(&mut self, range: Range<Duration>) -> Duration {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (least, bound) = (milliseconds(range.start), milliseconds(range.end));
        Duration::from_millis(least + self.below((bound - least).max(1)))
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The number that an environment variable holds; `otherwise` without it.
///
/// # Panics
///
/// If it holds something else.
pub fn number_from(variable: &str, otherwise: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else {
        return otherwise;
    };
    let number = text.parse();
    number.unwrap_or_else(|_| panic!("{variable} is {text:?}; set it to a whole number"))
}
