//! Two clocks: one that its owner may set, and one that only runs.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use attestation::Time;

/// The time, as far as a program can know it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// What the machine says it is, but never before what has been.
    #[must_use]
    pub fn now(&self, floor: Time) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Time::from_unix(now.map_or(0, |now| now.as_secs())).max(floor)
    }

    /// How long it has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
