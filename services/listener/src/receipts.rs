//! The receipts' methods (wire facts 3.9): what the reference means by them, and what keeps them
//! honest.
//!
//! Everybody may read. A receipt is taken from whoever knows the order's ids and request hash and
//! signs; an update from the receipt's creator and from the order's worker.

use std::time::Duration;

use protocol::envelope::ErrorObject;
use protocol::json::Members;
use protocol::methods::receipt::{LookUp, Retrieve, UpdateRetrieve};
use protocol::receipt::{
    NotVerified, Receipt, ReceiptStatus, ResponseId, Update, VerifiedReceipt, response_hash,
};
use protocol::record::WorkerKeys;
use protocol::{Reason, WorkOrderId};
use receipts::{Error, OrderMemo, Receipts, Stored};
use serde::Serialize;
use serde_json::value::RawValue;
use store::State;
use tokio::task::JoinHandle;

use crate::orders::{failed, open, order_id};
use crate::repeat::repeated;
use crate::rpc::{Answer, Service, result, success};

/// Drops old receipts in the background for as long as it lives.
pub(crate) struct Keeper(JoinHandle<()>);

impl Keeper {
    pub(crate) fn start(receipts: &Receipts, retention: Duration) -> Self {
        Self(tokio::spawn(receipts.clone().keep(retention)))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Retrieved {
    #[serde(flatten)]
    receipt: Receipt,
    receipt_current_status: ReceiptStatus,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RetrievedUpdate {
    #[serde(flatten)]
    update: Update,
    update_count: usize,
}

/// Avalon gives every match at once and their number. Here `total_count` is one more than there are
/// ids where there may be more of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    total_count: usize,
    lookup_tag: String,
    ids: Vec<String>,
}

impl Service {
    pub(crate) async fn create_receipt(&self, params: &Members<'_>) -> Answer {
        let receipt = Receipt::parse(params)?;
        let id = receipt.work_order_id.clone();
        let created = self.check_and_create(receipt).await;
        created.map_err(|error| error.about(id.as_str()))?;
        tracing::debug!(order = id.as_str(), "a receipt was created");
        success("Receipt created successfully")
    }

    /// The checks, in the reference's order.
    async fn check_and_create(&self, receipt: Receipt) -> Result<(), ErrorObject> {
        let memo = self.memo(&receipt.work_order_id).await?;
        if self.receipt(&receipt.work_order_id).await?.is_some() {
            return Err(ErrorObject::for_client(Reason::ReceiptTaken));
        }
        if !memo.is_between(&receipt.worker_id, &receipt.requester_id) {
            return Err(mismatch("workerId or requesterId is not the work order's"));
        }
        if receipt.request_hash().as_ref() != Some(memo.request_hash()) {
            return Err(mismatch(
                "workOrderRequestHash is not the hash of the work order's request",
            ));
        }
        let receipt: VerifiedReceipt = receipt.verify().map_err(|fault| unverified(&fault))?;
        answered(|| self.receipts.create(&receipt)).await
    }

    pub(crate) async fn retrieve_receipt(&self, params: &Members<'_>) -> Answer {
        let Retrieve { work_order_id: id } = Retrieve::parse(params)?;
        let stored = self.receipt(&id).await?.ok_or_else(|| unknown(&id))?;
        result(&Retrieved {
            receipt: stored.receipt,
            receipt_current_status: stored.status,
        })
    }

    pub(crate) async fn look_up_receipts(&self, params: &Members<'_>) -> Answer {
        self.find_receipts(&LookUp::parse(params)?).await
    }

    pub(crate) async fn look_up_next_receipts(&self, params: &Members<'_>) -> Answer {
        self.find_receipts(&LookUp::parse_next(params)?).await
    }

    async fn find_receipts(&self, criteria: &LookUp) -> Answer {
        let found = answered(|| self.receipts.look_up(criteria)).await?;
        let tag = found.next.as_ref().or(found.orders.last());
        result(&Found {
            total_count: found.orders.len() + usize::from(found.next.is_some()),
            lookup_tag: tag.map(ToString::to_string).unwrap_or_default(),
            ids: found.orders.iter().map(ToString::to_string).collect(),
        })
    }

    pub(crate) async fn update_receipt(&self, params: &Members<'_>) -> Answer {
        let update = Update::parse(params)?;
        let id = update.work_order_id.clone();
        let updated = self.check_and_update(update).await;
        updated.map_err(|error| error.about(id.as_str()))?;
        tracing::debug!(order = id.as_str(), "a receipt was updated");
        success("Receipt updated successfully")
    }

    /// Signature first: whoever may not update learns and costs nothing more.
    async fn check_and_update(&self, update: Update) -> Result<(), ErrorObject> {
        let id = update.work_order_id.clone();
        let stored = self.receipt(&id).await?.ok_or_else(|| unknown(&id))?;
        let worker = self.worker(&stored.receipt.worker_id).await?;
        let worker = worker.and_then(|record| WorkerKeys::from_details(&record.details).ok());
        let creator = stored.receipt.verify().map_err(|fault| {
            tracing::error!(order = id.as_str(), %fault, "a stored receipt is damaged");
            ErrorObject::for_client(Reason::Internal)
        })?;
        let worker = worker.as_ref().map(|keys| &keys.verification);
        let allowed: Vec<_> = [creator.key()].into_iter().chain(worker).collect();
        let update = update
            .verify(&allowed)
            .map_err(|fault| unverified(&fault))?;
        let to = update.update().update_type;
        if !stored.status.allows(to) {
            return Err(refusal(Error::Status {
                from: stored.status,
                to,
            }));
        }
        if to.names_response() {
            self.check_response(&id, &update.update().update_data)
                .await?;
        }
        answered(|| self.receipts.update(&update)).await
    }

    /// Whether `data` is the hash of the order's response.
    async fn check_response(&self, id: &WorkOrderId, data: &str) -> Result<(), ErrorObject> {
        let order = order_id(id);
        let state = answered(|| async { Ok(self.orders.get(&order).await?) }).await?;
        let result = match state {
            State::Queued | State::Leased => {
                return Err(not_now("The work order has no result yet"));
            }
            State::Unknown | State::Evicted => {
                return Err(not_now("The work order's result is no longer kept"));
            }
            State::Finished(stored) => {
                open(&stored, id).map_err(|_| not_now("The work order failed"))?
            }
        };
        let memo = self.memo(id).await?;
        let of_submit = memo.submit_id().map(ResponseId::OfSubmit);
        let mut ids = of_submit.into_iter().chain([ResponseId::Null]);
        if ids.any(|id| response_hash(id, &result) == data) {
            Ok(())
        } else {
            Err(mismatch(
                "updateData is not the hash of the work order's response",
            ))
        }
    }

    pub(crate) async fn retrieve_receipt_update(&self, params: &Members<'_>) -> Answer {
        let asked = UpdateRetrieve::parse(params)?;
        let (id, updater) = (&asked.work_order_id, asked.updater_id.as_ref());
        let (update, count) = answered(|| self.receipts.get_update(id, updater, asked.index))
            .await
            .map_err(|error| match error.reason() {
                Some(Reason::ReceiptUnknown) => unknown(id),
                _ => error.about(id.as_str()),
            })?;
        let Some(update) = update else {
            let text = match count {
                0 => "There is no updates available to this receipt Hence invalid parameter",
                _ => "Update index is larger than total update count. Hence invalid parameter",
            };
            let error = ErrorObject::for_client(Reason::ReceiptIndex);
            return Err(error.saying(text).about(id.as_str()));
        };
        result(&RetrievedUpdate {
            update,
            update_count: count,
        })
    }

    async fn receipt(&self, id: &WorkOrderId) -> Result<Option<Stored>, ErrorObject> {
        answered(|| self.receipts.get(id)).await
    }

    /// What is kept of an order that is stored, finished or not.
    async fn memo(&self, id: &WorkOrderId) -> Result<OrderMemo, ErrorObject> {
        let order = order_id(id);
        let memo = answered(|| async { Ok(self.orders.memo(&order).await?) }).await?;
        let memo = memo.ok_or_else(|| {
            ErrorObject::for_client(Reason::OrderUnknown)
                .saying("Work order id does not exist, hence invalid request")
        })?;
        OrderMemo::decode(&memo).ok_or_else(|| {
            mismatch("The work order was accepted by a release that had no receipts")
        })
    }
}

/// What the store keeps of an order for its receipt; `id` is that of the request.
pub(crate) fn memo_of(order: &protocol::methods::submit::Submit<'_>, id: &RawValue) -> Vec<u8> {
    OrderMemo::of(order, id).encode()
}

/// Calls the store until it answers, a few times. A call that changes something looks by itself
/// whether an earlier try has done it.
async fn answered<T, F>(call: impl FnMut() -> F) -> Result<T, ErrorObject>
where
    F: Future<Output = Result<T, Error>>,
{
    let again = |error: &Error| matches!(error, Error::Store(store::Error::Unavailable(_)));
    repeated(call, again).await.map_err(refusal)
}

fn refusal(error: Error) -> ErrorObject {
    match error {
        Error::Unknown => ErrorObject::for_client(Reason::ReceiptUnknown),
        Error::Taken => ErrorObject::for_client(Reason::ReceiptTaken),
        Error::Repeated => ErrorObject::for_client(Reason::ReceiptRepeated),
        Error::Full => ErrorObject::for_client(Reason::ReceiptFull),
        Error::Status {
            from: ReceiptStatus::Completed,
            ..
        } => not_now("The receipt is completed"),
        Error::Status { .. } => not_now("The receipt is processed"),
        Error::Contended => ErrorObject::for_client(Reason::Busy)
            .saying("The receipt is being changed by others. Please try again later"),
        Error::Store(error) => failed("the receipts could not be used", &error),
        other => {
            tracing::error!(error = %other, "the receipts are damaged");
            ErrorObject::for_client(Reason::Internal)
        }
    }
}

fn unverified(fault: &NotVerified) -> ErrorObject {
    ErrorObject::for_client(match fault {
        NotVerified::ForeignKey => Reason::ReceiptForeign,
        _ => Reason::ReceiptSignature,
    })
}

/// Avalon's text, which names the order.
fn unknown(id: &WorkOrderId) -> ErrorObject {
    ErrorObject::for_client(Reason::ReceiptUnknown)
        .saying(format!(
            "Work order receipt for work order id {id} not found in the database. \
             Hence invalid parameter"
        ))
        .about(id.as_str())
}

fn mismatch(what: &str) -> ErrorObject {
    let text = format!("{what}. Hence invalid parameter");
    ErrorObject::for_client(Reason::ReceiptMismatch).saying(text)
}

fn not_now(why: &str) -> ErrorObject {
    let text = format!("{why}. Hence invalid parameter");
    ErrorObject::for_client(Reason::ReceiptStatus).saying(text)
}
