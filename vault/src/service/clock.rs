//! Two clocks: one that its owner may set, and one that only runs.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use attestation::Time;

/// The time, as far as a program can know it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    /// What the machine said it was then.
    began: SystemTime,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            began: SystemTime::now(),
        }
    }

    /// What the machine says it is, but never before what has been: neither before `floor`, nor before as much
    /// time has passed since the start as the clock says that only runs.
    #[must_use]
    pub fn now(&self, floor: Time) -> Time {
        self.not_before(floor, SystemTime::now(), self.elapsed())
    }

    fn not_before(&self, floor: Time, said: SystemTime, elapsed: Duration) -> Time {
        let ran = self.began.checked_add(elapsed).unwrap_or(said);
        let since = said.max(ran).duration_since(UNIX_EPOCH);
        Time::from_unix(since.map_or(0, |since| since.as_secs())).max(floor)
    }

    /// How long it has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_is_not_followed() {
        let clock = Clock::start();
        let after = |seconds: u64| clock.began + Duration::from_secs(seconds);
        let floor = Time::from_unix(0);
        let now = |said, elapsed| {
            clock
                .not_before(floor, said, Duration::from_secs(elapsed))
                .unix()
        };
        let began = now(clock.began, 0);
        assert_eq!(now(after(60), 60), began + 60);
        assert_eq!(now(UNIX_EPOCH, 60), began + 60, "set back");
        assert_eq!(now(clock.began, 60), began + 60, "stopped");
        assert_eq!(now(after(3600), 60), began + 3600, "set ahead");
        let floor = Time::from_unix(began + 7);
        assert_eq!(clock.not_before(floor, clock.began, Duration::ZERO), floor);
    }
}
