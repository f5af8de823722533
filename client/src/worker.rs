//! A worker: its record checked, and what is known of who holds its keys.

use std::sync::Arc;

use attestation::VerifiedEvidence;
use protocol::WorkerId;
use protocol::crypto::rsa::EncryptionKey;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::record::{Status, WorkerKeys, WorkerRecord};

use crate::directory::Published;
use crate::verifier::Clock;
use crate::{Client, Error, EvidenceError, NotProved, Verifier};

/// A worker's record that can be used: the worker is active, and its verification key has signed its
/// encryption key. Nothing says who holds these keys: [`Worker::verified`] finds that out.
pub struct CheckedRecord {
    id: WorkerId,
    keys: WorkerKeys,
    record: WorkerRecord,
}

impl CheckedRecord {
    /// Checks the record of worker `id`.
    ///
    /// # Errors
    ///
    /// [`Error::NotActive`], [`Error::Keys`] or [`Error::UnsignedKeys`].
    pub fn check(id: WorkerId, record: WorkerRecord) -> Result<Self, Error> {
        if record.status != Status::Active {
            return Err(Error::NotActive {
                worker: id,
                status: record.status,
            });
        }
        match WorkerKeys::from_details(&record.details) {
            Err(source) => Err(Error::Keys { worker: id, source }),
            Ok(keys) if !keys.signed => Err(Error::UnsignedKeys { worker: id }),
            Ok(keys) => Ok(Self { id, keys, record }),
        }
    }

    /// The worker's id.
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// Verifies its answers.
    pub fn verification_key(&self) -> &VerifyingKey {
        &self.keys.verification
    }

    /// Encrypts session keys to it.
    pub fn encryption_key(&self) -> &EncryptionKey {
        &self.keys.encryption
    }

    /// The record as the listener gave it.
    pub fn record(&self) -> &WorkerRecord {
        &self.record
    }
}

/// A worker that orders can be made for. Clones share the keys.
///
/// There are two ways to one: [`verified`](Self::verified), and [`unverified`](Self::unverified), which
/// says what it is. A record alone is none:
///
/// ```
/// # use sconce_client::{CheckedRecord, Error, Order, Verifier, Worker};
/// async fn order(record: CheckedRecord, verifier: &Verifier) -> Result<Order, Error> {
///     let worker = Worker::verified(record, verifier).await?;
///     Ok(Order::new(&worker, "python-hello"))
/// }
/// ```
/// ```compile_fail,E0308
/// # use sconce_client::{CheckedRecord, Error, Order};
/// fn order(record: CheckedRecord) -> Order {
///     Order::new(&record, "python-hello")
/// }
/// ```
/// ```compile_fail,E0423
/// # use sconce_client::{CheckedRecord, Error, Order, Worker};
/// fn order(record: CheckedRecord) -> Order {
///     let worker = Worker(record);
///     Order::new(&worker, "python-hello")
/// }
/// ```
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

struct Inner {
    checked: CheckedRecord,
    proof: Option<Proof>,
    published: Option<Published>,
}

/// Why the keys are believed, and whose clock says for how long.
struct Proof {
    evidence: VerifiedEvidence,
    clock: Clock,
}

impl Worker {
    /// A worker whose evidence the verifier accepts: it shows that the program that is wanted has these
    /// very keys, under this id. If the verifier has a directory, they are those that it publishes, too.
    ///
    /// # Errors
    ///
    /// [`Error::Evidence`]; [`Error::Directory`].
    pub async fn verified(checked: CheckedRecord, verifier: &Verifier) -> Result<Self, Error> {
        let evidence = match verifier.verify(&checked) {
            Ok(evidence) => evidence,
            Err(source) => {
                let worker = checked.id;
                return Err(Error::Evidence { worker, source });
            }
        };
        let published = match verifier.look_up(&checked).await {
            Ok(published) => published,
            Err(source) => {
                return Err(Error::Directory {
                    worker: checked.id,
                    source: Box::new(source),
                });
            }
        };
        let clock = verifier.clock();
        Ok(Self(Arc::new(Inner {
            checked,
            proof: Some(Proof { evidence, clock }),
            published,
        })))
    }

    /// A worker that is taken as it is: whoever runs the listener or the worker may have made these keys,
    /// and may read what is sent.
    pub fn unverified(checked: CheckedRecord) -> Self {
        Self(Arc::new(Inner {
            checked,
            proof: None,
            published: None,
        }))
    }

    /// The worker's id.
    pub fn id(&self) -> &WorkerId {
        self.0.checked.id()
    }

    /// Verifies its answers.
    pub fn verification_key(&self) -> &VerifyingKey {
        self.0.checked.verification_key()
    }

    /// Encrypts session keys to it.
    pub fn encryption_key(&self) -> &EncryptionKey {
        self.0.checked.encryption_key()
    }

    /// The record as the listener gave it.
    pub fn record(&self) -> &WorkerRecord {
        self.0.checked.record()
    }

    /// The evidence that was accepted; none of an unverified worker.
    pub fn evidence(&self) -> Option<&VerifiedEvidence> {
        self.0.proof.as_ref().map(|proof| &proof.evidence)
    }

    /// Where its keys are published, if they were looked up in a directory.
    pub fn published(&self) -> Option<&Published> {
        self.0.published.as_ref()
    }

    /// What is not proved all the same. To be shown to whoever is about to send secrets.
    pub fn not_proved(&self) -> Vec<NotProved> {
        match self.evidence() {
            Some(evidence) => NotProved::by(evidence),
            None => NotProved::without_evidence(self.record()),
        }
    }

    /// Refuses to go on when the evidence does not hold any more.
    pub(crate) fn check_in_force(&self) -> Result<(), Error> {
        let Some(proof) = &self.0.proof else {
            return Ok(());
        };
        let (now, until) = ((proof.clock)(), proof.evidence.expires());
        if now <= until {
            return Ok(());
        }
        Err(Error::Evidence {
            worker: self.id().clone(),
            source: Box::new(EvidenceError::Expired { until, now }),
        })
    }
}

impl Client {
    /// A worker's record, unchecked.
    ///
    /// # Errors
    ///
    /// Whatever [`call`](Self::call) returns; [`Reason::WorkerUnknown`](protocol::Reason) if there
    /// is none.
    pub async fn record(&self, id: &WorkerId) -> Result<WorkerRecord, Error> {
        self.call("WorkerRetrieve", &serde_json::json!({ "workerId": id }))
            .await
    }

    /// Retrieves a worker's record and checks it, as far as that goes without evidence.
    ///
    /// # Errors
    ///
    /// As for [`record`](Self::record) and [`CheckedRecord::check`].
    pub async fn checked_record(&self, id: &WorkerId) -> Result<CheckedRecord, Error> {
        CheckedRecord::check(id.clone(), self.record(id).await?)
    }

    /// Retrieves a worker's record, checks it, verifies its evidence, and looks its keys up if the verifier
    /// has a directory: before anything is encrypted to them.
    ///
    /// # Errors
    ///
    /// As for [`checked_record`](Self::checked_record), and [`Worker::verified`].
    pub async fn verified_worker(
        &self,
        id: &WorkerId,
        verifier: &Verifier,
    ) -> Result<Worker, Error> {
        Worker::verified(self.checked_record(id).await?, verifier).await
    }

    /// Retrieves a worker's record and takes it as it is: see [`Worker::unverified`].
    ///
    /// # Errors
    ///
    /// As for [`checked_record`](Self::checked_record).
    pub async fn unverified_worker(&self, id: &WorkerId) -> Result<Worker, Error> {
        Ok(Worker::unverified(self.checked_record(id).await?))
    }
}
