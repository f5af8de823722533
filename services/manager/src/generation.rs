//! Generations of a worker's keys: which of its processes an order is for.
//!
//! While its keys are replaced, a worker has processes of two generations. A requester encrypts an order to the key
//! in the record that it has read, which may be of either, and names it in `workerEncryptionKey`.

use std::sync::Arc;

use serde::Deserialize;

use crate::signup::Keys;
use crate::worker::Process;

/// Of these processes those that an order is for: those that have the key that it names, or else the newest keys.
pub(crate) fn fitting(mut present: Vec<Arc<Process>>, order: &[u8]) -> Vec<Arc<Process>> {
    if !is_mixed(&present) {
        return present;
    }
    if let Some(named) = key_named(order) {
        let has_it = |process: &Arc<Process>| keys(process).is_some_and(|keys| keys.is(&named));
        if present.iter().any(has_it) {
            present.retain(has_it);
            return present;
        }
    }
    newest(present)
}

/// Of these processes those with the newest keys that are none of `tried`.
pub(crate) fn untried(mut present: Vec<Arc<Process>>, tried: &[u64]) -> Vec<Arc<Process>> {
    present.retain(|process| !tried.contains(&generation(process)));
    newest(present)
}

/// Whether there are processes with other keys than others have.
pub(crate) fn is_mixed(present: &[Arc<Process>]) -> bool {
    present
        .windows(2)
        .any(|two| generation(&two[0]) != generation(&two[1]))
}

/// Which of its worker's keys a process has.
pub(crate) fn generation(process: &Process) -> u64 {
    keys(process).map_or(0, |keys| keys.generation)
}

fn newest(mut present: Vec<Arc<Process>>) -> Vec<Arc<Process>> {
    let newest = present.iter().map(|process| generation(process)).max();
    present.retain(|process| Some(generation(process)) == newest);
    present
}

fn keys(process: &Process) -> Option<&Keys> {
    process.keys.get()
}

/// The encryption key that a request names: hex of its PEM.
fn key_named(order: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Request {
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "workerEncryptionKey")]
        key: Option<String>,
    }

    let request: Request = serde_json::from_slice(order).ok()?;
    hex::decode(request.params.key?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_in_hex_or_not_at_all() {
        let named = |params: &str| key_named(format!(r#"{{"params":{params}}}"#).as_bytes());
        let found = named(r#"{"a": [1], "workerEncryptionKey": "2D2d"}"#);
        assert_eq!(found.as_deref(), Some(&b"--"[..]));
        for none in [
            "{}",
            "[]",
            r#"{"workerEncryptionKey": "xx"}"#,
            r#"{"workerEncryptionKey": null}"#,
        ] {
            assert_eq!(named(none), None, "{none}");
        }
        assert_eq!(key_named(b"["), None);
    }
}
