//! `error_envelopes.json`: bodies that are refused before any method is looked at.

use serde_json::Value;

use crate::orders::same_error;
use crate::{Suite, Verdict, list, text};

/// Codes of all, texts of all but what the reference's JSON parser says.
pub(crate) fn check(suite: &Suite, file: &Value) -> Verdict {
    let exchanges = list(file, "exchanges")?;
    let mut texts = 0;
    for exchange in exchanges {
        let body = text(exchange, "request_body")?;
        let wanted = &exchange["response_json"]["error"];
        let message = text(wanted, "message")?;
        let parser = message.starts_with("Expecting ");
        let found = suite.platform.post(body)?;
        let code = wanted["code"].as_i64().unwrap_or_default();
        same_error(&found, code, (!parser).then_some(message))?;
        texts += usize::from(!parser);
    }
    Ok(vec![format!(
        "{} bodies refused with their codes, {texts} with their texts",
        exchanges.len()
    )])
}
