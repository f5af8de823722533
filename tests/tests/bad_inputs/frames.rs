//! ZeroMQ frames: at the host, which hands them to the worker, and at the manager.

use std::io::Write as _;
use std::net::TcpStream;

use protocol::Reason::{self, LimitDepth, LimitSize, RequestEnvelope, RequestJson, RequestMember};
use protocol::processor::order_frame;
use serde_json::{Value, json};

use crate::case::{Case, Verdict, case, is_error};
use crate::stage::Stage;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(at_the_host());
    cases.extend(shapes_at_the_host());
    cases.extend(at_the_manager());
    cases
}

/// One frame as a manager sends it, and the worker's error.
fn at_the_host() -> impl Iterator<Item = Case> {
    let order = |params: &str| {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"WorkOrderSubmit","params":{params}}}"#);
        order_frame(1, &text)
    };
    let retrieve =
        r#"{"jsonrpc":"2.0","id":1,"method":"WorkerRetrieve","params":{"workerId":"ab"}}"#;
    let frames: Vec<(&str, Vec<u8>, i64, Reason)> = vec![
        ("an empty frame", vec![], 2, RequestJson),
        ("a frame that is no UTF-8", vec![0xff; 9], 2, RequestJson),
        ("a frame of zeros", vec![0; 100], 2, RequestJson),
        ("a brace", b"{".to_vec(), 2, RequestJson),
        ("an array", b"[]".to_vec(), 2, RequestJson),
        (
            "no parameters",
            br#"{"method":"ProcessWorkOrder"}"#.to_vec(),
            2,
            RequestJson,
        ),
        ("no method", br#"{"params":null}"#.to_vec(), 2, RequestJson),
        (
            "a method twice",
            br#"{"method":"ProcessWorkOrder","method":"ProcessWorkerSignup","params":null}"#
                .to_vec(),
            2,
            RequestJson,
        ),
        (
            "another method",
            br#"{"method":"Stop","params":null}"#.to_vec(),
            2,
            RequestEnvelope,
        ),
        (
            "a nonce of a billion digits",
            br#"{"method":"GenerateNonce","params":{"nonce_size":1000000000}}"#.to_vec(),
            2,
            RequestMember,
        ),
        (
            "a pool's method with other params",
            br#"{"method":"VerifyUniqueIdSignature","params":["a"]}"#.to_vec(),
            2,
            RequestJson,
        ),
        (
            "an order that is no text",
            br#"{"method":"ProcessWorkOrder","params":{}}"#.to_vec(),
            2,
            RequestJson,
        ),
        (
            "an order that is no JSON",
            order_frame(1, "{"),
            2,
            RequestJson,
        ),
        (
            "an order that is empty",
            order_frame(1, "{}"),
            1,
            RequestEnvelope,
        ),
        (
            "an order of another method",
            order_frame(1, retrieve),
            2,
            RequestEnvelope,
        ),
        (
            "an order without members",
            order(r#"{"a":1}"#),
            1,
            RequestMember,
        ),
        (
            "an order that nests",
            order_frame(1, &"[".repeat(5000)),
            1,
            LimitDepth,
        ),
        ("1 MiB of letters", vec![b'x'; 1 << 20], 2, RequestJson),
        (
            "16 MiB and a byte",
            vec![b'x'; (16 << 20) + 1],
            2,
            LimitSize,
        ),
    ];
    frames.into_iter().map(|(name, frame, code, reason)| {
        case(format!("{name}, at the host"), move |stage| {
            let reply = ask(&stage.host(), zmq::REQ, &[&frame])?;
            is_error(&json_of(&reply)?, code, reason)
        })
    })
}

/// Messages of other frames than one.
fn shapes_at_the_host() -> Vec<Case> {
    let signup = br#"{"method":"ProcessWorkerSignup","params":null}"#;
    vec![
        case("a body alone, as a DEALER sends it", |stage| {
            is_error(
                &json_of(&ask(&stage.host(), zmq::DEALER, &[b"{"])?)?,
                2,
                RequestJson,
            )
        }),
        case("eight frames before the body are dropped", |stage| {
            let mut frames: Vec<&[u8]> = vec![b"x"; 8];
            frames.push(signup);
            is_dropped(&stage.host(), &frames)
        }),
        case("1 000 frames are dropped", |stage| {
            is_dropped(&stage.host(), &vec![b"x".as_slice(); 1000])
        }),
        case("an envelope of 5 kB is dropped", |stage| {
            let long = vec![b'x'; 5000];
            is_dropped(&stage.host(), &[&long, signup])
        }),
        case("18 MiB cost the connection", |stage| {
            let frame = vec![b'x'; 18 << 20];
            is_dropped(&stage.host(), &[&frame])
        }),
        case("HTTP at the host", |stage| {
            garbage(&stage.host(), b"POST / HTTP/1.1\r\n\r\n")
        }),
        case("zeros at the host", |stage| {
            garbage(&stage.host(), &[0; 4096])
        }),
        case("half a greeting at the host", |stage| {
            garbage(&stage.host(), GREETING)
        }),
        case("50 connections of peers that never read", |stage| {
            let context = zmq::Context::new();
            let sockets: Vec<_> = (0..50)
                .map(|_| connect(&context, &stage.host(), zmq::DEALER))
                .collect();
            for socket in sockets.iter().cycle().take(1000) {
                socket
                    .as_ref()
                    .map_err(Clone::clone)?
                    .send(signup.as_slice(), zmq::DONTWAIT)
                    .map_err(text)?;
            }
            stage.assert_serves()
        }),
    ]
}

/// What only hosts send, badly.
fn at_the_manager() -> Vec<Case> {
    let refused: Vec<(&str, Vec<u8>)> = vec![
        ("an empty frame", vec![]),
        ("a frame that is no UTF-8", vec![0xff; 9]),
        ("a frame of zeros", vec![0; 100]),
        ("a brace", b"{".to_vec()),
        ("an array", b"[]".to_vec()),
        (
            "another type",
            br#"{"type":"stop","token":"x","instance":"y"}"#.to_vec(),
        ),
        ("no type", br#"{"token":"x","instance":"y"}"#.to_vec()),
        (
            "a member more",
            br#"{"type":"alive","token":"x","instance":"y","z":1}"#.to_vec(),
        ),
        ("brackets", "[".repeat(16_000).into_bytes()),
        ("an order instead", order_frame(1, "{}")),
    ];
    let mut cases: Vec<_> = refused
        .into_iter()
        .map(|(name, frame)| {
            case(format!("{name}, at the manager"), move |stage| {
                is_refused(&ask(&stage.manager(), zmq::DEALER, &[&frame])?)
            })
        })
        .collect();
    let shown = |name: &'static str, member: &'static str, value: Value| {
        case(format!("{name}, with the token"), move |stage: &Stage| {
            let mut join = join(&stage.host_token(), stage.fresh());
            join[member] = value;
            is_refused(&ask(
                &stage.manager(),
                zmq::DEALER,
                &[join.to_string().as_bytes()],
            )?)
        })
    };
    cases.extend([
        shown(
            "an instance that is no hex",
            "instance",
            "x".repeat(32).into(),
        ),
        shown("an instance of 4 kB", "instance", "0".repeat(4096).into()),
        shown("a worker's name that is a path", "worker", "../x".into()),
        shown(
            "a worker's name of 65 letters",
            "worker",
            "x".repeat(65).into(),
        ),
        shown("an endpoint of files", "endpoint", "ipc:///tmp/x".into()),
        shown(
            "an endpoint of another protocol",
            "endpoint",
            "pgm://eth0;239.1.1.1:5555".into(),
        ),
        shown("a capacity of 0", "capacity", 0.into()),
        shown("a capacity of 2^32 - 1", "capacity", u32::MAX.into()),
        shown("a capacity below zero", "capacity", (-1).into()),
        shown("a capacity as text", "capacity", "4".into()),
        case("two frames at the manager are dropped", |stage| {
            is_dropped(&stage.manager(), &[b"{", b"{"])
        }),
        case("1 000 frames at the manager are dropped", |stage| {
            is_dropped(&stage.manager(), &vec![b"x".as_slice(); 1000])
        }),
        case("1 MiB at the manager costs the connection", |stage| {
            is_dropped(&stage.manager(), &[&vec![b'x'; 1 << 20]])
        }),
        case("HTTP at the manager", |stage| {
            garbage(&stage.manager(), b"POST / HTTP/1.1\r\n\r\n")
        }),
        case("half a greeting at the manager", |stage| {
            garbage(&stage.manager(), GREETING)
        }),
    ]);
    cases
}

/// The first bytes of ZMTP's greeting.
const GREETING: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03";

/// What a host says when it joins, of a worker that nobody is.
pub(crate) fn join(token: &str, number: u64) -> Value {
    json!({
        "type": "join", "token": token, "instance": format!("{number:032x}"), "worker": "stranger",
        "endpoint": "tcp://127.0.0.1:1", "capacity": 1, "pid": 1, "patience": 1,
    })
}

/// Sends a message and waits for the answer's last frame.
pub(crate) fn ask(
    endpoint: &str,
    kind: zmq::SocketType,
    frames: &[&[u8]],
) -> Result<Vec<u8>, String> {
    let context = zmq::Context::new();
    let socket = connect(&context, endpoint, kind)?;
    socket.send_multipart(frames, 0).map_err(text)?;
    let mut answer = socket.recv_multipart(0).map_err(text)?;
    answer.pop().ok_or_else(|| "an empty message".to_owned())
}

fn connect(
    context: &zmq::Context,
    endpoint: &str,
    kind: zmq::SocketType,
) -> Result<zmq::Socket, String> {
    let socket = context.socket(kind).map_err(text)?;
    socket.set_linger(0).map_err(text)?;
    socket.set_rcvtimeo(60_000).map_err(text)?;
    socket.connect(endpoint).map_err(text)?;
    Ok(socket)
}

fn text(fault: zmq::Error) -> String {
    format!("ZeroMQ: {fault}")
}

fn json_of(frame: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(frame).map_err(|fault| format!("the answer is no JSON: {fault}"))
}

/// The manager's answer is a refusal that says why.
pub(crate) fn is_refused(answer: &[u8]) -> Verdict {
    let answer = json_of(answer)?;
    match (&answer["type"], &answer["reason"]) {
        (Value::String(kind), Value::String(reason)) if kind == "refused" && !reason.is_empty() => {
            Ok(())
        }
        _ => Err(format!("wanted it refused: {answer}")),
    }
}

/// There is no answer to the message. A question behind it, on another connection, has one: the
/// message was read by then.
fn is_dropped(endpoint: &str, frames: &[&[u8]]) -> Verdict {
    let context = zmq::Context::new();
    let socket = connect(&context, endpoint, zmq::DEALER)?;
    socket.send_multipart(frames, 0).map_err(text)?;
    ask(endpoint, zmq::DEALER, &[b"{"])?;
    socket.set_rcvtimeo(100).map_err(text)?;
    match socket.recv_multipart(0) {
        Err(zmq::Error::EAGAIN) => Ok(()),
        other => Err(format!("wanted no answer: {other:?}")),
    }
}

/// Bytes that are no ZeroMQ do no harm; the connection is left open behind them.
fn garbage(endpoint: &str, bytes: &[u8]) -> Verdict {
    let address = endpoint.strip_prefix("tcp://").unwrap_or(endpoint);
    let mut stream = TcpStream::connect(address).map_err(|fault| fault.to_string())?;
    stream.write_all(bytes).map_err(|fault| fault.to_string())?;
    ask(endpoint, zmq::DEALER, &[b"{"])?;
    Ok(())
}
