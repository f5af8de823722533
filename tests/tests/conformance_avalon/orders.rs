//! Files with one work order: hashes, the engine's reply, and the way through a platform.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::answer::WorkOrderResult;
use protocol::crypto::aes::{Ivs, SessionKey};
use protocol::crypto::sha256;
use protocol::hash::Ids;
use protocol::methods::submit::Submit;
use protocol::processor::Outcome;
use protocol::{Reason, envelope, hash};
use sconce_tests::entropy::FixedEntropy;
use serde_json::Value;
use worker::engine::SystemClock;

use crate::{Suite, Verdict, ensure, json, list, text};

/// What a correct worker makes of the order.
enum Expected {
    /// The listener refuses it with this code and text.
    Refused(i64, String),
    /// It ends with this code, and this text if it's one that clients may rely on.
    Error(i64, &'static str),
    /// These outputs.
    Outputs(Vec<String>),
}

/// Checks one order file.
pub(crate) fn check(suite: &Suite, file: &Value) -> Verdict {
    let mut checked = Vec::new();
    hashes(file, &mut checked)?;
    let expected = expected(file)?;
    if !file["zmq_request_frame_utf8"].is_null() {
        engine(suite, file, &expected, &mut checked)?;
    }
    platform(suite, file, &expected, &mut checked)?;
    Ok(checked)
}

fn expected(file: &Value) -> Result<Expected, String> {
    let submitted = &file["submit_response"]["error"];
    let code = submitted["code"]
        .as_i64()
        .ok_or("the order was not submitted")?;
    if code != 5 {
        return Ok(Expected::Refused(
            code,
            text(submitted, "message")?.to_owned(),
        ));
    }
    if file.get("data_key_hex").is_some() {
        // The reference fails on per-item keys; its README says what a correct worker answers.
        let input = file["in_data_plain"][0].as_str().ok_or("no input")?;
        return Ok(Expected::Outputs(vec![format!("Hello {input}")]));
    }
    let Some(error) = file["get_result_response"].get("error") else {
        let outputs = list(file, "out_data_plain")?;
        let outputs = outputs.iter().filter_map(Value::as_str).map(str::to_owned);
        return Ok(Expected::Outputs(outputs.collect()));
    };
    let code = error["code"].as_i64().ok_or("no code")?;
    let message = text(error, "message")?;
    let workload = Reason::WorkloadFailed.text();
    // Whatever else the reference says is about cryptography, and must not tell what it was.
    let said = if message == workload {
        workload
    } else {
        Reason::OrderIntegrity.text()
    };
    Ok(Expected::Error(code, said))
}

/// The steps' digests, and our hash of the same request and result.
fn hashes(file: &Value, checked: &mut Vec<String>) -> Result<(), String> {
    for name in ["request_hash_steps", "response_hash_steps"] {
        for step in file[name].as_array().map(Vec::as_slice).unwrap_or_default() {
            let input = match step["input_utf8"].as_str() {
                Some(input) => input.as_bytes().to_vec(),
                None => hex::decode(text(step, "input_hex")?).map_err(|e| e.to_string())?,
            };
            ensure!(
                hex::encode(sha256(&[&input])) == text(step, "sha256")?,
                "{name} differ"
            );
        }
    }
    request_hash(file, checked)?;
    if let Some(result) = file["get_result_response"].get("result") {
        let result: WorkOrderResult =
            serde_json::from_value(result.clone()).map_err(|e| e.to_string())?;
        ensure!(
            hex::encode(result.hash()) == text(file, "response_hash")?,
            "response hash"
        );
        checked.push("response hash".into());
    }
    Ok(())
}

/// Our hash of the request, unless the vector changed the request after hashing it.
fn request_hash(file: &Value, checked: &mut Vec<String>) -> Result<(), String> {
    let error = &file["get_result_response"]["error"]["message"];
    let changed = *error == Reason::OrderIntegrity.text();
    let accepted = file["submit_response"]["error"]["code"] == 5;
    let (Some(claimed), true, false) = (file["request_hash"].as_str(), accepted, changed) else {
        return Ok(());
    };
    let own = request_hash_of(&file["request"])?;
    ensure!(own == claimed, "our request hash is {own}, not {claimed}");
    checked.push("request hash".into());
    Ok(())
}

/// Our hash of a request, in hex.
pub(crate) fn request_hash_of(request: &Value) -> Result<String, String> {
    let request = request.to_string();
    let envelope = envelope::parse(&request, envelope::Limits::default());
    let envelope = envelope.map_err(|refused| refused.error.message)?;
    let order = Submit::parse(&envelope.params).map_err(|error| error.message)?;
    Ok(hex::encode(hash::of_submit(&order)))
}

fn engine(
    suite: &Suite,
    file: &Value,
    expected: &Expected,
    checked: &mut Vec<String>,
) -> Result<(), String> {
    let frame = text(file, "zmq_request_frame_utf8")?;
    let entropy = FixedEntropy::new("conformance");
    let engine = suite.worker.engine();
    let reply = engine.process(frame.as_bytes(), &entropy, &SystemClock::new());
    let inner = json(&reply)?;
    ensure!(
        inner["id"] == file["request"]["id"],
        "the reply has another id: {inner}"
    );
    let outcome = Outcome::parse(&reply).ok_or("the engine's reply is no outcome")?;
    let order = text(&file["request"]["params"], "workOrderId")?;
    let client = json(&outcome.for_client(order))?;
    compare(suite, file, &client, expected).map_err(|fault| format!("engine: {fault}"))?;
    checked.push("the engine's reply to the same frame".into());
    Ok(())
}

fn platform(
    suite: &Suite,
    file: &Value,
    expected: &Expected,
    checked: &mut Vec<String>,
) -> Result<(), String> {
    let submitted = suite.platform.post(&file["request"].to_string())?;
    if let Expected::Refused(code, message) = expected {
        same_error(&submitted, *code, Some(message))?;
        // After a refusal nothing may be stored.
        let found = suite
            .platform
            .post(&file["get_result_request"].to_string())?;
        same_error(&found, 2, Some(Reason::OrderUnknown.text()))?;
        checked.push(format!(
            "refused by the listener with code {code} and its text"
        ));
        return Ok(());
    }
    let pending = text(&file["submit_response"]["error"], "message")?;
    same_error(&submitted, 5, Some(pending))?;
    let wanted = &file["submit_response"]["error"]["data"]["workOrderId"];
    ensure!(
        submitted["error"]["data"]["workOrderId"] == *wanted,
        "submit names another order"
    );
    let answer = suite.platform.poll(&file["get_result_request"])?;
    compare(suite, file, &answer, expected).map_err(|fault| format!("platform: {fault}"))?;
    let again = suite.platform.poll(&file["get_result_request"])?;
    ensure!(
        answer == again,
        "the result changed when it was fetched again"
    );
    checked.push("submitted and fetched twice over HTTP".into());
    Ok(())
}

fn compare(suite: &Suite, file: &Value, found: &Value, expected: &Expected) -> Result<(), String> {
    match expected {
        Expected::Refused(code, message) => same_error(found, *code, Some(message)),
        Expected::Error(code, said) => same_error(found, *code, Some(said)),
        Expected::Outputs(outputs) => {
            let opened = open(suite, file, found)?;
            ensure!(
                opened == *outputs,
                "outputs {opened:?} instead of {outputs:?}"
            );
            Ok(())
        }
    }
}

/// Verifies and decrypts as a requester does, with the session key from the file.
fn open(suite: &Suite, file: &Value, found: &Value) -> Result<Vec<String>, String> {
    let result = found
        .get("result")
        .ok_or_else(|| format!("no result: {found}"))?;
    let result: WorkOrderResult =
        serde_json::from_value(result.clone()).map_err(|e| e.to_string())?;
    let params = &file["request"]["params"];
    let ids = Ids {
        nonce: text(params, "requesterNonce")?,
        work_order: text(params, "workOrderId")?,
        worker: text(params, "workerId")?,
        workload: text(params, "workloadId")?,
        requester: text(params, "requesterId")?,
    };
    let answer = result
        .verify(&suite.worker.verifying_key(), ids)
        .map_err(|e| e.to_string())?;

    let key = hex::decode(text(file, "session_key_hex")?).unwrap_or_default();
    let key = SessionKey::new(&key).ok_or("no session key")?;
    let ivs = match file["session_iv_hex"].as_str() {
        None => Ivs::Prefixed,
        Some(iv) => {
            let iv = hex::decode(iv).unwrap_or_default();
            Ivs::Shared(iv.try_into().map_err(|_| "no iv")?)
        }
    };
    answer
        .out_data()
        .iter()
        .map(|item| {
            // What Avalon's client needs of an item.
            ensure!(
                item.encrypted_data_encryption_key == "null" && item.iv.is_empty(),
                "markers"
            );
            let sealed = STANDARD.decode(&item.data).map_err(|e| e.to_string())?;
            let plain = key.open(ivs, &sealed).map_err(|e| e.to_string())?;
            Ok(String::from_utf8_lossy(&plain).into_owned())
        })
        .collect()
}

/// The code always, the text where one is given.
pub(crate) fn same_error(found: &Value, code: i64, message: Option<&str>) -> Result<(), String> {
    let error = &found["error"];
    ensure!(error["code"] == code, "code {code} expected in {found}");
    if let Some(message) = message {
        ensure!(
            error["message"] == message,
            "`{message}` expected in {found}"
        );
    }
    Ok(())
}
