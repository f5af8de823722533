//! Orders that come again: as they were, changed in what nobody looks at, after a restart, after
//! their results were dropped.

use std::net::TcpStream;

use protocol::Reason::{self, OrderReplayed, OrderTaken, OrderUnknown};
use sconce_tests::orders::TestOrder;
use sconce_tests::platform::{self, Platform};
use serde_json::{Value, json};

use crate::case::{Case, Verdict, case, is_answered, is_error, is_pending};
use crate::stage::{Stage, json_of, rest_of};

/// How somebody who has seen an order sends it again, and how that is refused.
type Again = (&'static str, Reason, fn(&mut TestOrder));

const AGAIN: &[Again] = &[
    ("the same body", OrderTaken, |_| {}),
    ("its id with another nonce", OrderTaken, |o| {
        o.params["requesterNonce"] = "ee".into();
        o.rehash();
    }),
    ("its id from another requester", OrderTaken, |o| {
        o.params["requesterId"] = "0d".into();
        o.rehash();
    }),
    ("its id with another input", OrderTaken, |o| {
        o.params["inData"] = json!([]);
        o.rehash();
    }),
    ("its nonce with another id", OrderReplayed, |o| {
        let id = format!("{}00", text(o, "workOrderId"));
        o.params["workOrderId"] = id.into();
        o.rehash();
    }),
    // The request hash covers nonce and ids with nothing between them: these still hold.
    (
        "a digit moved from the nonce to the id",
        OrderReplayed,
        |o| {
            let (nonce, id) = (text(o, "requesterNonce"), text(o, "workOrderId"));
            let (start, end) = nonce.split_at(nonce.len() - 1);
            o.params["requesterNonce"] = start.into();
            o.params["workOrderId"] = format!("{end}{id}").into();
        },
    ),
    (
        "a digit moved from the id to the nonce",
        OrderReplayed,
        |o| {
            let (nonce, id) = (text(o, "requesterNonce"), text(o, "workOrderId"));
            let (start, end) = id.split_at(1);
            o.params["requesterNonce"] = format!("{nonce}{start}").into();
            o.params["workOrderId"] = end.into();
        },
    ),
    (
        "its id without its signature's cover: another time-out",
        OrderTaken,
        |o| {
            o.params["responseTimeoutMSecs"] = 1.into();
        },
    ),
];

fn text(order: &TestOrder, member: &str) -> String {
    order.params[member].as_str().unwrap().to_owned()
}

pub(crate) fn cases() -> Vec<Case> {
    let after_the_answer = AGAIN.iter().map(|(name, reason, change)| {
        case(format!("{name}, after the answer"), |stage| {
            let mut order = stage.order("python-hello", "x");
            is_answered(stage, &order)?;
            change(&mut order);
            is_error(&stage.post(&order.request())?, 2, *reason)
        })
    });
    let at_once = AGAIN.iter().take(3).map(|(name, reason, change)| {
        case(format!("{name}, at once"), |stage| {
            let mut order = stage.order("python-hello", "x");
            is_pending(&stage.post(&order.request())?)?;
            change(&mut order);
            is_error(&stage.post(&order.request())?, 2, *reason)
        })
    });
    let others = [
        case("the same parameters in another envelope", |stage| {
            let order = stage.order("python-hello", "x");
            is_answered(stage, &order)?;
            let body = json!({
                "id": 99, "params": order.params, "method": "WorkOrderSubmit", "jsonrpc": "2.0",
            });
            is_error(&stage.post(&body.to_string())?, 2, OrderTaken)
        }),
        case("an order that failed", |stage| {
            let mut order = stage.order("python-hello", "x");
            order.params["encryptedRequestHash"] = "00".into();
            is_pending(&stage.post(&order.request())?)?;
            stage.outcome(&order)?;
            is_error(&stage.post(&order.request())?, 2, OrderTaken)
        }),
        case(
            "an order that was refused may come again, put right",
            |stage| {
                let mut order = stage.order("python-hello", "x");
                let format = order.params["payloadFormat"].take();
                is_error(&stage.post(&order.request())?, 2, Reason::RequestMember)?;
                order.params["payloadFormat"] = format;
                is_answered(stage, &order)
            },
        ),
        case("sixteen copies at once: one is taken", sixteen_at_once),
    ];
    after_the_answer.chain(at_once).chain(others).collect()
}

fn sixteen_at_once(stage: &Stage) -> Verdict {
    use std::io::Write as _;
    let body = stage.order("python-hello", "x").request();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connections: Vec<TcpStream> = (0..16).map(|_| stage.connect()).collect();
    for connection in &mut connections {
        connection
            .write_all(request.as_bytes())
            .map_err(|fault| fault.to_string())?;
    }
    let mut taken = 0;
    for connection in &mut connections {
        let reply = json_of(&rest_of(connection)?)?;
        match is_pending(&reply) {
            Ok(()) => taken += 1,
            Err(_) => is_error(&reply, 2, OrderTaken)?,
        }
    }
    match taken {
        1 => Ok(()),
        _ => Err(format!("{taken} were taken")),
    }
}

/// Sends orders, ends the platform as a power failure would, starts it again and sends them again.
/// Returns how many cases that were.
pub(crate) fn after_a_restart(stage: &mut Stage, faults: &mut Vec<String>) -> usize {
    let mut orders = Vec::new();
    for (name, ..) in AGAIN {
        let order = stage.order("python-hello", "x");
        if let Err(fault) = is_answered(stage, &order) {
            faults.push(format!("before the restart: {name}: {fault}"));
        }
        orders.push(order);
    }
    stage.restart();
    for ((name, reason, change), mut order) in AGAIN.iter().zip(orders) {
        change(&mut order);
        let verdict = stage
            .post(&order.request())
            .and_then(|reply| is_error(&reply, 2, *reason))
            .and_then(|()| stage.assert_serves());
        if let Err(fault) = verdict {
            faults.push(format!("after a restart: {name}: {fault}"));
        }
    }
    AGAIN.len()
}

/// Sends orders to a platform that keeps two results, and sends them again when theirs are gone.
/// Returns how many cases that were.
pub(crate) fn after_eviction(faults: &mut Vec<String>) -> usize {
    let platform = small_platform();
    let mut orders: Vec<_> = (0..AGAIN.len())
        .map(|number| numbered(1 + number))
        .collect();
    for order in orders.iter().chain(&[numbered(1000), numbered(1001)]) {
        let run = platform
            .post(&order.request())
            .and_then(|reply| is_pending(&reply));
        let ended = run.and_then(|()| platform.poll(&poll(order)));
        if let Err(fault) = ended {
            faults.push(format!("before eviction: {fault}"));
        }
    }
    for ((name, reason, change), order) in AGAIN.iter().zip(&mut orders) {
        let gone = platform
            .post(&poll(order).to_string())
            .and_then(|reply| is_error(&reply, 2, OrderUnknown));
        change(order);
        let verdict = gone
            .and_then(|()| platform.post(&order.request()))
            .and_then(|reply| is_error(&reply, 2, *reason));
        if let Err(fault) = verdict {
            faults.push(format!("after eviction: {name}: {fault}"));
        }
    }
    let next = numbered(2000);
    let served = platform
        .post(&next.request())
        .and_then(|reply| is_pending(&reply))
        .and_then(|()| platform.poll(&poll(&next)));
    if !served
        .as_ref()
        .is_ok_and(|reply| reply.get("result").is_some())
    {
        faults.push(format!("after eviction, the next order: {served:?}"));
    }
    AGAIN.len()
}

fn small_platform() -> Platform {
    let store = store::redb::Options {
        max_finished: 2,
        ..store::redb::Options::default()
    };
    let name = sconce_tests::keys::WORKER.to_owned();
    Platform::start(platform::Setup {
        workers: vec![name.clone()],
        key_files: vec![(name, crate::stage::key_file())],
        store,
        ..platform::Setup::default()
    })
}

fn numbered(number: usize) -> TestOrder {
    let mut order = TestOrder::of("python-hello", "x");
    order.params["workOrderId"] = format!("{number:08x}").into();
    order.params["requesterNonce"] = format!("ff{number:08x}").into();
    order.rehash();
    order
}

fn poll(order: &TestOrder) -> Value {
    json!({
        "jsonrpc": "2.0", "method": "WorkOrderGetResult", "id": 1,
        "params": { "workOrderId": order.params["workOrderId"] },
    })
}
