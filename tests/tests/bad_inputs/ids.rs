//! Ids that nobody has, or that somebody has already.

use protocol::Reason::{OrderTaken, OrderUnknown, WorkerTaken, WorkerUnknown, WorkloadUnknown};
use protocol::WorkerId;
use protocol::record::WorkerRecord;
use sconce_tests::keys::{self, WORKER};
use serde_json::{Value, json};

use crate::case::{Case, Verdict, body, case, fails, is_error, is_pending, refused};
use crate::stage::{Stage, call};

pub(crate) fn cases() -> Vec<Case> {
    let retrieve = |id: &str| call("WorkerRetrieve", &json!({ "workerId": id }));
    let result = |id: &str| call("WorkOrderGetResult", &json!({ "workOrderId": id }));
    let own = WorkerId::from_name(WORKER);
    vec![
        body("a worker that nobody has", retrieve("ab"), 2, WorkerUnknown),
        body(
            "the worker's id in capitals",
            retrieve(&own.as_str().to_uppercase()),
            2,
            WorkerUnknown,
        ),
        body(
            "the worker's id behind 0x",
            retrieve(&format!("0x{own}")),
            2,
            WorkerUnknown,
        ),
        body(
            "the worker's id cut short",
            retrieve(&own.as_str()[..63]),
            2,
            WorkerUnknown,
        ),
        body("an order that nobody has", result("ab"), 2, OrderUnknown),
        body(
            "an order's id of 256 digits",
            result(&"a".repeat(256)),
            2,
            OrderUnknown,
        ),
        case("an order's id in capitals", |stage| {
            let mut order = stage.order("python-hello", "x");
            order.params["workOrderId"] = format!("ab{:08x}", stage.fresh()).into();
            order.rehash();
            is_pending(&stage.post(&order.request())?)?;
            let id = order.params["workOrderId"].as_str().unwrap().to_uppercase();
            let reply = stage.call("WorkOrderGetResult", &json!({ "workOrderId": id }))?;
            is_error(&reply, 2, OrderUnknown)
        }),
        refused(
            "an order for a worker that nobody has",
            WorkerUnknown,
            |o| {
                o.params["workerId"] = "ab".into();
            },
        ),
        refused(
            "an order for the worker's id in capitals",
            WorkerUnknown,
            |o| {
                let id = o.params["workerId"].as_str().unwrap().to_uppercase();
                o.params["workerId"] = id.into();
            },
        ),
        case("an order for a worker that is off-line", |stage| {
            retired(stage, "aa02", 2)
        }),
        case("an order for a decommissioned worker", |stage| {
            retired(stage, "aa03", 3)
        }),
        case("an order for a compromised worker", |stage| {
            retired(stage, "aa04", 4)
        }),
        fails("a workload that nobody has", WorkloadUnknown, |o| {
            o.params["workloadId"] = hex::encode("python-goodbye").into();
            o.rehash();
        }),
        fails("a workload's name in capitals", WorkloadUnknown, |o| {
            o.params["workloadId"] = hex::encode("PYTHON-HELLO").into();
            o.rehash();
        }),
        fails(
            "a workload's name with a NUL behind it",
            WorkloadUnknown,
            |o| {
                o.params["workloadId"] = hex::encode("python-hello\0").into();
                o.rehash();
            },
        ),
        case("an order's id that another requester has taken", |stage| {
            let first = stage.order("python-hello", "x");
            is_pending(&stage.post(&first.request())?)?;
            let mut second = stage.order("python-hello", "y");
            second.params["workOrderId"] = first.params["workOrderId"].clone();
            second.params["requesterId"] = "0d".into();
            second.rehash();
            is_error(&stage.post(&second.request())?, 2, OrderTaken)
        }),
        case("a worker's id that is registered", |stage| {
            let reply = stage.operate(
                "WorkerRegister",
                &registration(WorkerId::from_name(WORKER).as_str()),
            )?;
            is_error(&reply, 2, WorkerTaken)
        }),
        case("a change to a worker that nobody has", |stage| {
            let details = registration("ab")["details"].take();
            let params = json!({ "workerId": "ab", "details": details });
            is_error(&stage.operate("WorkerUpdate", &params)?, 2, WorkerUnknown)
        }),
        case("a status for a worker that nobody has", |stage| {
            let params = json!({ "workerId": "ab", "status": 1 });
            is_error(
                &stage.operate("WorkerSetStatus", &params)?,
                2,
                WorkerUnknown,
            )
        }),
    ]
}

/// Registers a worker, takes it out of service, and sends it an order.
fn retired(stage: &Stage, id: &str, status: i64) -> Verdict {
    stage.operate("WorkerRegister", &registration(id))?;
    stage.operate(
        "WorkerSetStatus",
        &json!({ "workerId": id, "status": status }),
    )?;
    let mut order = stage.order("python-hello", "x");
    order.params["workerId"] = id.into();
    order.rehash();
    is_error(&stage.post(&order.request())?, 2, WorkerUnknown)
}

/// What an operator sends to register the test keys under an id.
pub(crate) fn registration(id: &str) -> Value {
    let record = WorkerRecord::of_signup(keys::worker().signup());
    json!({
        "workerId": id, "workerType": 1, "organizationId": "ab", "applicationTypeId": "cd",
        "details": record.details,
    })
}
