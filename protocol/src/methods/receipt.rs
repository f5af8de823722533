//! The receipts' methods (wire facts, 3.9): `WorkOrderReceipt…`.
//!
//! Avalon's schema requires none of the members and its handlers fail without them; here those that
//! are needed are required.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Reader, bad_format, fault};
use crate::crypto::secp256k1::VerifyingKey;
use crate::envelope::ErrorObject;
use crate::ids::{HexText, NotHex, RequesterId, WorkOrderId, WorkerId};
use crate::json::{self, Members};
use crate::receipt::{
    MAX_KEY, MAX_SIGNATURE, MAX_UPDATE_DATA, Receipt, ReceiptStatus, SIGNATURE_RULES, Update,
    UpdateIndex,
};

impl Receipt {
    /// Checks the parameters of `WorkOrderReceiptCreate`.
    ///
    /// # Errors
    ///
    /// What the listener answers: code 2 with Avalon's text where it's known.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let required = [
            "workOrderId",
            "workerServiceId",
            "workerId",
            "requesterId",
            "receiptCreateStatus",
            "workOrderRequestHash",
            "requesterGeneratedNonce",
            "receiptVerificationKey",
            "requesterSignature",
        ];
        let reader = Reader::new(params, &required, &["signatureRules"])?;
        let nonce = ("requesterGeneratedNonce", "requester generated nonce");
        let receipt = Self {
            work_order_id: reader.id("workOrderId", "work order id", WorkOrderId::new)?,
            worker_service_id: reader.id("workerServiceId", "worker service id", bounded)?,
            worker_id: reader.id("workerId", "Worker id", WorkerId::new)?,
            requester_id: reader.id("requesterId", "requester id", RequesterId::new)?,
            receipt_create_status: status(&reader, "receiptCreateStatus")?,
            work_order_request_hash: short(&reader, "workOrderRequestHash", MAX_SIGNATURE)?,
            requester_generated_nonce: reader.id(nonce.0, nonce.1, bounded)?,
            signature_rules: rules(&reader)?,
            receipt_verification_key: key(&reader)?,
            requester_signature: signature(&reader, "requesterSignature")?,
        };
        if receipt.request_hash().is_none() {
            return Err(bad_format("workOrderRequestHash"));
        }
        Ok(receipt)
    }
}

impl Update {
    /// Checks the parameters of `WorkOrderReceiptUpdate`. `updateData` and the key may be left out:
    /// Avalon's schema refuses the key, and its verifier needs it.
    ///
    /// # Errors
    ///
    /// As for [`Receipt::parse`].
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let required = ["workOrderId", "updaterId", "updateType", "updateSignature"];
        let optional = ["updateData", "signatureRules", "receiptVerificationKey"];
        let reader = Reader::new(params, &required, &optional)?;
        let named = reader.raw("receiptVerificationKey").is_some();
        Ok(Self {
            work_order_id: reader.id("workOrderId", "work order id", WorkOrderId::new)?,
            updater_id: reader.id("updaterId", "updaterId", bounded)?,
            update_type: status(&reader, "updateType")?,
            update_data: short(&reader, "updateData", MAX_UPDATE_DATA)?,
            update_signature: signature(&reader, "updateSignature")?,
            signature_rules: rules(&reader)?,
            receipt_verification_key: named.then(|| key(&reader)).transpose()?,
        })
    }
}

/// Parameters of `WorkOrderReceiptRetrieve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieve {
    /// The receipt's order.
    pub work_order_id: WorkOrderId,
}

impl Retrieve {
    /// Checks the parameters.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let reader = Reader::new(params, &["workOrderId"], &[])?;
        Ok(Self {
            work_order_id: reader.id("workOrderId", "work order id", WorkOrderId::new)?,
        })
    }
}

/// Parameters of `WorkOrderReceiptUpdateRetrieve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRetrieve {
    /// The receipt's order.
    pub work_order_id: WorkOrderId,
    /// Only updates of this updater are looked at and counted.
    pub updater_id: Option<HexText>,
    /// Which of them.
    pub index: UpdateIndex,
}

impl UpdateRetrieve {
    /// Checks the parameters.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let reader = Reader::new(params, &["workOrderId", "updateIndex"], &["updaterId"])?;
        let named = reader.raw("updaterId").is_some();
        let updater = || reader.id("updaterId", "updaterId", bounded);
        let number = reader
            .raw("updateIndex")
            .filter(|raw| json::is_integer(raw));
        let number = number.ok_or_else(|| bad_format("updateIndex"))?;
        // More than 64 bits are a place where no update is, or a negative one.
        let far = if number.get().starts_with('-') {
            -1
        } else {
            i64::MAX
        };
        let index = UpdateIndex::from_number(json::integer(number).unwrap_or(far));
        Ok(Self {
            work_order_id: reader.id("workOrderId", "work order id", WorkOrderId::new)?,
            updater_id: named.then(updater).transpose()?,
            index: index.ok_or_else(|| {
                fault("Update index should be positive non-zero number. Hence invalid parameter")
            })?,
        })
    }
}

/// Parameters of `WorkOrderReceiptLookUp` and `WorkOrderReceiptLookUpNext`: what a receipt must
/// equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookUp {
    /// Hex text.
    pub worker_service_id: Option<HexText>,
    /// Hex text.
    pub worker_id: Option<WorkerId>,
    /// Hex text.
    pub requester_id: Option<RequesterId>,
    /// The current status.
    pub status: Option<ReceiptStatus>,
    /// Only receipts whose order ids come after this; "next" alone has it.
    pub after: Option<WorkOrderId>,
}

/// The last is what Avalon's SDK sends and its schema refuses.
const CRITERIA: [&str; 5] = [
    "workerServiceId",
    "workerId",
    "requesterId",
    "receiptStatus",
    "requestCreateStatus",
];

/// The tag's name in Avalon's schema, and what its other method calls it.
const TAGS: [&str; 2] = ["lastLookUpTag", "lookUpTag"];

impl LookUp {
    /// Checks the parameters of `WorkOrderReceiptLookUp`.
    pub fn parse(params: &Members<'_>) -> Result<Self, ErrorObject> {
        Self::read(&Reader::new(params, &[], &CRITERIA)?)
    }

    /// Checks the parameters of `WorkOrderReceiptLookUpNext`. Criteria may be left out.
    pub fn parse_next(params: &Members<'_>) -> Result<Self, ErrorObject> {
        let known = [&CRITERIA[..], &TAGS[..]].concat();
        let reader = Reader::new(params, &[], &known)?;
        let mut given = TAGS.into_iter().filter(|tag| reader.raw(tag).is_some());
        let tag = match (given.next(), given.next()) {
            (Some(tag), None) => tag,
            (None, _) => return Err(fault("'lastLookUpTag' is a required property")),
            (Some(_), Some(_)) => return Err(fault("The look up tag is given twice")),
        };
        let after = reader.id(tag, "last look up tag", WorkOrderId::new)?;
        Ok(Self {
            after: Some(after),
            ..Self::read(&reader)?
        })
    }

    fn read(reader: &Reader<'_, '_>) -> Result<Self, ErrorObject> {
        let given = |name: &'static str| reader.raw(name).map(|_| name);
        let id = |name: &'static str| given(name).map(|name| reader.id(name, name, bounded));
        let worker = |name| reader.id(name, "Worker id", WorkerId::new);
        let requester = |name| reader.id(name, "requester id", RequesterId::new);
        Ok(Self {
            worker_service_id: id("workerServiceId").transpose()?,
            worker_id: given("workerId").map(worker).transpose()?,
            requester_id: given("requesterId").map(requester).transpose()?,
            status: match (given("receiptStatus"), given("requestCreateStatus")) {
                (Some(_), Some(_)) => return Err(fault("The receipt status is given twice")),
                (name, other) => name.or(other).map(|n| criterion(reader, n)).transpose()?,
            },
            after: None,
        })
    }
}

/// A status as a criterion: Avalon's schema wants hex text, its SDK sends a number.
fn criterion(reader: &Reader<'_, '_>, name: &'static str) -> Result<ReceiptStatus, ErrorObject> {
    let Some(text) = reader.raw(name).and_then(json::string) else {
        return status(reader, name);
    };
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    i64::from_str_radix(digits.unwrap_or(&text), 16)
        .ok()
        .filter(|_| crate::ids::is_hex(&text))
        .and_then(ReceiptStatus::from_code)
        .ok_or_else(|| bad_format(name))
}

fn status(reader: &Reader<'_, '_>, name: &str) -> Result<ReceiptStatus, ErrorObject> {
    let code = reader.integer(name, name)?;
    ReceiptStatus::from_code(code)
        .ok_or_else(|| fault(format!("{name} should be an Integer of range 0-4")))
}

fn bounded(text: String) -> Result<HexText, NotHex> {
    if text.len() > HexText::MAX_ID {
        return Err(NotHex);
    }
    HexText::new(text)
}

/// A text of at most so many bytes.
fn short(reader: &Reader<'_, '_>, name: &str, longest: usize) -> Result<String, ErrorObject> {
    let text = reader.text(name, name)?;
    if text.len() > longest {
        return Err(fault(format!("{name} is longer than {longest} bytes")));
    }
    Ok(text.into_owned())
}

fn signature(reader: &Reader<'_, '_>, name: &str) -> Result<String, ErrorObject> {
    let text = short(reader, name, MAX_SIGNATURE)?;
    let decoded = STANDARD.decode(&text).unwrap_or_default();
    if decoded.is_empty() {
        return Err(bad_format(name));
    }
    Ok(text)
}

fn key(reader: &Reader<'_, '_>) -> Result<String, ErrorObject> {
    let text = short(reader, "receiptVerificationKey", MAX_KEY)?;
    VerifyingKey::from_pem(&text).map_err(|_| bad_format("receiptVerificationKey"))?;
    Ok(text)
}

/// Avalon lets any text pass that isn't two parts with a slash between. There are no other rules.
fn rules(reader: &Reader<'_, '_>) -> Result<String, ErrorObject> {
    if reader.raw("signatureRules").is_some()
        && reader.text("signatureRules", "signatureRules")? != SIGNATURE_RULES
    {
        return Err(fault(
            "signatureRules must be SHA-256/SECP256K1. Hence invalid parameter",
        ));
    }
    Ok(SIGNATURE_RULES.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEWpaq5qjJG83JeMrRnIGm2+82SFcaNF/aAiPUQD4GrLKU\n9j/DqCkon80F2DTBqgq6nBzblTzDLCL6oURAMdCqlQ==\n-----END PUBLIC KEY-----\n";

    fn create() -> Value {
        json!({
            "workOrderId": "0a", "workerServiceId": "0b", "workerId": "0c", "requesterId": "0d",
            "receiptCreateStatus": 0, "workOrderRequestHash": STANDARD.encode([1; 32]),
            "requesterGeneratedNonce": "0e", "receiptVerificationKey": PEM,
            "requesterSignature": "AAAA", "signatureRules": "SHA-256/SECP256K1",
        })
    }

    fn update() -> Value {
        json!({
            "workOrderId": "0a", "updaterId": "0b", "updateType": 2, "updateData": "AB",
            "updateSignature": "AAAA",
        })
    }

    /// Reads `value` with `parse` after `change`.
    fn read<T>(
        parse: fn(&Members<'_>) -> Result<T, ErrorObject>,
        mut value: Value,
        change: impl FnOnce(&mut Value),
    ) -> Result<T, String> {
        change(&mut value);
        let text = value.to_string();
        parse(&Members::parse(&text).unwrap()).map_err(|error| {
            assert_eq!(error.code, 2);
            error.message.into_owned()
        })
    }

    #[test]
    fn members_of_a_receipt() {
        assert!(read(Receipt::parse, create(), |_| ()).is_ok());
        let without = |p: &mut Value| _ = p.as_object_mut().unwrap().remove("signatureRules");
        let receipt = read(Receipt::parse, create(), without).unwrap();
        assert_eq!(receipt.signature_rules, SIGNATURE_RULES);
        for name in create().as_object().unwrap().keys() {
            if name != "signatureRules" {
                let without = |p: &mut Value| _ = p.as_object_mut().unwrap().remove(name);
                let text = read(Receipt::parse, create(), without).unwrap_err();
                assert_eq!(text, format!("'{name}' is a required property"));
            }
        }
        let long = "a".repeat(HexText::MAX_ID + 1);
        let cases = [
            ("workOrderId", json!("xy")),
            ("workOrderId", json!(long)),
            ("workerServiceId", json!("")),
            ("workerServiceId", json!(long)),
            ("workerId", json!("scone-worker-1")),
            ("requesterId", json!(7)),
            ("requesterGeneratedNonce", json!(null)),
            ("requesterGeneratedNonce", json!(long)),
            ("receiptCreateStatus", json!(5)),
            ("receiptCreateStatus", json!(-1)),
            ("receiptCreateStatus", json!("0")),
            ("receiptCreateStatus", json!(0.0)),
            ("workOrderRequestHash", json!("AAAA")),
            ("workOrderRequestHash", json!("A".repeat(200))),
            ("workOrderRequestHash", json!("ab".repeat(32))),
            ("receiptVerificationKey", json!("")),
            (
                "receiptVerificationKey",
                json!(format!("{PEM}{}", " ".repeat(MAX_KEY))),
            ),
            ("receiptVerificationKey", json!(PEM.replace("MFY", "MFZ"))),
            ("requesterSignature", json!("")),
            ("requesterSignature", json!("A")),
            ("requesterSignature", json!("A".repeat(MAX_SIGNATURE + 4))),
            ("signatureRules", json!("")),
            ("signatureRules", json!("SHA-256")),
            ("signatureRules", json!("SHA-1/SECP256K1")),
            ("more", json!(1)),
        ];
        for (name, value) in cases {
            let shown = value.to_string();
            let refused = read(Receipt::parse, create(), |p| p[name] = value);
            assert!(
                refused.unwrap_err().contains(name)
                    || name.ends_with("Id")
                    || name.contains("Nonce"),
                "{name}: {shown}"
            );
        }
    }

    #[test]
    fn members_of_an_update() {
        let update_of = |change: fn(&mut Value)| read(Update::parse, update(), change);
        assert_eq!(update_of(|_| ()).unwrap().receipt_verification_key, None);
        let named = update_of(|p| p["receiptVerificationKey"] = PEM.into()).unwrap();
        assert_eq!(named.receipt_verification_key.as_deref(), Some(PEM));
        let least = update_of(|p| _ = p.as_object_mut().unwrap().remove("updateData")).unwrap();
        assert_eq!(least.update_data, "");
        let longest = update_of(|p| p["updateData"] = "x".repeat(MAX_UPDATE_DATA).into());
        assert!(longest.is_ok());
        let bad: [fn(&mut Value); 7] = [
            |p| p["updateData"] = "x".repeat(MAX_UPDATE_DATA + 1).into(),
            |p| p["updateType"] = 5.into(),
            |p| p["updaterId"] = Value::Null,
            |p| p["receiptVerificationKey"] = Value::Null,
            |p| p["updateSignature"] = "".into(),
            |p| p["updateData"] = 1.into(),
            |p| p["x"] = 1.into(),
        ];
        for bad in bad {
            assert!(update_of(bad).is_err());
        }
    }

    #[test]
    fn indices_of_any_size() {
        let of = |number: &str| {
            let text = format!(r#"{{"workOrderId":"0a","updateIndex":{number}}}"#);
            UpdateRetrieve::parse(&Members::parse(&text).unwrap())
                .map(|asked| asked.index)
                .map_err(|error| error.message.into_owned())
        };
        let zero = "Update index should be positive non-zero number. Hence invalid parameter";
        assert_eq!(of("1"), Ok(UpdateIndex::At(1)));
        assert_eq!(of("4294967296"), Ok(UpdateIndex::Last));
        assert_eq!(of("4294967295"), Ok(UpdateIndex::Last));
        for none in ["0", "-1", "-99999999999999999999"] {
            assert_eq!(of(none), Err(zero.to_owned()));
        }
        assert_eq!(of("99999999999999999999"), Ok(UpdateIndex::At(u32::MAX)));
        for bad in ["1.0", "\"1\"", "null", "1e3"] {
            assert_eq!(
                of(bad),
                Err("Invalid data format for updateIndex".into()),
                "{bad}"
            );
        }
        let null = r#"{"workOrderId":"0a","updateIndex":1,"updaterId":null}"#;
        let fault = UpdateRetrieve::parse(&Members::parse(null).unwrap()).unwrap_err();
        assert_eq!(fault.message, "Invalid data format for updaterId");
    }

    #[test]
    fn criteria() {
        let look_up = |value: Value| read(LookUp::parse, value, |_| ());
        for (value, status) in [
            (json!({"receiptStatus": "2"}), ReceiptStatus::Processed),
            (json!({"receiptStatus": "0x03"}), ReceiptStatus::Failed),
            (json!({"receiptStatus": 1}), ReceiptStatus::Completed),
            (json!({"requestCreateStatus": 0}), ReceiptStatus::Pending),
        ] {
            assert_eq!(look_up(value).unwrap().status, Some(status));
        }
        for bad in [
            json!({"receiptStatus": "5"}),
            json!({"receiptStatus": "+1"}),
            json!({"receiptStatus": ""}),
            json!({"receiptStatus": null}),
            json!({"receiptStatus": 0, "requestCreateStatus": 0}),
            json!({"workerId": "x"}),
            json!({"workerServiceId": ""}),
            json!({"lastLookUpTag": "ab"}),
        ] {
            assert!(look_up(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn next_needs_a_tag() {
        let next = |value: Value| read(LookUp::parse_next, value, |_| ());
        for tag in TAGS {
            let after = next(json!({tag: "ab", "workerId": "0c"})).unwrap().after;
            assert_eq!(after.unwrap().as_str(), "ab");
        }
        assert_eq!(
            next(json!({"workerId": "ab"})).unwrap_err(),
            "'lastLookUpTag' is a required property"
        );
        assert!(next(json!({"lastLookUpTag": "ab", "lookUpTag": "ab"})).is_err());
        assert!(next(json!({"lastLookUpTag": ""})).is_err());
    }
}
