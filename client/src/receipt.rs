//! Receipts: creating, updating, looking up, and reading with every signature checked.

use protocol::crypto::secp256k1::{SigningKey, VerifyingKey};
use protocol::ids::HexText;
use protocol::receipt::{
    Draft, NotVerified, Receipt, ReceiptStatus, ResponseId, Update, UpdateDraft, UpdateIndex,
    VerifiedReceipt, VerifiedUpdate, response_hash,
};
use protocol::record::WorkerKeys;
use protocol::{RequesterId, SystemEntropy, WorkOrderId, WorkerId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Client, Error, Pending, RpcError, Sealed};

/// The order that a receipt is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The order.
    pub work_order_id: WorkOrderId,
    /// Its worker.
    pub worker_id: WorkerId,
    /// Its requester.
    pub requester_id: RequesterId,
    /// The hash of its request.
    pub request_hash: [u8; 32],
}

impl Subject {
    /// The order that was sealed.
    pub fn of(order: &Sealed) -> Self {
        Self::new(&order.pending, order.request_hash)
    }

    /// The order that is kept, and its request hash.
    pub fn new(pending: &Pending, request_hash: [u8; 32]) -> Self {
        let request = &pending.request;
        Self {
            work_order_id: request.work_order_id.clone(),
            worker_id: request.worker_id.clone(),
            requester_id: request.requester_id.clone(),
            request_hash,
        }
    }
}

/// Who has signed an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updater {
    /// Whoever created the receipt.
    Creator,
    /// The order's worker.
    Worker,
}

/// A receipt with its updates. All signatures have been verified, and the statuses follow the rules.
///
/// A listener can leave out the last updates, or say that there is no receipt; it can't make one up.
#[derive(Clone, Debug)]
pub struct CheckedReceipt {
    receipt: VerifiedReceipt,
    updates: Vec<(Updater, VerifiedUpdate)>,
}

impl CheckedReceipt {
    /// As it was created.
    pub fn receipt(&self) -> &Receipt {
        self.receipt.receipt()
    }

    /// The key that signed it. Whose it is, the receipt can't say.
    pub fn key(&self) -> &VerifyingKey {
        self.receipt.key()
    }

    /// What it says now.
    pub fn status(&self) -> ReceiptStatus {
        let created = self.receipt().receipt_create_status;
        let last = self.updates.last();
        last.map_or(created, |(_, update)| update.update().update_type)
    }

    /// What was added, in its order.
    pub fn updates(&self) -> impl ExactSizeIterator<Item = (Updater, &Update)> {
        let updates = self.updates.iter();
        updates.map(|(updater, update)| (*updater, update.update()))
    }

    /// Which member doesn't fit the order, if any.
    pub fn differs_from(&self, order: &Subject) -> Option<&'static str> {
        let receipt = self.receipt();
        if receipt.worker_id != order.worker_id {
            Some("workerId")
        } else if receipt.requester_id != order.requester_id {
            Some("requesterId")
        } else if receipt.request_hash() != Some(order.request_hash) {
            Some("workOrderRequestHash")
        } else {
            None
        }
    }
}

/// Which receipts to look for. Everything given must be equal, and something must be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptCriteria {
    /// Whose service the worker is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_service_id: Option<HexText>,
    /// The order's worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<WorkerId>,
    /// The order's requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester_id: Option<RequesterId>,
    /// The current status.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_hex")]
    pub receipt_status: Option<ReceiptStatus>,
}

/// Avalon's schema wants the status as a text.
fn as_hex<S: serde::Serializer>(status: &Option<ReceiptStatus>, to: S) -> Result<S::Ok, S::Error> {
    match status {
        Some(status) => to.serialize_str(&status.code().to_string()),
        None => to.serialize_none(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Next<'a> {
    #[serde(flatten)]
    criteria: &'a ReceiptCriteria,
    last_look_up_tag: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    total_count: usize,
    #[serde(default)]
    lookup_tag: String,
    ids: Vec<WorkOrderId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retrieved {
    #[serde(flatten)]
    receipt: Receipt,
    receipt_current_status: ReceiptStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetrievedUpdate {
    #[serde(flatten)]
    update: Update,
    update_count: u32,
}

/// Pages after which a look-up ends, whatever the listener says there is.
const MAX_PAGES: usize = 100;

/// Updates after which a receipt isn't read on. Sconce's listener takes 64.
const MAX_UPDATES: u32 = 1024;

/// How often a receipt is read again that is being updated meanwhile.
const READS: usize = 3;

impl Client {
    /// Creates the receipt of an order, signed with `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if it's refused: see [`Reason::ReceiptTaken`](protocol::Reason) and those
    /// beside it. After [`Error::Transport`] or [`Error::CallTimedOut`] it may have been created.
    pub async fn create_receipt(
        &self,
        order: &Subject,
        status: ReceiptStatus,
        key: &SigningKey,
    ) -> Result<Receipt, Error> {
        let draft = Draft {
            work_order_id: &order.work_order_id,
            worker_id: &order.worker_id,
            requester_id: &order.requester_id,
            request_hash: order.request_hash,
            status,
        };
        let receipt = draft
            .sign(key, &SystemEntropy::new())
            .map_err(|error| Error::Build(error.into()))?;
        self.perform("WorkOrderReceiptCreate", &receipt).await?;
        Ok(receipt)
    }

    /// Adds an update, signed with `key`: the receipt's, or the worker's. The statuses "completed"
    /// and "processed" need the [response's hash](Self::response_hash) as `data`.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if it's refused. After [`Error::Transport`] or [`Error::CallTimedOut`] it may
    /// have been done.
    pub async fn update_receipt(
        &self,
        order: &WorkOrderId,
        updater: &HexText,
        status: ReceiptStatus,
        data: &str,
        key: &SigningKey,
    ) -> Result<Update, Error> {
        let draft = UpdateDraft {
            work_order_id: order,
            updater_id: updater,
            status,
            data,
        };
        let update = draft.sign(key);
        self.perform("WorkOrderReceiptUpdate", &update).await?;
        Ok(update)
    }

    /// The hash of an order's response, for updates. The answer is fetched and verified.
    ///
    /// # Errors
    ///
    /// As for [`poll`](Self::poll), and [`Error::NotFinished`].
    pub async fn response_hash(&self, pending: &Pending) -> Result<String, Error> {
        match self.fetch_result(pending).await? {
            Some((result, _)) => Ok(response_hash(ResponseId::Null, &result)),
            None => Err(Error::NotFinished {
                order: pending.id().clone(),
            }),
        }
    }

    /// Reads a receipt and all its updates, which must be signed by the receipt's key or by the
    /// worker's. Without `worker_key` that is the one in the worker's record now, as the listener
    /// has it.
    ///
    /// # Errors
    ///
    /// [`Error::Receipt`] and [`Error::InconsistentReceipt`] if it isn't what it should be,
    /// [`Error::Rpc`] if there is none.
    pub async fn receipt(
        &self,
        order: &WorkOrderId,
        worker_key: Option<&VerifyingKey>,
    ) -> Result<CheckedReceipt, Error> {
        for _ in 0..READS {
            let Retrieved {
                receipt,
                receipt_current_status: status,
            } = self
                .call("WorkOrderReceiptRetrieve", &json!({ "workOrderId": order }))
                .await?;
            let receipt = check(order, receipt)?;
            let recorded = match worker_key {
                Some(_) => None,
                None => self.recorded_key(&receipt.receipt().worker_id).await?,
            };
            let worker_key = worker_key.or(recorded.as_ref());
            let updates = self.updates(&receipt, worker_key).await?;
            let checked = CheckedReceipt { receipt, updates };
            // Otherwise somebody may just have added to it.
            if checked.status() == status {
                return Ok(checked);
            }
        }
        Err(inconsistent(
            order,
            "its status is not that of its last update",
        ))
    }

    /// The verification key in a worker's record, whatever its status; `None` without a record.
    async fn recorded_key(&self, worker: &WorkerId) -> Result<Option<VerifyingKey>, Error> {
        let record = match self.record(worker).await {
            Err(Error::Rpc(_)) => return Ok(None),
            record => record?,
        };
        let keys = WorkerKeys::from_details(&record.details);
        Ok(keys.ok().map(|keys| keys.verification))
    }

    async fn updates(
        &self,
        receipt: &VerifiedReceipt,
        worker_key: Option<&VerifyingKey>,
    ) -> Result<Vec<(Updater, VerifiedUpdate)>, Error> {
        let order = &receipt.receipt().work_order_id;
        let mut status = receipt.receipt().receipt_create_status;
        let mut updates = Vec::new();
        for number in 1..=MAX_UPDATES {
            let index = UpdateIndex::At(number).number();
            let params = json!({ "workOrderId": order, "updateIndex": index });
            let found: RetrievedUpdate =
                match self.call("WorkOrderReceiptUpdateRetrieve", &params).await {
                    // All listeners say so without a reason that tells it from other faults; after
                    // a receipt that is there, it can't be another.
                    Err(Error::Rpc(error)) if number == 1 && has_no_updates(&error) => break,
                    found => found?,
                };
            let update = check_update(receipt, worker_key, found.update)?;
            let next = update.1.update().update_type;
            if !status.allows(next) {
                return Err(inconsistent(
                    order,
                    "an update has a status that cannot follow",
                ));
            }
            status = next;
            updates.push(update);
            if number >= found.update_count {
                break;
            }
        }
        Ok(updates)
    }

    /// The orders whose receipts meet `criteria`, each once, in the listener's order; from 100
    /// pages at most.
    ///
    /// # Errors
    ///
    /// Whatever [`call`](Self::call) returns.
    pub async fn receipts(&self, criteria: &ReceiptCriteria) -> Result<Vec<WorkOrderId>, Error> {
        let mut ids = Vec::new();
        let mut page: Found = self.call("WorkOrderReceiptLookUp", criteria).await?;
        for _ in 1..MAX_PAGES {
            let more = page.total_count > page.ids.len() && !page.lookup_tag.is_empty();
            ids.append(&mut page.ids);
            if !more {
                break;
            }
            let next = Next {
                criteria,
                last_look_up_tag: &page.lookup_tag,
            };
            let found: Found = self.call("WorkOrderReceiptLookUpNext", &next).await?;
            // From a place that it has left a listener could go round for ever.
            if found.lookup_tag == page.lookup_tag {
                break;
            }
            page = found;
        }
        ids.append(&mut page.ids);
        let mut known = std::collections::HashSet::new();
        ids.retain(|id| known.insert(id.clone()));
        Ok(ids)
    }

    /// Calls a method whose success is an error with code 0 (wire facts 3.9).
    async fn perform(&self, method: &str, params: &impl Serialize) -> Result<(), Error> {
        let expected = "what this method answers";
        match self.call::<serde::de::IgnoredAny>(method, params).await {
            Err(Error::Rpc(error)) if error.code == 0 => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(Error::Reply { expected }),
        }
    }
}

fn has_no_updates(error: &RpcError) -> bool {
    match error.reason {
        Some(reason) => reason == protocol::Reason::ReceiptIndex,
        None => error.code == 2,
    }
}

fn check(order: &WorkOrderId, receipt: Receipt) -> Result<VerifiedReceipt, Error> {
    if receipt.work_order_id != *order {
        return Err(inconsistent(order, "it is another order's"));
    }
    receipt.verify().map_err(|source| forged(order, source))
}

fn check_update(
    receipt: &VerifiedReceipt,
    worker_key: Option<&VerifyingKey>,
    update: Update,
) -> Result<(Updater, VerifiedUpdate), Error> {
    let order = &receipt.receipt().work_order_id;
    if update.work_order_id != *order {
        return Err(inconsistent(order, "an update is another order's"));
    }
    let allowed: Vec<_> = [receipt.key()].into_iter().chain(worker_key).collect();
    let update = update
        .verify(&allowed)
        .map_err(|source| forged(order, source))?;
    let updater = if update.key().is_same_key(receipt.key()) {
        Updater::Creator
    } else {
        Updater::Worker
    };
    Ok((updater, update))
}

fn forged(order: &WorkOrderId, source: NotVerified) -> Error {
    Error::Receipt {
        order: order.clone(),
        source,
    }
}

fn inconsistent(order: &WorkOrderId, fault: &'static str) -> Error {
    Error::InconsistentReceipt {
        order: order.clone(),
        fault,
    }
}
