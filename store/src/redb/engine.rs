//! The engine as callers see it.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::clock::milliseconds;
use super::ledger::lock;
use super::memory::Found;
use super::{Engine, check_key, check_size, deadline, finish, records, retention, submit};
use crate::{
    Capabilities, Committed, Completed, Completion, Counts, Cursor, Error, Held, Key, Lease,
    OrderId, Orders, Page, PartitionId, Reason, Row, State, Submission, Submitted, Table, Token,
    Write,
};

#[async_trait]
impl Orders for Engine {
    fn capabilities(&self) -> Capabilities {
        let options = &self.shared.options;
        Capabilities {
            max_key: options.max_key,
            max_body: options.max_body,
            max_result: options.max_result,
            max_value: options.max_value,
            max_batch: options.max_batch,
            max_answer: options.max_answer,
            poll: POLL,
        }
    }

    async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        check_key(
            "the partition id",
            submission.partition.as_bytes(),
            &self.shared.options,
        )?;
        check_key(
            "the order id",
            submission.order.as_bytes(),
            &self.shared.options,
        )?;
        for replay in &submission.replays {
            check_key("a replay key", replay.as_bytes(), &self.shared.options)?;
        }
        let (size, limit) = (submission.replays.len(), Submission::MAX_REPLAYS);
        if size > limit {
            return Err(Reason::BatchTooLarge { size, limit }.into());
        }
        check_size("the body", &submission.body, self.shared.options.max_body)?;
        check_size("the memo", &submission.memo, Submission::MAX_MEMO)?;
        let fingerprinter = &self.shared.fingerprinter;
        let replays = submission.replays.iter();
        let replays = replays.map(|key| fingerprinter.replay(&submission.partition, key));
        let id = fingerprinter.order(&submission.order);
        let prints = std::iter::once(id).chain(replays).collect();
        self.writer
            .call(submit::Submit { submission, prints })
            .await
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        limit: usize,
        lease: Duration,
        wait: Duration,
    ) -> Result<Vec<Lease>, Error> {
        self.lease(partition, limit, lease, wait).await
    }

    async fn extend(&self, order: &OrderId, token: Token, lease: Duration) -> Result<Held, Error> {
        self.prolong(order, token, lease).await
    }

    async fn release(
        &self,
        order: &OrderId,
        token: Token,
        delay: Duration,
        counts: bool,
    ) -> Result<Held, Error> {
        self.give_back(order, token, delay, counts).await
    }

    async fn complete(&self, completion: Completion) -> Result<Completed, Error> {
        let options = &self.shared.options;
        check_size("the result", &completion.result, options.max_result)?;
        let (size, limit) = (completion.appends.len(), options.max_batch);
        if size > limit {
            return Err(Reason::BatchTooLarge { size, limit }.into());
        }
        for append in &completion.appends {
            check_key(
                "the key of an append",
                append.key.as_bytes(),
                &self.shared.options,
            )?;
            check_size("an append", &append.value, options.max_value)?;
        }
        let print = self.shared.fingerprinter.order(&completion.order);
        self.writer
            .call(finish::Complete { completion, print })
            .await
    }

    async fn get(&self, order: &OrderId) -> Result<State, Error> {
        let print = self.shared.fingerprinter.order(order);
        let end = {
            let memory = lock(&self.shared.memory);
            match memory.find(print) {
                Some(Found::Open(place)) => {
                    let state = memory.desk.state(place, self.shared.clock.now());
                    return Ok(state.unwrap_or(State::Unknown));
                }
                Some(Found::Ended(end)) => Some(end),
                None => None,
            }
        };
        // Begun after the look into memory, so it sees what memory does not know any more.
        self.read()?.state(print, end)
    }

    async fn memo(&self, order: &OrderId) -> Result<Option<Vec<u8>>, Error> {
        let print = self.shared.fingerprinter.order(order);
        let found = lock(&self.shared.memory).find(print);
        if let Some(Found::Open(place)) = found {
            let memo = self.read()?.memo_of_open(place.number)?;
            if memo.is_some() {
                return Ok(memo);
            }
        }
        let found = lock(&self.shared.memory).find(print);
        let end = found.and_then(|found| match found {
            Found::Ended(end) => Some(end),
            Found::Open(_) => None,
        });
        self.read()?.memo(print, end)
    }

    async fn wait(&self, order: &OrderId, until: Duration) -> Result<State, Error> {
        let deadline = deadline(until);
        let listener = self.shared.ended.listen(order);
        loop {
            let rung = listener.rung();
            let state = Orders::get(self, order).await?;
            let pending = matches!(state, State::Queued | State::Leased);
            if !pending || Instant::now() >= deadline {
                return Ok(state);
            }
            // Rung or time is up: either way the next look decides.
            let _ = tokio::time::timeout_at(deadline, rung).await;
        }
    }

    async fn expire(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        result: &[u8],
        limit: usize,
    ) -> Result<usize, Error> {
        check_size("the result", result, self.shared.options.max_result)?;
        self.writer
            .call(finish::Expire {
                partition: partition.clone(),
                older_than: milliseconds(older_than),
                result: result.to_vec(),
                limit: self.clamp(limit),
            })
            .await
    }

    async fn evict(&self, finished_for: Duration, limit: usize) -> Result<usize, Error> {
        self.writer
            .call(retention::Evict {
                finished_for: milliseconds(finished_for),
                limit: self.clamp(limit),
            })
            .await
    }

    async fn forget_marks(
        &self,
        partition: &PartitionId,
        older_than: Duration,
        limit: usize,
    ) -> Result<usize, Error> {
        self.writer
            .call(retention::ForgetMarks {
                partition: partition.clone(),
                older_than: milliseconds(older_than),
                limit: self.clamp(limit),
            })
            .await
    }

    async fn counts(&self) -> Result<Counts, Error> {
        let counts = {
            let memory = lock(&self.shared.memory);
            Counts {
                finished: memory.counters.finished,
                ..memory.desk.counts()
            }
        };
        let file = std::fs::metadata(&self.shared.path);
        Ok(Counts {
            bytes: file.map_or(0, |file| file.len()),
            ..counts
        })
    }
}

#[async_trait]
impl Table for Engine {
    async fn get(&self, partition: &PartitionId, key: &Key) -> Result<Option<Row>, Error> {
        let partition = lock(&self.shared.memory).queues.number(partition);
        match partition {
            Some(partition) => self.read()?.row(partition, key),
            None => Ok(None),
        }
    }

    async fn scan(
        &self,
        partition: &PartitionId,
        prefix: &[u8],
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        let partition = lock(&self.shared.memory).queues.number(partition);
        let Some(partition) = partition else {
            return Ok(Page {
                rows: Vec::new(),
                next: None,
            });
        };
        self.read()?.page(
            partition,
            prefix,
            cursor,
            self.clamp(limit.max(1)),
            self.shared.options.max_answer,
        )
    }

    async fn commit(&self, partition: &PartitionId, batch: Vec<Write>) -> Result<Committed, Error> {
        check_key(
            "the partition id",
            partition.as_bytes(),
            &self.shared.options,
        )?;
        records::check(&batch, &self.shared.options)?;
        self.writer
            .call(records::Commit {
                partition: partition.clone(),
                batch,
            })
            .await
    }

    async fn time(&self) -> Result<Duration, Error> {
        Ok(Duration::from_millis(self.shared.clock.now()))
    }
}

/// Wake-ups come with the commit; this only leaves room for a busy machine.
const POLL: Duration = Duration::from_millis(250);
