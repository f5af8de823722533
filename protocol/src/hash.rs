//! The hashes that bind an order and its answer (wire facts 4.3 and 4.4).
//!
//! They cover texts exactly as they stand on the wire, hex case included.

use crate::crypto::sha256;
use crate::methods::submit::{Item, Submit};

/// The texts of an item that are hashed, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct ItemTexts<'a> {
    /// Position after sorting.
    pub index: i64,
    /// `dataHash`, or empty.
    pub data_hash: &'a str,
    /// `data`, or empty.
    pub data: &'a str,
    /// `encryptedDataEncryptionKey`, or empty.
    pub key: &'a str,
    /// `iv`, or empty.
    pub iv: &'a str,
}

impl<'a> From<&'a Item<'_>> for ItemTexts<'a> {
    fn from(item: &'a Item<'_>) -> Self {
        Self {
            index: item.index,
            data_hash: &item.data_hash,
            data: &item.data,
            key: &item.encrypted_data_encryption_key,
            iv: &item.iv,
        }
    }
}

/// The ids that a hash begins with.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a> {
    /// `requesterNonce` of a request, `workerNonce` of a response.
    pub nonce: &'a str,
    /// `workOrderId`
    pub work_order: &'a str,
    /// `workerId`
    pub worker: &'a str,
    /// `workloadId`
    pub workload: &'a str,
    /// `requesterId`
    pub requester: &'a str,
}

impl<'a> Ids<'a> {
    /// The ids of a submitted order.
    pub fn of(order: &'a Submit<'_>) -> Self {
        Self {
            nonce: order.requester_nonce.as_str(),
            work_order: order.work_order_id.as_str(),
            worker: order.worker_id.as_str(),
            workload: order.workload_id.as_str(),
            requester: order.requester_id.as_str(),
        }
    }

    /// SHA-256 of the five texts, one after the other. Nothing stands between them, so the same
    /// hash covers every way to cut the same text.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[
            self.nonce.as_bytes(),
            self.work_order.as_bytes(),
            self.worker.as_bytes(),
            self.workload.as_bytes(),
            self.requester.as_bytes(),
        ])
    }
}

/// SHA-256(ids) ‖ SHA-256(inData) [‖ SHA-256(outData) unless there is none], hashed again.
pub fn request(ids: Ids<'_>, in_data: &[ItemTexts<'_>], out_data: &[ItemTexts<'_>]) -> [u8; 32] {
    let (ids, inputs) = (ids.hash(), items(in_data));
    if out_data.is_empty() {
        sha256(&[&ids, &inputs])
    } else {
        sha256(&[&ids, &inputs, &items(out_data)])
    }
}

/// The hash of a submitted order.
pub fn of_submit(order: &Submit<'_>) -> [u8; 32] {
    let in_data: Vec<_> = order.in_data.iter().map(ItemTexts::from).collect();
    let out_data: Vec<_> = order.out_data.iter().map(ItemTexts::from).collect();
    request(Ids::of(order), &in_data, &out_data)
}

/// SHA-256(ids with the worker's nonce) ‖ SHA-256(outData), hashed again.
pub fn response(ids: Ids<'_>, out_data: &[ItemTexts<'_>]) -> [u8; 32] {
    sha256(&[&ids.hash(), &items(out_data)])
}

fn items(items: &[ItemTexts<'_>]) -> [u8; 32] {
    let mut sorted: Vec<_> = items.iter().collect();
    sorted.sort_by_key(|item| item.index);
    let texts: Vec<&[u8]> = sorted
        .iter()
        .flat_map(|i| [i.data_hash, i.data, i.key, i.iv])
        .map(str::as_bytes)
        .collect();
    sha256(&texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(index: i64, data: &str) -> ItemTexts<'_> {
        ItemTexts {
            index,
            data,
            ..ItemTexts::default()
        }
    }

    const IDS: Ids<'_> = Ids {
        nonce: "01",
        work_order: "02",
        worker: "03",
        workload: "04",
        requester: "05",
    };

    #[test]
    fn items_are_sorted_by_index() {
        let sorted = request(IDS, &[item(0, "a"), item(1, "b"), item(2, "c")], &[]);
        let unsorted = request(IDS, &[item(2, "c"), item(0, "a"), item(1, "b")], &[]);
        assert_eq!(sorted, unsorted);
        let other = request(IDS, &[item(0, "c"), item(1, "b"), item(2, "a")], &[]);
        assert_ne!(sorted, other);
    }

    #[test]
    fn wishes_for_outputs_are_a_third_block_if_there_are_any() {
        let without = request(IDS, &[item(0, "a")], &[]);
        let with = request(IDS, &[item(0, "a")], &[item(0, "")]);
        assert_ne!(without, with);
        assert_eq!(without, response(IDS, &[item(0, "a")]));
    }
}
