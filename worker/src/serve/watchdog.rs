//! Time limits: who runs, until when, and who did not end by then.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Names one watched run.
pub(super) type Watch = u64;

/// Knows every run and its deadline.
pub(super) struct Watchdog<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    next: Watch,
    runs: BTreeMap<Watch, Run<T>>,
}

struct Run<T> {
    deadline: Instant,
    tag: u64,
    what: T,
}

/// A deadline that is noticed so late was slept through: the process was stopped, and its runs
/// with it.
const PAUSED: Duration = Duration::from_secs(1);

impl<T> State<T> {
    /// Gives all runs the time back during which nothing ran.
    fn forgive_a_pause(&mut self, now: Instant) {
        let earliest = self.runs.values().map(|run| run.deadline).min();
        let Some(late) = earliest.and_then(|at| now.checked_duration_since(at)) else {
            return;
        };
        if late > PAUSED {
            for run in self.runs.values_mut() {
                run.deadline += late;
            }
        }
    }
}

impl<T> Watchdog<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                next: 0,
                runs: BTreeMap::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Watches a run that starts now; `what` comes back if it doesn't stop in time.
    pub(super) fn start(&self, tag: u64, limit: Duration, what: T) -> Watch {
        let mut state = self.lock();
        let deadline = Instant::now() + limit;
        let watch = state.next;
        state.next += 1;
        let earliest = state.runs.values().map(|run| run.deadline).min();
        state.runs.insert(
            watch,
            Run {
                deadline,
                tag,
                what,
            },
        );
        // Waking the watchdog costs more than a short order, so only a new earliest deadline does.
        if earliest.is_none_or(|earliest| deadline < earliest) {
            self.changed.notify_one();
        }
        watch
    }

    /// Ends a run; `false` if it came too late and has been answered for.
    pub(super) fn stop(&self, watch: Watch) -> bool {
        self.lock().runs.remove(&watch).is_some()
    }

    /// Waits for a run to overrun; returns its tag and what it is.
    pub(super) fn wait(&self) -> (u64, T) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.forgive_a_pause(now);
            let due = state.runs.iter().find(|(_, run)| run.deadline <= now);
            if let Some(watch) = due.map(|(watch, _)| *watch)
                && let Some(run) = state.runs.remove(&watch)
            {
                return (run.tag, run.what);
            }
            state = match state.runs.values().map(|run| run.deadline).min() {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_overruns_is_answered_for() {
        let watchdog = Watchdog::new();
        let long = watchdog.start(1, Duration::from_secs(3600), "long");
        let short = watchdog.start(2, Duration::from_millis(20), "short");
        let ended = watchdog.start(3, Duration::from_millis(1), "ended");
        assert!(watchdog.stop(ended));
        assert_eq!(watchdog.wait(), (2, "short"));
        assert!(!watchdog.stop(short), "it has been answered for");
        assert!(watchdog.stop(long));
    }

    #[test]
    fn a_pause_of_the_process_is_forgiven() {
        let runs = BTreeMap::new();
        let mut state = State { next: 0, runs };
        let begin = Instant::now();
        let deadline = begin + Duration::from_secs(5);
        state.runs.insert(
            0,
            Run {
                deadline,
                tag: 7,
                what: (),
            },
        );
        state.forgive_a_pause(begin + Duration::from_millis(5900));
        assert_eq!(state.runs[&0].deadline, deadline, "that is no pause");
        state.forgive_a_pause(begin + Duration::from_secs(25));
        assert_eq!(state.runs[&0].deadline, begin + Duration::from_secs(25));
    }

    #[test]
    fn a_new_earlier_deadline_is_noticed() {
        let watchdog = &Watchdog::new();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watchdog.wait().0);
            watchdog.start(1, Duration::from_secs(3600), ());
            watchdog.start(2, Duration::from_millis(5), ());
            assert_eq!(waiting.join().unwrap(), 2);
        });
    }
}
