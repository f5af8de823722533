//! Bodies: read within limits of size, time and memory, or read and thrown away.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use protocol::Reason;
use tokio::time::{Instant, timeout_at};

use crate::config::Limits;
use crate::memory::{FREE, Held, Share};

/// A body that has not arrived.
pub(crate) enum Unread {
    /// It went over a limit.
    Refused(Reason),
    /// The client broke off, or broke the rules of HTTP.
    Broken,
}

/// How long a client that is refused may go on writing before it's hung up on.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Reads a body into the memory that its sender may take; `length` is the one that its head
/// announced.
pub(crate) async fn read(
    mut body: Incoming,
    length: Option<usize>,
    share: Share<'_>,
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
        } else if timeout_at(deadline, gathered.append(&data, share))
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

/// A body's bytes and what they take of the budget.
pub(crate) struct Buffer {
    bytes: Bytes,
    _held: Held,
}

impl Buffer {
    /// One that arrived in one piece, which is never copied.
    fn whole(bytes: Bytes) -> Self {
        Self {
            bytes,
            _held: Held::default(),
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
    held: Held,
}

impl Gathered {
    /// For `longest` bytes at most. What a client announces isn't memory yet.
    fn new(longest: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(longest.min(FREE)),
            longest,
            held: Held::default(),
        }
    }

    /// Appends, as soon as there is the memory that it takes.
    async fn append(&mut self, data: &[u8], share: Share<'_>) {
        let needed = self.bytes.len() + data.len();
        let capacity = self.bytes.capacity();
        if needed > capacity {
            let wanted = (capacity * 2).min(self.longest).max(needed);
            share.extend(&mut self.held, wanted).await;
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
    }
}

impl From<Gathered> for Buffer {
    fn from(gathered: Gathered) -> Self {
        Self {
            bytes: gathered.bytes.into(),
            _held: gathered.held,
        }
    }
}
