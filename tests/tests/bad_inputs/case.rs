//! A case: something bad that is sent, and what is promised about it.

use std::path::Path;

use protocol::Reason;
use sconce_tests::orders::TestOrder;
use sconce_tests::vectors::checkout;
use serde_json::Value;

use crate::stage::{Stage, json_of};

/// What is wrong, if anything is.
pub(crate) type Verdict = Result<(), String>;

/// Something bad, and what must happen.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: Box<dyn FnOnce(&Stage) -> Verdict>,
}

/// What a table's line does.
pub(crate) fn case(name: impl Into<String>, run: impl FnOnce(&Stage) -> Verdict + 'static) -> Case {
    Case {
        name: name.into(),
        run: Box::new(run),
    }
}

/// A body that the listener refuses.
pub(crate) fn body(name: &str, text: impl Into<String>, code: i64, reason: Reason) -> Case {
    let text = text.into();
    case(name, move |stage| {
        is_error(&stage.post(&text)?, code, reason)
    })
}

/// A change to an honest order.
pub(crate) type Change = fn(&mut TestOrder);

/// An order that the listener refuses.
pub(crate) fn refused(name: &str, reason: Reason, change: Change) -> Case {
    case(name, move |stage| {
        let mut order = stage.order("python-hello", "x");
        change(&mut order);
        is_error(&stage.post(&order.request())?, reason.client_code(), reason)
    })
}

/// An order that is accepted and fails; it is hashed anew if the change says so.
pub(crate) fn fails(name: &str, reason: Reason, change: Change) -> Case {
    case(name, move |stage| {
        let mut order = stage.order("python-hello", "x");
        change(&mut order);
        ends(stage, &order, reason)
    })
}

/// The order is accepted and fails for this reason.
pub(crate) fn ends(stage: &Stage, order: &TestOrder, reason: Reason) -> Verdict {
    is_pending(&stage.post(&order.request())?)?;
    is_error(&stage.outcome(order)?, reason.client_code(), reason)
}

/// The order is accepted, and its answer is the worker's.
pub(crate) fn is_answered(stage: &Stage, order: &TestOrder) -> Verdict {
    is_pending(&stage.post(&order.request())?)?;
    let reply = stage.outcome(order)?;
    match reply["result"]["outData"][0]["data"].as_str() {
        Some(_) => Ok(()),
        None => Err(format!("no result: {reply}")),
    }
}

/// A request that gets this HTTP status and nothing else of use.
pub(crate) fn status(name: &str, request: impl Into<Vec<u8>>, status: u16) -> Case {
    let request = request.into();
    case(name, move |stage| has_status(&stage.raw(&request)?, status))
}

/// A request by hand that is answered with an error.
pub(crate) fn raw(name: &str, request: impl Into<Vec<u8>>, code: i64, reason: Reason) -> Case {
    let request = request.into();
    case(name, move |stage| {
        let reply = stage.raw(&request)?;
        has_status(&reply, 200)?;
        is_error(&json_of(&reply)?, code, reason)
    })
}

/// The reply has this status.
pub(crate) fn has_status(reply: &str, status: u16) -> Verdict {
    if reply.starts_with(&format!("HTTP/1.1 {status} "))
        || reply.starts_with(&format!("HTTP/1.0 {status} "))
    {
        Ok(())
    } else {
        Err(format!("wanted {status}: {reply:.300}"))
    }
}

/// The order was accepted.
pub(crate) fn is_pending(reply: &Value) -> Verdict {
    match reply["error"]["code"].as_i64() {
        Some(5) => Ok(()),
        _ => Err(format!("wanted it accepted: {reply}")),
    }
}

/// The reply is this error, and the error has its page.
pub(crate) fn is_error(reply: &Value, code: i64, reason: Reason) -> Verdict {
    let error = &reply["error"];
    if error["code"] != code || error["data"]["reason"] != reason.code() {
        return Err(format!("wanted {code} {reason}: {reply}"));
    }
    has_page(reason)
}

/// The reason's page exists and is about it.
fn has_page(reason: Reason) -> Verdict {
    let page = checkout()
        .join(Path::new("docs/errors"))
        .join(format!("{reason}.md"));
    let text = std::fs::read_to_string(&page).map_err(|fault| format!("{reason}: {fault}"))?;
    if text.starts_with(&format!("# `{reason}`\n")) {
        Ok(())
    } else {
        Err(format!("{} is about something else", page.display()))
    }
}
