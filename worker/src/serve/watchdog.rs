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
    /// When the watchdog looks next; never later than the earliest deadline. It may be the deadline
    /// of a run that has ended: looking once in vain costs less than being told of every end.
    alarm: Option<Instant>,
}

struct Run<T> {
    deadline: Instant,
    tag: u64,
    what: T,
}

/// An alarm that is noticed so late was slept through: the process was stopped, and its runs with
/// it.
const PAUSED: Duration = Duration::from_secs(1);

impl<T> State<T> {
    /// Notes a run. `true` if the watchdog has to be told of it: waking it costs more than a short
    /// order, and it looks early enough for nearly all of them anyway.
    fn add(&mut self, run: Run<T>) -> (Watch, bool) {
        let earlier = self.alarm.is_none_or(|alarm| run.deadline < alarm);
        if earlier {
            self.alarm = Some(run.deadline);
        }
        let watch = self.next;
        self.next += 1;
        self.runs.insert(watch, run);
        (watch, earlier)
    }

    /// Gives all runs the time back during which nothing ran.
    fn forgive_a_pause(&mut self, now: Instant) {
        let Some(late) = self.alarm.and_then(|at| now.checked_duration_since(at)) else {
            return;
        };
        if late > PAUSED {
            for run in self.runs.values_mut() {
                run.deadline += late;
            }
        }
    }

    /// A run that should have ended by `now`; without one the alarm is set anew.
    fn overrun(&mut self, now: Instant) -> Option<Run<T>> {
        let due = self.runs.iter().find(|(_, run)| run.deadline <= now);
        let due = due.map(|(watch, _)| *watch);
        let run = due.and_then(|watch| self.runs.remove(&watch));
        self.alarm = self.runs.values().map(|run| run.deadline).min();
        run
    }
}

impl<T> Watchdog<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                next: 0,
                runs: BTreeMap::new(),
                alarm: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Watches a run that starts now; `what` comes back if it doesn't stop in time.
    pub(super) fn start(&self, tag: u64, limit: Duration, what: T) -> Watch {
        let deadline = Instant::now() + limit;
        let (watch, tell) = self.lock().add(Run {
            deadline,
            tag,
            what,
        });
        if tell {
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
            if let Some(run) = state.overrun(now) {
                return (run.tag, run.what);
            }
            state = match state.alarm {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(alarm) => {
                    let left = alarm.saturating_duration_since(now);
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

    fn run(deadline: Instant) -> Run<()> {
        Run {
            deadline,
            tag: 7,
            what: (),
        }
    }

    #[test]
    fn the_watchdog_is_told_of_earlier_deadlines_only() {
        let mut state = Watchdog::new().state.into_inner().unwrap();
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let (first, told) = state.add(run(at(5)));
        assert!(told);
        assert!(!state.add(run(at(6))).1);
        assert!(!state.add(run(at(5))).1);
        let (earlier, told) = state.add(run(at(4)));
        assert!(told);
        for ended in [first, earlier] {
            state.runs.remove(&ended);
        }
        assert!(!state.add(run(at(7))).1, "it looks at 4 all the same");
        assert!(state.overrun(at(4)).is_none());
        assert_eq!(state.alarm, Some(at(5)));
        assert!(state.overrun(at(5)).is_some());
        assert_eq!(state.alarm, Some(at(6)));
        state.runs.clear();
        assert!(state.overrun(at(9)).is_none());
        assert_eq!(state.alarm, None, "nothing to look for");
    }

    #[test]
    fn a_pause_of_the_process_is_forgiven() {
        let mut state = Watchdog::new().state.into_inner().unwrap();
        let begin = Instant::now();
        let deadline = begin + Duration::from_secs(5);
        let (watch, _) = state.add(run(deadline));
        state.forgive_a_pause(begin + Duration::from_millis(5900));
        assert_eq!(state.runs[&watch].deadline, deadline, "that is no pause");
        state.forgive_a_pause(begin + Duration::from_secs(25));
        assert_eq!(state.runs[&watch].deadline, begin + Duration::from_secs(25));
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
