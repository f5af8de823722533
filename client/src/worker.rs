//! Finding a worker and checking its record.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use protocol::WorkerId;
use protocol::crypto::rsa::EncryptionKey;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::record::{DEVELOPMENT_KEYS, Status, WorkerKeys, WorkerRecord};
use serde::{Deserialize, Serialize};

use crate::{Client, Error};

/// A worker whose record has been checked: it's active, and its verification key has signed its
/// encryption key. Clones share the keys.
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

struct Inner {
    id: WorkerId,
    keys: WorkerKeys,
    record: WorkerRecord,
}

impl Worker {
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
            Ok(keys) => Ok(Self(Arc::new(Inner { id, keys, record }))),
        }
    }

    /// The worker's id.
    pub fn id(&self) -> &WorkerId {
        &self.0.id
    }

    /// Verifies its answers.
    pub fn verification_key(&self) -> &VerifyingKey {
        &self.0.keys.verification
    }

    /// Encrypts session keys to it.
    pub fn encryption_key(&self) -> &EncryptionKey {
        &self.0.keys.encryption
    }

    /// The record as the listener gave it.
    pub fn record(&self) -> &WorkerRecord {
        &self.0.record
    }

    /// What the record does not prove. To be shown to whoever is about to send secrets.
    pub fn not_proved(&self) -> Vec<NotProved> {
        NotProved::of(&self.0.record)
    }
}

/// Something that a worker's record leaves unproved. `Display` says it in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotProved {
    /// The record itself says that its keys come from a file made for development.
    DevelopmentKeys,
    /// There is no evidence that an enclave holds the keys.
    NoEvidence,
    /// There is evidence, and this version can't check it.
    EvidenceNotChecked,
}

impl NotProved {
    /// What this record leaves unproved.
    pub fn of(record: &WorkerRecord) -> Vec<Self> {
        let data = &record.details["workerTypeData"];
        let none = data["proofData"].as_str().unwrap_or_default().is_empty()
            && !data["proofData"].is_object();
        let mut gaps = Vec::new();
        if data["proofDataType"] == DEVELOPMENT_KEYS {
            gaps.push(Self::DevelopmentKeys);
        }
        gaps.push(if none {
            Self::NoEvidence
        } else {
            Self::EvidenceNotChecked
        });
        gaps
    }
}

impl fmt::Display for NotProved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DevelopmentKeys => {
                "the worker's keys are development keys, kept in a file on its machine"
            }
            Self::NoEvidence => {
                "nothing attests that an enclave holds the worker's keys: whoever runs the listener \
                 or the worker may read what is sent"
            }
            Self::EvidenceNotChecked => {
                "the worker's record has evidence that this version cannot check: whoever runs the \
                 listener or the worker may read what is sent"
            }
        })
    }
}

/// Which workers to look for. Everything given must be equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Criteria {
    /// 1 TEE-SGX, 2 MPC, 3 ZK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_type: Option<i64>,
    /// Hex text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Hex text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type_id: Option<String>,
}

impl Default for Criteria {
    /// Every worker of type 1: listeners refuse a search without criteria.
    fn default() -> Self {
        Self {
            worker_type: Some(1),
            organization_id: None,
            application_type_id: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Next<'a> {
    #[serde(flatten)]
    criteria: &'a Criteria,
    look_up_tag: &'a WorkerId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    total_count: usize,
    ids: Vec<WorkerId>,
}

/// Pages after which a look-up ends, whatever the listener says there is.
const MAX_PAGES: usize = 100;
/// Ids after which it does.
const MAX_IDS: usize = 100_000;

impl Client {
    /// The ids of the workers that meet `criteria`, each once, in the listener's order. There are
    /// 100 000 at most, from 100 pages at most.
    ///
    /// # Errors
    ///
    /// Whatever [`call`](Self::call) returns.
    pub async fn lookup(&self, criteria: &Criteria) -> Result<Vec<WorkerId>, Error> {
        let first: Found = self.call("WorkerLookUp", criteria).await?;
        let total = first.total_count.min(MAX_IDS);
        let (mut ids, mut known) = (Vec::new(), HashSet::new());
        let mut page = first.ids;
        for pages in 1..=MAX_PAGES {
            let before = ids.len();
            let fresh = page.into_iter().filter(|id| known.insert(id.clone()));
            ids.extend(fresh.take(MAX_IDS - before));
            // Avalon's listener gives all at once, and can't continue (wire facts 3.6). A page that
            // brings nothing new is the last: from there a listener could go round for ever.
            let more = ids.len() > before && ids.len() < total && pages < MAX_PAGES;
            let Some(look_up_tag) = ids.last().filter(|_| more) else {
                break;
            };
            let next = Next {
                criteria,
                look_up_tag,
            };
            page = self.call::<Found>("WorkerLookUpNext", &next).await?.ids;
        }
        Ok(ids)
    }

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

    /// Retrieves a worker's record and checks it.
    ///
    /// # Errors
    ///
    /// As for [`record`](Self::record) and [`Worker::check`].
    pub async fn worker(&self, id: &WorkerId) -> Result<Worker, Error> {
        Worker::check(id.clone(), self.record(id).await?)
    }
}
