//! Many orders: as many as possible, or so many a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use client::{Client, Order, Pending, Worker, WorkerId};
use tests::command::Up;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The first of a platform's workers.
pub const WORKER: &str = "scone-worker-1";

/// Requesters of one platform, in this process.
pub struct Requesters {
    runtime: Runtime,
    client: Client,
    workers: Vec<Worker>,
}

/// Orders that were run.
pub struct Run {
    /// From the first submit to the last answer.
    pub time: Duration,
    /// Of each order: from its submit to its answer.
    pub orders: Vec<Duration>,
}

impl Run {
    /// Orders a second.
    pub fn rate(&self) -> f64 {
        self.orders.len() as f64 / self.time.as_secs_f64()
    }
}

/// An order that was answered in an open run.
pub struct Answered {
    /// When it was due, since the run began.
    pub due: Duration,
    /// From then to its answer.
    pub took: Duration,
}

/// What the number of finished orders follows in the metrics.
const FINISHED: &str = "sconce_orders{state=\"finished\"}";

/// How often that number is looked at: rarely enough to cost nothing.
const LOOK: Duration = Duration::from_millis(20);

/// More orders at once than any platform keeps up with; then the rate is too high for it.
const TOO_MANY: usize = 2000;

impl Requesters {
    /// For the platform's first `workers`.
    ///
    /// # Panics
    ///
    /// If they aren't there.
    pub fn connect(up: &Up, workers: usize) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let uri = up
            .listener()
            .expect("the record of a platform that is ready");
        let client = Client::connect(&uri).expect("a client");
        let names = (1..=workers).map(|number| format!("scone-worker-{number}"));
        let workers = names
            .map(|name| {
                let id = WorkerId::from_name(&name);
                runtime
                    .block_on(client.unverified_worker(&id))
                    .expect("a worker")
            })
            .collect();
        Self {
            runtime,
            client,
            workers,
        }
    }

    /// So many orders, the next of each requester as soon as its last is answered.
    ///
    /// # Panics
    ///
    /// If an order fails.
    pub fn run(&self, orders: usize, requesters: usize) -> Run {
        let begin = Instant::now();
        let taken = Arc::new(AtomicUsize::new(0));
        let times = self.at_once(requesters, |_| {
            let (client, taken) = (self.client.clone(), Arc::clone(&taken));
            let workers = self.workers.clone();
            async move {
                let mut times = Vec::new();
                loop {
                    let number = taken.fetch_add(1, Ordering::Relaxed);
                    if number >= orders {
                        return times;
                    }
                    times.push(run_one(&client, &workers[number % workers.len()]).await);
                }
            }
        });
        Run {
            time: begin.elapsed(),
            orders: times.into_iter().flatten().collect(),
        }
    }

    /// So many orders a second, whether the ones before are answered or not. `seen` gets each as it
    /// is answered.
    ///
    /// # Panics
    ///
    /// If an order fails, or the platform doesn't keep up.
    pub fn run_at(&self, rate: f64, time: Duration, mut seen: impl FnMut(Answered)) {
        let (sender, mut answered) = mpsc::unbounded_channel();
        let open = Arc::new(AtomicUsize::new(0));
        let (client, worker) = (self.client.clone(), self.workers[0].clone());
        let begin = Instant::now();
        self.runtime.spawn(async move {
            for number in 0_u32.. {
                let due = Duration::from_secs_f64(f64::from(number) / rate);
                if due >= time {
                    return;
                }
                tokio::time::sleep_until((begin + due).into()).await;
                assert!(
                    open.fetch_add(1, Ordering::Relaxed) < TOO_MANY,
                    "the platform does not keep up with {rate:.0} orders/s"
                );
                let (client, worker) = (client.clone(), worker.clone());
                let (sender, open) = (sender.clone(), Arc::clone(&open));
                tokio::spawn(async move {
                    run_one(&client, &worker).await;
                    open.fetch_sub(1, Ordering::Relaxed);
                    let took = (begin + due).elapsed();
                    // Nobody is there only if the program is ending.
                    let _ended = sender.send(Answered { due, took });
                });
            }
        });
        while let Some(answer) = self.runtime.block_on(answered.recv()) {
            seen(answer);
        }
        assert!(begin.elapsed() >= time, "orders stopped before their time");
    }

    /// Submits so many orders and doesn't wait for them.
    ///
    /// # Panics
    ///
    /// If one isn't taken.
    pub fn submit(&self, orders: usize, requesters: usize) -> Vec<Pending> {
        let pending = self.at_once(requesters, |requester| {
            let (client, worker) = (self.client.clone(), self.workers[0].clone());
            let own = (requester..orders).step_by(requesters).count();
            async move {
                let order = Order::new(&worker, "python-hello").input("Mujtaba");
                let mut pending = Vec::with_capacity(own);
                for _ in 0..own {
                    pending.push(client.submit(&order).await.expect("taken").pending);
                }
                pending
            }
        });
        // As they were submitted, about: the first of each requester, then the second of each.
        let mut rows: Vec<_> = pending.into_iter().map(Vec::into_iter).collect();
        let mut sorted = Vec::with_capacity(orders);
        while sorted.len() < orders {
            sorted.extend(rows.iter_mut().filter_map(Iterator::next));
        }
        sorted
    }

    /// Waits until the platform counts so many finished orders, by its metrics.
    ///
    /// # Panics
    ///
    /// If it doesn't show them.
    pub fn wait_finished(&self, orders: usize) {
        while self.finished() < orders as f64 {
            std::thread::sleep(LOOK);
        }
    }

    /// How many finished orders the platform counts.
    ///
    /// # Panics
    ///
    /// If it doesn't show them.
    pub fn finished(&self) -> f64 {
        let metrics = self.runtime.block_on(self.client.metrics());
        let metrics = metrics.expect("the metrics");
        let finished = metrics.lines().find_map(|line| line.strip_prefix(FINISHED));
        let finished = finished.expect("the finished orders");
        finished.trim().parse().expect("a number")
    }

    /// Looks at the answer of each of these orders.
    ///
    /// # Panics
    ///
    /// If one failed or is not finished.
    pub fn check(&self, orders: &[Pending]) {
        let polls = async {
            for pending in orders {
                let answer = self.client.poll(pending).await.expect("a reply");
                assert_eq!(answer.expect("it is finished").text(), "Hello Mujtaba");
            }
        };
        self.runtime.block_on(polls);
    }

    /// One order as it travels, and its result as it comes back: their sizes in bytes.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn sizes(&self) -> (usize, usize) {
        let order = Order::new(&self.workers[0], "python-hello").input("Mujtaba");
        let sealed = order.seal().expect("sealed");
        self.runtime.block_on(async {
            let mut reply = self.client.post(&sealed).await.expect("taken");
            if reply.is_none() {
                let wait = self.client.wait(&sealed.pending, Duration::from_secs(60));
                reply = Some(wait.await.expect("an answer"));
            }
            assert_eq!(reply.expect("an answer").text(), "Hello Mujtaba");
            let asked = serde_json::json!({ "workOrderId": sealed.pending.id() });
            let result = self.client.call("WorkOrderGetResult", &asked).await;
            let result: Box<serde_json::value::RawValue> = result.expect("a result");
            (sealed.params().len(), result.get().len())
        })
    }

    /// Runs so many tasks and waits for them.
    fn at_once<T, F>(&self, tasks: usize, mut task: impl FnMut(usize) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut running = JoinSet::new();
        for number in 0..tasks {
            running.spawn_on(task(number), self.runtime.handle());
        }
        self.runtime.block_on(running.join_all())
    }
}

async fn run_one(client: &Client, worker: &Worker) -> Duration {
    let begin = Instant::now();
    let order = Order::new(worker, "python-hello").input("Mujtaba");
    let answer = client.run(&order).await.expect("an answer");
    assert_eq!(answer.text(), "Hello Mujtaba");
    begin.elapsed()
}
