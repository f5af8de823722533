//! What a worker says of itself when it's ready.

use std::time::Duration;

use serde::Deserialize;

use crate::config::Config;
use crate::loss::Loss;
use crate::membership::Worker;

/// Most orders that a manager is asked to have in flight with one host.
const MOST_CAPACITY: u32 = 1024;

/// The body of a `Ready` frame.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ready {
    worker: String,
    threads: u32,
    keys: String,
    /// Longest time limit of its workloads, in seconds.
    longest: u32,
}

impl Ready {
    /// Reads it, from a program that should be this host's worker.
    pub(crate) fn parse(body: &[u8], config: &Config) -> Result<Self, Loss> {
        let ready: Self = serde_json::from_slice(body).map_err(|_| {
            Loss::Conduct("its Ready is not readable; the program may be of another release")
        })?;
        if ready.worker != config.worker.as_str() {
            return Err(Loss::Conduct("it is another worker than it should be"));
        }
        Ok(ready)
    }

    /// What to tell the manager of it.
    pub(crate) fn worker(self, config: &Config, endpoint: Option<&str>, pid: u32) -> Worker {
        let threads = self.threads;
        let keys = self.keys.escape_debug().to_string();
        tracing::info!(worker = %config.worker, pid, threads, keys, "the program is ready");
        Worker {
            name: self.worker,
            endpoint: endpoint.unwrap_or_default().to_owned(),
            capacity: threads
                .saturating_mul(config.pipelining)
                .clamp(1, MOST_CAPACITY),
            pid,
            longest: Duration::from_secs(self.longest.into()),
            patience: patience(self.longest, config),
        }
    }
}

/// How long the manager shall wait for an order, in seconds: for those before it on its thread,
/// each of which may take the longest time, and as long as the host bears with silence.
fn patience(longest: u32, config: &Config) -> u32 {
    let margin = u32::try_from(config.timing.silence.as_secs()).unwrap_or(u32::MAX);
    longest
        .saturating_mul(config.pipelining)
        .saturating_add(margin)
}
