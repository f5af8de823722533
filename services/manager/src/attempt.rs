//! One attempt at one order: hand it to a process, keep its lease, store what comes back.

use std::sync::Arc;
use std::time::Duration;

use protocol::Reason;
use protocol::envelope::ErrorObject;
use protocol::processor::{Outcome, order_frame};
use serde::Deserialize;
use store::{Completed, Completion, Held, Lease, OrderId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::phase::Phase;
use crate::shared::Shared;
use crate::store_calls::persist;
use crate::worker::{Presence, Process};

/// An order that a process shall work on.
pub(crate) struct Attempt {
    pub(crate) shared: Arc<Shared>,
    pub(crate) process: Arc<Process>,
    pub(crate) lease: Lease,
    /// The process's place that the order takes.
    pub(crate) room: OwnedSemaphorePermit,
}

/// What became of an attempt.
enum Verdict {
    /// The order has ended with this.
    Done(Vec<u8>),
    /// It has not; somebody else may try.
    Lost(Loss),
    /// Nothing may be said about the order any more: the lease is somebody else's.
    Taken,
}

/// How an attempt came to nothing.
struct Loss {
    why: &'static str,
    /// Whether the worker may have begun.
    counts: bool,
    /// How long the order rests before the next attempt.
    rest: Duration,
}

impl Attempt {
    /// Works on the order until it has ended or is given back.
    pub(crate) async fn run(mut self) {
        let order = self.lease.order.clone();
        if self.lease.attempt > self.shared.config.max_attempts {
            // Earlier attempts ended without a word: the manager that made them died.
            self.give_up(&order, "its leases ran out").await;
            return;
        }
        let body = String::from_utf8(std::mem::take(&mut self.lease.body));
        let verdict = match body {
            Ok(request) => self.exchange(&order, &request).await,
            Err(_) => Verdict::Done(failure(&order, Reason::Internal)),
        };
        match verdict {
            Verdict::Done(result) => {
                if self.complete(&order, result).await {
                    self.process.count_done();
                }
            }
            Verdict::Lost(loss) => self.lose(&order, loss).await,
            Verdict::Taken => {
                tracing::warn!(order = %text(&order), "the lease of an order ran out")
            }
        }
        drop(self.room);
    }

    /// Asks the worker, and extends the lease for as long as an answer may come.
    async fn exchange(&self, order: &OrderId, request: &str) -> Verdict {
        let timing = &self.shared.config.timing;
        let answer = self.process.peer.ask(order_frame(1, request));
        let gone = self.process.gone(timing.leave);
        let stopped = self.shared.phase.reached(Phase::Stopped);
        let silent = sleep(self.process.patience);
        tokio::pin!(answer, gone, stopped, silent);
        let period = timing.lease / 3;
        let mut extension = interval_at(Instant::now() + period, period);
        extension.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return match answer {
                    Ok(frame) => judge(&frame, order, self.lease.attempt),
                    Err(_) => lost("its connection is closed", true, Duration::ZERO),
                },
                () = &mut gone => {
                    return lost("its worker is gone", true, Duration::ZERO);
                }
                () = &mut stopped => {
                    return lost("the manager stops", false, Duration::ZERO);
                }
                () = &mut silent => {
                    if self.process.alternates {
                        self.process.depart(Presence::Gone);
                    }
                    return lost("its worker is silent", true, Duration::ZERO);
                }
                _ = extension.tick() => {
                    if !self.extend(order).await {
                        return Verdict::Taken;
                    }
                }
            }
        }
    }

    /// Whether the lease is still ours, as far as the store says.
    async fn extend(&self, order: &OrderId) -> bool {
        let (orders, lease) = (&self.shared.orders, self.shared.config.timing.lease);
        match orders.extend(order, self.lease.token, lease).await {
            Ok(Held::Yes) => true,
            Ok(Held::Lost(_)) => false,
            Err(error) => {
                // The next tick tries again; completing finds out in the end.
                tracing::warn!(order = %text(order), %error, "a lease could not be extended");
                true
            }
        }
    }

    async fn lose(&self, order: &OrderId, loss: Loss) {
        let (attempt, why) = (self.lease.attempt, loss.why);
        tracing::warn!(order = %text(order), attempt, why, "an attempt at an order was lost");
        if loss.counts && attempt >= self.shared.config.max_attempts {
            self.give_up(order, why).await;
            return;
        }
        let (orders, token) = (&self.shared.orders, self.lease.token);
        let released = persist(|| orders.release(order, token, loss.rest, loss.counts)).await;
        if let Err(error) = released {
            tracing::error!(order = %text(order), %error, "a lease could not be given back, it will run out");
        }
    }

    async fn give_up(&self, order: &OrderId, why: &str) {
        tracing::error!(order = %text(order), why, "an order was lost too often and ends");
        self.complete(order, failure(order, Reason::WorkerLost))
            .await;
    }

    /// Ends the order with `result`; whether that is what it ended with.
    async fn complete(&self, order: &OrderId, mut result: Vec<u8>) -> bool {
        let orders = &self.shared.orders;
        if result.len() > orders.capabilities().max_result {
            tracing::error!(order = %text(order), "a result is larger than the store takes");
            result = failure(order, Reason::WorkloadOutput);
        }
        let completion = || Completion {
            order: order.clone(),
            token: self.lease.token,
            result: result.clone(),
            appends: Vec::new(),
        };
        match persist(|| orders.complete(completion())).await {
            Ok(Completed::Stored | Completed::AlreadyStored) => true,
            Ok(Completed::Lost(_)) => {
                tracing::warn!(order = %text(order), "an answer came after its lease");
                false
            }
            Err(error) => {
                tracing::error!(order = %text(order), %error, "a result could not be stored, the order will be tried again");
                false
            }
        }
    }
}

/// What a worker's answer means for the order.
fn judge(frame: &[u8], order: &OrderId, attempt: u32) -> Verdict {
    // An order that upsets workers must not do so in quick succession.
    let rest = REST * attempt;
    let order = text(order);
    match Outcome::parse(frame) {
        None => lost("its worker's answer is no reply", true, rest),
        Some(Outcome::Error(error)) if error.reason() == Some(Reason::WorkerLost) => {
            let began = error.data.and_then(|data| data.started) != Some(false);
            lost("its worker was lost", began, REST)
        }
        Some(outcome) if !is_about(&outcome, &order) => {
            lost("its worker's answer is for another order", true, rest)
        }
        Some(outcome) => Verdict::Done(outcome.for_client(&order)),
    }
}

const REST: Duration = Duration::from_millis(50);

/// A result must name its order; an error may.
fn is_about(outcome: &Outcome, order: &str) -> bool {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "workOrderId")]
        work_order_id: String,
    }

    match outcome {
        Outcome::Result(result) => serde_json::from_str::<Named>(result.get())
            .is_ok_and(|named| named.work_order_id == order),
        Outcome::Error(error) => error
            .data
            .as_ref()
            .and_then(|data| data.work_order_id.as_deref())
            .is_none_or(|named| named == order),
    }
}

fn lost(why: &'static str, counts: bool, rest: Duration) -> Verdict {
    Verdict::Lost(Loss { why, counts, rest })
}

/// What the client sees of an order that ends with this reason.
fn failure(order: &OrderId, reason: Reason) -> Vec<u8> {
    Outcome::Error(ErrorObject::for_manager(reason)).for_client(&text(order))
}

/// An order id as text, which it is by the listener's check.
fn text(order: &OrderId) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(order.as_bytes())
}
