//! Receipts and their updates, and the text of a response.

use proptest::prelude::*;
use sconce_protocol::crypto::secp256k1::SigningKey;
use sconce_protocol::json::Members;
use sconce_protocol::receipt::{
    Draft, Receipt, ReceiptStatus, ResponseId, Update, UpdateDraft, UpdateIndex, response_hash,
    response_text,
};
use sconce_protocol::{HexText, RequesterId, WorkOrderId, WorkerId};
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::support::{Counting, damage, hex, json, survives, text};

fn statuses() -> impl Strategy<Value = ReceiptStatus> {
    prop::sample::select(&ReceiptStatus::ALL[..])
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap()
}

proptest! {
    #[test]
    fn receipts_are_read_back_and_verify(ids in [hex(), hex(), hex()], request_hash in any::<[u8; 32]>(), status in statuses(), damage in damage()) {
        let [order, worker, requester] = ids;
        let draft = Draft {
            work_order_id: &WorkOrderId::new(order).unwrap(),
            worker_id: &WorkerId::new(worker).unwrap(),
            requester_id: &RequesterId::new(requester).unwrap(),
            request_hash,
            status,
        };
        let receipt = draft.sign(&key(), &Counting).unwrap();
        let written = serde_json::to_string(&receipt).unwrap();
        prop_assert_eq!(survives::<Receipt>(written.as_bytes()), Some(receipt.clone()));
        prop_assert_eq!(Receipt::parse(&Members::parse(&written).unwrap()), Ok(receipt.clone()));
        prop_assert_eq!(receipt.request_hash(), Some(request_hash));
        prop_assert!(receipt.clone().verify().is_ok());

        // A damaged one is refused, or says the same: layout, rules, and the key's wrapping aside.
        let damaged = damage.of(written.as_bytes());
        if let Some(read) = survives::<Receipt>(&damaged)
            && let Ok(verified) = read.verify()
        {
            prop_assert_eq!(verified.receipt().digest(), receipt.digest());
        }
    }

    #[test]
    fn updates_are_read_back_and_verify(order in hex(), updater in hex(), status in statuses(), data in "[ -~]{0,80}", named in any::<bool>(), damage in damage()) {
        let draft = UpdateDraft {
            work_order_id: &WorkOrderId::new(order).unwrap(),
            updater_id: &HexText::new(updater).unwrap(),
            status,
            data: &data,
        };
        let mut update = draft.sign(&key());
        if !named {
            update.receipt_verification_key = None;
        }
        let written = serde_json::to_string(&update).unwrap();
        prop_assert_eq!(Update::parse(&Members::parse(&written).unwrap()), Ok(update.clone()));
        let allowed = key().verifying_key();
        let other = SigningKey::from_bytes(&[8; 32]).unwrap().verifying_key();
        prop_assert!(update.clone().verify(&[&other, &allowed]).is_ok());
        prop_assert!(update.clone().verify(&[&other]).is_err());
        if let Some(read) = survives::<Update>(&damage.of(written.as_bytes()))
            && let Ok(verified) = read.verify(&[&allowed])
        {
            prop_assert_eq!(verified.update().digest(), update.digest());
        }
    }

    #[test]
    fn any_text_is_a_receipt_or_not(value in json(), text in text()) {
        for text in [value.to_string(), text] {
            survives::<Receipt>(text.as_bytes());
            survives::<Update>(text.as_bytes());
        }
    }

    #[test]
    fn layout_changes_no_value(value in json(), id in any::<i64>()) {
        let raw = to_raw_value(&value).unwrap();
        let text = response_text(ResponseId::OfSubmit(&id.to_string()), &raw);
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read["result"], &value);
        prop_assert_eq!(&read["id"], &Value::from(id));
        let spread = serde_json::value::RawValue::from_string(serde_json::to_string_pretty(&value).unwrap()).unwrap();
        prop_assert_eq!(response_hash(ResponseId::Null, &raw), response_hash(ResponseId::Null, &spread));
    }

    #[test]
    fn statuses_and_indices_are_read_back(number in any::<i64>(), small in -2i64..8, name in text()) {
        // What is beyond every receipt stays beyond it.
        let number = number % (1 << 32);
        if let Some(index) = UpdateIndex::from_number(number) {
            prop_assert_eq!(UpdateIndex::from_number(index.number()), Some(index));
        }
        prop_assert_eq!(ReceiptStatus::from_code(small).map(ReceiptStatus::code), Some(small).filter(|code| (0..5).contains(code)));
        prop_assert_eq!(ReceiptStatus::from_name(&name).map(ReceiptStatus::name).unwrap_or(&name), &name);
    }
}
