//! The listener's parser: envelope, method, parameters.

use protocol::envelope::{self, ErrorObject, Limits};
use protocol::json::{self, Members};
use protocol::methods::submit::{MAX_ITEMS, MAX_OWN_KEYS, Submit};
use protocol::methods::worker::{LookUp, Register, Retrieve, SetStatus, Update};
use protocol::methods::{GetResult, Method};
use protocol::{HexText, Reason, hash, ids};

use crate::support::assert_json;

/// `data` is the body of a request.
pub fn run(data: &[u8]) {
    let Ok(body) = std::str::from_utf8(data) else {
        return;
    };
    let limits = Limits::default();
    match envelope::parse(body, limits) {
        Err(refused) => {
            assert_documented(&refused.error);
            assert_json(&envelope::failure(refused.id, &refused.error));
        }
        Ok(request) => {
            assert!(json::depth(data) <= limits.depth);
            assert!(json::is_integer(request.id));
            assert!(!request.params.is_empty());
            assert_json(&envelope::success(request.id, request.id));
            if let Some(method) = Method::from_name(&request.method)
                && let Err(error) = parameters(method, &request.params)
            {
                assert_documented(&error);
                assert_json(&envelope::failure(Some(request.id), &error));
            }
        }
    }
}

fn parameters(method: Method, params: &Members<'_>) -> Result<(), ErrorObject> {
    match method {
        Method::WorkOrderSubmit => Submit::parse(params).map(|order| submitted(&order)),
        Method::WorkOrderGetResult => {
            GetResult::parse(params).map(|asked| id(asked.work_order_id.as_str()))
        }
        Method::WorkerLookUp => LookUp::parse(params).map(drop),
        Method::WorkerLookUpNext => LookUp::parse_next(params).map(drop),
        Method::WorkerRetrieve => Retrieve::parse(params).map(|asked| id(asked.worker_id.as_str())),
        Method::WorkerRegister => Register::parse(params).map(drop),
        Method::WorkerUpdate => Update::parse(params).map(drop),
        Method::WorkerSetStatus => SetStatus::parse(params).map(drop),
        // Methods that have a target of their own, or none yet.
        #[allow(unreachable_patterns, reason = "methods are added")]
        _ => Ok(()),
    }
}

/// An order that was accepted keeps all bounds that others count on.
fn submitted(order: &Submit<'_>) {
    for text in [
        order.work_order_id.as_str(),
        order.worker_id.as_str(),
        order.workload_id.as_str(),
        order.requester_id.as_str(),
        order.requester_nonce.as_str(),
    ] {
        id(text);
    }
    for items in [&order.in_data, &order.out_data] {
        assert!(items.len() <= MAX_ITEMS);
        let own_keys = items.iter().filter(|item| item.has_own_key()).count();
        assert!(own_keys <= MAX_OWN_KEYS);
    }
    assert_eq!(hash::of_submit(order), hash::of_submit(order));
}

fn id(text: &str) {
    assert!(ids::is_hex(text) && text.len() <= HexText::MAX_ID);
}

/// The error has a reason with a page, and its code (or Avalon's for an id written as a fraction).
pub(crate) fn assert_documented(error: &ErrorObject) {
    let reason = error.reason();
    assert!(reason.is_some(), "{error:?}");
    let code = reason.map(Reason::client_code);
    assert!(
        Some(error.code) == code || error.code == -32600,
        "{error:?}"
    );
    // At most 64 names of strangers stand in it, cut short.
    assert!(error.message.len() < 16 << 10, "{error:?}");
}
