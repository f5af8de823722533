//! `receipts.json`: a receipt's life.
//!
//! Updates cannot succeed in the reference. They do here, if the stored response is the one whose
//! hash they carry: so the recorded response is stored as the worker's.

use std::time::Duration;

use protocol::Reason;
use protocol::crypto::sha256;
use protocol::json::Members;
use protocol::receipt::{Receipt, ResponseId, Update, response_hash, response_text};
use sconce_tests::platform::{Platform, Setup};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::{Completion, Orders as _, PartitionId};

use crate::orders::{request_hash_of, same_error};
use crate::vector_worker::same_key;
use crate::{Suite, Verdict, ensure, list, text};

/// Every exchange: as there, or better for a reason that is said.
pub(crate) fn check(suite: &Suite, file: &Value) -> Verdict {
    let mut checked = texts(file)?;
    let exchanges = list(file, "exchanges")?;
    let office = Office::open(suite, file)?;
    let with_update = first_with_update(exchanges)?;
    let mut same = Vec::new();
    for exchange in exchanges {
        let (request, wanted) = (&exchange["request"], &exchange["response"]);
        if request["id"] == with_update {
            update_with_key(&office, exchanges)?;
        }
        let id = &request["id"];
        match (text(request, "method")?, wanted["error"]["code"].as_i64()) {
            ("WorkOrderReceiptLookUpNext", Some(-32000)) => {
                same_error(&office.post(request)?, 2, None)?;
                checked.push(format!("{id} (next without a tag): 2, not -32000"));
            }
            ("WorkOrderReceiptUpdate", Some(-32000)) => {
                update_without_key(suite, file, request)?;
                checked.push(format!("{id} (update without its key): done, not -32000"));
            }
            // Sent before the exchanges that find it.
            ("WorkOrderReceiptUpdate", Some(2)) => {
                checked.push(format!(
                    "{id} (update with its key): done, once; refused there"
                ));
            }
            _ => {
                compare(&office.post(request)?, wanted)?;
                same.push(id.to_string());
            }
        }
    }
    checked.push(format!("as there: {}", same.join(" ")));
    Ok(checked)
}

/// What is hashed and signed, without any listener.
fn texts(file: &Value) -> Result<Vec<String>, String> {
    let request = &file["work_order_request"];
    let hash = request_hash_of(request)?;
    ensure!(hash == text(file, "request_hash")?, "request hash {hash}");

    let exchanges = list(file, "exchanges")?;
    let first = exchanges.first().ok_or("no exchanges")?;
    let receipt: Receipt = parsed(&first["request"]["params"], Receipt::parse)?;
    let digest = hex::encode(receipt.digest());
    ensure!(
        receipt.signed_text() == text(file, "create_signature_text")?
            && digest == text(file, "create_signature_digest")?,
        "another text of the receipt"
    );
    let hash_in_receipt = receipt.request_hash().map(hex::encode);
    ensure!(hash_in_receipt == Some(hash), "request hash in the receipt");
    receipt.verify().map_err(|fault| fault.to_string())?;

    let update: Update = parsed(&named_update(exchanges)?["params"], Update::parse)?;
    let digest = hex::encode(update.digest());
    ensure!(
        update.signed_text() == text(file, "update_signature_text")?
            && digest == text(file, "update_signature_digest")?,
        "another text of the update"
    );

    let stored = text(file, "stored_response_text")?;
    let result = recorded_result(file)?;
    let id = request["id"].to_string();
    let id = ResponseId::OfSubmit(&id);
    ensure!(
        response_text(id, &result) == stored,
        "another text of the response"
    );
    ensure!(
        response_hash(id, &result) == update.update_data
            && hex::encode_upper(sha256(&[stored.as_bytes()])) == update.update_data,
        "another hash of the response"
    );
    Ok(vec![
        "request hash, the texts that are signed, the response's text and hash".into(),
    ])
}

fn parsed<T>(
    params: &Value,
    parse: fn(&Members<'_>) -> Result<T, protocol::envelope::ErrorObject>,
) -> Result<T, String> {
    let params = params.to_string();
    let members = Members::parse(&params).map_err(|fault| fault.to_string())?;
    parse(&members).map_err(|error| error.message.into_owned())
}

/// Accepted for the one who signed it: the worker, whose key is added.
fn update_without_key(suite: &Suite, file: &Value, request: &Value) -> Result<(), String> {
    let office = Office::open(suite, file)?;
    let create = &list(file, "exchanges")?[0];
    compare(&office.post(&create["request"])?, &create["response"])?;
    let reply = office.post(request)?;
    same_error(&reply, 0, Some("Receipt updated successfully"))?;

    let asked = json!({"jsonrpc": "2.0", "method": "WorkOrderReceiptUpdateRetrieve", "id": 1,
        "params": {"workOrderId": request["params"]["workOrderId"], "updateIndex": 1}});
    let mut found = office.post(&asked)?["result"].take();
    let key = found["receiptVerificationKey"].take();
    let own = suite.worker.verifying_key();
    ensure!(
        key.as_str().is_some_and(|key| same_key(key, own.pem())),
        "the worker's key is not with its update"
    );
    let mut wanted = request["params"].clone();
    wanted["receiptVerificationKey"] = Value::Null;
    wanted["updateCount"] = 1.into();
    ensure!(found == wanted, "another update: {found}");
    Ok(())
}

/// Accepted once.
fn update_with_key(office: &Office, exchanges: &[Value]) -> Result<(), String> {
    let update = named_update(exchanges)?;
    let reply = office.post(update)?;
    same_error(&reply, 0, Some("Receipt updated successfully"))?;
    same_error(
        &office.post(update)?,
        2,
        Some(Reason::ReceiptRepeated.text()),
    )
}

/// The update that the reference's schema refuses for its key.
fn named_update(exchanges: &[Value]) -> Result<&Value, String> {
    let mut requests = exchanges.iter().map(|exchange| &exchange["request"]);
    let update = requests.find(|request| {
        request["method"] == "WorkOrderReceiptUpdate"
            && request["params"].get("receiptVerificationKey").is_some()
    });
    update.ok_or_else(|| "no update with a key".to_owned())
}

/// The id of the first exchange that found an update in the reference's store.
fn first_with_update(exchanges: &[Value]) -> Result<Value, String> {
    let found = exchanges
        .iter()
        .find(|exchange| exchange["response"]["result"].get("updateCount").is_some());
    let found = found.ok_or("no exchange has an update")?;
    Ok(found["request"]["id"].clone())
}

fn compare(found: &Value, wanted: &Value) -> Result<(), String> {
    match wanted.get("error") {
        Some(error) => {
            let code = error["code"].as_i64().unwrap_or_default();
            same_error(found, code, error["message"].as_str())
        }
        None => {
            ensure!(found == wanted, "{found} instead of {wanted}");
            Ok(())
        }
    }
}

fn recorded_result(file: &Value) -> Result<Box<RawValue>, String> {
    #[derive(serde::Deserialize)]
    struct Response {
        result: Box<RawValue>,
    }
    let response: Response = serde_json::from_str(text(file, "stored_response_text")?)
        .map_err(|fault| fault.to_string())?;
    Ok(response.result)
}

/// A platform that has the vector's order, ended with the recorded result.
struct Office(Platform);

impl Office {
    fn open(suite: &Suite, file: &Value) -> Result<Self, String> {
        let worker = suite.worker.id();
        let office = Self(Platform::start(Setup::default()));
        office
            .0
            .register(&worker, &suite.platform.record(&worker)?)?;
        same_error(&office.post(&file["work_order_request"])?, 5, None)?;
        let result = format!(r#"{{"result":{}}}"#, recorded_result(file)?.get());
        office.end(&worker.as_str().into(), result.into_bytes());
        Ok(office)
    }

    /// Stores the result of the only order that waits, as the manager would.
    fn end(&self, partition: &PartitionId, result: Vec<u8>) {
        let (lease, now) = (Duration::from_secs(60), Duration::ZERO);
        let store = self.0.store();
        self.0.block_on(async {
            let mut leases = store.claim(partition, 1, lease, now).await.unwrap();
            let lease = leases.remove(0);
            let completion = Completion {
                order: lease.order,
                token: lease.token,
                result,
                appends: Vec::new(),
            };
            store.complete(completion).await.unwrap();
        });
    }

    fn post(&self, request: &Value) -> Result<Value, String> {
        self.0.post(&request.to_string())
    }
}
