//! One attempt at one order: hand it to a process, keep its lease, store what comes back.
//!
//! A process that is lost takes all its orders with it, and nobody knows which of them did it. So
//! an order that was in a process that was lost is a suspect: it gets the next process to itself.
//! If that is lost too, no other order is; and it's then known whose fault it was.
//!
//! Suspects have their turn one after the other. The one whose turn it is takes the room of a
//! process as it becomes free, so that new orders wait and it gets there at last; orders that a
//! process has are answered, or the process is lost, in bounded time. Every suspect ends after a
//! few attempts, and where none is in flight beside others none is made: so new orders get their
//! turn again as well.

use std::sync::Arc;
use std::time::Duration;

use monitor::{Ended, Monitor};
use protocol::Reason;
use protocol::envelope::ErrorObject;
use protocol::processor::{Outcome, order_frame};
use serde::Deserialize;
use store::{Completed, Completion, Held, Lease, OrderId};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::generation::generation;
use crate::phase::Phase;
use crate::shared::Shared;
use crate::standing::may_work;
use crate::store_calls::persist;
use crate::worker::{Place, Presence, Process, Worker};

/// An order that a process shall work on.
pub(crate) struct Attempt {
    pub(crate) shared: Arc<Shared>,
    pub(crate) worker: Arc<Worker>,
    pub(crate) lease: Lease,
    /// When the lease came.
    pub(crate) claimed: Instant,
}

/// How an order comes to its process.
pub(crate) enum Admission {
    /// It has its place, beside other orders.
    Beside(Place),
    /// It waits for a process to itself, of which this is the right to.
    Alone(OwnedSemaphorePermit),
}

/// An order's place at a process, with the right to be alone there if it has that.
struct Seat<'w> {
    place: Place,
    alone: Option<SemaphorePermit<'w>>,
}

/// What became of an attempt.
enum Verdict {
    /// The order has ended with this.
    Done(End),
    /// It has not; somebody else may try.
    Lost(Loss),
}

impl Verdict {
    /// Whether the worker could not open the order: its keys may be others than the order's.
    fn is_unopened(&self) -> bool {
        let unopened = Ended::Error(Some(Reason::OrderIntegrity));
        matches!(self, Self::Done(end) if end.what == unopened)
    }
}

/// What an order ends with.
struct End {
    /// What the client sees.
    result: Vec<u8>,
    what: Ended,
}

/// How an attempt came to nothing.
struct Loss {
    why: &'static str,
    fault: Fault,
    /// How long the order rests before the next attempt.
    rest: Duration,
}

/// What an attempt that came to nothing says about its order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing: the worker never began.
    None,
    /// The worker's answer made no sense.
    Answer,
    /// The process was lost, and this order may be why.
    Process,
}

impl Attempt {
    /// Works on the order until it has ended or is given back.
    pub(crate) async fn run(mut self, admission: Admission) {
        let order = self.lease.order.clone();
        if self.lease.attempt > self.shared.config.max_attempts {
            // Earlier attempts ended without a word: the manager that made them died.
            self.give_up(&order, "its leases ran out").await;
            return;
        }
        let Ok(request) = String::from_utf8(std::mem::take(&mut self.lease.body)) else {
            self.complete(&order, failure(&order, Reason::Internal))
                .await;
            return;
        };
        let seat = match admission {
            Admission::Beside(place) => Some(Some(Seat { place, alone: None })),
            Admission::Alone(_right) => self.keeping(&order, self.seat_alone(&request)).await,
        };
        match seat {
            Some(Some(seat)) => self.work(&order, &request, seat).await,
            Some(None) => self.release(&order, Duration::ZERO, false).await,
            None => self.warn_of_lapse(&order),
        }
    }

    /// Has the order done and notes what came of it.
    async fn work(&self, order: &OrderId, request: &str, seat: Seat<'_>) {
        let Seat { place, alone } = seat;
        let exchange = self.exchange_with_all_keys(order, request, place, alone.is_some());
        match self.keeping(order, exchange).await {
            Some((Verdict::Done(end), process)) => {
                // The worker need not wait for the disk: others can have the place now.
                drop(alone);
                self.worker.changed.notify_one();
                if self.complete(order, end).await {
                    process.count_done();
                }
            }
            Some((Verdict::Lost(loss), _)) => self.lose(order, loss, alone.is_some()).await,
            None => self.warn_of_lapse(order),
        }
    }

    /// Asks a process; and if it can't open the order, once each process of the worker that has other keys: the
    /// order may be for those. What the last one says counts.
    async fn exchange_with_all_keys(
        &self,
        order: &OrderId,
        request: &str,
        place: Place,
        alone: bool,
    ) -> (Verdict, Arc<Process>) {
        let mut place = place;
        let mut tried = Vec::new();
        loop {
            let process = Arc::clone(&place.process);
            let verdict = self.exchange(&process, order, request).await;
            // Others that wait for this place may have one where this order waits next.
            drop(place);
            tried.push(generation(&process));
            if !verdict.is_unopened() {
                return (verdict, process);
            }
            match self.place_elsewhere(&tried, alone).await {
                Some(next) => place = next,
                None => return (verdict, process),
            }
        }
    }

    /// A place at a process whose keys have not been tried; `None` if there is no such process, or none any
    /// more, or the manager drains.
    async fn place_elsewhere(&self, tried: &[u64], alone: bool) -> Option<Place> {
        let process = self.worker.untried(tried)?;
        let place = async {
            if alone {
                process.all_places().await
            } else {
                process.next_place().await
            }
        };
        tokio::select! {
            place = place => place,
            () = process.gone(Duration::ZERO) => None,
            () = self.shared.phase.reached(Phase::Draining) => None,
        }
    }

    fn warn_of_lapse(&self, order: &OrderId) {
        let (worker, attempt) = (&self.worker.name, self.lease.attempt);
        tracing::warn!(order = %text(order), worker, attempt, "the lease of an order ran out");
        self.monitor().lost(monitor::Loss::Lease);
    }

    fn monitor(&self) -> &Monitor {
        &self.shared.config.monitor
    }

    /// Waits until a process is empty and takes all of it; `None` if no process is there any more,
    /// the worker may not work any more, or the manager drains.
    async fn seat_alone(&self, request: &str) -> Option<Seat<'_>> {
        let draining = self.shared.phase.reached(Phase::Draining);
        tokio::pin!(draining);
        let turn = tokio::select! {
            turn = self.worker.alone.acquire() => turn.ok()?,
            () = &mut draining => return None,
        };
        loop {
            // An error will be met again, and told, by whoever claims next.
            if !may_work(&self.shared, &self.worker).await.ok()? {
                return None;
            }
            let process = self.worker.roomiest(request.as_bytes())?;
            tokio::select! {
                place = process.all_places() => {
                    if process.presence() == Presence::Present {
                        return Some(Seat { place: place?, alone: Some(turn) });
                    }
                }
                () = process.gone(Duration::ZERO) => {}
                () = &mut draining => return None,
            }
        }
    }

    /// Asks the worker.
    async fn exchange(&self, process: &Process, order: &OrderId, request: &str) -> Verdict {
        let asked = Instant::now();
        let answer = process.peer.ask(order_frame(1, request));
        tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(frame) => {
                    self.monitor().attempted(asked.elapsed());
                    judge(&frame, order, self.lease.attempt)
                }
                Err(_) => {
                    // Or the order would come here again before the members have heard of it.
                    process.depart(Presence::Gone);
                    self.worker.changed.notify_one();
                    lost("its connection is closed", Fault::Process, Duration::ZERO)
                }
            },
            () = process.gone(self.shared.config.timing.leave) => {
                lost("its worker is gone", Fault::Process, Duration::ZERO)
            }
            () = self.shared.phase.reached(Phase::Stopped) => {
                lost("the manager stops", Fault::None, Duration::ZERO)
            }
            () = sleep(process.patience) => {
                // Nor will it do better with others. It may join anew.
                process.depart(Presence::Gone);
                self.worker.changed.notify_one();
                lost("its worker is silent", Fault::Process, Duration::ZERO)
            }
        }
    }

    /// Waits for something and extends the lease meanwhile; `None` if the lease is lost, and with it
    /// the right to say anything about the order.
    async fn keeping<T>(&self, order: &OrderId, what: impl Future<Output = T>) -> Option<T> {
        let period = self.shared.config.timing.lease / 3;
        let mut extension = interval_at(Instant::now() + period, period);
        extension.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(what);
        loop {
            tokio::select! {
                biased;
                outcome = &mut what => return Some(outcome),
                _ = extension.tick() => {
                    if !self.extend(order).await {
                        return None;
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

    async fn lose(&self, order: &OrderId, loss: Loss, alone: bool) {
        let (attempt, why, fault) = (self.lease.attempt, loss.why, loss.fault);
        let worker = &self.worker.name;
        tracing::warn!(order = %text(order), worker, attempt, alone, why, "an attempt at an order was lost");
        self.monitor().lost(fault.into());
        let config = &self.shared.config;
        // From the second attempt on it was alone each time.
        let guilty = alone && fault == Fault::Process && attempt > config.max_lost_alone;
        if guilty || (fault != Fault::None && attempt >= config.max_attempts) {
            self.give_up(order, why).await;
            return;
        }
        self.release(order, loss.rest, fault != Fault::None).await;
    }

    async fn release(&self, order: &OrderId, rest: Duration, counts: bool) {
        let (orders, token) = (&self.shared.orders, self.lease.token);
        let released = persist(|| orders.release(order, token, rest, counts)).await;
        if let Err(error) = released {
            tracing::error!(order = %text(order), %error, "a lease could not be given back, it will run out");
        }
    }

    async fn give_up(&self, order: &OrderId, why: &str) {
        let (worker, attempt) = (&self.worker.name, self.lease.attempt);
        tracing::error!(order = %text(order), worker, attempt, why, "an order was lost too often and ends");
        self.complete(order, failure(order, Reason::WorkerLost))
            .await;
    }

    /// Ends the order with `result`; whether that is what it ended with.
    async fn complete(&self, order: &OrderId, mut end: End) -> bool {
        let orders = &self.shared.orders;
        if end.result.len() > orders.capabilities().max_result {
            tracing::error!(order = %text(order), "a result is larger than the store takes");
            end = failure(order, Reason::WorkloadOutput);
        }
        let completion = || Completion {
            order: order.clone(),
            token: self.lease.token,
            result: end.result.clone(),
            appends: Vec::new(),
        };
        match persist(|| orders.complete(completion())).await {
            Ok(Completed::Stored | Completed::AlreadyStored) => {
                self.note_end(order, end.what);
                true
            }
            Ok(Completed::Lost(_)) => {
                let (worker, attempt) = (&self.worker.name, self.lease.attempt);
                tracing::warn!(order = %text(order), worker, attempt, "an answer came after its lease");
                self.monitor().lost(monitor::Loss::Lease);
                false
            }
            Err(error) => {
                tracing::error!(order = %text(order), %error, "a result could not be stored, the order will be tried again");
                false
            }
        }
    }
}

impl Attempt {
    /// Counts the order's end. Of an order that goes well this is the only line in the log.
    fn note_end(&self, order: &OrderId, what: Ended) {
        let age = self.lease.age + self.claimed.elapsed();
        self.monitor().ended(what, age);
        tracing::debug!(
            order = %text(order),
            worker = self.worker.name,
            attempt = self.lease.attempt,
            reason = what.label(),
            elapsed_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            "an order has ended"
        );
    }
}

impl From<Fault> for monitor::Loss {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::None => Self::NotBegun,
            Fault::Answer => Self::Answer,
            Fault::Process => Self::Process,
        }
    }
}

/// What a worker's answer means for the order.
fn judge(frame: &[u8], order: &OrderId, attempt: u32) -> Verdict {
    // An order that upsets workers must not do so in quick succession.
    let rest = REST * attempt;
    let order = text(order);
    match Outcome::parse(frame) {
        None => lost("its worker's answer is no reply", Fault::Answer, rest),
        Some(Outcome::Error(error)) if error.reason() == Some(Reason::WorkerLost) => {
            let began = error.data.and_then(|data| data.started) != Some(false);
            let fault = if began { Fault::Process } else { Fault::None };
            lost("its worker was lost", fault, REST)
        }
        Some(outcome) if !is_about(&outcome, &order) => lost(
            "its worker's answer is for another order",
            Fault::Answer,
            rest,
        ),
        Some(outcome) => Verdict::Done(End {
            what: match &outcome {
                Outcome::Result(_) => Ended::Result,
                Outcome::Error(error) => Ended::Error(error.reason()),
            },
            result: outcome.for_client(&order),
        }),
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

fn lost(why: &'static str, fault: Fault, rest: Duration) -> Verdict {
    Verdict::Lost(Loss { why, fault, rest })
}

/// The end of an order that ends with this reason.
fn failure(order: &OrderId, reason: Reason) -> End {
    End {
        result: Outcome::Error(ErrorObject::for_manager(reason)).for_client(&text(order)),
        what: Ended::Error(Some(reason)),
    }
}

/// An order id as text, which it is by the listener's check.
fn text(order: &OrderId) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(order.as_bytes())
}
