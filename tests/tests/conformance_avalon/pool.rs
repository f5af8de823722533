//! `wpe_flow.json`: a worker in a pool, from its nonce to an answer that takes two steps to verify.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::answer::WorkOrderResult;
use protocol::crypto::aes::{Iv, Ivs, SessionKey};
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::hash::Ids;
use protocol::processor::Signup;
use protocol::{Entropy, EntropyFailed};
use sconce_tests::entropy::FixedEntropy;
use serde_json::Value;
use worker::Engine;
use worker::engine::SystemClock;

use crate::vector_worker::same_key;
use crate::{Suite, Verdict, ensure, json, list, text};

/// Every exchange in its order, with one engine.
pub(crate) fn check(suite: &Suite, file: &Value) -> Verdict {
    let engine = suite.worker.engine().with_pool_key(suite.worker.pool_key());
    let entropy = Beginning::new(text(file, "nonce")?)?;
    let mut checked = Vec::new();
    for exchange in list(file, "exchanges")? {
        let frame = text(exchange, "request_frame_utf8")?;
        let reply = engine.process(frame.as_bytes(), &entropy, &SystemClock::new());
        let wanted = text(exchange, "reply_frame_utf8")?;
        let method = json(frame.as_bytes())?;
        match text(&method, "method")? {
            "ProcessWorkerSignup" => signup(suite, &reply, wanted)?,
            "ProcessWorkOrder" if json(wanted.as_bytes())?["error"].is_null() => {
                answer(file, frame, &reply, wanted)?;
            }
            "ProcessWorkOrder" => refusal(&reply, wanted)?,
            _ => {
                let found = json(&reply)?;
                ensure!(found == json(wanted.as_bytes())?, "{found}, not {wanted}");
            }
        }
        checked.push(text(&method, "method")?.to_owned());
    }
    without_a_signup(&suite.worker.engine(), file)?;
    Ok(vec![
        format!("{} answered as the reference does", checked.join(", ")),
        "the answer verifies in two steps, and opens".to_owned(),
        "the order's keys open for no worker that has not signed up".to_owned(),
    ])
}

/// The same keys, and the same emptiness in place of evidence.
fn signup(suite: &Suite, reply: &[u8], wanted: &str) -> Result<(), String> {
    let found: Signup = serde_json::from_slice(reply).map_err(|e| e.to_string())?;
    let wanted: Signup = serde_json::from_str(wanted).map_err(|e| e.to_string())?;
    let same = same_key(&found.encryption_key, &wanted.encryption_key)
        && found.mrenclave == wanted.mrenclave
        && found.quote == wanted.quote
        && found.sealed_data == wanted.sealed_data;
    ensure!(same, "{found:?}");
    // The reference signs with a key that it makes at each start.
    let own = suite.worker.verifying_key();
    ensure!(
        same_key(&found.verifying_key, own.pem()),
        "another signing key"
    );
    let digest = protocol::crypto::sha256(&[found.encryption_key.as_bytes()]);
    let der = hex::decode(&found.encryption_key_signature).unwrap_or_default();
    ensure!(own.verifies(&digest, &der), "the key's signature");
    Ok(())
}

/// The output opens, and the answer verifies with the KME's published key.
fn answer(file: &Value, frame: &str, reply: &[u8], wanted: &str) -> Result<(), String> {
    let (found, wanted) = (json(reply)?, json(wanted.as_bytes())?);
    ensure!(found["id"] == wanted["id"], "another id: {found}");
    for member in [
        "extVerificationKey",
        "extVerificationKeySignature",
        "workOrderId",
        "workerId",
    ] {
        let (found, wanted) = (&found["result"][member], &wanted["result"][member]);
        ensure!(found == wanted, "{member}: {found}, not {wanted}");
    }
    let result: WorkOrderResult =
        serde_json::from_value(found["result"].clone()).map_err(|e| e.to_string())?;
    let published = VerifyingKey::from_pem(text(file, "kme_verification_key")?);
    let published = published.map_err(|e| e.to_string())?;
    let frame = json(frame.as_bytes())?;
    let request = frame["params"][0].as_str().ok_or("no request")?;
    let params = &json(request.as_bytes())?["params"];
    let asked = Ids {
        nonce: text(params, "requesterNonce")?,
        work_order: text(params, "workOrderId")?,
        worker: text(params, "workerId")?,
        workload: text(params, "workloadId")?,
        requester: text(params, "requesterId")?,
    };
    result
        .verify(&published, asked)
        .map_err(|e| e.to_string())?;
    let replayed = Ids {
        nonce: "00",
        ..asked
    };
    ensure!(
        result.verify(&published, replayed).is_err(),
        "it verifies for another request's nonce as well"
    );

    let key = hex::decode(text(file, "session_key_hex")?).unwrap_or_default();
    let key = SessionKey::new(&key).ok_or("no session key")?;
    let iv = hex::decode(text(file, "session_iv_hex")?).unwrap_or_default();
    let iv = Iv::try_from(iv).map_err(|_| "no initialisation vector")?;
    let data = STANDARD
        .decode(&result.out_data[0].data)
        .unwrap_or_default();
    let plain = key
        .open(Ivs::Shared(iv), &data)
        .map_err(|e| e.to_string())?;
    ensure!(
        file["out_data_plain"][0].as_str().map(str::as_bytes) == Some(&plain[..]),
        "another output"
    );
    Ok(())
}

/// The very text: it names what was wrong with the keys.
fn refusal(reply: &[u8], wanted: &str) -> Result<(), String> {
    let (found, wanted) = (json(reply)?, json(wanted.as_bytes())?);
    for member in ["code", "message"] {
        let same = found["error"][member] == wanted["error"][member];
        ensure!(same, "{found}, not {wanted}");
    }
    Ok(())
}

fn without_a_signup(engine: &Engine, file: &Value) -> Result<(), String> {
    let is_order = |exchange: &&Value| {
        let frame = exchange["request_frame_utf8"].as_str();
        frame.is_some_and(|frame| frame.contains("ProcessWorkOrder"))
    };
    let order = list(file, "exchanges")?.iter().find(is_order);
    let frame = text(order.ok_or("no order")?, "request_frame_utf8")?;
    let entropy = FixedEntropy::new("pool");
    let reply = json(&engine.process(frame.as_bytes(), &entropy, &SystemClock::new()))?;
    ensure!(reply["error"]["code"] == 2, "{reply}");
    Ok(())
}

/// Randomness that begins with the vectors' nonce.
struct Beginning {
    nonce: Mutex<Option<Vec<u8>>>,
    rest: FixedEntropy,
}

impl Beginning {
    fn new(nonce: &str) -> Result<Self, String> {
        let nonce = hex::decode(nonce).map_err(|e| e.to_string())?;
        Ok(Self {
            nonce: Mutex::new(Some(nonce)),
            rest: FixedEntropy::new("pool"),
        })
    }
}

impl Entropy for Beginning {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        match self.nonce.lock().unwrap().take() {
            Some(nonce) if nonce.len() == out.len() => {
                out.copy_from_slice(&nonce);
                Ok(())
            }
            _ => self.rest.fill(out),
        }
    }
}
