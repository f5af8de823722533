//! Calls of a store that gives no answer, made again.

use std::time::Duration;

use tokio::time::sleep;

/// Pauses between calls of a store that gives no answer.
pub(crate) const PAUSES: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(320),
];

/// Calls until the answer is not one of those after which to call `again`, a few times.
pub(crate) async fn repeated<T, E, F>(
    mut call: impl FnMut() -> F,
    again: impl Fn(&E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    for pause in PAUSES {
        match call().await {
            Err(error) if again(&error) => sleep(pause).await,
            answer => return answer,
        }
    }
    call().await
}
