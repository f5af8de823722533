//! `worker_retrieve.json` and `worker_lookup.json`.

use serde_json::Value;

use crate::orders::same_error;
use crate::vector_worker::same_key;
use crate::{Suite, Verdict, ensure, list, text};

/// The record of the vectors' worker, as our platform registered it.
pub(crate) fn retrieve(suite: &Suite, file: &Value) -> Verdict {
    let found = suite.platform.post(&file["request"].to_string())?;
    let (found, wanted) = (&found["result"], &file["response"]["result"]);
    for name in [
        "workerType",
        "organizationId",
        "applicationTypeId",
        "status",
    ] {
        ensure!(found[name] == wanted[name], "{name}: {found}");
    }
    let (found, wanted) = (&found["details"], &wanted["details"]);
    let members = wanted.as_object().ok_or("no details")?;
    for (name, value) in members.iter().filter(|(name, _)| *name != "workerTypeData") {
        ensure!(found[name] == *value, "details.{name} is {}", found[name]);
    }
    let (found, wanted) = (&found["workerTypeData"], &wanted["workerTypeData"]);
    for name in ["verificationKey", "encryptionKey"] {
        ensure!(
            same_key(text(found, name)?, text(wanted, name)?),
            "another {name}"
        );
    }
    for name in wanted.as_object().ok_or("no workerTypeData")?.keys() {
        ensure!(
            found.get(name).is_some(),
            "details.workerTypeData.{name} is missing"
        );
    }
    Ok(vec![format!(
        "{} members of details, both keys",
        members.len()
    )])
}

/// Look-ups that work are matched; the one that never worked in the reference must work here.
pub(crate) fn look_up(suite: &Suite, file: &Value) -> Verdict {
    let exchanges = list(file, "exchanges")?;
    let (mut matched, mut repaired) = (0, 0);
    for exchange in exchanges {
        let request = &exchange["request"];
        let found = suite.platform.post(&request.to_string())?;
        if request["method"] == "WorkerLookUpNext" {
            // Nothing comes after the only worker.
            ensure!(found["result"]["totalCount"] == 0, "{found}");
            ensure!(found["result"]["ids"] == Value::Array(vec![]), "{found}");
            repaired += 1;
            continue;
        }
        match exchange["response"].get("error") {
            None => ensure!(found == exchange["response"], "{found} to {request}"),
            Some(error) => same_error(
                &found,
                error["code"].as_i64().unwrap_or_default(),
                error["message"].as_str(),
            )?,
        }
        matched += 1;
    }
    Ok(vec![
        format!("{matched} look-ups and retrievals matched"),
        format!("{repaired} look-ups for more answered, which the reference can't"),
    ])
}
