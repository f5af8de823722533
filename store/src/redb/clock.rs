//! The engine's time: milliseconds that survive restarts and never run backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Begins at the wall clock, or where the last run ended if the wall clock is behind that, and
/// then follows the monotonic clock. So whatever happens to the wall clock while the engine runs,
/// leases end after the time they were given for, and after a restart no deadline lies further in
/// the future than it did.
pub(super) struct Clock {
    started_at: u64,
    started: Instant,
}

impl Clock {
    /// `last` is the latest time that this store has seen, in milliseconds.
    pub(super) fn resume(last: u64) -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, milliseconds);
        Self {
            started_at: wall.max(last),
            started: Instant::now(),
        }
    }

    /// Milliseconds since 1970, by the wall clock when the engine was opened.
    pub(super) fn now(&self) -> u64 {
        self.started_at
            .saturating_add(milliseconds(self.started.elapsed()))
    }
}

/// A duration in whole milliseconds; centuries are cut down to what fits.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clock_behind_the_store_does_not_turn_time_back() {
        let ahead = Clock::resume(0).now() + 3_600_000;
        let clock = Clock::resume(ahead);
        assert!(clock.now() >= ahead);
        std::thread::sleep(Duration::from_millis(20));
        assert!(clock.now() >= ahead + 20, "time goes on");
    }
}
