use std::time::Duration;

use store::Error;

/// Calls the store until it answers, at most [`CALLS`] times. Every call of the store is safe to
/// repeat, so an unknown outcome is repeated like a failure.
pub(crate) async fn persist<T, F>(mut call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..CALLS {
        match call().await {
            Err(Error::Unavailable(_) | Error::Unknown(_)) => {}
            answer => return answer,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    call().await
}

/// Together about three seconds of pauses.
const CALLS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
