//! Requesters that submit orders without a pause, and what they are told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use attestation::policy::Rule;
use client::{Client, Error, Order, Verifier, Worker, WorkerId};
use sconce_tests::place::WORKER;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// How many requesters there are.
const REQUESTERS: u64 = 4;

/// How long those that look often rely on a record.
const FRESH: Duration = Duration::from_millis(400);

/// How long anything may take until it's called lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requesters at work.
pub(crate) struct Load {
    runtime: Runtime,
    requesters: JoinSet<()>,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    verifier: Verifier,
    /// What `python-hello` says before a name, by the measurement of its program.
    greetings: BTreeMap<String, &'static str>,
    /// How often all were told to look up the worker.
    calls: AtomicU64,
    stop: AtomicBool,
    ledger: Mutex<Ledger>,
}

/// What requesters were told, key by key, in the order in which they were first met.
#[derive(Default)]
pub(crate) struct Ledger {
    keys: Vec<Key>,
    broken: Vec<String>,
}

struct Key {
    pem: String,
    measurement: String,
    /// Orders that ended as they should.
    answered: u64,
    /// Those of them that were submitted when newer keys had been met.
    late: u64,
    /// The longest that one took.
    longest: Duration,
}

/// How a requester gets along with records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Looks the worker up every now and then.
    Looks,
    /// Keeps a record for as long as it may.
    Keeps,
}

impl Load {
    /// Starts the requesters.
    pub(crate) fn start(
        uri: &str,
        verifier: Verifier,
        greetings: BTreeMap<String, &'static str>,
    ) -> Self {
        let runtime = Runtime::new().unwrap();
        let shared = Arc::new(Shared {
            client: Client::connect(uri).unwrap(),
            verifier,
            greetings,
            calls: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            ledger: Mutex::default(),
        });
        let mut requesters = JoinSet::new();
        for number in 0..REQUESTERS {
            let habit = if number % 2 == 0 {
                Habit::Looks
            } else {
                Habit::Keeps
            };
            requesters.spawn_on(Arc::clone(&shared).run(number, habit), runtime.handle());
        }
        Self {
            runtime,
            requesters,
            shared,
        }
    }

    /// Waits until so many more orders have their results.
    pub(crate) fn wait_for(&self, more: u64) {
        let wanted = self.shared.ledger().answered() + more;
        let deadline = Instant::now() + PATIENCE;
        while self.shared.ledger().answered() < wanted {
            assert!(
                Instant::now() < deadline,
                "orders get no results: {:?}",
                self.shared.ledger().broken
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many keys answers have come under.
    pub(crate) fn keys_seen(&self) -> usize {
        self.shared.ledger().keys.len()
    }

    /// Orders under this key that were submitted when newer ones were known, and answered.
    pub(crate) fn answered_late(&self, pem: &str) -> u64 {
        let ledger = self.shared.ledger();
        ledger.keys.iter().find(|key| key.pem == pem).unwrap().late
    }

    /// From now on no order is made for keys of before.
    pub(crate) fn let_go(&self) {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
    }

    /// The worker as it is shown now.
    pub(crate) fn worker(&self) -> Worker {
        self.runtime.block_on(self.shared.look_up()).unwrap()
    }

    /// One order of this worker.
    pub(crate) fn order(&self, worker: &Worker) -> Result<String, Error> {
        let order = Order::new(worker, "python-hello").input("you");
        let answer = self.runtime.block_on(async {
            let answer = tokio::time::timeout(PATIENCE, self.shared.client.run(&order)).await;
            answer.expect("an order is lost")
        });
        answer.map(|answer| answer.text().into_owned())
    }

    /// Stops, when all orders have ended; what was told, and what of it should not have been.
    pub(crate) fn finish(self) -> (Ledger, Vec<String>) {
        let Self {
            runtime,
            mut requesters,
            shared,
        } = self;
        shared.stop.store(true, Ordering::SeqCst);
        runtime.block_on(async {
            while let Some(ended) = requesters.join_next().await {
                ended.unwrap();
            }
        });
        let mut ledger = std::mem::take(&mut *shared.ledger());
        let broken = std::mem::take(&mut ledger.broken);
        (ledger, broken)
    }
}

impl Shared {
    async fn run(self: Arc<Self>, number: u64, habit: Habit) {
        let mut count = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let (calls, looked) = (self.calls.load(Ordering::SeqCst), Instant::now());
            let worker = match self.look_up().await {
                Ok(worker) => worker,
                Err(error) => {
                    self.ledger().broken.push(format!("no worker: {error}"));
                    return;
                }
            };
            let may_go_on = || {
                self.calls.load(Ordering::SeqCst) == calls
                    && !self.stop.load(Ordering::SeqCst)
                    && (habit == Habit::Keeps || looked.elapsed() < FRESH)
            };
            while may_go_on() {
                count += 1;
                self.submit(&worker, format!("{number}-{count}")).await;
            }
        }
    }

    async fn look_up(&self) -> Result<Worker, Error> {
        let id = WorkerId::from_name(WORKER);
        self.client.verified_worker(&id, &self.verifier).await
    }

    /// One order, and what comes of it.
    async fn submit(&self, worker: &Worker, name: String) {
        let (pem, measurement) = (worker.encryption_key().pem(), measurement(worker));
        let wanted = format!("{} {name}", self.greetings[&measurement]);
        let is_late = self.ledger().newest_is_other_than(pem);
        let order = Order::new(worker, "python-hello").input(name.as_str());
        let begun = Instant::now();
        let outcome = tokio::time::timeout(PATIENCE, self.client.run(&order)).await;
        let took = begun.elapsed();
        let fault = match outcome {
            Ok(Ok(answer)) if answer.text() == wanted => {
                self.ledger().note(pem, measurement, is_late, took);
                return;
            }
            Ok(Ok(answer)) => format!("{:?} instead of {wanted:?}", answer.text()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        let mut ledger = self.ledger();
        let key = ledger.keys.iter().position(|key| key.pem == pem);
        ledger.broken.push(format!(
            "order {name} under key {key:?} (late: {is_late}): {fault}, after {took:?}"
        ));
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }
}

/// What the worker's program measures, as its evidence shows.
fn measurement(worker: &Worker) -> String {
    let findings = worker.evidence().unwrap().verdict().findings();
    let finding = findings.iter().find(|one| one.rule == Rule::Measurement);
    finding.unwrap().claim.clone()
}

impl Ledger {
    fn answered(&self) -> u64 {
        self.keys.iter().map(|key| key.answered).sum()
    }

    fn newest_is_other_than(&self, pem: &str) -> bool {
        self.keys.iter().any(|key| key.pem == pem) && self.keys.last().unwrap().pem != pem
    }

    fn note(&mut self, pem: &str, measurement: String, is_late: bool, took: Duration) {
        if !self.keys.iter().any(|key| key.pem == pem) {
            self.keys.push(Key {
                pem: pem.to_owned(),
                measurement,
                answered: 0,
                late: 0,
                longest: Duration::ZERO,
            });
        }
        let key = self.keys.iter_mut().find(|key| key.pem == pem).unwrap();
        key.answered += 1;
        key.late += u64::from(is_late);
        key.longest = key.longest.max(took);
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, key) in self.keys.iter().enumerate() {
            writeln!(
                f,
                "key {}: {} orders answered, {} of them made for it when there was a newer one; the longest \
                 took {:.2?}; for {}",
                number + 1,
                key.answered,
                key.late,
                key.longest,
                key.measurement
            )?;
        }
        write!(f, "{} orders in all, each with its result", self.answered())
    }
}
