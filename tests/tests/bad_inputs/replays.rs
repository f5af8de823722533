//! Orders that come again: as they were, changed in what nobody looks at, after a restart, after
//! their results were dropped.

use std::net::TcpStream;

use protocol::Reason::{self, OrderReplayed, OrderTaken, OrderUnknown};
use sconce_tests::orders::TestOrder;
use serde_json::json;

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
    let stage = Stage::open("[limits]\nfinished_orders = 2\n");
    let mut orders = Vec::new();
    for (name, ..) in AGAIN {
        let order = stage.order("python-hello", "x");
        if let Err(fault) = is_answered(&stage, &order) {
            faults.push(format!("before eviction: {name}: {fault}"));
        }
        orders.push(order);
    }
    // Two more results, which take the place of the last ones.
    for _ in 0..2 {
        faults.extend(stage.assert_serves().err());
    }
    for ((name, reason, change), mut order) in AGAIN.iter().zip(orders) {
        let gone = stage
            .outcome(&order)
            .and_then(|reply| is_error(&reply, 2, OrderUnknown));
        change(&mut order);
        let verdict = gone
            .and_then(|()| stage.post(&order.request()))
            .and_then(|reply| is_error(&reply, 2, *reason))
            .and_then(|()| stage.assert_serves());
        if let Err(fault) = verdict {
            faults.push(format!("after eviction: {name}: {fault}"));
        }
    }
    AGAIN.len()
}
