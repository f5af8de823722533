//! What a manager of a pool sends.

use protocol::pool::KmeMethod;
use serde_json::json;

/// One of each kind, the kind in front.
pub(super) fn all() -> Vec<Vec<u8>> {
    let name = KmeMethod::UniqueKey.name();
    let body = json!({"jsonrpc": "2.0", "method": name, "id": 1, "params": {"workOrderId": "ab"}});
    let item = json!({"index": 0, "encrypted-data-key": "YQ=="});
    let keys = json!({
        "encrypted-sym-key": "YQ==",
        "encrypted-wo-key": "YQ==",
        "encrypted-wo-signing-key": "YQ==",
        "wo-verification-key": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "wo-verification-key-sig": "YQ==",
        "input-data-keys": [item],
        "output-data-keys": [],
        "signature": "YQ==",
    });
    let registration = json!({
        "unique_id": "2d2d",
        "proof_data": "{\"verification_report\":\"\",\"collateral\":{}}",
        "wpe_encryption_key": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "mr_enclave": "11",
    });
    let kinds = [
        body.to_string(),
        keys.to_string(),
        "e3e184210eab2e13f48b739d8996a40d".to_owned(),
        registration.to_string(),
        "{}\0-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n".to_owned(),
    ];
    (0..)
        .zip(kinds)
        .map(|(kind, text)| [&[kind], text.as_bytes()].concat())
        .collect()
}
