//! Every answer and every update in `responses*.json` and `http.json`: read, and written as it was.

use serde::Serialize;
use serde_json::Value;
use transparency::json::{self, Error};
use transparency::messages::{EntryUpdate, GetEntryResponse, History};

use super::{Verdict, ensure};

/// The answers of whole responses.
pub(crate) fn responses(file: &Value) -> Verdict {
    let answers = list(&file["cases"]).iter().map(|case| &case["response"]);
    let mut written = 0;
    for answer in answers {
        alike::<GetEntryResponse>(answer, json::read)?;
        written += 1;
    }
    Ok(vec![format!("{written} answers are written as they were")])
}

/// The answers and the bodies of a session over HTTP.
pub(crate) fn session(file: &Value) -> Verdict {
    let [mut answers, mut bodies] = [0, 0];
    for step in list(&file["steps"]) {
        if step["status"] == 200 {
            let answer = &step["response"];
            match (&answer["values"], &answer["proof"]) {
                (Value::Null, Value::Null) => alike::<GetEntryResponse>(answer, json::read)?,
                (Value::Null, proof) => alike::<GetEntryResponse>(proof, json::read)?,
                _ => alike::<History>(answer, json::read)?,
            }
            answers += 1;
        }
        let body = step["request_body"].as_str().unwrap_or_default();
        if let Ok(update) = json::read_put(body.as_bytes()) {
            let sent: Value = serde_json::from_str(body).map_err(|fault| fault.to_string())?;
            let sent = sent.get("entry_update").unwrap_or(&sent);
            same(sent, &update)?;
            alike::<EntryUpdate>(sent, json::read_put)?;
            let stored = EntryUpdate::decode(&update.encode());
            ensure!(stored.as_ref() == Ok(&update), "stored as {stored:?}");
            bodies += 1;
        }
    }
    Ok(vec![format!(
        "{answers} answers and {bodies} bodies are written as they were"
    )])
}

fn alike<T: Serialize>(value: &Value, read: fn(&[u8]) -> Result<T, Error>) -> Result<(), String> {
    let message = read(value.to_string().as_bytes()).map_err(|fault| fault.to_string())?;
    same(value, &message)
}

fn same(value: &Value, message: &impl Serialize) -> Result<(), String> {
    let written = json::write(message).map_err(|fault| fault.to_string())?;
    let written: Value = serde_json::from_slice(&written).map_err(|fault| fault.to_string())?;
    ensure!(written == *value, "written as {written}, and was {value}");
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
