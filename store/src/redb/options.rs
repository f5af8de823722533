//! How an engine is to behave.

use std::time::Duration;

#[expect(unused_imports, reason = "for the documentation")]
use crate::Submitted;

/// How an [`Engine`](super::Engine) is to behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most orders that are open, queued and leased together; further ones are
    /// [`Submitted::Full`]. Each takes about 300 bytes of memory.
    pub max_orders: u64,
    /// Most bytes of the bodies of open orders together; an order that would go beyond is
    /// [`Submitted::Full`]. With less than [`max_body`](Self::max_body) the largest orders are
    /// never taken.
    pub max_open_bytes: u64,
    /// Most finished orders that are kept: each further one drops the oldest in the same step.
    pub max_finished: u64,
    /// Longest id or key, in bytes.
    pub max_key: usize,
    /// Largest order body, in bytes.
    pub max_body: usize,
    /// Largest result, in bytes.
    pub max_result: usize,
    /// Largest value of a record or append, in bytes.
    pub max_value: usize,
    /// Most orders or records in one call.
    pub max_batch: usize,
    /// About the most bytes of bodies or values in one answer.
    pub max_answer: usize,
    /// Memory for pages of the file, in bytes.
    pub cache: usize,
    /// Most operations in one commit.
    pub group: usize,
    /// While several callers are active, the longest that a commit waits for more of them to
    /// join it. A caller that is alone never waits.
    pub linger: Duration,
    /// Most operations that wait for a commit; further callers wait for room.
    pub queue: usize,
    /// Most bytes of the operations that wait for a commit; further callers wait for room.
    pub queue_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_orders: 100_000,
            max_open_bytes: 4 << 30,
            max_finished: 1_000_000,
            max_key: 1024,
            max_body: 16 << 20,
            max_result: 16 << 20,
            max_value: 1 << 20,
            max_batch: 1024,
            max_answer: 32 << 20,
            cache: 32 << 20,
            group: 256,
            linger: Duration::from_millis(1),
            queue: 1024,
            queue_bytes: 64 << 20,
        }
    }
}
