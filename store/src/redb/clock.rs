//! The engine's time: milliseconds that survive restarts and never run backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Begins at the wall clock, or where the last run ended if the wall clock is behind that, and
/// then follows the monotonic clock. So whatever happens to the wall clock while the engine runs,
/// leases end after the time they were given for; and after a restart nothing that is stored lies
/// in the future, so that it would wait for the wall clock to come round again.
pub(super) struct Clock {
    started_at: u64,
    started: Instant,
}

impl Clock {
    /// `last` is the latest time that this store has seen; both in milliseconds.
    pub(super) fn resume(wall: u64, last: u64) -> Self {
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

/// What the wall clock says.
pub(super) fn wall() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, milliseconds)
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
        let ahead = wall() + 3_600_000;
        let clock = Clock::resume(wall(), ahead);
        assert!(clock.now() >= ahead);
        std::thread::sleep(Duration::from_millis(20));
        assert!(clock.now() >= ahead + 20, "time goes on");
    }
}
