//! `mutations.json`: updates and whether they may be applied, by the rules of 2017 and by ours.

use serde_json::Value;
use transparency::messages::{Entry, PublicKey, SignedKv};
use transparency::mutation::{self, Error, Verdict as Allowed};

use super::{Cases, Verdict, bytes, ensure, message, text};

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    cases.each(file, "cases", case);
}

fn case(case: &Value) -> Verdict {
    let update: SignedKv = message(case, "signed_kv")?;
    let stored = bytes(case, "signed_kv_proto")?;
    let decoded = SignedKv::decode(&stored).map_err(|fault| fault.to_string())?;
    ensure!(decoded == update, "its two forms differ");
    ensure!(update.encode().len() == stored.len(), "of another size");
    let leaf = match &case["old_leaf"] {
        Value::Null => None,
        _ => Some(bytes(case, "old_leaf")?),
    };
    let verdict = mutation::check(&update, leaf.as_deref());
    let wanted = text(case, "want")?;
    let alike = match wanted {
        "ok" => verdict == Ok(Allowed::Apply),
        "replay" => verdict == Ok(Allowed::Replay),
        "size" => matches!(verdict, Err(Error::Size { .. })),
        "previous_hash" => verdict == Err(Error::Previous),
        "missing_key" => verdict == Err(Error::NoKey),
        "invalid_sig" => verdict == Err(Error::Signature),
        // Keys of kinds that cannot be used are skipped here; one that can is demanded.
        "other: scheme is unimplemented" if ed25519_only(case)? => verdict == Err(Error::NoKey),
        "other: scheme is unimplemented" => verdict == Ok(Allowed::Apply),
        other => return Err(format!("nothing here knows the verdict `{other}`")),
    };
    ensure!(alike, "not `{wanted}`: {verdict:?}");
    Ok(vec![format!("`{wanted}`: {verdict:?}")])
}

/// Whether the new entry authorizes no key that can be used here.
fn ed25519_only(case: &Value) -> Result<bool, String> {
    let update: SignedKv = message(case, "signed_kv")?;
    let entry = Entry::decode(&update.key_value.value).map_err(|fault| fault.to_string())?;
    let keys = &entry.authorized_keys;
    Ok(!keys.iter().any(|key| matches!(key, PublicKey::P256(_))))
}
