//! `seed_example.json`: the answer and the update that the seed prints.

use serde_json::Value;
use transparency::messages::{Entry, GetEntryResponse, Profile};
use transparency::sct::Sct;
use transparency::signature::VerifyingKey;
use transparency::{commitment, object_hash};

use super::{Cases, Verdict, bytes, ensure, message, text};

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    cases.tell("answer: commitment", commitment(file));
    cases.tell("answer: head", head(file));
    cases.tell("answer: SCT", timestamp(file));
    cases.tell("update: entry", entry(&file["put_example"]));
}

fn commitment(file: &Value) -> Verdict {
    let answer = answer(file)?;
    let proof = answer.leaf_proof.ok_or("there is no leaf proof")?;
    let entry = Entry::decode(&proof.leaf_data).map_err(|fault| fault.to_string())?;
    let committed = answer.committed.ok_or("there is no `committed`")?;
    let user = text(file, "user_id")?;
    ensure!(
        commitment::opens(&entry.commitment, user, &committed),
        "`committed` does not open the commitment"
    );
    let other = user.replace('@', "+");
    ensure!(
        !commitment::opens(&entry.commitment, &other, &committed),
        "`committed` opens it for another user too"
    );
    let profile = Profile::decode(&committed.data).map_err(|fault| fault.to_string())?;
    Ok(vec![format!("it opens: keys of {:?}", profile.0.keys())])
}

fn head(file: &Value) -> Verdict {
    let answer = answer(file)?;
    let head = answer.smh.ok_or("there is no head")?;
    let key = VerifyingKey::from_der(&bytes(file, "map_head_public_key_der_b64")?);
    let key = key.map_err(|fault| fault.to_string())?;
    let id = key.id().to_string();
    // Ids had eight digits then, so that none is found by a whole one.
    let signed = head.signatures.get(&id[..8]).ok_or("no signature")?;
    let preimage = object_hash::map_head(&head.map_head.ok_or("there is no head in it")?);
    let verified = key.verify_signed(&preimage, signed);
    verified.map_err(|fault| fault.to_string())?;
    Ok(vec![format!("signed by {}", &id[..8])])
}

fn timestamp(file: &Value) -> Verdict {
    let answer = answer(file)?;
    let head = answer.smh.ok_or("there is no head")?;
    let key = VerifyingKey::from_pem(text(file, "ct_log_public_key_pem")?);
    let key = key.map_err(|fault| fault.to_string())?;
    let promise = Sct::decode(&answer.smh_sct).map_err(|fault| fault.to_string())?;
    promise
        .verify(&head, &key)
        .map_err(|fault| fault.to_string())?;
    Ok(vec![format!("promised by the log {}", key.id())])
}

/// The answer, without the neighbors: they are elided.
fn answer(file: &Value) -> Result<GetEntryResponse, String> {
    let mut printed = file.clone();
    printed["response"]["leaf_proof"]["neighbors"] = Value::Null;
    message(&printed, "response")
}

fn entry(example: &Value) -> Verdict {
    let value = bytes(example, "entry_value_b64")?;
    let entry = Entry::decode(&value).map_err(|fault| fault.to_string())?;
    ensure!(entry.encode() == value, "written otherwise");
    Ok(vec![format!("{} key(s)", entry.authorized_keys.len())])
}
