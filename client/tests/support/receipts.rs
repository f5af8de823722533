//! The receipts of the listener here: kept as they are sent, nothing checked.

use std::collections::BTreeMap;

use protocol::Reason;
use protocol::envelope::ErrorObject;
use serde_json::{Value, json};

use super::error;

/// Ids on one page.
const PAGE: usize = 2;

/// Receipts by order: what created them, and their updates.
#[derive(Default)]
pub(crate) struct Book(BTreeMap<String, (Value, Vec<Value>)>);

impl Book {
    /// The answer to a receipt's method.
    pub(crate) fn answer(&mut self, method: &str, params: &Value) -> Value {
        let id = params["workOrderId"].as_str().unwrap_or_default();
        let known = self.0.get_mut(id);
        match (method, known) {
            ("WorkOrderReceiptCreate", Some(_)) => {
                error(ErrorObject::for_client(Reason::ReceiptTaken).about(id))
            }
            ("WorkOrderReceiptCreate", None) => {
                self.0.insert(id.to_owned(), (params.clone(), Vec::new()));
                done("Receipt created successfully")
            }
            ("WorkOrderReceiptLookUp" | "WorkOrderReceiptLookUpNext", _) => self.page(params),
            (_, None) => error(ErrorObject::for_client(Reason::ReceiptUnknown).about(id)),
            ("WorkOrderReceiptUpdate", Some((_, updates))) => {
                updates.push(params.clone());
                done("Receipt updated successfully")
            }
            ("WorkOrderReceiptRetrieve", Some((receipt, updates))) => {
                let mut receipt = receipt.clone();
                receipt["receiptCurrentStatus"] = match updates.last() {
                    Some(update) => update["updateType"].clone(),
                    None => receipt["receiptCreateStatus"].clone(),
                };
                json!({ "result": receipt })
            }
            (_, Some((_, updates))) => {
                let index = params["updateIndex"].as_u64().unwrap() as usize;
                let Some(mut update) = updates.get(index - 1).cloned() else {
                    return error(ErrorObject::for_client(Reason::ReceiptIndex).about(id));
                };
                update["updateCount"] = updates.len().into();
                json!({ "result": update })
            }
        }
    }

    fn page(&self, params: &Value) -> Value {
        let after = params["lastLookUpTag"].as_str().unwrap_or_default();
        let is_wanted = |receipt: &Value| {
            ["workerServiceId", "workerId", "requesterId"]
                .iter()
                .all(|name| params[name].is_null() || params[name] == receipt[name])
        };
        let all = self.0.iter().filter(|(_, (receipt, _))| is_wanted(receipt));
        let ids: Vec<_> = all
            .map(|(id, _)| id.as_str())
            .filter(|id| *id > after)
            .collect();
        let page = &ids[..ids.len().min(PAGE)];
        let tag = page.last().copied().unwrap_or_default();
        json!({"result": {"totalCount": ids.len(), "lookupTag": tag, "ids": page}})
    }
}

fn done(text: &str) -> Value {
    json!({"error": {"code": 0, "message": text}})
}
