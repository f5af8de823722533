//! Threads that answer requests.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::run::Waker;
use super::{Handler, Reply, Request, http};

/// Requests on their way to the threads, and answers on their way back.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    handler: Arc<dyn Handler>,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    answered: Mutex<Vec<(u64, Reply)>>,
    waker: Waker,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<(u64, Request)>,
    ended: bool,
}

impl Pool {
    /// Starts the threads. Each answer wakes the loop.
    pub(super) fn start(
        threads: usize,
        handler: Arc<dyn Handler>,
        waker: Waker,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            handler,
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            answered: Mutex::default(),
            waker,
        });
        let mut pool = Self {
            shared,
            threads: Vec::with_capacity(threads),
        };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            let thread = std::thread::Builder::new()
                .name(format!("answer-{number}"))
                .spawn(move || shared.work())?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Has a request answered, for the connection of this number.
    pub(super) fn answer(&self, connection: u64, request: Request) {
        let mut waiting = lock(&self.shared.waiting);
        waiting.requests.push_back((connection, request));
        drop(waiting);
        self.shared.arrived.notify_one();
    }

    /// The answers since the last call.
    pub(super) fn answered(&self) -> Vec<(u64, Reply)> {
        std::mem::take(&mut *lock(&self.shared.answered))
    }
}

impl Drop for Pool {
    /// Waits for the requests that are being answered, and forgets the others.
    fn drop(&mut self) {
        lock(&self.shared.waiting).ended = true;
        self.shared.arrived.notify_all();
        for thread in self.threads.drain(..) {
            // What it could have panicked with it has caught.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn work(&self) {
        while let Some((connection, request)) = self.next() {
            let reply = catch_unwind(AssertUnwindSafe(|| self.handler.handle(request)));
            let reply = reply.unwrap_or_else(|_| http::failed());
            let mut answered = lock(&self.answered);
            answered.push((connection, reply));
            // The loop takes all there are: only the first needs to wake it.
            if answered.len() == 1 {
                drop(answered);
                self.waker.wake();
            }
        }
    }

    fn next(&self) -> Option<(u64, Request)> {
        let mut waiting = lock(&self.waiting);
        loop {
            if waiting.ended {
                return None;
            }
            if let Some(next) = waiting.requests.pop_front() {
                return Some(next);
            }
            waiting = self
                .arrived
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
