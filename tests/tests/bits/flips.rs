//! Which bits are changed.

use sconce_tests::random::{Choices, number_from};

/// One bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flip {
    /// In which byte.
    pub(crate) at: usize,
    /// Which of its bits, the least first.
    pub(crate) bit: u8,
}

/// Bits of some input.
pub(crate) struct Flips<'a> {
    choices: Choices,
    count: u64,
    all_below: usize,
    only: Box<dyn Fn(Flip) -> bool + 'a>,
}

impl<'a> Flips<'a> {
    /// Every bit.
    pub(crate) fn all() -> Self {
        Self::number(u64::MAX, "")
    }

    /// As many as are asked for, others for each name.
    pub(crate) fn few(name: &str) -> Self {
        Self::number(asked(), name)
    }

    /// A tenth of them: for what there are many of.
    pub(crate) fn tenth(name: &str) -> Self {
        Self::number(asked() / 10, name)
    }

    /// And every bit of so many bytes at the beginning.
    pub(crate) fn and_all_below(self, all_below: usize) -> Self {
        Self { all_below, ..self }
    }

    /// Those alone of which something holds.
    pub(crate) fn only(self, only: impl Fn(Flip) -> bool + 'a) -> Self {
        Self {
            only: Box::new(only),
            ..self
        }
    }

    /// The bits of these bytes.
    pub(crate) fn of(&self, bytes: &[u8]) -> Vec<Flip> {
        let bits = bytes.len() as u64 * 8;
        let mut flips: Vec<u64> = if self.count >= bits {
            (0..bits).collect()
        } else {
            let mut choices = self.choices.clone();
            let below = (self.all_below.min(bytes.len()) as u64) * 8;
            let chosen = (0..self.count).map(|_| choices.below(bits));
            (0..below).chain(chosen).collect()
        };
        flips.sort_unstable();
        flips.dedup();
        let flips = flips.into_iter().map(|bit| Flip {
            at: (bit / 8) as usize,
            bit: (bit % 8) as u8,
        });
        flips.filter(|flip| (self.only)(*flip)).collect()
    }

    fn number(count: u64, name: &str) -> Self {
        let seed = number_from("SCONCE_SEED", 5);
        let branch = name.bytes().fold(0, |sum: u64, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        Self {
            choices: Choices::new(seed).branch(branch),
            count,
            all_below: 0,
            only: Box::new(|_| true),
        }
    }
}

impl Flip {
    /// These bytes with the bit changed.
    pub(crate) fn apply(self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        changed[self.at] = self.byte(bytes);
        changed
    }

    /// What the byte becomes.
    pub(crate) fn byte(self, bytes: &[u8]) -> u8 {
        bytes[self.at] ^ (1 << self.bit)
    }

    /// Where it is, for messages.
    pub(crate) fn place(self, bytes: &[u8]) -> String {
        let around = &bytes[self.at.saturating_sub(20)..bytes.len().min(self.at + 20)];
        format!(
            "bit {} of byte {} ({:#04x} becomes {:#04x}) in {:?}",
            self.bit,
            self.at,
            bytes[self.at],
            self.byte(bytes),
            String::from_utf8_lossy(around)
        )
    }
}

fn asked() -> u64 {
    number_from("SCONCE_BITS", 300)
}
