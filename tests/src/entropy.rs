//! Randomness that is the same each time.

use std::sync::Mutex;

use protocol::crypto::sha256;
use protocol::{Entropy, EntropyFailed};

/// SHA-256 of a seed and a counter: the same bytes in every run, different ones in every call.
pub struct FixedEntropy {
    seed: &'static str,
    calls: Mutex<u64>,
}

impl FixedEntropy {
    /// A stream that `seed` names.
    pub fn new(seed: &'static str) -> Self {
        let calls = Mutex::new(0);
        Self { seed, calls }
    }
}

impl Entropy for FixedEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        let mut calls = self.calls.lock().unwrap();
        for chunk in out.chunks_mut(32) {
            *calls += 1;
            let block = sha256(&[self.seed.as_bytes(), &calls.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

/// A system without randomness.
pub struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyFailed> {
        Err(EntropyFailed)
    }
}
