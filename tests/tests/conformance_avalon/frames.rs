//! `zmq_signup.json` and `zmq_worker_errors.json`: frames between manager and worker, to the engine
//! and through a host's socket.

use protocol::processor::{Outcome, Signup};
use sconce_tests::entropy::FixedEntropy;
use serde_json::Value;
use worker::engine::SystemClock;

use crate::vector_worker::same_key;
use crate::{Suite, Verdict, ensure, json, list, text};

/// The bare signup object.
pub(crate) fn signup(suite: &Suite, file: &Value) -> Verdict {
    let frame = text(file, "request_frame_utf8")?;
    let wanted: Signup =
        serde_json::from_str(text(file, "reply_frame_utf8")?).map_err(|e| e.to_string())?;
    for reply in replies(suite, frame.as_bytes())? {
        let found: Signup = serde_json::from_slice(&reply).map_err(|e| e.to_string())?;
        ensure!(
            same_key(&found.verifying_key, &wanted.verifying_key),
            "another signing key"
        );
        ensure!(
            same_key(&found.encryption_key, &wanted.encryption_key),
            "another RSA key"
        );
        ensure!(
            found.sealed_data.is_empty() && found.quote == wanted.quote,
            "{found:?}"
        );
        let digest = protocol::crypto::sha256(&[found.encryption_key.as_bytes()]);
        let der = hex::decode(&found.encryption_key_signature).unwrap_or_default();
        ensure!(
            suite.worker.verifying_key().verifies(&digest, &der),
            "the key's signature"
        );
    }
    Ok(vec![
        "the engine's and a host's answer have the same keys, freshly signed".into(),
    ])
}

/// Malformed frames: the same worker code, our text.
pub(crate) fn errors(suite: &Suite, file: &Value) -> Verdict {
    let exchanges = list(file, "exchanges")?;
    for exchange in exchanges {
        let frame = text(exchange, "request_frame_utf8")?;
        let wanted = json(text(exchange, "reply_frame_utf8")?.as_bytes())?;
        for reply in replies(suite, frame.as_bytes())? {
            let found = json(&reply)?;
            ensure!(
                found["error"]["code"] == wanted["error"]["code"],
                "{found} to {frame}"
            );
            ensure!(Outcome::parse(&reply).is_some(), "{found} is no outcome");
        }
    }
    Ok(vec![format!(
        "{} frames refused with their codes by engine and host",
        exchanges.len()
    )])
}

/// What the engine and a host answer.
fn replies(suite: &Suite, frame: &[u8]) -> Result<[Vec<u8>; 2], String> {
    let entropy = FixedEntropy::new("frames");
    let engine = suite
        .worker
        .engine()
        .process(frame, &entropy, &SystemClock::new());
    let host = suite.platform.ask_host(&suite.worker.name, frame)?;
    Ok([engine, host])
}
