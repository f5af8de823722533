//! `objecthash.json`: hashes of JSON values, and of the leaf that an update replaces.

use serde_json::Value;
use transparency::object_hash;

use super::{Cases, Verdict, bytes, ensure, hex_bytes, text};

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    cases.each(file, "common_json", common);
    cases.each(file, "previous_field", previous);
}

fn common(case: &Value) -> Verdict {
    let json = text(case, "json")?;
    let value = serde_json::from_str(json).map_err(|fault| fault.to_string())?;
    let hash = object_hash::hash(&value).map_err(|fault| fault.to_string())?;
    ensure!(hash[..] == hex_bytes(case, "hash")?, "another hash: {json}");
    Ok(vec![format!("the hash of {json}")])
}

fn previous(case: &Value) -> Verdict {
    let leaf = match &case["previous_leaf_b64"] {
        Value::Null => None,
        _ => Some(bytes(case, "previous_leaf_b64")?),
    };
    let hash = object_hash::previous(leaf.as_deref());
    ensure!(hash[..] == bytes(case, "hash")?, "another hash");
    Ok(vec!["`previous`".to_owned()])
}
