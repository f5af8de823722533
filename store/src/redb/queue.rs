//! What waits for the writer, and when the writer wakes for it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A queue with one taker, who is woken only when there is what it waits for.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    enough: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    /// How many the taker waits for; `usize::MAX` while it is busy.
    wanted: usize,
    closed: bool,
}

/// How long to wait for company.
#[derive(Clone, Copy)]
pub(super) struct Linger {
    /// Enough to go on at once.
    pub(super) enough: usize,
    pub(super) longest: Duration,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                wanted: usize::MAX,
                closed: false,
            }),
            enough: Condvar::new(),
        }
    }

    /// Adds an item; gives it back if the queue is closed.
    pub(super) fn push(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.closed {
            return Err(item);
        }
        state.items.push_back(item);
        if state.items.len() >= state.wanted {
            // Once is enough.
            state.wanted = usize::MAX;
            drop(state);
            self.enough.notify_one();
        }
        Ok(())
    }

    /// Waits for an item and then, for as long as `linger` says, for others; takes those that
    /// `fits` accepts in a row, the first one in any case. `None` when the queue is closed and
    /// empty.
    pub(super) fn take(
        &self,
        linger: Option<Linger>,
        mut fits: impl FnMut(&T) -> bool,
    ) -> Option<Vec<T>> {
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return None;
            }
            state = self.wait(state, 1, None);
        }
        if let Some(Linger { enough, longest }) = linger {
            let end = Instant::now() + longest;
            while state.items.len() < enough && !state.closed && Instant::now() < end {
                state = self.wait(state, enough, Some(end));
            }
        }
        let mut taken = Vec::with_capacity(state.items.len());
        while let Some(item) = state.items.front() {
            if !fits(item) && !taken.is_empty() {
                break;
            }
            taken.extend(state.items.pop_front());
        }
        Some(taken)
    }

    /// Takes what is there, after waiting for an item for some time at most. `None` when the
    /// queue is closed and empty.
    pub(super) fn take_within(&self, time: Duration) -> Option<Vec<T>> {
        let end = Instant::now() + time;
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return None;
            }
            if Instant::now() >= end {
                break;
            }
            state = self.wait(state, 1, Some(end));
        }
        Some(state.items.drain(..).collect())
    }

    /// Nothing more comes in. What is there can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.enough.notify_one();
    }

    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State<T>>,
        wanted: usize,
        end: Option<Instant>,
    ) -> MutexGuard<'a, State<T>> {
        state.wanted = wanted;
        let mut state = match end {
            None => self
                .enough
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                let waited = self.enough.wait_timeout(state, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.wanted = usize::MAX;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn linger(enough: usize, longest: Duration) -> Option<Linger> {
        Some(Linger { enough, longest })
    }

    #[test]
    fn whoever_is_alone_does_not_wait() {
        let queue = Queue::new();
        queue.push(1).unwrap();
        assert_eq!(queue.take(None, |_| true), Some(vec![1]));
        queue.push(2).unwrap();
        assert_eq!(queue.take(linger(1, LONG), |_| true), Some(vec![2]));
    }

    #[test]
    fn company_is_waited_for_and_no_longer() {
        let queue = Arc::new(Queue::new());
        queue.push(1).unwrap();
        let brief = Duration::from_millis(20);
        let begin = Instant::now();
        assert_eq!(queue.take(linger(2, brief), |_| true), Some(vec![1]));
        assert!(begin.elapsed() >= brief);

        queue.push(2).unwrap();
        let other = Arc::clone(&queue);
        let pusher = std::thread::spawn(move || {
            std::thread::sleep(brief);
            other.push(3).unwrap();
        });
        assert_eq!(queue.take(linger(2, LONG), |_| true), Some(vec![2, 3]));
        pusher.join().unwrap();
    }

    #[test]
    fn what_does_not_fit_is_taken_next() {
        let queue = Queue::new();
        for item in [5, 1, 9, 2] {
            queue.push(item).unwrap();
        }
        assert_eq!(queue.take(None, |item| *item < 5), Some(vec![5, 1]));
        assert_eq!(queue.take(None, |item| *item < 5), Some(vec![9, 2]));
    }

    #[test]
    fn a_closed_queue_is_emptied_and_takes_nothing() {
        let queue = Queue::new();
        queue.push(1).unwrap();
        queue.close();
        assert_eq!(queue.push(2), Err(2));
        assert_eq!(queue.take(linger(9, LONG), |_| true), Some(vec![1]));
        assert_eq!(queue.take(None, |_| true), None);
        assert_eq!(queue.take_within(LONG), None);
    }
}
