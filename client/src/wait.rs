//! Waiting for answers: one, or many at once.

use std::collections::VecDeque;
use std::panic;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::error::is_pending;
use crate::{Answer, Client, Error, Order, Pending};

/// How long [`Client::run`] waits: longer than any order of a default platform lives.
const RUN: Duration = Duration::from_secs(120);

/// First wait between two polls of a listener that doesn't hold them; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Longest such wait.
const LAST_PAUSE: Duration = Duration::from_millis(500);

impl Client {
    /// Asks once. `None` means that the order isn't finished; the listener may have held the call
    /// for a while.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the order failed or isn't known, [`Error::NotVerified`] if the answer isn't
    /// the worker's.
    pub async fn poll(&self, pending: &Pending) -> Result<Option<Answer>, Error> {
        let fetched = self.fetch_result(pending).await?;
        Ok(fetched.map(|(_, answer)| answer))
    }

    /// The same with the `result` that the answer was in.
    pub(crate) async fn fetch_result(
        &self,
        pending: &Pending,
    ) -> Result<Option<(Box<RawValue>, Answer)>, Error> {
        let expected = "an id that JSON can hold";
        let params = serde_json::json!({ "workOrderId": pending.id() });
        let params =
            serde_json::value::to_raw_value(&params).map_err(|_| Error::Reply { expected })?;
        match self
            .exchange("WorkOrderGetResult", &params, Duration::ZERO)
            .await?
        {
            Ok(result) => {
                let answer = pending.open(&result)?;
                Ok(Some((result, answer)))
            }
            Err(error) if is_pending(error.code) => Ok(None),
            Err(error) => Err(pending.explain(error)),
        }
    }

    /// Polls until the order is finished, and rides out a listener that can't be reached or is busy
    /// for less than [`Options::patience`](crate::Options::patience).
    ///
    /// # Errors
    ///
    /// As for [`poll`](Self::poll), and [`Error::TimedOut`].
    pub async fn wait(&self, pending: &Pending, timeout: Duration) -> Result<Answer, Error> {
        let timed_out = || Error::TimedOut {
            order: pending.id().clone(),
            after: timeout,
        };
        tokio::time::timeout(timeout, self.poll_until_finished(pending))
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }

    async fn poll_until_finished(&self, pending: &Pending) -> Result<Answer, Error> {
        let mut pause = FIRST_PAUSE;
        let mut good = Instant::now();
        loop {
            let asked = Instant::now();
            match self.poll(pending).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => good = Instant::now(),
                Err(error) if error.is_transient() && good.elapsed() < self.options().patience => {}
                Err(error) => return Err(error),
            }
            // A listener that held the poll has done the waiting already.
            tokio::time::sleep(pause.saturating_sub(asked.elapsed())).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Submits an order and waits for its answer, for at most two minutes.
    ///
    /// # Errors
    ///
    /// As for [`submit`](Self::submit) and [`wait`](Self::wait).
    pub async fn run(&self, order: &Order) -> Result<Answer, Error> {
        let submitted = self.submit(order).await?;
        match submitted.answer {
            Some(answer) => Ok(answer),
            None => self.wait(&submitted.pending, RUN).await,
        }
    }

    /// Runs many orders, at most `at_once` (and at least one) at any time. The outcomes stand in the
    /// order of the orders.
    ///
    /// # Panics
    ///
    /// Only as a task of its own does.
    pub async fn run_many(
        &self,
        orders: impl IntoIterator<Item = Order>,
        at_once: usize,
    ) -> Vec<Result<Answer, Error>> {
        let mut waiting: VecDeque<_> = orders.into_iter().enumerate().collect();
        let mut outcomes: Vec<_> = waiting.iter().map(|_| None).collect();
        let mut running = JoinSet::new();
        loop {
            while running.len() < at_once.max(1)
                && let Some((index, order)) = waiting.pop_front()
            {
                let client = self.clone();
                running.spawn(async move { (index, client.run(&order).await) });
            }
            match running.join_next().await {
                Some(Ok((index, outcome))) => outcomes[index] = Some(outcome),
                Some(Err(fault)) => {
                    if let Ok(panicked) = fault.try_into_panic() {
                        panic::resume_unwind(panicked);
                    }
                }
                None => break,
            }
        }
        outcomes.into_iter().flatten().collect()
    }
}
