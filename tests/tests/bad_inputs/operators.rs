//! Registering workers without being an operator, and joining without being a host.

use protocol::Reason::{AccessDenied, RequestMember, WorkerUnknown};
use serde_json::{Value, json};

use crate::case::{Case, Verdict, case, is_error};
use crate::frames::{ask, is_refused, join};
use crate::ids::registration;
use crate::stage::{Stage, call};

/// What strangers show instead of the operators' token.
type Shown = (&'static str, fn(&Stage) -> String);

const SHOWN: &[Shown] = &[
    ("nothing", |_| String::new()),
    ("an empty token", |_| header("Bearer ")),
    ("another token", |_| {
        header(&format!("Bearer {}", "0".repeat(64)))
    }),
    ("the hosts' token", |stage| {
        header(&format!("Bearer {}", stage.host_token()))
    }),
    ("the token without its last letter", |stage| {
        let token = stage.operator_token();
        header(&format!("Bearer {}", &token[..token.len() - 1]))
    }),
    ("the token and a letter more", |stage| {
        header(&format!("Bearer {}0", stage.operator_token()))
    }),
    ("the token in capitals", |stage| {
        header(&format!("Bearer {}", changed(&stage.operator_token())))
    }),
    ("the token of another scheme", |stage| {
        header(&format!("Basic {}", stage.operator_token()))
    }),
    ("the token without a scheme", |stage| {
        header(&stage.operator_token())
    }),
    ("the token in another header", |stage| {
        format!("X-Operator-Token: {}\r\n", stage.operator_token())
    }),
    ("a wrong token before the right one", |stage| {
        header("Bearer 0000000000000000") + &header(&format!("Bearer {}", stage.operator_token()))
    }),
    ("8 kB of token", |_| {
        header(&format!("Bearer {}", "0".repeat(8 << 10)))
    }),
];

fn header(value: &str) -> String {
    format!("Authorization: {value}\r\n")
}

/// The token with a letter changed, whatever letters it has.
fn changed(token: &str) -> String {
    let upper = token.to_uppercase();
    match upper == token {
        true => token.replace(['0', '1', '2', '3'], "4"),
        false => upper,
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let register = SHOWN.iter().map(|(name, shown)| {
        case(format!("registering with {name}"), |stage| {
            denied(
                stage,
                &shown(stage),
                "WorkerRegister",
                &registration("ab0d"),
            )?;
            is_unknown(stage, "ab0d")
        })
    });
    let others = [
        case("a change to a worker without the token", |stage| {
            let worker = stage.worker_id();
            let params = json!({ "workerId": worker, "details": registration(&worker)["details"] });
            denied(stage, "", "WorkerUpdate", &params)
        }),
        case("a change to a worker with the hosts' token", |stage| {
            let worker = stage.worker_id();
            let params = json!({ "workerId": worker, "details": {} });
            denied(
                stage,
                &header(&format!("Bearer {}", stage.host_token())),
                "WorkerUpdate",
                &params,
            )
        }),
        case("a status without the token", |stage| {
            let params = json!({ "workerId": stage.worker_id(), "status": 4 });
            denied(stage, "", "WorkerSetStatus", &params)
        }),
        case("a status with another token", |stage| {
            let params = json!({ "workerId": stage.worker_id(), "status": 3 });
            denied(
                stage,
                &header("Bearer 0123456789abcdef"),
                "WorkerSetStatus",
                &params,
            )
        }),
        case("parameters are not looked at without the token", |stage| {
            denied(stage, "", "WorkerSetStatus", &json!({ "nonsense": 1 }))
        }),
        case("a status that is none, with the token", |stage| {
            let params = json!({ "workerId": stage.worker_id(), "status": 5 });
            is_error(
                &stage.operate("WorkerSetStatus", &params)?,
                2,
                RequestMember,
            )
        }),
        case("a record without keys, with the token", |stage| {
            let mut params = registration("ab0d");
            params["details"] = json!({});
            is_error(&stage.operate("WorkerRegister", &params)?, 2, RequestMember)
        }),
    ];
    let hosts = [
        case("joining without a token", |stage| {
            let mut frame = join("", stage.fresh());
            frame.as_object_mut().unwrap().remove("token");
            refused(stage, &frame)
        }),
        case("joining with an empty token", |stage| {
            refused(stage, &join("", stage.fresh()))
        }),
        case("joining with another token", |stage| {
            refused(stage, &join(&"0".repeat(64), stage.fresh()))
        }),
        case("joining with the operators' token", |stage| {
            refused(stage, &join(&stage.operator_token(), stage.fresh()))
        }),
        case("joining as the worker with another token", |stage| {
            let mut frame = join("0123456789abcdef", stage.fresh());
            frame["worker"] = sconce_tests::keys::WORKER.into();
            refused(stage, &frame)
        }),
        case("a sign of life with another token", |stage| {
            refused(
                stage,
                &json!({ "type": "alive", "token": "x", "instance": "0".repeat(32) }),
            )
        }),
        case("a farewell with another token", |stage| {
            refused(
                stage,
                &json!({ "type": "leave", "token": "x", "instance": "0".repeat(32) }),
            )
        }),
        case(
            "a host that joins and isn't there gets no orders",
            |stage| {
                let mut frame = join(&stage.host_token(), stage.fresh());
                frame["worker"] = sconce_tests::keys::WORKER.into();
                let answer = ask(
                    &stage.manager(),
                    zmq::DEALER,
                    &[frame.to_string().as_bytes()],
                )?;
                match serde_json::from_slice::<Value>(&answer) {
                    Ok(answer) if answer["type"] == "joined" => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            },
        ),
    ];
    register.chain(others).chain(hosts).collect()
}

fn denied(stage: &Stage, headers: &str, method: &str, params: &Value) -> Verdict {
    let reply = stage.post_with(headers, call(method, params).as_bytes())?;
    is_error(&reply, 3, AccessDenied)
}

fn is_unknown(stage: &Stage, worker: &str) -> Verdict {
    let reply = stage.call("WorkerRetrieve", &json!({ "workerId": worker }))?;
    is_error(&reply, 2, WorkerUnknown)
}

fn refused(stage: &Stage, frame: &Value) -> Verdict {
    is_refused(&ask(
        &stage.manager(),
        zmq::DEALER,
        &[frame.to_string().as_bytes()],
    )?)
}
