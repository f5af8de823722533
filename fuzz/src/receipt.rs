//! Receipts: their methods' parameters, signatures, records, and the text of a response.

use protocol::envelope::ErrorObject;
use protocol::json::Members;
use protocol::methods::receipt::{LookUp, Retrieve, UpdateRetrieve};
use protocol::receipt::{
    MAX_KEY, MAX_SIGNATURE, MAX_UPDATE_DATA, Receipt, ResponseId, Update, response_text,
};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::request::assert_documented;
use crate::support::{KEYS, survives};

/// `data` is the parameters of each method, and the result of an order.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(params) = Members::parse(text) else {
        return;
    };
    if let Some(receipt) = accepted(Receipt::parse(&params)) {
        assert!(receipt.receipt_verification_key.len() <= MAX_KEY);
        assert!(receipt.requester_signature.len() <= MAX_SIGNATURE);
        assert!(receipt.request_hash().is_some());
        assert_eq!(
            survives::<Receipt>(&to_bytes(&receipt)).as_ref(),
            Some(&receipt)
        );
        if let Ok(verified) = receipt.clone().verify() {
            assert_eq!(verified.receipt(), &receipt);
        }
    }
    if let Some(update) = accepted(Update::parse(&params)) {
        assert!(update.update_data.len() <= MAX_UPDATE_DATA);
        assert_eq!(
            survives::<Update>(&to_bytes(&update)).as_ref(),
            Some(&update)
        );
        let allowed = [KEYS.requester.verifying_key(), KEYS.worker.verifying_key()];
        if let Ok(verified) = update.verify(&[&allowed[0], &allowed[1]]) {
            // Whoever checks it again finds the same.
            let again = verified.update().clone().verify(&[verified.key()]);
            assert_eq!(again.as_ref(), Ok(&verified));
        }
    }
    accepted(Retrieve::parse(&params));
    accepted(UpdateRetrieve::parse(&params));
    accepted(LookUp::parse(&params));
    accepted(LookUp::parse_next(&params));
    response(text);
}

fn accepted<T>(parsed: Result<T, ErrorObject>) -> Option<T> {
    parsed.inspect_err(assert_documented).ok()
}

/// The layout changes nothing but the layout.
fn response(text: &str) {
    let Ok(result) = serde_json::from_str::<&RawValue>(text) else {
        return;
    };
    let laid_out = response_text(ResponseId::OfSubmit("7"), result);
    let Ok(read) = serde_json::from_str::<Value>(text) else {
        // Numbers beyond all, halves of characters: JSON by its grammar only.
        return;
    };
    let again: Value = serde_json::from_str(&laid_out).expect("a response is JSON");
    assert_eq!(again["result"], read);
}

fn to_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("made of strings and numbers")
}
