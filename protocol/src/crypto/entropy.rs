//! Where randomness comes from: a trait of our own, so that tests can fix it.

use ring::rand::{SecureRandom, SystemRandom};

/// A source of random bytes.
///
/// `ring`'s own trait is sealed, so the engine takes this one. Key generation can't be seeded and
/// does not use it.
pub trait Entropy: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFailed>;
}

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct EntropyFailed;

/// The operating system's generator.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// A handle on it.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        self.0.fill(out).map_err(|_| EntropyFailed)
    }
}

impl dyn Entropy + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], EntropyFailed> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(out)
    }
}
