//! Warnings that others can provoke: seldom enough that they can't fill a disk.

use std::time::{Duration, Instant};

/// Lets one pass in ten seconds and counts the others.
#[derive(Default)]
pub struct Throttle {
    last: Option<Instant>,
    suppressed: u64,
}

const PERIOD: Duration = Duration::from_secs(10);

impl Throttle {
    /// Whether to warn now; if so, how many have been suppressed since the last time.
    pub fn pass(&mut self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&mut self, now: Instant) -> Option<u64> {
        let soon = |last| now.saturating_duration_since(last) < PERIOD;
        if self.last.is_some_and(soon) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_passes_in_ten_seconds_and_the_others_are_counted() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(throttle.pass_at(start), Some(0));
        for second in [0, 1, 9] {
            assert_eq!(throttle.pass_at(after(second)), None);
        }
        assert_eq!(throttle.pass_at(after(10)), Some(3));
        assert_eq!(throttle.pass_at(after(19)), None);
        assert_eq!(throttle.pass_at(after(60)), Some(1));
        assert_eq!(throttle.pass_at(after(70)), Some(0));
    }
}
