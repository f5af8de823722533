//! Nonces, and the secrets that are given for them.

use provision::{Challenge, Release, ReleaseRequest};

use super::{Problem, Service};

impl Service {
    pub(super) fn challenge(&self) -> Result<Challenge, Problem> {
        Ok(self.cas.challenge(self.clock.elapsed())?)
    }

    pub(super) fn release(&self, body: &[u8]) -> Result<Release, Problem> {
        let request = ReleaseRequest::from_json(body)?;
        let elapsed = self.clock.elapsed();
        let decided =
            self.look(|state, now| self.cas.release(&state.cas, &request, now, elapsed))?;
        Ok(decided?)
    }
}
