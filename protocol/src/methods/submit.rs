//! `WorkOrderSubmit` (wire facts, 3.1): read once by the listener and again by the worker.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{Reader, bad_format, fault};
use crate::envelope::ErrorObject;
use crate::ids::{self, HexText, NotHex, RequesterId, WorkOrderId, WorkerId, WorkloadId};
use crate::json::{self, Members};
use crate::reason::Reason;

/// A work order's parameters, well-formed; nothing in them is decrypted or trusted yet.
#[derive(Debug)]
pub struct Submit<'a> {
    /// The order's id.
    pub work_order_id: WorkOrderId,
    /// Whose key it's encrypted to.
    pub worker_id: WorkerId,
    /// What to run.
    pub workload_id: WorkloadId,
    /// Who asks.
    pub requester_id: RequesterId,
    /// How long a synchronous submit may wait, in milliseconds; may be negative.
    pub response_timeout_ms: i64,
    /// Hex text; hashed, and remembered against replays.
    pub requester_nonce: HexText,
    /// Hex of the session key under the worker's RSA key.
    pub encrypted_session_key: Cow<'a, str>,
    /// Hex of the initialisation vector that all ciphertexts share; without it each has its own.
    pub session_key_iv: Option<Cow<'a, str>>,
    /// Hex of the request hash under the session key.
    pub encrypted_request_hash: Cow<'a, str>,
    /// Base64 of a DER signature over the request hash, or empty.
    pub requester_signature: Cow<'a, str>,
    /// PEM of the key for it, or empty.
    pub verifying_key: Cow<'a, str>,
    /// Inputs, in the order of the request.
    pub in_data: Vec<Item<'a>>,
    /// Wishes for outputs, in the order of the request.
    pub out_data: Vec<Item<'a>>,
}

/// One element of `inData` or `outData`; absent texts are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Position after sorting; may be any integer.
    pub index: i64,
    /// Base64 of ciphertext or plaintext.
    pub data: Cow<'a, str>,
    /// Hex of the plaintext's SHA-256.
    pub data_hash: Cow<'a, str>,
    /// `""` or `null`: under the session key; `-`: in clear; hex: a key of the item's own.
    pub encrypted_data_encryption_key: Cow<'a, str>,
    /// Hex of the item key's initialisation vector.
    pub iv: Cow<'a, str>,
}

/// Most items that an order may have in one array.
pub const MAX_ITEMS: usize = 1024;

/// Most of them that may have a key of their own: each costs the worker an RSA decryption, whether
/// it's any good or not.
pub const MAX_OWN_KEYS: usize = 32;

impl Item<'_> {
    /// Whether the item is encrypted under a key of its own.
    pub fn has_own_key(&self) -> bool {
        !matches!(
            self.encrypted_data_encryption_key.as_ref(),
            "" | "-" | "null"
        )
    }
}

const REQUIRED: [&str; 9] = [
    "responseTimeoutMSecs",
    "payloadFormat",
    "workOrderId",
    "workerId",
    "workloadId",
    "requesterId",
    "encryptedSessionKey",
    "requesterNonce",
    "encryptedRequestHash",
];

const OPTIONAL: [&str; 9] = [
    "resultUri",
    "notifyUri",
    "workerEncryptionKey",
    "dataEncryptionAlgorithm",
    "sessionKeyIv",
    "requesterSignature",
    "verifyingKey",
    "inData",
    "outData",
];

impl<'a> Submit<'a> {
    /// Checks the parameters' form.
    ///
    /// # Errors
    ///
    /// What the listener answers: code 2 with Avalon's text where it's known.
    pub fn parse(params: &Members<'a>) -> Result<Self, ErrorObject> {
        let reader = Reader::new(params, &REQUIRED, &OPTIONAL)?;
        check_constants(&reader)?;
        let nonce = reader.id("requesterNonce", "requester nonce", bounded)?;
        Ok(Self {
            work_order_id: reader.id("workOrderId", "work order id", WorkOrderId::new)?,
            worker_id: reader.id("workerId", "Worker id", WorkerId::new)?,
            workload_id: reader.id("workloadId", "workload id", WorkloadId::new)?,
            requester_id: reader.id("requesterId", "requester id", RequesterId::new)?,
            response_timeout_ms: reader.integer("responseTimeoutMSecs", "response timeout")?,
            requester_nonce: nonce,
            encrypted_session_key: reader.hex("encryptedSessionKey", "encrypted session key")?,
            session_key_iv: reader.optional_hex("sessionKeyIv", "session key iv")?,
            encrypted_request_hash: reader.hex("encryptedRequestHash", "encrypted request hash")?,
            requester_signature: reader.text("requesterSignature", "requesterSignature")?,
            verifying_key: reader.text("verifyingKey", "verifying key")?,
            in_data: items(reader.raw("inData"), Direction::In)?,
            out_data: items(reader.raw("outData"), Direction::Out)?,
        })
    }
}

fn bounded(text: String) -> Result<HexText, NotHex> {
    if text.len() > HexText::MAX_ID {
        return Err(NotHex);
    }
    HexText::new(text)
}

/// Members that say nothing but must have the right form.
fn check_constants(reader: &Reader<'_, '_>) -> Result<(), ErrorObject> {
    let format = reader.text("payloadFormat", "payload format")?;
    if !matches!(format.as_ref(), "JSON-RPC" | "json-rpc") {
        return Err(bad_format("payload format"));
    }
    reader.text("resultUri", "result uri")?;
    reader.text("notifyUri", "notify uri")?;
    reader.optional_hex("workerEncryptionKey", "worker encryption key")?;
    let algorithm = reader.text("dataEncryptionAlgorithm", "data encryption algorithm")?;
    let absent = reader.raw("dataEncryptionAlgorithm").is_none();
    if !absent && !matches!(algorithm.as_ref(), "AES-GCM-256" | "aes-gcm-256") {
        return Err(bad_format("data encryption algorithm"));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

impl Direction {
    fn title(self, what: &str) -> String {
        match self {
            Direction::In => format!("{what} of in data"),
            Direction::Out => format!("{what} of out data"),
        }
    }
}

fn items<'a>(
    value: Option<&'a RawValue>,
    direction: Direction,
) -> Result<Vec<Item<'a>>, ErrorObject> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let name = match direction {
        Direction::In => "in data",
        Direction::Out => "out data",
    };
    let values = json::array(value).ok_or_else(|| bad_format(name))?;
    if values.len() > MAX_ITEMS {
        return Err(ErrorObject::for_client(Reason::LimitSize)
            .saying("The work order has more items than this server accepts"));
    }
    refuse_repeated(&values, name)?;
    let items: Vec<_> = values
        .into_iter()
        .map(|v| item(v, direction))
        .collect::<Result<_, _>>()?;
    let with_own_key = items.iter().filter(|item| item.has_own_key()).count();
    if with_own_key > MAX_OWN_KEYS {
        return Err(ErrorObject::for_client(Reason::LimitSize).saying(
            "The work order has more items with keys of their own than this server accepts",
        ));
    }
    Ok(items)
}

/// Avalon's schema wants the items of an array to differ.
fn refuse_repeated(values: &[&RawValue], name: &str) -> Result<(), ErrorObject> {
    if values.len() < 2 {
        return Ok(());
    }
    let mut seen = HashSet::new();
    for value in values {
        // Read as values, so that white space and the order of members don't matter.
        let canonical = json::read::<serde_json::Value>(value).ok_or_else(|| bad_format(name))?;
        if !seen.insert(canonical.to_string()) {
            return Err(fault(format!("Items of {name} are not unique")));
        }
    }
    Ok(())
}

fn item<'a>(value: &'a RawValue, direction: Direction) -> Result<Item<'a>, ErrorObject> {
    let title = |what: &str| direction.title(what);
    let members = Members::of(value).map_err(|_| bad_format(&title("items")))?;
    let required: &[&str] = match direction {
        Direction::In => &["index", "data"],
        Direction::Out => &["index"],
    };
    // Members that nobody knows are ignored here, as Avalon does.
    let names: Vec<&str> = members.names().collect();
    let reader = Reader::new(&members, required, &names)?;

    let data = reader.text("data", &title("data"))?;
    let may_be_empty = direction == Direction::Out;
    if !(is_base64(&data) && (may_be_empty || !data.is_empty())) {
        return Err(bad_format(&title("data")));
    }
    let data_hash = reader.optional_hex("dataHash", &title("data hash"))?;
    let key = reader.text(
        "encryptedDataEncryptionKey",
        &title("encrypted data encryption key"),
    )?;
    if !(matches!(key.as_ref(), "" | "-" | "null") || ids::is_hex(&key)) {
        return Err(bad_format(&title("encrypted data encryption key")));
    }
    let iv = reader.text("iv", &title("iv"))?;
    if !(iv.is_empty() || ids::is_hex(&iv)) {
        return Err(bad_format(&title("iv")));
    }
    Ok(Item {
        index: reader.integer("index", &title("index"))?,
        data,
        data_hash: data_hash.unwrap_or_default(),
        encrypted_data_encryption_key: key,
        iv,
    })
}

/// Standard alphabet, at most two `=` at the end, a whole number of quads.
fn is_base64(text: &str) -> bool {
    let digits = text
        .strip_suffix("==")
        .or(text.strip_suffix('='))
        .unwrap_or(text);
    text.len().is_multiple_of(4)
        && digits
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut value = serde_json::json!({
            "responseTimeoutMSecs": 6000, "payloadFormat": "JSON-RPC", "workOrderId": "0a",
            "workerId": "0b", "workloadId": "0c", "requesterId": "0d", "requesterNonce": "0e",
            "encryptedSessionKey": "0F", "encryptedRequestHash": "10",
            "inData": [{"index": 0, "data": "AAAA"}],
        });
        change(&mut value);
        value.to_string()
    }

    fn refusal(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let text = params(change);
        let error = Submit::parse(&Members::parse(&text).unwrap()).unwrap_err();
        assert_eq!(error.code, 2);
        error.message.into_owned()
    }

    #[test]
    fn the_least_order_is_accepted() {
        let text = params(|p| p["inData"][0]["unknown"] = 1.into());
        let order = Submit::parse(&Members::parse(&text).unwrap()).unwrap();
        assert_eq!(order.in_data.len(), 1);
        assert_eq!(order.session_key_iv, None);
        assert_eq!(order.requester_signature, "");
    }

    #[test]
    fn refusals_name_the_member() {
        assert_eq!(
            refusal(|p| p["foo"] = 1.into()),
            "Additional properties are not allowed ('foo' was unexpected)"
        );
        assert_eq!(
            refusal(|p| _ = p.as_object_mut().unwrap().remove("encryptedRequestHash")),
            "'encryptedRequestHash' is a required property"
        );
        assert_eq!(
            refusal(|p| p["sessionKeyIv"] = "".into()),
            "Invalid data format for session key iv"
        );
        assert_eq!(
            refusal(|p| p["inData"][0]["dataHash"] = "".into()),
            "Invalid data format for data hash of in data"
        );
        for (member, value) in [
            ("responseTimeoutMSecs", "6000"),
            ("payloadFormat", "XML"),
            ("workOrderId", "0x"),
            ("requesterNonce", "0|1"),
            ("dataEncryptionAlgorithm", ""),
            ("inData", "AAAA"),
        ] {
            let text = refusal(|p| p[member] = value.into());
            assert!(text.starts_with("Invalid data format for "), "{text}");
        }
    }

    #[test]
    fn items_are_checked() {
        let with = |item: serde_json::Value| refusal(|p| p["inData"] = serde_json::json!([item]));
        for bad in [
            serde_json::json!({"index": 0, "data": ""}),
            serde_json::json!({"index": 0, "data": "A"}),
            serde_json::json!({"index": 0, "data": "A==="}),
            serde_json::json!({"index": 0, "data": "====" }),
            serde_json::json!({"index": 0.5, "data": "AAAA"}),
            serde_json::json!({"index": 0, "data": "AAAA", "iv": "x"}),
            serde_json::json!({"index": 0, "data": "AAAA", "encryptedDataEncryptionKey": "nil"}),
            serde_json::json!([]),
        ] {
            let text = with(bad.clone());
            assert!(
                text.starts_with("Invalid data format for "),
                "{bad}: {text}"
            );
        }
        assert_eq!(
            with(serde_json::json!({"index": 0})),
            "'data' is a required property"
        );
        let twice = refusal(|p| {
            p["inData"] = serde_json::json!([{"index":0,"data":"AAAA"},{"data":"AAAA","index":0}]);
        });
        assert_eq!(twice, "Items of in data are not unique");
    }

    #[test]
    fn too_many_keys() {
        let items = |count| -> serde_json::Value {
            let item = |i| serde_json::json!({"index": i, "data": "AAAA", "encryptedDataEncryptionKey": "ab"});
            (0..count).map(item).collect()
        };
        let text = params(|p| p["inData"] = items(MAX_OWN_KEYS));
        assert!(Submit::parse(&Members::parse(&text).unwrap()).is_ok());
        assert!(refusal(|p| p["inData"] = items(MAX_OWN_KEYS + 1)).contains("keys of their own"));
    }

    #[test]
    fn too_many_items() {
        let many: Vec<_> = (0..=MAX_ITEMS)
            .map(|i| serde_json::json!({"index": i, "data": "AAAA"}))
            .collect();
        assert!(refusal(|p| p["inData"] = many.into()).contains("more items"));
    }
}
