//! `smh.json`: signed map heads: their hash, their signature, their JSON.

use ring::digest::{SHA256, digest};
use serde_json::Value;
use transparency::messages::SignedMapHead;
use transparency::signature::{SigningKey, VerifyingKey};
use transparency::{json, object_hash};

use super::{Cases, Verdict, ensure, hex_bytes, message, text};

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    // Without heads there is no case: keys alone say nothing.
    if file["vectors"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        cases.tell("keys", keys(file));
    }
    cases.each(file, "vectors", |case| head(file, case));
}

fn keys(file: &Value) -> Verdict {
    let public = public_key(file)?;
    let private = text(file, "private_key_pem")?;
    let private = SigningKey::from_pem(private).map_err(|fault| fault.to_string())?;
    ensure!(*private.verifying_key() == public, "they are no pair");
    let id = public.id().to_string();
    ensure!(id == text(file, "key_id")?, "another id: {id}");
    let pem = public.to_pem();
    ensure!(pem == text(file, "public_key_pem")?, "another PEM: {pem}");
    Ok(vec!["a pair".into(), "the id".into(), "the PEM".into()])
}

fn head(file: &Value, case: &Value) -> Verdict {
    let signed: SignedMapHead = message(case, "smh")?;
    let head = signed.map_head.as_ref().ok_or("there is no head in it")?;
    let preimage = object_hash::map_head(head);
    let hash = hex_bytes(case, "objecthash")?;
    ensure!(
        digest(&SHA256, &preimage).as_ref() == hash,
        "another hash of the head"
    );
    let hashed = serde_json::from_str(text(case, "go_json")?).map_err(|fault| fault.to_string())?;
    let of_json = object_hash::hash(&hashed).map_err(|fault| fault.to_string())?;
    ensure!(of_json[..] == hash, "another hash of the JSON");
    let verified = public_key(file)?.verify_among(&preimage, &signed.signatures);
    verified.map_err(|fault| fault.to_string())?;
    let written = json::write(&signed).map_err(|fault| fault.to_string())?;
    let written: Value = serde_json::from_slice(&written).map_err(|fault| fault.to_string())?;
    ensure!(written == case["smh"], "written otherwise: {written}");
    let stored = SignedMapHead::decode(&signed.encode()).map_err(|fault| fault.to_string())?;
    ensure!(stored == signed, "another after storing");
    Ok(vec![
        "the hash, twice".into(),
        "the signature".into(),
        "written and stored alike".into(),
    ])
}

fn public_key(file: &Value) -> Result<VerifyingKey, String> {
    VerifyingKey::from_pem(text(file, "public_key_pem")?).map_err(|fault| fault.to_string())
}
