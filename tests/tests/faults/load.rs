//! Requesters that submit, ask, and go on whatever happens to the platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use client::{Client, Error, Order, RpcError, Sealed, Worker, WorkerId};
use protocol::Reason;
use sconce_tests::random::Choices;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::history::{History, Totals};

/// How long anything may take until it's called stuck: longer than a hung process is waited for,
/// a few times over, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// Between a call that came to nothing and the next.
const PAUSE: Duration = Duration::from_millis(20);

/// Requesters at work.
pub struct Load {
    runtime: Runtime,
    history: Arc<History>,
    stop: Arc<AtomicBool>,
    requesters: JoinSet<Vec<Asked>>,
    client: Client,
}

/// How to load a platform.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The listener.
    pub uri: &'a str,
    /// Names of the workers.
    pub workers: &'a [&'a str],
    /// How many requesters.
    pub requesters: u64,
    /// The longest that a requester rests after an order.
    pub rest: Duration,
    /// What they ask for, and when.
    pub seed: u64,
}

impl Load {
    /// Starts the requesters.
    pub fn start(plan: Plan<'_>) -> Self {
        let runtime = Runtime::new().unwrap();
        let history = Arc::new(History::default());
        let stop = Arc::new(AtomicBool::new(false));
        let client = Client::connect(plan.uri).unwrap();
        let mut requesters = JoinSet::new();
        for number in 0..plan.requesters {
            let requester = Requester {
                client: client.clone(),
                history: Arc::clone(&history),
                stop: Arc::clone(&stop),
                choices: Choices::new(plan.seed).branch(number),
                rest: plan.rest,
                asked: Vec::new(),
            };
            let name = plan.workers[number as usize % plan.workers.len()].to_owned();
            requesters.spawn_on(requester.run(name), runtime.handle());
        }
        Self {
            runtime,
            history,
            stop,
            requesters,
            client,
        }
    }

    /// Waits until so many more orders have their results.
    pub fn wait_for(&self, more: u64) {
        let wanted = self.history.totals().answered + more;
        let deadline = Instant::now() + PATIENCE;
        while self.history.totals().answered < wanted {
            assert!(
                Instant::now() < deadline,
                "orders do not get results any more"
            );
            std::thread::sleep(PAUSE);
        }
    }

    /// Sends one order, once.
    pub fn probe(&self, worker: &str) -> Result<(), Error> {
        self.runtime.block_on(async {
            let worker = self
                .client
                .unverified_worker(&WorkerId::from_name(worker))
                .await;
            let order = Order::new(&worker?, "python-hello").input("probe");
            self.client.submit(&order).await.map(|_| ())
        })
    }

    /// Stops submitting, waits for every order, asks for all results once more.
    pub fn finish(mut self) -> (Totals, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let runtime = &self.runtime;
        runtime.block_on(async {
            let mut orders = Vec::new();
            while let Some(asked) = self.requesters.join_next().await {
                orders.extend(asked.unwrap());
            }
            let mut last = JoinSet::new();
            let orders = Arc::new(orders);
            for part in 0..8 {
                let (orders, client) = (Arc::clone(&orders), self.client.clone());
                let history = Arc::clone(&self.history);
                last.spawn(async move {
                    for asked in orders.iter().skip(part).step_by(8) {
                        fetch(&client, &history, asked).await;
                    }
                });
            }
            while let Some(done) = last.join_next().await {
                done.unwrap();
            }
        });
        (self.history.totals(), self.history.broken())
    }
}

/// An order that was accepted, and the answer that it must get.
struct Asked {
    sealed: Sealed,
    expected: String,
}

impl Asked {
    fn id(&self) -> &str {
        self.sealed.pending.id().as_str()
    }

    fn check(&self, result: &RawValue) -> Result<(), String> {
        let pending = &self.sealed.pending;
        let answer = pending.open(result).map_err(|error| error.to_string())?;
        if answer.text() == self.expected {
            Ok(())
        } else {
            Err(format!(
                "{:?} instead of {:?}",
                answer.text(),
                self.expected
            ))
        }
    }
}

struct Requester {
    client: Client,
    history: Arc<History>,
    stop: Arc<AtomicBool>,
    choices: Choices,
    rest: Duration,
    asked: Vec<Asked>,
}

impl Requester {
    async fn run(mut self, name: String) -> Vec<Asked> {
        let Some(worker) = self.worker(&WorkerId::from_name(&name)).await else {
            self.history.broke(format!("worker {name} is not there"));
            return self.asked;
        };
        while !self.stop.load(Ordering::Relaxed) {
            let (order, expected) = self.order(&worker);
            let sealed = order.seal().unwrap();
            let asked = Asked { sealed, expected };
            if self.submit(&asked).await {
                // Some requesters come back much later.
                if self.choices.chance(75) {
                    let begin = Instant::now();
                    fetch(&self.client, &self.history, &asked).await;
                    let waited = begin.elapsed();
                    self.history
                        .count(|totals| totals.longest = totals.longest.max(waited));
                }
                self.asked.push(asked);
                self.look_back().await;
            }
            let rest = self.choices.time(Duration::ZERO..self.rest);
            tokio::time::sleep(rest).await;
        }
        self.asked
    }

    async fn worker(&self, id: &WorkerId) -> Option<Worker> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(worker) = self.client.unverified_worker(id).await {
                return Some(worker);
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    fn order(&mut self, worker: &Worker) -> (Order, String) {
        if self.choices.chance(50) {
            let name = self.choices.number().to_string();
            let order = Order::new(worker, "python-hello").input(name.as_str());
            return (order, format!("Hello {name}"));
        }
        let position = self.choices.below(180);
        let order = Order::new(worker, "python-fib").input(position.to_string());
        let number = fibonacci(position);
        (
            order,
            format!("Fibonacci number at position {position} = {number}"),
        )
    }

    /// Sends an order until it's known to be accepted.
    async fn submit(&self, asked: &Asked) -> bool {
        let params = RawValue::from_string(asked.sealed.params().to_owned()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut in_doubt = false;
        while Instant::now() < deadline {
            let reply = self.client.call("WorkOrderSubmit", &params).await;
            match classify(reply) {
                Reply::Result(result) => {
                    self.history.accepted(asked.id());
                    self.history
                        .answered(asked.id(), result.get(), || asked.check(&result));
                    return true;
                }
                Reply::Pending => {
                    self.history.accepted(asked.id());
                    return true;
                }
                Reply::Taken if in_doubt => {
                    self.history.count(|totals| totals.taken += 1);
                    self.history.accepted(asked.id());
                    return true;
                }
                Reply::None => {
                    in_doubt = true;
                    self.history.count(|totals| {
                        totals.unanswered += 1;
                        totals.sent_again += 1;
                    });
                }
                Reply::Unclear => {
                    in_doubt = true;
                    self.history.count(|totals| {
                        totals.turned_away += 1;
                        totals.sent_again += 1;
                    });
                }
                Reply::Busy => self.history.count(|totals| totals.turned_away += 1),
                Reply::Taken => {
                    self.history
                        .broke(format!("{} is new and taken", asked.id()));
                    return false;
                }
                Reply::Other(fault) => {
                    self.history
                        .broke(format!("{} was refused: {fault}", asked.id()));
                    return false;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.history
            .broke(format!("{} could not be submitted", asked.id()));
        false
    }

    /// Asks for an earlier result again; sends an earlier order again.
    async fn look_back(&mut self) {
        if self.choices.chance(20) {
            let earlier = self.choices.below(self.asked.len() as u64) as usize;
            fetch(&self.client, &self.history, &self.asked[earlier]).await;
        }
        if self.choices.chance(5) {
            let earlier = self.choices.below(self.asked.len() as u64) as usize;
            self.repeat(&self.asked[earlier]).await;
        }
    }

    /// An accepted order must be refused when it comes again.
    async fn repeat(&self, asked: &Asked) {
        let params = RawValue::from_string(asked.sealed.params().to_owned()).unwrap();
        match classify(self.client.call("WorkOrderSubmit", &params).await) {
            Reply::Taken => self.history.count(|totals| totals.refused += 1),
            Reply::None => self.history.count(|totals| totals.unanswered += 1),
            Reply::Busy | Reply::Unclear => {
                self.history.count(|totals| totals.turned_away += 1);
            }
            Reply::Result(_) | Reply::Pending => {
                self.history
                    .broke(format!("{} was accepted again", asked.id()));
            }
            Reply::Other(fault) => self.history.broke(format!(
                "{} came again and was refused with {fault}",
                asked.id()
            )),
        }
    }
}

/// Asks for a result until it's there, and notes it.
async fn fetch(client: &Client, history: &History, asked: &Asked) {
    let params = json!({ "workOrderId": asked.id() });
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match classify(client.call("WorkOrderGetResult", &params).await) {
            Reply::Result(result) => {
                history.answered(asked.id(), result.get(), || asked.check(&result));
                return;
            }
            // The listener has held the call for a while.
            Reply::Pending => continue,
            Reply::None => history.count(|totals| totals.unanswered += 1),
            Reply::Busy | Reply::Unclear => history.count(|totals| totals.turned_away += 1),
            Reply::Taken => {
                history.broke(format!("{}: asked for, and taken", asked.id()));
                return;
            }
            Reply::Other(fault) => {
                history.broke(format!("{} has no result: {fault}", asked.id()));
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    history.broke(format!("{} is stuck", asked.id()));
}

/// What a call came to.
enum Reply {
    Result(Box<RawValue>),
    Pending,
    Taken,
    /// Refused for now; nothing has happened.
    Busy,
    /// An internal error: something may have happened.
    Unclear,
    /// No answer: something may have happened.
    None,
    Other(String),
}

fn classify(reply: Result<Box<RawValue>, Error>) -> Reply {
    match reply {
        Ok(result) => Reply::Result(result),
        Err(Error::Rpc(error)) => classify_error(&error),
        Err(Error::Transport { .. } | Error::CallTimedOut { .. }) => Reply::None,
        Err(other) => Reply::Other(other.to_string()),
    }
}

fn classify_error(error: &RpcError) -> Reply {
    match error.reason {
        _ if error.is_pending() => Reply::Pending,
        Some(Reason::OrderTaken) => Reply::Taken,
        // A worker all whose processes have been away for long is off-line for a while.
        Some(Reason::Busy | Reason::WorkerUnknown) => Reply::Busy,
        Some(Reason::Internal) => Reply::Unclear,
        _ => Reply::Other(error.to_string()),
    }
}

/// F(n) by addition, for n up to 186.
fn fibonacci(n: u64) -> u128 {
    let (mut low, mut high) = (0, 1);
    for _ in 0..n {
        (low, high) = (high, low + high);
    }
    low
}
