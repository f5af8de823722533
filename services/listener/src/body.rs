//! Bodies: read within limits of size, time and memory, or read and thrown away; and the memory of
//! answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use protocol::Reason;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::config::Limits;

/// What bodies and answers longer than [`FREE`] take together; clones share it.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

/// A body that has not arrived.
pub(crate) enum Unread {
    /// It went over a limit.
    Refused(Reason),
    /// The client broke off, or broke the rules of HTTP.
    Broken,
}

/// Bytes of each that don't count, so that small requests get through while large ones hold the
/// budget. The number of connections bounds what they take.
const FREE: usize = 64 << 10;

/// How long a client that is refused may go on writing before it's hung up on.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Reads a body; `length` is the one that its head announced.
    pub(crate) async fn read(
        &self,
        mut body: Incoming,
        length: Option<usize>,
        limits: &Limits,
    ) -> Result<Buffer, Unread> {
        let deadline = Instant::now() + limits.body_time;
        let Some(first) = next(&mut body, deadline).await? else {
            return Ok(Buffer::whole(Bytes::new()));
        };
        if body.is_end_stream() && first.len() <= FREE.min(limits.body) {
            return Ok(Buffer::whole(first));
        }
        let mut gathered = Gathered::new(length.unwrap_or(limits.body).min(limits.body));
        let mut arrived = Some(first);
        while let Some(data) = arrived {
            let reason = if gathered.bytes.len() + data.len() > limits.body {
                Reason::LimitSize
            } else if timeout_at(deadline, gathered.append(&data, self))
                .await
                .is_err()
            {
                Reason::LimitRate
            } else {
                arrived = next(&mut body, deadline).await?;
                continue;
            };
            drop((gathered, data));
            discard(body, limits).await;
            return Err(Unread::Refused(reason));
        }
        Ok(gathered.into())
    }

    /// Memory for an answer of this length, if there is any.
    pub(crate) fn hold(&self, length: usize) -> Option<Held> {
        let Some(counted) = length.checked_sub(FREE) else {
            return Some(Held(None));
        };
        let counted = u32::try_from(counted).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(counted).ok()?;
        Some(Held(Some(permit)))
    }
}

/// Reads what a refused client still sends, for a while, so that one that writes before it reads
/// gets to see the answer. Whether that was all.
pub(crate) async fn discard(mut body: Incoming, limits: &Limits) -> bool {
    let deadline = Instant::now() + LAST_WORDS.min(limits.body_time);
    let mut left = limits.overlong;
    loop {
        match next(&mut body, deadline).await {
            Ok(Some(data)) if data.len() <= left => left -= data.len(),
            Ok(None) => return true,
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

/// The next bytes; `None` at the end.
async fn next(body: &mut Incoming, deadline: Instant) -> Result<Option<Bytes>, Unread> {
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

/// What something takes of the budget, given back when dropped.
pub(crate) struct Held(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

/// A body's bytes and what they take of the budget.
pub(crate) struct Buffer {
    bytes: Bytes,
    _taken: Option<OwnedSemaphorePermit>,
}

impl Buffer {
    /// One that arrived in one piece, which is never copied.
    fn whole(bytes: Bytes) -> Self {
        Self {
            bytes,
            _taken: None,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body in arrival.
struct Gathered {
    bytes: Vec<u8>,
    longest: usize,
    taken: Option<OwnedSemaphorePermit>,
}

impl Gathered {
    /// For `longest` bytes at most. What a client announces isn't memory yet.
    fn new(longest: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(longest.min(FREE)),
            longest,
            taken: None,
        }
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

impl From<Gathered> for Buffer {
    fn from(gathered: Gathered) -> Self {
        Self {
            bytes: gathered.bytes.into(),
            _taken: gathered.taken,
        }
    }
}
