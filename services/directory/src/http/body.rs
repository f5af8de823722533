//! Bodies: read within limits of size, time and number, or read and thrown away.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::{Request, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::answer::{self, Reply};
use crate::{Limits, Refusal};

/// A body, and its place among those that may be in memory.
pub(crate) struct Body<'a> {
    pub(crate) bytes: Bytes,
    _place: Option<SemaphorePermit<'a>>,
}

/// How long a client that is refused may go on writing before it's hung up on.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How much of that is read, in bytes.
const OVERLONG: usize = 4 << 20;

/// Reads a body; or gives the reply for one that is too long, too slow, or broken off.
pub(crate) async fn read<'a>(
    request: Request<Incoming>,
    places: &'a Semaphore,
    limits: &Limits,
) -> Result<Body<'a>, Reply> {
    if request.body().is_end_stream() {
        return Ok(Body {
            bytes: Bytes::new(),
            _place: None,
        });
    }
    if announced(&request).is_some_and(|length| length > limits.body) {
        let reply = answer::refused(&Refusal::TooLong(limits.body));
        return Err(refuse(request, limits, reply).await);
    }
    let slow = |_| answer::close(answer::refused(&Refusal::TooSlow(limits.body_time)));
    let whole = async {
        // The places are never closed.
        let place = places.acquire().await.ok();
        let body = Limited::new(request.into_body(), limits.body);
        (place, body.collect().await)
    };
    let (place, body) = timeout(limits.body_time, whole).await.map_err(slow)?;
    match body {
        Ok(body) => Ok(Body {
            bytes: body.to_bytes(),
            _place: place,
        }),
        Err(fault) if fault.is::<LengthLimitError>() => {
            let refusal = Refusal::TooLong(limits.body);
            Err(answer::close(answer::refused(&refusal)))
        }
        // The client broke off, or broke the rules of HTTP.
        Err(_) => Err(answer::close(answer::plain(StatusCode::BAD_REQUEST))),
    }
}

/// Gives this reply, after reading what the client still sends for a while, so that one that writes before it
/// reads gets to see it.
pub(crate) async fn refuse(request: Request<Incoming>, limits: &Limits, reply: Reply) -> Reply {
    if request.body().is_end_stream() {
        return reply;
    }
    if announced(&request).is_some_and(|length| length > OVERLONG) {
        return answer::close(reply);
    }
    let rest = async {
        let (mut body, mut left) = (request.into_body(), OVERLONG);
        while let Some(Ok(frame)) = body.frame().await {
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else {
                return false;
            };
            left = less;
        }
        body.is_end_stream()
    };
    match timeout(LAST_WORDS.min(limits.body_time), rest).await {
        Ok(true) => reply,
        _ => answer::close(reply),
    }
}

fn announced(request: &Request<Incoming>) -> Option<usize> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
