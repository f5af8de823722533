//! What a worker returns for an order.

use proptest::prelude::*;
use sconce_protocol::answer::{OutItem, WorkOrderResult};
use sconce_protocol::crypto::secp256k1::SigningKey;
use sconce_protocol::hash::Ids;

use crate::support::{bytes, damage, json, survives, text};

fn items() -> impl Strategy<Value = Vec<OutItem>> {
    let item = (text(), any::<i64>(), text(), text(), text()).prop_map(
        |(data, index, encrypted_data_encryption_key, iv, data_hash)| OutItem {
            data,
            index,
            encrypted_data_encryption_key,
            iv,
            data_hash,
        },
    );
    prop::collection::vec(item, 0..5)
}

fn results() -> impl Strategy<Value = WorkOrderResult> {
    let texts = [text(), text(), text(), text(), text(), text()];
    let keys = [prop::option::of(text()), prop::option::of(text())];
    (texts, items(), keys).prop_map(|(texts, out_data, keys)| {
        let [
            workload_id,
            work_order_id,
            worker_id,
            requester_id,
            worker_nonce,
            worker_signature,
        ] = texts;
        let [ext_verification_key, ext_verification_key_signature] = keys;
        WorkOrderResult {
            workload_id,
            work_order_id,
            worker_id,
            requester_id,
            worker_nonce,
            out_data,
            worker_signature,
            ext_verification_key,
            ext_verification_key_signature,
        }
    })
}

fn asked(result: &WorkOrderResult) -> Ids<'_> {
    Ids {
        nonce: "0a",
        work_order: &result.work_order_id,
        worker: &result.worker_id,
        workload: &result.workload_id,
        requester: &result.requester_id,
    }
}

proptest! {
    #[test]
    fn results_are_read_back(result in results(), damage in damage()) {
        let written = serde_json::to_vec(&result).unwrap();
        prop_assert_eq!(survives::<WorkOrderResult>(&written), Some(result.clone()));
        survives::<WorkOrderResult>(&damage.of(&written));
    }

    #[test]
    fn any_text_is_a_result_or_not(bytes in bytes(), value in json()) {
        survives::<WorkOrderResult>(&bytes);
        survives::<WorkOrderResult>(value.to_string().as_bytes());
    }

    #[test]
    fn only_what_was_signed_verifies(mut result in results(), other in results()) {
        use base64::Engine as _;
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        result.ext_verification_key = None;
        result.worker_signature = base64::engine::general_purpose::STANDARD.encode(key.sign(&result.hash()));
        let verified = result.verify(&key.verifying_key(), asked(&result));
        prop_assert_eq!(verified.is_ok(), !result.out_data.is_empty());

        // Nothing that nobody signed does, whatever it names as its key.
        let verified = other.verify(&key.verifying_key(), asked(&other));
        prop_assert!(verified.is_err());
    }
}
