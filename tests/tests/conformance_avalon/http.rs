//! `http_generic_client_sync.json`: the bytes of Avalon's own client on a TCP connection.
//!
//! The worker's private keys aren't known, so its order can't be processed again; everything else
//! of the conversation is replayed byte by byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::WorkerId;
use protocol::answer::WorkOrderResult;
use protocol::hash::Ids;
use protocol::record::{WorkerKeys, WorkerRecord};
use serde_json::Value;

use crate::{Suite, Verdict, ensure, json, text};

/// Replays the conversation.
pub(crate) fn check(suite: &Suite, file: &Value) -> Verdict {
    let exchanges = file.as_array().ok_or("no list of exchanges")?;
    let mut checked = Vec::new();
    let mut record: Option<WorkerRecord> = None;
    let mut submitted: Option<Value> = None;
    for exchange in exchanges {
        let raw = text(exchange, "request")?;
        let request = json(body(raw)?.as_bytes())?;
        let wanted = json(body(text(exchange, "response")?)?.as_bytes())?;
        match request["method"].as_str() {
            Some("WorkerRetrieve") => {
                let id = text(&request["params"], "workerId")?;
                if record.is_none() {
                    let read: WorkerRecord = serde_json::from_value(wanted["result"].clone())
                        .map_err(|e| e.to_string())?;
                    let id = WorkerId::new(id).map_err(|e| e.to_string())?;
                    suite.idle.register(&id, &read)?;
                    record = Some(read);
                }
                let reply = suite.idle.raw_http(raw.as_bytes())?;
                avalon_client_accepts(&reply)?;
                ensure!(
                    json(body(&reply)?.as_bytes())? == wanted,
                    "another record: {reply}"
                );
                checked.push("its retrieval answered to the byte's meaning".into());
            }
            Some("WorkOrderSubmit") => {
                let reply = suite.idle.raw_http(raw.as_bytes())?;
                avalon_client_accepts(&reply)?;
                let found = json(body(&reply)?.as_bytes())?;
                ensure!(found["error"]["code"] == 5, "not accepted: {found}");
                checked.push("its order accepted".into());
                submitted = Some(request);
            }
            _ => {}
        }
        if let (Some(result), Some(record)) = (wanted.get("result"), &record)
            && result.get("workerSignature").is_some()
        {
            let asked = submitted.as_ref().ok_or("a result before its order")?;
            verify(result, record, &asked["params"])?;
            checked.push("its answer's signature verified".into());
        }
    }
    Ok(checked)
}

fn verify(result: &Value, record: &WorkerRecord, asked: &Value) -> Result<(), String> {
    let result: WorkOrderResult =
        serde_json::from_value(result.clone()).map_err(|e| e.to_string())?;
    let keys = WorkerKeys::from_details(&record.details).map_err(|e| e.to_string())?;
    let ids = Ids {
        nonce: text(asked, "requesterNonce")?,
        work_order: text(asked, "workOrderId")?,
        worker: text(asked, "workerId")?,
        workload: text(asked, "workloadId")?,
        requester: text(asked, "requesterId")?,
    };
    result
        .verify(&keys.verification, ids)
        .map_err(|e| e.to_string())?;
    ensure!(
        STANDARD.decode(&result.worker_nonce).is_ok(),
        "the nonce is no base64"
    );
    Ok(())
}

/// Wire facts 2.1: status 200, and a content type that equals `application/json`.
fn avalon_client_accepts(reply: &str) -> Result<(), String> {
    ensure!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    let head = reply.split("\r\n\r\n").next().unwrap_or_default();
    let content_type = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-type").then_some(value)
    });
    ensure!(
        content_type == Some("application/json"),
        "content type {content_type:?}"
    );
    Ok(())
}

fn body(message: &str) -> Result<&str, String> {
    let (_, body) = message.split_once("\r\n\r\n").ok_or("no HTTP message")?;
    Ok(body)
}
