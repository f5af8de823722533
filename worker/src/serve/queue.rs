//! Requests that wait for a thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A bounded queue with several takers.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
    closed: bool,
}

/// What waits may hold this many bytes; then the host's frames stay in its socket.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const MAX_REQUESTS: usize = 1024;

impl Queue {
    pub(super) fn new() -> Self {
        let waiting = VecDeque::new();
        Self {
            state: Mutex::new(State {
                waiting,
                bytes: 0,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds a request; waits while there is no room.
    pub(super) fn push(&self, tag: u64, body: Vec<u8>) {
        let mut state = self.lock();
        while state.waiting.len() >= MAX_REQUESTS || state.bytes >= MAX_BYTES {
            state = self.wait(state);
        }
        state.bytes += body.len();
        state.waiting.push_back((tag, body));
        self.changed.notify_all();
    }

    /// Takes the oldest request; waits while there is none, and for good once closed.
    pub(super) fn pop(&self) -> (u64, Vec<u8>) {
        let mut state = self.lock();
        loop {
            if !state.closed
                && let Some((tag, body)) = state.waiting.pop_front()
            {
                let full = state.waiting.len() + 1 >= MAX_REQUESTS || state.bytes >= MAX_BYTES;
                state.bytes -= body.len();
                if full {
                    self.changed.notify_all();
                }
                return (tag, body);
            }
            state = self.wait(state);
        }
    }

    /// Gives out nothing from now on, and returns the tags of what nobody has begun.
    pub(super) fn close(&self) -> Vec<u64> {
        let mut state = self.lock();
        state.closed = true;
        state.bytes = 0;
        state.waiting.drain(..).map(|(tag, _)| tag).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn oldest_first_and_nothing_after_closing() {
        let queue = Queue::new();
        for tag in 0..3 {
            queue.push(tag, vec![]);
        }
        assert_eq!(queue.pop().0, 0);
        assert_eq!(queue.close(), [1, 2]);
        assert_eq!(queue.close(), [0; 0]);
    }

    #[test]
    fn a_full_queue_holds_the_reader_back() {
        let queue = &Queue::new();
        for tag in 0..MAX_REQUESTS as u64 {
            queue.push(tag, vec![]);
        }
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                queue.push(9999, vec![]);
                sender.send(()).unwrap();
            });
            assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
            queue.pop();
            assert!(receiver.recv_timeout(Duration::from_secs(10)).is_ok());
        });
    }
}
