//! Whether a platform can do its work: the store takes writes, and a worker takes orders.

use std::time::Duration;

use serde::Serialize;
use store::{Expected, Key, PartitionId, Table, Write};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::sources::Known;

/// What a platform lacks; nothing if it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether nothing is missing.
    pub ready: bool,
    /// What is.
    pub missing: Vec<Missing>,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Where.
    pub part: Part,
    /// A sentence for people.
    pub why: &'static str,
}

/// A part of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Where orders are kept.
    Store,
    /// What works on them.
    Workers,
}

/// Finds out, and remembers for a moment what it found.
#[derive(Default)]
pub(crate) struct Checks {
    /// Of the last write to the store: when it was tried, and what went wrong.
    store: Mutex<Option<(Instant, Option<&'static str>)>>,
}

/// How long the outcome of a write is believed, so that asking often writes seldom.
const BELIEVED: Duration = Duration::from_secs(1);

/// How long a write may take. Longer, and submits wait as long.
const PATIENCE: Duration = Duration::from_secs(2);

impl Checks {
    /// Parts that aren't in this process aren't looked at.
    pub(crate) async fn look(&self, known: &Known) -> Readiness {
        let mut missing = Vec::new();
        if let Some(table) = &known.table
            && let Some(why) = self.store(table.as_ref()).await
        {
            let part = Part::Store;
            missing.push(Missing { part, why });
        }
        if let Some(workers) = &known.workers
            && workers().iter().all(|worker| worker.processes == 0)
        {
            missing.push(Missing {
                part: Part::Workers,
                why: "no worker process takes orders",
            });
        }
        Readiness {
            ready: missing.is_empty(),
            missing,
        }
    }

    async fn store(&self, table: &dyn Table) -> Option<&'static str> {
        let mut last = self.store.lock().await;
        if let Some((when, why)) = *last
            && when.elapsed() < BELIEVED
        {
            return why;
        }
        let why = match timeout(PATIENCE, write(table)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some("the store takes no writes; the log says why"),
            Err(_) => Some("the store did not take a write within 2 s"),
        };
        *last = Some((Instant::now(), why));
        why
    }
}

/// The one thing that shows that the store takes writes is a write.
async fn write(table: &dyn Table) -> Result<(), store::Error> {
    let write = Write::Put {
        key: Key::from("probe"),
        value: Vec::new(),
        expected: Expected::Anything,
    };
    // No hex text, and so no worker's own.
    let partition = PartitionId::from("readiness");
    table.commit(&partition, vec![write]).await.map(|_| ())
}
