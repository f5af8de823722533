//! Asking a worker process for its keys, checking them, entering them in the registry.

use std::sync::Arc;
use std::time::Duration;

use protocol::processor::{Signup, signup_frame};
use protocol::record::{BadDetails, WorkerKeys, WorkerRecord};
use workers::{Announced, Registry};

use crate::peer::Peer;
use crate::shared::Shared;
use crate::worker::{Process, Worker};

/// The public keys that a process showed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    verifying: String,
    encryption: String,
    /// Which of the worker's keys they are; 0 if nobody counts.
    pub(crate) generation: u64,
}

impl Keys {
    /// Whether the encryption key is this PEM text, but for blanks around it.
    pub(crate) fn is(&self, pem: &[u8]) -> bool {
        self.encryption.as_bytes().trim_ascii() == pem.trim_ascii()
    }

    /// Whether processes can have these and those: of one worker only those of different generations
    /// differ.
    fn go_with(&self, others: &Self) -> bool {
        let counted = self.generation > 0 && others.generation > 0;
        self == others || (counted && self.generation != others.generation)
    }
}

impl From<&Signup> for Keys {
    fn from(signup: &Signup) -> Self {
        Self {
            verifying: signup.verifying_key.clone(),
            encryption: signup.encryption_key.clone(),
            generation: signup.generation,
        }
    }
}

/// Why a process gets no orders.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the worker did not answer ProcessWorkerSignup in time")]
    Silent,
    #[error("the worker's answer to ProcessWorkerSignup is not a signup")]
    Unreadable,
    #[error("the worker's keys are not usable: {0}")]
    Keys(#[from] BadDetails),
    #[error(
        "another process of this worker has other keys of the same generation, give both the same"
    )]
    OtherKeys,
    #[error(transparent)]
    RetiredKey(workers::Error),
    #[error("the registry failed: {0}")]
    Registry(workers::Error),
}

impl From<workers::Error> for Refusal {
    fn from(error: workers::Error) -> Self {
        match error {
            workers::Error::Retired => Self::RetiredKey(error),
            error => Self::Registry(error),
        }
    }
}

impl Refusal {
    /// Whether joining again with the same values is of no use.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Unreadable | Self::Keys(_) | Self::OtherKeys | Self::RetiredKey(_)
        )
    }
}

/// Asks a process for its keys and, if they are good, lets it have orders of `worker`.
pub(crate) async fn enrol(
    shared: &Shared,
    worker: &Worker,
    process: &Arc<Process>,
) -> Result<(), Refusal> {
    let signup = ask(&process.peer, shared.config.timing.signup).await?;
    let record = WorkerRecord::of_signup(&signup);
    if !WorkerKeys::from_details(&record.details)?.signed {
        return Err(BadDetails::Signature.into());
    }
    let keys = Keys::from(&signup);

    let _admission = worker.admission.lock().await;
    let others = worker.present();
    let mut others = others.iter().filter_map(|other| other.keys.get());
    if others.any(|other| !other.go_with(&keys)) {
        return Err(Refusal::OtherKeys);
    }
    match announce(&shared.registry, worker, &record, keys.generation).await? {
        Announced::Kept => {}
        Announced::Added => tracing::info!(worker = worker.name, "worker registered"),
        Announced::Replaced => {
            let generation = keys.generation;
            tracing::warn!(
                worker = worker.name,
                generation,
                "worker registered with new keys"
            );
        }
        Announced::Older => {
            let generation = keys.generation;
            tracing::info!(
                worker = worker.name,
                generation,
                "a process has the keys of before"
            );
            // It's set once, as the keys are.
            let _ = process.older.set(record);
        }
    }
    // It's set once: a process signs up once.
    let _ = process.keys.set(keys);
    shared.config.signups.note(&worker.name, &signup);
    worker.add(Arc::clone(process));
    Ok(())
}

/// Asks a process for its keys.
pub(crate) async fn ask(peer: &Peer, patience: Duration) -> Result<Signup, Refusal> {
    let answer = tokio::time::timeout(patience, peer.ask(signup_frame(1))).await;
    let Ok(Ok(frame)) = answer else {
        return Err(Refusal::Silent);
    };
    serde_json::from_slice(&frame).map_err(|_| Refusal::Unreadable)
}

async fn announce(
    registry: &Registry,
    worker: &Worker,
    record: &WorkerRecord,
    generation: u64,
) -> Result<Announced, workers::Error> {
    let mut result = registry.announce(&worker.id, record, generation).await;
    for _ in 0..RETRIES {
        match result {
            Err(workers::Error::Store(_) | workers::Error::Contended) => {
                tokio::time::sleep(PAUSE).await;
                result = registry.announce(&worker.id, record, generation).await;
            }
            answer => return answer,
        }
    }
    result
}

const RETRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
