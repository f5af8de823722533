//! Keys and records. All stand in one partition, so that one batch changes a receipt with all that
//! leads to it. The partition's name is no hex text, and so no worker's.
//!
//! | key | value |
//! |---|---|
//! | `r`, order id | [`Stored`], as JSON |
//! | `u`, order id, 0, number from 1 (4 bytes, big-endian) | an [`Update`], as JSON |
//! | `v`, `w` or `q`, SHA-256 of the service's, the worker's, the requester's id; order id | nothing |
//! | `s`, current status (1 byte), order id | nothing |
//! | `t`, seconds since 1970 (8 bytes, big-endian), order id | nothing |

use protocol::WorkOrderId;
use protocol::crypto::sha256;
use protocol::receipt::{Receipt, ReceiptStatus, Update};
use serde::{Deserialize, Serialize};
use store::{Expected, Key, PartitionId, Row, Write};

use crate::Error;

/// A receipt as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// As it was created.
    pub receipt: Receipt,
    /// The type of the last update, or the status that it was created with.
    pub status: ReceiptStatus,
    /// How many updates there are.
    pub updates: u32,
    /// When it was created, in seconds since 1970 by the store's clock.
    pub created: u64,
}

pub(crate) fn partition() -> PartitionId {
    PartitionId::from("receipts")
}

/// Where the receipt stands.
pub(crate) fn record_key(id: &WorkOrderId) -> Key {
    under(RECORDS, id)
}

/// Where an update stands.
pub(crate) fn update_key(id: &WorkOrderId, number: u32) -> Key {
    Key::new([&updates_of(id)[..], &number.to_be_bytes()].concat())
}

/// The beginning of the keys of a receipt's updates.
pub(crate) fn updates_of(id: &WorkOrderId) -> Vec<u8> {
    // An id is hex text: the zero ends it.
    [b"u", id.as_str().as_bytes(), &[0]].concat()
}

/// The beginning of the keys of all receipts.
pub(crate) const RECORDS: &[u8] = b"r";

/// The beginning of the keys by time.
pub(crate) const TIMES: &[u8] = b"t";

/// Where all receipts of a service, a worker, a requester, or of one status are listed: the
/// beginning of the keys, which order ids follow.
pub(crate) fn by_service(id: &str) -> Vec<u8> {
    by_id(b"v", id)
}

pub(crate) fn by_worker(id: &str) -> Vec<u8> {
    by_id(b"w", id)
}

pub(crate) fn by_requester(id: &str) -> Vec<u8> {
    by_id(b"q", id)
}

pub(crate) fn by_status(status: ReceiptStatus) -> Vec<u8> {
    // Statuses are 0 to 4.
    vec![b's', u8::try_from(status.code()).unwrap_or(u8::MAX)]
}

fn by_id(kind: &[u8], id: &str) -> Vec<u8> {
    [kind, &sha256(&[id.as_bytes()])].concat()
}

/// The key of an order in the list that begins so.
pub(crate) fn under(prefix: &[u8], id: &WorkOrderId) -> Key {
    Key::new([prefix, id.as_str().as_bytes()].concat())
}

/// The order that a key in such a list leads to.
pub(crate) fn order_of(key: &Key, prefix: &[u8]) -> Result<WorkOrderId, Error> {
    let id = key.as_bytes().strip_prefix(prefix);
    let id = id.and_then(|id| std::str::from_utf8(id).ok());
    id.and_then(|id| WorkOrderId::new(id).ok())
        .ok_or(Error::Damaged)
}

/// Time and order of a key under [`TIMES`].
pub(crate) fn time_and_order(key: &Key) -> Result<(u64, WorkOrderId), Error> {
    let seconds = key.as_bytes().strip_prefix(TIMES);
    let seconds = seconds.and_then(|rest| rest.first_chunk::<8>());
    let seconds = *seconds.ok_or(Error::Damaged)?;
    let prefix = [TIMES, &seconds].concat();
    Ok((u64::from_be_bytes(seconds), order_of(key, &prefix)?))
}

impl Stored {
    pub(crate) fn read(row: &Row) -> Result<Self, Error> {
        serde_json::from_slice(&row.value).map_err(|_| Error::Damaged)
    }

    /// The write that puts it where `expected` is.
    pub(crate) fn write(&self, expected: Expected) -> Result<Write, Error> {
        Ok(Write::Put {
            key: record_key(&self.receipt.work_order_id),
            value: serde_json::to_vec(self).map_err(|_| Error::Damaged)?,
            expected,
        })
    }

    /// The keys of all lists that it stands in.
    pub(crate) fn listed(&self) -> [Key; 5] {
        let receipt = &self.receipt;
        let id = &receipt.work_order_id;
        [
            by_service(receipt.worker_service_id.as_str()),
            by_worker(receipt.worker_id.as_str()),
            by_requester(receipt.requester_id.as_str()),
            by_status(self.status),
            [TIMES, &self.created.to_be_bytes()].concat(),
        ]
        .map(|prefix| under(&prefix, id))
    }
}

pub(crate) fn read_update(row: &Row) -> Result<Update, Error> {
    serde_json::from_slice(&row.value).map_err(|_| Error::Damaged)
}

/// Puts an entry into a list.
pub(crate) fn enter(key: Key) -> Write {
    Write::Put {
        key,
        value: Vec::new(),
        expected: Expected::Anything,
    }
}

/// Takes whatever is there away.
pub(crate) fn remove(key: Key) -> Write {
    Write::Delete {
        key,
        expected: Expected::Anything,
    }
}
