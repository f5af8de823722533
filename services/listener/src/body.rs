//! Bodies: read within limits of size, time and memory, or read and thrown away.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use protocol::Reason;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::config::Limits;

/// What bodies longer than [`FREE`] take together; clones share it.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

/// A body that has not arrived.
pub(crate) enum Unread {
    /// It went over a limit.
    Refused(Reason),
    /// The client broke off, or broke the rules of HTTP.
    Broken,
}

/// Bytes of each body that don't count, so that small requests get through while large ones hold
/// the budget. The number of connections bounds what they take.
pub(crate) const FREE: usize = 64 << 10;

/// How long a client that is refused may go on writing before it's hung up on.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Reads a body; `length` is the one that its head announced.
    pub(crate) async fn read(
        &self,
        mut body: Body,
        length: Option<usize>,
        limits: &Limits,
    ) -> Result<Buffer, Unread> {
        let deadline = Instant::now() + limits.body_time;
        let mut buffer = Buffer::new(length.unwrap_or(limits.body).min(limits.body));
        while let Some(data) = next(&mut body, deadline).await? {
            let reason = if buffer.bytes.len() + data.len() > limits.body {
                Reason::LimitSize
            } else if timeout_at(deadline, buffer.append(&data, self))
                .await
                .is_err()
            {
                Reason::LimitRate
            } else {
                continue;
            };
            drop((buffer, data));
            discard(body, limits).await;
            return Err(Unread::Refused(reason));
        }
        Ok(buffer)
    }
}

/// Reads what a refused client still sends, for a while, so that one that writes before it reads
/// gets to see the answer.
pub(crate) async fn discard(mut body: Body, limits: &Limits) {
    let deadline = Instant::now() + LAST_WORDS.min(limits.body_time);
    let mut left = limits.overlong;
    while let Ok(Some(data)) = next(&mut body, deadline).await {
        match left.checked_sub(data.len()) {
            Some(rest) => left = rest,
            None => break,
        }
    }
}

/// The next bytes; `None` at the end.
async fn next(body: &mut Body, deadline: Instant) -> Result<Option<Bytes>, Unread> {
    loop {
        let Some(frame) = timeout_at(deadline, body.frame())
            .await
            .map_err(|_| Unread::Refused(Reason::LimitSlow))?
        else {
            return Ok(None);
        };
        // Trailers are nothing to us.
        if let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
}

/// A body's bytes and what they take of the budget, which is given back with them.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    longest: usize,
    taken: Option<OwnedSemaphorePermit>,
}

impl Buffer {
    /// For `longest` bytes at most. What a client announces isn't memory yet.
    fn new(longest: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(longest.min(FREE)),
            longest,
            taken: None,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends, as soon as the budget has what that takes.
    async fn append(&mut self, data: &[u8], budget: &Budget) {
        let needed = self.bytes.len() + data.len();
        let capacity = self.bytes.capacity();
        if needed > capacity {
            let wanted = (capacity * 2).min(self.longest).max(needed);
            self.take(wanted.saturating_sub(FREE), budget).await;
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
    }

    async fn take(&mut self, wanted: usize, budget: &Budget) {
        let taken = self.taken.as_ref().map_or(0, |taken| taken.num_permits());
        let more = u32::try_from(wanted.saturating_sub(taken)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        if let Ok(more) = Arc::clone(&budget.0).acquire_many_owned(more).await {
            match &mut self.taken {
                Some(taken) => taken.merge(more),
                None => self.taken = Some(more),
            }
        }
    }
}
