//! The load: clients that send orders, each when the one before is done or at fixed times.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use client::{Client, Error, Order};
use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// When no more orders are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    Orders(u64),
    Time(Duration),
}

/// Clients that share a connection pool.
pub(super) struct Load(Arc<Shared>);

struct Shared {
    client: Client,
    orders: Vec<Order>,
    clients: usize,
    tally: Mutex<Tally>,
}

/// What came of the orders of a run.
pub(super) struct Tally {
    /// Of those that were answered, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// The others, by why.
    pub(super) errors: BTreeMap<String, u64>,
    /// Those of them whose answer came with the reply to the submit.
    pub(super) at_once: u64,
    begun: Instant,
    /// Processor time of this process when the run began.
    cpu: Duration,
    /// When [`Load::take_recent`] looked last, and at how many.
    looked: (Instant, u64),
}

/// How it goes.
pub(super) struct Recent {
    rate: f64,
    failed: u64,
    p99: Duration,
}

/// Longest latency that is told apart from longer ones, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// How long an order may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a client rests after a failure: a listener that has gone should not be flooded.
const REST: Duration = Duration::from_millis(100);

impl Load {
    pub(super) fn new(client: Client, orders: Vec<Order>, clients: usize) -> Self {
        Self(Arc::new(Shared {
            client,
            orders,
            clients,
            tally: Mutex::new(Tally::new()),
        }))
    }

    /// Sends one order; whether its answer came with the reply to the submit.
    pub(super) async fn try_one(&self) -> Result<bool, Error> {
        match self.0.orders.first() {
            Some(order) => self.0.send(order).await,
            None => Ok(false),
        }
    }

    /// Sends orders up to `bound`, and waits for all; how long that took. With a rate they are due
    /// at fixed times, else when a client is free. Earlier runs are forgotten.
    pub(super) async fn run(&self, bound: Bound, rate: Option<f64>) -> Duration {
        *self.0.lock() = Tally::new();
        let begin = Instant::now();
        let source = match rate {
            Some(rate) => Source::paced(begin, bound, rate),
            None => Source::Free(Arc::new(Free::new(begin, bound))),
        };
        let mut clients = JoinSet::new();
        for _ in 0..self.0.clients {
            clients.spawn(Arc::clone(&self.0).work(source.clone()));
        }
        while clients.join_next().await.is_some() {}
        begin.elapsed()
    }

    /// Since the run began.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.lock().begun.elapsed()
    }

    pub(super) fn with_tally<T>(&self, look: impl FnOnce(&Tally) -> T) -> T {
        look(&self.0.lock())
    }

    /// What there is now; what is left starts from nothing.
    pub(super) fn tally(&self) -> Tally {
        std::mem::replace(&mut self.0.lock(), Tally::new())
    }

    /// How it went since this was last called.
    pub(super) fn take_recent(&self) -> Recent {
        let mut tally = self.0.lock();
        let (now, done) = (Instant::now(), tally.done());
        let (then, before) = std::mem::replace(&mut tally.looked, (now, done));
        Recent {
            rate: (done - before) as f64 / (now - then).as_secs_f64().max(1e-6),
            failed: tally.failed(),
            p99: Duration::from_micros(tally.latency.value_at_quantile(0.99)),
        }
    }
}

impl Shared {
    async fn work(self: Arc<Self>, source: Source) {
        while let Some((number, due)) = source.next().await {
            let order = usize::try_from(number).unwrap_or(0) % self.orders.len();
            let outcome = self.send(&self.orders[order]).await;
            let failed = outcome.is_err();
            self.lock().note(outcome, due.elapsed());
            if failed {
                tokio::time::sleep(REST).await;
            }
        }
    }

    /// From sealing the order to the verified answer.
    async fn send(&self, order: &Order) -> Result<bool, Error> {
        let submitted = self.client.submit(order).await?;
        if submitted.answer.is_some() {
            return Ok(true);
        }
        self.client.wait(&submitted.pending, PATIENCE).await?;
        Ok(false)
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            latency: latency(),
            errors: BTreeMap::new(),
            at_once: 0,
            begun: now,
            cpu: cpu_time(),
            looked: (now, 0),
        }
    }

    /// Processor time that this process has taken since the run began.
    pub(super) fn cpu(&self) -> Duration {
        cpu_time().saturating_sub(self.cpu)
    }

    /// Orders that ended, well or badly.
    pub(super) fn done(&self) -> u64 {
        self.latency.len() + self.failed()
    }

    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    fn note(&mut self, outcome: Result<bool, Error>, took: Duration) {
        match outcome {
            Ok(at_once) => {
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                self.latency.saturating_record(micros.max(1));
                self.at_once += u64::from(at_once);
            }
            Err(error) => *self.errors.entry(kind_of(&error)).or_default() += 1,
        }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

/// Three digits of each value.
fn latency() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "both arguments are within bounds")]
    Histogram::new_with_max(LONGEST, 3).expect("bounds that fit")
}

/// The server's reason where it gives one, else what kind of failure it is.
fn kind_of(error: &Error) -> String {
    match error {
        Error::Rpc(error) => match error.reason {
            Some(reason) => reason.code().to_owned(),
            None => format!("code {}", error.code),
        },
        Error::Transport { .. } => "connection".to_owned(),
        Error::CallTimedOut { .. } => "no answer from the listener".to_owned(),
        Error::TimedOut { .. } => "not finished in time".to_owned(),
        Error::Status(status) => format!("HTTP status {status}"),
        Error::NotVerified { .. } => "answer refused".to_owned(),
        _ => "other".to_owned(),
    }
}

impl fmt::Display for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p99 = self.p99.as_secs_f64() * 1e3;
        write!(f, "{:.0} orders/s  p99 {p99:.1} ms", self.rate)?;
        match self.failed {
            0 => Ok(()),
            failed => write!(f, "  {failed} failed"),
        }
    }
}

/// Where clients get their next order from: its number, and when it was due.
#[derive(Clone)]
enum Source {
    /// Due when a client is free.
    Free(Arc<Free>),
    /// Due at fixed times.
    Paced(Arc<Paced>),
}

struct Free {
    next: AtomicU64,
    orders: u64,
    end: Option<Instant>,
}

struct Paced {
    due: tokio::sync::Mutex<mpsc::UnboundedReceiver<(u64, Instant)>>,
    /// Dropped with the last client, which ends the thread that sets the pace.
    _alive: watch::Sender<()>,
}

impl Source {
    fn paced(begin: Instant, bound: Bound, rate: f64) -> Self {
        let (due, orders) = mpsc::unbounded_channel();
        let (alive, gone) = watch::channel(());
        // A thread, because timers of the runtime are precise to a millisecond only.
        thread::spawn(move || pace(begin, bound, rate, &due, &gone));
        Self::Paced(Arc::new(Paced {
            due: tokio::sync::Mutex::new(orders),
            _alive: alive,
        }))
    }

    async fn next(&self) -> Option<(u64, Instant)> {
        match self {
            Self::Free(free) => free.next(),
            Self::Paced(paced) => paced.due.lock().await.recv().await,
        }
    }
}

impl Free {
    fn new(begin: Instant, bound: Bound) -> Self {
        let (orders, end) = match bound {
            Bound::Orders(orders) => (orders, None),
            Bound::Time(time) => (u64::MAX, Some(begin + time)),
        };
        Self {
            next: AtomicU64::new(0),
            orders,
            end,
        }
    }

    fn next(&self) -> Option<(u64, Instant)> {
        let now = Instant::now();
        if self.end.is_some_and(|end| now >= end) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.orders).then_some((number, now))
    }
}

/// Says when each order is due, when it is. What is due late because nobody let this thread run
/// keeps the time at which it should have been.
fn pace(
    begin: Instant,
    bound: Bound,
    rate: f64,
    due: &mpsc::UnboundedSender<(u64, Instant)>,
    gone: &watch::Receiver<()>,
) {
    for number in 0_u64.. {
        let at = Duration::from_secs_f64(number as f64 / rate);
        let over = match bound {
            Bound::Orders(orders) => number >= orders,
            Bound::Time(time) => at >= time,
        };
        if over {
            return;
        }
        let when = begin + at;
        loop {
            let left = when.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if gone.has_changed().is_err() {
                return;
            }
            thread::sleep(left.min(LONGEST_SLEEP));
        }
        if due.send((number, when)).is_err() {
            return;
        }
    }
}

/// So that the thread notices soon when nobody wants its orders any more.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn at_a_rate_orders_are_due_at_fixed_times() {
        let begin = Instant::now();
        let source = Source::paced(begin, Bound::Orders(5), 1000.0);
        // Nobody is there for the first ones in time.
        tokio::time::sleep(Duration::from_millis(10)).await;
        for number in 0..5 {
            let due = begin + Duration::from_millis(number);
            assert_eq!(source.next().await, Some((number, due)));
        }
        assert_eq!(source.next().await, None);
    }

    #[tokio::test]
    async fn a_time_bounds_the_number_of_orders_at_a_rate() {
        let time = Bound::Time(Duration::from_millis(30));
        let source = Source::paced(Instant::now(), time, 100.0);
        let mut numbers = Vec::new();
        while let Some((number, _)) = source.next().await {
            numbers.push(number);
        }
        assert_eq!(numbers, [0, 1, 2]);
    }

    #[tokio::test]
    async fn free_clients_share_the_orders() {
        let source = Source::Free(Arc::new(Free::new(Instant::now(), Bound::Orders(2))));
        let other = source.clone();
        assert!(source.next().await.is_some_and(|(number, _)| number == 0));
        assert!(other.next().await.is_some_and(|(number, _)| number == 1));
        assert_eq!(source.next().await, None);
    }
}
