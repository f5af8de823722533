//! What worker processes showed when they joined, for whoever publishes it.

use std::collections::BTreeMap;

use protocol::processor::Signup;
use tokio::sync::watch;

/// The last signup of each generation of each worker's keys. Clones share it.
#[derive(Clone, Debug)]
pub struct Signups(watch::Sender<Shown>);

/// Signups by worker and generation.
pub type Shown = BTreeMap<String, BTreeMap<u64, Signup>>;

/// Most generations of one worker that are remembered: earlier ones go first.
const GENERATIONS: usize = 32;

impl Signups {
    /// What there is, and what comes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Shown> {
        self.0.subscribe()
    }

    /// A process of `worker` has shown this, and its keys have been taken. Those that nobody counts are not
    /// remembered.
    pub(crate) fn note(&self, worker: &str, signup: &Signup) {
        if signup.generation == 0 {
            return;
        }
        self.0.send_modify(|shown| {
            let of = shown.entry(worker.to_owned()).or_default();
            of.insert(signup.generation, signup.clone());
            while of.len() > GENERATIONS {
                of.pop_first();
            }
        });
    }
}

impl Default for Signups {
    fn default() -> Self {
        Self(watch::Sender::new(Shown::new()))
    }
}
