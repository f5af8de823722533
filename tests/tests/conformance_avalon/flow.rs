//! `async_flow.json`: pending, submitted again, done.

use serde_json::Value;

use crate::orders::same_error;
use crate::{Suite, Verdict, ensure, list};

/// While nobody works for the worker the order stays pending; then it's done.
pub(crate) fn check(suite: &Suite, file: &Value) -> Verdict {
    let idle = &suite.idle;
    idle.register(
        &suite.worker.id(),
        &suite.platform.record(&suite.worker.id())?,
    )?;
    let exchanges = list(file, "exchanges")?;
    let mut started = false;
    for exchange in exchanges {
        let (request, wanted) = (&exchange["request"], &exchange["response"]);
        let Some(error) = wanted.get("error") else {
            idle.start_host(&suite.worker.name, suite.worker.unattested());
            started = true;
            let found = idle.poll(request)?;
            ensure!(found.get("result").is_some(), "{found}");
            ensure!(found["id"] == wanted["id"], "another id: {found}");
            continue;
        };
        let found = idle.post(&request.to_string())?;
        let code = error["code"].as_i64().unwrap_or_default();
        same_error(&found, code, error["message"].as_str())?;
        ensure!(
            found["error"]["data"]["workOrderId"] == error["data"]["workOrderId"],
            "{found}"
        );
    }
    ensure!(started, "no exchange has a result");
    Ok(vec![format!(
        "{} exchanges, the worker joining in between",
        exchanges.len()
    )])
}
