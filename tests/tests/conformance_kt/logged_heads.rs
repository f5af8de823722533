//! `sct.json` and `ct_inclusion.json`: heads in a log.

use ring::digest::{SHA256, digest};
use serde_json::Value;
use transparency::messages::{
    DigitallySigned, HashAlgorithm, MapHead, SignatureAlgorithm, SignedMapHead, Timestamp,
};
use transparency::sct::{self, Sct};
use transparency::signature::VerifyingKey;
use transparency::{json, log};

use super::{Cases, Verdict, bytes, ensure, hex_bytes, message, text};

/// One timestamp, from its bytes to the leaf that it promises.
pub(crate) fn timestamp(file: &Value, cases: &mut Cases<'_>) {
    cases.tell("text", entry_text(file));
    cases.tell("what is signed", signed(file));
    cases.tell("timestamp", verified(file));
    cases.tell("trailing byte", trailing(file));
}

/// Inclusions that a log recorded.
pub(crate) fn inclusion(file: &Value, cases: &mut Cases<'_>) {
    cases.each(file, "cases", included);
}

fn entry_text(file: &Value) -> Verdict {
    let written = sct::entry_text(&message(file, "smh")?);
    ensure!(written == text(file, "entry_json")?, "another: {written}");
    Ok(vec!["the text".into()])
}

fn signed(file: &Value) -> Verdict {
    let (time, entry) = (time(file)?, text(file, "entry_json")?);
    let input = sct::signature_input(time, entry).map_err(|fault| fault.to_string())?;
    ensure!(
        input == hex_bytes(file, "signature_input_hex")?,
        "another input of the signature"
    );
    let leaf = sct::merkle_leaf(time, entry).map_err(|fault| fault.to_string())?;
    ensure!(
        leaf == hex_bytes(file, "merkle_tree_leaf_hex")?,
        "another leaf"
    );
    let hash = sct::leaf_hash(time, entry).map_err(|fault| fault.to_string())?;
    let by_hand = digest(&SHA256, &[&[0], &leaf[..]].concat());
    ensure!(by_hand.as_ref() == hash, "another hash of the leaf");
    Ok(vec!["the signature's input".into(), "the leaf".into()])
}

fn verified(file: &Value) -> Verdict {
    let given = bytes(file, "smh_sct")?;
    let sct = Sct::decode(&given).map_err(|fault| fault.to_string())?;
    ensure!(sct.timestamp_ms == time(file)?, "another time");
    ensure!(
        sct.log_id[..] == hex_bytes(file, "log_id")?,
        "another log's id"
    );
    ensure!(sct.encode().as_ref() == Ok(&given), "written otherwise");
    let key = VerifyingKey::from_pem(text(file, "log_public_key_pem")?);
    let key = key.map_err(|fault| fault.to_string())?;
    let head: SignedMapHead = message(file, "smh")?;
    sct.verify(&head, &key).map_err(|fault| fault.to_string())?;
    let mut unsigned = head;
    unsigned.signatures.clear();
    ensure!(sct.verify(&unsigned, &key).is_err(), "it holds for another");
    Ok(vec!["time and log".into(), "the signature".into()])
}

fn trailing(file: &Value) -> Verdict {
    let given = [&bytes(file, "smh_sct")?[..], &[0]].concat();
    let fault = Sct::decode(&given).err().ok_or("it is taken")?;
    Ok(vec![format!("refused: {fault}")])
}

fn included(case: &Value) -> Verdict {
    let entry = sct::entry_text(&recorded_head(&case["go_smh"])?);
    let leaf = sct::leaf_hash(time(case)?, &entry).map_err(|fault| fault.to_string())?;
    ensure!(
        leaf[..] == bytes(case, "leaf_hash")?,
        "another leaf: {entry}"
    );
    let path = case["audit_path"].as_array().ok_or("no audit path")?;
    let path: Vec<_> = path
        .iter()
        .map(|item| hash(&serde_json::json!({ "item": item }), "item"))
        .collect::<Result<_, _>>()?;
    let (index, size) = (number(case, "leaf_index")?, number(case, "tree_size")?);
    let root = hash(case, "root")?;
    log::verify_inclusion(&leaf, index, size, &path, &root).map_err(|fault| fault.to_string())?;
    for wrong in [index - 1, index + 1, size] {
        ensure!(
            log::verify_inclusion(&leaf, wrong, size, &path, &root).is_err(),
            "also as leaf {wrong}"
        );
    }
    Ok(vec!["the leaf".into(), "its path".into()])
}

/// A head as Go's structures print: enumerations as numbers, the time in its parts.
fn recorded_head(value: &Value) -> Result<SignedMapHead, String> {
    let head = &value["map_head"];
    let time = &head["issue_time"];
    let mut recorded = SignedMapHead {
        map_head: Some(MapHead {
            realm: head["realm"].as_str().unwrap_or_default().to_owned(),
            epoch: number(head, "epoch")?,
            root: bytes(head, "root")?,
            issue_time: Some(Timestamp {
                seconds: time["seconds"].as_i64().unwrap_or(0),
                nanos: u32::try_from(time["nanos"].as_u64().unwrap_or(0)).unwrap_or(0),
            }),
        }),
        ..SignedMapHead::default()
    };
    let kind = |signed: &Value, name: &str| {
        let number = signed[name].as_i64().unwrap_or(0);
        i32::try_from(number).map_err(|fault| fault.to_string())
    };
    for (id, signed) in value["signatures"].as_object().ok_or("no signatures")? {
        let signature = DigitallySigned {
            hash_algorithm: HashAlgorithm::from_number(kind(signed, "hash_algorithm")?),
            sig_algorithm: SignatureAlgorithm::from_number(kind(signed, "sig_algorithm")?),
            signature: bytes(signed, "signature")?,
        };
        recorded.signatures.insert(id.clone(), signature);
    }
    // That the wire keeps all of it.
    let again = json::write(&recorded).map_err(|fault| fault.to_string())?;
    let again: SignedMapHead = json::read(&again).map_err(|fault| fault.to_string())?;
    ensure!(again == recorded, "another head in JSON");
    Ok(recorded)
}

fn time(file: &Value) -> Result<u64, String> {
    number(file, "timestamp_ms")
}

fn number(value: &Value, name: &str) -> Result<u64, String> {
    value[name]
        .as_u64()
        .ok_or_else(|| format!("{name} is no number"))
}

fn hash(value: &Value, name: &str) -> Result<log::Hash, String> {
    bytes(value, name)?
        .try_into()
        .map_err(|_| format!("{name} has not 32 bytes"))
}
